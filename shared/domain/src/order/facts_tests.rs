use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::order::placed::Placed;
use crate::order::purchases::{FirstPurchase, ORDER_LINES_MAX, OrderLine, OrderLines};
use crate::order::refunds::{ORDER_REFUNDS_MAX, Refund, RefundOf, ReportedRefund};

fn at(nanoseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(1_795_216_051_000_000_000 + nanoseconds)
}

fn currency() -> Currency {
    Currency::parse(b"USD").unwrap()
}

fn creation(time: i64, value: u64, products: &[(&str, u64)]) -> Creation {
    let mut sums = ProductSums::default();
    for (name, units) in products {
        let (units, money) = (Amount::from_count(*units), Amount::from_count(10 * units));
        sums.add(Product { name: name.to_string(), units, money });
    }
    Creation {
        at: at(time),
        number: None,
        customer: Some("c".to_string()),
        currency: currency(),
        value: Amount::from_count(value),
        products: sums.finish(),
    }
}

fn cancellation(time: i64, refund: Option<u64>) -> Cancellation {
    Cancellation { at: at(time), refund: refund.map(Amount::from_count) }
}

fn merged(all: impl IntoIterator<Item = OrderFacts>) -> OrderFacts {
    let mut facts = OrderFacts::default();
    for other in all {
        facts.merge(other);
    }
    facts
}

/// `minute status value refunded product=units/money …`
fn contribution(facts: &OrderFacts) -> String {
    let contribution = facts.contribution();
    let refunded = contribution.refunded();
    let Some(Placed { minute, status, value, ordered, .. }) = contribution.placed else {
        return "nothing".to_string();
    };
    let products: Vec<_> = ordered
        .iter()
        .map(|sold| format!(" {}={}/{}", sold.name, sold.units, sold.money))
        .collect();
    format!("{minute} {status} {value} {refunded}{}", products.concat())
}

#[test]
fn an_order_counts_from_its_creation_on() {
    let change = OrderFacts::of_change(at(5), "PAID");
    let created =
        OrderFacts::of_creation(creation(0, 30, &[("b", 1), ("a", 2), ("b", 3)]), "CREATED");
    assert_eq!(contribution(&change), "nothing");
    assert_eq!(contribution(&created), "2026-11-20T23:07:00Z CREATED 30 0 a=2/20 b=4/40");
    assert_eq!(
        contribution(&merged([change, created])),
        "2026-11-20T23:07:00Z PAID 30 0 a=2/20 b=4/40"
    );
}

#[test]
fn the_latest_status_counts_to_the_nanosecond() {
    let created = OrderFacts::of_creation(creation(0, 30, &[]), "NEW");
    let (paid, shipped) =
        (OrderFacts::of_change(at(7), "PAID"), OrderFacts::of_change(at(8), "SHIPPED"));
    for all in
        [[&created, &paid, &shipped], [&shipped, &paid, &created], [&paid, &shipped, &created]]
    {
        assert_eq!(
            contribution(&merged(all.into_iter().cloned())),
            "2026-11-20T23:07:00Z SHIPPED 30 0"
        );
    }
}

#[test]
fn at_equal_times_a_cancellation_beats_a_change_and_a_change_beats_a_creation() {
    let created = OrderFacts::of_creation(creation(0, 30, &[]), "Z");
    let (early, late) = (OrderFacts::of_change(at(0), "A"), OrderFacts::of_change(at(0), "B"));
    let cancelled = OrderFacts::of_cancellation(cancellation(0, Some(0)));
    let status = |all: &[&OrderFacts]| {
        merged(all.iter().map(|facts| (*facts).clone())).stage.unwrap().status
    };
    assert_eq!(status(&[&early, &created]), "A");
    assert_eq!(status(&[&late, &early, &created]), "B");
    assert_eq!(status(&[&cancelled, &late, &created]), STATUS_CANCELLED);
}

#[test]
fn a_cancellation_refunds_its_amount_or_the_whole_value() {
    let created = OrderFacts::of_creation(creation(0, 30, &[]), "CREATED");
    for (refund, refunded) in [(None, "30"), (Some(0), "0"), (Some(12), "12"), (Some(31), "30")] {
        let cancelled = OrderFacts::of_cancellation(cancellation(9, refund));
        let expected = format!("2026-11-20T23:07:00Z CANCELLED 30 {refunded}");
        assert_eq!(contribution(&merged([cancelled, created.clone()])), expected);
    }
    // Later events change the status but not the money.
    let cancelled = OrderFacts::of_cancellation(cancellation(9, Some(5)));
    let again = OrderFacts::of_cancellation(cancellation(11, Some(6)));
    let refunded = OrderFacts::of_change(at(10), "REFUNDED");
    let all = merged([refunded, created, again, cancelled]);
    assert_eq!(contribution(&all), "2026-11-20T23:07:00Z CANCELLED 30 5");
}

