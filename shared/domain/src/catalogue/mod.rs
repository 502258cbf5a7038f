//! The catalogue of a site: what the shop says about its items.
//!
//! Nothing is counted by it. Answers are joined with it when they are read.

mod pack;

pub use pack::{CatalogueError, pack, unpack};

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

/// How many items a catalogue has at most: as many as keep their names by default (`KeysMax`).
pub const ITEMS_MAX: usize = 100_000;

/// How many items a slot has on average. A ranking of ten items reads ten slots of some 2 KB.
const ITEMS_PER_SLOT: usize = 64;

/// What a shop says about an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogueItem {
    /// Its name for people.
    pub name: Option<Box<str>>,
    /// What kind of thing it is.
    pub category: Option<Box<str>>,
    /// Who makes it.
    pub brand: Option<Box<str>>,
    /// Its price as the shop writes it, for display: nothing is computed with it.
    pub price: Option<Box<str>>,
    /// The URL of a picture, `https:` or `http:`.
    pub image_url: Option<Box<str>>,
}

impl CatalogueItem {
    /// The members with their names, in the order in which they are stored.
    pub fn members(&self) -> [(&'static str, &Option<Box<str>>); 5] {
        let CatalogueItem { name, category, brand, price, image_url } = self;
        [
            ("name", name),
            ("category", category),
            ("brand", brand),
            ("price", price),
            ("image_url", image_url),
        ]
    }
}

/// A part of a catalogue: items by their ids.
pub type Slot = BTreeMap<Box<str>, CatalogueItem>;

/// Into how many slots a catalogue of so many items is divided.
pub fn slots_for(items: usize) -> u32 {
    u32::try_from(items.div_ceil(ITEMS_PER_SLOT)).unwrap_or(u32::MAX).max(1)
}

/// The slot that has an item, of so many.
pub fn slot_of(item_id: &str, slots: u32) -> u32 {
    let slot = xxh3_64(item_id.as_bytes()) % u64::from(slots.max(1));
    u32::try_from(slot).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_spread_over_slots_that_never_change() {
        assert_eq!([0, 1, 64, 65, 10_000].map(slots_for), [1, 1, 1, 2, 157]);
        // Stored catalogues depend on it.
        assert_eq!(["1", "sku-1", "ä"].map(|id| slot_of(id, 157)), [34, 16, 110]);
        let mut items = vec![0; 157];
        for item in 0..10_000 {
            items[usize::try_from(slot_of(&item.to_string(), 157)).unwrap()] += 1;
        }
        assert!(items.iter().all(|items| (32..=100).contains(items)), "{items:?}");
    }
}
