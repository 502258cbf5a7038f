//! The connections of viewers to whom new answers are pushed. Each has two rows with the same
//! attributes: one by its id, which the events of its socket name, and one by its site, whose
//! connections are listed when something of the site has changed.

use std::future::Future;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use minutebook_domain::event::site::SiteId;

use crate::api_keys::KeyHash;
use crate::error::StorageError;
use crate::keys;
use crate::table::{
    BATCH_WRITES_MAX, Consistency, Item, Table, delete_request, has_expired, key, malformed,
    put_request, rows, text, text_if_any, time, time_if_any,
};

/// How long the rows of a connection are kept: API Gateway closes a connection after two hours.
///
/// **Source**:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>
pub const CONNECTION_KEPT: TimeDelta = TimeDelta::minutes(125);

/// The attribute of what is asked.
const QUESTION: &str = "question";
/// The attribute of the time of the connection.
const CONNECTED_AT: &str = "connected_at";
/// The attribute of the hash of the key.
const KEY_HASH: &str = "key_hash";
/// The attribute of the end of a key or a token.
const EXPIRES_AT: &str = "expires_at";

/// The connection of a viewer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    /// Its id, as API Gateway has given it.
    pub id: String,
    /// The site whose numbers it shows.
    pub site: SiteId,
    /// What it asks: the query string of a question, without a key.
    pub question: String,
    /// When it was made. The socket is open some time later.
    pub connected_at: DateTime<Utc>,
    /// The key that it was made with, if any was needed.
    pub key: Option<KeyHash>,
    /// When its key or token expires, if it does.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Where connections are listed: the table, or a stand-in for it in tests.
pub trait Connections: Sync {
    /// Lists a connection, whose socket is not open yet.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn add(&self, connection: &Connection)
    -> impl Future<Output = Result<(), StorageError>> + Send;

    /// The connection with this id, by a consistent read; `None` if it is not listed.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn connection(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<Connection>, StorageError>> + Send;

    /// Removes connections, whether they are listed or not.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn remove(
        &self,
        connections: &[Connection],
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// The connections to a site, or to all sites, by consistent reads, in no order. Those whose
    /// rows have expired by `now` are left out.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn connections(
        &self,
        site: Option<&SiteId>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Connection>, StorageError>> + Send;
}

impl Connections for Table {
    async fn add(&self, connection: &Connection) -> Result<(), StorageError> {
        let puts = keys_of(connection).map(|key| put_request(row(key, connection)));
        self.write_batch(puts.into_iter().collect::<Result<_, _>>()?).await
    }

    async fn connection(&self, id: &str) -> Result<Option<Connection>, StorageError> {
        let row = key(keys::connection_partition(id), keys::CONNECTION.to_string());
        let found = self.get(row, "GetItem of a connection").await?;
        found.as_ref().map(|item| read(item, id)).transpose()
    }

    async fn remove(&self, connections: &[Connection]) -> Result<(), StorageError> {
        let deletes = connections.iter().flat_map(keys_of).map(delete_request);
        let deletes: Vec<_> = deletes.collect::<Result<_, _>>()?;
        for batch in deletes.chunks(BATCH_WRITES_MAX) {
            self.write_batch(batch.to_vec()).await?;
        }
        Ok(())
    }

