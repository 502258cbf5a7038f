//! Reads the whole table with simple code written from docs/TABLE.md, and checks its invariants.

pub(crate) mod orders;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Weekday};
use minutebook_oracle::{
    Cell, Comparison, Decimal, Granularity, Period, QuarterHours, Recount, Totals, order_tallies,
};
use minutebook_tests::store::Store;

/// How many differences an error shows.
const DIFFERENCES_SHOWN: usize = 5;
/// The seconds from the end of an hour until it is settled: allowed lateness plus settle time.
const SETTLED_AFTER: i64 = 11 * 60;

/// The first word in the sort keys of visitor rows, without the number of their secret. They hold
/// sketches, so only questions check them.
const UNIQUES: &str = "visitors";

/// The shard of late minute rows, which are rolled up immediately.
const LATE: &str = "late";

type Attributes = BTreeMap<String, AttributeValue>;

/// All rows of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Book {
    rows: BTreeMap<(String, String), Attributes>,
}

/// What is known about a chunk without the table.
#[derive(Clone, Debug)]
pub(crate) struct ChunkFacts {
    /// The chunk's id, as in docs/TABLE.md.
    pub(crate) id: String,
    /// The recount of its lines.
    pub(crate) recount: Recount,
}

/// The time, the retention and the quarters that rows are checked against.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The current time, in seconds since 1970.
    pub(crate) now: i64,
    /// The retention in days of minutes, of hours, and of all other rows. 0 means forever.
    pub(crate) days: [u32; 3],
    /// The hours of each site that have rows of their quarters.
    pub(crate) quarter_hours: BTreeMap<String, QuarterHours>,
}

impl Terms {
    /// When a period expires, in seconds since 1970. `None` means never.
    fn expires_at(&self, period: Period) -> Option<i64> {
        let [minute_days, hour_days, day_days] = self.days;
        let days = match period.granularity() {
            Granularity::Minute => minute_days,
            Granularity::Quarter | Granularity::Hour => hour_days,
            Granularity::Day | Granularity::Week | Granularity::Month => day_days,
        };
        // A quarter is kept as long as its hour.
        let last = match period.granularity() {
            Granularity::Quarter => hour_of(period),
            _ => period,
        };
        (days > 0).then(|| last.end().timestamp() + i64::from(days) * 86_400)
    }

    /// Whether numbers of a site's period have rows.
    fn has_rows(&self, site: &str, period: Period) -> bool {
        let is_summed =
            period.granularity() != Granularity::Quarter || self.has_quarters(site, period);
        is_summed && !self.has_expired(period)
    }

    /// Whether the hour of a period has rows of its quarters.
    fn has_quarters(&self, site: &str, period: Period) -> bool {
        self.quarter_hours.get(site).is_some_and(|quarters| quarters.has(hour_of(period)))
    }

    fn has_expired(&self, period: Period) -> bool {
        self.expires_at(period).is_some_and(|expires_at| expires_at <= self.now)
    }

    /// The same at a later time.
    fn later(&self, seconds: i64) -> Terms {
        Terms { now: self.now + seconds, ..self.clone() }
    }
}

/// The hour of a minute or a quarter, or that a longer period begins with.
fn hour_of(period: Period) -> Period {
    Period::containing(Granularity::Hour, period.first_minute())
}

/// A tally row.
struct TallyRow<'a> {
    site: &'a str,
    measure: &'a str,
    period: Period,
    /// Whether it is a minute row that is rolled up when the hour is sealed.
    is_in_numbered_shard: bool,
    /// Whether it is one of these, and has what orders sell and give back.
    is_in_shard_of_orders: bool,
    counters: Vec<(&'a str, Decimal)>,
}

impl Book {
    /// Reads all rows with consistent reads.
    pub(crate) async fn read(store: &Store) -> Result<Book> {
        let scan = store.clients.dynamodb.scan().table_name(&store.table).consistent_read(true);
        let mut items = scan.into_paginator().items().send();
        let mut rows = BTreeMap::new();
        while let Some(item) = items.next().await {
            let item: Attributes = item.context("Scan")?.into_iter().collect();
            rows.insert((text(&item, "pk")?.to_string(), text(&item, "sk")?.to_string()), item);
        }
        Ok(Book { rows })
    }

