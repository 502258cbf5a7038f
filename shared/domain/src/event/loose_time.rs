//! Times in other forms than those of ISO 8601 that most events have: each is written out in that
//! form, which is then read.

use chrono::DateTime;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The length of `2026-11-20T23:07:31`.
const TO_SECOND_BYTES: usize = 19;

/// The digits of an epoch time in nanoseconds.
const NANOSECOND_DIGITS: std::ops::RangeInclusive<usize> = 18..=19;

/// The most digits of an epoch time in milliseconds.
const MILLISECOND_DIGITS_MAX: usize = 15;

/// Writes a time out as ISO 8601, without a zone if it names none.
///
/// **Shape**: `None` if the text has none of the forms. What is written out need not be a time: its
/// reader checks it.
///
/// **Source**: `docs/EVENTS.md`, "Times".
pub(crate) fn iso_of(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    None.or_else(|| of_nanoseconds(text))
        .or_else(|| of_date_function(text))
        .or_else(|| of_date(text))
        .or_else(|| of_basic_form(text))
        .or_else(|| of_iso_variant(text))
        .or_else(|| of_mail(text))
        .or_else(|| of_web_log(text))
        .or_else(|| of_month_first(text))
}

/// `1795687200000000000`
fn of_nanoseconds(text: &str) -> Option<String> {
    let is_it = NANOSECOND_DIGITS.contains(&text.len()) && are_digits(text);
    let nanoseconds: u64 = text.parse().ok().filter(|_| is_it && !text.starts_with('0'))?;
    let seconds = i64::try_from(nanoseconds / 1_000_000_000).ok()?;
    let rest = u32::try_from(nanoseconds % 1_000_000_000).ok()?;
    written(DateTime::from_timestamp(seconds, rest)?)
}

/// `/Date(1795687200000)/`, perhaps with a zone, which does not matter.
fn of_date_function(text: &str) -> Option<String> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let (digits, zone) = match inner.find(['+', '-']) {
        Some(at) => inner.split_at(at),
        None => (inner, ""),
    };
    let is_zone = zone.is_empty() || zone.len() == 5 && are_digits(&zone[1..]);
    if digits.len() > MILLISECOND_DIGITS_MAX || !are_digits(digits) || !is_zone {
        return None;
    }
    written(DateTime::from_timestamp_millis(digits.parse().ok()?)?)
}

fn written(time: DateTime<chrono::Utc>) -> Option<String> {
    Some(time.format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string())
}

/// `2026-11-20`
fn of_date(text: &str) -> Option<String> {
    let is_date = text.len() == "2026-11-20".len() && text.as_bytes()[4] == b'-';
    is_date.then(|| format!("{text}T00:00"))
}

/// `20261120T230731Z`
fn of_basic_form(text: &str) -> Option<String> {
    let (date, rest) = text.split_once('T')?;
    let (time, rest) = rest.split_at_checked("230731".len())?;
    if date.len() != "20261120".len() || !are_digits(date) || !are_digits(time) {
        return None;
    }
    let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
    let (hour, minute, second) = (&time[..2], &time[2..4], &time[4..]);
    Some(format!("{year}-{month}-{day}T{hour}:{minute}:{second}{rest}"))
}

/// `2026-11-20T23:07:31,123Z`, `2026-11-20 23:07:31 GMT`, `2026-11-20T23:07:31+01:00[Europe/Berlin]`
fn of_iso_variant(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_suffix(']') {
        let (time, zone) = rest.split_once('[')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
        let offset = time.len().checked_sub("+01:00".len()).map(|at| &time[at..]);
        let has_offset = time.ends_with('Z')
            || offset.is_some_and(|offset| {
                offset.starts_with(['+', '-']) && offset.as_bytes()[3] == b':'
            });
        let is_it = has_offset && !zone.is_empty() && zone.bytes().all(is_name);
        return is_it.then(|| time.to_string());
    }
    if text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let (time, is_gmt) = match text.strip_suffix("GMT") {
        Some(time) => (time.strip_suffix(' ').unwrap_or(time), true),
        None => (text, false),
    };
    let zone = if is_gmt { "Z" } else { "" };
    match time.split_at_checked(TO_SECOND_BYTES) {
        Some((to_second, rest)) if rest.starts_with(',') => {
            Some(format!("{to_second}.{}{zone}", &rest[1..]))
        }
        _ if is_gmt => Some(format!("{time}{zone}")),
        _ => None,
    }
}

/// `Fri, 20 Nov 2026 23:07:31 GMT`
///
/// **Source**: RFC 2822, section 3.3.
fn of_mail(text: &str) -> Option<String> {
    let rest = match text.split_once(", ") {
        Some((weekday, rest)) => WEEKDAYS.contains(&weekday).then_some(rest)?,
        None => text,
    };
    let words: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, zone] = words[..] else { return None };
    let zone = match zone {
        "GMT" | "UTC" | "UT" | "Z" => "Z",
        offset if offset.len() == 5 => offset,
        _ => return None,
    };
    let month = number_of_month(month)?;
    let is_it = is_short_number(day) && year.len() == 4 && matches!(time.len(), 5 | 8);
    is_it.then(|| format!("{year}-{month:02}-{day:0>2}T{time}{zone}"))
}

