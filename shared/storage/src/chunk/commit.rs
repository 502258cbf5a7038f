//! The way of a plan into the table. Everything that counts, counts by this protocol: the chunks of
//! the bucket and the sums of sealed hours.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::order::facts::Orders;
use minutebook_domain::plan::{PLAN_FORMAT_VERSION, PLAN_FORMAT_VERSION_OLDEST, Plan, can_plan};
use minutebook_domain::time::QuartersBySite;

use crate::chunk::ledger::{ChunkHeader, ChunkInputs, LedgerEntries, LedgerEntry};
use crate::chunk::part::{PartCommit, PartOutcome};
use crate::chunk::sites::sites_of;
use crate::chunk::visitor_slices::VisitorSlices;
use crate::committer::{CommitEffort, Committer};
use crate::error::StorageError;
use crate::visitors::VisitorsBySecret;

/// A chunk to commit.
///
/// **Shape**: `content` and `rejected_lines` are futures because the protocol says when they run:
/// neither does for the chunk of an object that is already counted.
pub struct PlanCommit<'a, I, C, R> {
    /// The chunk.
    pub chunk: &'a ChunkId,
    /// The plan inputs; the ledger entry of part 0 records them.
    pub inputs: I,
    /// Gives what the chunk counts, planned from `inputs`.
    pub content: C,
    /// Stores the rejected lines.
    pub rejected_lines: R,
    /// The current time: it decides which hours are closed, and ledger entries record it.
    pub now: &'a (dyn Fn() -> DateTime<Utc> + Sync),
}

/// What a chunk counts.
#[derive(Debug)]
pub struct PlanContent<'a> {
    /// The rows, cut into parts.
    pub plan: Plan<'a>,
    /// The visitors of its events: of an object hashed with the secret of the plan inputs, and with
    /// the others that count at present.
    pub visitors: VisitorsBySecret,
    /// What only the chunk of an object has; `None` for the sums of a sealed hour.
    pub object: Option<ObjectContent<'a>>,
}

/// What only the chunk of an object has.
#[derive(Clone, Copy, Debug)]
pub struct ObjectContent<'a> {
    /// What the ledger entry of part 0 records.
    pub header: ChunkHeader<'a>,
    /// What its events report about orders.
    pub orders: &'a Orders,
    /// The hours that have rows of their quarters, as of now: another chunk may have reported that
    /// an order was created after this one was planned.
    pub quarters: &'a QuartersBySite,
}

/// The result of a commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PlanOutcome<I> {
    /// Every part is counted.
    Counted {
        /// The parts of the plan.
        parts: usize,
        /// Whether this call committed the last part. Of all attempts at a chunk exactly one does.
        has_finished: bool,
        /// The minutes (of a site) that got no rows, because such rows would have expired already.
        minutes_expired: u64,
    },
    /// Every part was counted before this call, by whatever plan.
    AlreadyCounted {
        /// The parts of that plan.
        parts: usize,
        /// The plan inputs that it recorded, if any.
        inputs: Option<I>,
        /// The secrets with which its visitors were recounted, besides that of the plan inputs.
        recounted_with: BTreeSet<SecretNumber>,
    },
    /// Another version of the file was counted after the chunk was planned; nothing was written.
    /// The chunk must be planned again.
    OtherVersion,
    /// This chunk of another file has counted the same bytes; nothing was written.
    CopyOf(String),
    /// An earlier attempt recorded other plan inputs; nothing was written. The chunk must be read
    /// again and planned from the recorded ones.
    OtherInputs(I),
}

/// A part of the chunk was counted by another plan than this build can make; no retry helps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "part {part} was counted under plan format version {found} with {found_parts} parts, and this \
     build plans versions {PLAN_FORMAT_VERSION_OLDEST} to {PLAN_FORMAT_VERSION}, here with {parts}"
)]
pub struct OtherPlan {
    /// The part whose ledger entry differs.
    pub part: usize,
    /// The plan format version of the ledger entry.
    pub found: u32,
    /// The number of parts of the ledger entry.
    pub found_parts: usize,
    /// Our number of parts.
    pub parts: usize,
}

