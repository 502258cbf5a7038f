//! Cutting a text of events into lines, for events that do not come as a file: the body of a post,
//! the value of a record.

use serde_json::value::RawValue;

/// U+FEFF, which may stand before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What a text holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventLines {
    /// One JSON object, on one line.
    Object(Vec<u8>),
    /// The elements of an array, one a line.
    Elements(Vec<u8>),
    /// Lines as in a file; what is no JSON is so, too.
    Lines(Vec<u8>),
}

/// A text that begins as an array and is none.
#[derive(Debug, thiserror::Error)]
#[error("no JSON array: {0}")]
pub struct NoArray(#[from] serde_json::Error);

impl EventLines {
    /// Cuts a text: an array into its elements, one JSON value is one line, however it is laid out;
    /// all else is lines already.
    ///
    /// **Shape**: without the byte order mark, if there is one. Neither is any line checked:
    /// whoever counts them says what is wrong with each.
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

/// The lines of a text that is taken however it is: a broken array is lines, too, which are
/// rejected when they are counted.
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

/// A value with spaces for the line ends, which in JSON stand between its parts only.
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
