//! The times of events: ISO 8601 texts in several forms, and epoch times whose unit follows from
//! their size.

use chrono_tz::Tz;

use crate::event::json;
use crate::time::LocalClock;

/// Epoch times below this are seconds.
const EPOCH_SECONDS_END: u64 = 100_000_000_000;
/// Epoch times below this are milliseconds.
const EPOCH_MILLISECONDS_END: u64 = 100_000_000_000_000;
/// Epoch times below this are microseconds; larger ones are invalid.
const EPOCH_MICROSECONDS_END: u64 = 100_000_000_000_000_000;
/// The number of digits of the largest valid epoch time.
const EPOCH_DIGITS_MAX: u8 = 17;

const DAY_SECONDS: i64 = 86_400;
const HOUR_SECONDS: i64 = 3_600;
const MINUTE_SECONDS: i64 = 60;

/// `2026-11-20T23:07`
const TO_MINUTE_BYTES: usize = 16;

/// Parses the times of one chunk. Most lines have the same minute as the line before.
pub(crate) struct TimeReader {
    /// The last text that was parsed, up to its minute, and its seconds since 1970.
    known_text: [u8; TO_MINUTE_BYTES],
    known_seconds: i64,
    /// The clock of times that name no zone.
    pub(crate) local: LocalClock,
}

impl TimeReader {
    /// Starts with the first minute of 1970 as the known one. Times that name no zone are in
    /// `default_zone`.
    pub(crate) fn new(default_zone: Tz) -> TimeReader {
        let local = LocalClock::new(default_zone);
        TimeReader { known_text: *b"1970-01-01T00:00", known_seconds: 0, local }
    }

    /// Parses a time that is a text.
    ///
    /// **Shape**: seconds since 1970, negative before it; a fraction is dropped. `None` if the text
    /// is not a time.
    #[inline]
    pub(crate) fn parse_text(&mut self, text: &[u8]) -> Option<i64> {
        let Some((to_minute, rest)) = text.split_first_chunk::<TO_MINUTE_BYTES>() else {
            return parse_epoch(text);
        };
        if *to_minute != self.known_text {
            let Some(seconds) = parse_to_minute(to_minute) else {
                return parse_epoch(text);
            };
            self.known_text = *to_minute;
            self.known_seconds = seconds;
        }
        let second = match rest {
            [b':', tens @ b'0'..=b'5', ones @ b'0'..=b'9', b'Z'] => two_digits(*tens, *ones),
            [b':', tens @ b'0'..=b'5', ones @ b'0'..=b'9', b'.', a, b, c, b'Z']
                if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() =>
            {
                two_digits(*tens, *ones)
            }
            _ => match parse_second_and_zone(rest)? {
                (second, Some(offset)) => second - offset,
                (second, None) => return Some(self.local.utc_of(self.known_seconds + second)),
            },
        };
        Some(self.known_seconds + second)
    }
}

/// Parses an epoch time in JSON notation.
///
/// **Shape**: seconds since 1970; `None` if the text is not a number, is negative or is too large.
pub(crate) fn parse_epoch(text: &[u8]) -> Option<i64> {
    let value = match plain_integer(text) {
        Some(value) => value,
        None if json::is_number(text) => whole_part(text)?,
        None => return None,
    };
    let seconds = match value {
        0..EPOCH_SECONDS_END => value,
        EPOCH_SECONDS_END..EPOCH_MILLISECONDS_END => value / 1_000,
        EPOCH_MILLISECONDS_END..EPOCH_MICROSECONDS_END => value / 1_000_000,
        _ => return None,
    };
    i64::try_from(seconds).ok()
}

/// The nanoseconds after the whole second of a time that [`TimeReader::parse_text`] or
/// [`parse_epoch`] accepts; finer digits are dropped.
pub(crate) fn nanoseconds(text: &[u8]) -> u32 {
    let (digits, start) =
        if json::is_number(text) { epoch_fraction(text) } else { iso_fraction(text) };
    let mut nanoseconds = 0;
    for place in start..start + 9 {
        let digit = usize::try_from(place).ok().and_then(|place| digits.get(place));
        nanoseconds = nanoseconds * 10 + digit.map_or(0, |digit| u32::from(digit - b'0'));
    }
    nanoseconds
}

/// The digits after the decimal point of `2026-11-20T23:07:31.123`, and the index of the first.
fn iso_fraction(text: &[u8]) -> (Vec<u8>, i64) {
    let fraction = text
        .get(TO_MINUTE_BYTES + ":31".len()..)
        .and_then(|rest| rest.strip_prefix(b"."))
        .unwrap_or_default();
    (fraction.iter().copied().take_while(u8::is_ascii_digit).collect(), 0)
}

