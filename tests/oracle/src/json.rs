//! A strict JSON reader that makes a tree.

use std::collections::BTreeMap;
use std::ops::Range;

/// How deep objects and arrays may be nested.
const DEPTH_MAX: usize = 64;

pub(crate) type Object = BTreeMap<String, Value>;

/// A JSON value. A number is kept as it is written, a text without its escapes; of a name that
/// stands twice in an object the last value is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
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
    let mut reader = Reader { text, position: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.peek().is_some() {
        return Err(JsonError::NotJson);
    }
    Ok(value)
}

/// The members of the object that a text holds, each with the place of its value; `None` if it is
/// not one valid object.
pub(crate) fn members(text: &str) -> Option<Vec<(String, Range<usize>)>> {
    let Ok(Value::Object(_)) = parse(text) else { return None };
    let mut reader = Reader { text, position: 0 };
    let mut members = Vec::new();
    reader.skip_to(b'{')?;
    loop {
        reader.skip_space();
        if reader.peek() == Some(b'}') {
            return Some(members);
        }
        let name = reader.string().ok()?;
        reader.skip_to(b':')?;
        members.push((name, reader.place_of_value()?));
        reader.skip_space();
        if reader.next() == Some(b'}') {
            return Some(members);
        }
    }
}

/// The places of the elements of the array that a text holds; `None` if it is not one valid array.
pub(crate) fn elements(text: &str) -> Option<Vec<Range<usize>>> {
    let Ok(Value::Array(_)) = parse(text) else { return None };
    let mut reader = Reader { text, position: 0 };
    let mut elements = Vec::new();
    reader.skip_to(b'[')?;
    loop {
        reader.skip_space();
        if reader.peek() == Some(b']') {
            return Some(elements);
        }
        elements.push(reader.place_of_value()?);
        reader.skip_space();
        if reader.next() == Some(b']') {
            return Some(elements);
        }
    }
}

/// Whether a text is written like a JSON number, with nothing before or after it.
pub(crate) fn is_number(text: &str) -> bool {
    let mut reader = Reader { text, position: 0 };
    matches!(reader.peek(), Some(b'-' | b'0'..=b'9'))
        && reader.number().is_ok()
        && reader.peek().is_none()
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl Reader<'_> {
    /// Reads the value that comes next; `depth` objects and arrays are open around it.
    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(JsonError::NotJson),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        if depth > DEPTH_MAX {
            return Err(JsonError::TooDeep);
        }
        self.expect(b'{')?;
        let mut object = Object::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.position += 1;
            return Ok(Value::Object(object));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            let value = self.value(depth)?;
            object.insert(name, value);
            self.skip_space();
            match self.next() {
                Some(b',') => {}
                Some(b'}') => return Ok(Value::Object(object)),
                _ => return Err(JsonError::NotJson),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        if depth > DEPTH_MAX {
            return Err(JsonError::TooDeep);
        }
        self.expect(b'[')?;
        let mut array = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.position += 1;
            return Ok(Value::Array(array));
        }
        loop {
            array.push(self.value(depth)?);
            self.skip_space();
            match self.next() {
                Some(b',') => {}
                Some(b']') => return Ok(Value::Array(array)),
                _ => return Err(JsonError::NotJson),
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"')?;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.position..];
            let character = rest.chars().next().ok_or(JsonError::NotJson)?;
            self.position += character.len_utf8();
            match character {
                '"' => return Ok(string),
                '\\' => string.push(self.escape()?),
                '\0'..='\u{1f}' => return Err(JsonError::NotJson),
                _ => string.push(character),
            }
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        match self.next() {
            Some(b'"') => Ok('"'),
            Some(b'\\') => Ok('\\'),
            Some(b'/') => Ok('/'),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.unicode_escape(),
            _ => Err(JsonError::NotJson),
        }
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.four_hex_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            // The second half of a pair by itself is no character either.
            return char::from_u32(first).ok_or(JsonError::NotJson);
        }
        self.expect(b'\\')?;
        self.expect(b'u')?;
        let second = self.four_hex_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(JsonError::NotJson);
        }
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            .ok_or(JsonError::NotJson)
    }

    fn four_hex_digits(&mut self) -> Result<u32, JsonError> {
        let mut number = 0;
        for _ in 0..4 {
            let byte = self.next().ok_or(JsonError::NotJson)?;
            let digit = char::from(byte).to_digit(16).ok_or(JsonError::NotJson)?;
            number = number * 16 + digit;
        }
        Ok(number)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.position;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        if self.peek() == Some(b'0') {
            self.position += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.position += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.position += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.position += 1;
            }
            self.digits()?;
        }
        Ok(Value::Number(self.text[start..self.position].to_owned()))
    }

    /// Reads one digit or more.
    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.position;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.position += 1;
        }
        if self.position == start { Err(JsonError::NotJson) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        if !self.text[self.position..].starts_with(word) {
            return Err(JsonError::NotJson);
        }
        self.position += word.len();
        Ok(value)
    }

    /// Goes over white space and this byte.
    fn skip_to(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        self.expect(byte).ok()
    }

    /// Goes over white space and a value, and gives the place of the value.
    fn place_of_value(&mut self) -> Option<Range<usize>> {
        self.skip_space();
        let start = self.position;
        self.value(0).ok()?;
        Some(start..self.position)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(JsonError::NotJson);
        }
        self.position += 1;
        Ok(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.position += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }
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
            Value::Bool(true),
            Value::Bool(false),
            Value::Number("-1.50e+3".to_owned()),
            Value::Text("x".to_owned()),
        ];
        let object = Object::from([
            ("a".to_owned(), Value::Array(array)),
            ("b".to_owned(), Value::Object(Object::new())),
            ("c".to_owned(), Value::Array(Vec::new())),
        ]);
        assert_eq!(value, Value::Object(object));
    }

    #[test]
    fn keeps_the_last_value_of_a_name() {
        let value = parse(r#"{"a":1,"\u0061":2}"#).unwrap();
        assert_eq!(
            value,
            Value::Object(Object::from([("a".to_owned(), Value::Number("2".to_owned()))]))
        );
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
    fn refuses_half_of_a_surrogate_pair() {
        for case in [
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800x""#,
            r#""\ud800\n""#,
            r#""\ud800\u0041""#,
            r#""\ud800\ud800""#,
        ] {
            assert_eq!(parse(case), Err(JsonError::NotJson), "{case}");
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
    fn finds_members_and_elements() {
        let text = r#" { "a" : [1, {"b":2} ] ,"\u0061":"x" } "#;
        let members = members(text).unwrap();
        let found: Vec<_> =
            members.iter().map(|(name, place)| (name.as_str(), &text[place.clone()])).collect();
        assert_eq!(found, [("a", r#"[1, {"b":2} ]"#), ("a", r#""x""#)]);
        let array = &text[members[0].1.clone()];
        let elements: Vec<&str> =
            elements(array).unwrap().into_iter().map(|place| &array[place]).collect();
        assert_eq!(elements, ["1", r#"{"b":2}"#]);
        assert_eq!(super::members("{}"), Some(Vec::new()));
        assert_eq!(super::elements(" [ ] "), Some(Vec::new()));
        assert_eq!(super::members("[]"), None);
        assert_eq!(super::members("{\"a\":1,}"), None);
        assert_eq!(super::elements("[1"), None);
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
