//! Covers: the fewest rows from which a window can be summed.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::query::window::{WINDOW_MINUTES_MAX, Window};
use crate::time::lateness::{SETTLE_TIME, is_closed, is_settled};
use crate::time::period::{Period, Retention};
use crate::time::{Day, HOURS_PER_DAY, Hour, MINUTES_PER_HOUR, Minute, Quarter, QuarterHours};

/// How many minutes one query reads. A minute of a shop with 10,000 items, 6,000 of them viewed,
/// takes about 60 KB, and a page of a query result holds 1 MB. So a query needs one page, and a
/// busy hour takes six concurrent queries instead of six pages in sequence.
pub const MINUTES_PER_RANGE: u32 = 10;

/// How many hours one query reads. An hour of 10,000 items takes about 100 KB, so eight fill a
/// page.
pub const HOURS_PER_RANGE: u32 = 8;

/// How many months one query reads. A month of 10,000 items takes about 130 KB, so six fit into
/// a page.
pub const MONTHS_PER_RANGE: u32 = 6;

/// How many months one query reads for a window longer than [`WINDOW_MINUTES_MAX`]. All time is
/// more than fifty years, most of them empty: fewer queries are worth a second page for the years
/// of a large shop.
pub const MONTHS_PER_RANGE_OF_YEARS: u32 = 12;

/// Adjacent periods of one kind whose rows one query reads.
///
/// **Shape**: up to [`MINUTES_PER_RANGE`] minutes of one hour, quarters of one hour, up to
/// [`HOURS_PER_RANGE`] hours of one day, up to [`MONTHS_PER_RANGE`] (or
/// [`MONTHS_PER_RANGE_OF_YEARS`]) months of one year, or one day or week.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PeriodRange {
    /// The first period.
    pub first: Period,
    /// The last period; equal to the first for a day, a week or the current month.
    pub last: Period,
    /// The minutes in the rows: those of the periods, but of a current day, week or month only the
    /// settled hours.
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

    /// Whether this range can be extended by the next one: the hours of a day, and the months of a
    /// year, are adjacent in the table. The current month stays separate: while one of its hours
    /// waits for its seal, only its rows must be skipped.
    fn can_extend(self, next: PeriodRange, months_per_range: u32) -> bool {
        match (self.first, next.first) {
            (Period::Hour(first), Period::Hour(hour)) => {
                first.day() == hour.day() && hour.number() - first.number() < HOURS_PER_RANGE
            }
            (Period::Month(first), Period::Month(month)) => {
                let ((first_year, first_of_year), (year, of_year)) =
                    (first.of_year(), month.of_year());
                let is_current = next.window.to < next.first.end();
                !is_current && first_year == year && of_year - first_of_year < months_per_range
            }
            _ => false,
        }
    }

    /// Whether it is read from minute rows, which are complete even if their hour is a gap.
    pub fn is_minutes(self) -> bool {
        matches!(self.first, Period::Minute(_))
    }

    /// The hour after the last one in its rows.
    pub fn end_hour(self) -> Hour {
        self.window.to.plus(MINUTES_PER_HOUR - 1).hour()
    }

    /// Whether it contains a gap but is read from rows of quarters, hours, days, weeks or months, so
    /// that the rows may be incomplete.
    pub fn has_gap(self, gaps: &Gaps) -> bool {
        !self.is_minutes() && gaps.any_in(self.window.from.hour(), self.end_hour())
    }
}

/// The hours whose sums are not, or may not be, in the rows of quarters, hours, days, weeks and
/// months yet. They are summed from their minutes, and no coarser period of them is read.
///
/// **Shape**: an hour whose minutes have expired is not a gap: its own row is the best source left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gaps {
    listed: BTreeSet<Hour>,
    /// The first hour that is not settled; later hours are not either.
    unsettled: Hour,
    /// Whether that hour stays open so long that no coarser row contains any of it while this
    /// answer is computed.
    is_unsettled_open: bool,
}

impl Gaps {
    /// The gaps at this time: the hours that are not settled, and those of `open_hours` whose
    /// minutes are still kept.
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

    /// Whether there is a gap from the hour `first` to before the hour `end`.
    fn any_in(&self, first: Hour, end: Hour) -> bool {
        self.unsettled < end || self.listed.range(first..end).next().is_some()
    }

    /// The end of the minutes in the row of a period. The row of a current day, week or month holds
    /// its settled hours and nothing of an hour that is still open: late events and sealing add to
    /// it once that hour is closed.
    fn end_of(&self, period: Period) -> Minute {
        let unsettled = self.unsettled.first_minute();
        let is_current = period.first_minute() < unsettled && unsettled < period.end();
        if is_current && self.is_unsettled_open { unsettled } else { period.end() }
    }
}

