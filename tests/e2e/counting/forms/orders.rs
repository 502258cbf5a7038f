//! Orders that are reported several times, in full each time.

use std::collections::BTreeMap;

use super::Expected;

/// What is known of an order.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Names, units and cents.
    pub(super) products: Vec<(String, u64, u64)>,
    pub(super) currency: String,
    pub(super) cents: u64,
    pub(super) is_cancelled: bool,
    /// When it had which status, in seconds; at one time the later kind counts.
    statuses: BTreeMap<(i64, StatusKind), String>,
}

/// What tells of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StatusKind {
    Creation,
    Change,
    Cancellation,
}

impl Order {
    pub(super) fn has_status(&mut self, time: i64, kind: StatusKind, status: &str) {
        self.statuses.insert((time, kind), status.to_string());
    }
}

impl Expected {
    /// Counts orders, which lie in the two days.
    pub(super) fn count_orders(&mut self, orders: impl IntoIterator<Item = Order>) {
        for order in orders {
            let status = order.statuses.into_values().next_back().unwrap_or_default();
            *self.orders.entry(status).or_default() += 1;
            let (gross, refunded) = self.order_money.entry(order.currency.clone()).or_default();
            *gross += order.cents;
            if order.is_cancelled {
                *refunded += order.cents;
            }
            for (name, units, cents) in order.products {
                let product = self.products.entry(name).or_default();
                product.0 += units;
                *product.1.entry(order.currency.clone()).or_default() += cents;
            }
        }
    }
}
