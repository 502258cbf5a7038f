//! How far each hour is sealed. The numbers of an hour that is not done are in its minute rows
//! only.

use std::collections::{BTreeMap, BTreeSet};

use minutebook_oracle::{Decimal, Granularity, NamesKept, Period, nameless};

use crate::rows::ledger::{self, Ledger, LedgerEntry};
use crate::rows::{OpenHour, Shard, Tallies, hour_named};

/// An hour of a site.
pub(crate) type SiteHour = (String, Period);

/// What the table says about every hour.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hours {
    hours: BTreeMap<SiteHour, HourState>,
}

/// What the table says about an hour.
#[derive(Clone, Debug, Default)]
struct HourState {
    /// Whether its open-hour row says that it is done; `None` if there is no such row.
    open: Option<IsDone>,
    /// The ledger entries of its sums, which decide whether it is done.
    sums: Ledger,
    /// The sums of its shards.
    shards: ShardSums,
    /// The same of each of its quarters, if it has rows of them.
    quarters: BTreeMap<Period, ShardSums>,
}

/// The sums of the shards that are rolled up when an hour is sealed.
#[derive(Clone, Debug, Default)]
struct ShardSums {
    /// Those of the numbered shards.
    numbered: Sums,
    /// Those of the shards of orders, which give up no names.
    of_orders: Sums,
}

/// Numbers by measure and key.
type Sums = BTreeMap<String, BTreeMap<String, Decimal>>;

type IsDone = bool;

/// How far an hour is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sealing {
    /// None of its sums are in the rows above the minute.
    NotDone,
    /// Some of its sums are.
    Unfinished,
    /// All of its sums are.
    Done,
}

impl ShardSums {
    /// The measure, the key and the number of all that they count.
    fn counters(&self) -> impl Iterator<Item = (&str, &str, Decimal)> {
        let measures = self.numbered.iter().chain(&self.of_orders);
        measures.flat_map(|(measure, keys)| {
            keys.iter().map(move |(key, number)| (measure.as_str(), key.as_str(), *number))
        })
    }
}

impl HourState {
    fn sealing(&self) -> Sealing {
        if self.sums.entries.is_empty() {
            Sealing::NotDone
        } else if self.sums.is_complete() {
            Sealing::Done
        } else {
            Sealing::Unfinished
        }
    }

    /// What is wrong with it, as sentences.
    fn faults(&self) -> Vec<String> {
        let mut faults = self.sums.contradictions();
        match self.sealing() {
            Sealing::Done => {}
            Sealing::Unfinished => {
                faults.push("it is sealed in part: the next run of rollup finishes it".to_owned());
            }
            Sealing::NotDone if self.open == Some(true) => {
                faults.push(
                    "it is listed as done, but the ledger has no entry of its sums".to_owned(),
                );
            }
            Sealing::NotDone if self.open.is_none() => {
                faults.push(
                    "it is neither among the open hours nor done, so its minutes would expire before \
                     they are rolled up"
                        .to_owned(),
                );
            }
            Sealing::NotDone => {}
        }
        faults
    }
}

impl Hours {
    pub(crate) fn add_open(&mut self, open: OpenHour) {
        self.hours.entry((open.site, open.hour)).or_default().open = Some(open.is_done);
    }

    /// Adds a ledger entry if it is one of an hour's sums; returns false if it is one of an object.
    pub(crate) fn add_entry(
        &mut self,
        chunk_id: &str,
        entry: Option<&LedgerEntry>,
        oddities: &mut Vec<String>,
    ) -> bool {
        let Some((site, hour)) = ledger::sealed_hour(chunk_id) else {
            return false;
        };
        match (hour_named(hour), entry) {
            (Some(hour), Some(entry)) => {
                self.hours.entry((site.to_owned(), hour)).or_default().sums.add(entry.clone())
            }
            (Some(_), None) => {}
            (None, _) => oddities.push(format!("{chunk_id}: {hour:?} is not an hour")),
        }
        true
    }

