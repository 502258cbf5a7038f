//! The bound on the keys of a site and measure: those with the largest sums keep their names, all
//! others are counted under one key.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::count::amount::Amount;
use crate::count::measure::Measure;
use crate::count::tally::group::GroupCells;

/// The key of what is counted without a name, because there are too many names. It is reserved: an
/// event with this item or page is counted there too.
pub const OTHER_KEY: &str = "(other)";

/// The number of names that means that all keys keep theirs.
pub(super) const NO_LIMIT: u32 = 0;

/// The keys that keep their names, by site and measure: ranks, ascending. A site and measure that
/// is not there keeps all names.
pub(super) type NamedKeys = BTreeMap<(u32, Measure), Vec<u32>>;

/// The keys of a tally, numbered.
pub(super) struct Keys<'a> {
    /// The text of each number.
    pub(super) texts: &'a [&'a str],
    /// The number of each rank, in the order of the texts.
    pub(super) sorted: &'a [u32],
    /// The rank of each number.
    pub(super) ranks: &'a [u32],
}

/// The keys that keep their names where there are more than `keys_max`. `amount` gives the amount of
/// a key in a group.
pub(super) fn named_keys(
    groups: &[GroupCells],
    keys: &Keys<'_>,
    keys_max: u32,
    amount: impl Fn(&GroupCells, u32, u32) -> Amount,
) -> NamedKeys {
    let mut named = NamedKeys::new();
    let keys_max = keys_max as usize;
    // Most chunks have fewer keys in all, so that they cost no more than this comparison.
    if keys_max == NO_LIMIT as usize || keys.texts.len() <= keys_max {
        return named;
    }
    let is_name =
        |rank: u32| !matches!(keys.texts[keys.sorted[rank as usize] as usize], "" | OTHER_KEY);
    let site_and_measure = |group: &GroupCells| (group.name.site, group.name.measure);
    let mut groups: Vec<&GroupCells> =
        groups.iter().filter(|group| !group.name.measure.is_of_orders()).collect();
    groups.sort_unstable_by_key(|group| site_and_measure(group));
    for groups in groups.chunk_by(|left, right| site_and_measure(left) == site_and_measure(right)) {
        let counters: usize = groups.iter().map(|group| group.cells.length as usize).sum();
        if counters <= keys_max {
            continue;
        }
        let mut sums: Vec<(u32, Amount)> = Vec::with_capacity(counters);
        for group in groups {
            let amounts = group
                .cells
                .iter()
                .map(|(key, steps)| (keys.ranks[key as usize], amount(group, key, steps)));
            sums.extend(amounts.filter(|(rank, _)| is_name(*rank)));
        }
        sums.sort_unstable_by_key(|(rank, _)| *rank);
        sums.dedup_by(|next, sum| {
            let is_same = next.0 == sum.0;
            if is_same {
                sum.1 += next.1;
            }
            is_same
        });
        sums.retain(|(_, sum)| *sum != Amount::ZERO);
        if sums.len() <= keys_max {
            continue;
        }
        // Ranks are in the order of the keys, so equal sums are ordered by key.
        sums.select_nth_unstable_by_key(keys_max, |(rank, sum)| (Reverse(*sum), *rank));
        let mut largest: Vec<u32> = sums[..keys_max].iter().map(|(rank, _)| *rank).collect();
        largest.sort_unstable();
        named.insert(site_and_measure(groups[0]), largest);
    }
    named
}

/// The counters of a group, ascending by key, with those that keep no name under [`OTHER_KEY`]. The
/// counters come ascending by rank.
pub(super) fn with_other<'a>(
    counters: impl Iterator<Item = (u32, &'a str, Amount)>,
    named: &[u32],
) -> Vec<(&'a str, Amount)> {
    let mut other = Amount::ZERO;
    let mut kept = Vec::new();
    for (rank, key, amount) in counters {
        if key.is_empty() || named.binary_search(&rank).is_ok() {
            kept.push((key, amount));
        } else {
            other += amount;
        }
    }
    if other != Amount::ZERO {
        let place = kept.partition_point(|(key, _)| *key < OTHER_KEY);
        kept.insert(place, (OTHER_KEY, other));
    }
    kept
}
