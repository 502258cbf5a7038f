//! The hashes of the bytes of an object, with which docs/TABLE.md names its chunk.

/// How many of its first bytes are hashed for the id of a chunk that is refused.
const REFUSED_START_BYTES: usize = 1024 * 1024;

/// What is hashed before them, and before the size.
const REFUSED_TAG: &[u8] = b"minutebook refused chunk\n";

/// The hashes, in hex, that end the two chunk ids that an object may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectHashes {
    /// Of the chunk that is counted.
    pub(crate) content: String,
    /// Of the chunk that is refused, if it cannot be counted.
    pub(crate) refused: String,
    pub(crate) size_bytes: u64,
}

/// Hashes the bytes of an object.
#[derive(Debug, Default)]
pub(crate) struct ObjectHasher {
    content: blake3::Hasher,
    start: Vec<u8>,
    size_bytes: u64,
}

impl ObjectHasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.content.update(bytes);
        self.size_bytes += bytes.len() as u64;
        let missing = REFUSED_START_BYTES - self.start.len();
        self.start.extend_from_slice(&bytes[..bytes.len().min(missing)]);
    }

    pub(crate) fn finish(&self) -> ObjectHashes {
        let refused = [REFUSED_TAG, &self.size_bytes.to_le_bytes(), &self.start].concat();
        ObjectHashes {
            content: self.content.finalize().to_hex().to_string(),
            refused: blake3::hash(&refused).to_hex().to_string(),
            size_bytes: self.size_bytes,
        }
    }
}

impl ObjectHashes {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hasher = ObjectHasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::chunk::ContentHash;

    #[test]
    fn the_hashes_do_not_depend_on_blocks_and_are_those_of_ingest() {
        let bytes: Vec<u8> = (0..251).cycle().take(REFUSED_START_BYTES + 77).collect();
        let mut hasher = ObjectHasher::default();
        bytes.chunks(1_000).for_each(|block| hasher.update(block));
        let hashes = hasher.finish();
        assert_eq!(ObjectHashes::of(&bytes), hashes);
        assert_eq!(hashes.content, blake3::hash(&bytes).to_hex().to_string());
        let of_ingest = ContentHash::of_refused(bytes.len() as u64, &bytes);
        assert_eq!(hashes.refused, of_ingest.to_string());
    }
}
