//! Events that arrive after their hour is over. Whichever path they take, and whatever happens on
//! it, they are counted once in their minute, hour, day, week and month.
//!
//! The real rollup seals an hour where the clock allows it. If a test must seal an hour that is
//! still open, so that commits to its shards are in progress, it writes the seal rows by hand.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Call, Fault, FaultProxy, UploadTimes};
use minutebook_tests::store::{RetentionDays, Store, sqs_event};
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::Value;

use crate::counting::chunks::{
    Coming, at, count, hold_first, is_for_shards, is_late, minutes_of, now, rfc3339, seal,
    start_behind, unseal, verified, views_at, write_as_counted_in_time,
};
use crate::counting::rollup::{let_time_pass, listed, run_clean};

crate::tests![
    events_of_an_open_hour_stay_in_their_minutes_and_late_ones_reach_every_period,
    an_hour_that_was_sealed_before_the_commit,
    a_kill_after_each_transaction_of_a_late_form,
    a_seal_between_two_parts,
    one_worker_goes_late_while_another_is_on_its_way_to_the_shards,
    one_worker_finishes_what_another_began_late,
    one_worker_commits_to_the_shards_while_another_goes_late,
    late_events_before_during_and_after_sealing,
    sealing_racing_ingest,
    a_dead_letter_replayed_after_20_days,
    a_file_of_2019_skips_the_minutes_that_have_expired,
];

const SITE: &str = "shop";
/// A past hour, which is closed.
const HOUR: &str = "2026-11-10T05";

/// Items whose minute rows are one part, and whose late form needs several transactions.
const ITEMS_OF_ONE_PART: usize = 4_500;
/// Items whose minute rows are three parts.
const ITEMS_OF_THREE_PARTS: usize = 30_000;

/// Keeps minutes for a week, and everything else forever.
const A_WEEK: RetentionDays = RetentionDays { minutes: 7, hours: 0, days: 0 };

/// The number of counters in each kind of row: `shards`, `late`, `hour`, `day`, `week`, `month`.
async fn counters_by_kind(store: &Store) -> Result<BTreeMap<&'static str, usize>> {
    let mut kinds = BTreeMap::new();
    for [partition, row, _] in store.counters().await?.keys() {
        let bucket = partition.rsplit('#').next().unwrap_or_default();
        let words: Vec<&str> = row.split('#').collect();
        let kind = match (bucket.len(), words[1].chars().next()) {
            (13, _) if words[2] == "late" => "late",
            (13, _) => "shards",
            (10, _) => "hour",
            (_, Some('d')) => "day",
            (_, Some('w')) => "week",
            _ => "month",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    Ok(kinds)
}

/// The result of [`counters_by_kind`] for `items` items that were all late.
fn all_late(items: usize) -> BTreeMap<&'static str, usize> {
    ["late", "hour", "day", "week", "month"].map(|kind| (kind, items)).into()
}

/// The hour of a time, as in the table's keys.
fn hour_of(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H").to_string()
}

async fn events_of_an_open_hour_stay_in_their_minutes_and_late_ones_reach_every_period(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "two-ways").await?;
    let minute = now()?;
    let in_time = store.put("in-time.jsonl", views_at(minute, 20)).await?;
    let mut worker = store.start_plain_ingest().await?;
    count(&mut worker, [&in_time]).await?;
    let rows = store.rows_of(&minutes_of("default", minute)).await?;
    let [views, visitors] = &rows[..] else { bail!("{rows:?}") };
    ensure!(visitors.starts_with(&minute.format("visitors.1#%M#").to_string()), "{rows:?}");
    ensure!(*views == minute.format("views#%M#00#000").to_string(), "{rows:?}");
    ensure!(counters_by_kind(&store).await? == BTreeMap::from([("shards", 20)]));
    ensure!(
        listed(&store, &hour_of(minute), "default").await?.is_some(),
        "the sealer would not find the hour"
    );

    let late = store.put("late.jsonl", Coming::Late.views_of_a_minute(20)?).await?;
    count(&mut worker, [&late]).await?;
    let mut expected = all_late(20);
    expected.insert("shards", 20);
    let found = counters_by_kind(&store).await?;
    ensure!(found == expected, "{found:?}");
    ensure!(
        listed(&store, "2026-10-01T00", "default").await?.is_none(),
        "a late event needs no sealing"
    );
    ensure!(
        store.rows_of("S#default#2026-10-01T00").await?.is_empty(),
        "a late event writes no seal"
    );
    verified(&store, 40).await
}

