//! The description of `/health`.

use serde_json::{Value, json};

use crate::health::answer::Answer;
use crate::openapi::operation::{Operation, Schemas};

pub(crate) fn health(schemas: &mut Schemas) -> Operation {
    let last_hour = json!({
        "since": "2026-11-21T12:45:01Z", "lines": 51200, "rejected": 12,
        "rejected_by_reason": {"missing:item_id": 9, "not_json": 3}, "refused": 0, "unknown": 310,
        "unknown_types": {"newsletter_popup_closed": 310}, "dropped": 4,
        "purchases_without_money": 0,
    });
    let example = |status: &str, reasons: Value| {
        json!({
            "status": status, "service": "minutebook", "queue_size": 0, "in_flight": 1, "dead_letters": 0,
            "oldest_open_hour": "2026-11-21T13:00:00Z", "hours_waiting": 0,
            "rollup_at": "2026-11-21T13:41:02Z", "last_hour": last_hour, "reasons": reasons,
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
        summary: "Whether chunks are counted and hours rolled up, and what became of the last hour",
        description: "Unknown parameters are ignored. Where questions need a key, only an admin key for all sites gets \
                      more than status and service.",
        parameters: vec![],
        body: None,
        answers: vec![("200", reachable), ("503", unavailable)],
    }
}
