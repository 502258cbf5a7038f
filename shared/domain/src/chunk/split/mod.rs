//! Splits a stream of text blocks into events: a line each, or values in other layouts.

pub mod lines;

mod prefix;
mod values;

use crate::chunk::split::lines::{Line, LineSplitter};
use crate::chunk::split::values::ValueCutter;

/// Splits blocks of text into values.
///
/// Nearly every text has one value a line, which is found by its line end alone. So each line is
/// passed as it is first; only if its taker refuses it, because it is not one JSON object, are its
/// values looked for, byte by byte. The result is the same for every line that is one value.
///
/// **Guarantees**: the pieces do not depend on how the text is split into blocks. Memory is bounded
/// by the longest value.
pub(crate) struct TextSplitter {
    lines: LineSplitter,
    values: ValueCutter,
    /// Whether the next byte is in a line that was refused.
    is_cutting: bool,
}

impl TextSplitter {
    /// Starts before the first byte.
    pub(crate) fn new() -> TextSplitter {
        TextSplitter::after(LineSplitter::of_values())
    }

    /// Starts before the first byte of a text that has one value a line.
    #[expect(dead_code, reason = "for chunks that a build before began")]
    pub(crate) fn of_lines() -> TextSplitter {
        TextSplitter::after(LineSplitter::of_lines())
    }

    fn after(lines: LineSplitter) -> TextSplitter {
        TextSplitter { lines, values: ValueCutter::new(), is_cutting: false }
    }

    /// Takes the next block, and passes the lines and values that it completes to `each`, which
    /// returns whether it takes them. It may refuse a [`Form::Line`](lines::Form::Line) only, and
    /// nothing of it then counts.
    #[inline]
    pub(crate) fn push(&mut self, block: &[u8], each: &mut impl FnMut(Line<'_>) -> bool) {
        let mut rest = block;
        loop {
            if !self.is_cutting {
                match self.lines.push(rest, each) {
                    None => return,
                    Some(refused) => rest = refused,
                }
                self.start_cutting();
            }
            match self.values.push(rest, each) {
                None => return,
                Some(next_line) => rest = next_line,
            }
            self.lines.resume(self.values.place());
            self.is_cutting = false;
        }
    }

    /// Ends the text, and passes its last lines and values to `each`.
    pub(crate) fn finish(mut self, each: &mut impl FnMut(Line<'_>) -> bool) {
        if !self.is_cutting {
            if self.lines.finish(each) {
                return;
            }
            self.start_cutting();
        }
        self.values.finish(each);
    }

    #[cold]
    fn start_cutting(&mut self) {
        let (place, first) = self.lines.refused();
        self.values.start(place, &first);
        self.is_cutting = true;
    }
}
