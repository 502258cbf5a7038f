mod ids;
mod settings;

use self::settings::Revisions;
use super::*;
use crate::access::Caller;
use crate::access::sharing::Sharing;
use lambda_http::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use minutebook_storage::bucket::store::Label;
use minutebook_storage::error::StorageError;
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

const NOW: &str = "2026-11-21T12:00:30Z";
const VIEW: &str = r#"{"event":"view","timestamp":"2026-11-21T12:00:00Z","item_id":1}"#;

fn inbox() -> Inbox<Memory, Revisions> {
    inbox_at(NOW)
}

fn inbox_at(now: &str) -> Inbox<Memory, Revisions> {
    let now: DateTime<Utc> = now.parse().expect("a time");
    Inbox {
        events: Memory::default(),
        default_currency: Currency::USD,
        default_time_zone: Tz::UTC,
        settings: Revisions::default(),
        known_settings: Arc::default(),
        makes_random_events: false,
        clock: Clock::new(move || now),
    }
}

fn view_of(site: &str) -> String {
    VIEW.replace("\"item_id\"", &format!("\"site_id\":\"{site}\",\"item_id\""))
}

/// A view that was posted without a site, as it is stored with that of its key.
fn given(site: &str) -> String {
    VIEW.replace('}', &format!(",\"site_id\":\"{site}\"}}"))
}

fn sent(
    inbox: &Inbox<Memory, Revisions>,
    path: &str,
    key: Option<&str>,
    body: &str,
) -> (u16, Value) {
    let headers: Vec<(&str, &str)> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    sent_with(inbox, path, &headers, body)
}

fn sent_with(
    inbox: &Inbox<Memory, Revisions>,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, Value) {
    sent_by(None, inbox, path, headers, body)
}

/// Sends a post with a key for this site; `None` is all sites.
fn sent_by(
    site: Option<&str>,
    inbox: &Inbox<Memory, Revisions>,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, Value) {
    let mut request = lambda_http::http::Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answered(inbox, site, request.body(Body::from(body)).expect("a request"))
}

fn answered(
    inbox: &Inbox<Memory, Revisions>,
    site: Option<&str>,
    request: Request,
) -> (u16, Value) {
    let sites = site.map(|site| BTreeSet::from([SiteId::parse(site).expect("a site")]));
    let caller = Caller { sites, sees_deployment: false, sharing: Sharing::Impossible };
    let admitted = Admitted { request, caller };
    let answering = pin!(handle(&admitted, inbox));
    let Poll::Ready(response) = answering.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the bucket in memory answers at once");
    };
    let status = response.status();
    let content_type =
        if status.is_success() { "application/json" } else { "application/problem+json" };
    assert_eq!(response.headers()[CONTENT_TYPE], content_type);
    assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    (status.as_u16(), serde_json::from_slice(response.body().as_ref()).expect("JSON"))
}

fn posted(inbox: &Inbox<Memory, Revisions>, body: &str) -> (u16, Value) {
    sent(inbox, "/events", None, body)
}

fn stored(inbox: &Inbox<Memory, Revisions>) -> Vec<(String, String)> {
    let chunks = inbox.events.chunks.lock().expect("no test panics");
    let text = |(lines, _): &Chunk| String::from_utf8(lines.clone()).expect("text");
    chunks.iter().map(|(key, chunk)| (key.clone(), text(chunk))).collect()
}

#[test]
fn good_lines_become_one_chunk_and_bad_ones_are_told() {
    let inbox = inbox();
    let (status, answer) =
        posted(&inbox, &format!("{VIEW}\n{{\"event\":\"view\",\"item_id\":1}}\n\nx\n{VIEW}"));
    let chunks = stored(&inbox);
    let [(key, text)] = &chunks[..] else { panic!("one chunk: {chunks:?}") };
    let rejected =
        json!([{"line": 2, "reason": "missing:timestamp"}, {"line": 4, "reason": "not_json"}]);
    assert_eq!((status, answer), (202, json!({"accepted": 2, "rejected": rejected, "chunk": key})));
    assert_eq!(text, &format!("{VIEW}\n{VIEW}\n"));
    let name = key.strip_prefix("collected/2026-11-21/12/").expect("the hour of its arrival");
    assert_eq!(name.len(), 32 + ".jsonl".len());
}

