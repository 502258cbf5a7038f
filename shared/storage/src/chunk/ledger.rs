//! The ledger: which parts of a chunk were counted, and from which inputs it was planned.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_domain::chunk::Outcomes;
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::plan::PlanInputs;

use crate::chunk::commit::Table;
use crate::error::StorageError;
use crate::keys;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// One ledger entry: this part of the chunk was counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerEntry {
    /// The version of the rules that cut the parts.
    pub plan_format_version: u32,
    /// How many parts the plan had.
    pub parts: usize,
    /// Into how many transactions the late form of an open part was cut; `None` for a part that
    /// took one, as planned.
    pub late_parts: Option<usize>,
    /// What the plan was made from; only part 0 records it.
    pub inputs: Option<PlanInputs>,
}

impl LedgerEntry {
    /// Whether both are of one way to cut the chunk: the same version and as many parts.
    pub fn is_of_plan(&self, other: &LedgerEntry) -> bool {
        self.plan_format_version == other.plan_format_version && self.parts == other.parts
    }
}

/// Which ledger entry of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EntryName {
    /// The part of the plan, from 0.
    pub part: usize,
    /// Which transaction of the part's late form; 0 is also the only one of a part that took one.
    pub late: usize,
}

/// The ledger entries of a chunk.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct LedgerEntries(BTreeMap<EntryName, LedgerEntry>);

impl LedgerEntries {
    /// The ledger entry of part 0, if it is committed.
    pub fn first(&self) -> Option<&LedgerEntry> {
        self.part(0)
    }

    /// The ledger entry of a part, if its first transaction is committed.
    pub fn part(&self, part: usize) -> Option<&LedgerEntry> {
        self.0.get(&EntryName { part, late: 0 })
    }

    /// The parts that have a ledger entry, ascending.
    pub fn parts(&self) -> impl Iterator<Item = (usize, &LedgerEntry)> {
        self.0.iter().filter(|(name, _)| name.late == 0).map(|(name, entry)| (name.part, entry))
    }

    /// Whether all transactions of a part are committed.
    pub fn has_whole(&self, part: usize) -> bool {
        let late_parts = |entry: &LedgerEntry| entry.late_parts.unwrap_or(1);
        self.part(part).is_some_and(|entry| {
            (1..late_parts(entry)).all(|late| self.0.contains_key(&EntryName { part, late }))
        })
    }

    /// Whether all parts of the chunk are committed, by whatever rules they were cut.
    pub fn is_complete(&self) -> bool {
        self.first().is_some_and(|first| {
            self.0.values().all(|entry| entry.is_of_plan(first))
                && (0..first.parts).all(|part| self.has_whole(part))
        })
    }
}

/// What part 0's ledger entry records about the whole chunk.
#[derive(Clone, Copy, Debug)]
pub struct ChunkHeader<'a> {
    /// The bucket that the object lies in.
    pub bucket: &'a str,
    /// The object's key, decoded.
    pub key: &'a str,
    /// What the plan was made from.
    pub inputs: PlanInputs,
    /// Where the chunk's lines went.
    pub outcomes: &'a Outcomes,
}

impl Table {
    /// The ledger entries of a chunk; none if nothing of it was counted yet.
    ///
    /// **Guarantees**: a consistent read: it shows every part that was committed before the call.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    pub async fn read_entries(&self, chunk: &ChunkId) -> Result<LedgerEntries, StorageError> {
        let mut entries = BTreeMap::new();
        let mut items = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(keys::ledger_partition(chunk)))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            let item =
                item.map_err(|error| StorageError::from_sdk("Query of the ledger", error))?;
            entries.insert(read_name(&item)?, read_entry(&item)?);
        }
        Ok(LedgerEntries(entries))
    }
}

fn read_name(item: &Item) -> Result<EntryName, StorageError> {
    let sort_key = text(item, keys::SORT_KEY)?;
    let (part, late) = sort_key.split_once('.').unwrap_or((sort_key, "0"));
    match (part.parse(), late.parse()) {
        (Ok(part), Ok(late)) => Ok(EntryName { part, late }),
        _ => Err(malformed(item, "its sort key is not the number of a part".to_string())),
    }
}

