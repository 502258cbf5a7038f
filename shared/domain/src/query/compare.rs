//! Comparisons: which earlier range a range is compared with.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike,
};
use chrono_tz::{GapInfo, Tz};

use crate::time::start_of_date;

const MONTHS_PER_YEAR: u32 = 12;
const DAYS_PER_WEEK: u64 = 7;

/// What a range is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compare {
    /// The range of the same length just before, by the calendar.
    Previous,
    /// The range a week earlier.
    Week,
    /// The range a year earlier.
    Year,
}

/// How far a range is moved back to that which it is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shift {
    /// By so much time.
    Time(TimeDelta),
    /// By so many dates, to the same time of day.
    Days(u64),
    /// By so many months, to the same day of the month and time of day.
    Months(u32),
}

impl Compare {
    /// Parses `previous`, `week` or `year`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Compare> {
        match text {
            "previous" => Some(Compare::Previous),
            "week" => Some(Compare::Week),
            "year" => Some(Compare::Year),
            _ => None,
        }
    }

    /// The word that [`Compare::parse`] accepts.
    pub fn as_str(self) -> &'static str {
        match self {
            Compare::Previous => "previous",
            Compare::Week => "week",
            Compare::Year => "year",
        }
    }

    /// How far the range from `from` to before `to` is moved.
    ///
    /// **Shape**: the previous range of one that begins with a month, and is longer than a day, is as
    /// many months earlier as it has, begun ones included; of another one that begins with a date, as
    /// many days. Any other range is moved by its own length.
    pub fn shift(self, from: DateTime<Tz>, to: DateTime<Tz>) -> Shift {
        match self {
            Compare::Previous => previous(from, to),
            Compare::Week => Shift::Days(DAYS_PER_WEEK),
            Compare::Year => Shift::Months(MONTHS_PER_YEAR),
        }
    }
}

fn previous(from: DateTime<Tz>, to: DateTime<Tz>) -> Shift {
    let by_length = Shift::Time(to.signed_duration_since(from));
    let (zone, date) = (from.timezone(), from.date_naive());
    if start_of_date(zone, date) != Some(from) {
        return by_length;
    }
    // The date and the month that the last instant lies in.
    let last = (to - TimeDelta::nanoseconds(1)).date_naive();
    let days = last.signed_duration_since(date).num_days() + 1;
    if date.day() == 1 && days > 1 {
        let months = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
        let count = u32::try_from(months(last) - months(date) + 1);
        return count.map_or(by_length, Shift::Months);
    }
    u64::try_from(days).map_or(by_length, Shift::Days)
}

impl Shift {
    /// Moves an instant back. `None` if that is out of the range of dates.
    ///
    /// **Shape**: a day that the earlier month does not have is the end of that month, and a time
    /// that clocks skipped the first instant after it. Of two equal times of a day on which clocks
    /// were set back, the first is meant; an instant that is the second of two is moved like the end
    /// of what the clocks repeat. So the order of instants stays.
    pub fn back(self, time: DateTime<Tz>) -> Option<DateTime<Tz>> {
        let local = || Some(after_repetition(time)?.naive_local());
        let earlier = match self {
            Shift::Time(span) => return time.checked_sub_signed(span),
            Shift::Days(days) => local()?.checked_sub_days(Days::new(days))?,
            Shift::Months(months) => months_earlier(local()?, months)?,
        };
        instant_of(time.timezone(), earlier)
    }
}

fn months_earlier(local: NaiveDateTime, months: u32) -> Option<NaiveDateTime> {
    let first = local.date().with_day(1)?.checked_sub_months(Months::new(months))?;
    match first.with_day(local.day()) {
        Some(date) => Some(date.and_time(local.time())),
        None => Some(first.checked_add_months(Months::new(1))?.and_time(NaiveTime::MIN)),
    }
}

/// The instant itself, or the first whole minute after it whose time of day the clock shows for the
/// first time. Clocks are set back by whole minutes, and by some hours at most.
fn after_repetition(time: DateTime<Tz>) -> Option<DateTime<Tz>> {
    let zone = time.timezone();
    let is_repeated = |time: &DateTime<Tz>| {
        let first = time.naive_local().and_local_timezone(zone).earliest();
        first.is_some_and(|first| first < *time)
    };
    if !is_repeated(&time) {
        return Some(time);
    }
    let begun = TimeDelta::new(i64::from(time.second()), time.nanosecond())?;
    let minutes = std::iter::successors(time.checked_sub_signed(begun), |time| {
        time.checked_add_signed(TimeDelta::minutes(1))
    });
    minutes.skip(1).find(|time| !is_repeated(time))
}

