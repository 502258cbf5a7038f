//! Decodes text in UTF-16 while it streams; any other text passes as it is.

/// How many of the first bytes say what a text is.
const HEAD_BYTES: usize = 4;

/// The size of a decoded block, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;

/// U+FEFF in the other order of bytes: a text of the other order was joined to this one.
const SWAPPED_MARK: u16 = 0xfffe;

/// Decodes UTF-16 of either order of bytes, known by its byte order mark, or by where its first two
/// characters have zeros.
pub(in crate::chunk) struct TextDecoder {
    state: State,
    decoded: Vec<u8>,
}

enum State {
    /// The bytes so far, too few to know.
    Unknown(Vec<u8>),
    Utf8,
    Utf16(Units),
}

/// A text in UTF-16.
struct Units {
    is_big_endian: bool,
    /// The first byte of a unit, whose second one is in the next block.
    half: Option<u8>,
    /// A high surrogate that the low one must follow.
    high: Option<u16>,
}

impl TextDecoder {
    /// Starts before the first byte.
    pub(in crate::chunk) fn new() -> TextDecoder {
        TextDecoder { state: State::Unknown(Vec::new()), decoded: Vec::new() }
    }

    /// Takes the next block, and passes it as UTF-8 to `sink`.
    #[inline]
    pub(in crate::chunk) fn push(&mut self, block: &[u8], sink: &mut impl FnMut(&[u8])) {
        if let State::Utf8 = self.state { sink(block) } else { self.decode(block, sink) }
    }

    /// Whether no character is unfinished.
    pub(in crate::chunk) fn is_at_end(&self) -> bool {
        match &self.state {
            State::Unknown(head) => head.is_empty(),
            State::Utf8 => true,
            State::Utf16(units) => units.half.is_none() && units.high.is_none(),
        }
    }

    /// Ends the text, and passes the rest to `sink`.
    pub(in crate::chunk) fn finish(&mut self, sink: &mut impl FnMut(&[u8])) {
        if let State::Unknown(head) = &mut self.state {
            let head = std::mem::take(head);
            self.start(&head, sink);
        }
        if let State::Utf16(units) = &self.state {
            for _ in 0..usize::from(units.half.is_some()) + usize::from(units.high.is_some()) {
                sink("\u{fffd}".as_bytes());
            }
        }
    }

    #[cold]
    fn decode(&mut self, block: &[u8], sink: &mut impl FnMut(&[u8])) {
        match &mut self.state {
            State::Utf8 => sink(block),
            State::Unknown(head) => {
                let (first, rest) = block.split_at(block.len().min(HEAD_BYTES - head.len()));
                head.extend_from_slice(first);
                if head.len() == HEAD_BYTES {
                    let head = std::mem::take(head);
                    self.start(&head, sink);
                    self.push(rest, sink);
                }
            }
            State::Utf16(units) => {
                for part in block.chunks(BLOCK_BYTES / 3) {
                    self.decoded.clear();
                    units.decode(part, &mut self.decoded);
                    sink(&self.decoded);
                }
            }
        }
    }

    fn start(&mut self, head: &[u8], sink: &mut impl FnMut(&[u8])) {
        self.state = match is_big_endian(head) {
            Some(is_big_endian) => State::Utf16(Units { is_big_endian, half: None, high: None }),
            None => State::Utf8,
        };
        self.push(head, sink);
    }
}

/// Whether a text is in UTF-16.
pub(super) fn is_utf16(text: &[u8]) -> bool {
    is_big_endian(text).is_some()
}

/// The order of the bytes of a text in UTF-16, by its first four bytes; `None` for any other text.
fn is_big_endian(text: &[u8]) -> Option<bool> {
    match *text {
        [0xfe, 0xff, ..] => Some(true),
        [0xff, 0xfe, ..] => Some(false),
        // An object of records of a stream may begin with a line feed.
        [b'\n', ..] => None,
        [0, 1..=255, 0, 1..=255, ..] => Some(true),
        [1..=255, 0, 1..=255, 0, ..] => Some(false),
        _ => None,
    }
}

