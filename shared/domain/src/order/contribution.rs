//! What an order adds to the counters.

use chrono::{DateTime, Utc};

use crate::count::amount::Amount;
use crate::count::measure::{Currency, Measure};
use crate::count::tally::OTHER_KEY;
use crate::order::facts::{Cancellation, OrderFacts, Product, STATUS_CREATED};
use crate::order::given_back::GivenBack;
use crate::order::purchases::Purchases;
use crate::order::refunds::RefundOf;
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

/// An order that was placed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed<'a> {
    /// The minute in which it was placed.
    pub minute: Minute,
    /// Its current status.
    pub status: &'a str,
    /// The currency of its money.
    pub currency: Currency,
    /// Its value.
    pub value: Amount,
    /// Whether a line or a refund of it does not count.
    pub is_incomplete: bool,
    /// What was ordered: the products of its creation or, without one, the items of its lines.
    pub ordered: Vec<Sold<'a>>,
    /// The items of its lines, ascending by item; `None` without a purchase.
    pub sold: Option<Vec<Sold<'a>>>,
}

/// The sums of a product or an item of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sold<'a> {
    /// The product, or the item.
    pub name: &'a str,
    /// How many.
    pub units: Amount,
    /// What they cost.
    pub money: Amount,
}

impl<'a> Sold<'a> {
    fn of_product(product: &'a Product) -> Sold<'a> {
        Sold { name: &product.name, units: product.units, money: product.money }
    }

    /// Whether it is an item, and not money without one.
    fn is_named(&self) -> bool {
        self.name != OTHER_KEY
    }
}

impl OrderFacts {
    /// When the order was placed: at its creation or its earliest purchase, whichever is earlier.
    /// `None` until one of them is known.
    pub fn placed_at(&self) -> Option<DateTime<Utc>> {
        let created = self.created.as_ref().map(|created| created.at);
        let purchased = self.purchased.as_ref().map(|purchased| purchased.first.at);
        created.into_iter().chain(purchased).min()
    }

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

    /// The order as it was placed; `None` until that is known.
    fn placed(&self) -> Option<Placed<'_>> {
        let minute = Minute::containing(self.placed_at()?)?;
        let (created, purchased) = (self.created.as_ref(), self.purchased.as_ref());
        let of_purchase = purchased.map(|purchased| purchased.first.currency);
        let currency = created.map(|created| created.currency).or(of_purchase)?;
        let sold = purchased.map(|purchased| sold_in(currency, purchased));
        let of_lines = || sold.iter().flatten().map(|sold| sold.money).fold(Amount::ZERO, add);
        let value = created.map_or_else(|| of_lines().max(Amount::ZERO), |created| created.value);
        let ordered = match created {
            Some(created) => created.products.iter().map(Sold::of_product).collect(),
            None => sold.iter().flatten().copied().filter(Sold::is_named).collect(),
        };
        let mut placed = Placed {
            minute,
            status: self.stage.as_ref().map_or(STATUS_CREATED, |stage| &stage.status),
            currency,
            value,
            is_incomplete: purchased.is_some_and(|purchased| {
                let mut lines = purchased.lines.iter();
                purchased.lines.has_more() || lines.any(|(line, _)| line.currency != currency)
            }),
            ordered,
            sold,
        };
        placed.is_incomplete |= self.refunds.has_more();
        placed.is_incomplete |= self.refunds.iter().any(|reported| match reported.refund.what {
            RefundOf::Everything => false,
            RefundOf::Money(_, of_refund) => of_refund != currency,
            RefundOf::Units(_) => {
                let item = reported.refund.item.as_deref();
                item.and_then(|item| placed.sold_of(item)).is_none()
            }
        });
        Some(placed)
    }
}

/// The sums of the lines in a currency, by item; the lines are ascending by item.
fn sold_in(currency: Currency, purchased: &Purchases) -> Vec<Sold<'_>> {
    let mut sums: Vec<Sold<'_>> = Vec::new();
    for (line, count) in purchased.lines.iter().filter(|(line, _)| line.currency == currency) {
        let (units, money) = (line.units.times(count), line.money.times(count));
        match sums.last_mut() {
            Some(last) if last.name == line.item => {
                last.units += units;
                last.money += money;
            }
            _ => sums.push(Sold { name: &line.item, units, money }),
        }
    }
    sums
}

fn add(left: Amount, right: Amount) -> Amount {
    left.saturating_add(right)
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
    /// The items of its lines, without money of none.
    pub(crate) fn sold_items(&self) -> impl Iterator<Item = &Sold<'a>> {
        self.sold.iter().flatten().filter(|sold| sold.is_named())
    }

    /// An item of its lines of which there are units.
    pub(crate) fn sold_of(&self, item: &str) -> Option<&Sold<'a>> {
        self.sold_items().find(|sold| sold.name == item && sold.units > Amount::ZERO)
    }

    /// Its value without the money of these items: money without an item, discounts, and what the
    /// creation has beyond the lines: shipping, taxes.
    pub(crate) fn other_money(&self) -> Amount {
        self.value.saturating_sub(self.sold_items().map(|sold| sold.money).fold(Amount::ZERO, add))
    }

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
