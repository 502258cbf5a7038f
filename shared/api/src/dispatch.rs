//! How a request gets to its handler: by the route of its path, if it has the right method and its
//! caller what the route needs.

use std::future::Future;
use std::sync::LazyLock;

use chrono::{DateTime, SecondsFormat, Utc};
use lambda_http::http::header::ORIGIN;
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, RequestExt, Response};
use minutebook_storage::api_keys::ApiKeys;
use minutebook_storage::site::settings::SettingsSource;
use serde_json::Value;

use crate::access::cors::Cors;
use crate::access::{AccessControl, Admitted};
use crate::http::csv::Preferred;
use crate::http::etag::Known;
use crate::http::response::{json, problem};
use crate::openapi;
use crate::routes::{ApiBackend, Function, Purpose, ROUTES, Route};

/// The header with the time at which an answer was begun.
const COMPUTED_AT: &str = "x-computed-at";

/// Answers one request: an unknown path with 404, a method that a path does not have with 405, a
/// caller who lacks what the call needs with 401 or 403, and everything else by `handle`. The answer
/// says which pages may read it. Those to questions are tagged, and 304 if the client has them.
pub(crate) async fn answer<K: ApiKeys + SettingsSource, Answering>(
    request: Request,
    access: &AccessControl<K>,
    handle: impl FnOnce(Admitted) -> Answering,
) -> Response<Body>
where
    Answering: Future<Output = Response<Body>>,
{
    let path = request.raw_http_path();
    let Some(route) = Route::of(path) else {
        let mut response = unknown(path);
        Cors::Any.add_to(&mut response);
        return response;
    };
    let origin = request.headers().get(ORIGIN).cloned();
    access.read_origins(route.needs, origin.as_ref()).await;
    let known = route.only_reads().then(|| Known::of(request.headers()));
    let listing = route.listing;
    let preferred = listing.map(|it| Preferred::of(it, request.headers(), request.uri()));
    let (mut response, sites) = match route.preflight_or_wrong_method(request.method()) {
        Some(response) => (response, vec![]),
        None => match access.admit(route.needs, request).await {
            Ok(admitted) => {
                let sites = admitted.sites();
                let computed_at = access.now();
                let mut response = handle(admitted).await;
                if let Some(preferred) = preferred {
                    response = preferred.form(response);
                }
                if let Some(known) = known {
                    response = known.tag(response);
                    note_time(&mut response, computed_at);
                }
                (response, sites)
            }
            Err(response) => (response, vec![]),
        },
    };
    route_cors(route, access, origin.as_ref(), &sites).add_to(&mut response);
    response
}

/// Says since when the answer was read: of two answers, one of which was pushed, the one with the
/// later time is newer.
fn note_time(response: &mut Response<Body>, computed_at: DateTime<Utc>) {
    let text = computed_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(COMPUTED_AT, value);
    }
}

/// What an answer without the call's own says about the pages that may read it.
pub(crate) fn cors<K: ApiKeys + SettingsSource>(
    request: &Request,
    access: &AccessControl<K>,
) -> Cors {
    match Route::of(request.raw_http_path()) {
        Some(route) => route_cors(route, access, request.headers().get(ORIGIN), &[]),
        None => Cors::Any,
    }
}

fn route_cors<K: ApiKeys + SettingsSource>(
    route: &Route,
    access: &AccessControl<K>,
    origin: Option<&HeaderValue>,
    sites: &[String],
) -> Cors {
    match route.purpose {
        Purpose::File => Cors::None,
        Purpose::Question | Purpose::Post => access.cors(route.needs, origin, sites),
    }
}

/// Answers a call of `api` by its handler.
pub async fn handle(
    Admitted { request, caller }: &Admitted,
    backend: &ApiBackend,
) -> Response<Body> {
    /// Built by the first request for it, so that it does not slow down the start.
    static DESCRIPTION: LazyLock<Value> = LazyLock::new(openapi::document::document);
    let path = request.raw_http_path();
    match Route::of(path).map(|route| route.function) {
        Some(Function::Api(handle)) => handle(request, caller, backend).await,
        Some(Function::Description) => json(&*DESCRIPTION),
        // The template routes this path to a function of its own.
        Some(Function::Own(_)) | None => unknown(path),
    }
}

