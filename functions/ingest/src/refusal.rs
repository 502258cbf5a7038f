//! The refusal of a chunk of which no line can ever be counted: an archive, a broken file, a bomb.
//!
//! It is recorded in the ledger, and its message is acknowledged: five attempts and the dead
//! letters would only hide it for an hour.

use minutebook_domain::chunk::Refusal;
use minutebook_domain::chunk::id::{ChunkId, ContentHash, REFUSED_START_BYTES};
use minutebook_storage::bucket::read::{ObjectRef, Opened};
use minutebook_storage::chunk::ledger::RefusedChunk;
use minutebook_storage::committer::CommitEffort;

use crate::chunk::{CountError, Counter};
use crate::report::{Ending, Report};

impl Counter {
    /// Records that a chunk is refused. Its id is made of its size and how it begins, which is read
    /// once more: it was not read to its end, and that may be far away.
    pub(crate) async fn refuse(
        &self,
        object: &ObjectRef,
        refusal: Refusal,
        size_bytes: u64,
        effort: &mut CommitEffort,
    ) -> Result<Report, CountError> {
        let mut body = match self.buckets.open_start(object, REFUSED_START_BYTES as u64).await? {
            Opened::Object(body) => body,
            Opened::Gone => return Ok(Report::unread(Ending::Gone)),
            Opened::Replaced => return Ok(Report::unread(Ending::Replaced)),
        };
        let mut start = Vec::new();
        // A bucket that does not know ranges sends everything.
        while start.len() < REFUSED_START_BYTES
            && let Some(block) = body.next_block().await?
        {
            start.extend_from_slice(block.as_ref());
        }
        let content_hash = ContentHash::of_refused(size_bytes, &start);
        let chunk = ChunkId::new(&object.bucket, &object.key, &content_hash);
        let (bucket, key) = (object.bucket.as_str(), object.key.as_str());
        let refused = RefusedChunk { chunk: &chunk, bucket, key, refusal: &refusal };
        let is_new = self.committer.commit_refusal(&refused, self.clock.now(), effort).await?;
        let ending = if is_new { Ending::Refused } else { Ending::RefusedBefore };
        Ok(Report {
            chunk: Some(chunk),
            size_bytes,
            refusal: Some(refusal),
            effort: *effort,
            ..Report::unread(ending)
        })
    }
}
