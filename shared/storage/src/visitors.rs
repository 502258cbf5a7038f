//! Visitors: sketches of the customers and sessions of each span of time.
//!
//! A sketch merged with another twice is the same as once, so visitors need no ledger: what a chunk
//! knows of them is written before its ledger entries, and written again by whoever finds the chunk
//! unfinished.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::count::sketch::Sketch;
use minutebook_domain::count::visitors::{ChunkVisitors, VisitorCounts, Visitors};
use minutebook_domain::query::window::Window;
use minutebook_domain::time::period::{Period, Retention};

use crate::chunk::commit::{Committer, Table, pause};
use crate::chunk::ledger::{Item, malformed};
use crate::error::StorageError;
use crate::keys::{self, VISITOR_SHARDS};
use crate::reader::{RowQuestion, RowSource, each_row};

/// The puts of one `BatchWriteItem`.
///
/// **Source**:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
pub(crate) const BATCH_PUTS_MAX: usize = 25;

/// How many calls run side by side while the visitors of a chunk are written.
const CALLS_AT_ONCE: usize = 8;

/// What is asked about visitors.
#[derive(Clone, Copy, Debug)]
pub struct VisitorQuestion<'a> {
    /// The site.
    pub site: &'a str,
    /// The windows; each is counted by itself.
    pub windows: &'a [Window],
    /// The present: it says which hours are settled, and what has expired.
    pub now: DateTime<Utc>,
    /// For how long rows are kept.
    pub retention: Retention,
}

/// Counts the customers and sessions that had events in windows, from the fewest rows.
///
/// **Shape**: one count a window. Up to about 1,500 it is exact, beyond that see
/// [`minutebook_domain::count::sketch::LG_K`].
///
/// **Guarantees**: as of [`sum_windows`](crate::reader::sum_windows).
///
/// # Errors
/// [`StorageError`]; a retry helps where it says so.
pub async fn count_visitors<S: RowSource>(
    source: &S,
    question: &VisitorQuestion<'_>,
) -> Result<Vec<VisitorCounts>, StorageError> {
    let &VisitorQuestion { site, windows, now, retention } = question;
    let mut visitors = vec![Visitors::default(); windows.len()];
    let families = [keys::VISITORS.to_string()];
    let rows = RowQuestion { site, families: &families, counter: None, windows, now, retention };
    each_row(source, &rows, |place, item| {
        visitors[place].merge(&read_visitors(item)?);
        Ok(())
    })
    .await?;
    Ok(visitors.iter().map(Visitors::counts).collect())
}

impl Table {
    /// Counts the customers and sessions that had events in windows; see [`count_visitors`].
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    pub async fn count_visitors(
        &self,
        question: &VisitorQuestion<'_>,
    ) -> Result<Vec<VisitorCounts>, StorageError> {
        count_visitors(self, question).await
    }
}

