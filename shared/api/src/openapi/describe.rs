//! The description of `/openapi.json` itself.

use serde_json::json;

use crate::openapi::operation::{Operation, Schemas};

pub(crate) fn openapi(_: &mut Schemas) -> Operation {
    let answer = json!({
        "description": "This document",
        "content": {"application/json": {"schema": {"type": "object", "required": ["openapi", "info", "paths"]}}},
    });
    Operation {
        id: "openapi",
        summary: "The description of the API",
        description: "Unknown parameters are ignored.",
        parameters: vec![],
        body: None,
        answers: vec![("200", answer)],
    }
}
