//! The types of events.

use crate::read::json::Value;

/// Types that shops send beside those that count: of Google Analytics 4, and of Segment.
const IGNORED: &[&str] = &[
    "add_payment_info",
    "add_shipping_info",
    "add_to_wishlist",
    "begin_checkout",
    "click",
    "file_download",
    "first_visit",
    "form_start",
    "form_submit",
    "generate_lead",
    "login",
    "scroll",
    "search",
    "select_content",
    "select_item",
    "select_promotion",
    "session_start",
    "share",
    "sign_up",
    "user_engagement",
    "video_complete",
    "video_progress",
    "video_start",
    "view_cart",
    "view_item_list",
    "view_promotion",
    "view_search_results",
    "alias",
    "group",
    "identify",
    "screen",
    "Cart Shared",
    "Cart Viewed",
    "Checkout Started",
    "Checkout Step Completed",
    "Checkout Step Viewed",
    "Coupon Applied",
    "Coupon Denied",
    "Coupon Entered",
    "Coupon Removed",
    "Order Cancelled",
    "Order Updated",
    "Payment Info Entered",
    "Product Added to Wishlist",
    "Product Clicked",
    "Product List Filtered",
    "Product List Viewed",
    "Product Removed from Wishlist",
    "Product Reviewed",
    "Product Shared",
    "Products Searched",
    "Promotion Clicked",
    "Promotion Viewed",
];

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
    match name {
        "page_visit" | "page_view" | "view" | "view_item" | "product_view" | "Product Viewed"
        | "clicks" | "page" => Ok(Some(Kind::View)),
        "add_to_cart" | "addtocart" | "cart" | "carts" | "Product Added" => Ok(Some(Kind::Cart)),
        "remove_from_cart" | "Product Removed" => Ok(Some(Kind::Removal)),
        "purchase" | "transaction" | "order" | "orders" | "Order Completed" => {
            Ok(Some(Kind::Purchase))
        }
        "refund" | "Order Refunded" => Ok(Some(Kind::Refund)),
        "OrderCreatedEvent" => Ok(Some(Kind::Order(OrderKind::Created))),
        "OrderStatusChangedEvent" => Ok(Some(Kind::Order(OrderKind::StatusChanged))),
        "OrderCancelledEvent" => Ok(Some(Kind::Order(OrderKind::Cancelled))),
        other if IGNORED.contains(&other) => Ok(None),
        _ => Err("unknown_type".to_owned()),
    }
}
