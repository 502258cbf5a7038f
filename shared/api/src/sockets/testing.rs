//! Viewers of a deployment in memory, whose clock the test sets.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use minutebook_domain::event::settings::SettingsRevision;
use minutebook_domain::event::site::SiteId;
use minutebook_domain::time::Hour;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::AccessConfig;
use minutebook_storage::api_keys::share_key::ShareKey;
use minutebook_storage::api_keys::{ApiKey, ApiKeys, KeyHash, Role, ShareSecret};
use minutebook_storage::connections::{Connection, Connections};
use minutebook_storage::error::StorageError;
use minutebook_storage::order::recent::{OrderSource, RecentOrder, RecentQuestion};
use minutebook_storage::reader::source::{Page, RowRange, RowSource};
use minutebook_storage::site::settings::{Revision, SettingsSource};
use minutebook_storage::table::{Consistency, Item};
use minutebook_storage::visitors::{VisitorState, VisitorStateSource};
use serde_json::{Value, json};

use crate::access::AccessControl;
use crate::backend::Backend;
use crate::sockets::client::{Posted, Sockets};
use crate::sockets::event::SocketEvent;
use crate::sockets::live::Viewers;

const NOW: &str = "2026-11-21T12:00:30Z";

/// A table in which nothing is counted.
#[derive(Debug)]
pub(super) struct NoRows;

impl RowSource for NoRows {
    async fn page(&self, _: &RowRange, _: Option<Item>) -> Result<Page, StorageError> {
        Ok(Page::default())
    }

    async fn open_hours(&self, _: &str, _: Hour, _: Hour) -> Result<Vec<Hour>, StorageError> {
        Ok(vec![])
    }
}

impl OrderSource for NoRows {
    async fn recent_orders(
        &self,
        _: &RecentQuestion<'_>,
    ) -> Result<Vec<RecentOrder>, StorageError> {
        Ok(vec![])
    }
}

impl SettingsSource for NoRows {
    async fn revisions_after(
        &self,
        _: SettingsRevision,
        _: Consistency,
    ) -> Result<Vec<Revision>, StorageError> {
        Ok(vec![])
    }
}

impl VisitorStateSource for NoRows {
    async fn visitor_state(&self) -> Result<Option<VisitorState>, StorageError> {
        Ok(None)
    }
}

#[derive(Debug, Default)]
struct State {
    keys: BTreeMap<KeyHash, ApiKey>,
    connections: BTreeMap<String, Connection>,
    lists: usize,
    is_away: bool,
}

/// The keys and the connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<State>>);

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics")
    }

    fn there(&self, call: &'static str) -> Result<MutexGuard<'_, State>, StorageError> {
        let state = self.state();
        match state.is_away {
            true => Err(StorageError::Unavailable { call, reason: "it is away".to_string() }),
            false => Ok(state),
        }
    }
}

impl ApiKeys for Memory {
    async fn api_key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StorageError> {
        Ok(self.there("GetItem")?.keys.get(hash).cloned())
    }
}

impl SettingsSource for Memory {
    async fn revisions_after(
        &self,
        _: SettingsRevision,
        _: Consistency,
    ) -> Result<Vec<Revision>, StorageError> {
        Ok(vec![])
    }
}

impl Connections for Memory {
    async fn add(&self, connection: &Connection) -> Result<(), StorageError> {
        let mut state = self.there("BatchWriteItem")?;
        state.connections.insert(connection.id.clone(), connection.clone());
        Ok(())
    }

    async fn connection(&self, id: &str) -> Result<Option<Connection>, StorageError> {
        Ok(self.there("GetItem")?.connections.get(id).cloned())
    }

    async fn remove(&self, connections: &[Connection]) -> Result<(), StorageError> {
        let mut state = self.there("BatchWriteItem")?;
        for connection in connections {
            state.connections.remove(&connection.id);
        }
        Ok(())
    }

