//! Envelopes and the forms of platforms: objects whose events are not found by the names of their
//! members alone.
//!
//! Such objects are first rewritten into plain events: those that have a marked name, a text that
//! may hold JSON, or no type that is known. For all others the check costs one bit test.
//!
//! **Source**: `docs/FORMS.md`. Its tables are the data that this code works by.

mod page;
mod path;
mod rewrite;
mod texts;
mod tree;
mod typed;

pub(crate) use page::slot_in_paths;
pub use rewrite::WRITTEN_OUT_BYTES_MAX;
pub(crate) use rewrite::{FormWriter, FoundByNames, Rewritten, Unity};

/// The names, in letters and digits, by which objects are noticed that may be envelopes or in a
/// form although they have a type that is known. A test checks that each table has one, or demands
/// that there is no such type.
pub(crate) const MARKS: [&str; 9] = [
    "schema",
    "op",
    "specversion",
    "detailtype",
    "dynamodb",
    "customerproperties",
    "sequencenumber",
    "amplitudeid",
    "apikey",
];
