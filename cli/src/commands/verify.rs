//! `minutebook verify`: recounts the raw objects with code of its own, and compares the ledger and every tally.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use minutebook_oracle::{Decimal, Recount, RecountError, Settings, TallyKey, recount};
use serde_json::json;

use crate::aws::explain;
use crate::clock;
use crate::context::Context;
use crate::ledger::{self, Counts, Ledger};
use crate::minute_rows::{self, Contents};
use crate::progress;

/// How many objects are read and recounted at once. Each is in memory as a whole.
const CONCURRENCY: usize = 4;

/// How many differences are printed; all are counted.
const PRINTED_MAX: usize = 100;

/// Rows that expire this soon could go while they are compared, so they are left out.
const EXPIRY_MARGIN: TimeDelta = TimeDelta::minutes(2);

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Only objects whose keys begin with this, and only the sites of their events; other objects must not have these sites
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Pass over packed objects that cannot be unpacked: none of their lines is counted, and they are in the dead letters
    #[arg(long)]
    pub(crate) allow_dead: bool,
    /// For how many days minute rows are kept, 0 for ever; without it, as the local stack or the rows say
    #[arg(long, env = "MINUTEBOOK_MINUTE_RETENTION_DAYS", value_name = "DAYS", hide_env_values = true)]
    pub(crate) minute_retention_days: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was compared, and what differs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Versions of objects, each different bytes.
    pub(crate) objects: u64,
    /// The recount of all that the ledger says was counted.
    pub(crate) counts: Counts,
    /// Minute rows that were read.
    pub(crate) rows: u64,
    /// Numbers that were compared.
    pub(crate) tallies: u64,
    /// Numbers that were left out since their minutes are kept no longer.
    pub(crate) expired: u64,
    /// Objects that cannot be unpacked and were passed over.
    pub(crate) dead: u64,
    pub(crate) differences: Differences,
}

/// Differences, of which the first ones are kept as sentences.
#[derive(Clone, Debug, Default)]
pub(crate) struct Differences {
    pub(crate) count: u64,
    pub(crate) first: Vec<String>,
}

impl Differences {
    fn add(&mut self, difference: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < PRINTED_MAX {
            self.first.push(difference());
        }
    }
}

impl Report {
    /// The line that a reader looks for.
    pub(crate) fn headline(&self) -> String {
        format!("verified: {} events, {} differences", self.counts.events, self.differences.count)
    }

    /// An error if anything differs.
    pub(crate) fn check(&self) -> Result<()> {
        match self.differences.count {
            0 => Ok(()),
            1 => bail!("1 difference between the raw objects and the table"),
            count => bail!("{count} differences between the raw objects and the table"),
        }
    }
}

pub(crate) async fn run(args: VerifyArgs, context: &Context) -> Result<()> {
    let json = args.json;
    let report = verify(args, context).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report_json(&report))?);
    } else {
        print!("{}", report_text(&report));
    }
    report.check()
}

/// Recounts and compares.
pub(crate) async fn verify(args: VerifyArgs, context: &Context) -> Result<Report> {
    let endpoints = context.endpoints()?;
    let verifier = Verifier {
        s3: context.s3().await?,
        dynamodb: context.dynamodb().await?,
        bucket: endpoints.bucket()?.to_owned(),
        table: endpoints.table()?.to_owned(),
    };
    let mut report = Report::default();
    let mut expected = Expected::default();

    let objects = verifier.list(&args.prefix).await?;
    let bar = progress::bar("recounting", objects.len());
    let recounts = futures::stream::iter(&objects).map(async |object| {
        let outcome = verifier.recount(object).await?;
        bar.inc(1);
        Ok::<_, anyhow::Error>((object, outcome))
    });
    let mut recounts = recounts.buffered(CONCURRENCY);
    while let Some((object, chunk)) = recounts.try_next().await? {
        if expected.chunk_ids.insert(chunk.id.clone()) {
            report.objects += 1;
            compare_chunk(object, chunk, args.allow_dead, &mut expected.tallies, &mut report);
        }
    }
    bar.finish_and_clear();

    let expiry = clock::now() + EXPIRY_MARGIN;
    let step = progress::bar("reading the table", 0);
    let mut contents = minute_rows::read(&verifier.dynamodb, &verifier.table, expiry).await?;
    step.finish_and_clear();
    if args.prefix.is_empty() {
        compare_marks(&verifier.bucket, &expected, &contents, &mut report.differences);
    } else {
        contents.keep_sites(&expected);
    }
    for oddity in std::mem::take(&mut contents.oddities) {
        report.differences.add(|| oddity);
    }
    let retention_days = match args.minute_retention_days {
        Some(days) => Some(days),
        None => context.stack()?.map(|stack| stack.minute_retention_days),
    };
    let retention = match retention_days {
        Some(0) => None,
        Some(days) => Some(TimeDelta::days(i64::from(days))),
        None => contents.retention_seconds.map(TimeDelta::seconds),
    };
    report.rows = contents.rows;
    compare_tallies(expected.tallies, contents, retention.map(|retention| expiry - retention), &mut report);
    Ok(report)
}

