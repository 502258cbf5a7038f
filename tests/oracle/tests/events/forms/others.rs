//! The forms of other platforms.

use super::*;

#[test]
fn klaviyo_event() {
    let event = |metric: &str, properties: &str| {
        format!(
            r#"{{"data":{{"type":"event","id":"4vRpBT","attributes":{{"timestamp":1795687200,"time":"2026-11-26T10:00:00+00:00","unique_id":"u-{metric}","value":20.5,"value_currency":"GBP",
            "event_properties":{{}},"properties":{properties},
            "metric":{{"data":{{"type":"metric","attributes":{{"name":"{metric}"}}}}}},
            "profile":{{"data":{{"type":"profile","id":"01G","attributes":{{"email":"a@example.com"}}}}}}}}}}}}"#
        )
    };
    check(
        event("Active on Site", r#"{"page":"https://shop.example/p?x"}"#),
        "c1 e1 | pages 10:00 https://shop.example/p=1",
    );
    check(event("Viewed Page", r#"{"URL":"/q"}"#), "c1 e1 | pages 10:00 /q=1");
    check(
        event("Viewed Product", r#"{"ProductID":"P1","ProductName":"Mug","URL":"/q","Price":9}"#),
        "c1 e1 | views 10:00 P1=1",
    );
    check(
        event("Added to Cart", r#"{"AddedItemProductID":"P1","AddedItemPrice":9,"Items":[]}"#),
        "c1 e1 | carts 10:00 P1=1",
    );
    check(
        event(
            "Placed Order",
            r#"{"OrderId":"1","Items":[{"ProductID":"P1","Quantity":2,"ItemPrice":8,"RowTotal":16},{"SKU":"S","ItemPrice":4.5}]}"#,
        ),
        "c1 e1 |  | order_value:GBP 10:00 gross=20.5; order_value:GBP 10:00 orders=1; \
         order_value:GBP 10:00 sales=20.5; ordered 10:00 P1=2; ordered 10:00 S=1; ordered_value:GBP 10:00 P1=16; \
         ordered_value:GBP 10:00 S=4.5; orders 10:00 CREATED=1; sales:GBP 10:00 P1=16; \
         sales:GBP 10:00 S=4.5; units 10:00 P1=2; units 10:00 S=1",
    );
    check(event("Refunded Order", "{}"), "c1 e1 | refunds:GBP 10:00 (other)=20.5");
    check(
        event("Started Checkout", r#"{"Items":[{"ProductID":"P1","Quantity":2},{"SKU":"S"}]}"#),
        "c1 e1 | checkouts 10:00 P1=1; checkouts 10:00 S=1",
    );
    check(event("Ordered Product", "{}"), "i1 | ");
    check(event("Opened Email", "{}"), "i1 unknown:Opened Email=1 | ");
}

#[test]
fn klaviyo_track() {
    let event = |name: &str, properties: &str| {
        format!(
            r#"{{"token":"PK","event":"{name}","customer_properties":{{"$email":"a@example.com"}},"properties":{properties},"time":1795687200}}"#
        )
    };
    check(event("__activity__", r#"{"page":"/p"}"#), "c1 e1 | pages 10:00 /p=1");
    check(event("Viewed Product", r#"{"SKU":"S","ProductName":"Mug"}"#), "c1 e1 | views 10:00 S=1");
    check(
        event("Started Checkout", r#"{"$event_id":"c1","Items":[{"SKU":"S","Quantity":2}]}"#),
        "c1 e1 | checkouts 10:00 S=1",
    );
    let order = event(
        "Placed Order",
        r#"{"$event_id":"o1","$value":29.98,"$currency_code":"EUR","Items":[{"SKU":"S","Quantity":2}]}"#,
    );
    check(
        format!("{order}{order}"),
        "c1 d1 e1 |  | order_value:EUR 10:00 gross=29.98; order_value:EUR 10:00 orders=1; \
         order_value:EUR 10:00 sales=29.98; ordered 10:00 S=2; ordered_value:EUR 10:00 S=29.98; orders 10:00 CREATED=1; \
         sales:EUR 10:00 S=29.98; units 10:00 S=2",
    );
    check(event("Clicked", "{}"), "i1 unknown:Clicked=1 | ");
    // The site is its own, or that of an envelope.
    check(
        format!(
            r#"{{"schema":0,"site_id":"k","payload":{}}}"#,
            event("Viewed Page", r#"{"page":"/p"}"#)
        ),
        "c1 e1 | k pages 10:00 /p=1",
    );
}

#[test]
fn snowplow() {
    check(
        r#"{"app_id": "c17", "platform": "web", "etl_tstamp": "2026-11-26T10:00:05.000Z", "collector_tstamp": "2026-11-26T10:00:01.000Z", "dvce_created_tstamp": "2026-11-26T10:00:00.000Z", "derived_tstamp": "2026-11-26T10:00:00.500Z", "event": "page_view", "event_name": "page_view", "event_vendor": "com.snowplowanalytics.snowplow", "event_id": "9f1c", "domain_userid": "du1", "domain_sessionid": "ds1", "page_url": "https://shop.example/p/1", "page_urlpath": "/p/1"}
{"app_id": "c17", "platform": "web", "collector_tstamp": "2026-11-26T10:01:01.000Z", "derived_tstamp": "2026-11-26T10:01:00.500Z", "event": "unstruct", "event_name": "snowplow_ecommerce_action", "event_id": "9f1d", "domain_userid": "du1", "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1": {"type": "add_to_cart"}, "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1": [{"id": "P17", "price": 10, "currency": "USD", "quantity": 1}]}
{"app_id": "c17", "platform": "web", "collector_tstamp": "2026-11-26T10:02:01.000Z", "derived_tstamp": "2026-11-26T10:02:00.500Z", "event": "page_ping", "event_name": "page_ping", "event_id": "9f1e", "domain_userid": "du1", "page_url": "https://shop.example/p/1"}"#,
        "c2 i1 e2 | c17 carts 10:01 P17=1; c17 pages 10:00 https://shop.example/p/1=1",
    );
    let action = |action: &str, contexts: &str| {
        format!(
            r#"{{"collector_tstamp":"2026-11-26T10:01:01Z","site_id":"not this","event_name":"snowplow_ecommerce_action","unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1":{{"type":"{action}"}},{contexts}}}"#
        )
    };
    let products = r#""contexts_com_snowplowanalytics_snowplow_ecommerce_product_1":[{"id":"P","quantity":1},{"id":"Q","quantity":3}]"#;
    check(
        action(
            "transaction",
            &format!(
                r#""contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1":[{{"transaction_id":"t","revenue":20,"currency":"EUR"}}],{products}"#
            ),
        ),
        "c1 e1 |  | order_value:EUR 10:01 gross=20; order_value:EUR 10:01 orders=1; \
         order_value:EUR 10:01 sales=20; ordered 10:01 P=1; ordered 10:01 Q=3; ordered_value:EUR 10:01 P=5; \
         ordered_value:EUR 10:01 Q=15; orders 10:01 CREATED=1; sales:EUR 10:01 P=5; \
         sales:EUR 10:01 Q=15; units 10:01 P=1; units 10:01 Q=3",
    );
    check(
        action(
            "refund",
            r#""contexts_com_snowplowanalytics_snowplow_ecommerce_refund_1":[{"transaction_id":"t","refund_amount":"7","currency":"EUR"}]"#,
        ),
        "c1 e1 |  | refunds:EUR 10:01 (other)=7",
    );
    check(action("list_view", products), "i1 | ");
}

#[test]
fn thelook() {
    let event = |event_type: &str| {
        format!(
            r#"{{"id":9,"user_id":null,"sequence_number":3,"session_id":"s","created_at":"2026-11-26 10:00:00+00:00","ip_address":"::1","uri":"/department/men","event_type":"{event_type}"}}"#
        )
    };
    check(event("department"), "c1 e1 | pages 10:00 /department/men=1");
    check(event("purchase") + &event("cart") + &event("cancel"), "i3 | ");
    let sold = |status: &str, returned_at: &str| {
        format!(
            r#"{{"id":12,"order_id":7,"user_id":5,"product_id":14235,"inventory_item_id":31,"status":"{status}","created_at":"2026-11-26 10:00:00+00:00","shipped_at":null,"returned_at":{returned_at},"sale_price":0.02}}"#
        )
    };
    check(sold("Complete", "null"), "c1 e1 | sales:USD 10:00 14235=0.02; units 10:00 14235=1");
    check(sold("Cancelled", "null"), "i1 | ");
    let returned = sold("Returned", "\"2026-11-26 11:00:00+00:00\"");
    let counts = "refunds:USD 11:00 14235=0.02; sales:USD 10:00 14235=0.02; units 10:00 14235=1";
    check(&returned, &format!("c1 e1 | {counts}"));
    // Neither the sale nor the return counts twice, but those of two equal units do.
    check(format!("{returned}\n{returned}"), &format!("c1 d1 e1 | {counts}"));
    let other = returned.replace("\"id\":12", "\"id\":13");
    let counts = "refunds:USD 11:00 14235=0.04; sales:USD 10:00 14235=0.04; units 10:00 14235=2";
    check(format!("{returned}\n{other}"), &format!("c2 e2 | {counts}"));
}

#[test]
fn amplitude_export() {
    let event = |event_type: &str, members: &str| {
        format!(
            r#"{{"amplitude_id":1,"event_type":"{event_type}","event_time":"2026-11-26 10:00:00.123000","device_id":"d","session_id":-1,"$insert_id":"i-{event_type}","uuid":"u",{members}}}"#
        )
    };
    let viewed =
        event("Product Viewed", r#""event_properties":{"product_id":"P"},"data":{"path":"/x"}"#);
    check(format!("{viewed}\n{viewed}"), "c1 d1 e1 | views 10:00 P=1");
    check(
        event(
            "Order Completed",
            r#""event_properties":{"products":[{"sku":"S","price":3,"quantity":2}],"currency":"EUR"}"#,
        ),
        "c1 e1 | sales:EUR 10:00 S=6; units 10:00 S=2",
    );
    check(event("session_start", r#""event_properties":{}"#), "i1 | ");
}

#[test]
fn amplitude_http_api() {
    check(
        r#"{"api_key":"k","site_id":"a","events":[
            {"user_id":"u","event_type":"Product Viewed","time":1795687200000,"event_properties":{"product_id":"P"},"insert_id":"1"},
            {"user_id":"u","event_type":"purchase","time":1795687200000,"productId":"P","price":4,"quantity":2,"revenue":8,"insert_id":"2"},
            {"user_id":"u","event_type":"purchase","time":1795687200000,"productId":"P","price":4,"insert_id":"2"},
            7,
            {"event_type":"watch_tutorial"},
            {"event_type":"view","productId":"P"}]}"#,
        "c2 i1 d1 e2 invalid:events@1.4 missing:timestamp@1.6 unknown:watch_tutorial=1 | \
         a sales:USD 10:00 P=8; a units 10:00 P=2; a views 10:00 P=1",
    );
    // Its elements inherit nothing.
    check(
        r#"{"api_key":"k","time":1795687200000,"event_id":"x","events":[{"event_type":"view","productId":"P","site_id":"b"}]}"#,
        "missing:timestamp@1.1 | ",
    );
}
