//! Reads a line into its events and what each of them adds.
//!
//! Nothing is counted here: an event is accepted or rejected as a whole, so what it adds is
//! collected first.

use std::sync::Arc;

use chrono_tz::Tz;

use crate::count::measure::Currency;
use crate::event::form::FormReader;
use crate::event::json::{Memory, Scanner, Slots};
use crate::event::line::object::{Object, Objects, not_json};
use crate::event::line::read_line::{OfOrder, ReadLine, Rejection};
use crate::event::line::sites::SiteReader;
use crate::event::line::values::{Defaults, FUTURE_SECONDS_MAX, LineContext, ValueReader};
use crate::event::reason::{Field, Reason};
use crate::event::rules::{FORMER, RULES, Rules};
use crate::event::settings::SettingsBySite;
use crate::event::time::TimeReader;
use crate::event::types::KindCache;

/// Reads the lines of one chunk.
pub(crate) struct EventReader {
    pub(super) memory: Memory,
    pub(super) objects: Objects,
    pub(super) values: ValueReader,
    pub(super) read: ReadLine,
    /// `None` until a line may be in a form; in most chunks none is.
    pub(super) forms: Option<Box<FormReader>>,
    /// How many more lines are expected to be in forms, because one before might have been: all of
    /// such a line is put on the tape by its only scan.
    pub(super) expected_forms: u8,
}

/// How many lines are expected to be in forms after one that might have been. Platforms send events
/// that are not, page views for one, between others.
const EXPECTED_FORMS: u8 = 16;

/// The version of the rules by which lines are read, those of `docs/EVENTS.md` and
/// `docs/VOCABULARY.md`. It is raised with the plan format version when equal bytes could count
/// something else, and the rules before are kept for one version.
pub const READER_VERSION: u32 = 6;

/// The rules before, by which chunks are finished that a build of plan format version 8 began.
pub const READER_VERSION_OLDEST: u32 = 5;

fn rules_of(reader_version: u32) -> &'static Rules {
    // Chunks of versions to come have a plan format version that is refused.
    if reader_version <= READER_VERSION_OLDEST { &FORMER } else { &RULES }
}

/// Whether the visitors of lines that this version reads are counted by stage.
pub(crate) fn counts_stages(reader_version: u32) -> bool {
    rules_of(reader_version).has_stages
}

impl EventReader {
    /// Reads lines by a version of the vocabulary.
    pub(crate) fn new(
        reference_seconds: i64,
        default_currency: Currency,
        default_time_zone: Tz,
        reader_version: u32,
    ) -> EventReader {
        let rules = rules_of(reader_version);
        EventReader {
            memory: Memory::new(rules.slots_of),
            objects: Objects {
                line: Object::new(rules.slots_of),
                event: Object::new(rules.slots_of),
                item: Object::new(rules.slots_of),
            },
            values: ValueReader {
                times: TimeReader::new(default_time_zone),
                kinds: KindCache::new(rules.kind_of),
                may_be_form: false,
                unpriced: Vec::new(),
                of_order: OfOrder::default(),
                latest_seconds: reference_seconds.saturating_add(FUTURE_SECONDS_MAX),
                future_seconds: 0,
                default_currency,
                sites: None,
                defaults: None,
            },
            read: ReadLine::default(),
            forms: None,
            expected_forms: 0,
        }
    }

    /// Reads events with what their sites set.
    pub(crate) fn with_settings(mut self, settings: &Arc<SettingsBySite>) -> EventReader {
        if !settings.is_empty() {
            let zone = self.values.times.local.zone();
            let reader = SiteReader::new(settings, self.values.default_currency, zone);
            self.values.sites = Some(Box::new(reader));
        }
        self
    }

