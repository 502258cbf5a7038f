//! The plan of a chunk: which rows its tallies bump, and how the rows are cut into transactions.
//!
//! A plan is a pure function of the tally, its inputs and [`PLAN_FORMAT_VERSION`]: a retry must cut
//! the same parts, or the ledger entries of an earlier attempt would stand for other rows. Whoever
//! changes anything here that moves a counter to another row or part raises the version.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use xxhash_rust::xxh3::{Xxh3DefaultBuilder, xxh3_64};

use crate::chunk::ChunkCount;
use crate::chunk::id::PlanInputs;
use crate::count::amount::Amount;
use crate::count::measure::Measure;
use crate::count::tally::{Group, Tally};
use crate::time::Hour;
use crate::time::lateness::is_closed;
use crate::time::period::{Period, Retention};

/// The version of the rules below, recorded in every ledger entry.
pub const PLAN_FORMAT_VERSION: u32 = 3;

/// The actions of one `TransactWriteItems`.
///
/// **Source**:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub const TRANSACTION_ACTIONS_MAX: usize = 100;

/// The actions that are no seal check and no row: the ledger entry, and in the first transaction of
/// a chunk the totals.
const ACTIONS_BESIDE_ROWS: usize = 2;

/// The counters that one update bumps: an update expression is limited to 4,096 bytes, and more
/// than 300 `ADD`s are unproven.
pub const ROW_COUNTERS_MAX: usize = 250;

/// What the counters of a minute row and its site come to at most, in bytes: a write is billed by
/// the whole row in steps of 1,024 bytes, of which the rest of its keys and the time to live take
/// up to 64.
const ROW_BYTES_MAX: usize = 1_024 - 64;

/// What the counters of a coarser row should come to, in bytes: hashing spreads keys unevenly over
/// the slots.
const ROW_TARGET_BYTES: usize = 840;

/// The name of a counter is its key behind `i#`.
const COUNTER_PREFIX_BYTES: usize = 2;

/// The parts of a chunk, in the order in which they are committed. There is always at least one: a
/// chunk without tallies still has its ledger entry.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    /// What each transaction carries beside its ledger entry.
    pub parts: Vec<Part<'a>>,
    /// The minutes (of a site) that get no rows of their own, since such rows would have expired
    /// already.
    pub minutes_expired: u64,
}

/// What one transaction commits beside its ledger entry.
///
/// **Shape**: an **open** part has minute rows of one hour, of one site or several: it may be
/// committed to the shards of these hours while none of them is closed. A **late** part has no
/// hours: its events came after their hours were closed, so that its rows are of the shard `late`
/// and of the periods from the hour upwards.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Part<'a> {
    /// The sites, ascending, each with the hour that the rows lie in; each costs a seal check.
    pub hours: Vec<(&'a str, Hour)>,
    /// The rows; no row stands twice in a plan.
    pub rows: Vec<Row<'a>>,
}

/// The counters of one row that one update bumps.
#[derive(Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The site that the events belong to.
    pub site: &'a str,
    /// The span of time.
    pub period: Period,
    /// What is counted.
    pub measure: Measure,
    /// Which of the rows that share site, period and measure.
    pub slot: u32,
    /// What is added to each key, ascending by key; 1 to [`ROW_COUNTERS_MAX`] of them.
    pub counters: Vec<(&'a str, Amount)>,
}

