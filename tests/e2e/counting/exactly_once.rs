//! A chunk is counted exactly once, whatever happens to the function, the notifications and the
//! replies.
//!
//! Each test runs the real ingest binary on its own store, injects its fault, and ends with
//! `minutebook verify`. Every event has its own cell, so a counter of two would reveal a double
//! count. Tests of transactions cover both kinds: those for numbered shards, with seal checks, and
//! those for late events, which also update the rows of longer periods.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::store::sqs_event;
use minutebook_tests::worker::Invocation;

use crate::counting::chunks::{
    Coming, VIEWS_OF_TWO_PARTS, again_and_verified, at, count, failed, minutes_of, now, rfc3339,
    start_behind, start_behind_clock, verified,
};

crate::tests![
    the_same_notification_20_times_at_once,
    the_same_notification_11_minutes_apart,
    notifications_in_another_order,
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
    a_file_put_again_in_the_middle_of_its_chunk,
    a_file_of_local_times_is_finished_in_the_zone_it_was_begun_in,
    chunks_over_25_100_and_1000_minutes,
    a_hundred_thousand_distinct_ids,
    a_row_at_its_size_limit_overflows,
    the_plan_is_the_same_in_every_process_and_for_lines_in_any_order,
];

async fn the_same_notification_20_times_at_once(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "twenty-times").await?;
        let record = store.put("a.jsonl", coming.rows(VIEWS_OF_TWO_PARTS)?).await?;
        let mut running = vec![];
        for _ in 0..4 {
            let mut worker = store.start_plain_ingest().await?;
            let record = record.clone();
            running.push(tokio::spawn(async move { count(&mut worker, [&record; 5]).await }));
        }
        for worker in running {
            worker.await??;
        }
        verified(&store, VIEWS_OF_TWO_PARTS).await?;
    }
    Ok(())
}

/// DynamoDB forgets a transaction's token after ten minutes, and a new process starts with new
/// tokens. After that, only the ledger prevents a double count.
async fn the_same_notification_11_minutes_apart(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "minutes-apart").await?;
        let record = store.put("a.jsonl", coming.rows(VIEWS_OF_TWO_PARTS)?).await?;
        let (_proxy, mut first) =
            start_behind(&store, at("TransactWriteItems", 2, Fault::KillBefore)).await?;
        let ended = first.invoke(sqs_event(&[vec![record.clone()]])).await?;
        ensure!(ended == Invocation::Died, "{ended:?}");
        // The first delivery finishes what is left. The second finds nothing left to write.
        for transactions in [1, 0] {
            let (proxy, mut worker) = start_behind(&store, Box::new(|_| None)).await?;
            count(&mut worker, [&record]).await?;
            let summary = worker.next_summary().await?;
            // Near the boundary of an hour the views are in two hours and need more parts.
            let expected =
                if transactions == 0 { 0 } else { summary["parts"].as_u64().context("parts")? - 1 };
            ensure!(summary["parts_committed"] == expected, "{summary}");
            ensure!(proxy.calls("TransactWriteItems") as u64 == expected, "{summary}");
        }
        verified(&store, VIEWS_OF_TWO_PARTS).await?;
    }
    Ok(())
}

async fn notifications_in_another_order(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "another-order").await?;
        let text = coming.views_of_a_minute(20)?;
        let mut records = vec![];
        for number in 0..12 {
            // Every third object replaces the bytes under an earlier key.
            let key = format!("{}.jsonl", if number % 3 == 2 { number - 2 } else { number });
            records.push(store.put(&key, "\n".repeat(number) + &text).await?);
        }
        let reversed: Vec<_> = records.iter().rev().collect();
        let mut worker = store.start_plain_ingest().await?;
        count(&mut worker, reversed[..5].iter().copied()).await?;
        let mut other = store.start_plain_ingest().await?;
        // Deliver all records, including those already counted, half to each worker in opposite
        // directions.
        let (mut ours, mut theirs) = (vec![], vec![]);
        for (place, record) in reversed.iter().enumerate() {
            if place % 2 == 0 { ours.push(*record) } else { theirs.insert(0, *record) }
        }
        tokio::try_join!(count(&mut worker, ours), count(&mut other, theirs))?;
        verified(&store, 12 * 20).await?;
    }
    Ok(())
}