/// All digits of an epoch time, and the index of the first one below a second: the decimal point,
/// or three or six digits earlier if the time is in milliseconds or microseconds.
fn epoch_fraction(text: &[u8]) -> (Vec<u8>, i64) {
    let digits_below_second = match whole_part(text).unwrap_or_default() {
        0..EPOCH_SECONDS_END => 0,
        EPOCH_SECONDS_END..EPOCH_MILLISECONDS_END => 3,
        _ => 6,
    };
    let exponent_at =
        text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
    let (mantissa, exponent) = text.split_at(exponent_at);
    let mantissa = mantissa.strip_prefix(b"-").unwrap_or(mantissa);
    let point_at = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let digits = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    // The length of a line is far below the range of an i64, and the exponent saturates.
    (
        digits,
        i64::try_from(point_at).unwrap_or_default() + parse_exponent(exponent)
            - digits_below_second,
    )
}

/// A JSON number of digits alone, as nearly all epoch times are; `None` for any other text.
#[inline]
fn plain_integer(text: &[u8]) -> Option<u64> {
    if text.len() > usize::from(EPOCH_DIGITS_MAX) || matches!(text, [] | [b'0', _, ..]) {
        return None;
    }
    text.iter().try_fold(0, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + u64::from(digit))
    })
}

/// The whole part of a JSON number that is not negative and has at most [`EPOCH_DIGITS_MAX`] digits
/// before its decimal point.
fn whole_part(text: &[u8]) -> Option<u64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let exponent_at =
        digits.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(digits.len());
    let (mantissa, exponent) = digits.split_at(exponent_at);
    let point_at = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let mut significant =
        mantissa.iter().filter(|byte| **byte != b'.').skip_while(|byte| **byte == b'0').peekable();
    if significant.peek().is_none() {
        return Some(0);
    }
    if negative {
        return None;
    }
    // A length is far below the range of an i64, and so is the exponent that saturates below.
    let written_digits =
        i64::try_from(mantissa.iter().filter(|byte| **byte != b'.').count()).ok()?;
    let leading_zeros = written_digits - i64::try_from(significant.clone().count()).ok()?;
    let whole_digits = i64::try_from(point_at).ok()? - leading_zeros + parse_exponent(exponent);
    if whole_digits > i64::from(EPOCH_DIGITS_MAX) {
        return None;
    }
    let mut value = 0;
    for _ in 0..whole_digits {
        let digit = significant.next().map_or(0, |byte| u64::from(byte - b'0'));
        value = value * 10 + digit;
    }
    Some(value)
}

/// The exponent after an `e`; saturates far beyond what the digits of a line can compensate.
fn parse_exponent(text: &[u8]) -> i64 {
    const LIMIT: i64 = 1_000_000_000;
    let Some((_, digits)) = text.split_first() else {
        return 0;
    };
    let (negative, digits) = match digits.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, digits),
    };
    let value = digits
        .iter()
        .fold(0, |value: i64, digit| (value * 10 + i64::from(digit - b'0')).min(LIMIT));
    if negative { -value } else { value }
}

/// Parses `2026-11-20T23:07` into seconds since 1970.
fn parse_to_minute(text: &[u8; TO_MINUTE_BYTES]) -> Option<i64> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b't' | b' ', h0, h1, b':', n0, n1] =
        *text
    else {
        return None;
    };
    let digits = [y0, y1, y2, y3, m0, m1, d0, d1, h0, h1, n0, n1];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let year = two_digits(y0, y1) * 100 + two_digits(y2, y3);
    let (month, day) = (two_digits(m0, m1), two_digits(d0, d1));
    let (hour, minute) = (two_digits(h0, h1), two_digits(n0, n1));
    if !(1..=12).contains(&month)
        || day < 1
        || day > days_of_month(year, month)
        || hour > 23
        || minute > 59
    {
        return None;
    }
    Some(
        days_since_1970(year, month, day) * DAY_SECONDS
            + hour * HOUR_SECONDS
            + minute * MINUTE_SECONDS,
    )
}

/// Parses the text after the minute, `:31.123+01:00`, into the second and the offset of the zone, if
/// there is one.
fn parse_second_and_zone(text: &[u8]) -> Option<(i64, Option<i64>)> {
    let (second, zone) = match text {
        [b':', tens, ones, rest @ ..] => {
            let second = digit_pair(*tens, *ones, 60)?;
            // A leap second belongs to the minute in its text.
            (second.min(59), skip_fraction(rest)?)
        }
        _ => (0, text),
    };
    let offset = if zone.is_empty() { None } else { Some(parse_zone(zone)?) };
    Some((second, offset))
}

fn skip_fraction(text: &[u8]) -> Option<&[u8]> {
    let Some((b'.', digits)) = text.split_first() else {
        return Some(text);
    };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 { None } else { digits.get(length..) }
}

