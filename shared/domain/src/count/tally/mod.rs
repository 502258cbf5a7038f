//! Exact sums by site, minute, measure and key, small enough that a chunk of any size fits into the
//! memory of a function.

mod bounded;
mod cells;
mod counters;
mod group;
pub(crate) mod numbers;
mod steps;
mod texts;
mod wide;

pub use bounded::OTHER_KEY;
pub(crate) use counters::SiteNumber;
pub use counters::Tally;
pub use group::Group;

#[cfg(test)]
mod tests;