async fn the_same_chunk_twice_in_a_batch_and_two_records_in_a_message(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "twice-in-a-batch").await?;
        let first = store.put("a.jsonl", coming.views_of_a_minute(10)?).await?;
        let second = store.put("b.jsonl", coming.views_of_a_minute(20)?).await?;
        let mut worker = store.start_plain_ingest().await?;
        let ended = worker.invoke(sqs_event(&[vec![first.clone(), second], vec![first]])).await?;
        ensure!(ended.is_clean(), "{ended:?}");
        verified(&store, 30).await?;
    }
    Ok(())
}

async fn the_same_file_put_again(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "put-again").await?;
        let mut worker = store.start_plain_ingest().await?;
        let text = coming.views_of_a_minute(10)?;
        for _ in 0..3 {
            let record = store.put("a.jsonl", text.clone()).await?;
            count(&mut worker, [&record]).await?;
        }
        verified(&store, 10).await?;
        let record = store.put("a.jsonl", "\n".to_string() + &text).await?;
        count(&mut worker, [&record]).await?;
        verified(&store, 20).await?;
    }
    Ok(())
}

async fn a_kill_before_the_commit(cloud: &Cloud) -> Result<()> {
    killed(cloud, "kill-before", 1, Fault::KillBefore, 10).await
}

async fn a_kill_after_the_commit(cloud: &Cloud) -> Result<()> {
    killed(cloud, "kill-after", 1, Fault::KillAfter, 10).await
}

async fn a_kill_between_two_parts(cloud: &Cloud) -> Result<()> {
    killed(cloud, "kill-between", 2, Fault::KillBefore, VIEWS_OF_TWO_PARTS).await
}

async fn killed(
    cloud: &Cloud,
    name: &str,
    transaction: usize,
    fault: Fault,
    views: usize,
) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, name).await?;
        let record = store.put("a.jsonl", coming.rows(views)?).await?;
        let plan = at("TransactWriteItems", transaction, fault.clone());
        let (proxy, mut worker) = start_behind(&store, plan).await?;
        let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
        ensure!(ended == Invocation::Died, "the function was not killed: {ended:?}");
        ensure!(proxy.faults_made().len() == 1, "faults made: {:?}", proxy.faults_made());
        again_and_verified(&store, &record, views).await?;
    }
    Ok(())
}

async fn a_kill_after_each_of_many_parts(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "kill-each").await?;
        let record = store.put("a.jsonl", coming.rows(400)?).await?;
        let mut kills = 0;
        loop {
            let (_proxy, mut worker) =
                start_behind(&store, at("TransactWriteItems", 1, Fault::KillAfter)).await?;
            match worker.invoke(sqs_event(&[vec![record.clone()]])).await? {
                Invocation::Died => kills += 1,
                ended => {
                    ensure!(ended.is_clean(), "{ended:?}");
                    break;
                }
            }
            ensure!(kills < 50, "the chunk makes no progress");
        }
        ensure!(kills >= 5, "400 rows are at least 5 parts, but there were {kills} kills");
        verified(&store, 400).await?;
    }
    Ok(())
}

async fn a_reply_lost_after_the_commit(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "reply-lost").await?;
        let record = store.put("a.jsonl", coming.views_of_a_minute(10)?).await?;
        let (proxy, mut worker) =
            start_behind(&store, at("TransactWriteItems", 1, Fault::LoseReply)).await?;
        count(&mut worker, [&record])
            .await
            .context("the SDK's own retry should find the commit")?;
        ensure!(proxy.faults_made() == [Fault::LoseReply]);
        ensure!(proxy.calls("TransactWriteItems") == 2);
        verified(&store, 10).await?;
    }
    Ok(())
}