impl Committer {
    /// Writes what a chunk knows of the visitors of its minutes, a row each. It is to be done
    /// before the first part of the chunk is committed: then a sealer that finds a part in an hour
    /// finds its visitors too.
    ///
    /// **Guarantees**: the same chunk writes the same rows, however often.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    pub async fn put_visitors(
        &self,
        chunk: &ChunkId,
        visitors: &ChunkVisitors,
    ) -> Result<(), StorageError> {
        let puts: Vec<WriteRequest> = visitors
            .minutes()
            .map(|(site, minute, visitors)| {
                let period = Period::Minute(minute);
                let mut item = self.visitors_item(site, period, visitors);
                item.insert(
                    keys::SORT_KEY.to_string(),
                    AttributeValue::S(keys::chunk_visitors(minute, chunk)),
                );
                let put = PutRequest::builder().set_item(Some(item)).build().map_err(incomplete)?;
                Ok(WriteRequest::builder().put_request(put).build())
            })
            .collect::<Result<_, StorageError>>()?;
        stream::iter(puts.chunks(BATCH_PUTS_MAX).map(<[_]>::to_vec))
            .map(|batch| self.put_batch(batch))
            .buffer_unordered(CALLS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Puts rows, those that the table did not get to again, for as long as the caller waits.
    pub(crate) async fn put_batch(&self, mut puts: Vec<WriteRequest>) -> Result<(), StorageError> {
        let mut attempts: u32 = 0;
        loop {
            let wanted = HashMap::from([(self.table.name.clone(), puts)]);
            let answer =
                self.table.client.batch_write_item().set_request_items(Some(wanted)).send().await;
            let answer = answer.map_err(|error| StorageError::from_sdk("BatchWriteItem", error))?;
            puts = answer
                .unprocessed_items
                .unwrap_or_default()
                .remove(&self.table.name)
                .unwrap_or_default();
            if puts.is_empty() {
                return Ok(());
            }
            attempts += 1;
            pause(attempts).await;
        }
    }

    /// Merges visitors with those of the rows of hours, days, weeks and months, for as long as the
    /// caller waits.
    ///
    /// **Guarantees**: idempotent; several at once do no harm.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so. Some of them may be merged all the same.
    pub async fn merge_visitors(
        &self,
        chunk: &ChunkId,
        visitors: &BTreeMap<(&str, Period), Visitors>,
    ) -> Result<(), StorageError> {
        let shard = shard_of(chunk);
        stream::iter(visitors)
            .map(|((site, period), visitors)| self.merge_row(site, *period, shard, visitors))
            .buffer_unordered(CALLS_AT_ONCE)
            .try_collect()
            .await
    }

    async fn merge_row(
        &self,
        site: &str,
        period: Period,
        shard: u8,
        visitors: &Visitors,
    ) -> Result<(), StorageError> {
        let sort_key = AttributeValue::S(keys::merged_visitors(period, shard));
        let mut attempts: u32 = 0;
        loop {
            let stored = self.merged_row(site, period, &sort_key).await?;
            let mut merged = stored.as_ref().map(read_visitors).transpose()?.unwrap_or_default();
            merged.merge(visitors);
            let mut item = self.visitors_item(site, period, &merged);
            if stored.as_ref().is_some_and(|stored| has_same_sketches(stored, &item)) {
                return Ok(());
            }
            let revision = stored.as_ref().map(revision).transpose()?;
            item.insert(keys::SORT_KEY.to_string(), sort_key.clone());
            let next_revision = AttributeValue::N((revision.unwrap_or(0) + 1).to_string());
            item.insert(keys::REVISION.to_string(), next_revision);
            if self.put_revision(item, revision).await? {
                return Ok(());
            }
            attempts += 1;
            pause(attempts).await;
        }
    }

    async fn merged_row(
        &self,
        site: &str,
        period: Period,
        sort_key: &AttributeValue,
    ) -> Result<Option<Item>, StorageError> {
        let get = self.table.client.get_item().table_name(&self.table.name).consistent_read(true);
        let get =
            get.key(keys::PARTITION_KEY, AttributeValue::S(keys::tally_partition(site, period)));
        let answer = get.key(keys::SORT_KEY, sort_key.clone()).send().await;
        Ok(answer.map_err(|error| StorageError::from_sdk("GetItem of visitors", error))?.item)
    }

    /// Puts a row in the place of the revision that was read, `None` for none; `false` if there is
    /// another one by now.
    async fn put_revision(&self, item: Item, revision: Option<u64>) -> Result<bool, StorageError> {
        let put = self.table.client.put_item().table_name(&self.table.name).set_item(Some(item));
        let put = match revision {
            None => put
                .condition_expression("attribute_not_exists(#pk)")
                .expression_attribute_names("#pk", keys::PARTITION_KEY),
            Some(revision) => put
                .condition_expression("#revision = :revision")
                .expression_attribute_names("#revision", keys::REVISION)
                .expression_attribute_values(":revision", AttributeValue::N(revision.to_string())),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_other_revision(&error) => Ok(false),
            Err(error) => Err(StorageError::from_sdk("PutItem of visitors", error)),
        }
    }

    /// A row of visitors, but for its sort key.
    fn visitors_item(&self, site: &str, period: Period, visitors: &Visitors) -> Item {
        let mut item = Item::new();
        let mut set = |name: &str, value: AttributeValue| item.insert(name.to_string(), value);
        set(keys::PARTITION_KEY, AttributeValue::S(keys::tally_partition(site, period)));
        for (name, sketch) in [(keys::USERS, &visitors.users), (keys::SESSIONS, &visitors.sessions)]
        {
            if !sketch.is_empty() {
                set(name, AttributeValue::B(Blob::new(sketch.to_bytes())));
            }
        }
        if let Some(expires_at) = self.retention.expires_at(period) {
            set(keys::TIME_TO_LIVE, AttributeValue::N(expires_at.to_string()));
        }
        item
    }
}

/// Which of the rows of a period a chunk merges.
fn shard_of(chunk: &ChunkId) -> u8 {
    chunk.tag().bytes().fold(0, |sum: u8, byte| sum.wrapping_add(byte)) % VISITOR_SHARDS
}

/// Whether the sort key is that of visitors.
pub(crate) fn is_visitors(sort_key: &str) -> bool {
    sort_key.split_once('#').is_some_and(|(family, _)| family == keys::VISITORS)
}

/// The visitors of a row. A sketch that is not there is of nobody.
pub(crate) fn read_visitors(item: &Item) -> Result<Visitors, StorageError> {
    let sketch = |name: &str| match item.get(name) {
        None => Ok(Sketch::new()),
        Some(AttributeValue::B(bytes)) => Sketch::from_bytes(bytes.as_ref())
            .map_err(|error| malformed(item, format!("{name}: {error}"))),
        Some(other) => Err(malformed(item, format!("{name} is {other:?}, not bytes"))),
    };
    Ok(Visitors { users: sketch(keys::USERS)?, sessions: sketch(keys::SESSIONS)? })
}

fn revision(item: &Item) -> Result<u64, StorageError> {
    let text = item.get(keys::REVISION).and_then(|value| value.as_n().ok());
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| malformed(item, "its revision is not a number".to_string()))
}

