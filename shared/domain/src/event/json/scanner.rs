//! The scanner: checks a line by RFC 8259 in one pass and reports where the members of an object
//! are, without building a tree or copying anything.
//!
//! A line is passed as the bytes from its start on; it ends at the first line feed or at the end of
//! the slice. Since a line feed ends it, the scanner can read words of eight bytes past its end
//! instead of stepping through its last bytes one by one.

use crate::event::json::names::{Behind, KnownToken, Names, OF_LINE, Slots};
use crate::event::json::number::{LINE_END, byte, number};
use crate::event::json::raw::{Kind, Raw};
use crate::event::json::tape::Tape;
use crate::event::json::unescape::{
    HIGH_SURROGATE_FIRST, LOW_SURROGATE_FIRST, LOW_SURROGATE_LAST, hex_unit, with_unescaped,
};
use crate::event::json::words::{HIGH_BITS, special_bytes, word_at};

/// The maximum nesting of objects and arrays; the object of the line itself is the first level.
pub(crate) const DEPTH_MAX: usize = 64;

/// Why a line is not valid JSON; the first error that the scanner finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanError {
    /// The line is not exactly one JSON text.
    NotJson,
    /// Objects and arrays are nested more than [`DEPTH_MAX`] deep.
    TooDeep,
}

/// What is kept from line to line.
pub(crate) struct Memory {
    names: Names,
    /// The objects and arrays around the value that is scanned.
    around: Vec<Container>,
    /// What was found in the line that was scanned last.
    pub(crate) tape: Tape,
}

impl Memory {
    /// A memory without names; `slots_of` returns the slots of a name.
    pub(crate) fn new(slots_of: fn(&[u8]) -> Slots) -> Memory {
        Memory { names: Names::new(slots_of), around: Vec::new(), tape: Tape::default() }
    }
}

/// Scans one line.
pub(crate) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) names: &'a mut Names,
    pub(super) around: &'a mut Vec<Container>,
    pub(super) tape: &'a mut Tape,
    pub(super) depth_max: usize,
    /// The bitwise or of all words of texts: a high bit means that the line may exceed ASCII.
    words: u64,
}

/// An object or array that is not scanned to its end.
#[derive(Clone, Copy)]
pub(super) struct Container {
    /// Its place on the tape.
    pub(super) place: u32,
    pub(super) start: usize,
    /// The place of the token of the member that it is, or in whose array it is.
    pub(super) parent: usize,
    pub(super) is_object: bool,
}

/// What follows in an object.
pub(super) enum Next {
    Member(KnownToken),
    /// Its end, and the position after it.
    End(usize),
}

