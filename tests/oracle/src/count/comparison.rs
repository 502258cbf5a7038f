//! What was recounted beside what was found, number by number.

use std::collections::BTreeMap;

use crate::calendar::{Granularity, Period};
use crate::count::key::TallyKey;
use crate::count::names::{Name, Names};
use crate::count::other::{OTHER, is_bounded, is_name};
use crate::count::recount::Recount;
use crate::decimal::Decimal;

/// A number twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// What was recounted.
    pub recounted: Decimal,
    /// What was found.
    pub found: Decimal,
}

/// Which number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell<'a> {
    /// The site.
    pub site: &'a str,
    /// The measure, as in a sort key: `views`, `sales:USD`.
    pub measure: &'a str,
    /// The span of time.
    pub period: Period,
    /// The item or the page.
    pub key: &'a str,
}

/// How often a period gave up names, and how many it kept each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamesKept {
    /// How many names were kept, at least.
    pub names: u64,
    /// How often others were given up.
    pub times: u64,
}

/// All numbers of two books.
///
/// **Shape**: sums, so that it grows with the cells, not with what is added: some 60 bytes each.
/// Every name is kept once.
#[derive(Debug, Default)]
pub struct Comparison {
    names: Names,
    groups: BTreeMap<Group, BTreeMap<Name, Numbers>>,
}

/// A site, a measure and a span of time.
type Group = (Name, Name, Period);

impl Comparison {
    /// Adds the tallies of a chunk to what was recounted, at every granularity and by quarter: those
    /// of the periods of a site that are to be compared.
    pub fn add_recount(
        &mut self,
        recount: &Recount,
        is_compared: &mut dyn FnMut(&str, Period) -> bool,
    ) {
        self.add_tallies(&recount.tallies, is_compared);
    }

    /// The same for any tallies.
    pub fn add_tallies(
        &mut self,
        tallies: &BTreeMap<TallyKey, Decimal>,
        is_compared: &mut dyn FnMut(&str, Period) -> bool,
    ) {
        self.change(tallies, is_compared, |numbers, number| numbers.recounted += number);
    }

    /// Changes the numbers of any tallies, at every granularity and by quarter.
    pub fn change(
        &mut self,
        tallies: &BTreeMap<TallyKey, Decimal>,
        is_compared: &mut dyn FnMut(&str, Period) -> bool,
        change: fn(&mut Numbers, Decimal),
    ) {
        for granularity in Granularity::WITH_QUARTERS {
            // Tallies are sorted, so that those of a period mostly follow each other.
            let mut last: Option<(&str, Period, bool)> = None;
            for (tally, number) in tallies {
                let TallyKey { site, measure, minute, key } = tally;
                let period = Period::containing(granularity, *minute);
                let compared = match last {
                    Some((last_site, last_period, compared))
                        if last_site == site && last_period == period =>
                    {
                        compared
                    }
                    _ => is_compared(site, period),
                };
                last = Some((site, period, compared));
                if compared {
                    change(self.numbers(Cell { site, measure, period, key }), *number);
                }
            }
        }
    }

    /// Adds to what was recounted.
    pub fn add_recounted(&mut self, cell: Cell<'_>, number: Decimal) {
        self.numbers(cell).recounted += number;
    }

    /// Adds to what was found.
    pub fn add_found(&mut self, cell: Cell<'_>, number: Decimal) {
        self.numbers(cell).found += number;
    }

