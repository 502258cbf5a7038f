//! What is known about orders.
//!
//! The events of an order arrive in different chunks, late, repeatedly and out of order. So an
//! event is not counted by itself: its facts are merged into what is known about the order, and the
//! counters change by the difference between the contributions before and after.

use chrono::{DateTime, Utc};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::count::amount::Amount;
use crate::count::measure::Currency;
use crate::count::tally::numbers::number_of;
use crate::hash_seed::HashSeed;
use crate::order::purchases::Purchases;
use crate::order::refunds::Refunds;
use crate::time::Minute;

/// The maximum number of items in an order: its contributions before and after a change must fit
/// into one transaction.
pub const ORDER_ITEMS_MAX: usize = 500;

/// The maximum size of the names of an order's products, in bytes: what a transaction adds to all of
/// its rows must stay below 4 MB.
pub const PRODUCT_NAMES_BYTES_MAX: usize = 80 * 1_024;

/// The maximum length of an order's status, in bytes.
pub const STATUS_BYTES_MAX: usize = 64;

/// The status of an order of which none is known.
pub const STATUS_CREATED: &str = "CREATED";

/// The status of a cancelled order.
pub const STATUS_CANCELLED: &str = "CANCELLED";

/// What is known about an order.
///
/// **Guarantees**: [`merge`](OrderFacts::merge) is commutative, associative and idempotent: facts
/// do not depend on the order of the events or on how often each of them arrives.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct OrderFacts {
    /// The earliest creation event seen.
    pub created: Option<Creation>,
    /// The latest status seen.
    pub stage: Option<Stage>,
    /// The earliest cancellation event seen.
    pub cancelled: Option<Cancellation>,
    /// What purchases report about it.
    pub purchased: Option<Purchases>,
    /// What was refunded of it.
    pub refunds: Refunds,
}

/// The creation of an order.
///
/// **Shape**: ordered by time, then by all other fields, so that the choice between two creations
/// at the same time is always the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Creation {
    /// When, to the nanosecond.
    pub at: DateTime<Utc>,
    /// The number that is shown to people.
    pub number: Option<String>,
    /// The customer who ordered.
    pub customer: Option<String>,
    /// The currency of its money.
    pub currency: Currency,
    /// Its value.
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

/// A status of an order, and the time from which it applies.
///
/// **Shape**: ordered by time, then by source, then by status; the greatest is the current one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stage {
    /// From when, to the nanosecond.
    pub at: DateTime<Utc>,
    /// The kind of event that reported it.
    pub source: Source,
    /// The status.
    pub status: String,
}

/// The kinds of events that report a status. At equal times the later variant wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    /// The creation of the order.
    Creation,
    /// A change of its status.
    Change,
    /// Its cancellation.
    Cancellation,
}

/// The cancellation of an order.
///
/// **Shape**: ordered by time, then by the refund, none first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cancellation {
    /// When, to the nanosecond.
    pub at: DateTime<Utc>,
    /// What is refunded in all, with the other refunds of the order; `None` refunds its whole value.
    pub refund: Option<Amount>,
}

impl OrderFacts {
    /// The facts of a creation, with the initial status of the order.
    pub fn of_creation(creation: Creation, status: impl Into<String>) -> OrderFacts {
        let stage = Stage { at: creation.at, source: Source::Creation, status: status.into() };
        OrderFacts { created: Some(creation), stage: Some(stage), ..OrderFacts::default() }
    }

    /// The facts of a status change.
    pub fn of_change(at: DateTime<Utc>, status: impl Into<String>) -> OrderFacts {
        let stage = Stage { at, source: Source::Change, status: status.into() };
        OrderFacts { stage: Some(stage), ..OrderFacts::default() }
    }

    /// The facts of a cancellation.
    pub fn of_cancellation(cancellation: Cancellation) -> OrderFacts {
        let status = STATUS_CANCELLED.to_string();
        let stage = Stage { at: cancellation.at, source: Source::Cancellation, status };
        OrderFacts { stage: Some(stage), cancelled: Some(cancellation), ..OrderFacts::default() }
    }

    /// The facts of a purchase.
    pub fn of_purchase(purchased: Purchases) -> OrderFacts {
        OrderFacts { purchased: Some(purchased), ..OrderFacts::default() }
    }

    /// The facts of an event that refunds.
    pub fn of_refunds(refunds: Refunds) -> OrderFacts {
        OrderFacts { refunds, ..OrderFacts::default() }
    }

    /// Merges other facts about the same order.
    pub fn merge(&mut self, other: OrderFacts) {
        let OrderFacts { created, stage, cancelled, purchased, refunds } = other;
        if created.is_some() && (self.created.is_none() || created < self.created) {
            self.created = created;
        }
        // `None` is less than any stage.
        if stage > self.stage {
            self.stage = stage;
        }
        if cancelled.is_some() && (self.cancelled.is_none() || cancelled < self.cancelled) {
            self.cancelled = cancelled;
        }
        match (&mut self.purchased, purchased) {
            (Some(known), Some(purchased)) => known.merge(purchased),
            (known @ None, purchased) => *known = purchased,
            (Some(_), None) => {}
        }
        self.refunds.merge(refunds);
    }

