//! The commit of one part: its ledger mark and all its increments, in one transaction or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use chrono::{DateTime, Utc};
use minutebook_domain::ledger::ChunkId;
use minutebook_domain::plan::{Part, Row};

use crate::cancellation::{MARK_POSITION, Verdict, verdict};
use crate::error::StorageError;
use crate::keys::{self, LANE_COUNT, Lane};
use crate::ledger::{ChunkHeader, Mark, mark_item, read_mark};

const SECONDS_PER_DAY: i64 = 86_400;

/// The first pause after a conflict or a throttle; it doubles with each attempt, and a random share of it is waited.
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

/// One part to commit.
#[derive(Clone, Copy, Debug)]
pub struct PartCommit<'a> {
    /// The chunk that it belongs to.
    pub chunk: &'a ChunkId,
    /// Which part of the plan, from 0.
    pub number: usize,
    /// What the mark says of the plan.
    pub mark: &'a Mark,
    /// What part 0 says of the chunk; `None` for every other part.
    pub header: Option<&'a ChunkHeader<'a>>,
    /// The rows and the hours that they lie in.
    pub part: &'a Part<'a>,
    /// The time that the mark records.
    pub now: DateTime<Utc>,
    /// How many days a minute row is kept after its minute; 0 is for ever.
    pub minute_retention_days: u32,
}

/// What became of a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PartOutcome {
    /// It is counted now.
    Committed,
    /// It was counted before, under this mark.
    CountedBefore(Mark),
}

/// How a commit went, for the log.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct CommitEffort {
    /// Transactions that another transaction was in the way of.
    pub conflicts: u32,
    /// Transactions that a partition's limit refused.
    pub throttles: u32,
}

/// Where the rows of a part go in the next attempt.
struct Course {
    lane: Lane,
    /// The hours (by their place in the part) that are sealed.
    sealed: BTreeSet<usize>,
    /// How often a row (by its place in the part) was refused as too large.
    spills: BTreeMap<usize, u32>,
}

impl Table {
    /// Commits one part, trying again on other lanes, later or in spill rows as the table asks, for as long as the caller
    /// waits: dropping the future is safe at any point.
    ///
    /// **Guarantees**: the mark and the increments happen together, once: a reply that was lost is found out by the
    /// next attempt, which meets the mark.
    ///
    /// **Errors**: [`StorageError::Unavailable`] if a later try may succeed; the part may have been counted all the same.
    /// Others will not pass by themselves.
    pub async fn commit(
        &self,
        commit: &PartCommit<'_>,
        effort: &mut CommitEffort,
    ) -> Result<PartOutcome, StorageError> {
        let mut course = Course { lane: Lane::Number(0), sealed: BTreeSet::new(), spills: BTreeMap::new() };
        let mut attempts: u32 = 0;
        loop {
            attempts += 1;
            let (actions, checked_hours) = self.transaction(commit, &course)?;
            let reasons = match self.client.transact_write_items().set_transact_items(Some(actions)).send().await {
                Ok(_) => return Ok(PartOutcome::Committed),
                Err(error) => cancellation_reasons(error)?,
            };
            match verdict(&reasons, checked_hours.len()) {
                Verdict::CountedBefore => return counted_before(&reasons, commit),
                Verdict::Conflict => {
                    effort.conflicts += 1;
                    course.lane = Lane::Number(rand::random_range(0..LANE_COUNT));
                    pause(attempts).await;
                }
                Verdict::Throttled => {
                    effort.throttles += 1;
                    pause(attempts).await;
                }
                Verdict::Sealed(checks) => {
                    course.sealed.extend(checks.into_iter().filter_map(|check| checked_hours.get(check).copied()));
                }
                Verdict::TooLarge(rows) => {
                    for row in rows {
                        *course.spills.entry(row).or_default() += 1;
                    }
                }
                Verdict::Refused(reason) => {
                    return Err(StorageError::Refused { call: "TransactWriteItems", reason });
                }
            }
        }
    }

