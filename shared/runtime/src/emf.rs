//! Log lines that CloudWatch also reads as metrics.
//!
//! CloudWatch bills a metric for each hour in which it is written, whatever its value. So there are
//! few, and a number that is zero is a member of the line but no metric: a deployment at rest writes
//! none.
//!
//! **Source**: the embedded metric format,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The namespace of all metrics, as the template's alarms name it.
pub const NAMESPACE: &str = "minutebook";

/// The members of a line that distinguish its metrics. The name of the table is that of the
/// deployment: an alarm of one must not react to another of the same account.
pub const DIMENSIONS: [&str; 2] = ["service", "table"];

/// A number of a log line that is also a metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// The function that writes it, as its lines name it.
    pub service: &'static str,
    /// The member of the line.
    pub name: &'static str,
    /// Its unit, as CloudWatch spells it.
    pub unit: &'static str,
}

impl Metric {
    const fn of_ingest(name: &'static str, unit: &'static str) -> Metric {
        Metric { service: "ingest", name, unit }
    }

    const fn of_rollup(name: &'static str, unit: &'static str) -> Metric {
        Metric { service: "rollup", name, unit }
    }

    /// The metric of a line that has this value; none of zero.
    pub fn unless_zero<N: Default + PartialEq>(self, value: N) -> Option<Metric> {
        (value != N::default()).then_some(self)
    }
}

/// Events that were counted.
pub const EVENTS: Metric = Metric::of_ingest("events", "Count");
/// Lines that were rejected.
pub const REJECTED: Metric = Metric::of_ingest("rejected", "Count");
/// Attempts at objects, or at records of a partition, that failed.
pub const FAILED: Metric = Metric::of_ingest("failed", "Count");
/// Transactions that the table throttled, of chunks that were counted.
pub const THROTTLES: Metric = Metric::of_ingest("throttles", "Count");
/// Records of streams that were stored.
pub const RECORDS_STORED: Metric = Metric::of_ingest("records_stored", "Count");
/// How long ago the oldest hour ended that waits to be rolled up.
pub const OLDEST_OPEN_HOUR_AGE_SECONDS: Metric =
    Metric::of_rollup("oldest_open_hour_age_seconds", "Seconds");
/// The share of the lines of the last hour that were rejected; 100 if a file was refused.
pub const REJECTED_PERCENT: Metric = Metric::of_rollup("rejected_percent", "Percent");

/// Every metric that any function writes.
pub const METRICS: [Metric; 7] = [
    EVENTS,
    REJECTED,
    FAILED,
    THROTTLES,
    RECORDS_STORED,
    OLDEST_OPEN_HOUR_AGE_SECONDS,
    REJECTED_PERCENT,
];

