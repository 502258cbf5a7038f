//! A function under a Lambda runtime of the harness: the real binary as a child process, fed one
//! event at a time, that can be killed at any moment.

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

/// The time that the runtime allows an invocation if the test does not say.
const INVOCATION_TIME: Duration = Duration::from_secs(120);
/// How long the harness waits for a worker before it gives up on it.
const PATIENCE: Duration = Duration::from_secs(150);

/// How an invocation ended.
#[derive(Debug, PartialEq)]
pub enum Invocation {
    /// The function answered.
    Answered(Value),
    /// The function reported an error.
    Failed(Value),
    /// The process died before it answered.
    Died,
}

impl Invocation {
    /// Whether the function answered that every message was handled.
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
    /// Starts `binary` with these environment variables and no others of AWS.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
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

    /// The next summary line of the function's log: what is JSON and has metrics in it.
    ///
    /// # Errors
    ///
    /// If the function ends, or takes too long, before it writes one.
    pub async fn next_summary(&mut self) -> anyhow::Result<Value> {
        let line = tokio::time::timeout(PATIENCE, self.log.recv())
            .await
            .context("the function writes no summary")?;
        line.context("the function ended without a summary")
    }

    /// The process, for whoever wants to kill it.
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sets how long the next invocations may take, as far as the function is told.
    pub fn allow(&self, time: Duration) {
        *self.allowed.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Invokes the function once.
    ///
    /// # Errors
    ///
    /// If it neither answers nor dies in time.
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

/// Reads the log to its end, so that the function never waits for a reader.
async fn read_log(
    mut lines: Lines<BufReader<ChildStdout>>,
    summaries: mpsc::UnboundedSender<Value>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
        if line["_aws"].is_object() {
            // Most tests do not listen.
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
    // Nobody listens any more if the test has ended; the worker ends with it.
    drop(answer.send(ended).await);
    Response::builder().status(202).body(full("")).map_err(|_| HangUp)
}
