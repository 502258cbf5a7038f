//! Orders, recounted from all of their events.

use std::collections::BTreeMap;

use crate::decimal::Decimal;
use crate::event::{self, Settings, invalid, minute_of};
use crate::fields::{
    NEW_STATUS, ORDER_NUMBER, PRICE, PRODUCT_NAME, QUANTITY, REFUND_AMOUNT, STATUS, Sources,
    TOTAL_AMOUNT,
};
use crate::json::Value;
use crate::recount::TallyKey;

/// How many items an order may have.
const ITEMS_MAX: usize = 500;

/// How long a status may be, in bytes.
const STATUS_BYTES_MAX: usize = 64;

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

/// What has become of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// When it was made, in nanoseconds since 1970, and what it is; `None` if no event tells.
    pub made: Option<(i128, Made)>,
    /// Since when it has its status (in nanoseconds since 1970), by which event, and the status.
    pub status: (i128, &'static str, String),
    /// When it was cancelled (in nanoseconds since 1970), if it was, and the refund if one was
    /// told.
    pub cancelled: Option<(i128, Option<Decimal>)>,
}

/// All orders of these events, by site and id. An event that comes twice changes nothing, and
/// neither does their order.
pub fn orders<'a>(
    events: impl IntoIterator<Item = &'a OrderEvent>,
) -> BTreeMap<(String, String), Order> {
    let mut by_order: BTreeMap<(String, String), Vec<&OrderEvent>> = BTreeMap::new();
    for event in events {
        by_order.entry((event.site.clone(), event.order.clone())).or_default().push(event);
    }
    by_order.into_iter().filter_map(|(name, events)| Some((name, become_of(&events)?))).collect()
}

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
    let mut tallies: BTreeMap<TallyKey, Decimal> = BTreeMap::new();
    for ((site, _), order) in orders {
        let Some((at, made)) = order.made.clone() else { continue };
        let minute = minute_of(at);
        let mut add = |measure: String, key: &str, number: Decimal| {
            let key = TallyKey { site: site.clone(), measure, minute, key: key.to_owned() };
            *tallies.entry(key).or_default() += number;
        };
        add("orders".to_owned(), &order.status.2, Decimal::ONE);
        let value_measure = format!("order_value:{}", made.currency);
        add(value_measure.clone(), "orders", Decimal::ONE);
        add(value_measure.clone(), "gross", made.value);
        if let Some((_, refund)) = &order.cancelled {
            add(value_measure, "refunded", refund.unwrap_or(made.value));
        }
        for (name, units, money) in made.products {
            add("ordered".to_owned(), &name, units);
            add(format!("ordered_value:{}", made.currency), &name, money);
        }
    }
    tallies.retain(|_, number| !number.is_zero());
    tallies
}

fn become_of(events: &[&OrderEvent]) -> Option<Order> {
    let mut made: Vec<(i128, Made)> = Vec::new();
    let mut statuses: Vec<(i128, u8, &'static str, String)> = Vec::new();
    let mut cancelled: Vec<(i128, Option<Decimal>)> = Vec::new();
    for event in events {
        match &event.what {
            What::Created { order, status } => {
                made.push((event.at, order.clone()));
                statuses.push((event.at, 0, "creation", status.clone()));
            }
            What::Changed(status) => statuses.push((event.at, 1, "change", status.clone())),
            What::Cancelled(refund) => {
                cancelled.push((event.at, *refund));
                statuses.push((event.at, 2, "cancellation", "CANCELLED".to_owned()));
            }
        }
    }
    let (at, _, by, status) = statuses.into_iter().max()?;
    Some(Order {
        made: made.into_iter().min(),
        status: (at, by, status),
        cancelled: cancelled.into_iter().min(),
    })
}

/// The three types of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderKind {
    Created,
    StatusChanged,
    Cancelled,
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
    currency: Option<String>,
    settings: &Settings,
) -> Result<What, String> {
    Ok(match kind {
        OrderKind::Created => {
            let number = event::id(sources, ORDER_NUMBER)?;
            let status = status(sources, STATUS)?.unwrap_or_else(|| "CREATED".to_owned());
            let total = event::amount(sources, TOTAL_AMOUNT)?;
            let (products, sum) = products(sources)?;
            let value = total.or(sum).ok_or("missing:total_amount")?;
            if value > Decimal::from(TOTAL_MAX) {
                return Err("invalid:total_amount".to_owned());
            }
            let currency = currency.unwrap_or_else(|| settings.default_currency.clone());
            What::Created { order: Made { number, customer, currency, value, products }, status }
        }
        OrderKind::StatusChanged => {
            What::Changed(status(sources, NEW_STATUS)?.ok_or("missing:newStatus")?)
        }
        OrderKind::Cancelled => What::Cancelled(event::amount(sources, REFUND_AMOUNT)?),
    })
}

type Products = Vec<(String, Decimal, Decimal)>;

/// What was ordered, and what all of it costs, where each item tells.
fn products(sources: &Sources<'_>) -> Result<(Products, Option<Decimal>), String> {
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
        let item = Sources::of(item);
        event::currency(&item)?;
        let name = event::id(&item, PRODUCT_NAME)?;
        let price = event::amount(&item, PRICE)?;
        let units = event::amount(&item, QUANTITY)?.unwrap_or(Decimal::ONE);
        let total = event::amount(&item, TOTAL_AMOUNT)?;
        let money = event::money(total, price, units)?;
        let (units_sum, money_sum) = sums.entry(name.ok_or("missing:productName")?).or_default();
        *units_sum += units;
        *money_sum += money.unwrap_or(Decimal::ZERO);
        all = match (all, money) {
            (Some(all), Some(money)) => Some(all + money),
            _ => None,
        };
    }
    Ok((sums.into_iter().map(|(name, (units, money))| (name, units, money)).collect(), all))
}

fn status(sources: &Sources<'_>, spellings: &[&str]) -> Result<Option<String>, String> {
    match sources.find(spellings) {
        None => Ok(None),
        Some(Value::Text(status)) if status.len() <= STATUS_BYTES_MAX => Ok(Some(status.clone())),
        Some(_) => Err(invalid(spellings)),
    }
}
