//! The function that seals hours that are over, and rolls them up.

mod order;
mod places;
pub mod sealer;
pub mod summary;

use std::io::Write;

use minutebook_storage::error::StorageError;
use tokio::time::Instant;

use crate::sealer::{Report, Sealer};

/// Why a run failed. The next run continues where this one stopped; an hour that waits too long raises an alarm.
#[derive(Debug, thiserror::Error)]
pub enum RollupError {
    /// The list of open hours could not be read.
    #[error("the open hours could not be listed: {0}")]
    List(#[source] StorageError),
    /// How far behind sealing is could not be recorded, where `/health` reads it.
    #[error("the sealing lag could not be recorded: {0}")]
    Lag(#[source] StorageError),
    /// The totals could not be kept for the comparison that `/health` makes.
    #[error("the snapshot of the totals could not be kept: {0}")]
    Snapshot(#[source] StorageError),
    /// Hours could not be carried forward, or their minutes expire soon.
    #[error("{count} of {of} open hours failed; the oldest of them: {oldest}")]
    Hours {
        /// The number of such hours.
        count: usize,
        /// The number of all open hours.
        of: usize,
        /// The failure of the oldest one.
        oldest: String,
    },
    /// The time that Lambda allows is over.
    #[error("out of time: {left} of {of} open hours wait for the next run")]
    OutOfTime {
        /// The number of hours that were not carried forward.
        left: usize,
        /// The number of all open hours.
        of: usize,
    },
}

/// Carries every hour that is over one step forward, and records how far behind sealing is and,
/// every five minutes, the totals. Logs one line for each failure, and one for the run if there is
/// something to say.
///
/// # Errors
/// [`RollupError`], after everything else is done. The next run retries.
pub async fn handle(sealer: &Sealer, deadline: Instant) -> Result<(), RollupError> {
    let started = Instant::now();
    let report = sealer.run(deadline).await.map_err(RollupError::List)?;
    let table = &sealer.committer.table;
    let lag = report.lag(started.elapsed(), sealer.clock.now());
    let recorded = table.put_sealing_lag(&lag).await;
    let kept = table.keep_totals_snapshot(lag.at).await;
    for failure in &report.failures {
        let (site, hour) = (failure.site.as_str(), failure.hour.to_string());
        tracing::error!(site, hour, error = %failure.error, "an open hour needs care");
    }
    let last_hour = kept.as_ref().ok().and_then(Option::as_ref);
    match summary::line(&report, &lag, last_hour, &table.name, started.elapsed()) {
        // A log that cannot be written must not stop the sealing.
        Ok(Some(line)) => drop(std::io::stdout().lock().write_all(format!("{line}\n").as_bytes())),
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "the summary line could not be written"),
    }
    outcome(&report)?;
    recorded.map_err(RollupError::Lag)?;
    kept.map_err(RollupError::Snapshot)?;
    Ok(())
}

fn outcome(report: &Report) -> Result<(), RollupError> {
    let of = report.hours_open;
    if let Some(oldest) = report.failures.iter().min_by_key(|failure| (failure.hour, &failure.site))
    {
        return Err(RollupError::Hours {
            count: report.failures.len(),
            of,
            oldest: oldest.to_string(),
        });
    }
    if report.hours_left > 0 {
        return Err(RollupError::OutOfTime { left: report.hours_left, of });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealer::{HourFailure, SealError};
    use minutebook_domain::time::Hour;

    fn failure(hour: &str, call: &'static str) -> HourFailure {
        let error =
            SealError::Storage(StorageError::Unavailable { call, reason: "away".to_string() });
        HourFailure { site: "shop".to_string(), hour: Hour::parse(hour).expect("an hour"), error }
    }

    #[test]
    fn a_run_fails_if_any_hour_did_and_names_the_oldest() {
        let failures = vec![failure("2026-11-20T23", "Query"), failure("2026-11-20T22", "PutItem")];
        let report = Report { hours_open: 5, hours_left: 1, failures, ..Report::default() };
        let sentence = outcome(&report).expect_err("two hours failed").to_string();
        assert!(sentence.starts_with("2 of 5 open hours failed"), "{sentence}");
        assert!(sentence.contains("2026-11-20T22") && sentence.contains("PutItem"), "{sentence}");
    }

    #[test]
    fn a_run_that_did_not_reach_every_hour_fails_and_one_that_did_does_not() {
        let report = Report { hours_open: 5, hours_done: 5, ..Report::default() };
        assert!(outcome(&report).is_ok());
        let report = Report { hours_left: 2, ..report };
        assert_eq!(
            outcome(&report).expect_err("two are left").to_string(),
            "out of time: 2 of 5 open hours wait for the next run"
        );
    }
}
