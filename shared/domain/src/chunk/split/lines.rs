//! Splits a stream of text blocks into lines.

use crate::event::reason::Reason;

/// The maximum length of a line without its line end, and of a value, in bytes: 256 KiB.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// How many bytes of an overlong line or value are kept in the rejected lines.
pub const LINE_HEAD_BYTES: usize = 1_024;

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
    /// One value, or a piece of a line that is none. It is counted or rejected.
    Value,
    /// A record of CSV, written as an object; its text is not that of the file.
    Record,
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
/// block is not copied; of a line across blocks at most [`PARTIAL_BYTES_MAX`] bytes are kept.
#[derive(Default)]
pub(super) struct LineSplitter {
    /// Of the next block; the lines end before the unfinished one.
    place: Place,
    /// The unfinished line at the end of the last block.
    partial: Vec<u8>,
}

impl LineSplitter {
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
        let mut rest = block;
        if !self.partial.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let line_rest = &rest[..end.unwrap_or(rest.len())];
            if self.partial.len() + line_rest.len() > PARTIAL_BYTES_MAX {
                return Some(rest);
            }
            self.partial.extend_from_slice(line_rest);
            self.place.offset += line_rest.len() as u64;
            let end = end?;
            if !self.end_partial(true, each) {
                return Some(&rest[end..]);
            }
            rest = &rest[end + 1..];
        }
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let text = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            let is_taken = is_blank(text)
                || !is_long(end)
                    && each(Line {
                        number: self.place.line + 1,
                        end_offset: block_end,
                        text,
                        and_after: rest,
                        form: Form::Line,
                    });
            if !is_taken {
                self.place.offset = block_end - rest.len() as u64;
                return Some(rest);
            }
            self.place.line += 1;
            rest = &rest[end + 1..];
        }
        if rest.len() > PARTIAL_BYTES_MAX {
            self.place.offset = block_end - rest.len() as u64;
            return Some(rest);
        }
        self.partial.extend_from_slice(rest);
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
        self.partial.is_empty()
    }

    /// Goes on at the start of a line.
    pub(super) fn resume(&mut self, place: Place) {
        self.place = place;
    }

    /// Ends the text, and passes a last line without a line end to `each`. Returns whether it was
    /// taken, if there is one.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(Line<'_>) -> bool) -> bool {
        self.partial.is_empty() || self.end_partial(false, each)
    }

    /// Ends the unfinished line, and returns whether it was taken. It is kept if it was not.
    fn end_partial(
        &mut self,
        has_line_feed: bool,
        each: &mut impl FnMut(Line<'_>) -> bool,
    ) -> bool {
        let kept = &self.partial[..];
        if is_long(kept.len()) {
            return false;
        }
        let ends_with_cr = has_line_feed.then(|| kept.strip_suffix(b"\r")).flatten();
        let text = ends_with_cr.unwrap_or(kept);
        let is_taken = is_blank(text)
            || each(Line {
                number: self.place.line + 1,
                end_offset: self.place.offset,
                text,
                and_after: kept,
                form: Form::Line,
            });
        if is_taken {
            self.place.line += 1;
            self.place.offset += u64::from(has_line_feed);
            self.partial.clear();
        }
        is_taken
    }
}

/// Whether a line is too long, of which so many bytes precede its line feed. Values are looked for
/// in so many bytes at most, a CR behind them included.
#[inline]
fn is_long(bytes: usize) -> bool {
    bytes > LINE_BYTES_MAX
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

    type Cut = (u64, String);

    fn cut(text: &[u8], block_bytes: usize) -> Vec<Cut> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        let mut each = |line: Line<'_>| {
            assert!(line.and_after.starts_with(line.text));
            lines.push((line.number, String::from_utf8_lossy(line.text).into_owned()));
            assert!(text[usize::try_from(line.offset()).unwrap()..].starts_with(line.text));
            true
        };
        for block in text.chunks(block_bytes) {
            assert_eq!(splitter.push(block, &mut each), None);
        }
        assert!(splitter.finish(&mut each));
        lines
    }

    fn check(text: &[u8], expected: &[(u64, &str)]) {
        let expected: Vec<Cut> =
            expected.iter().map(|(number, text)| (*number, (*text).into())).collect();
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

    /// How many lines are taken, and where the line begins that is left.
    fn left(text: &str, block_bytes: usize) -> Option<(usize, u64, u64)> {
        let mut splitter = LineSplitter::default();
        let mut taken = 0;
        let mut each = |_: Line<'_>| {
            taken += 1;
            true
        };
        let mut blocks = text.as_bytes().chunks(block_bytes);
        let is_left = blocks.any(|block| splitter.push(block, &mut each).is_some())
            || !splitter.finish(&mut each);
        assert!(splitter.partial.capacity() <= 2 * PARTIAL_BYTES_MAX);
        let (place, _) = splitter.refused();
        is_left.then_some((taken, place.line, place.offset))
    }

    #[test]
    fn a_line_of_the_maximum_length_is_taken_and_one_byte_more_is_left() {
        let longest = "x".repeat(LINE_BYTES_MAX);
        let next = LINE_BYTES_MAX as u64 + 1;
        for block_bytes in [1_000, LINE_BYTES_MAX, LINE_BYTES_MAX + 1, usize::MAX] {
            assert_eq!(left(&format!("{longest}\n{longest}\n{longest}"), block_bytes), None);
            for end in ["x\n", "x", "\r\n", "\r", "xxx\na"] {
                let text = format!("{longest}\n{longest}{end}");
                assert_eq!(left(&text, block_bytes), Some((1, 1, next)), "{end:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_the_blocks(
            text in proptest::collection::vec(proptest::sample::select(b"a \r\n\n".to_vec()), 0..60),
            block_bytes in 1_usize..10,
        ) {
            prop_assert_eq!(cut(&text, block_bytes), cut(&text, usize::MAX));
        }
    }
}
