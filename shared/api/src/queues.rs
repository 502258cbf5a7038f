//! The queues of ingest, whose depths two calls report.

use std::fmt;
use std::sync::LazyLock;

use futures::future::join;
use minutebook_runtime::aws::Aws;
use minutebook_runtime::config::QueuesConfig;
use minutebook_storage::error::StorageError;
use minutebook_storage::queue::{Queue, QueueDepth};

/// The queue that ingest reads, and its dead letters.
///
/// **Guarantees**: the SQS client is built by the first request that needs it, so that it does not
/// slow down the start of the function.
pub struct Queues(LazyLock<Pair, Box<dyn FnOnce() -> Pair + Send>>);

struct Pair {
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
        Queues(LazyLock::new(Box::new(move || {
            let client = aws.sqs();
            Pair {
                ingest: Queue { client: client.clone(), url: config.queue_url },
                dead_letters: Queue { client, url: config.dead_letters_url },
            }
        })))
    }

    /// Asks both queues at once.
    pub(crate) async fn depths(&self) -> Depths {
        let Pair { ingest, dead_letters } = &*self.0;
        let (ingest, dead_letters) = join(ingest.depth(), dead_letters.depth()).await;
        Depths { ingest, dead_letters }
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queues")
    }
}
