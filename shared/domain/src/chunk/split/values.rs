//! Cuts text that is not one value a line into its values: arrays, values one after another, values
//! over several lines.

use crate::chunk::split::kept;
use crate::chunk::split::lines::{Form, LINE_BYTES_MAX, LINE_HEAD_BYTES, Line, Place};
use crate::chunk::split::prefix::{JsonPrefix, Progress};
use crate::event::reason::Reason;

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Which some streams put before or after each value (RFC 7464).
const RECORD_SEPARATOR: u8 = 0x1e;

/// What a schema registry puts before each value: a zero byte and the number of its schema.
const SCHEMA_BYTES: usize = 5;

/// Cuts text into values.
///
/// **Guarantees**: the pieces do not depend on how the text is split into blocks. At most
/// [`LINE_BYTES_MAX`] bytes of a piece are kept between blocks, plus [`APPENDED_BYTES_MAX`](kept::APPENDED_BYTES_MAX).
pub(super) struct ValueCutter {
    /// Of the first byte that is kept, or of the next block.
    place: Place,
    /// The beginning of a piece that is not complete.
    kept: Vec<u8>,
    state: State,
    line: LineSoFar,
    /// A value over several lines, on one.
    one_line: Vec<u8>,
}

/// What the next byte is in. A piece begins with the first byte that is kept.
enum State {
    /// Between values.
    Between,
    /// A value, of which so many bytes were followed.
    Value {
        prefix: JsonPrefix,
        followed: usize,
    },
    /// A value that broke in its first line: it ends with the brace that closes its open objects,
    /// or with the line.
    Broken {
        open_objects: u32,
        followed: usize,
    },
    /// Something else, which may be scalars with separators between them.
    Scalars,
    /// Something else, up to the end of the line.
    Junk {
        followed: usize,
    },
    /// A piece that is too long, has been passed on, and is not kept.
    LongValue(JsonPrefix),
    LongBroken {
        open_objects: u32,
    },
    LongJunk,
}

/// What the current line has shown so far; it decides only which of two equivalent ways the next
/// line takes.
#[derive(Clone, Copy, Default)]
struct LineSoFar {
    values: u32,
    /// Whether it has anything but values and white space.
    has_other: bool,
}

/// Where a piece goes on.
enum Next {
    /// At this byte.
    At(usize),
    /// At this byte, which begins a line.
    AtLine(usize),
    /// At its first byte, when there are more.
    NeedsMore,
}

impl ValueCutter {
    pub(super) fn new() -> ValueCutter {
        ValueCutter {
            place: Place::default(),
            kept: Vec::new(),
            state: State::Between,
            line: LineSoFar::default(),
            one_line: Vec::new(),
        }
    }

    /// Starts at the beginning of a line, of which these bytes are known.
    pub(super) fn start(&mut self, place: Place, first: &[u8]) {
        self.place = place;
        self.kept.clear();
        self.kept.extend_from_slice(first);
        self.state = State::Between;
        self.line = LineSoFar::default();
    }

