use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::count::measure::Currency;
use crate::order::facts::{Cancellation, Creation, Product};
use crate::order::purchases::{FirstPurchase, OrderLine, OrderLines, Purchases};
use crate::order::refunds::{Refund, RefundOf, Refunds};

fn amount(text: &str) -> Amount {
    Amount::parse(text.as_bytes()).unwrap()
}

fn currency(code: &str) -> Currency {
    Currency::parse(code.as_bytes()).unwrap()
}

fn at(minute: i64) -> DateTime<Utc> {
    "2026-11-20T23:00:30Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

/// Of lines `item units money`, all in this currency, at this minute.
fn purchase(minute: i64, code: &str, lines: &[(&str, &str, &str)]) -> OrderFacts {
    let mut all = OrderLines::default();
    for (item, units, money) in lines {
        let (units, money) = (amount(units), amount(money));
        all.add(OrderLine { currency: currency(code), item: item.to_string(), units, money }, 1);
    }
    let first = FirstPurchase { at: at(minute), currency: currency(code), customer: None };
    OrderFacts::of_purchase(Purchases { first, lines: all })
}

fn creation(minute: i64, code: &str, value: &str, products: &[(&str, &str, &str)]) -> OrderFacts {
    let product = |(name, units, money): &(&str, &str, &str)| Product {
        name: name.to_string(),
        units: amount(units),
        money: amount(money),
    };
    let creation = Creation {
        at: at(minute),
        number: None,
        customer: None,
        currency: currency(code),
        value: amount(value),
        products: products.iter().map(product).collect(),
    };
    OrderFacts::of_creation(creation, "NEW")
}

fn merged(all: &[OrderFacts]) -> OrderFacts {
    let mut facts = OrderFacts::default();
    all.iter().for_each(|other| facts.merge(other.clone()));
    facts
}

/// `measure key=amount`, with the minute of the hour if it is another one.
fn counters(facts: &OrderFacts, usual: u32) -> Vec<String> {
    let contribution = facts.contribution();
    let counters = contribution.counters().map(|(minute, measure, key, amount)| {
        let at = Some(minute.of_hour()).filter(|minute| *minute != usual);
        format!("{measure} {key}={amount}{}", at.map_or(String::new(), |at| format!(" at {at}")))
    });
    counters.collect()
}

/// The minute of the hour, and the counters.
fn check(all: &[OrderFacts], minute: u32, expected: &[&str]) {
    let facts = merged(all);
    assert_eq!(facts.contribution().placed.unwrap().minute.of_hour(), minute);
    assert_eq!(counters(&facts, minute), expected);
}

#[test]
fn no_counter_is_zero() {
    check(
        &[creation(7, "USD", "0", &[("a", "0", "0"), ("b", "1", "10")])],
        7,
        &["orders NEW=1", "order_value:USD orders=1", "ordered b=1", "ordered_value:USD b=10"],
    );
}

#[test]
fn an_order_of_purchases_alone_counts_by_its_lines() {
    let lines = [("SHOE", "1", "80"), ("SHOE", "1", "70"), ("(other)", "0", "-10")];
    check(
        &[purchase(7, "EUR", &lines)],
        7,
        &[
            "orders CREATED=1",
            "order_value:EUR orders=1",
            "order_value:EUR gross=140",
            "order_value:EUR sales=140",
            "ordered SHOE=2",
            "ordered_value:EUR SHOE=150",
            "units SHOE=2",
            "sales:EUR SHOE=150",
            "sales:EUR (other)=-10",
        ],
    );
}

#[test]
fn lines_that_are_reported_again_or_one_by_one_count_once() {
    let (a, b) = (("a", "1", "2"), ("b", "3", "5"));
    let whole = purchase(7, "USD", &[a, b, a]);
    let expected = merged(std::slice::from_ref(&whole));
    for again in [&[a][..], &[b], &[a, a], &[b, a, a]] {
        let again = purchase(9, "USD", again);
        assert_eq!(merged(&[again, whole.clone()]).contribution(), expected.contribution());
    }
    let one_by_one = [purchase(8, "USD", &[a]), purchase(7, "USD", &[b])];
    check(
        &one_by_one,
        7,
        &[
            "orders CREATED=1",
            "order_value:USD orders=1",
            "order_value:USD gross=7",
            "order_value:USD sales=7",
            "ordered a=1",
            "ordered_value:USD a=2",
            "ordered b=3",
            "ordered_value:USD b=5",
            "units a=1",
            "units b=3",
            "sales:USD a=2",
            "sales:USD b=5",
        ],
    );
}

#[test]
fn a_creation_gives_the_value_and_the_products_and_the_rest_has_no_item() {
    let created = creation(9, "USD", "12.5", &[("Cup", "2", "9")]);
    let expected = [
        "orders NEW=1",
        "order_value:USD orders=1",
        "order_value:USD gross=12.5",
        "order_value:USD sales=12.5",
        "ordered Cup=2",
        "ordered_value:USD Cup=9",
        "units c=2",
        "sales:USD c=10",
        "sales:USD (other)=2.5",
    ];
    let bought = [("c", "2", "10"), ("(other)", "0", "1")];
    check(&[created.clone(), purchase(7, "USD", &bought)], 7, &expected);
    // The order was placed at its creation, if that was earlier.
    check(&[purchase(11, "USD", &bought), created], 9, &expected);
}

#[test]
fn the_value_of_lines_is_not_negative() {
    check(
        &[purchase(7, "USD", &[("a", "1", "5"), ("(other)", "0", "-8")])],
        7,
        &[
            "orders CREATED=1",
            "order_value:USD orders=1",
            "ordered a=1",
            "ordered_value:USD a=5",
            "units a=1",
            "sales:USD a=5",
            "sales:USD (other)=-5",
        ],
    );
}

#[test]
fn lines_in_another_currency_do_not_count() {
    let (euro, dollar) =
        (purchase(8, "EUR", &[("a", "1", "5")]), purchase(7, "USD", &[("b", "1", "6")]));
    check(
        &[euro.clone(), dollar.clone()],
        7,
        &[
            "orders CREATED=1",
            "order_value:USD orders=1",
            "order_value:USD gross=6",
            "order_value:USD sales=6",
            "order_value:USD incomplete=1",
            "ordered b=1",
            "ordered_value:USD b=6",
            "units b=1",
            "sales:USD b=6",
        ],
    );
    // At the same time the lesser code is that of the order.
    let same_time = purchase(7, "EUR", &[("a", "1", "5")]);
    let both = merged(&[same_time, dollar]);
    assert_eq!(both.contribution().placed.unwrap().currency, currency("EUR"));
    check(
        &[euro, creation(9, "USD", "7", &[])],
        8,
        &[
            "orders NEW=1",
            "order_value:USD orders=1",
            "order_value:USD gross=7",
            "order_value:USD sales=7",
            "order_value:USD incomplete=1",
            "sales:USD (other)=7",
        ],
    );
}

#[test]
fn an_order_of_too_many_lines_counts_the_least_and_is_incomplete() {
    let names: Vec<String> = (0..300).map(|number| format!("{number:03}")).collect();
    let lines = |names: &[String]| {
        let lines: Vec<_> = names.iter().map(|name| (name.as_str(), "1", "1")).collect();
        purchase(7, "USD", &lines)
    };
    let both = merged(&[lines(&names[100..]), lines(&names[..200])]);
    let placed = both.contribution().placed.unwrap();
    let sold = placed.sold.unwrap();
    assert!(placed.is_incomplete && placed.value == amount("249"));
    assert!(sold.iter().map(|sold| sold.name).eq(names[..249].iter()));
}

#[test]
fn a_cancellation_refunds_an_order_of_purchases_alone() {
    let cancelled = |refund: Option<&str>| {
        OrderFacts::of_cancellation(Cancellation { at: at(9), refund: refund.map(amount) })
    };
    let bought = purchase(7, "USD", &[("a", "1", "5")]);
    for (refund, refunded) in [(None, "5"), (Some("2"), "2")] {
        let facts = merged(&[cancelled(refund), bought.clone()]);
        let contribution = facts.contribution();
        assert_eq!(contribution.refunded(), amount(refunded));
        let placed = contribution.placed.unwrap();
        assert_eq!((placed.status, placed.minute.of_hour()), ("CANCELLED", 7));
    }
    assert_eq!(counters(&cancelled(None), 9), [""; 0]);
}

/// A refund at this minute, as `[event]|[item]|[what]`.
fn refund(minute: i64, what: &str) -> OrderFacts {
    let [event_id, item, what] = what.split('|').collect::<Vec<_>>().try_into().unwrap();
    let text = |text: &str| (!text.is_empty()).then(|| text.to_string());
    let what = match what.split_once(' ') {
        None => RefundOf::Everything,
        Some((units, "units")) => RefundOf::Units(amount(units)),
        Some((money, code)) => RefundOf::Money(amount(money), currency(code)),
    };
    let mut refunds = Refunds::default();
    refunds.add(Refund { event_id: text(event_id), item: text(item), what }, at(minute));
    OrderFacts::of_refunds(refunds)
}

#[test]
fn a_refund_counts_at_its_own_minute_and_moves_to_that_of_its_order() {
    let bought = purchase(7, "EUR", &[("X", "2", "30")]);
    check(
        &[refund(9, "|X|12 EUR"), bought],
        7,
        &[
            "orders CREATED=1",
            "order_value:EUR orders=1",
            "order_value:EUR gross=30",
            "order_value:EUR sales=30",
            "ordered X=2",
            "ordered_value:EUR X=30",
            "units X=2",
            "sales:EUR X=30",
            "order_value:EUR refunded=12",
            "order_value:EUR refunds=12 at 9",
            "order_value:EUR sales_refunds=12 at 9",
            "refunds:EUR X=12 at 9",
            "refunds_moved:EUR X=12",
            "refunds_moved:EUR X=-12 at 9",
        ],
    );
}

#[test]
fn an_order_of_creations_alone_refunds_no_item_and_one_that_nobody_saw_counts_its_refunds() {
    let refunds = [refund(7, "|X|12 EUR"), refund(9, "||100 EUR"), refund(9, "|Y|1 USD")];
    check(
        &[&[creation(7, "EUR", "30", &[])], &refunds[..]].concat(),
        7,
        &[
            "orders NEW=1",
            "order_value:EUR orders=1",
            "order_value:EUR gross=30",
            "order_value:EUR incomplete=1",
            "order_value:EUR refunded=12",
            "order_value:EUR refunds=12",
            "order_value:EUR refunded=18",
            "order_value:EUR over_refunded=82",
            "order_value:EUR refunds=18 at 9",
        ],
    );
    let unknown = [&refunds[..], &[refund(9, "||"), refund(9, "|X|1 units")]].concat();
    let expected = [
        "refunds:EUR =12",
        "refunds:EUR X=12",
        "refunds:EUR =100 at 9",
        "refunds:EUR (other)=100 at 9",
        "refunds:USD =1 at 9",
        "refunds:USD Y=1 at 9",
    ];
    assert_eq!(counters(&merged(&unknown), 7), expected);
}

#[test]
fn counters_of_version_1_have_no_refunds_but_that_of_the_cancellation() {
    let cancelled =
        OrderFacts::of_cancellation(Cancellation { at: at(9), refund: Some(amount("8")) });
    let facts = merged(&[cancelled, purchase(7, "USD", &[("a", "1", "5")])]);
    let contribution = facts.contribution_of(Counted::Version1);
    let of_value =
        contribution.counters().filter(|(_, measure, ..)| measure.name() == "order_value");
    let of_value: Vec<_> = of_value.map(|(.., key, amount)| format!("{key}={amount}")).collect();
    assert_eq!(of_value, ["orders=1", "gross=5", "refunded=8"]);
}

/// What is given back of an order of A (2 units, 20) and B (1 unit, 10), less a discount of 3, at
/// each minute, as `money[+over] item=money …`.
fn given_back(refunds: &[OrderFacts]) -> Vec<String> {
    let bought = purchase(0, "EUR", &[("A", "2", "20"), ("B", "1", "10"), ("(other)", "0", "-3")]);
    let facts = merged(&[&[bought], refunds].concat());
    let contribution = facts.contribution();
    let given = contribution.given_back.iter().map(|given| {
        let over = Some(given.over).filter(|over| *over != Amount::ZERO);
        let over = over.map_or(String::new(), |over| format!("+{over}"));
        let items: Vec<_> =
            given.by_item.iter().map(|(item, money)| format!(" {item}={money}")).collect();
        format!("{}{over}{}", given.money, items.concat())
    });
    given.collect()
}

#[test]
fn refunds_take_from_their_items_and_what_is_beyond_has_none() {
    let at_1 = |what| given_back(&[refund(1, what)]);
    assert_eq!(at_1("|A|5 EUR"), ["5 A=5"]);
    assert_eq!(at_1("|A|22 EUR"), ["22 A=20 (other)=2"]);
    assert_eq!(at_1("|C|4 EUR"), ["4 (other)=4"]);
    assert_eq!(at_1("||4 EUR"), ["4 (other)=4"]);
    assert_eq!(at_1("|A|1 units"), ["10 A=10"]);
    assert_eq!(at_1("|A|7 units"), ["20 A=20"]);
    assert_eq!(at_1("|A|0.333333 units"), ["3.33333 A=3.33333"]);
    assert_eq!(at_1("|C|1 units"), ["0"]);
    assert_eq!(at_1("||4 USD"), ["0"]);
    // All that is left, whether it is named or not.
    let all = "27 A=20 B=10 (other)=-3";
    assert_eq!(at_1("||"), [all]);
    assert_eq!(at_1("||27 EUR"), [all]);
    assert_eq!(at_1("||30 EUR"), [format!("27+3{}", &all[2..])]);
    assert_eq!(at_1("|A|30 EUR"), ["27+3 A=20 (other)=7"]);
}

#[test]
fn refunds_give_back_in_turn_and_never_more_than_was_paid() {
    let later = refund(2, "|A|20 EUR");
    let sooner = refund(1, "|A|15 EUR");
    assert_eq!(given_back(&[later.clone(), sooner.clone()]), ["15 A=15", "12+8 A=5 (other)=7"]);
    // Everything and the cancellation are what the others have left, whenever they were.
    let everything = refund(0, "||");
    assert_eq!(
        given_back(&[everything.clone(), sooner.clone()]),
        ["15 A=15", "12 A=5 B=10 (other)=-3"]
    );
    let cancelled = |refund: Option<&str>| {
        OrderFacts::of_cancellation(Cancellation { at: at(0), refund: refund.map(amount) })
    };
    let with = |refund| given_back(&[cancelled(refund), sooner.clone()]);
    assert_eq!(with(None), ["15 A=15", "12 A=5 B=10 (other)=-3"]);
    assert_eq!(with(Some("17")), ["15 A=15", "2 (other)=2"]);
    assert_eq!(with(Some("10")), ["15 A=15", "0"]);
    assert_eq!(with(Some("40")), ["15 A=15", "12+13 A=5 B=10 (other)=-3"]);
    let both = given_back(&[cancelled(None), everything]);
    assert_eq!(both, ["27 A=20 B=10 (other)=-3", "0"]);
}

#[test]
fn a_refund_that_is_reported_again_gives_back_once() {
    let refunded = refund(3, "|A|5 EUR");
    let again = [refund(5, "|A|5 EUR"), refunded.clone(), refund(4, "|A|5 EUR")];
    assert_eq!(given_back(&again), ["5 A=5"]);
    assert_eq!(merged(&again).refunds.iter().next().unwrap().at, at(3));
    // With ids of their own they are two; in one event, too.
    assert_eq!(given_back(&[refund(1, "r1|A|5 EUR"), refund(1, "r2|A|5 EUR")]), ["5 A=5", "5 A=5"]);
    let mut twice = refunded.refunds.clone();
    twice.add(refunded.refunds.iter().next().unwrap().refund.clone(), at(1));
    assert_eq!(given_back(&[OrderFacts::of_refunds(twice), refunded]), ["10 A=10"]);
}

#[test]
fn an_order_of_one_item_refunds_that() {
    let facts = merged(&[
        purchase(0, "EUR", &[("X", "2", "30")]),
        creation(1, "EUR", "34", &[]),
        refund(2, "||12 EUR"),
        refund(3, "||20 EUR"),
    ]);
    let given: Vec<_> =
        facts.contribution().given_back.iter().map(|given| given.by_item.clone()).collect();
    assert_eq!(
        given,
        [vec![("X", amount("12"))], vec![("X", amount("18")), ("(other)", amount("2"))]]
    );
}

#[test]
fn the_least_refunds_are_kept_and_the_order_is_incomplete() {
    let names: Vec<String> = (0..130).map(|number| format!("{number:03}")).collect();
    let refunds: Vec<OrderFacts> =
        names.iter().rev().map(|name| refund(1, &format!("{name}|A|0.1 EUR"))).collect();
    let facts = merged(&[&refunds[..], &[purchase(0, "EUR", &[("A", "2", "20")])]].concat());
    assert_eq!((facts.refunds.len(), facts.refunds.has_more()), (100, true));
    assert!(facts.contribution().placed.unwrap().is_incomplete);
    let kept = facts.refunds.iter().map(|reported| reported.refund.event_id.clone().unwrap());
    assert!(kept.eq(names[..100].iter().cloned()));
}

#[test]
fn a_share_is_exact_where_the_product_does_not_fit() {
    let third = Amount::from_units(10_i128.pow(24)).units();
    let sold = Sold { name: "A", units: amount("1000000000000"), money: amount("900000000000.5") };
    assert_eq!(third, sold.units.units());
    for (units, money) in [
        ("333333333333", "299999999999.866666"),
        ("0.000001", "0"),
        ("500000000000", "450000000000.25"),
    ] {
        let lines = [("A", "1000000000000", "900000000000.5")];
        let facts = merged(&[purchase(0, "EUR", &lines), refund(1, &format!("|A|{units} units"))]);
        assert_eq!(facts.contribution().refunded(), amount(money), "{units}");
    }
}
