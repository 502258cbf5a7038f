//! Requests to DynamoDB and S3, and their error responses.

use anyhow::Context;
use hyper::body::Bytes;
use hyper::{Request, Response};
use serde_json::{Value, json};

use crate::http::HangUp;

/// The operation of a request. DynamoDB names it in a header, S3 implies it by the method.
pub(super) fn operation_of(request: &Request<Bytes>) -> String {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    match target.and_then(|target| target.rsplit_once('.')) {
        Some((_, operation)) => operation.to_string(),
        None => match request.method().as_str() {
            "GET" => "GetObject".to_string(),
            "PUT" => "PutObject".to_string(),
            other => other.to_string(),
        },
    }
}

/// The name of a call: its operation, or `Query of sites` if it is about the registry of sites or
/// their settings, which are read and written before a chunk is counted and numbered apart.
pub(super) fn name_of(operation: &str, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    match body.contains("\"SITES") || body.contains("\"SETTINGS\"") {
        true => format!("{operation} of sites"),
        false => operation.to_string(),
    }
}

fn actions(transaction: &Value) -> Vec<(String, Value)> {
    let listed = transaction["TransactItems"].as_array().cloned().unwrap_or_default();
    listed
        .into_iter()
        .filter_map(|action| action.as_object().and_then(|kinds| kinds.clone().into_iter().next()))
        .collect()
}

pub(super) fn action_kinds(transaction: &Value) -> Vec<String> {
    actions(transaction).into_iter().map(|(kind, _)| kind).collect()
}

/// The items that the actions of a transaction, the writes of a batch or a single write touch, as
/// table and keys.
pub(super) fn written_items(write: &Value) -> Vec<String> {
    let item = |table: &Value, write: &Value| {
        let keys = if write["Key"].is_object() { &write["Key"] } else { &write["Item"] };
        format!("{table} {} {}", keys["pk"]["S"], keys["sk"]["S"])
    };
    if let Some(tables) = write["RequestItems"].as_object() {
        let writes = tables.iter().flat_map(|(table, writes)| {
            let table = json!(table);
            let kinds = writes.as_array().into_iter().flatten().filter_map(Value::as_object);
            kinds.flat_map(|kinds| kinds.values()).map(move |write| item(&table, write))
        });
        return writes.collect();
    }
    let actions = actions(write);
    if actions.is_empty() {
        return vec![item(&write["TableName"], write)];
    }
    actions.iter().map(|(_, action)| item(&action["TableName"], action)).collect()
}

pub(super) fn error_body(code: &str, message: &str) -> String {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message})
        .to_string()
}

pub(super) fn cancellation_body(positions: usize, codes: &[(usize, &'static str)]) -> String {
    let code_at = |position: usize| {
        codes.iter().find(|(at, _)| *at == position).map_or("None", |(_, code)| code)
    };
    let reasons: Vec<Value> =
        (0..positions).map(|position| json!({"Code": code_at(position)})).collect();
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, injected by the harness",
        "CancellationReasons": reasons,
    })
    .to_string()
}

pub(super) fn answer(status: u16, body: String) -> Result<Response<Bytes>, HangUp> {
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .body(Bytes::from(body))
        .context("a plain answer")
        .map_err(|_| HangUp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_writes_batches_and_transactions_name_the_same_items() {
        let key = json!({"pk": {"S": "S#shop#2026-11-20T23"}, "sk": {"S": "00"}});
        let check = json!({"TransactItems": [{"ConditionCheck": {"TableName": "t", "Key": key}}]});
        let put = json!({"TableName": "t", "Item": key});
        let batch = json!({"RequestItems": {"t": [{"PutRequest": {"Item": key}}, {"DeleteRequest": {"Key": key}}]}});
        assert_eq!(written_items(&check), written_items(&put));
        assert_eq!(written_items(&batch), [written_items(&put), written_items(&put)].concat());
        assert_eq!(action_kinds(&put), Vec::<String>::new());
    }
}
