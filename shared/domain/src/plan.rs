//! The plan of a chunk: which rows its tallies bump, and how the rows are cut into transactions.
//!
//! A plan is a pure function of the tally and [`PLAN_VERSION`]: a retry must cut the same parts, or the ledger marks of
//! an earlier attempt would stand for other rows. Whoever changes anything here that moves a counter to another row or
//! part raises the version.

use xxhash_rust::xxh3::xxh3_64;

use crate::amount::Amount;
use crate::measure::Measure;
use crate::tally::{Group, Tally};
use crate::time::{Hour, Minute};

/// The version of the rules below, recorded in every ledger mark.
pub const PLAN_VERSION: u32 = 1;

/// The actions of one `TransactWriteItems`.
///
/// **Source**: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub const TRANSACTION_ACTIONS_MAX: usize = 100;

/// The counters that one update bumps: an update expression is limited to 4,096 bytes, and more than 300 `ADD`s are
/// unproven.
pub const ROW_COUNTERS_MAX: usize = 250;

/// What a row's counters should come to, in bytes: a write is billed by the whole row in steps of 1,024 bytes, of which
/// the key and the time to live take about 60, and hashing spreads keys unevenly over the slots.
const ROW_TARGET_BYTES: usize = 840;

/// The name of a counter is its key behind `i#`.
const COUNTER_PREFIX_BYTES: usize = 2;

/// The parts of a chunk, in the order in which they are committed. There is always at least one: a chunk without
/// tallies still has its mark.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    /// What each transaction carries beside its ledger mark.
    pub parts: Vec<Part<'a>>,
}

/// What one transaction commits beside its ledger mark.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Part<'a> {
    /// The hours that the rows lie in, each once, ascending by site and hour; each costs a seal check.
    pub hours: Vec<(&'a str, Hour)>,
    /// The rows, ascending by site, minute, measure and slot; no row stands twice in a plan.
    pub rows: Vec<Row<'a>>,
}

/// The counters of one row that one update bumps.
#[derive(Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The site that the events belong to.
    pub site: &'a str,
    /// The minute bucket.
    pub minute: Minute,
    /// What is counted.
    pub measure: Measure,
    /// Which of the rows that share site, minute and measure.
    pub slot: u32,
    /// What is added to each key, ascending by key; 1 to [`ROW_COUNTERS_MAX`] of them.
    pub counters: Vec<(&'a str, Amount)>,
}

