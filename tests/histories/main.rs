//! Seeded random histories: uploads, notifications that are repeated, late or out of order, kills,
//! lost replies, conflicts, throttling, sealers at odd times, and a clock that stops at boundaries.
//! They run in one process with the real code on the emulator, and the oracle checks the results.
//!
//! `cargo test --workspace --test histories` plays a few histories. Two environment variables
//! change which: `MINUTEBOOK_HISTORIES=1000` sets their number, `MINUTEBOOK_SEED=17` the first
//! seed.

#![expect(clippy::print_stdout, reason = "a long run reports its progress")]

mod book;
mod cast;
mod chunks;
mod order_events;
mod order_states;
mod player;
mod questions;
mod race;
mod settings;
mod steps;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use crate::cast::Cast;
use crate::player::Tally;

/// The default number of histories. Together they have a few hundred steps.
const HISTORIES: u64 = 10;
/// How many histories run concurrently. The emulator is a separate process and answers one call at
/// a time.
const HISTORIES_AT_ONCE: usize = 4;
/// The time limit of a history, which takes seconds, or a minute or two beside other builds.
const HISTORY_TIME: Duration = Duration::from_secs(900);
/// A long run reports its progress after this many histories.
const PROGRESS_EVERY: u64 = 50;

fn main() -> Result<()> {
    let arguments = Arguments::from_args();
    let runtime = Arc::new(Runtime::new()?);
    let cloud =
        if arguments.list { None } else { Some(Arc::new(runtime.block_on(Cloud::start())?)) };
    let trial =
        |name: &str,
         run: fn(Arc<Cloud>) -> futures::future::LocalBoxFuture<'static, Result<()>>| {
            let (runtime, cloud) = (runtime.clone(), cloud.clone());
            Trial::test(name, move || {
                let cloud = cloud.ok_or("no cloud was started")?;
                runtime.block_on(run(cloud)).map_err(|error| Failed::from(format!("{error:#}")))
            })
        };
    let trials = vec![
        trial("histories_end_with_what_was_uploaded", |cloud| Box::pin(histories(cloud))),
        trial("a_query_racing_ingest_and_sealing_never_answers_less_than_was_committed", |cloud| {
            Box::pin(race::a_query_racing_ingest_and_sealing_never_answers_less_than_was_committed(
                cloud,
            ))
        }),
        Trial::test("the_patches_of_broken_builds_apply", || {
            the_patches_apply().map_err(|error| format!("{error:#}").into())
        }),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(cloud) = cloud {
        let cloud = Arc::into_inner(cloud).context("a finished test still holds the cloud")?;
        runtime.block_on(cloud.stop())?;
    }
    conclusion.exit();
}

/// Checks that the patches for `tests/broken/run.py` apply to the current sources.
fn the_patches_apply() -> Result<()> {
    let root = minutebook_tests::binaries::root();
    let mut patches = 0;
    for entry in std::fs::read_dir(root.join("tests/broken"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "patch") {
            let git = Command::new("git")
                .arg("apply")
                .arg("--check")
                .arg(&path)
                .current_dir(&root)
                .output()?;
            ensure!(
                git.status.success(),
                "{}: {}",
                path.display(),
                String::from_utf8_lossy(&git.stderr)
            );
            patches += 1;
        }
    }
    ensure!(patches == 9, "there are {patches} patches");
    Ok(())
}

/// Plays histories with consecutive seeds.
async fn histories(cloud: Arc<Cloud>) -> Result<()> {
    let first = variable("MINUTEBOOK_SEED")?.unwrap_or(1);
    let count = variable("MINUTEBOOK_HISTORIES")?.unwrap_or(HISTORIES);
    let stores = Store::make(&cloud, "histories").await?;
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let done = Mutex::new((0, Tally::default()));
    let play_next = || async {
        let cast = Cast::new(&cloud.clients).await?;
        loop {
            let seed = first + next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return Ok(());
            }
            let mut tally = Tally::default();
            let played =
                tokio::time::timeout(HISTORY_TIME, player::play(seed, &cast, &stores, &mut tally))
                    .await;
            let ended = played.map_err(anyhow::Error::from).flatten();
            if let Err(error) = ended {
                // Stop the other players.
                next.store(count, Ordering::Relaxed);
                return Err(failure(seed, &error));
            }
            let mut done = done.lock().await;
            let (histories, sum) = &mut *done;
            *histories += 1;
            *sum += tally;
            if *histories % PROGRESS_EVERY == 0 && *histories < count {
                println!("{}", line(*histories, *sum, begun.elapsed()));
            }
        }
    };
    let players: Vec<Result<()>> =
        futures::future::join_all((0..HISTORIES_AT_ONCE).map(|_| play_next())).await;
    let (histories, sum) = done.into_inner();
    players.into_iter().collect::<Result<()>>()?;
    println!("{}", line(histories, sum, begun.elapsed()));
    Ok(())
}

fn line(histories: u64, tally: Tally, took: Duration) -> String {
    let Tally { steps, orders, cut_chunks, recount_steps, changes, faults, checks } = tally;
    let [changes, changes_in_the_middle] = changes;
    let seconds = took.as_secs();
    format!(
        "{histories} histories with {orders} orders, {cut_chunks} chunks of too many names, \
         {recount_steps} steps of recounts and {changes} changes of settings \
         ({changes_in_the_middle} of them in the middle of a chunk): {steps} steps, {faults} faults, {checks} checks, \
         0 differences, {seconds} s"
    )
}

fn failure(seed: u64, error: &anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "the history of seed {seed} failed; to play it again:\n    MINUTEBOOK_SEED={seed} MINUTEBOOK_HISTORIES=1 cargo test \
         --workspace --test histories -- histories\n{error:#}\nit {}",
        player::script(seed)
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that the runner's options come through"
)]
fn variable(name: &str) -> Result<Option<u64>> {
    match std::env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => {
            text.parse().map(Some).with_context(|| format!("{name} is {text:?}, not a number"))
        }
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => bail!("{name}: {error}"),
    }
}
