//! Compares the registry of sites with the recount: no counter may be outside of the days that the
//! row of its site says.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate};
use minutebook_oracle::{Contribution, Recount, orders, tallies_of_contributions};

use crate::proof::differences::Differences;
use crate::rows::{Registry, SiteRow};

/// The sites of the registry, and those of the chunks.
#[derive(Clone, Debug, Default)]
pub(crate) struct SiteBooks {
    found: BTreeMap<String, SiteRow>,
    registry: Option<Registry>,
    /// The first and the last day of what was recounted.
    recounted: BTreeMap<String, (NaiveDate, NaiveDate)>,
}

impl SiteBooks {
    /// Forgets the rows that were read.
    pub(crate) fn forget_found(&mut self) {
        self.found.clear();
        self.registry = None;
    }

    /// Adds a row.
    pub(crate) fn add_site(&mut self, row: SiteRow) {
        self.found.insert(row.site.clone(), row);
    }

    /// Sets the row about the registry as a whole.
    pub(crate) fn set_registry(&mut self, registry: Registry) {
        self.registry = Some(registry);
    }

    /// Adds what a chunk counts, if there was a registry when it was counted; of its orders so much.
    pub(crate) fn add_chunk(&mut self, recount: &Recount, of_orders: Contribution) {
        // Of all that chunks say of an order, one has the time at which it was placed, and each
        // refund is at its own.
        let orders = orders(&recount.orders);
        let of_orders = orders.iter().map(|((site, _), order)| (site.as_str(), order, of_orders));
        let of_orders = tallies_of_contributions(of_orders);
        let tallies = recount.tallies.keys().chain(of_orders.keys());
        for (site, minute) in tallies.map(|key| (&key.site, key.minute)) {
            let Some(day) = DateTime::from_timestamp(minute * 60, 0) else { continue };
            let day = day.date_naive();
            match self.recounted.get_mut(site) {
                Some((first, last)) => {
                    *first = day.min(*first);
                    *last = day.max(*last);
                }
                None => {
                    self.recounted.insert(site.clone(), (day, day));
                }
            }
        }
    }

    /// Compares both.
    pub(crate) fn judge(&self, differences: &mut Differences) {
        for (site, (first, last)) in &self.recounted {
            match self.found.get(site) {
                None => differences.add(|| format!("site {site}: it has no row in the registry")),
                Some(row) if row.first_day > *first || row.last_day < *last => {
                    let (from, to) = (row.first_day, row.last_day);
                    differences.add(|| {
                        format!("site {site}: counted from {first} to {last}, its row says {from} to {to}")
                    });
                }
                Some(_) => {}
            }
        }
        let numbers: BTreeSet<u32> = self.found.values().map(|row| row.number).collect();
        let registered = self.registry.map_or(0, |registry| registry.sites) as usize;
        let is_numbered = numbers.len() == self.found.len()
            && registered == self.found.len()
            && numbers.last().is_none_or(|last| *last as usize == registered);
        if !is_numbered {
            let rows = self.found.len();
            differences.add(|| {
                format!("registry: {rows} sites have numbers {numbers:?}, and it says {registered}")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_oracle::{Settings, recount};

    fn row(site: &str, number: u32, days: [&str; 2]) -> SiteRow {
        let [first_day, last_day] = days.map(|day| day.parse().unwrap());
        SiteRow { site: site.to_owned(), number, first_day, last_day }
    }

    fn differences(rows: &[SiteRow], sites: u32) -> u64 {
        differences_of(rows, sites, Contribution::Whole)
    }

    fn differences_of(rows: &[SiteRow], sites: u32, of_orders: Contribution) -> u64 {
        let chunk =
            b"{\"event\":\"order\",\"ts\":\"2026-11-19T11:07Z\",\"sku\":1,\"price\":5,\"order_id\":1}\n\
            {\"event\":\"view\",\"ts\":\"2026-11-20T11:08Z\",\"sku\":1}\n\
            {\"event\":\"OrderCancelledEvent\",\"ts\":\"2026-11-18T11:08Z\",\"order_id\":1}\n";
        let settings = Settings::at("2026-11-20T12:00:00Z".parse().unwrap());
        let mut books = SiteBooks::default();
        books.add_chunk(&recount(chunk, &settings).unwrap(), of_orders);
        rows.iter().for_each(|row| books.add_site(row.clone()));
        books.set_registry(Registry { sites, is_complete: true });
        let mut differences = Differences::default();
        books.judge(&mut differences);
        differences.count
    }

    #[test]
    fn no_counter_is_outside_of_the_days_of_its_site() {
        let default = row("default", 1, ["2026-11-18", "2026-11-20"]);
        assert_eq!(differences(std::slice::from_ref(&default), 1), 0);
        assert_eq!(differences(&[row("default", 1, ["1970-01-01", "2027-01-01"])], 1), 0);
        assert_eq!(differences(&[row("default", 1, ["2026-11-20", "2026-11-20"])], 1), 1);
        assert_eq!(differences(&[row("default", 1, ["2026-11-18", "2026-11-19"])], 1), 1);
        // A build before counted a cancellation at the minute of the order.
        let later = [row("default", 1, ["2026-11-19", "2026-11-20"])];
        assert_eq!(differences(&later, 1), 1);
        assert_eq!(differences_of(&later, 1, Contribution::WithoutRefunds), 0);
        assert_eq!(differences(&[], 0), 1);
        let other = |number| row("other", number, ["2026-11-19", "2026-11-20"]);
        assert_eq!(differences(&[default.clone(), other(2)], 2), 0);
        assert_eq!(differences(&[default.clone(), other(1)], 2), 1);
        assert_eq!(differences(&[default.clone(), other(3)], 2), 1);
        assert_eq!(differences(&[default, other(2)], 3), 1);
    }
}
