//! What the ledger says of a chunk (docs/TABLE.md), read without the code that writes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use anyhow::{Context as _, Result, anyhow, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use minutebook_oracle::Period;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// What stands before the chunk id in the key of a ledger entry.
const MARK: &str = "L#";

/// What the ids of chunks begin with that are the sums of a sealed hour: they are no objects, and
/// have no lines.
const SEAL: &str = "seal:";

/// The ledger entries of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// How many parts the chunk has, by each ledger entry; more than one value is an error of
    /// whoever wrote them.
    pub(crate) parts: BTreeSet<u64>,
    /// Into how many transactions a part was cut that was committed late, by each of its ledger
    /// entries that says so.
    pub(crate) late_parts: BTreeMap<u64, BTreeSet<u64>>,
    /// What is marked.
    pub(crate) marked: BTreeSet<EntryName>,
    /// What part 0 says of the whole chunk.
    pub(crate) summary: Option<Summary>,
}

/// Which transaction of a chunk a ledger entry was committed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryName {
    /// The part, from 0.
    pub(crate) part: u64,
    /// Which transaction of that part; 0 for a part that took only one.
    pub(crate) late: u64,
}

/// One ledger entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LedgerEntry {
    pub(crate) name: EntryName,
    parts: u64,
    late_parts: Option<u64>,
    summary: Option<Summary>,
}

/// What part 0 says of the whole chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) reference_time: DateTime<Utc>,
    pub(crate) default_currency: String,
    /// For how many days minute rows were kept when it was counted, 0 for ever; absent in old
    /// ledger entries.
    pub(crate) minute_retention_days: Option<u32>,
    pub(crate) counts: Counts,
}

/// Where the lines of a chunk went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) lines: u64,
    pub(crate) counted: u64,
    pub(crate) ignored: u64,
    pub(crate) duplicate: u64,
    pub(crate) rejected: u64,
    pub(crate) rejected_by_reason: BTreeMap<String, u64>,
    pub(crate) events: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.counted += other.counted;
        self.ignored += other.ignored;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
        self.events += other.events;
        for (reason, count) in &other.rejected_by_reason {
            *self.rejected_by_reason.entry(reason.clone()).or_default() += count;
        }
    }
}

impl Ledger {
    /// Whether everything is marked.
    pub(crate) fn is_complete(&self) -> bool {
        self.parts_count() > 0 && self.missing().is_empty()
    }

    /// The number of parts, as far as it is known.
    pub(crate) fn parts_count(&self) -> u64 {
        self.parts.iter().max().copied().unwrap_or(0)
    }

    /// What is not marked yet, in sentences.
    pub(crate) fn missing(&self) -> Vec<String> {
        let parts = self.parts_count();
        let mut missing = Vec::new();
        for part in 0..parts {
            if !self.marked.contains(&EntryName { part, late: 0 }) {
                missing.push(format!("part {part} of {parts} is not counted yet"));
            }
            let transactions = self.transactions_count(part);
            for late in (1..transactions)
                .filter(|late| !self.marked.contains(&EntryName { part, late: *late }))
            {
                missing
                    .push(format!("part {part} of {parts}: transaction {late} of {transactions} is not counted yet"));
            }
        }
        missing
    }

    /// What the ledger entries say that cannot be, in sentences.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        let parts = self.parts_count();
        let mut contradictions = Vec::new();
        if self.parts.len() > 1 {
            contradictions
                .push(format!("its entries disagree on how many parts it has: {:?}", self.parts));
        }
        for (part, counts) in self.late_parts.iter().filter(|(_, counts)| counts.len() > 1) {
            contradictions.push(format!(
                "its entries disagree on how many transactions part {part} took: {counts:?}"
            ));
        }
        for EntryName { part, late } in &self.marked {
            let transactions = self.transactions_count(*part);
            if *part >= parts {
                contradictions.push(format!("part {part} is marked, of {parts} parts"));
            } else if *late >= transactions {
                contradictions.push(format!(
                    "transaction {late} of part {part} is marked, of {transactions}"
                ));
            }
        }
        contradictions
    }

    pub(crate) fn add(&mut self, entry: LedgerEntry) {
        self.marked.insert(entry.name);
        self.parts.insert(entry.parts);
        if let Some(late_parts) = entry.late_parts {
            self.late_parts.entry(entry.name.part).or_default().insert(late_parts);
        }
        if entry.summary.is_some() {
            self.summary = entry.summary;
        }
    }

    /// How many transactions a part took, or takes.
    fn transactions_count(&self, part: u64) -> u64 {
        self.late_parts.get(&part).and_then(|counts| counts.iter().max().copied()).unwrap_or(1)
    }
}

impl LedgerEntry {
    /// The id of the chunk whose ledger entry has this partition key; `None` if the row is no
    /// ledger entry.
    pub(crate) fn chunk_id(pk: &str) -> Option<&str> {
        pk.strip_prefix(MARK)
    }

    /// Where the lines of the whole chunk went; only part 0 of an object's chunk says so.
    pub(crate) fn counts(&self) -> Option<&Counts> {
        self.summary.as_ref().map(|summary| &summary.counts)
    }

