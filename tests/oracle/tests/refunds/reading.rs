//! Which refunds an event reports, and which of them an order has.

use super::*;

#[test]
fn what_an_event_refunds() {
    for (members, expected) in [
        (r#""item_id":"a","total_amount":5"#, "- a: 5 USD x 1"),
        (r#""item_id":"a","price":-5,"quantity":3"#, "- a: 15 USD x 1"),
        (r#""item_id":"a","quantity":-3"#, "- a: 3 units x 1"),
        (r#""item_id":"a""#, "- a: 1 units x 1"),
        (r#""product":{"id":"p","quantity":2}"#, "- p: 2 units x 1"),
        // What is no part of the money is dropped if it is invalid.
        (r#""item_id":"a","quantity":"many""#, "- a: 1 units x 1"),
        (r#""value":5,"event_id":"e""#, "e -: 5 USD x 1"),
        (r#""total_amount":5,"currency":"eur""#, "- -: 5 EUR x 1"),
        (r#""item_id":"(other)","price":5"#, "- -: 5 USD x 1"),
        (r#""item_id":"(other)""#, "- -: 1 units x 1"),
        (r#""currency":"EUR""#, "- -: everything x 1"),
        (r#""items":[],"quantity":2"#, "- -: everything x 1"),
        (r#""items":null,"item_id":null"#, "- -: everything x 1"),
        (r#""value":5,"item_id":{}"#, "- -: 5 USD x 1"),
        (
            r#""items":[{"item_id":"b"},{"item_id":"a","price":2,"currency":"EUR"},{"item_id":"b"}]"#,
            "- a: 2 EUR x 1, - b: 1 units x 2",
        ),
        // The money of an event is split, but not if a quantity is negative.
        (
            r#""value":9,"items":[{"item_id":"a","quantity":2},{"item_id":"b"}]"#,
            "- a: 6 USD x 1, - b: 3 USD x 1",
        ),
        (
            r#""value":9,"items":[{"item_id":"a","quantity":-2},{"item_id":"b"}]"#,
            "- a: 2 units x 1, - b: 1 units x 1",
        ),
        // Nothing is given back of the first two.
        (
            r#""items":[{"item_id":"a","price":0},{"item_id":"b","quantity":0},{"item_id":"c"}]"#,
            "- c: 1 units x 1",
        ),
    ] {
        let text = refund("08:00", members);
        assert_eq!(refunds_of(&text).join(", "), expected, "{members}");
        assert_eq!(count(&text).counted, 1);
    }
}

#[test]
fn a_purchase_of_negative_items_alone_is_a_refund() {
    for (members, expected) in [
        (r#""item_id":"a","price":-5"#, "- a: 5 USD x 1"),
        (r#""value":-5"#, "- -: 5 USD x 1"),
        (
            r#""event_id":"e","items":[{"item_id":"a","price":-5},{"item_id":"b","quantity":-1}]"#,
            "e a: 5 USD x 1",
        ),
    ] {
        let text = purchase("08:00", members);
        assert_eq!(refunds_of(&text).join(", "), expected, "{members}");
        assert_eq!(order(&text).purchased, None);
    }
    // It is one of money, not of units.
    assert_eq!(count(&purchase("08:00", r#""item_id":"a","quantity":-2"#)).ignored, 1);
    let text = purchase("08:00", r#""item_id":"SHOE","price":40,"quantity":-1"#);
    check(&[&shoes_and_a_cap(), &text], "40: 08 SHOE=40");
}

#[test]
fn what_refunds_nothing_is_ignored_and_what_names_no_order_is_a_refund_of_none() {
    for members in [
        r#""value":0"#,
        r#""item_id":"a","price":0"#,
        r#""item_id":"a","quantity":0"#,
        r#""items":[{"item_id":"a","price":0},{"item_id":"b","quantity":0}]"#,
    ] {
        let recount = count(&refund("08:00", members));
        assert_eq!((recount.ignored, recount.orders.len()), (1, 0), "{members}");
    }
    let none =
        |members: &str| refund("08:00", members).replace("\"order_id\":1", "\"order_id\":1.5");
    let recount = count(&(none(r#""item_id":"a","price":5"#) + &none(r#""value":7"#)));
    assert_eq!(
        cells(&sum(std::slice::from_ref(&recount))),
        ["refunds:USD 08 (other)=7", "refunds:USD 08 a=5"]
    );
    assert_eq!((recount.orders.len(), recount.dropped["order_id"]), (0, 2));
    assert_eq!(count(&none(r#""item_id":"a""#)).ignored, 1);
    let reason = |text: &str| count(text).rejected_lines.pop().map(|line| line.reason);
    assert_eq!(reason(&none(r#""quantity":1"#)).as_deref(), Some("missing:item_id"));
    // What names an item that cannot be used is no refund of everything.
    let unusable = refund("08:00", r#""item_id":{}"#);
    assert_eq!(reason(&unusable).as_deref(), Some("invalid:item_id"));
    let unusable = refund("08:00", r#""item_name":7.5"#);
    assert_eq!(reason(&unusable).as_deref(), Some("invalid:item_name"));
    // A purchase needs an item or money, and an item its name.
    let nothing = purchase("08:00", r#""quantity":-1"#);
    assert_eq!(reason(&nothing).as_deref(), Some("missing:item_id"));
    let nameless = refund("08:00", r#""items":[{"price":5}]"#);
    assert_eq!(reason(&nameless).as_deref(), Some("missing:item_id"));
    let wrong = refund("08:00", r#""items":[{"item_id":"a","price":"x"}]"#);
    assert_eq!(reason(&wrong).as_deref(), Some("invalid:price"));
}

#[test]
fn a_chunk_that_a_build_before_began_counts_refunds_like_any_event() {
    let at = "2026-11-20T12:00:00Z".parse().unwrap();
    let settings = Settings { has_order_refunds: false, ..Settings::at(at) };
    let text = refund("08:00", r#""item_id":"a","price":5"#)
        + &refund("08:00", r#""item_id":"a","price":5"#)
        + &purchase("08:00", r#""item_id":"b","price":-5"#)
        + &refund_all("08:00")
        + &refund("08:00", r#""item_id":"a""#);
    let recount = recount(text.as_bytes(), &settings).unwrap();
    assert_eq!((recount.orders.len(), recount.ignored), (0, 1));
    assert_eq!(recount.rejected_lines[0].reason, "missing:item_id");
    assert_eq!(cells(&sum(&[recount])), ["refunds:USD 08 a=10", "refunds:USD 08 b=5"]);
}

/// A refund of 1 by an event with an id.
fn small(id: u32) -> String {
    refund("08:00", &format!(r#""item_id":"i{:03}","price":1,"event_id":"e{id:03}""#, id % 7))
}

#[test]
fn an_event_of_more_than_100_refunds_is_rejected_and_of_an_order_of_more_the_least_count() {
    let items = |count: u32| {
        let items: Vec<String> =
            (0..count).map(|item| format!(r#"{{"item_id":"i{item}","price":1}}"#)).collect();
        format!(r#""items":[{}]"#, items.join(","))
    };
    let reason = |text: &str| count(text).rejected_lines.pop().map(|line| line.reason);
    assert_eq!(reason(&refund("08:00", &items(100))), None);
    assert_eq!(reason(&refund("08:00", &items(101))).as_deref(), Some("invalid:items"));
    let negative = items(101).replace("\"price\":1", "\"price\":-1");
    assert_eq!(reason(&purchase("08:00", &negative)).as_deref(), Some("invalid:items"));
    // Without an order there is no such bound, and equal ones are one.
    let plain = refund("08:00", &items(101)).replace("\"order_id\":1", "\"order_id\":null");
    assert_eq!(reason(&plain), None);
    let equal = vec![r#"{"item_id":"a","price":1}"#; 300].join(",");
    let equal = refund("08:00", &format!(r#""items":[{equal}]"#));
    assert_eq!(refunds_of(&equal), ["- a: 1 USD x 300"]);

    let bought = purchase("07:00", r#""item_id":"X","price":1000"#);
    let hundred: String = (0..100).rev().map(small).collect();
    check(&[&bought, &hundred], "100: 08 (other)=100");
    check(&[&bought, &hundred, &small(100)], "100 incomplete: 08 (other)=100");
    let more = order(&(bought.clone() + &hundred + &small(100) + &refund_all("08:00")));
    assert!(more.has_more_refunds);
    // The one of no id has taken the place of the last.
    let last = more.refunds.keys().next_back().unwrap();
    assert_eq!((more.refunds.len(), last.event_id.as_deref()), (100, Some("e098")));
    let everything = "1000 incomplete: 08 (other)=0; 08 X=1000";
    let everything = everything.replace("08 (other)=0; ", "");
    check(&[&bought, &hundred, &small(100), &refund_all("08:00")], &everything);
}

#[test]
fn refunds_are_sorted_by_id_item_and_what_is_refunded() {
    let items = r#""items":[{"item_id":"b","price":10},{"item_id":"b","price":9,"currency":"USD"},
        {"item_id":"b","price":9,"currency":"EUR"},{"item_id":"b","quantity":10},{"item_id":"B"}]"#
        .replace('\n', " ");
    let text = refund("08:00", &items)
        + &refund("08:00", r#""value":5"#)
        + &refund_all("08:00")
        + &refund("08:00", r#""event_id":"a","value":5"#);
    assert_eq!(
        refunds_of(&text),
        [
            "- -: everything x 1",
            "- -: 5 USD x 1",
            "- B: 1 units x 1",
            "- b: 10 units x 1",
            "- b: 9 EUR x 1",
            "- b: 9 USD x 1",
            "- b: 10 USD x 1",
            "a -: 5 USD x 1",
        ]
    );
}
