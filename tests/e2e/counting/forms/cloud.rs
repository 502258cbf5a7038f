//! Events of a shop's own in the envelopes of clouds: CloudEvents, EventBridge, and DynamoDB's
//! export and stream.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::Expected;
use super::connectors::count;

pub(super) fn of_cloud_events(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let mut event: Value = serde_json::from_str(line)?;
        let mut data = event["data"].take();
        // The data says what it is, or else the type of the event does.
        if data["event_type"].is_null() {
            data["event_type"] = event["type"].take();
        }
        count_once(&data, &event["id"], &mut seen, &mut expected)?;
    }
    Ok(expected)
}

pub(super) fn of_event_bridge(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let mut event: Value = serde_json::from_str(line)?;
        let mut detail = event["detail"].take();
        let what = match event["detail-type"].as_str() {
            Some("Page Viewed") => "page_view",
            Some("Product Viewed") => "view_item",
            Some("Product Added") => "add_to_cart",
            Some("Product Removed") => "remove_from_cart",
            Some("Order Completed") => "purchase",
            Some("Order Refunded") => "refund",
            Some("Signed In") => "login",
            _ => bail!("{event}"),
        };
        detail["event_type"] = json!(what);
        count_once(&detail, &event["id"], &mut seen, &mut expected)?;
    }
    Ok(expected)
}

pub(super) fn of_dynamodb_export(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line)?;
        count(&plain(&json!({"M": row["Item"]}))?, &mut expected)?;
    }
    Ok(expected)
}

/// Changes of a table. Only new items are events.
pub(super) fn of_dynamodb_stream(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line)?;
        if record["eventName"] == "INSERT" {
            count(&plain(&json!({"M": record["dynamodb"]["NewImage"]}))?, &mut expected)?;
        } else {
            expected.lines.ignored += 1;
        }
    }
    Ok(expected)
}

fn count_once(
    event: &Value,
    id: &Value,
    seen: &mut BTreeSet<String>,
    expected: &mut Expected,
) -> Result<()> {
    if event["event_type"] != "login" && !seen.insert(id.to_string()) {
        expected.lines.duplicate += 1;
        return Ok(());
    }
    count(event, expected)
}

/// The value of an attribute.
fn plain(attribute: &Value) -> Result<Value> {
    let (kind, value) =
        attribute.as_object().and_then(|object| object.iter().next()).context("a type")?;
    Ok(match kind.as_str() {
        "M" => {
            let members = value.as_object().context("a map")?.iter();
            let members = members.map(|(name, value)| Ok((name.clone(), plain(value)?)));
            Value::Object(members.collect::<Result<Map<String, Value>>>()?)
        }
        "L" => Value::Array(
            value.as_array().context("a list")?.iter().map(plain).collect::<Result<_>>()?,
        ),
        "N" => serde_json::from_str(value.as_str().context("a number")?)?,
        "NULL" => Value::Null,
        _ => value.clone(),
    })
}
