//! What changes in the table when more is known about orders: the differences between their
//! contributions, cut into transactions.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Utc};

use crate::count::amount::Amount;
use crate::count::measure::Measure;
use crate::order::contribution::Contribution;
use crate::plan::{ROW_COUNTERS_MAX, Row, TRANSACTION_ACTIONS_MAX, pack};
use crate::time::Hour;
use crate::time::period::{Period, Retention};

/// The maximum size of the order rows of one transaction, in bytes: half of what a transaction may
/// carry; the other half is left for counters.
///
/// **Source**: 4 MB,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const ORDER_BYTES_MAX: usize = 2_000_000;

/// An order about which more is known now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderChange<'a> {
    /// The site that it belongs to.
    pub site: &'a str,
    /// Its contribution before.
    pub before: Contribution<'a>,
    /// Its contribution now.
    pub after: Contribution<'a>,
    /// The approximate size of its row, in bytes.
    pub row_bytes: usize,
}

/// What one transaction commits.
#[derive(PartialEq, Eq, Debug)]
pub struct OrderPart<'a> {
    /// The indices of its changes; each costs one action for the row of the order itself.
    pub orders: Range<usize>,
    /// The open hours, each with its site. Their minute rows go to numbered shards, and each costs
    /// a seal check.
    pub hours: Vec<(&'a str, Hour)>,
    /// The rows to add to. The minute rows of other hours go to the shard `late`.
    pub rows: Vec<Row<'a>>,
}

/// What the transactions depend on besides the changes.
pub struct WriteContext<'a> {
    /// The current time.
    pub now: DateTime<Utc>,
    /// For how long rows are kept.
    pub retention: Retention,
    /// Whether an hour of a site may still be added to in its numbered shards.
    pub is_open: &'a dyn Fn(&str, Hour) -> bool,
    /// Whether an hour of a site has rows of its quarters.
    pub has_quarters: &'a dyn Fn(&str, Hour) -> bool,
}

impl OrderChange<'_> {
    /// Whether a transaction of this change alone is possible.
    pub fn fits(&self, context: &WriteContext<'_>) -> bool {
        let change = std::slice::from_ref(self);
        OrderPart::of(change, 0..1, context, Packing::Tight).fits(change)
    }
}

impl<'a> OrderPart<'a> {
    /// Cuts changes into transactions, in order, each as full as allowed.
    pub fn cut(changes: &[OrderChange<'a>], context: &WriteContext<'_>) -> Vec<OrderPart<'a>> {
        let mut parts = Vec::new();
        let mut start = 0;
        while start < changes.len() {
            let mut count = (changes.len() - start).min(TRANSACTION_ACTIONS_MAX - 1);
            let part = loop {
                let orders = start..start + count;
                let part = OrderPart::of(changes, orders.clone(), context, Packing::Spread);
                if part.fits(changes) {
                    break part;
                }
                if count == 1 {
                    // An order with very many products or refunds: a few large rows cost more, but
                    // fit, as the caller made sure of.
                    break OrderPart::of(changes, orders, context, Packing::Tight);
                }
                // The number of rows is known only once they are built, so retry with fewer orders.
                count -= count.div_ceil(8);
            };
            start += count;
            parts.push(part);
        }
        parts
    }

    /// Whether the minute rows of this row's hour go to a numbered shard.
    pub fn is_open(&self, row: &Row<'_>) -> bool {
        self.hours.contains(&(row.site, row.period.first_minute().hour()))
    }

    fn of(
        changes: &[OrderChange<'a>],
        orders: Range<usize>,
        context: &WriteContext<'_>,
        packing: Packing,
    ) -> OrderPart<'a> {
        let mut differences = Differences::default();
        for change in &changes[orders.clone()] {
            differences.add(change);
        }
        let mut part = OrderPart { orders, hours: vec![], rows: vec![] };
        let pack =
            |site, period, measure, counters: &[(&'a str, Amount)], rows: &mut Vec<Row<'a>>| {
                match packing {
                    Packing::Spread => pack(site, period, measure, counters, |row| rows.push(row)),
                    Packing::Tight => pack_tightly(site, period, measure, counters, rows),
                }
            };
        let mut above = Differences::default();
        for ((site, period, measure), counters) in differences.finish() {
            let minute = period.first_minute();
            let hour = minute.hour();
            if (context.is_open)(site, hour) {
                if part.hours.last() != Some(&(site, hour)) {
                    part.hours.push((site, hour));
                }
                pack(site, period, measure, &counters, &mut part.rows);
                continue;
            }
            if !context.retention.has_expired(period, context.now.timestamp()) {
                pack(site, period, measure, &counters, &mut part.rows);
            }
            for period in Period::above(minute, (context.has_quarters)(site, hour)) {
                for (key, amount) in &counters {
                    above.add_counter(site, period, measure, key, *amount);
                }
            }
        }
        for ((site, period, measure), counters) in above.finish() {
            pack(site, period, measure, &counters, &mut part.rows);
        }
        part
    }

    fn fits(&self, changes: &[OrderChange<'_>]) -> bool {
        let order_bytes: usize =
            changes[self.orders.clone()].iter().map(|change| change.row_bytes).sum();
        self.orders.len() + self.hours.len() + self.rows.len() <= TRANSACTION_ACTIONS_MAX
            && order_bytes <= ORDER_BYTES_MAX
    }
}

/// Sums by site, period and measure, then by key.
#[derive(Default)]
struct Differences<'a>(BTreeMap<(&'a str, Period, Measure), BTreeMap<&'a str, Amount>>);

/// The counters of one site, period and measure, ascending by key.
type Group<'a> = ((&'a str, Period, Measure), Vec<(&'a str, Amount)>);

impl<'a> Differences<'a> {
    fn add(&mut self, change: &OrderChange<'a>) {
        let OrderChange { site, before, after, .. } = change;
        for (minute, measure, key, amount) in before.counters() {
            let amount = Amount::ZERO.saturating_sub(amount);
            self.add_counter(site, Period::Minute(minute), measure, key, amount);
        }
        for (minute, measure, key, amount) in after.counters() {
            self.add_counter(site, Period::Minute(minute), measure, key, amount);
        }
    }

    fn add_counter(
        &mut self,
        site: &'a str,
        period: Period,
        measure: Measure,
        key: &'a str,
        amount: Amount,
    ) {
        *self.0.entry((site, period, measure)).or_default().entry(key).or_default() += amount;
    }

    /// The differences that are not zero.
    fn finish(self) -> impl Iterator<Item = Group<'a>> {
        self.0.into_iter().filter_map(|(name, counters)| {
            let counters: Vec<_> =
                counters.into_iter().filter(|(_, amount)| *amount != Amount::ZERO).collect();
            (!counters.is_empty()).then_some((name, counters))
        })
    }
}

/// How counters become rows.
#[derive(Clone, Copy)]
enum Packing {
    /// Like the counters of all other chunks.
    Spread,
    /// As many in a row as one update can add to.
    Tight,
}

fn pack_tightly<'a>(
    site: &'a str,
    period: Period,
    measure: Measure,
    counters: &[(&'a str, Amount)],
    rows: &mut Vec<Row<'a>>,
) {
    for (slot, counters) in (0_u32..).zip(counters.chunks(ROW_COUNTERS_MAX)) {
        rows.push(Row { site, period, measure, slot, counters: counters.to_vec() });
    }
}

#[cfg(test)]
#[path = "changes_tests.rs"]
pub(crate) mod tests;
