//! Rankings: the keys with the largest sums.

use std::cmp::{Ordering, Reverse};

use hashbrown::{HashMap, HashTable};
use xxhash_rust::xxh3::Xxh3Builder;

use crate::count::amount::Amount;
use crate::count::tally::OTHER_KEY;
use crate::hash_seed::HashSeed;

/// Integers from here on are not exact in every JSON parser, so they are returned as text.
///
/// **Source**: RFC 8259, section 6: integers up to 2^53 - 1 are interoperable.
const EXACT_INTEGER_END: i64 = 1 << 53;

/// Sums by key.
///
/// **Shape**: a day of a shop with 10,000 items adds a quarter of a million counters to ten
/// thousand sums, so a query spends most of its time on additions. Short keys, as most item ids
/// are, are stored in the table itself: a lookup needs one memory access instead of two, and keys
/// are compared as numbers.
///
/// **Guarantees**: rankings are totally ordered, so they do not depend on the order of the
/// additions or of the hash table.
pub struct Sums {
    seed: HashSeed,
    /// The sum of the empty key; see [`Measure::Pages`](crate::count::measure::Measure::Pages).
    of_no_key: Amount,
    short: HashTable<ShortSum>,
    long: HashMap<Box<str>, Amount, Xxh3Builder>,
    /// The memory of the texts of the long keys.
    long_key_bytes: usize,
}

/// The memory that the allocator needs beside a text, in bytes.
const ALLOCATION_BYTES: usize = 16;

/// How many sums a ranking gathers at least before it drops those that are not among the top.
const RANKED_MIN: usize = 1_024;

/// The maximum length of a key in the table itself, in bytes.
const SHORT_KEY_BYTES_MAX: usize = 15;

struct ShortSum {
    key: ShortKey,
    amount: Amount,
}

impl Default for Sums {
    fn default() -> Sums {
        let seed = HashSeed::random();
        Sums {
            seed,
            of_no_key: Amount::ZERO,
            short: HashTable::new(),
            long: HashMap::with_hasher(seed.hashers()),
            long_key_bytes: 0,
        }
    }
}

impl Sums {
    /// Adds to the sum of a key. The empty key is separate: only [`Sums::of_no_key`] returns it.
    pub fn add(&mut self, key: &str, amount: Amount) {
        if key.is_empty() {
            self.of_no_key += amount;
            return;
        }
        let Some(short) = ShortKey::new(key) else {
            match self.long.get_mut(key) {
                Some(sum) => *sum += amount,
                None => {
                    self.long_key_bytes += key.len() + ALLOCATION_BYTES;
                    self.long.insert(key.into(), amount);
                }
            }
            return;
        };
        let seed = self.seed;
        let hash = short.hash(seed);
        match self.short.find_mut(hash, |sum| sum.key == short) {
            Some(sum) => sum.amount += amount,
            None => {
                self.short
                    .insert_unique(hash, ShortSum { key: short, amount }, |sum| sum.key.hash(seed));
            }
        }
    }

    /// Adds all sums of another one.
    pub fn merge(&mut self, other: Sums) {
        for (key, amount) in other.iter() {
            self.add(key, amount);
        }
        self.of_no_key += other.of_no_key;
    }

    /// As [`Sums::merge`], but without a copy if these are the first.
    pub fn absorb(&mut self, other: Sums) {
        match self.is_empty() && self.of_no_key == Amount::ZERO {
            true => *self = other,
            false => self.merge(other),
        }
    }

    /// The sum of the empty key.
    pub fn of_no_key(&self) -> Amount {
        self.of_no_key
    }

    /// The sum of a key; zero if it has none.
    pub fn of(&self, key: &str) -> Amount {
        let sum = match ShortKey::new(key) {
            _ if key.is_empty() => Some(self.of_no_key),
            Some(short) => {
                let sum = self.short.find(short.hash(self.seed), |sum| sum.key == short);
                sum.map(|sum| sum.amount)
            }
            None => self.long.get(key).copied(),
        };
        sum.unwrap_or_default()
    }

