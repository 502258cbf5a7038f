//! Posted events: what the calls answer and store, and that a post is counted once, like any other
//! chunk.
//!
//! The tests share the deployed stack, which is recounted as a whole after all tests. Each test has
//! its own sites.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::types::EncodingType;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::try_join_all;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::store::Store;
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

use crate::calls::access::keys::run_keys_json;
use crate::calls::asking::http_event;
use crate::deployed::until_counted;
use crate::waiting::Patience;

crate::tests![
    posted_lines_an_array_and_an_object_become_answers,
    a_bad_line_is_reported_and_its_neighbours_are_counted,
    a_single_event_as_the_flask_service_took_it,
    what_is_no_post_of_events_is_a_problem_document,
    a_repeated_post_is_counted_once,
    a_packed_body,
    fifty_posts_at_once,
    a_lost_reply_of_the_bucket_stores_one_chunk,
    a_bucket_that_is_away_is_503,
    a_bucket_that_does_not_answer_is_503_before_the_function_is_stopped,
    what_a_202_accepted_is_stored_for_each_key_and_idempotency_key,
];

const LINES: (&str, &str) = ("content-type", "application/x-ndjson");
const OBJECT: (&str, &str) = ("content-type", "application/json");
/// The query parameter for a window that contains all events of these tests.
const AS_OF: &str = "as_of=2026-11-20T08:59:00Z";

fn view(site: &str, item: usize) -> String {
    let minute = item % 60;
    format!(
        "{{\"event\":\"page_visit\",\"timestamp\":\"2026-11-20T08:{minute:02}:00Z\",\"site_id\":\"{site}\",\"item_id\":{item}}}"
    )
}

fn views(site: &str, items: std::ops::Range<usize>) -> String {
    items.map(|item| view(site, item) + "\n").collect()
}

