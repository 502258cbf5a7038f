//! The function `push`: it follows the table's stream, and sends viewers the answers that a commit
//! has changed.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use minutebook_domain::event::site::SiteId;
use minutebook_storage::api_keys::ApiKeys;
use minutebook_storage::connections::{Connection, Connections};
use minutebook_storage::error::StorageError;
use minutebook_storage::order::recent::OrderSource;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::site::settings::SettingsSource;
use minutebook_storage::visitors::VisitorStateSource;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use crate::sockets::client::{Posted, Sockets};
use crate::sockets::live::{NO_LONGER, Viewers};
use crate::sockets::message::{Times, message};
use crate::sockets::question::Question;
use crate::sockets::stream::Changes;

/// How long a push may take: newer commits wait for it.
const PUSH_TIME_MAX: Duration = Duration::from_secs(3);

/// How long an answer may take. Whoever waits for a slower one is told that it has changed.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(1_500);

/// How long the rows of closed sockets are removed after that. What is left is removed by the next
/// push, or expires.
const REMOVAL_TIME_MAX: Duration = Duration::from_secs(1);

/// How many sites are looked up, and questions answered, at once.
const QUESTIONS_AT_ONCE: usize = 8;

/// How many messages are sent at once.
const POSTS_AT_ONCE: usize = 32;

/// How old a connection without a socket is at least before it is removed: it is listed before its
/// socket is open.
const OPENING_TIME_MAX: TimeDelta = TimeDelta::seconds(10);

/// What a push did.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct PushSummary {
    /// The questions that were answered or given up.
    pub questions: usize,
    /// The viewers that were sent a message.
    pub sent: usize,
    /// Those that were not, in time or at all.
    pub failed: usize,
    /// Those that are not there any more.
    pub gone: usize,
    /// Those whose key or token is not valid any more.
    pub refused: usize,
}

/// The viewers of one question.
struct Audience {
    question: Question,
    committed_at: Option<DateTime<Utc>>,
    connections: Vec<Connection>,
}

