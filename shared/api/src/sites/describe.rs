//! The description of `/sites`.

use serde_json::json;

use crate::http::csv::Listing;
use crate::http::parameters::LIMIT_MAX;
use crate::openapi::operation::{Operation, Schemas, question};
use crate::openapi::parameters::{limit_from, query};
use crate::sites::answer::Answer;

/// What a site looks like.
const SITE: &str = "^[A-Za-z0-9._:-]{1,64}$";

const DESCRIPTION: &str = "By name. The zone and the currency are those that the site sets, or else the \
                           deployment's.";

/// What it is as a table.
pub(crate) const SITES: Listing = Listing {
    lists: &["sites"],
    columns: &[
        "site_id",
        "display_name",
        "time_zone",
        "currency",
        "first_day",
        "last_day",
        "settings_revision",
    ],
};

pub(crate) fn sites(schemas: &mut Schemas) -> Operation {
    let mut limit = limit_from(1, LIMIT_MAX);
    limit["description"] = json!("How many sites are listed.");
    let cursor = query(
        "cursor",
        "The next_cursor of the previous page.",
        json!({"type": "string", "pattern": SITE}),
    );
    let example = json!({
        "sites": [{
            "site_id": "my-shop", "display_name": "My shop", "time_zone": "Asia/Kolkata",
            "currency": "INR", "first_day": "2019-10-01", "last_day": "2026-11-20",
            "settings_revision": 1,
        }],
        "settings_revision": 1, "live_url": null, "next_cursor": null,
        "as_of": "2026-11-20T23:07:00Z",
    });
    let answer = schemas.answer::<Answer<'_>>("The sites", example);
    let names = ("sites", "The sites with events, and what counts for them", DESCRIPTION);
    let site = query("site_id", "Only this site.", json!({"type": "string", "pattern": SITE}));
    question(names, vec![site, limit, cursor], answer, schemas)
}
