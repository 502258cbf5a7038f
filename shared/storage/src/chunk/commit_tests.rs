use std::sync::Mutex;

use super::*;
use crate::chunk::file::{CountedVersion, FileRows};
use crate::replay::{Replay, sort_keys};
use minutebook_domain::chunk::{ChunkCount, ChunkReader, ChunkSettings};
use minutebook_domain::count::secret::{SecretNumber, VisitorSecret};
use minutebook_domain::count::tally::Tally;
use minutebook_domain::event::line::READER_VERSION;
use minutebook_domain::plan::{PlanInputs, SealInputs};
use minutebook_domain::time::Hour;
use serde_json::{Value, json};

const NOW: &str = "2026-11-20T23:30:00Z";

/// A view of a visitor in an hour that is open at [`NOW`].
const VIEW: &str =
    r#"{"event_type":"view","item_id":"7","customer_id":"ann","timestamp":"2026-11-20T23:07:00Z"}"#;
/// The same in an hour that is closed then.
const LATE_VIEW: &str =
    r#"{"event_type":"view","item_id":"7","customer_id":"ann","timestamp":"2026-11-20T21:07:00Z"}"#;
const ORDER: &str = r#"{"eventType":"OrderCreatedEvent","timestamp":"2026-11-20T23:08:00Z","orderId":"o1","totalAmount":12.5}"#;

#[derive(Debug, thiserror::Error)]
enum TestError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    OtherPlan(#[from] OtherPlan),
}

fn inputs() -> PlanInputs {
    PlanInputs {
        visitor_secret: SecretNumber(1),
        ..PlanInputs::with_defaults(NOW.parse().expect("a time"))
    }
}

fn count(lines: &[&str]) -> ChunkCount {
    let text = lines.join("\n");
    let settings = ChunkSettings {
        inputs: inputs(),
        secret: VisitorSecret::new(7),
        sites: Default::default(),
        size_bytes: text.len() as u64,
    };
    let mut reader = ChunkReader::new(&settings);
    reader.push(text.as_bytes()).expect("plain text");
    let count = reader.finish().expect("plain text");
    assert_eq!(count.outcomes.counted, lines.len() as u64, "{text}");
    count
}

