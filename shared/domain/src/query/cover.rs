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
mod tests {
    use super::*;
    use crate::time::lateness::ALLOWED_LATENESS;
    use chrono::{Datelike, TimeDelta};
    use proptest::prelude::*;

    const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn minute(text: &str) -> Minute {
        Minute::containing(at(text)).expect("in range")
    }

    fn hours(names: &[&str]) -> Vec<Hour> {
        names.iter().map(|name| Hour::parse(name).expect("an hour")).collect()
    }

    /// The ranges, at 2026-11-20T23:30Z, of the window between two times.
    fn check(from: &str, to: &str, open_hours: &[&str], expected: &str) {
        let gaps = Gaps::new(hours(open_hours), RETENTION, at("2026-11-20T23:30:00Z"));
        let ranges = cover(Window { from: minute(from), to: minute(to) }, &gaps);
        assert_eq!(
            format!("{ranges:?}").trim_matches(['[', ']']),
            expected.trim_matches(['[', ']'])
        );
    }

    #[test]
    fn minutes_are_cut_into_pages() {
        check(
            "2026-11-20T22:38:00Z",
            "2026-11-20T23:08:00Z",
            &[],
            "[2026-11-20T22[38..=47], 2026-11-20T22[48..=57], 2026-11-20T22[58..=59], 2026-11-20T23[00..=07]]",
        );
    }

    #[test]
    fn whole_hours_that_are_done_are_read_from_their_rows_and_the_running_one_is_not() {
        check(
            "2026-11-20T20:55:00Z",
            "2026-11-21T00:00:00Z",
            &[],
            "[2026-11-20T20[55..=59], 2026-11-20T21..=2026-11-20T22, 2026-11-20T23[00..=09], 2026-11-20T23[10..=19], \
             2026-11-20T23[20..=29], 2026-11-20T23[30..=39], 2026-11-20T23[40..=49], 2026-11-20T23[50..=59]]",
        );
    }

    #[test]
    fn an_open_hour_breaks_its_day_week_and_month_into_what_is_done() {
        let day = |number: u32| format!("2026-11-{number:02}");
        let hours = |first: u32, last: u32| format!("2026-11-18T{first:02}..=2026-11-18T{last:02}");
        let mut expected = vec!["2026-W46".to_string(), day(16), day(17)];
        expected.extend([hours(0, 7), hours(8, 15), hours(16, 22)]);
        expected.extend((0..6).map(|ten| format!("2026-11-18T23[{ten}0..={ten}9]")));
        expected.push(day(19));
        check(
            "2026-11-09T00:00:00Z",
            "2026-11-20T00:00:00Z",
            &["2026-11-18T23"],
            &expected.join(", "),
        );
        // Neither hours before the window nor hours whose minutes have expired matter.
        check(
            "2026-11-09T00:00:00Z",
            "2026-11-16T00:00:00Z",
            &["2026-11-08T23", "2026-11-10T07"],
            "[2026-W46]",
        );
    }

    #[test]
    fn the_row_of_a_running_day_week_or_month_holds_its_settled_hours() {
        let minutes = "2026-11-20T23[00..=09], 2026-11-20T23[10..=19], 2026-11-20T23[20..=29]";
        for (from, first) in [("20T00", "2026-11-20"), ("16T00", "2026-W47"), ("01T00", "2026-11")]
        {
            let expected = format!("[{first}, {minutes}]");
            check(&format!("2026-11-{from}:00:00Z"), "2026-11-20T23:30:00Z", &[], &expected);
        }
        // Not if the window ends before them, nor if one of them is open.
        check(
            "2026-11-20T00:00:00Z",
            "2026-11-20T02:00:00Z",
            &[],
            "[2026-11-20T00..=2026-11-20T01]",
        );
        let gaps = Gaps::new(hours(&["2026-11-20T22"]), RETENTION, at("2026-11-20T23:12:00Z"));
        let window =
            Window { from: minute("2026-11-19T00:00:00Z"), to: minute("2026-11-20T23:00:00Z") };
        assert_eq!(cover(window, &gaps).len(), 1 + 3 + 6);
    }

    #[test]
    fn the_row_of_a_running_day_is_not_taken_while_an_hour_of_it_is_being_closed() {
        let count = |now: &str| {
            let window =
                Window { from: minute("2026-11-20T00:00:00Z"), to: minute("2026-11-20T23:00:00Z") };
            cover(window, &Gaps::new([], RETENTION, at(now))).len()
        };
        // Hour 22 is open, about to be closed, closed but not settled, settled.
        assert_eq!(count("2026-11-20T23:08:59Z"), 1 + 6);
        assert_eq!(count("2026-11-20T23:09:00Z"), 3 + 6);
        assert_eq!(count("2026-11-20T23:10:59Z"), 3 + 6);
        assert_eq!(count("2026-11-20T23:11:00Z"), 1);
    }

