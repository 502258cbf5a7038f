//! The ledger entries of a chunk.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::Client;

use crate::rows::ledger::entry::{
    EntryName, LedgerEntry, MANY_SITES, PREFIX, Refusal, Rewritten, Summary,
};
use crate::rows::scan::partition;

/// The entries of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// How many parts the chunk has, by each entry; more than one value is a fault.
    pub(crate) parts: BTreeSet<u64>,
    /// The plan format versions of its entries; more than one is a fault.
    pub(crate) plan_format_versions: BTreeSet<u64>,
    /// How many transactions a late part took, by each of its entries that says so.
    pub(crate) late_parts: BTreeMap<u64, BTreeSet<u64>>,
    /// The transactions that have an entry.
    pub(crate) entries: BTreeSet<EntryName>,
    /// How many keys of a site and measure kept their names, 0 for all.
    pub(crate) keys_max: u32,
    /// What the entry of part 0 says about the whole chunk.
    pub(crate) summary: Option<Summary>,
    /// Why the chunk is refused, if it is.
    pub(crate) refusal: Option<Refusal>,
    /// What became of the chunk if its object was written anew.
    pub(crate) rewritten: Option<Rewritten>,
    /// Whether the site of the chunk was removed, and its object with it.
    pub(crate) is_removed: bool,
    /// The sites that its entries name.
    pub(crate) sites: BTreeSet<String>,
    /// Whether some of its entries name none, as old ones, or have no room for them.
    pub(crate) has_unnamed_sites: bool,
    /// The chunk whose entries these are, if that is not the one that was asked for.
    pub(crate) read_as: Option<String>,
}

/// Reads the entries of a chunk, or of the one that its object was written anew as; `None` if there
/// are none.
///
/// # Errors
/// The table or an entry cannot be read.
pub(crate) async fn read(client: &Client, table: &str, chunk_id: &str) -> Result<Option<Ledger>> {
    let mut found = read_own(client, table, chunk_id).await?;
    let first = found.as_ref().and_then(|ledger| ledger.rewritten.clone());
    while let Some(Rewritten { chunk_id, .. }) =
        found.as_ref().and_then(|ledger| ledger.rewritten.clone())
    {
        found = read_own(client, table, &chunk_id).await?;
        if let Some(ledger) = &mut found {
            ledger.read_as = Some(chunk_id);
        }
    }
    // The bytes that were asked for begin with what they began with.
    let summary = found.as_mut().and_then(|ledger| ledger.summary.as_mut());
    if let (Some(summary), Some(Rewritten { counted_before, .. })) = (summary, first) {
        summary.counted_before = counted_before;
    }
    Ok(found)
}

async fn read_own(client: &Client, table: &str, chunk_id: &str) -> Result<Option<Ledger>> {
    let items = partition(client, table, &format!("{PREFIX}{chunk_id}")).await?;
    if items.is_empty() {
        return Ok(None);
    }
    let mut ledger = Ledger::default();
    for item in items {
        let entry = LedgerEntry::read(&item)
            .with_context(|| format!("cannot read an entry of {chunk_id} in the ledger"))?;
        ledger.add(entry);
    }
    Ok(Some(ledger))
}

impl Ledger {
    /// Whether every transaction has its entry.
    pub(crate) fn is_complete(&self) -> bool {
        self.parts_count() > 0 && self.missing().is_empty()
    }

    /// The number of parts, as far as it is known.
    pub(crate) fn parts_count(&self) -> u64 {
        self.parts.iter().max().copied().unwrap_or(0)
    }

    /// The transactions without an entry, as sentences.
    pub(crate) fn missing(&self) -> Vec<String> {
        let parts = self.parts_count();
        let mut missing = Vec::new();
        for part in 0..parts {
            if !self.entries.contains(&EntryName { part, late: 0 }) {
                missing.push(format!("part {part} of {parts} is not counted yet"));
            }
            let transactions = self.transactions_count(part);
            for late in (1..transactions)
                .filter(|late| !self.entries.contains(&EntryName { part, late: *late }))
            {
                missing
                    .push(format!(
                    "part {part} of {parts}: transaction {late} of {transactions} is not counted yet"
                ));
            }
        }
        missing
    }

