//! The query parameters of a history, and the page that they select.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::event::site::SiteId;
use minutebook_domain::query::compare::{Compare, Shift};
use minutebook_domain::query::series::{Calendar, CalendarPeriod, Granularity};
use minutebook_domain::query::window::Precision;
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{Minute, QuarterHours};

use crate::history::cursor::Cursor;
use crate::history::measure::HistoryMeasure;
use crate::http::basis::Basis;
use crate::http::parameters;
use crate::overview::series::{Rows, Series};

/// How many periods a page has at most.
const PERIODS_A_PAGE: usize = 100;
/// The UTC periods that a page is summed from at most: a month of days in a zone is 745 hours, or 837
/// hours and quarters. An hour of 10,000 items is about 100 KB of rows, so that one call has time
/// for the largest page.
const UTC_PERIODS_A_PAGE: usize = 850;
/// How many items each period lists by default.
pub(crate) const LIMIT_DEFAULT: usize = 3;

/// The names of the parameters, for sentences.
const NAMES: &str =
    "measure, granularity, from, to, compare, item_id, site_id, currency, basis, tz, limit, cursor";

/// Those of a call about all money of periods.
const MONEY_NAMES: &str = "granularity, from, to, site_id, currency, tz, cursor";

/// The query of a history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct HistoryQuery<'a> {
    /// What is counted.
    pub(crate) measure: HistoryMeasure,
    /// How time is divided into periods.
    pub(crate) calendar: Calendar<'a>,
    /// The site.
    pub(crate) site_id: SiteId,
    /// One item; `None` for all items.
    pub(crate) item_id: Option<String>,
    /// How many items each period lists.
    pub(crate) limit: usize,
    /// The periods of this page, ascending; at least one.
    pub(crate) periods: Vec<CalendarPeriod>,
    /// What the periods of this page are compared with: as many of them.
    pub(crate) compared: Option<(Compare, Series)>,
    /// The cursor of the next page; `None` on the last page.
    pub(crate) next_cursor: Option<String>,
    /// The current minute.
    pub(crate) as_of: Minute,
}

/// The defaults of a query, and its bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryDefaults<'a> {
    /// The currency of money.
    pub(crate) currency: Currency,
    /// The zone whose midnights begin days, weeks and months.
    pub(crate) zone: Tz,
    /// The hours of the site that have rows of their quarters.
    pub(crate) quarter_hours: &'a QuarterHours,
    /// The current time.
    pub(crate) now: DateTime<Utc>,
    /// How long rows are kept.
    pub(crate) retention: Retention,
}

/// What a query string gives, before the defaults of its site are known.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) site_id: SiteId,
    measure: Option<String>,
    granularity: Granularity,
    zone: Option<Tz>,
    from: Option<String>,
    to: Option<String>,
    compare: Option<Compare>,
    cursor: Option<String>,
    item_id: Option<String>,
    currency: Option<Currency>,
    basis: Option<Basis>,
    limit: usize,
}

impl Given {
    /// Reads the query string of a history call.
    ///
    /// # Errors
    /// One sentence that names the parameter and what was expected, for a 400.
    pub(crate) fn read(query: &str) -> Result<Given, String> {
        let given = Given::read_names(query, NAMES)?;
        given.measure(Currency::USD)?;
        Ok(given)
    }

    /// Reads the query string of a call about all money of periods.
    ///
    /// # Errors
    /// As those of [`read`](Given::read).
    pub(crate) fn of_money(query: &str) -> Result<Given, String> {
        let given = Given::read_names(query, MONEY_NAMES)?;
        if given.granularity == Granularity::Minute {
            return Err("granularity is \"minute\"; expected hour, day, week or month".to_string());
        }
        Ok(Given { measure: Some("sales".to_string()), ..given })
    }

