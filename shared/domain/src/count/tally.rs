//! Exact sums by site, minute, measure and key, small enough that a chunk of any size fits a
//! function.

use std::fmt;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64;

use crate::count::amount::Amount;
use crate::count::measure::{Currency, Measure};
use crate::time::Minute;

/// What one chunk adds: for each site, minute, measure and key an exact amount.
///
/// **Shape**: a counter takes eight bytes in a table of its own bucket, so that events which come
/// in the order of their time touch little memory. Keys and sites are kept once.
///
/// **Guarantees**: the groups and their order depend on what was added, not on the order of the
/// additions.
#[derive(Default)]
pub struct Tally {
    sites: Texts,
    keys: Texts,
    buckets: Vec<Bucket>,
    /// Positions in `buckets`, by the bucket's name.
    by_name: HashTable<u32>,
    recent: RecentBuckets,
    /// The parts of amounts that a cell cannot hold.
    wide: HashTable<Wide>,
}

/// The counters of one site, minute and measure: what goes into one row, or its slots.
#[derive(Clone, PartialEq, Eq)]
pub struct Group<'a> {
    /// The site.
    pub site: &'a str,
    /// The minute.
    pub minute: Minute,
    /// What is counted.
    pub measure: Measure,
    /// The keys (ascending by their bytes, each once) with what was counted (never zero).
    pub counters: Vec<(&'a str, Amount)>,
}

/// The number of a site of one tally, by first appearance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SiteNumber(pub(crate) u32);

/// The number of a key of one tally, by first appearance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyNumber(u32);

/// Money in millionths, as prices are read: no price, quantity or total has more decimals, and the
/// largest fits.
pub(crate) const MILLIONTHS_PER_ONE: u64 = 1_000_000;

/// The units of an [`Amount`] in a millionth.
pub(crate) const UNITS_PER_MILLIONTH: i128 = Amount::ONE.units() / 1_000_000;

impl Tally {
    /// Adds an amount; a zero adds no counter.
    pub fn add(&mut self, site: &str, measure: Measure, minute: Minute, key: &str, amount: Amount) {
        if amount == Amount::ZERO {
            return;
        }
        let site = self.site(site.as_bytes());
        let key = self.key(key.as_bytes(), key.len());
        self.add_amount(site, measure, minute, key, amount);
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// How many counters there are, over all groups.
    pub fn counters(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.cells.length as usize).sum()
    }

