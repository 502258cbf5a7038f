//! Events: a line of JSON is read into what it counts, or rejected with a reason.

pub mod line;
pub mod reason;
pub mod site;

mod fields;
mod json;
mod parameters;
mod time;
mod types;
