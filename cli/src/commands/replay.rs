//! `minutebook replay`: objects and dead letters through ingest again, which adds only what was not
//! counted before.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use minutebook_oracle::{Settings, recount};
use serde_json::json;

use crate::commands::put::add_counts;
use crate::event_files::notification::{self, Notification};
use crate::event_files::waiting::Waiting;
use crate::proof::objects::counts;
use crate::rows::ledger::{self, Counts, Ledger};
use crate::stack::clock;
use crate::stack::context::Context;
use crate::stack::objects::{self, Object};
use crate::stack::queue::{self, HELD_MAX, Message, Queue};
use crate::terminal::progress;

/// How many objects are read, or batches of messages are sent, at once. An object that was not
/// counted is in memory as a whole in a dry run.
const CONCURRENCY: usize = 4;

/// How many objects an error names.
const NAMED_MAX: usize = 10;

#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Only objects whose keys begin with this
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only objects that were put at this time or later: RFC 3339, or a date
    #[arg(long, value_name = "TIME", value_parser = clock::parse_time_or_date)]
    from: Option<DateTime<Utc>>,
    /// Only objects that were put before this time: RFC 3339, or a date
    #[arg(long, value_name = "TIME", value_parser = clock::parse_time_or_date)]
    to: Option<DateTime<Utc>>,
    /// Every object there is
    #[arg(long, conflicts_with_all = ["prefix", "from", "to", "dead_letters"])]
    all: bool,
    /// The messages of the dead letters, instead of the objects of the bucket; they are taken out
    /// when they are sent
    ///
    /// With --prefix, --from or --to, those of which a record is about such an object; the time is
    /// that of the record.
    #[arg(long)]
    dead_letters: bool,
    /// Send nothing, and say what would change
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// Wait until everything is counted, and say what was counted
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    timeout: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which objects are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Selection {
    prefix: String,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

/// What became of an object, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was sent, and nobody waited.
    Sent,
    /// It was deleted or replaced.
    Gone,
    AlreadyCounted,
    /// So has an earlier one of these objects: both are one chunk, which is counted once.
    SameBytes,
    Counted(Counts),
    /// It was waited for in vain.
    NotCounted,
    /// What the ledger misses, in sentences.
    WouldFinish(Vec<String>),
    WouldCount(Counts),
    /// Why it cannot be counted.
    WouldFail(String),
}

#[derive(Debug, Default)]
struct Report {
    dry_run: bool,
    /// What was sent or looked at.
    objects: Vec<(Object, Outcome)>,
    /// Ids of dead letters that name no object, and whether they are notifications at all.
    empty_letters: Vec<(String, bool)>,
    /// How many dead letters were meant, and how many not; without dead letters `None`.
    letters: Option<(usize, usize)>,
    /// Why the wait ended before everything was counted.
    gave_up: Option<String>,
}

pub(crate) async fn run(args: ReplayArgs, context: &Context) -> Result<()> {
    let json = args.json;
    let report = replay(&args, context).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report_json(&report))?);
    } else {
        print!("{}", report_text(&report));
    }
    report.check()
}

async fn replay(args: &ReplayArgs, context: &Context) -> Result<Report> {
    let selection = args.selection()?;
    let endpoints = context.endpoints()?;
    let s3 = context.s3().await?;
    let replay = Replay {
        region: s3.config().region().map_or_else(String::new, ToString::to_string),
        s3,
        default_currency: endpoints.default_currency.clone(),
        args,
        context,
    };
    if args.dead_letters {
        replay.dead_letters(&selection).await
    } else {
        replay.bucket(&selection, endpoints.bucket()?).await
    }
}

impl ReplayArgs {
    fn selection(&self) -> Result<Selection> {
        let selection = Selection {
            prefix: self.prefix.clone().unwrap_or_default(),
            from: self.from,
            to: self.to,
        };
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            bail!("--from {} is not before --to {}", clock::rfc3339(from), clock::rfc3339(to));
        }
        if selection == Selection::default() && !self.dead_letters && !self.all {
            bail!(
                "nothing is named: give --prefix, --from, --to or --dead-letters, or --all for every object there is"
            );
        }
        Ok(selection)
    }
}

