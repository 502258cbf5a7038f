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

const PURCHASE: &str = r#"{"event_type":"purchase","timestamp":"2026-11-20T23:09:00Z","orderId":"o1","items":[{"sku":"a","price":5},{"sku":"off","price":-1}]}"#;

fn orders() -> Orders {
    orders_of(ORDER)
}

fn orders_of(line: &str) -> Orders {
    let inputs = PlanInputs::with_defaults(OPEN.parse().expect("a time"));
    let size_bytes = line.len() as u64;
    let mut reader = ChunkReader::new(&ChunkSettings {
        inputs,
        secret: VisitorSecret::NONE,
        sites: Default::default(),
        size_bytes,
    });
    reader.push(line.as_bytes()).expect("plain text");
    reader.finish().expect("plain text").orders
}

async fn commit(replay: &Replay, now: &str) -> (Result<(), StorageError>, CommitEffort) {
    commit_line(replay, ORDER, now).await
}

async fn commit_line(
    replay: &Replay,
    line: &str,
    now: &str,
) -> (Result<(), StorageError>, CommitEffort) {
    let mut effort = CommitEffort::default();
    let now: DateTime<Utc> = now.parse().expect("a time");
    let (orders, quarters) = (orders_of(line), QuartersBySite::default());
    let outcome = replay.committer().commit_orders(&orders, &quarters, &|| now, &mut effort).await;
    (outcome, effort)
}

/// The answer of a `BatchGetItem` that finds the order as the chunk reports it, or only its status.
fn known(revision: u64, is_whole: bool) -> Value {
    let mut item = json!({
        "pk": {"S": "O#main#o1"},
        "sk": {"S": "order"},
        "revision": {"N": revision.to_string()},
        "contribution_version": {"N": "2"},
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

/// The sort key of each tally row that a transaction adds to, with what it adds.
fn added(actions: &[Value]) -> Vec<String> {
    let of_action = |action: &Value| {
        let update = &action["Update"];
        let expression = update["UpdateExpression"].as_str()?;
        let counters = expression.strip_prefix("ADD ")?.split(" SET ").next()?.split(',');
        let counters = counters.filter_map(|counter| {
            let (name, value) = counter.split_once(' ')?;
            let name = update["ExpressionAttributeNames"][name].as_str()?;
            let value = update["ExpressionAttributeValues"][value]["N"].as_str()?;
            Some(format!(" {}={value}", name.trim_start_matches("i#")))
        });
        let counters: String = counters.collect();
        Some(format!("{}{counters}", update["Key"]["sk"]["S"].as_str()?))
    };
    actions.iter().filter_map(of_action).collect()
}

#[tokio::test]
async fn units_and_sales_of_an_order_have_shards_of_their_own_behind_the_same_seal() {
    let replay = Replay::default().cancel(&["TransactionConflict"]);
    commit_line(&replay, PURCHASE, OPEN).await.0.expect("committed");
    let transactions = replay.transactions();
    assert_eq!(
        added(&transactions[0]),
        [
            "units#09#o00#000 a=1",
            "sales:USD#09#o00#000 (other)=-1 a=5",
            "orders#09#00#000 CREATED=1",
            "order_value:USD#09#00#000 gross=4 orders=1 sales=4",
            "ordered#09#00#000 a=1",
            "ordered_value:USD#09#00#000 a=5",
        ]
    );
    // On another shard after a conflict: its seal check is that of the number.
    let keys = sort_keys(&transactions[1]);
    let shard = &keys[1];
    assert!(keys[2].starts_with(&format!("units#09#o{shard}#")), "{keys:?}");
    // Late ones are where all late ones are.
    let replay = Replay::default().cancel(&["None", EXISTS]);
    commit_line(&replay, PURCHASE, OPEN).await.0.expect("committed");
    let added = added(&replay.transactions()[1]);
    assert!(added.contains(&"units#09#late#000 a=1".to_string()), "{added:?}");
    assert!(added.contains(&"sales:USD#m11#000 (other)=-1 a=5".to_string()), "{added:?}");
}

#[tokio::test]
async fn an_earlier_purchase_moves_a_known_order_and_lists_it_again() {
    let replay = Replay::default().answer("BatchGetItem", known(4, true));
    let earlier = PURCHASE.replace("23:09", "23:07");
    commit_line(&replay, &earlier, OPEN).await.0.expect("committed");
    let listed = replay.calls().into_iter().find(|call| call.operation == "BatchWriteItem");
    let listed = listed.expect("it is listed").request["RequestItems"]["table"].clone();
    assert_eq!(listed[0]["PutRequest"]["Item"]["sk"]["S"], "2026-11-20T23:07:00.000000000Z#o1");
    let added = added(&replay.transactions()[0]);
    for row in [
        // The creation gives the value, 12.5, and what was ordered, which is nothing.
        "sales:USD#07#o00#000 (other)=7.5 a=5",
        "order_value:USD#07#00#000 gross=12.5 orders=1 sales=12.5",
        "order_value:USD#08#00#000 gross=-12.5 orders=-1",
        "orders#08#00#000 CREATED=-1",
    ] {
        assert!(added.contains(&row.to_string()), "{row}: {added:?}");
    }
    assert!(added.iter().all(|row| !row.starts_with("ordered#")), "{added:?}");
    // A later purchase neither moves nor lists it.
    let replay = Replay::default().answer("BatchGetItem", known(4, true));
    commit_line(&replay, PURCHASE, OPEN).await.0.expect("committed");
    assert!(replay.operations().iter().all(|operation| operation != "BatchWriteItem"));
}