    /// Gives names back what was found of them under [`OTHER`], as far as names were given up:
    /// `bound` says how many names a period of a site kept how often, if it gave up any. A name of
    /// which less was found than recounted gets the rest, but not if less than nothing was found.
    ///
    /// **Shape**: a group keeps what was found of it if it has no more names than were kept, or if
    /// more of them lack something than can have been given up.
    pub fn name_others(&mut self, mut bound: impl FnMut(&str, Period) -> Option<NamesKept>) {
        let other = self.names.name(OTHER);
        for ((site, measure, period), cells) in &mut self.groups {
            let Some(NamesKept { names, times }) = bound(self.names.text(*site), *period) else {
                continue;
            };
            if !is_bounded(self.names.text(*measure)) {
                continue;
            }
            let is_named = |name: &Name| is_name(self.names.text(*name));
            let recounted = cells
                .iter()
                .filter(|(name, numbers)| is_named(name) && !numbers.recounted.is_zero())
                .count() as u64;
            let given_up_max = recounted.saturating_sub(names) * times;
            let lacks =
                |numbers: &Numbers| (Decimal::ZERO..numbers.recounted).contains(&numbers.found);
            let lacking: Vec<Name> = cells
                .iter()
                .filter(|(name, numbers)| is_named(name) && lacks(numbers))
                .map(|(name, _)| *name)
                .collect();
            if lacking.len() as u64 > given_up_max {
                continue;
            }
            let mut named = Decimal::ZERO;
            for name in lacking {
                let numbers = cells.entry(name).or_default();
                named += numbers.recounted - numbers.found;
                numbers.found = numbers.recounted;
            }
            if !named.is_zero() {
                let numbers = cells.entry(other).or_default();
                numbers.found = numbers.found - named;
            }
        }
    }

    /// Whether more than so many names of a measure were recounted in a period of a site.
    pub fn has_more_names(&self, site: &str, period: Period, names: u64) -> bool {
        self.groups.iter().any(|((of_site, measure, of_period), cells)| {
            let is_of_names = *of_period == period
                && self.names.text(*of_site) == site
                && is_bounded(self.names.text(*measure));
            let recounted = || {
                cells.iter().filter(|(name, numbers)| {
                    is_name(self.names.text(**name)) && !numbers.recounted.is_zero()
                })
            };
            is_of_names && recounted().count() as u64 > names
        })
    }

    /// Forgets all that was found.
    pub fn forget_found(&mut self) {
        for numbers in self.groups.values_mut().flat_map(BTreeMap::values_mut) {
            numbers.found = Decimal::ZERO;
        }
    }

    /// Forgets the periods of sites that are not to be compared.
    pub fn retain(&mut self, mut is_compared: impl FnMut(&str, Period) -> bool) {
        let names = &self.names;
        self.groups.retain(|(site, _, period), _| is_compared(names.text(*site), *period));
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.groups.values().map(|cells| cells.len() as u64).sum()
    }

