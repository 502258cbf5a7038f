//! Where the lines of a chunk went, and what is reported about them.

use std::collections::BTreeMap;

use minutebook_oracle::Recount;
use serde_json::{Value, json};

/// Where the lines of a chunk went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) lines: u64,
    pub(crate) counted: u64,
    pub(crate) ignored: u64,
    pub(crate) duplicate: u64,
    pub(crate) rejected: u64,
    pub(crate) rejected_by_reason: BTreeMap<String, u64>,
    pub(crate) events: u64,
    pub(crate) notes: Notes,
}

/// What is reported about lines that were not rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    /// How many events did without a field, by field.
    pub(crate) dropped: BTreeMap<String, u64>,
    /// All events of unknown types.
    pub(crate) unknown: u64,
    /// The most frequent unknown types.
    pub(crate) unknown_types: BTreeMap<String, u64>,
    pub(crate) purchases_without_money: u64,
}

/// How many unknown types of a chunk are reported.
const UNKNOWN_TYPES_REPORTED: usize = 10;

/// How much of the name of an unknown type is reported, in bytes.
const TYPE_BYTES_MAX: usize = 64;

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.counted += other.counted;
        self.ignored += other.ignored;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
        self.events += other.events;
        add(&mut self.rejected_by_reason, &other.rejected_by_reason);
        add(&mut self.notes.dropped, &other.notes.dropped);
        add(&mut self.notes.unknown_types, &other.notes.unknown_types);
        self.notes.unknown += other.notes.unknown;
        self.notes.purchases_without_money += other.notes.purchases_without_money;
    }

    /// Adds the counts to the JSON object of a chunk, a file or a sum.
    pub(crate) fn add_to(&self, object: &mut Value) {
        let Self { lines, counted, ignored, duplicate, rejected, events, .. } = self;
        let counts = [
            ("lines", lines),
            ("counted", counted),
            ("ignored", ignored),
            ("duplicate", duplicate),
            ("rejected", rejected),
            ("events", events),
        ];
        for (name, count) in counts {
            object[name] = json!(count);
        }
        object["rejected_by_reason"] = json!(self.rejected_by_reason);
        let Notes { dropped, unknown, unknown_types, purchases_without_money } = &self.notes;
        object["dropped"] = json!(dropped);
        object["unknown"] = json!(unknown);
        object["unknown_types"] = json!(unknown_types);
        object["purchases_without_money"] = json!(purchases_without_money);
    }
}

fn add(sums: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (name, count) in counts {
        *sums.entry(name.clone()).or_default() += count;
    }
}

impl From<&Recount> for Counts {
    /// The counts that the ledger should have.
    fn from(recount: &Recount) -> Self {
        Self {
            lines: recount.lines,
            counted: recount.counted,
            ignored: recount.ignored,
            duplicate: recount.duplicate,
            rejected: recount.rejected_count(),
            rejected_by_reason: recount.rejected.clone(),
            events: recount.events,
            notes: Notes {
                dropped: recount.dropped.clone(),
                unknown: recount.unknown_types.values().sum(),
                unknown_types: told(&recount.unknown_types),
                purchases_without_money: recount.purchases_without_money,
            },
        }
    }
}

/// The most frequent types as a ledger entry has them.
fn told(types: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (name, events) in types {
        let end = name.floor_char_boundary(TYPE_BYTES_MAX);
        *sums.entry(name[..end].to_owned()).or_default() += events;
    }
    let mut sums: Vec<(String, u64)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
    sums.truncate(UNKNOWN_TYPES_REPORTED);
    sums.into_iter().collect()
}
