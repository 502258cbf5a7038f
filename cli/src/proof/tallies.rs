//! Compares every number of the table with the recount, at every granularity.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use minutebook_oracle::{Cell, Comparison, Granularity, OTHER, Period, Recount};

use crate::proof::differences::PRINTED_MAX;
use crate::proof::gone::{GoneBooks, Leeway};
use crate::proof::hours::{Hours, SiteHour, quarters_of};
use crate::proof::orders::OrderBooks;
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
        if summary.sites_max.is_some() {
            self.sites.add_chunk(recount);
        }
        self.orders.add_recounted(&recount.orders);
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
                | TableRow::Snapshot
                | TableRow::Extent
                | TableRow::File
                | TableRow::CountedBytes
                | TableRow::ApiKey(_)
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
mod tests {
    use super::*;
    use crate::proof::scope::Retention;
    use crate::rows::ledger::testing::first_entry;
    use aws_sdk_dynamodb::types::AttributeValue;
    use minutebook_oracle::{QuarterHours, Settings, recount};

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn books() -> Books {
        let retention = Retention { minute_days: Some(7), ..Retention::default() };
        books_of(Scope::new(retention, time("2026-11-21T12:00:00Z")))
    }

    fn books_of(scope: Scope) -> Books {
        Books::new(scope, GoneBooks::new("b", ""))
    }

    fn summary() -> Summary {
        Summary { minute_retention_days: Some(7), ..Summary::default() }
    }

    /// A recount of views of item 1 at these times.
    fn views(times: &[&str]) -> Recount {
        let lines = times
            .iter()
            .map(|time| format!("{{\"event\":\"view\",\"ts\":\"{time}\",\"sku\":1}}\n"));
        let settings = Settings::at(time("2026-11-21T12:00:00Z"));
        recount(lines.collect::<String>().as_bytes(), &settings).unwrap()
    }

    fn row(pk: &str, sk: &str, attributes: &[(&str, &str)]) -> Item {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut item = Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
        for (name, value) in attributes {
            let is_number = !name.ends_with("_at");
            let value =
                if is_number { AttributeValue::N((*value).to_owned()) } else { text(value) };
            item.insert((*name).to_owned(), value);
        }
        item
    }

    /// Rows of a site `default` with a number for item 1.
    fn tallies(rows: &[(&str, &str, &str)]) -> Vec<Item> {
        rows.iter()
            .map(|(span, sk, number)| row(&format!("T#default#{span}"), sk, &[("i#1", number)]))
            .collect()
    }

    fn sums_entry(parts: &str) -> Item {
        let attributes = [
            ("plan_format_version", "2"),
            ("parts", parts),
            ("committed_at", "2026-11-21T00:12:00Z"),
        ];
        row("L#seal:default:2026-11-20T23", "000000", &attributes)
    }

    fn judged(mut books: Books, times: &[&str], rows: impl IntoIterator<Item = Item>) -> Report {
        books.add_chunk(&views(times), &summary());
        for row in rows {
            books.add_row(&row);
        }
        let mut report = Report::default();
        books.judge(&mut report);
        report
    }

    #[track_caller]
    fn check(times: &[&str], rows: impl IntoIterator<Item = Item>, differences: &[&str]) -> Report {
        let report = judged(books(), times, rows);
        assert_eq!(report.differences.first, differences);
        assert_eq!(report.differences.count, differences.len() as u64);
        report
    }

    /// Three views of an hour: two in numbered shards, one late.
    const TIMES: [&str; 3] = ["2026-11-20T23:07:01Z", "2026-11-20T23:07:02Z", "2026-11-20T23:08Z"];

    fn minutes() -> Vec<Item> {
        tallies(&[
            ("2026-11-20T23", "views#07#00#000", "1"),
            ("2026-11-20T23", "views#07#13#000.1", "1"),
            ("2026-11-20T23", "views#08#late#000", "1"),
        ])
    }