/// One version of an object.
#[derive(Clone, Debug)]
struct Object {
    key: String,
    /// Absent in a bucket that keeps no versions.
    version: Option<String>,
}

impl Object {
    fn name(&self) -> String {
        match &self.version {
            Some(version) => format!("{} (version {version})", self.key),
            None => self.key.clone(),
        }
    }
}

/// What is known of the bytes of an object.
#[derive(Debug)]
struct Chunk {
    id: String,
    /// `None`: nothing of it is marked as counted.
    ledger: Option<Ledger>,
    /// By the ledger's reference time and currency; without them, only whether it can be counted at all is of use.
    recount: Result<Recount, RecountError>,
}

/// What the table should hold.
#[derive(Debug, Default)]
struct Expected {
    tallies: BTreeMap<TallyKey, Decimal>,
    chunk_ids: BTreeSet<String>,
}

struct Verifier {
    s3: aws_sdk_s3::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    bucket: String,
    table: String,
}

impl Verifier {
    /// Every version of every object: bytes that were replaced later were counted all the same.
    async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        let mut objects = Vec::new();
        let (mut key_marker, mut version_marker) = (None, None);
        loop {
            let list = self.s3.list_object_versions().bucket(&self.bucket).prefix(prefix);
            let list = list.set_key_marker(key_marker).set_version_id_marker(version_marker);
            let page =
                list.send().await.map_err(|error| explain(format!("cannot list s3://{}", self.bucket), error))?;
            for version in page.versions() {
                let key = version.key().context("S3 listed a version without its key")?.to_owned();
                let version = version.version_id().filter(|version| *version != "null").map(str::to_owned);
                objects.push(Object { key, version });
            }
            if page.is_truncated() != Some(true) {
                return Ok(objects);
            }
            key_marker = page.next_key_marker().map(str::to_owned);
            version_marker = page.next_version_id_marker().map(str::to_owned);
        }
    }

    /// Reads an object and what the ledger says of it, and counts it anew.
    async fn recount(&self, object: &Object) -> Result<Chunk> {
        let what = || format!("cannot read s3://{}/{}", self.bucket, object.name());
        let get = self.s3.get_object().bucket(&self.bucket).key(&object.key);
        let answer = get.set_version_id(object.version.clone()).send().await.map_err(|error| explain(what(), error))?;
        let bytes = answer.body.collect().await.with_context(what)?.into_bytes();
        let id = ledger::chunk_id(&self.bucket, &object.key, &blake3::hash(&bytes).to_hex());
        let ledger = ledger::read(&self.dynamodb, &self.table, &id).await?;
        let settings = match ledger.as_ref().and_then(|ledger| ledger.summary.as_ref()) {
            Some(summary) => {
                Settings { reference_time: summary.reference_time, default_currency: summary.default_currency.clone() }
            }
            None => Settings { reference_time: DateTime::UNIX_EPOCH, default_currency: "USD".to_owned() },
        };
        let recount = tokio::task::spawn_blocking(move || recount(&bytes, &settings)).await?;
        Ok(Chunk { id, ledger, recount })
    }
}

