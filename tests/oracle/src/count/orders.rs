//! Orders, recounted from all of their events.

use std::collections::BTreeMap;

use crate::count::other::OTHER;
use crate::decimal::Decimal;
use crate::read::order::{LINES_MAX, Line, Made, OrderEvent, REFUNDS_MAX, Refund, What};

/// The status of an order of which no event tells one.
const FIRST_STATUS: &str = "CREATED";

/// What has become of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// When it was made, in nanoseconds since 1970, and what it is; `None` if no event tells.
    pub made: Option<(i128, Made)>,
    /// The earliest purchase of it.
    pub purchased: Option<Purchase>,
    /// The first lines of all purchases, as many as an order may have, and how many there are of
    /// each.
    pub lines: BTreeMap<Line, u64>,
    /// Whether there are more lines.
    pub has_more_lines: bool,
    /// The first refunds of all events, as many as an order may have.
    pub refunds: BTreeMap<Refund, ReportedRefund>,
    /// Whether there are more refunds.
    pub has_more_refunds: bool,
    /// Since when it has its status (in nanoseconds since 1970), by which event, and the status;
    /// `None` if no event tells.
    pub status: Option<(i128, &'static str, String)>,
    /// When it was cancelled (in nanoseconds since 1970), if it was, and the refund if one was
    /// told.
    pub cancelled: Option<(i128, Option<Decimal>)>,
}

/// A purchase of an order; the least one is the earliest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purchase {
    /// Nanoseconds since 1970.
    pub at: i128,
    /// The currency of the event.
    pub currency: String,
    /// Whose event it is.
    pub customer: Option<String>,
}

/// How a refund was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportedRefund {
    /// How many there are of it: as many as the event with the most of it has.
    pub count: u64,
    /// When the earliest event happened that has it, in nanoseconds since 1970.
    pub at: i128,
}

impl Order {
    /// When it was placed, in nanoseconds since 1970; `None` if it counts for nothing.
    pub fn placed_at(&self) -> Option<i128> {
        let made = self.made.iter().map(|(at, _)| *at);
        made.chain(self.purchased.iter().map(|purchase| purchase.at)).min()
    }

    /// The currency of its money, if it was placed.
    pub fn currency(&self) -> Option<&str> {
        match (&self.made, &self.purchased) {
            (Some((_, made)), _) => Some(&made.currency),
            (None, Some(purchase)) => Some(&purchase.currency),
            (None, None) => None,
        }
    }

    /// Whose it is, if it is told.
    pub fn customer(&self) -> Option<&str> {
        match (&self.made, &self.purchased) {
            (Some((_, made)), _) => made.customer.as_deref(),
            (None, Some(purchase)) => purchase.customer.as_deref(),
            (None, None) => None,
        }
    }

    /// Its current status.
    pub fn status(&self) -> &str {
        self.status.as_ref().map_or(FIRST_STATUS, |(_, _, status)| status)
    }

    /// What it costs.
    pub fn value(&self) -> Decimal {
        match &self.made {
            Some((_, made)) => made.value,
            None => {
                let sum: Decimal =
                    self.counted_lines().map(|(line, count)| line.money.times(count)).sum();
                sum.max(Decimal::ZERO)
            }
        }
    }

    /// What its lines add to `sales`, by item; nothing if it has none.
    pub(crate) fn sales(&self) -> BTreeMap<&str, Decimal> {
        if self.lines.is_empty() {
            return BTreeMap::new();
        }
        let mut sales: BTreeMap<&str, Decimal> =
            self.items().into_iter().map(|(item, (_, money))| (item, money)).collect();
        sales.remove(OTHER);
        let of_items: Decimal = sales.values().copied().sum();
        sales.insert(OTHER, self.value() - of_items);
        sales
    }

    /// The lines that count: those in its currency.
    fn counted_lines(&self) -> impl Iterator<Item = (&Line, u64)> {
        let is_counted = |line: &Line| self.currency() == Some(line.currency.as_str());
        let lines = self.lines.iter().map(|(line, count)| (line, *count));
        lines.filter(move |(line, _)| is_counted(line))
    }

    /// Units and money of each item of the lines that count.
    pub(crate) fn items(&self) -> BTreeMap<&str, (Decimal, Decimal)> {
        let mut items: BTreeMap<&str, (Decimal, Decimal)> = BTreeMap::new();
        for (line, count) in self.counted_lines() {
            let (units, money) = items.entry(&line.item).or_default();
            *units += line.units.times(count);
            *money += line.money.times(count);
        }
        items
    }
}

/// All orders of these events, by site and id. An event that comes twice changes nothing, and
/// neither does their order.
pub fn orders<'a>(
    events: impl IntoIterator<Item = &'a OrderEvent>,
) -> BTreeMap<(String, String), Order> {
    let mut by_order: BTreeMap<(String, String), Vec<&OrderEvent>> = BTreeMap::new();
    for event in events {
        by_order.entry((event.site.clone(), event.order.clone())).or_default().push(event);
    }
    by_order.into_iter().map(|(name, events)| (name, become_of(&events))).collect()
}

fn become_of(events: &[&OrderEvent]) -> Order {
    let mut made: Vec<(i128, Made)> = Vec::new();
    let mut purchases: Vec<Purchase> = Vec::new();
    let mut all_lines: BTreeMap<Line, u64> = BTreeMap::new();
    let mut all_refunds: BTreeMap<Refund, ReportedRefund> = BTreeMap::new();
    let mut statuses: Vec<(i128, u8, &'static str, String)> = Vec::new();
    let mut cancelled: Vec<(i128, Option<Decimal>)> = Vec::new();
    for event in events {
        let at = event.at;
        match &event.what {
            What::Created { order, status } => {
                made.push((at, order.clone()));
                statuses.push((at, 0, "creation", status.clone()));
            }
            What::Changed(status) => statuses.push((at, 1, "change", status.clone())),
            What::Cancelled(refund) => {
                cancelled.push((at, *refund));
                statuses.push((at, 2, "cancellation", "CANCELLED".to_owned()));
            }
            What::Purchased { currency, customer, lines } => {
                let (currency, customer) = (currency.clone(), customer.clone());
                purchases.push(Purchase { at, currency, customer });
                for (line, count) in lines {
                    let most = all_lines.entry(line.clone()).or_default();
                    *most = (*most).max(*count);
                }
            }
            What::Refunded(refunds) => {
                for (refund, count) in refunds {
                    let known = all_refunds.entry(refund.clone());
                    let known = known.or_insert(ReportedRefund { count: *count, at });
                    known.count = known.count.max(*count);
                    known.at = known.at.min(at);
                }
            }
        }
    }
    Order {
        made: made.into_iter().min(),
        purchased: purchases.into_iter().min(),
        has_more_lines: all_lines.len() > LINES_MAX,
        lines: all_lines.into_iter().take(LINES_MAX).collect(),
        has_more_refunds: all_refunds.len() > REFUNDS_MAX,
        refunds: all_refunds.into_iter().take(REFUNDS_MAX).collect(),
        status: statuses.into_iter().max().map(|(at, _, by, status)| (at, by, status)),
        cancelled: cancelled.into_iter().min(),
    }
}
