//! The commit of one part: its ledger entry and all its increments, in one transaction or not at
//! all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use chrono::{DateTime, Utc};
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::count::visitors::ChunkVisitors;
use minutebook_domain::plan::{Part, Row};
use minutebook_domain::time::Hour;
use minutebook_domain::time::lateness::is_closed;
use minutebook_domain::time::period::Retention;

use crate::cancellation::{ENTRY_POSITION, Verdict, verdict};
use crate::chunk::ledger::{ChunkHeader, EntryName, LedgerEntry, entry_item, read_entry};
use crate::chunk::totals::{TOTALS_SHARDS, totals_action, totals_shard};
use crate::error::StorageError;
use crate::keys::{self, SHARD_COUNT, Shard};

/// How many open hours a process remembers to have listed; beyond, it lists them again.
const LISTED_HOURS_MAX: usize = 10_000;

/// The first pause after a conflict or a throttle; it doubles with each attempt, and a random share
/// of it is waited.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The table.
#[derive(Clone, Debug)]
pub struct Table {
    /// The DynamoDB client.
    pub client: Client,
    /// The table's name.
    pub name: String,
}

/// Commits parts to the table.
#[derive(Debug)]
pub struct Committer {
    /// The table.
    pub table: Table,
    /// For how long rows are kept.
    pub retention: Retention,
    /// The hours that this process has put among the open hours.
    listed: Mutex<HashSet<(String, Hour)>>,
}

/// One part to commit.
#[derive(Clone, Copy, Debug)]
pub struct PartCommit<'a> {
    /// The chunk that it belongs to.
    pub chunk: &'a ChunkId,
    /// Which part of the plan, from 0.
    pub number: usize,
    /// What the ledger entry says of the plan; its `late_parts` is filled in by the commit.
    pub entry: &'a LedgerEntry,
    /// What part 0 says of an object's chunk; `None` for every other part.
    pub header: Option<&'a ChunkHeader<'a>>,
    /// The rows and the hours that they lie in.
    pub part: &'a Part<'a>,
    /// Whom the chunk is of: the visitors of the part's hours go with its late form.
    pub visitors: &'a ChunkVisitors,
    /// The present: it says which hours are closed, and the ledger entry records it.
    pub now: DateTime<Utc>,
}

/// What became of a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PartOutcome {
    /// It is counted now, or its last transaction is.
    Committed,
    /// It was counted before, under this ledger entry.
    AlreadyCounted(LedgerEntry),
}

/// How a commit went, for the log.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct CommitEffort {
    /// Transactions that another transaction was in the way of.
    pub conflicts: u32,
    /// Transactions that a partition's limit refused.
    pub throttles: u32,
}

/// What became of a transaction.
enum Ended {
    Committed,
    AlreadyCounted(LedgerEntry),
    /// One of its hours is sealed.
    Sealed,
}

/// Where the rows of a transaction go in the next attempt.
struct Attempt {
    shard: Shard,
    /// The row of the totals, if the transaction bumps them.
    totals_shard: u64,
    /// How often a row (by its place in the part) was refused as too large.
    overflows: BTreeMap<usize, u32>,
}

impl Committer {
    /// A committer that has listed no hour yet.
    pub fn new(table: Table, retention: Retention) -> Committer {
        Committer { table, retention, listed: Mutex::default() }
    }