fn made(inbox: &Inbox<Memory, Revisions>, query: &str, site: Option<&str>) -> (u16, Value) {
    let request = lambda_http::http::Request::get(format!("/generate_random_events{query}"));
    answered(inbox, site, request.body(Body::Empty).expect("a request"))
}

#[test]
fn random_events_are_stored_as_a_post_is() {
    let inbox = Inbox { makes_random_events: true, ..inbox() };
    let (status, answer) = made(&inbox, "?count=250", None);
    let chunks = stored(&inbox);
    let [(key, text)] = &chunks[..] else { panic!("one chunk: {chunks:?}") };
    let message = "Random event generated and appended to file";
    assert_eq!((status, answer), (200, json!({"message": message, "events": 250, "chunk": key})));
    assert_eq!(text.lines().count(), 250);
    assert!(key.starts_with("collected/2026-11-21/12/") && key.ends_with(".jsonl"), "{key}");
}

#[test]
fn random_events_are_made_only_where_the_deployment_says_so() {
    let (status, problem) = made(&inbox(), "?count=0", None);
    assert!(
        status == 403
            && problem["error"].as_str().is_some_and(|error| error.contains("DemoEvents")),
        "{problem}"
    );
    let inbox = Inbox { makes_random_events: true, ..inbox() };
    let (status, problem) = made(&inbox, "?count=10001", None);
    assert!(
        status == 400
            && problem["error"].as_str().is_some_and(|error| error.contains("1 to 10000")),
        "{problem}"
    );
    assert!(stored(&inbox).is_empty());
}

#[test]
fn a_head_makes_no_random_events() {
    let inbox = Inbox { makes_random_events: true, ..inbox() };
    let request = lambda_http::http::Request::head("/generate_random_events").body(Body::Empty);
    assert_eq!(answered(&inbox, None, request.expect("a request")).0, 200);
    assert!(stored(&inbox).is_empty());
}

#[test]
fn random_events_are_of_the_site_of_the_key() {
    let inbox = Inbox { makes_random_events: true, ..inbox() };
    assert_eq!(made(&inbox, "", Some("shop")).1["events"], 100);
    let chunks = stored(&inbox);
    let [(_, text)] = &chunks[..] else { panic!("one chunk: {chunks:?}") };
    assert!(text.lines().all(|line| line.contains("\"site_id\":\"shop\"")), "{text}");
}

#[test]
fn an_object_and_an_array_are_taken_as_lines_are() {
    let pretty = VIEW.replace(',', ",\n  ");
    for (body, count) in [(pretty.clone(), 1), (format!("[{pretty},\n{VIEW}]"), 2)] {
        let inbox = inbox();
        let (status, answer) = posted(&inbox, &body);
        assert_eq!((status, &answer["accepted"]), (202, &json!(count)), "{answer}");
        assert_eq!(stored(&inbox)[0].1.lines().count(), count);
    }
}

#[test]
fn nothing_is_stored_if_no_line_is_good() {
    let inbox = inbox();
    let (status, problem) = posted(&inbox, "x");
    assert_eq!((status, &problem["rejected"]), (400, &json!([{"line": 1, "reason": "not_json"}])));
    assert_eq!(problem["error"], "no event was accepted: line 1 is rejected as not_json");
    let many = "x\n".repeat(REJECTED_LISTED_MAX + 7);
    let (status, problem) = posted(&inbox, &many);
    assert_eq!((status, &problem["rejected_total"]), (400, &json!(REJECTED_LISTED_MAX + 7)));
    assert_eq!(problem["rejected"].as_array().map(Vec::len), Some(REJECTED_LISTED_MAX));
    assert!(stored(&inbox).is_empty());
}

