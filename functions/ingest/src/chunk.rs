//! The way of one chunk: read, count, plan, commit part by part.

use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::chunk::{ChunkCount, ChunkError, ChunkReader, ChunkSettings, Outcomes};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::plan::{PLAN_FORMAT_VERSION, Part, Plan, PlanInputs};
use minutebook_domain::time::lateness::is_closed;
use minutebook_runtime::clock::Clock;
use minutebook_storage::bucket::read::{Buckets, ObjectRef, OpenObject, Opened};
use minutebook_storage::bucket::rejected::RejectedLines;
use minutebook_storage::chunk::commit::{CommitEffort, Committer, PartCommit, PartOutcome};
use minutebook_storage::chunk::ledger::{ChunkHeader, LedgerEntry};
use minutebook_storage::error::StorageError;
use tokio::time::Instant;

/// How often an object is read from its start again: after its body broke off, or to plan from a
/// recorded inputs.
const READS_MAX: u32 = 4;

/// How many bytes of rejected lines are gathered before they are handed on.
const REJECTED_HANDOVER_BYTES: usize = 1024 * 1024;

/// What a chunk is counted with.
#[derive(Debug)]
pub struct Counter {
    /// What counts it in the table.
    pub committer: Committer,
    /// Where chunks and rejected lines lie.
    pub buckets: Buckets,
    /// The currency of events that name none.
    pub default_currency: Currency,
    /// Where now comes from.
    pub clock: Clock,
}

/// Why a chunk could not be counted. In every case its message goes back to the queue, which gives
/// it another try or, after the last, to the dead letters.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// The table or a bucket; see the error whether a later try helps.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The bytes cannot be unpacked, or say more of orders than fits into memory; no retry helps.
    #[error("the chunk cannot be read: {0}")]
    Unreadable(#[from] ChunkError),
    /// An earlier version of minutebook counted a part of the chunk by other rules; no retry helps.
    #[error(
        "part {part} of the chunk was counted under plan version {found} with {found_parts} parts, and this is \
         version {PLAN_FORMAT_VERSION} with {parts}: run the version that began the chunk to finish it"
    )]
    OtherPlan {
        /// The part whose ledger entry differs.
        part: usize,
        /// The ledger entry's version.
        found: u32,
        /// The ledger entry's number of parts.
        found_parts: usize,
        /// Our number of parts.
        parts: usize,
    },
    /// The time that Lambda allows is nearly up; what was committed stays, and the next try goes on
    /// from there.
    #[error("out of time: the message goes back to the queue before Lambda ends the function")]
    OutOfTime,
    /// The ledger's inputs kept changing, or the object could not be read to its end.
    #[error("the chunk was read {READS_MAX} times without success: {last}")]
    ReadTooOften {
        /// What went wrong the last time.
        last: String,
    },
}

/// How a chunk ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Its last part was committed now: of all attempts at a chunk just one ends so, and its lines
    /// are in the metrics once.
    Counted,
    /// Its last part was committed by another attempt.
    Duplicate,
    /// The object was deleted before it could be read.
    Gone,
    /// Other bytes stand under its key; they have a notification of their own.
    Replaced,
}

/// What the summary line says of a chunk.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// Its id; `None` if it was not read.
    pub chunk: Option<ChunkId>,
    /// Its stored size.
    pub size_bytes: u64,
    /// Where its lines went.
    pub outcomes: Outcomes,
    /// How many parts its plan has.
    pub parts: usize,
    /// How many of them were committed now.
    pub parts_committed: usize,
    /// The minutes (of a site) that were counted in their hours, days, weeks and months only, since
    /// they are kept no longer.
    pub minutes_expired: u64,
    /// Conflicts and throttles on the way.
    pub effort: CommitEffort,
}

/// What one reading of the object came to.
enum Reading {
    Counted { count: Box<ChunkCount>, inputs: PlanInputs, size_bytes: u64 },
    Ended(Ending),
}

