//! The minute rows of the table (docs/TABLE.md), read without the code that writes them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, anyhow};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, NaiveDate, Utc};
use minutebook_oracle::{Decimal, TallyKey};

use crate::aws::explain;
use crate::ledger::Item;

/// How many parts of the table are read side by side.
const SEGMENTS: i32 = 4;

/// What the table holds: the minute rows, and which chunks have marks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    /// The number of each key, over all lanes, slots and spills of the rows that have not expired.
    pub(crate) tallies: BTreeMap<TallyKey, Decimal>,
    /// How many minute rows there are, without the expired ones.
    pub(crate) rows: u64,
    /// The minutes that have an expired row, by site.
    pub(crate) expired: BTreeSet<(String, i64)>,
    /// The longest time between a minute and the end of its row, in seconds.
    pub(crate) retention_seconds: Option<i64>,
    /// The chunks that have a mark.
    pub(crate) chunk_ids: BTreeSet<String>,
    /// What is not as the table's description says, in sentences.
    pub(crate) oddities: Vec<String>,
}

/// Reads the whole table. Rows that expire before `expiry` are left out.
pub(crate) async fn read(client: &Client, table: &str, expiry: DateTime<Utc>) -> Result<Contents> {
    let segments = (0..SEGMENTS).map(|segment| read_segment(client, table, segment, expiry));
    let mut contents = Contents::default();
    for segment in futures::future::try_join_all(segments).await? {
        contents.merge(segment);
    }
    Ok(contents)
}

async fn read_segment(client: &Client, table: &str, segment: i32, expiry: DateTime<Utc>) -> Result<Contents> {
    let mut items = client
        .scan()
        .table_name(table)
        .segment(segment)
        .total_segments(SEGMENTS)
        .consistent_read(true)
        .filter_expression("begins_with(pk, :tallies) OR begins_with(pk, :marks)")
        .expression_attribute_values(":tallies", AttributeValue::S("T#".to_owned()))
        .expression_attribute_values(":marks", AttributeValue::S("L#".to_owned()))
        .into_paginator()
        .items()
        .send();
    let mut contents = Contents::default();
    while let Some(item) = items.next().await {
        let item = item.map_err(|error| explain(format!("cannot read the table {table}"), error))?;
        contents.add(&item, expiry)?;
    }
    Ok(contents)
}

/// What the keys of a minute row say.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    site: String,
    measure: String,
    minute: i64,
}

impl Contents {
    fn merge(&mut self, other: Self) {
        for (key, number) in other.tallies {
            *self.tallies.entry(key).or_default() += number;
        }
        self.rows += other.rows;
        self.expired.extend(other.expired);
        self.retention_seconds = self.retention_seconds.max(other.retention_seconds);
        self.chunk_ids.extend(other.chunk_ids);
        self.oddities.extend(other.oddities);
    }

    fn add(&mut self, item: &Item, expiry: DateTime<Utc>) -> Result<()> {
        let key = |name: &str| match item.get(name) {
            Some(AttributeValue::S(text)) => Ok(text.as_str()),
            other => Err(anyhow!("the table has a row whose {name} is {other:?}")),
        };
        let (pk, sk) = (key("pk")?, key("sk")?);
        if let Some(chunk_id) = pk.strip_prefix("L#") {
            self.chunk_ids.insert(chunk_id.to_owned());
            return Ok(());
        }
        let Some(place) = place(pk, sk) else {
            self.oddities.push(format!("row {pk} {sk}: not the keys of a minute row"));
            return Ok(());
        };
        if let Some(ttl) = item.get("ttl") {
            let ttl = number(ttl).and_then(|ttl| ttl.parse::<i64>().ok());
            let ttl = ttl.with_context(|| format!("row {pk} {sk}: its ttl is no whole number"))?;
            self.retention_seconds = self.retention_seconds.max(Some(ttl - place.minute * 60));
            if ttl <= expiry.timestamp() {
                self.expired.insert((place.site, place.minute));
                return Ok(());
            }
        }
        self.rows += 1;
        for (name, value) in item {
            if matches!(name.as_str(), "pk" | "sk" | "ttl") {
                continue;
            }
            let number = number(value).and_then(|number| number.parse::<Decimal>().ok());
            let (Some(key), Some(number)) = (name.strip_prefix("i#"), number) else {
                self.oddities.push(format!("row {pk} {sk}: {name} is {value:?}"));
                continue;
            };
            if number.is_zero() {
                self.oddities.push(format!("row {pk} {sk}: {name} is zero"));
            }
            let tally = TallyKey {
                site: place.site.clone(),
                measure: place.measure.clone(),
                minute: place.minute,
                key: key.to_owned(),
            };
            *self.tallies.entry(tally).or_default() += number;
        }
        Ok(())
    }
}

