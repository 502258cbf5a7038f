//! The commit of one part: its ledger entry and all its increments, in one transaction or not at
//! all.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use chrono::{DateTime, Utc};
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::plan::Part;
use minutebook_domain::time::Hour;
use minutebook_domain::time::lateness::is_closed;

use crate::cancellation::{ENTRY_POSITION, Verdict, cancellation_reasons, verdict};
use crate::chunk::file::{file_actions, read_counted_as};
use crate::chunk::ledger::{ChunkHeader, LedgerEntry, entry_item, read_entry};
use crate::chunk::sites::add_sites;
use crate::chunk::totals::{totals_action, totals_shard};
use crate::committer::{CommitEffort, Committer};
use crate::error::StorageError;
use crate::keys::{EntryName, SHARD_COUNT, Shard, TOTALS_SHARDS};
use crate::retry::Backoff;
use crate::table::{Item, new_row_action};
use crate::visitors::{VisitorsBySecret, rolled_up};

/// One part to commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartCommit<'a> {
    /// The chunk that it belongs to.
    pub(crate) chunk: &'a ChunkId,
    /// The number of the part in the plan, from 0.
    pub(crate) number: usize,
    /// What the ledger entry says about the plan; the commit fills in `late_parts`.
    pub(crate) entry: &'a LedgerEntry,
    /// What part 0 records about the chunk of an object; `None` for every other part.
    pub(crate) header: Option<&'a ChunkHeader<'a>>,
    /// The rows and their hours.
    pub(crate) part: &'a Part<'a>,
    /// The sites that the entry names; none for the sums of a sealed hour.
    pub(crate) sites: &'a BTreeSet<&'a str>,
    /// The visitors of the chunk; those of the part's hours go with its late form.
    pub(crate) visitors: &'a VisitorsBySecret,
    /// The current time: it decides which hours are closed, and the ledger entry records it.
    pub(crate) now: DateTime<Utc>,
}

/// The result of the commit of a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PartOutcome {
    /// This call committed it, or its last transaction.
    Committed,
    /// It was counted before, under this ledger entry.
    AlreadyCounted(LedgerEntry),
    /// Another version of the file was counted after the chunk was planned; nothing was written.
    OtherVersion,
    /// This chunk of another file has counted the same bytes; nothing was written.
    CopyOf(String),
}

/// The result of a transaction.
enum Ended {
    Committed,
    AlreadyCounted(LedgerEntry),
    OtherVersion,
    CopyOf(String),
    /// One of its hours is sealed.
    Sealed,
}

/// Where the rows of a transaction go in the next attempt.
struct Attempt {
    shard: Shard,
    /// The row of the totals, if the transaction adds to them.
    totals_shard: u64,
    /// The overflow row of each row (by its place in the part) that was refused as too large.
    overflows: BTreeMap<usize, u32>,
}

impl Committer {
    /// Commits one part. It retries on other shards, after a pause or in overflow rows, as the
    /// table demands, for as long as the caller waits: dropping the future is safe at any point. An
    /// open part with an hour that is closed or sealed takes its late form, which can have several
    /// transactions.
    ///
    /// **Guarantees**: a ledger entry and the increments that it covers happen together, once. If a
    /// reply is lost, the next attempt meets the ledger entry. A part is committed either to open
    /// shards or in its late form; both have the same first ledger entry, which says which.
    /// Whoever meets the ledger entry of a late form finishes it, so the part is whole when this
    /// returns, unless the ledger entry is of another plan, which the caller has to check first.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. The part may be counted nevertheless.
    pub(crate) async fn commit_part(
        &self,
        commit: &PartCommit<'_>,
        effort: &mut CommitEffort,
    ) -> Result<PartOutcome, StorageError> {
        if !commit.part.hours.iter().any(|(_, hour)| is_closed(*hour, commit.now)) {
            for (site, hour) in &commit.part.hours {
                self.list_once(site, *hour).await?;
            }
            let name = EntryName { part: commit.number, late: 0 };
            match self.transact(commit, name, effort).await? {
                Ended::Committed => return Ok(PartOutcome::Committed),
                Ended::AlreadyCounted(found) if found.late_parts.is_none() => {
                    return Ok(PartOutcome::AlreadyCounted(found));
                }
                Ended::OtherVersion => return Ok(PartOutcome::OtherVersion),
                Ended::CopyOf(chunk) => return Ok(PartOutcome::CopyOf(chunk)),
                // Sealed, or begun in its late form by another attempt.
                Ended::AlreadyCounted(_) | Ended::Sealed => {}
            }
        }
        self.commit_late_form(commit, effort).await
    }

