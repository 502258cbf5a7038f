use super::*;
use crate::chunk::ledger::ChunkInputs;
use crate::replay::{Replay, sort_keys};
use minutebook_domain::chunk::Outcomes;
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Measure;
use minutebook_domain::event::line::READER_VERSION;
use minutebook_domain::plan::PlanInputs;
use minutebook_domain::plan::{PLAN_FORMAT_VERSION, Row};
use minutebook_domain::time::period::Period;
use serde_json::{Value, json};

const TOO_LARGE: &str = "ValidationError/Item size to update has exceeded the maximum allowed size";
const EXISTS: &str = "ConditionalCheckFailed";

fn hour() -> Hour {
    Hour::parse("2026-11-20T23").expect("an hour")
}

fn inputs() -> PlanInputs {
    PlanInputs::with_defaults("2026-11-20T23:07:30Z".parse().expect("a time"))
}

/// An open part of two rows.
fn part() -> Part<'static> {
    let row = |of_hour, key| Row {
        site: "shop",
        period: Period::Minute(hour().first_minute().plus(of_hour)),
        measure: Measure::Views,
        slot: 0,
        counters: vec![(key, Amount::ONE)],
    };
    Part {
        hours: vec![("shop", hour())],
        quarter_hours: vec![],
        rows: vec![row(7, "a"), row(8, "b")],
    }
}

/// Commits part 0 of two at a time in its hour, or at another one.
async fn commit(replay: &Replay, now: &str) -> (Result<PartOutcome, StorageError>, CommitEffort) {
    let (chunk, outcomes) = (ChunkId::of_sealed_hour("shop", hour()), Outcomes::default());
    let header = ChunkHeader {
        bucket: "raw",
        key: "a.jsonl",
        inputs: inputs(),
        outcomes: &outcomes,
        file: None,
    };
    let commit = PartCommit {
        chunk: &chunk,
        number: 0,
        entry: &entry(None),
        header: Some(&header),
        part: &part(),
        sites: &BTreeSet::from(["shop"]),
        visitors: &VisitorsBySecret::new(),
        now: now.parse().expect("a time"),
    };
    let mut effort = CommitEffort::default();
    let outcome = replay.committer().commit_part(&commit, &mut effort).await;
    (outcome, effort)
}

fn entry(late_parts: Option<usize>) -> LedgerEntry {
    let inputs = Some(inputs().recorded());
    LedgerEntry { plan_format_version: PLAN_FORMAT_VERSION, parts: 2, late_parts, inputs }
}

/// An entry as DynamoDB returns it.
fn stored(late_parts: Option<usize>, parts: u32) -> Value {
    let mut item = json!({
        "pk": {"S": "L#x"},
        "sk": {"S": "000000"},
        "plan_format_version": {"N": PLAN_FORMAT_VERSION.to_string()},
        "parts": {"N": parts.to_string()},
        "reference_time": {"S": "2026-11-20T23:07:30Z"},
        "has_quarters": {"BOOL": true},
        "default_currency": {"S": "USD"},
        "minute_retention_days": {"N": "7"},
        "keys_max": {"N": "100000"},
        "reader_version": {"N": READER_VERSION.to_string()},
    });
    if let Some(late_parts) = late_parts {
        item["late_parts"] = json!({"N": late_parts.to_string()});
    }
    item
}

const OPEN: &str = "2026-11-20T23:30:00Z";
const CLOSED: &str = "2026-11-21T00:10:00Z";

