//! The ids of the events that were counted.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::hash_seed::HashSeed;

/// The ids of the events that were counted, each as a 128-bit hash: the probability that two of
/// 10^12 ids collide is below 10^-14. The seed is random, so that nobody can choose two that do.
pub(super) struct SeenIds {
    seed: HashSeed,
    hashes: HashTable<u128>,
}

impl SeenIds {
    pub(super) fn new(seed: HashSeed) -> SeenIds {
        SeenIds { seed, hashes: HashTable::new() }
    }

    /// The hash of an id, which identifies an event only within its site.
    #[inline]
    pub(super) fn hash(&self, site: &[u8], id: &[u8]) -> u128 {
        self.seed.hash_text_within(id, self.seed.hash_text(site))
    }

    #[inline]
    pub(super) fn contains(&self, id: u128) -> bool {
        self.hashes.find(upper_half(id), |known| *known == id).is_some()
    }

    /// Adds an id; returns `false` if it was there already.
    #[inline]
    pub(super) fn insert(&mut self, id: u128) -> bool {
        match self.hashes.entry(upper_half(id), |known| *known == id, |known| upper_half(*known)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(id);
                true
            }
        }
    }
}

#[inline]
fn upper_half(hash: u128) -> u64 {
    (hash >> 64) as u64
}
