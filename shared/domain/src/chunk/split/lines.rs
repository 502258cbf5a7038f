//! Splits a stream of text blocks into lines.

use crate::event::reason::Reason;

/// The maximum length of a line without its line end, and of a value, in bytes: 256 KiB.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// How many bytes of an overlong line or value are kept in the rejected lines.
pub const LINE_HEAD_BYTES: usize = 1_024;

/// U+FEFF, which may precede the first line.
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// An unfinished line may have one byte more than the longest line: a CR, which may turn out to be
/// half of its line end.
const PARTIAL_BYTES_MAX: usize = LINE_BYTES_MAX + 1;

/// A line that is not blank, or a piece of one: what ends in exactly one outcome.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    /// The 1-based number of the line that it begins in; blank lines are numbered too.
    pub(crate) number: u64,
    /// The position in the text of the end of `and_after`, in bytes.
    pub(crate) end_offset: u64,
    /// Its bytes without its line end; only the first [`LINE_HEAD_BYTES`] if it is too long.
    pub(crate) text: &'a [u8],
    /// Its bytes and those after it: a line end, or the end of the slice.
    pub(crate) and_after: &'a [u8],
    /// What it may be.
    pub(crate) form: Form,
}

/// What a [`Line`] may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// A line, which is refused by its taker if it is not one JSON object: it is cut then.
    Line,
    /// One value, a piece of a line that is none, or a line that is not cut. It is counted or
    /// rejected.
    Value,
    /// It is rejected for this reason. Only the beginning of what is too long is there.
    Rejected(Reason),
}

impl Line<'_> {
    /// Its position in the text, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.end_offset - self.and_after.len() as u64
    }
}

/// A position in a text.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// How many lines ended before it.
    pub(super) line: u64,
    /// How many bytes are before it.
    pub(super) offset: u64,
}

/// Splits blocks of text into lines.
///
/// **Guarantees**: the lines do not depend on how the text is split into blocks. A line within one
/// block is not copied; of a line across blocks at most the length of the longest line is kept.
pub(super) struct LineSplitter {
    /// Of the next block; the lines end before the unfinished one.
    place: Place,
    /// Whether the taker may refuse lines. Lines that are too long are left to it, too.
    may_refuse: bool,
    /// How much of the byte order mark has been seen; all of it once the text has begun.
    mark_bytes: usize,
    /// The unfinished line at the end of the last block: its first [`PARTIAL_BYTES_MAX`] bytes.
    partial: Vec<u8>,
    /// What is known about its other bytes, if it has more.
    overflow: Option<Overflow>,
}

#[derive(Clone, Copy)]
struct Overflow {
    bytes: u64,
    all_blank: bool,
}

impl LineSplitter {
    /// Starts before the first line of a text that has nothing but lines.
    pub(super) fn of_lines() -> LineSplitter {
        LineSplitter {
            place: Place::default(),
            may_refuse: false,
            mark_bytes: 0,
            partial: Vec::new(),
            overflow: None,
        }
    }

    /// Starts before the first line of a text whose lines may be refused.
    pub(super) fn of_values() -> LineSplitter {
        // A byte order mark is cut off like those in the middle of the text.
        let mark_bytes = BYTE_ORDER_MARK.len();
        LineSplitter { may_refuse: true, mark_bytes, ..LineSplitter::of_lines() }
    }

