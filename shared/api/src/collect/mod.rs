//! Taking events over HTTP: what is posted becomes a chunk in the bucket, and is counted like any
//! other.

pub mod lines;

pub(crate) mod access;
pub(crate) mod body;
pub(crate) mod describe;
pub(crate) mod random;

use std::ops::ControlFlow;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response, service_fn};
use minutebook_domain::chunk::precheck::{CheckedLines, LineChecker, RejectedLine};
use minutebook_domain::count::measure::Currency;
use minutebook_domain::event::reason::{Field, Reason};
use minutebook_storage::bucket::store::{EventBucket, EventStore, Post, PutOnce};
use minutebook_storage::error::StorageError;
use minutebook_storage::table::Table;
use minutebook_storage::write_keys::WriteKeys;
use schemars::JsonSchema;
use serde::Serialize;

use crate::collect::access::site_of_key;
use crate::collect::body::{PostedLines, Refusal};
use crate::collect::random::Generated;
use crate::http::response::{
    json, json_with_status, preflight_or_no_post, preflight_or_wrong_method, problem, problem_with,
};
use minutebook_runtime::aws::Aws;
use minutebook_runtime::clock::Clock;
use minutebook_runtime::config::{CollectConfig, Config, environment};

/// How many rejected lines an answer lists: an answer has to fit into the 6 MB that Lambda gives
/// back.
const REJECTED_LISTED_MAX: usize = 1_000;

/// How far the bucket's clock may be behind ours: an event that is accepted here must not be in the
/// future there.
const CLOCK_MARGIN: TimeDelta = TimeDelta::seconds(5);

/// The page of a single view that names neither page nor item, so that it is counted.
pub(crate) const PAGE_NOT_SET: &str = "(not set)";

/// The path that answers a single object as the Flask service did which had it.
const SINGLE_PATH: &str = "/event";

/// Runs the collect function under the Lambda runtime until it is shut down.
///
/// # Errors
/// A configuration that cannot be used, at start-up; the runtime's own.
pub async fn serve() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let config = Config::read(environment)?;
    let collect_config = CollectConfig::read(environment)?;
    let aws = Aws::read(environment)?;
    let table = Table { client: aws.dynamodb(), name: config.table };
    let handler = Handler {
        events: EventBucket { client: aws.s3(), name: collect_config.bucket },
        write_keys: collect_config.requires_write_keys.then_some(table),
        default_currency: config.default_currency,
        makes_random_events: collect_config.makes_random_events,
        clock: Clock::system(),
    };
    lambda_http::run(service_fn(|request| handler.handle(request))).await
}

/// The collect function with all that it depends on.
#[derive(Clone, Debug)]
pub struct Handler<S, K> {
    /// Where chunks are stored.
    pub events: S,
    /// Where write keys are looked up; `None` where posts need none.
    pub write_keys: Option<K>,
    /// The currency of events that name none.
    pub default_currency: Currency,
    /// Whether it makes random events for whoever asks for them.
    pub makes_random_events: bool,
    /// Where now comes from.
    pub clock: Clock,
}

/// A post that was read, but not judged.
struct ReadPost<'a> {
    lines: PostedLines,
    /// The hash of the body, unpacked.
    body_hash: blake3::Hash,
    idempotency_key: Option<&'a [u8]>,
    /// Whether it is a single object at [`SINGLE_PATH`].
    is_single: bool,
    /// The site that its write key is for, where keys are demanded.
    only_site: Option<String>,
}

