//! The order book: what is known of each order, and the counters that it stands for, changed
//! together.
//!
//! What a chunk says of an order is merged with what is known of it. The merge knows no order and
//! no repetition, so the order's own row is its ledger: a chunk that is counted again, in part or
//! as a whole, changes nothing any more.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{AttributeValue, Put, PutRequest, TransactWriteItem, WriteRequest};
use chrono::{DateTime, Utc};
use minutebook_domain::count::measure::Measure;
use minutebook_domain::order::changes::{OrderChange, OrderPart, WriteContext};
use minutebook_domain::order::facts::{OrderFacts, OrderId, Orders};
use minutebook_domain::plan::Row;
use minutebook_domain::time::lateness::is_closed;
use minutebook_domain::time::period::Period;
use minutebook_domain::time::{Hour, Minute};

use crate::cancellation::{OrderObstacles, order_obstacles};
use crate::chunk::commit::{CommitEffort, Committer, cancellation_reasons, incomplete, pause};
use crate::error::StorageError;
use crate::keys::{self, SHARD_COUNT, Shard};
use crate::open_hours::Consistency;
use crate::order::rows::{BATCH_READS_MAX, KnownOrder, order_item, recent_item};
use crate::visitors::BATCH_PUTS_MAX;

/// What the names and keys of an order's row take beside what is known of it, in bytes.
const ORDER_ROW_BYTES: usize = 400;

/// What a chunk says of an order.
type Told<'a> = (&'a OrderId, &'a OrderFacts);

/// An order of which more is known now.
struct ChangedOrder<'a> {
    order: &'a OrderId,
    told: &'a OrderFacts,
    before: KnownOrder,
    after: OrderFacts,
}

/// How the orders of a batch are written in the next attempt.
struct Attempt {
    shard: Shard,
    sealed: HashSet<(String, Hour)>,
    /// How often a row was refused as too large.
    overflows: HashMap<RowName, u32>,
}

/// Which row, but for its shard: the shards of a row are full together, or one of them is passed
/// over early.
type RowName = (String, Period, Measure, u32);

impl Committer {
    /// Merges what a chunk says of orders with what is known of them, and changes what they count
    /// for, trying again for as long as the caller waits: dropping the future is safe at any point.
    ///
    /// **Guarantees**: an order's row and the counters that it stands for change together.
    /// Idempotent; several at once do no harm: a transaction stands on the revision of each order
    /// that it was made from, and a reply that was lost is found out when the order is read again,
    /// for then there is nothing to change.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if a later try may succeed; some orders may be written all the
    /// same. Others will not pass by themselves.
    pub async fn commit_orders(
        &self,
        orders: &Orders,
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
        effort: &mut CommitEffort,
    ) -> Result<(), StorageError> {
        let mut told: Vec<Told<'_>> = orders.iter().collect();
        // Orders of one minute bump the same rows, so that they had better share a transaction.
        told.sort_by_key(|(order, facts)| (&order.site, first_minute(facts), &order.id));
        for batch in told.chunks(BATCH_READS_MAX) {
            self.commit_batch(batch.to_vec(), now, effort).await?;
        }
        Ok(())
    }

    async fn commit_batch(
        &self,
        mut waiting: Vec<Told<'_>>,
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
        effort: &mut CommitEffort,
    ) -> Result<(), StorageError> {
        let mut attempt =
            Attempt { shard: Shard::Number(0), sealed: HashSet::new(), overflows: HashMap::new() };
        let mut attempts: u32 = 0;
        loop {
            let changed = self.changed(&waiting).await?;
            let now = now();
            self.list_recent(&changed, now).await?;
            waiting = self.write(&changed, now, &mut attempt, effort).await?;
            if waiting.is_empty() {
                return Ok(());
            }
            attempts += 1;
            pause(attempts).await;
        }
    }

