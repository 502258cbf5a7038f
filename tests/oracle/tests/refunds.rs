//! Refunds that count through their order, with results that were computed by hand.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use minutebook_oracle::{
    Contribution, Decimal, Order, Recount, RefundOf, Settings, TallyKey, order_tallies, orders,
    recount, sum, tallies_of_contributions,
};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

fn count(text: &str) -> Recount {
    let settings = Settings::at("2026-11-20T12:00:00Z".parse().unwrap());
    recount(text.as_bytes(), &settings).unwrap()
}

/// An event about order 1 at a minute and second after 11 o'clock: `07:01`.
fn event(kind: &str, at: &str, members: &str) -> String {
    format!("{{\"event\":\"{kind}\",\"ts\":\"2026-11-20T11:{at}Z\",\"order_id\":1,{members}}}\n")
}

fn purchase(at: &str, members: &str) -> String {
    event("purchase", at, members)
}

fn refund(at: &str, members: &str) -> String {
    event("refund", at, members)
}

/// Of everything.
fn refund_all(at: &str) -> String {
    refund(at, r#""event_id":null"#)
}

/// A cancellation, of everything or of so much.
fn cancelled(at: &str, amount: &str) -> String {
    let amount = if amount.is_empty() { "null" } else { amount };
    event("OrderCancelledEvent", at, &format!(r#""refundAmount":{amount}"#))
}

/// Two shoes and a cap at 11:07: 2 × 40 + 20 = 100.
fn shoes_and_a_cap() -> String {
    purchase(
        "07:00",
        r#""items":[{"item_id":"SHOE","price":40,"quantity":2},{"item_id":"CAP","price":20}]"#,
    )
}

fn cells(tallies: &BTreeMap<TallyKey, Decimal>) -> Vec<String> {
    let cells = tallies.iter().map(|(key, number)| {
        format!("{} {} {}={number}", key.measure, key.minute_start().format("%M"), key.key)
    });
    cells.collect()
}

/// What these texts count together.
fn counted(texts: &[&str]) -> BTreeMap<TallyKey, Decimal> {
    let text = texts.concat();
    let recount = count(&text);
    assert_eq!((recount.rejected_lines.as_slice(), recount.tallies.len()), (&[][..], 0), "{text}");
    order_tallies(&recount.orders)
}

/// What was given back of an order of minute 07 in dollars that has lines: `<in all> over <what was
/// wanted beyond> incomplete: <minute> <item>=<money>; …`. What follows from that is checked.
fn given_back(tallies: &BTreeMap<TallyKey, Decimal>) -> String {
    let number = |measure: &str, minute: i64, key: &str| {
        let mut cells = tallies.iter().filter(|(cell, _)| {
            (cell.measure.as_str(), cell.minute % 60, cell.key.as_str()) == (measure, minute, key)
        });
        cells.next().map_or(Decimal::ZERO, |(_, number)| *number)
    };
    let value = |minute: i64, key: &str| number("order_value:USD", minute, key);
    let mut text = value(7, "refunded").to_string();
    if !value(7, "over_refunded").is_zero() {
        text += &format!(" over {}", value(7, "over_refunded"));
    }
    if value(7, "incomplete") == Decimal::ONE {
        text += " incomplete";
    }
    let refunds = tallies.iter().filter(|(cell, _)| cell.measure == "refunds:USD");
    let refunds: Vec<(i64, &str, Decimal)> =
        refunds.map(|(cell, money)| (cell.minute % 60, cell.key.as_str(), *money)).collect();
    let items: Vec<String> =
        refunds.iter().map(|(minute, item, money)| format!("{minute:02} {item}={money}")).collect();
    text += &format!(": {}", items.join("; "));

    // At each minute, the order gave back what its items did.
    for minute in 0..60 {
        let of_items = refunds.iter().filter(|(at, ..)| *at == minute);
        let of_items: Decimal = of_items.map(|(.., money)| *money).sum();
        assert_eq!([value(minute, "refunds"), value(minute, "sales_refunds")], [of_items; 2]);
    }
    // Each item gave back at the minute of the order what it did at any other, and not there.
    let mut moved = BTreeMap::new();
    for (minute, item, money) in refunds.iter().filter(|(minute, ..)| *minute != 7) {
        *moved.entry((*minute, *item)).or_default() += Decimal::ZERO - *money;
        *moved.entry((7, *item)).or_default() += *money;
    }
    let found = tallies.iter().filter(|(cell, _)| cell.measure == "refunds_moved:USD");
    let found = found.map(|(cell, money)| ((cell.minute % 60, cell.key.as_str()), *money));
    moved.retain(|_, money: &mut Decimal| !money.is_zero());
    assert_eq!(found.collect::<BTreeMap<_, _>>(), moved);
    text
}

/// Compares what was given back, in whatever order these texts come, and if they come again.
#[track_caller]
fn check(texts: &[&str], expected: &str) {
    let mut random = StdRng::seed_from_u64(7);
    let mut texts = texts.to_vec();
    for _ in 0..8 {
        assert_eq!(given_back(&counted(&texts)), expected, "{texts:?}");
        texts.push(texts[random.random_range(0..texts.len())]);
        texts.shuffle(&mut random);
    }
}

fn order(text: &str) -> Order {
    let orders = orders(&count(text).orders);
    assert_eq!(orders.len(), 1);
    orders.into_values().next().unwrap()
}

/// `<id> <item>: <what> x <count>` of each refund.
fn refunds_of(text: &str) -> Vec<String> {
    let order = order(text);
    let refunds = order.refunds.iter().map(|(refund, reported)| {
        let [id, item] =
            [&refund.event_id, &refund.item].map(|name| name.as_deref().unwrap_or("-"));
        let what = match &refund.what {
            RefundOf::Everything => "everything".to_owned(),
            RefundOf::Units(units) => format!("{units} units"),
            RefundOf::Money(money, currency) => format!("{money} {currency}"),
        };
        format!("{id} {item}: {what} x {}", reported.count)
    });
    refunds.collect()
}

#[test]
fn a_refund_told_three_ways_gives_back_no_more_than_was_paid() {
    let bought = purchase("07:00", r#""item_id":"X","price":15,"quantity":2,"currency":"EUR""#);
    let told = |at: &str, id: &str| {
        refund(at, &format!(r#""item_id":"X","total_amount":30,"currency":"EUR"{id}"#))
    };
    let (first, again, other) =
        (told("08:00", ""), told("09:00", ""), told("09:30", r#","event_id":"m-7""#));
    let expected = [
        "order_value:EUR 07 gross=30",
        "order_value:EUR 07 orders=1",
        "order_value:EUR 07 over_refunded=30",
        "order_value:EUR 07 refunded=30",
        "order_value:EUR 07 sales=30",
        "order_value:EUR 08 refunds=30",
        "order_value:EUR 08 sales_refunds=30",
        "ordered 07 X=2",
        "ordered_value:EUR 07 X=30",
        "orders 07 CREATED=1",
        "refunds:EUR 08 X=30",
        "refunds_moved:EUR 07 X=30",
        "refunds_moved:EUR 08 X=-30",
        "sales:EUR 07 X=30",
        "units 07 X=2",
    ];
    assert_eq!(cells(&counted(&[&bought, &first, &again, &other])), expected);
    assert_eq!(cells(&counted(&[&other, &again, &bought, &first, &other])), expected);
    // Money of no item is that of the only one.
    let [first, again, other] =
        [first, again, other].map(|text| text.replace(r#""item_id":"X","#, ""));
    assert_eq!(cells(&counted(&[&again, &first, &bought, &other])), expected);
}

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
        (r#""currency":"EUR""#, "- -: everything x 1"),
        (r#""items":[],"quantity":2"#, "- -: everything x 1"),
        (r#""items":null,"item_id":{}"#, "- -: everything x 1"),
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
        (r#""item_id":"a","quantity":-2"#, "- a: 2 units x 1"),
        (r#""value":-5"#, "- -: 5 USD x 1"),
        (
            r#""event_id":"e","items":[{"item_id":"a","price":-5},{"item_id":"b","quantity":-1}]"#,
            "e a: 5 USD x 1, e b: 1 units x 1",
        ),
    ] {
        let text = purchase("08:00", members);
        assert_eq!(refunds_of(&text).join(", "), expected, "{members}");
        assert_eq!(order(&text).purchased, None);
    }
    let text = purchase("08:00", r#""item_id":"SHOE","quantity":-1"#);
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
    assert_eq!(cells(&sum(&[recount.clone()])), ["refunds:USD 08 (other)=7", "refunds:USD 08 a=5"]);
    assert_eq!((recount.orders.len(), recount.dropped["order_id"]), (0, 2));
    assert_eq!(count(&none(r#""item_id":"a""#)).ignored, 1);
    let reason = |text: &str| count(text).rejected_lines.pop().map(|line| line.reason);
    assert_eq!(reason(&none(r#""quantity":1"#)).as_deref(), Some("missing:item_id"));
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

#[test]
fn an_item_gives_back_its_money_and_what_is_beyond_that_is_of_no_item() {
    let bought = shoes_and_a_cap();
    let of = |members: &str| refund("08:00", &format!(r#""item_id":{members}"#));
    check(&[&bought, &of(r#""SHOE","price":30"#)], "30: 08 SHOE=30");
    check(&[&bought, &of(r#""SHOE","price":90"#)], "90: 08 (other)=10; 08 SHOE=80");
    check(&[&bought, &of(r#""HAT","price":5"#)], "5: 08 (other)=5");
    check(&[&bought, &of(r#""SHOE","price":120"#)], "100 over 20: 08 (other)=20; 08 SHOE=80");
    // At the minute of the order, nothing is moved.
    check(&[&bought, &refund("07:59", r#""item_id":"CAP","price":5"#)], "5: 07 CAP=5");
    // Before the order, too.
    check(&[&bought, &refund("06:00", r#""item_id":"CAP","price":5"#)], "5: 06 CAP=5");
    // The second one finds 50 of the shoes.
    let second = refund("09:00", r#""item_id":"SHOE","price":60"#);
    check(
        &[&bought, &of(r#""SHOE","price":30"#), &second],
        "90: 08 SHOE=30; 09 (other)=10; 09 SHOE=50",
    );
}

#[test]
fn units_give_back_their_part_of_the_money_of_the_item() {
    let bought = shoes_and_a_cap();
    let units = |members: &str| refund("08:00", members);
    check(&[&bought, &units(r#""item_id":"SHOE""#)], "40: 08 SHOE=40");
    check(&[&bought, &units(r#""item_id":"SHOE","quantity":0.5"#)], "20: 08 SHOE=20");
    check(&[&bought, &units(r#""item_id":"SHOE","quantity":2"#)], "80: 08 SHOE=80");
    check(&[&bought, &units(r#""item_id":"SHOE","quantity":3"#)], "80: 08 SHOE=80");
    // Two units in one event, and one more by another.
    let twice = r#""items":[{"item_id":"SHOE"},{"item_id":"SHOE"}]"#;
    check(&[&bought, &units(twice)], "80: 08 SHOE=80");
    let third = refund("09:00", r#""item_id":"SHOE","event_id":"e""#);
    check(&[&bought, &units(twice), &third], "100 over 20: 08 SHOE=80; 09 (other)=20");
    // Of three for 10, rounded down.
    let three = purchase("07:00", r#""item_id":"a","total_amount":10,"quantity":3"#);
    check(&[&three, &units(r#""item_id":"a""#)], "3.333333: 08 a=3.333333");
    check(&[&three, &units(r#""item_id":"a","quantity":2"#)], "6.666666: 08 a=6.666666");
    check(&[&three, &units(r#""item_id":"a","quantity":3"#)], "10: 08 a=10");
    // Lines of one item at two prices are together 3 units for 100.
    let dearer = purchase("07:30", r#""item_id":"SHOE","price":20"#);
    check(&[&bought, &dearer, &units(r#""item_id":"SHOE","quantity":1.5"#)], "50: 08 SHOE=50");
    // Nothing is known of units that nobody bought.
    check(&[&bought, &units(r#""item_id":"HAT""#)], "0 incomplete: ");
}

#[test]
fn money_of_no_item_is_that_of_the_only_one_or_of_all_if_it_is_all() {
    let bought = shoes_and_a_cap();
    let money = |at: &str, value: &str| refund(at, &format!(r#""value":{value}"#));
    check(&[&bought, &money("08:00", "30")], "30: 08 (other)=30");
    check(&[&bought, &money("08:00", "100")], "100: 08 CAP=20; 08 SHOE=80");
    check(&[&bought, &money("08:00", "101")], "100 over 1: 08 CAP=20; 08 SHOE=80");
    // What is left of (other) is -30 after the first.
    check(
        &[&bought, &money("08:00", "30"), &money("09:00", "70")],
        "100: 08 (other)=30; 09 (other)=-30; 09 CAP=20; 09 SHOE=80",
    );
    let shoe = purchase("07:00", r#""item_id":"SHOE","price":80"#);
    check(&[&shoe, &money("08:00", "30")], "30: 08 SHOE=30");
    check(
        &[&shoe, &money("08:00", "30"), &money("09:00", "60")],
        "80 over 10: 08 SHOE=30; 09 SHOE=50",
    );
    // Lines without an item leave all of it without one.
    let plain = purchase("07:00", r#""value":80"#);
    check(&[&plain, &money("08:00", "30")], "30: 08 (other)=30");
}

#[test]
fn everything_is_what_the_other_refunds_have_left_whenever_they_were() {
    let (bought, shoe) = (shoes_and_a_cap(), refund("08:30", r#""item_id":"SHOE","price":30"#));
    check(&[&bought, &refund_all("08:00")], "100: 08 CAP=20; 08 SHOE=80");
    check(&[&bought, &shoe, &refund_all("09:00")], "100: 08 SHOE=30; 09 CAP=20; 09 SHOE=50");
    check(&[&bought, &shoe, &refund_all("06:00")], "100: 06 CAP=20; 06 SHOE=50; 08 SHOE=30");
    // A second one has nothing left, and wanted no more than that.
    let second = refund("06:00", r#""event_id":"e""#);
    check(&[&bought, &refund_all("08:00"), &second], "100: 06 CAP=20; 06 SHOE=80");
}

#[test]
fn a_cancellation_gives_back_what_the_refunds_have_not() {
    let (bought, shoe) = (shoes_and_a_cap(), refund("08:00", r#""item_id":"SHOE","price":30"#));
    let with = |at: &str, amount: &str, expected: &str| {
        check(&[&bought, &shoe, &cancelled(at, amount)], expected);
    };
    with("09:00", "", "100: 08 SHOE=30; 09 CAP=20; 09 SHOE=50");
    // It comes last, even if it was earlier.
    with("07:30", "", "100: 07 CAP=20; 07 SHOE=50; 08 SHOE=30");
    with("09:00", "50", "80: 08 SHOE=30; 09 (other)=50");
    with("09:00", "-90", "100 over 20: 08 SHOE=30; 09 CAP=20; 09 SHOE=50");
    with("09:00", "0", "30: 08 SHOE=30");
    check(&[&bought, &cancelled("09:00", "40")], "40: 09 (other)=40");
    check(&[&bought, &cancelled("09:00", "")], "100: 09 CAP=20; 09 SHOE=80");
    check(&[&bought, &refund_all("08:00"), &cancelled("09:00", "")], "100: 08 CAP=20; 08 SHOE=80");
}

#[test]
fn two_equal_refunds_are_one_unless_their_ids_differ_or_one_event_has_both() {
    let bought = shoes_and_a_cap();
    let told = |at: &str, id: &str| refund(at, &format!(r#""item_id":"SHOE","price":30{id}"#));
    // At the time of the earliest.
    check(&[&bought, &told("09:00", ""), &told("08:00", "")], "30: 08 SHOE=30");
    let (first, second) = (told("08:00", r#","event_id":"a""#), told("09:00", r#","event_id":2"#));
    check(&[&bought, &first, &second], "60: 08 SHOE=30; 09 SHOE=30");
    check(&[&bought, &first, &told("09:00", "")], "60: 08 SHOE=30; 09 SHOE=30");
    let both = |at: &str| {
        refund(at, r#""items":[{"item_id":"CAP","price":5},{"item_id":"CAP","price":5}]"#)
    };
    check(&[&bought, &both("08:00")], "10: 08 CAP=10");
    // As many as the event with the most, at the time of the earliest that has it.
    let one = refund("06:00", r#""item_id":"CAP","price":5"#);
    check(&[&bought, &both("08:00"), &one, &both("09:00")], "10: 06 CAP=10");
    // The same id in one file is a duplicate, whatever it says.
    let recount = count(&(first + &told("09:00", r#","event_id":"a""#)));
    assert_eq!((recount.counted, recount.duplicate), (1, 1));
}

#[test]
fn equal_times_are_in_the_order_of_ids_and_items() {
    let bought = shoes_and_a_cap();
    let told = |item: &str, price: u32, id: &str| {
        refund("08:00", &format!(r#""item_id":"{item}","price":{price},"event_id":{id}"#))
    };
    // The cap first: 20 and 30 of no item, so that 50 is left for the shoes.
    check(
        &[&bought, &told("CAP", 50, "\"a\""), &told("SHOE", 80, "\"b\"")],
        "100 over 30: 08 (other)=30; 08 CAP=20; 08 SHOE=50",
    );
    check(
        &[&bought, &told("CAP", 50, "\"b\""), &told("SHOE", 80, "\"a\"")],
        "100 over 30: 08 CAP=20; 08 SHOE=80",
    );
    // No id comes first.
    check(
        &[&bought, &told("CAP", 50, "null"), &told("SHOE", 80, "\"a\"")],
        "100 over 30: 08 (other)=30; 08 CAP=20; 08 SHOE=50",
    );
    // Nor does an item: 50 of none, then 50 of the shoes.
    check(
        &[&bought, &told("SHOE", 80, "null"), &refund("08:00", r#""value":50"#)],
        "100 over 30: 08 (other)=50; 08 SHOE=50",
    );
    // The time decides before them.
    let later = refund("08:00.000000001", r#""value":50"#);
    check(&[&bought, &told("SHOE", 80, "\"z\""), &later], "100 over 30: 08 CAP=20; 08 SHOE=80");
}

#[test]
fn money_of_another_currency_does_not_count() {
    let bought = shoes_and_a_cap();
    let euros = refund("08:00", r#""item_id":"SHOE","price":30,"currency":"EUR""#);
    check(&[&bought, &euros], "0 incomplete: ");
    check(&[&bought, &euros, &cancelled("09:00", "")], "100 incomplete: 09 CAP=20; 09 SHOE=80");
    // Until the order is seen, it counts by itself.
    assert_eq!(cells(&counted(&[&euros])), ["refunds:EUR 08 SHOE=30"]);
}

#[test]
fn refunds_of_an_order_that_nobody_saw_placed_count_their_money() {
    let alone = |at: &str, members: &str| refund(at, members);
    let texts = [
        alone("08:00", r#""item_id":"SHOE","price":30,"event_id":"a""#),
        alone("08:00", r#""item_id":"SHOE","price":30,"event_id":"b""#),
        alone("09:00", r#""items":[{"item_id":"CAP","price":5},{"item_id":"CAP","price":5}]"#),
        alone("09:00", r#""value":7,"currency":"EUR""#),
        alone("09:00", r#""item_id":"SHOE""#),
        refund_all("09:00"),
        cancelled("09:00", "40"),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let expected = ["refunds:EUR 09 (other)=7", "refunds:USD 08 SHOE=60", "refunds:USD 09 CAP=10"];
    assert_eq!(cells(&counted(&texts)), expected);
    assert_eq!(cells(&counted(&[&texts[..], &texts[..]].concat())), expected);
    // Once it is, they are those of the order: 60 and 10 of 100, a shoe of 40 of which 20 is left, in
    // the order of their times, and everything.
    let bought = shoes_and_a_cap();
    check(
        &[&texts[..], &[&bought]].concat(),
        "100 over 50 incomplete: 08 SHOE=60; 09 (other)=10; 09 CAP=10; 09 SHOE=20",
    );
}

#[test]
fn an_order_of_a_creation_alone_gives_back_money_of_no_item() {
    let created = event(
        "OrderCreatedEvent",
        "07:00",
        r#""total_amount":50,"items":[{"product_name":"Mug","quantity":2,"price":25}]"#,
    );
    let refunded = refund("08:00", r#""item_id":"Mug","price":20"#);
    let rest = [
        "order_value:USD 07 gross=50",
        "order_value:USD 07 orders=1",
        "order_value:USD 07 refunded=20",
        "order_value:USD 08 refunds=20",
        "ordered 07 Mug=2",
        "ordered_value:USD 07 Mug=50",
        "orders 07 CREATED=1",
    ];
    assert_eq!(cells(&counted(&[&created, &refunded])), rest);
    // It has no lines that had units.
    let units = refund("08:00", r#""item_id":"Mug""#);
    let incomplete = cells(&counted(&[&created, &refunded, &units]));
    assert_eq!(incomplete[1], "order_value:USD 07 incomplete=1");
    assert_eq!(incomplete.len(), rest.len() + 1);
    let all = cells(&counted(&[&created, &refunded, &refund_all("09:00")]));
    assert_eq!(
        all[2..5],
        [
            "order_value:USD 07 refunded=50",
            "order_value:USD 08 refunds=20",
            "order_value:USD 09 refunds=30"
        ]
    );
}

#[test]
fn what_a_creation_is_worth_beyond_the_lines_is_of_no_item() {
    let shoe = purchase("07:00", r#""item_id":"SHOE","price":80"#);
    // With a shipping of 20.
    let created = event("OrderCreatedEvent", "07:30", r#""total_amount":100"#);
    let with = |text: &str, expected: &str| check(&[&shoe, &created, text], expected);
    with(&refund("08:00", r#""value":30"#), "30: 08 SHOE=30");
    with(&refund("08:00", r#""value":90"#), "90: 08 (other)=10; 08 SHOE=80");
    with(&refund("08:00", r#""item_id":"SHOE","price":90"#), "90: 08 (other)=10; 08 SHOE=80");
    with(&refund_all("08:00"), "100: 08 (other)=20; 08 SHOE=80");
    with(&cancelled("08:00", ""), "100: 08 (other)=20; 08 SHOE=80");
    // The creation may say less than the lines.
    let cheaper = event("OrderCreatedEvent", "07:30", r#""total_amount":70"#);
    check(&[&shoe, &cheaper, &refund_all("08:00")], "70: 08 (other)=-10; 08 SHOE=80");
}

#[test]
fn a_discount_is_given_back_with_all_the_rest() {
    let bought = purchase(
        "07:00",
        r#""items":[{"item_id":"SHOE","price":80},{"item_id":"off","price":-10}]"#,
    );
    let with =
        |texts: &[&str], expected: &str| check(&[&[bought.as_str()], texts].concat(), expected);
    with(&[&refund_all("08:00")], "70: 08 (other)=-10; 08 SHOE=80");
    with(&[&refund("08:00", r#""value":70"#)], "70: 08 (other)=-10; 08 SHOE=80");
    // A shoe of 80, of which 70 was paid. The cancellation finds nothing left.
    let shoe = refund("08:00", r#""item_id":"SHOE""#);
    with(&[&shoe], "70 over 10: 08 SHOE=70");
    with(&[&shoe, &cancelled("09:00", "")], "70 over 10: 08 SHOE=70");
    with(&[&refund("08:00", r#""value":30"#)], "30: 08 SHOE=30");
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

#[test]
fn the_counters_of_an_order_may_have_only_its_first_refunds_or_none() {
    let text = shoes_and_a_cap()
        + &refund("08:00", r#""item_id":"SHOE","price":30"#)
        + &refund("09:00", r#""item_id":"CAP","price":5"#)
        + &cancelled("10:00", "90");
    let order = order(&text);
    let of = |contribution| tallies_of_contributions([("default", &order, contribution)]);
    let given = [
        "0: ",
        "30: 08 SHOE=30",
        "35: 08 SHOE=30; 09 CAP=5",
        "100 over 25: 08 SHOE=30; 09 CAP=5; 10 CAP=15; 10 SHOE=50",
    ];
    for (refunds, expected) in given.into_iter().enumerate() {
        assert_eq!(given_back(&of(Contribution::FirstRefunds(refunds))), expected);
    }
    assert_eq!(of(Contribution::Whole), of(Contribution::FirstRefunds(3)));
    // A build before gave back what the cancellation says, at the minute of the order.
    assert_eq!(
        cells(&of(Contribution::WithoutRefunds)),
        [
            "order_value:USD 07 gross=100",
            "order_value:USD 07 orders=1",
            "order_value:USD 07 refunded=90",
            "ordered 07 CAP=1",
            "ordered 07 SHOE=2",
            "ordered_value:USD 07 CAP=20",
            "ordered_value:USD 07 SHOE=80",
            "orders 07 CANCELLED=1",
            "sales:USD 07 CAP=20",
            "sales:USD 07 SHOE=80",
            "units 07 CAP=1",
            "units 07 SHOE=2",
        ]
    );
}

#[test]
fn refunds_of_an_order_keep_their_names_beside_others_that_lose_theirs() {
    let plain = |item: &str, price: u32| {
        refund("08:00", &format!(r#""item_id":"{item}","price":{price}"#))
            .replace("\"order_id\":1,", "")
    };
    let of_order = refund("08:00", r#""item_id":"x","price":1"#);
    let recount = count(&(plain("a", 5) + &plain("b", 3) + &of_order)).with_names_max(1);
    assert_eq!(cells(&recount.tallies), ["refunds:USD 08 (other)=3", "refunds:USD 08 a=5"]);
    assert_eq!(cells(&order_tallies(&recount.orders)), ["refunds:USD 08 x=1"]);
}
