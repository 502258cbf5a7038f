//! Every row of `docs/EVENTS.md`, and that nothing depends on how the bytes arrive.

mod ids;
mod lines;
mod names;
mod nesting;
mod orders;
mod support;
mod values;
mod visitors;
mod whole;
