//! The fields of an event, and the positions of their values in a line.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::event::json::{Kind, NO_SLOT, Raw};
use crate::event::reason::Field;
use crate::event::types::kind_of;
use crate::event::vocabulary::{
    Aside, EventKind, FIELDS, FieldNames, NAME_BYTES_MAX, Place, Wanted, normalize,
};

/// The number of places for values: as many as there are slots.
const PLACES: usize = NO_SLOT as usize + 1;

/// The number of fields and of members that are not fields.
const WANTED: usize = Field::ALL.len() + Aside::ALL.len();

/// How names are known: a version of the vocabulary.
pub(crate) struct Rules {
    /// The layout of events.
    pub(crate) of_events: &'static Layout,
    /// The layout of elements of `items`.
    pub(crate) of_items: &'static Layout,
    /// The slot of a name in events, or [`NO_SLOT`] for a name that no field has.
    pub(crate) slot_in_event: fn(&[u8]) -> u8,
    /// The same in elements of `items`.
    pub(crate) slot_in_item: fn(&[u8]) -> u8,
    /// The kind of a type; `None` for an unknown type.
    pub(crate) kind_of: fn(&[u8]) -> Option<EventKind>,
    /// Whether an item without an id is counted under its name.
    pub(crate) items_have_names: bool,
}

/// The rules of `docs/VOCABULARY.md`.
pub(crate) static RULES: Rules = Rules {
    of_events: &OF_EVENTS,
    of_items: &OF_ITEMS,
    slot_in_event,
    slot_in_item,
    kind_of,
    items_have_names: true,
};

/// Where the values of each field are stored, and which are accepted, in events or in elements of
/// `items`.
pub(crate) struct Layout {
    /// The word that has the bits of the names of a field.
    words: [usize; WANTED],
    /// These bits, the name with the highest precedence lowest.
    masks: [u64; WANTED],
    /// The kinds of values that a slot accepts, as a bit set; values of other kinds count as absent.
    accepted: [u16; PLACES],
    /// Whether no value removes an earlier value of the same name.
    null_removes: bool,
}

static OF_EVENTS: Layout = layout(&FIELDS, Place::Event, false);

static OF_ITEMS: Layout = layout(&FIELDS, Place::Item, false);

fn slot_in_event(name: &[u8]) -> u8 {
    static SLOTS: LazyLock<Slots> = LazyLock::new(|| slots(&FIELDS, Place::Event));
    slot_of(&SLOTS, name)
}

fn slot_in_item(name: &[u8]) -> u8 {
    static SLOTS: LazyLock<Slots> = LazyLock::new(|| slots(&FIELDS, Place::Item));
    slot_of(&SLOTS, name)
}

/// The slots of names.
pub(crate) type Slots = HashMap<&'static [u8], u8>;

fn slot_of(slots: &Slots, name: &[u8]) -> u8 {
    let mut letters = [0; NAME_BYTES_MAX];
    let name = normalize(name, &mut letters);
    name.and_then(|name| slots.get(name)).copied().unwrap_or(NO_SLOT)
}

/// The slots of all names of a place.
pub(crate) fn slots(fields: &[FieldNames], place: Place) -> Slots {
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
    slots
}

/// The layout of a place.
pub(crate) const fn layout(fields: &[FieldNames], place: Place, null_removes: bool) -> Layout {
    let mut layout =
        Layout { words: [0; WANTED], masks: [0; WANTED], accepted: [0; PLACES], null_removes };
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
            next += 1;
            number += 1;
        }
        row += 1;
    }
    assert!(next <= NO_SLOT as usize, "there are more names than slots");
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

const fn accepted(wanted: Wanted) -> u16 {
    const ARRAY: u16 = 1 << Kind::Array as u8;
    const EMPTY_ARRAY: u16 = 1 << Kind::EmptyArray as u8;
    const OBJECT: u16 = 1 << Kind::Object as u8;
    const NO_VALUE: u16 = 1 << Kind::Null as u8 | 1 << Kind::EmptyText as u8;
    match wanted {
        Wanted::Aside(Aside::Properties) => OBJECT,
        Wanted::Aside(Aside::Parameters) | Wanted::Field(Field::Items) => ARRAY,
        Wanted::Field(Field::Events) => ARRAY | EMPTY_ARRAY,
        Wanted::Field(_) | Wanted::Aside(_) => !NO_VALUE,
    }
}

/// The values of the fields of one object.
pub(crate) struct Found {
    layout: &'static Layout,
    /// A bit for each slot that has a value.
    present: [u64; PLACES / 64],
    values: [Raw; PLACES],
}

impl Found {
    /// An object without fields.
    pub(crate) fn new(layout: &'static Layout) -> Found {
        Found { layout, present: [0; PLACES / 64], values: [Raw::NULL; PLACES] }
    }

    /// Forgets all values.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.present = [0; PLACES / 64];
    }

    /// Stores the value of a member. Of members of one name the last with a value counts.
    #[inline]
    pub(crate) fn take(&mut self, slot: u8, value: Raw) {
        let place = usize::from(slot);
        if self.layout.accepted[place] >> value.kind_bit() & 1 != 0 {
            self.values[place] = value;
            self.present[place / 64] |= 1 << (place % 64);
        } else if self.layout.null_removes {
            self.present[place / 64] &= !(1 << (place % 64));
        }
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

    /// Whether there is anything in which to look up missing fields.
    #[inline]
    pub(crate) fn has_more(&self) -> bool {
        self.aside(Aside::Properties).is_some() || self.aside(Aside::Parameters).is_some()
    }

    #[inline]
    fn find(&self, wanted: Wanted) -> Option<Raw> {
        let index = index_of(wanted);
        let word = self.layout.words[index] % self.present.len();
        let present = self.present[word] & self.layout.masks[index];
        if present == 0 {
            return None;
        }
        Some(self.values[word * 64 + present.trailing_zeros() as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_slot_of_its_own_and_its_field() {
        for (place, layout, slot_of) in [
            (Place::Event, &OF_EVENTS, slot_in_event as fn(&[u8]) -> u8),
            (Place::Item, &OF_ITEMS, slot_in_item),
        ] {
            let mut taken = [0_u64; PLACES / 64];
            for (wanted, of, names) in FIELDS.iter().filter(|(_, of, _)| of.includes(place)) {
                let mut found = Found::new(layout);
                for (number, name) in names.iter().enumerate().rev() {
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
        let mut found = Found::new(&OF_EVENTS);
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
        let mut event = Found::new(&OF_EVENTS);
        event.take(slot_in_event(b"total"), total);
        assert!(event.get(Field::OrderTotal).is_some() && event.get(Field::TotalAmount).is_none());
        let mut item = Found::new(&OF_ITEMS);
        item.take(slot_in_item(b"total"), total);
        assert!(item.get(Field::OrderTotal).is_none() && item.get(Field::TotalAmount).is_some());
    }
}