    /// Takes the next block, and passes the lines that it completes to `each`. Returns the rest of
    /// the block after [`refused`](LineSplitter::refused), from a line on that is refused or too
    /// long.
    #[inline]
    pub(super) fn push<'b>(
        &mut self,
        block: &'b [u8],
        each: &mut impl FnMut(Line<'_>) -> bool,
    ) -> Option<&'b [u8]> {
        let block_end = self.place.offset + block.len() as u64;
        let mut rest = self.skip_byte_order_mark(block);
        if self.partial_is_open() {
            let end = memchr::memchr(b'\n', rest);
            let line_rest = &rest[..end.unwrap_or(rest.len())];
            self.place.offset = block_end - rest.len() as u64;
            if self.may_refuse && self.partial.len() + line_rest.len() > PARTIAL_BYTES_MAX {
                return Some(rest);
            }
            self.keep(line_rest);
            self.place.offset += line_rest.len() as u64;
            let end = end?;
            if !self.end_partial(true, each) {
                return Some(&rest[end..]);
            }
            rest = &rest[end + 1..];
        }
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let text = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            if !is_blank(text) {
                let is_long = self.is_long(end, text);
                if is_long && self.may_refuse {
                    self.place.offset = block_end - rest.len() as u64;
                    return Some(rest);
                }
                let is_taken = each(Line {
                    number: self.place.line + 1,
                    end_offset: block_end,
                    text: if is_long { &text[..LINE_HEAD_BYTES] } else { text },
                    and_after: rest,
                    form: self.form(is_long),
                });
                if !is_taken {
                    self.place.offset = block_end - rest.len() as u64;
                    return Some(rest);
                }
            }
            self.place.line += 1;
            rest = &rest[end + 1..];
        }
        if self.may_refuse && rest.len() > PARTIAL_BYTES_MAX {
            self.place.offset = block_end - rest.len() as u64;
            return Some(rest);
        }
        self.keep(rest);
        self.place.offset = block_end;
        None
    }

    /// Takes what is known of the line that was refused: where it begins, and its bytes before the
    /// rest of the block.
    pub(super) fn refused(&mut self) -> (Place, Vec<u8>) {
        let first = std::mem::take(&mut self.partial);
        let offset = self.place.offset - first.len() as u64;
        (Place { offset, ..self.place }, first)
    }

    /// Whether no line is unfinished.
    pub(super) fn is_at_end(&self) -> bool {
        !self.partial_is_open()
    }

    /// Goes on at the start of a line.
    pub(super) fn resume(&mut self, place: Place) {
        self.place = place;
    }

    /// Ends the text, and passes a last line without a line end to `each`. Returns whether it was
    /// taken, if there is one.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(Line<'_>) -> bool) -> bool {
        if self.mark_bytes < BYTE_ORDER_MARK.len() {
            self.keep(&BYTE_ORDER_MARK[..self.mark_bytes]);
        }
        !self.partial_is_open() || self.end_partial(false, each)
    }

    /// Whether a line is too long, of which so many bytes precede its line feed, with the CR that
    /// `text` lacks. Values are looked for in so many bytes at most, a CR behind them included.
    #[inline]
    fn is_long(&self, bytes: usize, text: &[u8]) -> bool {
        (if self.may_refuse { bytes } else { text.len() }) > LINE_BYTES_MAX
    }

    fn form(&self, is_long: bool) -> Form {
        match (is_long, self.may_refuse) {
            (true, _) => Form::Rejected(Reason::TooLong),
            (false, true) => Form::Line,
            (false, false) => Form::Value,
        }
    }

    fn partial_is_open(&self) -> bool {
        !self.partial.is_empty()
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = PARTIAL_BYTES_MAX - self.partial.len();
        let (kept, dropped) = bytes.split_at(bytes.len().min(room));
        self.partial.extend_from_slice(kept);
        if !dropped.is_empty() {
            let overflow = self.overflow.get_or_insert(Overflow { bytes: 0, all_blank: true });
            overflow.bytes += dropped.len() as u64;
            overflow.all_blank = overflow.all_blank && is_blank(dropped);
        }
    }

    /// Ends the unfinished line, and returns whether it was taken. It is kept if it was not.
    fn end_partial(
        &mut self,
        has_line_feed: bool,
        each: &mut impl FnMut(Line<'_>) -> bool,
    ) -> bool {
        let overflow = self.overflow.take();
        let kept = &self.partial[..];
        let text = if has_line_feed && overflow.is_none() {
            kept.strip_suffix(b"\r").unwrap_or(kept)
        } else {
            kept
        };
        let is_blank =
            is_blank(text) && overflow.as_ref().is_none_or(|overflow| overflow.all_blank);
        let is_long = overflow.is_some() || self.is_long(kept.len(), text);
        if is_long && self.may_refuse {
            return false;
        }
        let end_offset = self.place.offset - overflow.map_or(0, |overflow| overflow.bytes);
        let is_taken = is_blank
            || each(Line {
                number: self.place.line + 1,
                end_offset,
                text: if is_long { &text[..LINE_HEAD_BYTES] } else { text },
                and_after: kept,
                form: self.form(is_long),
            });
        if is_taken {
            self.place.line += 1;
            self.place.offset += u64::from(has_line_feed);
            self.partial.clear();
        }
        is_taken
    }

    #[inline]
    fn skip_byte_order_mark<'b>(&mut self, block: &'b [u8]) -> &'b [u8] {
        if self.mark_bytes == BYTE_ORDER_MARK.len() { block } else { self.skip_mark_bytes(block) }
    }

    fn skip_mark_bytes<'b>(&mut self, block: &'b [u8]) -> &'b [u8] {
        let mut rest = block;
        while let Some((byte, after)) = rest.split_first() {
            let Some(expected) = BYTE_ORDER_MARK.get(self.mark_bytes) else {
                return rest;
            };
            if byte != expected {
                // It only began like a byte order mark, so these bytes belong to the line.
                self.keep(&BYTE_ORDER_MARK[..self.mark_bytes]);
                self.mark_bytes = BYTE_ORDER_MARK.len();
                return rest;
            }
            self.mark_bytes += 1;
            rest = after;
        }
        rest
    }
}

