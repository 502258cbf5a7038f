//! The attributes of a row.
//!
//! What is wrong with a row is an error where the row is of no use then, and otherwise a sentence
//! for `odd`, which the caller collects.

use std::collections::HashMap;
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};

/// A row as DynamoDB returns it: its attributes by name, the keys among them.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The attribute `name`, which must be a string.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        other => bail!("its {name} is {other:?}"),
    }
}

/// The attribute `name`, which must be a number that `T` can hold.
pub(super) fn number<T: FromStr>(item: &Item, name: &str) -> Result<T> {
    match item.get(name) {
        Some(AttributeValue::N(number)) => {
            number.parse().map_err(|_| anyhow!("its {name} is {number}"))
        }
        other => bail!("its {name} is {other:?}"),
    }
}

/// The attribute `name`, which must be a time in RFC 3339.
pub(super) fn time(item: &Item, name: &str) -> Result<DateTime<Utc>> {
    let time = text(item, name)?;
    time.parse().map_err(|_| anyhow!("its {name} {time:?} is not a time"))
}

/// Whether this is a BLAKE3, in 64 lower-case hex digits.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The digits of a number; `None` for a value of another type.
pub(super) fn digits(value: &AttributeValue) -> Option<&str> {
    value.as_n().ok().map(String::as_str)
}

/// When the row expires, in seconds since 1970; `None` if it is kept for ever.
pub(super) fn ttl(item: &Item, odd: &mut impl FnMut(String)) -> Option<i64> {
    item.get("ttl")?;
    number(item, "ttl").map_err(|error| odd(error.to_string())).ok()
}

/// Reports the attributes that are neither keys nor `expected`.
pub(super) fn others(item: &Item, expected: &[&str], odd: &mut impl FnMut(String)) {
    for (name, value) in item {
        if !matches!(name.as_str(), "pk" | "sk") && !expected.contains(&name.as_str()) {
            odd(format!("its {name} is {value:?}"));
        }
    }
}

/// Rows for the tests of each kind.
#[cfg(test)]
pub(super) mod testing {
    use super::*;

    pub(crate) fn item(pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]) -> Item {
        let keys = [("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))];
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        keys.into_iter().chain(attributes).collect()
    }

    pub(crate) fn number(number: &str) -> AttributeValue {
        AttributeValue::N(number.to_owned())
    }

    pub(crate) fn text(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }
}
