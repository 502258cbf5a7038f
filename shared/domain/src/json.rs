//! A strict JSON scanner: checks a line by RFC 8259 in one pass and says where the members of an object stand, without
//! building a tree or copying anything.
//!
//! A line is given as the bytes from its start on; it ends at the first line feed or at the end of the slice. That a
//! line feed ends it lets the scanner read words of eight bytes past its end instead of stepping through its last
//! bytes one by one.

/// How many objects and arrays may stand in one another; the line's own object is the first.
pub(crate) const DEPTH_MAX: usize = 64;

/// The number of a name that nobody asked for.
pub(crate) const NO_SLOT: u8 = u8::MAX;

/// Why a line is not taken as JSON; the first of the two that the scanner meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanError {
    /// Not one JSON text.
    NotJson,
    /// More than [`DEPTH_MAX`] objects and arrays in one another.
    TooDeep,
}

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

/// Where a value stands in its line: its bytes, for a text those between the quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw {
    /// The offset of its first byte.
    pub(crate) start: u32,
    /// The offset after its last byte.
    pub(crate) end: u32,
    /// What it is.
    pub(crate) kind: Kind,
}

impl Raw {
    /// A value that is not there.
    pub(crate) const NULL: Raw = Raw { start: 0, end: 0, kind: Kind::Null };

    fn new(start: usize, end: usize, kind: Kind) -> Raw {
        // Lines are at most 256 KiB long, so an offset that does not fit cannot come up.
        Raw { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX), kind }
    }

    /// Its bytes in the line that it was found in.
    pub(crate) fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// Where the line goes on after it.
    fn next(self) -> usize {
        let quote = matches!(self.kind, Kind::Text | Kind::EscapedText | Kind::EmptyText);
        self.end as usize + usize::from(quote)
    }
}

/// Scans one line.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    /// All words that texts were read in: a high bit says that the line may hold more than ASCII.
    words: u64,
}