    async fn connections(
        &self,
        site: Option<&SiteId>,
        _: DateTime<Utc>,
    ) -> Result<Vec<Connection>, StorageError> {
        let mut state = self.there("Query")?;
        state.lists += 1;
        let is_of_site = |it: &&Connection| site.is_none_or(|site| it.site == *site);
        Ok(state.connections.values().filter(is_of_site).cloned().collect())
    }
}

/// Sockets in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct FakeSockets(Arc<Mutex<BTreeMap<String, Socket>>>);

#[derive(Debug, Default)]
struct Socket {
    sent: Vec<String>,
    is_closed: bool,
    delay: Duration,
}

impl Sockets for FakeSockets {
    async fn post(&self, id: &str, text: &str) -> Posted {
        let delay = self.0.lock().expect("no test panics").get(id).map(|socket| socket.delay);
        tokio::time::sleep(delay.unwrap_or_default()).await;
        let mut sockets = self.0.lock().expect("no test panics");
        match sockets.get_mut(id).filter(|socket| !socket.is_closed) {
            Some(socket) => {
                socket.sent.push(text.to_string());
                Posted::Sent
            }
            None => Posted::Gone,
        }
    }

    async fn close(&self, id: &str) {
        if let Some(socket) = self.0.lock().expect("no test panics").get_mut(id) {
            socket.is_closed = true;
        }
    }
}

/// A deployment and its viewers.
pub(super) struct World {
    memory: Memory,
    sockets: FakeSockets,
    now: Arc<Mutex<DateTime<Utc>>>,
    pub(super) viewers: Viewers<NoRows, Memory, FakeSockets>,
}

impl World {
    pub(super) fn new(requires_read_keys: bool) -> World {
        let start: DateTime<Utc> = NOW.parse().expect("a time");
        let now = Arc::new(Mutex::new(start));
        let clock = {
            let now = now.clone();
            Clock::new(move || *now.lock().expect("no test panics"))
        };
        let (memory, sockets) = (Memory::default(), FakeSockets::default());
        let config = AccessConfig {
            requires_read_keys,
            requires_write_keys: true,
            allowed_origins: vec![],
            jwt: None,
        };
        let mut backend = Backend::of_test(NoRows, start);
        backend.clock = clock.clone();
        let access = AccessControl::new(config, memory.clone(), backend.settings.clone(), clock);
        let (connections, open) = (memory.clone(), sockets.clone());
        let viewers = Viewers { backend, access, connections, sockets: open };
        World { memory, sockets, now, viewers }
    }

    pub(super) fn run<F: Future>(&self, future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(future)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        *self.now.lock().expect("no test panics")
    }

    pub(super) fn wait(&self, seconds: i64) {
        *self.now.lock().expect("no test panics") += TimeDelta::seconds(seconds);
    }

    pub(super) fn set_away(&self, is_away: bool) {
        self.memory.state().is_away = is_away;
    }

    /// How often connections were listed.
    pub(super) fn lists(&self) -> usize {
        self.memory.state().lists
    }

    pub(super) fn key(&self, number: u32, site: &str, role: Role, expires_in: Option<i64>) {
        let expires_at = expires_in.map(|seconds| self.now() + TimeDelta::seconds(seconds));
        let key = ApiKey {
            site: SiteId::parse(site),
            roles: BTreeSet::from([role]),
            expires_at,
            share_secret: ShareSecret::parse(&format!("{number:064x}")),
        };
        let hash = KeyHash::of(&key_text(number)).expect("a key");
        self.memory.state().keys.insert(hash, key);
    }

    /// A share key of the key with this number.
    pub(super) fn share_key(&self, number: u32, site: &str, expires_at: DateTime<Utc>) -> String {
        let secret = ShareSecret::parse(&format!("{number:064x}")).expect("a secret");
        let (site, parent) = (SiteId::parse(site), KeyHash::of(&key_text(number)));
        let (site, parent) = (site.expect("a site"), parent.expect("a key"));
        ShareKey::new(site, expires_at, parent, &secret).to_string()
    }

