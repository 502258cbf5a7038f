//! Sketches of many ids: as near as is promised, and the same whether they come from a day or from
//! its hours.

use std::collections::BTreeMap;

use minutebook_domain::count::sketch::{LG_K, Sketch};

/// Beyond the ids that a sketch keeps one by one: two standard errors, which 19 of 20 estimates
/// keep.
const ERROR_MAX: f64 = 2.0 * 1.04 / (1_u64 << (LG_K / 2)) as f64;

fn users(numbers: impl IntoIterator<Item = u64>) -> Sketch {
    Sketch::of(numbers.into_iter().map(u64::to_le_bytes))
}

#[test]
fn a_thousand_users_are_counted_exactly_and_a_million_within_two_standard_errors() {
    for (count, error_max) in [(1_000, 0.0), (100_000, ERROR_MAX), (1_000_000, ERROR_MAX)] {
        let estimate = users(0..count).estimate();
        let error = estimate as f64 / count as f64 - 1.0;
        assert!(error.abs() <= error_max, "{count} users are counted as {estimate}");
    }
}

/// Half of the users of an hour come again in the next.
#[test]
fn the_users_of_a_day_are_those_of_its_hours() {
    for users_an_hour in [20, 200, 20_000] {
        let of_hour =
            |hour: u64| hour * users_an_hour / 2..hour * users_an_hour / 2 + users_an_hour;
        let hours: BTreeMap<u64, Vec<u8>> =
            (0..24).map(|hour| (hour, users(of_hour(hour)).to_bytes())).collect();
        let mut day = Sketch::new();
        for stored in hours.values() {
            day.merge(&Sketch::from_bytes(stored).expect("it was stored just now"));
        }
        let at_once = users(0..of_hour(23).end);
        assert_eq!(day.estimate(), at_once.estimate(), "{users_an_hour} users an hour");
    }
}