/// Commits a chunk of these lines; also gives what ran of its own steps, each with the number of
/// calls before it.
async fn commit(
    replay: &Replay,
    lines: &[&str],
) -> (Result<PlanOutcome<PlanInputs>, TestError>, Vec<(&'static str, usize)>) {
    commit_with(replay, lines, &mut CommitEffort::default()).await
}

async fn commit_with(
    replay: &Replay,
    lines: &[&str],
    effort: &mut CommitEffort,
) -> (Result<PlanOutcome<PlanInputs>, TestError>, Vec<(&'static str, usize)>) {
    commit_as(replay, lines, None, effort).await
}

async fn commit_as(
    replay: &Replay,
    lines: &[&str],
    file: Option<FileRows<'_>>,
    effort: &mut CommitEffort,
) -> (Result<PlanOutcome<PlanInputs>, TestError>, Vec<(&'static str, usize)>) {
    let (count, inputs) = (count(lines), inputs());
    let chunk = ChunkId::new("raw", "a.jsonl", &count.content_hash);
    let header =
        ChunkHeader { bucket: "raw", key: "a.jsonl", inputs, outcomes: &count.outcomes, file };
    let steps = Mutex::new(vec![]);
    let step = |name| steps.lock().expect("no panic").push((name, replay.calls().len()));
    let content = async {
        step("content");
        Ok::<_, TestError>(PlanContent {
            plan: Plan::of(&count, &inputs),
            visitors: VisitorsBySecret::from([(SecretNumber(1), count.visitors.clone())]),
            object: Some(ObjectContent {
                header,
                orders: &count.orders,
                quarters: &count.quarters,
            }),
        })
    };
    let rejected_lines = async {
        step("rejected lines");
        Ok(())
    };
    let commit = PlanCommit {
        chunk: &chunk,
        inputs,
        content,
        rejected_lines,
        now: &|| NOW.parse().expect("a time"),
    };
    let outcome = replay.committer().commit_plan(commit, effort).await;
    (outcome, steps.into_inner().expect("no panic"))
}

/// A ledger entry as DynamoDB returns it.
fn entry(part: usize, parts: usize, version: u32, reference_time: &str) -> Value {
    json!({
        "pk": {"S": "L#x"},
        "sk": {"S": format!("{part:06}")},
        "plan_format_version": {"N": version.to_string()},
        "has_quarters": {"BOOL": true},
        "parts": {"N": parts.to_string()},
        "reference_time": {"S": reference_time},
        "default_currency": {"S": "USD"},
        "minute_retention_days": {"N": "7"},
        "keys_max": {"N": "100000"},
        "visitor_secret": {"N": "1"},
        "reader_version": {"N": READER_VERSION.to_string()},
    })
}

/// The plan format versions of the ledger entries that transactions were to write.
fn versions(replay: &Replay) -> Vec<u32> {
    let version = |actions: &Vec<Value>| {
        actions[0]["Put"]["Item"]["plan_format_version"]["N"].as_str()?.parse().ok()
    };
    replay.transactions().iter().filter_map(version).collect()
}

fn entries(entries: &[Value]) -> Value {
    json!({"Items": entries, "Count": entries.len()})
}

#[tokio::test]
async fn a_chunk_with_orders_is_committed_in_the_order_of_the_protocol() {
    let replay = Replay::default();
    let mut effort = CommitEffort::default();
    let (outcome, steps) = commit_with(&replay, &[VIEW, ORDER], &mut effort).await;
    let expected = PlanOutcome::Counted { parts: 2, has_finished: true, minutes_expired: 0 };
    assert_eq!((outcome.expect("committed"), effort.parts_committed), (expected, 2));
    // Content and rejected lines follow the ledger's entries, and precede every write.
    assert_eq!(steps, [("content", 1), ("rejected lines", 1)]);
    assert_eq!(
        replay.operations(),
        [
            "Query",              // the ledger's entries
            "BatchWriteItem",     // visitors of the minutes
            "UpdateItem",         // the hour is listed
            "TransactWriteItems", // part 0
            "BatchGetItem",       // what is known about the orders
            "BatchWriteItem",     // recent orders
            "TransactWriteItems", // orders and their counters
            "TransactWriteItems", // the last part
        ]
    );
    let transactions = replay.transactions();
    let first_keys: Vec<String> =
        transactions.iter().map(|actions| sort_keys(actions)[0].clone()).collect();
    assert_eq!(first_keys, ["000000", "order", "000001"]);
    assert_eq!(transactions[0][0]["Put"]["Item"]["reference_time"]["S"], NOW);
    assert!(transactions[2][0]["Put"]["Item"]["reference_time"].is_null());
}

#[tokio::test]
async fn each_entry_names_the_sites_that_its_part_adds_to_and_the_last_also_those_of_orders() {
    let of_site =
        |line: &str, site: &str| line.replacen('{', &format!("{{\"site_id\":\"{site}\","), 1);
    let lines = [of_site(VIEW, "b"), of_site(VIEW, "a"), of_site(ORDER, "c")];
    let replay = Replay::default();
    commit(&replay, &lines.each_ref().map(String::as_str)).await.0.expect("committed");
    let transactions = replay.transactions();
    let sites = |place: usize| &transactions[place][0]["Put"]["Item"]["sites"];
    assert_eq!(sites(0), &json!({"SS": ["a", "b"]}));
    assert_eq!(sites(2), &json!({"SS": ["c"]}));
    // The sums of an hour change no answer.
    let replay = Replay::default();
    roll_up(&replay).await.expect("committed");
    assert!(replay.transactions()[0][0]["Put"]["Item"]["sites"].is_null());
}

#[tokio::test]
async fn visitors_of_closed_hours_are_merged_before_the_entry_of_their_part() {
    let replay = Replay::default();
    commit(&replay, &[LATE_VIEW]).await.0.expect("committed");
    let operations = replay.operations();
    assert_eq!(operations[..2], ["Query", "BatchWriteItem"]);
    assert_eq!(operations.last().map(String::as_str), Some("TransactWriteItems"));
    let count = |name: &str| operations.iter().filter(|operation| *operation == name).count();
    // Hour, day, week and month.
    assert_eq!((count("GetItem"), count("PutItem"), count("TransactWriteItems")), (4, 4, 1));
}

#[tokio::test]
async fn a_complete_chunk_costs_one_query_whatever_plan_counted_it() {
    let mut first = entry(0, 1, 2, "2026-11-19T00:00:00Z");
    first["recounted_with"] = json!({"NS": ["2"]});
    let replay = Replay::default().answer("Query", entries(&[first]));
    let (outcome, steps) = commit(&replay, &[VIEW]).await;
    let recorded = "2026-11-19T00:00:00Z".parse().expect("a time");
    let expected = PlanOutcome::AlreadyCounted {
        parts: 1,
        inputs: Some(PlanInputs { reference_time: recorded, ..inputs() }),
        recounted_with: BTreeSet::from([SecretNumber(2)]),
    };
    assert_eq!(outcome.expect("counted"), expected);
    assert_eq!((replay.operations(), steps), (vec!["Query".to_string()], vec![]));
}

#[tokio::test]
async fn an_unfinished_chunk_resumes_behind_its_entries() {
    let stored = entries(&[entry(0, 2, PLAN_FORMAT_VERSION, NOW)]);
    let replay = Replay::default().answer("Query", stored);
    let mut effort = CommitEffort::default();
    let (outcome, _) = commit_with(&replay, &[VIEW, ORDER], &mut effort).await;
    let expected = PlanOutcome::Counted { parts: 2, has_finished: true, minutes_expired: 0 };
    assert_eq!((outcome.expect("committed"), effort.parts_committed), (expected, 1));
    let firsts: Vec<String> =
        replay.transactions().iter().map(|actions| sort_keys(actions)[0].clone()).collect();
    assert_eq!(firsts, ["order", "000001"]);
}

#[tokio::test]
async fn other_recorded_inputs_stop_before_anything_runs() {
    let time = "2026-11-20T23:29:59Z";
    let stored = entries(&[entry(0, 2, PLAN_FORMAT_VERSION, time)]);
    let replay = Replay::default().answer("Query", stored);
    let (outcome, steps) = commit(&replay, &[VIEW, ORDER]).await;
    let recorded = PlanInputs { reference_time: time.parse().expect("a time"), ..inputs() };
    assert_eq!(outcome.expect("found"), PlanOutcome::OtherInputs(recorded));
    assert_eq!((replay.operations().len(), steps), (1, vec![]));
}

#[tokio::test]
async fn a_chunk_that_was_begun_with_another_secret_is_planned_with_that_one() {
    let mut first = entry(0, 2, PLAN_FORMAT_VERSION, NOW);
    first["visitor_secret"]["N"] = json!("3");
    let replay = Replay::default().answer("Query", entries(&[first]));
    let (outcome, _) = commit(&replay, &[VIEW, ORDER]).await;
    let recorded = PlanInputs { visitor_secret: SecretNumber(3), ..inputs() };
    assert_eq!(outcome.expect("found"), PlanOutcome::OtherInputs(recorded));
    assert_eq!(replay.operations().len(), 1);
}

#[tokio::test]
async fn a_version_that_this_build_cannot_plan_is_an_error_before_anything_is_written() {
    for version in [PLAN_FORMAT_VERSION_OLDEST - 1, PLAN_FORMAT_VERSION + 1] {
        let stored = entries(&[entry(0, 2, version, NOW)]);
        let replay = Replay::default().answer("Query", stored);
        let (outcome, steps) = commit(&replay, &[VIEW, ORDER]).await;
        let error = outcome.expect_err("another plan");
        let expected =
            format!("part 0 was counted under plan format version {version} with 2 parts");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!((replay.operations().len(), steps), (1, vec![("content", 1)]));
    }
}

#[tokio::test]
async fn a_chunk_is_finished_under_the_version_that_began_it() {
    for version in PLAN_FORMAT_VERSION_OLDEST..=PLAN_FORMAT_VERSION {
        let stored = entries(&[entry(0, 2, version, NOW)]);
        let replay = Replay::default().answer("Query", stored);
        let (outcome, _) = commit(&replay, &[VIEW, ORDER]).await;
        assert!(matches!(outcome, Ok(PlanOutcome::Counted { has_finished: true, .. })));
        assert_eq!(versions(&replay), [version]);
    }
}

#[tokio::test]
async fn entries_of_two_versions_are_an_error_even_if_each_could_be_planned() {
    let older = entry(0, 2, PLAN_FORMAT_VERSION_OLDEST, NOW);
    let stored = entries(&[older, entry(1, 2, PLAN_FORMAT_VERSION, NOW)]);
    let replay = Replay::default().answer("Query", stored);
    let (outcome, _) = commit(&replay, &[VIEW, ORDER]).await;
    let error = outcome.expect_err("another plan");
    assert!(matches!(error, TestError::OtherPlan(OtherPlan { part: 1, .. })), "{error}");
    assert_eq!(replay.transactions().len(), 0);
}

/// An older build commits part 0 between our look at the ledger and our transaction. It may have
/// begun the late form and died, so the part is taken again, now under its version.
#[tokio::test]
async fn a_chunk_that_an_older_build_began_in_the_meantime_is_finished_under_its_version() {
    let found = entry(0, 2, PLAN_FORMAT_VERSION_OLDEST, NOW);
    let codes = ["ConditionalCheckFailed", "None", "None", "None"];
    let replay = Replay::default().cancel_with(&codes, found.clone()).cancel_with(&codes, found);
    let mut effort = CommitEffort::default();
    let (outcome, _) = commit_with(&replay, &[VIEW, ORDER], &mut effort).await;
    let expected = PlanOutcome::Counted { parts: 2, has_finished: true, minutes_expired: 0 };
    assert_eq!((outcome.expect("committed"), effort.parts_committed), (expected, 1));
    let old = PLAN_FORMAT_VERSION_OLDEST;
    assert_eq!(versions(&replay), [PLAN_FORMAT_VERSION, old, old]);
}

#[tokio::test]
async fn the_entry_of_a_faster_worker_is_checked_too() {
    let codes = ["ConditionalCheckFailed", "None", "None", "None"];
    let commit_after = |found: Value| async move {
        let replay = Replay::default().cancel_with(&codes, found);
        let mut effort = CommitEffort::default();
        let (outcome, _) = commit_with(&replay, &[VIEW], &mut effort).await;
        assert_eq!(effort.parts_committed, 0);
        outcome
    };
    let same = commit_after(entry(0, 1, PLAN_FORMAT_VERSION, NOW)).await.expect("counted");
    let expected = PlanOutcome::Counted { parts: 1, has_finished: false, minutes_expired: 0 };
    assert_eq!(same, expected);
    let time = "2026-11-20T23:29:59Z";
    let other_inputs = commit_after(entry(0, 1, PLAN_FORMAT_VERSION, time)).await.expect("found");
    assert!(matches!(other_inputs, PlanOutcome::OtherInputs(_)), "{other_inputs:?}");
    let other_plan = commit_after(entry(0, 3, PLAN_FORMAT_VERSION, NOW)).await;
    assert!(matches!(other_plan, Err(TestError::OtherPlan(_))), "{other_plan:?}");
}

/// Another attempt begins the chunk between our look at the ledger and our look at who has counted
/// its bytes. It may have died since, so the chunk must be finished.
#[tokio::test]
async fn a_chunk_that_another_attempt_has_begun_is_no_copy_of_itself() {
    let lines = [VIEW, ORDER];
    let content_hash = count(&lines).content_hash;
    let own = CountedVersion {
        content_hash,
        size_bytes: 4_096,
        last_modified: NOW.parse().expect("a time"),
        version_id: None,
    };
    let file = FileRows { known: None, own: &own, excludes_copies: true };
    let commit_after = |key: &str| {
        let counted = ChunkId::new("raw", key, &content_hash).to_string();
        let codes = ["ConditionalCheckFailed", "None", "None", "None", "None", "None"];
        let replay = Replay::default()
            .answer("GetItem", json!({"Item": {"chunk": {"S": counted}}}))
            .cancel_with(&codes, entry(0, 2, PLAN_FORMAT_VERSION, NOW));
        async move {
            let mut effort = CommitEffort::default();
            commit_as(&replay, &lines, Some(file), &mut effort).await.0.expect("no fault")
        }
    };
    let expected = PlanOutcome::Counted { parts: 2, has_finished: true, minutes_expired: 0 };
    assert_eq!(commit_after("a.jsonl").await, expected);
    let copy = PlanOutcome::CopyOf(ChunkId::new("raw", "b.jsonl", &content_hash).to_string());
    assert_eq!(commit_after("b.jsonl").await, copy);
}

/// Commits the sums of an hour with one view.
async fn roll_up(replay: &Replay) -> Result<PlanOutcome<SealInputs>, TestError> {
    let count = count(&[LATE_VIEW]);
    let hour = Hour::parse("2026-11-20T21").expect("an hour");
    let inputs = SealInputs { keys_max: 100_000, has_quarters: true };
    let no_orders = Tally::default();
    let content = async {
        let plan = Plan::of_sealed_hour(&count.tally, &no_orders, &inputs);
        let visitors = VisitorsBySecret::from([(SecretNumber(1), count.visitors.clone())]);
        Ok::<_, TestError>(PlanContent { plan, visitors, object: None })
    };
    let commit = PlanCommit {
        chunk: &ChunkId::of_sealed_hour("shop", hour),
        inputs,
        content,
        rejected_lines: std::future::ready(Ok(())),
        now: &|| NOW.parse().expect("a time"),
    };
    replay.committer().commit_plan(commit, &mut CommitEffort::default()).await
}

#[tokio::test]
async fn the_sums_of_a_small_hour_are_committed_without_a_question_to_the_ledger() {
    let replay = Replay::default();
    let outcome = roll_up(&replay).await.expect("committed");
    assert!(matches!(outcome, PlanOutcome::Counted { has_finished: true, .. }), "{outcome:?}");
    let operations = replay.operations();
    assert!(!operations.iter().any(|operation| operation == "Query"), "{operations:?}");
}

#[tokio::test]
async fn an_hour_that_is_rolled_up_already_is_found_by_its_transaction() {
    let codes = ["ConditionalCheckFailed", "None", "None", "None", "None"];
    let roll_up_after = |found: Value, others: &[Value]| {
        let all = entries(&[std::slice::from_ref(&found), others].concat());
        let replay = Replay::default().cancel_with(&codes, found).answer("Query", all);
        async move { roll_up(&replay).await }
    };
    let of_hour = |part, parts, version| {
        let mut entry = entry(part, parts, version, NOW);
        entry.as_object_mut().expect("a row").remove("reference_time");
        entry
    };
    // Of a plan of two parts: complete, and then not.
    let of_two = |part| of_hour(part, 2, PLAN_FORMAT_VERSION);
    for (found, others, parts) in
        [(of_hour(0, 1, PLAN_FORMAT_VERSION), vec![], 1), (of_two(0), vec![of_two(1)], 2)]
    {
        let outcome = roll_up_after(found, &others).await.expect("counted");
        let PlanOutcome::AlreadyCounted { parts: found, .. } = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(found, parts);
    }
    let unfinished = roll_up_after(of_two(0), &[]).await;
    assert!(matches!(unfinished, Err(TestError::OtherPlan(_))), "{unfinished:?}");
}
