//! `minutebook put`: uploads event files to the bucket, and waits until they are counted.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use futures::{StreamExt as _, TryStreamExt as _};
use minutebook_domain::count::measure::Currency;
use serde_json::json;

use crate::commands::clock;
use crate::event_files::files::{self, Source};
use crate::event_files::upload::{Target, upload_file};
use crate::findings::{Findings, examine, findings_text};
use crate::rows::ledger::{ChunkIds, Counted, Counts, Ended, Goal, Notes, Refusal, Wait};
use crate::stack::aws::explain;
use crate::stack::context::Context;
use crate::stack::object_hashes::ObjectHashes;
use crate::stack::options::time_zone;
use crate::terminal::escape::{self, shown};
use crate::terminal::progress;
use crate::terminal::table::Table;

/// The note of a file that adds nothing because it is a copy, or an older version.
const COUNTED_ELSEWHERE: &str = "counted as another file or version: nothing added";

/// The member of the metadata of a file that counts although the same bytes are counted.
const ANEW: &str = "anew";

/// How many files are uploaded at once.
const CONCURRENCY: usize = 8;

/// Metadata of an object whose events were moved in time: the hash of the original file, and by how
/// many minutes they were moved.
const SHIFTED_FROM: &str = "minutebook-shifted-from";
const SHIFTED_MINUTES: &str = "minutebook-shifted-minutes";

/// Events further in the future than this are rejected, so they cannot be the last event.
const FUTURE_MAX: TimeDelta = TimeDelta::minutes(10);

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PutArgs {
    /// Files and folders of events, as JSON or CSV with a header (plain, gzip or zstd); - for
    /// standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// Prefix of the keys of the objects
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Wait until everything is counted, and print what was counted
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to wait, in seconds
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    pub(crate) timeout: u64,
    /// Move all events by the same number of minutes, so that the last one happens at this time:
    /// now, or a time in RFC 3339
    ///
    /// A file that was already moved and uploaded is moved by the same number of minutes again, so
    /// that it is not counted twice.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_time)]
    pub(crate) shift_to: Option<DateTime<Utc>>,
    /// Count files although the same bytes are counted under another key. With --shift-to: also
    /// move files that were already uploaded to the new time; they are then counted again
    #[arg(long)]
    pub(crate) anew: bool,
    /// With --wait: succeed although lines are rejected
    #[arg(long, requires = "wait")]
    pub(crate) allow_rejected: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What happened to the files.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) files: Vec<FileReport>,
    /// The time of the last event of all files; only known with `--wait`, `--shift-to` or `--json`.
    pub(crate) last_event: Option<DateTime<Utc>>,
    /// Why the wait ended before everything was counted.
    pub(crate) gave_up: Option<String>,
    /// What is found in files of which not all lines were counted.
    pub(crate) findings: Findings,
}

impl Report {
    /// The sum over all counted files.
    pub(crate) fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        for file in &self.files {
            if let Outcome::Counted(counted) = &file.outcome {
                sum.add(&counted.counts);
            }
        }
        sum
    }

    /// # Errors
    /// A file was not counted within the time, or is refused.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(reason) = &self.gave_up else {
            let files = self.files.iter();
            let refused = files.filter(|file| matches!(file.outcome, Outcome::Refused { .. }));
            return match refused.count() {
                0 => Ok(()),
                count => bail!("{count} of {} files refused", self.files.len()),
            };
        };
        let waiting = self.files.iter().filter(|file| matches!(file.outcome, Outcome::NotCounted));
        let names: Vec<&str> = waiting.map(|file| file.name.as_str()).collect();
        bail!(
            "{} of {} files not counted, {reason}: {}",
            names.len(),
            self.files.len(),
            names.join(", ")
        )
    }
}

#[derive(Debug)]
pub(crate) struct FileReport {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) shifted_minutes: Option<i64>,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was uploaded; `put` did not wait for it.
    Uploaded,
    Counted(Counted),
    /// Its bytes are counted as another file, or with a later version of it.
    CountedElsewhere,
    /// No line of it can be counted.
    Refused {
        refusal: Refusal,
        already_refused: bool,
    },
    NotCounted,
}

