//! The objects of rejected lines.

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minutebook_domain::chunk::forget::{Person, mask_rejected};
use serde_json::Value;

use crate::stack::objects::Object;

/// An object of rejected lines without what they say about a person, and how many lines do; `None`
/// if none does, or if it is gone.
///
/// # Errors
/// It cannot be read.
pub(super) async fn masked(
    client: &Client,
    object: &Object,
    person: &Person,
) -> Result<Option<(Vec<u8>, u64)>> {
    let Some(open) = object.open(client).await? else { return Ok(None) };
    let read = open.body.collect().await;
    let bytes = read.with_context(|| format!("cannot read {}", object.address()))?.into_bytes();
    let mut masked = Vec::with_capacity(bytes.len());
    let mut lines = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match masked_line(line, person) {
            Some(line) => {
                masked.extend_from_slice(&line);
                masked.push(b'\n');
                lines += 1;
            }
            None => masked.extend_from_slice(line),
        }
    }
    Ok((lines > 0).then_some((masked, lines)))
}

fn masked_line(line: &[u8], person: &Person) -> Option<Vec<u8>> {
    let mut rejected: Value = serde_json::from_slice(line).ok()?;
    let (name, text) = match (&rejected["text"], &rejected["base64"]) {
        (Value::String(text), _) => ("text", text.clone().into_bytes()),
        (_, Value::String(text)) => ("base64", BASE64_STANDARD.decode(text).ok()?),
        _ => return None,
    };
    let masked = mask_rejected(person, &text)?;
    if masked == text {
        return None;
    }
    rejected[name] = match name {
        "text" => String::from_utf8_lossy(&masked).into(),
        _ => BASE64_STANDARD.encode(&masked).into(),
    };
    serde_json::to_vec(&rejected).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_the_person_are_masked() {
        let person = Person {
            site: "default".to_owned(),
            customer: Some("ann@x.com".to_owned()),
            ..Person::default()
        };
        let masked = |line: &str| {
            let masked = masked_line(line.as_bytes(), &person);
            masked.map(|line| serde_json::from_slice::<Value>(&line).unwrap())
        };
        let line = r#"{"line":3,"offset":2,"reason":"not_json","text":"oops ann@x.com"}"#;
        assert_eq!(masked(line).unwrap()["text"], "aaaa aaa@a.aaa");
        assert_eq!(masked(&line.replace("ann", "ben")), None);
        let base64 = format!(
            r#"{{"line":1,"reason":"not_utf8","base64":"{}"}}"#,
            BASE64_STANDARD.encode(b"ann@x.com \xff")
        );
        let expected = BASE64_STANDARD.encode(b"aaa@a.aaa \xff");
        assert_eq!(masked(&base64).unwrap()["base64"], expected.as_str());
        assert_eq!(masked("no JSON ann@x.com"), None);
    }
}
