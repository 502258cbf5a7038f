//! The rows of visitors: sketches of the visitors and sessions of each period.
//!
//! Merging a sketch twice changes nothing, so visitors need no ledger: they are written before the
//! ledger entries of their chunk, and again whenever the chunk is counted again.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, WriteRequest};
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::count::sketch::Sketch;
use minutebook_domain::count::stages::{Stage, StageVisitors, Stages};
use minutebook_domain::count::visitors::{ChunkVisitors, VisitorCounts, Visitors};
use minutebook_domain::query::window::Window;
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{Hour, Minute, QuarterHours};

use crate::committer::Committer;
use crate::error::StorageError;
use crate::keys::{self, VISITOR_SHARDS};
use crate::reader::source::RowSource;
use crate::reader::{RowQuestion, each_row};
use crate::retry::Backoff;
use crate::table::{BATCH_WRITES_MAX, Item, Table, key, malformed, number, put_request};

/// The number of concurrent calls that write the visitors of a chunk.
const CALLS_AT_ONCE: usize = 8;

/// The visitors of a chunk, hashed with each of some secrets.
pub type VisitorsBySecret = BTreeMap<SecretNumber, ChunkVisitors>;

/// Visitors of a minute, for a row of their own.
pub(crate) type MinuteVisitors<'a> = (SecretNumber, (&'a str, Minute, &'a Visitors));

/// Visitors to merge into the rows of longer periods.
pub(crate) type PeriodVisitors<'a> = BTreeMap<(SecretNumber, &'a str, Period), Visitors>;

/// A question about visitors.
#[derive(Clone, Copy, Debug)]
pub struct VisitorQuestion<'a> {
    /// The site.
    pub site: &'a str,
    /// The secret of the rows to read.
    pub secret: SecretNumber,
    /// The windows; each is counted by itself.
    pub windows: &'a [Window],
    /// The current time: it decides which hours are settled, and what has expired.
    pub now: DateTime<Utc>,
    /// How long rows are kept.
    pub retention: Retention,
    /// The hours of the site that have rows of their quarters, for edges of the windows within them.
    pub quarter_hours: &'a QuarterHours,
    /// Whether their stages are asked for. Otherwise there is nobody in them.
    pub by_stage: bool,
}

/// Counts the visitors and sessions that had events in windows, from the fewest rows.
///
/// **Shape**: one count for each window. It is exact up to about 1,500; beyond, see
/// [`minutebook_domain::count::sketch::LG_K`].
///
/// **Guarantees**: those of [`sum_windows`](crate::reader::sum_windows).
///
/// # Errors
/// [`StorageError`]; a retry helps where it says so.
pub async fn count_visitors<S: RowSource>(
    source: &S,
    question: &VisitorQuestion<'_>,
) -> Result<Vec<VisitorCounts>, StorageError> {
    let visitors = visitors_of_windows(source, question).await?;
    Ok(visitors.iter().map(Visitors::counts).collect())
}

/// The visitors and sessions that had events in windows, as [`count_visitors`] counts them.
///
/// **Shape**: those of each window by themselves; merged, they are those of all of these windows.
///
/// # Errors
/// [`StorageError`]; a retry helps where it says so.
pub async fn visitors_of_windows<S: RowSource>(
    source: &S,
    question: &VisitorQuestion<'_>,
) -> Result<Vec<Visitors>, StorageError> {
    let &VisitorQuestion { site, secret, windows, now, retention, quarter_hours, by_stage } =
        question;
    let mut visitors = vec![Visitors::default(); windows.len()];
    let (families, counter) = (&[keys::visitors_family(secret)], None);
    let rows = RowQuestion { site, families, counter, windows, now, retention, quarter_hours };
    each_row(source, &rows, |place, item| {
        visitors[place].merge(&match by_stage {
            true => read_visitors(item)?,
            false => read_all_visitors(item)?,
        });
        Ok(())
    })
    .await?;
    Ok(visitors)
}

