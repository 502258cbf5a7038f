use super::*;
use crate::time::MINUTES_PER_QUARTER;
use crate::time::lateness::ALLOWED_LATENESS;
use chrono::{Datelike, TimeDelta};
use chrono_tz::{TZ_VARIANTS, Tz};
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

/// The quarters of a site that has had this zone for ever.
fn of_zone(zone: Tz) -> QuarterHours {
    let mut quarter_hours = QuarterHours::default();
    quarter_hours.push(Minute::EPOCH.hour(), Some(zone));
    quarter_hours
}

/// The ranges, at 2026-11-20T23:30Z, of the window between two times.
fn check(from: &str, to: &str, open_hours: &[&str], expected: &str) {
    let gaps = Gaps::new(hours(open_hours), RETENTION, at("2026-11-20T23:30:00Z"));
    let ranges = cover(Window { from: minute(from), to: minute(to) }, &gaps, QuarterHours::NONE);
    assert_eq!(format!("{ranges:?}").trim_matches(['[', ']']), expected.trim_matches(['[', ']']));
}

#[test]
fn minutes_are_split_into_pages() {
    check(
        "2026-11-20T22:38:00Z",
        "2026-11-20T23:08:00Z",
        &[],
        "[2026-11-20T22[38..=47], 2026-11-20T22[48..=57], 2026-11-20T22[58..=59], 2026-11-20T23[00..=07]]",
    );
}

#[test]
fn whole_settled_hours_are_read_from_their_rows_and_the_current_one_is_not() {
    check(
        "2026-11-20T20:55:00Z",
        "2026-11-21T00:00:00Z",
        &[],
        "[2026-11-20T20[55..=59], 2026-11-20T21..=2026-11-20T22, 2026-11-20T23[00..=09], 2026-11-20T23[10..=19], \
         2026-11-20T23[20..=29], 2026-11-20T23[30..=39], 2026-11-20T23[40..=49], 2026-11-20T23[50..=59]]",
    );
}

#[test]
fn an_open_hour_splits_its_day_week_and_month() {
    let day = |number: u32| format!("2026-11-{number:02}");
    let hours = |first: u32, last: u32| format!("2026-11-18T{first:02}..=2026-11-18T{last:02}");
    let mut expected = vec!["2026-W46".to_string(), day(16), day(17)];
    expected.extend([hours(0, 7), hours(8, 15), hours(16, 22)]);
    expected.extend((0..6).map(|ten| format!("2026-11-18T23[{ten}0..={ten}9]")));
    expected.push(day(19));
    check("2026-11-09T00:00:00Z", "2026-11-20T00:00:00Z", &["2026-11-18T23"], &expected.join(", "));
    // Neither hours before the window nor hours whose minutes have expired matter.
    check(
        "2026-11-09T00:00:00Z",
        "2026-11-16T00:00:00Z",
        &["2026-11-08T23", "2026-11-10T07"],
        "[2026-W46]",
    );
}

#[test]
fn the_row_of_a_current_day_week_or_month_holds_its_settled_hours() {
    let minutes = "2026-11-20T23[00..=09], 2026-11-20T23[10..=19], 2026-11-20T23[20..=29]";
    for (from, first) in [("20T00", "2026-11-20"), ("16T00", "2026-W47"), ("01T00", "2026-11")] {
        let expected = format!("[{first}, {minutes}]");
        check(&format!("2026-11-{from}:00:00Z"), "2026-11-20T23:30:00Z", &[], &expected);
    }
    // Not if the window ends before them, nor if one of them is open.
    check("2026-11-20T00:00:00Z", "2026-11-20T02:00:00Z", &[], "[2026-11-20T00..=2026-11-20T01]");
    let gaps = Gaps::new(hours(&["2026-11-20T22"]), RETENTION, at("2026-11-20T23:12:00Z"));
    let window =
        Window { from: minute("2026-11-19T00:00:00Z"), to: minute("2026-11-20T23:00:00Z") };
    assert_eq!(cover(window, &gaps, QuarterHours::NONE).len(), 1 + 3 + 6);
}

#[test]
fn the_row_of_a_current_day_is_not_used_while_one_of_its_hours_is_being_closed() {
    let count = |now: &str| {
        let window =
            Window { from: minute("2026-11-20T00:00:00Z"), to: minute("2026-11-20T23:00:00Z") };
        cover(window, &Gaps::new([], RETENTION, at(now)), QuarterHours::NONE).len()
    };
    // Hour 22 is open, about to be closed, closed but not settled, settled.
    assert_eq!(count("2026-11-20T23:08:59Z"), 1 + 6);
    assert_eq!(count("2026-11-20T23:09:00Z"), 3 + 6);
    assert_eq!(count("2026-11-20T23:10:59Z"), 3 + 6);
    assert_eq!(count("2026-11-20T23:11:00Z"), 1);
}

