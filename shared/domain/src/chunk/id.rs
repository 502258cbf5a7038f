//! The id of a chunk, and the hash of its bytes.

use std::fmt;

use crate::time::Hour;

/// Identifies a chunk in the ledger by its location and its bytes. The same file put again under
/// the same key is the same chunk; other bytes under the same key are another. The sums of a sealed
/// hour are a chunk too.
///
/// **Shape**: `<bucket>/<key>#<BLAKE3 of the stored bytes, 64 hex digits>`, or
/// `seal:<site>:<hour>`. The name of a bucket has neither slash nor colon, and the hash and the
/// hour have a fixed length, so no two chunks share an id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChunkId(String);

impl ChunkId {
    /// The id of the object `key` (decoded) in `bucket` with these bytes.
    pub fn new(bucket: &str, key: &str, content_hash: &ContentHash) -> ChunkId {
        ChunkId(format!("{bucket}/{key}#{content_hash}"))
    }

    /// The id of the sums of a sealed hour.
    pub fn of_sealed_hour(site: &str, hour: Hour) -> ChunkId {
        ChunkId(format!("seal:{site}:{hour}"))
    }

    /// A short name that two chunks of an hour are unlikely to share: the first 16 hex digits of
    /// the BLAKE3 hash of the id.
    pub fn tag(&self) -> String {
        blake3::hash(self.0.as_bytes()).to_hex().chars().take(16).collect()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The BLAKE3 hash of the stored bytes of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    pub(super) fn new(bytes: [u8; 32]) -> ContentHash {
        ContentHash(bytes)
    }

    /// The hash as bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 lower case hex digits.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
