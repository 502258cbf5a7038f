//! The visitors of a chunk under other secrets than that of its plan.
//!
//! While visitors are recounted, every chunk is counted with two secrets: new ones when they are
//! counted, others when their message comes again. A process may learn of it late, so each batch
//! ends with a look at the state, which finds what is missing.

use std::collections::BTreeSet;

use minutebook_domain::chunk::ChunkReader;
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::plan::PlanInputs;
use minutebook_storage::bucket::read::{ObjectRef, Opened};
use minutebook_storage::visitors::{VisitorState, VisitorsBySecret};
use tokio::time::Instant;

use crate::chunk::{CountError, Counter};
use crate::report::CountedVisitors;

/// A chunk that is counted.
#[derive(Debug)]
pub struct CountedChunk {
    /// Its object.
    pub object: ObjectRef,
    /// Its id.
    pub chunk: ChunkId,
    /// What its visitors are counted with.
    pub visitors: CountedVisitors,
}

impl CountedVisitors {
    /// The secrets of a state that the ledger entry of the chunk lacks.
    fn missing(&self, state: VisitorState) -> BTreeSet<SecretNumber> {
        let mut missing = state.needed();
        missing.retain(|secret| {
            *secret != self.inputs.visitor_secret && !self.recounted_with.contains(secret)
        });
        missing
    }
}

impl Counter {
    /// Counts the visitors of a chunk with each secret of the state that its ledger entry lacks,
    /// and records that. Without one, nothing is read or written.
    ///
    /// # Errors
    /// [`CountError`]; a retry helps as for [`Counter::count`].
    pub async fn complete_visitors(
        &self,
        counted: &CountedChunk,
        state: VisitorState,
        deadline: Instant,
    ) -> Result<(), CountError> {
        let missing = counted.visitors.missing(state);
        if missing.is_empty() {
            return Ok(());
        }
        let recounting = Box::pin(self.recount(counted, &missing, deadline));
        tokio::time::timeout_at(deadline, recounting)
            .await
            .unwrap_or(Err(CountError::OutOfTime { parts_committed: 0 }))
    }

    async fn recount(
        &self,
        counted: &CountedChunk,
        missing: &BTreeSet<SecretNumber>,
        deadline: Instant,
    ) -> Result<(), CountError> {
        let CountedChunk { object, chunk, visitors } = counted;
        let unwritten: BTreeSet<SecretNumber> = missing - &visitors.written;
        let recounted =
            self.visitors_with(&unwritten, object, chunk, visitors.inputs, deadline).await?;
        self.committer.merge_recounted(chunk, &recounted, &|| self.clock.now()).await?;
        // An object that is gone cannot be recounted, and its entry does not say that it was.
        let mut done: BTreeSet<SecretNumber> = recounted.into_keys().collect();
        done.extend(missing & &visitors.written);
        if !done.is_empty() {
            self.committer.record_recounted(chunk, &done).await?;
            tracing::info!(key = object.key, secrets = ?done, "visitors are recounted");
        }
        Ok(())
    }

    /// The visitors of a chunk with each of these secrets. If its bytes are gone, there are none.
    ///
    /// # Errors
    /// [`CountError`]; a retry helps as for [`Counter::count`].
    pub(crate) async fn visitors_with(
        &self,
        secrets: &BTreeSet<SecretNumber>,
        object: &ObjectRef,
        chunk: &ChunkId,
        inputs: PlanInputs,
        deadline: Instant,
    ) -> Result<VisitorsBySecret, CountError> {
        let mut visitors = VisitorsBySecret::new();
        for number in secrets {
            let Opened::Object(mut body) = self.buckets.open(object).await? else {
                tracing::warn!(
                    key = object.key,
                    "the object is gone, so its visitors are not recounted"
                );
                return Ok(VisitorsBySecret::new());
            };
            let settings = self.chunk_settings(inputs, *number, body.size_bytes).await?;
            let mut reader = ChunkReader::new(&settings);
            while let Some(block) = body.next_block().await? {
                reader.push_in_time(block.as_ref(), || Instant::now() < deadline)?;
                tokio::task::yield_now().await;
                // They are stored since the chunk was counted.
                drop(reader.take_rejected());
            }
            let mut count = reader.finish()?;
            if ChunkId::new(&object.bucket, &object.key, &count.content_hash) != *chunk {
                tracing::warn!(
                    key = object.key,
                    "the object was replaced, so its visitors are not recounted"
                );
                return Ok(VisitorsBySecret::new());
            }
            let (sites_max, now) = (inputs.sites_max, self.clock.now());
            let read_at = std::time::Instant::now();
            let sites = self.committer.admit_sites(&count.sites(), sites_max, read_at, now).await?;
            count.visitors.retain_sites(|site| !sites.refused.contains(site));
            visitors.insert(*number, count.visitors);
        }
        Ok(visitors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(numbers: &[u32]) -> BTreeSet<SecretNumber> {
        numbers.iter().copied().map(SecretNumber).collect()
    }

    #[test]
    fn a_chunk_lacks_the_secrets_that_count_and_that_its_entry_does_not_name() {
        for (planned, recounted, counting, also, missing) in [
            (0, &[][..], 0, None, &[][..]),
            (0, &[], 0, Some(1), &[1]),
            (0, &[1], 0, Some(1), &[]),
            (1, &[], 0, Some(1), &[0]),
            (0, &[], 1, None, &[1]),
            (0, &[1], 1, None, &[]),
            (0, &[1], 2, Some(1), &[2]),
        ] {
            let inputs = PlanInputs {
                visitor_secret: SecretNumber(planned),
                ..PlanInputs::with_defaults("2026-11-20T23:07:01Z".parse().expect("a time"))
            };
            let recounted_with = secrets(recounted);
            let counted = CountedVisitors { inputs, recounted_with, written: BTreeSet::new() };
            let (counting, also) = (SecretNumber(counting), also.map(SecretNumber));
            let state = VisitorState { counting, also };
            assert_eq!(
                counted.missing(state),
                secrets(missing),
                "{planned} {recounted:?} {state:?}"
            );
        }
    }
}
