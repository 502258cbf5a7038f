//! Plays one history, and checks it as it goes and at its end.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::future::{LocalBoxFuture, join_all};
use ingest::chunk::{CountError, Counter, Ending};
use minutebook_domain::time::period::Retention;
use minutebook_oracle::{Recount, Settings, recount};
use minutebook_storage::bucket::read::ObjectRef;
use minutebook_storage::error::StorageError;
use minutebook_tests::faults::{Call, Fault, Plan, seeded};
use minutebook_tests::random::Random;
use minutebook_tests::store::Store;
use rollup::sealer::{Report, SealError};
use tokio::time::Instant;

use crate::book::{Book, ChunkFacts, Terms};
use crate::cast::{Cast, Line, Props};
use crate::questions::{Bounds, Question};
use crate::steps::{self, Setting, Stalled, Step, Work, time_of};

/// How long a worker may work on something, in real time.
const WORK_TIME: Duration = Duration::from_secs(20);
/// For how many days rows of hours are kept, unless those of minutes are kept for ever. Days, weeks
/// and months are.
const HOUR_DAYS: u32 = 400;
/// How long sealing waits between its steps, in seconds, and a little more.
const SETTLE_TIME: i64 = 61;
/// How often the sealers may run at the end of a history until nothing is open.
const LAST_RUNS_MAX: usize = 40;
const LAST_DELIVERIES_MAX: usize = 10;
const HOUR: i64 = 3_600;

/// What a history came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Its steps.
    pub(crate) steps: u64,
    /// The faults that were made.
    pub(crate) faults: u64,
    /// What was checked: a question, an audit, one of the checks at the end.
    pub(crate) checks: u64,
}

/// An object that was uploaded, perhaps several times.
struct Chunk {
    object: String,
    text: String,
    versions: Vec<ObjectRef>,
    facts: ChunkFacts,
    is_counted: bool,
}

/// Who is held up.
struct Held {
    chunk: Option<usize>,
    /// What it is about. It gets no time as long as it is held up, like a function that is frozen.
    task: LocalBoxFuture<'static, Result<bool>>,
}

struct Player<'a> {
    seed: u64,
    cast: &'a Cast,
    props: Props,
    setting: Setting,
    chunks: Vec<Chunk>,
    /// The processes of the two ingests, which remember what they listed.
    ingests: [Counter; 2],
    held: Option<Held>,
    tally: Tally,
}

/// Plays the history of a seed.
///
/// # Errors
///
/// What is wrong, with the step at which it showed.
pub(crate) async fn play(seed: u64, cast: &Cast, stores: &Store, tally: &mut Tally) -> Result<()> {
    let (setting, steps) = steps::history(seed);
    let hour_days = if setting.minute_days == 0 { 0 } else { HOUR_DAYS };
    let retention = Retention { minute_days: setting.minute_days, hour_days, day_days: 0 };
    let store = stores.with_new_table(&format!("history-{seed}")).await?;
    let props = Props { store, retention, seconds: AtomicI64::new(setting.begin).into() };
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
    tally.steps += player.tally.steps;
    tally.faults += player.tally.faults;
    tally.checks += player.tally.checks;
    player.props.store.delete_table().await?;
    played
}

