//! Refunds of an order: what that section of `docs/EVENTS.md` says about reading them.

use crate::chunk::tests::support::{
    check_outcomes, check_rejected, event, order_refunds, read_whole, sums_without_order, tally,
};

/// A refund of order 7 with these additional members.
fn refund(members: &str) -> String {
    event(
        "refund",
        &format!(r#""order_id":7{}{members}"#, if members.is_empty() { "" } else { "," }),
    )
}

/// The refunds of all orders; nothing else may be counted.
fn check(text: &str, expected: &str) {
    assert_eq!(tally(text), "", "{text}");
    assert_eq!(order_refunds(&read_whole(text.as_bytes())), expected, "{text}");
}

#[test]
fn each_item_of_a_refund_is_one_of_its_money_or_else_of_its_units() {
    check(&refund(r#""sku":"a","price":2.5,"quantity":2"#), "default/7: a 5 EUR");
    check(&refund(r#""sku":"a","total_amount":"-7.25","currency":"usd""#), "default/7: a 7.25 USD");
    check(&refund(r#""sku":"a","order_total":9"#), "default/7: a 9 EUR");
    check(&refund(r#""sku":"a""#), "default/7: a 1 units");
    check(&refund(r#""sku":"a","quantity":-2.5"#), "default/7: a 2.5 units");
    check(
        &refund(r#""event_id":"e","items":[{"sku":"a","price":3},{"sku":"b","quantity":2}]"#),
        "default/7: e:a 3 EUR, e:b 2 units",
    );
    check(
        &refund(r#""value":10,"items":[{"sku":"a","quantity":2},{"sku":"b"}]"#),
        "default/7: a 6.666666 EUR, b 3.333334 EUR",
    );
    let twice = refund(r#""items":[{"sku":"a","price":3},{"sku":"a","price":3}]"#);
    check(&format!("{twice}\n{}", refund(r#""sku":"a","price":3"#)), "default/7: 2 of a 3 EUR");
}

#[test]
fn money_without_an_item_and_neither() {
    check(&refund(r#""order_total":9"#), "default/7: 9 EUR");
    check(&refund(r#""price":3,"quantity":2"#), "default/7: 6 EUR");
    check(&refund(""), "default/7: everything");
    check(&refund(r#""items":[]"#), "default/7: everything");
    // What was read before it does not matter.
    let both = format!("{}\n{}", refund(""), refund(r#""sku":"a","price":1"#));
    check(&both, "default/7: everything, a 1 EUR");
    check_rejected(&refund(r#""sku":{}"#), "invalid:item_id");
}

#[test]
fn a_refund_of_nothing_is_ignored() {
    for nothing in [
        r#""sku":"a","price":0"#,
        r#""sku":"a","quantity":0"#,
        r#""total_amount":0"#,
        r#""items":[{"sku":"a","quantity":0}]"#,
    ] {
        check_outcomes(&refund(nothing), "0/1/0");
    }
}

#[test]
fn a_purchase_of_negative_items_alone_is_a_refund() {
    for members in [
        r#""sku":"a","price":-80"#,
        r#""sku":"a","price":80,"quantity":-1"#,
        r#""items":[{"sku":"a","price":-80},{"sku":"b","quantity":-1}]"#,
        r#""value":-80,"items":[{"sku":"a"}]"#,
    ] {
        check(&refund(members).replace("refund", "purchase"), "default/7: a 80 EUR");
    }
}

#[test]
fn a_refund_without_a_usable_order_id_counts_like_any_event() {
    for id in ["", r#","order_id":null"#, r#","order_id":{}"#] {
        let of_no_order = event("refund", &format!(r#""sku":"a","price":80{id}"#));
        // A refund before it has no part in it.
        let text = format!("{}\n{of_no_order}\n{of_no_order}", refund(""));
        assert_eq!(tally(&text), "refunds:EUR a=160", "{id}");
        check_outcomes(&event("refund", &format!(r#""sku":"a"{id}"#)), "0/1/0");
        check_rejected(&event("refund", &format!(r#""customer_id":1{id}"#)), "missing:item_id");
    }
}

#[test]
fn money_of_no_order_is_summed_under_the_empty_key() {
    let events = [
        event("purchase", r#""sku":"a","price":80,"quantity":2"#),
        event(
            "purchase",
            r#""items":[{"sku":"a","price":1},{"sku":"b","price":2,"currency":"USD"}]"#,
        ),
        event("purchase", r#""sku":"c","quantity":3"#),
        event("purchase", r#""order_total":7"#),
        event("refund", r#""sku":"a","price":5"#),
        event("purchase", r#""sku":"a","price":-6"#),
        event("purchase", r#""order_id":7,"sku":"a","price":1000"#),
        refund(r#""sku":"a","price":1000"#),
    ];
    let sums = sums_without_order(&events.join("\n"));
    assert_eq!(sums, "sales:EUR=168 sales:USD=2 refunds:EUR=11");
}

#[test]
fn a_purchase_needs_its_item_whatever_was_refunded_before_it() {
    let purchase = event("purchase", r#""customer_id":1"#);
    check_rejected(&purchase, "missing:item_id");
    let text = format!("{}\n{purchase}", refund(""));
    check_outcomes(&text, "1/0/0");
}

#[test]
fn an_event_has_at_most_100_different_refunds() {
    let items: Vec<String> =
        (0..101).map(|item| format!(r#"{{"sku":{item},"price":1}}"#)).collect();
    let of = |items: &[String]| refund(&format!(r#""items":[{}]"#, items.join(",")));
    check_rejected(&of(&items), "invalid:items");
    check_outcomes(&of(&items[..100]), "1/0/0");
}