impl<'a> Scanner<'a> {
    /// Starts on a line: the bytes from its start to at least its end.
    pub(crate) fn new(bytes: &'a [u8]) -> Scanner<'a> {
        Scanner { bytes, words: 0 }
    }

    /// Whether a scanned text may have held bytes beyond ASCII. `false` after a whole line was taken says that all of
    /// it is ASCII; `true` says nothing.
    pub(crate) fn may_exceed_ascii(&self) -> bool {
        self.words & HIGH_BITS != 0
    }

    /// Scans the whole line, and gives the members of its object to `take` as slot numbers of `names`.
    ///
    /// **Shape**: `Ok(false)` where the line is valid JSON but no object. Members that stand twice are given twice.
    ///
    /// **Errors**: see [`ScanError`]; members may have been given before.
    #[inline]
    pub(crate) fn line(&mut self, names: &mut Names, take: impl FnMut(u8, Raw)) -> Result<bool, ScanError> {
        let start = self.skip_space(0);
        let is_object = self.byte(start) == b'{';
        let end = if is_object { self.object(start, 1, names, take)? } else { self.value(start, 0)?.next() };
        if self.byte(self.skip_space(end)) != LINE_END {
            return Err(ScanError::NotJson);
        }
        Ok(is_object)
    }

    /// Scans an object that an earlier scan of this line has found.
    ///
    /// **Errors**: none for a value that was found in the same line.
    pub(crate) fn members(
        &mut self,
        object: Raw,
        names: &mut Names,
        take: impl FnMut(u8, Raw),
    ) -> Result<(), ScanError> {
        self.object(object.start as usize, 1, names, take).map(|_| ())
    }

    /// The first element of an array that an earlier scan of this line has found; `None` where it is empty.
    ///
    /// **Errors**: none for a value that was found in the same line.
    pub(crate) fn first_element(&mut self, array: Raw) -> Result<Option<Raw>, ScanError> {
        let start = self.skip_space(array.start as usize + 1);
        if self.byte(start) == b']' {
            return Ok(None);
        }
        self.value(start, 1).map(Some)
    }

    /// The element after this one; `None` after the last.
    ///
    /// **Errors**: none for an element that was found in the same line.
    pub(crate) fn next_element(&mut self, element: Raw) -> Result<Option<Raw>, ScanError> {
        let end = self.skip_space(element.next());
        if self.byte(end) != b',' {
            return Ok(None);
        }
        let start = self.skip_space(end + 1);
        self.value(start, 1).map(Some)
    }

    #[inline]
    fn object(
        &mut self,
        start: usize,
        depth: usize,
        names: &mut Names,
        mut take: impl FnMut(u8, Raw),
    ) -> Result<usize, ScanError> {
        let mut at = start + 1;
        let mut slot;
        match names.first.find(self.bytes, at) {
            Some((known, length)) => {
                slot = known;
                at += length;
            }
            None => {
                let name_at = self.skip_space(at);
                if self.byte(name_at) == b'}' {
                    return Ok(name_at + 1);
                }
                let value_at;
                (slot, value_at) = self.name(name_at, names.slot_of)?;
                names.first.learn(self.bytes.get(at..value_at).unwrap_or_default(), slot);
                at = value_at;
            }
        }
        loop {
            let value = self.value(at, depth)?;
            take(slot, value);
            at = value.next();
            if let Some((known, length)) = names.further.find(self.bytes, at) {
                slot = known;
                at += length;
                continue;
            }
            let comma = self.skip_space(at);
            match self.byte(comma) {
                b',' => {
                    let value_at;
                    (slot, value_at) = self.name(self.skip_space(comma + 1), names.slot_of)?;
                    names.further.learn(self.bytes.get(at..value_at).unwrap_or_default(), slot);
                    at = value_at;
                }
                b'}' => return Ok(comma + 1),
                _ => return Err(ScanError::NotJson),
            }
        }
    }

    /// Scans a member's name and its colon; gives the name's slot and where the value starts.
    fn name(&mut self, start: usize, slot_of: fn(&[u8]) -> u8) -> Result<(u8, usize), ScanError> {
        let (name, value_at) = self.any_name(start)?;
        let slot = match name.kind {
            Kind::EscapedText => {
                let mut text = Vec::new();
                unescape(name.of(self.bytes), &mut text);
                slot_of(&text)
            }
            _ => slot_of(name.of(self.bytes)),
        };
        Ok((slot, value_at))
    }

    fn any_name(&mut self, start: usize) -> Result<(Raw, usize), ScanError> {
        if self.byte(start) != b'"' {
            return Err(ScanError::NotJson);
        }
        let name = self.text(start + 1)?;
        let colon = self.skip_space(name.next());
        if self.byte(colon) != b':' {
            return Err(ScanError::NotJson);
        }
        Ok((name, self.skip_space(colon + 1)))
    }

    #[inline]
    fn value(&mut self, start: usize, depth: usize) -> Result<Raw, ScanError> {
        match self.byte(start) {
            b'"' => self.text(start + 1),
            b'-' | b'0'..=b'9' => self.number(start),
            _ => self.other_value(start, depth),
        }
    }

    #[inline(never)]
    fn other_value(&mut self, start: usize, depth: usize) -> Result<Raw, ScanError> {
        match self.byte(start) {
            b'{' => self.any_object(start, depth + 1),
            b'[' => self.array(start, depth + 1),
            b't' => self.word(start, b"true", Kind::Boolean),
            b'f' => self.word(start, b"false", Kind::Boolean),
            b'n' => self.word(start, b"null", Kind::Null),
            _ => Err(ScanError::NotJson),
        }
    }

    fn word(&self, start: usize, word: &[u8], kind: Kind) -> Result<Raw, ScanError> {
        let end = start + word.len();
        if self.bytes.get(start..end) == Some(word) { Ok(Raw::new(start, end, kind)) } else { Err(ScanError::NotJson) }
    }

    fn any_object(&mut self, start: usize, depth: usize) -> Result<Raw, ScanError> {
        if depth > DEPTH_MAX {
            return Err(ScanError::TooDeep);
        }
        let mut at = self.skip_space(start + 1);
        if self.byte(at) == b'}' {
            return Ok(Raw::new(start, at + 1, Kind::Object));
        }
        loop {
            let (_, value_at) = self.any_name(at)?;
            let value = self.value(value_at, depth)?;
            at = self.skip_space(value.next());
            match self.byte(at) {
                b',' => at = self.skip_space(at + 1),
                b'}' => return Ok(Raw::new(start, at + 1, Kind::Object)),
                _ => return Err(ScanError::NotJson),
            }
        }
    }

    fn array(&mut self, start: usize, depth: usize) -> Result<Raw, ScanError> {
        if depth > DEPTH_MAX {
            return Err(ScanError::TooDeep);
        }
        let mut at = self.skip_space(start + 1);
        if self.byte(at) == b']' {
            return Ok(Raw::new(start, at + 1, Kind::EmptyArray));
        }
        loop {
            let value = self.value(at, depth)?;
            at = self.skip_space(value.next());
            match self.byte(at) {
                b',' => at = self.skip_space(at + 1),
                b']' => return Ok(Raw::new(start, at + 1, Kind::Array)),
                _ => return Err(ScanError::NotJson),
            }
        }
    }

    #[inline]
    fn number(&mut self, start: usize) -> Result<Raw, ScanError> {
        let mut at = start + usize::from(self.byte(start) == b'-');
        match self.byte(at) {
            b'0' => at += 1,
            b'1'..=b'9' => at = self.skip_digits(at + 1),
            _ => return Err(ScanError::NotJson),
        }
        let mut kind = Kind::Integer;
        if self.byte(at) == b'.' {
            kind = Kind::Decimal;
            at = self.some_digits(at + 1)?;
        }
        if matches!(self.byte(at), b'e' | b'E') {
            kind = Kind::Decimal;
            let signed = matches!(self.byte(at + 1), b'+' | b'-');
            at = self.some_digits(at + 1 + usize::from(signed))?;
        }
        Ok(Raw::new(start, at, kind))
    }

    #[inline]
    fn some_digits(&self, start: usize) -> Result<usize, ScanError> {
        let end = self.skip_digits(start);
        if end == start { Err(ScanError::NotJson) } else { Ok(end) }
    }

    #[inline]
    fn skip_digits(&self, start: usize) -> usize {
        let mut at = start;
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    }

    /// Scans a text from behind its opening quote.
    #[inline]
    fn text(&mut self, start: usize) -> Result<Raw, ScanError> {
        let mut at = start;
        while let Some(word) = word_at(self.bytes, at) {
            self.words |= word;
            let special = special_bytes(word);
            if special != 0 {
                at += special.trailing_zeros() as usize / 8;
                if self.byte(at) == b'"' {
                    let kind = if at == start { Kind::EmptyText } else { Kind::Text };
                    return Ok(Raw::new(start, at, kind));
                }
                break;
            }
            at += 8;
        }
        self.text_by_bytes(start, at)
    }

    /// The rest of a text with an escape, or at the end of the slice.
    #[inline(never)]
    fn text_by_bytes(&mut self, start: usize, mut at: usize) -> Result<Raw, ScanError> {
        let mut kind = Kind::Text;
        loop {
            let byte = self.byte(at);
            match byte {
                b'"' if at == start => return Ok(Raw::new(start, at, Kind::EmptyText)),
                b'"' => return Ok(Raw::new(start, at, kind)),
                b'\\' => {
                    kind = Kind::EscapedText;
                    at = self.escape(at + 1)?;
                }
                0..0x20 => return Err(ScanError::NotJson),
                _ => {
                    self.words |= u64::from(byte);
                    at += 1;
                }
            }
        }
    }

    /// Checks an escape from behind its backslash; gives where the text goes on.
    fn escape(&self, start: usize) -> Result<usize, ScanError> {
        match self.byte(start) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(start + 1),
            b'u' => {
                let unit = hex_unit(self.bytes, start + 1).ok_or(ScanError::NotJson)?;
                match unit {
                    HIGH_SURROGATE_FIRST..LOW_SURROGATE_FIRST => {
                        let low = (self.bytes.get(start + 5..start + 7) == Some(b"\\u"))
                            .then(|| hex_unit(self.bytes, start + 7))
                            .flatten();
                        match low {
                            Some(LOW_SURROGATE_FIRST..=LOW_SURROGATE_LAST) => Ok(start + 11),
                            _ => Err(ScanError::NotJson),
                        }
                    }
                    LOW_SURROGATE_FIRST..=LOW_SURROGATE_LAST => Err(ScanError::NotJson),
                    _ => Ok(start + 5),
                }
            }
            _ => Err(ScanError::NotJson),
        }
    }

