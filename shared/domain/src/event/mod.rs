//! Events: reads a line of JSON into what it counts, or rejects it with a reason.

pub mod line;
pub mod reason;
pub mod settings;
pub mod site;
pub mod suggestion;

pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod json;
mod loose_number;
mod loose_time;
mod number;
mod page;
mod parameters;
mod rules;
mod time;
mod types;
mod vocabulary;