/// Posts a body that must be accepted, waits until it is counted, and returns the key of its chunk.
async fn counted(
    cloud: &Cloud,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Result<Value> {
    let (status, content_type, answer) = cloud.post(path, headers, body).await?;
    ensure!(
        status == 202 && content_type == "application/json",
        "{path}: {status} {content_type} {answer}"
    );
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    until_counted(&store, answer["chunk"].as_str().context("a chunk")?).await?;
    Ok(answer)
}

async fn views_of(cloud: &Cloud, site: &str) -> Result<Vec<(u64, u64)>> {
    let (_, _, answer) =
        cloud.get(&format!("/most_viewed_item?site_id={site}&limit=100&{AS_OF}")).await?;
    let top = answer["top"].as_array().with_context(|| answer.to_string())?;
    let pair = |item: &Value| Some((item["item_id"].as_u64()?, item["views"].as_u64()?));
    top.iter().map(|item| pair(item).with_context(|| item.to_string())).collect()
}

async fn posted_lines_an_array_and_an_object_become_answers(cloud: &Cloud) -> Result<()> {
    let site = "posted";
    let answer = counted(cloud, "/events", &[LINES], views(site, 1..4)).await?;
    ensure!(answer["accepted"] == 3 && answer["rejected"] == json!([]), "{answer}");
    let array = format!("[{},\n {}]", view(site, 3), view(site, 2).replace(',', ",\n"));
    let answer = counted(cloud, "/ingest", &[OBJECT], array).await?;
    ensure!(answer["accepted"] == 2, "{answer}");
    let answer = counted(cloud, "/events", &[], view(site, 3).replace(',', ",\r\n  ")).await?;
    ensure!(answer["accepted"] == 1, "{answer}");
    ensure!(views_of(cloud, site).await? == [(3, 3), (2, 2), (1, 1)]);
    Ok(())
}

async fn a_bad_line_is_reported_and_its_neighbours_are_counted(cloud: &Cloud) -> Result<()> {
    let site = "posted-bad";
    let lacks_time = format!("{{\"event\":\"view\",\"site_id\":\"{site}\",\"item_id\":1}}");
    let body = format!("{}\n{lacks_time}\n\nnot json\n{}", view(site, 1), view(site, 2));
    let answer = counted(cloud, "/events", &[LINES], body).await?;
    let rejected =
        json!([{"line": 2, "reason": "missing:timestamp"}, {"line": 4, "reason": "not_json"}]);
    ensure!(answer["accepted"] == 2 && answer["rejected"] == rejected, "{answer}");
    ensure!(views_of(cloud, site).await? == [(1, 1), (2, 1)]);
    let (status, content_type, problem) = cloud.post("/events", &[LINES], lacks_time).await?;
    ensure!(status == 400 && content_type == "application/problem+json", "{status} {problem}");
    ensure!(
        problem["rejected"] == json!([{"line": 1, "reason": "missing:timestamp"}]),
        "{problem}"
    );
    Ok(())
}

async fn a_single_event_as_the_flask_service_took_it(cloud: &Cloud) -> Result<()> {
    let site = "posted-single";
    let received = json!({"message": "Event received"});
    for body in [
        json!({"site_id": site, "event_type": "page_view", "path": "/pricing", "user_id": "u", "timestamp": "2025-11-12T19:30:01Z"}),
        json!({"site_id": site, "event_type": "page_view"}),
        // This event happens when it arrives, so it is within the last hour.
        json!({"site_id": site, "event_type": "page_view", "item_id": 7}),
    ] {
        let (status, _, answer) = cloud.post("/event", &[OBJECT], body.to_string()).await?;
        ensure!(status == 200 && answer == received, "{status} {answer}");
    }
    let patience = Patience::new();
    while cloud.get(&format!("/most_viewed_item?site_id={site}")).await?.2["most_viewed_item"] != 7
    {
        patience.wait(|| "the event is not counted".to_string()).await?;
    }
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let pages = |counters: std::collections::BTreeMap<[String; 3], String>| {
        let is_page = |[partition, row, _]: &[String; 3]| {
            partition.starts_with(&format!("T#{site}#"))
                && partition.contains('T')
                && row.starts_with("pages#")
        };
        let names = counters.into_keys().filter(is_page).map(|[_, _, name]| name);
        names.collect::<std::collections::BTreeSet<String>>()
    };
    let expected = ["i#(not set)", "i#/pricing"].map(str::to_string);
    while pages(store.counters().await?) != expected.clone().into() {
        patience.wait(|| "the pages are not counted".to_string()).await?;
    }
    for (body, sentence) in [
        (json!({"event_type": "page_view"}), "Missing required field: site_id"),
        (json!({"site_id": site}), "Missing required field: event_type"),
    ] {
        let (status, _, problem) = cloud.post("/event", &[OBJECT], body.to_string()).await?;
        ensure!(status == 400 && problem["error"] == sentence, "{status} {problem}");
    }
    let (status, content_type, problem) =
        cloud.post("/event", &[OBJECT], "{\"site_id\":".to_string()).await?;
    ensure!(status == 400 && content_type == "application/problem+json", "{status} {problem}");
    Ok(())
}

async fn what_is_no_post_of_events_is_a_problem_document(cloud: &Cloud) -> Result<()> {
    let good = view("posted-never", 1);
    let too_large = [good.as_bytes(), &vec![b'\n'; 6 * 1024 * 1024]].concat();
    let bomb = gzip(&[good.as_bytes(), &vec![b' '; 33 << 20]].concat())?;
    let packed = [LINES, ("content-encoding", "gzip")];
    let long_key = "k".repeat(257);
    type Post<'a> = (u16, &'a str, &'a [(&'a str, &'a str)], &'a [u8]);
    let posts: &[Post<'_>] = &[
        (413, "6291456", &[LINES], &too_large),
        (413, "unpacks to more", &packed, &bomb),
        (415, "text/csv", &[("content-type", "text/csv")], good.as_bytes()),
        (415, "\"br\"", &[LINES, ("content-encoding", "br")], good.as_bytes()),
        (400, "gzip", &packed, good.as_bytes()),
        (400, "empty", &[LINES], b""),
        (400, "empty", &[LINES], b" \n\r\n"),
        (400, "empty", &[OBJECT], b"[]"),
        (400, "not_json", &[OBJECT], b"[{]"),
        (400, "Idempotency-Key", &[LINES, ("idempotency-key", &long_key)], good.as_bytes()),
    ];
    for (expected, word, headers, body) in posts {
        let (status, content_type, problem) = cloud.post("/events", headers, *body).await?;
        ensure!(
            status == *expected && content_type == "application/problem+json",
            "{word}: {status} {problem}"
        );
        let sentence = problem["error"].as_str().context("a sentence")?;
        ensure!(sentence.contains(word) && problem["detail"] == sentence, "{word}: {problem}");
        ensure!(problem["status"] == *expected && problem["type"] == "about:blank", "{problem}");
    }
    for path in ["/events", "/event", "/ingest"] {
        let (status, _, problem) = cloud.get(path).await?;
        ensure!(
            status == 405 && problem["error"].as_str().is_some_and(|error| error.contains("POST")),
            "{problem}"
        );
    }
    ensure!(views_of(cloud, "posted-never").await?.is_empty());
    Ok(())
}

