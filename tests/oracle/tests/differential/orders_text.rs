//! What the reader and the oracle know of an order, as texts that are compared.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::order::contribution::Counted;
use minutebook_domain::order::facts::{Creation, OrderFacts};
use minutebook_domain::order::purchases::{FirstPurchase, OrderLine, Purchases};
use minutebook_domain::order::refunds;
use minutebook_oracle::{
    Contribution, Decimal, Line, Made, Order, Purchase, Refund, RefundOf, TallyKey,
    tallies_of_contributions,
};

/// Of how many refunds the counters of orders are compared, beside all and those of version 1.
const REFUNDS: [usize; 3] = [0, 1, 3];

/// What the purchases of an order say, in a form of neither side: the time, the currency and the
/// customer of the earliest, the lines as [`line_text`] has them, and whether there are more.
fn purchases_text(
    earliest: Option<(i128, &str, Option<&str>)>,
    lines: &[String],
    has_more_lines: bool,
) -> String {
    format!("{earliest:?} {lines:?} {has_more_lines}")
}

/// A line of an order, and how many there are of it.
fn line_text(currency: &str, item: &str, [units, money]: [String; 2], count: u64) -> String {
    format!("{currency} {item:?} {units} {money} x {count}")
}

/// What the reader knows of the purchases of an order.
fn purchases_of_reader(known: &OrderFacts) -> String {
    let Some(Purchases { first, lines }) = &known.purchased else {
        return purchases_text(None, &[], false);
    };
    let FirstPurchase { at, currency, customer } = first;
    let earliest = (nanoseconds(*at), currency.as_str(), customer.as_deref());
    let texts = lines.iter().map(|(line, count)| {
        let OrderLine { currency, item, units, money } = line;
        let sums = [units.to_string(), money.to_string()];
        line_text(currency.as_str(), item, sums, u64::from(count))
    });
    purchases_text(Some(earliest), &texts.collect::<Vec<_>>(), lines.has_more())
}

/// What the refunds of an order say, in a form of neither side: each as [`refund_text`] has it, and
/// whether there are more.
fn refunds_text(refunds: &[String], has_more_refunds: bool) -> String {
    format!("{refunds:?} {has_more_refunds}")
}

/// A refund of an order, how many there are of it, and when the earliest was.
fn refund_text(
    event_id: Option<&str>,
    item: Option<&str>,
    what: [String; 2],
    count: u64,
    at: i128,
) -> String {
    format!("{event_id:?} {item:?} {what:?} x {count} at {at}")
}

/// What the reader knows of the refunds of an order.
fn refunds_of_reader(known: &OrderFacts) -> String {
    let refunds = known.refunds.iter().map(|reported| {
        let refunds::ReportedRefund { refund, count, at } = reported;
        let refunds::Refund { event_id, item, what } = refund;
        let what = match what {
            refunds::RefundOf::Everything => ["everything".to_owned(), String::new()],
            refunds::RefundOf::Units(units) => [units.to_string(), "units".to_owned()],
            refunds::RefundOf::Money(money, currency) => {
                [money.to_string(), currency.as_str().to_owned()]
            }
        };
        let (count, at) = (u64::from(*count), nanoseconds(*at));
        refund_text(event_id.as_deref(), item.as_deref(), what, count, at)
    });
    refunds_text(&refunds.collect::<Vec<_>>(), known.refunds.has_more())
}

fn refunds_of_oracle(order: &Order) -> String {
    let refunds = order.refunds.iter().map(|(refund, reported)| {
        let Refund { event_id, item, what } = refund;
        let what = match what {
            RefundOf::Everything => ["everything".to_owned(), String::new()],
            RefundOf::Units(units) => [units.to_string(), "units".to_owned()],
            RefundOf::Money(money, currency) => [money.to_string(), currency.clone()],
        };
        refund_text(event_id.as_deref(), item.as_deref(), what, reported.count, reported.at)
    });
    refunds_text(&refunds.collect::<Vec<_>>(), order.has_more_refunds)
}

fn nanoseconds(time: DateTime<Utc>) -> i128 {
    i128::from(time.timestamp()) * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos())
}

