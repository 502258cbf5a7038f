//! What the refunds of an order give back.

use std::collections::BTreeMap;

use crate::count::orders::{Order, ReportedRefund};
use crate::count::other::OTHER;
use crate::decimal::Decimal;
use crate::read::order::{Line, Refund, RefundOf};

/// What a refund or a cancellation gave back.
#[derive(Debug)]
pub(crate) struct GivenBack<'a> {
    /// Nanoseconds since 1970.
    pub(crate) at: i128,
    pub(crate) money: Decimal,
    /// What it wanted beyond that.
    pub(crate) wanted_beyond: Decimal,
    /// Of which items; none in an order without lines.
    pub(crate) by_item: BTreeMap<&'a str, Decimal>,
}

impl Order {
    /// What its refunds and its cancellation gave back.
    pub fn refunded(&self) -> Decimal {
        self.given_back().iter().map(|given_back| given_back.money).sum()
    }

    /// Whether a line or a refund of it does not count.
    pub(crate) fn is_incomplete(&self) -> bool {
        let is_foreign = |line: &Line| self.currency() != Some(line.currency.as_str());
        self.has_more_lines
            || self.has_more_refunds
            || self.lines.keys().any(is_foreign)
            || self.refunds.keys().any(|refund| !self.counts(refund))
    }

    /// Its refunds in the order in which they give back.
    pub(crate) fn refunds_in_order(&self) -> Vec<(&Refund, ReportedRefund)> {
        let refunds = self.refunds.iter().map(|(refund, reported)| (refund, *reported));
        let mut refunds: Vec<(&Refund, ReportedRefund)> = refunds.collect();
        let is_last = |refund: &Refund| refund.what == RefundOf::Everything;
        refunds.sort_by_key(|(refund, reported)| (is_last(refund), reported.at, *refund));
        refunds
    }

    /// Whether a refund counts, if the order was placed.
    fn counts(&self, refund: &Refund) -> bool {
        self.wanted(refund, 1, Decimal::ZERO).is_some()
    }

    /// What each refund gives back, in their order, and then the cancellation.
    pub(crate) fn given_back(&self) -> Vec<GivenBack<'_>> {
        let mut left = Left::of(self);
        let mut all = Vec::new();
        for (refund, reported) in self.refunds_in_order() {
            let wanted = self.wanted(refund, reported.count, left.money).unwrap_or_default();
            all.push(left.give_back(reported.at, refund.item.as_deref(), wanted));
        }
        if let Some((at, refund)) = self.cancelled {
            let before = self.value() - left.money;
            let wanted = refund.map_or(left.money, |refund| (refund - before).max(Decimal::ZERO));
            all.push(left.give_back(at, None, wanted));
        }
        all
    }

    /// How much so many equal refunds want of an order of which so much is left; `None` if they do
    /// not count.
    fn wanted(&self, refund: &Refund, count: u64, left: Decimal) -> Option<Decimal> {
        match &refund.what {
            RefundOf::Everything => Some(left),
            RefundOf::Money(money, currency) => {
                (self.currency() == Some(currency)).then_some(money.times(count))
            }
            RefundOf::Units(units) => {
                let (bought, money) = *self.items().get(refund.item.as_deref()?)?;
                if bought.is_zero() {
                    return None;
                }
                let units = units.times(count);
                Some(if units >= bought { money } else { money.share(units, bought) })
            }
        }
    }
}

/// What is left of an order.
struct Left<'a> {
    money: Decimal,
    /// The same by item; none in an order without lines.
    by_item: BTreeMap<&'a str, Decimal>,
    /// The item of all lines, if they have one.
    only_item: Option<&'a str>,
}

impl<'a> Left<'a> {
    fn of(order: &'a Order) -> Self {
        let by_item = order.sales();
        let mut items = by_item.keys().copied().filter(|item| *item != OTHER);
        let only_item = items.next().filter(|_| items.next().is_none());
        Self { money: order.value(), by_item, only_item }
    }

    /// Gives back what is wanted, or what is left.
    fn give_back(&mut self, at: i128, item: Option<&'a str>, wanted: Decimal) -> GivenBack<'a> {
        let money = wanted.min(self.money);
        let is_all = item.is_none() && money == self.money;
        self.money = self.money - money;
        let by_item = if is_all { self.take_all() } else { self.take(item, money) };
        GivenBack { at, money, wanted_beyond: wanted - money, by_item }
    }

    /// Takes all that is left of each item.
    fn take_all(&mut self) -> BTreeMap<&'a str, Decimal> {
        self.by_item.iter_mut().map(|(item, left)| (*item, std::mem::take(left))).collect()
    }

    /// Takes money of an item, as far as there is some left, and then of none.
    fn take(&mut self, item: Option<&'a str>, money: Decimal) -> BTreeMap<&'a str, Decimal> {
        let mut taken = BTreeMap::new();
        if self.by_item.is_empty() {
            return taken;
        }
        let mut rest = money;
        if let Some(item) = item.or(self.only_item)
            && let Some(left) = self.by_item.get_mut(item)
        {
            let of_item = rest.min(*left);
            *left = *left - of_item;
            rest = rest - of_item;
            taken.insert(item, of_item);
        }
        *self.by_item.entry(OTHER).or_default() += -rest;
        taken.insert(OTHER, rest);
        taken
    }
}
