//! Envelopes and the forms of platforms: objects whose events are not found by the names of their
//! members alone.
//!
//! Such objects are those that have a marked name, a text that may hold JSON, or no type that is
//! known; for all others the check costs one bit test. Their values are looked up where they are, on
//! the tape of the line: nothing is written anew but texts that hold JSON.
//!
//! **Source**: `docs/FORMS.md`. Its tables are the data that this code works by.

mod event;
mod open;
mod page;
mod path;
mod texts;
mod tree;
mod typed;

pub(crate) use event::{FormText, ItemForm};
pub(crate) use open::{FormReader, FoundByNames, Opened, Reading};
pub(crate) use page::{Form, FormEvent, slot_in_paths};

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
