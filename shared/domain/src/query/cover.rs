//! Covers: the fewest rows that a window can be summed from.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::query::window::{WINDOW_MINUTES_MAX, Window};
use crate::time::lateness::{SETTLE_TIME, is_closed, is_settled};
use crate::time::period::{Period, Retention};
use crate::time::{Day, HOURS_PER_DAY, Hour, MINUTES_PER_HOUR, Minute};

/// How many minutes one query reads. A minute of a shop of 10,000 items, 6,000 of them seen in it,
/// takes about 60 KB, and a page of a query's answer holds 1 MB: so that a query is a page, and a
/// busy hour is six queries side by side rather than one after the other.
pub const MINUTES_PER_RANGE: u32 = 10;

/// How many hours one query reads. An hour of 10,000 items takes about 100 KB, so that eight fill a
/// page.
pub const HOURS_PER_RANGE: u32 = 8;

/// How many months one query reads. A month of 10,000 items takes about 130 KB, so that six fit a
/// page.
pub const MONTHS_PER_RANGE: u32 = 6;

/// How many months one query reads of a window that is longer than [`WINDOW_MINUTES_MAX`]. All time
/// has half a hundred years, and most of them are empty: fewer queries are worth a second page for
/// the years of a large shop.
pub const MONTHS_PER_RANGE_OF_YEARS: u32 = 12;

/// The rows of neighbouring periods of one kind that one query reads.
///
/// **Shape**: up to [`MINUTES_PER_RANGE`] minutes of one hour, up to [`HOURS_PER_RANGE`] hours of
/// one day, up to [`MONTHS_PER_RANGE`] (or [`MONTHS_PER_RANGE_OF_YEARS`]) months of one year, or
/// one day or week.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PeriodRange {
    /// The first period.
    pub first: Period,
    /// The last period; the first one, if that is a day or week, or the month that is running.
    pub last: Period,
    /// The minutes that the rows hold: all of the periods, except of a day, week or month that is
    /// running.
    pub window: Window,
}

impl PeriodRange {
    fn of(period: Period, gaps: &Gaps) -> PeriodRange {
        PeriodRange {
            first: period,
            last: period,
            window: Window { from: period.first_minute(), to: gaps.end_of(period) },
        }
    }

    /// Whether it may go on with this one, which follows it: hours of one day, and months of one
    /// year, lie side by side in the table. The month that is running stays by itself: where an
    /// hour of it waits for its seal, only its rows have to be passed over.
    fn may_take(self, next: PeriodRange, months_per_range: u32) -> bool {
        match (self.first, next.first) {
            (Period::Hour(first), Period::Hour(hour)) => {
                first.day() == hour.day() && hour.number() - first.number() < HOURS_PER_RANGE
            }
            (Period::Month(first), Period::Month(month)) => {
                let ((first_year, first_of_year), (year, of_year)) =
                    (first.of_year(), month.of_year());
                let is_running = next.window.to < next.first.end();
                !is_running && first_year == year && of_year - first_of_year < months_per_range
            }
            _ => false,
        }
    }

    /// Whether it is read from minute rows, which are right whether their hour is a gap or not.
    pub fn is_minutes(self) -> bool {
        matches!(self.first, Period::Minute(_))
    }

    /// Whether a gap lies in it though it is read from the row of an hour, day, week or month, so
    /// that the row may not hold all of it.
    pub fn has_gap(self, gaps: &Gaps) -> bool {
        !self.is_minutes() && gaps.any_in(self.window.from.hour(), self.window.to.hour())
    }
}

/// The hours whose sums are not in the rows of hours, days, weeks and months yet, or may not be:
/// they are summed from their minutes, and no coarser period that they lie in is read.
///
/// **Shape**: an hour of which minutes have expired is no gap: its own row is the best that there
/// is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gaps {
    listed: BTreeSet<Hour>,
    /// The first hour that is not settled; those after it are not either.
    unsettled: Hour,
    /// Whether that hour is so far from being closed that no coarser row holds any of it while this
    /// answer is made.
    is_unsettled_open: bool,
}

impl Gaps {
    /// The gaps at this time: hours that are not settled, and those of these open hours that still
    /// have their minutes.
    pub fn new(
        open_hours: impl IntoIterator<Item = Hour>,
        retention: Retention,
        now: DateTime<Utc>,
    ) -> Gaps {
        let has_minutes = |hour: &Hour| {
            !retention.has_expired(Period::Minute(hour.first_minute()), now.timestamp())
        };
        let mut unsettled = Minute::containing(now).unwrap_or(Minute::EPOCH).hour();
        while unsettled > Minute::EPOCH.hour() && !is_settled(unsettled.minus(1), now) {
            unsettled = unsettled.minus(1);
        }
        Gaps {
            listed: open_hours.into_iter().filter(has_minutes).collect(),
            unsettled,
            is_unsettled_open: !is_closed(unsettled, now + SETTLE_TIME),
        }
    }

    /// Whether an hour is a gap.
    pub fn contains(&self, hour: Hour) -> bool {
        self.any_in(hour, hour.next())
    }

    /// Whether a gap is among the hours from `first` to the one before `end`.
    fn any_in(&self, first: Hour, end: Hour) -> bool {
        self.unsettled < end || self.listed.range(first..end).next().is_some()
    }

    /// The minute after the last one that a period's row holds. The row of a day, week or month
    /// that is running holds its settled hours, and nothing of an hour that is still open: late
    /// events and sealing come to it when that is closed.
    fn end_of(&self, period: Period) -> Minute {
        let unsettled = self.unsettled.first_minute();
        let is_running = period.first_minute() < unsettled && unsettled < period.end();
        if is_running && self.is_unsettled_open { unsettled } else { period.end() }
    }
}

