//! Visitors: which secrets their ids are hashed with, their rows, and counting them anew under
//! another secret.

mod recount;
mod rows;
pub mod secrets;
mod state;

pub(crate) use rows::{MinuteVisitors, PeriodVisitors, read_visitors, rolled_up, secret_of_row};
pub use rows::{VisitorQuestion, VisitorsBySecret, count_visitors, sketches, visitors_of_windows};
pub use state::{VisitorState, VisitorStateSource};