    /// The groups, ascending by site, minute and measure, each made when it is asked for: a counter
    /// takes 32 bytes in a group, four times what it takes in the tally.
    pub fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        let keys = self.keys.to_texts();
        let sites = self.sites.to_texts();
        let mut keys_sorted: Vec<u32> = (0..self.keys.count()).collect();
        keys_sorted.sort_unstable_by_key(|number| keys[*number as usize]);
        // A key's rank stands for it while a group is sorted: comparing numbers costs far less than
        // comparing texts.
        let mut ranks = vec![0; keys.len()];
        for (rank, number) in (0..).zip(&keys_sorted) {
            ranks[*number as usize] = rank;
        }
        let mut buckets: Vec<&Bucket> = self.buckets.iter().collect();
        buckets.sort_unstable_by_key(|bucket| {
            (sites[bucket.name.site as usize], bucket.name.minute, bucket.name.measure)
        });
        buckets.into_iter().filter_map(move |bucket| {
            let mut cells: Vec<(u32, u32)> =
                bucket.cells.iter().map(|(key, steps)| (ranks[key as usize], steps)).collect();
            cells.sort_unstable();
            let counters: Vec<(&str, Amount)> = cells
                .into_iter()
                .map(|(rank, steps)| {
                    let key = keys_sorted[rank as usize];
                    (keys[key as usize], self.amount(bucket, key, steps))
                })
                .filter(|(_, amount)| *amount != Amount::ZERO)
                .collect();
            let Bucket { name: BucketName { site, minute, measure }, .. } = *bucket;
            (!counters.is_empty()).then(|| Group {
                site: sites[site as usize],
                minute,
                measure,
                counters,
            })
        })
    }

    /// The sites by their numbers.
    pub(crate) fn sites(&self) -> Vec<&str> {
        self.sites.to_texts()
    }

    /// The number of a site, which must be UTF-8.
    #[inline]
    pub(crate) fn site(&mut self, site: &[u8]) -> SiteNumber {
        SiteNumber(self.sites.find_or_insert(site))
    }

    /// The number of the key that is the first `length` of these bytes, which must be UTF-8.
    #[inline]
    pub(crate) fn key(&mut self, bytes: &[u8], length: usize) -> KeyNumber {
        KeyNumber(self.keys.number(bytes, length))
    }

    /// Adds one event, or one unit.
    #[inline]
    pub(crate) fn add_one(
        &mut self,
        site: SiteNumber,
        measure: Measure,
        minute: Minute,
        key: KeyNumber,
    ) {
        let bucket = self.bucket(BucketName { site: site.0, minute, measure });
        match step_units(measure) {
            ONE_STEP => self.add_steps(bucket, key, 1),
            _ => self.add_to_bucket(bucket, key, Amount::ONE),
        }
    }

    /// Adds so many millionths, other than zero.
    #[inline]
    pub(crate) fn add_millionths(
        &mut self,
        site: SiteNumber,
        measure: Measure,
        minute: Minute,
        key: KeyNumber,
        millionths: u64,
    ) {
        let bucket = self.bucket(BucketName { site: site.0, minute, measure });
        // Constants, so that neither division is one.
        let (steps, rest) = if measure.is_money() {
            (millionths / 10_000, millionths % 10_000)
        } else {
            (millionths / MILLIONTHS_PER_ONE, millionths % MILLIONTHS_PER_ONE)
        };
        match u32::try_from(steps) {
            Ok(steps) if rest == 0 => self.add_steps(bucket, key, steps),
            _ => self.add_wide(
                bucket,
                key,
                Amount::from_units(i128::from(millionths) * UNITS_PER_MILLIONTH),
            ),
        }
    }

    /// Adds any amount other than zero.
    pub(crate) fn add_amount(
        &mut self,
        site: SiteNumber,
        measure: Measure,
        minute: Minute,
        key: KeyNumber,
        amount: Amount,
    ) {
        let bucket = self.bucket(BucketName { site: site.0, minute, measure });
        self.add_to_bucket(bucket, key, amount);
    }

    fn add_to_bucket(&mut self, bucket: usize, key: KeyNumber, amount: Amount) {
        let step = step_units(self.buckets[bucket].name.measure);
        match u32::try_from(amount.units() / step) {
            Ok(steps) if amount.units() % step == 0 => self.add_steps(bucket, key, steps),
            _ => self.add_wide(bucket, key, amount),
        }
    }

    #[inline]
    fn add_steps(&mut self, bucket: usize, key: KeyNumber, steps: u32) {
        let bucket_at = &mut self.buckets[bucket];
        let measure = bucket_at.name.measure;
        let steps_at = bucket_at.cells.steps(key.0);
        match steps_at.checked_add(steps) {
            Some(sum) => bucket_at.cells.set_last(sum),
            None => {
                let amount = Amount::from_units(i128::from(steps) * step_units(measure));
                self.add_wide(bucket, key, amount);
            }
        }
    }

    #[cold]
    fn add_wide(&mut self, bucket: usize, key: KeyNumber, amount: Amount) {
        // The cell says that the key has a counter, whatever its steps.
        self.buckets[bucket].cells.steps(key.0);
        self.buckets[bucket].cells.has_wide = true;
        let name = WideName { bucket: number_of(bucket), key: key.0 };
        let entry = self.wide.entry(name.hash(), |wide| wide.name == name, |wide| wide.name.hash());
        match entry {
            Entry::Occupied(mut wide) => wide.get_mut().add(amount),
            Entry::Vacant(place) => {
                place.insert(Wide::new(name, amount));
            }
        }
    }

    fn amount(&self, bucket: &Bucket, key: u32, steps: u32) -> Amount {
        let mut amount = Amount::from_units(i128::from(steps) * step_units(bucket.name.measure));
        if bucket.cells.has_wide {
            let name = WideName { bucket: bucket.number, key };
            if let Some(wide) = self.wide.find(name.hash(), |wide| wide.name == name) {
                amount += wide.amount();
            }
        }
        amount
    }

    #[inline]
    fn bucket(&mut self, name: BucketName) -> usize {
        let place = name.recent_place();
        let recent = self.recent.places[place];
        if recent.name == Some(name) {
            return recent.bucket as usize;
        }
        let bucket = self.find_bucket(name);
        self.recent.places[place] = Recent { name: Some(name), bucket };
        bucket as usize
    }

    #[inline(never)]
    fn find_bucket(&mut self, name: BucketName) -> u32 {
        let buckets = &self.buckets;
        let is_same = |position: &u32| buckets[*position as usize].name == name;
        let hash_at = |position: &u32| buckets[*position as usize].name.hash();
        match self.by_name.entry(name.hash(), is_same, hash_at) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                let position = number_of(buckets.len());
                place.insert(position);
                self.buckets.push(Bucket { name, number: position, cells: Cells::default() });
                position
            }
        }
    }
}

