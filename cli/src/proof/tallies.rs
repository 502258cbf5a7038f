//! Compares every number of the table with the recount, at every granularity.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use minutebook_oracle::{Cell, Comparison, Granularity, OTHER, Period, Recount};

use crate::proof::differences::PRINTED_MAX;
use crate::proof::gone::{GoneBooks, Leeway};
use crate::proof::hours::{Hours, SiteHour, quarters_of};
use crate::proof::orders::OrderBooks;
use crate::proof::orders::money::{self, Reconciled};
use crate::proof::report::Report;
use crate::proof::scope::Scope;
use crate::proof::sites::SiteBooks;
use crate::proof::surplus::{self, difference};
use crate::proof::totals::TotalsBooks;
use crate::proof::visitors::VisitorBooks;
use crate::rows::ledger::Summary;
use crate::rows::{self, Item, TableRow, Tallies, VisitorRow};

/// Every number of the recount and of the table. Add all chunks, then all rows of the table, then
/// call [`judge`](Self::judge).
#[derive(Debug)]
pub(crate) struct Books {
    scope: Scope,
    comparison: Comparison,
    visitors: VisitorBooks,
    totals: TotalsBooks,
    orders: OrderBooks,
    sites: SiteBooks,
    hours: Hours,
    /// How many rows each period of a site has.
    rows: BTreeMap<(String, Period), u64>,
    gone: GoneBooks,
    /// How many chunks do not say how much of their money is of no order.
    of_former_builds: u64,
    /// Where rows differ from docs/TABLE.md, as sentences.
    oddities: Vec<String>,
}

impl Books {
    pub(crate) fn new(scope: Scope, gone: GoneBooks) -> Self {
        Self {
            scope,
            comparison: Comparison::default(),
            visitors: VisitorBooks::default(),
            totals: TotalsBooks::default(),
            orders: OrderBooks::default(),
            sites: SiteBooks::default(),
            hours: Hours::default(),
            rows: BTreeMap::new(),
            gone,
            of_former_builds: 0,
            oddities: Vec::new(),
        }
    }

    /// Notes that an object of this chunk exists; false if that is known already.
    pub(crate) fn add_object(&mut self, chunk_id: &str) -> bool {
        self.gone.add_recounted(chunk_id)
    }

    /// Adds the recount of a chunk.
    pub(crate) fn add_chunk(&mut self, recount: &Recount, summary: &Summary) {
        if let Some(days) = summary.minute_retention_days {
            self.scope.minutes_were_kept_for(days);
        }
        for tally in recount.tallies.keys() {
            self.scope.meet(&tally.site);
        }
        for event in &recount.orders {
            self.scope.meet(&event.site);
        }
        self.of_former_builds += u64::from(!summary.has_order_refunds);
        if summary.sites_max.is_some() {
            self.sites.add_chunk(recount, summary.of_orders());
        }
        self.orders.add_recounted(&recount.orders, summary.of_orders());
        self.comparison
            .add_recount(recount, &mut |site, period| self.scope.is_compared(site, period));
        self.visitors.add_recounted(&recount.visitors);
    }

    /// Forgets all rows of the table, so that it can be read (again). What expires before `expiry`
    /// is left out.
    pub(crate) fn begin_table(&mut self, expiry: DateTime<Utc>) {
        self.scope.leave_out_before(expiry);
        self.comparison.forget_found();
        self.visitors.forget_found();
        self.totals = TotalsBooks::default();
        self.orders.forget_found();
        self.sites.forget_found();
        self.hours = Hours::default();
        self.rows.clear();
        self.gone.forget_found();
        self.oddities.clear();
    }

