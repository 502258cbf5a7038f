//! Series: the hours, days, weeks and months that a history is cut into, in any zone.

use std::fmt;

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, TimeZone, Utc,
};
use chrono_tz::{GapInfo, Tz};

use crate::query::window::Window;
use crate::time::Minute;
use crate::time::period::Period;

/// How many periods a series has at most.
pub const PERIODS_MAX: usize = 1_000;

const SECONDS_PER_HOUR: i64 = 3_600;
const DAYS_PER_WEEK: u64 = 7;

/// How far back a series begins if nobody says: 24 hours, 30 days, 12 weeks or 12 months.
const HOURS_BACK: TimeDelta = TimeDelta::hours(24);
const DAYS_BACK: u64 = 30;
const WEEKS_BACK: u64 = 12;
const MONTHS_BACK: u32 = 12;

/// How long the periods of a series are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Granularity {
    /// Hours, by the clock of UTC in every zone.
    Hour,
    /// Days, from midnight to midnight.
    Day,
    /// Weeks, from Monday's midnight.
    Week,
    /// Months, from the midnight of the 1st.
    Month,
}

impl Granularity {
    /// Reads `hour`, `day`, `week` or `month`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Granularity> {
        match text {
            "hour" => Some(Granularity::Hour),
            "day" => Some(Granularity::Day),
            "week" => Some(Granularity::Week),
            "month" => Some(Granularity::Month),
            _ => None,
        }
    }

    /// The word that [`Granularity::parse`] reads.
    pub fn as_str(self) -> &'static str {
        match self {
            Granularity::Hour => "hour",
            Granularity::Day => "day",
            Granularity::Week => "week",
            Granularity::Month => "month",
        }
    }
}

/// Why a range cannot be cut into a series. The sentence names the parameter and what was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SeriesError {
    /// It is empty or reversed.
    #[error("from is not before to; expected from to be the earlier one")]
    Reversed,
    /// It has not begun yet.
    #[error("from is in the future; expected a time that has begun")]
    Future,
    /// It leaves the years that have minutes.
    #[error("from and to must lie between 1970-01-01 and 9999-12-31")]
    OutOfRange,
    /// It has more periods than a series may have.
    #[error(
        "from and to are more than {PERIODS_MAX} {}s apart; expected {PERIODS_MAX} at most: ask for less, or by a coarser \
         granularity",
        .0.as_str()
    )]
    TooMany(Granularity),
}

/// One hour, day, week or month of a zone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CalendarPeriod {
    /// Its first instant, by the zone's clock.
    pub start: DateTime<Tz>,
    /// The first instant of the next one.
    pub end: DateTime<Tz>,
    /// The minutes that are counted for it: whole hours of UTC. An edge within such an hour is cut
    /// at the hour's start, for this period and for its neighbour alike, so that nothing is counted
    /// twice or lost.
    pub window: Window,
}

impl CalendarPeriod {
    /// **Shape**: `None` where an edge lies beyond the year 9999. What lies before 1970 is left
    /// out.
    fn new(start: DateTime<Tz>, end: DateTime<Tz>) -> Option<CalendarPeriod> {
        let hour_of = |edge: DateTime<Tz>| {
            Minute::from_epoch_seconds(edge.timestamp().max(0))
                .map(|minute| minute.hour().first_minute())
        };
        Some(CalendarPeriod {
            start,
            end,
            window: Window { from: hour_of(start)?, to: hour_of(end)? },
        })
    }

    /// Whether both edges are where the zone has them, and not cut at the hour before.
    pub fn is_exact(&self) -> bool {
        [self.start, self.end].iter().all(|edge| edge.timestamp() % SECONDS_PER_HOUR == 0)
    }

    /// Whether this time is among those that are counted for the period.
    pub fn counts(&self, time: DateTime<Utc>) -> bool {
        Minute::containing(time)
            .is_some_and(|minute| self.window.from <= minute && minute < self.window.to)
    }
}

