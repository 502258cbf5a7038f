//! Reading a table in memory that a writer and a sealer of our own making work on.

use minutebook_domain::count::amount::Amount;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::LazyLock;

use chrono::TimeDelta;
use minutebook_domain::count::tally::Tally;
use minutebook_domain::plan::{Part, Plan, PlanInputs, SealInputs};
use minutebook_domain::time::lateness::{SETTLE_TIME, is_closed};
use minutebook_domain::time::period::Period;
use minutebook_domain::time::{Minute, QuartersBySite};

use super::*;
use crate::keys::Shard;
use crate::memory::{MemoryTable, Reads};
use crate::reader::source::Page;
use crate::reader::totals::{Total, total_windows};

mod bounds;
mod interleaved;
mod quarters;
mod rows;

const RETENTION: Retention = Retention { minute_days: 1, hour_days: 400, day_days: 0 };

const SITE: &str = "shop";

/// The site has been in Kolkata for ever: its days begin at 18:30Z.
static QUARTERS: LazyLock<QuartersBySite> = LazyLock::new(|| {
    let mut quarters = QuartersBySite::default();
    quarters.push(SITE, Minute::EPOCH.hour(), Some(chrono_tz::Tz::Asia__Kolkata));
    quarters
});

const SEAL_INPUTS: SealInputs = SealInputs { keys_max: 0, has_quarters: false };

fn seal_inputs(hour: Hour) -> SealInputs {
    SealInputs { keys_max: 0, has_quarters: QUARTERS.contains(SITE, hour) }
}
const KEYS: [&str; 3] = ["1", "2", "sku-3"];

/// How far the sealing of an hour has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Listed,
    Sealed(DateTime<Utc>),
    Done(DateTime<Utc>),
    Removed,
}

/// One event.
#[derive(Clone, Copy, Debug)]
struct Event {
    minute: Minute,
    key: &'static str,
}

/// A commit whose hour was listed, if that was open, and whose transaction is still to come.
struct Begun {
    event: Event,
    reference_time: DateTime<Utc>,
    is_open: bool,
}

/// A table with its clock, a writer and a sealer, and a naive record of what was committed.
struct World {
    table: Rc<MemoryTable>,
    now: DateTime<Utc>,
    stages: BTreeMap<Hour, Stage>,
    /// What lies in numbered shards.
    in_shards: BTreeMap<Hour, Vec<Event>>,
    committed: Vec<Event>,
    begun: Vec<Begun>,
}

impl World {
    fn at(now: &str) -> World {
        World {
            table: Rc::default(),
            now: now.parse().expect("a time"),
            stages: BTreeMap::new(),
            in_shards: BTreeMap::new(),
            committed: vec![],
            begun: vec![],
        }
    }

    fn tally(events: &[Event]) -> Tally {
        let mut tally = Tally::default();
        for event in events {
            tally.add(SITE, Measure::Views, event.minute, event.key, Amount::ONE);
        }
        tally
    }

    /// Commits an event of a chunk that was uploaded so long ago, as ingest does.
    fn commit(&mut self, event: Event, shard: u8, uploaded_ago: TimeDelta) {
        let begun = self.begin(event, uploaded_ago);
        self.finish(&begun, shard);
    }

    /// The first half of a commit: lists the hour, if it is open by the clock.
    fn begin(&mut self, event: Event, uploaded_ago: TimeDelta) -> Begun {
        let hour = event.minute.hour();
        let reference_time = self.now - uploaded_ago;
        let is_open = !is_closed(hour, self.now);
        if is_open {
            self.table.list_open(SITE, hour);
            self.stages.entry(hour).or_insert(Stage::Listed);
        }
        Begun { event, reference_time, is_open }
    }