impl Committer {
    /// Commits a chunk: all of its rows, visitors and orders, each exactly once.
    ///
    /// **Guarantees**: parts are committed in order, each together with its ledger entry. What
    /// earlier attempts committed, or others at the same time, is not committed again. Dropping the
    /// future is safe at any point, and so is calling this several times at once: the next call
    /// continues from the ledger entries. A chunk that a build of another plan format version began
    /// is finished under that version, if [`can_plan`] says so.
    ///
    /// # Errors
    /// `E` of a [`StorageError`] if the table or a bucket fails; see
    /// [`StorageError::is_retryable`]. `E` of [`OtherPlan`] if a part was counted by a plan that
    /// this build cannot make; no retry helps. Any error of `content`.
    pub async fn commit_plan<'c, E, I, C, R>(
        &self,
        commit: PlanCommit<'_, I, C, R>,
        effort: &mut CommitEffort,
    ) -> Result<PlanOutcome<I>, E>
    where
        I: ChunkInputs,
        E: From<StorageError> + From<OtherPlan>,
        C: Future<Output = Result<PlanContent<'c>, E>>,
        R: Future<Output = Result<(), StorageError>>,
    {
        let PlanCommit { chunk, inputs, content, rejected_lines, now } = commit;

        // Resume from what is counted. A complete chunk is counted, by whatever plan; only an
        // unfinished one must be planned as it was begun. The ledger is asked before an object is
        // read, which is often announced again and costs more.
        let mut entries = LedgerEntries::default();
        if I::ARE_OF_OBJECT {
            entries = self.table.read_entries(chunk).await?;
            if let Some(known) = known_outcome(&entries, inputs) {
                return Ok(known);
            }
        }
        let PlanContent { plan, visitors, object } = content.await?;
        let parts = plan.parts.len();
        // A sealed hour is hardly ever rolled up again. If its sums are one part, the condition of
        // that transaction is the question.
        let is_unasked = !I::ARE_OF_OBJECT && parts == 1;
        if !I::ARE_OF_OBJECT && !is_unasked {
            entries = self.table.read_entries(chunk).await?;
            if let Some(known) = known_outcome(&entries, inputs) {
                return Ok(known);
            }
        }
        // All entries of a chunk have the version under which it began: they are of one plan.
        let mut version =
            entries.first().map_or(PLAN_FORMAT_VERSION, |first| first.plan_format_version);
        for (number, found) in entries.parts() {
            check_plan(number, found, version, parts)?;
        }

        // Usually copies are found before anything of them is stored; the transaction of part 0
        // finds those that come at the same time. The row names this chunk if another attempt has
        // begun it meanwhile, perhaps to die: then it is no copy, and is finished here.
        if let Some(file) = object.as_ref().and_then(|object| object.header.file)
            && file.excludes_copies
            && entries.first().is_none()
            && let Some(counted) = self.table.counted_as(&file.own.content_hash).await?
            && counted != chunk.as_str()
        {
            return Ok(PlanOutcome::CopyOf(counted));
        }

        // Rejected lines come before the first ledger entry, so no counted chunk ever lacks them.
        // Storing them again changes nothing.
        rejected_lines.await?;

        let slices = match &object {
            Some(ObjectContent { header, .. }) => {
                VisitorSlices::of_object(&plan, &visitors, header.inputs.reference_time)
            }
            None => VisitorSlices::of_sealed_hour(&plan, &visitors),
        };
        let mut has_finished = false;
        for (number, part) in plan.parts.iter().enumerate() {
            if entries.has_whole(number) {
                continue;
            }
            // Each part has its share of the visitors, before its ledger entry: a complete chunk
            // has all of them, and the work between two entries is bounded. Writing them again
            // changes nothing.
            if let Some(slice) = slices.of_part(number) {
                self.put_visitors(chunk, &slice.minutes).await?;
                self.merge_visitors(chunk, &slice.periods).await?;
            }
            let is_last = number + 1 == parts;
            // Orders come before the last ledger entry, so a complete chunk has all of its orders,
            // and after the first, which settles the plan inputs: `Plan::of` gives a chunk with
            // orders at least two parts.
            if let Some(object) = object.as_ref().filter(|_| is_last) {
                self.commit_orders(object.orders, object.quarters, now, effort).await?;
            }
            // Who follows the table's stream is told whose numbers change, but not of the sums of a
            // sealed hour, which change no answer.
            let sites = match &object {
                Some(object) => {
                    let orders = is_last.then_some(object.orders);
                    sites_of(part, slices.of_part(number), orders)
                }
                None => BTreeSet::new(),
            };
            let header = object.as_ref().map(|object| &object.header).filter(|_| number == 0);
            loop {
                let entry = LedgerEntry {
                    plan_format_version: version,
                    parts,
                    late_parts: None,
                    inputs: (number == 0).then(|| inputs.recorded()),
                };
                let (entry, visitors, sites) = (&entry, &visitors, &sites);
                let part_commit =
                    PartCommit { chunk, number, entry, header, part, sites, visitors, now: now() };
                let found = match self.commit_part(&part_commit, effort).await? {
                    PartOutcome::Committed => {
                        effort.parts_committed += 1;
                        has_finished = is_last;
                        break;
                    }
                    PartOutcome::OtherVersion => return Ok(PlanOutcome::OtherVersion),
                    PartOutcome::CopyOf(chunk) => return Ok(PlanOutcome::CopyOf(chunk)),
                    // Another attempt was faster. It must be one with our plan.
                    PartOutcome::AlreadyCounted(found) => found,
                };
                if is_unasked
                    && let Some(known) =
                        known_outcome(&self.table.read_entries(chunk).await?, inputs)
                {
                    return Ok(known);
                }
                if let Some(recorded) = other_inputs(&found, inputs) {
                    return Ok(PlanOutcome::OtherInputs(recorded));
                }
                let begun_under = found.plan_format_version;
                if number > 0 || begun_under == version || !can_plan(begun_under) {
                    check_plan(number, &found, version, parts)?;
                    break;
                }
                // A build of another version began the chunk after the entries were read. Its part 0
                // may be in an unfinished late form, which an attempt under its version finishes.
                version = begun_under;
            }
        }
        let minutes_expired = plan.minutes_expired;
        Ok(PlanOutcome::Counted { parts, has_finished, minutes_expired })
    }
}

