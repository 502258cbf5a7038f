//! A deployment while events arrive.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sqs::types::QueueAttributeName;
use minutebook_tests::cloud::Cloud;
use serde_json::Value;

use crate::command::{stderr, stdout};
use crate::deploy::user::User;
use crate::waiting::Patience;

crate::tests![
    a_deployment_under_load_loses_nothing_and_counts_nothing_twice needs Permissions,
];

/// What arrives: five chunks of ten events a second, for longer than the test takes.
const LOAD: [&str; 6] = ["--events", "100000", "--chunks", "10000", "--rate", "50"];

/// When a message comes back that a function did not finish, in seconds. The template has minutes.
const VISIBILITY_SECONDS: &str = "20";

async fn a_deployment_under_load_loses_nothing_and_counts_nothing_twice(
    cloud: &Cloud,
) -> Result<()> {
    let user = User::new(cloud, "deploy-load")?;
    user.gets(&user.first(&["--yes"]))?;
    let status: Value = serde_json::from_str(&user.gets(&["status", "--json"])?)?;
    let queue_url = status["queue_url"].as_str().context("a URL")?;
    cloud
        .clients
        .sqs
        .set_queue_attributes()
        .queue_url(queue_url)
        .attributes(QueueAttributeName::VisibilityTimeout, VISIBILITY_SECONDS)
        .send()
        .await?;

    let generate = ["generate", "--to-bucket", "--prefix", "load/", "--event-ids"];
    let mut load = user.begins(&[&generate[..], &LOAD].concat())?;
    // Functions have other code, twice, and other parameters, while chunks are counted.
    for parameter in ["KeysMax=90000", "KeysMax=80000"] {
        for name in ["ingest", "rollup", "collect", "api"] {
            let mut program = user.program(name)?;
            // What follows a program is not run.
            program.push(b'\n');
            user.replaces(name, &program)?;
        }
        let printed = user.gets(&["deploy", "--no-build", "--yes", "--parameter", parameter])?;
        ensure!(printed.contains("  modify IngestFunction (AWS::Lambda::Function)\n"), "{printed}");
        ensure!(load.is_running()?, "no events arrive any more");
    }
    drop(load);

    let patience = Patience::new();
    let verified = loop {
        let output = user.runs(&["verify"], None)?;
        let verified = stdout(&output);
        if output.status.success() {
            break verified;
        }
        patience.wait(|| format!("{verified}{}", stderr(&output))).await?;
    };
    let events = verified.lines().next().context("a line")?;
    ensure!(events.ends_with(" events, 0 differences"), "{verified}");
    // All of it is counted, and nothing of it is counted a second time.
    user.gets(&["replay", "--all", "--wait"])?;
    let again = user.gets(&["verify"])?;
    ensure!(again.lines().next() == Some(events), "{verified}{again}");
    user.gets(&["destroy", "--yes"])?;
    Ok(())
}
