//! Runs a function's real binary as a child process under the harness's own Lambda runtime API,
//! which delivers one event at a time. Tests can kill the process at any moment.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, bail};
use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{Mutex, mpsc};

use crate::http::{Body, HangUp, Server, full};

/// The default time limit of an invocation.
const INVOCATION_TIME: Duration = Duration::from_secs(120);
/// How long the harness waits for a worker.
const PATIENCE: Duration = Duration::from_secs(150);

/// How an invocation ended.
#[derive(Debug, PartialEq)]
pub enum Invocation {
    /// The function returned a response.
    Answered(Value),
    /// The function reported an error.
    Failed(Value),
    /// The process died before it responded.
    Died,
}

impl Invocation {
    /// Whether the function reported no failed messages.
    pub fn is_clean(&self) -> bool {
        matches!(self, Invocation::Answered(answer) if answer["batchItemFailures"] == serde_json::json!([]))
    }
}

/// A running function.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Invocation>,
    allowed: Arc<std::sync::Mutex<Duration>>,
    log: mpsc::UnboundedReceiver<Value>,
    _runtime: Server,
}

impl Worker {
    /// Starts `binary` with these environment variables and none of the test process.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn start(binary: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Worker> {
        let (events, next_events) = mpsc::channel::<Value>(1);
        let (answer, answers) = mpsc::channel::<Invocation>(1);
        let next_events = Arc::new(Mutex::new(next_events));
        let allowed = Arc::new(std::sync::Mutex::new(INVOCATION_TIME));
        let allowed_now = allowed.clone();
        let runtime = Server::start(move |request| {
            let (next_events, answer, allowed) =
                (next_events.clone(), answer.clone(), allowed_now.clone());
            async move { serve_runtime_api(request, &next_events, &answer, &allowed).await }
        })
        .await?;
        let mut child = Command::new(binary)
            .env_clear()
            .envs(environment.iter().copied())
            .env("AWS_LAMBDA_RUNTIME_API", runtime.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "under-test")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "harness")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "harness")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", binary.display()))?;
        let (line, log) = mpsc::unbounded_channel();
        let stdout = child.stdout.take().context("the function's log")?;
        tokio::spawn(read_log(BufReader::new(stdout).lines(), line));
        Ok(Worker { child, events, answers, allowed, log, _runtime: runtime })
    }

    /// The next summary in the function's log: a JSON line that names its service.
    ///
    /// # Errors
    /// The function ends or takes too long before it writes one.
    pub async fn next_summary(&mut self) -> anyhow::Result<Value> {
        let line = tokio::time::timeout(PATIENCE, self.log.recv())
            .await
            .context("the function writes no summary")?;
        line.context("the function ended without a summary")
    }

    /// The process ID, so that a test can kill the process.
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sets the time limit that the function sees in the next invocations. The harness does not
    /// enforce it.
    pub fn allow(&self, time: Duration) {
        *self.allowed.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Invokes the function once.
    ///
    /// # Errors
    /// The function neither responds nor dies in time.
    pub async fn invoke(&mut self, event: Value) -> anyhow::Result<Invocation> {
        self.events.send(event).await.context("the runtime has stopped")?;
        tokio::select! {
            biased;
            Some(answer) = self.answers.recv() => Ok(answer),
            status = self.child.wait() => {
                status?;
                Ok(Invocation::Died)
            }
            () = tokio::time::sleep(PATIENCE) => bail!("the function neither answered nor died in {PATIENCE:?}"),
        }
    }
}

/// Reads the log to its end, so that the function never blocks on a full pipe.
async fn read_log(
    mut lines: Lines<BufReader<ChildStdout>>,
    summaries: mpsc::UnboundedSender<Value>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
        if line["service"].is_string() {
            // Sending fails once the worker is dropped.
            drop(summaries.send(line));
        }
    }
}

async fn serve_runtime_api(
    request: Request<Bytes>,
    next_events: &Mutex<mpsc::Receiver<Value>>,
    answer: &mpsc::Sender<Invocation>,
    allowed: &std::sync::Mutex<Duration>,
) -> Result<Response<Body>, HangUp> {
    let path = request.uri().path().to_string();
    if request.method() == Method::GET && path.ends_with("/invocation/next") {
        let event = next_events.lock().await.recv().await.ok_or(HangUp)?;
        let allowed = *allowed.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = UNIX_EPOCH.elapsed().map_err(|_| HangUp)? + allowed;
        return Response::builder()
            .header("lambda-runtime-aws-request-id", "00000000-0000-0000-0000-000000000001")
            .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:000000000000:function:under-test",
            )
            .header("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000")
            .body(full(event.to_string()))
            .map_err(|_| HangUp);
    }
    let body: Value = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
    let ended = if path.ends_with("/response") {
        Invocation::Answered(body)
    } else {
        Invocation::Failed(body)
    };
    // Sending fails if the test has ended, and the worker ends with it.
    drop(answer.send(ended).await);
    Response::builder().status(202).body(full("")).map_err(|_| HangUp)
}