    /// Reads a line of at most [`LINE_BYTES_MAX`](crate::chunk::lines::LINE_BYTES_MAX) bytes;
    /// `and_after` starts with the line and either ends there or continues with a line end.
    ///
    /// # Errors
    /// Fails with the [`Reason`] to reject the line as a whole; a retry does not help. Elements of
    /// its `events` are rejected one by one.
    #[inline]
    pub(crate) fn read(&mut self, line: &[u8], and_after: &[u8]) -> Result<&ReadLine, Reason> {
        self.read.clear();
        self.values.may_be_form = false;
        let mut read = self.take_line(line, and_after);
        // It would be read by its names first, in vain.
        if self.expected_forms > 0 && read.is_ok() && self.objects.line.lacks_type() {
            self.values.may_be_form = true;
        }
        let is_marked = self.values.may_be_form;
        if !is_marked && read.is_ok() {
            read = self.read_by_names(line, and_after);
        }
        if self.values.may_be_form {
            match self.read_form(line) {
                Some(of_form) => read = of_form,
                None if is_marked && read.is_ok() => read = self.read_by_names(line, and_after),
                None => {}
            }
        }
        self.expected_forms = match self.values.may_be_form {
            true => EXPECTED_FORMS,
            false => self.expected_forms.saturating_sub(1),
        };
        read?;
        Ok(&self.read)
    }

    /// Takes the members of the object of the line.
    #[inline]
    fn take_line(&mut self, line: &[u8], and_after: &[u8]) -> Result<(), Reason> {
        let EventReader { memory, objects: Objects { line: own, .. }, values, .. } = self;
        own.own.clear();
        let mut scanner = Scanner::new(and_after, memory);
        let take = |slots: Slots, value| own.own.take(slots.event, value);
        let scanned = match self.expected_forms {
            0 => scanner.line(take),
            _ => scanner.whole_line(take),
        };
        // UTF-8 is checked before JSON, but a valid line in ASCII needs no check.
        if (scanned.is_err() || scanner.may_exceed_ascii()) && std::str::from_utf8(line).is_err() {
            return Err(Reason::NotUtf8);
        }
        if !scanned.map_err(not_json)? {
            values.may_be_form = line.trim_ascii_start().first() == Some(&b'"');
            return Err(Reason::NotObject);
        }
        own.clear_more();
        if own.own.has_more() {
            let tape = &memory.tape;
            own.take_more(tape, and_after);
            own.take_product(tape);
            values.may_be_form = own.own.is_marked() || own.has_texts();
        }
        Ok(())
    }

    /// Reads the line whose members were taken by their names.
    #[inline]
    fn read_by_names(&mut self, line: &[u8], and_after: &[u8]) -> Result<(), Reason> {
        let EventReader {
            memory, objects: Objects { line: own, event, item }, values, read, ..
        } = self;
        let tape = &memory.tape;
        let mut context =
            LineContext { line: and_after, tape, values, read, item, item_form: None };
        if own.own.has_more() || own.own.events().is_some() {
            // White space around an object is no part of it, in whatever layout it stands.
            return context.object(own, event, line.trim_ascii().len());
        }
        // Nearly every line is one flat object.
        context.event(&own.own)
    }

    /// Reads a line like [`read`](EventReader::read), but its events may lack their time, which is
    /// `seconds` then, and views their page. Returns which of the two they lack.
    ///
    /// # Errors
    /// Fails with the first [`Reason`] to reject the line or an event in it, or with
    /// [`Reason::UnknownType`], since whoever posts a single event learns what became of it; a
    /// retry does not help.
    pub(crate) fn read_single(&mut self, line: &[u8], seconds: i64) -> Result<Defaults, Reason> {
        let unused = Defaults { seconds, lacks_time: false, lacks_page: false };
        self.values.defaults = Some(unused);
        let read = self.read(line, line).map(|_| ());
        let defaults = self.values.defaults.take();
        read?;
        match self.read.elements.iter().find_map(|element| element.rejected) {
            Some(rejection) => Err(rejection.reason),
            None if !self.read.notes.unknown_types.is_empty() => Err(Reason::UnknownType),
            None => Ok(defaults.unwrap_or(unused)),
        }
    }

    /// The rejection of the line that was read last.
    pub(crate) fn rejection(&self, reason: Reason) -> Rejection {
        self.values.rejection(reason)
    }

    /// The line that was read last, if it was accepted.
    pub(crate) fn last(&self) -> &ReadLine {
        &self.read
    }

    /// The raw value of a field of the line that was read last, which must be an object; without
    /// the quotes of a text. Elements of `events` are ignored.
    pub(crate) fn own_field<'a>(&'a self, line: &'a [u8], field: Field) -> Option<&'a [u8]> {
        self.objects.line.get(field).map(|value| value.of(self.read.source(line)))
    }
}