/// Compares what the ledger says of a chunk, and adds what the chunk should have added to the table.
fn compare_chunk(
    object: &Object,
    chunk: Chunk,
    allow_dead: bool,
    tallies: &mut BTreeMap<TallyKey, Decimal>,
    report: &mut Report,
) {
    let name = object.name();
    let differences = &mut report.differences;
    let (ledger, recount) = match (chunk.ledger, chunk.recount) {
        (Some(ledger), Ok(recount)) => (ledger, recount),
        (None, Ok(_)) => return differences.add(|| format!("{name}: not counted yet")),
        (Some(_), Err(error)) => return differences.add(|| format!("{name}: counted, but {error}")),
        (None, Err(_)) if allow_dead => {
            report.dead += 1;
            return;
        }
        (None, Err(error)) => return differences.add(|| format!("{name}: not countable, it {error}")),
    };
    if ledger.parts.len() > 1 {
        differences.add(|| format!("{name}: its marks disagree on how many parts it has: {:?}", ledger.parts));
    }
    for part in ledger.marked.iter().filter(|part| **part >= ledger.parts_count()) {
        differences.add(|| format!("{name}: part {part} is marked, of {} parts", ledger.parts_count()));
    }
    for part in (0..ledger.parts_count()).filter(|part| !ledger.marked.contains(part)) {
        differences.add(|| format!("{name}: part {part} of {} is not counted yet", ledger.parts_count()));
    }
    // Without part 0 it is unknown by which reference time to recount, and nothing may have been committed.
    let Some(summary) = ledger.summary else { return };
    let recounted = counts(&recount);
    compare_counts(&name, &recounted, &summary.counts, differences);
    report.counts.add(&recounted);
    for (key, number) in recount.tallies {
        *tallies.entry(key).or_default() += number;
    }
}

fn counts(recount: &Recount) -> Counts {
    Counts {
        lines: recount.lines,
        counted: recount.counted,
        ignored: recount.ignored,
        duplicate: recount.duplicate,
        rejected: recount.rejected_count(),
        rejected_by_reason: recount.rejected.clone(),
        events: recount.events,
    }
}

fn compare_counts(name: &str, recounted: &Counts, ledger: &Counts, differences: &mut Differences) {
    let numbers = [
        ("lines", recounted.lines, ledger.lines),
        ("counted", recounted.counted, ledger.counted),
        ("ignored", recounted.ignored, ledger.ignored),
        ("duplicate", recounted.duplicate, ledger.duplicate),
        ("rejected", recounted.rejected, ledger.rejected),
        ("events", recounted.events, ledger.events),
    ];
    for (what, recounted, ledger) in numbers {
        if recounted != ledger {
            differences.add(|| format!("{name}: {what}: recounted {recounted}, the ledger says {ledger}"));
        }
    }
    let reasons: BTreeSet<&String> =
        recounted.rejected_by_reason.keys().chain(ledger.rejected_by_reason.keys()).collect();
    for reason in reasons {
        let number = |counts: &Counts| counts.rejected_by_reason.get(reason).copied().unwrap_or(0);
        let (recounted, ledger) = (number(recounted), number(ledger));
        if recounted != ledger {
            differences.add(|| format!("{name}: rejected {reason}: recounted {recounted}, the ledger says {ledger}"));
        }
    }
}

/// A mark of a chunk that is not in the bucket: its numbers are in the table, and cannot be recounted.
fn compare_marks(bucket: &str, expected: &Expected, contents: &Contents, differences: &mut Differences) {
    let prefix = format!("{bucket}/");
    for chunk_id in contents.chunk_ids.difference(&expected.chunk_ids) {
        if chunk_id.starts_with(&prefix) {
            differences.add(|| format!("{chunk_id}: counted, but not in the bucket"));
        }
    }
}

impl Contents {
    /// Forgets all but the sites that are expected.
    fn keep_sites(&mut self, expected: &Expected) {
        let sites: BTreeSet<&str> = expected.tallies.keys().map(|key| key.site.as_str()).collect();
        self.tallies.retain(|key, _| sites.contains(key.site.as_str()));
    }
}

