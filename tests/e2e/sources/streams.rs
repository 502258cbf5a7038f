//! Kafka and Kinesis records: each is counted once, whatever batches it arrives in, however often,
//! in however many concurrent deliveries, and wherever the function dies.
//!
//! Each test runs the real ingest binary on its own store, delivers records as Lambda does (from
//! the first unacknowledged record, in any batches), announces the objects as the bucket would, and
//! ends with `minutebook verify`. Every record is a view of a different item, so a counter of two
//! would reveal a double count.

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minutebook_tests::cloud::{Cloud, STREAM};
use minutebook_tests::faults::{Fault, FaultProxy, Plan, seeded};
use minutebook_tests::random::Random;
use minutebook_tests::store::Store;
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

use crate::counting::chunks::{at, count, verified};
use crate::waiting::Patience;

crate::tests![
    the_sample_events_of_kafka_and_kinesis_are_counted,
    a_batch_that_comes_again_in_other_cuts_is_stored_once,
    a_kill_at_every_call_of_a_delivery,
    a_reply_lost_at_every_call_of_a_delivery,
    four_functions_at_the_same_records,
    faults_by_chance_over_forty_batches,
    a_bucket_that_is_away_brings_the_batch_again,
    a_poison_record_is_a_rejected_line_and_its_neighbours_are_counted,
    a_topic_that_was_made_anew_is_counted_on,
    an_event_of_another_shape_is_an_error,
    a_kinesis_stream_of_the_deployed_stack_becomes_an_answer needs Kinesis,
];

/// The number of notifications per invocation.
const RECORDS_AT_ONCE: usize = 10;

fn view(site: &str, item: u64) -> String {
    let minute = item % 60;
    format!(
        "{{\"event\":\"view\",\"timestamp\":\"2026-11-20T08:{minute:02}:00Z\",\"site_id\":\"{site}\",\"item_id\":{item}}}"
    )
}

/// A record of a topic. Its timestamp is `time` plus its offset.
fn kafka_record(partition: u32, offset: u64, time: u64, value: &[u8]) -> Value {
    json!({
        "topic": "shop", "partition": partition, "offset": offset, "timestamp": time + offset,
        "timestampType": "CREATE_TIME", "value": STANDARD.encode(value), "headers": [],
    })
}

/// The event of an event source mapping, with views at these offsets of the partitions.
fn kafka_event(batches: &[(u32, Range<u64>)]) -> Value {
    let list = |(partition, offsets): &(u32, Range<u64>)| {
        let record = |offset| {
            kafka_record(*partition, offset, 0, view(&format!("p{partition}"), offset).as_bytes())
        };
        (format!("shop-{partition}"), offsets.clone().map(record).collect())
    };
    event_of(batches.iter().map(list).collect())
}

fn event_of(records: serde_json::Map<String, Value>) -> Value {
    json!({
        "eventSource": "aws:kafka",
        "eventSourceArn": "arn:aws:kafka:us-east-1:123456789012:cluster/shop/751d2973-a626-431c-9d4e-d7975eb44dd7-2",
        "bootstrapServers": "b-1.shop.kafka.us-east-1.amazonaws.com:9092",
        "records": records,
    })
}

async fn delivered(worker: &mut Worker, event: Value) -> Result<()> {
    let ended = worker.invoke(event).await?;
    ensure!(ended.is_clean(), "{ended:?}");
    Ok(())
}

/// Starts ingest behind a proxy for the table and the bucket, which can kill it.
async fn start_behind(store: &Store, plan: Plan) -> Result<(FaultProxy, Worker)> {
    let proxy = FaultProxy::start(&store.clients.endpoint_url, plan).await?;
    let worker = store.start_ingest(&proxy.url, &proxy.url).await?;
    proxy.set_victim(worker.process_id());
    Ok((proxy, worker))
}

