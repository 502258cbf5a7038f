//! Finds what an object says about a person.

use std::collections::VecDeque;

use crate::chunk::ChunkError;
use crate::chunk::forget::line::written_anew;
use crate::chunk::forget::mask::masked;
use crate::chunk::forget::meaning::Meaning;
use crate::chunk::forget::person::{Known, Person, RelatedIds, has_word};
use crate::chunk::forget::tree::Tree;
use crate::chunk::id::ContentHash;
use crate::chunk::lines::{Form, LINE_BYTES_MAX, Line};
use crate::chunk::settings::ChunkSettings;
use crate::chunk::split::{TextDecoder, TextSplitter};
use crate::chunk::unpack::Unpacker;
use crate::event::line::EventReader;
use crate::event::reason::Reason;

/// Why an object cannot be written anew. A retry does not help.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ForgetError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ChunkError),
    /// A line would count something else; nothing was written.
    #[error("line {number} cannot be written anew so that it counts the same")]
    Line {
        /// The number of the line.
        number: u64,
    },
}

/// What a search is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// The ids of the person, and whether the object says anything about them.
    Ids,
    /// The edits, too, which need the plan inputs that the object was counted with.
    Edits,
}

/// A part of the unpacked text that is replaced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// Where it begins, in bytes of UTF-8.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// What stands there instead.
    pub text: Vec<u8>,
}

/// What an object says about a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The hash of the stored bytes.
    pub content_hash: ContentHash,
    /// How many lines are about them.
    pub lines: u64,
    /// Ids of theirs.
    pub related: RelatedIds,
    /// What is to be replaced, ascending; none unless they were wanted.
    pub edits: Vec<Edit>,
    /// Where the text of the earlier version ends that has counted the first bytes.
    pub counted_before: Option<u64>,
}

/// Reads an object from a stream of bytes, like [`ChunkReader`](crate::chunk::ChunkReader).
///
/// **Guarantees**: memory is bounded by the longest line and what is found.
pub struct Search<'p> {
    hasher: blake3::Hasher,
    unpacker: Unpacker,
    decoder: TextDecoder,
    splitter: TextSplitter,
    /// The stored bytes that an earlier version has counted and that are not read yet.
    earlier_bytes: u64,
    text_bytes: u64,
    lines: Lines<'p>,
}

struct Lines<'p> {
    known: Known<'p>,
    want: Want,
    reader: EventReader,
    found: Found,
    error: Option<ForgetError>,
    /// Whether the last edit goes on to the next line.
    is_open: bool,
    /// A line that is too long to be kept: it is the person's if it mentions them.
    long_line: Option<u64>,
    mentions: Mentions,
}

/// Where the person is mentioned in the text.
#[derive(Default)]
struct Mentions {
    word: Vec<u8>,
    /// The last bytes of the block before.
    tail: Vec<u8>,
    places: VecDeque<u64>,
}

impl<'p> Search<'p> {
    /// Starts before the first byte.
    pub fn new(settings: &ChunkSettings, person: &'p Person, want: Want) -> Search<'p> {
        let inputs = &settings.inputs;
        let reader = EventReader::new(
            inputs.reference_time.timestamp(),
            inputs.default_currency,
            inputs.default_time_zone,
            inputs.reader_version,
        );
        let word = person.customer.clone().unwrap_or_default().into_bytes();
        Search {
            hasher: blake3::Hasher::new(),
            unpacker: Unpacker::new(settings.size_bytes),
            decoder: TextDecoder::new(),
            splitter: TextSplitter::new(),
            earlier_bytes: inputs.counted_before.unwrap_or(0),
            text_bytes: 0,
            lines: Lines {
                known: Known::new(person, settings.secret),
                want,
                reader: reader.with_settings(&settings.sites.settings),
                found: Found {
                    content_hash: ContentHash::new([0; 32]),
                    lines: 0,
                    related: RelatedIds::default(),
                    edits: Vec::new(),
                    counted_before: None,
                },
                error: None,
                is_open: false,
                long_line: None,
                mentions: Mentions { word, ..Mentions::default() },
            },
        }
    }

    /// Takes the next stored bytes.
    ///
    /// # Errors
    /// Fails if the object cannot be read or written anew; a retry does not help.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ForgetError> {
        self.hasher.update(bytes);
        let length = usize::try_from(self.earlier_bytes).unwrap_or(bytes.len()).min(bytes.len());
        let (earlier, rest) = bytes.split_at(length);
        self.unpack(earlier)?;
        if length > 0 {
            self.earlier_bytes -= length as u64;
            if self.earlier_bytes == 0 {
                self.flush()?;
                self.lines.found.counted_before = Some(self.text_bytes);
                self.lines.close(self.text_bytes);
            }
        }
        self.unpack(rest)?;
        self.lines.error.clone().map_or(Ok(()), Err)
    }

