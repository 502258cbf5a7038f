//! The summary line: one line of JSON for each object, which CloudWatch also reads as metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use minutebook_runtime::emf::metric_directive;
use minutebook_storage::bucket::read::ObjectRef;
use serde::Serialize;
use serde_json::Value;

use crate::chunk::CountError;
use crate::report::{Ending, Report};

/// The members of the line that are metrics, with their units.
const METRICS: [(&str, &str); 15] = [
    ("lines", "Count"),
    ("counted", "Count"),
    ("ignored", "Count"),
    ("duplicate", "Count"),
    ("rejected", "Count"),
    ("events", "Count"),
    ("unknown", "Count"),
    ("dropped_total", "Count"),
    ("purchases_without_money", "Count"),
    ("parts_committed", "Count"),
    ("minutes_expired", "Count"),
    ("conflicts", "Count"),
    ("throttles", "Count"),
    ("size_bytes", "Bytes"),
    ("duration_ms", "Milliseconds"),
];

/// The members that distinguish the metrics of stacks of one account.
pub(crate) const DIMENSIONS: [&str; 2] = ["service", "table"];

/// The members that every line has.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "_aws")]
    aws: Value,
    level: &'static str,
    message: &'static str,
    service: &'static str,
    table: &'a str,
    bucket: &'a str,
    key: &'a str,
    version_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    chunk: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_of: Option<&'a str>,
    lines: u64,
    counted: u64,
    ignored: u64,
    duplicate: u64,
    rejected: u64,
    rejected_by_reason: BTreeMap<String, u64>,
    refused: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_as: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_because: Option<&'a str>,
    events: u64,
    unknown: u64,
    unknown_types: BTreeMap<&'a str, u64>,
    dropped_total: u64,
    dropped: BTreeMap<&'static str, u64>,
    purchases_without_money: u64,
    parts: usize,
    parts_committed: usize,
    minutes_expired: u64,
    conflicts: u32,
    throttles: u32,
    size_bytes: u64,
    duration_ms: u128,
}

#[derive(Serialize)]
struct ErrorLine<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    error: String,
    failed: u32,
    duration_ms: u128,
}

/// The line of an object that was counted, is refused, or needed no counting. `table` is the table's
/// name.
///
/// # Errors
/// In practice none: the line has only numbers and texts.
pub fn line(
    object: &ObjectRef,
    report: &Report,
    table: &str,
    took: Duration,
    now: DateTime<Utc>,
) -> Result<String, serde_json::Error> {
    let (level, message) = match report.ending {
        Ending::Counted => ("INFO", "the chunk is counted"),
        Ending::Duplicate if report.copy_of.is_some() => {
            ("INFO", "the same bytes are counted under another key (duplicate)")
        }
        Ending::Duplicate => ("INFO", "the chunk is already counted (duplicate)"),
        Ending::Refused => (
            "ERROR",
            "the file is refused: no line of it can be counted, and refused_because says what to do",
        ),
        Ending::RefusedBefore => ("WARN", "the file was refused before (duplicate)"),
        Ending::Gone => ("WARN", "the object was gone before it was read"),
        Ending::Replaced => {
            ("WARN", "the object was replaced before it was read; its own notification counts it")
        }
    };
    // A duplicate must not count its lines in the metrics a second time.
    let metrics: &[(&str, &str)] = match report.ending {
        Ending::Counted => &METRICS,
        Ending::Refused => &[("refused", "Count"), ("duration_ms", "Milliseconds")],
        Ending::Duplicate | Ending::RefusedBefore | Ending::Gone | Ending::Replaced => {
            &[("duration_ms", "Milliseconds")]
        }
    };
    let outcomes = &report.outcomes;
    let notes = &outcomes.notes;
    serde_json::to_string(&Line {
        head: head(object, level, message, table, metrics, now),
        chunk: report.chunk.as_ref().map(minutebook_domain::chunk::id::ChunkId::as_str),
        copy_of: report.copy_of.as_deref(),
        lines: outcomes.lines,
        counted: outcomes.counted,
        ignored: outcomes.ignored,
        duplicate: outcomes.duplicate,
        rejected: outcomes.rejected_total(),
        rejected_by_reason: outcomes
            .rejected
            .iter()
            .map(|(reason, count)| (reason.to_string(), *count))
            .collect(),
        refused: u64::from(report.ending == Ending::Refused),
        refused_as: report.refusal.as_ref().map(|refusal| refusal.code),
        refused_because: report.refusal.as_ref().map(|refusal| &*refusal.because),
        events: outcomes.events,
        unknown: notes.unknown_types.events,
        unknown_types: notes.unknown_types.most_frequent().into_iter().collect(),
        dropped_total: notes.dropped.values().sum(),
        dropped: notes.dropped.iter().map(|(field, count)| (field.name(), *count)).collect(),
        purchases_without_money: notes.purchases_without_money,
        parts: report.parts,
        parts_committed: report.effort.parts_committed,
        minutes_expired: report.minutes_expired,
        conflicts: report.effort.conflicts,
        throttles: report.effort.throttles,
        size_bytes: report.size_bytes,
        duration_ms: took.as_millis(),
    })
}

