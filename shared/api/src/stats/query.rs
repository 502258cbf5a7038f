//! The query parameters of the statistics of a site, and the window that they select.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use minutebook_domain::event::site::SiteId;
use minutebook_domain::query::window::Window;
use minutebook_domain::time::Minute;

use crate::http::parameters;

/// How many paths an answer lists by default.
pub(crate) const LIMIT_DEFAULT: usize = 10;

/// The sentence for a query without a site.
const SITE_MISSING: &str = "Missing required parameter: site_id";
/// The sentence for a malformed date.
const DATE_INVALID: &str = "Invalid date format. Expected YYYY-MM-DD";

/// The query of the statistics of a site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StatsQuery {
    /// The site.
    pub(crate) site_id: SiteId,
    /// One day; `None` for a range or all time.
    pub(crate) date: Option<NaiveDate>,
    /// The minutes to sum.
    pub(crate) window: Window,
    /// Whether the window begins with the first event of the site.
    pub(crate) is_from_first_event: bool,
    /// How many paths the answer lists.
    pub(crate) limit: usize,
    /// The current minute.
    pub(crate) as_of: Minute,
}

/// Reads the query string. Without `date`, `from` and `to`, the window is all time up to the end of
/// the current day.
///
/// # Errors
/// One sentence that names the parameter and what was expected, for a 400.
pub(crate) fn parse(query: &str, now: DateTime<Utc>) -> Result<StatsQuery, String> {
    let as_of = Minute::containing(now).ok_or_else(|| "the clock is out of range".to_string())?;
    let (mut site_id, mut date, mut from, mut to) = (None, None, None, None);
    let mut limit = LIMIT_DEFAULT;
    for (name, value) in parameters::parameters(query)? {
        match name.as_ref() {
            "site_id" if value.is_empty() => {}
            "site_id" => site_id = Some(parameters::site_id(&value)?),
            "date" => date = Some(value.into_owned()),
            "from" => from = Some(value.into_owned()),
            "to" => to = Some(value.into_owned()),
            "limit" => limit = parameters::limit(&value, 1)?,
            _ => {
                return Err(format!(
                    "{name:?} is not a parameter of this call; it takes site_id, date, from, to, limit"
                ));
            }
        }
    }
    let site_id = site_id.ok_or_else(|| SITE_MISSING.to_string())?;
    if date.is_some() && (from.is_some() || to.is_some()) {
        return Err(
            "date is given with from or to; expected one day or the edges of a range".to_string()
        );
    }
    let is_from_first_event = date.is_none() && from.is_none();
    let date = date.map(|text| day(&text).ok_or_else(|| DATE_INVALID.to_string())).transpose()?;
    let window = match date {
        Some(date) => window_of_day(date)?,
        None => range(from.as_deref(), to.as_deref(), as_of)?,
    };
    Ok(StatsQuery { site_id, date, window, is_from_first_event, limit, as_of })
}

fn window_of_day(date: NaiveDate) -> Result<Window, String> {
    let minute = |date| Minute::containing(midnight(date));
    let window =
        minute(date).zip(date.succ_opt().and_then(minute)).map(|(from, to)| Window { from, to });
    window.ok_or_else(|| format!("date is {date}; expected one from 1970-01-01 to 9999-12-30"))
}

/// The minutes between two edges. An edge within a minute moves outward to the whole minute.
fn range(from: Option<&str>, to: Option<&str>, as_of: Minute) -> Result<Window, String> {
    let from = match from {
        Some(text) => edge("from", text, 0)?,
        None => Minute::EPOCH,
    };
    let to = match to {
        Some(text) => edge("to", text, 59)?,
        None => as_of.hour().day().next().first_hour().first_minute(),
    };
    if from < to {
        Ok(Window { from, to })
    } else {
        Err(format!("from is {from}; expected a time before {to}"))
    }
}

/// The minute of a time, or of the first instant of a date, so many seconds later.
fn edge(name: &str, text: &str, seconds: i64) -> Result<Minute, String> {
    day(text)
        .map(midnight)
        .or_else(|| parameters::time(text))
        .and_then(|time| time.checked_add_signed(TimeDelta::seconds(seconds)))
        .and_then(Minute::containing)
        .ok_or_else(|| format!("{name} is {text:?}; expected a time as 2026-11-20T23:07:00Z or a date as 2026-11-20, from 1970 to 9999"))
}

