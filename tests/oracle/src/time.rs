//! Event times.

use chrono::NaiveDate;

use crate::decimal::Number;

/// The first second that is too late for an event time: the start of the year 10000.
pub(crate) const SECOND_MAX: i64 = 253_402_300_800;

/// Reads an event time that is written as a number: seconds, milliseconds or microseconds since
/// 1970, by its size.
///
/// **Units and range**: whole seconds since 1970; a fraction is cut off.
pub(crate) fn read_epoch(text: &str) -> Option<i64> {
    let number = Number::read(text)?;
    if number.digits.is_empty() {
        return Some(0);
    }
    if number.negative || number.whole_digits() > 17 {
        return None;
    }
    let mut whole = String::new();
    for place in 0..number.whole_digits() {
        let digit =
            usize::try_from(place).ok().and_then(|place| number.digits.as_bytes().get(place));
        whole.push(digit.map_or('0', |digit| char::from(*digit)));
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let seconds = if whole < 100_000_000_000 {
        whole
    } else if whole < 100_000_000_000_000 {
        whole / 1_000
    } else {
        whole / 1_000_000
    };
    Some(seconds)
}

/// Reads an event time that is a text: a date and time, or a number.
///
/// **Units and range**: whole seconds since 1970; a fraction is cut off, a leap second is the
/// second before it.
pub(crate) fn read_text(text: &str) -> Option<i64> {
    if let Some(seconds) = read_epoch(text) {
        return Some(seconds);
    }
    let seconds = read_date_and_time(text)?;
    (0..SECOND_MAX).contains(&seconds).then_some(seconds)
}

/// What stands behind the whole second of a time that was read, in nanoseconds; what is finer is
/// cut off.
pub(crate) fn nanoseconds(text: &str) -> u32 {
    let below_second = match Number::read(text) {
        // Only a fraction of a second has a point.
        None => text.split_once('.').map_or("", |(_, fraction)| fraction).to_owned(),
        Some(number) => below_second(&number),
    };
    let mut digits: String =
        below_second.chars().take_while(char::is_ascii_digit).take(9).collect();
    while digits.len() < 9 {
        digits.push('0');
    }
    digits.parse().unwrap_or(0)
}

/// The digits behind the second of an epoch time.
fn below_second(number: &Number) -> String {
    let in_units = number.whole_digits();
    // As in `read_epoch`: how large it is says what its units are.
    let smaller_than = |digits: i64| in_units <= digits;
    let second_at = if smaller_than(11) {
        in_units
    } else if smaller_than(14) {
        in_units - 3
    } else {
        in_units - 6
    };
    let digit_at = |place: i64| {
        usize::try_from(place).ok().and_then(|place| number.digits.as_bytes().get(place))
    };
    (second_at..second_at + 9)
        .map(|place| digit_at(place).map_or('0', |digit| char::from(*digit)))
        .collect()
}

fn read_date_and_time(text: &str) -> Option<i64> {
    let mut rest = text;
    let year = digits(&mut rest, 4)?;
    one_of(&mut rest, "-")?;
    let month = digits(&mut rest, 2)?;
    one_of(&mut rest, "-")?;
    let day = digits(&mut rest, 2)?;
    one_of(&mut rest, "Tt ")?;
    let hour = digits(&mut rest, 2)?;
    one_of(&mut rest, ":")?;
    let minute = digits(&mut rest, 2)?;
    let mut second = 0;
    if one_of(&mut rest, ":").is_some() {
        second = digits(&mut rest, 2)?;
        if one_of(&mut rest, ".").is_some() {
            digits(&mut rest, 1)?;
            while digits(&mut rest, 1).is_some() {}
        }
    }
    let offset = read_zone(rest)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let second = second.min(59);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let local = date.and_hms_opt(hour, minute, second)?;
    Some(local.and_utc().timestamp() - offset)
}

/// Reads all that follows the time of day, and gives the seconds that the zone is ahead of UTC.
fn read_zone(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let zone = text.strip_prefix(' ').unwrap_or(text);
    if matches!(zone, "Z" | "z" | "UTC") {
        return Some(0);
    }
    let (sign, mut rest) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+')?),
    };
    let hours = digits(&mut rest, 2)?;
    let mut minutes = 0;
    if !rest.is_empty() {
        let _ = one_of(&mut rest, ":");
        minutes = digits(&mut rest, 2)?;
    }
    if !rest.is_empty() || hours > 23 || minutes > 59 {
        return None;
    }
    Some(sign * i64::from(hours * 3600 + minutes * 60))
}

/// Takes a number of exactly `count` digits from the front of `rest`.
fn digits(rest: &mut &str, count: usize) -> Option<u32> {
    let taken = rest.get(..count)?;
    if !taken.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    *rest = &rest[count..];
    taken.parse().ok()
}

/// Takes one of these characters from the front of `rest`.
fn one_of(rest: &mut &str, characters: &str) -> Option<()> {
    let first = rest.chars().next()?;
    if !characters.contains(first) {
        return None;
    }
    *rest = &rest[first.len_utf8()..];
    Some(())
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
            assert_eq!(nanoseconds(text), expected, "{text}");
        }
    }

    fn read(text: &str) -> Option<String> {
        let seconds = read_text(text)?;
        Some(
            chrono::DateTime::from_timestamp(seconds, 0)
                .unwrap()
                .format("%Y-%m-%d %H:%M:%S")
                .to_string(),
        )
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
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_other_dates_and_times() {
        let cases = [
            "2026-11-20",
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
            "2026-11-20T23:07:31Zx",
            "2026-11-20T23:07:31utc",
            "2026-11-20T23:07:31GMT",
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
            "20261120T230731Z",
            "2026-11-20_23:07:31",
            "2026-11-20T23:07:31,5Z",
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
            assert_eq!(read(case), None, "{case:?}");
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
            assert_eq!(read_epoch(text), Some(expected), "{text}");
            assert_eq!(read_text(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_other_epoch_times() {
        for case in [
            "-1",
            "-0.5",
            "100000000000000000",
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
            assert_eq!(read_text(case), None, "{case:?}");
        }
    }
}
