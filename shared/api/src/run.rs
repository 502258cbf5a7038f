//! How a function of the API runs.

use std::future::Future;
use std::time::Instant;

use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Error, Request, RequestExt, Response, service_fn};
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{AccessConfig, ConfigError, environment};
use minutebook_runtime::deadline::deadline_of;
use minutebook_storage::table::Table;

use crate::access::cors::Cors;
use crate::access::{AccessControl, Admitted};
use crate::backend::Start;
use crate::collect::NOT_STORED;
use crate::dispatch;
use crate::http::response::problem;

/// What a client whose question takes too long can do.
const NOT_ANSWERED: &str =
    "the answer took too long; ask for less, as a shorter window, or again in a moment";

/// Sets up logging, builds what the handler answers from, and runs it under the Lambda runtime
/// until the runtime shuts down. The handler gets the requests of those who may make them. A
/// request that is not answered shortly before Lambda would stop the function is answered with 503.
///
/// # Errors
/// The configuration, if it is missing or wrong: the function does not start, and a retry does not
/// help. Otherwise the errors of the runtime.
pub async fn run<B, F, Answering>(
    build: impl FnOnce(&Start) -> Result<B, ConfigError>,
    handle: F,
) -> Result<(), Error>
where
    F: Fn(Admitted, &'static B) -> Answering + Send + Sync,
    Answering: Future<Output = Response<Body>> + Send,
    B: Sync + 'static,
{
    minutebook_runtime::logging::start();
    let start = Start::from_environment()?;
    let access = AccessConfig::read(environment)?;
    let (table, settings) = (start.table.clone(), start.settings.clone());
    let access = AccessControl::new(access, table, settings, Clock::system());
    // They live as long as the process, which handles one request after another.
    let access: &'static AccessControl<Table> = Box::leak(Box::new(access));
    let backend: &'static B = Box::leak(Box::new(build(&start)?));
    let handle = &handle;
    lambda_http::run(service_fn(|request: Request| {
        let deadline = deadline_of(request.lambda_context().deadline());
        let method = request.method().clone();
        let cors = dispatch::cors(&request, access);
        let answering =
            dispatch::answer(request, access, move |admitted| handle(admitted, backend));
        async move {
            let answer = answered_by(deadline, &method, cors, answering).await;
            Ok::<_, Error>(answer)
        }
    }))
    .await
}

/// The answer, or a problem that says what to do if there is none by the deadline, and that these
/// pages may read.
async fn answered_by(
    deadline: Instant,
    method: &Method,
    cors: Cors,
    answering: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    tokio::time::timeout_at(deadline.into(), answering).await.unwrap_or_else(|_| {
        tracing::error!(%method, "a request was not answered in time");
        let detail = if method == Method::POST { NOT_STORED } else { NOT_ANSWERED };
        let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, detail);
        cors.add_to(&mut response);
        response
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::response::json;
    use std::future::{pending, ready};
    use std::time::Duration;

    async fn answered(
        deadline: Instant,
        method: Method,
        answering: impl Future<Output = Response<Body>>,
    ) -> (u16, String) {
        let response = answered_by(deadline, &method, Cors::Any, answering).await;
        let body = String::from_utf8_lossy(response.body().as_ref()).into_owned();
        (response.status().as_u16(), body)
    }

    #[tokio::test]
    async fn a_handler_that_never_ends_is_answered_for_at_the_deadline() {
        for (method, sentence) in [
            (Method::GET, "shorter window"),
            (Method::HEAD, "shorter window"),
            (Method::POST, "post them again"),
        ] {
            let soon = Instant::now() + Duration::from_millis(20);
            let (status, body) = answered(soon, method, pending()).await;
            let says_so = body.contains(sentence) && body.contains("\"status\":503");
            assert!(status == 503 && says_so && soon <= Instant::now(), "{status} {body}");
        }
    }

    #[tokio::test]
    async fn an_answer_in_time_is_left_as_it_is() {
        for left in [Duration::ZERO, Duration::from_secs(60)] {
            let deadline = Instant::now() + left;
            let answer = answered(deadline, Method::GET, ready(json(&7))).await;
            assert_eq!(answer, (200, "7".to_string()), "an answer that is there is given");
        }
    }
}
