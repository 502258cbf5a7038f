//! The fields of an event, and the positions of their values in a line.

use std::marker::PhantomData;
use std::sync::LazyLock;

use hashbrown::HashMap;

use crate::event::form::MARKS;
use crate::event::json::{Kind, NO_SLOT, Nodes, Raw, Slots, Tape};
use crate::event::reason::Field;
use crate::event::vocabulary::{
    AFTER, Aside, FIELDS, FieldNames, NAME_BYTES_MAX, Place, Wanted, normalize,
};

/// The number of places for values: as many as there are slots.
const PLACES: usize = NO_SLOT as usize + 1;

/// The place whose bit says that there is a text where an object or an array is expected. No value
/// is ever there.
const TEXTS: usize = NO_SLOT as usize;

/// The number of fields and of members that are not fields.
const WANTED: usize = Field::ALL.len() + Aside::ALL.len();

/// Where the values of each field are stored, and which are accepted.
pub(crate) struct Layout {
    /// The word that has the bits of the names of a field.
    words: [usize; WANTED],
    /// These bits, the name with the highest precedence lowest.
    masks: [u64; WANTED],
    /// The kinds of values that a slot accepts, as a bit set; values of other kinds count as absent.
    accepted: [u16; PLACES],
    /// The bits of the members in which missing fields are looked up, and of `marks`.
    more: [u64; PLACES / 64],
    /// The bits of the names of envelopes and forms, and of texts that may hold JSON.
    marks: [u64; PLACES / 64],
    /// The number of the first slot that no name of the vocabulary has.
    names: usize,
    /// The slot of the name `data`: an object of properties, or an array of events.
    data: usize,
    /// The slots of three of the names of the time: by the clock of a device when it happened, by
    /// the same clock when it was sent, and by that of the receiver when it arrived.
    original_time: usize,
    sent_at: usize,
    received_at: usize,
}

/// A place with a layout of its own. It is known when the code is compiled, so that looking up a
/// field costs a bit test.
pub(crate) trait Laid {
    /// The layout of the place.
    const LAYOUT: Layout;

    /// The slot of a name in the place.
    fn slot(slots: Slots) -> u8;
}

/// Events.
pub(crate) struct OfEvents;

impl Laid for OfEvents {
    const LAYOUT: Layout = layout(&FIELDS, Place::Event);

    #[inline]
    fn slot(slots: Slots) -> u8 {
        slots.event
    }
}

/// Elements of `items`.
pub(crate) struct OfItems;

impl Laid for OfItems {
    const LAYOUT: Layout = layout(&FIELDS, Place::Item);

    #[inline]
    fn slot(slots: Slots) -> u8 {
        slots.item
    }
}

/// Whether a name is that of a field of events, or of what is looked into for fields.
pub(crate) fn is_name_in_event(name: &[u8]) -> bool {
    let slot = slot_in_event(name);
    slot != NO_SLOT && usize::from(slot) < OfEvents::LAYOUT.names
}

/// The slot of a name in events, or [`NO_SLOT`] for a name that no field has.
pub(crate) fn slot_in_event(name: &[u8]) -> u8 {
    static SLOTS: LazyLock<SlotsByName> = LazyLock::new(|| slots(&FIELDS, Place::Event));
    slot_of(&SLOTS, name)
}

/// The same in elements of `items`.
pub(crate) fn slot_in_item(name: &[u8]) -> u8 {
    static SLOTS: LazyLock<SlotsByName> = LazyLock::new(|| slots(&FIELDS, Place::Item));
    slot_of(&SLOTS, name)
}

/// The slots of names.
type SlotsByName = HashMap<&'static [u8], u8>;

fn slot_of(slots: &SlotsByName, name: &[u8]) -> u8 {
    let mut letters = [0; NAME_BYTES_MAX];
    let name = normalize(name, &mut letters);
    name.and_then(|name| slots.get(name)).copied().unwrap_or(NO_SLOT)
}

/// Whether a name is one of a field of events.
pub(crate) fn is_name_of(name: &[u8], field: Field) -> bool {
    let (slot, of) = (usize::from(slot_in_event(name)), index_of(Wanted::Field(field)));
    slot < OfEvents::LAYOUT.names
        && OfEvents::LAYOUT.words[of] == slot / 64
        && OfEvents::LAYOUT.masks[of] & (1 << (slot % 64)) != 0
}

/// The slots of all names of a place. `data`, which may be either, has its slot among the names of
/// properties.
fn slots(fields: &[FieldNames], place: Place) -> SlotsByName {
    let mut slots = HashMap::new();
    let mut next = 0;
    for (row, (_, of, names)) in fields.iter().enumerate() {
        next = first_slot(fields, place, row, next);
        if of.includes(place) {
            for name in *names {
                slots.insert(name.as_bytes(), u8::try_from(next).unwrap_or(NO_SLOT));
                next += 1;
            }
        }
    }
    if let Place::Event = place {
        for name in MARKS.iter().chain(&[AFTER]) {
            slots.insert(name.as_bytes(), u8::try_from(next).unwrap_or(NO_SLOT));
            next += 1;
        }
    }
    slots
}

