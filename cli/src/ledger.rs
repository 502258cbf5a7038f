//! What the ledger says of a chunk (docs/TABLE.md), read without the code that writes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context as _, Result, anyhow, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The marks of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// How many parts the chunk has, by each mark; more than one value is an error of whoever wrote them.
    pub(crate) parts: BTreeSet<u64>,
    /// The parts that are marked.
    pub(crate) marked: BTreeSet<u64>,
    /// What part 0 says of the whole chunk.
    pub(crate) summary: Option<Summary>,
}

/// What part 0 says of the whole chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) reference_time: DateTime<Utc>,
    pub(crate) default_currency: String,
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
    /// Whether every part is marked.
    pub(crate) fn is_complete(&self) -> bool {
        let parts = self.parts.iter().max().copied().unwrap_or(0);
        parts > 0 && (0..parts).all(|part| self.marked.contains(&part))
    }

    /// The number of parts, as far as it is known.
    pub(crate) fn parts_count(&self) -> u64 {
        self.parts.iter().max().copied().unwrap_or(0)
    }

    fn add(&mut self, item: &Item) -> Result<()> {
        let part = text(item, "sk")?;
        let part: u64 = part.parse().map_err(|_| anyhow!("its part {part:?} is not a number"))?;
        self.marked.insert(part);
        self.parts.insert(number(item, "parts")?);
        if part == 0 {
            self.summary = Some(summary(item)?);
        }
        Ok(())
    }
}

/// The id under which a chunk is marked.
pub(crate) fn chunk_id(bucket: &str, key: &str, content_hash: &str) -> String {
    format!("{bucket}/{key}#{content_hash}")
}

/// Reads the marks of a chunk; `None` if there are none.
pub(crate) async fn read(client: &Client, table: &str, chunk_id: &str) -> Result<Option<Ledger>> {
    let mut items = client
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(format!("L#{chunk_id}")))
        .into_paginator()
        .items()
        .send();
    let mut ledger = Ledger::default();
    while let Some(item) = items.next().await {
        let item = item.map_err(|error| anyhow!("cannot read the table {table}: {}", DisplayErrorContext(error)))?;
        ledger.add(&item).with_context(|| format!("the ledger's mark of {chunk_id} cannot be read"))?;
    }
    Ok(if ledger.marked.is_empty() { None } else { Some(ledger) })
}

fn summary(item: &Item) -> Result<Summary> {
    let reference_time = text(item, "reference_time")?;
    let reference_time =
        reference_time.parse().map_err(|_| anyhow!("its reference_time {reference_time:?} is not a time"))?;
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
    Ok(Summary { reference_time, default_currency: text(item, "default_currency")?.to_owned(), counts })
}

fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        other => bail!("its {name} is {other:?}"),
    }
}

fn number(item: &Item, name: &str) -> Result<u64> {
    match item.get(name) {
        Some(AttributeValue::N(number)) => number.parse().map_err(|_| anyhow!("its {name} is {number}")),
        other => bail!("its {name} is {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(part: &str, parts: &str) -> Item {
        let number = |number: &str| AttributeValue::N(number.to_owned());
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut item = Item::from([
            ("pk".to_owned(), text("L#bucket/key#hash")),
            ("sk".to_owned(), text(part)),
            ("parts".to_owned(), number(parts)),
        ]);
        if part == "000000" {
            for (name, value) in [
                ("lines", "6"),
                ("counted", "1"),
                ("ignored", "1"),
                ("duplicate", "1"),
                ("rejected", "3"),
                ("events", "2"),
            ] {
                item.insert(name.to_owned(), number(value));
            }
            item.insert("reference_time".to_owned(), text("2026-11-20T12:00:00Z"));
            item.insert("default_currency".to_owned(), text("EUR"));
            let reasons = [("future".to_owned(), number("1")), ("not_json".to_owned(), number("2"))];
            item.insert("rejected_by_reason".to_owned(), AttributeValue::M(reasons.into()));
        }
        item
    }

    #[test]
    fn a_ledger_is_complete_when_every_part_is_marked() {
        let mut ledger = Ledger::default();
        assert!(!ledger.is_complete());
        ledger.add(&mark("000000", "3")).unwrap();
        ledger.add(&mark("000002", "3")).unwrap();
        assert!(!ledger.is_complete());
        ledger.add(&mark("000001", "3")).unwrap();
        assert!(ledger.is_complete());
        let counts = ledger.summary.unwrap().counts;
        assert_eq!((counts.lines, counts.rejected, counts.events), (6, 3, 2));
        assert_eq!(counts.rejected_by_reason["not_json"], 2);
    }

    #[test]
    fn a_mark_without_its_numbers_is_an_error() {
        let mut item = mark("000000", "1");
        item.remove("lines");
        let error = Ledger::default().add(&item).unwrap_err();
        assert_eq!(error.to_string(), "its lines is None");
    }
}
