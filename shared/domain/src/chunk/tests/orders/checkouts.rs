//! Checkouts that begin, and how far visitors and sessions got.

use crate::chunk::ChunkReader;
use crate::chunk::tests::support::{
    check_notes, check_outcomes, check_rejected, check_tally, event, read_whole, settings,
};
use crate::event::line::READER_VERSION_OLDEST;

#[test]
fn a_checkout_counts_once_for_each_of_its_items_whatever_their_quantity() {
    let items = r#""items":[{"sku":"a","quantity":3,"price":2},{"sku":"b"},{"sku":"a"}],"value":9"#;
    check_tally(&event("begin_checkout", items), "checkouts a=2 b=1");
    check_tally(&event("begin_checkout", r#""product":{"id":"a","price":5}"#), "checkouts a=1");
    check_notes(&event("begin_checkout", r#""sku":"a","price":true"#), "price=1");
}

#[test]
fn a_checkout_without_an_item_is_one_of_the_site() {
    check_tally(&event("begin_checkout", ""), "checkouts (other)=1");
    check_tally(&event("begin_checkout", r#""items":[],"page_url":"/x""#), "checkouts (other)=1");
    check_tally(&event("begin_checkout", r#""item_id":true"#), "checkouts (other)=1");
    check_notes(&event("begin_checkout", r#""item_id":true"#), "item_id=1");
    check_rejected(&event("begin_checkout", r#""items":[{"price":1}]"#), "missing:item_id");
    check_rejected(r#"{"event_type":"begin_checkout"}"#, "missing:timestamp");
    let twice = event("begin_checkout", r#""event_id":7"#);
    check_outcomes(&format!("{twice}\n{twice}"), "1/0/1");
}

/// `viewed/carted/began checkout/bought` of the visitors of a text, and whether they are complete.
fn funnel(text: &str) -> (String, bool) {
    let count = read_whole(text.as_bytes());
    funnel_of(&count.visitors)
}

fn funnel_of(visitors: &crate::count::visitors::ChunkVisitors) -> (String, bool) {
    let mut minutes = visitors.minutes();
    let (_, _, visitors) = minutes.next().expect("a minute");
    assert!(minutes.next().is_none());
    let funnel = visitors.funnel().map(|counts| counts.visitors.to_string());
    (funnel.join("/"), visitors.stages.are_complete)
}

#[test]
fn a_visitor_gets_as_far_as_the_furthest_event() {
    for (kind, members, expected) in [
        ("view", r#""sku":"a""#, "1/0/0/0"),
        ("add_to_cart", r#""sku":"a""#, "1/1/0/0"),
        ("remove_from_cart", r#""sku":"a""#, "1/0/0/0"),
        ("begin_checkout", "", "1/1/1/0"),
        ("purchase", r#""sku":"a""#, "1/1/1/1"),
        ("purchase", r#""sku":"a","price":5,"order_id":7"#, "1/1/1/1"),
        ("purchase", r#""sku":"a","price":-5"#, "1/0/0/0"),
        ("purchase", r#""sku":"a","price":-5,"order_id":7"#, "1/0/0/0"),
        ("refund", r#""sku":"a","price":5"#, "1/0/0/0"),
        ("order_created", r#""order_id":7,"total_amount":5"#, "1/1/1/1"),
        ("order_status_changed", r#""order_id":7,"newStatus":"PAID""#, "1/0/0/0"),
    ] {
        let line = event(kind, &format!(r#""customer_id":1,{members}"#)).replace(",}", "}");
        assert_eq!(funnel(&line), (expected.to_string(), true), "{line}");
    }
}

#[test]
fn a_purchase_is_no_step_of_the_event_after_it() {
    let bought = event("purchase", r#""sku":"a","customer_id":1"#);
    let view = event("view", r#""sku":"a","customer_id":2"#);
    assert_eq!(funnel(&format!("{bought}\n{view}")).0, "2/1/1/1");
}

#[test]
fn a_chunk_that_the_build_before_began_ignores_checkouts_and_counts_no_stages() {
    let text = [
        event("begin_checkout", r#""sku":"a","customer_id":2"#),
        event("checkout_initiated", r#""sku":"a","customer_id":3"#),
        event("add_to_cart", r#""sku":"a","customer_id":4"#),
    ];
    let text = text.join("\n");
    let mut settings = settings(text.len());
    settings.inputs.reader_version = READER_VERSION_OLDEST;
    let mut reader = ChunkReader::new(&settings);
    reader.push(text.as_bytes()).unwrap();
    let count = reader.finish().unwrap();
    assert_eq!((count.outcomes.counted, count.outcomes.ignored), (1, 2));
    assert_eq!(count.outcomes.notes.unknown_types.events, 1);
    assert_eq!(funnel_of(&count.visitors), ("1/0/0/0".to_string(), false));
}
