//! Compares the totals with the sums of the ledger.

use minutebook_oracle::Totals;

use crate::proof::differences::Differences;
use crate::rows::ledger::Counts;

/// The totals as their rows say, and as the ledger entries of the chunks say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TotalsBooks {
    found: Totals,
    committed: Totals,
}

impl TotalsBooks {
    /// Adds the counts of a chunk, from its first ledger entry.
    pub(crate) fn add_with_entry(&mut self, counts: &Counts) {
        let Counts { lines, counted, ignored, duplicate, rejected, events, .. } = *counts;
        self.committed +=
            Totals { chunks: 1, lines, counted, ignored, duplicate, rejected, events };
    }

    /// Adds a shard of the totals.
    pub(crate) fn add_found(&mut self, part: Totals) {
        self.found += part;
    }

    /// Compares every number. The ledger itself is compared with the recount chunk by chunk.
    pub(crate) fn judge(&self, differences: &mut Differences) {
        for ((name, committed), (_, found)) in
            self.committed.named().into_iter().zip(self.found.named())
        {
            if committed != found {
                differences.add(|| {
                    format!(
                        "totals {name}: the ledger adds up to {committed}, the totals say {found}"
                    )
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(lines: u64, events: u64) -> Counts {
        Counts { lines, counted: lines, events, ..Counts::default() }
    }

    #[test]
    fn rows_add_up_to_the_entries() {
        let mut books = TotalsBooks::default();
        books.add_with_entry(&counts(3, 5));
        books.add_with_entry(&counts(1, 1));
        books.add_found(Totals { chunks: 1, lines: 1, counted: 1, events: 1, ..Totals::default() });
        let differences = |books: &TotalsBooks| {
            let mut differences = Differences::default();
            books.judge(&mut differences);
            differences.first
        };
        assert_eq!(
            differences(&books),
            [
                "totals chunks: the ledger adds up to 2, the totals say 1",
                "totals lines: the ledger adds up to 4, the totals say 1",
                "totals counted: the ledger adds up to 4, the totals say 1",
                "totals events: the ledger adds up to 6, the totals say 1",
            ]
        );
        books.add_found(Totals { chunks: 1, lines: 3, counted: 3, events: 5, ..Totals::default() });
        assert_eq!(differences(&books), [""; 0]);
    }
}
