//! Reads what somebody chose to make reading expensive: `cargo bench -p minutebook-domain --bench
//! hostile`. No line may take more than 20 ms, and colliding ids not twice the time of plain ones.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use minutebook_domain::chunk::{ChunkCount, ChunkReader, ChunkSettings};
use minutebook_domain::count::secret::VisitorSecret;
use minutebook_domain::plan::PlanInputs;
use xxhash_rust::xxh3::xxh3_64;

const LINE_BYTES: usize = 256 * 1024;
const IDS: u32 = 80_000;

fn count(text: &[u8]) -> ChunkCount {
    let settings = ChunkSettings {
        inputs: PlanInputs::with_defaults("2026-11-27T08:00:00Z".parse().expect("a time")),
        secret: VisitorSecret::NONE,
        sites: Default::default(),
        size_bytes: text.len() as u64,
    };
    let mut reader = ChunkReader::new(&settings);
    reader.push(text).expect("a whole chunk");
    reader.finish().expect("a whole chunk")
}

/// Lines of which each is as long as a line may be.
fn lines() -> Vec<(&'static str, String)> {
    let cart = r#""type":"cart","ts":1795766400"#;
    // Half of the line is inherited by the elements in the other half.
    let inherited = |own: String| {
        let elements = vec!["{}"; (LINE_BYTES / 2 - 200) / 3].join(",");
        format!("{{{cart},{own},\"events\":[{elements}]}}\n")
    };
    let half = LINE_BYTES / 2 - 300;
    let filled = |count: usize, member: &dyn Fn(usize) -> String| {
        (0..count).map(member).collect::<Vec<_>>().join(",")
    };
    // As many events with as many items as are accepted.
    let items = filled(1_400, &|_| r#"{"aid":1}"#.to_owned());
    let most = vec!["{}"; 72].join(",");
    vec![
        (
            "items",
            inherited(format!("\"items\":[{}]", filled(half / 10, &|_| "{\"aid\":1}".into()))),
        ),
        ("most_items", format!("{{{cart},\"items\":[{items}],\"events\":[{most}]}}\n")),
        (
            "escaped_page",
            inherited(format!("\"aid\":1,\"path\":\"/x?{}\"", r"\n".repeat(half / 2))),
        ),
        ("zeros", inherited(format!("\"aid\":1,\"price\":\"1.{}\"", "0".repeat(half)))),
        (
            "elements",
            format!("{{\"events\":[{}]}}\n", filled(5_000, &|_| format!("{{{cart},\"aid\":1}}"))),
        ),
        (
            "nested",
            format!(
                "{{{cart},\"aid\":1,\"x\":[{}]}}\n",
                filled(2_100, &|_| "[".repeat(60) + &"]".repeat(60))
            ),
        ),
        (
            "names",
            format!("{{{cart},\"aid\":1,{}}}\n", filled(21_000, &|at| format!("\"n{at:06}\":1"))),
        ),
        (
            "parameters",
            format!(
                "{{{cart},\"event_params\":[{}]}}\n",
                filled(6_800, &|_| r#"{"key":"aid","value":{"int_value":1}}"#.into())
            ),
        ),
    ]
}

/// Item ids whose unseeded hashes have the same lower and upper bits, so that they would share a
/// bucket of a hash table: the inverse of XXH3 for eight bytes.
///
/// **Source**: the specification of xxHash, XXH3 of 4 to 8 bytes.
fn colliding_ids() -> Vec<String> {
    const MULTIPLIER: u64 = 0x9fb2_1c65_1e98_df25;
    const FLIP: u64 = 0x1cad_21f7_2c81_017c ^ 0xdb97_9083_e96d_d4de;
    const LENGTH: u64 = 8;
    let inverse = (0..6).fold(1_u64, |inverse, _| {
        inverse.wrapping_mul(2_u64.wrapping_sub(MULTIPLIER.wrapping_mul(inverse)))
    });
    let rotations = inverse_of_rotations();
    let id = |upper: u64| {
        let hash = 0x2a << 57 | (upper & 0xffff_ffff) << 24;
        let word = (hash ^ hash >> 28 ^ hash >> 56).wrapping_mul(inverse);
        let word = (0..3).fold(word, |found, _| word ^ (found >> 35).wrapping_add(LENGTH));
        let word = word.wrapping_mul(inverse);
        let bit = |bit: usize| if word >> bit & 1 == 1 { rotations[bit] } else { 0 };
        let word = (0..64).fold(0, |sum, at| sum ^ bit(at)) ^ FLIP;
        let bytes = word.rotate_left(32).to_le_bytes();
        let is_plain = |byte: &u8| (0x20..0x7f).contains(byte) && !b"\"\\".contains(byte);
        bytes.iter().all(is_plain).then(|| String::from_utf8_lossy(&bytes).into_owned())
    };
    let ids: Vec<String> = (1..)
        .filter_map(|number: u64| id(number.wrapping_mul(0x9e37_79b9)))
        .take(IDS as usize)
        .collect();
    assert!(ids.iter().all(|id| xxh3_64(id.as_bytes()) & 0xff_ffff == 0), "they collide");
    ids
}

/// Where each bit goes under the inverse of `x ^ rotl(x, 49) ^ rotl(x, 24)`, which is linear.
fn inverse_of_rotations() -> [u64; 64] {
    let mix = |word: u64| word ^ word.rotate_left(49) ^ word.rotate_left(24);
    let mut rows: Vec<(u64, u64)> = (0..64).map(|bit| (mix(1 << bit), 1 << bit)).collect();
    for bit in 0..64 {
        let pivot = (bit..64).find(|row| rows[*row].0 >> bit & 1 == 1).expect("it is invertible");
        rows.swap(bit, pivot);
        let (mixed, plain) = rows[bit];
        for (row, entry) in rows.iter_mut().enumerate() {
            if row != bit && entry.0 >> bit & 1 == 1 {
                entry.0 ^= mixed;
                entry.1 ^= plain;
            }
        }
    }
    std::array::from_fn(|bit| rows[bit].1)
}

/// A line for each id.
fn carts(ids: &[String]) -> String {
    let line = |id: &String| format!("{{\"type\":\"cart\",\"ts\":1795766400,\"aid\":\"{id}\"}}\n");
    ids.iter().map(line).collect()
}

/// Every key in a view, then 16 times those whose numbers a fixed multiplier would put side by side.
fn clustered() -> String {
    let mut text = String::new();
    let line =
        |kind: &str, id: u32| format!("{{\"type\":\"{kind}\",\"ts\":1795766400,\"aid\":{id}}}\n");
    (0..IDS).for_each(|id| text.push_str(&line("view", id)));
    let lies_together = |id: &u32| (id + 1).wrapping_mul(0x9e37_79b9) < u32::MAX / 16;
    for _ in 0..16 {
        (0..IDS).filter(lies_together).for_each(|id| text.push_str(&line("cart", id)));
    }
    text
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hostile");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    for (name, line) in lines() {
        assert!(line.len() <= LINE_BYTES + 1, "{name} has {} bytes", line.len());
        let outcomes = count(line.as_bytes()).outcomes;
        eprintln!(
            "{name}: {} bytes, {} events, {:?}",
            line.len(),
            outcomes.events,
            outcomes.rejected
        );
        group.bench_function(name, |bencher| bencher.iter(|| count(black_box(line.as_bytes()))));
    }
    let plain: Vec<String> = (0..IDS).map(|id| format!("{id:08}")).collect();
    for (name, text) in [
        ("plain_ids", carts(&plain)),
        ("colliding_ids", carts(&colliding_ids())),
        ("clustered_cells", clustered()),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| count(black_box(text.as_bytes()))));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