    /// The sum of what was counted without a name, because there were too many names:
    /// [`OTHER_KEY`].
    pub fn of_other(&self) -> Amount {
        self.of(OTHER_KEY)
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// The memory that the keys and their sums take, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.short.allocation_size() + self.long.allocation_size() + self.long_key_bytes
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum of all keys, with or without a name.
    pub fn total(&self) -> Amount {
        self.iter().fold(Amount::ZERO, |total, (_, amount)| total.saturating_add(amount))
    }

    /// The `limit` keys with the largest sums, descending; equal sums by key, ascending, numbers
    /// numerically and before other text. What was counted without a name is no key, and neither is
    /// one whose sum is zero, because what orders added was taken back.
    ///
    /// **Units and range**: takes memory for what it returns, not for all keys.
    pub fn top(&self, limit: usize) -> Vec<(&str, Amount)> {
        let kept_max = limit.saturating_mul(2).max(RANKED_MIN);
        let mut ranked: Vec<(&str, Amount)> = Vec::new();
        for (key, amount) in self.iter() {
            if key == OTHER_KEY || amount == Amount::ZERO {
                continue;
            }
            if ranked.len() == kept_max {
                keep_top(&mut ranked, limit);
            }
            ranked.push((key, amount));
        }
        keep_top(&mut ranked, limit);
        ranked.sort_unstable_by(compare_ranked);
        ranked
    }

    /// Subtracts all sums of another one.
    pub fn subtract(&mut self, other: &Sums) {
        for (key, amount) in other.iter() {
            self.add(key, Amount::ZERO.saturating_sub(amount));
        }
    }

    /// Whether a key has a sum, be it zero. The empty key has none here.
    pub fn contains(&self, key: &str) -> bool {
        match ShortKey::new(key) {
            Some(short) => self.short.find(short.hash(self.seed), |sum| sum.key == short).is_some(),
            None => self.long.contains_key(key),
        }
    }

    /// The keys with their sums, in any order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Amount)> {
        let short = self.short.iter().map(|sum| (sum.key.text(), sum.amount));
        short.chain(self.long.iter().map(|(key, amount)| (&**key, *amount)))
    }
}

/// A key of up to [`SHORT_KEY_BYTES_MAX`] bytes: its bytes, zeros, and in the last byte its length.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ShortKey([u8; 16]);

impl ShortKey {
    /// `None` for a longer key.
    #[inline]
    fn new(key: &str) -> Option<ShortKey> {
        let bytes = key.as_bytes();
        let length =
            u64::try_from(bytes.len()).ok().filter(|_| bytes.len() <= SHORT_KEY_BYTES_MAX)?;
        // Copying so few bytes one by one, or with a call, would take longer than everything else.
        // Instead, load the first eight and the last eight bytes, and shift out the overlap.
        let (low, high) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(first), Some(last)) if bytes.len() > 8 => {
                (u64::from_le_bytes(*first), u64::from_le_bytes(*last) >> (8 * (16 - length)))
            }
            (Some(first), _) => (u64::from_le_bytes(*first), 0),
            _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
                (Some(first), Some(last)) => {
                    let rest = u64::from(u32::from_le_bytes(*last)) >> (8 * (8 - length));
                    (u64::from(u32::from_le_bytes(*first)) | rest << 32, 0)
                }
                _ => (bytes.iter().rev().fold(0, |low, byte| low << 8 | u64::from(*byte)), 0),
            },
        };
        Some(ShortKey((u128::from(low) | u128::from(high | length << 56) << 64).to_le_bytes()))
    }

    #[inline]
    fn hash(self, seed: HashSeed) -> u64 {
        // The folded product of both halves depends on every bit of the key.
        let key = u128::from_le_bytes(self.0);
        let (low, high) = (key & u128::from(u64::MAX), key >> 64);
        let [low_seed, high_seed] = seed.words();
        let product = (low ^ u128::from(low_seed)) * (high ^ u128::from(high_seed));
        let folded = (product ^ (product >> 64)) & u128::from(u64::MAX);
        u64::try_from(folded).unwrap_or_default()
    }

    fn text(&self) -> &str {
        // Its bytes come from a `str`, so the fallback is never used.
        let length = usize::from(self.0[SHORT_KEY_BYTES_MAX]);
        self.0.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// The integer value of a key in canonical form (`7`, `-7`; not `07`, `+7`, `7.0`) with an absolute
/// value below 2^53. Such keys are returned as JSON numbers, all others as text.
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
    key.parse::<i64>()
        .ok()
        .filter(|number| number.unsigned_abs() < EXACT_INTEGER_END.unsigned_abs())
}

fn keep_top(ranked: &mut Vec<(&str, Amount)>, limit: usize) {
    if limit < ranked.len() {
        ranked.select_nth_unstable_by(limit, compare_ranked);
        ranked.truncate(limit);
    }
}

