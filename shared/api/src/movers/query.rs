//! The query parameters of the movers.

use minutebook_domain::count::measure::{Currency, Measure};

use crate::http::parameters::{self, LIMIT_DEFAULT};
use crate::overview::query::{Given, OverviewQuery};
use crate::overview::series::Rows;

const NAMES: &str = "measure, from, to, compare, tz, limit, site_id, currency";

/// What a query string gives, before the defaults of its site are known.
pub(crate) struct GivenMovers {
    pub(crate) range: Given,
    measure: Measured,
    limit: usize,
}

/// What is counted of items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Measured {
    Views,
    Carts,
    Units,
    Sales,
}

/// The query of the movers.
pub(crate) struct MoversQuery {
    /// The two ranges; there always is one that the range is compared with.
    pub(crate) range: OverviewQuery,
    pub(crate) measured: Measured,
    /// How many items each list has.
    pub(crate) limit: usize,
}

impl GivenMovers {
    /// Reads the query string.
    ///
    /// # Errors
    /// One sentence that names the parameter and what was expected, for a 400.
    pub(crate) fn read(query: &str) -> Result<GivenMovers, String> {
        let (mut range, mut measure, mut limit) = (Given::default(), None, LIMIT_DEFAULT);
        for (name, value) in parameters::parameters(query)? {
            match name.as_ref() {
                "measure" => measure = Some(Measured::parse(&value)?),
                "limit" => limit = parameters::limit(&value, 1)?,
                _ if range.take(&name, &value)? => {}
                _ => {
                    return Err(format!(
                        "{name:?} is not a parameter of this call; it takes {NAMES}"
                    ));
                }
            }
        }
        let measure =
            measure.ok_or("measure is not given; expected views, carts, units or sales")?;
        if range.compare.is_none() {
            return Err("compare is \"none\"; expected previous, week or year".to_string());
        }
        if range.currency.is_some() && measure != Measured::Sales {
            return Err(format!(
                "currency is not a parameter of the measure {}; only sales take it",
                measure.as_str()
            ));
        }
        Ok(GivenMovers { range, measure, limit })
    }

    /// The query, with the currency and the zone of the site where none is given.
    ///
    /// # Errors
    /// One sentence that names the parameter and what was expected, for a 400.
    pub(crate) fn resolve(
        self,
        defaults: (Currency, chrono_tz::Tz),
        rows: Rows<'_>,
    ) -> Result<MoversQuery, String> {
        let GivenMovers { range, measure, limit } = self;
        Ok(MoversQuery { range: range.resolve(defaults, rows)?, measured: measure, limit })
    }
}

impl Measured {
    fn parse(value: &str) -> Result<Measured, String> {
        let all = [Measured::Views, Measured::Carts, Measured::Units, Measured::Sales];
        let expected = || format!("measure is {value:?}; expected views, carts, units or sales");
        all.into_iter().find(|measured| measured.as_str() == value).ok_or_else(expected)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Measured::Views => "views",
            Measured::Carts => "carts",
            Measured::Units => "units",
            Measured::Sales => "sales",
        }
    }

    /// What is summed of it.
    pub(crate) fn measure(self, currency: Currency) -> Measure {
        match self {
            Measured::Views => Measure::Views,
            Measured::Carts => Measure::Carts,
            Measured::Units => Measure::Units,
            Measured::Sales => Measure::Sales(currency),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_read() {
        let query = "measure=sales&limit=3&compare=week&from=2026-11-20&currency=eur&site_id=shop";
        let given = GivenMovers::read(query).expect("all are right");
        assert_eq!((given.measure, given.limit), (Measured::Sales, 3));
        assert_eq!(given.range.site_id.as_str(), "shop");
        let given = GivenMovers::read("measure=carts").expect("nothing else is required");
        assert_eq!((given.measure, given.limit), (Measured::Carts, 10));
    }

    #[test]
    fn a_wrong_parameter_is_named_with_what_was_expected() {
        for (query, named) in [
            ("", "measure is not given; expected views, carts, units or sales"),
            ("measure=clicks", "measure is \"clicks\"; expected views"),
            ("measure=views&limit=0", "limit is \"0\"; expected a whole number from 1 to 100"),
            ("measure=views&compare=none", "compare is \"none\"; expected previous, week or year"),
            ("measure=views&currency=USD", "only sales take it"),
            ("measure=views&tz=Mars", "tz is"),
            ("measure=views&by=units", "it takes measure, from"),
            ("measure=views&measure=views", "measure is given twice"),
        ] {
            let error = GivenMovers::read(query).err().unwrap_or_default();
            assert!(error.contains(named), "{query}: {error}");
        }
    }
}