    /// Adds the counters of a minute row, if it is in a shard that is rolled up when the hour is
    /// sealed; `has_quarters` says whether its hour has rows of its quarters.
    pub(crate) fn add_minute(&mut self, row: &Tallies, has_quarters: bool) {
        let Tallies { site, measure, period, shard, counters, .. } = row;
        let sums_of: fn(&mut ShardSums) -> &mut Sums = match shard {
            Some(Shard::Numbered) => |shards| &mut shards.numbered,
            Some(Shard::Orders) => |shards| &mut shards.of_orders,
            Some(Shard::Late) | None => return,
        };
        let [hour, quarter] = [Granularity::Hour, Granularity::Quarter]
            .map(|granularity| Period::containing(granularity, period.first_minute()));
        let state = self.hours.entry((site.clone(), hour)).or_default();
        let of_quarter = has_quarters.then(|| state.quarters.entry(quarter).or_default());
        for shards in std::iter::once(&mut state.shards).chain(of_quarter) {
            let keys = sums_of(shards).entry(measure.clone()).or_default();
            for (key, number) in counters {
                *keys.entry(key.clone()).or_default() += *number;
            }
        }
    }

    /// What is wrong with the hours that are asked for, as sentences.
    pub(crate) fn faults(&self, is_asked_for: impl Fn(&str, Period) -> bool) -> Vec<String> {
        let asked_for = self.hours.iter().filter(|((site, hour), _)| is_asked_for(site, *hour));
        asked_for
            .flat_map(|((site, hour), state)| {
                state.faults().into_iter().map(move |fault| format!("{site} hour {hour}: {fault}"))
            })
            .collect()
    }

    /// The sums of the hours that are not done, which are in no row above the minute: by site and
    /// period, measure and key. A key of a measure may come twice.
    pub(crate) fn not_done_sums(
        &self,
    ) -> impl Iterator<Item = (&str, Period, &str, &str, Decimal)> {
        let not_done = self.hours.iter().filter(|(_, state)| state.sealing() == Sealing::NotDone);
        not_done.flat_map(|((site, hour), state)| {
            let above = above_the_minute(*hour).map(|period| (period, &state.shards));
            let quarters = state.quarters.iter().map(|(quarter, shards)| (*quarter, shards));
            above.into_iter().chain(quarters).flat_map(move |(period, shards)| {
                let counters = shards.counters();
                counters.map(move |(measure, key, number)| {
                    (site.as_str(), period, measure, key, number)
                })
            })
        })
    }

    /// The hours that are done and may have given up names, each with how many it kept.
    fn bounded(&self) -> impl Iterator<Item = (&SiteHour, &HourState, u32)> {
        let hours = self.hours.iter().map(|(hour, state)| (hour, state, state.sums.keys_max));
        hours.filter(|(_, state, keys_max)| *keys_max > 0 && state.sealing() == Sealing::Done)
    }

    /// What sealing counted without its name: site and period, measure, key and number. It follows
    /// from the numbered shards of the hours that `has_minutes` names.
    pub(crate) fn nameless(
        &self,
        has_minutes: impl Fn(&SiteHour) -> bool,
    ) -> Vec<(&str, Period, &str, &str, Decimal)> {
        let mut found = Vec::new();
        for (site_hour, state, keys_max) in self.bounded().filter(|(hour, ..)| has_minutes(hour)) {
            let (site, hour) = (site_hour.0.as_str(), site_hour.1);
            for (measure, counters) in &state.shards.numbered {
                let sums = counters.iter().map(|(key, number)| (key.as_str(), *number)).collect();
                for key in nameless(measure, &sums, keys_max) {
                    let measure = measure.as_str();
                    let above = above_the_minute(hour);
                    found.extend(above.map(|period| (site, period, measure, key, sums[key])));
                    let of_quarters = state.quarters.iter().filter_map(|(quarter, shards)| {
                        Some((
                            site,
                            *quarter,
                            measure,
                            key,
                            *shards.numbered.get(measure)?.get(key)?,
                        ))
                    });
                    found.extend(of_quarters);
                }
            }
        }
        found
    }

