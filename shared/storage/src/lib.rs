//! The table, the periods and the queues: the only crate that speaks to DynamoDB, S3 and SQS.
//!
//! It knows how rows are keyed, how a part of a chunk is committed exactly once, and which failures
//! a retry helps. What is counted, and in which rows, is decided in `minutebook-domain`.

pub mod bucket;
pub mod cancellation;
pub mod chunk;
pub mod error;
pub mod keys;
#[cfg(any(test, feature = "test-util"))]
pub mod memory;
pub mod open_hours;
pub mod order;
pub mod queue;
pub mod reader;
pub mod sealing;
pub mod stream;
pub mod visitors;
pub mod write_keys;