/// The layout of a place.
const fn layout(fields: &[FieldNames], place: Place) -> Layout {
    let mut layout = Layout {
        words: [0; WANTED],
        masks: [0; WANTED],
        accepted: [0; PLACES],
        more: [0; PLACES / 64],
        marks: [0; PLACES / 64],
        names: 0,
        data: NO_SLOT as usize,
        original_time: NO_SLOT as usize,
        sent_at: NO_SLOT as usize,
        received_at: NO_SLOT as usize,
    };
    let mut next = 0;
    let mut row = 0;
    while row < fields.len() {
        let (wanted, of, names) = fields[row];
        next = first_slot(fields, place, row, next);
        let mut number = 0;
        while of.includes(place) && number < names.len() {
            layout.words[index_of(wanted)] = next / 64;
            layout.masks[index_of(wanted)] |= 1 << (next % 64);
            layout.accepted[next] = accepted(wanted);
            match (wanted, names[number].as_bytes()) {
                (Wanted::Aside(Aside::Properties), b"data") => {
                    layout.data = next;
                    layout.accepted[next] |= ARRAY | EMPTY_ARRAY;
                }
                (Wanted::Field(Field::Timestamp), b"originaltimestamp") => {
                    layout.original_time = next;
                }
                (Wanted::Field(Field::Timestamp), b"sentat") => layout.sent_at = next,
                (Wanted::Field(Field::Timestamp), b"receivedat") => layout.received_at = next,
                _ => {}
            }
            if let Wanted::Aside(Aside::Properties | Aside::Parameters | Aside::Product) = wanted {
                layout.more[next / 64] |= 1 << (next % 64);
            }
            next += 1;
            number += 1;
        }
        row += 1;
    }
    layout.names = next;
    if let Place::Event = place {
        let mut number = 0;
        while number < MARKS.len() {
            layout.accepted[next] = !NO_VALUE & !OR_TEXT;
            layout.marks[next / 64] |= 1 << (next % 64);
            next += 1;
            number += 1;
        }
        // What changed counts only as a text: it is an object inside of an envelope.
        layout.accepted[next] = OR_TEXT;
        next += 1;
    }
    assert!(next <= NO_SLOT as usize, "there are more names than slots");
    layout.marks[TEXTS / 64] |= 1 << (TEXTS % 64);
    let mut word = 0;
    while word < PLACES / 64 {
        layout.more[word] |= layout.marks[word];
        word += 1;
    }
    layout
}

/// The slot of the first name of a row, `next` or later: the names of a field share a word.
const fn first_slot(fields: &[FieldNames], place: Place, row: usize, next: usize) -> usize {
    let field = index_of(fields[row].0);
    if row > 0 && index_of(fields[row - 1].0) == field {
        return next;
    }
    let mut count = 0;
    let mut row = row;
    while row < fields.len() && index_of(fields[row].0) == field {
        if fields[row].1.includes(place) {
            count += fields[row].2.len();
        }
        row += 1;
    }
    if next % 64 + count > 64 { next.next_multiple_of(64) } else { next }
}

const fn index_of(wanted: Wanted) -> usize {
    match wanted {
        Wanted::Field(field) => field as usize,
        Wanted::Aside(aside) => Field::ALL.len() + aside as usize,
    }
}

/// Not a kind: a text is noted, because it may hold JSON of the kinds that are accepted.
const OR_TEXT: u16 = 1 << 15;
const NO_VALUE: u16 = 1 << Kind::Null as u8 | 1 << Kind::EmptyText as u8;
const ARRAY: u16 = 1 << Kind::Array as u8;
const EMPTY_ARRAY: u16 = 1 << Kind::EmptyArray as u8;
const OBJECT: u16 = 1 << Kind::Object as u8;

const fn accepted(wanted: Wanted) -> u16 {
    match wanted {
        Wanted::Aside(Aside::Properties | Aside::Product) => OBJECT | OR_TEXT,
        Wanted::Aside(Aside::Parameters) | Wanted::Field(Field::Items) => ARRAY | OR_TEXT,
        Wanted::Field(Field::Events) => ARRAY | EMPTY_ARRAY | OR_TEXT,
        Wanted::Field(_) | Wanted::Aside(_) => !NO_VALUE & !OR_TEXT,
    }
}

