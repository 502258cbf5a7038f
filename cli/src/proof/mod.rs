//! The proof: recounts the raw objects, and compares the table with the recount.

mod differences;
pub(crate) mod gone;
pub(crate) mod hours;
pub(crate) mod objects;
mod orders;
pub(crate) mod report;
pub(crate) mod scope;
pub(crate) mod sealing;
mod sites;
mod surplus;
pub(crate) mod tallies;
pub(crate) mod totals;
pub(crate) mod visitors;
