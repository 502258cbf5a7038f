//! Periods: the spans of time that counters are summed over, and how long each is kept.

use crate::time::{Day, Hour, Minute, Month, Quarter, SECONDS_PER_DAY, Week};

/// A span of time that has its own rows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Period {
    /// One minute.
    Minute(Minute),
    /// A quarter of an hour; only some hours have rows of their quarters, see
    /// [`QuarterHours`](crate::time::QuarterHours).
    Quarter(Quarter),
    /// One hour.
    Hour(Hour),
    /// One day, UTC.
    Day(Day),
    /// One ISO week.
    Week(Week),
    /// One calendar month.
    Month(Month),
}

impl Period {
    /// The periods that contain an hour: the hour itself, and its day, week and month.
    pub fn of_hour(hour: Hour) -> [Period; 4] {
        let day = hour.day();
        [Period::Hour(hour), Period::Day(day), Period::Week(day.week()), Period::Month(day.month())]
    }

    /// The periods whose rows sum those of a minute: [`Period::of_hour`] and, if its hour has rows
    /// of its quarters, the quarter.
    pub fn above(minute: Minute, has_quarters: bool) -> impl Iterator<Item = Period> {
        let quarter = has_quarters.then(|| Period::Quarter(minute.quarter()));
        quarter.into_iter().chain(Period::of_hour(minute.hour()))
    }

    /// Its first minute.
    pub fn first_minute(self) -> Minute {
        match self {
            Period::Minute(minute) => minute,
            Period::Quarter(quarter) => quarter.first_minute(),
            Period::Hour(hour) => hour.first_minute(),
            Period::Day(day) => day.first_hour().first_minute(),
            Period::Week(week) => week.first_hour().first_minute(),
            Period::Month(month) => month.first_hour().first_minute(),
        }
    }

    /// The minute after its last one.
    pub fn end(self) -> Minute {
        match self {
            Period::Minute(minute) => minute.plus(1),
            Period::Quarter(quarter) => quarter.next().first_minute(),
            Period::Hour(hour) => hour.next().first_minute(),
            Period::Day(day) => day.next().first_hour().first_minute(),
            Period::Week(week) => week.next().first_hour().first_minute(),
            Period::Month(month) => month.next().first_hour().first_minute(),
        }
    }
}

/// For how many days after its end a period is kept; 0 means for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Minutes.
    pub minute_days: u32,
    /// Hours, and their quarters.
    pub hour_days: u32,
    /// Days, weeks and months.
    pub day_days: u32,
}

impl Retention {
    /// When the rows of a period expire, in seconds since 1970; `None` means never. Quarters expire
    /// with their hour, so that an hour has all of them or none.
    pub fn expires_at(self, period: Period) -> Option<i64> {
        let (days, end) = match period {
            Period::Minute(_) => (self.minute_days, period.end()),
            Period::Quarter(quarter) => (self.hour_days, Period::Hour(quarter.hour()).end()),
            Period::Hour(_) => (self.hour_days, period.end()),
            Period::Day(_) | Period::Week(_) | Period::Month(_) => (self.day_days, period.end()),
        };
        (days > 0).then(|| end.epoch_seconds() + i64::from(days) * SECONDS_PER_DAY)
    }

    /// Whether the rows of a period have expired at this time, in seconds since 1970: from then on
    /// readers ignore them, whether they have been deleted or not.
    pub fn has_expired(self, period: Period, at_seconds: i64) -> bool {
        self.expires_at(period).is_some_and(|expires_at| expires_at <= at_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_kept_for_its_days_after_its_end() {
        let hour = Hour::parse("2026-11-20T23").expect("an hour");
        let retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
        let end = Period::Hour(hour).end().epoch_seconds();
        assert_eq!(
            retention.expires_at(Period::Minute(hour.first_minute().plus(59))),
            Some(end + 7 * 86_400)
        );
        assert_eq!(retention.expires_at(Period::Hour(hour)), Some(end + 400 * 86_400));
        let quarter = Period::Quarter(hour.first_minute().quarter());
        assert_eq!(retention.expires_at(quarter), retention.expires_at(Period::Hour(hour)));
        assert_eq!(retention.expires_at(Period::Month(hour.day().month())), None);
        assert!(retention.has_expired(Period::Hour(hour), end + 400 * 86_400));
        assert!(!retention.has_expired(Period::Hour(hour), end + 400 * 86_400 - 1));
    }

    #[test]
    fn a_minute_is_summed_in_its_quarter_only_if_its_hour_has_quarters() {
        let hour = Hour::parse("2026-11-20T18").expect("an hour");
        for (of_hour, quarter) in [(0, 0), (14, 0), (15, 15), (44, 30), (45, 45), (59, 45)] {
            let minute = hour.first_minute().plus(of_hour);
            let above: Vec<Period> = Period::above(minute, true).collect();
            let quarter = hour.first_minute().plus(quarter);
            assert_eq!((above[0].first_minute(), above[0].end()), (quarter, quarter.plus(15)));
            assert_eq!(above[1..], Period::of_hour(hour));
            assert_eq!(Period::above(minute, false).collect::<Vec<_>>(), Period::of_hour(hour));
        }
    }

    #[test]
    fn an_hour_lies_in_its_day_week_and_month() {
        let hour = Hour::parse("2027-01-01T05").expect("an hour");
        let [_, day, week, month] = Period::of_hour(hour);
        assert_eq!(
            format!("{day:?} {week:?} {month:?}"),
            "Day(2027-01-01) Week(2026-W53) Month(2027-01)"
        );
        for period in [day, week, month] {
            assert!(
                period.first_minute() <= hour.first_minute()
                    && hour.next().first_minute() <= period.end()
            );
        }
    }
}
