//! Asks questions continuously while an hour is written, closed, sealed and rolled up. Each answer
//! must contain everything that was committed before its question, and nothing twice.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use minutebook_domain::time::period::Retention;
use minutebook_oracle::{Settings, recount};
use minutebook_storage::bucket::read::ObjectRef;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, Plan};
use minutebook_tests::random::Random;
use minutebook_tests::store::Store;
use tokio::time::Instant;

use crate::cast::{Cast, Props};
use crate::player::{check_sealing, count};
use crate::questions::orders::OrdersNow;
use crate::questions::{Bounds, Counted, Question};
use crate::settings::Revisions;
use crate::steps::{Setting, text_of, time_of};

/// The default number of rounds, one hour each. `MINUTEBOOK_RACES=100` changes it.
const ROUNDS: u64 = 3;
/// When a round begins and ends, in seconds before and after the end of its hour. The hour is
/// closed after ten minutes. With a slow sealer a round takes longer, but at most `AFTER_MAX`.
const BEFORE: i64 = 90;
const AFTER: i64 = 15 * 60;
const AFTER_MAX: i64 = 65 * 60;
/// The longest move of the clock, in seconds, and the real time between moves.
const MOVE_MAX: i64 = 8;
const MOVE_EVERY: Duration = Duration::from_millis(8);
/// The longest question by that clock, in seconds. A real question takes less than a second. What
/// readers rely on holds for a minute.
const QUESTION_SECONDS_MAX: i64 = 30;
/// The longest time for a chunk by that clock, in seconds. Without this limit, a slow machine would
/// count fewer chunks in the hour than a fast one.
const CHUNK_SECONDS_MAX: i64 = 60;
const SITE: &str = "shop";

/// The state of a round.
struct Round<'a> {
    props: &'a Props,
    cast: &'a Cast,
    hour_end: i64,
    /// What was uploaded, and what of it was counted.
    counted: RefCell<[Counted; 2]>,
    /// When the current question was asked.
    asked_at: Cell<Option<i64>>,
    /// When the current chunk was uploaded.
    uploaded_at: Cell<Option<i64>>,
    /// Whether the hour has left the list of open hours.
    is_sealed: Cell<bool>,
    is_over: Cell<bool>,
}

/// Indexes of `Round::counted`.
const UPLOADED: usize = 0;
const COUNTED: usize = 1;

pub(crate) async fn a_query_racing_ingest_and_sealing_never_answers_less_than_was_committed(
    cloud: Arc<Cloud>,
) -> Result<()> {
    let stores = Store::make(&cloud, "race").await?;
    let cast = Cast::new(&cloud.clients).await?;
    let mut answers = 0;
    let rounds = crate::variable("MINUTEBOOK_RACES")?.unwrap_or(ROUNDS);
    for round in 1..=rounds {
        answers += race(round, &cast, &stores).await.with_context(|| format!("round {round}"))?;
    }
    println!("{rounds} hours raced through: {answers} answers");
    Ok(())
}

async fn race(round: u64, cast: &Cast, stores: &Store) -> Result<u64> {
    let mut random = Random::of(&[round, 4]);
    let hour_end = "2026-11-21T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>()?.timestamp();
    let props = Props {
        store: stores.with_new_table(&format!("race-{round}")).await?,
        retention: Retention { minute_days: 7, hour_days: 400, day_days: 0 },
        keys_max: 0,
        seconds: AtomicI64::new(hour_end - BEFORE).into(),
    };
    for line in cast.ingests.iter().chain(&cast.sealers).chain([&cast.reader]) {
        line.proxy.set_plan(delays(random.any()));
    }
    let round = Round {
        props: &props,
        cast,
        hour_end,
        counted: RefCell::default(),
        asked_at: Cell::new(None),
        uploaded_at: Cell::new(None),
        is_sealed: Cell::new(false),
        is_over: Cell::new(false),
    };
    let [first, second, third] =
        [random.any(), random.any(), random.any()].map(|seed| Random::of(&[seed]));
    let ((), chunks, (), answers) = tokio::try_join!(
        round.move_clock(first),
        round.write(second),
        round.seal(),
        round.read(third)
    )?;

    ensure!(round.is_sealed.get(), "the hour was not rolled up while questions were asked");
    ensure!(chunks > 5 && answers > 20, "{chunks} chunks and {answers} answers are no race");
    props.store.delete_table().await?;
    Ok(answers)
}

/// Delays about one call in five.
fn delays(seed: u64) -> Plan {
    let mut random = Random::of(&[seed]);
    Box::new(move |_| {
        random.chance(20).then(|| Fault::Delay(Duration::from_millis(random.below(15))))
    })
}

