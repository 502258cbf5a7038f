use chrono::TimeDelta;

use super::*;
use crate::order::facts::{Cancellation, Creation, Product};
use crate::order::purchases::{FirstPurchase, OrderLine, OrderLines};

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

/// The minute of the hour, and the counters, as `measure key=amount`.
fn check(all: &[OrderFacts], minute: u32, expected: &[&str]) {
    let facts = merged(all);
    let contribution = facts.contribution().unwrap();
    assert_eq!(contribution.minute.of_hour(), minute);
    let counters: Vec<String> = contribution
        .counters()
        .map(|(measure, key, amount)| format!("{measure} {key}={amount}"))
        .collect();
    assert_eq!(counters, expected);
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
    assert_eq!(both.contribution().unwrap().currency, currency("EUR"));
    check(
        &[euro, creation(9, "USD", "7", &[])],
        8,
        &[
            "orders NEW=1",
            "order_value:USD orders=1",
            "order_value:USD gross=7",
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
    let contribution = both.contribution().unwrap();
    let sold = contribution.sold.unwrap();
    assert!(contribution.is_incomplete && contribution.value == amount("249"));
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
        let contribution = facts.contribution().unwrap();
        let found = (contribution.status, contribution.refunded, contribution.minute.of_hour());
        assert_eq!(found, ("CANCELLED", amount(refunded), 7));
    }
    assert_eq!(cancelled(None).contribution(), None);
}
