//! The clock: the one place where "now" comes from.

use chrono::{DateTime, Utc};

/// Gives the present time. A function pointer, so that a test can stop the clock.
pub type Clock = fn() -> DateTime<Utc>;

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is the edge that every other place gets its time from")]
pub fn system_clock() -> DateTime<Utc> {
    Utc::now()
}