impl Round<'_> {
    async fn move_clock(&self, mut random: Random) -> Result<()> {
        let is_early = |round: &Self| {
            let past = round.props.now() - round.hour_end;
            past < AFTER || (!round.is_sealed.get() && past < AFTER_MAX)
        };
        while is_early(self) {
            tokio::time::sleep(MOVE_EVERY).await;
            let next = self.props.now() + random.between(1, MOVE_MAX);
            let is_waited_for =
                [(&self.asked_at, QUESTION_SECONDS_MAX), (&self.uploaded_at, CHUNK_SECONDS_MAX)]
                    .into_iter()
                    .any(|(begun, most)| begun.get().is_some_and(|begun| next > begun + most));
            if !is_waited_for {
                self.props.seconds.store(next, Ordering::SeqCst);
            }
        }
        self.is_over.set(true);
        Ok(())
    }

    /// Uploads and counts one chunk after another.
    async fn write(&self, mut random: Random) -> Result<u64> {
        let counter = self.cast.ingests[0].ingest(self.props, 0)?;
        let mut chunks = 0;
        while !self.is_over.get() {
            let now = self.props.now();
            let mut text = String::new();
            for _ in 0..5 {
                // Mostly within the round's hour, up to its last second.
                let time = (now - random.between(0, 60)).min(self.hour_end - random.between(1, 90));
                let (item, user) = (1 + random.below(3), random.below(300));
                let time = text_of(if random.chance(80) { time } else { now });
                text += &format!(
                    "{{\"event\":\"view\",\"timestamp\":\"{time}\",\"item_id\":{item},\"user_id\":{user},\"site_id\":\"{SITE}\"}}\n"
                );
            }
            // Report each order only once, so that an answer either has it or not, whatever was
            // read earlier.
            let time = text_of((now - random.between(0, 60)).min(self.hour_end - 1));
            let value = random.below(100);
            text += &format!(
                "{{\"event\":\"OrderCreatedEvent\",\"timestamp\":\"{time}\",\"order_id\":{chunks},\"total_amount\":{value},\"site_id\":\"{SITE}\"}}\n"
            );
            text += &"\n".repeat(chunks);
            self.uploaded_at.set(Some(now));
            self.upload_and_count(
                &counter,
                &format!("{}/{chunks}.jsonl", self.props.store.table),
                text,
                now,
            )
            .await?;
            self.uploaded_at.set(None);
            chunks += 1;
        }
        Ok(chunks as u64)
    }

    async fn upload_and_count(
        &self,
        counter: &ingest::chunk::Counter,
        key: &str,
        text: String,
        now: i64,
    ) -> Result<()> {
        let settings = Settings::at(time_of(now));
        let recount = recount(text.as_bytes(), &settings)?;
        self.counted.borrow_mut()[UPLOADED].add(&recount);
        let record = self.props.store.put(key, text).await?;
        let named = &record["s3"]["object"];
        let version_id = named["versionId"].as_str().context("the bucket keeps versions")?;
        let bucket = self.props.store.bucket.clone();
        self.cast.upload_times.set(&format!("{bucket}/{key}"), version_id, time_of(now));
        let (key, version_id) = (key.to_string(), Some(version_id.to_string()));
        let object =
            ObjectRef { bucket, key, version_id, etag: named["eTag"].as_str().map(str::to_string) };
        ensure!(
            count(counter, &object).await?,
            "{object:?} was not counted, although calls were only delayed"
        );
        self.counted.borrow_mut()[COUNTED].add(&recount);
        Ok(())
    }

    async fn seal(&self) -> Result<()> {
        let sealer = self.cast.sealers[0].sealer(self.props);
        while !self.is_over.get() {
            let report = sealer.run(Instant::now() + Duration::from_secs(20)).await?;
            self.is_sealed.set(self.is_sealed.get() || report.hours_removed > 0);
            check_sealing(Ok(report))?;
            tokio::time::sleep(MOVE_EVERY).await;
        }
        Ok(())
    }

    async fn read(&self, mut random: Random) -> Result<u64> {
        let reader = self.cast.reader.reader(self.props);
        let setting = Setting {
            begin: self.hour_end,
            sites: vec![SITE],
            minute_days: 7,
            keys_max: 0,
            changes: vec![],
        };
        let mut answers = 0;
        while !self.is_over.get() {
            let question = Question::of_race(&mut random, &setting);
            self.asked_at.set(Some(self.props.now()));
            let least = self.counted.borrow()[COUNTED].clone();
            let answer = reader.ask(&question).await?.context("the table could be read")?;
            self.asked_at.set(None);
            let most = self.counted.borrow()[UPLOADED].clone();
            let past = self.props.now() - self.hour_end;
            answer
                .check(
                    &question,
                    &Bounds {
                        least,
                        most,
                        orders: OrdersNow::Growing,
                        settings: Revisions::default(),
                    },
                )
                .with_context(|| format!("{past} s after the hour"))?;
            answers += 1;
        }
        Ok(answers)
    }
}
