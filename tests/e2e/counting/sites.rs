//! Sites: what each of them sets about the reading of its events.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::Fault;
use minutebook_tests::store::{Store, sqs_event};
use minutebook_tests::worker::Invocation;

use crate::counting::chunks::{
    Coming, VIEWS_OF_TWO_PARTS, again_and_verified, at, count, start_behind, verified,
};

crate::tests![
    events_have_the_currency_and_the_zone_of_their_site,
    a_chunk_is_finished_by_the_settings_it_was_begun_with,
];

/// A purchase for 2 at noon, in no zone and no currency.
fn purchase(site: &str) -> String {
    format!(
        "{{\"event\":\"purchase\",\"timestamp\":\"2026-11-20T12:00\",\"site_id\":\"{site}\",\
         \"item_id\":1,\"price\":2}}\n"
    )
}

async fn events_have_the_currency_and_the_zone_of_their_site(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "site-settings").await?;
    let mut worker = store.start_plain_ingest().await?;
    let text = purchase("india") + &purchase("other");
    for (key, settings) in [
        ("before.jsonl", &[][..]),
        ("first.jsonl", &[("time_zone", "Asia/Kolkata"), ("currency", "INR")]),
        ("second.jsonl", &[("time_zone", "America/New_York")]),
    ] {
        // The process has read the settings before, and takes the new ones for the next chunk.
        let ledger = store.ledger().await?;
        if !settings.is_empty() {
            store.set_site(u32::try_from(ledger.len())?, "india", settings).await?;
        }
        let record = store.put(key, text.clone()).await?;
        count(&mut worker, [&record]).await?;
    }
    let mut sales = BTreeMap::new();
    for ([partition, sort_key, _], number) in store.counters().await? {
        if let Some(("sales", rest)) = sort_key.split_once(':')
            && let Some((currency, _)) = rest.split_once('#')
            && partition.len() == "T#india#2026-11-20T12".len()
        {
            sales.insert(format!("{partition} {currency}"), number);
        }
    }
    let expected = [
        ("T#india#2026-11-20T06 INR", "2"),
        ("T#india#2026-11-20T12 USD", "2"),
        ("T#india#2026-11-20T17 USD", "2"),
        ("T#other#2026-11-20T12 USD", "6"),
    ];
    let expected = expected.map(|(cell, number)| (cell.to_string(), number.to_string()));
    ensure!(sales == BTreeMap::from(expected), "{sales:?}");
    let mut revisions: Vec<_> =
        store.ledger().await?.iter().map(|entry| entry["settings_revision"].as_u64()).collect();
    revisions.sort_unstable();
    ensure!(revisions == [None, Some(1), Some(2)], "{revisions:?}");
    verified(&store, 6).await
}

/// The first ledger entry settles by which revision a chunk is read, whoever finishes it.
async fn a_chunk_is_finished_by_the_settings_it_was_begun_with(cloud: &Cloud) -> Result<()> {
    let store = Coming::Late.store(cloud, "settings-in-the-middle").await?;
    store.set_site(1, "default", &[("time_zone", "Europe/Berlin")]).await?;
    let text = Coming::Late.rows(VIEWS_OF_TWO_PARTS)?.replace("Z\"", "\"");
    let record = store.put("a.jsonl", text).await?;
    let kill = at("TransactWriteItems", 2, Fault::KillBefore);
    let (_proxy, mut worker) = start_behind(&store, kill).await?;
    ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await? == Invocation::Died);
    store.set_site(2, "default", &[("time_zone", "America/New_York")]).await?;
    again_and_verified(&store, &record, VIEWS_OF_TWO_PARTS).await?;
    let ledger = store.ledger().await?;
    ensure!(ledger[0]["settings_revision"] == 1, "{ledger:?}");
    // `2026-10-01T00:00` in Berlin.
    let counters = store.counters().await?;
    let first = |[partition, ..]: &[String; 3]| partition == "T#default#2026-09-30T22";
    ensure!(counters.keys().any(first), "{counters:?}");
    Ok(())
}
