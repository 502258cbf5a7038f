//! Reads CSV with a header: each record becomes an object of texts.

use crate::chunk::split::kept;
use crate::chunk::split::lines::{Form, LINE_BYTES_MAX, LINE_HEAD_BYTES, Line, Place};
use crate::event::fields::is_name_in_event;
use crate::event::reason::Reason;

/// What may separate the cells of a record. Of two that are equally good, the first is taken.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// How many cells of a header are names of fields, at least.
const NAMES_MIN: usize = 2;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The columns of a CSV text.
pub(super) struct Header {
    delimiter: u8,
    /// The header itself, which joined files have several times.
    line: Vec<u8>,
    /// The names of the columns with their colons, as JSON.
    columns: Vec<Vec<u8>>,
}

impl Header {
    /// The header that this line is, without its line end; `None` if it is none.
    pub(super) fn of(line: &[u8]) -> Option<Header> {
        let line = without_mark(line);
        let count = |delimiter: u8| {
            let cells = cells_of(line, delimiter);
            cells.iter().filter(|cell| is_name_in_event(cell)).count()
        };
        let (_, delimiter) = DELIMITERS
            .map(|delimiter| (count(delimiter), delimiter))
            .into_iter()
            .filter(|(names, _)| *names >= NAMES_MIN)
            .reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        let columns = cells_of(line, delimiter).into_iter().map(|cell| {
            let mut name = Vec::new();
            write_text(&String::from_utf8_lossy(&cell), &mut name);
            name.push(b':');
            name
        });
        Some(Header { delimiter, line: line.to_vec(), columns: columns.collect() })
    }
}

/// The cells of a header, without quotes and white space around them.
fn cells_of(line: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let mut cells = Vec::new();
    let mut at = 0;
    loop {
        let start = at;
        let Some((end, _)) = cell_end(line, start, delimiter) else {
            return Vec::new();
        };
        let mut text = Vec::new();
        cell_text(&line[start..end], &mut text);
        cells.push(text.trim_ascii().to_vec());
        if end == line.len() {
            return cells;
        }
        at = end + 1;
    }
}

/// Cuts CSV text into records.
///
/// **Guarantees**: the records do not depend on how the text is split into blocks. At most
/// [`LINE_BYTES_MAX`] bytes of a record are kept between blocks, plus [`APPENDED_BYTES_MAX`](kept::APPENDED_BYTES_MAX).
pub(super) struct RecordCutter {
    header: Header,
    /// Of the first byte that is kept, or of the next block.
    place: Place,
    /// The beginning of a record that is not complete.
    kept: Vec<u8>,
    /// Whether a line that is too long goes on, which was passed on.
    is_in_long_line: bool,
    cells: Vec<(usize, usize)>,
    text: Vec<u8>,
    object: Vec<u8>,
}

/// What a record is.
enum Record {
    /// It ends here, before its line end or that of the text.
    Ends(usize),
    /// A quote in it is not closed, or its text goes on after the closing quote: it ends with its
    /// first line.
    BadQuote,
    NeedsMore,
}

impl RecordCutter {
    /// Starts after a header, which ends before this place.
    pub(super) fn new(header: Header, place: Place) -> RecordCutter {
        RecordCutter {
            header,
            place,
            kept: Vec::new(),
            is_in_long_line: false,
            cells: Vec::new(),
            text: Vec::new(),
            object: Vec::new(),
        }
    }

    /// Takes the next block, and passes the records that it completes to `each`.
    pub(super) fn push(&mut self, block: &[u8], each: &mut impl FnMut(Line<'_>) -> bool) {
        let mut kept = std::mem::take(&mut self.kept);
        kept::cut_all(&mut kept, block, |text, _| (self.cut(text, false, each), false));
        self.kept = kept;
    }

    /// Whether no record is unfinished.
    pub(super) fn is_at_end(&self) -> bool {
        self.kept.is_empty() && !self.is_in_long_line
    }

    /// Ends the text, and passes its last records to `each`.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(Line<'_>) -> bool) {
        let text = std::mem::take(&mut self.kept);
        self.cut(&text, true, each);
    }

