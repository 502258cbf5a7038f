//! A finished hour is sealed, rolled up once and removed from the list of open hours, whatever
//! happens to the function.
//!
//! Each test writes minute rows by hand and runs the real rollup binary. Where a step would wait
//! for a minute, the tests move the times on the list into the past instead.

pub(crate) mod many_sites;

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{SecondsFormat, TimeDelta};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy};
use minutebook_tests::store::{Store, open_partition};
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

use crate::counting::chunks::{count, now, verified, write_as_counted_in_time};

crate::tests![
    an_hour_is_sealed_then_rolled_up_then_delisted,
    an_hour_that_is_listed_again_is_not_rolled_up_again,
    nothing_due_is_a_query_of_each_partition_and_the_lag,
    two_sealers_at_once,
    a_sealer_that_dies_at_any_call_is_finished_by_the_next,
    a_row_that_nobody_should_have_written_stops_its_hour_and_no_other,
    an_hour_whose_minutes_may_have_expired_is_never_rolled_up,
    an_hour_that_waits_for_half_of_its_minutes_time_fails_the_run_and_is_sealed,
    the_deployed_rollup_is_scheduled_and_does_every_step_with_its_role,
];

pub(crate) const SITE: &str = "shop";
pub(crate) const HOUR: &str = "2026-11-10T05";

/// The partitions of the list of open hours, that of builds before included.
pub(crate) const LIST_QUERIES: usize = 16 + 1;

/// The rows that receive the sums of [`HOUR`]: hour, day, ISO week and month.
pub(crate) const ABOVE: [(&str, &str); 4] = [
    ("T#shop#2026-11-10", "views#05#"),
    ("T#shop#2026", "views#d11-10#"),
    ("T#shop#2026", "views#w46#"),
    ("T#shop#2026", "views#m11#"),
];

/// The sums of this many keys need more than one transaction.
const KEYS_OF_TWO_PARTS: usize = 2_000;

/// The name of the hour `days` days ago.
fn hour_ago(days: i64) -> Result<String> {
    Ok((now()? - TimeDelta::days(days)).format("%Y-%m-%dT%H").to_string())
}

/// Lists an hour as open, as ingest does.
pub(crate) async fn list(store: &Store, hour: &str, site: &str) -> Result<()> {
    store.list_open(site, hour).await
}

/// Writes 2,000 views of as many items to two shards and two minutes of [`HOUR`], as if counted
/// while it was open. Also counts a late event, which is then in the rows above already.
pub(crate) async fn write_two_parts(store: &Store) -> Result<()> {
    write_as_counted_in_time(store, SITE, HOUR, KEYS_OF_TWO_PARTS).await?;
    let late = format!(
        "{{\"event\":\"add_to_cart\",\"timestamp\":\"{HOUR}:07:00Z\",\"site_id\":\"{SITE}\",\"item_id\":1}}"
    );
    let record = store.put("late.jsonl", late).await?;
    count(&mut store.start_plain_ingest().await?, [&record]).await
}

/// Checks that every period above has each item of [`write_two_parts`] once, and that everything
/// else is right.
pub(crate) async fn is_exact(store: &Store) -> Result<()> {
    is_rolled_up_once(store).await?;
    verified(store, KEYS_OF_TWO_PARTS + 1).await
}

async fn is_rolled_up_once(store: &Store) -> Result<()> {
    for (partition, prefix) in ABOVE {
        let sums = sums(store, partition, prefix).await?;
        let odd: Vec<_> = sums.iter().filter(|(_, count)| **count != 1).take(5).collect();
        let keys = KEYS_OF_TWO_PARTS;
        ensure!(
            sums.len() == keys && odd.is_empty(),
            "{prefix} has {} of {keys} keys, not one each: {odd:?}",
            sums.len()
        );
    }
    Ok(())
}

