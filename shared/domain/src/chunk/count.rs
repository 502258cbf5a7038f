//! The result of counting a chunk.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chunk::id::ContentHash;
use crate::count::tally::Tally;
use crate::count::visitors::ChunkVisitors;
use crate::event::line::ReadLine;
use crate::event::reason::{Field, Reason};
use crate::order::facts::Orders;
use crate::time::{DayRange, Minute, QuartersBySite};

/// The result of counting a chunk.
#[derive(Debug)]
pub struct ChunkCount {
    /// The hash of the stored bytes.
    pub content_hash: ContentHash,
    /// The outcomes of its lines.
    pub outcomes: Outcomes,
    /// What its events add to the counters.
    pub tally: Tally,
    /// The visitors of the counted events.
    pub visitors: ChunkVisitors,
    /// What its events report about orders.
    pub orders: Orders,
    /// The hours that have rows of their quarters.
    pub quarters: Arc<QuartersBySite>,
    /// The rejected lines that have not been taken yet: whole lines of JSONL.
    pub rejected: Vec<u8>,
}

impl ChunkCount {
    /// The sites of the counted events, each with the days from the first to the last for which
    /// anything is counted.
    pub fn sites(&self) -> BTreeMap<&str, DayRange> {
        let mut sites = self.tally.days_of_sites();
        let of_orders = self.orders.unsorted().flat_map(|(order, facts)| {
            let minutes = facts.times().filter_map(Minute::containing);
            minutes.map(|minute| (order.site.as_str(), minute))
        });
        for (site, minute) in self.visitors.minutes_of_sites().chain(of_orders) {
            let day = DayRange::of(minute.hour().day());
            let days = sites.entry(site).or_insert(day);
            *days = days.union(day);
        }
        sites
    }
}

/// The outcomes of the lines of a chunk. An element of an `events` array is a line of its own.
///
/// **Guarantees**: `lines` is the sum of `counted`, `ignored`, `duplicate` and all of `rejected`.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct Outcomes {
    /// The lines that are not blank.
    pub lines: u64,
    /// The lines that are counted.
    pub counted: u64,
    /// The lines with nothing to count.
    pub ignored: u64,
    /// The lines that were counted before.
    pub duplicate: u64,
    /// The rejected lines by reason; no value is zero.
    pub rejected: BTreeMap<Reason, u64>,
    /// The counted events.
    pub events: u64,
    /// What is reported about lines that are not rejected.
    pub notes: OutcomeNotes,
}

impl Outcomes {
    /// The number of rejected lines, for any reason.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }
}

/// What is reported about lines that are not rejected.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct OutcomeNotes {
    /// How often an event did without a field because its value is unusable; no value is zero.
    pub dropped: BTreeMap<Field, u64>,
    /// The events of unknown types, which are ignored.
    pub unknown_types: UnknownTypes,
    /// The purchases whose money is unknown.
    pub purchases_without_money: u64,
}

/// The unknown types of a chunk.
///
/// **Guarantees**: a pure function of the chunk. Types beyond the first
/// [`UNKNOWN_TYPES_MAX`] different ones are counted, but have no names.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct UnknownTypes {
    /// All events of unknown types.
    pub events: u64,
    /// The events of each type; of a long name at most [`TYPE_BYTES_MAX`] bytes. No value is zero.
    pub by_name: BTreeMap<String, u64>,
}

/// How many different unknown types of a chunk have names. A shop has some dozens; more are ids
/// that stand in the wrong place.
pub const UNKNOWN_TYPES_MAX: usize = 1_000;

/// How many unknown types of a chunk are reported, the most frequent ones.
pub const UNKNOWN_TYPES_REPORTED: usize = 10;

/// How much of the name of an unknown type is kept, in bytes of UTF-8.
pub const TYPE_BYTES_MAX: usize = 64;

impl UnknownTypes {
    /// The most frequent types, at most [`UNKNOWN_TYPES_REPORTED`]; of equal ones the smaller names.
    pub fn most_frequent(&self) -> Vec<(&str, u64)> {
        let mut types: Vec<(&str, u64)> =
            self.by_name.iter().map(|(name, events)| (&**name, *events)).collect();
        types.sort_by_key(|(_, events)| Reverse(*events));
        types.truncate(UNKNOWN_TYPES_REPORTED);
        types
    }

    fn add(&mut self, name: &str) {
        self.events += 1;
        let name = &name[..name.floor_char_boundary(TYPE_BYTES_MAX)];
        if let Some(events) = self.by_name.get_mut(name) {
            *events += 1;
        } else if self.by_name.len() < UNKNOWN_TYPES_MAX {
            self.by_name.insert(name.to_string(), 1);
        }
    }
}

impl OutcomeNotes {
    /// Adds what a line is noted for; `line` is the line as it was read.
    #[cold]
    pub(super) fn add(&mut self, read: &ReadLine, line: &[u8]) {
        for field in &read.notes.dropped {
            *self.dropped.entry(*field).or_default() += 1;
        }
        for name in &read.notes.unknown_types {
            self.unknown_types.add(&String::from_utf8_lossy(read.text(line, *name)));
        }
        self.purchases_without_money += read.notes.purchases_without_money;
    }
}
