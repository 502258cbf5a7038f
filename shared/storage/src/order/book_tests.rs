use super::*;
use crate::replay::{Replay, sort_keys};
use minutebook_domain::chunk::{ChunkReader, ChunkSettings};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::secret::VisitorSecret;
use minutebook_domain::plan::PlanInputs;
use serde_json::{Value, json};

const OPEN: &str = "2026-11-20T23:30:00Z";
const EXISTS: &str = "ConditionalCheckFailed";
const ORDER: &str = r#"{"eventType":"OrderCreatedEvent","timestamp":"2026-11-20T23:08:00Z","orderId":"o1","totalAmount":12.5}"#;

fn orders() -> Orders {
    let inputs = PlanInputs::with_defaults(OPEN.parse().expect("a time"));
    let size_bytes = ORDER.len() as u64;
    let mut reader = ChunkReader::new(&ChunkSettings {
        inputs,
        secret: VisitorSecret::NONE,
        sites: Default::default(),
        size_bytes,
    });
    reader.push(ORDER.as_bytes()).expect("plain text");
    reader.finish().expect("plain text").orders
}

async fn commit(replay: &Replay, now: &str) -> (Result<(), StorageError>, CommitEffort) {
    let mut effort = CommitEffort::default();
    let now: DateTime<Utc> = now.parse().expect("a time");
    let quarters = QuartersBySite::default();
    let outcome =
        replay.committer().commit_orders(&orders(), &quarters, &|| now, &mut effort).await;
    (outcome, effort)
}

/// The answer of a `BatchGetItem` that finds the order as the chunk reports it, or only its status.
fn known(revision: u64, is_whole: bool) -> Value {
    let mut item = json!({
        "pk": {"S": "O#main#o1"},
        "sk": {"S": "order"},
        "revision": {"N": revision.to_string()},
        "status": {"S": "CREATED"},
        "status_at": {"S": "2026-11-20T23:08:00.000000000Z"},
        "status_source": {"S": "creation"},
    });
    if is_whole {
        item["created_at"] = json!({"S": "2026-11-20T23:08:00.000000000Z"});
        item["currency"] = json!({"S": "USD"});
        item["value"] = json!({"N": Amount::parse(b"12.5").expect("a decimal").to_string()});
        item["products"] = json!({"M": {}});
    }
    let (order, _) = orders().iter().next().map(|(id, _)| (id.clone(), ())).expect("an order");
    item["pk"]["S"] = json!(keys::order_partition(&order.site, &order.id));
    json!({"Responses": {"table": [item]}})
}

#[tokio::test]
async fn a_new_order_is_put_on_the_condition_that_it_does_not_exist() {
    let replay = Replay::default();
    let (outcome, _) = commit(&replay, OPEN).await;
    outcome.expect("committed");
    assert_eq!(
        replay.operations(),
        ["BatchGetItem", "BatchWriteItem", "UpdateItem", "TransactWriteItems"]
    );
    let actions = &replay.transactions()[0];
    let put = &actions[0]["Put"];
    assert_eq!(put["ConditionExpression"], "attribute_not_exists(#pk)");
    assert_eq!(put["Item"]["revision"]["N"], "1");
    assert_eq!(put["Item"]["status_source"]["S"], "creation");
    assert_eq!(sort_keys(actions)[..2], ["order", "00"]);
    assert!(actions[1]["ConditionCheck"].is_object());
    for action in &actions[2..] {
        let expression = action["Update"]["UpdateExpression"].as_str().expect("a text");
        assert!(expression.starts_with("ADD #0 :0"), "{expression}");
    }
}

#[tokio::test]
async fn a_known_order_is_put_on_the_condition_that_its_revision_is_the_one_read() {
    let replay = Replay::default().answer("BatchGetItem", known(4, false));
    let (outcome, _) = commit(&replay, OPEN).await;
    outcome.expect("committed");
    let put = &replay.transactions()[0][0]["Put"];
    assert_eq!(put["ConditionExpression"], "#revision = :revision");
    assert_eq!(put["ExpressionAttributeNames"], json!({"#revision": "revision"}));
    assert_eq!(put["ExpressionAttributeValues"], json!({":revision": {"N": "4"}}));
    assert_eq!(put["Item"]["revision"]["N"], "5");
}

#[tokio::test]
async fn an_order_without_news_is_only_read() {
    let replay = Replay::default().answer("BatchGetItem", known(4, true));
    let (outcome, _) = commit(&replay, OPEN).await;
    outcome.expect("nothing to do");
    assert_eq!(replay.operations(), ["BatchGetItem"]);
}

#[tokio::test]
async fn another_revision_is_read_and_merged_again() {
    let replay = Replay::default()
        .cancel(&[EXISTS])
        .answer("BatchGetItem", json!({}))
        .answer("BatchGetItem", known(1, true));
    let (outcome, effort) = commit(&replay, OPEN).await;
    outcome.expect("the other worker wrote the same");
    assert_eq!(effort, CommitEffort { parts_committed: 0, conflicts: 1, throttles: 0 });
    assert_eq!(replay.transactions().len(), 1);
    assert_eq!(replay.operations().last().map(String::as_str), Some("BatchGetItem"));
}

#[tokio::test]
async fn a_failed_seal_check_leads_past_it_to_the_late_shard_and_the_rows_above() {
    let replay = Replay::default().cancel(&["None", EXISTS]);
    let (outcome, _) = commit(&replay, OPEN).await;
    outcome.expect("committed");
    let transactions = replay.transactions();
    let actions = &transactions[1];
    assert!(actions.iter().all(|action| action["ConditionCheck"].is_null()));
    let keys = sort_keys(actions);
    assert!(keys.iter().any(|key| key.contains("#08#late#")), "{keys:?}");
    assert!(keys.iter().any(|key| key.contains("#m11#")), "{keys:?}");
}

#[tokio::test]
async fn a_conflict_moves_to_another_shard_and_a_throttle_tries_again() {
    let replay = Replay::default()
        .cancel(&["TransactionConflict", "None"])
        .cancel(&["None", "ThrottlingError"]);
    let (outcome, effort) = commit(&replay, OPEN).await;
    outcome.expect("committed");
    assert_eq!(effort, CommitEffort { parts_committed: 0, conflicts: 1, throttles: 1 });
    let transactions = replay.transactions();
    assert_eq!(sort_keys(&transactions[1]), sort_keys(&transactions[2]));
    let shard = &sort_keys(&transactions[1])[1];
    assert!(sort_keys(&transactions[1])[2].contains(&format!("#08#{shard}#")));
}

#[tokio::test]
async fn a_full_row_continues_in_its_overflow_row() {
    const TOO_LARGE: &str = "ValidationError/Item size to update has exceeded the maximum";
    let replay = Replay::default().cancel(&["None", "None", TOO_LARGE]);
    let (outcome, _) = commit(&replay, OPEN).await;
    outcome.expect("committed");
    let keys = sort_keys(&replay.transactions()[1]);
    assert!(keys[2].ends_with("#000.1"), "{keys:?}");
    assert!(keys[3..].iter().all(|key| key.ends_with("#000")), "{keys:?}");
}

#[tokio::test]
async fn anything_else_is_refused() {
    let replay = Replay::default().cancel(&["ValidationError/wrong", "None"]);
    let error = commit(&replay, OPEN).await.0.expect_err("refused");
    assert!(!error.is_retryable() && error.to_string().contains("action 0"), "{error}");
}
