//! Waiting for what comes true by itself: asking again and again, for so long and no longer.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::Instant;

/// How long the way from a bucket, a post or a stream to an answer may take here.
const TIME: Duration = Duration::from_secs(120);
/// How often is asked.
const POLL: Duration = Duration::from_millis(100);

/// The time that is left to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Instant);

impl Patience {
    /// Begins to wait.
    pub(crate) fn new() -> Patience {
        Patience(Instant::now() + TIME)
    }

    /// Waits until it is time to ask again.
    ///
    /// # Errors
    ///
    /// If it took too long: `state` says how things are.
    pub(crate) async fn wait(self, state: impl FnOnce() -> String) -> Result<()> {
        ensure!(Instant::now() < self.0, "after {TIME:?}, {}", state());
        tokio::time::sleep(POLL).await;
        Ok(())
    }
}