    /// The second half, however much later: the transaction.
    fn finish(&mut self, begun: &Begun, shard: u8) {
        let Begun { event, reference_time, is_open } = *begun;
        let inputs = PlanInputs {
            minute_retention_days: RETENTION.minute_days,
            ..PlanInputs::with_defaults(reference_time)
        };
        let hour = event.minute.hour();
        let tally = World::tally(&[event]);
        for part in &Plan::of_tally_with(&tally, &inputs, &QUARTERS).parts {
            if !part.is_open() {
                self.add(part, Shard::Late);
            } else if is_open && self.stages.get(&hour) == Some(&Stage::Listed) {
                self.add(part, Shard::Number(shard));
                self.in_shards.entry(hour).or_default().push(event);
            } else {
                part.late_form(false).iter().for_each(|part| self.add(part, Shard::Late));
            }
        }
        self.committed.push(event);
    }

    fn add(&self, part: &Part<'_>, shard: Shard) {
        part.rows.iter().for_each(|row| self.table.add(row, shard, RETENTION));
    }

    /// Takes an hour one step further, if it is due.
    fn seal(&mut self, hour: Hour) {
        let Some(stage) = self.stages.get_mut(&hour).filter(|_| is_closed(hour, self.now)) else {
            return;
        };
        match *stage {
            Stage::Listed => *stage = Stage::Sealed(self.now),
            Stage::Sealed(at) if at + SETTLE_TIME <= self.now => {
                *stage = Stage::Done(self.now);
                let events = self.in_shards.get(&hour).map_or(&[][..], Vec::as_slice);
                let tally = World::tally(events);
                Plan::of_sealed_hour(&tally, &Tally::default(), &seal_inputs(hour))
                    .parts
                    .iter()
                    .for_each(|part| self.add(part, Shard::Late));
            }
            Stage::Done(at) if at + SETTLE_TIME <= self.now => {
                *stage = Stage::Removed;
                self.table.remove_open(SITE, hour);
            }
            _ => {}
        }
    }

    /// Seals whatever is closed, to the end.
    fn seal_all(&mut self) {
        for _ in 0..3 {
            let hours: Vec<Hour> = self.stages.keys().copied().collect();
            hours.into_iter().for_each(|hour| self.seal(hour));
            self.now += SETTLE_TIME;
        }
    }

    fn question<'a>(&self, windows: &'a [Window]) -> SumQuestion<'a> {
        let measures = &[Measure::Views];
        SumQuestion {
            site: SITE,
            measures,
            key: None,
            windows,
            now: self.now,
            retention: RETENTION,
            quarter_hours: QUARTERS.of(SITE),
        }
    }

    /// Checks that a window holds what was committed for it, and gives what reading it took.
    fn check(&self, from: &str, to: &str) -> Reads {
        let window = window(from, to);
        let question = self.question(std::slice::from_ref(&window));
        let totals = self.table.read(total_windows(&*self.table, &question, &["2", "none"])).0;
        let (sums, reads) = self.table.read(sum_windows(&*self.table, &question));
        let sums = sums.expect("nothing fails in memory");
        assert_eq!(counts(&sums[0]), self.committed_in(window));
        let of_keys = vec![sums[0].of("2"), Amount::ZERO];
        assert_eq!(
            totals.expect("nothing fails in memory"),
            [Total { of_all: sums[0].total(), of_keys }]
        );
        reads
    }

    fn committed_in(&self, window: Window) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for event in self
            .committed
            .iter()
            .filter(|event| window.from <= event.minute && event.minute < window.to)
        {
            *counts.entry(event.key.to_string()).or_default() += 1;
        }
        counts
    }
}

fn minute(time: &str) -> Minute {
    Minute::containing(time.parse().expect("a time")).expect("in range")
}

fn window(from: &str, to: &str) -> Window {
    Window { from: minute(from), to: minute(to) }
}

fn counts(sums: &Sums) -> BTreeMap<String, u64> {
    let count = |amount: Amount| amount.to_string().parse().expect("a whole number");
    sums.top(usize::MAX).into_iter().map(|(key, amount)| (key.to_string(), count(amount))).collect()
}