    pub(crate) fn read(item: &Item) -> Result<Self> {
        let sk = text(item, "sk")?;
        let name =
            EntryName::read(sk).with_context(|| format!("its part {sk:?} is not a number"))?;
        number::<u32>(item, "plan_format_version")?;
        time(item, "committed_at")?;
        let late_parts = item.get("late_parts").map(|_| number(item, "late_parts")).transpose()?;
        let is_object =
            Self::chunk_id(text(item, "pk")?).is_some_and(|chunk_id| !chunk_id.starts_with(SEAL));
        let is_first = name == EntryName::default();
        let summary = if is_object && is_first { Some(summary(item)?) } else { None };
        Ok(Self { name, parts: number(item, "parts")?, late_parts, summary })
    }
}

impl EntryName {
    /// Reads `000002` or `000002.001`.
    fn read(sk: &str) -> Option<Self> {
        let (part, late) = match sk.split_once('.') {
            Some((part, late)) => (part, late),
            None => (sk, "000"),
        };
        let digits = |text: &str, least: usize| {
            (text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| text.parse().ok())
                .flatten()
        };
        let name = Self { part: digits(part, 6)?, late: digits(late, 3)? };
        // The first transaction of a part has the name of the part.
        (name.late > 0 || !sk.contains('.')).then_some(name)
    }
}

/// The id under which the sums of a sealed hour are marked.
pub(crate) fn sums_chunk_id(site: &str, hour: Period) -> String {
    format!("{SEAL}{site}:{hour}")
}

/// The site and the hour of the chunk that the sums of a sealed hour are, as they are written;
/// `None` for an object's.
pub(crate) fn sealed_hour(chunk_id: &str) -> Option<(&str, &str)> {
    // Sites may have colons, hours have none.
    chunk_id.strip_prefix(SEAL)?.rsplit_once(':')
}

/// The id under which a chunk is marked.
pub(crate) fn chunk_id(bucket: &str, key: &str, content_hash: &str) -> String {
    format!("{bucket}/{key}#{content_hash}")
}

/// Reads the ledger entries of a chunk; `None` if there are none.
pub(crate) async fn read(client: &Client, table: &str, chunk_id: &str) -> Result<Option<Ledger>> {
    let mut items = client
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(format!("{MARK}{chunk_id}")))
        .into_paginator()
        .items()
        .send();
    let mut ledger = Ledger::default();
    while let Some(item) = items.next().await {
        let item = item.map_err(|error| {
            anyhow!("cannot read the table {table}: {}", DisplayErrorContext(error))
        })?;
        let entry = LedgerEntry::read(&item)
            .with_context(|| format!("the ledger's entry of {chunk_id} cannot be read"))?;
        ledger.add(entry);
    }
    Ok(if ledger.marked.is_empty() { None } else { Some(ledger) })
}

fn summary(item: &Item) -> Result<Summary> {
    let mut rejected_by_reason = BTreeMap::new();
    match item.get("rejected_by_reason") {
        Some(AttributeValue::M(reasons)) => {
            for reason in reasons.keys() {
                rejected_by_reason.insert(reason.clone(), number(reasons, reason)?);
            }
        }
        other => bail!("its rejected_by_reason is {other:?}"),
    }
    let counts = Counts {
        lines: number(item, "lines")?,
        counted: number(item, "counted")?,
        ignored: number(item, "ignored")?,
        duplicate: number(item, "duplicate")?,
        rejected: number(item, "rejected")?,
        rejected_by_reason,
        events: number(item, "events")?,
    };
    Ok(Summary {
        reference_time: time(item, "reference_time")?,
        default_currency: text(item, "default_currency")?.to_owned(),
        minute_retention_days: item
            .get("minute_retention_days")
            .map(|_| number(item, "minute_retention_days"))
            .transpose()?,
        counts,
    })
}

fn time(item: &Item, name: &str) -> Result<DateTime<Utc>> {
    let time = text(item, name)?;
    time.parse().map_err(|_| anyhow!("its {name} {time:?} is not a time"))
}

fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        other => bail!("its {name} is {other:?}"),
    }
}