/// The offset of a zone from UTC, in seconds; positive to the east.
fn parse_zone(text: &[u8]) -> Option<i64> {
    let zone = text.strip_prefix(b" ").unwrap_or(text);
    let (sign, h0, h1, m0, m1) = match *zone {
        [b'Z' | b'z'] | [b'U', b'T', b'C'] => return Some(0),
        [sign, h0, h1] => (sign, h0, h1, b'0', b'0'),
        [sign, h0, h1, m0, m1] | [sign, h0, h1, b':', m0, m1] => (sign, h0, h1, m0, m1),
        _ => return None,
    };
    let seconds = digit_pair(h0, h1, 23)? * HOUR_SECONDS + digit_pair(m0, m1, 59)? * MINUTE_SECONDS;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

fn digit_pair(tens: u8, ones: u8, max: i64) -> Option<i64> {
    let value = (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| two_digits(tens, ones))?;
    (value <= max).then_some(value)
}

fn two_digits(tens: u8, ones: u8) -> i64 {
    i64::from(tens - b'0') * 10 + i64::from(ones - b'0')
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970-01-01 to a date of the proleptic Gregorian calendar.
///
/// **Source**: "chrono-Compatible Low-Level Date Algorithms" by Howard Hinnant, `days_from_civil`:
/// a year that starts in March has its leap day at its end.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year_from_march = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year_from_march.div_euclid(4) - year_from_march.div_euclid(100)
        + year_from_march.div_euclid(400);
    year_from_march * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use proptest::prelude::*;

    fn parse(text: &str) -> Option<String> {
        let seconds = TimeReader::new(Tz::UTC).parse_text(text.as_bytes())?;
        DateTime::from_timestamp(seconds, 0)
            .map(|time| time.format("%Y-%m-%dT%H:%M:%S").to_string())
    }

    #[test]
    fn accepts_every_form() {
        for (text, expected) in [
            ("2026-11-20T23:07:31.123Z", "2026-11-20T23:07:31"),
            ("2026-11-20T23:07:31Z", "2026-11-20T23:07:31"),
            ("2026-11-20T23:07:31z", "2026-11-20T23:07:31"),
            ("2026-11-20t23:07:31", "2026-11-20T23:07:31"),
            ("2026-11-20 23:07:31", "2026-11-20T23:07:31"),
            ("2026-11-20 23:07", "2026-11-20T23:07:00"),
            ("2026-11-20T23:07Z", "2026-11-20T23:07:00"),
            ("2026-11-20T23:07 UTC", "2026-11-20T23:07:00"),
            ("2026-11-20T23:07+01", "2026-11-20T22:07:00"),
            ("2019-10-01 00:00:00 UTC", "2019-10-01T00:00:00"),
            ("2019-10-01 00:00:00UTC", "2019-10-01T00:00:00"),
            ("2019-10-01T00:00:00 Z", "2019-10-01T00:00:00"),
            ("2026-11-20T23:07:31.1", "2026-11-20T23:07:31"),
            ("2026-11-20T23:07:31.123456789012+02:00", "2026-11-20T21:07:31"),
            ("2026-11-20T23:07:31.999 -0530", "2026-11-21T04:37:31"),
            ("2026-11-20T23:07:31+23:59", "2026-11-19T23:08:31"),
            ("2026-11-20T23:07:31-00:00", "2026-11-20T23:07:31"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59"),
            ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59"),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00"),
            ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00"),
            ("1969-12-31T23:30:00-01:00", "1970-01-01T00:30:00"),
            ("0000-01-01T00:00Z", "0000-01-01T00:00:00"),
            ("1659304800", "2022-07-31T22:00:00"),
            ("1659304800025", "2022-07-31T22:00:00"),
            ("1659304800025999", "2022-07-31T22:00:00"),
            ("1659304800.999", "2022-07-31T22:00:00"),
            ("1.6593048e9", "2022-07-31T22:00:00"),
            ("16593048000e-1", "2022-07-31T22:00:00"),
            ("1659304800025.99999", "2022-07-31T22:00:00"),
            ("1659304800.0000000000000000", "2022-07-31T22:00:00"),
            ("99999999999", "5138-11-16T09:46:39"),
            ("100000000000", "1973-03-03T09:46:40"),
            ("99999999999999", "5138-11-16T09:46:39"),
            ("100000000000000", "1973-03-03T09:46:40"),
            ("99999999999999999", "5138-11-16T09:46:39"),
            ("99999999999999999.9", "5138-11-16T09:46:39"),
            ("0", "1970-01-01T00:00:00"),
            ("-0", "1970-01-01T00:00:00"),
            ("0e999999999999999999999", "1970-01-01T00:00:00"),
            ("0.999", "1970-01-01T00:00:00"),
            ("5e-99999999999999999999", "1970-01-01T00:00:00"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn fractions_of_a_second_are_read_in_nanoseconds() {
        for (text, expected) in [
            ("2026-11-20T23:07:31.123Z", 123_000_000),
            ("2026-11-20T23:07:31.000000001+01:00", 1),
            ("2026-11-20T23:07:31.1234567899", 123_456_789),
            ("2016-12-31T23:59:60.5Z", 500_000_000),
            ("2026-11-20T23:07:31Z", 0),
            ("2026-11-20T23:07", 0),
            ("2026-11-20T23:07+01:00", 0),
            ("1659304800", 0),
            ("1659304800.25", 250_000_000),
            ("1659304800.0000000019", 1),
            ("1659304800025", 25_000_000),
            ("1659304800025.5", 25_500_000),
            ("1659304800025999", 25_999_000),
            ("1659304800025999.1239", 25_999_123),
            ("1.65930480025e9", 250_000_000),
            ("16593048002500000000e-10", 250_000_000),
            ("5e-1", 500_000_000),
            ("5e-99999999999999999999", 0),
            ("0.125", 125_000_000),
            ("0e999999999999999999999", 0),
            ("-0", 0),
        ] {
            assert_eq!(nanoseconds(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn rejects_every_other_form() {
        for text in [
            "",
            "now",
            "x",
            "2026-11-20",
            "20261120T230731Z",
            "2026-11-20T23",
            "2026-11-20T23Z",
            "2026-13-01T00:00Z",
            "2026-00-01T00:00Z",
            "2026-02-29T00:00Z",
            "1900-02-29T00:00Z",
            "2026-04-31T00:00Z",
            "2026-01-00T00:00Z",
            "2026-01-01T24:00Z",
            "2026-01-01T00:60Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:0Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00.5Z",
            "2026-01-01T00:00:00,5Z",
            "2026-01-01T00:00:00  Z",
            "2026-01-01T00:00:00 ",
            "2026-01-01T00:00:00ZZ",
            "2026-01-01T00:00:00utc",
            "2026-01-01T00:00:00GMT",
            "2026-01-01T00:00:00+1",
            "2026-01-01T00:00:00+24",
            "2026-01-01T00:00:00+0160",
            "2026-01-01T00:00:00+01:0",
            "2026-01-01T00:00:00 01:00",
            "2026-1-1T00:00:00Z",
            " 2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z ",
            "+2026-01-01T00:00Z",
            "2026-01-01_00:00Z",
            "2026/01/01T00:00Z",
            "2026-01-01T00:00:5aZ",
            "2026-01-01T00:00:00.12aZ",
            "-1",
            "-0.5",
            "01",
            "+1",
            "1.",
            ".5",
            "1e",
            " 1",
            "1 ",
            "100000000000000000",
            "1e17",
            "1e99999999999999999999",
            "0x10",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_cached_minute_does_not_change_the_result() {
        let mut reader = TimeReader::new(Tz::UTC);
        let texts = [
            "2026-11-20T23:07:31Z",
            "2026-11-20T23:07:31+01:00",
            "2026-11-20T23:07:61Z",
            "2026-11-20T23:08:00Z",
        ];
        let known: Vec<_> = texts.iter().map(|text| reader.parse_text(text.as_bytes())).collect();
        let fresh: Vec<_> =
            texts.iter().map(|text| TimeReader::new(Tz::UTC).parse_text(text.as_bytes())).collect();
        assert_eq!(known, fresh);
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(seconds in -62_167_219_200_i64..253_402_300_800, zone in -1439_i32..1440) {
            let time = DateTime::from_timestamp(seconds, 0).expect("in range");
            let zoned = time.with_timezone(&chrono::FixedOffset::east_opt(zone * 60).expect("below a day"));
            let text = zoned.to_rfc3339();
            prop_assume!(text.len() == 25 && text.as_bytes()[0].is_ascii_digit());
            prop_assert_eq!(TimeReader::new(Tz::UTC).parse_text(text.as_bytes()), Some(seconds));
        }

        #[test]
        fn the_unit_of_epoch_times_follows_from_their_size(value in 0_u64..100_000_000_000_000_000) {
            let divisor = match value {
                0..=99_999_999_999 => 1,
                100_000_000_000..=99_999_999_999_999 => 1_000,
                _ => 1_000_000,
            };
            let expected = i64::try_from(value / divisor).ok();
            prop_assert_eq!(parse_epoch(value.to_string().as_bytes()), expected);
            prop_assert_eq!(parse_epoch(format!("{value}.75").as_bytes()), expected);
            prop_assert_eq!(parse_epoch(format!("{value}000e-3").as_bytes()), expected);
        }
    }
}
