//! Sites: their registry and its bound, and what each of them sets about the reading of its events.

pub(crate) mod quarters;
pub(crate) mod retention;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy};
use minutebook_tests::store::{Store, sites_partition, sqs_event};
use minutebook_tests::worker::Invocation;
use serde_json::Value;

use crate::calls::asking::ask;
use crate::counting::chunks::{
    Coming, VIEWS_OF_TWO_PARTS, again_and_verified, at, count, start_behind, verified,
};

crate::tests![
    events_have_the_currency_and_the_zone_of_their_site,
    a_chunk_is_finished_by_the_settings_it_was_begun_with,
    sites_are_registered_with_the_days_of_their_events,
    a_deployment_that_counted_before_it_had_a_registry_has_a_past,
    days_are_registered_before_anything_of_them_is_committed,
    events_of_too_many_sites_are_rejected,
    a_chunk_is_finished_under_the_bound_it_was_begun_with,
];

/// A purchase for 2 at noon, in no zone and no currency.
fn purchase(site: &str) -> String {
    format!(
        "{{\"event\":\"purchase\",\"timestamp\":\"2026-11-20T12:00\",\"site_id\":\"{site}\",\
         \"item_id\":1,\"price\":2}}\n"
    )
}

async fn events_have_the_currency_and_the_zone_of_their_site(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "site-settings").await?;
    let mut worker = store.start_plain_ingest().await?;
    let text = purchase("india") + &purchase("other");
    for (key, settings) in [
        ("before.jsonl", &[][..]),
        ("first.jsonl", &[("time_zone", "Asia/Kolkata"), ("currency", "INR")]),
        ("second.jsonl", &[("time_zone", "America/New_York")]),
    ] {
        // The process has read the settings before, and takes the new ones for the next chunk.
        let ledger = store.ledger().await?;
        if !settings.is_empty() {
            store.set_site(u32::try_from(ledger.len())?, "india", settings).await?;
        }
        let record = store.put(key, text.clone()).await?;
        count(&mut worker, [&record]).await?;
    }
    let mut sales = BTreeMap::new();
    for ([partition, sort_key, _], number) in store.counters().await? {
        if let Some(("sales", rest)) = sort_key.split_once(':')
            && let Some((currency, _)) = rest.split_once('#')
            && partition.len() == "T#india#2026-11-20T12".len()
        {
            sales.insert(format!("{partition} {currency}"), number);
        }
    }
    let expected = [
        ("T#india#2026-11-20T06 INR", "2"),
        ("T#india#2026-11-20T12 USD", "2"),
        ("T#india#2026-11-20T17 USD", "2"),
        ("T#other#2026-11-20T12 USD", "6"),
    ];
    let expected = expected.map(|(cell, number)| (cell.to_string(), number.to_string()));
    ensure!(sales == BTreeMap::from(expected), "{sales:?}");
    let mut revisions: Vec<_> =
        store.ledger().await?.iter().map(|entry| entry["settings_revision"].as_u64()).collect();
    revisions.sort_unstable();
    ensure!(revisions == [None, Some(1), Some(2)], "{revisions:?}");
    verified(&store, 6).await
}

/// The first ledger entry settles by which revision a chunk is read, whoever finishes it.
async fn a_chunk_is_finished_by_the_settings_it_was_begun_with(cloud: &Cloud) -> Result<()> {
    let store = Coming::Late.store(cloud, "settings-in-the-middle").await?;
    store.set_site(1, "default", &[("time_zone", "Europe/Berlin")]).await?;
    let text = Coming::Late.rows(VIEWS_OF_TWO_PARTS)?.replace("Z\"", "\"");
    let record = store.put("a.jsonl", text).await?;
    let kill = at("TransactWriteItems", 2, Fault::KillBefore);
    let (_proxy, mut worker) = start_behind(&store, kill).await?;
    ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
    store.set_site(2, "default", &[("time_zone", "America/New_York")]).await?;
    again_and_verified(&store, &record, VIEWS_OF_TWO_PARTS).await?;
    let ledger = store.ledger().await?;
    ensure!(ledger[0]["settings_revision"] == 1, "{ledger:?}");
    // `2026-10-01T00:00` in Berlin.
    let counters = store.counters().await?;
    let first = |[partition, ..]: &[String; 3]| partition == "T#default#2026-09-30T22";
    ensure!(counters.keys().any(first), "{counters:?}");
    Ok(())
}

fn view(site: &str, time: &str) -> String {
    format!(
        "{{\"event\":\"view\",\"timestamp\":\"{time}\",\"site_id\":\"{site}\",\"item_id\":1,\
         \"user_id\":7}}\n"
    )
}

