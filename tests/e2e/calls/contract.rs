//! Compares the functions' answers with docs/API.md and with the API description.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use minutebook_api::routes::{Purpose, ROUTES, Route};
use minutebook_tests::binaries::root;
use minutebook_tests::cloud::Cloud;
use serde_json::Value;
use tokio::process::Command;

use crate::deployed::until_queue_is_empty;
use crate::needs;

crate::tests![
    docs_have_a_line_for_each_call,
    every_line_of_the_docs_is_answered_as_they_say needs Curl,
    the_functions_answer_as_the_description_says needs Schemathesis,
];

/// A command in docs/API.md, with the status and the answer that the page gives.
#[derive(Debug)]
struct Line {
    command: String,
    status: u16,
    /// The answer that the page shows, if any.
    answer: Option<Value>,
}

/// The time limit of one command.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads the fenced commands, each with the status and the answer that follow it.
fn lines_of_the_docs() -> Result<Vec<Line>> {
    let text = std::fs::read_to_string(root().join("docs/API.md"))?;
    let mut found: Vec<Line> = vec![];
    let mut lines = text.lines().filter(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        if line != "```sh" {
            continue;
        }
        let command: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let command = command.join("\n");
        let said = lines
            .next()
            .and_then(|line| line.strip_prefix("answers `"))
            .and_then(|rest| rest.split('`').next());
        let status = said.with_context(|| format!("there is no status for {command}"))?.parse()?;
        let mut answer = None;
        if lines.next_if_eq(&"```json").is_some() {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            answer = Some(
                serde_json::from_str(&text.join("\n"))
                    .with_context(|| format!("the answer to {command}"))?,
            );
        }
        found.push(Line { command, status, answer });
    }
    Ok(found)
}

/// The route that a command calls.
fn route(command: &str) -> Option<&'static Route> {
    let (_, rest) = command.split_once("\"$API")?;
    Route::of(rest.split(['"', '?']).next()?)
}

fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

async fn output(command: &mut Command, patience: Duration) -> Result<Output> {
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(patience, running)
        .await
        .with_context(|| format!("not within {patience:?}"))?;
    Ok(output?)
}

async fn docs_have_a_line_for_each_call(_: &Cloud) -> Result<()> {
    let lines = lines_of_the_docs()?;
    for wanted in ROUTES.iter().filter(|route| route.purpose != Purpose::File) {
        let is_shown = lines.iter().any(|line| {
            route(&line.command).is_some_and(|route| route.path == wanted.path) && line.status < 300
        });
        ensure!(is_shown, "docs/API.md has no line for {}", wanted.path);
    }
    Ok(())
}

async fn every_line_of_the_docs_is_answered_as_they_say(cloud: &Cloud) -> Result<()> {
    let api = cloud.url("").await?;
    let folder = tempfile::tempdir()?;
    let body_path = folder.path().join("body");
    for Line { command, status, answer } in &lines_of_the_docs()? {
        // Run the line unchanged, with a `curl` that prints the status and saves the body.
        let script = format!(
            "curl() {{ command curl -sS -o \"$BODY\" -w '%{{http_code}}' \"$@\"; }}\n{command}"
        );
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(root()).env("API", &api).env("BODY", &body_path);
        let Output { stdout, stderr, .. } =
            output(&mut shell, PATIENCE).await.with_context(|| command.clone())?;
        let body = std::fs::read_to_string(&body_path).unwrap_or_default();
        let told = String::from_utf8_lossy(&stdout);
        let stderr = String::from_utf8_lossy(&stderr);
        ensure!(
            told == status.to_string(),
            "{command}\nanswers {told}, not {status}: {body}{stderr}"
        );
        if let Some(shown) = answer {
            let body: Value =
                serde_json::from_str(&body).with_context(|| format!("{command}\n{body}"))?;
            ensure!(
                members(&body) == members(shown),
                "{command}\nhas other members than docs/API.md shows: {body}"
            );
        }
    }
    until_queue_is_empty(cloud, cloud.stack().await?).await
}

/// The checks that Schemathesis applies to each answer. They do not include that every valid
/// request is answered with 200, because the description cannot express every rule, for example
/// that a body must be packed as its header says.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      negative_data_rejection,unsupported_method,allow_header_conformance";

/// The time limit of Schemathesis: several times what it takes alone on two cores.
const SCHEMATHESIS_PATIENCE: Duration = Duration::from_secs(400);

/// Runs Schemathesis on the operations of one method. It uses one worker, because more are not
/// safe.
async fn schemathesis(program: &Path, api: &str, method: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(program);
    command
        .args(["run", &format!("{api}/openapi.json"), "--url", api, "--include-method", method])
        // An alias of `/events`.
        .args(["--exclude-path", "/ingest"])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "5"])
        .args([
            "--generation-deterministic",
            "--workers",
            "1",
            "--continue-on-failure",
            "--no-color",
        ])
        .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
        .env("PYTHONPATH", root().join("infra/lint"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder.path());
    let Output { status, stdout, stderr } = output(&mut command, SCHEMATHESIS_PATIENCE).await?;
    let stdout = String::from_utf8_lossy(&stdout);
    let summary = stdout.lines().rev().find(|line| !line.is_empty()).unwrap_or_default();
    eprintln!("schemathesis, {method}: {}", summary.trim_matches([' ', '=']));
    ensure!(status.success(), "{method}: {stdout}{}", String::from_utf8_lossy(&stderr));
    Ok(())
}

async fn the_functions_answer_as_the_description_says(cloud: &Cloud) -> Result<()> {
    let program = needs::schemathesis().context("a schemathesis")?;
    let api = cloud.url("").await?;
    tokio::try_join!(schemathesis(&program, &api, "GET"), schemathesis(&program, &api, "POST"))?;
    // The final recount includes what Schemathesis posted.
    until_queue_is_empty(cloud, cloud.stack().await?).await
}
