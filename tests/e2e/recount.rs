//! Secrets of visitors: a new deployment has one, and an old one gets one by a recount, while events
//! arrive and questions are asked.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_tests::binaries;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{Store, sqs_event, sqs_event_of_bodies};
use minutebook_tests::worker::Worker;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::calls::asking::ask;
use crate::counting::chunks::now;
use crate::gone::endpoints;

crate::tests![
    a_new_deployment_has_a_secret,
    a_deployment_without_a_secret_is_upgraded_while_events_arrive,
    a_recount_that_was_stopped_is_continued,
];

/// How long a recount may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The day of all late events, and the partitions of their hour and of the rows above.
const DAY: &str = "2026-11-10";
const PARTITIONS: [&str; 2] = ["T#default#2026-11-10", "T#default#2026"];

/// Visitors of a late minute, and of this minute.
fn visits(visitors: std::ops::Range<usize>) -> Result<String> {
    let now = now()?.to_rfc3339();
    let visit = |visitor| {
        [format!("{DAY}T10:00:30Z"), now.clone()].map(|time| {
            let visit = json!({"event": "view", "ts": time, "sku": 1, "user_id": visitor});
            format!("{visit}\n")
        })
    };
    Ok(visitors.flat_map(visit).collect())
}

/// Puts an object with these visitors and counts it.
async fn count(store: &Store, worker: &mut Worker, visitors: std::ops::Range<usize>) -> Result<()> {
    let record = store.put(&format!("{}.jsonl", visitors.start), visits(visitors)?).await?;
    ensure!(worker.invoke(sqs_event(&[vec![record]])).await?.is_clean(), "it is not counted");
    Ok(())
}

/// Asks for the visitors of the late day, and of the past and this minute. The process is new, so
/// it remembers nothing.
async fn check_answers(store: &Store, visitors: usize) -> Result<()> {
    let mut api = store.start_query("api", &store.clients.endpoint_url).await?;
    let query = format!("site_id=default&date={DAY}");
    let (_, late) = ask(&mut api, "/stats", &query).await?;
    ensure!(late["unique_users"] == visitors, "{visitors} visitors, and {late}");
    let (_, present) = ask(&mut api, "/metrics", "site_id=default&users_window=30m").await?;
    ensure!(present["active_users"] == visitors, "{visitors} visitors, and {present}");
    Ok(())
}

/// The families of visitors in the rows of the late hour and of the periods above.
async fn families(store: &Store) -> Result<Vec<String>> {
    let mut families = vec![];
    for partition in PARTITIONS {
        let rows = store.rows_of(partition).await?;
        let visitors = rows.iter().filter(|row| row.starts_with("visitors"));
        families.extend(visitors.filter_map(|row| Some(row.split_once('#')?.0.to_string())));
    }
    families.sort_unstable();
    families.dedup();
    Ok(families)
}

/// The command, with these arguments besides `recount visitors`.
fn recount(store: &Store, arguments: &[&str]) -> Result<Child> {
    let queue = store.queue_url.clone().context("the store has a queue")?;
    let mut command = Command::new(binaries::path("minutebook")?);
    command.args(["recount", "visitors", "--json"]).args(arguments);
    command.env_clear().envs(endpoints(store)).env("MINUTEBOOK_QUEUE_URL", queue);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    Ok(command.spawn()?)
}

async fn report_of(child: Child) -> Result<Value> {
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Hands the messages of the queue to a worker; returns how many there were.
async fn pass_on(store: &Store, worker: &mut Worker) -> Result<usize> {
    let bodies = store.take_messages().await?;
    for batch in bodies.chunks(10) {
        ensure!(worker.invoke(sqs_event_of_bodies(batch)).await?.is_clean(), "{batch:?}");
    }
    Ok(bodies.len())
}

async fn a_new_deployment_has_a_secret(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "new-secret").await?;
    // Both may make it.
    let (mut one, mut other) =
        (store.start_plain_ingest().await?, store.start_plain_ingest().await?);
    let counted = tokio::try_join!(count(&store, &mut one, 0..5), count(&store, &mut other, 5..10));
    counted?;
    ensure!(store.rows_of("VISITOR_SECRETS").await? == ["000001"], "one secret");
    ensure!(families(&store).await? == ["visitors.1"], "all rows have it");
    ensure!(store.ledger().await?.iter().all(|entry| entry["visitor_secret"] == 1), "entries");
    check_answers(&store, 10).await?;
    let report = store.verify().await?;
    ensure!(report["visitor_secret"] == 1 && report["visitors"] != 0, "{report}");
    Ok(())
}

