//! Buckets: the spans of time that numbers are added up in, and how long each is kept.

use crate::time::{Day, Hour, Minute, Month, SECONDS_PER_DAY, Week};

/// A span of time with rows of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Bucket {
    /// One minute.
    Minute(Minute),
    /// One hour.
    Hour(Hour),
    /// One day, UTC.
    Day(Day),
    /// One ISO week.
    Week(Week),
    /// One calendar month.
    Month(Month),
}

impl Bucket {
    /// The buckets from the hour upwards that an hour's numbers are added to.
    pub fn of_hour(hour: Hour) -> [Bucket; 4] {
        let day = hour.day();
        [Bucket::Hour(hour), Bucket::Day(day), Bucket::Week(day.week()), Bucket::Month(day.month())]
    }

    /// Its first minute.
    pub fn first_minute(self) -> Minute {
        match self {
            Bucket::Minute(minute) => minute,
            Bucket::Hour(hour) => hour.first_minute(),
            Bucket::Day(day) => day.first_hour().first_minute(),
            Bucket::Week(week) => week.first_hour().first_minute(),
            Bucket::Month(month) => month.first_hour().first_minute(),
        }
    }

    /// The minute after its last one.
    pub fn end(self) -> Minute {
        match self {
            Bucket::Minute(minute) => minute.plus(1),
            Bucket::Hour(hour) => hour.next().first_minute(),
            Bucket::Day(day) => day.next().first_hour().first_minute(),
            Bucket::Week(week) => week.next().first_hour().first_minute(),
            Bucket::Month(month) => month.next().first_hour().first_minute(),
        }
    }
}

/// For how many days after its end a bucket is kept; 0 is for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Minutes.
    pub minute_days: u32,
    /// Hours.
    pub hour_days: u32,
    /// Days, weeks and months.
    pub day_days: u32,
}

impl Retention {
    /// When the rows of a bucket expire, in seconds since 1970; `None` is never.
    pub fn expires_at(self, bucket: Bucket) -> Option<i64> {
        let days = match bucket {
            Bucket::Minute(_) => self.minute_days,
            Bucket::Hour(_) => self.hour_days,
            Bucket::Day(_) | Bucket::Week(_) | Bucket::Month(_) => self.day_days,
        };
        (days > 0).then(|| bucket.end().epoch_seconds() + i64::from(days) * SECONDS_PER_DAY)
    }

    /// Whether the rows of a bucket have expired at this time, in seconds since 1970: from then on
    /// they are not counted, whether they still stand or not.
    pub fn has_expired(self, bucket: Bucket, at_seconds: i64) -> bool {
        self.expires_at(bucket).is_some_and(|expires_at| expires_at <= at_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_kept_for_its_days_after_its_end() {
        let hour = Hour::parse("2026-11-20T23").expect("an hour");
        let retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
        let end = Bucket::Hour(hour).end().epoch_seconds();
        assert_eq!(
            retention.expires_at(Bucket::Minute(hour.first_minute().plus(59))),
            Some(end + 7 * 86_400)
        );
        assert_eq!(retention.expires_at(Bucket::Hour(hour)), Some(end + 400 * 86_400));
        assert_eq!(retention.expires_at(Bucket::Month(hour.day().month())), None);
        assert!(retention.has_expired(Bucket::Hour(hour), end + 400 * 86_400));
        assert!(!retention.has_expired(Bucket::Hour(hour), end + 400 * 86_400 - 1));
    }

    #[test]
    fn an_hour_lies_in_its_day_week_and_month() {
        let hour = Hour::parse("2027-01-01T05").expect("an hour");
        let [_, day, week, month] = Bucket::of_hour(hour);
        assert_eq!(
            format!("{day:?} {week:?} {month:?}"),
            "Day(2027-01-01) Week(2026-W53) Month(2027-01)"
        );
        for bucket in [day, week, month] {
            assert!(
                bucket.first_minute() <= hour.first_minute()
                    && hour.next().first_minute() <= bucket.end()
            );
        }
    }
}
