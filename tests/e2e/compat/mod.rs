//! One test for each earlier system whose clients can use this API. Each test is named by the title
//! of the system's document, and covers the system's purpose with its own payloads.
//!
//! docs/guides/COMPARISON.md names the test of each promise. Most of them test an API call and are
//! in `calls/`. The tests here share the deployed stack, and each has its own site.

mod comparison;
mod customer_behavior_analytics_tool;
mod event_processing_analytics_with_flask;
mod order_analytics_service;
mod realtime_ecommerce_analytics_platform;
mod website_analytics_backend_system;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use serde_json::{Value, json};

use crate::command::{endpoints_of, run, stderr, stdout};
use crate::counting::chunks::{now, rfc3339};
use crate::deployed::until_counted;
use crate::waiting::Patience;

/// All tests, by document.
pub(crate) const TESTS: [&[crate::Test]; 6] = [
    comparison::TESTS,
    customer_behavior_analytics_tool::TESTS,
    event_processing_analytics_with_flask::TESTS,
    order_analytics_service::TESTS,
    realtime_ecommerce_analytics_platform::TESTS,
    website_analytics_backend_system::TESTS,
];

const LINES: (&str, &str) = ("content-type", "application/x-ndjson");
const OBJECT: (&str, &str) = ("content-type", "application/json");

/// The time `minutes` ago, as in events.
fn minutes_ago(minutes: i64) -> Result<String> {
    Ok(rfc3339(now()? - TimeDelta::minutes(minutes)))
}

/// Formats events as JSON Lines.
fn lines(events: impl IntoIterator<Item = Value>) -> String {
    events.into_iter().map(|event| event.to_string() + "\n").collect()
}

/// Posts lines, and waits until they are counted.
async fn post_lines(cloud: &Cloud, path: &str, body: String) -> Result<Value> {
    let (status, _, answer) = cloud.post(path, &[LINES], body).await?;
    ensure!(status == 202, "{path}: {status} {answer}");
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    until_counted(&store, answer["chunk"].as_str().context("a chunk")?).await?;
    Ok(answer)
}

/// Uploads a file with the command, and waits until it is counted.
async fn put_file(cloud: &Cloud, name: &str, text: &str, arguments: &[&str]) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join(name), text)?;
    let arguments = [&["put", name, "--prefix", "compat/", "--wait", "--json"], arguments].concat();
    let output = run(&folder, &endpoints_of(cloud).await?, &arguments, None)?;
    ensure!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).with_context(|| stdout(&output))
}

/// The answer of a call, as text.
async fn text_of(cloud: &Cloud, call: &str, accept: Option<&str>) -> Result<String> {
    let url = cloud.url(call).await?;
    let accept = accept.unwrap_or("*/*").to_string();
    tokio::task::spawn_blocking(move || {
        let mut response = ureq::get(&url)
            .header("accept", &accept)
            .call()
            .with_context(|| format!("GET {url}"))?;
        Ok(response.body_mut().read_to_string()?)
    })
    .await?
}

/// Repeats a call until these members of its answer have the expected values.
async fn until_answered(cloud: &Cloud, call: &str, expected: &Value) -> Result<Value> {
    let patience = Patience::new();
    loop {
        let (status, _, answer) = cloud.get(call).await?;
        let members = expected.as_object().context("members")?;
        if status == 200 && members.iter().all(|(name, value)| answer[name] == *value) {
            return Ok(answer);
        }
        patience.wait(|| format!("{call}: {status} {answer}, and not {expected}")).await?;
    }
}
