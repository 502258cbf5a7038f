//! Series: the minutes, hours, days, weeks and months of a history, in any time zone.

use std::fmt;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::query::window::Window;
use crate::time::period::Period;
use crate::time::{MINUTES_PER_HOUR, Minute, QuarterHours, start_of_date};

/// The maximum number of periods in a series.
pub const PERIODS_MAX: usize = 1_000;

const SECONDS_PER_HOUR: i64 = 3_600;
const SECONDS_PER_MINUTE: i64 = 60;
const DAYS_PER_WEEK: u64 = 7;

/// The default length of a series: 60 minutes, 24 hours, 30 days, 12 weeks or 12 months.
const MINUTES_BACK: TimeDelta = TimeDelta::minutes(60);
const HOURS_BACK: TimeDelta = TimeDelta::hours(24);
const DAYS_BACK: u64 = 30;
const WEEKS_BACK: u64 = 12;
const MONTHS_BACK: u32 = 12;

/// The length of the periods of a series.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Granularity {
    /// Minutes of UTC, in every zone.
    Minute,
    /// Hours of UTC, in every zone.
    Hour,
    /// Days, from midnight to midnight.
    Day,
    /// Weeks, from midnight on Monday.
    Week,
    /// Months, from midnight on the first.
    Month,
}

impl Granularity {
    /// Parses `minute`, `hour`, `day`, `week` or `month`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Granularity> {
        match text {
            "minute" => Some(Granularity::Minute),
            "hour" => Some(Granularity::Hour),
            "day" => Some(Granularity::Day),
            "week" => Some(Granularity::Week),
            "month" => Some(Granularity::Month),
            _ => None,
        }
    }

    /// The word that [`Granularity::parse`] accepts.
    pub fn as_str(self) -> &'static str {
        match self {
            Granularity::Minute => "minute",
            Granularity::Hour => "hour",
            Granularity::Day => "day",
            Granularity::Week => "week",
            Granularity::Month => "month",
        }
    }
}

/// Why a range has no series. The message names the parameter and what was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SeriesError {
    /// It is empty or reversed.
    #[error("from is not before to; expected from to be the earlier one")]
    Reversed,
    /// It has not started yet.
    #[error("from is in the future; expected a time that has begun")]
    Future,
    /// It exceeds the supported years.
    #[error("from and to must lie between 1970-01-01 and 9999-12-31")]
    OutOfRange,
    /// It has too many periods.
    #[error(
        "from and to are more than {PERIODS_MAX} {}s apart; expected {PERIODS_MAX} at most: ask for less, or by a coarser \
         granularity",
        .0.as_str()
    )]
    TooMany(Granularity),
}

/// One minute, hour, day, week or month of a zone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CalendarPeriod {
    /// Its first instant, in the zone.
    pub start: DateTime<Tz>,
    /// The first instant of the next one.
    pub end: DateTime<Tz>,
    /// The minutes that count for the period: itself, whole hours of UTC, or quarters of those hours
    /// that have rows of them. Another edge within an hour moves to the start of that hour, for this
    /// period and its neighbour alike, so that nothing is counted twice or lost.
    pub window: Window,
}

impl CalendarPeriod {
    /// **Shape**: `None` if an edge is after the year 9999. Time before 1970 is left out.
    fn new(
        start: DateTime<Tz>,
        end: DateTime<Tz>,
        quarter_hours: &QuarterHours,
    ) -> Option<CalendarPeriod> {
        let counted_from = |edge: DateTime<Tz>| {
            let seconds = edge.timestamp().max(0);
            let minute = Minute::from_epoch_seconds(seconds)?;
            let is_exact = minute.epoch_seconds() == seconds && quarter_hours.has_edge(minute);
            Some(if is_exact { minute } else { minute.hour().first_minute() })
        };
        let window = Window { from: counted_from(start)?, to: counted_from(end)? };
        Some(CalendarPeriod { start, end, window })
    }

