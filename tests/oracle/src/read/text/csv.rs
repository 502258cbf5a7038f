//! CSV with a header, as objects of texts.

use std::borrow::Cow;

use crate::read::json::{self, Value};
use crate::read::text::cut::{Piece, VALUE_BYTES_MAX};
use crate::read::vocabulary::is_any_event_field;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The pieces of a text that is CSV; `None` if it is not.
pub(crate) fn records(text: &[u8]) -> Option<Vec<Piece<'_>>> {
    let start = header_start(text)?;
    let end = line_end(text, start);
    let is_ended = end < text.len();
    if end + usize::from(is_ended) > VALUE_BYTES_MAX {
        return None;
    }
    let header_line = plain_line(&text[start..end]);
    let (delimiter, names) = header(header_line)?;
    let mut pieces = Vec::new();
    let mut at = end;
    while at < text.len() {
        if text[at] == b'\n' {
            at += 1;
            continue;
        }
        let line_end = line_end(text, at);
        let line = 1 + text[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
        let whole_line = &text[at..line_end];
        let window = &text[at..text.len().min(at + VALUE_BYTES_MAX + 1)];
        let is_whole = text.len() - at <= VALUE_BYTES_MAX;
        let piece = |content, rejected| Piece { line, offset: at, bytes: content, rejected };
        if whole_line.len() > VALUE_BYTES_MAX {
            pieces.push(piece(Cow::Borrowed(whole_line), Some("too_long")));
            at = line_end;
            continue;
        }
        if plain_line(whole_line) == header_line {
            at = line_end;
            continue;
        }
        let unmarked = without_mark(whole_line);
        if unmarked.starts_with(b"{") && is_object(unmarked) {
            let offset = line_end - unmarked.len();
            pieces.push(Piece { offset, ..piece(Cow::Borrowed(unmarked), None) });
            at = line_end;
            continue;
        }
        let Some((cells, length)) = record(window, is_whole, delimiter) else {
            pieces.push(piece(Cow::Borrowed(whole_line), Some("bad_quote")));
            at = line_end;
            continue;
        };
        if std::str::from_utf8(&window[..length]).is_err() {
            pieces.push(piece(Cow::Borrowed(&text[at..at + length]), Some("not_utf8")));
        } else {
            let cells: Vec<_> = cells.iter().map(|cell| String::from_utf8_lossy(cell)).collect();
            let filled = cells.iter().rposition(|cell| !cell.trim_ascii().is_empty());
            if filled.is_some_and(|last| last >= names.len()) {
                pieces.push(piece(Cow::Borrowed(whole_line), Some("too_many_cells")));
                at = line_end;
                continue;
            }
            if filled.is_some() {
                let object = object(&names, &cells);
                pieces.push(piece(Cow::Owned(object.into_bytes()), None));
            }
        }
        at += length;
    }
    Some(pieces)
}

/// Where the first line begins that has anything in it; `None` if it begins like JSON.
fn header_start(text: &[u8]) -> Option<usize> {
    let mut rest = text;
    while let [b' ' | b'\t' | b'\r' | b'\n', after @ ..] | [0xef, 0xbb, 0xbf, after @ ..] = rest {
        rest = after;
    }
    let is_text_of_object = matches!(rest, [b'"', b'{' | b'\\' | b' ' | b'\t', ..]);
    if is_text_of_object || matches!(rest, [] | [b'{' | b'[', ..]) {
        return None;
    }
    let before = &text[..text.len() - rest.len()];
    Some(before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1))
}

fn line_end(text: &[u8], start: usize) -> usize {
    text[start..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| start + end)
}

fn without_mark(line: &[u8]) -> &[u8] {
    let mut rest = line;
    while let Some(after) = rest.strip_prefix(BYTE_ORDER_MARK) {
        rest = after;
    }
    rest
}