impl<R, C, S> Viewers<R, C, S>
where
    R: RowSource + OrderSource + SettingsSource + VisitorStateSource,
    C: ApiKeys + SettingsSource + Connections,
    S: Sockets,
{
    /// Pushes what a batch of the table's stream has changed: each question is answered once,
    /// whoever asks it.
    ///
    /// **Guarantees**: an answer has everything that was committed before the call. It takes a few
    /// seconds at most and never fails, because a batch that fails keeps all newer ones waiting;
    /// who misses a message gets the next one.
    pub async fn push(&self, event: &Value) -> PushSummary {
        let deadline = Instant::now() + PUSH_TIME_MAX;
        let mut summary = PushSummary::default();
        let changes = Changes::of(event);
        if changes.is_empty() {
            return summary;
        }
        let listing = timeout_at(deadline, self.viewers_of(&changes)).await;
        let Ok(Some((admitted, mut ended))) = listing else {
            tracing::error!("the viewers were not listed");
            return summary;
        };
        summary.refused = ended.len();
        if timeout_at(deadline, self.refuse_all(&ended)).await.is_err() {
            tracing::warn!("not all sockets were closed in time");
        }
        let audiences = audiences(&changes, admitted);
        ended.extend(self.send(audiences, deadline, &mut summary).await);
        match timeout(REMOVAL_TIME_MAX, self.connections.remove(&ended)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "closed sockets are still listed"),
            Err(_) => tracing::warn!("closed sockets are still listed: the table is slow"),
        }
        summary
    }

    /// Answers each question, and sends the answers until the deadline. Returns the connections
    /// whose sockets are gone for good.
    async fn send(
        &self,
        audiences: Vec<Audience>,
        deadline: Instant,
        summary: &mut PushSummary,
    ) -> Vec<Connection> {
        summary.questions = audiences.len();
        let viewers: usize = audiences.iter().map(|it| it.connections.len()).sum();
        let messages = stream::iter(audiences)
            .map(|audience| self.messages(audience))
            .buffer_unordered(QUESTIONS_AT_ONCE)
            .flat_map(stream::iter);
        let posts = messages.map(|(text, connection)| self.post(text, connection));
        let mut posts = pin!(posts.buffer_unordered(POSTS_AT_ONCE));
        let mut gone = vec![];
        while let Ok(Some((posted, connection))) = timeout_at(deadline, posts.next()).await {
            match posted {
                Posted::Sent => summary.sent += 1,
                Posted::Gone => {
                    summary.gone += 1;
                    let now = self.backend.clock.now();
                    if now.signed_duration_since(connection.connected_at) >= OPENING_TIME_MAX {
                        gone.push(connection);
                    }
                }
                Posted::Failed => {}
            }
        }
        summary.failed = viewers - summary.sent - summary.gone;
        gone
    }

    async fn refuse_all(&self, connections: &[Connection]) {
        let ids: Vec<String> = connections.iter().map(|it| it.id.clone()).collect();
        let refusals = stream::iter(ids).for_each_concurrent(POSTS_AT_ONCE, |id| async move {
            self.refuse(&id, NO_LONGER).await;
        });
        refusals.await;
    }

    /// The viewers of the sites that have changed, by whether their keys are still valid; `None` if
    /// they cannot be listed.
    async fn viewers_of(&self, changes: &Changes) -> Option<(Vec<Connection>, Vec<Connection>)> {
        match self.connections_to(changes).await {
            Ok(listed) => Some(self.admitted(listed).await),
            Err(error) => {
                tracing::error!(%error, "the table could not be read");
                None
            }
        }
    }

    async fn connections_to(&self, changes: &Changes) -> Result<Vec<Connection>, StorageError> {
        let now = self.backend.clock.now();
        let Some(sites) = changes.sites() else {
            return self.connections.connections(None, now).await;
        };
        let sites: Vec<SiteId> = sites.into_iter().cloned().collect();
        let lists = stream::iter(sites)
            .map(|site| async move { self.connections.connections(Some(&site), now).await });
        let lists: Vec<Vec<Connection>> =
            lists.buffer_unordered(QUESTIONS_AT_ONCE).try_collect().await?;
        Ok(lists.concat())
    }

    /// The connections whose keys are still valid, and those whose keys are not. One whose key
    /// cannot be looked up is neither: it is sent nothing now.
    async fn admitted(&self, listed: Vec<Connection>) -> (Vec<Connection>, Vec<Connection>) {
        // Those with the same key are looked up once.
        let mut by_pass: BTreeMap<_, Vec<Connection>> = BTreeMap::new();
        for connection in listed {
            let Connection { key, site, expires_at, .. } = connection.clone();
            by_pass.entry((key, site, expires_at)).or_default().push(connection);
        }
        let checks = stream::iter(by_pass.into_values()).map(|group| self.check(group));
        let mut checks = pin!(checks.buffer_unordered(POSTS_AT_ONCE));
        let (mut admitted, mut ended) = (vec![], vec![]);
        while let Some((is_valid, group)) = checks.next().await {
            match is_valid {
                Some(true) => admitted.extend(group),
                Some(false) => ended.extend(group),
                None => {}
            }
        }
        (admitted, ended)
    }

    /// Whether connections with the same key are admitted; `None` if that cannot be looked up.
    async fn check(&self, group: Vec<Connection>) -> (Option<bool>, Vec<Connection>) {
        let Some(connection) = group.first() else { return (None, group) };
        let is_valid = self.access.still_admits(connection).await;
        let is_valid =
            is_valid.inspect_err(|error| tracing::error!(%error, "a key could not be looked up"));
        (is_valid.ok(), group)
    }

    /// The messages to an audience.
    async fn messages(&self, audience: Audience) -> Vec<(Arc<str>, Connection)> {
        let text: Arc<str> = self.message(&audience).await.into();
        audience.connections.into_iter().map(|connection| (text.clone(), connection)).collect()
    }

    async fn post(&self, text: Arc<str>, connection: Connection) -> (Posted, Connection) {
        (self.sockets.post(&connection.id, &text).await, connection)
    }

    async fn message(&self, audience: &Audience) -> String {
        let computed_at = self.backend.clock.now();
        let times = Times { committed_at: audience.committed_at, computed_at };
        let answering = audience.question.answer(&self.backend);
        let answer = timeout(ANSWER_TIME_MAX, answering).await.unwrap_or_else(|_| {
            tracing::warn!(site = %audience.question.site, "an answer took too long to push");
            None
        });
        message(&audience.question.site, times, answer.as_deref())
    }
}

