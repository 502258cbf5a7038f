//! Computes the read units of a question: fills an in-memory table with a year of hours, all copies
//! of one hour of generated events, and asks for windows of an hour, a day, a week, a year and all
//! time, before and after sealing.
//!
//! `cargo run --release -p minutebook-benches --bin read -- [EVENTS_PER_MINUTE] [EVENTS_PER_CHUNK]
//! [ITEMS]`
//!
//! **Source**: an eventually consistent read takes half a unit per started 4 KB of a page.

#![expect(clippy::print_stdout, reason = "this program prints figures")]

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use minutebook_domain::chunk::{ChunkReader, ChunkSettings};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::{Currency, Measure};
use minutebook_domain::count::secret::VisitorSecret;
use minutebook_domain::count::tally::Tally;
use minutebook_domain::plan::{Plan, PlanInputs, Row, SealInputs};
use minutebook_domain::query::window::{Window, WindowLength};
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{Day, HOURS_PER_DAY, Hour, MINUTES_PER_HOUR, Minute, QuarterHours};
use minutebook_shop::{Shop, Span, lines};
use minutebook_storage::error::StorageError;
use minutebook_storage::keys::{COUNTER_PREFIX, Shard, tally_partition};
use minutebook_storage::memory::{MemoryTable, Reads};
use minutebook_storage::reader::source::{Page, RowRange, RowSource};
use minutebook_storage::reader::{SumQuestion, sum_windows};
use minutebook_storage::table::Item;

/// The site of events that name none.
const SITE: &str = "default";
const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
/// How many hours before the current one still have all their minutes; before sealing all of them
/// are open.
const OPEN_HOURS: u32 = 7 * HOURS_PER_DAY - 1;
/// Near both ends of a year single days are read, between them whole months.
const DAYS_NEAR_AN_END: u32 = 45;
const YEAR_DAYS: u32 = 400;
const RUNS: usize = 21;

/// A window since 1970. The table has a year of it, which the reader cannot know.
const ALL_TIME: &str = "all time";

/// The middle of a day, and of an hour.
const NOON: &str = "2026-11-20T12:37:30Z";

fn main() -> Result<()> {
    let mut arguments =
        std::env::args().skip(1).map(|argument| argument.parse::<u32>().context(argument));
    let mut next = |default: u32| arguments.next().unwrap_or(Ok(default));
    let (minute_events, chunk_events, items) = (next(10_000)?, next(10_000)?, next(10_000)?);

    let generated = GeneratedHour::new(minute_events, chunk_events, items)?;
    println!(
        "{minute_events} events per minute in chunks of {chunk_events}, {items} items: on average \
         {} items are viewed in a minute, {} in an hour\n",
        generated.counters / MINUTES_PER_HOUR,
        generated.sums.counters(),
    );
    println!("| window | sealed | queries | round trips | pages | rows | KiB | read units |");
    println!("|---|---|---|---|---|---|---|---|");
    let now: DateTime<Utc> = NOON.parse()?;
    let open = generated.table(now, State::Open, YEAR_DAYS)?;
    let sealed = generated.table(now, State::Sealed, YEAR_DAYS)?;
    let mut minutes_alone = Reads::default();
    for length in ["1h", "24h", "7d", "365d", ALL_TIME] {
        let window = window(now, length)?;
        let (open_total, reads) = read(&open, window, now)?;
        print_reads(length, "no", reads);
        if length == "24h" {
            minutes_alone = reads;
        }
        let (sealed_total, reads) = read(&sealed, window, now)?;
        print_reads(length, "yes", reads);
        ensure!(open_total == sealed_total, "{length} is {open_total}, and sealed {sealed_total}");
    }

    let mut half_units = vec![];
    for of_day in 0..HOURS_PER_DAY {
        let now: DateTime<Utc> = format!("2026-11-20T{of_day:02}:37:30Z").parse()?;
        let table = generated.table(now, State::Sealed, 2)?;
        half_units.push(read(&table, window(now, "24h")?, now)?.1.half_units);
    }
    let mean = half_units.iter().sum::<usize>() / half_units.len();
    let shares =
        [half_units.iter().min(), Some(&mean), half_units.iter().max()].map(|half_units| {
            let per_mille =
                half_units.copied().unwrap_or_default() * 1_000 / minutes_alone.half_units;
            format!("{}.{} %", per_mille / 10, per_mille % 10)
        });
    println!(
        "\n24h, sealed, asked at each hour of a day: {} at least, {} on average, {} at most of the \
         read units of minutes alone",
        shares[0], shares[1], shares[2]
    );

    let (median, counters) = own_time(&sealed, now)?;
    println!(
        "summing and ranking 24h, sealed, once the pages are there: {median:?} for {counters} \
         counters (median of {RUNS})"
    );
    Ok(())
}

