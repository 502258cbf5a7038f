//! The summary line: one line of JSON for each run, which CloudWatch also reads as metrics. A run
//! with nothing to do writes it too, so that silence means that nothing runs.

use std::time::Duration;

use minutebook_runtime::emf::metric_directive;
use minutebook_storage::chunk::totals::Totals;
use minutebook_storage::open_hours::lag::SealingLag;
use serde::Serialize;
use serde_json::Value;

use crate::sealer::Report;

/// The members of the line that are metrics, with their units.
const METRICS: [(&str, &str); 13] = [
    ("hours_open", "Count"),
    ("hours_sealed", "Count"),
    ("hours_done", "Count"),
    ("hours_removed", "Count"),
    ("hours_left", "Count"),
    ("hours_waiting", "Count"),
    ("failed", "Count"),
    ("oldest_open_hour_age_seconds", "Seconds"),
    ("catch_up_seconds", "Seconds"),
    ("conflicts", "Count"),
    ("throttles", "Count"),
    ("duration_ms", "Milliseconds"),
    // Only of the runs that read the totals; it has to be the last one.
    ("rejected_percent", "Percent"),
];

/// The members that distinguish the metrics of stacks: the alarm of one must not react to another.
const DIMENSIONS: [&str; 2] = ["service", "table"];

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_aws")]
    aws: Value,
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
/// hour, if the run has read them.
///
/// # Errors
/// In practice none: the line has only numbers and texts.
pub fn line(
    report: &Report,
    lag: &SealingLag,
    last_hour: Option<&Totals>,
    table: &str,
    took: Duration,
) -> Result<String, serde_json::Error> {
    let is_clean = report.failures.is_empty() && report.hours_left == 0;
    let (level, message) = match (is_clean, report.hours_open) {
        (false, _) => ("ERROR", "open hours could not be carried forward, or need care"),
        (true, 0) => ("INFO", "no hour waits to be sealed"),
        (true, _) => ("INFO", "the open hours are carried forward"),
    };
    let metrics = METRICS.len() - usize::from(last_hour.is_none());
    serde_json::to_string(&Line {
        aws: metric_directive(&METRICS[..metrics], &DIMENSIONS, lag.at),
        level,
        message,
        service: "rollup",
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
        rejected_percent: last_hour.map(Totals::rejected_percent),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use minutebook_storage::chunk::totals::REJECTED_PERCENT_MAX;
    use serde_json::json;

    fn written(report: &Report) -> Value {
        written_with(report, None)
    }

    fn written_with(report: &Report, last_hour: Option<&Totals>) -> Value {
        let now = DateTime::from_timestamp(1_795_216_079, 0).expect("in range");
        let took = Duration::from_millis(2_500);
        let lag = report.lag(took, now);
        let line = line(report, &lag, last_hour, "stack-table", took).expect("numbers and texts");
        assert!(!line.contains('\n'));
        serde_json::from_str(&line).expect("JSON")
    }

    #[test]
    fn every_metric_is_a_number_of_the_line_and_every_dimension_a_text() {
        let report = Report { hours_open: 3, hours_sealed: 2, hours_done: 1, ..Report::default() };
        let unread = &written(&report)["_aws"]["CloudWatchMetrics"][0]["Metrics"];
        assert_eq!(unread.as_array().map(Vec::len), Some(METRICS.len() - 1));
        assert!(!unread.to_string().contains("rejected_percent"));
        let last_hour = Totals { lines: 3, rejected: 1, ..Totals::default() };
        let line = written_with(&report, Some(&last_hour));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        for metric in directive["Metrics"].as_array().expect("a list") {
            let name = metric["Name"].as_str().expect("a name");
            assert!(line[name].is_number(), "{name} is {}", line[name]);
        }
        for dimension in directive["Dimensions"][0].as_array().expect("a list") {
            let name = dimension.as_str().expect("a name");
            assert!(line[name].is_string(), "{name} is {}", line[name]);
        }
        assert_eq!(
            (&line["hours_open"], &line["hours_sealed"], &line["hours_done"]),
            (&json!(3), &json!(2), &json!(1))
        );
    }

    #[test]
    fn the_alarms_of_the_template_listen_to_what_the_line_says() {
        let template = include_str!("../../../infra/template.yaml");
        let last_hour = Totals { lines: 20, rejected: 1, ..Totals::default() };
        let line = written_with(&Report::default(), Some(&last_hour));
        let namespace = &line["_aws"]["CloudWatchMetrics"][0]["Namespace"];
        for (name, metric, threshold) in [
            ("OldestOpenHourAlarm", "oldest_open_hour_age_seconds", 3_600),
            ("RejectedLinesAlarm", "rejected_percent", REJECTED_PERCENT_MAX),
        ] {
            let start = template.find(&format!("  {name}:")).expect("the alarm");
            let alarm = template[start..].split("\n\n").next().unwrap_or_default();
            for text in [
                format!("Namespace: {}\n", namespace.as_str().unwrap_or("?")),
                format!("MetricName: {metric}\n"),
                format!("Threshold: {threshold}\n"),
                "Dimensions: [{ Name: service, Value: rollup }, { Name: table, Value: !Ref Table }]"
                    .to_string(),
            ] {
                assert!(alarm.contains(&text), "{text}: {alarm}");
            }
            assert!(line[metric].is_number(), "{metric}: {line}");
        }
        assert_eq!((&line["rejected_percent"], &line["service"]), (&json!(5.0), &json!("rollup")));
    }

    #[test]
    fn a_run_that_left_hours_behind_is_an_error_and_says_how_far_it_is_behind() {
        let line = written(&Report::default());
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
