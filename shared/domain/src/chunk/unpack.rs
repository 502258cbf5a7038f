//! Decompresses a chunk while it streams: plain, gzip or zstd, detected by its first bytes.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

/// The maximum size of a decompressed chunk, in bytes: 4 GiB.
pub const UNPACKED_BYTES_MAX: u64 = 4 << 30;

/// The maximum ratio of the decompressed size to the stored size.
pub const UNPACKED_RATIO_MAX: u64 = 200;

/// The decompressed size that is always allowed, in bytes, so that the ratio does not reject small
/// files of equal lines: 1 MiB.
pub const UNPACKED_BYTES_FREE: u64 = 1 << 20;

/// The size of a decompressed block, in bytes.
const BLOCK_BYTES: usize = 128 * 1024;

/// RFC 1952 section 2.3.1.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// RFC 8878 section 3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// RFC 8878 section 3.1.2: a skippable frame, which some tools write first; its first byte is 0x50
/// to 0x5f.
const ZSTD_SKIPPABLE_MAGIC_END: [u8; 3] = [0x2a, 0x4d, 0x18];

/// The maximum window of a zstd frame, as a power of two: 8 MiB, which every decoder should accept
/// (RFC 8878, 3.1.1.1.2), and which levels 1 to 19 do not exceed. The decoder's own limit of 128
/// MiB would be most of a function's memory.
const ZSTD_WINDOW_BITS_MAX: u32 = 23;

/// How much of a zstd frame the decoder gets at first, in bytes: less than the shortest frame has.
/// Given a whole frame, libzstd checks that its content has the size that its header says; given a
/// part of it, it does not where the last block is empty. So the outcome would depend on how the
/// stored bytes are split.
const ZSTD_FRAME_START_BYTES: usize = 8;

/// The window of a gzip stream, as a power of two: the maximum of deflate.
const GZIP_WINDOW_BITS: u8 = 15;

/// Why a chunk cannot be decompressed. A retry does not help: its bytes do not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// Its decompressed size exceeds the limit.
    #[error(
        "the chunk unpacks to more than {limit_bytes} bytes, {UNPACKED_RATIO_MAX} times its {stored_bytes} stored bytes or 4 GiB at most"
    )]
    Bomb {
        /// The maximum decompressed size.
        limit_bytes: u64,
        /// Its stored size.
        stored_bytes: u64,
    },
    /// It ends in the middle of a compressed stream.
    #[error("the {format} data ends before its end mark: the file is truncated")]
    Truncated {
        /// The format of the chunk.
        format: Format,
    },
    /// The compressed data is broken.
    #[error("the {format} data is broken: {detail}")]
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

/// Decompresses a chunk from a stream of bytes.
///
/// **Guarantees**: the decompressed bytes, and whether the chunk is a bomb, do not depend on how
/// the stored bytes are split into pushes. Memory is one block and the window of the decoder (32
/// KiB for gzip, up to 8 MiB for zstd).
pub(crate) struct Unpacker {
    state: State,
    stored_bytes: u64,
    limit_bytes: u64,
    unpacked_bytes: u64,
    block: Vec<u8>,
}

enum State {
    /// The bytes so far, too few to detect the format.
    Unknown(Vec<u8>),
    Plain,
    Gzip(GzipStream),
    Zstd(ZstdStream),
}

/// Decompresses a complete gzip file to at most `unpacked_bytes_max` bytes, and to no more than a
/// chunk of its size may have.
///
/// # Errors
/// Fails with an [`UnpackError`] if the file is too large, truncated or broken; bytes that are not
/// gzip are [`UnpackError::Corrupt`]. A retry does not help.
pub fn unpack_gzip(packed: &[u8], unpacked_bytes_max: u64) -> Result<Vec<u8>, UnpackError> {
    let mut unpacker = Unpacker::new(packed.len() as u64);
    unpacker.state = State::Gzip(GzipStream::new());
    unpacker.limit_bytes = unpacker.limit_bytes.min(unpacked_bytes_max);
    let mut unpacked = Vec::new();
    unpacker.push(packed, &mut |block| unpacked.extend_from_slice(block))?;
    unpacker.finish(&mut |block| unpacked.extend_from_slice(block))?;
    Ok(unpacked)
}

impl Unpacker {
    /// Starts a chunk of this stored size, which bounds its decompressed size.
    pub(crate) fn new(stored_bytes: u64) -> Unpacker {
        let by_ratio = stored_bytes.saturating_mul(UNPACKED_RATIO_MAX).max(UNPACKED_BYTES_FREE);
        Unpacker {
            state: State::Unknown(Vec::new()),
            stored_bytes,
            limit_bytes: by_ratio.min(UNPACKED_BYTES_MAX),
            unpacked_bytes: 0,
            block: Vec::new(),
        }
    }

