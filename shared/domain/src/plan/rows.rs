//! The rows of a plan, and how counters are packed into them.

use xxhash_rust::xxh3::xxh3_64;

use crate::count::amount::Amount;
use crate::count::measure::Measure;
use crate::time::period::Period;

/// The maximum number of counters in one update: an update expression is limited to 4,096 bytes,
/// and more than 300 `ADD`s are untested.
pub const ROW_COUNTERS_MAX: usize = 250;

/// The maximum size of the counters of a minute row and its site, in bytes. A write is billed by
/// the size of the whole row in steps of 1,024 bytes, of which the rest of the keys and the time to
/// live take up to 64.
pub(super) const ROW_BYTES_MAX: usize = 1_024 - 64;

/// The target size of the counters of a coarser row, in bytes; hashing spreads keys unevenly over
/// the slots.
const ROW_TARGET_BYTES: usize = 840;

/// The attribute of a counter is `i#` followed by its key.
const COUNTER_PREFIX_BYTES: usize = 2;

/// What one update adds to the counters of one row.
#[derive(Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The site that the events belong to.
    pub site: &'a str,
    /// The period.
    pub period: Period,
    /// What is counted.
    pub measure: Measure,
    /// Which of the rows that share site, period and measure.
    pub slot: u32,
    /// What is added to each key, ascending by key; 1 to [`ROW_COUNTERS_MAX`] of them.
    pub counters: Vec<(&'a str, Amount)>,
}

/// The size of a counter in its row, in bytes, if it holds exactly this amount.
pub fn counter_bytes(key: &str, amount: Amount) -> usize {
    COUNTER_PREFIX_BYTES + key.len() + amount.stored_bytes()
}

/// Cuts the counters of one site, period and measure into as few rows as keep each of them small.
pub(crate) fn pack<'a>(
    site: &'a str,
    period: Period,
    measure: Measure,
    counters: &[(&'a str, Amount)],
    push: impl FnMut(Row<'a>),
) {
    let slots = match period {
        Period::Minute(_) => fill(counters, ROW_BYTES_MAX.saturating_sub(site.len())),
        _ => spread(counters),
    };
    (0_u32..)
        .zip(slots)
        .filter(|(_, counters)| !counters.is_empty())
        .map(|(slot, counters)| Row { site, period, measure, slot, counters })
        .for_each(push);
}

/// Fills rows one after another, in the order of their keys. A minute has few chunks, mostly one,
/// so its rows hold little more than what one plan adds to them.
fn fill<'a>(counters: &[(&'a str, Amount)], bytes_max: usize) -> Vec<Vec<(&'a str, Amount)>> {
    let mut slots: Vec<Vec<(&'a str, Amount)>> = vec![];
    let mut bytes_left = 0;
    for (key, amount) in counters {
        let bytes = counter_bytes(key, *amount);
        match slots.last_mut() {
            Some(slot) if bytes <= bytes_left && slot.len() < ROW_COUNTERS_MAX => {
                slot.push((key, *amount));
                bytes_left -= bytes;
            }
            _ => {
                slots.push(vec![(key, *amount)]);
                bytes_left = bytes_max.saturating_sub(bytes);
            }
        }
    }
    slots
}

/// Spreads counters evenly over slots by the hashes of their keys. Many chunks add to the rows
/// above the minute: since the number of slots is a power of two, chunks with about as many keys
/// use the same slots, and each key stays in the same row.
fn spread<'a>(counters: &[(&'a str, Amount)]) -> Vec<Vec<(&'a str, Amount)>> {
    let bytes: usize = counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum();
    let mut slot_count = bytes.div_ceil(ROW_TARGET_BYTES).next_power_of_two();
    loop {
        let mut slots: Vec<Vec<(&'a str, Amount)>> = vec![vec![]; slot_count];
        for (key, amount) in counters {
            slots[slot_of(key, slot_count)].push((key, *amount));
        }
        if slots.iter().all(|counters| counters.len() <= ROW_COUNTERS_MAX) {
            return slots;
        }
        slot_count *= 2;
    }
}

/// The slot of a key: a pure function of the key and the number of slots.
fn slot_of(key: &str, slot_count: usize) -> usize {
    // The high half of hash × count spreads evenly without a division's bias; it is below the count
    // by construction.
    let scaled = (u128::from(xxh3_64(key.as_bytes())) * slot_count as u128) >> 64;
    usize::try_from(scaled).unwrap_or(0)
}