    fn unpack(&mut self, bytes: &[u8]) -> Result<(), ForgetError> {
        let Search { unpacker, decoder, splitter, text_bytes, lines, .. } = self;
        unpacker
            .push(bytes, &mut |block| {
                decoder.push(block, &mut |text| lines.take(text, text_bytes, splitter));
            })
            .map_err(ChunkError::from)?;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ForgetError> {
        let Search { unpacker, decoder, splitter, text_bytes, lines, .. } = self;
        unpacker
            .flush(&mut |block| {
                decoder.push(block, &mut |text| lines.take(text, text_bytes, splitter));
            })
            .map_err(ChunkError::from)?;
        Ok(())
    }

    /// Ends the object.
    ///
    /// # Errors
    /// As [`Search::push`].
    pub fn finish(self) -> Result<Found, ForgetError> {
        let Search {
            hasher, unpacker, mut decoder, mut splitter, mut text_bytes, mut lines, ..
        } = self;
        unpacker
            .finish(&mut |block| {
                decoder.push(block, &mut |text| lines.take(text, &mut text_bytes, &mut splitter));
            })
            .map_err(ChunkError::from)?;
        decoder.finish(&mut |text| lines.take(text, &mut text_bytes, &mut splitter));
        splitter.finish(&mut |line| lines.line(line));
        lines.close(text_bytes);
        lines.found.content_hash = ContentHash::new(hasher.finalize().into());
        lines.error.map_or(Ok(lines.found), Err)
    }
}

impl Lines<'_> {
    fn take(&mut self, text: &[u8], text_bytes: &mut u64, splitter: &mut TextSplitter) {
        self.mentions.take(text, *text_bytes);
        *text_bytes += text.len() as u64;
        splitter.push(text, &mut |line| self.line(line));
    }

    /// Ends what goes on to the next line, or to what an earlier version has counted.
    fn close(&mut self, at: u64) {
        if let Some(start) = self.long_line.take()
            && self.mentions.are_between(start, at)
        {
            // Any text of that length is rejected as too long.
            let filler = std::iter::repeat_n(b'a', LINE_BYTES_MAX + 1).chain([b'\n']).collect();
            self.edit(start, at, filler);
        }
        if std::mem::take(&mut self.is_open)
            && let Some(last) = self.found.edits.last_mut()
        {
            last.end = at;
        }
        self.mentions.forget_before(at);
    }

    fn edit(&mut self, start: u64, end: u64, text: Vec<u8>) {
        self.found.lines += 1;
        if self.want == Want::Edits {
            self.found.edits.push(Edit { start, end, text });
        }
    }

    /// Looks at a line or a value; `false` if it is a line that is not one JSON object.
    fn line(&mut self, line: Line<'_>) -> bool {
        let (start, end) = (line.offset(), line.offset() + line.text.len() as u64);
        if line.form == Form::Rejected(Reason::TooLong) {
            self.close(start);
            self.long_line = Some(start);
            return true;
        }
        let meaning = match line.form {
            Form::Rejected(reason) => Meaning::Rejected(reason, None),
            _ => Meaning::of(&mut self.reader, line.text, line.and_after),
        };
        let is_object = match meaning {
            Meaning::Rejected(reason, _) => reason.is_of_object(),
            Meaning::Read(_) => true,
        };
        if line.form == Form::Line && !is_object {
            return false;
        }
        self.close(start);
        if !is_object {
            if self.known.is_mentioned_unreadably(line.text) {
                self.edit(start, end, masked(line.text));
            }
            return true;
        }
        if !self.is_about_them(&meaning, line.text) {
            return true;
        }
        meaning.related(&self.known, &mut self.found.related);
        if self.want == Want::Ids {
            self.edit(start, end, Vec::new());
            return true;
        }
        let Some(mut text) = written_anew(&mut self.reader, &self.known, line.text) else {
            let number = line.number;
            self.error.get_or_insert(ForgetError::Line { number });
            return true;
        };
        if text == line.text {
            return true;
        }
        // A record of CSV becomes an object on a line of its own.
        self.is_open = line.form == Form::Record;
        if self.is_open {
            text.push(b'\n');
        }
        self.edit(start, end, text);
        true
    }

    fn is_about_them(&self, meaning: &Meaning, text: &[u8]) -> bool {
        meaning.is_of(&self.known)
            || self.known.is_mentioned(text) && !meaning.has_key_of(&self.known)
            || meaning.has_uncounted()
                && Tree::read(text).is_some_and(|tree| self.known.is_named_in(&tree))
    }
}

impl Mentions {
    fn take(&mut self, text: &[u8], offset: u64) {
        if self.word.is_empty() {
            return;
        }
        // Once more with what comes before, where a mention may begin.
        let kept = self.tail.len();
        let joined = [&self.tail[..], &text[..text.len().min(self.word.len())]].concat();
        let first = memchr::memmem::find_iter(&joined, &self.word)
            .filter(|at| *at < kept)
            .map(|at| offset - (kept - at) as u64);
        self.places.extend(first);
        let inner = memchr::memmem::find_iter(text, &self.word).map(|at| offset + at as u64);
        self.places.extend(inner);
        self.tail.extend_from_slice(&text[text.len().saturating_sub(self.word.len())..]);
        let surplus = (self.tail.len() + 1).saturating_sub(self.word.len());
        self.tail.drain(..surplus);
    }

    fn are_between(&self, start: u64, end: u64) -> bool {
        self.places.iter().any(|place| (start..end).contains(place))
    }

    fn forget_before(&mut self, at: u64) {
        while self.places.front().is_some_and(|place| *place < at) {
            self.places.pop_front();
        }
    }
}

/// The text of a rejected line that is kept, without what it says about the person; `None` if it
/// says nothing about them.
pub fn mask_rejected(person: &Person, text: &[u8]) -> Option<Vec<u8>> {
    let known = Known::new(person, crate::count::secret::VisitorSecret::NONE);
    let words =
        person.customer.iter().chain(&person.related.sessions).chain(&person.related.orders);
    let is_theirs = match Tree::read(text).filter(|_| std::str::from_utf8(text).is_ok()) {
        Some(tree) if serde_json::from_slice::<serde_json::Value>(text).is_ok() => {
            known.is_named_in(&tree) || known.is_mentioned(text)
        }
        _ => words.filter(|word| !word.is_empty()).any(|word| has_word(text, word.as_bytes())),
    };
    is_theirs.then(|| masked(text))
}
