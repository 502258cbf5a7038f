//! The totals: what became of the lines of all chunks since the table was created, and when the
//! last chunk was counted.
//!
//! The transaction of a chunk's first ledger entry adds to them, so they hold each chunk once, as
//! the ledger does.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::chunk::{Outcomes, UnknownTypes};

use crate::chunk::ledger::ChunkHeader;
use crate::error::StorageError;
use crate::keys::{self, TOTALS_PARTITION, TOTALS_SHARDS};
use crate::table::{
    Consistency, Item, Table, key, malformed, number, number_if_any, rows, time, time_if_any,
};

const LAST_COMMITTED_AT: &str = "last_committed_at";
const LAST_PUT_AT: &str = "last_put_at";
const REFUSED: &str = "refused";
const UNKNOWN_TYPES: &str = "unknown_types";
const UNKNOWN_TYPES_AT: &str = "unknown_types_at";

/// How many percent of the lines of an hour may be rejected before something is wrong with what is
/// sent: `/health` is degraded, and the template's alarm rings.
pub const REJECTED_PERCENT_MAX: u32 = 5;

/// What the attribute of a reason begins with.
const REJECTED_PREFIX: &str = "rejected:";

/// How much of the name of an unknown type the totals keep, in bytes of UTF-8. Ten names and a
/// dozen reasons then leave a row below a kilobyte, so that adding to it costs no more.
const TYPE_BYTES_MAX: usize = 32;

/// What became of the lines of chunks.
///
/// **Guarantees**: lines = counted + ignored + duplicate + rejected.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Totals {
    /// The chunks of objects, without those of sealed hours and those that were refused.
    pub chunks: u64,
    /// Their lines that are not blank.
    pub lines: u64,
    /// Lines that were counted.
    pub counted: u64,
    /// Lines that hold nothing to count.
    pub ignored: u64,
    /// Lines whose events were all counted before in their chunk.
    pub duplicate: u64,
    /// Lines that were rejected, for any reason.
    pub rejected: u64,
    /// The same by reason. Builds before this one did not add to it.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// Events that were counted.
    pub events: u64,
    /// Events of unknown types.
    pub unknown: u64,
    /// Values of fields that could not be used, and that their events did without.
    pub dropped: u64,
    /// Purchases of which at least one item has no money that is read.
    pub purchases_without_money: u64,
    /// Files that were refused as a whole.
    pub refused: u64,
    /// The unknown types of the last chunk that had any; `None` if none had.
    pub unknown_types: Option<LastUnknownTypes>,
    /// The chunk that was committed last; `None` if there is none yet.
    pub last: Option<LastChunk>,
}

/// The most frequent unknown types of a chunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastUnknownTypes {
    /// When the chunk was committed.
    pub at: DateTime<Utc>,
    /// The events of each; of a long name the beginning.
    pub by_name: BTreeMap<String, u64>,
}

/// The times of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LastChunk {
    /// When it was put into its bucket, in whole seconds.
    pub put_at: DateTime<Utc>,
    /// When its first part was committed.
    pub committed_at: DateTime<Utc>,
}

impl Table {
    /// The totals of all chunks.
    ///
    /// **Guarantees**: a consistent read, so no number is ever lower than in an earlier answer:
    /// monitoring systems would take that for a restart.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn totals(&self) -> Result<Totals, StorageError> {
        let query = self.query(TOTALS_PARTITION.to_string(), Consistency::Strong);
        let mut rows = rows(query, "Query of the totals");
        let mut totals = Totals::default();
        while let Some(item) = rows.try_next().await? {
            totals.add(read_totals(&item)?);
        }
        Ok(totals)
    }
}

impl Totals {
    /// What was added since `earlier`, without the times.
    pub fn since(&self, earlier: &Totals) -> Totals {
        let mut since = self.clone();
        (since.unknown_types, since.last) = (None, None);
        for ((_, count), (_, before)) in since.numbers_mut().into_iter().zip(earlier.numbers()) {
            *count = count.saturating_sub(before);
        }
        for (reason, before) in &earlier.rejected_by_reason {
            if let Some(count) = since.rejected_by_reason.get_mut(reason) {
                *count = count.saturating_sub(*before);
            }
        }
        since.rejected_by_reason.retain(|_, count| *count > 0);
        since
    }