/// What one attempt to commit came to.
enum Committing {
    Done {
        parts: usize,
        parts_committed: usize,
        /// Whether the last part was committed now; of all attempts at a chunk just one can say so.
        has_finished: bool,
        /// The minutes that got no rows of their own, since such rows would have expired already.
        minutes_expired: u64,
    },
    /// The ledger records another inputs: the chunk must be planned from that one.
    OtherInputs(PlanInputs),
}

impl Counter {
    /// Counts the chunk that a notification names, exactly once.
    ///
    /// **Guarantees**: parts are committed in order, each with its ledger entry. Whatever was
    /// committed by earlier attempts, by others at the same time, or by this one before it failed
    /// is never committed again.
    ///
    /// # Errors
    /// [`CountError`].
    pub async fn count(&self, object: &ObjectRef, deadline: Instant) -> Result<Report, CountError> {
        // One limit around everything: whatever step it stops, the ledger entries say what was
        // committed.
        tokio::time::timeout_at(deadline, self.count_unhurried(object))
            .await
            .unwrap_or(Err(CountError::OutOfTime))
    }

    async fn count_unhurried(&self, object: &ObjectRef) -> Result<Report, CountError> {
        let mut recorded: Option<PlanInputs> = None;
        let mut effort = CommitEffort::default();
        let mut last = String::new();
        for _ in 0..READS_MAX {
            let mut rejected = self.buckets.rejected_lines(&object.key);
            let reading = match self.read(object, recorded, &mut rejected).await {
                Ok(reading) => reading,
                Err(error) => {
                    abandon(rejected).await;
                    if is_broken_body(&error) {
                        last = error.to_string();
                        continue;
                    }
                    return Err(error);
                }
            };
            let (count, inputs, size_bytes) = match reading {
                Reading::Counted { count, inputs, size_bytes } => (count, inputs, size_bytes),
                Reading::Ended(ending) => return Ok(Report::unread(ending)),
            };
            let chunk = ChunkId::new(&object.bucket, &object.key, &count.content_hash);
            match self.commit(object, &chunk, &count, inputs, rejected, &mut effort).await? {
                Committing::Done { parts, parts_committed, has_finished, minutes_expired } => {
                    let ending = if has_finished { Ending::Counted } else { Ending::Duplicate };
                    let outcomes = count.outcomes;
                    return Ok(Report {
                        ending,
                        chunk: Some(chunk),
                        size_bytes,
                        outcomes,
                        parts,
                        parts_committed,
                        minutes_expired,
                        effort,
                    });
                }
                Committing::OtherInputs(inputs) => {
                    last = "an earlier attempt planned the chunk from another inputs".to_string();
                    recorded = Some(inputs);
                }
            }
        }
        Err(CountError::ReadTooOften { last })
    }

    async fn read(
        &self,
        object: &ObjectRef,
        recorded: Option<PlanInputs>,
        rejected: &mut RejectedLines<'_>,
    ) -> Result<Reading, CountError> {
        let mut body: OpenObject = match self.buckets.open(object).await? {
            Opened::Object(body) => body,
            Opened::Gone => return Ok(Reading::Ended(Ending::Gone)),
            Opened::Replaced => return Ok(Reading::Ended(Ending::Replaced)),
        };
        let own_inputs = PlanInputs {
            reference_time: body.last_modified,
            default_currency: self.default_currency,
            minute_retention_days: self.committer.retention.minute_days,
        };
        let inputs = recorded.unwrap_or(own_inputs);
        let size_bytes = body.size_bytes;
        let mut reader = ChunkReader::new(&ChunkSettings { inputs, size_bytes });
        while let Some(block) = body.next_block().await? {
            reader.push(block.as_ref())?;
            if reader.rejected_bytes() >= REJECTED_HANDOVER_BYTES {
                rejected.write(reader.take_rejected()).await?;
            }
        }
        let mut count = reader.finish()?;
        rejected.write(std::mem::take(&mut count.rejected)).await?;
        Ok(Reading::Counted { count: Box::new(count), inputs, size_bytes })
    }

