//! The order book: what is known about each order, and the counters of its contribution, changed
//! together.
//!
//! What a chunk reports about an order is merged with what is known about it. Merging an event
//! twice, or in another order, changes nothing, so the row of the order is its ledger: a chunk that
//! is counted again, in part or as a whole, changes nothing.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use chrono::{DateTime, Utc};
use minutebook_domain::count::measure::Measure;
use minutebook_domain::order::changes::{OrderChange, OrderPart, WriteContext};
use minutebook_domain::order::contribution::Counted;
use minutebook_domain::order::facts::{OrderFacts, OrderId, Orders};
use minutebook_domain::order::transition::OrderState;
use minutebook_domain::plan::Row;
use minutebook_domain::time::lateness::is_closed;
use minutebook_domain::time::period::Period;
use minutebook_domain::time::{Hour, QuartersBySite};

use crate::cancellation::{OrderObstacles, cancellation_reasons, order_obstacles};
use crate::committer::{CommitEffort, Committer};
use crate::error::StorageError;
use crate::keys::{self, SHARD_COUNT, Shard};
use crate::order::recent::recent_item;
use crate::order::rows::{KnownOrder, order_item};
use crate::retry::Backoff;
use crate::table::{BATCH_READS_MAX, BATCH_WRITES_MAX, Consistency, put_request};

/// The size of the names and keys of an order's row, without what is known about the order, in
/// bytes.
const ORDER_ROW_BYTES: usize = 400;

/// What a chunk reports about an order.
type Reported<'a> = (&'a OrderId, &'a OrderFacts);

/// An order of which the counters lack something.
struct ChangedOrder<'a> {
    order: &'a OrderId,
    reported: &'a OrderFacts,
    before: KnownOrder,
    after: OrderFacts,
}

/// What one transaction writes of an order.
struct Step<'s, 'a> {
    changed: &'s ChangedOrder<'a>,
    state: OrderState<'s>,
}

/// What an attempt left of a batch.
struct Written<'a> {
    /// The orders of which the counters still lack something.
    unfinished: Vec<Reported<'a>>,
    /// Whether a transaction was cancelled, so that a pause helps.
    had_obstacles: bool,
}

/// How the orders of a batch are written in the next attempt.
struct Attempt {
    shard: Shard,
    sealed: HashSet<(String, Hour)>,
    /// The overflow row of each row that was refused as too large.
    overflows: HashMap<RowName, u32>,
}

/// A row without its shard: when one shard of a row is full, all of them continue in the next
/// overflow row, a little early for some.
type RowName = (String, Period, Measure, u32);

impl Committer {
    /// Merges what a chunk reports about orders with what is known about them, and changes their
    /// contributions to the counters, those of `quarters` included. It retries for as long as the
    /// caller waits: dropping the future is safe at any point.
    ///
    /// **Guarantees**: an order's row and the counters of its contribution change together.
    /// Idempotent, and safe to call several times at once: a transaction is conditional on the
    /// revision of each of its orders. If a reply is lost, the next attempt reads the order again
    /// and finds nothing to change.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. Some orders may be written
    /// nevertheless.
    pub(crate) async fn commit_orders(
        &self,
        orders: &Orders,
        quarters: &QuartersBySite,
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
        effort: &mut CommitEffort,
    ) -> Result<(), StorageError> {
        let mut reported: Vec<Reported<'_>> = orders.iter().collect();
        // Orders of one minute add to the same rows, so they should share a transaction.
        reported.sort_by_key(|(order, facts)| (&order.site, facts.first_minute(), &order.id));
        for batch in reported.chunks(BATCH_READS_MAX) {
            self.commit_batch(batch.to_vec(), quarters, now, effort).await?;
        }
        Ok(())
    }

