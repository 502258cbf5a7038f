//! What `replay` did, or would do, with each object.

use anyhow::{Result, bail};
use serde_json::json;

use crate::commands::clock;
use crate::rows::ledger::Counts;
use crate::stack::objects::Object;
use crate::terminal::escape::shown;

/// How many objects an error names.
const NAMED_MAX: usize = 10;

/// What happened to an object, or would happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its message was sent; `replay` did not wait for it.
    Sent,
    /// It was deleted or replaced.
    Gone,
    AlreadyCounted,
    /// An object before it has the same key and bytes: both are one chunk, which is counted once.
    SameBytes,
    Counted(Counts),
    /// It is refused as a whole, for this reason.
    Refused(String),
    /// It was refused before.
    AlreadyRefused,
    /// It was not counted within the time.
    NotCounted,
    /// It is counted in part: the missing transactions, as sentences.
    WouldFinish(Vec<String>),
    WouldCount(Counts),
    /// It cannot be counted, for this reason.
    WouldRefuse(String),
}

#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) dry_run: bool,
    /// The objects that were sent or looked at.
    pub(super) objects: Vec<(Object, Outcome)>,
    /// The ids of dead letters that name no object, and whether each is a notification of S3.
    pub(super) empty_letters: Vec<(String, bool)>,
    /// How many dead letters were selected, and how many were not; `None` without `--dead-letters`.
    pub(super) letters: Option<(usize, usize)>,
    /// Why the wait ended before everything was counted.
    pub(super) gave_up: Option<String>,
}

impl Outcome {
    /// Why an object with this forecast may have become a dead letter.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Gone => "the object is gone",
            Self::AlreadyCounted | Self::SameBytes | Self::Counted(_) => "it is counted by now",
            Self::Refused(_) | Self::AlreadyRefused | Self::WouldRefuse(_) => {
                "the file can never be counted"
            }
            Self::WouldFinish(_) => "it is counted in part",
            Self::WouldCount(_) | Self::Sent | Self::NotCounted => "it can be counted now",
        }
    }

    fn state(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Gone => "gone",
            Self::AlreadyCounted => "already_counted",
            Self::SameBytes => "same_bytes",
            Self::Counted(_) => "counted",
            Self::NotCounted => "not_counted",
            Self::WouldFinish(_) => "would_finish",
            Self::WouldCount(_) => "would_count",
            Self::Refused(_) => "refused",
            Self::AlreadyRefused => "already_refused",
            Self::WouldRefuse(_) => "would_refuse",
        }
    }

    fn sentence(&self, dry_run: bool) -> String {
        match self {
            Self::Sent => "sent".to_owned(),
            Self::Gone => "deleted or replaced: nothing to count".to_owned(),
            Self::AlreadyCounted if dry_run => "already counted: nothing would change".to_owned(),
            Self::AlreadyCounted => "already counted: nothing added".to_owned(),
            Self::SameBytes if dry_run => {
                "the same bytes as a version above: nothing more would change".to_owned()
            }
            Self::SameBytes => "the same bytes as a version above: nothing added".to_owned(),
            Self::Counted(counts) => format!("counted: {}", lines(counts, "")),
            Self::NotCounted => "not counted".to_owned(),
            Self::WouldFinish(missing) => match missing.as_slice() {
                [first, _, ..] => {
                    format!("{first}, and {} more: they would be finished", missing.len() - 1)
                }
                missing => format!("{}: it would be finished", missing.concat()),
            },
            Self::WouldCount(counts) => {
                format!("not counted: {}", lines(counts, " would be counted"))
            }
            Self::Refused(why) => format!("refused: {why}"),
            Self::AlreadyRefused if dry_run => "already refused: nothing would change".to_owned(),
            Self::AlreadyRefused => "already refused: nothing changed".to_owned(),
            Self::WouldRefuse(why) => format!("it {why}: it would be refused"),
        }
    }
}

/// How many of the lines were counted, and what happened to the others.
fn lines(counts: &Counts, would_be: &str) -> String {
    let Counts { lines, counted, ignored, duplicate, rejected, .. } = counts;
    format!(
        "{counted} of {lines} lines{would_be} ({ignored} ignored, {duplicate} duplicate, {rejected} \
         rejected)"
    )
}