#[tokio::test]
async fn a_part_is_one_transaction_of_entry_seal_checks_rows_and_totals() {
    let replay = Replay::default();
    let (outcome, effort) = commit(&replay, OPEN).await;
    assert_eq!(outcome.expect("committed"), PartOutcome::Committed);
    assert_eq!(effort, CommitEffort::default());
    assert_eq!(replay.operations(), ["UpdateItem", "TransactWriteItems"]);
    assert_eq!(replay.calls()[0].request["Key"]["sk"]["S"], "shop#2026-11-20T23");

    let actions = &replay.transactions()[0];
    let keys = sort_keys(actions);
    assert_eq!(keys[..4], ["000000", "00", "views#07#00#000", "views#08#00#000"]);
    let put = &actions[0]["Put"];
    assert_eq!(put["ConditionExpression"], "attribute_not_exists(#pk)");
    assert_eq!(put["ExpressionAttributeNames"], json!({"#pk": "pk"}));
    assert_eq!(put["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    assert_eq!(put["Item"]["parts"]["N"], "2");
    assert_eq!(put["Item"]["sites"], json!({"SS": ["shop"]}));
    let check = &actions[1]["ConditionCheck"];
    assert_eq!(check["Key"]["pk"]["S"], "S#shop#2026-11-20T23");
    assert_eq!(check["ConditionExpression"], "attribute_not_exists(#pk)");
    let update = &actions[2]["Update"];
    assert_eq!(update["UpdateExpression"], "ADD #0 :0 SET #ttl=:ttl");
    assert_eq!(update["ExpressionAttributeNames"], json!({"#0": "i#a", "#ttl": "ttl"}));
    assert_eq!(update["ExpressionAttributeValues"][":0"]["N"], "1");
    let totals = &actions[4]["Update"];
    assert_eq!(totals["Key"]["pk"]["S"], "TOTALS");
    let expression = totals["UpdateExpression"].as_str().expect("a text");
    assert!(expression.starts_with("ADD #a0 :a0 SET "), "{expression}");
    assert_eq!(totals["ExpressionAttributeNames"]["#a0"], "chunks");
    assert_eq!(actions.len(), 5);
}

#[tokio::test]
async fn a_conflict_moves_to_another_shard_and_a_throttle_tries_again() {
    let conflict = ["None", "None", "TransactionConflict", "None", "None"];
    let throttled = ["None", "None", "None", "ThrottlingError", "None"];
    let replay = Replay::default().cancel(&conflict).cancel(&throttled);
    let (outcome, effort) = commit(&replay, OPEN).await;
    assert_eq!(outcome.expect("committed"), PartOutcome::Committed);
    assert_eq!(effort, CommitEffort { parts_committed: 0, conflicts: 1, throttles: 1 });
    let transactions: Vec<_> =
        replay.transactions().iter().map(|actions| sort_keys(actions)).collect();
    assert_eq!(transactions.len(), 3);
    // Seal check and rows move to one shard together, and stay there when throttled.
    let shard = &transactions[1][1];
    assert_eq!(transactions[1][2], format!("views#07#{shard}#000"));
    assert_eq!(transactions[1], transactions[2]);
}

#[tokio::test]
async fn a_full_row_continues_in_its_overflow_row() {
    let replay = Replay::default()
        .cancel(&["None", "None", "None", TOO_LARGE, "None"])
        .cancel(&["None", "None", "None", TOO_LARGE, "None"]);
    let (outcome, _) = commit(&replay, OPEN).await;
    assert_eq!(outcome.expect("committed"), PartOutcome::Committed);
    let keys = sort_keys(&replay.transactions()[2]);
    assert_eq!(keys[2..4], ["views#07#00#000", "views#08#00#000.2"]);
}

#[tokio::test]
async fn an_entry_that_exists_means_already_counted() {
    let codes = [EXISTS, "None", "TransactionConflict", "None", "None"];
    let replay = Replay::default().cancel_with(&codes, stored(None, 2));
    let (outcome, _) = commit(&replay, OPEN).await;
    assert_eq!(outcome.expect("found"), PartOutcome::AlreadyCounted(entry(None)));
    assert_eq!(replay.transactions().len(), 1);
}

/// The late form of the part: its minute rows in the shard `late`, and the rows above.
const LATE: [&str; 7] = [
    "000000",
    "views#07#late#000",
    "views#08#late#000",
    "views#23#000",
    "views#d11-20#000",
    "views#m11#000",
    "views#w47#000",
];

fn check_late(actions: &[Value]) {
    let mut keys = sort_keys(actions);
    // The last one is that of the totals.
    keys.pop();
    keys.sort();
    assert_eq!(keys, LATE);
    assert_eq!(actions[0]["Put"]["Item"]["late_parts"]["N"], "1");
}

#[tokio::test]
async fn a_failed_seal_check_leads_to_the_late_form() {
    let replay = Replay::default().cancel(&["None", EXISTS, "None", "None", "None"]);
    let (outcome, _) = commit(&replay, OPEN).await;
    assert_eq!(outcome.expect("committed"), PartOutcome::Committed);
    check_late(&replay.transactions()[1]);
}

#[tokio::test]
async fn a_closed_hour_is_not_listed_and_takes_the_late_form_at_once() {
    let replay = Replay::default();
    let (outcome, _) = commit(&replay, CLOSED).await;
    assert_eq!(outcome.expect("committed"), PartOutcome::Committed);
    assert_eq!(replay.operations(), ["TransactWriteItems"]);
    check_late(&replay.transactions()[0]);
}

#[tokio::test]
async fn the_entry_of_a_late_form_is_finished_by_whoever_meets_it() {
    let codes = [EXISTS, "None", "None", "None", "None"];
    let replay = Replay::default()
        .cancel_with(&codes, stored(Some(1), 2))
        .cancel_with(&codes, stored(Some(1), 2));
    let (outcome, _) = commit(&replay, OPEN).await;
    assert_eq!(outcome.expect("found"), PartOutcome::AlreadyCounted(entry(Some(1))));
    assert_eq!(replay.transactions().len(), 2);
    check_late(&replay.transactions()[1]);
}

#[tokio::test]
async fn anything_else_is_refused() {
    let replay = Replay::default().cancel(&["None", "None", "ValidationError/wrong", "None"]);
    let error = commit(&replay, OPEN).await.0.expect_err("refused");
    assert!(!error.is_retryable() && error.to_string().contains("action 2"), "{error}");
}