    #[inline]
    fn skip_space(&self, start: usize) -> usize {
        let mut at = start;
        // A line feed is white space too, but it ends the line.
        while matches!(self.byte(at), b' ' | b'\t' | b'\r') {
            at += 1;
        }
        at
    }

    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(LINE_END)
    }
}

/// Whether a text is written like a JSON number.
pub(crate) fn is_number(text: &[u8]) -> bool {
    let number = Scanner::new(text).number(0);
    number.is_ok_and(|number| number.end as usize == text.len())
}

/// Writes what a scanned text with escapes means to the end of `out`.
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

/// The character of the hex digits here, and how many bytes they take.
fn escaped_character(raw: &[u8], at: usize) -> (char, usize) {
    // The scanner let only whole pairs pass.
    let unit = hex_unit(raw, at).unwrap_or_default();
    if !(HIGH_SURROGATE_FIRST..LOW_SURROGATE_FIRST).contains(&unit) {
        return (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 4);
    }
    let low = hex_unit(raw, at + 6).unwrap_or_default();
    let code = 0x1_0000 + ((unit - HIGH_SURROGATE_FIRST) << 10) + low.wrapping_sub(LOW_SURROGATE_FIRST);
    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10)
}

const HIGH_SURROGATE_FIRST: u32 = 0xd800;
const LOW_SURROGATE_FIRST: u32 = 0xdc00;
const LOW_SURROGATE_LAST: u32 = 0xdfff;

/// What a line ends with, and what stands behind the end of the slice.
const LINE_END: u8 = b'\n';

