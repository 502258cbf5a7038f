//! The counters of one site, minute and measure, and a cache of the groups in use.

use std::fmt;

use crate::count::amount::Amount;
use crate::count::measure::{Currency, Measure};
use crate::count::tally::cells::Cells;
use crate::hash_seed::HashSeed;
use crate::time::Minute;

/// The counters of one site, minute and measure: the content of one row or of its slots.
#[derive(Clone, PartialEq, Eq)]
pub struct Group<'a> {
    /// The site.
    pub site: &'a str,
    /// The minute.
    pub minute: Minute,
    /// What is counted.
    pub measure: Measure,
    /// The keys, ascending and unique, with their amounts, which are never zero.
    pub counters: Vec<(&'a str, Amount)>,
}

impl fmt::Debug for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.site, self.minute, self.measure)?;
        for (key, amount) in &self.counters {
            write!(f, " {key}={amount}")?;
        }
        Ok(())
    }
}

pub(super) struct GroupCells {
    pub(super) name: GroupName,
    /// Its position among the groups.
    pub(super) number: u32,
    pub(super) cells: Cells,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupName {
    pub(super) site: u32,
    pub(super) minute: Minute,
    pub(super) measure: Measure,
}

impl GroupName {
    pub(super) fn hash(self, seed: HashSeed) -> u64 {
        let site_and_minute = u64::from(self.site) << 32 | u64::from(self.minute.number());
        seed.hash_number(seed.hash_number(site_and_minute) ^ u64::from(self.measure_code()))
    }

    #[inline]
    fn measure_code(self) -> u32 {
        let with_currency = |kind: u8, currency: Currency| {
            let code = currency.as_bytes();
            u32::from_le_bytes([kind, code[0], code[1], code[2]])
        };
        match self.measure {
            Measure::Views => 0,
            Measure::Carts => 1,
            Measure::Removals => 2,
            Measure::Units => 3,
            Measure::Pages => 4,
            Measure::Sales(currency) => with_currency(5, currency),
            Measure::Refunds(currency) => with_currency(6, currency),
            Measure::OrderValue(currency) => with_currency(7, currency),
            Measure::Orders => 8,
            Measure::Ordered => 9,
            Measure::OrderedValue(currency) => with_currency(10, currency),
            Measure::RefundsMoved(currency) => with_currency(11, currency),
            Measure::Checkouts => 12,
        }
    }

    /// The place of the group in the cache: different for the measures of a minute, and for
    /// neighbouring minutes.
    #[inline]
    pub(super) fn recent_place(self) -> usize {
        let code = self.measure_code() as usize & 7;
        (self.minute.number() as usize % (RECENT_PLACES / 8)) * 8 + code
    }
}

const RECENT_PLACES: usize = 64;

/// A cache of the groups that were used last.
pub(super) struct RecentGroups {
    pub(super) places: [Recent; RECENT_PLACES],
}

#[derive(Clone, Copy)]
pub(super) struct Recent {
    pub(super) name: Option<GroupName>,
    pub(super) group: u32,
}

impl Default for RecentGroups {
    fn default() -> RecentGroups {
        RecentGroups { places: [Recent { name: None, group: 0 }; RECENT_PLACES] }
    }
}
