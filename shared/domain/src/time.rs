//! Minutes and hours: the buckets that events are counted in. All of them are UTC, named by their start, half open.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

/// The minutes of an hour.
pub const MINUTES_PER_HOUR: u32 = 60;

/// The first second after the last minute that is taken, 10000-01-01: beyond it a date has no four-digit year.
const END_SECONDS: i64 = 253_402_300_800;

/// A minute bucket: whole minutes since 1970-01-01T00:00Z, up to the end of the year 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(u32);

/// An hour bucket: whole hours since 1970-01-01T00:00Z; the partition that its minutes lie in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(u32);

impl Minute {
    /// The first minute, 1970-01-01T00:00Z.
    pub const EPOCH: Minute = Minute(0);

    /// The minute that holds this second since 1970, or `None` before 1970 and after 9999.
    pub fn from_epoch_seconds(seconds: i64) -> Option<Minute> {
        if !(0..END_SECONDS).contains(&seconds) {
            return None;
        }
        u32::try_from(seconds / 60).ok().map(Minute)
    }

    /// The minute that holds this time, or `None` before 1970 and after 9999.
    pub fn containing(time: DateTime<Utc>) -> Option<Minute> {
        Minute::from_epoch_seconds(time.timestamp())
    }

    /// Whole minutes since 1970.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Seconds since 1970 at the start of the minute.
    pub fn epoch_seconds(self) -> i64 {
        i64::from(self.0) * 60
    }

    /// The hour that this minute lies in.
    pub fn hour(self) -> Hour {
        Hour(self.0 / MINUTES_PER_HOUR)
    }

    /// 0 to 59.
    pub fn of_hour(self) -> u32 {
        self.0 % MINUTES_PER_HOUR
    }

    /// The minute `count` minutes later; saturates.
    pub fn plus(self, count: u32) -> Minute {
        Minute(self.0.saturating_add(count))
    }

    /// The minute `count` minutes earlier; stops at 1970.
    pub fn minus(self, count: u32) -> Minute {
        Minute(self.0.saturating_sub(count))
    }
}

impl Hour {
    /// The first minute of the hour.
    pub fn first_minute(self) -> Minute {
        Minute(self.0 * MINUTES_PER_HOUR)
    }

    /// The hour after this one.
    pub fn next(self) -> Hour {
        Hour(self.0 + 1)
    }
}

/// RFC 3339: `2026-11-20T23:07:00Z`.
impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = DateTime::from_timestamp(self.epoch_seconds(), 0).unwrap_or_default();
        f.write_str(&start.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

/// As in the table's keys: `2026-11-20T23`.
impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.first_minute().to_string();
        f.write_str(start.get(..13).unwrap_or(&start))
    }
}

impl fmt::Debug for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_named_by_its_start() {
        let minute = Minute::from_epoch_seconds(1_795_216_079).expect("in range");
        assert_eq!(minute.to_string(), "2026-11-20T23:07:00Z");
        assert_eq!(minute.hour().to_string(), "2026-11-20T23");
        assert_eq!(minute.of_hour(), 7);
        assert_eq!(minute.hour().first_minute().plus(7), minute);
    }

    #[test]
    fn times_outside_1970_to_9999_have_no_minute() {
        assert_eq!(Minute::from_epoch_seconds(-1), None);
        assert_eq!(Minute::from_epoch_seconds(END_SECONDS), None);
        let last = Minute::from_epoch_seconds(END_SECONDS - 1).map(|minute| minute.to_string());
        assert_eq!(last.as_deref(), Some("9999-12-31T23:59:00Z"));
    }
}
