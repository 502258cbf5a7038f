//! Counting: exact amounts, measures, the tally of a chunk, and sketches of its visitors.

pub mod amount;
pub mod measure;
pub mod secret;
pub mod sketch;
pub mod stages;
pub mod stand_in;
pub mod tally;
pub mod visitors;
