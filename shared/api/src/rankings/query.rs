//! What is ranked, and the query parameters of a ranking.

use chrono::{DateTime, Utc};
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::event::site::SiteId;
use minutebook_domain::query::window::WindowLength;
use minutebook_domain::time::Minute;

use crate::http::parameters::{LIMIT_DEFAULT, as_of, currency, limit, parameters, site_id, window};

/// What a ranking ranks by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ranking {
    /// `/most_viewed_item`: views, by default in the last hour.
    MostViewed,
    /// `/top_item_added_to_cart`: additions to carts, by default in the last 24 hours.
    TopCarted,
    /// `/highest_grossing_item`: sales, by default in the last 24 hours.
    HighestGrossing,
}

impl Ranking {
    pub(crate) fn measure(self, currency: Currency) -> Measure {
        match self {
            Ranking::MostViewed => Measure::Views,
            Ranking::TopCarted => Measure::Carts,
            Ranking::HighestGrossing => Measure::Sales(currency),
        }
    }

    pub(crate) fn default_window(self) -> WindowLength {
        match self {
            Ranking::MostViewed => WindowLength::HOUR,
            Ranking::TopCarted | Ranking::HighestGrossing => WindowLength::DAY,
        }
    }
}

/// What a ranking lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    /// Items.
    Item,
    /// The categories that the catalogue puts them into.
    Category,
    /// Their brands.
    Brand,
}

impl By {
    fn parse(value: &str) -> Result<By, String> {
        let all = [By::Item, By::Category, By::Brand];
        let expected = || format!("by is {value:?}; expected item, category or brand");
        all.into_iter().find(|by| by.as_str() == value).ok_or_else(expected)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            By::Item => "item",
            By::Category => "category",
            By::Brand => "brand",
        }
    }
}

/// The query of a ranking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RankingQuery {
    /// The site.
    pub(crate) site_id: SiteId,
    /// How long the window is.
    pub(crate) window: WindowLength,
    /// What the answer lists.
    pub(crate) by: By,
    /// How many of them, 1 to [`LIMIT_MAX`].
    pub(crate) limit: usize,
    /// The minute that the window ends with.
    pub(crate) as_of: Minute,
    /// The minute that the window ends with which the numbers are compared with, if there is one.
    pub(crate) compared_as_of: Option<Minute>,
    /// The currency of money, if it is named.
    pub(crate) currency: Option<Currency>,
}

/// The defaults of a query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults {
    /// How long the window is.
    pub(crate) window: WindowLength,
    /// The current time.
    pub(crate) now: DateTime<Utc>,
    /// Whether the ranking is by money, so that it takes `currency`.
    pub(crate) is_money: bool,
}

/// Reads the query string of a ranking call.
///
/// # Errors
/// One sentence that names the parameter, for a 400.
pub(crate) fn parse(query: &str, defaults: &Defaults) -> Result<RankingQuery, String> {
    let now =
        Minute::containing(defaults.now).ok_or_else(|| "the clock is out of range".to_string())?;
    let mut parsed = RankingQuery {
        site_id: SiteId::default(),
        window: defaults.window,
        by: By::Item,
        limit: LIMIT_DEFAULT,
        as_of: now,
        compared_as_of: None,
        currency: None,
    };
    for (name, value) in parameters(query)? {
        match name.as_ref() {
            "site_id" => parsed.site_id = site_id(&value)?,
            "window" => parsed.window = window(&value)?,
            "by" => parsed.by = By::parse(&value)?,
            "limit" => parsed.limit = limit(&value, 1)?,
            "as_of" => parsed.as_of = as_of("as_of", &value)?,
            "compared_as_of" => parsed.compared_as_of = Some(as_of("compared_as_of", &value)?),
            "currency" if defaults.is_money => parsed.currency = Some(currency(&value)?),
            _ => {
                let currency = if defaults.is_money { ", currency" } else { "" };
                return Err(format!(
                    "{name:?} is not a parameter of this call; it takes site_id, window, by, limit, as_of, compared_as_of{currency}"
                ));
            }
        }
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<RankingQuery, String> {
        let defaults = Defaults {
            window: WindowLength::HOUR,
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
        let query = parsed("site_id=a.b_c:d-e&window=15m&limit=100&as_of=2026-11-20T23%3A59%3A59%2B01:00&currency=eur&by=brand")
            .expect("all are right");
        let earlier = parsed("compared_as_of=2026-11-19T23:07:59Z").map(|it| it.compared_as_of);
        assert_eq!(
            earlier.map(|it| it.map(|it| it.to_string())),
            Ok(Some("2026-11-19T23:07:00Z".into()))
        );
        assert_eq!((query.by, parsed("").map(|query| query.by)), (By::Brand, Ok(By::Item)));
        assert_eq!(query.site_id.as_str(), "a.b_c:d-e");
        assert_eq!((query.window.minutes(), query.limit), (15, 100));
        assert_eq!(query.as_of.to_string(), "2026-11-20T22:59:00Z");
        assert_eq!(query.currency, Currency::parse(b"EUR"));
    }

    #[test]
    fn the_first_and_the_last_minute_can_be_asked_about() {
        for (as_of, minute) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59-23:59", "1970-01-01T23:58:00Z"),
            ("9999-12-31T23:58:59Z", "9999-12-31T23:58:00Z"),
        ] {
            assert_eq!(parsed(&format!("as_of={as_of}")).expect(as_of).as_of.to_string(), minute);
        }
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
            ("as_of=0000-01-01T00:00:00Z", "as_of"),
            ("as_of=9999-12-31T23:59:00Z", "as_of"),
            ("as_of=9999-12-31T23:59:59-23:59", "as_of"),
            ("currency=dollars", "currency"),
            ("by=name", "by"),
            ("compared_as_of=yesterday", "compared_as_of"),
            ("colour=red", "colour"),
            ("limit=1&limit=2", "limit"),
        ] {
            let error = parsed(query).expect_err(query);
            assert!(error.contains(name), "{query}: {error}");
        }
    }
}
