//! Calls of the HTTP API.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::stack::endpoints::Endpoints;

/// The timeout of a call. A first call waits for the function to start, or, under `up --watch`, to
/// be compiled.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The member of a problem document that says what is wrong in one sentence.
#[derive(Deserialize)]
struct Problem {
    error: String,
}

/// The body of the answer to a GET of a path of the API, a JSON document.
///
/// # Errors
/// No API is known, there is no answer, its status is not a success, or it is not JSON. A problem
/// document becomes its sentence.
pub(crate) async fn get(
    endpoints: &Endpoints,
    path: &str,
    query: Vec<(&'static str, String)>,
) -> Result<String> {
    let (url, key) = (format!("{}/{path}", endpoints.api_url()?), endpoints.api_key.clone());
    tokio::task::spawn_blocking(move || get_blocking(&url, key, query)).await?
}

/// Posts events, as JSON Lines, to a path of the API, and returns the body of the answer. Repeated
/// with the same idempotency key, they count once.
///
/// # Errors
/// As for [`get`].
pub(crate) async fn post(
    endpoints: &Endpoints,
    path: &str,
    idempotency_key: &str,
    events: String,
) -> Result<String> {
    let (url, key) = (format!("{}/{path}", endpoints.api_url()?), endpoints.api_key.clone());
    let idempotency_key = idempotency_key.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut request = agent()
            .post(&url)
            .header("content-type", "application/x-ndjson")
            .header("idempotency-key", idempotency_key);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let response = request.send(events).with_context(|| format!("cannot call {url}"))?;
        body(&url, response)
    })
    .await?
}

/// The status of the answer to a GET of a path of the API, without a key.
///
/// # Errors
/// No API is known, or there is no answer.
pub(crate) async fn status(endpoints: &Endpoints, path: &str) -> Result<u16> {
    let url = format!("{}/{path}", endpoints.api_url()?);
    tokio::task::spawn_blocking(move || {
        let response = agent().get(&url).call().with_context(|| format!("cannot call {url}"))?;
        Ok(response.status().as_u16())
    })
    .await?
}

fn get_blocking(
    url: &str,
    key: Option<String>,
    query: Vec<(&'static str, String)>,
) -> Result<String> {
    let mut request = agent().get(url);
    for (name, value) in query {
        request = request.query(name, value);
    }
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let response = request.call().with_context(|| format!("cannot call {url}"))?;
    body(url, response)
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .build()
        .into()
}

/// The body of an answer that is a success.
fn body(url: &str, mut response: ureq::http::Response<ureq::Body>) -> Result<String> {
    let status = response.status();
    let body = response
        .body_mut()
        .read_to_string()
        .with_context(|| format!("cannot read the answer of {url}"))?;
    if status.is_success() {
        serde_json::from_str::<&RawValue>(&body)
            .with_context(|| format!("{url} answered with something else than JSON"))?;
        return Ok(body);
    }
    match serde_json::from_str::<Problem>(&body) {
        Ok(problem) => bail!("{} ({})", problem.error, status.as_u16()),
        Err(_) => bail!("{url} answered {status}"),
    }
}
