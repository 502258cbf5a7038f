//! Sites and keys, each stored once and identified by a number.

use hashbrown::HashTable;

use crate::count::tally::numbers::number_of;
use crate::hash_seed::HashSeed;

/// Interns texts: stores each once and identifies it by a number.
pub(super) struct Texts {
    seed: HashSeed,
    bytes: Vec<u8>,
    /// Where each text ends in `bytes`.
    ends: Vec<usize>,
    by_text: HashTable<u32>,
    /// A cache of the short texts that were used last, because most events are about few items.
    recent: Vec<RecentText>,
}

#[derive(Clone, Copy)]
struct RecentText {
    short: ShortText,
    number: u32,
}

/// A text of 1 to 16 bytes, padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ShortText {
    head: u64,
    tail: u64,
    length: u32,
}

#[inline]
fn word(bytes: &[u8; 16], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word))
}

/// 4,096 places of 24 bytes fit into a second level cache.
const RECENT_TEXTS_BITS: u32 = 12;
const RECENT_TEXTS: usize = 1 << RECENT_TEXTS_BITS;

impl ShortText {
    /// Equal to no text.
    const NONE: ShortText = ShortText { head: 0, tail: 0, length: 0 };

    /// The first `length` of these bytes; `None` if the text is empty or longer than 16 bytes, or
    /// if there are fewer than 16 bytes.
    #[inline]
    fn of(bytes: &[u8], length: usize) -> Option<ShortText> {
        let bytes: &[u8; 16] = bytes.first_chunk()?;
        if length == 0 || length > bytes.len() {
            return None;
        }
        let (head, tail) = (word(bytes, 0), word(bytes, 8));
        let length = u32::try_from(length).ok()?;
        Some(ShortText {
            head: head & u64::MAX >> (64 - 8 * length.min(8)),
            tail: tail & u64::MAX.checked_shr(128 - 8 * length).unwrap_or_default(),
            length,
        })
    }

    #[inline]
    fn place(self) -> usize {
        let hash = (self.head ^ self.tail.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> (u64::BITS - RECENT_TEXTS_BITS)) as usize
    }
}

impl Texts {
    pub(super) fn new(seed: HashSeed) -> Texts {
        Texts {
            seed,
            bytes: Vec::new(),
            ends: Vec::new(),
            by_text: HashTable::new(),
            recent: Vec::new(),
        }
    }

    pub(super) fn count(&self) -> u32 {
        number_of(self.ends.len())
    }

    /// The number of the text in the first `length` of these bytes. The bytes after it only allow
    /// to read it as whole words.
    #[inline]
    pub(super) fn number(&mut self, bytes: &[u8], length: usize) -> u32 {
        let text = bytes.get(..length).unwrap_or(bytes);
        let Some(short) = ShortText::of(bytes, length) else {
            return self.find_or_insert(text);
        };
        let place = short.place();
        if let Some(recent) = self.recent.get(place)
            && recent.short == short
        {
            return recent.number;
        }
        let number = self.find_or_insert(text);
        if self.recent.is_empty() {
            self.recent.resize(RECENT_TEXTS, RecentText { short: ShortText::NONE, number: 0 });
        }
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = RecentText { short, number };
        }
        number
    }

    #[inline(never)]
    pub(super) fn find_or_insert(&mut self, text: &[u8]) -> u32 {
        let hash = self.seed.hash_text(text);
        match self
            .by_text
            .find(hash, |number| is_same(text_of(&self.bytes, &self.ends, *number), text))
        {
            Some(number) => *number,
            None => self.insert(hash, text),
        }
    }

    #[inline(never)]
    fn insert(&mut self, hash: u64, text: &[u8]) -> u32 {
        let number = self.count();
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        let Texts { seed, bytes, ends, by_text, .. } = self;
        by_text.insert_unique(hash, number, |known| seed.hash_text(text_of(bytes, ends, *known)));
        number
    }

    pub(super) fn to_texts(&self) -> Vec<&str> {
        let all = std::str::from_utf8(&self.bytes)
            .expect("sites and keys are cut from lines that are UTF-8");
        let mut start = 0;
        let mut texts = Vec::with_capacity(self.ends.len());
        for &end in &self.ends {
            texts.push(&all[start..end]);
            start = end;
        }
        texts
    }
}

#[inline]
fn text_of<'a>(bytes: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &bytes[start..ends[number]]
}

/// Compares texts; most are too short for a call to `memcmp` to pay off.
#[inline]
fn is_same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    if let (Some(left_head), Some(right_head), Some(left_tail), Some(right_tail)) = (
        left.first_chunk::<8>(),
        right.first_chunk::<8>(),
        left.last_chunk::<8>(),
        right.last_chunk::<8>(),
    ) && left.len() <= 16
    {
        return left_head == right_head && left_tail == right_tail;
    }
    left == right
}
