use super::*;
use chrono::TimeZone;
use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// A calendar of a site without a zone.
fn calendar(granularity: Granularity, zone: &str) -> Calendar<'static> {
    let zone = zone.parse().expect("a zone");
    Calendar { granularity, zone, quarter_hours: QuarterHours::NONE }
}

/// The periods from one time to another, one per line; `now` is long after them.
fn check(granularity: Granularity, zone: &str, from: &str, to: &str, expected: &[&str]) {
    let periods = calendar(granularity, zone).periods(at(from), at(to), at("2040-01-01T00:00:00Z"));
    let periods: Vec<String> =
        periods.expect("a series").iter().map(|period| format!("{period:?}")).collect();
    assert_eq!(periods, expected, "{zone}");
}

#[test]
fn minutes_are_those_of_utc() {
    let calendar = calendar(Granularity::Minute, "Asia/Kolkata");
    let (from, to) = (at("2026-11-19T05:29:30Z"), at("2026-11-19T05:31:30Z"));
    let periods = calendar.periods(from, to, at("2026-11-19T05:31:10Z")).expect("a series");
    let shown: Vec<String> =
        periods.iter().map(|it| format!("{} {}", it.start.to_rfc3339(), it.window.from)).collect();
    let expected = [
        "2026-11-19T10:59:00+05:30 2026-11-19T05:29:00Z",
        "2026-11-19T11:00:00+05:30 2026-11-19T05:30:00Z",
        "2026-11-19T11:01:00+05:30 2026-11-19T05:31:00Z",
    ];
    assert_eq!(shown, expected);
    for period in &periods {
        assert!(period.is_exact() && period.window.to == period.window.from.plus(1));
        assert_eq!(calendar.utc_periods(period), [Period::Minute(period.window.from)]);
    }
    assert!(periods[2].counts(at("2026-11-19T05:31:59Z")));
    let too_many = calendar.periods(at("2026-11-18T00:00:00Z"), to, to);
    assert_eq!(too_many, Err(SeriesError::TooMany(Granularity::Minute)));
    assert_eq!(calendar.default_from(to), Some(to - TimeDelta::minutes(60)));
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
    // At one o'clock the clocks of Havana go back to midnight.
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
    // One minute after midnight, the clocks of Saint John's went back to 23:01 of the day before.
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
fn edges_within_an_hour_move_to_its_start() {
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
    // Summer time shifts by half an hour: one edge is a whole hour, the other is not.
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
fn a_series_ends_with_the_current_period() {
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
fn a_day_is_current_from_the_hour_of_its_midnight_on() {
    // In Kolkata it is 23:40, and the UTC hour that contains midnight counts for the next day.
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
fn a_range_without_a_series_has_an_error() {
    let days = calendar(Granularity::Day, "UTC");
    let now = at("2026-11-21T12:00:00Z");
    let error = |from: &str, to: &str| days.periods(at(from), at(to), now).expect_err("no series");
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
fn a_series_has_a_default_start() {
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
    assert_eq!(utc_periods(Granularity::Day, "America/New_York", "2026-12-30T05:06:07Z").len(), 24);
}

/// The days, with their minutes, of a site that has had this zone since a time.
fn days_of_site(since: &str, zone: Tz, from: &str, count: usize) -> Vec<(String, bool)> {
    let mut quarter_hours = QuarterHours::default();
    let since = Minute::containing(at(since)).expect("in range");
    quarter_hours.push(since.hour(), Some(zone));
    let days = Calendar { granularity: Granularity::Day, zone, quarter_hours: &quarter_hours };
    let mut day = days.containing(at(from)).expect("in range");
    let mut found = vec![];
    for _ in 0..count {
        let Window { from, to } = day.window;
        found.push((format!("{from} {}", to.number() - from.number()), day.is_exact()));
        day = days.containing(day.end.to_utc()).expect("in range");
    }
    found
}

#[test]
fn days_of_a_zone_with_quarters_are_exact() {
    for (zone, from, expected) in [
        (
            Tz::Asia__Kolkata,
            "2026-11-19T00:00:00Z",
            ["2026-11-18T18:30:00Z 1440", "2026-11-19T18:30:00Z 1440"],
        ),
        (
            Tz::Asia__Kathmandu,
            "2026-11-19T00:00:00Z",
            ["2026-11-18T18:15:00Z 1440", "2026-11-19T18:15:00Z 1440"],
        ),
        (
            Tz::Asia__Tehran,
            "2026-11-19T00:00:00Z",
            ["2026-11-18T20:30:00Z 1440", "2026-11-19T20:30:00Z 1440"],
        ),
        (
            Tz::Pacific__Chatham,
            "2026-11-19T00:00:00Z",
            ["2026-11-18T10:15:00Z 1440", "2026-11-19T10:15:00Z 1440"],
        ),
        // Clocks were set forward by an hour, back by half an hour, and back by an hour.
        (
            Tz::Australia__Adelaide,
            "2026-10-03T15:00:00Z",
            ["2026-10-03T14:30:00Z 1380", "2026-10-04T13:30:00Z 1440"],
        ),
        (
            Tz::Australia__Lord_Howe,
            "2026-04-04T14:00:00Z",
            ["2026-04-04T13:00:00Z 1470", "2026-04-05T13:30:00Z 1440"],
        ),
        (
            Tz::America__St_Johns,
            "2026-11-01T03:00:00Z",
            ["2026-11-01T02:30:00Z 1500", "2026-11-02T03:30:00Z 1440"],
        ),
    ] {
        let expected = expected.map(|day| (day.to_string(), true)).to_vec();
        assert_eq!(days_of_site("1970-01-01T00:00:00Z", zone, from, 2), expected, "{zone}");
    }
}

#[test]
fn days_before_the_zone_was_set_are_exact_to_the_hour() {
    let days = days_of_site("2026-11-19T05:00:00Z", Tz::Asia__Kolkata, "2026-11-18T00:00:00Z", 3);
    let expected = [
        ("2026-11-17T18:00:00Z 1440", false),
        // Up to the first edge that is exact.
        ("2026-11-18T18:00:00Z 1470", false),
        ("2026-11-19T18:30:00Z 1440", true),
    ];
    assert_eq!(days, expected.map(|(day, is_exact)| (day.to_string(), is_exact)));
}

#[test]
fn a_day_with_quarters_is_summed_from_them_and_from_hours() {
    let mut quarter_hours = QuarterHours::default();
    quarter_hours.push(Minute::EPOCH.hour(), Some(Tz::Asia__Kathmandu));
    let zone = Tz::Asia__Kathmandu;
    let calendar = |granularity| Calendar { granularity, zone, quarter_hours: &quarter_hours };
    let periods = |granularity| {
        let calendar = calendar(granularity);
        let period = calendar.containing(at("2026-11-19T00:00:00Z")).expect("in range");
        calendar.utc_periods(&period)
    };
    let day = periods(Granularity::Day);
    assert_eq!(
        format!("{:?}", &day[..4]),
        "[Quarter(2026-11-18T18:15), Quarter(2026-11-18T18:30), Quarter(2026-11-18T18:45), Hour(2026-11-18T19)]"
    );
    assert_eq!(format!("{:?}", &day[26..]), "[Quarter(2026-11-19T18:00)]");
    // Of November: three quarters, five hours, 29 days, 18 hours, and a quarter.
    assert_eq!(periods(Granularity::Month).len(), 3 + 5 + 29 + 18 + 1);
}

#[test]
fn time_before_1970_is_left_out_of_its_week() {
    let week = calendar(Granularity::Week, "UTC")
        .containing(at("1970-01-01T00:00:00Z"))
        .expect("in range");
    assert_eq!(
        format!("{week:?}"),
        "[1969-12-29T00:00:00Z, 1970-01-05T00:00:00Z) 1970-01-01T00+96h"
    );
    assert!(week.is_exact());
}

fn any_calendar() -> impl Strategy<Value = Calendar<'static>> {
    let granularities =
        [Granularity::Hour, Granularity::Day, Granularity::Week, Granularity::Month];
    (prop::sample::select(granularities.to_vec()), prop::sample::select(TZ_VARIANTS.to_vec()))
        .prop_map(|(granularity, zone)| Calendar {
            granularity,
            zone,
            quarter_hours: QuarterHours::NONE,
        })
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
        let days = Calendar { granularity: Granularity::Day, zone, quarter_hours: QuarterHours::NONE };
        let day = days.containing(DateTime::from_timestamp(seconds, 0).expect("in range")).expect("in range");
        let date = day.start.date_naive();
        // The naive way: what the clock of the zone showed just before, and at every quarter of an
        // hour of the day before.
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
