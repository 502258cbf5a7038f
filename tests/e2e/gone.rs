//! Objects that were deleted after they were counted: what verify still proves, and what it reports
//! about them.

use anyhow::{Context, Result, ensure};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{Store, sqs_event};
use serde_json::{Value, json};

use crate::command::{finds, run, stdout};

crate::tests![
    an_object_that_was_deleted_for_good_is_gone_and_explains_what_it_counted,
    a_delete_marker_hides_nothing_from_verify,
    each_version_of_an_object_can_be_gone,
    orders_whose_reports_are_gone_are_as_their_rows_say,
    a_chunk_that_is_gone_before_it_is_counted_to_its_end_is_a_difference,
];

/// A line with a view by its own visitor.
fn view(item: usize) -> String {
    let time = "2026-11-19T10:00:30Z";
    format!("{{\"event\":\"view\",\"ts\":\"{time}\",\"sku\":{item},\"user_id\":{item}}}\n")
}

fn views(items: std::ops::Range<usize>) -> String {
    items.map(view).collect()
}

/// Puts these objects one after another, counts each, and returns their records.
async fn counted(store: &Store, objects: &[(&str, String)]) -> Result<Vec<Value>> {
    let mut worker = store.start_plain_ingest().await?;
    let mut records = vec![];
    for (key, text) in objects {
        let record = store.put(key, text.clone()).await?;
        ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await?.is_clean(), "{key}");
        records.push(record);
    }
    let report = store.verify().await?;
    ensure!(report["gone"]["objects"] == 0, "{report}");
    Ok(records)
}

/// The keys of the chunks whose objects are gone, in the order of the report.
fn gone_keys(report: &Value) -> Vec<&str> {
    let chunks = report["gone"]["chunks"].as_array().into_iter().flatten();
    chunks.filter_map(|chunk| chunk["key"].as_str()).collect()
}

async fn an_object_that_was_deleted_for_good_is_gone_and_explains_what_it_counted(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "gone").await?;
    // Both objects have items 5 to 9.
    let objects = [("a.jsonl", views(0..10) + "bad\n"), ("b.jsonl", views(5..15))];
    let records = counted(&store, &objects).await?;
    store.delete_version("a.jsonl", &records[0]).await?;
    let report = store.verify().await?;
    let gone = &report["gone"];
    ensure!(gone_keys(&report) == ["a.jsonl"] && report["objects"] == 1, "{report}");
    ensure!(report["events"] == 10 && gone["events"] == 10 && gone["lines"] == 11, "{report}");
    ensure!(gone["chunks"][0]["rejected_by_reason"] == json!({"not_json": 1}), "{report}");

    let minute = ("T#default#2026-11-19T10", "views#00#late#000");
    let hour = ("T#default#2026-11-19", "views#10#000");
    store.add(hour, "i#3", "1").await?;
    // The hour exceeds its minutes, and its day is less than its hours.
    finds(&store, 2, "hour 2026-11-19T10 3: 2 more than recounted, its parts 1 more").await?;
    store.add(hour, "i#3", "-1").await?;
    store.add(minute, "i#7", "-2").await?;
    // The row is invalid, the minute is less than the recount, and its hour exceeds it.
    finds(&store, 3, "minute 2026-11-19T10:00 7: recounted 1, the table says 0").await?;
    store.add(minute, "i#7", "2").await?;
    let shards = store.rows_of("TOTALS").await?;
    let shard = ("TOTALS", shards.first().context("a row of totals")?.as_str());
    store.add(shard, "events", "-1").await?;
    finds(&store, 1, "totals events: the ledger adds up to 20").await?;
    store.add(shard, "events", "1").await?;

    let folder = tempfile::tempdir()?;
    let output = run(&folder, &endpoints(&store), &["verify"], None)?;
    let text = stdout(&output);
    ensure!(output.status.success() && text.contains("0 differences, 1 gone\n"), "{text}");
    let line = text.lines().find(|line| line.starts_with("gone: a.jsonl (")).context("a line")?;
    ensure!(line.contains("lines 11 (counted 10, ignored 0, duplicate 0, rejected 1)"), "{line}");

    store.delete_version("b.jsonl", &records[1]).await?;
    let report = store.verify().await?;
    ensure!(gone_keys(&report) == ["a.jsonl", "b.jsonl"] && report["objects"] == 0, "{report}");
    Ok(())
}

/// The environment variables that point the command to a store.
pub(crate) fn endpoints(store: &Store) -> Vec<(String, String)> {
    let clients = &store.clients;
    let variables = [
        ("AWS_ENDPOINT_URL", &clients.endpoint_url),
        ("AWS_REGION", &clients.region),
        ("AWS_ACCESS_KEY_ID", &clients.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &clients.secret_access_key),
        ("MINUTEBOOK_BUCKET", &store.bucket),
        ("MINUTEBOOK_TABLE", &store.table),
    ];
    variables.map(|(name, value)| (name.to_string(), value.clone())).into()
}

