//! What the refunds of an order and its cancellation give back, of which items.

use chrono::{DateTime, Utc};

use crate::count::amount::{Amount, UNITS_PER_MILLIONTH};
use crate::count::measure::Currency;
use crate::count::tally::OTHER_KEY;
use crate::order::facts::OrderFacts;
use crate::order::placed::{Placed, Sold};
use crate::order::refunds::{RefundOf, ReportedRefund};
use crate::time::Minute;

/// What a refund of an order, or its cancellation, gives back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GivenBack<'a> {
    /// When.
    pub minute: Minute,
    /// The currency of the money.
    pub currency: Currency,
    /// The money, at most what was left of the order; zero if the order was not placed yet.
    pub money: Amount,
    /// What it names beyond that.
    pub over: Amount,
    /// What it adds to the refunds of items, each once; no amount is zero.
    pub by_item: Vec<(&'a str, Amount)>,
}

/// How much a refund or a cancellation wants.
#[derive(Clone, Copy)]
enum Wanted {
    /// So much money.
    Money(Amount),
    /// As much as brings all that was given back to this.
    UpTo(Amount),
    /// All that is left.
    Everything,
}

/// What is left of an order.
struct Left<'a> {
    money: Amount,
    /// Of each item and of [`OTHER_KEY`]; `None` if its lines are unknown.
    by_item: Option<Vec<(&'a str, Amount)>>,
}

impl OrderFacts {
    /// How many refunds it has, the cancellation included.
    pub fn refund_count(&self) -> usize {
        self.refunds.len() + usize::from(self.cancelled.is_some())
    }

    /// The refunds in the order in which they give back; the cancellation comes after all of them.
    fn refunds_in_turn(&self) -> Vec<&ReportedRefund> {
        let mut in_turn: Vec<&ReportedRefund> = self.refunds.iter().collect();
        in_turn.sort_by_key(|ReportedRefund { refund, at, .. }| {
            (refund.what == RefundOf::Everything, *at, refund)
        });
        in_turn
    }

    /// What the first refunds give back, in turn; the cancellation is the last.
    pub(crate) fn given_back<'a>(
        &'a self,
        placed: Option<&Placed<'a>>,
        count: usize,
    ) -> Vec<GivenBack<'a>> {
        let Some(placed) = placed else {
            let refunds = self.refunds_in_turn().into_iter().take(count);
            return refunds.filter_map(of_unknown_order).collect();
        };
        let mut left = Left::of(placed);
        let refunds =
            self.refunds_in_turn().into_iter().map(|ReportedRefund { refund, count, at }| {
                let item = refund.item.as_deref();
                (*at, item, wanted(refund.what, item, *count, placed))
            });
        let cancelled = self.cancelled.as_ref().map(|cancelled| {
            (cancelled.at, None, cancelled.refund.map_or(Wanted::Everything, Wanted::UpTo))
        });
        let in_turn = refunds.chain(cancelled).take(count);
        in_turn.filter_map(|(at, item, wanted)| left.give_back(at, item, wanted, placed)).collect()
    }
}

/// Refunds of an order that nobody has seen count what they name, in their own currency.
fn of_unknown_order(reported: &ReportedRefund) -> Option<GivenBack<'_>> {
    let ReportedRefund { refund, count, at } = reported;
    let (minute, item) = (Minute::containing(*at)?, refund.item.as_deref().unwrap_or(OTHER_KEY));
    let RefundOf::Money(money, currency) = refund.what else { return None };
    let money = money.times(*count);
    // Under the empty key too, as what is of no order.
    let by_item = vec![("", money), (item, money)];
    Some(GivenBack { minute, currency, money: Amount::ZERO, over: Amount::ZERO, by_item })
}

