//! More items and pages than keep their names: sums stay exact, the largest stay named, answers say
//! what has no name, and `verify` recounts the rule.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy};
use minutebook_tests::store::Store;
use minutebook_tests::worker::Invocation;
use serde_json::{Value, json};

use crate::calls::asking::ask;
use crate::counting::chunks::{
    Coming, at, count, now, rfc3339, verified, write_as_counted_in_time,
};
use crate::counting::rollup::{ABOVE, HOUR, SITE, let_time_pass, listed, run_clean, sums};

crate::tests![
    a_chunk_of_more_names_than_are_kept,
    three_posts_of_many_pages_leave_the_site_answered,
    an_hour_of_more_names_than_are_kept_is_finished_as_it_was_begun,
    names_of_an_hour_whose_minutes_have_expired,
];

/// How many names a chunk keeps.
const NAMES_MAX: usize = 50;
/// How many items and pages it has.
const ITEMS: usize = 200;

fn views_of(item: usize) -> usize {
    1 + item * 37 % 23
}

/// The views of each item on a page of its own, in two minutes that follow each other.
fn lines(time: DateTime<Utc>) -> String {
    let line = |item: usize, view: usize| {
        let time = rfc3339(time - TimeDelta::minutes(i64::from(view % 2 == 1)));
        format!(
            "{{\"event\":\"view\",\"timestamp\":\"{time}\",\"item_id\":{item},\"path\":\"/p/{item}\"}}\n"
        )
    };
    (0..ITEMS).flat_map(|item| (0..views_of(item)).map(move |view| line(item, view))).collect()
}

/// The items that keep their names, with their views: the naive way, by their keys.
fn named(key: impl Fn(usize) -> String) -> BTreeMap<String, usize> {
    let mut items: Vec<(Reverse<usize>, String)> =
        (0..ITEMS).map(|item| (Reverse(views_of(item)), key(item))).collect();
    items.sort();
    items.into_iter().take(NAMES_MAX).map(|(Reverse(views), key)| (key, views)).collect()
}

/// The counters of a measure in minute rows, by key.
async fn minutes(store: &Store, measure: &str) -> Result<BTreeMap<String, usize>> {
    let mut found = BTreeMap::new();
    for ([partition, row, name], number) in store.counters().await? {
        let is_minute = partition.len() == "T#default#2026-11-20T23".len();
        if is_minute && row.starts_with(&format!("{measure}#")) {
            let key = name.strip_prefix("i#").context("a counter")?.to_string();
            *found.entry(key).or_default() += number.parse::<usize>()?;
        }
    }
    Ok(found)
}

async fn a_chunk_of_more_names_than_are_kept(cloud: &Cloud) -> Result<()> {
    let views: usize = (0..ITEMS).map(views_of).sum();
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "names-of-a-chunk").await?;
        let time = coming.minute()?;
        let record = store.put("a.jsonl", lines(time)).await?;
        let endpoint_url = &store.clients.endpoint_url;
        let names_max = u32::try_from(NAMES_MAX)?;
        let mut worker = store.start_with_keys_max("ingest", endpoint_url, names_max).await?;
        count(&mut worker, [&record]).await?;
        for (measure, key) in [("views", ""), ("pages", "/p/")] {
            let mut expected = named(|item| format!("{key}{item}"));
            let nameless = views - expected.values().sum::<usize>();
            expected.insert("(other)".to_string(), nameless);
            if measure == "pages" {
                // Every view of a page is one of an item too.
                expected.insert(String::new(), views);
            }
            let found = minutes(&store, measure).await?;
            ensure!(found == expected, "{measure}: {found:?}, and not {expected:?}");
        }
        verified(&store, views).await?;

        // Another worker, with another limit, has nothing to add.
        let mut other = store.start_with_keys_max("ingest", endpoint_url, 0).await?;
        count(&mut other, [&record]).await?;
        verified(&store, views).await?;

        let mut ranking = store.start_query("most_viewed", endpoint_url).await?;
        let query = format!("as_of={}&limit=100", rfc3339(time));
        let (status, answer) = ask(&mut ranking, "/most_viewed_item", &query).await?;
        let named = named(|item| item.to_string());
        let mut top = BTreeMap::new();
        for item in answer["top"].as_array().context("a list")? {
            let views = item["views"].as_u64().context("views")?;
            top.insert(item["item_id"].to_string(), usize::try_from(views)?);
        }
        ensure!(status == 200 && top == named, "{answer}");
        let nameless = views - named.values().sum::<usize>();
        ensure!(answer["other"] == json!({"views": nameless}), "{answer}");

        let mut api = store.start_query("api", endpoint_url).await?;
        let (from, to) = (time - TimeDelta::minutes(5), time + TimeDelta::minutes(1));
        let query = format!("site_id=default&from={}&to={}", rfc3339(from), rfc3339(to));
        let (status, answer) = ask(&mut api, "/stats", &query).await?;
        ensure!(status == 200 && answer["total_views"] == views, "{answer}");
        ensure!(answer["other"] == json!({"views": nameless}), "{answer}");
    }
    Ok(())
}