/// The rows of a partition whose sort key starts with a prefix, which may be empty.
pub(crate) async fn items(
    store: &Store,
    partition: &str,
    prefix: &str,
) -> Result<Vec<HashMap<String, AttributeValue>>> {
    let mut items = store.partition(partition).await?;
    items.retain(|item| item["sk"].as_s().is_ok_and(|sort_key| sort_key.starts_with(prefix)));
    Ok(items)
}

/// The counters of rows, by key.
pub(crate) async fn sums(
    store: &Store,
    partition: &str,
    prefix: &str,
) -> Result<BTreeMap<String, u64>> {
    let mut sums = BTreeMap::new();
    for item in items(store, partition, prefix).await? {
        for (name, value) in item {
            let (Some(key), AttributeValue::N(count)) = (name.strip_prefix("i#"), &value) else {
                continue;
            };
            *sums.entry(key.to_string()).or_default() +=
                count.parse::<u64>().with_context(|| count.clone())?;
        }
    }
    Ok(sums)
}

/// The list entry of an open hour, or `None` if it is not listed.
pub(crate) async fn listed(
    store: &Store,
    hour: &str,
    site: &str,
) -> Result<Option<HashMap<String, AttributeValue>>> {
    Ok(items(store, &open_partition(site), &format!("{site}#{hour}")).await?.pop())
}

async fn has_time(store: &Store, hour: &str, site: &str, attribute: &str) -> Result<bool> {
    Ok(listed(store, hour, site).await?.is_some_and(|item| item.contains_key(attribute)))
}

/// Moves a time on the list further into the past than a step waits.
pub(crate) async fn let_time_pass(
    store: &Store,
    hour: &str,
    site: &str,
    attribute: &str,
) -> Result<()> {
    let_time_pass_for(store, (&open_partition(site), &format!("{site}#{hour}")), attribute).await
}

/// Moves a time of a row of the list further into the past than a step waits.
pub(crate) async fn let_time_pass_for(
    store: &Store,
    (partition, row): (&str, &str),
    attribute: &str,
) -> Result<()> {
    let past = (now()? - TimeDelta::minutes(2)).to_rfc3339_opts(SecondsFormat::Millis, true);
    store
        .clients
        .dynamodb
        .update_item()
        .table_name(&store.table)
        .key("pk", AttributeValue::S(partition.to_string()))
        .key("sk", AttributeValue::S(row.to_string()))
        .update_expression("SET #at = :past")
        .condition_expression("attribute_exists(#at)")
        .expression_attribute_names("#at", attribute)
        .expression_attribute_values(":past", AttributeValue::S(past))
        .send()
        .await
        .with_context(|| format!("{row} has no {attribute}"))?;
    Ok(())
}

pub(crate) async fn run_clean(worker: &mut Worker) -> Result<()> {
    match worker.invoke(json!({})).await? {
        Invocation::Answered(_) => Ok(()),
        ended => bail!("the run ended with {ended:?}"),
    }
}

/// Runs once, and returns the error message of the run.
pub(crate) async fn run_failing(worker: &mut Worker) -> Result<String> {
    match worker.invoke(json!({})).await? {
        Invocation::Failed(error) => {
            Ok(error["errorMessage"].as_str().unwrap_or_default().to_string())
        }
        ended => bail!("the run ended with {ended:?}"),
    }
}

