//! A proxy between a function and the cloud that makes the faults which no emulator makes: lost
//! replies, conflicts, throttling, calls that are refused, held up or late, failures in the middle
//! of a body, and the death of the function at a chosen call.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::http::{Body, HangUp, Server, full};
use crate::random::Random;

/// One call that a function makes.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation: `TransactWriteItems`, `Query`, `GetObject`, …
    pub operation: String,
    /// The how-manieth call of this operation it is, from 1.
    pub number: usize,
    /// The kinds of a transaction's actions, in order: `Put`, `ConditionCheck`, `Update`. Empty for
    /// other calls.
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
    /// The connection is closed, and the call never reaches the cloud.
    Refuse,
    /// The call is carried out after this time.
    Delay(Duration),
    /// The call waits until it is released by [`FaultProxy::release`], and is carried out then.
    Hold,
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

/// The longest that a seeded plan delays a call.
const DELAY_MS_MAX: u64 = 30;

/// A plan by chance, that makes a fault of every kind that its call can meet. What happens to a
/// call depends on nothing but the seed, the call's operation and its number, so that a plan can be
/// played again.
///
/// **Units and range**: so many calls of a thousand go wrong.
pub fn seeded(seed: u64, calls_of_1000: u64) -> Plan {
    Box::new(move |call| {
        let name: u64 = call
            .operation
            .bytes()
            .fold(0, |name, byte| name.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mut random = Random::of(&[seed, name, call.number as u64]);
        (random.below(1000) < calls_of_1000).then(|| any_fault(call, &mut random))
    })
}

fn any_fault(call: &Call, random: &mut Random) -> Fault {
    let is_transaction = call.operation == "TransactWriteItems";
    let is_s3 = matches!(call.operation.as_str(), "GetObject" | "PutObject" | "POST" | "DELETE");
    let mut faults = vec![
        Fault::KillBefore,
        Fault::KillAfter,
        Fault::LoseReply,
        Fault::Refuse,
        Fault::Delay(Duration::from_millis(random.below(DELAY_MS_MAX))),
        Fault::Status(500),
        Fault::Status(503),
        Fault::CutBody,
    ];
    if !is_s3 {
        faults.push(Fault::Error("ThrottlingException"));
        faults.push(Fault::Error("ProvisionedThroughputExceededException"));
    }
    if call.operation == "PutItem" {
        faults.push(Fault::Error("TransactionConflictException"));
    }
    if is_transaction {
        let any = random.index(call.actions.len().max(1));
        let last = call.actions.len().saturating_sub(1);
        faults.push(Fault::Error("TransactionInProgressException"));
        faults.push(Fault::Cancel(vec![(0, "TransactionConflict")]));
        faults.push(Fault::Cancel(vec![(any, "TransactionConflict")]));
        faults.push(Fault::Cancel(vec![(0, "ThrottlingError")]));
        faults.push(Fault::Cancel(vec![(any, "ProvisionedThroughputExceeded")]));
        faults.push(Fault::Cancel(vec![(any, "ThrottlingError"), (last, "TransactionConflict")]));
        // What a transaction must survive above all.
        faults.extend([Fault::KillBefore, Fault::KillAfter, Fault::LoseReply]);
    }
    faults.swap_remove(random.index(faults.len()))
}

/// When objects were uploaded, by a clock of the harness: the cloud says of each when it was really
/// put.
#[derive(Clone, Debug, Default)]
pub struct UploadTimes(Arc<Mutex<TimesByVersion>>);

/// By `<bucket>/<key>` and version.
type TimesByVersion = BTreeMap<(String, String), DateTime<Utc>>;

impl UploadTimes {
    /// Says when a version of an object was uploaded.
    ///
    /// **Shape**: the object is `<bucket>/<key>`, of a key that needs no encoding in a URL.
    pub fn set(&self, object: &str, version_id: &str, time: DateTime<Utc>) {
        locked(&self.0).insert((object.to_string(), version_id.to_string()), time);
    }

    fn of(&self, object: &str, version_id: &str) -> Option<DateTime<Utc>> {
        locked(&self.0).get(&(object.to_string(), version_id.to_string())).copied()
    }
}

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
    victim: Mutex<Victim>,
    /// The items of the transactions that are under way, if overlapping ones shall conflict.
    items_under_way: Mutex<Option<ItemsUnderWay>>,
    /// How many calls the cloud is carrying out.
    under_way: watch::Sender<usize>,
    /// How many calls wait for their release.
    held: watch::Sender<usize>,
    release: Notify,
    upload_times: Mutex<UploadTimes>,
}