impl From<Option<Ended>> for Outcome {
    fn from(ended: Option<Ended>) -> Self {
        match ended {
            Some(Ended::Counted(counted)) => Self::Counted(counted),
            Some(Ended::CountedElsewhere) => Self::CountedElsewhere,
            Some(Ended::Refused { refusal, already_refused }) => {
                Self::Refused { refusal, already_refused }
            }
            None => Self::NotCounted,
        }
    }
}

/// A file that is ready for upload.
#[derive(Debug)]
struct Ready {
    source: Source,
    hashes: ObjectHashes,
    /// The hash of the original file, and by how many minutes its events were moved.
    shifted: Option<(String, i64)>,
    last_event: Option<i64>,
}

pub(crate) async fn run(args: PutArgs, context: &Context) -> Result<()> {
    let json = args.json;
    let (waited, allow_rejected) = (args.wait, args.allow_rejected);
    let report = put(args, context).await?;
    if json {
        println!("{}", escape::json(&serde_json::to_string_pretty(&report_json(&report))?));
    } else if waited {
        print!("{}", report_text(&report));
    } else {
        print_uploads(&report, context.endpoints().await?.bucket()?);
    }
    report.check()?;
    let rejected = report.sum().rejected;
    if rejected > 0 && !allow_rejected {
        bail!("{rejected} lines are rejected (--allow-rejected accepts that)");
    }
    Ok(())
}

/// Uploads the files, and with `--wait` waits until they are counted.
pub(crate) async fn put(args: PutArgs, context: &Context) -> Result<Report> {
    let endpoints = context.endpoints().await?;
    let bucket = endpoints.bucket()?.to_owned();
    let zone = time_zone(endpoints.default_time_zone()).map_err(anyhow::Error::msg)?;
    let s3 = context.s3().await?;
    let sources = find_sources(&args).await?;
    let ready = prepare(&args, sources, &s3, &bucket, zone).await?;

    let chunk_ids = |file: &Ready| ChunkIds::new(&bucket, &file.source.key, &file.hashes);
    let wait = match args.wait {
        true => {
            Some(Wait::begin(context, Goal::Counted, ready.iter().map(chunk_ids).collect()).await?)
        }
        false => None,
    };

    let bar = progress::bar("uploading", ready.len());
    let uploads = futures::stream::iter(&ready).map(async |file| {
        let mut metadata = HashMap::new();
        if let Some((hash, minutes)) = &file.shifted {
            metadata.insert(SHIFTED_FROM.to_owned(), hash.clone());
            metadata.insert(SHIFTED_MINUTES.to_owned(), minutes.to_string());
        }
        if args.anew {
            metadata.insert(ANEW.to_owned(), "true".to_owned());
        }
        let target = Target { bucket: &bucket, key: &file.source.key, metadata };
        let bytes = upload_file(&s3, target, file.source.path()).await?;
        bar.inc(1);
        Ok::<_, anyhow::Error>(FileReport {
            name: file.source.name.clone(),
            key: file.source.key.clone(),
            bytes,
            shifted_minutes: file.shifted.as_ref().map(|(_, minutes)| *minutes),
            outcome: Outcome::Uploaded,
        })
    });
    let files = uploads.buffered(CONCURRENCY).try_collect().await?;
    bar.finish_and_clear();

    let last_event = ready.iter().filter_map(|file| file.last_event).max();
    let last_event = last_event.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let mut report = Report { files, last_event, gave_up: None, findings: Findings::default() };
    if let Some(wait) = wait {
        let waited = wait.end(Duration::from_secs(args.timeout)).await?;
        for (file, ended) in report.files.iter_mut().zip(waited.chunks) {
            file.outcome = Outcome::from(ended);
        }
        report.gave_up = waited.gave_up;
        report.findings = look_closer(&report.files, ready, zone).await?;
    }
    Ok(report)
}