/// `site 2026-11-20T23:07:00Z views item=3 …`, a group a line.
impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in self.groups() {
            writeln!(f, "{group:?}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.site, self.minute, self.measure)?;
        for (key, amount) in &self.counters {
            write!(f, " {key}={amount}")?;
        }
        Ok(())
    }
}

/// Two tallies are equal when the same was counted.
impl PartialEq for Tally {
    fn eq(&self, other: &Tally) -> bool {
        self.groups().eq(other.groups())
    }
}

impl Eq for Tally {}

/// The units of an [`Amount`] in one step of a cell: one for counts, a hundredth for money. What is
/// no whole number of steps is kept apart.
fn step_units(measure: Measure) -> i128 {
    if measure.is_money() { ONE_STEP / 100 } else { ONE_STEP }
}

const ONE_STEP: i128 = Amount::ONE.units();

/// The number of something that a tally holds many of.
fn number_of(count: usize) -> u32 {
    u32::try_from(count).expect("memory ends long before 2^32 keys or buckets")
}

struct Bucket {
    name: BucketName,
    /// Its position among the buckets.
    number: u32,
    cells: Cells,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct BucketName {
    site: u32,
    minute: Minute,
    measure: Measure,
}

impl BucketName {
    fn hash(self) -> u64 {
        let site_and_minute = u64::from(self.site) << 32 | u64::from(self.minute.number());
        mix(mix(site_and_minute) ^ u64::from(self.measure_code()))
    }

    #[inline]
    fn measure_code(self) -> u32 {
        let with_currency = |kind: u8, currency: Currency| {
            let code = currency.as_bytes();
            u32::from_le_bytes([kind, code[0], code[1], code[2]])
        };
        match self.measure {
            Measure::Views => 0,
            Measure::Carts => 1,
            Measure::Removals => 2,
            Measure::Units => 3,
            Measure::Pages => 4,
            Measure::Sales(currency) => with_currency(5, currency),
            Measure::Refunds(currency) => with_currency(6, currency),
            Measure::OrderValue(currency) => with_currency(7, currency),
            Measure::Orders => 8,
            Measure::Ordered => 9,
            Measure::OrderedValue(currency) => with_currency(10, currency),
        }
    }

