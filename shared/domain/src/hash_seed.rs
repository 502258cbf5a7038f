//! The seed of hash tables whose keys come from outside.

use std::hash::{BuildHasher, Hasher, RandomState};

use xxhash_rust::xxh3::{Xxh3Builder, xxh3_64_with_seed, xxh3_128_with_seed};

/// A seed that nobody outside of the process knows, so that nobody can choose keys that collide in
/// a hash table. With a known seed, a file of 80,000 chosen item ids takes 400 times as long as
/// others.
///
/// **Guarantees**: no result depends on it: tables are sorted before anything is read from them in
/// order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashSeed(u64);

impl HashSeed {
    /// A new random seed.
    pub(crate) fn random() -> HashSeed {
        HashSeed(RandomState::new().build_hasher().finish())
    }

    /// A seed that tests choose.
    #[cfg(test)]
    pub(crate) fn of(seed: u64) -> HashSeed {
        HashSeed(seed)
    }

    /// The hash of a text.
    #[inline]
    pub(crate) fn hash_text(self, text: &[u8]) -> u64 {
        xxh3_64_with_seed(text, self.0)
    }

    /// The hash of a text as a part of another one, such as an id of a site.
    #[inline]
    pub(crate) fn hash_text_within(self, text: &[u8], outer: u64) -> u128 {
        xxh3_128_with_seed(text, self.0 ^ outer)
    }

    /// The hash of a number.
    ///
    /// **Source**: the finalizer of SplitMix64.
    #[inline]
    pub(crate) fn hash_number(self, number: u64) -> u64 {
        let value = number ^ self.0;
        let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    /// Two words to mix into keys of two words.
    #[inline]
    pub(crate) fn words(self) -> [u64; 2] {
        // Digits of pi; any numbers with well mixed bits would work.
        [self.0 ^ 0x243f_6a88_85a3_08d3, self.0.rotate_left(32) ^ 0x1319_8a2e_0370_7345]
    }

    /// Hashers for a map.
    pub(crate) fn hashers(self) -> Xxh3Builder {
        Xxh3Builder::new().with_seed(self.0)
    }

    /// An odd number whose multiples, modulo 2^32, spread consecutive numbers evenly.
    pub(crate) fn spreading_multiplier(self) -> u32 {
        let mut state = self.0;
        loop {
            state = HashSeed(state).hash_number(0x9e37_79b9_7f4a_7c15);
            let multiplier = (state >> 32) as u32 | 1;
            if spreads_evenly(multiplier) {
                return multiplier;
            }
        }
    }
}

/// Whether the multiples of `multiplier / 2^32`, modulo 1, are spread about as evenly as those of
/// the golden ratio: no partial quotient of its continued fraction is large. One of some 15 numbers
/// is accepted.
///
/// **Source**: the three-distance theorem; Knuth, The Art of Computer Programming, volume 3,
/// section 6.4.
fn spreads_evenly(multiplier: u32) -> bool {
    /// The quotients of the golden ratio are all 1, those of a random number above 8 in one of
    /// seven cases.
    const QUOTIENT_MAX: u64 = 8;
    /// Later quotients matter only to tables with more cells than this.
    const CELLS_MAX: u64 = 1 << 24;
    let (mut numerator, mut remainder) = (1_u64 << 32, u64::from(multiplier));
    let (mut previous, mut denominator) = (0, 1);
    while remainder != 0 && denominator < CELLS_MAX {
        let quotient = numerator / remainder;
        if quotient > QUOTIENT_MAX {
            return false;
        }
        (numerator, remainder) = (remainder, numerator % remainder);
        (previous, denominator) = (denominator, quotient * denominator + previous);
    }
    denominator >= CELLS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_multiples_of_a_spreading_multiplier_are_nowhere_dense() {
        let multipliers: HashSet<u32> =
            (0..100).map(|seed| HashSeed::of(seed).spreading_multiplier()).collect();
        assert_eq!(multipliers.len(), 100);
        for multiplier in multipliers {
            for count in [10_usize, 1_000, 100_000] {
                // As many places as numbers, so that an even spread has one number in each.
                let mut places = vec![0_u8; count];
                for number in 0..count as u64 {
                    let hash = number * u64::from(multiplier) % (1 << 32);
                    places[((hash * count as u64) >> 32) as usize] += 1;
                }
                let most = places.iter().max().copied();
                assert!(most <= Some(5), "{most:?} of {count} numbers times {multiplier}");
            }
        }
    }

    #[test]
    fn numbers_that_would_cluster_are_not_accepted() {
        for multiplier in [1, 3, u32::MAX, 0x8000_0001, 0x5555_5555, 0x1000_0001] {
            assert!(!spreads_evenly(multiplier), "{multiplier:#x}");
        }
    }
}
