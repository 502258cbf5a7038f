//! The description of `/stats`.

use serde_json::json;

use crate::http::csv::Listing;
use crate::openapi::operation::{Operation, Schemas, question};
use crate::openapi::parameters::{limit_from, query, site_id};
use crate::stats::answer::Answer;
use crate::stats::query::LIMIT_DEFAULT;

const DESCRIPTION: &str = "Without date, from and to it is all time, up to the end of the running day. A site \
                           that nobody ever named is zeros and []. Edges within a minute move outward to the \
                           whole one.";

/// What it is as a table.
pub(crate) const STATS: Listing = Listing { lists: &["top_paths"], columns: &["path", "views"] };

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
        limit_from(1, LIMIT_DEFAULT),
    ];
    let example = json!({
        "site_id": "site-abc-123", "date": "2025-11-12", "total_views": 450, "unique_users": 85,
        "top_paths": [{"path": "/pricing", "views": 200}, {"path": "/blog/post-1", "views": 150}],
        "as_of": "2026-11-20T23:07:00Z",
        "window": {"from": "2025-11-12T00:00:00Z", "to": "2025-11-13T00:00:00Z", "precision": "minute"},
    });
    let answer = schemas.answer::<Answer<'_>>("The numbers of the site", example);
    let names = ("stats", "Views, users and the most viewed paths of a site", DESCRIPTION);
    question(names, parameters, answer, schemas)
}
