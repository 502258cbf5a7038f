//! Recounts the raw objects, and compares the ledger with the recount.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use minutebook_oracle::{Recount, RecountError, Settings, SiteSettings, recount_appended};

use crate::commands::clock;
use crate::proof::differences::Differences;
use crate::proof::report::Report;
use crate::rows::ledger::{
    self, ChunkIds, Counts, Ledger, Refusal, Summary, are_counted_elsewhere,
};
use crate::rows::sites::registry;
use crate::rows::sites::settings::{self, Revision};
use crate::stack::object_hashes::ObjectHashes;
use crate::stack::objects::{self, Object};

/// Where the objects and their ledger entries are.
pub(crate) struct Objects {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) bucket: String,
    pub(crate) table: String,
    /// The revisions of the settings of sites that are known so far.
    pub(crate) revisions: tokio::sync::Mutex<Vec<Revision>>,
    /// The sites that are known so far.
    pub(crate) sites: tokio::sync::Mutex<KnownSites>,
}

/// The numbers of sites, and when they were read.
#[derive(Debug, Default)]
pub(crate) struct KnownSites {
    numbers: BTreeMap<String, u32>,
    read_at: Option<DateTime<Utc>>,
}

/// How far the clocks of functions may be from this one.
const CLOCK_MARGIN: TimeDelta = TimeDelta::minutes(5);

/// A chunk: the recount of an object, and what the ledger says.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Its id: of one that cannot be counted, that under which it is refused.
    pub(crate) id: String,
    /// `None` if the chunk has no entries.
    ledger: Option<Ledger>,
    /// What the ledger says about it if it is refused. Only of a chunk that is not counted.
    refusal: Option<Refusal>,
    /// Whether all of it is counted as a part of a later version, or as another file. Only of a
    /// chunk that is neither counted nor refused.
    is_counted_elsewhere: bool,
    /// Made with the plan inputs of the ledger. Without them, it only says whether the object can
    /// be counted.
    recount: Result<Recount, RecountError>,
}

impl Objects {
    /// Every version of every object with this prefix.
    ///
    /// # Errors
    /// The bucket cannot be listed.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        objects::list(&self.s3, &self.bucket, prefix).await
    }

    /// The objects with this prefix and one of these keys that are not `known`.
    ///
    /// # Errors
    /// The bucket cannot be listed.
    pub(crate) async fn list_new(
        &self,
        prefix: &str,
        keys: &BTreeSet<&str>,
        known: &HashSet<Object>,
    ) -> Result<Vec<Object>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut objects = self.list(prefix).await?;
        objects.retain(|object| keys.contains(object.key.as_str()) && !known.contains(object));
        Ok(objects)
    }

    /// Reads an object and its ledger entries, and recounts it; `None` if it was deleted or
    /// replaced since it was listed.
    ///
    /// # Errors
    /// The object or the ledger cannot be read.
    pub(crate) async fn recount(&self, object: &Object) -> Result<Option<Chunk>> {
        let Some(open) = object.open(&self.s3).await? else { return Ok(None) };
        let read = open
            .body
            .collect()
            .await
            .with_context(|| format!("cannot read {}", object.address()))?;
        let bytes = read.into_bytes();
        let ids = ChunkIds::new(&self.bucket, &object.key, &ObjectHashes::of(&bytes));
        let read = |id| ledger::read(&self.dynamodb, &self.table, id);
        let ledger = read(&ids.counted).await?;
        let refused = if ledger.is_none() { read(&ids.refused).await? } else { None };
        let settings = match ledger.as_ref().and_then(|ledger| ledger.summary.as_ref()) {
            Some(summary) => Settings {
                reference_time: summary.reference_time,
                default_currency: summary.default_currency.clone(),
                default_time_zone: summary.default_time_zone.unwrap_or(Tz::UTC),
                sites: self.settings_as_of(summary.settings_revision).await?,
                refused_sites: BTreeSet::new(),
                has_order_lines: summary.has_order_lines,
                has_order_refunds: summary.has_order_refunds,
                has_checkouts: summary.has_checkouts,
            },
            None => Settings::at(DateTime::UNIX_EPOCH),
        };
        let keys_max = ledger.as_ref().map_or(0, |ledger| ledger.keys_max);
        let refused = refused.and_then(|ledger| ledger.refusal);
        let is_counted_elsewhere = ledger.is_none()
            && refused.is_none()
            && are_counted_elsewhere(&self.dynamodb, &self.s3, &self.table, &ids.file).await?;
        let summary = ledger.as_ref().and_then(|ledger| ledger.summary.as_ref());
        let counted_before = summary.map_or(0, |summary| summary.counted_before);
        let counted_before = usize::try_from(counted_before)?;
        let recount = move |settings: Settings| {
            let bytes = bytes.clone();
            tokio::task::spawn_blocking(move || {
                let recount = recount_appended(&bytes, counted_before, &settings);
                recount.map(|recount| recount.with_names_max(keys_max))
            })
        };
        let mut recounted = recount(settings.clone()).await?;
        if let (Some(summary), Ok(all)) = (summary, &recounted) {
            let refused_sites = self.refused_sites(all, summary).await?;
            if !refused_sites.is_empty() {
                recounted = recount(Settings { refused_sites, ..settings }).await?;
            }
        }
        let recount = recounted;
        let is_refused = recount.is_err() && ledger.is_none();
        let read_as = ledger.as_ref().and_then(|ledger| ledger.read_as.clone());
        let id = if is_refused { ids.refused } else { read_as.unwrap_or(ids.counted) };
        Ok(Some(Chunk { id, ledger, refusal: refused, is_counted_elsewhere, recount }))
    }
}

