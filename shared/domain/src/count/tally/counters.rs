//! The tally: finds the cell of a counter and adds to it.

use std::collections::BTreeMap;
use std::fmt;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::count::amount::{Amount, MILLIONTHS_PER_ONE, UNITS_PER_MILLIONTH};
use crate::count::measure::Measure;
use crate::count::tally::bounded::{Keys, NO_LIMIT, named_keys, with_other};
use crate::count::tally::cells::Cells;
use crate::count::tally::group::{Group, GroupCells, GroupName, Recent, RecentGroups};
use crate::count::tally::numbers::number_of;
use crate::count::tally::steps::{ONE_STEP, step_units};
use crate::count::tally::texts::Texts;
use crate::count::tally::wide::{Wide, WideName};
use crate::hash_seed::HashSeed;
use crate::time::{DayRange, Minute};

/// What one chunk adds: an exact amount for each site, minute, measure and key.
///
/// **Shape**: a counter takes eight bytes in the table of its group, so that events in order of
/// time touch little memory. Each key and each site is stored once.
///
/// **Guarantees**: the groups and their order do not depend on the order of the additions.
pub struct Tally {
    seed: HashSeed,
    /// The multiplier of all cells.
    multiplier: u32,
    sites: Texts,
    keys: Texts,
    pub(super) groups: Vec<GroupCells>,
    /// Positions in `groups`, by the group's name.
    by_name: HashTable<u32>,
    recent: RecentGroups,
    /// The parts of amounts that a cell cannot hold.
    wide: HashTable<Wide>,
}

/// The number of a site of one tally, by first appearance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SiteNumber(pub(crate) u32);

/// The number of a key of one tally, by first appearance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyNumber(u32);

impl Default for Tally {
    fn default() -> Tally {
        Tally::with_seed(HashSeed::random())
    }
}

impl Tally {
    /// An empty tally whose tables have this seed.
    pub(crate) fn with_seed(seed: HashSeed) -> Tally {
        Tally {
            seed,
            multiplier: seed.spreading_multiplier(),
            sites: Texts::new(seed),
            keys: Texts::new(seed),
            groups: Vec::new(),
            by_name: HashTable::new(),
            recent: RecentGroups::default(),
            wide: HashTable::new(),
        }
    }

    /// Adds an amount; zero adds no counter.
    pub fn add(&mut self, site: &str, measure: Measure, minute: Minute, key: &str, amount: Amount) {
        if amount == Amount::ZERO {
            return;
        }
        let site = self.site(site.as_bytes());
        let key = self.key(key.as_bytes(), key.len());
        self.add_amount(site, measure, minute, key, amount);
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The number of counters in all groups.
    pub fn counters(&self) -> usize {
        self.groups.iter().map(|group| group.cells.length as usize).sum()
    }

    /// The groups, ascending by site, minute and measure. Each is built on demand, because a
    /// counter takes 32 bytes in a group, four times as much as in the tally.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        self.bounded_groups(NO_LIMIT)
    }

