//! Windows: the minutes that an answer sums.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::event::line::FUTURE_SECONDS_MAX;
use crate::time::lateness::SETTLE_TIME;
use crate::time::period::{Period, Retention};
use crate::time::{HOURS_PER_DAY, MINUTES_PER_HOUR, Minute};

/// How long a window may be: a year and the month before it, for as long as hours are kept by
/// default.
pub const WINDOW_MINUTES_MAX: u32 = 400 * HOURS_PER_DAY * MINUTES_PER_HOUR;

/// The length of a window in whole minutes, 1 to [`WINDOW_MINUTES_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WindowLength(u32);

impl WindowLength {
    /// Five minutes.
    pub const FIVE_MINUTES: WindowLength = WindowLength(5);
    /// Fifteen minutes.
    pub const QUARTER_OF_AN_HOUR: WindowLength = WindowLength(15);
    /// One hour.
    pub const HOUR: WindowLength = WindowLength(MINUTES_PER_HOUR);
    /// 24 hours.
    pub const DAY: WindowLength = WindowLength(24 * MINUTES_PER_HOUR);

    /// Reads `15m`, `1h`, `24h`, `7d`: a whole number and its unit. `None` for anything else or out
    /// of bounds.
    pub fn parse(text: &str) -> Option<WindowLength> {
        let unit_minutes = match text.as_bytes().last()? {
            b'm' => 1,
            b'h' => MINUTES_PER_HOUR,
            b'd' => 24 * MINUTES_PER_HOUR,
            _ => return None,
        };
        let number = text.get(..text.len() - 1)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let minutes = number.parse::<u32>().ok()?.checked_mul(unit_minutes)?;
        (1..=WINDOW_MINUTES_MAX).contains(&minutes).then_some(WindowLength(minutes))
    }

    /// Whole minutes.
    pub fn minutes(self) -> u32 {
        self.0
    }
}

/// How exact the edges of a window are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Precision {
    /// Both are where they were asked for.
    Minute,
    /// One at least was moved outward to a whole hour.
    Hour,
    /// One at least was moved outward to a whole day.
    Day,
}

/// Consecutive minutes, half open: `from` belongs to it, `to` does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The first minute.
    pub from: Minute,
    /// The minute after the last.
    pub to: Minute,
}

impl Window {
    /// The window that ends with this minute: `1h` is the minute and the 59 before it. Stops at
    /// 1970.
    pub fn ending_with(minute: Minute, length: WindowLength) -> Window {
        let to = minute.plus(1);
        Window { from: to.minus(length.minutes()), to }
    }

    /// The window that can be summed exactly from what is kept: an edge that needs minute rows
    /// which have expired moves outward to the whole hour, and one that needs hour rows which have
    /// expired to the whole day.
    ///
    /// **Shape**: the precision is the coarser of the two edges'. An edge that lies on a whole hour
    /// needs no minutes, and one at midnight no hours: such an edge is exact, however old, and
    /// stays `minute`. A window never gets shorter, so that it holds all that was asked for, and
    /// more only where the precision says so. Days that have expired too count as nothing: no edge
    /// helps there.
    pub fn kept(self, retention: Retention, now: DateTime<Utc>) -> (Window, Precision) {
        let has_expired = |period| retention.has_expired(period, now.timestamp());
        let (mut window, mut precision) = (self, Precision::Minute);
        // What an edge needs is the part of its hour, or day, that lies in the window; the oldest
        // period of it goes first.
        let hour_of = |minute: Minute| Period::Hour(minute.hour());
        if hour_of(window.from).first_minute() != window.from
            && has_expired(Period::Minute(window.from))
        {
            window.from = hour_of(window.from).first_minute();
            precision = precision.max(Precision::Hour);
        }
        let oldest = hour_of(window.to).first_minute().max(window.from);
        if hour_of(window.to).first_minute() != window.to && has_expired(Period::Minute(oldest)) {
            window.to = hour_of(window.to).end();
            precision = precision.max(Precision::Hour);
        }
        let day_of = |minute: Minute| Period::Day(minute.hour().day());
        if day_of(window.from).first_minute() != window.from && has_expired(hour_of(window.from)) {
            window.from = day_of(window.from).first_minute();
            precision = precision.max(Precision::Day);
        }
        let oldest = day_of(window.to).first_minute().max(window.from);
        if day_of(window.to).first_minute() != window.to && has_expired(hour_of(oldest)) {
            window.to = day_of(window.to).end();
            precision = precision.max(Precision::Day);
        }
        (window, precision)
    }

    /// The part of the window that can have been counted by now: later events are rejected as
    /// future ones.
    pub fn counted_by(self, now: DateTime<Utc>) -> Window {
        // The clocks of a producer's period and of a reader differ a little.
        let latest = now + TimeDelta::seconds(FUTURE_SECONDS_MAX) + SETTLE_TIME;
        let end = Minute::containing(latest).map_or(self.to, |minute| minute.plus(1));
        Window { from: self.from.min(end), to: self.to.min(end) }
    }
}

impl Precision {
    /// As in answers: `minute`, `hour`, `day`.
    pub fn as_str(self) -> &'static str {
        match self {
            Precision::Minute => "minute",
            Precision::Hour => "hour",
            Precision::Day => "day",
        }
    }
}

/// The word of [`Precision::as_str`].
impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
