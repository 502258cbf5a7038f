//! What is wrong, by what is known, and what mends it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::commands::clock;
use crate::commands::doctor::facts::Facts;

/// How long chunks may wait while none is counted.
const IDLE_MAX: TimeDelta = TimeDelta::minutes(15);

/// How old the report of the last run of `rollup` may be. It runs every minute.
const REPORT_AGE_MAX: TimeDelta = TimeDelta::minutes(5);

/// How long after its end an hour may be open. Sealing takes 13 minutes.
const OPEN_MAX: TimeDelta = TimeDelta::hours(1);

/// The share of rejected lines that needs care, in percent.
const REJECTED_PERCENT_MAX: u64 = 5;

/// How wrong the clock of this machine may be, in seconds. AWS refuses requests beyond 300.
const SKEW_SECONDS_MAX: i64 = 60;

/// How many reasons are named.
const REASONS_NAMED: usize = 3;

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// What programs know it by.
    pub(super) name: &'static str,
    /// One sentence.
    pub(super) what: String,
    /// What mends it, as a command where one does.
    pub(super) mend: String,
}

/// What is wrong, the most urgent first: what cannot be read, what may lose numbers, what stops
/// counting, calls that fail, lines that do not count, and then the rest.
pub(super) fn of(facts: &Facts) -> Vec<Finding> {
    let checks: [fn(&Facts) -> Vec<Finding>; 9] =
        [unreadable, status, counting, sealing, dead_letters, api, keys, lines, clock_and_alarms];
    checks.into_iter().flat_map(|check| check(facts)).collect()
}

fn finding(name: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { name, what: what.into(), mend: mend.into() }
}

impl Facts {
    /// A command of ours about this stack.
    fn minutebook(&self, command: &str) -> String {
        match &self.stack {
            Some(stack) if self.is_named => format!("minutebook {command} --stack {stack}"),
            _ => format!("minutebook {command}"),
        }
    }

    /// A command that shows the log of a function.
    fn log(&self, function: &str) -> String {
        match &self.stack {
            Some(stack) => format!("aws logs tail /aws/lambda/{stack}-{function} --since 1h"),
            None => format!("look into the log of {function}"),
        }
    }
}

fn unreadable(facts: &Facts) -> Vec<Finding> {
    let mend = |why: &str| {
        let is_forbidden = ["AccessDenied", "not authorized"].iter().any(|text| why.contains(text));
        match is_forbidden {
            true => "give these credentials the permission, or use others with --profile",
            false => "see docs/OPERATIONS.md#rebuild-the-table if a part of the stack is gone",
        }
    };
    let found = |(what, why): &(&'static str, String)| {
        finding("unreadable", format!("{what} cannot be read: {why}"), mend(why))
    };
    facts.unreadable.iter().map(found).collect()
}

fn status(facts: &Facts) -> Vec<Finding> {
    let (Some(status), Some(stack)) = (&facts.status, &facts.stack) else { return Vec::new() };
    if !status.ends_with("_FAILED") {
        return Vec::new();
    }
    let mend = match status.as_str() {
        "UPDATE_ROLLBACK_FAILED" => {
            format!("aws cloudformation continue-update-rollback --stack-name {stack}")
        }
        "DELETE_FAILED" => facts.minutebook("destroy"),
        _ => facts.minutebook("deploy"),
    };
    vec![finding("stack", format!("the stack is {status}"), mend)]
}

fn counting(facts: &Facts) -> Vec<Finding> {
    let disabled = facts.mappings.iter().filter(|mapping| mapping.state.starts_with("Disabl"));
    let mut found: Vec<Finding> = disabled
        .map(|mapping| {
            finding(
                "mapping",
                format!(
                    "ingest gets nothing from {}: its mapping is {}; waiting: {}",
                    mapping.event_source_arn,
                    mapping.state,
                    count(facts.waiting, "chunk")
                ),
                format!("aws lambda update-event-source-mapping --uuid {} --enabled", mapping.uuid),
            )
        })
        .collect();
    let is_idle = facts.last_committed_at.is_none_or(|at| facts.now - at > IDLE_MAX);
    if found.is_empty() && facts.waiting > 0 && facts.in_flight == 0 && is_idle {
        let since = |at: DateTime<Utc>| format!("since {}", clock::rfc3339(at));
        let since = facts.last_committed_at.map_or_else(|| "yet".to_owned(), since);
        found.push(finding(
            "counting",
            format!("{} in the queue, and none was counted {since}", count(facts.waiting, "chunk")),
            facts.log("ingest"),
        ));
    }
    found
}