impl Report {
    /// The sum over all objects that were counted, or would be.
    fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        for (_, outcome) in &self.objects {
            if let Outcome::Counted(counts) | Outcome::WouldCount(counts) = outcome {
                sum.add(counts);
            }
        }
        sum
    }

    /// The whole run in one line.
    fn summary(&self) -> String {
        let begin = if self.dry_run { "dry run, nothing was sent" } else { "replayed" };
        let mut parts = vec![plural(self.objects.len(), "object", "objects")];
        let count = |state: &str| {
            self.objects.iter().filter(|(_, outcome)| outcome.state() == state).count()
        };
        let sum = self.sum();
        let (counted, lines) = (sum.counted, sum.lines);
        for (state, what) in [
            ("already_counted", "already counted".to_owned()),
            ("same_bytes", "with the same bytes as another".to_owned()),
            ("counted", format!("counted now ({counted} of {lines} lines)")),
            ("would_count", format!("would be counted ({counted} of {lines} lines)")),
            ("would_finish", "would be finished".to_owned()),
            ("would_refuse", "would be refused".to_owned()),
            ("already_refused", "already refused".to_owned()),
            ("refused", "refused".to_owned()),
            ("not_counted", "not counted".to_owned()),
            ("gone", "deleted or replaced".to_owned()),
        ] {
            let number = count(state);
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        if let Some((selected, others)) = self.letters {
            parts.insert(0, plural(selected, "dead letter", "dead letters"));
            if others > 0 {
                parts.push(format!(
                    "{} not selected",
                    plural(others, "dead letter", "dead letters")
                ));
            }
        }
        format!("{begin}: {}", parts.join(", "))
    }

    /// # Errors
    /// An object was not counted within the time, or was refused.
    pub(super) fn check(&self) -> Result<()> {
        let Some(reason) = &self.gave_up else {
            let refused = self.objects.iter();
            let refused = refused.filter(|(_, outcome)| matches!(outcome, Outcome::Refused(_)));
            return match refused.count() {
                0 => Ok(()),
                count => bail!("{count} of {} objects refused", self.objects.len()),
            };
        };
        let waiting = self.objects.iter().filter(|(_, outcome)| *outcome == Outcome::NotCounted);
        let names: Vec<String> = waiting.map(|(object, _)| object.address()).collect();
        let more = names.len().saturating_sub(NAMED_MAX);
        let mut list = names[..names.len() - more].join(", ");
        if more > 0 {
            list.push_str(&format!(" and {more} more"));
        }
        bail!("{} of {} objects not counted, {reason}: {list}", names.len(), self.objects.len());
    }
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// What happened to a dead letter that names no object, or would happen.
fn empty_letter(is_notification: bool, dry_run: bool) -> &'static str {
    match (is_notification, dry_run) {
        (true, true) => "names no object: it would be sent, and nothing would change",
        (true, false) => "names no object: sent",
        (false, true) => "is not a notification of S3: it would end in the dead letters again",
        (false, false) => "is not a notification of S3: sent",
    }
}

pub(super) fn report_text(report: &Report) -> String {
    let mut text = String::new();
    for (object, outcome) in &report.objects {
        let line = format!("{}: {}", object.address(), outcome.sentence(report.dry_run));
        text.push_str(&format!("{}\n", shown(&line)));
    }
    for (id, is_notification) in &report.empty_letters {
        text.push_str(&format!(
            "message {} {}\n",
            shown(id),
            empty_letter(*is_notification, report.dry_run)
        ));
    }
    text.push_str(&format!("{}\n", report.summary()));
    text
}

