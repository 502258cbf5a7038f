//! Scans numbers.

use crate::event::json::raw::{Kind, Raw};
use crate::event::json::words::{other_than_digits, short_number, word_at};

/// Whether a text is a JSON number.
pub(crate) fn is_number(text: &[u8]) -> bool {
    number_kind(text).is_some()
}

/// The same of a text of this length, which something else than a part of a number follows: a quote.
#[inline]
pub(crate) fn is_number_before(text_and_after: &[u8], length: usize) -> bool {
    number(text_and_after, 0).is_some_and(|number| number.end() == length)
}

/// The kind of the JSON number that a text is; `None` if it is none.
pub(crate) fn number_kind(text: &[u8]) -> Option<Kind> {
    number(text, 0).filter(|number| number.end() == text.len()).map(Raw::kind)
}

/// Scans a number, from its first byte on; `None` if there is none.
#[inline]
pub(super) fn number(bytes: &[u8], start: usize) -> Option<Raw> {
    let short = word_at(bytes, start).and_then(short_number);
    match short {
        Some((length, kind)) => Some(Raw::new(start, start + length, kind)),
        None => any_number(bytes, start),
    }
}

#[inline(never)]
fn any_number(bytes: &[u8], start: usize) -> Option<Raw> {
    let mut at = start + usize::from(byte(bytes, start) == b'-');
    match byte(bytes, at) {
        b'0' => at += 1,
        b'1'..=b'9' => at = skip_digits(bytes, at + 1),
        _ => return None,
    }
    let mut kind = Kind::Integer;
    if byte(bytes, at) == b'.' {
        kind = Kind::Decimal;
        at = some_digits(bytes, at + 1)?;
    }
    if matches!(byte(bytes, at), b'e' | b'E') {
        kind = Kind::Decimal;
        let signed = matches!(byte(bytes, at + 1), b'+' | b'-');
        at = some_digits(bytes, at + 1 + usize::from(signed))?;
    }
    Some(Raw::new(start, at, kind))
}

#[inline]
fn some_digits(bytes: &[u8], start: usize) -> Option<usize> {
    let end = skip_digits(bytes, start);
    (end > start).then_some(end)
}

#[inline]
fn skip_digits(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(word) = word_at(bytes, at) {
        let others = other_than_digits(word);
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while byte(bytes, at).is_ascii_digit() {
        at += 1;
    }
    at
}

/// The byte at a position.
#[inline]
pub(super) fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(LINE_END)
}

/// The end of a line, also assumed after the end of the slice.
pub(super) const LINE_END: u8 = b'\n';