async fn an_hour_is_sealed_then_rolled_up_then_delisted(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "rollup-steps").await?;
    list(&store, HOUR, SITE).await?;
    let partition = format!("T#{SITE}#{HOUR}");
    store.put_row(&partition, "views#00#00#000", &[("i#7", 3), ("i#8", 1)]).await?;
    store.put_row(&partition, "views#59#15#001.1", &[("i#7", 4)]).await?;
    store.put_row(&partition, "views#59#late#000", &[("i#7", 100)]).await?;
    store.put_row(&partition, "sales:EUR#59#03#000", &[("i#7", 25)]).await?;
    // Late events are in this row already.
    store.put_row(ABOVE[0].0, "views#05#000", &[("i#7", 100)]).await?;
    let this_hour = hour_ago(0)?;
    list(&store, &this_hour, SITE).await?;
    let mut worker = store.start_rollup(&store.clients.endpoint_url, 0).await?;

    run_clean(&mut worker).await?;
    let seals = items(&store, &format!("S#{SITE}#{HOUR}"), "").await?;
    ensure!(seals.len() == 16 && seals.iter().all(|seal| seal.contains_key("ttl")), "{seals:?}");
    ensure!(has_time(&store, HOUR, SITE, "sealed_at").await?);
    // A transaction from before the seal may still be in progress, so nothing happens for a minute.
    run_clean(&mut worker).await?;
    ensure!(!has_time(&store, HOUR, SITE, "done_at").await?);
    ensure!(sums(&store, ABOVE[1].0, "").await?.is_empty());

    let_time_pass(&store, HOUR, SITE, "sealed_at").await?;
    run_clean(&mut worker).await?;
    ensure!(has_time(&store, HOUR, SITE, "done_at").await?);
    let expected = |views: u64| BTreeMap::from([("7".to_string(), views), ("8".to_string(), 1)]);
    for (number, (partition, prefix)) in ABOVE.into_iter().enumerate() {
        let found = sums(&store, partition, prefix).await?;
        ensure!(found == expected(if number == 0 { 107 } else { 7 }), "{prefix}: {found:?}");
        let found = sums(&store, partition, &prefix.replace("views", "sales:EUR")).await?;
        ensure!(found == BTreeMap::from([("7".to_string(), 25)]), "{prefix}: {found:?}");
    }
    // Readers that read the list late must still find the hour on it for a while.
    run_clean(&mut worker).await?;
    ensure!(listed(&store, HOUR, SITE).await?.is_some());

    let_time_pass(&store, HOUR, SITE, "done_at").await?;
    run_clean(&mut worker).await?;
    ensure!(listed(&store, HOUR, SITE).await?.is_none());
    // The current hour was not changed.
    ensure!(listed(&store, &this_hour, SITE).await?.is_some_and(|item| item.len() == 2));
    ensure!(items(&store, &format!("S#{SITE}#{this_hour}"), "").await?.is_empty());
    Ok(())
}

/// Takes [`HOUR`] through all its steps.
async fn carry_to_the_end(store: &Store, worker: &mut Worker) -> Result<()> {
    for attribute in ["sealed_at", "done_at"] {
        run_clean(worker).await?;
        let_time_pass(store, HOUR, SITE, attribute).await?;
    }
    run_clean(worker).await?;
    ensure!(listed(store, HOUR, SITE).await?.is_none());
    Ok(())
}

async fn an_hour_that_is_listed_again_is_not_rolled_up_again(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "rollup-again").await?;
    let mut worker = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    write_two_parts(&store).await?;
    carry_to_the_end(&store, &mut worker).await?;
    // As by a process that slept between reading the clock and listing the hour.
    list(&store, HOUR, SITE).await?;
    carry_to_the_end(&store, &mut worker).await?;
    is_exact(&store).await
}

async fn nothing_due_is_a_query_of_each_partition_and_the_lag(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "rollup-idle").await?;
    list(&store, &hour_ago(0)?, SITE).await?;
    let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
    let mut worker = store.start_rollup(&proxy.url, 0).await?;
    run_clean(&mut worker).await?;
    // The list, the totals and their snapshots.
    ensure!(proxy.calls("Query") == LIST_QUERIES + 2, "{} queries", proxy.calls("Query"));
    // The lag of sealing, and a snapshot of the totals.
    ensure!(proxy.calls("PutItem") == 2, "{} puts", proxy.calls("PutItem"));
    for write in ["BatchWriteItem", "UpdateItem", "DeleteItem", "TransactWriteItems"] {
        ensure!(proxy.calls(write) == 0, "{} calls of {write}", proxy.calls(write));
    }
    let lag = lag(&store).await?;
    ensure!(lag["hours_waiting"] == AttributeValue::N("0".to_string()), "{lag:?}");
    ensure!(lag["oldest_open_hour"] == AttributeValue::S(hour_ago(0)?), "{lag:?}");
    Ok(())
}

