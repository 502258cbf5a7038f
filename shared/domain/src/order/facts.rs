//! Orders: what their events say, merged so that neither their order nor their repetition matters,
//! and what an order counts for.
//!
//! The events of an order come in chunks of their own, late, twice and out of order. So nothing is
//! counted of an event: what is known of the order is merged with what it says, and the order
//! counts for what it stands for then.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, Utc};

use crate::count::amount::Amount;
use crate::count::measure::{Currency, Measure};
use crate::time::Minute;

/// The items that an order may have: what it counts for, and what it counted for before, must fit
/// one transaction.
pub const ORDER_ITEMS_MAX: usize = 500;

/// The bytes that the status of an order may have.
pub const STATUS_BYTES_MAX: usize = 64;

/// The status of a created order that names none.
pub const STATUS_CREATED: &str = "CREATED";

/// The status of an order from its cancellation on.
pub const STATUS_CANCELLED: &str = "CANCELLED";

/// The key of the measure [`Measure::OrderValue`] for how many orders there are.
pub const COUNT: &str = "orders";

/// The key of the measure [`Measure::OrderValue`] for what orders cost.
pub const GROSS: &str = "gross";

/// The key of the measure [`Measure::OrderValue`] for what cancellations gave back.
pub const REFUNDED: &str = "refunded";

/// What is known of an order.
///
/// **Guarantees**: [`merge`](OrderFacts::merge) is commutative, associative and idempotent: facts
/// are the same whatever order the events come in, and however often each of them comes.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct OrderFacts {
    /// Its creation: the earliest that was told of.
    pub created: Option<Creation>,
    /// Its status: the latest that was told of.
    pub stage: Option<Stage>,
    /// Its cancellation: the earliest that was told of.
    pub cancelled: Option<Cancellation>,
}

/// How an order began.
///
/// **Shape**: ordered by time, then by all the rest, so that of two that tell of one time it is
/// always the same that counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Creation {
    /// When, to the nanosecond.
    pub at: DateTime<Utc>,
    /// The number that people know the order by.
    pub number: Option<String>,
    /// Who ordered.
    pub customer: Option<String>,
    /// The currency of its money.
    pub currency: Currency,
    /// What it costs.
    pub value: Amount,
    /// What was ordered, ascending by name, each name once.
    pub products: Vec<Product>,
}

/// A product of an order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Product {
    /// Its name.
    pub name: String,
    /// How many were ordered.
    pub units: Amount,
    /// What they cost.
    pub money: Amount,
}

/// A status that an order has had from some time on.
///
/// **Shape**: ordered by time, then by what told of it, then by the status: the greatest is the
/// present one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stage {
    /// Since when, to the nanosecond.
    pub at: DateTime<Utc>,
    /// What told of it.
    pub source: Source,
    /// The status.
    pub status: String,
}

/// The events that tell of a status; of two at the same time the later one here is believed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    /// The creation of the order.
    Creation,
    /// A change of its status.
    Change,
    /// Its cancellation.
    Cancellation,
}

/// How an order was cancelled.
///
/// **Shape**: ordered by time, then by the refund, none first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cancellation {
    /// When, to the nanosecond.
    pub at: DateTime<Utc>,
    /// What was given back; `None` if it does not say, and then it is all that the order costs.
    pub refund: Option<Amount>,
}

/// What an order counts for, all of it at the minute of its creation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contribution<'a> {
    /// The minute of its creation.
    pub minute: Minute,
    /// Its present status.
    pub status: &'a str,
    /// The currency of its money.
    pub currency: Currency,
    /// What it costs.
    pub value: Amount,
    /// What its cancellation gave back.
    pub refunded: Amount,
    /// What was ordered.
    pub products: &'a [Product],
}

impl OrderFacts {
    /// What a creation says, with the status that the order begins with.
    pub fn of_creation(creation: Creation, status: &str) -> OrderFacts {
        let stage = Stage { at: creation.at, source: Source::Creation, status: status.to_string() };
        OrderFacts { created: Some(creation), stage: Some(stage), cancelled: None }
    }

    /// What a change of the status says.
    pub fn of_change(at: DateTime<Utc>, status: &str) -> OrderFacts {
        let stage = Stage { at, source: Source::Change, status: status.to_string() };
        OrderFacts { created: None, stage: Some(stage), cancelled: None }
    }

