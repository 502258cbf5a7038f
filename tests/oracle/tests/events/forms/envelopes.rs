//! Envelopes, and what they give.

use super::*;

fn connect(event: &str) -> String {
    format!(r#"{{"schema":{{"type":"struct"}},"payload":{event}}}"#)
}

#[test]
fn kafka_connect() {
    check(connect(VIEW), ONE_VIEW);
    check(connect(&text(VIEW)), ONE_VIEW);
    check(format!(r#"{{"SCHEMA":0,"site_id":"s","payload":{VIEW}}}"#), "c1 e1 | s views 10:07 1=1");
    // It is no envelope without both.
    check(format!(r#"{{"schema":null,"payload":{VIEW}}}"#), ONE_VIEW);
    check(format!(r#"{{"schema":1,"type":"view","payload":[{VIEW}]}}"#), "missing:timestamp@1 | ");
}

#[test]
fn debezium() {
    let change = |op: &str, after: &str| {
        format!(
            r#"{{"before":null,"after":{after},"source":{{"table":"events"}},"op":"{op}","ts_ms":1795687200000}}"#
        )
    };
    check(change("c", VIEW), ONE_VIEW);
    check(change("r", &text(VIEW)), ONE_VIEW);
    check(change("c", r#"{"event":"view","item_id":1}"#), "c1 e1 | views 10:00 1=1");
    for op in ["u", "d", "t"] {
        check(change(op, VIEW), "i1 | ");
    }
    check(change("c", "null"), "missing:event_type@1 | ");
    check(change("C", VIEW), "missing:event_type@1 | ");
    check(r#"{"op":"u","event":"view"}"#, "missing:timestamp@1 | ");
    // Within Kafka Connect's, and as MongoDB's connector writes it.
    check(connect(&change("c", VIEW)), ONE_VIEW);
    check(connect(&change("d", "null")), "i1 | ");
    let document = r#"{"_id":{"$oid":"1"},"event":"view","ts":{"$date":1795687200000},"item_id":{"$oid":"i"}}"#;
    check(connect(&change("c", &text(document))), "c1 e1 | views 10:00 i=1");
}

#[test]
fn cloud_events() {
    let event = |event_type: &str, data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"A1","source":"/shop","type":"{event_type}","time":"2026-11-26T10:04:00Z","data":{data}}}"#
        )
    };
    let own = r#"{"event_type":"purchase","site_id":"c42","item_id":42,"price":5}"#;
    check(
        event("com.example.shop.purchase", own),
        "c1 e1 | c42 sales:USD 10:04 42=5; c42 units 10:04 42=1",
    );
    check(event("view", r#"{"item_id":1}"#), "c1 e1 | views 10:04 1=1");
    check(event("shop.view", r#"{"item_id":1}"#), "i1 unknown:shop.view=1 | ");
    // A name is no type, unlike in `events`.
    check(
        r#"{"specversion":"1.0","time":"2026-11-26T10:04:00Z","data":{"name":"view","item_id":1}}"#,
        "missing:event_type@1 | ",
    );
    // Its id is that of the event, if that has none.
    let twice = format!("{0}\n{0}", event("view", r#"{"item_id":1}"#));
    check(twice, "c1 d1 e1 | views 10:04 1=1");
    let own_ids = [r#"{"item_id":1,"message_id":"1"}"#, r#"{"item_id":1,"message_id":"2"}"#];
    check(own_ids.map(|data| event("view", data)).join("\n"), "c2 e2 | views 10:04 1=2");
    // Events that are several inherit from the data only.
    check(
        event(
            "view",
            r#"{"events":[{"type":"view","item_id":1},{"ts":1795687200,"type":"cart","item_id":2}]}"#,
        ),
        "c1 e1 missing:timestamp@1.1 | carts 10:00 2=1",
    );
}

#[test]
fn event_bridge() {
    check(
        r#"{"version":"0","id":"6a7e","detail-type":"Product Viewed","source":"shop","account":"1","time":"2026-11-26T10:05:00Z","region":"us-east-1","resources":[],"detail":{"productId":"P"}}"#,
        "c1 e1 | views 10:05 P=1",
    );
}

#[test]
fn shopify_delivery() {
    let order = r#"{"id":5847392847,"created_at":"2026-11-26T05:00:00-05:00","currency":"USD","total_price":"60.00","line_items":[{"product_id":8061536829755,"sku":"VC-1","quantity":2,"price":"30.00"}]}"#;
    let delivery = format!(
        r#"{{"version":"0","id":"x","detail-type":"shopifyWebhook","source":"aws.partner/shopify.com/1/s","time":"2026-11-26T10:00:00Z","detail":{{"metadata":{{"X-Shopify-Topic":"orders/create"}},"payload":{order}}}}}"#
    );
    let counts = "order_value:USD 10:00 gross=60; order_value:USD 10:00 orders=1; \
                  ordered 10:00 8061536829755=2; ordered_value:USD 10:00 8061536829755=60; \
                  orders 10:00 CREATED=1";
    check(&delivery, &format!("c1 e1 |  | {counts}"));
    // An order is counted once, whatever way it comes.
    check(format!("{delivery}\n{order}"), &format!("c2 e2 |  | {counts}"));
    check(
        r#"{"metadata":{"X-Shopify-Topic":"x"},"payload":{"type":"view"}}"#,
        "missing:timestamp@1 | ",
    );
}

#[test]
fn dynamodb() {
    let item = r#"{"event":{"S":"purchase"},"ts":{"N":"1795687200"},"site_id":{"S":"d"},"price":{"N":"1.50"},"product":{"M":{"id":{"S":"P"}}},"page":{"NULL":true},"new":{"BOOL":true}}"#;
    let counts = "d sales:USD 10:00 P=1.5; d units 10:00 P=1";
    check(format!("{{\"Item\":{item}}}"), &format!("c1 e1 | {counts}"));
    let record = |name: &str, image: &str| {
        format!(
            r#"{{"eventID":"1","eventName":"{name}","eventSource":"aws:dynamodb","dynamodb":{{"ApproximateCreationDateTime":1795687260,"Keys":{{"id":{{"S":"1"}}}},"NewImage":{image}}}}}"#
        )
    };
    check(record("INSERT", item), &format!("c1 e1 | {counts}"));
    check(
        record("INSERT", &item.replace("\"ts\"", "\"x\"")),
        &format!("c1 e1 | {}", counts.replace("10:00", "10:01")),
    );
    check(record("MODIFY", item), "i1 | ");
    check(record("REMOVE", "null"), "i1 | ");
    check(
        r#"{"Item":{"event":{"S":"order_created"},"ts":{"N":"1795687200"},"order_id":{"S":"o"},"items":{"L":[{"M":{"name":{"S":"Mug"},"price":{"N":"7"}}},{"M":{"name":{"S":"Cup"},"price":{"N":"1"},"quantity":{"N":"2"}}}]}}}"#,
        "c1 e1 |  | order_value:USD 10:00 gross=9; order_value:USD 10:00 orders=1; \
         ordered 10:00 Cup=2; ordered 10:00 Mug=1; ordered_value:USD 10:00 Cup=2; \
         ordered_value:USD 10:00 Mug=7; orders 10:00 CREATED=1",
    );
    // What has a known type is an event with an item of its own.
    check(r#"{"event":"view","ts":"2026-11-26T10:07:31Z","Item":{"id":1}}"#, ONE_VIEW);
    // Texts in it hold JSON as elsewhere.
    check(
        format!(
            r#"{{"Item":{{"event":{{"S":"view"}},"ts":{{"S":"2026-11-26T10:07:31Z"}},"properties":{{"S":{}}}}}}}"#,
            text(r#"{"item_id":"1"}"#)
        ),
        ONE_VIEW,
    );
}

#[test]
fn four_envelopes_are_opened() {
    let mut nested = VIEW.to_owned();
    for _ in 0..4 {
        nested = connect(&nested);
        check(&nested, ONE_VIEW);
    }
    // The fifth is read by its names, and its payload is its properties.
    nested = connect(VIEW);
    for _ in 0..4 {
        nested = connect(&nested);
    }
    check(&nested, ONE_VIEW);
    check(connect(&nested), "missing:event_type@1 | ");
    // Even if it would be ignored.
    let mut change = r#"{"op":"d","source":1}"#.to_owned();
    for _ in 0..3 {
        change = connect(&change);
    }
    check(&change, "i1 | ");
    check(connect(&change), "missing:event_type@1 | ");
}

#[test]
fn the_innermost_envelope_gives_first() {
    let inner = r#"{"specversion":"1.0","site_id":"inner","time":"2026-11-26T10:01:00Z","data":{"item_id":1}}"#;
    let outer = format!(
        r#"{{"specversion":"1.0","site_id":"outer","type":"view","time":"2026-11-26T10:02:00Z","data":{inner}}}"#
    );
    check(outer, "c1 e1 | inner views 10:01 1=1");
}
