//! Meters what a question reads: fills a table in memory with an hour of generated events that stands for every hour of
//! a year, and asks it for windows of an hour, a day, a week and a year, before and after sealing.
//!
//! `cargo run --release -p minutebook-benches --bin read -- [EVENTS A MINUTE] [EVENTS A CHUNK] [ITEMS]`
//!
//! **Source**: an eventually consistent read takes half a unit for each started 4 KB of a page.

#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use minutebook_domain::amount::Amount;
use minutebook_domain::bucket::{Bucket, Retention};
use minutebook_domain::chunk::{ChunkReader, ChunkSettings};
use minutebook_domain::ledger::PlanBasis;
use minutebook_domain::measure::{Currency, Measure};
use minutebook_domain::plan::{Plan, Row};
use minutebook_domain::ranking::Sums;
use minutebook_domain::tally::Tally;
use minutebook_domain::time::{Day, HOURS_PER_DAY, Hour, MINUTES_PER_HOUR, Minute};
use minutebook_domain::window::{Window, WindowLength};
use minutebook_oracle::generate::{Shop, Span, lines};
use minutebook_storage::error::StorageError;
use minutebook_storage::keys::{Lane, tally_partition};
use minutebook_storage::memory::{MemoryTable, Reads};
use minutebook_storage::open_hours::OpenHour;
use minutebook_storage::reader::{Attributes, Page, RowRange, RowSource, SumQuestion, sum_windows};

/// The site of events that name none.
const SITE: &str = "default";
const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
/// The hours that still have their minutes; before sealing all of them are open.
const OPEN_HOURS: u32 = 7 * HOURS_PER_DAY;
/// Near both ends of a year days are read one by one; between them months are.
const DAYS_NEAR_AN_END: u32 = 45;
const DAYS: u32 = 400;
const RUNS: usize = 21;

/// The middle of an hour, and the first minutes of one, when the hour before is not settled.
const TIMES: [&str; 2] = ["2026-11-20T23:37:30Z", "2026-11-20T23:07:30Z"];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>().context(argument));
    let mut next = |default: u32| arguments.next().unwrap_or(Ok(default));
    let (minute_events, chunk_events, items) = (next(10_000)?, next(10_000)?, next(10_000)?);

    let hour = GeneratedHour::new(minute_events, chunk_events, items)?;
    let open = hour.table(true)?;
    let sealed = hour.table(false)?;
    println!(
        "{minute_events} events a minute in chunks of {chunk_events}, {items} items: on average {} items are viewed in a \
         minute, {} in an hour\n",
        hour.counters / MINUTES_PER_HOUR,
        hour.sums.counters(),
    );
    println!("| window | asked at | sealed | queries | round trips | pages | rows | KiB | read units |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for time in TIMES {
        let now: DateTime<Utc> = time.parse()?;
        for length in ["1h", "24h", "7d", "365d"] {
            let window = Window::ending_with(
                Minute::containing(now).context("a time")?,
                WindowLength::parse(length).context("a length")?,
            );
            let mut totals = vec![];
            for (sealed, table) in [("no", &open), ("yes", &sealed)] {
                let windows = [window];
                let (sums, reads) = table.read(sum_windows(table, &question(&windows, now)));
                totals.push(sums?.iter().map(Sums::total).collect::<Vec<_>>());
                print_reads(length, &time[11..16], sealed, reads);
            }
            ensure!(totals[0] == totals[1], "{length} is {totals:?}, and not the same before and after sealing");
        }
    }
    let (median, items) = own_time(&sealed)?;
    println!(
        "\nsumming and ranking a sealed window of 24h, {items} items, once its pages are there: {median:?} (median of {RUNS})"
    );
    Ok(())
}

fn question(windows: &[Window], now: DateTime<Utc>) -> SumQuestion<'_> {
    SumQuestion { site: SITE, measure: Measure::Views, key: None, windows, now, retention: RETENTION }
}

fn print_reads(length: &str, time: &str, sealed: &str, reads: Reads) {
    let Reads { queries, pages, rows, bytes, half_units, round_trips } = reads;
    let (kib, units, half) = (bytes.div_ceil(1_024), half_units / 2, if half_units % 2 == 1 { ".5" } else { "" });
    println!("| {length} | {time} | {sealed} | {queries} | {round_trips} | {pages} | {rows} | {kib} | {units}{half} |");
}

