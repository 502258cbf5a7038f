//! The rows by which files are known again: the counted version of a key, and the chunk that has
//! counted some bytes.

use anyhow::Result;

use crate::rows::attributes::{Item, is_hash, number, others, text, time};
use crate::rows::ledger::chunk;
use crate::rows::ledger::chunk_id::{FileBytes, object_chunk_id};
use crate::rows::scan::partition;
use crate::stack::objects::Object;

/// What the partition key of the counted version of a file begins with; bucket and key follow.
pub(in crate::rows) const FILE_PREFIX: &str = "F#";

/// What the partition key of counted bytes begins with; their hash follows.
pub(in crate::rows) const BYTES_PREFIX: &str = "B#";

/// The counted version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CountedVersion {
    /// In hex.
    content_hash: String,
    size_bytes: u64,
    /// Absent in a bucket that keeps no versions.
    version: Option<String>,
}

/// Whether the bytes of an object that has no ledger entries are counted: as another file, or as
/// the beginning of a later version of it.
///
/// # Errors
/// The table, a row or the later version cannot be read.
pub(crate) async fn are_counted_elsewhere(
    dynamodb: &aws_sdk_dynamodb::Client,
    s3: &aws_sdk_s3::Client,
    table: &str,
    file: &FileBytes,
) -> Result<bool> {
    let FileBytes { bucket, key, content_hash, size_bytes } = file;
    let rows = partition(dynamodb, table, &format!("{BYTES_PREFIX}{content_hash}")).await?;
    if let Some(row) = rows.first() {
        let counted_as = text(row, "chunk")?;
        if counted_as == object_chunk_id(bucket, key, content_hash) {
            // It was counted itself since its ledger entries were read.
            return Ok(false);
        }
        let counted_as = chunk::read(dynamodb, table, counted_as).await?;
        return Ok(counted_as.is_some_and(|ledger| ledger.is_complete()));
    }
    let known = counted_version(dynamodb, table, bucket, key).await?;
    let Some(known) = known.filter(|known| known.size_bytes > *size_bytes) else {
        return Ok(false);
    };
    let (bucket, key) = (bucket.clone(), key.clone());
    let later =
        Object { bucket, key, version: known.version, etag: None, size_bytes: None, time: None };
    Ok(later.hash_of_start(s3, *size_bytes).await?.as_ref() == Some(content_hash))
}

/// How many of the first bytes of a file that has no ledger entries are counted, by an earlier
/// version of it.
///
/// # Errors
/// The table or the row cannot be read.
pub(crate) async fn counted_before(
    dynamodb: &aws_sdk_dynamodb::Client,
    table: &str,
    object: &Object,
    bytes: &[u8],
) -> Result<usize> {
    let known = counted_version(dynamodb, table, &object.bucket, &object.key).await?;
    let start = known.and_then(|known| {
        let start = bytes.get(..usize::try_from(known.size_bytes).ok()?)?;
        let is_same = blake3::hash(start).to_hex().as_str() == known.content_hash;
        (is_same && start.len() < bytes.len()).then_some(start.len())
    });
    Ok(start.unwrap_or(0))
}

async fn counted_version(
    dynamodb: &aws_sdk_dynamodb::Client,
    table: &str,
    bucket: &str,
    key: &str,
) -> Result<Option<CountedVersion>> {
    let rows = partition(dynamodb, table, &format!("{FILE_PREFIX}{bucket}/{key}")).await?;
    rows.first().map(version).transpose()
}

fn version(item: &Item) -> Result<CountedVersion> {
    let version = item.get("version_id").map(|_| text(item, "version_id")).transpose()?;
    Ok(CountedVersion {
        content_hash: text(item, "content_hash")?.to_owned(),
        size_bytes: number(item, "size_bytes")?,
        version: version.map(str::to_owned),
    })
}

/// Checks the counted version of a file; `None` if its keys are not those of one.
pub(in crate::rows) fn read_file(
    item: &Item,
    file: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<()> {
    if sk != "counted" || !file.contains('/') {
        odd("not the keys of the counted version of a file".to_owned());
        return None;
    }
    let checked = (|| {
        time(item, "last_modified")?;
        anyhow::ensure!(is_hash(&version(item)?.content_hash), "its content_hash is no hash");
        Ok(())
    })();
    if let Err(error) = checked {
        odd(format!("{error:#}"));
    }
    others(item, &["content_hash", "size_bytes", "last_modified", "version_id"], odd);
    Some(())
}

/// Checks the row of counted bytes; `None` if its keys are not those of one.
pub(in crate::rows) fn read_bytes(
    item: &Item,
    hash: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<()> {
    if sk != "chunk" || !is_hash(hash) {
        odd("not the keys of counted bytes".to_owned());
        return None;
    }
    match text(item, "chunk") {
        Ok(chunk) if chunk.ends_with(&format!("#{hash}")) => {}
        other => odd(format!("its chunk is {other:?}")),
    }
    others(item, &["chunk"], odd);
    Some(())
}
