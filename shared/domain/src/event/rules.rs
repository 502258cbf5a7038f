//! The rules by which lines are read, and the rules before: reader version 4, as plan format version
//! 7 applied it.
//!
//! A chunk that a build of that version began is finished by the rules before; see
//! [`PLAN_FORMAT_VERSION`](crate::plan::PLAN_FORMAT_VERSION).

use crate::event::fields::{slot_in_event, slot_in_item};
use crate::event::form::slot_in_paths;
use crate::event::json::{NO_SLOT, Slots};
use crate::event::parameters::slot_in_parameters;
use crate::event::types::kind_of;
use crate::event::vocabulary::EventKind;

/// The rules by which lines are read: a reader version.
pub(crate) struct Rules {
    /// The slots of a name, without that in paths.
    pub(crate) slots_of: fn(&[u8]) -> Slots,
    /// The kind of a type; `None` for an unknown type.
    pub(crate) kind_of: fn(&[u8]) -> Option<EventKind>,
    /// Whether refunds that name an order count through it, and money that is of none is also summed
    /// under the empty key.
    pub(crate) has_order_refunds: bool,
}

/// The rules of `docs/EVENTS.md` and `docs/VOCABULARY.md`.
pub(crate) const RULES: Rules = Rules { slots_of, kind_of, has_order_refunds: true };

/// The rules of version 4.
pub(crate) const FORMER: Rules = Rules { has_order_refunds: false, ..RULES };

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
