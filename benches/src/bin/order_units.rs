//! Computes the read and write units of counting orders: counts chunks of events about generated
//! orders in an order book in memory, and adds up the units of every call from the sizes of its
//! rows.
//!
//! `cargo run -p minutebook-benches --bin order_units -- [ORDERS] [EVENTS_PER_CHUNK] [PRODUCTS]
//! [MINUTES] [late] [purchases]`
//!
//! An order is created, paid five minutes later and shipped half an hour after that; one in ten is
//! cancelled in between. With `purchases`, it is reported by a purchase instead, and one in twenty
//! is refunded half an hour later. With `late`, the hour of its creation is already closed, as in an
//! import.
//!
//! **Source**: a transactional write takes two units per started kilobyte of the larger of the item
//! before and the item after it, and a condition check takes as many; a plain write takes one. A
//! consistent read takes one unit per started 4 KB, even if there is no item. The size of an item
//! is the size of its attribute names and values.

#![expect(clippy::print_stdout, reason = "this program prints figures")]

use std::collections::HashMap;

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_domain::chunk::{ChunkReader, ChunkSettings};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::count::secret::VisitorSecret;
use minutebook_domain::order::changes::{OrderChange, OrderPart, WriteContext};
use minutebook_domain::order::facts::{OrderFacts, OrderId, Orders};
use minutebook_domain::order::purchases::Purchases;
use minutebook_domain::order::refunds::{RefundOf, ReportedRefund};
use minutebook_domain::plan::{PlanInputs, Row, counter_bytes};
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{Hour, Minute};
use minutebook_storage::keys::{
    Shard, TIME_TO_LIVE, order_partition, recent_partition, tally_partition, tally_row,
};
use serde_json::json;

const KILOBYTE: usize = 1024;
const READ_UNIT_BYTES: usize = 4 * KILOBYTE;
/// How many rows one batch reads.
const BATCH_READS_MAX: usize = 100;
/// The size of a time to live (ten digits).
const TIME_TO_LIVE_BYTES: usize = 6;
/// The size of a time with nanoseconds.
const TIME_BYTES: usize = 30;
/// The approximate overhead of a map, of a list and of each of their elements.
const NESTING_BYTES: usize = 3;

const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let (is_late, has_purchases) = (has("late"), has("purchases"));
    let numbers =
        arguments.iter().filter(|argument| !["late", "purchases"].contains(&argument.as_str()));
    let mut numbers = numbers.map(|text| text.parse::<usize>());
    let mut next = |default: usize| numbers.next().unwrap_or(Ok(default));
    let (orders, chunk_events, products, minutes) =
        (next(100_000)?, next(10_000)?, next(1_000)?, next(100)?);

    let start: DateTime<Utc> = "2026-11-20T20:00:00Z".parse()?;
    let lines = lines(orders, products, start, minutes, has_purchases)?;
    let events = lines.len();
    let mut book = Book::default();
    for chunk in lines.chunks(chunk_events) {
        let last = chunk.last().context("no chunk is empty")?.0;
        let now = if is_late { last + TimeDelta::days(2) } else { last };
        let text: String = chunk.iter().map(|(_, line)| line.as_str()).collect();
        book.commit(&counted(&text, now)?, now);
    }
    let per_million = |units: usize| units * 1_000_000 / events;
    let Units { transactions, orders: order_rows, seals, tallies, listed, read } = book.units;
    println!(
        "{}",
        json!({
            "orders": orders, "events": events, "chunk_events": chunk_events,
            "products": products, "minutes": minutes, "late": is_late, "purchases": has_purchases,
            "transactions": transactions,
            "write_units": {
                "orders": order_rows, "recent": listed, "seals": seals, "tallies": tallies,
            },
            "write_units_per_million_events": per_million(order_rows + listed + seals + tallies),
            "read_units_per_million_events": per_million(read),
        })
    );
    Ok(())
}

