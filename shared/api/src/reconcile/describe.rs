//! The description of `/reconcile`.

use serde_json::json;

use crate::history::describe::series_parameters;
use crate::http::csv::Listing;
use crate::openapi::operation::{Operation, Schemas, question};
use crate::openapi::parameters::{currency, site_id};
use crate::reconcile::answer::Answer;

/// What it is as a table.
pub(crate) const RECONCILE: Listing = Listing {
    lists: &["periods"],
    columns: &[
        "from",
        "to",
        "items.gross",
        "items.refunds",
        "items.net",
        "orders.gross",
        "orders.refunds",
        "orders.net",
        "without_order.gross",
        "without_order.refunds",
        "without_order.net",
        "orders_without_lines.gross",
        "orders_without_lines.refunds",
        "orders_without_lines.net",
        "difference.gross",
        "difference.refunds",
        "running",
        "currency",
    ],
};

pub(crate) fn reconcile(schemas: &mut Schemas) -> Operation {
    let money = |gross: f64, refunds: f64, net: f64| json!({"gross": gross, "refunds": refunds, "net": net});
    let example = json!({
        "reconciles": true, "proof": {"at": "2026-11-21T03:00:12Z", "differences": 0},
        "granularity": "day", "tz": "UTC", "site_id": "default", "currency": "USD",
        "periods": [{
            "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z",
            "items": money(668.70, 20.0, 648.70), "orders": money(600.0, 20.0, 580.0),
            "without_order": money(68.70, 0.0, 68.70), "difference": {"gross": 0.0, "refunds": 0.0},
            "orders_without_lines": money(0.0, 0.0, 0.0), "running": false,
        }],
        "as_of": "2026-11-21T13:22:00Z",
        "window": {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z", "precision": "minute"},
        "next_cursor": null,
    });
    let answer = schemas.answer::<Answer<'_>>("A page of the series", example);
    let mut parameters = series_parameters(&["hour", "day", "week", "month"]);
    parameters.extend([site_id(), currency()]);
    let description = "The money of items must be that of orders and of what is of no order. 503 says that events \
                       of these periods are being counted.";
    let names = ("reconcile", "Whether the money of items and of orders agrees", description);
    question(names, parameters, answer, schemas)
}