    /// Cuts a text that starts with a record. Returns how many bytes it needs no longer.
    fn cut(&mut self, text: &[u8], is_end: bool, each: &mut impl FnMut(Line<'_>) -> bool) -> usize {
        let start = self.place.offset;
        let mut at = 0;
        loop {
            self.place.offset = start + at as u64;
            let rest = &text[at..];
            if rest.is_empty() {
                return at;
            }
            let taken = if self.is_in_long_line {
                let end = memchr::memchr(b'\n', rest);
                self.is_in_long_line = end.is_none();
                end.unwrap_or(rest.len())
            } else if rest[0] == b'\n' {
                self.place.line += 1;
                1
            } else {
                match self.record(rest, is_end, each) {
                    Some(taken) => taken,
                    None => return at,
                }
            };
            at += taken;
        }
    }

    /// Reads the record that starts here. Returns its length without its line end; `None` if it
    /// needs more.
    fn record(
        &mut self,
        rest: &[u8],
        is_end: bool,
        each: &mut impl FnMut(Line<'_>) -> bool,
    ) -> Option<usize> {
        let head = &rest[..rest.len().min(LINE_BYTES_MAX + 1)];
        let is_long = rest.len() > LINE_BYTES_MAX;
        let is_end = is_end && !is_long;
        let first_line = match memchr::memchr(b'\n', head) {
            Some(end) => &head[..end],
            None if is_end => head,
            None if is_long => {
                self.pass(&head[..LINE_HEAD_BYTES], Form::Rejected(Reason::TooLong), each);
                self.is_in_long_line = true;
                return Some(head.len());
            }
            None => return None,
        };
        let text = without_mark(first_line);
        let mark_bytes = first_line.len() - text.len();
        if text.strip_suffix(b"\r").unwrap_or(text) == self.header.line {
            return Some(first_line.len());
        }
        if text.starts_with(b"{") && self.pass_at(mark_bytes, text, Form::Line, each) {
            return Some(first_line.len());
        }
        let record_end = match record_cells(head, is_end, self.header.delimiter, &mut self.cells) {
            Record::Ends(end) => end,
            Record::NeedsMore if !is_long => return None,
            Record::BadQuote | Record::NeedsMore => {
                self.pass(first_line, Form::Rejected(Reason::BadQuote), each);
                return Some(first_line.len());
            }
        };
        let record = &head[..record_end];
        match self.write_object(record) {
            Ok(true) => self.pass_object(each),
            Ok(false) => {}
            Err(Reason::NotUtf8) => {
                self.pass(record, Form::Rejected(Reason::NotUtf8), each);
            }
            Err(reason) => {
                self.pass(first_line, Form::Rejected(reason), each);
                return Some(first_line.len());
            }
        }
        self.place.line += memchr::memchr_iter(b'\n', record).count() as u64;
        Some(record_end)
    }

    /// Writes the record as an object; `false` if all its cells are empty.
    fn write_object(&mut self, record: &[u8]) -> Result<bool, Reason> {
        let RecordCutter { header, cells, text, object, .. } = self;
        if std::str::from_utf8(record).is_err() {
            return Err(Reason::NotUtf8);
        }
        object.clear();
        object.push(b'{');
        for (number, (start, end)) in cells.iter().enumerate() {
            text.clear();
            cell_text(&record[*start..*end], text);
            let Ok(value) = std::str::from_utf8(text) else {
                return Err(Reason::NotUtf8);
            };
            let value = value.trim_ascii();
            if value.is_empty() {
                continue;
            }
            let column = header.columns.get(number).ok_or(Reason::TooManyCells)?;
            if object.len() > 1 {
                object.push(b',');
            }
            object.extend_from_slice(column);
            write_text(without_zeros(value).unwrap_or(value), object);
        }
        object.push(b'}');
        Ok(object.len() > 2)
    }

    fn pass_object(&self, each: &mut impl FnMut(Line<'_>) -> bool) {
        each(Line {
            number: self.place.line + 1,
            end_offset: self.place.offset + self.object.len() as u64,
            text: &self.object,
            and_after: &self.object,
            form: Form::Record,
        });
    }

    fn pass(&self, text: &[u8], form: Form, each: &mut impl FnMut(Line<'_>) -> bool) -> bool {
        self.pass_at(0, text, form, each)
    }

    fn pass_at(
        &self,
        start: usize,
        text: &[u8],
        form: Form,
        each: &mut impl FnMut(Line<'_>) -> bool,
    ) -> bool {
        each(Line {
            number: self.place.line + 1,
            end_offset: self.place.offset + (start + text.len()) as u64,
            text,
            and_after: text,
            form,
        })
    }
}

fn without_mark(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some(after) = rest.strip_prefix(BYTE_ORDER_MARK) {
        rest = after;
    }
    rest
}

/// Finds the cells of a record, and where it ends.
fn record_cells(
    text: &[u8],
    is_end: bool,
    delimiter: u8,
    cells: &mut Vec<(usize, usize)>,
) -> Record {
    cells.clear();
    let mut at = text.len() - without_mark(text).len();
    loop {
        let Some((end, quote_end)) = cell_end(text, at, delimiter) else {
            return if is_end { Record::BadQuote } else { Record::NeedsMore };
        };
        let is_last = matches!(text.get(end), None | Some(b'\n'));
        if end == text.len() && !is_end {
            return Record::NeedsMore;
        }
        let content_end = match text[at..end].last() {
            Some(b'\r') if is_last => end - 1,
            _ => end,
        };
        let is_over_lines = memchr::memchr(b'\n', &text[at..end]).is_some();
        if is_over_lines && quote_end != Some(content_end) {
            return Record::BadQuote;
        }
        cells.push((at, content_end));
        if is_last {
            return Record::Ends(end);
        }
        at = end + 1;
    }
}

/// The position after a cell: of its delimiter, of the line end, or of the end of the text; and
/// after its closing quote, if it has one. `None` if the quote is not closed.
fn cell_end(text: &[u8], start: usize, delimiter: u8) -> Option<(usize, Option<usize>)> {
    let mut at = start;
    let mut quote_end = None;
    if text.get(start) == Some(&b'"') {
        at += 1;
        loop {
            at += memchr::memchr(b'"', &text[at..])? + 1;
            if text.get(at) != Some(&b'"') {
                break;
            }
            at += 1;
        }
        quote_end = Some(at);
    }
    let end = memchr::memchr2(delimiter, b'\n', &text[at..]).map_or(text.len(), |end| at + end);
    Some((end, quote_end))
}

/// Adds the text of a cell. Two quotes in quotes are one, and what follows the closing quote is
/// text.
fn cell_text(cell: &[u8], text: &mut Vec<u8>) {
    let Some(mut rest) = cell.strip_prefix(b"\"") else {
        return text.extend_from_slice(cell);
    };
    while let Some(quote) = memchr::memchr(b'"', rest) {
        text.extend_from_slice(&rest[..quote]);
        rest = &rest[quote + 1..];
        if rest.first() != Some(&b'"') {
            break;
        }
        text.push(b'"');
        rest = &rest[1..];
    }
    text.extend_from_slice(rest);
}

/// The digits of a whole number that has a decimal point and zeros, as spreadsheets write ids.
fn without_zeros(value: &str) -> Option<&str> {
    let (whole, zeros) = value.split_once('.')?;
    let is_whole = match whole.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    (is_whole && !zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0')).then_some(whole)
}

/// Adds a text as JSON.
fn write_text(text: &str, out: &mut Vec<u8>) {
    let is_plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
    if text.as_bytes().iter().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("writing to memory does not fail");
    }
}
