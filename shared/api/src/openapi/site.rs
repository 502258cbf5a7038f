//! What the description of the API says of the questions about a site as a whole.

use serde_json::{Value, json};

use crate::live;
use crate::openapi::calls::problems;
use crate::openapi::parameters::{limit_from, query, site_id};
use crate::openapi::{Operation, Schemas};
use crate::stats;

pub(crate) fn stats(schemas: &mut Schemas) -> Operation {
    let mut site = site_id();
    site["required"] = json!(true);
    if let Some(schema) = site["schema"].as_object_mut() {
        schema.remove("default");
    }
    let instant =
        || json!({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]});
    let parameters = vec![
        site,
        query(
            "date",
            "A day, UTC. Not together with from or to.",
            json!({"type": "string", "format": "date"}),
        ),
        query("from", "A time, or the first instant of a date: where a range begins.", instant()),
        query(
            "to",
            "A time, or the first instant of a date, exclusive: where a range ends.",
            instant(),
        ),
        limit_from(1, stats::query::LIMIT_DEFAULT),
    ];
    let example = json!({
        "site_id": "site-abc-123", "date": "2025-11-12", "total_views": 450, "unique_users": 85,
        "top_paths": [{"path": "/pricing", "views": 200}, {"path": "/blog/post-1", "views": 150}],
        "as_of": "2026-11-20T23:07:00Z",
        "window": {"from": "2025-11-12T00:00:00Z", "to": "2025-11-13T00:00:00Z", "precision": "minute"},
    });
    let answer = schemas.answer::<stats::Answer<'_>>("The numbers of the site", example);
    let mut answers = vec![("200", answer)];
    answers.extend(problems(schemas));
    Operation {
        id: "stats",
        summary: "Views, users and the most viewed paths of a site",
        description: "Without date, from and to it is all time, up to the end of the running day. A site that nobody \
                      ever named is zeros and []. Edges within a minute move outward to the whole one.",
        parameters,
        body: None,
        answers,
    }
}

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
        schemas.answer::<live::Answer<'_>>("What goes on, in the form that is asked for", example);
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
                      out, and minutebook_queue_up says so.",
        parameters: parameters(),
        body: None,
        answers,
    }
}

fn parameters() -> Vec<Value> {
    let window = |name: &str, what: &str, default: &str| {
        let hours = live::query::WINDOW_HOURS_MAX;
        let description =
            format!("{what}: a whole number of minutes or hours, from 1m to {hours}h.");
        query(
            name,
            &description,
            json!({"type": "string", "pattern": "^[0-9]+[mhd]$", "default": default}),
        )
    };
    vec![
        site_id(),
        window("users_window", "How long a user or a session counts as active", "5m"),
        window("views_window", "How long views are looked at", "15m"),
        limit_from(1, live::query::LIMIT_DEFAULT),
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
