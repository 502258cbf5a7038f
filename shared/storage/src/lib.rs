//! The table, the buckets and the queues: the only crate that speaks to DynamoDB, S3 and SQS.
//!
//! It knows the keys of rows, commits each chunk exactly once, and tells failures that may pass
//! from those that do not. `minutebook-domain` decides what is counted, and in which rows.

pub mod api_keys;
pub mod bucket;
mod cancellation;
pub mod catalogue;
pub mod chunk;
pub mod committer;
pub mod connections;
mod counters;
pub mod error;
pub mod keys;
#[cfg(any(test, feature = "test-util"))]
pub mod memory;
pub mod open_hours;
pub mod order;
pub mod proof;
pub mod queue;
pub mod reader;
#[cfg(test)]
mod replay;
mod retry;
pub mod sealing;
pub mod site;
pub mod stream;
pub mod table;
pub mod visitors;
