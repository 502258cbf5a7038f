//! The way of an hour that is over: its shards are sealed, its sums are rolled up into the rows
//! above, and it leaves the list of open hours.
//!
//! Each step is recorded on that list, and may be taken any number of times, by any number of
//! sealers at once: sealing writes the same rows again, rolling up goes through the ledger, and
//! removing what is gone changes nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::future::ready;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream};
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::plan::{Plan, SealInputs};
use minutebook_domain::time::lateness::{ALLOWED_LATENESS, SETTLE_TIME};
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{Hour, Minute};
use minutebook_runtime::clock::Clock;
use minutebook_storage::chunk::commit::{OtherPlan, PlanCommit, PlanContent, PlanOutcome};
use minutebook_storage::committer::{CommitEffort, Committer};
use minutebook_storage::error::StorageError;
use minutebook_storage::open_hours::lag::SealingLag;
use minutebook_storage::open_hours::{OPEN_HOURS_AT_ONCE, OpenHour, OpenHourChange};
use minutebook_storage::sealing::SealedHour;
use minutebook_storage::site::known_settings::KnownSettings;
use tokio::time::Instant;

use crate::order::in_fair_order;
use crate::places::Places;

/// The longest run. The next one begins a minute after this one, and two at once would do the same
/// work twice. It is also shorter than the settle time: no hour that was read at the beginning can
/// have been removed from the list before a step is recorded.
const RUN_TIME_MAX: Duration = Duration::from_secs(50);

/// The number of calls that record steps at once. While they last, more steps come together for the
/// next.
const RECORDS_AT_ONCE: usize = 2;

/// Seals hours, and rolls them up.
#[derive(Debug)]
pub struct Sealer {
    /// Commits sums to the table.
    pub committer: Committer,
    /// How many keys of a site and measure keep their names in an hour, 0 for all.
    pub keys_max: u32,
    /// The settings of sites, whose zones decide which hours have rows of their quarters.
    pub settings: KnownSettings,
    /// The current time.
    pub clock: Clock,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Report {
    /// The hours that were closed and on the list when the run began.
    pub hours_open: usize,
    /// Those whose shards were sealed.
    pub hours_sealed: usize,
    /// Those that were rolled up.
    pub hours_done: usize,
    /// Those that were removed from the list.
    pub hours_removed: usize,
    /// Those that the run had no time for.
    pub hours_left: usize,
    /// The closed hours that were not rolled up when the run ended.
    pub hours_waiting: usize,
    /// How many hours of all sites are not rolled up, those that are not closed included.
    pub(crate) not_rolled_up: BTreeMap<Hour, usize>,
    /// How long ago the oldest of them ended, when the run began; 0 if there was none.
    pub oldest_open_hour_age_seconds: u64,
    /// The conflicts and throttles that commits met.
    pub effort: CommitEffort,
    /// The hours that failed or need care.
    pub failures: Vec<HourFailure>,
}

/// What is wrong with one hour.
#[derive(Debug)]
pub struct HourFailure {
    /// The site.
    pub site: String,
    /// The hour.
    pub hour: Hour,
    /// What is wrong.
    pub error: SealError,
}

impl HourFailure {
    fn of(open: &OpenHour, error: SealError) -> HourFailure {
        HourFailure { site: open.site.clone(), hour: open.hour, error }
    }
}

impl fmt::Display for HourFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the hour {} of {}: {}", self.hour, self.site, self.error)
    }
}

