//! Customer Behavior Analytics Tool: a sample file of events, three questions, and long-term
//! trends.

use std::collections::BTreeMap;

use minutebook_tests::binaries::root;

use super::*;

crate::tests![customer_behavior_analytics_tool, events_age_into_days_weeks_and_months];

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

/// The best item and its number; of equal ones the first by its id.
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
    // The stream is simulated by moving the file to the present.
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

async fn events_age_into_days_weeks_and_months(cloud: &Cloud) -> Result<()> {
    let site = "behavior-aged";
    let start: DateTime<Utc> = "2025-01-01T12:00:00Z".parse()?;
    let mut events = vec![];
    let mut expected: BTreeMap<(&str, String), u64> = BTreeMap::new();
    // A view more on each day than on the day before it, for ten weeks.
    for day in 0..70_i64 {
        let at = start + TimeDelta::days(day);
        for view in 0..=day {
            let at = at + TimeDelta::minutes(view);
            events.push(json!({
                "event_type": "page_visit", "timestamp": rfc3339(at), "site_id": site,
                "customer_id": "c", "item_id": view % 3,
            }));
            let date = at.date_naive();
            let days_since_monday =
                u64::from(chrono::Datelike::weekday(&date).num_days_from_monday());
            let week =
                date.checked_sub_days(chrono::Days::new(days_since_monday)).context("a Monday")?;
            for (granularity, first_day) in [
                ("day", date.to_string()),
                ("week", week.to_string()),
                ("month", date.format("%Y-%m-01").to_string()),
            ] {
                *expected.entry((granularity, first_day)).or_default() += 1;
            }
        }
    }
    put_file(cloud, "behavior-aged.jsonl", &lines(events), &[]).await?;
    for granularity in ["day", "week", "month"] {
        let call = format!(
            "/history?site_id={site}&measure=views&granularity={granularity}&from=2025-01-01&to=2025-03-12&limit=3"
        );
        let (status, _, answer) = cloud.get(&call).await?;
        ensure!(status == 200, "{call}: {status} {answer}");
        let mut told = BTreeMap::new();
        for period in answer["periods"].as_array().context("periods")? {
            let total = period["total"].as_u64().context("a total")?;
            let top: u64 = period["top"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|item| item["total"].as_u64())
                .sum();
            ensure!(top == total, "three items are all there are: {period}");
            if total > 0 {
                let from =
                    period["from"].as_str().and_then(|from| from.get(..10)).context("a start")?;
                told.insert((granularity, from.to_string()), total);
            }
        }
        let expected: BTreeMap<(&str, String), u64> = expected
            .iter()
            .filter(|((of, _), _)| *of == granularity)
            .map(|((_, day), total)| ((granularity, day.clone()), *total))
            .collect();
        ensure!(told == expected, "{granularity}: {told:?}, and not {expected:?}");
    }
    Ok(())
}
