use proptest::prelude::*;

use super::*;
use crate::count::measure::Currency;
use crate::order::facts::{
    Cancellation, Creation, ORDER_ITEMS_MAX, OrderFacts, PRODUCT_NAMES_BYTES_MAX, Product,
};
use crate::order::purchases::{FirstPurchase, ORDER_LINES_MAX, OrderLine, OrderLines, Purchases};
use crate::order::refunds::{Refund, RefundOf, Refunds};
use crate::plan::counter_bytes;
use crate::time::Minute;

pub(crate) const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-20T23:30:00Z".parse().unwrap()
}

pub(crate) fn at(minute: i64) -> DateTime<Utc> {
    "2026-11-20T22:00:00Z".parse::<DateTime<Utc>>().unwrap() + chrono::TimeDelta::minutes(minute)
}

/// Hour 23 is open.
pub(crate) fn cut<'a>(changes: &[OrderChange<'a>]) -> Vec<OrderPart<'a>> {
    cut_with(changes, false)
}

/// As `cut`; `has_quarters` says whether all hours have rows of their quarters.
fn cut_with<'a>(changes: &[OrderChange<'a>], has_quarters: bool) -> Vec<OrderPart<'a>> {
    let is_open = |_: &str, hour: Hour| hour == Minute::containing(now()).unwrap().hour();
    let (now, retention) = (now(), RETENTION);
    OrderPart::cut(
        changes,
        &WriteContext { now, retention, is_open: &is_open, has_quarters: &|_, _| has_quarters },
    )
}

pub(crate) fn facts(minute: i64, value: u64, products: &[(String, u64)]) -> OrderFacts {
    let count = Amount::from_count;
    let mut products: Vec<Product> = products
        .iter()
        .map(|(name, units)| Product {
            name: name.clone(),
            units: count(*units),
            money: count(*units),
        })
        .collect();
    products.sort();
    let currency = Currency::parse(b"USD").unwrap();
    let creation = Creation {
        at: at(minute),
        number: None,
        customer: None,
        currency,
        value: count(value),
        products,
    };
    OrderFacts::of_creation(creation, "CREATED")
}

/// The same facts with lines of so many items, and more value than theirs.
pub(crate) fn with_lines(minute: i64, mut facts: OrderFacts, items: &[String]) -> OrderFacts {
    let currency = Currency::parse(b"USD").unwrap();
    let line = |item: &String| OrderLine {
        currency,
        item: item.clone(),
        units: Amount::from_count(3),
        money: Amount::from_count(4),
    };
    let lines = OrderLines::new(items.iter().map(|item| (line(item), 1)), false);
    let first = FirstPurchase { at: at(minute), currency, customer: None };
    facts.merge(OrderFacts::of_purchase(Purchases { first, lines }));
    facts
}

fn change<'a>(before: Option<&'a OrderFacts>, after: &'a OrderFacts) -> OrderChange<'a> {
    let row_bytes = after.bytes();
    let before = match before {
        Some(before) => before.contribution(),
        None => nothing().contribution(),
    };
    OrderChange { site: "s", before, after: after.contribution(), row_bytes }
}

/// The facts of an order that nobody knows.
pub(crate) fn nothing() -> &'static OrderFacts {
    static NOTHING: std::sync::LazyLock<OrderFacts> = std::sync::LazyLock::new(OrderFacts::default);
    &NOTHING
}