    #[test]
    fn hours_of_two_days_lie_in_two_ranges() {
        check(
            "2026-11-18T22:00:00Z",
            "2026-11-19T10:00:00Z",
            &[],
            "[2026-11-18T22..=2026-11-18T23, 2026-11-19T00..=2026-11-19T07, 2026-11-19T08..=2026-11-19T09]",
        );
    }

    #[test]
    fn months_are_taken_before_weeks_and_weeks_before_days() {
        // 2026-08-31 is a Monday, but its week would stand in the way of September.
        check(
            "2026-08-30T23:00:00Z",
            "2026-11-11T00:00:00Z",
            &[],
            "[2026-08-30T23, 2026-08-31, 2026-09..=2026-10, 2026-11-01, 2026-W45, 2026-11-09, 2026-11-10]",
        );
    }

    #[test]
    fn a_year_of_a_rolling_window_takes_few_rows() {
        let window =
            Window { from: minute("2025-11-20T23:08:00Z"), to: minute("2026-11-20T23:08:00Z") };
        let gaps = Gaps::new([], RETENTION, at("2026-11-20T23:07:30Z"));
        let ranges = cover(window, &gaps);
        let count = |is_kind: fn(&Period) -> bool| {
            ranges.iter().filter(|range| is_kind(&range.first)).count()
        };
        // Hour 22 is not settled yet; of November there are its first nineteen days and the other
        // hours of the 20th.
        assert_eq!(count(|period| matches!(period, Period::Month(_))), 4);
        assert_eq!(count(|period| matches!(period, Period::Week(_) | Period::Day(_))), 4);
        assert_eq!(count(|period| matches!(period, Period::Hour(_))), 0);
        assert_eq!(count(|period| matches!(period, Period::Minute(_))), 6 + 6 + 1);
    }

    #[test]
    fn months_of_one_year_are_read_at_once_but_for_the_running_one() {
        let minutes = "2026-11-20T23[00..=09], 2026-11-20T23[10..=19], 2026-11-20T23[20..=29]";
        check(
            "2025-11-01T00:00:00Z",
            "2026-11-20T23:30:00Z",
            &[],
            &format!(
                "[2025-11..=2025-12, 2026-01..=2026-06, 2026-07..=2026-10, 2026-11, {minutes}]"
            ),
        );
        check(
            "2024-11-01T00:00:00Z",
            "2026-11-20T23:30:00Z",
            &[],
            &format!(
                "[2024-11..=2024-12, 2025-01..=2025-12, 2026-01..=2026-10, 2026-11, {minutes}]"
            ),
        );
        // A month with an open hour is broken up by itself.
        let window =
            Window { from: minute("2025-01-01T00:00:00Z"), to: minute("2026-03-01T00:00:00Z") };
        let retention = Retention { minute_days: 0, ..RETENTION };
        let gaps = Gaps::new(hours(&["2025-05-31T23"]), retention, at("2026-11-20T23:30:00Z"));
        let ranges = format!("{:?}", cover(window, &gaps));
        assert!(ranges.starts_with("[2025-01..=2025-04, 2025-05-01, "), "{ranges}");
        assert!(
            ranges.ends_with("2025-05-31T23[50..=59], 2025-06..=2025-12, 2026-01..=2026-02]"),
            "{ranges}"
        );
    }

    #[test]
    fn nothing_is_covered_by_nothing() {
        check("2026-11-20T20:55:00Z", "2026-11-20T20:55:00Z", &[], "[]");
    }