    pub(super) fn revoke(&self, number: u32) {
        let hash = KeyHash::of(&key_text(number)).expect("a key");
        self.memory.state().keys.remove(&hash);
    }

    /// Lists a connection that was made so many seconds ago.
    pub(super) fn list(&self, id: &str, site: &str, question: &str, seconds: i64) {
        self.put(id, site, question, seconds, (None, None));
    }

    pub(super) fn list_with(
        &self,
        id: &str,
        site: &str,
        question: &str,
        key: Option<KeyHash>,
        expires_at: Option<DateTime<Utc>>,
    ) {
        self.put(id, site, question, 60, (key, expires_at));
    }

    fn put(
        &self,
        id: &str,
        site: &str,
        question: &str,
        seconds: i64,
        (key, expires_at): (Option<KeyHash>, Option<DateTime<Utc>>),
    ) {
        let connection = Connection {
            id: id.to_string(),
            site: SiteId::parse(site).expect("a site"),
            question: question.to_string(),
            connected_at: self.now() - TimeDelta::seconds(seconds),
            key,
            expires_at,
        };
        self.memory.state().connections.insert(id.to_string(), connection);
    }

    pub(super) fn listed(&self) -> Vec<Connection> {
        self.memory.state().connections.values().cloned().collect()
    }

    pub(super) fn open(&self, id: &str) {
        self.sockets.0.lock().expect("no test panics").insert(id.to_string(), Socket::default());
    }

    pub(super) fn delay(&self, id: &str, delay: Duration) {
        let mut sockets = self.sockets.0.lock().expect("no test panics");
        sockets.entry(id.to_string()).or_default().delay = delay;
    }

    pub(super) fn sent(&self, id: &str) -> Vec<String> {
        let sockets = self.sockets.0.lock().expect("no test panics");
        sockets.get(id).map(|socket| socket.sent.clone()).unwrap_or_default()
    }

    pub(super) fn is_closed(&self, id: &str) -> bool {
        let sockets = self.sockets.0.lock().expect("no test panics");
        sockets.get(id).is_some_and(|socket| socket.is_closed)
    }
}

/// A key by its number.
pub(super) fn key_text(number: u32) -> String {
    format!("mb_{number:064x}")
}

/// A batch of the stream with one entry of these sites.
pub(super) fn changed(sites: &[&str], committed_at: &str) -> Value {
    json!({"Records": [{"eventName": "INSERT", "dynamodb": {"NewImage": {
        "committed_at": {"S": committed_at}, "sites": {"SS": sites},
    }}}]})
}

/// An event of a socket, as API Gateway writes it.
#[derive(Clone, Copy)]
pub(super) enum Event<'a> {
    Connect { id: &'a str, query: &'a [(&'a str, &'a str)], headers: &'a [(&'a str, &'a str)] },
    Disconnect { id: &'a str },
    Message { id: &'a str, body: &'a str },
}

impl Event<'_> {
    pub(super) fn read(self) -> SocketEvent {
        let context = |kind: &str, id: &str| json!({"eventType": kind, "connectionId": id});
        let event = match self {
            Event::Connect { id, query, headers } => {
                let mut parameters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                for (name, value) in query {
                    parameters.entry(name).or_default().push(value);
                }
                let headers: BTreeMap<_, _> = headers.iter().copied().collect();
                json!({
                    "requestContext": context("CONNECT", id), "headers": headers,
                    "multiValueQueryStringParameters": parameters, "isBase64Encoded": false,
                })
            }
            Event::Disconnect { id } => json!({"requestContext": context("DISCONNECT", id)}),
            Event::Message { id, body } => {
                json!({"requestContext": context("MESSAGE", id), "body": body})
            }
        };
        serde_json::from_value(event).expect("an event")
    }
}
