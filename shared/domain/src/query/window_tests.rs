use super::*;
use proptest::prelude::*;

fn minute(seconds: i64) -> Minute {
    Minute::from_epoch_seconds(seconds).expect("in range")
}

#[test]
fn an_hour_is_the_minute_and_the_59_before_it() {
    let as_of = minute(1_795_216_079);
    let window = Window::ending_with(as_of, WindowLength::HOUR);
    assert_eq!(window.from.to_string(), "2026-11-20T22:08:00Z");
    assert_eq!(window.to.to_string(), "2026-11-20T23:08:00Z");
}

#[test]
fn lengths_are_whole_numbers_with_a_unit_up_to_400_days() {
    for (text, minutes) in [
        ("1m", 1),
        ("15m", 15),
        ("1h", 60),
        ("24h", 1_440),
        ("7d", 10_080),
        ("010080m", 10_080),
        ("400d", 576_000),
    ] {
        assert_eq!(WindowLength::parse(text).map(WindowLength::minutes), Some(minutes), "{text}");
    }
    for text in [
        "",
        "m",
        "0m",
        "60",
        "1.5h",
        "-1h",
        "401d",
        "9601h",
        "576001m",
        "1w",
        " 1h",
        "+1h",
        "99999999999h",
        "1é",
    ] {
        assert_eq!(WindowLength::parse(text), None, "{text}");
    }
}

const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// The kept window, at 2026-11-20T23:07:30Z, for the window between two times.
fn check_kept(from: &str, to: &str, expected: &str) {
    let [from, to] = [from, to].map(|time| Minute::containing(at(time)).expect("in range"));
    let (window, precision) = Window { from, to }.kept(RETENTION, at("2026-11-20T23:07:30Z"));
    assert_eq!(format!("{} {} {precision}", window.from, window.to), expected);
}

#[test]
fn edges_whose_minutes_are_kept_stay() {
    // The oldest minute that is kept ended seven days ago, less half a minute.
    check_kept(
        "2026-11-13T23:07:00Z",
        "2026-11-20T23:08:00Z",
        "2026-11-13T23:07:00Z 2026-11-20T23:08:00Z minute",
    );
    check_kept(
        "2026-11-13T23:07:00Z",
        "2026-11-13T23:30:00Z",
        "2026-11-13T23:07:00Z 2026-11-13T23:30:00Z minute",
    );
}

#[test]
fn edges_whose_minutes_have_expired_move_outward_to_the_hour() {
    check_kept(
        "2026-11-13T23:06:00Z",
        "2026-11-20T23:08:00Z",
        "2026-11-13T23:00:00Z 2026-11-20T23:08:00Z hour",
    );
    check_kept(
        "2026-11-12T10:30:00Z",
        "2026-11-12T11:01:00Z",
        "2026-11-12T10:00:00Z 2026-11-12T12:00:00Z hour",
    );
    // Some of the minutes before the end are still kept, but not all.
    check_kept(
        "2026-11-13T22:00:00Z",
        "2026-11-13T23:30:00Z",
        "2026-11-13T22:00:00Z 2026-11-14T00:00:00Z hour",
    );
}

#[test]
fn edges_whose_hours_have_expired_move_outward_to_the_day() {
    check_kept(
        "2025-10-15T10:30:00Z",
        "2025-10-15T11:01:00Z",
        "2025-10-15T00:00:00Z 2025-10-16T00:00:00Z day",
    );
    check_kept(
        "2025-10-15T10:30:00Z",
        "2026-10-15T11:01:00Z",
        "2025-10-15T00:00:00Z 2026-10-15T12:00:00Z day",
    );
    // The hour that ended 400 days ago, less half an hour, and the one before it.
    check_kept(
        "2025-10-16T23:00:00Z",
        "2026-11-20T23:08:00Z",
        "2025-10-16T23:00:00Z 2026-11-20T23:08:00Z minute",
    );
    check_kept(
        "2025-10-16T22:00:00Z",
        "2026-11-20T23:08:00Z",
        "2025-10-16T00:00:00Z 2026-11-20T23:08:00Z day",
    );
}

#[test]
fn edges_that_need_no_finer_rows_are_exact_however_old() {
    check_kept(
        "2026-10-15T10:00:00Z",
        "2026-10-15T11:00:00Z",
        "2026-10-15T10:00:00Z 2026-10-15T11:00:00Z minute",
    );
    check_kept(
        "2019-10-15T00:00:00Z",
        "2019-10-17T00:00:00Z",
        "2019-10-15T00:00:00Z 2019-10-17T00:00:00Z minute",
    );
}

#[test]
fn edges_never_move_if_everything_is_kept_for_ever() {
    let window = Window { from: minute(90), to: minute(60 * 60 * 24 * 3 + 90) };
    let retention = Retention { minute_days: 0, hour_days: 0, day_days: 0 };
    assert_eq!(window.kept(retention, at("2026-11-20T23:07:30Z")), (window, Precision::Minute));
}

#[test]
fn minutes_after_the_latest_possible_event_are_left_out() {
    let counted = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|time| Minute::containing(at(time)).expect("in range"));
        let window = Window { from, to }.counted_by(at("2026-11-20T23:07:30Z"));
        format!("{} {}", window.from, window.to)
    };
    assert_eq!(
        counted("2026-11-20T22:08:00Z", "2026-11-20T23:08:00Z"),
        "2026-11-20T22:08:00Z 2026-11-20T23:08:00Z"
    );
    assert_eq!(
        counted("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        "2026-11-01T00:00:00Z 2026-11-20T23:19:00Z"
    );
    assert_eq!(
        counted("2030-11-01T00:00:00Z", "2030-12-01T00:00:00Z"),
        "2026-11-20T23:19:00Z 2026-11-20T23:19:00Z"
    );
}

proptest! {
    #[test]
    fn a_kept_window_contains_the_requested_one_and_needs_no_expired_rows(
        age_minutes in 0_u32..1_000_000, length in 1_u32..100_000, seconds in 0_i64..3_600,
    ) {
        let now = DateTime::from_timestamp(1_795_215_600 + seconds, 0).expect("in range");
        let to = minute(now.timestamp()).plus(1).minus(age_minutes);
        let asked = Window { from: to.minus(length), to };
        let (window, precision) = asked.kept(RETENTION, now);
        prop_assert!(window.from <= asked.from && asked.to <= window.to);
        prop_assert_eq!(precision == Precision::Minute, window == asked);
        prop_assert_eq!(window.kept(RETENTION, now), (window, Precision::Minute), "it moves once");
        // The naive way: walk through it, by days where they are whole, else by hours, else by
        // minutes.
        let mut next = window.from;
        while next < window.to {
            let kinds = [Period::Day(next.hour().day()), Period::Hour(next.hour()), Period::Minute(next)];
            let whole = |period: &&Period| period.first_minute() == next && period.end() <= window.to;
            let period = *kinds.iter().find(whole).expect("a minute fits");
            prop_assert!(!RETENTION.has_expired(period, now.timestamp()), "{:?} has expired", period);
            next = period.end();
        }
    }
}