fn has_same_sketches(stored: &Item, merged: &Item) -> bool {
    [keys::USERS, keys::SESSIONS].iter().all(|name| stored.get(*name) == merged.get(*name))
}

/// Whether another writer was faster, or is about to be.
fn is_other_revision<R>(error: &SdkError<PutItemError, R>) -> bool {
    matches!(
        error.as_service_error(),
        Some(
            PutItemError::ConditionalCheckFailedException(_)
                | PutItemError::TransactionConflictException(_)
        )
    )
}

fn incomplete(error: aws_sdk_dynamodb::error::BuildError) -> StorageError {
    StorageError::Refused { call: "building a batch", reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryTable;
    use minutebook_domain::time::Minute;

    fn item(attributes: &[(&str, AttributeValue)]) -> Item {
        attributes.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
    }

    #[test]
    fn visitors_are_read_from_the_sketches_of_a_row() {
        let users = Sketch::of(["ann", "bob"]);
        let bytes = AttributeValue::B(Blob::new(users.to_bytes()));
        let visitors = read_visitors(&item(&[(keys::USERS, bytes)])).expect("a sketch");
        assert_eq!(visitors.counts(), VisitorCounts { users: 2, sessions: 0 });
    }

    #[test]
    fn a_sketch_that_cannot_be_read_is_an_error_that_names_its_row() {
        let key = [
            ("pk", AttributeValue::S("T#shop#h".to_string())),
            ("sk", AttributeValue::S("users#07#a".to_string())),
        ];
        for broken in [AttributeValue::B(Blob::new([9, 9])), AttributeValue::S("x".to_string())] {
            let mut row = item(&key);
            row.insert(keys::SESSIONS.to_string(), broken);
            let sentence = read_visitors(&row).expect_err("broken").to_string();
            assert!(
                sentence.contains("T#shop#h / users#07#a") && sentence.contains("sessions"),
                "{sentence}"
            );
        }
    }

    fn visitors(users: &[&str], sessions: &[&str]) -> Visitors {
        Visitors { users: Sketch::of(users), sessions: Sketch::of(sessions) }
    }

    #[test]
    fn a_window_merges_minutes_of_all_chunks_and_hours_of_all_shards() {
        const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
        let minute =
            |text: &str| Minute::containing(text.parse().expect("a time")).expect("in range");
        let table = MemoryTable::default();
        let put =
            |period, tag, visitors| table.put_visitors("shop", period, tag, &visitors, RETENTION);
        let hour = Period::Hour(minute("2026-11-20T08:00:00Z").hour());
        put(hour, "00", visitors(&["ann", "bob"], &["1"]));
        put(hour, "03", visitors(&["bob", "eve"], &["2"]));
        let of_minute = |text| Period::Minute(minute(text));
        // Of the hour that is done, whose minutes are not read.
        put(of_minute("2026-11-20T08:07:00Z"), "aaaa", visitors(&["nobody"], &[]));
        put(of_minute("2026-11-20T10:00:00Z"), "aaaa", visitors(&["ann"], &["3"]));
        put(of_minute("2026-11-20T10:00:00Z"), "bbbb", visitors(&["kim"], &[]));
        put(of_minute("2026-11-20T10:14:00Z"), "aaaa", visitors(&[], &["1"]));
        let window = |from, to| Window { from: minute(from), to: minute(to) };
        let windows = [
            window("2026-11-20T08:00:00Z", "2026-11-20T10:15:00Z"),
            window("2026-11-20T10:00:00Z", "2026-11-20T10:15:00Z"),
            window("2026-11-20T10:01:00Z", "2026-11-20T10:14:00Z"),
        ];
        let now = "2026-11-20T10:15:00Z".parse().expect("a time");
        let question =
            VisitorQuestion { site: "shop", windows: &windows, now, retention: RETENTION };
        let (counts, reads) = table.read(count_visitors(&table, &question));
        let counts: Vec<_> =
            counts.expect("read").iter().map(|counts| (counts.users, counts.sessions)).collect();
        assert_eq!(counts, [(4, 3), (2, 2), (0, 0)]);
        assert_eq!(reads.round_trips, 1);
    }

    #[test]
    fn visitors_have_sort_keys_of_their_own() {
        assert!(is_visitors("users#07#0123456789abcdef") && is_visitors("users#d11-20#00"));
        assert!(!is_visitors("views#07#00#000") && !is_visitors("users"));
    }
}
