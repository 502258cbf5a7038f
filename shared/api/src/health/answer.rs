//! The answer of `/health`.

use chrono::{DateTime, SecondsFormat, Utc};
use lambda_http::http::StatusCode;
use lambda_http::{Body, Response};
use minutebook_domain::time::Hour;
use minutebook_storage::chunk::snapshots::TotalsSnapshot;
use minutebook_storage::chunk::totals::Totals;
use minutebook_storage::open_hours::lag::SealingLag;
use minutebook_storage::queue::QueueDepth;
use schemars::JsonSchema;
use serde::Serialize;

use crate::health::last_hour::LastHour;
use crate::http::answer::Time;
use crate::http::response::json;

/// How long after its end an hour may be open before something is wrong. Sealing takes 13 minutes;
/// the template's alarm has the same threshold.
const OPEN_SECONDS_MAX: i64 = 3_600;

/// How old the report of the last run of rollup may be before something is wrong. Rollup runs every
/// minute, for less than a minute.
const REPORT_SECONDS_MAX: i64 = 300;

/// What was found.
pub(crate) struct Report {
    pub(crate) rows: Result<Rows, &'static str>,
    pub(crate) queue: Result<QueueDepth, &'static str>,
    pub(crate) dead_letters: Result<QueueDepth, &'static str>,
}

/// What the table says.
#[derive(Default)]
pub(crate) struct Rows {
    /// `None` if rollup has never run.
    pub(crate) lag: Option<SealingLag>,
    /// The totals about an hour ago; `None` if nobody has kept them yet.
    pub(crate) hour_ago: Option<TotalsSnapshot>,
    /// The totals now.
    pub(crate) totals: Totals,
}

/// Whether chunks are counted and hours rolled up. What could not be asked is null.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Health")]
pub(crate) struct Answer {
    /// `degraded` if chunks lie in the dead letters, an hour is not rolled up an hour after its end,
    /// rollup has not reported for five minutes, over 5 % of the lines of the last hour were
    /// rejected, or a file was refused or a site was beyond the bound in it; `unavailable` if the
    /// table or a queue cannot be reached.
    #[schemars(extend("enum" = ["healthy", "degraded", "unavailable"]))]
    status: &'static str,
    service: &'static str,
    /// For those who may see the whole deployment.
    #[serde(flatten)]
    details: Option<Details>,
}

#[derive(Serialize, JsonSchema)]
struct Details {
    /// How many announcements of chunks wait.
    queue_size: Option<u64>,
    /// How many are worked on.
    in_flight: Option<u64>,
    /// How many could not be handled.
    dead_letters: Option<u64>,
    /// The first hour that is not rolled up; null if there is none.
    #[schemars(with = "Option<Time>")]
    oldest_open_hour: Option<String>,
    /// How many hours are over, of all sites, and not rolled up.
    hours_waiting: Option<u64>,
    /// When rollup reported this; null if it has never run.
    #[schemars(with = "Option<Time>")]
    rollup_at: Option<String>,
    /// What became of the lines of the last hour; null before rollup has run.
    last_hour: Option<LastHour>,
    /// Why the status is not `healthy`.
    reasons: Vec<String>,
}