/// Shared by the proxies whose transactions shall conflict with each other.
type ItemsUnderWay = Arc<Mutex<BTreeSet<String>>>;

/// What the kills are for.
enum Victim {
    Process(u32),
    /// A future of this very process, which is dropped when it is notified.
    Task(Arc<Notify>),
    Nobody,
}

/// How long the call that killed a task of this process goes without an answer: the task is dropped
/// long before.
const LAST_SILENCE: Duration = Duration::from_secs(5);

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
            victim: Mutex::new(Victim::Nobody),
            items_under_way: Mutex::default(),
            under_way: watch::Sender::new(0),
            held: watch::Sender::new(0),
            release: Notify::new(),
            upload_times: Mutex::default(),
        });
        let shared = state.clone();
        let server = Server::start(move |request| {
            let state = shared.clone();
            async move { state.handle(request).await }
        })
        .await?;
        Ok(FaultProxy { url: format!("http://{}", server.address), state, _server: server })
    }

    /// Takes another plan, which sees its calls numbered from 1, and forgets the faults that were
    /// made.
    pub fn set_plan(&self, plan: Plan) {
        *locked(&self.state.plan) = plan;
        locked(&self.state.counts).clear();
        locked(&self.state.made).clear();
    }

    /// From now on, a transaction that shares an item with one under way conflicts with it, as in
    /// DynamoDB, and so does a single write to such an item.
    pub fn make_overlaps_conflict(&self) {
        *locked(&self.state.items_under_way) = Some(ItemsUnderWay::default());
    }

    /// The same, of the transactions of several proxies.
    pub fn make_overlaps_conflict_among(proxies: &[&FaultProxy]) {
        let items = ItemsUnderWay::default();
        for proxy in proxies {
            *locked(&proxy.state.items_under_way) = Some(items.clone());
        }
    }

    /// From now on, objects say that they were last modified at these times. Those that have none
    /// say what they did.
    pub fn set_upload_times(&self, times: &UploadTimes) {
        *locked(&self.state.upload_times) = times.clone();
    }

    /// Names the process that the kills are for.
    pub fn set_victim(&self, process_id: Option<u32>) {
        *locked(&self.state.victim) = process_id.map_or(Victim::Nobody, Victim::Process);
    }

    /// Runs a task of this process that the kills are for: `None` if it was killed. A call that the
    /// cloud is carrying out at that moment is carried out, as when a process is killed.
    pub async fn run_victim<T>(&self, task: impl Future<Output = T>) -> Option<T> {
        let kill = Arc::new(Notify::new());
        *locked(&self.state.victim) = Victim::Task(kill.clone());
        tokio::select! {
            biased;
            () = kill.notified() => None,
            ended = task => Some(ended),
        }
    }

    /// Waits until the cloud is carrying out no call that came through this proxy. A call that is
    /// held is not one.
    pub async fn is_quiet(&self) {
        wait_until(&self.state.under_way, |calls| calls == 0).await;
    }

    /// Waits until a call is held.
    pub async fn is_holding(&self) {
        wait_until(&self.state.held, |calls| calls > 0).await;
    }

    /// Lets the calls go that are held.
    pub fn release(&self) {
        self.state.release.notify_waiters();
    }

    /// The faults that were made so far, in order. A test that wants a fault checks that it
    /// happened.
    pub fn faults_made(&self) -> Vec<Fault> {
        locked(&self.state.made).clone()
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: &str) -> usize {
        locked(&self.state.counts).get(operation).copied().unwrap_or(0)
    }
}

