//! What a push costs, by a meter between the functions and the table.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use hyper::body::Bytes;
use hyper::{Request, Response};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::FaultProxy;
use minutebook_tests::http::{Server, full};
use minutebook_tests::store::{Store, sqs_event};
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

use super::*;
use crate::calls::asking::ask;

crate::tests![a_push_reads_one_answer_however_many_viewers_there_are];

const SITE: &str = "push-cost";
const MINUTES: u32 = 30;
/// A shop with 10 orders and 100 views a minute, of 40 products.
const ORDERS_A_MINUTE: u32 = 10;
const VIEWS_A_MINUTE: u32 = 100;
const PRODUCTS: u32 = 40;
/// What the dashboard asks.
const QUESTION: &str = "site_id=push-cost&window=30m&limit=10";

/// A chunk for each of the last minutes.
async fn count_a_busy_half_hour(store: &Store) -> Result<()> {
    let end = now()?;
    let mut ingest = store.start_plain_ingest().await?;
    for minute in 0..MINUTES {
        let timestamp = rfc3339(end - TimeDelta::minutes(minute.into()));
        let mut text = String::new();
        for number in 0..VIEWS_A_MINUTE + ORDERS_A_MINUTE {
            let product = (number * 7 + minute) % PRODUCTS;
            let mut event = json!({
                "event_type": "view", "timestamp": timestamp, "site_id": SITE,
                "item_id": format!("product-{product}"), "customer_id": format!("c-{}", number * minute),
            });
            if number >= VIEWS_A_MINUTE {
                event["event_type"] = json!("purchase");
                event["order_id"] = json!(format!("{minute}-{number}"));
                event["price"] = json!("19.99");
            }
            text += &format!("{event}\n");
        }
        let record = store.put(&format!("{minute}.jsonl"), text).await?;
        let counted = ingest.invoke(sqs_event(&[vec![record]])).await?;
        ensure!(counted.is_clean(), "{counted:?}");
    }
    Ok(())
}

/// The sockets of API Gateway: what they are sent.
async fn sockets() -> Result<(Server, Arc<Mutex<Vec<Bytes>>>)> {
    let sent: Arc<Mutex<Vec<Bytes>>> = Arc::default();
    let shared = sent.clone();
    let server = Server::start(move |request: Request<Bytes>| {
        shared.lock().expect("no handler panics").push(request.into_body());
        async { Ok(Response::new(full(""))) }
    });
    Ok((server.await?, sent))
}

async fn pushed(push: &mut Worker) -> Result<()> {
    let image = json!({"committed_at": {"S": rfc3339(now()?)}, "sites": {"SS": [SITE]}});
    let event = json!({"Records": [{"dynamodb": {"NewImage": image}}]});
    let ended = push.invoke(event).await?;
    ensure!(ended == Invocation::Answered(Value::Null), "{ended:?}");
    Ok(())
}

async fn a_push_reads_one_answer_however_many_viewers_there_are(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "push-cost").await?;
    count_a_busy_half_hour(&store).await?;
    let meter = || FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None));
    let (asked_meter, push_meter) = (meter().await?, meter().await?);
    let mut api = store.start_query("api", &asked_meter.url).await?;
    let (server, sent) = sockets().await?;
    let endpoint = format!("http://{}/live", server.address);
    let mut push = store.start_push(&push_meter.url, &endpoint).await?;

    // The second question of a process, whose settings and state are known.
    let mut asked = 0;
    for _ in 0..2 {
        let (status, answer) = ask(&mut api, "/metrics/realtime", QUESTION).await?;
        ensure!(status == 200, "{answer}");
        asked = asked_meter.take_half_read_units();
    }
    let (status, overview) = ask(&mut api, "/overview", &format!("site_id={SITE}")).await?;
    ensure!(status == 200, "{overview}");
    let of_overview = asked_meter.take_half_read_units();

    pushed(&mut push).await?;
    let nobody = push_meter.take_half_read_units();
    ensure!(nobody <= 2, "{nobody} half units without a viewer");
    let mut by_viewers = vec![];
    for viewer in 1..=5 {
        list_connection(&store, &format!("v{viewer}"), SITE, QUESTION).await?;
        if viewer == 1 {
            pushed(&mut push).await?;
            push_meter.take_half_read_units();
        }
        sent.lock().expect("no handler panics").clear();
        pushed(&mut push).await?;
        by_viewers.push(push_meter.take_half_read_units());
        ensure!(sent.lock().expect("no handler panics").len() == viewer, "{viewer} viewers");
    }
    let bytes = sent.lock().expect("no handler panics").first().map(Bytes::len).context("sent")?;
    let units = |half_units: u64| half_units as f64 / 2.0;
    println!(
        "/metrics/realtime reads {} units, /overview {}; a push reads {} without viewers, {} with \
         one and {} with five, who are sent {bytes} bytes each",
        units(asked),
        units(of_overview),
        units(nobody),
        units(by_viewers[0]),
        units(by_viewers[4]),
    );
    ensure!(by_viewers[4] == by_viewers[0], "{by_viewers:?}");
    // Twice as much, for reads without a lag, and the list of viewers.
    ensure!(by_viewers[0] <= 2 * asked + 2, "{by_viewers:?}, and {asked} for the question");
    Ok(())
}
