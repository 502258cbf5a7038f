//! The description of `/movers`.

use serde_json::json;

use crate::http::csv::Listing;
use crate::movers::answer::Answer;
use crate::openapi::operation::{Operation, Schemas, question};
use crate::openapi::parameters::{currency, limit, required_query, site_id};
use crate::overview::describe::{compare, range_parameters};

const DESCRIPTION: &str = "Change is (value + w m) / (compared + w) - 1, where m is the same ratio of all items together, and w \
                           their weight: 20, or what 20 pieces cost. currency is for sales only.";

/// What it is as a table.
pub(crate) const MOVERS: Listing = Listing {
    lists: &["rising", "falling"],
    columns: &[
        "item_id", "value", "compared", "change", "measure", "currency", "name", "category",
        "brand",
    ],
};

pub(crate) fn movers(schemas: &mut Schemas) -> Operation {
    let mut parameters = vec![required_query(
        "measure",
        "What is counted.",
        json!({"type": "string", "enum": ["views", "carts", "units", "sales"]}),
    )];
    parameters.extend(range_parameters());
    parameters.extend([compare(&["previous", "week", "year"]), limit(), site_id(), currency()]);
    let example = json!({
        "measure": "views", "site_id": "default", "tz": "UTC",
        "compare": {
            "kind": "previous", "from": "2026-11-20T00:00:00Z", "to": "2026-11-20T12:08:00Z",
            "window": {"from": "2026-11-20T00:00:00Z", "to": "2026-11-20T12:08:00Z", "precision": "minute"},
        },
        "rising": [{"item_id": 1, "name": "Oat mug", "category": "Mugs", "value": 150, "compared": 100, "change": 0.418825}],
        "falling": [{"item_id": "sku-2", "value": 20, "compared": 60, "change": -0.496762}],
        "all": {"value": 1075, "compared": 1061, "change": 0.012951}, "weight": 20,
        "as_of": "2026-11-21T12:07:00Z",
        "window": {"from": "2026-11-21T00:00:00Z", "to": "2026-11-21T12:08:00Z", "precision": "minute"},
    });
    let answer = schemas.answer::<Answer<'_>>("The items that moved most", example);
    let names = ("movers", "Which items rise and fall most", DESCRIPTION);
    question(names, parameters, answer, schemas)
}