    async fn commit_batch(
        &self,
        mut waiting: Vec<Reported<'_>>,
        quarters: &QuartersBySite,
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
        effort: &mut CommitEffort,
    ) -> Result<(), StorageError> {
        let mut attempt =
            Attempt { shard: Shard::Number(0), sealed: HashSet::new(), overflows: HashMap::new() };
        let mut backoff = Backoff::new();
        loop {
            let changed = self.changed(&waiting).await?;
            let now = now();
            self.list_recent(&changed, now).await?;
            let written = self.write(&changed, quarters, now, &mut attempt, effort).await?;
            if written.unfinished.is_empty() {
                return Ok(());
            }
            waiting = written.unfinished;
            if written.had_obstacles {
                backoff.pause().await;
            } else {
                backoff = Backoff::new();
            }
        }
    }

    /// The reported orders of which the counters lack something, ascending by site and minute.
    async fn changed<'a>(
        &self,
        reported: &[Reported<'a>],
    ) -> Result<Vec<ChangedOrder<'a>>, StorageError> {
        let ids: Vec<&OrderId> = reported.iter().map(|(order, _)| *order).collect();
        let known = self.table.read_orders(&ids, Consistency::Strong).await?;
        let mut changed = Vec::with_capacity(reported.len());
        for ((order, reported), known) in reported.iter().zip(known) {
            let before = known.unwrap_or_else(|| KnownOrder {
                facts: OrderFacts::default(),
                counted: Counted::Refunds(0),
                revision: 0,
            });
            let mut after = before.facts.clone();
            after.merge((*reported).clone());
            if before.state() != OrderState::all_of(&after) {
                changed.push(ChangedOrder { order, reported, before, after });
            }
        }
        changed.sort_by_key(|changed| {
            (&changed.order.site, changed.after.first_minute(), &changed.order.id)
        });
        Ok(changed)
    }

    /// Lists orders among the recent ones before they count. Readers of the list also read the
    /// order rows, and skip orders that were not placed at the listed time, so these puts need
    /// neither a condition nor a transaction.
    async fn list_recent(
        &self,
        changed: &[ChangedOrder<'_>],
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let mut puts = Vec::new();
        for ChangedOrder { order, before, after, .. } in changed {
            let placed_at = after.placed_at().filter(|at| before.facts.placed_at() != Some(*at));
            let item = placed_at.and_then(|at| recent_item(order, at, self.retention, now));
            if let Some(item) = item {
                puts.push(put_request(item)?);
            }
        }
        for batch in puts.chunks(BATCH_WRITES_MAX) {
            self.table.write_batch(batch.to_vec()).await?;
        }
        Ok(())
    }

    /// Writes changed orders in as few transactions as fit them.
    async fn write<'a>(
        &self,
        changed: &[ChangedOrder<'a>],
        quarters: &QuartersBySite,
        now: DateTime<Utc>,
        attempt: &mut Attempt,
        effort: &mut CommitEffort,
    ) -> Result<Written<'a>, StorageError> {
        let is_open = |site: &str, hour| {
            !is_closed(hour, now) && !attempt.sealed.contains(&(site.to_string(), hour))
        };
        let context = WriteContext {
            now,
            retention: self.retention,
            is_open: &is_open,
            has_quarters: &|site, hour| quarters.contains(site, hour),
        };
        let steps: Vec<Step<'_, 'a>> =
            changed.iter().map(|changed| Step::of(changed, &context)).collect();
        let changes: Vec<OrderChange<'_>> =
            steps.iter().map(|step| step.changed.change_to(step.state)).collect();
        let parts = OrderPart::cut(&changes, &context);
        let mut written = Written { unfinished: vec![], had_obstacles: false };
        for part in &parts {
            for (site, hour) in &part.hours {
                self.list_once(site, *hour).await?;
            }
            let steps = steps.get(part.orders.clone()).unwrap_or_default();
            let obstacles = self.transact_orders(steps, part, attempt).await?;
            if let Some(obstacles) = &obstacles {
                attempt.avoid(obstacles, part, effort);
                written.had_obstacles = true;
            }
            let is_unfinished = |step: &&Step<'_, 'a>| obstacles.is_some() || !step.is_last();
            let unfinished = steps.iter().filter(is_unfinished);
            let reported = unfinished.map(|step| (step.changed.order, step.changed.reported));
            written.unfinished.extend(reported);
        }
        Ok(written)
    }

    /// Sends one transaction; returns why it was cancelled, if it was.
    async fn transact_orders(
        &self,
        steps: &[Step<'_, '_>],
        part: &OrderPart<'_>,
        attempt: &Attempt,
    ) -> Result<Option<OrderObstacles>, StorageError> {
        let mut actions = Vec::with_capacity(steps.len() + part.hours.len() + part.rows.len());
        for step in steps {
            actions.push(self.order_action(step)?);
        }
        for (site, hour) in &part.hours {
            actions.push(self.table.seal_check(site, *hour, attempt.shard)?);
        }
        for row in &part.rows {
            let shard = match part.is_open(row) {
                true => attempt.shard.for_orders(row.measure),
                false => Shard::Late,
            };
            let overflow = attempt.overflows.get(&row_name(row)).copied().unwrap_or(0);
            actions.push(self.table.row_action(row, shard, overflow, self.retention)?);
        }
        let send =
            self.table.client.transact_write_items().set_transact_items(Some(actions)).send();
        let reasons = match send.await {
            Ok(_) => return Ok(None),
            Err(error) => cancellation_reasons(error)?,
        };
        match order_obstacles(&reasons, steps.len(), part.hours.len()) {
            Ok(obstacles) => Ok(Some(obstacles)),
            Err(reason) => {
                Err(StorageError::Refused { call: "TransactWriteItems of orders", reason })
            }
        }
    }

    /// The action that puts an order's row, on the condition that its revision is the one that was
    /// read.
    fn order_action(&self, step: &Step<'_, '_>) -> Result<TransactWriteItem, StorageError> {
        let revision = step.changed.before.revision;
        let item = order_item(step.changed.order, step.state, revision + 1);
        let put = Put::builder().table_name(&self.table.name).set_item(Some(item));
        let put = match revision {
            0 => put
                .condition_expression("attribute_not_exists(#pk)")
                .expression_attribute_names("#pk", keys::PARTITION_KEY),
            _ => put
                .condition_expression("#revision = :revision")
                .expression_attribute_names("#revision", keys::REVISION)
                .expression_attribute_values(":revision", AttributeValue::N(revision.to_string())),
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(StorageError::from_build)?).build())
    }
}

