//! Decompresses a chunk while it streams: plain, gzip or zstd, detected by its first bytes.

mod error;
mod foreign;
mod streams;

pub use error::{Format, UNPACKED_BYTES_FREE, UNPACKED_BYTES_MAX, UNPACKED_RATIO_MAX, UnpackError};
pub use foreign::Foreign;

use crate::chunk::unpack::foreign::{TAR_HEADER_BYTES, known_foreign};
use crate::chunk::unpack::streams::{GzipStream, ZstdStream};

/// The size of a decompressed block, in bytes.
const BLOCK_BYTES: usize = 128 * 1024;

/// How many of its first bytes say what a file is.
const HEAD_BYTES: usize = TAR_HEADER_BYTES;

/// RFC 1952 section 2.3.1.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// RFC 8878 section 3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// RFC 8878 section 3.1.2: a skippable frame, which some tools write first; its first byte is 0x50
/// to 0x5f.
const ZSTD_SKIPPABLE_MAGIC_END: [u8; 3] = [0x2a, 0x4d, 0x18];

/// Decompresses a chunk from a stream of bytes. What is packed twice is unpacked twice.
///
/// **Guarantees**: the decompressed bytes, and whether the chunk is a bomb, do not depend on how
/// the stored bytes are split into pushes. Memory is one block and the window of the decoder (32
/// KiB for gzip, up to 8 MiB for zstd), for each of two layers.
pub(crate) struct Unpacker {
    /// The stored bytes, what is unpacked from them, and what is unpacked from that, which is not
    /// unpacked again.
    layers: [Layer; 3],
    budget: Budget,
}

/// How much may be unpacked, over all layers.
struct Budget {
    stored_bytes: u64,
    limit_bytes: u64,
    unpacked_bytes: u64,
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), UnpackError> {
        self.unpacked_bytes += bytes as u64;
        if self.unpacked_bytes <= self.limit_bytes {
            return Ok(());
        }
        Err(UnpackError::Bomb { limit_bytes: self.limit_bytes, stored_bytes: self.stored_bytes })
    }
}

struct Layer {
    state: State,
    /// What was unpacked last.
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
    unpacker.layers[0].state = State::Gzip(GzipStream::new());
    unpacker.budget.limit_bytes = unpacker.budget.limit_bytes.min(unpacked_bytes_max);
    let mut unpacked = Vec::new();
    unpacker.push(packed, &mut |block| unpacked.extend_from_slice(block))?;
    unpacker.finish(&mut |block| unpacked.extend_from_slice(block))?;
    Ok(unpacked)
}

impl Unpacker {
    /// Starts a chunk of this stored size, which bounds its decompressed size.
    pub(crate) fn new(stored_bytes: u64) -> Unpacker {
        let by_ratio = stored_bytes.saturating_mul(UNPACKED_RATIO_MAX).max(UNPACKED_BYTES_FREE);
        let limit_bytes = by_ratio.min(UNPACKED_BYTES_MAX);
        Unpacker {
            layers: [Layer::new(), Layer::new(), Layer::new()],
            budget: Budget { stored_bytes, limit_bytes, unpacked_bytes: 0 },
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
        push(&mut self.layers, &mut self.budget, bytes, sink)
    }

    /// Passes on what it has taken, although more may follow.
    ///
    /// # Errors
    /// Fails if the chunk cannot be decompressed; the unpacker must not be used afterwards.
    pub(crate) fn flush(&mut self, sink: &mut impl FnMut(&[u8])) -> Result<(), UnpackError> {
        flush(&mut self.layers, &mut self.budget, sink)
    }

    /// Whether all that it has taken is passed on, and what is packed is at its end.
    pub(crate) fn is_at_end(&self) -> bool {
        self.layers.iter().all(|layer| match &layer.state {
            State::Unknown(head) => head.is_empty(),
            State::Plain => true,
            State::Gzip(stream) => stream.at_end,
            State::Zstd(stream) => stream.at_end,
        })
    }

    /// How the stored bytes are packed; `None` if they are not, or if that is not known yet.
    pub(crate) fn format(&self) -> Option<Format> {
        match self.layers[0].state {
            State::Unknown(_) | State::Plain => None,
            State::Gzip(_) => Some(Format::Gzip),
            State::Zstd(_) => Some(Format::Zstd),
        }
    }

    /// Whether the stored bytes are passed on as they are.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.layers[0].state, State::Plain)
    }