#[test]
fn a_time_without_a_zone_is_in_that_of_the_deployment() {
    let without_zone = VIEW.replace("12:00:00Z", "12:30:00");
    assert_ne!(without_zone, VIEW);
    for (zone, status) in [(Tz::UTC, 400), (Tz::Europe__Berlin, 202), (Tz::America__New_York, 400)]
    {
        let inbox = Inbox { default_time_zone: zone, ..inbox() };
        assert_eq!(posted(&inbox, &without_zone).0, status, "{zone}");
    }
}

#[test]
fn what_the_bucket_would_take_for_the_future_is_rejected_here() {
    let inbox = inbox();
    let (limit, beyond) =
        (VIEW.replace("12:00:00", "12:10:25"), VIEW.replace("12:00:00", "12:10:26"));
    let (_, answer) = posted(&inbox, &format!("{limit}\n{beyond}"));
    let rejected = json!([{"line": 2, "reason": "future", "time": "2026-11-21T12:10:26Z"}]);
    assert_eq!(answer["rejected"], rejected);
    // An element of `events`, and a single event.
    let elements = format!(r#"{{"events":[{VIEW},{beyond}]}}"#);
    let element =
        json!([{"line": 1, "event": 2, "reason": "future", "time": "2026-11-21T12:10:26Z"}]);
    assert_eq!(posted(&inbox, &elements).1["rejected"], element);
    let single = beyond.replace('{', r#"{"site_id":"s","#);
    let (status, answer) = sent(&inbox, "/event", None, &single);
    assert_eq!((status, &answer["error"]), (400, &json!("Invalid event: future")));
    assert_eq!(answer["rejected"][0]["time"], "2026-11-21T12:10:26Z");
}

#[test]
fn a_repeated_post_is_one_chunk_and_has_the_first_answer_however_late() {
    let mut inbox = inbox();
    let future = VIEW.replace("12:00:00", "12:10:30");
    let body = format!("{VIEW}\n{future}");
    let first = sent(&inbox, "/events", Some("k"), &body);
    assert_eq!((first.0, &first.1["accepted"]), (202, &json!(1)));
    inbox.clock = inbox_at("2026-11-22T01:00:00Z").clock;
    assert_eq!(sent(&inbox, "/events", Some("k"), &body), first);
    let (status, problem) = sent(&inbox, "/events", Some("k"), VIEW);
    assert_eq!((status, &problem["title"]), (422, &json!("Unprocessable Entity")));
    assert_eq!(stored(&inbox).len(), 1);
    // Another key, and the same key of another site, are other posts.
    assert_eq!(sent(&inbox, "/events", Some("l"), VIEW).0, 202);
    assert_eq!(sent(&inbox, "/events", Some("k"), &view_of("s")).0, 202);
    assert_eq!(stored(&inbox).len(), 3);
    assert!(stored(&inbox).iter().all(|(key, _)| key.starts_with("collected/keyed/")));
}

#[test]
fn a_single_event_is_answered_as_the_flask_service_did() {
    let body = r#"{"site_id":"site-abc-123","event_type":"page_view","path":"/pricing","user_id":"user-xyz-789",
        "timestamp":"2025-11-12T19:30:01Z"}"#;
    let inbox = inbox();
    assert_eq!(sent(&inbox, "/event", None, body), (200, json!({"message": "Event received"})));
    assert_eq!(stored(&inbox)[0].1.lines().count(), 1);
    // Elsewhere it is a post like any other, and many events are so here too.
    assert_eq!(sent(&inbox, "/ingest", None, body).0, 202);
    assert_eq!(sent(&inbox, "/event", None, &format!("[{body}]")).0, 202);
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
        let inbox = inbox();
        assert_eq!(sent(&inbox, "/event", None, body).0, 200, "{body}");
        assert_eq!(stored(&inbox)[0].1, format!("{line}\n"));
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
        (
            r#"{"site_id":"\ud800","event_type":"view"}"#,
            "Invalid field: site_id",
            "invalid:site_id",
        ),
    ] {
        let inbox = inbox();
        let (status, problem) = sent(&inbox, "/event", None, body);
        assert_eq!((status, &problem["error"]), (400, &json!(sentence)), "{body}");
        assert_eq!(problem["rejected"], json!([{"line": 1, "reason": reason}]));
        assert!(stored(&inbox).is_empty());
    }
}