fn event(time: &str, key: &'static str) -> Event {
    Event { minute: minute(time), key }
}

/// At a quarter past ten: two events of each of the last hours, each committed when it happened.
fn morning() -> World {
    let mut world = World::at("2026-11-20T06:00:00Z");
    for (time, shard) in [
        ("2026-11-20T06:10:00Z", 0),
        ("2026-11-20T06:50:00Z", 3),
        ("2026-11-20T07:10:00Z", 0),
        ("2026-11-20T07:50:00Z", 15),
        ("2026-11-20T08:10:00Z", 0),
        ("2026-11-20T08:50:00Z", 0),
        ("2026-11-20T09:10:00Z", 0),
        ("2026-11-20T09:50:00Z", 0),
        ("2026-11-20T10:10:00Z", 0),
    ] {
        world.now = time.parse().expect("a time");
        world.commit(event(time, "1"), shard, TimeDelta::zero());
    }
    world.now = "2026-11-20T10:15:00Z".parse().expect("a time");
    world
}

const MORNING: (&str, &str) = ("2026-11-20T06:30:00Z", "2026-11-20T10:16:00Z");

#[test]
fn before_sealing_every_hour_is_summed_from_its_minutes_in_a_second_round_trip() {
    let reads = morning().check(MORNING.0, MORNING.1);
    // Minutes at the edges (3 and 2 ranges), the rows of three hours, which are neighbours, and the
    // list; then the minutes of three hours.
    assert_eq!((reads.queries, reads.round_trips), (3 + 2 + 1 + 1 + 3 * 6, 2));
}

#[test]
fn after_sealing_whole_hours_are_one_row_each_in_one_round_trip() {
    let mut world = morning();
    world.seal_all();
    let reads = world.check(MORNING.0, MORNING.1);
    assert_eq!((reads.queries, reads.round_trips), (3 + 2 + 1 + 1, 1));
    // Two edges with one event each, three hours.
    assert_eq!(reads.rows, 2 + 3);
}

#[test]
fn an_hour_that_is_listed_is_right_whether_it_is_sealed_or_done() {
    let mut world = morning();
    for _ in 0..3 {
        let hour = minute("2026-11-20T08:00:00Z").hour();
        world.seal(hour);
        world.now += SETTLE_TIME;
        world.check(MORNING.0, MORNING.1);
        world.check("2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z");
    }
}

#[test]
fn late_events_count_in_their_minute_and_hour_whenever_they_come() {
    let mut world = morning();
    let late = |world: &mut World| {
        for time in ["2026-11-20T06:29:00Z", "2026-11-20T06:31:00Z", "2026-11-20T08:15:00Z"] {
            world.commit(event(time, "2"), 0, TimeDelta::zero());
        }
        world.check(MORNING.0, MORNING.1);
    };
    late(&mut world);
    for _ in 0..3 {
        for hour in ["2026-11-20T06:00:00Z", "2026-11-20T08:00:00Z"] {
            world.seal(minute(hour).hour());
        }
        late(&mut world);
        world.now += SETTLE_TIME;
    }
    late(&mut world);
}

#[test]
fn a_chunk_that_was_planned_as_open_and_comes_late_is_counted_once() {
    let mut world = morning();
    world.seal_all();
    world.commit(event("2026-11-20T09:20:00Z", "2"), 0, TimeDelta::minutes(30));
    world.check(MORNING.0, MORNING.1);
    // Another process lists the hour again before it meets the seal: the hour is done all the same.
    world.table.list_open(SITE, minute("2026-11-20T08:00:00Z").hour());
    assert_eq!(world.check(MORNING.0, MORNING.1).round_trips, 2);
}

