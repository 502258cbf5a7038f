//! The function `live`: who may connect, and what viewers ask.

use lambda_http::http::StatusCode;
use minutebook_storage::api_keys::{ApiKeys, Role};
use minutebook_storage::connections::{Connection, Connections};
use minutebook_storage::error::StorageError;
use minutebook_storage::order::recent::OrderSource;
use minutebook_storage::reader::source::RowSource;
use minutebook_storage::site::settings::SettingsSource;
use minutebook_storage::visitors::VisitorStateSource;

use crate::access::{AccessControl, Needs};
use crate::backend::Backend;
use crate::sockets::client::Sockets;
use crate::sockets::event::{EventType, SocketAnswer, SocketEvent};
use crate::sockets::message::{Times, message, refusal};
use crate::sockets::question::Question;

/// How many viewers a site may have at once: as many are sent a message within the three seconds of
/// a push. Further ones are refused, and can ask like everybody else.
pub const VIEWERS_MAX: usize = 1_000;

/// The sentence before a socket is closed that has sent something else.
const JUNK: &str = "expected {\"action\":\"get\"} or {\"action\":\"ping\"}";

/// The sentence before a socket is closed whose key is not valid any more.
pub(crate) const NO_LONGER: &str = "the key or token is not valid any more; connect with another";

/// What `live` and `push` work with. `R` holds the rows, `C` the connections and the keys.
#[derive(Debug)]
pub struct Viewers<R, C, S> {
    /// What questions are answered from.
    pub backend: Backend<R>,
    /// Who may see what.
    pub access: AccessControl<C>,
    /// Where connections are listed.
    pub connections: C,
    /// The open sockets.
    pub sockets: S,
}

impl<R, C, S> Viewers<R, C, S>
where
    R: RowSource + OrderSource + SettingsSource + VisitorStateSource,
    C: ApiKeys + SettingsSource + Connections,
    S: Sockets,
{
    /// Answers an event of a socket. Who may not connect is refused with the status that the same
    /// question gets as a call; where the table fails, it is 503.
    pub async fn handle(&self, event: &SocketEvent) -> SocketAnswer {
        let id = event.request_context.connection_id.as_str();
        let status = match event.request_context.event_type {
            EventType::Connect => self.connect(id, event).await,
            EventType::Disconnect => status_of(self.disconnect(id).await),
            EventType::Message if event.is_get() => status_of(self.get(id).await),
            EventType::Message => {
                self.refuse(id, JUNK).await;
                status_of(self.disconnect(id).await)
            }
        };
        SocketAnswer { status_code: status.as_u16() }
    }

    async fn connect(&self, id: &str, event: &SocketEvent) -> StatusCode {
        let now = self.backend.clock.now();
        let Some(request) = event.question() else { return StatusCode::BAD_REQUEST };
        let pass = match self.access.pass(&request).await {
            Ok(pass) => pass,
            Err(response) => return response.status(),
        };
        let admitted = match self.access.admit(Needs::Role(Role::Read), request).await {
            Ok(admitted) => admitted,
            Err(response) => return response.status(),
        };
        let query = admitted.request.uri().query().unwrap_or_default();
        let question = match Question::parse(query, now) {
            Ok(question) => question,
            Err(sentence) => {
                tracing::info!(sentence, "a socket was refused");
                return StatusCode::BAD_REQUEST;
            }
        };
        let connection = Connection {
            id: id.to_string(),
            site: question.site,
            question: question.query,
            connected_at: now,
            key: pass.key,
            expires_at: pass.expires_at,
        };
        let added = async {
            let viewers = self.connections.connections(Some(&connection.site), now).await?;
            if viewers.len() >= VIEWERS_MAX {
                return Ok(StatusCode::TOO_MANY_REQUESTS);
            }
            self.connections.add(&connection).await?;
            Ok(StatusCode::OK)
        };
        added.await.unwrap_or_else(|error| status_of(Err(error)))
    }

    async fn disconnect(&self, id: &str) -> Result<(), StorageError> {
        let listed = self.connections.connection(id).await?;
        self.connections.remove(listed.as_slice()).await
    }

    /// Sends the answer as it is now.
    async fn get(&self, id: &str) -> Result<(), StorageError> {
        let Some(connection) = self.connections.connection(id).await? else {
            // It was removed, as that of a key that is not valid any more.
            self.sockets.close(id).await;
            return Ok(());
        };
        if !self.access.still_admits(&connection).await? {
            self.refuse(id, NO_LONGER).await;
            return self.connections.remove(&[connection]).await;
        }
        let times = Times { committed_at: None, computed_at: self.backend.clock.now() };
        let question = Question { site: connection.site, query: connection.question };
        let answer = question.answer(&self.backend).await;
        self.sockets.post(id, &message(&question.site, times, answer.as_deref())).await;
        Ok(())
    }

    /// Says why, and closes the socket.
    pub(crate) async fn refuse(&self, id: &str, detail: &'static str) {
        self.sockets.post(id, &refusal(detail)).await;
        self.sockets.close(id).await;
    }
}

