//! `minutebook generate`: writes events from a seed to a file, standard output or the bucket, all
//! at once or at a rate.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use minutebook_shop::{Generator, Shop, Span, lines};
use tokio::time::Instant;

use crate::commands::clock;
use crate::event_files::upload::{Target, upload_text};
use crate::stack::context::Context;
use crate::terminal::escape::shown;
use crate::terminal::progress;

/// How many seconds of a live stream an object in the bucket collects.
const LIVE_CHUNK_SECONDS: f64 = 5.0;

/// The pause between two writes of a live stream.
const LIVE_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct GenerateArgs {
    /// File to write, or - for standard output
    #[arg(long, default_value = "-", value_name = "FILE", conflicts_with = "to_bucket")]
    pub(crate) out: String,
    /// Put the events into the bucket
    #[arg(long)]
    pub(crate) to_bucket: bool,
    /// Prefix of the keys of the objects
    #[arg(long, default_value = "generated/", value_name = "TEXT", requires = "to_bucket")]
    pub(crate) prefix: String,
    /// How many events [default: 10000; with --rate, no limit]
    #[arg(long, value_name = "N")]
    pub(crate) events: Option<u64>,
    /// How many files or objects to distribute them over
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) chunks: Option<u64>,
    /// Write a live stream of this many events per second, with the current time
    #[arg(long, value_name = "EVENTS/S", conflicts_with_all = ["minutes", "end"])]
    pub(crate) rate: Option<f64>,
    /// How many minutes the events are spread over
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) minutes: u32,
    /// End of these minutes: now, or a time in RFC 3339
    #[arg(long, default_value = "now", value_name = "TIME", value_parser = clock::parse_time)]
    pub(crate) end: DateTime<Utc>,
    /// Seed: the same seed and --end give the same events
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// How many items the shop sells
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) items: u32,
    /// Sites to distribute the events over, separated by commas; without it, events name no site
    #[arg(long, value_name = "SITE,...", value_delimiter = ',')]
    pub(crate) sites: Vec<String>,
    /// Give every event an event_id
    #[arg(long)]
    pub(crate) event_ids: bool,
    /// Let checkouts begin, in place of one of six views of items
    #[arg(long)]
    pub(crate) checkouts: bool,
    /// Let a piece of the last order be given back, in place of one of ten views of pages
    #[arg(long)]
    pub(crate) refunds: bool,
}

/// How many events are generated unless `--events` says otherwise.
const EVENTS_DEFAULT: u64 = 10_000;

impl GenerateArgs {
    fn shop(&self) -> Shop {
        Shop {
            seed: self.seed,
            items: self.items,
            sites: self.sites.clone(),
            event_ids: self.event_ids,
            checkouts: self.checkouts,
            refunds: self.refunds,
        }
    }

    fn span(&self) -> Span {
        Span { events: self.events.unwrap_or(EVENTS_DEFAULT), end: self.end, minutes: self.minutes }
    }
}

pub(crate) async fn run(args: GenerateArgs, context: &Context) -> Result<()> {
    match (args.rate, args.to_bucket) {
        (Some(rate), _) if !(rate.is_finite() && rate > 0.0) => {
            bail!("--rate is {rate}: give more than 0 events per second")
        }
        (Some(rate), true) => stream_to_bucket(&args, rate, context).await,
        (Some(rate), false) if args.out == "-" => stream_to_output(&args, rate).await,
        (Some(_), false) => {
            bail!("--rate writes to standard output or the bucket, not to a file")
        }
        (None, true) => write_to_bucket(&args, context).await,
        (None, false) => tokio::task::spawn_blocking(move || write_to_files(&args)).await?,
    }
}

