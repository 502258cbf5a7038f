//! Names that were probably meant: the nearest names of the vocabulary.

use strsim::damerau_levenshtein;

use crate::event::fields::slot_in_event;
use crate::event::json::NO_SLOT;
use crate::event::vocabulary::{
    EventKind, FIELDS, NAME_BYTES_MAX, Place, TYPES, Wanted, normalize,
};

/// The counted type whose name is nearest to that of an unknown type, in letters and digits; `None`
/// if none is near.
pub fn nearest_type(name: &str) -> Option<&'static str> {
    let counted = TYPES.iter().filter(|(kind, _)| *kind != EventKind::Other);
    nearest(name, counted.flat_map(|(_, names)| *names).copied())
}

/// The field of events whose name is nearest to that of an unknown member, by its own name; `None`
/// if none is near.
pub fn nearest_field(name: &str) -> Option<&'static str> {
    let of_events = || FIELDS.iter().filter(|(_, of, _)| of.includes(Place::Event));
    let near = nearest(name, of_events().flat_map(|(_, _, names)| *names).copied())?;
    of_events().find_map(|(wanted, _, names)| match wanted {
        Wanted::Field(field) if names.contains(&near) => Some(field.name()),
        _ => None,
    })
}

/// Whether a member of an event is read, whatever its value is.
pub fn is_known_member(name: &str) -> bool {
    slot_in_event(name.as_bytes()) != NO_SLOT
}

fn nearest(name: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let mut letters = [0; NAME_BYTES_MAX];
    let letters = normalize(name.as_bytes(), &mut letters)?;
    let letters = std::str::from_utf8(letters).ok()?;
    // A short name is near to too many.
    let distance_max = match letters.len() {
        0..=3 => return None,
        4..=8 => 1,
        _ => 2,
    };
    let near = names.map(|known| (damerau_levenshtein(letters, known), known));
    near.filter(|(distance, _)| *distance <= distance_max).min().map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_near_to_what_was_meant() {
        for (name, meant) in [
            ("purchse", Some("purchase")),
            ("Add-To-Crat", Some("addtocart")),
            ("viewitm", Some("viewitem")),
            ("newsletter_popup_close", None),
            ("buz", None),
            ("", None),
            ("einkauf", None),
        ] {
            assert_eq!(nearest_type(name), meant, "{name}");
        }
        for (name, meant) in [
            ("prodct_id", Some("item_id")),
            ("timestmp", Some("timestamp")),
            ("curency", Some("currency")),
            ("context", None),
            ("version", None),
            ("colour", None),
        ] {
            assert_eq!(nearest_field(name), meant, "{name}");
        }
        assert!(is_known_member("Product ID") && !is_known_member("prodct_id"));
    }
}