    /// Where the bucket is remembered: apart for the measures of a minute, and for minutes that lie
    /// side by side.
    #[inline]
    fn recent_place(self) -> usize {
        let code = self.measure_code() as usize & 7;
        (self.minute.number() as usize % (RECENT_PLACES / 8)) * 8 + code
    }
}

const RECENT_PLACES: usize = 64;

/// The bucket that each place was last asked for.
struct RecentBuckets {
    places: [Recent; RECENT_PLACES],
}

#[derive(Clone, Copy)]
struct Recent {
    name: Option<BucketName>,
    bucket: u32,
}

impl Default for RecentBuckets {
    fn default() -> RecentBuckets {
        RecentBuckets { places: [Recent { name: None, bucket: 0 }; RECENT_PLACES] }
    }
}

/// A hash table from key numbers to steps, open addressing with linear probing: a cell is one word,
/// the key's number plus one above, the steps below, zero for an empty cell.
#[derive(Default)]
struct Cells {
    table: Vec<u64>,
    length: u32,
    /// Where `steps` has found its key.
    last: u32,
    /// Whether a key of this bucket has a wide amount.
    has_wide: bool,
}

const CELLS_MIN: usize = 4;

impl Cells {
    /// The steps of a key, which gets a cell if it has none; `set_last` changes them.
    #[inline]
    fn steps(&mut self, key: u32) -> u32 {
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
    fn set_last(&mut self, steps: u32) {
        if let Some(cell) = self.table.get_mut(self.last as usize) {
            *cell = *cell & !STEPS | u64::from(steps);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.table
            .iter()
            .filter(|cell| **cell != 0)
            .map(|cell| (key_of(*cell) - 1, steps_of(*cell)))
    }

    #[inline(never)]
    fn insert(&mut self, wanted: u32) {
        // At most four of five cells are taken; tables grow by half, since doubled ones would be
        // half empty.
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
        // The hash is a fraction of the table's length, so that the length can be any number.
        let hash = u64::from(wanted.wrapping_mul(0x9e37_79b9));
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

#[derive(Clone, Copy, PartialEq, Eq)]
struct WideName {
    bucket: u32,
    key: u32,
}

impl WideName {
    fn hash(self) -> u64 {
        mix(u64::from(self.bucket) << 32 | u64::from(self.key))
    }
}

/// An amount in two words, since an i128 would be padded to 32 bytes beside its name.
struct Wide {
    name: WideName,
    units: [u64; 2],
}

impl Wide {
    fn new(name: WideName, amount: Amount) -> Wide {
        let mut wide = Wide { name, units: [0; 2] };
        wide.add(amount);
        wide
    }

    fn amount(&self) -> Amount {
        let [low, high] = self.units;
        Amount::from_units((u128::from(high) << 64 | u128::from(low)).cast_signed())
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a wide integer")]
    fn add(&mut self, amount: Amount) {
        let sum = self.amount().saturating_add(amount).units().cast_unsigned();
        self.units = [sum as u64, (sum >> 64) as u64];
    }
}

/// Texts that are kept once and known by their number.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    /// Where each text ends in `bytes`.
    ends: Vec<usize>,
    by_text: HashTable<u32>,
    /// The short text that each place was last asked for, since most events are about few items.
    recent: Vec<RecentText>,
}

#[derive(Clone, Copy)]
struct RecentText {
    short: ShortText,
    number: u32,
}

/// A text of 1 to 16 bytes, with zeros behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ShortText {
    head: u64,
    tail: u64,
    length: u32,
}

#[inline]
fn word(bytes: &[u8; 16], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word))
}

/// 4,096 places of 24 bytes stay in a second level cache.
const RECENT_TEXTS_BITS: u32 = 12;
const RECENT_TEXTS: usize = 1 << RECENT_TEXTS_BITS;

impl ShortText {
    /// What no text is.
    const NONE: ShortText = ShortText { head: 0, tail: 0, length: 0 };

    /// The first `length` of these bytes; `None` also where fewer than 16 bytes are at hand.
    #[inline]
    fn of(bytes: &[u8], length: usize) -> Option<ShortText> {
        let bytes: &[u8; 16] = bytes.first_chunk()?;
        if length == 0 || length > bytes.len() {
            return None;
        }
        let (head, tail) = (word(bytes, 0), word(bytes, 8));
        let length = u32::try_from(length).ok()?;
        Some(ShortText {
            head: head & u64::MAX >> (64 - 8 * length.min(8)),
            tail: tail & u64::MAX.checked_shr(128 - 8 * length).unwrap_or_default(),
            length,
        })
    }