/// Why an hour cannot be carried forward, or needs care.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The table failed; see [`StorageError::is_retryable`].
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A version of minutebook whose plans this one cannot make rolled up a part of the hour; no
    /// retry helps.
    #[error("its sums cannot be finished: {0}: run the version that began them to finish them")]
    OtherPlan(#[from] OtherPlan),
    /// Half of the time that its minutes are kept is over, and it is not rolled up. The run still
    /// does what it can.
    #[error(
        "this unsealed hour is {days} days old and its minutes expire on {expires_at}: find out \
         what keeps rollup from sealing it"
    )]
    ExpiresSoon {
        /// Whole days since its end.
        days: i64,
        /// When the first of its minutes expires.
        expires_at: DateTime<Utc>,
    },
    /// It was not rolled up in time, and its sums would now be too small. The run leaves it alone.
    #[error(
        "its minutes expire since {since}, before it was rolled up, so that its sums would be too \
         small: recount the files into a new table (`minutebook replay --all`)"
    )]
    Expired {
        /// When the first of its minutes expired.
        since: DateTime<Utc>,
    },
}

/// What an hour needs next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Close its numbered shards.
    Seal,
    /// Add its sums to the rows above.
    RollUp,
    /// Remove it from the list.
    Remove,
    /// Wait until everybody sees the last step.
    Wait,
}

impl Step {
    fn of(open: &OpenHour, now: DateTime<Utc>) -> Step {
        let is_settled = |since: DateTime<Utc>| since + SETTLE_TIME <= now;
        match (open.sealed_at, open.done_at) {
            (_, Some(done_at)) if is_settled(done_at) => Step::Remove,
            (Some(sealed_at), None) if is_settled(sealed_at) => Step::RollUp,
            (None, None) => Step::Seal,
            (_, Some(_)) | (Some(_), None) => Step::Wait,
        }
    }
}

/// An hour on its way.
struct Carried {
    open: OpenHour,
    /// The step that was taken, and what the list has to say about it; `None` if it was cut off.
    step: Option<Result<(Step, Option<OpenHourChange>), SealError>>,
    effort: CommitEffort,
}

impl Sealer {
    /// Carries every closed hour of the list one step forward, each independently: one that fails
    /// or takes long does not stop the others. The order is fair to all sites. With an empty list
    /// it makes one query for each partition of it, and no write.
    ///
    /// **Guarantees**: dropping the future is safe at any point, and so are concurrent runs of
    /// other sealers. A run ends at the deadline, and after 50 seconds in any case.
    ///
    /// # Errors
    /// [`StorageError`] if the list cannot be read; see [`StorageError::is_retryable`]. The report
    /// has the failures of hours.
    pub async fn run(&self, deadline: Instant) -> Result<Report, StorageError> {
        let deadline = deadline.min(Instant::now() + RUN_TIME_MAX);
        let now = self.clock.now();
        let listed = self.committer.table.open_hours().await?;
        let mut report = Report::of(&listed, self.committer.retention, now);
        let places = Places::default();
        let mut recorded = stream::iter(in_working_order(listed, now))
            .map(|open| self.carry(open, &places))
            .buffer_unordered(Places::HOURS_MAX)
            .ready_chunks(OPEN_HOURS_AT_ONCE)
            .map(|carried| self.record(carried))
            .buffer_unordered(RECORDS_AT_ONCE);
        let carry_all = async {
            while let Some(hours) = recorded.next().await {
                for carried in hours {
                    report.add(carried);
                }
            }
        };
        // The next run continues with the hours that are left then; `hours_left` counts them.
        drop(tokio::time::timeout_at(deadline, carry_all).await);
        Ok(report)
    }

    async fn carry(&self, open: OpenHour, places: &Places) -> Carried {
        let mut effort = CommitEffort::default();
        let step = places.work(self.take_step(&open, places, &mut effort)).await;
        Carried { open, step, effort }
    }

