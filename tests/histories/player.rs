//! Plays one history, and checks it along the way and at its end.

mod checks;
mod ledger;
mod recount;

use std::collections::BTreeSet;
use std::ops::AddAssign;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::future::{LocalBoxFuture, join_all};
use ingest::chunk::{CountError, Counter};
use ingest::recount::CountedChunk;
use ingest::report::{Ending, Report};
use minutebook_domain::time::period::Retention;
use minutebook_oracle::{Recount, Settings, recount};
use minutebook_storage::bucket::read::ObjectRef;
use minutebook_storage::error::StorageError;
use minutebook_tests::faults::{Call, Fault, Plan, seeded};
use minutebook_tests::random::Random;
use minutebook_tests::store::Store;
use rollup::sealer::{Report as SealReport, SealError};
use tokio::time::Instant;

use self::checks::check_answers;
use crate::book::{Book, ChunkFacts};
use crate::cast::{Cast, Line, Props};
use crate::questions::orders::OrdersNow;
use crate::questions::{Answer, Bounds, Question};
use crate::settings::Revisions;
use crate::steps::{self, Setting, Stalled, Step, Work, time_of};

/// The time limit of one task of a worker, in real time.
const WORK_TIME: Duration = Duration::from_secs(90);
/// The retention of hour rows in days, unless minutes are kept forever. Days, weeks and months are
/// always kept forever.
const HOUR_DAYS: u32 = 400;
const HOUR: i64 = 3_600;
/// Within how many milliseconds of the beginning of concurrent work the settings change, in real
/// time.
const CHANGED_AFTER_MAX: u64 = 60;

/// The statistics of a history.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// The number of steps.
    pub(crate) steps: u64,
    /// The number of reported orders.
    pub(crate) orders: u64,
    /// The number of chunks with more names than are kept.
    pub(crate) cut_chunks: u64,
    /// The number of steps that recounts of visitors took.
    pub(crate) recount_steps: u64,
    /// The number of changes of settings, and of those that were made while some chunk or hour was
    /// counted in part.
    pub(crate) changes: [u64; 2],
    /// The number of injected faults.
    pub(crate) faults: u64,
    /// The number of checks: answers, audits, and the checks at the end.
    pub(crate) checks: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.steps += other.steps;
        self.orders += other.orders;
        self.cut_chunks += other.cut_chunks;
        self.recount_steps += other.recount_steps;
        for (changes, other) in self.changes.iter_mut().zip(other.changes) {
            *changes += other;
        }
        self.faults += other.faults;
        self.checks += other.checks;
    }
}

/// An uploaded object, perhaps with several versions.
struct Chunk {
    object: String,
    text: String,
    versions: Vec<ObjectRef>,
    /// When it was uploaded first, in seconds since 1970.
    uploaded_at: i64,
    /// What it has by what the ledger recorded; while nobody has begun it, by the settings of its
    /// upload.
    facts: ChunkFacts,
    /// Whether somebody has begun it.
    is_begun: bool,
    /// The revisions of the settings that the attempts to begin it found. Whoever died before the
    /// first ledger entry may have left visitors by the settings that it found.
    revisions_tried: BTreeSet<usize>,
    is_counted: bool,
}

/// A stalled worker.
struct Held {
    chunk: Option<usize>,
    /// Its work. While the worker is stalled the task is not polled, like a frozen function.
    task: LocalBoxFuture<'static, Result<bool>>,
}

struct Player<'a> {
    seed: u64,
    cast: &'a Cast,
    props: Props,
    setting: Setting,
    chunks: Vec<Chunk>,
    /// The two ingest processes, which remember the hours that they have listed as open.
    ingests: [Counter; 2],
    held: Option<Held>,
    settings: Revisions,
    /// When the state of visitors changed, in seconds since 1970.
    state_changed_at: i64,
    tally: Tally,
}

