//! Moves the events of a line in time, and leaves the rest of the line as it is.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta};
use chrono_tz::Tz;

use crate::decimal::read_number;
use crate::read::fields::{PROPERTIES, TIMESTAMP, is_of_transport, written_events, written_value};
use crate::read::forms::times::{WrittenTimes, written_times};
use crate::read::json::{self, Value};
use crate::read::mongo;
use crate::read::other_forms;
use crate::read::time;
use crate::read::vocabulary::letters;

/// The length of `YYYY-MM-DDThh:mm`, which is all of a time that a shift by whole minutes changes.
const MINUTE_BYTES: usize = 16;

/// How many decimals a time with an exponent may have: it is written without one then.
const EXPONENT_DECIMALS_MAX: i64 = 30;

/// A time that an event of a line has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// Whole seconds since 1970.
    pub seconds: i64,
    /// Where its JSON value stands in the line, quotes included.
    pub place: Range<usize>,
}

/// The valid times of a line's events, in the order of the line. Those that name no zone are in
/// `zone`.
///
/// **Shape**: each object that is an event has one at most, that of the spelling which wins; the
/// line itself and each element of its `events` are such objects; so are envelopes, and the events of
/// a form. Times that stand within texts or DynamoDB's typed values are left out. Empty if the line
/// is not a JSON object.
pub fn event_times(line: &str, zone: Tz) -> Vec<EventTime> {
    // Only a whole line says whether its parts are valid.
    let (Ok(_), Some(_)) = (json::parse(line), json::members(line)) else { return Vec::new() };
    let WrittenTimes { times: mut values, plain } = written_times(line);
    if let Some(own) = plain.and_then(json::members) {
        let elements = written_events(&own).and_then(json::elements).unwrap_or_default();
        let objects = elements.into_iter().filter_map(json::members).chain([own]);
        values.extend(objects.filter_map(|object| time_of(&object)));
    }
    let values = values.into_iter().map(mongo::plain_written);
    let mut times: Vec<EventTime> = values
        .filter_map(|value| {
            let start = value.as_ptr().addr() - line.as_ptr().addr();
            Some(EventTime { seconds: seconds_of(value, zone)?, place: start..start + value.len() })
        })
        .collect();
    times.sort_by_key(|time| time.place.start);
    // Events of one form may have a time in common.
    times.dedup();
    times
}

/// Moves every event of a line by this many minutes. A time that names no zone moves on its own
/// clock, whose offset may be another one afterwards.
///
/// **Guarantees**: a time keeps the form that it is written in (zone, fraction, unit); every other
/// byte stays. A line without valid times stays as it is.
///
/// # Errors
/// A time would leave the range in which its form can be read; the text says which.
pub fn shift_line(line: &str, minutes: i64) -> Result<String, String> {
    let mut shifted = String::with_capacity(line.len());
    let mut copied = 0;
    for time in event_times(line, Tz::UTC) {
        let value = &line[time.place.clone()];
        let new_value = shift_value(value, minutes).filter(|new| {
            let seconds = seconds_of(new, Tz::UTC);
            seconds == minutes.checked_mul(60).and_then(|shift| time.seconds.checked_add(shift))
        });
        let Some(new_value) = new_value else {
            return Err(format!("the time {value} cannot be moved by {minutes} minutes"));
        };
        shifted.push_str(&line[copied..time.place.start]);
        shifted.push_str(&new_value);
        copied = time.place.end;
    }
    shifted.push_str(&line[copied..]);
    Ok(shifted)
}