    /// The rows above the minute, with this number each.
    fn above(number: &str) -> Vec<Item> {
        tallies(&[
            ("2026-11-20", "views#23#000", number),
            ("2026", "views#d11-20#000", number),
            ("2026", "views#w47#001", number),
            ("2026", "views#m11#000.2", number),
        ])
    }

    fn open() -> Item {
        row("OPEN#f", "default#2026-11-20T23", &[("sealed_at", "2026-11-21T00:10:00Z")])
    }

    #[test]
    fn an_open_hour_is_in_its_numbered_shards_and_what_came_late_is_in_the_rows_above() {
        let report = check(&TIMES, [minutes(), above("1"), vec![open()]].concat(), &[]);
        let rows: Vec<u64> = report.rows.values().copied().collect();
        assert_eq!((rows, report.tallies), (vec![3, 1, 1, 1, 1], 6));
    }

    #[test]
    fn an_hour_that_is_done_is_in_the_rows_above() {
        check(&TIMES, [minutes(), above("3"), vec![open(), sums_entry("1")]].concat(), &[]);
        check(
            &TIMES,
            [minutes(), above("1"), vec![sums_entry("1")]].concat(),
            &[
                "default views hour 2026-11-20T23 1: recounted 3, the table says 1",
                "default views day 2026-11-20 1: recounted 3, the table says 1",
                "default views week 2026-W47 1: recounted 3, the table says 1",
                "default views month 2026-11 1: recounted 3, the table says 1",
            ],
        );
    }

    /// The books of a site in Kolkata: its days begin at 18:30 UTC.
    fn books_of_kolkata(at: &str) -> Books {
        let mut kolkata = QuarterHours::default();
        kolkata.set(DateTime::UNIX_EPOCH, Some(chrono_tz::Tz::Asia__Kolkata));
        let retention = Retention { minute_days: Some(7), ..Retention::default() };
        let scope = Scope::new(retention, time(at))
            .with_quarters(BTreeMap::from([("default".to_owned(), kolkata)]));
        books_of(scope)
    }

    #[test]
    fn rows_of_quarters_are_compared_where_a_day_begins_within_the_hour() {
        let times = ["2026-11-20T18:29Z", "2026-11-20T18:30Z", "2026-11-20T18:31Z"];
        let minutes = || {
            tallies(&[
                ("2026-11-20T18", "views#29#00#000", "1"),
                ("2026-11-20T18", "views#30#00#000", "1"),
                ("2026-11-20T18", "views#31#late#000", "1"),
            ])
        };
        let above = |number: &str| {
            tallies(&[
                ("2026-11-20", "views#18#000", number),
                ("2026", "views#d11-20#000", number),
                ("2026", "views#w47#000", number),
                ("2026", "views#m11#000", number),
            ])
        };
        let quarters = |second: &str, third: &str| {
            let rows = [
                ("2026-11-20", "views#q18:15#000", second),
                ("2026-11-20", "views#q18:30#000", third),
            ];
            tallies(&rows).into_iter().filter(|row| row["i#1"].as_n() != Ok(&"0".to_owned()))
        };
        let attributes = [
            ("plan_format_version", "7"),
            ("parts", "1"),
            ("committed_at", "2026-11-20T19:12:00Z"),
        ];
        let done = row("L#seal:default:2026-11-20T18", "000000", &attributes);
        let open = row("OPEN#f", "default#2026-11-20T18", &[]);
        let quarter = |name: &str, recounted: u32, found: u32| {
            format!(
                "default views quarter 2026-11-20T{name} 1: recounted {recounted}, the table says {found}"
            )
        };
        let check = |at: &str, rows: Vec<Item>, expected: &[String]| {
            assert_eq!(judged(books_of_kolkata(at), &times, rows).differences.first, expected);
        };
        let at = "2026-11-21T12:00:00Z";
        let of_done = |second: &str, third: &str| {
            let quarters = quarters(second, third).collect();
            [minutes(), above("3"), quarters, vec![done.clone()]].concat()
        };
        check(at, of_done("1", "2"), &[]);
        check(at, of_done("0", "2"), &[quarter("18:15", 1, 0)]);
        check(at, of_done("1", "3"), &[quarter("18:30", 2, 3)]);
        // Nothing of the open hour but what came late is in the rows above the minute.
        let quarters_of_open = |third: &str| {
            let quarters = quarters("0", third).collect();
            [minutes(), above("1"), quarters, vec![open.clone()]].concat()
        };
        check(at, quarters_of_open("1"), &[]);
        check(at, quarters_of_open("2"), &[quarter("18:30", 2, 3)]);
        // The minutes are gone, and the quarters are not.
        let late = "2026-12-21T12:00:00Z";
        check(late, of_done("1", "2").split_off(3), &[]);
        check(late, of_done("1", "1").split_off(3), &[quarter("18:30", 2, 1)]);
        // Another site has no rows of quarters.
        let rows =
            [minutes(), above("3"), quarters("1", "2").collect(), vec![done.clone()]].concat();
        let fault = "a row of a quarter, but no day of its site begins within its hour";
        assert_eq!(
            judged(books(), &times, rows).differences.first,
            ["18:15", "18:30"]
                .map(|name| format!("default views quarter 2026-11-20T{name}: {fault}"))
        );
    }