    /// Takes the next stored bytes, and passes the decompressed ones to `sink`.
    ///
    /// # Errors
    /// Fails if the chunk cannot be decompressed; the unpacker must not be used afterwards.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<(), UnpackError> {
        let State::Unknown(head) = &mut self.state else {
            return self.push_known(bytes, sink);
        };
        head.extend_from_slice(bytes);
        let Some(state) = known_format(head)? else {
            return Ok(());
        };
        let head = std::mem::take(head);
        self.state = state;
        self.push_known(&head, sink)
    }

    /// Ends the chunk, and passes the remaining bytes to `sink`.
    ///
    /// # Errors
    /// Fails with [`UnpackError::Truncated`] if a compressed stream is not at its end.
    pub(crate) fn finish(self, sink: &mut impl FnMut(&[u8])) -> Result<(), UnpackError> {
        match self.state {
            // Shorter than any magic number: plain.
            State::Unknown(head) => {
                sink(&head);
                Ok(())
            }
            State::Plain => Ok(()),
            State::Gzip(stream) if stream.at_end => Ok(()),
            State::Gzip(_) => Err(UnpackError::Truncated { format: Format::Gzip }),
            State::Zstd(stream) if stream.at_end => Ok(()),
            State::Zstd(_) => Err(UnpackError::Truncated { format: Format::Zstd }),
        }
    }

    fn push_known(
        &mut self,
        bytes: &[u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<(), UnpackError> {
        if let State::Plain = self.state {
            sink(bytes);
            return Ok(());
        }
        self.block.resize(BLOCK_BYTES, 0);
        let mut rest = bytes;
        loop {
            let step = match &mut self.state {
                State::Gzip(stream) => stream.unpack(rest, &mut self.block)?,
                State::Zstd(stream) => stream.unpack(rest, &mut self.block)?,
                State::Plain | State::Unknown(_) => return Ok(()),
            };
            rest = &rest[step.consumed..];
            self.unpacked_bytes += step.produced as u64;
            if self.unpacked_bytes > self.limit_bytes {
                return Err(UnpackError::Bomb {
                    limit_bytes: self.limit_bytes,
                    stored_bytes: self.stored_bytes,
                });
            }
            sink(&self.block[..step.produced]);
            // After a full block the decoder may have more, even without input.
            let drained = step.produced < self.block.len();
            if rest.is_empty() && drained {
                return Ok(());
            }
        }
    }
}

fn known_format(head: &[u8]) -> Result<Option<State>, UnpackError> {
    if head.len() >= GZIP_MAGIC.len() && head.starts_with(&GZIP_MAGIC) {
        return Ok(Some(State::Gzip(GzipStream::new())));
    }
    let skippable = matches!(head.first(), Some(0x50..=0x5f))
        && ZSTD_SKIPPABLE_MAGIC_END.starts_with(&head[1..head.len().min(ZSTD_MAGIC.len())]);
    let zstd = ZSTD_MAGIC.starts_with(&head[..head.len().min(ZSTD_MAGIC.len())]);
    if (zstd || skippable) && head.len() >= ZSTD_MAGIC.len() {
        return Ok(Some(State::Zstd(ZstdStream::new()?)));
    }
    let undecided = zstd || skippable || GZIP_MAGIC.starts_with(head);
    Ok(if undecided { None } else { Some(State::Plain) })
}

struct Step {
    consumed: usize,
    produced: usize,
}

struct GzipStream {
    decoder: Decompress,
    /// Whether the last member is complete and no other has begun.
    at_end: bool,
}

impl GzipStream {
    fn new() -> GzipStream {
        GzipStream { decoder: Decompress::new_gzip(GZIP_WINDOW_BITS), at_end: false }
    }

    fn unpack(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, UnpackError> {
        if self.at_end {
            if input.is_empty() {
                return Ok(Step { consumed: 0, produced: 0 });
            }
            // Another member follows.
            *self = GzipStream::new();
        }
        let (in_before, out_before) = (self.decoder.total_in(), self.decoder.total_out());
        let status =
            self.decoder.decompress(input, output, FlushDecompress::None).map_err(|error| {
                UnpackError::Corrupt { format: Format::Gzip, detail: error.to_string() }
            })?;
        self.at_end = status == Status::StreamEnd;
        let consumed = moved(in_before, self.decoder.total_in(), input.len());
        let produced = moved(out_before, self.decoder.total_out(), output.len());
        if consumed == 0 && produced == 0 && !input.is_empty() && !self.at_end {
            // It neither reads nor writes, so this would loop forever.
            return Err(UnpackError::Corrupt {
                format: Format::Gzip,
                detail: "the stream makes no progress".into(),
            });
        }
        Ok(Step { consumed, produced })
    }
}

/// How far a counter moved within a slice of this length.
fn moved(before: u64, after: u64, length: usize) -> usize {
    usize::try_from(after - before).unwrap_or(length).min(length)
}

struct ZstdStream {
    decoder: Decoder<'static>,
    /// Whether the decoder has got any bytes.
    has_begun: bool,
    /// Whether the last frame is complete and no other has begun.
    at_end: bool,
}

impl ZstdStream {
    fn new() -> Result<ZstdStream, UnpackError> {
        let mut decoder = Decoder::new().map_err(corrupt_zstd)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_BITS_MAX))
            .map_err(corrupt_zstd)?;
        Ok(ZstdStream { decoder, has_begun: false, at_end: false })
    }

    fn unpack(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, UnpackError> {
        if self.at_end && input.is_empty() {
            return Ok(Step { consumed: 0, produced: 0 });
        }
        let is_frame_start = self.at_end || !self.has_begun;
        self.has_begun = true;
        let input =
            if is_frame_start { &input[..input.len().min(ZSTD_FRAME_START_BYTES)] } else { input };
        let mut source = InBuffer::around(input);
        let mut target = OutBuffer::around(output);
        let hint = self.decoder.run(&mut source, &mut target).map_err(corrupt_zstd)?;
        let step = Step { consumed: source.pos(), produced: target.pos() };
        // A hint of zero means that a frame is complete and flushed; the decoder starts the next
        // frame by itself.
        self.at_end = hint == 0;
        if step.consumed == 0 && step.produced == 0 && !input.is_empty() {
            return Err(UnpackError::Corrupt {
                format: Format::Zstd,
                detail: "the stream makes no progress".into(),
            });
        }
        Ok(step)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err calls")]
fn corrupt_zstd(error: std::io::Error) -> UnpackError {
    UnpackError::Corrupt { format: Format::Zstd, detail: error.to_string() }
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
