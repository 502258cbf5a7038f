//! Event times, in nanoseconds since 1970: what is finer is cut off.

use bigdecimal::{BigDecimal, Signed as _, ToPrimitive as _};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Timelike as _};
use chrono_tz::Tz;

use crate::decimal::{read_number, whole_digits};
use crate::read::json::Value;
use crate::read::other_forms;
use crate::read::zone::instant_of;

/// Nanoseconds in a second.
pub(crate) const SECOND: i128 = 1_000_000_000;

/// The first time that is too late: the start of the year 10000.
const END: i128 = 253_402_300_800 * SECOND;

/// `YYYY-MM-DDThh:mm`
const TO_MINUTE_BYTES: usize = 16;

/// Reads an event time that stands in JSON, and is in `zone` if it names none.
pub(crate) fn read(value: &Value, zone: Tz) -> Option<i128> {
    match value {
        Value::Text(text) => read_text(text, zone),
        Value::Number(number) => read_text(number, zone),
        Value::Array(numbers) => read_array(numbers, zone),
        Value::Null | Value::Bool | Value::Object(_) => None,
    }
}

/// Reads an event time that is written as a number: seconds, milliseconds or microseconds since
/// 1970, by its size.
fn read_epoch(text: &str) -> Option<i128> {
    let number = read_number(text)?;
    let decimals_of_unit = match whole_digits(&number) {
        // Below a nanosecond.
        ..-8 if !number.is_negative() => return Some(0),
        ..=11 => 0,
        12..=14 => 3,
        15..=17 => 6,
        18.. => return None,
    };
    if number.is_negative() {
        return None;
    }
    let (digits, decimals) = number.into_bigint_and_scale();
    let seconds = BigDecimal::new(digits, decimals + decimals_of_unit);
    seconds.with_scale(9).into_bigint_and_scale().0.to_i128()
}

/// Reads an event time that is a text: a date and time, or a number.
fn read_text(text: &str, zone: Tz) -> Option<i128> {
    let whole = || read_epoch(text).or_else(|| read_date_and_time(text, zone));
    whole().or_else(|| read_date_and_time(&other_forms::written_out(text)?, zone))
}

/// Reads an array of year, month, day, hour, minute, and then perhaps second and nanosecond.
fn read_array(numbers: &[Value], zone: Tz) -> Option<i128> {
    if !(5..=7).contains(&numbers.len()) {
        return None;
    }
    let mut read = [0; 7];
    for (place, number) in read.iter_mut().zip(numbers) {
        let Value::Number(number) = number else { return None };
        *place = number.parse::<u32>().ok()?;
    }
    let [year, month, day, hour, minute, second, nanosecond] = read;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let time = date.and_hms_opt(hour, minute, second)?;
    let nanosecond = i128::from(nanosecond);
    (nanosecond < SECOND).then(|| since_1970(time, zone).map(|whole| whole + nanosecond)).flatten()
}

/// Whether a date and time names its zone.
pub(crate) fn names_zone(text: &str) -> bool {
    let is_of_second = |character: char| character.is_ascii_digit() || ":.".contains(character);
    text.get(TO_MINUTE_BYTES..).is_some_and(|rest| !rest.chars().all(is_of_second))
}

/// Reads a date and time by completing it to one of RFC 3339.
fn read_date_and_time(text: &str, zone: Tz) -> Option<i128> {
    if !text.is_ascii() {
        return None;
    }
    let (to_minute, rest) = text.split_at_checked(TO_MINUTE_BYTES)?;
    let is_of_second = |character: char| character.is_ascii_digit() || ":.".contains(character);
    let zone_at = rest.find(|character| !is_of_second(character)).unwrap_or(rest.len());
    let (second, zone_text) = rest.split_at(zone_at);
    let second = if second.is_empty() { ":00" } else { second };
    let offset = match zone_text.strip_prefix(' ').unwrap_or(zone_text) {
        // A space belongs to the zone behind it.
        "" if zone_text.is_empty() => "Z".to_owned(),
        "Z" | "z" | "UTC" => "Z".to_owned(),
        offset if !offset.starts_with(['+', '-']) => return None,
        hours if hours.len() == 3 => format!("{hours}:00"),
        hours_and_minutes if hours_and_minutes.len() == 5 => {
            let (hours, minutes) = hours_and_minutes.split_at(3);
            format!("{hours}:{minutes}")
        }
        whole => whole.to_owned(),
    };
    let time = DateTime::parse_from_rfc3339(&format!("{to_minute}{second}{offset}")).ok()?;
    since_1970(time.naive_utc(), if names_zone(text) { Tz::UTC } else { zone })
}

