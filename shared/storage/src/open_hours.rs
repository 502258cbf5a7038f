//! The open hours: which hours have rows in numbered shards and still wait to be sealed. This list
//! is what readers and the sealer go by, so an hour is on it before its first row is written, and
//! until all of it stands in the rows above.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_domain::time::Hour;

use crate::chunk::commit::Table;
use crate::chunk::ledger::{Item, malformed, text};
use crate::error::StorageError;
use crate::keys;

/// How many rows are read at once to find the oldest hour that is not done: few are done and still
/// on the list.
const OLDEST_PAGE: i32 = 50;

const SEALED_AT: &str = "sealed_at";
const DONE_AT: &str = "done_at";

/// An hour of a site that is not done, or was done just now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenHour {
    /// The site.
    pub site: String,
    /// The hour.
    pub hour: Hour,
    /// Since when its numbered shards take no more rows; `None` if they still may.
    pub sealed_at: Option<DateTime<Utc>>,
    /// Since when the rows of the hour, day, week and month hold all of it; `None` if they do not
    /// yet.
    pub done_at: Option<DateTime<Utc>>,
}

/// How fresh a reading is, and what it costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consistency {
    /// What was written before the call is seen, up to a lag of less than a second as a rule.
    Eventual,
    /// What was written before the call is seen; costs twice as much.
    Strong,
}

impl Table {
    /// Puts an hour on the list, unless it is there.
    ///
    /// **Guarantees**: idempotent; an hour that is on the list keeps its times.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    pub async fn list_open(&self, site: &str, hour: Hour) -> Result<(), StorageError> {
        // An update without an expression makes the row if it is not there, and leaves it alone if
        // it is.
        let update = self
            .client
            .update_item()
            .table_name(&self.name)
            .key(keys::PARTITION_KEY, AttributeValue::S(keys::OPEN_PARTITION.to_string()))
            .key(keys::SORT_KEY, AttributeValue::S(keys::open_hour(hour, site)));
        update
            .send()
            .await
            .map_err(|error| StorageError::from_sdk("UpdateItem of an open hour", error))?;
        Ok(())
    }

    /// The hours on the list from `from` up to, but not including, `to`, of all sites.
    ///
    /// **Shape**: ascending by hour, then by site.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    pub async fn open_hours(
        &self,
        from: Hour,
        to: Hour,
        consistency: Consistency,
    ) -> Result<Vec<OpenHour>, StorageError> {
        // No site stands behind the name of an hour alone, so that the bounds hold all of `from`
        // and nothing of `to`.
        let mut items = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(consistency == Consistency::Strong)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .expression_attribute_names("#sk", keys::SORT_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(keys::OPEN_PARTITION.to_string()))
            .expression_attribute_values(":from", AttributeValue::S(from.to_string()))
            .expression_attribute_values(":to", AttributeValue::S(to.to_string()))
            .into_paginator()
            .items()
            .send();
        let mut hours = Vec::new();
        while let Some(item) = items.next().await {
            let item =
                item.map_err(|error| StorageError::from_sdk("Query of the open hours", error))?;
            hours.push(read_open_hour(&item)?);
        }
        Ok(hours)
    }

    /// The first hour on the list that is not done, of any site; `None` if there is none.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    pub async fn oldest_open_hour(&self) -> Result<Option<OpenHour>, StorageError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(keys::OPEN_PARTITION.to_string()))
            .limit(OLDEST_PAGE)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            let item = item
                .map_err(|error| StorageError::from_sdk("Query of the oldest open hour", error))?;
            let open = read_open_hour(&item)?;
            if open.done_at.is_none() {
                return Ok(Some(open));
            }
        }
        Ok(None)
    }

    /// Records that the numbered shards of an hour are sealed, unless an earlier time is recorded.
    ///
    /// **Shape**: `false` if the hour is not on the list any more.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
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
    /// **Shape**: `false` if the hour is not on the list any more.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
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
            .key(keys::PARTITION_KEY, AttributeValue::S(keys::OPEN_PARTITION.to_string()))
            .key(keys::SORT_KEY, AttributeValue::S(keys::open_hour(hour, site)))
            .update_expression("SET #at = if_not_exists(#at, :now)")
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .expression_attribute_names("#at", attribute)
            .expression_attribute_values(
                ":now",
                AttributeValue::S(now.to_rfc3339_opts(SecondsFormat::Millis, true)),
            );
        met(update.send().await, "UpdateItem of an open hour")
    }

    /// Takes an hour that is done from the list.
    ///
    /// **Shape**: `false` if it is not on the list any more, or was put on it anew and is not done.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    pub async fn remove_open(&self, site: &str, hour: Hour) -> Result<bool, StorageError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.name)
            .key(keys::PARTITION_KEY, AttributeValue::S(keys::OPEN_PARTITION.to_string()))
            .key(keys::SORT_KEY, AttributeValue::S(keys::open_hour(hour, site)))
            .condition_expression("attribute_exists(#at)")
            .expression_attribute_names("#at", DONE_AT);
        met(delete.send().await, "DeleteItem of an open hour")
    }
}

/// Whether the condition of a write was met.
pub(crate) fn met<T, E>(
    answer: Result<T, SdkError<E, aws_sdk_dynamodb::config::http::HttpResponse>>,
    call: &'static str,
) -> Result<bool, StorageError>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(StorageError::from_sdk(call, error)),
    }
}

fn read_open_hour(item: &Item) -> Result<OpenHour, StorageError> {
    let sort_key = text(item, keys::SORT_KEY)?;
    let (hour, site) = sort_key
        .split_once('#')
        .and_then(|(hour, site)| Some((Hour::parse(hour)?, site)))
        .ok_or_else(|| malformed(item, "its sort key is not an hour and a site".to_string()))?;
    Ok(OpenHour {
        site: site.to_string(),
        hour,
        sealed_at: time(item, SEALED_AT)?,
        done_at: time(item, DONE_AT)?,
    })
}

fn time(item: &Item, attribute: &str) -> Result<Option<DateTime<Utc>>, StorageError> {
    if !item.contains_key(attribute) {
        return Ok(None);
    }
    let time = DateTime::parse_from_rfc3339(text(item, attribute)?)
        .map_err(|error| malformed(item, format!("{attribute} is not a time: {error}")))?;
    Ok(Some(time.with_timezone(&Utc)))
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
            let mut attributes = vec![("sk", "2026-11-20T23#shop:1")];
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
            &[("sk", "shop#2026-11-20T23")][..],
            &[("sk", "2026-11-20T23")],
            &[("sk", "2026-11-20T23#shop"), ("sealed_at", "yesterday")],
        ] {
            let sentence = read_open_hour(&item(attributes)).expect_err("malformed").to_string();
            assert!(sentence.contains(&format!("OPEN / {}", attributes[0].1)), "{sentence}");
        }
    }

    #[test]
    fn the_bounds_of_a_query_hold_the_hours_of_a_half_open_range() {
        let hour = |name: &str| Hour::parse(name).expect("an hour");
        let (from, to) = (hour("2026-11-20T22").to_string(), hour("2026-11-21T00").to_string());
        for (name, inside) in [
            ("2026-11-20T21", false),
            ("2026-11-20T22", true),
            ("2026-11-20T23", true),
            ("2026-11-21T00", false),
        ] {
            for site in ["-", "shop", "~"] {
                let key = keys::open_hour(hour(name), site);
                assert_eq!((from.as_str()..=to.as_str()).contains(&key.as_str()), inside, "{key}");
            }
        }
    }
}
