//! Deployments that fail: nothing is left half done, and one line says what to do.

use anyhow::{Result, ensure};
use minutebook_tests::cloud::Cloud;

use crate::deploy::user::User;

crate::tests![
    an_update_that_fails_its_smoke_test_is_rolled_back needs Permissions,
    a_new_stack_that_fails_its_smoke_test_stays_and_says_so needs Permissions,
    a_creation_that_fails_leaves_nothing needs Permissions,
    what_is_missing_is_said_in_one_line needs Permissions,
];

/// A program that every invocation fails with.
const BROKEN: &[u8] = b"#!/bin/sh\nexit 1\n";

/// What no smoke test of a stack without `ingest` outlasts.
const SHORT: [&str; 3] = ["--yes", "--smoke-timeout", "10"];

async fn an_update_that_fails_its_smoke_test_is_rolled_back(cloud: &Cloud) -> Result<()> {
    let user = User::new(cloud, "deploy-back")?;
    user.gets(&user.first(&["--yes"]))?;
    let working = user.program("ingest")?;
    user.replaces("ingest", BROKEN)?;
    let deploy = ["deploy", "--no-build", "--parameter", "KeysMax=7"];
    let error = user.fails(&[&deploy[..], &SHORT].concat(), None)?;
    ensure!(
        error.starts_with("the smoke test failed: the events are not counted in time: "),
        "{error}"
    );
    let expected = "The stack deploy-back is as it was before, and its smoke test passes";
    ensure!(error.ends_with(expected), "{error}");
    // Code, template and parameters are those of before.
    user.replaces("ingest", &working)?;
    let printed = user.gets(&["deploy", "--no-build", "--yes"])?;
    ensure!(printed.contains(": nothing changes\n"), "{printed}");
    Ok(())
}

async fn a_new_stack_that_fails_its_smoke_test_stays_and_says_so(cloud: &Cloud) -> Result<()> {
    let user = User::new(cloud, "deploy-new")?;
    user.replaces("collect", BROKEN)?;
    let more = [&SHORT[..], &["--parameter", "DeletionProtection=false"]].concat();
    let error = user.fails(&user.first(&more), None)?;
    let expected =
        "the stack deploy-new is deployed, but its smoke test failed: events cannot be posted";
    ensure!(error.starts_with(expected), "{error}");
    ensure!(error.ends_with("`minutebook destroy --stack deploy-new`"), "{error}");
    let printed = user.gets(&["destroy", "--yes"])?;
    ensure!(printed.contains(" WITH ALL NUMBERS\n"), "{printed}");
    ensure!(!printed.contains("kept the table"), "{printed}");
    Ok(())
}

async fn a_creation_that_fails_leaves_nothing(cloud: &Cloud) -> Result<()> {
    let user = User::new(cloud, "deploy-half")?;
    let error = user.fails(&user.first(&["--yes", "--parameter", "MskClusterArn=none"]), None)?;
    ensure!(error.starts_with("cannot deploy the stack deploy-half: MskPolicy: "), "{error}");
    ensure!(error.ends_with(" (nothing is left of the stack)"), "{error}");
    let printed = user.gets(&["destroy", "--yes"])?;
    ensure!(printed.starts_with("there is no stack deploy-half in "), "{printed}");
    let tables = cloud.clients.dynamodb.list_tables().send().await?;
    let left = tables.table_names().iter().find(|name| name.starts_with("deploy-half"));
    ensure!(left.is_none(), "{left:?}");
    let buckets = cloud.clients.s3.list_buckets().send().await?;
    let is_left = |name: Option<&str>| name.is_some_and(|name| name.starts_with("deploy-half"));
    ensure!(!buckets.buckets().iter().any(|bucket| is_left(bucket.name())), "{buckets:?}");
    Ok(())
}

async fn what_is_missing_is_said_in_one_line(cloud: &Cloud) -> Result<()> {
    let user = || User::new(cloud, "deploy-not");
    let deploy = ["deploy", "--no-build", "--yes"];
    let keyless = user()?.with("AWS_ACCESS_KEY_ID", None).with("AWS_SECRET_ACCESS_KEY", None);
    let status = ["status"];
    for (user, arguments, expected) in [
        (keyless, &deploy[..], "no AWS credentials are known: run `aws configure`"),
        (
            user()?,
            &["--profile", "nobody", "deploy", "--no-build"],
            "there is no AWS profile nobody",
        ),
        (user()?.with("AWS_REGION", None), &deploy, "no region is known: give --region"),
        (user()?, &["deploy", "--no-build", "--parameter", "Nope=1"], "the template has no para"),
        (
            user()?.with("AWS_ENDPOINT_URL", Some("http://127.0.0.1:1")),
            &deploy,
            "Could not connect to the endpoint URL",
        ),
        (user()?, &status, "cannot look up the stack deploy-not in us-east-1: Stack with id"),
    ] {
        let error = user.fails(arguments, None)?;
        let is_expected = error.starts_with(expected);
        ensure!(is_expected, "{arguments:?}: {error:?}, and not {expected:?}");
    }
    let user_of_one = user()?;
    let refused = user_of_one.first(&["--parameter", "IngestMaxConcurrency=1"]);
    let error = user_of_one.fails(&refused, None)?;
    ensure!(error.contains("IngestMaxConcurrency is at least 2"), "{error}");
    let other = if cfg!(target_arch = "aarch64") { "x86_64" } else { "arm64" };
    let parameter = format!("Architecture={other}");
    let error = user()?.fails(&["deploy", "--no-build", "--parameter", &parameter], None)?;
    ensure!(error.contains(&format!("and the functions are to run on {other}")), "{error}");
    let named = User::new(cloud, "not_a_name")?.fails(&deploy, None)?;
    ensure!(named.starts_with("\"not_a_name\" is no name for a stack"), "{named}");

    // The role of a function may not deploy.
    let guest = user()?.with_role_of(cloud, "most_viewed").await?;
    let error = guest.fails(&deploy, None)?;
    ensure!(error.starts_with("the AWS credentials lack a permission ("), "{error}");
    // Nothing of all that is left.
    let printed = user()?.gets(&["destroy", "--yes"])?;
    ensure!(printed.starts_with("there is no stack deploy-not in "), "{printed}");
    Ok(())
}
