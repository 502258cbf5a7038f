//! Cuts a tally into rows, and the rows into transactions.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3Builder;

use crate::chunk::ChunkCount;
use crate::count::amount::Amount;
use crate::count::measure::Measure;
use crate::count::tally::{Group, Tally};
use crate::hash_seed::HashSeed;
use crate::plan::inputs::{PlanInputs, SealInputs};
use crate::plan::rows::{Row, pack};
use crate::time::lateness::is_closed;
use crate::time::period::{Period, Retention};
use crate::time::{Hour, QuartersBySite};

/// The version of the rules in this module, recorded in every ledger entry.
///
/// It is raised by every change with which equal bytes and equal plan inputs could give another
/// plan. Such a change must also keep this build able to finish what the build before began,
/// because a deployment meets chunks that are counted in part. There are two ways:
///
/// - A plan input says whether the change applies. Entries of the version before lack it, and the
///   codec of the ledger reads that as the value with which everything stays as it was. The planner
///   then needs no second version.
/// - The planner of the version before stays beside the new one, and [`Plan::of`] and
///   [`Plan::of_sealed_hour`] choose by the version that the entries record.
///
/// In both cases [`PLAN_FORMAT_VERSION_OLDEST`] becomes the version before.
pub const PLAN_FORMAT_VERSION: u32 = 9;

/// The oldest version whose unfinished chunks this build finishes: the one before.
///
/// One version back is enough. Lambda replaces the code of a function within minutes, and what the
/// build before left unfinished is at the queue again after one visibility timeout. Older entries
/// are met only by chunks that lay in the dead letters since the update before the last, and by
/// updates that skip a version. These are refused, because to plan them wrongly would count twice.
///
/// Version 9 plans as version 8 did, and reads as it did where the plan inputs have the reader version
/// of version 8.
pub const PLAN_FORMAT_VERSION_OLDEST: u32 = 8;

/// The maximum number of actions in one `TransactWriteItems`.
///
/// **Source**:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub const TRANSACTION_ACTIONS_MAX: usize = 100;

/// The actions that are neither a seal check nor a row: the ledger entry and, in the first
/// transaction of a chunk, the totals.
const ACTIONS_BESIDE_ROWS: usize = 2;

/// The rows by which a file is known again: that of its key, and that of its bytes.
const ROWS_OF_FILE: usize = 2;

/// The parts of a chunk, in the order in which they are committed. There is always at least one: a
/// chunk that counts nothing still has its ledger entry.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    /// What each transaction commits besides its ledger entry.
    pub parts: Vec<Part<'a>>,
    /// How many minutes (of a site) get no rows of their own, because such rows would have expired
    /// already.
    pub minutes_expired: u64,
}

