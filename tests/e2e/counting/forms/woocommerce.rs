//! WooCommerce's webhook of an order, which comes at each change of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::NaiveDateTime;
use serde_json::Value;

use super::orders::{Order, StatusKind};
use super::{Expected, cents};

pub(super) fn oracle(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut orders: BTreeMap<String, Order> = BTreeMap::new();
    for line in text.lines() {
        let object: Value = serde_json::from_str(line)?;
        expected.lines.counted += 1;
        // Guests are customer 0.
        if let Some(customer) = object["customer_id"].as_u64().filter(|customer| *customer > 0) {
            expected.users.insert(customer.to_string());
        }
        let order = orders.entry(object["id"].to_string()).or_default();
        order.currency = object["currency"].as_str().context("a currency")?.to_string();
        order.cents = cents(object["total"].as_str().context("a total")?)?;
        order.products.clear();
        for line in object["line_items"].as_array().context("lines")? {
            let quantity = line["quantity"].as_u64().context("a quantity")?;
            let money = cents(line["total"].as_str().context("a total")?)?;
            order.products.push((line["product_id"].to_string(), quantity, money));
        }
        let status = object["status"].as_str().context("a status")?;
        let created = seconds(&object["date_created_gmt"])?;
        order.has_status(created, StatusKind::Creation, status);
        let modified = seconds(&object["date_modified_gmt"])?;
        if let "cancelled" | "refunded" = status {
            order.is_cancelled = true;
            order.has_status(modified, StatusKind::Cancellation, "CANCELLED");
        } else {
            order.has_status(modified, StatusKind::Change, status);
        }
    }
    expected.count_orders(orders.into_values());
    Ok(expected)
}

fn seconds(time: &Value) -> Result<i64> {
    let time: NaiveDateTime = time.as_str().context("a time")?.parse()?;
    Ok(time.and_utc().timestamp())
}