/// What one hour of events comes to.
struct GeneratedHour {
    hour: Hour,
    /// Its views, by minute.
    chunks: Vec<Tally>,
    /// Its views, all in one.
    sums: Tally,
    /// How many counters its minutes have together.
    counters: u32,
}

impl GeneratedHour {
    fn new(minute_events: u32, chunk_events: u32, items: u32) -> Result<GeneratedHour> {
        let hour = Minute::containing(TIMES[0].parse()?).context("a time")?.hour();
        let end = DateTime::from_timestamp(hour.next().epoch_seconds(), 0).context("a time")?;
        let settings = ChunkSettings { reference_time: end, default_currency: currency()?, size_bytes: u64::MAX };
        let shop = Shop { seed: 1, items, sites: vec![], event_ids: false };
        let events = u64::from(minute_events) * u64::from(MINUTES_PER_HOUR);
        let mut lines = lines(shop, Span { events, end, minutes: MINUTES_PER_HOUR }).peekable();
        let mut generated = GeneratedHour { hour, chunks: vec![], sums: Tally::default(), counters: 0 };
        let mut by_minute = Tally::default();
        while lines.peek().is_some() {
            let mut reader = ChunkReader::new(&settings);
            for line in lines.by_ref().take(usize::try_from(chunk_events)?) {
                reader.push(line.as_bytes())?;
                reader.push(b"\n")?;
            }
            let mut views = Tally::default();
            for group in reader.finish()?.tally.groups().filter(|group| group.measure == Measure::Views) {
                for (key, amount) in group.counters {
                    views.add(SITE, Measure::Views, group.minute, key, amount);
                    by_minute.add(SITE, Measure::Views, group.minute, key, amount);
                    generated.sums.add(SITE, Measure::Views, hour.first_minute(), key, amount);
                }
            }
            generated.chunks.push(views);
        }
        generated.counters = u32::try_from(by_minute.counters())?;
        Ok(generated)
    }

    /// The table after a year of such hours; the last ones are open, or all but the last one are sealed.
    fn table(&self, has_open_hours: bool) -> Result<MemoryTable> {
        let table = MemoryTable::default();
        self.add_minutes(&table)?;
        let first_open = self.hour.minus(if has_open_hours { OPEN_HOURS } else { 0 });
        self.add_sums(&table, first_open)?;
        let mut hour = first_open;
        while hour <= self.hour {
            table.list_open(SITE, hour);
            hour = hour.next();
        }
        Ok(table)
    }

    /// Commits the chunks, and makes every hour that has minutes one like it.
    fn add_minutes(&self, table: &MemoryTable) -> Result<()> {
        let reference_time = DateTime::from_timestamp(self.hour.next().epoch_seconds(), 0).context("a time")?;
        let basis =
            PlanBasis { reference_time, default_currency: currency()?, minute_retention_days: RETENTION.minute_days };
        for chunk in &self.chunks {
            for part in &Plan::of(chunk, &basis).parts {
                ensure!(part.is_open(), "the generated hour was to be open");
                part.rows.iter().for_each(|row| table.add(row, Lane::Number(0), RETENTION));
            }
        }
        let partition = |hour: Hour| tally_partition(SITE, Bucket::Minute(hour.first_minute()));
        for back in 1..=OPEN_HOURS {
            table.copy_partition(&partition(self.hour), &partition(self.hour.minus(back)));
        }
        Ok(())
    }

    /// Seals every hour before this one.
    fn add_sums(&self, table: &MemoryTable, first_open: Hour) -> Result<()> {
        let plan = Plan::of_sealed_hour(&self.sums);
        let rows: Vec<&Row<'_>> = plan.parts.iter().flat_map(|part| &part.rows).collect();
        let days: Vec<Day> = (0..=DAYS).rev().map(|back| self.hour.minus(back * HOURS_PER_DAY).day()).collect();
        let like = Bucket::Hour(self.hour);

        // One whole day of hours, which nobody asks for, and others like it.
        let whole = self.hour.day().next();
        for of_day in 0..HOURS_PER_DAY {
            add_like(table, &rows, like, Bucket::Hour(whole.first_hour().plus(of_day)), 1)?;
        }
        let partition = |day: Day| tally_partition(SITE, Bucket::Hour(day.first_hour()));
        for day in days.iter().filter(|day| day.next().first_hour() <= first_open) {
            table.copy_partition(&partition(whole), &partition(*day));
        }
        let mut hour = first_open.day().first_hour();
        while hour < first_open {
            add_like(table, &rows, like, Bucket::Hour(hour), 1)?;
            hour = hour.next();
        }

        // What an hour added to its day, week and month, as often as they have hours that are sealed.
        let near = usize::try_from(DAYS_NEAR_AN_END)?;
        let mut buckets = vec![];
        for (place, day) in days.iter().enumerate() {
            if place < 2 * near || place + near > days.len() {
                buckets.extend([Bucket::Day(*day), Bucket::Week(day.week())]);
            }
            buckets.push(Bucket::Month(day.month()));
        }
        buckets.dedup();
        buckets.sort();
        buckets.dedup();
        for bucket in buckets {
            let end = bucket.end().hour().number().min(first_open.number());
            let hours = end.saturating_sub(bucket.first_minute().hour().number());
            if hours > 0 {
                add_like(table, &rows, Bucket::of_hour(self.hour)[kind(bucket)], bucket, hours)?;
            }
        }
        Ok(())
    }
}

