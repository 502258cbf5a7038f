//! Chunks that the ledger has and the bucket has no more. They were counted and cannot be
//! recounted; what is known about them is in their ledger entries.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use minutebook_oracle::Period;

use crate::proof::differences::Differences;
use crate::rows::ledger::{Counts, Ledger, LedgerEntry, object_of};

/// An event later than this after its object was put is rejected.
const FUTURE_SECONDS_MAX: i64 = 10 * 60;

/// The chunks that were recounted and those of the ledger. Add all that were recounted, then all
/// entries of the ledger, then call [`judge`](Self::judge).
#[derive(Debug, Default)]
pub(crate) struct GoneBooks {
    /// What the ids of the chunks begin with that are looked at.
    prefix: String,
    recounted: BTreeSet<String>,
    /// The entries of the others.
    gone: BTreeMap<String, Ledger>,
}

/// A chunk that is gone, as its ledger entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GoneChunk {
    pub(crate) key: String,
    pub(crate) content_hash: String,
    pub(crate) put_at: DateTime<Utc>,
    pub(crate) counted_at: DateTime<Utc>,
    pub(crate) minute_retention_days: Option<u32>,
    pub(crate) counts: Counts,
}

/// What chunks that are gone may have counted, of whatever site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leeway {
    /// No event was later, in seconds since 1970.
    pub(crate) last_second: i64,
    pub(crate) events: u64,
}

impl GoneBooks {
    /// Looks at the chunks of the objects of a bucket whose keys begin with `prefix`.
    pub(crate) fn new(bucket: &str, prefix: &str) -> Self {
        Self { prefix: format!("{bucket}/{prefix}"), ..Self::default() }
    }

    /// Notes that a chunk was recounted; false if it was before.
    pub(crate) fn add_recounted(&mut self, chunk_id: &str) -> bool {
        self.recounted.insert(chunk_id.to_owned())
    }

    /// Adds a ledger entry of an object's chunk; `None` is one that cannot be read. A chunk that is
    /// refused counts nothing, with or without its object.
    pub(crate) fn add_entry(&mut self, chunk_id: String, entry: Option<LedgerEntry>) {
        if entry.as_ref().is_some_and(LedgerEntry::is_refusal) {
            return;
        }
        if chunk_id.starts_with(&self.prefix) && !self.recounted.contains(&chunk_id) {
            let ledger = self.gone.entry(chunk_id).or_default();
            entry.into_iter().for_each(|entry| ledger.add(entry));
        }
    }

    /// Forgets all entries.
    pub(crate) fn forget_found(&mut self) {
        self.gone.clear();
    }

    /// The keys of the objects whose chunks are gone.
    pub(crate) fn keys(&self) -> BTreeSet<&str> {
        let gone = self.gone.iter().filter(|(_, ledger)| may_count(ledger));
        gone.filter_map(|(chunk_id, _)| object_of(chunk_id)).map(|(_, key, _)| key).collect()
    }

    /// The chunks that are gone. One that was not counted to its end is a difference: it never will
    /// be.
    pub(crate) fn judge(self, differences: &mut Differences) -> Vec<GoneChunk> {
        let mut gone = Vec::new();
        for (chunk_id, ledger) in self.gone {
            if !may_count(&ledger) {
                continue;
            }
            for fault in ledger.contradictions().into_iter().chain(ledger.missing()) {
                differences.add(|| format!("{chunk_id}: {fault}, and its object is gone"));
            }
            // Without a summary, the entry of part 0 is among what is missing, or is odd.
            if let (Some((_, key, hash)), Some(summary)) = (object_of(&chunk_id), ledger.summary) {
                gone.push(GoneChunk {
                    key: key.to_owned(),
                    content_hash: hash.to_owned(),
                    put_at: summary.reference_time,
                    counted_at: summary.committed_at,
                    minute_retention_days: summary.minute_retention_days,
                    counts: summary.counts,
                });
            }
        }
        gone
    }
}

/// Whether counters may have something of a chunk that is gone: not if another one counts what was
/// in it, or if its site was removed with all that it counted.
fn may_count(ledger: &Ledger) -> bool {
    ledger.rewritten.is_none() && !ledger.is_removed
}

