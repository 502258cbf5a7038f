//! Cuts a text into its values, each of which ends in one place.

use std::borrow::Cow;

/// How long a value may be, in bytes.
pub(crate) const VALUE_BYTES_MAX: usize = 256 * 1024;

/// How deep objects and arrays may be nested.
const DEPTH_MAX: usize = 64;

/// A value, or what stands in place of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// The line in which it begins, from 1.
    pub(crate) line: u64,
    /// How many bytes of the text are before it.
    pub(crate) offset: usize,
    pub(crate) bytes: Cow<'a, [u8]>,
    /// Why it is rejected, if that does not follow from its bytes.
    pub(crate) rejected: Option<&'static str>,
}

/// What a schema registry writes before a value: a zero byte and the four of a schema's number.
const REGISTRY_BYTES: usize = 5;

/// The pieces of a text, as they follow each other.
pub(crate) fn cut(text: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if registry_bytes(rest) > 0 {
            // A line feed in them ends no line.
            at += REGISTRY_BYTES;
            continue;
        }
        let (length, next) = match separator(rest) {
            0 => piece(rest),
            length => (0, length),
        };
        if length > 0 {
            let bytes = Cow::Borrowed(&rest[..length]);
            pieces.push(Piece { line, offset: at, bytes, rejected: None });
        }
        line += rest[..next].iter().filter(|byte| **byte == b'\n').count() as u64;
        at += next;
    }
    pieces
}

/// The length of the bytes of a schema registry that begin here, before an object, or 0.
fn registry_bytes(text: &[u8]) -> usize {
    match text {
        [0, _, _, _, _, b'{', ..] => REGISTRY_BYTES,
        _ => 0,
    }
}

/// The length of what separates values and begins here, or 0.
fn separator(text: &[u8]) -> usize {
    const SEPARATORS: [&[u8]; 12] = [
        b" ",
        b"\t",
        b"\r",
        b"\n",
        b",",
        b"[",
        b"]",
        b"\x1e",
        b"\\n",
        b"\\r",
        b"\\t",
        b"\xef\xbb\xbf",
    ];
    SEPARATORS.iter().find(|separator| text.starts_with(separator)).map_or(0, |found| found.len())
}

/// The length of the piece that begins here, and where reading goes on.
fn piece(text: &[u8]) -> (usize, usize) {
    let end_of_line = |from: usize| {
        text[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |place| from + place)
    };
    if text[0] != b'{' {
        return scalars(text).unwrap_or_else(|| (end_of_line(0), end_of_line(0)));
    }
    let (broken, open_objects) = match value(text, 0, 1) {
        Ok(end) => return (end, end),
        Err(Broken { at, open_objects }) => (at, open_objects),
    };
    let end = if end_of_line(0) >= broken || broken > VALUE_BYTES_MAX {
        closing_brace(text, broken, open_objects)
    } else {
        end_of_line(0)
    };
    (end, end)
}