async fn a_delete_marker_hides_nothing_from_verify(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "delete-marker").await?;
    counted(&store, &[("a.jsonl", views(0..3))]).await?;
    let delete = store.clients.s3.delete_object().bucket(&store.bucket).key("a.jsonl");
    delete.send().await.context("DeleteObject")?;
    let report = store.verify().await?;
    ensure!(report["events"] == 3 && report["gone"]["objects"] == 0, "{report}");
    Ok(())
}

async fn each_version_of_an_object_can_be_gone(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "gone-versions").await?;
    // The third object has the bytes of the first, so both are one chunk.
    let objects = [("a.jsonl", views(0..1)), ("a.jsonl", views(1..3)), ("a.jsonl", views(0..1))];
    let records = counted(&store, &objects).await?;
    let events = |report: &Value| (report["events"].as_u64(), report["gone"]["events"].as_u64());
    store.delete_version("a.jsonl", &records[0]).await?;
    ensure!(events(&store.verify().await?) == (Some(3), Some(0)));
    store.delete_version("a.jsonl", &records[1]).await?;
    ensure!(events(&store.verify().await?) == (Some(1), Some(2)));
    store.delete_version("a.jsonl", &records[2]).await?;
    let report = store.verify().await?;
    ensure!(events(&report) == (Some(0), Some(3)) && gone_keys(&report) == ["a.jsonl"; 2]);
    // Once it is put again, it is found in the ledger and is no longer gone.
    counted_again(&store, "a.jsonl", views(1..3)).await
}

async fn counted_again(store: &Store, key: &str, text: String) -> Result<()> {
    let record = store.put(key, text).await?;
    let mut worker = store.start_plain_ingest().await?;
    ensure!(worker.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    let report = store.verify().await?;
    ensure!(report["events"] == 2 && report["gone"]["events"] == 1, "{report}");
    Ok(())
}

async fn orders_whose_reports_are_gone_are_as_their_rows_say(cloud: &Cloud) -> Result<()> {
    let order = |kind: &str, second: u32, rest: &str| {
        let time = format!("2026-11-19T10:00:{second:02}Z");
        format!("{{\"type\":\"{kind}\",\"ts\":\"{time}\",\"orderId\":1,{rest}}}\n")
    };
    let created = |second, value: u32| {
        let items = "[{\"productName\":\"a = b/c\",\"quantity\":2,\"unitPrice\":1.5}]";
        let rest = format!("\"totalAmount\":{value},\"items\":{items}");
        order("OrderCreatedEvent", second, &rest)
    };
    let objects = [
        ("1.jsonl", created(9, 7)),
        ("2.jsonl", order("OrderStatusChangedEvent", 20, "\"newStatus\":\"PAID\"")),
        ("3.jsonl", created(5, 9)),
        ("4.jsonl", order("OrderCancelledEvent", 30, "\"refundAmount\":4")),
    ];
    for gone in 0..objects.len() {
        let store = Store::make(cloud, &format!("gone-order-{gone}")).await?;
        let records = counted(&store, &objects).await?;
        store.delete_version(objects[gone].0, &records[gone]).await?;
        let report = store.verify().await?;
        ensure!(report["gone"]["objects"] == 1, "{gone}: {report}");
        // The counters follow the order's row, even if objects are gone.
        store.add(("T#default#2026-11-19", "orders#10#000"), "i#CANCELLED", "1").await?;
        finds(&store, 1, "default orders hour 2026-11-19T10 CANCELLED: recounted 1").await?;
        store.add(("T#default#2026-11-19", "orders#10#000"), "i#CANCELLED", "-1").await?;
        for (object, record) in objects.iter().zip(&records) {
            if object.0 != objects[gone].0 {
                store.delete_version(object.0, record).await?;
            }
        }
        let report = store.verify().await?;
        ensure!(report["gone"]["objects"] == objects.len(), "{gone}: {report}");
    }
    Ok(())
}

async fn a_chunk_that_is_gone_before_it_is_counted_to_its_end_is_a_difference(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "gone-in-part").await?;
    let records = counted(&store, &[("a.jsonl", views(0..3))]).await?;
    let ledger = store.ledger().await?;
    let entry = ledger[0]["pk"].as_str().context("a partition key")?;
    store.add((entry, "000000"), "parts", "1").await?;
    store.delete_version("a.jsonl", &records[0]).await?;
    finds(&store, 1, "part 1 of 2 is not counted yet, and its object is gone").await
}
