//! The summary line of a delivery: one line of JSON for each partition. CloudWatch reads one of its
//! members as a metric.

use std::time::Duration;

use chrono::{DateTime, Utc};
use minutebook_runtime::emf::{FAILED, RECORDS_STORED, metric_directive};
use serde_json::{Value, json};

use crate::stream::event::Delivery;
use crate::stream::{Report, StreamError};

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
    let aws = metric_directive([RECORDS_STORED.unless_zero(report.stored)], now);
    let line = json!({
        "level": level,
        "message": message,
        "service": RECORDS_STORED.service,
        "table": table,
        "partition": delivery.partition,
        "epoch": report.epoch,
        "keys": report.keys,
        "records_stored": report.stored,
        "records_empty": report.empty,
        "records_redelivered": report.redelivered,
        "duration_ms": took.as_millis(),
    });
    with_metrics(line, aws)
}

/// The line of a delivery that Lambda delivers again.
pub fn error_line(
    delivery: &Delivery,
    error: &StreamError,
    table: &str,
    took: Duration,
    now: DateTime<Utc>,
) -> String {
    let aws = metric_directive([Some(FAILED)], now);
    let line = json!({
        "level": "ERROR",
        "message": "the records are not all stored; Lambda delivers them again",
        "service": FAILED.service,
        "table": table,
        "partition": delivery.partition,
        "error": error.to_string(),
        "failed": 1,
        "duration_ms": took.as_millis(),
    });
    with_metrics(line, aws)
}

fn with_metrics(mut line: Value, aws: Option<Value>) -> String {
    if let Some(aws) = aws {
        line["_aws"] = aws;
    }
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metric_of_a_line_is_one_of_its_numbers_unless_it_is_zero() {
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
        for (line, level, metric) in
            [(&lines[0], "WARN", "records_stored"), (&lines[1], "ERROR", "failed")]
        {
            assert!(!line.contains('\n'));
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(
                (&line["level"], &line["partition"]),
                (&json!(level), &json!(delivery.partition))
            );
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(directive["Metrics"], json!([{"Name": metric, "Unit": "Count"}]));
            assert_eq!(directive["Dimensions"][0], json!(["service", "table"]));
            assert!(line[metric].is_u64() && line["table"] == "minutes", "{line}");
            assert_eq!(line["service"], "ingest");
        }
        let empty = Report { redelivered: 2, ..Report::default() };
        let line = line(&delivery, &empty, "minutes", took, now);
        assert!(!line.contains("_aws"), "{line}");
    }
}