    /// Two views of item 1 and one each of 2 and 3, in an hour that was sealed with one name: the
    /// differences at this time if the rows above have these numbers, and the minutes are there or
    /// not.
    fn judged_with_one_name(above: &[(&str, &str)], at: &str, has_minutes: bool) -> Vec<String> {
        let line = |item: u32| {
            format!("{{\"event\":\"view\",\"ts\":\"2026-11-20T23:07Z\",\"sku\":{item}}}\n")
        };
        let settings = Settings::at(time("2026-11-20T23:08:00Z"));
        let lines: String = [1, 1, 2, 3].map(line).concat();
        let retention = Retention { minute_days: Some(7), ..Retention::default() };
        let mut books = books_of(Scope::new(retention, time(at)));
        books.add_chunk(&recount(lines.as_bytes(), &settings).unwrap(), &summary());
        let entry = [
            ("plan_format_version", "5"),
            ("parts", "1"),
            ("keys_max", "1"),
            ("committed_at", "2026-11-21T00:12:00Z"),
        ];
        books.add_row(&row("L#seal:default:2026-11-20T23", "000000", &entry));
        if has_minutes {
            let counters = [("i#1", "2"), ("i#2", "1"), ("i#3", "1")];
            books.add_row(&row("T#default#2026-11-20T23", "views#07#00#000", &counters));
        }
        for (span, sk) in [
            ("2026-11-20", "views#23#000"),
            ("2026", "views#d11-20#000"),
            ("2026", "views#w47#000"),
            ("2026", "views#m11#000"),
        ] {
            books.add_row(&row(&format!("T#default#{span}"), sk, above));
        }
        let mut report = Report::default();
        books.judge(&mut report);
        report.differences.first
    }

    #[test]
    fn names_that_sealing_gave_up_follow_from_the_minutes_or_else_from_what_they_lack() {
        let none: [&str; 0] = [];
        for (at, has_minutes) in [("2026-11-21T12:00:00Z", true), ("2026-12-21T12:00:00Z", false)] {
            let judged = |above| judged_with_one_name(above, at, has_minutes);
            assert_eq!(judged(&[("i#1", "2"), ("i#(other)", "2")]), none, "{at}");
            let more = judged(&[("i#1", "2"), ("i#(other)", "3")]);
            assert_eq!(more.len(), 4, "{more:?}");
            assert!(more[0].starts_with("default views hour 2026-11-20T23 (other): "), "{more:?}");
            let all_names = judged(&[("i#1", "2"), ("i#2", "1"), ("i#3", "1")]);
            // Without the minutes, an hour that gave up no name is as right.
            assert_eq!(all_names.is_empty(), !has_minutes, "{all_names:?}");
        }
        // The wrong name was given up.
        let wrong = [("i#2", "1"), ("i#(other)", "3")];
        assert_eq!(judged_with_one_name(&wrong, "2026-11-21T12:00:00Z", true).len(), 3 * 4);
    }

