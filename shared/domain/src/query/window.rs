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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minute(seconds: i64) -> Minute {
        Minute::from_epoch_seconds(seconds).expect("in range")
    }

    #[test]
    fn an_hour_is_the_minute_and_the_59_before_it() {
        let as_of = minute(1_795_216_079);
        let window = Window::ending_with(as_of, WindowLength::HOUR);
        assert_eq!(window.from.to_string(), "2026-11-20T22:08:00Z");
        assert_eq!(window.to.to_string(), "2026-11-20T23:08:00Z");
    }

    #[test]
    fn lengths_are_whole_numbers_with_a_unit_up_to_400_days() {
        for (text, minutes) in [
            ("1m", 1),
            ("15m", 15),
            ("1h", 60),
            ("24h", 1_440),
            ("7d", 10_080),
            ("010080m", 10_080),
            ("400d", 576_000),
        ] {
            assert_eq!(
                WindowLength::parse(text).map(WindowLength::minutes),
                Some(minutes),
                "{text}"
            );
        }
        for text in [
            "",
            "m",
            "0m",
            "60",
            "1.5h",
            "-1h",
            "401d",
            "9601h",
            "576001m",
            "1w",
            " 1h",
            "+1h",
            "99999999999h",
            "1é",
        ] {
            assert_eq!(WindowLength::parse(text), None, "{text}");
        }
    }

    const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    /// What is kept, at 2026-11-20T23:07:30Z, of the window between two times.
    fn check_kept(from: &str, to: &str, expected: &str) {
        let [from, to] = [from, to].map(|time| Minute::containing(at(time)).expect("in range"));
        let (window, precision) = Window { from, to }.kept(RETENTION, at("2026-11-20T23:07:30Z"));
        assert_eq!(format!("{} {} {precision}", window.from, window.to), expected);
    }

    #[test]
    fn edges_whose_minutes_are_kept_stay() {
        // The oldest minute that is kept ended seven days ago, less half a minute.
        check_kept(
            "2026-11-13T23:07:00Z",
            "2026-11-20T23:08:00Z",
            "2026-11-13T23:07:00Z 2026-11-20T23:08:00Z minute",
        );
        check_kept(
            "2026-11-13T23:07:00Z",
            "2026-11-13T23:30:00Z",
            "2026-11-13T23:07:00Z 2026-11-13T23:30:00Z minute",
        );
    }

    #[test]
    fn edges_whose_minutes_have_expired_move_outward_to_the_hour() {
        check_kept(
            "2026-11-13T23:06:00Z",
            "2026-11-20T23:08:00Z",
            "2026-11-13T23:00:00Z 2026-11-20T23:08:00Z hour",
        );
        check_kept(
            "2026-11-12T10:30:00Z",
            "2026-11-12T11:01:00Z",
            "2026-11-12T10:00:00Z 2026-11-12T12:00:00Z hour",
        );
        // Some of the minutes before the end are still kept, but not all.
        check_kept(
            "2026-11-13T22:00:00Z",
            "2026-11-13T23:30:00Z",
            "2026-11-13T22:00:00Z 2026-11-14T00:00:00Z hour",
        );
    }

    #[test]
    fn edges_whose_hours_have_expired_move_outward_to_the_day() {
        check_kept(
            "2025-10-15T10:30:00Z",
            "2025-10-15T11:01:00Z",
            "2025-10-15T00:00:00Z 2025-10-16T00:00:00Z day",
        );
        check_kept(
            "2025-10-15T10:30:00Z",
            "2026-10-15T11:01:00Z",
            "2025-10-15T00:00:00Z 2026-10-15T12:00:00Z day",
        );
        // The hour that ended 400 days ago, less half an hour, and the one before it.
        check_kept(
            "2025-10-16T23:00:00Z",
            "2026-11-20T23:08:00Z",
            "2025-10-16T23:00:00Z 2026-11-20T23:08:00Z minute",
        );
        check_kept(
            "2025-10-16T22:00:00Z",
            "2026-11-20T23:08:00Z",
            "2025-10-16T00:00:00Z 2026-11-20T23:08:00Z day",
        );
    }

    #[test]
    fn edges_that_need_no_finer_rows_are_exact_however_old() {
        check_kept(
            "2026-10-15T10:00:00Z",
            "2026-10-15T11:00:00Z",
            "2026-10-15T10:00:00Z 2026-10-15T11:00:00Z minute",
        );
        check_kept(
            "2019-10-15T00:00:00Z",
            "2019-10-17T00:00:00Z",
            "2019-10-15T00:00:00Z 2019-10-17T00:00:00Z minute",
        );
    }

    #[test]
    fn what_is_kept_for_ever_is_never_moved() {
        let window = Window { from: minute(90), to: minute(60 * 60 * 24 * 3 + 90) };
        let retention = Retention { minute_days: 0, hour_days: 0, day_days: 0 };
        assert_eq!(window.kept(retention, at("2026-11-20T23:07:30Z")), (window, Precision::Minute));
    }

    #[test]
    fn minutes_that_nothing_can_have_happened_in_yet_are_left_out() {
        let counted = |from: &str, to: &str| {
            let [from, to] = [from, to].map(|time| Minute::containing(at(time)).expect("in range"));
            let window = Window { from, to }.counted_by(at("2026-11-20T23:07:30Z"));
            format!("{} {}", window.from, window.to)
        };
        assert_eq!(
            counted("2026-11-20T22:08:00Z", "2026-11-20T23:08:00Z"),
            "2026-11-20T22:08:00Z 2026-11-20T23:08:00Z"
        );
        assert_eq!(
            counted("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            "2026-11-01T00:00:00Z 2026-11-20T23:19:00Z"
        );
        assert_eq!(
            counted("2030-11-01T00:00:00Z", "2030-12-01T00:00:00Z"),
            "2026-11-20T23:19:00Z 2026-11-20T23:19:00Z"
        );
    }

    proptest! {
        #[test]
        fn what_is_kept_holds_the_window_and_needs_nothing_that_has_expired(
            age_minutes in 0_u32..1_000_000, length in 1_u32..100_000, seconds in 0_i64..3_600,
        ) {
            let now = DateTime::from_timestamp(1_795_215_600 + seconds, 0).expect("in range");
            let to = minute(now.timestamp()).plus(1).minus(age_minutes);
            let asked = Window { from: to.minus(length), to };
            let (window, precision) = asked.kept(RETENTION, now);
            prop_assert!(window.from <= asked.from && asked.to <= window.to);
            prop_assert_eq!(precision == Precision::Minute, window == asked);
            prop_assert_eq!(window.kept(RETENTION, now), (window, Precision::Minute), "it moves once");
            // The naive way: walk through it, by days where they are whole, else by hours, else by
            // minutes.
            let mut next = window.from;
            while next < window.to {
                let kinds = [Period::Day(next.hour().day()), Period::Hour(next.hour()), Period::Minute(next)];
                let whole = |period: &&Period| period.first_minute() == next && period.end() <= window.to;
                let period = *kinds.iter().find(whole).expect("a minute fits");
                prop_assert!(!RETENTION.has_expired(period, now.timestamp()), "{:?} has expired", period);
                next = period.end();
            }
        }
    }
}