impl<'a> Plan<'a> {
    /// Cuts what a chunk counts into rows and parts. Hours that were open at the inputs' reference
    /// time come first, in open parts; what was late already follows in late parts.
    ///
    /// **Guarantees**: the plan of a chunk with orders has at least two parts. Orders are written
    /// between two ledger entries: after the first, which settles the plan inputs, and before the
    /// last, which says that all of the chunk is counted.
    pub fn of(count: &'a ChunkCount, inputs: &PlanInputs) -> Plan<'a> {
        let mut plan = Plan::of_tally(&count.tally, inputs);
        if !count.orders.is_empty() && plan.parts.len() == 1 {
            plan.parts.push(Part::default());
        }
        plan
    }

    /// Cuts the tally of a chunk without orders; otherwise as [`Plan::of`].
    pub fn of_tally(tally: &'a Tally, inputs: &PlanInputs) -> Plan<'a> {
        let retention =
            Retention { minute_days: inputs.minute_retention_days, hour_days: 0, day_days: 0 };
        let reference_seconds = inputs.reference_time.timestamp();
        // Parts of one hour each: a part goes late as a whole, and nothing of an hour that is still
        // open may come to the rows above it, as readers take these for what is over.
        let mut open: BTreeMap<Hour, Parts<'_>> = BTreeMap::new();
        let mut late = Parts::default();
        let mut rolled_up = RollUp::default();
        let mut minutes_expired = 0;
        let mut last_expired = None;
        for group in tally.groups() {
            let minute = Period::Minute(group.minute);
            let hour = group.minute.hour();
            if !is_closed(hour, inputs.reference_time) {
                let parts = open.entry(hour).or_default();
                pack(group.site, minute, group.measure, &group.counters, |row| {
                    parts.push_open(row, hour)
                });
                continue;
            }
            rolled_up.add(&group);
            if !retention.has_expired(minute, reference_seconds) {
                pack(group.site, minute, group.measure, &group.counters, |row| late.push_late(row));
            } else if last_expired != Some((group.site, group.minute)) {
                last_expired = Some((group.site, group.minute));
                minutes_expired += 1;
            }
        }
        rolled_up.pack(|row| late.push_late(row));
        let mut parts: Vec<Part<'_>> = open.into_values().flat_map(Parts::finish).collect();
        parts.extend(late.finish());
        if parts.is_empty() {
            parts.push(Part::default());
        }
        Plan { parts, minutes_expired }
    }

    /// Cuts the sums of a sealed hour's shards into the rows of its hour, day, week and month.
    ///
    /// **Shape**: the tally may hold any minutes of the hour.
    pub fn of_sealed_hour(tally: &'a Tally) -> Plan<'a> {
        let mut rolled_up = RollUp::default();
        for group in tally.groups() {
            rolled_up.add(&group);
        }
        let mut late = Parts::default();
        rolled_up.pack(|row| late.push_late(row));
        let mut parts = late.finish();
        if parts.is_empty() {
            parts.push(Part::default());
        }
        Plan { parts, minutes_expired: 0 }
    }
}

impl<'a> Part<'a> {
    /// Whether it may go to the shards of open hours.
    pub fn is_open(&self) -> bool {
        !self.hours.is_empty()
    }

    /// What an open part becomes when one of its hours is closed before it was committed: late
    /// parts with the same minute rows, and with the rows of the periods above. Empty for a part
    /// that is late already.
    pub fn late_form(&self) -> Vec<Part<'a>> {
        let mut late = Parts::default();
        let mut rolled_up = RollUp::default();
        for row in self.rows.iter().filter(|_| self.is_open()) {
            if let Period::Minute(minute) = row.period {
                let Row { site, measure, .. } = *row;
                rolled_up.add(&Group { site, minute, measure, counters: row.counters.clone() });
            }
            late.push_late(Row { counters: row.counters.clone(), ..*row });
        }
        rolled_up.pack(|row| late.push_late(row));
        late.finish()
    }
}

/// Parts in the making: each is as full as a transaction may be.
#[derive(Default)]
struct Parts<'a> {
    full: Vec<Part<'a>>,
    last: Part<'a>,
}

impl<'a> Parts<'a> {
    fn push_open(&mut self, row: Row<'a>, hour: Hour) {
        let hour = (row.site, hour);
        let is_new_hour = self.last.hours.last() != Some(&hour);
        self.make_room(1 + usize::from(is_new_hour));
        if self.last.hours.last() != Some(&hour) {
            self.last.hours.push(hour);
        }
        self.last.rows.push(row);
    }

    fn push_late(&mut self, row: Row<'a>) {
        self.make_room(1);
        self.last.rows.push(row);
    }

    fn make_room(&mut self, actions: usize) {
        if ACTIONS_BESIDE_ROWS + self.last.hours.len() + self.last.rows.len() + actions
            > TRANSACTION_ACTIONS_MAX
        {
            self.full.push(std::mem::take(&mut self.last));
        }
    }

    fn finish(mut self) -> Vec<Part<'a>> {
        if !self.last.rows.is_empty() {
            self.full.push(self.last);
        }
        self.full
    }
}