    /// Whether both edges are exactly those of the zone, not moved to the start of an hour.
    pub fn is_exact(&self) -> bool {
        let edges = [(self.start, self.window.from), (self.end, self.window.to)];
        edges.iter().all(|(edge, counted)| edge.timestamp().max(0) == counted.epoch_seconds())
    }

    /// Whether this time counts for the period.
    pub fn counts(&self, time: DateTime<Utc>) -> bool {
        Minute::containing(time)
            .is_some_and(|minute| self.window.from <= minute && minute < self.window.to)
    }
}

/// `[2026-11-19T00:00:00+01:00, 2026-11-20T00:00:00+01:00)`, and the hours and minutes that count
/// for it: `2026-11-18T23+24h`, `2026-11-18T18:30+24h`, `2026-11-18T18:30+24h15`.
impl fmt::Debug for CalendarPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [start, end] =
            [self.start, self.end].map(|edge| edge.to_rfc3339_opts(SecondsFormat::Secs, true));
        let Window { from, to } = self.window;
        write!(f, "[{start}, {end}) {:?}", from.hour())?;
        if from.of_hour() > 0 {
            write!(f, ":{:02}", from.of_hour())?;
        }
        let minutes = to.number() - from.number();
        write!(f, "+{}h", minutes / MINUTES_PER_HOUR)?;
        match minutes % MINUTES_PER_HOUR {
            0 => Ok(()),
            more => write!(f, "{more:02}"),
        }
    }
}

/// Divides time into periods of a granularity, in a zone.
///
/// **Guarantees**: periods follow each other without gap or overlap, and each but a minute has at
/// least one hour. If a midnight does not exist because the clock was set forward, the period starts with the
/// first instant after it; if it exists twice, with the earlier one. A date that the zone skipped
/// has no period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calendar<'a> {
    /// The length of its periods.
    pub granularity: Granularity,
    /// The zone.
    pub zone: Tz,
    /// The hours of the site that have rows of their quarters.
    pub quarter_hours: &'a QuarterHours,
}

