//! Why a chunk cannot be unpacked.

use std::fmt;

use crate::chunk::unpack::foreign::Foreign;

/// The maximum size of a decompressed chunk, in bytes: 4 GiB.
pub const UNPACKED_BYTES_MAX: u64 = 4 << 30;

/// The maximum ratio of the decompressed size to the stored size.
pub const UNPACKED_RATIO_MAX: u64 = 200;

/// The decompressed size that is always allowed, in bytes, so that the ratio does not reject small
/// files of equal lines: 1 MiB.
pub const UNPACKED_BYTES_FREE: u64 = 1 << 20;

/// Why a chunk cannot be decompressed. A retry does not help: its bytes do not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// Its decompressed size exceeds the limit.
    #[error(
        "the file unpacks to more than {limit_bytes} bytes, {UNPACKED_RATIO_MAX} times its {stored_bytes} stored bytes or 4 GiB at most: put it unpacked, or in smaller files"
    )]
    Bomb {
        /// The maximum decompressed size.
        limit_bytes: u64,
        /// Its stored size.
        stored_bytes: u64,
    },
    /// It ends in the middle of a compressed stream.
    #[error(
        "the {format} data ends before its end mark: the file is truncated, so put it again as a whole"
    )]
    Truncated {
        /// The format of the chunk.
        format: Format,
    },
    /// It is an archive, or in a format of another kind.
    #[error("{0}")]
    Foreign(Foreign),
    /// It is packed more than twice.
    #[error("the file is packed more than twice: unpack it, and put what is in it")]
    PackedTooOften,
    /// The compressed data is broken.
    #[error("the {format} data is broken ({detail}): pack it anew, and put it again")]
    Corrupt {
        /// The format of the chunk.
        format: Format,
        /// The message of the decoder.
        detail: String,
    },
}

/// The compression format of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 1952, one or many members.
    Gzip,
    /// RFC 8878, one or many frames.
    Zstd,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Gzip => "gzip",
            Format::Zstd => "zstd",
        })
    }
}