/// `20/Nov/2026:23:07:31 +0000`, as Apache and nginx write it.
fn of_web_log(text: &str) -> Option<String> {
    let (date, rest) = text.split_once(':')?;
    let (time, zone) = rest.split_once(' ')?;
    let parts: Vec<&str> = date.split('/').collect();
    let [day, month, year] = parts[..] else { return None };
    let month = number_of_month(month)?;
    let lengths = (day.len(), year.len(), time.len(), zone.len());
    (lengths == (2, 4, 8, 5)).then(|| format!("{year}-{month:02}-{day}T{time}{zone}"))
}

/// `11/20/2026 23:07`, `11/20/2026 11:07:31 PM`
fn of_month_first(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(' ').collect();
    let (date, time, half) = match words[..] {
        [date, time] => (date, time, None),
        [date, time, half] => (date, time, Some(half)),
        _ => return None,
    };
    let date: Vec<&str> = date.split('/').collect();
    let time: Vec<&str> = time.split(':').collect();
    let [month, day, year] = date[..] else { return None };
    let (hour, minute, second) = match time[..] {
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let are_short = [month, day, hour].into_iter().all(is_short_number);
    if !are_short || (year.len(), minute.len(), second.len()) != (4, 2, 2) {
        return None;
    }
    let hour: u32 = hour.parse().ok()?;
    let hour = match half {
        None => hour,
        Some(half) if (1..=12).contains(&hour) => match half {
            "AM" | "am" => hour % 12,
            "PM" | "pm" => hour % 12 + 12,
            _ => return None,
        },
        Some(_) => return None,
    };
    Some(format!("{year}-{month:0>2}-{day:0>2}T{hour:02}:{minute}:{second}"))
}

fn number_of_month(name: &str) -> Option<usize> {
    MONTHS.iter().position(|month| *month == name).map(|place| place + 1)
}

/// Whether a text is one or two digits.
fn is_short_number(text: &str) -> bool {
    matches!(text.len(), 1 | 2) && are_digits(text)
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::time::{TimeReader, nanoseconds};

    fn read(text: &str) -> Option<String> {
        let iso = iso_of(text.as_bytes())?;
        let seconds = TimeReader::new(chrono_tz::Tz::UTC).parse_text(iso.as_bytes())?;
        let time = DateTime::from_timestamp(seconds, nanoseconds(iso.as_bytes()))?;
        Some(time.format("%Y-%m-%dT%H:%M:%S%.f").to_string())
    }

    #[test]
    fn other_forms_are_read() {
        for (text, expected) in [
            ("1795687200000000001", "2026-11-26T10:00:00.000000001"),
            ("/Date(1795687200123)/", "2026-11-26T10:00:00.123"),
            ("/Date(1795687200000+0100)/", "2026-11-26T10:00:00"),
            ("2026-11-26", "2026-11-26T00:00:00"),
            ("20261126T100000Z", "2026-11-26T10:00:00"),
            ("20261126T110000.5+0100", "2026-11-26T10:00:00.500"),
            ("20261126T100000", "2026-11-26T10:00:00"),
            ("2026-11-26T10:00:00,123Z", "2026-11-26T10:00:00.123"),
            ("2026-11-26 10:00:00,5 GMT", "2026-11-26T10:00:00.500"),
            ("2026-11-26 10:00:00 GMT", "2026-11-26T10:00:00"),
            ("2026-11-26 10:00GMT", "2026-11-26T10:00:00"),
            ("2026-11-26T11:00:00+01:00[Europe/Berlin]", "2026-11-26T10:00:00"),
            ("2026-11-26T10:00:00Z[UTC]", "2026-11-26T10:00:00"),
            ("Thu, 26 Nov 2026 10:00:00 GMT", "2026-11-26T10:00:00"),
            ("6 Nov 2026 11:00 +0100", "2026-11-06T10:00:00"),
            ("26/Nov/2026:10:00:00 +0000", "2026-11-26T10:00:00"),
            ("11/26/2026 10:00", "2026-11-26T10:00:00"),
            ("1/2/2026 1:05:09 PM", "2026-01-02T13:05:09"),
            ("1/2/2026 12:05 am", "2026-01-02T00:05:00"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_no_time_is_not_read() {
        for text in [
            "",
            "today",
            "2026",
            "2026-11",
            "2026/11/26",
            "26.11.2026 10:00",
            "11/26/26 10:00",
            "26/11/2026 10:00",
            "11/26/2026",
            "11/26/2026 10",
            "11/26/2026 13:00 PM",
            "11/26/2026 0:00 AM",
            "Thu, 26 nov 2026 10:00:00 GMT",
            "Xyz, 26 Nov 2026 10:00 GMT",
            "26 Nov 2026 10:00",
            "26 Nov 2026 10:00 CET",
            "26 Nov 2026 10:00:00.5 GMT",
            "26/Nov/2026:10:00 +0000",
            "2026-11-26T11:00:00[Europe/Berlin]",
            "2026-11-26T10:00:00Z[]",
            "2026-11-26T10:00:00Z[Europe Berlin]",
            "/Date(-1)/",
            "/Date()/",
            "/Date(1234567890123456)/",
            "20261126T1000Z",
            "20261326T100000Z",
            "2026-13-26",
            "2026-02-30",
            "17956872000000000000",
            "179568720000000000.5",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
