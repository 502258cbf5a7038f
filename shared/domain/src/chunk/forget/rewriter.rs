//! Writes an object anew, with the edits of a search.

use std::io::{Error, Result, Write};
use std::vec::IntoIter;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::chunk::forget::search::{Edit, Found};
use crate::chunk::split::TextDecoder;
use crate::chunk::unpack::{Format, Unpacker};

/// The level at which zstd packs: its default.
const ZSTD_LEVEL: i32 = 3;

/// Writes an object anew: packed as it was, once, and in UTF-8.
///
/// **Guarantees**: what is written is a pure function of the stored bytes and the edits, regardless
/// of how the bytes are split into pushes. Memory is a block and what it unpacks to.
pub struct Rewriter<W: Write> {
    unpacker: Unpacker,
    decoder: TextDecoder,
    text_bytes: u64,
    edits: IntoIter<Edit>,
    /// The next edit, or that which is gone through.
    edit: Option<Edit>,
    /// The text before this place is what an earlier version has counted.
    counted_before: Option<u64>,
    out: Packer<W>,
    rewritten: Rewritten,
}

/// What was written.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Rewritten {
    /// How many bytes.
    pub size_bytes: u64,
    /// How many of its first bytes an earlier version has counted.
    pub counted_before: u64,
}

enum Packer<W: Write> {
    /// How it is packed is not known yet.
    Unknown(Option<Counted<W>>),
    Plain(Counted<W>),
    Gzip(Box<GzEncoder<Counted<W>>>),
    Zstd(Box<zstd::stream::write::Encoder<'static, Counted<W>>>),
}

struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Rewriter<W> {
    /// Starts before the first byte of an object of this stored size.
    pub fn new(out: W, size_bytes: u64, found: Found) -> Rewriter<W> {
        let mut edits = found.edits.into_iter();
        Rewriter {
            unpacker: Unpacker::new(size_bytes),
            decoder: TextDecoder::new(),
            text_bytes: 0,
            edit: edits.next(),
            edits,
            counted_before: found.counted_before,
            out: Packer::Unknown(Some(Counted { out, bytes: 0 })),
            rewritten: Rewritten::default(),
        }
    }

    /// Takes the next stored bytes.
    ///
    /// # Errors
    /// The object cannot be read, or writing fails.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let mut text = Vec::new();
        let decoder = &mut self.decoder;
        self.unpacker
            .push(bytes, &mut |block| {
                decoder.push(block, &mut |decoded| text.extend_from_slice(decoded))
            })
            .map_err(Error::other)?;
        self.write(&text)
    }

    /// Ends the object.
    ///
    /// # Errors
    /// As [`Rewriter::push`].
    pub fn finish(mut self) -> Result<Rewritten> {
        let mut text = Vec::new();
        let decoder = &mut self.decoder;
        self.unpacker
            .flush(&mut |block| decoder.push(block, &mut |decoded| text.extend_from_slice(decoded)))
            .map_err(Error::other)?;
        decoder.finish(&mut |decoded| text.extend_from_slice(decoded));
        self.write(&text)?;
        let end = self.text_bytes;
        self.replace_until(end)?;
        let Rewriter { unpacker, out, mut rewritten, .. } = self;
        let out = out.known(unpacker.format())?.end()?;
        unpacker.finish(&mut |_| {}).map_err(Error::other)?;
        rewritten.size_bytes = out.bytes;
        Ok(rewritten)
    }

    /// Writes a block of the text, cut at the end of what an earlier version has counted.
    fn write(&mut self, text: &[u8]) -> Result<()> {
        let end = self.text_bytes + text.len() as u64;
        let mut rest = text;
        if let Some(place) = self.counted_before.filter(|place| (1..=end).contains(place)) {
            let length = usize::try_from(place - self.text_bytes).unwrap_or(rest.len());
            let (earlier, later) = rest.split_at(length.min(rest.len()));
            self.write_edited(earlier)?;
            self.replace_until(place)?;
            self.counted_before = None;
            self.rewritten.counted_before = self.end_member()?;
            rest = later;
        }
        self.write_edited(rest)
    }

    fn write_edited(&mut self, text: &[u8]) -> Result<()> {
        let mut rest = text;
        while !rest.is_empty() {
            let (is_kept, until) = match &self.edit {
                Some(edit) if edit.start > self.text_bytes => (true, edit.start),
                Some(edit) if edit.end > self.text_bytes => (false, edit.end),
                Some(edit) => {
                    let place = edit.end;
                    self.replace_until(place)?;
                    continue;
                }
                None => (true, u64::MAX),
            };
            let left = usize::try_from(until - self.text_bytes).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(left.min(rest.len()));
            self.text_bytes += now.len() as u64;
            rest = later;
            if is_kept {
                self.packer()?.write_all(now)?;
            }
        }
        Ok(())
    }

    /// Writes the text of edits that end here.
    fn replace_until(&mut self, place: u64) -> Result<()> {
        while let Some(edit) = self.edit.take_if(|edit| edit.end <= place) {
            self.packer()?.write_all(&edit.text)?;
            self.edit = self.edits.next();
        }
        Ok(())
    }

    /// Ends what is packed so far, so that another member or frame follows. Returns how many bytes
    /// that is.
    fn end_member(&mut self) -> Result<u64> {
        let format = self.unpacker.format();
        let packer = std::mem::replace(&mut self.out, Packer::Unknown(None));
        let out = packer.known(format)?.end()?;
        let bytes = out.bytes;
        self.out = Packer::Unknown(Some(out));
        Ok(bytes)
    }

    fn packer(&mut self) -> Result<&mut Packer<W>> {
        if matches!(self.out, Packer::Unknown(_)) {
            let unknown = std::mem::replace(&mut self.out, Packer::Unknown(None));
            self.out = unknown.known(self.unpacker.format())?;
        }
        Ok(&mut self.out)
    }
}

impl<W: Write> Packer<W> {
    fn known(self, format: Option<Format>) -> Result<Packer<W>> {
        let Packer::Unknown(out) = self else { return Ok(self) };
        let out = out.ok_or_else(|| Error::other("a write failed before"))?;
        Ok(match format {
            None => Packer::Plain(out),
            Some(Format::Gzip) => {
                Packer::Gzip(Box::new(GzEncoder::new(out, Compression::default())))
            }
            Some(Format::Zstd) => {
                Packer::Zstd(Box::new(zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?))
            }
        })
    }

    fn end(self) -> Result<Counted<W>> {
        match self {
            Packer::Unknown(out) => out.ok_or_else(|| Error::other("a write failed before")),
            Packer::Plain(out) => Ok(out),
            Packer::Gzip(encoder) => encoder.finish(),
            Packer::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Packer::Unknown(_) => Err(Error::other("how the object is packed is not known")),
            Packer::Plain(out) => out.write(bytes),
            Packer::Gzip(encoder) => encoder.write(bytes),
            Packer::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let length = self.out.write(bytes)?;
        self.bytes += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }
}
