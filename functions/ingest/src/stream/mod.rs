//! The way of the records of a stream: into the bucket, each once, as a chunk for each batch.
//!
//! They are not counted here. The bucket announces their object as it does any other, so they are
//! counted, rejected, recounted and replayed like the lines of a file; and a record that nobody can
//! read is a rejected line, while its partition goes on.

pub mod aggregate;
pub mod event;
pub mod summary;

use minutebook_api::collect::lines::any_lines;
use minutebook_storage::bucket::store::{EventStore, PutOnce};
use minutebook_storage::error::StorageError;
use minutebook_storage::stream::extents::{Extent, ExtentName, Positions, Segment};
use tokio::time::Instant;

use crate::stream::event::{Delivery, StreamRecord};

/// Where records of streams are stored.
#[derive(Clone, Debug)]
pub struct StreamStore<E, P> {
    /// The bucket.
    pub events: E,
    /// What says how far each partition is stored.
    pub positions: P,
}

/// What became of the records of a delivery.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Report {
    /// How many are stored now.
    pub stored: usize,
    /// How many of these have no line in them: tombstones, and values of nothing but white space.
    pub empty: usize,
    /// How many were stored before.
    pub redelivered: usize,
    /// The keys of the objects that were put.
    pub keys: Vec<String>,
    /// How often the partition was made anew, with this time.
    pub epoch: u32,
    /// Whether it was found now that it was made anew.
    pub is_made_anew: bool,
}

/// Why records could not be stored. Lambda brings the whole batch again.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The table or the bucket; see the error whether a later try helps.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The time that Lambda allows is nearly up; what was stored stays, and the next try goes on
    /// from there.
    #[error("out of time: the records are not all stored before Lambda ends the function")]
    OutOfTime,
}

impl<E: EventStore, P: Positions> StreamStore<E, P> {
    /// Stores the records of a delivery that are not stored yet, in the time that is left.
    ///
    /// **Guarantees**: as [`StreamStore::store`].
    ///
    /// # Errors
    /// [`StreamError`].
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
    /// **Guarantees**: each record of a partition lies in exactly one object, in whatever batches
    /// it is delivered, how often, and by how many at once, and wherever they die; as long as a
    /// record is not delivered before the one in front of it is stored, which is how Kafka and
    /// Kinesis deliver.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so. What was stored stays so.
    pub async fn store(&self, delivery: &Delivery) -> Result<Report, StorageError> {
        let partition = delivery.partition.as_str();
        let mut extents = self.positions.extents(partition).await?;
        let mut epoch = extents.iter().map(|extent| extent.name.epoch).max().unwrap_or(1);
        extents.retain(|extent| extent.name.epoch == epoch);
        let mut report =
            Report { is_made_anew: is_made_anew(&delivery.records, &extents), ..Report::default() };
        if report.is_made_anew {
            epoch += 1;
            extents.clear();
        }
        report.epoch = epoch;

        // From the end of the partition backwards: what lies before the first record of a extent
        // is of the next one.
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

    /// Begins a extent, or finds the one that another delivery has begun in the meantime.
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
            call: "beginning a extent of a stream",
            reason: format!("the row of {partition} was there, and then was not"),
        })
    }

    /// Puts what is behind the end of a extent, and walks over what others put there.
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

/// The records that a extent does not have yet.
fn behind<'a>(records: &'a [StreamRecord], extent: &Extent) -> &'a [StreamRecord] {
    &records[records.partition_point(|record| record.offset < extent.next)..]
}

/// Whether these records are of a partition that was made anew, so that its offsets began again:
/// one of them stands where something is stored, and is later than everything that is stored there.
/// So it cannot be what was stored, since neither the place nor the time of a record ever changes.
fn is_made_anew(records: &[StreamRecord], extents: &[Extent]) -> bool {
    records.iter().any(|record| {
        let is_in = |extent: &Extent| (&extent.first..&extent.next).contains(&&record.offset);
        let stored =
            extents.iter().find(|extent| is_in(extent)).and_then(|extent| extent.timestamp_max);
        stored.is_some() && record.timestamp > stored
    })
}

/// The lines of the records, and how many of these have none.
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
    if text.is_empty() && !lines.starts_with(b"{") {
        // The first bytes of a chunk say whether it is packed. A value that only looks so must not
        // spoil the others: behind a blank line it is a line like any other.
        text.push(b'\n');
    }
    text.extend_from_slice(&lines);
    if !lines.ends_with(b"\n") {
        text.push(b'\n');
    }
}

#[cfg(test)]
mod tests;
