//! What the reader and the oracle come to, side by side. `fuzz/fuzz_targets/reader.rs` compares its
//! chunks with it, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use minutebook_domain::chunk::unpack::UnpackError;
use minutebook_domain::chunk::{
    ChunkCount, ChunkError, ChunkReader, ChunkSettings, ChunkSites, OutcomeNotes,
};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::count::secret::{SecretNumber, VisitorSecret};
use minutebook_domain::event::line::READER_VERSION;
use minutebook_domain::event::settings::{ReadingSettings, SettingsBySite, SettingsRevision};
use minutebook_domain::event::site::SiteId;
use minutebook_domain::plan::PlanInputs;
use minutebook_oracle::{
    Recount, RecountError, RejectedLine, Settings, SiteSettings, orders, recount, recount_appended,
};

use self::orders_text::{counted_by_oracle, counted_by_reader, order_of_oracle, order_of_reader};
use self::visitors::same_visitors;
use crate::chunk::{Chunk, REFERENCE_SECONDS};

#[path = "orders_text.rs"]
mod orders_text;
#[path = "visitors.rs"]
mod visitors;

/// The secret of all sketches.
const SECRET: VisitorSecret = VisitorSecret::new(0x0dd5_eed5);

/// What was compared, to show that it is not always the same.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) lines: u64,
    counted: u64,
    ignored: u64,
    duplicate: u64,
    rejected: u64,
    orders: usize,
    /// Orders with lines of purchases.
    purchased: usize,
    /// Orders with refunds.
    refunded: usize,
    broken_chunks: u64,
    reasons: BTreeMap<String, u64>,
}

impl Outcome {
    /// Fails if what was compared is too much alike.
    pub(crate) fn check_variety(&self) {
        let is_varied = |number: u64| number > self.lines / 200;
        assert!(
            self.counted > self.lines / 4
                && is_varied(self.ignored)
                && is_varied(self.duplicate)
                && is_varied(self.rejected)
                && self.orders > 100
                && self.purchased > 100
                && self.refunded > 100
                && self.broken_chunks > 0
                && self.reasons.len() >= 25,
            "{self}"
        );
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Outcome) {
        self.lines += other.lines;
        self.counted += other.counted;
        self.ignored += other.ignored;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
        self.orders += other.orders;
        self.purchased += other.purchased;
        self.refunded += other.refunded;
        self.broken_chunks += other.broken_chunks;
        for (reason, lines) in other.reasons {
            *self.reasons.entry(reason).or_default() += lines;
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome {
            lines,
            counted,
            ignored,
            duplicate,
            rejected,
            orders,
            purchased,
            refunded,
            broken_chunks,
            reasons,
        } = self;
        write!(
            formatter,
            "{lines} lines: {counted} counted, {ignored} ignored, {duplicate} duplicate, {rejected} \
             rejected for {} reasons; {orders} orders, {purchased} of them purchased, {refunded} refunded; \
             {broken_chunks} broken chunks",
            reasons.len()
        )
    }
}

/// What sites set: a currency and a zone, or none.
const SITE_SETTINGS: [(&str, Option<&str>, Option<&str>); 4] = [
    ("default", None, Some("America/New_York")),
    ("a", Some("INR"), Some("Asia/Kolkata")),
    ("7", Some("JPY"), None),
    ("shop-1", None, Some("UTC")),
];

/// The sites that are refused.
fn refused_sites(chunk: &Chunk) -> impl Iterator<Item = &'static str> {
    ["default", "b", "7"].into_iter().filter(|_| chunk.has_refused_sites)
}

fn settings_of_oracle() -> BTreeMap<String, SiteSettings> {
    let settings = SITE_SETTINGS.map(|(site, currency, zone)| {
        let currency = currency.map(str::to_owned);
        let time_zone = zone.map(|zone| zone.parse().unwrap());
        (site.to_owned(), SiteSettings { currency, time_zone })
    });
    settings.into()
}

fn settings_of_reader() -> SettingsBySite {
    let mut settings = SettingsBySite::default();
    for (site, currency, zone) in SITE_SETTINGS {
        let currency = currency.map(|code| Currency::parse(code.as_bytes()).unwrap());
        let time_zone = zone.map(|zone| zone.parse().unwrap());
        settings.set(&SiteId::parse(site).unwrap(), ReadingSettings { currency, time_zone });
    }
    settings
}

