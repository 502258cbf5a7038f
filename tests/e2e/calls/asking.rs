//! Sends requests to a single function that answers API calls.

use anyhow::{Context, Result, bail};
use minutebook_tests::binaries::root;
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

/// The event that API Gateway sends, with this method and query string.
pub(crate) fn http_event(method: &str, query: &str) -> Result<Value> {
    let fixture = std::fs::read(root().join("events/lambda/http_most_viewed_item.json"))?;
    let mut event: Value = serde_json::from_slice(&fixture)?;
    event["rawQueryString"] = json!(query);
    event["requestContext"]["http"]["method"] = json!(method);
    Ok(event)
}

/// Requests a path, and returns the status and the JSON body.
pub(crate) async fn ask(worker: &mut Worker, path: &str, query: &str) -> Result<(u64, Value)> {
    let (status, body) = ask_for_text(worker, path, query).await?;
    let answer = serde_json::from_str(&body).with_context(|| format!("{path} {query}: {body}"))?;
    Ok((status, answer))
}

/// Requests a path, and returns the status and the body as text.
pub(crate) async fn ask_for_text(
    worker: &mut Worker,
    path: &str,
    query: &str,
) -> Result<(u64, String)> {
    let mut event = http_event("GET", query)?;
    event["rawPath"] = json!(path);
    let Invocation::Answered(answer) = worker.invoke(event).await? else {
        bail!("{path} {query} was not answered");
    };
    let status = answer["statusCode"].as_u64().context("a status")?;
    Ok((status, answer["body"].as_str().context("a body")?.to_string()))
}
