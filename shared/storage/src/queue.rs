//! A queue: its depth, and sending to it.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName::{
    self, ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed,
    ApproximateNumberOfMessagesNotVisible,
};

use crate::error::StorageError;

/// A queue.
///
/// **Guarantees**: its client is built by the first call that needs it, which is rare, so that it
/// does not slow down the start of a function.
pub struct Queue {
    client: LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>,
    url: String,
}

/// The number of messages of a queue.
///
/// **Units and range**: SQS approximates it; it is right within a minute after the last message was
/// sent or deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueDepth {
    /// The messages that wait to be received.
    pub waiting: u64,
    /// The messages that were received and are not deleted yet.
    pub in_flight: u64,
}

impl Queue {
    /// The queue at `url`, reached by the client that `client` builds.
    pub fn new(url: String, client: impl FnOnce() -> Client + Send + 'static) -> Queue {
        Queue { client: LazyLock::new(Box::new(client)), url }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. The message may be sent nevertheless.
    pub async fn send(&self, body: &str) -> Result<(), StorageError> {
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        send.send().await.map_err(|error| StorageError::from_sdk("SendMessage", error))?;
        Ok(())
    }

    /// The number of its messages.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn depth(&self) -> Result<QueueDepth, StorageError> {
        let ask = self.client.get_queue_attributes().queue_url(&self.url).set_attribute_names(
            Some(vec![
                ApproximateNumberOfMessages,
                ApproximateNumberOfMessagesDelayed,
                ApproximateNumberOfMessagesNotVisible,
            ]),
        );
        let answer = ask
            .send()
            .await
            .map_err(|error| StorageError::from_sdk("GetQueueAttributes", error))?;
        Ok(read_depth(&answer.attributes.unwrap_or_default()))
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({})", self.url)
    }
}

fn read_depth(attributes: &HashMap<QueueAttributeName, String>) -> QueueDepth {
    // SQS returns every number that is asked for; one that an emulator leaves out is zero.
    let number =
        |name| attributes.get(&name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    QueueDepth {
        waiting: number(ApproximateNumberOfMessages) + number(ApproximateNumberOfMessagesDelayed),
        in_flight: number(ApproximateNumberOfMessagesNotVisible),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delayed_messages_wait_and_what_is_left_out_is_none() {
        let attributes = HashMap::from([
            (ApproximateNumberOfMessages, "5".to_string()),
            (ApproximateNumberOfMessagesDelayed, "2".to_string()),
        ]);
        assert_eq!(read_depth(&attributes), QueueDepth { waiting: 7, in_flight: 0 });
        let attributes = HashMap::from([(ApproximateNumberOfMessagesNotVisible, "3".to_string())]);
        assert_eq!(read_depth(&attributes), QueueDepth { waiting: 0, in_flight: 3 });
    }
}
