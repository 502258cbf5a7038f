//! The summary line: one line of JSON for each object. CloudWatch reads some of its members as
//! metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use minutebook_runtime::emf::{EVENTS, FAILED, REJECTED, THROTTLES, metric_directive};
use minutebook_storage::bucket::read::ObjectRef;
use serde::Serialize;
use serde_json::Value;

use crate::chunk::CountError;
use crate::report::{Ending, Report};

/// The members that every line has.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "_aws", skip_serializing_if = "Option::is_none")]
    aws: Option<Value>,
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
    let outcomes = &report.outcomes;
    let rejected = outcomes.rejected_total();
    // A duplicate must not count its lines in the metrics a second time.
    let metrics = match report.ending {
        Ending::Counted => [
            EVENTS.unless_zero(outcomes.events),
            REJECTED.unless_zero(rejected),
            THROTTLES.unless_zero(report.effort.throttles),
        ],
        Ending::Duplicate
        | Ending::Refused
        | Ending::RefusedBefore
        | Ending::Gone
        | Ending::Replaced => [None; 3],
    };
    let notes = &outcomes.notes;
    serde_json::to_string(&Line {
        head: head(object, level, message, table, metric_directive(metrics, now)),
        chunk: report.chunk.as_ref().map(minutebook_domain::chunk::id::ChunkId::as_str),
        copy_of: report.copy_of.as_deref(),
        lines: outcomes.lines,
        counted: outcomes.counted,
        ignored: outcomes.ignored,
        duplicate: outcomes.duplicate,
        rejected,
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
    let failed = u32::from(!error.has_made_progress());
    let aws = metric_directive([FAILED.unless_zero(failed)], now);
    serde_json::to_string(&ErrorLine {
        head: head(object, level, message, table, aws),
        error: error.to_string(),
        failed,
        duration_ms: took.as_millis(),
    })
}

fn head<'a>(
    object: &'a ObjectRef,
    level: &'static str,
    message: &'static str,
    table: &'a str,
    aws: Option<Value>,
) -> Head<'a> {
    Head {
        aws,
        level,
        message,
        service: FAILED.service,
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
    use minutebook_domain::event::reason::Reason;
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

    /// The names of the metrics of a line; none of a line without metrics.
    fn metrics(line: &Value) -> Vec<&str> {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        let metrics = directive["Metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !metrics.is_empty() {
            assert_eq!(directive["Dimensions"][0], json!(["service", "table"]));
            assert_eq!((&line["service"], &line["table"]), (&json!("ingest"), &json!("minutes")));
        }
        metrics.iter().filter_map(|metric| metric["Name"].as_str()).collect()
    }

    #[test]
    fn a_counted_chunk_has_metrics_of_what_is_not_zero() {
        let line = written(Ending::Counted);
        assert_eq!(metrics(&line), ["events", "throttles"]);
        assert_eq!((&line["events"], &line["rejected"]), (&json!(2), &json!(0)));
        assert_eq!(line["refused"], 0);
        assert_eq!(
            (&line["lines"], &line["conflicts"], &line["duration_ms"]),
            (&json!(3), &json!(4), &json!(12))
        );
        let rejected = [(Reason::NotJson, 7)].into_iter().collect();
        let outcomes = Outcomes { lines: 7, rejected, ..Outcomes::default() };
        let line = written_of(&Report { outcomes, ..Report::unread(Ending::Counted) });
        assert_eq!((metrics(&line), &line["rejected"]), (vec!["rejected"], &json!(7)));
    }

    #[test]
    fn a_refused_file_is_an_error_that_says_why_and_counts_once() {
        for (ending, level, refused) in
            [(Ending::Refused, "ERROR", 1), (Ending::RefusedBefore, "WARN", 0)]
        {
            let because = "the file is a tar archive".to_string();
            let refusal = Some(Refusal { code: "archive", because });
            let line = written_of(&Report { refusal, ..Report::unread(ending) });
            assert_eq!((&line["level"], &line["refused"]), (&json!(level), &json!(refused)));
            assert_eq!((&line["refused_as"], &line["lines"]), (&json!("archive"), &json!(0)));
            assert_eq!(line["refused_because"], "the file is a tar archive");
        }
    }

    #[test]
    fn an_attempt_that_made_progress_has_not_failed() {
        for (parts_committed, level, failed, expected) in
            [(0, "ERROR", 1, vec!["failed"]), (3, "INFO", 0, vec![])]
        {
            let error = CountError::OutOfTime { parts_committed };
            let now = DateTime::from_timestamp(1_795_216_079, 0).expect("in range");
            let line = error_line(&object(), &error, "minutes", Duration::ZERO, now).expect("JSON");
            let line: Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!((&line["level"], &line["failed"]), (&json!(level), &json!(failed)));
            assert_eq!(metrics(&line), expected);
        }
    }

    #[test]
    fn a_duplicate_adds_nothing_to_the_metrics() {
        let line = written(Ending::Duplicate);
        assert_eq!((metrics(&line), &line["events"]), (vec![], &json!(2)));
    }
}
