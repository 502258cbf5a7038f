//! A chunk is counted exactly once, whatever happens to the function, the notifications and the replies.
//!
//! Each test runs the real ingest binary on a store of its own, makes its fault, and ends with `minutebook verify`: every
//! event has a cell of its own, so any counter of two would be a double count.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::store::{Store, sqs_event};
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::Value;

crate::tests![
    the_same_notification_20_times_at_once,
    the_same_chunk_twice_in_a_batch_and_two_records_in_a_message,
    the_same_file_put_again,
    a_kill_before_the_commit,
    a_kill_after_the_commit,
    a_kill_between_two_parts,
    a_kill_after_each_of_many_parts,
    a_reply_lost_after_the_commit,
    every_reply_lost_until_the_function_gives_up,
    a_storm_of_conflicts,
    throttling_at_the_ledger_at_a_row_and_mixed,
    a_table_that_is_away,
    a_deadline_that_comes_near_gives_the_message_back,
    a_body_that_breaks_off,
    a_bucket_that_answers_503,
    a_file_put_again_in_the_middle_of_its_chunk,
    a_mark_of_another_plan_version,
    a_chunk_that_another_version_finished,
    more_than_a_thousand_minutes,
    a_hundred_thousand_distinct_ids,
    a_sealed_hour_takes_the_late_lane,
    a_row_at_its_size_limit_spills,
];

/// Rows that spread over this many minutes take more than one transaction.
const MINUTES_OF_TWO_PARTS: usize = 150;

/// `count` views, each of an item of its own, one a minute.
fn one_view_a_minute(count: usize) -> String {
    (0..count)
        .map(|number| {
            let (day, hour, minute) = (1 + number / 1_440, number / 60 % 24, number % 60);
            format!(
                "{{\"event\":\"view\",\"timestamp\":\"2026-10-{day:02}T{hour:02}:{minute:02}:30Z\",\"item_id\":{number}}}\n"
            )
        })
        .collect()
}

/// `count` views of one minute, each of an item of its own.
fn views_of_one_minute(count: usize) -> String {
    (0..count)
        .map(|number| format!("{{\"event\":\"view\",\"timestamp\":\"2026-10-01T00:00:30Z\",\"item_id\":{number}}}\n"))
        .collect()
}

/// A plan that makes one fault at the n-th call of an operation.
fn at(operation: &'static str, number: usize, fault: Fault) -> Plan {
    Box::new(move |call| (call.operation == operation && call.number == number).then(|| fault.clone()))
}

/// Starts ingest behind a proxy in front of DynamoDB, as the proxy's victim.
async fn start_behind(store: &Store, plan: Plan) -> Result<(FaultProxy, Worker)> {
    let proxy = FaultProxy::start(&store.clients.endpoint_url, plan).await?;
    let worker = store.start_ingest(&proxy.url, &store.clients.endpoint_url).await?;
    proxy.set_victim(worker.process_id());
    Ok((proxy, worker))
}

/// Runs the chunk again without any fault, as the queue would, and checks every tally.
async fn again_and_verified(store: &Store, record: &Value, events: u64) -> Result<()> {
    let mut worker = store.start_plain_ingest().await?;
    let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
    ensure!(ended.is_clean(), "the second try ended with {ended:?}");
    verified(store, events).await
}

async fn verified(store: &Store, events: u64) -> Result<()> {
    let report = store.verify().await?;
    ensure!(report["events"] == events, "verify counted {} events, not {events}", report["events"]);
    ensure!(report["differences"] == 0, "verify says {report}");
    Ok(())
}

async fn the_same_notification_20_times_at_once(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "twenty-times").await?;
    let record = store.put("a.jsonl", one_view_a_minute(MINUTES_OF_TWO_PARTS)).await?;
    let mut running = vec![];
    for _ in 0..4 {
        let mut worker = store.start_plain_ingest().await?;
        let event = sqs_event(&vec![vec![record.clone()]; 5]);
        running.push(tokio::spawn(async move { worker.invoke(event).await }));
    }
    for worker in running {
        let ended = worker.await??;
        ensure!(ended.is_clean(), "{ended:?}");
    }
    verified(&store, 150).await
}

async fn the_same_chunk_twice_in_a_batch_and_two_records_in_a_message(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "twice-in-a-batch").await?;
    let first = store.put("a.jsonl", views_of_one_minute(10)).await?;
    let second = store.put("b.jsonl", views_of_one_minute(20)).await?;
    let mut worker = store.start_plain_ingest().await?;
    let event = sqs_event(&[vec![first.clone(), second], vec![first]]);
    let ended = worker.invoke(event).await?;
    ensure!(ended.is_clean(), "{ended:?}");
    verified(&store, 30).await
}