/// Counts every object in the bucket, and verifies the result.
async fn counted_and_verified(store: &Store, events: usize) -> Result<()> {
    let mut worker = store.start_plain_ingest().await?;
    for records in store.announcements().await?.chunks(RECORDS_AT_ONCE) {
        count(&mut worker, records).await?;
    }
    verified(store, events).await
}

async fn the_sample_events_of_kafka_and_kinesis_are_counted(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "streams-samples").await?;
    let mut worker = store.start_plain_ingest().await?;
    for (event, objects) in [
        (include_str!("../../../events/lambda/kafka_msk.json"), 2),
        (include_str!("../../../events/lambda/kafka_self_managed.json"), 3),
        (include_str!("../../../events/lambda/kinesis.json"), 4),
    ] {
        for _ in 0..2 {
            delivered(&mut worker, serde_json::from_str(event)?).await?;
            ensure!(
                store.announcements().await?.len() == objects,
                "each partition is an object, and once"
            );
        }
    }
    let records = store.announcements().await?;
    count(&mut worker, &records).await?;
    let entries = store.ledger().await?;
    let sum = |name: &str| entries.iter().filter_map(|entry| entry[name].as_u64()).sum::<u64>();
    // A tombstone is not a line, one record has two lines, and one is an array of two.
    ensure!((sum("lines"), sum("rejected")) == (12, 1), "{entries:?}");
    let report = store.verify().await?;
    ensure!(report["differences"] == 0, "{report}");
    let keys: Vec<&str> = entries.iter().filter_map(|entry| entry["key"].as_str()).collect();
    for (prefix, name) in [
        ("kafka/shop-", "/orders/0/00000000000000000015.jsonl"),
        ("kafka/shop-", "/orders/1/00000000000000000004.jsonl"),
        ("kafka/self-managed-", "/shop-events/0/00000000000000000000.jsonl"),
        (
            "kinesis/shop-events-",
            "/shardId-000000000006/49590338271490256608559692538361571095921575989136588898.jsonl",
        ),
    ] {
        ensure!(keys.iter().any(|key| key.starts_with(prefix) && key.ends_with(name)), "{keys:?}");
    }
    Ok(())
}

async fn a_batch_that_comes_again_in_other_cuts_is_stored_once(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "streams-cuts").await?;
    let mut worker = store.start_plain_ingest().await?;
    for offsets in [0..10, 0..10, 0..4, 4..13, 0..20, 7..9] {
        delivered(&mut worker, kafka_event(&[(0, offsets.clone()), (7, offsets)])).await?;
    }
    // Three batches of each partition had new records.
    ensure!(store.announcements().await?.len() == 2 * 3);
    counted_and_verified(&store, 2 * 20).await
}

async fn a_kill_at_every_call_of_a_delivery(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "streams-kill").await?;
    let mut partition = 0;
    // Read the row, begin it, put the object, and advance the row.
    for (operation, number) in [("Query", 1), ("PutItem", 1), ("PutObject", 1), ("PutItem", 2)] {
        for kill in [Fault::KillBefore, Fault::KillAfter] {
            for again in [0..10, 0..4, 0..16] {
                let (_proxy, mut worker) =
                    start_behind(&store, at(operation, number, kill.clone())).await?;
                let ended = worker.invoke(kafka_event(&[(partition, 0..10)])).await?;
                ensure!(ended == Invocation::Died, "{operation} {number} {kill:?}: {ended:?}");
                let mut worker = store.start_plain_ingest().await?;
                delivered(&mut worker, kafka_event(&[(partition, again.clone())])).await?;
                delivered(&mut worker, kafka_event(&[(partition, again.end..20)])).await?;
                partition += 1;
            }
        }
    }
    counted_and_verified(&store, usize::try_from(partition)? * 20).await
}

