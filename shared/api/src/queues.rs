//! The queues of ingest, whose depths two calls report.

use futures::future::join;
use minutebook_runtime::aws::Aws;
use minutebook_runtime::config::QueuesConfig;
use minutebook_storage::error::StorageError;
use minutebook_storage::queue::{Queue, QueueDepth};

/// The queue that ingest reads, and its dead letters.
#[derive(Debug)]
pub struct Queues {
    ingest: Queue,
    dead_letters: Queue,
}

/// The depth of each queue, or why it is not known.
pub(crate) struct Depths {
    pub(crate) ingest: Result<QueueDepth, StorageError>,
    pub(crate) dead_letters: Result<QueueDepth, StorageError>,
}

impl Queues {
    /// The queues that `config` names.
    pub fn new(aws: Aws, config: QueuesConfig) -> Queues {
        let dead_letters_aws = aws.clone();
        Queues {
            ingest: Queue::new(config.queue_url, move || aws.sqs()),
            dead_letters: Queue::new(config.dead_letters_url, move || dead_letters_aws.sqs()),
        }
    }

    /// Asks both queues at once.
    pub(crate) async fn depths(&self) -> Depths {
        let (ingest, dead_letters) = join(self.ingest.depth(), self.dead_letters.depth()).await;
        Depths { ingest, dead_letters }
    }
}