fn plain_line(line: &[u8]) -> &[u8] {
    let line = without_mark(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The delimiter and the names of the columns; `None` if too few of them are names of fields.
fn header(line: &[u8]) -> Option<(u8, Vec<String>)> {
    let mut best: Option<(usize, u8, Vec<String>)> = None;
    for delimiter in [b',', b';', b'\t'] {
        let Some((cells, _)) = record(line, true, delimiter) else { continue };
        let trimmed = |cell: &Vec<u8>| String::from_utf8_lossy(cell.trim_ascii()).into_owned();
        let names: Vec<String> = cells.iter().map(trimmed).collect();
        let known = names.iter().filter(|name| is_any_event_field(name)).count();
        if known >= 2 && best.as_ref().is_none_or(|(most, ..)| known > *most) {
            best = Some((known, delimiter, names));
        }
    }
    best.map(|(_, delimiter, names)| (delimiter, names))
}

/// The cells of the record that begins a text, and its length; `None` if its quotes are bad, or if
/// it does not end in a text that is cut.
fn record(text: &[u8], is_whole: bool, delimiter: u8) -> Option<(Vec<Vec<u8>>, usize)> {
    let mut cells = Vec::new();
    let mut at = text.len() - without_mark(text).len();
    loop {
        let mut cell = Vec::new();
        let mut lines = 0;
        if text.get(at) == Some(&b'"') {
            at += 1;
            loop {
                match text[at..] {
                    [] => return None,
                    [b'"', b'"', ..] => {
                        cell.push(b'"');
                        at += 2;
                    }
                    [b'"', ..] => break,
                    [byte, ..] => {
                        lines += usize::from(byte == b'\n');
                        cell.push(byte);
                        at += 1;
                    }
                }
            }
            at += 1;
        }
        let end = text[at..].iter().position(|byte| *byte == delimiter || *byte == b'\n');
        let end = at + end.unwrap_or(text.len() - at);
        let is_last = text.get(end).is_none_or(|byte| *byte == b'\n');
        if end == text.len() && !is_whole {
            return None;
        }
        let mut after = &text[at..end];
        if is_last {
            after = after.strip_suffix(b"\r").unwrap_or(after);
        }
        if lines > 0 && !after.is_empty() {
            return None;
        }
        cell.extend_from_slice(after);
        cells.push(cell);
        if is_last {
            return Some((cells, end));
        }
        at = end + 1;
    }
}

fn object(names: &[String], cells: &[Cow<'_, str>]) -> String {
    let mut members = Vec::new();
    for (name, cell) in names.iter().zip(cells) {
        let mut value = cell.trim_ascii().to_owned();
        if value.is_empty() {
            continue;
        }
        if let Some((whole, zeros)) = value.split_once('.')
            && !zeros.is_empty()
            && zeros.bytes().all(|digit| digit == b'0')
            && (whole == "0" || (!whole.starts_with('0') && is_digits(whole)))
        {
            value = whole.to_owned();
        }
        let [name, value] = [name, &value].map(|text| serde_json::Value::from(text.as_str()));
        members.push(format!("{name}:{value}"));
    }
    format!("{{{}}}", members.join(","))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a line is one JSON object.
fn is_object(line: &[u8]) -> bool {
    let text = std::str::from_utf8(line).ok();
    text.is_some_and(|text| matches!(json::parse(text), Ok(Value::Object(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(csv: &str) -> Option<Vec<String>> {
        let text = |piece: &Piece<'_>| {
            let bytes = String::from_utf8_lossy(&piece.bytes).into_owned();
            let reason = piece.rejected.map(|reason| format!(" {reason}"));
            format!("{}@{} {bytes}{}", piece.line, piece.offset, reason.unwrap_or_default())
        };
        records(csv.as_bytes()).map(|pieces| pieces.iter().map(text).collect())
    }

    #[test]
    fn records_are_objects_of_texts() {
        let csv =
            "\u{feff}event;price;\"item id\"\r\n\nview;1,50;\"a;\"\"b\"\"\nc\"\r\n;;\norder;x;7.0";
        let expected = [
            "3@27 {\"event\":\"view\",\"price\":\"1,50\",\"item id\":\"a;\\\"b\\\"\\nc\"}",
            "6@53 {\"event\":\"order\",\"price\":\"x\",\"item id\":\"7\"}",
        ];
        assert_eq!(texts(csv).unwrap(), expected);
    }

    #[test]
    fn only_a_line_of_two_names_is_a_header() {
        for text in ["", "event\n", "event a,price b\n", "{\"a\":1},event,price\n", " [event,price"]
        {
            assert_eq!(texts(text), None, "{text}");
        }
        assert_eq!(texts("event\tprice"), Some(Vec::new()));
        assert_eq!(texts("\n\nevent,price\n").as_deref(), Some(&[][..]));
    }

    #[test]
    fn bad_records_cost_themselves_only() {
        let csv = "event,price\na,\"b\nc,d\n1,2,3\ne,\"f\ng\"h\n\"i\"j,k\nevent,price\n{\"a\":1}\n";
        let expected = [
            "2@12 a,\"b bad_quote",
            "3@17 {\"event\":\"c\",\"price\":\"d\"}",
            "4@21 1,2,3 too_many_cells",
            "5@27 e,\"f bad_quote",
            "6@32 {\"event\":\"g\\\"h\"}",
            "7@36 {\"event\":\"ij\",\"price\":\"k\"}",
            "9@55 {\"a\":1}",
        ];
        assert_eq!(texts(csv).unwrap(), expected);
    }
}
