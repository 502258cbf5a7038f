//! The pure rules of minutebook: what an event is, what it counts for, how a chunk is cut into
//! parts, which rows a window needs and how a ranking is ordered.
//!
//! Nothing here does I/O, reads a clock or the environment, or draws a random number: the plan of a
//! chunk must be a pure function of its bytes and its recorded settings, or a retry would not meet
//! its own ledger marks.

pub mod amount;
pub mod bucket;
pub mod check;
pub mod chunk;
pub mod cover;
pub mod event;
pub mod ledger;
pub mod lines;
pub mod measure;
pub mod offset;
pub mod order_changes;
pub mod orders;
pub mod plan;
pub mod ranking;
pub mod reject;
pub mod seal;
pub mod series;
pub mod sketch;
pub mod tally;
pub mod time;
pub mod uniques;
pub mod unpack;
pub mod window;

mod event_time;
mod fields;
mod json;
mod kinds;
mod names;
mod parameters;
