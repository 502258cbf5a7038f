//! The way of one chunk: read it, count it, commit its plan.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use chrono_tz::Tz;
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::chunk::{
    ChunkCount, ChunkError, ChunkReader, ChunkSettings, ChunkSites, Refusal,
};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::event::line::READER_VERSION;
use minutebook_domain::event::settings::SettingsRevision;
use minutebook_domain::plan::{Plan, PlanInputs};
use minutebook_runtime::clock::Clock;
use minutebook_storage::bucket::read::{Buckets, ObjectRef, OpenObject, Opened};
use minutebook_storage::bucket::rejected::RejectedLines;
use minutebook_storage::chunk::commit::{
    ObjectContent, OtherPlan, PlanCommit, PlanContent, PlanOutcome,
};
use minutebook_storage::chunk::file::{COPY_BYTES_MIN, CountedVersion, FileRows};
use minutebook_storage::chunk::ledger::ChunkHeader;
use minutebook_storage::committer::{CommitEffort, Committer};
use minutebook_storage::error::StorageError;
use minutebook_storage::site::known_settings::KnownSettings;
use minutebook_storage::visitors::secrets::KnownSecrets;
use tokio::time::Instant;

use crate::report::{CountedVisitors, Ending, Report};

/// How many times an object is read from its start: again after its body broke off, without the
/// sites that are refused, to plan from recorded inputs, or from another version that is counted.
const READS_MAX: u32 = 8;

/// The bytes of rejected lines that are gathered before they are passed on.
const REJECTED_HANDOVER_BYTES: usize = 1024 * 1024;

/// What counting a chunk needs.
#[derive(Debug)]
pub struct Counter {
    /// Commits chunks to the table.
    pub committer: Committer,
    /// The buckets of chunks and rejected lines.
    pub buckets: Buckets,
    /// The currency of events that name none.
    pub default_currency: Currency,
    /// The zone of times that name none.
    pub default_time_zone: Tz,
    /// How many keys of a site and measure keep their names, 0 for all.
    pub keys_max: u32,
    /// How many sites are counted, 0 for all.
    pub sites_max: u32,
    /// The current time.
    pub clock: Clock,
    /// The secrets that ids of visitors are hashed with.
    pub secrets: KnownSecrets,
    /// The settings of sites.
    pub settings: KnownSettings,
}

/// Why a chunk could not be counted. In every case its message returns to the queue, which retries
/// it and, after the last try, moves it to the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// The table or a bucket failed; see [`StorageError::is_retryable`].
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The bytes cannot be unpacked, or the orders do not fit into memory; no retry helps. A chunk
    /// is refused instead; only the recount of its visitors fails so, if a version that read more
    /// has counted it.
    #[error("the chunk cannot be read: {0}")]
    Unreadable(ChunkError),
    /// A version of minutebook whose plans this one cannot make counted a part of the chunk; no
    /// retry helps.
    #[error("the chunk cannot be finished: {0}: run the version that began it to finish it")]
    OtherPlan(#[from] OtherPlan),
    /// The time that Lambda allows is nearly over. What was committed stays, and the next try
    /// continues from there.
    #[error(
        "out of time after {parts_committed} parts: the message goes back to the queue before \
         Lambda ends the function"
    )]
    OutOfTime {
        /// The parts that this attempt committed.
        parts_committed: usize,
    },
    /// The recorded plan inputs kept changing, or the object could not be read to its end.
    #[error("the chunk was read {READS_MAX} times without success: {last}")]
    ReadTooOften {
        /// What went wrong the last time.
        last: String,
    },
}

impl CountError {
    /// Whether the attempt ran out of time but committed something.
    pub fn has_made_progress(&self) -> bool {
        matches!(self, CountError::OutOfTime { parts_committed } if *parts_committed > 0)
    }
}

impl From<ChunkError> for CountError {
    fn from(error: ChunkError) -> CountError {
        match error {
            ChunkError::OutOfTime => CountError::OutOfTime { parts_committed: 0 },
            _ => CountError::Unreadable(error),
        }
    }
}

/// What a chunk is planned with that nobody has begun.
#[derive(Clone, Copy)]
struct Newest {
    secret: SecretNumber,
    settings: SettingsRevision,
}

