//! The way of an hour that is over: its shards are sealed, its sums are added to the rows above, it
//! leaves the list.
//!
//! Each step is recorded on the list of open hours, and each may be taken any number of times, by
//! any number of sealers at once: sealing writes the same rows again, adding up goes through the
//! ledger, and removing happens once.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::plan::{PLAN_FORMAT_VERSION, Plan};
use minutebook_domain::time::lateness::{ALLOWED_LATENESS, SETTLE_TIME};
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{Hour, Minute};
use minutebook_runtime::clock::Clock;
use minutebook_storage::chunk::commit::{CommitEffort, Committer, PartCommit, PartOutcome};
use minutebook_storage::chunk::ledger::{LedgerEntries, LedgerEntry};
use minutebook_storage::error::StorageError;
use minutebook_storage::open_hours::{Consistency, OpenHour};
use tokio::time::Instant;

/// How many hours are worked on at once. Each holds its sums in memory, and sealing one is 16 calls
/// side by side.
const HOURS_AT_ONCE: usize = 8;

/// What hours are sealed with.
#[derive(Debug)]
pub struct Sealer {
    /// What adds to the table.
    pub committer: Committer,
    /// Where now comes from.
    pub clock: Clock,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Report {
    /// The hours that were closed and on the list when the run began.
    pub hours_open: usize,
    /// Those whose shards were sealed.
    pub hours_sealed: usize,
    /// Those that were added up.
    pub hours_done: usize,
    /// Those that were taken from the list.
    pub hours_removed: usize,
    /// Those that the run had no time for.
    pub hours_left: usize,
    /// How long ago the oldest of them ended, when the run began; 0 if there was none.
    pub oldest_open_hour_age_seconds: u64,
    /// Conflicts and throttles on the way.
    pub effort: CommitEffort,
    /// What went wrong, with one hour or another.
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

/// Why an hour cannot be carried forward, or is in danger.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The table; see the error whether a later try helps.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Another version of minutebook added up a part of the hour by other rules; no retry helps.
    #[error(
        "part {part} of its sums was added under plan version {found} with {found_parts} parts, and this is version \
         {PLAN_FORMAT_VERSION} with {parts}: run the version that began it to finish it"
    )]
    OtherPlan {
        /// The part whose ledger entry differs.
        part: usize,
        /// The ledger entry's version.
        found: u32,
        /// The ledger entry's number of parts.
        found_parts: usize,
        /// Our number of parts.
        parts: usize,
    },
    /// Half of the time that its minutes are kept is over, and it is not added up. The run still
    /// does what it can.
    #[error(
        "this unsealed hour is {days} days old and its minutes expire on {expires_at}: find out what keeps rollup from \
         sealing it"
    )]
    ExpiresSoon {
        /// Whole days since its end.
        days: i64,
        /// When the first of its minutes expires.
        expires_at: DateTime<Utc>,
    },
    /// It is not added up, and its sums would be too small by now; nothing is done about it.
    #[error(
        "its minutes expire since {since}, before it was added up, so that its sums would be too small: recount the \
         files into a new table (`minutebook replay --all`)"
    )]
    Expired {
        /// When the first of its minutes expired.
        since: DateTime<Utc>,
    },
}

/// What an hour needs next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Its numbered shards are to be closed.
    Seal,
    /// Its sums are to be added to the rows above.
    AddUp,
    /// It is to be taken from the list.
    Remove,
    /// Time has to pass until everybody sees the last step.
    Wait,
}

impl Step {
    fn of(open: &OpenHour, now: DateTime<Utc>) -> Step {
        let is_settled = |since: DateTime<Utc>| since + SETTLE_TIME <= now;
        match (open.sealed_at, open.done_at) {
            (_, Some(done_at)) if is_settled(done_at) => Step::Remove,
            (Some(sealed_at), None) if is_settled(sealed_at) => Step::AddUp,
            (None, None) => Step::Seal,
            (_, Some(_)) | (Some(_), None) => Step::Wait,
        }
    }
}

