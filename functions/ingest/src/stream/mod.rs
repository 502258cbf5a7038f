//! Storing the records of a stream in the bucket, each once, as a chunk for each batch.
//!
//! They are not counted here. The bucket announces their object like any other, so they are
//! counted, rejected, recounted and replayed like the lines of a file. A record that cannot be read
//! becomes a rejected line, and its partition continues.

pub mod aggregate;
pub mod event;
pub mod summary;

use minutebook_domain::chunk::event_lines::any_lines;
use minutebook_storage::bucket::store::{EventStore, PutOnce};
use minutebook_storage::error::StorageError;
use minutebook_storage::stream::extents::{Extent, ExtentName, Positions, Segment};
use tokio::time::Instant;

use crate::stream::event::{Delivery, StreamRecord};

/// Stores the records of streams.
#[derive(Clone, Debug)]
pub struct StreamStore<E, P> {
    /// The bucket.
    pub events: E,
    /// The extents of each partition.
    pub positions: P,
}

/// What became of the records of a delivery.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Report {
    /// The records that this delivery stored.
    pub stored: usize,
    /// Those of them without a line: tombstones, and values of white space only.
    pub empty: usize,
    /// The records that were stored before.
    pub redelivered: usize,
    /// The keys of the objects that were put.
    pub keys: Vec<String>,
    /// The epoch of the partition, from 1.
    pub epoch: u32,
    /// Whether this delivery began the epoch.
    pub is_new_epoch: bool,
}

/// Why records could not be stored. Lambda delivers the whole batch again.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The table or the bucket failed; see [`StorageError::is_retryable`].
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The time that Lambda allows is nearly over. What was stored stays, and the next try
    /// continues from there.
    #[error("out of time: the records are not all stored before Lambda ends the function")]
    OutOfTime,
}

impl<E: EventStore, P: Positions> StreamStore<E, P> {
    /// Stores the records of a delivery that are not stored yet, until a deadline.
    ///
    /// **Guarantees**: those of [`StreamStore::store`].
    ///
    /// # Errors
    /// [`StreamError`]; a retry helps, unless a [`StreamError::Storage`] is not retryable.
    pub async fn store_in_time(
        &self,
        delivery: &Delivery,
        deadline: Instant,
    ) -> Result<Report, StreamError> {
        match tokio::time::timeout_at(deadline, self.store(delivery)).await {
            Ok(stored) => Ok(stored?),
            Err(_) => Err(StreamError::OutOfTime),
        }
    }

    /// Stores the records of a delivery that are not stored yet.
    ///
    /// **Guarantees**: each record of a partition is stored in exactly one object, in whatever
    /// batches it is delivered, any number of times and concurrently, and wherever a function dies.
    /// This holds as long as no record is delivered before the one in front of it is stored, which
    /// Kafka and Kinesis ensure.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. What was stored stays stored.
    pub async fn store(&self, delivery: &Delivery) -> Result<Report, StorageError> {
        let partition = delivery.partition.as_str();
        let mut extents = self.positions.extents(partition).await?;
        let mut epoch = extents.iter().map(|extent| extent.name.epoch).max().unwrap_or(1);
        extents.retain(|extent| extent.name.epoch == epoch);
        let mut report =
            Report { is_new_epoch: is_new_epoch(&delivery.records, &extents), ..Report::default() };
        if report.is_new_epoch {
            epoch += 1;
            extents.clear();
        }
        report.epoch = epoch;

        // From the end of the partition backwards: records before the first one of an extent belong
        // to the next extent.
        let mut extents = extents.into_iter();
        let mut rest = delivery.records.as_slice();
        let mut number = 0;
        while let Some(lowest) = rest.first() {
            let extent = match extents.next() {
                Some(extent) => extent,
                None => {
                    let name = ExtentName { epoch, number };
                    self.begin(partition, Extent::begun(name, lowest.offset.clone())).await?
                }
            };
            let here = rest.partition_point(|record| record.offset < extent.first);
            self.go_on(partition, extent, &rest[here..], &mut report).await?;
            rest = &rest[..here];
            number += 1;
        }
        Ok(report)
    }

