//! A deployment meets what the build before has counted in part: it is finished under the plan format
//! version that began it, if this build can plan that, and left alone otherwise.
//!
//! The entries of the build before are those of this build with another version, because both plan
//! the same. `tests/upgrade/run.py` deploys a real build of the version before.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy};
use minutebook_tests::store::{Store, open_partition, sqs_event};
use minutebook_tests::worker::Invocation;
use serde_json::json;

use crate::calls::asking::ask;
use crate::counting::chunks::{
    Coming, again_and_verified, at, content_hash, count, failed, start_behind, verified,
    write_as_counted_in_time,
};
use crate::counting::rollup::{
    HOUR, SITE, is_exact, items, let_time_pass, let_time_pass_for, run_clean, run_failing,
    write_two_parts,
};

crate::tests![
    an_entry_of_another_plan_format_version,
    a_chunk_that_another_version_finished,
    a_chunk_that_the_version_before_began,
    an_hour_that_the_version_before_rolled_up_in_part,
    an_hour_that_another_version_rolled_up_in_part,
    hours_that_builds_before_have_listed_are_answered_and_sealed,
];

const VERSION: &str = "plan_format_version";

/// The rows of this many views need several transactions.
const VIEWS_OF_MANY_PARTS: usize = 300;

/// The sort keys of a chunk's ledger entries, each with its plan format version.
async fn versions(store: &Store, chunk: &str) -> Result<Vec<(String, u32)>> {
    let version = |item: HashMap<String, AttributeValue>| match (&item["sk"], item.get(VERSION)) {
        (AttributeValue::S(part), Some(AttributeValue::N(version))) => {
            Ok((part.clone(), version.parse()?))
        }
        other => bail!("{chunk} has an entry {other:?}"),
    };
    items(store, chunk, "").await?.into_iter().map(version).collect()
}

/// Changes the entries of an unfinished chunk to those of a version that is `difference` higher,
/// and returns it.
async fn change_version(store: &Store, chunk: &str, difference: i32) -> Result<u32> {
    for (part, _) in versions(store, chunk).await? {
        store.add((chunk, &part), VERSION, &difference.to_string()).await?;
    }
    let changed = versions(store, chunk).await?;
    Ok(changed.first().context("a part is counted")?.1)
}

/// Checks that more entries have come, all of the version that the chunk began with.
async fn is_finished_under(
    store: &Store,
    chunk: &str,
    version: u32,
    entries_before: usize,
) -> Result<()> {
    let entries = versions(store, chunk).await?;
    let is_of_version = entries.iter().all(|(_, found)| *found == version);
    ensure!(
        entries.len() > entries_before && is_of_version,
        "{entries_before} entries of version {version} became {entries:?}"
    );
    Ok(())
}

async fn an_entry_of_another_plan_format_version(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "other-version").await?;
        let text = coming.views_of_a_minute(10)?;
        let record = store.put("a.jsonl", text.clone()).await?;
        let chunk = format!("L#{}/a.jsonl#{}", store.bucket, content_hash(text.as_bytes())?);
        store.put_row(&chunk, "000000", &[("plan_format_version", 999), ("parts", 2)]).await?;
        let mut worker = store.start_plain_ingest().await?;
        let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
        ensure!(
            ended == failed(&["m0"]),
            "a chunk that another version began is a dead letter, but {ended:?}"
        );
        ensure!(store.counters().await?.is_empty(), "nothing of it may be counted");
    }
    Ok(())
}

async fn a_chunk_that_another_version_finished(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "other-finished").await?;
        let text = coming.views_of_a_minute(10)?;
        let record = store.put("a.jsonl", text.clone()).await?;
        let chunk = format!("L#{}/a.jsonl#{}", store.bucket, content_hash(text.as_bytes())?);
        for part in ["000000", "000001"] {
            store.put_row(&chunk, part, &[("plan_format_version", 999), ("parts", 2)]).await?;
        }
        let mut worker = store.start_plain_ingest().await?;
        count(&mut worker, [&record]).await.context("it is a duplicate like any other")?;
        ensure!(store.counters().await?.is_empty(), "it was counted again");
    }
    Ok(())
}