impl Sealer {
    /// Carries every hour that is closed and on the list one step forward, oldest first, each by
    /// itself: one that fails does not stop the others. With nothing on the list it is one query,
    /// and no write.
    ///
    /// **Guarantees**: dropping the future is safe at any point, and so is a run of another sealer
    /// at the same time.
    ///
    /// # Errors
    /// [`StorageError`] if the list cannot be read. What goes wrong with an hour is in the report.
    pub async fn run(&self, deadline: Instant) -> Result<Report, StorageError> {
        let now = self.clock.now();
        let first_not_closed = first_not_closed(now);
        let table = &self.committer.table;
        let listed =
            table.open_hours(Minute::EPOCH.hour(), first_not_closed, Consistency::Strong).await?;
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
        // What is not carried forward by then is left to the next run, and `hours_left` says so.
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
                // The time is taken anew: everybody must see the last of the seal rows when it has
                // settled.
                table.record_sealed(site, *hour, self.clock.now()).await?;
            }
            Step::AddUp => {
                let entries = table.read_entries(&chunk).await?;
                if !entries.is_complete() {
                    self.add_up(open, &chunk, &entries, effort).await?;
                }
                table.record_done(site, *hour, self.clock.now()).await?;
            }
            Step::Remove => {
                table.remove_open(site, *hour).await?;
            }
            Step::Wait => {}
        }
        Ok(step)
    }

    async fn add_up(
        &self,
        open: &OpenHour,
        chunk: &ChunkId,
        entries: &LedgerEntries,
        effort: &mut CommitEffort,
    ) -> Result<(), SealError> {
        let sealed = self.committer.table.read_sealed_minutes(&open.site, open.hour).await?;
        // Not before the reading, which would leave a gap in which a row could go.
        if let Some(since) = expired_since(self.committer.retention, open.hour, self.clock.now()) {
            return Err(SealError::Expired { since });
        }
        // Before the ledger entries, as they say that all of this is done.
        self.committer.merge_visitors(chunk, &sealed.visitors.rolled_up(|_, _| true)).await?;
        let plan = Plan::of_sealed_hour(&sealed.tally);
        let entry = LedgerEntry {
            plan_format_version: PLAN_FORMAT_VERSION,
            parts: plan.parts.len(),
            late_parts: None,
            inputs: None,
        };
        for (part, found) in entries.parts() {
            check_plan(part, found, &entry)?;
        }
        for (number, part) in plan.parts.iter().enumerate() {
            if entries.has_whole(number) {
                continue;
            }
            let now = self.clock.now();
            let visitors = &sealed.visitors;
            let commit =
                PartCommit { chunk, number, entry: &entry, header: None, part, visitors, now };
            if let PartOutcome::AlreadyCounted(found) =
                self.committer.commit(&commit, effort).await?
            {
                check_plan(number, &found, &entry)?;
            }
        }
        Ok(())
    }

    /// An hour that was added up may stand on the list again, if a process that had stopped for
    /// long listed it anew: then it does not matter that its minutes are gone.
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
            Ok(Step::AddUp) => self.hours_done += 1,
            Ok(Step::Remove) => self.hours_removed += 1,
            Ok(Step::Wait) => {}
            Err(error) => self.failures.push(HourFailure::of(open, error)),
        }
    }
}

/// The hour that no earlier one is open with: an hour is closed when [`ALLOWED_LATENESS`] has
/// passed since its end.
fn first_not_closed(now: DateTime<Utc>) -> Hour {
    Minute::containing(now - ALLOWED_LATENESS).unwrap_or(Minute::EPOCH).hour()
}

/// Since when minutes of an hour may be deleted; `None` if none may be yet.
fn expired_since(retention: Retention, hour: Hour, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    first_expiry(retention, hour).filter(|expires_at| *expires_at <= now)
}

/// What is wrong with an hour that waits for longer than half of the time that its minutes are
/// kept, but not for so long that they have expired.
fn expires_soon(retention: Retention, hour: Hour, now: DateTime<Utc>) -> Option<SealError> {
    let expires_at = first_expiry(retention, hour).filter(|expires_at| *expires_at > now)?;
    let kept = TimeDelta::days(i64::from(retention.minute_days));
    let age = now.signed_duration_since(time(hour.next().epoch_seconds())?);
    (age > kept / 2).then_some(SealError::ExpiresSoon { days: age.num_days(), expires_at })
}

/// When the first minute of an hour expires; `None` is never.
fn first_expiry(retention: Retention, hour: Hour) -> Option<DateTime<Utc>> {
    retention.expires_at(Period::Minute(hour.first_minute())).and_then(time)
}

fn age_seconds(hour: Hour, now: DateTime<Utc>) -> u64 {
    u64::try_from(now.timestamp() - hour.next().epoch_seconds()).unwrap_or(0)
}

fn time(epoch_seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(epoch_seconds, 0)
}

fn check_plan(part: usize, found: &LedgerEntry, ours: &LedgerEntry) -> Result<(), SealError> {
    if found.is_of_plan(ours) {
        return Ok(());
    }
    Err(SealError::OtherPlan {
        part,
        found: found.plan_format_version,
        found_parts: found.parts,
        parts: ours.parts,
    })
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
            (early, None, Step::AddUp),
            (early, late, Step::Wait),
            (early, early, Step::Remove),
            // Nobody writes this; what is done is done.
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