/// What is read, and how.
#[derive(Clone, Copy)]
struct Source<'a> {
    object: &'a ObjectRef,
    /// The plan inputs of whoever has begun the chunk.
    recorded: Option<PlanInputs>,
    newest: Newest,
    /// The version of the file that is counted, if this one may go on from it.
    earlier: Option<&'a CountedVersion>,
    refused_sites: &'a Arc<BTreeSet<Vec<u8>>>,
}

/// The result of reading an object.
enum Reading {
    Counted { count: Box<ChunkCount>, inputs: PlanInputs, is_anew: bool, own: CountedVersion },
    Refused { refusal: Refusal, size_bytes: u64 },
    Ended(Ending),
}

impl Counter {
    /// Counts the chunk that a notification names, exactly once. A chunk of which no line can ever
    /// be counted is refused.
    ///
    /// **Guarantees**: those of [`Committer::commit_plan`].
    ///
    /// # Errors
    /// [`CountError`]; a retry helps after [`CountError::OutOfTime`], [`CountError::ReadTooOften`]
    /// and a retryable [`CountError::Storage`].
    pub async fn count(&self, object: &ObjectRef, deadline: Instant) -> Result<Report, CountError> {
        // One limit around everything: whichever step it stops, the ledger entries say what is
        // committed.
        let mut effort = CommitEffort::default();
        let counting = Box::pin(self.count_until(object, deadline, &mut effort));
        let counted = tokio::time::timeout_at(deadline, counting).await;
        match counted.unwrap_or(Err(CountError::OutOfTime { parts_committed: 0 })) {
            Err(CountError::OutOfTime { .. }) => {
                Err(CountError::OutOfTime { parts_committed: effort.parts_committed })
            }
            counted => counted,
        }
    }

