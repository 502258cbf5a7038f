//! Minutes, hours, days, ISO weeks and calendar months. All of them are in UTC, named by their
//! start and half open.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};

/// The minutes of an hour.
pub const MINUTES_PER_HOUR: u32 = 60;
/// The minutes of a quarter of an hour.
pub const MINUTES_PER_QUARTER: u32 = 15;
/// The hours of a day.
pub const HOURS_PER_DAY: u32 = 24;
/// The seconds of a day.
pub const SECONDS_PER_DAY: i64 = 86_400;
const DAYS_PER_WEEK: u32 = 7;
const MONTHS_PER_YEAR: u32 = 12;
/// 1970-01-01 was a Thursday, three days after the Monday of its week.
const EPOCH_DAY_OF_WEEK: u32 = 3;

/// The end of the last minute, 10000-01-01: later dates have no four-digit year.
const END_SECONDS: i64 = 253_402_300_800;

/// A minute: whole minutes since 1970-01-01T00:00Z, up to the end of the year 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(u32);

/// A quarter of an hour: whole quarters since 1970-01-01T00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(u32);

/// An hour: whole hours since 1970-01-01T00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(u32);

/// A day: whole days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

/// An ISO week, Monday to Sunday: whole weeks since the one that contains 1970-01-01, which began
/// on 1969-12-29.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(u32);

/// A calendar month: whole months since 1970-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u32);

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

    /// The quarter of an hour that contains this minute.
    pub fn quarter(self) -> Quarter {
        Quarter(self.0 / MINUTES_PER_QUARTER)
    }

    /// The hour that contains this minute.
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

impl Quarter {
    /// Its first minute.
    pub fn first_minute(self) -> Minute {
        Minute(self.0 * MINUTES_PER_QUARTER)
    }

    /// The quarter after this one.
    pub fn next(self) -> Quarter {
        Quarter(self.0 + 1)
    }

    /// The hour that contains this quarter.
    pub fn hour(self) -> Hour {
        self.first_minute().hour()
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

    /// Whole hours since 1970.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The hour `count` hours later; saturates.
    pub fn plus(self, count: u32) -> Hour {
        Hour(self.0.saturating_add(count))
    }

    /// The hour `count` hours earlier; stops at 1970.
    pub fn minus(self, count: u32) -> Hour {
        Hour(self.0.saturating_sub(count))
    }

    /// Seconds since 1970 at the start of the hour.
    pub fn epoch_seconds(self) -> i64 {
        self.first_minute().epoch_seconds()
    }

    /// The day that contains this hour.
    pub fn day(self) -> Day {
        Day(self.0 / HOURS_PER_DAY)
    }

    /// 0 to 23.
    pub fn of_day(self) -> u32 {
        self.0 % HOURS_PER_DAY
    }

    /// Parses an hour as it is displayed; `None` for anything else.
    pub fn parse(name: &str) -> Option<Hour> {
        let start = format!("{name}:00:00Z");
        let hour =
            Minute::containing(DateTime::parse_from_rfc3339(&start).ok()?.with_timezone(&Utc))?
                .hour();
        (hour.to_string() == name).then_some(hour)
    }
}

impl Day {
    /// The first day, 1970-01-01.
    pub const EPOCH: Day = Day(0);

    /// Parses a day as it is displayed; `None` for anything else.
    pub fn parse(name: &str) -> Option<Day> {
        let day = Hour::parse(&format!("{name}T00"))?.day();
        (day.to_string() == name).then_some(day)
    }

    /// The first hour of the day.
    pub fn first_hour(self) -> Hour {
        Hour(self.0 * HOURS_PER_DAY)
    }

    /// The day after this one.
    pub fn next(self) -> Day {
        Day(self.0 + 1)
    }

    /// The ISO week that contains this day.
    pub fn week(self) -> Week {
        Week((self.0 + EPOCH_DAY_OF_WEEK) / DAYS_PER_WEEK)
    }

    /// The calendar month that contains this day.
    pub fn month(self) -> Month {
        let date = self.date();
        let years = u32::try_from(date.year() - 1970).unwrap_or(0);
        Month(years * MONTHS_PER_YEAR + date.month0())
    }