impl<S: EventStore, K: WriteKeys> Handler<S, K> {
    /// Answers one request, if it brings events only once they are stored. What goes wrong is an
    /// answer too: 503 says that a retry helps.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, lambda_http::Error> {
        let is_for_random_events = request.uri().path().ends_with(random::PATH);
        let is_no_use =
            if is_for_random_events { preflight_or_wrong_method } else { preflight_or_no_post };
        if let Some(response) = is_no_use(request.method()) {
            return Ok(response);
        }
        let answered = if is_for_random_events {
            self.make_events(&request).await
        } else {
            self.admit(&request).await
        };
        Ok(answered.unwrap_or_else(|refusal| problem(refusal.status, &refusal.detail)))
    }

    async fn admit(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        let only_site = self.only_site(request).await?;
        self.take(&read(request, only_site)?).await
    }

    /// The site whose events may be stored; `None` for all sites.
    async fn only_site(&self, request: &Request) -> Result<Option<String>, Refusal> {
        match &self.write_keys {
            Some(write_keys) => site_of_key(request.headers(), write_keys).await.map(Some),
            None => Ok(None),
        }
    }

    async fn make_events(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        if !self.makes_random_events {
            let detail = "this deployment makes no random events; the template's parameter DemoEvents would let it";
            return Err(Refusal::new(StatusCode::FORBIDDEN, detail));
        }
        let count = random::count(request.uri().query().unwrap_or_default())
            .map_err(|sentence| Refusal::new(StatusCode::BAD_REQUEST, sentence))?;
        let only_site = self.only_site(request).await?;
        if request.method() == Method::HEAD {
            // It asks what GET would answer, and may change nothing.
            return Ok(json(&Generated::new(count, "")));
        }
        let now = self.clock.now();
        let text = random::text(count, now, only_site.as_deref());
        let mut checker = LineChecker::new(now - CLOCK_MARGIN, self.default_currency);
        let checked = checker.check_text(text.as_bytes(), REJECTED_LISTED_MAX);
        let key = self.store(checked.accepted, now).await?;
        tracing::info!(accepted = checked.accepted_lines, chunk = key, "random events are stored");
        Ok(json(&Generated::new(checked.accepted_lines, &key)))
    }

    /// Stores lines as a chunk of their own, and gives its key.
    async fn store(&self, lines: Vec<u8>, now: DateTime<Utc>) -> Result<String, Refusal> {
        let key = format!(
            "collected/{}/{:032x}.jsonl",
            now.format("%Y-%m-%d/%H"),
            rand::random::<u128>()
        );
        self.events.put(&key, lines).await.map_err(|error| not_stored(&error))?;
        Ok(key)
    }

    async fn take(&self, post: &ReadPost<'_>) -> Result<Response<Body>, Refusal> {
        let now = self.clock.now();
        let mut checked = match self.check(post, now) {
            ControlFlow::Continue(checked) => checked,
            ControlFlow::Break(response) => return Ok(response),
        };
        let lines = std::mem::take(&mut checked.accepted);
        let Some(idempotency_key) = post.idempotency_key else {
            let key = self.store(lines, now).await?;
            return Ok(answer(post, &checked, &key));
        };
        let key = self.key_of(post, idempotency_key);
        let this = Post { body_hash: post.body_hash.to_hex().to_string(), received_at: now };
        let put = self.events.put_once(&key, lines, &this).await;
        match put.map_err(|error| not_stored(&error))? {
            PutOnce::Stored => Ok(answer(post, &checked, &key)),
            PutOnce::Known(first) if first.body_hash == this.body_hash => {
                // What was accepted then is what is stored, so the answer is the same too.
                match self.check(post, first.received_at) {
                    ControlFlow::Continue(checked) => Ok(answer(post, &checked, &key)),
                    ControlFlow::Break(response) => Ok(response),
                }
            }
            PutOnce::Known(_) => Err(Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "this Idempotency-Key came with another body before; a new post needs a new key",
            )),
        }
    }

    /// Tells the lines apart that a post at this time has; breaks with the answer if none is
    /// accepted.
    fn check(
        &self,
        post: &ReadPost<'_>,
        now: DateTime<Utc>,
    ) -> ControlFlow<Response<Body>, CheckedLines> {
        let mut checker = LineChecker::new(now - CLOCK_MARGIN, self.default_currency);
        if let Some(site) = &post.only_site {
            checker = checker.only_of(site);
        }
        if post.is_single {
            return match complete(&mut checker, &post.lines.text, now) {
                Ok(line) => ControlFlow::Continue(checker.check_text(&line, REJECTED_LISTED_MAX)),
                Err(reason) => {
                    let rejected = vec![RejectedLine { number: 1, reason }];
                    let checked =
                        CheckedLines { rejected, rejected_lines: 1, ..CheckedLines::default() };
                    ControlFlow::Break(none_accepted(&sentence(reason), &checked))
                }
            };
        }
        let checked = checker.check_text(&post.lines.text, REJECTED_LISTED_MAX);
        if checked.accepted_lines > 0 {
            return ControlFlow::Continue(checked);
        }
        let detail = match &checked.rejected[..] {
            [only] => format!(
                "no event was accepted: line {} is rejected as {}",
                only.number, only.reason
            ),
            _ => {
                format!("no event was accepted: all {} lines are rejected", checked.rejected_lines)
            }
        };
        ControlFlow::Break(none_accepted(&detail, &checked))
    }

    /// The key of a chunk that may be posted more than once. It says nothing of the time, or a
    /// retry after the full hour would be another chunk. Sites need not agree on their idempotency
    /// keys: the site of the first line is part of it.
    fn key_of(&self, post: &ReadPost<'_>, idempotency_key: &[u8]) -> String {
        let first_line = post.lines.text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let mut checker = LineChecker::new(DateTime::UNIX_EPOCH, self.default_currency);
        let site = checker.site(first_line).unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(site.len() as u64).to_be_bytes());
        hasher.update(site);
        hasher.update(idempotency_key);
        format!("collected/keyed/{}.jsonl", hasher.finalize().to_hex())
    }
}

