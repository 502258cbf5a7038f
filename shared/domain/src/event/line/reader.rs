//! Reads a line into its events and what each of them adds.
//!
//! Nothing is counted here: an event is accepted or rejected as a whole, so what it adds is
//! collected first.

use std::sync::Arc;

use chrono_tz::Tz;

use crate::count::measure::Currency;
use crate::event::fields::OfEvents;
use crate::event::form::{FormWriter, FoundByNames, Rewritten, Unity, WRITTEN_OUT_BYTES_MAX};
use crate::event::json::{Kind, Memory, Nodes, Scanner, Slots, Tape, with_unescaped};
use crate::event::line::object::{Layers, Object, Objects, not_json};

use crate::event::line::read_line::{Element, OfOrder, ReadLine, Rejection};
use crate::event::line::sites::SiteReader;
use crate::event::line::values::{Defaults, FUTURE_SECONDS_MAX, LineContext, ValueReader};
use crate::event::reason::{Field, Reason};
use crate::event::rules::{FORMER, RULES, Rules, slots_with_path};
use crate::event::settings::SettingsBySite;
use crate::event::time::TimeReader;
use crate::event::types::KindCache;

/// Reads the lines of one chunk.
pub(crate) struct EventReader {
    memory: Memory,
    objects: Objects,
    values: ValueReader,
    read: ReadLine,
    /// `None` until a line may be in a form; in most chunks none is.
    forms: Option<Box<FormWriter>>,
    /// Whether the line before might have been in a form, so that this one may be, too.
    expects_form: bool,
}

/// What the object that was taken last has by its names.
fn found_in(own: &Object<OfEvents>, values: &mut ValueReader, object: &[u8]) -> FoundByNames {
    let has_known_type = own.get(Field::EventType).is_some_and(|name| {
        matches!(name.kind(), Kind::Text | Kind::EscapedText)
            && with_unescaped(name, object, |name| values.kinds.kind(name).is_some())
    });
    FoundByNames { has_events: own.own.events().is_some(), has_known_type }
}

/// The version of the rules by which lines are read, those of `docs/EVENTS.md` and
/// `docs/VOCABULARY.md`. It is raised with the plan format version when equal bytes could count
/// something else, and the rules before are kept for one version.
pub const READER_VERSION: u32 = 5;

/// The rules before, by which chunks are finished that a build of plan format version 7 began.
pub const READER_VERSION_OLDEST: u32 = 4;

fn rules_of(reader_version: u32) -> &'static Rules {
    // Chunks of versions to come have a plan format version that is refused.
    if reader_version <= READER_VERSION_OLDEST { &FORMER } else { &RULES }
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
                has_order_refunds: rules.has_order_refunds,
                of_order: OfOrder::default(),
                latest_seconds: reference_seconds.saturating_add(FUTURE_SECONDS_MAX),
                future_seconds: 0,
                default_currency,
                sites: None,
                defaults: None,
            },
            read: ReadLine::default(),
            forms: None,
            expects_form: false,
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
        let by_names = self.read_by_names(line, and_after, None);
        if self.values.may_be_form {
            let is_whole_on_tape = std::mem::replace(&mut self.expects_form, true);
            self.read_form(line, by_names, is_whole_on_tape)?;
        } else {
            self.expects_form = false;
            by_names?;
        }
        Ok(&self.read)
    }

    /// Reads a line in a form. If it is in none, what was read by its names stays.
    #[cold]
    fn read_form(
        &mut self,
        line: &[u8],
        by_names: Result<(), Reason>,
        is_whole_on_tape: bool,
    ) -> Result<(), Reason> {
        let EventReader { memory, objects: Objects { line: own, .. }, values, forms, .. } = self;
        let found = found_in(own, values, line);
        let look = |members: Nodes, tape: &Tape, text: &[u8]| {
            own.take(members, tape, text);
            found_in(own, values, text)
        };
        let forms = forms.get_or_insert_with(|| {
            // From now on all names are learned with their slots in paths.
            *memory = Memory::new(slots_with_path);
            Box::new(FormWriter::default())
        });
        if !is_whole_on_tape {
            // It was scanned before, and was valid.
            let _ = Scanner::of_checked(line, memory).whole_line(|_, _| {});
        }
        let Some(Rewritten { text, unity }) = forms.rewrite(line, memory, found, look) else {
            return by_names;
        };
        self.read.clear();
        // Only what was given can be completed, and not what stands within it.
        let defaults = self.values.defaults.take();
        let read = self.read_by_names(&text, &text, Some(unity));
        let complete = |it| Defaults { lacks_time: false, lacks_page: false, ..it };
        self.values.defaults = defaults.map(complete);
        self.read.rewritten = text;
        self.read.unity = Some(unity);
        read
    }

    /// Reads a line by the names of its members. `rewritten` says of a line that was written anew
    /// what its events are.
    #[inline]
    fn read_by_names(
        &mut self,
        line: &[u8],
        and_after: &[u8],
        rewritten: Option<Unity>,
    ) -> Result<(), Reason> {
        let EventReader {
            memory,
            objects: Objects { line: own, event, item },
            values,
            read,
            expects_form,
            ..
        } = self;
        own.own.clear();
        let mut scanner = match rewritten {
            None => Scanner::new(and_after, memory),
            Some(_) => Scanner::of_checked(and_after, memory),
        };
        let take = |slots: Slots, value| own.own.take(slots.event, value);
        let scanned = if *expects_form && rewritten.is_none() {
            scanner.whole_line(take)
        } else {
            scanner.line(take)
        };
        // UTF-8 is checked before JSON, but a valid line in ASCII needs no check.
        if (scanned.is_err() || scanner.may_exceed_ascii()) && std::str::from_utf8(line).is_err() {
            return Err(Reason::NotUtf8);
        }
        if !scanned.map_err(not_json)? {
            values.may_be_form = line.trim_ascii_start().first() == Some(&b'"');
            return Err(Reason::NotObject);
        }
        let tape = &memory.tape;
        own.clear_more();
        let has_more = own.own.has_more();
        if has_more {
            own.take_more(tape, and_after);
            own.take_product(tape);
            values.may_be_form = own.own.is_marked() || own.has_texts();
        }
        let mut context = LineContext { line: and_after, tape, values, read, item };
        let Some(events) = own.own.events() else {
            // Nearly every line is one flat object.
            return if has_more {
                context.event(&Layers { near: own, far: None, is_together: false })
            } else {
                context.event(&own.own)
            };
        };
        let is_together = rewritten == Some(Unity::Together);
        if !is_together {
            context.own_id(own)?;
        }
        // White space around an object is no part of it, in whatever layout it stands.
        let object = line.trim_ascii();
        let inherited_bytes = match rewritten {
            Some(Unity::Together) => 0,
            Some(Unity::Apart { beside_bytes }) => beside_bytes,
            Some(Unity::Line) | None => object.len() - (events.end() - events.start()),
        };
        let mut written_out_bytes = 0;
        let mut elements = tape.within(events);
        while let Some(element) = elements.next(tape) {
            written_out_bytes += inherited_bytes;
            if written_out_bytes > WRITTEN_OUT_BYTES_MAX {
                return Err(Reason::TooLarge);
            }
            let mark = context.read.mark();
            let rejected = context.element(element, event, own, is_together).err();
            match rejected {
                Some(reason) if is_together => return Err(reason),
                Some(_) => context.read.take_back(&mark),
                None => {}
            }
            if !is_together {
                let rejected = rejected.map(|reason| context.values.rejection(reason));
                context.read.elements.push(Element { value: element.value, rejected });
            }
        }
        Ok(())
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
