//! Compares what an object counts before and after a person is forgotten.

use crate::chunk::ChunkCount;
use crate::chunk::forget::meaning::replace_customers;
use crate::chunk::forget::person::{Known, Person};
use crate::count::secret::VisitorSecret;
use crate::order::facts::OrderFacts;
use crate::plan::{Plan, PlanInputs};

/// What differs between the counts of an object and of what is to replace it, both with this
/// secret; `None` if it is only that the orders of the person have stand-ins.
pub fn difference(
    before: &ChunkCount,
    after: &ChunkCount,
    inputs: &PlanInputs,
    person: &Person,
    secret: VisitorSecret,
) -> Option<&'static str> {
    let known = Known::new(person, secret);
    if before.outcomes != after.outcomes {
        return Some("what becomes of its lines");
    }
    if Plan::of(before, inputs) != Plan::of(after, inputs) {
        return Some("what it adds to the counters");
    }
    if !before.visitors.sketches().eq(after.visitors.sketches()) {
        return Some("its visitors");
    }
    if orders(before, &known) != orders(after, &known) {
        return Some("what it reports about orders");
    }
    None
}

/// What is reported about each order, as it is to be once the person is forgotten.
fn orders(count: &ChunkCount, known: &Known<'_>) -> Vec<(String, String, OrderFacts)> {
    let mut orders: Vec<(String, String, OrderFacts)> = count
        .orders
        .iter()
        .map(|(order, facts)| {
            let (mut id, mut facts) = (order.id.clone(), facts.clone());
            if order.site == known.person.site && known.has_order(&order.id) {
                let own = std::mem::replace(&mut id, known.order(&order.id));
                facts.refunds.change_event_ids(|event| {
                    let stand_in = if *event == own { Some(id.clone()) } else { None };
                    if let Some(stand_in) = stand_in.or_else(|| known.stand_in_of(event)) {
                        *event = stand_in;
                    }
                });
                replace_customers(&mut facts, known);
            }
            (order.site.clone(), id, facts)
        })
        .collect();
    orders.sort_unstable_by(|(site, id, _), (other_site, other_id, _)| {
        (site, id).cmp(&(other_site, other_id))
    });
    orders
}