#[test]
fn the_open_hours_of_other_sites_do_not_matter() {
    let mut world = morning();
    world.seal_all();
    for site in ["shop.", "shoq", "sho"] {
        world.table.list_open(site, minute("2026-11-20T08:00:00Z").hour());
    }
    assert_eq!(world.check(MORNING.0, MORNING.1).round_trips, 1);
}

#[test]
fn minutes_alone_need_no_list() {
    let world = morning();
    let reads = world.check("2026-11-20T09:16:00Z", "2026-11-20T10:16:00Z");
    assert_eq!((reads.queries, reads.round_trips), (5 + 2, 1));
}

#[test]
fn windows_are_summed_by_themselves() {
    let mut world = morning();
    world.seal_all();
    let hour = minute("2026-11-20T07:00:00Z").hour();
    world.table.list_open(SITE, hour);
    let windows = [
        window("2026-11-20T06:00:00Z", "2026-11-20T07:00:00Z"),
        window("2026-11-20T07:00:00Z", "2026-11-20T08:00:00Z"),
        window("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"),
        window("2026-11-20T05:00:00Z", "2026-11-20T05:00:00Z"),
        window("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ];
    let (sums, reads) = world.table.read(sum_windows(&*world.table, &world.question(&windows)));
    let sums: Vec<_> = sums.expect("nothing fails in memory").iter().map(counts).collect();
    assert_eq!(sums, windows.map(|window| world.committed_in(window)));
    assert_eq!(reads.round_trips, 2);
}

#[test]
fn one_key_is_read_by_itself() {
    let mut world = morning();
    world.commit(event("2026-11-20T08:15:00Z", "2"), 0, TimeDelta::zero());
    let windows = [window(MORNING.0, MORNING.1)];
    let question = SumQuestion { key: Some("2"), ..world.question(&windows) };
    let (sums, _) = world.table.read(sum_windows(&*world.table, &question));
    assert_eq!(
        counts(&sums.expect("nothing fails in memory")[0]),
        BTreeMap::from([("2".to_string(), 1)])
    );
}

#[test]
fn measures_are_summed_by_themselves_with_one_list_of_open_hours() {
    let mut world = morning();
    let mut tally = Tally::default();
    tally.add(SITE, Measure::Carts, minute("2026-11-20T07:20:00Z"), "1", Amount::from_count(5));
    tally.add(SITE, Measure::Carts, minute("2026-11-20T08:20:00Z"), "2", Amount::from_count(7));
    Plan::of_sealed_hour(&tally, &Tally::default(), &SEAL_INPUTS)
        .parts
        .iter()
        .for_each(|part| world.add(part, Shard::Late));
    world.seal_all();
    let windows = [
        window("2026-11-20T07:00:00Z", "2026-11-20T08:00:00Z"),
        window("2026-11-20T07:00:00Z", "2026-11-20T09:00:00Z"),
    ];
    let one = world.question(&windows);
    let (_, reads_of_one) = world.table.read(sum_windows(&*world.table, &one));
    let measures = [Measure::Views, Measure::Removals, Measure::Carts];
    let (sums, reads) =
        world.table.read(sum_windows(&*world.table, &SumQuestion { measures: &measures, ..one }));
    let sums: Vec<_> = sums.expect("nothing fails in memory").iter().map(counts).collect();
    let expected = |cells: &[(&str, u64)]| {
        cells.iter().map(|(key, count)| (key.to_string(), *count)).collect()
    };
    assert_eq!(
        sums,
        [
            world.committed_in(windows[0]),
            world.committed_in(windows[1]),
            BTreeMap::new(),
            BTreeMap::new(),
            expected(&[("1", 5)]),
            expected(&[("1", 5), ("2", 7)]),
        ]
    );
    assert_eq!((reads.queries - 1, reads.round_trips), (3 * (reads_of_one.queries - 1), 1));
}

#[test]
fn rows_that_have_expired_are_not_counted_though_they_stand() {
    let mut world = morning();
    world.seal_all();
    world.now = "2026-11-21T08:10:30Z".parse().expect("a time");
    // The minute of ten past eight is kept for half a minute more.
    world.check("2026-11-20T08:10:00Z", "2026-11-20T09:00:00Z");
    world.now += TimeDelta::seconds(30);
    let windows = [window("2026-11-20T08:10:00Z", "2026-11-20T09:00:00Z")];
    let (sums, _) = world.table.read(sum_windows(&*world.table, &world.question(&windows)));
    assert_eq!(
        counts(&sums.expect("nothing fails in memory")[0]),
        BTreeMap::from([("1".to_string(), 1)])
    );
    // What is kept of the window is the whole hour.
    let (kept, _) = windows[0].kept(RETENTION, world.now);
    let (sums, _) = world.table.read(sum_windows(&*world.table, &world.question(&[kept])));
    assert_eq!(
        counts(&sums.expect("nothing fails in memory")[0]),
        BTreeMap::from([("1".to_string(), 2)])
    );
}

#[test]
fn an_hour_of_more_than_a_page_is_summed_whole() {
    let world = World::at("2026-11-20T10:15:00Z");
    let mut tally = Tally::default();
    for item in 0..120_000 {
        tally.add(
            SITE,
            Measure::Views,
            minute("2026-11-20T08:00:00Z"),
            &item.to_string(),
            Amount::ONE,
        );
    }
    for part in &Plan::of_sealed_hour(&tally, &Tally::default(), &SEAL_INPUTS).parts {
        world.add(part, Shard::Late);
    }
    let windows = [window("2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z")];
    let (sums, reads) = world.table.read(sum_windows(&*world.table, &world.question(&windows)));
    let sums = sums.expect("nothing fails in memory");
    assert_eq!((sums[0].len(), sums[0].total()), (120_000, Amount::from_count(120_000)));
    assert_eq!((reads.queries, reads.pages, reads.round_trips), (2, 3, 2));
}

#[test]
fn what_has_no_name_is_read_beside_one_key() {
    let mut world = morning();
    let mut tally = Tally::default();
    for (key, count) in [("1", 5), ("2", 3), ("(other)", 7)] {
        let minute = minute("2026-11-20T07:20:00Z");
        tally.add(SITE, Measure::Carts, minute, key, Amount::from_count(count));
    }
    for part in &Plan::of_sealed_hour(&tally, &Tally::default(), &SEAL_INPUTS).parts {
        world.add(part, Shard::Late);
    }
    world.seal_all();
    let windows = [window("2026-11-20T07:00:00Z", "2026-11-20T08:00:00Z")];
    let measures = &[Measure::Carts];
    for (key, of_key, names) in [(Some("2"), 3, 2), (Some("3"), 0, 1), (None, 0, 3)] {
        let question = SumQuestion { measures, key, ..world.question(&windows) };
        let sums = world.table.read(sum_windows(&*world.table, &question)).0;
        let sums = &sums.expect("nothing fails in memory")[0];
        assert_eq!(sums.of(key.unwrap_or_default()), Amount::from_count(of_key), "{key:?}");
        assert_eq!((sums.of_other(), sums.len()), (Amount::from_count(7), names), "{key:?}");
    }
}

#[test]
fn a_failure_is_not_taken_for_nothing() {
    struct Away;
    impl RowSource for Away {
        async fn page(&self, _: &RowRange, _: Option<Item>) -> Result<Page, StorageError> {
            Ok(Page::default())
        }
        async fn open_hours(&self, _: &str, _: Hour, _: Hour) -> Result<Vec<Hour>, StorageError> {
            Err(StorageError::Unavailable { call: "Query", reason: "no route".to_string() })
        }
    }
    let world = morning();
    let windows = [window(MORNING.0, MORNING.1)];
    assert!(world.table.read(sum_windows(&Away, &world.question(&windows))).0.is_err());
}
