//! The words of the ledger: what names a chunk, and what a plan was made from.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::chunk::ContentHash;
use crate::measure::Currency;

/// Names a chunk in the ledger: where it was put, and what bytes it had. The same file put again under the same key is
/// the same chunk; other bytes under the same key are another.
///
/// **Shape**: `<bucket>/<key>#<BLAKE3 of the stored bytes, 64 hex digits>`. A bucket's name has no slash and the hash has
/// one length, so no two chunks share an id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChunkId(String);

impl ChunkId {
    /// The id of the object `key` (decoded) in `bucket` with these bytes.
    pub fn new(bucket: &str, key: &str, content_hash: &ContentHash) -> ChunkId {
        ChunkId(format!("{bucket}/{key}#{content_hash}"))
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

/// What a plan depends on beside the bytes. Part 0's mark records it, and later attempts plan from the recorded one: an
/// object that is put again has a newer LastModified, and could plan other parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanBasis {
    /// What "now" means for the chunk's lines: its LastModified, in whole seconds.
    pub reference_time: DateTime<Utc>,
    /// The currency of events that name none.
    pub default_currency: Currency,
}
