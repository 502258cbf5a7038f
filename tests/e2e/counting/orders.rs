//! Orders are counted correctly however their events arrive: out of order, twice, in different
//! chunks, concurrently, late, past a seal, and with the function killed at any of its calls. Each
//! test ends with `minutebook verify`, which recounts every order from all events, and compares its
//! row and all of its counters.

pub(crate) mod exports;
pub(crate) mod purchases;
pub(crate) mod refunds;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::random::Random;
use minutebook_tests::store::{Store, sqs_event};
use minutebook_tests::worker::Invocation;
use serde_json::Value;

use crate::counting::chunks::{
    Coming, again_and_verified, at, count, failed, now, seal, start_behind, start_behind_clock,
    verified,
};
use crate::counting::rollup::{let_time_pass, run_clean};

crate::tests![
    events_of_an_order_in_any_order_twice_and_in_different_chunks,
    workers_that_count_the_same_orders_at_once,
    a_kill_at_each_call,
    a_reply_lost_at_each_call,
    a_table_that_throttles_and_leaves_keys_undone,
    the_same_events_under_another_key_change_nothing,
    an_order_whose_hour_is_sealed_between_its_events,
    sealing_adds_up_what_orders_left_and_what_they_became,
    a_file_put_again_later_adds_no_order_that_was_too_early,
    an_order_of_hundreds_of_products,
    a_creation_that_was_earlier_than_known_moves_the_order,
];

pub(crate) const SITE: &str = "shop";

/// The time of a test's first order: minutes ago, or long ago.
pub(crate) fn first_time(coming: Coming) -> Result<DateTime<Utc>> {
    match coming {
        Coming::InTime => Ok(now()? - TimeDelta::minutes(2)),
        Coming::Late => Ok("2026-10-31T23:58:30Z".parse()?),
    }
}

pub(crate) fn event(kind: &str, order: usize, time: DateTime<Utc>, members: &str) -> String {
    let time = time.to_rfc3339_opts(SecondsFormat::Nanos, true);
    format!(
        "{{\"eventType\":\"Order{kind}Event\",\"timestamp\":\"{time}\",\"site_id\":\"{SITE}\",\"orderId\":\"o-{order}\"{members}}}\n"
    )
}

pub(crate) fn created(order: usize, time: DateTime<Utc>) -> String {
    let (name, other) = (order % 3, order % 2);
    let items = format!(
        r#""items":[{{"productName":"Product {name}","quantity":2,"unitPrice":{order}.25}},{{"productName":"Other {other}","quantity":1,"totalPrice":3}}]"#
    );
    let members = format!(
        r#","orderNumber":"ORD-{order}","userId":"user-{}","totalAmount":{order}.75,"status":"PENDING",{items}"#,
        order % 7
    );
    event("Created", order, time, &members)
}

/// The events of `orders` orders, one line each. Every fifth order is cancelled, and every seventh
/// is never created. The events of an order are nanoseconds apart.
fn lines(orders: usize, coming: Coming) -> Result<Vec<String>> {
    let first = first_time(coming)?;
    let mut lines = Vec::new();
    for order in 0..orders {
        let made = first + TimeDelta::seconds(i64::try_from(order % 50)?);
        let later = |nanoseconds| made + TimeDelta::nanoseconds(nanoseconds);
        if order % 7 != 6 {
            lines.push(created(order, made));
        }
        for (place, status) in
            (1_i64..).zip(["PAID", "PACKED", "SHIPPED"].into_iter().take(1 + order % 3))
        {
            let members = format!(r#","previousStatus":"?","newStatus":"{status}""#);
            lines.push(event("StatusChanged", order, later(place), &members));
        }
        if order % 5 == 0 {
            let refund =
                if order % 2 == 0 { String::new() } else { r#","refundAmount":0.5"#.to_string() };
            lines.push(event("Cancelled", order, later(9), &refund));
        }
    }
    Ok(lines)
}

/// Shuffles lines.
pub(crate) fn shuffled(mut lines: Vec<String>, seed: u64) -> Vec<String> {
    let mut random = Random::of(&[seed]);
    for place in (1..lines.len()).rev() {
        lines.swap(place, random.index(place + 1));
    }
    lines
}

/// Puts lines as `chunks` chunks.
pub(crate) async fn put(
    store: &Store,
    lines: &[String],
    chunks: usize,
    name: &str,
) -> Result<Vec<Value>> {
    let mut records = vec![];
    for (number, chunk) in lines.chunks(lines.len().div_ceil(chunks)).enumerate() {
        records.push(store.put(&format!("{name}-{number}.jsonl"), chunk.concat()).await?);
    }
    Ok(records)
}

async fn events_of_an_order_in_any_order_twice_and_in_different_chunks(
    cloud: &Cloud,
) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "orders-any-order").await?;
        let lines = lines(150, coming)?;
        let events = lines.len();
        let mut worker = store.start_plain_ingest().await?;
        for (seed, chunks) in [(1, 1), (2, 7), (3, 40)] {
            let records =
                put(&store, &shuffled(lines.clone(), seed), chunks, &format!("{seed}")).await?;
            for batch in records.chunks(10) {
                count(&mut worker, batch).await?;
            }
            verified(&store, usize::try_from(seed)? * events).await?;
        }
    }
    Ok(())
}

