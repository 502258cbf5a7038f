//! The proof: recounts the raw objects, and compares the table with the recount.

pub(crate) mod hours;
pub(crate) mod objects;
mod orders;
pub(crate) mod report;
pub(crate) mod scope;
pub(crate) mod sealing;
pub(crate) mod tallies;
pub(crate) mod totals;
pub(crate) mod visitors;