    /// Three purchases of item 1 and one of item 2 without an order, and one of items 2 and 3 with
    /// one, in an hour that was sealed with one name: the differences at this time if the rows above
    /// have these units.
    fn judged_with_an_order(units: &[(&str, &str)], at: &str) -> Vec<String> {
        let line = |members: &str| {
            format!("{{\"event\":\"purchase\",\"ts\":\"2026-11-20T23:07Z\",{members}}}\n")
        };
        let plain = [1, 1, 1, 2].map(|item| line(&format!("\"sku\":{item}")));
        let order = line(r#""order_id":1,"items":[{"sku":2},{"sku":3}]"#);
        let settings = Settings::at(time("2026-11-20T23:08:00Z"));
        let lines = plain.concat() + &order;
        let mut books = books_of(Scope::new(
            Retention { minute_days: Some(7), ..Retention::default() },
            time(at),
        ));
        books.add_chunk(&recount(lines.as_bytes(), &settings).unwrap(), &summary());
        let entry = [
            ("plan_format_version", "5"),
            ("parts", "1"),
            ("keys_max", "1"),
            ("committed_at", "2026-11-21T00:12:00Z"),
        ];
        books.add_row(&row("L#seal:default:2026-11-20T23", "000000", &entry));
        let purchased_at = "2026-11-20T23:07:00.000000000Z";
        let member = |(name, value): (&str, AttributeValue)| (name.to_owned(), value);
        let (text, number) = (
            |text: &str| AttributeValue::S(text.to_owned()),
            |number: &str| AttributeValue::N(number.to_owned()),
        );
        let order_line = |item: &str| {
            let members = [
                ("item", text(item)),
                ("units", number("1")),
                ("money", number("0")),
                ("currency", text("USD")),
                ("count", number("1")),
            ];
            AttributeValue::M(members.map(member).into())
        };
        let mut order = row("O#default#1", "order", &[("revision", "1")]);
        order.extend(
            [
                ("lines", AttributeValue::L(vec![order_line("2"), order_line("3")])),
                ("purchased_at", text(purchased_at)),
                ("purchase_currency", text("USD")),
            ]
            .map(member),
        );
        books.add_row(&order);
        books.add_row(&row("R#default#2026-11-20", &format!("{purchased_at}#1"), &[]));
        let of_order = [
            ("orders", vec![("i#CREATED", "1")]),
            ("order_value:USD", vec![("i#orders", "1")]),
            ("ordered", vec![("i#2", "1"), ("i#3", "1")]),
        ];
        for (measure, counters) in of_order.iter().chain([&("units", units.to_vec())]) {
            for (span, within) in
                [("2026-11-20", "23"), ("2026", "d11-20"), ("2026", "w47"), ("2026", "m11")]
            {
                let sk = format!("{measure}#{within}#000");
                books.add_row(&row(&format!("T#default#{span}"), &sk, counters));
            }
        }
        let minutes = [
            ("units#07#00#000", vec![("i#1", "3"), ("i#2", "1")]),
            ("units#07#o07#000", vec![("i#2", "1"), ("i#3", "1")]),
            ("orders#07#00#000", of_order[0].1.clone()),
            ("order_value:USD#07#00#000", of_order[1].1.clone()),
            ("ordered#07#00#000", of_order[2].1.clone()),
        ];
        for (sk, counters) in minutes {
            books.add_row(&row("T#default#2026-11-20T23", sk, &counters));
        }
        let mut report = Report::default();
        books.judge(&mut report);
        report.differences.first
    }

    #[test]
    fn what_an_order_sells_keeps_its_names_and_does_not_count_as_names() {
        let right = [("i#1", "3"), ("i#(other)", "1"), ("i#2", "1"), ("i#3", "1")];
        for at in ["2026-11-21T12:00:00Z", "2026-12-21T12:00:00Z"] {
            let judged = |units| judged_with_an_order(units, at);
            assert_eq!(judged(&right), [""; 0], "{at}");
            // Item 2 gave up its order, too.
            let given_up = [("i#1", "3"), ("i#(other)", "2"), ("i#3", "1")];
            assert_eq!(judged(&given_up).len(), 2 * 4, "{at}");
            let lost = [("i#1", "3"), ("i#2", "1"), ("i#3", "1")];
            assert_eq!(judged(&lost).len(), 4, "{at}");
        }
    }

    #[test]
    fn reports_sums_of_an_hour_that_were_added_twice() {
        let report = judged(
            books(),
            &TIMES,
            [minutes(), above("5"), vec![open(), sums_entry("1")]].concat(),
        );
        assert_eq!(report.differences.count, 4);
    }

    #[test]
    fn an_hour_that_is_sealed_in_part_is_one_difference() {
        let rows = [minutes(), above("2"), vec![open(), sums_entry("2")]].concat();
        let fault =
            "default hour 2026-11-20T23: it is sealed in part: the next run of rollup finishes it";
        let report = check(&TIMES, rows, &[fault]);
        assert_eq!((report.rows, report.tallies), (BTreeMap::from([(Granularity::Minute, 3)]), 2));
    }

    #[test]
    fn an_hour_that_is_not_listed_is_a_difference() {
        let fault = "default hour 2026-11-20T23: it is neither among the open hours nor done, so its minutes would expire \
                     before they are rolled up";
        check(&TIMES, [minutes(), above("1")].concat(), &[fault]);
    }

    #[test]
    fn a_wrong_minute_is_found_though_its_hour_is_right() {
        let mut rows = [minutes(), above("3"), vec![sums_entry("1")]].concat();
        rows.push(row("T#default#2026-11-20T23", "views#09#late#000", &[("i#2", "1")]));
        check(
            &TIMES,
            rows,
            &["default views minute 2026-11-20T23:09 2: recounted 0, the table says 1"],
        );
    }

    #[test]
    fn leaves_out_minutes_that_are_no_longer_kept_but_not_their_hours() {
        let old = ["2026-11-10T23:07Z", "2026-11-10T23:08Z"];
        let rows = tallies(&[
            // A row without a time to live still exists, and is ignored.
            ("2026-11-10T23", "views#07#late#000", "7"),
            ("2026-11-10", "views#23#000", "2"),
            ("2026", "views#d11-10#000", "2"),
            ("2026", "views#w46#000", "2"),
            ("2026", "views#m11#000", "2"),
        ]);
        let report = check(&old, rows, &[]);
        assert_eq!(
            (report.tallies, report.expired),
            (4, BTreeMap::from([(Granularity::Minute, 2)]))
        );
    }

    #[test]
    fn an_expired_row_that_still_exists_is_not_counted() {
        let expired = time("2026-11-21T11:59:00Z").timestamp().to_string();
        let rows = [
            minutes(),
            above("1"),
            vec![
                open(),
                row(
                    "T#default#2026-11-20T23",
                    "views#07#00#001",
                    &[("i#1", "9"), ("ttl", &expired)],
                ),
                row("T#default#2026-11-20", "views#23#001", &[("i#1", "9"), ("ttl", &expired)]),
            ],
        ];
        let report = check(&TIMES, rows.concat(), &[]);
        let expired = BTreeMap::from([(Granularity::Minute, 1), (Granularity::Hour, 1)]);
        assert_eq!((report.tallies, report.expired), (4, expired));
    }

    #[test]
    fn compares_only_what_lies_entirely_in_the_range() {
        let scope = Scope::new(Retention::default(), time("2026-11-21T12:00:00Z"));
        let day =
            scope.between(Some(time("2026-11-20T00:00:00Z")), Some(time("2026-11-21T00:00:00Z")));
        let times = [TIMES.as_slice(), &["2026-11-19T23:59Z", "2026-11-21T00:00Z"]].concat();
        let report = judged(books_of(day), &times, [minutes(), above("1"), vec![open()]].concat());
        assert_eq!(report.differences.first, Vec::<String>::new());
        assert_eq!(
            (report.rows.into_values().collect::<Vec<_>>(), report.tallies),
            (vec![3, 1, 1], 4)
        );
    }

    #[test]
    fn skips_other_sites_if_only_met_ones_are_asked_for() {
        let scope = Scope::new(Retention::default(), time("2026-11-21T12:00:00Z")).of_met_sites();
        let other = [
            row("T#other#2026-11-20T23", "views#07#00#000", &[("i#1", "1")]),
            row("OPEN#3", "other#2026-11-20T22", &[("sealed_at", "2026-11-21T00:10:00Z")]),
        ];
        let rows = [minutes(), above("1"), vec![open()], other.to_vec()].concat();
        let report = judged(books_of(scope), &TIMES, rows);
        assert_eq!((report.differences.count, report.tallies), (0, 6));
    }

    #[test]
    fn a_table_that_is_read_again_is_counted_once() {
        let mut books = books();
        books.add_chunk(&views(&TIMES), &summary());
        for _ in 0..2 {
            books.begin_table(time("2026-11-21T12:00:00Z"));
            for row in [minutes(), above("1"), vec![open()]].concat() {
                books.add_row(&row);
            }
        }
        let mut report = Report::default();
        books.judge(&mut report);
        assert_eq!(
            (report.differences.first.as_slice(), report.rows[&Granularity::Minute]),
            (&[] as &[String], 3)
        );
    }

    #[test]
    fn what_chunks_had_counted_that_are_gone_is_no_difference() {
        // The entry of a chunk of two events, put at noon.
        let gone = || first_entry(1);
        let more = |number: &str| {
            let minute = ("2026-11-20T10", "views#00#late#000", "2");
            let above = [
                ("2026-11-20", "views#10#000", number),
                ("2026", "views#d11-20#000", "2"),
                ("2026", "views#w47#000", "2"),
                ("2026", "views#m11#000", "2"),
            ];
            tallies(&[&[minute][..], &above].concat())
        };
        let totals = [("chunks", "1"), ("lines", "6"), ("counted", "1"), ("ignored", "1")];
        let totals =
            [&totals[..], &[("duplicate", "1"), ("rejected", "3"), ("events", "2")]].concat();
        let times = [
            ("last_committed_at", "2026-11-20T12:00:01Z"),
            ("last_put_at", "2026-11-20T12:00:00Z"),
        ];
        let totals = row("TOTALS", "00", &[totals, times.to_vec()].concat());
        let with_hour = |number| {
            let mut books = Books::new(books().scope, GoneBooks::new("bucket", ""));
            books.begin_table(time("2026-11-21T12:00:00Z"));
            judged(
                books,
                &TIMES,
                [minutes(), above("1"), more(number), vec![open(), gone(), totals.clone()]]
                    .concat(),
            )
        };
        let report = with_hour("2");
        assert_eq!(report.differences.first, [""; 0]);
        assert_eq!((report.gone.len(), report.gone[0].key.as_str()), (1, "key"));
        assert_eq!(
            with_hour("1").differences.first,
            [
                "default views hour 2026-11-20T10 1: 1 more than recounted, its parts 2 more",
                "default views day 2026-11-20 1: 2 more than recounted, its parts 1 more",
            ]
        );
    }

    #[test]
    fn reports_a_row_of_no_kind_and_remembers_entries_of_objects() {
        let mut books = books();
        books.add_row(&row("T#default#2026", "views#x#000", &[]));
        books.add_row(&row("L#b/k#hash", "000000", &[]));
        books.add_row(&sums_entry("1"));
        assert_eq!(books.gone_keys(), BTreeSet::from(["k"]));
        let mut report = Report::default();
        books.judge(&mut report);
        assert_eq!(
            report.differences.first,
            [
                "row T#default#2026 views#x#000: not the keys of any row",
                "row L#b/k#hash 000000: its plan_format_version is None",
            ]
        );
    }
}