    /// Begins an extent, or finds the one that another delivery has begun in the meantime.
    async fn begin(&self, partition: &str, extent: Extent) -> Result<Extent, StorageError> {
        if self.positions.begin(partition, &extent).await? {
            return Ok(extent);
        }
        let known = self
            .positions
            .extents(partition)
            .await?
            .into_iter()
            .find(|known| known.name == extent.name);
        known.ok_or_else(|| StorageError::Unavailable {
            call: "beginning an extent of a stream",
            reason: format!("the row of {partition} was there, and then was not"),
        })
    }

    /// Puts the records after the end of an extent, and skips what other deliveries put there.
    async fn go_on(
        &self,
        partition: &str,
        mut extent: Extent,
        records: &[StreamRecord],
        report: &mut Report,
    ) -> Result<(), StorageError> {
        let mut rest = behind(records, &extent);
        report.redelivered += records.len() - rest.len();
        while let Some(last) = rest.last() {
            let key = extent.next_key(partition);
            let timestamp_max = rest.iter().filter_map(|record| record.timestamp).max();
            let ours = Segment { last: last.offset.clone(), timestamp_max };
            let (lines, empty) = lines_of(rest);
            let next = match self.events.put_once(&key, lines, &ours).await? {
                PutOnce::Stored => {
                    report.stored += rest.len();
                    report.empty += empty;
                    report.keys.push(key);
                    extent.and(&ours)
                }
                PutOnce::Known(theirs) if theirs.last < extent.next => {
                    let reason = format!(
                        "its last offset {} is before its first {}",
                        theirs.last, extent.next
                    );
                    return Err(StorageError::Malformed {
                        row: format!("of the object {key}"),
                        reason,
                    });
                }
                PutOnce::Known(theirs) => {
                    let next = extent.and(&theirs);
                    report.redelivered += rest.len() - behind(rest, &next).len();
                    next
                }
            };
            // If another one was faster, it took the same step: the objects lead the way, not the
            // row.
            self.positions.advance(partition, &extent, &next).await?;
            rest = behind(rest, &next);
            extent = next;
        }
        Ok(())
    }
}

/// The records that an extent does not have yet.
fn behind<'a>(records: &'a [StreamRecord], extent: &Extent) -> &'a [StreamRecord] {
    &records[records.partition_point(|record| record.offset < extent.next)..]
}

/// Whether these records begin a new epoch: the partition was deleted and created again, so its
/// offsets started again. That is so if a record has an offset that is stored and a later time than
/// everything stored there, because neither the offset nor the time of a record ever changes.
fn is_new_epoch(records: &[StreamRecord], extents: &[Extent]) -> bool {
    records.iter().any(|record| {
        let is_in = |extent: &Extent| (&extent.first..&extent.next).contains(&&record.offset);
        let stored =
            extents.iter().find(|extent| is_in(extent)).and_then(|extent| extent.timestamp_max);
        stored.is_some() && record.timestamp > stored
    })
}

/// The lines of the records, and the number of records without any.
fn lines_of(records: &[StreamRecord]) -> (Vec<u8>, usize) {
    let mut text = vec![];
    let mut empty = 0;
    for record in records {
        let before = text.len();
        for value in &record.values {
            add_lines(&mut text, value);
        }
        empty += usize::from(text.len() == before);
    }
    (text, empty)
}

fn add_lines(text: &mut Vec<u8>, value: &[u8]) {
    let lines = any_lines(value);
    if lines.trim_ascii().is_empty() {
        return;
    }
    if text.is_empty() && !matches!(lines[..], [b'{', 1..=255, ..]) {
        // The first bytes of a chunk say whether it is compressed, an archive or in UTF-16. A value
        // that only looks so must not affect the others: after a blank line it is a line like any
        // other.
        text.push(b'\n');
    }
    text.extend_from_slice(&lines);
    if !lines.ends_with(b"\n") {
        text.push(b'\n');
    }
}

#[cfg(test)]
mod tests;
