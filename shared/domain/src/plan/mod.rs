//! The plan of a chunk: which rows its tally adds to, and how the rows are split into transactions.
//!
//! A plan is a pure function of the tally, its inputs and [`PLAN_FORMAT_VERSION`]. A retry must
//! produce the same parts, or the ledger entries of an earlier attempt would cover other rows. Any
//! change that moves a counter to another row or part must raise the version, and still plan what
//! the version before planned.

mod inputs;
mod parts;
mod rows;

pub use inputs::{PlanInputs, SealInputs};
pub use parts::{
    PLAN_FORMAT_VERSION, PLAN_FORMAT_VERSION_OLDEST, Part, Plan, TRANSACTION_ACTIONS_MAX, can_plan,
};
pub(crate) use rows::pack;
pub use rows::{ROW_COUNTERS_MAX, Row, counter_bytes};