    /// The currency that was given.
    pub(crate) fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// Reads the parameters with these names.
    fn read_names(query: &str, names: &str) -> Result<Given, String> {
        let is_taken = |name: &str| names.split(", ").any(|taken| taken == name);
        let mut given = Given {
            site_id: SiteId::default(),
            measure: None,
            granularity: Granularity::Day,
            zone: None,
            from: None,
            to: None,
            compare: None,
            cursor: None,
            item_id: None,
            currency: None,
            basis: None,
            limit: LIMIT_DEFAULT,
        };
        for (name, value) in parameters::parameters(query)? {
            match name.as_ref() {
                name if !is_taken(name) => {
                    return Err(format!(
                        "{name:?} is not a parameter of this call; it takes {names}"
                    ));
                }
                "measure" => given.measure = Some(value.into_owned()),
                "granularity" => given.granularity = granularity(&value)?,
                "from" => given.from = Some(value.into_owned()),
                "to" => given.to = Some(value.into_owned()),
                "compare" => given.compare = parameters::compare(&value)?,
                "item_id" => given.item_id = Some(parameters::item_id(&value)?),
                "site_id" => given.site_id = parameters::site_id(&value)?,
                "currency" => given.currency = Some(parameters::currency(&value)?),
                "basis" => given.basis = Some(Basis::parse(&value)?),
                "tz" => given.zone = Some(parameters::zone(&value)?),
                "limit" => given.limit = parameters::limit(&value, 0)?,
                "cursor" => given.cursor = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(given)
    }

    fn measure(&self, default: Currency) -> Result<HistoryMeasure, String> {
        const EXPECTED: &str =
            "expected views, carts, checkouts, sales, units, removals, refunds or net_sales";
        let name =
            self.measure.as_deref().ok_or_else(|| format!("measure is not given; {EXPECTED}"))?;
        let currency = self.currency.unwrap_or(default);
        let basis = self.basis.unwrap_or(Basis::Refund);
        let measure = match name {
            "views" => HistoryMeasure::Counted(Measure::Views),
            "carts" => HistoryMeasure::Counted(Measure::Carts),
            "sales" => HistoryMeasure::Counted(Measure::Sales(currency)),
            "units" => HistoryMeasure::Counted(Measure::Units),
            "removals" => HistoryMeasure::Counted(Measure::Removals),
            "checkouts" => HistoryMeasure::Counted(Measure::Checkouts),
            "refunds" => HistoryMeasure::Refunds(currency, basis),
            "net_sales" => HistoryMeasure::NetSales(currency, basis),
            _ => return Err(format!("measure is {name:?}; {EXPECTED}")),
        };
        if self.currency.is_some() && measure.currency().is_none() {
            return Err(format!(
                "currency is not a parameter of the measure {name}; only sales, refunds and net_sales \
                 take it"
            ));
        }
        if self.basis.is_some() && measure.basis().is_none() {
            return Err(format!(
                "basis is not a parameter of the measure {name}; only refunds and net_sales take it"
            ));
        }
        Ok(measure)
    }

    /// The query, with defaults for the parameters that are missing.
    ///
    /// # Errors
    /// One sentence that names the parameter and what was expected, for a 400.
    pub(crate) fn resolve<'a>(
        self,
        defaults: &HistoryDefaults<'a>,
    ) -> Result<HistoryQuery<'a>, String> {
        let measure = self.measure(defaults.currency)?;
        let Given { site_id, item_id, limit, from, to, compare, cursor, .. } = self;
        let as_of = Minute::containing(defaults.now)
            .ok_or_else(|| "the clock is out of range".to_string())?;
        let zone = self.zone.unwrap_or(defaults.zone);
        let quarter_hours = defaults.quarter_hours;
        let calendar = Calendar { granularity: self.granularity, zone, quarter_hours };
        let from = from.map(|text| parameters::instant("from", &text, calendar)).transpose()?;
        let to = to.map(|text| parameters::instant("to", &text, calendar)).transpose()?;
        let (mut periods, series_start) = match cursor {
            Some(text) => Cursor::parse(&text)
                .filter(|cursor| cursor.start.is_some() == compare.is_some())
                .and_then(|cursor| Some((cursor.periods(calendar, defaults.now)?, cursor.start)))
                .ok_or_else(|| {
                    format!(
                        "cursor is {text:?}; expected the next_cursor of an answer, with the other \
                         parameters of the question that it answered"
                    )
                })?,
            None => (periods(calendar, from, to, defaults)?, None),
        };
        let first = periods.first().map(|first| first.start);
        let series_start = series_start.map(|start| start.with_timezone(&zone)).or(first);
        let series_end = periods.last().map(|last| last.end);
        let utc_periods_max = UTC_PERIODS_A_PAGE / if compare.is_some() { 2 } else { 1 };
        periods.truncate(periods_of_page(calendar, &periods, utc_periods_max));
        for period in &periods {
            check_kept(calendar, period, defaults)?;
        }
        let page_end = periods.last().map(|last| last.end);
        let next_cursor = match (page_end, series_end) {
            (Some(from), Some(to)) if from < to => {
                let start = series_start.filter(|_| compare.is_some()).map(|start| start.to_utc());
                Some(Cursor { from: from.to_utc(), to: to.to_utc(), start }.to_text())
            }
            _ => None,
        };
        let compared = match (compare, series_start, series_end) {
            (Some(compare), Some(start), Some(end)) => {
                let shift = compare.shift(start, end);
                Some((compare, compared(compare, shift, calendar, &periods, defaults)?))
            }
            _ => None,
        };
        Ok(HistoryQuery {
            measure,
            calendar,
            site_id,
            item_id,
            limit,
            periods,
            compared,
            next_cursor,
            as_of,
        })
    }
}