    /// The open hours, as `<site>#<hour>`.
    pub(crate) fn open_hours(&self) -> BTreeSet<&str> {
        let is_open = |pk: &str| pk.starts_with("OPEN#");
        self.rows.keys().filter(|(pk, _)| is_open(pk)).map(|(_, sk)| sk.as_str()).collect()
    }

    /// A number of a row.
    pub(crate) fn number(&self, (pk, sk): (&str, &str), name: &str) -> Option<i64> {
        number(self.rows.get(&(pk.to_string(), sk.to_string()))?, name)
    }

    /// Whether the first part of a chunk is counted.
    pub(crate) fn has_begun(&self, chunk: &ChunkFacts) -> bool {
        self.rows.contains_key(&(format!("L#{}", chunk.id), "000000".to_string()))
    }

    /// The keys of the rows of visitors with another secret than this one.
    pub(crate) fn visitors_of_others(&self, secret: u32) -> Vec<&(String, String)> {
        let family = format!("{UNIQUES}.{secret}");
        let is_of_another = |sk: &str| {
            let found = sk.split('#').next().unwrap_or_default();
            found.split('.').next() == Some(UNIQUES) && found != family
        };
        self.rows.keys().filter(|(pk, sk)| pk.starts_with("T#") && is_of_another(sk)).collect()
    }

    /// The keys of expired rows.
    pub(crate) fn expired(&self, now: i64) -> Vec<&(String, String)> {
        let has_expired = |row: &Attributes| number(row, "ttl").is_some_and(|ttl| ttl <= now);
        self.rows.iter().filter(|(_, row)| has_expired(row)).map(|(key, _)| key).collect()
    }

    /// Describes the first rows that differ from those of a later book. The days of a site may be
    /// wider there: a chunk that comes again after the zone of its site has changed is read by the
    /// new zone, before its ledger entry says that it is counted by the old.
    pub(crate) fn first_changes(&self, other: &Book) -> Vec<String> {
        let keys: BTreeSet<_> = self.rows.keys().chain(other.rows.keys()).collect();
        let is_same = |key: &(String, String)| match (self.rows.get(key), other.rows.get(key)) {
            (Some(row), Some(later)) if key.0.starts_with("SITES#") => is_as_wide(row, later),
            (row, later) => row == later,
        };
        let changed = keys.into_iter().filter(|key| !is_same(key));
        let describe =
            |key| format!("{key:?}: {:?} became {:?}", self.rows.get(key), other.rows.get(key));
        changed.take(DIFFERENCES_SHOWN).map(describe).collect()
    }

