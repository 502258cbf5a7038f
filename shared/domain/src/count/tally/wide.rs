//! The parts of amounts that a cell cannot hold.

use crate::count::amount::Amount;
use crate::hash_seed::HashSeed;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct WideName {
    pub(super) group: u32,
    pub(super) key: u32,
}

impl WideName {
    pub(super) fn hash(self, seed: HashSeed) -> u64 {
        seed.hash_number(u64::from(self.group) << 32 | u64::from(self.key))
    }
}

/// An amount in two words, since an i128 would be padded to 32 bytes beside its name.
pub(super) struct Wide {
    pub(super) name: WideName,
    units: [u64; 2],
}

impl Wide {
    pub(super) fn new(name: WideName, amount: Amount) -> Wide {
        let mut wide = Wide { name, units: [0; 2] };
        wide.add(amount);
        wide
    }

    pub(super) fn amount(&self) -> Amount {
        let [low, high] = self.units;
        Amount::from_units((u128::from(high) << 64 | u128::from(low)).cast_signed())
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a wide integer")]
    pub(super) fn add(&mut self, amount: Amount) {
        let sum = self.amount().saturating_add(amount).units().cast_unsigned();
        self.units = [sum as u64, (sum >> 64) as u64];
    }
}
