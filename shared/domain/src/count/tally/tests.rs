use crate::count::amount::Amount;
use crate::count::measure::{Currency, Measure};
use crate::count::tally::Tally;
use crate::count::tally::steps::ONE_STEP;
use crate::time::Minute;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn minute(number: u32) -> Minute {
    Minute::from_epoch_seconds(i64::from(number) * 60).expect("in range")
}

fn amount(text: &str) -> Amount {
    Amount::parse(text.as_bytes()).expect("a decimal")
}

fn usd() -> Currency {
    Currency::parse(b"USD").expect("three letters")
}

#[test]
fn groups_and_counters_come_in_order() {
    let mut tally = Tally::default();
    assert!(tally.is_empty());
    tally.add("b", Measure::Views, minute(1), "x", Amount::ONE);
    tally.add("a", Measure::Carts, minute(2), "10", Amount::ONE);
    tally.add("a", Measure::Carts, minute(2), "9", Amount::ONE);
    tally.add("a", Measure::Sales(usd()), minute(1), "9", amount("0.125"));
    tally.add("a", Measure::Sales(usd()), minute(1), "9", amount("2.5"));
    tally.add("a", Measure::Views, minute(2), "é", Amount::ONE);
    tally.add("a", Measure::Views, minute(2), "é", Amount::ONE);
    tally.add("a", Measure::Views, minute(2), "nothing", Amount::ZERO);
    assert_eq!(
        format!("{tally:?}"),
        "a 1970-01-01T00:01:00Z sales:USD 9=2.625\n\
         a 1970-01-01T00:02:00Z views é=2\n\
         a 1970-01-01T00:02:00Z carts 10=1 9=1\n\
         b 1970-01-01T00:01:00Z views x=1\n"
    );
    assert_eq!(tally.counters(), 5);
    assert!(!tally.is_empty());
}

#[test]
fn sums_beyond_a_cell_are_exact() {
    let mut tally = Tally::default();
    for text in ["42949672.95", "0.01", "1000000000000", "0.000000000001", "42949672.95"] {
        tally.add("s", Measure::Sales(usd()), minute(0), "k", amount(text));
    }
    let most = Amount::from_count(u64::from(u32::MAX));
    tally.add("s", Measure::Views, minute(0), "k", most);
    tally.add("s", Measure::Views, minute(0), "k", most);
    assert_eq!(
        format!("{tally:?}"),
        "s 1970-01-01T00:00:00Z views k=8589934590\n\
         s 1970-01-01T00:00:00Z sales:USD k=1000085899345.910000000001\n"
    );
}

#[test]
fn counters_that_sum_to_zero_are_not_listed() {
    let mut tally = Tally::default();
    tally.add("s", Measure::Units, minute(0), "k", amount("0.5"));
    tally.add("s", Measure::Units, minute(0), "k", amount("-0.5"));
    assert_eq!(tally.groups().count(), 0);
}

#[test]
fn a_counter_takes_little_memory() {
    let mut tally = Tally::default();
    for cell in 0..1_000_000_u32 {
        tally.add(
            "s",
            Measure::Views,
            minute(cell / 10_000),
            &(cell % 10_000).to_string(),
            Amount::ONE,
        );
    }
    let words: usize = tally.groups.iter().map(|group| group.cells.table.capacity()).sum();
    assert_eq!(tally.counters(), 1_000_000);
    assert!(words * 8 < 20_000_000, "{words} words");
}

type Model = BTreeMap<(String, u32, Measure, String), Amount>;

fn any_amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        4 => Just(Amount::ONE),
        2 => (0_u64..1000).prop_map(Amount::from_count),
        2 => (0_i128..10_i128.pow(9)).prop_map(|cents| Amount::from_units(cents * ONE_STEP / 100)),
        1 => (0_i128..10_i128.pow(24)).prop_map(Amount::from_units),
    ]
}

proptest! {
    #[test]
    fn equals_a_naive_sum(
        additions in proptest::collection::vec(
            (0..3_u8, 0..20_u32, 0..5_u8, 0..40_u32, any_amount()), 0..400),
    ) {
        let measures =
            [Measure::Views, Measure::Sales(usd()), Measure::Units, Measure::Pages, Measure::Refunds(usd())];
        let mut tally = Tally::default();
        let mut model = Model::new();
        for (site, at, measure, key, amount) in &additions {
            let (site, key) = (format!("site{site}"), key.to_string());
            let measure = measures[usize::from(*measure)];
            tally.add(&site, measure, minute(*at), &key, *amount);
            *model.entry((site, *at, measure, key)).or_default() += *amount;
        }
        model.retain(|_, amount| *amount != Amount::ZERO);
        let mut listed = Vec::new();
        for group in tally.groups() {
            for (key, amount) in group.counters {
                let at = group.minute.number();
                listed.push(((group.site.to_string(), at, group.measure, key.to_string()), amount));
            }
        }
        let expected: Vec<_> = model.into_iter().collect();
        prop_assert_eq!(tally.counters(), expected.len());
        prop_assert_eq!(listed, expected);

        let mut reversed = Tally::default();
        for (site, at, measure, key, amount) in additions.iter().rev() {
            let measure = measures[usize::from(*measure)];
            reversed.add(&format!("site{site}"), measure, minute(*at), &key.to_string(), *amount);
        }
        prop_assert_eq!(reversed, tally);
    }
}
