//! The names of the fields of an event, and the positions of their values in a line.

use crate::event::json::{Kind, NO_SLOT, Raw};
use crate::event::reason::Field;

/// Every spelling of every field. The spellings of a field are adjacent, in order of precedence.
///
/// The index is the slot of a value in [`Found`].
const SPELLINGS: [(Wanted, &str); SLOTS] = [
    (Wanted::Field(Field::EventType), "event_type"),
    (Wanted::Field(Field::EventType), "event"),
    (Wanted::Field(Field::EventType), "type"),
    (Wanted::Field(Field::EventType), "event_name"),
    (Wanted::Field(Field::EventType), "eventType"),
    (Wanted::Field(Field::Timestamp), "timestamp"),
    (Wanted::Field(Field::Timestamp), "event_time"),
    (Wanted::Field(Field::Timestamp), "ts"),
    (Wanted::Field(Field::Timestamp), "time"),
    (Wanted::Field(Field::Timestamp), "event_timestamp"),
    (Wanted::Field(Field::Timestamp), "timestamp_micros"),
    (Wanted::Field(Field::ItemId), "item_id"),
    (Wanted::Field(Field::ItemId), "product_id"),
    (Wanted::Field(Field::ItemId), "itemid"),
    (Wanted::Field(Field::ItemId), "aid"),
    (Wanted::Field(Field::ItemId), "sku"),
    (Wanted::Field(Field::CustomerId), "customer_id"),
    (Wanted::Field(Field::CustomerId), "user_id"),
    (Wanted::Field(Field::CustomerId), "visitorid"),
    (Wanted::Field(Field::CustomerId), "userId"),
    (Wanted::Field(Field::CustomerId), "anonymousId"),
    (Wanted::Field(Field::CustomerId), "user_pseudo_id"),
    (Wanted::Field(Field::CustomerId), "client_id"),
    (Wanted::Field(Field::SessionId), "session_id"),
    (Wanted::Field(Field::SessionId), "user_session"),
    (Wanted::Field(Field::SessionId), "session"),
    (Wanted::Field(Field::PageUrl), "page_url"),
    (Wanted::Field(Field::PageUrl), "path"),
    (Wanted::Field(Field::PageUrl), "url"),
    (Wanted::Field(Field::PageUrl), "page"),
    (Wanted::Field(Field::SiteId), "site_id"),
    (Wanted::Field(Field::SiteId), "app_id"),
    (Wanted::Field(Field::SiteId), "tenant_id"),
    (Wanted::Field(Field::EventId), "event_id"),
    (Wanted::Field(Field::EventId), "messageId"),
    (Wanted::Field(Field::EventId), "insert_id"),
    (Wanted::Field(Field::OrderId), "order_id"),
    (Wanted::Field(Field::OrderId), "transaction_id"),
    (Wanted::Field(Field::OrderId), "transactionid"),
    (Wanted::Field(Field::OrderId), "orderId"),
    (Wanted::Field(Field::Price), "price"),
    (Wanted::Field(Field::Price), "unitPrice"),
    (Wanted::Field(Field::Quantity), "quantity"),
    (Wanted::Field(Field::TotalAmount), "total_amount"),
    (Wanted::Field(Field::TotalAmount), "totalAmount"),
    (Wanted::Field(Field::TotalAmount), "totalPrice"),
    (Wanted::Field(Field::Currency), "currency"),
    (Wanted::Field(Field::OrderNumber), "orderNumber"),
    (Wanted::Field(Field::Status), "status"),
    (Wanted::Field(Field::NewStatus), "newStatus"),
    (Wanted::Field(Field::RefundAmount), "refundAmount"),
    (Wanted::Field(Field::ProductName), "productName"),
    (Wanted::Field(Field::Items), "items"),
    (Wanted::Field(Field::Items), "products"),
    (Wanted::Field(Field::Events), "events"),
    (Wanted::Aside(Aside::PageLocation), "page_location"),
    (Wanted::Aside(Aside::Name), "name"),
    (Wanted::Aside(Aside::Properties), "properties"),
    (Wanted::Aside(Aside::Properties), "params"),
    (Wanted::Aside(Aside::Parameters), "event_params"),
];

const SLOTS: usize = 60;

/// The number of places for values: a power of two, so that no masked index is out of range.
const PLACES: usize = 64;

#[derive(Clone, Copy)]
enum Wanted {
    Field(Field),
    Aside(Aside),
}

/// A member that is not a field by itself.
#[derive(Clone, Copy)]
pub(crate) enum Aside {
    /// The page on which an event happened: its page, if it has no items.
    PageLocation,
    /// The name of an element of `events`: its type, if it has no other.
    Name,
    /// The object in which missing fields are looked up.
    Properties,
    /// The array of keys and values in which they are looked up next.
    Parameters,
}

/// The slot of a name, or [`NO_SLOT`] for a name that no field has.
pub(crate) fn slot_of(name: &[u8]) -> u8 {
    let position = SPELLINGS.iter().position(|(_, spelling)| spelling.as_bytes() == name);
    position.and_then(|position| u8::try_from(position).ok()).unwrap_or(NO_SLOT)
}

/// The values of the fields of one object.
pub(crate) struct Found {
    /// A bit for each slot that has a value.
    present: u64,
    values: [Raw; PLACES],
}

impl Found {
    /// An object without fields.
    pub(crate) fn new() -> Found {
        Found { present: 0, values: [Raw::NULL; PLACES] }
    }

