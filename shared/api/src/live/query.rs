//! The query parameters of the live numbers.

use chrono::{DateTime, Utc};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::event::site::SiteId;
use minutebook_domain::query::window::WindowLength;
use minutebook_domain::time::{MINUTES_PER_HOUR, Minute};

use crate::http::parameters;

/// The longest live window, in hours. The other calls answer longer ones.
pub(crate) const WINDOW_HOURS_MAX: u32 = 24;
/// How many pages an answer lists by default.
pub(crate) const LIMIT_DEFAULT: usize = 5;

/// The query of the live numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LiveQuery {
    /// The site.
    pub(crate) site_id: SiteId,
    /// How long a visitor or a session counts as active.
    pub(crate) users_window: WindowLength,
    /// The window of the views.
    pub(crate) views_window: WindowLength,
    /// The window of what Prometheus learns about carts, sales and orders; `None` if it is not asked
    /// for, as it takes four times as many queries as all else.
    pub(crate) shop_window: Option<WindowLength>,
    /// The currency of money, if it is named.
    pub(crate) currency: Option<Currency>,
    /// How many pages the answer lists.
    pub(crate) limit: usize,
    /// The minute that the windows end with.
    pub(crate) as_of: Minute,
}

/// Reads the query string.
///
/// # Errors
/// One sentence that names the parameter and what was expected, for a 400.
pub(crate) fn parse(query: &str, now: DateTime<Utc>) -> Result<LiveQuery, String> {
    let mut parsed = LiveQuery {
        site_id: SiteId::default(),
        users_window: WindowLength::FIVE_MINUTES,
        views_window: WindowLength::QUARTER_OF_AN_HOUR,
        shop_window: None,
        currency: None,
        limit: LIMIT_DEFAULT,
        as_of: Minute::containing(now).ok_or_else(|| "the clock is out of range".to_string())?,
    };
    for (name, value) in parameters::parameters(query)? {
        match name.as_ref() {
            "site_id" => parsed.site_id = parameters::site_id(&value)?,
            "users_window" => parsed.users_window = window(&name, &value)?,
            "views_window" => parsed.views_window = window(&name, &value)?,
            "shop_window" => parsed.shop_window = Some(window(&name, &value)?),
            "currency" => parsed.currency = Some(parameters::currency(&value)?),
            "limit" => parsed.limit = parameters::limit(&value, 1)?,
            _ => {
                return Err(format!(
                    "{name:?} is not a parameter of this call; it takes site_id, users_window, views_window, shop_window, currency, limit"
                ));
            }
        }
    }
    Ok(parsed)
}

fn window(name: &str, value: &str) -> Result<WindowLength, String> {
    WindowLength::parse(value).filter(|window| window.minutes() <= WINDOW_HOURS_MAX * MINUTES_PER_HOUR).ok_or_else(|| {
        format!(
            "{name} is {value:?}; expected a whole number and m, h or d, as 5m or 1h, from 1m to {WINDOW_HOURS_MAX}h"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<LiveQuery, String> {
        parse(query, "2026-11-20T23:07:59Z".parse().expect("a time"))
    }

    #[test]
    fn an_empty_question_has_the_windows_of_a_dashboard() {
        let query = parsed("").expect("nothing is required");
        assert_eq!((query.site_id.as_str(), query.limit), ("default", 5));
        assert_eq!((query.users_window.minutes(), query.views_window.minutes()), (5, 15));
        assert_eq!((query.shop_window, query.currency), (None, None));
        assert_eq!(query.as_of.to_string(), "2026-11-20T23:07:00Z");
    }

    #[test]
    fn every_parameter_is_read() {
        let text = "site_id=shop&users_window=24h&views_window=1m&limit=100&shop_window=2h";
        let query = parsed(&format!("{text}&currency=eur")).expect("all are right");
        assert_eq!((query.site_id.as_str(), query.limit), ("shop", 100));
        assert_eq!((query.users_window.minutes(), query.views_window.minutes()), (1_440, 1));
        let minutes = query.shop_window.map(WindowLength::minutes);
        assert_eq!((minutes, query.currency), (Some(120), Currency::parse(b"EUR")));
    }

    #[test]
    fn a_wrong_parameter_is_named_with_its_bound() {
        for (query, named) in [
            (
                "users_window=25h",
                "users_window is \"25h\"; expected a whole number and m, h or d, as 5m or 1h, from 1m to 24h",
            ),
            ("views_window=1441m", "views_window is \"1441m\""),
            ("views_window=0m", "from 1m to 24h"),
            ("shop_window=2d", "shop_window is \"2d\""),
            ("currency=euro", "currency is \"euro\""),
            ("limit=0", "limit is \"0\"; expected a whole number from 1 to 100"),
            ("site_id=a%20b", "site_id"),
            (
                "window=5m",
                "\"window\" is not a parameter of this call; it takes site_id, users_window",
            ),
            ("limit=1&limit=1", "limit is given twice"),
        ] {
            let sentence = parsed(query).expect_err(query);
            assert!(sentence.contains(named), "{query}: {sentence}");
        }
    }
}
