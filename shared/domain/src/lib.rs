//! The pure rules of minutebook: what an event is and what it counts, how a chunk is cut into
//! parts, which rows a window needs, and how a ranking is ordered.
//!
//! Nothing here does I/O, reads a clock or the environment, or uses random numbers: the plan of a
//! chunk must be a pure function of its bytes and its recorded inputs, or a retry would not match
//! its own ledger entries.

pub mod catalogue;
pub mod chunk;
pub mod count;
pub mod event;
mod hash_seed;
pub mod order;
pub mod plan;
pub mod query;
pub mod time;