/// A date as it is written: Chrono also reads 2026-1-2 and +2026-01-02.
fn day(text: &str) -> Option<NaiveDate> {
    text.parse::<NaiveDate>().ok().filter(|date| date.to_string() == text)
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<StatsQuery, String> {
        parse(query, "2026-11-21T12:00:30Z".parse().expect("a time"))
    }

    fn window(query: &str) -> String {
        let Window { from, to } = parsed(query).expect(query).window;
        format!("{from} {to}")
    }

    #[test]
    fn a_site_alone_is_asked_about_for_all_time() {
        let query = parsed("site_id=site-abc-123").expect("nothing else is required");
        assert_eq!((query.site_id.as_str(), query.date, query.limit), ("site-abc-123", None, 10));
        assert_eq!(query.as_of.to_string(), "2026-11-21T12:00:00Z");
        assert_eq!(window("site_id=s"), "1970-01-01T00:00:00Z 2026-11-22T00:00:00Z");
    }

    #[test]
    fn a_date_is_its_day_and_edges_are_times_or_dates() {
        for (query, expected) in [
            ("date=2025-11-12", "2025-11-12T00:00:00Z 2025-11-13T00:00:00Z"),
            ("date=2024-02-29", "2024-02-29T00:00:00Z 2024-03-01T00:00:00Z"),
            ("date=2030-01-01", "2030-01-01T00:00:00Z 2030-01-02T00:00:00Z"),
            ("from=2026-11-01", "2026-11-01T00:00:00Z 2026-11-22T00:00:00Z"),
            ("to=2026-11-01", "1970-01-01T00:00:00Z 2026-11-01T00:00:00Z"),
            ("from=2026-11-01&to=2026-11-02", "2026-11-01T00:00:00Z 2026-11-02T00:00:00Z"),
            (
                "from=2026-11-01T10:07:59Z&to=2026-11-01T10:09:01Z",
                "2026-11-01T10:07:00Z 2026-11-01T10:10:00Z",
            ),
            (
                "from=2026-11-01T10:07:00%2B02:00&to=2026-11-02",
                "2026-11-01T08:07:00Z 2026-11-02T00:00:00Z",
            ),
        ] {
            assert_eq!(window(&format!("site_id=s&{query}")), expected, "{query}");
        }
    }

    #[test]
    fn the_two_errors_of_old_are_said_in_their_words() {
        for query in ["", "site_id=", "date=2025-11-12", "date=invalid-date&limit=3"] {
            assert_eq!(
                parsed(query),
                Err("Missing required parameter: site_id".to_string()),
                "{query}"
            );
        }
        for date in [
            "invalid-date",
            "",
            "2025-1-2",
            "2025-02-30",
            "12-11-2025",
            "2025-11-12T00:00:00Z",
            "%2B2025-11-12",
        ] {
            let query = format!("site_id=s&date={date}");
            assert_eq!(
                parsed(&query),
                Err("Invalid date format. Expected YYYY-MM-DD".to_string()),
                "{query}"
            );
        }
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        for (query, named) in [
            ("site_id=a%20b", "site_id is \"a b\""),
            ("date=1969-12-31", "date is 1969-12-31; expected one from 1970-01-01"),
            ("date=9999-12-31", "date is 9999-12-31; expected one from 1970-01-01 to 9999-12-30"),
            ("date=%2B262142-12-31", "date is +262142-12-31; expected one from 1970-01-01"),
            ("to=9999-12-31T23:59:59Z", "to is \"9999-12-31T23:59:59Z\""),
            ("to=%2B262142-12-31", "from 1970 to 9999"),
            ("from=-262143-01-01", "from 1970 to 9999"),
            ("from=0000-01-01T00:00:00Z", "from 1970 to 9999"),
            ("date=2025-11-12&from=2025-11-12", "date is given with from or to"),
            ("date=2025-11-12&to=2025-11-12", "date is given with from or to"),
            ("from=yesterday", "from is \"yesterday\""),
            ("to=2026-13-01", "to is \"2026-13-01\""),
            ("to=1969-12-31", "to is \"1969-12-31\""),
            (
                "from=2026-11-02&to=2026-11-02",
                "from is 2026-11-02T00:00:00Z; expected a time before 2026-11-02",
            ),
            ("from=2026-11-22", "expected a time before 2026-11-22T00:00:00Z"),
            ("limit=0", "limit is \"0\"; expected a whole number from 1 to 100"),
            ("limit=101", "limit is \"101\"; expected a whole number from 1 to 100"),
            ("window=1h", "\"window\" is not a parameter of this call"),
            ("limit=1&limit=2", "limit is given twice"),
        ] {
            let query = format!("site_id=s&{query}");
            let sentence =
                parsed(&query.replace("site_id=s&site_id", "site_id")).expect_err(&query);
            assert!(sentence.contains(named), "{query}: {sentence}");
        }
    }
}
