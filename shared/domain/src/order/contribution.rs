//! What an order adds to the counters.

use crate::count::amount::Amount;
use crate::count::measure::Measure;
use crate::count::tally::OTHER_KEY;
use crate::order::facts::{Cancellation, OrderFacts};
use crate::order::given_back::GivenBack;
use crate::order::placed::{Placed, Sold, add};
use crate::time::Minute;

/// The key of the measure [`Measure::OrderValue`] for the number of orders.
pub const COUNT: &str = "orders";

/// The key of the measure [`Measure::OrderValue`] for the value of orders.
pub const GROSS: &str = "gross";

/// The key of the measure [`Measure::OrderValue`] for the value of orders with lines: what they add
/// to [`Measure::Sales`].
pub const SALES: &str = "sales";

/// The key of the measure [`Measure::OrderValue`] for what was given back of orders, at the minutes
/// in which they were placed.
pub const REFUNDED: &str = "refunded";

/// The key of the measure [`Measure::OrderValue`] for what was given back of orders, at the minutes
/// of the refunds.
pub const REFUNDS: &str = "refunds";

/// The key of the measure [`Measure::OrderValue`] for what refunds of orders with lines gave back:
/// what they add to [`Measure::Refunds`].
pub const SALES_REFUNDS: &str = "sales_refunds";

/// The key of the measure [`Measure::OrderValue`] for what refunds name beyond what was left of
/// their orders.
pub const OVER_REFUNDED: &str = "over_refunded";

/// The key of the measure [`Measure::OrderValue`] for the number of orders of which a line or a
/// refund does not count.
pub const INCOMPLETE: &str = "incomplete";

/// Which of the facts of an order its counters have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// Those of contribution version 1, without [`SALES`]. Of refunds it has only [`REFUNDED`], as
    /// its cancellation names it.
    Version1,
    /// All but refunds, of which it has the first so many, the cancellation included.
    Refunds(usize),
}

/// What an order adds to the counters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contribution<'a> {
    /// What it adds at the minute in which it was placed; `None` until it is known to have been.
    pub placed: Option<Placed<'a>>,
    /// What was given back of it.
    pub given_back: Vec<GivenBack<'a>>,
    /// What its cancellation refunds, if the counters have the order as [`Counted::Version1`].
    version_1: Option<Amount>,
}

impl OrderFacts {
    /// What the counters have when all of it is counted.
    pub fn all_counted(&self) -> Counted {
        Counted::Refunds(self.refund_count())
    }

    /// What the order adds to the counters.
    pub fn contribution(&self) -> Contribution<'_> {
        self.contribution_of(self.all_counted())
    }

    /// What the order adds to counters that have so much of it.
    pub fn contribution_of(&self, counted: Counted) -> Contribution<'_> {
        let placed = self.placed();
        match counted {
            Counted::Version1 => {
                let value = placed.as_ref().map_or(Amount::ZERO, |placed| placed.value);
                let refund = |cancelled: &Cancellation| cancelled.refund.unwrap_or(value);
                let version_1 = Some(self.cancelled.as_ref().map_or(Amount::ZERO, refund));
                Contribution { placed, given_back: vec![], version_1 }
            }
            Counted::Refunds(count) => {
                let given_back = self.given_back(placed.as_ref(), count);
                Contribution { placed, given_back, version_1: None }
            }
        }
    }
}

impl<'a> Contribution<'a> {
    /// What was given back of the order, at most its value.
    pub fn refunded(&self) -> Amount {
        self.given_back.iter().map(|given| given.money).fold(Amount::ZERO, add)
    }

    /// The counters that it adds to, each at its minute; no amount is zero.
    pub fn counters(&self) -> impl Iterator<Item = (Minute, Measure, &'a str, Amount)> {
        let placed = self.placed.iter().flat_map(|placed| placed.counters(self.version_1));
        let given_back =
            self.given_back.iter().flat_map(|given| given.counters(self.placed.as_ref()));
        placed.chain(given_back).filter(|(.., amount)| *amount != Amount::ZERO)
    }
}

impl<'a> Placed<'a> {
    fn counters(
        &self,
        version_1: Option<Amount>,
    ) -> impl Iterator<Item = (Minute, Measure, &'a str, Amount)> {
        let (minute, currency) = (self.minute, self.currency);
        let value = Measure::OrderValue(currency);
        let incomplete = if self.is_incomplete { Amount::ONE } else { Amount::ZERO };
        let has_sales = self.sold.is_some() && version_1.is_none();
        let order = [
            (Measure::Orders, self.status, Amount::ONE),
            (value, COUNT, Amount::ONE),
            (value, GROSS, self.value),
            (value, SALES, if has_sales { self.value } else { Amount::ZERO }),
            (value, REFUNDED, version_1.unwrap_or_default()),
            (value, INCOMPLETE, incomplete),
        ];
        let ordered = self.ordered.iter().flat_map(move |&Sold { name, units, money }| {
            [(Measure::Ordered, name, units), (Measure::OrderedValue(currency), name, money)]
        });
        let sales = Measure::Sales(currency);
        let sold = self.sold.iter().flatten();
        let units = sold.map(|sold| (Measure::Units, sold.name, sold.units));
        let money = self.sold_items().map(move |sold| (sales, sold.name, sold.money));
        let other = self.sold.as_ref().map(|_| (sales, OTHER_KEY, self.other_money()));
        let all = order.into_iter().chain(ordered).chain(units).chain(money).chain(other);
        all.map(move |(measure, key, amount)| (minute, measure, key, amount))
    }
}

impl<'a> GivenBack<'a> {
    fn counters(
        &self,
        placed: Option<&Placed<'a>>,
    ) -> impl Iterator<Item = (Minute, Measure, &'a str, Amount)> {
        let (minute, currency) = (self.minute, self.currency);
        let value = Measure::OrderValue(currency);
        let has_sales = placed.is_some_and(|placed| placed.sold.is_some());
        let of_sales = if has_sales { self.money } else { Amount::ZERO };
        let order = placed.into_iter().flat_map(move |placed| {
            [
                (placed.minute, value, REFUNDED, self.money),
                (placed.minute, value, OVER_REFUNDED, self.over),
                (minute, value, REFUNDS, self.money),
                (minute, value, SALES_REFUNDS, of_sales),
            ]
        });
        let refunds = self.by_item.iter();
        let refunds =
            refunds.map(move |(item, money)| (minute, Measure::Refunds(currency), *item, *money));
        let moved = placed.filter(|placed| placed.minute != minute).into_iter();
        let moved = moved.flat_map(move |placed| {
            let measure = Measure::RefundsMoved(placed.currency);
            self.by_item.iter().flat_map(move |(item, money)| {
                let back = Amount::ZERO.saturating_sub(*money);
                [(placed.minute, measure, *item, *money), (self.minute, measure, *item, back)]
            })
        });
        order.chain(refunds).chain(moved)
    }
}

#[cfg(test)]
#[path = "contribution_tests.rs"]
mod tests;