async fn the_same_file_put_again(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "put-again").await?;
    let mut worker = store.start_plain_ingest().await?;
    for _ in 0..3 {
        let record = store.put("a.jsonl", views_of_one_minute(10)).await?;
        let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
        ensure!(ended.is_clean(), "{ended:?}");
    }
    verified(&store, 10).await?;
    let record = store.put("a.jsonl", views_of_one_minute(11)).await?;
    ensure!(worker.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    verified(&store, 21).await
}

async fn a_kill_before_the_commit(cloud: &Cloud) -> Result<()> {
    killed(cloud, "kill-before", at("TransactWriteItems", 1, Fault::KillBefore), 10).await
}

async fn a_kill_after_the_commit(cloud: &Cloud) -> Result<()> {
    killed(cloud, "kill-after", at("TransactWriteItems", 1, Fault::KillAfter), 10).await
}

async fn a_kill_between_two_parts(cloud: &Cloud) -> Result<()> {
    killed(cloud, "kill-between", at("TransactWriteItems", 2, Fault::KillBefore), MINUTES_OF_TWO_PARTS).await
}

async fn killed(cloud: &Cloud, name: &str, plan: Plan, events: usize) -> Result<()> {
    let store = Store::make(cloud, name).await?;
    let record = store.put("a.jsonl", one_view_a_minute(events)).await?;
    let (proxy, mut worker) = start_behind(&store, plan).await?;
    let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
    ensure!(ended == Invocation::Died, "the function was to be killed, but {ended:?}");
    ensure!(proxy.faults_made().len() == 1, "faults made: {:?}", proxy.faults_made());
    again_and_verified(&store, &record, u64::try_from(events)?).await
}

async fn a_kill_after_each_of_many_parts(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "kill-each").await?;
    let record = store.put("a.jsonl", one_view_a_minute(600)).await?;
    let mut kills = 0;
    loop {
        let (_proxy, mut worker) = start_behind(&store, at("TransactWriteItems", 1, Fault::KillAfter)).await?;
        match worker.invoke(sqs_event(&[vec![record.clone()]])).await? {
            Invocation::Died => kills += 1,
            ended => {
                ensure!(ended.is_clean(), "{ended:?}");
                break;
            }
        }
        ensure!(kills < 50, "the chunk does not get on");
    }
    ensure!(kills >= 6, "600 minutes are at least 7 parts, but there were {kills} kills");
    verified(&store, 600).await
}

async fn a_reply_lost_after_the_commit(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "reply-lost").await?;
    let record = store.put("a.jsonl", views_of_one_minute(10)).await?;
    let (proxy, mut worker) = start_behind(&store, at("TransactWriteItems", 1, Fault::LoseReply)).await?;
    let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(ended.is_clean(), "the SDK's own retry was to find the commit, but {ended:?}");
    ensure!(proxy.faults_made() == [Fault::LoseReply]);
    ensure!(proxy.calls("TransactWriteItems") == 2);
    verified(&store, 10).await
}

async fn every_reply_lost_until_the_function_gives_up(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "replies-lost").await?;
    let record = store.put("a.jsonl", views_of_one_minute(10)).await?;
    let lose_all: Plan = Box::new(|call| (call.operation == "TransactWriteItems").then_some(Fault::LoseReply));
    let (proxy, mut worker) = start_behind(&store, lose_all).await?;
    let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
    ensure!(ended == failed(&["m0"]), "a commit without any reply goes back to the queue, but {ended:?}");
    ensure!(proxy.faults_made().len() >= 3, "the SDK tries several times");
    again_and_verified(&store, &record, 10).await
}

async fn a_storm_of_conflicts(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "conflicts").await?;
    let proxy = Arc::new(FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?);
    proxy.make_overlaps_conflict();
    let mut running = vec![];
    for number in 0..6 {
        let mut messages = vec![];
        for chunk in 0..4 {
            // All chunks bump the same rows; blank lines make their bytes differ.
            let blank_lines = "\n".repeat(number * 4 + chunk);
            let record = store.put(&format!("{number}-{chunk}.jsonl"), views_of_one_minute(300) + &blank_lines).await?;
            messages.push(vec![record]);
        }
        let mut worker = store.start_ingest(&proxy.url, &store.clients.endpoint_url).await?;
        running.push(tokio::spawn(async move { worker.invoke(sqs_event(&messages)).await }));
    }
    for worker in running {
        let ended = worker.await??;
        ensure!(ended.is_clean(), "{ended:?}");
    }
    ensure!(!proxy.faults_made().is_empty(), "24 chunks on one row met no conflict");
    verified(&store, 24 * 300).await
}

