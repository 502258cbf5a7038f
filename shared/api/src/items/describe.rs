//! The description of `/items/{item_id}`.

use serde_json::json;

use crate::http::basis::Basis;
use crate::http::csv::Listing;
use crate::items::answer::Answer;
use crate::openapi::operation::{Operation, Schemas, question};
use crate::openapi::parameters::{as_of, currency, item_id, site_id, window};

/// What it is as a table.
pub(crate) const ITEM: Listing = Listing {
    lists: &[],
    columns: &[
        "item_id",
        "site_id",
        "views",
        "adds_to_cart",
        "removals",
        "checkouts",
        "units",
        "gross_sales",
        "refunds",
        "net_sales",
        "basis",
        "currency",
        "conversion.adds_to_cart_per_view",
        "conversion.units_per_add_to_cart",
        "conversion.checkouts_per_add_to_cart",
        "conversion.units_per_checkout",
        "conversion.units_per_view",
        "window.from",
        "window.to",
        "name",
        "category",
        "brand",
        "price",
        "image_url",
    ],
};

pub(crate) fn item(schemas: &mut Schemas) -> Operation {
    let path = json!({
        "name": "item_id", "in": "path", "required": true, "description": "The item, percent-encoded.",
        "schema": item_id(), "examples": {"number": {"value": "101"}},
    });
    let example = json!({
        "item_id": 101, "name": "Oat mug", "category": "Mugs", "brand": "Haver", "price": "19.90",
        "site_id": "default", "views": 21, "adds_to_cart": 6, "removals": 2, "checkouts": 5, "units": 4,
        "gross_sales": 100.50, "refunds": 120.75, "net_sales": -20.25, "basis": "refund", "currency": "USD",
        "conversion": {
            "adds_to_cart_per_view": 0.285714, "units_per_add_to_cart": 0.666667,
            "checkouts_per_add_to_cart": 0.833333, "units_per_checkout": 0.8, "units_per_view": 0.190476,
        },
        "as_of": "2026-11-21T12:00:00Z",
        "window": {"from": "2026-11-20T12:01:00Z", "to": "2026-11-21T12:01:00Z", "precision": "minute"},
    });
    let answer = schemas.answer::<Answer<'_>>("What was counted of the item", example);
    let names = ("item", "What was counted of one item", "An item that nobody ever saw is zeros.");
    let basis = Basis::Refund.parameter();
    let parameters = vec![path, site_id(), window("24h"), as_of(), currency(), basis];
    question(names, parameters, answer, schemas)
}
