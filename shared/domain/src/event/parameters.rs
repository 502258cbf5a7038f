//! The `event_params` of an event: an array of keys and values, as BigQuery exports them from
//! Google Analytics.

use crate::event::fields::{Found, Laid};
use crate::event::json::{
    BEFORE_FIRST, Kind, NO_SLOT, Names, Raw, ScanError, Scanner, with_unescaped,
};

/// The members of an element.
const KEY: u8 = 0;
const VALUE: u8 = 1;

/// The members of a value, in order of precedence.
const VALUES: [&[u8]; 4] = [b"string_value", b"int_value", b"float_value", b"double_value"];

/// The fields in an array of keys and values.
pub(crate) struct Parameters<P> {
    slot_of: fn(&[u8]) -> u8,
    /// `None` until an event has parameters; most chunks have none.
    scan: Option<Box<Scan<P>>>,
    is_empty: bool,
}

struct Scan<P> {
    found: Found<P>,
    member_names: Names,
    value_names: Names,
    /// The keys, each with its closing quote.
    keys: Names,
}

impl<P: Laid> Parameters<P> {
    /// No parameters; `slot_of` knows the names of their place.
    pub(crate) fn new(slot_of: fn(&[u8]) -> u8) -> Parameters<P> {
        Parameters { slot_of, scan: None, is_empty: true }
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

    /// Scans an array that was found in the line. The last value of a key wins. Elements without a
    /// key, and values that are neither text nor number, are ignored.
    ///
    /// # Errors
    /// Never fails for an array that was found in the same line.
    pub(crate) fn scan(&mut self, scanner: &mut Scanner<'_>, array: Raw) -> Result<(), ScanError> {
        let scan = self.scan.get_or_insert_with(|| {
            Box::new(Scan {
                found: Found::new(),
                member_names: Names::new(slot_of_member),
                value_names: Names::new(slot_of_value),
                keys: Names::new(self.slot_of),
            })
        });
        scan.found.clear();
        let mut previous = BEFORE_FIRST;
        let mut element = scanner.first_element(array)?;
        while let Some(object) = element {
            if object.kind() == Kind::Object {
                previous = scan.element(scanner, object, previous)?;
            }
            element = scanner.next_element(object)?;
        }
        self.is_empty = false;
        Ok(())
    }
}

impl<P: Laid> Scan<P> {
    /// Scans an element; `previous` and what is returned are places of keys.
    fn element(
        &mut self,
        scanner: &mut Scanner<'_>,
        object: Raw,
        previous: usize,
    ) -> Result<usize, ScanError> {
        let (mut key, mut value) = (Raw::NULL, Raw::NULL);
        scanner.members(object, &mut self.member_names, |slot, member| match slot {
            KEY => key = member,
            VALUE => value = member,
            _ => {}
        })?;
        let (slot, place) = self.slot_of(key, scanner.bytes(), previous);
        if slot == NO_SLOT || value.kind() != Kind::Object {
            return Ok(place);
        }
        let mut values = [Raw::NULL; VALUES.len()];
        scanner.members(value, &mut self.value_names, |slot, member| {
            if let Some(place) = values.get_mut(usize::from(slot)) {
                *place = member;
            }
        })?;
        let is_scalar = |value: &&Raw| {
            matches!(value.kind(), Kind::Text | Kind::EscapedText | Kind::Integer | Kind::Decimal)
        };
        self.found.take(slot, values.iter().find(is_scalar).copied().unwrap_or(Raw::NULL));
        Ok(place)
    }

    /// The slot of a key, and its place among the known ones.
    fn slot_of(&mut self, key: Raw, line: &[u8], previous: usize) -> (u8, usize) {
        if !matches!(key.kind(), Kind::Text | Kind::EscapedText) {
            return (NO_SLOT, previous);
        }
        if let Some(known) = self.keys.find(line, key.start(), previous) {
            return (known.slot, known.place);
        }
        let slot = with_unescaped(key, line, self.keys.slot_of);
        let with_quote = line.get(key.start()..=key.end()).unwrap_or_default();
        (slot, self.keys.learn(with_quote, slot, previous))
    }
}

fn slot_of_member(name: &[u8]) -> u8 {
    match name {
        b"key" => KEY,
        b"value" => VALUE,
        _ => NO_SLOT,
    }
}

fn slot_of_value(name: &[u8]) -> u8 {
    let position = VALUES.iter().position(|value| *value == name);
    position.and_then(|position| u8::try_from(position).ok()).unwrap_or(NO_SLOT)
}
