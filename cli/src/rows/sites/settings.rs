//! The rows of the settings of sites.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono_tz::Tz;
use minutebook_oracle::{Period, QuarterHours};

use crate::rows::attributes::{self, Item, others, text, time};
use crate::rows::periods::hour_named;
use crate::rows::scan::partition;

/// Their partition.
pub(crate) const PARTITION: &str = "SETTINGS";

/// The attributes of what a site sets.
pub(crate) const DISPLAY_NAME: &str = "display_name";
pub(crate) const TIME_ZONE: &str = "time_zone";
pub(crate) const CURRENCY: &str = "currency";
pub(crate) const ALLOWED_ORIGINS: &str = "allowed_origins";
pub(crate) const RAW_RETENTION_DAYS: &str = "raw_retention_days";

/// For how many days raw events may be kept: the template has a lifecycle rule for each.
pub(crate) const RETENTION_DAYS: [u32; 5] = [30, 90, 180, 365, 730];

/// The attribute of the hour from which on the zone decides which hours have quarters.
pub(crate) const QUARTERS_FROM: &str = "quarters_from";

/// The currency's letters.
const CURRENCY_LETTERS: usize = 3;

/// A revision: the whole new settings of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    /// From 1.
    pub(crate) number: u32,
    pub(crate) site: String,
    pub(crate) settings: SiteSettings,
    /// From which hour on its zone decides which hours have rows of their quarters; `None` if it was
    /// set before there were any.
    pub(crate) quarters_from: Option<Period>,
}

/// What a site sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiteSettings {
    pub(crate) display_name: Option<String>,
    pub(crate) time_zone: Option<Tz>,
    pub(crate) currency: Option<String>,
    pub(crate) allowed_origins: BTreeSet<String>,
    /// For how many days its raw events are kept; `None` for ever.
    pub(crate) raw_retention_days: Option<u32>,
}

/// The sort key of a revision: `000001`.
pub(crate) fn revision_name(number: u32) -> String {
    format!("{number:06}")
}

