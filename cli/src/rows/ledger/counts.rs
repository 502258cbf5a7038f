//! Where the lines of a chunk went.

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
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.counted += other.counted;
        self.ignored += other.ignored;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
        self.events += other.events;
        for (reason, count) in &other.rejected_by_reason {
            *self.rejected_by_reason.entry(reason.clone()).or_default() += count;
        }
    }

    /// Adds the counts to the JSON object of a chunk, a file or a sum.
    pub(crate) fn add_to(&self, object: &mut Value) {
        let Self { lines, counted, ignored, duplicate, rejected, rejected_by_reason, events } =
            self;
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
        object["rejected_by_reason"] = json!(rejected_by_reason);
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
        }
    }
}
