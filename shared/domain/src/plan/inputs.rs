//! What a plan depends on besides the bytes of its chunk.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::count::measure::Currency;
use crate::count::secret::SecretNumber;
use crate::event::line::READER_VERSION;
use crate::event::settings::SettingsRevision;

/// What a plan depends on besides the bytes. The ledger entry of part 0 records the inputs, and
/// later attempts plan from the recorded ones: an object that is put again has a newer
/// LastModified, which could produce other parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanInputs {
    /// What "now" means for the lines of the chunk: its LastModified, in whole seconds.
    pub reference_time: DateTime<Utc>,
    /// The currency of events without one.
    pub default_currency: Currency,
    /// The zone of times that name none.
    pub default_time_zone: Tz,
    /// For how many days minute rows are kept, 0 for ever: older minutes get no rows.
    pub minute_retention_days: u32,
    /// How many keys of a site and measure keep their names, 0 for all: see
    /// [`Tally::bounded_groups`](crate::count::tally::Tally::bounded_groups).
    pub keys_max: u32,
    /// Which secret the ids of visitors are hashed with.
    pub visitor_secret: SecretNumber,
    /// The version of the rules by which lines are read.
    pub reader_version: u32,
    /// The revision of the settings of sites that lines are read with.
    pub settings_revision: SettingsRevision,
    /// How many sites are counted, 0 for all: those with a number up to it.
    pub sites_max: u32,
    /// Whether the rows of quarters are added to, in the hours that have them by the settings of
    /// sites. `false` only of chunks that a build before them has begun.
    pub has_quarters: bool,
    /// How many of its first stored bytes an earlier version of the object has counted. `None`: an
    /// object that nobody replaces, such as a post or a batch of a stream, or one that a build
    /// before has begun. Its plan leaves no room for the rows by which files are known again.
    pub counted_before: Option<u64>,
}

impl PlanInputs {
    /// The inputs of a deployment that sets no parameter, without a secret.
    pub fn with_defaults(reference_time: DateTime<Utc>) -> PlanInputs {
        PlanInputs {
            reference_time,
            default_currency: Currency::USD,
            default_time_zone: Tz::UTC,
            minute_retention_days: 7,
            keys_max: 100_000,
            visitor_secret: SecretNumber::NONE,
            reader_version: READER_VERSION,
            settings_revision: SettingsRevision(0),
            sites_max: 0,
            has_quarters: true,
            counted_before: None,
        }
    }
}

/// What the plan of a sealed hour depends on besides its rows, which no longer change. The ledger
/// entry of part 0 records it, and later attempts plan from the recorded one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SealInputs {
    /// How many keys of a measure keep their names, 0 for all.
    pub keys_max: u32,
    /// Whether the hour has rows of its quarters.
    pub has_quarters: bool,
}