impl Leeway {
    /// What these chunks may have counted; `None` if they counted nothing.
    pub(crate) fn of(gone: &[GoneChunk]) -> Option<Self> {
        let counted = gone.iter().filter(|chunk| chunk.counts.events > 0);
        let last_put_at = counted.clone().map(|chunk| chunk.put_at).max()?;
        Some(Self {
            last_second: last_put_at.timestamp() + FUTURE_SECONDS_MAX,
            events: counted.map(|chunk| chunk.counts.events).sum(),
        })
    }

    /// Whether an event may have happened in this period.
    pub(crate) fn reaches(self, period: Period) -> bool {
        period.start().timestamp() <= self.last_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ledger::testing::{entry, first_entry, refused_entry};
    use minutebook_oracle::Granularity;

    fn first(parts: u64) -> Option<LedgerEntry> {
        Some(LedgerEntry::read(&first_entry(parts)).unwrap())
    }

    fn judged(books: GoneBooks) -> (Vec<GoneChunk>, Vec<String>) {
        let mut differences = Differences::default();
        (books.judge(&mut differences), differences.first)
    }

    #[test]
    fn what_was_counted_and_not_recounted_is_gone() {
        let mut books = GoneBooks::new("b", "in/");
        assert!(books.add_recounted("b/in/here#1") && !books.add_recounted("b/in/here#1"));
        // The last three: other bytes of the same key, another prefix, another bucket.
        for id in ["b/in/here#1", "b/in/a#b/c#2", "b/in/here#3", "b/out#4", "other/in/x#5"] {
            books.add_entry(id.to_owned(), first(1));
        }
        let refused = LedgerEntry::read(&refused_entry("L#b/in/a.tar#6")).unwrap();
        books.add_entry("b/in/a.tar#6".to_owned(), Some(refused));
        assert_eq!(books.keys(), BTreeSet::from(["in/a#b/c", "in/here"]));
        let (gone, differences) = judged(books);
        assert_eq!(differences, [""; 0]);
        let names = gone.iter().map(|chunk| format!("{}#{}", chunk.key, chunk.content_hash));
        assert_eq!(names.collect::<Vec<_>>(), ["in/a#b/c#2", "in/here#3"]);
        assert_eq!((gone[0].counts.lines, gone[0].counts.events), (6, 2));
        let times = [gone[0].put_at, gone[0].counted_at].map(|time| time.to_rfc3339());
        assert_eq!(times, ["2026-11-20T12:00:00+00:00", "2026-11-20T12:00:01.123+00:00"]);
    }

    #[test]
    fn a_chunk_that_is_counted_in_part_can_no_longer_be_finished() {
        let mut books = GoneBooks::new("b", "");
        books.add_entry("b/begun#1".to_owned(), first(2));
        let second = LedgerEntry::read(&entry("L#b/odd#2", "000001", &[("parts", 2)])).unwrap();
        books.add_entry("b/odd#2".to_owned(), Some(second));
        books.add_entry("b/unreadable#3".to_owned(), None);
        let (gone, differences) = judged(books);
        assert_eq!((gone.len(), gone[0].key.as_str()), (1, "begun"));
        assert_eq!(
            differences,
            [
                "b/begun#1: part 1 of 2 is not counted yet, and its object is gone",
                "b/odd#2: part 0 of 2 is not counted yet, and its object is gone",
            ]
        );
    }

    #[test]
    fn what_is_gone_may_have_counted_until_ten_minutes_after_it_was_put() {
        let mut books = GoneBooks::new("b", "");
        books.add_entry("b/k#1".to_owned(), first(1));
        books.add_entry("b/k#2".to_owned(), first(1));
        let (mut gone, _) = judged(books);
        let leeway = Leeway::of(&gone).unwrap();
        assert_eq!(leeway.events, 4);
        let reaches = |at: &str| {
            let time: DateTime<Utc> = at.parse().unwrap();
            leeway.reaches(Period::containing(Granularity::Minute, time.timestamp() / 60))
        };
        assert!(reaches("2026-11-20T12:10:00Z") && !reaches("2026-11-20T12:11:00Z"));
        gone.iter_mut().for_each(|chunk| chunk.counts.events = 0);
        assert_eq!(Leeway::of(&gone), None);
    }
}
