//! Follows JSON as it arrives: how far bytes are the beginning of one value.

use crate::event::json::{special_bytes, word_at};

/// The maximum nesting of objects and arrays: that of the reader, which says so if there is more.
const DEPTH_MAX: u32 = 64;

/// How the bytes so far relate to a JSON value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// They are the beginning of a value.
    More,
    /// The value ends before this byte of those that were pushed last.
    Complete(usize),
    /// No value continues with this byte of those that were pushed last.
    Broken(usize),
}

/// Follows one value by the grammar of RFC 8259, to 64 levels. Whether its texts are UTF-8, and
/// whether their escapes are whole surrogate pairs, is left to the reader.
#[derive(Clone, Copy, Debug)]
pub(super) struct JsonPrefix {
    expected: Expected,
    /// Whether the text is the name of a member.
    is_name: bool,
    depth: u32,
    /// The lowest bit is the innermost level: 1 for an object, 0 for an array.
    objects: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    Colon,
    CommaOrEnd,
    Text,
    Escape,
    /// So many hex digits of an escape.
    HexDigits(u8),
    /// The rest of a word.
    Word(&'static [u8]),
    Number(Digits),
}

/// The part of a number that was seen last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Digits {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    E,
    ExponentSign,
    Exponent,
}

impl Digits {
    /// What follows with this byte; `None` if the number does not continue.
    fn next(self, byte: u8) -> Option<Digits> {
        match (self, byte) {
            (Digits::Minus, b'0') => Some(Digits::Zero),
            (Digits::Minus, b'1'..=b'9') | (Digits::Whole, b'0'..=b'9') => Some(Digits::Whole),
            (Digits::Zero | Digits::Whole, b'.') => Some(Digits::Point),
            (Digits::Point | Digits::Fraction, b'0'..=b'9') => Some(Digits::Fraction),
            (Digits::Zero | Digits::Whole | Digits::Fraction, b'e' | b'E') => Some(Digits::E),
            (Digits::E, b'+' | b'-') => Some(Digits::ExponentSign),
            (Digits::E | Digits::ExponentSign | Digits::Exponent, b'0'..=b'9') => {
                Some(Digits::Exponent)
            }
            _ => None,
        }
    }

    fn may_end(self) -> bool {
        matches!(self, Digits::Zero | Digits::Whole | Digits::Fraction | Digits::Exponent)
    }
}

impl JsonPrefix {
    /// Starts before the first byte of a value.
    pub(super) fn new() -> JsonPrefix {
        JsonPrefix { expected: Expected::Value, is_name: false, depth: 0, objects: 0 }
    }

    /// The number of objects that are open.
    pub(super) fn open_objects(&self) -> u32 {
        self.objects.count_ones()
    }

    /// Whether the bytes so far are a whole number, which more digits may continue.
    pub(super) fn is_number(&self) -> bool {
        self.depth == 0 && matches!(self.expected, Expected::Number(digits) if digits.may_end())
    }

