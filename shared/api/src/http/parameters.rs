//! The query parameters of a ranking.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::event::line::KEY_BYTES_MAX;
use minutebook_domain::query::window::{WINDOW_MINUTES_MAX, WindowLength};
use minutebook_domain::time::Minute;

/// How many items an answer lists at most.
pub const LIMIT_MAX: usize = 100;
/// How many items an answer lists if the question does not say.
pub(crate) const LIMIT_DEFAULT: usize = 10;
/// The site of events that name none.
pub(crate) const SITE_DEFAULT: &str = "default";
/// The longest site id; see docs/EVENTS.md.
pub(crate) const SITE_BYTES_MAX: usize = 64;

/// What a ranking is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RankingQuery {
    /// The site that is asked about.
    pub site_id: String,
    /// How long the window is.
    pub window: WindowLength,
    /// How many items the answer lists, 1 to [`LIMIT_MAX`].
    pub limit: usize,
    /// The minute that the window ends with.
    pub as_of: Minute,
    /// The currency of money.
    pub currency: Currency,
}

/// What holds where the question does not say.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// How long the window is.
    pub window: WindowLength,
    /// The currency of money.
    pub currency: Currency,
    /// The present.
    pub now: DateTime<Utc>,
    /// Whether the call is about money, and so takes `currency`.
    pub is_money: bool,
}

/// Reads the query string of a ranking call.
///
/// # Errors
/// One sentence that names the parameter, for a 400.
pub fn parse(query: &str, defaults: &Defaults) -> Result<RankingQuery, String> {
    let now =
        Minute::containing(defaults.now).ok_or_else(|| "the clock is out of range".to_string())?;
    let mut parsed = RankingQuery {
        site_id: SITE_DEFAULT.to_string(),
        window: defaults.window,
        limit: LIMIT_DEFAULT,
        as_of: now,
        currency: defaults.currency,
    };
    for (name, value) in parameters(query)? {
        match name.as_ref() {
            "site_id" => parsed.site_id = site_id(&value)?,
            "window" => parsed.window = window(&value)?,
            "limit" => parsed.limit = limit(&value, 1)?,
            "as_of" => parsed.as_of = as_of(&value)?,
            "currency" if defaults.is_money => parsed.currency = currency(&value)?,
            _ => {
                let currency = if defaults.is_money { ", currency" } else { "" };
                return Err(format!(
                    "{name:?} is not a parameter of this call; it takes site_id, window, limit, as_of{currency}"
                ));
            }
        }
    }
    Ok(parsed)
}

/// A name and its value.
pub(crate) type Parameter<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The names and values of a query string, in their order.
///
/// # Errors
/// One sentence, if a name is given twice.
pub(crate) fn parameters(query: &str) -> Result<Vec<Parameter<'_>>, String> {
    each_once(form_urlencoded::parse(query.as_bytes()))
}

/// Names and values that are parsed already.
///
/// # Errors
/// One sentence, if a name is given twice.
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

pub(crate) fn site_id(value: &str) -> Result<String, String> {
    let is_valid = (1..=SITE_BYTES_MAX).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
    if is_valid {
        Ok(value.to_string())
    } else {
        Err(format!("site_id is {value:?}; expected 1 to {SITE_BYTES_MAX} of A-Z a-z 0-9 . _ : -"))
    }
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

pub(crate) fn as_of(value: &str) -> Result<Minute, String> {
    time(value)
        .and_then(Minute::containing)
        .ok_or_else(|| format!("as_of is {value:?}; expected a time as 2026-11-20T23:07:00Z"))
}

/// Reads a time as RFC 3339 writes it.
pub(crate) fn time(value: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(&with_plus_signs(value)).ok()?;
    Some(time.to_utc())
}

/// A plus sign comes as a space if whoever wrote the URL did not escape it.
pub(crate) fn with_plus_signs(value: &str) -> String {
    value.replace(' ', "+")
}

pub(crate) fn currency(value: &str) -> Result<Currency, String> {
    Currency::parse(value.as_bytes())
        .ok_or_else(|| format!("currency is {value:?}; expected three letters, as USD"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<RankingQuery, String> {
        let defaults = Defaults {
            window: WindowLength::HOUR,
            currency: Currency::parse(b"USD").expect("three letters"),
            now: DateTime::from_timestamp(1_795_216_079, 0).expect("in range"),
            is_money: true,
        };
        parse(query, &defaults)
    }

    #[test]
    fn an_empty_question_has_defaults() {
        let query = parsed("").expect("nothing is required");
        assert_eq!(
            (query.site_id.as_str(), query.limit, query.window),
            ("default", 10, WindowLength::HOUR)
        );
        assert_eq!(query.as_of.to_string(), "2026-11-20T23:07:00Z");
    }

    #[test]
    fn every_parameter_is_read() {
        let query = parsed("site_id=a.b_c:d-e&window=15m&limit=100&as_of=2026-11-20T23%3A59%3A59%2B01:00&currency=eur")
            .expect("all are right");
        assert_eq!(query.site_id, "a.b_c:d-e");
        assert_eq!((query.window.minutes(), query.limit), (15, 100));
        assert_eq!(query.as_of.to_string(), "2026-11-20T22:59:00Z");
        assert_eq!(query.currency.as_str(), "EUR");
    }

    #[test]
    fn a_zone_with_an_unescaped_plus_is_understood() {
        let query = parsed("as_of=2026-11-20T23:59:00+01:00").expect("a plus that became a space");
        assert_eq!(query.as_of.to_string(), "2026-11-20T22:59:00Z");
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let long = format!("site_id={}", "a".repeat(65));
        for (query, name) in [
            ("site_id=", "site_id"),
            ("site_id=a%20b", "site_id"),
            (long.as_str(), "site_id"),
            ("window=401d", "window"),
            ("window=", "window"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=ten", "limit"),
            ("as_of=yesterday", "as_of"),
            ("as_of=1960-01-01T00:00:00Z", "as_of"),
            ("currency=dollars", "currency"),
            ("colour=red", "colour"),
            ("limit=1&limit=2", "limit"),
        ] {
            let error = parsed(query).expect_err(query);
            assert!(error.contains(name), "{query}: {error}");
        }
    }
}
