//! The function that counts the chunks that the queue names, and stores the records of streams as
//! chunks of their own.

pub mod chunk;
pub mod event;
mod file;
pub mod notification;
pub mod recount;
mod refusal;
pub mod report;
mod retention;
pub mod stream;
pub mod summary;

use std::io::Write;
use std::time::Duration;

use futures::StreamExt;
use minutebook_storage::bucket::read::ObjectRef;
use minutebook_storage::bucket::store::EventBucket;
use minutebook_storage::queue::Queue;
use minutebook_storage::table::Table;
use tokio::time::Instant;

use crate::chunk::{CountError, Counter};
use crate::event::Event;
use crate::notification::{BatchAnswer, Failure, Message, created_objects};
use crate::recount::CountedChunk;
use crate::report::Report;
use crate::stream::event::Delivery;
use crate::stream::{StreamError, StreamStore};

/// The number of messages that are worked on at once. Each holds the tallies of one chunk in
/// memory, so this bounds the memory.
const MESSAGES_AT_ONCE: usize = 4;

/// From this delivery on a message is worked on alone, after all others: the function may have died
/// of its object twice, and would lose the answers for its neighbours with it.
const DELIVERIES_BEFORE_ALONE: u32 = 3;

/// The number of partitions of a topic that are stored at once. All their records together fit the
/// payload of an invocation, 6 MB.
const PARTITIONS_AT_ONCE: usize = 8;

/// What the function needs.
pub struct Ingest {
    /// Counts the chunks that messages name.
    pub counter: Counter,
    /// Stores the records of streams.
    pub streams: StreamStore<EventBucket, Table>,
    /// The queue that the messages come from.
    pub queue: Queue,
}

/// How long a message may take to be put back: a part of the time that is reserved for answering.
const PUT_BACK_TIME_MAX: Duration = Duration::from_secs(1);

/// How long reading the state of visitors may take after the deadline: another part of that time.
const STATE_TIME_MAX: Duration = Duration::from_millis(500);

/// Handles the event of an invocation.
///
/// # Errors
/// [`NotStored`] for records of a stream. It fails the whole invocation, because a mapping that
/// does not ask for partial answers takes any answer for success. A retry helps: it finds the
/// records that are stored already.
pub async fn handle(
    event: Event,
    ingest: &Ingest,
    deadline: Instant,
) -> Result<BatchAnswer, NotStored> {
    match event {
        Event::Messages(messages) => Ok(handle_messages(messages, ingest, deadline).await),
        Event::Deliveries(deliveries) => {
            handle_deliveries(&deliveries, ingest, deadline).await?;
            Ok(BatchAnswer::default())
        }
    }
}

/// Records of a stream could not be stored.
#[derive(Debug, thiserror::Error)]
#[error(
    "{failed} of {partitions} partitions are not stored, the first of them {partition}: {error}"
)]
pub struct NotStored {
    failed: usize,
    partitions: usize,
    partition: String,
    error: StreamError,
}

/// Stores the records of all partitions, each with its own outcome.
async fn handle_deliveries(
    deliveries: &[Delivery],
    ingest: &Ingest,
    deadline: Instant,
) -> Result<(), NotStored> {
    let mut failures: Vec<(String, StreamError)> = futures::stream::iter(deliveries)
        .map(|delivery| store_delivery(delivery, ingest, deadline))
        .buffered(PARTITIONS_AT_ONCE)
        .filter_map(|failure| async move { failure })
        .collect()
        .await;
    if failures.is_empty() {
        return Ok(());
    }
    let failed = failures.len();
    let (partition, error) = failures.swap_remove(0);
    Err(NotStored { failed, partitions: deliveries.len(), partition, error })
}

async fn store_delivery(
    delivery: &Delivery,
    ingest: &Ingest,
    deadline: Instant,
) -> Option<(String, StreamError)> {
    let started = Instant::now();
    let stored = ingest.streams.store_in_time(delivery, deadline).await;
    let (took, now) = (started.elapsed(), ingest.counter.clock.now());
    let table = &ingest.counter.committer.table.name;
    match stored {
        Ok(report) => {
            write_line(&stream::summary::line(delivery, &report, table, took, now));
            None
        }
        Err(error) => {
            write_line(&stream::summary::error_line(delivery, &error, table, took, now));
            Some((delivery.partition.clone(), error))
        }
    }
}

/// What became of a message.
struct Handled {
    id: String,
    /// Whether the queue should deliver it again.
    has_failed: bool,
    /// Its chunks that are counted.
    counted: Vec<CountedChunk>,
}