impl Objects {
    /// The sites of a chunk that have no number up to the bound that it was counted with.
    async fn refused_sites(
        &self,
        recount: &Recount,
        summary: &Summary,
    ) -> Result<BTreeSet<String>> {
        let bound = summary.sites_max.unwrap_or(0);
        if bound == 0 {
            return Ok(BTreeSet::new());
        }
        let sites = sites_of(recount);
        let mut known = self.sites.lock().await;
        let is_unknown = |known: &KnownSites| {
            let is_old = known.read_at.is_none_or(|at| summary.committed_at + CLOCK_MARGIN > at);
            is_old && sites.iter().any(|site| !known.numbers.contains_key(*site))
        };
        if is_unknown(&known) {
            let rows = registry::all(&self.dynamodb, &self.table).await?;
            known.read_at = Some(clock::now());
            known.numbers = rows.into_iter().map(|row| (row.site, row.number)).collect();
        }
        let is_refused = |site: &&String| known.numbers.get(*site).is_none_or(|at| *at > bound);
        Ok(sites.into_iter().filter(is_refused).cloned().collect())
    }

    /// What sites had set as of a revision.
    async fn settings_as_of(&self, number: u32) -> Result<BTreeMap<String, SiteSettings>> {
        let mut known = self.revisions.lock().await;
        let last = |known: &[Revision]| known.last().map_or(0, |revision| revision.number);
        if last(&known) < number {
            *known = settings::all(&self.dynamodb, &self.table).await?;
        }
        ensure!(
            number <= last(&known),
            "the ledger names revision {number} of the settings, which does not exist"
        );
        Ok(settings::reading_as_of(&known, number))
    }
}

/// Compares what the ledger says about a chunk, and returns what the chunk should have added to the
/// table; `None` if that is nothing.
pub(crate) fn compare_chunk(
    object: &Object,
    chunk: Chunk,
    report: &mut Report,
) -> Option<(Recount, Summary)> {
    let name = object.name();
    let differences = &mut report.differences;
    let (ledger, recount) = match (chunk.ledger, chunk.recount, chunk.refusal) {
        (Some(ledger), Ok(recount), _) => (ledger, recount),
        (Some(_), Err(error), _) => {
            differences.add(|| format!("{name}: counted, but {error}"));
            return None;
        }
        (None, Err(_), Some(_)) => {
            report.refused += 1;
            return None;
        }
        // The oracle has no such limit.
        (None, Ok(_), Some(Refusal { code, .. })) if code == "too_many_orders" => {
            report.refused += 1;
            return None;
        }
        (None, Ok(_), Some(Refusal { code, .. })) => {
            differences.add(|| format!("{name}: refused ({code}), but it can be counted"));
            return None;
        }
        (None, Ok(_), None) if chunk.is_counted_elsewhere => return None,
        (None, Ok(_), None) => {
            differences.add(|| format!("{name}: not counted yet"));
            return None;
        }
        (None, Err(error), None) => {
            differences.add(|| format!("{name}: not refused yet, although it {error}"));
            return None;
        }
    };
    for fault in ledger.contradictions().into_iter().chain(ledger.missing()) {
        differences.add(|| format!("{name}: {fault}"));
    }
    compare_sites(&name, &recount, &ledger, differences);
    // Without the entry of part 0 the plan inputs are unknown, and nothing is committed.
    let summary = ledger.summary?;
    let recounted = Counts::from(&recount);
    compare_counts(&name, &recounted, &summary.counts, differences);
    report.counts.add(&recounted);
    Some((recount, summary))
}