/// The events, ordered by time.
fn lines(
    orders: usize,
    products: usize,
    start: DateTime<Utc>,
    minutes: usize,
    has_purchases: bool,
) -> Result<Vec<(DateTime<Utc>, String)>> {
    let mut lines = Vec::with_capacity(orders * 4);
    for order in 0..orders {
        let made =
            start + TimeDelta::milliseconds(i64::try_from(order * minutes * 60_000 / orders)?);
        let mut push = |at: DateTime<Utc>, kind: &str, members: &str| {
            let time = at.to_rfc3339_opts(SecondsFormat::Millis, true);
            let line = format!(
                "{{\"eventType\":\"{kind}\",\"timestamp\":\"{time}\",\
                 \"orderId\":\"{order:036}\"{members}}}\n"
            );
            lines.push((at, line));
        };
        let item = |place: usize| {
            let product = (order * 7 + place * 13 + order * place * place) % products;
            format!(
                "{{\"productName\":\"Product number {product}\",\"quantity\":{},\
                 \"unitPrice\":19.99}}",
                1 + place
            )
        };
        let items: Vec<String> = (0..1 + order % 3).map(item).collect();
        if has_purchases {
            let customer = order % 5_000;
            let members =
                format!(",\"userId\":\"user-{customer}\",\"items\":[{}]", items.join(","));
            push(made, "purchase", &members);
            if order % 20 == 0 {
                push(made + TimeDelta::minutes(30), "refund", ",\"amount\":10");
            }
            continue;
        }
        let members = format!(
            ",\"orderNumber\":\"ORD-{order}\",\"userId\":\"user-{}\",\
             \"totalAmount\":{}.95,\"items\":[{}]",
            order % 5_000,
            20 + order % 80,
            items.join(",")
        );
        push(made, "OrderCreatedEvent", &members);
        push(made + TimeDelta::minutes(5), "OrderStatusChangedEvent", ",\"newStatus\":\"PAID\"");
        if order % 10 == 0 {
            push(made + TimeDelta::minutes(20), "OrderCancelledEvent", ",\"refundAmount\":10");
        }
        push(
            made + TimeDelta::minutes(35),
            "OrderStatusChangedEvent",
            ",\"newStatus\":\"SHIPPED\"",
        );
    }
    lines.sort();
    Ok(lines)
}

fn counted(text: &str, reference_time: DateTime<Utc>) -> Result<Orders> {
    let default_currency = Currency::parse(b"USD").context("three letters")?;
    let inputs = PlanInputs {
        default_currency,
        minute_retention_days: RETENTION.minute_days,
        ..PlanInputs::with_defaults(reference_time)
    };
    let mut reader = ChunkReader::new(&ChunkSettings {
        inputs,
        secret: VisitorSecret::NONE,
        sites: Default::default(),
        size_bytes: u64::MAX,
    });
    reader.push(text.as_bytes())?;
    let count = reader.finish()?;
    anyhow::ensure!(count.outcomes.rejected_total() == 0, "{:?}", count.outcomes.rejected);
    Ok(count.orders)
}

/// The units that were used.
#[derive(Default)]
struct Units {
    transactions: usize,
    orders: usize,
    seals: usize,
    tallies: usize,
    listed: usize,
    read: usize,
}

/// The order book, in memory.
#[derive(Default)]
struct Book {
    orders: HashMap<OrderId, OrderFacts>,
    rows: HashMap<(String, String), HashMap<String, Amount>>,
    units: Units,
}

impl Book {
    /// Commits the orders of a chunk in the same batches as the storage.
    fn commit(&mut self, reported: &Orders, now: DateTime<Utc>) {
        let mut reported: Vec<(&OrderId, &OrderFacts)> = reported.iter().collect();
        reported.sort_by_key(|(order, facts)| (&order.site, facts.first_minute(), &order.id));
        for batch in reported.chunks(BATCH_READS_MAX) {
            let mut changed = Vec::new();
            for (order, reported) in batch {
                let before = self.orders.get(*order).cloned().unwrap_or_default();
                self.units.read += order_bytes(order, &before).div_ceil(READ_UNIT_BYTES);
                let mut after = before.clone();
                after.merge((*reported).clone());
                if after != before {
                    changed.push(((*order).clone(), before, after));
                }
            }
            changed.sort_by_key(|(order, _, after)| {
                (order.site.clone(), after.first_minute(), order.id.clone())
            });
            self.write(&changed, now);
        }
    }

