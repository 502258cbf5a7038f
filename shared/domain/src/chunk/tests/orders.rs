//! Events about orders: every row of `docs/EVENTS.md` about them.

mod checkouts;
mod purchases;
mod refunds;

use crate::chunk::tests::support::check_notes;
use crate::chunk::{ChunkCount, ChunkError, ChunkReader, ChunkSettings};
use crate::count::measure::Currency;
use crate::count::secret::VisitorSecret;
use crate::plan::PlanInputs;

const AT: &str = r#""timestamp":"2026-11-20T23:07:31.123Z""#;

fn read(text: &str) -> ChunkCount {
    let inputs = PlanInputs {
        default_currency: Currency::parse(b"EUR").unwrap(),
        ..PlanInputs::with_defaults("2026-11-20T23:30:00Z".parse().unwrap())
    };
    let mut reader = ChunkReader::new(&ChunkSettings {
        inputs,
        secret: VisitorSecret::NONE,
        sites: Default::default(),
        size_bytes: text.len() as u64,
    });
    reader.push(text.as_bytes()).unwrap();
    reader.finish().unwrap()
}

/// An event of this type about order 7.
fn event(kind: &str, members: &str) -> String {
    format!(r#"{{"eventType":"{kind}",{AT},"orderId":7{members}}}"#)
}

fn created(members: &str) -> String {
    event("OrderCreatedEvent", members)
}

/// The facts of the only order.
fn facts(line: &str) -> crate::order::facts::OrderFacts {
    let count = read(line);
    assert_eq!(count.outcomes.counted, 1, "{line}: {}", String::from_utf8_lossy(&count.rejected));
    assert!(count.tally.is_empty());
    count.orders.iter().next().unwrap().1.clone()
}

/// `status currency value product=units/money …` of a created order.
fn check_created(members: &str, expected: &str) {
    let facts = facts(&created(members));
    let creation = facts.created.unwrap();
    let products: Vec<_> =
        creation.products.iter().map(|p| format!(" {}={}/{}", p.name, p.units, p.money)).collect();
    let status = facts.stage.unwrap().status;
    let found = format!("{status} {} {}{}", creation.currency, creation.value, products.concat());
    assert_eq!(found, expected, "{members}");
}

fn check_rejected(line: &str, reason: &str) {
    let count = read(line);
    let reasons: Vec<String> = count.outcomes.rejected.keys().map(ToString::to_string).collect();
    assert_eq!(reasons, [reason], "{line}");
    assert!(count.orders.is_empty());
}

#[test]
fn a_creation_event_gives_an_order_its_values() {
    check_created(r#","totalAmount":12.5"#, "CREATED EUR 12.5");
    check_created(
        r#","total_amount":"12.50","status":"PENDING","currency":"usd""#,
        "PENDING USD 12.5",
    );
    check_created(r#","totalPrice":0,"status":"","currency":null"#, "CREATED EUR 0");
    let items = r#","items":[{"productName":"b","quantity":2,"unitPrice":1.25,"totalPrice":2},
        {"productName":"a","price":"0.5","quantity":3},{"productName":"b"},{"productName":7,"price":1}]"#
        .replace('\n', "");
    check_created(&format!(r#","totalAmount":99{items}"#), "CREATED EUR 99 7=1/1 a=3/1.5 b=3/2");
    // The total of the order is not taken from an item, nor that of an item from the order.
    check_created(r#","totalAmount":5,"products":[{"productName":"a"}]"#, "CREATED EUR 5 a=1/0");
    check_created(r#","totalAmount":5,"items":[]"#, "CREATED EUR 5");
}

#[test]
fn the_value_of_an_order_without_a_total_is_that_of_its_items() {
    check_created(
        r#","items":[{"productName":"a","unitPrice":2},{"productName":"b","totalPrice":3}]"#,
        "CREATED EUR 5 a=1/2 b=1/3",
    );
    check_created(r#","items":[{"productName":"a","unitPrice":0}]"#, "CREATED EUR 0 a=1/0");
    check_rejected(&created(""), "missing:total_amount");
    check_rejected(&created(r#","items":[]"#), "missing:total_amount");
    check_rejected(
        &created(r#","items":[{"productName":"a","unitPrice":2},{"productName":"b"}]"#),
        "missing:total_amount",
    );
    let two = r#"{"productName":"a","totalPrice":1e12}"#;
    check_rejected(&created(&format!(r#","items":[{two},{two}]"#)), "invalid:total_amount");
}

#[test]
fn customer_and_number_of_an_order_are_kept_as_written() {
    let creation = facts(&created(r#","totalAmount":1,"userId":12,"orderNumber":"ORD-\u00e4""#))
        .created
        .unwrap();
    assert_eq!(
        (creation.customer.as_deref(), creation.number.as_deref()),
        (Some("12"), Some("ORD-ä"))
    );
}

#[test]
fn changes_and_cancellations_update_the_order() {
    let changed = facts(&event(
        "OrderStatusChangedEvent",
        r#","previousStatus":"CREATED","newStatus":"PAID","status":"x""#,
    ));
    assert_eq!((changed.created, changed.stage.unwrap().status.as_str()), (None, "PAID"));
    let cancelled = facts(&event("OrderCancelledEvent", r#","refundAmount":"7.25","status":"x""#));
    assert_eq!(cancelled.stage.unwrap().status, "CANCELLED");
    assert_eq!(cancelled.cancelled.unwrap().refund.unwrap().to_string(), "7.25");
    assert_eq!(facts(&event("OrderCancelledEvent", "")).cancelled.unwrap().refund, None);
}

#[test]
fn times_are_kept_to_the_nanosecond_in_every_form() {
    for (time, expected) in [
        (r#""2026-11-20T23:07:31.123456789Z""#, "2026-11-20T23:07:31.123456789Z"),
        (r#""2026-11-20 23:07:31""#, "2026-11-20T23:07:31Z"),
        (r#""1795216051.5""#, "2026-11-20T23:07:31.500Z"),
        ("1795216051123", "2026-11-20T23:07:31.123Z"),
        ("[2026,11,20,23,7,31,123456789]", "2026-11-20T23:07:31.123456789Z"),
        ("[ 2026 , 11 , 20 , 23 , 7 , 31 ]", "2026-11-20T23:07:31Z"),
        ("[2026,11,20,23,7]", "2026-11-20T23:07:00Z"),
    ] {
        let line = created(r#","totalAmount":1"#).replace(AT, &format!(r#""timestamp":{time}"#));
        let at = facts(&line).created.unwrap().at;
        assert_eq!(at, expected.parse::<chrono::DateTime<chrono::Utc>>().unwrap(), "{time}");
    }
    for time in [
        "[2026,11,20,23]",
        "[2026,11,20,23,7,31,0,0]",
        "[2026,11,20,23,7,31,1000000000]",
        "[2026,11,20,23,60]",
        "[2026,11,20,24,0]",
        "[2026,2,29,0,0]",
        "[2026,0,1,0,0]",
        "[1969,12,31,23,59]",
        "[2026,11,20,23,7.0]",
        "[2026,11,20,23,\"7\"]",
        "[2026,-11,20,23,7]",
        "[]",
        "{}",
    ] {
        let line = created(r#","totalAmount":1"#).replace(AT, &format!(r#""timestamp":{time}"#));
        check_rejected(&line, "invalid:timestamp");
    }
    for time in ["[2026,11,20,23,40,1]", "[10000,1,1,0,0]"] {
        let line = created(r#","totalAmount":1"#).replace(AT, &format!(r#""timestamp":{time}"#));
        check_rejected(&line, if time.starts_with("[1") { "invalid:timestamp" } else { "future" });
    }
    // Any event may have a time in this form.
    let view = read(r#"{"event":"view","ts":[2026,11,20,23,7,31,5],"sku":"a"}"#);
    assert_eq!(format!("{:?}", view.tally).trim_end(), "default 2026-11-20T23:07:00Z views a=1");
}

#[test]
fn an_invalid_field_rejects_the_line_with_its_name() {
    let name = "x".repeat(257);
    for (members, reason) in [
        (r#","totalAmount":-1"#.to_string(), "invalid:total_amount"),
        (r#","totalAmount":"x""#.to_string(), "invalid:total_amount"),
        (r#","totalAmount":1,"items":[1]"#.to_string(), "invalid:items"),
        (r#","totalAmount":1,"items":[{"quantity":1}]"#.to_string(), "missing:item_name"),
        (r#","totalAmount":1,"items":[{"productName":[]}]"#.to_string(), "invalid:item_name"),
        (format!(r#","totalAmount":1,"items":[{{"productName":"{name}"}}]"#), "invalid:item_name"),
        (
            r#","totalAmount":1,"items":[{"productName":"a","quantity":"x"}]"#.to_string(),
            "invalid:quantity",
        ),
        (
            r#","totalAmount":1,"items":[{"productName":"a","unitPrice":"x"}]"#.to_string(),
            "invalid:price",
        ),
        (
            r#","totalAmount":1,"items":[{"productName":"a","totalPrice":"x"}]"#.to_string(),
            "invalid:total_amount",
        ),
        (
            r#","totalAmount":1,"items":[{"productName":"a","price":1e12,"quantity":2}]"#
                .to_string(),
            "invalid:total_amount",
        ),
    ] {
        check_rejected(&created(&members), reason);
    }
    check_rejected(&event("OrderStatusChangedEvent", r#","status":"PAID""#), "missing:newStatus");
    check_rejected(&event("OrderStatusChangedEvent", r#","newStatus":true"#), "invalid:newStatus");
    check_rejected(&event("OrderCancelledEvent", r#","refundAmount":{}"#), "invalid:refundAmount");
    for kind in ["OrderCreatedEvent", "OrderStatusChangedEvent", "OrderCancelledEvent"] {
        check_rejected(&format!(r#"{{"type":"{kind}",{AT}}}"#), "missing:order_id");
        check_rejected(&format!(r#"{{"type":"{kind}",{AT},"orderId":1.5}}"#), "invalid:order_id");
        check_rejected(&format!(r#"{{"type":"{kind}","orderId":1}}"#), "missing:timestamp");
    }
}

#[test]
fn an_order_does_without_what_it_does_not_need() {
    let long = "x".repeat(65);
    for (members, dropped) in [
        (r#","status":5"#.to_string(), "status=1"),
        (format!(r#","status":"{long}""#), "status=1"),
        (r#","orderNumber":1.5"#.to_string(), "orderNumber=1"),
        (r#","currency":"x""#.to_string(), "currency=1"),
        (r#","userId":{},"session":[1]"#.to_string(), "customer_id=1, session_id=1"),
        (r#","items":[{"productName":"a","currency":1}]"#.to_string(), "currency=1"),
    ] {
        check_notes(&created(&format!(r#","totalAmount":1{members}"#)), dropped);
    }
    check_created(r#","totalAmount":1,"status":5,"currency":"x""#, "CREATED EUR 1");
}

#[test]
fn a_discount_lowers_its_order() {
    let shirt = r#"{"productName":"shirt","price":20,"quantity":2}"#;
    for discount in [r#""price":-5"#, r#""total_amount":-5"#, r#""price":5,"quantity":-1"#] {
        let items = format!(r#","items":[{shirt},{{"productName":"off",{discount}}}]"#);
        check_created(&items, "CREATED EUR 35 shirt=2/40");
    }
    check_rejected(
        &created(r#","items":[{"productName":"off","price":-5}]"#),
        "invalid:total_amount",
    );
    let cancelled = facts(&event("OrderCancelledEvent", r#","refundAmount":"-$3""#));
    assert_eq!(cancelled.cancelled.unwrap().refund.unwrap().to_string(), "3");
}

#[test]
fn the_page_location_of_an_order_is_its_page_unless_it_has_items() {
    let cancelled = |members: &str| event("OrderCancelledEvent", members);
    check_notes(&cancelled(r#","page_location":{}"#), "page_url=1");
    check_notes(&cancelled(r##","page_location":"#top""##), "page_url=1");
    check_notes(&cancelled(r#","page_location":{},"page_url":"/checkout""#), "");
    check_notes(&cancelled(r#","page_location":{},"items":[1]"#), "");
}

#[test]
fn the_number_of_items_of_an_order_is_limited() {
    let items = |count: usize| {
        format!(r#","totalAmount":1,"items":[{}]"#, vec![r#"{"productName":"a"}"#; count].join(","))
    };
    check_created(&items(crate::order::facts::ORDER_ITEMS_MAX), "CREATED EUR 1 a=500/0");
    check_rejected(&created(&items(crate::order::facts::ORDER_ITEMS_MAX + 1)), "invalid:items");
}

#[test]
fn the_size_of_the_names_of_products_is_limited() {
    let of = |last: &str| {
        let names = (0..320).map(|number| format!("{number:0>256}")).chain([last.to_string()]);
        let items: Vec<String> =
            names.map(|name| format!(r#"{{"productName":"{name}"}}"#)).collect();
        created(&format!(r#","totalAmount":1,"items":[{}]"#, items.join(",")))
    };
    check_rejected(&of("a"), "invalid:items");
    let again = read(&of(&format!("{:0>256}", 7)));
    assert_eq!((again.outcomes.counted, again.outcomes.rejected_total()), (1, 0));
}

#[test]
fn events_of_an_order_are_merged_in_any_order_within_their_site() {
    let lines = [
        created(r#","totalAmount":9,"userId":"u""#),
        event("OrderStatusChangedEvent", r#","newStatus":"PAID""#).replace("31.123", "32"),
        event("OrderStatusChangedEvent", r#","newStatus":"SHIPPED""#).replace("31.123", "33.5"),
        event("OrderCreatedEvent", r#","totalAmount":1,"site_id":"s""#),
    ];
    let forward = read(&lines.join("\n"));
    let backward =
        read(&lines.iter().rev().chain(&lines).map(String::as_str).collect::<Vec<_>>().join("\n"));
    assert_eq!(forward.orders, backward.orders);
    assert_eq!((forward.outcomes.counted, forward.outcomes.events), (4, 4));
    let known: Vec<_> = forward
        .orders
        .iter()
        .map(|(order, facts)| {
            let status = facts.contribution().placed.unwrap().status;
            format!("{} {} {status}", order.site, order.id)
        })
        .collect();
    assert_eq!(known, ["default 7 SHIPPED", "s 7 CREATED"]);
}

#[test]
fn a_copy_with_an_event_id_is_a_duplicate_and_one_without_changes_nothing() {
    let line = created(r#","totalAmount":9,"event_id":"e""#);
    let view = format!(r#"{{"event":"view",{AT},"sku":1,"event_id":"e"}}"#);
    let outcomes = read(&[line.as_str(), &line, &view].join("\n")).outcomes;
    assert_eq!((outcomes.counted, outcomes.duplicate), (1, 2));
    let copied = read(&[created(r#","totalAmount":9"#), created(r#","totalAmount":9"#)].join("\n"));
    assert_eq!((copied.outcomes.counted, copied.orders.len()), (2, 1));
}

#[test]
fn a_line_of_many_events_may_be_about_many_orders() {
    let line = format!(
        r#"{{{AT},"event_id":"l","userId":"u","events":[{{"type":"OrderCreatedEvent","orderId":1,"totalAmount":2}},{{"type":"view","sku":"a"}},{{"type":"OrderCancelledEvent","orderId":2}}]}}"#
    );
    let count = read(&format!("{line}\n{line}"));
    assert_eq!(
        (count.outcomes.counted, count.outcomes.duplicate, count.outcomes.events),
        (3, 3, 3)
    );
    assert_eq!(count.orders.len(), 2);
    assert_eq!(format!("{:?}", count.tally).trim_end(), "default 2026-11-20T23:07:00Z views a=1");
    // A line with only orders is a duplicate too.
    let orders = r#"{"event_id":"l","type":"OrderCancelledEvent","ts":1,"events":[{"orderId":2}]}"#;
    assert_eq!(read(&format!("{orders}\n{orders}")).outcomes.duplicate, 1);
}

#[test]
fn a_chunk_of_more_orders_than_fit_into_memory_is_an_error() {
    let items: Vec<String> =
        (0..320).map(|place| format!(r#"{{"productName":"{place:0>256}"}}"#)).collect();
    let members = format!(r#","totalAmount":1,"items":[{}]"#, items.join(","));
    let inputs = PlanInputs {
        default_currency: Currency::parse(b"EUR").unwrap(),
        ..PlanInputs::with_defaults("2026-11-20T23:30:00Z".parse().unwrap())
    };
    let mut reader = ChunkReader::new(&ChunkSettings {
        inputs,
        secret: VisitorSecret::NONE,
        sites: Default::default(),
        size_bytes: u64::MAX,
    });
    let taken = (0..2_000).take_while(|order| {
        let line =
            created(&members).replace(r#""orderId":7"#, &format!(r#""orderId":{order}"#)) + "\n";
        reader.push(line.as_bytes()).is_ok()
    });
    // Each takes slightly more than its names.
    assert!((1_100..1_638).contains(&taken.count()));
    assert_eq!(reader.finish().err(), Some(ChunkError::TooManyOrders));
}

#[test]
fn the_customer_of_an_order_is_a_visitor() {
    let line = created(r#","totalAmount":9,"userId":"u""#);
    let visitors = read(&line).visitors;
    let counts: Vec<u64> =
        visitors.minutes().map(|(_, _, visitors)| visitors.counts().visitors).collect();
    assert_eq!(counts, [1]);
}
