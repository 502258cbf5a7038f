//! The description of `/metrics` and `/metrics/prometheus`.

use serde_json::{Value, json};

use crate::live::answer::Answer;
use crate::live::query::{LIMIT_DEFAULT, WINDOW_HOURS_MAX};
use crate::openapi::operation::{Operation, Schemas, problems};
use crate::openapi::parameters::{currency, limit_from, query, site_id};

pub(crate) fn live(schemas: &mut Schemas) -> Operation {
    let example = json!({
        "active_users": 12, "active_sessions": 14, "page_views": 96,
        "top_pages": [{"page": "/pricing", "views": 41}, {"page": "/", "views": 30}],
        "site_id": "default", "as_of": "2026-11-20T23:07:00Z",
        "windows": {
            "users": {"from": "2026-11-20T23:03:00Z", "to": "2026-11-20T23:08:00Z", "precision": "minute"},
            "views": {"from": "2026-11-20T22:53:00Z", "to": "2026-11-20T23:08:00Z", "precision": "minute"},
        },
    });
    let mut answer =
        schemas.answer::<Answer<'_>>("What goes on, in the form that is asked for", example);
    if let (Some(content), Some(texts)) = (answer["content"].as_object_mut(), texts().as_object()) {
        content.extend(texts.clone());
    }
    let mut answers = vec![("200", answer)];
    answers.extend(problems(schemas));
    Operation {
        id: "live",
        summary: "Who is there and what is viewed just now",
        description: "JSON, or the text that Prometheus reads if Accept asks for text/plain or \
                      application/openmetrics-text.",
        parameters: parameters(),
        body: None,
        answers,
    }
}

pub(crate) fn prometheus(schemas: &mut Schemas) -> Operation {
    let answer =
        json!({"description": "The numbers, and how counting is doing", "content": texts()});
    let mut answers = vec![("200", answer)];
    answers.extend(problems(schemas));
    Operation {
        id: "prometheus",
        summary: "The same for Prometheus",
        description: "The format 0.0.4, or OpenMetrics 1.0 if Accept prefers it. Queues that cannot be reached are left \
                      out, and minutebook_queue_up says so. Where questions need a key, how counting is doing is only for \
                      admin keys for all sites.",
        parameters: parameters(),
        body: None,
        answers,
    }
}

fn parameters() -> Vec<Value> {
    let window = |name: &str, what: &str, default: Option<&str>| {
        let hours = WINDOW_HOURS_MAX;
        let description =
            format!("{what}: a whole number of minutes or hours, from 1m to {hours}h.");
        let mut schema = json!({"type": "string", "pattern": "^[0-9]+[mhd]$"});
        if let Some(default) = default {
            schema["default"] = json!(default);
        }
        query(name, &description, schema)
    };
    let shop =
        "What was put into carts, sold and ordered in so long a time is added for Prometheus";
    vec![
        site_id(),
        window("users_window", "How long a user or a session counts as active", Some("5m")),
        window("views_window", "How long views are looked at", Some("15m")),
        window("shop_window", shop, None),
        currency(),
        limit_from(1, LIMIT_DEFAULT),
    ]
}

fn texts() -> Value {
    let text = |end: &str| {
        json!({
            "schema": {"type": "string"},
            "example": format!("# HELP minutebook_active_users Customers of the site that had an event in the window.\n\
                                # TYPE minutebook_active_users gauge\n\
                                minutebook_active_users{{site_id=\"default\",window=\"5m\"}} 12\n{end}"),
        })
    };
    json!({"text/plain": text(""), "application/openmetrics-text": text("# EOF\n")})
}