fn number<T: FromStr>(item: &Item, name: &str) -> Result<T> {
    match item.get(name) {
        Some(AttributeValue::N(number)) => {
            number.parse().map_err(|_| anyhow!("its {name} is {number}"))
        }
        other => bail!("its {name} is {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_oracle::Granularity;

    fn entry(pk: &str, sk: &str, numbers: &[(&str, u64)]) -> Item {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut item = Item::from([
            ("pk".to_owned(), text(pk)),
            ("sk".to_owned(), text(sk)),
            ("committed_at".to_owned(), text("2026-11-20T12:00:01.123Z")),
        ]);
        for (name, number) in [("plan_format_version", 2)].iter().chain(numbers) {
            item.insert((*name).to_owned(), AttributeValue::N(number.to_string()));
        }
        item
    }

    fn first_entry(parts: u64) -> Item {
        let numbers = [
            ("parts", parts),
            ("minute_retention_days", 7),
            ("lines", 6),
            ("counted", 1),
            ("ignored", 1),
            ("duplicate", 1),
            ("rejected", 3),
            ("events", 2),
        ];
        let mut item = entry("L#bucket/key#hash", "000000", &numbers);
        item.insert(
            "reference_time".to_owned(),
            AttributeValue::S("2026-11-20T12:00:00Z".to_owned()),
        );
        item.insert("default_currency".to_owned(), AttributeValue::S("EUR".to_owned()));
        let reasons = [("future", "1"), ("not_json", "2")];
        let reasons =
            reasons.map(|(reason, count)| (reason.to_owned(), AttributeValue::N(count.to_owned())));
        item.insert("rejected_by_reason".to_owned(), AttributeValue::M(reasons.into()));
        item
    }

    /// The ledger of an object with part 0 of so many, and these ledger entries besides, as sort
    /// key, `parts` and `late_parts`.
    fn ledger(parts: u64, others: &[(&str, u64, Option<u64>)]) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.add(LedgerEntry::read(&first_entry(parts)).unwrap());
        for (sk, parts, late_parts) in others {
            let late_parts = late_parts.map(|late_parts| ("late_parts", late_parts));
            let numbers: Vec<(&str, u64)> =
                [("parts", *parts)].into_iter().chain(late_parts).collect();
            ledger.add(LedgerEntry::read(&entry("L#bucket/key#hash", sk, &numbers)).unwrap());
        }
        ledger
    }

    #[test]
    fn a_ledger_is_complete_when_every_part_is_marked() {
        assert!(!Ledger::default().is_complete());
        let unfinished = ledger(3, &[("000002", 3, None)]);
        assert!(!unfinished.is_complete());
        assert_eq!(unfinished.missing(), ["part 1 of 3 is not counted yet"]);
        let finished = ledger(3, &[("000002", 3, None), ("000001", 3, None)]);
        assert!(finished.is_complete());
        let summary = finished.summary.unwrap();
        let counts = summary.counts;
        assert_eq!((counts.lines, counts.rejected, counts.events), (6, 3, 2));
        assert_eq!(counts.rejected_by_reason["not_json"], 2);
        assert_eq!(summary.minute_retention_days, Some(7));
    }

    #[test]
    fn a_part_that_was_committed_late_is_complete_when_every_transaction_of_it_is_marked() {
        let one = ledger(2, &[("000001", 2, Some(1))]);
        assert!(one.is_complete() && one.contradictions().is_empty());
        let unfinished = ledger(2, &[("000001", 2, Some(3)), ("000001.002", 2, None)]);
        assert_eq!(unfinished.missing(), ["part 1 of 2: transaction 1 of 3 is not counted yet"]);
        let finished = ledger(
            2,
            &[("000001", 2, Some(3)), ("000001.002", 2, Some(3)), ("000001.001", 2, None)],
        );
        assert!(finished.is_complete());
        // The ledger entry of the part itself is missing.
        let odd = ledger(2, &[("000001.001", 2, Some(2))]);
        assert_eq!(odd.missing(), ["part 1 of 2 is not counted yet"]);
    }

    #[test]
    fn entries_that_contradict_each_other_are_told() {
        let entries = [
            ("000001", 3, Some(2)),
            ("000001.001", 3, Some(3)),
            ("000003", 3, None),
            ("000002.001", 3, None),
        ];
        assert_eq!(
            ledger(2, &entries).contradictions(),
            [
                "its entries disagree on how many parts it has: {2, 3}",
                "its entries disagree on how many transactions part 1 took: {2, 3}",
                "transaction 1 of part 2 is marked, of 1",
                "part 3 is marked, of 3 parts",
            ]
        );
    }

    #[test]
    fn a_entry_without_its_numbers_is_an_error() {
        let mut item = first_entry(1);
        item.remove("lines");
        assert_eq!(LedgerEntry::read(&item).unwrap_err().to_string(), "its lines is None");
        for sk in ["1", "0000001.1", "000001.000", "000001.", "x", "00000x"] {
            let item = entry("L#bucket/key#hash", sk, &[("parts", 1)]);
            assert_eq!(
                LedgerEntry::read(&item).unwrap_err().to_string(),
                format!("its part {sk:?} is not a number")
            );
        }
    }

    #[test]
    fn the_sums_of_a_sealed_hour_have_no_summary() {
        let entry =
            LedgerEntry::read(&entry("L#seal:shop:2026-11-20T23", "000000", &[("parts", 1)]))
                .unwrap();
        let mut ledger = Ledger::default();
        ledger.add(entry);
        assert!(ledger.is_complete() && ledger.summary.is_none());
        assert_eq!(sealed_hour("seal:a:b:2026-11-20T23"), Some(("a:b", "2026-11-20T23")));
        let hour = Period::containing(Granularity::Hour, 90);
        assert_eq!(sealed_hour(&sums_chunk_id("a", hour)), Some(("a", "1970-01-01T01")));
        assert_eq!(sealed_hour("bucket/seal:a:2026-11-20T23#hash"), None);
    }
}
