//! The query parameters of the funnel.

use chrono_tz::Tz;
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::event::site::SiteId;
use minutebook_domain::query::window::{Precision, Window, WindowLength};
use minutebook_domain::time::Minute;

use crate::http::parameters::{self, LIMIT_DEFAULT};
use crate::overview::query::Given;
use crate::overview::series::Rows;

const NAMES: &str = "site_id, from, to, tz, window, step, limit";

/// What a query string gives, before the defaults of its site are known.
pub(crate) struct GivenFunnel {
    pub(crate) range: Given,
    window: Option<WindowLength>,
    step: Step,
    limit: usize,
}

/// From which stage to which items are lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// From viewed to bought.
    Whole,
    /// From viewed to carted.
    Cart,
    /// From carted to a checkout that began.
    Checkout,
    /// From there to bought.
    Purchase,
}

/// The query of the funnel.
pub(crate) struct FunnelQuery {
    pub(crate) site_id: SiteId,
    pub(crate) zone: Tz,
    /// The minutes to sum.
    pub(crate) window: Window,
    /// How exact its edges are.
    pub(crate) precision: Precision,
    pub(crate) step: Step,
    /// How many items are listed.
    pub(crate) limit: usize,
    /// The current minute.
    pub(crate) as_of: Minute,
}

impl Step {
    const ALL: [Step; 4] = [Step::Whole, Step::Cart, Step::Checkout, Step::Purchase];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Step::Whole => "whole",
            Step::Cart => "cart",
            Step::Checkout => "checkout",
            Step::Purchase => "purchase",
        }
    }

    /// The measures of the stage that it starts from and of the one that it leads to.
    pub(crate) fn measures(self) -> (Measure, Measure) {
        match self {
            Step::Whole => (Measure::Views, Measure::Units),
            Step::Cart => (Measure::Views, Measure::Carts),
            Step::Checkout => (Measure::Carts, Measure::Checkouts),
            Step::Purchase => (Measure::Checkouts, Measure::Units),
        }
    }

    fn parse(value: &str) -> Result<Step, String> {
        let expected = || format!("step is {value:?}; expected whole, cart, checkout or purchase");
        Step::ALL.into_iter().find(|step| step.as_str() == value).ok_or_else(expected)
    }
}

impl GivenFunnel {
    /// Reads the query string.
    ///
    /// # Errors
    /// One sentence that names the parameter and what was expected, for a 400.
    pub(crate) fn read(query: &str) -> Result<GivenFunnel, String> {
        let mut range = Given::default();
        range.compare = None;
        let mut given =
            GivenFunnel { range, window: None, step: Step::Whole, limit: LIMIT_DEFAULT };
        let mut has_range = false;
        for (name, value) in parameters::parameters(query)? {
            match name.as_ref() {
                "window" => given.window = Some(parameters::window(&value)?),
                "step" => given.step = Step::parse(&value)?,
                "limit" => given.limit = parameters::limit(&value, 1)?,
                "site_id" | "from" | "to" | "tz" => {
                    has_range |= matches!(name.as_ref(), "from" | "to");
                    given.range.take(&name, &value)?;
                }
                _ => {
                    return Err(format!(
                        "{name:?} is not a parameter of this call; it takes {NAMES}"
                    ));
                }
            }
        }
        match given.window.is_some() && has_range {
            true => Err("window is given with from or to; expected one of the two".to_string()),
            false => Ok(given),
        }
    }

    /// The query, with the zone of the site where none is given.
    ///
    /// # Errors
    /// One sentence that names the parameter and what was expected, for a 400.
    pub(crate) fn resolve(
        self,
        defaults: (Currency, Tz),
        rows: Rows<'_>,
    ) -> Result<FunnelQuery, String> {
        let GivenFunnel { range, window: length, step, limit } = self;
        let range = range.resolve(defaults, rows)?;
        let (window, precision) = match length {
            Some(length) => Window::ending_with(range.as_of, length).kept(rows.retention, rows.now),
            None => (range.series.window(), range.series.precision),
        };
        let (site_id, zone, as_of) = (range.site_id, range.zone, range.as_of);
        Ok(FunnelQuery { site_id, zone, window, precision, step, limit, as_of })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::time::QuarterHours;
    use minutebook_domain::time::period::Retention;

    fn resolved(query: &str) -> Result<FunnelQuery, String> {
        let now = "2026-11-21T12:07:30Z".parse().expect("a time");
        let retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
        let rows = Rows { quarter_hours: QuarterHours::NONE, retention, now };
        GivenFunnel::read(query)?.resolve((Currency::USD, Tz::UTC), rows)
    }

    #[test]
    fn a_range_is_that_of_an_overview_and_a_window_that_of_a_ranking() {
        for (query, expected) in [
            ("", "2026-11-21T00:00:00Z 2026-11-21T12:08:00Z minute"),
            ("from=2026-11-20&to=2026-11-21", "2026-11-20T00:00:00Z 2026-11-21T00:00:00Z minute"),
            ("tz=Europe/Berlin", "2026-11-20T23:00:00Z 2026-11-21T12:08:00Z minute"),
            ("window=90m", "2026-11-21T10:38:00Z 2026-11-21T12:08:00Z minute"),
            ("window=30d", "2026-10-22T12:00:00Z 2026-11-21T12:08:00Z hour"),
        ] {
            let FunnelQuery { window, precision, .. } = resolved(query).expect(query);
            assert_eq!(format!("{} {} {precision}", window.from, window.to), expected, "{query}");
        }
        let query = resolved("site_id=shop&step=checkout&limit=3").expect("all are right");
        assert_eq!((query.site_id.as_str(), query.step, query.limit), ("shop", Step::Checkout, 3));
    }

    #[test]
    fn a_wrong_parameter_is_named_with_what_was_expected() {
        for (query, named) in [
            ("step=view", "step is \"view\"; expected whole, cart, checkout or purchase"),
            ("window=1h&from=2026-11-20", "window is given with from or to"),
            ("window=401d", "window is"),
            ("limit=101", "limit is \"101\"; expected a whole number from 1 to 100"),
            ("compare=week", "\"compare\" is not a parameter of this call; it takes site_id, from"),
            ("currency=USD", "\"currency\" is not a parameter"),
            ("step=cart&step=cart", "step is given twice"),
            ("from=2027-01-01", "from is in the future"),
        ] {
            let error = resolved(query).err().unwrap_or_default();
            assert!(error.contains(named), "{query}: {error}");
        }
    }
}
