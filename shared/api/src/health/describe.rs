//! The description of `/health`.

use serde_json::{Value, json};

use crate::health::answer::Answer;
use crate::openapi::operation::{Operation, Schemas};

pub(crate) fn health(schemas: &mut Schemas) -> Operation {
    let example = |status: &str, reasons: Value| {
        json!({
            "status": status, "service": "minutebook", "queue_size": 0, "in_flight": 1, "dead_letters": 0,
            "oldest_open_hour": "2026-11-21T13:00:00Z", "hours_waiting": 0,
            "rollup_at": "2026-11-21T13:41:02Z", "reasons": reasons,
        })
    };
    let reachable = schemas
        .answer::<Answer>("All can be reached, whatever waits", example("healthy", json!([])));
    let example = example("unavailable", json!(["the dead letters could not be reached"]));
    let mut unavailable =
        schemas.answer::<Answer>("The table or a queue cannot be reached, or not in time", example);
    let late = schemas.problem("No answer in time");
    unavailable["content"]["application/problem+json"] =
        late["content"]["application/problem+json"].clone();
    Operation {
        id: "health",
        summary: "Whether chunks are counted and hours rolled up",
        description: "Unknown parameters are ignored.",
        parameters: vec![],
        body: None,
        answers: vec![("200", reachable), ("503", unavailable)],
    }
}
