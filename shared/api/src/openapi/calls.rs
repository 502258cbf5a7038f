//! What the description of the API says of each question.

use serde_json::{Value, json};

use crate::health;
use crate::history;
use crate::items;
use crate::openapi::parameters::{
    as_of, currency, item_id, limit, limit_from, query, required_query, site_id, window,
};
use crate::openapi::{Operation, Schemas};
use crate::rankings::answer::{HighestGrossing, MostViewed, TopCarted};

/// What may go wrong with every question.
pub(crate) fn problems(schemas: &mut Schemas) -> [(&'static str, Value); 2] {
    [
        (
            "400",
            schemas.problem(
                "A parameter is wrong, given twice or unknown; the sentence names it and its bound",
            ),
        ),
        ("503", schemas.problem("The table could not be read; try again in a moment")),
    ]
}

fn question(
    names: (&'static str, &'static str, &'static str),
    parameters: Vec<Value>,
    answer: Value,
    schemas: &mut Schemas,
) -> Operation {
    let (id, summary, description) = names;
    let mut answers = vec![("200", answer)];
    answers.extend(problems(schemas));
    Operation { id, summary, description, parameters, body: None, answers }
}

const RANKING: &str = "Items with equal numbers are ordered by id, numbers before texts. Nothing counted is null, 0 and [].";

fn example_window(from: &str) -> Value {
    json!({"from": from, "to": "2026-11-20T23:08:00Z", "precision": "minute"})
}

pub(crate) fn most_viewed(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "most_viewed_item": 1, "views": 10, "top": [{"item_id": 1, "views": 10}, {"item_id": "sku-2", "views": 9}],
        "as_of": "2026-11-20T23:07:00Z", "window": example_window("2026-11-20T22:08:00Z"),
    });
    let answer = schemas.answer::<MostViewed<'_>>("The items that are viewed most", example);
    let names = ("mostViewedItem", "Which item is viewed most", RANKING);
    question(names, vec![site_id(), window("1h"), limit(), as_of()], answer, schemas)
}

pub(crate) fn top_carted(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "top_item_added_to_cart": 2, "adds_to_cart": 5, "top": [{"item_id": 2, "adds_to_cart": 5}],
        "as_of": "2026-11-20T23:07:00Z", "window": example_window("2026-11-19T23:08:00Z"),
    });
    let answer = schemas.answer::<TopCarted<'_>>("The items that are added to carts most", example);
    let names = ("topItemAddedToCart", "Which item is added to carts most", RANKING);
    question(names, vec![site_id(), window("24h"), limit(), as_of()], answer, schemas)
}

pub(crate) fn highest_grossing(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "highest_grossing_item": 3, "total_sales": 1300.00, "currency": "USD",
        "top": [{"item_id": 3, "total_sales": 1300.00}],
        "as_of": "2026-11-20T23:07:00Z", "window": example_window("2026-11-19T23:08:00Z"),
    });
    let answer = schemas.answer::<HighestGrossing<'_>>("The items with the highest sales", example);
    let names = ("highestGrossingItem", "Which item has the highest sales", RANKING);
    question(names, vec![site_id(), window("24h"), limit(), as_of(), currency()], answer, schemas)
}

