//! The ledger: which parts of a chunk are counted, and the plan inputs of the chunk.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use futures::TryStreamExt;
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::chunk::{OutcomeNotes, Outcomes, Refusal};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::event::line::READER_VERSION_OLDEST;
use minutebook_domain::event::settings::SettingsRevision;
use minutebook_domain::plan::{PLAN_FORMAT_VERSION, PlanInputs, SealInputs};

use crate::chunk::file::FileRows;
use crate::error::StorageError;
use crate::keys::{self, EntryName};
use crate::table::{
    Consistency, Item, Table, key, malformed, number, number_if_any, rows, text, time,
};

/// The attribute of a plan that adds to rows of quarters, true; others lack it.
const HAS_QUARTERS: &str = "has_quarters";

/// One ledger entry: it says that a part of a chunk is counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerEntry {
    /// The version of the code's way of planning.
    pub plan_format_version: u32,
    /// The number of parts of the plan.
    pub parts: usize,
    /// The number of transactions of the part's late form; `None` for a part that was committed as
    /// planned, in one.
    pub late_parts: Option<usize>,
    /// The plan inputs; only part 0 records them.
    pub inputs: Option<RecordedInputs>,
}

/// The plan inputs that an entry of part 0 records, by what was planned from them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordedInputs {
    /// The chunk of an object.
    Object(PlanInputs),
    /// The sums of a sealed hour.
    SealedHour(SealInputs),
}

/// The plan inputs of one kind of chunk.
pub trait ChunkInputs: Copy + PartialEq {
    /// Whether the chunk is that of an object.
    const ARE_OF_OBJECT: bool;

    /// As the ledger records them.
    fn recorded(self) -> RecordedInputs;

    /// The recorded ones; `None` if they are those of another kind of chunk.
    fn of_recorded(recorded: RecordedInputs) -> Option<Self>;
}

impl ChunkInputs for PlanInputs {
    const ARE_OF_OBJECT: bool = true;

    fn recorded(self) -> RecordedInputs {
        RecordedInputs::Object(self)
    }

    fn of_recorded(recorded: RecordedInputs) -> Option<PlanInputs> {
        match recorded {
            RecordedInputs::Object(inputs) => Some(inputs),
            RecordedInputs::SealedHour(_) => None,
        }
    }
}

impl ChunkInputs for SealInputs {
    const ARE_OF_OBJECT: bool = false;

    fn recorded(self) -> RecordedInputs {
        RecordedInputs::SealedHour(self)
    }

    fn of_recorded(recorded: RecordedInputs) -> Option<SealInputs> {
        match recorded {
            RecordedInputs::SealedHour(inputs) => Some(inputs),
            RecordedInputs::Object(_) => None,
        }
    }
}

impl LedgerEntry {
    /// Whether both are of the same plan: the same version and number of parts.
    pub fn is_of_plan(&self, other: &LedgerEntry) -> bool {
        self.plan_format_version == other.plan_format_version && self.parts == other.parts
    }
}

/// The ledger entries of a chunk.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct LedgerEntries {
    by_name: BTreeMap<EntryName, LedgerEntry>,
    /// The secrets with which the visitors were recounted after the chunk was counted.
    recounted_with: BTreeSet<SecretNumber>,
}

impl LedgerEntries {
    /// The ledger entry of part 0, if it is committed.
    pub fn first(&self) -> Option<&LedgerEntry> {
        self.part(0)
    }

    /// The ledger entry of a part, if its first transaction is committed.
    pub fn part(&self, part: usize) -> Option<&LedgerEntry> {
        self.by_name.get(&EntryName { part, late: 0 })
    }

    /// The parts that have a ledger entry, ascending.
    pub fn parts(&self) -> impl Iterator<Item = (usize, &LedgerEntry)> {
        self.by_name
            .iter()
            .filter(|(name, _)| name.late == 0)
            .map(|(name, entry)| (name.part, entry))
    }

    /// Whether all transactions of a part are committed.
    pub fn has_whole(&self, part: usize) -> bool {
        let late_parts = |entry: &LedgerEntry| entry.late_parts.unwrap_or(1);
        self.part(part).is_some_and(|entry| {
            (1..late_parts(entry)).all(|late| self.by_name.contains_key(&EntryName { part, late }))
        })
    }

    /// The secrets with which the visitors were recounted, besides that of the plan inputs.
    pub fn recounted_with(&self) -> &BTreeSet<SecretNumber> {
        &self.recounted_with
    }

    /// Whether all parts of the chunk are committed, by whatever plan.
    pub fn is_complete(&self) -> bool {
        self.first().is_some_and(|first| {
            self.by_name.values().all(|entry| entry.is_of_plan(first))
                && (0..first.parts).all(|part| self.has_whole(part))
        })
    }
}