/// Covers a window with the fewest ranges: whole months, ISO weeks and days (or what there is of a
/// running one), before the first and after the last of them hours, and minutes at the edges and in
/// gaps.
///
/// **Guarantees**: the ranges ascend, and each minute of the window lies in exactly one of them. No
/// hour, day, week or month among them contains a gap, and no other choice of periods has fewer of
/// them.
pub fn cover(window: Window, gaps: &Gaps) -> Vec<PeriodRange> {
    let has_years = window.to.number().saturating_sub(window.from.number()) > WINDOW_MINUTES_MAX;
    let months_per_range = if has_years { MONTHS_PER_RANGE_OF_YEARS } else { MONTHS_PER_RANGE };
    let mut joined: Vec<PeriodRange> = vec![];
    for range in cover_by_periods(window, gaps) {
        match joined.last_mut() {
            Some(last) if last.may_take(range, months_per_range) => {
                last.last = range.last;
                last.window.to = range.window.to;
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// A cover with one range for every hour and month.
fn cover_by_periods(window: Window, gaps: &Gaps) -> Vec<PeriodRange> {
    let mut ranges = vec![];
    let mut next = window.from;
    while next < window.to {
        let hour = next.hour();
        let is_whole = hour.first_minute() == next && hour.next().first_minute() <= window.to;
        if !is_whole || gaps.contains(hour) {
            let end = hour.next().first_minute().min(window.to);
            push_minutes(&mut ranges, next, end);
            next = end;
            continue;
        }
        let days = whole_days(hour, window.to, gaps);
        if days.is_empty() {
            ranges.push(PeriodRange::of(Period::Hour(hour), gaps));
        } else {
            push_days(&mut ranges, &days, gaps);
        }
        next = ranges.last().map_or(window.to, |range| range.window.to);
    }
    ranges
}

fn push_minutes(ranges: &mut Vec<PeriodRange>, from: Minute, to: Minute) {
    let mut next = from;
    while next < to {
        let end = next.plus(MINUTES_PER_RANGE).min(to);
        let (first, last) = (Period::Minute(next), Period::Minute(end.minus(1)));
        ranges.push(PeriodRange { first, last, window: Window { from: next, to: end } });
        next = end;
    }
}

/// The days without a gap that follow each other from this hour on, and end by this minute; none,
/// if the hour is not the first of a day. The last one may be running.
fn whole_days(from: Hour, end: Minute, gaps: &Gaps) -> Vec<Day> {
    let mut days = vec![];
    let mut day = from.day();
    while day.first_hour() >= from {
        let day_end = gaps.end_of(Period::Day(day));
        if day_end > end || gaps.any_in(day.first_hour(), day_end.hour()) {
            break;
        }
        days.push(day);
        day = day.next();
    }
    days
}

/// Covers days that follow each other with the fewest days, weeks and months. Taking the longest
/// one at each step would not do: a week that runs into the next month stands in the way of that
/// month.
fn push_days(ranges: &mut Vec<PeriodRange>, days: &[Day], gaps: &Gaps) {
    /// How many ranges it takes from a day to the end, and how many days the first one of them has.
    #[derive(Clone, Copy)]
    struct Way {
        ranges: usize,
        first: PeriodRange,
        first_days: usize,
    }
    let mut ways: Vec<Option<Way>> = vec![None; days.len() + 1];
    for (start, day) in days.iter().enumerate().rev() {
        for period in [Period::Month(day.month()), Period::Week(day.week()), Period::Day(*day)] {
            let first = PeriodRange::of(period, gaps);
            let minutes = first.window.to.number() - day.first_hour().first_minute().number();
            let first_days = usize::try_from(minutes.div_ceil(HOURS_PER_DAY * MINUTES_PER_HOUR))
                .unwrap_or(usize::MAX);
            let begins_here = first.window.from == day.first_hour().first_minute();
            if !begins_here || first_days > days.len() - start {
                continue;
            }
            let ranges = 1 + ways[start + first_days].map_or(0, |rest| rest.ranges);
            if ways[start].is_none_or(|way| ranges < way.ranges) {
                ways[start] = Some(Way { ranges, first, first_days });
            }
        }
    }
    let mut start = 0;
    while let Some(way) = ways[start] {
        ranges.push(way.first);
        start += way.first_days;
    }
}

/// `2026-11-20T23[07..=16]`, `2026-11-20T23`, `2026-11-20T16..=2026-11-20T23`, `2026-11-20`,
/// `2026-W47`, `2026-11`, `2026-01..=2026-06`.
impl fmt::Debug for PeriodRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (Period::Minute(first), Period::Minute(last)) => {
                write!(f, "{}[{:02}..={:02}]", first.hour(), first.of_hour(), last.of_hour())
            }
            (Period::Hour(first), Period::Hour(last)) if first < last => {
                write!(f, "{first}..={last}")
            }
            (Period::Hour(hour), _) => write!(f, "{hour}"),
            (Period::Month(first), Period::Month(last)) if first < last => {
                write!(f, "{first}..={last}")
            }
            (Period::Day(day), _) => write!(f, "{day}"),
            (Period::Week(week), _) => write!(f, "{week}"),
            (Period::Month(month), _) => write!(f, "{month}"),
            (Period::Minute(_), _) => f.write_str("minutes that end with something else"),
        }
    }
}

#[cfg(test)]
#[path = "cover_tests.rs"]
mod tests;
