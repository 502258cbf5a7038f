//! A cache of the names of members: a name that was checked in one line need not be checked again
//! in the next.

use crate::event::json::words::{HIGH_BITS, LOW_BITS, word_at};

/// The slot of a name that is not looked for; all other slots are below it.
pub(crate) const NO_SLOT: u8 = u8::MAX;

/// Caches the names of members with their separators (`,"name":`), so that a name that was checked
/// once is recognized by comparing three words.
///
/// Objects of one kind usually have their members in the same order. So the token that followed
/// this one the last time is tried first; any other is found by its first bytes.
pub(crate) struct Names {
    /// Returns the slot of a name.
    pub(crate) slot_of: fn(&[u8]) -> u8,
    tokens: Box<[Token; TOKENS]>,
}

/// A cached token that was found in the line.
#[derive(Clone, Copy)]
pub(crate) struct KnownToken {
    /// The slot of its name.
    pub(crate) slot: u8,
    /// Its length in bytes.
    pub(crate) length: usize,
    /// Its place in the cache.
    pub(crate) place: usize,
}

const TOKEN_WORDS: usize = 3;
const TOKEN_BYTES_MAX: usize = TOKEN_WORDS * 8;
const TOKEN_SETS_BITS: u32 = 7;
/// Two places for each set of tokens after an opening brace, as many for tokens after a value, and
/// the two below.
const TOKENS: usize = 1024;
const TOKENS_BEHIND_VALUE: usize = 2 << TOKEN_SETS_BITS;
/// The place that represents an opening brace.
pub(crate) const BEFORE_FIRST: usize = TOKENS - 1;
/// The place that represents tokens that are not cached.
const FORGOTTEN: u16 = 1022;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Token {
    words: [u64; TOKEN_WORDS],
    masks: [u64; TOKEN_WORDS],
    length: u8,
    slot: u8,
    /// The place of the token that followed it the last time. The token after an opening brace is
    /// always in the places after a brace, all others in the places after a value.
    next: u16,
}

impl Token {
    /// Matches no line: under an empty mask nothing equals all ones.
    const NONE: Token = Token {
        words: [u64::MAX; TOKEN_WORDS],
        masks: [0; TOKEN_WORDS],
        length: 0,
        slot: NO_SLOT,
        next: FORGOTTEN,
    };

    #[inline]
    fn matches(&self, words: [u64; TOKEN_WORDS]) -> bool {
        let differences =
            [0, 1, 2].map(|index| (words[index] & self.masks[index]) ^ self.words[index]);
        differences[0] | differences[1] | differences[2] == 0
    }
}

impl Names {
    /// Creates an empty cache; `slot_of` returns the slot of a name, or [`NO_SLOT`].
    pub(crate) fn new(slot_of: fn(&[u8]) -> u8) -> Names {
        Names { slot_of, tokens: Box::new([Token::NONE; TOKENS]) }
    }

    /// Finds the cached token at this position, which follows the token at the place `previous`.
    #[inline]
    pub(crate) fn find(&mut self, bytes: &[u8], at: usize, previous: usize) -> Option<KnownToken> {
        let words = token_words(bytes.get(at..)?.first_chunk()?);
        let expected = usize::from(self.tokens[previous % TOKENS].next) % TOKENS;
        let token = &self.tokens[expected];
        if token.matches(words) {
            return Some(KnownToken {
                slot: token.slot,
                length: usize::from(token.length),
                place: expected,
            });
        }
        self.find_by_bytes(words, previous)
    }

    #[inline(never)]
    fn find_by_bytes(&mut self, words: [u64; TOKEN_WORDS], previous: usize) -> Option<KnownToken> {
        let first_place = first_place(words, previous);
        for place in [first_place, first_place + 1] {
            let token = self.tokens[place];
            if token.matches(words) {
                self.tokens[previous].next = place_number(place);
                return Some(KnownToken {
                    slot: token.slot,
                    length: usize::from(token.length),
                    place,
                });
            }
        }
        None
    }

    /// Caches a scanned token and returns its place. Long tokens, and tokens beyond ASCII, are
    /// scanned each time: the latter must reach the check for UTF-8.
    pub(crate) fn learn(&mut self, token: &[u8], slot: u8, previous: usize) -> usize {
        let length = match u8::try_from(token.len()) {
            Ok(length) if token.len() <= TOKEN_BYTES_MAX && token.is_ascii() => length,
            _ => return usize::from(FORGOTTEN),
        };
        let mut padded = [0; TOKEN_BYTES_MAX];
        let mut mask = [0; TOKEN_BYTES_MAX];
        padded[..token.len()].copy_from_slice(token);
        mask[..token.len()].fill(0xff);
        let words = token_words(&padded);
        let place = first_place(words, previous);
        self.tokens[place + 1] = self.tokens[place];
        self.tokens[place] =
            Token { words, masks: token_words(&mask), length, slot, next: FORGOTTEN };
        self.tokens[previous].next = place_number(place);
        place
    }
}

fn place_number(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(FORGOTTEN)
}

#[inline]
fn token_words(bytes: &[u8; TOKEN_BYTES_MAX]) -> [u64; TOKEN_WORDS] {
    [0, 8, 16].map(|at| word_at(bytes, at).unwrap_or_default())
}

/// The first of the two places where a token can be cached.
fn first_place(words: [u64; TOKEN_WORDS], previous: usize) -> usize {
    // Only the bytes up to a colon: after a short token comes the value.
    let [first, second, _] = words.map(up_to_colon);
    let name = if first.1 { first.0 } else { first.0 ^ second.0.rotate_left(u64::BITS / 2) };
    let set = name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - TOKEN_SETS_BITS);
    let base = if previous == BEFORE_FIRST { TOKENS_BEHIND_VALUE } else { 0 };
    base + usize::try_from(set).unwrap_or_default() * 2
}

/// The bytes of a word up to its first colon, and whether it has one.
fn up_to_colon(word: u64) -> (u64, bool) {
    let colons = word ^ (LOW_BITS * b':' as u64);
    let colon = colons.wrapping_sub(LOW_BITS) & !colons & HIGH_BITS;
    // Without a colon the mask is all ones.
    (word & (colon ^ colon.wrapping_sub(1)), colon != 0)
}