    async fn take_step(
        &self,
        open: &OpenHour,
        places: &Places,
        effort: &mut CommitEffort,
    ) -> Result<(Step, Option<OpenHourChange>), SealError> {
        let OpenHour { site, hour, .. } = open;
        let chunk = ChunkId::of_sealed_hour(site, *hour);
        let step = Step::of(open, self.clock.now());
        let change = match step {
            Step::Seal => {
                self.check_not_expired(*hour, &chunk).await?;
                self.committer.table.seal_shards(site, *hour, self.clock.now()).await?;
                // The time after the last seal row, which everybody must see once the hour has
                // settled.
                let sealed_at = Some(self.clock.now());
                Some(OpenHourChange::Update(OpenHour { sealed_at, ..open.clone() }))
            }
            Step::RollUp => {
                self.roll_up(open, &chunk, places, effort).await?;
                let done_at = Some(self.clock.now());
                Some(OpenHourChange::Update(OpenHour { done_at, ..open.clone() }))
            }
            Step::Remove => Some(OpenHourChange::Remove(open.clone())),
            Step::Wait => None,
        };
        Ok((step, change))
    }

    async fn roll_up(
        &self,
        open: &OpenHour,
        chunk: &ChunkId,
        places: &Places,
        effort: &mut CommitEffort,
    ) -> Result<(), SealError> {
        let OpenHour { site, hour, .. } = open;
        let table = &self.committer.table;
        // Settings of half a minute ago will do: what they say about an hour was set long before it.
        let settings = self.settings.recent(table, self.clock.now()).await?;
        let has_quarters = settings.reading.quarters().contains(site, *hour);
        let mut inputs = SealInputs { keys_max: self.keys_max, has_quarters };
        loop {
            let sealed = table.read_sealed_minutes(site, *hour, inputs.has_quarters).await?;
            // After the read: a row could expire between an earlier check and the read.
            self.check_not_expired(*hour, chunk).await?;
            let counters = sealed.tally.counters() + sealed.orders.counters();
            let _place = places.place_for(counters).await;
            match self.commit(inputs, &sealed, chunk, effort).await? {
                // Part 0 is committed once, so its inputs are other ones at most once.
                PlanOutcome::OtherInputs(recorded) => inputs = recorded,
                _ => return Ok(()),
            }
        }
    }

    async fn commit(
        &self,
        inputs: SealInputs,
        sealed: &SealedHour,
        chunk: &ChunkId,
        effort: &mut CommitEffort,
    ) -> Result<PlanOutcome<SealInputs>, SealError> {
        let content = async {
            let plan = Plan::of_sealed_hour(&sealed.tally, &sealed.orders, &inputs);
            Ok(PlanContent { plan, visitors: sealed.visitors.clone(), object: None })
        };
        let commit = PlanCommit {
            chunk,
            inputs,
            content,
            // The chunks of the hour have stored theirs.
            rejected_lines: ready(Ok(())),
            now: &|| self.clock.now(),
        };
        self.committer.commit_plan(commit, effort).await
    }

    /// Records the steps of several hours on the list, by one call.
    async fn record(&self, mut carried: Vec<Carried>) -> Vec<Carried> {
        let changes: Vec<OpenHourChange> = carried
            .iter()
            .filter_map(|carried| carried.step.as_ref()?.as_ref().ok()?.1.clone())
            .collect();
        if changes.is_empty() {
            return carried;
        }
        if let Err(error) = self.committer.table.record(&changes).await {
            for carried in &mut carried {
                if let Some(Ok((_, Some(_)))) = carried.step {
                    carried.step = Some(Err(SealError::Storage(error.clone())));
                }
            }
        }
        carried
    }

    /// Fails if minutes of the hour may be deleted, unless it is rolled up: a process that was
    /// suspended for long may list such an hour again, and then its minutes no longer matter.
    async fn check_not_expired(&self, hour: Hour, chunk: &ChunkId) -> Result<(), SealError> {
        match expired_since(self.committer.retention, hour, self.clock.now()) {
            Some(since) if !self.committer.table.read_entries(chunk).await?.is_complete() => {
                Err(SealError::Expired { since })
            }
            _ => Ok(()),
        }
    }
}

