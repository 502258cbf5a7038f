//! What is known of a stack: what AWS, the table and the API say. What cannot be read is a fact,
//! too.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use minutebook_local::STACK_NAME;

use crate::commands::{clock, keys, replay};
use crate::rows;
use crate::rows::records::lag::{self, LAG, SealingLag};
use crate::rows::totals::{self, SNAPSHOTS, TOTALS};
use crate::stack::calls::watched::{self, Alarm, Mapping};
use crate::stack::context::Context;
use crate::stack::endpoints::{Endpoints, RetentionDays};
use crate::stack::http;
use crate::stack::queue::Queue;

/// So many dead letters are looked at, each with its object, to find out why they are there.
const DEAD_LETTERS_READ_MAX: u64 = 100;

/// How old the snapshot may be that the last hour is measured from.
const SNAPSHOT_AGE_MAX: TimeDelta = TimeDelta::minutes(65);

/// What is known.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) now: DateTime<Utc>,
    /// The name of the stack; `None` if only its parts are known.
    pub(super) stack: Option<String>,
    /// Whether `--stack` names it, so that commands need the name.
    pub(super) is_named: bool,
    pub(super) status: Option<String>,
    /// By how many seconds this machine's clock is ahead of AWS's.
    pub(super) skew_seconds: i64,
    /// What could not be read, and why.
    pub(super) unreadable: Vec<(&'static str, String)>,
    /// The status of the answer to `/health`, or why there is none; `None` without an API.
    pub(super) health: Option<Result<u16, String>>,
    /// What hands chunks and records to `ingest`.
    pub(super) mappings: Vec<Mapping>,
    /// Whether the rule that runs `rollup` is enabled.
    pub(super) rollup_enabled: Option<bool>,
    pub(super) waiting: u64,
    pub(super) in_flight: u64,
    pub(super) dead_letters: u64,
    /// How many of them there are for each reason; empty if there are too many to look at.
    pub(super) dead_reasons: BTreeMap<String, u64>,
    /// `None` if `rollup` has never run.
    pub(super) sealing: Option<SealingLag>,
    pub(super) last_committed_at: Option<DateTime<Utc>>,
    pub(super) last_hour: LastHour,
    /// Whether questions or posts need a key, and there is none.
    pub(super) lacks_key: bool,
    pub(super) alarms: Vec<Alarm>,
    pub(super) retention_days: Option<RetentionDays>,
    pub(super) rejected_bucket: Option<String>,
}

/// What became of the lines of about the last hour.
#[derive(Debug, Default)]
pub(super) struct LastHour {
    pub(super) lines: u64,
    pub(super) rejected: u64,
    pub(super) rejected_by_reason: BTreeMap<String, u64>,
    pub(super) refused: u64,
}

/// Asks everybody.
///
/// # Errors
/// No stack is named or running, or there are no credentials.
pub(super) async fn gather(context: &Context) -> Result<Facts> {
    let endpoints = context.endpoints().await?;
    let named = context.named_stack().await?;
    let now = clock::now();
    let is_local = context.stack()?.is_some();
    let local_name = is_local.then(|| STACK_NAME.to_owned());
    let skew = named.and_then(|stack| stack.date).map_or(TimeDelta::zero(), |date| now - date);
    let mut facts = Facts {
        stack: context.stack_name().map(str::to_owned).or(local_name),
        is_named: named.is_some(),
        status: named.map(|stack| stack.status.clone()),
        skew_seconds: skew.num_seconds(),
        retention_days: endpoints.retention_days,
        rejected_bucket: endpoints.rejected_bucket().ok().map(str::to_owned),
        ..Facts::nothing(now)
    };
    if endpoints.api_url().is_ok() {
        let status = http::status(&endpoints, "health").await;
        facts.health = Some(status.map_err(|error| format!("{error:#}")));
    }
    let table = facts.ask_table(context, &endpoints).await;
    facts.note("the table", table);
    let queues = facts.ask_queues(context, &endpoints).await;
    facts.note("the queues", queues);
    let watched = facts.ask_aws(context).await;
    facts.note("alarms, mappings and rules", watched);
    let is_true = |name: &str| {
        named.is_some_and(|stack| stack.parameters.get(name).is_some_and(|value| value == "true"))
    };
    if is_true("RequireReadKeys") || is_true("RequireWriteKeys") {
        let count = keys::count(context).await;
        facts.lacks_key = matches!(count, Ok(0));
    }
    Ok(facts)
}