    /// Ends the chunk, and passes the remaining bytes to `sink`.
    ///
    /// # Errors
    /// Fails with [`UnpackError::Truncated`] if a compressed stream is not at its end.
    pub(crate) fn finish(mut self, sink: &mut impl FnMut(&[u8])) -> Result<(), UnpackError> {
        finish(&mut self.layers, &mut self.budget, sink)
    }
}

impl Layer {
    fn new() -> Layer {
        Layer { state: State::Unknown(Vec::new()), block: Vec::new() }
    }
}

/// Passes bytes through these layers, up to the first that is plain.
fn push(
    layers: &mut [Layer],
    budget: &mut Budget,
    bytes: &[u8],
    sink: &mut impl FnMut(&[u8]),
) -> Result<(), UnpackError> {
    let Some((Layer { state, block }, inner)) = layers.split_first_mut() else {
        return Err(UnpackError::PackedTooOften);
    };
    if bytes.is_empty() {
        return Ok(());
    }
    if let State::Unknown(head) = state {
        let (first, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES - head.len()));
        head.extend_from_slice(first);
        if head.len() < HEAD_BYTES {
            return Ok(());
        }
        let head = std::mem::take(head);
        *state = detect(&head, inner.is_empty())?;
        push(layers, budget, &head, sink)?;
        return push(layers, budget, rest, sink);
    }
    let mut rest = bytes;
    if !matches!(state, State::Plain) {
        block.resize(BLOCK_BYTES, 0);
    }
    loop {
        let step = match state {
            State::Gzip(stream) => stream.unpack(rest, block)?,
            State::Zstd(stream) => stream.unpack(rest, block)?,
            State::Plain | State::Unknown(_) => {
                sink(rest);
                return Ok(());
            }
        };
        rest = &rest[step.consumed..];
        budget.spend(step.produced)?;
        push(inner, budget, &block[..step.produced], sink)?;
        // After a full block the decoder may have more, even without input.
        let is_drained = step.produced < block.len();
        if rest.is_empty() && is_drained {
            return Ok(());
        }
    }
}

/// Decides what the layers are by what they have.
fn flush(
    layers: &mut [Layer],
    budget: &mut Budget,
    sink: &mut impl FnMut(&[u8]),
) -> Result<(), UnpackError> {
    let Some((Layer { state, .. }, inner)) = layers.split_first_mut() else {
        return Ok(());
    };
    if let State::Unknown(head) = state {
        let head = std::mem::take(head);
        *state = detect(&head, inner.is_empty())?;
        push(layers, budget, &head, sink)?;
    }
    match layers.split_first_mut() {
        Some((Layer { state: State::Gzip(_) | State::Zstd(_), .. }, inner)) => {
            flush(inner, budget, sink)
        }
        _ => Ok(()),
    }
}

fn finish(
    layers: &mut [Layer],
    budget: &mut Budget,
    sink: &mut impl FnMut(&[u8]),
) -> Result<(), UnpackError> {
    flush(layers, budget, sink)?;
    let Some((Layer { state, .. }, inner)) = layers.split_first_mut() else {
        return Ok(());
    };
    match state {
        State::Unknown(_) | State::Plain => Ok(()),
        State::Gzip(stream) if stream.at_end => finish(inner, budget, sink),
        State::Gzip(_) => Err(UnpackError::Truncated { format: Format::Gzip }),
        State::Zstd(stream) if stream.at_end => finish(inner, budget, sink),
        State::Zstd(_) => Err(UnpackError::Truncated { format: Format::Zstd }),
    }
}

/// What a layer is, by its first [`HEAD_BYTES`], or all that it has.
fn detect(head: &[u8], is_last: bool) -> Result<State, UnpackError> {
    let is_skippable =
        matches!(head, [0x50..=0x5f, rest @ ..] if rest.starts_with(&ZSTD_SKIPPABLE_MAGIC_END));
    let state = if head.starts_with(&GZIP_MAGIC) {
        State::Gzip(GzipStream::new())
    } else if is_skippable || head.starts_with(&ZSTD_MAGIC) {
        State::Zstd(ZstdStream::new()?)
    } else {
        return known_foreign(head)
            .map_or(Ok(State::Plain), |foreign| Err(UnpackError::Foreign(foreign)));
    };
    if is_last { Err(UnpackError::PackedTooOften) } else { Ok(state) }
}

#[cfg(test)]
mod tests;