/// What one transaction commits besides its ledger entry.
///
/// **Shape**: an **open** part has minute rows of one hour, for one site or several. It may be
/// committed to the shards of these hours while none of them is closed. A **late** part has no
/// hours: its events arrived after their hours were closed, so its rows belong to the shard `late`
/// and to the periods above minutes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Part<'a> {
    /// The sites, ascending, each with the hour of its rows; each costs a seal check.
    pub hours: Vec<(&'a str, Hour)>,
    /// Those of them that have rows of their quarters.
    pub quarter_hours: Vec<(&'a str, Hour)>,
    /// The rows; no row occurs twice in a plan.
    pub rows: Vec<Row<'a>>,
}

/// Whether this build plans what a build of this plan format version planned, and so can finish a
/// chunk that it began.
pub fn can_plan(plan_format_version: u32) -> bool {
    (PLAN_FORMAT_VERSION_OLDEST..=PLAN_FORMAT_VERSION).contains(&plan_format_version)
}

impl<'a> Plan<'a> {
    /// Cuts the count of a chunk into rows and parts. Of too many keys, only those with the largest
    /// sums of the chunk keep their names, so that it adds no more keys to any period. Hours that
    /// were open at the reference time of the inputs come first, in open parts; hours that were
    /// closed follow in late parts.
    ///
    /// **Guarantees**: the plan of a chunk with orders has at least two parts. Orders are written
    /// between two ledger entries: after the first, which settles the plan inputs, and before the
    /// last, which says that the whole chunk is counted.
    pub fn of(count: &'a ChunkCount, inputs: &PlanInputs) -> Plan<'a> {
        let mut plan = Plan::of_tally_with(&count.tally, inputs, &count.quarters);
        if !count.orders.is_empty() && plan.parts.len() == 1 {
            plan.parts.push(Part::default());
        }
        plan
    }

    /// Cuts the tally of a chunk without orders whose sites have no zones, like [`Plan::of`].
    pub fn of_tally(tally: &'a Tally, inputs: &PlanInputs) -> Plan<'a> {
        Plan::of_tally_with(tally, inputs, &QuartersBySite::default())
    }

    /// Cuts the tally of a chunk without orders, like [`Plan::of`].
    pub fn of_tally_with(
        tally: &'a Tally,
        inputs: &PlanInputs,
        quarters: &QuartersBySite,
    ) -> Plan<'a> {
        let retention =
            Retention { minute_days: inputs.minute_retention_days, hour_days: 0, day_days: 0 };
        let reference_seconds = inputs.reference_time.timestamp();
        // Parts of one hour each: a part becomes late as a whole, and nothing of an hour that is
        // still open may reach the rows above it, because readers take those rows as final.
        let mut open: BTreeMap<Hour, Parts<'_>> = BTreeMap::new();
        let parts_of_chunk = || Parts::of(inputs.counted_before.is_some());
        let mut late = parts_of_chunk();
        let mut rolled_up = RollUp::new();
        let mut minutes_expired = 0;
        let mut last_expired = None;
        for group in tally.bounded_groups(inputs.keys_max) {
            let minute = Period::Minute(group.minute);
            let hour = group.minute.hour();
            if !is_closed(hour, inputs.reference_time) {
                let parts = open.entry(hour).or_insert_with(parts_of_chunk);
                let has_quarters = quarters.contains(group.site, hour);
                pack(group.site, minute, group.measure, &group.counters, |row| {
                    parts.push_open(row, hour, has_quarters)
                });
                continue;
            }
            rolled_up.add(&group, quarters.contains(group.site, hour));
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

    /// Cuts the sums of a sealed hour's shards into the rows of its quarters, if it has any, and of
    /// its hour, day, week and month.
    ///
    /// **Shape**: the tallies may hold any minutes of the hour; keys are ranked by their sums over
    /// all of them. Those of `orders`, what orders added beside events, all keep their names.
    pub fn of_sealed_hour(tally: &'a Tally, orders: &'a Tally, inputs: &SealInputs) -> Plan<'a> {
        let mut rolled_up = RollUp::new();
        for group in tally.bounded_groups(inputs.keys_max).chain(orders.groups()) {
            rolled_up.add(&group, inputs.has_quarters);
        }
        let mut late = Parts::of(false);
        rolled_up.pack(|row| late.push_late(row));
        let mut parts = late.finish();
        if parts.is_empty() {
            parts.push(Part::default());
        }
        Plan { parts, minutes_expired: 0 }
    }
}

impl<'a> Part<'a> {
    /// Whether the part may be committed to the shards of open hours.
    pub fn is_open(&self) -> bool {
        !self.hours.is_empty()
    }

    /// What an open part becomes when one of its hours is closed before the part is committed: late
    /// parts with the same minute rows and the rows of the periods above. Empty for a part that is
    /// late already. `is_of_file` says whether they leave room for the rows of a file.
    pub fn late_form(&self, is_of_file: bool) -> Vec<Part<'a>> {
        let mut late = Parts::of(is_of_file);
        let mut rolled_up = RollUp::new();
        for row in self.rows.iter().filter(|_| self.is_open()) {
            if let Period::Minute(minute) = row.period {
                let Row { site, measure, .. } = *row;
                let group = Group { site, minute, measure, counters: row.counters.clone() };
                rolled_up.add(&group, self.quarter_hours.contains(&(site, minute.hour())));
            }
            late.push_late(Row { counters: row.counters.clone(), ..*row });
        }
        rolled_up.pack(|row| late.push_late(row));
        late.finish()
    }
}

/// Builds parts, each as full as a transaction may be.
struct Parts<'a> {
    actions_max: usize,
    full: Vec<Part<'a>>,
    last: Part<'a>,
}

impl<'a> Parts<'a> {
    fn of(is_of_file: bool) -> Parts<'a> {
        let rows_of_file = if is_of_file { ROWS_OF_FILE } else { 0 };
        let actions_max = TRANSACTION_ACTIONS_MAX - ACTIONS_BESIDE_ROWS - rows_of_file;
        Parts { actions_max, full: vec![], last: Part::default() }
    }

    fn push_open(&mut self, row: Row<'a>, hour: Hour, has_quarters: bool) {
        let hour = (row.site, hour);
        let is_new_hour = self.last.hours.last() != Some(&hour);
        self.make_room(1 + usize::from(is_new_hour));
        if self.last.hours.last() != Some(&hour) {
            self.last.hours.push(hour);
            if has_quarters {
                self.last.quarter_hours.push(hour);
            }
        }
        self.last.rows.push(row);
    }

    fn push_late(&mut self, row: Row<'a>) {
        self.make_room(1);
        self.last.rows.push(row);
    }

    fn make_room(&mut self, actions: usize) {
        if self.last.hours.len() + self.last.rows.len() + actions > self.actions_max {
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

/// Sums by the periods above minutes.
struct RollUp<'a> {
    sums: BTreeMap<(&'a str, Period, Measure), HashMap<&'a str, Amount, Xxh3Builder>>,
    hashers: Xxh3Builder,
}

impl<'a> RollUp<'a> {
    fn new() -> RollUp<'a> {
        RollUp { sums: BTreeMap::new(), hashers: HashSeed::random().hashers() }
    }

    fn add(&mut self, group: &Group<'a>, has_quarters: bool) {
        for period in Period::above(group.minute, has_quarters) {
            let place = self.sums.entry((group.site, period, group.measure));
            let sums = place.or_insert_with(|| HashMap::with_hasher(self.hashers));
            for (key, amount) in &group.counters {
                *sums.entry(key).or_insert(Amount::ZERO) += *amount;
            }
        }
    }

    /// The rows, ascending by site, period (quarters before hours, days, weeks and months), measure
    /// and slot.
    fn pack(self, mut push: impl FnMut(Row<'a>)) {
        for ((site, period, measure), sums) in self.sums {
            // What orders took back may be as much as what events added.
            let sums = sums.into_iter().filter(|(_, amount)| *amount != Amount::ZERO);
            let mut counters: Vec<(&str, Amount)> = sums.collect();
            counters.sort_unstable_by_key(|(key, _)| *key);
            pack(site, period, measure, &counters, &mut push);
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