async fn every_reply_lost_until_the_function_gives_up(cloud: &Cloud) -> Result<()> {
    tokio::try_join!(
        lose_every_reply(cloud, Coming::InTime),
        lose_every_reply(cloud, Coming::Late)
    )?;
    Ok(())
}

async fn lose_every_reply(cloud: &Cloud, coming: Coming) -> Result<()> {
    let store = coming.store(cloud, "replies-lost").await?;
    let record = store.put("a.jsonl", coming.views_of_a_minute(10)?).await?;
    let lose_all: Plan =
        Box::new(|call| (call.operation == "TransactWriteItems").then_some(Fault::LoseReply));
    let (proxy, mut worker) = start_behind(&store, lose_all).await?;
    let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
    ensure!(
        ended == failed(&["m0"]),
        "a commit without any reply goes back to the queue, but {ended:?}"
    );
    ensure!(proxy.faults_made().len() >= 3, "the SDK tries several times");
    again_and_verified(&store, &record, 10).await
}

/// Conflicting chunks in time move to other shards. Late chunks cannot, so they wait.
async fn a_storm_of_conflicts(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "conflicts").await?;
        let proxy =
            Arc::new(FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?);
        proxy.make_overlaps_conflict();
        let text = coming.views_of_a_minute(300)?;
        let mut running = vec![];
        for number in 0..6 {
            let mut messages = vec![];
            for chunk in 0..4 {
                // All chunks update the same rows. Blank lines make their bytes differ.
                let blank_lines = "\n".repeat(number * 4 + chunk);
                let record = store
                    .put(&format!("{number}-{chunk}.jsonl"), text.clone() + &blank_lines)
                    .await?;
                messages.push(vec![record]);
            }
            let mut worker = store.start_ingest(&proxy.url, &store.clients.endpoint_url).await?;
            running.push(tokio::spawn(async move { worker.invoke(sqs_event(&messages)).await }));
        }
        for worker in running {
            let ended = worker.await??;
            ensure!(ended.is_clean(), "{ended:?}");
        }
        ensure!(!proxy.faults_made().is_empty(), "24 chunks on the same rows met no conflict");
        verified(&store, 24 * 300).await?;
    }
    Ok(())
}

async fn throttling_at_the_ledger_at_a_row_and_mixed(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "throttled").await?;
        let record = store.put("a.jsonl", coming.views_of_a_minute(10)?).await?;
        let plan: Plan = Box::new(|call| match (call.operation.as_str(), call.number) {
            ("TransactWriteItems", 1) => Some(Fault::Cancel(vec![(0, "ThrottlingError")])),
            ("TransactWriteItems", 2) => {
                Some(Fault::Cancel(vec![(2, "ProvisionedThroughputExceeded")]))
            }
            ("TransactWriteItems", 3) => {
                Some(Fault::Cancel(vec![(1, "TransactionConflict"), (2, "ThrottlingError")]))
            }
            ("TransactWriteItems", 4) => {
                Some(Fault::Error("ProvisionedThroughputExceededException"))
            }
            ("TransactWriteItems", 5) => Some(Fault::Error("ThrottlingException")),
            _ => None,
        });
        let (proxy, mut worker) = start_behind(&store, plan).await?;
        count(&mut worker, [&record]).await?;
        ensure!(proxy.faults_made().len() == 5);
        verified(&store, 10).await?;
    }
    Ok(())
}

async fn a_table_that_is_away(cloud: &Cloud) -> Result<()> {
    let coming = Coming::InTime;
    let store = coming.store(cloud, "table-away").await?;
    let record = store.put("a.jsonl", coming.views_of_a_minute(10)?).await?;
    let (_proxy, mut worker) = start_behind(&store, Box::new(|_| Some(Fault::Status(500)))).await?;
    let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
    ensure!(ended == failed(&["m0"]), "the message goes back to the queue, but {ended:?}");
    again_and_verified(&store, &record, 10).await
}

