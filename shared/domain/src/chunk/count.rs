//! The result of counting a chunk.

use std::collections::BTreeMap;

use crate::chunk::id::ContentHash;
use crate::count::tally::Tally;
use crate::count::visitors::ChunkVisitors;
use crate::event::reason::Reason;
use crate::order::facts::Orders;

/// The result of counting a chunk.
#[derive(Debug)]
pub struct ChunkCount {
    /// The hash of the stored bytes.
    pub content_hash: ContentHash,
    /// The outcomes of its lines.
    pub outcomes: Outcomes,
    /// What its events add to the counters.
    pub tally: Tally,
    /// The visitors of the counted events.
    pub visitors: ChunkVisitors,
    /// What its events report about orders.
    pub orders: Orders,
    /// The rejected lines that have not been taken yet: whole lines of JSONL.
    pub rejected: Vec<u8>,
}

/// The outcomes of the lines of a chunk.
///
/// **Guarantees**: `lines` is the sum of `counted`, `ignored`, `duplicate` and all of `rejected`.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct Outcomes {
    /// The lines that are not blank.
    pub lines: u64,
    /// The lines with at least one counted event.
    pub counted: u64,
    /// The lines with nothing to count.
    pub ignored: u64,
    /// The lines whose events were all counted before or have nothing to count.
    pub duplicate: u64,
    /// The rejected lines by reason; no value is zero.
    pub rejected: BTreeMap<Reason, u64>,
    /// The counted events. A line can have many events, and not all events of a counted line need
    /// to be counted.
    pub events: u64,
}

impl Outcomes {
    /// The number of rejected lines, for any reason.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }
}