/// Plays the history of a seed.
///
/// # Errors
/// A check fails; the error names the step.
pub(crate) async fn play(seed: u64, cast: &Cast, stores: &Store, tally: &mut Tally) -> Result<()> {
    let (setting, steps) = steps::history(seed);
    let hour_days = if setting.minute_days == 0 { 0 } else { HOUR_DAYS };
    let retention = Retention { minute_days: setting.minute_days, hour_days, day_days: 0 };
    let store = stores.with_new_table(&format!("history-{seed}")).await?;
    let props = Props {
        store,
        retention,
        keys_max: setting.keys_max,
        seconds: AtomicI64::new(setting.begin).into(),
    };
    let ingests =
        [cast.ingests[0].ingest(&props, 0)?, cast.ingests[1].ingest(&props, ahead(seed))?];
    let mut player = Player {
        seed,
        cast,
        props,
        setting,
        chunks: vec![],
        ingests,
        held: None,
        settings: Revisions::default(),
        state_changed_at: 0,
        tally: Tally::default(),
    };
    let mut played = Ok(());
    for (number, step) in steps.iter().enumerate() {
        player.tally.steps += 1;
        played = player.take(step).await.with_context(|| format!("in step {number}: {step}"));
        if played.is_err() {
            break;
        }
    }
    if played.is_ok() {
        played = player.end().await.context("at the end");
    }
    player.count_faults();
    player.tally.orders = Book::count_reported(&player.facts());
    player.tally.cut_chunks = player.count_cut_chunks();
    *tally += player.tally;
    player.props.store.delete_table().await?;
    played
}

/// How many seconds the clock of the second ingest is ahead of the others, until it is first
/// killed. It may be negative.
fn ahead(seed: u64) -> i64 {
    Random::of(&[seed, 2]).between(-3, 3)
}

fn no_faults() -> Plan {
    Box::new(|_: &Call| None)
}

