//! Splits a stream of text blocks into events: a line each, or values in other layouts.

pub mod lines;

mod csv;
mod prefix;
mod utf16;
mod values;

use crate::chunk::split::csv::{Header, RecordCutter};
use crate::chunk::split::lines::{LINE_BYTES_MAX, Line, LineSplitter, Place};
use crate::chunk::split::utf16::TextDecoder;
use crate::chunk::split::values::ValueCutter;

/// Splits blocks of text into values.
///
/// **Guarantees**: the pieces do not depend on how the text is split into blocks. Memory is bounded
/// by the longest value.
pub(crate) struct TextSplitter {
    decoder: TextDecoder,
    text: Text,
}

/// A text in UTF-8, by its layout.
enum Text {
    /// What there is of it, too little to know.
    Unknown(Vec<u8>),
    Values(ValueSplitter),
    Csv(RecordCutter),
}

impl TextSplitter {
    /// Starts before the first byte.
    pub(crate) fn new() -> TextSplitter {
        TextSplitter { decoder: TextDecoder::new(), text: Text::Unknown(Vec::new()) }
    }

    /// Starts before the first byte of a text that has one value a line.
    #[expect(dead_code, reason = "for chunks that a build before began")]
    pub(crate) fn of_lines() -> TextSplitter {
        let lines = ValueSplitter::after(LineSplitter::of_lines());
        TextSplitter { decoder: TextDecoder::of_utf8(), text: Text::Values(lines) }
    }

    /// Takes the next block, and passes the lines and values that it completes to `each`, which
    /// returns whether it takes them. It may refuse a [`Form::Line`](lines::Form::Line) only, and
    /// nothing of it then counts.
    #[inline]
    pub(crate) fn push(&mut self, block: &[u8], each: &mut impl FnMut(Line<'_>) -> bool) {
        let TextSplitter { decoder, text } = self;
        decoder.push(block, &mut |block| text.push(block, each));
    }

    /// Ends the text, and passes its last lines and values to `each`.
    pub(crate) fn finish(mut self, each: &mut impl FnMut(Line<'_>) -> bool) {
        let TextSplitter { decoder, text } = &mut self;
        decoder.finish(&mut |block| text.push(block, each));
        text.finish(each);
    }
}

impl Text {
    #[inline]
    fn push(&mut self, block: &[u8], each: &mut impl FnMut(Line<'_>) -> bool) {
        match self {
            Text::Values(values) => values.push(block, each),
            Text::Csv(records) => records.push(block, each),
            Text::Unknown(_) => self.begin(block, each),
        }
    }

    fn finish(&mut self, each: &mut impl FnMut(Line<'_>) -> bool) {
        if let Text::Unknown(head) = self {
            let head = std::mem::take(head);
            self.known(&head, layout_of(&head, true).unwrap_or(Layout::Values), each);
        }
        match self {
            Text::Values(values) => values.finish(each),
            Text::Csv(records) => records.finish(each),
            Text::Unknown(_) => {}
        }
    }

    /// Takes the first lines, until the layout is known.
    #[cold]
    fn begin(&mut self, block: &[u8], each: &mut impl FnMut(Line<'_>) -> bool) {
        let Text::Unknown(head) = self else {
            return self.push(block, each);
        };
        if head.is_empty() && matches!(block.trim_ascii_start().first(), Some(b'{' | b'[')) {
            return self.known(block, Layout::Values, each);
        }
        let mut rest = block;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            head.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
            if let Some(layout) = layout_of(head, false) {
                let head = std::mem::take(head);
                self.known(&head, layout, each);
                return self.push(rest, each);
            }
        }
    }

    /// Goes on with a layout after the first lines.
    fn known(&mut self, head: &[u8], layout: Layout, each: &mut impl FnMut(Line<'_>) -> bool) {
        match layout {
            Layout::Values => {
                *self = Text::Values(ValueSplitter::after(LineSplitter::of_values()));
                self.push(head, each);
            }
            Layout::Csv(header) => {
                let line = memchr::memchr_iter(b'\n', head).count() as u64;
                let place = Place { line, offset: head.len() as u64 };
                *self = Text::Csv(RecordCutter::new(header, place));
            }
        }
    }
}

enum Layout {
    Values,
    Csv(Header),
}

/// The layout of a text that begins with these lines, the last of which may be unfinished; `None`
/// if that is not known yet. It is CSV if the first line with anything in it is a header.
fn layout_of(head: &[u8], is_end: bool) -> Option<Layout> {
    let mut rest = head;
    loop {
        match rest {
            [b' ' | b'\t' | b'\r' | b'\n', after @ ..] | [0xef, 0xbb, 0xbf, after @ ..] => {
                rest = after
            }
            [b'{' | b'[', ..] => return Some(Layout::Values),
            _ => break,
        }
    }
    if head.len() > LINE_BYTES_MAX {
        return Some(Layout::Values);
    }
    let is_line = head.ends_with(b"\n") || is_end;
    if rest.is_empty() || !is_line {
        return None;
    }
    let line = head.strip_suffix(b"\n").unwrap_or(head);
    let start = memchr::memrchr(b'\n', line).map_or(0, |end| end + 1);
    let line = &line[start..];
    let header = Header::of(line.strip_suffix(b"\r").unwrap_or(line));
    Some(header.map_or(Layout::Values, Layout::Csv))
}

/// Splits a text of JSON.
///
/// Nearly every text has one value a line, which is found by its line end alone. So each line is
/// passed as it is first; only if its taker refuses it, because it is not one JSON object, are its
/// values looked for, byte by byte. The result is the same for every line that is one value.
struct ValueSplitter {
    lines: LineSplitter,
    values: ValueCutter,
    /// Whether the next byte is in a line that was refused.
    is_cutting: bool,
}

impl ValueSplitter {
    fn after(lines: LineSplitter) -> ValueSplitter {
        ValueSplitter { lines, values: ValueCutter::new(), is_cutting: false }
    }

    #[inline]
    fn push(&mut self, block: &[u8], each: &mut impl FnMut(Line<'_>) -> bool) {
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

    fn finish(&mut self, each: &mut impl FnMut(Line<'_>) -> bool) {
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
