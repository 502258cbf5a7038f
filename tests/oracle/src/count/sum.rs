//! What several chunks count together.

use std::collections::BTreeMap;

use crate::count::key::TallyKey;
use crate::count::order_tallies::order_tallies;
use crate::count::recount::Recount;
use crate::decimal::Decimal;

/// Adds up what several chunks count, with what they together report of orders.
pub fn sum<'a>(recounts: impl IntoIterator<Item = &'a Recount>) -> BTreeMap<TallyKey, Decimal> {
    let mut sums: BTreeMap<TallyKey, Decimal> = BTreeMap::new();
    let mut order_events = vec![];
    for recount in recounts {
        for (key, number) in &recount.tallies {
            *sums.entry(key.clone()).or_default() += *number;
        }
        order_events.extend(&recount.orders);
    }
    for (key, number) in order_tallies(order_events) {
        *sums.entry(key).or_default() += number;
    }
    sums
}
