//! JSON, read by `serde_json`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::read::vocabulary::letters_of_any_length;

/// How deep objects and arrays may be nested.
const DEPTH_MAX: usize = 64;

/// The members of an object, as they follow each other; a name may stand there several times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object(pub(crate) Vec<Member>);

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// What the name says, whatever its length; `None` if that cannot be known.
    pub(crate) letters: Option<String>,
    pub(crate) value: Value,
}

/// A JSON value. A number is kept as it is written, a text without its escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Bool,
    Number(String),
    Text(String),
    Array(Vec<Value>),
    Object(Object),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    NotJson,
    TooDeep,
}

/// Reads a text that holds one JSON value (RFC 8259) and nothing else.
pub(crate) fn parse(text: &str) -> Result<Value, JsonError> {
    let text = &mend_half_pairs(text);
    match cut_at_depth(text) {
        None => serde_json::from_str(text).map_err(|_| JsonError::NotJson),
        Some(cut) => match serde_json::from_str::<Value>(&cut) {
            Ok(_) => Err(JsonError::TooDeep),
            Err(_) => Err(JsonError::NotJson),
        },
    }
}

/// Reads a text that holds one JSON value which is nested as deep as it likes: texts within it were
/// replaced by what they hold.
pub(crate) fn parse_at_any_depth(text: &str) -> Option<Value> {
    serde_json::from_str(&mend_half_pairs(text)).ok()
}

/// The members of the object that a text holds, as they follow each other, with their values as they
/// are written; `None` if it holds no object.
pub(crate) fn members(text: &str) -> Option<Vec<(String, &str)>> {
    let members: Members<&RawValue> = serde_json::from_str(text).ok()?;
    Some(members.0.into_iter().map(|(name, value)| (name, value.get())).collect())
}

/// The elements of the array that a text holds, as they are written; `None` if it holds no array.
pub(crate) fn elements(text: &str) -> Option<Vec<&str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// Whether a text is written like a JSON number, with nothing before or after it.
pub(crate) fn is_number(text: &str) -> bool {
    // White space around a value is not part of what `RawValue` holds.
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<&RawValue>(text).is_ok_and(|number| number.get() == text)
}

/// Every value is read as raw text first: `serde_json` would make a float of a number, and refuse
/// one such as 1e400.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let value = match raw.as_bytes() {
            b"null" => Ok(Self::Null),
            b"true" | b"false" => Ok(Self::Bool),
            [b'"', ..] => serde_json::from_str(raw).map(Self::Text),
            [b'[', ..] => serde_json::from_str(raw).map(Self::Array),
            [b'{', ..] => serde_json::from_str(raw).map(|members: Members<Value>| {
                let members = members.0.into_iter();
                let members = members.map(|(name, value)| Member::new(name, value));
                Self::Object(Object(members.collect()))
            }),
            _ => Ok(Self::Number(raw.to_owned())),
        };
        value.map_err(D::Error::custom)
    }
}

impl Object {
    /// The last member of exactly this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().rev().find(|member| member.name == name).map(|member| &member.value)
    }
}

impl Member {
    pub(crate) fn new(name: String, value: Value) -> Self {
        Self { letters: letters_of_any_length(&name), name, value }
    }
}

/// The members of an object in their order.
struct Members<V>(Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Members<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<V>(std::marker::PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for InOrder<V> {
            type Value = Members<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder(std::marker::PhantomData))
    }
}

/// The text up to the first value that is nested too deep, with `null` in its place and everything
/// closed that is open there; `None` if no value is nested too deep.
///
/// Raw values have no limit of depth, and a line that is both too deep and broken has the error that
/// comes first: it is too deep if, and only if, this text is JSON.
fn cut_at_depth(text: &str) -> Option<String> {
    let mut closing = Vec::new();
    let mut in_text = false;
    let mut is_escaped = false;
    for (place, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if in_text => is_escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            '[' | '{' if closing.len() == DEPTH_MAX => {
                let closing: String = closing.into_iter().rev().collect();
                return Some(format!("{}null{closing}", &text[..place]));
            }
            '[' => closing.push(']'),
            '{' => closing.push('}'),
            ']' | '}' => drop(closing.pop()),
            _ => {}
        }
    }
    None
}

/// The text with the escape of U+FFFD in place of each of half a surrogate pair, which passes as raw
/// text but not as a `String`. Nothing else moves.
pub(crate) fn mend_half_pairs(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        let (before, escape) = rest.split_at(place);
        mended.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                mended.push_str("\\ufffd");
                rest = &escape[6..];
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        mended.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    mended + rest
}

