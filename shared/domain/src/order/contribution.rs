//! What an order adds to the counters.

use chrono::{DateTime, Utc};

use crate::count::amount::Amount;
use crate::count::measure::{Currency, Measure};
use crate::count::tally::OTHER_KEY;
use crate::order::facts::{OrderFacts, Product, STATUS_CREATED};
use crate::order::purchases::Purchases;
use crate::time::Minute;

/// The key of the measure [`Measure::OrderValue`] for the number of orders.
pub const COUNT: &str = "orders";

/// The key of the measure [`Measure::OrderValue`] for the value of orders.
pub const GROSS: &str = "gross";

/// The key of the measure [`Measure::OrderValue`] for the money that cancellations refunded.
pub const REFUNDED: &str = "refunded";

/// The key of the measure [`Measure::OrderValue`] for the number of orders of which a line does not
/// count.
pub const INCOMPLETE: &str = "incomplete";

/// What an order adds to the counters, all of it in the minute in which it was placed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contribution<'a> {
    /// The minute in which it was placed.
    pub minute: Minute,
    /// Its current status.
    pub status: &'a str,
    /// The currency of its money.
    pub currency: Currency,
    /// Its value.
    pub value: Amount,
    /// The money that its cancellation refunded.
    pub refunded: Amount,
    /// Whether a line of it does not count.
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

    /// What the order adds to the counters; `None` until it is known to have been placed.
    pub fn contribution(&self) -> Option<Contribution<'_>> {
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
        Some(Contribution {
            minute,
            status: self.stage.as_ref().map_or(STATUS_CREATED, |stage| &stage.status),
            currency,
            value,
            refunded: self
                .cancelled
                .as_ref()
                .map_or(Amount::ZERO, |cancelled| cancelled.refund.unwrap_or(value)),
            is_incomplete: purchased.is_some_and(|purchased| {
                let mut lines = purchased.lines.iter();
                purchased.lines.has_more() || lines.any(|(line, _)| line.currency != currency)
            }),
            ordered,
            sold,
        })
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
    /// The counters that it adds to; no amount is zero, and no counter occurs twice.
    pub fn counters(&self) -> impl Iterator<Item = (Measure, &'a str, Amount)> {
        let currency = self.currency;
        let value = Measure::OrderValue(currency);
        let incomplete = if self.is_incomplete { Amount::ONE } else { Amount::ZERO };
        let order = [
            (Measure::Orders, self.status, Amount::ONE),
            (value, COUNT, Amount::ONE),
            (value, GROSS, self.value),
            (value, REFUNDED, self.refunded),
            (value, INCOMPLETE, incomplete),
        ];
        let ordered = self.ordered.iter().flat_map(move |&Sold { name, units, money }| {
            [(Measure::Ordered, name, units), (Measure::OrderedValue(currency), name, money)]
        });
        let sales = Measure::Sales(currency);
        let named = |sold: &&Sold<'_>| sold.is_named();
        let sold = || self.sold.iter().flatten();
        let units = sold().map(|sold| (Measure::Units, sold.name, sold.units));
        let money = sold().filter(named).map(move |sold| (sales, sold.name, sold.money));
        let of_items = sold().filter(named).map(|sold| sold.money).fold(Amount::ZERO, add);
        // Money without an item, discounts, and what the creation has beyond the lines: shipping,
        // taxes.
        let other = self.sold.as_ref().map(|_| self.value.saturating_sub(of_items));
        let other = other.map(|other| (sales, OTHER_KEY, other));
        let all = order.into_iter().chain(ordered).chain(units).chain(money).chain(other);
        all.filter(|(_, _, amount)| *amount != Amount::ZERO)
    }
}

#[cfg(test)]
#[path = "contribution_tests.rs"]
mod tests;