    /// What the entries say that cannot be, as sentences.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        let parts = self.parts_count();
        let mut contradictions = Vec::new();
        if self.parts.len() > 1 {
            contradictions
                .push(format!("its entries disagree on how many parts it has: {:?}", self.parts));
        }
        if self.plan_format_versions.len() > 1 {
            contradictions.push(format!(
                "its entries disagree on the plan format version: {:?}",
                self.plan_format_versions
            ));
        }
        for (part, counts) in self.late_parts.iter().filter(|(_, counts)| counts.len() > 1) {
            contradictions.push(format!(
                "its entries disagree on how many transactions part {part} took: {counts:?}"
            ));
        }
        for EntryName { part, late } in &self.entries {
            let transactions = self.transactions_count(*part);
            if *part >= parts {
                contradictions.push(format!("part {part} has an entry, of {parts} parts"));
            } else if *late >= transactions {
                contradictions.push(format!(
                    "transaction {late} of part {part} has an entry, of {transactions}"
                ));
            }
        }
        contradictions
    }

    /// Adds an entry of the chunk.
    pub(crate) fn add(&mut self, entry: LedgerEntry) {
        self.entries.insert(entry.name);
        self.parts.insert(entry.parts);
        self.plan_format_versions.insert(entry.plan_format_version);
        if let Some(late_parts) = entry.late_parts {
            self.late_parts.entry(entry.name.part).or_default().insert(late_parts);
        }
        if entry.name == EntryName::default() {
            self.keys_max = entry.keys_max;
        }
        if entry.summary.is_some() {
            self.summary = entry.summary;
        }
        self.is_removed |= entry.is_removed;
        self.has_unnamed_sites |= entry.sites.as_ref().is_none_or(|it| it.contains(MANY_SITES));
        self.sites.extend(entry.sites.into_iter().flatten().filter(|site| site != MANY_SITES));
        if entry.rewritten.is_some() {
            self.rewritten = entry.rewritten;
        }
        if let Some(refusal) = entry.refusal {
            self.refusal = Some(*refusal);
        }
    }

    /// How many transactions a part has.
    fn transactions_count(&self, part: u64) -> u64 {
        self.late_parts.get(&part).and_then(|counts| counts.iter().max().copied()).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ledger::entry::testing::{entry, first_entry};
    use aws_sdk_dynamodb::types::AttributeValue;

    /// The ledger of an object with the entry of part 0 of so many, and these entries: sort key,
    /// `parts` and `late_parts`.
    fn ledger(parts: u64, others: &[(&str, u64, Option<u64>)]) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.add(LedgerEntry::read(&first_entry(parts)).unwrap());
        for (sk, parts, late_parts) in others {
            let late_parts = late_parts.map(|late_parts| ("late_parts", late_parts));
            let numbers: Vec<(&str, u64)> =
                [("parts", *parts)].into_iter().chain(late_parts).collect();
            ledger.add(LedgerEntry::read(&entry("L#bucket/key#hash", sk, &numbers)).unwrap());
        }
        ledger
    }

    #[test]
    fn a_ledger_is_complete_when_every_part_has_an_entry() {
        assert!(!Ledger::default().is_complete());
        let unfinished = ledger(3, &[("000002", 3, None)]);
        assert!(!unfinished.is_complete());
        assert_eq!(unfinished.missing(), ["part 1 of 3 is not counted yet"]);
        let finished = ledger(3, &[("000002", 3, None), ("000001", 3, None)]);
        assert!(finished.is_complete());
        let summary = finished.summary.unwrap();
        let counts = summary.counts;
        assert_eq!((counts.lines, counts.rejected, counts.events), (6, 3, 2));
        assert_eq!(counts.rejected_by_reason["not_json"], 2);
        assert_eq!(summary.minute_retention_days, Some(7));
    }

    #[test]
    fn a_late_part_is_complete_when_every_transaction_has_an_entry() {
        let one = ledger(2, &[("000001", 2, Some(1))]);
        assert!(one.is_complete() && one.contradictions().is_empty());
        let unfinished = ledger(2, &[("000001", 2, Some(3)), ("000001.002", 2, None)]);
        assert_eq!(unfinished.missing(), ["part 1 of 2: transaction 1 of 3 is not counted yet"]);
        let finished = ledger(
            2,
            &[("000001", 2, Some(3)), ("000001.002", 2, Some(3)), ("000001.001", 2, None)],
        );
        assert!(finished.is_complete());
        // The entry of the part itself is missing.
        let odd = ledger(2, &[("000001.001", 2, Some(2))]);
        assert_eq!(odd.missing(), ["part 1 of 2 is not counted yet"]);
    }

    #[test]
    fn the_sites_are_those_of_all_entries() {
        let mut ledger = ledger(3, &[]);
        assert!(ledger.sites.is_empty() && ledger.has_unnamed_sites, "an old entry has none");
        let mut named = Ledger::default();
        for (sk, sites) in [("000000", &["a", "b"][..]), ("000001", &["a"]), ("000002", &["*"])] {
            let mut item = entry("L#b/k#h", sk, &[("parts", 3)]);
            if sk == "000000" {
                item = first_entry(3);
            }
            let sites = sites.iter().map(|site| (*site).to_owned()).collect();
            item.insert("sites".to_owned(), AttributeValue::Ss(sites));
            named.add(LedgerEntry::read(&item).unwrap());
            assert_eq!(named.has_unnamed_sites, sk == "000002");
        }
        assert_eq!(named.sites, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        let mut item = first_entry(3);
        item.insert("sites".to_owned(), AttributeValue::S("a".to_owned()));
        assert!(LedgerEntry::read(&item).is_err());
        ledger.add(LedgerEntry::read(&entry("L#b/k#h", "000001", &[("parts", 3)])).unwrap());
        assert!(ledger.has_unnamed_sites);
    }

    #[test]
    fn reports_entries_that_contradict_each_other() {
        let entries = [
            ("000001", 3, Some(2)),
            ("000001.001", 3, Some(3)),
            ("000003", 3, None),
            ("000002.001", 3, None),
        ];
        assert_eq!(
            ledger(2, &entries).contradictions(),
            [
                "its entries disagree on how many parts it has: {2, 3}",
                "its entries disagree on how many transactions part 1 took: {2, 3}",
                "transaction 1 of part 2 has an entry, of 1",
                "part 3 has an entry, of 3 parts",
            ]
        );
    }

    #[test]
    fn reports_entries_of_two_plan_format_versions() {
        let mut ledger = ledger(2, &[]);
        let mut other = LedgerEntry::read(&entry("L#b/k#h", "000001", &[("parts", 2)])).unwrap();
        other.plan_format_version += 1;
        ledger.add(other);
        assert!(ledger.is_complete());
        let expected = ["its entries disagree on the plan format version: {2, 3}"];
        assert_eq!(ledger.contradictions(), expected);
    }

    #[test]
    fn the_sums_of_a_sealed_hour_are_complete_without_a_summary() {
        let sums = entry("L#seal:shop:2026-11-20T23", "000000", &[("parts", 1)]);
        let mut ledger = Ledger::default();
        ledger.add(LedgerEntry::read(&sums).unwrap());
        assert!(ledger.is_complete() && ledger.summary.is_none());
    }
}
