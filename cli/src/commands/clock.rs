//! The current time, and the times of flags.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};

/// The current time. Outside of `commands` it is a parameter.
#[expect(clippy::disallowed_methods, reason = "commands are where the current time enters")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Reads a flag that is `now` or a time in RFC 3339.
pub(crate) fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    if text == "now" {
        return Ok(now());
    }
    text.parse()
        .map_err(|_| "not a time: write now, or RFC 3339 as in 2026-11-20T23:00:00Z".to_owned())
}

/// Reads a flag that is a time in RFC 3339, or a date, which stands for its first instant in UTC.
pub(crate) fn parse_time_or_date(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.to_utc()).map_err(|_| {
        "not a time: write RFC 3339 as in 2026-11-20T23:00:00Z, or a date as in 2026-11-20"
            .to_owned()
    })
}

/// The form in which all times are printed: `2026-11-20T23:00:00Z`.
pub(crate) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_and_dates() {
        let read = |text: &str| parse_time_or_date(text).map(|time| time.to_rfc3339());
        assert_eq!(read("2026-11-20").as_deref(), Ok("2026-11-20T00:00:00+00:00"));
        assert_eq!(read("2026-11-20T01:30:00+02:00").as_deref(), Ok("2026-11-19T23:30:00+00:00"));
        for text in ["2026-11-31", "2026-11-20T01:30", "now", ""] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
