//! The sealing lag: how far `rollup` is behind, as its last run recorded it. Reading it takes one
//! row, however many hours are open.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use minutebook_domain::time::Hour;

use crate::error::StorageError;
use crate::keys::{LAG_PARTITION, SEALING_LAG};
use crate::table::{Consistency, Item, Table, key, malformed, number, rows, text, time};

const AT: &str = "at";
const HOURS_WAITING: &str = "hours_waiting";
const CATCH_UP_SECONDS: &str = "catch_up_seconds";
const OLDEST_OPEN_HOUR: &str = "oldest_open_hour";

/// How far sealing was behind when a run of `rollup` ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SealingLag {
    /// When the run ended.
    pub at: DateTime<Utc>,
    /// The closed hours of all sites that were not rolled up.
    pub hours_waiting: u64,
    /// The oldest hour of any site that was not rolled up, closed or not; `None` if there was none.
    pub oldest_open_hour: Option<Hour>,
    /// How long the hours that the run had no time for take at its rate, in seconds; 0 if it had
    /// time for all.
    pub catch_up_seconds: u64,
}

impl Table {
    /// Records the lag of sealing, in place of the last one.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn put_sealing_lag(&self, lag: &SealingLag) -> Result<(), StorageError> {
        let put = self.client.put_item().table_name(&self.name).set_item(Some(lag_item(lag)));
        let put = put.send().await;
        put.map_err(|error| StorageError::from_sdk("PutItem of the sealing lag", error))?;
        Ok(())
    }

    /// The lag of sealing; `None` if `rollup` has never run.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn sealing_lag(&self) -> Result<Option<SealingLag>, StorageError> {
        let query = self.query(LAG_PARTITION.to_string(), Consistency::Eventual);
        let mut rows = rows(query, "Query of the sealing lag");
        rows.try_next().await?.as_ref().map(read_lag).transpose()
    }
}

fn lag_item(lag: &SealingLag) -> Item {
    let mut item = key(LAG_PARTITION.to_string(), SEALING_LAG.to_string());
    let at = lag.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    item.insert(AT.to_string(), AttributeValue::S(at));
    for (name, count) in
        [(HOURS_WAITING, lag.hours_waiting), (CATCH_UP_SECONDS, lag.catch_up_seconds)]
    {
        item.insert(name.to_string(), AttributeValue::N(count.to_string()));
    }
    if let Some(hour) = lag.oldest_open_hour {
        item.insert(OLDEST_OPEN_HOUR.to_string(), AttributeValue::S(hour.to_string()));
    }
    item
}

fn read_lag(item: &Item) -> Result<SealingLag, StorageError> {
    let oldest_open_hour = match item.contains_key(OLDEST_OPEN_HOUR) {
        false => None,
        true => {
            let name = text(item, OLDEST_OPEN_HOUR)?;
            let hour = Hour::parse(name).ok_or_else(|| {
                malformed(item, format!("{OLDEST_OPEN_HOUR} is {name}, not an hour"))
            })?;
            Some(hour)
        }
    };
    Ok(SealingLag {
        at: time(item, AT)?,
        hours_waiting: number(item, HOURS_WAITING)?,
        oldest_open_hour,
        catch_up_seconds: number(item, CATCH_UP_SECONDS)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lag(oldest: Option<&str>) -> SealingLag {
        SealingLag {
            at: "2026-11-21T00:12:00.250Z".parse().expect("a time"),
            hours_waiting: 10_000,
            oldest_open_hour: oldest.map(|name| Hour::parse(name).expect("an hour")),
            catch_up_seconds: 61,
        }
    }

    #[test]
    fn a_lag_is_written_as_the_table_page_says_and_read_back() {
        for (lag, attributes) in [(lag(Some("2026-11-20T23")), 6), (lag(None), 5)] {
            let item = lag_item(&lag);
            assert_eq!(item.len(), attributes);
            assert_eq!(read_lag(&item).expect("ours"), lag);
        }
        let item = lag_item(&lag(Some("2026-11-20T23")));
        for (name, value) in [
            ("pk", AttributeValue::S("LAG".to_string())),
            ("sk", AttributeValue::S("sealing".to_string())),
            ("at", AttributeValue::S("2026-11-21T00:12:00.250Z".to_string())),
            ("hours_waiting", AttributeValue::N("10000".to_string())),
            ("oldest_open_hour", AttributeValue::S("2026-11-20T23".to_string())),
            ("catch_up_seconds", AttributeValue::N("61".to_string())),
        ] {
            assert_eq!(item.get(name), Some(&value), "{name}");
        }
    }

    #[test]
    fn a_malformed_row_is_an_error_that_names_it() {
        for (name, value) in
            [("at", "today"), ("hours_waiting", "many"), ("oldest_open_hour", "2026-11-20")]
        {
            let mut item = lag_item(&lag(None));
            item.insert(name.to_string(), AttributeValue::S(value.to_string()));
            let sentence = read_lag(&item).expect_err("malformed").to_string();
            assert!(sentence.contains("LAG / sealing") && sentence.contains(name), "{sentence}");
        }
    }
}
