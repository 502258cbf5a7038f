//! `minutebook doctor` on a stack that breaks piece by piece.

use anyhow::{Context as _, Result, ensure};
use minutebook_tests::cloud::Cloud;
use serde_json::{Value, json};

use crate::command::{stderr, stdout};
use crate::deploy::user::User;

crate::tests![
    each_broken_part_is_found_in_the_order_of_its_urgency needs Permissions,
];

/// Lines without a time.
const REJECTED: &str = "{\"event_type\":\"page_visit\",\"item_id\":1}\n";

async fn each_broken_part_is_found_in_the_order_of_its_urgency(cloud: &Cloud) -> Result<()> {
    let user = User::new(cloud, "deploy-doctor")?;
    user.gets(&user.first(&["--yes", "--parameter", "DeletionProtection=false"]))?;
    ensure!(found(&user)?.is_empty(), "{:?}", found(&user)?);
    let status: Value = serde_json::from_str(&user.gets(&["status", "--json"])?)?;
    let part = |name: &str| status[name].as_str().context("a text");

    let letter = cloud.clients.sqs.send_message().queue_url(part("dead_letters_url")?);
    letter.message_body("not a notification").send().await?;
    expect(&user, &["dead_letters"])?;
    let printed = stdout(&user.runs(&["doctor"], None)?);
    let expected = "1. 1 dead letter that could not be counted (no notification of an object: 1): \
                    they are kept for 14 days\n   minutebook replay --dead-letters --wait --stack \
                    deploy-doctor\n";
    ensure!(printed.starts_with(expected), "{printed}");

    let put = user.runs(&["put", "-", "--wait", "--allow-rejected"], Some(REJECTED))?;
    ensure!(put.status.success(), "{}{}", stdout(&put), stderr(&put));
    expect(&user, &["dead_letters", "rejected"])?;

    let keys: Value = serde_json::from_str(&user.gets(&["keys", "list", "--json"])?)?;
    user.gets(&["keys", "revoke", keys[0]["id"].as_str().context("an id")?])?;
    expect(&user, &["dead_letters", "keys", "rejected"])?;

    cloud.ask_events("DisableRule", json!({"Name": "deploy-doctor-rollup"})).await?;
    expect(&user, &["rule", "dead_letters", "keys", "rejected"])?;

    for (id, _) in cloud.mappings("deploy-doctor-ingest").await? {
        cloud.set_mapping(&id, false).await?;
    }
    expect(&user, &["mapping", "rule", "dead_letters", "keys", "rejected"])?;

    let table = part("table")?;
    cloud.clients.dynamodb.delete_table().table_name(table).send().await?;
    let names = found(&user)?;
    ensure!(names[0] == "unreadable" && names.contains(&"api".to_string()), "{names:?}");
    // Whoever may not look is told so.
    let guest = user.with_role_of(cloud, "most_viewed").await?;
    let error = guest.fails(&["doctor"], None)?;
    ensure!(error.starts_with("cannot look up the stack deploy-doctor in "), "{error}");
    Ok(())
}

/// Checks what is found, and that it fails.
fn expect(user: &User, expected: &[&str]) -> Result<()> {
    let found = found(user)?;
    ensure!(found == expected, "{found:?}, and not {expected:?}");
    Ok(())
}

/// The names of what is found, but for alarms, which ring later. The exit code says whether there is
/// anything.
fn found(user: &User) -> Result<Vec<String>> {
    let output = user.runs(&["doctor", "--json"], None)?;
    let (out, err) = (stdout(&output), stderr(&output));
    let findings: Value = serde_json::from_str(&out).with_context(|| format!("{out}{err}"))?;
    let findings = findings.as_array().context("a list")?;
    ensure!(output.status.success() == findings.is_empty(), "{out}{err}");
    let names = findings.iter().filter_map(|finding| finding["finding"].as_str());
    Ok(names.filter(|name| *name != "alarm").map(str::to_string).collect())
}
