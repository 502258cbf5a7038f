//! Where the lines of all chunks went.

use std::ops::AddAssign;

use crate::count::recount::Recount;

/// The outcomes of chunks, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many chunks there are.
    pub chunks: u64,
    /// Lines that are not blank.
    pub lines: u64,
    /// Lines that were counted.
    pub counted: u64,
    /// Lines that no measure wants.
    pub ignored: u64,
    /// Lines whose events were all seen before in their chunk.
    pub duplicate: u64,
    /// Lines that were rejected, for whatever reason.
    pub rejected: u64,
    /// Events that were counted.
    pub events: u64,
    /// Events of unknown types.
    pub unknown: u64,
    /// How often an event did without a field.
    pub dropped: u64,
    /// Purchases of which nobody knows what was paid.
    pub purchases_without_money: u64,
    /// Files that were refused; they are no chunks.
    pub refused: u64,
}

impl Totals {
    /// The numbers with the names that they have in the table.
    pub fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("chunks", self.chunks),
            ("lines", self.lines),
            ("counted", self.counted),
            ("ignored", self.ignored),
            ("duplicate", self.duplicate),
            ("rejected", self.rejected),
            ("events", self.events),
            ("unknown", self.unknown),
            ("dropped", self.dropped),
            ("purchases_without_money", self.purchases_without_money),
            ("refused", self.refused),
        ]
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.chunks += other.chunks;
        self.lines += other.lines;
        self.counted += other.counted;
        self.ignored += other.ignored;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
        self.events += other.events;
        self.unknown += other.unknown;
        self.dropped += other.dropped;
        self.purchases_without_money += other.purchases_without_money;
        self.refused += other.refused;
    }
}

impl<'a> FromIterator<&'a Recount> for Totals {
    /// Adds up chunks, each of which was counted once.
    fn from_iter<I: IntoIterator<Item = &'a Recount>>(recounts: I) -> Self {
        let mut totals = Self::default();
        for recount in recounts {
            let &Recount { lines, counted, ignored, duplicate, events, .. } = recount;
            totals += Self {
                chunks: 1,
                lines,
                counted,
                ignored,
                duplicate,
                rejected: recount.rejected_count(),
                events,
                unknown: recount.unknown_types.values().sum(),
                dropped: recount.dropped.values().sum(),
                purchases_without_money: recount.purchases_without_money,
                refused: 0,
            };
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, recount};

    #[test]
    fn every_line_of_every_chunk_is_in_one_place() {
        let settings = Settings::at("2026-11-20T12:00:00Z".parse().unwrap());
        let view = r#"{"event":"view","ts":"2026-11-20T11:07Z","sku":1,"event_id":1}"#;
        let ignored = r#"{"event":"refund","ts":"2026-11-20T11:07Z","sku":1}"#;
        let two = r#"{"ts":"2026-11-20T11:07Z","events":[{"event":"view","sku":1},{"event":"cart","sku":1}]}"#;
        let chunks = [
            format!("{view}\n{view}\n{ignored}\nx\n\n{two}\n"),
            format!("{view}\nx\n"),
            String::new(),
        ];
        let recounts = chunks.map(|chunk| recount(chunk.as_bytes(), &settings).unwrap());
        let named = recounts
            .iter()
            .collect::<Totals>()
            .named()
            .map(|(name, number)| format!("{name} {number}"));
        assert_eq!(
            named.join(", "),
            "chunks 3, lines 8, counted 4, ignored 1, duplicate 1, rejected 2, events 4, unknown 0, \
             dropped 0, purchases_without_money 0, refused 0"
        );
    }
}
