//! The description of the rankings.

use serde_json::{Value, json};

use crate::http::csv::Listing;
use crate::openapi::operation::{Operation, Schemas, question};
use crate::openapi::parameters::{as_of, currency, limit, query, site_id, time, window};
use crate::rankings::answer::{HighestGrossing, ItemsOrGroups, MostViewed, TopCarted};

const RANKING: &str = "Items with equal numbers are ordered by id, numbers before texts. Nothing counted is null, 0 and [].";

fn example_window(from: &str) -> Value {
    json!({"from": from, "to": "2026-11-20T23:08:00Z", "precision": "minute"})
}

/// What it is as a table.
pub(crate) const HIGHEST_GROSSING: Listing = Listing {
    lists: &["top"],
    columns: &["item_id", "total_sales", "currency", "name", "category", "brand", "compared"],
};

/// What it is as a table.
pub(crate) const TOP_CARTED: Listing = Listing {
    lists: &["top"],
    columns: &["item_id", "adds_to_cart", "name", "category", "brand", "compared"],
};

/// What it is as a table.
pub(crate) const MOST_VIEWED: Listing = Listing {
    lists: &["top"],
    columns: &["item_id", "views", "name", "category", "brand", "compared"],
};

/// What numbers are compared with.
fn compared_as_of() -> Value {
    let description = "Each number is compared with that of the window of the same length that ends \
                       with the minute of this time.";
    query("compared_as_of", description, time())
}

/// What the ranking lists.
fn by() -> Value {
    query(
        "by",
        "What is listed: items, or what the site's catalogue says they are.",
        json!({"type": "string", "enum": ["item", "category", "brand"], "default": "item"}),
    )
}

pub(crate) fn most_viewed(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "most_viewed_item": 1, "views": 10, "top": [
            {"item_id": 1, "name": "Oat mug", "category": "Mugs", "brand": "Haver", "views": 10},
            {"item_id": "sku-2", "views": 9},
        ],
        "as_of": "2026-11-20T23:07:00Z", "window": example_window("2026-11-20T22:08:00Z"),
    });
    let answer = schemas
        .answer::<ItemsOrGroups<'_, MostViewed<'_>>>("The items that are viewed most", example);
    let names = ("mostViewedItem", "Which item is viewed most", RANKING);
    question(
        names,
        vec![site_id(), window("1h"), by(), limit(), as_of(), compared_as_of()],
        answer,
        schemas,
    )
}

pub(crate) fn top_carted(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "top_item_added_to_cart": 2, "adds_to_cart": 5, "top": [{"item_id": 2, "adds_to_cart": 5}],
        "as_of": "2026-11-20T23:07:00Z", "window": example_window("2026-11-19T23:08:00Z"),
    });
    let answer = schemas.answer::<ItemsOrGroups<'_, TopCarted<'_>>>(
        "The items that are added to carts most",
        example,
    );
    let names = ("topItemAddedToCart", "Which item is added to carts most", RANKING);
    question(
        names,
        vec![site_id(), window("24h"), by(), limit(), as_of(), compared_as_of()],
        answer,
        schemas,
    )
}

pub(crate) fn highest_grossing(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "highest_grossing_item": 3, "total_sales": 1300.00, "currency": "USD",
        "top": [{"item_id": 3, "total_sales": 1300.00}],
        "as_of": "2026-11-20T23:07:00Z", "window": example_window("2026-11-19T23:08:00Z"),
    });
    let answer = schemas.answer::<ItemsOrGroups<'_, HighestGrossing<'_>>>(
        "The items with the highest sales",
        example,
    );
    let names = ("highestGrossingItem", "Which item has the highest sales", RANKING);
    question(
        names,
        vec![site_id(), window("24h"), by(), limit(), as_of(), compared_as_of(), currency()],
        answer,
        schemas,
    )
}