async fn a_repeated_post_is_counted_once(cloud: &Cloud) -> Result<()> {
    let site = "posted-again";
    let headers = [LINES, ("idempotency-key", "order 66")];
    let body = views(site, 0..5) + "not json\n";
    // Post many times at once, then once more.
    let answers =
        try_join_all((0..8).map(|_| cloud.post("/events", &headers, body.clone()))).await?;
    let (_, _, first) = &answers[0];
    ensure!(first["accepted"] == 5 && first["rejected"][0]["line"] == 6, "{first}");
    let packed = [LINES, ("idempotency-key", "order 66"), ("content-encoding", "gzip")];
    let later = counted(cloud, "/events", &packed, gzip(body.as_bytes())?).await?;
    ensure!(
        answers.iter().all(|(status, _, answer)| *status == 202 && *answer == later),
        "{answers:?}"
    );
    let chunk = later["chunk"].as_str().context("a chunk")?;
    let stack = cloud.stack().await?;
    ensure!(versions(&cloud.clients.s3, &stack.bucket, chunk).await? == 1);

    let (status, _, problem) = cloud.post("/events", &headers, views(site, 0..6)).await?;
    ensure!(
        status == 422
            && problem["error"].as_str().is_some_and(|error| error.contains("Idempotency-Key"))
    );
    // Different sites may use the same key.
    counted(cloud, "/events", &headers, views("posted-again-elsewhere", 0..5)).await?;
    // Without a key, two posts are two chunks.
    counted(cloud, "/events", &[LINES], view(site, 0)).await?;
    ensure!(views_of(cloud, site).await? == [(0, 2), (1, 1), (2, 1), (3, 1), (4, 1)]);
    Ok(())
}

async fn a_packed_body(cloud: &Cloud) -> Result<()> {
    let site = "posted-packed";
    let packed = gzip(views(site, 0..30).as_bytes())?;
    let answer = counted(cloud, "/events", &[LINES, ("content-encoding", "gzip")], packed).await?;
    ensure!(answer["accepted"] == 30, "{answer}");
    ensure!(views_of(cloud, site).await?.len() == 30);
    Ok(())
}

async fn fifty_posts_at_once(cloud: &Cloud) -> Result<()> {
    // Every event has its own counter, so a lost or duplicated event shows.
    let posts = (0..50).map(|post| async move {
        let site = format!("posted-at-once-{}", post % 5);
        let first = post / 5 * 10;
        let (status, _, answer) =
            cloud.post("/events", &[LINES], views(&site, first..first + 10)).await?;
        ensure!(status == 202 && answer["accepted"] == 10, "{status} {answer}");
        Ok(answer["chunk"].to_string())
    });
    let mut chunks = try_join_all(posts).await?;
    chunks.sort();
    chunks.dedup();
    ensure!(chunks.len() == 50, "each post is a chunk of its own");
    let patience = Patience::new();
    let expected: Vec<(u64, u64)> = (0..100).map(|item| (item, 1)).collect();
    for number in 0..5 {
        let site = format!("posted-at-once-{number}");
        loop {
            let views = views_of(cloud, &site).await?;
            if views == expected {
                break;
            }
            ensure!(views.iter().all(|(_, views)| *views == 1), "{views:?}");
            patience.wait(|| format!("{} items are counted", views.len())).await?;
        }
    }
    Ok(())
}

async fn a_lost_reply_of_the_bucket_stores_one_chunk(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "collect-lost").await?;
    for (name, headers) in [("random", json!({})), ("keyed", json!({"idempotency-key": "k"}))] {
        let lost: Plan = Box::new(|call| {
            (call.operation == "PutObject" && call.number == 1).then_some(Fault::LoseReply)
        });
        let proxy = FaultProxy::start(&store.clients.endpoint_url, lost).await?;
        let mut worker = store.start_collect(&proxy.url).await?;
        let (status, answer) = post(&mut worker, headers, &views("collect-lost", 0..2)).await?;
        ensure!(status == 202 && answer["accepted"] == 2, "{name}: {status} {answer}");
        let chunk = answer["chunk"].as_str().context("a chunk")?;
        let stored = store.clients.s3.get_object().bucket(&store.bucket).key(chunk).send().await?;
        ensure!(
            stored.body.collect().await?.to_vec() == views("collect-lost", 0..2).into_bytes(),
            "{name}"
        );
        if name == "keyed" {
            ensure!(versions(&store.clients.s3, &store.bucket, chunk).await? == 1);
        }
    }
    Ok(())
}

