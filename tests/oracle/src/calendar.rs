//! Spans of time that numbers are added up in.

use std::fmt;

use chrono::{
    DateTime, Datelike as _, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday,
};

const MINUTES_PER_HOUR: i64 = 60;
const MINUTES_PER_QUARTER: i64 = 15;

/// How long the spans of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granularity {
    /// A minute.
    Minute,
    /// A quarter of an hour, in which numbers are added up only if a day of the site begins in the
    /// hour; see [`QuarterHours`](crate::QuarterHours).
    Quarter,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// An ISO week: it starts on Monday, and belongs to the year that its Thursday lies in.
    Week,
    /// A calendar month.
    Month,
}

impl Granularity {
    /// Those in which every number is added up, the shortest first.
    pub const ALL: [Self; 5] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The same, and quarters.
    pub const WITH_QUARTERS: [Self; 6] =
        [Self::Minute, Self::Quarter, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Its name, as `week`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Quarter => "quarter",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The first day of the span that a day lies in; that day itself for what is no longer than a
    /// day.
    pub(crate) fn first_day(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Minute | Self::Quarter | Self::Hour | Self::Day => day,
            Self::Week => day.week(Weekday::Mon).first_day(),
            Self::Month => day.with_day(1).expect("every month has a first day"),
        }
    }

    /// The first day of the span behind the one that begins with this day.
    pub(crate) fn next_first_day(self, first_day: NaiveDate) -> NaiveDate {
        let next = match self {
            Self::Minute | Self::Quarter | Self::Hour | Self::Day => {
                first_day.checked_add_days(Days::new(1))
            }
            Self::Week => first_day.checked_add_days(Days::new(7)),
            Self::Month => first_day.checked_add_months(Months::new(1)),
        };
        next.expect("event times are checked to lie before the year 10000")
    }
}

/// A minute, quarter, hour, day, ISO week or calendar month, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    granularity: Granularity,
    /// Minutes since 1970.
    first_minute: i64,
}

impl Period {
    /// The period that a minute, counted since 1970, lies in.
    ///
    /// # Panics
    /// The minute is far beyond the years 0 to 9999.
    pub fn containing(granularity: Granularity, minute: i64) -> Self {
        let first_minute = match granularity {
            Granularity::Minute => minute,
            Granularity::Quarter => minute.div_euclid(MINUTES_PER_QUARTER) * MINUTES_PER_QUARTER,
            Granularity::Hour => minute.div_euclid(MINUTES_PER_HOUR) * MINUTES_PER_HOUR,
            Granularity::Day | Granularity::Week | Granularity::Month => {
                let day = time_of(minute).date();
                minute_of(granularity.first_day(day).and_time(NaiveTime::MIN))
            }
        };
        Self { granularity, first_minute }
    }

    /// The periods of [`Granularity::ALL`] that a minute lies in, the shortest first.
    pub fn all_containing(minute: i64) -> [Self; 5] {
        Granularity::ALL.map(|granularity| Self::containing(granularity, minute))
    }

    /// How long it is.
    pub fn granularity(self) -> Granularity {
        self.granularity
    }

    /// Its first minute, counted since 1970.
    pub fn first_minute(self) -> i64 {
        self.first_minute
    }

    /// The minute after its last one.
    pub fn end_minute(self) -> i64 {
        match self.granularity {
            Granularity::Minute => self.first_minute + 1,
            Granularity::Quarter => self.first_minute + MINUTES_PER_QUARTER,
            Granularity::Hour => self.first_minute + MINUTES_PER_HOUR,
            Granularity::Day | Granularity::Week | Granularity::Month => {
                let first_day = time_of(self.first_minute).date();
                minute_of(self.granularity.next_first_day(first_day).and_time(NaiveTime::MIN))
            }
        }
    }

    /// When it begins.
    pub fn start(self) -> DateTime<Utc> {
        time_of(self.first_minute).and_utc()
    }

    /// When it is over: it is half open.
    pub fn end(self) -> DateTime<Utc> {
        time_of(self.end_minute()).and_utc()
    }
}

/// `2026-11-20T23:07` (also a quarter), `2026-11-20T23`, `2026-11-20`, `2026-W47`, `2026-11`.
impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = time_of(self.first_minute);
        match self.granularity {
            Granularity::Minute | Granularity::Quarter => {
                write!(formatter, "{}", start.format("%Y-%m-%dT%H:%M"))
            }
            Granularity::Hour => write!(formatter, "{}", start.format("%Y-%m-%dT%H")),
            Granularity::Day => write!(formatter, "{}", start.format("%Y-%m-%d")),
            Granularity::Week => write!(formatter, "{}", start.format("%G-W%V")),
            Granularity::Month => write!(formatter, "{}", start.format("%Y-%m")),
        }
    }
}