impl Report {
    /// What is known when a run begins.
    fn of(listed: &[OpenHour], retention: Retention, now: DateTime<Utc>) -> Report {
        let first_not_closed = first_not_closed(now);
        let closed = || listed.iter().filter(|open| open.hour < first_not_closed);
        let waiting = || closed().filter(|open| open.done_at.is_none());
        let mut report = Report {
            hours_open: closed().count(),
            hours_left: closed().count(),
            hours_waiting: waiting().count(),
            oldest_open_hour_age_seconds: closed()
                .map(|open| open.hour)
                .min()
                .map_or(0, |oldest| age_seconds(oldest, now)),
            ..Report::default()
        };
        for open in listed.iter().filter(|open| open.done_at.is_none()) {
            *report.not_rolled_up.entry(open.hour).or_default() += 1;
        }
        if let Some(oldest) = waiting().min_by_key(|open| open.hour) {
            let error = expires_soon(retention, oldest.hour, now);
            report.failures.extend(error.map(|error| HourFailure::of(oldest, error)));
        }
        report
    }

    fn add(&mut self, carried: Carried) {
        let Carried { open, step, effort } = carried;
        self.effort.conflicts += effort.conflicts;
        self.effort.throttles += effort.throttles;
        let Some(step) = step else {
            return;
        };
        self.hours_left -= 1;
        match step {
            Ok((Step::Seal, _)) => self.hours_sealed += 1,
            Ok((Step::RollUp, _)) => {
                self.hours_done += 1;
                self.hours_waiting -= 1;
                if let Some(count) = self.not_rolled_up.get_mut(&open.hour) {
                    *count -= 1;
                }
            }
            Ok((Step::Remove, _)) => self.hours_removed += 1,
            Ok((Step::Wait, _)) => {}
            Err(error) => self.failures.push(HourFailure::of(&open, error)),
        }
    }

    /// How far behind sealing is after a run that took so long.
    pub fn lag(&self, took: Duration, at: DateTime<Utc>) -> SealingLag {
        let oldest = self.not_rolled_up.iter().find(|(_, count)| **count > 0);
        SealingLag {
            at,
            hours_waiting: u64::try_from(self.hours_waiting).unwrap_or(u64::MAX),
            oldest_open_hour: oldest.map(|(hour, _)| *hour),
            catch_up_seconds: self.catch_up_seconds(took),
        }
    }

    /// The time that a step of each of the hours that are left takes at the rate of this run,
    /// rounded up. After a run without a step it is the least that it can be.
    fn catch_up_seconds(&self, took: Duration) -> u64 {
        let steps = (self.hours_sealed + self.hours_done + self.hours_removed).max(1);
        let millis = took.as_millis() * self.hours_left as u128;
        u64::try_from(millis.div_ceil(1_000 * steps as u128)).unwrap_or(u64::MAX)
    }
}

/// The closed hours in the order in which a run works on them: first those that need something,
/// then those that wait for others to see their last step, which may be over when their turn comes.
fn in_working_order(mut listed: Vec<OpenHour>, now: DateTime<Utc>) -> Vec<OpenHour> {
    let first_not_closed = first_not_closed(now);
    listed.retain(|open| open.hour < first_not_closed);
    let (mut waiting, due): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|open| Step::of(open, now) == Step::Wait);
    waiting.sort_by_key(|open| open.done_at.or(open.sealed_at));
    // Each run draws others.
    let mut hours = in_fair_order(due, now.timestamp().unsigned_abs());
    hours.append(&mut waiting);
    hours
}

/// The first hour that is not closed: an hour is closed when [`ALLOWED_LATENESS`] has passed since
/// its end.
fn first_not_closed(now: DateTime<Utc>) -> Hour {
    Minute::containing(now - ALLOWED_LATENESS).unwrap_or(Minute::EPOCH).hour()
}

/// Since when minutes of an hour may be deleted; `None` if none may be deleted yet.
fn expired_since(retention: Retention, hour: Hour, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    first_expiry(retention, hour).filter(|expires_at| *expires_at <= now)
}

