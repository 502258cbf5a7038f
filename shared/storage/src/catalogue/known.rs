//! What a process remembers of catalogues.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use minutebook_domain::catalogue::{CatalogueItem, Slot, slot_of};

use crate::catalogue::{CatalogueSource, Current};
use crate::error::StorageError;
use crate::table::Consistency;

/// For how long answers may have a catalogue that has been replaced.
pub const CATALOGUE_REMEMBERED: TimeDelta = TimeDelta::seconds(30);

/// The memory of all catalogues that a process remembers, in bytes: a quarter of that of a small
/// function.
const BYTES_MAX: usize = 32 << 20;

/// The memory of an item beside its texts: the pointers and lengths, and what the allocator needs.
const ITEM_BYTES: usize = 192;

/// The items of a catalogue that an answer needs.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// These items.
    Items(&'a BTreeSet<&'a str>),
    /// All items.
    All,
}

/// What is known of the catalogue of a site: at least the items that were wanted.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    slots: u32,
    known: BTreeMap<u32, Arc<Slot>>,
}

impl Catalogue {
    /// What the catalogue says about an item.
    pub fn of(&self, item_id: &str) -> Option<&CatalogueItem> {
        self.known.get(&slot_of(item_id, self.slots))?.get(item_id)
    }
}

/// The catalogues that a process has read. A site without one costs one small read in
/// [`CATALOGUE_REMEMBERED`].
#[derive(Debug, Default)]
pub struct KnownCatalogues {
    sites: Mutex<BTreeMap<String, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    asked_at: DateTime<Utc>,
    current: Option<Current>,
    slots: BTreeMap<u32, Arc<Slot>>,
    bytes: usize,
}