/// Compares the sites that the entries name with those that the chunk adds to. Entries from before
/// they were named have none, and parts that add nothing.
fn compare_sites(name: &str, recount: &Recount, ledger: &Ledger, differences: &mut Differences) {
    let sites = sites_of(recount);
    for site in ledger.sites.iter().filter(|site| !sites.contains(site)) {
        differences
            .add(|| format!("{name}: the ledger names the site {site}, which it is not about"));
    }
    if ledger.has_unnamed_sites || !ledger.is_complete() {
        return;
    }
    for site in sites.into_iter().filter(|site| !ledger.sites.contains(*site)) {
        differences.add(|| format!("{name}: the ledger does not name the site {site}"));
    }
}

/// The sites of tallies and of orders; visitors have no others.
fn sites_of(recount: &Recount) -> BTreeSet<&String> {
    let of_tallies = recount.tallies.keys().map(|key| &key.site);
    let of_orders = recount.orders.iter().map(|event| &event.site);
    of_tallies.chain(of_orders).collect()
}

fn compare_counts(name: &str, recounted: &Counts, ledger: &Counts, differences: &mut Differences) {
    let numbers = [
        ("lines", recounted.lines, ledger.lines),
        ("counted", recounted.counted, ledger.counted),
        ("ignored", recounted.ignored, ledger.ignored),
        ("duplicate", recounted.duplicate, ledger.duplicate),
        ("rejected", recounted.rejected, ledger.rejected),
        ("events", recounted.events, ledger.events),
        ("unknown", recounted.notes.unknown, ledger.notes.unknown),
        (
            "purchases_without_money",
            recounted.notes.purchases_without_money,
            ledger.notes.purchases_without_money,
        ),
    ];
    for (what, recounted, ledger) in numbers {
        if recounted != ledger {
            differences
                .add(|| format!("{name}: {what}: recounted {recounted}, the ledger says {ledger}"));
        }
    }
    let by_name = [
        ("rejected", &recounted.rejected_by_reason, &ledger.rejected_by_reason),
        ("dropped", &recounted.notes.dropped, &ledger.notes.dropped),
    ];
    for (what, recounted, ledger) in by_name {
        let names: BTreeSet<&String> = recounted.keys().chain(ledger.keys()).collect();
        for of in names {
            let number = |counts: &BTreeMap<String, u64>| counts.get(of).copied().unwrap_or(0);
            let (recounted, ledger) = (number(recounted), number(ledger));
            if recounted != ledger {
                differences.add(|| {
                    format!("{name}: {what} {of}: recounted {recounted}, the ledger says {ledger}")
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use minutebook_oracle::recount;

    use super::*;
    use crate::rows::ledger::EntryName;

    fn object() -> Object {
        let (bucket, key) = ("bucket".to_owned(), "a.jsonl".to_owned());
        Object { bucket, key, version: None, etag: None, size_bytes: None, time: None }
    }

    fn chunk_of(bytes: &[u8]) -> Chunk {
        let reference_time = "2026-11-20T12:00:00Z".parse().unwrap();
        let settings = Settings::at(reference_time);
        let recount = recount(bytes, &settings);
        let ledger = recount.as_ref().ok().map(|recount| Ledger {
            parts: BTreeSet::from([1]),
            entries: BTreeSet::from([EntryName::default()]),
            sites: BTreeSet::from(["default".to_owned()]),
            summary: Some(Summary {
                committed_at: reference_time,
                reference_time,
                default_currency: settings.default_currency.clone(),
                default_time_zone: None,
                counted_before: 0,
                minute_retention_days: Some(7),
                are_reasons_in_totals: true,
                has_order_lines: true,
                has_order_refunds: true,
                has_checkouts: true,
                visitor_secrets: BTreeSet::from([0]),
                settings_revision: 0,
                sites_max: None,
                counts: Counts::from(recount),
            }),
            ..Ledger::default()
        });
        Chunk {
            id: "bucket/a.jsonl#hash".to_owned(),
            ledger,
            refusal: None,
            is_counted_elsewhere: false,
            recount,
        }
    }

    const VIEWS: &[u8] = b"{\"event\":\"view\",\"ts\":\"2026-11-20T11:07Z\",\"sku\":1}\n\
        {\"event\":\"view\",\"ts\":\"2026-11-20T11:08Z\",\"sku\":1}\nx\n";

    fn compared(chunk: Chunk) -> (Report, Option<(Recount, Summary)>) {
        let mut report = Report::default();
        let additions = compare_chunk(&object(), chunk, &mut report);
        (report, additions)
    }

    #[test]
    fn accepts_a_chunk_of_which_the_ledger_is_right() {
        let (report, additions) = compared(chunk_of(VIEWS));
        assert_eq!(report.differences.first, Vec::<String>::new());
        assert_eq!((report.counts.events, report.counts.lines), (2, 3));
        assert_eq!(additions.unwrap().0.tallies.len(), 2);
    }

    #[test]
    fn reports_a_chunk_of_which_the_ledger_is_wrong() {
        let mut chunk = chunk_of(VIEWS);
        let ledger = chunk.ledger.as_mut().unwrap();
        ledger.parts = BTreeSet::from([2]);
        ledger.late_parts.insert(0, BTreeSet::from([2]));
        let counts = &mut ledger.summary.as_mut().unwrap().counts;
        counts.counted = 3;
        counts.rejected_by_reason = [("future".to_owned(), 1)].into();
        let (report, additions) = compared(chunk);
        assert_eq!(
            report.differences.first,
            [
                "a.jsonl: part 0 of 2: transaction 1 of 2 is not counted yet",
                "a.jsonl: part 1 of 2 is not counted yet",
                "a.jsonl: counted: recounted 2, the ledger says 3",
                "a.jsonl: rejected future: recounted 0, the ledger says 1",
                "a.jsonl: rejected not_json: recounted 1, the ledger says 0",
            ]
        );
        assert!(additions.is_some());
    }

    #[test]
    fn reports_sites_that_the_ledger_names_wrongly_or_not() {
        let named = |sites: &[&str], has_unnamed_sites: bool| {
            let mut chunk = chunk_of(VIEWS);
            let ledger = chunk.ledger.as_mut().unwrap();
            ledger.sites = sites.iter().map(|site| (*site).to_owned()).collect();
            ledger.has_unnamed_sites = has_unnamed_sites;
            compared(chunk).0.differences.first
        };
        let missing = "a.jsonl: the ledger does not name the site default";
        let wrong = "a.jsonl: the ledger names the site shop, which it is not about";
        assert_eq!(named(&["default", "shop"], false), [wrong]);
        assert_eq!(named(&["shop"], false), [wrong, missing]);
        assert_eq!(named(&[], false), [missing]);
        // Old entries name none, and some have no room for them.
        assert_eq!(named(&[], true), [""; 0]);
    }

    #[test]
    fn a_chunk_whose_first_part_is_missing_should_have_added_nothing() {
        let mut chunk = chunk_of(VIEWS);
        let ledger = chunk.ledger.as_mut().unwrap();
        (ledger.entries, ledger.summary) = (BTreeSet::from([EntryName { part: 1, late: 0 }]), None);
        ledger.parts = BTreeSet::from([2]);
        let (report, additions) = compared(chunk);
        assert_eq!(report.differences.first, ["a.jsonl: part 0 of 2 is not counted yet"]);
        assert!(additions.is_none());
    }

    #[test]
    fn reports_a_chunk_that_is_not_counted() {
        let mut chunk = chunk_of(VIEWS);
        chunk.ledger = None;
        assert_eq!(compared(chunk).0.differences.first, ["a.jsonl: not counted yet"]);
        let elsewhere = Chunk { ledger: None, is_counted_elsewhere: true, ..chunk_of(VIEWS) };
        assert_eq!(compared(elsewhere).0.differences.count, 0);
    }

    #[test]
    fn a_chunk_that_cannot_be_counted_must_be_refused_and_no_other() {
        let broken = || chunk_of(&[0x1f, 0x8b, 8]);
        let first = |chunk| compared(chunk).0.differences.first.concat();
        let missing = first(broken());
        assert!(
            missing.starts_with("a.jsonl: not refused yet, although it cannot be"),
            "{missing}"
        );
        let counted = first(Chunk { ledger: chunk_of(VIEWS).ledger, ..broken() });
        assert!(counted.starts_with("a.jsonl: counted, but cannot be unpacked: "), "{counted}");
        let refusal = |code: &str| {
            let because = "the file is truncated".to_owned();
            Some(Refusal { code: code.to_owned(), because })
        };
        let (report, additions) = compared(Chunk { refusal: refusal("truncated"), ..broken() });
        assert_eq!((report.differences.count, report.refused), (0, 1));
        assert!(additions.is_none());
        let readable = |code| Chunk { ledger: None, refusal: refusal(code), ..chunk_of(VIEWS) };
        let expected = "a.jsonl: refused (truncated), but it can be counted";
        assert_eq!(first(readable("truncated")), expected);
        assert_eq!(compared(readable("too_many_orders")).0.refused, 1);
    }
}