/// Reads a ledger entry from its row.
pub(crate) fn read_entry(item: &Item) -> Result<LedgerEntry, StorageError> {
    let inputs = match (
        item.get("reference_time"),
        item.get("default_currency"),
        item.get("minute_retention_days"),
    ) {
        (Some(AttributeValue::S(time)), Some(AttributeValue::S(currency)), Some(_)) => {
            let reference_time = DateTime::parse_from_rfc3339(time)
                .map_err(|error| malformed(item, format!("reference_time is not a time: {error}")))?
                .with_timezone(&Utc);
            let default_currency = Currency::parse(currency.as_bytes())
                .ok_or_else(|| malformed(item, format!("default_currency is {currency:?}")))?;
            let minute_retention_days = number(item, "minute_retention_days")?;
            Some(PlanInputs { reference_time, default_currency, minute_retention_days })
        }
        _ => None,
    };
    let late_parts =
        item.contains_key("late_parts").then(|| number(item, "late_parts")).transpose()?;
    Ok(LedgerEntry {
        plan_format_version: number(item, "plan_format_version")?,
        parts: number(item, "parts")?,
        late_parts,
        inputs,
    })
}

/// Writes a ledger entry as a row.
pub(crate) fn entry_item(
    chunk: &ChunkId,
    name: EntryName,
    entry: &LedgerEntry,
    header: Option<&ChunkHeader<'_>>,
    committed_at: DateTime<Utc>,
) -> Item {
    let mut item = Item::new();
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_string(), value);
    set(keys::PARTITION_KEY, AttributeValue::S(keys::ledger_partition(chunk)));
    set(keys::SORT_KEY, AttributeValue::S(keys::ledger_entry(name)));
    set("plan_format_version", AttributeValue::N(entry.plan_format_version.to_string()));
    set("parts", AttributeValue::N(entry.parts.to_string()));
    if let Some(late_parts) = entry.late_parts {
        set("late_parts", AttributeValue::N(late_parts.to_string()));
    }
    set(
        "committed_at",
        AttributeValue::S(committed_at.to_rfc3339_opts(SecondsFormat::Millis, true)),
    );
    let Some(header) = header else {
        return item;
    };
    let outcomes = header.outcomes;
    let reference_time = header.inputs.reference_time.to_rfc3339_opts(SecondsFormat::Secs, true);
    set("bucket", AttributeValue::S(header.bucket.to_string()));
    set("key", AttributeValue::S(header.key.to_string()));
    set("reference_time", AttributeValue::S(reference_time));
    set("default_currency", AttributeValue::S(header.inputs.default_currency.to_string()));
    set(
        "minute_retention_days",
        AttributeValue::N(header.inputs.minute_retention_days.to_string()),
    );
    for (name, count) in [
        ("lines", outcomes.lines),
        ("counted", outcomes.counted),
        ("ignored", outcomes.ignored),
        ("duplicate", outcomes.duplicate),
        ("rejected", outcomes.rejected_total()),
        ("events", outcomes.events),
    ] {
        set(name, AttributeValue::N(count.to_string()));
    }
    let by_reason = outcomes
        .rejected
        .iter()
        .map(|(reason, count)| (reason.to_string(), AttributeValue::N(count.to_string())))
        .collect();
    set("rejected_by_reason", AttributeValue::M(by_reason));
    item
}

pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, StorageError> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        other => Err(malformed(item, format!("{name} is {other:?}, not a text"))),
    }
}

pub(crate) fn number<T: std::str::FromStr>(item: &Item, name: &str) -> Result<T, StorageError> {
    let Some(AttributeValue::N(text)) = item.get(name) else {
        return Err(malformed(item, format!("{name} is not a number")));
    };
    text.parse().map_err(|_| malformed(item, format!("{name} is {text}, out of range")))
}

pub(crate) fn malformed(item: &Item, reason: String) -> StorageError {
    let key =
        |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    StorageError::Malformed {
        row: format!("{} / {}", key(keys::PARTITION_KEY), key(keys::SORT_KEY)),
        reason,
    }
}
