//! The description of the calls about orders.

use minutebook_domain::query::window::WINDOW_MINUTES_MAX;
use serde_json::{Value, json};

use crate::http::basis::Basis;
use crate::http::csv::Listing;
use crate::openapi::operation::{Operation, Schemas, problems};
use crate::openapi::parameters::{as_of, currency, limit, query, site_id};
use crate::orders::answer::{HourlyAnswer, OrdersAnswer, RealtimeAnswer, TopProductsAnswer};
use crate::orders::query::HOURLY_DAYS_MAX;

/// What it is as a table.
pub(crate) const TOP_PRODUCTS: Listing =
    Listing { lists: &["products"], columns: &["product_name", "revenue", "units", "currency"] };

/// What it is as a table.
pub(crate) const HOURLY_REVENUE: Listing = Listing {
    lists: &["hours"],
    columns: &["hour", "orders", "revenue", "refunded", "net_revenue", "currency"],
};

pub(crate) fn orders(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "total_orders": 3, "total_revenue": 120.5, "net_revenue": 100.0, "refunded": 20.5, "basis": "order",
        "currency": "USD",
        "orders_by_status": {"CANCELLED": 1, "SHIPPED": 2}, "avg_order_value": 40.166667,
        "orders_per_hour": {"2026-11-20T22:00:00Z": 2, "2026-11-20T23:00:00Z": 1}, "site_id": "default",
        "as_of": "2026-11-20T23:07:00Z", "window": window_example("2026-11-20T22:08:00Z"),
    });
    let answer = schemas.answer::<OrdersAnswer<'_>>("The orders of the window", example);
    operation(
        ("orders", "Orders, what they brought and what became of them"),
        "An order counts at the minute in which it was placed, at its creation or its earliest purchase, with its \
         present status, in whatever order its events came. What its refunds and its cancellation gave back, at most \
         its value, is taken off net_revenue.",
        vec![window("24h", HOURLY_DAYS_MAX), Basis::Order.parameter()],
        answer,
        schemas,
    )
}

pub(crate) fn realtime(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "current_orders_per_minute": 0.6, "revenue_per_minute": 24.1, "active_users": 12,
        "top_products": [{"product_name": "Espresso cups", "revenue": 80.0, "units": 4}],
        "recent_orders": [{
            "order_id": "7", "order_number": "ORD-7", "status": "PAID", "total_amount": 40.0, "refunded": 0.0,
            "currency": "USD", "created_at": "2026-11-20T23:06:31.123Z",
        }],
        "currency": "USD", "site_id": "default", "as_of": "2026-11-20T23:07:00Z",
        "window": window_example("2026-11-20T23:03:00Z"),
    });
    let answer = schemas.answer::<RealtimeAnswer<'_>>("What goes on with orders", example);
    operation(
        ("realtime", "Orders just now"),
        "Rates, active users and products are of the window; recent orders are the newest of the last 24 hours.",
        vec![window("5m", 1), limit()],
        answer,
        schemas,
    )
}

pub(crate) fn hourly_revenue(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "hours": [{"hour": "2026-11-20T23:00:00Z", "orders": 3, "revenue": 120.5, "refunded": 20.5, "net_revenue": 100.0}],
        "total_revenue": 120.5, "net_revenue": 100.0, "basis": "order", "currency": "USD", "site_id": "default",
        "as_of": "2026-11-20T23:07:00Z", "window": window_example("2026-11-20T23:00:00Z"),
    });
    let answer = schemas.answer::<HourlyAnswer<'_>>("Every hour of the window, zeros too", example);
    operation(
        ("hourlyRevenue", "What orders brought, hour by hour"),
        "The window begins with a whole hour, and its last one may be running.",
        vec![window("24h", HOURLY_DAYS_MAX), Basis::Order.parameter()],
        answer,
        schemas,
    )
}

pub(crate) fn top_products(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "products": [{"product_name": "Espresso cups", "revenue": 80.0, "units": 4}],
        "currency": "USD", "site_id": "default", "as_of": "2026-11-20T23:07:00Z",
        "window": window_example("2026-11-19T23:08:00Z"),
    });
    let answer = schemas.answer::<TopProductsAnswer<'_>>("The products, in their order", example);
    let by = json!({"type": "string", "enum": ["revenue", "units"], "default": "revenue"});
    operation(
        ("topProducts", "The products that orders brought the most by"),
        "Products of cancelled orders are counted too.",
        vec![
            window("24h", WINDOW_MINUTES_MAX / (24 * 60)),
            limit(),
            query("by", "What they are ranked by.", by),
        ],
        answer,
        schemas,
    )
}

fn operation(
    (id, summary): (&'static str, &'static str),
    description: &'static str,
    own_parameters: Vec<Value>,
    answer: Value,
    schemas: &mut Schemas,
) -> Operation {
    let mut parameters = vec![site_id()];
    parameters.extend(own_parameters);
    parameters.extend([as_of(), currency()]);
    let mut answers = vec![("200", answer)];
    answers.extend(problems(schemas));
    Operation { id, summary, description, parameters, body: None, answers }
}

fn window(default: &str, days_max: u32) -> Value {
    let description = format!(
        "How long the window is: a whole number of minutes, hours or days, from 1m to {days_max}d."
    );
    query(
        "window",
        &description,
        json!({"type": "string", "pattern": "^[0-9]+[mhd]$", "default": default}),
    )
}

fn window_example(from: &str) -> Value {
    json!({"from": from, "to": "2026-11-20T23:08:00Z", "precision": "minute"})
}
