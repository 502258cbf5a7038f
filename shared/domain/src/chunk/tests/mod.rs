//! Tests for every row of `docs/EVENTS.md`, and for the independence of how the bytes arrive.

mod csv;
mod forms;
mod hostile;
mod ids;
mod layouts;
mod lines;
mod names;
mod nesting;
mod orders;
mod sites;
pub(in crate::chunk) mod support;
mod times;
mod values;
pub(in crate::chunk) mod whole;