/// Compares every number. Minutes that began up to `kept_from` are kept no longer, and left out.
fn compare_tallies(
    expected: BTreeMap<TallyKey, Decimal>,
    mut contents: Contents,
    kept_from: Option<DateTime<Utc>>,
    report: &mut Report,
) {
    let expired_minutes = std::mem::take(&mut contents.expired);
    let is_expired = |key: &TallyKey| {
        kept_from.is_some_and(|kept_from| key.minute * 60 <= kept_from.timestamp())
            || expired_minutes.contains(&(key.site.clone(), key.minute))
    };
    let differences = &mut report.differences;
    for (key, recounted) in &expected {
        let in_table = contents.tallies.remove(key);
        if is_expired(key) {
            report.expired += 1;
            continue;
        }
        report.tallies += 1;
        let in_table = in_table.unwrap_or_default();
        if *recounted != in_table {
            differences.add(|| difference(key, *recounted, in_table));
        }
    }
    for (key, in_table) in &contents.tallies {
        if is_expired(key) {
            report.expired += 1;
            continue;
        }
        report.tallies += 1;
        if !in_table.is_zero() {
            differences.add(|| difference(key, Decimal::ZERO, *in_table));
        }
    }
}

fn difference(key: &TallyKey, recounted: Decimal, in_table: Decimal) -> String {
    let minute = key.minute_start().to_rfc3339_opts(SecondsFormat::Secs, true);
    let TallyKey { site, measure, key, .. } = key;
    format!("{site} {measure} {minute} {key}: recounted {recounted}, the table says {in_table}")
}

/// The result as lines for people.
pub(crate) fn report_text(report: &Report) -> String {
    let mut text = String::new();
    let differences = &report.differences;
    for difference in &differences.first {
        text.push_str(difference);
        text.push('\n');
    }
    let unprinted = differences.count - differences.first.len() as u64;
    if unprinted > 0 {
        text.push_str(&format!("... and {unprinted} more\n"));
    }
    let Counts { lines, counted, ignored, duplicate, rejected, .. } = &report.counts;
    let Report { objects, rows, tallies, expired, dead, .. } = report;
    text.push_str(&format!("{}\n", report.headline()));
    text.push_str(&format!(
        "objects {objects}, lines {lines} (counted {counted}, ignored {ignored}, duplicate {duplicate}, \
         rejected {rejected}), minute rows {rows}, tallies {tallies}, expired {expired}\n"
    ));
    if *dead > 0 {
        text.push_str(&format!("passed over as dead: {dead}\n"));
    }
    text
}

