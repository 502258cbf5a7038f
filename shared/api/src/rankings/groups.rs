//! The numbers of items, summed by what the catalogue says they are.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use minutebook_domain::catalogue::CatalogueItem;
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::tally::OTHER_KEY;
use minutebook_domain::query::ranking::Sums;
use minutebook_storage::catalogue::known::Catalogue;

use crate::rankings::query::By;

/// The sums of categories or brands.
pub(crate) struct Groups<'a> {
    by_name: BTreeMap<&'a str, Amount>,
    /// The sum of the items that the catalogue puts into none.
    pub(crate) ungrouped: Amount,
}

impl<'a> Groups<'a> {
    /// Sums items by their categories or brands. What has no name of an item is in no group.
    pub(crate) fn of(sums: &Sums, catalogue: &'a Catalogue, by: By) -> Groups<'a> {
        let mut groups = Groups { by_name: BTreeMap::new(), ungrouped: Amount::ZERO };
        for (key, amount) in sums.iter().filter(|(key, _)| *key != OTHER_KEY) {
            let sum = match catalogue.of(key).and_then(|item| group(item, by)) {
                Some(name) => groups.by_name.entry(name).or_default(),
                None => &mut groups.ungrouped,
            };
            *sum += amount;
        }
        groups
    }

    /// The sum of a group; zero if it has none.
    pub(crate) fn of_name(&self, name: &str) -> Amount {
        self.by_name.get(name).copied().unwrap_or_default()
    }

    /// The groups with the largest sums, descending; equal sums by name. One whose sum is zero,
    /// because what orders added was taken back, is in no list.
    pub(crate) fn top(&self, limit: usize) -> Vec<(&'a str, Amount)> {
        let all = self.by_name.iter().map(|(name, amount)| (*name, *amount));
        let mut top: Vec<_> = all.filter(|(_, amount)| *amount != Amount::ZERO).collect();
        top.sort_by_key(|(_, amount)| Reverse(*amount));
        top.truncate(limit);
        top
    }
}

fn group(item: &CatalogueItem, by: By) -> Option<&str> {
    match by {
        By::Item => None,
        By::Category => item.category.as_deref(),
        By::Brand => item.brand.as_deref(),
    }
}