/// The code unit that a text begins with the escape of.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let are_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    are_digits.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        match parse(json) {
            Ok(Value::Text(text)) => text,
            other => panic!("{json} is {other:?}"),
        }
    }

    #[test]
    fn reads_every_kind_of_value() {
        let value =
            parse(" {\"a\" : [null, true,false ,-1.50e+3,\"x\"], \"b\":{}, \"c\":[]}\r").unwrap();
        let array = vec![
            Value::Null,
            Value::Bool,
            Value::Bool,
            Value::Number("-1.50e+3".to_owned()),
            Value::Text("x".to_owned()),
        ];
        let object = Object(vec![
            Member::new("a".to_owned(), Value::Array(array)),
            Member::new("b".to_owned(), Value::Object(Object::default())),
            Member::new("c".to_owned(), Value::Array(Vec::new())),
        ]);
        assert_eq!(value, Value::Object(object));
    }

    #[test]
    fn keeps_all_values_of_a_name_and_gets_the_last() {
        let Ok(Value::Object(object)) = parse(r#"{"a":1,"\u0061":2}"#) else { panic!("an object") };
        assert_eq!(object.0.len(), 2);
        assert_eq!(object.get("a"), Some(&Value::Number("2".to_owned())));
    }

    #[test]
    fn decodes_escapes() {
        assert_eq!(text(r#""\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00é""#), "\"\\/\u{8}\u{c}\n\r\té😀é");
    }

    #[test]
    fn refuses_what_is_no_json() {
        let cases = [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{'a':1}",
            "1 2",
            "{} {}",
            "tru",
            "True",
            "nul",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1e",
            "1e+",
            "0x1",
            "NaN",
            "Infinity",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\t\"",
            "\"\u{1}\"",
            "\u{feff}{}",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "\u{a0}1",
            "// x\n1",
            "{1:2}",
        ];
        for case in cases {
            assert_eq!(parse(case), Err(JsonError::NotJson), "{case:?}");
        }
    }

    #[test]
    fn half_of_a_surrogate_pair_is_no_character() {
        for (case, expected) in [
            (r#""\ud800""#, "\u{fffd}"),
            (r#""\udc00""#, "\u{fffd}"),
            (r#""\ud800x""#, "\u{fffd}x"),
            (r#""\ud800\n""#, "\u{fffd}\n"),
            (r#""\ud800\u0041""#, "\u{fffd}A"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\\ud800""#, "\\ud800"),
        ] {
            assert_eq!(text(case), expected, "{case}");
        }
    }

    #[test]
    fn takes_64_levels_and_no_more() {
        assert!(parse(&format!("{}{}", "[".repeat(64), "]".repeat(64))).is_ok());
        assert_eq!(parse(&"[".repeat(65)), Err(JsonError::TooDeep));
        assert_eq!(parse(&"{\"a\":".repeat(65)), Err(JsonError::TooDeep));
        assert_eq!(parse(&format!("x{}", "[".repeat(65))), Err(JsonError::NotJson));
        assert_eq!(parse(&format!("{}x", "[".repeat(65))), Err(JsonError::TooDeep));
    }

    #[test]
    fn what_comes_first_decides_between_too_deep_and_broken() {
        let deep = "[".repeat(65);
        let open = "[".repeat(63);
        for (text, expected) in [
            (format!("{{\"a\":\"\\x\",\"b\":{deep}"), JsonError::NotJson),
            (format!("{{\"b\":{deep},\"a\":\"\\x\""), JsonError::TooDeep),
            (format!("{open}{{[0]"), JsonError::NotJson),
            (format!("{open}[1[0]"), JsonError::NotJson),
            (format!("{open}[1,[0]"), JsonError::TooDeep),
            (format!("{open}{{\"a\"[0]"), JsonError::NotJson),
            (format!("{open}{{\"a\":[0]"), JsonError::TooDeep),
            (format!("{open}{{\"a\":1,[0]"), JsonError::NotJson),
            (format!("{open}[tru[0]"), JsonError::NotJson),
            (format!("{open}[-[0]"), JsonError::NotJson),
            (format!("}}{deep}"), JsonError::NotJson),
        ] {
            assert_eq!(parse(&text), Err(expected), "{text}");
        }
        // Brackets within a text open nothing.
        assert_eq!(text(&format!("\"\\\"{deep}\"")), format!("\"{deep}"));
    }

    #[test]
    fn numbers_are_kept_as_they_are_written() {
        for number in
            ["-0", "1e400", "1E-999999999999999999999", "0.10", "123456789012345678901234567890"]
        {
            assert_eq!(parse(number), Ok(Value::Number(number.to_owned())));
        }
    }

    #[test]
    fn finds_members_and_elements() {
        let text = r#" { "a" : [1, {"b":2} ] ,"\u0061":"x", "c":[ 1,{ } ] } "#;
        let members = members(text).unwrap();
        let texts: Vec<_> = members.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(texts, [("a", r#"[1, {"b":2} ]"#), ("a", r#""x""#), ("c", "[ 1,{ } ]")]);
        assert_eq!(elements(members[2].1).unwrap(), ["1", "{ }"]);
        assert_eq!(super::members("{}"), Some(Vec::new()));
        assert_eq!(elements(" [ ] "), Some(Vec::new()));
        assert_eq!(super::members("[]"), None);
        assert_eq!(super::members("{\"a\":1,}"), None);
        assert_eq!(elements("[1"), None);
    }

    #[test]
    fn knows_texts_that_are_written_like_numbers() {
        for case in ["0", "-0", "12", "1.50", "1e3", "1E-3", "-1.5e+7"] {
            assert!(is_number(case), "{case}");
        }
        for case in [
            "", " 1", "1 ", "01", "+1", "1.", ".5", "1e", "0x1", "1,5", "1_000", "NaN", "true",
            "null", "[1]", "\"1\"",
        ] {
            assert!(!is_number(case), "{case:?}");
        }
    }
}