/// The registered sites as `number site first last`, by number.
async fn registered(store: &Store) -> Result<Vec<String>> {
    let mut sites = BTreeMap::new();
    for digit in "0123456789abcdef".chars() {
        for row in store.partition(&format!("SITES#{digit}")).await? {
            let text = |name: &str| row[name].as_s().ok().context("a text");
            let number: u32 = row["number"].as_n().ok().context("a number")?.parse()?;
            let (site, first, last) = (text("sk")?, text("first_day")?, text("last_day")?);
            let other = sites.insert(number, format!("{number} {site} {first} {last}"));
            ensure!(other.is_none(), "{number} is given twice: {other:?}");
        }
    }
    Ok(sites.into_values().collect())
}

async fn sites_are_registered_with_the_days_of_their_events(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "site-registry").await?;
    let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
    let mut worker = store.start_ingest(&proxy.url, &store.clients.endpoint_url).await?;
    let mut put_and_count = async |key: &str, text: String| -> Result<usize> {
        let record = store.put(key, text).await?;
        let calls = || {
            let names = ["BatchGetItem", "UpdateItem", "TransactWriteItems"];
            names.iter().map(|name| proxy.calls(&format!("{name} of sites"))).sum::<usize>()
        };
        let before = calls();
        count(&mut worker, [&record]).await?;
        Ok(calls() - before)
    };
    let text = view("b", "2026-10-20T12:00:00Z") + &view("a", "2026-10-22T12:00:00Z");
    put_and_count("a.jsonl", text + &view("b", "2026-10-21T23:59:59Z")).await?;
    let expected = ["1 a 2026-10-22 2026-10-22", "2 b 2026-10-20 2026-10-21"];
    ensure!(registered(&store).await? == expected, "{:?}", registered(&store).await?);
    // What is known is neither read nor written.
    let calls = put_and_count("b.jsonl", view("b", "2026-10-21T01:00:00Z")).await?;
    ensure!(calls == 0, "{calls} calls");
    // An import of older events, and newer ones of another process.
    put_and_count("c.jsonl", view("b", "2019-10-01T00:00:00Z")).await?;
    let record = store.put("d.jsonl", view("a", "2026-10-23T12:00:00Z")).await?;
    count(&mut store.start_plain_ingest().await?, [&record]).await?;
    let expected = ["1 a 2026-10-22 2026-10-23", "2 b 2019-10-01 2026-10-21"];
    ensure!(registered(&store).await? == expected, "{:?}", registered(&store).await?);
    let registry = store.partition("SITES").await?;
    ensure!(registry[0]["is_complete"] == AttributeValue::Bool(true), "{registry:?}");
    let mut api = store.start_query("api", &store.clients.endpoint_url).await?;
    let (_, answer) = ask(&mut api, "/stats", "site_id=b").await?;
    ensure!(answer["total_views"] == 4 && answer["unique_users"] == 1, "{answer}");
    ensure!(answer["window"]["from"] == "2019-10-01T00:00:00Z", "{answer}");
    verified(&store, 6).await
}

/// The build before counted a site and did not register it.
async fn a_deployment_that_counted_before_it_had_a_registry_has_a_past(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "site-past").await?;
    let record = store.put("before.jsonl", view("a", "2019-10-01T00:00:00Z")).await?;
    count(&mut store.start_plain_ingest().await?, [&record]).await?;
    store.delete_row(&sites_partition("a"), "a").await?;
    store.delete_row("SITES", "registry").await?;
    let mut api = store.start_query("api", &store.clients.endpoint_url).await?;
    let (_, answer) = ask(&mut api, "/stats", "site_id=a").await?;
    ensure!(answer["total_views"] == 1, "without a registry: {answer}");
    let record = store.put("after.jsonl", view("b", "2026-10-20T00:00:00Z")).await?;
    count(&mut store.start_plain_ingest().await?, [&record]).await?;
    ensure!(registered(&store).await? == ["1 b 1970-01-01 2026-10-20"]);
    let (_, answer) = ask(&mut api, "/stats", "site_id=a").await?;
    ensure!(answer["total_views"] == 1, "it is not registered: {answer}");
    let record = store.put("more.jsonl", view("a", "2026-10-20T00:00:00Z")).await?;
    count(&mut store.start_plain_ingest().await?, [&record]).await?;
    let (_, answer) = ask(&mut api, "/stats", "site_id=a").await?;
    ensure!(answer["total_views"] == 2, "it is registered after its past: {answer}");
    verified(&store, 3).await
}