    /// Forgets all values.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.present = 0;
    }

    /// Stores the value of a member; a later member of the same name replaces it, even by no value.
    #[inline]
    pub(crate) fn take(&mut self, slot: u8, value: Raw) {
        // The place of names that are not looked for accepts nothing.
        let place = usize::from(slot) % PLACES;
        let is_value = ACCEPTED[place] >> value.kind_bit() & 1;
        self.values[place] = value;
        self.present = self.present & !(1 << place) | u64::from(is_value) << place;
    }

    /// The value of a field in the spelling with the highest precedence.
    #[inline]
    pub(crate) fn get(&self, field: Field) -> Option<Raw> {
        let present = self.present & slots_of(field);
        if present == 0 {
            return None;
        }
        Some(self.values[present.trailing_zeros() as usize % PLACES])
    }

    /// The value of a member that is not a field, in the spelling with the highest precedence.
    #[inline]
    pub(crate) fn aside(&self, aside: Aside) -> Option<Raw> {
        let present = self.present & SLOTS_OF_ASIDES[aside as usize];
        if present == 0 {
            return None;
        }
        Some(self.values[present.trailing_zeros() as usize % PLACES])
    }

    /// Whether there is anything in which to look up missing fields.
    #[inline]
    pub(crate) fn has_more(&self) -> bool {
        let more = SLOTS_OF_ASIDES[Aside::Properties as usize]
            | SLOTS_OF_ASIDES[Aside::Parameters as usize];
        self.present & more != 0
    }
}

/// The kinds of values that a slot accepts, as a bit set; values of other kinds count as absent.
const ACCEPTED: [u16; PLACES] = accepted();

const fn accepted() -> [u16; PLACES] {
    const ARRAY: u16 = 1 << Kind::Array as u8;
    const EMPTY_ARRAY: u16 = 1 << Kind::EmptyArray as u8;
    const OBJECT: u16 = 1 << Kind::Object as u8;
    const NO_VALUE: u16 = 1 << Kind::Null as u8 | 1 << Kind::EmptyText as u8;
    let mut accepted = [0; PLACES];
    let mut slot = 0;
    while slot < SLOTS {
        accepted[slot] = match SPELLINGS[slot].0 {
            Wanted::Aside(Aside::Properties) => OBJECT,
            Wanted::Aside(Aside::Parameters) => ARRAY,
            Wanted::Field(Field::Items) => ARRAY,
            Wanted::Field(Field::Events) => ARRAY | EMPTY_ARRAY,
            Wanted::Field(_) | Wanted::Aside(_) => !NO_VALUE,
        };
        slot += 1;
    }
    accepted
}

/// The slots of a field, as bits.
const fn slots_of(field: Field) -> u64 {
    SLOTS_OF_FIELDS[field as usize]
}

const SLOTS_OF_FIELDS: [u64; Field::ALL.len()] = slots_of_fields();

const fn slots_of_fields() -> [u64; Field::ALL.len()] {
    let mut slots = [0; Field::ALL.len()];
    let mut slot = 0;
    while slot < SLOTS {
        if let Wanted::Field(field) = SPELLINGS[slot].0 {
            slots[field as usize] |= 1 << slot;
        }
        slot += 1;
    }
    slots
}

const ASIDES: usize = 4;

const SLOTS_OF_ASIDES: [u64; ASIDES] = slots_of_asides();

const fn slots_of_asides() -> [u64; ASIDES] {
    let mut slots = [0; ASIDES];
    let mut slot = 0;
    while slot < SLOTS {
        if let Wanted::Aside(aside) = SPELLINGS[slot].0 {
            slots[aside as usize] |= 1 << slot;
        }
        slot += 1;
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_a_field_are_adjacent() {
        for field in Field::ALL {
            let slots = slots_of(field);
            let width = 64 - slots.leading_zeros() - slots.trailing_zeros();
            assert_eq!(slots.count_ones(), width, "{field:?}");
        }
        assert_eq!(SLOTS_OF_ASIDES.map(u64::count_ones), [1, 1, 2, 1]);
        let names: std::collections::BTreeSet<_> = SPELLINGS.iter().map(|(_, name)| name).collect();
        assert_eq!(names.len(), SLOTS);
    }

    #[test]
    fn a_name_has_the_slot_of_its_spelling() {
        for (slot, (_, name)) in SPELLINGS.iter().enumerate() {
            assert_eq!(usize::from(slot_of(name.as_bytes())), slot);
        }
        for other in ["", "Event", "state", "item", "event_types"] {
            assert_eq!(slot_of(other.as_bytes()), NO_SLOT, "{other}");
        }
    }

    #[test]
    fn the_last_value_of_a_name_counts_and_no_value_removes_it() {
        let value = |start, kind| Raw::new(start, start + 1, kind);
        let mut found = Found::new();
        found.take(slot_of(b"ts"), value(1, Kind::Integer));
        assert_eq!(found.get(Field::Timestamp).map(Raw::start), Some(1));
        found.take(slot_of(b"timestamp"), value(2, Kind::Text));
        assert_eq!(found.get(Field::Timestamp).map(Raw::start), Some(2));
        found.take(slot_of(b"timestamp"), value(3, Kind::EmptyText));
        assert_eq!(found.get(Field::Timestamp).map(Raw::start), Some(1));
        found.take(slot_of(b"ts"), value(4, Kind::Null));
        assert!(found.get(Field::Timestamp).is_none());
    }
}