pub(crate) fn history(schemas: &mut Schemas) -> Operation {
    let instant =
        || json!({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]});
    let parameters = vec![
        required_query(
            "measure",
            "What is counted.",
            json!({"type": "string", "enum": ["views", "carts", "sales", "units", "removals", "refunds"]}),
        ),
        query(
            "granularity",
            "How long a period is.",
            json!({"type": "string", "enum": ["hour", "day", "week", "month"], "default": "day"}),
        ),
        query(
            "from",
            "A time, or a date in tz: the series begins with the period that it lies in.",
            instant(),
        ),
        query(
            "to",
            "A time, or a date in tz, exclusive: the series ends with the period that it cuts.",
            instant(),
        ),
        query(
            "tz",
            "Whose midnights days, weeks and months begin at: a name of the IANA time zones.",
            json!({"type": "string", "default": "UTC", "examples": ["Europe/Berlin"]}),
        ),
        query("item_id", "One item; no items are listed then.", item_id()),
        site_id(),
        currency(),
        limit_from(0, history::query::LIMIT_DEFAULT),
        query(
            "cursor",
            "The next_cursor of the page before; the other parameters must be repeated.",
            json!({"type": "string"}),
        ),
    ];
    let example = json!({
        "measure": "sales", "granularity": "day", "tz": "Europe/Berlin", "site_id": "default", "currency": "USD",
        "periods": [{
            "from": "2026-11-20T00:00:00+01:00", "to": "2026-11-21T00:00:00+01:00", "total": 668.70,
            "top": [{"item_id": 9, "total": 668.70}], "running": false,
        }],
        "as_of": "2026-11-21T13:22:00Z",
        "window": {"from": "2026-11-19T23:00:00Z", "to": "2026-11-20T23:00:00Z", "precision": "minute"},
        "next_cursor": null,
    });
    let answer = schemas.answer::<history::Answer<'_>>("A page of the series", example);
    let description = "A page has up to 100 periods, a series up to 1,000. currency is for sales and refunds only. Hours \
                       that have expired are 400.";
    let names = ("history", "How a measure went by hour, day, week or month", description);
    question(names, parameters, answer, schemas)
}

pub(crate) fn item(schemas: &mut Schemas) -> Operation {
    let path = json!({
        "name": "item_id", "in": "path", "required": true, "description": "The item, percent-encoded.",
        "schema": item_id(), "examples": {"number": {"value": "101"}},
    });
    let example = json!({
        "item_id": 101, "site_id": "default", "views": 21, "adds_to_cart": 6, "removals": 2, "units": 4,
        "gross_sales": 100.50, "refunds": 120.75, "net_sales": -20.25, "currency": "USD",
        "conversion": {
            "adds_to_cart_per_view": 0.285714, "units_per_add_to_cart": 0.666667, "units_per_view": 0.190476,
        },
        "as_of": "2026-11-21T12:00:00Z",
        "window": {"from": "2026-11-20T12:01:00Z", "to": "2026-11-21T12:01:00Z", "precision": "minute"},
    });
    let answer = schemas.answer::<items::Answer<'_>>("What was counted of the item", example);
    let names = ("item", "What was counted of one item", "An item that nobody ever saw is zeros.");
    question(names, vec![path, site_id(), window("24h"), as_of(), currency()], answer, schemas)
}

pub(crate) fn health(schemas: &mut Schemas) -> Operation {
    let example = |status: &str, reasons: Value| {
        json!({
            "status": status, "service": "minutebook", "queue_size": 0, "in_flight": 1, "dead_letters": 0,
            "oldest_open_hour": "2026-11-21T13:00:00Z", "reasons": reasons,
        })
    };
    let reachable = schemas.answer::<health::Answer>(
        "All can be reached, whatever waits",
        example("healthy", json!([])),
    );
    let example = example("unavailable", json!(["the dead letters could not be reached"]));
    let unavailable =
        schemas.answer::<health::Answer>("The table or a queue cannot be reached", example);
    Operation {
        id: "health",
        summary: "Whether chunks are counted and hours added up",
        description: "Parameters are passed over.",
        parameters: vec![],
        body: None,
        answers: vec![("200", reachable), ("503", unavailable)],
    }
}

/// The description itself.
pub(crate) fn openapi(_: &mut Schemas) -> Operation {
    let answer = json!({
        "description": "This document",
        "content": {"application/json": {"schema": {"type": "object", "required": ["openapi", "info", "paths"]}}},
    });
    Operation {
        id: "openapi",
        summary: "The description of the API",
        description: "Parameters are passed over.",
        parameters: vec![],
        body: None,
        answers: vec![("200", answer)],
    }
}