    /// Adds a row of the table.
    pub(crate) fn add_row(&mut self, item: &Item) {
        match rows::read(item, &mut self.oddities) {
            Some(TableRow::Tallies(tallies)) => self.add_tallies(&tallies),
            Some(TableRow::OpenHour(open)) => self.hours.add_open(open),
            Some(TableRow::LedgerEntry { chunk_id, entry }) => {
                if let Some(entry) = &entry {
                    self.totals.add_entry(entry);
                }
                if !self.hours.add_entry(&chunk_id, entry.as_deref(), &mut self.oddities) {
                    self.gone.add_entry(chunk_id, entry.map(|entry| *entry));
                }
            }
            Some(TableRow::Visitors(row)) => self.add_visitors(row),
            Some(TableRow::VisitorSecret(secret)) => self.visitors.add_secret(secret),
            Some(TableRow::VisitorState(state)) => self.visitors.set_state(state),
            Some(TableRow::Totals(shard)) => self.totals.add_found(&shard),
            Some(TableRow::Site(row)) => self.sites.add_site(row),
            Some(TableRow::Registry(registry)) => self.sites.set_registry(registry),
            Some(TableRow::Order(order)) => self.orders.add_found(order),
            Some(TableRow::RecentOrder(row)) => self.orders.add_recent(row),
            Some(
                TableRow::Seal
                | TableRow::SealingLag
                | TableRow::Proof
                | TableRow::Snapshot
                | TableRow::Extent
                | TableRow::File
                | TableRow::CountedBytes
                | TableRow::Forgetting
                | TableRow::ApiKey(_)
                | TableRow::Connection
                | TableRow::Catalogue
                | TableRow::Settings,
            )
            | None => {}
        }
    }

    fn add_tallies(&mut self, tallies: &Tallies) {
        let Tallies { site, measure, period, ttl, counters, .. } = tallies;
        if ttl.is_some_and(|ttl| self.scope.row_expires(site, *period, ttl)) {
            return;
        }
        let hour = Period::containing(Granularity::Hour, period.first_minute());
        let has_quarters = self.scope.has_quarters(site, hour);
        self.hours.add_minute(tallies, has_quarters);
        if period.granularity() == Granularity::Quarter && !has_quarters {
            let fault = "a row of a quarter, but no day of its site begins within its hour";
            self.oddities.push(format!("{site} {measure} quarter {period}: {fault}"));
        }
        if !self.scope.is_compared(site, *period) {
            return;
        }
        *self.rows.entry((site.clone(), *period)).or_default() += 1;
        for (key, number) in counters {
            self.comparison.add_found(Cell { site, measure, period: *period, key }, *number);
        }
    }

    fn add_visitors(&mut self, row: VisitorRow) {
        let has_expired =
            row.ttl.is_some_and(|ttl| self.scope.row_expires(&row.site, row.period, ttl));
        // A minute may be needed for its hour.
        let is_of_use = row.period.granularity() == Granularity::Minute
            || self.scope.is_compared(&row.site, row.period);
        if !has_expired && is_of_use {
            self.visitors.add_found(row);
        }
    }

    /// The keys of the objects that were counted and of which a chunk was not recounted.
    pub(crate) fn gone_keys(&self) -> BTreeSet<&str> {
        self.gone.keys()
    }