async fn a_reply_lost_at_every_call_of_a_delivery(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "streams-lost").await?;
    let calls = [("Query", 1), ("PutItem", 1), ("PutObject", 1), ("HEAD", 1), ("PutItem", 2)];
    for (partition, (operation, number)) in (0..).zip(calls) {
        // For `HEAD`, another worker has put the object and died before it advanced the row, so
        // this one asks for the object's metadata.
        let (_proxy, mut killed) =
            start_behind(&store, at("PutItem", 2, Fault::KillBefore)).await?;
        if operation == "HEAD" {
            ensure!(killed.invoke(kafka_event(&[(partition, 0..5)])).await? == Invocation::Died);
        }
        let (proxy, mut worker) =
            start_behind(&store, at(operation, number, Fault::LoseReply)).await?;
        delivered(&mut worker, kafka_event(&[(partition, 0..10)])).await?;
        ensure!(proxy.faults_made() == [Fault::LoseReply], "{operation} {number}");
        delivered(&mut worker, kafka_event(&[(partition, 5..12)])).await?;
    }
    counted_and_verified(&store, calls.len() * 12).await
}

async fn four_functions_at_the_same_records(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "streams-at-once").await?;
    let mut workers = vec![];
    for _ in 0..4 {
        workers.push(store.start_plain_ingest().await?);
    }
    for round in 0..10 {
        let first = round * 10;
        let deliveries = workers.iter_mut().zip([10, 3, 17, 10]).map(|(worker, length)| {
            // Start before the acknowledged offset, as after a rebalance, and end at different
            // offsets.
            let offsets = first.max(5) - 5..first + length;
            delivered(worker, kafka_event(&[(0, offsets.clone()), (1, offsets)]))
        });
        futures::future::try_join_all(deliveries).await?;
    }
    counted_and_verified(&store, 2 * 107).await
}

async fn faults_by_chance_over_forty_batches(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "streams-chance").await?;
    let mut faults = 0;
    for seed in 1..=3_u64 {
        let partition = u32::try_from(seed)?;
        let mut random = Random::of(&[seed]);
        let (mut proxy, mut worker) = start_behind(&store, seeded(seed, 150)).await?;
        let mut acknowledged = 0;
        let mut starts = 0;
        while acknowledged < 200 {
            let back = random.below(8).min(acknowledged);
            let end = acknowledged + 1 + random.below(9);
            match worker.invoke(kafka_event(&[(partition, acknowledged - back..end)])).await? {
                Invocation::Answered(_) => acknowledged = end,
                Invocation::Failed(_) => {}
                Invocation::Died => {
                    starts += 1;
                    faults += proxy.faults_made().len();
                    (proxy, worker) =
                        start_behind(&store, seeded(seed * 1_000 + starts, 150)).await?;
                }
            }
        }
        faults += proxy.faults_made().len();
        let mut plain = store.start_plain_ingest().await?;
        delivered(&mut plain, kafka_event(&[(partition, 0..250)])).await?;
    }
    ensure!(faults > 20, "there were only {faults} faults");
    counted_and_verified(&store, 3 * 250).await
}

async fn a_bucket_that_is_away_brings_the_batch_again(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "streams-away").await?;
    let away: Plan = Box::new(|call| (call.operation == "PutObject").then_some(Fault::Status(503)));
    let (proxy, mut worker) = start_behind(&store, away).await?;
    let event = kafka_event(&[(0, 0..5), (1, 0..5)]);
    let Invocation::Failed(error) = worker.invoke(event.clone()).await? else {
        anyhow::bail!("the function should have failed");
    };
    let message = error["errorMessage"].as_str().context("a message")?;
    ensure!(
        message.contains("2 of 2 partitions") && message.contains("may succeed later"),
        "{message}"
    );
    proxy.set_plan(Box::new(|_| None));
    delivered(&mut worker, event).await?;
    counted_and_verified(&store, 10).await
}

