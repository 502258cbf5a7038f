//! The cells of a group: a hash table of one word for each counter.

/// A hash table from key numbers to steps, with open addressing and linear probing. A cell is one
/// word: the number of the key plus one in the upper half, the steps in the lower half; zero for an
/// empty cell.
///
/// The multiplier is chosen at random, so that nobody can choose keys whose cells lie together.
pub(super) struct Cells {
    pub(super) table: Vec<u64>,
    pub(super) length: u32,
    /// The place of the key that `steps` found last.
    last: u32,
    /// Whether a key of this group has a wide amount.
    pub(super) has_wide: bool,
    /// See [`HashSeed::spreading_multiplier`](crate::hash_seed::HashSeed::spreading_multiplier).
    multiplier: u32,
}

const CELLS_MIN: usize = 4;

impl Cells {
    pub(super) fn new(multiplier: u32) -> Cells {
        Cells { table: Vec::new(), length: 0, last: 0, has_wide: false, multiplier }
    }

    /// The steps of a key, which gets a cell if it has none; [`Cells::set_last`] changes them.
    #[inline]
    pub(super) fn steps(&mut self, key: u32) -> u32 {
        let wanted = key + 1;
        let mut place = self.home(wanted);
        while let Some(&cell) = self.table.get(place) {
            if key_of(cell) == wanted {
                self.last = steps_of(place as u64);
                return steps_of(cell);
            }
            if cell == 0 {
                break;
            }
            place = self.after(place);
        }
        self.insert(wanted);
        0
    }

    #[inline]
    pub(super) fn set_last(&mut self, steps: u32) {
        if let Some(cell) = self.table.get_mut(self.last as usize) {
            *cell = *cell & !STEPS | u64::from(steps);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.table
            .iter()
            .filter(|cell| **cell != 0)
            .map(|cell| (key_of(*cell) - 1, steps_of(*cell)))
    }

    #[inline(never)]
    fn insert(&mut self, wanted: u32) {
        // At most four of five cells are in use. Tables grow by half, because doubled tables would
        // be half empty.
        if (self.length as usize + 1) * 5 > self.table.len() * 4 {
            let grown = (self.table.len() + self.table.len() / 2).max(CELLS_MIN);
            let old = std::mem::replace(&mut self.table, vec![0; grown]);
            for cell in old {
                if cell != 0 {
                    let place = self.free_place(key_of(cell));
                    self.table[place] = cell;
                }
            }
        }
        let place = self.free_place(wanted);
        self.table[place] = u64::from(wanted) << 32;
        self.last = steps_of(place as u64);
        self.length += 1;
    }

    fn free_place(&self, wanted: u32) -> usize {
        let mut place = self.home(wanted);
        while self.table[place] != 0 {
            place = self.after(place);
        }
        place
    }

    #[inline]
    fn home(&self, wanted: u32) -> usize {
        // The hash is scaled to the length of the table, so the length can be any number.
        let hash = u64::from(wanted.wrapping_mul(self.multiplier));
        ((hash * self.table.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        if place + 1 == self.table.len() { 0 } else { place + 1 }
    }
}

const STEPS: u64 = u32::MAX as u64;

#[inline]
fn key_of(cell: u64) -> u32 {
    (cell >> 32) as u32
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lower half of a word")]
fn steps_of(cell: u64) -> u32 {
    cell as u32
}
