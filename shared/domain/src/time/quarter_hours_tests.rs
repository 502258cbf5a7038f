use std::collections::BTreeMap;

use super::*;
use crate::query::cover::{Gaps, cover};
use crate::query::series::{Calendar, Granularity};
use crate::time::period::{Period, Retention};
use chrono::Offset as _;
use chrono::TimeZone as _;
use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;

const DAY: i64 = 86_400;

/// 2021-01-01T00:00Z, and ten years later.
const TEN_YEARS: (i64, i64) = (1_609_459_200, 1_924_992_000);

fn hour(name: &str) -> Hour {
    Hour::parse(name).expect("an hour")
}

fn since(from: Hour, zone: Tz) -> QuarterHours {
    let mut quarter_hours = QuarterHours::default();
    quarter_hours.push(from, Some(zone));
    quarter_hours
}

/// The hours of these with quarters, at a site that has had a zone for ever.
fn among(zone: Tz, hours: &[&str]) -> Vec<String> {
    let quarter_hours = since(Minute::EPOCH.hour(), zone);
    let found = hours.iter().filter(|name| quarter_hours.contains(hour(name)));
    found.map(|name| name.to_string()).collect()
}

#[test]
fn the_hour_of_a_midnight_within_an_hour_has_quarters() {
    for (zone, expected) in [
        (Tz::Asia__Kolkata, "2026-11-20T18"),
        (Tz::Asia__Kathmandu, "2026-11-20T18"),
        (Tz::Asia__Tehran, "2026-11-20T20"),
        (Tz::Australia__Adelaide, "2026-11-20T13"),
        (Tz::America__St_Johns, "2026-11-20T03"),
        (Tz::Pacific__Chatham, "2026-11-20T10"),
    ] {
        let day: Vec<String> = (0..24).map(|of_day| format!("2026-11-20T{of_day:02}")).collect();
        let day: Vec<&str> = day.iter().map(String::as_str).collect();
        assert_eq!(among(zone, &day), [expected], "{zone}");
    }
}

#[test]
fn a_zone_may_need_quarters_in_a_part_of_the_year() {
    // Lord Howe is 11 hours ahead in summer and 10:30 in winter; Tehran had summer time until 2022.
    let in_summer = ["2026-01-09T12", "2026-01-09T13", "2026-01-09T14"];
    assert!(among(Tz::Australia__Lord_Howe, &in_summer).is_empty());
    let in_winter = ["2026-07-09T12", "2026-07-09T13", "2026-07-09T14"];
    assert_eq!(among(Tz::Australia__Lord_Howe, &in_winter), ["2026-07-09T13"]);
    assert_eq!(among(Tz::Asia__Tehran, &["2022-07-09T19", "2022-07-09T20"]), ["2022-07-09T19"]);
    assert_eq!(among(Tz::Asia__Tehran, &["2023-07-09T19", "2023-07-09T20"]), ["2023-07-09T20"]);
}

#[test]
fn other_zones_and_midnights_beside_a_quarter_have_none() {
    let quarter_hours = since(Minute::EPOCH.hour(), Tz::Europe__Berlin);
    assert!((0..9_000).all(|count| !quarter_hours.contains(hour("2026-01-01T00").plus(count))));
    // 44 minutes and 30 seconds behind UTC.
    assert!(among(Tz::Africa__Monrovia, &["1971-06-01T00", "1971-06-01T01"]).is_empty());
}

#[test]
fn a_zone_decides_from_its_hour_on_and_the_one_that_was_set_last() {
    let mut quarter_hours = since(hour("2026-11-10T07"), Tz::Asia__Kolkata);
    quarter_hours.push(hour("2026-11-20T07"), Some(Tz::America__St_Johns));
    quarter_hours.push(hour("2026-11-30T07"), None);
    quarter_hours.push(hour("2026-12-10T07"), Some(Tz::Asia__Kolkata));
    for (name, expected) in [
        ("2026-11-09T18", false),
        ("2026-11-10T18", true),
        ("2026-11-19T18", true),
        ("2026-11-20T03", false),
        ("2026-11-20T18", false),
        ("2026-11-21T03", true),
        ("2026-11-30T03", true),
        ("2026-12-01T03", false),
        ("2026-12-10T18", true),
    ] {
        assert_eq!(quarter_hours.contains(hour(name)), expected, "{name}");
    }
    assert!(!QuarterHours::NONE.contains(hour("2026-11-19T18")));
}

#[test]
fn an_edge_needs_quarters_unless_it_is_a_whole_hour() {
    let quarter_hours = since(Minute::EPOCH.hour(), Tz::Asia__Kolkata);
    let edge =
        |name: &str, of_hour| quarter_hours.has_edge(hour(name).first_minute().plus(of_hour));
    assert!(edge("2026-11-20T17", 0) && edge("2026-11-20T18", 0));
    assert!(edge("2026-11-20T18", 15) && edge("2026-11-20T18", 30));
    assert!(!edge("2026-11-20T18", 29) && !edge("2026-11-20T17", 30));
}

/// When the clock of a zone changed, and by how many seconds it has been ahead of UTC since then:
/// from before the ten years on.
type Clock = Vec<(i64, i64)>;

fn ahead(zone: Tz, at: i64) -> i64 {
    let time = DateTime::<Utc>::from_timestamp(at, 0).expect("in range").naive_utc();
    i64::from(zone.offset_from_utc_datetime(&time).fix().local_minus_utc())
}

fn clock(zone: Tz) -> Clock {
    let start = TEN_YEARS.0 - 400 * DAY;
    let mut changes = vec![(start, ahead(zone, start))];
    let mut at = start;
    while at < TEN_YEARS.1 + DAY {
        let next = at + 6 * 3_600;
        let (before, after) = (ahead(zone, at), ahead(zone, next));
        if before != after {
            // The first second with the new difference.
            let (mut low, mut high) = (at, next);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if ahead(zone, middle) == before { low = middle } else { high = middle }
            }
            changes.push((high, after));
        }
        at = next;
    }
    changes
}

