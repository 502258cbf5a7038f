//! Chunks that need more than one attempt. Each attempt continues where the last one stopped.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{Store, sqs_event, sqs_event_of_bodies};
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

use crate::counting::chunks::verified;

crate::tests![
    years_in_one_file_are_counted_in_as_many_attempts_as_they_take,
    an_attempt_that_did_nothing_counts_towards_the_dead_letters,
];

/// The number of hours in the file, with one event each. `MINUTEBOOK_HOURS=87600` is ten years.
#[expect(clippy::disallowed_methods, reason = "a longer run is configured by the environment")]
fn hours() -> usize {
    std::env::var("MINUTEBOOK_HOURS").ok().and_then(|hours| hours.parse().ok()).unwrap_or(1_500)
}

/// The time limit of an attempt. Two seconds of it are reserved for the answer; in the rest the file
/// has to be read at least once.
fn attempt_time() -> Duration {
    Duration::from_secs(4) + Duration::from_millis(hours() as u64 / 2)
}

fn lines(hours: usize) -> String {
    let last = 1_764_000_000;
    let line = |hour: usize| {
        format!(
            "{{\"type\":\"purchase\",\"ts\":{},\"aid\":{},\"user_id\":{},\"price\":2.5}}\n",
            last - hour * 3_600,
            hour % 100,
            hour % 5_000
        )
    };
    (0..hours).map(line).collect()
}

/// More attempts than the file can need: each that does not fail counts at least one part.
fn attempts_max() -> usize {
    10 + hours() / 10
}

/// Invokes ingest until no message is left, and returns the number of attempts.
async fn attempts(store: &Store, worker: &mut Worker, first: Value) -> Result<usize> {
    let mut event = first;
    for attempt in 1..=attempts_max() {
        worker.allow(attempt_time());
        let ended = worker.invoke(event.clone()).await?;
        let Invocation::Answered(answer) = &ended else { bail!("attempt {attempt}: {ended:?}") };
        if answer["batchItemFailures"] != json!([]) {
            // The attempt did nothing, so the queue would deliver the same message again. On a busy
            // machine the reply to putting it back may come too late: then there are two of it.
            let put_back = store.take_messages().await?;
            ensure!(put_back.len() <= 1, "{} messages for one", put_back.len());
            event = put_back
                .first()
                .map_or(event, |body| sqs_event_of_bodies(std::slice::from_ref(body)));
            continue;
        }
        match &store.take_messages().await?[..] {
            [] => return Ok(attempt),
            [body] => event = sqs_event_of_bodies(std::slice::from_ref(body)),
            bodies => bail!("{} messages for one", bodies.len()),
        }
    }
    bail!("the file is not counted after {} attempts", attempts_max())
}

async fn years_in_one_file_are_counted_in_as_many_attempts_as_they_take(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "many-attempts").await?.with_queue().await?;
    let hours = hours();
    let record = store.put("years.jsonl", lines(hours)).await?;
    let mut worker = store.start_plain_ingest().await?;
    let attempts = attempts(&store, &mut worker, sqs_event(&[vec![record]])).await?;
    ensure!(attempts > 2, "{hours} hours were counted in {attempts} attempts");
    println!("{hours} hours in {attempts} attempts of {} s", attempt_time().as_secs());
    verified(&store, hours).await?;
    let ledger = store.ledger().await?;
    let entry = ledger.first().context("a ledger entry")?;
    ensure!(ledger.len() == 1 && entry["counted"] == hours, "{entry}");
    Ok(())
}

async fn an_attempt_that_did_nothing_counts_towards_the_dead_letters(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "no-attempt").await?.with_queue().await?;
    let record = store.put("a.jsonl", lines(10)).await?;
    let mut worker = store.start_plain_ingest().await?;
    // This is less than is reserved for the answer.
    worker.allow(Duration::from_millis(1_500));
    let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
    let Invocation::Answered(answer) = &ended else { bail!("{ended:?}") };
    ensure!(answer["batchItemFailures"] == json!([{"itemIdentifier": "m0"}]), "{answer}");
    ensure!(store.take_messages().await?.is_empty(), "nothing is put back");
    Ok(())
}
