//! The hours of many sites are sealed by few calls, and no site keeps the others waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Call, Fault, FaultProxy};
use minutebook_tests::store::Store;

use crate::counting::rollup::{
    HOUR, LIST_QUERIES, lag, let_time_pass, list, run_clean, run_failing, sums,
};

crate::tests![
    many_sites_are_sealed_by_few_calls_beside_one_that_has_a_past,
    hours_that_fail_in_each_run_keep_no_others_waiting,
];

/// Moves a time of all listed hours further into the past than a step waits.
async fn let_time_pass_for_all(store: &Store, attribute: &str) -> Result<()> {
    for item in store.open_hours().await? {
        let (site, hour) =
            item["sk"].as_s().ok().and_then(|sk| sk.split_once('#')).context("a key")?;
        let_time_pass(store, hour, site, attribute).await?;
    }
    Ok(())
}

async fn many_sites_are_sealed_by_few_calls_beside_one_that_has_a_past(
    cloud: &Cloud,
) -> Result<()> {
    const SITES: usize = 40;
    const PAST_HOURS: usize = 24;
    let store = Store::make(cloud, "rollup-sites").await?;
    let mut all: Vec<(String, String)> =
        (0..SITES).map(|site| (format!("site{site}"), HOUR.to_string())).collect();
    all.extend((0..PAST_HOURS).map(|hour| ("past".to_string(), format!("2026-11-09T{hour:02}"))));
    for (number, (site, hour)) in all.iter().enumerate() {
        let views = 1 + u32::try_from(number)?;
        store.put_row(&format!("T#{site}#{hour}"), "views#07#03#000", &[("i#7", views)]).await?;
        list(&store, hour, site).await?;
    }
    let hours = all.len();
    let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
    let mut worker = store.start_rollup(&proxy.url, 0).await?;
    for attribute in ["sealed_at", "done_at"] {
        run_clean(&mut worker).await?;
        ensure!(store.open_hours().await?.iter().all(|item| item.contains_key(attribute)));
        let_time_pass_for_all(&store, attribute).await?;
    }
    let lag = lag(&store).await?;
    ensure!(lag["hours_waiting"] == AttributeValue::N("0".to_string()), "{lag:?}");
    ensure!(!lag.contains_key("oldest_open_hour"), "{lag:?}");
    let batches = proxy.calls("BatchWriteItem");
    run_clean(&mut worker).await?;
    ensure!(store.open_hours().await?.is_empty());
    // Up to 25 hours leave the list together.
    let batches = proxy.calls("BatchWriteItem") - batches;
    ensure!(batches <= 6, "{batches} batches remove {hours} hours");

    // An hour: one call for its seals, one for its minutes, and one that counts. The rest is shared.
    ensure!(proxy.calls("TransactWriteItems") == hours, "{}", proxy.calls("TransactWriteItems"));
    // Each run looks at the snapshots of the totals. Every five minutes, one also reads the totals,
    // and keeps a snapshot.
    let snapshots = proxy.calls("PutItem").saturating_sub(3);
    ensure!((1..=2).contains(&snapshots), "the lag of three runs, and {snapshots} snapshots");
    let queries = hours + 3 * (LIST_QUERIES + 1) + snapshots;
    ensure!(proxy.calls("Query") == queries, "{} queries", proxy.calls("Query"));
    for single in ["UpdateItem", "DeleteItem", "GetItem"] {
        ensure!(proxy.calls(single) == 0, "{} calls of {single}", proxy.calls(single));
    }
    for (number, (site, hour)) in all.iter().enumerate() {
        let (day, of_day) = hour.split_once('T').context("an hour")?;
        let found = sums(&store, &format!("T#{site}#{day}"), &format!("views#{of_day}#")).await?;
        let expected = BTreeMap::from([("7".to_string(), 1 + number as u64)]);
        ensure!(found == expected, "{site} {hour}: {found:?}");
    }
    let past: u64 = (SITES + 1..=hours).map(|views| views as u64).sum();
    let found = sums(&store, "T#past#2026", "views#d11-09#").await?;
    ensure!(found == BTreeMap::from([("7".to_string(), past)]), "{found:?}");
    Ok(())
}

async fn hours_that_fail_in_each_run_keep_no_others_waiting(cloud: &Cloud) -> Result<()> {
    // More than a run works on at once.
    const HANGING: usize = 45;
    const OTHERS: usize = 200;
    let store = Store::make(cloud, "rollup-hanging").await?;
    for site in (0..HANGING).map(|site| format!("hanging{site}")) {
        list(&store, "2026-11-09T05", &site).await?;
    }
    for site in (0..OTHERS).map(|site| format!("other{site}")) {
        list(&store, HOUR, &site).await?;
    }
    // The table never takes the seals of the oldest hours.
    let is_hanging = |call: &Call| call.items.iter().any(|item| item.contains("S#hanging"));
    let plan = move |call: &_| is_hanging(call).then_some(Fault::Error("ThrottlingException"));
    let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(plan)).await?;
    let mut worker = store.start_rollup(&proxy.url, 0).await?;
    worker.allow(Duration::from_secs(6));
    let mut sealed = 0;
    for run in 1..=2 {
        let sentence = run_failing(&mut worker).await?;
        ensure!(sentence.starts_with("out of time: "), "{sentence}");
        let listed = store.open_hours().await?;
        let sealed_before = sealed;
        // The hanging ones are not.
        sealed = listed.iter().filter(|item| item.contains_key("sealed_at")).count();
        ensure!(sealed > sealed_before, "run {run} sealed nothing: {sealed} of {OTHERS}");
    }
    let lag = lag(&store).await?;
    let waiting = AttributeValue::N((HANGING + OTHERS).to_string());
    ensure!(lag["hours_waiting"] == waiting, "{lag:?}");
    ensure!(lag["catch_up_seconds"] != AttributeValue::N("0".to_string()), "{lag:?}");
    Ok(())
}