fn report_json(report: &Report) -> serde_json::Value {
    let Counts { lines, counted, ignored, duplicate, rejected, rejected_by_reason, events } = &report.counts;
    json!({
        "events": events,
        "differences": report.differences.count,
        "first_differences": report.differences.first,
        "objects": report.objects,
        "lines": lines,
        "counted": counted,
        "ignored": ignored,
        "duplicate": duplicate,
        "rejected": rejected,
        "rejected_by_reason": rejected_by_reason,
        "rows": report.rows,
        "tallies": report.tallies,
        "expired": report.expired,
        "dead": report.dead,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Summary;

    const REFERENCE_TIME: &str = "2026-11-20T12:00:00Z";

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn object() -> Object {
        Object { key: "a.jsonl".to_owned(), version: None }
    }

    fn chunk_of(bytes: &[u8]) -> Chunk {
        let settings = Settings { reference_time: time(REFERENCE_TIME), default_currency: "USD".to_owned() };
        let recount = recount(bytes, &settings);
        let ledger = recount.as_ref().ok().map(|recount| Ledger {
            parts: BTreeSet::from([1]),
            marked: BTreeSet::from([0]),
            summary: Some(Summary {
                reference_time: settings.reference_time,
                default_currency: settings.default_currency.clone(),
                counts: counts(recount),
            }),
        });
        Chunk { id: "bucket/a.jsonl#hash".to_owned(), ledger, recount }
    }

    const VIEWS: &[u8] = b"{\"event\":\"view\",\"ts\":\"2026-11-20T11:07Z\",\"sku\":1}\n\
        {\"event\":\"view\",\"ts\":\"2026-11-20T11:08Z\",\"sku\":1}\nx\n";

    fn compared(chunk: Chunk, allow_dead: bool) -> (Report, BTreeMap<TallyKey, Decimal>) {
        let mut tallies = BTreeMap::new();
        let mut report = Report::default();
        compare_chunk(&object(), chunk, allow_dead, &mut tallies, &mut report);
        (report, tallies)
    }

    #[test]
    fn a_chunk_that_the_ledger_has_right_makes_no_difference() {
        let (report, tallies) = compared(chunk_of(VIEWS), false);
        assert_eq!(report.differences.first, Vec::<String>::new());
        assert_eq!((report.counts.events, report.counts.lines, tallies.len()), (2, 3, 2));
    }

    #[test]
    fn a_chunk_that_the_ledger_has_wrong_makes_differences() {
        let mut chunk = chunk_of(VIEWS);
        let ledger = chunk.ledger.as_mut().unwrap();
        ledger.parts = BTreeSet::from([2]);
        let counts = &mut ledger.summary.as_mut().unwrap().counts;
        counts.counted = 3;
        counts.rejected_by_reason = BTreeMap::from([("future".to_owned(), 1)]);
        let (report, _) = compared(chunk, false);
        assert_eq!(
            report.differences.first,
            [
                "a.jsonl: part 1 of 2 is not counted yet",
                "a.jsonl: counted: recounted 2, the ledger says 3",
                "a.jsonl: rejected future: recounted 0, the ledger says 1",
                "a.jsonl: rejected not_json: recounted 1, the ledger says 0",
            ]
        );
    }

    #[test]
    fn a_chunk_that_was_not_counted_is_a_difference_unless_it_is_dead_and_that_is_allowed() {
        let mut chunk = chunk_of(VIEWS);
        chunk.ledger = None;
        assert_eq!(compared(chunk, true).0.differences.first, ["a.jsonl: not counted yet"]);
        let broken = || chunk_of(&[0x1f, 0x8b, 8]);
        assert!(
            compared(broken(), false).0.differences.first[0]
                .starts_with("a.jsonl: not countable, it cannot be unpacked: ")
        );
        let (report, _) = compared(broken(), true);
        assert_eq!((report.differences.count, report.dead), (0, 1));
        let counted = Chunk { ledger: chunk_of(VIEWS).ledger, ..broken() };
        assert!(
            compared(counted, true).0.differences.first[0].starts_with("a.jsonl: counted, but cannot be unpacked: ")
        );
    }

    fn tallies(cells: &[(i64, &str, u64)]) -> BTreeMap<TallyKey, Decimal> {
        let tally = |minute: i64, key: &str| TallyKey {
            site: "default".to_owned(),
            measure: "views".to_owned(),
            minute,
            key: key.to_owned(),
        };
        cells.iter().map(|(minute, key, number)| (tally(*minute, key), Decimal::from(*number))).collect()
    }

    #[test]
    fn every_tally_is_compared_and_expired_ones_are_left_out() {
        let expected = tallies(&[(10, "1", 9), (20, "1", 9), (30, "1", 1), (30, "2", 2), (30, "3", 3)]);
        let contents = Contents {
            tallies: tallies(&[(10, "2", 9), (30, "1", 1), (30, "2", 7), (30, "4", 4)]),
            expired: BTreeSet::from([("default".to_owned(), 20)]),
            ..Contents::default()
        };
        let mut report = Report::default();
        compare_tallies(expected, contents, DateTime::from_timestamp(600, 0), &mut report);
        assert_eq!((report.tallies, report.expired), (4, 3));
        assert_eq!(
            report.differences.first,
            [
                "default views 1970-01-01T00:30:00Z 2: recounted 2, the table says 7",
                "default views 1970-01-01T00:30:00Z 3: recounted 3, the table says 0",
                "default views 1970-01-01T00:30:00Z 4: recounted 0, the table says 4",
            ]
        );
        assert!(report.check().is_err());
    }

    #[test]
    fn prints_the_first_differences_and_counts_all() {
        let mut report = Report::default();
        report.counts.events = 1_000_000;
        for number in 0..150 {
            report.differences.add(|| format!("difference {number}"));
        }
        let text = report_text(&report);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 103);
        assert_eq!(lines[100], "... and 50 more");
        assert_eq!(lines[101], "verified: 1000000 events, 150 differences");
    }

    #[test]
    fn a_chunk_that_is_marked_but_gone_is_a_difference() {
        let expected = Expected { chunk_ids: BTreeSet::from(["b/x#1".to_owned()]), ..Expected::default() };
        let chunk_ids = ["b/x#1", "b/y#2", "other/z#3"].map(str::to_owned);
        let contents = Contents { chunk_ids: BTreeSet::from(chunk_ids), ..Contents::default() };
        let mut differences = Differences::default();
        compare_marks("b", &expected, &contents, &mut differences);
        assert_eq!(differences.first, ["b/y#2: counted, but not in the bucket"]);
    }
}
