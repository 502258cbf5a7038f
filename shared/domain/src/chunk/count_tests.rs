//! Every row of `docs/EVENTS.md`, and that nothing depends on how the bytes arrive.

use proptest::prelude::*;

use super::*;
use crate::chunk::lines::LINE_BYTES_MAX;
use crate::count::measure::Currency;
use crate::count::visitors::Visitors;

const REFERENCE_TIME: &str = "2026-11-20T23:30:00Z";
const AT: &str = r#""timestamp":"2026-11-20T23:07:31.123Z""#;

fn settings(size_bytes: usize) -> ChunkSettings {
    ChunkSettings {
        inputs: PlanInputs {
            reference_time: REFERENCE_TIME.parse().unwrap(),
            default_currency: Currency::parse(b"EUR").unwrap(),
            minute_retention_days: 7,
        },
        size_bytes: size_bytes as u64,
    }
}

fn read(bytes: &[u8], push_bytes: usize) -> Result<ChunkCount, ChunkError> {
    let mut reader = ChunkReader::new(&settings(bytes.len()));
    let mut rejected = Vec::new();
    for piece in bytes.chunks(push_bytes) {
        reader.push(piece)?;
        if reader.rejected_bytes() > 100 {
            rejected.extend(reader.take_rejected());
            assert_eq!(reader.rejected_bytes(), 0);
        }
    }
    let mut count = reader.finish()?;
    rejected.append(&mut count.rejected);
    count.rejected = rejected;
    let Outcomes { lines, counted, ignored, duplicate, .. } = count.outcomes;
    assert_eq!(lines, counted + ignored + duplicate + count.outcomes.rejected_total());
    assert_eq!(count.tally.is_empty() && count.orders.is_empty(), count.outcomes.events == 0);
    Ok(count)
}

/// The count as text: what must be equal however the bytes arrive.
fn summary(count: &ChunkCount) -> String {
    let Outcomes { lines, counted, ignored, duplicate, rejected, events } = &count.outcomes;
    let rejected_lines = String::from_utf8_lossy(&count.rejected);
    let orders: String = count.orders.iter().map(|order| format!("{order:?}\n")).collect();
    format!(
        "{lines} lines, {counted} counted, {ignored} ignored, {duplicate} duplicate, {rejected:?}, {events} events\n{:?}{orders}{rejected_lines}",
        count.tally
    )
}

fn read_whole(text: &[u8]) -> ChunkCount {
    let whole = read(text, usize::MAX).unwrap();
    if text.len() < 5_000 {
        for push_bytes in [1, 7, 64] {
            assert_eq!(summary(&read(text, push_bytes).unwrap()), summary(&whole));
        }
    }
    whole
}

/// What lines count: each counter without its minute, where it is the usual one.
fn tally(text: &str) -> String {
    let count = read_whole(text.as_bytes());
    assert_eq!(
        count.outcomes.rejected_total(),
        0,
        "{text}: {}",
        String::from_utf8_lossy(&count.rejected)
    );
    format!("{:?}", count.tally)
        .replace(" 2026-11-20T23:07:00Z", "")
        .replace("default ", "")
        .trim_end()
        .replace('\n', "; ")
}

fn check_tally(text: &str, expected: &str) {
    assert_eq!(tally(text), expected, "{text}");
}

fn check_rejected(line: &str, reason: &str) {
    let count = read_whole(line.as_bytes());
    let reasons: Vec<_> =
        count.outcomes.rejected.iter().map(|(reason, lines)| format!("{reason} {lines}")).collect();
    assert_eq!(reasons, [format!("{reason} 1")], "{line}");
    assert!(count.tally.is_empty());
}

/// `counted/ignored/duplicate`.
fn check_outcomes(text: &str, expected: &str) {
    let Outcomes { counted, ignored, duplicate, .. } = read_whole(text.as_bytes()).outcomes;
    assert_eq!(format!("{counted}/{ignored}/{duplicate}"), expected, "{text}");
}

