//! The query parameters of the overview, and the ranges that they select.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::event::site::SiteId;
use minutebook_domain::query::compare::Compare;
use minutebook_domain::query::series::{Calendar, Granularity};
use minutebook_domain::query::window::Precision;
use minutebook_domain::time::Minute;

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
    pub(crate) compare: Option<Compare>,
    pub(crate) currency: Option<Currency>,
}

impl Default for Given {
    fn default() -> Given {
        Given {
            site_id: SiteId::default(),
            from: None,
            to: None,
            zone: None,
            compare: Some(Compare::Previous),
            currency: None,
        }
    }
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
        let mut given = Given::default();
        for (name, value) in parameters::parameters(query)? {
            if !given.take(&name, &value)? {
                return Err(format!("{name:?} is not a parameter of this call; it takes {NAMES}"));
            }
        }
        Ok(given)
    }

    /// Reads a parameter, if it is one of these.
    ///
    /// # Errors
    /// One sentence that names the parameter and what was expected, for a 400.
    pub(crate) fn take(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "site_id" => self.site_id = parameters::site_id(value)?,
            "from" => self.from = Some(value.to_string()),
            "to" => self.to = Some(value.to_string()),
            "tz" => self.zone = Some(parameters::zone(value)?),
            "compare" => self.compare = parameters::compare(value)?,
            "currency" => self.currency = Some(parameters::currency(value)?),
            _ => return Ok(false),
        }
        Ok(true)
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
        let from = from.map(|text| parameters::instant("from", text, days)).transpose()?;
        let to = to.map(|text| parameters::instant("to", text, days)).transpose()?;
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
            Granularity::Minute | Granularity::Hour => self.calendar(Granularity::Hour),
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
                Granularity::Minute | Granularity::Hour | Granularity::Day => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::time::QuarterHours;
    use minutebook_domain::time::period::Retention;

    /// A Saturday, 13:07 in Berlin.
    const NOW: &str = "2026-11-21T12:07:30Z";

    fn resolved(query: &str, now: &str) -> Result<OverviewQuery, String> {
        let retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
        let now = now.parse().expect("a time");
        let rows = Rows { quarter_hours: QuarterHours::NONE, retention, now };
        let currency = Currency::parse(b"USD").expect("three letters");
        Given::read(query)?.resolve((currency, Tz::UTC), rows)
    }

    /// A series in short: the minutes that it sums, how many periods it has, and how exact it is.
    fn short(series: &Series) -> String {
        let window = series.window();
        let time = |minute: Minute| minute.to_string().replace(":00Z", "");
        let (from, to) = (time(window.from), time(window.to));
        format!("{from}..{to} {} {}", series.len(), series.precision)
    }

    fn check(query: &str, now: &str, granularity: &str, range: &str, compared: &str) {
        let question = resolved(query, now).expect(query);
        let found = question.compared.as_ref().map(|(_, series)| short(series));
        assert_eq!(
            (question.granularity.as_str(), short(&question.series).as_str()),
            (granularity, range),
            "{query}"
        );
        assert_eq!(found.as_deref().unwrap_or("none"), compared, "{query}");
    }

    #[test]
    fn today_is_compared_with_yesterday_until_the_same_minute() {
        check(
            "",
            NOW,
            "hour",
            "2026-11-21T00:00..2026-11-21T12:08 13 minute",
            "2026-11-20T00:00..2026-11-20T12:08 13 minute",
        );
        check(
            "tz=Europe/Berlin&compare=year",
            NOW,
            "hour",
            "2026-11-20T23:00..2026-11-21T12:08 14 minute",
            // The minutes of a year ago are not kept: until the nearest hour.
            "2025-11-20T23:00..2025-11-21T12:00 14 hour",
        );
        let until_the_nearest = "2026-11-14T00:00..2026-11-14T13:00 13 hour";
        let range = "2026-11-21T00:00..2026-11-21T12:31 13 minute";
        check("compare=week", "2026-11-21T12:30:00Z", "hour", range, until_the_nearest);
        let question = resolved("", NOW).expect("nothing is required");
        assert!(question.is_running);
        let end = |series: &Series| series.edges.last().expect("an edge").to_string();
        assert_eq!(end(&question.series), "2026-11-21 13:00:00 UTC");
        let compared = &question.compared.as_ref().expect("it is compared").1;
        assert_eq!(end(compared), "2026-11-20 12:08:00 UTC");
    }

    #[test]
    fn periods_are_as_long_as_the_range_demands() {
        let now = NOW;
        for (query, granularity, range, compared) in [
            (
                "from=2026-11-18&to=2026-11-21",
                "hour",
                "2026-11-18T00:00..2026-11-21T00:00 72 minute",
                "2026-11-15T00:00..2026-11-18T00:00 72 minute",
            ),
            (
                "from=2026-11-15&compare=week",
                "day",
                "2026-11-15T00:00..2026-11-21T12:08 7 minute",
                // Seven days before now, the minutes are just gone.
                "2026-11-08T00:00..2026-11-14T12:00 7 hour",
            ),
            // The running month, however its end is written.
            (
                "from=2026-11-01",
                "day",
                "2026-11-01T00:00..2026-11-21T12:08 21 minute",
                "2026-10-01T00:00..2026-10-21T12:00 21 hour",
            ),
            (
                "from=2026-11-01&to=2026-12-01",
                "day",
                "2026-11-01T00:00..2026-11-21T12:08 21 minute",
                "2026-10-01T00:00..2026-10-21T12:00 21 hour",
            ),
            // February has fewer days than January, and all of January is compared.
            (
                "from=2026-02-01&to=2026-03-01",
                "day",
                "2026-02-01T00:00..2026-03-01T00:00 28 minute",
                "2026-01-01T00:00..2026-02-01T00:00 31 minute",
            ),
            (
                "from=2026-01-01&to=2027-01-01&compare=year",
                "week",
                "2026-01-01T00:00..2026-11-21T12:08 47 minute",
                "2025-01-01T00:00..2025-11-21T12:00 47 hour",
            ),
            (
                "from=2024-01-01&compare=none",
                "month",
                "2024-01-01T00:00..2026-11-21T12:08 35 minute",
                "none",
            ),
            // Days of Berlin take 24 hours each, so that 40 of them take too many rows.
            (
                "from=2026-10-12&tz=Europe/Berlin&compare=none",
                "week",
                "2026-10-11T22:00..2026-11-21T12:08 6 minute",
                "none",
            ),
            // Of hours that are gone, whole days are left.
            (
                "from=2025-01-01&to=2025-01-02&compare=none&tz=Europe/Berlin",
                "day",
                "2025-01-01T00:00..2025-01-02T00:00 1 day",
                "none",
            ),
            // Without a time of day at its start, a range has its own length.
            (
                "from=2026-11-21T08:30:00Z&to=2026-11-21T10:30:00Z",
                "hour",
                "2026-11-21T08:00..2026-11-21T11:00 3 minute",
                "2026-11-21T05:00..2026-11-21T08:00 3 minute",
            ),
        ] {
            check(query, now, granularity, range, compared);
        }
    }

    #[test]
    fn periods_follow_each_other_and_the_first_and_last_are_cut() {
        for zone in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"] {
            for from in ["2026-11-19", "2026-08-05", "2025-12-24", "2019-02-03"] {
                let query = format!("from={from}&tz={zone}&compare=year");
                let question = resolved(&query, NOW).expect(&query);
                for series in [&question.series, &question.compared.as_ref().expect("one").1] {
                    assert!(series.len() <= PERIODS_MAX && series.edges.is_sorted(), "{query}");
                    let windows: Vec<_> = series.windows().collect();
                    assert!(windows.is_sorted_by(|one, next| one.to == next.from), "{query}");
                }
                let first = question.series.edges[0].to_rfc3339();
                assert!(first.starts_with(&format!("{from}T00:00:00")), "{query}: {first}");
            }
        }
    }

    #[test]
    fn a_wrong_parameter_is_named_with_what_was_expected() {
        for (query, named) in [
            ("compare=month", "compare is \"month\"; expected previous, week, year or none"),
            ("from=yesterday", "from is \"yesterday\""),
            ("from=2026-11-22", "from is in the future"),
            ("from=2026-11-20&to=2026-11-20", "from is not before to"),
            ("from=2026-11-20&to=2026-11-19", "from is not before to"),
            ("from=1971-01-01", "more than 200 months"),
            ("from=1970-01-01&to=1970-02-01&compare=year", "before 1970"),
            ("to=2026-11-31", "to is \"2026-11-31\""),
            ("tz=Mars/Olympus", "tz is"),
            ("currency=dollars", "three letters"),
            ("granularity=hour", "it takes site_id, from, to, tz, compare, currency"),
            ("from=2026-11-20&from=2026-11-20", "given twice"),
        ] {
            let error = resolved(query, NOW).err().unwrap_or_default();
            assert!(error.contains(named), "{query}: {error}");
        }
        for query in ["to=9999-12-31T23:59:59Z", "from=2026-11-20&to=9999-12-31&tz=Etc/GMT%2B12"] {
            resolved(query, NOW).expect(query);
        }
    }
}
