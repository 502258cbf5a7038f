//! Texts in UTF-16, as UTF-8.

use std::borrow::Cow;

/// The text as UTF-8, if it is UTF-16. It has a byte order mark then, or its first two characters
/// are of ASCII.
pub(crate) fn utf8_of(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut is_big_endian = match *bytes {
        [0xfe, 0xff, ..] => true,
        [0xff, 0xfe, ..] => false,
        [0, 1..=255, 0, 1..=255, ..] => true,
        [first, 0, 1..=255, 0, ..] if !matches!(first, 0 | b'\n') => false,
        _ => return Cow::Borrowed(bytes),
    };
    let pairs = bytes.chunks_exact(2);
    let odd = pairs.remainder().len();
    let mut units = Vec::new();
    for pair in pairs {
        let order = if is_big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
        let mut unit = order([pair[0], pair[1]]);
        // The mark of a joined text with the other order of bytes.
        if unit == 0xfffe {
            is_big_endian = !is_big_endian;
            unit = 0xfeff;
        }
        units.push(unit);
    }
    let text = String::from_utf16_lossy(&units) + &"\u{fffd}".repeat(odd);
    Cow::Owned(text.into_bytes())
}
