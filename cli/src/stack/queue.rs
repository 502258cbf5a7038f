//! Sends messages to the queue, and receives and deletes dead letters.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::stack::aws::explain;

/// How many messages, and how many bytes, SQS accepts in one call.
///
/// **Source**:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
///
/// AWS has since raised the limit of bytes, but emulators may not have.
const BATCH_MESSAGES_MAX: usize = 10;
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// How many batches are sent at once.
const BATCHES_AT_ONCE: usize = 4;

/// How often messages are sent that SQS refuses for reasons of its own.
const ATTEMPTS_MAX: u32 = 5;

/// The pause before the second attempt; the one before the third is twice as long, and so on.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(200);

/// The most messages that one call receives.
const RECEIVED_MESSAGES_MAX: i32 = 10;

/// How many seconds a call waits for messages. Only a call that waits queries all servers of a
/// queue (long polling).
const RECEIVE_WAIT_SECONDS: i32 = 1;

/// How many seconds received messages are invisible to other receivers.
pub(crate) const HELD_SECONDS: i32 = 600;

/// How many messages are held at once. SQS allows 120,000.
pub(crate) const HELD_MAX: usize = 100_000;

/// After so many calls that return only messages that are held already, there are no others.
const REPEATED_RECEIVES_MAX: u32 = 3;

/// A queue.
pub(crate) struct Queue {
    pub(crate) client: Client,
    pub(crate) url: String,
}

/// A message that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: String,
    /// The handle by which it is deleted.
    pub(crate) receipt: String,
    pub(crate) body: String,
}

impl Queue {
    /// How many messages the queue has for receivers, approximately.
    ///
    /// # Errors
    /// The queue cannot be read.
    pub(crate) async fn count(&self) -> Result<u64> {
        self.number(QueueAttributeName::ApproximateNumberOfMessages).await
    }