impl State {
    async fn handle(self: Arc<Self>, request: Request<Bytes>) -> Result<Response<Body>, HangUp> {
        let operation = operation_of(&request);
        let is_write = matches!(
            operation.as_str(),
            "TransactWriteItems" | "PutItem" | "UpdateItem" | "DeleteItem"
        );
        let write = if is_write {
            serde_json::from_slice(request.body()).unwrap_or(Value::Null)
        } else {
            Value::Null
        };
        let call =
            Call { number: self.count(&operation), operation, actions: action_kinds(&write) };
        let fault = (locked(&self.plan))(&call);
        if let Some(fault) = &fault {
            locked(&self.made).push(fault.clone());
        }
        match fault {
            None => self.carry_out(request, write, call).await.map(whole),
            Some(Fault::KillBefore) => self.kill_victim().await,
            Some(Fault::KillAfter) => {
                drop(self.clone().carry_out(request, write, call).await?);
                self.kill_victim().await
            }
            Some(Fault::LoseReply) => {
                drop(self.carry_out(request, write, call).await?);
                Err(HangUp)
            }
            Some(Fault::Refuse) => Err(HangUp),
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                self.carry_out(request, write, call).await.map(whole)
            }
            Some(Fault::Hold) => {
                self.hold().await;
                self.carry_out(request, write, call).await.map(whole)
            }
            Some(Fault::Status(status)) => {
                answer(status, "injected by the harness".to_string()).map(whole)
            }
            Some(Fault::Error(code)) => {
                answer(400, error_body(code, "injected by the harness")).map(whole)
            }
            Some(Fault::Cancel(codes)) => {
                answer(400, cancellation_body(call.actions.len(), &codes)).map(whole)
            }
            Some(Fault::CutBody) => {
                let (parts, body) = self.carry_out(request, write, call).await?.into_parts();
                let half = Ok(Frame::data(body.slice(..body.len() / 2)));
                // What is written before the connection breaks is sent only while the rest is
                // waited for: without it, the function would see no body at all, and try the call
                // again instead of the reading.
                let rest = stream::once(async {
                    tokio::task::yield_now().await;
                    Err(HangUp)
                });
                let body = BodyExt::boxed(StreamBody::new(stream::iter([half]).chain(rest)));
                Ok(Response::from_parts(parts, body))
            }
        }
    }

    async fn hold(&self) {
        let released = self.release.notified();
        let _held = Counted::one_more(&self.held);
        released.await;
    }

    /// Lets the cloud carry out a call, to its end even if the function goes away meanwhile.
    async fn carry_out(
        self: Arc<Self>,
        request: Request<Bytes>,
        write: Value,
        call: Call,
    ) -> Result<Response<Bytes>, HangUp> {
        let carried_out = tokio::spawn(async move {
            let _under_way = Counted::one_more(&self.under_way);
            self.forward_unless_overlapping(request, &write, &call).await
        });
        carried_out.await.map_err(|_| HangUp)?
    }

    async fn forward_unless_overlapping(
        &self,
        request: Request<Bytes>,
        write: &Value,
        call: &Call,
    ) -> Result<Response<Bytes>, HangUp> {
        let items_under_way = locked(&self.items_under_way).clone();
        let Some(items_under_way) = items_under_way.filter(|_| !write.is_null()) else {
            return self.forward(request).await;
        };
        let items = written_items(write);
        let is_transaction = !call.actions.is_empty();
        let overlap: Vec<(usize, &'static str)> = {
            let mut under_way = locked(&items_under_way);
            let overlaps = items.iter().enumerate().filter(|(_, item)| under_way.contains(*item));
            let overlap: Vec<_> =
                overlaps.map(|(position, _)| (position, "TransactionConflict")).collect();
            if overlap.is_empty() && is_transaction {
                under_way.extend(items.iter().cloned());
            }
            overlap
        };
        if !overlap.is_empty() {
            locked(&self.made).push(Fault::Cancel(overlap.clone()));
            let code = "TransactionConflictException";
            let single = || error_body(code, "another transaction is under way at this item");
            let body = if is_transaction {
                cancellation_body(call.actions.len(), &overlap)
            } else {
                single()
            };
            return answer(400, body);
        }
        let response = self.forward(request).await;
        if is_transaction {
            let mut under_way = locked(&items_under_way);
            for item in &items {
                under_way.remove(item);
            }
        }
        response
    }

    async fn forward(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HangUp> {
        let (mut parts, body) = request.into_parts();
        let object = parts.uri.path().trim_start_matches('/').to_string();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("{}{path}", self.upstream).parse().map_err(|_| HangUp)?;
        let response = self
            .client
            .request(Request::from_parts(parts, Full::new(body)))
            .await
            .map_err(|_| HangUp)?;
        let (mut parts, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|_| HangUp)?.to_bytes();
        parts.headers.remove("transfer-encoding");
        let version_id =
            parts.headers.get("x-amz-version-id").and_then(|value| value.to_str().ok());
        if let Some(time) = locked(&self.upload_times).of(&object, version_id.unwrap_or_default()) {
            let text = time.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            parts.headers.insert("last-modified", text.parse().map_err(|_| HangUp)?);
        }
        Ok(Response::from_parts(parts, bytes))
    }

    fn count(&self, operation: &str) -> usize {
        let mut counts = locked(&self.counts);
        let count = counts.entry(operation.to_string()).or_default();
        *count += 1;
        *count
    }

    async fn kill_victim(&self) -> Result<Response<Body>, HangUp> {
        let kill = match &*locked(&self.victim) {
            Victim::Task(kill) => kill.clone(),
            Victim::Process(process_id) => {
                let status = std::process::Command::new("kill")
                    .args(["-KILL", &process_id.to_string()])
                    .status();
                assert!(
                    status.is_ok_and(|status| status.success()),
                    "process {process_id} could not be killed"
                );
                return Err(HangUp);
            }
            Victim::Nobody => panic!("a test that kills names its victim"),
        };
        kill.notify_one();
        tokio::time::sleep(LAST_SILENCE).await;
        Err(HangUp)
    }
}