    /// Takes the next bytes. After [`Progress::Complete`] or [`Progress::Broken`] only
    /// [`open_objects`](JsonPrefix::open_objects) may be asked.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Progress {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.expected == Expected::Text {
                at = skip_plain(bytes, at);
                let Some(&byte) = bytes.get(at) else { break };
                match byte {
                    b'"' if self.is_name => self.expected = Expected::Colon,
                    b'"' => self.expected = Expected::CommaOrEnd,
                    b'\\' => self.expected = Expected::Escape,
                    _ => return Progress::Broken(at),
                }
            } else if let Expected::Number(digits) = self.expected {
                match digits.next(byte) {
                    Some(next) => self.expected = Expected::Number(next),
                    None if digits.may_end() => {
                        self.expected = Expected::CommaOrEnd;
                        if self.depth == 0 {
                            return Progress::Complete(at);
                        }
                        // This byte is what follows the number.
                        continue;
                    }
                    None => return Progress::Broken(at),
                }
                at += 1;
                continue;
            } else if !self.take(byte) {
                return Progress::Broken(at);
            }
            at += 1;
            if self.depth == 0 && self.expected == Expected::CommaOrEnd {
                return Progress::Complete(at);
            }
        }
        Progress::More
    }

    /// Takes a byte outside of numbers and of the plain part of texts; `false` if it breaks the
    /// value.
    fn take(&mut self, byte: u8) -> bool {
        let is_space = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.expected = match (self.expected, byte) {
            (Expected::Escape, b'u') => Expected::HexDigits(4),
            (Expected::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                Expected::Text
            }
            (Expected::HexDigits(left), _) if byte.is_ascii_hexdigit() => match left {
                0..=1 => Expected::Text,
                _ => Expected::HexDigits(left - 1),
            },
            (Expected::Word([next, rest @ ..]), _) if byte == *next => match rest {
                [] => Expected::CommaOrEnd,
                _ => Expected::Word(rest),
            },
            (Expected::Escape | Expected::HexDigits(_) | Expected::Word(_), _) => return false,
            (expected, _) if is_space => expected,
            (Expected::Name | Expected::NameOrEnd, b'"') => {
                self.is_name = true;
                Expected::Text
            }
            (Expected::Colon, b':') => Expected::Value,
            (Expected::CommaOrEnd, b',') if self.is_in_object() => Expected::Name,
            (Expected::CommaOrEnd, b',') => Expected::Value,
            (Expected::CommaOrEnd | Expected::NameOrEnd, b'}') if self.is_in_object() => {
                self.close()
            }
            (Expected::CommaOrEnd | Expected::ValueOrEnd, b']') if !self.is_in_object() => {
                self.close()
            }
            (Expected::Value | Expected::ValueOrEnd, _) => {
                self.is_name = false;
                match byte {
                    b'"' => Expected::Text,
                    b'{' | b'[' if self.depth == DEPTH_MAX => return false,
                    b'{' => self.open(true),
                    b'[' => self.open(false),
                    b'-' => Expected::Number(Digits::Minus),
                    b'0' => Expected::Number(Digits::Zero),
                    b'1'..=b'9' => Expected::Number(Digits::Whole),
                    b't' => Expected::Word(b"rue"),
                    b'f' => Expected::Word(b"alse"),
                    b'n' => Expected::Word(b"ull"),
                    _ => return false,
                }
            }
            _ => return false,
        };
        true
    }

    fn is_in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn open(&mut self, is_object: bool) -> Expected {
        self.depth += 1;
        self.objects = self.objects << 1 | u64::from(is_object);
        if is_object { Expected::NameOrEnd } else { Expected::ValueOrEnd }
    }

    fn close(&mut self) -> Expected {
        self.depth -= 1;
        self.objects >>= 1;
        Expected::CommaOrEnd
    }
}

/// The position of the next quote, backslash or control character.
fn skip_plain(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(word) = word_at(bytes, at) {
        let special = special_bytes(word);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(text: &str) -> Progress {
        let whole = JsonPrefix::new().push(text.as_bytes());
        // In two pushes, wherever they meet, it comes to the same.
        for split in 0..text.len() {
            let mut prefix = JsonPrefix::new();
            let (first, second) = text.as_bytes().split_at(split);
            let split_progress = match prefix.push(first) {
                Progress::More => match prefix.push(second) {
                    Progress::Complete(at) => Progress::Complete(split + at),
                    Progress::Broken(at) => Progress::Broken(split + at),
                    Progress::More => Progress::More,
                },
                early => early,
            };
            assert_eq!(split_progress, whole, "{text} at {split}");
        }
        whole
    }

    #[test]
    fn a_value_ends_where_it_is_closed() {
        for value in [
            "{}",
            "{ \"a\" :\n[ 1 , -0.5e+3,true,false,null,\"}\\\"\" , {} ,[ ] ]\r\n}",
            "{\"\\u00e9\\ud800\":{\"x\":\"é\u{7f}\"}}",
            "\"a\"",
            "null",
            "[0]",
        ] {
            assert_eq!(progress(&format!("{value}x")), Progress::Complete(value.len()), "{value}");
        }
        assert_eq!(progress("-1.5,"), Progress::Complete(4));
        assert_eq!(progress("12"), Progress::More);
        assert!(progress("{\"a\":[1,{") == Progress::More);
    }

    #[test]
    fn the_first_byte_that_no_value_continues_with_breaks_it() {
        for (value, at) in [
            ("{,", 1),
            ("{\"a\" 1", 5),
            ("{\"a\":}", 5),
            ("{\"a\":1,}", 7),
            ("{\"a\":[1,]", 8),
            ("{\"a\":[1}", 7),
            ("{\"a\":01", 6),
            ("{\"a\":1.}", 7),
            ("{\"a\":-x", 6),
            ("{\"a\":1e}", 7),
            ("{\"a\":NaN", 5),
            ("{\"a\":trux", 8),
            ("{\"a\nb", 3),
            ("{\"\\x", 3),
            ("{\"\\u00g", 6),
            ("{\"a\":\"5\" x", 9),
            ("}", 0),
        ] {
            assert_eq!(progress(value), Progress::Broken(at), "{value}");
        }
    }

    #[test]
    fn takes_64_levels_and_no_more() {
        let closed = format!("{}{}", "[".repeat(64), "]".repeat(64));
        assert_eq!(progress(&closed), Progress::Complete(128));
        assert_eq!(progress(&"[".repeat(65)), Progress::Broken(64));
        let mut prefix = JsonPrefix::new();
        assert_eq!(prefix.push("{\"a\":[".repeat(32).as_bytes()), Progress::More);
        assert_eq!(prefix.open_objects(), 32);
    }
}
