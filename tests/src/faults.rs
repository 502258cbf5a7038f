//! A proxy between a function and the cloud that makes the faults which no emulator makes: lost replies, conflicts,
//! throttling, failures in the middle of a body, and the death of the function at a chosen call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::http::{Body, HangUp, Server, full};

/// One call that a function makes.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation: `TransactWriteItems`, `Query`, `GetObject`, …
    pub operation: String,
    /// The how-manieth call of this operation it is, from 1.
    pub number: usize,
    /// The kinds of a transaction's actions, in order: `Put`, `ConditionCheck`, `Update`. Empty for other calls.
    pub actions: Vec<String>,
}

/// What goes wrong with a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The function is killed before the call reaches the cloud.
    KillBefore,
    /// The function is killed when the call was carried out, before it sees the reply.
    KillAfter,
    /// The call is carried out, and its reply is lost.
    LoseReply,
    /// The call is answered with this status and never reaches the cloud.
    Status(u16),
    /// The call is answered with this DynamoDB error and never reaches the cloud.
    Error(&'static str),
    /// The transaction is cancelled, with a code for each position named.
    Cancel(Vec<(usize, &'static str)>),
    /// The reply's body breaks off in the middle.
    CutBody,
}

/// Decides what goes wrong with a call; `None` lets it pass.
pub type Plan = Box<dyn FnMut(&Call) -> Option<Fault> + Send>;

/// A proxy in front of the cloud.
#[derive(Debug)]
pub struct FaultProxy {
    /// Its address, to be used as the function's endpoint.
    pub url: String,
    state: Arc<State>,
    _server: Server,
}

struct State {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    plan: Mutex<Plan>,
    counts: Mutex<BTreeMap<String, usize>>,
    made: Mutex<Vec<Fault>>,
    victim: Mutex<Option<u32>>,
    /// The items of the transactions that are under way, if overlapping ones shall conflict.
    in_flight: Mutex<Option<BTreeSet<String>>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

impl FaultProxy {
    /// Starts a proxy to `upstream` that makes the faults of `plan`.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn start(upstream: &str, plan: Plan) -> anyhow::Result<FaultProxy> {
        let state = Arc::new(State {
            upstream: upstream.trim_end_matches('/').to_string(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            plan: Mutex::new(plan),
            counts: Mutex::default(),
            made: Mutex::default(),
            victim: Mutex::default(),
            in_flight: Mutex::default(),
        });
        let shared = state.clone();
        let server = Server::start(move |request| {
            let state = shared.clone();
            async move { state.handle(request).await }
        })
        .await?;
        Ok(FaultProxy { url: format!("http://{}", server.address), state, _server: server })
    }

    /// From now on, a transaction that shares an item with one under way conflicts with it, as in DynamoDB.
    pub fn make_overlaps_conflict(&self) {
        *locked(&self.state.in_flight) = Some(BTreeSet::new());
    }

    /// Names the process that the kills are for.
    pub fn set_victim(&self, process_id: Option<u32>) {
        *locked(&self.state.victim) = process_id;
    }

    /// The faults that were made so far, in order. A test that wants a fault checks that it happened.
    pub fn faults_made(&self) -> Vec<Fault> {
        locked(&self.state.made).clone()
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: &str) -> usize {
        locked(&self.state.counts).get(operation).copied().unwrap_or(0)
    }
}

impl State {
    async fn handle(&self, request: Request<Bytes>) -> Result<Response<Body>, HangUp> {
        let operation = operation_of(&request);
        let transaction = if operation == "TransactWriteItems" {
            serde_json::from_slice(request.body()).unwrap_or(Value::Null)
        } else {
            Value::Null
        };
        let call = Call { number: self.count(&operation), operation, actions: action_kinds(&transaction) };
        let fault = (locked(&self.plan))(&call);
        if let Some(fault) = &fault {
            locked(&self.made).push(fault.clone());
        }
        match fault {
            None => self.forward_unless_overlapping(request, &transaction, &call).await,
            Some(Fault::KillBefore) => {
                self.kill_victim();
                Err(HangUp)
            }
            Some(Fault::KillAfter) => {
                drop(self.forward(request).await?);
                self.kill_victim();
                Err(HangUp)
            }
            Some(Fault::LoseReply) => {
                drop(self.forward(request).await?);
                Err(HangUp)
            }
            Some(Fault::Status(status)) => answer(status, "injected by the harness".to_string()),
            Some(Fault::Error(code)) => answer(400, error_body(code, "injected by the harness")),
            Some(Fault::Cancel(codes)) => answer(400, cancellation_body(call.actions.len(), &codes)),
            Some(Fault::CutBody) => {
                let (parts, body) = self.forward(request).await?.into_parts();
                let half = body.slice(..body.len() / 2);
                let frames = [Ok(Frame::data(half)), Err(HangUp)];
                let body = BodyExt::boxed(StreamBody::new(futures_of(frames)));
                Ok(Response::from_parts(parts, body))
            }
        }
    }

    async fn forward_unless_overlapping(
        &self,
        request: Request<Bytes>,
        transaction: &Value,
        call: &Call,
    ) -> Result<Response<Body>, HangUp> {
        let items = transaction_items(transaction);
        let overlap: Vec<(usize, &'static str)> = match locked(&self.in_flight).as_mut() {
            None => vec![],
            Some(under_way) => {
                let overlap: Vec<(usize, &'static str)> = items
                    .iter()
                    .enumerate()
                    .filter(|(_, item)| under_way.contains(*item))
                    .map(|(position, _)| (position, "TransactionConflict"))
                    .collect();
                if overlap.is_empty() {
                    under_way.extend(items.iter().cloned());
                }
                overlap
            }
        };
        if !overlap.is_empty() {
            locked(&self.made).push(Fault::Cancel(overlap.clone()));
            return answer(400, cancellation_body(call.actions.len(), &overlap));
        }
        let response = self.forward(request).await;
        if let Some(under_way) = locked(&self.in_flight).as_mut() {
            for item in &items {
                under_way.remove(item);
            }
        }
        let (parts, body) = response?.into_parts();
        Ok(Response::from_parts(parts, full(body)))
    }

    async fn forward(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HangUp> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("{}{path}", self.upstream).parse().map_err(|_| HangUp)?;
        let response = self.client.request(Request::from_parts(parts, Full::new(body))).await.map_err(|_| HangUp)?;
        let (mut parts, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|_| HangUp)?.to_bytes();
        parts.headers.remove("transfer-encoding");
        Ok(Response::from_parts(parts, bytes))
    }

    fn count(&self, operation: &str) -> usize {
        let mut counts = locked(&self.counts);
        let count = counts.entry(operation.to_string()).or_default();
        *count += 1;
        *count
    }

    fn kill_victim(&self) {
        let process_id = locked(&self.victim).expect("a test that kills names its victim");
        let status = std::process::Command::new("kill").args(["-KILL", &process_id.to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "process {process_id} could not be killed");
    }
}

/// A lock that a panicking test left is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn futures_of<T: Send + 'static>(items: impl IntoIterator<Item = T>) -> impl futures::Stream<Item = T> + Send
where
    <Vec<T> as IntoIterator>::IntoIter: Send,
{
    futures::stream::iter(items.into_iter().collect::<Vec<T>>())
}

/// DynamoDB names its operation in a header, S3 by method and path.
fn operation_of(request: &Request<Bytes>) -> String {
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

fn actions(transaction: &Value) -> Vec<(String, Value)> {
    let listed = transaction["TransactItems"].as_array().cloned().unwrap_or_default();
    listed
        .into_iter()
        .filter_map(|action| action.as_object().and_then(|kinds| kinds.clone().into_iter().next()))
        .collect()
}

fn action_kinds(transaction: &Value) -> Vec<String> {
    actions(transaction).into_iter().map(|(kind, _)| kind).collect()
}

/// The item of each action, by table and keys.
fn transaction_items(transaction: &Value) -> Vec<String> {
    actions(transaction)
        .into_iter()
        .map(|(_, action)| {
            let keys = if action["Key"].is_object() { &action["Key"] } else { &action["Item"] };
            format!("{} {} {}", action["TableName"], keys["pk"]["S"], keys["sk"]["S"])
        })
        .collect()
}

fn error_body(code: &str, message: &str) -> String {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message}).to_string()
}

fn cancellation_body(positions: usize, codes: &[(usize, &'static str)]) -> String {
    let code_at = |position: usize| codes.iter().find(|(at, _)| *at == position).map_or("None", |(_, code)| code);
    let reasons: Vec<Value> = (0..positions).map(|position| json!({"Code": code_at(position)})).collect();
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, injected by the harness",
        "CancellationReasons": reasons,
    })
    .to_string()
}

fn answer(status: u16, body: String) -> Result<Response<Body>, HangUp> {
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .body(full(body))
        .context("a plain answer")
        .map_err(|_| HangUp)
}
