//! Sends the messages of objects, or those of the dead letters, to the queue again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::commands::replay::arguments::{ReplayArgs, Selection};
use crate::commands::replay::forecast::Forecast;
use crate::commands::replay::report::{Outcome, Report, report_json, report_text};
use crate::rows::ledger::{ChunkIds, Ended, Goal, Wait};
use crate::stack::context::Context;
use crate::stack::notification::{self, Notification};
use crate::stack::object_hashes::ObjectHashes;
use crate::stack::objects::{self, Object};
use crate::stack::queue::{self, HELD_MAX, Message, Queue};
use crate::terminal::escape;
use crate::terminal::progress;

/// How many objects are read, or batches of messages are sent, at once.
const CONCURRENCY: usize = 4;

pub(crate) async fn run(args: ReplayArgs, context: &Context) -> Result<()> {
    let json = args.json;
    let report = replay(&args, context).await?;
    if json {
        println!("{}", escape::json(&serde_json::to_string_pretty(&report_json(&report))?));
    } else {
        print!("{}", report_text(&report));
    }
    report.check()
}

/// Why the dead letters may be there: how many there are for each reason.
///
/// # Errors
/// The dead letters, the ledger or an object cannot be read.
pub(crate) async fn reasons_of_dead_letters(context: &Context) -> Result<BTreeMap<String, u64>> {
    let args = ReplayArgs { dead_letters: true, dry_run: true, ..ReplayArgs::default() };
    let report = replay(&args, context).await?;
    let mut reasons = BTreeMap::new();
    let of_objects = report.objects.iter().map(|(_, outcome)| outcome.reason());
    let of_letters = report.empty_letters.iter().map(|_| "no notification of an object");
    for reason in of_objects.chain(of_letters) {
        *reasons.entry(reason.to_owned()).or_default() += 1;
    }
    Ok(reasons)
}

async fn replay(args: &ReplayArgs, context: &Context) -> Result<Report> {
    let selection = args.selection()?;
    let endpoints = context.endpoints().await?;
    let s3 = context.s3().await?;
    let replay = Replay {
        region: s3.config().region().map_or_else(String::new, ToString::to_string),
        s3,
        args,
        context,
    };
    if args.dead_letters {
        replay.dead_letters(&selection).await
    } else {
        replay.bucket(&selection, endpoints.bucket()?).await
    }
}

/// What replaying objects and replaying dead letters need.
struct Replay<'a> {
    s3: aws_sdk_s3::Client,
    region: String,
    args: &'a ReplayArgs,
    context: &'a Context,
}