    async fn count_until(
        &self,
        object: &ObjectRef,
        deadline: Instant,
        effort: &mut CommitEffort,
    ) -> Result<Report, CountError> {
        let table = &self.committer.table;
        let now = self.clock.now();
        let mut settings_read_at = std::time::Instant::now();
        let (state, mut settings, ()) = futures::try_join!(
            self.secrets.state(table, now),
            self.settings.newest(table),
            self.committer.begin_registry(now)
        )?;
        let mut recorded: Option<PlanInputs> = None;
        let mut refused_sites = Arc::default();
        let mut last = String::new();
        let mut has_own_lines = false;
        for _ in 0..READS_MAX {
            let mut rejected = self.buckets.rejected_lines(&object.key);
            let known = match object.is_file() {
                true => table.counted_version(&object.bucket, &object.key).await?,
                false => None,
            };
            let earlier = known.as_ref().filter(|_| !has_own_lines);
            let newest = Newest { secret: state.counting, settings: settings.revision };
            let source =
                Source { object, recorded, newest, earlier, refused_sites: &refused_sites };
            let reading = match Box::pin(self.read(source, &mut rejected, deadline)).await {
                Ok(reading) => reading,
                Err(error) => {
                    abandon(rejected).await;
                    match &error {
                        CountError::Unreadable(ChunkError::NotContinued) => has_own_lines = true,
                        error if is_broken_body(error) => {}
                        _ => return Err(error),
                    }
                    last = error.to_string();
                    continue;
                }
            };
            let (mut count, inputs, is_anew, own) = match reading {
                Reading::Counted { count, inputs, is_anew, own } => (count, inputs, is_anew, own),
                Reading::Refused { refusal, size_bytes } => {
                    // Nothing of it is committed: it is read to its end before anything is.
                    abandon(rejected).await;
                    return self.refuse(object, refusal, size_bytes, effort).await;
                }
                Reading::Ended(ending) => return Ok(Report::unread(ending)),
            };
            // Sites are registered before anything of them is committed.
            let (sites_max, read_at) = (inputs.sites_max, settings_read_at);
            let days_of_sites = count.sites();
            let sites = self.committer.admit_sites(&days_of_sites, sites_max, read_at, now).await?;
            if !sites.refused.is_empty() {
                abandon(rejected).await;
                last = "it has events of too many sites".to_string();
                let refused = sites.refused.into_iter().map(String::into_bytes);
                refused_sites = Arc::new(refused.collect());
                continue;
            }
            // Before a site was registered, its zone may have been set for hours of the past, which
            // are then summed by quarter from the first event on.
            if sites.has_new && recorded.is_none() {
                settings_read_at = std::time::Instant::now();
                settings = self.settings.newest(table).await?;
                if settings.revision != inputs.settings_revision {
                    abandon(rejected).await;
                    last = "settings changed while a site was registered".to_string();
                    continue;
                }
            }
            // Before anything is committed: every version is limited, also one that counts nothing new.
            let continued = known.as_ref().filter(|_| inputs.counted_before > Some(0));
            let named = days_of_sites.keys().copied();
            let days_kept = self.limit_retention(object, named, &settings, continued).await?;
            let chunk = ChunkId::new(&object.bucket, &object.key, &count.content_hash);
            let size_bytes = own.size_bytes;
            if self.is_counted_with(object, &chunk, &own, known.as_ref()).await? {
                abandon(rejected).await;
                let ending = Ending::Duplicate;
                let chunk = Some(chunk);
                return Ok(Report { chunk, size_bytes, ..Report::unread(ending) });
            }
            let own_visitors = std::mem::take(&mut count.visitors);
            let header = ChunkHeader {
                bucket: &object.bucket,
                key: &object.key,
                inputs,
                outcomes: &count.outcomes,
                file: inputs.counted_before.map(|_| FileRows {
                    known: known.as_ref(),
                    own: &own,
                    excludes_copies: size_bytes >= COPY_BYTES_MIN && !is_anew,
                }),
            };
            let others: BTreeSet<SecretNumber> =
                state.needed().into_iter().filter(|it| *it != inputs.visitor_secret).collect();
            let written = OnceLock::new();
            let content = async {
                // While visitors are recounted, the chunk has those of the other secret from the
                // start, so that answers may change over to it at any moment.
                let mut visitors =
                    self.visitors_with(&others, object, &chunk, inputs, deadline).await?;
                written.get_or_init(|| visitors.keys().copied().collect::<BTreeSet<_>>());
                visitors.insert(inputs.visitor_secret, own_visitors);
                Ok::<_, CountError>(PlanContent {
                    plan: Plan::of(&count, &inputs),
                    visitors,
                    object: Some(ObjectContent {
                        header,
                        orders: &count.orders,
                        quarters: settings.reading.quarters(),
                    }),
                })
            };
            let commit = PlanCommit {
                chunk: &chunk,
                inputs,
                content,
                rejected_lines: rejected.finish(days_kept),
                now: &|| self.clock.now(),
            };
            let outcome = Box::pin(self.committer.commit_plan(commit, effort)).await?;
            let report = |ending, visitors, parts, minutes_expired| Report {
                ending,
                chunk: Some(chunk.clone()),
                copy_of: None,
                visitors: Some(visitors),
                size_bytes,
                outcomes: count.outcomes.clone(),
                refusal: None,
                parts,
                minutes_expired,
                effort: *effort,
            };
            match outcome {
                PlanOutcome::Counted { parts, has_finished, minutes_expired } => {
                    let ending = if has_finished { Ending::Counted } else { Ending::Duplicate };
                    // Visitors come with the parts: who committed all of them wrote all visitors.
                    let written = written.into_inner().filter(|_| effort.parts_committed == parts);
                    let written = written.unwrap_or_default();
                    let visitors =
                        CountedVisitors { inputs, recounted_with: BTreeSet::new(), written };
                    return Ok(report(ending, visitors, parts, minutes_expired));
                }
                PlanOutcome::AlreadyCounted { parts, inputs: found, recounted_with } => {
                    abandon(rejected).await;
                    // Entries of old versions lack some of the inputs.
                    let without = PlanInputs { visitor_secret: SecretNumber::NONE, ..inputs };
                    let inputs = found.unwrap_or(without);
                    let visitors =
                        CountedVisitors { inputs, recounted_with, written: BTreeSet::new() };
                    return Ok(report(Ending::Duplicate, visitors, parts, 0));
                }
                PlanOutcome::CopyOf(counted_as) => {
                    abandon(rejected).await;
                    return Ok(Report {
                        chunk: Some(chunk),
                        copy_of: Some(counted_as),
                        size_bytes,
                        ..Report::unread(Ending::Duplicate)
                    });
                }
                PlanOutcome::OtherVersion => {
                    abandon(rejected).await;
                    last = "another version of the file was counted at the same time".to_string();
                }
                PlanOutcome::OtherInputs(inputs) => {
                    abandon(rejected).await;
                    last = "an earlier attempt planned the chunk from other inputs".to_string();
                    recorded = Some(inputs);
                    refused_sites = Arc::default();
                }
            }
        }
        Err(CountError::ReadTooOften { last })
    }