    /// The actions of a part: the mark, a seal check for each hour that is not known to be sealed, the rows. Gives the
    /// places of the hours that are checked, too.
    fn transaction(
        &self,
        commit: &PartCommit<'_>,
        course: &Course,
    ) -> Result<(Vec<TransactWriteItem>, Vec<usize>), StorageError> {
        let part = commit.part;
        let mut actions = Vec::with_capacity(1 + part.hours.len() + part.rows.len());
        actions.push(self.mark_action(commit)?);
        let mut checked_hours = vec![];
        for (place, (site, hour)) in part.hours.iter().enumerate() {
            if course.sealed.contains(&place) {
                continue;
            }
            checked_hours.push(place);
            let check = ConditionCheck::builder()
                .table_name(&self.name)
                .key(keys::PARTITION_KEY, AttributeValue::S(keys::seal_partition(site, *hour)))
                .key(keys::SORT_KEY, AttributeValue::S(course.lane.to_string()))
                .condition_expression("attribute_not_exists(#pk)")
                .expression_attribute_names("#pk", keys::PARTITION_KEY)
                .build()
                .map_err(incomplete)?;
            actions.push(TransactWriteItem::builder().condition_check(check).build());
        }
        for (place, row) in part.rows.iter().enumerate() {
            let hour = (row.site, row.minute.hour());
            let is_sealed = course.sealed.iter().any(|sealed| part.hours.get(*sealed) == Some(&hour));
            let lane = if is_sealed { Lane::Late } else { course.lane };
            let spill = course.spills.get(&place).copied().unwrap_or(0);
            actions.push(self.row_action(row, lane, spill, time_to_live(row, commit.minute_retention_days))?);
        }
        Ok((actions, checked_hours))
    }

    fn mark_action(&self, commit: &PartCommit<'_>) -> Result<TransactWriteItem, StorageError> {
        let item = mark_item(commit.chunk, commit.number, commit.mark, commit.header, commit.now);
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn row_action(
        &self,
        row: &Row<'_>,
        lane: Lane,
        spill: u32,
        time_to_live: Option<i64>,
    ) -> Result<TransactWriteItem, StorageError> {
        let sort_key = keys::minute_row(row.measure, row.minute.of_hour(), lane, row.slot, spill);
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
        if let Some(time_to_live) = time_to_live {
            expression.push_str(" SET #ttl=:ttl");
            names.insert("#ttl".to_string(), keys::TIME_TO_LIVE.to_string());
            values.insert(":ttl".to_string(), AttributeValue::N(time_to_live.to_string()));
        }
        let update = Update::builder()
            .table_name(&self.name)
            .key(keys::PARTITION_KEY, AttributeValue::S(keys::tally_partition(row.site, row.minute.hour())))
            .key(keys::SORT_KEY, AttributeValue::S(sort_key))
            .update_expression(expression)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(incomplete)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// When a minute row may be deleted, in seconds since 1970; `None` is never.
fn time_to_live(row: &Row<'_>, retention_days: u32) -> Option<i64> {
    (retention_days > 0).then(|| row.minute.epoch_seconds() + i64::from(retention_days) * SECONDS_PER_DAY)
}

fn cancellation_reasons(error: SdkError<TransactWriteItemsError>) -> Result<Vec<CancellationReason>, StorageError> {
    match error {
        SdkError::ServiceError(context) if context.err().is_transaction_canceled_exception() => {
            match context.into_err() {
                TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                    Ok(cancelled.cancellation_reasons.unwrap_or_default())
                }
                other => Err(StorageError::Refused { call: "TransactWriteItems", reason: other.to_string() }),
            }
        }
        other => Err(StorageError::from_sdk("TransactWriteItems", other)),
    }
}

/// The mark that stood in the way comes with the reason.
fn counted_before(reasons: &[CancellationReason], commit: &PartCommit<'_>) -> Result<PartOutcome, StorageError> {
    let item =
        reasons.get(MARK_POSITION).and_then(CancellationReason::item).ok_or_else(|| StorageError::Malformed {
            row: format!("{} / {}", keys::ledger_partition(commit.chunk), keys::ledger_part(commit.number)),
            reason: "the table did not return the mark that stands there".to_string(),
        })?;
    Ok(PartOutcome::CountedBefore(read_mark(item)?))
}

fn incomplete(error: aws_sdk_dynamodb::error::BuildError) -> StorageError {
    StorageError::Refused { call: "building a transaction", reason: error.to_string() }
}

/// Waits a random share of a pause that doubles with each attempt, so that workers that collided part.
async fn pause(attempts: u32) {
    let doubled = PAUSE_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(PAUSE_MAX);
    tokio::time::sleep(doubled.mul_f64(rand::random_range(0.0..1.0))).await;
}