impl Replay<'_> {
    /// Replays objects of the bucket.
    async fn bucket(&self, selection: &Selection, bucket: &str) -> Result<Report> {
        let step = progress::bar("listing", 0);
        let mut objects = objects::list(&self.s3, bucket, &selection.prefix).await?;
        step.finish_and_clear();
        objects.retain(|object| selection.contains(object));
        // In the order of their first arrival.
        objects.sort_by(|left, right| (left.time, &left.key).cmp(&(right.time, &right.key)));
        if self.args.dry_run {
            return Ok(Report {
                dry_run: true,
                objects: Forecast::new(self.context).await?.of(objects).await?,
                ..Report::default()
            });
        }
        let queue = self.queue().await?;
        let wait = self.begin_wait(&objects).await?;
        let bodies: Vec<String> =
            objects.iter().map(|object| notification::write(object, &self.region)).collect();
        let bar = progress::bar("sending", bodies.len());
        let sent = queue.send_all(&bodies, |count| bar.inc(count)).await;
        bar.finish_and_clear();
        sent.with_context(|| again(bar.position(), bodies.len()))?;
        self.report(objects, wait).await
    }

    /// Replays dead letters.
    async fn dead_letters(&self, selection: &Selection) -> Result<Report> {
        let url = self.context.endpoints().await?.dead_letters_url()?.to_owned();
        let dead_letters = Queue { client: self.context.sqs().await?, url };
        let step = progress::bar("reading the dead letters", 0);
        let messages = dead_letters.receive_all().await?;
        step.finish_and_clear();
        let are_all = messages.len() < HELD_MAX;
        let (selected, others): (Vec<Message>, Vec<Message>) = messages
            .into_iter()
            .partition(|message| selection.contains_message(&notification::read(&message.body)));
        let outcome = self.letters(&dead_letters, &selected).await;
        if self.args.dry_run || outcome.is_err() {
            dead_letters.release(&selected).await?;
        }
        dead_letters.release(&others).await?;
        let report = Report { letters: Some((selected.len(), others.len())), ..outcome? };
        if !are_all {
            print!("{}", report_text(&report));
            bail!(
                "there are more than {HELD_MAX} dead letters, which is the limit of one run: run it \
                 again"
            );
        }
        Ok(report)
    }

    async fn letters(&self, dead_letters: &Queue, selected: &[Message]) -> Result<Report> {
        let mut objects = Vec::new();
        let mut empty_letters = Vec::new();
        for message in selected {
            match notification::read(&message.body) {
                Notification::Created(named) if !named.is_empty() => objects.extend(named),
                other => {
                    empty_letters.push((message.id.clone(), other != Notification::Unreadable))
                }
            }
        }
        if self.args.dry_run {
            let objects = Forecast::new(self.context).await?.of(objects).await?;
            return Ok(Report { dry_run: true, objects, empty_letters, ..Report::default() });
        }
        let queue = self.queue().await?;
        let mut wait = self.begin_wait(&objects).await?;
        let bar = progress::bar("sending", selected.len());
        let sendings = futures::stream::iter(queue::batches(selected, |message| &message.body))
            .map(async |batch| {
                let bodies: Vec<&str> = batch.iter().map(|message| message.body.as_str()).collect();
                queue.send(&bodies).await?;
                // A crash before this leaves them in both queues; a message that is sent twice is
                // counted once.
                dead_letters.delete(batch).await?;
                bar.inc(batch.len() as u64);
                Ok::<_, anyhow::Error>(())
            });
        let sent: Result<()> = sendings.buffer_unordered(CONCURRENCY).try_collect().await;
        bar.finish_and_clear();
        sent.with_context(|| again(bar.position(), selected.len()))?;
        if let Some(wait) = &mut wait {
            // Messages that name no object may come back as dead letters, and must not be taken for
            // chunks of this wait.
            wait.0.removed_from_dead_letters((selected.len() - empty_letters.len()) as u64);
        }
        Ok(Report { empty_letters, ..self.report(objects, wait).await? })
    }

    async fn queue(&self) -> Result<Queue> {
        let url = self.context.endpoints().await?.queue_url()?.to_owned();
        Ok(Queue { client: self.context.sqs().await?, url })
    }

    /// With `--wait`, hashes the objects, and notes which are already counted. Returns the wait for
    /// the different chunks, and for each object the index of its chunk in the wait; `None` for an
    /// object that was deleted or replaced.
    async fn begin_wait(&self, objects: &[Object]) -> Result<Option<(Wait, Vec<Option<usize>>)>> {
        if !self.args.wait {
            return Ok(None);
        }
        let bar = progress::bar("reading", objects.len());
        let reads = futures::stream::iter(objects).map(async |object| {
            let hashes = object.hashes(&self.s3).await?;
            bar.inc(1);
            Ok::<_, anyhow::Error>(hashes)
        });
        let hashes: Vec<Option<ObjectHashes>> = reads.buffered(CONCURRENCY).try_collect().await?;
        bar.finish_and_clear();
        let mut chunk_ids: Vec<ChunkIds> = Vec::new();
        let mut numbers = HashMap::new();
        let mut chunks = Vec::new();
        for (object, hashes) in objects.iter().zip(hashes) {
            let chunk = hashes.map(|hashes| {
                let ids = ChunkIds::new(&object.bucket, &object.key, &hashes);
                *numbers.entry(ids.counted.clone()).or_insert_with(|| {
                    chunk_ids.push(ids);
                    chunk_ids.len() - 1
                })
            });
            chunks.push(chunk);
        }
        Ok(Some((Wait::begin(self.context, Goal::Counted, chunk_ids).await?, chunks)))
    }

    /// The report, after the wait if there is one.
    async fn report(
        &self,
        objects: Vec<Object>,
        wait: Option<(Wait, Vec<Option<usize>>)>,
    ) -> Result<Report> {
        let Some((wait, chunks)) = wait else {
            let objects = objects.into_iter().map(|object| (object, Outcome::Sent)).collect();
            return Ok(Report { objects, ..Report::default() });
        };
        let waited = wait.end(Duration::from_secs(self.args.timeout)).await?;
        let mut report = Report { gave_up: waited.gave_up, ..Report::default() };
        let mut seen = HashSet::new();
        for (object, chunk) in objects.into_iter().zip(chunks) {
            let outcome = match chunk.map(|chunk| (&waited.chunks[chunk], seen.insert(chunk))) {
                None => Outcome::Gone,
                Some((None, _)) => Outcome::NotCounted,
                Some((Some(ended), is_first)) => outcome_of(ended, is_first),
            };
            report.objects.push((object, outcome));
        }
        Ok(report)
    }
}

/// What became of an object; `is_first` if none before it is the same chunk.
fn outcome_of(ended: &Ended, is_first: bool) -> Outcome {
    match ended {
        Ended::Counted(counted) if counted.already_counted => Outcome::AlreadyCounted,
        Ended::Refused { already_refused: true, .. } => Outcome::AlreadyRefused,
        Ended::CountedElsewhere => Outcome::SameBytes,
        _ if !is_first => Outcome::SameBytes,
        Ended::Counted(counted) => Outcome::Counted(counted.counts.clone()),
        Ended::Refused { refusal, .. } => Outcome::Refused(refusal.because.clone()),
    }
}

/// What to do after an error while sending.
fn again(sent: u64, count: usize) -> String {
    format!("{sent} of {count} messages sent; run it again, nothing is counted twice")
}
