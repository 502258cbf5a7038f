//! Reads a chunk: its stored bytes in, tallies, outcomes and rejected lines out.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeDelta;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::chunk::id::PlanInputs;
use crate::chunk::lines::{Line, LineCutter};
use crate::chunk::unpack::{UnpackError, Unpacker};
use crate::count::sketch::IdHash;
use crate::count::tally::{SiteNumber, Tally};
use crate::count::visitors::{ChunkVisitors, Gathering};
use crate::event::line::{EventReader, ReadEvent, ReadLine, Text, Value};
use crate::event::reason::Reason;
use crate::event::site::DEFAULT_SITE;
use crate::order::facts::Orders;
use crate::time::Minute;

/// What a chunk's count depends on besides its bytes.
#[derive(Clone, Debug)]
pub struct ChunkSettings {
    /// What its plan will be made from: what "future" is measured from, the currency of money that
    /// names none, and which minutes are kept, for visitors of older ones are gathered by hour.
    pub inputs: PlanInputs,
    /// The stored size, which bounds what the chunk may unpack to.
    pub size_bytes: u64,
}

/// What the orders of a chunk may take in memory. Ingest counts four chunks at once, so that it may
/// be half of its memory.
pub const ORDERS_BYTES_MAX: usize = 128 << 20;

/// Why a chunk cannot be counted. No retry helps any of them: the bytes are what they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// It cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// What it says of orders does not fit into memory.
    #[error(
        "the orders of the chunk take more than {ORDERS_BYTES_MAX} bytes in memory: put it in smaller files"
    )]
    TooManyOrders,
}

/// Reads one chunk that comes in pieces.
///
/// **Guarantees**: the count is a pure function of the settings and the bytes, however they are cut
/// into pushes. Memory is bounded by the longest line, the tallies, the sketches, the orders
/// ([`ORDERS_BYTES_MAX`]), 16 bytes for each event id, and the rejected lines that have not been
/// taken.
pub struct ChunkReader {
    hasher: blake3::Hasher,
    unpacker: Unpacker,
    lines: LineCutter,
    counter: Counter,
}

/// What a chunk comes to.
#[derive(Debug)]
pub struct ChunkCount {
    /// The hash of the stored bytes.
    pub content_hash: ContentHash,
    /// What became of the lines.
    pub outcomes: Outcomes,
    /// What they count.
    pub tally: Tally,
    /// Whom the counted events are of.
    pub visitors: ChunkVisitors,
    /// What they say of orders.
    pub orders: Orders,
    /// The rejected lines that were not taken yet: whole lines of JSONL.
    pub rejected: Vec<u8>,
}

/// The BLAKE3 hash of the bytes of a chunk, as they are stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

/// What became of the lines of a chunk.
///
/// **Guarantees**: `lines` is the sum of `counted`, `ignored`, `duplicate` and all of `rejected`.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct Outcomes {
    /// The lines that are not blank.
    pub lines: u64,
    /// The lines of which at least one event was counted.
    pub counted: u64,
    /// The lines that hold nothing to count.
    pub ignored: u64,
    /// The lines whose events were all counted before, or hold nothing to count.
    pub duplicate: u64,
    /// The lines that were rejected, by reason; no zeros.
    pub rejected: BTreeMap<Reason, u64>,
    /// The events that were counted; a line can have many, and those of a counted line need not all
    /// be counted.
    pub events: u64,
}

impl ChunkReader {
    /// Starts before the first byte.
    pub fn new(settings: &ChunkSettings) -> ChunkReader {
        ChunkReader {
            hasher: blake3::Hasher::new(),
            unpacker: Unpacker::new(settings.size_bytes),
            lines: LineCutter::new(),
            counter: Counter::new(settings),
        }
    }

    /// Takes the next stored bytes.
    ///
    /// # Errors
    /// See [`ChunkError`]; the chunk is lost after one.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ChunkError> {
        let ChunkReader { hasher, unpacker, lines, counter } = self;
        hasher.update(bytes);
        unpacker.push(bytes, &mut |block| lines.push(block, &mut |line| counter.count(line)))?;
        counter.check_orders()
    }

    /// The bytes of rejected lines that wait to be taken.
    pub fn rejected_bytes(&self) -> usize {
        self.counter.rejected.len()
    }

    /// Takes the rejected lines so far: whole lines of JSONL, in the order of the chunk.
    pub fn take_rejected(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.counter.rejected)
    }

    /// Ends the chunk.
    ///
    /// # Errors
    /// [`ChunkError`]; a packed chunk may not be at its end.
    pub fn finish(self) -> Result<ChunkCount, ChunkError> {
        let ChunkReader { hasher, unpacker, mut lines, mut counter } = self;
        unpacker.finish(&mut |block| lines.push(block, &mut |line| counter.count(line)))?;
        lines.finish(&mut |line| counter.count(line));
        counter.check_orders()?;
        Ok(ChunkCount {
            content_hash: ContentHash(*hasher.finalize().as_bytes()),
            outcomes: counter.outcomes,
            visitors: counter.visitors.finish(&counter.tally.sites()),
            tally: counter.tally,
            orders: counter.orders,
            rejected: counter.rejected,
        })
    }
}

