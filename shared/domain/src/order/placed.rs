//! An order as it was placed: when, for how much, and which items of it were sold.

use chrono::{DateTime, Utc};

use crate::count::amount::Amount;
use crate::count::measure::Currency;
use crate::count::tally::OTHER_KEY;
use crate::order::facts::{OrderFacts, Product, STATUS_CREATED};
use crate::order::purchases::Purchases;
use crate::order::refunds::RefundOf;
use crate::time::Minute;

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
    pub(crate) fn is_named(&self) -> bool {
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

    /// The order as it was placed; `None` until that is known.
    pub(crate) fn placed(&self) -> Option<Placed<'_>> {
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

impl<'a> Placed<'a> {
    /// The items of its lines, without money of none.
    pub(crate) fn sold_items(&self) -> impl Iterator<Item = &Sold<'a>> {
        self.sold.iter().flatten().filter(|sold| sold.is_named())
    }

    /// An item of its lines, if it has units.
    pub(crate) fn sold_of(&self, item: &str) -> Option<&Sold<'a>> {
        self.sold_items().find(|sold| sold.name == item && sold.units > Amount::ZERO)
    }

    /// Its value without the money of these items: money without an item, discounts, and what the
    /// creation has beyond the lines: shipping, taxes.
    pub(crate) fn other_money(&self) -> Amount {
        self.value.saturating_sub(self.sold_items().map(|sold| sold.money).fold(Amount::ZERO, add))
    }
}

pub(crate) fn add(left: Amount, right: Amount) -> Amount {
    left.saturating_add(right)
}
