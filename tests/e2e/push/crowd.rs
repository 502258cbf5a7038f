//! Many viewers at once, of whom some are killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::*;
use crate::push::socket::Socket;

crate::tests![a_crowd_of_several_questions_is_sent_what_it_would_be_given];

const SITE: &str = "push-crowd";

/// What the viewers ask, in turn.
const QUESTIONS: [&str; 5] = [
    "site_id=push-crowd&window=5m&limit=5",
    "site_id=push-crowd&window=1h&limit=20",
    "site_id=push-crowd&window=1h&limit=20&currency=EUR",
    "site_id=push-crowd&window=30m&limit=1",
    "site_id=push-elsewhere&window=5m",
];
/// How many there are unless `MINUTEBOOK_VIEWERS` says otherwise: 200 keep the emulator, which does
/// everything on one core, busy for minutes beside other tests.
const VIEWERS: usize = 40;
/// Every fifth viewer is killed in the middle of the burst.
const KILLED_EVERY: usize = 5;
/// A burst: files, and orders in each.
const FILES: usize = 5;
const ORDERS: usize = 5;
/// How long after the last commit its news may take, on a machine as busy as it may be.
const BEHIND_MAX: Duration = Duration::from_secs(120);
/// A push ends after three seconds. Whoever was not sent its message by then gets that of the next
/// commit, which comes after so long.
const NEXT_COMMIT: Duration = Duration::from_secs(10);
/// The time that the issue allows; how many messages took longer is printed.
const BEHIND_WANTED_MS: i64 = 5_000;

/// The number of viewers. `MINUTEBOOK_VIEWERS=200` is the long run.
#[expect(clippy::disallowed_methods, reason = "a longer run is configured by the environment")]
fn viewers_wanted() -> usize {
    let wanted = std::env::var("MINUTEBOOK_VIEWERS").ok().and_then(|it| it.parse().ok());
    wanted.unwrap_or(VIEWERS)
}

/// What a viewer has been sent.
#[derive(Debug, Default)]
struct Seen {
    last: Value,
    /// The commit that the last message tells of.
    told: Option<DateTime<Utc>>,
    /// How old the newest commit was when each message came, in milliseconds.
    ages_ms: Vec<i64>,
    is_out_of_order: bool,
}

/// A viewer: what it asks and has seen, and what reads its socket.
struct Viewer {
    question: &'static str,
    seen: Arc<std::sync::Mutex<Seen>>,
    reader: JoinHandle<Result<()>>,
}

impl Viewer {
    async fn connect(cloud: &Cloud, question: &'static str) -> Result<Viewer> {
        let mut socket = Socket::open(&live_url(cloud, question).await?).await?;
        let first = socket.get().await?;
        ensure!(first["type"] == "realtime", "{first}");
        let seen = Arc::new(std::sync::Mutex::new(Seen { last: first, ..Seen::default() }));
        let shared = seen.clone();
        let reader = tokio::spawn(async move {
            loop {
                // A viewer of the other site waits for ever.
                let message = match tokio::time::timeout(BEHIND_MAX * 5, socket.next()).await {
                    Ok(Ok(Some(message))) => message,
                    _ => return Ok(()),
                };
                let Some(told) = message["committed_at"].as_str() else { continue };
                let told: DateTime<Utc> = told.parse()?;
                let mut seen = shared.lock().expect("no reader panics");
                seen.ages_ms.push((now()? - told).num_milliseconds());
                let computed = |message: &Value| message["computed_at"].to_string();
                seen.is_out_of_order |= computed(&message) < computed(&seen.last);
                seen.told = seen.told.max(Some(told));
                seen.last = message;
            }
        });
        Ok(Viewer { question, seen, reader })
    }

    fn told(&self) -> Option<DateTime<Utc>> {
        self.seen.lock().expect("no reader panics").told
    }
}

/// Puts a burst of files, and returns how long it took to count them and the newest commit.
async fn burst(store: &Store, site: &str, name: &str) -> Result<(Duration, DateTime<Utc>)> {
    let begun = Instant::now();
    let files = (0..FILES).map(|file| async move {
        let orders = (0..ORDERS).map(|order| purchase(site, &format!("{name}-{file}-{order}"), 10));
        let text = orders.collect::<Result<String>>()?;
        count(store, &format!("{site}/{name}-{file}.jsonl"), text).await
    });
    let commits: Vec<DateTime<Utc>> = stream::iter(files).buffer_unordered(4).try_collect().await?;
    Ok((begun.elapsed(), commits.into_iter().max().context("a burst has files")?))
}

/// How long `ingest` itself took for each file of a site, in milliseconds, as its log says.
async fn ingest_ms(cloud: &Cloud, site: &str) -> Vec<u64> {
    let log = cloud.log().await.unwrap_or_default();
    let of_site = log.lines().filter(|line| line.contains(&format!("{site}/")));
    let duration = |line: &str| {
        let (_, rest) = line.split_once("\"duration_ms\":")?;
        rest.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok()
    };
    let mut all: Vec<u64> = of_site.filter_map(duration).collect();
    all.sort_unstable();
    all
}

