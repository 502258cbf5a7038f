//! The way of an hour that is over: its shards are sealed, its sums are rolled up into the rows
//! above, and it leaves the list of open hours.
//!
//! Each step is recorded on that list, and may be taken any number of times, by any number of
//! sealers at once: sealing writes the same rows again, rolling up goes through the ledger, and
//! removing happens once.

use std::fmt;
use std::future::ready;
use std::sync::OnceLock;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::plan::{Plan, SealInputs};
use minutebook_domain::time::lateness::{ALLOWED_LATENESS, SETTLE_TIME};
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{Hour, Minute};
use minutebook_runtime::clock::Clock;
use minutebook_storage::chunk::commit::{OtherPlan, PlanCommit, PlanContent, PlanOutcome};
use minutebook_storage::committer::{CommitEffort, Committer};
use minutebook_storage::error::StorageError;
use minutebook_storage::open_hours::OpenHour;
use minutebook_storage::sealing::SealedHour;
use tokio::time::Instant;

/// The number of hours that are worked on at once. Each holds its sums in memory, and sealing one
/// takes 16 concurrent calls.
const HOURS_AT_ONCE: usize = 8;

/// Seals hours, and rolls them up.
#[derive(Debug)]
pub struct Sealer {
    /// Commits sums to the table.
    pub committer: Committer,
    /// How many keys of a site and measure keep their names in an hour, 0 for all.
    pub keys_max: u32,
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

impl Sealer {
    /// Carries every closed hour of the list one step forward, oldest first, each independently:
    /// one that fails does not stop the others. With an empty list it makes one query and no write.
    ///
    /// **Guarantees**: dropping the future is safe at any point, and so are concurrent runs of
    /// other sealers.
    ///
    /// # Errors
    /// [`StorageError`] if the list cannot be read; see [`StorageError::is_retryable`]. The report
    /// has the failures of hours.
    pub async fn run(&self, deadline: Instant) -> Result<Report, StorageError> {
        let now = self.clock.now();
        let first_not_closed = first_not_closed(now);
        let table = &self.committer.table;
        let listed = table.open_hours(first_not_closed).await?;
        let mut report = Report {
            hours_open: listed.len(),
            hours_left: listed.len(),
            oldest_open_hour_age_seconds: listed
                .first()
                .map_or(0, |oldest| age_seconds(oldest.hour, now)),
            ..Report::default()
        };
        // The oldest come first.
        if let Some(oldest) = listed.iter().find(|open| open.done_at.is_none()) {
            let error = expires_soon(self.committer.retention, oldest.hour, now);
            report.failures.extend(error.map(|error| HourFailure::of(oldest, error)));
        }
        let mut steps = futures::stream::iter(&listed)
            .map(|open| async move { (open, self.carry(open).await) })
            .buffer_unordered(HOURS_AT_ONCE);
        let carry_all = async {
            while let Some((open, (step, effort))) = steps.next().await {
                report.add(open, step, effort);
            }
        };
        // The next run continues with the hours that are left then; `hours_left` counts them.
        drop(tokio::time::timeout_at(deadline, carry_all).await);
        Ok(report)
    }

    async fn carry(&self, open: &OpenHour) -> (Result<Step, SealError>, CommitEffort) {
        let mut effort = CommitEffort::default();
        let step = self.take_step(open, &mut effort).await;
        (step, effort)
    }

    async fn take_step(
        &self,
        open: &OpenHour,
        effort: &mut CommitEffort,
    ) -> Result<Step, SealError> {
        let OpenHour { site, hour, .. } = open;
        let table = &self.committer.table;
        let chunk = ChunkId::of_sealed_hour(site, *hour);
        let step = Step::of(open, self.clock.now());
        match step {
            Step::Seal => {
                self.check_not_expired(*hour, &chunk).await?;
                table.seal_shards(site, *hour, self.clock.now()).await?;
                // The time after the last seal row, which everybody must see once the hour has
                // settled.
                table.record_sealed(site, *hour, self.clock.now()).await?;
            }
            Step::RollUp => {
                self.roll_up(open, &chunk, effort).await?;
                table.record_done(site, *hour, self.clock.now()).await?;
            }
            Step::Remove => {
                table.remove_open(site, *hour).await?;
            }
            Step::Wait => {}
        }
        Ok(step)
    }

    async fn roll_up(
        &self,
        open: &OpenHour,
        chunk: &ChunkId,
        effort: &mut CommitEffort,
    ) -> Result<(), SealError> {
        let mut inputs = SealInputs { keys_max: self.keys_max };
        // Part 0 is committed once, so its inputs are other ones at most once.
        while let PlanOutcome::OtherInputs(recorded) =
            self.roll_up_from(inputs, open, chunk, effort).await?
        {
            inputs = recorded;
        }
        Ok(())
    }

    async fn roll_up_from(
        &self,
        inputs: SealInputs,
        open: &OpenHour,
        chunk: &ChunkId,
        effort: &mut CommitEffort,
    ) -> Result<PlanOutcome<SealInputs>, SealError> {
        let sums = OnceLock::new();
        let content = async {
            let table = &self.committer.table;
            let sealed = table.read_sealed_minutes(&open.site, open.hour).await?;
            // Checked after the read: a row could expire between an earlier check and the read.
            let now = self.clock.now();
            if let Some(since) = expired_since(self.committer.retention, open.hour, now) {
                return Err(SealError::Expired { since });
            }
            let SealedHour { tally, visitors } = sealed;
            let tally = sums.get_or_init(|| tally);
            Ok(PlanContent { plan: Plan::of_sealed_hour(tally, &inputs), visitors, object: None })
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
    fn add(&mut self, open: &OpenHour, step: Result<Step, SealError>, effort: CommitEffort) {
        self.hours_left -= 1;
        self.effort.conflicts += effort.conflicts;
        self.effort.throttles += effort.throttles;
        match step {
            Ok(Step::Seal) => self.hours_sealed += 1,
            Ok(Step::RollUp) => self.hours_done += 1,
            Ok(Step::Remove) => self.hours_removed += 1,
            Ok(Step::Wait) => {}
            Err(error) => self.failures.push(HourFailure::of(open, error)),
        }
    }
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
            };
            assert_eq!(Step::of(&open, now), step, "{open:?}");
        }
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