impl<'a> Plan<'a> {
    /// Cuts a tally into rows and parts.
    pub fn of(tally: &'a Tally) -> Plan<'a> {
        let mut parts = vec![];
        let mut part = Part::default();
        for group in tally.groups() {
            for row in pack(group) {
                let hour = (row.site, row.minute.hour());
                let is_new_hour = part.hours.last() != Some(&hour);
                let mark = 1;
                let actions = mark + part.hours.len() + part.rows.len() + 1 + usize::from(is_new_hour);
                if actions > TRANSACTION_ACTIONS_MAX {
                    parts.push(std::mem::take(&mut part));
                }
                if part.hours.last() != Some(&hour) {
                    part.hours.push(hour);
                }
                part.rows.push(row);
            }
        }
        if parts.is_empty() || !part.rows.is_empty() {
            parts.push(part);
        }
        Plan { parts }
    }
}

/// What a counter takes in its row, in bytes, when it holds just this amount.
pub fn counter_bytes(key: &str, amount: Amount) -> usize {
    COUNTER_PREFIX_BYTES + key.len() + amount.stored_bytes()
}

/// Spreads the counters of one site, minute and measure over as few slots as keep every row near its target.
fn pack(group: Group<'_>) -> Vec<Row<'_>> {
    let bytes: usize = group.counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum();
    let mut slot_count = bytes.div_ceil(ROW_TARGET_BYTES).max(1);
    loop {
        let rows = spread(&group, slot_count);
        if rows.iter().all(|row| row.counters.len() <= ROW_COUNTERS_MAX) {
            return rows;
        }
        slot_count += slot_count.div_ceil(8);
    }
}

fn spread<'a>(group: &Group<'a>, slot_count: usize) -> Vec<Row<'a>> {
    let mut slots: Vec<Vec<(&'a str, Amount)>> = vec![vec![]; slot_count];
    for (key, amount) in &group.counters {
        slots[slot_of(key, slot_count)].push((key, *amount));
    }
    let mut rows = vec![];
    for (slot, counters) in (0_u32..).zip(slots) {
        if !counters.is_empty() {
            rows.push(Row { site: group.site, minute: group.minute, measure: group.measure, slot, counters });
        }
    }
    rows
}

/// The slot of a key: a pure function of the key and the number of slots.
fn slot_of(key: &str, slot_count: usize) -> usize {
    // The high half of hash × count spreads evenly without a division's bias; it is below the count by construction.
    let scaled = (u128::from(xxh3_64(key.as_bytes())) * slot_count as u128) >> 64;
    usize::try_from(scaled).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn minute(number: i64) -> Minute {
        Minute::from_epoch_seconds(1_795_000_000 + number * 60).expect("in range")
    }

    fn actions(part: &Part<'_>) -> usize {
        1 + part.hours.len() + part.rows.len()
    }

    #[test]
    fn a_chunk_without_tallies_has_one_part_for_its_mark() {
        assert_eq!(Plan::of(&Tally::default()), Plan { parts: vec![Part::default()] });
    }

    #[test]
    fn ten_thousand_keys_of_a_minute_lie_in_rows_near_a_kilobyte() {
        let mut tally = Tally::default();
        for item in 0..10_000 {
            tally.add("shop", Measure::Views, minute(0), &item.to_string(), Amount::ONE);
        }
        let plan = Plan::of(&tally);
        let sizes: Vec<usize> = plan
            .parts
            .iter()
            .flat_map(|part| &part.rows)
            .map(|row| row.counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum())
            .collect();
        let over = sizes.iter().filter(|bytes| **bytes > 1024 - 64).count();
        assert!(over * 10 < sizes.len(), "{over} of {} rows are billed a second unit", sizes.len());
        assert!(plan.parts.iter().all(|part| actions(part) <= TRANSACTION_ACTIONS_MAX));
    }

    #[test]
    fn a_row_never_has_more_counters_than_an_expression_takes() {
        let mut tally = Tally::default();
        // One-letter keys are so short that bytes alone would put too many into a row.
        for letter in (0x21..0x200).filter_map(char::from_u32) {
            tally.add("shop", Measure::Views, minute(0), &letter.to_string(), Amount::ONE);
        }
        for part in Plan::of(&tally).parts {
            for row in part.rows {
                assert!((1..=ROW_COUNTERS_MAX).contains(&row.counters.len()));
            }
        }
    }

    #[test]
    fn a_thousand_minutes_take_several_parts_of_a_full_transaction() {
        let mut tally = Tally::default();
        for number in 0..1_000 {
            tally.add("shop", Measure::Views, minute(number), "1", Amount::ONE);
        }
        let plan = Plan::of(&tally);
        assert!(plan.parts.len() > 10);
        for part in &plan.parts {
            assert!(actions(part) <= TRANSACTION_ACTIONS_MAX);
        }
        for part in &plan.parts[..plan.parts.len() - 1] {
            assert!(actions(part) >= TRANSACTION_ACTIONS_MAX - 1, "a part is left half empty");
        }
    }

    /// Site, measure, minute, key, count.
    type Entry = (u8, u8, i64, u16, u32);
    type Model = BTreeMap<(String, String, Minute, String), Amount>;

    fn tally_of(entries: &[Entry]) -> (Tally, Model) {
        let mut tally = Tally::default();
        let mut model = BTreeMap::new();
        for (site, measure, offset, key, count) in entries {
            let site = format!("site-{site}");
            let measure = [Measure::Views, Measure::Carts, Measure::Units][usize::from(*measure)];
            let key = format!("item-{key}");
            let amount = Amount::from_count(u64::from(*count));
            tally.add(&site, measure, minute(*offset), &key, amount);
            *model.entry((site, measure.to_string(), minute(*offset), key)).or_insert(Amount::ZERO) += amount;
        }
        (tally, model)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rows_hold_the_tally_and_nothing_else(
            entries in prop::collection::vec((0_u8..3, 0_u8..3, 0_i64..200, 0_u16..2_000, 1_u32..9), 0..3_000),
        ) {
            let (tally, model) = tally_of(&entries);
            let mut sums = BTreeMap::new();
            let mut rows_seen = BTreeSet::new();
            for part in &Plan::of(&tally).parts {
                prop_assert!(actions(part) <= TRANSACTION_ACTIONS_MAX);
                for row in &part.rows {
                    prop_assert!(part.hours.contains(&(row.site, row.minute.hour())));
                    prop_assert!(rows_seen.insert((row.site, row.minute, row.measure, row.slot)), "a row stands twice");
                    for (key, amount) in &row.counters {
                        let cell = (row.site.to_string(), row.measure.to_string(), row.minute, (*key).to_string());
                        prop_assert!(sums.insert(cell, *amount).is_none(), "a counter stands twice");
                    }
                }
            }
            prop_assert_eq!(sums, model);
        }

        #[test]
        fn the_plan_does_not_depend_on_the_order_of_the_events(
            entries in prop::collection::vec((0_u8..2, 0_u8..3, 0_i64..90, 0_u16..500, 1_u32..9), 0..500),
        ) {
            let reversed: Vec<Entry> = entries.iter().rev().copied().collect();
            let (forward, _) = tally_of(&entries);
            let (backward, _) = tally_of(&reversed);
            prop_assert_eq!(Plan::of(&forward), Plan::of(&backward));
        }
    }
}
