//! Sketches of many ids: the error is within its bound, and the sketch of a day equals the merge of
//! its hours.

use std::collections::BTreeMap;

use minutebook_domain::count::sketch::{LG_K, Sketch};

/// The error for large sets: two standard errors, which 19 of 20 estimates do not exceed.
const ERROR_MAX: f64 = 2.0 * 1.04 / (1_u64 << (LG_K / 2)) as f64;

fn ids(numbers: impl IntoIterator<Item = u64>) -> Sketch {
    Sketch::of(numbers.into_iter().map(u64::to_le_bytes))
}

#[test]
fn a_thousand_ids_are_counted_exactly_and_a_million_within_two_standard_errors() {
    for (count, error_max) in [(1_000, 0.0), (100_000, ERROR_MAX), (1_000_000, ERROR_MAX)] {
        let estimate = ids(0..count).estimate();
        let error = estimate as f64 / count as f64 - 1.0;
        assert!(error.abs() <= error_max, "{count} ids are counted as {estimate}");
    }
}

/// Half of the ids of an hour occur again in the next one.
#[test]
fn the_sketch_of_a_day_is_the_merge_of_its_hours() {
    for ids_per_hour in [20, 200, 20_000] {
        let of_hour = |hour: u64| hour * ids_per_hour / 2..hour * ids_per_hour / 2 + ids_per_hour;
        let hours: BTreeMap<u64, Vec<u8>> =
            (0..24).map(|hour| (hour, ids(of_hour(hour)).to_bytes())).collect();
        let mut day = Sketch::new();
        for stored in hours.values() {
            day.merge(&Sketch::from_bytes(stored).expect("it was stored just now"));
        }
        let at_once = ids(0..of_hour(23).end);
        assert_eq!(day.estimate(), at_once.estimate(), "{ids_per_hour} ids per hour");
    }
}
