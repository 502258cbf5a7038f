//! The position of a value in its line, and its kind.

use std::ops::Range;

/// The kind of a value, as far as its reader must know it before reading the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number without decimal point and exponent.
    Integer,
    /// Any other number.
    Decimal,
    /// An empty text.
    EmptyText,
    /// A text without escapes.
    Text,
    /// A text with escapes.
    EscapedText,
    /// An object.
    Object,
    /// An array without elements.
    EmptyArray,
    /// An array with elements.
    Array,
}

/// The kinds by number; the length is a power of two, so that no masked index is out of range.
const KINDS: [Kind; 16] = [
    Kind::Null,
    Kind::Boolean,
    Kind::Integer,
    Kind::Decimal,
    Kind::EmptyText,
    Kind::Text,
    Kind::EscapedText,
    Kind::Object,
    Kind::EmptyArray,
    Kind::Array,
    Kind::Null,
    Kind::Null,
    Kind::Null,
    Kind::Null,
    Kind::Null,
    Kind::Null,
];

/// The position and kind of a value in one word. The position is that of its bytes, for a text
/// those between the quotes.
#[derive(Clone, Copy)]
pub(crate) struct Raw(u64);

/// The number of bits of an offset; lines are at most 256 KiB long.
const OFFSET_BITS: u32 = 28;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;

impl Raw {
    /// A missing value.
    pub(crate) const NULL: Raw = Raw(0);

    #[inline]
    pub(crate) fn new(start: usize, end: usize, kind: Kind) -> Raw {
        Raw(((kind as u64) << OFFSET_BITS | end as u64) << OFFSET_BITS | start as u64)
    }

    /// The number of the kind, for bit sets.
    #[inline]
    pub(crate) fn kind_bit(self) -> u32 {
        (self.0 >> (2 * OFFSET_BITS)) as u32
    }

    /// The kind of the value.
    #[inline]
    pub(crate) fn kind(self) -> Kind {
        KINDS[self.kind_bit() as usize % KINDS.len()]
    }

    /// The offset of its first byte.
    #[inline]
    pub(crate) fn start(self) -> usize {
        self.offsets().0 as usize
    }

    /// The offset after its last byte.
    #[inline]
    pub(crate) fn end(self) -> usize {
        self.offsets().1 as usize
    }

    /// The offsets of its first byte and after its last.
    #[inline]
    pub(crate) fn offsets(self) -> (u32, u32) {
        ((self.0 & OFFSET_MASK) as u32, (self.0 >> OFFSET_BITS & OFFSET_MASK) as u32)
    }

    /// Its bytes in the line in which it was found.
    #[inline]
    pub(crate) fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start()..self.end()).unwrap_or_default()
    }

    /// The position after it, including its closing quote.
    #[inline]
    pub(super) fn next(self) -> usize {
        self.end() + usize::from(self.is_text())
    }

    /// The range of its bytes, including the quotes of a text.
    pub(crate) fn whole(self) -> Range<usize> {
        self.start() - usize::from(self.is_text())..self.next()
    }

    /// Whether it is an object or an array, even an empty one.
    #[inline]
    pub(crate) fn is_container(self) -> bool {
        matches!(self.kind(), Kind::Object | Kind::EmptyArray | Kind::Array)
    }

    #[inline]
    fn is_text(self) -> bool {
        matches!(self.kind(), Kind::Text | Kind::EscapedText | Kind::EmptyText)
    }
}