    async fn read(
        &self,
        source: Source<'_>,
        rejected: &mut RejectedLines<'_>,
        deadline: Instant,
    ) -> Result<Reading, CountError> {
        let Source { object, recorded, newest, earlier, refused_sites } = source;
        let mut body: OpenObject = match self.buckets.open(object).await? {
            Opened::Object(body) => body,
            Opened::Gone => return Ok(Reading::Ended(Ending::Gone)),
            Opened::Replaced => return Ok(Reading::Ended(Ending::Replaced)),
        };
        let size_bytes = body.size_bytes;
        let counted_before = match object.is_file() && recorded.is_none() {
            true => Some(self.counted_before(object, size_bytes, earlier).await?),
            false => None,
        };
        let own_inputs = PlanInputs {
            reference_time: body.last_modified,
            default_currency: self.default_currency,
            default_time_zone: self.default_time_zone,
            minute_retention_days: self.committer.retention.minute_days,
            keys_max: self.keys_max,
            visitor_secret: newest.secret,
            reader_version: READER_VERSION,
            settings_revision: newest.settings,
            sites_max: self.sites_max,
            has_quarters: true,
            counted_before,
        };
        let inputs = recorded.unwrap_or(own_inputs);
        let mut settings = self.chunk_settings(inputs, inputs.visitor_secret, size_bytes).await?;
        settings.sites.refused = Arc::clone(refused_sites);
        let (last_modified, is_anew) = (body.last_modified, body.is_anew);
        let reader = ChunkReader::new(&settings);
        match read_body(&mut body, reader, rejected, deadline).await {
            Ok(count) => {
                let (content_hash, version_id) = (count.content_hash, object.version_id.clone());
                let own = CountedVersion { content_hash, size_bytes, last_modified, version_id };
                Ok(Reading::Counted { count: Box::new(count), inputs, is_anew, own })
            }
            Err(CountError::Unreadable(error)) => match Refusal::of(&error) {
                Some(refusal) => Ok(Reading::Refused { refusal, size_bytes }),
                None => Err(CountError::Unreadable(error)),
            },
            Err(error) => Err(error),
        }
    }

    /// What a chunk of these inputs is counted with, and its visitors with this secret.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn chunk_settings(
        &self,
        inputs: PlanInputs,
        secret: SecretNumber,
        size_bytes: u64,
    ) -> Result<ChunkSettings, StorageError> {
        let table = &self.committer.table;
        let secret = self.secrets.secret(table, secret).await?;
        let settings = self.settings.as_of(table, inputs.settings_revision).await?;
        let sites = ChunkSites { settings, ..ChunkSites::default() };
        Ok(ChunkSettings { inputs, secret, sites, size_bytes })
    }
}

async fn read_body(
    body: &mut OpenObject,
    mut reader: ChunkReader,
    rejected: &mut RejectedLines<'_>,
    deadline: Instant,
) -> Result<ChunkCount, CountError> {
    while let Some(block) = body.next_block().await? {
        reader.push_in_time(block.as_ref(), || Instant::now() < deadline)?;
        // The other chunks of the batch have their turn.
        tokio::task::yield_now().await;
        if reader.rejected_bytes() >= REJECTED_HANDOVER_BYTES {
            rejected.write(reader.take_rejected()).await?;
        }
    }
    let mut count = reader.finish()?;
    rejected.write(std::mem::take(&mut count.rejected)).await?;
    Ok(count)
}

fn is_broken_body(error: &CountError) -> bool {
    matches!(error, CountError::Storage(StorageError::Unavailable { .. }))
}

async fn abandon(rejected: RejectedLines<'_>) {
    if let Err(error) = rejected.abandon().await {
        tracing::warn!(%error, "an upload of rejected lines was left to the bucket's lifecycle rule");
    }
}
