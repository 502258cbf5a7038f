//! Waits for eventual results by polling, up to a time limit.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::Instant;

/// The longest time from a bucket, a post or a stream to an answer.
const TIME: Duration = Duration::from_secs(120);
/// The time between two polls.
const POLL: Duration = Duration::from_millis(100);

/// A deadline for polling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Instant);

impl Patience {
    /// Starts the time limit.
    pub(crate) fn new() -> Patience {
        Patience(Instant::now() + TIME)
    }

    /// Waits until the next poll.
    ///
    /// # Errors
    /// The deadline has passed; the error contains `state`.
    pub(crate) async fn wait(self, state: impl FnOnce() -> String) -> Result<()> {
        ensure!(Instant::now() < self.0, "after {TIME:?}, {}", state());
        tokio::time::sleep(POLL).await;
        Ok(())
    }
}
