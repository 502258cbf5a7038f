//! Streams a file through the reader, as ingest does with an object, and prints its cost as one
//! line of JSON.
//!
//! `cargo run --release -p minutebook-domain --example stream -- FILE` (`-` is standard input)

#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::time::Instant;

use chrono::DateTime;
use minutebook_domain::chunk::{ChunkReader, ChunkSettings};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::count::secret::VisitorSecret;
use minutebook_domain::plan::{Plan, PlanInputs};
use serde_json::json;

/// The size of a block, in bytes.
const BLOCK_BYTES: usize = 256 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of a file, or - for standard input")?;
    let mut file: Box<dyn Read> = match path.as_str() {
        "-" => Box::new(std::io::stdin()),
        path => Box::new(File::open(path).map_err(|error| format!("{path}: {error}"))?),
    };
    let default_currency = Currency::parse(b"USD").ok_or("three letters")?;
    let settings = ChunkSettings {
        // Far ahead, so that no event is in the future.
        inputs: PlanInputs {
            default_currency,
            minute_retention_days: 0,
            ..PlanInputs::with_defaults("9999-01-01T00:00:00Z".parse()?)
        },
        secret: VisitorSecret::NONE,
        sites: Default::default(),
        size_bytes: u64::MAX,
    };
    // Long ago, so that every hour is open.
    let inputs = PlanInputs {
        default_currency,
        minute_retention_days: 0,
        ..PlanInputs::with_defaults(DateTime::UNIX_EPOCH)
    };
    let started = Instant::now();
    let mut reader = ChunkReader::new(&settings);
    let mut block = vec![0; BLOCK_BYTES];
    let mut bytes = 0;
    loop {
        let length = file.read(&mut block)?;
        if length == 0 {
            break;
        }
        bytes += length;
        reader.push(&block[..length])?;
    }
    let count = reader.finish()?;
    let read_seconds = started.elapsed().as_secs_f64();
    let plan = Plan::of(&count, &inputs);
    let figures = json!({
        "bytes": bytes,
        "lines": count.outcomes.lines,
        "events": count.outcomes.events,
        "rejected": count.outcomes.rejected_total(),
        "counters": count.tally.counters(),
        "parts": plan.parts.len(),
        "seconds": read_seconds,
        "seconds_with_plan": started.elapsed().as_secs_f64(),
        "peak_memory_mib": peak_memory_mib(),
    });
    println!("{figures}");
    Ok(())
}

/// The peak resident memory of the process, as reported by Linux.
fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