/// The time of an event as it is written, under the name that wins.
fn time_of<'a>(event: &[(String, &'a str)]) -> Option<&'a str> {
    let properties = written_value(event, PROPERTIES, |value| value.starts_with('{'));
    let properties = properties.and_then(json::members).unwrap_or_default();
    // When it was sent or received counts last.
    [false, true].into_iter().find_map(|is_wanted| {
        let time_in = |object: &[(String, &'a str)]| {
            let is_named = |name: &str| letters(name).is_some_and(|name| is_of_transport(&name));
            let members = object.iter().filter(|(name, _)| is_named(name) == is_wanted);
            let members: Vec<(String, &'a str)> = members.cloned().collect();
            written_value(&members, TIMESTAMP, |value| !matches!(value, "null" | "\"\""))
        };
        time_in(event).or_else(|| time_in(&properties))
    })
}

fn seconds_of(value: &str, zone: Tz) -> Option<i64> {
    i64::try_from(time::read(&json::parse(value).ok()?, zone)? / time::SECOND).ok()
}

fn shift_value(value: &str, minutes: i64) -> Option<String> {
    match json::parse(value) {
        Ok(Value::Number(number)) => shift_number(&number, minutes),
        // A time has no character that would have to be escaped.
        Ok(Value::Text(text)) if json::is_number(&text) => {
            Some(format!("\"{}\"", shift_number(&text, minutes)?))
        }
        Ok(Value::Text(text)) => match other_forms::written_out(&text) {
            Some(written_out) => Some(format!("\"{}\"", shift_other(&written_out, minutes)?)),
            None => Some(format!("\"{}\"", shift_text(&text, minutes)?)),
        },
        Ok(Value::Array(numbers)) => shift_array(&numbers, minutes),
        _ => None,
    }
}

/// A time in another form is moved as it is written out.
fn shift_other(written_out: &str, minutes: i64) -> Option<String> {
    let nanoseconds = time::read(&Value::Text(written_out.to_owned()), Tz::UTC)?;
    let moved = nanoseconds + i128::from(minutes) * 60 * time::SECOND;
    let time = DateTime::from_timestamp_nanos(i64::try_from(moved).ok()?);
    let moved = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let without_zone = moved.trim_end_matches('Z').to_owned();
    Some(if time::names_zone(written_out) { moved } else { without_zone })
}

fn shift_text(text: &str, minutes: i64) -> Option<String> {
    let (to_minute, rest) = text.split_at_checked(MINUTE_BYTES)?;
    let number = |place: Range<usize>| to_minute.get(place)?.parse::<u32>().ok();
    let date =
        NaiveDate::from_ymd_opt(i32::try_from(number(0..4)?).ok()?, number(5..7)?, number(8..10)?)?;
    let time = date.and_hms_opt(number(11..13)?, number(14..16)?, 0)?;
    let time: NaiveDateTime = time.checked_add_signed(TimeDelta::try_minutes(minutes)?)?;
    let separator = to_minute.get(10..11)?;
    Some(format!("{}{separator}{}{rest}", time.format("%Y-%m-%d"), time.format("%H:%M")))
}

/// Year, month, day, hour, minute, and what else there is.
fn shift_array(numbers: &[Value], minutes: i64) -> Option<String> {
    let written = |value: &Value| match value {
        Value::Number(number) => Some(number.clone()),
        _ => None,
    };
    let numbers: Vec<String> = numbers.iter().map(written).collect::<Option<_>>()?;
    let number = |place: usize| numbers.get(place)?.parse::<u32>().ok();
    let date = NaiveDate::from_ymd_opt(i32::try_from(number(0)?).ok()?, number(1)?, number(2)?)?;
    let time = date
        .and_hms_opt(number(3)?, number(4)?, 0)?
        .checked_add_signed(TimeDelta::try_minutes(minutes)?)?;
    let rest: String = numbers.get(5..)?.iter().map(|number| format!(",{number}")).collect();
    Some(format!("[{}{rest}]", time.format("%-Y,%-m,%-d,%-H,%-M")))
}

fn shift_number(text: &str, minutes: i64) -> Option<String> {
    let plain = if text.contains(['e', 'E']) {
        // An event time has 17 digits before its point at most.
        let number = read_number(text)?;
        if number.fractional_digit_count() > EXPONENT_DECIMALS_MAX {
            return None;
        }
        number.to_plain_string()
    } else {
        text.to_owned()
    };
    let point = plain.find('.').unwrap_or(plain.len());
    let whole: i64 = plain[..point].parse().ok()?;
    let units_per_second = if whole < 100_000_000_000 {
        1
    } else if whole < 100_000_000_000_000 {
        1_000
    } else if whole < 100_000_000_000_000_000 {
        1_000_000
    } else {
        1_000_000_000
    };
    let shift = minutes.checked_mul(60)?.checked_mul(units_per_second)?;
    Some(format!("{}{}", whole.checked_add(shift)?, &plain[point..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_its_form() {
        // Two days and an hour and a minute later.
        let minutes = 2 * 1440 + 61;
        let cases = [
            (r#""2026-02-27T23:07:31.123Z""#, r#""2026-03-02T00:08:31.123Z""#),
            (r#""2024-02-27t23:07""#, r#""2024-03-01t00:08""#),
            (r#""2026-11-20 22:59:60 -03:30""#, r#""2026-11-23 00:00:60 -03:30""#),
            (r#""2019-10-01 00:00:00 UTC""#, r#""2019-10-03 01:01:00 UTC""#),
            (r#""2019-10-01T00:00:00+0530""#, r#""2019-10-03T01:01:00+0530""#),
            (r#""2019\u002d10-01T00:00:00Z""#, r#""2019-10-03T01:01:00Z""#),
            ("1659304800", "1659481260"),
            ("1659304800.50", "1659481260.50"),
            ("1659304800025", "1659481260025"),
            (r#""1659304800025123""#, r#""1659481260025123""#),
            ("1.6593048005e9", "1659481260.5"),
            ("16593048E2", "1659481260"),
            ("0", "176460"),
            ("1e-3", "176460.001"),
            ("0e99", "176460"),
            (r#""2026-11-30""#, r#""2026-12-02T01:01:00""#),
            (r#""11/30/2026 11:07 PM""#, r#""2026-12-03T00:08:00""#),
            (r#""20261130T230700Z""#, r#""2026-12-03T00:08:00Z""#),
            ("[2026,11,30,23,7]", "[2026,12,3,0,8]"),
            ("[2026, 11, 30, 23, 7, 31, 5]", "[2026,12,3,0,8,31,5]"),
        ];
        for (value, expected) in cases {
            let line = format!(r#" {{"a" : 1.50, "ts" :{value} , "b":"\u0041"}}"#);
            let shifted = line.replace(&format!(":{value} ,"), &format!(":{expected} ,"));
            assert_eq!(shift_line(&line, minutes).as_deref(), Ok(shifted.as_str()), "{value}");
            assert_eq!(
                shift_line(&line, 0).map(|line| event_times(&line, Tz::UTC)[0].seconds),
                Ok(event_times(&line, Tz::UTC)[0].seconds)
            );
        }
    }

    #[test]
    fn a_time_that_names_no_zone_is_in_the_one_that_is_given() {
        let seconds = |value: &str| {
            let times = event_times(&format!(r#"{{"ts":{value}}}"#), Tz::Europe__Berlin);
            times[0].seconds
        };
        assert_eq!(seconds(r#""1970-01-01 01:01:40""#), 100);
        assert_eq!(seconds(r#""1970-01-01 00:01:40Z""#), 100);
    }

    #[test]
    fn moves_back_as_well() {
        assert_eq!(
            shift_line(r#"{"ts":"2026-01-01T00:00Z"}"#, -1).as_deref(),
            Ok(r#"{"ts":"2025-12-31T23:59Z"}"#)
        );
        assert_eq!(
            shift_line(r#"{"ts":120000000000}"#, -1).as_deref(),
            Ok(r#"{"ts":119999940000}"#)
        );
    }

    #[test]
    fn a_time_that_would_be_read_as_another_is_an_error() {
        assert!(shift_line(r#"{"ts":59}"#, -1).is_err());
        assert!(shift_line(r#"{"ts":100000000000}"#, -1).is_err());
        assert!(shift_line(r#"{"ts":"9999-12-31T23:59Z"}"#, 1).is_err());
        assert!(shift_line(r#"{"ts":1}"#, i64::MAX).is_err());
    }

    #[test]
    fn moves_the_times_that_events_have_and_no_others() {
        let cases = [
            (r#"{"ts":60,"time":60,"timestamp":60}"#, r#"{"ts":60,"time":60,"timestamp":120}"#),
            (r#"{"ts":60,"timestamp":null}"#, r#"{"ts":120,"timestamp":null}"#),
            (r#"{"ts":60,"event_time":""}"#, r#"{"ts":120,"event_time":""}"#),
            (
                r#"{"sent_at":60,"properties":{"ts":60}}"#,
                r#"{"sent_at":60,"properties":{"ts":120}}"#,
            ),
            (r#"{"sent_at":60,"properties":{"x":60}}"#, r#"{"sent_at":120,"properties":{"x":60}}"#),
            (r#"{"ts":60,"ts":60}"#, r#"{"ts":60,"ts":120}"#),
            (r#"{"properties":{"ts":60}}"#, r#"{"properties":{"ts":120}}"#),
            (r#"{"ts":60,"properties":{"ts":60}}"#, r#"{"ts":120,"properties":{"ts":60}}"#),
            (r#"{"ts":60,"items":[{"ts":60}]}"#, r#"{"ts":120,"items":[{"ts":60}]}"#),
            (
                r#"{"events":[{"ts":60},7,{"properties":{"time":60}},{}],"ts":60}"#,
                r#"{"events":[{"ts":120},7,{"properties":{"time":120}},{}],"ts":120}"#,
            ),
            (
                r#"{"op":"c","ts_ms":60,"after":{"ts":60}}"#,
                r#"{"op":"c","ts_ms":120,"after":{"ts":120}}"#,
            ),
            (r#"{"op":"u","source":{},"ts":60}"#, r#"{"op":"u","source":{},"ts":60}"#),
            (
                r#"{"line_items":[],"total_price":1,"created_at":60,"updated_at":60,"ts":60}"#,
                r#"{"line_items":[],"total_price":1,"created_at":120,"updated_at":60,"ts":60}"#,
            ),
            (
                r#"{"line_items":[],"total":1,"date_created":60,"date_modified":60,"status":"cancelled"}"#,
                r#"{"line_items":[],"total":1,"date_created":120,"date_modified":120,"status":"cancelled"}"#,
            ),
            (
                r#"{"api_key":"k","events":[{"event_type":"a","time":60},{"time":60,"ts":60},7]}"#,
                r#"{"api_key":"k","events":[{"event_type":"a","time":120},{"time":120,"ts":60},7]}"#,
            ),
            (
                r#"{"inventory_item_id":1,"sale_price":1,"product_id":1,"created_at":60,"id":7}"#,
                r#"{"inventory_item_id":1,"sale_price":1,"product_id":1,"created_at":120,"id":7}"#,
            ),
            (
                r#"{"timestamp":{"$date":{"$numberLong":"60"}}}"#,
                r#"{"timestamp":{"$date":{"$numberLong":"120"}}}"#,
            ),
            (r#"{"Item":{"ts":{"N":"60"}}}"#, r#"{"Item":{"ts":{"N":"60"}}}"#),
            (r#"{"timestamp":"soon","ts":60}"#, r#"{"timestamp":"soon","ts":60}"#),
            (r#"{"ts":60"#, r#"{"ts":60"#),
            ("[60]", "[60]"),
            ("x", "x"),
            ("", ""),
        ];
        for (line, expected) in cases {
            assert_eq!(shift_line(line, 1).as_deref(), Ok(expected), "{line}");
        }
    }
}
