//! The `event_params` of an event: an array of keys and values, as BigQuery exports them from
//! Google Analytics.

use crate::event::fields::{Found, Laid};
use crate::event::json::{
    Behind, FORGOTTEN, Kind, NO_SLOT, Names, Node, Nodes, OF_LINE, Raw, Slots, Tape, with_unescaped,
};

/// The names in elements, letter by letter: their two members, and the members of a value in order
/// of precedence.
const NAMES: [&[u8]; 6] =
    [b"key", b"value", b"string_value", b"int_value", b"float_value", b"double_value"];

const KEY: u8 = 0;
const VALUE: u8 = 1;
const FIRST_OF_VALUE: u8 = 2;

/// The slot of a name in elements, or [`NO_SLOT`].
pub(crate) fn slot_in_parameters(name: &[u8]) -> u8 {
    let position = NAMES.iter().position(|known| *known == name);
    position.and_then(|position| u8::try_from(position).ok()).unwrap_or(NO_SLOT)
}

/// The fields in an array of keys and values.
pub(crate) struct Parameters<P> {
    slots_of: fn(&[u8]) -> Slots,
    /// `None` until an event has parameters; most chunks have none.
    scan: Option<Box<Scan<P>>>,
    is_empty: bool,
}

struct Scan<P> {
    found: Found<P>,
    /// The keys, each with what follows up to a colon.
    keys: Names,
}

impl<P: Laid> Parameters<P> {
    /// No parameters; `slots_of` returns the slots of a key.
    pub(crate) fn new(slots_of: fn(&[u8]) -> Slots) -> Parameters<P> {
        Parameters { slots_of, scan: None, is_empty: true }
    }

    /// Forgets all values.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.is_empty = true;
    }

    /// The fields, if there are any.
    #[inline]
    pub(crate) fn found(&self) -> Option<&Found<P>> {
        if self.is_empty {
            return None;
        }
        self.scan.as_deref().map(|scan| &scan.found)
    }

    /// Reads the elements of an array of the line. The last value of a key wins. Elements without a
    /// key, and values that are neither text nor number, are ignored.
    pub(crate) fn take(&mut self, mut elements: Nodes, tape: &Tape, line: &[u8]) {
        let scan = self.scan.get_or_insert_with(|| {
            Box::new(Scan { found: Found::new(), keys: Names::new(self.slots_of) })
        });
        scan.found.clear();
        let mut behind = Behind::Brace(OF_LINE);
        while let Some(element) = elements.next(tape) {
            if element.value.kind() == Kind::Object {
                behind = scan.element(element.within, tape, line, behind);
            }
        }
        self.is_empty = false;
    }
}

impl<P: Laid> Scan<P> {
    /// Reads an element. Its key is expected, and the next one, behind a known key.
    fn element(&mut self, mut members: Nodes, tape: &Tape, line: &[u8], behind: Behind) -> Behind {
        let (mut key, mut value) = (Raw::NULL, None);
        while let Some(member) = members.next(tape) {
            match member.slots.parameter {
                KEY => key = member.value,
                VALUE => value = Some(member),
                _ => {}
            }
        }
        if !matches!(key.kind(), Kind::Text | Kind::EscapedText) {
            return behind;
        }
        let (slot, place) = self.slot_of(key, line, behind);
        if let Some(Node { value, within, .. }) = value
            && slot != NO_SLOT
            && value.kind() == Kind::Object
        {
            self.found.take(slot, value_in(within, tape));
        }
        Behind::Value(place)
    }

    /// The slot of a key, and its place among the known ones.
    fn slot_of(&mut self, key: Raw, line: &[u8], behind: Behind) -> (u8, usize) {
        if let Some(known) = self.keys.find(line, key.start(), behind) {
            return (P::slot(known.slots), known.place);
        }
        let slots = with_unescaped(key, line, self.keys.slots_of);
        // Tokens are found by their bytes up to a colon.
        let after = line.get(key.end()..).unwrap_or_default();
        let Some(colon) = memchr::memchr(b':', after) else {
            return (P::slot(slots), usize::from(FORGOTTEN));
        };
        let token = line.get(key.start()..=key.end() + colon).unwrap_or_default();
        (P::slot(slots), self.keys.learn(token, slots, behind))
    }
}

/// The first of the typed values that has one.
fn value_in(mut members: Nodes, tape: &Tape) -> Raw {
    let mut values = [Raw::NULL; NAMES.len() - FIRST_OF_VALUE as usize];
    while let Some(Node { slots, value, .. }) = members.next(tape) {
        let place = slots.parameter.checked_sub(FIRST_OF_VALUE).map(usize::from);
        if let Some(place) = place.and_then(|place| values.get_mut(place)) {
            *place = value;
        }
    }
    let is_scalar = |value: &&Raw| {
        matches!(value.kind(), Kind::Text | Kind::EscapedText | Kind::Integer | Kind::Decimal)
    };
    values.iter().find(is_scalar).copied().unwrap_or(Raw::NULL)
}