    /// The hours of sites that may have given up names, with how many they kept, and of which it is
    /// no longer known which: those that `has_minutes` does not name.
    pub(crate) fn with_unknown_names(
        &self,
        has_minutes: impl Fn(&SiteHour) -> bool,
    ) -> impl Iterator<Item = (&SiteHour, u64)> {
        let bounded = self.bounded().filter(move |(hour, ..)| !has_minutes(hour));
        bounded.map(|(hour, _, keys_max)| (hour, u64::from(keys_max)))
    }

    /// The periods of sites that contain hours which may have given up names, and of which it is
    /// no longer known which: those that `has_minutes` does not name.
    pub(crate) fn names_kept(
        &self,
        has_minutes: impl Fn(&SiteHour) -> bool,
    ) -> BTreeMap<SiteHour, NamesKept> {
        let mut kept: BTreeMap<SiteHour, NamesKept> = BTreeMap::new();
        for ((site, hour), names) in self.with_unknown_names(has_minutes) {
            for period in above_the_minute(*hour) {
                let kept =
                    kept.entry((site.clone(), period)).or_insert(NamesKept { names, times: 0 });
                kept.names = kept.names.min(names);
                kept.times += 1;
            }
        }
        kept
    }

    /// The hours whose visitors and sessions may be in their minute rows only: sealing merges these
    /// into the rows above before it commits any of the hour's sums.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &SiteHour> {
        let not_done = self.hours.iter().filter(|(_, state)| state.sealing() == Sealing::NotDone);
        not_done.map(|(site_hour, _)| site_hour)
    }

    /// The quarters, hours, days, weeks and months that have some of an hour's sums, but not all.
    /// Their numbers cannot be compared.
    pub(crate) fn unfinished(&self) -> BTreeSet<(String, Period)> {
        let unfinished =
            self.hours.iter().filter(|(_, state)| state.sealing() == Sealing::Unfinished);
        unfinished
            .flat_map(|((site, hour), _)| {
                let periods = above_the_minute(*hour).into_iter().chain(quarters_of(*hour));
                periods.map(|period| (site.clone(), period))
            })
            .collect()
    }
}

/// The quarters of an hour.
pub(crate) fn quarters_of(hour: Period) -> impl Iterator<Item = Period> {
    (hour.first_minute()..hour.end_minute())
        .step_by(15)
        .map(|minute| Period::containing(Granularity::Quarter, minute))
}

