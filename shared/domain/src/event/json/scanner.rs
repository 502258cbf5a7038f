//! The scanner: checks a line by RFC 8259 in one pass and reports where the members of an object
//! are, without building a tree or copying anything.
//!
//! A line is passed as the bytes from its start on; it ends at the first line feed or at the end of
//! the slice. Since a line feed ends it, the scanner can read words of eight bytes past its end
//! instead of stepping through its last bytes one by one.

use crate::event::json::names::{BEFORE_FIRST, KnownToken, Names};
use crate::event::json::nested::nested_end;
use crate::event::json::raw::{Kind, Raw};
use crate::event::json::unescape::{
    HIGH_SURROGATE_FIRST, LOW_SURROGATE_FIRST, LOW_SURROGATE_LAST, hex_unit, with_unescaped,
};
use crate::event::json::words::{HIGH_BITS, short_number, special_bytes, word_at};

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

/// Scans one line.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    /// The bitwise or of all words of texts: a high bit means that the line may exceed ASCII.
    words: u64,
    /// Whether the bytes are valid JSON, so that nested values are skipped by their brackets.
    is_checked: bool,
}

impl<'a> Scanner<'a> {
    /// Starts a line, given the bytes from its start to at least its end.
    pub(crate) fn new(bytes: &'a [u8]) -> Scanner<'a> {
        Scanner { bytes, words: 0, is_checked: false }
    }

    /// Starts a text that is known to be valid JSON and UTF-8. With what its texts held in their
    /// places, it may be deeper than a line that is sent.
    pub(crate) fn of_checked(bytes: &'a [u8]) -> Scanner<'a> {
        Scanner { is_checked: true, ..Scanner::new(bytes) }
    }

    /// The line and what follows it.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether a scanned text may contain bytes beyond ASCII. `false` after a valid line that was
    /// not checked before means that all of it is ASCII; `true` means nothing.
    pub(crate) fn may_exceed_ascii(&self) -> bool {
        self.words & HIGH_BITS != 0
    }

    /// Scans the whole line, and passes the members of its object to `take` with the slots of their
    /// names.
    ///
    /// **Shape**: `Ok(false)` if the line is valid JSON but not an object. Duplicate members are
    /// passed each time.
    ///
    /// # Errors
    /// Fails with a [`ScanError`] if the line is not valid JSON; members may have been passed
    /// before.
    #[inline]
    pub(crate) fn line(
        &mut self,
        names: &mut Names,
        take: impl FnMut(u8, Raw),
    ) -> Result<bool, ScanError> {
        let start = self.skip_space(0);
        let is_object = self.byte(start) == b'{';
        let end = if is_object {
            self.object(start, 1, names, take)?
        } else {
            self.value(start, 0)?.next()
        };
        if self.byte(self.skip_space(end)) != LINE_END {
            return Err(ScanError::NotJson);
        }
        self.is_checked = true;
        Ok(is_object)
    }

    /// Scans an object that an earlier scan of this line found.
    ///
    /// # Errors
    /// Never fails for a value that was found in the same line.
    pub(crate) fn members(
        &mut self,
        object: Raw,
        names: &mut Names,
        take: impl FnMut(u8, Raw),
    ) -> Result<(), ScanError> {
        self.object(object.start(), 1, names, take).map(|_| ())
    }

    /// Passes the names and values of an object that an earlier scan of this line found.
    ///
    /// # Errors
    /// Never fails for a value that was found in the same line.
    pub(crate) fn each_member(
        &mut self,
        object: Raw,
        mut take: impl FnMut(Raw, Raw),
    ) -> Result<(), ScanError> {
        let mut at = self.skip_space(object.start() + 1);
        while self.byte(at) != b'}' {
            let (name, value_at) = self.any_name(at)?;
            let value = self.value(value_at, 1)?;
            take(name, value);
            at = self.skip_space(value.next());
            if self.byte(at) == b',' {
                at = self.skip_space(at + 1);
            }
        }
        Ok(())
    }

    /// Scans a line that is one value of any kind.
    ///
    /// # Errors
    /// Fails with a [`ScanError`] if the line is not valid JSON.
    pub(crate) fn only_value(&mut self) -> Result<Raw, ScanError> {
        let start = self.skip_space(0);
        let value = self.value(start, 0)?;
        if self.byte(self.skip_space(value.next())) != LINE_END {
            return Err(ScanError::NotJson);
        }
        Ok(value)
    }

    /// The first element of an array that an earlier scan of this line found; `None` if it is
    /// empty.
    ///
    /// # Errors
    /// Never fails for a value that was found in the same line.
    pub(crate) fn first_element(&mut self, array: Raw) -> Result<Option<Raw>, ScanError> {
        let start = self.skip_space(array.start() + 1);
        if self.byte(start) == b']' {
            return Ok(None);
        }
        self.value(start, 1).map(Some)
    }

    /// The element after this one; `None` after the last.
    ///
    /// # Errors
    /// Never fails for an element that was found in the same line.
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
        let mut token = match names.find(self.bytes, at, BEFORE_FIRST) {
            Some(known) => known,
            None => {
                let name_at = self.skip_space(at);
                if self.byte(name_at) == b'}' {
                    return Ok(name_at + 1);
                }
                self.new_token(at, name_at, names, BEFORE_FIRST)?
            }
        };
        loop {
            at += token.length;
            let value;
            (value, at) = match self.byte(at) {
                b'"' => {
                    let text = self.text(at + 1)?;
                    (text, text.end() + 1)
                }
                b'-' | b'0'..=b'9' => {
                    let number = self.number(at)?;
                    (number, number.end())
                }
                _ => {
                    // A token may be cached with less space after its colon than there is here.
                    let start = self.skip_space(at);
                    let other = self.value(start, depth)?;
                    (other, other.next())
                }
            };
            take(token.slot, value);
            if self.byte(at) == b'}' {
                return Ok(at + 1);
            }
            if let Some(known) = names.find(self.bytes, at, token.place) {
                token = known;
                continue;
            }
            let comma = self.skip_space(at);
            match self.byte(comma) {
                b',' => {
                    let name_at = self.skip_space(comma + 1);
                    token = self.new_token(at, name_at, names, token.place)?;
                }
                b'}' => return Ok(comma + 1),
                _ => return Err(ScanError::NotJson),
            }
        }
    }

    /// Scans a name that is not cached, and caches it with its separators and spaces from `start`
    /// on.
    #[inline(never)]
    fn new_token(
        &mut self,
        start: usize,
        name_at: usize,
        names: &mut Names,
        previous: usize,
    ) -> Result<KnownToken, ScanError> {
        let (slot, value_at) = self.name(name_at, names.slot_of)?;
        let token = self.bytes.get(start..value_at).unwrap_or_default();
        let place = names.learn(token, slot, previous);
        Ok(KnownToken { slot, length: token.len(), place })
    }

    /// Scans the name of a member and its colon; returns the slot of the name and the start of the
    /// value.
    fn name(&mut self, start: usize, slot_of: fn(&[u8]) -> u8) -> Result<(u8, usize), ScanError> {
        let (name, value_at) = self.any_name(start)?;
        let slot = with_unescaped(name, self.bytes, slot_of);
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
            b'{' if self.is_checked => {
                Ok(Raw::new(start, nested_end(self.bytes, start), Kind::Object))
            }
            b'[' if self.is_checked => Ok(self.checked_array(start)),
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
        if self.bytes.get(start..end) == Some(word) {
            Ok(Raw::new(start, end, kind))
        } else {
            Err(ScanError::NotJson)
        }
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

    fn checked_array(&self, start: usize) -> Raw {
        let first = self.skip_space(start + 1);
        if self.byte(first) == b']' {
            return Raw::new(start, first + 1, Kind::EmptyArray);
        }
        Raw::new(start, nested_end(self.bytes, start), Kind::Array)
    }

    #[inline]
    fn number(&mut self, start: usize) -> Result<Raw, ScanError> {
        let short = word_at(self.bytes, start).and_then(short_number);
        match short {
            Some((length, kind)) => Ok(Raw::new(start, start + length, kind)),
            None => self.any_number(start),
        }
    }

    #[inline(never)]
    fn any_number(&mut self, start: usize) -> Result<Raw, ScanError> {
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

    /// Scans a text, starting after its opening quote.
    #[inline]
    fn text(&mut self, start: usize) -> Result<Raw, ScanError> {
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

/// Whether a text is a JSON number.
pub(crate) fn is_number(text: &[u8]) -> bool {
    let number = Scanner::new(text).number(0);
    number.is_ok_and(|number| number.end() == text.len())
}

/// The end of a line, also assumed after the end of the slice.
const LINE_END: u8 = b'\n';
