//! Windows: the minutes that an answer sums.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::event::line::FUTURE_SECONDS_MAX;
use crate::time::lateness::SETTLE_TIME;
use crate::time::period::{Period, Retention};
use crate::time::{HOURS_PER_DAY, MINUTES_PER_HOUR, Minute};

/// The maximum length of a window: a year and the month before it, as long as hours are kept by
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

    /// Parses a whole number and its unit: `15m`, `1h`, `24h`, `7d`. `None` for anything else, and
    /// if out of range.
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
    /// Both edges are as requested.
    Minute,
    /// At least one edge was moved outward to a whole hour.
    Hour,
    /// At least one edge was moved outward to a whole day.
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

/// Windows without overlap, ascending, from which each of the given windows can be put together.
pub fn parts(series: &[&[Window]]) -> Vec<Window> {
    let windows = || series.iter().copied().flatten();
    let mut edges: Vec<Minute> = windows().flat_map(|window| [window.from, window.to]).collect();
    edges.sort_unstable();
    edges.dedup();
    let parts = edges.windows(2).map(|edges| Window { from: edges[0], to: edges[1] });
    parts.filter(|part| windows().any(|window| window.contains(*part))).collect()
}

impl Window {
    /// Whether all minutes of another one are in it.
    pub fn contains(self, other: Window) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// The window that ends with this minute: `1h` is the minute and the 59 before it. Stops at
    /// 1970.
    pub fn ending_with(minute: Minute, length: WindowLength) -> Window {
        let to = minute.plus(1);
        Window { from: to.minus(length.minutes()), to }
    }

    /// The window that can be summed exactly from the rows that are kept. An edge that needs
    /// expired minute rows moves outward to the whole hour, and one that needs expired hour rows to
    /// the whole day.
    ///
    /// **Shape**: the precision is the coarser one of the two edges. An edge on a whole hour needs
    /// no minutes, and one at midnight no hours: such an edge is exact, however old, with the
    /// precision `minute`. A window never gets shorter: it contains the requested window, and more
    /// only if the precision says so. Expired days count as zero; moving an edge does not help
    /// there.
    pub fn kept(self, retention: Retention, now: DateTime<Utc>) -> (Window, Precision) {
        let has_expired = |period| retention.has_expired(period, now.timestamp());
        let (mut window, mut precision) = (self, Precision::Minute);
        // An edge needs the part of its hour, or day, within the window; the oldest period of that
        // part expires first.
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

    /// The part of the window that can contain counted events: later events are rejected as future
    /// ones.
    pub fn counted_by(self, now: DateTime<Utc>) -> Window {
        // The clock of the bucket that an event was put into, and that of the reader, differ
        // slightly.
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