/// An event with these further members.
fn event(kind: &str, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"event_type":"{kind}",{AT}{comma}{members}}}"#)
}

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
            &["purchase", "transaction", "order", "orders", "Order Completed"],
            "units a=2; sales:EUR a=5",
        ),
        (&["refund", "Order Refunded"], "refunds:EUR a=5"),
        (&["session_start", "begin_checkout", "identify", "Cart Viewed", "Promotion Viewed"], ""),
    ] {
        for kind in kinds {
            check_tally(&event(kind, r#""item_id":"a","price":2.5,"quantity":2"#), expected);
        }
    }
}

#[test]
fn every_spelling_of_a_field_is_taken() {
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
            check_rejected(
                &event("view", &format!(r#""item_id":"a","{name}":1.5"#)),
                &format!("invalid:{field}"),
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
    check_tally(&event("view", r#""sku":"c","item_id":"a","item_id":null"#), "views c=1");
    check_tally(&event("view", r#""item\u005fid":"a""#), "views a=1");
    check_tally(&event("view", r#""items":[],"products":[{"sku":"a"}]"#), "views a=1");
    check_tally(&event("view", r#""items":{},"item_id":"a""#), "views a=1");
    check_rejected(&event("view", r#""item_id":true,"sku":"a""#), "invalid:item_id");
    check_rejected(r#"{"event":{"a":1},"type":"view"}"#, "invalid:event_type");
}

#[test]
fn missing_fields_are_looked_for_in_properties() {
    check_tally(
        r#"{"event":"Product Viewed","timestamp":"2026-11-20T23:07:31Z","properties":{"sku":"a","url":"/x"}}"#,
        "views a=1; pages =1 /x=1",
    );
    check_tally(&format!(r#"{{"properties":{{"event":"view",{AT},"sku":"a"}}}}"#), "views a=1");
    check_tally(&event("view", r#""sku":"own","properties":{"item_id":"theirs"}"#), "views own=1");
    check_tally(
        &event("view", r#""properties":{"sku":"x"},"properties":{"sku":"y"}"#),
        "views y=1",
    );
    check_tally(
        &event("view", r#""properties":{"products":[{"sku":"a"},{"properties":{"sku":"b"}}]}"#),
        "views a=1 b=1",
    );
    check_tally(&event("view", r#""sku":"a","properties":[{"event_id":1.5}]"#), "views a=1");
    check_rejected(&event("view", r#""properties":{"properties":{"sku":"x"}}"#), "missing:item_id");
    check_rejected(&event("view", r#""properties":{"sku":"x"},"properties":7"#), "missing:item_id");
    check_rejected(&event("view", r#""properties":{"events":[]}"#), "missing:item_id");
}

#[test]
fn params_are_properties_by_another_name() {
    check_tally(
        &event("view", r#""params":{"sku":"a","page_location":"/p?q"}"#),
        "views a=1; pages =1 /p=1",
    );
    check_tally(&event("view", r#""params":{"sku":"a"},"properties":{"sku":"b"}"#), "views b=1");
    check_tally(&event("view", r#""params":{"sku":"a"},"properties":[]"#), "views a=1");
    check_rejected(&event("view", r#""params":{"sku":"a"},"properties":{}"#), "missing:item_id");
}

#[test]
fn parameters_are_looked_into_behind_properties() {
    let with = |parameters: &str| event("view", &format!(r#""event_params":{parameters}"#));
    for value in [
        r#"{"string_value":"a"}"#,
        r#"{"int_value":"b","string_value":"a"}"#,
        r#"{"string_value":"","int_value":null,"float_value":[],"double_value":"\u0061"}"#,
    ] {
        check_tally(
            &with(&format!(
                r#"[{{"key":"title","value":{{}}}}, {{"value":{value}, "key":"sku"}}]"#
            )),
            "views a=1",
        );
    }
    check_tally(
        &with(r#"[1,{"key":"\u0073ku","value":{"int_value":2}},{"key":"sku","value":7},{}]"#),
        "views 2=1",
    );
    check_tally(
        &with(
            r#"[{"key":"path","value":{"string_value":"/a"}},{"key":"aid","value":{"int_value":3}}]"#,
        ),
        "views 3=1; pages =1 /a=1",
    );
    check_tally(
        &event(
            "view",
            r#""properties":{"sku":"a"},"event_params":[{"key":"sku","value":{"int_value":1}}]"#,
        ),
        "views a=1",
    );
    for nothing in [
        r#"[{"key":"sku","value":{"int_value":1}},{"key":"sku","value":{"int_value":null}}]"#,
        r#"[{"key":"items","value":{"string_value":[{"sku":1}]}}]"#,
        r#"[{"key":"sku","value":{"int_value":true}}]"#,
        r#"{"key":"sku","value":{"int_value":1}}"#,
    ] {
        check_rejected(&with(nothing), "missing:item_id");
    }
    // Nothing is left of the line before.
    let lines =
        [with(r#"[{"key":"sku","value":{"int_value":1}}]"#), event("view", r#""page":"/x""#)]
            .join("\n");
    check_tally(&lines, "views 1=1; pages /x=1");
}

#[test]
fn the_location_of_an_event_with_items_is_no_view_of_the_page() {
    check_tally(&event("view", r#""page_location":"/p","items":[{"sku":"a"}]"#), "views a=1");
    check_tally(&event("view", r#""page_location":"/p","items":[]"#), "pages /p=1");
    check_tally(
        &event("view", r#""page_location":"/p","url":"/u","items":[{"sku":"a"}]"#),
        "views a=1; pages =1 /u=1",
    );
    check_rejected(&event("view", r#""page_location":7"#), "invalid:page_url");
}

#[test]
fn an_element_of_events_may_have_its_type_as_its_name() {
    let line = |members: &str| format!(r#"{{{AT},{members}}}"#);
    check_tally(
        &line(r#""events":[{"name":"view","params":{"sku":"a"}},{"name":"scroll"}]"#),
        "views a=1",
    );
    check_tally(&line(r#""type":"view","events":[{"name":"Shoe","sku":"a"}]"#), "views a=1");
    check_rejected(&line(r#""events":[{"name":"Shoe","sku":"a"}]"#), "unknown_type");
    check_rejected(&line(r#""name":"view","events":[{"sku":"a"}]"#), "missing:event_type");
    check_rejected(&line(r#""name":"view","sku":"a""#), "missing:event_type");
}

#[test]
fn an_event_with_items_counts_each_of_them() {
    check_tally(
        &event(
            "purchase",
            r#""currency":"usd","price":100,"items":[{"sku":"a","price":1.5,"quantity":2},{"sku":"b"},{"sku":"c","total_amount":"7","currency":"gbp"},{"sku":"a","price":1}]"#,
        ),
        "units a=3 b=1 c=1; sales:GBP c=7; sales:USD a=4",
    );
    check_tally(
        &event("view", r#""page":"/p","items":[{"sku":"a"},{"sku":"a"}]"#),
        "views a=2; pages =1 /p=1",
    );
    // The event's own item is not looked at.
    check_tally(&event("cart", r#""item_id":1.5,"price":"x","items":[{"sku":"a"}]"#), "carts a=1");
    check_rejected(&event("view", r#""page":"/p","items":[{"price":1}]"#), "missing:item_id");
    check_rejected(&event("view", r#""items":[{"sku":"a"},7]"#), "invalid:items");
    check_rejected(&event("view", r#""items":[{"sku":"a"},null]"#), "invalid:items");
    check_rejected(&event("view", r#""items":[{"sku":1.5},7]"#), "invalid:item_id");
    check_rejected(&event("view", r#""items":[{"currency":"x","sku":1.5}]"#), "invalid:currency");
}

#[test]
fn a_line_with_events_is_many_events() {
    check_tally(
        r#"{"session":7,"events":[{"aid":1,"ts":1795216051000,"type":"clicks"},{"aid":1,"ts":1795216051000,"type":"carts"},{"aid":2,"ts":1795216111000,"type":"orders"}]}"#,
        "views 1=1; carts 1=1; 2026-11-20T23:08:00Z units 2=1",
    );
    // Each inherits, field by field, what it lacks.
    check_tally(
        &format!(
            r#"{{"event":"view",{AT},"sku":"a","app_id":"s","properties":{{"url":"/p"}},"events":[{{}},{{"sku":"b"}},{{"properties":{{"item_id":"c","site_id":"t"}}}}]}}"#
        ),
        "s views a=1 b=1; s pages =2 /p=2; t views c=1; t pages =1 /p=1",
    );
    check_tally(
        &format!(
            r#"{{"event":"view",{AT},"items":[{{"sku":"a"}}],"events":[{{}},{{"items":[{{"sku":"b"}}]}}]}}"#
        ),
        "views a=1 b=1",
    );
    check_rejected(
        &format!(r#"{{"event":"view",{AT},"sku":"a","events":[{{}},7]}}"#),
        "invalid:events",
    );
    check_rejected(
        &format!(r#"{{"event":"view",{AT},"sku":"a","events":[{{"sku":[]}},7]}}"#),
        "invalid:item_id",
    );
    check_rejected(
        &format!(
            r#"{{"event":"view",{AT},"sku":"a","events":[{{}},{{"type":"x"}},{{"event":"x"}}]}}"#
        ),
        "unknown_type",
    );
    // Only at the top of a line, and only an array.
    check_tally(&event("view", r#""sku":"a","events":{"a":1}"#), "views a=1");
    check_tally(
        &format!(r#"{{"events":[{{"event":"view",{AT},"sku":"a","events":[1]}}]}}"#),
        "views a=1",
    );
    check_outcomes(&event("x", r#""events":[]"#), "0/1/0");
    check_outcomes(&event("x", r#""events":[ ]"#), "0/1/0");
}

#[test]
fn a_view_needs_an_item_or_a_page_and_other_types_an_item() {
    check_tally(&event("view", r#""item_id":"a","page":"/p""#), "views a=1; pages =1 /p=1");
    check_tally(&event("view", r#""page":"/p""#), "pages /p=1");
    check_tally(&event("cart", r#""item_id":"a","page":"/p""#), "carts a=1");
    check_rejected(&event("view", ""), "missing:item_id");
    for kind in ["cart", "remove_from_cart", "purchase", "refund"] {
        check_rejected(&event(kind, r#""page":"/p""#), "missing:item_id");
    }
}

#[test]
fn money_is_the_total_or_price_times_quantity() {
    for (members, expected) in [
        (r#""price":19.99"#, "units a=1; sales:EUR a=19.99"),
        (r#""price":19.99,"quantity":3"#, "units a=3; sales:EUR a=59.97"),
        (r#""price":0.000001,"quantity":0.000001"#, "units a=0.000001; sales:EUR a=0.000000000001"),
        (r#""price":0.1,"quantity":2.5,"currency":"uSd""#, "units a=2.5; sales:USD a=0.25"),
        (r#""price":1,"quantity":2,"total_amount":"7.125""#, "units a=2; sales:EUR a=7.125"),
        (r#""price":1000000000000"#, "units a=1; sales:EUR a=1000000000000"),
        (
            r#""price":1000000000000,"quantity":1000000000000,"total_amount":1"#,
            "units a=1000000000000; sales:EUR a=1",
        ),
        (r#""price":1e6,"quantity":"1e6""#, "units a=1000000; sales:EUR a=1000000000000"),
        (r#""quantity":4"#, "units a=4"),
        ("", "units a=1"),
        (r#""price":0"#, "units a=1"),
        (r#""price":5,"quantity":0"#, ""),
        (r#""total_amount":0,"price":5"#, "units a=1"),
        (r#""price":null,"quantity":"","total_amount":null,"currency":"""#, "units a=1"),
        (r#""price":"1.5000000000000","quantity":"-0.0""#, ""),
    ] {
        let comma = if members.is_empty() { "" } else { "," };
        check_tally(&event("purchase", &format!(r#""sku":"a"{comma}{members}"#)), expected);
    }
    check_tally(&event("refund", r#""sku":"a","price":2,"quantity":3"#), "refunds:EUR a=6");
    check_tally(&event("refund", r#""sku":"a","total_amount":1.5"#), "refunds:EUR a=1.5");
    check_outcomes(&event("refund", r#""sku":"a","quantity":2"#), "0/1/0");
    check_outcomes(&event("refund", r#""sku":"a","price":0"#), "0/1/0");
    check_outcomes(&event("purchase", r#""sku":"a","price":1,"quantity":0"#), "0/1/0");
}

#[test]
fn a_product_that_is_too_large_matters_only_where_it_is_money() {
    let members = r#""sku":"a","price":1000000,"quantity":1000000.000001"#;
    check_rejected(&event("purchase", members), "invalid:total_amount");
    check_rejected(&event("refund", members), "invalid:total_amount");
    check_tally(&event("cart", members), "carts a=1");
    check_tally(&event("view", members), "views a=1");
    check_tally(&event("refund", &format!(r#"{members},"total_amount":3"#)), "refunds:EUR a=3");
}

#[test]
fn numbers_out_of_range_are_invalid() {
    for field in ["price", "quantity", "total_amount"] {
        for value in [
            "-1",
            "-0.000001",
            "1000000000000.000001",
            "1000000000001",
            "1e13",
            "0.0000001",
            "1.0000001",
            "true",
            "[]",
            "{}",
            r#""abc""#,
            r#"" 1""#,
            r#""1,5""#,
            r#""+1""#,
            r#""01""#,
            r#""1.""#,
            r#"".5""#,
            r#""1 ""#,
            r#""-1""#,
            r#""0x1""#,
        ] {
            for kind in ["purchase", "view"] {
                check_rejected(
                    &event(kind, &format!(r#""sku":"a","{field}":{value}"#)),
                    &format!("invalid:{field}"),
                );
            }
        }
        for value in [
            "0",
            "-0",
            "1e12",
            "0.000001",
            "1.50000000000000000000000000000000000000000",
            r#""\u0031""#,
            "0e99999999999",
            "10e-1",
        ] {
            read_taken(&event("purchase", &format!(r#""sku":"a","{field}":{value}"#)));
        }
    }
}

fn read_taken(line: &str) {
    assert_eq!(read_whole(line.as_bytes()).outcomes.rejected_total(), 0, "{line}");
}

#[test]
fn ids_are_texts_up_to_256_bytes_or_integers() {
    let longest = "ä".repeat(128);
    check_tally(&event("view", &format!(r#""sku":"{longest}""#)), &format!("views {longest}=1"));
    check_tally(
        &event("view", &format!(r#""sku":"{}""#, r"\u00e4".repeat(128))),
        &format!("views {longest}=1"),
    );
    check_tally(
        &event("view", r#""sku":12345678901234567890123"#),
        "views 12345678901234567890123=1",
    );
    check_tally(&event("view", r#""sku":-0"#), "views -0=1");
    check_tally(&event("view", r#""sku":7,"item_id":"7""#), "views 7=1");
    check_tally(&event("view", r#""sku":"a\/b\"""#), "views a/b\"=1");
    for field in ["item_id", "event_id", "customer_id", "session_id", "order_id"] {
        for value in [
            format!(r#""{longest}x""#),
            format!(r#""{}""#, r"\u00e4".repeat(129)),
            "1.0".into(),
            "1e3".into(),
            "true".into(),
            "[1]".into(),
            "{}".into(),
            "1".repeat(257),
        ] {
            check_rejected(
                &event("view", &format!(r#""page":"/p","{field}":{value}"#)),
                &format!("invalid:{field}"),
            );
        }
    }
}

#[test]
fn sites_are_short_and_plain() {
    let longest = "s".repeat(64);
    for (value, site) in [
        (r#""A-z0.9_:""#, "A-z0.9_: "),
        ("12", "12 "),
        ("-5", "-5 "),
        (r#""default""#, ""),
        (r#""\u0073""#, "s "),
        ("null", ""),
        (r#""""#, ""),
        (&format!("\"{longest}\""), &format!("{longest} ")),
    ] {
        check_tally(
            &event("view", &format!(r#""sku":"a","site_id":{value}"#)),
            &format!("{site}views a=1"),
        );
    }
    for value in [
        format!("\"{longest}s\""),
        "\"a b\"".into(),
        "\"ä\"".into(),
        "\"a/b\"".into(),
        "1.5".into(),
        "false".into(),
        "1".repeat(65),
    ] {
        check_rejected(
            &event("view", &format!(r#""sku":"a","site_id":{value}"#)),
            "invalid:site_id",
        );
    }
}

#[test]
fn pages_are_cut_before_query_and_fragment() {
    let long = "p".repeat(256);
    for (value, page) in [
        ("/a?b=1#c", "/a"),
        ("/a#c?d", "/a"),
        (r"/a\u003fb", "/a"),
        ("https://x.test/ä", "https://x.test/ä"),
        (&format!("{long}?{long}"), &long),
    ] {
        check_tally(&event("view", &format!(r#""url":"{value}""#)), &format!("pages {page}=1"));
    }
    for value in [r#""?a""#, r##""#a""##, "7", "true", "[]", &format!("\"{long}p\"")] {
        check_rejected(&event("view", &format!(r#""sku":"a","url":{value}"#)), "invalid:page_url");
        check_rejected(
            &event("purchase", &format!(r#""sku":"a","url":{value}"#)),
            "invalid:page_url",
        );
    }
}

#[test]
fn currencies_are_three_letters() {
    check_tally(
        &event("purchase", r#""sku":"a","price":1,"currency":"gBp""#),
        "units a=1; sales:GBP a=1",
    );
    for value in [r#""US""#, r#""USDT""#, r#""U5D""#, "840", "[]", r#"" USD""#, r#""€""#] {
        check_rejected(
            &event("view", &format!(r#""sku":"a","currency":{value}"#)),
            "invalid:currency",
        );
    }
}

#[test]
fn times_are_taken_up_to_ten_minutes_ahead() {
    let line = |time: &str| format!(r#"{{"event":"view","ts":{time},"sku":"a"}}"#);
    check_tally(&line(r#""2026-11-20T23:40:00.999Z""#), "2026-11-20T23:40:00Z views a=1");
    check_rejected(&line(r#""2026-11-20T23:40:01Z""#), "future");
    check_rejected(&line("4102444800"), "future");
    check_tally(
        &line(r#""1970-01-01""#).replace("01-01\"", "01-01 00:00\""),
        "1970-01-01T00:00:00Z views a=1",
    );
    for time in [
        r#""1969-12-31T23:59:59Z""#,
        "-1",
        "true",
        "[]",
        r#""soon""#,
        "1e17",
        r#""9999-12-31T23:59-01:00""#,
    ] {
        check_rejected(&line(time), "invalid:timestamp");
    }
    // Beyond the year 9999 there is no minute, and before that comes the future.
    check_rejected(&line(r#""9999-12-31T23:59:59Z""#), "future");
}

#[test]
fn the_first_check_that_fails_names_the_reason() {
    let all_wrong = [
        (r#""event":"view""#, r#""event":7"#, "invalid:event_type"),
        (r#""ts":1795216051"#, r#""ts":"x""#, "invalid:timestamp"),
        (r#""site_id":"s""#, r#""site_id":"ä""#, "invalid:site_id"),
        (r#""event_id":1"#, r#""event_id":1.5"#, "invalid:event_id"),
        (r#""customer_id":1"#, r#""customer_id":1.5"#, "invalid:customer_id"),
        (r#""session_id":1"#, r#""session_id":1.5"#, "invalid:session_id"),
        (r#""order_id":1"#, r#""order_id":1.5"#, "invalid:order_id"),
        (r#""page_url":"/""#, r#""page_url":1"#, "invalid:page_url"),
        (r#""currency":"EUR""#, r#""currency":1"#, "invalid:currency"),
        (r#""item_id":1"#, r#""item_id":1.5"#, "invalid:item_id"),
        (r#""price":1"#, r#""price":-1"#, "invalid:price"),
        (r#""quantity":1"#, r#""quantity":-1"#, "invalid:quantity"),
        (r#""total_amount":1"#, r#""total_amount":-1"#, "invalid:total_amount"),
    ];
    for first_wrong in 0..all_wrong.len() {
        // Written backwards, so that the order of the members cannot help.
        let members: Vec<_> = (0..all_wrong.len())
            .rev()
            .map(|index| if index < first_wrong { all_wrong[index].0 } else { all_wrong[index].1 })
            .collect();
        check_rejected(&format!("{{{}}}", members.join(",")), all_wrong[first_wrong].2);
    }
    check_rejected("{}", "missing:event_type");
    check_rejected(r#"{"event":"x"}"#, "unknown_type");
    check_rejected(r#"{"event":"view","sku":1.5}"#, "missing:timestamp");
    check_rejected(&event("purchase", r#""price":-1"#), "invalid:price");
    check_rejected(&event("purchase", r#""price":1e12,"quantity":2"#), "missing:item_id");
}

#[test]
fn lines_that_are_no_objects_are_rejected() {
    for (line, reason) in [
        ("x", "not_json"),
        ("{", "not_json"),
        ("{}{}", "not_json"),
        ("{} x", "not_json"),
        (r#"{"a":"\ud800"}"#, "not_json"),
        ("{'a':1}", "not_json"),
        ("\u{feff}\u{feff}{}", "not_json"),
        ("7", "not_object"),
        (" null ", "not_object"),
        ("\"{}\"", "not_object"),
        ("[{}]", "not_object"),
        (&"[".repeat(65), "too_deep"),
        (&format!("{{\"event\":\"view\",\"a\":{}", "[".repeat(64)), "too_deep"),
        (&format!("{{\"event\":\"view\",\"a\":{}", "[".repeat(63)), "not_json"),
    ] {
        check_rejected(line, reason);
    }
    let deep = format!("{}{}", "[".repeat(63), "]".repeat(63));
    check_tally(&event("view", &format!(r#""sku":"a","x":{deep}"#)), "views a=1");
}

#[test]
fn lines_that_are_not_utf8_are_rejected_before_they_are_read() {
    for line in [
        &b"\xff"[..],
        b"{\"event\":\"\xc3\"}",
        b"{\"event\":\"view\",\"aaaaaaaaaaaaaaaaaaaaa\xc3\":1}",
        b"{\"event\":\"view\",\"x\":\"\xed\xa0\x80\"}",
        b"{\"event\":\"view\",\"x\":\"a\\n\xc0\xaf\"}",
        b"[1,2 \xe4",
    ] {
        let count = read_whole(line);
        assert_eq!(count.outcomes.rejected, BTreeMap::from([(Reason::NotUtf8, 1)]), "{line:?}");
    }
    check_tally(&event("view", r#""sku":"żółw 😀","x":"é""#), "views żółw 😀=1");
}

#[test]
fn ends_of_lines_blank_lines_and_a_byte_order_mark_are_read_as_usual() {
    let line = event("view", r#""sku":"a""#);
    let text = format!("\u{feff}{line}\r\n\r\n  \t\n {line} \r\n{line}\n\n{line}");
    assert_eq!(
        summary(&read_whole(text.as_bytes())),
        "4 lines, 4 counted, 0 ignored, 0 duplicate, {}, 4 events\ndefault 2026-11-20T23:07:00Z views a=4\n"
    );
    assert_eq!(
        summary(&read_whole(b"")),
        "0 lines, 0 counted, 0 ignored, 0 duplicate, {}, 0 events\n"
    );
    assert_eq!(
        summary(&read_whole(b" \n\r\n")),
        "0 lines, 0 counted, 0 ignored, 0 duplicate, {}, 0 events\n"
    );
}

#[test]
fn an_id_that_was_seen_at_its_site_is_a_duplicate() {
    let view = |members: &str| event("view", &format!(r#""sku":"a",{members}"#));
    let lines = |lines: &[String]| lines.join("\n");
    check_outcomes(
        &lines(&[view(r#""event_id":"1""#), view(r#""event_id":1"#), view(r#""event_id":"2""#)]),
        "2/0/1",
    );
    check_outcomes(
        &lines(&[view(r#""event_id":"1""#), view(r#""event_id":"1","site_id":"s""#)]),
        "2/0/0",
    );
    check_outcomes(
        &lines(&[view(r#""event_id":"1""#), view(r#""event_id":"1","site_id":"default""#)]),
        "1/0/1",
    );
    check_outcomes(&lines(&[view(r#""event_id":"""#), view(r#""event_id":null"#)]), "2/0/0");
    // Ids of rejected and ignored lines are not remembered.
    check_outcomes(
        &lines(&[view(r#""event_id":"1","price":-1"#), view(r#""event_id":"1""#)]),
        "1/0/0",
    );
    check_outcomes(
        &lines(&[event("refund", r#""sku":"a","event_id":1"#), view(r#""event_id":"1""#)]),
        "1/1/0",
    );
    check_outcomes(
        &lines(&[view(r#""event_id":"1""#), event("refund", r#""sku":"a","event_id":1"#)]),
        "1/1/0",
    );
    // A duplicate is valid: a bad line is rejected first.
    let rejected = read_whole(
        lines(&[view(r#""event_id":1"#), view(r#""event_id":1,"price":-1"#)]).as_bytes(),
    );
    assert_eq!(rejected.outcomes.rejected_total(), 1);
}

#[test]
fn ids_on_a_line_with_events_stand_for_the_line_or_the_event() {
    let many = |line: &str, ids: &[&str]| {
        let events: Vec<_> = ids.iter().map(|id| format!("{{{id}}}")).collect();
        event("view", &format!(r#""sku":"a"{line},"events":[{}]"#, events.join(",")))
    };
    let (id1, id2, line9) = (r#""event_id":1"#, r#""event_id":2"#, r#","event_id":9"#);
    // Not inherited: two events without ids are two.
    check_tally(&many(line9, &["", ""]), "views a=2");
    // A copy within the line, and a line whose events were all seen.
    check_tally(&many("", &[id1, id1, id2]), "views a=2");
    check_outcomes(
        &format!("{}\n{}\n{}", many("", &[id1]), many("", &[id1, id1]), many("", &[id1, id2])),
        "2/0/1",
    );
    // The line's own id.
    check_outcomes(&format!("{}\n{}", many(line9, &[""]), many(line9, &[""])), "1/0/1");
    check_outcomes(
        &format!("{}\n{}", many(line9, &[""]), event("view", r#""sku":"a","event_id":9"#)),
        "1/0/1",
    );
    check_outcomes(
        &format!("{}\n{}", event("view", r#""sku":"a","event_id":9"#), many(line9, &[""])),
        "1/0/1",
    );
    // It is remembered after the events, so that one of them may share it.
    check_tally(&many(r#","event_id":1"#, &[id1, id2]), "views a=2");
    // Of a line that is a duplicate by its own id the other ids are not remembered.
    let text = format!("{}\n{}\n{}", many(line9, &[id1]), many(line9, &[id2]), many("", &[id2]));
    check_outcomes(&text, "2/0/1");
    // A line that is a duplicate by its events is remembered; one that is ignored is not.
    let text = format!("{}\n{}\n{}", many("", &[id1]), many(line9, &[id1]), many(line9, &[id2]));
    check_outcomes(&text, "1/0/2");
    let ignored = event("refund", r#""sku":"a","event_id":9,"events":[{}]"#);
    check_outcomes(&format!("{ignored}\n{}\n{ignored}", many(line9, &[id1])), "1/2/0");
    // Its site is the line's own.
    let elsewhere = many(r#","event_id":9,"site_id":"s""#, &[""]);
    check_outcomes(&format!("{elsewhere}\n{}", many(line9, &[r#""site_id":"s""#])), "2/0/0");
    // The line's own site and id are checked before the first event.
    check_rejected(&many(r#","event_id":1.5"#, &[r#""sku":1.5"#]), "invalid:event_id");
    check_rejected(&many(r#","event_id":1.5,"site_id":"ä""#, &[]), "invalid:site_id");
    check_tally(&many(r#","site_id":"ä""#, &[r#""site_id":"s""#]), "s views a=1");
}

#[test]
fn rejected_lines_keep_their_text() {
    let head = "x".repeat(1_023);
    let mut text = format!(
        "{{\"event\":\"purchase\", \"ä\\\\\\\"\t\u{1}\r\n\n{head}ä{}\n",
        "y".repeat(LINE_BYTES_MAX)
    )
    .into_bytes();
    text.extend(b"{\"event\":\"\xff\"}\n\xfe");
    text.extend(vec![b'z'; LINE_BYTES_MAX]);
    text.extend(b"\n[]");
    let rejected = String::from_utf8(read_whole(&text).rejected).unwrap();
    let cut = BASE64_STANDARD.encode([&b"\xfe"[..], &[b'z'; 1_023]].concat());
    assert_eq!(
        rejected,
        format!(
            "{}\n{}\n{}\n{}\n{}\n",
            r#"{"line":1,"reason":"not_json","text":"{\"event\":\"purchase\", \"ä\\\\\\\"\t\u0001"}"#,
            format_args!(r#"{{"line":3,"reason":"too_long","text":"{head}","cut":true}}"#),
            r#"{"line":4,"reason":"not_utf8","base64":"eyJldmVudCI6Iv8ifQ=="}"#,
            format_args!(r#"{{"line":5,"reason":"too_long","base64":"{cut}","cut":true}}"#),
            r#"{"line":6,"reason":"not_object","text":"[]"}"#,
        )
    );
}

#[test]
fn the_longest_line_is_counted() {
    let line = |length: usize| {
        let line = event("view", r#""sku":"a","x":"""#);
        format!("{}{}\"}}", &line[..line.len() - 2], "x".repeat(length - line.len()))
    };
    let text = format!(
        "{}\r\n{}\n{}",
        line(LINE_BYTES_MAX),
        line(LINE_BYTES_MAX + 1),
        line(LINE_BYTES_MAX)
    );
    for push_bytes in [100_000, usize::MAX] {
        let count = read(text.as_bytes(), push_bytes).unwrap();
        assert_eq!((count.outcomes.counted, count.outcomes.rejected_total()), (2, 1));
    }
}

#[test]
fn the_content_hash_is_blake3_of_the_stored_bytes() {
    assert_eq!(
        read_whole(b"").content_hash.to_string(),
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    );
    let packed = zstd::encode_all(&b"{}\n"[..], 3).unwrap();
    assert_eq!(read_whole(&packed).content_hash.as_bytes(), blake3::hash(&packed).as_bytes());
}

#[test]
fn a_reader_can_move_to_another_thread() {
    fn check<T: Send>() {}
    check::<ChunkReader>();
    check::<ChunkCount>();
}

#[test]
fn a_broken_chunk_is_an_error_and_no_count() {
    let packed = gzip(event("view", r#""sku":"a""#).as_bytes());
    assert!(matches!(
        read(&packed[..packed.len() - 1], 5),
        Err(ChunkError::Unpack(UnpackError::Truncated { .. }))
    ));
    let bomb = gzip(&vec![b' '; 8 << 20]);
    assert!(matches!(read(&bomb, 5), Err(ChunkError::Unpack(UnpackError::Bomb { .. }))));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn any_line() -> impl Strategy<Value = String> {
    let kind = proptest::sample::select(vec![
        "view",
        "clicks",
        "cart",
        "remove_from_cart",
        "purchase",
        "refund",
        "OrderCreatedEvent",
        "x",
    ]);
    let member = proptest::sample::select(vec![
        r#""sku":"a""#,
        r#""item_id":"b\u00e4""#,
        r#""aid":7"#,
        r#""page":"/p?x""#,
        r#""price":1.25"#,
        r#""price":"0.001""#,
        r#""quantity":3"#,
        r#""quantity":0.5"#,
        r#""total_amount":9"#,
        r#""currency":"gbp""#,
        r#""event_id":1"#,
        r#""event_id":"2""#,
        r#""site_id":"s""#,
        r#""items":[{"sku":"c"},{"sku":"d","price":2}]"#,
        r#""properties":{"sku":"e"}"#,
        r#""events":[{"sku":"f","event_id":3},{"type":"cart"}]"#,
        r#""note":"żółw""#,
        r#""price":-1"#,
        r#""x":{"y":[null,true]}"#,
        r#""orderId":8,"totalAmount":5"#,
    ]);
    let line = (kind, proptest::collection::vec(member, 0..5), 0..3_u32).prop_map(
        |(kind, members, minute)| {
            let mut line = format!(r#"{{"event":"{kind}","ts":"2026-11-20T23:0{minute}:10Z""#);
            for member in members {
                line.push(',');
                line.push_str(member);
            }
            line + "}"
        },
    );
    prop_oneof![
        20 => line,
        1 => Just(String::new()),
        1 => Just(" \t\r".into()),
        1 => "[ -~]{0,30}",
        1 => Just("{\"event\":\"view\"".into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_count_does_not_depend_on_pushes_or_packing(
        lines in proptest::collection::vec(any_line(), 0..40),
        crlf in any::<bool>(),
        entry in any::<bool>(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
    ) {
        let mut text = lines.join(if crlf { "\r\n" } else { "\n" });
        if entry {
            text.insert(0, '\u{feff}');
        }
        let expected = summary(&read(text.as_bytes(), usize::MAX).unwrap());
        for packed in [text.clone().into_bytes(), gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 3).unwrap()] {
            for push_bytes in [1, 13] {
                prop_assert_eq!(&summary(&read(&packed, push_bytes).unwrap()), &expected);
            }
            let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(packed.len() + 1)).collect();
            ends.sort_unstable();
            ends.push(packed.len());
            let mut reader = ChunkReader::new(&settings(packed.len()));
            let mut start = 0;
            for end in ends {
                reader.push(&packed[start..end]).unwrap();
                start = end;
            }
            prop_assert_eq!(&summary(&reader.finish().unwrap()), &expected);
        }
    }

    #[test]
    fn single_events_sum_as_a_naive_model_does(
        events in proptest::collection::vec((0..4_usize, 0..5_u32, 0..30_u32, 1..900_u32, 1..4_u32), 0..200),
    ) {
        let kinds = ["view", "cart", "purchase", "refund"];
        let mut text = String::new();
        let mut model: BTreeMap<(u32, &str, String), u64> = BTreeMap::new();
        for (kind, minute, item, cents, quantity) in events {
            let price = format!("{}.{:02}", cents / 100, cents % 100);
            text += &format!("{{\"type\":\"{}\",\"ts\":{},\"aid\":{item},\"price\":\"{price}\",\"quantity\":{quantity}}}\n", kinds[kind], minute * 60);
            let mut add = |measure, amount: u32| {
                *model.entry((minute, measure, item.to_string())).or_default() += u64::from(amount);
            };
            match kinds[kind] {
                "view" => add("views", 100),
                "cart" => add("carts", 100),
                "refund" => add("refunds:EUR", cents * quantity),
                _ => {
                    add("units", quantity * 100);
                    add("sales:EUR", cents * quantity);
                }
            }
        }
        let count = read(text.as_bytes(), 1_000).unwrap();
        let mut counted = BTreeMap::new();
        for group in count.tally.groups() {
            for (key, amount) in group.counters {
                let hundredths = u64::try_from(amount.units() / 10_i128.pow(10)).unwrap();
                counted.insert((group.minute.number(), group.measure.to_string(), key.to_string()), hundredths);
            }
        }
        let expected: BTreeMap<_, _> =
            model.into_iter().map(|((minute, measure, item), amount)| ((minute, measure.to_string(), item), amount)).collect();
        prop_assert_eq!(counted, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(count) = read(&bytes, 50) {
            prop_assert_eq!(count.outcomes.lines, count.outcomes.counted + count.outcomes.rejected_total());
        }
    }
}

/// `minute users sessions`, ascending.
fn visitors_of(lines: &[&str]) -> Vec<(String, u64, u64)> {
    let count = read(lines.join("\n").as_bytes(), 1_000).expect("plain text");
    let of_minute = |(site, minute, visitors): (&str, Minute, &Visitors)| {
        let counts = visitors.counts();
        (format!("{site} {minute}"), counts.visitors, counts.sessions)
    };
    count.visitors.minutes().map(of_minute).collect()
}

#[test]
fn visitors_are_those_of_events_that_count() {
    let visitors = visitors_of(&[
        r#"{"event":"view","ts":"2026-11-20T23:07:01Z","item_id":1,"customer_id":7,"session_id":"s"}"#,
        // The same customer, written as text, with another session.
        r#"{"event":"cart","ts":"2026-11-20T23:07:59Z","item_id":1,"user_id":"7","user_session":"t"}"#,
        r#"{"event":"view","ts":"2026-11-20T23:07:59Z","item_id":1}"#,
        r#"{"event":"view","ts":"2026-11-20T23:08:00Z","item_id":1,"anonymousId":"\u0037","event_id":"e"}"#,
        // A duplicate, a line that is rejected, and another site.
        r#"{"event":"view","ts":"2026-11-20T23:08:00Z","item_id":1,"customer_id":8,"event_id":"e"}"#,
        r#"{"event":"view","ts":"2026-11-20T23:08:00Z","customer_id":9}"#,
        r#"{"event":"view","ts":"2026-11-20T23:07:00Z","item_id":1,"customer_id":7,"site_id":"other"}"#,
    ]);
    let expected = [("default 2026-11-20T23:07:00Z", 1, 2), ("default 2026-11-20T23:08:00Z", 1, 0)];
    let of_other = ("other 2026-11-20T23:07:00Z", 1, 0);
    let expected: Vec<_> =
        expected.into_iter().chain([of_other]).map(|(at, u, s)| (at.to_string(), u, s)).collect();
    assert_eq!(visitors, expected);
}

#[test]
fn a_session_of_many_events_is_one_visitor_of_each_minute() {
    let visitors = visitors_of(&[r#"{"session":7,"events":[
        {"aid":1,"ts":1795215600000,"type":"clicks"},{"aid":2,"ts":1795215601000,"type":"carts"},
        {"aid":2,"ts":1795215660000,"type":"orders"}]}"#
        .replace('\n', "")
        .as_str()]);
    let sessions: Vec<_> =
        visitors.iter().map(|(at, users, sessions)| (at.as_str(), *users, *sessions)).collect();
    assert_eq!(
        sessions,
        [("default 2026-11-20T23:00:00Z", 0, 1), ("default 2026-11-20T23:01:00Z", 0, 1)]
    );
}

#[test]
fn visitors_of_minutes_that_are_not_kept_are_gathered_by_hour() {
    // Minutes are kept for 7 days after their end; the reference time is 2026-11-20T23:30.
    let event = |at: &str| format!(r#"{{"event":"view","ts":"{at}","item_id":1,"customer_id":7}}"#);
    let kept = visitors_of(&[&event("2026-11-13T23:30:00Z"), &event("2026-11-13T23:29:59Z")]);
    assert_eq!(kept, [("default 2026-11-13T23:30:00Z".to_string(), 1, 0)]);
}