/// Counts a chunk twice.
///
/// # Errors
/// The two come to different results; the text has those parts of them that differ.
pub(crate) fn compare(chunk: &Chunk) -> Result<Outcome, String> {
    let reference_time = DateTime::from_timestamp(REFERENCE_SECONDS, 0).unwrap();
    let settings = Settings {
        reference_time,
        default_currency: chunk.default_currency.to_owned(),
        default_time_zone: chunk.default_time_zone.parse().unwrap(),
        sites: if chunk.has_site_settings { settings_of_oracle() } else { BTreeMap::new() },
        refused_sites: refused_sites(chunk).map(str::to_owned).collect(),
        has_order_lines: true,
        has_order_refunds: true,
        has_checkouts: true,
    };
    let earlier = line_end_within(&chunk.stored);
    // Otherwise it does not go on there, or cannot be read at all, which is compared below.
    if let Ok(read) = read(chunk, reference_time, earlier) {
        let recounted = recount_appended(&chunk.stored, earlier, &settings);
        let recounted = recounted.map_err(|error| format!("appended, oracle: {error}"))?;
        same(facts_of_reader(&read), facts_of_oracle(&recounted))?;
    }
    let whole = read(chunk, reference_time, 0);
    let (read, recounted) = match (whole, recount(&chunk.stored, &settings)) {
        (Ok(read), Ok(recounted)) => (read, recounted),
        (Err(left), Err(right)) if is_bomb(&left) == is_bomb_by_oracle(&right) => {
            return Ok(Outcome { broken_chunks: 1, ..Outcome::default() });
        }
        (left, right) => {
            let [left, right] = [
                left.map(drop).map_err(|e| e.to_string()),
                right.map(drop).map_err(|e| e.to_string()),
            ];
            return Err(format!("reader: {left:?}, oracle: {right:?}"));
        }
    };
    same(facts_of_reader(&read), facts_of_oracle(&recounted))?;
    for names_max in NAMES_MAX {
        let bounded = recounted.clone().with_names_max(names_max);
        same(tallies_of_reader(&read, names_max), tallies_of_oracle(&bounded))?;
    }
    same_visitors(&read, &recounted, chunk.retention_days)?;
    let by_order = orders(&recounted.orders);
    Ok(Outcome {
        lines: recounted.lines,
        counted: recounted.counted,
        ignored: recounted.ignored,
        duplicate: recounted.duplicate,
        rejected: recounted.rejected_count(),
        orders: by_order.len(),
        purchased: by_order.values().filter(|order| !order.lines.is_empty()).count(),
        refunded: by_order.values().filter(|order| !order.refunds.is_empty()).count(),
        broken_chunks: 0,
        reasons: recounted.rejected,
    })
}

/// A place within the stored bytes where a line may end.
fn line_end_within(stored: &[u8]) -> usize {
    let middle = stored.len() / 2;
    stored[middle..].iter().position(|byte| *byte == b'\n').map_or(middle, |at| middle + at + 1)
}

/// Reads a chunk of which an earlier version has counted so many bytes.
fn read(
    chunk: &Chunk,
    reference_time: DateTime<Utc>,
    counted_before: usize,
) -> Result<ChunkCount, ChunkError> {
    let inputs = PlanInputs {
        reference_time,
        default_currency: Currency::parse(chunk.default_currency.as_bytes()).unwrap(),
        default_time_zone: chunk.default_time_zone.parse().unwrap(),
        minute_retention_days: chunk.retention_days,
        keys_max: 100_000,
        visitor_secret: SecretNumber(1),
        reader_version: READER_VERSION,
        settings_revision: SettingsRevision(0),
        sites_max: 0,
        has_quarters: true,
        counted_before: Some(counted_before as u64),
    };
    let set = if chunk.has_site_settings { settings_of_reader() } else { Default::default() };
    let settings = ChunkSettings {
        inputs,
        secret: SECRET,
        sites: ChunkSites {
            settings: Arc::new(set),
            refused: Arc::new(refused_sites(chunk).map(|site| site.as_bytes().to_vec()).collect()),
        },
        size_bytes: chunk.stored.len() as u64,
    };
    let mut reader = ChunkReader::new(&settings);
    for block in chunk.blocks() {
        reader.push(block)?;
    }
    reader.finish()
}

fn is_bomb(error: &ChunkError) -> bool {
    matches!(error, ChunkError::Unpack(UnpackError::Bomb { .. }))
}

fn is_bomb_by_oracle(error: &RecountError) -> bool {
    matches!(error, RecountError::Bomb { .. })
}

fn same(of_reader: BTreeSet<String>, of_oracle: BTreeSet<String>) -> Result<(), String> {
    if of_reader == of_oracle {
        return Ok(());
    }
    let only = |left: &BTreeSet<String>, right: &BTreeSet<String>| {
        left.difference(right).cloned().collect::<Vec<_>>().join("\n    ")
    };
    let (reader, oracle) = (only(&of_reader, &of_oracle), only(&of_oracle, &of_reader));
    Err(format!("only the reader has:\n    {reader}\nonly the oracle has:\n    {oracle}"))
}