    #[inline]
    fn place(self) -> usize {
        let hash = (self.head ^ self.tail.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> (u64::BITS - RECENT_TEXTS_BITS)) as usize
    }
}

impl Texts {
    fn count(&self) -> u32 {
        number_of(self.ends.len())
    }

    /// The number of the text that is the first `length` of these bytes. Those behind it only serve
    /// to read it fast.
    #[inline]
    fn number(&mut self, bytes: &[u8], length: usize) -> u32 {
        let text = bytes.get(..length).unwrap_or(bytes);
        let Some(short) = ShortText::of(bytes, length) else {
            return self.find_or_insert(text);
        };
        let place = short.place();
        if let Some(recent) = self.recent.get(place)
            && recent.short == short
        {
            return recent.number;
        }
        let number = self.find_or_insert(text);
        if self.recent.is_empty() {
            self.recent.resize(RECENT_TEXTS, RecentText { short: ShortText::NONE, number: 0 });
        }
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = RecentText { short, number };
        }
        number
    }

    #[inline(never)]
    fn find_or_insert(&mut self, text: &[u8]) -> u32 {
        let hash = xxh3_64(text);
        match self
            .by_text
            .find(hash, |number| is_same(text_of(&self.bytes, &self.ends, *number), text))
        {
            Some(number) => *number,
            None => self.insert(hash, text),
        }
    }

    #[inline(never)]
    fn insert(&mut self, hash: u64, text: &[u8]) -> u32 {
        let number = self.count();
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        let (bytes, ends) = (&self.bytes, &self.ends);
        self.by_text.insert_unique(hash, number, |known| xxh3_64(text_of(bytes, ends, *known)));
        number
    }

    fn to_texts(&self) -> Vec<&str> {
        let all = std::str::from_utf8(&self.bytes)
            .expect("sites and keys are cut from lines that are UTF-8");
        let mut start = 0;
        let mut texts = Vec::with_capacity(self.ends.len());
        for &end in &self.ends {
            texts.push(&all[start..end]);
            start = end;
        }
        texts
    }
}

#[inline]
fn text_of<'a>(bytes: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &bytes[start..ends[number]]
}

/// Compares texts; most are too short for a call to pay off.
#[inline]
fn is_same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    if let (Some(left_head), Some(right_head), Some(left_tail), Some(right_tail)) = (
        left.first_chunk::<8>(),
        right.first_chunk::<8>(),
        left.last_chunk::<8>(),
        right.last_chunk::<8>(),
    ) && left.len() <= 16
    {
        return left_head == right_head && left_tail == right_tail;
    }
    left == right
}

