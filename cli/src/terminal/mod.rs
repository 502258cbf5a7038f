//! What the command writes to the terminal.

pub(crate) mod chart;
pub(crate) mod escape;
pub(crate) mod progress;
pub(crate) mod table;
