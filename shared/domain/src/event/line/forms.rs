//! Reads lines that are envelopes or in forms, or have texts that hold JSON.

use std::ops::Range;

use crate::event::fields::OfEvents;
use crate::event::form::{Form, FormEvent, FormReader, FormText, FoundByNames, Opened, Reading};
use crate::event::json::{Kind, Memory, Node, Nodes, Raw, Scanner, Tape, with_unescaped};
use crate::event::line::event::WrittenOut;
use crate::event::line::object::{Layers, Object, Objects};
use crate::event::line::read_line::Unity;
use crate::event::line::reader::EventReader;
use crate::event::line::values::{Defaults, LineContext, ValueReader};
use crate::event::reason::{Field, Reason};
use crate::event::rules::slots_with_path;
use crate::event::site::SITE_BYTES_MAX;

/// The maximum size of a site as it is written, in bytes: 64 characters, each at most six bytes with
/// its escape, and quotes. A longer one is no site, and counts as what elements inherit.
const SITE_WRITTEN_BYTES_MAX: usize = SITE_BYTES_MAX * 6 + 2;

/// What the object that was taken last has by its names.
fn found_in(own: &Object<OfEvents>, values: &mut ValueReader, object: &[u8]) -> FoundByNames {
    let has_known_type = own.get(Field::EventType).is_some_and(|name| {
        matches!(name.kind(), Kind::Text | Kind::EscapedText)
            && with_unescaped(name, object, |name| values.kinds.kind(name).is_some())
    });
    FoundByNames { has_events: own.own.events().is_some(), has_known_type }
}

impl EventReader {
    /// Reads a line that may be an envelope or in a form, or may have texts that hold JSON, of which
    /// the members were taken. `None` if it is nothing of these: then it counts by its names.
    #[cold]
    pub(super) fn read_form(&mut self, line: &[u8]) -> Option<Result<(), Reason>> {
        let EventReader { memory, objects: Objects { line: own, .. }, values, forms, .. } = self;
        let found = found_in(own, values, line);
        let look = |members: Nodes, tape: &Tape, text: &[u8]| {
            own.take(members, tape, text);
            found_in(own, values, text)
        };
        let forms = forms.get_or_insert_with(|| {
            // From now on all names are learned with their slots in paths.
            *memory = Memory::new(slots_with_path);
            Box::new(FormReader::default())
        });
        if self.expected_forms == 0 {
            // It was scanned before, and was valid.
            let _ = Scanner::of_checked(line, memory).whole_line(|_, _| {});
        }
        let opened = forms.open(line, memory, found, look)?;
        self.read.clear();
        // Only what was given can be completed, and not what stands within it.
        let defaults = self.values.defaults.take();
        let read = self.read_opened(line, opened);
        let complete = |it| Defaults { lacks_time: false, lacks_page: false, ..it };
        self.values.defaults = defaults.map(complete);
        Some(read)
    }

    fn read_opened(&mut self, line: &[u8], opened: Opened) -> Result<(), Reason> {
        let Opened { text, object, inherited, reading } = opened;
        let EventReader { memory, objects: Objects { line: own, event, item }, .. } = self;
        own.clear();
        inherited.iter().for_each(|(slot, value)| own.own.take(*slot, *value));
        if let Reading::InForm(form) = reading {
            let site = inherited.first().copied();
            return self.read_in_form(line, text, &InForm { form, object, site });
        }
        let EventReader { values, read, .. } = self;
        let tape = &memory.tape;
        let in_text = text.as_deref().unwrap_or(line);
        read.unity = Some(Unity::Together);
        let mut context = LineContext { line: in_text, tape, values, read, item, item_form: None };
        let result = match reading {
            Reading::ByNames { inherits: true } => context.element(object, event, own, true),
            Reading::ByNames { inherits: false } => {
                context.read.unity = Some(Unity::Line(object.value));
                own.take(object.within, tape, in_text);
                own.take_product(tape);
                context.object(own, event, object.value.whole().len())
            }
            _ => Ok(()),
        };
        read.text_read = text.unwrap_or_default();
        result
    }

