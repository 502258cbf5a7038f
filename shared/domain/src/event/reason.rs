//! Why a line is rejected.

use std::fmt;

/// The reason why a line is rejected: the first check that fails.
///
/// **Shape**: ordered like the checks. The ledger, the log and the rejected lines contain the
/// displayed text: `not_json`, `missing:item_id`, `invalid:price`.
///
/// **Source**: `docs/EVENTS.md`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The line is longer than [`LINE_BYTES_MAX`](crate::chunk::lines::LINE_BYTES_MAX).
    TooLong,
    /// A quote in a record of CSV is not closed, or text follows it.
    BadQuote,
    /// A record of CSV has more cells than the header.
    TooManyCells,
    /// The line is not valid UTF-8.
    NotUtf8,
    /// The line is not exactly one JSON text, or a `\u` escape in it is half of a surrogate pair.
    NotJson,
    /// Objects and arrays are nested more than 64 deep.
    TooDeep,
    /// The line is JSON, but not an object.
    NotObject,
    /// Its `events` inherit too much: written out, the line would exceed
    /// [`WRITTEN_OUT_BYTES_MAX`](crate::event::line::WRITTEN_OUT_BYTES_MAX).
    TooLarge,
    /// The event type is unknown.
    UnknownType,
    /// The event is too far after the reference time of the chunk.
    Future,
    /// A field that the event needs has no value.
    Missing(Field),
    /// A field has an invalid value.
    Invalid(Field),
    /// Everything about it is right, but its site is beyond the number of sites that are counted.
    TooManySites,
}

/// A field of an event, regardless of its spelling.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Field {
    /// `event_type`
    EventType,
    /// `timestamp`
    Timestamp,
    /// `site_id`
    SiteId,
    /// `event_id`
    EventId,
    /// `customer_id`
    CustomerId,
    /// `session_id`
    SessionId,
    /// `order_id`
    OrderId,
    /// `page_url`
    PageUrl,
    /// `currency`
    Currency,
    /// `orderNumber`
    OrderNumber,
    /// `status`
    Status,
    /// `newStatus`
    NewStatus,
    /// `refundAmount`
    RefundAmount,
    /// `item_id`
    ItemId,
    /// `item_name`
    ItemName,
    /// `price`
    Price,
    /// `quantity`
    Quantity,
    /// `total_amount`
    TotalAmount,
    /// `order_total`
    OrderTotal,
    /// `items`
    Items,
    /// `events`
    Events,
}

impl Field {
    /// Every field, in the order of the checks.
    pub const ALL: [Field; 21] = [
        Field::EventType,
        Field::Timestamp,
        Field::SiteId,
        Field::EventId,
        Field::CustomerId,
        Field::SessionId,
        Field::OrderId,
        Field::PageUrl,
        Field::Currency,
        Field::OrderNumber,
        Field::Status,
        Field::NewStatus,
        Field::RefundAmount,
        Field::ItemId,
        Field::ItemName,
        Field::Price,
        Field::Quantity,
        Field::TotalAmount,
        Field::OrderTotal,
        Field::Items,
        Field::Events,
    ];

    /// The name of the field, which is also its first spelling.
    pub fn name(self) -> &'static str {
        match self {
            Field::EventType => "event_type",
            Field::Timestamp => "timestamp",
            Field::SiteId => "site_id",
            Field::EventId => "event_id",
            Field::CustomerId => "customer_id",
            Field::SessionId => "session_id",
            Field::OrderId => "order_id",
            Field::PageUrl => "page_url",
            Field::Currency => "currency",
            Field::OrderNumber => "orderNumber",
            Field::Status => "status",
            Field::NewStatus => "newStatus",
            Field::RefundAmount => "refundAmount",
            Field::ItemId => "item_id",
            Field::ItemName => "item_name",
            Field::Price => "price",
            Field::Quantity => "quantity",
            Field::TotalAmount => "total_amount",
            Field::OrderTotal => "order_total",
            Field::Items => "items",
            Field::Events => "events",
        }
    }
}

impl Reason {
    /// Whether what is rejected is one JSON object.
    pub(crate) fn is_of_object(self) -> bool {
        !matches!(
            self,
            Reason::TooLong
                | Reason::BadQuote
                | Reason::TooManyCells
                | Reason::NotUtf8
                | Reason::NotJson
                | Reason::TooDeep
                | Reason::NotObject
        )
    }

    /// Parses a reason as it is displayed; `None` for anything else.
    pub fn parse(text: &str) -> Option<Reason> {
        let field = |name: &str| Field::ALL.into_iter().find(|field| field.name() == name);
        match text {
            "too_long" => Some(Reason::TooLong),
            "bad_quote" => Some(Reason::BadQuote),
            "too_many_cells" => Some(Reason::TooManyCells),
            "not_utf8" => Some(Reason::NotUtf8),
            "not_json" => Some(Reason::NotJson),
            "too_deep" => Some(Reason::TooDeep),
            "not_object" => Some(Reason::NotObject),
            "too_large" => Some(Reason::TooLarge),
            "unknown_type" => Some(Reason::UnknownType),
            "future" => Some(Reason::Future),
            "too_many_sites" => Some(Reason::TooManySites),
            _ => match text.split_once(':')? {
                ("missing", name) => field(name).map(Reason::Missing),
                ("invalid", name) => field(name).map(Reason::Invalid),
                _ => None,
            },
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::TooLong => f.write_str("too_long"),
            Reason::BadQuote => f.write_str("bad_quote"),
            Reason::TooManyCells => f.write_str("too_many_cells"),
            Reason::NotUtf8 => f.write_str("not_utf8"),
            Reason::NotJson => f.write_str("not_json"),
            Reason::TooDeep => f.write_str("too_deep"),
            Reason::NotObject => f.write_str("not_object"),
            Reason::TooLarge => f.write_str("too_large"),
            Reason::UnknownType => f.write_str("unknown_type"),
            Reason::Future => f.write_str("future"),
            Reason::TooManySites => f.write_str("too_many_sites"),
            Reason::Missing(field) => write!(f, "missing:{}", field.name()),
            Reason::Invalid(field) => write!(f, "invalid:{}", field.name()),
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_parsed_from_its_text() {
        let mut reasons = vec![
            Reason::TooLong,
            Reason::BadQuote,
            Reason::TooManyCells,
            Reason::NotUtf8,
            Reason::NotJson,
            Reason::TooDeep,
            Reason::NotObject,
            Reason::TooLarge,
            Reason::UnknownType,
            Reason::Future,
            Reason::TooManySites,
        ];
        for field in Field::ALL {
            reasons.extend([Reason::Missing(field), Reason::Invalid(field)]);
        }
        for reason in reasons {
            assert_eq!(Reason::parse(&reason.to_string()), Some(reason));
        }
        assert_eq!(Reason::Invalid(Field::Price).to_string(), "invalid:price");
        for text in ["", "missing", "missing:", "missing:state", "price", "invalid:Price"] {
            assert_eq!(Reason::parse(text), None, "{text}");
        }
    }
}