async fn workers_that_count_the_same_orders_at_once(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "orders-at-once").await?;
        let proxy =
            Arc::new(FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?);
        proxy.make_overlaps_conflict();
        let lines = lines(60, coming)?;
        let mut running = vec![];
        for seed in 0..4 {
            let records =
                put(&store, &shuffled(lines.clone(), seed), 5, &format!("{seed}")).await?;
            let messages: Vec<Vec<Value>> =
                records.into_iter().map(|record| vec![record]).collect();
            let mut worker = store.start_ingest(&proxy.url, &store.clients.endpoint_url).await?;
            running.push(tokio::spawn(async move { worker.invoke(sqs_event(&messages)).await }));
        }
        for worker in running {
            let ended = worker.await??;
            ensure!(ended.is_clean(), "{ended:?}");
        }
        ensure!(!proxy.faults_made().is_empty(), "20 chunks of the same orders met no conflict");
        verified(&store, 4 * lines.len()).await?;
    }
    Ok(())
}

/// This many orders need two transactions, each with more than one batch of reads before or after
/// it.
const ORDERS_OF_TWO_BATCHES: usize = 130;

async fn a_kill_at_each_call(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        for (name, fault) in [("before", Fault::KillBefore), ("after", Fault::KillAfter)] {
            let store = coming.store(cloud, &format!("orders-killed-{name}")).await?;
            let lines = shuffled(lines(ORDERS_OF_TWO_BATCHES, coming)?, 5);
            let record = put(&store, &lines, 1, "a").await?.pop().context("a record")?;
            let mut kills = 0;
            // Each attempt dies one call later than the previous one, until one succeeds.
            for number in 1.. {
                let mut calls = 0;
                let fault = fault.clone();
                let plan: Plan = Box::new(move |call| {
                    let is_meant = ["TransactWriteItems", "BatchWriteItem", "BatchGetItem"];
                    calls += usize::from(is_meant.contains(&call.operation.as_str()));
                    (calls == number && is_meant.contains(&call.operation.as_str()))
                        .then(|| fault.clone())
                });
                let (_proxy, mut worker) = start_behind(&store, plan).await?;
                match worker.invoke(sqs_event(&[vec![record.clone()]])).await? {
                    Invocation::Died => kills += 1,
                    ended => {
                        ensure!(ended.is_clean(), "{ended:?}");
                        break;
                    }
                }
                ensure!(number < 60, "the chunk makes no progress");
            }
            ensure!(kills >= 5, "there were only {kills} kills");
            again_and_verified(&store, &record, lines.len()).await?;
        }
    }
    Ok(())
}

async fn a_reply_lost_at_each_call(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "orders-reply-lost").await?;
        let lines = shuffled(lines(ORDERS_OF_TWO_BATCHES, coming)?, 6);
        let record = put(&store, &lines, 1, "a").await?.pop().context("a record")?;
        // The first try of every call loses its reply, and the SDK's retry finds what it did. These
        // calls are sequential.
        let plan: Plan = Box::new(|call| {
            let is_meant =
                ["TransactWriteItems", "BatchGetItem"].contains(&call.operation.as_str());
            (is_meant && call.number % 2 == 1).then_some(Fault::LoseReply)
        });
        let (proxy, mut worker) = start_behind(&store, plan).await?;
        count(&mut worker, [&record]).await?;
        ensure!(proxy.faults_made().len() >= 5, "{:?}", proxy.faults_made());
        verified(&store, lines.len()).await?;
        // The replies of whole transactions are lost until the function gives up. The next attempt
        // starts from what it finds.
        let more: Vec<String> = lines.iter().map(|line| line.replace("\"o-", "\"p-")).collect();
        let record = put(&store, &more, 1, "b").await?.pop().context("a record")?;
        let lose: Plan = Box::new(|call| {
            (call.operation == "TransactWriteItems" && call.number > 1).then_some(Fault::LoseReply)
        });
        let (_proxy, mut worker) = start_behind(&store, lose).await?;
        let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
        ensure!(ended == failed(&["m0"]), "{ended:?}");
        again_and_verified(&store, &record, 2 * lines.len()).await?;
    }
    Ok(())
}