async fn a_chunk_that_the_version_before_began(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        for killed_at in [2, 3] {
            let store = coming.store(cloud, &format!("version-before-{killed_at}")).await?;
            let text = coming.rows(VIEWS_OF_MANY_PARTS)?;
            let record = store.put("a.jsonl", text.clone()).await?;
            let chunk = format!("L#{}/a.jsonl#{}", store.bucket, content_hash(text.as_bytes())?);
            let kill = at("TransactWriteItems", killed_at, Fault::KillBefore);
            let (_proxy, mut worker) = start_behind(&store, kill).await?;
            let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
            ensure!(ended == Invocation::Died, "{ended:?}");
            let version = change_version(&store, &chunk, -1).await?;
            again_and_verified(&store, &record, VIEWS_OF_MANY_PARTS).await?;
            is_finished_under(&store, &chunk, version, killed_at - 1).await?;
            // It is a duplicate like any other then.
            again_and_verified(&store, &record, VIEWS_OF_MANY_PARTS).await?;
        }
    }
    Ok(())
}

/// Rolls up the first part of the hour, and returns its chunk in the ledger.
async fn roll_up_in_part(store: &Store) -> Result<String> {
    write_two_parts(store).await?;
    let mut worker = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    run_clean(&mut worker).await?;
    let_time_pass(store, HOUR, SITE, "sealed_at").await?;
    let kill = at("TransactWriteItems", 2, Fault::KillBefore);
    let proxy = FaultProxy::start(&store.clients.endpoint_url, kill).await?;
    let mut worker = store.start_rollup(&proxy.url, 0).await?;
    proxy.set_victim(worker.process_id());
    let ended = worker.invoke(json!({})).await?;
    ensure!(ended == Invocation::Died, "{ended:?}");
    Ok(format!("L#seal:{SITE}:{HOUR}"))
}

async fn an_hour_that_the_version_before_rolled_up_in_part(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "rollup-version-before").await?;
    let chunk = roll_up_in_part(&store).await?;
    let version = change_version(&store, &chunk, -1).await?;
    let mut worker = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    run_clean(&mut worker).await?;
    is_finished_under(&store, &chunk, version, 1).await?;
    is_exact(&store).await
}

async fn an_hour_that_another_version_rolled_up_in_part(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "rollup-version-other").await?;
    let chunk = roll_up_in_part(&store).await?;
    let version = change_version(&store, &chunk, 900).await?;
    let mut worker = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    let error = run_failing(&mut worker).await?;
    let expected = format!("part 0 was counted under plan format version {version} with");
    ensure!(error.contains(SITE) && error.contains(&expected), "{error}");
    ensure!(versions(&store, &chunk).await?.len() == 1, "nothing more may be rolled up");
    // The version that began it finishes it.
    change_version(&store, &chunk, -900).await?;
    run_clean(&mut worker).await?;
    is_exact(&store).await
}

/// Builds before have a single list of open hours. Its keys were others in 0.1.0 than later.
async fn hours_that_builds_before_have_listed_are_answered_and_sealed(cloud: &Cloud) -> Result<()> {
    // As many as an answer ranks.
    const ITEMS: usize = 10;
    let store = Store::make(cloud, "listed-before").await?;
    let rows = [
        ("OPEN", format!("{HOUR}#first")),
        ("OPEN", format!("later#{HOUR}")),
        // By a build before and by this one.
        ("OPEN", format!("{HOUR}#both")),
        (&open_partition("both"), format!("both#{HOUR}")),
    ];
    let sites = ["first", "later", "both"];
    for site in sites {
        write_as_counted_in_time(&store, site, HOUR, ITEMS).await?;
        store.delete_row(&open_partition(site), &format!("{site}#{HOUR}")).await?;
    }
    for (partition, row) in &rows {
        store.put_row(partition, row, &[]).await?;
    }
    let mut reader = store.start_query("most_viewed", &store.clients.endpoint_url).await?;
    let mut all_are_answered = async |when: &str| {
        for site in sites {
            let query = format!("site_id={site}&as_of=2026-11-10T07:30:00Z&window=3h");
            let (_, answer) = ask(&mut reader, "/most_viewed_item", &query).await?;
            let top = answer["top"].as_array().context("a ranking")?;
            let is_whole = top.len() == ITEMS && top.iter().all(|item| item["views"] == 1);
            ensure!(is_whole, "{site}, {when}: {answer}");
        }
        anyhow::Ok(())
    };
    all_are_answered("before the first run").await?;
    let mut worker = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    for attribute in ["sealed_at", "done_at"] {
        run_clean(&mut worker).await?;
        all_are_answered(attribute).await?;
        for (partition, row) in &rows {
            let_time_pass_for(&store, (partition, row), attribute).await?;
        }
    }
    run_clean(&mut worker).await?;
    ensure!(items(&store, "OPEN", "").await?.is_empty() && store.open_hours().await?.is_empty());
    all_are_answered("at the end").await?;
    verified(&store, sites.len() * ITEMS).await
}
