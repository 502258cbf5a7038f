//! What a chunk comes to.

use std::collections::BTreeMap;

use crate::chunk::id::ContentHash;
use crate::count::tally::Tally;
use crate::count::visitors::ChunkVisitors;
use crate::event::reason::Reason;
use crate::order::facts::Orders;

/// What a chunk comes to.
#[derive(Debug)]
pub struct ChunkCount {
    /// The hash of the stored bytes.
    pub content_hash: ContentHash,
    /// What became of the lines.
    pub outcomes: Outcomes,
    /// What they count.
    pub tally: Tally,
    /// Whom the counted events are of.
    pub visitors: ChunkVisitors,
    /// What they say of orders.
    pub orders: Orders,
    /// The rejected lines that were not taken yet: whole lines of JSONL.
    pub rejected: Vec<u8>,
}

/// What became of the lines of a chunk.
///
/// **Guarantees**: `lines` is the sum of `counted`, `ignored`, `duplicate` and all of `rejected`.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct Outcomes {
    /// The lines that are not blank.
    pub lines: u64,
    /// The lines of which at least one event was counted.
    pub counted: u64,
    /// The lines that hold nothing to count.
    pub ignored: u64,
    /// The lines whose events were all counted before, or hold nothing to count.
    pub duplicate: u64,
    /// The lines that were rejected, by reason; no zeros.
    pub rejected: BTreeMap<Reason, u64>,
    /// The events that were counted; a line can have many, and those of a counted line need not all
    /// be counted.
    pub events: u64,
}

impl Outcomes {
    /// The lines that were rejected, for whatever reason.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }
}
