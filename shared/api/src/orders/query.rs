//! The query parameters of the calls about orders.

use chrono::{DateTime, Utc};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::event::site::SiteId;
use minutebook_domain::query::window::WindowLength;
use minutebook_domain::time::{HOURS_PER_DAY, MINUTES_PER_HOUR, Minute};

use crate::http::basis::Basis;
use crate::http::parameters;

/// The longest window that is answered hour by hour, in days.
pub(crate) const HOURLY_DAYS_MAX: u32 = 7;

/// A query about orders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OrdersQuery {
    /// The site.
    pub(crate) site_id: SiteId,
    /// How long the window is.
    pub(crate) window: WindowLength,
    /// How many products and recent orders the answer lists.
    pub(crate) limit: usize,
    /// How products are ranked.
    pub(crate) rank_by: RankBy,
    /// The minute that the window ends with.
    pub(crate) as_of: Minute,
    /// The currency of money, if it is named.
    pub(crate) currency: Option<Currency>,
    /// By which time refunds are counted.
    pub(crate) basis: Basis,
}

/// How products are ranked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RankBy {
    /// By revenue.
    Revenue,
    /// By units ordered.
    Units,
}

/// The parameters of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Takes {
    /// The default window.
    pub(crate) window: WindowLength,
    /// The longest window, in days.
    pub(crate) days_max: u32,
    /// Whether it takes `limit`.
    pub(crate) lists: bool,
    /// Whether it takes `by`.
    pub(crate) ranks: bool,
    /// Whether it takes `basis`.
    pub(crate) refunds: bool,
}

/// Reads the query string.
///
/// # Errors
/// One sentence that names the parameter and what was expected, for a 400.
pub(crate) fn parse(query: &str, takes: &Takes, now: DateTime<Utc>) -> Result<OrdersQuery, String> {
    let mut parsed = OrdersQuery {
        site_id: SiteId::default(),
        window: takes.window,
        limit: parameters::LIMIT_DEFAULT,
        rank_by: RankBy::Revenue,
        as_of: Minute::containing(now).ok_or_else(|| "the clock is out of range".to_string())?,
        currency: None,
        basis: Basis::Order,
    };
    for (name, value) in parameters::parameters(query)? {
        match name.as_ref() {
            "site_id" => parsed.site_id = parameters::site_id(&value)?,
            "window" => parsed.window = window(&value, takes.days_max)?,
            "as_of" => parsed.as_of = parameters::as_of("as_of", &value)?,
            "currency" => parsed.currency = Some(parameters::currency(&value)?),
            "limit" if takes.lists => parsed.limit = parameters::limit(&value, 1)?,
            "by" if takes.ranks => parsed.rank_by = rank_by(&value)?,
            "basis" if takes.refunds => parsed.basis = Basis::parse(&value)?,
            _ => {
                let limit = if takes.lists { ", limit" } else { "" };
                let by = if takes.ranks { ", by" } else { "" };
                let basis = if takes.refunds { ", basis" } else { "" };
                return Err(format!(
                    "{name:?} is not a parameter of this call; it takes site_id, window, as_of, currency{limit}{by}{basis}"
                ));
            }
        }
    }
    Ok(parsed)
}

fn window(value: &str, days_max: u32) -> Result<WindowLength, String> {
    WindowLength::parse(value)
        .filter(|window| window.minutes() <= days_max * HOURS_PER_DAY * MINUTES_PER_HOUR)
        .ok_or_else(|| {
            format!(
                "window is {value:?}; expected a whole number and m, h or d, as 15m, 24h or 7d, from 1m to {days_max}d"
            )
        })
}

fn rank_by(value: &str) -> Result<RankBy, String> {
    match value {
        "revenue" => Ok(RankBy::Revenue),
        "units" => Ok(RankBy::Units),
        _ => Err(format!("by is {value:?}; expected revenue or units")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str, lists: bool, ranks: bool) -> Result<OrdersQuery, String> {
        let (window, days_max, refunds) = (WindowLength::DAY, HOURLY_DAYS_MAX, ranks);
        let takes = Takes { window, days_max, lists, ranks, refunds };
        parse(query, &takes, "2026-11-20T23:07:59Z".parse().expect("a time"))
    }

    #[test]
    fn an_empty_question_has_defaults() {
        let query = parsed("", false, false).expect("nothing is required");
        assert_eq!(
            (query.site_id.as_str(), query.window, query.limit),
            ("default", WindowLength::DAY, 10)
        );
        assert_eq!(
            (query.as_of.to_string().as_str(), query.currency),
            ("2026-11-20T23:07:00Z", None)
        );
    }

    #[test]
    fn every_parameter_is_read() {
        let text = "site_id=shop&window=7d&as_of=2026-11-20T22:00:59Z&currency=eur&limit=100&by=units&basis=refund";
        let query = parsed(text, true, true).expect("all are right");
        assert_eq!(
            (query.site_id.as_str(), query.window.minutes(), query.limit),
            ("shop", 10_080, 100)
        );
        assert_eq!((query.rank_by, query.currency), (RankBy::Units, Currency::parse(b"EUR")));
        assert_eq!(query.basis, Basis::Refund);
        assert_eq!(query.as_of.to_string(), "2026-11-20T22:00:00Z");
    }

    #[test]
    fn a_wrong_parameter_is_named_with_its_bound() {
        for (query, named) in [
            (
                "window=8d",
                "window is \"8d\"; expected a whole number and m, h or d, as 15m, 24h or 7d, from 1m to 7d",
            ),
            ("window=10081m", "window"),
            ("limit=101", "limit is \"101\"; expected a whole number from 1 to 100"),
            ("by=name", "by is \"name\"; expected revenue or units"),
            ("currency=dollars", "currency"),
            ("basis=item", "basis is \"item\"; expected order or refund"),
            ("as_of=now", "as_of"),
            ("site_id=", "site_id"),
            ("limit=1&limit=1", "limit is given twice"),
            ("status=PAID", "it takes site_id, window, as_of, currency, limit, by, basis"),
        ] {
            let sentence = parsed(query, true, true).expect_err(query);
            assert!(sentence.contains(named), "{query}: {sentence}");
        }
        for query in ["limit=1", "by=units", "basis=order"] {
            let sentence = parsed(query, false, false).expect_err(query);
            assert!(sentence.ends_with("it takes site_id, window, as_of, currency"), "{sentence}");
        }
    }
}