impl Calendar<'_> {
    /// The periods of a range, ascending: from the one that contains `from` to the one that
    /// contains the last instant before `to`, or to the current one at `now`, whichever is earlier.
    ///
    /// # Errors
    /// Fails with a [`SeriesError`] if the range is empty, in the future, outside the supported
    /// years or too long; a retry does not help.
    pub fn periods(
        self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<CalendarPeriod>, SeriesError> {
        let running = self.running(now).ok_or(SeriesError::OutOfRange)?;
        let mut period = self.containing(from).ok_or(SeriesError::OutOfRange)?;
        if running.start < period.start {
            return Err(SeriesError::Future);
        }
        if to <= from {
            return Err(SeriesError::Reversed);
        }
        let mut periods = vec![period];
        while period.end < to && period.start < running.start {
            if periods.len() == PERIODS_MAX {
                return Err(SeriesError::TooMany(self.granularity));
            }
            period = self.containing(period.end.to_utc()).ok_or(SeriesError::OutOfRange)?;
            periods.push(period);
        }
        Ok(periods)
    }

    /// The period that contains this instant; `None` before 1970 and after 9999.
    pub fn containing(self, time: DateTime<Utc>) -> Option<CalendarPeriod> {
        Minute::containing(time)?;
        let seconds = time.timestamp();
        if self.granularity == Granularity::Minute {
            let start = DateTime::from_timestamp(seconds - seconds % SECONDS_PER_MINUTE, 0)?
                .with_timezone(&self.zone);
            let from = Minute::containing(time)?;
            let window = Window { from, to: from.plus(1) };
            let end = start + TimeDelta::minutes(1);
            return Minute::containing(end.to_utc()).map(|_| CalendarPeriod { start, end, window });
        }
        if self.granularity == Granularity::Hour {
            let start = DateTime::from_timestamp(seconds - seconds % SECONDS_PER_HOUR, 0)?
                .with_timezone(&self.zone);
            return CalendarPeriod::new(start, start + TimeDelta::hours(1), self.quarter_hours);
        }
        let mut first = self.first_date_of(time.with_timezone(&self.zone).date_naive())?;
        loop {
            let next = self.first_date_after(first)?;
            let (start, end) = (self.start_of_date(first)?, self.start_of_date(next)?);
            if time < end {
                return CalendarPeriod::new(start, end, self.quarter_hours);
            }
            // A clock that is set back over midnight shows the old date again within the period of
            // the new date.
            first = next;
        }
    }

    /// The period for which the present counts. It is the one after the period of the zone's clock
    /// if the edge between them moved to the start of an hour that has begun.
    pub fn running(self, now: DateTime<Utc>) -> Option<CalendarPeriod> {
        let period = self.containing(now)?;
        if period.counts(now) { Some(period) } else { self.containing(period.end.to_utc()) }
    }

    /// The first instant of a date.
    pub fn start_of_date(self, date: NaiveDate) -> Option<DateTime<Tz>> {
        start_of_date(self.zone, date)
    }

    /// The default start of a series that ends at this time; not before 1970.
    pub fn default_from(self, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let date = to.with_timezone(&self.zone).date_naive();
        let from = match self.granularity {
            Granularity::Minute => to - MINUTES_BACK,
            Granularity::Hour => to - HOURS_BACK,
            Granularity::Day => {
                self.start_of_date(date.checked_sub_days(Days::new(DAYS_BACK))?)?.to_utc()
            }
            Granularity::Week => self
                .start_of_date(date.checked_sub_days(Days::new(WEEKS_BACK * DAYS_PER_WEEK))?)?
                .to_utc(),
            Granularity::Month => {
                self.start_of_date(date.checked_sub_months(Months::new(MONTHS_BACK))?)?.to_utc()
            }
        };
        Some(from.max(DateTime::UNIX_EPOCH))
    }

    /// The UTC periods from which the values of a period are summed: the one that is the same span
    /// of time, or else whole days, hours before the first and after the last of them, and quarters
    /// at edges within an hour.
    pub fn utc_periods(self, period: &CalendarPeriod) -> Vec<Period> {
        let Window { from, to } = period.window;
        let day = from.hour().day();
        let own = match self.granularity {
            Granularity::Minute => Period::Minute(from),
            Granularity::Hour => Period::Hour(from.hour()),
            Granularity::Day => Period::Day(day),
            Granularity::Week => Period::Week(day.week()),
            Granularity::Month => Period::Month(day.month()),
        };
        if own.first_minute() == from && own.end() == to {
            return vec![own];
        }
        let mut utc_periods = vec![];
        let mut next = from;
        while next < to {
            let longest_first = [
                Period::Day(next.hour().day()),
                Period::Hour(next.hour()),
                Period::Quarter(next.quarter()),
            ];
            let fits = |period: &&Period| period.first_minute() == next && period.end() <= to;
            // Edges lie at quarters: the last one always fits.
            let utc_period = longest_first.iter().find(fits).unwrap_or(&longest_first[2]);
            utc_periods.push(*utc_period);
            next = utc_period.end();
        }
        utc_periods
    }

    /// The first date of the period that contains a date.
    fn first_date_of(self, date: NaiveDate) -> Option<NaiveDate> {
        match self.granularity {
            Granularity::Minute | Granularity::Hour | Granularity::Day => Some(date),
            Granularity::Week => {
                date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())))
            }
            Granularity::Month => date.with_day(1),
        }
    }

    /// The first date of the period after the one with this first date.
    fn first_date_after(self, first: NaiveDate) -> Option<NaiveDate> {
        match self.granularity {
            Granularity::Minute | Granularity::Hour | Granularity::Day => first.succ_opt(),
            Granularity::Week => first.checked_add_days(Days::new(DAYS_PER_WEEK)),
            Granularity::Month => first.checked_add_months(Months::new(1)),
        }
    }
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