    async fn commit_late_form(
        &self,
        commit: &PartCommit<'_>,
        effort: &mut CommitEffort,
    ) -> Result<PartOutcome, StorageError> {
        // Visitors come before the ledger entries here too.
        let is_of_part = |site: &str, hour: Hour| commit.part.hours.contains(&(site, hour));
        self.merge_visitors(commit.chunk, &rolled_up(commit.visitors, is_of_part)).await?;
        let is_of_file = commit.header.is_some_and(|header| header.file.is_some());
        let parts = commit.part.late_form(is_of_file);
        let entry = LedgerEntry { late_parts: Some(parts.len()), ..commit.entry.clone() };
        let mut outcome = PartOutcome::Committed;
        for (late, part) in parts.iter().enumerate() {
            let header = commit.header.filter(|_| late == 0);
            let name = EntryName { part: commit.number, late };
            outcome = match self
                .transact(&PartCommit { entry: &entry, header, part, ..*commit }, name, effort)
                .await?
            {
                Ended::Committed => PartOutcome::Committed,
                // Counted by another plan, or in the shards: there is nothing to finish.
                Ended::AlreadyCounted(found) if late == 0 && found != entry => {
                    return Ok(PartOutcome::AlreadyCounted(found));
                }
                Ended::AlreadyCounted(found) => PartOutcome::AlreadyCounted(found),
                Ended::OtherVersion => return Ok(PartOutcome::OtherVersion),
                Ended::CopyOf(chunk) => return Ok(PartOutcome::CopyOf(chunk)),
                Ended::Sealed => {
                    let reason =
                        "a late part was taken for a sealed one, although it has no seal check"
                            .to_string();
                    return Err(StorageError::Refused { call: "TransactWriteItems", reason });
                }
            };
        }
        Ok(outcome)
    }

    /// Retries one transaction until its ledger entry exists. It has the ledger entry, the seal
    /// checks of the part's hours, the part's rows and, in the first transaction of an object's
    /// chunk, the totals and the rows of a file.
    async fn transact(
        &self,
        commit: &PartCommit<'_>,
        name: EntryName,
        effort: &mut CommitEffort,
    ) -> Result<Ended, StorageError> {
        let has_shards = commit.part.is_open();
        let shard = if has_shards { Shard::Number(0) } else { Shard::Late };
        let mut attempt =
            Attempt { shard, totals_shard: totals_shard(commit.chunk), overflows: BTreeMap::new() };
        let mut backoff = Backoff::new();
        loop {
            let actions = self.actions(commit, name, &attempt)?;
            let send =
                self.table.client.transact_write_items().set_transact_items(Some(actions)).send();
            let reasons = match send.await {
                Ok(_) => return Ok(Ended::Committed),
                Err(error) => cancellation_reasons(error)?,
            };
            match verdict(&reasons, commit.part.hours.len(), commit.part.rows.len()) {
                Verdict::AlreadyCounted => {
                    let found = read_entry(found_item(&reasons, ENTRY_POSITION)?)?;
                    return Ok(Ended::AlreadyCounted(found));
                }
                Verdict::Sealed => return Ok(Ended::Sealed),
                Verdict::OtherVersion => return Ok(Ended::OtherVersion),
                Verdict::Copy(position) => {
                    return Ok(Ended::CopyOf(read_counted_as(found_item(&reasons, position)?)?));
                }
                Verdict::Conflict => {
                    effort.conflicts += 1;
                    attempt.totals_shard = fastrand::u64(0..TOTALS_SHARDS);
                    if has_shards {
                        attempt.shard = Shard::Number(fastrand::u8(0..SHARD_COUNT));
                    }
                    backoff.pause().await;
                }
                Verdict::Throttled => {
                    effort.throttles += 1;
                    backoff.pause().await;
                }
                Verdict::TooLarge(rows) => {
                    for row in rows {
                        *attempt.overflows.entry(row).or_default() += 1;
                    }
                }
                Verdict::Refused(reason) => {
                    return Err(StorageError::Refused { call: "TransactWriteItems", reason });
                }
            }
        }
    }

    fn actions(
        &self,
        commit: &PartCommit<'_>,
        name: EntryName,
        attempt: &Attempt,
    ) -> Result<Vec<TransactWriteItem>, StorageError> {
        let part = commit.part;
        let mut actions = Vec::with_capacity(2 + part.hours.len() + part.rows.len());
        actions.push(self.entry_action(commit, name)?);
        for (site, hour) in &part.hours {
            actions.push(self.table.seal_check(site, *hour, attempt.shard)?);
        }
        for (place, row) in part.rows.iter().enumerate() {
            let overflow = attempt.overflows.get(&place).copied().unwrap_or(0);
            actions.push(self.table.row_action(row, attempt.shard, overflow, self.retention)?);
        }
        if let Some(header) = commit.header {
            let totals = totals_action(&self.table.name, attempt.totals_shard, header, commit.now);
            actions.push(totals?);
            if let Some(rows) = &header.file {
                let object = (header.bucket, header.key);
                actions.extend(file_actions(&self.table.name, commit.chunk, object, rows)?);
            }
        }
        Ok(actions)
    }

    fn entry_action(
        &self,
        commit: &PartCommit<'_>,
        name: EntryName,
    ) -> Result<TransactWriteItem, StorageError> {
        let mut item = entry_item(commit.chunk, name, commit.entry, commit.header, commit.now);
        add_sites(&mut item, commit.sites);
        new_row_action(&self.table.name, item)
    }
}

/// The row that exists, which DynamoDB returns with the reason.
fn found_item(reasons: &[CancellationReason], position: usize) -> Result<&Item, StorageError> {
    reasons.get(position).and_then(CancellationReason::item).ok_or_else(|| {
        let reason = "the table did not return the row that exists".to_string();
        StorageError::Refused { call: "TransactWriteItems", reason }
    })
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