    /// Commits one part, trying again on other shards, later or in overflow rows as the table asks,
    /// for as long as the caller waits: dropping the future is safe at any point. An open part of
    /// which an hour is closed or sealed takes its late form, in as many transactions as that has.
    ///
    /// **Guarantees**: a ledger entry and the increments that it covers happen together, once: a
    /// reply that was lost is found out by the next attempt, which meets the ledger entry. A part
    /// is either committed to open shards or in its late form: its first ledger entry, which both
    /// have, says which. Whoever meets the ledger entry of a late form finishes it, so that a part
    /// is whole when this returns; unless the ledger entry is of another plan, which the caller has
    /// to look at first.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if a later try may succeed; the part may have been counted all
    /// the same. Others will not pass by themselves.
    pub async fn commit(
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
        // Before the ledger entries, as all of a chunk's visitors: whoever meets the ledger entries
        // need not look for them.
        let is_of_part = |site: &str, hour: Hour| commit.part.hours.contains(&(site, hour));
        self.merge_visitors(commit.chunk, &commit.visitors.rolled_up(is_of_part)).await?;
        let parts = commit.part.late_form();
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
                // Of another plan, or in the shards already: there is nothing to finish.
                Ended::AlreadyCounted(found) if late == 0 && found != entry => {
                    return Ok(PartOutcome::AlreadyCounted(found));
                }
                Ended::AlreadyCounted(found) => PartOutcome::AlreadyCounted(found),
                Ended::Sealed => {
                    let reason =
                        "a late part was taken for a sealed one, though it has no seal check"
                            .to_string();
                    return Err(StorageError::Refused { call: "TransactWriteItems", reason });
                }
            };
        }
        Ok(outcome)
    }

    /// Puts an hour among the open ones, before the first row of it is written: the sealer finds it
    /// by that.
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

    /// Carries one transaction through to its ledger entry: the ledger entry, the seal checks of
    /// the part's hours, its rows, and the totals if it is the first one of an object's chunk.
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
        let mut attempts: u32 = 0;
        loop {
            attempts += 1;
            let actions = self.actions(commit, name, &attempt)?;
            let send =
                self.table.client.transact_write_items().set_transact_items(Some(actions)).send();
            let reasons = match send.await {
                Ok(_) => return Ok(Ended::Committed),
                Err(error) => cancellation_reasons(error)?,
            };
            match verdict(&reasons, commit.part.hours.len()) {
                Verdict::AlreadyCounted => {
                    return Ok(Ended::AlreadyCounted(found_entry(&reasons, commit.chunk, name)?));
                }
                Verdict::Sealed => return Ok(Ended::Sealed),
                Verdict::Conflict => {
                    effort.conflicts += 1;
                    attempt.totals_shard = rand::random_range(0..TOTALS_SHARDS);
                    if has_shards {
                        attempt.shard = Shard::Number(rand::random_range(0..SHARD_COUNT));
                    }
                    pause(attempts).await;
                }
                Verdict::Throttled => {
                    effort.throttles += 1;
                    pause(attempts).await;
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
            actions.push(self.seal_check(site, *hour, attempt.shard)?);
        }
        for (place, row) in part.rows.iter().enumerate() {
            let overflow = attempt.overflows.get(&place).copied().unwrap_or(0);
            actions.push(self.row_action(row, attempt.shard, overflow)?);
        }
        if let Some(header) = commit.header {
            let totals = totals_action(&self.table.name, attempt.totals_shard, header, commit.now);
            actions.push(totals.map_err(incomplete)?);
        }
        Ok(actions)
    }

    /// Checks that a shard of an hour is not sealed.
    pub(crate) fn seal_check(
        &self,
        site: &str,
        hour: Hour,
        shard: Shard,
    ) -> Result<TransactWriteItem, StorageError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table.name)
            .key(keys::PARTITION_KEY, AttributeValue::S(keys::seal_partition(site, hour)))
            .key(keys::SORT_KEY, AttributeValue::S(shard.to_string()))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    fn entry_action(
        &self,
        commit: &PartCommit<'_>,
        name: EntryName,
    ) -> Result<TransactWriteItem, StorageError> {
        let item = entry_item(commit.chunk, name, commit.entry, commit.header, commit.now);
        let put = Put::builder()
            .table_name(&self.table.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Adds a row's counters.
    pub(crate) fn row_action(
        &self,
        row: &Row<'_>,
        shard: Shard,
        overflow: u32,
    ) -> Result<TransactWriteItem, StorageError> {
        let sort_key = keys::tally_row(row.measure, row.period, shard, row.slot, overflow);
        let mut expression = String::from("ADD ");
        let mut names = HashMap::with_capacity(row.counters.len() + 1);
        let mut values = HashMap::new();
        // Most counters add the same small number, so equal amounts share one placeholder.
        let mut placeholders = HashMap::new();
        for (number, (key, amount)) in row.counters.iter().enumerate() {
            if number > 0 {
                expression.push(',');
            }
            let next = placeholders.len();
            let placeholder = *placeholders.entry(*amount).or_insert(next);
            expression.push_str(&format!("#{number} :{placeholder}"));
            names.insert(format!("#{number}"), format!("{}{key}", keys::COUNTER_PREFIX));
            values.insert(format!(":{placeholder}"), AttributeValue::N(amount.to_string()));
        }
        if let Some(expires_at) = self.retention.expires_at(row.period) {
            expression.push_str(" SET #ttl=:ttl");
            names.insert("#ttl".to_string(), keys::TIME_TO_LIVE.to_string());
            values.insert(":ttl".to_string(), AttributeValue::N(expires_at.to_string()));
        }
        let update = Update::builder()
            .table_name(&self.table.name)
            .key(
                keys::PARTITION_KEY,
                AttributeValue::S(keys::tally_partition(row.site, row.period)),
            )
            .key(keys::SORT_KEY, AttributeValue::S(sort_key))
            .update_expression(expression)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// Why a transaction was cancelled.
///
/// # Errors
/// It failed in another way.
pub(crate) fn cancellation_reasons(
    error: SdkError<TransactWriteItemsError>,
) -> Result<Vec<CancellationReason>, StorageError> {
    match error {
        SdkError::ServiceError(context) if context.err().is_transaction_canceled_exception() => {
            match context.into_err() {
                TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                    Ok(cancelled.cancellation_reasons.unwrap_or_default())
                }
                other => Err(StorageError::Refused {
                    call: "TransactWriteItems",
                    reason: other.to_string(),
                }),
            }
        }
        other => Err(StorageError::from_sdk("TransactWriteItems", other)),
    }
}

/// The ledger entry that stood in the way comes with the reason.
fn found_entry(
    reasons: &[CancellationReason],
    chunk: &ChunkId,
    name: EntryName,
) -> Result<LedgerEntry, StorageError> {
    let item = reasons.get(ENTRY_POSITION).and_then(CancellationReason::item).ok_or_else(|| {
        StorageError::Malformed {
            row: format!("{} / {}", keys::ledger_partition(chunk), keys::ledger_entry(name)),
            reason: "the table did not return the entry that stands there".to_string(),
        }
    })?;
    read_entry(item)
}

pub(crate) fn incomplete(error: aws_sdk_dynamodb::error::BuildError) -> StorageError {
    StorageError::Refused { call: "building a transaction", reason: error.to_string() }
}

/// Waits a random share of a pause that doubles with each attempt, so that workers that collided
/// part.
pub(crate) async fn pause(attempts: u32) {
    let doubled =
        PAUSE_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(PAUSE_MAX);
    tokio::time::sleep(doubled.mul_f64(rand::random_range(0.0..1.0))).await;
}