fn purchases_of_oracle(order: &Order) -> String {
    let earliest = order.purchased.as_ref().map(|purchase| {
        let Purchase { at, currency, customer } = purchase;
        (*at, currency.as_str(), customer.as_deref())
    });
    let lines = order.lines.iter().map(|(line, count)| {
        let Line { currency, item, units, money } = line;
        line_text(currency, item, [units.to_string(), money.to_string()], *count)
    });
    purchases_text(earliest, &lines.collect::<Vec<_>>(), order.has_more_lines)
}

pub(super) fn order_of_reader(known: &OrderFacts) -> String {
    let created = known.created.as_ref().map(|created| {
        let Creation { at, number, customer, currency, value, products } = created;
        let products: Vec<String> = products
            .iter()
            .map(|product| format!("{:?} {} {}", product.name, product.units, product.money))
            .collect();
        let at = nanoseconds(*at);
        format!("{at} {number:?} {customer:?} {currency} {value} {products:?}")
    });
    let stage = known.stage.as_ref().map(|stage| {
        let source = format!("{:?}", stage.source).to_lowercase();
        format!("{} {source} {:?}", nanoseconds(stage.at), stage.status)
    });
    let cancelled = known.cancelled.as_ref().map(|cancelled| {
        let refund = cancelled.refund.map(|refund| refund.to_string());
        format!("{} {refund:?}", nanoseconds(cancelled.at))
    });
    let [purchases, refunds] = [purchases_of_reader(known), refunds_of_reader(known)];
    format!("{created:?} {stage:?} {cancelled:?} {purchases} {refunds}")
}

pub(super) fn order_of_oracle(order: &Order) -> String {
    let created = order.made.as_ref().map(|(at, made)| {
        let Made { number, customer, currency, value, products } = made;
        let products: Vec<String> = products
            .iter()
            .map(|(name, units, money)| format!("{name:?} {units} {money}"))
            .collect();
        format!("{at} {number:?} {customer:?} {currency} {value} {products:?}")
    });
    let stage = order.status.as_ref();
    let stage = stage.map(|(at, source, status)| format!("{at} {source} {status:?}"));
    let cancelled = order.cancelled.map(|(at, refund)| {
        let refund = refund.map(|refund| refund.to_string());
        format!("{at} {refund:?}")
    });
    let [purchases, refunds] = [purchases_of_oracle(order), refunds_of_oracle(order)];
    format!("{created:?} {stage:?} {cancelled:?} {purchases} {refunds}")
}

/// The cells that an order counts for the reader: all of it, what counters of version 1 have, and
/// with some of its refunds only.
pub(super) fn counted_by_reader(known: &OrderFacts) -> impl Iterator<Item = String> {
    let some = REFUNDS.map(|refunds| (refunds.to_string(), Counted::Refunds(refunds)));
    let all = [("all", known.all_counted()), ("version 1", Counted::Version1)];
    let all = all.map(|(name, counted)| (name.to_owned(), counted));
    all.into_iter().chain(some).flat_map(move |(name, counted)| {
        let mut sums = BTreeMap::new();
        for (minute, measure, key, amount) in known.contribution_of(counted).counters() {
            let cell = cell_text(&name, &measure.to_string(), minute.number().into(), key);
            *sums.entry(cell).or_insert(Amount::ZERO) += amount;
        }
        sums.retain(|_, sum| *sum != Amount::ZERO);
        sums.into_iter().map(|(cell, sum)| format!("{cell} {sum}")).collect::<Vec<_>>()
    })
}

/// The same for the oracle.
pub(super) fn counted_by_oracle(order: &Order) -> impl Iterator<Item = String> {
    let some = REFUNDS.map(|refunds| (refunds.to_string(), Contribution::FirstRefunds(refunds)));
    let all = [("all", Contribution::Whole), ("version 1", Contribution::WithoutRefunds)];
    let all = all.map(|(name, contribution)| (name.to_owned(), contribution));
    all.into_iter().chain(some).flat_map(move |(name, contribution)| {
        let tallies = tallies_of_contributions([("", order, contribution)]);
        let cell = |(cell, number): (&TallyKey, &Decimal)| {
            format!("{} {number}", cell_text(&name, &cell.measure, cell.minute, &cell.key))
        };
        tallies.iter().map(cell).collect::<Vec<_>>()
    })
}

fn cell_text(counted: &str, measure: &str, minute: i64, key: &str) -> String {
    format!("counts ({counted} of its refunds) {measure} {minute} {key:?}")
}
