//! Version 1 of the vocabulary: the spellings that plan format version 4 knew, exactly as they are.
//!
//! A chunk that a build of that version began is finished by its rules; see
//! [`PLAN_FORMAT_VERSION`](crate::plan::PLAN_FORMAT_VERSION).

use std::sync::LazyLock;

use crate::event::fields::{Layout, Rules, Slots, layout, slots};
use crate::event::json::NO_SLOT;
use crate::event::reason::Field;
use crate::event::vocabulary::{Aside, EventKind, FieldNames, OrderEvent, Place, Wanted};

/// The rules of version 1.
pub(crate) static RULES: Rules = Rules {
    of_events: &LAYOUT,
    of_items: &LAYOUT,
    slot_in_event: slot_of,
    slot_in_item: slot_of,
    kind_of,
    items_have_names: false,
};

static LAYOUT: Layout = layout(&FIELDS, Place::Event, true);

const FIELDS: [FieldNames; 24] = [
    (
        Wanted::Field(Field::EventType),
        Place::Anywhere,
        &["event_type", "event", "type", "event_name", "eventType"],
    ),
    (
        Wanted::Field(Field::Timestamp),
        Place::Anywhere,
        &["timestamp", "event_time", "ts", "time", "event_timestamp", "timestamp_micros"],
    ),
    (
        Wanted::Field(Field::ItemId),
        Place::Anywhere,
        &["item_id", "product_id", "itemid", "aid", "sku"],
    ),
    (
        Wanted::Field(Field::CustomerId),
        Place::Anywhere,
        &[
            "customer_id",
            "user_id",
            "visitorid",
            "userId",
            "anonymousId",
            "user_pseudo_id",
            "client_id",
        ],
    ),
    (Wanted::Field(Field::SessionId), Place::Anywhere, &["session_id", "user_session", "session"]),
    (Wanted::Field(Field::PageUrl), Place::Anywhere, &["page_url", "path", "url", "page"]),
    (Wanted::Field(Field::SiteId), Place::Anywhere, &["site_id", "app_id", "tenant_id"]),
    (Wanted::Field(Field::EventId), Place::Anywhere, &["event_id", "messageId", "insert_id"]),
    (
        Wanted::Field(Field::OrderId),
        Place::Anywhere,
        &["order_id", "transaction_id", "transactionid", "orderId"],
    ),
    (Wanted::Field(Field::Price), Place::Anywhere, &["price", "unitPrice"]),
    (Wanted::Field(Field::Quantity), Place::Anywhere, &["quantity"]),
    (
        Wanted::Field(Field::TotalAmount),
        Place::Anywhere,
        &["total_amount", "totalAmount", "totalPrice"],
    ),
    (Wanted::Field(Field::Currency), Place::Anywhere, &["currency"]),
    (Wanted::Field(Field::OrderNumber), Place::Anywhere, &["orderNumber"]),
    (Wanted::Field(Field::Status), Place::Anywhere, &["status"]),
    (Wanted::Field(Field::NewStatus), Place::Anywhere, &["newStatus"]),
    (Wanted::Field(Field::RefundAmount), Place::Anywhere, &["refundAmount"]),
    (Wanted::Field(Field::ItemName), Place::Anywhere, &["productName"]),
    (Wanted::Field(Field::Items), Place::Anywhere, &["items", "products"]),
    (Wanted::Field(Field::Events), Place::Anywhere, &["events"]),
    (Wanted::Aside(Aside::PageLocation), Place::Anywhere, &["page_location"]),
    (Wanted::Aside(Aside::Name), Place::Anywhere, &["name"]),
    (Wanted::Aside(Aside::Properties), Place::Anywhere, &["properties", "params"]),
    (Wanted::Aside(Aside::Parameters), Place::Anywhere, &["event_params"]),
];

fn slot_of(name: &[u8]) -> u8 {
    static SLOTS: LazyLock<Slots> = LazyLock::new(|| slots(&FIELDS, Place::Event));
    SLOTS.get(name).copied().unwrap_or(NO_SLOT)
}

fn kind_of(text: &[u8]) -> Option<EventKind> {
    Some(match text {
        b"page_visit" | b"page_view" | b"view" | b"view_item" | b"product_view"
        | b"Product Viewed" | b"clicks" | b"page" => EventKind::View,
        b"add_to_cart" | b"addtocart" | b"cart" | b"carts" | b"Product Added" => EventKind::CartAdd,
        b"remove_from_cart" | b"Product Removed" => EventKind::Removal,
        b"purchase" | b"transaction" | b"order" | b"orders" | b"Order Completed" => {
            EventKind::Purchase
        }
        b"refund" | b"Order Refunded" => EventKind::Refund,
        b"OrderCreatedEvent" => EventKind::Order(OrderEvent::Created),
        b"OrderStatusChangedEvent" => EventKind::Order(OrderEvent::StatusChanged),
        b"OrderCancelledEvent" => EventKind::Order(OrderEvent::Cancelled),
        other => return IGNORED.contains(&other).then_some(EventKind::Other),
    })
}

/// The other types in exports of Google Analytics 4 and from sources of Segment.
const IGNORED: [&[u8]; 53] = [
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
