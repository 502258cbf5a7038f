//! The words of the ledger: what names a chunk, and what a plan was made from.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::chunk::ContentHash;
use crate::count::measure::Currency;
use crate::time::Hour;

/// Names a chunk in the ledger: where it was put, and what bytes it had. The same file put again
/// under the same key is the same chunk; other bytes under the same key are another. The sums of a
/// sealed hour are a chunk too.
///
/// **Shape**: `<bucket>/<key>#<BLAKE3 of the stored bytes, 64 hex digits>`, or
/// `seal:<site>:<hour>`. A bucket's name has neither slash nor colon, and the hash and the hour
/// have one length each, so no two chunks share an id.
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

    /// A short name that no two chunks of an hour are likely to share: the first 16 hex digits of
    /// the id's BLAKE3.
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

/// What a plan depends on beside the bytes. Part 0's ledger entry records it, and later attempts
/// plan from the recorded one: an object that is put again has a newer LastModified, and could plan
/// other parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanInputs {
    /// What "now" means for the chunk's lines: its LastModified, in whole seconds.
    pub reference_time: DateTime<Utc>,
    /// The currency of events that name none.
    pub default_currency: Currency,
    /// The days that minute rows are kept, 0 for ever: it says which minutes still get rows.
    pub minute_retention_days: u32,
}