/// The line of an object whose message goes back to the queue.
///
/// # Errors
/// In practice none: the line has only numbers and texts.
pub fn error_line(
    object: &ObjectRef,
    error: &CountError,
    table: &str,
    took: Duration,
    now: DateTime<Utc>,
) -> Result<String, serde_json::Error> {
    let (level, message) = if error.has_made_progress() {
        ("INFO", "a part of the chunk is counted; its message goes back to the queue")
    } else {
        ("ERROR", "the chunk is not counted; its message goes back to the queue")
    };
    serde_json::to_string(&ErrorLine {
        head: head(
            object,
            level,
            message,
            table,
            &[("failed", "Count"), ("duration_ms", "Milliseconds")],
            now,
        ),
        error: error.to_string(),
        failed: u32::from(!error.has_made_progress()),
        duration_ms: took.as_millis(),
    })
}

fn head<'a>(
    object: &'a ObjectRef,
    level: &'static str,
    message: &'static str,
    table: &'a str,
    metrics: &[(&str, &str)],
    now: DateTime<Utc>,
) -> Head<'a> {
    Head {
        aws: metric_directive(metrics, &DIMENSIONS, now),
        level,
        message,
        service: "ingest",
        table,
        bucket: &object.bucket,
        key: &object.key,
        version_id: object.version_id.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::chunk::{Outcomes, Refusal};
    use minutebook_storage::committer::CommitEffort;
    use serde_json::json;

    fn object() -> ObjectRef {
        let (bucket, key) = ("raw".to_string(), "a.jsonl".to_string());
        ObjectRef { bucket, key, version_id: None, etag: None }
    }

    fn written(ending: Ending) -> Value {
        written_of(&Report {
            ending,
            chunk: None,
            copy_of: None,
            visitors: None,
            size_bytes: 90,
            outcomes: Outcomes {
                lines: 3,
                counted: 2,
                ignored: 1,
                events: 2,
                ..Outcomes::default()
            },
            refusal: None,
            parts: 1,
            minutes_expired: 6,
            effort: CommitEffort { parts_committed: 1, conflicts: 4, throttles: 5 },
        })
    }

    fn written_of(report: &Report) -> Value {
        let now = DateTime::from_timestamp(1_795_216_079, 0).expect("in range");
        let took = Duration::from_millis(12);
        let line = line(&object(), report, "minutes", took, now).expect("numbers and texts");
        assert!(!line.contains('\n'));
        serde_json::from_str(&line).expect("JSON")
    }

    #[test]
    fn the_alarm_of_failed_chunks_listens_to_what_the_line_says() {
        let template = include_str!("../../../infra/template.yaml");
        let start = template.find("  FailedChunksAlarm:").expect("the alarm");
        let alarm = template[start..].split("\n\n").next().unwrap_or_default();
        let now = DateTime::from_timestamp(1_795_216_079, 0).expect("in range");
        let error = CountError::ReadTooOften { last: "it broke off".to_string() };
        let line = error_line(&object(), &error, "minutes", Duration::ZERO, now).expect("texts");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((&line["failed"], &line["service"]), (&json!(1), &json!("ingest")));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Metrics"][0]["Name"], "failed");
        assert_eq!(directive["Dimensions"][0], json!(["service", "table"]));
        for text in [
            format!("Namespace: {}\n", directive["Namespace"].as_str().unwrap_or("?")),
            "MetricName: failed\n".to_string(),
            "Dimensions: [{ Name: service, Value: ingest }, { Name: table, Value: !Ref Table }]"
                .to_string(),
        ] {
            assert!(alarm.contains(&text), "{text}: {alarm}");
        }
    }

    #[test]
    fn every_metric_is_a_number_of_the_line() {
        let line = written(Ending::Counted);
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().expect("a list");
        assert_eq!(metrics.len(), METRICS.len());
        for metric in metrics {
            let name = metric["Name"].as_str().expect("a name");
            assert!(line[name].is_u64(), "{name} is {}", line[name]);
        }
        assert_eq!((&line["service"], &line["table"]), (&json!("ingest"), &json!("minutes")));
        assert_eq!(line["refused"], 0);
        assert_eq!(
            (&line["lines"], &line["conflicts"], &line["duration_ms"]),
            (&json!(3), &json!(4), &json!(12))
        );
    }

    #[test]
    fn a_refused_file_is_an_error_that_says_why_and_counts_once() {
        for (ending, level, refused, is_in_metrics) in
            [(Ending::Refused, "ERROR", 1, true), (Ending::RefusedBefore, "WARN", 0, false)]
        {
            let because = "the file is a tar archive".to_string();
            let refusal = Some(Refusal { code: "archive", because });
            let line = written_of(&Report { refusal, ..Report::unread(ending) });
            assert_eq!((&line["level"], &line["refused"]), (&json!(level), &json!(refused)));
            assert_eq!((&line["refused_as"], &line["lines"]), (&json!("archive"), &json!(0)));
            assert_eq!(line["refused_because"], "the file is a tar archive");
            let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
            let mut names = metrics.expect("a list").iter().map(|metric| &metric["Name"]);
            assert_eq!(names.any(|name| name == "refused"), is_in_metrics);
        }
    }

    #[test]
    fn an_attempt_that_made_progress_has_not_failed() {
        for (parts_committed, level, failed) in [(0, "ERROR", 1), (3, "INFO", 0)] {
            let error = CountError::OutOfTime { parts_committed };
            let now = DateTime::from_timestamp(1_795_216_079, 0).expect("in range");
            let line = error_line(&object(), &error, "minutes", Duration::ZERO, now).expect("JSON");
            let line: Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!((&line["level"], &line["failed"]), (&json!(level), &json!(failed)));
        }
    }

    #[test]
    fn a_duplicate_adds_nothing_to_the_metrics_of_lines() {
        let line = written(Ending::Duplicate);
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().expect("a list");
        assert!(metrics.iter().all(|metric| metric["Name"] != "lines"));
    }
}