fn compare_ranked(left: &(&str, Amount), right: &(&str, Amount)) -> Ordering {
    Reverse(left.1).cmp(&Reverse(right.1)).then_with(|| compare_keys(left.0, right.0))
}

pub(crate) fn compare_keys(left: &str, right: &str) -> Ordering {
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
    fn ties_are_ordered_by_key_with_numbers_before_text() {
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
    fn keys_of_every_length_keep_their_text_and_their_sum() {
        let text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let keys: Vec<&str> = (1..text.len())
            .map(|length| &text[..length])
            .chain(["ä", "a\0", "äöüßäöü", "\0"])
            .collect();
        let mut sums = Sums::default();
        for (number, key) in (1_u64..).zip(&keys) {
            sums.add(key, Amount::from_count(1_000 - number));
            sums.add(key, Amount::ONE);
        }
        let mut merged = Sums::default();
        merged.merge(sums);
        let ranked: Vec<&str> = merged.top(keys.len()).into_iter().map(|(key, _)| key).collect();
        assert_eq!((ranked, merged.len()), (keys.clone(), keys.len()));
    }

    #[test]
    fn the_empty_key_is_separate() {
        let (mut sums, mut other) = (Sums::default(), Sums::default());
        sums.add("/a", Amount::from_count(5));
        sums.add("", Amount::from_count(2));
        other.add("", Amount::ONE);
        sums.merge(other);
        assert_eq!(
            (sums.len(), sums.total(), sums.of_no_key()),
            (1, Amount::from_count(5), Amount::from_count(3))
        );
        assert_eq!(sums.top(10), [("/a", Amount::from_count(5))]);
    }

    #[test]
    fn what_has_no_name_or_is_zero_is_in_the_total_and_in_no_ranking() {
        let mut sums = Sums::default();
        for (key, count) in [("/a", 5), (OTHER_KEY, 9), ("/b", 0), ("a key of many letters", 7)] {
            sums.add(key, Amount::from_count(count));
        }
        assert_eq!(
            [sums.total(), sums.of_other(), sums.of("/a"), sums.of("/c"), sums.of("")],
            [21, 9, 5, 0, 0].map(Amount::from_count)
        );
        assert_eq!(sums.of("a key of many letters"), Amount::from_count(7));
        let top: Vec<&str> = sums.top(10).into_iter().map(|(key, _)| key).collect();
        assert_eq!(top, ["a key of many letters", "/a"]);
    }

    #[test]
    fn the_top_of_many_is_the_head_of_their_order() {
        let mut sums = Sums::default();
        let count = |item: u64| 1 + item * 7_919 % 100_003;
        for item in 0..50_000 {
            sums.add(&item.to_string(), Amount::from_count(count(item)));
        }
        let mut expected: Vec<u64> = (0..50_000).collect();
        expected.sort_by_key(|item| (Reverse(count(*item)), *item));
        for limit in [0, 1, 10, 700, 49_999, 50_000, usize::MAX] {
            let top: Vec<String> =
                sums.top(limit).into_iter().map(|(key, _)| key.to_string()).collect();
            let expected: Vec<String> = expected.iter().take(limit).map(u64::to_string).collect();
            assert_eq!(top, expected, "{limit}");
        }
    }

    #[test]
    fn the_memory_of_sums_grows_with_their_keys_and_texts() {
        let bytes = |length: usize| {
            let mut sums = Sums::default();
            for item in 0..10_000 {
                sums.add(&format!("{item:0length$}"), Amount::ONE);
                sums.add(&format!("{item:0length$}"), Amount::ONE);
            }
            sums.memory_bytes()
        };
        assert_eq!(Sums::default().memory_bytes(), 0);
        let (short, long, longer) = (bytes(10), bytes(20), bytes(200));
        assert!((320_000..1_000_000).contains(&short), "{short}");
        assert!(long > short && longer == long + 180 * 10_000, "{long} {longer}");
    }

    #[test]
    fn only_canonical_integers_below_two_to_the_53_are_numbers() {
        for (key, number) in
            [("0", 0), ("7", 7), ("-7", -7), ("9007199254740991", 9_007_199_254_740_991)]
        {
            assert_eq!(canonical_integer(key), Some(number));
        }
        for key in [
            "",
            "-",
            "-0",
            "07",
            "+7",
            "7.0",
            "1e3",
            " 7",
            "9007199254740992",
            "99999999999999999999",
            "٧",
        ] {
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