async fn a_deadline_that_comes_near_gives_the_message_back(cloud: &Cloud) -> Result<()> {
    tokio::try_join!(
        come_near_a_deadline(cloud, Coming::InTime),
        come_near_a_deadline(cloud, Coming::Late)
    )?;
    Ok(())
}

async fn come_near_a_deadline(cloud: &Cloud, coming: Coming) -> Result<()> {
    let store = coming.store(cloud, "deadline").await?;
    let record = store.put("a.jsonl", coming.rows(VIEWS_OF_TWO_PARTS)?).await?;
    // The first part is committed, but the second never succeeds.
    let throttle: Plan = Box::new(|call| {
        (call.operation == "TransactWriteItems" && call.number > 1)
            .then(|| Fault::Cancel(vec![(0, "ThrottlingError")]))
    });
    let (proxy, mut worker) = start_behind(&store, throttle).await?;
    worker.allow(Duration::from_secs(5));
    let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
    ensure!(
        ended == failed(&["m0"]),
        "the function gives the message back before its time is up, but {ended:?}"
    );
    ensure!(!proxy.faults_made().is_empty(), "the second part was not tried");
    again_and_verified(&store, &record, VIEWS_OF_TWO_PARTS).await
}

async fn a_file_put_again_in_the_middle_of_its_chunk(cloud: &Cloud) -> Result<()> {
    tokio::try_join!(
        put_again_in_the_middle(cloud, Coming::InTime),
        put_again_in_the_middle(cloud, Coming::Late)
    )?;
    Ok(())
}

async fn put_again_in_the_middle(cloud: &Cloud, coming: Coming) -> Result<()> {
    let store = coming.store(cloud, "put-in-the-middle").await?;
    // This event is too far in the future for the first put, but would not be for the second.
    let first_put = now()? - chrono::TimeDelta::seconds(10);
    let ahead = rfc3339(first_put + chrono::TimeDelta::seconds(601));
    let future =
        format!("{{\"event\":\"view\",\"timestamp\":\"{ahead}\",\"item_id\":\"early\"}}\n");
    let text = coming.rows(VIEWS_OF_TWO_PARTS)? + &future;
    let first = store.put("a.jsonl", text.clone()).await?;
    let kill = at("TransactWriteItems", 2, Fault::KillBefore);
    let (_proxy, mut worker) = start_behind_clock(&store, kill, &first, first_put).await?;
    ensure!(worker.invoke(sqs_event(&[vec![first]])).await? == Invocation::Died);
    let second = store.put("a.jsonl", text).await?;
    again_and_verified(&store, &second, VIEWS_OF_TWO_PARTS).await
}

/// The first ledger entry settles in which zone the times are that name none.
async fn a_file_of_local_times_is_finished_in_the_zone_it_was_begun_in(
    cloud: &Cloud,
) -> Result<()> {
    let store = Coming::Late.store(cloud, "zone-in-the-middle").await?;
    let text = Coming::Late.rows(VIEWS_OF_TWO_PARTS)?.replace("Z\"", "\"");
    let record = store.put("a.jsonl", text).await?;
    let kill = at("TransactWriteItems", 2, Fault::KillBefore);
    let proxy = FaultProxy::start(&store.clients.endpoint_url, kill).await?;
    let mut worker = store.start_ingest_in_zone(&proxy.url, "Europe/Berlin").await?;
    proxy.set_victim(worker.process_id());
    ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
    let endpoint_url = &store.clients.endpoint_url;
    let mut worker = store.start_ingest_in_zone(endpoint_url, "America/New_York").await?;
    count(&mut worker, [&record]).await?;
    let ledger = store.ledger().await?;
    ensure!(ledger[0]["default_time_zone"] == "Europe/Berlin", "{ledger:?}");
    // `2026-10-01T00:00` in Berlin.
    let counters = store.counters().await?;
    let first = |[partition, ..]: &[String; 3]| partition == "T#default#2026-09-30T22";
    ensure!(counters.keys().any(first), "{counters:?}");
    verified(&store, VIEWS_OF_TWO_PARTS).await
}