#[inline]
fn is_blank(text: &[u8]) -> bool {
    // Nearly every line starts with a brace, so this looks at one byte.
    text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Clone)]
    struct Cut(u64, String, bool);

    fn cut(text: &[u8], block_bytes: usize) -> Vec<Cut> {
        let mut cutter = LineSplitter::of_lines();
        let mut lines = Vec::new();
        let mut each = |line: Line<'_>| {
            assert!(line.and_after.starts_with(line.text));
            lines.push(Cut(
                line.number,
                String::from_utf8_lossy(line.text).into_owned(),
                line.form == Form::Rejected(Reason::TooLong),
            ));
            assert!(text[usize::try_from(line.offset()).unwrap()..].starts_with(line.text));
            true
        };
        for block in text.chunks(block_bytes) {
            assert_eq!(cutter.push(block, &mut each), None);
        }
        assert!(cutter.finish(&mut each));
        lines
    }

    fn check(text: &[u8], expected: &[(u64, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(number, text)| Cut(*number, (*text).into(), false)).collect();
        for block_bytes in [1, 2, 3, 5, usize::MAX] {
            assert_eq!(cut(text, block_bytes), expected, "{text:?} in blocks of {block_bytes}");
        }
    }

    #[test]
    fn line_ends_are_lf_or_crlf_and_the_last_may_be_missing() {
        check(b"", &[]);
        check(b"a", &[(1, "a")]);
        check(b"a\n", &[(1, "a")]);
        check(b"a\r\nb\nc", &[(1, "a"), (2, "b"), (3, "c")]);
        check(b"a\rb\r\r\n", &[(1, "a\rb\r")]);
        check(b"a\r", &[(1, "a\r")]);
    }

    #[test]
    fn blank_lines_are_numbered_but_skipped() {
        check(b"\n \t\r\r\n\r\na\n\n\nb\n \t", &[(4, "a"), (7, "b")]);
    }

    #[test]
    fn a_byte_order_mark_at_the_start_is_removed() {
        check(b"\xef\xbb\xbfa\n\xef\xbb\xbfb", &[(1, "a"), (2, "\u{feff}b")]);
        check(b"\xef\xbb\xbf", &[]);
        check(b"\xef\xbb\xbf\xef\xbb\xbf", &[(1, "\u{feff}")]);
        check(b"\xef\xbb\xbf\na", &[(2, "a")]);
        check(b"\xef\xbba", &[(1, "\u{fffd}a")]);
        check(b"\xef\n", &[(1, "\u{fffd}")]);
        check(b"\xef\xbb", &[(1, "\u{fffd}")]);
    }

    #[test]
    fn a_line_of_the_maximum_length_is_accepted_and_one_byte_more_is_not() {
        let longest = "x".repeat(LINE_BYTES_MAX);
        let longer = "x".repeat(LINE_BYTES_MAX + 1);
        let text = format!(
            "{longest}\n{longest}\r\n{longer}\n{longer}\r\n{longer}x{longer}\na\n{longest}"
        );
        let head = "x".repeat(LINE_HEAD_BYTES);
        let expected = vec![
            Cut(1, longest.clone(), false),
            Cut(2, longest.clone(), false),
            Cut(3, head.clone(), true),
            Cut(4, head.clone(), true),
            Cut(5, head.clone(), true),
            Cut(6, "a".into(), false),
            Cut(7, longest.clone(), false),
        ];
        for block_bytes in [1_000, LINE_BYTES_MAX, LINE_BYTES_MAX + 1, usize::MAX] {
            assert!(cut(text.as_bytes(), block_bytes) == expected, "blocks of {block_bytes}");
        }
        // A CR that no line feed follows is a byte of the line.
        for (text, too_long) in
            [(format!("{longest}\r"), true), (format!("{longest}\r\n"), false), (longer, true)]
        {
            for block_bytes in [1_000, usize::MAX] {
                assert_eq!(cut(text.as_bytes(), block_bytes)[0].2, too_long);
            }
        }
    }

    #[test]
    fn a_blank_line_is_skipped_however_long() {
        let blank = " ".repeat(3 * LINE_BYTES_MAX);
        for block_bytes in [1_000, usize::MAX] {
            assert_eq!(
                cut(format!("{blank}\na").as_bytes(), block_bytes),
                [Cut(2, "a".into(), false)]
            );
            assert_eq!(cut(format!("{blank}x\na").as_bytes(), block_bytes).len(), 2);
            assert_eq!(cut(blank.as_bytes(), block_bytes), []);
        }
    }

    #[test]
    fn an_overlong_line_is_not_kept() {
        let mut cutter = LineSplitter::of_lines();
        for _ in 0..100 {
            cutter.push(&vec![b'x'; 100_000], &mut |_| true);
        }
        assert!(cutter.partial.capacity() <= 2 * PARTIAL_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_the_blocks(
            text in proptest::collection::vec(proptest::sample::select(b"a \r\n\n\xef\xbb\xbf".to_vec()), 0..60),
            block_bytes in 1_usize..10,
        ) {
            prop_assert_eq!(cut(&text, block_bytes), cut(&text, usize::MAX));
        }
    }
}
