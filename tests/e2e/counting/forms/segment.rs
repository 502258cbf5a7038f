//! Segment: `track` calls of the e-commerce spec, among calls of all other types.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Expected, cents_of, without_query};

pub(super) fn oracle(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut messages = BTreeSet::new();
    for line in text.lines() {
        let call: Value = serde_json::from_str(line)?;
        let properties = &call["properties"];
        let product = properties["product_id"].as_str().unwrap_or_default();
        let what = match call["type"].as_str() {
            Some("track") => call["event"].as_str().context("an event")?,
            Some("page") => "page",
            _ => "",
        };
        if !matches!(
            what,
            "page"
                | "Product Viewed"
                | "Product Added"
                | "Product Removed"
                | "Checkout Started"
                | "Order Completed"
                | "Order Refunded"
        ) {
            expected.lines.ignored += 1;
            continue;
        }
        if !messages.insert(call["messageId"].to_string()) {
            expected.lines.duplicate += 1;
            continue;
        }
        expected.lines.counted += 1;
        expected.users.insert(
            call["userId"].as_str().or(call["anonymousId"].as_str()).context("a user")?.to_string(),
        );
        match what {
            "page" => {
                expected.views += 1;
                expected.view_of_page(properties["path"].as_str().context("a path")?);
            }
            "Product Viewed" => {
                expected.views += 1;
                expected.item(product).views += 1;
                if let Some(url) = properties["url"].as_str() {
                    expected.view_of_page(without_query(url));
                }
            }
            "Product Added" => expected.item(product).carts += 1,
            "Product Removed" => expected.item(product).removals += 1,
            _ => {
                let currency = properties["currency"].as_str().context("a currency")?;
                for product in properties["products"].as_array().context("products")? {
                    let quantity = product["quantity"].as_u64().context("a quantity")?;
                    let money = quantity * cents_of(&product["price"])?;
                    let item = expected.item(product["product_id"].as_str().context("an id")?);
                    match what {
                        "Checkout Started" => item.checkouts += 1,
                        "Order Completed" => item.sell(quantity, currency, money),
                        _ => *item.refunds.entry(currency.to_string()).or_default() += money,
                    }
                }
            }
        }
    }
    Ok(expected)
}
