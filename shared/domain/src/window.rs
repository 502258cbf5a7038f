//! Windows: the minutes that an answer sums.

use std::fmt;

use crate::time::{Hour, MINUTES_PER_HOUR, Minute};

/// How long a window may be: minutes are kept for seven days, and a longer window would sum minutes that are gone.
pub const WINDOW_MINUTES_MAX: u32 = 7 * 24 * MINUTES_PER_HOUR;

/// The length of a window in whole minutes, 1 to [`WINDOW_MINUTES_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WindowLength(u32);

impl WindowLength {
    /// One hour.
    pub const HOUR: WindowLength = WindowLength(MINUTES_PER_HOUR);
    /// 24 hours.
    pub const DAY: WindowLength = WindowLength(24 * MINUTES_PER_HOUR);

    /// Reads `15m`, `1h`, `24h`, `7d`: a whole number and its unit. `None` for anything else or out of bounds.
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

/// Consecutive minutes, half open: `from` belongs to it, `to` does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The first minute.
    pub from: Minute,
    /// The minute after the last.
    pub to: Minute,
}

/// The minutes of one hour that a window covers: one range of rows in one partition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HourSpan {
    /// The hour.
    pub hour: Hour,
    /// The first minute of the hour that is covered, 0 to 59.
    pub first: u32,
    /// The last minute of the hour that is covered, `first` to 59.
    pub last: u32,
}

impl Window {
    /// The window that ends with this minute: `1h` is the minute and the 59 before it. Stops at 1970.
    pub fn ending_with(minute: Minute, length: WindowLength) -> Window {
        let to = minute.plus(1);
        Window { from: to.minus(length.minutes()), to }
    }

    /// Covers the window with spans of hours, ascending.
    pub fn hour_spans(self) -> Vec<HourSpan> {
        let mut spans = vec![];
        let mut from = self.from;
        while from < self.to {
            let hour = from.hour();
            let end = hour.next().first_minute().min(self.to);
            spans.push(HourSpan { hour, first: from.of_hour(), last: end.minus(1).of_hour() });
            from = end;
        }
        spans
    }
}

/// `2026-11-20T23[07..=59]`.
impl fmt::Debug for HourSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{:02}..={:02}]", self.hour, self.first, self.last)
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
        assert_eq!(format!("{:?}", window.hour_spans()), "[2026-11-20T22[08..=59], 2026-11-20T23[00..=07]]");
    }

    #[test]
    fn a_window_on_the_hour_is_one_span() {
        let as_of = minute(1_795_215_600 + 59 * 60);
        let spans = Window::ending_with(as_of, WindowLength::HOUR).hour_spans();
        assert_eq!(format!("{spans:?}"), "[2026-11-20T23[00..=59]]");
    }

    #[test]
    fn lengths_are_whole_numbers_with_a_unit_up_to_seven_days() {
        for (text, minutes) in [("1m", 1), ("15m", 15), ("1h", 60), ("24h", 1_440), ("7d", 10_080), ("010080m", 10_080)]
        {
            assert_eq!(WindowLength::parse(text).map(WindowLength::minutes), Some(minutes), "{text}");
        }
        for text in
            ["", "m", "0m", "60", "1.5h", "-1h", "8d", "169h", "10081m", "1w", " 1h", "+1h", "99999999999h", "1é"]
        {
            assert_eq!(WindowLength::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn spans_cover_each_minute_of_the_window_once(seconds in 0_i64..4_000_000_000, length in 1..=WINDOW_MINUTES_MAX) {
            let window = Window::ending_with(minute(seconds), WindowLength(length));
            let mut covered = vec![];
            for span in window.hour_spans() {
                for of_hour in span.first..=span.last {
                    covered.push(span.hour.first_minute().plus(of_hour).number());
                }
            }
            let expected: Vec<u32> = (window.from.number()..window.to.number()).collect();
            prop_assert_eq!(covered, expected);
        }
    }
}