/// A deployment that has counted without a secret, by a version that knew none.
async fn old_store(cloud: &Cloud, name: &str, visitors: std::ops::Range<usize>) -> Result<Store> {
    let store = Store::make(cloud, name).await?.with_queue().await?;
    store.put_row("VISITORS", "state", &[("counting", 0)]).await?;
    count(&store, &mut store.start_plain_ingest().await?, visitors).await?;
    store.delete_row("VISITORS", "state").await?;
    for entry in store.ledger().await? {
        let key = |name: &str| AttributeValue::S(entry[name].as_str().unwrap_or_default().into());
        let update = store.clients.dynamodb.update_item().table_name(&store.table);
        let update = update.key("pk", key("pk")).key("sk", key("sk"));
        update.update_expression("REMOVE visitor_secret").send().await?;
    }
    Ok(store)
}

async fn a_deployment_without_a_secret_is_upgraded_while_events_arrive(
    cloud: &Cloud,
) -> Result<()> {
    let store = old_store(cloud, "recount", 0..10).await?;
    let (mut worker, mut idle) =
        (store.start_plain_ingest().await?, store.start_plain_ingest().await?);
    count(&store, &mut worker, 10..11).await?;
    count(&store, &mut idle, 11..12).await?;
    ensure!(families(&store).await? == ["visitors"], "there is no secret yet");
    let forecast = report_of(recount(&store, &["--dry-run"])?).await?;
    ensure!(forecast["recounted"] == 3 && forecast["secret"] == 1, "{forecast}");
    ensure!(store.rows_of("VISITORS").await?.is_empty(), "nothing is changed");

    let mut visitors = 12;
    let mut child = recount(&store, &["--settle", "2"])?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        ensure!(begun.elapsed() < PATIENCE, "the recount does not end");
        pass_on(&store, &mut worker).await?;
        count(&store, &mut worker, visitors..visitors + 1).await?;
        visitors += 1;
        check_answers(&store, visitors).await?;
        let report = store.verify().await?;
        ensure!(report["visitors"] != 0, "{report}");
    }
    let report = report_of(child).await?;
    ensure!(report["secret"] == 1 && report["gone"] == 0, "{report}");
    ensure!(report["recounted"].as_u64() >= Some(3) && report["deleted"] != 0, "{report}");
    ensure!(families(&store).await? == ["visitors.1"], "the old rows are deleted");

    // One that may still know the old state only.
    count(&store, &mut idle, visitors..visitors + 1).await?;
    check_answers(&store, visitors + 1).await?;
    let report = store.verify().await?;
    ensure!(report["visitor_secret"] == 1 && report["also_visitor_secret"].is_null(), "{report}");

    let mut child = recount(&store, &["--settle", "0"])?;
    while child.try_wait()?.is_none() {
        ensure!(begun.elapsed() < PATIENCE, "the second recount does not end");
        pass_on(&store, &mut worker).await?;
    }
    let report = report_of(child).await?;
    ensure!(report["secret"] == 2 && report["recounted"] == visitors - 12 + 4, "{report}");
    ensure!(families(&store).await? == ["visitors.2"], "nothing else is left");
    check_answers(&store, visitors + 1).await?;
    store.verify().await?;
    Ok(())
}

async fn a_recount_that_was_stopped_is_continued(cloud: &Cloud) -> Result<()> {
    let store = old_store(cloud, "recount-stopped", 0..10).await?;
    let mut child = recount(&store, &[])?;
    let begun = Instant::now();
    // Its messages are lost.
    while store.take_messages().await?.is_empty() {
        ensure!(begun.elapsed() < PATIENCE, "nothing was sent");
        if let Some(status) = child.try_wait()? {
            bail!("the command ended with {status}");
        }
    }
    child.kill().await?;
    check_answers(&store, 10).await?;
    let report = store.verify().await?;
    ensure!(report["visitor_secret"] == 0 && report["also_visitor_secret"] == 1, "{report}");

    let impatient = recount(&store, &["--timeout", "0"])?.wait_with_output().await?;
    let error = String::from_utf8_lossy(&impatient.stderr).into_owned();
    ensure!(!impatient.status.success() && error.contains("1 of 1 chunks"), "{error}");

    let mut worker = store.start_plain_ingest().await?;
    let mut child = recount(&store, &["--settle", "0"])?;
    while child.try_wait()?.is_none() {
        ensure!(begun.elapsed() < PATIENCE, "the recount does not end");
        pass_on(&store, &mut worker).await?;
    }
    let report = report_of(child).await?;
    ensure!(report["continued"] == true && report["secret"] == 1, "{report}");
    ensure!(store.rows_of("VISITOR_SECRETS").await? == ["000001"], "no second one is made");
    ensure!(families(&store).await? == ["visitors.1"], "the old rows are deleted");
    check_answers(&store, 10).await?;
    store.verify().await?;

    // Stopped after the change, before the old rows were deleted.
    store.put_row("VISITORS", "state", &[("counting", 1), ("clearing", 0)]).await?;
    store.put_row("T#default#2026", "visitors#m11#00", &[("revision", 1)]).await?;
    let report = report_of(recount(&store, &["--settle", "0"])?).await?;
    ensure!(report["continued"] == true && report["deleted"] == 1, "{report}");
    ensure!(families(&store).await? == ["visitors.1"], "the old row is deleted");
    store.verify().await?;
    Ok(())
}
