//! Forgetting a person: finds what raw objects say about them, and writes these anew with only what
//! is counted, under [stand-ins](crate::count::stand_in) of their ids.
//!
//! An object is read twice: [`Search`] finds the edits, [`Rewriter`] makes them. What nobody edits
//! stays byte by byte. [`difference`] then compares the counts of both.

mod check;
mod line;
mod mask;
mod meaning;
mod person;
mod rewriter;
mod search;
mod tree;

pub use check::difference;
pub use person::{Person, RelatedIds};
pub use rewriter::{Rewriter, Rewritten};
pub use search::{Edit, ForgetError, Found, Search, Want, mask_rejected};

#[cfg(test)]
mod tests;