fn wanted(what: RefundOf, item: Option<&str>, count: u32, placed: &Placed<'_>) -> Wanted {
    match what {
        RefundOf::Everything => Wanted::Everything,
        RefundOf::Money(money, currency) if currency == placed.currency => {
            Wanted::Money(money.times(count))
        }
        RefundOf::Money(..) => Wanted::Money(Amount::ZERO),
        RefundOf::Units(units) => Wanted::Money(
            item.and_then(|item| placed.sold_of(item))
                .map_or(Amount::ZERO, |sold| money_of_units(sold, units.times(count))),
        ),
    }
}

/// The money of so many units of an item, rounded down to 6 decimals; at most all of it.
fn money_of_units(sold: &Sold<'_>, units: Amount) -> Amount {
    if units >= sold.units {
        return sold.money;
    }
    let share = share(sold.money.units().unsigned_abs(), units.units(), sold.units.units());
    Amount::from_units((share - share % UNITS_PER_MILLIONTH.unsigned_abs()).cast_signed())
}

/// `all` × `part` / `whole`, rounded down, for a part that is less than the whole. The product may
/// not fit into 128 bits.
fn share(all: u128, part: i128, whole: i128) -> u128 {
    let (part, whole) = (part.unsigned_abs(), whole.unsigned_abs().max(1));
    let (quotient, rest) = (all / whole, all % whole);
    // Both are as for the bits of the part that were seen.
    let (mut share, mut remainder) = (0_u128, 0_u128);
    for bit in (0..u128::BITS - part.leading_zeros()).rev() {
        let is_set = part >> bit & 1;
        share = share * 2 + quotient * is_set;
        remainder = remainder * 2 + rest * is_set;
        share += remainder / whole;
        remainder %= whole;
    }
    share
}

impl<'a> Left<'a> {
    fn of(placed: &Placed<'a>) -> Left<'a> {
        let by_item = placed.sold.as_ref().map(|_| {
            let named = placed.sold_items().map(|sold| (sold.name, sold.money));
            named.chain([(OTHER_KEY, placed.other_money())]).collect()
        });
        Left { money: placed.value, by_item }
    }

    /// What a refund gives back; `None` if its time is out of range.
    fn give_back(
        &mut self,
        at: DateTime<Utc>,
        item: Option<&'a str>,
        wanted: Wanted,
        placed: &Placed<'a>,
    ) -> Option<GivenBack<'a>> {
        let minute = Minute::containing(at)?;
        let wanted = match wanted {
            Wanted::Money(money) => money,
            Wanted::Everything => self.money,
            Wanted::UpTo(all) => {
                let given = placed.value.saturating_sub(self.money);
                all.saturating_sub(given).max(Amount::ZERO)
            }
        };
        let money = wanted.min(self.money);
        let is_all = item.is_none() && money == self.money;
        self.money = self.money.saturating_sub(money);
        Some(GivenBack {
            minute,
            currency: placed.currency,
            money,
            over: wanted.saturating_sub(money),
            by_item: self.of_items(item, money, is_all),
        })
    }

    /// Takes money from what is left of the items.
    fn of_items(
        &mut self,
        item: Option<&'a str>,
        money: Amount,
        is_all: bool,
    ) -> Vec<(&'a str, Amount)> {
        let Some(by_item) = &mut self.by_item else { return vec![] };
        let mut taken = Vec::new();
        let mut take = |(name, left): &mut (&'a str, Amount), money: Amount| {
            *left = left.saturating_sub(money);
            if money != Amount::ZERO {
                taken.push((*name, money));
            }
        };
        if is_all {
            by_item.iter_mut().for_each(|left| take(left, left.1));
            return taken;
        }
        // The items, and last what has no item.
        let only = (by_item.len() == 2).then(|| by_item[0].0);
        let item = item.or(only);
        let mut money = money;
        if let Some(left) = by_item.iter_mut().find(|(name, _)| item == Some(*name)) {
            let of_item = match left.0 == OTHER_KEY {
                true => money,
                false => money.min(left.1.max(Amount::ZERO)),
            };
            take(left, of_item);
            money = money.saturating_sub(of_item);
        }
        if let Some(other) = by_item.last_mut().filter(|_| money != Amount::ZERO) {
            take(other, money);
        }
        taken
    }
}