fn sealing(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let oldest = facts.sealing.as_ref().and_then(|lag| lag.oldest_open_hour);
    let open_for = oldest.map_or(TimeDelta::zero(), |hour| facts.now - hour.end());
    let waiting = count(facts.sealing.as_ref().map_or(0, |lag| lag.hours_waiting), "hour");
    let kept = facts.retention_days.map(|days| TimeDelta::days(days.minutes.into()));
    let is_late = kept.is_some_and(|kept| !kept.is_zero() && open_for > kept / 2);
    if facts.rollup_enabled == Some(false) {
        let rule = facts.stack.clone().unwrap_or_default();
        found.push(finding(
            "rule",
            format!("rollup does not run: its rule is disabled; waiting: {waiting}"),
            format!("aws events enable-rule --name {rule}-rollup"),
        ));
    } else if let Some(lag) = &facts.sealing
        && facts.now.signed_duration_since(lag.at) > REPORT_AGE_MAX
    {
        let at = clock::rfc3339(lag.at);
        found.push(finding("rollup", format!("rollup last reported {at}"), facts.log("rollup")));
    }
    if open_for > OPEN_MAX {
        let hours = open_for.num_hours();
        let loss = match (is_late, kept) {
            (true, Some(kept)) => {
                format!("; its minutes are lost {} hours after its end", kept.num_hours())
            }
            _ => String::new(),
        };
        found.push(finding(
            "sealing",
            format!("{waiting} not rolled up, of which the oldest ended {hours} hours ago{loss}"),
            facts.log("rollup"),
        ));
    }
    found
}

fn dead_letters(facts: &Facts) -> Vec<Finding> {
    if facts.dead_letters == 0 {
        return Vec::new();
    }
    let reasons = most(&facts.dead_reasons);
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({reasons})") };
    vec![finding(
        "dead_letters",
        format!(
            "{} that could not be counted{reasons}: they are kept for 14 days",
            count(facts.dead_letters, "dead letter")
        ),
        facts.minutebook("replay --dead-letters --wait"),
    )]
}

fn api(facts: &Facts) -> Vec<Finding> {
    let what = match &facts.health {
        None | Some(Ok(200)) => return Vec::new(),
        Some(Ok(status)) => format!("the API answers {status} to /health"),
        Some(Err(why)) => format!("the API does not answer: {why}"),
    };
    vec![finding("api", what, facts.log("api"))]
}

fn keys(facts: &Facts) -> Vec<Finding> {
    if !facts.lacks_key {
        return Vec::new();
    }
    let what = "questions or posts need a key, and there is none";
    vec![finding("keys", what, facts.minutebook("keys add --all-sites --role admin"))]
}

fn lines(facts: &Facts) -> Vec<Finding> {
    let hour = &facts.last_hour;
    let mut found = Vec::new();
    let bucket = facts.rejected_bucket.as_deref().unwrap_or("the bucket for rejected lines");
    if hour.rejected * 100 > hour.lines * REJECTED_PERCENT_MAX {
        found.push(finding(
            "rejected",
            format!(
                "{} of {} lines of the last hour were rejected ({})",
                hour.rejected,
                hour.lines,
                most(&hour.rejected_by_reason)
            ),
            format!(
                "aws s3 ls --recursive s3://{bucket}/ has them; `minutebook check FILE` says why"
            ),
        ));
    }
    if hour.refused > 0 {
        found.push(finding(
            "refused",
            format!(
                "{} of the last hour refused: they cannot be read",
                count(hour.refused, "file")
            ),
            "docs/OPERATIONS.md#refused-files says how to find them",
        ));
    }
    if hour.rejected_by_reason.contains_key("too_many_sites") {
        found.push(finding(
            "sites",
            "there are more sites than SitesMax: events of further ones are rejected",
            facts.minutebook("deploy --parameter SitesMax=<more>"),
        ));
    }
    found
}

