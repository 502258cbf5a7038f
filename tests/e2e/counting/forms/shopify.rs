//! Shopify's webhooks: orders, abandoned checkouts, refunds and fulfilments, as they come to a URL
//! and by way of EventBridge.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use chrono::DateTime;
use serde_json::Value;

use super::orders::{Order, StatusKind};
use super::{Expected, cents, cents_of};

pub(super) fn of_orders(text: &str) -> Result<Expected> {
    count_orders(text.lines().map(|line| Ok(serde_json::from_str(line)?)))
}

pub(super) fn of_event_bridge(text: &str) -> Result<Expected> {
    count_orders(text.lines().map(|line| {
        let event: Value = serde_json::from_str(line)?;
        Ok(event["detail"]["payload"].clone())
    }))
}

/// Fulfilments, among the orders that they are of.
pub(super) fn of_fulfilments(text: &str) -> Result<Expected> {
    count_orders(text.lines().map(|line| Ok(serde_json::from_str(line)?)))
}

/// Carts that were left: nothing counts.
pub(super) fn of_checkouts(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    expected.lines.ignored = text.lines().count().try_into()?;
    Ok(expected)
}

pub(super) fn of_refunds(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let refund: Value = serde_json::from_str(line)?;
        if !seen.insert(refund["id"].to_string()) {
            expected.lines.duplicate += 1;
            continue;
        }
        expected.lines.counted += 1;
        let currency = refund["transactions"][0]["currency"].as_str().context("a currency")?;
        for line in refund["refund_line_items"].as_array().context("lines")? {
            let item = expected.item(&line["line_item"]["product_id"]);
            *item.refunds.entry(currency.to_string()).or_default() += cents_of(&line["subtotal"])?;
        }
    }
    Ok(expected)
}

fn count_orders(objects: impl Iterator<Item = Result<Value>>) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut orders: BTreeMap<String, Order> = BTreeMap::new();
    for object in objects {
        let object = object?;
        if object["tracking_numbers"].is_array() {
            if object["status"] == "success" {
                expected.lines.counted += 1;
                let order = orders.entry(object["order_id"].to_string()).or_default();
                let time = seconds(&object["updated_at"])?.context("a time")?;
                order.has_status(time, StatusKind::Change, "FULFILLED");
            } else {
                expected.lines.ignored += 1;
            }
            continue;
        }
        expected.lines.counted += 1;
        if let Some(customer) = object["customer"]["id"].as_u64() {
            expected.users.insert(customer.to_string());
        }
        let order = orders.entry(object["id"].to_string()).or_default();
        order.currency = object["currency"].as_str().context("a currency")?.to_string();
        order.cents = cents(object["total_price"].as_str().context("a total")?)?;
        order.products.clear();
        for line in object["line_items"].as_array().context("lines")? {
            let quantity = line["quantity"].as_u64().context("a quantity")?;
            let money = quantity * cents(line["price"].as_str().context("a price")?)?;
            order.products.push((line["product_id"].to_string(), quantity, money));
        }
        let status = object["financial_status"].as_str().context("a status")?;
        for (member, kind, status) in [
            ("created_at", StatusKind::Creation, status),
            ("updated_at", StatusKind::Change, status),
            ("cancelled_at", StatusKind::Cancellation, "CANCELLED"),
        ] {
            if let Some(time) = seconds(&object[member])? {
                order.has_status(time, kind, status);
                order.is_cancelled |= kind == StatusKind::Cancellation;
            }
        }
    }
    expected.count_orders(orders.into_values());
    Ok(expected)
}

fn seconds(time: &Value) -> Result<Option<i64>> {
    let Some(time) = time.as_str() else { return Ok(None) };
    Ok(Some(DateTime::parse_from_rfc3339(time)?.timestamp()))
}