/// The hour itself, its day, its week and its month.
pub(crate) fn above_the_minute(hour: Period) -> [Period; 4] {
    let [_, above @ ..] = Period::all_containing(hour.first_minute());
    above
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;

    const HOUR: &str = "2026-11-20T23";
    const SUMS: &str = "seal:shop:2026-11-20T23";

    fn entry(sk: &str, parts: u64) -> Option<LedgerEntry> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item = [
            ("pk", text(&format!("L#{SUMS}"))),
            ("sk", text(sk)),
            ("committed_at", text("2026-11-21T00:12:00Z")),
            ("plan_format_version", AttributeValue::N("2".to_owned())),
            ("parts", AttributeValue::N(parts.to_string())),
        ];
        Some(LedgerEntry::read(&item.map(|(name, value)| (name.to_owned(), value)).into()).unwrap())
    }

    /// An hour with this open-hour row, these ledger entries of its sums, which have so many parts,
    /// and a shard if `has_shard`.
    fn hours(open: Option<IsDone>, entries: &[&str], parts: u64, has_shard: bool) -> Hours {
        let hour = hour_named(HOUR).unwrap();
        let mut hours = Hours::default();
        if let Some(is_done) = open {
            hours.add_open(OpenHour { site: "shop".to_owned(), hour, is_done });
        }
        for sk in entries {
            assert!(hours.add_entry(SUMS, entry(sk, parts).as_ref(), &mut Vec::new()));
        }
        if has_shard {
            for (measure, number) in [("views", 2), ("views", 3)] {
                hours.add_minute(&minute_row(measure, Shard::Numbered, "1", number), false);
            }
            hours.add_minute(&minute_row("views", Shard::Late, "1", 9), false);
        }
        hours
    }

    /// A row of minute 07 with one counter.
    fn minute_row(measure: &str, shard: Shard, key: &str, number: u64) -> Tallies {
        let first_minute = hour_named(HOUR).unwrap().first_minute();
        Tallies {
            site: "shop".to_owned(),
            measure: measure.to_owned(),
            period: Period::containing(Granularity::Minute, first_minute + 7),
            shard: Some(shard),
            ttl: None,
            counters: vec![(key.to_owned(), Decimal::from(number))],
        }
    }

    fn faults(hours: &Hours) -> Vec<String> {
        let faults = hours.faults(|site, hour| (site, hour.to_string().as_str()) == ("shop", HOUR));
        faults
            .into_iter()
            .map(|fault| fault.trim_start_matches("shop hour 2026-11-20T23: ").to_owned())
            .collect()
    }

    fn not_done(hours: &Hours) -> Vec<String> {
        let of_hours = hours
            .not_done_sums()
            .filter(|(_, period, ..)| period.granularity() == Granularity::Hour);
        let texts = of_hours.map(|(site, hour, measure, key, number)| {
            format!("{site} {hour} {measure} {key}={number}")
        });
        texts.collect()
    }

    #[test]
    fn an_hour_waits_until_the_ledger_has_its_sums() {
        let waits = |open, entries: &[&str], has_shard| {
            hours(open, entries, 1, has_shard).waiting().count() == 1
        };
        assert!(waits(Some(false), &[], true) && waits(None, &[], true));
        for open in [None, Some(false), Some(true)] {
            assert!(!waits(open, &["000000"], true), "{open:?}");
        }
    }

    #[test]
    fn an_open_hour_is_summed_from_its_shards() {
        let open = hours(Some(false), &[], 0, true);
        assert_eq!(not_done(&open), ["shop 2026-11-20T23 views 1=5"]);
        assert!(faults(&open).is_empty() && open.unfinished().is_empty());
        assert!(
            faults(&hours(Some(false), &[], 0, false)).is_empty(),
            "nothing was committed to it yet"
        );
    }

    #[test]
    fn what_orders_sell_is_summed_and_gives_up_no_names() {
        let add_rows = |mut hours: Hours| {
            for (shard, key, number) in [
                (Shard::Numbered, "1", 5),
                (Shard::Numbered, "2", 4),
                (Shard::Orders, "2", 7),
                (Shard::Orders, "3", 1),
            ] {
                hours.add_minute(&minute_row("units", shard, key, number), false);
            }
            hours
        };
        let open = add_rows(hours(Some(false), &[], 0, false));
        let units = ["1=5", "2=4", "2=7", "3=1"];
        assert_eq!(not_done(&open), units.map(|cell| format!("shop {HOUR} units {cell}")));
        // With one name, that is 1: what the order counts of 2 is not among the plain sums.
        let mut done = add_rows(hours(None, &["000000"], 1, false));
        done.hours.values_mut().for_each(|state| state.sums.keys_max = 1);
        let nameless = done.nameless(|_| true).into_iter();
        let nameless: Vec<String> = nameless
            .map(|(_, period, measure, key, number)| format!("{period} {measure} {key}={number}"))
            .collect();
        let expected = above_the_minute(hour_named(HOUR).unwrap());
        assert_eq!(nameless, expected.map(|period| format!("{period} units 2=4")));
    }

    #[test]
    fn quarters_are_summed_beside_their_hour_and_give_up_the_same_names() {
        let add_rows = |mut hours: Hours| {
            for (of_hour, shard, key, number) in [
                (7, Shard::Numbered, "1", 5),
                (7, Shard::Numbered, "2", 1),
                (16, Shard::Numbered, "2", 3),
                (16, Shard::Orders, "2", 7),
                (31, Shard::Orders, "3", 1),
                (31, Shard::Late, "3", 9),
            ] {
                let row = minute_row("units", shard, key, number);
                let minute = hour_named(HOUR).unwrap().first_minute() + of_hour;
                let period = Period::containing(Granularity::Minute, minute);
                hours.add_minute(&Tallies { period, ..row }, true);
            }
            hours
        };
        let texts = |sums: Vec<(&str, Period, &str, &str, Decimal)>| -> Vec<String> {
            let of_quarters =
                sums.into_iter().filter(|sum| sum.1.granularity() == Granularity::Quarter);
            of_quarters
                .map(|(_, period, _, key, number)| format!("{period} {key}={number}"))
                .collect()
        };
        let at = |of_hour: &str, sum: &str| format!("{HOUR}:{of_hour} {sum}");
        let open = add_rows(hours(Some(false), &[], 0, false));
        let expected =
            [at("00", "1=5"), at("00", "2=1"), at("15", "2=3"), at("15", "2=7"), at("30", "3=1")];
        assert_eq!(texts(open.not_done_sums().collect()), expected);
        let mut done = add_rows(hours(None, &["000000"], 1, false));
        done.hours.values_mut().for_each(|state| state.sums.keys_max = 1);
        assert!(done.not_done_sums().next().is_none());
        assert_eq!(texts(done.nameless(|_| true)), [at("00", "2=1"), at("15", "2=3")]);
    }

    #[test]
    fn an_hour_is_done_when_the_ledger_has_all_its_sums_whatever_the_open_hours_say() {
        for open in [None, Some(false), Some(true)] {
            let done = hours(open, &["000000", "000001"], 2, true);
            assert!(
                not_done(&done).is_empty()
                    && faults(&done).is_empty()
                    && done.unfinished().is_empty(),
                "{open:?}"
            );
        }
    }

    #[test]
    fn an_hour_that_is_sealed_in_part_is_a_fault_and_its_periods_are_left_out() {
        let half = hours(Some(false), &["000001"], 2, true);
        assert_eq!(faults(&half), ["it is sealed in part: the next run of rollup finishes it"]);
        assert!(not_done(&half).is_empty());
        let periods: Vec<String> =
            half.unfinished().iter().map(|(site, period)| format!("{site} {period}")).collect();
        let quarters = [":00", ":15", ":30", ":45"].map(|quarter| format!("shop {HOUR}{quarter}"));
        let above = ["shop 2026-11-20T23", "shop 2026-11-20", "shop 2026-W47", "shop 2026-11"];
        assert_eq!((&periods[..4], &periods[4..]), (&quarters[..], &above.map(str::to_owned)[..]));
    }

    #[test]
    fn an_hour_that_rollup_would_not_find_is_a_fault() {
        let lost = hours(None, &[], 0, true);
        assert_eq!(
            faults(&lost),
            [
                "it is neither among the open hours nor done, so its minutes would expire before they are rolled up"
            ]
        );
        assert_eq!(not_done(&lost).len(), 1);
        assert!(lost.faults(|_, _| false).is_empty());
    }

    #[test]
    fn an_hour_that_is_done_without_sums_is_a_fault() {
        let claimed = hours(Some(true), &[], 0, false);
        assert_eq!(
            faults(&claimed),
            ["it is listed as done, but the ledger has no entry of its sums"]
        );
    }

    #[test]
    fn entries_of_objects_are_not_those_of_hours() {
        let mut oddities = Vec::new();
        let mut hours = Hours::default();
        assert!(!hours.add_entry("bucket/seal:shop:2026-11-20T23#hash", None, &mut oddities));
        assert!(hours.add_entry("seal:shop:2026-11-20", None, &mut oddities));
        assert_eq!(oddities, [r#"seal:shop:2026-11-20: "2026-11-20" is not an hour"#]);
    }
}
