//! Orders, recounted from all of their events.

use std::collections::BTreeMap;

use crate::count::key::TallyKey;
use crate::decimal::Decimal;
use crate::read::order::{Made, OrderEvent, What};
use crate::read::values::minute_of;

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