/// Whether these are the three capitals of a currency.
pub(crate) fn is_currency(code: &str) -> bool {
    code.len() == CURRENCY_LETTERS && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Reads a revision; `None` if it is not as docs/TABLE.md says.
pub(in crate::rows) fn read(
    item: &Item,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<Revision> {
    let names =
        [DISPLAY_NAME, TIME_ZONE, CURRENCY, ALLOWED_ORIGINS, RAW_RETENTION_DAYS, QUARTERS_FROM];
    others(item, &[&["site", "set_at"][..], &names].concat(), odd);
    time(item, "set_at").err().into_iter().for_each(|error| odd(error.to_string()));
    revision(item, sk).map_err(|error| odd(error.to_string())).ok()
}

/// All revisions of a table, ascending.
///
/// # Errors
/// The table, or a revision, cannot be read.
pub(crate) async fn all(client: &Client, table: &str) -> Result<Vec<Revision>> {
    let items = partition(client, table, PARTITION).await?;
    let read = |item: &Item| {
        let sk = text(item, "sk")?;
        revision(item, sk).with_context(|| format!("cannot read revision {sk} of the settings"))
    };
    items.iter().map(read).collect()
}

/// What sites have set as of a revision, by site.
pub(crate) fn as_of(revisions: &[Revision], number: u32) -> BTreeMap<&str, &Revision> {
    let until = revisions.iter().filter(|revision| revision.number <= number);
    until.map(|revision| (revision.site.as_str(), revision)).collect()
}

/// What the events of sites are read with as of a revision.
pub(crate) fn reading_as_of(
    revisions: &[Revision],
    number: u32,
) -> BTreeMap<String, minutebook_oracle::SiteSettings> {
    let settings = as_of(revisions, number).into_iter().map(|(site, revision)| {
        let SiteSettings { currency, time_zone, .. } = &revision.settings;
        let (currency, time_zone) = (currency.clone(), *time_zone);
        (site.to_owned(), minutebook_oracle::SiteSettings { currency, time_zone })
    });
    settings.collect()
}

/// The hours of each site that have rows of their quarters.
pub(crate) fn quarter_hours(revisions: &[Revision]) -> BTreeMap<String, QuarterHours> {
    let mut by_site: BTreeMap<String, QuarterHours> = BTreeMap::new();
    for Revision { site, settings, quarters_from, .. } in revisions {
        if let Some(from) = quarters_from {
            let of_site = by_site.entry(site.clone()).or_default();
            of_site.set(from.start(), settings.time_zone);
        }
    }
    by_site
}

fn revision(item: &Item, sk: &str) -> Result<Revision> {
    let number = sk.parse().ok().filter(|number| *number > 0 && revision_name(*number) == sk);
    let Some(number) = number else {
        bail!("its sort key is not the number of a revision");
    };
    let if_any = |name: &str| item.get(name).map(|_| text(item, name)).transpose();
    let time_zone = if_any(TIME_ZONE)?
        .map(|name| name.parse::<Tz>().with_context(|| format!("its time zone {name:?} is none")));
    let currency = if_any(CURRENCY)?;
    if let Some(code) = currency.filter(|code| !is_currency(code)) {
        bail!("its currency {code:?} is none");
    }
    let allowed_origins = match item.get(ALLOWED_ORIGINS) {
        None => BTreeSet::new(),
        Some(AttributeValue::Ss(origins)) => origins.iter().cloned().collect(),
        Some(other) => bail!("its {ALLOWED_ORIGINS} is {other:?}"),
    };
    let days = item.get(RAW_RETENTION_DAYS).map(|_| attributes::number(item, RAW_RETENTION_DAYS));
    let raw_retention_days: Option<u32> = days.transpose()?;
    if let Some(days) = raw_retention_days.filter(|days| !RETENTION_DAYS.contains(days)) {
        bail!("its {RAW_RETENTION_DAYS} is {days}");
    }
    let settings = SiteSettings {
        display_name: if_any(DISPLAY_NAME)?.map(str::to_owned),
        time_zone: time_zone.transpose()?,
        currency: currency.map(str::to_owned),
        allowed_origins,
        raw_retention_days,
    };
    let quarters_from = if_any(QUARTERS_FROM)?.map(|name| {
        hour_named(name).with_context(|| format!("{QUARTERS_FROM} {name:?} is no hour"))
    });
    let site = text(item, "site")?.to_owned();
    Ok(Revision { number, site, settings, quarters_from: quarters_from.transpose()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, text};

    fn odd_read(sk: &str, attributes: &[(&str, AttributeValue)]) -> (Option<Revision>, usize) {
        let mut oddities = 0;
        let read = read(&item(PARTITION, sk, attributes), sk, &mut |_| oddities += 1);
        (read, oddities)
    }

    #[test]
    fn a_revision_is_read_and_what_is_odd_is_named() {
        let origin = "https://shop.example".to_owned();
        let set = [
            ("site", text("shop")),
            ("set_at", text("2026-11-20T23:07:00Z")),
            ("display_name", text("The shop")),
            ("time_zone", text("Asia/Kolkata")),
            ("currency", text("INR")),
            ("quarters_from", text("2026-11-21T02")),
            ("allowed_origins", AttributeValue::Ss(vec![origin.clone()])),
            ("raw_retention_days", AttributeValue::N("90".to_owned())),
        ];
        let settings = SiteSettings {
            display_name: Some("The shop".to_owned()),
            time_zone: Some(Tz::Asia__Kolkata),
            currency: Some("INR".to_owned()),
            allowed_origins: [origin].into(),
            raw_retention_days: Some(90),
        };
        let site = "shop".to_owned();
        let quarters_from = hour_named("2026-11-21T02");
        let expected = Revision { number: 12, site, settings, quarters_from };
        assert_eq!(odd_read("000012", &set), (Some(expected), 0));
        for sk in ["12", "000000", "x"] {
            assert_eq!(odd_read(sk, &set), (None, 1), "{sk}");
        }
        for (name, value) in [
            ("currency", "inr"),
            ("time_zone", "Mars"),
            ("site_name", "x"),
            ("quarters_from", "2026-11-21"),
        ] {
            let mut set = set.to_vec();
            set.push((name, text(value)));
            assert_eq!(odd_read("000012", &set).1, 1, "{name}");
        }
        let mut other_days = set.to_vec();
        other_days.push(("raw_retention_days", AttributeValue::N("31".to_owned())));
        assert_eq!(odd_read("000012", &other_days).1, 1, "days without a rule");
        assert_eq!(odd_read("000012", &set[..1]).1, 1, "without a time");
    }

    #[test]
    fn the_last_revision_of_a_site_counts() {
        let revision = |number, site: &str| Revision {
            number,
            site: site.to_owned(),
            settings: SiteSettings::default(),
            quarters_from: None,
        };
        let all = [revision(1, "a"), revision(2, "b"), revision(3, "a")];
        let numbers = |number| -> Vec<u32> {
            as_of(&all, number).values().map(|revision| revision.number).collect()
        };
        assert_eq!([numbers(0), numbers(2), numbers(9)], [vec![], vec![1, 2], vec![3, 2]]);
    }
}