async fn a_table_that_throttles_and_leaves_keys_undone(cloud: &Cloud) -> Result<()> {
    let coming = Coming::InTime;
    let store = coming.store(cloud, "orders-throttled").await?;
    let lines = shuffled(lines(50, coming)?, 7);
    let record = put(&store, &lines, 1, "a").await?.pop().context("a record")?;
    // The first transaction writes the first ledger entry. The orders come after it.
    let plan: Plan = Box::new(|call| match (call.operation.as_str(), call.number) {
        ("TransactWriteItems", 2) => Some(Fault::Cancel(vec![(0, "ThrottlingError")])),
        ("TransactWriteItems", 3) => Some(Fault::Cancel(vec![(1, "ConditionalCheckFailed")])),
        ("TransactWriteItems", 4) => {
            Some(Fault::Cancel(vec![(0, "TransactionConflict"), (1, "ConditionalCheckFailed")]))
        }
        ("TransactWriteItems", 5) => Some(Fault::Error("ThrottlingException")),
        ("BatchGetItem", 2) => Some(Fault::Error("ProvisionedThroughputExceededException")),
        _ => None,
    });
    let (proxy, mut worker) = start_behind(&store, plan).await?;
    count(&mut worker, [&record]).await?;
    ensure!(proxy.faults_made().len() == 5, "{:?}", proxy.faults_made());
    verified(&store, lines.len()).await
}

async fn the_same_events_under_another_key_change_nothing(cloud: &Cloud) -> Result<()> {
    let store = Coming::Late.store(cloud, "orders-replayed").await?;
    let lines = lines(40, Coming::Late)?;
    let mut worker = store.start_plain_ingest().await?;
    let first = put(&store, &lines, 1, "a").await?;
    count(&mut worker, &first).await?;
    let numbers = store.counters().await?;
    let again = put(&store, &shuffled(lines.clone(), 8), 3, "b").await?;
    count(&mut worker, &again).await?;
    let of_orders = |numbers: &std::collections::BTreeMap<[String; 3], String>| {
        let cells = numbers.iter().filter(|(cell, _)| cell[1].starts_with("order"));
        cells.map(|(cell, number)| (cell.clone(), number.clone())).collect::<Vec<_>>()
    };
    ensure!(
        of_orders(&numbers).len() > 20
            && of_orders(&numbers) == of_orders(&store.counters().await?)
    );
    verified(&store, 2 * lines.len()).await
}

/// The test writes the seal by hand, because the clock cannot close a current hour.
async fn an_order_whose_hour_is_sealed_between_its_events(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "orders-sealed").await?;
    let lines = lines(20, Coming::InTime)?;
    let (creations, others): (Vec<String>, Vec<String>) =
        lines.iter().cloned().partition(|line| line.contains("OrderCreatedEvent"));
    let mut worker = store.start_plain_ingest().await?;
    count(&mut worker, &put(&store, &creations, 1, "created").await?).await?;
    verified(&store, creations.len()).await?;
    let present = now()?;
    for hour in [present - TimeDelta::hours(1), present] {
        seal(&store, SITE, &hour.format("%Y-%m-%dT%H").to_string()).await?;
    }
    count(&mut worker, &put(&store, &others, 2, "others").await?).await?;
    let late = store.counters().await?.keys().filter(|cell| cell[1].contains("#late#")).count();
    ensure!(late > 0, "what came after the seal is late");
    verified(&store, lines.len()).await
}

/// A past hour, which is closed.
pub(crate) const HOUR: &str = "2026-11-10T05";