fn window(now: DateTime<Utc>, length: &str) -> Result<Window> {
    let as_of = Minute::containing(now).context("a time")?;
    if length == ALL_TIME {
        return Ok(Window { from: Minute::EPOCH, to: as_of.plus(1) });
    }
    Ok(Window::ending_with(as_of, WindowLength::parse(length).context("a length")?))
}

fn read(table: &MemoryTable, window: Window, now: DateTime<Utc>) -> Result<(Amount, Reads)> {
    let windows = [window];
    let (sums, reads) = table.read(sum_windows(table, &question(&windows, now)));
    Ok((sums?[0].total(), reads))
}

fn question(windows: &[Window], now: DateTime<Utc>) -> SumQuestion<'_> {
    SumQuestion {
        site: SITE,
        measures: &[Measure::Views],
        key: None,
        windows,
        now,
        retention: RETENTION,
        quarter_hours: QuarterHours::NONE,
    }
}

fn print_reads(length: &str, sealed: &str, reads: Reads) {
    let Reads { queries, pages, rows, bytes, half_units, round_trips } = reads;
    let (kib, units, half) =
        (bytes.div_ceil(1_024), half_units / 2, if half_units % 2 == 1 { ".5" } else { "" });
    println!(
        "| {length} | {sealed} | {queries} | {round_trips} | {pages} | {rows} | {kib} \
         | {units}{half} |"
    );
}

/// Which hours are sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No hour that still has all its minutes.
    Open,
    /// Every hour that has ended.
    Sealed,
}

/// One hour of generated events, counted.
struct GeneratedHour {
    hour: Hour,
    /// Its views by minute, chunk by chunk.
    chunks: Vec<Tally>,
    /// Its views, summed over the hour.
    sums: Tally,
    /// How many counters all its minutes have.
    counters: u32,
}

