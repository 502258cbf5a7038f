//! Purchases of an order: every rule of that section of `docs/EVENTS.md`.

use crate::chunk::tests::support::{
    AT, check_notes, check_outcomes, check_rejected, event, order_lines, read_whole, tally,
};
use crate::count::measure::Currency;

/// A purchase of order 7 with these additional members.
fn purchase(members: &str) -> String {
    event("purchase", &format!(r#""order_id":7,{members}"#))
}

/// A purchase of order 7 of these items.
fn purchase_of(items: &[&str]) -> String {
    purchase(&format!(r#""items":[{}]"#, items.join(",")))
}

/// The lines of all orders; nothing else may be counted.
fn check_lines(text: &str, expected: &str) {
    assert_eq!(tally(text), "", "{text}");
    assert_eq!(order_lines(&read_whole(text.as_bytes())), expected, "{text}");
}

const SHOE: &str = r#"{"sku":"SHOE","price":80}"#;

#[test]
fn each_item_of_a_purchase_is_a_line_of_its_order() {
    check_lines(&purchase(r#""sku":"a","price":2.5,"quantity":2"#), "default/7: EUR a 2/5");
    check_lines(&purchase(r#""sku":"a","total_amount":"7.25""#), "default/7: EUR a 1/7.25");
    check_lines(&purchase(r#""sku":"a","order_total":9,"currency":"usd""#), "default/7: USD a 1/9");
    check_lines(&purchase(r#""sku":"a","price":1.5,"quantity":0.5"#), "default/7: EUR a 0.5/0.75");
    check_lines(&purchase(r#""sku":"a","price":0"#), "default/7: EUR a 1/0");
    check_lines(&purchase(r#""sku":"a","total_amount":3,"quantity":0"#), "default/7: EUR a 0/3");
    check_lines(&purchase(r#""order_total":9"#), "default/7: EUR (other) 0/9");
    // Without money in any field, as it is reported.
    let unpriced = purchase(r#""sku":"a","quantity":3"#);
    check_lines(&unpriced, "default/7: EUR a 3/0");
    check_notes(&unpriced, "without money 1");
    check_lines(
        &purchase(r#""site_id":"s","value":10,"items":[{"sku":"a","quantity":2},{"sku":"b"}]"#),
        "s/7: EUR a 2/6.666666, EUR b 1/3.333334",
    );
}

#[test]
fn equal_lines_add_up_within_an_event_and_not_across_events() {
    let cap = r#"{"sku":"CAP","price":5}"#;
    let (one, two, both) =
        (purchase_of(&[SHOE]), purchase_of(&[SHOE, SHOE]), purchase_of(&[SHOE, cap]));
    check_lines(&two, "default/7: 2 of EUR SHOE 1/80");
    check_lines(&format!("{one}\n{one}\n{one}"), "default/7: EUR SHOE 1/80");
    check_lines(&format!("{one}\n{two}\n{one}"), "default/7: 2 of EUR SHOE 1/80");
    let one_by_one = format!("{one}\n{}", purchase_of(&[cap]));
    for text in [format!("{both}\n{one}"), one_by_one] {
        check_lines(&text, "default/7: EUR CAP 1/5, EUR SHOE 1/80");
    }
    check_outcomes(&format!("{one}\n{one}"), "2/0/0");
    // However the money is told.
    let told = purchase(r#""sku":"SHOE","total":"80.00""#);
    check_lines(&format!("{told}\n{one}"), "default/7: EUR SHOE 1/80");
    // Other units, other money and another currency are other lines.
    let others = [
        purchase(r#""sku":"SHOE","total":80,"quantity":2"#),
        purchase(r#""sku":"SHOE","price":70"#),
        purchase(r#""sku":"SHOE","price":80,"currency":"USD""#),
        one,
    ];
    check_lines(
        &others.join("\n"),
        "default/7: EUR SHOE 1/70, EUR SHOE 1/80, EUR SHOE 2/80, USD SHOE 1/80",
    );
}

#[test]
fn lines_are_in_the_currency_of_their_item_or_of_the_event() {
    let items =
        r#""items":[{"sku":"c"},{"sku":"a","price":2,"currency":"USD"},{"sku":"b","price":3}]"#;
    let text = purchase(&format!(r#""currency":"CHF",{items}"#));
    check_lines(&text, "default/7: CHF b 1/3, CHF c 1/0, USD a 1/2");
    check_lines(&purchase(items), "default/7: EUR b 1/3, USD a 1/2, USD c 1/0");
    let facts = read_whole(purchase(items).as_bytes());
    let (_, order) = facts.orders.iter().next().expect("an order");
    let purchased = order.purchased.as_ref().expect("a purchase");
    assert_eq!(purchased.first.currency, Currency::USD);
}

#[test]
fn a_negative_item_beside_others_lowers_the_order() {
    for discount in [r#""price":-10"#, r#""price":10,"quantity":-1"#, r#""total":-10,"quantity":3"#]
    {
        let text = purchase_of(&[SHOE, &format!(r#"{{"sku":"off",{discount}}}"#)]);
        check_lines(&text, "default/7: EUR (other) 0/-10, EUR SHOE 1/80");
    }
    // An item that adds nothing is no line, but not negative.
    let free = r#"{"sku":"a","price":5,"quantity":0}"#;
    let text = purchase_of(&[r#"{"sku":"off","price":-10}"#, free]);
    check_lines(&text, "default/7: EUR (other) 0/-10");
}

#[test]
fn a_purchase_that_adds_nothing_is_ignored() {
    let nothing = purchase(r#""sku":"a","price":5,"quantity":0,"event_id":"e""#);
    check_outcomes(&format!("{nothing}\n{nothing}"), "0/2/0");
    check_outcomes(&purchase_of(&[r#"{"sku":"a","quantity":0}"#]), "0/1/0");
}

#[test]
fn the_earliest_purchase_is_kept_to_the_nanosecond() {
    let at = |time: &str, members: &str| {
        let text = purchase(&format!(r#""sku":"a","price":1{members}"#));
        text.replace("2026-11-20T23:07:31.123Z", time)
    };
    let of = |lines: &[String]| {
        let count = read_whole(lines.join("\n").as_bytes());
        let (_, facts) = count.orders.iter().next().unwrap();
        let first = &facts.purchased.as_ref().unwrap().first;
        format!("{:?} {} {:?}", first.at, first.currency, first.customer)
    };
    let [later, first, dollars, nobody] = [
        at("2026-11-20T23:07:31.000000002Z", ""),
        at("2026-11-20T23:07:31.000000001Z", r#","user_id":"z\u00e4""#),
        at("2026-11-20T23:07:31.000000001Z", r#","currency":"DKK","user_id":"zz""#),
        at("2026-11-20T23:07:31.000000001Z", ""),
    ];
    let time = "2026-11-20T23:07:31.000000001Z";
    assert_eq!(of(&[later, first.clone()]), format!(r#"{time} EUR Some("zä")"#));
    assert_eq!(of(&[first.clone(), dollars]), format!(r#"{time} DKK Some("zz")"#));
    assert_eq!(of(&[first, nobody]), format!("{time} EUR None"));
}

#[test]
fn an_order_id_that_cannot_be_used_leaves_a_purchase_as_it_is() {
    for (id, dropped) in [("1.5", "order_id=1"), ("{}", "order_id=1"), (r#""""#, ""), ("null", "")]
    {
        let text = purchase(r#""sku":"a","price":8"#).replace(":7", &format!(":{id}"));
        assert_eq!(tally(&format!("{text}\n{text}")), "units a=2; sales:EUR a=16", "{id}");
        check_notes(&text, dropped);
    }
    // Only purchases have lines.
    let view = purchase(r#""sku":"a""#).replace("purchase", "view");
    assert_eq!(tally(&view), "views a=1");
}

#[test]
fn an_order_has_at_most_249_different_lines() {
    let items = |numbers: std::ops::Range<u32>| -> Vec<String> {
        numbers.map(|number| format!(r#"{{"sku":"i{number:03}","price":1}}"#)).collect()
    };
    let of = |numbers: std::ops::Range<u32>| {
        purchase(&format!(r#""items":[{}]"#, items(numbers).join(",")))
    };
    check_rejected(&of(0..250), "invalid:items");
    let two = format!("{}\n{}", of(100..300), of(0..200));
    let count = read_whole(two.as_bytes());
    let (_, facts) = count.orders.iter().next().unwrap();
    let lines = &facts.purchased.as_ref().unwrap().lines;
    assert!(lines.has_more());
    let kept: Vec<String> = lines.iter().map(|(line, _)| line.item.clone()).collect();
    let expected: Vec<String> = (0..249).map(|number| format!("i{number:03}")).collect();
    assert_eq!(kept, expected);
    // Equal lines are one, and without an order there is no such bound.
    check_lines(&purchase_of(&[SHOE; 300]), "default/7: 300 of EUR SHOE 1/80");
    check_outcomes(&of(0..250).replace(r#""order_id":7,"#, ""), "1/0/0");
    // An element that is rejected takes nothing of the others with it.
    let own = format!(r#"{{{AT},"events":[{},{}]}}"#, of(0..250), purchase_of(&[SHOE]));
    let count = read_whole(own.as_bytes());
    assert_eq!((count.outcomes.counted, count.outcomes.rejected_total()), (1, 1));
    assert_eq!(order_lines(&count), "default/7: EUR SHOE 1/80");
}

#[test]
fn visitors_and_duplicates_are_those_of_any_event() {
    let line = purchase(r#""sku":"a","price":8,"user_id":"ann","session_id":"s","event_id":"e""#);
    let later = line.replace("23:07:31", "23:10:31").replace(r#""e""#, r#""f""#);
    let count = read_whole(format!("{line}\n{line}\n{later}").as_bytes());
    assert_eq!(
        (count.outcomes.counted, count.outcomes.duplicate, count.outcomes.events),
        (2, 1, 2)
    );
    let visitors: Vec<(u64, u64)> = count
        .visitors
        .minutes()
        .map(|(_, _, visitors)| (visitors.counts().visitors, visitors.counts().sessions))
        .collect();
    assert_eq!(visitors, [(1, 1), (1, 1)]);
    assert_eq!(order_lines(&count), "default/7: EUR a 1/8");
}

#[test]
fn an_order_has_what_its_purchases_and_its_events_report() {
    let created = event("OrderCreatedEvent", r#""order_id":7,"total_amount":70"#);
    let text = format!("{}\n{created}", purchase_of(&[SHOE]));
    let count = read_whole(text.as_bytes());
    let (_, facts) = count.orders.iter().next().unwrap();
    assert!(facts.created.is_some() && facts.purchased.is_some() && count.orders.len() == 1);
    let days: Vec<_> = count.sites().into_keys().map(str::to_string).collect();
    assert_eq!(days, ["default"]);
}
