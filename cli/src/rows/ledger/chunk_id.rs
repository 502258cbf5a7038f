//! The ids of chunks.

use minutebook_oracle::Period;

use crate::stack::object_hashes::ObjectHashes;

/// What the chunk ids of sealed hours begin with: these chunks are no objects and have no lines.
const SEAL: &str = "seal:";

/// The chunk ids that an object may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChunkIds {
    /// If it is counted.
    pub(crate) counted: String,
    /// If it is refused.
    pub(crate) refused: String,
    /// Its bytes.
    pub(crate) file: FileBytes,
}

/// The bytes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileBytes {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// In hex.
    pub(crate) content_hash: String,
    pub(crate) size_bytes: u64,
}

impl ChunkIds {
    pub(crate) fn new(bucket: &str, key: &str, hashes: &ObjectHashes) -> Self {
        Self {
            counted: object_chunk_id(bucket, key, &hashes.content),
            refused: object_chunk_id(bucket, key, &hashes.refused),
            file: FileBytes {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                content_hash: hashes.content.clone(),
                size_bytes: hashes.size_bytes,
            },
        }
    }
}

/// The chunk id of an object.
pub(crate) fn object_chunk_id(bucket: &str, key: &str, content_hash: &str) -> String {
    format!("{bucket}/{key}#{content_hash}")
}

/// The bucket, the key and the content hash of an object's chunk id. Buckets have no slashes, hashes
/// no number signs.
pub(crate) fn object_of(chunk_id: &str) -> Option<(&str, &str, &str)> {
    let (bucket, rest) = chunk_id.split_once('/')?;
    let (key, content_hash) = rest.rsplit_once('#')?;
    Some((bucket, key, content_hash))
}

/// The chunk id of the sums of a sealed hour.
pub(crate) fn sealed_hour_chunk_id(site: &str, hour: Period) -> String {
    format!("{SEAL}{site}:{hour}")
}

/// The site and the hour, as they are written, of the chunk id of a sealed hour; `None` for an
/// object's.
pub(crate) fn sealed_hour(chunk_id: &str) -> Option<(&str, &str)> {
    // Sites may have colons, hours have none.
    chunk_id.strip_prefix(SEAL)?.rsplit_once(':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_oracle::Granularity;

    #[test]
    fn the_id_of_a_sealed_hour_names_its_site_and_hour() {
        assert_eq!(sealed_hour("seal:a:b:2026-11-20T23"), Some(("a:b", "2026-11-20T23")));
        let hour = Period::containing(Granularity::Hour, 90);
        assert_eq!(sealed_hour(&sealed_hour_chunk_id("a", hour)), Some(("a", "1970-01-01T01")));
        assert_eq!(sealed_hour("bucket/seal:a:2026-11-20T23#hash"), None);
    }
}
