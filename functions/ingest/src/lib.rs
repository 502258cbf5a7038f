//! The function that counts the chunks that the queue names.

pub mod chunk;
pub mod notification;
pub mod summary;

use std::io::Write;

use futures::StreamExt;
use tokio::time::Instant;

use crate::chunk::{CountError, Counter};
use crate::notification::{Batch, BatchAnswer, Failure, Message, created_objects};
use minutebook_storage::objects::ObjectRef;

/// How many messages are worked on at once. Each holds the tallies of one chunk in memory, so this bounds the memory.
const MESSAGES_AT_ONCE: usize = 4;

/// Counts what the messages name, each with its own outcome: a message fails if any of its objects does, and no
/// message because its neighbour did.
///
/// **Shape**: the answer lists the messages that the queue shall bring again, in the order in which they failed.
pub async fn handle(batch: Batch, counter: &Counter, deadline: Instant) -> BatchAnswer {
    let failures = futures::stream::iter(batch.messages)
        .map(|message| handle_message(message, counter, deadline))
        .buffer_unordered(MESSAGES_AT_ONCE)
        .filter_map(|failure| async move { failure })
        .collect()
        .await;
    BatchAnswer { failures }
}

async fn handle_message(message: Message, counter: &Counter, deadline: Instant) -> Option<Failure> {
    let objects = match created_objects(&message.body) {
        Ok(objects) => objects,
        Err(error) => {
            tracing::error!(message_id = message.id, %error, "the message goes back to the queue");
            return Some(Failure { id: message.id });
        }
    };
    let mut has_failed = false;
    for object in &objects {
        has_failed |= count_object(object, counter, deadline).await.is_err();
    }
    has_failed.then_some(Failure { id: message.id })
}

/// Counts one object, and writes its one line of the log.
async fn count_object(object: &ObjectRef, counter: &Counter, deadline: Instant) -> Result<(), CountError> {
    let started = Instant::now();
    let counted = counter.count(object, deadline).await;
    let (took, now) = (started.elapsed(), counter.clock.now());
    let line = match &counted {
        Ok(report) => summary::line(object, report, took, now),
        Err(error) => summary::error_line(object, error, took, now),
    };
    match line {
        // One write, so that lines of objects counted side by side do not mix. A log that cannot be written must not
        // stop the counting.
        Ok(line) => drop(std::io::stdout().lock().write_all(format!("{line}\n").as_bytes())),
        Err(error) => tracing::error!(%error, "a summary line could not be written"),
    }
    counted.map(drop)
}
