//! The registry of sites: one row a site, with its number and the days of its events.
//!
//! A site is registered before anything of it is committed, and its days are moved before anything
//! of other days is. So the registry is never behind the counters: all time is from the first day
//! to the last.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use futures::future::try_join_all;
use minutebook_domain::time::{Day, DayRange};

use crate::error::StorageError;
use crate::keys;
use crate::table::{
    BATCH_READS_MAX, Consistency, Item, Table, condition_met, key, malformed, number, rows, text,
};

const FIRST_DAY: &str = "first_day";
const LAST_DAY: &str = "last_day";
const NUMBER: &str = "number";
const SITES: &str = "sites";
const IS_COMPLETE: &str = "is_complete";

/// A registered site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisteredSite {
    /// Its id.
    pub site: String,
    /// Its number, from 1; no other site of the deployment has or gets it.
    pub number: u32,
    /// The days of its events. The first is [`FROM_THE_BEGINNING`] if it may have older ones than
    /// the registry knows.
    pub days: DayRange,
}

/// The first day of sites that may have events from before there was a registry.
pub const FROM_THE_BEGINNING: Day = Day::EPOCH;

/// What the registry is as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registry {
    /// How many sites are registered.
    pub sites: u32,
    /// Whether every site with events is registered, which is so if nothing was counted before
    /// there was a registry. It never changes.
    pub is_complete: bool,
}

/// Where sites are read from: the table, or a stand-in for it in tests. Reads may lag by less than
/// a second.
pub trait SiteSource: Sync {
    /// The row of a site; `None` if there is none.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn site(
        &self,
        site: &str,
    ) -> impl Future<Output = Result<Option<RegisteredSite>, StorageError>> + Send;

    /// The first sites by name after this one; an empty name is before all.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn sites_after(
        &self,
        after: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<RegisteredSite>, StorageError>> + Send;

    /// The registry as a whole; `None` if nothing was counted since there may be one.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn registry(&self) -> impl Future<Output = Result<Option<Registry>, StorageError>> + Send;
}

impl SiteSource for Table {
    async fn site(&self, site: &str) -> Result<Option<RegisteredSite>, StorageError> {
        let bounds = (site.to_string(), site.to_string());
        let query = self.query_between(keys::sites_partition(site), bounds, Consistency::Eventual);
        let mut rows = rows(query, "Query of a site");
        rows.try_next().await?.as_ref().map(read_site).transpose()
    }

    async fn sites_after(
        &self,
        after: &str,
        limit: usize,
    ) -> Result<Vec<RegisteredSite>, StorageError> {
        // '!' sorts before every character of a site, and '~' behind.
        let bounds = (format!("{after}!"), "~".to_string());
        let rows = i32::try_from(limit).unwrap_or(i32::MAX);
        let first_of = |partition| {
            let query = self.query_between(partition, bounds.clone(), Consistency::Eventual);
            query.limit(rows).send()
        };
        let mut sites = Vec::new();
        for answer in try_join_all(keys::sites_partitions().map(first_of))
            .await
            .map_err(|error| StorageError::from_sdk("Query of sites", error))?
        {
            for item in answer.items.unwrap_or_default() {
                sites.push(read_site(&item)?);
            }
        }
        sites.sort_unstable_by(|left, right| left.site.cmp(&right.site));
        sites.truncate(limit);
        Ok(sites)
    }

    async fn registry(&self) -> Result<Option<Registry>, StorageError> {
        self.read_registry(Consistency::Eventual).await
    }
}

impl Table {
    /// The registry. A deployment that has not counted anything yet gets a complete one.
    ///
    /// **Guarantees**: all callers get the same, also if they are the first at once.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn begun_registry(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Registry, StorageError> {
        if let Some(registry) = self.read_registry(Consistency::Strong).await? {
            return Ok(registry);
        }
        let is_complete = !self.has_totals().await?;
        let mut item = registry_key();
        item.insert(SITES.to_string(), AttributeValue::N("0".to_string()));
        item.insert(IS_COMPLETE.to_string(), AttributeValue::Bool(is_complete));
        item.insert("since".to_string(), AttributeValue::S(rfc3339(now)));
        // Another process may have made it, and counted, since it was read here.
        self.put_if_absent(item, "PutItem of the registry").await?;
        let registry = self.read_registry(Consistency::Strong).await?;
        registry.ok_or_else(no_registry)
    }

    async fn read_registry(
        &self,
        consistency: Consistency,
    ) -> Result<Option<Registry>, StorageError> {
        let query = self.query(keys::REGISTRY_PARTITION.to_string(), consistency);
        let mut rows = rows(query, "Query of the registry of sites");
        rows.try_next().await?.as_ref().map(read_registry).transpose()
    }

    /// The rows of these sites, and the registry, without a lag; at most [`SITES_AT_ONCE`] sites.
    pub(super) async fn read_sites(
        &self,
        sites: &[&str],
    ) -> Result<(Registry, Vec<RegisteredSite>), StorageError> {
        let mut wanted: Vec<Item> = sites.iter().map(|site| site_key(site)).collect();
        wanted.push(registry_key());
        let (mut registry, mut registered) = (None, Vec::new());
        for item in self.read_batch(wanted, Consistency::Strong, "BatchGetItem of sites").await? {
            if text(&item, keys::PARTITION_KEY)? == keys::REGISTRY_PARTITION {
                registry = Some(read_registry(&item)?);
            } else {
                registered.push(read_site(&item)?);
            }
        }
        let registry = registry.ok_or_else(no_registry)?;
        Ok((registry, registered))
    }

    /// Moves an edge of the days of a site outward, unless it is there or further already.
    async fn widen(
        &self,
        site: &str,
        (edge, is_further, day): (&str, &str, Day),
    ) -> Result<(), StorageError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(site_key(site)))
            .update_expression("SET #edge = :day")
            .condition_expression(format!("#edge {is_further} :day"))
            .expression_attribute_names("#edge", edge)
            .expression_attribute_values(":day", AttributeValue::S(day.to_string()));
        condition_met(update.send().await, "UpdateItem of a site").map(drop)
    }

    /// Moves the edges of the days of a site outward until they contain these days.
    pub(super) async fn widen_to(
        &self,
        known: &RegisteredSite,
        days: DayRange,
    ) -> Result<(), StorageError> {
        if days.first < known.days.first {
            self.widen(&known.site, (FIRST_DAY, ">", days.first)).await?;
        }
        if known.days.last < days.last {
            self.widen(&known.site, (LAST_DAY, "<", days.last)).await?;
        }
        Ok(())
    }
}

