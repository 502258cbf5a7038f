//! The purchases of an order: what the events of its customer report about it.

use chrono::{DateTime, Utc};

use crate::count::amount::Amount;
use crate::count::measure::Currency;

/// The maximum number of different lines of an order: its contributions before and after a change
/// must fit into one transaction, so that the sales of its items and what has no item fit into one
/// row.
pub const ORDER_LINES_MAX: usize = 249;

/// What purchases report about an order.
///
/// **Guarantees**: [`merge`](Purchases::merge) is commutative, associative and idempotent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Purchases {
    /// The earliest one.
    pub first: FirstPurchase,
    /// The lines of all of them.
    pub lines: OrderLines,
}

/// The earliest purchase of an order.
///
/// **Shape**: ordered by time, then by all other fields, so that the choice between two purchases
/// at the same time is always the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FirstPurchase {
    /// When, to the nanosecond.
    pub at: DateTime<Utc>,
    /// The currency of the event.
    pub currency: Currency,
    /// Who bought.
    pub customer: Option<String>,
}

/// A line of an order.
///
/// **Shape**: ordered by currency, item, units and money, in this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OrderLine {
    /// The currency of its money.
    pub currency: Currency,
    /// The item, or [`OTHER_KEY`](crate::count::tally::OTHER_KEY) for money without one.
    pub item: String,
    /// How many were bought.
    pub units: Amount,
    /// What they cost in all; negative for a discount.
    pub money: Amount,
}

/// The lines of an order, each with the largest number of times that one event has it.
///
/// **Shape**: at most [`ORDER_LINES_MAX`] different lines. Of more, the least are kept.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct OrderLines {
    /// Ascending, each line once.
    counted: Vec<(OrderLine, u32)>,
    has_more: bool,
}

impl Purchases {
    /// Merges other purchases of the same order.
    pub fn merge(&mut self, other: Purchases) {
        if other.first < self.first {
            self.first = other.first;
        }
        self.lines.merge(other.lines);
    }

    /// The approximate size in memory or in a row beyond that of the type itself, in bytes.
    pub(crate) fn more_bytes(&self) -> usize {
        let items: usize = self.lines.counted.iter().map(|(line, _)| line.item.len()).sum();
        let lines = self.lines.counted.len() * size_of::<(OrderLine, u32)>();
        self.first.customer.as_ref().map_or(0, String::len) + items + lines
    }
}

impl OrderLines {
    /// Lines with their numbers, as they were read from a row.
    pub fn new(counted: impl IntoIterator<Item = (OrderLine, u32)>, has_more: bool) -> OrderLines {
        let mut lines = OrderLines { counted: vec![], has_more };
        for (line, count) in counted {
            lines.add(line, count);
        }
        lines
    }

    /// Adds a line of the same event, where equal lines add up.
    pub fn add(&mut self, line: OrderLine, count: u32) {
        self.put(line, |known| known.saturating_add(count));
        self.truncate();
    }

    /// Merges the lines of other events.
    fn merge(&mut self, other: OrderLines) {
        for (line, count) in other.counted {
            self.put(line, |known| known.max(count));
        }
        self.has_more |= other.has_more;
        self.truncate();
    }

    /// The lines, ascending, each with its number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&OrderLine, u32)> {
        self.counted.iter().map(|(line, count)| (line, *count))
    }

    /// Whether there are more different lines than are kept.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    fn put(&mut self, line: OrderLine, count_of: impl Fn(u32) -> u32) {
        match self.counted.binary_search_by(|(known, _)| known.cmp(&line)) {
            Ok(place) => self.counted[place].1 = count_of(self.counted[place].1),
            Err(place) => self.counted.insert(place, (line, count_of(0))),
        }
    }

    fn truncate(&mut self) {
        self.has_more |= self.counted.len() > ORDER_LINES_MAX;
        self.counted.truncate(ORDER_LINES_MAX);
    }
}
