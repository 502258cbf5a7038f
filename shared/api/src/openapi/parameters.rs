//! The parameters in the description of the API. They have the bounds that queries are read with.

use minutebook_domain::event::line::KEY_BYTES_MAX;
use minutebook_domain::event::site::{DEFAULT_SITE, SITE_BYTES_MAX};
use minutebook_domain::query::window::WINDOW_MINUTES_MAX;
use serde_json::{Value, json};

use crate::http::parameters::{LIMIT_DEFAULT, LIMIT_MAX};

/// A parameter of the query.
pub(crate) fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

/// A parameter of the query that must be given.
pub(crate) fn required_query(name: &str, description: &str, schema: Value) -> Value {
    let mut parameter = query(name, description, schema);
    parameter["required"] = json!(true);
    parameter
}

/// A header.
pub(crate) fn header(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "header", "description": description, "schema": schema})
}

pub(crate) fn site_id() -> Value {
    let pattern = format!("^[A-Za-z0-9._:-]{{1,{SITE_BYTES_MAX}}}$");
    query(
        "site_id",
        "The site that the events name.",
        json!({"type": "string", "pattern": pattern, "default": DEFAULT_SITE}),
    )
}

pub(crate) fn window(default: &str) -> Value {
    let days = WINDOW_MINUTES_MAX / (24 * 60);
    let description = format!(
        "How long the window is: a whole number of minutes, hours or days, from 1m to {days}d."
    );
    length("window", &description, default)
}

/// A whole number of minutes, hours or days.
pub(crate) fn length(name: &str, description: &str, default: &str) -> Value {
    let schema = json!({"type": "string", "pattern": "^[0-9]+[mhd]$", "default": default});
    query(name, description, schema)
}

pub(crate) fn as_of() -> Value {
    let description =
        "The window ends with the minute of this time, which is now if it is not given.";
    query("as_of", description, time())
}

/// How many items are listed.
pub(crate) fn limit() -> Value {
    limit_from(1, LIMIT_DEFAULT)
}

/// How many items are listed, from `least` on.
pub(crate) fn limit_from(least: usize, default: usize) -> Value {
    let schema =
        json!({"type": "integer", "minimum": least, "maximum": LIMIT_MAX, "default": default});
    query("limit", "How many items are listed.", schema)
}

pub(crate) fn currency() -> Value {
    let description =
        "Three letters, as EUR; the currency of the site if it is not given. Only for money.";
    query(
        "currency",
        description,
        json!({"type": "string", "pattern": "^[A-Za-z]{3}$", "examples": ["USD"]}),
    )
}

/// The schema of an item id, which may be any text.
pub(crate) fn item_id() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": KEY_BYTES_MAX})
}

/// The schema of a time.
pub(crate) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}
