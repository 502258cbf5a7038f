//! The rows of the registry of sites.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_dynamodb::Client;
use chrono::NaiveDate;
use futures::future::try_join_all;

use crate::rows::attributes::{Item, number, others, text, time};
use crate::rows::scan::partition;

/// The partition of the row about the registry as a whole.
pub(in crate::rows) const REGISTRY_PARTITION: &str = "SITES";

/// What the partitions of sites begin with; the first hex digit of the site's BLAKE3 follows.
pub(in crate::rows) const PREFIX: &str = "SITES#";

/// A registered site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SiteRow {
    pub(crate) site: String,
    /// From 1.
    pub(crate) number: u32,
    /// The days of its events.
    pub(crate) first_day: NaiveDate,
    pub(crate) last_day: NaiveDate,
}

/// The registry as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Registry {
    pub(crate) sites: u32,
    /// Whether sites without a row have no events.
    pub(crate) is_complete: bool,
}

/// Reads a site; `None` if it is not as docs/TABLE.md says.
pub(in crate::rows) fn read(
    item: &Item,
    pk: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<SiteRow> {
    if pk != partition_of(sk) {
        odd("not the keys of a site".to_owned());
        return None;
    }
    time(item, "added_at").err().into_iter().for_each(|error| odd(error.to_string()));
    others(item, &["number", "first_day", "last_day", "added_at"], odd);
    site(item, sk).map_err(|error| odd(error.to_string())).ok()
}

/// Reads the row about the registry as a whole; `None` if it is not as docs/TABLE.md says.
pub(in crate::rows) fn read_registry(
    item: &Item,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<Registry> {
    if sk != "registry" {
        odd("not the keys of the registry of sites".to_owned());
        return None;
    }
    let is_complete = item.get("is_complete").and_then(|value| value.as_bool().ok().copied());
    if is_complete.is_none() {
        odd(format!("its is_complete is {:?}", item.get("is_complete")));
    }
    time(item, "since").err().into_iter().for_each(|error| odd(error.to_string()));
    others(item, &["sites", "is_complete", "since"], odd);
    let sites = number(item, "sites").map_err(|error| odd(error.to_string())).ok()?;
    Some(Registry { sites, is_complete: is_complete.unwrap_or(false) })
}

/// Whether a site has a row.
///
/// # Errors
/// The table cannot be read.
pub(crate) async fn has(client: &Client, table: &str, site: &str) -> Result<bool> {
    let rows = partition(client, table, &partition_of(site)).await?;
    Ok(rows.iter().any(|row| text(row, "sk").is_ok_and(|sk| sk == site)))
}

/// The registry as a whole; `None` if there is none.
///
/// # Errors
/// The table, or the row, cannot be read.
pub(crate) async fn whole(client: &Client, table: &str) -> Result<Option<Registry>> {
    let items = partition(client, table, REGISTRY_PARTITION).await?;
    let Some(item) = items.first() else { return Ok(None) };
    let mut oddities = Vec::new();
    let registry = read_registry(item, text(item, "sk")?, &mut |what| oddities.push(what));
    ensure!(oddities.is_empty(), "cannot read the registry of sites: {}", oddities.join(", "));
    Ok(registry)
}

/// All sites of a table, by name.
///
/// # Errors
/// The table, or a site, cannot be read.
pub(crate) async fn all(client: &Client, table: &str) -> Result<Vec<SiteRow>> {
    let partitions = "0123456789abcdef".chars().map(|digit| format!("{PREFIX}{digit}"));
    let partitions = partitions.map(async |pk| partition(client, table, &pk).await);
    let items = try_join_all(partitions).await?.into_iter().flatten();
    let read = |item: Item| {
        let sk = text(&item, "sk")?;
        site(&item, sk).with_context(|| format!("cannot read the site {sk}"))
    };
    let mut sites: Vec<SiteRow> = items.map(read).collect::<Result<_>>()?;
    sites.sort_by(|left, right| left.site.cmp(&right.site));
    Ok(sites)
}

fn site(item: &Item, sk: &str) -> Result<SiteRow> {
    let day = |name: &str| {
        let day = text(item, name)?;
        day.parse().with_context(|| format!("its {name} {day:?} is not a day"))
    };
    let (first_day, last_day) = (day("first_day")?, day("last_day")?);
    Ok(SiteRow { site: sk.to_owned(), number: number(item, "number")?, first_day, last_day })
}

/// The partition of a site.
pub(crate) fn partition_of(site: &str) -> String {
    format!("{PREFIX}{}", &blake3::hash(site.as_bytes()).to_hex()[..1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};
    use aws_sdk_dynamodb::types::AttributeValue;

    #[test]
    fn a_site_is_read_and_what_is_odd_is_named() {
        let attributes = [
            ("number", number("7")),
            ("first_day", text("2019-10-01")),
            ("last_day", text("2026-11-20")),
            ("added_at", text("2026-11-20T23:07:00Z")),
        ];
        let odd_read = |pk: &str, attributes: &[(&str, AttributeValue)]| {
            let mut oddities = 0;
            let read = read(&item(pk, "shop", attributes), pk, "shop", &mut |_| oddities += 1);
            (read.map(|site| (site.number, site.first_day.to_string())), oddities)
        };
        let read = Some((7, "2019-10-01".to_owned()));
        assert_eq!(odd_read("SITES#8", &attributes), (read.clone(), 0));
        assert_eq!(odd_read("SITES#9", &attributes), (None, 1));
        assert_eq!(odd_read("SITES#8", &attributes[..3]), (read, 1));
        assert_eq!(odd_read("SITES#8", &attributes[1..]), (None, 1));
    }

    #[test]
    fn the_registry_is_read_and_what_is_odd_is_named() {
        let attributes = [
            ("sites", number("7")),
            ("is_complete", AttributeValue::Bool(true)),
            ("since", text("2026-11-20T23:07:00Z")),
        ];
        let odd_read = |sk: &str, attributes: &[(&str, AttributeValue)]| {
            let mut oddities = 0;
            let read = read_registry(&item("SITES", sk, attributes), sk, &mut |_| oddities += 1);
            (read.map(|registry| registry.sites), oddities)
        };
        assert_eq!(odd_read("registry", &attributes), (Some(7), 0));
        assert_eq!(odd_read("other", &attributes), (None, 1));
        assert_eq!(odd_read("registry", &attributes[..1]), (Some(7), 2));
    }
}