    /// Checks that no counter exceeds the uploads, and that every tally row expires when it should.
    /// It leaves out order counters, which can also decrease: see [`Book::check_orders`]. What
    /// orders sell and give back is that of their rows. While a chunk or an hour is partly counted,
    /// it is unknown which rows above the minute include it.
    pub(crate) fn check_not_above(&self, chunks: &[ChunkFacts], terms: &Terms) -> Result<()> {
        // What an order takes back is not taken from a minute that has expired for some worker.
        let terms = &terms.later(orders::CLOCKS_APART);
        let mut comparison =
            self.compare(chunks, &|measure| !orders::is_measure(measure), terms)?;
        let mut of_orders = self.orders()?.tallies();
        of_orders.retain(|key, _| orders::is_shared(&key.measure));
        comparison.add_tallies(&of_orders, &mut |site, period| terms.has_rows(site, period));
        let rows = self.tally_rows(terms)?;
        let is_compared_here =
            |row: &&TallyRow<'_>| row.is_in_shard_of_orders && !orders::is_measure(row.measure);
        for row in rows.iter().filter(is_compared_here) {
            let above = self.periods_of(row, terms).into_iter();
            let above = above.filter(|period| *period != row.period);
            for period in above.filter(|period| terms.has_rows(row.site, *period)) {
                for (key, number) in &row.counters {
                    let cell = Cell { site: row.site, measure: row.measure, period, key };
                    comparison.add_found(cell, *number);
                }
            }
        }
        let are_sums_whole = !self.has_unfinished_chunks()?;
        let is_known = |cell: &Cell<'_>| {
            let is_minute = cell.period.granularity() == Granularity::Minute;
            are_sums_whole || is_minute || !orders::is_shared(cell.measure)
        };
        let (_, differences) = comparison.differences(usize::MAX);
        let above = differences
            .into_iter()
            .filter(|(cell, numbers)| numbers.found > numbers.recounted && is_known(cell));
        fail_with(
            above.map(|(cell, numbers)| describe(&cell, numbers)).collect(),
            "counters exceed the uploads",
        )
    }

    /// Checks that every unexpired counter equals the recount of the uploads.
    pub(crate) fn check_equal(&self, chunks: &[ChunkFacts], terms: &Terms) -> Result<()> {
        let mut comparison = self.compare(chunks, &|_| true, terms)?;
        let orders = order_tallies(chunks.iter().flat_map(|chunk| &chunk.recount.orders));
        comparison.add_tallies(&orders, &mut |site, period| terms.has_rows(site, period));
        fail_with(describe_first(&comparison), "counters differ from the recount")
    }

    fn compare(
        &self,
        chunks: &[ChunkFacts],
        is_compared: &dyn Fn(&str) -> bool,
        terms: &Terms,
    ) -> Result<Comparison> {
        let mut comparison = Comparison::default();
        for chunk in chunks {
            comparison
                .add_recount(&chunk.recount, &mut |site, period| terms.has_rows(site, period));
        }
        for row in self.tally_rows(terms)? {
            let TallyRow { site, measure, period, counters, .. } = row;
            if is_compared(measure) && !terms.has_expired(period) {
                for (key, number) in counters {
                    comparison.add_found(Cell { site, measure, period, key }, number);
                }
            }
        }
        Ok(comparison)
    }

    /// Checks that every finished hour is the sum of its minutes, unless some of these have
    /// expired.
    pub(crate) fn check_hours(&self, terms: &Terms) -> Result<()> {
        let mut sums: BTreeMap<(&str, &str, Period, &str), [Decimal; 2]> = BTreeMap::new();
        let open_hours = self.open_hours();
        for row in self.tally_rows(terms)? {
            let place = match row.period.granularity() {
                Granularity::Minute => 0,
                Granularity::Hour => 1,
                _ => continue,
            };
            let hour = hour_of(row.period);
            let first_minute = Period::containing(Granularity::Minute, hour.first_minute());
            let is_done = hour.end().timestamp() + SETTLED_AFTER <= terms.now
                && !open_hours.contains(format!("{}#{hour}", row.site).as_str());
            if !is_done || terms.has_expired(first_minute) {
                continue;
            }
            for (key, number) in row.counters {
                sums.entry((row.site, row.measure, hour, key)).or_default()[place] += number;
            }
        }
        let different = sums.into_iter().filter(|(_, [minutes, hour])| minutes != hour);
        let described = different.map(|((site, measure, hour, key), [minutes, sum])| {
            format!(
                "{measure} of {key} of {site} in {hour}: {sum}, and its minutes add up to {minutes}"
            )
        });
        fail_with(described.collect(), "finished hours are not the sum of their minutes")
    }

    /// Whether the ledger has partly counted chunks.
    pub(crate) fn has_unfinished_chunks(&self) -> Result<bool> {
        for ((pk, sk), entry) in
            self.rows.iter().filter(|((pk, sk), _)| pk.starts_with("L#") && !sk.contains('.'))
        {
            let of_chunk = self.rows.keys().filter(|(partition, _)| partition == pk);
            let [mut parts, mut late_parts] = [0, 0];
            for (_, other) in of_chunk {
                parts += i64::from(!other.contains('.'));
                late_parts += i64::from(other.split('.').next() == Some(sk.as_str()));
            }
            let expected = [
                number(entry, "parts").context("a ledger entry has parts")?,
                number(entry, "late_parts").unwrap_or(1),
            ];
            if [parts, late_parts] != expected {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Checks that the ledger has every chunk with the right line counts, even if the chunk is only
    /// partly counted.
    pub(crate) fn check_lines(&self, chunks: &[ChunkFacts]) -> Result<()> {
        for chunk in chunks {
            let key = (format!("L#{}", chunk.id), "000000".to_string());
            let entry =
                self.rows.get(&key).with_context(|| format!("the ledger has no {}", chunk.id))?;
            let Recount { lines, counted, ignored, duplicate, events, rejected, .. } =
                &chunk.recount;
            let expected = [
                ("lines", *lines),
                ("counted", *counted),
                ("ignored", *ignored),
                ("duplicate", *duplicate),
            ];
            for (name, expected) in expected
                .into_iter()
                .chain([("rejected", chunk.recount.rejected_count()), ("events", *events)])
            {
                let found = number(entry, name).unwrap_or(0);
                ensure!(
                    found == i64::try_from(expected)?,
                    "{}: {name} is {found}, not {expected}",
                    chunk.id
                );
            }
            ensure!(
                *lines == counted + ignored + duplicate + chunk.recount.rejected_count(),
                "the recount of {} does not add up",
                chunk.id
            );
            for (reason, expected) in rejected {
                let reasons =
                    entry.get("rejected_by_reason").and_then(|reasons| reasons.as_m().ok());
                let found = reasons
                    .and_then(|reasons| reasons.get(reason))
                    .and_then(|count| count.as_n().ok());
                ensure!(
                    found == Some(&expected.to_string()),
                    "{}: {reason} is {found:?}, not {expected}",
                    chunk.id
                );
            }
        }
        Ok(())
    }

    /// Checks that the totals contain each chunk once. While some chunks are not counted yet, the
    /// totals must not exceed the sum of all chunks.
    pub(crate) fn check_totals(&self, chunks: &[ChunkFacts], are_all_counted: bool) -> Result<()> {
        let expected: Totals = chunks.iter().map(|chunk| &chunk.recount).collect();
        for (name, expected) in expected.named() {
            let shards = self.rows.iter().filter(|((pk, _), _)| pk == "TOTALS");
            let found: i64 = shards.map(|(_, row)| number(row, name).unwrap_or(0)).sum();
            let expected = i64::try_from(expected)?;
            ensure!(
                found <= expected,
                "the totals have {found} {name}, and no more than {expected} were uploaded"
            );
            ensure!(
                !are_all_counted || found == expected,
                "the totals have {found} {name}, not {expected}"
            );
        }
        Ok(())
    }

    fn tally_rows(&self, terms: &Terms) -> Result<Vec<TallyRow<'_>>> {
        let mut rows = vec![];
        for ((pk, sk), attributes) in &self.rows {
            let Some((site, span)) = pk.strip_prefix("T#").and_then(|rest| rest.split_once('#'))
            else {
                continue;
            };
            let words: Vec<&str> = sk.split('#').collect();
            if words[0].split('.').next() == Some(UNIQUES) {
                continue;
            }
            let period = period(span, &words).with_context(|| format!("the row {pk} / {sk}"))?;
            let ttl = number(attributes, "ttl");
            ensure!(ttl == terms.expires_at(period), "the row {pk} / {sk} expires at {ttl:?}");
            let mut counters = vec![];
            for (name, value) in attributes {
                if let (Some(key), AttributeValue::N(number)) = (name.strip_prefix("i#"), value) {
                    counters.push((
                        key,
                        number.parse().map_err(|error| anyhow::anyhow!("{pk} / {sk}: {error}"))?,
                    ));
                }
            }
            let is_in_numbered_shard =
                period.granularity() == Granularity::Minute && words[2] != LATE;
            let is_in_shard_of_orders = is_in_numbered_shard && words[2].starts_with('o');
            rows.push(TallyRow {
                site,
                measure: words[0],
                period,
                is_in_numbered_shard,
                is_in_shard_of_orders,
                counters,
            });
        }
        Ok(rows)
    }
}

/// Parses the period of a row from the time span in its partition key and the words of its sort
/// key. The first word is the measure.
fn period(span: &str, words: &[&str]) -> Result<Period> {
    let date = |text: &str| {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").with_context(|| format!("no day: {text}"))
    };
    let minute_of =
        |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc().timestamp().div_euclid(60);
    let (granularity, minute) = match (span.len(), words) {
        (13, [_, minute, _shard, _slot]) => {
            let start = DateTime::parse_from_rfc3339(&format!("{span}:{minute}:00Z"))?;
            (Granularity::Minute, start.timestamp().div_euclid(60))
        }
        (10, [_, quarter, _slot]) if quarter.starts_with('q') => {
            let start = DateTime::parse_from_rfc3339(&format!("{span}T{}:00Z", &quarter[1..]))?;
            (Granularity::Quarter, start.timestamp().div_euclid(60))
        }
        (10, [_, hour, _slot]) => {
            (Granularity::Hour, minute_of(date(span)?) + 60 * hour.parse::<i64>()?)
        }
        (4, [_, name, _slot]) => match (name.split_at(1), name.len()) {
            (("d", day), 6) => (Granularity::Day, minute_of(date(&format!("{span}-{day}"))?)),
            (("m", month), 3) => {
                (Granularity::Month, minute_of(date(&format!("{span}-{month}-01"))?))
            }
            (("w", week), 3) => {
                let monday = NaiveDate::from_isoywd_opt(span.parse()?, week.parse()?, Weekday::Mon)
                    .context("no week")?;
                ensure!(monday.iso_week().year() == span.parse::<i32>()?, "no week of its year");
                (Granularity::Week, minute_of(monday))
            }
            _ => bail!("{name} is neither a day, nor a week, nor a month"),
        },
        _ => bail!("its keys are not those of tallies"),
    };
    Ok(Period::containing(granularity, minute))
}

/// Whether a row of the registry is the same later, except that its days may be wider.
fn is_as_wide(row: &Attributes, later: &Attributes) -> bool {
    let day = |row: &Attributes, name: &str| row.get(name).and_then(|day| day.as_s().ok().cloned());
    let others = |row: &Attributes| -> Attributes {
        let is_day = |name: &str| ["first_day", "last_day"].contains(&name);
        row.clone().into_iter().filter(|(name, _)| !is_day(name)).collect()
    };
    others(row) == others(later)
        && day(row, "first_day") >= day(later, "first_day")
        && day(row, "last_day") <= day(later, "last_day")
}

fn text<'a>(row: &'a Attributes, name: &str) -> Result<&'a str> {
    let value = row.get(name).and_then(|value| value.as_s().ok());
    Ok(value.with_context(|| format!("a row without {name}"))?)
}

fn number(row: &Attributes, name: &str) -> Option<i64> {
    row.get(name).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok())
}

fn describe(cell: &Cell<'_>, numbers: minutebook_oracle::Numbers) -> String {
    let Cell { site, measure, period, key } = cell;
    let (kind, recounted, found) = (period.granularity().name(), numbers.recounted, numbers.found);
    format!("{measure} of {key} of {site} in the {kind} {period}: {found}, recounted {recounted}")
}

/// Describes the first differences, after a line with their number.
fn describe_first(comparison: &Comparison) -> Vec<String> {
    let (count, differences) = comparison.differences(DIFFERENCES_SHOWN);
    let mut described: Vec<String> =
        differences.iter().map(|(cell, numbers)| describe(cell, *numbers)).collect();
    if count > 0 {
        described.insert(0, format!("{count} of {} differ", comparison.count()));
    }
    described
}

fn fail_with(differences: Vec<String>, what: &str) -> Result<()> {
    let shown = differences
        .iter()
        .take(DIFFERENCES_SHOWN + 1)
        .map(|line| format!("\n    {line}"))
        .collect::<String>();
    ensure!(differences.is_empty(), "{what}:{shown}");
    Ok(())
}