/// An order is counted late, and its rows are rewritten as if it had been in time. Then it is paid,
/// and the real rollup sums shards that the order has left.
async fn sealing_adds_up_what_orders_left_and_what_they_became(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "orders-added-up").await?;
    let made: DateTime<Utc> = format!("{HOUR}:07:30Z").parse()?;
    let plain = event("Created", 1, made, r#","totalAmount":30"#);
    let paid = event("StatusChanged", 1, made + TimeDelta::seconds(1), r#","newStatus":"PAID""#);
    let cancelled = event("Cancelled", 1, made + TimeDelta::seconds(2), r#","refundAmount":12"#);
    let mut worker = store.start_plain_ingest().await?;
    count(&mut worker, &put(&store, &[plain], 1, "a").await?).await?;
    store.list_open(SITE, HOUR).await?;
    for (measure, counters) in [
        ("orders", &[("i#CREATED", 1)][..]),
        ("order_value:USD", &[("i#gross", 30), ("i#orders", 1)]),
    ] {
        let hours = format!("T#{SITE}#{HOUR}");
        store.delete_row(&hours, &format!("{measure}#07#late#000")).await?;
        store.put_row(&hours, &format!("{measure}#07#03#000"), counters).await?;
        store.delete_row(&format!("T#{SITE}#2026-11-10"), &format!("{measure}#05#000")).await?;
        for row in ["d11-10", "w46", "m11"] {
            store.delete_row(&format!("T#{SITE}#2026"), &format!("{measure}#{row}#000")).await?;
        }
    }
    verified(&store, 1).await.context("as if it had been counted in time")?;
    count(&mut worker, &put(&store, &[paid], 1, "b").await?).await?;
    verified(&store, 2).await.context("paid before the hour is rolled up")?;
    let mut rollup = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    for attribute in ["sealed_at", "done_at", ""] {
        run_clean(&mut rollup).await?;
        if !attribute.is_empty() {
            let_time_pass(&store, HOUR, SITE, attribute).await?;
        }
        verified(&store, 2).await.with_context(|| format!("around {attribute}"))?;
    }
    count(&mut worker, &put(&store, &[cancelled], 1, "c").await?).await?;
    verified(&store, 3).await.context("cancelled after the hour was rolled up")
}

/// The first ledger entry settles which events are too far in the future, and no order is written
/// before it.
async fn a_file_put_again_later_adds_no_order_that_was_too_early(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "orders-put-again").await?;
    let first_put = now()? - TimeDelta::seconds(10);
    let text = created(1, first_put) + &created(2, first_put + TimeDelta::seconds(602));
    let first = store.put("a.jsonl", text.clone()).await?;
    let kill = at("TransactWriteItems", 1, Fault::KillAfter);
    let (_proxy, mut worker) = start_behind_clock(&store, kill, &first, first_put).await?;
    ensure!(worker.invoke(sqs_event(&[vec![first]])).await? == Invocation::Died);
    let second = store.put("a.jsonl", text).await?;
    again_and_verified(&store, &second, 1).await
}

async fn an_order_of_hundreds_of_products(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "orders-large").await?;
        let made = first_time(coming)?;
        let items: Vec<String> = (0..500)
            .map(|number| format!(r#"{{"productName":"{number:0>160}","totalPrice":{number}}}"#))
            .collect();
        let large = event("Created", 1, made, &format!(r#","items":[{}]"#, items.join(",")));
        let mut worker = store.start_plain_ingest().await?;
        count(&mut worker, &put(&store, &[large, created(2, made)], 1, "a").await?).await?;
        verified(&store, 2).await?;
        let cancelled = event("Cancelled", 1, made + TimeDelta::seconds(1), "");
        count(&mut worker, &put(&store, &[cancelled], 1, "b").await?).await?;
        verified(&store, 3).await?;
    }
    Ok(())
}

async fn a_creation_that_was_earlier_than_known_moves_the_order(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "orders-moved").await?;
        let made = first_time(coming)?;
        let mut worker = store.start_plain_ingest().await?;
        for (events, minutes_earlier) in [(1, 0), (2, 1), (3, 26 * 60), (4, 0)] {
            let line = created(1, made - TimeDelta::minutes(minutes_earlier));
            count(&mut worker, &put(&store, &[line], 1, &format!("{events}")).await?).await?;
            verified(&store, events).await?;
        }
    }
    Ok(())
}