async fn a_bucket_that_is_away_is_503(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "collect-away").await?;
    let away: Plan = Box::new(|_| Some(Fault::Status(500)));
    let proxy = FaultProxy::start(&store.clients.endpoint_url, away).await?;
    let mut worker = store.start_collect(&proxy.url).await?;
    for headers in [json!({}), json!({"idempotency-key": "k"})] {
        let (status, problem) = post(&mut worker, headers, &view("collect-away", 1)).await?;
        let says_so =
            problem["error"].as_str().is_some_and(|error| error.contains("post them again"));
        ensure!(status == 503 && says_so, "{status} {problem}");
    }
    Ok(())
}

async fn a_bucket_that_does_not_answer_is_503_before_the_function_is_stopped(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "collect-held").await?;
    let held: Plan = Box::new(|_| Some(Fault::Hold));
    let proxy = FaultProxy::start(&store.clients.endpoint_url, held).await?;
    let mut worker = store.start_collect(&proxy.url).await?;
    // The function reserves all but half a second of this time.
    worker.allow(Duration::from_millis(2_500));
    let (status, problem) = post(&mut worker, json!({}), &view("collect-held", 1)).await?;
    let says_so = problem["error"].as_str().is_some_and(|error| error.contains("post them again"));
    ensure!(status == 503 && says_so && problem["status"] == 503, "{status} {problem}");
    Ok(())
}

async fn what_a_202_accepted_is_stored_for_each_key_and_idempotency_key(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "collect-matrix").await?;
    let store = Store { requires_keys: true, ..store };
    let mut worker = store.start_collect(&store.clients.endpoint_url).await?;
    let body = ["shop.a", "shop.b"].map(|site| view(site, 1) + "\nnot json\n").concat();
    let mut answers = vec![];
    for site in ["shop.a", "shop.b"] {
        let added = run_keys_json(&store, &["add", site, "--role", "write"]).await?;
        for name in ["order 66", "order 67"] {
            let headers = json!({"x-api-key": added["key"], "idempotency-key": name});
            let (status, answer) = post(&mut worker, headers.clone(), &body).await?;
            ensure!(status == 202 && answer["accepted"] == 1, "{site} {name}: {status} {answer}");
            answers.push((site, headers, answer));
        }
    }
    for (site, headers, answer) in answers {
        let repeated = post(&mut worker, headers.clone(), &body).await?;
        ensure!(repeated == (202, answer.clone()), "{site}: {repeated:?} is not {answer}");
        let (status, problem) = post(&mut worker, headers, &view(site, 2)).await?;
        ensure!(status == 422, "{site}: {status} {problem}");
        let chunk = answer["chunk"].as_str().context("a chunk")?;
        let stored = store.clients.s3.get_object().bucket(&store.bucket).key(chunk).send().await?;
        ensure!(stored.body.collect().await?.to_vec() == (view(site, 1) + "\n").into_bytes());
        ensure!(versions(&store.clients.s3, &store.bucket, chunk).await? == 1);
    }
    Ok(())
}

async fn post(worker: &mut Worker, headers: Value, body: &str) -> Result<(u64, Value)> {
    let mut event = http_event("POST", "")?;
    event["rawPath"] = json!("/events");
    event["requestContext"]["http"]["path"] = json!("/events");
    event["headers"] = headers;
    event["body"] = json!(body);
    let Invocation::Answered(answer) = worker.invoke(event).await? else {
        bail!("collect did not answer");
    };
    let status = answer["statusCode"].as_u64().context("a status")?;
    Ok((status, serde_json::from_str(answer["body"].as_str().context("a body")?)?))
}

async fn versions(s3: &Client, bucket: &str, key: &str) -> Result<usize> {
    let list = s3.list_object_versions().bucket(bucket).prefix(key);
    let listed = list.encoding_type(EncodingType::Url).send().await?;
    Ok(listed.versions().len())
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
