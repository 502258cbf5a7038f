//! Amplitude: what its Export API gives, and what is sent to its HTTP API.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Expected, cents_of};

pub(super) fn of_export(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line)?;
        count(&event, &event["$insert_id"], &mut seen, &mut expected)?;
    }
    Ok(expected)
}

pub(super) fn of_http_api(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let body: Value = serde_json::from_str(line)?;
        for event in body["events"].as_array().context("events")? {
            count(event, &event["insert_id"], &mut seen, &mut expected)?;
        }
    }
    Ok(expected)
}

fn count(
    event: &Value,
    id: &Value,
    seen: &mut BTreeSet<String>,
    expected: &mut Expected,
) -> Result<()> {
    let properties = &event["event_properties"];
    let what = event["event_type"].as_str().context("a type")?;
    if !matches!(
        what,
        "Page Viewed"
            | "Product Viewed"
            | "Product Added"
            | "Order Completed"
            | "Order Refunded"
            | "purchase"
    ) {
        expected.lines.ignored += 1;
        return Ok(());
    }
    if !seen.insert(id.to_string()) {
        expected.lines.duplicate += 1;
        return Ok(());
    }
    expected.lines.counted += 1;
    let user = event["user_id"].as_str().or(event["device_id"].as_str()).context("a user")?;
    expected.users.insert(user.to_string());
    let product = properties["product_id"].as_str().unwrap_or_default();
    match what {
        "Page Viewed" => {
            expected.views += 1;
            expected.view_of_page(properties["path"].as_str().context("a path")?);
        }
        "Product Viewed" => {
            expected.views += 1;
            expected.item(product).views += 1;
        }
        "Product Added" => expected.item(product).carts += 1,
        // The event's own members for money.
        "purchase" => {
            let units = event["quantity"].as_u64().context("a quantity")?;
            let money = cents_of(&event["revenue"])?;
            let item = expected.item(event["productId"].as_str().context("a product")?);
            item.sell(units, "USD", money);
        }
        _ => {
            let currency = properties["currency"].as_str().context("a currency")?;
            for product in properties["products"].as_array().context("products")? {
                let units = product["quantity"].as_u64().context("a quantity")?;
                let money = units * cents_of(&product["price"])?;
                let item = expected.item(product["product_id"].as_str().context("an id")?);
                if what == "Order Completed" {
                    item.sell(units, currency, money);
                } else {
                    *item.refunds.entry(currency.to_string()).or_default() += money;
                }
            }
        }
    }
    Ok(())
}
