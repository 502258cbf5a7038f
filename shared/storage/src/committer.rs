//! What every commit needs: the table, the retention, and the hours that this process has listed.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use minutebook_domain::time::period::Retention;
use minutebook_domain::time::{DayRange, Hour};

use crate::error::StorageError;
use crate::site::admission::{Admission, KnownSites};
use crate::table::Table;

/// The number of open hours that a process remembers to have listed; beyond, it lists them again.
const LISTED_HOURS_MAX: usize = 10_000;

/// Commits chunks to the table. `chunk/commit.rs` has the protocol.
#[derive(Debug)]
pub struct Committer {
    /// The table.
    pub table: Table,
    /// How long rows are kept.
    pub retention: Retention,
    /// The hours that this process has put on the list of open hours.
    listed: Mutex<HashSet<(String, Hour)>>,
    /// The sites that this process has registered or found.
    sites: KnownSites,
}

/// What commits did and met, known even of one that was cut off.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct CommitEffort {
    /// Parts that were committed.
    pub parts_committed: usize,
    /// Transactions that conflicted with another one.
    pub conflicts: u32,
    /// Transactions that a partition's limit refused.
    pub throttles: u32,
}

impl Committer {
    /// A committer that has listed no hour yet.
    pub fn new(table: Table, retention: Retention) -> Committer {
        Committer { table, retention, listed: Mutex::default(), sites: KnownSites::default() }
    }

    /// Makes sure that the deployment has a registry of sites, once a process. This must come
    /// before anything is committed: the registry says whether anything was before it.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn begin_registry(&self, now: DateTime<Utc>) -> Result<(), StorageError> {
        self.sites.begin(&self.table, now).await
    }

    /// Registers the sites of a chunk, whose settings were read then, with the days for which it
    /// counts anything. `sites_max` 0 is no bound.
    ///
    /// **Guarantees**: whether a site is refused under a bound never changes. Nothing is read or
    /// written for sites and days that this process knows.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn admit_sites(
        &self,
        sites: &BTreeMap<&str, DayRange>,
        sites_max: u32,
        settings_read_at: Instant,
        now: DateTime<Utc>,
    ) -> Result<Admission, StorageError> {
        self.sites.admit(&self.table, sites, sites_max, settings_read_at, now).await
    }

    /// Puts an hour on the list of open hours before its first row is written; sealing and readers
    /// find it there.
    pub(crate) async fn list_once(&self, site: &str, hour: Hour) -> Result<(), StorageError> {
        let entry = (site.to_string(), hour);
        if self.listed().contains(&entry) {
            return Ok(());
        }
        self.table.list_open(site, hour).await?;
        let mut listed = self.listed();
        if listed.len() >= LISTED_HOURS_MAX {
            listed.clear();
        }
        listed.insert(entry);
        Ok(())
    }

    fn listed(&self) -> MutexGuard<'_, HashSet<(String, Hour)>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
