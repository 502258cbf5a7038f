//! The totals: what became of the lines of all chunks since the table was created, and when the
//! last chunk was counted.
//!
//! The transaction of a chunk's first ledger entry adds to them, so they hold each chunk once, as
//! the ledger does.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use minutebook_domain::chunk::id::ChunkId;

use crate::chunk::ledger::ChunkHeader;
use crate::error::StorageError;
use crate::keys::{self, TOTALS_PARTITION, TOTALS_SHARDS};
use crate::table::{Consistency, Item, Table, key, number, rows, time};

const LAST_COMMITTED_AT: &str = "last_committed_at";
const LAST_PUT_AT: &str = "last_put_at";

/// What became of the lines of chunks.
///
/// **Guarantees**: lines = counted + ignored + duplicate + rejected.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Totals {
    /// The chunks of objects, without those of sealed hours.
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
    /// Events that were counted.
    pub events: u64,
    /// The chunk that was committed last; `None` if there is none yet.
    pub last: Option<LastChunk>,
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
            totals.add(&read_totals(&item)?);
        }
        Ok(totals)
    }
}

impl Totals {
    fn add(&mut self, other: &Totals) {
        self.chunks += other.chunks;
        self.lines += other.lines;
        self.counted += other.counted;
        self.ignored += other.ignored;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
        self.events += other.events;
        self.last =
            [self.last, other.last].into_iter().flatten().max_by_key(|last| last.committed_at);
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
    let outcomes = header.outcomes;
    let mut update = Update::builder()
        .table_name(table)
        .set_key(Some(key(TOTALS_PARTITION.to_string(), keys::totals_row(shard))))
        .update_expression(
            "ADD #chunks :chunks, #lines :lines, #counted :counted, #ignored :ignored, \
             #duplicate :duplicate, #rejected :rejected, #events :events \
             SET #committed_at = :committed_at, #put_at = :put_at",
        );
    for (name, count) in [
        ("chunks", 1),
        ("lines", outcomes.lines),
        ("counted", outcomes.counted),
        ("ignored", outcomes.ignored),
        ("duplicate", outcomes.duplicate),
        ("rejected", outcomes.rejected_total()),
        ("events", outcomes.events),
    ] {
        update = update
            .expression_attribute_names(format!("#{name}"), name)
            .expression_attribute_values(format!(":{name}"), AttributeValue::N(count.to_string()));
    }
    let put_at = header.inputs.reference_time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let update = update
        .expression_attribute_names("#committed_at", LAST_COMMITTED_AT)
        .expression_attribute_names("#put_at", LAST_PUT_AT)
        .expression_attribute_values(
            ":committed_at",
            AttributeValue::S(now.to_rfc3339_opts(SecondsFormat::Millis, true)),
        )
        .expression_attribute_values(":put_at", AttributeValue::S(put_at))
        .build()
        .map_err(StorageError::from_build)?;
    Ok(TransactWriteItem::builder().update(update).build())
}

fn read_totals(item: &Item) -> Result<Totals, StorageError> {
    Ok(Totals {
        chunks: number(item, "chunks")?,
        lines: number(item, "lines")?,
        counted: number(item, "counted")?,
        ignored: number(item, "ignored")?,
        duplicate: number(item, "duplicate")?,
        rejected: number(item, "rejected")?,
        events: number(item, "events")?,
        last: Some(LastChunk {
            put_at: time(item, LAST_PUT_AT)?,
            committed_at: time(item, LAST_COMMITTED_AT)?,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    use minutebook_domain::chunk::Outcomes;
    use minutebook_domain::event::reason::Reason;
    use minutebook_domain::plan::PlanInputs;
    use minutebook_domain::time::Hour;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    /// The row that a chunk makes, as the table would by the action's own expression.
    fn row(outcomes: &Outcomes, committed_at: &str) -> Item {
        let inputs = PlanInputs::with_defaults(at("2026-11-20T23:07:01Z"));
        let header = ChunkHeader { bucket: "b", key: "k", inputs, outcomes };
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
            lines: 10,
            counted: 4,
            ignored: 3,
            duplicate: 2,
            events: 9,
            ..Outcomes::default()
        };
        outcomes.rejected = BTreeMap::from([(Reason::NotJson, 1)]);
        let item = row(&outcomes, "2026-11-20T23:07:03.250Z");
        for (name, value) in [
            ("pk", AttributeValue::S("TOTALS".to_string())),
            ("sk", AttributeValue::S("07".to_string())),
            ("chunks", AttributeValue::N("1".to_string())),
            ("rejected", AttributeValue::N("1".to_string())),
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
        let expected = Totals {
            chunks: 1,
            lines: 10,
            counted: 4,
            ignored: 3,
            duplicate: 2,
            rejected: 1,
            events: 9,
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
            totals.add(&read_totals(&row(&outcomes, time)).expect("well formed"));
        }
        assert_eq!((totals.chunks, totals.lines, totals.counted, totals.events), (3, 6, 6, 15));
        assert_eq!(totals.last.map(|last| last.committed_at), Some(at("2026-11-20T23:09:00Z")));
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