async fn throttling_at_the_ledger_at_a_row_and_mixed(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "throttled").await?;
    let record = store.put("a.jsonl", views_of_one_minute(10)).await?;
    let plan: Plan = Box::new(|call| match (call.operation.as_str(), call.number) {
        ("TransactWriteItems", 1) => Some(Fault::Cancel(vec![(0, "ThrottlingError")])),
        ("TransactWriteItems", 2) => Some(Fault::Cancel(vec![(2, "ProvisionedThroughputExceeded")])),
        ("TransactWriteItems", 3) => Some(Fault::Cancel(vec![(1, "TransactionConflict"), (2, "ThrottlingError")])),
        ("TransactWriteItems", 4) => Some(Fault::Error("ProvisionedThroughputExceededException")),
        ("TransactWriteItems", 5) => Some(Fault::Error("ThrottlingException")),
        _ => None,
    });
    let (proxy, mut worker) = start_behind(&store, plan).await?;
    let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(ended.is_clean(), "{ended:?}");
    ensure!(proxy.faults_made().len() == 5);
    verified(&store, 10).await
}

async fn a_table_that_is_away(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "table-away").await?;
    let record = store.put("a.jsonl", views_of_one_minute(10)).await?;
    let (_proxy, mut worker) = start_behind(&store, Box::new(|_| Some(Fault::Status(500)))).await?;
    let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
    ensure!(ended == failed(&["m0"]), "the message goes back to the queue, but {ended:?}");
    again_and_verified(&store, &record, 10).await
}

async fn a_deadline_that_comes_near_gives_the_message_back(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "deadline").await?;
    let record = store.put("a.jsonl", one_view_a_minute(MINUTES_OF_TWO_PARTS)).await?;
    // The first part is committed, the second never gets through.
    let throttle: Plan = Box::new(|call| {
        (call.operation == "TransactWriteItems" && call.number > 1).then(|| Fault::Cancel(vec![(0, "ThrottlingError")]))
    });
    let (proxy, mut worker) = start_behind(&store, throttle).await?;
    worker.allow(Duration::from_secs(5));
    let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
    ensure!(ended == failed(&["m0"]), "the function was to give the message back before its time is up, but {ended:?}");
    ensure!(proxy.faults_made().len() > 2, "it was to try as long as it could");
    again_and_verified(&store, &record, 150).await
}

async fn a_body_that_breaks_off(cloud: &Cloud) -> Result<()> {
    s3_fails_once(cloud, "body-cut", Fault::CutBody).await
}

async fn a_bucket_that_answers_503(cloud: &Cloud) -> Result<()> {
    s3_fails_once(cloud, "bucket-503", Fault::Status(503)).await
}

async fn s3_fails_once(cloud: &Cloud, name: &str, fault: Fault) -> Result<()> {
    let store = Store::make(cloud, name).await?;
    let record = store.put("a.jsonl", views_of_one_minute(2_000)).await?;
    let proxy = FaultProxy::start(&store.clients.endpoint_url, at("GetObject", 1, fault)).await?;
    let mut worker = store.start_ingest(&store.clients.endpoint_url, &proxy.url).await?;
    let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(ended.is_clean(), "{ended:?}");
    ensure!(proxy.faults_made().len() == 1);
    verified(&store, 2_000).await
}

async fn a_file_put_again_in_the_middle_of_its_chunk(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "put-in-the-middle").await?;
    // This event is too far ahead for the first put, and would not be for the second.
    let ahead =
        chrono::DateTime::from_timestamp(unix_now()? + 601, 0).map(|time| time.to_rfc3339()).unwrap_or_default();
    let future = format!("{{\"event\":\"view\",\"timestamp\":\"{ahead}\",\"item_id\":\"early\"}}\n");
    let text = one_view_a_minute(MINUTES_OF_TWO_PARTS) + &future;
    let first = store.put("a.jsonl", text.clone()).await?;
    let (_proxy, mut worker) = start_behind(&store, at("TransactWriteItems", 2, Fault::KillBefore)).await?;
    ensure!(worker.invoke(sqs_event(&[vec![first]])).await? == Invocation::Died);
    // LastModified has whole seconds: put again until they differ.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let begun = unix_now()?;
    while unix_now()? < begun + 2 {
        ensure!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let second = store.put("a.jsonl", text).await?;
    again_and_verified(&store, &second, 150).await
}