/// What the ledger entries of a chunk say without its content: that it is counted, or that it was
/// planned from other inputs.
fn known_outcome<I: ChunkInputs>(entries: &LedgerEntries, inputs: I) -> Option<PlanOutcome<I>> {
    let first = entries.first()?;
    if entries.is_complete() {
        return Some(PlanOutcome::AlreadyCounted {
            parts: first.parts,
            inputs: first.inputs.and_then(I::of_recorded),
            recounted_with: entries.recounted_with().clone(),
        });
    }
    other_inputs(first, inputs).map(PlanOutcome::OtherInputs)
}

/// The plan inputs that a ledger entry records, if they differ from ours.
fn other_inputs<I: ChunkInputs>(found: &LedgerEntry, ours: I) -> Option<I> {
    found.inputs.and_then(I::of_recorded).filter(|recorded| *recorded != ours)
}

/// Checks that a part was counted by our plan, which is that of a plan format version.
fn check_plan(
    part: usize,
    found: &LedgerEntry,
    version: u32,
    parts: usize,
) -> Result<(), OtherPlan> {
    if can_plan(version) && found.plan_format_version == version && found.parts == parts {
        return Ok(());
    }
    let LedgerEntry { plan_format_version, parts: found_parts, .. } = *found;
    Err(OtherPlan { part, found: plan_format_version, found_parts, parts })
}

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