/// The row that says how far sealing is behind.
pub(crate) async fn lag(store: &Store) -> Result<HashMap<String, AttributeValue>> {
    items(store, "LAG", "sealing").await?.pop().context("rollup has reported")
}

async fn two_sealers_at_once(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "rollup-two").await?;
    write_two_parts(&store).await?;
    let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
    proxy.make_overlaps_conflict();
    let mut one = store.start_rollup(&proxy.url, 0).await?;
    let mut other = store.start_rollup(&proxy.url, 0).await?;
    for attribute in ["sealed_at", "done_at"] {
        tokio::try_join!(run_clean(&mut one), run_clean(&mut other))?;
        let_time_pass(&store, HOUR, SITE, attribute).await?;
    }
    tokio::try_join!(run_clean(&mut one), run_clean(&mut other))?;
    ensure!(listed(&store, HOUR, SITE).await?.is_none());
    is_exact(&store).await
}

async fn a_sealer_that_dies_at_any_call_is_finished_by_the_next(cloud: &Cloud) -> Result<()> {
    for (name, fault) in
        [("rollup-dies-before", Fault::KillBefore), ("rollup-dies-after", Fault::KillAfter)]
    {
        let store = Store::make(cloud, name).await?;
        write_two_parts(&store).await?;
        let mut deaths = 0;
        for attribute in ["sealed_at", "done_at", ""] {
            let deaths_before = deaths;
            // Die at the first call, then at the second, and so on, until a run survives.
            for last_call in 1.. {
                let mut calls = 0;
                let fault = fault.clone();
                let plan = move |_: &_| {
                    calls += 1;
                    (calls == last_call).then(|| fault.clone())
                };
                let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(plan)).await?;
                let mut worker = store.start_rollup(&proxy.url, 0).await?;
                proxy.set_victim(worker.process_id());
                match worker.invoke(json!({})).await? {
                    Invocation::Died => deaths += 1,
                    Invocation::Answered(_) => break,
                    ended @ Invocation::Failed(_) => bail!("the run ended with {ended:?}"),
                }
            }
            ensure!(deaths > deaths_before, "no run of this step was killed");
            if !attribute.is_empty() {
                let_time_pass(&store, HOUR, SITE, attribute).await?;
            }
        }
        // The calls of the three steps. Some need not be repeated once they were executed.
        ensure!(deaths >= 10, "only {deaths} runs were killed");
        ensure!(listed(&store, HOUR, SITE).await?.is_none());
        is_exact(&store).await?;
    }
    Ok(())
}

async fn a_row_that_nobody_should_have_written_stops_its_hour_and_no_other(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "rollup-malformed").await?;
    write_two_parts(&store).await?;
    let older = "2026-11-10T04";
    list(&store, older, SITE).await?;
    store.put_row(&format!("T#{SITE}#{older}"), "views#07#16#000", &[("i#1", 1)]).await?;
    let mut worker = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    run_clean(&mut worker).await?;
    for hour in [older, HOUR] {
        let_time_pass(&store, hour, SITE, "sealed_at").await?;
    }
    let sentence = run_failing(&mut worker).await?;
    ensure!(
        sentence.contains("1 of 2 open hours") && sentence.contains("views#07#16#000"),
        "{sentence}"
    );
    ensure!(!has_time(&store, older, SITE, "done_at").await?);
    ensure!(has_time(&store, HOUR, SITE, "done_at").await?);
    is_rolled_up_once(&store).await
}

