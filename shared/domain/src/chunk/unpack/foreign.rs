//! Files that hold no text of events, by their first bytes.

use std::fmt;

/// A file in a format that is not read, and what to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// The name of the format, with an article.
    pub name: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// Whether it holds other files.
    pub is_archive: bool,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file is {}, which is not read: {}", self.name, self.advice)
    }
}

const PUT_ITS_FILES: &str = "put the files in it one by one, as .jsonl, .jsonl.gz or .csv";
const CONVERT: &str = "convert it to JSON Lines or CSV";
const PACK_ANEW: &str = "put it unpacked, or packed with gzip or zstd";

/// How a format is known.
struct Magic {
    start: &'static [u8],
    /// Whether a text could begin so, too: then there is a byte that a text does not have.
    may_be_text: bool,
    name: &'static str,
    advice: &'static str,
}

const MAGICS: [Magic; 14] = [
    magic(b"PK\x03\x04", "a zip archive", PUT_ITS_FILES),
    magic(b"PK\x05\x06", "an empty zip archive", PUT_ITS_FILES),
    magic(b"7z\xbc\xaf\x27\x1c", "a 7z archive", PUT_ITS_FILES),
    magic(b"Rar!\x1a\x07", "a rar archive", PUT_ITS_FILES),
    Magic { may_be_text: true, ..magic(b"PAR1", "a Parquet file", CONVERT) },
    Magic { may_be_text: true, ..magic(b"ORC", "an ORC file", CONVERT) },
    magic(b"Obj\x01", "an Avro file", CONVERT),
    magic(b"\xfd7zXZ\x00", "packed with xz", PACK_ANEW),
    Magic { may_be_text: true, ..magic(b"BZh", "packed with bzip2", PACK_ANEW) },
    magic(b"\xff\x06\x00\x00sNaPpY", "packed with Snappy", PACK_ANEW),
    magic(b"\x04\x22\x4d\x18", "packed with LZ4", PACK_ANEW),
    magic(b"\x1f\x9d", "packed with compress (.Z)", PACK_ANEW),
    magic(b"SQLite format 3\x00", "an SQLite database", CONVERT),
    magic(b"%PDF-", "a PDF document", CONVERT),
];

const fn magic(start: &'static [u8], name: &'static str, advice: &'static str) -> Magic {
    Magic { start, may_be_text: false, name, advice }
}

/// The size of the header of a file in a tar archive, in bytes.
pub(super) const TAR_HEADER_BYTES: usize = 512;

/// Where the header has "ustar" (POSIX.1-1988), which is missing in archives of older programs.
const USTAR_AT: usize = 257;

/// Where the header has the sum of its bytes, as octal digits.
const TAR_SUM: std::ops::Range<usize> = 148..156;

/// What the file is, by its first bytes, of which the first [`TAR_HEADER_BYTES`] matter; `None` if
/// it may be text.
pub(super) fn known_foreign(head: &[u8]) -> Option<Foreign> {
    if is_tar(head) {
        return Some(foreign("a tar archive", PUT_ITS_FILES));
    }
    let is_binary = head.iter().any(|byte| matches!(byte, 0..0x09 | 0x0e..0x20 | 0x7f));
    MAGICS
        .iter()
        .find(|magic| head.starts_with(magic.start) && (is_binary || !magic.may_be_text))
        .map(|magic| foreign(magic.name, magic.advice))
}

fn foreign(name: &'static str, advice: &'static str) -> Foreign {
    Foreign { name, advice, is_archive: advice == PUT_ITS_FILES }
}

fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..TAR_HEADER_BYTES) else {
        return false;
    };
    // The name of the file is filled up with zeros, at least. An object of posts or records of a
    // stream begins like events, and nothing that is posted may make an archive of it.
    if !header.contains(&0) || matches!(header[0], b'{' | b'[' | b'\n') {
        return false;
    }
    if header[USTAR_AT..].starts_with(b"ustar") {
        return true;
    }
    let digits = header[TAR_SUM].trim_ascii_start();
    let digits = &digits[..digits.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count()];
    if digits.is_empty() {
        return false;
    }
    let sum = digits.iter().fold(0, |sum, digit| sum * 8 + u32::from(digit - b'0'));
    // The digits themselves count as spaces.
    let of_header =
        |place: usize, byte: &u8| u32::from(if TAR_SUM.contains(&place) { b' ' } else { *byte });
    sum == header.iter().enumerate().map(|(place, byte)| of_header(place, byte)).sum::<u32>()
}
