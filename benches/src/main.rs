//! Meters what counting would be billed: plays chunks of generated events into a table in memory, and adds up the write
//! units of every transaction by the sizes of its rows.
//!
//! `cargo run -p minutebook-benches -- [EVENTS] [EVENTS A CHUNK] [ITEMS] [MINUTES]`
//!
//! **Source**: a transactional write takes two units for each started kilobyte of the larger of the item before and
//! after it, and so does a condition check; the size of an item is that of its names and values.

#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use std::collections::HashMap;

use anyhow::{Context, Result};
use minutebook_domain::amount::Amount;
use minutebook_domain::chunk::{ChunkReader, ChunkSettings};
use minutebook_domain::ledger::ChunkId;
use minutebook_domain::measure::Currency;
use minutebook_domain::plan::{Plan, Row, counter_bytes};
use minutebook_oracle::generate::{Shop, Span, lines};
use minutebook_storage::keys::{Lane, TIME_TO_LIVE, ledger_part, ledger_partition, minute_row, tally_partition};
use serde_json::json;

const KILOBYTE: usize = 1024;
/// A transactional write costs twice a plain one.
const UNITS_PER_KILOBYTE: usize = 2;
/// What DynamoDB stores a time to live (ten digits) in.
const TIME_TO_LIVE_BYTES: usize = 6;
/// What the counts, times and names of a ledger mark come to, beside its keys and the object's key; measured on a real
/// mark, rounded up.
const MARK_BYTES: usize = 420;

type Key = (String, String);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>().context(argument));
    let mut next = |default: u32| arguments.next().unwrap_or(Ok(default));
    let (events, chunk_events, items, minutes) = (next(1_000_000)?, next(10_000)?, next(10_000)?, next(100)?);

    let shop = Shop { seed: 1, items, sites: vec![], event_ids: false };
    let end = "2026-11-20T23:00:00Z".parse()?;
    let all: Vec<String> = lines(shop, Span { events: u64::from(events), end, minutes }).collect();
    let settings = ChunkSettings {
        reference_time: end,
        default_currency: Currency::parse(b"USD").context("three letters")?,
        size_bytes: u64::MAX,
    };
    let mut table: HashMap<Key, HashMap<String, Amount>> = HashMap::new();
    let mut units = [0_usize; 3];
    let mut transactions = 0;
    for (number, chunk) in all.chunks(usize::try_from(chunk_events)?).enumerate() {
        let mut reader = ChunkReader::new(&settings);
        for line in chunk {
            reader.push(line.trim_end().as_bytes())?;
            reader.push(b"\n")?;
        }
        let count = reader.finish()?;
        let id = ChunkId::new("minutebook-raw", &format!("generated/{number:06}.jsonl"), &count.content_hash);
        for (part, content) in Plan::of(&count.tally).parts.iter().enumerate() {
            transactions += 1;
            let mark = ledger_partition(&id).len() + ledger_part(part).len() + MARK_BYTES;
            units[0] += billed(mark);
            units[1] += content.hours.len() * UNITS_PER_KILOBYTE;
            units[2] += content.rows.iter().map(|row| billed(add(&mut table, row))).sum::<usize>();
        }
    }
    let total: usize = units.iter().sum();
    println!(
        "{}",
        json!({
            "events": events, "chunk_events": chunk_events, "items": items, "minutes": minutes,
            "transactions": transactions, "rows": table.len(),
            "write_units": {"marks": units[0], "seal_checks": units[1], "rows": units[2], "total": total},
            "write_units_per_million_events": total * 1_000_000 / usize::try_from(events)?,
        })
    );
    Ok(())
}

/// Adds a row's counters to the table, and gives the size of the row after it.
fn add(table: &mut HashMap<Key, HashMap<String, Amount>>, row: &Row<'_>) -> usize {
    let partition = tally_partition(row.site, row.minute.hour());
    let sort = minute_row(row.measure, row.minute.of_hour(), Lane::Number(0), row.slot, 0);
    let keys = "pk".len() + partition.len() + "sk".len() + sort.len() + TIME_TO_LIVE.len() + TIME_TO_LIVE_BYTES;
    let counters = table.entry((partition, sort)).or_default();
    for (key, amount) in &row.counters {
        *counters.entry((*key).to_string()).or_insert(Amount::ZERO) += *amount;
    }
    keys + counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum::<usize>()
}

fn billed(bytes: usize) -> usize {
    bytes.div_ceil(KILOBYTE) * UNITS_PER_KILOBYTE
}
