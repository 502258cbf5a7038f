//! The extents of a stream: which records of a partition are stored in the bucket. With them, each
//! record is stored once, in whatever batches and however often it is delivered.
//!
//! The objects of a partition form a chain, like the segments of a log. Each is named by the
//! position that it continues from, and put on the condition that the name is free. Its metadata
//! says how far it reaches, and so how the next one is named. Of all workers that put at a position
//! one wins, and the others continue after what it stored. The row in the table says how far the
//! chain reaches, so that nobody walks it from its start; a row that lags costs a step and changes
//! nothing.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::TryStreamExt;

use crate::bucket::store::Label;
use crate::error::StorageError;
use crate::keys;
use crate::stream::offset::Offset;
use crate::table::{
    Consistency, Item, Table, condition_met, key, malformed, number_if_any, rows, text,
};

/// The metadata with the offset of a segment's last record.
const LAST_OFFSET: &str = "last-offset";
/// The metadata with the latest time of a segment's records.
const TIMESTAMP_MAX: &str = "timestamp-max";
/// The attribute of that time, over all segments of an extent.
const TIMESTAMP_MAX_ATTRIBUTE: &str = "timestamp_max";

/// What a stored segment says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// The offset of its last record.
    pub last: Offset,
    /// The latest time of its records, in milliseconds since 1970, if the stream keeps times.
    pub timestamp_max: Option<i64>,
}

impl Label for Segment {
    const CALL: &'static str = "PutObject of records of a stream";

    fn metadata(&self) -> HashMap<String, String> {
        let mut metadata = HashMap::from([(LAST_OFFSET.to_string(), self.last.to_string())]);
        if let Some(time) = self.timestamp_max {
            metadata.insert(TIMESTAMP_MAX.to_string(), time.to_string());
        }
        metadata
    }

    fn of(metadata: &HashMap<String, String>) -> Option<Segment> {
        let timestamp_max = match metadata.get(TIMESTAMP_MAX) {
            Some(time) => Some(time.parse().ok()?),
            None => None,
        };
        Some(Segment { last: Offset::parse(metadata.get(LAST_OFFSET)?)?, timestamp_max })
    }
}

/// The name of an extent of a partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ExtentName {
    /// The epoch of the partition, from 1: a partition that is created again starts its offsets,
    /// and an epoch, again.
    pub epoch: u32,
    /// The number in the epoch, from 0. Each one lies before the one of the number below it,
    /// because the stream was read again from an earlier position.
    pub number: u32,
}

/// A range of a partition's positions whose records are all stored: from `first` up to, but not
/// including, `next`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extent {
    /// Its name.
    pub name: ExtentName,
    /// Its first position; this never changes.
    pub first: Offset,
    /// The position that it continues from.
    pub next: Offset,
    /// The latest time of its records, if the stream keeps times.
    pub timestamp_max: Option<i64>,
}

impl Extent {
    /// An extent without records.
    pub fn begun(name: ExtentName, first: Offset) -> Extent {
        Extent { name, next: first.clone(), first, timestamp_max: None }
    }

    /// The name of the object that continues it: `<partition>/<position>.jsonl`, with the epoch
    /// before the ending from the second epoch on.
    pub fn next_key(&self, partition: &str) -> String {
        let position = self.next.as_name();
        match self.name.epoch {
            1 => format!("{partition}/{position}.jsonl"),
            epoch => format!("{partition}/{position}.{epoch}.jsonl"),
        }
    }

    /// The extent with one more segment.
    pub fn and(&self, segment: &Segment) -> Extent {
        Extent {
            next: segment.last.following(),
            timestamp_max: self.timestamp_max.max(segment.timestamp_max),
            ..self.clone()
        }
    }
}

/// Where the extents of partitions are kept: the table, or a stand-in for it in tests.
pub trait Positions: Sync {
    /// All extents of a partition, by name.
    ///
    /// **Guarantees**: a consistent read.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn extents(
        &self,
        partition: &str,
    ) -> impl Future<Output = Result<Vec<Extent>, StorageError>> + Send;

    /// Begins an extent; `false` if one of its name exists.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn begin(
        &self,
        partition: &str,
        extent: &Extent,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Advances an extent; `false` if it is no longer at `from`, which is harmless: another
    /// delivery took the same step.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn advance(
        &self,
        partition: &str,
        from: &Extent,
        to: &Extent,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;
}

impl Positions for Table {
    async fn extents(&self, partition: &str) -> Result<Vec<Extent>, StorageError> {
        let query = self.query(keys::stream_partition(partition), Consistency::Strong);
        let mut rows = rows(query, "Query of the extents of a stream");
        let mut extents = vec![];
        while let Some(item) = rows.try_next().await? {
            extents.push(read_extent(&item)?);
        }
        Ok(extents)
    }