impl<'a> Scanner<'a> {
    /// Starts a line, given the bytes from its start to at least its end.
    pub(crate) fn new(bytes: &'a [u8], memory: &'a mut Memory) -> Scanner<'a> {
        let Memory { names, around, tape } = memory;
        Scanner { bytes, names, around, tape, depth_max: DEPTH_MAX, words: 0 }
    }

    /// Starts a text that is known to be valid JSON and UTF-8. With what its texts held in their
    /// places, it may be deeper than a line that is sent, by as much again for each of the three
    /// that may be in one another.
    pub(crate) fn of_checked(bytes: &'a [u8], memory: &'a mut Memory) -> Scanner<'a> {
        Scanner { depth_max: usize::MAX, ..Scanner::new(bytes, memory) }
    }

    /// Whether a scanned text may contain bytes beyond ASCII. `false` after a valid line that was
    /// not checked before means that all of it is ASCII; `true` means nothing.
    pub(crate) fn may_exceed_ascii(&self) -> bool {
        self.words & HIGH_BITS != 0
    }

    /// Scans the whole line, and passes the members of its object to `take` with the slots of their
    /// names. What is within them is on the tape then.
    ///
    /// **Shape**: `Ok(false)` if the line is valid JSON but not an object. Duplicate members are
    /// passed each time.
    ///
    /// # Errors
    /// Fails with a [`ScanError`] if the line is not valid JSON; members may have been passed
    /// before.
    #[inline]
    pub(crate) fn line(&mut self, take: impl FnMut(Slots, Raw)) -> Result<bool, ScanError> {
        self.line_on_tape::<false>(take)
    }

    /// Scans a line like [`line`](Scanner::line); what it is, and all in it, is on the tape then.
    ///
    /// # Errors
    /// Fails with a [`ScanError`] if the line is not valid JSON.
    #[inline(never)]
    pub(crate) fn whole_line(&mut self, take: impl FnMut(Slots, Raw)) -> Result<bool, ScanError> {
        self.line_on_tape::<true>(take)
    }

    // Nearly all time is spent here, so all of it is in one function.
    #[inline(always)]
    fn line_on_tape<const WHOLE: bool>(
        &mut self,
        take: impl FnMut(Slots, Raw),
    ) -> Result<bool, ScanError> {
        self.tape.clear();
        let start = self.skip_space(0);
        let is_object = self.byte(start) == b'{';
        let end = if is_object {
            self.object::<WHOLE>(start, take)?
        } else {
            let value = self.any_value(start, 0, Slots::NONE, OF_LINE)?;
            if !value.is_container() {
                self.tape.add(Slots::NONE, value);
            }
            value.next()
        };
        if self.byte(self.skip_space(end)) != LINE_END {
            return Err(ScanError::NotJson);
        }
        Ok(is_object)
    }

    /// Scans the object of the line.
    #[inline(always)]
    fn object<const WHOLE: bool>(
        &mut self,
        start: usize,
        mut take: impl FnMut(Slots, Raw),
    ) -> Result<usize, ScanError> {
        let place = if WHOLE { self.tape.open(Slots::NONE) } else { 0 };
        let mut at = start + 1;
        let mut token = match self.names.find(self.bytes, at, Behind::Brace(OF_LINE)) {
            Some(known) => known,
            None => match self.new_first_member(at, OF_LINE)? {
                Next::Member(token) => token,
                Next::End(end) => return self.end_object::<WHOLE>(place, start, end),
            },
        };
        loop {
            at += token.length;
            let value;
            (value, at) = match self.byte(at) {
                b'"' => {
                    let text = self.text(at + 1)?;
                    if WHOLE {
                        self.tape.add(token.slots, text);
                    }
                    (text, text.end() + 1)
                }
                b'-' | b'0'..=b'9' => {
                    let number = self.number(at)?;
                    if WHOLE {
                        self.tape.add(token.slots, number);
                    }
                    (number, number.end())
                }
                b'n' | b't' | b'f' => {
                    let word = self.word(at)?;
                    if WHOLE {
                        self.tape.add(token.slots, word);
                    }
                    (word, word.end())
                }
                _ => {
                    // A token may be cached with less space after its colon than there is here.
                    let start = self.skip_space(at);
                    let other = self.any_value(start, 1, token.slots, token.place)?;
                    if WHOLE && !other.is_container() {
                        self.tape.add(token.slots, other);
                    }
                    (other, other.next())
                }
            };
            take(token.slots, value);
            if self.byte(at) == b'}' {
                return self.end_object::<WHOLE>(place, start, at + 1);
            }
            if let Some(known) = self.names.find(self.bytes, at, Behind::Value(token.place)) {
                token = known;
                continue;
            }
            match self.new_next_member(at, token.place)? {
                Next::Member(known) => token = known,
                Next::End(end) => return self.end_object::<WHOLE>(place, start, end),
            }
        }
    }

    #[inline]
    fn end_object<const WHOLE: bool>(
        &mut self,
        place: u32,
        start: usize,
        end: usize,
    ) -> Result<usize, ScanError> {
        if WHOLE {
            self.tape.close(place, Raw::new(start, end, Kind::Object));
        }
        Ok(end)
    }

    #[inline(never)]
    pub(super) fn new_first_member(&mut self, at: usize, parent: usize) -> Result<Next, ScanError> {
        let name_at = self.skip_space(at);
        match self.byte(name_at) {
            b'}' => Ok(Next::End(name_at + 1)),
            _ => self.new_token(at, name_at, Behind::Brace(parent)),
        }
    }

    #[inline(never)]
    pub(super) fn new_next_member(
        &mut self,
        at: usize,
        previous: usize,
    ) -> Result<Next, ScanError> {
        let comma = self.skip_space(at);
        match self.byte(comma) {
            b',' => {
                let name_at = self.skip_space(comma + 1);
                self.new_token(at, name_at, Behind::Value(previous))
            }
            b'}' => Ok(Next::End(comma + 1)),
            _ => Err(ScanError::NotJson),
        }
    }

    /// Scans a name that is not cached, and caches it with its separators and spaces from `start`
    /// on.
    fn new_token(
        &mut self,
        start: usize,
        name_at: usize,
        behind: Behind,
    ) -> Result<Next, ScanError> {
        if self.byte(name_at) != b'"' {
            return Err(ScanError::NotJson);
        }
        let name = self.text(name_at + 1)?;
        let colon = self.skip_space(name.next());
        if self.byte(colon) != b':' {
            return Err(ScanError::NotJson);
        }
        let value_at = self.skip_space(colon + 1);
        let slots = with_unescaped(name, self.bytes, self.names.slots_of);
        let token = self.bytes.get(start..value_at).unwrap_or_default();
        let place = self.names.learn(token, slots, behind);
        Ok(Next::Member(KnownToken { slots, length: token.len(), place }))
    }

    /// Scans a value. Only objects and arrays are added to the tape. It is at this depth, and the
    /// token of its name is at the place `parent`.
    #[inline(never)]
    fn any_value(
        &mut self,
        start: usize,
        depth: usize,
        slots: Slots,
        parent: usize,
    ) -> Result<Raw, ScanError> {
        match self.byte(start) {
            b'{' | b'[' => self.container(start, depth, slots, parent),
            b'"' => self.text(start + 1),
            b'-' | b'0'..=b'9' => self.number(start),
            _ => self.word(start),
        }
    }

    #[inline]
    pub(super) fn word(&self, start: usize) -> Result<Raw, ScanError> {
        let first = self.bytes.get(start..).and_then(|rest| rest.first_chunk());
        match first {
            Some(b"null") => Ok(Raw::new(start, start + 4, Kind::Null)),
            Some(b"true") => Ok(Raw::new(start, start + 4, Kind::Boolean)),
            Some(b"fals") if self.byte(start + 4) == b'e' => {
                Ok(Raw::new(start, start + 5, Kind::Boolean))
            }
            _ => Err(ScanError::NotJson),
        }
    }

    #[inline]
    pub(super) fn number(&self, start: usize) -> Result<Raw, ScanError> {
        number(self.bytes, start).ok_or(ScanError::NotJson)
    }

    /// Scans a text, starting after its opening quote.
    #[inline]
    pub(super) fn text(&mut self, start: usize) -> Result<Raw, ScanError> {
        let end = self.skip_plain(start);
        if self.byte(end) == b'"' {
            let kind = if end == start { Kind::EmptyText } else { Kind::Text };
            return Ok(Raw::new(start, end, kind));
        }
        self.text_with_escapes(start, end)
    }

    /// Scans the rest of a text, from an escape, a control character or the end of the slice on.
    #[inline(never)]
    fn text_with_escapes(&mut self, start: usize, mut at: usize) -> Result<Raw, ScanError> {
        let mut kind = Kind::Text;
        loop {
            match self.byte(at) {
                b'"' if at == start => return Ok(Raw::new(start, at, Kind::EmptyText)),
                b'"' => return Ok(Raw::new(start, at, kind)),
                b'\\' => {
                    kind = Kind::EscapedText;
                    self.tape.note_escapes();
                    let end = self.escape(at + 1)?;
                    at = self.skip_plain(end);
                }
                0..0x20 => return Err(ScanError::NotJson),
                byte => {
                    self.words |= u64::from(byte);
                    at += 1;
                }
            }
        }
    }

    /// Skips bytes other than quotes, backslashes and control characters, as long as a whole word
    /// is left.
    #[inline]
    fn skip_plain(&mut self, start: usize) -> usize {
        let mut at = start;
        let mut words = 0;
        while let Some(word) = word_at(self.bytes, at) {
            words |= word;
            let special = special_bytes(word);
            if special != 0 {
                at += special.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        self.words |= words;
        at
    }

    /// Checks an escape, starting after its backslash; returns the position after it.
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
                            // Half a surrogate pair is read as U+FFFD.
                            _ => Ok(start + 5),
                        }
                    }
                    _ => Ok(start + 5),
                }
            }
            _ => Err(ScanError::NotJson),
        }
    }

    #[inline]
    pub(super) fn skip_space(&self, start: usize) -> usize {
        let mut at = start;
        // A line feed is white space too, but it ends the line.
        while matches!(self.byte(at), b' ' | b'\t' | b'\r') {
            at += 1;
        }
        at
    }

    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        byte(self.bytes, at)
    }
}
