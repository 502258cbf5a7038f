//! The open hours: the list of hours that have rows in numbered shards and are not rolled up yet.
//! Readers and sealing rely on it: an hour is listed before its first row is written, until the
//! rows above hold all of it.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use minutebook_domain::time::Hour;

use crate::error::StorageError;
use crate::keys;
use crate::table::{
    Consistency, Item, Table, condition_met, key, malformed, rows, text, time_if_any,
};

const SEALED_AT: &str = "sealed_at";
const DONE_AT: &str = "done_at";

/// An hour of a site that is not done, or was done within the last settle time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenHour {
    /// The site.
    pub site: String,
    /// The hour.
    pub hour: Hour,
    /// When its numbered shards were closed; `None` if they are open.
    pub sealed_at: Option<DateTime<Utc>>,
    /// When its sums were in the rows of the hour, day, week and month; `None` if they are not yet.
    pub done_at: Option<DateTime<Utc>>,
}

impl Table {
    /// Lists an hour, unless it is listed.
    ///
    /// **Guarantees**: idempotent; a listed hour keeps its times.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn list_open(&self, site: &str, hour: Hour) -> Result<(), StorageError> {
        // An update without an expression creates the row, or leaves it as it is.
        let update = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(open_hour_key(site, hour)));
        update
            .send()
            .await
            .map_err(|error| StorageError::from_sdk("UpdateItem of an open hour", error))?;
        Ok(())
    }

    /// The listed hours of a site from `from` up to, but not including, `to`, ascending.
    ///
    /// **Units and range**: it reads nothing of other sites, however many there are.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn open_hours_of(
        &self,
        site: &str,
        from: Hour,
        to: Hour,
    ) -> Result<Vec<Hour>, StorageError> {
        let bounds = (keys::open_hour(site, from), keys::open_hour(site, to));
        let query =
            self.query_between(keys::OPEN_PARTITION.to_string(), bounds, Consistency::Strong);
        let hours = read_open_hours(query).await?.into_iter().map(|open| open.hour);
        // The bounds of a query belong to it.
        Ok(hours.filter(|hour| *hour < to).collect())
    }

    /// The listed hours of all sites before `to`.
    ///
    /// **Shape**: ascending by hour, then by site.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn open_hours(&self, to: Hour) -> Result<Vec<OpenHour>, StorageError> {
        let query = self.query(keys::OPEN_PARTITION.to_string(), Consistency::Strong);
        let mut hours = read_open_hours(query).await?;
        hours.retain(|open| open.hour < to);
        hours.sort_by(|left, right| (left.hour, &left.site).cmp(&(right.hour, &right.site)));
        Ok(hours)
    }

    /// The oldest listed hour of any site that is not done; `None` if there is none.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn oldest_open_hour(&self) -> Result<Option<OpenHour>, StorageError> {
        let query = self.query(keys::OPEN_PARTITION.to_string(), Consistency::Eventual);
        let hours = read_open_hours(query).await?.into_iter();
        Ok(hours.filter(|open| open.done_at.is_none()).min_by_key(|open| open.hour))
    }

    /// Records that the numbered shards of an hour are sealed, unless an earlier time is recorded.
    ///
    /// **Shape**: `false` if the hour is no longer listed.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn record_sealed(
        &self,
        site: &str,
        hour: Hour,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        self.record(site, hour, SEALED_AT, now).await
    }

    /// Records that the rows above hold all of a sealed hour, unless an earlier time is recorded.
    ///
    /// **Shape**: `false` if the hour is no longer listed.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn record_done(
        &self,
        site: &str,
        hour: Hour,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        self.record(site, hour, DONE_AT, now).await
    }

    async fn record(
        &self,
        site: &str,
        hour: Hour,
        attribute: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(open_hour_key(site, hour)))
            .update_expression("SET #at = if_not_exists(#at, :now)")
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .expression_attribute_names("#at", attribute)
            .expression_attribute_values(
                ":now",
                AttributeValue::S(now.to_rfc3339_opts(SecondsFormat::Millis, true)),
            );
        condition_met(update.send().await, "UpdateItem of an open hour")
    }

    /// Removes an hour that is done from the list.
    ///
    /// **Shape**: `false` if it is no longer listed, or was listed again and is not done.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn remove_open(&self, site: &str, hour: Hour) -> Result<bool, StorageError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(open_hour_key(site, hour)))
            .condition_expression("attribute_exists(#at)")
            .expression_attribute_names("#at", DONE_AT);
        condition_met(delete.send().await, "DeleteItem of an open hour")
    }
}