#[test]
fn hours_of_two_days_are_two_ranges() {
    check(
        "2026-11-18T22:00:00Z",
        "2026-11-19T10:00:00Z",
        &[],
        "[2026-11-18T22..=2026-11-18T23, 2026-11-19T00..=2026-11-19T07, 2026-11-19T08..=2026-11-19T09]",
    );
}

#[test]
fn months_are_preferred_to_weeks_and_weeks_to_days() {
    // 2026-08-31 is a Monday, but its week would rule out September.
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
    let ranges = cover(window, &gaps, QuarterHours::NONE);
    let count =
        |is_kind: fn(&Period) -> bool| ranges.iter().filter(|range| is_kind(&range.first)).count();
    // Hour 22 is not settled yet; of November there are its first nineteen days and the other
    // hours of the 20th.
    assert_eq!(count(|period| matches!(period, Period::Month(_))), 4);
    assert_eq!(count(|period| matches!(period, Period::Week(_) | Period::Day(_))), 4);
    assert_eq!(count(|period| matches!(period, Period::Hour(_))), 0);
    assert_eq!(count(|period| matches!(period, Period::Minute(_))), 6 + 6 + 1);
}

#[test]
fn months_of_one_year_are_one_range_except_the_current_one() {
    let minutes = "2026-11-20T23[00..=09], 2026-11-20T23[10..=19], 2026-11-20T23[20..=29]";
    check(
        "2025-11-01T00:00:00Z",
        "2026-11-20T23:30:00Z",
        &[],
        &format!("[2025-11..=2025-12, 2026-01..=2026-06, 2026-07..=2026-10, 2026-11, {minutes}]"),
    );
    check(
        "2024-11-01T00:00:00Z",
        "2026-11-20T23:30:00Z",
        &[],
        &format!("[2024-11..=2024-12, 2025-01..=2025-12, 2026-01..=2026-10, 2026-11, {minutes}]"),
    );
    // A month with an open hour is split by itself.
    let window =
        Window { from: minute("2025-01-01T00:00:00Z"), to: minute("2026-03-01T00:00:00Z") };
    let retention = Retention { minute_days: 0, ..RETENTION };
    let gaps = Gaps::new(hours(&["2025-05-31T23"]), retention, at("2026-11-20T23:30:00Z"));
    let ranges = format!("{:?}", cover(window, &gaps, QuarterHours::NONE));
    assert!(ranges.starts_with("[2025-01..=2025-04, 2025-05-01, "), "{ranges}");
    assert!(
        ranges.ends_with("2025-05-31T23[50..=59], 2025-06..=2025-12, 2026-01..=2026-02]"),
        "{ranges}"
    );
}

#[test]
fn an_edge_of_a_zone_is_read_from_quarters_once_its_hour_is_settled() {
    let ranges = |now: &str, open: &[&str], from: &str, to: &str, zone: Tz| {
        let gaps = Gaps::new(hours(open), RETENTION, at(now));
        let window = Window { from: minute(from), to: minute(to) };
        format!("{:?}", cover(window, &gaps, &of_zone(zone)))
    };
    let (from, to) = ("2026-11-18T18:30:00Z", "2026-11-19T18:30:00Z");
    let hours = "2026-11-18T19..=2026-11-18T23, 2026-11-19T00..=2026-11-19T07, \
                 2026-11-19T08..=2026-11-19T15, 2026-11-19T16..=2026-11-19T17";
    let quarters = ["2026-11-18T18:30..=2026-11-18T18:45", "2026-11-19T18:00..=2026-11-19T18:15"];
    assert_eq!(
        ranges("2026-11-20T23:30:00Z", &[], from, to, Tz::Asia__Kolkata),
        format!("[{}, {hours}, {}]", quarters[0], quarters[1])
    );
    // Quarters of a gap are not complete.
    let minutes = "2026-11-19T18[00..=09], 2026-11-19T18[10..=19], 2026-11-19T18[20..=29]";
    assert_eq!(
        ranges("2026-11-20T23:30:00Z", &["2026-11-19T18"], from, to, Tz::Asia__Kolkata),
        format!("[{}, {hours}, {minutes}]", quarters[0])
    );
    assert_eq!(
        ranges("2026-11-19T19:10:59Z", &[], from, to, Tz::Asia__Kolkata),
        format!("[{}, {hours}, {minutes}]", quarters[0])
    );
    // The midnights of Nepal lie in the same hours, those of Newfoundland in others.
    let nepal = ("2026-11-18T18:15:00Z", "2026-11-18T19:00:00Z");
    assert_eq!(
        ranges("2026-11-20T23:30:00Z", &[], nepal.0, nepal.1, Tz::Asia__Kolkata),
        "[2026-11-18T18:15..=2026-11-18T18:45]"
    );
    assert_eq!(
        ranges("2026-11-20T23:30:00Z", &[], nepal.0, "2026-11-18T18:30:00Z", Tz::Asia__Kolkata),
        "[2026-11-18T18:15]"
    );
    let minutes = "2026-11-19T18[30..=39], 2026-11-19T18[40..=49], 2026-11-19T18[50..=59]";
    assert_eq!(
        ranges("2026-11-20T23:30:00Z", &[], to, "2026-11-19T19:00:00Z", Tz::America__St_Johns),
        format!("[{minutes}]")
    );
    // What is not a quarter is read from minutes.
    assert_eq!(
        ranges("2026-11-20T23:30:00Z", &[], to, "2026-11-19T18:36:00Z", Tz::Asia__Kolkata),
        "[2026-11-19T18[30..=35]]"
    );
}