async fn three_posts_of_many_pages_leave_the_site_answered(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "names-of-posts").await?;
    let time = rfc3339(now()?);
    let endpoint_url = &store.clients.endpoint_url;
    let mut worker = store.start_with_keys_max("ingest", endpoint_url, 100).await?;
    for post in 0..3 {
        let line = |page: usize| {
            format!("{{\"event\":\"view\",\"timestamp\":\"{time}\",\"path\":\"/{post}/{page}\"}}\n")
        };
        let record =
            store.put(&format!("{post}.jsonl"), (0..1_000).map(line).collect::<String>()).await?;
        count(&mut worker, [&record]).await?;
    }
    let mut api = store.start_query("api", endpoint_url).await?;
    let (status, answer) = ask(&mut api, "/stats", "site_id=default").await?;
    ensure!(status == 200 && answer["total_views"] == 3_000, "{answer}");
    ensure!(answer["other"] == json!({"views": 2_700}), "{answer}");
    ensure!(answer["top_paths"].as_array().map(Vec::len) == Some(10), "{answer}");
    verified(&store, 3_000).await
}

/// How many items the hour has: their sums need more than one transaction.
const ITEMS_OF_THE_HOUR: usize = 2_000;
/// How many of them keep their names, in more than one transaction too.
const NAMES_OF_THE_HOUR: u32 = 1_500;

/// Seals [`HOUR`], in which [`ITEMS_OF_THE_HOUR`] items were viewed once, with two sealers that keep
/// another number of names: the first dies after its first transaction.
async fn seal_by_two(store: &Store) -> Result<()> {
    write_as_counted_in_time(store, SITE, HOUR, ITEMS_OF_THE_HOUR).await?;
    let endpoint_url = &store.clients.endpoint_url;
    let plan = at("TransactWriteItems", 1, Fault::KillAfter);
    let proxy = FaultProxy::start(endpoint_url, plan).await?;
    let mut first = store.start_with_keys_max("rollup", &proxy.url, NAMES_OF_THE_HOUR).await?;
    proxy.set_victim(first.process_id());
    run_clean(&mut first).await?;
    let_time_pass(store, HOUR, SITE, "sealed_at").await?;
    ensure!(first.invoke(json!({})).await? == Invocation::Died);
    // With 700 names there would be one transaction in all.
    let mut second = store.start_with_keys_max("rollup", endpoint_url, 700).await?;
    run_clean(&mut second).await?;
    let_time_pass(store, HOUR, SITE, "done_at").await?;
    run_clean(&mut second).await?;
    ensure!(listed(store, HOUR, SITE).await?.is_none());
    Ok(())
}

/// How many differences `verify` finds, with these arguments.
async fn differences(store: &Store, arguments: &[&str]) -> Result<Value> {
    let output = store.run_verify(arguments).await?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    Ok(report["differences"].clone())
}

async fn an_hour_of_more_names_than_are_kept_is_finished_as_it_was_begun(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "names-of-an-hour").await?;
    seal_by_two(&store).await?;
    let entries = store.ledger().await?;
    let entry = entries.iter().find(|entry| entry["pk"] == format!("L#seal:{SITE}:{HOUR}"));
    ensure!(entry.is_some_and(|entry| entry["keys_max"] == NAMES_OF_THE_HOUR), "{entries:?}");
    let mut keys: Vec<String> = (0..ITEMS_OF_THE_HOUR).map(|item| item.to_string()).collect();
    keys.sort();
    let nameless = keys.split_off(usize::try_from(NAMES_OF_THE_HOUR)?).len();
    let mut expected: BTreeMap<String, u64> = keys.into_iter().map(|key| (key, 1)).collect();
    expected.insert("(other)".to_string(), u64::try_from(nameless)?);
    for (partition, prefix) in ABOVE {
        let found = sums(&store, partition, prefix).await?;
        ensure!(found == expected, "{prefix}: {} keys, {:?}", found.len(), found.get("(other)"));
    }
    verified(&store, ITEMS_OF_THE_HOUR).await?;

    // Late events of an item that gave up its name count under it.
    let late = format!(
        "{{\"event\":\"view\",\"timestamp\":\"{HOUR}:07:00Z\",\"site_id\":\"{SITE}\",\"item_id\":999}}"
    );
    let record = store.put("late.jsonl", late).await?;
    count(&mut store.start_plain_ingest().await?, [&record]).await?;
    let found = sums(&store, ABOVE[0].0, ABOVE[0].1).await?;
    ensure!(
        found.get("999") == Some(&1) && !expected.contains_key("999"),
        "{:?}",
        found.get("999")
    );
    verified(&store, ITEMS_OF_THE_HOUR + 1).await?;

    // What nothing explains is a difference.
    store.add((ABOVE[0].0, "views#05#000"), "i#(other)", "1").await?;
    let found = differences(&store, &[]).await?;
    ensure!(found == 1, "{found}");
    Ok(())
}

/// Without the minutes it is not known which names an hour gave up, but how many, and how much.
async fn names_of_an_hour_whose_minutes_have_expired(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "names-of-the-past").await?;
    seal_by_two(&store).await?;
    let minutes = format!("T#{SITE}#{HOUR}");
    for row in store.rows_of(&minutes).await? {
        store.delete_row(&minutes, &row).await?;
    }
    let without_minutes = ["--minute-retention-days", "1"];
    let found = differences(&store, &without_minutes).await?;
    ensure!(found == 0, "{found}");
    // Now the names lack more than `(other)` has.
    store.add((ABOVE[0].0, "views#05#000"), "i#(other)", "-1").await?;
    let found = differences(&store, &without_minutes).await?;
    ensure!(found == 1, "{found}");
    Ok(())
}
