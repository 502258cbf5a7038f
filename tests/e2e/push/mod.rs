//! Live push on the deployed stack: viewers get the answers that they would be given.

mod cost;
mod crowd;
pub(crate) mod socket;
mod viewers;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::counting::chunks::now;
use crate::deployed::until_counted;
use crate::waiting::Patience;

/// All tests, by file.
pub(crate) const TESTS: [&[crate::Test]; 3] = [cost::TESTS, crowd::TESTS, viewers::TESTS];

/// Held by the tests that wait for `push`, measure it, or stop it: it serves all of them.
pub(crate) static PUSH: Mutex<()> = Mutex::const_new(());

/// Where a viewer of a question connects.
pub(crate) async fn live_url(cloud: &Cloud, query: &str) -> Result<String> {
    let url = cloud.stack().await?.live_url.as_ref().context("the backend has no sockets")?;
    Ok(format!("{url}?{query}"))
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An order that a customer has placed just now.
fn purchase(site: &str, order: &str, price: u32) -> Result<String> {
    let event = json!({
        "event_type": "purchase", "timestamp": rfc3339(now()?), "site_id": site, "item_id": "cup",
        "order_id": order, "customer_id": format!("of-{order}"), "price": price,
    });
    Ok(event.to_string() + "\n")
}

/// Lists a connection that was made a minute ago, whose socket nobody has opened.
async fn list_connection(store: &Store, id: &str, site: &str, question: &str) -> Result<()> {
    let text = |text: &str| AttributeValue::S(text.to_string());
    let connected_at = now()? - TimeDelta::minutes(1);
    let ttl = (connected_at + TimeDelta::minutes(125)).timestamp().to_string();
    let rows = [
        (format!("C#{id}"), "connection".to_string()),
        (live_partition(site), format!("{site}#{id}")),
    ];
    for (pk, sk) in rows {
        let put = store.clients.dynamodb.put_item().table_name(&store.table);
        put.item("pk", text(&pk))
            .item("sk", text(&sk))
            .item("site", text(site))
            .item("question", text(question))
            .item("connected_at", text(&rfc3339(connected_at)))
            .item("ttl", AttributeValue::N(ttl.clone()))
            .send()
            .await?;
    }
    Ok(())
}

/// The partition of the connections to a site, as docs/TABLE.md says.
fn live_partition(site: &str) -> String {
    format!("LIVE#{}", &blake3::hash(site.as_bytes()).to_hex()[..1])
}

/// Puts a file, waits until it is counted, and returns when its last part was committed.
async fn count(store: &Store, key: &str, text: String) -> Result<DateTime<Utc>> {
    store.put(key, text).await?;
    let patience = Patience::new();
    loop {
        let entry = until_counted(store, key).await?;
        let partition = entry["pk"].as_str().context("a ledger entry has a key")?;
        let entries = store.partition(partition).await?;
        let parts: usize = entry["parts"].to_string().parse()?;
        if entries.len() >= parts {
            let times = entries.iter().filter_map(|entry| entry["committed_at"].as_s().ok());
            let newest = times.max().context("an entry has a time")?;
            return Ok(newest.parse()?);
        }
        patience
            .wait(|| format!("{} of {parts} parts of {key} are counted", entries.len()))
            .await?;
    }
}

/// Checks that a pushed answer is the one that is given now to the same question as of then.
async fn equals_the_asked_one(cloud: &Cloud, query: &str, pushed: &Value) -> Result<()> {
    let as_of = pushed["as_of"].as_str().context("an answer has its minute")?;
    let (status, _, asked) = cloud.get(&format!("/metrics/realtime?{query}&as_of={as_of}")).await?;
    ensure!(status == 200 && asked == *pushed, "{query}: pushed {pushed}, asked {asked}");
    Ok(())
}
