//! How many hours a run works on at once: so many that a run carries the hours of thousands of
//! sites, and so few that their sums fit into the memory of the function.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// The number of hours that are worked on at once. While its rows are read, or its sums are
/// written, an hour takes up to 16 MB; see [`LARGE_HOUR_COUNTERS`].
const HOURS_AT_ONCE: usize = 32;

/// The counters of a large hour. In the rows of four periods a counter takes about 300 bytes.
const LARGE_HOUR_COUNTERS: usize = 50_000;

/// The number of large hours that are written at once.
const LARGE_HOURS_AT_ONCE: usize = 2;

/// When an hour counts as slow: most take less than a second.
const SLOW_AFTER: Duration = Duration::from_secs(10);

/// The number of slow hours that are worked on beside the others. Any more are left to the next
/// run, which continues from their ledger entries.
const SLOW_HOURS_AT_ONCE: usize = 8;

/// The places for hours of a run.
#[derive(Debug)]
pub(crate) struct Places {
    usual: Semaphore,
    slow: Semaphore,
    large: Semaphore,
    slow_after: Duration,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            usual: Semaphore::new(HOURS_AT_ONCE),
            slow: Semaphore::new(SLOW_HOURS_AT_ONCE),
            large: Semaphore::new(LARGE_HOURS_AT_ONCE),
            slow_after: SLOW_AFTER,
        }
    }
}

impl Places {
    /// The number of hours that can be under way.
    pub(crate) const HOURS_MAX: usize = HOURS_AT_ONCE + SLOW_HOURS_AT_ONCE;

    /// Works on an hour. One that is slow, as of a site whose partitions are at their limit, makes
    /// room for another one; `None` if too many are slow and it was cut off.
    pub(crate) async fn work<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let place = self.usual.acquire().await.ok()?;
        let mut work = pin!(work);
        if let Ok(done) = tokio::time::timeout(self.slow_after, &mut work).await {
            return Some(done);
        }
        let _slow_place = self.slow.try_acquire().ok()?;
        drop(place);
        Some(work.await)
    }

    /// A place for the sums of an hour with so many counters; those of most need none of their own.
    pub(crate) async fn place_for(&self, counters: usize) -> Option<SemaphorePermit<'_>> {
        if counters <= LARGE_HOUR_COUNTERS {
            return None;
        }
        self.large.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    use futures::poll;

    fn places(usual: usize, slow: usize) -> Places {
        Places {
            usual: Semaphore::new(usual),
            slow: Semaphore::new(slow),
            slow_after: Duration::ZERO,
            ..Places::default()
        }
    }

    #[tokio::test]
    async fn hours_that_hang_do_not_keep_others_waiting() {
        let places = places(1, 1);
        let mut hanging = pin!(places.work(pending::<()>()));
        // It has the only usual place, and moves to the slow one.
        while places.slow.available_permits() > 0 {
            assert!(poll!(&mut hanging).is_pending());
            tokio::task::yield_now().await;
        }
        assert_eq!(places.work(ready(1)).await, Some(1));
        // There is no place for a second slow one.
        assert_eq!(places.work(pending::<()>()).await, None);
        assert_eq!(places.work(ready(2)).await, Some(2));
        assert!(poll!(&mut hanging).is_pending());
    }

    #[tokio::test]
    async fn only_large_hours_wait_for_each_other() {
        let places = Places { large: Semaphore::new(1), ..Places::default() };
        let place = places.place_for(LARGE_HOUR_COUNTERS + 1).await;
        assert!(place.is_some() && places.place_for(LARGE_HOUR_COUNTERS).await.is_none());
        let mut second = pin!(places.place_for(LARGE_HOUR_COUNTERS + 1));
        assert!(poll!(&mut second).is_pending());
        drop(place);
        assert!(second.await.is_some());
    }
}