#[test]
fn an_empty_window_has_an_empty_cover() {
    check("2026-11-20T20:55:00Z", "2026-11-20T20:55:00Z", &[], "[]");
}

/// The fewest periods of at least an hour, and ranges of minutes, up to each hour: by trying all,
/// hour by hour.
fn fewest(from: Hour, to: Hour, gaps: &Gaps, now: DateTime<Utc>) -> usize {
    let settled_end =
        Minute::containing(now - ALLOWED_LATENESS - SETTLE_TIME).expect("in range").hour();
    let is_clear = !is_closed(settled_end, now + SETTLE_TIME);
    let span =
        |first: Hour, end: Hour| usize::try_from(end.number() - first.number()).expect("few");
    let minute_ranges = usize::try_from(MINUTES_PER_HOUR.div_ceil(MINUTES_PER_RANGE)).expect("few");
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
                let end = if is_running && is_clear { settled_end } else { period.end().hour() };
                let mut inside =
                    (hour.number()..end.number()).map(|number| hour.plus(number - hour.number()));
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
    fn sealed_windows_take_few_ranges(length in 1_u32..=WINDOW_MINUTES_MAX, now_seconds in 0_i64..40_000_000) {
        let now = at("2026-11-20T23:30:00Z") + TimeDelta::seconds(now_seconds);
        let to = Minute::containing(now).expect("in range").plus(1);
        let ranges = cover(Window { from: to.minus(length), to }, &Gaps::new([], RETENTION, now), QuarterHours::NONE);
        // The reader asks for 96 at once, one of them for the open hours.
        prop_assert!(ranges.len() <= 95, "{} ranges", ranges.len());
    }

    #[test]
    fn all_time_is_a_query_a_year_and_a_few(now_seconds in 0_i64..40_000_000) {
        let now = at("2026-11-20T23:30:00Z") + TimeDelta::seconds(now_seconds);
        let to = Minute::containing(now).expect("in range").plus(1);
        let ranges = cover(Window { from: Minute::EPOCH, to }, &Gaps::new([], RETENTION, now), QuarterHours::NONE);
        // The current year takes months, weeks, days, hours and minutes.
        let years = usize::try_from(now.year() - 1970).expect("after 1970");
        prop_assert!(ranges.len() <= years + 30, "{} ranges in {years} years", ranges.len());
    }

    #[test]
    fn every_minute_is_in_one_range_and_no_coarse_range_contains_a_gap(
        from in 29_000_000_u32..29_921_000,
        length in 0_u32..900_000,
        open in prop::collection::vec(0_u32..15_000, 0..4),
        now_seconds in 0_i64..100_000,
        zone in prop::sample::select(TZ_VARIANTS.to_vec()),
        is_at_quarters: bool,
    ) {
        let now = at("2026-11-20T23:30:00Z") + TimeDelta::seconds(now_seconds);
        let (from, length) = match is_at_quarters {
            true => (from - from % MINUTES_PER_QUARTER, length - length % MINUTES_PER_QUARTER),
            false => (from, length),
        };
        let from = Minute::from_epoch_seconds(i64::from(from) * 60).expect("in range");
        let window = Window { from, to: from.plus(length) };
        let quarter_hours = of_zone(zone);
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
        for range in cover(window, &gaps, &quarter_hours) {
            prop_assert_eq!(range.window.from, next);
            prop_assert_eq!(range.first.first_minute(), next);
            let end = range.window.to;
            if range.is_minutes() {
                prop_assert!(end.number() - next.number() <= MINUTES_PER_RANGE);
                prop_assert_eq!(end.minus(1).hour(), next.hour());
                let is_needed = is_gap(next.hour()) || !quarter_hours.contains(next.hour());
                prop_assert!(is_needed || !is_at_quarters, "{:?} has quarters", range);
            } else {
                match (range.first, range.last) {
                    (Period::Quarter(first), Period::Quarter(last)) => {
                        prop_assert_eq!(first.hour(), last.hour());
                        prop_assert!(quarter_hours.contains(first.hour()));
                        prop_assert!(end.number() - next.number() < MINUTES_PER_HOUR);
                    }
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
                while hour < range.end_hour() {
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
        let window = Window { from: from.first_minute(), to: to.first_minute() };
        let ranges = cover_by_periods(window, &gaps, QuarterHours::NONE);
        prop_assert_eq!(ranges.len(), fewest(from, to, &gaps, now));
    }
}