async fn a_mark_of_another_plan_version(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "other-version").await?;
    let text = views_of_one_minute(10);
    let record = store.put("a.jsonl", text.clone()).await?;
    let chunk = format!("L#{}/a.jsonl#{}", store.bucket, content_hash(text.as_bytes())?);
    store.put_row(&chunk, "000000", &[("plan_version", 999), ("parts", 2)]).await?;
    let mut worker = store.start_plain_ingest().await?;
    let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(ended == failed(&["m0"]), "a chunk that another version began goes to the dead letters, but {ended:?}");
    let rows = store.rows_of("T#default#2026-10-01T00").await?;
    ensure!(rows.is_empty(), "nothing of it may be counted, but there is {rows:?}");
    Ok(())
}

async fn a_chunk_that_another_version_finished(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "other-finished").await?;
    let text = views_of_one_minute(10);
    let record = store.put("a.jsonl", text.clone()).await?;
    let chunk = format!("L#{}/a.jsonl#{}", store.bucket, content_hash(text.as_bytes())?);
    for part in ["000000", "000001"] {
        store.put_row(&chunk, part, &[("plan_version", 999), ("parts", 2)]).await?;
    }
    let mut worker = store.start_plain_ingest().await?;
    let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(ended.is_clean(), "it is a duplicate like any other, but {ended:?}");
    let rows = store.rows_of("T#default#2026-10-01T00").await?;
    ensure!(rows.is_empty(), "it was counted again: {rows:?}");
    Ok(())
}

async fn more_than_a_thousand_minutes(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "many-minutes").await?;
    let record = store.put("a.jsonl", one_view_a_minute(1_200)).await?;
    let (_proxy, mut worker) = start_behind(&store, at("TransactWriteItems", 7, Fault::KillAfter)).await?;
    ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
    again_and_verified(&store, &record, 1_200).await
}

async fn a_hundred_thousand_distinct_ids(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "many-ids").await?;
    let record = store.put("a.jsonl", views_of_one_minute(100_000)).await?;
    let (_proxy, mut worker) = start_behind(&store, at("TransactWriteItems", 5, Fault::KillBefore)).await?;
    ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
    again_and_verified(&store, &record, 100_000).await
}

async fn a_sealed_hour_takes_the_late_lane(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "sealed").await?;
    for lane in 0..16 {
        store.put_row("S#default#2026-10-01T00", &format!("{lane:02}"), &[]).await?;
    }
    // The second hour of the same part is open.
    let record = store.put("a.jsonl", one_view_a_minute(70)).await?;
    let mut worker = store.start_plain_ingest().await?;
    let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(ended.is_clean(), "{ended:?}");
    let sealed = store.rows_of("T#default#2026-10-01T00").await?;
    ensure!(sealed.len() == 60 && sealed.iter().all(|key| key.contains("#late#")), "{sealed:?}");
    let open = store.rows_of("T#default#2026-10-01T01").await?;
    ensure!(open.len() == 10 && open.iter().all(|key| key.contains("#00#")), "{open:?}");
    verified(&store, 70).await
}

async fn a_row_at_its_size_limit_spills(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "full-row").await?;
    store.put_filled_row("T#default#2026-10-01T00", "views#00#00#000", 409_500).await?;
    let record = store.put("a.jsonl", views_of_one_minute(50)).await?;
    let mut worker = store.start_plain_ingest().await?;
    let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(ended.is_clean(), "{ended:?}");
    let rows = store.rows_of("T#default#2026-10-01T00").await?;
    ensure!(rows == ["views#00#00#000", "views#00#00#000.1"], "{rows:?}");
    // What filled it is no row of minutebook's, and verify would say so.
    store.delete_row("T#default#2026-10-01T00", "views#00#00#000").await?;
    verified(&store, 50).await
}

/// The answer that gives these messages back to the queue.
fn failed(ids: &[&str]) -> Invocation {
    let failures: Vec<Value> = ids.iter().map(|id| serde_json::json!({"itemIdentifier": id})).collect();
    Invocation::Answered(serde_json::json!({"batchItemFailures": failures}))
}

fn content_hash(bytes: &[u8]) -> Result<String> {
    let settings = minutebook_oracle::Settings {
        reference_time: chrono::DateTime::UNIX_EPOCH,
        default_currency: "USD".to_string(),
    };
    Ok(minutebook_oracle::recount(bytes, &settings)?.content_hash)
}

fn unix_now() -> Result<i64> {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed()?;
    Ok(i64::try_from(since.as_secs())?)
}
