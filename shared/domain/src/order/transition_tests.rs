use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::count::amount::Amount;
use crate::count::measure::Currency;
use crate::order::changes::tests::{at, cut, facts, nothing, now, say, with_lines};
use crate::order::changes::{OrderChange, WriteContext};
use crate::order::facts::{Cancellation, ORDER_ITEMS_MAX};
use crate::order::purchases::ORDER_LINES_MAX;
use crate::order::refunds::{ORDER_REFUNDS_MAX, Refund, RefundOf, Refunds};
use crate::time::Hour;
use crate::time::period::Retention;

/// So many refunds of these items in turn, each in another month.
fn with_refunds(mut facts: OrderFacts, count: usize, items: &[String]) -> OrderFacts {
    let currency = Currency::parse(b"USD").unwrap();
    for number in 0..count {
        let mut refunds = Refunds::default();
        let what = RefundOf::Money(Amount::parse(b"0.01").unwrap(), currency);
        let item = items.get(number % items.len().max(1)).cloned();
        let refund = Refund { event_id: Some(format!("{number:0>256}")), item, what };
        refunds.add(refund, at(-60 * 24 * 31 * i64::try_from(number).unwrap()));
        facts.merge(OrderFacts::of_refunds(refunds));
    }
    facts
}

#[test]
fn an_order_of_very_many_refunds_changes_in_steps_that_each_fit() {
    let names: Vec<(String, u64)> = (0..ORDER_ITEMS_MAX).map(|n| (format!("a{n}"), 7)).collect();
    let items = |prefix: &str| -> Vec<String> {
        (0..ORDER_LINES_MAX).map(|n| format!("{prefix}{n:0>255}")).collect()
    };
    let earlier = 7 - 400 * 24 * 60;
    let before = with_lines(7, facts(7, 5, &names), &items("b"));
    let before = with_refunds(before, ORDER_REFUNDS_MAX, &items("b"));
    let mut after = before.clone();
    after.merge(with_lines(earlier, facts(earlier, 900, &names), &items("a")));
    after.merge(OrderFacts::of_cancellation(Cancellation { at: at(0), refund: None }));
    let retention = Retention { minute_days: 0, hour_days: 0, day_days: 0 };
    let never = |_: &str, _: Hour| false;
    let context =
        WriteContext { now: now(), retention, is_open: &never, has_quarters: &|_, _| true };
    let between = |from: OrderState<'_>, to: OrderState<'_>| -> bool {
        let change = OrderChange {
            site: "s",
            before: from.facts.contribution_of(from.counted),
            after: to.facts.contribution_of(to.counted),
            row_bytes: to.facts.bytes(),
        };
        change.fits(&context)
    };
    let nothing = OrderState { facts: nothing(), counted: Counted::Refunds(0) };
    for (mut state, wanted) in [(nothing, &before), (OrderState::all_of(&before), &after)] {
        let mut steps = 0;
        while state != OrderState::all_of(wanted) {
            let next = state.next(wanted, |to| between(state, to));
            assert!(between(state, next), "{:?} to {:?}", state.counted, next.counted);
            (state, steps) = (next, steps + 1);
        }
        assert!((20..120).contains(&steps), "{steps}");
    }
    assert!(after.bytes() < 390_000, "{}", after.bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn steps_lead_from_any_state_to_the_last_and_add_up(
        before in proptest::collection::vec((0_usize..1, 0_i64..6, 0_u8..6, 0_u64..4), 0..6),
        after in proptest::collection::vec((0_usize..1, 0_i64..6, 0_u8..6, 0_u64..4), 1..6),
        counted in any::<proptest::sample::Index>(),
        is_version_1: bool,
        rows_max in 0_usize..30,
    ) {
        let merge = |facts: &mut OrderFacts, said: &[(usize, i64, u8, u64)]| {
            said.iter().for_each(|event| facts.merge(say(event).1));
        };
        let mut known = OrderFacts::default();
        merge(&mut known, &before);
        let mut wanted = known.clone();
        merge(&mut wanted, &after);
        let counted = match is_version_1 {
            true => Counted::Version1,
            false => Counted::Refunds(counted.index(known.refund_count() + 1)),
        };
        let mut state = OrderState { facts: &known, counted };
        let change_between = |from: OrderState<'_>, to: OrderState<'_>| {
            let change = OrderChange {
                site: "s",
                before: from.facts.contribution_of(from.counted),
                after: to.facts.contribution_of(to.counted),
                row_bytes: 0,
            };
            let parts = cut(std::slice::from_ref(&change));
            parts.iter().flat_map(|part| &part.rows).flat_map(|row| {
                row.counters.iter().map(|(key, amount)| {
                    ((row.period, row.measure, key.to_string()), *amount)
                }).collect::<Vec<_>>()
            }).collect::<Vec<_>>()
        };
        let mut expected = BTreeMap::new();
        for (cell, amount) in change_between(state, OrderState::all_of(&wanted)) {
            *expected.entry(cell).or_insert(Amount::ZERO) += amount;
        }
        let mut found = BTreeMap::new();
        let mut steps = 0;
        while state != OrderState::all_of(&wanted) {
            let from = state;
            state = from.next(&wanted, |to| change_between(from, to).len() <= rows_max);
            for (cell, amount) in change_between(from, state) {
                *found.entry(cell).or_insert(Amount::ZERO) += amount;
            }
            steps += 1;
            prop_assert!(steps <= known.refund_count() + wanted.refund_count() + 1);
        }
        found.retain(|_, amount| *amount != Amount::ZERO);
        prop_assert_eq!(found, expected);
    }
}