/// The connections that are listed for the site.
async fn listed(store: &Store) -> Result<Vec<String>> {
    let rows = store.rows_of(&live_partition(SITE)).await?;
    Ok(rows.into_iter().filter(|row| row.starts_with(&format!("{SITE}#"))).collect())
}

async fn a_crowd_of_several_questions_is_sent_what_it_would_be_given(cloud: &Cloud) -> Result<()> {
    let _push = PUSH.lock().await;
    let crowd = viewers_wanted();
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let (alone, _) = burst(&store, "push-alone", "before").await?;

    let connecting = (0..crowd).map(|number| {
        let question = QUESTIONS[number % QUESTIONS.len()];
        async move { anyhow::Ok((number, Viewer::connect(cloud, question).await?)) }
    });
    let begun = Instant::now();
    let viewers: BTreeMap<usize, Viewer> =
        stream::iter(connecting).buffer_unordered(16).try_collect().await?;
    println!("{crowd} viewers connected in {:?}", begun.elapsed());
    // As one whose client and whose end were lost.
    list_connection(&store, "dead", SITE, QUESTIONS[0]).await?;

    let mut viewers = viewers;
    let (watched, _) = burst(&store, SITE, "first").await?;
    let (killed, mut left) = (0..crowd).partition::<Vec<_>, _>(|it| it % KILLED_EVERY == 0);
    for number in killed {
        // The task owns the socket, which goes without a word.
        viewers.remove(&number).context("a viewer")?.reader.abort();
    }
    let (_, mut newest) = burst(&store, SITE, "second").await?;

    left.retain(|number| viewers[number].question.contains(SITE));
    let last = newest;
    let (mut commits, mut committed_at) = (0, Instant::now());
    let deadline = Instant::now() + BEHIND_MAX;
    loop {
        let behind = left.iter().filter(|it| viewers[it].told() < Some(last)).count();
        if behind == 0 {
            break;
        }
        ensure!(Instant::now() < deadline, "{behind} viewers are behind");
        if committed_at.elapsed() > NEXT_COMMIT {
            commits += 1;
            let text = purchase(SITE, &format!("next-{commits}"), 10)?;
            newest = count(&store, &format!("{SITE}/next-{commits}.jsonl"), text).await?;
            committed_at = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("the last commit of the burst was told to all with {commits} more, until {newest}");
    let mut ages_ms = vec![];
    let mut compared = BTreeMap::new();
    for number in &left {
        let viewer = &viewers[number];
        let seen = viewer.seen.lock().expect("no reader panics");
        ensure!(
            !seen.is_out_of_order,
            "viewer {number} was sent an older answer after a newer one"
        );
        ages_ms.extend(&seen.ages_ms);
        // What has changed since is in no earlier message.
        if seen.told >= Some(newest) && seen.last["type"] == "realtime" {
            compared.insert((viewer.question, seen.last.to_string()), seen.last["answer"].clone());
        }
    }
    ensure!(!compared.is_empty(), "nobody was sent an answer");
    for ((question, _), answer) in &compared {
        equals_the_asked_one(cloud, question, answer).await?;
    }
    let elsewhere = viewers.values().filter(|it| !it.question.contains(SITE));
    ensure!(elsewhere.map(Viewer::told).all(|told| told.is_none()), "another site was told");

    // The rows of those who were killed, and of the dead one, go.
    let patience = Patience::new();
    loop {
        let rows = listed(&store).await?;
        if rows.len() == left.len() && !rows.contains(&format!("{SITE}#dead")) {
            break;
        }
        patience.wait(|| format!("{} are listed, of {}", rows.len(), left.len())).await?;
    }
    ensure!(store.rows_of("C#dead").await?.is_empty(), "the dead one is listed by its id");
    for viewer in viewers.into_values() {
        viewer.reader.abort();
    }

    ages_ms.sort_unstable();
    let at = |percent: usize| ages_ms.get(ages_ms.len() * percent / 100).copied().unwrap_or(0);
    let late = ages_ms.iter().filter(|age| **age > BEHIND_WANTED_MS).count();
    let [before, with] = [ingest_ms(cloud, "push-alone").await, ingest_ms(cloud, SITE).await];
    let median = |all: &[u64]| all.get(all.len() / 2).copied();
    println!(
        "ingest took {:?} ms for a file without viewers, and {:?} ms with {crowd} (median of {} \
         and {})",
        median(&before),
        median(&with),
        before.len(),
        with.len(),
    );
    println!(
        "{} messages came {} ms (median), {} ms (95 %), {} ms (99 %) after the newest commit, {late} \
         after more than {BEHIND_WANTED_MS} ms; {FILES} files were counted in {alone:?} without \
         viewers, and in {watched:?} with {crowd}",
        ages_ms.len(),
        at(50),
        at(95),
        at(99),
    );
    Ok(())
}
