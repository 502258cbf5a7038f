//! Shopify's web pixel: what a visitor does in the browser.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Expected, cents_of};

pub(super) fn oracle(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line)?;
        let data = &event["data"];
        let product = |of: &Value| of["product"]["id"].as_str().unwrap_or_default().to_string();
        let name = event["name"].as_str().context("a name")?;
        if !matches!(
            name,
            "page_viewed"
                | "product_viewed"
                | "product_added_to_cart"
                | "product_removed_from_cart"
                | "checkout_started"
                | "checkout_completed"
        ) {
            expected.lines.ignored += 1;
            continue;
        }
        if !seen.insert(event["id"].to_string()) {
            expected.lines.duplicate += 1;
            continue;
        }
        expected.lines.counted += 1;
        // A customer who is known by an order has another id than the browser.
        let customer = data["checkout"]["order"]["customer"]["id"].as_str();
        let user = customer.or(event["clientId"].as_str()).context("a client")?;
        expected.users.insert(user.to_string());
        match name {
            "page_viewed" => {
                expected.views += 1;
                let location = &event["context"]["document"]["location"];
                expected.view_of_page(location["pathname"].as_str().context("a path")?);
            }
            "product_viewed" => {
                expected.views += 1;
                expected.item(product(&data["productVariant"])).views += 1;
            }
            "product_added_to_cart" => {
                expected.item(product(&data["cartLine"]["merchandise"])).carts += 1;
            }
            "product_removed_from_cart" => {
                expected.item(product(&data["cartLine"]["merchandise"])).removals += 1;
            }
            _ => {
                let checkout = &data["checkout"];
                let currency = checkout["currencyCode"].as_str().context("a currency")?;
                for line in checkout["lineItems"].as_array().context("lines")? {
                    let quantity = line["quantity"].as_u64().context("a quantity")?;
                    let money = cents_of(&line["finalLinePrice"]["amount"])?;
                    let item = expected.item(product(&line["variant"]));
                    match name {
                        "checkout_started" => item.checkouts += 1,
                        _ => item.sell(quantity, currency, money),
                    }
                }
            }
        }
    }
    Ok(expected)
}
