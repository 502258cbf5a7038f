//! Reads one chunk of 1,000,000 events, plain and packed: `cargo bench -p minutebook-domain`.
//!
//! `MINUTEBOOK_BENCH_FILE` names a file to read in place of the generated events.

use std::cell::LazyCell;
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minutebook_domain::chunk::{ChunkCount, ChunkReader, ChunkSettings};
use minutebook_domain::count::secret::VisitorSecret;
use minutebook_domain::plan::PlanInputs;

const EVENTS: u64 = 1_000_000;
const ITEMS: u64 = 10_000;
const MINUTES: u64 = 100;

/// The size of the blocks in the body of an S3 response.
const PUSH_BYTES: usize = 64 * 1024;

fn count(bytes: &[u8]) -> ChunkCount {
    let settings = ChunkSettings {
        inputs: PlanInputs::with_defaults("2026-11-21T02:00:00Z".parse().expect("a time")),
        secret: VisitorSecret::new(1),
        sites: Default::default(),
        size_bytes: bytes.len() as u64,
    };
    let mut reader = ChunkReader::new(&settings);
    for block in bytes.chunks(PUSH_BYTES) {
        reader.push(block).expect("a whole chunk");
    }
    reader.finish().expect("a whole chunk")
}

fn bench(criterion: &mut Criterion) {
    let plain = match std::env::var_os("MINUTEBOOK_BENCH_FILE") {
        Some(path) => std::fs::read(path).expect("the file of MINUTEBOOK_BENCH_FILE"),
        None => generate(),
    };
    let counted = count(&plain);
    eprintln!(
        "{} bytes, {:?}, {} counters",
        plain.len(),
        counted.outcomes,
        counted.tally.counters()
    );

    let mut group = criterion.benchmark_group("count");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4));
    group.throughput(Throughput::Elements(counted.outcomes.events.max(1)));
    let packers: [(&str, Pack); 3] = [("plain", <[u8]>::to_vec), ("gzip", gzip), ("zstd", zstd)];
    for (name, pack) in packers {
        // Compressed on first use only, because a filter may skip it.
        let packed = LazyCell::new(|| pack(&plain));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(count(black_box(&packed)))));
    }
    group.bench_function("groups", |bencher| {
        bencher.iter(|| {
            counted.tally.groups().map(|group| black_box(group).counters.len()).sum::<usize>()
        });
    });
    group.finish();
}

type Pack = fn(&[u8]) -> Vec<u8>;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

/// Events of a shop, ascending by time: mostly views, about as long as real ones.
fn generate() -> Vec<u8> {
    let mut random = Random(0x5eed);
    let mut out = Vec::new();
    for number in 0..EVENTS {
        let at_ms = number * MINUTES * 60_000 / EVENTS;
        let (hour, minute, second) = (at_ms / 3_600_000, at_ms / 60_000 % 60, at_ms / 1_000 % 60);
        let day_hour = (23 + hour) % 24;
        let day = if hour == 0 { 20 } else { 21 };
        let (customer, session) = (random.below(200_000), random.next());
        let item = random.item();
        let kind = random.below(100);
        let name = match kind {
            0..60 => "view_item",
            60..70 => "page_view",
            70..85 => "add_to_cart",
            85..90 => "remove_from_cart",
            _ => "purchase",
        };
        write!(
            out,
            r#"{{"event_type":"{name}","timestamp":"2026-11-{day:02}T{day_hour:02}:{minute:02}:{second:02}.{:03}Z","customer_id":"c{customer:06}","session_id":"{session:016x}""#,
            at_ms % 1_000
        )
        .expect("memory");
        match kind {
            60..70 => write!(out, r#","page_url":"/category/{}?page=2""#, item % 50),
            90.. => write!(
                out,
                r#","item_id":"item-{item}","price":{}.{:02},"quantity":{},"currency":"USD""#,
                5 + item % 200,
                item % 100,
                1 + random.below(3)
            ),
            _ => write!(
                out,
                r#","item_id":"item-{item}","price":{}.{:02}"#,
                5 + item % 200,
                item % 100
            ),
        }
        .expect("memory");
        out.extend_from_slice(b"}\n");
    }
    out
}

/// SplitMix64, so that the events are the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// An item; the probability of the n-th is about 1/n.
    fn item(&mut self) -> u64 {
        // Uniform over the number of bits, then among the numbers with as many bits.
        let bits = self.below(14);
        let low = 1 << bits;
        (low + self.below(low)).min(ITEMS)
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
