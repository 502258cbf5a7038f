//! The wait until chunks are counted.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use aws_sdk_sqs::types::QueueAttributeName;
use futures::{StreamExt as _, TryStreamExt as _};

use crate::rows::ledger::{self, Counts, Ledger};
use crate::stack::aws::explain;
use crate::stack::context::Context;
use crate::terminal::progress;

/// How many questions to the ledger are under way at once.
const CONCURRENCY: usize = 8;

/// How long to wait between two looks at the ledger.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// A wait for chunks to be counted.
pub(crate) struct Waiting {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    chunks: Vec<Chunk>,
    dead_letters: Option<DeadLetters>,
}

struct Chunk {
    id: String,
    /// Whether it was counted when the wait for it began.
    already_counted: bool,
}

/// How a wait ended.
pub(crate) struct Waited {
    /// Of each chunk, in the order in which they were given; `None` was waited for in vain.
    pub(crate) chunks: Vec<Option<Counted>>,
    /// Why the wait ended before everything was counted.
    pub(crate) gave_up: Option<String>,
}

/// A chunk that is counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(crate) counts: Counts,
    pub(crate) parts: u64,
    /// Whether it was when the wait for it began, so that nothing was added.
    pub(crate) before: bool,
}

impl Waiting {
    /// Notes how things are before anything is sent.
    pub(crate) async fn begin(context: &Context, chunk_ids: Vec<String>) -> Result<Self> {
        let endpoints = context.endpoints()?;
        let dead_letters = match endpoints.dead_letters_url() {
            Ok(url) => Some(DeadLetters::begin(context.sqs().await?, url).await?),
            // Nothing names the queue, so the wait ends by its time only.
            Err(_) => None,
        };
        let chunks = chunk_ids.into_iter().map(|id| Chunk { id, already_counted: false }).collect();
        let mut waiting = Self {
            dynamodb: context.dynamodb().await?,
            table: endpoints.table()?.to_owned(),
            chunks,
            dead_letters,
        };
        let every_chunk: Vec<usize> = (0..waiting.chunks.len()).collect();
        for (chunk, ledger) in waiting.look(&every_chunk).await? {
            waiting.chunks[chunk].already_counted = ledger.is_some();
        }
        Ok(waiting)
    }

    /// Says that so many messages were taken out of the dead letters since the wait began.
    pub(crate) fn taken_from_dead_letters(&mut self, count: u64) {
        if let Some(dead_letters) = &mut self.dead_letters {
            dead_letters.count_before = dead_letters.count_before.saturating_sub(count);
        }
    }

    /// Waits until every chunk is counted, landed in the dead letters, or the time is up.
    pub(crate) async fn end(self, timeout: Duration) -> Result<Waited> {
        let deadline = Instant::now() + timeout;
        let bar = progress::bar("counting", self.chunks.len());
        let mut waited = Waited { chunks: vec![None; self.chunks.len()], gave_up: None };
        let mut pending: Vec<usize> = (0..self.chunks.len()).collect();
        loop {
            // The letters are counted first: what was counted meanwhile cannot be mistaken for
            // them.
            let dead = match &self.dead_letters {
                Some(dead_letters) => {
                    dead_letters.count().await?.saturating_sub(dead_letters.count_before)
                }
                None => 0,
            };
            let mut still_pending = Vec::new();
            for (chunk, ledger) in self.look(&pending).await? {
                let Some(ledger) = ledger else {
                    still_pending.push(chunk);
                    continue;
                };
                let parts = ledger.parts_count();
                let summary = ledger.summary.context("a complete ledger has a part 0")?;
                let before = self.chunks[chunk].already_counted;
                waited.chunks[chunk] = Some(Counted { counts: summary.counts, parts, before });
                bar.inc(1);
            }
            pending = still_pending;
            if pending.is_empty() {
                break;
            }
            if dead >= pending.len() as u64 {
                let messages = if dead == 1 { "message" } else { "messages" };
                waited.gave_up = Some(format!("{dead} {messages} landed in the dead letters"));
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

    /// The complete ledgers of these chunks, in their order.
    async fn look(&self, chunks: &[usize]) -> Result<Vec<(usize, Option<Ledger>)>> {
        let looks = futures::stream::iter(chunks.iter().copied()).map(async |chunk| {
            let ledger = ledger::read(&self.dynamodb, &self.table, &self.chunks[chunk].id).await?;
            Ok::<_, anyhow::Error>((chunk, ledger.filter(Ledger::is_complete)))
        });
        looks.buffered(CONCURRENCY).try_collect().await
    }
}

struct DeadLetters {
    sqs: aws_sdk_sqs::Client,
    url: String,
    count_before: u64,
}

impl DeadLetters {
    async fn begin(sqs: aws_sdk_sqs::Client, url: &str) -> Result<Self> {
        let mut dead_letters = Self { sqs, url: url.to_owned(), count_before: 0 };
        dead_letters.count_before = dead_letters.count().await?;
        Ok(dead_letters)
    }

    async fn count(&self) -> Result<u64> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let ask =
            self.sqs.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone());
        let answer = ask
            .send()
            .await
            .map_err(|error| explain(format!("cannot look at {}", self.url), error))?;
        let count = answer.attributes().and_then(|attributes| attributes.get(&name));
        count
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| anyhow!("{} does not say its length", self.url))
    }
}