pub(super) fn report_json(report: &Report) -> serde_json::Value {
    let objects = report.objects.iter().map(|(object, outcome)| {
        let mut json = json!({
            "bucket": object.bucket,
            "key": object.key,
            "version_id": object.version,
            "bytes": object.size_bytes,
            "time": object.time.map(clock::rfc3339),
            "state": outcome.state(),
            "sentence": outcome.sentence(report.dry_run),
        });
        if let Outcome::Counted(counts) | Outcome::WouldCount(counts) = outcome {
            counts.add_to(&mut json);
        }
        json
    });
    let objects: Vec<serde_json::Value> = objects.collect();
    let empty_letters = report.empty_letters.iter().map(|(id, is_notification)| {
        let sentence = empty_letter(*is_notification, report.dry_run);
        json!({ "message_id": id, "sentence": sentence })
    });
    let empty_letters: Vec<serde_json::Value> = empty_letters.collect();
    let mut json =
        json!({ "dry_run": report.dry_run, "objects": objects, "summary": report.summary() });
    if let Some((selected, others)) = report.letters {
        json["dead_letters"] =
            json!({ "meant": selected, "left": others, "without_objects": empty_letters });
    }
    let mut sum = json!({});
    report.sum().add_to(&mut sum);
    json["sum"] = sum;
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, time: &str) -> Object {
        Object {
            bucket: "raw".to_owned(),
            key: key.to_owned(),
            version: Some("v1".to_owned()),
            etag: Some("abc".to_owned()),
            size_bytes: Some(9),
            time: time.parse().ok(),
        }
    }

    fn numbers(lines: u64) -> Counts {
        let rejected_by_reason = [("not_json".to_owned(), 1)].into();
        Counts {
            lines,
            counted: lines - 1,
            rejected: 1,
            rejected_by_reason,
            events: lines,
            ..Counts::default()
        }
    }

    #[test]
    fn a_dry_run_says_what_would_change() {
        let missing = |count: u64| {
            (1..=count).map(|part| format!("part {part} of 5 is not counted yet")).collect()
        };
        let outcomes = [
            Outcome::AlreadyCounted,
            Outcome::WouldFinish(missing(1)),
            Outcome::WouldFinish(missing(3)),
            Outcome::WouldCount(numbers(10)),
            Outcome::WouldRefuse("cannot be unpacked: it is cut".to_owned()),
            Outcome::Gone,
            Outcome::SameBytes,
            Outcome::AlreadyRefused,
        ];
        let key = |index: usize| object(&format!("{index}.jsonl"), "2026-11-20T00:00:00Z");
        let objects = outcomes
            .into_iter()
            .enumerate()
            .map(|(index, outcome)| (key(index), outcome))
            .collect();
        let empty_letters = vec![("m1".to_owned(), true), ("m2".to_owned(), false)];
        let report =
            Report { dry_run: true, objects, empty_letters, letters: Some((9, 1)), gave_up: None };
        let expected = "\
s3://raw/0.jsonl (version v1): already counted: nothing would change
s3://raw/1.jsonl (version v1): part 1 of 5 is not counted yet: it would be finished
s3://raw/2.jsonl (version v1): part 1 of 5 is not counted yet, and 2 more: they would be finished
s3://raw/3.jsonl (version v1): not counted: 9 of 10 lines would be counted (0 ignored, 0 duplicate, 1 rejected)
s3://raw/4.jsonl (version v1): it cannot be unpacked: it is cut: it would be refused
s3://raw/5.jsonl (version v1): deleted or replaced: nothing to count
s3://raw/6.jsonl (version v1): the same bytes as a version above: nothing more would change
s3://raw/7.jsonl (version v1): already refused: nothing would change
message m1 names no object: it would be sent, and nothing would change
message m2 is not a notification of S3: it would end in the dead letters again
dry run, nothing was sent: 9 dead letters, 8 objects, 1 already counted, \
1 with the same bytes as another, 1 would be counted (9 of 10 lines), \
2 would be finished, 1 would be refused, 1 already refused, 1 deleted or replaced, 1 dead letter not selected
";
        assert_eq!(report_text(&report), expected);
        assert!(report.check().is_ok());
        let json = report_json(&report);
        assert_eq!(json["objects"][3]["rejected_by_reason"]["not_json"], 1);
        assert_eq!(
            (&json["objects"][1]["state"], &json["sum"]["lines"]),
            (&json!("would_finish"), &json!(10))
        );
        assert_eq!(json["dead_letters"]["without_objects"][1]["message_id"], "m2");
    }

    #[test]
    fn a_wait_reports_what_was_counted_and_what_was_not() {
        let outcomes = [
            Outcome::Counted(numbers(10)),
            Outcome::AlreadyCounted,
            Outcome::NotCounted,
            Outcome::NotCounted,
        ];
        let key = |index: usize| object(&format!("{index}.jsonl"), "2026-11-20T00:00:00Z");
        let objects = outcomes
            .into_iter()
            .enumerate()
            .map(|(index, outcome)| (key(index), outcome))
            .collect();
        let report = Report {
            objects,
            gave_up: Some("after 5 s (--timeout)".to_owned()),
            ..Report::default()
        };
        let expected = "\
s3://raw/0.jsonl (version v1): counted: 9 of 10 lines (0 ignored, 0 duplicate, 1 rejected)
s3://raw/1.jsonl (version v1): already counted: nothing added
s3://raw/2.jsonl (version v1): not counted
s3://raw/3.jsonl (version v1): not counted
replayed: 4 objects, 1 already counted, 1 counted now (9 of 10 lines), 2 not counted
";
        assert_eq!(report_text(&report), expected);
        assert_eq!(
            report.check().unwrap_err().to_string(),
            "2 of 4 objects not counted, after 5 s (--timeout): s3://raw/2.jsonl (version v1), s3://raw/3.jsonl (version v1)"
        );
    }

    #[test]
    fn a_refused_object_is_an_error_unless_it_was_refused_before() {
        let of = |outcome| {
            let objects = vec![(object("a.tar", ""), outcome)];
            Report { objects, ..Report::default() }
        };
        let refused = of(Outcome::Refused("the file is a tar archive".to_owned()));
        let expected = "\
s3://raw/a.tar (version v1): refused: the file is a tar archive
replayed: 1 object, 1 refused
";
        assert_eq!(report_text(&refused), expected);
        assert_eq!(refused.check().unwrap_err().to_string(), "1 of 1 objects refused");
        assert!(of(Outcome::AlreadyRefused).check().is_ok());
    }

    #[test]
    fn an_error_names_only_some_objects() {
        let waiting = |index: usize| (object(&format!("{index}"), ""), Outcome::NotCounted);
        let objects = (0..12).map(waiting).collect();
        let report = Report { objects, gave_up: Some("after 5 s".to_owned()), ..Report::default() };
        let error = report.check().unwrap_err().to_string();
        assert!(
            error.starts_with("12 of 12 objects not counted") && error.ends_with(" and 2 more"),
            "{error}"
        );
        let sent = Report { objects: vec![(object("a", ""), Outcome::Sent)], ..Report::default() };
        assert_eq!(report_text(&sent), "s3://raw/a (version v1): sent\nreplayed: 1 object\n");
    }
}