    /// Compares every number.
    pub(crate) fn judge(mut self, report: &mut Report) {
        for oddity in self.oddities {
            report.differences.add(|| oddity);
        }
        report.gone = self.gone.judge(&mut report.differences);
        self.sites.judge(&mut report.differences);
        let leeway = Leeway::of(&report.gone);
        for days in report.gone.iter().filter_map(|chunk| chunk.minute_retention_days) {
            self.scope.minutes_were_kept_for(days);
        }
        for fault in self.hours.faults(|site, hour| self.scope.covers(site, hour)) {
            report.differences.add(|| fault);
        }
        let mut compared: BTreeMap<(&str, Period), bool> = BTreeMap::new();
        for (site, period, measure, key, number) in self.hours.not_done_sums() {
            let is_compared = compared
                .entry((site, period))
                .or_insert_with(|| self.scope.is_compared(site, period));
            if *is_compared {
                self.comparison.add_found(Cell { site, measure, period, key }, number);
            }
        }
        let has_minutes = |(site, hour): &SiteHour| self.scope.has_minutes(site, *hour);
        let names_kept = self.hours.names_kept(has_minutes);
        for (site, period, measure, key, number) in self.hours.nameless(has_minutes) {
            if self.scope.would_compare(site, period) {
                let cell = |key| Cell { site, measure, period, key };
                self.comparison.add_recounted(cell(key), -number);
                self.comparison.add_recounted(cell(OTHER), number);
            }
        }
        // Which names an hour gave up decides about its quarters, too. Once its minutes are gone,
        // they can be compared only if it had no more names than were kept.
        let gave_up_names =
            self.hours.with_unknown_names(has_minutes).filter(|((site, hour), names)| {
                self.scope.has_quarters(site, *hour)
                    && self.comparison.has_more_names(site, *hour, *names)
            });
        let unknown_quarters: BTreeSet<SiteHour> = gave_up_names
            .flat_map(|((site, hour), _)| quarters_of(*hour).map(|quarter| (site.clone(), quarter)))
            .collect();
        // An order contributes what all chunks together report about it. It gives up no names, so
        // that its contribution is left out while those of others are looked at.
        let orders = self.orders.expected(leeway);
        let contributions = orders.tallies();
        let mut is_compared = |site: &str, period| self.scope.is_compared(site, period);
        self.comparison.change(&contributions, &mut is_compared, |numbers, number| {
            numbers.found = numbers.found - number;
        });
        self.comparison
            .name_others(|site, period| names_kept.get(&(site.to_owned(), period)).copied());
        self.comparison.change(&contributions, &mut is_compared, |numbers, number| {
            numbers.found += number;
            numbers.recounted += number;
        });
        let mut scope = self.scope.clone();
        self.orders.judge(
            &orders,
            |site, period| self.scope.covers(site, period),
            |site, period| scope.is_compared(site, period),
            &mut report.differences,
        );
        let mut unfinished = self.hours.unfinished();
        unfinished.extend(unknown_quarters);
        let mut is_compared = |site: &str, period: Period| {
            self.scope.is_compared(site, period) && !unfinished.contains(&(site.to_owned(), period))
        };
        self.comparison.retain(&mut is_compared);
        for ((site, period), rows) in &self.rows {
            if is_compared(site, *period) {
                *report.rows.entry(period.granularity()).or_default() += rows;
            }
        }
        match leeway {
            None => {
                let (count, first) = self.comparison.differences(PRINTED_MAX);
                let first = first.into_iter().map(|(cell, numbers)| difference(cell, numbers));
                report.differences.add_all(count, first);
            }
            Some(leeway) => {
                let is_compared = |site: &str, period: Period| {
                    scope.would_compare(site, period)
                        && !unfinished.contains(&(site.to_owned(), period))
                };
                surplus::judge(&self.comparison, leeway, is_compared, &mut report.differences);
            }
        }
        report.tallies = self.comparison.count();
        report.not_reconciled = match (self.of_former_builds, report.gone.len()) {
            (0, 0) => None,
            (0, _) => Some("objects are gone".to_owned()),
            (chunks, _) => {
                Some(format!("{chunks} objects were counted before plan format version 8"))
            }
        };
        if report.not_reconciled.is_none() {
            let Reconciled { places, faults } = money::reconcile(&self.comparison);
            report.reconciled = places;
            faults.into_iter().for_each(|fault| report.differences.add(|| fault));
        }
        report.visitor_state = self.visitors.state();
        report.visitor_leftovers = self.visitors.leftovers();
        let judged = self.visitors.judge(self.hours.waiting(), leeway, is_compared);
        report.differences.add_all(judged.differences.count, judged.differences.first);
        report.visitors = judged.visitors;
        self.totals.judge(&mut report.differences);
        report.expired = self.scope.expired_count();
    }
}

#[cfg(test)]
#[path = "tallies_tests.rs"]
mod tests;