/// A worker that dies before its first transaction leaves wider days, which do no harm.
async fn days_are_registered_before_anything_of_them_is_committed(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "site-days-first").await?;
    let record = store.put("a.jsonl", view("a", "2026-10-20T12:00:00Z")).await?;
    let kill = at("TransactWriteItems", 1, Fault::KillBefore);
    let (_proxy, mut worker) = start_behind(&store, kill).await?;
    ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
    ensure!(store.counters().await?.is_empty(), "nothing is counted yet");
    ensure!(registered(&store).await? == ["1 a 2026-10-20 2026-10-20"]);
    // A worker that dies with the reply of the registration finds it done.
    let second = store.put("b.jsonl", view("b", "2026-10-20T12:00:00Z")).await?;
    let kill = at("TransactWriteItems of sites", 1, Fault::KillAfter);
    let (_proxy, mut worker) = start_behind(&store, kill).await?;
    ensure!(worker.invoke(sqs_event(&[vec![second.clone()]])).await? == Invocation::Died);
    again_and_verified(&store, &second, 1).await.err().context("the first is not counted yet")?;
    again_and_verified(&store, &record, 2).await?;
    ensure!(registered(&store).await?.len() == 2);
    Ok(())
}

/// What `SitesMax` did to each chunk: its key, and its lines that are rejected for it.
async fn too_many(store: &Store) -> Result<BTreeMap<String, u64>> {
    let entry = |entry: &Value| {
        let rejected = entry["rejected_by_reason"]["too_many_sites"].as_u64();
        Ok((entry["key"].as_str().context("a key")?.to_string(), rejected.unwrap_or(0)))
    };
    store.ledger().await?.iter().map(entry).collect()
}

async fn events_of_too_many_sites_are_rejected(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "site-bound").await?;
    let url = &store.clients.endpoint_url;
    let at = "2026-10-20T12:00:00Z";
    let text: String = ["b", "c", "a", "c", "b"].map(|site| view(site, at)).concat();
    let first = store.put("first.jsonl", text.clone()).await?;
    let mut bounded = store.start_ingest_with_sites_max(url, url, 2).await?;
    count(&mut bounded, [&first]).await?;
    ensure!(registered(&store).await?.len() == 2);
    // A raised bound admits the next chunk, and changes nothing of the first.
    let second = store.put("second.jsonl", text).await?;
    let mut raised = store.start_ingest_with_sites_max(url, url, 3).await?;
    count(&mut raised, [&second, &first]).await?;
    let third = store.put("third.jsonl", view("c", at)).await?;
    count(&mut bounded, [&third]).await?;
    let expected = [("first.jsonl", 2), ("second.jsonl", 0), ("third.jsonl", 1)];
    let expected = expected.map(|(key, lines)| (key.to_string(), lines));
    let found = too_many(&store).await?;
    ensure!(found == BTreeMap::from(expected), "{found:?}");
    let key = "first.jsonl.rejected.jsonl";
    let rejected = store.clients.s3.get_object().bucket(&store.rejected_bucket).key(key);
    let rejected = rejected.send().await.context("GetObject")?.body.collect().await?.into_bytes();
    let lines: Vec<Value> = rejected
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(serde_json::from_slice)
        .collect::<Result<_, _>>()?;
    let numbers: Vec<_> = lines.iter().map(|line| line["line"].as_u64()).collect();
    ensure!(numbers == [Some(2), Some(4)], "{lines:?}");
    ensure!(lines.iter().all(|line| line["reason"] == "too_many_sites"), "{lines:?}");
    verified(&store, 8).await
}

/// The first ledger entry settles the bound, whoever finishes the chunk.
async fn a_chunk_is_finished_under_the_bound_it_was_begun_with(cloud: &Cloud) -> Result<()> {
    let store = Coming::Late.store(cloud, "bound-in-the-middle").await?;
    let url = &store.clients.endpoint_url;
    let known = store.put("known.jsonl", view("default", "2026-10-01T00:00:00Z")).await?;
    let mut worker = store.start_ingest_with_sites_max(url, url, 1).await?;
    count(&mut worker, [&known]).await?;
    let text = Coming::Late.rows(VIEWS_OF_TWO_PARTS)? + &view("other", "2026-10-01T00:00:00Z");
    let record = store.put("a.jsonl", text).await?;
    let kill = at("TransactWriteItems", 2, Fault::KillBefore);
    let proxy = FaultProxy::start(url, kill).await?;
    let mut worker = store.start_ingest_with_sites_max(&proxy.url, url, 1).await?;
    proxy.set_victim(worker.process_id());
    ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
    // The bound is raised, and the other site gets a number.
    let other = store.put("other.jsonl", view("other", "2026-10-01T00:00:00Z")).await?;
    let mut worker = store.start_ingest_with_sites_max(url, url, 0).await?;
    count(&mut worker, [&other, &record]).await?;
    let found = too_many(&store).await?;
    ensure!(found["a.jsonl"] == 1 && found["other.jsonl"] == 0, "{found:?}");
    verified(&store, VIEWS_OF_TWO_PARTS + 2).await
}
