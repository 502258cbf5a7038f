//! The summary line of a delivery: one line of JSON for each partition, which CloudWatch also reads
//! as metrics.

use std::time::Duration;

use chrono::{DateTime, Utc};
use minutebook_runtime::emf::metric_directive;
use serde_json::json;

use crate::stream::event::Delivery;
use crate::stream::{Report, StreamError};
use crate::summary::DIMENSIONS;

/// The members of the line that are metrics, with their units.
const METRICS: [(&str, &str); 4] = [
    ("records_stored", "Count"),
    ("records_empty", "Count"),
    ("records_redelivered", "Count"),
    ("duration_ms", "Milliseconds"),
];

/// The line of a delivery that is stored.
pub fn line(
    delivery: &Delivery,
    report: &Report,
    table: &str,
    took: Duration,
    now: DateTime<Utc>,
) -> String {
    let (level, message) = if report.is_new_epoch {
        (
            "WARN",
            "the records are stored; their partition began a new epoch, so its offsets start again",
        )
    } else {
        ("INFO", "the records are stored")
    };
    let line = json!({
        "_aws": metric_directive(&METRICS, &DIMENSIONS, now),
        "level": level,
        "message": message,
        "service": "ingest",
        "table": table,
        "partition": delivery.partition,
        "epoch": report.epoch,
        "keys": report.keys,
        "records_stored": report.stored,
        "records_empty": report.empty,
        "records_redelivered": report.redelivered,
        "duration_ms": took.as_millis(),
    });
    line.to_string()
}

/// The line of a delivery that Lambda delivers again.
pub fn error_line(
    delivery: &Delivery,
    error: &StreamError,
    table: &str,
    took: Duration,
    now: DateTime<Utc>,
) -> String {
    let metrics = [("failed", "Count"), ("duration_ms", "Milliseconds")];
    let line = json!({
        "_aws": metric_directive(&metrics, &DIMENSIONS, now),
        "level": "ERROR",
        "message": "the records are not all stored; Lambda delivers them again",
        "service": "ingest",
        "table": table,
        "partition": delivery.partition,
        "error": error.to_string(),
        "failed": 1,
        "duration_ms": took.as_millis(),
    });
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_metric_is_a_number_of_the_line() {
        let delivery =
            Delivery { partition: "kafka/shop-01234567/orders/0".to_string(), records: vec![] };
        let now = DateTime::from_timestamp(1_795_216_079, 0).expect("in range");
        let took = Duration::from_millis(12);
        let report =
            Report { stored: 3, redelivered: 2, is_new_epoch: true, epoch: 2, ..Report::default() };
        let lines = [
            line(&delivery, &report, "minutes", took, now),
            error_line(&delivery, &StreamError::OutOfTime, "minutes", took, now),
        ];
        for (line, level) in lines.iter().zip(["WARN", "ERROR"]) {
            assert!(!line.contains('\n'));
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(
                (&line["level"], &line["partition"]),
                (&json!(level), &json!(delivery.partition))
            );
            for metric in
                line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().expect("a list")
            {
                let name = metric["Name"].as_str().expect("a name");
                assert!(line[name].is_u64(), "{name} is {}", line[name]);
            }
        }
    }
}