async fn an_hour_that_was_sealed_before_the_commit(cloud: &Cloud) -> Result<()> {
    for (name, items, is_one_transaction) in
        [("sealed-few", 50, true), ("sealed-many", ITEMS_OF_ONE_PART, false)]
    {
        let store = Store::make(cloud, name).await?;
        let minute = now()?;
        seal(&store, "default", &hour_of(minute)).await?;
        let record = store.put("a.jsonl", views_at(minute, items)).await?;
        let mut worker = store.start_plain_ingest().await?;
        count(&mut worker, [&record]).await?;
        let found = counters_by_kind(&store).await?;
        ensure!(found == all_late(items), "{found:?}");
        let entry = store.ledger().await?.remove(0);
        ensure!(entry["parts"] == 1 && (entry["late_parts"] == 1) == is_one_transaction, "{entry}");
        verified(&store, items).await?;
    }
    Ok(())
}

async fn a_kill_after_each_transaction_of_a_late_form(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "late-kills").await?;
    let minute = now()?;
    seal(&store, "default", &hour_of(minute)).await?;
    let record = store.put("a.jsonl", views_at(minute, ITEMS_OF_ONE_PART)).await?;
    let mut kills = 0;
    loop {
        // The transactions of earlier attempts find their ledger entries, one by one.
        let (mut late, found) = (0, kills);
        let plan = move |call: &Call| {
            late += usize::from(is_late(call));
            (is_late(call) && late > found).then_some(Fault::KillAfter)
        };
        let (_proxy, mut worker) = start_behind(&store, Box::new(plan)).await?;
        match worker.invoke(sqs_event(&[vec![record.clone()]])).await? {
            Invocation::Died => kills += 1,
            ended => {
                ensure!(ended.is_clean(), "{ended:?}");
                break;
            }
        }
        ensure!(kills < 50, "the chunk makes no progress");
    }
    let entry = store.ledger().await?.remove(0);
    ensure!(kills >= 3 && entry["late_parts"] == kills, "{kills} kills, and the entry is {entry}");
    ensure!(counters_by_kind(&store).await? == all_late(ITEMS_OF_ONE_PART));
    verified(&store, ITEMS_OF_ONE_PART).await
}

async fn a_seal_between_two_parts(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "sealed-between").await?;
    let minute = now()?;
    let record = store.put("a.jsonl", views_at(minute, ITEMS_OF_THREE_PARTS)).await?;
    let (proxy, mut worker) =
        start_behind(&store, at("TransactWriteItems", 2, Fault::Hold)).await?;
    let sealing = async {
        proxy.is_holding().await;
        seal(&store, "default", &hour_of(minute)).await?;
        proxy.release();
        Ok(())
    };
    tokio::try_join!(count(&mut worker, [&record]), sealing)?;
    let found = counters_by_kind(&store).await?;
    let (shards, late) = (found["shards"], found["late"]);
    ensure!(shards > 0 && late > shards && shards + late == ITEMS_OF_THREE_PARTS, "{found:?}");
    ensure!(found["hour"] == late && found["month"] == late, "{found:?}");
    verified(&store, ITEMS_OF_THREE_PARTS).await
}

async fn one_worker_goes_late_while_another_is_on_its_way_to_the_shards(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "late-first").await?;
    let minute = now()?;
    let record = store.put("a.jsonl", views_at(minute, ITEMS_OF_ONE_PART)).await?;
    let (proxy, mut slow) = start_behind(&store, hold_first(is_for_shards)).await?;
    let other = async {
        proxy.is_holding().await;
        seal(&store, "default", &hour_of(minute)).await?;
        count(&mut store.start_plain_ingest().await?, [&record]).await?;
        proxy.release();
        Ok(())
    };
    tokio::try_join!(count(&mut slow, [&record]), other)?;
    ensure!(counters_by_kind(&store).await? == all_late(ITEMS_OF_ONE_PART));
    verified(&store, ITEMS_OF_ONE_PART).await
}

