//! The rows of the table (docs/TABLE.md), read without the code that writes them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday};
use futures::{Stream, TryStreamExt as _};
use minutebook_oracle::{Decimal, Granularity, Period};

pub(crate) use self::orders::{OrderRow, RecentRow};
pub(crate) use self::totals::TotalsShard;
pub(crate) use self::visitors::{Sketches, VisitorRow};
use crate::rows::ledger::{Item, LedgerEntry};
use crate::stack::aws::explain;

pub(crate) mod ledger;

mod extents;
mod orders;
mod totals;
mod visitors;

/// How many parts of the table are read side by side.
const SEGMENTS: i32 = 4;

/// The partition of the open hours.
pub(crate) const OPEN: &str = "OPEN";

/// The numbered shards of a minute row.
const SHARDS: u32 = 16;

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TableRow {
    /// The tallies of a minute, an hour, a day, a week or a month.
    Tallies(Tallies),
    /// The customers and sessions of one.
    ChunkVisitors(VisitorRow),
    /// A part of the totals.
    Totals(TotalsShard),
    /// An order.
    Order(OrderRow),
    /// An order in the list of recent ones.
    RecentOrder(RecentRow),
    /// An hour that still waits for its seal, or was sealed just now.
    OpenHour(OpenHour),
    /// A closed shard.
    Seal,
    /// How far a extent of a partition of a stream is stored.
    Extent,
    /// The hash of a key that may write for a site.
    WriteKey(WriteKey),
    /// A ledger entry of the ledger.
    LedgerEntry {
        chunk_id: String,
        /// `None` if it cannot be read.
        entry: Option<LedgerEntry>,
    },
}

/// What a row of tallies holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tallies {
    pub(crate) site: String,
    pub(crate) measure: String,
    pub(crate) period: Period,
    /// Only minute rows have one.
    pub(crate) shard: Option<Shard>,
    /// When it expires, in seconds since 1970.
    pub(crate) ttl: Option<i64>,
    /// The keys and their numbers.
    pub(crate) counters: Vec<(String, Decimal)>,
}

/// Which copy of a minute row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shard {
    /// One of those that are added up when the hour is sealed.
    Numbered,
    /// That of events that came when their hour was closed.
    Late,
}

/// An hour that still waits for its seal, or was sealed just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenHour {
    pub(crate) site: String,
    pub(crate) hour: Period,
    pub(crate) is_done: bool,
}

/// The hash of a key that may write for a site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WriteKey {
    pub(crate) site: String,
    /// 64 hex digits.
    pub(crate) hash: String,
    /// `None` if it cannot be read.
    pub(crate) created_at: Option<String>,
}

/// The items of the whole table, in no order.
pub(crate) fn scan(client: &Client, table: &str) -> impl Stream<Item = anyhow::Result<Item>> {
    let segments = (0..SEGMENTS).map(|segment| {
        let scan = client
            .scan()
            .table_name(table)
            .segment(segment)
            .total_segments(SEGMENTS)
            .consistent_read(true);
        let pages = futures::stream::unfold(scan.into_paginator().send(), async |mut pages| {
            let page = pages.next().await?;
            Some((page, pages))
        });
        Box::pin(pages)
    });
    let what = format!("cannot read the table {table}");
    futures::stream::select_all(segments)
        .map_err(move |error| explain(&what, error))
        .map_ok(|page| futures::stream::iter(page.items.unwrap_or_default().into_iter().map(Ok)))
        .try_flatten()
}

