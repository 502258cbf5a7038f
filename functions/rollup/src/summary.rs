//! The summary line: one line of JSON for each run that had something to do, and for every fifth
//! one, which reads the totals. CloudWatch reads some of its members as metrics.

use std::time::Duration;

use minutebook_runtime::emf::{OLDEST_OPEN_HOUR_AGE_SECONDS, REJECTED_PERCENT, metric_directive};
use minutebook_storage::chunk::totals::Totals;
use minutebook_storage::open_hours::lag::SealingLag;
use serde::Serialize;
use serde_json::Value;

use crate::sealer::Report;

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_aws", skip_serializing_if = "Option::is_none")]
    aws: Option<Value>,
    level: &'static str,
    message: &'static str,
    service: &'static str,
    table: &'a str,
    hours_open: usize,
    hours_sealed: usize,
    hours_done: usize,
    hours_removed: usize,
    hours_left: usize,
    hours_waiting: u64,
    failed: usize,
    oldest_open_hour_age_seconds: u64,
    catch_up_seconds: u64,
    conflicts: u32,
    throttles: u32,
    duration_ms: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_percent: Option<f64>,
}

/// The line of a run, of the lag that it ended with, and of what was added to the totals in the last
/// hour, if the run has read them; `None` if it has not, and no hour was open.
///
/// # Errors
/// In practice none: the line has only numbers and texts.
pub fn line(
    report: &Report,
    lag: &SealingLag,
    last_hour: Option<&Totals>,
    table: &str,
    took: Duration,
) -> Result<Option<String>, serde_json::Error> {
    if report.hours_open == 0 && last_hour.is_none() {
        return Ok(None);
    }
    let is_clean = report.failures.is_empty() && report.hours_left == 0;
    let (level, message) = match (is_clean, report.hours_open) {
        (false, _) => ("ERROR", "open hours could not be carried forward, or need care"),
        (true, 0) => ("INFO", "no hour waits to be sealed"),
        (true, _) => ("INFO", "the open hours are carried forward"),
    };
    let rejected_percent = last_hour.map(Totals::rejected_percent);
    let metrics = [
        OLDEST_OPEN_HOUR_AGE_SECONDS.unless_zero(report.oldest_open_hour_age_seconds),
        REJECTED_PERCENT.unless_zero(rejected_percent.unwrap_or_default()),
    ];
    let line = Line {
        aws: metric_directive(metrics, lag.at),
        level,
        message,
        service: REJECTED_PERCENT.service,
        table,
        hours_open: report.hours_open,
        hours_sealed: report.hours_sealed,
        hours_done: report.hours_done,
        hours_removed: report.hours_removed,
        hours_left: report.hours_left,
        hours_waiting: lag.hours_waiting,
        failed: report.failures.len(),
        oldest_open_hour_age_seconds: report.oldest_open_hour_age_seconds,
        catch_up_seconds: lag.catch_up_seconds,
        conflicts: report.effort.conflicts,
        throttles: report.effort.throttles,
        duration_ms: took.as_millis(),
        rejected_percent,
    };
    serde_json::to_string(&line).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use minutebook_storage::chunk::totals::REJECTED_PERCENT_MAX;
    use serde_json::json;

    fn line_of(report: &Report, last_hour: Option<&Totals>) -> Option<Value> {
        let now = DateTime::from_timestamp(1_795_216_079, 0).expect("in range");
        let took = Duration::from_millis(2_500);
        let lag = report.lag(took, now);
        let line = line(report, &lag, last_hour, "stack-table", took).expect("numbers and texts");
        line.map(|line| {
            assert!(!line.contains('\n'));
            serde_json::from_str(&line).expect("JSON")
        })
    }

    fn written(report: &Report) -> Value {
        line_of(report, None).expect("there is something to say")
    }

    fn text<'a>(metric: &'a Value, name: &str) -> &'a str {
        metric[name].as_str().expect("a text")
    }

    /// The metrics of a line with their units; none of a line without metrics.
    fn metrics(line: &Value) -> Vec<(&str, &str)> {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        let metrics = directive["Metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !metrics.is_empty() {
            assert_eq!(directive["Dimensions"][0], json!(["service", "table"]));
            assert_eq!(line["service"], "rollup");
            assert_eq!(line["table"], "stack-table");
        }
        let texts = |metric| (text(metric, "Name"), text(metric, "Unit"));
        metrics.iter().map(texts).collect()
    }

    #[test]
    fn a_run_at_rest_says_nothing_and_every_fifth_one_writes_no_metric() {
        let at_rest = Report::default();
        assert_eq!(line_of(&at_rest, None), None);
        let line = line_of(&at_rest, Some(&Totals::default())).expect("a line");
        assert_eq!((metrics(&line), &line["rejected_percent"]), (vec![], &json!(0.0)));
    }

    #[test]
    fn the_age_of_the_oldest_open_hour_and_the_rejected_share_are_metrics() {
        let report = Report {
            hours_open: 3,
            hours_sealed: 2,
            hours_done: 1,
            oldest_open_hour_age_seconds: 700,
            ..Report::default()
        };
        let line = written(&report);
        let age = ("oldest_open_hour_age_seconds", "Seconds");
        assert_eq!((metrics(&line), &line[age.0]), (vec![age], &json!(700)));
        assert_eq!(
            (&line["hours_open"], &line["hours_sealed"], &line["hours_done"]),
            (&json!(3), &json!(2), &json!(1))
        );
        let last_hour = Totals { lines: 20, rejected: 1, ..Totals::default() };
        let line = line_of(&report, Some(&last_hour)).expect("a line");
        assert_eq!(metrics(&line), [age, ("rejected_percent", "Percent")]);
        assert_eq!(line["rejected_percent"], 5.0);
    }

    #[test]
    fn the_alarm_of_rejected_lines_rings_where_health_is_degraded() {
        let template = include_str!("../../../infra/template.yaml");
        let (_, alarm) = template.split_once("  RejectedLinesAlarm:\n").expect("the alarm");
        let alarm = alarm.split("\n\n").next().unwrap_or_default();
        assert!(alarm.contains(&format!("Threshold: {REJECTED_PERCENT_MAX},")), "{alarm}");
    }

    #[test]
    fn a_run_that_left_hours_behind_is_an_error_and_says_how_far_it_is_behind() {
        let line = written(&Report { hours_open: 1, ..Report::default() });
        assert_eq!((&line["level"], &line["catch_up_seconds"]), (&json!("INFO"), &json!(0)));
        let report = Report {
            hours_open: 5,
            hours_done: 2,
            hours_left: 3,
            hours_waiting: 3,
            ..Report::default()
        };
        let line = written(&report);
        assert_eq!(line["level"], "ERROR");
        // Two steps took 2.5 s.
        assert_eq!((&line["hours_waiting"], &line["catch_up_seconds"]), (&json!(3), &json!(4)));
    }
}