/// The end of a broken value: behind the brace that closes it, or that of the line.
fn closing_brace(text: &[u8], broken: usize, mut open_objects: usize) -> usize {
    for (place, byte) in text.iter().enumerate().skip(broken) {
        match byte {
            b'\n' => return place,
            b'{' => open_objects += 1,
            b'}' => {
                open_objects -= 1;
                if open_objects == 0 {
                    return place + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Texts, numbers and words with separators between them, up to an object or the end of the line:
/// their length without the last separators, and with them. `None` if anything else is there.
fn scalars(text: &[u8]) -> Option<(usize, usize)> {
    let is_whole = text.len() <= VALUE_BYTES_MAX;
    let text = &text[..text.len().min(VALUE_BYTES_MAX + 1)];
    let mut at = 0;
    loop {
        let end = value(text, at, 0).ok()?;
        at = end;
        loop {
            match text.get(at) {
                None if is_whole => return Some((end, at)),
                None => return None,
                Some(b'\n') => return Some((end, at)),
                Some(_) => {}
            }
            if !is_whole && text[at..].len() < 3 && b"\xef\xbb\xbf".starts_with(&text[at..]) {
                return None;
            }
            if registry_bytes(&text[at..]) > 0 {
                return Some((end, at));
            }
            match separator(&text[at..]) {
                0 => break,
                length => at += length,
            }
        }
        match text[at] {
            _ if at == end => return None,
            b'{' => return Some((end, at)),
            _ => {}
        }
    }
}

/// Where a text is no beginning of a value any more: at its end, or at a byte that cannot follow.
struct Broken {
    at: usize,
    /// How many objects are open there.
    open_objects: usize,
}

/// The end of the value that begins at a place; it is nested so deep if it is an object or an array.
fn value(text: &[u8], start: usize, depth: usize) -> Result<usize, Broken> {
    match text.get(start) {
        Some(b'{' | b'[') if depth > DEPTH_MAX => broken(start),
        Some(b'{') => members(text, start + 1, depth)
            .map_err(|broken| Broken { open_objects: broken.open_objects + 1, ..broken }),
        Some(b'[') => elements(text, start + 1, depth),
        Some(b'"') => string(text, start + 1),
        Some(b't') => word(text, start, b"true"),
        Some(b'f') => word(text, start, b"false"),
        Some(b'n') => word(text, start, b"null"),
        _ => number(text, start),
    }
}

fn broken<T>(at: usize) -> Result<T, Broken> {
    Err(Broken { at, open_objects: 0 })
}

fn members(text: &[u8], start: usize, depth: usize) -> Result<usize, Broken> {
    let mut at = space(text, start);
    if text.get(at) == Some(&b'}') {
        return Ok(at + 1);
    }
    loop {
        at = string(text, byte(text, at, b'"')?)?;
        at = byte(text, space(text, at), b':')?;
        at = space(text, value(text, space(text, at), depth + 1)?);
        match text.get(at) {
            Some(b'}') => return Ok(at + 1),
            _ => at = space(text, byte(text, at, b',')?),
        }
    }
}

fn elements(text: &[u8], start: usize, depth: usize) -> Result<usize, Broken> {
    let mut at = space(text, start);
    if text.get(at) == Some(&b']') {
        return Ok(at + 1);
    }
    loop {
        at = space(text, value(text, at, depth + 1)?);
        match text.get(at) {
            Some(b']') => return Ok(at + 1),
            _ => at = space(text, byte(text, at, b',')?),
        }
    }
}

fn string(text: &[u8], start: usize) -> Result<usize, Broken> {
    let mut at = start;
    loop {
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match text.get(at + 1) {
                Some(b'u') => {
                    let digits = text.iter().skip(at + 2).take(4);
                    let valid = digits.take_while(|digit| digit.is_ascii_hexdigit()).count();
                    if valid < 4 {
                        return broken(at + 2 + valid);
                    }
                    at += 6;
                }
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                _ => return broken(at + 1),
            },
            None | Some(0..0x20) => return broken(at),
            Some(_) => at += 1,
        }
    }
}

fn number(text: &[u8], start: usize) -> Result<usize, Broken> {
    let digits = |from: usize| {
        let count = text.iter().skip(from).take_while(|digit| digit.is_ascii_digit()).count();
        if count == 0 { broken(from) } else { Ok(from + count) }
    };
    let mut at = start + usize::from(text.get(start) == Some(&b'-'));
    at = if text.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let is_signed = matches!(text.get(at + 1), Some(b'+' | b'-'));
        at = digits(at + 1 + usize::from(is_signed))?;
    }
    Ok(at)
}

fn word(text: &[u8], start: usize, word: &[u8]) -> Result<usize, Broken> {
    for (place, expected) in word.iter().enumerate() {
        byte(text, start + place, *expected)?;
    }
    Ok(start + word.len())
}

fn byte(text: &[u8], at: usize, expected: u8) -> Result<usize, Broken> {
    if text.get(at) == Some(&expected) { Ok(at + 1) } else { broken(at) }
}

fn space(text: &[u8], start: usize) -> usize {
    let spaces = text.iter().skip(start);
    start + spaces.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(u64, usize, &str)> {
        let text_of = |piece: Piece<'_>| {
            assert!(text.as_bytes()[piece.offset..].starts_with(&piece.bytes));
            &text[piece.offset..piece.offset + piece.bytes.len()]
        };
        cut(text.as_bytes())
            .into_iter()
            .map(|piece| (piece.line, piece.offset, text_of(piece)))
            .collect()
    }

    #[test]
    fn values_in_any_layout() {
        let text = "[{\"a\":1},\n{\"a\":[{}]}]{}\\n{}\u{feff}{\r\n\"a\":\n2}\n\n\u{1e}{}";
        let expected = [
            (1, 1, "{\"a\":1}"),
            (2, 10, "{\"a\":[{}]}"),
            (2, 21, "{}"),
            (2, 25, "{}"),
            (2, 30, "{\r\n\"a\":\n2}"),
            (6, 43, "{}"),
        ];
        assert_eq!(pieces(text), expected);
        assert_eq!(pieces(" [\n\t],\\t\\r[]\u{feff}"), []);
    }

    #[test]
    fn what_breaks_costs_itself_only() {
        assert_eq!(pieces("{\"a\":NaN},{}"), [(1, 0, "{\"a\":NaN}"), (1, 10, "{}")]);
        assert_eq!(
            pieces("{\"a\":{\"b\":\"5\" x\"}},{}"),
            [(1, 0, "{\"a\":{\"b\":\"5\" x\"}}"), (1, 19, "{}")]
        );
        assert_eq!(pieces("{\"a\":1\n{}"), [(1, 0, "{\"a\":1"), (2, 7, "{}")]);
        assert_eq!(pieces("{\n\"a\":x},\n{}\n"), [(1, 0, "{"), (2, 2, "\"a\":x},"), (3, 10, "{}")]);
        assert_eq!(pieces("{\"a\":\n{}"), [(1, 0, "{\"a\":"), (2, 6, "{}")]);
        assert_eq!(pieces("[null, 1,{}]"), [(1, 1, "null, 1"), (1, 9, "{}")]);
        assert_eq!(pieces("1,x,{}\n2,3 \n"), [(1, 0, "1,x,{}"), (2, 7, "2,3")]);
        assert_eq!(pieces("}{}\n{}"), [(1, 0, "}{}"), (2, 4, "{}")]);
    }

    #[test]
    fn the_bytes_of_a_schema_registry_are_skipped_before_an_object() {
        let text =
            "\0\0\0\0\x07{\"a\":1}\0\n\n\n\n{}\n\0ab\n\x7f{},1,\0\0\0\0{{}\n{}\n\0{}\n\0abcd[{}]\n";
        let expected = [
            (1, 5, "{\"a\":1}"),
            (1, 17, "{}"),
            (2, 25, "{}"),
            (2, 28, "1"),
            (2, 35, "{}"),
            (3, 38, "{}"),
            (4, 41, "\0{}"),
            (5, 45, "\0abcd[{}]"),
        ];
        assert_eq!(pieces(text), expected);
    }

    #[test]
    fn a_value_is_what_serde_json_takes_for_one() {
        for text in ["{\"a\":[-0.5e-1,\"\\ud83d\\\"\",true,false,null,{}]}", "{\"\":[]}", "{}"] {
            let serde_end = |text: &str| {
                let mut values =
                    serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
                values.next().is_some_and(|value| value.is_ok()).then(|| values.byte_offset())
            };
            for broken in (0..text.len()).flat_map(|at| {
                [
                    format!("{}{}", &text[..at], &text[at + 1..]),
                    format!("{}1{}", &text[..at], &text[at..]),
                ]
            }) {
                if broken.starts_with('{') {
                    assert_eq!(value(broken.as_bytes(), 0, 1).ok(), serde_end(&broken), "{broken}");
                }
            }
        }
    }
}