    async fn begin(&self, partition: &str, extent: &Extent) -> Result<bool, StorageError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(extent_item(partition, extent)))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", keys::PARTITION_KEY);
        condition_met(put.send().await, "PutItem of an extent of a stream")
    }

    async fn advance(
        &self,
        partition: &str,
        from: &Extent,
        to: &Extent,
    ) -> Result<bool, StorageError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(extent_item(partition, to)))
            .condition_expression("#next = :from")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":from", AttributeValue::S(from.next.to_string()));
        condition_met(put.send().await, "PutItem of an extent of a stream")
    }
}

fn extent_item(partition: &str, extent: &Extent) -> Item {
    let ExtentName { epoch, number } = extent.name;
    let mut item = key(keys::stream_partition(partition), keys::stream_extent(epoch, number));
    item.insert("first".to_string(), AttributeValue::S(extent.first.to_string()));
    item.insert("next".to_string(), AttributeValue::S(extent.next.to_string()));
    if let Some(time) = extent.timestamp_max {
        item.insert(TIMESTAMP_MAX_ATTRIBUTE.to_string(), AttributeValue::N(time.to_string()));
    }
    item
}

fn read_extent(item: &Item) -> Result<Extent, StorageError> {
    let name = text(item, keys::SORT_KEY)?.split_once('.').and_then(|(epoch, number)| {
        Some(ExtentName { epoch: epoch.parse().ok()?, number: number.parse().ok()? })
    });
    let name = name
        .ok_or_else(|| malformed(item, "its sort key is not an epoch and a number".to_string()))?;
    let offset = |attribute: &str| {
        let digits = text(item, attribute)?;
        Offset::parse(digits).ok_or_else(|| {
            malformed(item, format!("{attribute} is {digits:?}, not a whole number"))
        })
    };
    let timestamp_max = number_if_any(item, TIMESTAMP_MAX_ATTRIBUTE)?;
    Ok(Extent { name, first: offset("first")?, next: offset("next")?, timestamp_max })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTITION: &str = "kafka/shop-01234567/orders/3";

    fn extent(epoch: u32, first: u64) -> Extent {
        Extent::begun(ExtentName { epoch, number: 2 }, Offset::from(first))
    }

    #[test]
    fn a_segment_is_read_back_from_the_metadata_of_its_object() {
        let digits = "49590338271490256608559692538361571095921575989136588898";
        let last = Offset::parse(digits).expect("a number");
        for timestamp_max in [None, Some(-5), Some(1_795_216_079_123)] {
            let segment = Segment { last: last.clone(), timestamp_max };
            assert_eq!(Segment::of(&segment.metadata()), Some(segment));
        }
        let metadata = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect()
        };
        for wrong in
            [&[][..], &[("last-offset", "x")], &[("last-offset", "1"), ("timestamp-max", "today")]]
        {
            assert_eq!(Segment::of(&metadata(wrong)), None);
        }
    }

    #[test]
    fn an_object_is_named_by_the_position_that_it_goes_on_from() {
        let begun = extent(1, 42);
        assert_eq!(begun.next_key(PARTITION), format!("{PARTITION}/00000000000000000042.jsonl"));
        assert_eq!(
            extent(2, 42).next_key(PARTITION),
            format!("{PARTITION}/00000000000000000042.2.jsonl")
        );
        let longer = begun.and(&Segment { last: Offset::from(99), timestamp_max: Some(7) });
        assert_eq!(longer.next_key(PARTITION), format!("{PARTITION}/00000000000000000100.jsonl"));
        assert_eq!(longer.first, begun.first);
        let later = longer.and(&Segment { last: Offset::from(100), timestamp_max: Some(6) });
        assert_eq!((later.next, later.timestamp_max), (Offset::from(101), Some(7)));
    }

    #[test]
    fn a_row_is_written_and_read_as_the_table_page_says() {
        let begun = extent(1, 42);
        let moved = begun.and(&Segment { last: Offset::from(99), timestamp_max: Some(7) });
        for (extent, next, time) in [(begun, "42", None), (moved, "100", Some("7"))] {
            let item = extent_item(PARTITION, &extent);
            let text = |name: &str| item[name].as_s().map(String::as_str);
            assert_eq!(text("pk"), Ok("P#kafka/shop-01234567/orders/3"));
            assert_eq!(
                (text("sk"), text("first"), text("next")),
                (Ok("000001.002"), Ok("42"), Ok(next))
            );
            assert_eq!(
                item.get("timestamp_max").and_then(|time| time.as_n().ok()).map(String::as_str),
                time
            );
            assert_eq!(read_extent(&item).expect("well formed"), extent);
        }
    }

    #[test]
    fn a_malformed_row_is_an_error_that_names_it() {
        for (attribute, value) in
            [("sk", "000001"), ("first", "x"), ("next", "-1"), ("timestamp_max", "today")]
        {
            let mut item = extent_item(PARTITION, &extent(1, 42));
            item.insert(attribute.to_string(), AttributeValue::S(value.to_string()));
            let sentence = read_extent(&item).expect_err("malformed").to_string();
            assert!(sentence.contains(&format!("P#{PARTITION}")), "{sentence}");
        }
    }
}
