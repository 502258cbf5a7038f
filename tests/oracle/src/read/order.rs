//! An event about an order: what it reports.

use std::collections::BTreeMap;

use crate::decimal::Decimal;
use crate::read::fields::{
    CURRENCY, ITEM_NAME, NEW_STATUS, ORDER_NUMBER, ORDER_TOTAL, PRICE, QUANTITY, REFUND_AMOUNT,
    STATUS, Sources, TOTAL_AMOUNT,
};
use crate::read::json::Value;
use crate::read::money::Money;
use crate::read::notes::EventNotes;
use crate::read::types::OrderKind;
use crate::read::values::{amount, currency, id, invalid};

/// How many items an order may have.
const ITEMS_MAX: usize = 500;

/// How long the names of an order's products may be in all, in bytes.
const PRODUCT_NAMES_BYTES_MAX: usize = 80 * 1_024;

/// How long a status may be, in bytes.
const STATUS_BYTES_MAX: usize = 64;

/// How many different lines an order may have.
pub(crate) const LINES_MAX: usize = 249;

/// How many different refunds an order may have.
pub(crate) const REFUNDS_MAX: usize = 100;

/// The largest total of an order.
const TOTAL_MAX: u64 = 1_000_000_000_000;

/// An event about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    /// The site.
    pub site: String,
    /// The order.
    pub order: String,
    /// Nanoseconds since 1970.
    pub at: i128,
    /// What happened.
    pub what: What,
}

/// What happened to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It was made.
    Created {
        /// What it is.
        order: Made,
        /// Its first status.
        status: String,
    },
    /// It got a status.
    Changed(String),
    /// It was cancelled; the refund, if one is told.
    Cancelled(Option<Decimal>),
    /// Some of it, or all, was bought.
    Purchased {
        /// The currency of the event.
        currency: String,
        /// Whose event it is.
        customer: Option<String>,
        /// The lines, and how many there are of each.
        lines: BTreeMap<Line, u64>,
    },
    /// Some of it, or all, was given back: the refunds, and how many there are of each.
    Refunded(BTreeMap<Refund, u64>),
}

/// What is given back together, in the order in which refunds count if there are too many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refund {
    /// The id of its event.
    pub event_id: Option<String>,
    /// The item; none of money without one, and of everything.
    pub item: Option<String>,
    /// What is given back.
    pub what: RefundOf,
}

/// What a refund gives back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefundOf {
    /// What is left of the order.
    Everything,
    /// So many of the item.
    Units(Decimal),
    /// Money, and its currency.
    Money(Decimal, String),
}

/// What is bought together, in the order in which lines count if there are too many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The currency of the money.
    pub currency: String,
    /// The item; `(other)` of money without one, and of discounts.
    pub item: String,
    /// How many.
    pub units: Decimal,
    /// What they cost together; negative for a discount.
    pub money: Decimal,
}

/// An order as it was made; of two that were made at one time the lesser one counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Made {
    /// Its number.
    pub number: Option<String>,
    /// Who made it.
    pub customer: Option<String>,
    /// The currency of its money.
    pub currency: String,
    /// What it costs.
    pub value: Decimal,
    /// What was ordered: name, units, money; ascending, each name once.
    pub products: Vec<(String, Decimal, Decimal)>,
}

/// Checks what only an event about an order has, and says what happened to it. The fields that all
/// events have were checked before.
///
/// # Errors
/// The reason for which the line is rejected.
pub(crate) fn check(
    kind: OrderKind,
    sources: &Sources<'_>,
    customer: Option<String>,
    currency: String,
    notes: &mut EventNotes,
) -> Result<What, String> {
    Ok(match kind {
        OrderKind::Created => {
            let number = notes.optional(ORDER_NUMBER, id(sources, ORDER_NUMBER));
            let status = notes.optional(STATUS, status(sources, STATUS));
            let total = match amount(sources, TOTAL_AMOUNT)? {
                None => amount(sources, ORDER_TOTAL)?,
                total => total,
            };
            let (products, sum) = products(sources, notes)?;
            let value = total.or(sum).ok_or("missing:total_amount")?;
            if value > Decimal::from(TOTAL_MAX) || value < Decimal::ZERO {
                return Err("invalid:total_amount".to_owned());
            }
            let status = status.unwrap_or_else(|| "CREATED".to_owned());
            What::Created { order: Made { number, customer, currency, value, products }, status }
        }
        OrderKind::StatusChanged => {
            What::Changed(status(sources, NEW_STATUS)?.ok_or("missing:newStatus")?)
        }
        OrderKind::Cancelled => {
            What::Cancelled(amount(sources, REFUND_AMOUNT)?.map(Decimal::absolute))
        }
    })
}

type Products = Vec<(String, Decimal, Decimal)>;

/// What was ordered, and what all of it costs, where each item tells.
fn products(
    sources: &Sources<'_>,
    notes: &mut EventNotes,
) -> Result<(Products, Option<Decimal>), String> {
    let Some(items) = sources.items() else {
        return Ok((Vec::new(), None));
    };
    let mut sums: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
    let mut all = Some(Decimal::ZERO);
    for (place, item) in items.iter().enumerate() {
        let Value::Object(item) = item else {
            return Err("invalid:items".to_owned());
        };
        if place >= ITEMS_MAX {
            return Err("invalid:items".to_owned());
        }
        let item = Sources::of_item(item);
        notes.optional(CURRENCY, currency(&item));
        let name = id(&item, ITEM_NAME)?;
        let price = amount(&item, PRICE)?;
        let units = amount(&item, QUANTITY)?.unwrap_or(Decimal::ONE);
        let total = amount(&item, TOTAL_AMOUNT)?;
        let money = match (total, price) {
            (Some(total), _) => Some(total),
            (None, Some(price)) => {
                let money = Money::of_price(price, units).ok_or_else(|| invalid(TOTAL_AMOUNT))?;
                Some(if money.is_given_back { -money.amount } else { money.amount })
            }
            (None, None) => None,
        };
        let name = name.ok_or("missing:item_name")?;
        // A discount is no product.
        let is_discount = money.is_some() && (units < Decimal::ZERO || money < Some(Decimal::ZERO));
        let money = match is_discount {
            true => money.map(|money| -money.absolute()),
            false => money,
        };
        if !is_discount {
            let (units_sum, money_sum) = sums.entry(name).or_default();
            *units_sum += units;
            *money_sum += money.unwrap_or(Decimal::ZERO);
        }
        all = match (all, money) {
            (Some(all), Some(money)) => Some(all + money),
            _ => None,
        };
    }
    if sums.keys().map(String::len).sum::<usize>() > PRODUCT_NAMES_BYTES_MAX {
        return Err("invalid:items".to_owned());
    }
    Ok((sums.into_iter().map(|(name, (units, money))| (name, units, money)).collect(), all))
}

fn status(sources: &Sources<'_>, field: &'static str) -> Result<Option<String>, String> {
    match sources.find(field) {
        None => Ok(None),
        Some(Value::Text(status)) if status.len() <= STATUS_BYTES_MAX => Ok(Some(status.clone())),
        Some(_) => Err(invalid(field)),
    }
}
