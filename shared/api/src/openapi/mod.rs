//! The description of the API, as OpenAPI 3.1.
//!
//! **Source**: <https://spec.openapis.org/oas/v3.1.1.html>

pub(crate) mod describe;
pub(crate) mod document;
pub(crate) mod operation;
pub(crate) mod parameters;
