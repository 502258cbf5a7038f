//! The table, the buckets and the queues: the only crate that speaks to DynamoDB, S3 and SQS.
//!
//! It knows how rows are keyed, how a part of a chunk is committed exactly once, and which failures
//! a retry helps. What is counted, and in which rows, is decided in `minutebook-domain`.

pub mod cancellation;
pub mod commit;
pub mod error;
pub mod keys;
pub mod ledger;
#[cfg(any(test, feature = "test-util"))]
pub mod memory;
pub mod objects;
pub mod open_hours;
pub mod order_book;
pub mod order_rows;
pub mod posted;
pub mod queue;
pub mod reader;
pub mod rejected;
pub mod sealing;
pub mod segments;
pub mod totals;
pub mod uniques;
pub mod write_keys;
