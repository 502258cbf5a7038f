//! What orders count.

use std::collections::BTreeMap;

use crate::count::key::TallyKey;
use crate::count::orders::{Order, orders};
use crate::count::other::OTHER;
use crate::count::refunds::GivenBack;
use crate::decimal::Decimal;
use crate::read::order::{OrderEvent, RefundOf};
use crate::read::values::minute_of;

/// What these events add up to, with what no order counts for any more left out.
pub fn order_tallies<'a>(
    events: impl IntoIterator<Item = &'a OrderEvent>,
) -> BTreeMap<TallyKey, Decimal> {
    tallies_of_orders(&orders(events))
}

/// What these orders add up to, with what no order counts for left out.
pub fn tallies_of_orders(
    orders: &BTreeMap<(String, String), Order>,
) -> BTreeMap<TallyKey, Decimal> {
    let whole = orders.iter().map(|((site, _), order)| (site.as_str(), order, Contribution::Whole));
    tallies_of_contributions(whole)
}

/// How much of an order its counters have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contribution {
    /// All of it.
    Whole,
    /// Of its refunds and its cancellation only the first so many, in the order in which they give
    /// back: the others have not been written yet.
    FirstRefunds(usize),
    /// What builds counted that knew no refunds of orders. A cancellation gave back what it says,
    /// or the value, and only at the minute of the order.
    WithoutRefunds,
}

/// What orders of these sites add up to if their counters have so much of them.
pub fn tallies_of_contributions<'a>(
    orders: impl IntoIterator<Item = (&'a str, &'a Order, Contribution)>,
) -> BTreeMap<TallyKey, Decimal> {
    let mut tallies = BTreeMap::new();
    for (site, order, contribution) in orders {
        let mut sums = Sums { site, tallies: &mut tallies };
        match order.placed_at().zip(order.currency()) {
            Some((at, currency)) => {
                let place = Place { minute: minute_of(at), currency };
                add_placed(order, place, contribution, &mut sums);
            }
            None => add_refunds_alone(order, contribution, &mut sums),
        }
    }
    tallies.retain(|_, number| !number.is_zero());
    tallies
}

/// The sums of a site.
struct Sums<'a> {
    site: &'a str,
    tallies: &'a mut BTreeMap<TallyKey, Decimal>,
}

impl Sums<'_> {
    fn add(&mut self, measure: &str, minute: i64, key: &str, number: Decimal) {
        let (site, measure, key) = (self.site.to_owned(), measure.to_owned(), key.to_owned());
        *self.tallies.entry(TallyKey { site, measure, minute, key }).or_default() += number;
    }
}

/// When and in which currency an order counts.
#[derive(Clone, Copy)]
struct Place<'a> {
    minute: i64,
    currency: &'a str,
}

fn add_placed(order: &Order, place: Place<'_>, contribution: Contribution, sums: &mut Sums<'_>) {
    let Place { minute, currency } = place;
    sums.add("orders", minute, order.status(), Decimal::ONE);
    let value_measure = format!("order_value:{currency}");
    sums.add(&value_measure, minute, "orders", Decimal::ONE);
    sums.add(&value_measure, minute, "gross", order.value());
    if order.is_incomplete() {
        sums.add(&value_measure, minute, "incomplete", Decimal::ONE);
    }
    let sales_measure = format!("sales:{currency}");
    let items = order.items();
    for (item, (units, _)) in &items {
        sums.add("units", minute, item, *units);
    }
    for (item, money) in order.sales() {
        sums.add(&sales_measure, minute, item, money);
    }
    let products = match &order.made {
        Some((_, made)) => made.products.clone(),
        None => {
            let items = items.into_iter().filter(|(item, _)| *item != OTHER);
            items.map(|(item, (units, money))| (item.to_owned(), units, money)).collect()
        }
    };
    for (name, units, money) in products {
        sums.add("ordered", minute, &name, units);
        sums.add(&format!("ordered_value:{currency}"), minute, &name, money);
    }
    match contribution {
        Contribution::Whole => add_given_back(order, place, usize::MAX, sums),
        Contribution::FirstRefunds(refunds) => add_given_back(order, place, refunds, sums),
        Contribution::WithoutRefunds => {
            let refunded = order.cancelled.map(|(_, refund)| refund.unwrap_or(order.value()));
            sums.add(&value_measure, minute, "refunded", refunded.unwrap_or_default());
        }
    }
}

/// Adds what the first refunds of an order gave back, and what its lines sell.
fn add_given_back(order: &Order, place: Place<'_>, refunds: usize, sums: &mut Sums<'_>) {
    let Place { minute: placed, currency } = place;
    let value_measure = format!("order_value:{currency}");
    let [refunds_measure, moved_measure] =
        ["refunds", "refunds_moved"].map(|measure| format!("{measure}:{currency}"));
    let has_lines = !order.lines.is_empty();
    if has_lines {
        sums.add(&value_measure, placed, "sales", order.value());
    }
    for given_back in order.given_back().into_iter().take(refunds) {
        let GivenBack { at, money, wanted_beyond, by_item } = given_back;
        let minute = minute_of(at);
        sums.add(&value_measure, placed, "refunded", money);
        sums.add(&value_measure, placed, "over_refunded", wanted_beyond);
        sums.add(&value_measure, minute, "refunds", money);
        if has_lines {
            sums.add(&value_measure, minute, "sales_refunds", money);
        }
        for (item, money) in by_item {
            sums.add(&refunds_measure, minute, item, money);
            if minute != placed {
                sums.add(&moved_measure, minute, item, -money);
                sums.add(&moved_measure, placed, item, money);
            }
        }
    }
}

/// Adds the refunds of an order that nobody saw placed: those of money, whatever their currency.
fn add_refunds_alone(order: &Order, contribution: Contribution, sums: &mut Sums<'_>) {
    let refunds = match contribution {
        Contribution::Whole => usize::MAX,
        Contribution::FirstRefunds(refunds) => refunds,
        Contribution::WithoutRefunds => 0,
    };
    for (refund, reported) in order.refunds_in_order().into_iter().take(refunds) {
        if let RefundOf::Money(money, currency) = &refund.what {
            let (minute, key) = (minute_of(reported.at), refund.item.as_deref().unwrap_or(OTHER));
            sums.add(&format!("refunds:{currency}"), minute, key, money.times(reported.count));
        }
    }
}
