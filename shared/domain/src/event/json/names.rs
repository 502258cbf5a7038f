//! A cache of the names of members: a name that was checked in one line need not be checked again
//! in the next.

use crate::event::json::words::{HIGH_BITS, LOW_BITS, word_at};

/// The slot of a name that is not looked for; all other slots are below it.
pub(crate) const NO_SLOT: u8 = u8::MAX;

/// The slots of a name, one for each place where it may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slots {
    /// In events.
    pub(crate) event: u8,
    /// In elements of `items`.
    pub(crate) item: u8,
    /// In elements of `event_params`.
    pub(crate) parameter: u8,
    /// In the paths of forms.
    pub(crate) path: u8,
}

impl Slots {
    /// Those of a name that is looked for nowhere, and of values without a name.
    pub(crate) const NONE: Slots =
        Slots { event: NO_SLOT, item: NO_SLOT, parameter: NO_SLOT, path: NO_SLOT };
}

/// Caches the names of members with their separators (`,"name":`), so that a name that was checked
/// once is recognized by comparing three words.
///
/// Objects of one kind usually have their members in the same order. So the token that followed
/// this one the last time is tried first; any other is found by its first bytes.
pub(crate) struct Names {
    /// Returns the slots of a name.
    pub(crate) slots_of: fn(&[u8]) -> Slots,
    tokens: Box<[Token; TOKENS]>,
    /// What is between the words and the masks of each token; nothing of nearly all.
    middles: Box<[Box<[u8]>]>,
}

/// A cached token that was found in the line.
#[derive(Clone, Copy)]
pub(crate) struct KnownToken {
    /// The slots of its name.
    pub(crate) slots: Slots,
    /// Its length in bytes.
    pub(crate) length: usize,
    /// Its place in the cache.
    pub(crate) place: usize,
}

/// What a token stands behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// The opening brace of an object, which is in the member with the token at this place.
    Brace(usize),
    /// The value of the member with the token at this place.
    Value(usize),
}

const TOKEN_WORDS: usize = 3;
const WORDS_BYTES: usize = TOKEN_WORDS * 8;
/// The maximum length of a token in bytes. Snowplow has names of 80.
const TOKEN_BYTES_MAX: usize = 128;
/// How many tokens a set has places for. Platforms send objects of some 250 names, with which one
/// set in 20 would have more than four, and forget them in each line.
const SET_PLACES: usize = 8;
const SETS_BEHIND_VALUE_BITS: u32 = 7;
const SETS_BEHIND_BRACE_BITS: u32 = 6;
const PLACES_BEHIND_VALUE: usize = SET_PLACES << SETS_BEHIND_VALUE_BITS;
/// The places of the sets of tokens after a value, of those after an opening brace, and the two
/// below.
const TOKENS: usize = 2048;
/// The place that represents the line itself.
pub(crate) const OF_LINE: usize = TOKENS - 1;
/// The place that represents tokens that are not cached.
pub(crate) const FORGOTTEN: u16 = 2046;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Token {
    /// Of a token that is longer than these words: their inverse, which no line matches.
    words: [u64; TOKEN_WORDS],
    /// Of a token that is longer than the words: its last bytes, some of which may be in the words,
    /// too.
    masks: [u64; TOKEN_WORDS],
    slots: Slots,
    length: u8,
    /// The place of the token that followed it the last time: one of the places after a value.
    next: u16,
    /// The place of the first token of the last object in it: one of the places after a brace.
    first: u16,
}

impl Token {
    /// Matches no line: under an empty mask nothing equals all ones.
    const NONE: Token = Token {
        words: [u64::MAX; TOKEN_WORDS],
        masks: [0; TOKEN_WORDS],
        slots: Slots::NONE,
        length: 0,
        next: FORGOTTEN,
        first: FORGOTTEN,
    };

    /// A token of ASCII.
    fn new(bytes: &[u8], length: u8, slots: Slots) -> Token {
        let (mut words, mut masks) = ([0; WORDS_BYTES], [0; WORDS_BYTES]);
        match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) if bytes.len() > WORDS_BYTES => {
                words = first.map(|byte: u8| !byte);
                masks = *last;
            }
            _ => {
                words[..bytes.len()].copy_from_slice(bytes);
                masks[..bytes.len()].fill(0xff);
            }
        }
        Token {
            words: token_words(&words),
            masks: token_words(&masks),
            slots,
            length,
            ..Token::NONE
        }
    }

    #[inline]
    fn matches(&self, words: [u64; TOKEN_WORDS]) -> bool {
        let difference = |index: usize| (words[index] & self.masks[index]) ^ self.words[index];
        difference(0) | difference(1) | difference(2) == 0
    }

    /// Whether it is longer than its words, and the bytes start with it; `middle` is what it does
    /// not hold.
    #[inline]
    fn is_long_start_of<'a>(
        &self,
        words: [u64; TOKEN_WORDS],
        bytes: &[u8],
        middle: impl FnOnce() -> &'a [u8],
    ) -> bool {
        let difference = |index: usize| !words[index] ^ self.words[index];
        if difference(0) | difference(1) | difference(2) != 0 {
            return false;
        }
        let Some((start, last)) =
            bytes.get(..usize::from(self.length)).and_then(|token| token.split_last_chunk())
        else {
            return false;
        };
        token_words(last) == self.masks
            && start.get(WORDS_BYTES..).is_none_or(|between| between == middle())
    }
}

