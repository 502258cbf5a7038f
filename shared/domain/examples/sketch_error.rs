//! Prints the errors of sketches for sets of many sizes.
//!
//! `cargo run --release -p minutebook-domain --example sketch_error`

#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use std::time::Instant;

use minutebook_domain::count::secret::VisitorSecret;
use minutebook_domain::count::sketch::{LG_K, Sketch};

/// The number of ids in a set, and the number of such sets, which are disjoint.
const SETS: [(u64, u64); 5] =
    [(1_000, 1_000), (10_000, 1_000), (100_000, 300), (1_000_000, 30), (10_000_000, 10)];

/// 1.04 / sqrt(2^14), in percent.
const STANDARD_ERROR: f64 = 104.0 / (1_u64 << (LG_K / 2)) as f64;

fn main() {
    println!("standard error as promised: {STANDARD_ERROR:.2} %");
    println!(
        "{:>10} {:>5} {:>8} {:>8} {:>8} {:>12} {:>9} {:>7}",
        "ids", "sets", "exact", "mean", "root", "within 1.6 %", "worst", "ns/id"
    );
    for (ids, sets) in SETS {
        let started = Instant::now();
        let errors: Vec<f64> = (0..sets).map(|set| error(set * ids..(set + 1) * ids)).collect();
        let nanoseconds = started.elapsed().as_nanos() as f64 / (ids * sets) as f64;
        let share = |holds: &dyn Fn(f64) -> bool| {
            100.0 * errors.iter().filter(|error| holds(**error)).count() as f64 / sets as f64
        };
        let mean = errors.iter().sum::<f64>() / sets as f64;
        let root = (errors.iter().map(|error| error * error).sum::<f64>() / sets as f64).sqrt();
        let worst = errors
            .iter()
            .copied()
            .max_by(|one, other| one.abs().total_cmp(&other.abs()))
            .unwrap_or_default();
        println!(
            "{ids:>10} {sets:>5} {:>6.1} % {mean:>6.2} % {root:>6.2} % {:>10.1} % {worst:>7.2} % {nanoseconds:>7.0}",
            share(&|error| error == 0.0),
            share(&|error| error.abs() <= 2.0 * STANDARD_ERROR),
        );
    }
}

/// The relative error of the estimate of a set, in percent.
fn error(ids: std::ops::Range<u64>) -> f64 {
    let count = ids.end - ids.start;
    let estimate = Sketch::of(VisitorSecret::new(1), ids.map(u64::to_le_bytes)).estimate();
    100.0 * (estimate as f64 / count as f64 - 1.0)
}