    /// The groups with at most `keys_max` names for each site and measure, over all minutes; 0 is
    /// no limit. Of more, those with the largest sums keep theirs (of equal sums, the smaller keys),
    /// and all others are counted under `(other)` in their minutes.
    ///
    /// **Shape**: the empty key and `OTHER_KEY` itself are no names, and neither are the keys of
    /// measures of orders: what an order took back would be missing from its key.
    pub fn bounded_groups(&self, keys_max: u32) -> impl Iterator<Item = Group<'_>> {
        let keys = self.keys.to_texts();
        let sites = self.sites.to_texts();
        let mut keys_sorted: Vec<u32> = (0..self.keys.count()).collect();
        keys_sorted.sort_unstable_by_key(|number| keys[*number as usize]);
        // Groups are sorted by the ranks of their keys: comparing numbers costs far less than
        // comparing texts.
        let mut ranks = vec![0; keys.len()];
        for (rank, number) in (0..).zip(&keys_sorted) {
            ranks[*number as usize] = rank;
        }
        let numbered = Keys { texts: &keys, sorted: &keys_sorted, ranks: &ranks };
        let amount = |group: &GroupCells, key, steps| self.amount(group, key, steps);
        let named = named_keys(&self.groups, &numbered, keys_max, amount);
        let mut groups: Vec<&GroupCells> = self.groups.iter().collect();
        groups.sort_unstable_by_key(|group| {
            (sites[group.name.site as usize], group.name.minute, group.name.measure)
        });
        groups.into_iter().filter_map(move |group| {
            let mut cells: Vec<(u32, u32)> =
                group.cells.iter().map(|(key, steps)| (ranks[key as usize], steps)).collect();
            cells.sort_unstable();
            let GroupCells { name: GroupName { site, minute, measure }, .. } = *group;
            let counters = cells.into_iter().map(|(rank, steps)| {
                let key = keys_sorted[rank as usize];
                (rank, keys[key as usize], self.amount(group, key, steps))
            });
            let counters = counters.filter(|(_, _, amount)| *amount != Amount::ZERO);
            let counters = match named.get(&(site, measure)) {
                None => counters.map(|(_, key, amount)| (key, amount)).collect(),
                Some(named) => with_other(counters, named),
            };
            (!counters.is_empty()).then(|| Group {
                site: sites[site as usize],
                minute,
                measure,
                counters,
            })
        })
    }

    /// The sites with counters, each with the days from the first counter to the last.
    pub fn days_of_sites(&self) -> BTreeMap<&str, DayRange> {
        let sites = self.sites();
        let mut days: Vec<Option<DayRange>> = vec![None; sites.len()];
        for group in &self.groups {
            let day = DayRange::of(group.name.minute.hour().day());
            let of_site = &mut days[group.name.site as usize];
            *of_site = Some(of_site.map_or(day, |known| known.union(day)));
        }
        sites.into_iter().zip(days).filter_map(|(site, days)| Some((site, days?))).collect()
    }

    /// The sites by their numbers.
    pub(crate) fn sites(&self) -> Vec<&str> {
        self.sites.to_texts()
    }

    /// The number of a site, which must be UTF-8.
    #[inline]
    pub(crate) fn site(&mut self, site: &[u8]) -> SiteNumber {
        SiteNumber(self.sites.find_or_insert(site))
    }

    /// The number of the key that is the first `length` of these bytes, which must be UTF-8.
    #[inline]
    pub(crate) fn key(&mut self, bytes: &[u8], length: usize) -> KeyNumber {
        KeyNumber(self.keys.number(bytes, length))
    }

    /// Adds one event, or one unit.
    #[inline]
    pub(crate) fn add_one(
        &mut self,
        site: SiteNumber,
        measure: Measure,
        minute: Minute,
        key: KeyNumber,
    ) {
        let group = self.group(GroupName { site: site.0, minute, measure });
        match step_units(measure) {
            ONE_STEP => self.add_steps(group, key, 1),
            _ => self.add_to_group(group, key, Amount::ONE),
        }
    }

    /// Adds a nonzero number of millionths.
    #[inline]
    pub(crate) fn add_millionths(
        &mut self,
        site: SiteNumber,
        measure: Measure,
        minute: Minute,
        key: KeyNumber,
        millionths: u64,
    ) {
        let group = self.group(GroupName { site: site.0, minute, measure });
        // The compiler turns division by a constant into a multiplication.
        let (steps, rest) = if measure.is_money() {
            (millionths / 10_000, millionths % 10_000)
        } else {
            (millionths / MILLIONTHS_PER_ONE, millionths % MILLIONTHS_PER_ONE)
        };
        match u32::try_from(steps) {
            Ok(steps) if rest == 0 => self.add_steps(group, key, steps),
            _ => self.add_wide(
                group,
                key,
                Amount::from_units(i128::from(millionths) * UNITS_PER_MILLIONTH),
            ),
        }
    }

    /// Adds a nonzero amount.
    pub(crate) fn add_amount(
        &mut self,
        site: SiteNumber,
        measure: Measure,
        minute: Minute,
        key: KeyNumber,
        amount: Amount,
    ) {
        let group = self.group(GroupName { site: site.0, minute, measure });
        self.add_to_group(group, key, amount);
    }

    fn add_to_group(&mut self, group: usize, key: KeyNumber, amount: Amount) {
        let step = step_units(self.groups[group].name.measure);
        match u32::try_from(amount.units() / step) {
            Ok(steps) if amount.units() % step == 0 => self.add_steps(group, key, steps),
            _ => self.add_wide(group, key, amount),
        }
    }

    #[inline]
    fn add_steps(&mut self, group: usize, key: KeyNumber, steps: u32) {
        let group_at = &mut self.groups[group];
        let measure = group_at.name.measure;
        let steps_at = group_at.cells.steps(key.0);
        match steps_at.checked_add(steps) {
            Some(sum) => group_at.cells.set_last(sum),
            None => {
                let amount = Amount::from_units(i128::from(steps) * step_units(measure));
                self.add_wide(group, key, amount);
            }
        }
    }

    #[cold]
    fn add_wide(&mut self, group: usize, key: KeyNumber, amount: Amount) {
        // The cell marks the key as counted even if its steps are zero.
        self.groups[group].cells.steps(key.0);
        self.groups[group].cells.has_wide = true;
        let name = WideName { group: number_of(group), key: key.0 };
        let seed = self.seed;
        let hash_of = |wide: &Wide| wide.name.hash(seed);
        let entry = self.wide.entry(name.hash(seed), |wide| wide.name == name, hash_of);
        match entry {
            Entry::Occupied(mut wide) => wide.get_mut().add(amount),
            Entry::Vacant(place) => {
                place.insert(Wide::new(name, amount));
            }
        }
    }

    fn amount(&self, group: &GroupCells, key: u32, steps: u32) -> Amount {
        let mut amount = Amount::from_units(i128::from(steps) * step_units(group.name.measure));
        if group.cells.has_wide {
            let name = WideName { group: group.number, key };
            if let Some(wide) = self.wide.find(name.hash(self.seed), |wide| wide.name == name) {
                amount += wide.amount();
            }
        }
        amount
    }

    #[inline]
    fn group(&mut self, name: GroupName) -> usize {
        let place = name.recent_place();
        let recent = self.recent.places[place];
        if recent.name == Some(name) {
            return recent.group as usize;
        }
        let group = self.find_group(name);
        self.recent.places[place] = Recent { name: Some(name), group };
        group as usize
    }

    #[inline(never)]
    fn find_group(&mut self, name: GroupName) -> u32 {
        let (groups, seed) = (&self.groups, self.seed);
        let is_same = |position: &u32| groups[*position as usize].name == name;
        let hash_at = |position: &u32| groups[*position as usize].name.hash(seed);
        match self.by_name.entry(name.hash(seed), is_same, hash_at) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                let position = number_of(groups.len());
                place.insert(position);
                self.groups.push(GroupCells {
                    name,
                    number: position,
                    cells: Cells::new(self.multiplier),
                });
                position
            }
        }
    }
}

/// `site 2026-11-20T23:07:00Z views item=3 …`, a group a line.
impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in self.groups() {
            writeln!(f, "{group:?}")?;
        }
        Ok(())
    }
}

/// Two tallies are equal if their groups are.
impl PartialEq for Tally {
    fn eq(&self, other: &Tally) -> bool {
        self.groups().eq(other.groups())
    }
}

impl Eq for Tally {}