    /// Reads an object in a form.
    fn read_in_form(
        &mut self,
        line: &[u8],
        text: Option<Vec<u8>>,
        in_form: &InForm,
    ) -> Result<(), Reason> {
        let text = text.unwrap_or_else(|| {
            let mut text = std::mem::take(&mut self.read.text_read);
            text.extend_from_slice(line);
            text
        });
        let mut text = FormText::new(text);
        let InForm { form, object, .. } = *in_form;
        let Some(mut forms) = self.forms.take() else { return Ok(()) };
        let read = match forms.elements(form, object, &self.memory.tape) {
            None => self.read_events(in_form, &mut text, &mut forms),
            Some((elements, array_bytes)) => {
                let rest = object.value.whole().len() - array_bytes;
                let written_out = WrittenOut::of_each(rest + in_form.long_site_bytes());
                self.read_elements(in_form, elements, written_out, &mut text, &mut forms)
            }
        };
        self.forms = Some(forms);
        self.read.text_read = text.into_bytes();
        read
    }

    /// Reads the events that an object reports. They are parts of it.
    fn read_events(
        &mut self,
        in_form: &InForm,
        text: &mut FormText,
        forms: &mut FormReader,
    ) -> Result<(), Reason> {
        let EventReader { memory, objects, values, read, .. } = self;
        let Objects { line: own, event: part, item } = objects;
        let InForm { form, object, site } = *in_form;
        let tape = &memory.tape;
        read.unity = Some(Unity::Together);
        let reported = forms.reported(form, object, tape, text);
        let is_only = reported.count_ones() == 1;
        for (number, event) in form.events().iter().enumerate() {
            if reported >> number & 1 == 0 {
                continue;
            }
            let near = if is_only { &mut *own } else { &mut *part };
            near.clear();
            if let Some((slot, value)) = site.filter(|_| !event.has_site()) {
                near.own.take(slot, value);
            }
            let take = |slot, value| near.own.take(slot, value);
            forms.take_event(event, object, tape, text, take);
            if near.own.has_more() {
                near.take_more(tape, text.bytes());
                near.take_product(tape);
            }
            // All that it inherits is the site, which it has by now.
            let layers = Layers { near, far: None, is_together: false };
            let (line, item_form) = (text.bytes(), forms.items_of(event));
            LineContext { line, tape, values, read, item, item_form }.event(&layers)?;
        }
        Ok(())
    }

    /// Reads elements that are events of their own.
    fn read_elements(
        &mut self,
        in_form: &InForm,
        mut elements: Nodes,
        mut written_out: WrittenOut,
        text: &mut FormText,
        forms: &mut FormReader,
    ) -> Result<(), Reason> {
        let EventReader { memory, objects, values, read, .. } = self;
        let Objects { line: own, event, item } = objects;
        let InForm { form, site, .. } = *in_form;
        let tape = &memory.tape;
        read.unity = Some(Unity::Apart);
        let site = site.filter(|_| !form.events().iter().any(FormEvent::has_site));
        let mut members = Vec::new();
        while let Some(element) = elements.next(tape) {
            written_out.add_one()?;
            let mark = read.mark();
            if element.value.kind() != Kind::Object {
                let rejected = values.rejection(Reason::Invalid(Field::Events));
                read.end_element(element.value, Some(rejected), &mark);
                continue;
            }
            event.clear();
            members.clear();
            let mut take = |name, slot, value| {
                members.push((name, value));
                event.own.take(slot, value);
            };
            if let Some((slot, value)) = site {
                take(Field::SiteId.name(), slot, value);
            }
            forms.take_element(form, element, tape, text, take);
            // Stored or reported is what was read, if another element is rejected.
            let value = text.object(&members);
            if event.own.has_more() {
                event.take_more(tape, text.bytes());
                event.take_product(tape);
            }
            let layers = Layers { near: event, far: Some(own), is_together: false };
            let line = text.bytes();
            let result =
                LineContext { line, tape, values, read, item, item_form: None }.event(&layers);
            let rejected = result.err().map(|reason| values.rejection(reason));
            read.end_element(value, rejected, &mark);
        }
        Ok(())
    }
}

/// An object in a form.
struct InForm {
    form: &'static Form,
    object: Node,
    /// Its site, or that of what is around it.
    site: Option<(u8, Raw)>,
}

impl InForm {
    /// The size of what is around the object and too long to be its site.
    fn long_site_bytes(&self) -> usize {
        let object = self.object.value.whole();
        let is_long = |site: &Range<usize>| site.len() > SITE_WRITTEN_BYTES_MAX;
        let is_around = |site: &Range<usize>| site.end <= object.start || object.end <= site.start;
        let site = self.site.map(|(_, site)| site.whole());
        site.filter(is_long).filter(is_around).map_or(0, |site| site.len())
    }
}