#[test]
fn the_earlier_of_two_creations_counts() {
    let first = OrderFacts::of_creation(creation(0, 30, &[("a", 1)]), "CREATED");
    let second = OrderFacts::of_creation(creation(60_000_000_000, 40, &[("b", 1)]), "PENDING");
    for all in [[&first, &second], [&second, &first]] {
        let expected = "2026-11-20T23:07:00Z PENDING 30 0 a=1/10";
        assert_eq!(contribution(&merged(all.into_iter().cloned())), expected);
    }
}

#[test]
fn orders_know_their_approximate_size() {
    let mut orders = Orders::default();
    assert_eq!(orders.bytes(), 0);
    orders.add("s", "1", OrderFacts::of_change(at(1), "PAID"));
    let one = orders.bytes();
    orders.add("s", "1", OrderFacts::of_change(at(1), "PAID"));
    assert_eq!((orders.bytes(), orders.len()), (one, 1));
    orders.add("s", "1", OrderFacts::of_creation(creation(0, 1, &[("a long name", 1)]), "CREATED"));
    assert!(orders.bytes() > one);
    let created = orders.bytes();
    let lines = OrderLines::new([(line(1), 1), (line(2), 1)], false);
    orders.add("s", "1", OrderFacts::of_purchase(purchases(0, Some("c".to_string()), lines)));
    assert!(orders.bytes() >= created + 2 * size_of::<(OrderLine, u32)>());
    orders.add("t", "1", OrderFacts::default());
    assert_eq!(orders.len(), 2);
}

fn any_facts() -> impl Strategy<Value = OrderFacts> {
    let time = || 0_i64..4;
    let status = || proptest::sample::select(vec!["CREATED", "PAID", "SHIPPED"]);
    let products =
        || proptest::collection::vec((proptest::sample::select(vec!["a", "b"]), 0_u64..3), 0..3);
    prop_oneof![
        (time(), 0_u64..3, products(), status()).prop_map(|(time, value, products, status)| {
            OrderFacts::of_creation(creation(time, value, &products), status)
        }),
        (time(), status()).prop_map(|(time, status)| OrderFacts::of_change(at(time), status)),
        (time(), proptest::option::of(0_u64..3))
            .prop_map(|(time, refund)| OrderFacts::of_cancellation(cancellation(time, refund))),
        (time(), any_customer(), proptest::collection::vec((0_i128..6, 1_u32..4), 1..5)).prop_map(
            |(time, customer, lines)| {
                let lines = lines.into_iter().map(|(number, count)| (line(number), count));
                OrderFacts::of_purchase(purchases(time, customer, OrderLines::new(lines, false)))
            }
        ),
        // So many lines that not all of them are kept, in several events.
        (time(), 0_i128..60, 150_i128..300, 1_u32..3).prop_map(|(time, start, lines, count)| {
            let all = (start..start + lines).map(line).take(ORDER_LINES_MAX);
            let lines = OrderLines::new(all.map(|line| (line, count)), false);
            OrderFacts::of_purchase(purchases(time, None, lines))
        }),
        (time(), 0_i128..120, 1_i128..70, 1_u32..3).prop_map(|(time, start, refunds, count)| {
            let all = (start..start + refunds).map(refund);
            let all = all.map(|refund| ReportedRefund { refund, count, at: at(time) });
            OrderFacts::of_refunds(Refunds::new(all, false))
        }),
    ]
}

/// Different refunds, not in their order.
fn refund(number: i128) -> Refund {
    let what = match number % 3 {
        0 => RefundOf::Everything,
        1 => RefundOf::Units(Amount::from_units(100 - number)),
        _ => RefundOf::Money(Amount::from_units(100 - number), currency()),
    };
    let event_id = (number % 2 == 0).then(|| format!("{}", number % 7));
    Refund { event_id, item: Some(format!("{}", number / 3)), what }
}

fn any_customer() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(proptest::sample::select(vec!["b".to_string(), "c".to_string()]))
}

