//! Reads a file as `ingest` does, without a stack.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minutebook_domain::chunk::{ChunkReader, ChunkSettings, OutcomeNotes, Outcomes};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::count::secret::VisitorSecret;
use minutebook_domain::event::suggestion::{is_known_member, nearest_field};
use minutebook_domain::plan::PlanInputs;
use serde_json::Value;

use crate::event_files::files::{Source, first_lines};
use crate::rows::ledger::{Counts, Notes};

/// The size of a block, in bytes.
const BLOCK_BYTES: usize = 256 * 1024;

/// How many lines are searched for fields that nobody reads: enough to meet every form of a file,
/// and few beside reading it.
const LINES_SEARCHED: usize = 1_000;

/// How much of a rejected line is shown, in characters.
const TEXT_SHOWN: usize = 100;

/// What a file comes to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    pub(crate) counts: Counts,
    /// The first rejected line of each reason.
    pub(crate) first_rejected: BTreeMap<String, FirstRejected>,
    /// The sums of each measure, over all sites, minutes and keys.
    pub(crate) sums: BTreeMap<String, Amount>,
    /// Members that are not read but look like a field, with that field and how many of the first
    /// lines have them.
    pub(crate) unread: BTreeMap<String, (&'static str, u64)>,
}

/// A rejected line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FirstRejected {
    pub(crate) line: u64,
    /// The element of its `events`, if it is one.
    pub(crate) event: Option<u64>,
    /// What its time was taken for, if it is in the future.
    pub(crate) time: Option<String>,
    /// The beginning of the line.
    pub(crate) text: String,
}

/// Reads a file.
///
/// # Errors
/// The file cannot be read, or `ingest` would refuse it as a whole.
pub(crate) fn examine(
    source: &Source,
    reference_time: DateTime<Utc>,
    default_currency: Currency,
    default_time_zone: Tz,
) -> Result<Findings> {
    let path = source.path();
    let read = || format!("cannot read {}", source.name);
    let mut file = File::open(path).with_context(read)?;
    let size_bytes = file.metadata().with_context(read)?.len();
    let mut reader = ChunkReader::new(&settings(
        reference_time,
        default_currency,
        default_time_zone,
        size_bytes,
    ));
    let mut findings = Findings::default();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let length = file.read(&mut block).with_context(read)?;
        if length == 0 {
            break;
        }
        reader.push(&block[..length]).with_context(|| source.name.clone())?;
        findings.note_rejected(&reader.take_rejected());
    }
    let count = reader.finish().with_context(|| source.name.clone())?;
    findings.note_rejected(&count.rejected);
    findings.counts = counts_of(&count.outcomes);
    for (_, facts) in count.orders.iter() {
        for (_, measure, _, amount) in facts.contribution().counters() {
            if measure.is_of_purchases() {
                let sum = findings.sums.entry(measure.to_string()).or_insert(Amount::ZERO);
                *sum = sum.saturating_add(amount);
            }
        }
    }
    for group in count.tally.bounded_groups(0) {
        let sum = findings.sums.entry(group.measure.to_string()).or_insert(Amount::ZERO);
        for (key, amount) in group.counters {
            // The empty key says how many views are of both an item and a page.
            if !key.is_empty() {
                *sum = sum.saturating_add(amount);
            }
        }
    }
    findings.search_unread(path);
    Ok(findings)
}

fn counts_of(outcomes: &Outcomes) -> Counts {
    let OutcomeNotes { dropped, unknown_types, purchases_without_money } = &outcomes.notes;
    let told = unknown_types.most_frequent().into_iter();
    Counts {
        lines: outcomes.lines,
        counted: outcomes.counted,
        ignored: outcomes.ignored,
        duplicate: outcomes.duplicate,
        rejected: outcomes.rejected_total(),
        rejected_by_reason: by_name(&outcomes.rejected, ToString::to_string),
        events: outcomes.events,
        notes: Notes {
            dropped: by_name(dropped, |field| field.name().to_owned()),
            unknown: unknown_types.events,
            unknown_types: told.map(|(name, events)| (name.to_owned(), events)).collect(),
            purchases_without_money: *purchases_without_money,
        },
    }
}

fn by_name<K>(counts: &BTreeMap<K, u64>, name: impl Fn(&K) -> String) -> BTreeMap<String, u64> {
    counts.iter().map(|(key, count)| (name(key), *count)).collect()
}

fn settings(
    reference_time: DateTime<Utc>,
    default_currency: Currency,
    default_time_zone: Tz,
    size_bytes: u64,
) -> ChunkSettings {
    let inputs = PlanInputs {
        default_currency,
        default_time_zone,
        minute_retention_days: 0,
        keys_max: 0,
        ..PlanInputs::with_defaults(reference_time)
    };
    ChunkSettings { inputs, secret: VisitorSecret::NONE, sites: Default::default(), size_bytes }
}

impl Findings {
    /// Remembers the first line of each reason among rejected lines.
    fn note_rejected(&mut self, rejected: &[u8]) {
        let reason_of = |line: &str| {
            let (_, rest) = line.split_once(r#""reason":""#)?;
            rest.split_once('"').map(|(reason, _)| reason.to_owned())
        };
        // The reader writes UTF-8.
        for line in String::from_utf8_lossy(rejected).lines() {
            let Some(reason) = reason_of(line) else { continue };
            self.first_rejected.entry(reason).or_insert_with(|| FirstRejected::read(line));
        }
    }

    fn search_unread(&mut self, path: &Path) {
        for line in first_lines(path, LINES_SEARCHED) {
            let Ok(Value::Object(members)) = serde_json::from_slice(&line) else { continue };
            for name in members.keys().filter(|name| !is_known_member(name)) {
                if let Some((_, lines)) = self.unread.get_mut(name) {
                    *lines += 1;
                } else if let Some(field) = nearest_field(name) {
                    self.unread.insert(name.clone(), (field, 1));
                }
            }
        }
    }
}

impl FirstRejected {
    /// Reads a line as it is in the bucket for rejected lines.
    fn read(line: &str) -> Self {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let text = ["text", "base64"].iter().find_map(|name| line[*name].as_str());
        Self {
            line: line["line"].as_u64().unwrap_or_default(),
            event: line["event"].as_u64(),
            time: line["time"].as_str().map(str::to_owned),
            text: cut(text.unwrap_or_default()),
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