impl Report {
    /// The answer, with everything that was found or only its status.
    pub(crate) fn answer(&self, now: DateTime<Utc>, shows_details: bool) -> Response<Body> {
        let out_of_reach: Vec<String> =
            [self.rows.as_ref().err(), self.queue.as_ref().err(), self.dead_letters.as_ref().err()]
                .into_iter()
                .flatten()
                .map(|sentence| (*sentence).to_string())
                .collect();
        let is_reachable = out_of_reach.is_empty();
        let reasons: Vec<String> = out_of_reach.into_iter().chain(self.complaints(now)).collect();
        let status = match (is_reachable, reasons.is_empty()) {
            (false, _) => "unavailable",
            (true, false) => "degraded",
            (true, true) => "healthy",
        };
        let details = shows_details.then(|| Details {
            queue_size: self.queue.ok().map(|queue| queue.waiting),
            in_flight: self.queue.ok().map(|queue| queue.in_flight),
            dead_letters: self.dead_letters(),
            oldest_open_hour: self.oldest_hour().map(|hour| hour.first_minute().to_string()),
            hours_waiting: self.lag().map(|lag| lag.hours_waiting),
            rollup_at: self.lag().map(|lag| lag.at.to_rfc3339_opts(SecondsFormat::Secs, true)),
            last_hour: self.last_hour(),
            reasons,
        });
        let mut response = json(&Answer { status, service: "minutebook", details });
        if !is_reachable {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response
    }

    /// What needs attention although all answers are right.
    fn complaints(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut complaints = vec![];
        if let Some(count) = self.dead_letters().filter(|count| *count > 0) {
            complaints
                .push(format!("the dead letters have {count}: chunks that could not be counted"));
        }
        match &self.rows {
            Ok(Rows { lag: None, .. }) => complaints.push("rollup has not run yet".to_string()),
            Ok(Rows { lag: Some(lag), .. }) => {
                let silent_for = (now - lag.at).num_seconds();
                if silent_for > REPORT_SECONDS_MAX {
                    complaints.push(format!("rollup last reported {silent_for} seconds ago"));
                }
            }
            Err(_) => {}
        }
        if let Some(hour) = self.oldest_hour() {
            let over_for = now.timestamp() - hour.next().epoch_seconds();
            if over_for > OPEN_SECONDS_MAX {
                let start = hour.first_minute();
                complaints.push(format!(
                    "the hour of {start} ended {over_for} seconds ago and is not rolled up"
                ));
            }
        }
        complaints.extend(self.last_hour().iter().flat_map(LastHour::complaints));
        complaints
    }

    fn last_hour(&self) -> Option<LastHour> {
        let Rows { hour_ago, totals, .. } = self.rows.as_ref().ok()?;
        Some(LastHour::new(hour_ago.as_ref()?, totals))
    }

    fn lag(&self) -> Option<&SealingLag> {
        self.rows.as_ref().ok()?.lag.as_ref()
    }

    fn oldest_hour(&self) -> Option<Hour> {
        self.lag()?.oldest_open_hour
    }

    /// Messages in flight are included: they are still in the queue.
    fn dead_letters(&self) -> Option<u64> {
        self.dead_letters.ok().map(|depth| depth.waiting + depth.in_flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Result<QueueDepth, &str> = Ok(QueueDepth { waiting: 0, in_flight: 0 });

    /// What rollup reported at 2026-11-21T01:00:00Z.
    fn rows(oldest: Option<&str>) -> Result<Rows, &'static str> {
        let lag = SealingLag {
            at: "2026-11-21T01:00:00.9Z".parse().expect("a time"),
            hours_waiting: 2,
            oldest_open_hour: oldest.map(|hour| Hour::parse(hour).expect("an hour")),
            catch_up_seconds: 0,
        };
        Ok(Rows { lag: Some(lag), ..Rows::default() })
    }

    fn answered(report: &Report, now: &str) -> (u16, String) {
        let response = report.answer(now.parse().expect("a time"), true);
        (response.status().as_u16(), String::from_utf8_lossy(response.body().as_ref()).into_owned())
    }

    #[test]
    fn all_is_well_while_hours_are_added_up_in_time() {
        let report = Report {
            rows: rows(Some("2026-11-20T23")),
            queue: Ok(QueueDepth { waiting: 5, in_flight: 2 }),
            dead_letters: EMPTY,
        };
        let expected = concat!(
            r#"{"status":"healthy","service":"minutebook","queue_size":5,"in_flight":2,"dead_letters":0,"#,
            r#""oldest_open_hour":"2026-11-20T23:00:00Z","hours_waiting":2,"rollup_at":"2026-11-21T01:00:00Z","last_hour":null,"reasons":[]}"#
        );
        for now in ["2026-11-20T23:30:00Z", "2026-11-21T01:00:00Z"] {
            assert_eq!(answered(&report, now), (200, expected.to_string()));
        }
        let report = Report { rows: rows(None), ..report };
        let (status, body) = answered(&report, "2026-11-21T01:05:00Z");
        assert!(
            status == 200 && body.contains(r#""oldest_open_hour":null,"hours_waiting":2"#),
            "{body}"
        );
        assert!(body.contains(r#""reasons":[]"#), "{body}");
    }

    #[test]
    fn who_may_not_see_the_deployment_learns_the_status_only() {
        let away = Err("the table could not be read");
        for (rows, code, status) in
            [(Ok(Rows::default()), 200, "degraded"), (away, 503, "unavailable")]
        {
            let report = Report { rows, queue: EMPTY, dead_letters: EMPTY };
            let response = report.answer("2026-11-21T01:00:00Z".parse().expect("a time"), false);
            let body = String::from_utf8_lossy(response.body().as_ref()).into_owned();
            assert_eq!(body, format!(r#"{{"status":"{status}","service":"minutebook"}}"#));
            assert_eq!(response.status().as_u16(), code);
        }
    }

    #[test]
    fn a_rollup_that_does_not_run_needs_care() {
        for (rows, now, reason) in [
            (rows(None), "2026-11-21T01:05:02Z", "rollup last reported 301 seconds ago"),
            (Ok(Rows::default()), "2026-11-21T01:00:00Z", "rollup has not run yet"),
        ] {
            let report = Report { rows, queue: EMPTY, dead_letters: EMPTY };
            let (status, body) = answered(&report, now);
            assert!(status == 200 && body.contains(r#""status":"degraded""#), "{body}");
            assert!(body.contains(&format!(r#""reasons":["{reason}"]"#)), "{body}");
        }
    }

    #[test]
    fn what_became_of_the_last_hour_is_said_and_may_need_care() {
        let totals = |lines, rejected| Totals { lines, rejected, ..Totals::default() };
        let hour_ago = || TotalsSnapshot {
            at: "2026-11-21T00:05:00Z".parse().expect("a time"),
            totals: totals(1_000, 900),
        };
        for (lines, rejected, status) in [(1_100, 905, "healthy"), (1_100, 906, "degraded")] {
            let rows = rows(None).map(|rows| Rows {
                hour_ago: Some(hour_ago()),
                totals: totals(lines, rejected),
                ..rows
            });
            let report = Report { rows, queue: EMPTY, dead_letters: EMPTY };
            let (code, body) = answered(&report, "2026-11-21T01:00:30Z");
            assert!(code == 200 && body.contains(&format!(r#""status":"{status}""#)), "{body}");
            let hour = r#""last_hour":{"since":"2026-11-21T00:05:00Z","lines":100,"rejected":"#;
            assert!(body.contains(hour), "{body}");
        }
    }

    #[test]
    fn what_needs_care_is_said_with_200() {
        let report = Report {
            rows: rows(Some("2026-11-20T23")),
            queue: EMPTY,
            dead_letters: Ok(QueueDepth { waiting: 2, in_flight: 1 }),
        };
        let expected = concat!(
            r#"{"status":"degraded","service":"minutebook","queue_size":0,"in_flight":0,"dead_letters":3,"#,
            r#""oldest_open_hour":"2026-11-20T23:00:00Z","hours_waiting":2,"rollup_at":"2026-11-21T01:00:00Z","last_hour":null,"#,
            r#""reasons":["the dead letters have 3: chunks that could not be counted","#,
            r#""the hour of 2026-11-20T23:00:00Z ended 3601 seconds ago and is not rolled up"]}"#
        );
        assert_eq!(answered(&report, "2026-11-21T01:00:01Z"), (200, expected.to_string()));
    }

    #[test]
    fn what_cannot_be_reached_is_503_and_the_rest_is_still_said() {
        let report = Report {
            rows: Err("the table could not be read"),
            queue: Err("the queue could not be reached"),
            dead_letters: Ok(QueueDepth { waiting: 1, in_flight: 0 }),
        };
        let expected = concat!(
            r#"{"status":"unavailable","service":"minutebook","queue_size":null,"in_flight":null,"dead_letters":1,"#,
            r#""oldest_open_hour":null,"hours_waiting":null,"rollup_at":null,"last_hour":null,"reasons":["the table could not be read","the queue could not be reached","#,
            r#""the dead letters have 1: chunks that could not be counted"]}"#
        );
        assert_eq!(answered(&report, "2026-11-21T01:00:01Z"), (503, expected.to_string()));
    }
}
