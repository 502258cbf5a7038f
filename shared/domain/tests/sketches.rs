//! Sketches of many ids: the error is within its bound, and the sketch of a day equals the merge of
//! its hours. Chosen ids count for what they are, unless there is no secret.

use std::collections::BTreeMap;

use datasketches::hll::{Coupon, HllSketch, HllType};
use minutebook_domain::count::secret::VisitorSecret;
use minutebook_domain::count::sketch::{LG_K, Sketch};
use xxhash_rust::xxh3::xxh3_64;

const SECRET: VisitorSecret = VisitorSecret::new(0x5eed);

/// The error for large sets: two standard errors, which 19 of 20 estimates do not exceed.
const ERROR_MAX: f64 = 2.0 * 1.04 / (1_u64 << (LG_K / 2)) as f64;

fn ids(numbers: impl IntoIterator<Item = u64>) -> Sketch {
    Sketch::of(SECRET, numbers.into_iter().map(u64::to_le_bytes))
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

/// The ids among which somebody chooses.
const TRIED_IDS: u64 = 1_000_000;

#[test]
fn ids_that_are_chosen_to_look_like_a_million_do_so_only_without_a_secret() {
    let chosen = chosen_ids();
    let count = chosen.len() as f64;
    assert!(count < 1.05 * f64::from(1 << LG_K), "{count} ids");
    let estimate = |secret| Sketch::of(secret, chosen.iter().map(|id| id.to_le_bytes())).estimate();
    let without = estimate(VisitorSecret::NONE) as f64;
    assert!(without / TRIED_IDS as f64 > 1.0 - ERROR_MAX, "{count} ids count as {without}");
    for seed in 1..=20 {
        let with = estimate(VisitorSecret::new(seed)) as f64;
        assert!((with / count - 1.0).abs() <= 2.0 * ERROR_MAX, "{count} ids count as {with}");
    }
}

/// The few ids that set every register as high as all of them would: those that change a sketch if
/// the ones with the highest values come first.
fn chosen_ids() -> Vec<u64> {
    let coupon = |id: u64| Coupon::from_value(xxh3_64(&id.to_le_bytes()));
    let mut tried: Vec<(Coupon, u64)> = (0..TRIED_IDS).map(|id| (coupon(id), id)).collect();
    tried.sort_unstable_by_key(|(coupon, _)| std::cmp::Reverse(*coupon));
    let mut sketch = HllSketch::new(LG_K, HllType::Hll8).expect("in range");
    tried.retain(|(coupon, _)| {
        let before = sketch.estimate();
        sketch.update_with_coupon(*coupon);
        sketch.estimate() > before
    });
    tried.into_iter().map(|(_, id)| id).collect()
}
