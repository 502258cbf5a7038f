//! The typed values of DynamoDB.

use crate::read::json;

/// An object whose members are typed values, as one of plain values; `None` if it is no object. It
/// is as long as it was, with white space in place of the types: its length is that which is written.
pub(crate) fn plain_object(text: &str) -> Option<String> {
    let values = json::members(text)?.into_iter().map(|(_, value)| value);
    Some(with_plain(text, values))
}

/// A text of an object or an array with plain values in place of these.
fn with_plain<'a>(text: &'a str, values: impl Iterator<Item = &'a str>) -> String {
    let mut plain = String::new();
    let mut rest = text;
    for value in values {
        let before = value.as_ptr() as usize - rest.as_ptr() as usize;
        plain += &rest[..before];
        plain += &plain_value(value);
        rest = &rest[before + value.len()..];
    }
    plain + rest
}

fn plain_value(text: &str) -> String {
    let members = json::members(text).unwrap_or_default();
    let [(kind, value)] = &members[..] else { return text.to_owned() };
    let value = *value;
    let plain = match kind.as_str() {
        "S" | "B" | "BOOL" => Some(value.to_owned()),
        "N" => {
            let number =
                serde_json::from_str(value).ok().filter(|text: &String| json::is_number(text));
            Some(number.unwrap_or_else(|| value.to_owned()))
        }
        "NULL" => Some("null".to_owned()),
        "M" => plain_object(value),
        "L" => json::elements(value).map(|elements| with_plain(value, elements.into_iter())),
        "SS" | "NS" | "BS" => value.starts_with('[').then(|| value.to_owned()),
        _ => None,
    };
    let Some(plain) = plain else { return text.to_owned() };
    plain.clone() + &" ".repeat(text.len() - plain.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_values_are_written_plainly() {
        for (typed, plain) in [
            (r#"{"S":"a\u0022"}"#, r#""a\u0022""#),
            (r#"{"N":"1.50"}"#, "1.50"),
            (r#"{"N":"01"}"#, r#""01""#),
            (r#"{"N":7}"#, "7"),
            (r#"{"BOOL":true}"#, "true"),
            (r#"{"NULL":true}"#, "null"),
            (r#"{"M":{"a":{"N":"5"},"b":{"M":{}}}}"#, r#"{"a":5,"b":{}}"#),
            (r#"{"L":[{"S":"x"},{"M":{"q":{"N":"2"}}},7]}"#, r#"["x",{"q":2},7]"#),
            (r#"{"SS":["a","b"]}"#, r#"["a","b"]"#),
            (r#"{"NS":["1"]}"#, r#"["1"]"#),
            // Not typed.
            (r#"{"s":"a"}"#, r#"{"s":"a"}"#),
            (r#"{"S":"a","N":"1"}"#, r#"{"S":"a","N":"1"}"#),
            (r#"{"M":5}"#, r#"{"M":5}"#),
            (r#"{"L":{}}"#, r#"{"L":{}}"#),
            ("{}", "{}"),
            ("5", "5"),
        ] {
            let object = format!("{{\"v\":{typed}}}");
            let read = plain_object(&object).expect("an object");
            assert_eq!(read.replace(' ', ""), format!("{{\"v\":{plain}}}"), "{typed}");
            assert_eq!(read.len(), object.len(), "{typed}");
        }
        assert_eq!(plain_object("[]"), None);
        // The array itself has its length: what is beside it counts, with its type.
        let object = "{\"events\":{\"L\":[{\"M\":{}}]},\"id\":{\"S\":\"x\"}}";
        let read = plain_object(object).expect("an object");
        assert_eq!(read, "{\"events\":[{}      ]      ,\"id\":\"x\"      }");
    }
}
