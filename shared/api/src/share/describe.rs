//! The description of `/share_key`.

use serde_json::json;

use crate::openapi::operation::{Operation, Schemas, question};
use crate::openapi::parameters::{length, site_id};
use crate::share::{Answer, DEFAULT_LIFE};

const DESCRIPTION: &str = "It reads this site until it expires or the key that it is made from \
                           does. Nothing is stored: revoking that key ends all that were made from it.";

pub(crate) fn share_key(schemas: &mut Schemas) -> Operation {
    let description =
        "For how long it works, from 1m to 400d; no longer than the key that it is made from.";
    let life = length("expires_in", description, DEFAULT_LIFE);
    let example = json!({
        "site_id": "my-shop",
        "key": format!("mbs_my-shop~1797203279~{}~{}", "0123456789abcdef".repeat(4), "01".repeat(32)),
        "expires_at": "2026-12-13T23:07:59Z",
    });
    let answer = schemas.answer::<Answer<'_>>("The key", example);
    let names = ("share_key", "A key for reading, for a link that others open", DESCRIPTION);
    let mut operation = question(names, vec![site_id(), life], answer, schemas);
    let refused = schemas.problem("The key or token of the call can make no share key");
    operation.answers.push(("403", refused));
    operation
}
