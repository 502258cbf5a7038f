//! Recounts visitors: from the state that is found, through every step that is left.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::commands::clock;
use crate::commands::recount::arguments::{RecountArgs, RecountCommand, VisitorsArgs};
use crate::commands::recount::chunks::{Chunks, Lacking};
use crate::commands::recount::leftovers;
use crate::commands::recount::secrets::{Phase, Secrets, counting};
use crate::rows;
use crate::stack::context::Context;
use crate::terminal::progress::Step;

/// What was done, or would be done.
#[derive(Debug, Default)]
struct Report {
    /// Whether nothing was changed.
    dry_run: bool,
    /// Whether an earlier run had begun.
    continued: bool,
    /// The secret that answers use now, or would use.
    secret: u32,
    /// The chunks that were recounted.
    recounted: usize,
    /// Those whose objects are gone.
    gone: usize,
    /// The rows that were deleted.
    deleted: usize,
}

pub(crate) async fn run(args: RecountArgs, context: &Context) -> Result<()> {
    let RecountCommand::Visitors(args) = args.command;
    let report = recount(&args, context).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report.json())?);
    } else {
        print!("{}", report.text());
    }
    Ok(())
}

async fn recount(args: &VisitorsArgs, context: &Context) -> Result<Report> {
    let endpoints = context.endpoints().await?;
    let (dynamodb, table) = (context.dynamodb().await?, endpoints.table()?);
    let recount = Recount {
        args,
        secrets: Secrets { client: &dynamodb, table },
        chunks: Chunks {
            context,
            dynamodb: &dynamodb,
            table,
            s3: context.s3().await?,
            bucket: endpoints.bucket()?,
        },
        dynamodb: &dynamodb,
        table,
    };
    if args.dry_run { recount.forecast().await } else { recount.run().await }
}

struct Recount<'a> {
    args: &'a VisitorsArgs,
    secrets: Secrets<'a>,
    chunks: Chunks<'a>,
    dynamodb: &'a aws_sdk_dynamodb::Client,
    table: &'a str,
}

impl Recount<'_> {
    async fn forecast(&self) -> Result<Report> {
        let state = self.secrets.state().await?;
        let phase = Phase::of(state.unwrap_or_default());
        let (secret, lacking) = match phase {
            Phase::Idle => {
                let next = self.secrets.next_number().await?;
                (next, self.chunks.lacking(next).await?)
            }
            Phase::Recounting { to, .. } => (to, self.chunks.lacking(to).await?),
            Phase::Switched { to, .. } | Phase::Clearing { to } => (to, Lacking::default()),
        };
        Ok(Report {
            dry_run: true,
            continued: phase != Phase::Idle,
            secret,
            recounted: lacking.objects.len(),
            gone: lacking.gone.len(),
            deleted: leftovers::others(self.dynamodb, self.table, secret).await?.len(),
        })
    }

    async fn run(&self) -> Result<Report> {
        let mut report = Report::default();
        let state = self.secrets.state().await?;
        if Phase::of(state.unwrap_or_default()) == Phase::Idle {
            let to = self.secrets.next_number().await?;
            self.secrets.begin(state, to).await?;
        } else {
            report.continued = true;
        }
        // Each step changes the state, which says what the next one is.
        loop {
            let state = self.secrets.state().await?.unwrap_or_default();
            report.secret = counting(Some(state));
            let since = state.since.unwrap_or_else(clock::now);
            match Phase::of(state) {
                Phase::Idle => return Ok(report),
                Phase::Recounting { from, to } => {
                    self.recount_chunks(to, since, &mut report).await?;
                    self.secrets.switch(from, to).await?;
                }
                Phase::Switched { from, to } => {
                    self.wait_until_settled(since).await;
                    self.secrets.retire(from, to).await?;
                }
                Phase::Clearing { to } => {
                    self.wait_until_settled(since).await;
                    let keys = leftovers::others(self.dynamodb, self.table, to).await?;
                    rows::delete(self.dynamodb, self.table, &keys).await?;
                    report.deleted += keys.len();
                    self.secrets.end(to).await?;
                }
            }
        }
    }

    /// Recounts all chunks. Those that a function counts without knowing of the secret lack it for
    /// a while, so the last look comes when every function knows.
    async fn recount_chunks(
        &self,
        secret: u32,
        since: DateTime<Utc>,
        report: &mut Report,
    ) -> Result<()> {
        loop {
            let is_last = self.left_to_settle(since).is_zero();
            let lacking = self.chunks.lacking(secret).await?;
            let timeout = Duration::from_secs(self.args.timeout);
            self.chunks.recount(&lacking.objects, secret, timeout).await?;
            report.recounted += lacking.objects.len();
            report.gone = lacking.gone.len();
            if is_last {
                return Ok(());
            }
            self.wait_until_settled(since).await;
        }
    }

    fn left_to_settle(&self, since: DateTime<Utc>) -> Duration {
        let settled =
            TimeDelta::from_std(self.args.settle()).map_or(since, |settle| since + settle);
        settled.signed_duration_since(clock::now()).to_std().unwrap_or_default()
    }

    /// Waits until no function works with a state from before.
    async fn wait_until_settled(&self, since: DateTime<Utc>) {
        let left = self.left_to_settle(since);
        if !left.is_zero() {
            let what = format!("waiting {} s until every function knows", left.as_secs() + 1);
            let step = Step::begin(what);
            tokio::time::sleep(left).await;
            step.end();
        }
    }
}

impl Report {
    fn text(&self) -> String {
        let Self { dry_run, continued, secret, recounted, gone, deleted } = self;
        let mut text = String::new();
        if *continued {
            text.push_str("an earlier run is continued\n");
        }
        let [recounting, deleting] = match dry_run {
            true => ["would be recounted", "would be deleted"],
            false => ["recounted", "deleted"],
        };
        text.push_str(&format!(
            "visitors of {recounted} chunks {recounting} with secret {secret}\n"
        ));
        if *gone > 0 {
            text.push_str(&format!(
                "the objects of {gone} chunks are gone: their visitors cannot be recounted, and are \
                 in no answer from then on\n"
            ));
        }
        text.push_str(&format!("{deleted} rows of other secrets {deleting}\n"));
        text
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "dry_run": self.dry_run,
            "continued": self.continued,
            "secret": self.secret,
            "recounted": self.recounted,
            "gone": self.gone,
            "deleted": self.deleted,
        })
    }
}