/// Uploads the events to the bucket.
async fn write_to_bucket(args: &GenerateArgs, context: &Context) -> Result<()> {
    let endpoints = context.endpoints().await?;
    let s3 = context.s3().await?;
    let span = args.span();
    let chunks = args.chunks.unwrap_or(1);
    let mut lines = lines(args.shop(), span);
    let bar = progress::bar("generating", usize::try_from(chunks)?);
    for chunk in 0..chunks {
        let text: String = lines
            .by_ref()
            .take(chunk_events(span.events, chunks, chunk))
            .map(|line| line + "\n")
            .collect();
        let key = format!("{}{}-{chunk:05}.jsonl", args.prefix, args.seed);
        let target = Target { bucket: endpoints.bucket()?, key: &key, metadata: HashMap::new() };
        upload_text(&s3, target, text).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    eprintln!(
        "put {} events in {chunks} objects under s3://{}/{}",
        span.events,
        endpoints.bucket()?,
        shown(&args.prefix)
    );
    Ok(())
}

fn write_to_files(args: &GenerateArgs) -> Result<()> {
    let span = args.span();
    let chunks = args.chunks.unwrap_or(1);
    let mut lines = lines(args.shop(), span);
    if args.out == "-" {
        let output = BufWriter::new(io::stdout().lock());
        return end_of_pipe_is_fine(write_lines(output, lines));
    }
    let bar = progress::bar("generating", usize::try_from(chunks)?);
    for chunk in 0..chunks {
        let path = if args.chunks.is_some() {
            chunk_path(Path::new(&args.out), chunk)
        } else {
            PathBuf::from(&args.out)
        };
        let write = || format!("cannot write {}", path.display());
        let output = BufWriter::new(File::create(&path).with_context(write)?);
        write_lines(output, lines.by_ref().take(chunk_events(span.events, chunks, chunk)))
            .with_context(write)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Writes events to standard output as they happen.
async fn stream_to_output(args: &GenerateArgs, rate: f64) -> Result<()> {
    let mut stream = Stream::begin(args, rate);
    while let Some(lines) = stream.due().await {
        // The lock is taken for each write, so that it is not held while other tasks run.
        let outcome = write_lines(io::stdout().lock(), lines);
        if matches!(&outcome, Err(error) if error.kind() == ErrorKind::BrokenPipe) {
            return Ok(());
        }
        outcome.context("cannot write to standard output")?;
    }
    Ok(())
}

/// Uploads events to the bucket as they happen, in chunks.
async fn stream_to_bucket(args: &GenerateArgs, rate: f64, context: &Context) -> Result<()> {
    let endpoints = context.endpoints().await?;
    let bucket = endpoints.bucket()?;
    let s3 = context.s3().await?;
    let chunk_events = match (args.chunks, args.events) {
        (Some(chunks), Some(events)) => events.div_ceil(chunks).max(1),
        (Some(_), None) => bail!("--chunks with --rate needs --events"),
        (None, _) => whole_number(rate * LIVE_CHUNK_SECONDS).max(1),
    };
    // The keys have the time in them, so that another stream does not replace these objects.
    let begun = clock::now().format("%Y%m%dT%H%M%SZ");
    let mut stream = Stream::begin(args, rate);
    let mut chunk = String::new();
    let mut chunk_count = 0_u64;
    let mut events = 0;
    loop {
        let due = stream.due().await;
        let ended = due.is_none();
        for line in due.unwrap_or_default() {
            chunk.push_str(&line);
            chunk.push('\n');
            events += 1;
            if events == chunk_events {
                put_chunk(
                    &s3,
                    bucket,
                    &format!("{}{begun}-{chunk_count:05}.jsonl", args.prefix),
                    &mut chunk,
                )
                .await?;
                chunk_count += 1;
                events = 0;
            }
        }
        if ended {
            break;
        }
    }
    if !chunk.is_empty() {
        put_chunk(
            &s3,
            bucket,
            &format!("{}{begun}-{chunk_count:05}.jsonl", args.prefix),
            &mut chunk,
        )
        .await?;
    }
    Ok(())
}

async fn put_chunk(
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
    chunk: &mut String,
) -> Result<()> {
    let target = Target { bucket, key, metadata: HashMap::new() };
    upload_text(s3, target, std::mem::take(chunk)).await?;
    println!("s3://{bucket}/{}", shown(key));
    Ok(())
}

/// A live stream of events.
struct Stream {
    generator: Generator,
    rate: f64,
    begun: Instant,
    events_made: u64,
    events_max: u64,
}

impl Stream {
    fn begin(args: &GenerateArgs, rate: f64) -> Self {
        Self {
            generator: Generator::new(args.shop()),
            rate,
            begun: Instant::now(),
            events_made: 0,
            events_max: args.events.unwrap_or(u64::MAX),
        }
    }

    /// Waits until events are due, and generates them; `None` after the last one.
    async fn due(&mut self) -> Option<Vec<String>> {
        if self.events_made == self.events_max {
            return None;
        }
        tokio::time::sleep(LIVE_INTERVAL).await;
        let due = whole_number(self.begun.elapsed().as_secs_f64() * self.rate).min(self.events_max);
        let now = clock::now();
        let lines = (self.events_made..due).map(|_| self.generator.line(now)).collect();
        self.events_made = due.max(self.events_made);
        Some(lines)
    }
}

fn write_lines(mut output: impl Write, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    for line in lines {
        output.write_all(line.as_bytes())?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// A reader that ends early (`| head`) is no error.
fn end_of_pipe_is_fine(outcome: io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// How many of the events belong to this chunk.
fn chunk_events(events: u64, chunks: u64, chunk: u64) -> usize {
    let from = u128::from(events) * u128::from(chunk) / u128::from(chunks);
    let to = u128::from(events) * u128::from(chunk + 1) / u128::from(chunks);
    usize::try_from(to - from).unwrap_or(usize::MAX)
}

/// `events.jsonl` becomes `events-00007.jsonl`.
fn chunk_path(path: &Path, chunk: u64) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path
        .extension()
        .map_or_else(String::new, |extension| format!(".{}", extension.to_string_lossy()));
    path.with_file_name(format!("{stem}-{chunk:05}{extension}"))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates at the bounds of u64"
)]
fn whole_number(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_share_the_events() {
        let shares: Vec<usize> = (0..4).map(|chunk| chunk_events(10, 4, chunk)).collect();
        assert_eq!(shares, [2, 3, 2, 3]);
        assert_eq!((0..7).map(|chunk| chunk_events(3, 7, chunk)).sum::<usize>(), 3);
    }

    #[test]
    fn chunks_are_numbered_before_the_extension() {
        assert_eq!(chunk_path(Path::new("a/events.jsonl"), 7), Path::new("a/events-00007.jsonl"));
        assert_eq!(chunk_path(Path::new("events"), 12), Path::new("events-00012"));
    }
}