/// Different lines, not in their order.
fn line(number: i128) -> OrderLine {
    OrderLine {
        currency: if number % 5 == 0 { Currency::parse(b"EUR").unwrap() } else { currency() },
        item: format!("{}", number % 3),
        units: Amount::from_units(number % 2),
        money: Amount::from_units(100 - number),
    }
}

fn purchases(time: i64, customer: Option<String>, lines: OrderLines) -> Purchases {
    Purchases { first: FirstPurchase { at: at(time), currency: currency(), customer }, lines }
}

/// The expected purchases: of all lines the least, each with its largest number.
fn purchases_model(all: &[OrderFacts]) -> Option<Purchases> {
    let all: Vec<&Purchases> = all.iter().filter_map(|facts| facts.purchased.as_ref()).collect();
    let first = all.iter().map(|purchases| purchases.first.clone()).min()?;
    let mut counts: BTreeMap<OrderLine, u32> = BTreeMap::new();
    for (line, count) in all.iter().flat_map(|purchases| purchases.lines.iter()) {
        let known = counts.entry(line.clone()).or_default();
        *known = count.max(*known);
    }
    let has_more = counts.len() > ORDER_LINES_MAX;
    let lines = OrderLines::new(counts.into_iter().take(ORDER_LINES_MAX), has_more);
    Some(Purchases { first, lines })
}

fn refunds_model(all: &[OrderFacts]) -> Refunds {
    let mut counts: BTreeMap<&Refund, (u32, DateTime<Utc>)> = BTreeMap::new();
    for ReportedRefund { refund, count, at } in all.iter().flat_map(|facts| facts.refunds.iter()) {
        let known = counts.entry(refund).or_insert((0, *at));
        *known = (known.0.max(*count), known.1.min(*at));
    }
    let has_more = counts.len() > ORDER_REFUNDS_MAX;
    let reported = counts.into_iter().map(|(refund, (count, at))| ReportedRefund {
        refund: refund.clone(),
        count,
        at,
    });
    Refunds::new(reported.take(ORDER_REFUNDS_MAX), has_more)
}

/// The expected facts, by a naive search.
fn model(all: &[OrderFacts]) -> OrderFacts {
    let created: BTreeSet<_> = all.iter().filter_map(|facts| facts.created.clone()).collect();
    let stages: BTreeSet<_> = all.iter().filter_map(|facts| facts.stage.clone()).collect();
    let cancelled: BTreeSet<_> = all.iter().filter_map(|facts| facts.cancelled.clone()).collect();
    OrderFacts {
        created: created.first().cloned(),
        stage: stages.last().cloned(),
        cancelled: cancelled.first().cloned(),
        purchased: purchases_model(all),
        refunds: refunds_model(all),
    }
}

proptest! {
    #[test]
    fn merging_is_commutative_associative_and_idempotent(
        a in any_facts(), b in any_facts(), c in any_facts(),
    ) {
        let merge = |left: &OrderFacts, right: &OrderFacts| merged([left.clone(), right.clone()]);
        prop_assert_eq!(merge(&a, &b), merge(&b, &a));
        prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
        prop_assert_eq!(merge(&a, &a), a.clone());
        prop_assert_eq!(merge(&merge(&a, &b), &b), merge(&a, &b));
    }

    #[test]
    fn order_repetition_and_grouping_of_events_do_not_matter(
        events in proptest::collection::vec(any_facts(), 1..12),
        again in proptest::collection::vec(any::<Index>(), 0..8),
        cuts in proptest::collection::vec(any::<Index>(), 0..4),
        seed in any::<u64>(),
    ) {
        let mut all = events.clone();
        all.extend(again.iter().map(|index| events[index.index(events.len())].clone()));
        // Shuffles by a hash of the index.
        let mut places: Vec<usize> = (0..all.len()).collect();
        places.sort_by_key(|place| (*place as u64 + 1).wrapping_mul(seed | 1).rotate_left(31));
        let all: Vec<OrderFacts> = places.into_iter().map(|place| all[place].clone()).collect();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(all.len() + 1)).collect();
        ends.push(all.len());
        ends.sort_unstable();
        let mut known = OrderFacts::default();
        let mut start = 0;
        for end in ends {
            known.merge(merged(all[start..end].iter().cloned()));
            start = end;
        }
        prop_assert_eq!(known, model(&events));
    }
}