/// `period measure key=number …`, one row per line.
fn rows(parts: &[OrderPart<'_>]) -> Vec<String> {
    let rows = parts.iter().flat_map(|part| &part.rows);
    rows.map(|row| {
        let counters: Vec<String> =
            row.counters.iter().map(|(key, number)| format!(" {key}={number}")).collect();
        format!("{:?} {}{}", row.period, row.measure, counters.concat())
    })
    .collect()
}

#[test]
fn an_order_of_an_open_hour_adds_to_the_rows_of_its_minute() {
    let order = facts(67, 5, &[("a".to_string(), 2)]);
    let parts = cut(&[change(None, &order)]);
    assert_eq!(
        rows(&parts),
        [
            "Minute(2026-11-20T23:07:00Z) orders CREATED=1",
            "Minute(2026-11-20T23:07:00Z) order_value:USD gross=5 orders=1",
            "Minute(2026-11-20T23:07:00Z) ordered a=2",
            "Minute(2026-11-20T23:07:00Z) ordered_value:USD a=2",
        ]
    );
    assert_eq!(parts[0].hours, [("s", Minute::containing(now()).unwrap().hour())]);
    assert!(parts[0].rows.iter().all(|row| parts[0].is_open(row)));
}

#[test]
fn a_status_change_moves_one_order_and_changes_nothing_else() {
    let before = facts(67, 5, &[("a".to_string(), 2)]);
    let mut after = before.clone();
    after.merge(OrderFacts::of_cancellation(Cancellation { at: at(70), refund: None }));
    let expected = [
        "Minute(2026-11-20T23:07:00Z) orders CANCELLED=1 CREATED=-1",
        "Minute(2026-11-20T23:07:00Z) order_value:USD refunded=5",
        "Minute(2026-11-20T23:10:00Z) order_value:USD refunds=5",
    ];
    assert_eq!(rows(&cut(&[change(Some(&before), &after)])), expected);
    // Without differences there are no rows, but still a part: the row of the order may have
    // changed.
    let parts = cut(&[change(Some(&before), &before)]);
    assert_eq!((parts.len(), parts[0].rows.len(), parts[0].hours.len()), (1, 0, 0));
}

#[test]
fn an_order_of_a_closed_hour_is_late_and_one_of_an_expired_minute_has_no_minute() {
    let order = facts(7, 5, &[]);
    let expected = [
        "Minute(2026-11-20T22:07:00Z) orders CREATED=1",
        "Minute(2026-11-20T22:07:00Z) order_value:USD gross=5 orders=1",
        "Hour(2026-11-20T22) orders CREATED=1",
        "Hour(2026-11-20T22) order_value:USD gross=5 orders=1",
        "Day(2026-11-20) orders CREATED=1",
        "Day(2026-11-20) order_value:USD gross=5 orders=1",
        "Week(2026-W47) orders CREATED=1",
        "Week(2026-W47) order_value:USD gross=5 orders=1",
        "Month(2026-11) orders CREATED=1",
        "Month(2026-11) order_value:USD gross=5 orders=1",
    ];
    let parts = cut(&[change(None, &order)]);
    assert_eq!(rows(&parts), expected);
    assert!(parts[0].hours.is_empty() && !parts[0].is_open(&parts[0].rows[0]));
    let old = facts(7 - 8 * 24 * 60, 5, &[]);
    let rows = rows(&cut(&[change(None, &old)]));
    assert!(rows.len() == 8 && rows.iter().all(|row| !row.starts_with("Minute")), "{rows:?}");
}

#[test]
fn a_late_purchase_adds_to_the_quarter_of_its_minute_and_leaves_it_when_it_moves() {
    let item = ["cup".to_string()];
    let quarter_rows = |before: Option<&OrderFacts>, after: &OrderFacts| {
        let rows = rows(&cut_with(&[change(before, after)], true));
        rows.into_iter().filter(|row| row.starts_with("Quarter")).collect::<Vec<String>>()
    };
    let bought = with_lines(31, OrderFacts::default(), &item);
    let of_quarter = |quarter: &str, sign: &str| {
        [
            format!("units cup={sign}3"),
            format!("sales:USD cup={sign}4"),
            format!("orders CREATED={sign}1"),
            format!("order_value:USD gross={sign}4 orders={sign}1 sales={sign}4"),
            format!("ordered cup={sign}3"),
            format!("ordered_value:USD cup={sign}4"),
        ]
        .map(|row| format!("Quarter(2026-11-20T22:{quarter}) {row}"))
    };
    assert_eq!(quarter_rows(None, &bought), of_quarter("30", ""));
    let moved = with_lines(29, bought.clone(), &item);
    let expected = [of_quarter("15", ""), of_quarter("30", "-")].concat();
    assert_eq!(quarter_rows(Some(&bought), &moved), expected);
    // An open hour adds to the rows of its minutes alone.
    assert!(quarter_rows(None, &with_lines(67, OrderFacts::default(), &item)).is_empty());
}

#[test]
fn an_order_whose_creation_moves_leaves_its_old_minute() {
    let before = facts(67, 5, &[]);
    let after = facts(66, 6, &[]);
    let mut merged = before.clone();
    merged.merge(after);
    let expected = [
        "Minute(2026-11-20T23:06:00Z) orders CREATED=1",
        "Minute(2026-11-20T23:06:00Z) order_value:USD gross=6 orders=1",
        "Minute(2026-11-20T23:07:00Z) orders CREATED=-1",
        "Minute(2026-11-20T23:07:00Z) order_value:USD gross=-5 orders=-1",
    ];
    assert_eq!(rows(&cut(&[change(Some(&before), &merged)])), expected);
}

#[test]
fn many_orders_of_a_minute_share_a_transaction() {
    let all: Vec<OrderFacts> = (0..300).map(|n| facts(67, n, &[("a".to_string(), 1)])).collect();
    let parts = cut(&all.iter().map(|order| change(None, order)).collect::<Vec<_>>());
    let counts: Vec<usize> = parts.iter().map(|part| part.orders.len()).collect();
    assert!(counts[0] >= 85 && counts.iter().sum::<usize>() == 300, "{counts:?}");
}

#[test]
fn the_largest_order_fits_into_a_transaction_even_if_it_moves() {
    const NAME_BYTES: usize = PRODUCT_NAMES_BYTES_MAX.div_ceil(ORDER_ITEMS_MAX);
    let names: Vec<(String, u64)> =
        (0..ORDER_ITEMS_MAX).map(|n| (format!("a{n:0>0$}", NAME_BYTES - 1), 7)).collect();
    let others: Vec<(String, u64)> =
        (0..ORDER_ITEMS_MAX).map(|n| (format!("b{n:0>0$}", NAME_BYTES - 1), 7)).collect();
    let items = |prefix: &str| -> Vec<String> {
        (0..ORDER_LINES_MAX).map(|n| format!("{prefix}{n:0>255}")).collect()
    };
    // Moved from this year to the last one, so no row is shared.
    let earlier = 7 - 400 * 24 * 60;
    let before = with_lines(7, facts(7, 5, &names), &items("b"));
    let after = with_lines(earlier, facts(earlier, 5, &others), &items("a"));
    let retention = Retention { minute_days: 0, hour_days: 0, day_days: 0 };
    let never = |_: &str, _: Hour| false;
    let parts = OrderPart::cut(
        &[change(Some(&before), &after)],
        &WriteContext { now: now(), retention, is_open: &never, has_quarters: &|_, _| true },
    );
    let part = &parts[0];
    assert_eq!((parts.len(), part.rows.len()), (1, 2 * 6 * (6 + 2)));
    assert!(part.fits(&[change(Some(&before), &after)]));
    // All that the transaction writes must stay below 4 MB, even with numbers of 38 digits.
    let counters = part.rows.iter().flat_map(|row| &row.counters);
    let bytes: usize = counters.map(|(key, _)| counter_bytes(key, Amount::ZERO) + 20).sum();
    assert!(bytes + after.bytes() < 4 << 20, "{bytes} and {}", after.bytes());
    assert!(part.rows.iter().all(|row| row.counters.len() <= ROW_COUNTERS_MAX));
    // The row of an order must stay below 400 KB.
    assert!(after.bytes() < 300_000, "{}", after.bytes());
}

#[test]
fn a_creation_after_the_purchases_moves_their_items_and_adds_the_rest() {
    let (cup, pot) = ("cup".to_string(), "pot".to_string());
    let before = with_lines(67, OrderFacts::default(), &[cup, pot]);
    let mut after = before.clone();
    after.merge(facts(66, 10, &[("Cup".to_string(), 2)]));
    let expected = [
        "Minute(2026-11-20T23:06:00Z) units cup=3 pot=3",
        "Minute(2026-11-20T23:06:00Z) sales:USD (other)=2 cup=4 pot=4",
        "Minute(2026-11-20T23:06:00Z) orders CREATED=1",
        "Minute(2026-11-20T23:06:00Z) order_value:USD gross=10 orders=1 sales=10",
        "Minute(2026-11-20T23:06:00Z) ordered Cup=2",
        "Minute(2026-11-20T23:06:00Z) ordered_value:USD Cup=2",
        "Minute(2026-11-20T23:07:00Z) units cup=-3 pot=-3",
        "Minute(2026-11-20T23:07:00Z) sales:USD cup=-4 pot=-4",
        "Minute(2026-11-20T23:07:00Z) orders CREATED=-1",
        "Minute(2026-11-20T23:07:00Z) order_value:USD gross=-8 orders=-1 sales=-8",
        "Minute(2026-11-20T23:07:00Z) ordered cup=-3 pot=-3",
        "Minute(2026-11-20T23:07:00Z) ordered_value:USD cup=-4 pot=-4",
    ];
    assert_eq!(rows(&cut(&[change(Some(&before), &after)])), expected);
}

#[test]
fn large_orders_get_separate_transactions() {
    let names: Vec<(String, u64)> =
        (0..ORDER_ITEMS_MAX).map(|n| (format!("{n:0>256}"), 7)).collect();
    let all: Vec<OrderFacts> = (0..5).map(|n| facts(67, n, &names)).collect();
    let mut changes: Vec<OrderChange<'_>> =
        all.iter().map(|order| change(Some(order), order)).collect();
    for change in &mut changes {
        change.row_bytes = 600_000;
    }
    let counts: Vec<usize> = cut(&changes).iter().map(|part| part.orders.len()).collect();
    assert_eq!(counts, [3, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_hold_every_difference_once_and_fit(
        orders in proptest::collection::vec((0_i64..120, 0_u64..50, 0_u8..40, any::<bool>()), 1..150),
    ) {
        let befores: Vec<OrderFacts> = orders
            .iter()
            .map(|(minute, value, product, _)| facts(*minute, *value, &[(format!("p{product}"), 1)]))
            .collect();
        let afters: Vec<OrderFacts> = befores
            .iter()
            .map(|before| {
                let mut after = before.clone();
                after.merge(OrderFacts::of_change(at(300), "PAID"));
                after
            })
            .collect();
        let changes: Vec<OrderChange<'_>> = orders
            .iter()
            .zip(befores.iter().zip(&afters))
            .map(|((.., is_new), (before, after))| change((!is_new).then_some(before), after))
            .collect();
        let parts = cut(&changes);
        let mut sums: BTreeMap<(String, String), Amount> = BTreeMap::new();
        let mut next = 0;
        for part in &parts {
            prop_assert_eq!(part.orders.start, next);
            next = part.orders.end;
            prop_assert!(part.orders.len() + part.hours.len() + part.rows.len() <= TRANSACTION_ACTIONS_MAX);
            for row in part.rows.iter().filter(|row| matches!(row.period, Period::Minute(_))) {
                for (key, amount) in &row.counters {
                    *sums.entry((format!("{:?} {}", row.period, row.measure), (*key).to_string())).or_default() += *amount;
                }
            }
        }
        prop_assert_eq!(next, changes.len());
        sums.retain(|_, amount| *amount != Amount::ZERO);
        let mut expected: BTreeMap<(String, String), Amount> = BTreeMap::new();
        for ((.., is_new), (before, after)) in orders.iter().zip(befores.iter().zip(&afters)) {
            for (facts, sign) in [(before, if *is_new { 0 } else { -1 }), (after, 1)] {
                let contribution = facts.contribution();
                for (minute, measure, key, amount) in contribution.counters() {
                    let cell = (format!("{:?} {measure}", Period::Minute(minute)), key.to_string());
                    *expected.entry(cell).or_default() += Amount::from_units(amount.units() * sign);
                }
            }
        }
        expected.retain(|_, amount| *amount != Amount::ZERO);
        prop_assert_eq!(sums, expected);
    }

    #[test]
    fn events_in_any_order_any_number_of_times_and_in_any_chunks_give_the_same_tallies(
        events in proptest::collection::vec((0_usize..4, 0_i64..6, 0_u8..6, 0_u64..4), 1..16),
        picks in proptest::collection::vec(any::<proptest::sample::Index>(), 0..16),
        chunk_events in 1_usize..6,
        seed in any::<u64>(),
        has_quarters: bool,
    ) {
        let said: Vec<(usize, OrderFacts)> = events.iter().map(say).collect();
        let mut played: Vec<&(usize, OrderFacts)> = said.iter().collect();
        played.extend(picks.iter().map(|pick| &said[pick.index(said.len())]));
        let mut places: Vec<usize> = (0..played.len()).collect();
        places.sort_by_key(|place| (*place as u64 + 1).wrapping_mul(seed | 1).rotate_left(29));
        let played: Vec<&(usize, OrderFacts)> = places.into_iter().map(|place| played[place]).collect();

        let mut book: Vec<OrderFacts> = vec![OrderFacts::default(); 4];
        let mut tallies: BTreeMap<(String, String), Amount> = BTreeMap::new();
        for chunk in played.chunks(chunk_events) {
            let mut after = book.clone();
            for (order, facts) in chunk {
                after[*order].merge(facts.clone());
            }
            let changes: Vec<OrderChange<'_>> = book
                .iter()
                .zip(&after)
                .filter(|(before, after)| before != after)
                .map(|(before, after)| OrderChange {
                    site: "s",
                    before: before.contribution(),
                    after: after.contribution(),
                    row_bytes: after.bytes(),
                })
                .collect();
            for row in cut_with(&changes, has_quarters).iter().flat_map(|part| &part.rows) {
                for (key, amount) in &row.counters {
                    let cell = (format!("{:?} {}", row.period, row.measure), (*key).to_string());
                    *tallies.entry(cell).or_default() += *amount;
                }
            }
            book = after;
        }
        tallies.retain(|_, amount| *amount != Amount::ZERO);

        let mut expected: BTreeMap<(String, String), Amount> = BTreeMap::new();
        for order in 0..4 {
            let mut facts = OrderFacts::default();
            for (_, said) in said.iter().filter(|(of, _)| *of == order) {
                facts.merge(said.clone());
            }
            for (minute, measure, key, amount) in facts.contribution().counters() {
                // Some of the minutes belong to a closed hour, so they are in the rows above too.
                let is_late = minute.hour() != Minute::containing(now()).unwrap().hour();
                let above = Period::above(minute, has_quarters).filter(|_| is_late);
                for period in [Period::Minute(minute)].into_iter().chain(above) {
                    *expected.entry((format!("{period:?} {measure}"), key.to_string())).or_default() += amount;
                }
            }
        }
        expected.retain(|_, amount| *amount != Amount::ZERO);
        prop_assert_eq!(tallies, expected);
    }
}

/// The order and the facts of an event: a creation in one of two hours, a change, a purchase, a
/// refund, or a cancellation.
pub(crate) fn say((order, minute, kind, value): &(usize, i64, u8, u64)) -> (usize, OrderFacts) {
    let time = at(57 + minute);
    let facts = match kind {
        0 => facts(57 + minute, *value, &[(format!("p{value}"), *value)]),
        1 => OrderFacts::of_change(time, "PAID"),
        2 => with_lines(
            57 + minute,
            OrderFacts::default(),
            &["cup".to_string(), format!("p{value}")],
        ),
        3 | 4 => {
            let mut refunds = Refunds::default();
            let (item, what) = match value {
                0 => (None, RefundOf::Everything),
                1 => (Some("cup"), RefundOf::Units(Amount::ONE)),
                _ => {
                    let money = Amount::from_count(*value);
                    (Some("cup"), RefundOf::Money(money, Currency::parse(b"USD").unwrap()))
                }
            };
            let event_id = (*kind == 4).then(|| format!("{minute}"));
            refunds.add(Refund { event_id, item: item.map(str::to_string), what }, time);
            OrderFacts::of_refunds(refunds)
        }
        _ => {
            let refund = (*value > 0).then(|| Amount::from_count(*value));
            OrderFacts::of_cancellation(Cancellation { at: time, refund })
        }
    };
    (*order, facts)
}
