//! The rules before: reader version 2, as plan format version 5 applied it.
//!
//! A chunk that a build of that version began is finished by these rules; see
//! [`PLAN_FORMAT_VERSION`](crate::plan::PLAN_FORMAT_VERSION). Most of the difference is
//! [`Rules::is_strict`].

use crate::event::fields;
use crate::event::fields::Rules;
use crate::event::json::NO_SLOT;
use crate::event::vocabulary::{NAME_BYTES_MAX, normalize};

/// The rules of version 2.
pub(crate) const RULES: Rules = Rules { slot_in_event, is_strict: true, ..fields::RULES };

/// The names of events that version 3 added, in letters and digits.
const ADDED: [&[u8]; 6] =
    [b"product", b"item", b"refundvalue", b"eventlist", b"sentat", b"receivedat"];

fn slot_in_event(name: &[u8]) -> u8 {
    let mut letters = [0; NAME_BYTES_MAX];
    match normalize(name, &mut letters) {
        Some(letters) if ADDED.contains(&letters) => NO_SLOT,
        _ => (fields::RULES.slot_in_event)(name),
    }
}