/// One of the calls that are counted, for as long as it lasts.
struct Counted<'a>(&'a watch::Sender<usize>);

impl Counted<'_> {
    fn one_more(count: &watch::Sender<usize>) -> Counted<'_> {
        count.send_modify(|count| *count += 1);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

async fn wait_until(count: &watch::Sender<usize>, mut is_reached: impl FnMut(usize) -> bool) {
    // It fails only if the sender is gone, which we hold.
    drop(count.subscribe().wait_for(|count| is_reached(*count)).await);
}

/// A lock that a panicking test left is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The item of each action of a transaction, or that of a single write, by table and keys.
fn written_items(write: &Value) -> Vec<String> {
    let mut actions: Vec<Value> = actions(write).into_iter().map(|(_, action)| action).collect();
    if actions.is_empty() {
        actions.push(write.clone());
    }
    let item = |action: Value| {
        let keys = if action["Key"].is_object() { &action["Key"] } else { &action["Item"] };
        format!("{} {} {}", action["TableName"], keys["pk"]["S"], keys["sk"]["S"])
    };
    actions.into_iter().map(item).collect()
}

fn error_body(code: &str, message: &str) -> String {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message})
        .to_string()
}

fn cancellation_body(positions: usize, codes: &[(usize, &'static str)]) -> String {
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

fn answer(status: u16, body: String) -> Result<Response<Bytes>, HangUp> {
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .body(Bytes::from(body))
        .context("a plain answer")
        .map_err(|_| HangUp)
}

fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str, number: usize) -> Call {
        let actions = if operation == "TransactWriteItems" {
            vec!["Put".to_string(), "Update".to_string()]
        } else {
            vec![]
        };
        Call { operation: operation.to_string(), number, actions }
    }

    fn faults(seed: u64, operation: &str) -> Vec<Option<Fault>> {
        let mut plan = seeded(seed, 300);
        (1..=400).map(|number| plan(&call(operation, number))).collect()
    }

    #[test]
    fn a_seeded_plan_is_the_same_each_time_and_another_for_another_seed() {
        assert_eq!(faults(1, "TransactWriteItems"), faults(1, "TransactWriteItems"));
        assert_ne!(faults(1, "TransactWriteItems"), faults(2, "TransactWriteItems"));
        assert_ne!(faults(1, "Query"), faults(1, "PutItem"));
    }

    #[test]
    fn a_seeded_plan_makes_every_fault_and_as_many_as_it_was_told() {
        let made: Vec<Fault> = faults(3, "TransactWriteItems").into_iter().flatten().collect();
        assert!((80..160).contains(&made.len()), "{} of 400", made.len());
        for fault in [
            Fault::KillBefore,
            Fault::KillAfter,
            Fault::LoseReply,
            Fault::Refuse,
            Fault::Status(500),
            Fault::Error("TransactionInProgressException"),
            Fault::Cancel(vec![(0, "TransactionConflict")]),
            Fault::Cancel(vec![(0, "ThrottlingError")]),
        ] {
            assert!(made.contains(&fault), "{fault:?}");
        }
        assert!(made.iter().any(|fault| matches!(fault, Fault::Delay(_))));
        assert!(
            faults(3, "GetObject")
                .into_iter()
                .flatten()
                .all(|fault| !matches!(fault, Fault::Error(_)))
        );
    }

    #[test]
    fn single_writes_and_transactions_name_the_same_items() {
        let key = json!({"pk": {"S": "S#shop#2026-11-20T23"}, "sk": {"S": "00"}});
        let check = json!({"TransactItems": [{"ConditionCheck": {"TableName": "t", "Key": key}}]});
        let put = json!({"TableName": "t", "Item": key});
        assert_eq!(written_items(&check), written_items(&put));
        assert_eq!(action_kinds(&put), Vec::<String>::new());
    }
}