impl Selection {
    fn takes(&self, object: &Object) -> bool {
        let is_in_time = match object.time {
            Some(time) => {
                self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
            }
            None => self.from.is_none() && self.to.is_none(),
        };
        is_in_time && object.key.starts_with(&self.prefix)
    }

    /// Whether a message is meant: every one where nothing is selected, else one with a record of
    /// such an object.
    fn takes_message(&self, notification: &Notification) -> bool {
        match notification {
            _ if *self == Self::default() => true,
            Notification::Created(objects) => objects.iter().any(|object| self.takes(object)),
            Notification::Unreadable => false,
        }
    }
}

/// What both kinds of replay need.
struct Replay<'a> {
    s3: aws_sdk_s3::Client,
    region: String,
    default_currency: String,
    args: &'a ReplayArgs,
    context: &'a Context,
}

impl Replay<'_> {
    /// Replays objects that the bucket holds.
    async fn bucket(&self, selection: &Selection, bucket: &str) -> Result<Report> {
        let step = progress::bar("listing", 0);
        let mut objects = objects::list(&self.s3, bucket, &selection.prefix).await?;
        step.finish_and_clear();
        objects.retain(|object| selection.takes(object));
        // In the order in which they came at first.
        objects.sort_by(|left, right| (left.time, &left.key).cmp(&(right.time, &right.key)));
        if self.args.dry_run {
            return Ok(Report {
                dry_run: true,
                objects: self.forecast(objects).await?,
                ..Report::default()
            });
        }
        let queue = self.queue().await?;
        let waiting = self.begin_to_wait(&objects).await?;
        let bodies: Vec<String> =
            objects.iter().map(|object| notification::write(object, &self.region)).collect();
        let bar = progress::bar("sending", bodies.len());
        let sendings =
            futures::stream::iter(queue::batches(&bodies, |body| body)).map(async |batch| {
                let batch_bodies: Vec<&str> = batch.iter().map(String::as_str).collect();
                queue.send(&batch_bodies).await?;
                bar.inc(batch.len() as u64);
                Ok::<_, anyhow::Error>(())
            });
        let sent: Result<()> = sendings.buffer_unordered(CONCURRENCY).try_collect().await;
        bar.finish_and_clear();
        sent.with_context(|| again(bar.position(), bodies.len()))?;
        self.report(objects, waiting).await
    }

    /// Replays the messages of the dead letters.
    async fn dead_letters(&self, selection: &Selection) -> Result<Report> {
        let url = self.context.endpoints()?.dead_letters_url()?.to_owned();
        let dead_letters = Queue { client: self.context.sqs().await?, url };
        let step = progress::bar("reading the dead letters", 0);
        let messages = dead_letters.receive_all().await?;
        step.finish_and_clear();
        let are_all = messages.len() < HELD_MAX;
        let (meant, others): (Vec<Message>, Vec<Message>) = messages
            .into_iter()
            .partition(|message| selection.takes_message(&notification::read(&message.body)));
        let outcome = self.letters(&dead_letters, &meant).await;
        if self.args.dry_run || outcome.is_err() {
            dead_letters.release(&meant).await?;
        }
        dead_letters.release(&others).await?;
        let report = Report { letters: Some((meant.len(), others.len())), ..outcome? };
        if !are_all {
            print!("{}", report_text(&report));
            bail!(
                "there are more dead letters than {HELD_MAX}, which is what SQS gives at once: run it again"
            );
        }
        Ok(report)
    }

    async fn letters(&self, dead_letters: &Queue, meant: &[Message]) -> Result<Report> {
        let mut objects = Vec::new();
        let mut empty_letters = Vec::new();
        for message in meant {
            match notification::read(&message.body) {
                Notification::Created(named) if !named.is_empty() => objects.extend(named),
                other => {
                    empty_letters.push((message.id.clone(), other != Notification::Unreadable))
                }
            }
        }
        if self.args.dry_run {
            let objects = self.forecast(objects).await?;
            return Ok(Report { dry_run: true, objects, empty_letters, ..Report::default() });
        }
        let queue = self.queue().await?;
        let mut waiting = self.begin_to_wait(&objects).await?;
        let bar = progress::bar("sending", meant.len());
        let sendings = futures::stream::iter(queue::batches(meant, |message| &message.body)).map(
            async |batch| {
                let bodies: Vec<&str> = batch.iter().map(|message| message.body.as_str()).collect();
                queue.send(&bodies).await?;
                // A crash before this leaves them in both queues, and what is sent twice is counted
                // once.
                dead_letters.delete(batch).await?;
                bar.inc(batch.len() as u64);
                Ok::<_, anyhow::Error>(())
            },
        );
        let sent: Result<()> = sendings.buffer_unordered(CONCURRENCY).try_collect().await;
        bar.finish_and_clear();
        sent.with_context(|| again(bar.position(), meant.len()))?;
        if let Some(waiting) = &mut waiting {
            // Those that name no object may come back, and are not to be mistaken for what is
            // waited for.
            waiting.0.taken_from_dead_letters((meant.len() - empty_letters.len()) as u64);
        }
        Ok(Report { empty_letters, ..self.report(objects, waiting).await? })
    }

    async fn queue(&self) -> Result<Queue> {
        let url = self.context.endpoints()?.queue_url()?.to_owned();
        Ok(Queue { client: self.context.sqs().await?, url })
    }

    /// Hashes the objects and looks which are counted already, if there is to be a wait. The wait
    /// is for those that were found, each of them once, and they are given as their places among
    /// the objects.
    async fn begin_to_wait(
        &self,
        objects: &[Object],
    ) -> Result<Option<(Waiting, Vec<Option<usize>>)>> {
        if !self.args.wait {
            return Ok(None);
        }
        let bar = progress::bar("reading", objects.len());
        let reads = futures::stream::iter(objects).map(async |object| {
            let content_hash = object.content_hash(&self.s3).await?;
            bar.inc(1);
            Ok::<_, anyhow::Error>(content_hash)
        });
        let content_hashes: Vec<Option<String>> = reads.buffered(CONCURRENCY).try_collect().await?;
        bar.finish_and_clear();
        let mut chunk_ids: Vec<String> = Vec::new();
        let mut numbers = HashMap::new();
        let mut chunks = Vec::new();
        for (object, content_hash) in objects.iter().zip(content_hashes) {
            let chunk = content_hash.map(|content_hash| {
                let chunk_id = ledger::chunk_id(&object.bucket, &object.key, &content_hash);
                *numbers.entry(chunk_id.clone()).or_insert_with(|| {
                    chunk_ids.push(chunk_id);
                    chunk_ids.len() - 1
                })
            });
            chunks.push(chunk);
        }
        Ok(Some((Waiting::begin(self.context, chunk_ids).await?, chunks)))
    }

    /// Waits, if there is to be a wait.
    async fn report(
        &self,
        objects: Vec<Object>,
        waiting: Option<(Waiting, Vec<Option<usize>>)>,
    ) -> Result<Report> {
        let Some((waiting, chunks)) = waiting else {
            let objects = objects.into_iter().map(|object| (object, Outcome::Sent)).collect();
            return Ok(Report { objects, ..Report::default() });
        };
        let waited = waiting.end(Duration::from_secs(self.args.timeout)).await?;
        let mut report = Report { gave_up: waited.gave_up, ..Report::default() };
        let mut seen = HashSet::new();
        for (object, chunk) in objects.into_iter().zip(chunks) {
            let outcome = match chunk.map(|chunk| (&waited.chunks[chunk], seen.insert(chunk))) {
                None => Outcome::Gone,
                Some((None, _)) => Outcome::NotCounted,
                Some((Some(counted), _)) if counted.before => Outcome::AlreadyCounted,
                Some((Some(counted), true)) => Outcome::Counted(counted.counts.clone()),
                Some((Some(_), false)) => Outcome::SameBytes,
            };
            report.objects.push((object, outcome));
        }
        Ok(report)
    }

    /// Says of each object what would become of it.
    async fn forecast(&self, objects: Vec<Object>) -> Result<Vec<(Object, Outcome)>> {
        let dynamodb = self.context.dynamodb().await?;
        let table = self.context.endpoints()?.table()?.to_owned();
        let bar = progress::bar("reading", objects.len());
        let looks = futures::stream::iter(&objects).map(async |object| {
            let Some(content_hash) = object.content_hash(&self.s3).await? else {
                return Ok((None, Outcome::Gone));
            };
            let chunk_id = ledger::chunk_id(&object.bucket, &object.key, &content_hash);
            let outcome = match ledger::read(&dynamodb, &table, &chunk_id).await? {
                Some(ledger) => forecast_of(&ledger),
                None => self.forecast_of_uncounted(object).await?,
            };
            bar.inc(1);
            Ok::<_, anyhow::Error>((Some(chunk_id), outcome))
        });
        let outcomes: Vec<(Option<String>, Outcome)> =
            looks.buffered(CONCURRENCY).try_collect().await?;
        bar.finish_and_clear();
        let mut chunk_ids = HashSet::new();
        let mut forecast = Vec::new();
        for (object, (chunk_id, outcome)) in objects.into_iter().zip(outcomes) {
            let is_first = chunk_id.is_none_or(|chunk_id| chunk_ids.insert(chunk_id));
            let would_count = matches!(outcome, Outcome::WouldCount(_) | Outcome::WouldFinish(_));
            forecast.push((
                object,
                if would_count && !is_first { Outcome::SameBytes } else { outcome },
            ));
        }
        Ok(forecast)
    }

    async fn forecast_of_uncounted(&self, object: &Object) -> Result<Outcome> {
        let Some(open) = object.open(&self.s3).await? else { return Ok(Outcome::Gone) };
        let settings = Settings {
            reference_time: open.last_modified,
            default_currency: self.default_currency.clone(),
        };
        let bytes = open
            .body
            .collect()
            .await
            .with_context(|| format!("cannot read {}", object.address()))?
            .into_bytes();
        Ok(match tokio::task::spawn_blocking(move || recount(&bytes, &settings)).await? {
            Ok(recount) => Outcome::WouldCount(counts(&recount)),
            Err(error) => Outcome::WouldFail(error.to_string()),
        })
    }
}

