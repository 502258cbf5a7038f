//! Raw objects are tagged with how long their sites keep them, and the template has a rule for each
//! tag.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use minutebook_tests::binaries::root;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use minutebook_tests::worker::Worker;
use serde_json::Value;

use crate::counting::chunks::{count, verified};

crate::tests![
    objects_are_kept_as_long_as_the_site_that_keeps_them_longest,
    a_log_that_goes_on_is_kept_for_what_it_begins_with,
    the_template_has_a_rule_for_each_time,
];

/// The tag that lifecycle rules go by.
const TAG: &str = "minutebook-retention-days";

/// The times that can be set, in days.
const DAYS: [&str; 5] = ["30", "90", "180", "365", "730"];

fn view(site: &str, number: usize) -> String {
    format!(
        "{{\"event\":\"view\",\"ts\":\"2026-11-20T12:00:00Z\",\"site_id\":\"{site}\",\
         \"event_id\":\"{site}-{number}\",\"item_id\":{number}}}\n"
    )
}

async fn set(store: &Store, site: &str, days: &str) -> Result<()> {
    let arguments = ["set", site, "--raw-retention-days", days];
    let output = store.run_command("sites", &arguments).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The tags of the latest version of an object.
async fn tags(store: &Store, bucket: &str, key: &str) -> Result<BTreeMap<String, String>> {
    let ask = store.clients.s3.get_object_tagging().bucket(bucket).key(key);
    let tags = ask.send().await.context("GetObjectTagging")?.tag_set;
    Ok(tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
}

async fn days(store: &Store, key: &str) -> Result<Option<String>> {
    Ok(tags(store, &store.bucket, key).await?.remove(TAG))
}

async fn put_and_count(store: &Store, worker: &mut Worker, key: &str, text: &str) -> Result<()> {
    let record: Value = store.put(key, text.to_owned()).await?;
    count(worker, [&record]).await
}

async fn objects_are_kept_as_long_as_the_site_that_keeps_them_longest(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "retention").await?;
    let mut worker = store.start_plain_ingest().await?;
    put_and_count(&store, &mut worker, "before.jsonl", &view("month", 0)).await?;
    set(&store, "month", "30").await?;
    set(&store, "quarter", "90").await?;
    let bad = "{\"site_id\":\"month\",\"event\":\"view\",\"ts\":\"never\"}\n";
    let large: String = (100..150).map(|number| view("month", number)).collect();
    for (key, text, expected) in [
        ("month.jsonl", view("month", 1), Some("30")),
        ("both.jsonl", view("month", 2) + &view("quarter", 2), Some("90")),
        ("other.jsonl", view("month", 3) + &view("for-ever", 3), None),
        ("bad.jsonl", bad.to_owned(), None),
        ("partly.jsonl", view("quarter", 4) + bad, Some("90")),
        ("large.jsonl", large.clone(), Some("30")),
        // It counts nothing, and is kept no longer.
        ("copy.jsonl", large, Some("30")),
        ("month.jsonl", view("month", 1) + "\n\n", Some("30")),
    ] {
        put_and_count(&store, &mut worker, key, &text).await?;
        let found = days(&store, key).await?;
        ensure!(found.as_deref() == expected, "{key}: {found:?} instead of {expected:?}");
    }
    ensure!(days(&store, "before.jsonl").await?.is_none(), "it was counted before");
    let rejected = &store.rejected_bucket;
    let of_partly = tags(&store, rejected, "partly.jsonl.rejected.jsonl").await?;
    ensure!(of_partly.get(TAG).map(String::as_str) == Some("90"), "{of_partly:?}");
    ensure!(tags(&store, rejected, "bad.jsonl.rejected.jsonl").await?.is_empty());

    // Other tags stay, and what is forgotten keeps its own.
    let own = store.clients.s3.put_object().bucket(&store.bucket).key("own.jsonl");
    let text = view("month", 5).replace("\"event\"", "\"user_id\":\"ann@shop.example\",\"event\"");
    let own = own.tagging("team=a%20%26%20b").body(text.clone().into_bytes().into());
    own.send().await.context("PutObject")?;
    let records = store.announcements().await?;
    let record = records
        .into_iter()
        .find(|record| record["s3"]["object"]["key"] == "own.jsonl")
        .context("it is there")?;
    count(&mut worker, [&record]).await?;
    let expected = BTreeMap::from([("team", "a & b"), (TAG, "30")]);
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let found = tags(&store, &store.bucket, "own.jsonl").await?;
    ensure!(found == expected, "{found:?}");
    let rejected_bucket = ["--rejected-bucket", rejected.as_str()];
    let who = ["--site", "month", "--customer", "ann@shop.example", "--yes"];
    let output = store.run_command("forget", &[&who[..], &rejected_bucket].concat()).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let get = store.clients.s3.get_object().bucket(&store.bucket).key("own.jsonl").send().await?;
    let bytes = get.body.collect().await?.into_bytes();
    ensure!(bytes != text.as_bytes(), "it was written anew");
    let found = tags(&store, &store.bucket, "own.jsonl").await?;
    ensure!(found == expected, "{found:?}");
    store.verify().await?;

    let wrong = ["set", "month", "--raw-retention-days", "31"];
    let output = store.run_command("sites", &wrong).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success() && said.contains("30, 90, 180, 365 or 730"), "{said}");
    Ok(())
}

async fn a_log_that_goes_on_is_kept_for_what_it_begins_with(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "retention-of-logs").await?;
    let mut worker = store.start_plain_ingest().await?;
    set(&store, "month", "30").await?;
    set(&store, "quarter", "90").await?;
    let mut events = 0;
    for (key, sites, expected) in [
        ("a.jsonl", ["month", "month"], Some("30")),
        ("b.jsonl", ["quarter", "month"], Some("90")),
        ("c.jsonl", ["month", "quarter"], Some("90")),
        ("d.jsonl", ["for-ever", "month"], None),
        ("e.jsonl", ["month", "for-ever"], None),
    ] {
        let mut log = String::new();
        for site in sites {
            events += 1;
            log += &view(site, events);
            put_and_count(&store, &mut worker, key, &log).await?;
        }
        let found = days(&store, key).await?;
        ensure!(found.as_deref() == expected, "{key}: {found:?} instead of {expected:?}");
    }
    verified(&store, events).await
}

/// The emulator keeps no rules, so that this is read from the template.
async fn the_template_has_a_rule_for_each_time(_: &Cloud) -> Result<()> {
    let template = std::fs::read_to_string(root().join("infra/template.yaml"))?;
    let template = template.split_whitespace().collect::<Vec<_>>().join(" ");
    for days in DAYS {
        let rule = format!(
            "TagFilters: [{{ Key: {TAG}, Value: '{days}' }}], ExpirationInDays: {days}, \
             NoncurrentVersionExpiration: {{ NoncurrentDays: 21 }}"
        );
        let count = template.matches(&rule).count();
        ensure!(count == 2, "{count} rules, one for each bucket, for {days} days");
    }
    let count = template.matches(TAG).count();
    ensure!(count == 2 * DAYS.len(), "there are {count} rules");
    Ok(())
}