#[test]
fn a_post_with_a_key_stores_events_of_its_site_only() {
    let inbox = inbox();
    let all = format!("{}\n{}\n{VIEW}", view_of("a.b"), view_of("c"));
    let (status, answer) = sent_by(Some("a.b"), &inbox, "/events", &[], &all);
    assert_eq!((status, &answer["accepted"]), (202, &json!(2)));
    assert_eq!(answer["rejected"], json!([{"line": 2, "reason": "invalid:site_id"}]));
    // The line without a site is stored with that of the key.
    assert_eq!(stored(&inbox)[0].1, format!("{}\n{}\n", view_of("a.b"), given("a.b")));
    assert_eq!(sent_by(Some("c"), &inbox, "/event", &[], &view_of("c")).0, 200);
    assert_eq!(sent_by(Some("c"), &inbox, "/event", &[], VIEW).0, 200);
    let (status, problem) = sent_by(Some("c"), &inbox, "/event", &[], &view_of("a.b"));
    assert_eq!((status, &problem["error"]), (400, &json!("Invalid field: site_id")));
    // With a key for all sites they are as they are without one.
    assert_eq!(sent_by(None, &inbox, "/events", &[], &all).1["accepted"], json!(3));
}

/// Checks that a 202 accepted as many lines as the chunk that it names holds, and gives the chunk.
fn chunk_of(inbox: &Inbox<Memory, Revisions>, answer: &(u16, Value)) -> (String, String) {
    let (status, answer) = answer;
    let stored = stored(inbox).into_iter().find(|(key, _)| answer["chunk"] == key.as_str());
    let (key, text) = stored.unwrap_or_else(|| panic!("{answer} names no chunk"));
    assert_eq!((*status, &answer["accepted"]), (202, &json!(text.lines().count())), "{text}");
    (key, text)
}

#[test]
fn each_site_of_a_key_has_idempotency_keys_of_its_own() {
    let sites = ["a", "b", "default"];
    let (a, b) = (view_of("a"), view_of("b"));
    let broken_b = r#"{"event":"view","site_id":"b","item_id":1}"#;
    // Each has lines of every site; the first line is of one of them, or broken, or blank.
    let bodies = [
        format!("{a}\n{b}\n{VIEW}"),
        format!("{VIEW}\n{b}\n{b}\n{a}"),
        format!("{broken_b}\n{a}\n{a}\n{b}\n{VIEW}"),
        format!("\nx\n{b}\n{VIEW}\n{a}"),
        format!("[{a},{VIEW},{b},{}]", VIEW.replace("12:00:00", "12:10:30")),
    ];
    let mut inbox = inbox();
    let mut answers = vec![];
    for (number, body) in bodies.iter().enumerate() {
        for site in sites {
            for name in ["k", "l"] {
                let name = format!("{name}{number}");
                let headers = [("idempotency-key", name.as_str())];
                let answer = sent_by(Some(site), &inbox, "/events", &headers, body);
                let (_, text) = chunk_of(&inbox, &answer);
                let own = if site == "default" { VIEW.to_string() } else { given(site) };
                let is_own = |line: &str| line == own || line == view_of(site);
                assert!(text.lines().all(is_own), "{site}: {text}");
                answers.push((site, name, body, answer));
            }
        }
    }
    let chunks = stored(&inbox);
    assert_eq!(chunks.len(), answers.len());
    inbox.clock = inbox_at("2026-11-22T01:00:00Z").clock;
    for (site, name, body, answer) in answers {
        let headers = [("idempotency-key", name.as_str())];
        let sent = |path, body: &str| sent_by(Some(site), &inbox, path, &headers, body);
        assert_eq!(sent("/events", body), answer, "{site} {name}");
        assert_eq!(sent("/ingest", &format!("{}\n{VIEW}", view_of(site))).0, 422, "{site} {name}");
    }
    assert_eq!(stored(&inbox), chunks);
}