/// Sums by the periods from the hour upwards.
#[derive(Default)]
struct RollUp<'a> {
    sums: BTreeMap<(&'a str, Period, Measure), HashMap<&'a str, Amount, Xxh3DefaultBuilder>>,
}

impl<'a> RollUp<'a> {
    fn add(&mut self, group: &Group<'a>) {
        for period in Period::of_hour(group.minute.hour()) {
            let sums = self.sums.entry((group.site, period, group.measure)).or_default();
            for (key, amount) in &group.counters {
                *sums.entry(key).or_insert(Amount::ZERO) += *amount;
            }
        }
    }

    /// The rows, ascending by site, period (hours before days, weeks and months), measure and slot.
    fn pack(self, mut push: impl FnMut(Row<'a>)) {
        for ((site, period, measure), sums) in self.sums {
            let mut counters: Vec<(&str, Amount)> = sums.into_iter().collect();
            counters.sort_unstable_by_key(|(key, _)| *key);
            pack(site, period, measure, &counters, &mut push);
        }
    }
}

/// What a counter takes in its row, in bytes, when it holds just this amount.
pub fn counter_bytes(key: &str, amount: Amount) -> usize {
    COUNTER_PREFIX_BYTES + key.len() + amount.stored_bytes()
}

/// Cuts the counters of one site, period and measure into as few rows as keep each of them small.
pub(crate) fn pack<'a>(
    site: &'a str,
    period: Period,
    measure: Measure,
    counters: &[(&'a str, Amount)],
    push: impl FnMut(Row<'a>),
) {
    let slots = match period {
        Period::Minute(_) => fill(counters, ROW_BYTES_MAX.saturating_sub(site.len())),
        _ => spread(counters),
    };
    (0_u32..)
        .zip(slots)
        .filter(|(_, counters)| !counters.is_empty())
        .map(|(slot, counters)| Row { site, period, measure, slot, counters })
        .for_each(push);
}

/// Fills rows one after the other, in the order of their keys: a minute has few chunks, mostly one,
/// so that its rows hold little more than what one plan puts into them.
fn fill<'a>(counters: &[(&'a str, Amount)], bytes_max: usize) -> Vec<Vec<(&'a str, Amount)>> {
    let mut slots: Vec<Vec<(&'a str, Amount)>> = vec![];
    let mut bytes_left = 0;
    for (key, amount) in counters {
        let bytes = counter_bytes(key, *amount);
        match slots.last_mut() {
            Some(slot) if bytes <= bytes_left && slot.len() < ROW_COUNTERS_MAX => {
                slot.push((key, *amount));
                bytes_left -= bytes;
            }
            _ => {
                slots.push(vec![(key, *amount)]);
                bytes_left = bytes_max.saturating_sub(bytes);
            }
        }
    }
    slots
}

/// Spreads counters evenly over slots by the hashes of their keys. Many chunks add to the rows
/// above the minute: with powers of two, those of about as many keys have the same slots, and a key
/// the same row.
fn spread<'a>(counters: &[(&'a str, Amount)]) -> Vec<Vec<(&'a str, Amount)>> {
    let bytes: usize = counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum();
    let mut slot_count = bytes.div_ceil(ROW_TARGET_BYTES).next_power_of_two();
    loop {
        let mut slots: Vec<Vec<(&'a str, Amount)>> = vec![vec![]; slot_count];
        for (key, amount) in counters {
            slots[slot_of(key, slot_count)].push((key, *amount));
        }
        if slots.iter().all(|counters| counters.len() <= ROW_COUNTERS_MAX) {
            return slots;
        }
        slot_count *= 2;
    }
}

/// The slot of a key: a pure function of the key and the number of slots.
fn slot_of(key: &str, slot_count: usize) -> usize {
    // The high half of hash × count spreads evenly without a division's bias; it is below the count
    // by construction.
    let scaled = (u128::from(xxh3_64(key.as_bytes())) * slot_count as u128) >> 64;
    usize::try_from(scaled).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::{ChunkReader, ChunkSettings};
    use crate::count::measure::Currency;
    use crate::time::Minute;
    use chrono::DateTime;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// 2026-11-18T16:00Z.
    const FIRST_SECOND: i64 = 1_795_017_600;

    fn minute(number: i64) -> Minute {
        Minute::from_epoch_seconds(FIRST_SECOND + number * 60).expect("in range")
    }

    /// A inputs by which every hour from the one of minute `open_from` on is open.
    fn inputs(open_from: i64, minute_retention_days: u32) -> PlanInputs {
        let open_from = minute(open_from).hour().epoch_seconds();
        PlanInputs {
            reference_time: DateTime::from_timestamp(open_from + 600, 0).expect("in range"),
            default_currency: Currency::parse(b"USD").expect("three letters"),
            minute_retention_days,
        }
    }

    fn actions(part: &Part<'_>) -> usize {
        1 + part.hours.len() + part.rows.len()
    }

    fn views(items: impl IntoIterator<Item = (i64, u32)>) -> Tally {
        let mut tally = Tally::default();
        for (offset, item) in items {
            tally.add("shop", Measure::Views, minute(offset), &item.to_string(), Amount::ONE);
        }
        tally
    }

    #[test]
    fn a_chunk_without_tallies_has_one_part_for_its_entry() {
        let plan = Plan { parts: vec![Part::default()], minutes_expired: 0 };
        assert_eq!(Plan::of_tally(&Tally::default(), &inputs(0, 7)), plan);
        assert_eq!(Plan::of_sealed_hour(&Tally::default()), plan);
    }

    #[test]
    fn a_chunk_with_orders_has_a_part_before_and_after_them() {
        const VIEW: &str =
            r#"{"event_type":"view","item_id":"7","timestamp":"2026-11-18T16:00:00Z"}"#;
        const ORDER: &str = r#"{"eventType":"OrderCreatedEvent","timestamp":"2026-11-18T16:00:00Z","orderId":7,"totalAmount":1}"#;
        for (lines, parts) in [(VIEW.to_string(), 1), (format!("{VIEW}\n{ORDER}"), 2)] {
            let inputs = inputs(0, 7);
            let size_bytes = lines.len() as u64;
            let mut reader = ChunkReader::new(&ChunkSettings { inputs, size_bytes });
            reader.push(lines.as_bytes()).expect("plain text");
            let count = reader.finish().expect("plain text");
            assert_eq!(count.outcomes.rejected_total(), 0, "{lines}");
            assert_eq!(Plan::of(&count, &inputs).parts.len(), parts, "{lines}");
        }
    }

    #[test]
    fn ten_thousand_keys_of_a_minute_fill_rows_of_a_kilobyte() {
        let tally = views((0..10_000).map(|item| (0, item)));
        let plan = Plan::of_tally(&tally, &inputs(0, 7));
        let sizes: Vec<usize> = plan
            .parts
            .iter()
            .flat_map(|part| &part.rows)
            .map(|row| row.counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum())
            .collect();
        let bytes_max = ROW_BYTES_MAX - "shop".len();
        assert!(
            sizes.iter().all(|bytes| *bytes <= bytes_max),
            "a row is billed a second unit: {sizes:?}"
        );
        let few = sizes.iter().sum::<usize>().div_ceil(bytes_max) + sizes.len() / 50 + 1;
        assert!(sizes.len() <= few, "{} rows, where {few} are enough", sizes.len());
        assert!(
            plan.parts
                .iter()
                .all(|part| part.is_open() && actions(part) <= TRANSACTION_ACTIONS_MAX)
        );
    }

    #[test]
    fn a_row_never_has_more_counters_than_an_expression_takes() {
        let mut tally = Tally::default();
        // One-letter keys are so short that bytes alone would put too many into a row.
        for letter in (0x21..0x200).filter_map(char::from_u32) {
            tally.add("shop", Measure::Views, minute(0), &letter.to_string(), Amount::ONE);
        }
        for plan in [Plan::of_tally(&tally, &inputs(0, 7)), Plan::of_tally(&tally, &inputs(600, 7))]
        {
            for row in plan.parts.iter().flat_map(|part| &part.rows) {
                assert!((1..=ROW_COUNTERS_MAX).contains(&row.counters.len()));
            }
        }
    }

    #[test]
    fn many_minutes_take_several_parts_of_a_full_transaction() {
        for open_from in [0, 2_000] {
            let tally = views((0..1_000).map(|number| (number, 1)));
            let plan = Plan::of_tally(&tally, &inputs(open_from, 7));
            assert!(plan.parts.len() > 10);
            for part in &plan.parts {
                assert!(actions(part) <= TRANSACTION_ACTIONS_MAX);
            }
            let is_full = |part: &&Part<'_>| actions(part) >= TRANSACTION_ACTIONS_MAX - 1;
            // An hour of 60 minutes is less than a transaction, but hours do not share one while
            // they are open.
            let full = plan.parts.iter().filter(is_full).count();
            assert_eq!(
                full,
                if open_from == 0 { 0 } else { plan.parts.len() - 1 },
                "a part is left half empty"
            );
        }
    }

    #[test]
    fn an_hour_that_was_closed_at_the_reference_time_is_late_and_the_next_one_is_open() {
        let tally = views([(0, 7), (59, 7), (60, 7)]);
        let plan = Plan::of_tally(&tally, &inputs(60, 7));
        assert_eq!(plan.parts.len(), 2);
        assert_eq!(plan.parts[0].hours, [("shop", minute(60).hour())]);
        assert_eq!(plan.parts[0].rows.len(), 1);
        let late: Vec<String> = plan.parts[1]
            .rows
            .iter()
            .map(|row| format!("{:?} {}", row.period, row.counters[0].1))
            .collect();
        let expected = [
            "Minute(2026-11-18T16:00:00Z) 1",
            "Minute(2026-11-18T16:59:00Z) 1",
            "Hour(2026-11-18T16) 2",
            "Day(2026-11-18) 2",
            "Week(2026-W47) 2",
            "Month(2026-11) 2",
        ];
        assert_eq!(late, expected);
        assert!(plan.parts[1].hours.is_empty());
    }

    #[test]
    fn minutes_that_have_expired_are_counted_in_their_hours_only() {
        // Minutes 0 and 1 end just over and just within a day before the reference time.
        let tally = views([(0, 7), (0, 8), (10, 7)]);
        let plan = Plan::of_tally(&tally, &inputs(24 * 60, 1));
        let minutes: Vec<Period> = plan.parts[0]
            .rows
            .iter()
            .map(|row| row.period)
            .filter(|period| matches!(period, Period::Minute(_)))
            .collect();
        assert_eq!(minutes, [Period::Minute(minute(10))]);
        assert_eq!(plan.minutes_expired, 1);
        assert_eq!(plan.parts[0].rows.len(), 5);
        assert_eq!(
            plan.parts[0].rows[1].counters,
            [("7", Amount::from_count(2)), ("8", Amount::ONE)]
        );
    }

    #[test]
    fn chunks_of_about_as_many_keys_use_the_same_rows_above_the_minute() {
        let slot_of = |items: u32| {
            let tally = views((0..items).map(|item| (0, item)));
            let plan = Plan::of_sealed_hour(&tally);
            let rows = plan.parts.iter().flat_map(|part| &part.rows);
            rows.flat_map(|row| {
                row.counters.iter().map(|(key, _)| ((row.period, (*key).to_string()), row.slot))
            })
            .collect::<BTreeMap<_, _>>()
        };
        let (few, many) = (slot_of(4_400), slot_of(4_700));
        assert!(few.iter().all(|(counter, slot)| many.get(counter) == Some(slot)));
    }

    #[test]
    fn a_late_part_has_no_other_late_form() {
        let tally = views([(0, 7)]);
        let plan = Plan::of_tally(&tally, &inputs(600, 7));
        assert!(plan.parts[0].late_form().is_empty());
    }

    /// Site, measure, minute, key, count.
    type Entry = (u8, u8, i64, u16, u32);
    type Model = BTreeMap<(String, String, Period, String), Amount>;

    fn tally_of(entries: &[Entry]) -> Tally {
        let mut tally = Tally::default();
        for (site, measure, offset, key, count) in entries {
            let (site, measure, key) = named(*site, *measure, *key);
            tally.add(&site, measure, minute(*offset), &key, Amount::from_count(u64::from(*count)));
        }
        tally
    }

    fn named(site: u8, measure: u8, key: u16) -> (String, Measure, String) {
        let measure = [Measure::Views, Measure::Carts, Measure::Units][usize::from(measure)];
        (format!("site-{site}"), measure, format!("item-{key}"))
    }

    /// What the rows should hold: each entry in its minute (if `in_minute` says so), and above it
    /// (if it is late).
    fn model(
        entries: &[Entry],
        is_late: impl Fn(Hour) -> bool,
        in_minute: impl Fn(Minute) -> bool,
    ) -> Model {
        let mut model = Model::new();
        for (site, measure, offset, key, count) in entries {
            let (site, measure, key) = named(*site, *measure, *key);
            let minute = minute(*offset);
            let mut periods = vec![];
            if in_minute(minute) {
                periods.push(Period::Minute(minute));
            }
            if is_late(minute.hour()) {
                periods.extend(Period::of_hour(minute.hour()));
            }
            for period in periods {
                let cell = (site.clone(), measure.to_string(), period, key.clone());
                *model.entry(cell).or_insert(Amount::ZERO) += Amount::from_count(u64::from(*count));
            }
        }
        model
    }

    fn sums<'a, 'b: 'a>(
        parts: impl IntoIterator<Item = &'a Part<'b>>,
    ) -> Result<Model, TestCaseError> {
        let mut sums = Model::new();
        let mut rows_seen = BTreeSet::new();
        for part in parts {
            prop_assert!(actions(part) <= TRANSACTION_ACTIONS_MAX);
            for row in &part.rows {
                if part.is_open() {
                    prop_assert!(
                        part.hours.contains(&(row.site, row.period.first_minute().hour()))
                    );
                    prop_assert!(
                        matches!(row.period, Period::Minute(_)),
                        "an open part has minutes only"
                    );
                    prop_assert_eq!(
                        row.period.first_minute().hour(),
                        part.hours[0].1,
                        "an open part has one hour"
                    );
                }
                prop_assert!(
                    rows_seen.insert((row.site, row.period, row.measure, row.slot)),
                    "a row stands twice"
                );
                for (key, amount) in &row.counters {
                    let cell = (
                        row.site.to_string(),
                        row.measure.to_string(),
                        row.period,
                        (*key).to_string(),
                    );
                    prop_assert!(sums.insert(cell, *amount).is_none(), "a counter stands twice");
                }
            }
        }
        Ok(sums)
    }

    fn entries(count: usize) -> impl Strategy<Value = Vec<Entry>> {
        prop::collection::vec((0_u8..3, 0_u8..3, 0_i64..4_000, 0_u16..500, 1_u32..9), 0..count)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn rows_hold_the_tally_and_nothing_else(entries in entries(2_000), open_from in 0_i64..4_200) {
            let inputs = inputs(open_from, 1);
            let tally = tally_of(&entries);
            let kept_from = inputs.reference_time.timestamp() - 86_400;
            let is_late = |hour: Hour| hour < minute(open_from).hour();
            let in_minute = |minute: Minute| minute.epoch_seconds() + 60 > kept_from;
            prop_assert_eq!(sums(&Plan::of_tally(&tally, &inputs).parts)?, model(&entries, is_late, in_minute));
        }

        #[test]
        fn an_open_part_that_is_late_holds_the_same_and_the_periods_above(entries in entries(500)) {
            let tally = tally_of(&entries);
            for part in Plan::of_tally(&tally, &inputs(0, 7)).parts.iter().filter(|part| part.is_open()) {
                let minutes = sums([part])?;
                let mut expected = minutes.clone();
                for ((site, measure, period, key), amount) in minutes {
                    for above in Period::of_hour(period.first_minute().hour()) {
                        let cell = (site.clone(), measure.clone(), above, key.clone());
                        *expected.entry(cell).or_insert(Amount::ZERO) += amount;
                    }
                }
                prop_assert_eq!(sums(&part.late_form())?, expected);
            }
        }

        #[test]
        fn the_plan_does_not_depend_on_the_order_of_the_events(entries in entries(500), open_from in 0_i64..4_200) {
            let reversed: Vec<Entry> = entries.iter().rev().copied().collect();
            let (forward, backward) = (tally_of(&entries), tally_of(&reversed));
            prop_assert_eq!(Plan::of_tally(&forward, &inputs(open_from, 1)), Plan::of_tally(&backward, &inputs(open_from, 1)));
        }
    }
}
