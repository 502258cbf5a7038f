//! Customer Behavior Analytics Tool: a sample file of events, three questions, and long-term
//! trends.

use std::collections::BTreeMap;

use minutebook_tests::binaries::root;

use super::*;

crate::tests![customer_behavior_analytics_tool];

/// The sample file, as events of a site.
fn sample(site: &str) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(root().join("events/events.jsonl"))?;
    let mut events = vec![];
    for line in text.lines() {
        let mut event: Value = serde_json::from_str(line)?;
        event["site_id"] = json!(site);
        events.push(event);
    }
    Ok(events)
}

/// The best item and its number. Of equal items, the lowest id wins.
fn best(numbers: &BTreeMap<u64, f64>) -> Result<(u64, f64)> {
    let mut best = None;
    for (item, number) in numbers {
        if best.is_none_or(|(_, most)| *number > most) {
            best = Some((*item, *number));
        }
    }
    best.context("nothing is in the sample")
}

async fn customer_behavior_analytics_tool(cloud: &Cloud) -> Result<()> {
    let site = "behavior";
    let events = sample(site)?;
    let [mut views, mut carts, mut sales] = [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()];
    for event in &events {
        for attribute in ["customer_id", "timestamp"] {
            ensure!(
                event[attribute].is_string(),
                "the sample's events have a {attribute}: {event}"
            );
        }
        let Some(item) = event["item_id"].as_u64() else { continue };
        match event["event_type"].as_str() {
            Some("page_visit") => *views.entry(item).or_default() += 1.0,
            Some("add_to_cart") => *carts.entry(item).or_default() += 1.0,
            Some("purchase") => {
                let quantity = event["quantity"].as_f64().context("a quantity")?;
                *sales.entry(item).or_default() +=
                    quantity * event["price"].as_f64().context("a price")?;
            }
            _ => {}
        }
    }
    // Simulate the stream by moving the file to the present.
    let report = put_file(cloud, "behavior.jsonl", &lines(events), &["--shift-to", "now"]).await?;
    ensure!(report["files"][0]["rejected"] == 0, "{report}");
    for (call, item, member, numbers) in [
        ("/most_viewed_item", "most_viewed_item", "views", &views),
        ("/top_item_added_to_cart", "top_item_added_to_cart", "adds_to_cart", &carts),
        ("/highest_grossing_item", "highest_grossing_item", "total_sales", &sales),
    ] {
        let (best_item, most) = best(numbers)?;
        let (status, _, answer) = cloud.get(&format!("{call}?site_id={site}")).await?;
        let told = answer[member].as_f64().context("a number")?;
        ensure!(
            status == 200 && answer[item] == best_item,
            "{call}: {best_item} is the best: {answer}"
        );
        ensure!((told - most).abs() < 0.005, "{call}: {most}: {answer}");
    }
    Ok(())
}
