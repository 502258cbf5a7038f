//! Log lines that CloudWatch also reads as metrics.
//!
//! **Source**: the embedded metric format,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The namespace of all metrics, as the template's alarms name it.
pub const NAMESPACE: &str = "minutebook";

/// The member `_aws` of a line: which of the other members are metrics, with their units, and which
/// are dimensions.
pub fn metric_directive(
    metrics: &[(&str, &str)],
    dimensions: &[&str],
    now: DateTime<Utc>,
) -> Value {
    let metrics: Vec<Value> =
        metrics.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
    json!({
        "Timestamp": now.timestamp_millis(),
        "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_has_the_shape_that_cloudwatch_reads() {
        let now = DateTime::from_timestamp(1_795_216_079, 0).expect("in range");
        let expected = json!({
            "Timestamp": 1_795_216_079_000_i64,
            "CloudWatchMetrics": [{
                "Namespace": "minutebook",
                "Dimensions": [["service", "table"]],
                "Metrics": [{"Name": "lines", "Unit": "Count"}],
            }],
        });
        assert_eq!(metric_directive(&[("lines", "Count")], &["service", "table"], now), expected);
    }
}
