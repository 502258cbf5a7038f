//! The rules by which lines are read, and the rules before: reader version 2, as plan format version
//! 5 applied it.
//!
//! A chunk that a build of that version began is finished by the rules before; see
//! [`PLAN_FORMAT_VERSION`](crate::plan::PLAN_FORMAT_VERSION). Most of the difference is
//! [`Rules::is_strict`].

use crate::event::fields::{slot_in_event, slot_in_item};
use crate::event::form::slot_in_paths;
use crate::event::json::{NO_SLOT, Slots};
use crate::event::parameters::slot_in_parameters;
use crate::event::types::kind_of;
use crate::event::vocabulary::{EventKind, NAME_BYTES_MAX, normalize};

/// The rules by which lines are read: a reader version.
pub(crate) struct Rules {
    /// The slots of a name, without that in paths.
    pub(crate) slots_of: fn(&[u8]) -> Slots,
    /// The kind of a type; `None` for an unknown type.
    pub(crate) kind_of: fn(&[u8]) -> Option<EventKind>,
    /// Whether the rules before apply: a field with an unusable value rejects its event even if
    /// nothing needs the field, a bad event rejects its line, and so does an unknown type.
    pub(crate) is_strict: bool,
}

/// The rules of `docs/EVENTS.md` and `docs/VOCABULARY.md`.
pub(crate) const RULES: Rules = Rules { slots_of, kind_of, is_strict: false };

/// The rules of version 2.
pub(crate) const FORMER: Rules = Rules { slots_of: former_slots_of, is_strict: true, ..RULES };

fn slots_of(name: &[u8]) -> Slots {
    Slots {
        event: slot_in_event(name),
        item: slot_in_item(name),
        parameter: slot_in_parameters(name),
        path: NO_SLOT,
    }
}

/// The slots of a name by [`RULES`], with that in paths. Their tables are only read if there is a
/// line that may be in a form.
pub(crate) fn slots_with_path(name: &[u8]) -> Slots {
    Slots { path: slot_in_paths(name), ..slots_of(name) }
}

/// The names of events that version 3 added, in letters and digits.
const ADDED: [&[u8]; 6] =
    [b"product", b"item", b"refundvalue", b"eventlist", b"sentat", b"receivedat"];

fn former_slots_of(name: &[u8]) -> Slots {
    let mut letters = [0; NAME_BYTES_MAX];
    match normalize(name, &mut letters) {
        Some(letters) if ADDED.contains(&letters) => Slots { event: NO_SLOT, ..slots_of(name) },
        _ => slots_of(name),
    }
}
