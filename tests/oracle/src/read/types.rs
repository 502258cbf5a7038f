//! The types of events.

use crate::read::fields::{EVENT_TYPE, Sources};
use crate::read::json::{Object, Value};
use crate::read::vocabulary::type_of;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    View,
    Cart,
    Removal,
    Purchase,
    Refund,
    Order(OrderKind),
}

/// The types of events about orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderKind {
    Created,
    StatusChanged,
    Cancelled,
}

/// What the name of a type says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Counted(Kind),
    /// A known type that nothing counts.
    Ignored,
    /// A type of the shop's own, as it is written.
    Unknown(String),
}

/// Whether an object that is read by its names has a type of the vocabulary.
pub(crate) fn has_known_type(object: &Object) -> bool {
    let sources = Sources::of_event(object);
    matches!(sources.find(EVENT_TYPE), Some(Value::Text(name)) if type_of(name).is_some())
}

/// The type of an event.
///
/// # Errors
/// It has none, or one that is not text.
pub(crate) fn kind(event_type: Option<&Value>) -> Result<Typed, String> {
    let name = match event_type {
        None => return Err("missing:event_type".to_owned()),
        Some(Value::Text(name)) => name.as_str(),
        Some(_) => return Err("invalid:event_type".to_owned()),
    };
    Ok(Typed::Counted(match type_of(name) {
        Some("view") => Kind::View,
        Some("cart add") => Kind::Cart,
        Some("removal") => Kind::Removal,
        Some("purchase") => Kind::Purchase,
        Some("refund") => Kind::Refund,
        Some("order created") => Kind::Order(OrderKind::Created),
        Some("order status changed") => Kind::Order(OrderKind::StatusChanged),
        Some("order cancelled") => Kind::Order(OrderKind::Cancelled),
        Some("ignored") => return Ok(Typed::Ignored),
        Some(other) => unreachable!("the vocabulary has no type {other}"),
        None => return Ok(Typed::Unknown(name.to_owned())),
    }))
}
