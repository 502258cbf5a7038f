//! The types of events.

/// What an event is, as far as counting goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// A view of an item, of a page, or of both.
    View,
    /// An item was added to a cart.
    CartAdd,
    /// An item was removed from a cart.
    Removal,
    /// An item was bought.
    Purchase,
    /// Money was given back for an item.
    Refund,
    /// An event about an order, which nothing counts yet.
    Order,
}

impl EventKind {
    /// Reads a spelling, to the letter. `None` for a type that no event has.
    #[inline]
    pub(crate) fn parse(text: &[u8]) -> Option<EventKind> {
        Some(match text {
            b"page_visit" | b"page_view" | b"view" | b"view_item" | b"product_view" | b"Product Viewed" | b"clicks" => {
                EventKind::View
            }
            b"add_to_cart" | b"addtocart" | b"cart" | b"carts" | b"Product Added" => EventKind::CartAdd,
            b"remove_from_cart" | b"Product Removed" => EventKind::Removal,
            b"purchase" | b"transaction" | b"order" | b"orders" | b"Order Completed" => EventKind::Purchase,
            b"refund" | b"Order Refunded" => EventKind::Refund,
            b"OrderCreatedEvent" | b"OrderStatusChangedEvent" | b"OrderCancelledEvent" => EventKind::Order,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_matched_to_the_letter() {
        for (kind, spellings) in [
            (
                EventKind::View,
                &["page_visit", "page_view", "view", "view_item", "product_view", "Product Viewed", "clicks"][..],
            ),
            (EventKind::CartAdd, &["add_to_cart", "addtocart", "cart", "carts", "Product Added"]),
            (EventKind::Removal, &["remove_from_cart", "Product Removed"]),
            (EventKind::Purchase, &["purchase", "transaction", "order", "orders", "Order Completed"]),
            (EventKind::Refund, &["refund", "Order Refunded"]),
            (EventKind::Order, &["OrderCreatedEvent", "OrderStatusChangedEvent", "OrderCancelledEvent"]),
        ] {
            for spelling in spellings {
                assert_eq!(EventKind::parse(spelling.as_bytes()), Some(kind), "{spelling}");
            }
        }
        for other in ["", "View", "VIEW", " view", "view ", "views", "click", "product viewed", "Refund"] {
            assert_eq!(EventKind::parse(other.as_bytes()), None, "{other}");
        }
    }
}