/// How many seconds the clock of the second ingest is ahead of all others: clocks differ a little.
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
                self.props.seconds.fetch_add(*seconds, Ordering::SeqCst);
                Ok(())
            }
            Step::Work(work) => self.work(work).await,
            Step::Stall { worker, operation, number } => {
                self.stall(*worker, operation, *number).await
            }
            Step::Wake => self.wake().await,
            Step::Audit => self.audit().await,
            Step::Expire { seed } => self.expire(*seed).await,
        }
    }

    async fn upload(&mut self, text: &str) -> Result<()> {
        let object = format!("{}/{}.jsonl", self.seed, self.chunks.len());
        let recount = self.recount(text)?;
        let id = format!("{}/{object}#{}", self.props.store.bucket, recount.content_hash);
        let facts = ChunkFacts { id, recount };
        let text = text.to_string();
        let mut chunk = Chunk { object, text, versions: vec![], facts, is_counted: false };
        self.put(&mut chunk).await?;
        self.chunks.push(chunk);
        Ok(())
    }

    /// Uploads the same bytes again, unless they would count otherwise at another time: then the
    /// numbers would depend on which of the two was read first.
    async fn upload_again(&mut self, number: usize) -> Result<()> {
        let recount = self.recount(&self.chunks[number].text)?;
        if recount == self.chunks[number].facts.recount {
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

    fn recount(&self, text: &str) -> Result<Recount> {
        let settings = Settings {
            reference_time: time_of(self.props.now()),
            default_currency: "USD".to_string(),
        };
        Ok(recount(text.as_bytes(), &settings)?)
    }

    async fn work(&mut self, work: &Work) -> Result<()> {
        let mut random = Random::of(&[work.fault_seed]);
        let (ingests, sealers) = (&self.cast.ingests, &self.cast.sealers);
        for line in ingests.iter().chain(sealers).chain([&self.cast.reader]) {
            line.proxy.set_plan(seeded(random.any(), work.faults_of_1000));
        }
        let counted = Mutex::new(BTreeSet::new());
        let bounds = self.bounds();
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
        let questions = self.ask(&self.cast.reader, &work.questions, &bounds);
        let (first, second, seals, asked) =
            tokio::join!(deliveries(0), deliveries(1), seals, questions);
        let are_killed = [first.is_none(), second.is_none()];
        let outcomes = [first, second].into_iter().flatten().flatten().chain(seals);
        for outcome in outcomes {
            outcome?;
        }
        self.cast.is_quiet().await;
        self.count_faults();
        self.tally.checks += asked?;
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

    /// The version that a notification names: whichever, if the chunk was uploaded several times.
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

    async fn ask(&self, line: &Line, questions: &[Question], bounds: &Bounds) -> Result<u64> {
        let reader = line.reader(&self.props);
        let mut checks = 0;
        for question in questions {
            let asked = line.proxy.run_victim(reader.ask(question)).await;
            if let Some(answer) = asked.transpose()?.flatten() {
                answer.check(question, bounds)?;
                checks += 1;
            }
        }
        Ok(checks)
    }

    fn bounds(&self) -> Bounds {
        let least = self.chunks.iter().filter(|chunk| chunk.is_counted);
        let [least, most] = [least.collect::<Vec<_>>(), self.chunks.iter().collect()]
            .map(|chunks| chunks.into_iter().map(|chunk| &chunk.facts.recount).collect());
        Bounds { least, most }
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
            // It never made that call.
            ended = &mut task => self.note(chunk, ended?),
        }
        Ok(())
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
        Ok(())
    }

    fn note(&mut self, chunk: Option<usize>, is_counted: bool) {
        if let Some(chunk) = chunk.filter(|_| is_counted) {
            self.chunks[chunk].is_counted = true;
        }
    }

    async fn audit(&mut self) -> Result<()> {
        let book = Book::read(&self.props.store).await?;
        book.check_not_above(&self.facts(), self.terms())?;
        book.check_totals(&self.facts(), false)?;
        self.tally.checks += 2;
        if !book.has_unfinished_chunks()? {
            book.check_hours(self.terms())?;
            self.tally.checks += 1;
        }
        Ok(())
    }

    /// Deletes some of the rows whose time has passed, as the table does within days.
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

    /// Without any more faults, everything is counted and every hour sealed; then all must hold.
    async fn end(&mut self) -> Result<()> {
        self.wake().await?;
        for line in self.cast.ingests.iter().chain(&self.cast.sealers).chain([&self.cast.reader]) {
            line.proxy.set_plan(no_faults());
        }
        let mut deliveries = 0;
        while let Some(number) = self.chunks.iter().position(|chunk| !chunk.is_counted) {
            deliveries += 1;
            ensure!(
                deliveries <= self.chunks.len() * LAST_DELIVERIES_MAX,
                "chunk {number} cannot be counted"
            );
            let is_counted = count(&self.ingests[0], self.version(number, 0)).await?;
            self.note(Some(number), is_counted);
        }
        self.seal_to_the_end().await?;
        let book = self.check_all().await?;

        // All of it once more.
        let counter = self.cast.ingests[1].ingest(&self.props, 0)?;
        for version in self.chunks.iter().flat_map(|chunk| &chunk.versions) {
            count(&counter, version).await?;
        }
        for line in &self.cast.sealers {
            self.seal(line).await?;
        }
        let changes = book.first_changes(&Book::read(&self.props.store).await?);
        ensure!(
            changes.is_empty(),
            "replaying all of it changed the table:\n    {}",
            changes.join("\n    ")
        );
        self.tally.checks += 1;
        Ok(())
    }

    async fn seal_to_the_end(&mut self) -> Result<()> {
        for _ in 0..LAST_RUNS_MAX {
            self.seal(&self.cast.sealers[0]).await?;
            let open_hours = self.props.store.rows_of("OPEN").await?;
            let Some(oldest) = open_hours.first() else {
                return Ok(());
            };
            let (hour, _) = oldest.split_once('#').context("an open hour has a site")?;
            let start =
                format!("{hour}:00:00Z").parse::<chrono::DateTime<chrono::Utc>>()?.timestamp();
            let closed = start + HOUR + 10 * 60;
            let next = closed.max(self.props.now() + SETTLE_TIME);
            self.props.seconds.store(next, Ordering::SeqCst);
        }
        bail!("hours stay open, however often they are sealed")
    }

    async fn check_all(&mut self) -> Result<Book> {
        let book = Book::read(&self.props.store).await?;
        let (facts, terms) = (self.facts(), self.terms());
        book.check_equal(&facts, terms)?;
        // An hour is settled a minute after its closing.
        book.check_hours(terms)?;
        book.check_lines(&facts)?;
        book.check_totals(&facts, true)?;
        ensure!(!book.has_unfinished_chunks()?, "chunks are counted in part");
        self.tally.checks += 5;
        let bounds = self.bounds();
        let questions = Question::last(&mut Random::of(&[self.seed, 3]), &self.setting);
        self.tally.checks += self.ask(&self.cast.reader, &questions, &bounds).await?;
        Ok(book)
    }

    fn facts(&self) -> Vec<ChunkFacts> {
        self.chunks.iter().map(|chunk| chunk.facts.clone()).collect()
    }

    fn terms(&self) -> Terms {
        let Retention { minute_days, hour_days, day_days } = self.props.retention;
        Terms { now: self.props.now(), days: [minute_days, hour_days, day_days] }
    }

    /// Adds the faults that were made since the plans were set.
    fn count_faults(&mut self) {
        for line in self.cast.ingests.iter().chain(&self.cast.sealers).chain([&self.cast.reader]) {
            self.tally.faults += line.proxy.faults_made().len() as u64;
            line.proxy.set_plan(no_faults());
        }
    }
}

/// Counts a chunk: `false` if it is to be delivered again.
///
/// # Errors
///
/// What no fault that passes can be the cause of.
pub(crate) async fn count(counter: &Counter, object: &ObjectRef) -> Result<bool> {
    match counter.count(object, Instant::now() + WORK_TIME).await {
        Ok(report) => match report.ending {
            Ending::Counted | Ending::Duplicate => Ok(true),
            Ending::Gone | Ending::Replaced => bail!("{object:?} ended as {:?}", report.ending),
        },
        Err(
            CountError::Storage(StorageError::Unavailable { .. }) | CountError::ReadTooOften { .. },
        ) => Ok(false),
        Err(CountError::OutOfTime) => Ok(false),
        Err(error) => Err(error).with_context(|| format!("{object:?}")),
    }
}

/// Whether a run of a sealer met nothing but what passes.
pub(crate) fn check_sealing(ended: Result<Report, StorageError>) -> Result<()> {
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

/// What happens in the history of a seed, for the report of a failure.
pub(crate) fn script(seed: u64) -> String {
    let (setting, steps) = steps::history(seed);
    let Setting { begin, sites, minute_days } = setting;
    let mut script = format!(
        "begins at {}, sites {sites:?}, minutes are kept for {minute_days} days\n",
        steps::text_of(begin)
    );
    for (number, step) in steps.iter().enumerate() {
        script.push_str(&format!("    {number:2} {step}\n"));
    }
    script
}
