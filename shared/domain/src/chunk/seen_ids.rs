//! The ids of the events that were counted.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The ids of the events that were counted, each as a 128-bit hash: the probability that two of
/// 10^12 ids collide is below 10^-14.
#[derive(Default)]
pub(super) struct SeenIds {
    hashes: HashTable<u128>,
}

impl SeenIds {
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