/// The member `_aws` of a line: which of its other members are metrics, with their units, and which
/// are dimensions; `None` for a line without a metric.
pub fn metric_directive(
    metrics: impl IntoIterator<Item = Option<Metric>>,
    now: DateTime<Utc>,
) -> Option<Value> {
    let metrics: Vec<Value> = metrics
        .into_iter()
        .flatten()
        .map(|metric| json!({"Name": metric.name, "Unit": metric.unit}))
        .collect();
    if metrics.is_empty() {
        return None;
    }
    Some(json!({
        "Timestamp": now.timestamp_millis(),
        "CloudWatchMetrics": [
            {"Namespace": NAMESPACE, "Dimensions": [DIMENSIONS], "Metrics": metrics},
        ],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

    /// AWS bills each: so many alarms has a deployment with a pager and without streams.
    const ALARMS: usize = 8;

    #[test]
    fn a_directive_has_the_shape_that_cloudwatch_reads() {
        let now = DateTime::from_timestamp(1_795_216_079, 0).expect("in range");
        let expected = json!({
            "Timestamp": 1_795_216_079_000_i64,
            "CloudWatchMetrics": [{
                "Namespace": "minutebook",
                "Dimensions": [["service", "table"]],
                "Metrics": [{"Name": "events", "Unit": "Count"}],
            }],
        });
        let metrics = [EVENTS.unless_zero(3_u64), REJECTED.unless_zero(0_u64)];
        assert_eq!(metric_directive(metrics, now), Some(expected));
        assert_eq!(metric_directive([REJECTED_PERCENT.unless_zero(0.0)], now), None);
    }

    #[test]
    fn there_are_few_metrics_and_each_is_listed_once() {
        let names: BTreeSet<(&str, &str)> =
            METRICS.iter().map(|metric| (metric.service, metric.name)).collect();
        assert_eq!(names.len(), METRICS.len());
        assert!(METRICS.len() <= 8, "each costs 30 cents a month");
    }

    /// The resources of a type in the template, by name; one ends before the next empty line.
    fn resources(kind: &str) -> Vec<(&'static str, &'static str)> {
        let head = format!(":\n    Type: {kind}\n");
        let starts = TEMPLATE.match_indices(&head).map(|(at, _)| at);
        starts
            .map(|at| {
                let name = TEMPLATE[..at].rsplit([' ', '\n']).next().unwrap_or_default();
                (name, TEMPLATE[at..].split("\n\n").next().unwrap_or_default())
            })
            .collect()
    }

    /// What follows `name: ` in a resource, up to a comma or the end of the line.
    fn property<'a>(resource: &'a str, name: &str) -> Option<&'a str> {
        let (_, value) = resource.split_once(&format!("{name}: "))?;
        value.split([',', '\n']).next()
    }

    #[test]
    fn each_alarm_reads_a_metric_of_aws_or_one_that_is_written_with_its_dimensions() {
        let alarms = resources("AWS::CloudWatch::Alarm");
        let mut own = BTreeSet::new();
        for (name, alarm) in &alarms {
            let namespace = property(alarm, "Namespace").expect("a namespace");
            if namespace != NAMESPACE {
                assert!(namespace.starts_with("AWS/"), "{name} reads {namespace}");
                continue;
            }
            let metric = property(alarm, "MetricName").expect("a metric");
            let is_its = |metric: &Metric| {
                let [service, table] = DIMENSIONS;
                alarm.contains(&format!(
                    "Dimensions: [{{ Name: {service}, Value: {} }}, \
                     {{ Name: {table}, Value: !Ref Table }}]",
                    metric.service
                ))
            };
            let of_name = METRICS.iter().find(|listed| listed.name == metric && is_its(listed));
            assert!(of_name.is_some(), "nothing writes what {name} reads: {alarm}");
            own.insert(metric);
        }
        assert_eq!(own, BTreeSet::from(["failed", "rejected_percent", "throttles"]));
        let of_streams = ["AlarmOnKinesis", "AlarmOnKafka"].map(|condition| {
            let has_it = |alarm: &str| property(alarm, "Condition") == Some(condition);
            alarms.iter().filter(|(_, alarm)| has_it(alarm)).count()
        });
        assert_eq!(of_streams, [1, 1]);
        let composite = resources("AWS::CloudWatch::CompositeAlarm");
        assert_eq!(alarms.len() + composite.len(), ALARMS + of_streams.len(), "{alarms:?}");
    }

    #[test]
    fn the_pager_is_called_by_every_alarm() {
        let composite = resources("AWS::CloudWatch::CompositeAlarm");
        let [(_, pager)] = composite[..] else { panic!("{composite:?}") };
        for (name, _) in resources("AWS::CloudWatch::Alarm") {
            assert!(pager.contains(&format!("ALARM(\"${{{name}}}\")")), "{name}: {pager}");
        }
    }

    #[test]
    fn the_dashboard_shows_metrics_that_are_written() {
        let dashboards = resources("AWS::CloudWatch::Dashboard");
        let [(_, dashboard)] = dashboards[..] else { panic!("{dashboards:?}") };
        let shown: BTreeSet<&str> = dashboard
            .split("[\"minutebook\",")
            .skip(1)
            .filter_map(|metric| metric.split(']').next())
            .collect();
        let written = METRICS.iter().map(|Metric { name, service, .. }| {
            format!("\"{name}\",\"service\",\"{service}\",\"table\",\"${{Table}}\"")
        });
        let written: BTreeSet<String> = written.collect();
        assert_eq!(shown, written.iter().map(String::as_str).collect());
    }
}
