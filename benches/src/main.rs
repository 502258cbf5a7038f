//! Computes the write units of counting and sealing: counts chunks of generated events in a table
//! in memory, seals its hours, and adds up the write units of every transaction from the sizes of
//! its rows.
//!
//! `cargo run -p minutebook-benches -- [EVENTS] [EVENTS_PER_CHUNK] [ITEMS] [MINUTES]`
//!
//! **Source**: a transactional write takes two units per started kilobyte of the larger of the item
//! before and the item after it, and a condition check takes as many; a plain write, as of
//! visitors, takes one. The size of an item is the size of its attribute names and values.

#![expect(clippy::print_stdout, reason = "this program prints figures")]

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::chunk::{ChunkReader, ChunkSettings};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::count::secret::{SecretNumber, VisitorSecret};
use minutebook_domain::count::tally::Tally;
use minutebook_domain::count::visitors::{ChunkVisitors, Visitors};
use minutebook_domain::plan::{Part, Plan, PlanInputs, Row, SealInputs, counter_bytes};
use minutebook_domain::time::Hour;
use minutebook_domain::time::period::Period;
use minutebook_shop::{Shop, Span, lines};
use minutebook_storage::keys::{
    BY_STAGE, EntryName, SHARD_COUNT, Shard, TIME_TO_LIVE, chunk_visitors, ledger_entry,
    ledger_partition, merged_visitors, tally_partition, tally_row,
};
use minutebook_storage::visitors::sketches;
use serde_json::json;

const KILOBYTE: usize = 1024;
/// A transactional write costs twice a plain one.
const UNITS_PER_KILOBYTE: usize = 2;
/// The size of a time to live (ten digits).
const TIME_TO_LIVE_BYTES: usize = 6;
/// The size of the counts, times and names of a ledger entry, without its keys and the object's
/// key; measured on a real entry, rounded up.
const LEDGER_ENTRY_BYTES: usize = 440;

/// An open hour is listed, recorded as sealed, recorded as done, and removed.
const OPEN_HOUR_WRITES: usize = 4;

type Key = (String, String);

fn main() -> Result<()> {
    let mut arguments =
        std::env::args().skip(1).map(|argument| argument.parse::<u32>().context(argument));
    let mut next = |default: u32| arguments.next().unwrap_or(Ok(default));
    let (events, chunk_events, items, minutes) =
        (next(1_000_000)?, next(10_000)?, next(10_000)?, next(100)?);

    let shop = Shop { seed: 1, items, ..Shop::default() };
    let end: DateTime<Utc> = "2026-11-20T23:00:00Z".parse()?;
    let all: Vec<String> = lines(shop, Span { events: u64::from(events), end, minutes }).collect();
    let default_currency = Currency::parse(b"USD").context("three letters")?;
    let minute_retention_days = 7;
    let settings = ChunkSettings {
        inputs: PlanInputs {
            default_currency,
            minute_retention_days,
            ..PlanInputs::with_defaults(end)
        },
        secret: VisitorSecret::NONE,
        sites: Default::default(),
        size_bytes: u64::MAX,
    };
    let mut table = Table::default();
    let mut hours: BTreeMap<Hour, (Tally, ChunkVisitors)> = BTreeMap::new();
    let mut counting = Units::default();
    let chunks = all.len().div_ceil(usize::try_from(chunk_events)?);
    for (number, chunk) in all.chunks(usize::try_from(chunk_events)?).enumerate() {
        let mut reader = ChunkReader::new(&settings);
        for line in chunk {
            reader.push(line.trim_end().as_bytes())?;
            reader.push(b"\n")?;
        }
        let count = reader.finish()?;
        // A chunk is put right after its last event.
        let minutes_ahead =
            i64::from(minutes) * i64::try_from(chunks - number - 1)? / i64::try_from(chunks)?;
        let inputs = PlanInputs {
            default_currency,
            minute_retention_days,
            ..PlanInputs::with_defaults(end - TimeDelta::minutes(minutes_ahead))
        };
        let id = ChunkId::new(
            "minutebook-raw",
            &format!("generated/{number:06}.jsonl"),
            &count.content_hash,
        );
        counting.totals += UNITS_PER_KILOBYTE;
        for (site, minute, visitors) in count.visitors.minutes() {
            counting.visitors += table.put_visitors(
                site,
                Period::Minute(minute),
                &chunk_visitors(SecretNumber::NONE, minute, &id),
                visitors,
            );
            hours.entry(minute.hour()).or_default().1.merge(site, minute, visitors);
        }
        for (number, part) in Plan::of(&count, &inputs).parts.iter().enumerate() {
            table.commit(&id, number, part, &mut counting);
            for row in part.rows.iter().filter(|_| part.is_open()) {
                let (tally, _) = hours.entry(row.period.first_minute().hour()).or_default();
                for (key, amount) in &row.counters {
                    tally.add(row.site, row.measure, row.period.first_minute(), key, *amount);
                }
            }
        }
    }
    let minute_rows = table.rows.len();
    let mut sealing = Units::default();
    for (hour, (tally, visitors)) in &hours {
        // The writes of seals and open hours are plain and take half the units of transactional
        // ones.
        sealing.seals += (usize::from(SHARD_COUNT) + OPEN_HOUR_WRITES) * UNITS_PER_KILOBYTE / 2;
        let id = ChunkId::of_sealed_hour("default", *hour);
        for ((site, period), visitors) in visitors.rolled_up(|_, _| true) {
            sealing.visitors += table.merge_visitors(site, period, &visitors);
        }
        for (number, part) in Plan::of_sealed_hour(
            tally,
            &Tally::default(),
            &SealInputs { keys_max: 100_000, has_quarters: false },
        )
        .parts
        .iter()
        .enumerate()
        {
            table.commit(&id, number, part, &mut sealing);
        }
    }
    println!(
        "{}",
        json!({
            "events": events, "chunk_events": chunk_events, "items": items, "minutes": minutes,
            "counting": counting.json(minute_rows, events),
            "sealing": sealing.json(table.rows.len() - minute_rows, events),
            "hours_sealed": hours.len(),
        })
    );
    Ok(())
}