async fn an_hour_whose_minutes_may_have_expired_is_never_rolled_up(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "rollup-expired").await?;
    let (lost, fresh) = (hour_ago(8)?, hour_ago(1)?);
    // One hour was sealed in time but not rolled up. The other was not even sealed.
    for site in ["sealed", "unsealed"] {
        store.put_row(&format!("T#{site}#{lost}"), "views#07#00#000", &[("i#1", 1)]).await?;
    }
    let mut in_time = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    list(&store, &lost, "sealed").await?;
    run_clean(&mut in_time).await?;
    let_time_pass(&store, &lost, "sealed", "sealed_at").await?;
    list(&store, &lost, "unsealed").await?;
    list(&store, &fresh, SITE).await?;

    let mut worker = store.start_rollup(&store.clients.endpoint_url, 7).await?;
    let sentence = run_failing(&mut worker).await?;
    ensure!(sentence.starts_with("2 of 3 open hours failed"), "{sentence}");
    ensure!(sentence.contains(&lost) && sentence.contains("minutebook replay --all"), "{sentence}");
    for site in ["sealed", "unsealed"] {
        ensure!(!has_time(&store, &lost, site, "done_at").await?, "{site}");
        let day = lost.split('T').next().unwrap_or_default();
        ensure!(sums(&store, &format!("T#{site}#{day}"), "").await?.is_empty(), "{site}");
    }
    ensure!(!has_time(&store, &lost, "unsealed", "sealed_at").await?);
    ensure!(has_time(&store, &fresh, SITE, "sealed_at").await?);
    Ok(())
}

async fn an_hour_that_waits_for_half_of_its_minutes_time_fails_the_run_and_is_sealed(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "rollup-in-danger").await?;
    let hour = hour_ago(5)?;
    list(&store, &hour, SITE).await?;
    let mut worker = store.start_rollup(&store.clients.endpoint_url, 7).await?;
    for attribute in ["sealed_at", "done_at"] {
        let sentence = run_failing(&mut worker).await?;
        ensure!(
            sentence.contains(&format!("{hour} of {SITE}: this unsealed hour is ")),
            "{sentence}"
        );
        let_time_pass(&store, &hour, SITE, attribute).await?;
    }
    // The hour is rolled up now, and no longer in danger.
    run_clean(&mut worker).await?;
    ensure!(listed(&store, &hour, SITE).await?.is_none());
    Ok(())
}

async fn the_deployed_rollup_is_scheduled_and_does_every_step_with_its_role(
    cloud: &Cloud,
) -> Result<()> {
    let stack = cloud.stack().await?;
    let function = stack.functions.get("rollup").context("the stack has the function")?;
    let (expression, targets) = cloud.schedule(function).await?;
    ensure!(expression == "rate(1 minute)", "{expression}");
    ensure!(
        targets.len() == 1 && targets[0].ends_with(&format!(":function:{function}")),
        "{targets:?}"
    );

    // The schedule may run any step before this test does, with the same result.
    let store = Store::of(&cloud.clients, stack);
    let site = "rolled-up";
    let partition = format!("T#{site}#{HOUR}");
    store.put_row(&partition, "views#07#00#000", &[("i#7", 3)]).await?;
    list(&store, HOUR, site).await?;
    for attribute in ["sealed_at", "done_at"] {
        let answer = cloud.invoke("rollup", &json!({})).await?;
        ensure!(answer == Value::Null, "{answer}");
        let_time_pass(&store, HOUR, site, attribute).await?;
    }
    cloud.invoke("rollup", &json!({})).await?;
    ensure!(listed(&store, HOUR, site).await?.is_none());
    let above = ABOVE.map(|(partition, prefix)| (partition.replace(SITE, site), prefix));
    for (partition, prefix) in &above {
        let found = sums(&store, partition, prefix).await?;
        ensure!(found == BTreeMap::from([("7".to_string(), 3)]), "{prefix}: {found:?}");
    }
    // These numbers do not come from any object.
    for (partition, prefix) in &above {
        store.delete_row(partition, &format!("{prefix}000")).await?;
    }
    store.delete_row(&partition, "views#07#00#000").await?;
    store.delete_row(&format!("L#seal:{site}:{HOUR}"), "000000").await?;
    for shard in 0..16 {
        store.delete_row(&format!("S#{site}#{HOUR}"), &format!("{shard:02}")).await?;
    }
    Ok(())
}
