//! The computation of a query: summing the counters of 24 hours, and ranking the sums.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::query::ranking::Sums;

const HOURS: u64 = 24;
const ITEMS: u64 = 10_000;

/// Keys and numbers as read from the table; the keys of an hour are in the order of their hash.
fn counters(decimals: &str) -> Vec<(String, String)> {
    (0..HOURS * ITEMS)
        .map(|number| {
            let item = number * 7_919 % ITEMS + 1;
            (item.to_string(), format!("{}{decimals}", 1 + number * 31 % 900))
        })
        .collect()
}

fn rank(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("24 hours of 10,000 items");
    for (name, decimals) in [("counts", ""), ("money", ".99")] {
        let counters = counters(decimals);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut sums = Sums::default();
                for (key, number) in &counters {
                    sums.add(key, Amount::parse(number.as_bytes()).unwrap_or_default());
                }
                black_box(sums.top(10).len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, rank);
criterion_main!(benches);