/// The instant at which a zone's clock shows this time.
fn instant_of(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Tz>> {
    match local.and_local_timezone(zone).earliest() {
        Some(instant) => Some(instant),
        None => GapInfo::new(&local, &zone)?.end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{SecondsFormat, TimeZone as _};

    fn local(zone: Tz, text: &str) -> DateTime<Tz> {
        let naive: NaiveDateTime = text.parse().expect("a local time");
        zone.from_local_datetime(&naive).earliest().expect("it exists")
    }

    #[test]
    fn the_previous_range_is_that_of_the_calendar() {
        for (from, to, shift) in [
            ("2026-11-21T00:00:00", "2026-11-21T10:08:00", Shift::Days(1)),
            ("2026-11-21T00:00:00", "2026-11-22T00:00:00", Shift::Days(1)),
            ("2026-11-15T00:00:00", "2026-11-21T10:08:00", Shift::Days(7)),
            // The first of a month: a day of it is a day, and more is of the month.
            ("2026-11-01T00:00:00", "2026-11-01T10:08:00", Shift::Days(1)),
            ("2026-11-01T00:00:00", "2026-11-02T00:00:00", Shift::Days(1)),
            ("2026-11-01T00:00:00", "2026-11-02T00:01:00", Shift::Months(1)),
            ("2026-11-01T00:00:00", "2026-12-01T00:00:00", Shift::Months(1)),
            ("2026-10-01T00:00:00", "2026-11-21T10:08:00", Shift::Months(2)),
            ("2026-11-21T08:00:00", "2026-11-21T11:00:00", Shift::Time(TimeDelta::hours(3))),
        ] {
            let [from, to] = [from, to].map(|text| local(Tz::Europe__Berlin, text));
            assert_eq!(Compare::Previous.shift(from, to), shift, "{from} {to}");
        }
        // 24 hours are not a day on which clocks are set back.
        let [from, to] =
            ["2026-10-25T00:00:00", "2026-10-25T23:30:00"].map(|t| local(Tz::Europe__Berlin, t));
        assert_eq!(Compare::Previous.shift(from, to), Shift::Days(1));
        assert_eq!(Compare::Week.shift(from, to), Shift::Days(7));
        assert_eq!(Compare::Year.shift(from, to), Shift::Months(12));
    }

    #[test]
    fn an_earlier_instant_has_the_same_local_time() {
        for (shift, time, earlier) in [
            (Shift::Days(1), "2026-11-21T10:08:00", "2026-11-20T10:08:00+01:00"),
            // Over the change of clocks.
            (Shift::Days(7), "2026-10-28T10:08:00", "2026-10-21T10:08:00+02:00"),
            // A time that clocks skipped, and one that they showed twice.
            (Shift::Days(1), "2026-03-30T02:30:00", "2026-03-29T03:00:00+02:00"),
            (Shift::Days(1), "2026-10-26T02:30:00", "2026-10-25T02:30:00+02:00"),
            (Shift::Months(1), "2026-12-01T00:00:00", "2026-11-01T00:00:00+01:00"),
            // A day that the month does not have is its end.
            (Shift::Months(1), "2026-03-29T10:00:00", "2026-03-01T00:00:00+01:00"),
            (Shift::Months(1), "2026-03-28T23:00:00", "2026-02-28T23:00:00+01:00"),
            (Shift::Months(12), "2024-02-29T10:00:00", "2023-03-01T00:00:00+01:00"),
            (Shift::Time(TimeDelta::hours(3)), "2026-03-29T04:00:00", "2026-03-29T00:00:00+01:00"),
        ] {
            let found = shift.back(local(Tz::Europe__Berlin, time)).expect("in range");
            let text = found.to_rfc3339_opts(SecondsFormat::Secs, true);
            assert_eq!(text, earlier, "{shift:?} {time}");
        }
    }

    #[test]
    fn an_hour_that_clocks_repeat_is_compared_once() {
        // In Berlin, 02:00 to 03:00 was there twice.
        for (utc, earlier) in [
            ("2026-10-25T00:30:00Z", "2026-10-24T02:30:00+02:00"),
            ("2026-10-25T00:59:59Z", "2026-10-24T02:59:59+02:00"),
            ("2026-10-25T01:00:00Z", "2026-10-24T03:00:00+02:00"),
            ("2026-10-25T01:30:30Z", "2026-10-24T03:00:00+02:00"),
            ("2026-10-25T02:00:00Z", "2026-10-24T03:00:00+02:00"),
        ] {
            let instant: DateTime<chrono::Utc> = utc.parse().expect("an instant");
            let found = Shift::Days(1).back(instant.with_timezone(&Tz::Europe__Berlin));
            let text = found.expect("in range").to_rfc3339_opts(SecondsFormat::Secs, true);
            assert_eq!(text, earlier, "{utc}");
        }
    }

    #[test]
    fn instants_keep_their_order() {
        for zone in [Tz::Europe__Berlin, Tz::America__New_York, Tz::Pacific__Apia, Tz::UTC] {
            let start = local(zone, "2012-01-31T12:00:00");
            for shift in [Shift::Days(1), Shift::Days(30), Shift::Months(1), Shift::Months(12)] {
                let shifted: Vec<_> = (0..20_000)
                    .map(|hours| shift.back(start + TimeDelta::minutes(37 * hours)))
                    .collect();
                assert!(
                    shifted.iter().all(Option::is_some) && shifted.is_sorted(),
                    "{zone} {shift:?}"
                );
            }
        }
    }
}
