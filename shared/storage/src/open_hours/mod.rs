//! The open hours: the list of hours that have rows in numbered shards and are not rolled up yet.
//! Readers and sealing rely on it: an hour is listed before its first row is written, until the
//! rows above hold all of it.
//!
//! The list has 16 partitions, by site, so that no partition takes the writes of all sites. Builds
//! before have a single one. An hour may be listed twice during an update, because both builds
//! counted events of it. Each of the two rows then takes all steps by itself, as if by a second
//! sealer. So the hour is listed until it is done, whichever row is removed first.

pub mod lag;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use futures::future::{try_join, try_join_all};
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
    /// Its sort key in the single partition of builds before; `None` if it is in that of its site.
    pub key_in_single_partition: Option<String>,
}

/// The changes that [`Table::record`] takes.
pub const OPEN_HOURS_AT_ONCE: usize = BATCH_WRITES_MAX;

/// What becomes of a listed hour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OpenHourChange {
    /// It is listed with these times.
    Update(OpenHour),
    /// It is no longer listed.
    Remove(OpenHour),
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
            .set_key(Some(key(keys::open_partition(site), keys::open_hour(site, hour))));
        update
            .send()
            .await
            .map_err(|error| StorageError::from_sdk("UpdateItem of an open hour", error))?;
        Ok(())
    }

    /// The listed hours of a site from `from` up to, but not including, `to`, ascending.
    ///
    /// **Units and range**: it reads nothing of other sites, however many there are, except what
    /// builds before have listed. That is nothing any more a few hours after an update.
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
        let of_site = self.query_between(keys::open_partition(site), bounds, Consistency::Strong);
        let single = self.query(keys::SINGLE_OPEN_PARTITION.to_string(), Consistency::Strong);
        let (of_site, single) = try_join(read_open_hours(of_site), read_open_hours(single)).await?;
        let listed = of_site.into_iter().chain(single).filter(|open| open.site == site);
        // The bounds of a query belong to it, and the single partition is read without.
        let hours = listed.map(|open| open.hour).filter(|hour| (from..to).contains(hour));
        Ok(hours.collect::<BTreeSet<Hour>>().into_iter().collect())
    }

    /// The listed hours of all sites.
    ///
    /// **Shape**: partition by partition. During an update an hour may be there twice.
    ///
    /// **Units and range**: about 70 bytes an hour, so a call of a megabyte reads 15,000.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn open_hours(&self) -> Result<Vec<OpenHour>, StorageError> {
        let partitions = keys::open_partitions().chain([keys::SINGLE_OPEN_PARTITION.to_string()]);
        let hours =
            partitions.map(|partition| read_open_hours(self.query(partition, Consistency::Strong)));
        Ok(try_join_all(hours).await?.into_iter().flatten().collect())
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
            OpenHourChange::Remove(open) => delete_request(open_hour_key(open)),
        });
        self.write_batch(writes.collect::<Result<_, _>>()?).await
    }
}

fn open_hour_key(open: &OpenHour) -> Item {
    match &open.key_in_single_partition {
        Some(sort_key) => key(keys::SINGLE_OPEN_PARTITION.to_string(), sort_key.clone()),
        None => key(keys::open_partition(&open.site), keys::open_hour(&open.site, open.hour)),
    }
}

