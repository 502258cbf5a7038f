//! Time: minutes, hours, days, weeks and months in UTC, how long each is kept, and when an hour
//! closes.

pub mod lateness;
pub mod period;

mod day_range;
mod unit;
mod zone;

pub use day_range::DayRange;
pub use unit::{Day, HOURS_PER_DAY, Hour, MINUTES_PER_HOUR, Minute, Month, SECONDS_PER_DAY, Week};
pub(crate) use zone::LocalClock;
