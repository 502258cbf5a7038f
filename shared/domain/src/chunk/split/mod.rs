//! Splits a stream of text blocks into events: a line each, or values in other layouts.

pub mod event_lines;
pub mod lines;

mod csv;
mod kept;
mod prefix;
mod utf16;
mod values;

use crate::chunk::split::csv::{Header, RecordCutter};
use crate::chunk::split::lines::{LINE_BYTES_MAX, Line, LineSplitter, Place};
pub(in crate::chunk) use crate::chunk::split::utf16::TextDecoder;
use crate::chunk::split::utf16::is_utf16;
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
    Unknown(Head),
    Values(ValueSplitter),
    Csv(RecordCutter),
}

/// The first lines of a text.
#[derive(Default)]
struct Head {
    text: Vec<u8>,
    /// How much of it is blank.
    blank_bytes: usize,
}

impl TextSplitter {
    /// Starts before the first byte.
    pub(crate) fn new() -> TextSplitter {
        TextSplitter { decoder: TextDecoder::new(), text: Text::Unknown(Head::default()) }
    }

    /// Takes the next block, and passes the lines and values that it completes to `each`, which
    /// returns whether it takes them. It may refuse a [`Form::Line`](lines::Form::Line) only, and
    /// nothing of it then counts.
    #[inline]
    pub(crate) fn push(&mut self, block: &[u8], each: &mut impl FnMut(Line<'_>) -> bool) {
        let TextSplitter { decoder, text } = self;
        decoder.push(block, &mut |block| text.push(block, each));
    }

    /// Whether all that it has taken is passed on, so that a line or value begins next.
    pub(crate) fn is_at_end(&self) -> bool {
        self.decoder.is_at_end()
            && match &self.text {
                Text::Unknown(head) => head.text.is_empty(),
                Text::Values(values) => values.is_at_end(),
                Text::Csv(records) => records.is_at_end(),
            }
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
        if let Text::Unknown(Head { text, blank_bytes }) = self {
            let layout = layout_of(text, *blank_bytes, true).unwrap_or(Layout::Values);
            let head = std::mem::take(text);
            self.known(&head, layout, each);
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
        let Text::Unknown(Head { text, blank_bytes }) = self else {
            return self.push(block, each);
        };
        if text.is_empty() && matches!(block.get(blank_end(block, 0)), Some(b'{' | b'[')) {
            return self.known(block, Layout::Values, each);
        }
        let mut rest = block;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            text.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
            *blank_bytes = blank_end(text, *blank_bytes);
            if let Some(layout) = layout_of(text, *blank_bytes, false) {
                let head = std::mem::take(text);
                self.known(&head, layout, each);
                return self.push(rest, each);
            }
        }
    }

    /// Goes on with a layout after the first lines.
    fn known(&mut self, head: &[u8], layout: Layout, each: &mut impl FnMut(Line<'_>) -> bool) {
        match layout {
            Layout::Values => {
                *self = Text::Values(ValueSplitter::new());
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

/// Whether a text means something else if anything stands before it: it is CSV or UTF-16.
pub(crate) fn needs_its_start(text: &[u8]) -> bool {
    let first = blank_end(text, 0);
    let line_end = memchr::memchr(b'\n', &text[first..]).map(|end| first + end + 1);
    let head = &text[..line_end.unwrap_or(text.len())];
    is_utf16(text) || matches!(layout_of(head, first, line_end.is_none()), Some(Layout::Csv(_)))
}

/// Whether a line is no header because it begins like JSON: like an object, an array, or the text of
/// an object.
fn is_json_start(line: &[u8]) -> bool {
    matches!(line, [b'{' | b'[', ..] | [b'"', b'{' | b'\\' | b' ' | b'\t', ..])
}

enum Layout {
    Values,
    Csv(Header),
}

/// The position of the first byte, from `start` on, that is neither white space nor in a byte order
/// mark.
fn blank_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        at += match text[at..] {
            [b' ' | b'\t' | b'\r' | b'\n', ..] => 1,
            [0xef, 0xbb, 0xbf, ..] => 3,
            _ => return at,
        };
    }
}

/// The layout of a text that begins with these lines, the last of which may be unfinished; `None`
/// if that is not known yet. It is CSV if the first line with anything in it is a header. This line
/// has the byte at `first`, and is the last one.
fn layout_of(head: &[u8], first: usize, is_end: bool) -> Option<Layout> {
    if is_json_start(&head[first..]) || head.len() > LINE_BYTES_MAX {
        return Some(Layout::Values);
    }
    let is_line = head.ends_with(b"\n") || is_end;
    if first == head.len() || !is_line {
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
    fn new() -> ValueSplitter {
        let lines = LineSplitter::default();
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

    fn is_at_end(&self) -> bool {
        if self.is_cutting { self.values.is_at_end() } else { self.lines.is_at_end() }
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
