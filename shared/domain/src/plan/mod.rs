//! The plan of a chunk: which rows its tallies bump, and how the rows are cut into transactions.
//!
//! A plan is a pure function of the tally, its inputs and [`PLAN_FORMAT_VERSION`]: a retry must cut
//! the same parts, or the ledger entries of an earlier attempt would stand for other rows. Whoever
//! changes anything here that moves a counter to another row or part raises the version.

mod inputs;
mod parts;
mod rows;

pub use inputs::PlanInputs;
pub use parts::{PLAN_FORMAT_VERSION, Part, Plan, TRANSACTION_ACTIONS_MAX};
pub(crate) use rows::pack;
pub use rows::{ROW_COUNTERS_MAX, Row, counter_bytes};
