//! The description of `/funnel`.

use serde_json::json;

use crate::funnel::answer::Answer;
use crate::http::csv::Listing;
use crate::openapi::operation::{Operation, Schemas, question};
use crate::openapi::parameters::{limit, query, site_id};
use crate::overview::describe::range_parameters;

const DESCRIPTION: &str = "Drop-off is 1 - (next + w m) / (from + w), where m is the same ratio of all items together, and w \
                           their weight. window is for windows that end now, in place of from and to.";

/// What it is as a table.
pub(crate) const FUNNEL: Listing = Listing {
    lists: &["stages", "items"],
    columns: &[
        "stage",
        "visitors.count",
        "visitors.of_previous",
        "visitors.of_viewed",
        "sessions.count",
        "sessions.of_previous",
        "sessions.of_viewed",
        "item_id",
        "views",
        "adds_to_cart",
        "checkouts",
        "units",
        "drop_off",
        "name",
        "category",
        "brand",
    ],
};

pub(crate) fn funnel(schemas: &mut Schemas) -> Operation {
    let mut parameters = range_parameters();
    parameters.extend([
        query(
            "window",
            "In place of from and to, how long before now: a whole number of minutes, hours or days.",
            json!({"type": "string", "pattern": "^[0-9]+[mhd]$", "examples": ["24h"]}),
        ),
        query(
            "step",
            "From which stage to which items lose.",
            json!({"type": "string", "enum": ["whole", "cart", "checkout", "purchase"], "default": "whole"}),
        ),
        limit(),
        site_id(),
    ]);
    let reached = |count: u32, of_previous: f64, of_viewed: f64| json!({"count": count, "of_previous": of_previous, "of_viewed": of_viewed});
    let first = json!({"count": 40, "of_previous": null, "of_viewed": 1});
    let example = json!({
        "site_id": "default", "tz": "UTC",
        "stages": [
            {"stage": "viewed", "visitors": first, "sessions": first},
            {"stage": "carted", "visitors": reached(10, 0.25, 0.25), "sessions": reached(10, 0.25, 0.25)},
            {"stage": "began_checkout", "visitors": reached(5, 0.5, 0.125), "sessions": reached(5, 0.5, 0.125)},
            {"stage": "bought", "visitors": reached(4, 0.8, 0.1), "sessions": reached(4, 0.8, 0.1)},
        ],
        "stages_complete": true, "error": 0, "step": "whole",
        "items": [{"item_id": 1, "views": 150, "adds_to_cart": 4, "checkouts": 2, "units": 1, "drop_off": 0.982}],
        "all": {"views": 1_075, "adds_to_cart": 60, "checkouts": 25, "units": 20, "drop_off": 0.963_47},
        "weight": 20, "as_of": "2026-11-21T12:07:00Z",
        "window": {"from": "2026-11-21T00:00:00Z", "to": "2026-11-21T12:08:00Z", "precision": "minute"},
    });
    let answer = schemas.answer::<Answer<'_>>("How far visitors got", example);
    let names = ("funnel", "How far visitors get, and where items lose them", DESCRIPTION);
    question(names, parameters, answer, schemas)
}
