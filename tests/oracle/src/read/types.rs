//! The types of events.

use crate::read::json::Value;
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

/// The kind of an event; `None` for a known type that nothing counts.
pub(crate) fn kind(event_type: Option<&Value>) -> Result<Option<Kind>, String> {
    let name = match event_type {
        None => return Err("missing:event_type".to_owned()),
        Some(Value::Text(name)) => name.as_str(),
        Some(_) => return Err("invalid:event_type".to_owned()),
    };
    match type_of(name) {
        Some("view") => Ok(Some(Kind::View)),
        Some("cart add") => Ok(Some(Kind::Cart)),
        Some("removal") => Ok(Some(Kind::Removal)),
        Some("purchase") => Ok(Some(Kind::Purchase)),
        Some("refund") => Ok(Some(Kind::Refund)),
        Some("order created") => Ok(Some(Kind::Order(OrderKind::Created))),
        Some("order status changed") => Ok(Some(Kind::Order(OrderKind::StatusChanged))),
        Some("order cancelled") => Ok(Some(Kind::Order(OrderKind::Cancelled))),
        Some("ignored") => Ok(None),
        Some(other) => unreachable!("the vocabulary has no type {other}"),
        None => Err("unknown_type".to_owned()),
    }
}
