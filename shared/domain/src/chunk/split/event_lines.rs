//! Splits a text of events into lines: the body of a post, or the value of a record of a stream.

use serde_json::value::RawValue;

use crate::chunk::lines::{Form, Line};
use crate::chunk::split::{TextSplitter, needs_its_start};

/// The byte order mark, which may precede the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What a text holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventLines {
    /// One JSON object, on one line.
    Object(Vec<u8>),
    /// The elements of an array, one per line.
    Elements(Vec<u8>),
    /// Lines as in a file, and anything that is not JSON.
    Lines(Vec<u8>),
}

impl EventLines {
    /// Splits a text: each element of an array is a line, a JSON value is one line however it is
    /// laid out, and anything else is left as it is.
    ///
    /// **Shape**: the byte order mark is removed. Lines are not checked, which is left to the
    /// reader that counts them. It also cuts values in other layouts.
    pub fn cut(text: &[u8]) -> EventLines {
        let text = without_byte_order_mark(text);
        let value = text.trim_ascii();
        if value.starts_with(b"[")
            && let Ok(elements) = serde_json::from_slice(value)
        {
            return EventLines::Elements(lines_of(elements));
        }
        // Of two lines or more this reads no further than the first.
        match serde_json::from_slice::<&RawValue>(value) {
            Ok(object) if value.starts_with(b"{") => EventLines::Object(one_line(object)),
            Ok(other) => EventLines::Lines(one_line(other)),
            Err(_) => EventLines::Lines(text.to_vec()),
        }
    }
}

/// The lines of any text, which are the same wherever they stand: CSV becomes objects, and UTF-16
/// becomes UTF-8.
///
/// **Shape**: as [`EventLines::cut`]. No line is checked.
pub fn any_lines(text: &[u8]) -> Vec<u8> {
    if let Some(lines) = without_layout(text) {
        return lines;
    }
    match EventLines::cut(text) {
        EventLines::Object(lines) | EventLines::Elements(lines) | EventLines::Lines(lines) => lines,
    }
}

/// The pieces of a text that only its beginning explains, a line each.
fn without_layout(text: &[u8]) -> Option<Vec<u8>> {
    if !needs_its_start(text) {
        return None;
    }
    let mut lines = Vec::new();
    let mut splitter = TextSplitter::new();
    let mut each = |line: Line<'_>| {
        let is_value = serde_json::from_slice::<&RawValue>(line.text).is_ok();
        if line.form == Form::Line && !is_value {
            return false;
        }
        let on_one_line = |byte: &u8| if *byte == b'\n' { b' ' } else { *byte };
        lines.extend(line.text.iter().map(on_one_line));
        lines.push(b'\n');
        true
    };
    splitter.push(text, &mut each);
    splitter.finish(&mut each);
    Some(lines)
}

fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

fn lines_of(elements: Vec<&RawValue>) -> Vec<u8> {
    let mut lines = Vec::new();
    for element in elements {
        lines.extend_from_slice(&one_line(element));
        lines.push(b'\n');
    }
    lines
}

/// A value with spaces in place of line ends, which JSON allows only between tokens.
fn one_line(value: &RawValue) -> Vec<u8> {
    value
        .get()
        .bytes()
        .map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> String {
        String::from_utf8(any_lines(text.as_bytes())).expect("text")
    }

    #[test]
    fn one_value_is_one_line_however_it_is_laid_out() {
        assert_eq!(lines("\u{feff}{\r\n \"a\": [1,\n 2]\n}\n"), "{   \"a\": [1,  2] }");
        assert_eq!(EventLines::cut(b" {} "), EventLines::Object(b"{}".to_vec()));
        assert_eq!(EventLines::cut(b"7\n"), EventLines::Lines(b"7".to_vec()));
    }

    #[test]
    fn an_array_is_its_elements() {
        assert_eq!(lines("[{\"a\":\n1},\n{\"b\":2}]"), "{\"a\": 1}\n{\"b\":2}\n");
        assert_eq!(EventLines::cut(b"[ ]"), EventLines::Elements(vec![]));
        assert_eq!(EventLines::cut(b"[{]"), EventLines::Lines(b"[{]".to_vec()));
        assert_eq!(lines("[{]"), "[{]");
    }

    #[test]
    fn csv_and_utf16_become_lines() {
        let csv = "ts,event,sku\n1,view,\"a\nb\"\n1,2,3,4\n\n1,view,c";
        let expected = "{\"ts\":\"1\",\"event\":\"view\",\"sku\":\"a\\nb\"}\n1,2,3,4\n\
            {\"ts\":\"1\",\"event\":\"view\",\"sku\":\"c\"}\n";
        assert_eq!(lines(csv), expected);
        let utf16 =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        assert_eq!(any_lines(&utf16(csv)), expected.as_bytes());
        assert_eq!(any_lines(&utf16("{\"a\":\n1}\nx")), b"{\"a\": 1}\nx\n");
        assert_eq!(lines("ts,event"), "");
    }

    #[test]
    fn all_else_is_lines_already() {
        for text in ["{}\n{}", "{\n{}", "not json", "", "\n \n"] {
            assert_eq!(lines(text), text);
        }
        assert_eq!(any_lines(b"\xff\n\x00"), b"\xff\n\x00");
    }
}
