//! Rankings: the keys with the largest sums.

use std::cmp::{Ordering, Reverse};
use std::hash::BuildHasherDefault;

use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3Default;

use crate::amount::Amount;

/// Integers from here on are not exact in every JSON reader, so they are echoed as text.
///
/// **Source**: RFC 8259, section 6: integers up to 2^53 - 1 are interoperable.
const EXACT_INTEGER_END: i64 = 1 << 53;

/// Sums by key.
///
/// **Guarantees**: the order of the additions and of the hash table never shows: rankings are totally ordered.
#[derive(Default)]
pub struct Sums {
    by_key: HashMap<String, Amount, BuildHasherDefault<Xxh3Default>>,
}

impl Sums {
    /// Adds to a key's sum.
    pub fn add(&mut self, key: &str, amount: Amount) {
        match self.by_key.get_mut(key) {
            Some(sum) => *sum += amount,
            None => {
                self.by_key.insert(key.to_string(), amount);
            }
        }
    }

    /// Adds all sums of another.
    pub fn merge(&mut self, other: Sums) {
        for (key, amount) in other.by_key {
            self.add(&key, amount);
        }
    }

    /// How many keys have a sum.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The sum of all keys.
    pub fn total(&self) -> Amount {
        self.by_key.values().fold(Amount::ZERO, |total, amount| total.saturating_add(*amount))
    }

    /// The `limit` keys with the largest sums, descending; equal sums by key, ascending, numbers numerically and before
    /// other text.
    pub fn top(&self, limit: usize) -> Vec<(&str, Amount)> {
        let mut ranked: Vec<(&str, Amount)> = self.by_key.iter().map(|(key, amount)| (key.as_str(), *amount)).collect();
        if limit < ranked.len() {
            ranked.select_nth_unstable_by(limit, compare_ranked);
            ranked.truncate(limit);
        }
        ranked.sort_unstable_by(compare_ranked);
        ranked
    }
}

/// The integer that a key is written as, if it is canonical (`7`, `-7`; not `07`, `+7`, `7.0`) and below 2^53 in size.
/// Such keys are echoed as JSON numbers, all others as text.
pub fn canonical_integer(key: &str) -> Option<i64> {
    let digits = key.strip_prefix('-').unwrap_or(key);
    let is_canonical = match digits.as_bytes() {
        [b'0'] => digits.len() == key.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !is_canonical {
        return None;
    }
    key.parse::<i64>().ok().filter(|number| number.unsigned_abs() < EXACT_INTEGER_END.unsigned_abs())
}

fn compare_ranked(left: &(&str, Amount), right: &(&str, Amount)) -> Ordering {
    Reverse(left.1).cmp(&Reverse(right.1)).then_with(|| compare_keys(left.0, right.0))
}

fn compare_keys(left: &str, right: &str) -> Ordering {
    match (canonical_integer(left), canonical_integer(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn ties_go_to_the_smaller_key_and_numbers_go_before_text() {
        let mut sums = Sums::default();
        for key in ["b", "10", "9", "a", "-1", "09"] {
            sums.add(key, Amount::ONE);
        }
        sums.add("z", Amount::from_count(2));
        let keys: Vec<&str> = sums.top(10).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["z", "-1", "9", "10", "09", "a", "b"]);
        assert_eq!((sums.total(), Sums::default().total()), (Amount::from_count(8), Amount::ZERO));
    }

    #[test]
    fn only_canonical_integers_below_two_to_the_53_are_numbers() {
        for (key, number) in [("0", 0), ("7", 7), ("-7", -7), ("9007199254740991", 9_007_199_254_740_991)] {
            assert_eq!(canonical_integer(key), Some(number));
        }
        for key in ["", "-", "-0", "07", "+7", "7.0", "1e3", " 7", "9007199254740992", "99999999999999999999", "٧"] {
            assert_eq!(canonical_integer(key), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn the_top_is_the_head_of_the_sorted_model(
            entries in prop::collection::vec((0_u16..300, 1_u64..20), 0..500),
            limit in 1_usize..50,
        ) {
            let mut sums = Sums::default();
            let mut model: BTreeMap<u16, u64> = BTreeMap::new();
            for (key, count) in &entries {
                sums.add(&key.to_string(), Amount::from_count(*count));
                *model.entry(*key).or_default() += count;
            }
            let mut expected: Vec<(u16, u64)> = model.into_iter().collect();
            expected.sort_by_key(|(key, count)| (Reverse(*count), *key));
            expected.truncate(limit);
            let expected: Vec<(String, Amount)> =
                expected.into_iter().map(|(key, count)| (key.to_string(), Amount::from_count(count))).collect();
            let top: Vec<(String, Amount)> =
                sums.top(limit).into_iter().map(|(key, amount)| (key.to_string(), amount)).collect();
            prop_assert_eq!(top, expected);
        }
    }
}