impl Player<'_> {
    async fn take(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Upload { text } => self.upload(text).await,
            Step::UploadAgain { chunk } => self.upload_again(*chunk).await,
            Step::Pass { seconds, .. } => {
                self.pass(*seconds);
                Ok(())
            }
            Step::Work(work) => self.work(work).await,
            Step::Stall { worker, operation, number } => {
                self.stall(*worker, operation, *number).await
            }
            Step::Wake => self.wake().await,
            Step::Audit { questions } => self.audit(questions).await,
            Step::Expire { seed } => self.expire(*seed).await,
            Step::Set(change) => self.set(change).await,
            Step::RecountVisitors => self.recount_visitors().await,
        }
    }

    fn pass(&self, seconds: i64) {
        self.props.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn upload(&mut self, text: &str) -> Result<()> {
        let object = format!("{}/{}.jsonl", self.seed, self.chunks.len());
        let uploaded_at = self.props.now();
        let recount = self.recount(text, uploaded_at, self.settings.newest())?;
        let id = format!("{}/{object}#{}", self.props.store.bucket, recount.content_hash);
        let facts = ChunkFacts { id, recount };
        let text = text.to_string();
        let mut chunk = Chunk {
            object,
            text,
            versions: vec![],
            uploaded_at,
            facts,
            is_begun: false,
            revisions_tried: BTreeSet::new(),
            is_counted: false,
        };
        self.put(&mut chunk).await?;
        self.chunks.push(chunk);
        Ok(())
    }

    /// Uploads the same bytes again, unless they would now be counted differently. In that case the
    /// result would depend on which upload is read first.
    async fn upload_again(&mut self, number: usize) -> Result<()> {
        let Chunk { text, uploaded_at, .. } = &self.chunks[number];
        let mut is_counted_alike = true;
        for revision in 0..=self.settings.newest() {
            let [before, now] = [*uploaded_at, self.props.now()]
                .map(|uploaded_at| self.recount(text, uploaded_at, revision));
            is_counted_alike &= before? == now?;
        }
        if is_counted_alike {
            let mut chunk = self.chunks.remove(number);
            let put = self.put(&mut chunk).await;
            self.chunks.insert(number, chunk);
            put?;
        }
        Ok(())
    }

    async fn put(&self, chunk: &mut Chunk) -> Result<()> {
        let record = self.props.store.put(&chunk.object, chunk.text.clone()).await?;
        let named = &record["s3"]["object"];
        let version_id = named["versionId"].as_str().context("the bucket keeps versions")?;
        let bucket = self.props.store.bucket.clone();
        self.cast.upload_times.set(
            &format!("{bucket}/{}", chunk.object),
            version_id,
            time_of(self.props.now()),
        );
        chunk.versions.push(ObjectRef {
            bucket,
            key: chunk.object.clone(),
            version_id: Some(version_id.to_string()),
            etag: named["eTag"].as_str().map(str::to_string),
        });
        Ok(())
    }

    /// What a chunk has that was uploaded then, by the settings as of a revision.
    fn recount(&self, text: &str, uploaded_at: i64, revision: usize) -> Result<Recount> {
        let sites = self.settings.reading_as_of(revision)?;
        let settings = Settings { sites, ..Settings::at(time_of(uploaded_at)) };
        Ok(recount(text.as_bytes(), &settings)?.with_names_max(self.setting.keys_max))
    }

    async fn work(&mut self, work: &Work) -> Result<()> {
        let mut random = Random::of(&[work.fault_seed]);
        let (ingests, sealers) = (&self.cast.ingests, &self.cast.sealers);
        for line in ingests.iter().chain(sealers).chain([&self.cast.reader]) {
            line.proxy.set_plan(seeded(random.any(), work.faults_of_1000));
        }
        let counted = Mutex::new(BTreeSet::new());
        // What is certainly counted before the questions. What may be counted follows from the
        // ledger afterwards.
        let least = self.least();
        let revisions_before = self.settings.newest();
        let deliveries = |place: usize| {
            let (line, counter, chunks) =
                (&ingests[place], &self.ingests[place], &work.deliveries[place]);
            let (counted, player) = (&counted, &*self);
            let all = chunks.iter().map(move |number| async move {
                if count(counter, player.version(*number, place)).await? {
                    counted.lock().map_err(|_| anyhow::anyhow!("a panic"))?.insert(*number);
                }
                Ok::<(), anyhow::Error>(())
            });
            line.proxy.run_victim(join_all(all))
        };
        let seals = join_all((0..work.sealers).map(|place| self.seal(&sealers[place])));
        let questions = self.ask(&self.cast.reader, &work.questions);
        let change = async {
            let Some(change) = &work.change else { return Ok(None) };
            tokio::time::sleep(Duration::from_millis(work.fault_seed % CHANGED_AFTER_MAX)).await;
            change.make(&self.props.store, revisions_before + 1, self.props.now()).await.map(Some)
        };
        let (first, second, seals, asked, changed) =
            tokio::join!(deliveries(0), deliveries(1), seals, questions, change);
        let are_killed = [first.is_none(), second.is_none()];
        let outcomes = [first, second].into_iter().flatten().flatten().chain(seals);
        for outcome in outcomes {
            outcome?;
        }
        self.cast.is_quiet().await;
        self.count_faults();
        let mut answers = asked?;
        if let Some(revision) = changed? {
            // A question about the past may have read the quarters before they were decided.
            answers.retain(|(question, _)| !revision.is_of_past(question.site()));
            self.settings.push(revision);
            self.tally.changes[0] += 1;
        }
        for number in work.deliveries.iter().flatten() {
            let found = revisions_before..=self.settings.newest();
            self.chunks[*number].note_attempt(found);
        }
        self.read_ledger().await?;
        let bounds = Bounds { least, ..self.bounds(OrdersNow::Changing)? };
        self.tally.checks += check_answers(&answers, &bounds)?;
        for number in counted.into_inner().map_err(|_| anyhow::anyhow!("a panic"))? {
            self.chunks[number].is_counted = true;
        }
        for (place, is_killed) in are_killed.into_iter().enumerate() {
            if is_killed {
                self.ingests[place] = ingests[place].ingest(&self.props, 0)?;
            }
        }
        Ok(())
    }

    /// The version that a notification names. If the chunk was uploaded several times, `place`
    /// selects one.
    fn version(&self, number: usize, place: usize) -> &ObjectRef {
        let versions = &self.chunks[number].versions;
        &versions[place % versions.len()]
    }

    async fn seal(&self, line: &Line) -> Result<()> {
        let sealer = line.sealer(&self.props);
        match line.proxy.run_victim(sealer.run(Instant::now() + WORK_TIME)).await {
            None => Ok(()),
            Some(ended) => check_sealing(ended),
        }
    }

    /// Asks questions, and returns the answers that there are.
    async fn ask(&self, line: &Line, questions: &[Question]) -> Result<Vec<(Question, Answer)>> {
        let reader = line.reader(&self.props);
        let mut answers = vec![];
        for question in questions {
            let asked = line.proxy.run_victim(reader.ask(question)).await;
            if let Some(answer) = asked.transpose()?.flatten() {
                answers.push((question.clone(), answer));
            }
        }
        Ok(answers)
    }

    async fn stall(
        &mut self,
        worker: Stalled,
        operation: &'static str,
        number: usize,
    ) -> Result<()> {
        let line = &self.cast.stalled;
        line.proxy.set_plan(Box::new(move |call| {
            (call.operation == operation && call.number == number).then_some(Fault::Hold)
        }));
        let (chunk, mut task): (_, LocalBoxFuture<'static, _>) = match worker {
            Stalled::Ingest { chunk } => {
                let newest = self.settings.newest();
                self.chunks[chunk].note_attempt(newest..=newest);
                let counter = line.ingest(&self.props, 0)?;
                let object = self.version(chunk, 0).clone();
                (Some(chunk), Box::pin(async move { count(&counter, &object).await }))
            }
            Stalled::Sealer => {
                let sealer = line.sealer(&self.props);
                let run = async move {
                    check_sealing(sealer.run(Instant::now() + WORK_TIME).await).map(|()| true)
                };
                (None, Box::pin(run))
            }
        };
        tokio::select! {
            () = line.proxy.is_holding() => self.held = Some(Held { chunk, task }),
            // The worker ended without making that call.
            ended = &mut task => self.note(chunk, ended?),
        }
        self.read_ledger().await
    }

    async fn wake(&mut self) -> Result<()> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        self.cast.stalled.proxy.set_plan(no_faults());
        self.cast.stalled.proxy.release();
        self.tally.faults += 1;
        let is_done = held.task.await?;
        self.note(held.chunk, is_done);
        self.cast.is_quiet().await;
        self.read_ledger().await
    }

    fn note(&mut self, chunk: Option<usize>, is_counted: bool) {
        if let Some(chunk) = chunk.filter(|_| is_counted) {
            self.chunks[chunk].is_counted = true;
        }
    }

    /// Deletes some of the expired rows, as DynamoDB does within days.
    async fn expire(&mut self, seed: u64) -> Result<()> {
        let mut random = Random::of(&[seed]);
        let book = Book::read(&self.props.store).await?;
        for (pk, sk) in book.expired(self.props.now()) {
            if random.chance(50) {
                self.props.store.delete_row(pk, sk).await?;
            }
        }
        Ok(())
    }

    /// Adds the faults that were injected since the plans were set, and removes the plans.
    fn count_faults(&mut self) {
        for line in self.cast.ingests.iter().chain(&self.cast.sealers).chain([&self.cast.reader]) {
            self.tally.faults += line.proxy.faults_made().len() as u64;
            line.proxy.set_plan(no_faults());
        }
    }
}

