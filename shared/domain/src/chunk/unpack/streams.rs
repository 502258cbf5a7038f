//! The decoders of gzip and zstd.

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use crate::chunk::unpack::error::{Format, UnpackError};

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

/// What a call of a decoder did.
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) produced: usize,
}

/// A gzip stream, of one or many members.
pub(super) struct GzipStream {
    decoder: Decompress,
    /// Whether the last member is complete and no other has begun.
    pub(super) at_end: bool,
}

impl GzipStream {
    pub(super) fn new() -> GzipStream {
        GzipStream { decoder: Decompress::new_gzip(GZIP_WINDOW_BITS), at_end: false }
    }

    pub(super) fn unpack(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, UnpackError> {
        if self.at_end {
            // Blocks of a fixed size are filled up with zeros.
            let padding = input.iter().take_while(|byte| **byte == 0).count();
            if padding > 0 || input.is_empty() {
                return Ok(Step { consumed: padding, produced: 0 });
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

/// A zstd stream, of one or many frames.
pub(super) struct ZstdStream {
    decoder: Decoder<'static>,
    /// Whether the decoder has got any bytes.
    has_begun: bool,
    /// Whether the last frame is complete and no other has begun.
    pub(super) at_end: bool,
}

impl ZstdStream {
    pub(super) fn new() -> Result<ZstdStream, UnpackError> {
        let mut decoder = Decoder::new().map_err(corrupt_zstd)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_BITS_MAX))
            .map_err(corrupt_zstd)?;
        Ok(ZstdStream { decoder, has_begun: false, at_end: false })
    }

    pub(super) fn unpack(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, UnpackError> {
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
