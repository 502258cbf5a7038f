//! What answers for the API as a whole: paths that there are none of, and methods that a path has not.

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, RequestExt, Response, service_fn};

use crate::problem::problem;
use crate::routes::{ROUTES, Route};

/// Runs the api function under the Lambda runtime until it is shut down.
///
/// **Errors**: the runtime's own.
pub async fn serve() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    lambda_http::run(service_fn(|request| async move { Ok::<_, lambda_http::Error>(handle(&request)) })).await
}

/// Answers one request: 405 for a method that its call does not have, and 404 for a path that is no call.
pub fn handle(request: &Request) -> Response<Body> {
    let path = request.raw_http_path();
    let answer = Route::of(path).and_then(|route| route.preflight_or_wrong_method(request.method()));
    answer.unwrap_or_else(|| unknown(path))
}

fn unknown(path: &str) -> Response<Body> {
    let paths: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
    problem(StatusCode::NOT_FOUND, &format!("{path:?} is no path of this API; it has {}", paths.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::http::header::{ALLOW, CONTENT_TYPE};
    use serde_json::Value;

    fn asked(method: &str, path: &str) -> (u16, Response<Body>) {
        let request = lambda_http::http::Request::builder().method(method).uri(path);
        let request = request.body(Body::Empty).expect("a request").with_raw_http_path(path);
        let response = handle(&request);
        (response.status().as_u16(), response)
    }

    #[test]
    fn an_unknown_path_is_404_and_the_known_ones_are_named() {
        for (method, path) in
            [("GET", "/nothing"), ("HEAD", "/"), ("POST", "/events/"), ("OPTIONS", "/item/7"), ("DELETE", "/items/")]
        {
            let (status, response) = asked(method, path);
            assert!(status == 404 && response.headers()[CONTENT_TYPE] == "application/problem+json", "{path}");
            let problem: Value = serde_json::from_slice(response.body().as_ref()).expect("JSON");
            let sentence = problem["error"].as_str().expect("a sentence");
            assert!(
                sentence.starts_with(&format!("{path:?} is no path")) && sentence.contains("/history"),
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
