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

/// How often a chunk may be packed.
const LAYERS_MAX: usize = 2;

/// The first bytes that say whether it is a tar archive.
const TAR_HEADER_BYTES: usize = 512;

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
    /// It is an archive, or something else that is no text.
    #[error("is {0}")]
    Foreign(&'static str),
}

/// The bytes of a chunk, unpacked if they are packed with gzip or zstd, at most twice.
pub(crate) fn unpack(stored: &[u8]) -> Result<Vec<u8>, RecountError> {
    let by_ratio = (stored.len() as u64).saturating_mul(RATIO_MAX).max(BOMB_BYTES_MIN);
    let limit_bytes = UNPACKED_BYTES_MAX.min(by_ratio);
    let mut bytes_left = limit_bytes;
    let mut bytes = stored.to_vec();
    for _ in 0..LAYERS_MAX {
        let Some(unpacked) = unpack_once(&bytes, bytes_left)? else { break };
        let length = unpacked.len() as u64;
        bytes_left = bytes_left.checked_sub(length).ok_or(RecountError::Bomb { limit_bytes })?;
        bytes = unpacked;
    }
    if is_gzip(&bytes) || is_zstd(&bytes) {
        return Err(RecountError::Broken("packed more than twice".to_owned()));
    }
    foreign(&bytes).map_or(Ok(bytes), |name| Err(RecountError::Foreign(name)))
}

/// The unpacked bytes, or one more than may be, if there are more; `None` if they are not packed.
fn unpack_once(packed: &[u8], bytes_max: u64) -> Result<Option<Vec<u8>>, RecountError> {
    let mut unpacked = Vec::new();
    if is_gzip(packed) {
        let mut rest = packed;
        // Behind a member there may be zeros, or another one.
        while !rest.is_empty() && unpacked.len() as u64 <= bytes_max {
            let mut member = flate2::bufread::GzDecoder::new(rest);
            let left = bytes_max + 1 - unpacked.len() as u64;
            member.by_ref().take(left).read_to_end(&mut unpacked).map_err(broken)?;
            rest = member.into_inner();
            while let [0, after @ ..] = rest {
                rest = after;
            }
        }
    } else if is_zstd(packed) {
        // Less than a frame at a time: of a whole one, libzstd checks more.
        let parts = BufReader::with_capacity(ZSTD_PART_BYTES, packed);
        let mut decoder = zstd::stream::read::Decoder::with_buffer(parts).map_err(broken)?;
        decoder.window_log_max(ZSTD_WINDOW_BITS_MAX).map_err(broken)?;
        decoder.take(bytes_max + 1).read_to_end(&mut unpacked).map_err(broken)?;
    } else {
        return Ok(None);
    }
    Ok(Some(unpacked))
}

fn is_gzip(stored: &[u8]) -> bool {
    stored.starts_with(&[0x1f, 0x8b])
}

/// What a file is that holds no text.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    if let Some(header) = bytes.get(..TAR_HEADER_BYTES)
        && header.contains(&0)
        && !matches!(header[0], b'{' | b'[' | b'\n')
        && (&header[257..262] == b"ustar" || has_tar_sum(header))
    {
        return Some("a tar archive");
    }
    let head = &bytes[..bytes.len().min(TAR_HEADER_BYTES)];
    let is_text = |byte: &u8| matches!(byte, 9..=13 | 32..=126 | 128..);
    let is_binary = !head.iter().all(is_text);
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some("zip"),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Some("7z"),
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => Some("rar"),
        [b'P', b'A', b'R', b'1', ..] if is_binary => Some("Parquet"),
        [b'O', b'R', b'C', ..] if is_binary => Some("ORC"),
        [b'O', b'b', b'j', 1, ..] => Some("Avro"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("xz"),
        [b'B', b'Z', b'h', ..] if is_binary => Some("bzip2"),
        [0xff, 6, 0, 0, b's', b'N', b'a', b'P', b'p', b'Y', ..] => Some("Snappy"),
        [4, 0x22, 0x4d, 0x18, ..] => Some("LZ4"),
        [0x1f, 0x9d, ..] => Some("compress"),
        _ if head.starts_with(b"SQLite format 3\0") => Some("SQLite"),
        _ if head.starts_with(b"%PDF-") => Some("PDF"),
        _ => None,
    }
}

/// Whether a header has the sum of its bytes in octal at its place, as if there were spaces.
fn has_tar_sum(header: &[u8]) -> bool {
    let written = String::from_utf8_lossy(&header[148..156]);
    let written = written.trim_ascii_start();
    let end = written.find(|digit| !matches!(digit, '0'..='7')).unwrap_or(written.len());
    let others = header[..148].iter().chain(&header[156..]);
    let sum: u32 = others.map(|byte| u32::from(*byte)).sum::<u32>() + 8 * u32::from(b' ');
    u32::from_str_radix(&written[..end], 8) == Ok(sum)
}

/// Whether the first bytes are those of a zstd frame, or of a skippable one, which some packers
/// write first.
fn is_zstd(stored: &[u8]) -> bool {
    let skippable = matches!(stored, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    skippable || stored.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

fn broken(error: io::Error) -> RecountError {
    RecountError::Broken(error.to_string())
}
