//! Movers: the keys that rise and fall most from one window to another.

use std::cmp::Ordering;

use crate::count::amount::Amount;
use crate::count::tally::OTHER_KEY;
use crate::query::ranking::{Sums, compare_keys};

/// How many movers a list gathers at least before it drops those that are not among the first.
const GATHERED_MIN: usize = 1_024;

/// A key, and what it moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mover<'a> {
    /// The key.
    pub key: &'a str,
    /// Its number in the window.
    pub value: Amount,
    /// Its number in the window before.
    pub compared: Amount,
    /// By how much of itself it grew, shrunk towards the change of all keys; negative if it fell.
    pub change: Amount,
}

/// The keys that moved most.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Movers<'a> {
    /// Those whose numbers rose, the largest change first.
    pub rising: Vec<Mover<'a>>,
    /// Those whose numbers fell, the smallest change first.
    pub falling: Vec<Mover<'a>>,
    /// The change of all keys together.
    pub of_all: Mover<'a>,
}

/// Ranks the keys of two windows by their change, at most `limit` of each direction.
///
/// **Shape**: with the sums V and C of all keys, the numbers v and c of a key, and the weight w,
///
/// - the change of all is m - 1, where m = (V + w) / (C + w),
/// - that of a key is (v + w × m) / (c + w) - 1.
///
/// Without numbers of its own, a key would have changed as all did, and the more it has, the more
/// they count: from 1 to 3 is little, from 100 to 150 is much. Negative numbers count as zero there.
/// Of equal changes, the one with the larger difference comes first, then by key. What was counted
/// without a name is no key.
///
/// **Units and range**: changes are rounded to six decimals. The weight must be positive. It takes
/// memory for what it returns, not for all keys.
pub fn movers<'a>(sums: &'a Sums, compared: &'a Sums, weight: Amount, limit: usize) -> Movers<'a> {
    let (of_all, mean) = {
        let (value, compared) = (sums.total(), compared.total());
        let mean = ratio(value.saturating_add(weight), compared, weight);
        (Mover { key: "", value, compared, change: mean.saturating_sub(Amount::ONE) }, mean)
    };
    let expected = weight.checked_mul(mean).unwrap_or(weight);
    let mover = |key, value: Amount, compared| {
        let ratio = ratio(value.max(Amount::ZERO).saturating_add(expected), compared, weight);
        Mover { key, value, compared, change: ratio.saturating_sub(Amount::ONE) }
    };
    let known = sums.iter().map(|(key, value)| mover(key, value, compared.of(key)));
    // Keys that have a number in the window before alone.
    let gone = compared.iter().filter(|(key, _)| !sums.contains(key));
    let gone = gone.map(|(key, before)| mover(key, Amount::ZERO, before));
    let (mut rising, mut falling) = (Vec::new(), Vec::new());
    for mover in known.chain(gone).filter(|mover| mover.key != OTHER_KEY) {
        match mover.value.cmp(&mover.compared) {
            Ordering::Greater => gather(&mut rising, mover, limit, by_rise),
            Ordering::Less => gather(&mut falling, mover, limit, by_fall),
            Ordering::Equal => {}
        }
    }
    keep(&mut rising, limit, by_rise);
    keep(&mut falling, limit, by_fall);
    Movers { rising, falling, of_all }
}

/// A number with its weight, in relation to an earlier one.
fn ratio(weighted: Amount, compared: Amount, weight: Amount) -> Amount {
    let before = compared.max(Amount::ZERO).saturating_add(weight);
    weighted.max(Amount::ZERO).per(before).unwrap_or(Amount::ONE)
}

type Order = fn(&Mover<'_>, &Mover<'_>) -> Ordering;

fn by_rise(left: &Mover<'_>, right: &Mover<'_>) -> Ordering {
    let rise = |mover: &Mover<'_>| mover.value.saturating_sub(mover.compared);
    let by_change = right.change.cmp(&left.change);
    by_change
        .then_with(|| rise(right).cmp(&rise(left)))
        .then_with(|| compare_keys(left.key, right.key))
}

fn by_fall(left: &Mover<'_>, right: &Mover<'_>) -> Ordering {
    let fall = |mover: &Mover<'_>| mover.compared.saturating_sub(mover.value);
    let by_change = left.change.cmp(&right.change);
    by_change
        .then_with(|| fall(right).cmp(&fall(left)))
        .then_with(|| compare_keys(left.key, right.key))
}