/// `[2026-11-19T00:00:00+01:00, 2026-11-20T00:00:00+01:00)`, and the hours that are counted for it.
impl fmt::Debug for CalendarPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [start, end] =
            [self.start, self.end].map(|edge| edge.to_rfc3339_opts(SecondsFormat::Secs, true));
        let hours = self.window.to.hour().number() - self.window.from.hour().number();
        write!(f, "[{start}, {end}) {:?}+{hours}h", self.window.from.hour())
    }
}

/// What cuts time into periods: their length, and the zone whose midnights they begin at.
///
/// **Guarantees**: periods follow each other without gap or overlap, and each has at least one
/// hour. A midnight that does not exist, because the clock was put forward over it, is the first
/// instant after it; of one that exists twice it is the earlier. A date that a zone skipped has no
/// period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// How long its periods are.
    pub granularity: Granularity,
    /// The zone.
    pub zone: Tz,
}

impl Calendar {
    /// Cuts a range into periods, ascending: from the one that holds `from` to the one that the
    /// last instant before `to` lies in, or to the one that is running at `now`, whichever is
    /// earlier.
    ///
    /// # Errors
    /// [`SeriesError`].
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

    /// The period that this instant lies in; `None` before 1970 and after 9999.
    pub fn containing(self, time: DateTime<Utc>) -> Option<CalendarPeriod> {
        Minute::containing(time)?;
        if self.granularity == Granularity::Hour {
            let seconds = time.timestamp();
            let start = DateTime::from_timestamp(seconds - seconds % SECONDS_PER_HOUR, 0)?
                .with_timezone(&self.zone);
            return CalendarPeriod::new(start, start + TimeDelta::hours(1));
        }
        let mut first = self.first_date_of(time.with_timezone(&self.zone).date_naive())?;
        loop {
            let next = self.first_date_after(first)?;
            let (start, end) = (self.start_of_date(first)?, self.start_of_date(next)?);
            if time < end {
                return CalendarPeriod::new(start, end);
            }
            // A clock that was put back over midnight shows the old date again, in the new date's
            // period.
            first = next;
        }
    }

    /// The period that is counted into at this time. It is the one after that which the zone's
    /// clock shows if its edge is cut at the hour's start and the hour has begun.
    pub fn running(self, now: DateTime<Utc>) -> Option<CalendarPeriod> {
        let period = self.containing(now)?;
        if period.counts(now) { Some(period) } else { self.containing(period.end.to_utc()) }
    }

    /// The first instant of a date.
    pub fn start_of_date(self, date: NaiveDate) -> Option<DateTime<Tz>> {
        let midnight = date.and_time(NaiveTime::MIN);
        match self.zone.from_local_datetime(&midnight).earliest() {
            Some(start) => Some(start),
            None => GapInfo::new(&midnight, &self.zone)?.end,
        }
    }

