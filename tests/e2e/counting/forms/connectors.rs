//! Events of a shop's own as tables and connectors hand them on: Kafka Connect, Debezium and
//! MongoDB's export.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Expected, cents, cents_of};

pub(super) fn of_kafka_connect(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line)?;
        count(&record["payload"], &mut expected)?;
    }
    Ok(expected)
}

/// Changes of a table. Only new rows are events.
pub(super) fn of_debezium(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    for line in text.lines() {
        let mut change: Value = serde_json::from_str(line)?;
        if change["payload"].is_object() {
            change = change["payload"].take();
        }
        if let Some("c" | "r") = change["op"].as_str() {
            count(&change["after"], &mut expected)?;
        } else {
            expected.lines.ignored += 1;
        }
    }
    Ok(expected)
}

/// Documents, whose values name their types in one of two ways.
pub(super) fn of_mongodb(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    for line in text.lines() {
        let mut document: Value = serde_json::from_str(line)?;
        for member in ["item_id", "customer_id", "price", "quantity"] {
            let value = &mut document[member];
            if let Some((_, plain)) = value.as_object().and_then(|object| object.iter().next()) {
                *value = plain.clone();
            }
        }
        if let Some(quantity) = document["quantity"].as_str() {
            document["quantity"] = json!(quantity.parse::<u64>()?);
        }
        count(&document, &mut expected)?;
    }
    Ok(expected)
}

/// Counts an event as the shop has it.
pub(super) fn count(event: &Value, expected: &mut Expected) -> Result<()> {
    let what = event["event_type"].as_str().context("a type")?;
    if what == "login" {
        expected.lines.ignored += 1;
        return Ok(());
    }
    expected.lines.counted += 1;
    expected.users.insert(event["customer_id"].as_str().context("a customer")?.to_string());
    expected.views += u64::from(matches!(what, "page_view" | "view_item"));
    if what == "page_view" {
        expected.view_of_page(event["page_url"].as_str().context("a page")?);
        return Ok(());
    }
    // An event has items, or is about one itself.
    let own = [event.clone()];
    for bought in event["items"].as_array().map_or(&own[..], Vec::as_slice) {
        let units = bought["quantity"].as_u64().unwrap_or(1);
        let price = match bought["price"].as_str() {
            Some(price) => cents(price)?,
            None if bought["price"].is_null() => 0,
            None => cents_of(&bought["price"])?,
        };
        let item = expected.item(bought["item_id"].as_str().context("an item")?);
        match what {
            "view_item" => item.views += 1,
            "add_to_cart" => item.carts += 1,
            "remove_from_cart" => item.removals += 1,
            "purchase" => item.sell(units, "USD", units * price),
            _ => *item.refunds.entry("USD".to_string()).or_default() += units * price,
        }
    }
    Ok(())
}
