//! The wait until chunks are counted or refused.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::rows::ledger::chunk::{self, Ledger};
use crate::rows::ledger::chunk_id::{ChunkIds, FileBytes};
use crate::rows::ledger::counts::Counts;
use crate::rows::ledger::entry::Refusal;
use crate::rows::ledger::files::are_counted_elsewhere;
use crate::stack::context::Context;
use crate::stack::queue::Queue;
use crate::terminal::progress;

/// How many chunks are looked up in the ledger at once.
const CONCURRENCY: usize = 8;

/// The pause between two rounds of looking at the ledger.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// How long a chunk may still be counted that was refused before the wait began: the version of the
/// functions may be a later one, which can read it. It is counted or refused again within seconds.
const REFUSED_BEFORE_TIME: Duration = Duration::from_secs(5);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Every part of the chunk is counted.
    Counted,
    /// Its visitors are counted with this secret, too.
    VisitorsWith(u32),
}

impl Goal {
    fn is_met(self, ledger: &Ledger) -> bool {
        let has_secret = |secret| {
            ledger.summary.as_ref().is_some_and(|summary| summary.visitor_secrets.contains(&secret))
        };
        match self {
            Self::Counted => ledger.is_complete(),
            Self::VisitorsWith(secret) => ledger.is_complete() && has_secret(secret),
        }
    }
}

/// A wait for chunks to be counted.
pub(crate) struct Wait {
    goal: Goal,
    dynamodb: aws_sdk_dynamodb::Client,
    s3: aws_sdk_s3::Client,
    table: String,
    chunks: Vec<Chunk>,
    dead_letters: Option<DeadLetters>,
}

struct Chunk {
    ids: ChunkIds,
    /// Whether it was counted when the wait began.
    already_counted: bool,
    /// Whether it was refused when the wait began.
    already_refused: bool,
}

/// The dead-letter queue, and how many messages it had when the wait began.
struct DeadLetters {
    queue: Queue,
    count_before: u64,
}

/// How a wait ended.
pub(crate) struct Waited {
    /// The chunks in the order in which they were given; `None` for one that is neither counted nor
    /// refused.
    pub(crate) chunks: Vec<Option<Ended>>,
    /// Why the wait ended before everything was counted.
    pub(crate) gave_up: Option<String>,
}

/// What became of a chunk.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    Counted(Counted),
    /// Its bytes are counted as another file, or with a later version of it.
    CountedElsewhere,
    Refused {
        refusal: Refusal,
        /// Whether it was refused when the wait began.
        already_refused: bool,
    },
}

/// A chunk that is counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(crate) counts: Counts,
    pub(crate) parts: u64,
    /// Whether it was counted when the wait began, so that nothing was added.
    pub(crate) already_counted: bool,
}

impl Wait {
    /// Notes which chunks are counted already, before anything is sent.
    ///
    /// # Errors
    /// The stack has no table, or the table or the dead letters cannot be read.
    pub(crate) async fn begin(
        context: &Context,
        goal: Goal,
        chunk_ids: Vec<ChunkIds>,
    ) -> Result<Self> {
        let endpoints = context.endpoints().await?;
        let dead_letters = match endpoints.dead_letters_url() {
            Ok(url) => {
                let queue = Queue { client: context.sqs().await?, url: url.to_owned() };
                let count_before = queue.count().await?;
                Some(DeadLetters { queue, count_before })
            }
            // The queue is not known, so only the timeout ends the wait early.
            Err(_) => None,
        };
        let new = |ids| Chunk { ids, already_counted: false, already_refused: false };
        let mut wait = Self {
            goal,
            dynamodb: context.dynamodb().await?,
            s3: context.s3().await?,
            table: endpoints.table()?.to_owned(),
            chunks: chunk_ids.into_iter().map(new).collect(),
            dead_letters,
        };
        let every_chunk: Vec<usize> = (0..wait.chunks.len()).collect();
        for (index, found) in wait.look(&every_chunk).await? {
            let chunk = &mut wait.chunks[index];
            chunk.already_counted = matches!(found, Found::Counted(_));
            chunk.already_refused = matches!(found, Found::Refused(_));
        }
        Ok(wait)
    }

