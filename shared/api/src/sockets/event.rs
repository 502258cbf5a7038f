//! What API Gateway tells about a socket, and what it is told.
//!
//! **Source**:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integration-requests.html>

use std::collections::BTreeMap;

use lambda_http::http::header::AUTHORIZATION;
use lambda_http::{Body, Request};
use serde::{Deserialize, Serialize};

use crate::access::HEADER;
use crate::sockets::CALL;

/// An event of a socket.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketEvent {
    /// What happened, and to which connection.
    pub request_context: RequestContext,
    /// The headers of the request to connect.
    pub headers: Option<BTreeMap<String, String>>,
    /// Its parameters, with all values.
    pub multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    /// The text of a message.
    pub body: Option<String>,
    /// Whether that is in Base64, as binary messages are, which nobody should send.
    #[serde(default)]
    pub is_base64_encoded: bool,
}

/// What happened, and to which connection.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestContext {
    /// The id of the connection.
    pub connection_id: String,
    /// What happened.
    pub event_type: EventType,
}

/// What happened to a connection. The route is not asked: a message can name any.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventType {
    /// Somebody wants to connect.
    Connect,
    /// The connection is closed.
    Disconnect,
    /// A message has come.
    Message,
}

/// The answer to an event. A connection is refused by any status but 200.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketAnswer {
    /// The HTTP status.
    pub status_code: u16,
}

/// A message of a client.
#[derive(Deserialize)]
struct ClientMessage {
    action: String,
}

impl SocketEvent {
    /// The request to connect as a question to the call that is answered, so that the same rules
    /// decide about both. `None` if it cannot be written as a URI.
    pub(crate) fn question(&self) -> Option<Request> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, values) in self.multi_value_query_string_parameters.iter().flatten() {
            for value in values {
                query.append_pair(name, value);
            }
        }
        let uri = format!("https://live{CALL}?{}", query.finish());
        let mut request = lambda_http::http::Request::get(uri);
        for (name, value) in self.headers.iter().flatten() {
            if [AUTHORIZATION.as_str(), HEADER].iter().any(|it| name.eq_ignore_ascii_case(it)) {
                request = request.header(name, value);
            }
        }
        request.body(Body::Empty).ok()
    }

    /// Whether the client asks for the answer as it is now. Everything else is junk, as far as it
    /// comes here: API Gateway itself takes pings.
    pub(crate) fn is_get(&self) -> bool {
        let text = self.body.as_deref().filter(|_| !self.is_base64_encoded);
        let message = text.and_then(|text| serde_json::from_str::<ClientMessage>(text).ok());
        message.is_some_and(|message| message.action == "get")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_to_connect_is_a_question() {
        let event = json!({
            "requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "connectionId": "a="},
            "headers": {"Host": "x", "Authorization": "Bearer k", "X-Api-Key": "l"},
            "queryStringParameters": {"site_id": "b c"},
            "multiValueQueryStringParameters": {"limit": ["3"], "site_id": ["a", "b c"]},
            "isBase64Encoded": false,
        });
        let event: SocketEvent = serde_json::from_value(event).expect("an event");
        assert_eq!(event.request_context.event_type, EventType::Connect);
        let request = event.question().expect("a URI");
        assert_eq!(request.uri().path(), "/metrics/realtime");
        assert_eq!(request.uri().query(), Some("limit=3&site_id=a&site_id=b+c"));
        assert_eq!(
            (request.headers().len(), &request.headers()["x-api-key"]),
            (2, &"l".parse().expect("a value"))
        );
    }

    #[test]
    fn only_one_message_asks() {
        let is_get = |body: &str, is_base64: bool| {
            let event = json!({
                "requestContext": {"routeKey": "get", "eventType": "MESSAGE", "connectionId": "a="},
                "body": body, "isBase64Encoded": is_base64,
            });
            serde_json::from_value::<SocketEvent>(event).expect("an event").is_get()
        };
        assert!(is_get(r#"{"action":"get"}"#, false));
        assert!(is_get(r#"{"action":"get","since":3}"#, false));
        for junk in ["", "get", "{}", r#"{"action":["get"]}"#, r#"{"action":"$connect"}"#, "\0"] {
            assert!(!is_get(junk, false), "{junk}");
        }
        assert!(!is_get(r#"{"action":"get"}"#, true));
    }
}