/// How many names the tallies of a chunk are compared with, beside all.
const NAMES_MAX: [u32; 3] = [1, 2, 5];

/// What the reader adds up if at most so many keys of a site and measure keep their names, 0 for all.
fn tallies_of_reader(read: &ChunkCount, names_max: u32) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for group in read.tally.bounded_groups(names_max) {
        let minute = group.minute.number();
        for (key, amount) in group.counters {
            facts.insert(format!("{} {} {minute} {key:?} {amount}", group.site, group.measure));
        }
    }
    facts
}

/// All that the reader says of a chunk but its visitors, a sentence each.
fn facts_of_reader(read: &ChunkCount) -> BTreeSet<String> {
    let outcomes = &read.outcomes;
    let numbers =
        [outcomes.lines, outcomes.counted, outcomes.ignored, outcomes.duplicate, outcomes.events];
    let mut facts = BTreeSet::from([format!("outcomes {numbers:?} of {}", read.content_hash)]);
    facts.extend(outcomes.rejected.iter().map(|(reason, lines)| format!("{reason} {lines}")));
    for line in read.rejected.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let rejected: serde_json::Value = serde_json::from_slice(line).unwrap();
        let [line, offset, event, reason, time] =
            ["line", "offset", "event", "reason", "time"].map(|name| &rejected[name]);
        facts.insert(format!("line {line} at {offset} {event} {reason} {time}"));
    }
    let OutcomeNotes { dropped, unknown_types, purchases_without_money } = &outcomes.notes;
    facts.insert(format!("{purchases_without_money} without money"));
    let dropped =
        dropped.iter().map(|(field, events)| format!("dropped {} {events}", field.name()));
    facts.extend(dropped);
    let types = unknown_types.by_name.iter();
    facts.extend(types.map(|(name, events)| format!("unknown {name:?} {events}")));
    facts.extend(tallies_of_reader(read, 0));
    for (order, known) in read.orders.iter() {
        facts.insert(format!("order {} {:?} {}", order.site, order.id, order_of_reader(known)));
        let name = format!("{} {:?}", order.site, order.id);
        facts.extend(counted_by_reader(known).map(|cell| format!("order {name} {cell}")));
    }
    facts
}

/// The same of the oracle.
fn tallies_of_oracle(recounted: &Recount) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for (cell, number) in &recounted.tallies {
        let key = &cell.key;
        if !number.is_zero() {
            facts
                .insert(format!("{} {} {} {key:?} {number}", cell.site, cell.measure, cell.minute));
        }
    }
    facts
}

/// What the oracle says of a chunk but its visitors.
fn facts_of_oracle(recounted: &Recount) -> BTreeSet<String> {
    let Recount { lines, counted, ignored, duplicate, events, content_hash, .. } = recounted;
    let numbers = [lines, counted, ignored, duplicate, events];
    let mut facts = BTreeSet::from([format!("outcomes {numbers:?} of {content_hash}")]);
    facts.extend(recounted.rejected.iter().map(|(reason, lines)| format!("{reason} {lines}")));
    for RejectedLine { line, offset, element, reason, time } in &recounted.rejected_lines {
        let event = element.map_or_else(|| "null".to_owned(), |event| event.to_string());
        let time = time.map(|time| DateTime::from_timestamp(time, 0).unwrap());
        let time = time.map(|time| time.format("\"%Y-%m-%dT%H:%M:%SZ\"").to_string());
        let time = time.unwrap_or_else(|| "null".to_owned());
        facts.insert(format!("line {line} at {offset} {event} {reason:?} {time}"));
    }
    facts.insert(format!("{} without money", recounted.purchases_without_money));
    let dropped = recounted.dropped.iter();
    facts.extend(dropped.map(|(field, events)| format!("dropped {field} {events}")));
    let mut types = BTreeMap::new();
    for (name, events) in &recounted.unknown_types {
        *types.entry(cut(name)).or_insert(0) += events;
    }
    facts.extend(types.iter().map(|(name, events)| format!("unknown {name:?} {events}")));
    facts.extend(tallies_of_oracle(recounted));
    for ((site, id), order) in orders(&recounted.orders) {
        facts.insert(format!("order {site} {id:?} {}", order_of_oracle(&order)));
        let name = format!("{site} {id:?}");
        facts.extend(counted_by_oracle(&order).map(|cell| format!("order {name} {cell}")));
    }
    facts
}

/// As much of the name of an unknown type as is kept.
fn cut(name: &str) -> String {
    let mut cut = String::new();
    for character in name.chars() {
        if cut.len() + character.len_utf8() > 64 {
            break;
        }
        cut.push(character);
    }
    cut
}