/// Finds the first rejected line of each reason, and members that nobody reads, in the files that
/// the ledger says something about.
async fn look_closer(files: &[FileReport], ready: Vec<Ready>, zone: Tz) -> Result<Findings> {
    let is_told = |file: &&FileReport| match &file.outcome {
        Outcome::Counted(counted) => {
            counted.counts.rejected > 0 || counted.counts.notes != Notes::default()
        }
        Outcome::Uploaded
        | Outcome::CountedElsewhere
        | Outcome::Refused { .. }
        | Outcome::NotCounted => false,
    };
    let keys: Vec<String> = files.iter().filter(is_told).map(|file| file.key.clone()).collect();
    let look = move || {
        let mut all = Findings::default();
        for file in ready.iter().filter(|file| keys.contains(&file.source.key)) {
            // What the money is in does not matter here.
            let found = examine(&file.source, clock::now(), Currency::USD, zone)?;
            for (reason, first) in found.first_rejected {
                all.first_rejected.entry(reason).or_insert(first);
            }
            all.unread.extend(found.unread);
        }
        Ok::<_, anyhow::Error>(all)
    };
    tokio::task::spawn_blocking(look).await?
}

async fn find_sources(args: &PutArgs) -> Result<Vec<Source>> {
    let (names, prefix) = (args.files.clone(), args.prefix.clone());
    let is_moved = args.shift_to.is_some();
    let find = move || {
        let mut sources = files::find(&names, &prefix)?;
        // CSV is counted as it is, but events are moved in time as JSON Lines.
        for source in sources.iter_mut().filter(|_| is_moved) {
            files::convert(source)?;
        }
        files::check_keys(&sources)?;
        Ok::<_, anyhow::Error>(sources)
    };
    tokio::task::spawn_blocking(find).await?
}