/// The failure of an hour that has waited for more than half of the time that its minutes are kept,
/// but not so long that they have expired.
fn expires_soon(retention: Retention, hour: Hour, now: DateTime<Utc>) -> Option<SealError> {
    let expires_at = first_expiry(retention, hour).filter(|expires_at| *expires_at > now)?;
    let kept = TimeDelta::days(i64::from(retention.minute_days));
    let age = now.signed_duration_since(time(hour.next().epoch_seconds())?);
    (age > kept / 2).then_some(SealError::ExpiresSoon { days: age.num_days(), expires_at })
}

/// When the first minute of an hour expires; `None` if it never does.
fn first_expiry(retention: Retention, hour: Hour) -> Option<DateTime<Utc>> {
    retention.expires_at(Period::Minute(hour.first_minute())).and_then(time)
}

fn age_seconds(hour: Hour, now: DateTime<Utc>) -> u64 {
    u64::try_from(now.timestamp() - hour.next().epoch_seconds()).unwrap_or(0)
}

fn time(epoch_seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(epoch_seconds, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::time::lateness::is_closed;

    fn hour(name: &str) -> Hour {
        Hour::parse(name).expect("an hour")
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn kept_for(minute_days: u32) -> Retention {
        Retention { minute_days, hour_days: 0, day_days: 0 }
    }

    #[test]
    fn an_hour_takes_each_step_a_settle_time_after_the_one_before() {
        let (early, late) = (Some(at("2026-11-21T00:11:00Z")), Some(at("2026-11-21T00:11:01Z")));
        let now = at("2026-11-21T00:12:00Z");
        for (sealed_at, done_at, step) in [
            (None, None, Step::Seal),
            (late, None, Step::Wait),
            (early, None, Step::RollUp),
            (early, late, Step::Wait),
            (early, early, Step::Remove),
            // Nobody writes this; an hour that is done is done.
            (None, early, Step::Remove),
            (None, late, Step::Wait),
        ] {
            let open = OpenHour {
                site: "shop".to_string(),
                hour: hour("2026-11-20T23"),
                sealed_at,
                done_at,
                key_in_single_partition: None,
            };
            assert_eq!(Step::of(&open, now), step, "{open:?}");
        }
    }

    fn listed(site: &str, name: &str, times: [Option<&str>; 2]) -> OpenHour {
        let [sealed_at, done_at] = times.map(|time| time.map(at));
        OpenHour {
            site: site.to_string(),
            hour: hour(name),
            sealed_at,
            done_at,
            key_in_single_partition: None,
        }
    }

    #[test]
    fn hours_that_settle_come_after_those_that_need_something_and_open_ones_never() {
        let now = at("2026-11-21T00:12:00Z");
        let (long_ago, just) = (Some("2026-11-21T00:10:00Z"), Some("2026-11-21T00:11:30Z"));
        let hours = vec![
            listed("a", "2026-11-20T21", [long_ago, just]),
            listed("b", "2026-11-20T22", [Some("2026-11-21T00:11:20Z"), None]),
            listed("c", "2026-11-20T23", [None, None]),
            listed("d", "2026-11-21T00", [None, None]),
            listed("e", "2026-11-20T23", [long_ago, long_ago]),
        ];
        let order = in_working_order(hours, now);
        let mut sites: Vec<&str> = order.iter().map(|open| open.site.as_str()).collect();
        sites[..2].sort_unstable();
        assert_eq!(sites, ["c", "e", "b", "a"]);
    }

    #[test]
    fn a_report_says_what_waits_when_the_run_ends() {
        let now = at("2026-11-21T00:12:00Z");
        let done = Some("2026-11-21T00:11:30Z");
        let hours = [
            listed("a", "2026-11-20T20", [done, done]),
            listed("a", "2026-11-20T21", [done, None]),
            listed("b", "2026-11-20T22", [None, None]),
            listed("c", "2026-11-20T22", [None, None]),
            listed("d", "2026-11-21T00", [None, None]),
        ];
        let mut report = Report::of(&hours, kept_for(7), now);
        assert_eq!((report.hours_open, report.hours_left, report.hours_waiting), (4, 4, 3));
        assert_eq!(report.oldest_open_hour_age_seconds, 3 * 3_600 + 12 * 60);
        let mut add = |open: &OpenHour, step: Option<Step>| {
            let step = step.map(|step| Ok((step, None)));
            report.add(Carried { open: open.clone(), step, effort: CommitEffort::default() });
            report.lag(Duration::from_millis(1_500), now)
        };
        let lag = |hours_waiting, oldest: &str, catch_up_seconds| SealingLag {
            at: now,
            hours_waiting,
            oldest_open_hour: Some(hour(oldest)),
            catch_up_seconds,
        };
        assert_eq!(add(&hours[1], Some(Step::RollUp)), lag(2, "2026-11-20T22", 5));
        assert_eq!(add(&hours[2], Some(Step::Seal)), lag(2, "2026-11-20T22", 2));
        // One that was cut off is left.
        assert_eq!(add(&hours[3], None), lag(2, "2026-11-20T22", 2));
        assert_eq!(add(&hours[0], Some(Step::Remove)), lag(2, "2026-11-20T22", 1));
        assert_eq!(add(&hours[3], Some(Step::Wait)), lag(2, "2026-11-20T22", 0));
    }

    #[test]
    fn the_list_is_read_up_to_the_first_hour_that_is_not_closed() {
        for (now, first) in [
            ("2026-11-21T00:09:59Z", "2026-11-20T23"),
            ("2026-11-21T00:10:00Z", "2026-11-21T00"),
            ("2026-11-21T01:09:59Z", "2026-11-21T00"),
        ] {
            let found = first_not_closed(at(now));
            assert_eq!(found, hour(first), "{now}");
            assert!(!is_closed(found, at(now)) && is_closed(found.minus(1), at(now)), "{now}");
        }
    }

    #[test]
    fn an_hour_is_in_danger_from_the_half_of_its_minutes_time_on() {
        let hour = hour("2026-11-10T00");
        let is_in_danger = |days, now| expires_soon(kept_for(days), hour, at(now)).is_some();
        assert!(!is_in_danger(7, "2026-11-13T13:00:00Z"));
        assert!(is_in_danger(7, "2026-11-13T13:00:01Z"));
        assert!(is_in_danger(7, "2026-11-17T00:00:59Z"));
        // From here on it is worse than in danger.
        assert!(!is_in_danger(7, "2026-11-17T00:01:00Z"));
        assert!(!is_in_danger(0, "2036-11-13T13:00:01Z"));
        let error = expires_soon(kept_for(7), hour, at("2026-11-14T12:00:00Z")).expect("in danger");
        let sentence = HourFailure { site: "shop".to_string(), hour, error }.to_string();
        assert!(
            sentence
                .starts_with("the hour 2026-11-10T00 of shop: this unsealed hour is 4 days old"),
            "{sentence}"
        );
        assert!(sentence.contains("expire on 2026-11-17 00:01:00 UTC"), "{sentence}");
    }

    #[test]
    fn an_hour_is_lost_from_the_expiry_of_its_first_minute_on() {
        let expired =
            |days, now| expired_since(kept_for(days), hour("2026-11-10T00"), at(now)).is_some();
        assert!(!expired(7, "2026-11-17T00:00:59Z"));
        assert!(expired(7, "2026-11-17T00:01:00Z"));
        assert!(!expired(0, "2036-11-17T00:01:00Z"));
    }

    #[test]
    fn an_age_counts_from_the_end_of_the_hour_and_is_never_negative() {
        assert_eq!(age_seconds(hour("2026-11-20T23"), at("2026-11-21T00:10:07Z")), 607);
        assert_eq!(age_seconds(hour("2026-11-20T23"), at("2026-11-20T23:59:00Z")), 0);
    }
}
