//! `minutebook verify`: recounts the raw objects with independent code, and compares the ledger,
//! every tally, the visitors and sessions, the orders and the totals.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::commands::clock;
use crate::proof::gone::GoneBooks;
use crate::proof::objects::{Objects, compare_chunk};
use crate::proof::report::Report;
use crate::proof::scope::{Retention, Scope};
use crate::proof::sealing::SealingState;
use crate::proof::tallies::Books;
use crate::rows;
use crate::rows::records::proofs;
use crate::rows::sites::settings;
use crate::stack::context::Context;
use crate::stack::endpoints::Endpoints;
use crate::stack::objects::Object;
use crate::terminal::escape::{self, shown};
use crate::terminal::progress;

/// How many objects are recounted at once. Each is in memory as a whole.
const CONCURRENCY: usize = 4;

/// Rows that expire within this time may be deleted during the comparison, so they are left out.
const EXPIRY_MARGIN: TimeDelta = TimeDelta::minutes(2);

/// How often the bucket is listed if objects are put meanwhile that were counted at once. What is
/// put after the last time is a difference.
const LISTINGS_MAX: u32 = 5;

/// How often the table is read if an hour is sealed meanwhile. After the last time it is compared
/// as it is, perhaps with differences.
const READINGS_MAX: u32 = 5;

#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Only objects with this prefix, and only the sites of their events; no other object may have
    /// events of these sites
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Only periods that begin at this time or later: RFC 3339, or a date
    #[arg(long, value_name = "TIME", value_parser = clock::parse_time_or_date)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Only periods that end at this time or earlier: RFC 3339, or a date
    #[arg(long, value_name = "TIME", value_parser = clock::parse_time_or_date)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Days that minutes are kept, 0 for ever [default: as the stack, the ledger or the rows
    /// say]
    #[arg(
        long,
        env = "MINUTEBOOK_MINUTE_RETENTION_DAYS",
        value_name = "DAYS",
        hide_env_values = true
    )]
    pub(crate) minute_retention_days: Option<u32>,
    /// Days that hours are kept, 0 for ever [default: as the stack or the rows say]
    #[arg(
        long,
        env = "MINUTEBOOK_HOUR_RETENTION_DAYS",
        value_name = "DAYS",
        hide_env_values = true
    )]
    pub(crate) hour_retention_days: Option<u32>,
    /// Days that days, weeks and months are kept, 0 for ever [default: as the stack or the
    /// rows say]
    #[arg(
        long,
        env = "MINUTEBOOK_DAY_RETENTION_DAYS",
        value_name = "DAYS",
        hide_env_values = true
    )]
    pub(crate) day_retention_days: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl VerifyArgs {
    /// What is compared, without what expires before `expiry`.
    fn scope(&self, of_stack: Retention, expiry: DateTime<Utc>) -> Scope {
        let retention = Retention {
            minute_days: self.minute_retention_days,
            hour_days: self.hour_retention_days,
            day_days: self.day_retention_days,
        };
        let scope = Scope::new(retention.or(of_stack), expiry).between(self.from, self.to);
        if self.prefix.is_empty() { scope } else { scope.of_met_sites() }
    }
}

pub(crate) async fn run(args: VerifyArgs, context: &Context) -> Result<()> {
    let json = args.json;
    let report = verify(args, context).await?;
    if json {
        println!("{}", escape::json(&serde_json::to_string_pretty(&report.json())?));
    } else {
        print!("{}", report.text());
    }
    report.check()
}

