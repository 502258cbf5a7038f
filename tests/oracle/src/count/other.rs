//! What is counted without a name, because there are too many names.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::count::key::TallyKey;
use crate::count::recount::Recount;
use crate::decimal::Decimal;

/// What numbers without a name are counted under.
pub const OTHER: &str = "(other)";

/// Whether a key is a name, and not that of views that count items too, or of what has no name.
pub(crate) fn is_name(key: &str) -> bool {
    !key.is_empty() && key != OTHER
}

/// Whether the names of a measure are bounded: those of orders, which may take back what they
/// counted, are not.
pub(crate) fn is_bounded(measure: &str) -> bool {
    !measure.starts_with("order")
}

/// The keys of a measure that give up their names: all but the `names_max` with the largest sums, of
/// equal ones the first by their bytes. 0 is no bound.
pub fn nameless<'a>(
    measure: &str,
    sums: &BTreeMap<&'a str, Decimal>,
    names_max: u32,
) -> BTreeSet<&'a str> {
    if names_max == 0 || !is_bounded(measure) {
        return BTreeSet::new();
    }
    let mut names: Vec<(Reverse<Decimal>, &str)> = sums
        .iter()
        .filter(|(key, sum)| is_name(key) && !sum.is_zero())
        .map(|(key, sum)| (Reverse(*sum), *key))
        .collect();
    names.sort_unstable();
    names.into_iter().skip(names_max as usize).map(|(_, key)| key).collect()
}

impl Recount {
    /// The same chunk with at most `names_max` names for each site and measure; 0 is no bound. What
    /// the others count, counts under [`OTHER`] in their minutes.
    pub fn with_names_max(mut self, names_max: u32) -> Self {
        let mut sums: BTreeMap<(&str, &str), BTreeMap<&str, Decimal>> = BTreeMap::new();
        for (tally, number) in &self.tallies {
            let sums = sums.entry((tally.site.as_str(), tally.measure.as_str())).or_default();
            *sums.entry(&tally.key).or_default() += *number;
        }
        let nameless: BTreeMap<(&str, &str), BTreeSet<&str>> = sums
            .iter()
            .map(|(group, sums)| (*group, nameless(group.1, sums, names_max)))
            .filter(|(_, keys)| !keys.is_empty())
            .collect();
        if nameless.is_empty() {
            return self;
        }
        let mut tallies: BTreeMap<TallyKey, Decimal> = BTreeMap::new();
        for (tally, number) in &self.tallies {
            let group = (tally.site.as_str(), tally.measure.as_str());
            let has_name =
                nameless.get(&group).is_none_or(|keys| !keys.contains(tally.key.as_str()));
            let key = if has_name { tally.key.clone() } else { OTHER.to_owned() };
            *tallies.entry(TallyKey { key, ..tally.clone() }).or_default() += *number;
        }
        self.tallies = tallies;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(cells: &[(&str, &str, i64, &str, i64)], names_max: u32) -> Vec<String> {
        let tallies = cells.iter().map(|(site, measure, minute, key, number)| {
            let key = TallyKey {
                site: (*site).to_owned(),
                measure: (*measure).to_owned(),
                minute: *minute,
                key: (*key).to_owned(),
            };
            (key, number.to_string().parse().unwrap())
        });
        let recount = Recount { tallies: tallies.collect(), ..Recount::default() };
        let tallies = recount.with_names_max(names_max).tallies;
        let cell = |(tally, number): (&TallyKey, &Decimal)| {
            format!("{} {} {} {}={number}", tally.site, tally.measure, tally.minute, tally.key)
        };
        tallies.iter().map(cell).collect()
    }

    #[test]
    fn the_largest_sums_of_a_chunk_keep_their_names() {
        let cells = [
            ("s", "pages", 1, "", 9),
            ("s", "pages", 1, "a", 1),
            ("s", "pages", 1, "b", 3),
            ("s", "pages", 2, "a", 3),
            ("s", "pages", 2, "c", 3),
            ("s", "pages", 2, "(other)", 5),
            ("s", "ordered", 1, "a", 1),
            ("s", "ordered", 1, "b", 1),
            ("t", "pages", 1, "c", 1),
        ];
        assert_eq!(
            bounded(&cells, 1),
            [
                "s ordered 1 a=1",
                "s ordered 1 b=1",
                "s pages 1 =9",
                "s pages 1 (other)=3",
                "s pages 1 a=1",
                "s pages 2 (other)=8",
                "s pages 2 a=3",
                "t pages 1 c=1",
            ]
        );
        // `b` and `c` are equal, so `b` keeps its name.
        let two = bounded(&cells, 2);
        assert!(
            two.contains(&"s pages 1 b=3".to_owned()) && !two.contains(&"s pages 2 c=3".to_owned())
        );
        for names_max in [0, 3, 100] {
            assert_eq!(bounded(&cells, names_max).len(), cells.len(), "{names_max}");
        }
    }
}