/// The time of an event.
#[derive(Clone, Copy)]
pub(crate) struct EventTime {
    /// The value.
    pub(crate) value: Raw,
    /// Whether it is by the clock of a device, which may be off.
    pub(crate) is_of_device: bool,
    /// Whether it only says when the event was sent or received.
    pub(crate) is_of_transport: bool,
}

/// The values of the fields of one object.
pub(crate) struct Found<P> {
    /// A bit for each slot that has a value.
    present: [u64; PLACES / 64],
    values: [Raw; PLACES],
    place: PhantomData<P>,
}

impl<P: Laid> Found<P> {
    /// An object without fields.
    pub(crate) fn new() -> Found<P> {
        Found { present: [0; PLACES / 64], values: [Raw::NULL; PLACES], place: PhantomData }
    }

    /// Forgets all values.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.present = [0; PLACES / 64];
    }

    /// Stores the values of all members of an object.
    pub(crate) fn take_all(&mut self, mut members: Nodes, tape: &Tape) {
        while let Some(member) = members.next(tape) {
            self.take(P::slot(member.slots), member.value);
        }
    }

    /// Stores the value of a member. Of members of one name the last with a value counts.
    #[inline]
    pub(crate) fn take(&mut self, slot: u8, value: Raw) {
        let place = usize::from(slot);
        let accepted = Self::accepted(place);
        if accepted >> value.kind_bit() & 1 != 0 {
            self.values[place] = value;
            self.present[place / 64] |= 1 << (place % 64);
        } else if accepted & OR_TEXT != 0 && value.kind() == Kind::EscapedText {
            self.present[TEXTS / 64] |= 1 << (TEXTS % 64);
        }
    }

    #[inline]
    fn accepted(place: usize) -> u16 {
        let accepted = const { &P::LAYOUT.accepted };
        accepted[place]
    }

    /// The value of a field under the name with the highest precedence.
    #[inline]
    pub(crate) fn get(&self, field: Field) -> Option<Raw> {
        self.find(Wanted::Field(field))
    }

    /// The value of a member that is not a field, under the name with the highest precedence.
    #[inline]
    pub(crate) fn aside(&self, aside: Aside) -> Option<Raw> {
        self.find(Wanted::Aside(aside))
    }

    /// The object in which missing fields are looked up first.
    #[inline]
    pub(crate) fn properties(&self) -> Option<Raw> {
        let (word, mut present) = self.present_of(Wanted::Aside(Aside::Properties));
        while present != 0 {
            let value = self.values[word * 64 + present.trailing_zeros() as usize];
            if value.kind() == Kind::Object {
                return Some(value);
            }
            present &= present - 1;
        }
        None
    }

    /// The array of a line with several events.
    #[inline]
    pub(crate) fn events(&self) -> Option<Raw> {
        self.get(Field::Events).or_else(|| {
            self.at(const { P::LAYOUT.data }).filter(|value| value.kind() != Kind::Object)
        })
    }

    /// The time, under the name with the highest precedence.
    #[inline]
    pub(crate) fn time(&self) -> Option<EventTime> {
        let (word, present) = self.present_of(Wanted::Field(Field::Timestamp));
        if present == 0 {
            return None;
        }
        let slot = word * 64 + present.trailing_zeros() as usize;
        let is_of_device = slot == const { P::LAYOUT.original_time };
        // They are the last names.
        let is_of_transport = slot >= const { P::LAYOUT.sent_at };
        Some(EventTime { value: self.values[slot], is_of_device, is_of_transport })
    }

    /// When the event was sent, by the clock of a device.
    pub(crate) fn sent_at(&self) -> Option<Raw> {
        self.at(const { P::LAYOUT.sent_at })
    }

    /// When the event was received.
    pub(crate) fn received_at(&self) -> Option<Raw> {
        self.at(const { P::LAYOUT.received_at })
    }

    #[inline]
    fn at(&self, slot: usize) -> Option<Raw> {
        let is_present = self.present[slot / 64] >> (slot % 64) & 1 != 0;
        is_present.then_some(self.values[slot])
    }

    /// Whether there is anything in which to look up missing fields.
    #[inline]
    pub(crate) fn has_more(&self) -> bool {
        let more = const { P::LAYOUT.more };
        self.present.iter().zip(more).any(|(present, more)| present & more != 0)
    }

    /// Whether it may be an envelope or in a form, or has texts that may hold JSON.
    #[inline]
    pub(crate) fn is_marked(&self) -> bool {
        let marks = const { P::LAYOUT.marks };
        self.present.iter().zip(marks).any(|(present, marks)| present & marks != 0)
    }

    /// Whether it has texts that may hold JSON, where objects or arrays are expected.
    #[inline]
    pub(crate) fn has_texts(&self) -> bool {
        self.present[TEXTS / 64] >> (TEXTS % 64) & 1 != 0
    }

    #[inline]
    fn find(&self, wanted: Wanted) -> Option<Raw> {
        let (word, present) = self.present_of(wanted);
        if present == 0 {
            return None;
        }
        Some(self.values[word * 64 + present.trailing_zeros() as usize])
    }

    /// The bits of the present names of a field, and the word that has them.
    #[inline]
    fn present_of(&self, wanted: Wanted) -> (usize, u64) {
        let index = index_of(wanted);
        let word = const { &P::LAYOUT.words }[index] % self.present.len();
        (word, self.present[word] & const { &P::LAYOUT.masks }[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_slot_of_its_own_and_its_field() {
        fn check<P: Laid>(place: Place, slot_of: fn(&[u8]) -> u8) {
            let mut taken = [0_u64; PLACES / 64];
            for (wanted, of, names) in FIELDS.iter().filter(|(_, of, _)| of.includes(place)) {
                let mut found = Found::<P>::new();
                for (number, name) in names.iter().enumerate().rev() {
                    if (*name, *wanted) == ("data", Wanted::Field(Field::Events)) {
                        continue;
                    }
                    let slot = slot_of(name.as_bytes());
                    assert_ne!(slot, NO_SLOT, "{name} in {of:?}");
                    let bit = 1 << (slot % 64);
                    assert_eq!(taken[usize::from(slot / 64)] & bit, 0, "{name} stands twice");
                    taken[usize::from(slot / 64)] |= bit;
                    // The names before it have a higher precedence.
                    found.take(slot, Raw::new(number, number, Kind::Array));
                    found.take(slot, Raw::new(number, number, Kind::Object));
                    let value = found.find(*wanted).expect("a value");
                    assert_eq!(value.start(), number, "{name}");
                }
            }
        }
        check::<OfEvents>(Place::Event, slot_in_event);
        check::<OfItems>(Place::Item, slot_in_item);
    }

    #[test]
    fn data_is_an_object_of_properties_or_an_array_of_events() {
        let mut found = Found::<OfEvents>::new();
        found.take(slot_in_event(b"data"), Raw::new(1, 2, Kind::Object));
        assert_eq!(found.properties().map(Raw::start), Some(1));
        assert!(found.events().is_none());
        found.take(slot_in_event(b"data"), Raw::new(3, 4, Kind::EmptyArray));
        found.take(slot_in_event(b"metadata"), Raw::new(5, 6, Kind::Object));
        assert_eq!(found.properties().map(Raw::start), Some(5));
        assert_eq!(found.events().map(Raw::start), Some(3));
        found.take(slot_in_event(b"batch"), Raw::new(7, 8, Kind::Array));
        assert_eq!(found.events().map(Raw::start), Some(7));
    }

    #[test]
    fn a_name_is_found_by_what_it_says() {
        let slot = slot_in_event(b"productid");
        for name in
            ["productId", "product_id", "Product ID", "PRODUCT-ID", "$product_id", "@ProductID"]
        {
            assert_eq!(slot_in_event(name.as_bytes()), slot, "{name}");
        }
        let long = "product_id".repeat(4);
        for other in ["", "_", "state", "prod\u{fc}ct_id", "\u{440}roduct_id", &long] {
            assert_eq!(slot_in_event(other.as_bytes()), NO_SLOT, "{other}");
        }
    }

    #[test]
    fn the_last_value_of_the_first_name_with_a_value_counts() {
        let value = |start, kind| Raw::new(start, start + 1, kind);
        let mut found = Found::<OfEvents>::new();
        let mut take = |name: &[u8], start, kind| {
            found.take(slot_in_event(name), value(start, kind));
            found.get(Field::Timestamp).map(Raw::start)
        };
        assert_eq!(take(b"ts", 1, Kind::Integer), Some(1));
        assert_eq!(take(b"timestamp", 2, Kind::Text), Some(2));
        assert_eq!(take(b"ts", 3, Kind::Integer), Some(2));
        assert_eq!(take(b"Timestamp", 4, Kind::Text), Some(4));
        assert_eq!(take(b"timestamp", 5, Kind::EmptyText), Some(4));
        assert_eq!(take(b"timestamp", 6, Kind::Null), Some(4));
    }

    #[test]
    fn a_name_may_mean_one_thing_in_an_event_and_another_in_an_item() {
        let total = Raw::new(1, 2, Kind::Integer);
        let mut event = Found::<OfEvents>::new();
        event.take(slot_in_event(b"total"), total);
        assert!(event.get(Field::OrderTotal).is_some() && event.get(Field::TotalAmount).is_none());
        let mut item = Found::<OfItems>::new();
        item.take(slot_in_item(b"total"), total);
        assert!(item.get(Field::OrderTotal).is_none() && item.get(Field::TotalAmount).is_some());
    }
}
