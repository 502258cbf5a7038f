//! Calls of the HTTP API.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// How long an answer may take. A first call may wait for the function to start, or to be compiled
/// under `up --watch`.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The member of a problem document that holds one sentence.
#[derive(Deserialize)]
struct Problem {
    error: String,
}

/// The body of the answer to a GET.
///
/// # Errors
/// There is no answer, or it is not a success; a problem document becomes the sentence that it
/// holds.
pub(crate) async fn get(url: String, query: Vec<(&'static str, String)>) -> Result<String> {
    tokio::task::spawn_blocking(move || get_blocking(&url, query)).await?
}

fn get_blocking(url: &str, query: Vec<(&'static str, String)>) -> Result<String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .build()
        .into();
    let mut request = agent.get(url);
    for (name, value) in query {
        request = request.query(name, value);
    }
    let mut response = request.call().with_context(|| format!("cannot call {url}"))?;
    let status = response.status();
    let body = response
        .body_mut()
        .read_to_string()
        .with_context(|| format!("cannot read the answer of {url}"))?;
    if status.is_success() {
        return Ok(body);
    }
    match serde_json::from_str::<Problem>(&body) {
        Ok(problem) => bail!("{} ({})", problem.error, status.as_u16()),
        Err(_) => bail!("{url} answered {status}"),
    }
}