/// What the ledger entry of part 0 records about the whole chunk.
#[derive(Clone, Copy, Debug)]
pub struct ChunkHeader<'a> {
    /// The bucket of the object.
    pub bucket: &'a str,
    /// The object's key, decoded.
    pub key: &'a str,
    /// The plan inputs.
    pub inputs: PlanInputs,
    /// What became of the chunk's lines.
    pub outcomes: &'a Outcomes,
    /// The rows by which the object is known again; `None` if the plan leaves no room for them.
    pub file: Option<FileRows<'a>>,
}

/// A chunk that is refused.
#[derive(Clone, Copy, Debug)]
pub struct RefusedChunk<'a> {
    /// Its id, made with [`ContentHash::of_refused`](minutebook_domain::chunk::ContentHash).
    pub chunk: &'a ChunkId,
    /// The bucket of the object.
    pub bucket: &'a str,
    /// The object's key, decoded.
    pub key: &'a str,
    /// Why.
    pub refusal: &'a Refusal,
}

impl Table {
    /// The ledger entries of a chunk; none if nothing of it is counted yet.
    ///
    /// **Guarantees**: a consistent read: it shows every part that was committed before the call.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn read_entries(&self, chunk: &ChunkId) -> Result<LedgerEntries, StorageError> {
        let mut entries = LedgerEntries::default();
        let query = self.query(keys::ledger_partition(chunk), Consistency::Strong);
        let mut rows = rows(query, "Query of the ledger");
        while let Some(item) = rows.try_next().await? {
            entries.recounted_with.extend(read_recounted_with(&item)?);
            entries.by_name.insert(read_name(&item)?, read_entry(&item)?);
        }
        Ok(entries)
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

/// Reads the secrets with which the visitors of a chunk were recounted.
fn read_recounted_with(item: &Item) -> Result<BTreeSet<SecretNumber>, StorageError> {
    let malformed = |other| malformed(item, format!("{} is {other}", keys::RECOUNTED_WITH));
    match item.get(keys::RECOUNTED_WITH) {
        None => Ok(BTreeSet::new()),
        Some(AttributeValue::Ns(numbers)) => {
            let read =
                |text: &String| text.parse().map(SecretNumber).map_err(|_| malformed(text.clone()));
            numbers.iter().map(read).collect()
        }
        Some(other) => Err(malformed(format!("{other:?}"))),
    }
}

/// Reads the zone of times that name none. Entries before there was a choice have none.
fn read_time_zone(item: &Item) -> Result<Tz, StorageError> {
    let Some(value) = item.get("default_time_zone") else {
        return Ok(Tz::UTC);
    };
    let zone = value.as_s().ok().and_then(|name| name.parse().ok());
    zone.ok_or_else(|| malformed(item, format!("default_time_zone is {value:?}")))
}

/// Reads a ledger entry from its row.
pub(crate) fn read_entry(item: &Item) -> Result<LedgerEntry, StorageError> {
    // Entries before plan format version 5 have none, since all keys kept their names.
    let keys_max = number_if_any(item, "keys_max")?.unwrap_or(0);
    // Entries before plan format version 7 have none, since there were no rows of quarters.
    let has_quarters = item.contains_key(HAS_QUARTERS);
    let inputs = match (
        item.get("reference_time"),
        item.get("default_currency"),
        item.get("minute_retention_days"),
    ) {
        (Some(_), Some(AttributeValue::S(currency)), Some(_)) => {
            let reference_time = time(item, "reference_time")?;
            let default_currency = Currency::parse(currency.as_bytes())
                .ok_or_else(|| malformed(item, format!("default_currency is {currency:?}")))?;
            let default_time_zone = read_time_zone(item)?;
            let minute_retention_days = number(item, "minute_retention_days")?;
            // Chunks that were planned before there were secrets have none.
            let visitor_secret = SecretNumber(number_if_any(item, "visitor_secret")?.unwrap_or(0));
            let inputs = PlanInputs {
                reference_time,
                default_currency,
                default_time_zone,
                minute_retention_days,
                keys_max,
                visitor_secret,
                // Plan format version 5 recorded none: it knew only these rules.
                reader_version: number_if_any(item, "reader_version")?
                    .unwrap_or(READER_VERSION_OLDEST),
                settings_revision: SettingsRevision(
                    number_if_any(item, "settings_revision")?.unwrap_or(0),
                ),
                // Before there was a registry, all sites were counted.
                sites_max: number_if_any(item, "sites_max")?.unwrap_or(0),
                has_quarters,
                counted_before: number_if_any(item, "counted_before")?,
            };
            Some(inputs.recorded())
        }
        _ if read_name(item)? == EntryName::FIRST => {
            Some(SealInputs { keys_max, has_quarters }.recorded())
        }
        _ => None,
    };
    Ok(LedgerEntry {
        plan_format_version: number(item, "plan_format_version")?,
        parts: number(item, "parts")?,
        late_parts: number_if_any(item, "late_parts")?,
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
    let mut item = key(keys::ledger_partition(chunk), keys::ledger_entry(name));
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_string(), value);
    set("plan_format_version", AttributeValue::N(entry.plan_format_version.to_string()));
    set("parts", AttributeValue::N(entry.parts.to_string()));
    if let Some(late_parts) = entry.late_parts {
        set("late_parts", AttributeValue::N(late_parts.to_string()));
    }
    set(
        "committed_at",
        AttributeValue::S(committed_at.to_rfc3339_opts(SecondsFormat::Millis, true)),
    );
    if name == EntryName::FIRST {
        match entry.inputs {
            Some(RecordedInputs::Object(inputs)) => {
                let PlanInputs {
                    reference_time,
                    default_currency,
                    default_time_zone,
                    minute_retention_days,
                    keys_max,
                    visitor_secret,
                    reader_version,
                    settings_revision,
                    sites_max,
                    has_quarters,
                    counted_before,
                } = inputs;
                let reference_time = reference_time.to_rfc3339_opts(SecondsFormat::Secs, true);
                set("reference_time", AttributeValue::S(reference_time));
                set("default_currency", AttributeValue::S(default_currency.to_string()));
                set("default_time_zone", AttributeValue::S(default_time_zone.to_string()));
                set("minute_retention_days", AttributeValue::N(minute_retention_days.to_string()));
                set("keys_max", AttributeValue::N(keys_max.to_string()));
                set("visitor_secret", AttributeValue::N(visitor_secret.to_string()));
                set("reader_version", AttributeValue::N(reader_version.to_string()));
                set("sites_max", AttributeValue::N(sites_max.to_string()));
                if has_quarters {
                    set(HAS_QUARTERS, AttributeValue::Bool(true));
                }
                if settings_revision > SettingsRevision(0) {
                    let revision = settings_revision.0.to_string();
                    set("settings_revision", AttributeValue::N(revision));
                }
                if let Some(bytes) = counted_before {
                    set("counted_before", AttributeValue::N(bytes.to_string()));
                }
            }
            Some(RecordedInputs::SealedHour(SealInputs { keys_max, has_quarters })) => {
                set("keys_max", AttributeValue::N(keys_max.to_string()));
                if has_quarters {
                    set(HAS_QUARTERS, AttributeValue::Bool(true));
                }
            }
            None => {}
        }
    }
    let Some(header) = header else {
        return item;
    };
    set("bucket", AttributeValue::S(header.bucket.to_string()));
    set("key", AttributeValue::S(header.key.to_string()));
    item.extend(outcome_attributes(header.outcomes));
    item
}

/// The ledger entry of a chunk that is refused, as a row. It is one part, of which nothing is
/// counted.
pub(crate) fn refused_entry_item(refused: &RefusedChunk<'_>, committed_at: DateTime<Utc>) -> Item {
    let RefusedChunk { chunk, bucket, key, refusal } = *refused;
    let entry = LedgerEntry {
        plan_format_version: PLAN_FORMAT_VERSION,
        parts: 1,
        late_parts: None,
        inputs: None,
    };
    let mut item = entry_item(chunk, EntryName::FIRST, &entry, None, committed_at);
    for (name, text) in [
        ("bucket", bucket),
        ("key", key),
        ("refused", refusal.code),
        ("refused_because", &refusal.because),
    ] {
        item.insert(name.to_string(), AttributeValue::S(text.to_string()));
    }
    item
}

/// The attributes that say what became of the lines of a chunk. Those that tell what could not be
/// used are there only if there is something to tell.
fn outcome_attributes(outcomes: &Outcomes) -> Item {
    let mut item = Item::new();
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_string(), value);
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
    let number = |count: u64| AttributeValue::N(count.to_string());
    let by_reason =
        outcomes.rejected.iter().map(|(reason, count)| (reason.to_string(), number(*count)));
    set("rejected_by_reason", AttributeValue::M(by_reason.collect()));
    let OutcomeNotes { dropped, unknown_types, purchases_without_money } = &outcomes.notes;
    if !dropped.is_empty() {
        let by_field =
            dropped.iter().map(|(field, count)| (field.name().to_string(), number(*count)));
        set("dropped", AttributeValue::M(by_field.collect()));
    }
    if unknown_types.events > 0 {
        let types = unknown_types.most_frequent().into_iter();
        let types = types.map(|(name, count)| (name.to_string(), number(count)));
        set("unknown", number(unknown_types.events));
        set("unknown_types", AttributeValue::M(types.collect()));
    }
    if *purchases_without_money > 0 {
        set("purchases_without_money", number(*purchases_without_money));
    }
    item
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