async fn one_worker_finishes_what_another_began_late(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "late-half").await?;
    let minute = now()?;
    let record = store.put("a.jsonl", views_at(minute, ITEMS_OF_ONE_PART)).await?;
    let (proxy, mut slow) = start_behind(&store, hold_first(is_for_shards)).await?;
    let other = async {
        proxy.is_holding().await;
        seal(&store, "default", &hour_of(minute)).await?;
        // The first two calls are the attempt at the shards and the first late transaction. The
        // worker dies at the third.
        let (_proxy, mut dying) =
            start_behind(&store, at("TransactWriteItems", 3, Fault::KillBefore)).await?;
        ensure!(dying.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
        proxy.release();
        Ok(())
    };
    tokio::try_join!(count(&mut slow, [&record]), other)?;
    ensure!(counters_by_kind(&store).await? == all_late(ITEMS_OF_ONE_PART));
    verified(&store, ITEMS_OF_ONE_PART).await
}

async fn one_worker_commits_to_the_shards_while_another_goes_late(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "shards-first").await?;
    let minute = now()?;
    let record = store.put("a.jsonl", views_at(minute, ITEMS_OF_ONE_PART)).await?;
    seal(&store, "default", &hour_of(minute)).await?;
    let (proxy, mut slow) = start_behind(&store, hold_first(is_late)).await?;
    let other = async {
        proxy.is_holding().await;
        // As if this worker had found a shard that the sealer had not reached yet.
        unseal(&store, "default", &hour_of(minute)).await?;
        count(&mut store.start_plain_ingest().await?, [&record]).await?;
        proxy.release();
        Ok(())
    };
    tokio::try_join!(count(&mut slow, [&record]), other)?;
    let found = counters_by_kind(&store).await?;
    ensure!(found == BTreeMap::from([("shards", ITEMS_OF_ONE_PART)]), "{found:?}");
    verified(&store, ITEMS_OF_ONE_PART).await
}

/// Puts a chunk of views in [`HOUR`], with different bytes for each number.
async fn put_late(store: &Store, number: usize, items: usize) -> Result<Value> {
    let lines = |item: usize| {
        let minute = 7 + item % 3;
        format!(
            "{{\"event\":\"view\",\"timestamp\":\"{HOUR}:{minute:02}:00Z\",\"site_id\":\"{SITE}\",\"item_id\":{item}}}\n"
        )
    };
    let text: String = (0..items).map(lines).collect();
    store.put(&format!("late/{number}.jsonl"), text + &"\n".repeat(number)).await
}

async fn late_events_before_during_and_after_sealing(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "late-and-sealed").await?;
    let mut events = 300;
    write_as_counted_in_time(&store, SITE, HOUR, events).await?;
    let mut ingest = store.start_plain_ingest().await?;
    let mut rollup = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    // Count a chunk before the hour is sealed, when it is sealed but not rolled up, when it is
    // rolled up, and when it is off the list.
    for (number, attribute) in ["sealed_at", "done_at", "", ""].into_iter().enumerate() {
        let record = put_late(&store, number, 30).await?;
        count(&mut ingest, [&record]).await?;
        events += 30;
        verified(&store, events).await?;
        run_clean(&mut rollup).await?;
        if !attribute.is_empty() {
            let_time_pass(&store, HOUR, SITE, attribute).await?;
        }
    }
    ensure!(listed(&store, HOUR, SITE).await?.is_none());
    verified(&store, events).await
}

async fn sealing_racing_ingest(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "sealing-race").await?;
    let mut events = 3_000;
    write_as_counted_in_time(&store, SITE, HOUR, events).await?;
    let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
    proxy.make_overlaps_conflict();
    let mut rollup = store.start_rollup(&proxy.url, 0).await?;
    let mut ingests: Vec<Worker> = vec![];
    for _ in 0..2 {
        ingests.push(store.start_ingest(&proxy.url, &store.clients.endpoint_url).await?);
    }
    let [one, other] = &mut ingests[..] else { anyhow::bail!("two workers") };
    for (number, attribute) in ["sealed_at", "done_at", ""].into_iter().enumerate() {
        let mut records = vec![];
        for chunk in 0..6 {
            records.push(put_late(&store, number * 6 + chunk, 300).await?);
        }
        events += 6 * 300;
        tokio::try_join!(
            count(one, &records[..4]),
            count(other, &records[2..]),
            run_clean(&mut rollup)
        )?;
        if !attribute.is_empty() {
            let_time_pass(&store, HOUR, SITE, attribute).await?;
        }
    }
    ensure!(listed(&store, HOUR, SITE).await?.is_none());
    ensure!(!proxy.faults_made().is_empty(), "the sealer and 18 late chunks met no conflict");
    verified(&store, events).await
}

