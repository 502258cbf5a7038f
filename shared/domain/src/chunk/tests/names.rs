//! The spellings of types and fields, and their precedence.

use crate::chunk::tests::support::{
    AT, check_notes, check_outcomes, check_rejected, check_tally, event,
};

#[test]
fn every_spelling_of_a_type_counts_for_its_measure() {
    for (kinds, expected) in [
        (
            &[
                "page_visit",
                "page_view",
                "view",
                "view_item",
                "product_view",
                "Product Viewed",
                "clicks",
                "page",
            ][..],
            "views a=1",
        ),
        (&["add_to_cart", "addtocart", "cart", "carts", "Product Added"], "carts a=1"),
        (&["remove_from_cart", "Product Removed"], "removals a=1"),
        (
            &[
                "begin_checkout",
                "Checkout Started",
                "InitiateCheckout",
                "START_CHECKOUT",
                "Started Checkout",
            ],
            "checkouts a=1",
        ),
        (
            &["purchase", "transaction", "order", "orders", "Order Completed"],
            "units a=2; sales:EUR a=5",
        ),
        (&["refund", "Order Refunded"], "refunds:EUR a=5"),
        (&["session_start", "checkout", "identify", "Cart Viewed", "Promotion Viewed"], ""),
    ] {
        for kind in kinds {
            check_tally(&event(kind, r#""item_id":"a","price":2.5,"quantity":2"#), expected);
        }
    }
}

#[test]
fn every_spelling_of_a_field_is_accepted() {
    for name in ["event_type", "event", "type", "event_name", "eventType"] {
        check_tally(&format!(r#"{{"{name}":"view",{AT},"item_id":"a"}}"#), "views a=1");
    }
    for name in ["timestamp", "event_time", "ts", "time", "event_timestamp", "timestamp_micros"] {
        check_tally(
            &format!(r#"{{"event":"view","{name}":1795216051000,"item_id":"a"}}"#),
            "views a=1",
        );
    }
    for name in ["item_id", "product_id", "itemid", "aid", "sku"] {
        check_tally(&event("view", &format!(r#""{name}":"a""#)), "views a=1");
    }
    for name in ["page_url", "path", "url", "page", "page_location"] {
        check_tally(&event("view", &format!(r#""{name}":"/a""#)), "pages /a=1");
    }
    for name in ["site_id", "app_id", "tenant_id"] {
        check_tally(&event("view", &format!(r#""item_id":"a","{name}":"s""#)), "s views a=1");
    }
    for name in ["event_id", "messageId", "insert_id"] {
        let line = event("view", &format!(r#""item_id":"a","{name}":"1""#));
        check_outcomes(&format!("{line}\n{line}\n"), "1/0/1");
    }
    for (field, names) in [
        (
            "customer_id",
            &[
                "customer_id",
                "user_id",
                "visitorid",
                "userId",
                "anonymousId",
                "user_pseudo_id",
                "client_id",
            ][..],
        ),
        ("session_id", &["session_id", "user_session", "session"]),
        ("order_id", &["order_id", "transaction_id", "transactionid", "orderId"]),
    ] {
        for name in names {
            check_notes(
                &event("view", &format!(r#""item_id":"a","{name}":1.5"#)),
                &format!("{field}=1"),
            );
            check_tally(&event("view", &format!(r#""item_id":"a","{name}":15"#)), "views a=1");
        }
    }
    for name in ["items", "products"] {
        check_tally(&event("view", &format!(r#""{name}":[{{"sku":"a"}}]"#)), "views a=1");
    }
}

#[test]
fn the_first_spelling_that_has_a_value_wins() {
    check_tally(&event("view", r#""sku":"last","item_id":"first""#), "views first=1");
    check_tally(&event("view", r#""item_id":null,"product_id":"","sku":"last""#), "views last=1");
    check_tally(&event("view", r#""item_id":"a","item_id":"b""#), "views b=1");
    check_tally(&event("view", r#""itemId":"a","Item ID":"b""#), "views b=1");
    check_tally(&event("view", r#""sku":"c","item_id":"a","item_id":null"#), "views a=1");
    check_tally(&event("view", r#""item\u005fid":"a""#), "views a=1");
    check_tally(&event("view", r#""items":[],"products":[{"sku":"a"}]"#), "views a=1");
    check_tally(&event("view", r#""items":{},"item_id":"a""#), "views a=1");
    check_rejected(&event("view", r#""item_id":true,"sku":"a""#), "invalid:item_id");
    check_rejected(r#"{"event":{"a":1},"type":"view"}"#, "invalid:event_type");
}

#[test]
fn names_and_types_are_known_by_what_they_say() {
    for line in [
        r#"{"eventType":"AddToCart","TIMESTAMP":"2026-11-20T23:07:31Z","productId":"a"}"#,
        r#"{"EVENT-NAME":"ADD_TO_CART","Event Time":"2026-11-20T23:07:31Z","Product ID":"a"}"#,
        r#"{"$event":"add-to-cart","@timestamp":"2026-11-20T23:07:31Z","$sku":"a"}"#,
        r#"{"action":"Added to Cart","date":"2026-11-20T23:07:31Z","a_i_d":"a"}"#,
    ] {
        check_tally(line, "carts a=1");
    }
}

#[test]
fn an_item_without_an_id_is_counted_by_its_name() {
    check_tally(
        &event("view", r#""item_name":"Gift wrap","product_title":"b""#),
        "views Gift wrap=1",
    );
    check_tally(&event("view", r#""item_name":"Gift wrap","sku":"a""#), "views a=1");
    check_tally(
        &event("cart", r#""items":[{"name":"a"},{"title":"b"},{"id":7,"name":"c"}]"#),
        "carts 7=1 a=1 b=1",
    );
    check_rejected(&event("cart", r#""name":"a","id":7"#), "missing:item_id");
    check_rejected(&event("cart", r#""item_name":true"#), "invalid:item_name");
}

#[test]
fn the_money_of_an_event_is_that_of_its_only_item() {
    for name in ["value", "revenue", "amount", "total", "order_total", "orderValue"] {
        let line = event("purchase", &format!(r#""sku":"a","quantity":2,"{name}":"9.5""#));
        check_tally(&line, "units a=2; sales:EUR a=9.5");
    }
    let with = |members: &str| event("purchase", &format!(r#""sku":"a","value":9,{members}"#));
    check_tally(&with(r#""price":2,"quantity":3"#), "units a=3; sales:EUR a=6");
    check_tally(&with(r#""total_amount":7"#), "units a=1; sales:EUR a=7");
    check_tally(&with(r#""revenue":8"#), "units a=1; sales:EUR a=8");
    check_tally(&event("view", r#""sku":"a","value":"?""#), "views a=1");
    check_rejected(&event("purchase", r#""sku":"a","value":"?""#), "invalid:order_total");
}