    /// The orders of which the chunk says something new, ascending by site and minute.
    async fn changed<'a>(&self, told: &[Told<'a>]) -> Result<Vec<ChangedOrder<'a>>, StorageError> {
        let ids: Vec<&OrderId> = told.iter().map(|(order, _)| *order).collect();
        let known = self.table.read_orders(&ids, Consistency::Strong).await?;
        let mut changed = Vec::with_capacity(told.len());
        for ((order, told), known) in told.iter().zip(known) {
            let before = known.unwrap_or(KnownOrder { facts: OrderFacts::default(), revision: 0 });
            let mut after = before.facts.clone();
            after.merge((*told).clone());
            if after != before.facts {
                changed.push(ChangedOrder { order, told, before, after });
            }
        }
        changed.sort_by_key(|changed| {
            (&changed.order.site, first_minute(&changed.after), &changed.order.id)
        });
        Ok(changed)
    }

    /// Puts orders into the list of recent ones, before they count: who finds one there looks at
    /// its row, and passes over those that were not made at that time. So these rows need neither a
    /// condition nor a transaction.
    async fn list_recent(
        &self,
        changed: &[ChangedOrder<'_>],
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let mut puts = Vec::new();
        for ChangedOrder { order, before, after, .. } in changed {
            let is_new = |created: &&_| before.facts.created.as_ref() != Some(*created);
            let item = after
                .created
                .as_ref()
                .filter(is_new)
                .and_then(|new| recent_item(order, new, self.retention, now));
            if let Some(item) = item {
                let put = PutRequest::builder().set_item(Some(item)).build().map_err(incomplete)?;
                puts.push(WriteRequest::builder().put_request(put).build());
            }
        }
        for batch in puts.chunks(BATCH_PUTS_MAX) {
            self.put_batch(batch.to_vec()).await?;
        }
        Ok(())
    }

    /// Writes changed in as few transactions as they fit; gives what has to be tried again.
    async fn write<'a>(
        &self,
        changed: &[ChangedOrder<'a>],
        now: DateTime<Utc>,
        attempt: &mut Attempt,
        effort: &mut CommitEffort,
    ) -> Result<Vec<Told<'a>>, StorageError> {
        let changes: Vec<OrderChange<'_>> = changed.iter().map(ChangedOrder::change).collect();
        let is_open = |site: &str, hour| {
            !is_closed(hour, now) && !attempt.sealed.contains(&(site.to_string(), hour))
        };
        let parts = OrderPart::cut(
            &changes,
            &WriteContext { now, retention: self.retention, is_open: &is_open },
        );
        let mut again = Vec::new();
        for part in &parts {
            for (site, hour) in &part.hours {
                self.list_once(site, *hour).await?;
            }
            let orders = changed.get(part.orders.clone()).unwrap_or_default();
            if let Some(obstacles) = self.transact_orders(orders, part, attempt).await? {
                attempt.avoid(&obstacles, part, effort);
                again.extend(orders.iter().map(|changed| (changed.order, changed.told)));
            }
        }
        Ok(again)
    }

    /// Carries out one transaction; gives what was in its way, if anything was.
    async fn transact_orders(
        &self,
        changed: &[ChangedOrder<'_>],
        part: &OrderPart<'_>,
        attempt: &Attempt,
    ) -> Result<Option<OrderObstacles>, StorageError> {
        let mut actions = Vec::with_capacity(changed.len() + part.hours.len() + part.rows.len());
        for order in changed {
            actions.push(self.order_action(order)?);
        }
        for (site, hour) in &part.hours {
            actions.push(self.seal_check(site, *hour, attempt.shard)?);
        }
        for row in &part.rows {
            let shard = if part.is_open(row) { attempt.shard } else { Shard::Late };
            let overflow = attempt.overflows.get(&row_name(row)).copied().unwrap_or(0);
            actions.push(self.row_action(row, shard, overflow)?);
        }
        let send =
            self.table.client.transact_write_items().set_transact_items(Some(actions)).send();
        let reasons = match send.await {
            Ok(_) => return Ok(None),
            Err(error) => cancellation_reasons(error)?,
        };
        match order_obstacles(&reasons, changed.len(), part.hours.len()) {
            Ok(obstacles) => Ok(Some(obstacles)),
            Err(reason) => {
                Err(StorageError::Refused { call: "TransactWriteItems of orders", reason })
            }
        }
    }

    /// Puts an order's row in the place of the revision that was read.
    fn order_action(&self, changed: &ChangedOrder<'_>) -> Result<TransactWriteItem, StorageError> {
        let revision = changed.before.revision;
        let put = Put::builder().table_name(&self.table.name).set_item(Some(order_item(
            changed.order,
            &changed.after,
            revision + 1,
        )));
        let put = match revision {
            0 => put
                .condition_expression("attribute_not_exists(#pk)")
                .expression_attribute_names("#pk", keys::PARTITION_KEY),
            _ => put
                .condition_expression("#revision = :revision")
                .expression_attribute_names("#revision", keys::REVISION)
                .expression_attribute_values(":revision", AttributeValue::N(revision.to_string())),
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(incomplete)?).build())
    }
}

impl ChangedOrder<'_> {
    fn change(&self) -> OrderChange<'_> {
        OrderChange {
            site: &self.order.site,
            before: self.before.facts.contribution(),
            after: self.after.contribution(),
            row_bytes: ORDER_ROW_BYTES + self.after.bytes(),
        }
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
            self.shard = Shard::Number(rand::random_range(0..SHARD_COUNT));
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

/// The minute of the first thing that is known of an order: mostly that of its creation.
fn first_minute(facts: &OrderFacts) -> Option<Minute> {
    let created = facts.created.as_ref().map(|created| created.at);
    created.or(facts.stage.as_ref().map(|stage| stage.at)).and_then(Minute::containing)
}