/// Counts the objects that the messages name. Each message has its own outcome: it fails if any of
/// its objects fails, and never because another message did. In the end it looks whether the
/// visitors of the chunks are counted with all secrets that count now.
///
/// **Shape**: the answer lists the messages that the queue should deliver again, in the order of
/// their failures.
async fn handle_messages(
    messages: Vec<Message>,
    ingest: &Ingest,
    deadline: Instant,
) -> BatchAnswer {
    let (alone, together): (Vec<_>, Vec<_>) =
        messages.into_iter().partition(|message| message.deliveries >= DELIVERIES_BEFORE_ALONE);
    let mut handled: Vec<Handled> = futures::stream::iter(together)
        .map(|message| handle_message(message, ingest, deadline))
        .buffer_unordered(MESSAGES_AT_ONCE)
        .collect()
        .await;
    for message in alone {
        handled.push(handle_message(message, ingest, deadline).await);
    }
    complete_visitors(&mut handled, &ingest.counter, deadline).await;
    let failed = handled.into_iter().filter(|message| message.has_failed);
    BatchAnswer { failures: failed.map(|message| Failure { id: message.id }).collect() }
}

/// Counts the visitors of the counted chunks with the secrets of the state of now that they lack:
/// the chunks may have been counted by a state that is no longer that of now. What cannot be
/// completed is a failure of its message: the next delivery finds the chunk counted, and tries
/// again.
async fn complete_visitors(handled: &mut [Handled], counter: &Counter, deadline: Instant) {
    if handled.iter().all(|message| message.counted.is_empty()) {
        return;
    }
    let (table, now) = (&counter.committer.table, counter.clock.now());
    let by = deadline.max(Instant::now() + STATE_TIME_MAX);
    let state = match tokio::time::timeout_at(by, counter.secrets.state_of_now(table, now)).await {
        Ok(Ok(state)) => Some(state),
        Ok(Err(error)) => {
            tracing::error!(%error, "the state of visitors could not be read");
            None
        }
        Err(_) => {
            tracing::error!("there was no time left to read the state of visitors");
            None
        }
    };
    futures::stream::iter(handled)
        .for_each_concurrent(MESSAGES_AT_ONCE, async |message| {
            for counted in &message.counted {
                let completed = match state {
                    Some(state) => counter.complete_visitors(counted, state, deadline).await,
                    None => {
                        message.has_failed = true;
                        continue;
                    }
                };
                if let Err(error) = completed {
                    let key = counted.object.key.as_str();
                    tracing::error!(key, %error, "visitors could not be recounted");
                    message.has_failed = true;
                }
            }
        })
        .await;
}

async fn handle_message(message: Message, ingest: &Ingest, deadline: Instant) -> Handled {
    let objects = match created_objects(&message.body) {
        Ok(objects) => objects,
        Err(error) => {
            tracing::error!(message_id = message.id, %error, "the message goes back to the queue");
            return Handled { id: message.id, has_failed: true, counted: vec![] };
        }
    };
    let (mut has_failed, mut is_unfinished) = (false, false);
    let mut counted = vec![];
    for object in objects {
        match count_object(&object, &ingest.counter, deadline).await {
            Ok(Report { chunk: Some(chunk), visitors: Some(visitors), .. }) => {
                counted.push(CountedChunk { object, chunk, visitors });
            }
            // It is gone, was replaced, or is refused.
            Ok(_) => {}
            Err(error) if error.has_made_progress() => is_unfinished = true,
            Err(_) => has_failed = true,
        }
    }
    let is_put_back = is_unfinished && !has_failed && put_back(&message, &ingest.queue).await;
    has_failed = (has_failed || is_unfinished) && !is_put_back;
    Handled { id: message.id, has_failed, counted }
}

/// Sends a message again, as a new one, whose deliveries are counted anew: a chunk that takes many
/// attempts and moves on in each must not end in the dead letters. Returns whether it was sent.
async fn put_back(message: &Message, queue: &Queue) -> bool {
    let sent = tokio::time::timeout(PUT_BACK_TIME_MAX, queue.send(&message.body)).await;
    match sent {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(message_id = message.id, %error, "the message could not be put back");
            false
        }
        Err(_) => {
            tracing::warn!(message_id = message.id, "there was no time to put the message back");
            false
        }
    }
}

/// Counts one object, and logs one line about it.
async fn count_object(
    object: &ObjectRef,
    counter: &Counter,
    deadline: Instant,
) -> Result<Report, CountError> {
    let started = Instant::now();
    let counted = counter.count(object, deadline).await;
    let (took, now) = (started.elapsed(), counter.clock.now());
    let table = &counter.committer.table.name;
    let line = match &counted {
        Ok(report) => summary::line(object, report, table, took, now),
        Err(error) => summary::error_line(object, error, table, took, now),
    };
    match line {
        Ok(line) => write_line(&line),
        Err(error) => tracing::error!(%error, "a summary line could not be written"),
    }
    counted
}

/// Writes a line of the log in one call, so that concurrent lines do not mix. A log that cannot be
/// written must not stop the counting.
fn write_line(line: &str) {
    drop(std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()));
}
