//! Splits a text of events into lines: the body of a post, or the value of a record of a stream.

use serde_json::value::RawValue;

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

/// A text that begins like an array but is malformed.
#[derive(Debug, thiserror::Error)]
#[error("no JSON array: {0}")]
pub struct NoArray(#[from] serde_json::Error);

impl EventLines {
    /// Splits a text: each element of an array is a line, a JSON value is one line however it is
    /// laid out, and anything else is lines already.
    ///
    /// **Shape**: the byte order mark is removed. Lines are not checked, which is left to the
    /// reader that counts them.
    ///
    /// # Errors
    /// [`NoArray`].
    pub fn cut(text: &[u8]) -> Result<EventLines, NoArray> {
        let text = without_byte_order_mark(text);
        let value = text.trim_ascii();
        if value.starts_with(b"[") {
            return elements(value).map(EventLines::Elements);
        }
        // Of two lines or more this reads no further than the first.
        match serde_json::from_slice::<&RawValue>(value) {
            Ok(object) if value.starts_with(b"{") => Ok(EventLines::Object(one_line(object))),
            Ok(other) => Ok(EventLines::Lines(one_line(other))),
            Err(_) => Ok(EventLines::Lines(text.to_vec())),
        }
    }
}

/// The lines of any text: a malformed array is lines, too, which are rejected when they are
/// counted.
///
/// **Shape**: as [`EventLines::cut`].
pub fn any_lines(text: &[u8]) -> Vec<u8> {
    match EventLines::cut(text) {
        Ok(EventLines::Object(lines) | EventLines::Elements(lines) | EventLines::Lines(lines)) => {
            lines
        }
        Err(NoArray(_)) => without_byte_order_mark(text).to_vec(),
    }
}

fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

fn elements(array: &[u8]) -> Result<Vec<u8>, NoArray> {
    let elements: Vec<&RawValue> = serde_json::from_slice(array)?;
    let mut lines = Vec::with_capacity(array.len());
    for element in elements {
        lines.extend_from_slice(&one_line(element));
        lines.push(b'\n');
    }
    Ok(lines)
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
        assert_eq!(EventLines::cut(b" {} ").expect("no array"), EventLines::Object(b"{}".to_vec()));
        assert_eq!(EventLines::cut(b"7\n").expect("no array"), EventLines::Lines(b"7".to_vec()));
    }

    #[test]
    fn an_array_is_its_elements() {
        assert_eq!(lines("[{\"a\":\n1},\n{\"b\":2}]"), "{\"a\": 1}\n{\"b\":2}\n");
        assert_eq!(EventLines::cut(b"[ ]").expect("an array"), EventLines::Elements(vec![]));
        assert!(EventLines::cut(b"[{]").is_err());
        assert_eq!(lines("[{]"), "[{]");
    }

    #[test]
    fn all_else_is_lines_already() {
        for text in ["{}\n{}", "{\n{}", "not json", "", "\n \n"] {
            assert_eq!(lines(text), text);
        }
        assert_eq!(any_lines(b"\xff\n\x00"), b"\xff\n\x00");
    }
}