fn status_of(done: Result<(), StorageError>) -> StatusCode {
    match done {
        Ok(()) => StatusCode::OK,
        Err(error) => {
            tracing::error!(%error, "an event of a socket was not answered");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockets::testing::{Event, World, key_text};
    use serde_json::{Value, json};

    fn status(world: &World, event: Event<'_>) -> u16 {
        world.run(world.viewers.handle(&event.read())).status_code
    }

    #[test]
    fn a_viewer_connects_asks_and_leaves() {
        let world = World::new(false);
        let connect = Event::Connect {
            id: "a=",
            query: &[("site_id", "shop"), ("limit", "3")],
            headers: &[],
        };
        assert_eq!(status(&world, connect), 200);
        let listed = world.listed();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].question, "site_id=shop&window=5m&limit=3");
        assert_eq!((listed[0].key.clone(), listed[0].expires_at), (None, None));

        world.open("a=");
        assert_eq!(status(&world, Event::Message { id: "a=", body: r#"{"action":"get"}"# }), 200);
        let sent = world.sent("a=");
        assert_eq!(sent.len(), 1);
        let message: Value = serde_json::from_str(&sent[0]).expect("JSON");
        assert_eq!(
            (&message["type"], &message["committed_at"]),
            (&json!("realtime"), &Value::Null)
        );
        assert_eq!(message["computed_at"], "2026-11-21T12:00:30.000Z");
        let answer = &message["answer"];
        assert_eq!(
            (&answer["site_id"], &answer["as_of"]),
            (&json!("shop"), &json!("2026-11-21T12:00:00Z"))
        );

        assert_eq!(status(&world, Event::Disconnect { id: "a=" }), 200);
        assert!(world.listed().is_empty());
        assert_eq!(status(&world, Event::Disconnect { id: "a=" }), 200, "it may come twice");
    }

    #[test]
    fn a_viewer_with_a_share_key_stays_until_it_or_its_key_ends() {
        let world = World::new(true);
        world.key(1, "shop", Role::Read, None);
        let expires_at = world.now() + chrono::TimeDelta::hours(1);
        let shared = world.share_key(1, "shop", expires_at);
        let query = [("site_id", "shop"), ("key", shared.as_str())];
        for id in ["a", "b"] {
            assert_eq!(status(&world, Event::Connect { id, query: &query, headers: &[] }), 200);
            world.open(id);
        }
        let listed = world.listed();
        assert!(listed.iter().all(|listed| listed.expires_at == Some(expires_at)));
        assert!(listed.iter().all(|listed| !listed.question.contains("mbs_")));
        let get = |id| Event::Message { id, body: r#"{"action":"get"}"# };
        assert_eq!(status(&world, get("a")), 200);
        assert!(world.sent("a")[0].contains("realtime") && !world.is_closed("a"));
        world.revoke(1);
        world.wait(30);
        assert_eq!(status(&world, get("b")), 200);
        assert!(world.is_closed("b"));
        assert_eq!(status(&world, Event::Connect { id: "c", query: &query, headers: &[] }), 401);
        let other = world.share_key(1, "other", expires_at);
        let query = [("site_id", "shop"), ("key", other.as_str())];
        assert_eq!(status(&world, Event::Connect { id: "d", query: &query, headers: &[] }), 401);
    }

    #[test]
    fn junk_is_answered_by_a_sentence_and_closed() {
        for body in ["", "junk", "{}", r#"{"action":"$connect"}"#, "[1]"] {
            let world = World::new(false);
            status(&world, Event::Connect { id: "a", query: &[], headers: &[] });
            world.open("a");
            assert_eq!(status(&world, Event::Message { id: "a", body }), 200);
            assert!(world.sent("a")[0].contains("expected"), "{body}");
            assert!(world.is_closed("a") && world.listed().is_empty(), "{body}");
        }
    }

    #[test]
    fn a_socket_that_is_not_listed_is_closed_when_it_asks() {
        let world = World::new(false);
        world.open("a");
        assert_eq!(status(&world, Event::Message { id: "a", body: r#"{"action":"get"}"# }), 200);
        assert!(world.is_closed("a"));
    }

    #[test]
    fn a_key_with_the_role_read_connects_to_its_site_and_no_other_does() {
        let world = World::new(true);
        world.key(1, "shop", Role::Read, None);
        world.key(2, "shop", Role::Write, None);
        world.key(3, "shop", Role::Read, Some(-1));
        world.key(4, "*", Role::Admin, Some(60));
        let cases: [(Option<u32>, &str, u16); 7] = [
            (None, "shop", 401),
            (Some(1), "shop", 200),
            (Some(1), "other", 403),
            (Some(2), "shop", 403),
            (Some(3), "shop", 401),
            (Some(4), "other", 200),
            (Some(9), "shop", 401),
        ];
        for (number, site, expected) in cases {
            let key = number.map(key_text).unwrap_or_default();
            let mut query = vec![("site_id", site)];
            query.extend(number.map(|_| ("key", key.as_str())));
            let connect = Event::Connect { id: "a", query: &query, headers: &[] };
            assert_eq!(status(&world, connect), expected, "{number:?} {site}");
        }
        // Programs may send it in a header, and need not name the site of their key.
        let bearer = format!("Bearer {}", key_text(1));
        let headers = [("Authorization", bearer.as_str())];
        assert_eq!(status(&world, Event::Connect { id: "b", query: &[], headers: &headers }), 200);
        let listed = world.listed();
        let of = |id: &str| listed.iter().find(|it| it.id == id).expect("listed");
        assert_eq!(of("b").site.as_str(), "shop");
        assert!(!of("b").question.contains("mb_") && of("b").key.is_some());
        assert_eq!(of("a").expires_at, Some(world.now() + chrono::TimeDelta::seconds(60)));
    }

    #[test]
    fn wrong_parameters_are_refused() {
        let world = World::new(false);
        for query in [&[("limit", "0")][..], &[("as_of", "2026-11-21T12:00:00Z")], &[("x", "1")]] {
            assert_eq!(status(&world, Event::Connect { id: "a", query, headers: &[] }), 400);
        }
        assert!(world.listed().is_empty());
    }

    #[test]
    fn a_revoked_key_is_told_when_it_asks_after_half_a_minute() {
        let world = World::new(true);
        world.key(1, "shop", Role::Read, None);
        let key = key_text(1);
        let query = [("key", key.as_str())];
        assert_eq!(status(&world, Event::Connect { id: "a", query: &query, headers: &[] }), 200);
        world.open("a");
        world.revoke(1);
        let ask = || status(&world, Event::Message { id: "a", body: r#"{"action":"get"}"# });
        assert_eq!(ask(), 200);
        assert!(!world.is_closed("a"), "it is remembered for half a minute");
        world.wait(30);
        assert_eq!(ask(), 200);
        assert!(world.is_closed("a") && world.listed().is_empty());
        assert!(world.sent("a").last().is_some_and(|text| text.contains("not valid any more")));
    }

    #[test]
    fn a_site_has_so_many_viewers_and_no_more() {
        let world = World::new(false);
        for number in 0..VIEWERS_MAX {
            world.list(&number.to_string(), "shop", "", 60);
        }
        let connect =
            |site| Event::Connect { id: "a", query: &[("site_id", site)], headers: &[] }.read();
        assert_eq!(world.run(world.viewers.handle(&connect("shop"))).status_code, 429);
        assert_eq!(world.run(world.viewers.handle(&connect("other"))).status_code, 200);
    }

    #[test]
    fn a_table_that_is_away_is_503() {
        let world = World::new(false);
        world.set_away(true);
        assert_eq!(status(&world, Event::Connect { id: "a", query: &[], headers: &[] }), 503);
        assert_eq!(status(&world, Event::Disconnect { id: "a" }), 503);
    }
}
