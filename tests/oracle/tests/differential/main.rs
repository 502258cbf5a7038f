//! The reader of `minutebook-domain` against the oracle: random chunks of random lines, over the
//! whole grammar of docs/EVENTS.md and docs/FORMS.md and beyond it, must come to the same.
//!
//! `cargo test` compares some thousands of lines, the same ones each time. Millions of them take one
//! command, and another seed has others:
//!
//! ```sh
//! MINUTEBOOK_LINES=5000000 MINUTEBOOK_SEED=7 \
//!     cargo test --release -p minutebook-oracle --test differential -- --nocapture
//! ```
//!
//! A failure prints its seed, and the smallest chunk found that still fails.

#![expect(clippy::print_stdout, reason = "a long run says how far it is")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod chunk;
mod compare;
mod csv;
mod forms;
mod line;
mod mutate;
mod names;
mod purchase;
mod refund;
mod shrink;
mod time;
mod value;
mod write;

use std::time::Instant;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::chunk::Chunk;
use crate::compare::{Outcome, compare};

/// How many lines are compared if nobody says.
const LINES: u64 = 8_000;

/// The seed if nobody says.
const SEED: u64 = 1;

/// How often a long run says how far it is, in lines.
const PROGRESS_EVERY: u64 = 500_000;

#[test]
fn the_reader_and_the_oracle_come_to_the_same() {
    let lines = number("MINUTEBOOK_LINES").unwrap_or(LINES);
    let seed = number("MINUTEBOOK_SEED").unwrap_or(SEED);
    let start = Instant::now();
    let mut total = Outcome::default();
    let mut chunks = 0;
    let mut next_progress = PROGRESS_EVERY;
    while total.lines < lines {
        // Each chunk has a generator of its own, so that a failure is found again at once.
        let mut random = StdRng::seed_from_u64(seed.wrapping_mul(1 << 40).wrapping_add(chunks));
        let chunk = Chunk::random(&mut random);
        match compare(&chunk) {
            Ok(outcome) => total += outcome,
            Err(difference) => {
                let (smallest, difference) = shrink::smallest(chunk, difference);
                panic!("seed {seed}, chunk {chunks}: {smallest:?}\n{difference}");
            }
        }
        chunks += 1;
        if total.lines >= next_progress {
            println!("{chunks} chunks, {total}, {:.0?}", start.elapsed());
            next_progress += PROGRESS_EVERY;
        }
    }
    println!("seed {seed}: {chunks} chunks, {total}, {:.0?}, no difference", start.elapsed());
    total.check_variety();
}

#[expect(clippy::disallowed_methods, reason = "how much is tested is told by the environment")]
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, not a number")))
}
