//! The possible states of orders. An order changes with each chunk that reports it, and it is not
//! always known which chunks were counted so far.

use std::collections::{BTreeMap, BTreeSet};

use minutebook_oracle::{Order, OrderEvent, orders};

/// An order, by its site and id.
pub(crate) type OrderName = (String, String);

/// The possible states of each order. `None` means that no event of the order is counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderStates(BTreeMap<OrderName, Vec<Option<Order>>>);

impl OrderStates {
    /// The states that are possible if the chunks in `counted` are certainly counted, and those in
    /// `uploaded` perhaps.
    ///
    /// Each element holds the events of one chunk. A chunk may be in both lists.
    pub(crate) fn between(counted: &[&[OrderEvent]], uploaded: &[&[OrderEvent]]) -> OrderStates {
        let events = uploaded.iter().copied().flatten();
        let names: BTreeSet<OrderName> = events.map(name).collect();
        OrderStates(
            names
                .into_iter()
                .map(|order| {
                    let states = states(&order, counted, uploaded);
                    (order, states)
                })
                .collect(),
        )
    }

    /// Orders whose states are certain.
    pub(crate) fn known<'a>(
        orders: impl Iterator<Item = (&'a OrderName, &'a Order)>,
    ) -> OrderStates {
        OrderStates(orders.map(|(name, order)| (name.clone(), vec![Some(order.clone())])).collect())
    }

    /// The possible states of an order.
    pub(crate) fn of(&self, order: &OrderName) -> &[Option<Order>] {
        self.0.get(order).map_or(&[None], Vec::as_slice)
    }

    /// All orders with their possible states.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OrderName, &[Option<Order>])> {
        self.0.iter().map(|(name, states)| (name, states.as_slice()))
    }
}

/// Goes through the chunks once, which is enough because an order's state does not depend on the
/// sequence in which chunks are counted.
fn states(
    order: &OrderName,
    counted: &[&[OrderEvent]],
    uploaded: &[&[OrderEvent]],
) -> Vec<Option<Order>> {
    let of_order = |chunk: &&'_ [OrderEvent]| -> Vec<OrderEvent> {
        chunk.iter().filter(|event| name(event) == *order).cloned().collect()
    };
    let known: Vec<OrderEvent> = counted.iter().flat_map(of_order).collect();
    let mut states = vec![(become_of(order, &known), known)];
    for reported in uploaded.iter().map(of_order).filter(|events| !events.is_empty()) {
        for place in 0..states.len() {
            let mut events = states[place].1.clone();
            events.extend(reported.iter().cloned());
            let state = become_of(order, &events);
            if !states.iter().any(|(known, _)| *known == state) {
                states.push((state, events));
            }
        }
    }
    states.into_iter().map(|(state, _)| state).collect()
}

fn become_of(order: &OrderName, events: &[OrderEvent]) -> Option<Order> {
    orders(events).remove(order)
}

fn name(event: &OrderEvent) -> OrderName {
    (event.site.clone(), event.order.clone())
}
