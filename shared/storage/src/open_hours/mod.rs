//! The open hours: the list of hours that have rows in numbered shards and are not rolled up yet.
//! Readers and sealing rely on it: an hour is listed before its first row is written, until the
//! rows above hold all of it.

pub mod lag;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use minutebook_domain::time::Hour;

use crate::error::StorageError;
use crate::keys;
use crate::table::{
    BATCH_WRITES_MAX, Consistency, Item, Table, delete_request, key, malformed, put_request, rows,
    text, time_if_any,
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

/// The changes that [`Table::record`] takes.
pub const OPEN_HOURS_AT_ONCE: usize = BATCH_WRITES_MAX;

/// What becomes of a listed hour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OpenHourChange {
    /// It is listed with these times.
    Update(OpenHour),
    /// It is no longer listed.
    Remove {
        /// The site.
        site: String,
        /// The hour.
        hour: Hour,
    },
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

    /// The listed hours of all sites.
    ///
    /// **Shape**: ascending by site, then by hour.
    ///
    /// **Units and range**: about 70 bytes an hour, so a call of a megabyte reads 15,000.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn open_hours(&self) -> Result<Vec<OpenHour>, StorageError> {
        read_open_hours(self.query(keys::OPEN_PARTITION.to_string(), Consistency::Strong)).await
    }

    /// Records how far sealing has come with up to [`OPEN_HOURS_AT_ONCE`] different hours, by one
    /// call.
    ///
    /// **Guarantees**: idempotent. There is no condition: the caller has read the hours within the
    /// last settle time, in which no other sealer can have taken more than the same step.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. Some of them may be recorded
    /// nevertheless.
    pub async fn record(&self, changes: &[OpenHourChange]) -> Result<(), StorageError> {
        let writes = changes.iter().map(|change| match change {
            OpenHourChange::Update(open) => put_request(open_hour_item(open)),
            OpenHourChange::Remove { site, hour } => delete_request(open_hour_key(site, *hour)),
        });
        self.write_batch(writes.collect::<Result<_, _>>()?).await
    }
}

fn open_hour_key(site: &str, hour: Hour) -> Item {
    key(keys::OPEN_PARTITION.to_string(), keys::open_hour(site, hour))
}

fn open_hour_item(open: &OpenHour) -> Item {
    let mut item = open_hour_key(&open.site, open.hour);
    for (name, time) in [(SEALED_AT, open.sealed_at), (DONE_AT, open.done_at)] {
        if let Some(time) = time {
            let time = time.to_rfc3339_opts(SecondsFormat::Millis, true);
            item.insert(name.to_string(), AttributeValue::S(time));
        }
    }
    item
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
    use crate::replay::Replay;
    use serde_json::json;

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
            let written = open_hour_item(&expected);
            assert_eq!((written.len(), read_open_hour(&written).expect("ours")), (2 + known, read));
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

    #[tokio::test]
    async fn the_steps_of_several_hours_are_recorded_by_one_call() {
        let at = |text: &str| Some(text.parse().expect("a time"));
        let hour = Hour::parse("2026-11-20T23").expect("an hour");
        let open = |site: &str, done_at| OpenHour {
            site: site.to_string(),
            hour,
            sealed_at: at("2026-11-21T00:10:02.125Z"),
            done_at,
        };
        let changes = [
            OpenHourChange::Update(open("a", None)),
            OpenHourChange::Update(open("b", at("2026-11-21T00:12:00Z"))),
            OpenHourChange::Remove { site: "c".to_string(), hour },
        ];
        let replay = Replay::default();
        replay.table().record(&changes).await.expect("recorded");
        let key =
            |site: &str| json!({"pk": {"S": "OPEN"}, "sk": {"S": format!("{site}#2026-11-20T23")}});
        let mut items = [key("a"), key("b")];
        for item in &mut items {
            item["sealed_at"] = json!({"S": "2026-11-21T00:10:02.125Z"});
        }
        items[1]["done_at"] = json!({"S": "2026-11-21T00:12:00.000Z"});
        let [first, second] = items.map(|item| json!({"PutRequest": {"Item": item}}));
        let expected = json!([first, second, {"DeleteRequest": {"Key": key("c")}}]);
        let calls = replay.calls();
        assert_eq!((calls.len(), &calls[0].request["RequestItems"]["table"]), (1, &expected));
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