fn open_hour_key(site: &str, hour: Hour) -> Item {
    key(keys::OPEN_PARTITION.to_string(), keys::open_hour(site, hour))
}

async fn read_open_hours(query: QueryFluentBuilder) -> Result<Vec<OpenHour>, StorageError> {
    let mut rows = rows(query, "Query of the open hours");
    let mut hours = Vec::new();
    while let Some(item) = rows.try_next().await? {
        hours.push(read_open_hour(&item)?);
    }
    Ok(hours)
}

fn read_open_hour(item: &Item) -> Result<OpenHour, StorageError> {
    let sort_key = text(item, keys::SORT_KEY)?;
    let (site, hour) = sort_key
        .split_once('#')
        .and_then(|(site, hour)| Some((site, Hour::parse(hour)?)))
        .ok_or_else(|| malformed(item, "its sort key is not a site and an hour".to_string()))?;
    Ok(OpenHour {
        site: site.to_string(),
        hour,
        sealed_at: time_if_any(item, SEALED_AT)?,
        done_at: time_if_any(item, DONE_AT)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(attributes: &[(&str, &str)]) -> Item {
        let mut item = Item::from([("pk".to_string(), AttributeValue::S("OPEN".to_string()))]);
        for (name, value) in attributes {
            item.insert((*name).to_string(), AttributeValue::S((*value).to_string()));
        }
        item
    }

    #[test]
    fn an_open_hour_is_read_as_the_table_page_says() {
        let times =
            [("sealed_at", "2026-11-21T00:10:02.125Z"), ("done_at", "2026-11-21T00:12:00Z")];
        for known in 0..=times.len() {
            let mut attributes = vec![("sk", "shop:1#2026-11-20T23")];
            attributes.extend(&times[..known]);
            let read = read_open_hour(&item(&attributes)).expect("well formed");
            let time =
                |place: usize| (place < known).then(|| times[place].1.parse().expect("a time"));
            let hour = Hour::parse("2026-11-20T23").expect("an hour");
            let expected =
                OpenHour { site: "shop:1".to_string(), hour, sealed_at: time(0), done_at: time(1) };
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_malformed_row_is_an_error_that_names_it() {
        for attributes in [
            &[("sk", "2026-11-20T23#shop")][..],
            &[("sk", "2026-11-20T23")],
            &[("sk", "shop#2026-11-20T23"), ("sealed_at", "yesterday")],
        ] {
            let sentence = read_open_hour(&item(attributes)).expect_err("malformed").to_string();
            assert!(sentence.contains(&format!("OPEN / {}", attributes[0].1)), "{sentence}");
        }
    }

    #[test]
    fn the_bounds_of_a_query_hold_the_hours_of_one_site() {
        let hour = |name: &str| Hour::parse(name).expect("an hour");
        let bound = |name: &str| keys::open_hour("shop", hour(name));
        let bounds = bound("2026-11-20T22")..=bound("2026-11-21T00");
        for (site, name, is_inside) in [
            ("shop", "2026-11-20T21", false),
            ("shop", "2026-11-20T22", true),
            ("shop", "2026-11-20T23", true),
            // The caller leaves it out.
            ("shop", "2026-11-21T00", true),
            ("shop", "2026-11-21T01", false),
            ("sho", "2026-11-20T23", false),
            ("shop.1", "2026-11-20T23", false),
            ("shop:", "2026-11-20T23", false),
        ] {
            let key = keys::open_hour(site, hour(name));
            assert_eq!(bounds.contains(&key), is_inside, "{key}");
        }
    }
}
