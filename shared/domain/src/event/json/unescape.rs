//! Escapes of JSON strings: their hexadecimal code units, and the text that they stand for.

use crate::event::json::raw::{Kind, Raw};

/// Passes the bytes of a name or a text, unescaped if necessary.
pub(crate) fn with_unescaped<T>(raw: Raw, text: &[u8], each: impl FnOnce(&[u8]) -> T) -> T {
    if raw.kind() != Kind::EscapedText {
        return each(raw.of(text));
    }
    let mut unescaped = Vec::new();
    unescape(raw.of(text), &mut unescaped);
    each(&unescaped)
}

/// Appends the unescaped form of a scanned text to `out`.
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        if byte != b'\\' {
            out.push(byte);
            at += 1;
            continue;
        }
        let simple = match raw.get(at + 1) {
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let (character, length) = escaped_character(raw, at + 2);
                let mut buffer = [0; 4];
                out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                at += 2 + length;
                continue;
            }
            Some(&other) => other,
            None => return,
        };
        out.push(simple);
        at += 2;
    }
}

/// The character of the escape whose hexadecimal digits start here, and the length of the digits.
fn escaped_character(raw: &[u8], at: usize) -> (char, usize) {
    let unit = hex_unit(raw, at).unwrap_or_default();
    let low = match raw.get(at + 4..at + 6) {
        Some(b"\\u") if (HIGH_SURROGATE_FIRST..LOW_SURROGATE_FIRST).contains(&unit) => {
            hex_unit(raw, at + 6)
        }
        _ => None,
    };
    match low {
        Some(low @ LOW_SURROGATE_FIRST..=LOW_SURROGATE_LAST) => {
            let code =
                0x1_0000 + ((unit - HIGH_SURROGATE_FIRST) << 10) + (low - LOW_SURROGATE_FIRST);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10)
        }
        // Half of a pair is no character.
        _ => (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 4),
    }
}

pub(super) const HIGH_SURROGATE_FIRST: u32 = 0xd800;
pub(super) const LOW_SURROGATE_FIRST: u32 = 0xdc00;
pub(super) const LOW_SURROGATE_LAST: u32 = 0xdfff;

pub(super) fn hex_unit(bytes: &[u8], at: usize) -> Option<u32> {
    let mut unit = 0;
    for byte in bytes.get(at..at + 4)? {
        unit = unit << 4 | char::from(*byte).to_digit(16)?;
    }
    Some(unit)
}