#[test]
fn without_keys_idempotency_keys_belong_to_the_sites_of_the_good_lines() {
    let mut inbox = inbox();
    let (a, b) = (view_of("a"), view_of("b"));
    let broken_b = r#"{"event":"view","site_id":"b","item_id":1}"#;
    let future_b = b.replace("12:00:00", "12:10:30");
    // Of each set of sites the first takes the key, and the others are other posts.
    let posts: [&[String]; 6] = [
        &[format!("{broken_b}\n{a}"), a.clone(), format!("x\n{a}\n{a}")],
        &[b.clone(), format!("\n{b}"), format!("\n{b}\n{b}")],
        &[VIEW.to_string(), format!("\n{VIEW}"), view_of("default")],
        &[format!("{a}\n{future_b}"), format!("{b}\n{a}"), format!("[{a},{b}]")],
        &[format!("{VIEW}\n{a}"), format!("{a}\n{VIEW}")],
        &[format!("{VIEW}\n{a}\n{b}"), format!("{b}\n{a}\n{VIEW}")],
    ];
    let first =
        |inbox: &_, key| posts.map(|bodies| sent(inbox, "/events", Some(key), &bodies[0])).to_vec();
    let answers = [first(&inbox, "k"), first(&inbox, "l")];
    let chunks = stored(&inbox);
    assert_eq!(chunks.len(), 2 * posts.len());
    assert!(answers.iter().flatten().all(|answer| !chunk_of(&inbox, answer).1.is_empty()));
    // What was in the future then is not any more, and is still not stored.
    inbox.clock = inbox_at("2026-11-22T01:00:00Z").clock;
    assert_eq!([first(&inbox, "k"), first(&inbox, "l")], answers);
    for other in posts.iter().flat_map(|bodies| &bodies[1..]) {
        assert_eq!(sent(&inbox, "/events", Some("k"), other).0, 422, "{other}");
    }
    assert_eq!(stored(&inbox), chunks);
}

#[test]
fn a_repeated_post_has_all_of_the_first_answer() {
    let mut inbox = inbox();
    let future = VIEW.replace("12:00:00", "12:10:30");
    let broken = format!("x\n{future}\n7\n").repeat(REJECTED_LISTED_MAX);
    let body = format!("{VIEW}\n{broken}{VIEW}");
    let first = sent(&inbox, "/events", Some("k"), &body);
    chunk_of(&inbox, &first);
    assert_eq!(first.1["rejected"].as_array().map(Vec::len), Some(REJECTED_LISTED_MAX));
    assert_eq!(
        first.1["rejected"][1],
        json!({"line": 3, "reason": "future", "time": "2026-11-21T12:10:30Z"})
    );
    assert_eq!(first.1["rejected_total"], json!(3 * REJECTED_LISTED_MAX));
    inbox.clock = inbox_at("2026-11-22T01:00:00Z").clock;
    assert_eq!(sent(&inbox, "/events", Some("k"), &body), first);
}

#[test]
fn a_bucket_that_is_away_is_503() {
    let mut inbox = inbox();
    inbox.events.is_away = true;
    for key in [None, Some("k")] {
        let (status, problem) = sent(&inbox, "/events", key, VIEW);
        assert_eq!(status, 503);
        assert!(
            problem["error"].as_str().is_some_and(|error| error.contains("again")),
            "{problem}"
        );
    }
}