/// Counts a chunk, and its visitors with the secrets that its entry lacks. Returns `false` if it
/// must be delivered again.
///
/// # Errors
/// An error occurs that no temporary fault can cause.
pub(crate) async fn count(counter: &Counter, object: &ObjectRef) -> Result<bool> {
    let deadline = Instant::now() + WORK_TIME;
    let counted = async {
        let Report { ending, chunk, visitors, .. } = counter.count(object, deadline).await?;
        let (Ending::Counted | Ending::Duplicate, Some(chunk), Some(visitors)) =
            (ending, chunk, visitors)
        else {
            return Ok(Some(ending));
        };
        // As at the end of a batch.
        let (table, now) = (&counter.committer.table, counter.clock.now());
        let state = counter.secrets.state_of_now(table, now).await.map_err(CountError::Storage)?;
        let counted = CountedChunk { object: object.clone(), chunk, visitors };
        counter.complete_visitors(&counted, state, deadline).await?;
        Ok(None)
    };
    match counted.await {
        Ok(None) => Ok(true),
        Ok(Some(ending)) => bail!("{object:?} ended as {ending:?}"),
        Err(
            CountError::Storage(StorageError::Unavailable { .. }) | CountError::ReadTooOften { .. },
        ) => Ok(false),
        Err(CountError::OutOfTime { .. }) => Ok(false),
        Err(error) => Err(error).with_context(|| format!("{object:?}")),
    }
}

/// Checks that a sealer's run had no unexpected errors.
pub(crate) fn check_sealing(ended: Result<SealReport, StorageError>) -> Result<()> {
    let report = match ended {
        Ok(report) => report,
        Err(StorageError::Unavailable { .. }) => return Ok(()),
        Err(error) => return Err(error).context("the open hours"),
    };
    for failure in report.failures {
        match failure.error {
            SealError::Storage(StorageError::Unavailable { .. })
            | SealError::ExpiresSoon { .. } => {}
            _ => bail!("{failure}"),
        }
    }
    Ok(())
}

/// Describes the history of a seed, for failure reports.
pub(crate) fn script(seed: u64) -> String {
    let (setting, steps) = steps::history(seed);
    let Setting { begin, sites, minute_days, keys_max, .. } = setting;
    let mut script = format!(
        "begins at {}, sites {sites:?}, minutes are kept for {minute_days} days, {keys_max} names\n",
        steps::text_of(begin)
    );
    for (number, step) in steps.iter().enumerate() {
        script.push_str(&format!("    {number:2} {step}\n"));
    }
    script
}