    async fn number(&self, name: QueueAttributeName) -> Result<u64> {
        let get = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = get
            .attribute_names(name.clone())
            .send()
            .await
            .map_err(|error| explain(format!("cannot look at {}", self.url), error))?;
        let count = answer.attributes().and_then(|attributes| attributes.get(&name));
        count
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| anyhow!("{} does not say its length", self.url))
    }

    /// How many messages are worked on, approximately.
    ///
    /// # Errors
    /// The queue cannot be read.
    pub(crate) async fn count_in_flight(&self) -> Result<u64> {
        self.number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await
    }

    /// Sends the messages of one of the [`batches`].
    ///
    /// # Errors
    /// SQS refuses a message for good, or too often. Some of the messages may have been sent.
    pub(crate) async fn send(&self, bodies: &[&str]) -> Result<()> {
        let what = || format!("cannot send to {}", self.url);
        let mut pending: Vec<&str> = bodies.to_vec();
        for attempt in 1..=ATTEMPTS_MAX {
            let entry = |(index, body): (usize, &&str)| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(*body)
                    .build()
            };
            let entries = pending.iter().enumerate().map(entry).collect::<Result<_, _>>()?;
            let send =
                self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
            let answer = send.send().await.map_err(|error| explain(what(), error))?;
            let mut refused = Vec::new();
            for failure in answer.failed() {
                if failure.sender_fault() || attempt == ATTEMPTS_MAX {
                    bail!(
                        "{}: {}: {}",
                        what(),
                        failure.code(),
                        failure.message().unwrap_or("no reason is given")
                    );
                }
                let index =
                    failure.id().parse::<usize>().ok().filter(|index| *index < pending.len());
                refused.push(
                    pending[index
                        .with_context(|| format!("{}: SQS names an unknown entry", what()))?],
                );
            }
            if refused.is_empty() {
                return Ok(());
            }
            pending = refused;
            tokio::time::sleep(ATTEMPT_INTERVAL * attempt).await;
        }
        Ok(())
    }

    /// Sends messages in batches, and says after each how many it had.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub(crate) async fn send_all(&self, bodies: &[String], sent: impl Fn(u64)) -> Result<()> {
        let sendings = futures::stream::iter(batches(bodies, |body| body)).map(async |batch| {
            let batch_bodies: Vec<&str> = batch.iter().map(String::as_str).collect();
            self.send(&batch_bodies).await?;
            sent(batch.len() as u64);
            Ok::<_, anyhow::Error>(())
        });
        sendings.buffer_unordered(BATCHES_AT_ONCE).try_collect().await
    }

    /// Receives every visible message and holds it for [`HELD_SECONDS`], up to [`HELD_MAX`]
    /// messages.
    ///
    /// # Errors
    /// The queue cannot be read.
    pub(crate) async fn receive_all(&self) -> Result<Vec<Message>> {
        let mut messages: Vec<Message> = Vec::new();
        let mut index_by_id = HashMap::new();
        let mut repeated_receives = 0;
        while messages.len() < HELD_MAX && repeated_receives < REPEATED_RECEIVES_MAX {
            let received = self.receive().await?;
            if received.is_empty() {
                break;
            }
            let count_before = messages.len();
            for message in received {
                match index_by_id.get(&message.id) {
                    // Only the latest receipt is sure to be valid.
                    Some(index) => messages[*index] = message,
                    None => {
                        index_by_id.insert(message.id.clone(), messages.len());
                        messages.push(message);
                    }
                }
            }
            repeated_receives =
                if messages.len() > count_before { 0 } else { repeated_receives + 1 };
        }
        Ok(messages)
    }

    async fn receive(&self) -> Result<Vec<Message>> {
        let receive = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(RECEIVED_MESSAGES_MAX)
            .wait_time_seconds(RECEIVE_WAIT_SECONDS)
            .visibility_timeout(HELD_SECONDS);
        let answer = receive
            .send()
            .await
            .map_err(|error| explain(format!("cannot read {}", self.url), error))?;
        let mut messages = Vec::new();
        for message in answer.messages.unwrap_or_default() {
            let part = |part: Option<String>| {
                part.context("SQS returned a message without its id, receipt or body")
            };
            messages.push(Message {
                id: part(message.message_id)?,
                receipt: part(message.receipt_handle)?,
                body: part(message.body)?,
            });
        }
        Ok(messages)
    }

    /// Deletes the messages of one of the [`batches`].
    ///
    /// # Errors
    /// A message is not deleted.
    pub(crate) async fn delete(&self, messages: &[Message]) -> Result<()> {
        let what = || format!("cannot delete from {}", self.url);
        let entry = |(index, message): (usize, &Message)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&message.receipt)
                .build()
        };
        let entries = messages.iter().enumerate().map(entry).collect::<Result<_, _>>()?;
        let delete =
            self.client.delete_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = delete.send().await.map_err(|error| explain(what(), error))?;
        if let Some(failure) = answer.failed().first() {
            bail!(
                "{}: {}: {}",
                what(),
                failure.code(),
                failure.message().unwrap_or("no reason is given")
            );
        }
        Ok(())
    }

    /// Releases messages, so that other receivers see them at once.
    ///
    /// # Errors
    /// A call fails.
    pub(crate) async fn release(&self, messages: &[Message]) -> Result<()> {
        for batch in messages.chunks(BATCH_MESSAGES_MAX) {
            let entry = |(index, message): (usize, &Message)| {
                let entry =
                    ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
                entry.receipt_handle(&message.receipt).visibility_timeout(0).build()
            };
            let entries = batch.iter().enumerate().map(entry).collect::<Result<_, _>>()?;
            let change = self
                .client
                .change_message_visibility_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries));
            // Failures of single messages do not matter: those messages are deleted or visible
            // already.
            change.send().await.map_err(|error| {
                explain(format!("cannot release messages of {}", self.url), error)
            })?;
        }
        Ok(())
    }
}

/// Splits messages into batches that SQS accepts in one call.
pub(crate) fn batches<T>(messages: &[T], body: impl Fn(&T) -> &str) -> Vec<&[T]> {
    let mut batches = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (index, message) in messages.iter().enumerate() {
        let message_bytes = body(message).len();
        let is_full =
            index - begin == BATCH_MESSAGES_MAX || bytes + message_bytes > BATCH_BYTES_MAX;
        if is_full && index > begin {
            batches.push(&messages[begin..index]);
            (begin, bytes) = (index, 0);
        }
        bytes += message_bytes;
    }
    if begin < messages.len() {
        batches.push(&messages[begin..]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(bodies: &[String]) -> Vec<usize> {
        batches(bodies, |body| body).into_iter().map(<[String]>::len).collect()
    }

    #[test]
    fn a_batch_has_ten_messages_at_most_and_no_more_bytes_than_sqs_accepts() {
        let bodies = |count: usize, bytes: usize| vec!["x".repeat(bytes); count];
        assert_eq!(sizes(&bodies(0, 1)), Vec::<usize>::new());
        assert_eq!(sizes(&bodies(10, 1)), [10]);
        assert_eq!(sizes(&bodies(25, 1)), [10, 10, 5]);
        assert_eq!(sizes(&bodies(5, BATCH_BYTES_MAX / 2)), [2, 2, 1]);
        assert_eq!(sizes(&bodies(3, BATCH_BYTES_MAX)), [1, 1, 1]);
        assert_eq!(sizes(&[bodies(1, BATCH_BYTES_MAX), bodies(9, 1)].concat()), [1, 9]);
    }
}