fn clock_and_alarms(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let skew = facts.skew_seconds;
    if skew.abs() > SKEW_SECONDS_MAX {
        let direction = if skew > 0 { "fast" } else { "slow" };
        found.push(finding(
            "clock",
            format!("the clock of this machine is {} s {direction}", skew.abs()),
            "timedatectl set-ntp true",
        ));
    }
    found.extend(facts.alarms.iter().map(|alarm| {
        finding(
            "alarm",
            format!("the alarm {} rings: {:?}", alarm.name, alarm.description),
            "docs/OPERATIONS.md#alarms says what to do",
        )
    }));
    found
}

/// So many of something.
fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// The most frequent reasons with their counts.
fn most(reasons: &BTreeMap<String, u64>) -> String {
    let mut sorted: Vec<(&String, &u64)> = reasons.iter().collect();
    sorted.sort_by_key(|(_, count)| Reverse(**count));
    let named = sorted.iter().take(REASONS_NAMED);
    named.map(|(reason, count)| format!("{reason}: {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::facts::LastHour;
    use crate::rows::hour_named;
    use crate::rows::records::lag::SealingLag;
    use crate::stack::calls::watched::{Alarm, Mapping};
    use crate::stack::endpoints::RetentionDays;

    fn now() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    /// A stack with which all is well.
    fn healthy() -> Facts {
        let lag = SealingLag { at: now(), hours_waiting: 0, oldest_open_hour: None };
        Facts {
            stack: Some("shop".to_owned()),
            is_named: true,
            status: Some("UPDATE_COMPLETE".to_owned()),
            health: Some(Ok(200)),
            mappings: vec![mapping("Enabled")],
            rollup_enabled: Some(true),
            sealing: Some(lag),
            last_committed_at: Some(now()),
            retention_days: Some(RetentionDays { minutes: 7, hours: 400, days: 0 }),
            rejected_bucket: Some("rejected".to_owned()),
            ..Facts::nothing(now())
        }
    }

    fn mapping(state: &str) -> Mapping {
        Mapping {
            uuid: "u-1".to_owned(),
            state: state.to_owned(),
            event_source_arn: "arn:queue".to_owned(),
        }
    }

    fn oldest(hour: &str, at: &str) -> Option<SealingLag> {
        let at = at.parse().unwrap();
        Some(SealingLag { at, hours_waiting: 3, oldest_open_hour: hour_named(hour) })
    }

    fn reasons(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect()
    }

    /// The first finding of a stack, in two lines.
    fn first(facts: &Facts) -> String {
        let findings = of(facts);
        findings.first().map_or_else(String::new, |first| format!("{}\n{}", first.what, first.mend))
    }

    #[test]
    fn all_is_well_with_a_healthy_stack_or_one_of_which_nothing_is_known() {
        assert_eq!(of(&healthy()), []);
        assert_eq!(of(&Facts::nothing(now())), []);
        let busy = Facts { waiting: 7, in_flight: 3, last_committed_at: None, ..healthy() };
        assert_eq!(of(&busy), []);
        let working =
            Facts { sealing: oldest("2026-11-21T10", "2026-11-21T11:56:00Z"), ..healthy() };
        assert_eq!(of(&working), []);
    }

    #[test]
    fn each_broken_stack_is_told_by_what_is_wrong_with_it_and_what_mends_it() {
        let why = "cannot read the table t: AccessDeniedException: not authorized".to_owned();
        let alarm = Alarm { name: "shop-A".to_owned(), description: "It rings".to_owned() };
        for (facts, expected) in [
            (
                Facts { unreadable: vec![("the table", why)], ..healthy() },
                "the table cannot be read: cannot read the table t: AccessDeniedException: not \
                 authorized\ngive these credentials the permission, or use others with --profile",
            ),
            (
                Facts { status: Some("UPDATE_ROLLBACK_FAILED".to_owned()), ..healthy() },
                "the stack is UPDATE_ROLLBACK_FAILED\n\
                 aws cloudformation continue-update-rollback --stack-name shop",
            ),
            (
                Facts { mappings: vec![mapping("Disabled")], waiting: 2, ..healthy() },
                "ingest gets nothing from arn:queue: its mapping is Disabled; waiting: 2 chunks\n\
                 aws lambda update-event-source-mapping --uuid u-1 --enabled",
            ),
            (
                Facts {
                    waiting: 9,
                    last_committed_at: Some("2026-11-21T11:44:59Z".parse().unwrap()),
                    ..healthy()
                },
                "9 chunks in the queue, and none was counted since 2026-11-21T11:44:59Z\n\
                 aws logs tail /aws/lambda/shop-ingest --since 1h",
            ),
            (
                Facts { rollup_enabled: Some(false), ..healthy() },
                "rollup does not run: its rule is disabled; waiting: 0 hours\n\
                 aws events enable-rule --name shop-rollup",
            ),
            (
                Facts { sealing: oldest("2026-11-21T11", "2026-11-21T11:54:00Z"), ..healthy() },
                "rollup last reported 2026-11-21T11:54:00Z\n\
                 aws logs tail /aws/lambda/shop-rollup --since 1h",
            ),
            (
                Facts { sealing: oldest("2026-11-17T11", "2026-11-21T11:59:00Z"), ..healthy() },
                "3 hours not rolled up, of which the oldest ended 96 hours ago; its minutes are \
                 lost 168 hours after its end\naws logs tail /aws/lambda/shop-rollup --since 1h",
            ),
            (
                Facts {
                    dead_letters: 3,
                    dead_reasons: reasons(&[
                        ("the object is gone", 1),
                        ("it can be counted now", 2),
                    ]),
                    ..healthy()
                },
                "3 dead letters that could not be counted (it can be counted now: 2, the object is \
                 gone: 1): they are kept for 14 days\n\
                 minutebook replay --dead-letters --wait --stack shop",
            ),
            (
                Facts { health: Some(Ok(503)), ..healthy() },
                "the API answers 503 to /health\naws logs tail /aws/lambda/shop-api --since 1h",
            ),
            (
                Facts { lacks_key: true, ..healthy() },
                "questions or posts need a key, and there is none\n\
                 minutebook keys add --all-sites --role admin --stack shop",
            ),
            (
                Facts {
                    last_hour: LastHour {
                        lines: 100,
                        rejected: 6,
                        rejected_by_reason: reasons(&[("future", 5), ("json", 1)]),
                        refused: 1,
                    },
                    ..healthy()
                },
                "6 of 100 lines of the last hour were rejected (future: 5, json: 1)\n\
                 aws s3 ls --recursive s3://rejected/ has them; `minutebook check FILE` says why",
            ),
            (
                Facts { skew_seconds: -61, ..healthy() },
                "the clock of this machine is 61 s slow\ntimedatectl set-ntp true",
            ),
            (
                Facts { alarms: vec![alarm], ..healthy() },
                "the alarm shop-A rings: \"It rings\"\ndocs/OPERATIONS.md#alarms says what to do",
            ),
        ] {
            assert_eq!(first(&facts), expected);
        }
    }

    #[test]
    fn what_loses_numbers_comes_before_what_waits_and_what_waits_before_what_rings() {
        let alarm = Alarm { name: "shop-A".to_owned(), description: String::new() };
        let facts = Facts {
            alarms: vec![alarm],
            lacks_key: true,
            dead_letters: 1,
            mappings: vec![mapping("Disabled")],
            rollup_enabled: Some(false),
            health: Some(Err("away".to_owned())),
            ..healthy()
        };
        let names: Vec<&str> = of(&facts).iter().map(|finding| finding.name).collect();
        assert_eq!(names, ["mapping", "rule", "dead_letters", "api", "keys", "alarm"]);
    }
}
