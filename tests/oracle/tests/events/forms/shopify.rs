//! What Shopify sends.

use super::*;

const ORDER: &str = r#""id":5847392847,"order_number":1042,"created_at":"2026-11-26T05:00:00-05:00","currency":"USD","total_price":"60.00","customer":{"id":7},"line_items":[{"id":1,"product_id":8061536829755,"variant_id":2,"sku":"VC-1","quantity":2,"price":"30.00"}]"#;

const COUNTS: &str = "order_value:USD 10:00 gross=60; order_value:USD 10:00 orders=1; \
                      ordered 10:00 8061536829755=2; ordered_value:USD 10:00 8061536829755=60; \
                      orders 10:00";

#[test]
fn order() {
    check(
        format!("{{{ORDER},\"financial_status\":\"paid\"}}"),
        &format!("c1 e1 |  | {COUNTS} paid=1"),
    );
    check(format!("{{{ORDER}}}"), &format!("c1 e1 |  | {COUNTS} CREATED=1"));
    // A later status, in the same object and in a later one.
    let update = |members: &str| format!("{{{ORDER},{members}}}");
    check(
        update(r#""financial_status":"refunded","updated_at":"2026-11-26T12:00:00Z""#),
        &format!("c1 e1 |  | {COUNTS} refunded=1"),
    );
    check(
        format!("{{{ORDER},\"financial_status\":\"pending\"}}\n")
            + &update(
                r#""financial_status":"paid","updated_at":"2026-11-26T12:00:00Z","site_id":"""#,
            ),
        &format!("c2 e2 |  | {COUNTS} paid=1"),
    );
    check(
        update(r#""financial_status":"paid","cancelled_at":"2026-11-26T13:00:00Z""#),
        "c1 e1 |  | order_value:USD 10:00 gross=60; order_value:USD 10:00 orders=1; \
         order_value:USD 10:00 refunded=60; order_value:USD 13:00 refunds=60; ordered 10:00 8061536829755=2; \
         ordered_value:USD 10:00 8061536829755=60; orders 10:00 CANCELLED=1",
    );
    // All of its events are rejected together.
    check(update(r#""financial_status":"paid","updated_at":"soon""#), "invalid:timestamp@1 | ");
    check(update(r#""cancelled_at":"2027-11-26T13:00:00Z""#), "future@1 | ");
    // The name of an item is the product's, its SKU or its title; of other names there are none.
    let of_item = |item: &str| {
        format!(
            r#"{{"id":1,"created_at":"2026-11-26T10:00:00Z","total_price":"5.00","line_items":[{item}],"site_id":"s"}}"#
        )
    };
    let head = "c1 e1 |  | s order_value:USD 10:00 gross=5; s order_value:USD 10:00 orders=1; s ordered 10:00";
    check(of_item(r#"{"sku":"S","title":"T"}"#), &format!("{head} S=1; s orders 10:00 CREATED=1"));
    check(
        of_item(r#"{"product_id":null,"sku":"","title":"T"}"#),
        &format!("{head} T=1; s orders 10:00 CREATED=1"),
    );
    check(of_item(r#"{"name":"N"}"#), "missing:item_name@1 | ");
    check(of_item("7"), "invalid:items@1 | ");
    // An event with a type of its own is no order of Shopify's.
    check(
        r#"{"type":"view","ts":"2026-11-26T10:00:00Z","item_id":1,"line_items":[{}],"total_price":"1","created_at":"x"}"#,
        "missing:item_id@1 | ",
    );
}

#[test]
fn checkout() {
    check(
        r#"{"abandoned_checkout_url":"https://x","line_items":[{"product_id":1}],"total_price":"5","created_at":"2026-11-26T10:00:00Z"}"#,
        "i1 | ",
    );
}

#[test]
fn refund() {
    check(
        r#"{"id":509562969,"order_id":450789469,"created_at":"2026-11-26T10:00:00Z","processed_at":"2026-11-26T10:01:00Z",
            "refund_line_items":[{"id":1,"quantity":1,"line_item_id":2,"subtotal":195.66,
                "line_item":{"product_id":632910392,"sku":"IPOD","title":"IPod"}},
                {"quantity":2,"subtotal":"10.00","line_item":{"sku":"CABLE"}}],
            "transactions":[{"amount":"205.66","currency":"EUR"}]}"#,
        "c1 e1 |  | refunds:EUR 10:01 632910392=195.66; refunds:EUR 10:01 CABLE=10",
    );
    // Shipping only: the money of the transaction is the site's.
    check(
        r#"{"id":1,"order_id":2,"created_at":"2026-11-26T10:00:00Z","refund_line_items":[],
            "transactions":[{"amount":"5.00","currency":"EUR"},{"amount":"1"}]}"#,
        "c1 e1 |  | refunds:EUR 10:00 (other)=5",
    );
}

#[test]
fn fulfilment() {
    let fulfilment = |status: &str| {
        format!(
            r#"{{"id":255858046,"order_id":5847392847,"status":"{status}","created_at":"2026-11-26T11:00:00Z","updated_at":"2026-11-26T12:00:00Z","tracking_numbers":["1Z"]}}"#
        )
    };
    check(
        format!("{{{ORDER}}}\n{}", fulfilment("success")),
        &format!("c2 e2 |  | {COUNTS} FULFILLED=1"),
    );
    check(fulfilment("pending"), "i1 | ");
}

#[test]
fn web_pixel() {
    let event = |name: &str, data: &str| {
        format!(
            r#"{{"id":"sh-{name}","clientId":"c1","name":"{name}","type":"standard","timestamp":"2026-11-26T10:00:00.123Z",
            "context":{{"document":{{"location":{{"href":"https://shop.example/p?x=1","pathname":"/p"}}}}}},"data":{data}}}"#
        )
    };
    check(event("page_viewed", "{}"), "c1 e1 | pages 10:00 /p=1");
    let variant = r#"{"id":"v","price":{"amount":5.5,"currencyCode":"CAD"},"product":{"id":"P","title":"Mug"}}"#;
    check(
        event("product_viewed", &format!(r#"{{"productVariant":{variant}}}"#)),
        "c1 e1 | views 10:00 P=1",
    );
    check(
        event(
            "product_added_to_cart",
            &format!(r#"{{"cartLine":{{"quantity":2,"merchandise":{variant}}}}}"#),
        ),
        "c1 e1 | carts 10:00 P=1",
    );
    check(
        event(
            "checkout_completed",
            &format!(
                r#"{{"checkout":{{"currencyCode":"CAD","order":{{"id":"o","customer":{{"id":"7"}}}},"subtotalPrice":{{"amount":16}},
                "lineItems":[{{"title":"Mug","quantity":2,"variant":{variant},"finalLinePrice":{{"amount":11}}}},
                {{"title":"Card","quantity":1,"variant":{{"price":{{"amount":5}}}}}}]}}}}"#
            ),
        ),
        "c1 e1 |  | order_value:CAD 10:00 gross=16; order_value:CAD 10:00 orders=1; \
         order_value:CAD 10:00 sales=16; ordered 10:00 Card=1; ordered 10:00 P=2; ordered_value:CAD 10:00 Card=5; \
         ordered_value:CAD 10:00 P=11; orders 10:00 CREATED=1; sales:CAD 10:00 Card=5; \
         sales:CAD 10:00 P=11; units 10:00 Card=1; units 10:00 P=2",
    );
    check(event("search_submitted", "{}"), "i1 unknown:search_submitted=1 | ");
    // The same event twice counts once.
    check(format!("{0}\n{0}", event("page_viewed", "{}")), "c1 d1 e1 | pages 10:00 /p=1");
}