/// The start of a minute, counted since 1970.
pub(crate) fn time_of(minute: i64) -> NaiveDateTime {
    let time = DateTime::from_timestamp(minute * 60, 0);
    time.expect("event times are checked to lie before the year 10000").naive_utc()
}

/// The minute, counted since 1970, that a time lies in.
pub(crate) fn minute_of(time: NaiveDateTime) -> i64 {
    time.and_utc().timestamp().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(text: &str) -> i64 {
        minute_of(text.parse().unwrap())
    }

    #[test]
    fn a_minute_lies_in_an_hour_a_day_a_week_and_a_month() {
        let cases = [
            ("2026-11-20T23:07:00", "2026-11-20T23:07 2026-11-20T23 2026-11-20 2026-W47 2026-11"),
            ("1970-01-01T00:00:00", "1970-01-01T00:00 1970-01-01T00 1970-01-01 1970-W01 1970-01"),
            ("2024-02-29T23:59:00", "2024-02-29T23:59 2024-02-29T23 2024-02-29 2024-W09 2024-02"),
            // ISO years begin with the week of the first Thursday.
            ("2021-01-03T23:59:00", "2021-01-03T23:59 2021-01-03T23 2021-01-03 2020-W53 2021-01"),
            ("2021-01-04T00:00:00", "2021-01-04T00:00 2021-01-04T00 2021-01-04 2021-W01 2021-01"),
            ("2024-12-29T23:59:00", "2024-12-29T23:59 2024-12-29T23 2024-12-29 2024-W52 2024-12"),
            ("2024-12-30T00:00:00", "2024-12-30T00:00 2024-12-30T00 2024-12-30 2025-W01 2024-12"),
            ("2026-12-31T12:30:00", "2026-12-31T12:30 2026-12-31T12 2026-12-31 2026-W53 2026-12"),
            ("2027-01-01T00:00:00", "2027-01-01T00:00 2027-01-01T00 2027-01-01 2026-W53 2027-01"),
            ("9999-12-31T23:59:00", "9999-12-31T23:59 9999-12-31T23 9999-12-31 9999-W52 9999-12"),
        ];
        for (time, expected) in cases {
            let names = Period::all_containing(minute(time)).map(|period| period.to_string());
            assert_eq!(names.join(" "), expected);
        }
    }

    #[test]
    fn periods_begin_and_end_where_the_calendar_says() {
        let cases = [
            (
                Granularity::Minute,
                "2026-11-20T23:07:00",
                "2026-11-20T23:07:00",
                "2026-11-20T23:08:00",
            ),
            (
                Granularity::Hour,
                "2026-11-20T23:07:00",
                "2026-11-20T23:00:00",
                "2026-11-21T00:00:00",
            ),
            (Granularity::Day, "2026-12-31T00:00:00", "2026-12-31T00:00:00", "2027-01-01T00:00:00"),
            (
                Granularity::Week,
                "2027-01-01T05:00:00",
                "2026-12-28T00:00:00",
                "2027-01-04T00:00:00",
            ),
            (
                Granularity::Week,
                "1970-01-01T00:00:00",
                "1969-12-29T00:00:00",
                "1970-01-05T00:00:00",
            ),
            (
                Granularity::Month,
                "2024-02-29T23:59:00",
                "2024-02-01T00:00:00",
                "2024-03-01T00:00:00",
            ),
            (
                Granularity::Month,
                "2023-02-01T00:00:00",
                "2023-02-01T00:00:00",
                "2023-03-01T00:00:00",
            ),
            (
                Granularity::Month,
                "2026-12-31T23:59:00",
                "2026-12-01T00:00:00",
                "2027-01-01T00:00:00",
            ),
        ];
        for (granularity, time, start, end) in cases {
            let period = Period::containing(granularity, minute(time));
            assert_eq!(
                (period.first_minute(), period.end_minute()),
                (minute(start), minute(end)),
                "{period}"
            );
        }
    }

    #[test]
    fn the_periods_of_a_granularity_lie_side_by_side() {
        for granularity in Granularity::WITH_QUARTERS {
            let mut period = Period::containing(granularity, minute("2019-12-30T00:00:00"));
            for _ in 0..500 {
                let next = Period::containing(granularity, period.end_minute());
                assert_eq!(next.first_minute(), period.end_minute());
                assert_eq!(Period::containing(granularity, next.first_minute() - 1), period);
                period = next;
            }
        }
    }
}
