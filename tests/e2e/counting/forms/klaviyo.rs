//! Klaviyo: the body of its API for events, and that of the older one.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Expected, cents_of, without_query};

/// An event of either form, with what matters.
struct Event<'a> {
    metric: &'a str,
    id: Option<String>,
    user: &'a str,
    properties: &'a Value,
    currency: &'a str,
}

pub(super) fn of_events(text: &str) -> Result<Expected> {
    count(text, |body| {
        let attributes = &body["data"]["attributes"];
        let profile = &attributes["profile"]["data"];
        let user = profile["id"].as_str().or(profile["attributes"]["email"].as_str());
        Ok(Event {
            metric: attributes["metric"]["data"]["attributes"]["name"]
                .as_str()
                .context("a name")?,
            id: attributes["unique_id"].as_str().map(str::to_string),
            user: user.context("a profile")?,
            properties: &attributes["properties"],
            currency: attributes["value_currency"].as_str().unwrap_or("USD"),
        })
    })
}

pub(super) fn of_track(text: &str) -> Result<Expected> {
    count(text, |body| {
        let customer = &body["customer_properties"];
        Ok(Event {
            metric: body["event"].as_str().context("a name")?,
            id: body["properties"]["$event_id"].as_str().map(str::to_string),
            user: customer["$id"].as_str().or(customer["$email"].as_str()).context("a customer")?,
            properties: &body["properties"],
            currency: body["properties"]["$currency_code"].as_str().unwrap_or("USD"),
        })
    })
}

fn count(text: &str, event_of: fn(&Value) -> Result<Event<'_>>) -> Result<Expected> {
    let mut expected = Expected::default();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let body: Value = serde_json::from_str(line)?;
        let event = event_of(&body)?;
        if !matches!(
            event.metric,
            "Active on Site"
                | "__activity__"
                | "Viewed Page"
                | "Viewed Product"
                | "Added to Cart"
                | "Started Checkout"
                | "Placed Order"
                | "Refunded Order"
        ) {
            expected.lines.ignored += 1;
            continue;
        }
        if event.id.is_some_and(|id| !seen.insert(id)) {
            expected.lines.duplicate += 1;
            continue;
        }
        expected.lines.counted += 1;
        expected.users.insert(event.user.to_string());
        let properties = event.properties;
        let text = |name: &str| properties[name].as_str().with_context(|| name.to_string());
        match event.metric {
            "Viewed Product" => {
                expected.views += 1;
                expected.item(text("ProductID")?).views += 1;
            }
            "Added to Cart" => expected.item(text("AddedItemProductID")?).carts += 1,
            "Started Checkout" | "Placed Order" | "Refunded Order" => {
                for item in properties["Items"].as_array().context("items")? {
                    let units = item["Quantity"].as_u64().context("a quantity")?;
                    let money = cents_of(&item["RowTotal"])?;
                    let item = expected.item(item["ProductID"].as_str().context("an id")?);
                    match event.metric {
                        "Started Checkout" => item.checkouts += 1,
                        "Placed Order" => item.sell(units, event.currency, money),
                        _ => *item.refunds.entry(event.currency.to_string()).or_default() += money,
                    }
                }
            }
            _ => {
                expected.views += 1;
                let page = text("page").or_else(|_| text("URL"))?;
                expected.view_of_page(without_query(page));
            }
        }
    }
    Ok(expected)
}