fn hex_unit(bytes: &[u8], at: usize) -> Option<u32> {
    let mut unit = 0;
    for byte in bytes.get(at..at + 4)? {
        unit = unit << 4 | char::from(*byte).to_digit(16)?;
    }
    Some(unit)
}

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    let word: [u8; 8] = bytes.get(at..at + 8)?.try_into().ok()?;
    Some(u64::from_le_bytes(word))
}

/// Marks, by its high bit, the lowest byte that is a quote, a backslash or a control character. Bytes above it may be
/// marked wrongly, since a borrow runs upwards.
///
/// **Source**: "Bit Twiddling Hacks" by Sean Eron Anderson, "Determine if a word has a byte less than n".
#[inline]
fn special_bytes(word: u64) -> u64 {
    let quote = word ^ (LOW_BITS * b'"' as u64);
    let backslash = word ^ (LOW_BITS * b'\\' as u64);
    let quotes = quote.wrapping_sub(LOW_BITS) & !quote;
    let backslashes = backslash.wrapping_sub(LOW_BITS) & !backslash;
    let controls = word.wrapping_sub(LOW_BITS * 0x20) & !word;
    (quotes | backslashes | controls) & HIGH_BITS
}

/// Remembers how the names of members are written, separators and all, so that a name that was checked once is
/// known again by comparing three words.
pub(crate) struct Names {
    slot_of: fn(&[u8]) -> u8,
    /// `"name":` behind an opening brace.
    first: TokenCache,
    /// `,"name":` behind a value.
    further: TokenCache,
}

impl Names {
    /// Starts with nothing remembered; `slot_of` gives the slot of a name, or [`NO_SLOT`].
    pub(crate) fn new(slot_of: fn(&[u8]) -> u8) -> Names {
        Names { slot_of, first: TokenCache::new(), further: TokenCache::new() }
    }
}

const TOKEN_WORDS: usize = 3;
const TOKEN_BYTES_MAX: usize = TOKEN_WORDS * 8;
const TOKEN_SETS_BITS: u32 = 6;
const TOKEN_SETS: usize = 1 << TOKEN_SETS_BITS;

#[derive(Clone, Copy)]
struct Token {
    words: [u64; TOKEN_WORDS],
    masks: [u64; TOKEN_WORDS],
    length: u8,
    slot: u8,
}

/// A cache of two ways, found by the first bytes.
struct TokenCache {
    sets: Box<[[Token; 2]; TOKEN_SETS]>,
}

impl TokenCache {
    fn new() -> TokenCache {
        // Nothing equals all ones under an empty mask, so an unused place never matches.
        let unused = Token { words: [u64::MAX; TOKEN_WORDS], masks: [0; TOKEN_WORDS], length: 0, slot: NO_SLOT };
        TokenCache { sets: Box::new([[unused; 2]; TOKEN_SETS]) }
    }

    #[inline]
    fn find(&self, bytes: &[u8], at: usize) -> Option<(u8, usize)> {
        let words = token_words(bytes.get(at..at + TOKEN_BYTES_MAX)?);
        for token in &self.sets[token_set(words[0])] {
            let differences = [0, 1, 2].map(|index| (words[index] & token.masks[index]) ^ token.words[index]);
            if differences[0] | differences[1] | differences[2] == 0 {
                return Some((token.slot, usize::from(token.length)));
            }
        }
        None
    }

    /// Remembers a token that was scanned. Longer ones, and those beyond ASCII, are scanned each time: the latter
    /// must reach the check for UTF-8.
    fn learn(&mut self, token: &[u8], slot: u8) {
        let length = match u8::try_from(token.len()) {
            Ok(length) if token.len() <= TOKEN_BYTES_MAX && token.is_ascii() => length,
            _ => return,
        };
        let mut padded = [0; TOKEN_BYTES_MAX];
        let mut mask = [0; TOKEN_BYTES_MAX];
        padded[..token.len()].copy_from_slice(token);
        mask[..token.len()].fill(0xff);
        let learned = Token { words: token_words(&padded), masks: token_words(&mask), length, slot };
        let set = &mut self.sets[token_set(learned.words[0])];
        set[1] = set[0];
        set[0] = learned;
    }
}

#[inline]
fn token_words(bytes: &[u8]) -> [u64; TOKEN_WORDS] {
    [0, 8, 16].map(|at| word_at(bytes, at).unwrap_or_default())
}

#[inline]
fn token_set(first_word: u64) -> usize {
    // Only the bytes up to a colon: what follows in a short token is the value. Without a colon the mask is all ones.
    let colons = first_word ^ (LOW_BITS * b':' as u64);
    let colon = colons.wrapping_sub(LOW_BITS) & !colons & HIGH_BITS;
    let name = first_word & (colon ^ colon.wrapping_sub(1));
    let hash = name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - TOKEN_SETS_BITS);
    usize::try_from(hash).unwrap_or_default() & (TOKEN_SETS - 1)
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