/// The most sites that are read or registered at once, since the registry comes with them: a
/// transaction has as many rows as a batch.
pub(super) const SITES_AT_ONCE: usize = BATCH_READS_MAX - 1;

pub(super) fn registry_key() -> Item {
    key(keys::REGISTRY_PARTITION.to_string(), keys::REGISTRY.to_string())
}

fn no_registry() -> StorageError {
    StorageError::Malformed {
        row: format!("{} / {}", keys::REGISTRY_PARTITION, keys::REGISTRY),
        reason: "it does not exist".to_string(),
    }
}

pub(super) fn site_key(site: &str) -> Item {
    key(keys::sites_partition(site), site.to_string())
}

pub(super) fn site_item(site: &RegisteredSite, now: DateTime<Utc>) -> Item {
    let mut item = site_key(&site.site);
    for (name, value) in [
        (FIRST_DAY, AttributeValue::S(site.days.first.to_string())),
        (LAST_DAY, AttributeValue::S(site.days.last.to_string())),
        (NUMBER, AttributeValue::N(site.number.to_string())),
        ("added_at", AttributeValue::S(rfc3339(now))),
    ] {
        item.insert(name.to_string(), value);
    }
    item
}

/// Reads a site from its row.
pub(crate) fn read_site(item: &Item) -> Result<RegisteredSite, StorageError> {
    let day = |name: &str| {
        let day = text(item, name)?;
        Day::parse(day).ok_or_else(|| malformed(item, format!("{name} is {day:?}, not a day")))
    };
    Ok(RegisteredSite {
        site: text(item, keys::SORT_KEY)?.to_string(),
        number: number(item, NUMBER)?,
        days: DayRange { first: day(FIRST_DAY)?, last: day(LAST_DAY)? },
    })
}

fn read_registry(item: &Item) -> Result<Registry, StorageError> {
    let is_complete = match item.get(IS_COMPLETE) {
        Some(AttributeValue::Bool(is_complete)) => *is_complete,
        other => return Err(malformed(item, format!("{IS_COMPLETE} is {other:?}"))),
    };
    Ok(Registry { sites: number(item, SITES)?, is_complete })
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use serde_json::{Value, json};

    fn day(name: &str) -> Day {
        Day::parse(name).expect("a day")
    }

    fn registry(sites: u32, is_complete: bool) -> Value {
        let row = json!({"sites": {"N": sites.to_string()}, "is_complete": {"BOOL": is_complete}});
        json!({"Items": [row]})
    }

    #[test]
    fn a_site_that_is_written_is_read_back() {
        let days = DayRange { first: day("2019-10-01"), last: day("2026-11-20") };
        let site = RegisteredSite { site: "shop".to_string(), number: 7, days };
        let item = site_item(&site, DateTime::UNIX_EPOCH);
        assert_eq!(text(&item, "pk").expect("a text"), keys::sites_partition("shop"));
        assert_eq!(text(&item, "first_day").expect("a text"), "2019-10-01");
        assert_eq!(read_site(&item).expect("well formed"), site);
        for (name, value) in [("first_day", "yesterday"), ("last_day", "2026-11-31")] {
            let mut item = item.clone();
            item.insert(name.to_string(), AttributeValue::S(value.to_string()));
            assert!(read_site(&item).is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn a_registry_is_complete_if_nothing_was_counted_before_it() {
        let none = || json!({"Items": []});
        for (totals, is_complete) in [(0, true), (1, false)] {
            let replay = Replay::default()
                .answer("Query", none())
                .answer("Query", json!({"Items": [], "Count": totals}))
                .answer("Query", registry(0, is_complete));
            let begun = replay.table().begun_registry(DateTime::UNIX_EPOCH).await.expect("begun");
            assert_eq!(begun, Registry { sites: 0, is_complete });
            let put = &replay.calls()[2];
            assert_eq!(put.operation, "PutItem");
            assert_eq!(put.request["Item"]["is_complete"]["BOOL"], is_complete);
            assert_eq!(put.request["ConditionExpression"], "attribute_not_exists(#pk)");
        }
        // Whoever was first decides.
        let replay = Replay::default().answer("Query", registry(3, true));
        let begun = replay.table().begun_registry(DateTime::UNIX_EPOCH).await.expect("begun");
        assert_eq!((begun, replay.calls().len()), (Registry { sites: 3, is_complete: true }, 1));
    }
}
