//! The periods that keys name: an hour, day or year in the partition key, and a period within it in
//! the sort key.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use minutebook_oracle::{Granularity, Period};

/// The hour of this name, as `2026-11-20T23`.
pub(crate) fn hour_named(name: &str) -> Option<Period> {
    let (date, hour) = name.split_once('T')?;
    let start =
        NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?.and_hms_opt(two_digits(hour)?, 0, 0)?;
    named(Granularity::Hour, start, name)
}

/// The period that begins with `start`, if this is how its name is written.
fn named(granularity: Granularity, start: NaiveDateTime, name: &str) -> Option<Period> {
    let period = Period::containing(granularity, start.and_utc().timestamp() / 60);
    (period.to_string() == name).then_some(period)
}

/// The day of this name, as `2026-11-20`.
pub(super) fn day_named(name: &str) -> Option<Period> {
    let date = NaiveDate::parse_from_str(name, "%Y-%m-%d").ok()?;
    named(Granularity::Day, date.and_time(NaiveTime::MIN), name)
}

/// The site, and the hour, day or year of a partition.
pub(super) fn site_and_span(pk: &str) -> Option<(&str, &str)> {
    pk.strip_prefix("T#")?.split_once('#')
}

/// The period `within` a partition: a minute of an hour, an hour of a day, a quarter of an hour of a
/// day, or a day, week or month of a year.
pub(super) fn period(span: &str, within: &str) -> Option<Period> {
    if let Some(hour) = hour_named(span) {
        let minute = two_digits(within).filter(|minute| *minute < 60)?;
        Some(Period::containing(Granularity::Minute, hour.first_minute() + i64::from(minute)))
    } else if let Some(day) = day_named(span) {
        let (hour, granularity, minute) = match within.strip_prefix('q') {
            None => (within, Granularity::Hour, 0),
            Some(quarter) => {
                let (hour, minute) = quarter.split_once(':')?;
                let minute =
                    two_digits(minute).filter(|minute| [0, 15, 30, 45].contains(minute))?;
                (hour, Granularity::Quarter, minute)
            }
        };
        let hour = two_digits(hour).filter(|hour| *hour < 24)?;
        let minute = day.first_minute() + i64::from(hour) * 60 + i64::from(minute);
        Some(Period::containing(granularity, minute))
    } else {
        of_year(span, within)
    }
}

/// The day `d11-20`, the week `w47` or the month `m11` of a year.
fn of_year(year: &str, within: &str) -> Option<Period> {
    let year_number: i32 = year.parse().ok()?;
    if let Some(day) = within.strip_prefix('d') {
        return day_named(&format!("{year}-{day}"));
    }
    let (granularity, start, name) = if let Some(week) = within.strip_prefix('w') {
        let monday = NaiveDate::from_isoywd_opt(year_number, two_digits(week)?, Weekday::Mon)?;
        (Granularity::Week, monday, format!("{year}-W{week}"))
    } else {
        let month = within.strip_prefix('m')?;
        (
            Granularity::Month,
            NaiveDate::from_ymd_opt(year_number, two_digits(month)?, 1)?,
            format!("{year}-{month}"),
        )
    };
    named(granularity, start.and_time(NaiveTime::MIN), &name)
}

/// The number that these two digits are.
pub(super) fn two_digits(text: &str) -> Option<u32> {
    let is_right = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_right.then(|| text.parse().ok()).flatten()
}
