//! Google Analytics 4, as BigQuery exports it and as the Measurement Protocol sends it.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Expected, cents_of, without_query};

/// An event of either form, with the fields that matter.
struct Event<'a> {
    name: &'a str,
    user: &'a str,
    page: Option<&'a str>,
    currency: Option<&'a str>,
    items: &'a [Value],
}

pub(super) fn of_bigquery(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line)?;
        let parameter = |key: &str| {
            let found =
                row["event_params"].as_array()?.iter().find(|parameter| parameter["key"] == key)?;
            found["value"]["string_value"].as_str()
        };
        let event = Event {
            name: row["event_name"].as_str().context("a name")?,
            user: row["user_id"].as_str().or(row["user_pseudo_id"].as_str()).context("a user")?,
            page: parameter("page_location"),
            currency: parameter("currency"),
            items: row["items"].as_array().context("items")?,
        };
        if count(&event, &mut expected)? {
            expected.lines.counted += 1;
        } else {
            expected.lines.ignored += 1;
        }
    }
    Ok(expected)
}

pub(super) fn of_measurement_protocol(text: &str) -> Result<Expected> {
    let mut expected = Expected::default();
    for line in text.lines() {
        let post: Value = serde_json::from_str(line)?;
        for event in post["events"].as_array().context("events")? {
            let parameters = &event["params"];
            let event = Event {
                name: event["name"].as_str().context("a name")?,
                user: post["user_id"].as_str().or(post["client_id"].as_str()).context("a user")?,
                page: parameters["page_location"].as_str(),
                currency: parameters["currency"].as_str(),
                items: parameters["items"].as_array().map_or(&[], Vec::as_slice),
            };
            if count(&event, &mut expected)? {
                expected.lines.counted += 1;
            } else {
                expected.lines.ignored += 1;
            }
        }
    }
    Ok(expected)
}

/// Counts an event. Returns `false` if this kind of event is ignored.
fn count(event: &Event<'_>, expected: &mut Expected) -> Result<bool> {
    match event.name {
        "page_view" => {
            expected.views += 1;
            expected.view_of_page(without_query(event.page.context("a page")?));
        }
        // The page has its own `page_view` event.
        "view_item" => expected.views += 1,
        "add_to_cart" | "remove_from_cart" | "begin_checkout" | "purchase" | "refund" => {}
        _ => return Ok(false),
    }
    expected.users.insert(event.user.to_string());
    for item in event.items {
        let counted = expected.item(item["item_id"].as_str().context("an id")?);
        // BigQuery exports whole numbers as strings.
        let quantity = match &item["quantity"] {
            Value::String(text) => text.parse()?,
            number => number.as_u64().unwrap_or(1),
        };
        let money = quantity * cents_of(&item["price"])?;
        let currency = event.currency.unwrap_or("USD");
        match event.name {
            "view_item" => counted.views += 1,
            "add_to_cart" => counted.carts += 1,
            "remove_from_cart" => counted.removals += 1,
            "begin_checkout" => counted.checkouts += 1,
            "purchase" => counted.sell(quantity, currency, money),
            "refund" => *counted.refunds.entry(currency.to_string()).or_default() += money,
            other => bail!("{other} has items"),
        }
    }
    Ok(true)
}