async fn a_poison_record_is_a_rejected_line_and_its_neighbours_are_counted(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "streams-poison").await?;
    let too_long = format!("{{\"event\":\"view\",\"filler\":\"{}\"}}", "x".repeat(262_144));
    let poison: [(&[u8], &str); 5] = [
        (b"not json", "not_json"),
        (b"\xff\xfd", "not_utf8"),
        (b"\x1f\x8b\x08 looks packed", "not_utf8"),
        (too_long.as_bytes(), "too_long"),
        (b"[{]", "not_json"),
    ];
    let mut worker = store.start_plain_ingest().await?;
    for (partition, (value, reason)) in (0..).zip(poison) {
        // The bad record is first, in the middle and last.
        let values = [
            value,
            view("poison", partition * 2).as_bytes(),
            value,
            view("poison", partition * 2 + 1).as_bytes(),
            value,
        ]
        .map(<[u8]>::to_vec);
        let partition = u32::try_from(partition)?;
        let records: Vec<Value> = (0..)
            .zip(&values)
            .map(|(offset, value)| kafka_record(partition, offset, 0, value))
            .collect();
        delivered(
            &mut worker,
            event_of([(format!("shop-{partition}"), json!(records))].into_iter().collect()),
        )
        .await?;
        let records = store.announcements().await?;
        count(&mut worker, &records).await?;
        let key = store
            .ledger()
            .await?
            .into_iter()
            .filter_map(|entry| entry["key"].as_str().map(str::to_string));
        let key = key
            .into_iter()
            .find(|key| key.contains(&format!("/shop/{partition}/")))
            .context("a entry")?;
        let reasons: Vec<Value> =
            store.rejected(&key).await?.into_iter().map(|line| line["reason"].clone()).collect();
        ensure!(reasons == [reason, reason, reason], "{reason}: {reasons:?}");
    }
    verified(&store, 2 * poison.len()).await
}

async fn a_topic_that_was_made_anew_is_counted_on(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "streams-anew").await?;
    let mut worker = store.start_plain_ingest().await?;
    delivered(&mut worker, kafka_event(&[(0, 0..10)])).await?;
    let anew = |offsets: Range<u64>| {
        let record = |offset| kafka_record(0, offset, 1_000, view("anew", offset).as_bytes());
        let records: Vec<Value> = offsets.map(record).collect();
        event_of([("shop-0".to_string(), json!(records))].into_iter().collect())
    };
    for offsets in [0..4, 0..6, 3..20] {
        delivered(&mut worker, anew(offsets)).await?;
    }
    counted_and_verified(&store, 10 + 20).await
}

async fn an_event_of_another_shape_is_an_error(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "streams-shape").await?;
    let mut worker = store.start_plain_ingest().await?;
    let Invocation::Failed(error) =
        worker.invoke(json!({"eventSource": "aws:mq", "messages": []})).await?
    else {
        anyhow::bail!("the function accepted an unknown event");
    };
    let message = error["errorMessage"].as_str().context("a message")?;
    ensure!(message.contains("SelfManagedKafka"), "{message}");
    // The worker handles the next event.
    delivered(&mut worker, kafka_event(&[(0, 0..1)])).await?;
    counted_and_verified(&store, 1).await
}

async fn a_kinesis_stream_of_the_deployed_stack_becomes_an_answer(cloud: &Cloud) -> Result<()> {
    cloud.stack().await?;
    let site = "kinesis";
    let record = |item: u64| json!({"Data": STANDARD.encode(view(site, item)), "PartitionKey": item.to_string()});
    for batch in 0..5 {
        let records: Vec<Value> = (batch * 20..(batch + 1) * 20).map(record).collect();
        let put = json!({"StreamName": STREAM, "Records": records});
        let answer = cloud.ask_kinesis("PutRecords", put).await?;
        ensure!(answer["FailedRecordCount"] == 0, "{answer}");
    }
    let patience = Patience::new();
    loop {
        let question =
            format!("/most_viewed_item?site_id={site}&as_of=2026-11-20T08:59:00Z&limit=100");
        let (_, _, answer) = cloud.get(&question).await?;
        let top = answer["top"].as_array().context("a list")?;
        ensure!(top.iter().all(|item| item["views"] == 1), "{answer}");
        if top.len() == 100 {
            return Ok(());
        }
        patience.wait(|| format!("{} of 100 records are counted", top.len())).await?;
    }
}
