//! Where a value is in its line, and of which kind it is.

/// What a value is, as far as its reader must know before it looks at the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number without point and exponent.
    Integer,
    /// Any other number.
    Decimal,
    /// A text of no characters.
    EmptyText,
    /// A text that stands as it is.
    Text,
    /// A text with escapes: [`unescape`] it.
    EscapedText,
    /// An object.
    Object,
    /// An array without elements.
    EmptyArray,
    /// An array with elements.
    Array,
}

/// The kinds by their numbers; a power of two of them, so that no number can lie outside.
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

/// Where a value stands in its line, and what it is, in one word: its bytes, for a text those
/// between the quotes.
#[derive(Clone, Copy)]
pub(crate) struct Raw(u64);

/// The bits of an offset: lines are at most 256 KiB long.
const OFFSET_BITS: u32 = 28;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;

impl Raw {
    /// A value that is not there.
    pub(crate) const NULL: Raw = Raw(0);

    #[inline]
    pub(crate) fn new(start: usize, end: usize, kind: Kind) -> Raw {
        Raw(((kind as u64) << OFFSET_BITS | end as u64) << OFFSET_BITS | start as u64)
    }

    /// The kind, as the number of a bit.
    #[inline]
    pub(crate) fn kind_bit(self) -> u32 {
        (self.0 >> (2 * OFFSET_BITS)) as u32
    }

    /// What it is.
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

    /// Its bytes in the line that it was found in.
    #[inline]
    pub(crate) fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start()..self.end()).unwrap_or_default()
    }

    /// Where the line goes on after it.
    #[inline]
    pub(super) fn next(self) -> usize {
        let quote = matches!(self.kind(), Kind::Text | Kind::EscapedText | Kind::EmptyText);
        self.end() + usize::from(quote)
    }
}