    /// The fewest periods of an hour and more, and spans of minutes, that end at each hour: by
    /// trying all, hour by hour.
    fn fewest(from: Hour, to: Hour, gaps: &Gaps, now: DateTime<Utc>) -> usize {
        let settled_end =
            Minute::containing(now - ALLOWED_LATENESS - SETTLE_TIME).expect("in range").hour();
        let is_clear = !is_closed(settled_end, now + SETTLE_TIME);
        let span =
            |first: Hour, end: Hour| usize::try_from(end.number() - first.number()).expect("few");
        let minute_ranges =
            usize::try_from(MINUTES_PER_HOUR.div_ceil(MINUTES_PER_RANGE)).expect("few");
        let mut fewest = vec![usize::MAX; span(from, to) + 1];
        fewest[0] = 0;
        let mut hour = from;
        while hour < to {
            let so_far = fewest[span(from, hour)];
            if so_far < usize::MAX {
                let is_gap = gaps.contains(hour);
                let one = if is_gap { minute_ranges } else { 1 };
                let next = span(from, hour.next());
                fewest[next] = fewest[next].min(so_far + one);
                for period in &Period::of_hour(hour)[1..] {
                    let is_running = hour < settled_end && settled_end < period.end().hour();
                    let end =
                        if is_running && is_clear { settled_end } else { period.end().hour() };
                    let mut inside = (hour.number()..end.number())
                        .map(|number| hour.plus(number - hour.number()));
                    if period.first_minute() == hour.first_minute()
                        && end <= to
                        && !inside.any(|h| gaps.contains(h))
                    {
                        let next = span(from, end);
                        fewest[next] = fewest[next].min(so_far + 1);
                    }
                }
            }
            hour = hour.next();
        }
        fewest[span(from, to)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_sealed_takes_few_ranges(length in 1_u32..=WINDOW_MINUTES_MAX, now_seconds in 0_i64..40_000_000) {
            let now = at("2026-11-20T23:30:00Z") + TimeDelta::seconds(now_seconds);
            let to = Minute::containing(now).expect("in range").plus(1);
            let ranges = cover(Window { from: to.minus(length), to }, &Gaps::new([], RETENTION, now));
            // The reader asks for 96 at once, one of them for the open hours.
            prop_assert!(ranges.len() <= 95, "{} ranges", ranges.len());
        }

        #[test]
        fn all_time_is_a_query_a_year_and_a_few(now_seconds in 0_i64..40_000_000) {
            let now = at("2026-11-20T23:30:00Z") + TimeDelta::seconds(now_seconds);
            let to = Minute::containing(now).expect("in range").plus(1);
            let ranges = cover(Window { from: Minute::EPOCH, to }, &Gaps::new([], RETENTION, now));
            // The running year takes months, weeks, days, hours and minutes.
            let years = usize::try_from(now.year() - 1970).expect("after 1970");
            prop_assert!(ranges.len() <= years + 30, "{} ranges in {years} years", ranges.len());
        }

        #[test]
        fn every_minute_lies_in_one_range_and_no_coarse_range_holds_a_gap(
            from in 29_000_000_u32..29_921_000,
            length in 0_u32..900_000,
            open in prop::collection::vec(0_u32..15_000, 0..4),
            now_seconds in 0_i64..100_000,
        ) {
            let now = at("2026-11-20T23:30:00Z") + TimeDelta::seconds(now_seconds);
            let from = Minute::from_epoch_seconds(i64::from(from) * 60).expect("in range");
            let window = Window { from, to: from.plus(length) };
            let retention = Retention { minute_days: 300, ..RETENTION };
            let months_max = if length > WINDOW_MINUTES_MAX { MONTHS_PER_RANGE_OF_YEARS } else { MONTHS_PER_RANGE };
            let open: Vec<Hour> = open.into_iter().map(|hours| from.hour().plus(hours)).collect();
            let gaps = Gaps::new(open.iter().copied(), retention, now);
            let is_gap = |hour: Hour| {
                !is_settled(hour, now)
                    || open.contains(&hour)
                        && !retention.has_expired(Period::Minute(hour.first_minute()), now.timestamp())
            };
            let mut next = window.from;
            for range in cover(window, &gaps) {
                prop_assert_eq!(range.window.from, next);
                prop_assert_eq!(range.first.first_minute(), next);
                let end = range.window.to;
                if range.is_minutes() {
                    prop_assert!(end.number() - next.number() <= MINUTES_PER_RANGE);
                    prop_assert_eq!(end.minus(1).hour(), next.hour());
                } else {
                    match (range.first, range.last) {
                        (Period::Hour(first), Period::Hour(last)) => {
                            prop_assert_eq!(first.day(), last.day());
                            prop_assert!(last.number() - first.number() < HOURS_PER_RANGE);
                        }
                        (Period::Month(first), Period::Month(last)) => {
                            prop_assert_eq!(first.of_year().0, last.of_year().0);
                            prop_assert!(last.of_year().1 - first.of_year().1 < months_max);
                        }
                        (first, last) => prop_assert_eq!(first, last),
                    }
                    let is_running = range.last.end() != end;
                    prop_assert!(!is_running || is_gap(end.hour()) && !is_closed(end.hour(), now + SETTLE_TIME));
                    prop_assert!(!is_running || range.first == range.last);
                    let mut hour = next.hour();
                    while hour < end.hour() {
                        prop_assert!(!is_gap(hour), "{:?} holds the gap {:?}", range, hour);
                        hour = hour.next();
                    }
                    prop_assert!(!range.has_gap(&gaps));
                }
                next = end;
            }
            prop_assert_eq!(next, window.to);
        }

        #[test]
        fn no_other_choice_has_fewer_ranges(
            from in 493_000_u32..498_700,
            length in 0_u32..3_000,
            open in prop::collection::vec(0_u32..3_000, 0..3),
            now_seconds in 0_i64..100_000,
        ) {
            let now = at("2026-11-20T23:30:00Z") + TimeDelta::seconds(now_seconds);
            let from = Minute::EPOCH.hour().plus(from);
            let to = from.plus(length);
            let retention = Retention { minute_days: 0, ..RETENTION };
            let open = open.into_iter().map(|hours| from.plus(hours));
            let gaps = Gaps::new(open, retention, now);
            let ranges = cover_by_periods(Window { from: from.first_minute(), to: to.first_minute() }, &gaps);
            prop_assert_eq!(ranges.len(), fewest(from, to, &gaps, now));
        }
    }
}
