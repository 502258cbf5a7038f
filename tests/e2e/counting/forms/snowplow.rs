//! Snowplow's enriched events as its analytics SDKs write them, with those of its e-commerce plugin.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Expected, cents_of, without_query};

pub(super) fn oracle(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line)?;
        let ecommerce = |name: &str| {
            let vendor = "com_snowplowanalytics_snowplow_ecommerce";
            &row[format!("{name}_1").replace("VENDOR", vendor)]
        };
        let action = &ecommerce("unstruct_event_VENDOR_snowplow_ecommerce_action")["type"];
        let what = action.as_str().or(row["event_name"].as_str()).context("a name")?;
        if !matches!(
            what,
            "page_view"
                | "product_view"
                | "add_to_cart"
                | "remove_from_cart"
                | "transaction"
                | "refund"
        ) {
            expected.lines.ignored += 1;
            continue;
        }
        if !seen.insert(row["event_id"].to_string()) {
            expected.lines.duplicate += 1;
            continue;
        }
        expected.lines.counted += 1;
        let user = row["user_id"].as_str().or(row["domain_userid"].as_str());
        expected.users.insert(user.context("a user")?.to_string());
        if what == "page_view" {
            expected.views += 1;
            expected.view_of_page(without_query(row["page_url"].as_str().context("a page")?));
            continue;
        }
        for product in ecommerce("contexts_VENDOR_product").as_array().context("products")? {
            let currency = product["currency"].as_str().context("a currency")?;
            let units = product["quantity"].as_u64().context("a quantity")?;
            let money = units * cents_of(&product["price"])?;
            let item = expected.item(product["id"].as_str().context("an id")?);
            match what {
                "product_view" => item.views += 1,
                "add_to_cart" => item.carts += 1,
                "remove_from_cart" => item.removals += 1,
                "transaction" => item.sell(units, currency, money),
                _ => *item.refunds.entry(currency.to_string()).or_default() += money,
            }
            expected.views += u64::from(what == "product_view");
        }
    }
    Ok(expected)
}