/// Reads a row. What is not as the table's description says is added to `oddities`, in sentences;
/// `None` is a row that is of no kind at all.
pub(crate) fn read(item: &Item, oddities: &mut Vec<String>) -> Option<TableRow> {
    let (Some(AttributeValue::S(pk)), Some(AttributeValue::S(sk))) =
        (item.get("pk"), item.get("sk"))
    else {
        oddities.push(format!(
            "a row whose keys are {:?} and {:?}",
            item.get("pk"),
            item.get("sk")
        ));
        return None;
    };
    let mut odd = |what: String| oddities.push(format!("row {pk} {sk}: {what}"));
    if let Some(chunk_id) = LedgerEntry::chunk_id(pk) {
        let entry = LedgerEntry::read(item).map_err(|error| odd(format!("{error:#}"))).ok();
        return Some(TableRow::LedgerEntry { chunk_id: chunk_id.to_owned(), entry });
    }
    if pk == OPEN {
        return match open_hour(item, sk, &mut odd) {
            Some(open_hour) => Some(TableRow::OpenHour(open_hour)),
            None => {
                odd("not the keys of an open hour".to_owned());
                None
            }
        };
    }
    if let Some(sealed) = pk.strip_prefix("S#") {
        let shard = two_digits(sk).filter(|shard| *shard < SHARDS);
        if sealed.split_once('#').and_then(|(_, hour)| hour_named(hour)).is_none()
            || shard.is_none()
        {
            odd("not the keys of a seal".to_owned());
            return None;
        }
        ttl(item, &mut odd);
        others(item, &["ttl"], &mut odd);
        return Some(TableRow::Seal);
    }
    if let Some(site) = pk.strip_prefix("K#") {
        let is_hash =
            sk.len() == 64 && sk.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if site.is_empty() || !is_hash {
            odd("not the keys of a write key".to_owned());
            return None;
        }
        let created_at = match item.get("created_at") {
            Some(AttributeValue::S(time)) if time.parse::<DateTime<Utc>>().is_ok() => {
                Some(time.clone())
            }
            other => {
                odd(format!("its created_at is {other:?}"));
                None
            }
        };
        others(item, &["created_at"], &mut odd);
        return Some(TableRow::WriteKey(WriteKey {
            site: site.to_owned(),
            hash: sk.clone(),
            created_at,
        }));
    }
    if let Some(partition) = pk.strip_prefix(extents::PREFIX) {
        return extents::read(item, partition, sk, &mut odd).map(|()| TableRow::Extent);
    }
    if pk == totals::TOTALS {
        return totals::read(item, sk, &mut odd).map(TableRow::Totals);
    }
    if let Some(order) = orders::read_order(item, pk, sk, &mut odd) {
        return Some(TableRow::Order(order));
    }
    if let Some(place) = orders::read_recent(item, pk, sk, &mut odd) {
        return Some(TableRow::RecentOrder(place));
    }
    if visitors::are_keys(pk, sk) {
        return visitors::read(item, pk, sk, &mut odd).map(TableRow::ChunkVisitors);
    }
    let Some(tallies) = place(pk, sk) else {
        odd("not the keys of any row".to_owned());
        return None;
    };
    // What an order counted for is taken back when more is known of it.
    let may_be_zero = tallies.measure.starts_with("order");
    let counters = counters(item, may_be_zero, &mut odd);
    Some(TableRow::Tallies(Tallies { ttl: ttl(item, &mut odd), counters, ..tallies }))
}

/// The hour of this name, as `2026-11-20T23`.
pub(crate) fn hour_named(name: &str) -> Option<Period> {
    let (date, hour) = name.split_once('T')?;
    let start =
        NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?.and_hms_opt(two_digits(hour)?, 0, 0)?;
    named(Granularity::Hour, start, name)
}

/// The period that begins with `start`, if this is how its name is written.
fn named(granularity: Granularity, start: NaiveDateTime, name: &str) -> Option<Period> {
    let period = Period::containing(granularity, start.and_utc().timestamp() / 60);
    (period.to_string() == name).then_some(period)
}

fn day_named(name: &str) -> Option<Period> {
    let date = NaiveDate::parse_from_str(name, "%Y-%m-%d").ok()?;
    named(Granularity::Day, date.and_time(NaiveTime::MIN), name)
}

fn open_hour(item: &Item, sk: &str, odd: &mut impl FnMut(String)) -> Option<OpenHour> {
    let (hour, site) = sk.split_once('#')?;
    let hour = hour_named(hour)?;
    let mut is_there = |name: &str| match item.get(name) {
        None => false,
        Some(AttributeValue::S(time)) if time.parse::<DateTime<Utc>>().is_ok() => true,
        Some(other) => {
            odd(format!("its {name} is {other:?}"));
            true
        }
    };
    let (is_sealed, is_done) = (is_there("sealed_at"), is_there("done_at"));
    if is_done && !is_sealed {
        odd("it is done, but not sealed".to_owned());
    }
    others(item, &["sealed_at", "done_at"], odd);
    Some(OpenHour { site: site.to_owned(), hour, is_done })
}

