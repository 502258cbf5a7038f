//! Consecutive periods of a range: their edges, and the minutes that count for them.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minutebook_domain::query::cover::{Gaps, PeriodRange, cover};
use minutebook_domain::query::series::Calendar;
use minutebook_domain::query::window::{Precision, Window};
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{HOURS_PER_DAY, MINUTES_PER_HOUR, Minute, QuarterHours};

/// How many edges are made at most: far more than an answer has, so that their number is checked
/// afterwards.
const EDGES_MAX: usize = 1_000;

/// What decides where the numbers of a period can be cut.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// The hours of the site that have rows of their quarters.
    pub(crate) quarter_hours: &'a QuarterHours,
    /// How long rows are kept.
    pub(crate) retention: Retention,
    /// The current time.
    pub(crate) now: DateTime<Utc>,
}

/// Consecutive periods, at least one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Series {
    /// The first instants of the periods, and the end of the last one, in the zone.
    pub(crate) edges: Vec<DateTime<Tz>>,
    /// The minutes that the edges count from; the last one may be earlier than its edge.
    minutes: Vec<Minute>,
    /// How exact they are.
    pub(crate) precision: Precision,
}

impl Series {
    /// Periods between edges, of which the last one counts until `until`, to the minute.
    ///
    /// **Shape**: `None` if an edge is after the year 9999. As for a history, an edge within an hour
    /// moves to the start of that hour unless the hour has rows of its quarters. An edge whose hours
    /// are no longer kept moves to the nearest midnight of UTC, and an `until` whose minutes are not
    /// to the nearest hour. An edge moves for both of its neighbours alike, so that nothing is
    /// counted twice or lost.
    pub(crate) fn new(
        edges: Vec<DateTime<Tz>>,
        until: Option<DateTime<Tz>>,
        rows: Rows<'_>,
    ) -> Option<Series> {
        let mut series = Series {
            minutes: Vec::with_capacity(edges.len()),
            edges,
            precision: Precision::Minute,
        };
        let last = series.edges.len().checked_sub(1)?;
        for (place, edge) in series.edges.iter().enumerate() {
            let (minute, precision) = match until {
                Some(until) if place == last => rows.counted_until(until)?,
                _ => rows.counted_from(*edge)?,
            };
            let before = series.minutes.last().copied().unwrap_or(Minute::EPOCH);
            series.minutes.push(minute.max(before));
            series.precision = series.precision.max(precision);
        }
        Some(series)
    }

    /// Minutes, each a period. `None` if an edge is after the year 9999, or a minute is no longer
    /// kept.
    pub(crate) fn of_minutes(edges: Vec<DateTime<Tz>>, rows: Rows<'_>) -> Option<Series> {
        let minute = |edge: &DateTime<Tz>| Minute::from_epoch_seconds(edge.timestamp());
        let minutes: Vec<Minute> = edges.iter().map(minute).collect::<Option<_>>()?;
        let is_kept = minutes.first().is_none_or(|first| !rows.has_expired(Period::Minute(*first)));
        is_kept.then_some(Series { edges, minutes, precision: Precision::Minute })
    }

    /// How many periods there are.
    pub(crate) fn len(&self) -> usize {
        self.edges.len().saturating_sub(1)
    }

    /// The minutes of each period.
    pub(crate) fn windows(&self) -> impl Iterator<Item = Window> {
        self.minutes.windows(2).map(|edges| Window { from: edges[0], to: edges[1] })
    }

    /// All their minutes.
    pub(crate) fn window(&self) -> Window {
        let edge = |minute: Option<&Minute>| minute.copied().unwrap_or(Minute::EPOCH);
        Window { from: edge(self.minutes.first()), to: edge(self.minutes.last()) }
    }

    /// Whether days of it are no longer kept, so that its sums would be too low.
    pub(crate) fn has_expired(&self, rows: Rows<'_>) -> bool {
        let first = Period::Day(self.window().from.hour().day());
        rows.retention.has_expired(first, rows.now.timestamp())
    }

    /// How many periods of UTC, minutes left out, each number is summed from.
    pub(crate) fn rows(&self, rows: Rows<'_>) -> usize {
        let gaps = Gaps::new([], rows.retention, rows.now);
        let ranges = self.windows().flat_map(|window| cover(window, &gaps, rows.quarter_hours));
        ranges.map(periods_of).sum()
    }
}

fn periods_of(range: PeriodRange) -> usize {
    let minutes = range.window.to.number() - range.window.from.number();
    let count = match range.first {
        Period::Minute(_) => 0,
        Period::Hour(_) => minutes / MINUTES_PER_HOUR,
        // Quarters of an hour, or up to a year of months.
        Period::Quarter(_) => 3,
        Period::Month(_) => (minutes / (28 * HOURS_PER_DAY * MINUTES_PER_HOUR)).max(1),
        Period::Day(_) | Period::Week(_) => 1,
    };
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Rows<'_> {
    /// The minute that a period with this edge counts from.
    fn counted_from(self, edge: DateTime<Tz>) -> Option<(Minute, Precision)> {
        let seconds = edge.timestamp().max(0);
        let minute = Minute::from_epoch_seconds(seconds)?;
        let is_exact = minute.epoch_seconds() == seconds && self.quarter_hours.has_edge(minute);
        match is_exact {
            true => Some(self.kept(minute, Precision::Minute)),
            false => Some(self.kept(minute.hour().first_minute(), Precision::Hour)),
        }
    }

    /// The minute that a period counts until which is cut here.
    fn counted_until(self, until: DateTime<Tz>) -> Option<(Minute, Precision)> {
        let minute = Minute::from_epoch_seconds(until.timestamp().max(0))?;
        let hour = minute.hour();
        let has_minutes =
            minute == hour.first_minute() || !self.has_expired(Period::Minute(hour.first_minute()));
        if has_minutes {
            return Some(self.kept(minute, Precision::Minute));
        }
        let nearest = minute.plus(MINUTES_PER_HOUR / 2).hour().first_minute();
        Some(self.kept(nearest, Precision::Hour))
    }

    /// The minute itself, or the nearest midnight if the hours around it are no longer kept.
    fn kept(self, minute: Minute, precision: Precision) -> (Minute, Precision) {
        let day = minute.hour().day();
        let midnight = day.first_hour().first_minute();
        if minute == midnight || !self.has_expired(Period::Hour(day.first_hour())) {
            return (minute, precision);
        }
        let noon = midnight.plus(HOURS_PER_DAY / 2 * MINUTES_PER_HOUR);
        let nearest = match minute.cmp(&noon) {
            Ordering::Less => midnight,
            Ordering::Equal | Ordering::Greater => day.next().first_hour().first_minute(),
        };
        (nearest, Precision::Day)
    }

    fn has_expired(self, period: Period) -> bool {
        self.retention.has_expired(period, self.now.timestamp())
    }
}

/// The edges of the periods of a calendar from one instant to another: both, and all between them.
///
/// **Shape**: `None` if that is before 1970 or after 9999. At most [`EDGES_MAX`] of them.
pub(crate) fn edges(
    calendar: Calendar<'_>,
    from: DateTime<Tz>,
    to: DateTime<Tz>,
) -> Option<Vec<DateTime<Tz>>> {
    let mut edges = vec![from];
    let mut next = calendar.containing(from.to_utc())?.end;
    while next < to && edges.len() < EDGES_MAX {
        edges.push(next);
        next = calendar.containing(next.to_utc())?.end;
    }
    edges.push(to);
    Some(edges)
}
