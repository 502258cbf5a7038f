//! What answers for the API as a whole: its description, paths that there are none of, and methods
//! that a path has not.

use std::sync::LazyLock;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, RequestExt, Response, service_fn};
use serde_json::Value;

use crate::http::response::{json, problem};
use crate::openapi;
use crate::routes::{ROUTES, Route};

/// The path of the description.
const DESCRIPTION_PATH: &str = "/openapi.json";

/// Runs the api function under the Lambda runtime until it is shut down.
///
/// # Errors
/// The runtime's own.
pub async fn serve() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    lambda_http::run(service_fn(
        |request| async move { Ok::<_, lambda_http::Error>(handle(&request)) },
    ))
    .await
}

/// Answers one request: the description of the API, 405 for a method that its call does not have,
/// and 404 for a path that is no call.
pub fn handle(request: &Request) -> Response<Body> {
    /// Built when it is asked for first, so that a start is as fast as without it.
    static DESCRIPTION: LazyLock<Value> = LazyLock::new(openapi::document);
    let path = request.raw_http_path();
    let Some(route) = Route::of(path) else {
        return unknown(path);
    };
    match route.preflight_or_wrong_method(request.method()) {
        Some(response) => response,
        None if route.path == DESCRIPTION_PATH => json(&*DESCRIPTION),
        // Another function's call came here, which no deployment of the template does.
        None => unknown(path),
    }
}

fn unknown(path: &str) -> Response<Body> {
    let paths: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
    problem(
        StatusCode::NOT_FOUND,
        &format!("{path:?} is no path of this API; it has {}", paths.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::http::header::{ALLOW, CONTENT_TYPE};

    fn asked(method: &str, path: &str) -> (u16, Response<Body>) {
        let request = lambda_http::http::Request::builder().method(method).uri(path);
        let request = request.body(Body::Empty).expect("a request").with_raw_http_path(path);
        let response = handle(&request);
        (response.status().as_u16(), response)
    }

    #[test]
    fn the_description_names_every_path() {
        let (status, response) = asked("GET", DESCRIPTION_PATH);
        assert!(status == 200 && response.headers()[CONTENT_TYPE] == "application/json");
        let document: Value = serde_json::from_slice(response.body().as_ref()).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        assert!(ROUTES.iter().all(|route| paths.contains_key(route.path)), "{paths:?}");
    }

    #[test]
    fn an_unknown_path_is_404_and_the_known_ones_are_named() {
        for (method, path) in [
            ("GET", "/nothing"),
            ("HEAD", "/"),
            ("POST", "/events/"),
            ("OPTIONS", "/item/7"),
            ("DELETE", "/items/"),
        ] {
            let (status, response) = asked(method, path);
            assert!(
                status == 404 && response.headers()[CONTENT_TYPE] == "application/problem+json",
                "{path}"
            );
            let problem: Value = serde_json::from_slice(response.body().as_ref()).expect("JSON");
            let sentence = problem["error"].as_str().expect("a sentence");
            assert!(
                sentence.starts_with(&format!("{path:?} is no path"))
                    && sentence.contains("/history"),
                "{sentence}"
            );
            assert_eq!(problem["detail"], sentence);
        }
    }

    #[test]
    fn a_known_path_has_its_methods_here_too() {
        for (method, path, allowed) in
            [("GET", "/events", "POST, OPTIONS"), ("DELETE", "/items/7", "GET, HEAD, OPTIONS")]
        {
            let (status, response) = asked(method, path);
            assert!(status == 405 && response.headers()[ALLOW] == allowed, "{path}");
        }
        assert_eq!(asked("OPTIONS", "/history").0, 204);
    }
}
