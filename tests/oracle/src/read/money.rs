//! The money of items.

use crate::decimal::Decimal;

/// Money that is paid, or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Money {
    /// Never negative.
    pub(crate) amount: Decimal,
    pub(crate) is_given_back: bool,
}

impl Money {
    /// The money of a total for so many of an item.
    pub(crate) fn of_total(total: Decimal, quantity: Decimal) -> Self {
        let is_given_back = total < Decimal::ZERO || quantity < Decimal::ZERO;
        Self { amount: total.absolute(), is_given_back }
    }

    /// The money of so many of an item at a price; `None` if that is too much.
    pub(crate) fn of_price(price: Decimal, quantity: Decimal) -> Option<Self> {
        let is_given_back = price < Decimal::ZERO || quantity < Decimal::ZERO;
        let amount = price.absolute().product(quantity.absolute())?;
        Some(Self { amount, is_given_back })
    }
}

/// Money that several items share.
pub(crate) struct Share {
    pub(crate) total: Decimal,
    pub(crate) quantities: Vec<Decimal>,
}

/// The share of each item; none if a quantity is negative.
pub(crate) fn split(share: Share) -> Vec<Money> {
    let Share { total, quantities } = share;
    if quantities.iter().any(|quantity| *quantity < Decimal::ZERO) {
        return Vec::new();
    }
    let is_given_back = total < Decimal::ZERO;
    let whole = total.absolute();
    let all: Decimal = quantities.iter().copied().sum();
    let mut rest = whole;
    let mut shares: Vec<Money> = Vec::new();
    for quantity in &quantities {
        let amount = whole.share(*quantity, all);
        rest = rest - amount;
        shares.push(Money { amount, is_given_back });
    }
    if let Some(last) = shares.last_mut() {
        last.amount += rest;
    }
    shares
}