impl ContentHash {
    /// The hash as bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Outcomes {
    /// The lines that were rejected, for whatever reason.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }
}

/// 64 lower case hex digits.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Counts lines.
struct Counter {
    reader: EventReader,
    tally: Tally,
    visitors: Gathering,
    orders: Orders,
    sites: SiteMemory,
    ids: SeenIds,
    outcomes: Outcomes,
    rejected: Vec<u8>,
}

/// What becomes of an event, or of a line that is not rejected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Counted,
    Ignored,
    Duplicate,
}

impl Counter {
    fn new(settings: &ChunkSettings) -> Counter {
        Counter {
            reader: EventReader::new(
                settings.inputs.reference_time.timestamp(),
                settings.inputs.default_currency,
            ),
            tally: Tally::default(),
            visitors: Gathering::new(first_kept(&settings.inputs)),
            orders: Orders::default(),
            sites: SiteMemory::default(),
            ids: SeenIds::default(),
            outcomes: Outcomes::default(),
            rejected: Vec::new(),
        }
    }

    #[inline]
    fn count(&mut self, line: Line<'_>) {
        self.outcomes.lines += 1;
        if line.too_long {
            return self.reject(line, Reason::TooLong);
        }
        let Counter { reader, tally, visitors, orders, sites, ids, outcomes, .. } = self;
        let outcome = match reader.read(line.text, line.and_after) {
            Ok(read) => TakenLine {
                line: line.and_after,
                read,
                tally,
                visitors,
                orders,
                sites,
                ids,
                outcomes,
            }
            .count(),
            Err(reason) => return self.reject(line, reason),
        };
        match outcome {
            Outcome::Counted => self.outcomes.counted += 1,
            Outcome::Ignored => self.outcomes.ignored += 1,
            Outcome::Duplicate => self.outcomes.duplicate += 1,
        }
    }

    fn check_orders(&self) -> Result<(), ChunkError> {
        if self.orders.bytes() > ORDERS_BYTES_MAX { Err(ChunkError::TooManyOrders) } else { Ok(()) }
    }

    #[inline(never)]
    fn reject(&mut self, line: Line<'_>, reason: Reason) {
        *self.outcomes.rejected.entry(reason).or_default() += 1;
        write_rejected(line, reason, &mut self.rejected).expect("writing to memory does not fail");
    }
}

/// A line that is taken, and what it changes.
struct TakenLine<'a> {
    /// The line and what follows it.
    line: &'a [u8],
    read: &'a ReadLine,
    tally: &'a mut Tally,
    visitors: &'a mut Gathering,
    orders: &'a mut Orders,
    sites: &'a mut SiteMemory,
    ids: &'a mut SeenIds,
    outcomes: &'a mut Outcomes,
}

impl TakenLine<'_> {
    #[inline]
    fn count(mut self) -> Outcome {
        let Some(own) = self.read.own else {
            return self.count_events();
        };
        let own_id = self.id_hash(own.site, own.id);
        if self.ids.contains(own_id) {
            // Nothing of this line is counted or remembered; it is ignored if it had nothing to
            // count anyway.
            let counts_nothing = self.read.additions.is_empty() && self.read.orders.is_empty();
            return if counts_nothing { Outcome::Ignored } else { Outcome::Duplicate };
        }
        let outcome = self.count_events();
        if outcome != Outcome::Ignored {
            self.ids.insert(own_id);
        }
        outcome
    }

    #[inline]
    fn count_events(&mut self) -> Outcome {
        let mut line_outcome = Outcome::Ignored;
        let mut additions_start = 0;
        let read = self.read;
        for event in &read.events {
            let outcome = self.count_event(event, additions_start);
            additions_start = event.additions_end;
            match (outcome, line_outcome) {
                (Outcome::Counted, _) => {
                    self.outcomes.events += 1;
                    line_outcome = Outcome::Counted;
                }
                (Outcome::Duplicate, Outcome::Ignored) => line_outcome = Outcome::Duplicate,
                _ => {}
            }
        }
        line_outcome
    }

    #[inline]
    fn count_event(&mut self, event: &ReadEvent, additions_start: usize) -> Outcome {
        let additions = &self.read.additions[additions_start..event.additions_end];
        if additions.is_empty() && event.order.is_none() {
            return Outcome::Ignored;
        }
        if let Some(id) = event.id
            && !self.ids.insert(self.id_hash(event.site, id))
        {
            return Outcome::Duplicate;
        }
        let (line, read) = (self.line, self.read);
        let site = self.sites.number(site_text(line, read, event.site), self.tally);
        let id_hash = |id| IdHash::of(read.text(line, id));
        self.visitors.add(
            site,
            event.minute,
            event.customer.map(id_hash),
            event.session.map(id_hash),
        );
        let mut known_key = None;
        for addition in additions {
            // A purchase adds units and sales under one key.
            let key = match known_key {
                Some((text, key)) if text == addition.key => key,
                _ => self.tally.key(read.text_and_after(line, addition.key), addition.key.length()),
            };
            known_key = Some((addition.key, key));
            match addition.value {
                Value::One => self.tally.add_one(site, addition.measure, event.minute, key),
                Value::Millionths(value) => {
                    self.tally.add_millionths(site, addition.measure, event.minute, key, value);
                }
                Value::Exact(amount) => {
                    self.tally.add_amount(site, addition.measure, event.minute, key, amount)
                }
            }
        }
        if let Some(order) = event.order {
            self.add_order(event, order);
        }
        Outcome::Counted
    }

    #[cold]
    fn add_order(&mut self, event: &ReadEvent, order: u32) {
        let (line, read) = (self.line, self.read);
        let Some(order) = read.orders.get(order as usize) else {
            return;
        };
        // The reader takes texts only if they are UTF-8.
        let site = std::str::from_utf8(site_text(line, read, event.site)).unwrap_or_default();
        let id = std::str::from_utf8(read.text(line, order.id)).unwrap_or_default();
        self.orders.add(site, id, order.facts.clone());
    }

    fn id_hash(&self, site: Option<Text>, id: Text) -> u128 {
        // An id stands for an event at its site only: the site decides the seed.
        xxh3_128_with_seed(
            self.read.text(self.line, id),
            xxh3_64(site_text(self.line, self.read, site)),
        )
    }
}

