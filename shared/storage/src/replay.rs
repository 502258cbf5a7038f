//! A stand-in for the endpoint of DynamoDB: it records the calls of a test, and answers them from a
//! list.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, HttpClient, Region, RuntimeComponents};
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use minutebook_domain::time::period::Retention;
use serde_json::{Value, json};

use crate::committer::Committer;
use crate::table::Table;

/// How long the committer of a [`Replay`] keeps rows.
pub(crate) const RETENTION: Retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };

/// A stand-in for the endpoint of DynamoDB. A call without an answer of its own succeeds with an
/// empty one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replay(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answers: HashMap<&'static str, VecDeque<(u16, Value)>>,
    calls: Vec<Call>,
}

/// A call that was made.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Call {
    /// `TransactWriteItems`, `Query`, …
    pub(crate) operation: String,
    /// Its request, as JSON.
    pub(crate) request: Value,
}

impl Replay {
    /// Answers the next call of an operation.
    pub(crate) fn answer(self, operation: &'static str, answer: Value) -> Replay {
        self.state().answers.entry(operation).or_default().push_back((200, answer));
        self
    }

    /// Cancels the next transaction, with a code for each action from the first on. A code may have
    /// a message, as in `ValidationError/Item size …`.
    pub(crate) fn cancel(self, codes: &[&str]) -> Replay {
        self.cancel_with(codes, Value::Null)
    }

    /// Cancels the next transaction; the first reason has the item that exists.
    pub(crate) fn cancel_with(self, codes: &[&str], item: Value) -> Replay {
        let reason = |code: &&str| {
            let (code, message) = code.split_once('/').unwrap_or((code, ""));
            json!({"Code": code, "Message": message})
        };
        let mut reasons: Vec<Value> = codes.iter().map(reason).collect();
        if !item.is_null() {
            reasons[0]["Item"] = item;
        }
        let answer = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "the transaction was cancelled",
            "CancellationReasons": reasons,
        });
        self.state().answers.entry("TransactWriteItems").or_default().push_back((400, answer));
        self
    }

    /// The table behind the endpoint.
    pub(crate) fn table(&self) -> Table {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url("http://table.invalid")
            .allow_no_auth()
            .retry_config(RetryConfig::disabled())
            .http_client(self.clone())
            .build();
        Table { client: Client::from_conf(config), name: "table".to_string() }
    }

    /// A committer to this table.
    pub(crate) fn committer(&self) -> Committer {
        Committer::new(self.table(), RETENTION)
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The operations of the calls so far.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.operation).collect()
    }

    /// The actions of each transaction so far.
    pub(crate) fn transactions(&self) -> Vec<Vec<Value>> {
        let calls = self.calls().into_iter();
        let transactions = calls.filter(|call| call.operation == "TransactWriteItems");
        let actions =
            |call: Call| call.request["TransactItems"].as_array().cloned().unwrap_or_default();
        transactions.map(actions).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_string();
        let body = request.body().bytes().unwrap_or_default();
        let request = serde_json::from_slice(body).unwrap_or_default();
        let mut state = self.state();
        let answers = state.answers.get_mut(operation.as_str());
        let (status, answer) =
            answers.and_then(VecDeque::pop_front).unwrap_or_else(|| (200, json!({})));
        state.calls.push(Call { operation, request });
        let status = status.try_into().expect("a status of HTTP");
        let response = HttpResponse::new(status, SdkBody::from(answer.to_string()));
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for Replay {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// The sort keys of what the actions of a transaction write or check.
pub(crate) fn sort_keys(actions: &[Value]) -> Vec<String> {
    let sort_key = |action: &Value| {
        let key = ["Put/Item", "Update/Key", "ConditionCheck/Key"].into_iter();
        let mut keys = key.map(|path| action.pointer(&format!("/{path}/sk/S")));
        keys.find_map(|key| key.and_then(Value::as_str)).unwrap_or("?").to_string()
    };
    actions.iter().map(sort_key).collect()
}
