//! The local stack as a user starts it, in a checkout of its own.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::Output;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use minutebook_local::STATE_FOLDER;
use minutebook_tests::binaries::{self, root};
use minutebook_tests::cloud::Cloud;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{run, stderr, stdout};
use crate::counting::chunks::{now, rfc3339};
use crate::deployed::preflight;
use crate::push::socket::Socket;

crate::tests![up_can_require_keys_as_aws_does needs Permissions];

/// A folder that the command takes for a checkout in which all functions are built.
pub(crate) fn checkout() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let state = folder.path().join(STATE_FOLDER);
    std::fs::create_dir(&state)?;
    symlink(root().join("infra"), folder.path().join("infra"))?;
    symlink(root().join(STATE_FOLDER).join("tools"), state.join("tools"))?;
    let mut built = serde_json::Map::new();
    for function in minutebook_local::functions(&root())? {
        built.insert(function.clone(), json!(binaries::path(&function)?));
    }
    std::fs::write(state.join("functions.json"), Value::from(built).to_string())?;
    Ok(folder)
}

/// Runs the command in the checkout; it must succeed.
fn runs(folder: &TempDir, arguments: &[&str]) -> Result<String> {
    let path = std::env::var_os("PATH").unwrap_or_default().to_string_lossy().into_owned();
    let output: Output = run(folder, &[("PATH".to_string(), path)], arguments, None)?;
    ensure!(output.status.success(), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
    Ok(stdout(&output))
}

/// Asks with this key, and returns the status and the answer.
async fn ask(url: String, key: Option<&str>) -> Result<(u16, Value)> {
    let bearer = key.map(|key| format!("Bearer {key}"));
    tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = agent.get(&url);
        if let Some(bearer) = bearer {
            request = request.header("authorization", bearer);
        }
        let mut response = request.call()?;
        let body = response.body_mut().read_to_string()?;
        let answer = serde_json::from_str(&body).with_context(|| format!("{url}: {body}"))?;
        Ok((response.status().as_u16(), answer))
    })
    .await?
}

async fn up_can_require_keys_as_aws_does(_: &Cloud) -> Result<()> {
    let folder = checkout()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let up = ["up", "--no-build", "--port", &port, "--require-keys"];
    let started = runs(&folder, &up);
    let tried = match started {
        Ok(printed) => tried_with_keys(&folder, &printed, &up).await,
        Err(error) => Err(error),
    };
    let stopped = runs(&folder, &["down"]);
    tried?;
    stopped?;
    Ok(())
}

/// A socket is for whoever may ask the same question: refused by 403, whatever a call is refused by,
/// which is all that the emulator says.
async fn sockets_need_the_same_keys(
    folder: &TempDir,
    live_url: &str,
    read: Option<&str>,
) -> Result<()> {
    let made = |role: &str, site: &str, more: &[&str]| {
        let add = [&["keys", "add", site, "--role", role, "--json"], more].concat();
        let added: Value = serde_json::from_str(&runs(folder, &add)?)?;
        let text = |name: &str| added[name].as_str().map(str::to_string).context("a text");
        anyhow::Ok((text("key")?, text("id")?))
    };
    let read = read.context("a key")?;
    let (write, other) = (made("write", "shop", &[])?.0, made("read", "other", &[])?.0);
    let soon = rfc3339(now()? + TimeDelta::seconds(3));
    let (expired, _) = made("read", "shop", &["--expires", &soon])?;
    let (revoked, id) = made("read", "shop", &[])?;
    runs(folder, &["keys", "revoke", &id])?;
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let url = |key: &str| format!("{live_url}?site_id=shop&key={key}");
    let unknown = format!("mb_{}", "0".repeat(64));
    for key in ["", "mb_0", &unknown, &write, &other, &expired, &revoked] {
        let status = Socket::refused(&url(key)).await?;
        ensure!(status == 403, "{key}: {status}");
    }
    ensure!(Socket::refused(&format!("{live_url}?site_id=shop")).await? == 403, "without a key");
    let other_site = format!("{live_url}?site_id=other&key={read}");
    ensure!(Socket::refused(&other_site).await? == 403, "another site");
    let mut viewer = Socket::open(&url(read)).await?;
    ensure!(viewer.get().await?["type"] == "realtime", "the key with the role read");
    Ok(())
}

async fn tried_with_keys(folder: &TempDir, printed: &str, up: &[&str]) -> Result<()> {
    let status: Value = serde_json::from_str(&runs(folder, &["status", "--json"])?)?;
    let part = |name: &str| status[name].as_str().map(str::to_string).context("a text");
    let (api_url, key) = (part("api_url")?, part("api_key")?);
    ensure!(printed.contains(&key), "up does not print the key: {printed}");

    // Every function looks the key up by its role.
    for call in [
        "/most_viewed_item?site_id=shop",
        "/top_item_added_to_cart?site_id=shop",
        "/highest_grossing_item?site_id=shop",
        "/stats?site_id=shop",
        "/generate_random_events?count=1",
    ] {
        for (given, expected) in [(None, 401), (Some("mb_0"), 401), (Some(key.as_str()), 200)] {
            let (status, answer) = ask(format!("{api_url}{call}"), given).await?;
            ensure!(status == expected, "{call} with {given:?}: {status} {answer}");
        }
    }
    let members = |answer: &Value| answer.as_object().map(serde_json::Map::len);
    let (_, health) = ask(format!("{api_url}/health"), None).await?;
    ensure!(members(&health) == Some(2) && health["status"].is_string(), "{health}");
    let (_, health) = ask(format!("{api_url}/health"), Some(&key)).await?;
    ensure!(members(&health) > Some(2), "{health}");
    let answer = preflight(format!("{api_url}/stats"), "https://shop.example").await?;
    let (code, [origin, methods, headers]) = &answer;
    ensure!(*code == 204 && origin.is_empty() && methods.contains("GET"), "{answer:?}");
    ensure!(headers.contains("authorization"), "{answer:?}");

    // The command knows the key, and makes others.
    runs(folder, &["top", "views", "--json"])?;
    let added: Value =
        serde_json::from_str(&runs(folder, &["keys", "add", "shop", "--role", "read", "--json"])?)?;
    let (status, _) = ask(format!("{api_url}/stats?site_id=shop"), added["key"].as_str()).await?;
    ensure!(status == 200, "a key that was just added is answered {status}");
    sockets_need_the_same_keys(folder, &part("live_url")?, added["key"].as_str()).await?;
    // The next `up` keeps the key, and one without the flag opens the stack.
    ensure!(runs(folder, up)?.contains(&key), "the second up has another key");
    let printed = runs(folder, &up[..up.len() - 1])?;
    ensure!(!printed.contains("api_key"), "{printed}");
    let (status, answer) = ask(format!("{api_url}/stats?site_id=shop"), None).await?;
    ensure!(status == 200, "{status} {answer}");
    Ok(())
}