/// The units that were used.
#[derive(Default)]
struct Units {
    transactions: usize,
    ledger: usize,
    /// Seal checks, or seal rows and rows of open hours.
    seals: usize,
    rows: usize,
    /// Plain writes, outside of transactions.
    visitors: usize,
    /// One row per chunk.
    totals: usize,
}

impl Units {
    fn json(&self, rows: usize, events: u32) -> serde_json::Value {
        let tallies = self.ledger + self.seals + self.rows;
        let per_million = |units: usize| units * 1_000_000 / events as usize;
        json!({
            "transactions": self.transactions, "rows": rows,
            "write_units": {
                "ledger": self.ledger, "seals": self.seals, "rows": self.rows,
                "tallies": tallies, "visitors": self.visitors, "totals": self.totals,
            },
            "write_units_per_million_events": {
                "tallies": per_million(tallies),
                "visitors": per_million(self.visitors),
                "totals": per_million(self.totals),
            },
        })
    }
}

/// The rows of tallies and merged visitors, in memory.
#[derive(Default)]
struct Table {
    rows: HashMap<Key, HashMap<String, Amount>>,
    visitors: HashMap<Key, Visitors>,
}

impl Table {
    fn commit(&mut self, id: &ChunkId, number: usize, part: &Part<'_>, units: &mut Units) {
        let entry = ledger_partition(id).len()
            + ledger_entry(EntryName { part: number, late: 0 }).len()
            + LEDGER_ENTRY_BYTES;
        units.transactions += 1;
        units.ledger += write_units(entry);
        units.seals += part.hours.len() * UNITS_PER_KILOBYTE;
        let shard = if part.is_open() { Shard::Number(0) } else { Shard::Late };
        units.rows += part.rows.iter().map(|row| write_units(self.add(row, shard))).sum::<usize>();
    }

    /// The units of putting a row of visitors.
    fn put_visitors(&self, site: &str, period: Period, sort: &str, visitors: &Visitors) -> usize {
        let keys = "pk".len() + tally_partition(site, period).len() + "sk".len() + sort.len();
        let stored = sketches(visitors).into_iter().filter(|(_, sketch)| !sketch.is_empty());
        let sketches: usize =
            stored.map(|(name, sketch)| name.len() + sketch.to_bytes().len()).sum();
        (keys + sketches + BY_STAGE.len() + 1 + TIME_TO_LIVE.len() + TIME_TO_LIVE_BYTES)
            .div_ceil(KILOBYTE)
    }

    fn merge_visitors(&mut self, site: &str, period: Period, visitors: &Visitors) -> usize {
        let sort = merged_visitors(SecretNumber::NONE, period, 0);
        let merged =
            self.visitors.entry((tally_partition(site, period), sort.clone())).or_default();
        merged.merge(visitors);
        let merged = merged.clone();
        self.put_visitors(site, period, &sort, &merged)
    }

    /// Adds the counters of a row, and returns the size of the row after that.
    fn add(&mut self, row: &Row<'_>, shard: Shard) -> usize {
        let partition = tally_partition(row.site, row.period);
        let sort = tally_row(row.measure, row.period, shard, row.slot, 0);
        let keys = "pk".len()
            + partition.len()
            + "sk".len()
            + sort.len()
            + TIME_TO_LIVE.len()
            + TIME_TO_LIVE_BYTES;
        let counters = self.rows.entry((partition, sort)).or_default();
        for (key, amount) in &row.counters {
            *counters.entry((*key).to_string()).or_insert(Amount::ZERO) += *amount;
        }
        keys + counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum::<usize>()
    }
}

fn write_units(bytes: usize) -> usize {
    bytes.div_ceil(KILOBYTE) * UNITS_PER_KILOBYTE
}
