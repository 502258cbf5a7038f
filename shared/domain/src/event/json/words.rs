//! Tests on the eight bytes of a word at once.

use crate::event::json::raw::Kind;

pub(crate) const LOW_BITS: u64 = 0x0101_0101_0101_0101;
pub(crate) const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

#[inline]
pub(crate) fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

/// Marks, by its high bit, the lowest byte that is a quote, a backslash or a control character.
/// Bytes above it may be marked wrongly, since a borrow propagates upwards.
///
/// **Source**: "Bit Twiddling Hacks" by Sean Eron Anderson, "Determine if a word has a byte less
/// than n".
#[inline]
pub(crate) fn special_bytes(word: u64) -> u64 {
    let quote = word ^ (LOW_BITS * b'"' as u64);
    let backslash = word ^ (LOW_BITS * b'\\' as u64);
    let quotes = quote.wrapping_sub(LOW_BITS) & !quote;
    let backslashes = backslash.wrapping_sub(LOW_BITS) & !backslash;
    let controls = word.wrapping_sub(LOW_BITS * 0x20) & !word;
    ((quotes | backslashes) & HIGH_BITS) | (controls & HIGH_BITS)
}

/// The length and the kind of a number that starts this word, ends within it and consists of digits
/// and at most one decimal point; `None` for all others.
#[inline]
pub(super) fn short_number(word: u64) -> Option<(usize, Kind)> {
    let others = other_than_digits(word);
    let further_others = others & others.wrapping_sub(1);
    let whole_bits = others.trailing_zeros() & !7;
    let first_other = word.checked_shr(whole_bits)? & 0xff;
    let (length_bits, kind) = if first_other == u64::from(b'.') {
        (further_others.trailing_zeros() & !7, Kind::Decimal)
    } else {
        (whole_bits, Kind::Integer)
    };
    let after = word.checked_shr(length_bits)? & 0xff;
    let starts_well = whole_bits == 8 || (whole_bits > 8 && word & 0xff != u64::from(b'0'));
    let ends_well = length_bits != whole_bits + 8 && !matches!(after, 0x45 | 0x65);
    (starts_well && ends_well).then_some((length_bits as usize / 8, kind))
}

/// Marks, by its high bit, every byte that is not an ASCII digit.
#[inline]
pub(super) fn other_than_digits(word: u64) -> u64 {
    let digits = word ^ (LOW_BITS * b'0' as u64);
    // Digits are 0 to 9 now. Adding 0x76 carries all larger values into the high bit, and no
    // further.
    (((digits & !HIGH_BITS) + LOW_BITS * 0x76) | digits) & HIGH_BITS
}
