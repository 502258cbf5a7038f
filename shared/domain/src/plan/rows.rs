//! The rows of a plan, and how counters are packed into them.

use xxhash_rust::xxh3::xxh3_64;

use crate::count::amount::Amount;
use crate::count::measure::Measure;
use crate::time::period::Period;

/// The counters that one update bumps: an update expression is limited to 4,096 bytes, and more
/// than 300 `ADD`s are unproven.
pub const ROW_COUNTERS_MAX: usize = 250;

/// What the counters of a minute row and its site come to at most, in bytes: a write is billed by
/// the whole row in steps of 1,024 bytes, of which the rest of its keys and the time to live take
/// up to 64.
pub(super) const ROW_BYTES_MAX: usize = 1_024 - 64;

/// What the counters of a coarser row should come to, in bytes: hashing spreads keys unevenly over
/// the slots.
const ROW_TARGET_BYTES: usize = 840;

/// The name of a counter is its key behind `i#`.
const COUNTER_PREFIX_BYTES: usize = 2;

/// The counters of one row that one update bumps.
#[derive(Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The site that the events belong to.
    pub site: &'a str,
    /// The span of time.
    pub period: Period,
    /// What is counted.
    pub measure: Measure,
    /// Which of the rows that share site, period and measure.
    pub slot: u32,
    /// What is added to each key, ascending by key; 1 to [`ROW_COUNTERS_MAX`] of them.
    pub counters: Vec<(&'a str, Amount)>,
}

/// What a counter takes in its row, in bytes, when it holds just this amount.
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

/// Fills rows one after the other, in the order of their keys: a minute has few chunks, mostly one,
/// so that its rows hold little more than what one plan puts into them.
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
/// above the minute: with powers of two, those of about as many keys have the same slots, and a key
/// the same row.
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
