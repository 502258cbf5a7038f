//! Packed chunks, unpacked into memory.

use std::io::{self, BufReader, Read};

/// The most that a chunk may unpack to.
const UNPACKED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// How many times its stored size a chunk may unpack to...
const RATIO_MAX: u64 = 200;

/// ...but a chunk that stays below this is never a bomb.
const BOMB_BYTES_MIN: u64 = 1024 * 1024;

/// 8 MiB, as a power of two: a frame with a larger window is broken.
const ZSTD_WINDOW_BITS_MAX: u32 = 23;

/// Less than the shortest frame of zstd, in bytes.
const ZSTD_PART_BYTES: usize = 8;

/// Why a chunk cannot be counted at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecountError {
    /// It unpacks to more than is taken.
    #[error("unpacks to more than {limit_bytes} bytes")]
    Bomb {
        /// The most that this chunk may unpack to.
        limit_bytes: u64,
    },
    /// It starts like a packed chunk, and is cut or broken.
    #[error("cannot be unpacked: {0}")]
    Broken(String),
}

/// The bytes of a chunk, unpacked if they are packed with gzip or zstd.
pub(crate) fn unpack(stored: &[u8]) -> Result<Vec<u8>, RecountError> {
    if stored.starts_with(&[0x1f, 0x8b]) {
        return read_all(flate2::read::MultiGzDecoder::new(stored), stored.len());
    }
    if is_zstd(stored) {
        // Less than a frame at a time: of a whole one, libzstd checks more.
        let parts = BufReader::with_capacity(ZSTD_PART_BYTES, stored);
        let mut decoder = zstd::stream::read::Decoder::with_buffer(parts).map_err(broken)?;
        decoder.window_log_max(ZSTD_WINDOW_BITS_MAX).map_err(broken)?;
        return read_all(decoder, stored.len());
    }
    Ok(stored.to_vec())
}

/// Whether the first bytes are those of a zstd frame, or of a skippable one, which some packers
/// write first.
fn is_zstd(stored: &[u8]) -> bool {
    let skippable = matches!(stored, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    skippable || stored.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

fn read_all(decoder: impl Read, stored_bytes: usize) -> Result<Vec<u8>, RecountError> {
    let by_ratio = (stored_bytes as u64).saturating_mul(RATIO_MAX).max(BOMB_BYTES_MIN);
    let limit = UNPACKED_BYTES_MAX.min(by_ratio);
    let mut unpacked = Vec::new();
    decoder.take(limit + 1).read_to_end(&mut unpacked).map_err(broken)?;
    if unpacked.len() as u64 > limit {
        return Err(RecountError::Bomb { limit_bytes: limit });
    }
    Ok(unpacked)
}

fn broken(error: io::Error) -> RecountError {
    RecountError::Broken(error.to_string())
}