    async fn connections(
        &self,
        site: Option<&SiteId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Connection>, StorageError> {
        let partitions = match site {
            Some(site) => vec![keys::live_partition(site.as_str())],
            None => keys::live_partitions().collect(),
        };
        let lists = stream::iter(partitions).map(|partition| self.listed(partition, site, now));
        let lists: Vec<Vec<Connection>> =
            lists.buffer_unordered(usize::from(keys::OPEN_PARTITIONS)).try_collect().await?;
        Ok(lists.concat())
    }
}

impl Table {
    async fn listed(
        &self,
        partition: String,
        site: Option<&SiteId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Connection>, StorageError> {
        let query = match site {
            Some(site) => {
                let prefix = keys::live_connection(site.as_str(), "");
                let bounds = keys::rows_between(&prefix, &prefix);
                self.query_between(partition, bounds, Consistency::Strong)
            }
            None => self.query(partition, Consistency::Strong),
        };
        let mut rows = rows(query, "Query of connections");
        let mut connections = Vec::new();
        while let Some(item) = rows.try_next().await? {
            if has_expired(&item, now)? {
                continue;
            }
            let (_, id) = text(&item, keys::SORT_KEY)?.split_once('#').ok_or_else(|| {
                malformed(&item, "its sort key is not a site and a connection".to_string())
            })?;
            connections.push(read(&item, id)?);
        }
        Ok(connections)
    }
}

/// The keys of the two rows of a connection.
fn keys_of(connection: &Connection) -> [Item; 2] {
    let Connection { id, site, .. } = connection;
    [
        key(keys::connection_partition(id), keys::CONNECTION.to_string()),
        key(keys::live_partition(site.as_str()), keys::live_connection(site.as_str(), id)),
    ]
}

fn row(mut item: Item, connection: &Connection) -> Item {
    let Connection { id: _, site, question, connected_at, key, expires_at } = connection;
    let rfc3339 = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let mut set = |name: &str, value: String| {
        item.insert(name.to_string(), AttributeValue::S(value));
    };
    set("site", site.to_string());
    set(QUESTION, question.clone());
    set(CONNECTED_AT, rfc3339(connected_at));
    if let Some(hash) = key {
        set(KEY_HASH, hash.as_str().to_string());
    }
    if let Some(expires_at) = expires_at {
        set(EXPIRES_AT, rfc3339(expires_at));
    }
    let kept_until = (*connected_at + CONNECTION_KEPT).timestamp();
    item.insert(keys::TIME_TO_LIVE.to_string(), AttributeValue::N(kept_until.to_string()));
    item
}

fn read(item: &Item, id: &str) -> Result<Connection, StorageError> {
    let site = text(item, "site")?;
    let site = SiteId::parse(site)
        .ok_or_else(|| malformed(item, format!("site is {site:?}, not a site")))?;
    let key = text_if_any(item, KEY_HASH)?
        .map(|digits| {
            KeyHash::of_digits(digits)
                .ok_or_else(|| malformed(item, format!("{KEY_HASH} is {digits:?}")))
        })
        .transpose()?;
    Ok(Connection {
        id: id.to_string(),
        site,
        question: text(item, QUESTION)?.to_string(),
        connected_at: time(item, CONNECTED_AT)?,
        key,
        expires_at: time_if_any(item, EXPIRES_AT)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use serde_json::{Value, json};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn connection(id: &str, key: Option<KeyHash>) -> Connection {
        Connection {
            id: id.to_string(),
            site: SiteId::parse("shop").expect("a site"),
            question: "limit=3&site_id=shop".to_string(),
            connected_at: at("2026-11-20T23:07:31.25Z"),
            expires_at: key.is_some().then(|| at("2026-12-20T00:00:00Z")),
            key,
        }
    }

    fn writes(replay: &Replay) -> Vec<Value> {
        let calls = replay.calls();
        let tables = calls.iter().map(|call| &call.request["RequestItems"]["table"]);
        tables.flat_map(|writes| writes.as_array().expect("writes").clone()).collect()
    }

    #[tokio::test]
    async fn a_connection_is_listed_by_its_id_and_by_its_site_and_read_back() {
        let hash = KeyHash::of_digits(&"0f".repeat(32));
        for listed in [connection("Zm9v=", hash), connection("Zm9v=", None)] {
            let replay = Replay::default();
            replay.table().add(&listed).await.expect("written");
            let rows: Vec<Value> =
                writes(&replay).iter().map(|write| write["PutRequest"]["Item"].clone()).collect();
            let key = |row: &Value| [row["pk"]["S"].clone(), row["sk"]["S"].clone()];
            assert_eq!(key(&rows[0]), ["C#Zm9v=", "connection"]);
            assert_eq!(key(&rows[1]), ["LIVE#8", "shop#Zm9v="]);
            let kept_until = at("2026-11-21T01:12:31Z").timestamp().to_string();
            assert!(rows.iter().all(|row| row["ttl"]["N"] == kept_until), "{rows:?}");

            let replay = Replay::default()
                .answer("GetItem", json!({"Item": rows[0]}))
                .answer("Query", json!({"Items": [rows[1]]}));
            let table = replay.table();
            assert_eq!(table.connection("Zm9v=").await.expect("read"), Some(listed.clone()));
            let now = listed.connected_at;
            let of_site = table.connections(Some(&listed.site), now).await.expect("read");
            assert_eq!(of_site, [listed]);
            let calls = replay.calls();
            assert!(calls.iter().all(|call| call.request["ConsistentRead"] == true));
            let values = &calls[1].request["ExpressionAttributeValues"];
            assert_eq!(
                (&values[":first"]["S"], &values[":last"]["S"]),
                (&json!("shop#"), &json!("shop#~"))
            );
        }
    }

    #[tokio::test]
    async fn those_to_all_sites_are_in_16_partitions_and_expired_ones_are_left_out() {
        let row = |id: &str, ttl: i64| {
            json!({
                "pk": {"S": "LIVE#8"}, "sk": {"S": format!("shop#{id}")}, "site": {"S": "shop"},
                "question": {"S": ""}, "connected_at": {"S": "2026-11-20T23:07:31Z"},
                "ttl": {"N": ttl.to_string()},
            })
        };
        let now = at("2026-11-20T23:08:00Z");
        let items = json!({"Items": [row("a", now.timestamp()), row("b", now.timestamp() + 1)]});
        let replay = Replay::default().answer("Query", items);
        let listed = replay.table().connections(None, now).await.expect("read");
        assert_eq!(listed.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!(replay.calls().len(), 16);
    }

    #[tokio::test]
    async fn both_rows_of_many_are_removed_by_few_calls() {
        let replay = Replay::default();
        let gone: Vec<Connection> = (0..20).map(|id| connection(&id.to_string(), None)).collect();
        replay.table().remove(&gone).await.expect("removed");
        assert_eq!((replay.calls().len(), writes(&replay).len()), (2, 40));
        let first = &writes(&replay)[1]["DeleteRequest"]["Key"];
        assert_eq!(first, &json!({"pk": {"S": "LIVE#8"}, "sk": {"S": "shop#0"}}));
        replay.table().remove(&[]).await.expect("nothing to do");
        assert_eq!(replay.calls().len(), 2);
    }

    #[tokio::test]
    async fn a_broken_row_is_an_error_that_names_it() {
        for (attribute, value) in [("site", "a b"), ("key_hash", "mb_"), ("connected_at", "now")] {
            let mut row = json!({
                "pk": {"S": "C#a"}, "sk": {"S": "connection"}, "site": {"S": "shop"},
                "question": {"S": ""}, "connected_at": {"S": "2026-11-20T23:07:31Z"},
            });
            row[attribute] = json!({"S": value});
            let replay = Replay::default().answer("GetItem", json!({"Item": row}));
            let error = replay.table().connection("a").await.expect_err("broken").to_string();
            assert!(error.contains("C#a / connection") && error.contains(attribute), "{error}");
        }
    }
}
