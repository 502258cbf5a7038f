//! The refunds of an order: what events report that was given back of it.

use chrono::{DateTime, Utc};

use crate::count::amount::Amount;
use crate::count::measure::Currency;

/// The maximum number of different refunds of an order: its row must stay below 400 KB.
pub const ORDER_REFUNDS_MAX: usize = 100;

/// A refund of an order.
///
/// **Shape**: ordered by event id, item and what is refunded, none first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refund {
    /// The id of its event.
    pub event_id: Option<String>,
    /// The item; `None` for a refund of the order as a whole.
    pub item: Option<String>,
    /// What is refunded.
    pub what: RefundOf,
}

/// What is refunded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RefundOf {
    /// All that is left of the order.
    Everything,
    /// So many units of the item, for the money of its lines.
    Units(Amount),
    /// Money.
    Money(Amount, Currency),
}

/// The refunds of an order, each as often as the event with the most of it has it, at the time of
/// the earliest event that has it.
///
/// **Shape**: at most [`ORDER_REFUNDS_MAX`] different refunds. Of more, the least are kept.
///
/// **Guarantees**: [`merge`](Refunds::merge) is commutative, associative and idempotent.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Refunds {
    /// Ascending by refund, each once.
    reported: Vec<ReportedRefund>,
    has_more: bool,
}

/// A refund, how often and when it was reported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportedRefund {
    /// The refund.
    pub refund: Refund,
    /// How often the event with the most of it has it.
    pub count: u32,
    /// When, to the nanosecond.
    pub at: DateTime<Utc>,
}

impl Refunds {
    /// Refunds as they were read from a row.
    pub fn new(reported: impl IntoIterator<Item = ReportedRefund>, has_more: bool) -> Refunds {
        let mut refunds = Refunds { reported: vec![], has_more };
        for reported in reported {
            refunds.put(reported, u32::saturating_add);
        }
        refunds.truncate();
        refunds
    }

    /// Adds a refund of the same event, where equal refunds add up.
    pub fn add(&mut self, refund: Refund, at: DateTime<Utc>) {
        self.put(ReportedRefund { refund, count: 1, at }, u32::saturating_add);
        self.truncate();
    }

    /// Merges the refunds of other events.
    pub fn merge(&mut self, other: Refunds) {
        for reported in other.reported {
            self.put(reported, u32::max);
        }
        self.has_more |= other.has_more;
        self.truncate();
    }

    /// Changes the ids of their events.
    pub(crate) fn change_event_ids(&mut self, mut change: impl FnMut(&mut String)) {
        let mut reported = std::mem::take(&mut self.reported);
        reported.iter_mut().filter_map(|it| it.refund.event_id.as_mut()).for_each(&mut change);
        *self = Refunds::new(reported, self.has_more);
    }

    /// The refunds, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ReportedRefund> {
        self.reported.iter()
    }

    /// How many different ones are kept.
    pub fn len(&self) -> usize {
        self.reported.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.reported.is_empty()
    }

    /// Whether there are more different refunds than are kept.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// The time of the earliest one.
    pub fn first_at(&self) -> Option<DateTime<Utc>> {
        self.reported.iter().map(|reported| reported.at).min()
    }

    /// The approximate size in memory or in a row beyond that of the type itself, in bytes.
    pub(crate) fn more_bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let texts = |Refund { event_id, item, .. }: &Refund| text(event_id) + text(item);
        let texts: usize = self.reported.iter().map(|reported| texts(&reported.refund)).sum();
        texts + self.reported.len() * size_of::<ReportedRefund>()
    }

    fn put(&mut self, reported: ReportedRefund, count_of: impl Fn(u32, u32) -> u32) {
        match self.reported.binary_search_by(|known| known.refund.cmp(&reported.refund)) {
            Ok(place) => {
                let known = &mut self.reported[place];
                known.count = count_of(known.count, reported.count);
                known.at = known.at.min(reported.at);
            }
            Err(place) => self.reported.insert(place, reported),
        }
    }

    fn truncate(&mut self) {
        self.has_more |= self.reported.len() > ORDER_REFUNDS_MAX;
        self.reported.truncate(ORDER_REFUNDS_MAX);
    }
}