impl KnownCatalogues {
    /// The catalogue of a site as it was at most [`CATALOGUE_REMEMBERED`] ago, with the items that
    /// are wanted. Only slots that are not known are read.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn catalogue<S: CatalogueSource>(
        &self,
        source: &S,
        site: &str,
        wanted: Wanted<'_>,
        now: DateTime<Utc>,
    ) -> Result<Catalogue, StorageError> {
        if let Wanted::Items(items) = wanted
            && items.is_empty()
        {
            return Ok(Catalogue::default());
        }
        // Whoever reads a catalogue while another takes its place may miss slots, and finds the other
        // one by a consistent read.
        for consistency in [Consistency::Eventual, Consistency::Strong] {
            let mut known =
                match self.recent(site, now).filter(|_| consistency == Consistency::Eventual) {
                    Some(known) => known,
                    None => {
                        let current = source.current_catalogue(site, consistency).await?;
                        self.known_as(site, current, now)
                    }
                };
            let Some(Current { revision, slots }) = known.current else {
                self.remember(site, known);
                return Ok(Catalogue::default());
            };
            let numbers: BTreeSet<u32> = match wanted {
                Wanted::Items(items) => items.iter().map(|id| slot_of(id, slots)).collect(),
                Wanted::All => (0..slots).collect(),
            };
            let is_missing = |slot: &u32| !known.slots.contains_key(slot);
            let missing: Vec<u32> = numbers.iter().copied().filter(is_missing).collect();
            let found = match missing.is_empty() {
                true => Vec::new(),
                false => source.catalogue_slots(site, revision, &missing, consistency).await?,
            };
            if found.len() == missing.len() {
                for (number, slot) in found {
                    known.bytes += slot.iter().map(|(id, item)| bytes(id, item)).sum::<usize>();
                    known.slots.insert(number, Arc::new(slot));
                }
                let catalogue = Catalogue { slots, known: known.slots.clone() };
                self.remember(site, known);
                return Ok(catalogue);
            }
        }
        Err(StorageError::Unavailable {
            call: "BatchGetItem of a catalogue",
            reason: "it was replaced while it was read".to_string(),
        })
    }

    /// What is known, if it is recent.
    fn recent(&self, site: &str, now: DateTime<Utc>) -> Option<Known> {
        let known = self.sites().get(site)?.clone();
        let age = now.signed_duration_since(known.asked_at);
        (TimeDelta::zero()..CATALOGUE_REMEMBERED).contains(&age).then_some(known)
    }

    /// What is known of the catalogue that a site turned out to have.
    fn known_as(&self, site: &str, current: Option<Current>, now: DateTime<Utc>) -> Known {
        let before = self.sites().get(site).filter(|known| known.current == current).cloned();
        let empty = Known { asked_at: now, current, slots: BTreeMap::new(), bytes: 0 };
        before.map_or(empty, |known| Known { asked_at: now, ..known })
    }

    /// Remembers what was read. If it does not fit beside the others, they are forgotten; if it does
    /// not fit at all, it is.
    fn remember(&self, site: &str, known: Known) {
        let mut sites = self.sites();
        sites.remove(site);
        let others: usize = sites.values().map(|known| known.bytes).sum();
        if others + known.bytes > BYTES_MAX || sites.len() >= SITES_MAX {
            sites.clear();
        }
        if known.bytes <= BYTES_MAX {
            sites.insert(site.to_string(), known);
        }
    }

    fn sites(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many sites are remembered at once, most of them without a catalogue.
const SITES_MAX: usize = 10_000;

fn bytes(id: &str, item: &CatalogueItem) -> usize {
    let texts = item.members().into_iter().filter_map(|(_, member)| member.as_deref());
    ITEM_BYTES + id.len() + texts.map(str::len).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::catalogue::slots_for;

    /// Catalogues in memory, and what was asked of them.
    #[derive(Default)]
    struct Stored {
        current: Mutex<Option<(u32, Vec<Slot>)>>,
        asked: Mutex<Vec<(Option<usize>, Consistency)>>,
        /// Whether the first reading of slots finds none, since they are just being replaced.
        is_replaced: Mutex<bool>,
    }

    impl Stored {
        fn put(&self, revision: u32, items: u32, name: &str) {
            let slots = slots_for(usize::try_from(items).expect("few"));
            let mut all = vec![Slot::new(); usize::try_from(slots).expect("few")];
            for item in 0..items {
                let id = item.to_string();
                let slot = usize::try_from(slot_of(&id, slots)).expect("few");
                let name = Some(format!("{name} {id}").into_boxed_str());
                let item = CatalogueItem { name, ..CatalogueItem::default() };
                all[slot].insert(id.into_boxed_str(), item);
            }
            *self.current.lock().expect("no panic") = Some((revision, all));
        }

        fn asked(&self) -> Vec<(Option<usize>, Consistency)> {
            std::mem::take(&mut self.asked.lock().expect("no panic"))
        }
    }

    impl CatalogueSource for Stored {
        async fn current_catalogue(
            &self,
            _: &str,
            consistency: Consistency,
        ) -> Result<Option<Current>, StorageError> {
            self.asked.lock().expect("no panic").push((None, consistency));
            let current = self.current.lock().expect("no panic");
            Ok(current.as_ref().map(|(revision, slots)| Current {
                revision: *revision,
                slots: u32::try_from(slots.len()).expect("few"),
            }))
        }

        async fn catalogue_slots(
            &self,
            _: &str,
            revision: u32,
            slots: &[u32],
            consistency: Consistency,
        ) -> Result<Vec<(u32, Slot)>, StorageError> {
            self.asked.lock().expect("no panic").push((Some(slots.len()), consistency));
            let current = self.current.lock().expect("no panic");
            let is_gone = std::mem::take(&mut *self.is_replaced.lock().expect("no panic"));
            let Some((_, all)) = current.as_ref().filter(|it| it.0 == revision && !is_gone) else {
                return Ok(Vec::new());
            };
            let slot = |slot: &u32| (*slot, all[usize::try_from(*slot).expect("few")].clone());
            Ok(slots.iter().map(slot).collect())
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_216_079 + seconds, 0).expect("in range")
    }

    async fn names(
        known: &KnownCatalogues,
        source: &Stored,
        ids: &[&str],
        seconds: i64,
    ) -> Vec<Option<String>> {
        let wanted = ids.iter().copied().collect();
        let catalogue = known.catalogue(source, "shop", Wanted::Items(&wanted), at(seconds)).await;
        let catalogue = catalogue.expect("read");
        let name = |id: &&str| catalogue.of(id)?.name.as_deref().map(str::to_string);
        ids.iter().map(name).collect()
    }

    fn some(names: &[&str]) -> Vec<Option<String>> {
        names.iter().map(|name| Some((*name).to_string())).collect()
    }

    #[tokio::test]
    async fn a_site_without_a_catalogue_costs_a_small_read_in_half_a_minute() {
        let (known, source) = (KnownCatalogues::default(), Stored::default());
        assert_eq!(names(&known, &source, &[], 0).await, []);
        assert_eq!(source.asked(), []);
        for (seconds, asked) in [(0, 1), (29, 0), (30, 1), (31, 0), (29, 1)] {
            assert_eq!(names(&known, &source, &["7"], seconds).await, [None]);
            let expected = vec![(None, Consistency::Eventual); asked];
            assert_eq!(source.asked(), expected, "{seconds} s later");
        }
    }

    #[tokio::test]
    async fn slots_are_read_once_until_the_catalogue_changes() {
        let (known, source) = (KnownCatalogues::default(), Stored::default());
        source.put(1, 1_000, "mug");
        let current = (None, Consistency::Eventual);
        let slots = |count| (Some(count), Consistency::Eventual);
        assert_eq!(
            names(&known, &source, &["7", "1000"], 0).await,
            vec![Some("mug 7".into()), None]
        );
        assert_eq!(source.asked(), [current, slots(2)]);
        assert_eq!(names(&known, &source, &["7"], 1).await, some(&["mug 7"]));
        assert_eq!(source.asked(), []);
        let all = known.catalogue(&source, "shop", Wanted::All, at(31)).await.expect("read");
        assert!((0..1_000).all(|id| all.of(&id.to_string()).is_some()));
        assert_eq!(source.asked(), [current, slots(14)]);
        source.put(2, 1_000, "cup");
        assert_eq!(names(&known, &source, &["7"], 60).await, some(&["mug 7"]));
        assert_eq!(names(&known, &source, &["7"], 61).await, some(&["cup 7"]));
        assert_eq!(source.asked(), [current, slots(1)]);
    }

    #[tokio::test]
    async fn a_catalogue_that_is_replaced_while_it_is_read_is_read_again() {
        let (known, source) = (KnownCatalogues::default(), Stored::default());
        source.put(1, 1_000, "mug");
        assert_eq!(names(&known, &source, &["7"], 0).await, some(&["mug 7"]));
        source.asked();
        source.put(2, 2_000, "cup");
        let both = |one| [(None, one), (Some(1), one)];
        // The revision that is remembered is gone.
        let other =
            (0..1_000).map(|id| id.to_string()).find(|id| slot_of(id, 16) != slot_of("7", 16));
        let other = other.expect("another slot");
        let expected = some(&[&format!("cup {other}")]);
        assert_eq!(names(&known, &source, &[&other], 1).await, expected);
        let eventual = (Some(1), Consistency::Eventual);
        assert_eq!(source.asked(), [&[eventual], &both(Consistency::Strong)[..]].concat());
        // So is the one that was found just now.
        *source.is_replaced.lock().expect("no panic") = true;
        assert_eq!(names(&known, &source, &["7"], 40).await, some(&["cup 7"]));
        let expected = [both(Consistency::Eventual), both(Consistency::Strong)].concat();
        assert_eq!(source.asked(), expected);
    }
}
