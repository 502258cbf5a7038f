//! The description of `/overview`.

use serde_json::{Value, json};

use crate::openapi::operation::{Operation, Schemas, question};
use crate::openapi::parameters::{currency, query, site_id};
use crate::overview::answer::Answer;

const DESCRIPTION: &str = "The periods are hours up to 3 days, days up to 120, then weeks and months; longer ones where days of \
                           the zone take many rows. There are 200 at most. Edges move outward to whole hours, or dates \
                           where periods are days or more, but not beyond the current minute.";

pub(crate) fn overview(schemas: &mut Schemas) -> Operation {
    let mut parameters = range_parameters();
    parameters.extend([compare(&["previous", "week", "year", "none"]), site_id(), currency()]);
    let tile = |value: Value, compared: Value| json!({"value": value, "compared": compared, "series": [value], "compared_series": [compared]});
    let example = json!({
        "site_id": "default", "currency": "USD", "tz": "Europe/Berlin", "granularity": "hour",
        "compare": {
            "kind": "previous",
            "from": "2026-11-20T00:00:00+01:00", "to": "2026-11-20T00:23:00+01:00",
            "window": {"from": "2026-11-19T23:00:00Z", "to": "2026-11-19T23:23:00Z", "precision": "minute"},
        },
        "periods": [{"from": "2026-11-21T00:00:00+01:00", "to": "2026-11-21T01:00:00+01:00", "running": true}],
        "compared_periods": [{"from": "2026-11-20T00:00:00+01:00", "to": "2026-11-20T00:23:00+01:00"}],
        "tiles": {
            "net_revenue": tile(json!(648.70), json!(600.0)), "revenue": tile(json!(668.70), json!(600.0)),
            "refunded": tile(json!(20.0), json!(0.0)), "orders": tile(json!(7), json!(6)),
            "avg_order_value": tile(json!(95.53), json!(100.0)), "conversion": tile(json!(0.027), json!(0.024)),
            "visitors": tile(json!(120), json!(110)), "views": tile(json!(300), json!(290)),
            "carts": tile(json!(21), json!(20)), "units": tile(json!(8), json!(7)), "active_now": {"value": 12},
        },
        "live_url": null, "as_of": "2026-11-20T23:22:00Z",
        "window": {"from": "2026-11-20T23:00:00Z", "to": "2026-11-20T23:23:00Z", "precision": "minute"},
    });
    let answer = schemas.answer::<Answer<'_>>("The numbers of the range", example);
    let names =
        ("overview", "All numbers of a site, compared with those of an earlier time", DESCRIPTION);
    question(names, parameters, answer, schemas)
}

/// The parameters of a range of time.
pub(crate) fn range_parameters() -> Vec<Value> {
    let instant =
        || json!({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]});
    vec![
        query("from", "A time, or a date in tz; the start of today if it is not given.", instant()),
        query("to", "A time, or a date in tz, exclusive; now if it is not given.", instant()),
        query(
            "tz",
            "Whose midnights days, weeks and months begin at: a name of the IANA time zones.",
            json!({"type": "string", "examples": ["Europe/Berlin"]}),
        ),
    ]
}

/// What a range is compared with.
pub(crate) fn compare(kinds: &[&str]) -> Value {
    query(
        "compare",
        "What the range is compared with: that of the same length just before, by the calendar, or the one a week or a \
         year earlier, as far as the range itself has passed.",
        json!({"type": "string", "enum": kinds, "default": kinds.first()}),
    )
}
