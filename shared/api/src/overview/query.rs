//! The query parameters of the overview, and the ranges that they select.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::event::site::SiteId;
use minutebook_domain::query::compare::Compare;
use minutebook_domain::query::series::{Calendar, Granularity};
use minutebook_domain::query::window::Precision;
use minutebook_domain::time::Minute;

use crate::history::query::{instant, zone};
use crate::http::parameters;
use crate::overview::series::{Rows, Series, edges};

/// How many periods an overview has at most.
pub(crate) const PERIODS_MAX: usize = 200;

/// The granularities, and how long a range is at most for each, in hours. The hour more is that of a
/// day on which clocks are set back.
const GRANULARITIES: [(Granularity, i64); 4] = [
    (Granularity::Hour, 3 * 24 + 1),
    (Granularity::Day, 120 * 24 + 1),
    (Granularity::Week, 400 * 24 + 1),
    (Granularity::Month, i64::MAX),
];

/// How many rows above minutes each number of a range may be summed from, as those of a page of
/// `/history`. If it takes more, because days of the zone are summed from hours, periods are longer.
const ROWS_MAX: usize = 850;

/// How far in the future a range may end. It is cut to the present, but its end says what it is
/// compared with: the running month is compared with a month.
const FUTURE_MAX: TimeDelta = TimeDelta::days(366);

const NAMES: &str = "site_id, from, to, tz, compare, currency";

/// What a query string gives, before the defaults of its site are known.
pub(crate) struct Given {
    pub(crate) site_id: SiteId,
    from: Option<String>,
    to: Option<String>,
    zone: Option<Tz>,
    compare: Option<Compare>,
    currency: Option<Currency>,
}

/// The query of an overview.
pub(crate) struct OverviewQuery {
    pub(crate) site_id: SiteId,
    /// The currency of money.
    pub(crate) currency: Currency,
    pub(crate) zone: Tz,
    /// How long the periods are; the first and the last one may be cut.
    pub(crate) granularity: Granularity,
    /// The periods.
    pub(crate) series: Series,
    /// Whether the last period is running, so that it counts until the current minute.
    pub(crate) is_running: bool,
    /// What they are compared with.
    pub(crate) compared: Option<(Compare, Series)>,
    /// The current minute.
    pub(crate) as_of: Minute,
}

impl Given {
    /// Reads the query string.
    ///
    /// # Errors
    /// One sentence that names the parameter and what was expected, for a 400.
    pub(crate) fn read(query: &str) -> Result<Given, String> {
        let mut given = Given {
            site_id: SiteId::default(),
            from: None,
            to: None,
            zone: None,
            compare: Some(Compare::Previous),
            currency: None,
        };
        for (name, value) in parameters::parameters(query)? {
            match name.as_ref() {
                "site_id" => given.site_id = parameters::site_id(&value)?,
                "from" => given.from = Some(value.into_owned()),
                "to" => given.to = Some(value.into_owned()),
                "tz" => given.zone = Some(zone(&value)?),
                "compare" => given.compare = compare(&value)?,
                "currency" => given.currency = Some(parameters::currency(&value)?),
                _ => {
                    return Err(format!(
                        "{name:?} is not a parameter of this call; it takes {NAMES}"
                    ));
                }
            }
        }
        Ok(given)
    }

    /// The query, with the currency and the zone of the site where none is given.
    ///
    /// # Errors
    /// One sentence that names the parameter and what was expected, for a 400.
    pub(crate) fn resolve(
        self,
        (currency, zone): (Currency, Tz),
        rows: Rows<'_>,
    ) -> Result<OverviewQuery, String> {
        let zone = self.zone.unwrap_or(zone);
        let as_of =
            Minute::containing(rows.now).ok_or_else(|| "the clock is out of range".to_string())?;
        let range = Range::read(self.from.as_deref(), self.to.as_deref(), zone, rows)?;
        let out_of_range = || "from and to must lie between 1970-01-01 and 9999-12-31".to_string();
        let (granularity, series) = range.divide().ok_or_else(out_of_range)?;
        if series.len() > PERIODS_MAX {
            return Err(format!(
                "from and to are more than {PERIODS_MAX} months apart; ask for less"
            ));
        }
        if series.has_expired(rows) {
            let days = rows.retention.day_days;
            return Err(format!(
                "from asks for days that have expired; days are kept for {days} days: ask for what \
                 begins later"
            ));
        }
        let compared = match self.compare {
            Some(compare) => Some((compare, range.compared(compare, granularity, &series)?)),
            None => None,
        };
        Ok(OverviewQuery {
            site_id: self.site_id,
            currency: self.currency.unwrap_or(currency),
            zone,
            granularity,
            series,
            is_running: range.is_running(granularity),
            compared,
            as_of,
        })
    }
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

/// A range of time, in a zone.
struct Range<'a> {
    from: DateTime<Tz>,
    /// As it was asked for, which may be in the future.
    to: DateTime<Tz>,
    /// The end of the current minute.
    present: DateTime<Tz>,
    rows: Rows<'a>,
}

