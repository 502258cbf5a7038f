//! A stack from its first deployment to its end.

use anyhow::{Context as _, Result, ensure};
use minutebook_tests::cloud::Cloud;
use serde_json::Value;

use crate::deploy::user::User;

crate::tests![
    a_stack_is_deployed_again_asked_by_its_name_and_destroyed needs Permissions,
];

/// The events of a smoke test.
const SMOKE_EVENTS: usize = 3;

async fn a_stack_is_deployed_again_asked_by_its_name_and_destroyed(cloud: &Cloud) -> Result<()> {
    let user = User::new(cloud, "deploy-life")?;
    let declined = user.fails(&user.first(&[]), Some("no\n"))?;
    ensure!(declined == "nothing was changed", "{declined}");
    let printed = user.gets(&user.first(&["--yes"]))?;
    let place = "stack deploy-life in us-east-1, account 000000000000";
    ensure!(printed.contains(&format!("{place}: new, with ")), "{printed}");
    let key = printed.lines().find_map(|line| line.strip_prefix("admin_key"));
    let key = key.with_context(|| format!("no key: {printed}"))?.trim();

    // The same again: no other key, and the smoke tests leave none behind.
    let printed = user.gets(&["deploy", "--no-build", "--yes"])?;
    ensure!(printed.starts_with(&format!("{place}: nothing changes\n")), "{printed}");
    ensure!(!printed.contains("admin_key"), "{printed}");
    let keys: Value = serde_json::from_str(&user.gets(&["keys", "list", "--json"])?)?;
    ensure!(keys.as_array().map(Vec::len) == Some(1) && keys[0]["site_id"] == "*", "{keys}");

    // Another parameter, which all others outlive.
    let declined =
        user.fails(&["deploy", "--no-build", "--parameter", "DefaultCurrency=EUR"], Some("\n"))?;
    ensure!(declined == "nothing was changed", "{declined}");
    let nobody = user.fails(&["deploy", "--no-build", "--parameter", "KeysMax=7"], None)?;
    ensure!(nobody.starts_with("nobody answers, and nothing was changed"), "{nobody}");
    user.gets(&["deploy", "--no-build", "--yes", "--parameter", "DefaultCurrency=EUR"])?;

    // Every command finds the stack by its name.
    let status: Value = serde_json::from_str(&user.gets(&["status", "--json"])?)?;
    ensure!(status["default_currency"] == "EUR", "{status}");
    ensure!(status["bucket"].as_str().is_some_and(|name| name.starts_with("deploy-life")));
    let query = ["--api-key", key, "top", "views", "--site-id", "smoke-test", "--json"];
    let answer: Value = serde_json::from_str(&user.gets(&query)?)?;
    ensure!(answer["top"].as_array().map(Vec::len) == Some(3), "one item a test: {answer}");
    let verified = user.gets(&["verify"])?;
    let expected = format!("verified: {} events, 0 differences\n", 3 * SMOKE_EVENTS);
    ensure!(verified.starts_with(&expected), "{verified}");

    // Whoever means another stack keeps this one.
    let declined = user.fails(&["destroy"], Some("yes\n"))?;
    ensure!(declined == "nothing was changed", "{declined}");
    let printed = user.gets(&["destroy", "--yes"])?;
    ensure!(printed.contains("\ndeleted the stack deploy-life\n"), "{printed}");
    let kept = printed.lines().filter(|line| line.starts_with("kept the ")).count();
    ensure!(kept == 3, "two buckets and the table are kept: {printed}");
    let text = |name: &str| status[name].as_str().map(str::to_string).context("a text");
    cloud.clients.s3.head_bucket().bucket(text("bucket")?).send().await?;
    let dynamodb = &cloud.clients.dynamodb;
    dynamodb.describe_table().table_name(text("table")?).send().await?;
    let again = user.gets(&["destroy", "--yes"])?;
    ensure!(again == "there is no stack deploy-life in us-east-1: nothing to delete\n", "{again}");
    Ok(())
}