fn granularity(value: &str) -> Result<Granularity, String> {
    Granularity::parse(value).ok_or_else(|| {
        format!("granularity is {value:?}; expected minute, hour, day, week or month")
    })
}

fn periods(
    calendar: Calendar<'_>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    defaults: &HistoryDefaults<'_>,
) -> Result<Vec<CalendarPeriod>, String> {
    let now = defaults.now;
    let running = calendar.running(now).ok_or_else(|| "the clock is out of range".to_string())?;
    let to = to.unwrap_or(running.end.to_utc());
    let Some(from) = from else {
        let from =
            calendar.default_from(to.min(now)).ok_or_else(|| "to is out of range".to_string())?;
        let mut periods = calendar.periods(from, to, now).map_err(|error| error.to_string())?;
        // The default range leaves out what has expired.
        let expired = periods
            .iter()
            .take_while(|period| check_kept(calendar, period, defaults).is_err())
            .count();
        if expired < periods.len() {
            periods.drain(..expired);
        }
        return Ok(periods);
    };
    calendar.periods(from, to, now).map_err(|error| error.to_string())
}

/// How many of the first periods make a page: at least one.
fn periods_of_page(
    calendar: Calendar<'_>,
    periods: &[CalendarPeriod],
    utc_periods_max: usize,
) -> usize {
    let mut utc_periods = 0;
    for (count, period) in periods.iter().take(PERIODS_A_PAGE).enumerate() {
        utc_periods += calendar.utc_periods(period).len();
        if count > 0 && utc_periods > utc_periods_max {
            return count;
        }
    }
    periods.len().min(PERIODS_A_PAGE)
}

/// What the periods of a page are compared with, the running one up to the current minute.
fn compared(
    compare: Compare,
    shift: Shift,
    calendar: Calendar<'_>,
    periods: &[CalendarPeriod],
    defaults: &HistoryDefaults<'_>,
) -> Result<Series, String> {
    let HistoryDefaults { quarter_hours, now, retention, .. } = *defaults;
    let rows = Rows { quarter_hours, retention, now };
    let shifted = || {
        let last = periods.last()?;
        let starts = periods.iter().map(|period| period.start);
        let mut edges: Vec<_> = starts.map(|start| shift.back(start)).collect::<Option<_>>()?;
        if calendar.granularity == Granularity::Minute {
            edges.push(shift.back(last.end)?);
            return Series::of_minutes(edges, rows);
        }
        let minute_end = DateTime::from_timestamp(now.timestamp() / 60 * 60 + 60, 0)?;
        let present = minute_end.with_timezone(&calendar.zone);
        let cut = (last.counts(now) && present < last.end).then_some(present);
        edges.push(shift.back(cut.unwrap_or(last.end))?);
        let until = cut.and(edges.last().copied());
        Series::new(edges, until, rows)
            .filter(|series| !series.has_expired(rows) && series.precision < Precision::Day)
    };
    shifted().ok_or_else(|| {
        format!(
            "compare is {}, whose periods are before 1970 or have expired; expected none, or later \
             periods",
            compare.as_str()
        )
    })
}