    /// Where the next line starts, after [`push`](ValueCutter::push) returned the rest of a block.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Takes the next block, and passes the pieces that it completes to `each`. Returns the rest of
    /// the block if it starts with a line, and if the line before it was one value: the next one is
    /// probably, too.
    pub(super) fn push<'b>(
        &mut self,
        block: &'b [u8],
        each: &mut impl FnMut(Line<'_>) -> bool,
    ) -> Option<&'b [u8]> {
        let mut kept = std::mem::take(&mut self.kept);
        let rest = kept::cut_all(&mut kept, block, |text, kept_bytes| {
            self.cut(text, kept_bytes, false, each)
        });
        self.kept = kept;
        rest
    }

    /// Whether no piece is unfinished.
    pub(super) fn is_at_end(&self) -> bool {
        self.kept.is_empty() && matches!(self.state, State::Between)
    }

    /// Ends the text, and passes its last pieces to `each`.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(Line<'_>) -> bool) {
        let text = std::mem::take(&mut self.kept);
        self.cut(&text, usize::MAX, true, each);
    }

    /// Cuts a text that starts with the piece that was kept. Returns how many bytes it needs no
    /// longer, and whether the next one starts a line that should be read as such, which is not
    /// before `lines_from`.
    fn cut(
        &mut self,
        text: &[u8],
        lines_from: usize,
        is_end: bool,
        each: &mut impl FnMut(Line<'_>) -> bool,
    ) -> (usize, bool) {
        let start = self.place.offset;
        let mut at = 0;
        loop {
            self.place.offset = start + at as u64;
            let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) else {
                return (at, false);
            };
            if let State::Between = self.state {
                match self.between(rest, is_end) {
                    Next::AtLine(more) => {
                        at += more;
                        if self.end_line() && at >= lines_from {
                            self.place.offset = start + at as u64;
                            return (at, true);
                        }
                        continue;
                    }
                    Next::At(more) if more > 0 => {
                        at += more;
                        continue;
                    }
                    Next::At(_) => {}
                    Next::NeedsMore => return (at, false),
                }
            }
            match self.piece(rest, is_end, each) {
                Next::At(more) | Next::AtLine(more) => at += more,
                Next::NeedsMore => return (at, false),
            }
        }
    }

    /// Skips separators, up to the end of the line at most. Without any, a piece begins.
    fn between(&mut self, rest: &[u8], is_end: bool) -> Next {
        let mut at = 0;
        while let Some(&byte) = rest.get(at) {
            match byte {
                b'\n' => return Next::AtLine(at + 1),
                b' ' | b'\t' | b'\r' => at += 1,
                _ => match separator_bytes(&rest[at..], is_end) {
                    Some(0) => break,
                    Some(bytes) => {
                        self.line.has_other = true;
                        at += bytes;
                    }
                    None if at == 0 => return Next::NeedsMore,
                    None => break,
                },
            }
        }
        if at == 0 {
            let is_value = rest.first() == Some(&b'{');
            self.line.values += u32::from(is_value);
            self.line.has_other |= !is_value;
            self.state = if is_value {
                State::Value { prefix: JsonPrefix::new(), followed: 0 }
            } else {
                State::Scalars
            };
        }
        Next::At(at)
    }

    /// Ends a line; returns whether it was one value.
    fn end_line(&mut self) -> bool {
        self.place.line += 1;
        let line = std::mem::take(&mut self.line);
        line.values == 1 && !line.has_other
    }

    /// Follows the piece that starts here.
    fn piece(
        &mut self,
        piece: &[u8],
        is_end: bool,
        each: &mut impl FnMut(Line<'_>) -> bool,
    ) -> Next {
        // So much decides whether it is too long: a piece of the maximum length, and what follows.
        let head = &piece[..piece.len().min(LINE_BYTES_MAX + 1)];
        let is_long = piece.len() > LINE_BYTES_MAX;
        match &mut self.state {
            State::Between => Next::At(0),
            State::Value { prefix, followed } => {
                let unseen = *followed;
                *followed = head.len();
                match prefix.push(&head[unseen..]) {
                    Progress::Complete(end) => {
                        self.state = State::Between;
                        self.value(&piece[..unseen + end], each);
                        Next::At(unseen + end)
                    }
                    Progress::Broken(at) => {
                        let open_objects = prefix.open_objects();
                        self.broken(piece, unseen + at, open_objects, each)
                    }
                    Progress::More if is_long => {
                        let prefix = *prefix;
                        self.pass(piece, each);
                        self.pass_lines(head);
                        self.state = State::LongValue(prefix);
                        Next::At(head.len())
                    }
                    Progress::More if is_end => self.broken(piece, piece.len(), 0, each),
                    Progress::More => Next::NeedsMore,
                }
            }
            State::Broken { open_objects, followed } => {
                let unseen = *followed;
                *followed = head.len();
                match closing_brace(&head[unseen..], open_objects) {
                    Some(end) => self.end_piece(&piece[..unseen + end], each),
                    None if is_long => {
                        let open_objects = *open_objects;
                        self.pass(piece, each);
                        self.state = State::LongBroken { open_objects };
                        Next::At(head.len())
                    }
                    None if is_end => self.end_piece(piece, each),
                    None => Next::NeedsMore,
                }
            }
            State::Scalars => match scalars(head, is_end && !is_long) {
                Scalars::Until { end, next } => {
                    self.pass(&piece[..end], each);
                    self.state = State::Between;
                    Next::At(next)
                }
                Scalars::NeedMore if !is_long => Next::NeedsMore,
                Scalars::NeedMore | Scalars::Others => {
                    self.state = State::Junk { followed: 0 };
                    Next::At(0)
                }
            },
            State::Junk { followed } => {
                let unseen = *followed;
                *followed = head.len();
                match memchr::memchr(b'\n', &head[unseen..]) {
                    Some(end) => self.end_piece(&piece[..unseen + end], each),
                    None if is_long => {
                        self.pass(piece, each);
                        self.state = State::LongJunk;
                        Next::At(head.len())
                    }
                    None if is_end => self.end_piece(piece, each),
                    None => Next::NeedsMore,
                }
            }
            State::LongValue(prefix) => match prefix.push(piece) {
                Progress::Complete(end) => {
                    self.state = State::Between;
                    self.pass_lines(&piece[..end]);
                    Next::At(end)
                }
                Progress::Broken(at) => {
                    self.state = State::LongBroken { open_objects: prefix.open_objects() };
                    self.pass_lines(&piece[..at]);
                    Next::At(at)
                }
                Progress::More => {
                    self.pass_lines(piece);
                    Next::At(piece.len())
                }
            },
            State::LongBroken { open_objects } => match closing_brace(piece, open_objects) {
                Some(end) => {
                    self.state = State::Between;
                    Next::At(end)
                }
                None => Next::At(piece.len()),
            },
            State::LongJunk => match memchr::memchr(b'\n', piece) {
                Some(end) => {
                    self.state = State::Between;
                    Next::At(end)
                }
                None => Next::At(piece.len()),
            },
        }
    }

    /// A value that breaks at this byte. In its first line it ends there, as far as its braces
    /// tell; of one that breaks later only the first line is rejected.
    fn broken(
        &mut self,
        piece: &[u8],
        at: usize,
        open_objects: u32,
        each: &mut impl FnMut(Line<'_>) -> bool,
    ) -> Next {
        self.line.has_other = true;
        match memchr::memchr(b'\n', &piece[..at]) {
            Some(end) => self.end_piece(&piece[..end], each),
            None if at == piece.len() => self.end_piece(piece, each),
            None => {
                self.state = State::Broken { open_objects, followed: at };
                Next::At(0)
            }
        }
    }

    fn end_piece(&mut self, piece: &[u8], each: &mut impl FnMut(Line<'_>) -> bool) -> Next {
        self.state = State::Between;
        self.pass(piece, each);
        Next::At(piece.len())
    }

    /// Passes a whole value on, on one line.
    fn value(&mut self, value: &[u8], each: &mut impl FnMut(Line<'_>) -> bool) {
        if value.len() > LINE_BYTES_MAX || memchr::memchr(b'\n', value).is_none() {
            self.pass(value, each);
        } else {
            let mut one_line = std::mem::take(&mut self.one_line);
            one_line.clear();
            // In a valid value, line feeds are only between its tokens.
            one_line.extend(value.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
            self.pass(&one_line, each);
            self.one_line = one_line;
        }
        self.pass_lines(value);
    }

    fn pass(&mut self, piece: &[u8], each: &mut impl FnMut(Line<'_>) -> bool) {
        let is_long = piece.len() > LINE_BYTES_MAX;
        let text = if is_long { &piece[..LINE_HEAD_BYTES] } else { piece };
        each(Line {
            number: self.place.line + 1,
            end_offset: self.place.offset + text.len() as u64,
            text,
            and_after: text,
            form: if is_long { Form::Rejected(Reason::TooLong) } else { Form::Value },
        });
    }

    /// Goes past the line ends in a value.
    fn pass_lines(&mut self, value: &[u8]) {
        let ends = memchr::memchr_iter(b'\n', value).count() as u64;
        if ends > 0 {
            self.place.line += ends;
            self.line.has_other = true;
        }
    }
}

/// The length of the separator that starts here, 0 for none; `None` if that depends on more bytes.
/// White space and line ends are separators, too, but are not looked for.
fn separator_bytes(rest: &[u8], is_end: bool) -> Option<usize> {
    match rest {
        [b',' | b'[' | b']' | RECORD_SEPARATOR, ..] => Some(1),
        // As text, from those who meant a line feed.
        [b'\\', b'n' | b'r' | b't', ..] => Some(2),
        [b'\\'] if !is_end => None,
        [0, _, _, _, _, b'{', ..] => Some(SCHEMA_BYTES),
        [0, ..] if !is_end && rest.len() <= SCHEMA_BYTES => None,
        _ if rest.starts_with(&BYTE_ORDER_MARK) => Some(BYTE_ORDER_MARK.len()),
        [0xef, ..] if !is_end && BYTE_ORDER_MARK.starts_with(rest) => None,
        _ => Some(0),
    }
}

/// The position after the brace that closes the open objects, or of the line end before it. What is
/// a text is not known any more, so that braces in texts count, too.
fn closing_brace(rest: &[u8], open_objects: &mut u32) -> Option<usize> {
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'{' => *open_objects = open_objects.saturating_add(1),
            b'}' if *open_objects <= 1 => return Some(at + 1),
            b'}' => *open_objects -= 1,
            b'\n' => return Some(at),
            _ => {}
        }
    }
    None
}

enum Scalars {
    /// Only scalars and separators up to `next`, where a line or the text ends or an object begins;
    /// the last scalar ends before `end`.
    Until {
        end: usize,
        next: usize,
    },
    Others,
    NeedMore,
}

/// Whether texts, numbers and words stand here with separators between them.
fn scalars(rest: &[u8], is_end: bool) -> Scalars {
    let mut at = 0;
    loop {
        let mut scalar = JsonPrefix::new();
        match scalar.push(&rest[at..]) {
            Progress::Complete(bytes) => at += bytes,
            Progress::More if is_end && scalar.is_number() => at = rest.len(),
            Progress::More if !is_end => return Scalars::NeedMore,
            _ => return Scalars::Others,
        }
        let end = at;
        loop {
            match rest.get(at) {
                None if is_end => return Scalars::Until { end, next: at },
                None => return Scalars::NeedMore,
                Some(b'\n') => return Scalars::Until { end, next: at },
                Some(b' ' | b'\t' | b'\r') => at += 1,
                Some(_) => match separator_bytes(&rest[at..], is_end) {
                    Some(0) if at == end => return Scalars::Others,
                    Some(0) => break,
                    Some(bytes) => at += bytes,
                    None => return Scalars::NeedMore,
                },
            }
        }
        if rest.get(at) == Some(&b'{') {
            return Scalars::Until { end, next: at };
        }
    }
}