impl Table {
    /// Counts the visitors and sessions that had events in windows; see [`count_visitors`].
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
    /// Puts the visitors of some of a chunk's minutes, a row for each minute. For minutes of an open
    /// hour this must happen before its first part is committed, so that sealing finds them.
    ///
    /// **Guarantees**: the same chunk always puts the same rows.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn put_visitors(
        &self,
        chunk: &ChunkId,
        minutes: &[MinuteVisitors<'_>],
    ) -> Result<(), StorageError> {
        let puts: Vec<WriteRequest> = minutes
            .iter()
            .map(|&(secret, (site, minute, visitors))| {
                let sort_key = keys::chunk_visitors(secret, minute, chunk);
                let period = Period::Minute(minute);
                let item = visitors_item(site, period, sort_key, visitors, self.retention);
                put_request(item)
            })
            .collect::<Result<_, StorageError>>()?;
        stream::iter(puts.chunks(BATCH_WRITES_MAX).map(<[_]>::to_vec))
            .map(|batch| self.table.write_batch(batch))
            .buffer_unordered(CALLS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Merges visitors into the rows of quarters, hours, days, weeks and months. It retries for as
    /// long as the caller waits.
    ///
    /// **Guarantees**: idempotent, and safe to call several times at once.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. Some rows may be merged nevertheless.
    pub(crate) async fn merge_visitors(
        &self,
        chunk: &ChunkId,
        visitors: &PeriodVisitors<'_>,
    ) -> Result<(), StorageError> {
        let shard = shard_of(chunk);
        stream::iter(visitors)
            .map(|((secret, site, period), visitors)| {
                let sort_key = keys::merged_visitors(*secret, *period, shard);
                self.merge_row(site, *period, sort_key, visitors)
            })
            .buffer_unordered(CALLS_AT_ONCE)
            .try_collect()
            .await
    }

    async fn merge_row(
        &self,
        site: &str,
        period: Period,
        sort_key: String,
        visitors: &Visitors,
    ) -> Result<(), StorageError> {
        let mut backoff = Backoff::new();
        loop {
            let stored = self.merged_row(site, period, &sort_key).await?;
            let mut merged = stored.as_ref().map(read_visitors).transpose()?.unwrap_or_default();
            merged.merge(visitors);
            let mut item = visitors_item(site, period, sort_key.clone(), &merged, self.retention);
            if stored.as_ref().is_some_and(|stored| has_same_sketches(stored, &item)) {
                return Ok(());
            }
            let revision: Option<u64> =
                stored.as_ref().map(|stored| number(stored, keys::REVISION)).transpose()?;
            let next_revision = AttributeValue::N((revision.unwrap_or(0) + 1).to_string());
            item.insert(keys::REVISION.to_string(), next_revision);
            if self.put_revision(item, revision).await? {
                return Ok(());
            }
            backoff.pause().await;
        }
    }

    async fn merged_row(
        &self,
        site: &str,
        period: Period,
        sort_key: &str,
    ) -> Result<Option<Item>, StorageError> {
        let key = key(keys::tally_partition(site, period), sort_key.to_string());
        let get = self.table.client.get_item().table_name(&self.table.name).consistent_read(true);
        let answer = get.set_key(Some(key)).send().await;
        Ok(answer.map_err(|error| StorageError::from_sdk("GetItem of visitors", error))?.item)
    }

    /// Puts a row on the condition that its revision is the one that was read; `None` if no row was
    /// found. `false` if another writer was faster.
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
}

/// The visitors of the hours (of a site) for which `is_wanted` holds, by quarter if the hour has
/// rows of them, and by hour, day, week and month.
pub(crate) fn rolled_up(
    visitors: &VisitorsBySecret,
    is_wanted: impl Fn(&str, Hour) -> bool,
) -> PeriodVisitors<'_> {
    let of_secret = |(secret, visitors): (&SecretNumber, _)| {
        let rolled_up = ChunkVisitors::rolled_up(visitors, &is_wanted);
        let secret = *secret;
        rolled_up.into_iter().map(move |((site, period), it)| ((secret, site, period), it))
    };
    visitors.iter().flat_map(of_secret).collect()
}

/// Writes visitors as a row. A sketch that would be empty is left out.
fn visitors_item(
    site: &str,
    period: Period,
    sort_key: String,
    visitors: &Visitors,
    retention: Retention,
) -> Item {
    let mut item = key(keys::tally_partition(site, period), sort_key);
    for (name, sketch) in sketches(visitors) {
        if !sketch.is_empty() {
            item.insert(name.to_string(), AttributeValue::B(Blob::new(sketch.to_bytes())));
        }
    }
    if visitors.stages.are_complete {
        item.insert(keys::BY_STAGE.to_string(), AttributeValue::Bool(true));
    }
    if let Some(expires_at) = retention.expires_at(period) {
        item.insert(keys::TIME_TO_LIVE.to_string(), AttributeValue::N(expires_at.to_string()));
    }
    item
}

/// The sketches of visitors by attribute.
pub fn sketches(visitors: &Visitors) -> Vec<(&'static str, &Sketch)> {
    let mut sketches = vec![
        (keys::VISITORS_SKETCH, &visitors.visitors),
        (keys::SESSIONS_SKETCH, &visitors.sessions),
    ];
    for stage in Stage::ALL {
        if let Some(StageVisitors { visitors, sessions }) = visitors.stages.of(stage) {
            sketches.extend(keys::stage_sketches(stage).into_iter().zip([visitors, sessions]));
        }
    }
    sketches
}

/// The row of a period that a chunk merges into.
fn shard_of(chunk: &ChunkId) -> u8 {
    chunk.tag().bytes().fold(0, |sum: u8, byte| sum.wrapping_add(byte)) % VISITOR_SHARDS
}

/// The secret of a row of visitors; `None` is a row of another kind.
pub(crate) fn secret_of_row(sort_key: &str) -> Option<SecretNumber> {
    keys::secret_of_family(sort_key.split_once('#')?.0)
}

/// Reads visitors and their stages from their row.
pub(crate) fn read_visitors(item: &Item) -> Result<Visitors, StorageError> {
    let mut stages = Stages::of_nobody(item.contains_key(keys::BY_STAGE));
    for stage in Stage::ALL {
        let names = keys::stage_sketches(stage);
        if names.iter().any(|name| item.contains_key(*name)) {
            let [visitors, sessions] = names.map(|name| sketch(item, name));
            *stages.of_mut(stage) = StageVisitors { visitors: visitors?, sessions: sessions? };
        }
    }
    Ok(Visitors { stages, ..read_all_visitors(item)? })
}

/// Reads visitors from their row, without their stages.
fn read_all_visitors(item: &Item) -> Result<Visitors, StorageError> {
    Ok(Visitors {
        visitors: sketch(item, keys::VISITORS_SKETCH)?,
        sessions: sketch(item, keys::SESSIONS_SKETCH)?,
        stages: Stages::of_nobody(false),
    })
}

/// Reads a sketch. An absent one is empty.
fn sketch(item: &Item, name: &str) -> Result<Sketch, StorageError> {
    match item.get(name) {
        None => Ok(Sketch::new()),
        Some(AttributeValue::B(bytes)) => Sketch::from_bytes(bytes.as_ref())
            .map_err(|error| malformed(item, format!("{name}: {error}"))),
        Some(other) => Err(malformed(item, format!("{name} is {other:?}, not bytes"))),
    }
}

/// Whether merging has changed nothing but the revision.
fn has_same_sketches(stored: &Item, merged: &Item) -> bool {
    let of_stages = Stage::ALL.into_iter().flat_map(keys::stage_sketches);
    let mut names =
        [keys::VISITORS_SKETCH, keys::SESSIONS_SKETCH, keys::BY_STAGE].into_iter().chain(of_stages);
    names.all(|name| stored.get(name) == merged.get(name))
}

/// Whether another writer was faster, or is writing the row at this moment.
fn is_other_revision<R>(error: &SdkError<PutItemError, R>) -> bool {
    matches!(
        error.as_service_error(),
        Some(
            PutItemError::ConditionalCheckFailedException(_)
                | PutItemError::TransactionConflictException(_)
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryTable;
    use minutebook_domain::count::secret::VisitorSecret;

    const SECRET: VisitorSecret = VisitorSecret::new(0x5eed);

    fn item(attributes: &[(&str, AttributeValue)]) -> Item {
        attributes.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
    }

    #[test]
    fn visitors_are_read_from_the_sketches_of_a_row() {
        let sketch = Sketch::of(SECRET, ["ann", "bob"]);
        let bytes = AttributeValue::B(Blob::new(sketch.to_bytes()));
        let visitors = read_visitors(&item(&[(keys::VISITORS_SKETCH, bytes)])).expect("a sketch");
        assert_eq!(visitors.counts(), VisitorCounts { visitors: 2, sessions: 0 });
    }

    #[test]
    fn visitors_that_are_written_are_read_back() {
        const RETENTION: Retention = Retention { minute_days: 7, hour_days: 0, day_days: 0 };
        let minute =
            Minute::containing("2026-11-20T23:07:00Z".parse().expect("a time")).expect("in range");
        for (visitors, attributes) in
            [(visitors(&["ann", "bob"], &["1"]), 6), (visitors(&[], &["1"]), 5), (bought(), 10)]
        {
            let period = Period::Minute(minute);
            let row =
                visitors_item("shop", period, "visitors#07#a".to_string(), &visitors, RETENTION);
            assert_eq!(row.len(), attributes, "an empty sketch is left out");
            let ttl: i64 = number(&row, "ttl").expect("it expires");
            assert_eq!(ttl, minute.plus(1).epoch_seconds() + 7 * 86_400);
            let read = read_visitors(&row).expect("well formed");
            for ((_, read), (_, written)) in sketches(&read).iter().zip(sketches(&visitors)) {
                assert_eq!(read.to_bytes(), written.to_bytes());
            }
            assert_eq!(read.funnel(), visitors.funnel());
            assert!(read.stages.are_complete);
        }
    }

    #[test]
    fn a_row_of_a_build_before_stages_is_not_counted_by_stage() {
        let sketch = Sketch::of(SECRET, ["ann"]);
        let bytes = AttributeValue::B(Blob::new(sketch.to_bytes()));
        let mut merged = read_visitors(&item(&[(keys::VISITORS_SKETCH, bytes)])).expect("a sketch");
        assert!(!merged.stages.are_complete);
        merged.merge(&bought());
        let at = Minute::containing("2026-11-20T23:07:00Z".parse().expect("a time"));
        let period = Period::Month(at.expect("in range").hour().day().month());
        let retention = Retention { minute_days: 7, hour_days: 0, day_days: 0 };
        let row = visitors_item("shop", period, "visitors#m11#00".to_string(), &merged, retention);
        assert!(row.contains_key("bought") && !row.contains_key(keys::BY_STAGE));
    }

    #[test]
    fn a_sketch_that_cannot_be_read_is_an_error_that_names_its_row() {
        let key = [
            ("pk", AttributeValue::S("T#shop#h".to_string())),
            ("sk", AttributeValue::S("visitors#07#a".to_string())),
        ];
        for broken in [AttributeValue::B(Blob::new([9, 9])), AttributeValue::S("x".to_string())] {
            let mut row = item(&key);
            row.insert(keys::SESSIONS_SKETCH.to_string(), broken);
            let sentence = read_visitors(&row).expect_err("broken").to_string();
            assert!(
                sentence.contains("T#shop#h / visitors#07#a") && sentence.contains("sessions"),
                "{sentence}"
            );
        }
    }

    fn visitors(names: &[&str], sessions: &[&str]) -> Visitors {
        let (visitors, sessions) = (Sketch::of(SECRET, names), Sketch::of(SECRET, sessions));
        Visitors { visitors, sessions, ..Visitors::default() }
    }

    /// Two visitors with sessions, of whom one bought.
    fn bought() -> Visitors {
        let mut visitors = visitors(&["ann", "bob"], &["1", "2"]);
        for stage in [Stage::Carted, Stage::Bought] {
            *visitors.stages.of_mut(stage) = StageVisitors {
                visitors: Sketch::of(SECRET, ["ann"]),
                sessions: Sketch::of(SECRET, ["1"]),
            };
        }
        visitors
    }

    #[test]
    fn a_window_merges_minutes_of_all_chunks_and_hours_of_all_shards() {
        const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
        let minute =
            |text: &str| Minute::containing(text.parse().expect("a time")).expect("in range");
        let table = MemoryTable::default();
        let secret = SecretNumber(2);
        let put_under = |secret, period, tag, visitors| {
            table.put_visitors(secret, "shop", period, tag, &visitors, RETENTION);
        };
        let put = |period, tag, visitors| put_under(secret, period, tag, visitors);
        let hour = Period::Hour(minute("2026-11-20T08:00:00Z").hour());
        put(hour, "00", visitors(&["ann", "bob"], &["1"]));
        put(hour, "03", visitors(&["bob", "eve"], &["2"]));
        let of_minute = |text| Period::Minute(minute(text));
        // Of the hour that is done, whose minutes are not read.
        put(of_minute("2026-11-20T08:07:00Z"), "aaaa", visitors(&["nobody"], &[]));
        put(of_minute("2026-11-20T10:00:00Z"), "aaaa", visitors(&["ann"], &["3"]));
        put(of_minute("2026-11-20T10:00:00Z"), "bbbb", visitors(&["kim"], &[]));
        put(of_minute("2026-11-20T10:14:00Z"), "aaaa", visitors(&[], &["1"]));
        // Of other secrets, whose rows cannot be merged with these.
        for other in [SecretNumber::NONE, SecretNumber(20)] {
            put_under(other, hour, "00", visitors(&["other"], &["9"]));
            put_under(other, of_minute("2026-11-20T10:00:00Z"), "aaaa", visitors(&["other"], &[]));
        }
        let window = |from, to| Window { from: minute(from), to: minute(to) };
        let windows = [
            window("2026-11-20T08:00:00Z", "2026-11-20T10:15:00Z"),
            window("2026-11-20T10:00:00Z", "2026-11-20T10:15:00Z"),
            window("2026-11-20T10:01:00Z", "2026-11-20T10:14:00Z"),
        ];
        let now = "2026-11-20T10:15:00Z".parse().expect("a time");
        let question = VisitorQuestion {
            site: "shop",
            secret,
            windows: &windows,
            now,
            retention: RETENTION,
            quarter_hours: QuarterHours::NONE,
            by_stage: false,
        };
        let (counts, reads) = table.read(count_visitors(&table, &question));
        let counts: Vec<_> =
            counts.expect("read").iter().map(|counts| (counts.visitors, counts.sessions)).collect();
        assert_eq!(counts, [(4, 3), (2, 2), (0, 0)]);
        assert_eq!(reads.round_trips, 1);
    }

    #[test]
    fn visitors_have_sort_keys_of_their_own() {
        for (sort_key, secret) in [
            ("visitors#07#0123456789abcdef", Some(0)),
            ("visitors.2#d11-20#00", Some(2)),
            ("views#07#00#000", None),
            ("visitors", None),
        ] {
            assert_eq!(secret_of_row(sort_key), secret.map(SecretNumber), "{sort_key}");
        }
    }
}