impl<'a> Range<'a> {
    fn read(
        from: Option<&str>,
        to: Option<&str>,
        zone: Tz,
        rows: Rows<'a>,
    ) -> Result<Range<'a>, String> {
        let days = calendar(Granularity::Day, zone, rows);
        let from = from.map(|text| instant("from", text, days)).transpose()?;
        let to = to.map(|text| instant("to", text, days)).transpose()?;
        let seconds = rows.now.timestamp();
        let present = DateTime::from_timestamp(seconds - seconds % 60 + 60, 0).unwrap_or(rows.now);
        let today = days.start_of_date(rows.now.with_timezone(&zone).date_naive());
        let from = from.or(today.map(|today| today.to_utc())).unwrap_or(rows.now);
        let to = to.unwrap_or(present).min(rows.now + FUTURE_MAX);
        if present <= from {
            return Err("from is in the future; expected a time that has begun".to_string());
        }
        if to <= from {
            return Err("from is not before to; expected from to be the earlier one".to_string());
        }
        let local = |time: DateTime<Utc>| time.with_timezone(&zone);
        Ok(Range { from: local(from), to: local(to), present: local(present), rows })
    }

    /// The finest periods that are not too many, nor take too many rows. `None` before 1970 and
    /// after 9999.
    fn divide(&self) -> Option<(Granularity, Series)> {
        let hours = self.to.signed_duration_since(self.from).num_hours();
        let mut found = None;
        for (granularity, _) in GRANULARITIES.into_iter().filter(|(_, most)| hours <= *most) {
            let (from, to) = self.outward(granularity)?;
            let end = self.calendar(granularity).containing(self.present_second())?.end;
            let edges = edges(self.calendar(granularity), from, to.min(end))?;
            let series = Series::new(edges, self.cut(to), self.rows)?;
            // Of hours that are no longer kept, whole days are.
            let has_hours = granularity != Granularity::Hour || series.precision < Precision::Day;
            let is_fine = has_hours && series.rows(self.rows) <= ROWS_MAX;
            found = Some((granularity, series));
            if is_fine {
                break;
            }
        }
        found
    }

    /// The edges, moved outward: to whole hours or dates.
    fn outward(&self, granularity: Granularity) -> Option<(DateTime<Tz>, DateTime<Tz>)> {
        let days = self.calendar(Granularity::Day);
        let unit = match granularity {
            Granularity::Hour => self.calendar(Granularity::Hour),
            Granularity::Day | Granularity::Week | Granularity::Month => days,
        };
        let begins_day = |time: DateTime<Tz>| {
            days.start_of_date(time.date_naive()).is_some_and(|start| start == time)
        };
        let from = match begins_day(self.from) {
            true => self.from,
            false => unit.containing(self.from.to_utc())?.start,
        };
        let to = match begins_day(self.to) {
            true => self.to,
            false => unit.containing(self.to.to_utc() - TimeDelta::seconds(1))?.end,
        };
        Some((from, to))
    }

    /// The range that it is compared with, up to the same time of the same day.
    fn compared(
        &self,
        compare: Compare,
        granularity: Granularity,
        series: &Series,
    ) -> Result<Series, String> {
        let shifted = || {
            let (from, to) = self.outward(granularity)?;
            let shift = compare.shift(from, to);
            let until = shift.back(self.cut(to).unwrap_or(to))?;
            let edges = match granularity {
                Granularity::Hour | Granularity::Day => {
                    edges(self.calendar(granularity), shift.back(from)?, until)?
                }
                // Weeks and months need not begin where those of the calendar do.
                Granularity::Week | Granularity::Month => {
                    let starts = series.edges.iter().take(series.len());
                    let mut edges: Vec<_> =
                        starts.map(|edge| shift.back(*edge)).collect::<Option<_>>()?;
                    edges.push(until);
                    edges
                }
            };
            let cut = self.cut(to).is_some().then_some(until);
            Series::new(edges, cut, self.rows).filter(|series| !series.has_expired(self.rows))
        };
        shifted().ok_or_else(|| {
            format!(
                "compare is {}, of which days are before 1970 or have expired; expected none",
                compare.as_str()
            )
        })
    }

    /// Where the last period of a range that ends here is cut.
    fn cut(&self, to: DateTime<Tz>) -> Option<DateTime<Tz>> {
        (self.present < to).then_some(self.present)
    }

    fn is_running(&self, granularity: Granularity) -> bool {
        self.outward(granularity).is_some_and(|(_, to)| self.cut(to).is_some())
    }

    fn present_second(&self) -> DateTime<Utc> {
        self.present.to_utc() - TimeDelta::seconds(1)
    }

    fn calendar(&self, granularity: Granularity) -> Calendar<'a> {
        calendar(granularity, self.from.timezone(), self.rows)
    }
}

fn calendar(granularity: Granularity, zone: Tz, rows: Rows<'_>) -> Calendar<'_> {
    Calendar { granularity, zone, quarter_hours: rows.quarter_hours }
}