/// Recounts the objects, and compares the table with them.
///
/// # Errors
/// An object or the table cannot be read. Differences are no errors; [`Report::check`] makes them
/// one.
pub(crate) async fn verify(args: VerifyArgs, context: &Context) -> Result<Report> {
    if let (Some(from), Some(to)) = (args.from, args.to) {
        ensure!(from < to, "--from must lie before --to");
    }
    let endpoints = context.endpoints().await?;
    let raw = Objects {
        s3: context.s3().await?,
        dynamodb: context.dynamodb().await?,
        bucket: endpoints.bucket()?.to_owned(),
        table: endpoints.table()?.to_owned(),
        revisions: Default::default(),
        sites: Default::default(),
    };
    let is_whole = args.prefix.is_empty() && args.from.is_none() && args.to.is_none();
    let mut report = Report::default();
    // A zone that is set meanwhile decides about hours that have not begun.
    let revisions = settings::all(&raw.dynamodb, &raw.table).await?;
    let scope = args
        .scope(retention_of_stack(&endpoints), clock::now() + EXPIRY_MARGIN)
        .with_quarters(settings::quarter_hours(&revisions));
    let mut books = Books::new(scope, GoneBooks::new(&raw.bucket, &args.prefix));
    let mut objects = raw.list(&args.prefix).await?;
    let mut recounted = HashSet::new();
    for _ in 0..LISTINGS_MAX {
        recount(&raw, &objects, &mut books, &mut report).await?;
        recounted.extend(objects);
        let step = progress::bar("reading the table", 0);
        read_table(&raw, &mut books).await?;
        step.finish_and_clear();
        // What the ledger has and the listing had not may have been put since.
        objects = raw.list_new(&args.prefix, &books.gone_keys(), &recounted).await?;
        if objects.is_empty() {
            break;
        }
    }
    for object in objects {
        let name = object.name();
        report.differences.add(|| format!("{name}: put while the table was read; verify again"));
    }
    books.judge(&mut report);
    if is_whole {
        record(&raw, &report).await;
    }
    Ok(report)
}

/// Records the proof of the whole table, for `/reconcile`. Who may only read proves it all the same.
async fn record(raw: &Objects, report: &Report) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = raw
        .dynamodb
        .put_item()
        .table_name(&raw.table)
        .item("pk", text(proofs::PARTITION))
        .item("sk", text(proofs::WHOLE))
        .item("at", text(&clock::now().to_rfc3339_opts(SecondsFormat::Secs, true)))
        .item("differences", AttributeValue::N(report.differences.count.to_string()));
    if let Err(error) = put.send().await {
        let error = DisplayErrorContext(&error).to_string();
        eprintln!(
            "the proof is not recorded, so that /reconcile does not say it: {}",
            shown(&error)
        );
    }
}

/// Recounts objects, and compares the ledger with them.
async fn recount(
    raw: &Objects,
    objects: &[Object],
    books: &mut Books,
    report: &mut Report,
) -> Result<()> {
    let bar = progress::bar("recounting", objects.len());
    let recounts = futures::stream::iter(objects).map(async |object| {
        let chunk = raw.recount(object).await?;
        bar.inc(1);
        Ok::<_, anyhow::Error>((object, chunk))
    });
    let mut recounts = recounts.buffered(CONCURRENCY);
    while let Some((object, chunk)) = recounts.try_next().await? {
        let Some(chunk) = chunk.filter(|chunk| books.add_object(&chunk.id)) else { continue };
        report.objects += 1;
        if let Some((recount, summary)) = compare_chunk(object, chunk, report) {
            books.add_chunk(&recount, &summary);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Reads the table, and reads it again if an hour was sealed meanwhile.
async fn read_table(raw: &Objects, books: &mut Books) -> Result<()> {
    let mut before = SealingState::read(&raw.dynamodb, &raw.table).await?;
    for _ in 0..READINGS_MAX {
        books.begin_table(clock::now() + EXPIRY_MARGIN);
        let mut items = std::pin::pin!(rows::scan(&raw.dynamodb, &raw.table));
        while let Some(item) = items.try_next().await? {
            books.add_row(&item);
        }
        let after = SealingState::read(&raw.dynamodb, &raw.table).await?;
        if before == after {
            break;
        }
        before = after;
    }
    Ok(())
}

/// How long the stack keeps rows, if it is the local one or named.
fn retention_of_stack(endpoints: &Endpoints) -> Retention {
    let Some(days) = endpoints.retention_days else { return Retention::default() };
    Retention {
        minute_days: Some(days.minutes),
        hour_days: Some(days.hours),
        day_days: Some(days.days),
    }
}