/// The events were in time when they were uploaded, but were not counted then. Now all of their
/// hours are closed.
async fn a_dead_letter_replayed_after_20_days(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "twenty-days").await?;
    let uploaded_at = now()? - TimeDelta::days(20);
    let mut text = String::new();
    for minutes in [-180, -5, 0, 5, 60] {
        text += &views_at(uploaded_at + TimeDelta::minutes(minutes), 30);
    }
    let record = store.put("a.jsonl", text).await?;
    let version = record["s3"]["object"]["versionId"].as_str().unwrap_or_default();
    let times = UploadTimes::default();
    times.set(&format!("{}/a.jsonl", store.bucket), version, uploaded_at);
    let s3 = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
    s3.set_upload_times(&times);
    for counted_now in [true, false] {
        let mut worker = store.start_ingest_of(&s3.url, A_WEEK).await?;
        count(&mut worker, [&record]).await?;
        let summary = worker.next_summary().await?;
        ensure!((summary["parts_committed"] != 0) == counted_now, "{summary}");
        // An event that was an hour in the future at the upload stays rejected.
        ensure!(
            summary["counted"] == 120 && summary["rejected_by_reason"]["future"] == 30,
            "{summary}"
        );
        ensure!(summary["minutes_expired"] == 0, "{summary}");
    }
    let entry = store.ledger().await?.remove(0);
    ensure!(entry["reference_time"] == rfc3339(uploaded_at), "{entry}");
    let found = counters_by_kind(&store).await?;
    ensure!(!found.contains_key("shards") && found["late"] == 120, "{found:?}");
    verified(&store, 120).await
}

async fn a_file_of_2019_skips_the_minutes_that_have_expired(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "of-2019").await?;
    let old: DateTime<Utc> = "2019-10-01T05:30:00Z".parse()?;
    let now = now()?.with_second(0).unwrap_or_default();
    let mut text = String::new();
    // Three minutes in two old hours, one yesterday, and one now.
    for time in
        [old, old + TimeDelta::minutes(1), old + TimeDelta::hours(1), now - TimeDelta::days(1), now]
    {
        text += &views_at(time, 10);
    }
    let record = store.put("a.jsonl", text).await?;
    let mut worker = store.start_ingest_of(&store.clients.endpoint_url, A_WEEK).await?;
    count(&mut worker, [&record]).await?;
    let summary = worker.next_summary().await?;
    ensure!(summary["counted"] == 50 && summary["minutes_expired"] == 3, "{summary}");
    for hour in ["2019-10-01T05", "2019-10-01T06"] {
        ensure!(
            store.rows_of(&format!("T#default#{hour}")).await?.is_empty(),
            "minutes of {hour} were written"
        );
    }
    // Each hour, day, week and month has a row of visitors and one of views.
    for (partition, buckets) in
        [("T#default#2019-10-01", &["05", "06"][..]), ("T#default#2019", &["d10-01", "m10", "w40"])]
    {
        let rows = store.rows_of(partition).await?;
        let expected: Vec<String> = ["views", "visitors.1"]
            .iter()
            .flat_map(|family| buckets.iter().map(move |bucket| format!("{family}#{bucket}#")))
            .collect();
        let is_right = |(row, start): (&String, &String)| row.starts_with(start);
        ensure!(
            rows.len() == expected.len() && rows.iter().zip(&expected).all(is_right),
            "{rows:?}"
        );
    }
    let found = counters_by_kind(&store).await?;
    ensure!(found["shards"] == 10 && found["late"] == 10, "{found:?}");
    verified(&store, 50).await
}