fn gather<'a>(movers: &mut Vec<Mover<'a>>, mover: Mover<'a>, limit: usize, order: Order) {
    if movers.len() == limit.saturating_mul(2).max(GATHERED_MIN) {
        keep(movers, limit, order);
    }
    movers.push(mover);
}

fn keep(movers: &mut Vec<Mover<'_>>, limit: usize, order: Order) {
    movers.sort_unstable_by(order);
    movers.truncate(limit);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WEIGHT: Amount = Amount::ONE;

    fn amount(number: f64) -> Amount {
        Amount::parse(number.to_string().as_bytes()).expect("a decimal")
    }

    fn sums(numbers: &[(&str, f64)]) -> Sums {
        let mut sums = Sums::default();
        numbers.iter().for_each(|(key, number)| sums.add(key, amount(*number)));
        sums
    }

    fn keys<'a>(movers: &[Mover<'a>]) -> Vec<&'a str> {
        movers.iter().map(|mover| mover.key).collect()
    }

    #[test]
    fn much_from_many_goes_before_more_from_few() {
        let before = sums(&[("few", 1.0), ("many", 100.0), ("same", 900.0), ("down", 60.0)]);
        let now =
            sums(&[("few", 3.0), ("many", 150.0), ("same", 900.0), ("down", 20.0), ("new", 2.0)]);
        let found = movers(&now, &before, amount(20.0), 10);
        assert_eq!(keys(&found.rising), ["many", "new", "few"]);
        assert_eq!(keys(&found.falling), ["down"]);
        // m = 1095 / 1081 = 1.012951; (150 + 20 m) / 120 = 1.418825.
        assert_eq!(found.rising[0].change, amount(0.418_825));
        assert_eq!(found.of_all.change, amount(0.012_951));
        // (20 + 20 m) / 80.
        assert_eq!(found.falling[0].change, amount(0.503_238).saturating_sub(Amount::ONE));
        assert_eq!(keys(&movers(&now, &before, amount(20.0), 1).rising), ["many"]);
    }

    #[test]
    fn what_has_no_name_or_did_not_move_is_no_mover() {
        let before = sums(&[(OTHER_KEY, 5.0), ("gone", 4.0), ("same", 3.0), ("", 9.0)]);
        let now = sums(&[(OTHER_KEY, 50.0), ("same", 3.0), ("refunded", -2.0)]);
        let found = movers(&now, &before, WEIGHT, 10);
        assert_eq!((keys(&found.rising), keys(&found.falling)), (vec![], vec!["gone", "refunded"]));
        assert_eq!((found.of_all.value, found.of_all.compared), (amount(51.0), amount(12.0)));
        let nothing = Sums::default();
        let found = movers(&nothing, &nothing, WEIGHT, 10);
        assert!(found.rising.is_empty() && found.falling.is_empty());
        assert_eq!(found.of_all.change, Amount::ZERO);
    }

    #[test]
    fn equal_changes_are_ordered_by_key() {
        let before = sums(&[]);
        let now = sums(&[("b", 1.0), ("10", 1.0), ("9", 1.0), ("a", 1.0)]);
        assert_eq!(keys(&movers(&now, &before, WEIGHT, 3).rising), ["9", "10", "a"]);
    }

    proptest! {
        #[test]
        fn lists_are_the_first_of_a_full_order(
            numbers in prop::collection::vec((0_u32..50, 0_u32..50), 0..3_000),
            limit in 0_usize..20,
        ) {
            let (mut now, mut before) = (Sums::default(), Sums::default());
            for (place, (value, compared)) in numbers.iter().enumerate() {
                now.add(&place.to_string(), Amount::from_count(u64::from(*value)));
                before.add(&place.to_string(), Amount::from_count(u64::from(*compared)));
            }
            let all = movers(&now, &before, amount(20.0), usize::MAX);
            let some = movers(&now, &before, amount(20.0), limit);
            prop_assert_eq!(&some.rising[..], &all.rising[..limit.min(all.rising.len())]);
            prop_assert_eq!(&some.falling[..], &all.falling[..limit.min(all.falling.len())]);
            prop_assert!(all.rising.is_sorted_by_key(|mover| std::cmp::Reverse(mover.change)));
            prop_assert!(all.falling.is_sorted_by_key(|mover| mover.change));
        }
    }
}