/// Covers a window with the fewest ranges: whole months, ISO weeks and days (or the settled part of
/// the current one), hours before the first and after the last of them, quarters at edges that lie
/// in one of `quarter_hours`, and minutes at other edges and in gaps.
///
/// **Guarantees**: the ranges ascend, and each minute of the window is in exactly one of them. No
/// quarter, hour, day, week or month among them is of a gap, and no other choice of periods is
/// smaller.
pub fn cover(window: Window, gaps: &Gaps, quarter_hours: &QuarterHours) -> Vec<PeriodRange> {
    let has_years = window.to.number().saturating_sub(window.from.number()) > WINDOW_MINUTES_MAX;
    let months_per_range = if has_years { MONTHS_PER_RANGE_OF_YEARS } else { MONTHS_PER_RANGE };
    let mut ranges: Vec<PeriodRange> = vec![];
    for range in cover_by_periods(window, gaps, quarter_hours) {
        match ranges.last_mut() {
            Some(last) if last.can_extend(range, months_per_range) => {
                last.last = range.last;
                last.window.to = range.window.to;
            }
            _ => ranges.push(range),
        }
    }
    ranges
}

/// A cover with one range for every hour and month.
fn cover_by_periods(window: Window, gaps: &Gaps, quarter_hours: &QuarterHours) -> Vec<PeriodRange> {
    let mut ranges = vec![];
    let mut next = window.from;
    while next < window.to {
        let hour = next.hour();
        let is_whole = hour.first_minute() == next && hour.next().first_minute() <= window.to;
        if !is_whole || gaps.contains(hour) {
            let end = hour.next().first_minute().min(window.to);
            let part = Window { from: next, to: end };
            match quarters_of(part, quarter_hours).filter(|_| !gaps.contains(hour)) {
                Some((first, last)) => {
                    let (first, last) = (Period::Quarter(first), Period::Quarter(last));
                    ranges.push(PeriodRange { first, last, window: part });
                }
                None => push_minutes(&mut ranges, part.from, part.to),
            }
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

/// The first and the last quarter of a part of an hour; `None` if it is not one or more quarters
/// that have rows.
fn quarters_of(part: Window, quarter_hours: &QuarterHours) -> Option<(Quarter, Quarter)> {
    let (first, last) = (part.from.quarter(), part.to.minus(1).quarter());
    let is_whole = first.first_minute() == part.from && last.next().first_minute() == part.to;
    (is_whole && quarter_hours.contains(part.from.hour())).then_some((first, last))
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

/// The consecutive days without a gap from this hour to this minute; empty if the hour is not the
/// first of a day. The last one may be the current day.
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

/// Covers consecutive days with the fewest days, weeks and months. A greedy choice of the longest
/// period is not optimal: a week that extends into the next month rules out that month.
fn push_days(ranges: &mut Vec<PeriodRange>, days: &[Day], gaps: &Gaps) {
    /// The fewest ranges from a day to the end: their number, the first of them, and its days.
    #[derive(Clone, Copy)]
    struct Suffix {
        ranges: usize,
        first: PeriodRange,
        first_days: usize,
    }
    let mut suffixes: Vec<Option<Suffix>> = vec![None; days.len() + 1];
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
            let ranges = 1 + suffixes[start + first_days].map_or(0, |rest| rest.ranges);
            if suffixes[start].is_none_or(|suffix| ranges < suffix.ranges) {
                suffixes[start] = Some(Suffix { ranges, first, first_days });
            }
        }
    }
    let mut start = 0;
    while let Some(suffix) = suffixes[start] {
        ranges.push(suffix.first);
        start += suffix.first_days;
    }
}

/// `2026-11-20T23[07..=16]`, `2026-11-20T18:30..=2026-11-20T18:45`, `2026-11-20T23`,
/// `2026-11-20T16..=2026-11-20T23`, `2026-11-20`, `2026-W47`, `2026-11`, `2026-01..=2026-06`.
impl fmt::Debug for PeriodRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (Period::Minute(first), Period::Minute(last)) => {
                write!(f, "{}[{:02}..={:02}]", first.hour(), first.of_hour(), last.of_hour())
            }
            (Period::Quarter(first), Period::Quarter(last)) if first < last => {
                write!(f, "{first}..={last}")
            }
            (Period::Quarter(quarter), _) => write!(f, "{quarter}"),
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
            (Period::Minute(_), _) => f.write_str("minutes that do not end with a minute"),
        }
    }
}

#[cfg(test)]
#[path = "cover_tests.rs"]
mod tests;