    /// Notes that so many messages were removed from the dead letters since the wait began.
    pub(crate) fn removed_from_dead_letters(&mut self, count: u64) {
        if let Some(dead_letters) = &mut self.dead_letters {
            dead_letters.count_before = dead_letters.count_before.saturating_sub(count);
        }
    }

    /// Waits until every chunk is counted, refused or in the dead letters, or the timeout ends.
    ///
    /// # Errors
    /// The table or the dead letters cannot be read.
    pub(crate) async fn end(self, timeout: Duration) -> Result<Waited> {
        let begun = Instant::now();
        let deadline = begun + timeout;
        let bar = progress::bar("counting", self.chunks.len());
        let mut waited = Waited { chunks: vec![None; self.chunks.len()], gave_up: None };
        let mut pending: Vec<usize> = (0..self.chunks.len()).collect();
        loop {
            // The dead letters are counted before the ledger is read: a chunk that is counted in
            // between is not taken for one of them.
            let new_dead_letters = match &self.dead_letters {
                Some(DeadLetters { queue, count_before }) => {
                    queue.count().await?.saturating_sub(*count_before)
                }
                None => 0,
            };
            let mut still_pending = Vec::new();
            for (index, found) in self.look(&pending).await? {
                let Chunk { already_counted, already_refused, .. } = self.chunks[index];
                let may_be_counted = already_refused && begun.elapsed() < REFUSED_BEFORE_TIME;
                waited.chunks[index] = match found {
                    Found::Counted(ledger) => {
                        let parts = ledger.parts_count();
                        let summary = ledger.summary.context("a complete ledger has a part 0")?;
                        let counts = summary.counts;
                        Some(Ended::Counted(Counted { counts, parts, already_counted }))
                    }
                    Found::Elsewhere => Some(Ended::CountedElsewhere),
                    Found::Refused(refusal) if !may_be_counted => {
                        Some(Ended::Refused { refusal, already_refused })
                    }
                    Found::Refused(_) | Found::Nothing => {
                        still_pending.push(index);
                        continue;
                    }
                };
                bar.inc(1);
            }
            pending = still_pending;
            if pending.is_empty() {
                break;
            }
            if new_dead_letters >= pending.len() as u64 {
                let messages = if new_dead_letters == 1 { "message" } else { "messages" };
                waited.gave_up =
                    Some(format!("{new_dead_letters} {messages} landed in the dead letters"));
                break;
            }
            if Instant::now() >= deadline {
                waited.gave_up = Some(format!("after {} s (--timeout)", timeout.as_secs()));
                break;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        bar.finish_and_clear();
        Ok(waited)
    }

    async fn are_counted_elsewhere(&self, file: &FileBytes) -> Result<bool> {
        are_counted_elsewhere(&self.dynamodb, &self.s3, &self.table, file).await
    }

    /// What the ledger says about these chunks, in their order.
    async fn look(&self, chunks: &[usize]) -> Result<Vec<(usize, Found)>> {
        let looks = futures::stream::iter(chunks.iter().copied()).map(async |index| {
            let ids = &self.chunks[index].ids;
            let read = |id| chunk::read(&self.dynamodb, &self.table, id);
            let ledger = read(&ids.counted).await?;
            let has_begun = ledger.is_some();
            if let Some(ledger) = ledger.filter(|ledger| self.goal.is_met(ledger)) {
                return Ok((index, Found::Counted(Box::new(ledger))));
            }
            let refusal = read(&ids.refused).await?.and_then(|ledger| ledger.refusal);
            let found = match refusal {
                Some(refusal) => Found::Refused(refusal),
                None if !has_begun && self.are_counted_elsewhere(&ids.file).await? => {
                    Found::Elsewhere
                }
                None => Found::Nothing,
            };
            Ok::<_, anyhow::Error>((index, found))
        });
        looks.buffered(CONCURRENCY).try_collect().await
    }
}

/// What the ledger says about a chunk.
enum Found {
    Counted(Box<Ledger>),
    Refused(Refusal),
    Elsewhere,
    /// It is not counted, or not to its end.
    Nothing,
}
