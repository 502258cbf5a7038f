//! TheLook, the made-up shop of BigQuery's public data: its events, and what it sold.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Expected, cents_of};

pub(super) fn of_events(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line)?;
        // What is in a cart or bought is not said.
        if let Some("cart" | "purchase" | "cancel") = row["event_type"].as_str() {
            expected.lines.ignored += 1;
            continue;
        }
        expected.lines.counted += 1;
        expected.views += 1;
        expected.view_of_page(row["uri"].as_str().context("a page")?);
        if let Some(user) = row["user_id"].as_u64() {
            expected.users.insert(user.to_string());
        }
    }
    Ok(expected)
}

pub(super) fn of_order_items(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line)?;
        if row["status"] == "Cancelled" {
            expected.lines.ignored += 1;
            continue;
        }
        if !seen.insert(row["id"].to_string()) {
            expected.lines.duplicate += 1;
            continue;
        }
        expected.lines.counted += 1;
        expected.users.insert(row["user_id"].to_string());
        let money = cents_of(&row["sale_price"])?;
        let item = expected.item(&row["product_id"]);
        item.sell(1, "USD", money);
        if row["returned_at"].is_string() {
            *item.refunds.entry("USD".to_string()).or_default() += money;
        }
    }
    Ok(expected)
}