/// Whether an event may have this time.
pub(crate) fn is_in_range(time: i128) -> bool {
    (0..END).contains(&time)
}

/// The nanoseconds since 1970 of a time on the clock of a zone, if it is in range. A leap second is
/// the second before it.
fn since_1970(time: NaiveDateTime, zone: Tz) -> Option<i128> {
    let nanoseconds = i128::from(time.nanosecond()) % SECOND;
    let whole = instant_of(time.with_nanosecond(0)?, zone);
    let since = i128::from(whole.timestamp()) * SECOND + nanoseconds;
    is_in_range(since).then_some(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_nanoseconds() {
        for (text, expected) in [
            ("2026-11-20T23:07:31.123Z", 123_000_000),
            ("2026-11-20T23:07:31.000000001+01:00", 1),
            ("2026-11-20T23:07:31.1234567899", 123_456_789),
            ("2026-11-20T23:07:31Z", 0),
            ("1659304800", 0),
            ("1659304800.25", 250_000_000),
            ("1659304800025", 25_000_000),
            ("1659304800025.5", 25_500_000),
            ("1659304800025999.1239", 25_999_123),
            ("1.65930480025e9", 250_000_000),
            ("5e-1", 500_000_000),
            ("5e-3", 5_000_000),
            ("5e-99999", 0),
            ("99999999999", 0),
            ("100000000001", 1_000_000),
            ("0", 0),
        ] {
            assert_eq!(
                read_text(text, Tz::UTC).map(|time| time % SECOND),
                Some(expected),
                "{text}"
            );
        }
    }

    fn written_out(text: &str) -> Option<String> {
        let seconds = i64::try_from(read_text(text, Tz::UTC)? / SECOND).unwrap();
        Some(DateTime::from_timestamp(seconds, 0).unwrap().format("%Y-%m-%d %H:%M:%S").to_string())
    }

    #[test]
    fn takes_dates_and_times() {
        let cases = [
            ("2026-11-20T23:07:31.123Z", "2026-11-20 23:07:31"),
            ("2026-11-20t23:07:31z", "2026-11-20 23:07:31"),
            ("2026-11-20 23:07:31", "2026-11-20 23:07:31"),
            ("2024-07-06T22:38:22.610509", "2024-07-06 22:38:22"),
            ("2019-10-01 00:00:00 UTC", "2019-10-01 00:00:00"),
            ("2019-10-01 00:00:00UTC", "2019-10-01 00:00:00"),
            ("2026-11-20T23:07", "2026-11-20 23:07:00"),
            ("2026-11-20T23:07Z", "2026-11-20 23:07:00"),
            ("2026-11-20T23:07+01", "2026-11-20 22:07:00"),
            ("2026-11-20T23:07:31+0130", "2026-11-20 21:37:31"),
            ("2026-11-20T23:07:31-01:30", "2026-11-21 00:37:31"),
            ("2026-11-20T23:07:31 -01:30", "2026-11-21 00:37:31"),
            ("2026-11-20T23:07:31-00:00", "2026-11-20 23:07:31"),
            ("2026-11-20T23:07:31.9999999999999999Z", "2026-11-20 23:07:31"),
            ("2016-12-31T23:59:60Z", "2016-12-31 23:59:59"),
            ("2016-12-31T23:59:60.9Z", "2016-12-31 23:59:59"),
            ("2016-12-31T10:15:60+01:00", "2016-12-31 09:15:59"),
            ("2024-02-29T00:00", "2024-02-29 00:00:00"),
            ("1970-01-01T00:00:00Z", "1970-01-01 00:00:00"),
            ("1969-12-31T23:30:00-01:00", "1970-01-01 00:30:00"),
            ("9999-12-31T23:59:59.9Z", "9999-12-31 23:59:59"),
            ("2026-11-20T23:07:31+23:59", "2026-11-19 23:08:31"),
        ];
        for (text, expected) in cases {
            assert_eq!(written_out(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn takes_other_forms() {
        for (text, expected) in [
            ("1795687200000000000", "2026-11-26 10:00:00"),
            ("/Date(1795687200000)/", "2026-11-26 10:00:00"),
            ("2026-11-20", "2026-11-20 00:00:00"),
            ("20261120T230731Z", "2026-11-20 23:07:31"),
            ("2026-11-20T23:07:31,5Z", "2026-11-20 23:07:31"),
            ("2026-11-20 23:07:31 GMT", "2026-11-20 23:07:31"),
            ("2026-11-20T23:07:31+01:00[Europe/Berlin]", "2026-11-20 22:07:31"),
            ("Fri, 20 Nov 2026 23:07:31 GMT", "2026-11-20 23:07:31"),
            ("20/Nov/2026:23:07:31 +0100", "2026-11-20 22:07:31"),
            ("11/20/2026 11:07 PM", "2026-11-20 23:07:00"),
        ] {
            assert_eq!(written_out(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["20.11.2026 23:07", "20/11/2026 23:07", "2026-11-20T23:07:31[Europe/Berlin]"] {
            assert_eq!(written_out(text), None, "{text}");
        }
    }

    #[test]
    fn refuses_other_dates_and_times() {
        let cases = [
            "2026-11-20T",
            "2026-11-20T23",
            "2026-11-20T23:7",
            "2026-11-20T23:07:",
            "2026-11-20T23:07:3",
            "2026-11-20T23:07:31.",
            "2026-11-20T23:07:31.Z",
            "2026-11-20T23:07.5Z",
            "2026-11-20T24:00:00Z",
            "2026-11-20T23:60:00Z",
            "2026-11-20T23:07:61Z",
            "2026-02-29T00:00Z",
            "2026-13-01T00:00Z",
            "2026-00-01T00:00Z",
            "2026-11-31T00:00Z",
            "2026-11-00T00:00Z",
            "2026-11-20T23:07:31 ",
            "2026-11-20T23:07:31  Z",
            "2026-11-20T23:07:31. 363Z",
            "2026-11-20T23:07:31 .25Z",
            "2026-11-20T23:07:31Zx",
            "2026-11-20T23:07:31utc",
            "2026-11-20T23:07:31+1",
            "2026-11-20T23:07:31+24:00",
            "2026-11-20T23:07:31+01:60",
            "2026-11-20T23:07:31+01:",
            "2026-11-20T23:07:31+010",
            "2026-11-20T23:07:31+01:0",
            "2026-11-20T23:07:31+01:000",
            " 2026-11-20T23:07:31Z",
            "26-11-20T23:07:31Z",
            "12026-11-20T23:07:31Z",
            "2026/11/20 23:07:31",
            "2026-11-20_23:07:31",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:30:00+01:00",
            "9999-12-31T23:30:00-01:00",
            "0000-01-01T00:00Z",
            "yesterday",
            "２026-11-20T23:07:31Z",
            "2026-11-20T23:07:31−01:00",
            "-2026-11-20T23:07:31Z",
        ];
        for case in cases {
            assert_eq!(written_out(case), None, "{case:?}");
        }
    }

    #[test]
    fn takes_epoch_times_by_their_size() {
        let cases = [
            ("0", 0),
            ("-0", 0),
            ("0.9", 0),
            ("1e-3", 0),
            ("1659304800", 1_659_304_800),
            ("1659304800.999", 1_659_304_800),
            ("1.6593048e9", 1_659_304_800),
            ("16593048e2", 1_659_304_800),
            ("1659304800025", 1_659_304_800),
            ("1659304800025.5", 1_659_304_800),
            ("1659304800025123", 1_659_304_800),
            ("99999999999", 99_999_999_999),
            ("99999999999.9", 99_999_999_999),
            ("100000000000", 100_000_000),
            ("99999999999999", 99_999_999_999),
            ("100000000000000", 100_000_000),
            ("99999999999999999", 99_999_999_999),
            ("20241120", 20_241_120),
        ];
        for (text, expected) in cases {
            assert_eq!(read_epoch(text).map(|time| time / SECOND), Some(expected), "{text}");
            assert_eq!(read_text(text, Tz::UTC), read_epoch(text), "{text}");
        }
    }

    #[test]
    fn refuses_other_epoch_times() {
        for case in [
            "-1",
            "-0.5",
            "10000000000000000000",
            "1e17",
            "1e999999999999",
            "",
            " 1",
            "1 ",
            "+1",
            "01",
            "0x1",
            "1.",
        ] {
            assert_eq!(read_epoch(case), None, "{case:?}");
            assert_eq!(read_text(case, Tz::UTC), None, "{case:?}");
        }
    }
}