/// Spreads the bits of a small number over a word.
///
/// **Source**: the finalizer of SplitMix64.
#[inline]
fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn minute(number: u32) -> Minute {
        Minute::from_epoch_seconds(i64::from(number) * 60).expect("in range")
    }

    fn amount(text: &str) -> Amount {
        Amount::parse(text.as_bytes()).expect("a decimal")
    }

    fn usd() -> Currency {
        Currency::parse(b"USD").expect("three letters")
    }

    #[test]
    fn groups_and_counters_come_in_order() {
        let mut tally = Tally::default();
        assert!(tally.is_empty());
        tally.add("b", Measure::Views, minute(1), "x", Amount::ONE);
        tally.add("a", Measure::Carts, minute(2), "10", Amount::ONE);
        tally.add("a", Measure::Carts, minute(2), "9", Amount::ONE);
        tally.add("a", Measure::Sales(usd()), minute(1), "9", amount("0.125"));
        tally.add("a", Measure::Sales(usd()), minute(1), "9", amount("2.5"));
        tally.add("a", Measure::Views, minute(2), "é", Amount::ONE);
        tally.add("a", Measure::Views, minute(2), "é", Amount::ONE);
        tally.add("a", Measure::Views, minute(2), "nothing", Amount::ZERO);
        assert_eq!(
            format!("{tally:?}"),
            "a 1970-01-01T00:01:00Z sales:USD 9=2.625\n\
             a 1970-01-01T00:02:00Z views é=2\n\
             a 1970-01-01T00:02:00Z carts 10=1 9=1\n\
             b 1970-01-01T00:01:00Z views x=1\n"
        );
        assert_eq!(tally.counters(), 5);
        assert!(!tally.is_empty());
    }

    #[test]
    fn sums_beyond_a_cell_are_exact() {
        let mut tally = Tally::default();
        for text in ["42949672.95", "0.01", "1000000000000", "0.000000000001", "42949672.95"] {
            tally.add("s", Measure::Sales(usd()), minute(0), "k", amount(text));
        }
        let most = Amount::from_count(u64::from(u32::MAX));
        tally.add("s", Measure::Views, minute(0), "k", most);
        tally.add("s", Measure::Views, minute(0), "k", most);
        assert_eq!(
            format!("{tally:?}"),
            "s 1970-01-01T00:00:00Z views k=8589934590\n\
             s 1970-01-01T00:00:00Z sales:USD k=1000085899345.910000000001\n"
        );
    }

    #[test]
    fn what_sums_to_zero_is_not_listed() {
        let mut tally = Tally::default();
        tally.add("s", Measure::Units, minute(0), "k", amount("0.5"));
        tally.add("s", Measure::Units, minute(0), "k", amount("-0.5"));
        assert_eq!(tally.groups().count(), 0);
    }

    #[test]
    fn a_counter_takes_little_memory() {
        let mut tally = Tally::default();
        for cell in 0..1_000_000_u32 {
            tally.add(
                "s",
                Measure::Views,
                minute(cell / 10_000),
                &(cell % 10_000).to_string(),
                Amount::ONE,
            );
        }
        let words: usize = tally.buckets.iter().map(|bucket| bucket.cells.table.capacity()).sum();
        assert_eq!(tally.counters(), 1_000_000);
        assert!(words * 8 < 20_000_000, "{words} words");
    }

    type Model = BTreeMap<(String, u32, Measure, String), Amount>;

    fn any_amount() -> impl Strategy<Value = Amount> {
        prop_oneof![
            4 => Just(Amount::ONE),
            2 => (0_u64..1000).prop_map(Amount::from_count),
            2 => (0_i128..10_i128.pow(9)).prop_map(|cents| Amount::from_units(cents * ONE_STEP / 100)),
            1 => (0_i128..10_i128.pow(24)).prop_map(Amount::from_units),
        ]
    }

    proptest! {
        #[test]
        fn equals_a_naive_sum(
            additions in proptest::collection::vec(
                (0..3_u8, 0..20_u32, 0..5_u8, 0..40_u32, any_amount()), 0..400),
        ) {
            let measures =
                [Measure::Views, Measure::Sales(usd()), Measure::Units, Measure::Pages, Measure::Refunds(usd())];
            let mut tally = Tally::default();
            let mut model = Model::new();
            for (site, at, measure, key, amount) in &additions {
                let (site, key) = (format!("site{site}"), key.to_string());
                let measure = measures[usize::from(*measure)];
                tally.add(&site, measure, minute(*at), &key, *amount);
                *model.entry((site, *at, measure, key)).or_default() += *amount;
            }
            model.retain(|_, amount| *amount != Amount::ZERO);
            let mut listed = Vec::new();
            for group in tally.groups() {
                for (key, amount) in group.counters {
                    let at = group.minute.number();
                    listed.push(((group.site.to_string(), at, group.measure, key.to_string()), amount));
                }
            }
            let expected: Vec<_> = model.into_iter().collect();
            prop_assert_eq!(tally.counters(), expected.len());
            prop_assert_eq!(listed, expected);

            let mut reversed = Tally::default();
            for (site, at, measure, key, amount) in additions.iter().rev() {
                let measure = measures[usize::from(*measure)];
                reversed.add(&format!("site{site}"), measure, minute(*at), &key.to_string(), *amount);
            }
            prop_assert_eq!(reversed, tally);
        }
    }
}