impl Units {
    fn decode(&mut self, bytes: &[u8], decoded: &mut Vec<u8>) {
        let mut rest = bytes;
        if let (Some(half), [first, after @ ..]) = (self.half, rest) {
            self.half = None;
            self.unit([half, *first], decoded);
            rest = after;
        }
        let (pairs, odd) = rest.as_chunks();
        for pair in pairs {
            self.unit(*pair, decoded);
        }
        self.half = self.half.or(odd.first().copied());
    }

    #[inline]
    fn unit(&mut self, pair: [u8; 2], decoded: &mut Vec<u8>) {
        let unit =
            if self.is_big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() && self.high.is_none() => decoded.push(byte),
            _ => self.any_unit(unit, decoded),
        }
    }

    /// Takes any unit. Half of a surrogate pair becomes U+FFFD.
    fn any_unit(&mut self, unit: u16, decoded: &mut Vec<u8>) {
        let mut add = |character: char| {
            let mut bytes = [0; 4];
            decoded.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
        };
        if let Some(high) = self.high.take() {
            if let Some(Ok(character)) = char::decode_utf16([high, unit]).next() {
                return add(character);
            }
            add(char::REPLACEMENT_CHARACTER);
        }
        match unit {
            0xd800..0xdc00 => self.high = Some(unit),
            SWAPPED_MARK => {
                self.is_big_endian = !self.is_big_endian;
                add('\u{feff}');
            }
            _ => add(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> String {
        let results = [1, 2, 3, 5, usize::MAX].map(|block_bytes| {
            let mut decoder = TextDecoder::new();
            let mut decoded = Vec::new();
            for block in bytes.chunks(block_bytes) {
                decoder.push(block, &mut |text| decoded.extend_from_slice(text));
            }
            decoder.finish(&mut |text| decoded.extend_from_slice(text));
            decoded
        });
        assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
        String::from_utf8_lossy(&results[0]).into_owned()
    }

    fn utf16(text: &str, is_big_endian: bool) -> Vec<u8> {
        let bytes = |unit: u16| if is_big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn utf16_is_known_by_its_mark_or_its_zeros() {
        for text in ["\u{feff}{\"a\":\"żółw 😀\"}\n", "{\"a\":1}", "[]", "\u{feff}", "\u{feff}😀"]
        {
            for is_big_endian in [false, true] {
                assert_eq!(decoded(&utf16(text, is_big_endian)), text);
            }
        }
    }

    #[test]
    fn other_text_passes_as_it_is() {
        for text in ["", "{", "{}", "{}\n", "\u{feff}{}\n", "\0\0\0\0", "a\0b", "\0a\0", "ab\0\0"] {
            assert_eq!(decoded(text.as_bytes()), text);
        }
    }

    #[test]
    fn half_a_surrogate_pair_or_a_character_is_replaced() {
        let units = |units: &[u16]| -> Vec<u8> {
            [0xfeff].iter().chain(units).flat_map(|unit| unit.to_be_bytes()).collect()
        };
        for (text, expected) in [
            (units(&[0xd83d, 0x61]), "\u{feff}\u{fffd}a"),
            (units(&[0xd83d, 0xd83d, 0xde00]), "\u{feff}\u{fffd}😀"),
            (units(&[0xde00, 0xd83d]), "\u{feff}\u{fffd}\u{fffd}"),
            (units(&[0xd83d, 0xd83d]), "\u{feff}\u{fffd}\u{fffd}"),
            ([units(&[0x61]), vec![0]].concat(), "\u{feff}a\u{fffd}"),
        ] {
            assert_eq!(decoded(&text), expected);
        }
    }

    #[test]
    fn a_joined_text_may_have_the_other_order_of_bytes() {
        let joined = [utf16("\u{feff}{}\n", true), utf16("\u{feff}[]\n", false)].concat();
        assert_eq!(decoded(&joined), "\u{feff}{}\n\u{feff}[]\n");
    }
}