    /// Where a series that ends at this time begins if nobody says; not before 1970.
    pub fn default_from(self, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let date = to.with_timezone(&self.zone).date_naive();
        let from = match self.granularity {
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

    /// The utc_periods that a period's numbers are summed from: the one that is the same span of
    /// time, or else whole days and, before the first and after the last of them, hours.
    pub fn utc_periods(self, period: &CalendarPeriod) -> Vec<Period> {
        let Window { from, to } = period.window;
        let day = from.hour().day();
        let own = match self.granularity {
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
            let (hour, day) = (Period::Hour(next.hour()), Period::Day(next.hour().day()));
            let has_whole_day = day.first_minute() == next && day.end() <= to;
            let utc_period = if has_whole_day { day } else { hour };
            utc_periods.push(utc_period);
            next = utc_period.end();
        }
        utc_periods
    }

    /// The date that the period of a date begins with.
    fn first_date_of(self, date: NaiveDate) -> Option<NaiveDate> {
        match self.granularity {
            Granularity::Hour | Granularity::Day => Some(date),
            Granularity::Week => {
                date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())))
            }
            Granularity::Month => date.with_day(1),
        }
    }

    /// The date that the period after the one of this first date begins with.
    fn first_date_after(self, first: NaiveDate) -> Option<NaiveDate> {
        match self.granularity {
            Granularity::Hour | Granularity::Day => first.succ_opt(),
            Granularity::Week => first.checked_add_days(Days::new(DAYS_PER_WEEK)),
            Granularity::Month => first.checked_add_months(Months::new(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::TZ_VARIANTS;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn calendar(granularity: Granularity, zone: &str) -> Calendar {
        Calendar { granularity, zone: zone.parse().expect("a zone") }
    }

    /// The periods from one time to another, one a line; the present is far behind them.
    fn check(granularity: Granularity, zone: &str, from: &str, to: &str, expected: &[&str]) {
        let periods =
            calendar(granularity, zone).periods(at(from), at(to), at("2040-01-01T00:00:00Z"));
        let periods: Vec<String> =
            periods.expect("a series").iter().map(|period| format!("{period:?}")).collect();
        assert_eq!(periods, expected, "{zone}");
    }

    #[test]
    fn days_of_utc_are_24_hours() {
        check(
            Granularity::Day,
            "UTC",
            "2026-11-19T05:00:00Z",
            "2026-11-21T00:00:00Z",
            &[
                "[2026-11-19T00:00:00Z, 2026-11-20T00:00:00Z) 2026-11-19T00+24h",
                "[2026-11-20T00:00:00Z, 2026-11-21T00:00:00Z) 2026-11-20T00+24h",
            ],
        );
    }

    #[test]
    fn days_have_23_and_25_hours_when_the_clock_is_changed() {
        check(
            Granularity::Day,
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            "2026-03-29T22:00:01Z",
            &[
                "[2026-03-28T00:00:00+01:00, 2026-03-29T00:00:00+01:00) 2026-03-27T23+24h",
                "[2026-03-29T00:00:00+01:00, 2026-03-30T00:00:00+02:00) 2026-03-28T23+23h",
                "[2026-03-30T00:00:00+02:00, 2026-03-31T00:00:00+02:00) 2026-03-29T22+24h",
            ],
        );
        check(
            Granularity::Day,
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            &["[2026-10-25T00:00:00+02:00, 2026-10-26T00:00:00+01:00) 2026-10-24T22+25h"],
        );
    }

    #[test]
    fn a_midnight_that_does_not_exist_is_the_first_instant_after_it() {
        check(
            Granularity::Day,
            "America/Sao_Paulo",
            "2018-11-03T12:00:00Z",
            "2018-11-05T02:00:00Z",
            &[
                "[2018-11-03T00:00:00-03:00, 2018-11-04T01:00:00-02:00) 2018-11-03T03+24h",
                "[2018-11-04T01:00:00-02:00, 2018-11-05T00:00:00-02:00) 2018-11-04T03+23h",
            ],
        );
    }

    #[test]
    fn a_midnight_that_exists_twice_is_the_earlier_one() {
        // At one o'clock the clock of Havana goes back to midnight.
        check(
            Granularity::Day,
            "America/Havana",
            "2026-10-31T12:00:00Z",
            "2026-11-01T12:00:00Z",
            &[
                "[2026-10-31T00:00:00-04:00, 2026-11-01T00:00:00-04:00) 2026-10-31T04+24h",
                "[2026-11-01T00:00:00-04:00, 2026-11-02T00:00:00-05:00) 2026-11-01T04+25h",
            ],
        );
        // A minute after midnight that of Saint John's went back to 23:01 of the day before.
        let days = calendar(Granularity::Day, "America/St_Johns");
        let second_evening = days.containing(at("2010-11-07T03:00:00Z")).expect("in range");
        assert_eq!(second_evening.start.to_rfc3339(), "2010-11-07T00:00:00-02:30");
        assert_eq!(second_evening.end.to_rfc3339(), "2010-11-08T00:00:00-03:30");
    }

    #[test]
    fn a_date_that_was_skipped_has_no_period() {
        check(
            Granularity::Day,
            "Pacific/Apia",
            "2011-12-29T20:00:00Z",
            "2011-12-30T12:00:00Z",
            &[
                "[2011-12-29T00:00:00-10:00, 2011-12-31T00:00:00+14:00) 2011-12-29T10+24h",
                "[2011-12-31T00:00:00+14:00, 2012-01-01T00:00:00+14:00) 2011-12-30T10+24h",
            ],
        );
    }

    #[test]
    fn edges_within_an_hour_are_cut_at_its_start() {
        check(
            Granularity::Day,
            "Asia/Kolkata",
            "2026-11-19T00:00:00Z",
            "2026-11-20T00:00:00Z",
            &[
                "[2026-11-19T00:00:00+05:30, 2026-11-20T00:00:00+05:30) 2026-11-18T18+24h",
                "[2026-11-20T00:00:00+05:30, 2026-11-21T00:00:00+05:30) 2026-11-19T18+24h",
            ],
        );
        // Half an hour of summer time: one edge is whole, the other is not.
        let days = calendar(Granularity::Day, "Australia/Lord_Howe");
        let change = days.containing(at("2026-10-03T15:00:00Z")).expect("in range");
        assert_eq!(
            format!("{change:?}"),
            "[2026-10-04T00:00:00+10:30, 2026-10-05T00:00:00+11:00) 2026-10-03T13+24h"
        );
        let after = days.containing(change.end.to_utc()).expect("in range");
        assert_eq!((change.is_exact(), after.is_exact()), (false, true));
        assert_eq!(change.window.to, after.window.from);
    }

    #[test]
    fn hours_are_those_of_utc_and_exact_in_every_zone() {
        check(
            Granularity::Hour,
            "Asia/Kolkata",
            "2026-11-19T18:10:00Z",
            "2026-11-19T19:00:01Z",
            &[
                "[2026-11-19T23:30:00+05:30, 2026-11-20T00:30:00+05:30) 2026-11-19T18+1h",
                "[2026-11-20T00:30:00+05:30, 2026-11-20T01:30:00+05:30) 2026-11-19T19+1h",
            ],
        );
        let hours = calendar(Granularity::Hour, "Asia/Kolkata");
        assert!(hours.containing(at("2026-11-19T18:10:00Z")).expect("in range").is_exact());
    }

    #[test]
    fn weeks_begin_on_monday_whatever_the_year() {
        check(
            Granularity::Week,
            "UTC",
            "2026-12-27T23:59:59Z",
            "2027-01-04T00:00:00Z",
            &[
                "[2026-12-21T00:00:00Z, 2026-12-28T00:00:00Z) 2026-12-21T00+168h",
                "[2026-12-28T00:00:00Z, 2027-01-04T00:00:00Z) 2026-12-28T00+168h",
            ],
        );
        check(
            Granularity::Week,
            "Europe/Berlin",
            "2026-10-20T00:00:00Z",
            "2026-10-20T01:00:00Z",
            &["[2026-10-19T00:00:00+02:00, 2026-10-26T00:00:00+01:00) 2026-10-18T22+169h"],
        );
    }

    #[test]
    fn months_begin_on_the_first() {
        check(
            Granularity::Month,
            "America/New_York",
            "2027-12-31T12:00:00Z",
            "2028-02-10T00:00:00Z",
            &[
                "[2027-12-01T00:00:00-05:00, 2028-01-01T00:00:00-05:00) 2027-12-01T05+744h",
                "[2028-01-01T00:00:00-05:00, 2028-02-01T00:00:00-05:00) 2028-01-01T05+744h",
                "[2028-02-01T00:00:00-05:00, 2028-03-01T00:00:00-05:00) 2028-02-01T05+696h",
            ],
        );
    }

    #[test]
    fn a_series_ends_with_the_running_period() {
        let days = calendar(Granularity::Day, "UTC");
        let now = at("2026-11-21T12:00:00Z");
        let periods = days
            .periods(at("2026-11-20T00:00:00Z"), at("2027-01-01T00:00:00Z"), now)
            .expect("a series");
        let counting: Vec<bool> = periods.iter().map(|period| period.counts(now)).collect();
        assert_eq!(counting, [false, true]);
        let from_now_on = days.periods(at("2026-11-21T13:00:00Z"), at("2027-01-01T00:00:00Z"), now);
        assert_eq!(from_now_on.expect("the running day").len(), 1);
    }

    #[test]
    fn a_day_of_which_the_hour_has_begun_is_running() {
        // In Kolkata it is 23:40, and the hour of UTC that midnight lies in is the next day's.
        let days = calendar(Granularity::Day, "Asia/Kolkata");
        let now = at("2026-11-20T18:10:00Z");
        let running = days.running(now).expect("in range");
        assert_eq!(running.start.to_rfc3339(), "2026-11-21T00:00:00+05:30");
        assert!(running.counts(now));
        let series = days
            .periods(at("2026-11-20T12:00:00Z"), at("2026-12-01T00:00:00Z"), now)
            .expect("a series");
        assert_eq!(series.last(), Some(&running));
    }

    #[test]
    fn a_range_that_cannot_be_cut_says_why() {
        let days = calendar(Granularity::Day, "UTC");
        let now = at("2026-11-21T12:00:00Z");
        let error =
            |from: &str, to: &str| days.periods(at(from), at(to), now).expect_err("no series");
        assert_eq!(error("2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z"), SeriesError::Reversed);
        assert_eq!(error("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"), SeriesError::Future);
        assert_eq!(error("1969-12-31T23:59:59Z", "2026-11-23T00:00:00Z"), SeriesError::OutOfRange);
        let too_many = error("2024-02-25T00:00:00Z", "2026-11-21T00:00:01Z");
        assert_eq!(too_many, SeriesError::TooMany(Granularity::Day));
        assert!(too_many.to_string().contains("1000 days"), "{too_many}");
        let all = days.periods(at("2024-02-26T00:00:00Z"), at("2026-11-21T00:00:01Z"), now);
        assert_eq!(all.expect("a thousand days").len(), PERIODS_MAX);
    }

    #[test]
    fn a_series_begins_so_far_back_if_nobody_says() {
        for (granularity, to, from) in [
            (Granularity::Hour, "2026-11-21T12:34:56Z", "2026-11-20T12:34:56Z"),
            (Granularity::Day, "2026-11-21T12:34:56Z", "2026-10-21T22:00:00Z"),
            (Granularity::Week, "2026-11-21T12:34:56Z", "2026-08-28T22:00:00Z"),
            (Granularity::Month, "2026-11-21T12:34:56Z", "2025-11-20T23:00:00Z"),
            (Granularity::Month, "1970-05-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(
                calendar(granularity, "Europe/Berlin").default_from(at(to)),
                Some(at(from)),
                "{granularity:?}"
            );
        }
    }

    #[test]
    fn a_period_is_one_utc_period_or_days_with_hours_at_its_edges() {
        let utc_periods = |granularity, zone: &str, time: &str| {
            let calendar = calendar(granularity, zone);
            calendar.utc_periods(&calendar.containing(at(time)).expect("in range"))
        };
        for (granularity, zone, expected) in [
            (Granularity::Hour, "Asia/Kolkata", "[Hour(2026-12-30T05)]"),
            (Granularity::Day, "UTC", "[Day(2026-12-30)]"),
            (Granularity::Week, "UTC", "[Week(2026-W53)]"),
            (Granularity::Month, "Europe/London", "[Month(2026-12)]"),
        ] {
            assert_eq!(
                format!("{:?}", utc_periods(granularity, zone, "2026-12-30T05:06:07Z")),
                expected
            );
        }
        let week = utc_periods(Granularity::Week, "Europe/Berlin", "2026-12-30T05:06:07Z");
        assert_eq!(week.len(), 1 + 6 + 23);
        assert_eq!(format!("{:?}", &week[..2]), "[Hour(2026-12-27T23), Day(2026-12-28)]");
        assert_eq!(format!("{:?}", &week[6..8]), "[Day(2027-01-02), Hour(2027-01-03T00)]");
        assert_eq!(
            utc_periods(Granularity::Day, "America/New_York", "2026-12-30T05:06:07Z").len(),
            24
        );
    }

    #[test]
    fn the_week_before_1970_loses_what_lies_before() {
        let week = calendar(Granularity::Week, "UTC")
            .containing(at("1970-01-01T00:00:00Z"))
            .expect("in range");
        assert_eq!(
            format!("{week:?}"),
            "[1969-12-29T00:00:00Z, 1970-01-05T00:00:00Z) 1970-01-01T00+96h"
        );
    }

    fn any_calendar() -> impl Strategy<Value = Calendar> {
        let granularities =
            [Granularity::Hour, Granularity::Day, Granularity::Week, Granularity::Month];
        (prop::sample::select(granularities.to_vec()), prop::sample::select(TZ_VARIANTS.to_vec()))
            .prop_map(|(granularity, zone)| Calendar { granularity, zone })
    }

    proptest! {
        #[test]
        fn periods_follow_each_other_and_cover_the_range(
            calendar in any_calendar(),
            from_seconds in 10_000_000_i64..2_100_000_000,
            length_seconds in 1_i64..40_000_000,
        ) {
            let from = DateTime::from_timestamp(from_seconds, 0).expect("in range");
            let to = from + TimeDelta::seconds(length_seconds);
            let now = at("2040-01-01T00:00:00Z");
            let periods = match calendar.periods(from, to, now) {
                Ok(periods) => periods,
                Err(error) => {
                    prop_assert_eq!(error, SeriesError::TooMany(Granularity::Hour));
                    prop_assert!(length_seconds > 999 * SECONDS_PER_HOUR);
                    return Ok(());
                }
            };
            let (first, last) = (periods.first().expect("one at least"), periods.last().expect("one at least"));
            prop_assert!(first.start <= from && from < first.end);
            prop_assert!(last.start < to && to <= last.end);
            for period in &periods {
                prop_assert!(period.window.from < period.window.to);
                prop_assert!(period.window.from.of_hour() == 0 && period.window.to.of_hour() == 0);
                prop_assert_eq!(calendar.containing(period.start.to_utc()), Some(*period));
                let utc_periods = calendar.utc_periods(period);
                prop_assert_eq!(utc_periods.first().map(|utc_period| utc_period.first_minute()), Some(period.window.from));
                prop_assert_eq!(utc_periods.last().map(|utc_period| utc_period.end()), Some(period.window.to));
                prop_assert!(utc_periods.windows(2).all(|pair| pair[0].end() == pair[1].first_minute()));
            }
            for pair in periods.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
                prop_assert_eq!(pair[0].window.to, pair[1].window.from);
            }
        }

        #[test]
        fn a_day_begins_with_the_first_instant_of_its_date(
            zone in prop::sample::select(TZ_VARIANTS.to_vec()),
            seconds in 10_000_000_i64..2_100_000_000,
        ) {
            let days = Calendar { granularity: Granularity::Day, zone };
            let day = days.containing(DateTime::from_timestamp(seconds, 0).expect("in range")).expect("in range");
            let date = day.start.date_naive();
            // The naive way: what the zone's clock showed just before, and at every quarter of the
            // day before.
            prop_assert!((day.start - TimeDelta::seconds(1)).date_naive() < date);
            for quarters in 1..100 {
                prop_assert!((day.start - TimeDelta::minutes(15 * quarters)).date_naive() < date);
            }
            // The next period is that of the next date, or of a later one if the zone skipped
            // dates.
            let next = day.end.date_naive();
            let skipped = date.iter_days().skip(1).take_while(|skipped| *skipped < next);
            for skipped in skipped {
                let noon = skipped.and_hms_opt(12, 0, 0).expect("noon");
                prop_assert_eq!(zone.from_local_datetime(&noon).earliest(), None);
            }
            prop_assert!(date < next);
        }
    }
}