/// What to do after an error in the midst of sending.
fn again(sent: u64, count: usize) -> String {
    format!("{sent} of {count} messages sent; run it again, what was counted is not counted twice")
}

fn forecast_of(ledger: &Ledger) -> Outcome {
    if ledger.is_complete() {
        Outcome::AlreadyCounted
    } else {
        Outcome::WouldFinish(ledger.missing())
    }
}

impl Outcome {
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
            Self::WouldFail(_) => "would_fail",
        }
    }

    fn sentence(&self, dry_run: bool) -> String {
        match self {
            Self::Sent => "sent".to_owned(),
            Self::Gone => "deleted or replaced: nothing to count".to_owned(),
            Self::AlreadyCounted if dry_run => "counted before: nothing would change".to_owned(),
            Self::AlreadyCounted => "counted before: nothing added".to_owned(),
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
            Self::WouldFail(why) => format!("it {why}: it would end in the dead letters"),
        }
    }
}

/// How many lines were counted of how many, and what became of the others.
fn lines(counts: &Counts, would_be: &str) -> String {
    let Counts { lines, counted, ignored, duplicate, rejected, .. } = counts;
    format!(
        "{counted} of {lines} lines{would_be} ({ignored} ignored, {duplicate} duplicate, {rejected} rejected)"
    )
}

