//! The description of `/history`.

use serde_json::{Value, json};

use crate::history::answer::Answer;
use crate::history::query::LIMIT_DEFAULT;
use crate::http::basis::Basis;
use crate::http::csv::Listing;
use crate::openapi::operation::{Operation, Schemas, question};
use crate::openapi::parameters::{currency, item_id, limit_from, query, required_query, site_id};
use crate::overview::describe::compare;

/// What it is as a table.
pub(crate) const HISTORY: Listing = Listing {
    lists: &["periods"],
    columns: &[
        "from",
        "to",
        "total",
        "compared.total",
        "other.total",
        "running",
        "measure",
        "item_id",
        "currency",
    ],
};

pub(crate) fn history(schemas: &mut Schemas) -> Operation {
    let mut parameters = vec![
        required_query(
            "measure",
            "What is counted.",
            json!({"type": "string", "enum": ["views", "carts", "checkouts", "sales", "units", "removals", "refunds", "net_sales"]}),
        ),
        query("item_id", "One item; no items are listed then.", item_id()),
        site_id(),
        currency(),
        Basis::Refund.parameter(),
        limit_from(0, LIMIT_DEFAULT),
    ];
    parameters.push(compare(&["none", "previous", "week", "year"]));
    parameters.extend(series_parameters(&["minute", "hour", "day", "week", "month"]));
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
    let answer = schemas.answer::<Answer<'_>>("A page of the series", example);
    let description = "A page has up to 100 periods, a series up to 1,000. currency is for sales, refunds and net_sales only, \
                       basis for the last two. Minutes and hours that have expired are 400.";
    let names = ("history", "How a measure went by minute, hour, day, week or month", description);
    question(names, parameters, answer, schemas)
}

/// The parameters of a series of periods of these lengths.
pub(crate) fn series_parameters(granularities: &[&str]) -> Vec<Value> {
    let instant =
        || json!({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]});
    vec![
        query(
            "granularity",
            "How long a period is.",
            json!({"type": "string", "enum": granularities, "default": "day"}),
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
            json!({"type": "string", "examples": ["Europe/Berlin"]}),
        ),
        query(
            "cursor",
            "The next_cursor of the page before; the other parameters must be repeated.",
            json!({"type": "string"}),
        ),
    ]
}