/// Refuses a period of which a part has expired, since its sum would be too low.
fn check_kept(
    calendar: Calendar<'_>,
    period: &CalendarPeriod,
    defaults: &HistoryDefaults<'_>,
) -> Result<(), String> {
    let HistoryDefaults { now, retention, .. } = *defaults;
    let has_expired = |utc_period: &Period| retention.has_expired(*utc_period, now.timestamp());
    let Some(utc_period) = calendar.utc_periods(period).into_iter().find(has_expired) else {
        return Ok(());
    };
    let kept_since = |days: u32| {
        let since =
            Minute::containing(now - TimeDelta::days(i64::from(days))).unwrap_or(Minute::EPOCH);
        format!("{days} days, since {}", since.hour().first_minute())
    };
    let start = period.start.to_rfc3339_opts(SecondsFormat::Secs, true);
    Err(match utc_period {
        Period::Minute(_) => format!(
            "from asks for the minute that begins at {start}, which has expired; minutes are kept for {}: ask for \
             what begins later, or for hours",
            kept_since(retention.minute_days),
        ),
        Period::Quarter(_) | Period::Hour(_) => format!(
            "from asks for the {} that begins at {start}, which takes hours that have expired; hours are kept for {}: ask \
             for what begins later, or for days, weeks or months with tz=UTC",
            calendar.granularity.as_str(),
            kept_since(retention.hour_days),
        ),
        Period::Day(_) | Period::Week(_) | Period::Month(_) => format!(
            "from asks for the {} that begins at {start}, which has expired; days are kept for {}: ask for what \
             begins later",
            calendar.granularity.as_str(),
            kept_since(retention.day_days),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-21T12:00:30Z";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn parsed_at(query: &str, now: &str) -> Result<HistoryQuery<'static>, String> {
        let currency = Currency::parse(b"USD").expect("three letters");
        let retention = Retention { minute_days: 7, hour_days: 400, day_days: 4_000 };
        let (zone, quarter_hours) = (Tz::UTC, QuarterHours::NONE);
        let defaults = HistoryDefaults { currency, zone, quarter_hours, now: at(now), retention };
        Given::read(query)?.resolve(&defaults)
    }

    fn parsed(query: &str) -> Result<HistoryQuery<'static>, String> {
        parsed_at(query, NOW)
    }

    /// The first instant, the last one, and how many periods lie between them.
    fn range(query: &str) -> (String, String, usize) {
        let question = parsed(query).expect(query);
        let (first, last) =
            (question.periods.first().expect("one"), question.periods.last().expect("one"));
        let [start, end] =
            [first.start, last.end].map(|edge| edge.to_rfc3339_opts(SecondsFormat::Secs, true));
        (start, end, question.periods.len())
    }

    #[test]
    fn only_the_measure_must_be_given() {
        let question = parsed("measure=views").expect("nothing else is required");
        assert_eq!(
            (question.measure, question.site_id.as_str(), question.limit),
            (HistoryMeasure::Counted(Measure::Views), "default", 3)
        );
        assert_eq!((question.item_id, question.next_cursor), (None, None));
        assert_eq!(question.as_of.to_string(), "2026-11-21T12:00:00Z");
    }

    #[test]
    fn a_series_ends_with_the_running_period_and_begins_so_far_back() {
        for (query, start, end, count) in [
            ("measure=views", "2026-10-22T00:00:00Z", "2026-11-22T00:00:00Z", 31),
            ("measure=views&granularity=hour", "2026-11-20T12:00:00Z", "2026-11-21T13:00:00Z", 25),
            ("measure=views&granularity=week", "2026-08-24T00:00:00Z", "2026-11-23T00:00:00Z", 13),
            (
                "measure=views&granularity=month&tz=Europe/Berlin",
                "2025-11-01T00:00:00+01:00",
                "2026-12-01T00:00:00+01:00",
                13,
            ),
            ("measure=views&to=2026-11-01", "2026-10-02T00:00:00Z", "2026-11-01T00:00:00Z", 30),
            (
                "measure=views&to=9999-12-31T23:59:59Z",
                "2026-10-22T00:00:00Z",
                "2026-11-22T00:00:00Z",
                31,
            ),
            (
                "measure=views&from=2026-11-21T23:59:59Z",
                "2026-11-21T00:00:00Z",
                "2026-11-22T00:00:00Z",
                1,
            ),
        ] {
            assert_eq!(range(query), (start.to_string(), end.to_string(), count), "{query}");
        }
    }

    #[test]
    fn dates_are_those_of_the_zone_and_edges_move_out_to_whole_periods() {
        for (query, start, end, count) in [
            (
                "from=2026-11-19&to=2026-11-20",
                "2026-11-19T00:00:00+01:00",
                "2026-11-20T00:00:00+01:00",
                1,
            ),
            (
                "from=2026-11-18T23:00:00Z&to=2026-11-19T23:00:01Z",
                "2026-11-19T00:00:00+01:00",
                "2026-11-21T00:00:00+01:00",
                2,
            ),
            (
                "from=2026-11-19T12:00:00%2B01:00&to=2026-11-19T13:00:00 01:00",
                "2026-11-19T00:00:00+01:00",
                "2026-11-20T00:00:00+01:00",
                1,
            ),
            (
                "from=2026-11-20&to=2027-11-20",
                "2026-11-20T00:00:00+01:00",
                "2026-11-22T00:00:00+01:00",
                2,
            ),
        ] {
            let query = format!("measure=views&tz=Europe/Berlin&{query}");
            assert_eq!(range(&query), (start.to_string(), end.to_string(), count), "{query}");
        }
    }

    #[test]
    fn every_parameter_is_read() {
        let question = parsed(
            "measure=refunds&granularity=week&from=2026-11-01&to=2026-11-21&item_id=sku%207&site_id=shop&currency=eur\
             &tz=Etc/GMT+5&limit=0&basis=order",
        )
        .expect("all are right");
        let euro = Currency::parse(b"EUR").expect("letters");
        assert_eq!(question.measure, HistoryMeasure::Refunds(euro, Basis::Order));
        assert_eq!(question.calendar.granularity, Granularity::Week);
        assert_eq!(question.calendar.zone.name(), "Etc/GMT+5");
        assert_eq!(
            (question.item_id.as_deref(), question.site_id.as_str()),
            (Some("sku 7"), "shop")
        );
        assert_eq!((question.limit, question.periods.len()), (0, 4));
    }

    #[test]
    fn a_wrong_parameter_is_named_with_what_was_expected() {
        let long = format!("measure=views&item_id={}", "x".repeat(257));
        for (query, name, expected) in [
            ("", "measure", "expected views, carts"),
            ("measure=pages", "measure", "expected views, carts"),
            ("measure=views&measure=views", "measure", "given twice"),
            (
                "measure=views&granularity=second",
                "granularity",
                "expected minute, hour, day, week or month",
            ),
            ("measure=views&compare=month", "compare", "expected previous, week, year or none"),
            ("measure=views&granularity=minute&from=2026-11-20", "from", "1000 minutes"),
            (
                "measure=views&granularity=minute&from=2026-11-14T11:58:00Z&to=2026-11-14T11:59:00Z",
                "from",
                "minutes are kept for 7 days, since 2026-11-14T12:00:00Z",
            ),
            ("measure=views&from=2015-12-09&to=2015-12-10&compare=year", "compare", "have expired"),
            ("measure=views&granularity=minute&compare=week", "compare", "have expired"),
            ("measure=views&tz=Mars/Olympus", "tz", "as UTC or Europe/Berlin"),
            ("measure=views&from=yesterday", "from", "a date as 2026-11-20"),
            ("measure=views&from=2026-2-30", "from", "a date as 2026-11-20"),
            ("measure=views&to=2026-11-31", "to", "a date as 2026-11-20"),
            ("measure=views&from=2026-11-20&to=2026-11-20", "from", "earlier one"),
            ("measure=views&from=2026-11-20&to=2026-11-19", "from", "earlier one"),
            ("measure=views&from=2026-11-22", "from", "in the future"),
            ("measure=views&from=1969-12-31", "from", "from 1970 to 9999"),
            ("measure=views&to=0000-01-01T00:00:00Z", "to", "from 1970 to 9999"),
            ("measure=views&to=-262143-01-01&granularity=hour", "to", "from 1970 to 9999"),
            ("measure=views&to=%2B262142-12-31", "to", "from 1970 to 9999"),
            ("measure=views&from=9999-12-31&tz=Etc/GMT%2B12", "from", "between 1970"),
            ("measure=views&from=9998-12-31", "from", "in the future"),
            ("measure=views&granularity=hour&from=2026-10-01", "from", "1000 hours"),
            ("measure=views&item_id=", "item_id", "expected 1 to 256"),
            (long.as_str(), "item_id", "expected 1 to 256"),
            ("measure=views&site_id=a%20b", "site_id", "expected 1 to 64"),
            ("measure=views&limit=101", "limit", "from 0 to 100"),
            ("measure=views&limit=-1", "limit", "from 0 to 100"),
            ("measure=views&currency=USD", "currency", "only sales, refunds and net_sales"),
            ("measure=sales&basis=order", "basis", "only refunds and net_sales"),
            ("measure=refunds&basis=item", "basis", "expected order or refund"),
            ("measure=sales&currency=dollars", "currency", "three letters"),
            ("measure=views&cursor=", "cursor", "next_cursor"),
            ("measure=views&cursor=AQ", "cursor", "next_cursor"),
            ("measure=views&window=1h", "window", "it takes measure, granularity"),
        ] {
            let error = parsed(query).expect_err(query);
            assert!(error.contains(name) && error.contains(expected), "{query}: {error}");
        }
    }

    #[test]
    fn pages_are_the_whole_series_in_its_order_whatever_the_clock_does() {
        let query = "measure=views&granularity=hour&tz=Asia/Kolkata&from=2026-10-20T00:00:00Z";
        let whole = parsed(query).expect("a series");
        let calendar = whole.calendar;
        let expected =
            calendar.periods(at("2026-10-20T00:00:00Z"), at("2026-11-21T13:00:00Z"), at(NOW));
        let (mut periods, mut next, mut pages) = (whole.periods, whole.next_cursor, 1);
        while let Some(cursor) = next {
            let later = parsed_at(&format!("{query}&cursor={cursor}"), "2026-11-23T07:00:00Z")
                .expect("the next page");
            periods.extend(later.periods);
            next = later.next_cursor;
            pages += 1;
        }
        assert_eq!(Ok(periods), expected);
        assert_eq!(pages, 8, "781 hours");
    }

    #[test]
    fn pages_of_a_compared_series_are_compared_as_the_whole_series() {
        let query = "measure=views&granularity=hour&from=2026-11-11&compare=previous";
        let first = parsed(query).expect("a series");
        let mut edges = vec![];
        let mut page = Some(first);
        while let Some(question) = page {
            let (compare, series) = question.compared.expect("it is compared");
            assert_eq!((compare, series.len()), (Compare::Previous, question.periods.len()));
            edges.extend(series.edges[..series.len()].iter().map(DateTime::to_utc));
            let next = question.next_cursor.map(|cursor| format!("{query}&cursor={cursor}"));
            page = next.map(|query| parsed_at(&query, "2026-11-21T12:20:30Z").expect("a page"));
        }
        // Eleven dates, of which the last one runs, so eleven days earlier.
        let expected: Vec<_> = (0..10 * 24 + 13)
            .map(|hour| at("2026-10-31T00:00:00Z") + TimeDelta::hours(hour))
            .collect();
        assert_eq!(edges, expected);
        let cursor = parsed(query).expect("a series").next_cursor.expect("more than a page");
        for other in
            ["measure=views&granularity=hour", "measure=views&granularity=hour&compare=none"]
        {
            let error = parsed(&format!("{other}&cursor={cursor}")).expect_err(other);
            assert!(error.starts_with("cursor is"), "{error}");
        }
    }

    #[test]
    fn the_running_period_is_compared_until_the_same_minute() {
        for (query, compared) in [
            ("from=2026-11-20", "2026-11-18T00:00:00Z 2026-11-19T12:01:00Z minute"),
            ("from=2026-11-20&compare=week", "2026-11-13T00:00:00Z 2026-11-14T12:01:00Z minute"),
            ("from=2026-11-19&to=2026-11-20", "2026-11-18T00:00:00Z 2026-11-19T00:00:00Z minute"),
            (
                "granularity=minute&from=2026-11-21T11:58:00Z",
                "2026-11-21T11:55:00Z 2026-11-21T11:58:00Z minute",
            ),
        ] {
            let compare = if query.contains("compare") { "" } else { "&compare=previous" };
            let question = parsed(&format!("measure=views&{query}{compare}")).expect(query);
            let (_, series) = question.compared.expect("it is compared");
            let window = series.window();
            let found = format!("{} {} {}", window.from, window.to, series.precision);
            assert_eq!(found, compared, "{query}");
        }
    }

    #[test]
    fn a_page_is_bounded_by_what_it_is_summed_from() {
        for (query, count) in [
            ("granularity=day&from=2026-01-01", 100),
            ("granularity=day&from=2026-01-01&tz=America/New_York", 35),
            ("granularity=week&from=2026-01-01&tz=America/New_York", 28),
            ("granularity=month&from=2024-01-01", 35),
        ] {
            let question = parsed(&format!("measure=views&{query}")).expect(query);
            assert_eq!(question.periods.len(), count, "{query}");
        }
    }

    #[test]
    fn a_cursor_belongs_to_its_question() {
        let first = parsed("measure=views&from=2026-01-01").expect("a series");
        let cursor = first.next_cursor.expect("more than a page");
        assert_eq!(
            parsed(&format!("measure=views&cursor={cursor}")).expect("the next page").periods.len(),
            100
        );
        for other in ["granularity=week", "tz=Europe/Berlin"] {
            let error = parsed(&format!("measure=views&cursor={cursor}&{other}")).expect_err(other);
            assert!(error.starts_with("cursor is"), "{error}");
        }
        for (from, to) in [
            (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MIN_UTC),
            (at(NOW), DateTime::<Utc>::MAX_UTC),
        ] {
            let made_up = Cursor { from, to, start: None }.to_text();
            let error =
                parsed(&format!("measure=views&cursor={made_up}")).expect_err("nobody gave it");
            assert!(error.starts_with("cursor is"), "{error}");
        }
        let other_version = format!("Ag{}", &cursor[2..]);
        let error =
            parsed(&format!("measure=views&cursor={other_version}")).expect_err("version 2");
        assert!(error.starts_with("cursor is"), "{error}");
    }

    #[test]
    fn what_has_expired_is_refused_unless_nobody_asked_for_it() {
        // Hours are kept for 400 days, so since 2025-10-17T12:00:00Z.
        for query in [
            "granularity=hour&from=2025-10-17T11:59:59Z&to=2025-10-18",
            "granularity=day&tz=Europe/Berlin&from=2025-10-17&to=2025-10-19",
            "granularity=month&tz=Europe/Berlin&from=2025-10-01",
        ] {
            let error = parsed(&format!("measure=views&{query}")).expect_err(query);
            assert!(
                error.starts_with("from ")
                    && error.contains("400 days, since 2025-10-17T12:00:00Z"),
                "{error}"
            );
        }
        for query in [
            "granularity=hour&from=2025-10-17T12:00:00Z&to=2025-10-18",
            "granularity=day&tz=Europe/Berlin&from=2025-10-18&to=2025-10-19",
            "granularity=month&from=2025-10-01",
            "granularity=month&tz=Africa/Abidjan&from=2025-10-01",
        ] {
            parsed(&format!("measure=views&{query}")).expect(query);
        }
        let error = parsed("measure=views&from=2015-12-08&to=2015-12-10")
            .expect_err("4,000 days are shorter");
        assert!(error.contains("4000 days, since 2015-12-09T12:00:00Z"), "{error}");
        parsed("measure=views&from=2015-12-09&to=2015-12-10")
            .expect("the day that the 4,000th before lies in");
        let at_first =
            parsed_at("measure=views&granularity=month&tz=Europe/Berlin&to=2025-12-01", NOW);
        assert_eq!(at_first.expect("what is kept of 12 months").periods.len(), 1);
    }
}