fn unknown(path: &str) -> Response<Body> {
    let calls = ROUTES.iter().filter(|route| route.purpose != Purpose::File);
    let paths: Vec<&str> = calls.map(|route| route.path).collect();
    problem(
        StatusCode::NOT_FOUND,
        &format!("{path:?} is no path of this API; it has {}", paths.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;
    use crate::queues::Queues;
    use lambda_http::http::header::{
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CONTENT_TYPE, ETAG,
        IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
    };
    use minutebook_runtime::aws::Aws;
    use minutebook_runtime::clock::Clock;
    use minutebook_runtime::config::{AccessConfig, QueuesConfig};
    use minutebook_storage::table::Table;
    use std::collections::HashMap;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    /// A backend that no request of these tests may reach.
    fn backend() -> ApiBackend {
        let aws = Aws::read(|name| Some(name.to_string())).expect("every variable is set");
        let config = QueuesConfig { queue_url: String::new(), dead_letters_url: String::new() };
        let of_test = Backend::of_test((), "2026-11-21T12:00:30Z".parse().expect("a time"));
        let rows = Table { client: aws.dynamodb(), name: "table".to_string() };
        Backend {
            rows,
            queues: Queues::new(aws, config),
            default_currency: of_test.default_currency,
            default_time_zone: of_test.default_time_zone,
            retention: of_test.retention,
            clock: Clock::system(),
            visitor_state: of_test.visitor_state,
            has_all_sites: of_test.has_all_sites,
            settings: Arc::default(),
            catalogues: Arc::default(),
            live_url: None,
        }
    }

    /// The answer to a request where no key is needed, without any call of the backend.
    fn answered(request: Request) -> Response<Body> {
        let route = Route::of(request.raw_http_path());
        let is_file = route.is_some_and(|route| route.purpose == Purpose::File);
        let backend = backend();
        let config = AccessConfig {
            requires_read_keys: false,
            requires_write_keys: false,
            allowed_origins: vec![],
            jwt: None,
        };
        let rows = backend.rows.clone();
        let access = AccessControl::new(config, rows, Arc::default(), Clock::system());
        let backend = &backend;
        let by_handler = |admitted| async move { handle(&admitted, backend).await };
        let answering = pin!(answer(request, &access, by_handler));
        let Poll::Ready(response) = answering.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the backend is asked");
        };
        let allowed = response.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN);
        assert_eq!(allowed.map(HeaderValue::as_bytes), (!is_file).then_some(&b"*"[..]));
        response
    }

    fn asked(method: &str, path: &str) -> (u16, Response<Body>) {
        let request = lambda_http::http::Request::builder().method(method).uri(path);
        let request = request.body(Body::Empty).expect("a request").with_raw_http_path(path);
        let response = answered(request);
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff", "{method} {path}");
        (response.status().as_u16(), response)
    }

    #[test]
    fn the_description_names_every_path() {
        let (status, response) = asked("GET", "/openapi.json");
        assert!(status == 200 && response.headers()[CONTENT_TYPE] == "application/json");
        let document: Value = serde_json::from_slice(response.body().as_ref()).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        for route in ROUTES {
            let is_call = route.purpose != Purpose::File;
            assert_eq!(paths.contains_key(route.path), is_call, "{}", route.path);
        }
    }

    #[test]
    fn an_answer_that_the_client_has_is_not_sent_again() {
        let first = asked("GET", "/openapi.json").1;
        let tag = first.headers()[ETAG].clone();
        let computed_at = first.headers()[COMPUTED_AT].to_str().expect("a text");
        assert!(computed_at.len() == 24 && computed_at.ends_with('Z'), "{computed_at}");
        let again = |method: &str| {
            let request = lambda_http::http::Request::builder().method(method);
            let request = request.uri("/openapi.json").header(IF_NONE_MATCH, &tag);
            let request = request.body(Body::Empty).expect("a request");
            answered(request.with_raw_http_path("/openapi.json"))
        };
        for method in ["GET", "HEAD"] {
            let response = again(method);
            assert_eq!((response.status().as_u16(), &response.headers()[ETAG]), (304, &tag));
            assert!(response.body().as_ref().is_empty(), "{method}");
            assert_eq!(response.headers()[ACCESS_CONTROL_EXPOSE_HEADERS], "etag, link");
        }
        let (status, problem) = asked("GET", "/stats");
        assert!(status == 400 && !problem.headers().contains_key(ETAG));
    }

    #[test]
    fn what_makes_events_up_is_never_kept() {
        let of_path = |path| Route::of(path).is_some_and(Route::only_reads);
        assert!(of_path("/overview") && of_path("/most_viewed_item") && of_path("/health"));
        assert!(!of_path("/generate_random_events") && !of_path("/events"));
    }

    #[test]
    fn an_unknown_path_is_404_and_the_known_ones_are_named() {
        for (method, path) in [
            ("GET", "/nothing"),
            ("HEAD", "/index.html"),
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
    fn every_path_has_its_methods_and_a_preflight() {
        for route in ROUTES {
            let (allowed, wrong) = match route.purpose {
                Purpose::Question | Purpose::File => {
                    ("GET, HEAD, OPTIONS", ["POST", "PUT", "DELETE"])
                }
                Purpose::Post => ("POST, OPTIONS", ["GET", "HEAD", "PUT"]),
            };
            let path = route.path.replace("{item_id}", "7");
            for method in wrong {
                let (status, response) = asked(method, &path);
                assert!(status == 405 && response.headers()[ALLOW] == allowed, "{method} {path}");
            }
            assert_eq!(asked("OPTIONS", &path).0, 204, "{path}");
        }
    }

    #[test]
    fn the_dashboard_is_answered_without_a_key_and_unknown_files_are_404() {
        let (status, response) = asked("GET", "/");
        let content_type = &response.headers()[CONTENT_TYPE];
        assert!(status == 200 && content_type == "text/html; charset=utf-8");
        assert_eq!(asked("HEAD", "/").0, 200);
        assert_eq!(asked("GET", "/assets/unknown.js").0, 404);
    }

    #[test]
    fn a_call_is_answered_by_its_own_handler() {
        for (path, member) in [
            ("/history?measure=clicks", "measure"),
            ("/overview?compare=x", "compare"),
            ("/movers?measure=clicks", "measure"),
            ("/items/7?window=x", "window"),
            ("/stats", "site_id"),
            ("/share_key?expires_in=x", "expires_in"),
            ("/reconcile?basis=order", "basis"),
            ("/metrics?users_window=x", "users_window"),
            ("/metrics/prometheus?views_window=x", "views_window"),
            ("/metrics/orders?window=8d", "from 1m to 7d"),
            ("/metrics/realtime?window=25h", "from 1m to 1d"),
            ("/metrics/revenue/hourly?limit=1", "limit"),
            ("/metrics/products/top?by=name", "by"),
        ] {
            let request = lambda_http::http::Request::get(path).body(Body::Empty);
            let (raw_path, query) = path.split_once('?').unwrap_or((path, ""));
            let parameters = form_urlencoded::parse(query.as_bytes()).into_owned();
            let request = request
                .expect("a request")
                .with_raw_http_path(raw_path)
                .with_query_string_parameters(parameters.collect::<HashMap<String, String>>());
            let response = answered(request);
            let problem: Value = serde_json::from_slice(response.body().as_ref()).expect("JSON");
            let sentence = problem["error"].as_str().expect("a sentence");
            assert!(response.status() == 400 && sentence.contains(member), "{path}: {sentence}");
        }
    }
}