fn open_hour_item(open: &OpenHour) -> Item {
    let mut item = open_hour_key(open);
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
    let is_in_single_partition = text(item, keys::PARTITION_KEY)? == keys::SINGLE_OPEN_PARTITION;
    let (first, second) = sort_key.split_once('#').unwrap_or_default();
    let (site, hour) = match (Hour::parse(first), Hour::parse(second)) {
        (_, Some(hour)) => (first, hour),
        // As 0.1.0 lists it.
        (Some(hour), None) if is_in_single_partition => (second, hour),
        _ => return Err(malformed(item, "its sort key is not a site and an hour".to_string())),
    };
    Ok(OpenHour {
        site: site.to_string(),
        hour,
        sealed_at: time_if_any(item, SEALED_AT)?,
        done_at: time_if_any(item, DONE_AT)?,
        key_in_single_partition: is_in_single_partition.then(|| sort_key.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use serde_json::json;

    fn item(partition: &str, attributes: &[(&str, &str)]) -> Item {
        let mut attributes = attributes.to_vec();
        attributes.push(("pk", partition));
        attributes
            .into_iter()
            .map(|(name, value)| (name.to_string(), AttributeValue::S(value.to_string())))
            .collect()
    }

    fn hour(name: &str) -> Hour {
        Hour::parse(name).expect("an hour")
    }

    #[test]
    fn an_open_hour_is_read_as_the_table_page_says() {
        let times =
            [("sealed_at", "2026-11-21T00:10:02.125Z"), ("done_at", "2026-11-21T00:12:00Z")];
        let of_site = keys::open_partition("shop:1");
        for (partition, sort_key) in [
            (of_site.as_str(), "shop:1#2026-11-20T23"),
            ("OPEN", "shop:1#2026-11-20T23"),
            ("OPEN", "2026-11-20T23#shop:1"),
        ] {
            for known in 0..=times.len() {
                let mut attributes = vec![("sk", sort_key)];
                attributes.extend(&times[..known]);
                let read = item(partition, &attributes);
                let time =
                    |place: usize| (place < known).then(|| times[place].1.parse().expect("a time"));
                let expected = OpenHour {
                    site: "shop:1".to_string(),
                    hour: hour("2026-11-20T23"),
                    sealed_at: time(0),
                    done_at: time(1),
                    key_in_single_partition: (partition == "OPEN").then(|| sort_key.to_string()),
                };
                assert_eq!(read_open_hour(&read).expect("well formed"), expected);
                // It is written to where it was read.
                let written = open_hour_item(&expected);
                assert_eq!(written.len(), 2 + known);
                assert_eq!((&written["pk"], &written["sk"]), (&read["pk"], &read["sk"]));
                assert_eq!(read_open_hour(&written).expect("ours"), expected);
            }
        }
    }

    #[test]
    fn a_malformed_row_is_an_error_that_names_it() {
        for (partition, attributes) in [
            ("OPEN#4", &[("sk", "2026-11-20T23#shop")][..]),
            ("OPEN#4", &[("sk", "2026-11-20T23")]),
            ("OPEN", &[("sk", "2026-11-20T23")]),
            ("OPEN#4", &[("sk", "shop#2026-11-20T23"), ("sealed_at", "yesterday")]),
        ] {
            let read = read_open_hour(&item(partition, attributes));
            let sentence = read.expect_err("malformed").to_string();
            assert!(sentence.contains(&format!("{partition} / {}", attributes[0].1)), "{sentence}");
        }
    }

    #[tokio::test]
    async fn a_site_has_the_hours_of_its_partition_and_of_the_single_one_of_builds_before() {
        let answer = |partition: &str, sort_keys: &[&str]| {
            let items =
                sort_keys.iter().map(|key| json!({"pk": {"S": partition}, "sk": {"S": key}}));
            json!({"Items": items.collect::<Vec<_>>()})
        };
        let single = [
            "2026-11-20T21#shop",
            "2026-11-20T22#other",
            "2026-11-20T22#shop",
            "2026-11-21T00#shop",
            "other#2026-11-20T22",
            "shop#2026-11-20T20",
            "shop#2026-11-20T23",
        ];
        let replay = Replay::default()
            .answer("Query", answer("OPEN#8", &["shop#2026-11-20T22", "shop#2026-11-21T00"]))
            .answer("Query", answer("OPEN", &single));
        let bounds = (hour("2026-11-20T21"), hour("2026-11-21T00"));
        let hours = replay.table().open_hours_of("shop", bounds.0, bounds.1).await.expect("read");
        assert_eq!(hours, ["2026-11-20T21", "2026-11-20T22", "2026-11-20T23"].map(hour));
        let asked: Vec<_> = replay
            .calls()
            .into_iter()
            .map(|call| (call.request["ExpressionAttributeValues"][":pk"]["S"].clone(), call))
            .collect();
        assert_eq!(asked[0].0, keys::open_partition("shop"));
        assert_eq!(asked[1].0, "OPEN");
        assert!(asked.iter().all(|(_, call)| call.request["ConsistentRead"] == true));
    }

    #[tokio::test]
    async fn the_steps_of_several_hours_are_recorded_by_one_call() {
        let at = |text: &str| Some(text.parse().expect("a time"));
        let open = |site: &str, done_at| OpenHour {
            site: site.to_string(),
            hour: hour("2026-11-20T23"),
            sealed_at: at("2026-11-21T00:10:02.125Z"),
            done_at,
            key_in_single_partition: None,
        };
        let single = "2026-11-20T23#a".to_string();
        let changes = [
            OpenHourChange::Update(open("a", None)),
            OpenHourChange::Update(open("b", at("2026-11-21T00:12:00Z"))),
            OpenHourChange::Remove(open("c", None)),
            OpenHourChange::Remove(OpenHour {
                key_in_single_partition: Some(single.clone()),
                ..open("a", None)
            }),
        ];
        let replay = Replay::default();
        replay.table().record(&changes).await.expect("recorded");
        let key = |site: &str| {
            let sort_key = format!("{site}#2026-11-20T23");
            json!({"pk": {"S": keys::open_partition(site)}, "sk": {"S": sort_key}})
        };
        let mut items = [key("a"), key("b")];
        for item in &mut items {
            item["sealed_at"] = json!({"S": "2026-11-21T00:10:02.125Z"});
        }
        items[1]["done_at"] = json!({"S": "2026-11-21T00:12:00.000Z"});
        let [first, second] = items.map(|item| json!({"PutRequest": {"Item": item}}));
        let in_single = json!({"pk": {"S": "OPEN"}, "sk": {"S": single}});
        let [third, fourth] =
            [key("c"), in_single].map(|key| json!({"DeleteRequest": {"Key": key}}));
        let expected = json!([first, second, third, fourth]);
        let calls = replay.calls();
        assert_eq!((calls.len(), &calls[0].request["RequestItems"]["table"]), (1, &expected));
    }

    #[test]
    fn the_bounds_of_a_query_hold_the_hours_of_one_site() {
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