impl Report {
    /// The sum over what was counted, or would be.
    fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        for (_, outcome) in &self.objects {
            if let Outcome::Counted(counts) | Outcome::WouldCount(counts) = outcome {
                sum.add(counts);
            }
        }
        sum
    }

    /// The line that a reader looks for.
    fn summary(&self) -> String {
        let begin = if self.dry_run { "dry run, nothing was sent" } else { "replayed" };
        let mut parts = vec![plural(self.objects.len(), "object", "objects")];
        let count = |state: &str| {
            self.objects.iter().filter(|(_, outcome)| outcome.state() == state).count()
        };
        let sum = self.sum();
        let (counted, lines) = (sum.counted, sum.lines);
        for (state, what) in [
            ("already_counted", "counted before".to_owned()),
            ("same_bytes", "with the same bytes as another".to_owned()),
            ("counted", format!("counted now ({counted} of {lines} lines)")),
            ("would_count", format!("would be counted ({counted} of {lines} lines)")),
            ("would_finish", "would be finished".to_owned()),
            ("would_fail", "would end in the dead letters".to_owned()),
            ("not_counted", "not counted".to_owned()),
            ("gone", "gone".to_owned()),
        ] {
            let number = count(state);
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        if let Some((meant, others)) = self.letters {
            parts.insert(0, plural(meant, "dead letter", "dead letters"));
            if others > 0 {
                parts.push(format!("{} left alone", plural(others, "dead letter", "dead letters")));
            }
        }
        format!("{begin}: {}", parts.join(", "))
    }

    /// An error if anything was waited for in vain.
    fn check(&self) -> Result<()> {
        let Some(reason) = &self.gave_up else { return Ok(()) };
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

/// What is said of a dead letter that names no object.
fn empty_letter(is_notification: bool, dry_run: bool) -> &'static str {
    match (is_notification, dry_run) {
        (true, true) => "names no object: it would be taken, and nothing would change",
        (true, false) => "names no object: sent",
        (false, true) => "is no notification of S3: it would end in the dead letters again",
        (false, false) => "is no notification of S3: sent",
    }
}

fn report_text(report: &Report) -> String {
    let mut text = String::new();
    for (object, outcome) in &report.objects {
        text.push_str(&format!("{}: {}\n", object.address(), outcome.sentence(report.dry_run)));
    }
    for (id, is_notification) in &report.empty_letters {
        text.push_str(&format!(
            "message {id} {}\n",
            empty_letter(*is_notification, report.dry_run)
        ));
    }
    text.push_str(&format!("{}\n", report.summary()));
    text
}

fn report_json(report: &Report) -> serde_json::Value {
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
            add_counts(&mut json, counts);
        }
        json
    });
    let objects: Vec<serde_json::Value> = objects.collect();
    let empty_letters = report.empty_letters.iter().map(
        |(id, is_notification)| json!({ "message_id": id, "sentence": empty_letter(*is_notification, report.dry_run) }),
    );
    let empty_letters: Vec<serde_json::Value> = empty_letters.collect();
    let mut json =
        json!({ "dry_run": report.dry_run, "objects": objects, "summary": report.summary() });
    if let Some((meant, others)) = report.letters {
        json["dead_letters"] =
            json!({ "meant": meant, "left": others, "without_objects": empty_letters });
    }
    let mut sum = json!({});
    add_counts(&mut sum, &report.sum());
    json["sum"] = sum;
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ReplayArgs,
    }

    fn args(arguments: &[&str]) -> Result<ReplayArgs, clap::Error> {
        let command = Command::try_parse_from(["replay"].iter().chain(arguments))?;
        Ok(command.args)
    }

    fn selection(arguments: &[&str]) -> Result<Selection> {
        args(arguments)?.selection()
    }

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
    fn nothing_is_replayed_that_nobody_named() {
        for arguments in [&[][..], &["--dry-run"], &["--wait"], &["--prefix", ""]] {
            let error = selection(arguments).unwrap_err().to_string();
            assert!(
                error.contains("--prefix") && error.contains("--all"),
                "{arguments:?}: {error}"
            );
        }
        for arguments in
            [&["--all"][..], &["--dead-letters"], &["--prefix", "a/"], &["--from", "2026-11-20"]]
        {
            assert!(selection(arguments).is_ok(), "{arguments:?}");
        }
        for arguments in [
            &["--all", "--prefix", "a/"][..],
            &["--all", "--dead-letters"],
            &["--wait", "--dry-run"],
        ] {
            assert!(args(arguments).is_err(), "{arguments:?}");
        }
        let error = selection(&["--from", "2026-11-20", "--to", "2026-11-20T00:00:00Z"])
            .unwrap_err()
            .to_string();
        assert_eq!(error, "--from 2026-11-20T00:00:00Z is not before --to 2026-11-20T00:00:00Z");
    }

    #[test]
    fn objects_are_taken_by_prefix_and_from_a_time_on_up_to_before_another() {
        let selection =
            selection(&["--prefix", "a/", "--from", "2026-11-20", "--to", "2026-11-21"]).unwrap();
        for (key, time, expected) in [
            ("a/1", "2026-11-20T00:00:00Z", true),
            ("a/1", "2026-11-20T23:59:59.999Z", true),
            ("a/1", "2026-11-21T00:00:00Z", false),
            ("a/1", "2026-11-19T23:59:59.999Z", false),
            ("b/a/1", "2026-11-20T00:00:00Z", false),
            ("a/1", "", false),
        ] {
            assert_eq!(selection.takes(&object(key, time)), expected, "{key} {time}");
        }
        assert!(Selection::default().takes(&object("a/1", "")));
    }

    #[test]
    fn a_message_is_taken_if_any_of_its_records_is_meant() {
        let time = "2026-11-20T00:00:00Z";
        let created = |keys: &[&str]| {
            Notification::Created(keys.iter().map(|key| object(key, time)).collect())
        };
        let messages =
            [created(&["b", "a/1"]), created(&["b"]), created(&[]), Notification::Unreadable];
        let taken = |selection: &Selection| {
            messages.each_ref().map(|message| selection.takes_message(message))
        };
        assert_eq!(
            taken(&selection(&["--dead-letters", "--prefix", "a/"]).unwrap()),
            [true, false, false, false]
        );
        assert_eq!(taken(&selection(&["--dead-letters"]).unwrap()), [true; 4]);
    }

    #[test]
    fn a_dry_run_says_of_each_object_what_would_change() {
        let missing = |count: u64| {
            (1..=count).map(|part| format!("part {part} of 5 is not counted yet")).collect()
        };
        let outcomes = [
            Outcome::AlreadyCounted,
            Outcome::WouldFinish(missing(1)),
            Outcome::WouldFinish(missing(3)),
            Outcome::WouldCount(numbers(10)),
            Outcome::WouldFail("cannot be unpacked: it is cut".to_owned()),
            Outcome::Gone,
            Outcome::SameBytes,
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
s3://raw/0.jsonl (version v1): counted before: nothing would change
s3://raw/1.jsonl (version v1): part 1 of 5 is not counted yet: it would be finished
s3://raw/2.jsonl (version v1): part 1 of 5 is not counted yet, and 2 more: they would be finished
s3://raw/3.jsonl (version v1): not counted: 9 of 10 lines would be counted (0 ignored, 0 duplicate, 1 rejected)
s3://raw/4.jsonl (version v1): it cannot be unpacked: it is cut: it would end in the dead letters
s3://raw/5.jsonl (version v1): deleted or replaced: nothing to count
s3://raw/6.jsonl (version v1): the same bytes as a version above: nothing more would change
message m1 names no object: it would be taken, and nothing would change
message m2 is no notification of S3: it would end in the dead letters again
dry run, nothing was sent: 9 dead letters, 7 objects, 1 counted before, \
1 with the same bytes as another, 1 would be counted (9 of 10 lines), \
2 would be finished, 1 would end in the dead letters, 1 gone, 1 dead letter left alone
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
    fn a_wait_ends_with_what_was_counted_or_an_error() {
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
s3://raw/1.jsonl (version v1): counted before: nothing added
s3://raw/2.jsonl (version v1): not counted
s3://raw/3.jsonl (version v1): not counted
replayed: 4 objects, 1 counted before, 1 counted now (9 of 10 lines), 2 not counted
";
        assert_eq!(report_text(&report), expected);
        assert_eq!(
            report.check().unwrap_err().to_string(),
            "2 of 4 objects not counted, after 5 s (--timeout): s3://raw/2.jsonl (version v1), s3://raw/3.jsonl (version v1)"
        );
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

    #[test]
    fn a_ledger_without_all_its_parts_would_be_finished() {
        let unfinished = Ledger { parts: [2].into(), ..Ledger::default() };
        let Outcome::WouldFinish(missing) = forecast_of(&unfinished) else {
            panic!("nothing is marked")
        };
        assert_eq!(missing.len(), 2);
    }
}