impl Names {
    /// Creates an empty cache; `slots_of` returns the slots of a name.
    pub(crate) fn new(slots_of: fn(&[u8]) -> Slots) -> Names {
        let middles = vec![Box::default(); TOKENS].into_boxed_slice();
        Names { slots_of, tokens: Box::new([Token::NONE; TOKENS]), middles }
    }

    /// Finds the cached token at this position.
    #[inline]
    pub(crate) fn find(&mut self, bytes: &[u8], at: usize, behind: Behind) -> Option<KnownToken> {
        let bytes = bytes.get(at..)?;
        let words = token_words(bytes.first_chunk()?);
        let expected = usize::from(*self.expected(behind)) % TOKENS;
        let token = &self.tokens[expected];
        if token.matches(words) {
            return Some(KnownToken {
                slots: token.slots,
                length: usize::from(token.length),
                place: expected,
            });
        }
        self.find_by_bytes(bytes, words, behind)
    }

    #[inline(never)]
    fn find_by_bytes(
        &mut self,
        bytes: &[u8],
        words: [u64; TOKEN_WORDS],
        behind: Behind,
    ) -> Option<KnownToken> {
        // No token: the end of an empty object.
        if bytes.first() == Some(&b'}') {
            return None;
        }
        let mut place = usize::from(*self.expected(behind)) % TOKENS;
        let is_long_start = |place: usize| {
            self.tokens[place].is_long_start_of(words, bytes, || &self.middles[place])
        };
        if !is_long_start(place) {
            let first_place = first_place(words, bytes, behind);
            place = (first_place..first_place + SET_PLACES)
                .find(|place| self.tokens[*place].matches(words) || is_long_start(*place))?;
            *self.expected(behind) = place_number(place);
        }
        let Token { slots, length, .. } = self.tokens[place];
        Some(KnownToken { slots, length: usize::from(length), place })
    }

    /// The place of the token that is expected there.
    #[inline]
    fn expected(&mut self, behind: Behind) -> &mut u16 {
        match behind {
            Behind::Brace(of) => &mut self.tokens[of % TOKENS].first,
            Behind::Value(of) => &mut self.tokens[of % TOKENS].next,
        }
    }

    /// Caches a scanned token and returns its place. Long tokens, and tokens beyond ASCII, are
    /// scanned each time: the latter must reach the check for UTF-8. So are those with escapes,
    /// which may be half of a surrogate pair.
    pub(crate) fn learn(&mut self, token: &[u8], slots: Slots, behind: Behind) -> usize {
        let length = match u8::try_from(token.len()) {
            Ok(length)
                if token.len() <= TOKEN_BYTES_MAX
                    && token.is_ascii()
                    && memchr::memchr(b'\\', token).is_none() =>
            {
                length
            }
            _ => return usize::from(FORGOTTEN),
        };
        let learned = Token::new(token, length, slots);
        let head = token.get(..token.len().min(WORDS_BYTES)).unwrap_or_default();
        let mut padded = [0; WORDS_BYTES];
        padded[..head.len()].copy_from_slice(head);
        let place = first_place(token_words(&padded), token, behind);
        // The one that was learned first goes.
        self.tokens.copy_within(place..place + SET_PLACES - 1, place + 1);
        self.tokens[place] = learned;
        self.middles[place..place + SET_PLACES].rotate_right(1);
        let middle =
            token.len().checked_sub(WORDS_BYTES).and_then(|end| token.get(WORDS_BYTES..end));
        self.middles[place] = middle.unwrap_or_default().into();
        *self.expected(behind) = place_number(place);
        place
    }
}

fn place_number(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(FORGOTTEN)
}

#[inline]
fn token_words(bytes: &[u8; WORDS_BYTES]) -> [u64; TOKEN_WORDS] {
    let word = |at| word_at(bytes, at).unwrap_or_default();
    [word(0), word(8), word(16)]
}

/// The first of the places where a token can be cached, with which the bytes start; `words` are their
/// first ones.
fn first_place(words: [u64; TOKEN_WORDS], bytes: &[u8], behind: Behind) -> usize {
    // Only the bytes up to a colon: after a short token comes the value.
    let mut name = 0_u64;
    let mut add = |(word, has_colon): (u64, bool)| {
        name = name.rotate_left(u64::BITS / 3) ^ word;
        has_colon
    };
    if !words.map(up_to_colon).into_iter().any(&mut add) {
        let rest = bytes.get(WORDS_BYTES..).unwrap_or_default();
        let _ = rest.chunks(size_of::<u64>()).map(padded_word).map(up_to_colon).any(add);
    }
    let (base, bits) = match behind {
        Behind::Value(_) => (0, SETS_BEHIND_VALUE_BITS),
        Behind::Brace(_) => (PLACES_BEHIND_VALUE, SETS_BEHIND_BRACE_BITS),
    };
    let set = name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - bits);
    base + usize::try_from(set).unwrap_or_default() * SET_PLACES
}

/// A word of at most eight bytes.
fn padded_word(bytes: &[u8]) -> u64 {
    word_at(bytes, 0).unwrap_or_else(|| {
        let mut padded = [0; size_of::<u64>()];
        padded[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(padded)
    })
}

/// The bytes of a word up to its first colon, and whether it has one.
fn up_to_colon(word: u64) -> (u64, bool) {
    let colons = word ^ (LOW_BITS * b':' as u64);
    let colon = colons.wrapping_sub(LOW_BITS) & !colons & HIGH_BITS;
    // Without a colon the mask is all ones.
    (word & (colon ^ colon.wrapping_sub(1)), colon != 0)
}
