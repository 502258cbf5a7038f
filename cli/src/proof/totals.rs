//! Compares the totals with the sums of the ledger.

use std::collections::{BTreeMap, BTreeSet};

use minutebook_oracle::Totals;

use crate::proof::differences::Differences;
use crate::rows::TotalsShard;
use crate::rows::ledger::{LedgerEntry, Summary};

/// The totals as their rows say, and as the ledger entries of the chunks say.
#[derive(Clone, Debug, Default)]
pub(crate) struct TotalsBooks {
    found: Sums,
    committed: Sums,
}

#[derive(Clone, Debug, Default)]
struct Sums {
    totals: Totals,
    rejected_by_reason: BTreeMap<String, u64>,
}

impl TotalsBooks {
    /// Adds an entry of the ledger, if it is one that is in the totals.
    pub(crate) fn add_entry(&mut self, entry: &LedgerEntry) {
        if entry.is_refusal() {
            self.committed.totals += Totals { refused: 1, ..Totals::default() };
        }
        let Some(Summary { counts, are_reasons_in_totals, .. }) = entry.summary() else { return };
        self.committed.totals += Totals {
            chunks: 1,
            lines: counts.lines,
            counted: counts.counted,
            ignored: counts.ignored,
            duplicate: counts.duplicate,
            rejected: counts.rejected,
            events: counts.events,
            unknown: counts.notes.unknown,
            dropped: counts.notes.dropped.values().sum(),
            purchases_without_money: counts.notes.purchases_without_money,
            refused: 0,
        };
        if *are_reasons_in_totals {
            self.committed.add_reasons(&counts.rejected_by_reason);
        }
    }

    /// Adds a shard of the totals.
    pub(crate) fn add_found(&mut self, shard: &TotalsShard) {
        self.found.totals += shard.totals;
        self.found.add_reasons(&shard.rejected_by_reason);
    }

    /// Compares every number. The ledger itself is compared with the recount chunk by chunk.
    pub(crate) fn judge(&self, differences: &mut Differences) {
        let mut compare = |name: &str, committed: u64, found: u64| {
            if committed != found {
                differences.add(|| {
                    format!(
                        "totals {name}: the ledger adds up to {committed}, the totals say {found}"
                    )
                });
            }
        };
        let (committed, found) = (&self.committed, &self.found);
        for ((name, committed), (_, found)) in
            committed.totals.named().into_iter().zip(found.totals.named())
        {
            compare(name, committed, found);
        }
        let reasons = [committed, found].map(|sums| sums.rejected_by_reason.keys());
        let reasons: BTreeSet<&String> = reasons.into_iter().flatten().collect();
        for reason in reasons {
            let of = |sums: &Sums| sums.rejected_by_reason.get(reason).copied().unwrap_or(0);
            compare(&format!("rejected:{reason}"), of(committed), of(found));
        }
    }
}

impl Sums {
    fn add_reasons(&mut self, reasons: &BTreeMap<String, u64>) {
        for (reason, count) in reasons {
            *self.rejected_by_reason.entry(reason.clone()).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ledger::testing::{first_entry, refused_entry};
    use aws_sdk_dynamodb::types::AttributeValue;

    #[test]
    fn rows_add_up_to_the_entries() {
        let mut books = TotalsBooks::default();
        let mut item = first_entry(1);
        books.add_entry(&LedgerEntry::read(&item).unwrap());
        item.insert("reader_version".to_owned(), AttributeValue::N("2".to_owned()));
        books.add_entry(&LedgerEntry::read(&item).unwrap());
        books.add_entry(&LedgerEntry::read(&refused_entry("L#b/a.tar#hash")).unwrap());
        let totals = Totals {
            chunks: 1,
            lines: 6,
            counted: 1,
            ignored: 1,
            duplicate: 1,
            rejected: 3,
            events: 2,
            ..Totals::default()
        };
        let reasons = [("future".to_owned(), 1), ("not_json".to_owned(), 1)];
        books.add_found(&TotalsShard { totals, rejected_by_reason: reasons.into() });
        let differences = |books: &TotalsBooks| {
            let mut differences = Differences::default();
            books.judge(&mut differences);
            differences.first
        };
        assert_eq!(
            differences(&books),
            [
                "totals chunks: the ledger adds up to 2, the totals say 1",
                "totals lines: the ledger adds up to 12, the totals say 6",
                "totals counted: the ledger adds up to 2, the totals say 1",
                "totals ignored: the ledger adds up to 2, the totals say 1",
                "totals duplicate: the ledger adds up to 2, the totals say 1",
                "totals rejected: the ledger adds up to 6, the totals say 3",
                "totals events: the ledger adds up to 4, the totals say 2",
                "totals refused: the ledger adds up to 1, the totals say 0",
                "totals rejected:not_json: the ledger adds up to 2, the totals say 1",
            ]
        );
        let reasons = [("not_json".to_owned(), 1)];
        let totals = Totals { refused: 1, ..totals };
        books.add_found(&TotalsShard { totals, rejected_by_reason: reasons.into() });
        assert_eq!(differences(&books), [""; 0]);
    }
}