impl ChangedOrder<'_> {
    fn change_to<'a>(&'a self, state: OrderState<'a>) -> OrderChange<'a> {
        let OrderState { facts, counted } = self.before.state();
        OrderChange {
            site: &self.order.site,
            before: facts.contribution_of(counted),
            after: state.facts.contribution_of(state.counted),
            row_bytes: ORDER_ROW_BYTES + state.facts.bytes(),
        }
    }
}

impl<'s, 'a> Step<'s, 'a> {
    fn of(changed: &'s ChangedOrder<'a>, context: &WriteContext<'_>) -> Step<'s, 'a> {
        let fits = |state| changed.change_to(state).fits(context);
        Step { changed, state: changed.before.state().next(&changed.after, fits) }
    }

    fn is_last(&self) -> bool {
        self.state == OrderState::all_of(&self.changed.after)
    }
}

impl Attempt {
    fn avoid(
        &mut self,
        obstacles: &OrderObstacles,
        part: &OrderPart<'_>,
        effort: &mut CommitEffort,
    ) {
        effort.conflicts += u32::from(obstacles.has_conflict || obstacles.has_other_revision);
        effort.throttles += u32::from(obstacles.is_throttled);
        if obstacles.has_conflict {
            self.shard = Shard::Number(fastrand::u8(0..SHARD_COUNT));
        }
        for (site, hour) in obstacles.sealed.iter().filter_map(|check| part.hours.get(*check)) {
            self.sealed.insert(((*site).to_string(), *hour));
        }
        for row in obstacles.too_large.iter().filter_map(|row| part.rows.get(*row)) {
            *self.overflows.entry(row_name(row)).or_default() += 1;
        }
    }
}

fn row_name(row: &Row<'_>) -> RowName {
    (row.site.to_string(), row.period, row.measure, row.slot)
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
