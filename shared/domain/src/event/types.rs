//! The types of events.

/// The kind of an event, as far as counting distinguishes it.
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
    /// Money was refunded for an item.
    Refund,
    /// An event about an order, which counts as a whole.
    Order(OrderEvent),
    /// An event of a known type that counts nothing.
    Other,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderEvent {
    /// It was created.
    Created,
    /// Its status changed.
    StatusChanged,
    /// It was cancelled.
    Cancelled,
}

impl EventKind {
    /// Parses an exact spelling; `None` for an unknown type.
    #[inline]
    pub(crate) fn parse(text: &[u8]) -> Option<EventKind> {
        Some(match text {
            b"page_visit" | b"page_view" | b"view" | b"view_item" | b"product_view"
            | b"Product Viewed" | b"clicks" | b"page" => EventKind::View,
            b"add_to_cart" | b"addtocart" | b"cart" | b"carts" | b"Product Added" => {
                EventKind::CartAdd
            }
            b"remove_from_cart" | b"Product Removed" => EventKind::Removal,
            b"purchase" | b"transaction" | b"order" | b"orders" | b"Order Completed" => {
                EventKind::Purchase
            }
            b"refund" | b"Order Refunded" => EventKind::Refund,
            b"OrderCreatedEvent" => EventKind::Order(OrderEvent::Created),
            b"OrderStatusChangedEvent" => EventKind::Order(OrderEvent::StatusChanged),
            b"OrderCancelledEvent" => EventKind::Order(OrderEvent::Cancelled),
            other => return OTHERS.contains(&other).then_some(EventKind::Other),
        })
    }
}

/// The other types in exports of Google Analytics 4 and from sources of Segment.
const OTHERS: [&[u8]; 53] = [
    b"add_payment_info",
    b"add_shipping_info",
    b"add_to_wishlist",
    b"begin_checkout",
    b"click",
    b"file_download",
    b"first_visit",
    b"form_start",
    b"form_submit",
    b"generate_lead",
    b"login",
    b"scroll",
    b"search",
    b"select_content",
    b"select_item",
    b"select_promotion",
    b"session_start",
    b"share",
    b"sign_up",
    b"user_engagement",
    b"video_complete",
    b"video_progress",
    b"video_start",
    b"view_cart",
    b"view_item_list",
    b"view_promotion",
    b"view_search_results",
    b"alias",
    b"group",
    b"identify",
    b"screen",
    b"Cart Shared",
    b"Cart Viewed",
    b"Checkout Started",
    b"Checkout Step Completed",
    b"Checkout Step Viewed",
    b"Coupon Applied",
    b"Coupon Denied",
    b"Coupon Entered",
    b"Coupon Removed",
    b"Order Cancelled",
    b"Order Updated",
    b"Payment Info Entered",
    b"Product Added to Wishlist",
    b"Product Clicked",
    b"Product List Filtered",
    b"Product List Viewed",
    b"Product Removed from Wishlist",
    b"Product Reviewed",
    b"Product Shared",
    b"Products Searched",
    b"Promotion Clicked",
    b"Promotion Viewed",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_matched_exactly() {
        for (kind, spellings) in [
            (
                EventKind::View,
                &[
                    "page_visit",
                    "page_view",
                    "view",
                    "view_item",
                    "product_view",
                    "Product Viewed",
                    "clicks",
                ][..],
            ),
            (EventKind::View, &["page"]),
            (EventKind::CartAdd, &["add_to_cart", "addtocart", "cart", "carts", "Product Added"]),
            (EventKind::Removal, &["remove_from_cart", "Product Removed"]),
            (
                EventKind::Purchase,
                &["purchase", "transaction", "order", "orders", "Order Completed"],
            ),
            (EventKind::Refund, &["refund", "Order Refunded"]),
            (EventKind::Order(OrderEvent::Created), &["OrderCreatedEvent"]),
            (EventKind::Order(OrderEvent::StatusChanged), &["OrderStatusChangedEvent"]),
            (EventKind::Order(OrderEvent::Cancelled), &["OrderCancelledEvent"]),
            (
                EventKind::Other,
                &[
                    "session_start",
                    "begin_checkout",
                    "click",
                    "identify",
                    "Cart Viewed",
                    "Order Updated",
                ],
            ),
        ] {
            for spelling in spellings {
                assert_eq!(EventKind::parse(spelling.as_bytes()), Some(kind), "{spelling}");
            }
        }
        for other in
            ["", "View", "VIEW", " view", "view ", "views", "track", "product viewed", "Refund"]
        {
            assert_eq!(EventKind::parse(other.as_bytes()), None, "{other}");
        }
    }
}