    fn write(&mut self, changed: &[(OrderId, OrderFacts, OrderFacts)], now: DateTime<Utc>) {
        let changes: Vec<OrderChange<'_>> = changed
            .iter()
            .map(|(order, before, after)| OrderChange {
                site: &order.site,
                before: before.contribution(),
                after: after.contribution(),
                row_bytes: order_bytes(order, after),
            })
            .collect();
        let is_open =
            |_: &str, hour: Hour| !minutebook_domain::time::lateness::is_closed(hour, now);
        let parts = OrderPart::cut(
            &changes,
            &WriteContext {
                now,
                retention: RETENTION,
                is_open: &is_open,
                has_quarters: &|_, _| false,
            },
        );
        for part in &parts {
            self.units.transactions += 1;
            self.units.seals += 2 * part.hours.len();
            for row in &part.rows {
                let shard = if part.is_open(row) { Shard::Number(0) } else { Shard::Late };
                self.units.tallies += 2 * self.add(row, shard).div_ceil(KILOBYTE);
            }
        }
        for (order, before, after) in changed {
            let bytes = order_bytes(order, after).max(order_bytes(order, before));
            self.units.orders += 2 * bytes.div_ceil(KILOBYTE);
            if let Some(placed_at) = after.placed_at().filter(|at| before.placed_at() != Some(*at))
            {
                let day = Minute::containing(placed_at).map(|minute| minute.hour().day());
                let partition = day.map_or(0, |day| recent_partition(&order.site, day).len());
                let keys =
                    "pk".len() + partition + "sk".len() + TIME_BYTES + "#".len() + order.id.len();
                self.units.listed +=
                    (keys + TIME_TO_LIVE.len() + TIME_TO_LIVE_BYTES).div_ceil(KILOBYTE);
            }
            self.orders.insert(order.clone(), after.clone());
        }
    }

    /// Adds the counters of a row, and returns the size of the row after that.
    fn add(&mut self, row: &Row<'_>, shard: Shard) -> usize {
        let partition = tally_partition(row.site, row.period);
        let sort = tally_row(row.measure, row.period, shard, row.slot, 0);
        let has_ttl = !matches!(row.period, Period::Day(_) | Period::Week(_) | Period::Month(_));
        let ttl = if has_ttl { TIME_TO_LIVE.len() + TIME_TO_LIVE_BYTES } else { 0 };
        let keys = "pk".len() + partition.len() + "sk".len() + sort.len() + ttl;
        let counters = self.rows.entry((partition, sort)).or_default();
        for (key, amount) in &row.counters {
            *counters.entry((*key).to_string()).or_insert(Amount::ZERO) += *amount;
        }
        keys + counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum::<usize>()
    }
}

/// The size of an order row (docs/TABLE.md).
fn order_bytes(order: &OrderId, facts: &OrderFacts) -> usize {
    let number = Amount::stored_bytes;
    let mut bytes = "pk".len()
        + order_partition(&order.site, &order.id).len()
        + "skorder".len()
        + "revision".len()
        + 2;
    if let Some(created) = &facts.created {
        bytes += "created_at".len()
            + TIME_BYTES
            + "currencyUSD".len()
            + "value".len()
            + number(created.value);
        bytes += created.number.as_ref().map_or(0, |text| "order_number".len() + text.len());
        bytes += created.customer.as_ref().map_or(0, |text| "customer_id".len() + text.len());
        bytes += "products".len() + NESTING_BYTES;
        for product in &created.products {
            bytes += product.name.len()
                + number(product.units)
                + number(product.money)
                + 4 * NESTING_BYTES;
        }
    }
    if let Some(stage) = &facts.stage {
        bytes += "statusstatus_atstatus_source".len()
            + stage.status.len()
            + TIME_BYTES
            + "cancellation".len();
    }
    if let Some(cancelled) = &facts.cancelled {
        bytes +=
            "cancelled_atrefund_amount".len() + TIME_BYTES + cancelled.refund.map_or(0, number);
    }
    bytes += "contribution_version".len() + 2;
    if facts.refund_count() > 0 {
        bytes += "refunds_counted".len() + 2;
    }
    if !facts.refunds.is_empty() {
        bytes += "refunds".len() + NESTING_BYTES;
    }
    for ReportedRefund { refund, .. } in facts.refunds.iter() {
        let text = |name: &str, text: &Option<String>| {
            text.as_ref().map_or(0, |text| name.len() + text.len() + NESTING_BYTES)
        };
        bytes += text("event_id", &refund.event_id) + text("item", &refund.item);
        bytes += match refund.what {
            RefundOf::Everything => 0,
            RefundOf::Units(units) => "units".len() + number(units),
            RefundOf::Money(money, _) => "moneycurrencyUSD".len() + number(money),
        };
        bytes += "countat".len() + 2 + TIME_BYTES + 4 * NESTING_BYTES;
    }
    if let Some(Purchases { first, lines }) = &facts.purchased {
        bytes += "purchased_atpurchase_currencyUSDlines".len() + TIME_BYTES + NESTING_BYTES;
        let customer = first.customer.as_ref();
        bytes += customer.map_or(0, |text| "purchase_customer_id".len() + text.len());
        for (line, _) in lines.iter() {
            bytes += "itemunitsmoneycurrencyUSDcount".len() + line.item.len();
            bytes += number(line.units) + number(line.money) + 2 + 6 * NESTING_BYTES;
        }
    }
    bytes
}