/// Only late events of one site can be in so many minutes. For many rows of open hours, see
/// [`Coming::rows`].
async fn chunks_over_25_100_and_1000_minutes(cloud: &Cloud) -> Result<()> {
    for (minutes, kill_at) in [(26, 1), (101, 2), (1_200, 7)] {
        let store = Coming::Late.store(cloud, &format!("minutes-{minutes}")).await?;
        // A few events are in time, so that open parts precede the late ones.
        let text = Coming::Late.rows(minutes)? + &Coming::InTime.rows(3)?;
        let record = store.put("a.jsonl", text).await?;
        let plan = at("TransactWriteItems", kill_at, Fault::KillAfter);
        let (_proxy, mut worker) = start_behind(&store, plan).await?;
        ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
        again_and_verified(&store, &record, minutes + 3).await?;
    }
    Ok(())
}

/// A million ids only take longer: `shared/domain/tests/a_million_ids.rs` plans them.
async fn a_hundred_thousand_distinct_ids(cloud: &Cloud) -> Result<()> {
    for (coming, ids, kill_at) in [(Coming::InTime, 100_000, 5), (Coming::Late, 5_000, 3)] {
        let store = coming.store(cloud, "many-ids").await?;
        let record = store.put("a.jsonl", coming.views_of_a_minute(ids)?).await?;
        let (_proxy, mut worker) =
            start_behind(&store, at("TransactWriteItems", kill_at, Fault::KillBefore)).await?;
        ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
        again_and_verified(&store, &record, ids).await?;
    }
    Ok(())
}

async fn a_row_at_its_size_limit_overflows(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "full-row").await?;
        let minute = coming.minute()?;
        let row = |row: String| (minutes_of("default", minute), minute.format(&row).to_string());
        let full = match coming {
            Coming::InTime => vec![row("views#%M#00#000".to_string())],
            Coming::Late => vec![
                row("views#%M#late#000".to_string()),
                ("T#default#2026-10-01".to_string(), "views#00#000".to_string()),
                ("T#default#2026".to_string(), "views#w40#000".to_string()),
            ],
        };
        for (partition, row) in &full {
            store.put_filled_row(partition, row, 409_500).await?;
        }
        let record = store.put("a.jsonl", crate::counting::chunks::views_at(minute, 50)).await?;
        let mut worker = store.start_plain_ingest().await?;
        count(&mut worker, [&record]).await?;
        for (partition, row) in &full {
            let rows = store.rows_of(partition).await?;
            ensure!(rows.contains(&format!("{row}.1")), "no overflow row of {row} in {rows:?}");
            // Minutebook never writes this filler row, so verify would report it.
            store.delete_row(partition, row).await?;
        }
        verified(&store, 50).await?;
    }
    Ok(())
}

/// If two processes split a chunk differently, the ledger entries of one would stand for other rows
/// of the other. Here three processes die after the same number of parts, and must have written the
/// same rows.
async fn the_plan_is_the_same_in_every_process_and_for_lines_in_any_order(
    cloud: &Cloud,
) -> Result<()> {
    let text = Coming::InTime.rows(120)? + &Coming::Late.rows(300)?;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.reverse();
    let reversed = lines.join("\n");
    let mut written = vec![];
    for (name, text) in [("plan-one", &text), ("plan-two", &text), ("plan-reversed", &reversed)] {
        let store = minutebook_tests::store::Store::make(cloud, name).await?;
        let record = store.put("a.jsonl", text.clone()).await?;
        let (_proxy, mut worker) =
            start_behind(&store, at("TransactWriteItems", 5, Fault::KillBefore)).await?;
        ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
        written.push(store.counters().await?);
        again_and_verified(&store, &record, 420).await?;
    }
    ensure!(written[0].len() > 200, "only {} counters are written", written[0].len());
    ensure!(
        written[0] == written[1] && written[0] == written[2],
        "the three processes made different plans: {written:?}"
    );
    Ok(())
}