    /// The minute by which changes of the order are sorted: that in which it was placed or, before
    /// that is known, that of its latest status or its first refund.
    pub fn first_minute(&self) -> Option<Minute> {
        let status_at = self.stage.as_ref().map(|stage| stage.at);
        self.placed_at().or(status_at).or(self.refunds.first_at()).and_then(Minute::containing)
    }

    /// The times of the events that reported them.
    pub fn times(&self) -> impl Iterator<Item = DateTime<Utc>> {
        let created = self.created.as_ref().map(|created| created.at);
        let stage = self.stage.as_ref().map(|stage| stage.at);
        let cancelled = self.cancelled.as_ref().map(|cancelled| cancelled.at);
        let purchased = self.purchased.as_ref().map(|purchased| purchased.first.at);
        let refunded = self.refunds.iter().map(|reported| reported.at);
        [created, stage, cancelled, purchased].into_iter().flatten().chain(refunded)
    }

    /// Its approximate size in memory or in a row, in bytes.
    pub fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let of_creation = |created: &Creation| {
            let names: usize = created.products.iter().map(|product| product.name.len()).sum();
            text(&created.number)
                + text(&created.customer)
                + names
                + created.products.len() * size_of::<Product>()
        };
        size_of::<OrderFacts>()
            + self.created.as_ref().map_or(0, of_creation)
            + self.purchased.as_ref().map_or(0, Purchases::more_bytes)
            + self.refunds.more_bytes()
    }
}

/// Sums the products of an order by name.
#[derive(Default)]
pub(crate) struct ProductSums(Vec<Product>);

impl ProductSums {
    pub(crate) fn add(&mut self, product: Product) {
        match self.0.binary_search_by(|known| known.name.cmp(&product.name)) {
            Ok(known) => {
                self.0[known].units += product.units;
                self.0[known].money += product.money;
            }
            Err(place) => self.0.insert(place, product),
        }
    }

    pub(crate) fn finish(self) -> Vec<Product> {
        self.0
    }
}

/// What a chunk reports about orders.
///
/// **Guarantees**: does not depend on the order of the lines.
#[derive(Debug)]
pub struct Orders {
    known: Vec<(OrderId, OrderFacts)>,
    /// Their places in `known`: a table of large entries would be copied whenever it grows.
    places: HashTable<u32>,
    seed: HashSeed,
    bytes: usize,
}

/// Identifies an order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrderId {
    /// The site that it belongs to.
    pub site: String,
    /// Its id there.
    pub id: String,
}

impl Default for Orders {
    fn default() -> Orders {
        Orders { known: vec![], places: HashTable::new(), seed: HashSeed::random(), bytes: 0 }
    }
}

impl PartialEq for Orders {
    fn eq(&self, other: &Orders) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Orders {}

impl Orders {
    /// Merges the facts of an event.
    pub fn add(&mut self, site: &str, id: &str, facts: OrderFacts) {
        self.add_utf8(site.as_bytes(), id.as_bytes(), facts);
    }

    /// Merges the facts of an event, of which the texts are known to be UTF-8.
    pub(crate) fn add_utf8(&mut self, site: &[u8], id: &[u8], facts: OrderFacts) {
        let Orders { known, places, seed, bytes } = self;
        let order_at = |place: u32| &known[place as usize].0;
        let found = places.entry(
            hash(*seed, site, id),
            |place| {
                let order = order_at(*place);
                order.site.as_bytes() == site && order.id.as_bytes() == id
            },
            |place| {
                let order = order_at(*place);
                hash(*seed, order.site.as_bytes(), order.id.as_bytes())
            },
        );
        match found {
            Entry::Vacant(free) => {
                let owned = |text| String::from_utf8_lossy(text).into_owned();
                let order = OrderId { site: owned(site), id: owned(id) };
                *bytes += size_of::<OrderId>() + site.len() + id.len() + facts.bytes();
                free.insert(number_of(known.len()));
                known.push((order, facts));
            }
            Entry::Occupied(place) => {
                let (_, known) = &mut known[*place.get() as usize];
                *bytes -= known.bytes();
                known.merge(facts);
                *bytes += known.bytes();
            }
        }
    }

    /// The orders, ascending by site and id.
    pub fn iter(&self) -> impl Iterator<Item = (&OrderId, &OrderFacts)> {
        let mut orders: Vec<&(OrderId, OrderFacts)> = self.known.iter().collect();
        orders.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        orders.into_iter().map(|(order, facts)| (order, facts))
    }

    /// The orders, in no order.
    pub fn unsorted(&self) -> impl Iterator<Item = (&OrderId, &OrderFacts)> {
        self.known.iter().map(|(order, facts)| (order, facts))
    }

    /// How many orders there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there are no orders.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Their approximate size in memory, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn hash(seed: HashSeed, site: &[u8], id: &[u8]) -> u64 {
    seed.hash_text(site) ^ seed.hash_text(id).rotate_left(u64::BITS / 2)
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
