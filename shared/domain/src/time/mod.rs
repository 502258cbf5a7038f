//! Time: minutes, quarters, hours, days, weeks and months in UTC, how long each is kept, which hours
//! have quarters, and when an hour closes.

pub mod lateness;
pub mod period;

mod day_range;
mod quarter_hours;
mod unit;
mod zone;

pub use day_range::DayRange;
pub use quarter_hours::{QuarterHours, QuartersBySite};
pub use unit::{
    Day, HOURS_PER_DAY, Hour, MINUTES_PER_HOUR, MINUTES_PER_QUARTER, Minute, Month, Quarter,
    SECONDS_PER_DAY, Week,
};
pub(crate) use zone::{LocalClock, start_of_date};