/// Hashes the files, and moves their events in time if `--shift-to` says so.
async fn prepare(
    args: &PutArgs,
    sources: Vec<Source>,
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    zone: Tz,
) -> Result<Vec<Ready>> {
    let want_last_event = args.wait || args.json || args.shift_to.is_some();
    let limit = if args.shift_to.is_some() { None } else { Some(clock::now() + FUTURE_MAX) };
    let bar = progress::bar("reading", sources.len());
    let mut ready = Vec::new();
    for source in sources {
        let read = move || {
            let hashes = files::hash(source.path())?;
            let last_event = if want_last_event { last_event(&source, limit, zone) } else { None };
            Ok::<_, anyhow::Error>(Ready { source, hashes, shifted: None, last_event })
        };
        ready.push(tokio::task::spawn_blocking(read).await??);
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(shift_to) = args.shift_to {
        shift(args, shift_to, &mut ready, s3, bucket).await?;
    }
    Ok(ready)
}

/// The time of the last event; `None` for a file that is not lines of JSON, plain or compressed. It
/// is uploaded anyway: `ingest` reads more forms, and says so if it cannot.
fn last_event(source: &Source, limit: Option<DateTime<Utc>>, zone: Tz) -> Option<i64> {
    files::last_event(source, limit, zone).ok().flatten()
}

/// Moves the events of all new files by the same number of minutes, and those of files that were
/// already uploaded as they were moved then.
async fn shift(
    args: &PutArgs,
    shift_to: DateTime<Utc>,
    ready: &mut Vec<Ready>,
    s3: &aws_sdk_s3::Client,
    bucket: &str,
) -> Result<()> {
    let mut minutes_before = Vec::new();
    for file in ready.iter() {
        let before = if args.anew { None } else { earlier_shift(s3, bucket, file).await? };
        minutes_before.push(before);
    }
    let new_files = ready.iter().zip(&minutes_before).filter(|(_, before)| before.is_none());
    let last_event = new_files.filter_map(|(file, _)| file.last_event).max();
    let new_minutes =
        last_event.map_or(0, |last_event| (shift_to.timestamp() - last_event).div_euclid(60));

    let bar = progress::bar("moving events", ready.len());
    for (file, before) in std::mem::take(ready).into_iter().zip(minutes_before) {
        if before.is_some() {
            eprintln!(
                "{}: already uploaded; moved by the same minutes as before (--anew moves it to the \
                 new time)",
                shown(&file.source.name)
            );
        }
        let minutes = before.unwrap_or(new_minutes);
        let Ready { mut source, hashes: hashes_before, last_event, .. } = file;
        let work = move || {
            files::shift(&mut source, minutes)?;
            let hashes = files::hash(source.path())?;
            let last_event = last_event.map(|last_event| last_event + minutes * 60);
            Ok::<_, anyhow::Error>(Ready {
                source,
                hashes,
                shifted: Some((hashes_before.content, minutes)),
                last_event,
            })
        };
        ready.push(tokio::task::spawn_blocking(work).await??);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// By how many minutes this file was moved when it was last uploaded; `None` if it was not.
async fn earlier_shift(s3: &aws_sdk_s3::Client, bucket: &str, file: &Ready) -> Result<Option<i64>> {
    let key = &file.source.key;
    let head = match s3.head_object().bucket(bucket).key(key).send().await {
        Ok(head) => head,
        // Without the permission to list the bucket, S3 answers 403 for an object that does not
        // exist.
        Err(error)
            if error
                .raw_response()
                .is_some_and(|answer| matches!(answer.status().as_u16(), 403 | 404)) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(explain(format!("cannot look at s3://{bucket}/{key}"), error)),
    };
    let note = |name: &str| head.metadata().and_then(|metadata| metadata.get(name));
    if note(SHIFTED_FROM) != Some(&file.hashes.content) {
        return Ok(None);
    }
    Ok(note(SHIFTED_MINUTES).and_then(|minutes| minutes.parse().ok()))
}

fn print_uploads(report: &Report, bucket: &str) {
    for file in &report.files {
        println!("s3://{bucket}/{} ({} bytes)", shown(&file.key), file.bytes);
    }
    if let Some(last_event) = report.last_event {
        println!("last event: {}", clock::rfc3339(last_event));
    }
}

/// The report for people.
pub(crate) fn report_text(report: &Report) -> String {
    let headings = ["file", "lines", "counted", "ignored", "duplicate", "rejected", "events", ""];
    let mut table = Table::new(&headings, &[1, 2, 3, 4, 5, 6]);
    for file in &report.files {
        match &file.outcome {
            Outcome::Counted(counted) => {
                let note =
                    if counted.already_counted { "already counted: nothing added" } else { "" };
                table.add_row(row(&file.key, &counted.counts, note));
            }
            Outcome::Refused { .. } => table.add_row(no_counts(&file.key, "refused")),
            Outcome::CountedElsewhere => {
                table.add_row(no_counts(&file.key, COUNTED_ELSEWHERE));
            }
            Outcome::Uploaded | Outcome::NotCounted => {
                table.add_row(no_counts(&file.key, "not counted"));
            }
        }
    }
    let sum = report.sum();
    if report.files.len() > 1 {
        table.add_row(row("sum", &sum, ""));
    }
    let mut text = table.text();
    for file in &report.files {
        if let Outcome::Refused { refusal, already_refused } = &file.outcome {
            let before = if *already_refused { " (as it was before)" } else { "" };
            let line = format!("refused{before}: {}: {}", file.key, refusal.because);
            text.push_str(&format!("{}\n", shown(&line)));
        }
    }
    text.push_str(&findings_text(&sum, &report.findings));
    if let Some(last_event) = report.last_event {
        text.push_str(&format!(
            "last event: {} (ask with --as-of to see this time)\n",
            clock::rfc3339(last_event)
        ));
    }
    text
}

fn no_counts<'a>(name: &'a str, note: &'a str) -> [&'a str; 8] {
    [name, "-", "-", "-", "-", "-", "-", note]
}

fn row(name: &str, counts: &Counts, note: &str) -> [String; 8] {
    let Counts { lines, counted, ignored, duplicate, rejected, events, .. } = counts;
    let numbers = [lines, counted, ignored, duplicate, rejected, events].map(u64::to_string);
    let [lines, counted, ignored, duplicate, rejected, events] = numbers;
    [name.to_owned(), lines, counted, ignored, duplicate, rejected, events, note.to_owned()]
}

fn report_json(report: &Report) -> serde_json::Value {
    let files: Vec<serde_json::Value> = report
        .files
        .iter()
        .map(|file| {
            let mut object = json!({ "file": file.name, "key": file.key, "bytes": file.bytes });
            if let Some(minutes) = file.shifted_minutes {
                object["shifted_minutes"] = json!(minutes);
            }
            match &file.outcome {
                Outcome::Uploaded => object["state"] = json!("uploaded"),
                Outcome::NotCounted => object["state"] = json!("not_counted"),
                Outcome::CountedElsewhere => object["state"] = json!("counted_elsewhere"),
                Outcome::Refused { refusal, already_refused } => {
                    let state = if *already_refused { "already_refused" } else { "refused" };
                    object["state"] = json!(state);
                    object["refused"] = json!(refusal.code);
                    object["refused_because"] = json!(refusal.because);
                }
                Outcome::Counted(Counted { counts, parts, already_counted }) => {
                    let state = if *already_counted { "already_counted" } else { "counted" };
                    object["state"] = json!(state);
                    object["parts"] = json!(parts);
                    counts.add_to(&mut object);
                }
            }
            object
        })
        .collect();
    let mut sum = json!({});
    report.sum().add_to(&mut sum);
    json!({ "files": files, "sum": sum, "last_event": report.last_event.map(clock::rfc3339) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn file(key: &str, outcome: Outcome) -> FileReport {
        FileReport {
            name: format!("/tmp/{key}"),
            key: key.to_owned(),
            bytes: 7,
            shifted_minutes: None,
            outcome,
        }
    }

    fn counted(lines: u64, already_counted: bool) -> Outcome {
        let rejected_by_reason = BTreeMap::from([("future".to_owned(), 1)]);
        let counts = Counts {
            lines,
            counted: lines - 1,
            rejected: 1,
            rejected_by_reason,
            events: 9,
            ..Counts::default()
        };
        Outcome::Counted(Counted { counts, parts: 1, already_counted })
    }

    #[test]
    fn prints_each_file_and_the_sum() {
        let files = vec![file("a.jsonl", counted(10, false)), file("b.jsonl", counted(1000, true))];
        let report = Report {
            files,
            last_event: DateTime::from_timestamp(0, 0),
            gave_up: None,
            findings: Findings::default(),
        };
        let expected = "\
file     lines  counted  ignored  duplicate  rejected  events
a.jsonl     10        9        0          0         1       9
b.jsonl   1000      999        0          0         1       9  already counted: nothing added
sum       1010     1008        0          0         2      18
rejected future: 2
last event: 1970-01-01T00:00:00Z (ask with --as-of to see this time)
";
        assert_eq!(report_text(&report), expected);
        assert!(report.check().is_ok());
    }

    #[test]
    fn says_what_is_refused_and_why() {
        let refused = |already_refused| {
            let (code, because) = ("archive".to_owned(), "the file is a tar archive".to_owned());
            Outcome::Refused { refusal: Refusal { code, because }, already_refused }
        };
        let files = vec![file("a.tar", refused(false)), file("b.tar", refused(true))];
        let report =
            Report { files, last_event: None, gave_up: None, findings: Findings::default() };
        assert_eq!(report.check().unwrap_err().to_string(), "2 of 2 files refused");
        let text = report_text(&report);
        assert!(text.contains("a.tar      -"), "{text}");
        assert!(text.contains("\nrefused: a.tar: the file is a tar archive\n"), "{text}");
        let again = "\nrefused (as it was before): b.tar: the file is a tar archive\n";
        assert!(text.contains(again), "{text}");
        let json = report_json(&report);
        assert_eq!(json["files"][0]["refused"], "archive");
        assert_eq!(json["files"][1]["state"], "already_refused");
    }

    #[test]
    fn says_what_was_not_counted_and_why() {
        let files = vec![file("a.jsonl", counted(10, false)), file("b.gz", Outcome::NotCounted)];
        let report = Report {
            files,
            last_event: None,
            gave_up: Some("after 5 s (--timeout)".to_owned()),
            findings: Findings::default(),
        };
        let error = report.check().unwrap_err().to_string();
        assert_eq!(error, "1 of 2 files not counted, after 5 s (--timeout): /tmp/b.gz");
        assert!(report_text(&report).contains("b.gz         -"));
    }
}