    /// How many numbers differ, and the first `first_max` of them, ascending by cell.
    pub fn differences(&self, first_max: usize) -> (u64, Vec<(Cell<'_>, Numbers)>) {
        let mut groups = Vec::new();
        for ((site, measure, period), cells) in &self.groups {
            let count = cells.values().filter(|numbers| numbers.recounted != numbers.found).count();
            if count > 0 {
                let [site, measure] = [*site, *measure].map(|name| self.names.text(name));
                groups.push((site, measure, *period, cells, count as u64));
            }
        }
        let count = groups.iter().map(|(.., count)| count).sum();
        groups.sort_by_key(|(site, measure, period, ..)| (*site, *measure, *period));
        let mut first = Vec::new();
        for (site, measure, period, cells, _) in groups {
            if first.len() >= first_max {
                break;
            }
            let different = cells.iter().filter(|(_, numbers)| numbers.recounted != numbers.found);
            let mut different: Vec<(Cell<'_>, Numbers)> = different
                .map(|(key, numbers)| {
                    (Cell { site, measure, period, key: self.names.text(*key) }, *numbers)
                })
                .collect();
            different.sort_by_key(|(cell, _)| *cell);
            first.append(&mut different);
        }
        first.truncate(first_max);
        (count, first)
    }

    /// Tells what was found of each cell.
    pub fn each_found<'a>(&'a self, mut tell: impl FnMut(Cell<'a>, Decimal)) {
        for ((site, measure, period), cells) in &self.groups {
            let [site, measure] = [*site, *measure].map(|name| self.names.text(name));
            for (key, numbers) in cells {
                let cell = Cell { site, measure, period: *period, key: self.names.text(*key) };
                tell(cell, numbers.found);
            }
        }
    }

    fn numbers(&mut self, cell: Cell<'_>) -> &mut Numbers {
        let [site, measure, key] =
            [cell.site, cell.measure, cell.key].map(|text| self.names.name(text));
        self.groups.entry((site, measure, cell.period)).or_default().entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::roll_up::roll_up;

    fn cell<'a>(site: &'a str, granularity: Granularity, key: &'a str) -> Cell<'a> {
        Cell { site, measure: "views", period: Period::containing(granularity, 61), key }
    }

    fn differences(comparison: &Comparison) -> Vec<String> {
        let (count, first) = comparison.differences(5);
        assert_eq!(count, first.len() as u64);
        let texts = first.iter().map(|(cell, numbers)| {
            let Cell { site, measure, period, key } = cell;
            format!("{site} {measure} {period} {key}: {} {}", numbers.recounted, numbers.found)
        });
        texts.collect()
    }

    #[test]
    fn finds_what_is_missing_what_is_too_many_and_what_is_wrong_in_order() {
        let mut comparison = Comparison::default();
        for (site, key, number) in
            [("t", "b", 1), ("s", "b", 2), ("s", "b", 3), ("s", "a", 7), ("s", "c", 9)]
        {
            comparison.add_recounted(cell(site, Granularity::Day, key), Decimal::from(number));
        }
        comparison.add_recounted(cell("s", Granularity::Hour, "a"), Decimal::from(7));
        for (site, key, number) in [("s", "b", 5), ("s", "a", 8), ("s", "d", 1), ("s", "e", 0)] {
            comparison.add_found(cell(site, Granularity::Day, key), Decimal::from(number));
        }
        assert_eq!(comparison.count(), 7);
        assert_eq!(
            differences(&comparison),
            [
                "s views 1970-01-01T01 a: 7 0",
                "s views 1970-01-01 a: 7 8",
                "s views 1970-01-01 c: 9 0",
                "s views 1970-01-01 d: 0 1",
                "t views 1970-01-01 b: 1 0",
            ]
        );
        let (count, first) = comparison.differences(2);
        assert_eq!(
            (count, first.len(), first[1].0.period.to_string()),
            (5, 2, "1970-01-01".to_owned())
        );
    }

    #[test]
    fn what_is_not_retained_makes_no_difference() {
        let mut comparison = Comparison::default();
        for granularity in Granularity::ALL {
            comparison.add_found(cell("s", granularity, "1"), Decimal::ONE);
            comparison.add_found(cell("t", granularity, "1"), Decimal::ONE);
        }
        comparison.retain(|site, period| site == "t" && period.granularity() > Granularity::Hour);
        assert_eq!(
            differences(&comparison),
            ["t views 1970-01-01 1: 0 1", "t views 1970-W01 1: 0 1", "t views 1970-01 1: 0 1"]
        );
    }

    #[test]
    fn names_get_back_what_they_gave_up_and_no_more() {
        // Three names, of which one was kept, with something late for one of the others.
        let compared = |found: [u64; 4], kept: Option<NamesKept>| {
            let mut comparison = Comparison::default();
            let keys = ["a", "b", "c", "(other)"];
            for ((key, recounted), found) in keys.into_iter().zip([5, 3, 2, 1]).zip(found) {
                let cell = cell("s", Granularity::Day, key);
                comparison.add_recounted(cell, Decimal::from(recounted));
                comparison.add_found(cell, Decimal::from(found));
            }
            comparison.name_others(|_, _| kept);
            differences(&comparison).len()
        };
        let kept = |names| Some(NamesKept { names, times: 1 });
        assert_eq!(compared([5, 1, 0, 5], kept(1)), 0);
        // Nothing was given up, or too little, or not all of it is there, or it is no name's.
        assert_eq!(compared([5, 1, 0, 5], None), 3);
        assert_eq!(compared([5, 1, 0, 5], kept(2)), 3);
        assert_eq!(compared([5, 1, 0, 5], kept(3)), 3);
        assert_eq!(compared([5, 1, 0, 4], kept(1)), 1);
        assert_eq!(compared([5, 1, 0, 6], kept(1)), 1);
        assert_eq!(compared([6, 1, 0, 4], kept(1)), 2);
        assert_eq!(compared([5, 1, 0, 5], Some(NamesKept { names: 2, times: 2 })), 0);
    }

    #[test]
    fn what_orders_count_is_not_given_up() {
        let compared = |found: [u64; 2]| {
            let mut comparison = Comparison::default();
            for (key, recounted) in [("a", 2), ("b", 1)] {
                let cell = cell("s", Granularity::Day, key);
                comparison.add_recounted(cell, Decimal::from(recounted));
            }
            for (key, found) in ["b", "(other)"].into_iter().zip(found) {
                comparison.add_found(cell("s", Granularity::Day, key), Decimal::from(found));
            }
            comparison.add_found(cell("s", Granularity::Day, "a"), Decimal::from(2));
            let (site, measure, key) = ("s".to_owned(), "views".to_owned(), "b".to_owned());
            let tally = TallyKey { site, measure, minute: 61, key };
            let of_orders = BTreeMap::from([(tally, Decimal::from(3))]);
            let is_day = &mut |_: &str, period: Period| period.granularity() == Granularity::Day;
            comparison.change(&of_orders, is_day, |numbers, number| {
                numbers.found = numbers.found - number;
            });
            comparison.name_others(|_, _| Some(NamesKept { names: 1, times: 1 }));
            comparison.change(&of_orders, is_day, |numbers, number| {
                numbers.found += number;
                numbers.recounted += number;
            });
            differences(&comparison).len()
        };
        assert_eq!([compared([4, 0]), compared([3, 1])], [0, 0]);
        assert_eq!([compared([2, 2]), compared([0, 4]), compared([3, 0])], [2, 2, 1]);
    }

    #[test]
    fn what_was_found_can_be_found_anew() {
        let mut comparison = Comparison::default();
        comparison.add_recounted(cell("s", Granularity::Day, "a"), Decimal::ONE);
        comparison.add_found(cell("s", Granularity::Day, "a"), Decimal::from(7));
        comparison.forget_found();
        assert_eq!(differences(&comparison), ["s views 1970-01-01 a: 1 0"]);
        comparison.add_found(cell("s", Granularity::Day, "a"), Decimal::ONE);
        assert_eq!(comparison.differences(1).0, 0);
    }

    #[test]
    fn a_recount_is_added_at_every_granularity() {
        let mut recount = Recount::default();
        for (site, minute, key, number) in
            [("s", 59, "a", 1), ("s", 60, "a", 2), ("s", 1440, "b", 4), ("t", 60, "a", 8)]
        {
            let (site, measure, key) = (site.to_owned(), "views".to_owned(), key.to_owned());
            recount.tallies.insert(TallyKey { site, measure, minute, key }, Decimal::from(number));
        }
        let mut comparison = Comparison::default();
        let mut asked = 0;
        comparison.add_recount(&recount, &mut |site, period| {
            asked += 1;
            (site, period.granularity()) != ("t", Granularity::Day)
        });
        // Two minutes of one day and one month are asked for once.
        assert_eq!(asked, 4 + 4 + 4 + 3 + 2 + 2);
        for granularity in Granularity::WITH_QUARTERS {
            for (key, number) in roll_up(&recount.tallies, granularity) {
                let cell = Cell {
                    site: &key.site,
                    measure: &key.measure,
                    period: key.period,
                    key: &key.key,
                };
                comparison.add_found(cell, number);
            }
        }
        assert_eq!(differences(&comparison), ["t views 1970-01-01 a: 0 8"]);
    }
}