/// Adds the rows that a plan has for one bucket to another bucket of its kind, so many times.
fn add_like(table: &MemoryTable, rows: &[&Row<'_>], like: Bucket, bucket: Bucket, times: u32) -> Result<()> {
    let times = Amount::from_count(u64::from(times));
    for row in rows.iter().filter(|row| row.bucket == like) {
        let counters = row.counters.iter().map(|(key, amount)| Some((*key, amount.checked_mul(times)?)));
        let counters = counters.collect::<Option<Vec<_>>>().context("counts fit an amount")?;
        table.add(&Row { bucket, counters, ..**row }, Lane::Late, RETENTION);
    }
    Ok(())
}

/// The place of a bucket's kind in [`Bucket::of_hour`].
fn kind(bucket: Bucket) -> usize {
    match bucket {
        Bucket::Minute(_) | Bucket::Hour(_) => 0,
        Bucket::Day(_) => 1,
        Bucket::Week(_) => 2,
        Bucket::Month(_) => 3,
    }
}

fn currency() -> Result<Currency> {
    Currency::parse(b"USD").context("three letters")
}

/// How long the reader itself works on a sealed window of a day, and how many items it finds.
fn own_time(table: &MemoryTable) -> Result<(Duration, usize)> {
    let now: DateTime<Utc> = TIMES[0].parse()?;
    let windows = [Window::ending_with(Minute::containing(now).context("a time")?, WindowLength::DAY)];
    let question = question(&windows, now);
    let mut times = vec![];
    let mut items = 0;
    for _ in 0..RUNS {
        let recorder = Recorder { table, pages: Mutex::default() };
        table.read(sum_windows(&recorder, &question)).0?;
        let recorded = Recorded { pages: recorder.pages };
        let start = Instant::now();
        let sums = MemoryTable::default().read(sum_windows(&recorded, &question)).0?;
        let top = sums[0].top(10).len();
        times.push(start.elapsed());
        ensure!(top == 10, "the window was to have items");
        items = sums[0].len();
    }
    times.sort();
    Ok((times[RUNS / 2], items))
}

/// The pages of each range, by its partition and first row, the last one first.
type Pages = Mutex<BTreeMap<(String, String), Vec<Page>>>;

/// Keeps what it passes on.
struct Recorder<'a> {
    table: &'a MemoryTable,
    pages: Pages,
}

impl RowSource for Recorder<'_> {
    async fn page(&self, range: &RowRange, after: Option<Attributes>) -> Result<Page, StorageError> {
        let page = self.table.page(range, after).await?;
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.entry((range.partition.clone(), range.first.clone())).or_default().insert(0, page.clone());
        Ok(page)
    }

    async fn open_hours(&self, from: Hour, to: Hour) -> Result<Vec<OpenHour>, StorageError> {
        self.table.open_hours(from, to).await
    }
}

/// Gives at once, and for good, what was kept.
struct Recorded {
    pages: Pages,
}

impl RowSource for Recorded {
    async fn page(&self, range: &RowRange, _: Option<Attributes>) -> Result<Page, StorageError> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = pages.get_mut(&(range.partition.clone(), range.first.clone())).and_then(Vec::pop);
        Ok(kept.unwrap_or_default())
    }

    async fn open_hours(&self, _: Hour, _: Hour) -> Result<Vec<OpenHour>, StorageError> {
        Ok(vec![])
    }
}
