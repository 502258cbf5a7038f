//! Reads a chunk: its stored bytes in; tallies, outcomes and rejected lines out.

use crate::chunk::count::ChunkCount;
use crate::chunk::counter::Counter;
use crate::chunk::id::ContentHash;
use crate::chunk::settings::ChunkSettings;
use crate::chunk::split::TextSplitter;
use crate::chunk::unpack::{UnpackError, Unpacker};
use crate::hash_seed::HashSeed;

/// The maximum size of the orders of a chunk in memory. Ingest counts four chunks at once, so this
/// may amount to half of its memory.
pub const ORDERS_BYTES_MAX: usize = 128 << 20;

/// Why a chunk cannot be counted. A retry does not help: its bytes do not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// It cannot be decompressed.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// Its orders do not fit into memory.
    #[error(
        "the orders of the chunk take more than {ORDERS_BYTES_MAX} bytes in memory: put it in smaller files"
    )]
    TooManyOrders,
    /// [`ChunkReader::push_in_time`] was told to stop. Unlike the others, a retry may help.
    #[error("there was no time left to read the chunk")]
    OutOfTime,
    /// What an earlier version of the object has counted does not end where a line ends. The whole
    /// of it has to be counted.
    #[error("the object goes on in the middle of what its earlier version has counted")]
    NotContinued,
}

/// Reads one chunk from a stream of bytes. Of an object that has grown, only what was appended
/// counts: the inputs say how much of it an earlier version has counted.
///
/// **Guarantees**: the count is a pure function of the settings and the bytes, regardless of how
/// the bytes are split into pushes. Memory is bounded by the longest line, the tallies, the
/// sketches, the orders ([`ORDERS_BYTES_MAX`]), 16 bytes for each event id, and the rejected lines
/// that have not been taken.
pub struct ChunkReader {
    hasher: blake3::Hasher,
    earlier: Earlier,
    unpacker: Unpacker,
    text: TextSplitter,
    counter: Counter,
}

/// What an earlier version of the object has counted, as far as it matters for the next byte.
#[derive(Clone, Copy)]
enum Earlier {
    /// So many more stored bytes.
    Bytes(u64),
    /// All but the end of its last line.
    LineEnd,
    /// Nothing more.
    Nothing,
}

impl ChunkReader {
    /// Starts before the first byte.
    pub fn new(settings: &ChunkSettings) -> ChunkReader {
        ChunkReader::with_seed(settings, HashSeed::random())
    }

    pub(crate) fn with_seed(settings: &ChunkSettings, seed: HashSeed) -> ChunkReader {
        ChunkReader {
            hasher: blake3::Hasher::new(),
            earlier: match settings.inputs.counted_before {
                None | Some(0) => Earlier::Nothing,
                Some(bytes) => Earlier::Bytes(bytes),
            },
            unpacker: Unpacker::new(settings.size_bytes),
            text: TextSplitter::new(),
            counter: Counter::new(settings, seed),
        }
    }

    /// Takes the next stored bytes.
    ///
    /// # Errors
    /// Fails if the chunk cannot be counted; the reader must not be used afterwards, and a retry
    /// does not help.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ChunkError> {
        self.push_in_time(bytes, || true)
    }

    /// Takes the next stored bytes while there is time, because few packed bytes may unpack to many
    /// lines. It asks for each unpacked block of at most 128 KiB.
    ///
    /// # Errors
    /// Fails if the chunk cannot be counted, or with [`ChunkError::OutOfTime`]; the reader must not
    /// be used afterwards.
    pub fn push_in_time(
        &mut self,
        bytes: &[u8],
        is_time_left: impl Fn() -> bool,
    ) -> Result<(), ChunkError> {
        self.hasher.update(bytes);
        let appended = self.skip_earlier(bytes, &is_time_left)?;
        self.unpack(appended, &is_time_left)?;
        check_orders(&self.counter)
    }

    /// Reads what an earlier version has counted, for the ids of its events and the columns of its
    /// header. Returns the bytes after it.
    #[inline]
    fn skip_earlier<'b>(
        &mut self,
        bytes: &'b [u8],
        is_time_left: &impl Fn() -> bool,
    ) -> Result<&'b [u8], ChunkError> {
        let mut rest = bytes;
        if let Earlier::Bytes(left) = self.earlier {
            let length = usize::try_from(left).unwrap_or(rest.len()).min(rest.len());
            let counted;
            (counted, rest) = rest.split_at(length);
            self.unpack(counted, is_time_left)?;
            self.earlier = match left - length as u64 {
                0 => {
                    let ChunkReader { unpacker, text, counter, .. } = self;
                    unpacker.flush(&mut |block| {
                        text.push(block, &mut |line| counter.count(line));
                    })?;
                    Earlier::LineEnd
                }
                left => Earlier::Bytes(left),
            };
            self.counter.rejected.clear();
        }
        while let (Earlier::LineEnd, Some((next, after))) = (self.earlier, rest.split_first()) {
            if self.unpacker.is_at_end() && self.text.is_at_end() {
                self.counter.restart();
                self.earlier = Earlier::Nothing;
            } else if matches!(next, b'\r' | b'\n') && self.unpacker.is_plain() {
                self.unpack(&rest[..1], is_time_left)?;
                rest = after;
            } else {
                return Err(ChunkError::NotContinued);
            }
        }
        Ok(rest)
    }

    #[inline]
    fn unpack(&mut self, bytes: &[u8], is_time_left: &impl Fn() -> bool) -> Result<(), ChunkError> {
        let ChunkReader { unpacker, text, counter, .. } = self;
        let mut is_in_time = true;
        unpacker.push(bytes, &mut |block| {
            is_in_time = is_in_time && is_time_left();
            if is_in_time {
                text.push(block, &mut |line| counter.count(line));
            }
        })?;
        if is_in_time { Ok(()) } else { Err(ChunkError::OutOfTime) }
    }

    /// The size of the rejected lines that have not been taken yet, in bytes.
    pub fn rejected_bytes(&self) -> usize {
        self.counter.rejected.len()
    }

    /// Takes the lines that were rejected so far: whole lines of JSONL, in the order of the chunk.
    pub fn take_rejected(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.counter.rejected)
    }

    /// Ends the chunk.
    ///
    /// # Errors
    /// Fails if the chunk cannot be counted, for example because compressed data is truncated; a
    /// retry does not help.
    pub fn finish(self) -> Result<ChunkCount, ChunkError> {
        if !matches!(self.earlier, Earlier::Nothing) {
            return Err(ChunkError::NotContinued);
        }
        let ChunkReader { hasher, unpacker, mut text, mut counter, .. } = self;
        unpacker.finish(&mut |block| text.push(block, &mut |line| counter.count(line)))?;
        text.finish(&mut |line| counter.count(line));
        check_orders(&counter)?;
        Ok(ChunkCount {
            content_hash: ContentHash::new(hasher.finalize().into()),
            outcomes: counter.outcomes,
            visitors: counter.visitors.finish(&counter.tally.sites()),
            quarters: counter.quarters,
            tally: counter.tally,
            orders: counter.orders,
            rejected: counter.rejected,
        })
    }
}

fn check_orders(counter: &Counter) -> Result<(), ChunkError> {
    if counter.orders.bytes() > ORDERS_BYTES_MAX { Err(ChunkError::TooManyOrders) } else { Ok(()) }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