    /// What a cancellation says.
    pub fn of_cancellation(cancellation: Cancellation) -> OrderFacts {
        let status = STATUS_CANCELLED.to_string();
        let stage = Stage { at: cancellation.at, source: Source::Cancellation, status };
        OrderFacts { created: None, stage: Some(stage), cancelled: Some(cancellation) }
    }

    /// Adds what others know of the same order.
    pub fn merge(&mut self, other: OrderFacts) {
        let OrderFacts { created, stage, cancelled } = other;
        if created.is_some() && (self.created.is_none() || created < self.created) {
            self.created = created;
        }
        // No stage is less than any.
        if stage > self.stage {
            self.stage = stage;
        }
        if cancelled.is_some() && (self.cancelled.is_none() || cancelled < self.cancelled) {
            self.cancelled = cancelled;
        }
    }

    /// What the order counts for; `None` while its creation is not known.
    pub fn contribution(&self) -> Option<Contribution<'_>> {
        let (created, stage) = (self.created.as_ref()?, self.stage.as_ref()?);
        let refund = |cancelled: &Cancellation| cancelled.refund.unwrap_or(created.value);
        Some(Contribution {
            minute: Minute::containing(created.at)?,
            status: &stage.status,
            currency: created.currency,
            value: created.value,
            refunded: self.cancelled.as_ref().map_or(Amount::ZERO, refund),
            products: &created.products,
        })
    }

    /// About what it takes in memory or in a row, in bytes.
    pub fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let of_creation = |created: &Creation| {
            let names: usize = created.products.iter().map(|product| product.name.len()).sum();
            text(&created.number)
                + text(&created.customer)
                + names
                + created.products.len() * size_of::<Product>()
        };
        size_of::<OrderFacts>() + self.created.as_ref().map_or(0, of_creation)
    }
}

impl<'a> Contribution<'a> {
    /// The counters that it adds to, none of them zero.
    pub fn counters(self) -> impl Iterator<Item = (Measure, &'a str, Amount)> {
        let (value, ordered_value) =
            (Measure::OrderValue(self.currency), Measure::OrderedValue(self.currency));
        let order = [
            (Measure::Orders, self.status, Amount::ONE),
            (value, COUNT, Amount::ONE),
            (value, GROSS, self.value),
            (value, REFUNDED, self.refunded),
        ];
        let products = self.products.iter().flat_map(move |product| {
            let name = product.name.as_str();
            [(Measure::Ordered, name, product.units), (ordered_value, name, product.money)]
        });
        order.into_iter().chain(products).filter(|(_, _, amount)| *amount != Amount::ZERO)
    }
}

/// Adds up the products of an order by their names.
#[derive(Default)]
pub(crate) struct ProductSums(BTreeMap<String, (Amount, Amount)>);

impl ProductSums {
    pub(crate) fn add(&mut self, name: &str, units: Amount, money: Amount) {
        let (units_sum, money_sum) = self.0.entry(name.to_string()).or_default();
        *units_sum += units;
        *money_sum += money;
    }

    pub(crate) fn finish(self) -> Vec<Product> {
        self.0.into_iter().map(|(name, (units, money))| Product { name, units, money }).collect()
    }
}

/// What a chunk says of orders.
///
/// **Guarantees**: the same whatever order its lines have.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Orders {
    by_id: BTreeMap<OrderId, OrderFacts>,
    bytes: usize,
}

/// Which order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrderId {
    /// The site that it belongs to.
    pub site: String,
    /// Its id there.
    pub id: String,
}

impl Orders {
    /// Adds what an event says.
    pub fn add(&mut self, site: &str, id: &str, facts: OrderFacts) {
        let order = OrderId { site: site.to_string(), id: id.to_string() };
        match self.by_id.entry(order) {
            Entry::Vacant(place) => {
                self.bytes += size_of::<OrderId>() + site.len() + id.len() + facts.bytes();
                place.insert(facts);
            }
            Entry::Occupied(mut known) => {
                self.bytes -= known.get().bytes();
                known.get_mut().merge(facts);
                self.bytes += known.get().bytes();
            }
        }
    }

    /// The orders, ascending by site and id.
    pub fn iter(&self) -> impl Iterator<Item = (&OrderId, &OrderFacts)> {
        self.by_id.iter()
    }

    /// How many orders there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// About what they take in memory, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
