//! The values of the events of a form.

use crate::event::form::open::{FormReader, holds};
use crate::event::form::page::{EachOf, Form, FormEvent, FormItems, Source, TABLES};
use crate::event::form::tree::{PathValues, Tree, is_text};
use crate::event::json::{Kind, Node, Nodes, Raw, Tape, with_unescaped};

/// The text of an object in a form, followed by texts that its events have.
pub(crate) struct FormText {
    bytes: Vec<u8>,
    /// Where the texts of the tables begin.
    texts_at: usize,
}

impl FormText {
    /// A text, with the texts of the tables behind it.
    pub(crate) fn new(mut text: Vec<u8>) -> FormText {
        let texts_at = text.len();
        text.extend_from_slice(TABLES.texts.as_bytes());
        FormText { bytes: text, texts_at }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends a time with its zone, which is UTC.
    fn utc(&mut self, time: Raw) -> Raw {
        self.bytes.push(b'"');
        let start = self.bytes.len();
        self.bytes.extend_from_within(time.start()..time.end());
        self.bytes.extend_from_slice(b"Z\"");
        Raw::new(start, self.bytes.len() - 1, time.kind())
    }

    /// Appends an object with members of these names and values.
    pub(crate) fn object(&mut self, members: &[(&str, Raw)]) -> Raw {
        let start = self.bytes.len();
        self.bytes.push(b'{');
        for (number, (name, value)) in members.iter().enumerate() {
            if number > 0 {
                self.bytes.push(b',');
            }
            self.bytes.push(b'"');
            self.bytes.extend_from_slice(name.as_bytes());
            self.bytes.extend_from_slice(b"\":");
            self.bytes.extend_from_within(value.whole());
        }
        self.bytes.push(b'}');
        Raw::new(start, self.bytes.len(), Kind::Object)
    }
}

impl Form {
    /// The events that the object may report, in order.
    pub(crate) fn events(&'static self) -> &'static [FormEvent] {
        &self.events
    }
}

impl FormEvent {
    /// Whether its site is one of its members, and not that of what is around it.
    pub(crate) fn has_site(&self) -> bool {
        self.has_site
    }
}

impl FormReader {
    /// The events of its form that the object that was opened last reports: a bit for each.
    pub(crate) fn reported(
        &mut self,
        form: &Form,
        object: Node,
        tape: &Tape,
        text: &FormText,
    ) -> u64 {
        let mut tree = Tree::again(tape, object, &TABLES.paths, &mut self.of_object);
        let mut reported = 0;
        for (number, event) in form.events.iter().enumerate() {
            let holds = |condition| holds(condition, &mut tree, &text.bytes);
            reported |= u64::from(event.when.iter().all(holds)) << number;
        }
        reported
    }

    /// Passes the members of an event of the object that was opened last: their slots and values.
    pub(crate) fn take_event(
        &mut self,
        event: &FormEvent,
        object: Node,
        tape: &Tape,
        text: &mut FormText,
        mut take: impl FnMut(u8, Raw),
    ) {
        let mut tree = Tree::again(tape, object, &TABLES.paths, &mut self.of_object);
        for member in &event.members {
            if let Some(value) = value_of(&mut tree, &member.sources, text) {
                take(member.slot, value);
            }
        }
    }

    /// The elements of the object that was opened last, if each of them is an event; with the size
    /// of their array in bytes.
    pub(crate) fn elements(
        &mut self,
        form: &'static Form,
        object: Node,
        tape: &Tape,
    ) -> Option<(Nodes, usize)> {
        let EachOf { array, .. } = form.each_of.as_ref()?;
        let mut tree = Tree::again(tape, object, &TABLES.paths, &mut self.of_object);
        let array = tree.find(*array);
        Some(array.map_or((Nodes::NONE, 0), |array| (array.within, array.value.whole().len())))
    }

    /// Passes the members of an element that is an event: their names, slots and values.
    pub(crate) fn take_element(
        &mut self,
        form: &'static Form,
        element: Node,
        tape: &Tape,
        text: &mut FormText,
        mut take: impl FnMut(&'static str, u8, Raw),
    ) {
        let (Some(EachOf { paths, .. }), Some(event)) = (&form.each_of, form.events.first()) else {
            return;
        };
        let mut tree = Tree::new(tape, element, paths, &mut self.of_part);
        for member in &event.members {
            if let Some(value) = value_of(&mut tree, &member.sources, text) {
                take(member.name, member.slot, value);
            }
        }
    }

    /// How the items of an event are read; `None` if by their names.
    pub(crate) fn items_of(&mut self, event: &'static FormEvent) -> Option<ItemForm<'_>> {
        event.items.as_ref().map(|items| ItemForm { items, values: &mut self.of_part })
    }
}

/// The items of an event of a form.
pub(crate) struct ItemForm<'a> {
    items: &'static FormItems,
    values: &'a mut PathValues,
}

impl ItemForm<'_> {
    /// Passes the members of an item: their slots and values.
    pub(crate) fn take(&mut self, item: Node, tape: &Tape, mut take: impl FnMut(u8, Raw)) {
        let FormItems { paths, members } = self.items;
        let mut tree = Tree::new(tape, item, paths, self.values);
        for (slot, sources) in members {
            if let Some(node) = sources.iter().find_map(|path| tree.find(*path)) {
                take(*slot, node.value);
            }
        }
    }
}

// It is called for each member of each event.
#[inline(always)]
fn value_of(tree: &mut Tree<'_>, sources: &[Source], text: &mut FormText) -> Option<Raw> {
    for source in sources {
        let value = match source {
            Source::Path(path) => tree.find(*path).map(|node| node.value),
            other => other_value(tree, other, text),
        };
        if value.is_some() {
            return value;
        }
    }
    None
}

/// The value of a source that is not a path alone.
fn other_value(tree: &mut Tree<'_>, source: &Source, text: &mut FormText) -> Option<Raw> {
    match source {
        Source::Text { start, end } => {
            Some(Raw::new(text.texts_at + start, text.texts_at + end, Kind::Text))
        }
        Source::Path(path) => tree.find(*path).map(|node| node.value),
        Source::Utc(path) => {
            let Node { value, .. } = tree.find(*path)?;
            let is_zoneless =
                is_text(value) && with_unescaped(value, &text.bytes, is_zoneless_time);
            Some(if is_zoneless { text.utc(value) } else { value })
        }
        Source::Unless(path, none) => {
            let Node { value, .. } = tree.find(*path)?;
            let is_none = with_unescaped(value, &text.bytes, |text| text == none.as_bytes());
            (!is_none).then_some(value)
        }
    }
}

/// Whether a text is a time like `2026-11-20T10:00:00`, without a zone.
fn is_zoneless_time(text: &[u8]) -> bool {
    let is_time = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b':' | b'.');
    match text {
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't' | b' ', time @ ..] => {
            time.iter().all(is_time)
        }
        _ => false,
    }
}
