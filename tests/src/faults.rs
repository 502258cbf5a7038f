//! A proxy between a function and the cloud that injects faults which no emulator produces: lost
//! replies, conflicts, throttling, refused, held or delayed calls, truncated bodies, and the death
//! of the function at a chosen call.

mod calls;
mod plan;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use self::calls::{
    action_kinds, answer, cancellation_body, error_body, name_of, operation_of, written_items,
};
pub use self::plan::{Call, Fault, Plan, seeded};
use crate::http::{Body, HangUp, Server, full};

/// Upload times of objects by the harness's clock. The cloud itself reports the real upload times.
#[derive(Clone, Debug, Default)]
pub struct UploadTimes(Arc<Mutex<TimesByVersion>>);

/// The key is `<bucket>/<key>` and the version ID.
type TimesByVersion = BTreeMap<(String, String), DateTime<Utc>>;

impl UploadTimes {
    /// Sets the upload time of an object version.
    ///
    /// `object` is `<bucket>/<key>`, and its key must not need URL encoding.
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
    /// The URL of the proxy, for use as the function's endpoint.
    pub url: String,
    state: Arc<State>,
    _server: Server,
}

struct State {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    plan: Mutex<Plan>,
    counts: Mutex<BTreeMap<String, usize>>,
    half_read_units: Mutex<u64>,
    made: Mutex<Vec<Fault>>,
    victim: Mutex<Victim>,
    /// The items of the transactions in progress, if overlapping transactions conflict.
    items_under_way: Mutex<Option<ItemsUnderWay>>,
    /// The number of calls that the cloud is executing.
    under_way: watch::Sender<usize>,
    /// The number of calls that are held.
    held: watch::Sender<usize>,
    release: Notify,
    upload_times: Mutex<UploadTimes>,
}

/// Shared by the proxies whose transactions conflict with each other.
type ItemsUnderWay = Arc<Mutex<BTreeSet<String>>>;

/// The target of [`Fault::KillBefore`] and [`Fault::KillAfter`].
enum Victim {
    Process(u32),
    /// A future of this process, which is dropped on notification.
    Task(Arc<Notify>),
    Nobody,
}

/// How long the call that killed a task of this process waits before it closes the connection. The
/// task is dropped long before that.
const LAST_SILENCE: Duration = Duration::from_secs(5);

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

impl FaultProxy {
    /// Starts a proxy to `upstream` that injects the faults of `plan`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(upstream: &str, plan: Plan) -> anyhow::Result<FaultProxy> {
        let state = Arc::new(State {
            upstream: upstream.trim_end_matches('/').to_string(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            plan: Mutex::new(plan),
            counts: Mutex::default(),
            half_read_units: Mutex::default(),
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

    /// Replaces the plan, restarts the call numbers at 1, and clears the recorded faults.
    pub fn set_plan(&self, plan: Plan) {
        *locked(&self.state.plan) = plan;
        locked(&self.state.counts).clear();
        locked(&self.state.made).clear();
    }

    /// Makes overlapping writes conflict, as in DynamoDB: from now on, a transaction or a single
    /// write fails if it shares an item with a transaction in progress.
    pub fn make_overlaps_conflict(&self) {
        *locked(&self.state.items_under_way) = Some(ItemsUnderWay::default());
    }

    /// Like [`make_overlaps_conflict`](Self::make_overlaps_conflict), across several proxies.
    pub fn make_overlaps_conflict_among(proxies: &[&FaultProxy]) {
        let items = ItemsUnderWay::default();
        for proxy in proxies {
            *locked(&proxy.state.items_under_way) = Some(items.clone());
        }
    }

    /// From now on, reports these times as the objects' `last-modified` times. Other objects keep
    /// their real times.
    pub fn set_upload_times(&self, times: &UploadTimes) {
        *locked(&self.state.upload_times) = times.clone();
    }

    /// Sets the process that the plan kills.
    pub fn set_victim(&self, process_id: Option<u32>) {
        *locked(&self.state.victim) = process_id.map_or(Victim::Nobody, Victim::Process);
    }

    /// Runs a task of this process that the plan can kill. Returns `None` if it was killed. The
    /// cloud still completes a call that is in progress at that moment, as when a process is
    /// killed.
    pub async fn run_victim<T>(&self, task: impl Future<Output = T>) -> Option<T> {
        let kill = Arc::new(Notify::new());
        *locked(&self.state.victim) = Victim::Task(kill.clone());
        tokio::select! {
            biased;
            () = kill.notified() => None,
            ended = task => Some(ended),
        }
    }

    /// Waits until the cloud executes no call from this proxy. Held calls do not count.
    pub async fn is_quiet(&self) {
        wait_until(&self.state.under_way, |calls| calls == 0).await;
    }

    /// Waits until a call is held.
    pub async fn is_holding(&self) {
        wait_until(&self.state.held, |calls| calls > 0).await;
    }

    /// Releases the held calls.
    pub fn release(&self) {
        self.state.release.notify_waiters();
    }

    /// The faults injected so far, in order. A test that needs a fault checks that it happened.
    pub fn faults_made(&self) -> Vec<Fault> {
        locked(&self.state.made).clone()
    }

    /// The number of calls of an operation.
    pub fn calls(&self, operation: &str) -> usize {
        locked(&self.state.counts).get(operation).copied().unwrap_or(0)
    }

    /// The read units of the calls that the cloud has executed since this was last asked, in halves
    /// and as DynamoDB bills them.
    pub fn take_half_read_units(&self) -> u64 {
        std::mem::take(&mut *locked(&self.state.half_read_units))
    }
}

impl State {
    async fn handle(self: Arc<Self>, request: Request<Bytes>) -> Result<Response<Body>, HangUp> {
        let operation = operation_of(&request);
        let is_write = matches!(
            operation.as_str(),
            "TransactWriteItems" | "BatchWriteItem" | "PutItem" | "UpdateItem" | "DeleteItem"
        );
        let write = if is_write {
            serde_json::from_slice(request.body()).unwrap_or(Value::Null)
        } else {
            Value::Null
        };
        let name = name_of(&operation, request.body());
        let call = Call {
            number: self.count(&name),
            operation: name,
            actions: action_kinds(&write),
            items: if write.is_null() { vec![] } else { written_items(&write) },
        };
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
                // hyper sends the first half only while it waits for the rest. Without this yield
                // the function would see no body at all, and would retry the call instead of the
                // read.
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

    /// Lets the cloud execute a call, to its end even if the function disconnects.
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
        let items = &call.items;
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
            let single = || error_body(code, "another transaction is in progress on this item");
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
            for item in items {
                under_way.remove(item);
            }
        }
        response
    }

    async fn forward(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HangUp> {
        let operation = operation_of(&request);
        let (mut parts, body) = request.into_parts();
        let request_body = body.clone();
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
        *locked(&self.half_read_units) += units::half_units(&operation, &request_body, &bytes);
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

/// A counted call. Dropping it decreases the count.
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
    // This fails only if the sender is dropped, and we hold a reference to it.
    drop(count.subscribe().wait_for(|count| is_reached(*count)).await);
}

/// Ignores poisoning: a panicking test leaves the data valid.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(full)
}
