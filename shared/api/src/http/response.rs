//! HTTP answers: JSON, problem documents, and the headers that every answer carries.

use lambda_http::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, ALLOW,
    CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::response::Builder;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// The methods of a call that only reads.
const READ_METHODS: &str = "GET, HEAD, OPTIONS";

/// The methods of a call that takes events.
const POST_METHODS: &str = "POST, OPTIONS";

/// The headers that a page of another origin may send with a question: any. `*` alone leaves
/// `Authorization` out.
const READ_HEADERS: &str = "*, authorization";

/// The headers that a page of another origin may send with a post.
const POST_HEADERS: &str =
    "authorization, content-encoding, content-type, idempotency-key, x-api-key";

/// A problem document (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem{M}")]
pub(crate) struct Problem<'a, M> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// What the status means.
    title: &'static str,
    status: u16,
    /// One sentence that says what is wrong.
    detail: &'a str,
    /// The same sentence, for clients that expect it here.
    error: &'a str,
    #[serde(flatten)]
    more: &'a M,
}

/// No more members, which most problems have.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "")]
pub(crate) struct Nothing {}

/// Answers with a problem. `detail` is one sentence for the client.
pub fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    problem_with(status, detail, &Nothing {})
}

/// Answers with a problem that also has the members of `more`.
pub fn problem_with<M: Serialize>(status: StatusCode, detail: &str, more: &M) -> Response<Body> {
    let body = document(status, detail, more);
    let mut builder = answer(status).header(CONTENT_TYPE, "application/problem+json");
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110, section 11.6.1: a 401 must name the authentication scheme.
        builder = builder.header(WWW_AUTHENTICATE, "Bearer");
    }
    finish(builder, Body::Text(body))
}

fn document<M: Serialize>(status: StatusCode, detail: &str, more: &M) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    let document = Problem {
        kind: "about:blank",
        title,
        status: status.as_u16(),
        detail,
        error: detail,
        more,
    };
    serde_json::to_string(&document).unwrap_or_else(|_| "{}".to_string())
}

/// A value as a JSON answer with status 200.
pub fn json<T: Serialize>(value: &T) -> Response<Body> {
    json_with_status(StatusCode::OK, value)
}

/// A value as a JSON answer.
pub fn json_with_status<T: Serialize>(status: StatusCode, value: &T) -> Response<Body> {
    match serde_json::to_string(value) {
        Ok(body) => {
            finish(answer(status).header(CONTENT_TYPE, "application/json"), Body::Text(body))
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written")
        }
    }
}

/// A text as an answer with status 200.
pub fn text(content_type: &'static str, body: String) -> Response<Body> {
    finish(answer(StatusCode::OK).header(CONTENT_TYPE, content_type), Body::Text(body))
}

/// Answers a preflight request and a wrong method of a read call. `None` for GET and HEAD.
pub fn preflight_or_wrong_method(method: &Method) -> Option<Response<Body>> {
    if method == Method::OPTIONS {
        return Some(preflight(READ_METHODS, READ_HEADERS));
    }
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    Some(wrong_method(method, READ_METHODS, "GET"))
}

/// Answers a preflight request and a wrong method of a call that takes events. `None` for POST.
pub fn preflight_or_no_post(method: &Method) -> Option<Response<Body>> {
    if method == Method::OPTIONS {
        return Some(preflight(POST_METHODS, POST_HEADERS));
    }
    if method == Method::POST {
        return None;
    }
    Some(wrong_method(method, POST_METHODS, "POST"))
}

fn preflight(methods: &'static str, headers: &'static str) -> Response<Body> {
    let builder = answer(StatusCode::NO_CONTENT)
        .header(ACCESS_CONTROL_ALLOW_METHODS, methods)
        .header(ACCESS_CONTROL_ALLOW_HEADERS, headers)
        .header(ACCESS_CONTROL_MAX_AGE, "86400");
    finish(builder, Body::Empty)
}

fn wrong_method(method: &Method, methods: &'static str, right: &str) -> Response<Body> {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let body = document(
        status,
        &format!("{method} is not a method of this call; use {right}"),
        &Nothing {},
    );
    let builder =
        answer(status).header(CONTENT_TYPE, "application/problem+json").header(ALLOW, methods);
    finish(builder, Body::Text(body))
}

fn answer(status: StatusCode) -> Builder {
    // Answers are not cached, since the numbers change. They repeat text of requests and events,
    // which a browser must not take for a page.
    Response::builder()
        .status(status)
        .header(CACHE_CONTROL, "no-store")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn finish(builder: Builder, body: Body) -> Response<Body> {
    // Only a malformed header could fail, and all of them are constants.
    builder.body(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(response: &Response<Body>) -> String {
        String::from_utf8_lossy(response.body().as_ref()).into_owned()
    }

    #[test]
    fn a_problem_says_its_sentence_twice_and_its_status() {
        let response = problem(StatusCode::BAD_REQUEST, "limit is \"x\"");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            text(&response),
            r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"limit is \"x\"","error":"limit is \"x\""}"#
        );
    }

    #[test]
    fn a_browser_may_ask_first() {
        let response =
            preflight_or_wrong_method(&Method::OPTIONS).expect("a preflight is answered");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_METHODS], READ_METHODS);
    }

    #[test]
    fn a_wrong_method_is_405_and_names_the_right_ones() {
        let response = preflight_or_wrong_method(&Method::POST).expect("POST is wrong");
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[ALLOW], READ_METHODS);
        assert!(preflight_or_wrong_method(&Method::GET).is_none());
    }

    #[test]
    fn a_browser_may_ask_to_post_and_other_methods_are_405() {
        let response = preflight_or_no_post(&Method::OPTIONS).expect("a preflight is answered");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_METHODS], "POST, OPTIONS");
        let headers = response.headers()[ACCESS_CONTROL_ALLOW_HEADERS].to_str().expect("text");
        for header in ["authorization", "content-type", "idempotency-key"] {
            assert!(headers.contains(header), "{headers}");
        }
        let response = preflight_or_no_post(&Method::GET).expect("GET is wrong");
        assert_eq!(
            (response.status(), &response.headers()[ALLOW]),
            (StatusCode::METHOD_NOT_ALLOWED, &"POST, OPTIONS".parse().expect("a header"))
        );
        assert!(preflight_or_no_post(&Method::POST).is_none());
    }

    #[test]
    fn a_problem_can_say_more() {
        #[derive(Serialize)]
        struct More {
            rejected: [u8; 2],
        }
        let response = problem_with(StatusCode::CONFLICT, "no", &More { rejected: [1, 2] });
        assert_eq!(
            text(&response),
            r#"{"type":"about:blank","title":"Conflict","status":409,"detail":"no","error":"no","rejected":[1,2]}"#
        );
    }
}
