//! Files that are put again: grown, older than what is counted, or under another key.

use minutebook_domain::chunk::id::ChunkId;
use minutebook_storage::bucket::read::{ObjectRef, Opened};
use minutebook_storage::chunk::file::CountedVersion;

use crate::chunk::{CountError, Counter};

impl Counter {
    /// How many of its first bytes a file of this size has in common with its counted version: all
    /// that this one has, or 0 if it has others.
    pub(crate) async fn counted_before(
        &self,
        object: &ObjectRef,
        size_bytes: u64,
        known: Option<&CountedVersion>,
    ) -> Result<u64, CountError> {
        match known {
            Some(known) if known.size_bytes < size_bytes => {
                let start = self.hash_of_start(object, known.size_bytes).await?;
                let has_grown = start == Some(*known.content_hash.as_bytes());
                Ok(if has_grown { known.size_bytes } else { 0 })
            }
            _ => Ok(0),
        }
    }

    /// Whether the counted version of the file begins with these bytes, so that they are counted.
    pub(crate) async fn is_counted_with(
        &self,
        object: &ObjectRef,
        chunk: &ChunkId,
        own: &CountedVersion,
        known: Option<&CountedVersion>,
    ) -> Result<bool, CountError> {
        let Some(known) = known.filter(|known| known.size_bytes > own.size_bytes) else {
            return Ok(false);
        };
        let version_id = known.version_id.clone();
        let later = ObjectRef { version_id, etag: None, ..object.clone() };
        let start = self.hash_of_start(&later, own.size_bytes).await?;
        if start != Some(*own.content_hash.as_bytes()) {
            return Ok(false);
        }
        // What an attempt has begun must be finished: the later version counts only the rest then.
        let entries = self.committer.table.read_entries(chunk).await?;
        Ok(entries.first().is_none())
    }

    /// The hash of the first bytes of an object; `None` if it is gone or shorter.
    async fn hash_of_start(
        &self,
        object: &ObjectRef,
        size_bytes: u64,
    ) -> Result<Option<[u8; 32]>, CountError> {
        let Opened::Object(mut body) = self.buckets.open_start(object, size_bytes).await? else {
            return Ok(None);
        };
        let mut hasher = blake3::Hasher::new();
        let mut left = size_bytes;
        // A bucket that does not know ranges sends everything.
        while left > 0
            && let Some(block) = body.next_block().await?
        {
            let block = block.as_ref();
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            hasher.update(&block[..length]);
            left -= length as u64;
        }
        Ok((left == 0).then(|| hasher.finalize().into()))
    }
}