fn number(value: &AttributeValue) -> Option<&str> {
    value.as_n().ok().map(String::as_str)
}

/// Reads `T#<site>#<hour>` and `<measure>#<mm>#<lane>#<slot>`.
fn place(pk: &str, sk: &str) -> Option<Place> {
    let (site, hour) = pk.strip_prefix("T#")?.split_once('#')?;
    let (date, hour) = hour.split_once('T')?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    let hour = two_digits(hour)?;
    let mut parts = sk.split('#');
    let (measure, minute, lane, slot) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lane_is_known = lane == "late" || two_digits(lane).is_some_and(|lane| lane < 16);
    let (slot, spill) = slot.split_once('.').unwrap_or((slot, "1"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !lane_is_known || slot.len() < 3 || !digits(slot) || !digits(spill) {
        return None;
    }
    let start = date.and_hms_opt(hour, two_digits(minute)?, 0)?;
    let minute = start.and_utc().timestamp() / 60;
    Some(Place { site: site.to_owned(), measure: measure.to_owned(), minute })
}

fn two_digits(text: &str) -> Option<u32> {
    let is_right = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_right.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PK: &str = "T#shop#2026-11-20T23";

    fn row(sk: &str, attributes: &[(&str, &str)]) -> Item {
        let mut item = Item::from([
            ("pk".to_owned(), AttributeValue::S(PK.to_owned())),
            ("sk".to_owned(), AttributeValue::S(sk.to_owned())),
        ]);
        for (name, number) in attributes {
            item.insert((*name).to_owned(), AttributeValue::N((*number).to_owned()));
        }
        item
    }

    #[test]
    fn reads_keys() {
        let place = place(PK, "sales:USD#07#late#003.1").unwrap();
        assert_eq!((place.site.as_str(), place.measure.as_str()), ("shop", "sales:USD"));
        let start = DateTime::from_timestamp(place.minute * 60, 0).unwrap();
        assert_eq!(start.to_rfc3339(), "2026-11-20T23:07:00+00:00");
        for sk in ["views#07#15#000", "views#59#00#1000", "views#00#late#000.12"] {
            assert!(super::place(PK, sk).is_some(), "{sk}");
        }
        for sk in [
            "views#07#16#000",
            "views#7#00#000",
            "views#60#00#000",
            "views#07#00#00",
            "views#07#00#000#1",
            "views#07#00#000.",
            "views",
        ] {
            assert!(super::place(PK, sk).is_none(), "{sk}");
        }
        assert!(super::place("T#shop#2026-11-20T24", "views#07#00#000").is_none());
        assert!(super::place("T#shop", "views#07#00#000").is_none());
    }

    #[test]
    fn sums_lanes_slots_and_spills_and_leaves_out_what_expires() {
        let minute_start = DateTime::parse_from_rfc3339("2026-11-20T23:07:00Z").unwrap().to_utc();
        let (late, early) = (minute_start.timestamp() + 600, minute_start.timestamp() + 60);
        let expiry = minute_start + chrono::TimeDelta::seconds(60);
        let mut contents = Contents::default();
        for item in [
            row("views#07#00#000", &[("i#1", "2"), ("i#x#y", "1"), ("ttl", &late.to_string())]),
            row("views#07#late#000", &[("i#1", "3"), ("ttl", &late.to_string())]),
            row("views#07#00#000.1", &[("i#1", "0.5")]),
            row("views#08#00#000", &[("i#1", "9"), ("ttl", &early.to_string())]),
            row("views#07#00#001", &[("i#1", "0"), ("other", "1")]),
            row("odd", &[("i#1", "1")]),
        ] {
            contents.add(&item, expiry).unwrap();
        }
        let cells: Vec<String> =
            contents.tallies.iter().map(|(key, number)| format!("{} {} {number}", key.measure, key.key)).collect();
        assert_eq!(cells, ["views 1 5.5", "views x#y 1"]);
        assert_eq!((contents.rows, contents.expired.len(), contents.retention_seconds), (4, 1, Some(600)));
        assert_eq!(contents.oddities.len(), 3, "{:?}", contents.oddities);
    }
}
