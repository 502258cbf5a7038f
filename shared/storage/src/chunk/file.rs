//! The rows by which files are known again: the counted version of each key, and which chunk has
//! counted which bytes.

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_domain::chunk::id::{ChunkId, ContentHash};

use crate::error::StorageError;
use crate::keys;
use crate::table::{Item, Table, key, malformed, new_row_action, number, text, text_if_any, time};

/// The smallest file whose copies under other keys do not count, in bytes. Smaller ones may well be
/// the same by chance: a single event without a time, an empty list.
pub const COPY_BYTES_MIN: u64 = 4_096;

/// A version of a file of which all bytes are counted: by its own chunk, and by those of the
/// versions that it begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountedVersion {
    /// The hash of its stored bytes.
    pub content_hash: ContentHash,
    /// Its stored size.
    pub size_bytes: u64,
    /// When it was put, in whole seconds.
    pub last_modified: DateTime<Utc>,
    /// The version in the bucket, if that keeps versions.
    pub version_id: Option<String>,
}

/// What the first transaction of a file's chunk commits besides its counters.
#[derive(Clone, Copy, Debug)]
pub struct FileRows<'a> {
    /// The counted version that the chunk was planned with.
    pub known: Option<&'a CountedVersion>,
    /// The version of the chunk.
    pub own: &'a CountedVersion,
    /// Whether the same bytes under another key are no chunk of their own.
    pub excludes_copies: bool,
}

impl Table {
    /// The counted version of a file; `None` if none was counted.
    ///
    /// **Guarantees**: a consistent read.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn counted_version(
        &self,
        bucket: &str,
        object_key: &str,
    ) -> Result<Option<CountedVersion>, StorageError> {
        let row = key(keys::file_partition(bucket, object_key), keys::COUNTED_VERSION.to_string());
        let item = self.get(row, "GetItem of a file").await?;
        item.map(|item| read_version(&item)).transpose()
    }

    /// The chunk that has counted these bytes, if it is a file.
    ///
    /// **Guarantees**: a consistent read.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn counted_as(&self, bytes: &ContentHash) -> Result<Option<String>, StorageError> {
        let row = key(keys::content_partition(bytes), keys::COUNTED_AS.to_string());
        let item = self.get(row, "GetItem of counted bytes").await?;
        item.map(|item| read_counted_as(&item)).transpose()
    }
}

/// The chunk that a row of counted bytes names.
pub(crate) fn read_counted_as(item: &Item) -> Result<String, StorageError> {
    text(item, "chunk").map(str::to_string)
}

fn read_version(item: &Item) -> Result<CountedVersion, StorageError> {
    let hash = text(item, "content_hash")?;
    let content_hash = ContentHash::parse(hash)
        .ok_or_else(|| malformed(item, format!("content_hash is {hash}, not 64 hex digits")))?;
    Ok(CountedVersion {
        content_hash,
        size_bytes: number(item, "size_bytes")?,
        last_modified: time(item, "last_modified")?,
        version_id: text_if_any(item, "version_id")?.map(str::to_string),
    })
}

fn version_item(bucket: &str, object_key: &str, version: &CountedVersion) -> Item {
    let CountedVersion { content_hash, size_bytes, last_modified, version_id } = version;
    let mut item = key(keys::file_partition(bucket, object_key), keys::COUNTED_VERSION.to_string());
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_string(), value);
    set("content_hash", AttributeValue::S(content_hash.to_string()));
    set("size_bytes", AttributeValue::N(size_bytes.to_string()));
    let last_modified = last_modified.to_rfc3339_opts(SecondsFormat::Secs, true);
    set("last_modified", AttributeValue::S(last_modified));
    if let Some(version_id) = version_id {
        set("version_id", AttributeValue::S(version_id.clone()));
    }
    item
}

/// The actions that write the rows of a file: that of its key, and that of its bytes unless copies
/// are chunks of their own. They fail if the counted version is not the one that the chunk was
/// planned with, or if another file has the same bytes.
///
/// # Errors
/// [`StorageError::Refused`] if a member of a request is missing, which would be a bug.
pub(crate) fn file_actions(
    table: &str,
    chunk: &ChunkId,
    (bucket, object_key): (&str, &str),
    rows: &FileRows<'_>,
) -> Result<Vec<TransactWriteItem>, StorageError> {
    let FileRows { known, own, excludes_copies } = *rows;
    let mut actions = vec![version_action(table, (bucket, object_key), known, own)?];
    if excludes_copies {
        let mut item =
            key(keys::content_partition(&own.content_hash), keys::COUNTED_AS.to_string());
        item.insert("chunk".to_string(), AttributeValue::S(chunk.to_string()));
        actions.push(new_row_action(table, item)?);
    }
    Ok(actions)
}

/// The action that records the own version, unless a later one is recorded already. It fails if
/// another version than the known one is.
fn version_action(
    table: &str,
    (bucket, object_key): (&str, &str),
    known: Option<&CountedVersion>,
    own: &CountedVersion,
) -> Result<TransactWriteItem, StorageError> {
    const IS_KNOWN: &str = "content_hash = :hash AND size_bytes = :size";
    let values = known.map(|known| {
        let hash = AttributeValue::S(known.content_hash.to_string());
        let size = AttributeValue::N(known.size_bytes.to_string());
        Item::from([(":hash".to_string(), hash), (":size".to_string(), size)])
    });
    let on_failure = ReturnValuesOnConditionCheckFailure::None;
    let order = |version: &CountedVersion| (version.last_modified, version.size_bytes);
    if known.is_some_and(|known| order(known) > order(own)) {
        let row = key(keys::file_partition(bucket, object_key), keys::COUNTED_VERSION.to_string());
        let check = ConditionCheck::builder()
            .table_name(table)
            .set_key(Some(row))
            .condition_expression(IS_KNOWN)
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(on_failure);
        let check = check.build().map_err(StorageError::from_build)?;
        return Ok(TransactWriteItem::builder().condition_check(check).build());
    }
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(version_item(bucket, object_key, own)))
        .return_values_on_condition_check_failure(on_failure);
    let put = match values {
        Some(values) => {
            put.condition_expression(IS_KNOWN).set_expression_attribute_values(Some(values))
        }
        None => put
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", keys::PARTITION_KEY),
    };
    let put = put.build().map_err(StorageError::from_build)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counted_version_is_read_as_it_was_written() {
        for version_id in [None, Some("v1".to_string())] {
            let version = CountedVersion {
                content_hash: ContentHash::of_refused(3, b"abc"),
                size_bytes: 3,
                last_modified: "2026-11-20T23:07:31Z".parse().expect("a time"),
                version_id,
            };
            let item = version_item("raw", "a.jsonl", &version);
            assert_eq!(read_version(&item).expect("it is whole"), version);
        }
    }
}
