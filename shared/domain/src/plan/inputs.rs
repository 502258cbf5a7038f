//! What a plan depends on besides the bytes of its chunk.

use chrono::{DateTime, Utc};

use crate::count::measure::Currency;

/// What a plan depends on beside the bytes. Part 0's ledger entry records it, and later attempts
/// plan from the recorded one: an object that is put again has a newer LastModified, and could plan
/// other parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanInputs {
    /// What "now" means for the chunk's lines: its LastModified, in whole seconds.
    pub reference_time: DateTime<Utc>,
    /// The currency of events that name none.
    pub default_currency: Currency,
    /// The days that minute rows are kept, 0 for ever: it says which minutes still get rows.
    pub minute_retention_days: u32,
}
