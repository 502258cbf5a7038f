//! Measures the memory of a question: sums and ranks 24 hours of so many different keys, from pages
//! that arrive at once as JSON and are taken apart one after another, as answers of DynamoDB are.
//!
//! `cargo run --release -p minutebook-benches --bin memory -- [KEYS] [KEY_BYTES]`
//!
//! **Source**: the peak of the resident memory, `VmHWM` of `/proc/self/status`.

#![expect(clippy::print_stdout, reason = "this program prints figures")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use minutebook_domain::count::measure::Measure;
use minutebook_domain::query::window::{Window, WindowLength};
use minutebook_domain::time::period::Retention;
use minutebook_domain::time::{Hour, Minute, QuarterHours};
use minutebook_storage::error::StorageError;
use minutebook_storage::keys::COUNTER_PREFIX;
use minutebook_storage::memory::MemoryTable;
use minutebook_storage::reader::source::{Page, RowRange, RowSource};
use minutebook_storage::reader::{SumQuestion, sum_windows};
use minutebook_storage::table::Item;

const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

/// The ranges of a sealed window of 24 hours at this time: 10 of minutes, hours and a day.
const NOON: &str = "2026-11-20T12:37:30Z";
const RANGES: usize = 10;

/// The memory of a function that answers, in MiB, as in infra/template.yaml.
const FUNCTION_MIB: u64 = 512;

/// The counters of a row of about a kilobyte.
const ROW_COUNTERS: usize = 60;

/// The rows of a page of a megabyte.
const PAGE_BYTES: usize = 1 << 20;

/// The bytes of a counter in a row beside its key, and in JSON.
const COUNTER_BYTES: usize = 4;
const COUNTER_JSON_BYTES: usize = 16;

/// The counter that a page continues from, as an attribute of the key after which it does.
const AT: &str = "at";

fn main() -> Result<()> {
    let mut arguments =
        std::env::args().skip(1).map(|argument| argument.parse::<usize>().context(argument));
    let mut next = |default: usize| arguments.next().unwrap_or(Ok(default));
    let (keys, key_bytes) = (next(3_000_000)?, next(20)?);
    let now: DateTime<Utc> = NOON.parse()?;
    let as_of = Minute::containing(now).context("a time")?;
    let windows = [Window::ending_with(as_of, WindowLength::DAY)];
    let question = SumQuestion {
        site: "default",
        measures: &[Measure::Pages],
        key: None,
        windows: &windows,
        now,
        retention: RETENTION,
        quarter_hours: QuarterHours::NONE,
    };
    let source =
        Source { range_keys: keys.div_ceil(RANGES), key_bytes, ranges: AtomicUsize::new(0) };
    let before = peak_mib()?;
    let answer = match MemoryTable::default().read(sum_windows(&source, &question)).0 {
        Ok(sums) => format!("{} keys summed, {} ranked", sums[0].len(), sums[0].top(100).len()),
        Err(StorageError::TooManyKeys { measure, .. }) => format!("too many keys of {measure}"),
        Err(error) => return Err(error.into()),
    };
    ensure!(source.ranges.into_inner() <= RANGES, "the window has more ranges than expected");
    let peak = peak_mib()?;
    println!(
        "{keys} keys of {key_bytes} bytes: {answer}; {peak} MiB at the peak ({before} before)"
    );
    ensure!(peak < FUNCTION_MIB, "a function has {FUNCTION_MIB} MiB");
    Ok(())
}

/// The peak of the memory of this process so far, in MiB.
fn peak_mib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib.div_ceil(1_024))
}

/// A table in which each range has keys of its own.
struct Source {
    range_keys: usize,
    key_bytes: usize,
    /// How many ranges were asked for.
    ranges: AtomicUsize,
}

impl RowSource for Source {
    async fn page(&self, _: &RowRange, after: Option<Item>) -> Result<Page, StorageError> {
        let (range, from) = match after.as_ref().and_then(|after| after.get(AT)) {
            Some(AttributeValue::Ss(at)) => {
                let number = |place: usize| at.get(place).and_then(|at| at.parse().ok());
                (number(0).unwrap_or(0), number(1).unwrap_or(self.range_keys))
            }
            _ => (self.ranges.fetch_add(1, Ordering::Relaxed), 0),
        };
        let page_keys = PAGE_BYTES / (self.key_bytes + COUNTER_BYTES);
        let to = self.range_keys.min(from + page_keys);
        // All answers that are waited for are there, as JSON, before the first is taken apart.
        let json = vec![b'{'; (to - from) * (self.key_bytes + COUNTER_JSON_BYTES)];
        wait_once().await;
        drop(std::hint::black_box(json));
        let width = self.key_bytes;
        let name =
            |number: usize| format!("{COUNTER_PREFIX}{:0width$}", range * self.range_keys + number);
        let rows = (from..to).step_by(ROW_COUNTERS).map(|start| {
            let numbers = start..to.min(start + ROW_COUNTERS);
            numbers.map(|number| (name(number), AttributeValue::N("1".to_string()))).collect()
        });
        let next = (to < self.range_keys).then(|| {
            let at = AttributeValue::Ss(vec![range.to_string(), to.to_string()]);
            Item::from([(AT.to_string(), at)])
        });
        Ok(Page { items: rows.collect(), next })
    }

    async fn open_hours(&self, _: &str, _: Hour, _: Hour) -> Result<Vec<Hour>, StorageError> {
        Ok(vec![])
    }
}

/// Lets all other calls go first.
async fn wait_once() {
    let mut has_waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