/// The first minute that is kept at the reference time.
fn first_kept(inputs: &PlanInputs) -> Minute {
    let kept = TimeDelta::days(i64::from(inputs.minute_retention_days));
    if kept.is_zero() {
        return Minute::EPOCH;
    }
    // A minute is kept for so long after its end, so that the one that contains this time is the
    // first.
    inputs
        .reference_time
        .checked_sub_signed(kept)
        .and_then(Minute::containing)
        .unwrap_or(Minute::EPOCH)
}

#[inline]
fn site_text<'a>(line: &'a [u8], read: &'a ReadLine, site: Option<Text>) -> &'a [u8] {
    match site {
        Some(site) => read.text(line, site),
        None => DEFAULT_SITE.as_bytes(),
    }
}

/// The site of the last event, which mostly is that of the next.
#[derive(Default)]
struct SiteMemory {
    last: Vec<u8>,
    number: Option<SiteNumber>,
}

impl SiteMemory {
    #[inline]
    fn number(&mut self, site: &[u8], tally: &mut Tally) -> SiteNumber {
        match self.number {
            Some(number) if self.last == site => number,
            _ => {
                let number = tally.site(site);
                self.last.clear();
                self.last.extend_from_slice(site);
                self.number = Some(number);
                number
            }
        }
    }
}

/// The ids of the events that were counted, each as a hash of 128 bits: two of 10^12 ids share one
/// with a chance below 10^-14.
#[derive(Default)]
struct SeenIds {
    hashes: HashTable<u128>,
}

impl SeenIds {
    fn contains(&self, id: u128) -> bool {
        self.hashes.find(upper_half(id), |known| *known == id).is_some()
    }

    /// Remembers an id; `false` where it was known.
    fn insert(&mut self, id: u128) -> bool {
        match self.hashes.entry(upper_half(id), |known| *known == id, |known| upper_half(*known)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(id);
                true
            }
        }
    }
}

fn upper_half(hash: u128) -> u64 {
    (hash >> 64) as u64
}

/// Writes a rejected line as one line of JSON.
fn write_rejected(line: Line<'_>, reason: Reason, out: &mut Vec<u8>) -> std::io::Result<()> {
    write!(out, r#"{{"line":{},"reason":"{reason}","#, line.number)?;
    match rejected_text(line) {
        Some(text) => {
            out.extend_from_slice(br#""text":"#);
            serde_json::to_writer(&mut *out, text)?;
        }
        None => write!(out, r#""base64":"{}""#, BASE64_STANDARD.encode(line.text))?,
    }
    if line.too_long {
        out.extend_from_slice(br#","cut":true"#);
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// The text of a rejected line; `None` if it is not UTF-8. The last character of a line that was
/// cut may be cut too, and is left out.
fn rejected_text(line: Line<'_>) -> Option<&str> {
    match std::str::from_utf8(line.text) {
        Ok(text) => Some(text),
        Err(error) if line.too_long && error.error_len().is_none() => {
            line.text.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
        }
        Err(_) => None,
    }
}

#[cfg(test)]
#[path = "count_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "order_tests.rs"]
mod order_tests;