fn read(request: &Request, only_site: Option<String>) -> Result<ReadPost<'_>, Refusal> {
    let body = body::unpacked(request.headers(), request.body().as_ref())?;
    let idempotency_key = body::idempotency_key(request.headers())?;
    let body_hash = blake3::hash(&body);
    let lines = body::lines(&body)?;
    let is_single = lines.is_object && request.uri().path().ends_with(SINGLE_PATH);
    Ok(ReadPost { lines, body_hash, idempotency_key, is_single, only_site })
}

/// A single event of the Flask service, with what it may lack there: it must name its site, its
/// time is by default that of its arrival, and a view need not name what is viewed.
fn complete(checker: &mut LineChecker, line: &[u8], now: DateTime<Utc>) -> Result<Vec<u8>, Reason> {
    let mut line = line.to_vec();
    // An object that cannot be read names no site either, but is rejected for what it is.
    if checker.site(&line).is_none() {
        return Err(match checker.check(&line) {
            Err(
                reason @ (Reason::TooLong | Reason::NotUtf8 | Reason::NotJson | Reason::TooDeep),
            ) => reason,
            _ => Reason::Missing(Field::SiteId),
        });
    }
    let arrival = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    if checker.check(&line) == Err(Reason::Missing(Field::Timestamp)) {
        set(&mut line, Field::Timestamp, &arrival);
    }
    if checker.check(&line) == Err(Reason::Missing(Field::ItemId)) {
        let mut paged = line.clone();
        set(&mut paged, Field::PageUrl, PAGE_NOT_SET);
        // Only a view can do with a page.
        if checker.check(&paged).is_ok() {
            return Ok(paged);
        }
    }
    checker.check(&line)?;
    Ok(line)
}

/// Gives an object that is not empty one more member at its end, which counts whatever stands
/// before it.
fn set(line: &mut Vec<u8>, field: Field, value: &str) {
    line.truncate(line.trim_ascii_end().len().saturating_sub(1));
    line.extend_from_slice(format!(",\"{}\":\"{value}\"}}", field.name()).as_bytes());
}

fn sentence(reason: Reason) -> String {
    match reason {
        Reason::Missing(field) => format!("Missing required field: {}", field.name()),
        Reason::Invalid(field) => format!("Invalid field: {}", field.name()),
        Reason::UnknownType => "Unknown event type".to_string(),
        _ => format!("Invalid event: {reason}"),
    }
}

/// The answer to a single object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Received {
    message: &'static str,
}

/// What became of the lines of a post.
// In the order in which its members are written.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Accepted<'a> {
    /// How many lines are stored.
    accepted: u64,
    #[serde(flatten)]
    rejected: RejectedAnswer,
    /// The key of the object that they are stored as.
    chunk: &'a str,
}

