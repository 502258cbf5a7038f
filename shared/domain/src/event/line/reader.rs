//! Reads a line into its events and what each of them adds.
//!
//! Nothing is counted here. A line is accepted or rejected as a whole, so its additions are
//! collected first, and the tally changes only once the whole line is valid.

use crate::count::measure::Currency;
use crate::event::fields::{self, Rules};
use crate::event::former;
use crate::event::json::{Kind, Names, Scanner};
use crate::event::line::object::{Layers, Object, Objects, not_json};
use crate::event::line::read_line::ReadLine;
use crate::event::line::values::{Defaults, FUTURE_SECONDS_MAX, LineContext, ValueReader};
use crate::event::reason::{Field, Reason};
use crate::event::time::TimeReader;
use crate::event::types::KindCache;

/// The maximum size of what the elements of `events` inherit, in bytes: the number of elements times
/// the size of the rest of the line. 1 MiB is four times the longest line. It bounds the work and
/// the memory for one line, which would grow with the product of two lengths in it.
pub const WRITTEN_OUT_BYTES_MAX: usize = 1 << 20;

/// Reads the lines of one chunk.
pub(crate) struct EventReader {
    names: Names,
    item_names: Names,
    objects: Objects,
    values: ValueReader,
    read: ReadLine,
}

/// The version of `docs/VOCABULARY.md`. It is raised whenever a name or a type is added, removed or
/// means something else, and the version before is kept, since it decides what a chunk counts.
pub const VOCABULARY_VERSION: u32 = 2;

fn rules_of(vocabulary_version: u32) -> &'static Rules {
    match vocabulary_version {
        1 => &former::RULES,
        // Chunks of versions to come have a plan format version that is refused.
        _ => &fields::RULES,
    }
}

impl EventReader {
    /// Reads lines by a version of the vocabulary.
    pub(crate) fn new(
        reference_seconds: i64,
        default_currency: Currency,
        vocabulary_version: u32,
    ) -> EventReader {
        let rules = rules_of(vocabulary_version);
        EventReader {
            names: Names::new(rules.slot_in_event),
            item_names: Names::new(rules.slot_in_item),
            objects: Objects {
                line: Object::new(rules.of_events, rules.slot_in_event),
                event: Object::new(rules.of_events, rules.slot_in_event),
                item: Object::new(rules.of_items, rules.slot_in_item),
            },
            values: ValueReader {
                times: TimeReader::new(),
                kinds: KindCache::new(rules.kind_of),
                items_have_names: rules.items_have_names,
                latest_seconds: reference_seconds.saturating_add(FUTURE_SECONDS_MAX),
                default_currency,
                defaults: None,
            },
            read: ReadLine::default(),
        }
    }

    /// Reads a line of at most [`LINE_BYTES_MAX`](crate::chunk::lines::LINE_BYTES_MAX) bytes;
    /// `and_after` starts with the line and either ends there or continues with a line end.
    ///
    /// # Errors
    /// Fails with the first [`Reason`] to reject the line; a retry does not help.
    #[inline]
    pub(crate) fn read(&mut self, line: &[u8], and_after: &[u8]) -> Result<&ReadLine, Reason> {
        let EventReader {
            names,
            item_names,
            objects: Objects { line: own, event, item },
            values,
            read,
        } = self;
        read.clear();
        own.own.clear();
        let mut scanner = Scanner::new(and_after);
        let scanned = scanner.line(names, |slot, value| own.own.take(slot, value));
        // UTF-8 is checked before JSON, but a valid line in ASCII needs no check.
        if (scanned.is_err() || scanner.may_exceed_ascii()) && std::str::from_utf8(line).is_err() {
            return Err(Reason::NotUtf8);
        }
        if !scanned.map_err(not_json)? {
            return Err(Reason::NotObject);
        }
        own.scan_more(&mut scanner, names)?;

        let mut context =
            LineContext { line: and_after, scanner, names, item_names, values, read, item };
        let Some(events) = own.own.get(Field::Events) else {
            // Nearly every line is one flat object.
            if own.own.has_more() {
                context.event(&Layers { near: own, far: None })?;
            } else {
                context.event(&own.own)?;
            }
            return Ok(read);
        };
        context.own_id(own)?;
        let inherited_bytes = line.trim_ascii().len() - (events.end() - events.start());
        let mut written_out_bytes = 0;
        let mut element = context.scanner.first_element(events).map_err(not_json)?;
        while let Some(object) = element {
            written_out_bytes += inherited_bytes;
            if written_out_bytes > WRITTEN_OUT_BYTES_MAX {
                return Err(Reason::TooLarge);
            }
            if object.kind() != Kind::Object {
                return Err(Reason::Invalid(Field::Events));
            }
            event.scan(&mut context.scanner, context.names, object)?;
            context.event(&Layers { near: event, far: Some(own) })?;
            element = context.scanner.next_element(object).map_err(not_json)?;
        }
        Ok(read)
    }

    /// Reads a line like [`read`](EventReader::read), but its events may lack their time, which is
    /// `seconds` then, and views their page. Returns which of the two they lack.
    ///
    /// # Errors
    /// Fails with the first [`Reason`] to reject the line; a retry does not help.
    pub(crate) fn read_single(&mut self, line: &[u8], seconds: i64) -> Result<Defaults, Reason> {
        let unused = Defaults { seconds, lacks_time: false, lacks_page: false };
        self.values.defaults = Some(unused);
        let read = self.read(line, line).map(|_| ());
        let defaults = self.values.defaults.take();
        read.map(|()| defaults.unwrap_or(unused))
    }

    /// The line that was read last, if it was accepted.
    pub(crate) fn last(&self) -> &ReadLine {
        &self.read
    }

    /// The raw value of a field of the line that was read last, which must be an object; without
    /// the quotes of a text. Elements of `events` are ignored.
    pub(crate) fn own_field<'a>(&self, line: &'a [u8], field: Field) -> Option<&'a [u8]> {
        self.objects.line.get(field).map(|value| value.of(line))
    }
}