impl Facts {
    /// Nothing is known, and so nothing is wrong.
    pub(super) fn nothing(now: DateTime<Utc>) -> Self {
        Self {
            now,
            stack: None,
            is_named: false,
            status: None,
            skew_seconds: 0,
            unreadable: Vec::new(),
            health: None,
            mappings: Vec::new(),
            rollup_enabled: None,
            waiting: 0,
            in_flight: 0,
            dead_letters: 0,
            dead_reasons: BTreeMap::new(),
            sealing: None,
            last_committed_at: None,
            last_hour: LastHour::default(),
            lacks_key: false,
            alarms: Vec::new(),
            retention_days: None,
            rejected_bucket: None,
        }
    }

    fn note(&mut self, what: &'static str, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.unreadable.push((what, format!("{error:#}")));
        }
    }

    async fn ask_table(&mut self, context: &Context, endpoints: &Endpoints) -> Result<()> {
        let (client, table) = (context.dynamodb().await?, endpoints.table()?);
        let sealing = rows::partition(&client, table, LAG).await?;
        self.sealing = sealing.first().map(lag::of_row).transpose()?;
        let shards = rows::partition(&client, table, TOTALS).await?;
        self.last_committed_at = totals::last_committed_at(&shards);
        let mut snapshots = rows::partition(&client, table, SNAPSHOTS).await?;
        let earliest = self.now - SNAPSHOT_AGE_MAX;
        snapshots.retain(|snapshot| totals::taken_at(snapshot).is_some_and(|at| at >= earliest));
        let oldest = snapshots.iter().min_by_key(|snapshot| totals::taken_at(snapshot));
        let now = totals::sums(&shards);
        let before = totals::sums(oldest.map_or(&[], std::slice::from_ref));
        let mut rejected_by_reason = now.rejected_by_reason;
        for (reason, count) in &mut rejected_by_reason {
            *count -= before.rejected_by_reason.get(reason).copied().unwrap_or(0).min(*count);
        }
        rejected_by_reason.retain(|_, count| *count > 0);
        self.last_hour = LastHour {
            lines: now.totals.lines.saturating_sub(before.totals.lines),
            rejected: now.totals.rejected.saturating_sub(before.totals.rejected),
            rejected_by_reason,
            refused: now.totals.refused.saturating_sub(before.totals.refused),
        };
        Ok(())
    }

    async fn ask_queues(&mut self, context: &Context, endpoints: &Endpoints) -> Result<()> {
        let client = context.sqs().await?;
        let queue = Queue { client: client.clone(), url: endpoints.queue_url()?.to_owned() };
        self.waiting = queue.count().await?;
        self.in_flight = queue.count_in_flight().await?;
        let dead_letters = Queue { client, url: endpoints.dead_letters_url()?.to_owned() };
        self.dead_letters = dead_letters.count().await?;
        if (1..=DEAD_LETTERS_READ_MAX).contains(&self.dead_letters) {
            self.dead_reasons = replay::reasons_of_dead_letters(context).await?;
        }
        Ok(())
    }

    async fn ask_aws(&mut self, context: &Context) -> Result<()> {
        let Some(stack) = self.stack.clone() else { return Ok(()) };
        let caller = context.caller().await?;
        self.mappings = watched::mappings(&caller, &format!("{stack}-ingest")).await?;
        self.rollup_enabled = Some(watched::is_enabled(&caller, &format!("{stack}-rollup")).await?);
        self.alarms = watched::ringing(&caller, &format!("{stack}-")).await?;
        Ok(())
    }
}