impl GeneratedHour {
    fn new(minute_events: u32, chunk_events: u32, items: u32) -> Result<GeneratedHour> {
        let hour = Minute::containing(NOON.parse()?).context("a time")?.hour();
        let end = DateTime::from_timestamp(hour.next().epoch_seconds(), 0).context("a time")?;
        let minute_retention_days = RETENTION.minute_days;
        let inputs = PlanInputs {
            default_currency: currency()?,
            minute_retention_days,
            ..PlanInputs::with_defaults(end)
        };
        let settings = ChunkSettings {
            inputs,
            secret: VisitorSecret::new(1),
            sites: Default::default(),
            size_bytes: u64::MAX,
        };
        let shop = Shop { seed: 1, items, ..Shop::default() };
        let events = u64::from(minute_events) * u64::from(MINUTES_PER_HOUR);
        let mut lines = lines(shop, Span { events, end, minutes: MINUTES_PER_HOUR }).peekable();
        let mut generated =
            GeneratedHour { hour, chunks: vec![], sums: Tally::default(), counters: 0 };
        let mut by_minute = Tally::default();
        while lines.peek().is_some() {
            let mut reader = ChunkReader::new(&settings);
            for line in lines.by_ref().take(usize::try_from(chunk_events)?) {
                reader.push(line.as_bytes())?;
                reader.push(b"\n")?;
            }
            let mut views = Tally::default();
            for group in
                reader.finish()?.tally.groups().filter(|group| group.measure == Measure::Views)
            {
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

    /// The table after `days` days of such hours, with a week of minutes.
    fn table(&self, now: DateTime<Utc>, state: State, days: u32) -> Result<MemoryTable> {
        let running = Minute::containing(now).context("a time")?.hour();
        let first_open = running.minus(if state == State::Open { OPEN_HOURS } else { 0 });
        let table = MemoryTable::default();
        self.add_minutes(&table, running)?;
        self.add_sums(&table, running, first_open, days)?;
        let mut hour = first_open;
        while hour <= running {
            table.list_open(SITE, hour);
            hour = hour.next();
        }
        Ok(table)
    }

    /// Commits the chunks, and copies the hour to every hour that has minutes.
    fn add_minutes(&self, table: &MemoryTable, running: Hour) -> Result<()> {
        let reference_time =
            DateTime::from_timestamp(self.hour.next().epoch_seconds(), 0).context("a time")?;
        let inputs = PlanInputs {
            default_currency: currency()?,
            minute_retention_days: RETENTION.minute_days,
            ..PlanInputs::with_defaults(reference_time)
        };
        for part in self.chunks.iter().flat_map(|chunk| Plan::of_tally(chunk, &inputs).parts) {
            ensure!(part.is_open(), "the generated hour was to be open");
            for row in &part.rows {
                let minute = running.first_minute().plus(row.period.first_minute().of_hour());
                add(table, row, Period::Minute(minute), 1)?;
            }
        }
        let partition = |hour: Hour| tally_partition(SITE, Period::Minute(hour.first_minute()));
        for back in 1..=OPEN_HOURS + 1 {
            table.copy_partition(&partition(running), &partition(running.minus(back)));
        }
        Ok(())
    }

    /// Seals every hour before `first_open`.
    fn add_sums(
        &self,
        table: &MemoryTable,
        running: Hour,
        first_open: Hour,
        days: u32,
    ) -> Result<()> {
        let no_orders = Tally::default();
        let inputs = SealInputs { keys_max: 100_000, has_quarters: false };
        let plan = Plan::of_sealed_hour(&self.sums, &no_orders, &inputs);
        let rows_of = |kind: Period| {
            plan.parts.iter().flat_map(|part| &part.rows).filter(move |row| row.period == kind)
        };
        let [like_hour, like_day, like_week, like_month] = Period::of_hour(self.hour);
        let days: Vec<Day> =
            (0..=days).rev().map(|back| running.minus(back * HOURS_PER_DAY).day()).collect();

        // One whole day of hours outside of every window, which is copied to the other days.
        let whole = running.day().next();
        for of_day in 0..HOURS_PER_DAY {
            for row in rows_of(like_hour) {
                add(table, row, Period::Hour(whole.first_hour().plus(of_day)), 1)?;
            }
        }
        let partition = |day: Day| tally_partition(SITE, Period::Hour(day.first_hour()));
        for day in days.iter().filter(|day| day.next().first_hour() <= first_open) {
            table.copy_partition(&partition(whole), &partition(*day));
        }
        let mut hour = first_open.day().first_hour();
        while hour < first_open {
            for row in rows_of(like_hour) {
                add(table, row, Period::Hour(hour), 1)?;
            }
            hour = hour.next();
        }

        // What an hour adds to its day, week and month, once for each of their sealed hours.
        let near = usize::try_from(DAYS_NEAR_AN_END)?;
        let mut periods = BTreeMap::new();
        for (place, day) in days.iter().enumerate() {
            if place < 2 * near || place + near > days.len() {
                periods
                    .extend([(Period::Day(*day), like_day), (Period::Week(day.week()), like_week)]);
            }
            periods.insert(Period::Month(day.month()), like_month);
        }
        for (period, like) in periods {
            let end = period.end().hour().number().min(first_open.number());
            let hours = end.saturating_sub(period.first_minute().hour().number());
            for row in rows_of(like).filter(|_| hours > 0) {
                add(table, row, period, hours)?;
            }
        }
        Ok(())
    }
}

/// Adds the counters of a row, multiplied by `times`, to the row of another period of its kind.
fn add(table: &MemoryTable, row: &Row<'_>, period: Period, times: u32) -> Result<()> {
    let times = Amount::from_count(u64::from(times));
    let counters =
        row.counters.iter().map(|(key, amount)| Some((*key, amount.checked_mul(times)?)));
    let counters = counters.collect::<Option<Vec<_>>>().context("counts fit an amount")?;
    table.add(&Row { period, counters, ..*row }, Shard::Number(0), RETENTION);
    Ok(())
}

fn currency() -> Result<Currency> {
    Currency::parse(b"USD").context("three letters")
}

/// How long the reader itself takes for a sealed window of a day, and how many counters that has.
fn own_time(table: &MemoryTable, now: DateTime<Utc>) -> Result<(Duration, usize)> {
    let windows = [window(now, "24h")?];
    let question = question(&windows, now);
    let recorder = Recorder { table, pages: Mutex::default() };
    table.read(sum_windows(&recorder, &question)).0?;
    let recorded = Recorded {
        pages: recorder.pages.into_inner().unwrap_or_else(PoisonError::into_inner),
        copying: Mutex::default(),
    };
    let items = recorded.pages.values().flat_map(|page| &page.items);
    let counters =
        items.map(|item| item.keys().filter(|name| name.starts_with(COUNTER_PREFIX)).count()).sum();
    let mut times = vec![];
    for _ in 0..RUNS {
        *recorded.copying.lock().unwrap_or_else(PoisonError::into_inner) = Duration::ZERO;
        let start = Instant::now();
        let sums = MemoryTable::default().read(sum_windows(&recorded, &question)).0?;
        let top = sums[0].top(10).len();
        let copying = *recorded.copying.lock().unwrap_or_else(PoisonError::into_inner);
        times.push(start.elapsed().saturating_sub(copying));
        ensure!(top == 10, "the window was to have items");
    }
    times.sort();
    Ok((times[RUNS / 2], counters))
}

/// Pages by partition and first sort key: here no range has more than one page.
type Pages = BTreeMap<(String, String), Page>;

/// Keeps the pages that it passes on.
struct Recorder<'a> {
    table: &'a MemoryTable,
    pages: Mutex<Pages>,
}

impl RowSource for Recorder<'_> {
    async fn page(&self, range: &RowRange, after: Option<Item>) -> Result<Page, StorageError> {
        let page = self.table.page(range, after).await?;
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.insert((range.partition.clone(), range.first.clone()), page.clone());
        Ok(page)
    }

    async fn open_hours(
        &self,
        site: &str,
        from: Hour,
        to: Hour,
    ) -> Result<Vec<Hour>, StorageError> {
        self.table.open_hours(site, from, to).await
    }
}

/// Returns a fresh copy of each recorded page, as an answer of DynamoDB is.
struct Recorded {
    pages: Pages,
    /// How long the copying took, which is not part of the reader's time.
    copying: Mutex<Duration>,
}

impl RowSource for Recorded {
    async fn page(&self, range: &RowRange, _: Option<Item>) -> Result<Page, StorageError> {
        let start = Instant::now();
        let page = self
            .pages
            .get(&(range.partition.clone(), range.first.clone()))
            .cloned()
            .unwrap_or_default();
        *self.copying.lock().unwrap_or_else(PoisonError::into_inner) += start.elapsed();
        Ok(page)
    }

    async fn open_hours(&self, _: &str, _: Hour, _: Hour) -> Result<Vec<Hour>, StorageError> {
        Ok(vec![])
    }
}
