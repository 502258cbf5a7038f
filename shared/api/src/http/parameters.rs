//! The query parameters that several calls take.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::event::line::KEY_BYTES_MAX;
use minutebook_domain::event::site::{SITE_BYTES_MAX, SITE_CHARACTERS, SiteId};
use minutebook_domain::query::compare::Compare;
use minutebook_domain::query::series::Calendar;
use minutebook_domain::query::window::{WINDOW_MINUTES_MAX, WindowLength};
use minutebook_domain::time::Minute;

/// How many items an answer lists at most.
pub const LIMIT_MAX: usize = 100;
/// How many items an answer lists by default.
pub(crate) const LIMIT_DEFAULT: usize = 10;

/// A name and its value.
pub(crate) type Parameter<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The names and values of a query string, in their order.
///
/// # Errors
/// One sentence for a 400, if a name is given twice.
pub(crate) fn parameters(query: &str) -> Result<Vec<Parameter<'_>>, String> {
    each_once(form_urlencoded::parse(query.as_bytes()))
}

/// Checks names and values that are already parsed.
///
/// # Errors
/// One sentence for a 400, if a name is given twice.
pub(crate) fn each_once<'a>(
    given: impl IntoIterator<Item = Parameter<'a>>,
) -> Result<Vec<Parameter<'a>>, String> {
    let mut parameters: Vec<Parameter<'_>> = vec![];
    for (name, value) in given {
        if parameters.iter().any(|(known, _)| *known == name) {
            return Err(format!("{name} is given twice"));
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

pub(crate) fn site_id(value: &str) -> Result<SiteId, String> {
    SiteId::parse(value).ok_or_else(|| {
        format!("site_id is {value:?}; expected 1 to {SITE_BYTES_MAX} of {SITE_CHARACTERS}")
    })
}

pub(crate) fn item_id(value: &str) -> Result<String, String> {
    if (1..=KEY_BYTES_MAX).contains(&value.len()) {
        Ok(value.to_string())
    } else {
        Err(format!("item_id has {} bytes; expected 1 to {KEY_BYTES_MAX}", value.len()))
    }
}

pub(crate) fn window(value: &str) -> Result<WindowLength, String> {
    WindowLength::parse(value).ok_or_else(|| {
        let days = WINDOW_MINUTES_MAX / (24 * 60);
        format!("window is {value:?}; expected a whole number and m, h or d, as 15m, 24h or 7d, from 1m to {days}d")
    })
}

pub(crate) fn limit(value: &str, least: usize) -> Result<usize, String> {
    value.parse::<usize>().ok().filter(|limit| (least..=LIMIT_MAX).contains(limit)).ok_or_else(
        || format!("limit is {value:?}; expected a whole number from {least} to {LIMIT_MAX}"),
    )
}

/// The minute of a time that a window ends with; `name` is the parameter.
pub(crate) fn as_of(name: &str, value: &str) -> Result<Minute, String> {
    // The window ends a minute later, and that time is in the answer.
    let has_end =
        |time: &DateTime<Utc>| Minute::containing(*time + TimeDelta::minutes(1)).is_some();
    time(value).filter(has_end).and_then(Minute::containing).ok_or_else(|| {
        format!(
            "{name} is {value:?}; expected a time as 2026-11-20T23:07:00Z, from 1970 to 9999-12-31T23:58:59Z"
        )
    })
}

/// Reads a time in RFC 3339 format, which has years from 0 to 9999.
pub(crate) fn time(value: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(&with_plus_signs(value)).ok()?;
    Some(time.to_utc())
}

/// Restores plus signs, which decode to spaces where a client did not escape them.
pub(crate) fn with_plus_signs(value: &str) -> String {
    value.replace(' ', "+")
}

pub(crate) fn currency(value: &str) -> Result<Currency, String> {
    Currency::parse(value.as_bytes())
        .ok_or_else(|| format!("currency is {value:?}; expected three letters, as USD"))
}

/// Reads a comparison; `None` is `none`.
///
/// # Errors
/// One sentence that names the parameter and what was expected, for a 400.
pub(crate) fn compare(value: &str) -> Result<Option<Compare>, String> {
    if value == "none" {
        return Ok(None);
    }
    let expected = || format!("compare is {value:?}; expected previous, week, year or none");
    Compare::parse(value).map(Some).ok_or_else(expected)
}

pub(crate) fn zone(value: &str) -> Result<Tz, String> {
    with_plus_signs(value).parse().map_err(|_| {
        format!("tz is {value:?}; expected a name of the IANA time zones, as UTC or Europe/Berlin")
    })
}

/// A time, or the first instant of a date, from 1970 to 9999.
pub(crate) fn instant(
    name: &str,
    value: &str,
    calendar: Calendar<'_>,
) -> Result<DateTime<Utc>, String> {
    // Chrono also reads 2026-1-2 and +2026-01-02.
    let date = value.parse::<NaiveDate>().ok().filter(|date| date.to_string() == value);
    let start = date.and_then(|date| calendar.start_of_date(date)).map(|start| start.to_utc());
    let time = start.or_else(|| time(value));
    // Chrono's dates reach so far that what is computed from them could overflow.
    time.filter(|time| Minute::containing(*time).is_some()).ok_or_else(|| {
        format!(
            "{name} is {value:?}; expected a time as 2026-11-20T23:07:00Z or a date as 2026-11-20, from 1970 to 9999"
        )
    })
}