    /// The day as a date.
    pub fn date(self) -> NaiveDate {
        DateTime::from_timestamp(i64::from(self.0) * SECONDS_PER_DAY, 0)
            .unwrap_or_default()
            .date_naive()
    }
}

impl Week {
    /// The first hour of its Monday; that of 1970-01-01 for the week that began before.
    pub fn first_hour(self) -> Hour {
        Day((self.0 * DAYS_PER_WEEK).saturating_sub(EPOCH_DAY_OF_WEEK)).first_hour()
    }

    /// The week after this one.
    pub fn next(self) -> Week {
        Week(self.0 + 1)
    }

    /// The ISO year, and the number of the week in it, 1 to 53.
    pub fn of_iso_year(self) -> (i32, u32) {
        let week = self.first_hour().day().date().iso_week();
        (week.year(), week.week())
    }
}

impl Month {
    /// The first hour of its first day.
    pub fn first_hour(self) -> Hour {
        let (year, month) = self.of_year();
        let first = NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default();
        Minute::containing(first.and_time(chrono::NaiveTime::MIN).and_utc())
            .unwrap_or(Minute::EPOCH)
            .hour()
    }

    /// The month after this one.
    pub fn next(self) -> Month {
        Month(self.0 + 1)
    }

    /// The year, and the month of it, 1 to 12.
    pub fn of_year(self) -> (i32, u32) {
        (1970 + i32::try_from(self.0 / MONTHS_PER_YEAR).unwrap_or(0), self.0 % MONTHS_PER_YEAR + 1)
    }
}

/// RFC 3339: `2026-11-20T23:07:00Z`.
impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = DateTime::from_timestamp(self.epoch_seconds(), 0).unwrap_or_default();
        f.write_str(&start.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

/// `2026-11-20T23:15`.
impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:02}", self.hour(), self.first_minute().of_hour())
    }
}

/// As in the table's keys: `2026-11-20T23`.
impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.first_minute().to_string();
        f.write_str(start.get(..13).unwrap_or(&start))
    }
}

/// `2026-11-20`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.date(), f)
    }
}

/// `2026-W47`, the year being the ISO year.
impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, week) = self.of_iso_year();
        write!(f, "{year:04}-W{week:02}")
    }
}

/// `2026-11`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = self.of_year();
        write!(f, "{year:04}-{month:02}")
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Quarter {
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

    fn day(date: &str) -> Day {
        Hour::parse(&format!("{date}T00")).expect("a date").day()
    }

    #[test]
    fn an_hour_is_read_from_its_name_and_nothing_else() {
        let hour = Hour::parse("2026-11-20T23").expect("a name");
        assert_eq!((hour.to_string().as_str(), hour.of_day()), ("2026-11-20T23", 23));
        for name in
            ["2026-11-20", "2026-11-20T24", "2026-11-20T7", "1969-12-31T23", "2026-11-20T23:00"]
        {
            assert_eq!(Hour::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_week_begins_on_monday_and_lies_in_its_iso_year() {
        for (date, week, monday) in [
            ("2026-11-20", "2026-W47", "2026-11-16"),
            ("2026-12-31", "2026-W53", "2026-12-28"),
            ("2027-01-03", "2026-W53", "2026-12-28"),
            ("2027-01-04", "2027-W01", "2027-01-04"),
            ("2024-12-30", "2025-W01", "2024-12-30"),
            ("1970-01-04", "1970-W01", "1970-01-01"),
        ] {
            let found = day(date).week();
            assert_eq!(
                (found.to_string().as_str(), found.first_hour().day().to_string().as_str()),
                (week, monday)
            );
        }
    }

    #[test]
    fn a_month_begins_on_its_first_day() {
        for (date, month, first, next) in [
            ("2026-11-20", "2026-11", "2026-11-01", "2026-12-01"),
            ("2024-02-29", "2024-02", "2024-02-01", "2024-03-01"),
            ("2026-12-31", "2026-12", "2026-12-01", "2027-01-01"),
            ("1970-01-01", "1970-01", "1970-01-01", "1970-02-01"),
        ] {
            let found = day(date).month();
            assert_eq!(found.to_string(), month);
            assert_eq!(found.first_hour().day().to_string(), first);
            assert_eq!(found.next().first_hour().day().to_string(), next);
        }
    }
}