/// The lines that are no events.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OfPost")]
pub(crate) struct RejectedAnswer {
    /// The lines that are not stored; of more than 1,000 the first.
    rejected: Vec<RejectedLineAnswer>,
    /// How many there are, if there are more than are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_total: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RejectedLine")]
struct RejectedLineAnswer {
    /// The line, or the element of an array, from 1.
    line: u64,
    reason: String,
}

impl RejectedAnswer {
    fn of(checked: &CheckedLines) -> RejectedAnswer {
        let line = |line: &RejectedLine| RejectedLineAnswer {
            line: line.number,
            reason: line.reason.to_string(),
        };
        let is_cut = checked.rejected_lines > checked.rejected.len() as u64;
        RejectedAnswer {
            rejected: checked.rejected.iter().map(line).collect(),
            rejected_total: is_cut.then_some(checked.rejected_lines),
        }
    }
}

fn answer(post: &ReadPost<'_>, checked: &CheckedLines, key: &str) -> Response<Body> {
    tracing::info!(
        accepted = checked.accepted_lines,
        rejected = checked.rejected_lines,
        chunk = key,
        "posted events are stored"
    );
    if post.is_single {
        return json(&Received { message: "Event received" });
    }
    let accepted = checked.accepted_lines;
    json_with_status(
        StatusCode::ACCEPTED,
        &Accepted { accepted, rejected: RejectedAnswer::of(checked), chunk: key },
    )
}

fn none_accepted(detail: &str, checked: &CheckedLines) -> Response<Body> {
    problem_with(StatusCode::BAD_REQUEST, detail, &RejectedAnswer::of(checked))
}

fn not_stored(error: &StorageError) -> Refusal {
    tracing::error!(%error, "posted events could not be stored");
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the events may not have been stored; post them again in a moment (with an Idempotency-Key they are counted once)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::http::header::CONTENT_TYPE;
    use minutebook_storage::bucket::store::Label;
    use serde_json::{Value, json};
    use std::collections::{BTreeMap, HashMap};
    use std::pin::pin;
    use std::sync::Mutex;
    use std::task::{Context, Poll, Waker};

    /// The lines of a chunk, and its metadata if it may be put only once.
    type Chunk = (Vec<u8>, Option<HashMap<String, String>>);

    /// A bucket in memory.
    #[derive(Default)]
    struct Memory {
        chunks: Mutex<BTreeMap<String, Chunk>>,
        is_away: bool,
    }

    impl Memory {
        fn store<L: Label>(
            &self,
            key: &str,
            lines: Vec<u8>,
            label: Option<&L>,
        ) -> Result<PutOnce<L>, StorageError> {
            if self.is_away {
                return Err(StorageError::Unavailable {
                    call: "PutObject",
                    reason: "it is away".to_string(),
                });
            }
            let mut chunks = self.chunks.lock().expect("no test panics");
            if let Some((_, Some(first))) = chunks.get(key) {
                return Ok(PutOnce::Known(L::of(first).expect("a label of this kind")));
            }
            chunks.insert(key.to_string(), (lines, label.map(Label::metadata)));
            Ok(PutOnce::Stored)
        }
    }

    impl EventStore for Memory {
        async fn put(&self, key: &str, lines: Vec<u8>) -> Result<(), StorageError> {
            self.store::<Post>(key, lines, None).map(drop)
        }

        async fn put_once<L: Label>(
            &self,
            key: &str,
            lines: Vec<u8>,
            label: &L,
        ) -> Result<PutOnce<L>, StorageError> {
            self.store(key, lines, Some(label))
        }
    }

    /// The hashes of the keys that are known, by their site.
    struct Known(Vec<(&'static str, String)>);

    impl WriteKeys for Known {
        async fn is_known(&self, site: &str, key_hash: &str) -> Result<bool, StorageError> {
            Ok(self.0.iter().any(|(known, hash)| (*known, hash.as_str()) == (site, key_hash)))
        }
    }

    const NOW: &str = "2026-11-21T12:00:30Z";
    const VIEW: &str = r#"{"event":"view","timestamp":"2026-11-21T12:00:00Z","item_id":1}"#;

    fn handler() -> Handler<Memory, Known> {
        handler_at(NOW)
    }

    fn handler_at(now: &str) -> Handler<Memory, Known> {
        let now: DateTime<Utc> = now.parse().expect("a time");
        let default_currency = Currency::parse(b"USD").expect("three letters");
        Handler {
            events: Memory::default(),
            write_keys: None,
            default_currency,
            makes_random_events: false,
            clock: Clock::new(move || now),
        }
    }

    fn sent(
        handler: &Handler<Memory, Known>,
        path: &str,
        key: Option<&str>,
        body: &str,
    ) -> (u16, Value) {
        let headers: Vec<(&str, &str)> =
            key.map(|key| ("idempotency-key", key)).into_iter().collect();
        sent_with(handler, path, &headers, body)
    }

    fn sent_with(
        handler: &Handler<Memory, Known>,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, Value) {
        let mut request = lambda_http::http::Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answered(handler, request.body(Body::from(body)).expect("a request"))
    }

    fn answered(handler: &Handler<Memory, Known>, request: Request) -> (u16, Value) {
        let answering = pin!(handler.handle(request));
        let Poll::Ready(response) = answering.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the bucket in memory answers at once");
        };
        let response = response.expect("an answer");
        let status = response.status();
        let content_type =
            if status.is_success() { "application/json" } else { "application/problem+json" };
        assert_eq!(response.headers()[CONTENT_TYPE], content_type);
        (status.as_u16(), serde_json::from_slice(response.body().as_ref()).expect("JSON"))
    }

    fn posted(handler: &Handler<Memory, Known>, body: &str) -> (u16, Value) {
        sent(handler, "/events", None, body)
    }

    fn stored(handler: &Handler<Memory, Known>) -> Vec<(String, String)> {
        let chunks = handler.events.chunks.lock().expect("no test panics");
        let text = |(lines, _): &Chunk| String::from_utf8(lines.clone()).expect("text");
        chunks.iter().map(|(key, chunk)| (key.clone(), text(chunk))).collect()
    }

    #[test]
    fn good_lines_become_one_chunk_and_bad_ones_are_told() {
        let handler = handler();
        let (status, answer) =
            posted(&handler, &format!("{VIEW}\n{{\"event\":\"view\",\"item_id\":1}}\n\nx\n{VIEW}"));
        let chunks = stored(&handler);
        let [(key, text)] = &chunks[..] else { panic!("one chunk: {chunks:?}") };
        let rejected =
            json!([{"line": 2, "reason": "missing:timestamp"}, {"line": 4, "reason": "not_json"}]);
        assert_eq!(
            (status, answer),
            (202, json!({"accepted": 2, "rejected": rejected, "chunk": key}))
        );
        assert_eq!(text, &format!("{VIEW}\n{VIEW}\n"));
        let name = key.strip_prefix("collected/2026-11-21/12/").expect("the hour of its arrival");
        assert_eq!(name.len(), 32 + ".jsonl".len());
    }

    fn made(handler: &Handler<Memory, Known>, query: &str, key: Option<&str>) -> (u16, Value) {
        let mut request =
            lambda_http::http::Request::get(format!("/generate_random_events{query}"));
        if let Some(key) = key {
            request = request.header("x-write-key", key);
        }
        answered(handler, request.body(Body::Empty).expect("a request"))
    }

    #[test]
    fn random_events_are_stored_as_a_post_is() {
        let handler = Handler { makes_random_events: true, ..handler() };
        let (status, answer) = made(&handler, "?count=250", None);
        let chunks = stored(&handler);
        let [(key, text)] = &chunks[..] else { panic!("one chunk: {chunks:?}") };
        let message = "Random event generated and appended to file";
        assert_eq!(
            (status, answer),
            (200, json!({"message": message, "events": 250, "chunk": key}))
        );
        assert_eq!(text.lines().count(), 250);
        assert!(key.starts_with("collected/2026-11-21/12/") && key.ends_with(".jsonl"), "{key}");
    }

    #[test]
    fn random_events_are_made_only_where_the_deployment_says_so() {
        let (status, problem) = made(&handler(), "?count=0", None);
        assert!(
            status == 403
                && problem["error"].as_str().is_some_and(|error| error.contains("DemoEvents")),
            "{problem}"
        );
        let handler = Handler { makes_random_events: true, ..handler() };
        let (status, problem) = made(&handler, "?count=10001", None);
        assert!(
            status == 400
                && problem["error"].as_str().is_some_and(|error| error.contains("1 to 10000")),
            "{problem}"
        );
        assert!(stored(&handler).is_empty());
    }

    #[test]
    fn a_head_makes_no_random_events() {
        let handler = Handler { makes_random_events: true, ..handler() };
        let request = lambda_http::http::Request::head("/generate_random_events").body(Body::Empty);
        assert_eq!(answered(&handler, request.expect("a request")).0, 200);
        assert!(stored(&handler).is_empty());
    }

    #[test]
    fn random_events_need_a_write_key_where_posts_do() {
        let key = "shop.secret";
        let write_keys =
            Some(Known(vec![("shop", blake3::hash(key.as_bytes()).to_hex().to_string())]));
        let handler = Handler { makes_random_events: true, write_keys, ..handler() };
        assert_eq!(made(&handler, "", None).0, 401);
        assert_eq!(made(&handler, "", Some(key)).1["events"], 100);
        let chunks = stored(&handler);
        let [(_, text)] = &chunks[..] else { panic!("one chunk: {chunks:?}") };
        assert!(text.lines().all(|line| line.contains("\"site_id\":\"shop\"")), "{text}");
    }

    #[test]
    fn an_object_and_an_array_are_taken_as_lines_are() {
        let pretty = VIEW.replace(',', ",\n  ");
        for (body, count) in [(pretty.clone(), 1), (format!("[{pretty},\n{VIEW}]"), 2)] {
            let handler = handler();
            let (status, answer) = posted(&handler, &body);
            assert_eq!((status, &answer["accepted"]), (202, &json!(count)), "{answer}");
            assert_eq!(stored(&handler)[0].1.lines().count(), count);
        }
    }

    #[test]
    fn nothing_is_stored_if_no_line_is_good() {
        let handler = handler();
        let (status, problem) = posted(&handler, "x");
        assert_eq!(
            (status, &problem["rejected"]),
            (400, &json!([{"line": 1, "reason": "not_json"}]))
        );
        assert_eq!(problem["error"], "no event was accepted: line 1 is rejected as not_json");
        let many = "x\n".repeat(REJECTED_LISTED_MAX + 7);
        let (status, problem) = posted(&handler, &many);
        assert_eq!((status, &problem["rejected_total"]), (400, &json!(REJECTED_LISTED_MAX + 7)));
        assert_eq!(problem["rejected"].as_array().map(Vec::len), Some(REJECTED_LISTED_MAX));
        assert!(stored(&handler).is_empty());
    }

    #[test]
    fn what_the_bucket_would_take_for_the_future_is_rejected_here() {
        let handler = handler();
        let (limit, beyond) =
            (VIEW.replace("12:00:00", "12:10:25"), VIEW.replace("12:00:00", "12:10:26"));
        let (_, answer) = posted(&handler, &format!("{limit}\n{beyond}"));
        assert_eq!(answer["rejected"], json!([{"line": 2, "reason": "future"}]));
    }

    #[test]
    fn a_repeated_post_is_one_chunk_and_has_the_first_answer_however_late() {
        let mut handler = handler();
        let future = VIEW.replace("12:00:00", "12:10:30");
        let body = format!("{VIEW}\n{future}");
        let first = sent(&handler, "/events", Some("k"), &body);
        assert_eq!((first.0, &first.1["accepted"]), (202, &json!(1)));
        handler.clock = handler_at("2026-11-22T01:00:00Z").clock;
        assert_eq!(sent(&handler, "/events", Some("k"), &body), first);
        let (status, problem) = sent(&handler, "/events", Some("k"), VIEW);
        assert_eq!((status, &problem["title"]), (422, &json!("Unprocessable Entity")));
        assert_eq!(stored(&handler).len(), 1);
        // Another key, and the same key of another site, are other posts.
        assert_eq!(sent(&handler, "/events", Some("l"), VIEW).0, 202);
        let other_site = VIEW.replace("\"item_id\"", "\"site_id\":\"s\",\"item_id\"");
        assert_eq!(sent(&handler, "/events", Some("k"), &other_site).0, 202);
        assert_eq!(stored(&handler).len(), 3);
        assert!(stored(&handler).iter().all(|(key, _)| key.starts_with("collected/keyed/")));
    }

    #[test]
    fn a_single_event_is_answered_as_the_flask_service_did() {
        let body = r#"{"site_id":"site-abc-123","event_type":"page_view","path":"/pricing","user_id":"user-xyz-789",
            "timestamp":"2025-11-12T19:30:01Z"}"#;
        let handler = handler();
        assert_eq!(
            sent(&handler, "/event", None, body),
            (200, json!({"message": "Event received"}))
        );
        assert_eq!(stored(&handler)[0].1.lines().count(), 1);
        // Elsewhere it is a post like any other, and many events are so here too.
        assert_eq!(sent(&handler, "/ingest", None, body).0, 202);
        assert_eq!(sent(&handler, "/event", None, &format!("[{body}]")).0, 202);
    }

    #[test]
    fn a_single_event_may_lack_its_time_and_its_page() {
        for (body, line) in [
            (
                r#"{"site_id":"s","event_type":"page_view"}"#,
                r#"{"site_id":"s","event_type":"page_view","timestamp":"2026-11-21T12:00:30Z","page_url":"(not set)"}"#,
            ),
            (
                r#"{"site_id":"s","event_type":"page_view","path":null,"timestamp":null }"#,
                r#"{"site_id":"s","event_type":"page_view","path":null,"timestamp":null ,"timestamp":"2026-11-21T12:00:30Z","page_url":"(not set)"}"#,
            ),
            (
                r#"{"app_id":"s","event":"purchase","aid":4}"#,
                r#"{"app_id":"s","event":"purchase","aid":4,"timestamp":"2026-11-21T12:00:30Z"}"#,
            ),
        ] {
            let handler = handler();
            assert_eq!(sent(&handler, "/event", None, body).0, 200, "{body}");
            assert_eq!(stored(&handler)[0].1, format!("{line}\n"));
        }
    }

    #[test]
    fn a_single_event_that_lacks_more_is_refused_with_the_sentence_of_the_flask_service() {
        for (body, sentence, reason) in [
            (r#"{"event_type":"page_view"}"#, "Missing required field: site_id", "missing:site_id"),
            (
                r#"{"site_id":"","event_type":"page_view"}"#,
                "Missing required field: site_id",
                "missing:site_id",
            ),
            ("{}", "Missing required field: site_id", "missing:site_id"),
            (r#"{"site_id":"s"}"#, "Missing required field: event_type", "missing:event_type"),
            (
                r#"{"site_id":"s","event_type":"purchase"}"#,
                "Missing required field: item_id",
                "missing:item_id",
            ),
            (
                r#"{"site_id":"a b","event_type":"page_view"}"#,
                "Invalid field: site_id",
                "invalid:site_id",
            ),
            (r#"{"site_id":"s","event_type":"wave"}"#, "Unknown event type", "unknown_type"),
            (r#"{"site_id":"\ud800","event_type":"view"}"#, "Invalid event: not_json", "not_json"),
        ] {
            let handler = handler();
            let (status, problem) = sent(&handler, "/event", None, body);
            assert_eq!((status, &problem["error"]), (400, &json!(sentence)), "{body}");
            assert_eq!(problem["rejected"], json!([{"line": 1, "reason": reason}]));
            assert!(stored(&handler).is_empty());
        }
    }

    #[test]
    fn a_post_needs_a_write_key_of_its_site_where_keys_are_demanded() {
        let mut handler = handler();
        let hash = |key: &str| blake3::hash(key.as_bytes()).to_hex().to_string();
        handler.write_keys = Some(Known(vec![("a.b", hash("a.b.01")), ("c", hash("c.02"))]));
        let view = |site: &str| {
            VIEW.replace("\"item_id\"", &format!("\"site_id\":\"{site}\",\"item_id\""))
        };
        let both = format!("{}\n{}\n{VIEW}", view("a.b"), view("c"));
        let with_key =
            |key: &'static str| sent_with(&handler, "/events", &[("x-write-key", key)], &both);
        for wrong in ["", "01", "a.b", "a.b.02", "c.01", "a.b.01.", "d.01"] {
            let (status, problem) = with_key(wrong);
            assert_eq!((status, &problem["title"]), (401, &json!("Unauthorized")), "{wrong}");
        }
        assert_eq!(sent(&handler, "/events", None, &both).0, 401);
        assert!(stored(&handler).is_empty());
        let (status, answer) = with_key("a.b.01");
        assert_eq!((status, &answer["accepted"]), (202, &json!(1)));
        let reason = "invalid:site_id";
        assert_eq!(
            answer["rejected"],
            json!([{"line": 2, "reason": reason}, {"line": 3, "reason": reason}])
        );
        assert_eq!(stored(&handler)[0].1, view("a.b") + "\n");
        let (status, _) =
            sent_with(&handler, "/event", &[("authorization", "Bearer c.02")], &view("c"));
        assert_eq!(status, 200);
        let (status, problem) =
            sent_with(&handler, "/event", &[("authorization", "Bearer c.02")], &view("a.b"));
        assert_eq!((status, &problem["error"]), (400, &json!("Invalid field: site_id")));
    }

    #[test]
    fn a_bucket_that_is_away_is_503() {
        let mut handler = handler();
        handler.events.is_away = true;
        for key in [None, Some("k")] {
            let (status, problem) = sent(&handler, "/events", key, VIEW);
            assert_eq!(status, 503);
            assert!(
                problem["error"].as_str().is_some_and(|error| error.contains("again")),
                "{problem}"
            );
        }
    }
}
