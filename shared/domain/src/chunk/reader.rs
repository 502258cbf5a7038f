//! Reads a chunk: its stored bytes in; tallies, outcomes and rejected lines out.

use crate::chunk::count::ChunkCount;
use crate::chunk::counter::Counter;
use crate::chunk::id::ContentHash;
use crate::chunk::lines::LineCutter;
use crate::chunk::unpack::{UnpackError, Unpacker};
use crate::plan::PlanInputs;

/// What a chunk's count depends on besides its bytes.
#[derive(Clone, Debug)]
pub struct ChunkSettings {
    /// What its plan will be made from: what "future" is measured from, the currency of money that
    /// names none, and which minutes are kept, for visitors of older ones are gathered by hour.
    pub inputs: PlanInputs,
    /// The stored size, which bounds what the chunk may unpack to.
    pub size_bytes: u64,
}

/// What the orders of a chunk may take in memory. Ingest counts four chunks at once, so that it may
/// be half of its memory.
pub const ORDERS_BYTES_MAX: usize = 128 << 20;

/// Why a chunk cannot be counted. No retry helps any of them: the bytes are what they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// It cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// What it says of orders does not fit into memory.
    #[error(
        "the orders of the chunk take more than {ORDERS_BYTES_MAX} bytes in memory: put it in smaller files"
    )]
    TooManyOrders,
}

/// Reads one chunk that comes in pieces.
///
/// **Guarantees**: the count is a pure function of the settings and the bytes, however they are cut
/// into pushes. Memory is bounded by the longest line, the tallies, the sketches, the orders
/// ([`ORDERS_BYTES_MAX`]), 16 bytes for each event id, and the rejected lines that have not been
/// taken.
pub struct ChunkReader {
    hasher: blake3::Hasher,
    unpacker: Unpacker,
    lines: LineCutter,
    counter: Counter,
}

impl ChunkReader {
    /// Starts before the first byte.
    pub fn new(settings: &ChunkSettings) -> ChunkReader {
        ChunkReader {
            hasher: blake3::Hasher::new(),
            unpacker: Unpacker::new(settings.size_bytes),
            lines: LineCutter::new(),
            counter: Counter::new(&settings.inputs),
        }
    }

    /// Takes the next stored bytes.
    ///
    /// # Errors
    /// See [`ChunkError`]; the chunk is lost after one.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ChunkError> {
        let ChunkReader { hasher, unpacker, lines, counter } = self;
        hasher.update(bytes);
        unpacker.push(bytes, &mut |block| lines.push(block, &mut |line| counter.count(line)))?;
        check_orders(counter)
    }

    /// The bytes of rejected lines that wait to be taken.
    pub fn rejected_bytes(&self) -> usize {
        self.counter.rejected.len()
    }

    /// Takes the rejected lines so far: whole lines of JSONL, in the order of the chunk.
    pub fn take_rejected(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.counter.rejected)
    }

    /// Ends the chunk.
    ///
    /// # Errors
    /// [`ChunkError`]; a packed chunk may not be at its end.
    pub fn finish(self) -> Result<ChunkCount, ChunkError> {
        let ChunkReader { hasher, unpacker, mut lines, mut counter } = self;
        unpacker.finish(&mut |block| lines.push(block, &mut |line| counter.count(line)))?;
        lines.finish(&mut |line| counter.count(line));
        check_orders(&counter)?;
        Ok(ChunkCount {
            content_hash: ContentHash::new(hasher.finalize().into()),
            outcomes: counter.outcomes,
            visitors: counter.visitors.finish(&counter.tally.sites()),
            tally: counter.tally,
            orders: counter.orders,
            rejected: counter.rejected,
        })
    }
}

fn check_orders(counter: &Counter) -> Result<(), ChunkError> {
    if counter.orders.bytes() > ORDERS_BYTES_MAX { Err(ChunkError::TooManyOrders) } else { Ok(()) }
}
