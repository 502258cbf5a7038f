//! Files that are put again: grown, older than what is counted, or under another key.

use anyhow::{Result, ensure};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::Fault;
use minutebook_tests::store::{Store, sqs_event};
use minutebook_tests::worker::Invocation;

use crate::counting::chunks::{Coming, at, count, hold_first, start_behind, verified};

crate::tests![
    a_file_that_grows_counts_what_was_appended,
    versions_of_a_file_that_arrive_in_another_order,
    two_versions_of_a_file_at_once,
    a_worker_that_dies_in_a_file_that_has_grown,
    the_same_bytes_under_another_key_count_once,
    the_same_bytes_under_two_keys_at_once,
    copies_count_if_they_say_so_or_are_small,
];

/// Views that take more than 4 KiB.
const MANY: usize = 100;

async fn a_file_that_grows_counts_what_was_appended(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "grows").await?;
        let mut worker = store.start_plain_ingest().await?;
        let mut text = String::new();
        for version in 1..=4 {
            text += &coming.rows(MANY)?;
            text += "no event\n";
            let record = store.put("log.jsonl", text.clone()).await?;
            count(&mut worker, [&record, &record]).await?;
            let summary = worker.next_summary().await?;
            ensure!(summary["lines"] == MANY + 1, "version {version}: {summary}");
            worker.next_summary().await?;
        }
        verified(&store, 4 * MANY).await?;
        // The lines keep the numbers that they have in the file.
        let rejected = store.rejected("log.jsonl").await?;
        ensure!(rejected.last().is_some_and(|line| line["line"] == 4 * (MANY + 1)), "{rejected:?}");
    }
    Ok(())
}

async fn versions_of_a_file_that_arrive_in_another_order(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "versions-in-another-order").await?;
    let mut records = vec![];
    let mut text = String::new();
    for _ in 0..4 {
        text += &Coming::Late.views_of_a_minute(MANY)?;
        records.push(store.put("log.jsonl", text.clone()).await?);
    }
    let mut worker = store.start_plain_ingest().await?;
    for number in [1, 3, 0, 2, 1, 3] {
        count(&mut worker, [&records[number]]).await?;
    }
    verified(&store, 4 * MANY).await
}

async fn two_versions_of_a_file_at_once(cloud: &Cloud) -> Result<()> {
    for first in [0, 1] {
        let store = Store::make(cloud, &format!("versions-at-once-{first}")).await?;
        let text = Coming::Late.views_of_a_minute(MANY)?;
        let records = [
            store.put("log.jsonl", text.clone()).await?,
            store.put("log.jsonl", text.repeat(2)).await?,
        ];
        // One is held before its transaction until the other is counted.
        let is_first = |call: &minutebook_tests::faults::Call| {
            call.operation == "TransactWriteItems" && call.number == 1
        };
        let (proxy, mut held) = start_behind(&store, hold_first(is_first)).await?;
        let record = records[first].clone();
        let running = tokio::spawn(async move { count(&mut held, [&record]).await });
        proxy.is_holding().await;
        let mut other = store.start_plain_ingest().await?;
        count(&mut other, [&records[1 - first]]).await?;
        proxy.release();
        running.await??;
        verified(&store, 2 * MANY).await?;
    }
    Ok(())
}

async fn a_worker_that_dies_in_a_file_that_has_grown(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "dies-in-a-grown-file").await?;
        let text = coming.rows(MANY)?;
        let first = store.put("log.jsonl", text.clone()).await?;
        count(&mut store.start_plain_ingest().await?, [&first]).await?;
        let grown = store.put("log.jsonl", text + &coming.rows(300)?).await?;
        let plan = at("TransactWriteItems", 2, Fault::KillAfter);
        let (_proxy, mut worker) = start_behind(&store, plan).await?;
        let ended = worker.invoke(sqs_event(&[vec![grown.clone()]])).await?;
        ensure!(ended == Invocation::Died, "{ended:?}");
        count(&mut store.start_plain_ingest().await?, [&grown, &first]).await?;
        verified(&store, MANY + 300).await?;
    }
    Ok(())
}

async fn the_same_bytes_under_another_key_count_once(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "copies").await?;
    let text = Coming::Late.views_of_a_minute(MANY)? + "no event\n";
    let mut worker = store.start_plain_ingest().await?;
    for key in ["a.jsonl", "moved/b.jsonl", "c.jsonl"] {
        let record = store.put(key, text.clone()).await?;
        count(&mut worker, [&record, &record]).await?;
        let summary = worker.next_summary().await?;
        let is_copy = summary["copy_of"].as_str().is_some_and(|chunk| chunk.contains("/a.jsonl#"));
        ensure!(is_copy == (key != "a.jsonl"), "{summary}");
        worker.next_summary().await?;
    }
    ensure!(store.rejected("c.jsonl").await.is_err(), "a copy has no rejected lines");
    verified(&store, MANY).await
}

async fn the_same_bytes_under_two_keys_at_once(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "copies-at-once").await?;
    let text = Coming::Late.views_of_a_minute(MANY)?;
    let records = [store.put("a.jsonl", text.clone()).await?, store.put("b.jsonl", text).await?];
    let is_transaction =
        |call: &minutebook_tests::faults::Call| call.operation == "TransactWriteItems";
    let (proxy, mut held) = start_behind(&store, hold_first(is_transaction)).await?;
    let record = records[0].clone();
    let running = tokio::spawn(async move { count(&mut held, [&record]).await });
    proxy.is_holding().await;
    let mut other = store.start_plain_ingest().await?;
    count(&mut other, [&records[1]]).await?;
    proxy.release();
    running.await??;
    verified(&store, MANY).await
}

async fn copies_count_if_they_say_so_or_are_small(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "copies-anew").await?;
    let text = Coming::Late.views_of_a_minute(MANY)?;
    let small = Coming::Late.views_of_a_minute(7)?;
    let records = [
        store.put("a.jsonl", text.clone()).await?,
        store.put_with("b.jsonl", text, &[("anew", "true")]).await?,
        store.put("small-a.jsonl", small.clone()).await?,
        store.put("small-b.jsonl", small).await?,
    ];
    count(&mut store.start_plain_ingest().await?, &records).await?;
    verified(&store, 2 * MANY + 2 * 7).await
}
