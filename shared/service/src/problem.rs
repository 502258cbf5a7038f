//! HTTP answers: JSON, problem documents, and the headers that every answer carries.

use lambda_http::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ALLOW, CACHE_CONTROL, CONTENT_TYPE,
};
use lambda_http::http::response::Builder;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;

/// The methods of a call that only reads.
const READ_METHODS: &str = "GET, HEAD, OPTIONS";

/// A problem document.
///
/// **Source**: RFC 9457; `error` is an extra member that holds the same sentence as `detail`, for clients that expect it.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    error: &'a str,
}

/// A problem as an answer. `detail` is one sentence for whoever made the call.
pub fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or("Error");
    let document = Problem { kind: "about:blank", title, status: status.as_u16(), detail, error: detail };
    let body = serde_json::to_string(&document).unwrap_or_else(|_| "{}".to_string());
    let mut builder = answer(status).header(CONTENT_TYPE, "application/problem+json");
    if status == StatusCode::METHOD_NOT_ALLOWED {
        builder = builder.header(ALLOW, READ_METHODS);
    }
    finish(builder, Body::Text(body))
}

/// A value as a JSON answer with status 200.
pub fn json<T: Serialize>(value: &T) -> Response<Body> {
    match serde_json::to_string(value) {
        Ok(body) => finish(answer(StatusCode::OK).header(CONTENT_TYPE, "application/json"), Body::Text(body)),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written")
        }
    }
}

/// Answers what is not a question of a read call: the preflight of a browser, and wrong methods. `None` for GET and HEAD.
pub fn preflight_or_wrong_method(method: &Method) -> Option<Response<Body>> {
    if method == Method::OPTIONS {
        let builder = answer(StatusCode::NO_CONTENT)
            .header(ACCESS_CONTROL_ALLOW_METHODS, READ_METHODS)
            .header(ACCESS_CONTROL_ALLOW_HEADERS, "*")
            .header(ACCESS_CONTROL_MAX_AGE, "86400");
        return Some(finish(builder, Body::Empty));
    }
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    let detail = format!("{method} is not a method of this call; use GET");
    Some(problem(StatusCode::METHOD_NOT_ALLOWED, &detail))
}

fn answer(status: StatusCode) -> Builder {
    // The answers hold no secrets and no cookies, so any page may read them; each is right for its moment only.
    Response::builder().status(status).header(ACCESS_CONTROL_ALLOW_ORIGIN, "*").header(CACHE_CONTROL, "no-store")
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
        let response = preflight_or_wrong_method(&Method::OPTIONS).expect("a preflight is answered");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_METHODS], READ_METHODS);
    }

    #[test]
    fn a_wrong_method_is_405_and_names_the_right_ones() {
        let response = preflight_or_wrong_method(&Method::POST).expect("POST is wrong");
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[ALLOW], READ_METHODS);
        assert!(preflight_or_wrong_method(&Method::GET).is_none());
    }
}
