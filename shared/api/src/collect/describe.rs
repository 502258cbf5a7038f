//! The description of the calls that take events.

use serde_json::{Value, json};

use crate::collect::answer::{Accepted, Received, RejectedAnswer};
use crate::collect::body::{BODY_BYTES_MAX, IDEMPOTENCY_KEY_BYTES_MAX, UNPACKED_BYTES_MAX};
use crate::collect::random::{COUNT_DEFAULT, COUNT_MAX, Generated};
use crate::openapi::operation::{Operation, Schemas};
use crate::openapi::parameters::{header, query, time};

const DESCRIPTION: &str = "Good lines are stored as one object of the bucket and counted like any file, within seconds; \
                           the answer is given only once they are stored. A post with an Idempotency-Key is counted \
                           once, however often it is repeated.";

/// An event with the preferred names of its fields; most have others, and there are more types.
fn event() -> Value {
    json!({
        "type": "object",
        "description": "One event. Most shops' own names of fields and types work too; other members are ignored.",
        "properties": {
            "event_type": {"type": "string", "examples": ["page_visit", "add_to_cart", "purchase"]},
            "timestamp": {"description": "When it happened.", "anyOf": [time(), {"type": "number"}]},
            "item_id": {"type": ["string", "integer"]},
            "page_url": {"type": "string"},
            "customer_id": {"type": ["string", "integer"]},
            "session_id": {"type": ["string", "integer"]},
            "site_id": {"type": "string", "default": "default"},
            "event_id": {"type": "string", "description": "The same id twice in one post counts once."},
            "price": {"type": ["number", "string"]},
            "quantity": {"type": ["number", "string"]},
            "total_amount": {"type": ["number", "string"]},
            "currency": {"type": "string"},
        },
        "examples": [
            {"event_type": "page_visit", "timestamp": "2026-11-20T08:00:00Z", "customer_id": "c-7", "item_id": 101},
        ],
    })
}

fn body() -> Value {
    let line = r#"{"event_type":"page_visit","timestamp":"2026-11-20T08:00:00Z","customer_id":"c-7","item_id":101}"#;
    let lines = json!({"schema": {"type": "string", "examples": [format!("{line}\n")]}});
    json!({
        "required": true,
        "description": format!(
            "One event, an array of events, or JSON Lines; at most {BODY_BYTES_MAX} bytes. Packed with gzip \
             (Content-Encoding: gzip, with the type application/x-ndjson) it may unpack to {UNPACKED_BYTES_MAX} bytes."
        ),
        "content": {
            "application/json": {"schema": {"oneOf": [event(), {"type": "array", "minItems": 1, "items": event()}]}},
            "application/x-ndjson": lines,
            "text/plain": lines,
        },
    })
}

fn post(
    id: &'static str,
    summary: &'static str,
    mut answers: Vec<(&'static str, Value)>,
    schemas: &mut Schemas,
) -> Operation {
    let example = json!({
        "accepted": 2, "rejected": [{"line": 3, "reason": "missing:timestamp"}],
        "chunk": "collected/2026-11-20/08/4f….jsonl",
    });
    answers.push((
        "202",
        schemas.answer::<Accepted<'_>>(
            "The accepted lines are stored; the others are not kept",
            example,
        ),
    ));
    answers.push((
        "400",
        schemas.problem_with::<RejectedAnswer>(
            "No line is good, or the body is empty, no array, or broken gzip",
        ),
    ));
    for (status, description) in [
        ("413", "The body is too large, packed or unpacked"),
        ("415", "Another Content-Type or Content-Encoding than described"),
        ("422", "This Idempotency-Key came with another body before"),
        ("503", "It may not have been stored: post it again"),
    ] {
        answers.push((status, schemas.problem(description)));
    }
    let key = json!({"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_BYTES_MAX});
    let parameters = vec![
        header(
            "Idempotency-Key",
            "Names the post, so that it counts once however often it is repeated.",
            key,
        ),
        header(
            "Content-Encoding",
            "How the body is packed.",
            json!({"type": "string", "enum": ["gzip", "identity"]}),
        ),
    ];
    Operation { id, summary, description: DESCRIPTION, parameters, body: Some(body()), answers }
}

pub(crate) fn events(schemas: &mut Schemas) -> Operation {
    post("postEvents", "Take events", vec![], schemas)
}

pub(crate) fn ingest(schemas: &mut Schemas) -> Operation {
    post("ingest", "Take events, as /events does", vec![], schemas)
}

pub(crate) fn event_alone(schemas: &mut Schemas) -> Operation {
    let received = schemas
        .answer::<Received>("The single event is stored", json!({"message": "Event received"}));
    let summary =
        "Take a single event, which needs site_id and event_type only; or events, as /events does";
    post("postEvent", summary, vec![("200", received)], schemas)
}

pub(crate) fn random_events(schemas: &mut Schemas) -> Operation {
    let count =
        json!({"type": "integer", "minimum": 1, "maximum": COUNT_MAX, "default": COUNT_DEFAULT});
    let example = json!({
        "message": "Random event generated and appended to file", "events": 100,
        "chunk": "collected/2026-11-20/08/4f….jsonl",
    });
    let answers = vec![
        (
            "200",
            schemas.answer::<Generated<'_>>(
                "The events are stored, and counted like any others",
                example,
            ),
        ),
        ("400", schemas.problem("count is out of its bounds, or there is another parameter")),
        (
            "403",
            schemas.problem(
                "The deployment makes no random events (DemoEvents), or the key is of another role",
            ),
        ),
        ("503", schemas.problem("They may not have been stored: ask again")),
    ];
    Operation {
        id: "generateRandomEvents",
        summary: "Make random events of the last hour, for demonstrations",
        description: "Only where the deployment says so. The events are stored in the same way as posted ones.",
        parameters: vec![query("count", "How many events are made.", count)],
        body: None,
        answers,
    }
}
