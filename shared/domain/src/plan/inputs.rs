//! What a plan depends on besides the bytes of its chunk.

use chrono::{DateTime, Utc};

use crate::count::measure::Currency;

/// What a plan depends on besides the bytes. The ledger entry of part 0 records the inputs, and
/// later attempts plan from the recorded ones: an object that is put again has a newer
/// LastModified, which could produce other parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanInputs {
    /// What "now" means for the lines of the chunk: its LastModified, in whole seconds.
    pub reference_time: DateTime<Utc>,
    /// The currency of events without one.
    pub default_currency: Currency,
    /// For how many days minute rows are kept, 0 for ever: older minutes get no rows.
    pub minute_retention_days: u32,
}