/// The hours, counted since 1970, within which a date of a clock begins at a quarter past, half past
/// or a quarter to: by looking at the clock at each quarter, and at the second before it.
fn hours_with_midnights(clock: &Clock) -> Vec<i64> {
    let mut changes = clock.iter().copied().peekable();
    let (mut difference, mut before) = (0, 0);
    let mut last_date = i64::MIN;
    let mut found = vec![];
    let mut at = clock[0].0 - clock[0].0.rem_euclid(900);
    while at < TEN_YEARS.1 {
        while let Some((_, new)) = changes.next_if(|(since, _)| *since <= at) {
            difference = new;
        }
        let date_before = (at - 1 + before).div_euclid(DAY);
        last_date = last_date.max(date_before);
        let date = (at + difference).div_euclid(DAY);
        if date > last_date && at % 3_600 != 0 && at >= TEN_YEARS.0 {
            found.push(at.div_euclid(3_600));
        }
        last_date = last_date.max(date);
        before = difference;
        at += 900;
    }
    found
}

#[test]
fn quarters_of_every_zone_over_ten_years_are_where_its_dates_begin_within_an_hour() {
    // Zones whose clocks showed the same are tried once.
    let mut zones: BTreeMap<Clock, Vec<Tz>> = BTreeMap::new();
    for zone in TZ_VARIANTS {
        zones.entry(clock(zone)).or_default().push(zone);
    }
    assert!(zones.len() > 60, "{}", zones.len());
    let mut with_quarters = vec![];
    for (clock, zones) in &zones {
        let expected = hours_with_midnights(clock);
        let quarter_hours = since(Minute::EPOCH.hour(), zones[0]);
        let mut at = Minute::from_epoch_seconds(TEN_YEARS.0).expect("in range").hour();
        let mut found = vec![];
        while at.epoch_seconds() < TEN_YEARS.1 {
            if quarter_hours.contains(at) {
                found.push(i64::from(at.number()));
            }
            at = at.next();
        }
        assert_eq!(found, expected, "{zones:?}");
        // At most one hour a day.
        assert!(found.windows(2).all(|pair| pair[0] + 22 < pair[1]), "{zones:?}");
        if !found.is_empty() {
            with_quarters.extend(zones.iter().map(|zone| zone.name()));
        }
    }
    for zone in ["Asia/Kolkata", "Asia/Kathmandu", "Asia/Tehran", "Asia/Kabul", "Asia/Yangon"] {
        assert!(with_quarters.contains(&zone), "{zone}");
    }
    for zone in ["Australia/Adelaide", "Australia/Darwin", "Australia/Eucla", "Indian/Cocos"] {
        assert!(with_quarters.contains(&zone), "{zone}");
    }
    for zone in ["America/St_Johns", "Pacific/Chatham", "Pacific/Marquesas", "Australia/Lord_Howe"]
    {
        assert!(with_quarters.contains(&zone), "{zone}");
    }
    assert!(with_quarters.len() < 40, "{with_quarters:?}");
}

/// The naive number of a minute.
fn number_of(minute: u32) -> u64 {
    u64::from(minute.wrapping_mul(2_654_435_761) >> 20)
}

fn naive_sum(minutes: std::ops::Range<u32>) -> u64 {
    minutes.map(number_of).sum()
}

proptest! {
    #[test]
    fn a_day_of_any_zone_is_the_sum_of_rows_that_exist(
        zone in prop::sample::select(TZ_VARIANTS.to_vec()),
        seconds in TEN_YEARS.0..TEN_YEARS.1,
        granularity in prop::sample::select(vec![Granularity::Day, Granularity::Week, Granularity::Month]),
    ) {
        let quarter_hours = since(Minute::EPOCH.hour(), zone);
        let calendar = Calendar { granularity, zone, quarter_hours: &quarter_hours };
        let day = calendar.containing(DateTime::from_timestamp(seconds, 0).expect("in range")).expect("in range");
        // Every zone of these years is exact, and the minutes are gone.
        prop_assert!(day.is_exact());
        prop_assert_eq!(day.window.from.epoch_seconds(), day.start.timestamp());
        let now = day.end.to_utc() + chrono::TimeDelta::days(60);
        let retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
        let mut sum = 0;
        for range in cover(day.window, &Gaps::new([], retention, now), &quarter_hours) {
            prop_assert!(!range.is_minutes(), "{:?}", range);
            let mut row = range.first;
            loop {
                // The row of a quarter exists only if its hour has quarters.
                if let Period::Quarter(quarter) = row {
                    prop_assert!(quarter_hours.contains(quarter.hour()));
                }
                sum += naive_sum(row.first_minute().number()..row.end().number());
                if row == range.last {
                    break;
                }
                row = match row {
                    Period::Quarter(quarter) => Period::Quarter(quarter.next()),
                    Period::Hour(hour) => Period::Hour(hour.next()),
                    Period::Month(month) => Period::Month(month.next()),
                    other => other,
                };
            }
        }
        let minutes = [day.start, day.end].map(|edge| u32::try_from(edge.timestamp() / 60).expect("in range"));
        prop_assert_eq!(sum, naive_sum(minutes[0]..minutes[1]));
        // What it is summed from is kept as long as hours are.
        let utc_periods = calendar.utc_periods(&day);
        prop_assert_eq!(utc_periods.first().map(|period| period.first_minute()), Some(day.window.from));
        prop_assert_eq!(utc_periods.last().map(|period| period.end()), Some(day.window.to));
    }
}
