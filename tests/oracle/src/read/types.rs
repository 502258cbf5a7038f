//! The types of events.

use crate::count::visitors::Reached;
use crate::read::fields::{EVENT_TYPE, Sources};
use crate::read::json::{Object, Value};
use crate::read::values::Settings;
use crate::read::vocabulary::{letters, type_of};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    View,
    Cart,
    Removal,
    Checkout,
    Purchase,
    Refund,
    Order(OrderKind),
}

impl Kind {
    /// How far the visitor of an event got. What is given back was bought before.
    pub(crate) fn reached(self, is_given_back: bool, settings: &Settings) -> Reached {
        match self {
            _ if !settings.has_checkouts => Reached::Unknown,
            Self::Cart => Reached::Carted,
            Self::Checkout => Reached::BeganCheckout,
            Self::Purchase if !is_given_back => Reached::Bought,
            Self::Order(OrderKind::Created) => Reached::Bought,
            _ => Reached::Viewed,
        }
    }
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

/// The names of checkouts that builds before did not know. They ignored those with the others.
const NEW_CHECKOUTS: [&str; 2] = ["checkoutinitiated", "initiatedcheckout"];

impl Typed {
    /// What a build before took a checkout of this name for.
    pub(crate) fn before_checkouts(self, event_type: Option<&Value>) -> Self {
        match (self, event_type) {
            (Self::Counted(Kind::Checkout), Some(Value::Text(name))) => {
                let is_new = letters(name).is_some_and(|it| NEW_CHECKOUTS.contains(&it.as_str()));
                if is_new { Self::Unknown(name.clone()) } else { Self::Ignored }
            }
            (typed, _) => typed,
        }
    }
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
        Some("checkout") => Kind::Checkout,
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
