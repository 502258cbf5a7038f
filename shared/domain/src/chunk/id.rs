//! The id of a chunk, and the hash of its bytes.

use std::fmt;

use crate::time::Hour;

/// Identifies a chunk in the ledger by its location and its bytes. The same file put again under
/// the same key is the same chunk; other bytes under the same key are another. The sums of a sealed
/// hour are a chunk too.
///
/// **Shape**: `<bucket>/<key>#<BLAKE3 of the stored bytes, 64 hex digits>`, or
/// `seal:<site>:<hour>`. The name of a bucket has neither slash nor colon, and the hash and the
/// hour have a fixed length, so no two chunks share an id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChunkId(String);

impl ChunkId {
    /// The id of the object `key` (decoded) in `bucket` with these bytes.
    pub fn new(bucket: &str, key: &str, content_hash: &ContentHash) -> ChunkId {
        ChunkId(format!("{bucket}/{key}#{content_hash}"))
    }

    /// The id of the sums of a sealed hour.
    pub fn of_sealed_hour(site: &str, hour: Hour) -> ChunkId {
        ChunkId(format!("seal:{site}:{hour}"))
    }

    /// A short name that two chunks of an hour are unlikely to share: the first 16 hex digits of
    /// the BLAKE3 hash of the id.
    pub fn tag(&self) -> String {
        blake3::hash(self.0.as_bytes()).to_hex().chars().take(16).collect()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The BLAKE3 hash of the stored bytes of a chunk; of a chunk that is refused, that of how it begins
/// ([`ContentHash::of_refused`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

/// How many of its first bytes identify a chunk that is refused, in bytes: 1 MiB. What a file is
/// shows in its first bytes, and an archive of 100 GB must not be read through for its name.
pub const REFUSED_START_BYTES: usize = 1 << 20;

/// What distinguishes the hash of a refused chunk from the hash of all bytes of any other.
const REFUSED_TAG: &[u8] = b"minutebook refused chunk\n";

impl ContentHash {
    pub(super) fn new(bytes: [u8; 32]) -> ContentHash {
        ContentHash(bytes)
    }

    /// The hash of a chunk that is refused: of a tag, its stored size (a 64-bit integer, the least
    /// byte first) and its first [`REFUSED_START_BYTES`] bytes, or all if there are fewer. It
    /// differs from the hash of all its bytes, so a later version that can read the chunk counts
    /// it.
    ///
    /// `start` is how the stored bytes begin; what is beyond [`REFUSED_START_BYTES`] is ignored.
    pub fn of_refused(size_bytes: u64, start: &[u8]) -> ContentHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(REFUSED_TAG);
        hasher.update(&size_bytes.to_le_bytes());
        hasher.update(&start[..start.len().min(REFUSED_START_BYTES)]);
        ContentHash(hasher.finalize().into())
    }

    /// Reads 64 hex digits.
    pub fn parse(text: &str) -> Option<ContentHash> {
        blake3::Hash::from_hex(text).ok().map(|hash| ContentHash(*hash.as_bytes()))
    }

    /// The hash as bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 lower case hex digits.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_chunk_is_known_by_its_size_and_how_it_begins() {
        let bytes = vec![7; REFUSED_START_BYTES + 9];
        let size_bytes = bytes.len() as u64;
        let hash = ContentHash::of_refused(size_bytes, &bytes);
        assert_eq!(ContentHash::of_refused(size_bytes, &bytes[..REFUSED_START_BYTES]), hash);
        assert_ne!(ContentHash::of_refused(size_bytes + 1, &bytes), hash);
        assert_ne!(ContentHash::of_refused(size_bytes, &bytes[1..9]), hash);
        // Written out once more, as docs/TABLE.md says it.
        let text = [b"minutebook refused chunk\n".as_slice(), &[3, 0, 0, 0, 0, 0, 0, 0], b"tar"];
        let expected = blake3::hash(&text.concat());
        assert_eq!(ContentHash::of_refused(3, b"tar").to_string(), expected.to_hex().as_str());
    }
}