/// The viewers by what they ask. Those of a question are in random order, so that no one is always
/// the last, for whom there is no time.
fn audiences(changes: &Changes, connections: Vec<Connection>) -> Vec<Audience> {
    let mut by_question: BTreeMap<Question, Vec<Connection>> = BTreeMap::new();
    for connection in connections {
        let (site, query) = (connection.site.clone(), connection.question.clone());
        by_question.entry(Question { site, query }).or_default().push(connection);
    }
    let audience = |(question, mut connections): (Question, Vec<Connection>)| {
        fastrand::shuffle(&mut connections);
        let committed_at = changes.newest(&question.site);
        Audience { question, committed_at, connections }
    };
    let mut audiences: Vec<Audience> = by_question.into_iter().map(audience).collect();
    fastrand::shuffle(&mut audiences);
    audiences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockets::testing::{World, changed, key_text};
    use minutebook_storage::api_keys::{KeyHash, Role};
    use serde_json::json;

    fn pushed(world: &World, event: &Value) -> PushSummary {
        world.run(world.viewers.push(event))
    }

    #[test]
    fn each_question_is_answered_once_whoever_asks_it() {
        let world = World::new(false);
        for (id, site, question, is_open) in [
            ("a", "shop", "site_id=shop&limit=3", true),
            ("b", "shop", "site_id=shop&limit=3", true),
            ("c", "shop", "site_id=shop&window=9m", true),
            ("d", "other", "site_id=other", true),
        ] {
            world.list(id, site, question, 60);
            if is_open {
                world.open(id);
            }
        }
        let summary = pushed(&world, &changed(&["shop", "nobody"], "2026-11-21T12:00:29Z"));
        let expected = PushSummary { questions: 2, sent: 3, ..PushSummary::default() };
        assert_eq!(summary, expected);
        let sent: Value = serde_json::from_str(&world.sent("a")[0]).expect("JSON");
        assert_eq!((&sent["type"], &sent["site_id"]), (&json!("realtime"), &json!("shop")));
        assert_eq!(sent["committed_at"], "2026-11-21T12:00:29.000Z");
        assert_eq!(world.sent("a"), world.sent("b"));
        assert_ne!(world.sent("a"), world.sent("c"));
        assert!(world.sent("d").is_empty());
        // An entry that has no room for its sites may be about any.
        let summary = pushed(&world, &changed(&["*"], "2026-11-21T12:00:29Z"));
        assert_eq!((summary.questions, summary.sent), (3, 4));
    }

    #[test]
    fn closed_sockets_are_removed_but_not_those_that_may_open_yet() {
        let world = World::new(false);
        for (id, seconds) in [("old", 10), ("new", 9)] {
            world.list(id, "shop", "site_id=shop", seconds);
        }
        let summary = pushed(&world, &changed(&["shop"], "2026-11-21T12:00:29Z"));
        assert_eq!((summary.sent, summary.gone), (0, 2));
        let left: Vec<String> = world.listed().into_iter().map(|it| it.id).collect();
        assert_eq!(left, ["new"]);
    }

    #[test]
    fn nothing_is_read_when_nothing_of_a_site_has_changed() {
        let world = World::new(false);
        world.set_away(true);
        for event in [json!({"Records": []}), json!({"Records": [{"dynamodb": {}}]}), json!(7)] {
            assert_eq!(pushed(&world, &event), PushSummary::default());
        }
        assert_eq!(world.lists(), 0);
    }

    #[test]
    fn a_table_that_is_away_fails_no_push() {
        let world = World::new(false);
        world.list("a", "shop", "site_id=shop", 60);
        world.open("a");
        world.set_away(true);
        let event = changed(&["shop"], "2026-11-21T12:00:29Z");
        assert_eq!(pushed(&world, &event), PushSummary::default());
        world.set_away(false);
        assert_eq!(pushed(&world, &event).sent, 1);
    }

    #[test]
    fn whose_answer_fails_is_told_that_it_has_changed() {
        let world = World::new(false);
        world.list("a", "shop", "site_id=shop&limit=many", 60);
        world.open("a");
        assert_eq!(pushed(&world, &changed(&["shop"], "2026-11-21T12:00:29Z")).sent, 1);
        let sent: Value = serde_json::from_str(&world.sent("a")[0]).expect("JSON");
        assert_eq!((&sent["type"], &sent["answer"]), (&json!("changed"), &Value::Null));
    }

    #[test]
    fn whose_key_has_ended_gets_no_more() {
        let world = World::new(true);
        world.key(1, "shop", Role::Read, None);
        world.key(2, "shop", Role::Read, None);
        for (id, number) in [("a", 1), ("b", 2)] {
            world.open(id);
            world.list_with(id, "shop", "site_id=shop", KeyHash::of(&key_text(number)), None);
        }
        world.open("token");
        let ends = world.now() + TimeDelta::seconds(5);
        world.list_with("token", "shop", "site_id=shop", None, Some(ends));
        world.open("none");
        world.list_with("none", "shop", "site_id=shop", None, None);
        let event = changed(&["shop"], "2026-11-21T12:00:29Z");
        // The last connected before keys were required.
        let summary = pushed(&world, &event);
        assert_eq!((summary.sent, summary.refused), (3, 1));
        assert!(world.is_closed("none"));
        world.revoke(2);
        world.wait(30);
        let summary = pushed(&world, &event);
        assert_eq!((summary.sent, summary.refused), (1, 2));
        assert!(world.is_closed("b") && world.is_closed("token") && !world.is_closed("a"));
        assert_eq!(world.listed().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_sockets_take_no_longer_than_three_seconds_and_the_others_are_served() {
        let world = World::new(false);
        for number in 0..100 {
            let id = number.to_string();
            world.list(&id, "shop", "site_id=shop", 60);
            world.open(&id);
            if number % 2 == 0 {
                world.delay(&id, Duration::from_secs(60));
            }
        }
        let begun = Instant::now();
        let event = changed(&["shop"], "2026-11-21T12:00:29Z");
        let summary = world.viewers.push(&event).await;
        assert!(begun.elapsed() <= PUSH_TIME_MAX + REMOVAL_TIME_MAX, "{:?}", begun.elapsed());
        assert_eq!(summary.sent + summary.failed, 100);
        assert!(summary.failed >= 50, "{summary:?}");
    }
}