/// Where a row of tallies belongs, by its keys; without what it holds.
fn place(pk: &str, sk: &str) -> Option<Tallies> {
    let (site, span) = site_and_span(pk)?;
    let mut parts = sk.split('#');
    let (measure, within) = (parts.next()?, parts.next()?);
    let period = period(span, within)?;
    let shard = match period.granularity() {
        Granularity::Minute => match parts.next()? {
            "late" => Some(Shard::Late),
            shard => {
                two_digits(shard).filter(|shard| *shard < SHARDS).map(|_| Some(Shard::Numbered))?
            }
        },
        _ => None,
    };
    let slot = parts.next()?;
    let (slot, overflow) = slot.split_once('.').unwrap_or((slot, "1"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || slot.len() < 3 || !digits(slot) || !digits(overflow) {
        return None;
    }
    let (site, measure) = (site.to_owned(), measure.to_owned());
    Some(Tallies { site, measure, period, shard, ttl: None, counters: Vec::new() })
}

/// The site, and the span of time that lies in one partition.
fn site_and_span(pk: &str) -> Option<(&str, &str)> {
    pk.strip_prefix("T#")?.split_once('#')
}

/// What lies `within` a span: a minute of an hour, an hour of a day, a day, week or month of a
/// year.
fn period(span: &str, within: &str) -> Option<Period> {
    if let Some(hour) = hour_named(span) {
        let minute = two_digits(within).filter(|minute| *minute < 60)?;
        Some(Period::containing(Granularity::Minute, hour.first_minute() + i64::from(minute)))
    } else if let Some(day) = day_named(span) {
        let hour = two_digits(within).filter(|hour| *hour < 24)?;
        Some(Period::containing(Granularity::Hour, day.first_minute() + i64::from(hour) * 60))
    } else {
        of_year(span, within)
    }
}

/// The day `d11-20`, the week `w47` or the month `m11` of a year.
fn of_year(year: &str, within: &str) -> Option<Period> {
    let year_number: i32 = year.parse().ok()?;
    if let Some(day) = within.strip_prefix('d') {
        return day_named(&format!("{year}-{day}"));
    }
    let (granularity, start, name) = if let Some(week) = within.strip_prefix('w') {
        let monday = NaiveDate::from_isoywd_opt(year_number, two_digits(week)?, Weekday::Mon)?;
        (Granularity::Week, monday, format!("{year}-W{week}"))
    } else {
        let month = within.strip_prefix('m')?;
        (
            Granularity::Month,
            NaiveDate::from_ymd_opt(year_number, two_digits(month)?, 1)?,
            format!("{year}-{month}"),
        )
    };
    named(granularity, start.and_time(NaiveTime::MIN), &name)
}

fn two_digits(text: &str) -> Option<u32> {
    let is_right = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_right.then(|| text.parse().ok()).flatten()
}

fn ttl(item: &Item, odd: &mut impl FnMut(String)) -> Option<i64> {
    let value = item.get("ttl")?;
    let ttl = number(value).and_then(|ttl| ttl.parse().ok());
    if ttl.is_none() {
        odd(format!("its ttl is {value:?}"));
    }
    ttl
}

fn counters(
    item: &Item,
    may_be_zero: bool,
    odd: &mut impl FnMut(String),
) -> Vec<(String, Decimal)> {
    let mut counters = Vec::new();
    for (name, value) in item {
        if matches!(name.as_str(), "pk" | "sk" | "ttl") {
            continue;
        }
        let number = number(value).and_then(|number| number.parse::<Decimal>().ok());
        let (Some(key), Some(number)) = (name.strip_prefix("i#"), number) else {
            odd(format!("its {name} is {value:?}"));
            continue;
        };
        if number.is_zero() && !may_be_zero {
            odd(format!("its {name} is zero"));
        }
        counters.push((key.to_owned(), number));
    }
    counters
}

/// Says which attributes a row has that it should not have.
fn others(item: &Item, expected: &[&str], odd: &mut impl FnMut(String)) {
    for (name, value) in item {
        if !matches!(name.as_str(), "pk" | "sk") && !expected.contains(&name.as_str()) {
            odd(format!("its {name} is {value:?}"));
        }
    }
}

fn number(value: &AttributeValue) -> Option<&str> {
    value.as_n().ok().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]) -> Item {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let keys = [("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))];
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        keys.into_iter().chain(attributes).collect()
    }

    fn number(number: &str) -> AttributeValue {
        AttributeValue::N(number.to_owned())
    }

    fn text(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    /// What is odd about a row.
    fn oddities(pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]) -> Vec<String> {
        let mut oddities = Vec::new();
        read(&item(pk, sk, attributes), &mut oddities);
        oddities
    }

    #[test]
    fn reads_the_keys_of_every_granularity() {
        let cases = [
            (
                "T#shop#2026-11-20T23",
                "sales:USD#07#late#003.1",
                "shop sales:USD 2026-11-20T23:07 Some(Late)",
            ),
            (
                "T#shop#2026-11-20T23",
                "views#07#15#000",
                "shop views 2026-11-20T23:07 Some(Numbered)",
            ),
            (
                "T#a:b#1970-01-01T00",
                "views#59#00#1000",
                "a:b views 1970-01-01T00:59 Some(Numbered)",
            ),
            ("T#shop#2026-11-20", "views#23#003", "shop views 2026-11-20T23 None"),
            ("T#shop#2026-11-20", "sales:USD#00#003.12", "shop sales:USD 2026-11-20T00 None"),
            ("T#shop#2026", "views#d11-20#003", "shop views 2026-11-20 None"),
            ("T#shop#2026", "views#w47#003", "shop views 2026-W47 None"),
            ("T#shop#2026", "views#w53#003", "shop views 2026-W53 None"),
            ("T#shop#2026", "views#m11#003", "shop views 2026-11 None"),
        ];
        for (pk, sk, expected) in cases {
            let Tallies { site, measure, period, shard, .. } = place(pk, sk).unwrap();
            assert_eq!(format!("{site} {measure} {period} {shard:?}"), expected);
        }
    }

    #[test]
    fn a_write_key_is_the_hash_of_one_for_a_site() {
        let hash = "0123456789abcdef".repeat(4);
        let created_at = ("created_at", text("2026-11-21T12:00:00Z"));
        assert_eq!(oddities("K#shop", &hash, std::slice::from_ref(&created_at)), [""; 0]);
        assert_eq!(oddities("K#shop", &hash, &[]).len(), 1);
        assert_eq!(
            oddities("K#shop", &hash, &[created_at.clone(), ("key", text("secret"))]).len(),
            1
        );
        for (pk, sk) in
            [("K#", hash.as_str()), ("K#shop", "short"), ("K#shop", &hash.to_uppercase())]
        {
            assert_eq!(oddities(pk, sk, std::slice::from_ref(&created_at)).len(), 1, "{pk} {sk}");
        }
    }

    #[test]
    fn other_keys_are_no_rows_of_tallies() {
        let hour = "T#shop#2026-11-20T23";
        let (day, year) = ("T#shop#2026-11-20", "T#shop#2026");
        for (pk, sk) in [
            (hour, "views#07#16#000"),
            (hour, "views#7#00#000"),
            (hour, "views#60#00#000"),
            (hour, "views#07#00#00"),
            (hour, "views#07#00#000#1"),
            (hour, "views#07#00#000."),
            (hour, "views#07#000"),
            (hour, "views"),
            ("T#shop#2026-11-20T24", "views#07#00#000"),
            ("T#shop#2026-11-2T03", "views#07#00#000"),
            ("T#shop", "views#07#00#000"),
            (day, "views#24#000"),
            (day, "views#23#00#000"),
            (day, "views#23"),
            ("T#shop#2026-02-29", "views#23#000"),
            (year, "views#d02-29#000"),
            (year, "views#d2-2#000"),
            (year, "views#w54#000"),
            (year, "views#w00#000"),
            ("T#shop#2025", "views#w53#000"),
            (year, "views#m13#000"),
            (year, "views#m1#000"),
            (year, "views#11#000"),
            ("T#shop#26", "views#m11#000"),
            ("X#shop#2026", "views#m11#000"),
        ] {
            assert_eq!(oddities(pk, sk, &[]), [format!("row {pk} {sk}: not the keys of any row")]);
        }
    }

    #[test]
    fn reads_what_a_row_of_tallies_holds() {
        let attributes = [
            ("i#x#y", number("1.5")),
            ("i#zero", number("0")),
            ("i#text", text("1")),
            ("other", number("1")),
            ("ttl", number("99")),
        ];
        let mut oddities = Vec::new();
        let row = read(&item("T#shop#2026", "views#m11#000", &attributes), &mut oddities);
        let Some(TableRow::Tallies(mut tallies)) = row else { panic!("{row:?}") };
        tallies.counters.sort();
        let counters =
            [("x#y".to_owned(), "1.5".parse().unwrap()), ("zero".to_owned(), Decimal::ZERO)];
        assert_eq!((tallies.ttl, tallies.counters.as_slice()), (Some(99), counters.as_slice()));
        oddities.sort();
        assert_eq!(
            oddities,
            [
                r#"row T#shop#2026 views#m11#000: its i#text is S("1")"#,
                "row T#shop#2026 views#m11#000: its i#zero is zero",
                r#"row T#shop#2026 views#m11#000: its other is N("1")"#,
            ]
        );
        assert_eq!(
            self::oddities("T#shop#2026", "views#m11#000", &[("ttl", number("1.5"))]).len(),
            1
        );
    }

    #[test]
    fn reads_open_hours() {
        let time = text("2026-11-21T00:10:00.5Z");
        let read = |attributes: &[(&str, AttributeValue)]| {
            let mut oddities = Vec::new();
            let row = read(&item("OPEN", "2026-11-20T23#a:b", attributes), &mut oddities);
            let Some(TableRow::OpenHour(open)) = row else { panic!("{row:?}") };
            assert_eq!(
                (open.site.as_str(), open.hour.to_string().as_str()),
                ("a:b", "2026-11-20T23")
            );
            (open.is_done, oddities.len())
        };
        assert_eq!(read(&[]), (false, 0));
        assert_eq!(read(&[("sealed_at", time.clone())]), (false, 0));
        assert_eq!(read(&[("sealed_at", time.clone()), ("done_at", time.clone())]), (true, 0));
        assert_eq!(read(&[("done_at", time.clone())]), (true, 1));
        assert_eq!(read(&[("sealed_at", number("1"))]), (false, 1));
        assert_eq!(read(&[("ttl", number("1"))]), (false, 1));
        for sk in ["2026-11-20#shop", "2026-11-20T23", "2026-11-20T24#shop"] {
            assert_eq!(
                oddities("OPEN", sk, &[]),
                [format!("row OPEN {sk}: not the keys of an open hour")]
            );
        }
    }

    #[test]
    fn reads_seals() {
        let oddities =
            |pk: &str, sk: &str, name: &str| oddities(pk, sk, &[(name, number("1"))]).len();
        assert_eq!(oddities("S#shop#2026-11-20T23", "15", "ttl"), 0);
        assert_eq!(oddities("S#shop#2026-11-20T23", "15", "other"), 1);
        assert_eq!(oddities("S#shop#2026-11-20T23", "16", "ttl"), 1);
        assert_eq!(oddities("S#shop#2026-11-20", "00", "ttl"), 1);
    }

    #[test]
    fn reads_entries_and_says_what_is_wrong_with_them() {
        let time = text("2026-11-21T00:10:00.5Z");
        let attributes =
            [("plan_format_version", number("2")), ("parts", number("1")), ("committed_at", time)];
        assert_eq!(
            oddities("L#seal:shop:2026-11-20T23", "000000", &attributes),
            Vec::<String>::new()
        );
        let wrong = oddities("L#seal:shop:2026-11-20T23", "000000", &attributes[..2]);
        assert_eq!(wrong, ["row L#seal:shop:2026-11-20T23 000000: its committed_at is None"]);
        let mut oddities = Vec::new();
        let row = read(&item("L#b/k#hash", "0", &[]), &mut oddities);
        assert_eq!(
            row,
            Some(TableRow::LedgerEntry { chunk_id: "b/k#hash".to_owned(), entry: None })
        );
    }

    #[test]
    fn a_row_of_another_kind_is_odd() {
        assert_eq!(oddities("M#x", "y", &[]), ["row M#x y: not the keys of any row"]);
    }
}