    async fn commit(
        &self,
        object: &ObjectRef,
        chunk: &ChunkId,
        count: &ChunkCount,
        inputs: PlanInputs,
        rejected: RejectedLines<'_>,
        effort: &mut CommitEffort,
    ) -> Result<Committing, CountError> {
        let entries = self.committer.table.read_entries(chunk).await?;
        let recorded = entries.first().and_then(|entry| entry.inputs);
        // A chunk that is counted to its end is counted, by whatever rules: only an unfinished one
        // must be planned alike.
        if let Some(first) = entries.first().filter(|_| entries.is_complete()) {
            abandon(rejected).await;
            return Ok(Committing::Done {
                parts: first.parts,
                parts_committed: 0,
                has_finished: false,
                minutes_expired: 0,
            });
        }
        if let Some(recorded) = recorded.filter(|recorded| *recorded != inputs) {
            abandon(rejected).await;
            return Ok(Committing::OtherInputs(recorded));
        }

        let mut plan = Plan::of(&count.tally, &inputs);
        if !count.orders.is_empty() && plan.parts.len() == 1 {
            // Orders are written between two ledger entries: after the first, which settles what
            // the chunk is read by, and before the last, which says that all of it is counted.
            plan.parts.push(Part::default());
        }
        let parts = plan.parts.len();
        for (number, entry) in entries.parts() {
            check_plan(number, entry, parts)?;
        }
        // The rejected lines stand before the first ledger entry does, so no counted chunk ever
        // lacks them.
        rejected.finish().await?;
        let header = ChunkHeader {
            bucket: &object.bucket,
            key: &object.key,
            inputs,
            outcomes: &count.outcomes,
        };
        // Visitors are merged, which may be done twice; so they are there before the first ledger
        // entry, too.
        self.committer.put_visitors(chunk, &count.visitors).await?;
        let was_closed = |_: &str, hour| is_closed(hour, inputs.reference_time);
        self.committer.merge_visitors(chunk, &count.visitors.rolled_up(was_closed)).await?;
        let mut parts_committed = 0;
        let mut has_finished = false;
        for (number, part) in plan.parts.iter().enumerate() {
            if entries.has_whole(number) {
                continue;
            }
            if number + 1 == parts {
                self.committer.commit_orders(&count.orders, &|| self.clock.now(), effort).await?;
            }
            let inputs_of_part = (number == 0).then_some(inputs);
            let entry = LedgerEntry {
                plan_format_version: PLAN_FORMAT_VERSION,
                parts,
                late_parts: None,
                inputs: inputs_of_part,
            };
            let commit = PartCommit {
                chunk,
                number,
                entry: &entry,
                header: (number == 0).then_some(&header),
                part,
                visitors: &count.visitors,
                now: self.clock.now(),
            };
            match self.committer.commit(&commit, effort).await? {
                PartOutcome::Committed => {
                    parts_committed += 1;
                    has_finished = number + 1 == parts;
                }
                PartOutcome::AlreadyCounted(found) => {
                    if let Some(recorded) = found.inputs.filter(|recorded| *recorded != inputs) {
                        return Ok(Committing::OtherInputs(recorded));
                    }
                    check_plan(number, &found, parts)?;
                }
            }
        }
        Ok(Committing::Done {
            parts,
            parts_committed,
            has_finished,
            minutes_expired: plan.minutes_expired,
        })
    }
}

impl Report {
    fn unread(ending: Ending) -> Report {
        Report {
            ending,
            chunk: None,
            size_bytes: 0,
            outcomes: Outcomes::default(),
            parts: 0,
            parts_committed: 0,
            minutes_expired: 0,
            effort: CommitEffort::default(),
        }
    }
}

fn check_plan(part: usize, found: &LedgerEntry, parts: usize) -> Result<(), CountError> {
    if found.plan_format_version == PLAN_FORMAT_VERSION && found.parts == parts {
        return Ok(());
    }
    Err(CountError::OtherPlan {
        part,
        found: found.plan_format_version,
        found_parts: found.parts,
        parts,
    })
}

fn is_broken_body(error: &CountError) -> bool {
    matches!(error, CountError::Storage(StorageError::Unavailable { .. }))
}

async fn abandon(rejected: RejectedLines<'_>) {
    if let Err(error) = rejected.abandon().await {
        tracing::warn!(%error, "an upload of rejected lines was left to the bucket's lifecycle rule");
    }
}
