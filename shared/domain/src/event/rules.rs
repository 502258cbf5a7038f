//! The rules by which lines are read, and the rules before: reader version 5, as plan format version
//! 8 applied it.
//!
//! A chunk that a build of that version began is finished by the rules before; see
//! [`PLAN_FORMAT_VERSION`](crate::plan::PLAN_FORMAT_VERSION).

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
    /// Whether visitors are counted by stage.
    pub(crate) has_stages: bool,
}

/// The rules of `docs/EVENTS.md` and `docs/VOCABULARY.md`.
pub(crate) const RULES: Rules = Rules { slots_of, kind_of, has_stages: true };

/// The rules of version 5.
pub(crate) const FORMER: Rules =
    Rules { kind_of: kind_before_checkouts, has_stages: false, ..RULES };

/// The types of checkouts that version 5 did not know. It ignored the others.
const NEW_CHECKOUTS: [&str; 2] = ["checkoutinitiated", "initiatedcheckout"];

fn kind_before_checkouts(text: &[u8]) -> Option<EventKind> {
    let kind = kind_of(text)?;
    if kind != EventKind::Checkout {
        return Some(kind);
    }
    let mut letters = [0; NAME_BYTES_MAX];
    let name = normalize(text, &mut letters)?;
    (!NEW_CHECKOUTS.iter().any(|new| new.as_bytes() == name)).then_some(EventKind::Other)
}

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
