//! The ledger: which parts of a chunk were counted, and from which basis it was planned.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_domain::chunk::Outcomes;
use minutebook_domain::ledger::{ChunkId, PlanBasis};
use minutebook_domain::measure::Currency;

use crate::commit::Table;
use crate::error::StorageError;
use crate::keys;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// One mark: this part of the chunk was counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The version of the rules that cut the parts.
    pub plan_version: u32,
    /// How many parts the plan had.
    pub parts: usize,
    /// What the plan was made from; only part 0 records it.
    pub basis: Option<PlanBasis>,
}

impl Mark {
    /// Whether both are of one way to cut the chunk: the same version and as many parts.
    pub fn is_of_plan(&self, other: &Mark) -> bool {
        self.plan_version == other.plan_version && self.parts == other.parts
    }
}

/// What part 0's mark records about the whole chunk.
#[derive(Clone, Copy, Debug)]
pub struct ChunkHeader<'a> {
    /// The bucket that the object lies in.
    pub bucket: &'a str,
    /// The object's key, decoded.
    pub key: &'a str,
    /// What the plan was made from.
    pub basis: PlanBasis,
    /// Where the chunk's lines went.
    pub outcomes: &'a Outcomes,
}

impl Table {
    /// The marks of a chunk, by part; empty if nothing of it was counted yet.
    ///
    /// **Guarantees**: a consistent read: it shows every part that was committed before the call.
    ///
    /// **Errors**: [`StorageError`]; a retry helps where it says so.
    pub async fn read_marks(&self, chunk: &ChunkId) -> Result<BTreeMap<usize, Mark>, StorageError> {
        let mut marks = BTreeMap::new();
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
            let item = item.map_err(|error| StorageError::from_sdk("Query of the ledger", error))?;
            let part = text(&item, keys::SORT_KEY)?
                .parse::<usize>()
                .map_err(|error| malformed(&item, format!("its part is not a number: {error}")))?;
            marks.insert(part, read_mark(&item)?);
        }
        Ok(marks)
    }
}

/// Reads a mark from its row.
pub(crate) fn read_mark(item: &Item) -> Result<Mark, StorageError> {
    let basis = match (item.get("reference_time"), item.get("default_currency")) {
        (Some(AttributeValue::S(time)), Some(AttributeValue::S(currency))) => {
            let reference_time = DateTime::parse_from_rfc3339(time)
                .map_err(|error| malformed(item, format!("reference_time is not a time: {error}")))?
                .with_timezone(&Utc);
            let default_currency = Currency::parse(currency.as_bytes())
                .ok_or_else(|| malformed(item, format!("default_currency is {currency:?}")))?;
            Some(PlanBasis { reference_time, default_currency })
        }
        _ => None,
    };
    Ok(Mark { plan_version: number(item, "plan_version")?, parts: number(item, "parts")?, basis })
}

/// Writes a mark as a row.
pub(crate) fn mark_item(
    chunk: &ChunkId,
    part: usize,
    mark: &Mark,
    header: Option<&ChunkHeader<'_>>,
    committed_at: DateTime<Utc>,
) -> Item {
    let mut item = Item::new();
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_string(), value);
    set(keys::PARTITION_KEY, AttributeValue::S(keys::ledger_partition(chunk)));
    set(keys::SORT_KEY, AttributeValue::S(keys::ledger_part(part)));
    set("plan_version", AttributeValue::N(mark.plan_version.to_string()));
    set("parts", AttributeValue::N(mark.parts.to_string()));
    set("committed_at", AttributeValue::S(committed_at.to_rfc3339_opts(SecondsFormat::Millis, true)));
    let Some(header) = header else {
        return item;
    };
    let outcomes = header.outcomes;
    let reference_time = header.basis.reference_time.to_rfc3339_opts(SecondsFormat::Secs, true);
    set("bucket", AttributeValue::S(header.bucket.to_string()));
    set("key", AttributeValue::S(header.key.to_string()));
    set("reference_time", AttributeValue::S(reference_time));
    set("default_currency", AttributeValue::S(header.basis.default_currency.to_string()));
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

fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, StorageError> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        other => Err(malformed(item, format!("{name} is {other:?}, not a text"))),
    }
}

fn number<T: std::str::FromStr>(item: &Item, name: &str) -> Result<T, StorageError> {
    let Some(AttributeValue::N(text)) = item.get(name) else {
        return Err(malformed(item, format!("{name} is not a number")));
    };
    text.parse().map_err(|_| malformed(item, format!("{name} is {text}, out of range")))
}

pub(crate) fn malformed(item: &Item, reason: String) -> StorageError {
    let key = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    StorageError::Malformed { row: format!("{} / {}", key(keys::PARTITION_KEY), key(keys::SORT_KEY)), reason }
}
