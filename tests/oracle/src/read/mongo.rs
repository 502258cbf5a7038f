//! MongoDB's extended JSON: a value in an object that names its type.

use crate::read::fields::has_value;
use crate::read::json::{self, Object, Value};

const NAMES: [&str; 6] =
    ["$date", "$oid", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal"];

/// How many objects may be around a value.
const OBJECTS_MAX: usize = 2;

/// The value in an object that names its type; `null`, which nothing takes, if there is none in it.
pub(crate) fn plain(value: &Value) -> &Value {
    let mut plain = value;
    for _ in 0..OBJECTS_MAX {
        let Value::Object(Object(members)) = plain else { break };
        let [member] = &members[..] else { break };
        if !NAMES.contains(&member.name.as_str()) {
            break;
        }
        plain = if has_value(&member.value) { &member.value } else { &Value::Null };
    }
    plain
}

/// The same of a value as it is written.
pub(crate) fn plain_written(value: &str) -> &str {
    let mut plain = value;
    for _ in 0..OBJECTS_MAX {
        match json::members(plain).as_deref() {
            Some([(name, value)]) if NAMES.contains(&name.as_str()) => plain = value,
            _ => break,
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::json::parse;

    #[test]
    fn the_value_is_in_one_object_or_two() {
        for (text, expected) in [
            (r#"{"$oid":"a"}"#, "\"a\""),
            (r#"{"$date":{"$numberLong":"1795687200000"}}"#, "\"1795687200000\""),
            (r#"{"$numberInt":5}"#, "5"),
            (r#"{"$date":{"$date":{"$oid":"a"}}}"#, r#"{"$oid":"a"}"#),
            (r#"{"$oid":""}"#, "null"),
            (r#"{"$oid":null}"#, "null"),
            (r#"{"oid":"a"}"#, r#"{"oid":"a"}"#),
            (r#"{"$oid":"a","$date":"a"}"#, r#"{"$oid":"a","$date":"a"}"#),
            ("[]", "[]"),
        ] {
            let (value, expected) = (parse(text).unwrap(), parse(expected).unwrap());
            assert_eq!(plain(&value), &expected, "{text}");
        }
    }
}