    /// How many percent of the lines were rejected; 100 if a file was refused.
    pub fn rejected_percent(&self) -> f64 {
        match (self.refused, self.lines) {
            (0, 0) => 0.0,
            (0, lines) => 100.0 * self.rejected as f64 / lines as f64,
            _ => 100.0,
        }
    }

    fn add(&mut self, other: Totals) {
        for ((_, count), (_, more)) in self.numbers_mut().into_iter().zip(other.numbers()) {
            *count += more;
        }
        for (reason, count) in other.rejected_by_reason {
            *self.rejected_by_reason.entry(reason).or_default() += count;
        }
        let types = [self.unknown_types.take(), other.unknown_types];
        self.unknown_types = types.into_iter().flatten().max_by_key(|types| types.at);
        self.last =
            [self.last, other.last].into_iter().flatten().max_by_key(|last| last.committed_at);
    }

    /// The numbers, with the names of their attributes. `lines` and its parts come first.
    fn numbers_mut(&mut self) -> [(&'static str, &mut u64); 11] {
        [
            ("chunks", &mut self.chunks),
            ("lines", &mut self.lines),
            ("counted", &mut self.counted),
            ("ignored", &mut self.ignored),
            ("duplicate", &mut self.duplicate),
            ("rejected", &mut self.rejected),
            ("events", &mut self.events),
            ("unknown", &mut self.unknown),
            ("dropped", &mut self.dropped),
            ("purchases_without_money", &mut self.purchases_without_money),
            (REFUSED, &mut self.refused),
        ]
    }

    fn numbers(&self) -> [(&'static str, u64); 11] {
        self.clone().numbers_mut().map(|(name, count)| (name, *count))
    }

    /// What a chunk adds, without its unknown types and times.
    fn of_chunk(outcomes: &Outcomes) -> Totals {
        let notes = &outcomes.notes;
        let by_reason = outcomes.rejected.iter();
        Totals {
            chunks: 1,
            lines: outcomes.lines,
            counted: outcomes.counted,
            ignored: outcomes.ignored,
            duplicate: outcomes.duplicate,
            rejected: outcomes.rejected_total(),
            rejected_by_reason: by_reason
                .map(|(reason, lines)| (reason.to_string(), *lines))
                .collect(),
            events: outcomes.events,
            unknown: notes.unknown_types.events,
            dropped: notes.dropped.values().sum(),
            purchases_without_money: notes.purchases_without_money,
            ..Totals::default()
        }
    }

    /// The attributes of the numbers. Those that are zero are left out.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (String, AttributeValue)> {
        let numbers = self.numbers().map(|(name, count)| (name.to_string(), count));
        let by_reason = self.rejected_by_reason.iter();
        let by_reason =
            by_reason.map(|(reason, count)| (format!("{REJECTED_PREFIX}{reason}"), *count));
        let numbers = numbers.into_iter().chain(by_reason).filter(|(_, count)| *count > 0);
        numbers.map(|(name, count)| (name, AttributeValue::N(count.to_string())))
    }

    /// Reads the attributes of the numbers.
    pub(super) fn read_numbers(item: &Item) -> Result<Totals, StorageError> {
        let mut totals = Totals::default();
        for (name, count) in totals.numbers_mut() {
            *count = number_if_any(item, name)?.unwrap_or(0);
        }
        for name in item.keys() {
            if let Some(reason) = name.strip_prefix(REJECTED_PREFIX) {
                totals.rejected_by_reason.insert(reason.to_string(), number(item, name)?);
            }
        }
        Ok(totals)
    }
}

/// The row that a chunk is added to first, 0 to [`TOTALS_SHARDS`] - 1. Any row is right, because
/// the ledger entry counts the chunk once.
pub(crate) fn totals_shard(chunk: &ChunkId) -> u64 {
    let mut hasher = DefaultHasher::new();
    chunk.hash(&mut hasher);
    hasher.finish() % TOTALS_SHARDS
}

/// The action that adds a chunk to the totals.
///
/// # Errors
/// [`StorageError::Refused`] if a member of the request is missing, which would be a bug.
pub(crate) fn totals_action(
    table: &str,
    shard: u64,
    header: &ChunkHeader<'_>,
    now: DateTime<Utc>,
) -> Result<TransactWriteItem, StorageError> {
    let time = |time: DateTime<Utc>, format| AttributeValue::S(time.to_rfc3339_opts(format, true));
    let committed_at = time(now, SecondsFormat::Millis);
    let put_at = time(header.inputs.reference_time, SecondsFormat::Secs);
    let mut set = vec![(LAST_COMMITTED_AT, committed_at.clone()), (LAST_PUT_AT, put_at)];
    let unknown_types = &header.outcomes.notes.unknown_types;
    if unknown_types.events > 0 {
        set.push((UNKNOWN_TYPES, AttributeValue::M(types_attribute(unknown_types))));
        set.push((UNKNOWN_TYPES_AT, committed_at));
    }
    update_action(table, shard, Totals::of_chunk(header.outcomes).attributes(), set)
}

/// The action that adds a file that is refused to the totals.
///
/// # Errors
/// [`StorageError::Refused`] if a member of the request is missing, which would be a bug.
pub(crate) fn refused_totals_action(
    table: &str,
    shard: u64,
) -> Result<TransactWriteItem, StorageError> {
    let one = Totals { refused: 1, ..Totals::default() };
    update_action(table, shard, one.attributes(), vec![])
}

fn update_action(
    table: &str,
    shard: u64,
    added: impl Iterator<Item = (String, AttributeValue)>,
    set: Vec<(&str, AttributeValue)>,
) -> Result<TransactWriteItem, StorageError> {
    let mut update = Update::builder()
        .table_name(table)
        .set_key(Some(key(TOTALS_PARTITION.to_string(), keys::totals_row(shard))));
    let (mut additions, mut settings) = (vec![], vec![]);
    for (place, (name, count)) in added.enumerate() {
        additions.push(format!("#a{place} :a{place}"));
        update = update
            .expression_attribute_names(format!("#a{place}"), name)
            .expression_attribute_values(format!(":a{place}"), count);
    }
    for (place, (name, value)) in set.into_iter().enumerate() {
        settings.push(format!("#s{place} = :s{place}"));
        update = update
            .expression_attribute_names(format!("#s{place}"), name)
            .expression_attribute_values(format!(":s{place}"), value);
    }
    let mut expression = format!("ADD {}", additions.join(", "));
    if !settings.is_empty() {
        expression.push_str(&format!(" SET {}", settings.join(", ")));
    }
    let update = update.update_expression(expression).build().map_err(StorageError::from_build)?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// The most frequent unknown types. Long names may be equal where they are cut.
fn types_attribute(types: &UnknownTypes) -> Item {
    let mut by_name: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, events) in types.most_frequent() {
        *by_name.entry(&name[..name.floor_char_boundary(TYPE_BYTES_MAX)]).or_default() += events;
    }
    let by_name = by_name.into_iter();
    by_name
        .map(|(name, events)| (name.to_string(), AttributeValue::N(events.to_string())))
        .collect()
}

/// Reads a row. What is zero may be missing: a file that is refused adds nothing else.
fn read_totals(item: &Item) -> Result<Totals, StorageError> {
    let last = match time_if_any(item, LAST_COMMITTED_AT)? {
        Some(committed_at) => Some(LastChunk { put_at: time(item, LAST_PUT_AT)?, committed_at }),
        None => None,
    };
    let unknown_types = match item.get(UNKNOWN_TYPES) {
        None => None,
        Some(AttributeValue::M(types)) => {
            let read = |name: &String| Ok((name.clone(), number(types, name)?));
            let by_name = types.keys().map(read).collect::<Result<_, StorageError>>()?;
            Some(LastUnknownTypes { at: time(item, UNKNOWN_TYPES_AT)?, by_name })
        }
        Some(other) => return Err(malformed(item, format!("{UNKNOWN_TYPES} is {other:?}"))),
    };
    Ok(Totals { last, unknown_types, ..Totals::read_numbers(item)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use minutebook_domain::chunk::OutcomeNotes;
    use minutebook_domain::event::reason::{Field, Reason};
    use minutebook_domain::plan::PlanInputs;
    use minutebook_domain::time::Hour;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    /// The row that a chunk makes, as the table would by the action's own expression.
    fn row(outcomes: &Outcomes, committed_at: &str) -> Item {
        let inputs = PlanInputs::with_defaults(at("2026-11-20T23:07:01Z"));
        let header = ChunkHeader { bucket: "b", key: "k", inputs, outcomes, file: None };
        let action = totals_action("table", 7, &header, at(committed_at)).expect("whole");
        let update = action.update().expect("an update");
        let names = update.expression_attribute_names().expect("names");
        let values = update.expression_attribute_values().expect("values");
        let mut item: Item = update.key().clone();
        let (added, set) = update.update_expression().split_once(" SET ").expect("both");
        let added = added
            .strip_prefix("ADD ")
            .expect("additions")
            .split(", ")
            .filter_map(|one| one.split_once(' '));
        let set = set.split(", ").filter_map(|one| one.split_once(" = "));
        for (name, value) in added.chain(set) {
            item.insert(names[name].clone(), values[value].clone());
        }
        assert_eq!(item.len(), 2 + names.len());
        item
    }

    #[test]
    fn a_row_is_read_as_the_table_page_says() {
        let mut outcomes = Outcomes {
            lines: 12,
            counted: 4,
            ignored: 3,
            duplicate: 2,
            events: 9,
            ..Outcomes::default()
        };
        outcomes.rejected =
            BTreeMap::from([(Reason::NotJson, 1), (Reason::Missing(Field::ItemId), 2)]);
        let long = "a".repeat(TYPE_BYTES_MAX);
        let by_name = [("popup", 3), (&*format!("{long}1"), 1), (&*format!("{long}2"), 2)];
        let by_name = by_name.map(|(name, events)| (name.to_string(), events));
        outcomes.notes = OutcomeNotes {
            dropped: BTreeMap::from([(Field::PageUrl, 4), (Field::Price, 1)]),
            unknown_types: UnknownTypes { events: 6, by_name: by_name.into() },
            purchases_without_money: 7,
        };
        let item = row(&outcomes, "2026-11-20T23:07:03.250Z");
        for (name, value) in [
            ("pk", AttributeValue::S("TOTALS".to_string())),
            ("sk", AttributeValue::S("07".to_string())),
            ("chunks", AttributeValue::N("1".to_string())),
            ("rejected", AttributeValue::N("3".to_string())),
            ("rejected:not_json", AttributeValue::N("1".to_string())),
            ("rejected:missing:item_id", AttributeValue::N("2".to_string())),
            ("dropped", AttributeValue::N("5".to_string())),
            ("unknown", AttributeValue::N("6".to_string())),
            ("purchases_without_money", AttributeValue::N("7".to_string())),
            ("unknown_types_at", AttributeValue::S("2026-11-20T23:07:03.250Z".to_string())),
            ("events", AttributeValue::N("9".to_string())),
            ("last_put_at", AttributeValue::S("2026-11-20T23:07:01Z".to_string())),
            ("last_committed_at", AttributeValue::S("2026-11-20T23:07:03.250Z".to_string())),
        ] {
            assert_eq!(item.get(name), Some(&value), "{name}");
        }
        let last = LastChunk {
            put_at: at("2026-11-20T23:07:01Z"),
            committed_at: at("2026-11-20T23:07:03.250Z"),
        };
        let reasons = [("not_json", 1), ("missing:item_id", 2)];
        let types = [("popup", 3), (&*long, 3)];
        let by_name =
            |counts: [(&str, u64); 2]| counts.map(|(name, count)| (name.to_string(), count)).into();
        let unknown_types = LastUnknownTypes { at: last.committed_at, by_name: by_name(types) };
        let expected = Totals {
            chunks: 1,
            lines: 12,
            counted: 4,
            ignored: 3,
            duplicate: 2,
            rejected: 3,
            rejected_by_reason: by_name(reasons),
            events: 9,
            unknown: 6,
            dropped: 5,
            purchases_without_money: 7,
            refused: 0,
            unknown_types: Some(unknown_types),
            last: Some(last),
        };
        assert_eq!(read_totals(&item).expect("well formed"), expected);
    }

    #[test]
    fn rows_are_added_up_and_the_last_chunk_is_the_one_that_was_committed_last() {
        let outcomes = Outcomes { lines: 2, counted: 2, events: 5, ..Outcomes::default() };
        let mut totals = Totals::default();
        for time in ["2026-11-20T23:07:03.250Z", "2026-11-20T23:09:00Z", "2026-11-20T23:07:03.251Z"]
        {
            totals.add(read_totals(&row(&outcomes, time)).expect("well formed"));
        }
        assert_eq!((totals.chunks, totals.lines, totals.counted, totals.events), (3, 6, 6, 15));
        assert_eq!(totals.last.map(|last| last.committed_at), Some(at("2026-11-20T23:09:00Z")));
    }

    #[test]
    fn what_is_zero_costs_nothing() {
        let item =
            row(&Outcomes { lines: 2, counted: 2, ..Outcomes::default() }, "2026-11-20T23:07:03Z");
        let names: BTreeSet<&str> = item.keys().map(String::as_str).collect();
        let expected = ["pk", "sk", "chunks", "lines", "counted", LAST_COMMITTED_AT, LAST_PUT_AT];
        assert_eq!(names, expected.into());
        // A row that has met nothing but a refused file.
        let item = Item::from([(REFUSED.to_string(), AttributeValue::N("1".to_string()))]);
        let expected = Totals { refused: 1, ..Totals::default() };
        assert_eq!(read_totals(&item).expect("well formed"), expected);
    }

    #[test]
    fn what_was_added_since_is_the_difference() {
        let by_reason = |counts: &[(&str, u64)]| {
            counts.iter().map(|(reason, count)| ((*reason).to_string(), *count)).collect()
        };
        let earlier = Totals {
            lines: 10,
            rejected: 3,
            rejected_by_reason: by_reason(&[("not_json", 2), ("future", 1)]),
            ..Totals::default()
        };
        let now = Totals {
            lines: 15,
            rejected: 5,
            refused: 1,
            rejected_by_reason: by_reason(&[("not_json", 3), ("future", 1), ("too_long", 1)]),
            ..Totals::default()
        };
        let expected = Totals {
            lines: 5,
            rejected: 2,
            refused: 1,
            rejected_by_reason: by_reason(&[("not_json", 1), ("too_long", 1)]),
            ..Totals::default()
        };
        assert_eq!(now.since(&earlier), expected);
        assert!((expected.rejected_percent() - 100.0).abs() < 1e-9, "a file was refused");
        let expected = Totals { refused: 0, ..expected };
        assert!((expected.rejected_percent() - 40.0).abs() < 1e-9, "two of five lines");
        assert!(Totals::default().rejected_percent().abs() < 1e-9);
    }

    #[test]
    fn a_malformed_row_is_an_error_that_names_it() {
        let outcomes = Outcomes::default();
        for (name, value) in [("lines", "many"), ("last_put_at", "today")] {
            let mut item = row(&outcomes, "2026-11-20T23:07:03Z");
            item.insert(name.to_string(), AttributeValue::S(value.to_string()));
            let sentence = read_totals(&item).expect_err("malformed").to_string();
            assert!(sentence.contains("TOTALS / 07") && sentence.contains(name), "{sentence}");
        }
    }

    #[test]
    fn chunks_are_spread_over_the_shards_and_each_has_its_own() {
        let hour = Hour::parse("2026-11-20T23").expect("an hour");
        let chunk = |number: u32| ChunkId::of_sealed_hour(&number.to_string(), hour);
        let shards: BTreeSet<u64> = (0..1_000).map(|number| totals_shard(&chunk(number))).collect();
        assert_eq!((shards.len(), shards.last()), (64, Some(&63)));
        assert_eq!(totals_shard(&chunk(1)), totals_shard(&chunk(1)));
    }
}
