//! Odd input on the real ingest: each row of the table in docs/EVENTS.md, and odd notifications.
//!
//! The expected numbers are written by hand. In addition, the oracle recounts each chunk through
//! `minutebook verify`.

use std::io::Write;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::types::{EncodingType, Object};
use flate2::Compression;
use flate2::write::GzEncoder;
use minutebook_tests::binaries::root;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::store::{Store, sqs_event, sqs_event_of_bodies};
use serde_json::{Value, json};

use crate::counting::chunks::{again_and_verified, count, failed, now, verified, views_at};

crate::tests![
    the_same_event_id_twice_in_one_chunk,
    an_empty_object,
    only_blank_lines,
    a_bom_crlf_blank_lines_and_no_final_newline,
    a_line_for_each_reason_is_rejected_and_its_neighbours_are_counted,
    a_line_over_256_kib,
    a_late_and_a_future_event,
    gzip_and_zstd_by_their_magic_bytes,
    a_poison_message_fails_alone_in_a_batch_of_ten_with_refused_files,
    lines_that_would_take_all_memory_cost_no_other_file_its_attempt,
    a_body_that_breaks_off,
    a_bucket_that_answers_500_and_503_or_hangs_up,
    a_body_that_breaks_off_each_time,
    an_object_that_is_gone,
    an_object_that_is_deleted_while_it_is_read,
    an_object_that_was_replaced,
    keys_with_spaces_plus_percent_and_unicode,
    the_test_event_and_empty_records,
    notifications_by_way_of_sns_and_eventbridge,
    rejected_lines_put_again_after_a_fix,
    rejected_lines_of_the_longest_keys,
];

fn fixture(path: &str) -> Result<Vec<u8>> {
    let path = root().join("events").join(path);
    std::fs::read(&path).with_context(|| format!("{}", path.display()))
}

fn view(item: &str) -> String {
    format!(
        "{{\"event\":\"view\",\"timestamp\":\"2026-11-20T08:00:00Z\",\"item_id\":\"{item}\"}}\n"
    )
}

/// Counts `bytes` under `key` on a new store, and returns the chunk's ledger entry. It fails if
/// `verify` disagrees.
async fn counted(cloud: &Cloud, name: &str, key: &str, bytes: Vec<u8>) -> Result<(Store, Value)> {
    let store = Store::make(cloud, name).await?;
    let record = store.put(key, bytes).await?;
    let mut worker = store.start_plain_ingest().await?;
    let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(ended.is_clean(), "{ended:?}");
    store.verify().await?;
    let mut ledger = store.ledger().await?;
    ensure!(ledger.len() == 1, "one chunk, but the ledger has {ledger:?}");
    Ok((store, ledger.remove(0)))
}

/// Checks the numbers of lines, and of counted, ignored, duplicate and rejected ones.
fn check(ledger: &Value, expected: [u64; 5]) -> Result<()> {
    let found = ["lines", "counted", "ignored", "duplicate", "rejected"]
        .map(|name| ledger[name].as_u64().unwrap_or(u64::MAX));
    ensure!(
        found == expected,
        "lines, counted, ignored, duplicate, rejected are {found:?}, not {expected:?}"
    );
    Ok(())
}

async fn the_same_event_id_twice_in_one_chunk(cloud: &Cloud) -> Result<()> {
    let bytes = fixture("odd/same_event_id_twice.jsonl")?;
    let (_, ledger) = counted(cloud, "event-id-twice", "a.jsonl", bytes).await?;
    check(&ledger, [6, 3, 0, 3, 0])
}

async fn an_empty_object(cloud: &Cloud) -> Result<()> {
    let (_, ledger) = counted(cloud, "empty", "a.jsonl", vec![]).await?;
    check(&ledger, [0; 5])
}

async fn only_blank_lines(cloud: &Cloud) -> Result<()> {
    let (_, ledger) =
        counted(cloud, "blank", "a.jsonl", fixture("odd/only_blank_lines.jsonl")?).await?;
    check(&ledger, [0; 5])
}

async fn a_bom_crlf_blank_lines_and_no_final_newline(cloud: &Cloud) -> Result<()> {
    let bytes = fixture("odd/bom_crlf_blank_lines_no_final_newline.jsonl")?;
    let (_, ledger) = counted(cloud, "line-ends", "a.jsonl", bytes).await?;
    check(&ledger, [4, 4, 0, 0, 0])
}

async fn a_line_for_each_reason_is_rejected_and_its_neighbours_are_counted(
    cloud: &Cloud,
) -> Result<()> {
    let bytes = fixture("odd/one_bad_line_for_each_reason.jsonl")?;
    let (store, ledger) = counted(cloud, "each-reason", "a.jsonl", bytes).await?;
    check(&ledger, [61, 38, 1, 0, 22])?;
    let expected = json!({
        "not_json": 1, "not_object": 2, "not_utf8": 1, "too_deep": 1,
        "missing:event_type": 1, "invalid:event_type": 1,
        "missing:timestamp": 1, "invalid:timestamp": 1, "future": 1,
        "missing:item_id": 1, "invalid:item_id": 2, "invalid:site_id": 2,
        "invalid:price": 2, "invalid:quantity": 1, "invalid:total_amount": 2,
        "invalid:items": 1, "invalid:events": 1,
    });
    ensure!(ledger["rejected_by_reason"] == expected, "{}", ledger["rejected_by_reason"]);
    let dropped = json!({"currency": 1, "customer_id": 1, "event_id": 1});
    ensure!(ledger["dropped"] == dropped, "{}", ledger["dropped"]);
    ensure!(ledger["unknown"] == 1 && ledger["unknown_types"] == json!({"dance": 1}), "{ledger}");
    let rejected = store.rejected("a.jsonl").await?;
    let numbers: Vec<u64> = rejected.iter().filter_map(|line| line["line"].as_u64()).collect();
    let counted_after_all = [16, 34, 36, 38, 40, 46, 50, 56];
    let bad = (1..=30).map(|number| number * 2).filter(|line| !counted_after_all.contains(line));
    ensure!(numbers == bad.collect::<Vec<u64>>(), "{numbers:?}");
    ensure!(
        rejected[0]
            == json!({"line": 2, "offset": 75, "reason": "not_json", "text": "{\"event\":\"page_visit\","})
    );
    ensure!(
        rejected[3]["reason"] == "not_utf8" && rejected[3]["base64"].is_string(),
        "{}",
        rejected[3]
    );
    Ok(())
}

async fn a_line_over_256_kib(cloud: &Cloud) -> Result<()> {
    let padding = |length: usize| {
        view("1").replace("}\n", &format!(",\"note\":\"{}\"}}", "x".repeat(length)))
    };
    let just_fits = padding(262_144 - padding(0).len());
    ensure!(just_fits.len() == 262_144);
    let text = format!("{just_fits}\n{}\n{}", padding(300_000), view("2"));
    let (store, ledger) = counted(cloud, "too-long", "a.jsonl", text.into_bytes()).await?;
    check(&ledger, [3, 2, 0, 0, 1])?;
    let rejected = store.rejected("a.jsonl").await?;
    ensure!(
        rejected[0]["line"] == 2
            && rejected[0]["reason"] == "too_long"
            && rejected[0]["cut"] == true
    );
    Ok(())
}

async fn a_late_and_a_future_event(cloud: &Cloud) -> Result<()> {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    let at =
        |seconds: u64| format!("{{\"event\":\"view\",\"ts\":{seconds},\"item_id\":{seconds}}}\n");
    let text = at(now - 400 * 86_400) + &at(now + 60) + &at(now + 3_600);
    let (_, ledger) = counted(cloud, "late-and-future", "a.jsonl", text.into_bytes()).await?;
    check(&ledger, [3, 2, 0, 0, 1])?;
    ensure!(ledger["rejected_by_reason"] == json!({"future": 1}));
    Ok(())
}

async fn gzip_and_zstd_by_their_magic_bytes(cloud: &Cloud) -> Result<()> {
    let plain = fixture("events.jsonl")?;
    let expected = [60, 60, 0, 0, 0];
    let (_, ledger) = counted(cloud, "plain", "a.jsonl", plain.clone()).await?;
    check(&ledger, expected)?;
    // The name does not reveal the format.
    let (_, ledger) = counted(cloud, "gzip", "a.jsonl", gzip(&plain)?).await?;
    check(&ledger, expected)?;
    let (_, ledger) =
        counted(cloud, "zstd", "a.jsonl.gz", zstd::encode_all(plain.as_slice(), 3)?).await?;
    check(&ledger, expected)
}

async fn a_poison_message_fails_alone_in_a_batch_of_ten_with_refused_files(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "batch-of-ten").await?;
    let truncated = gzip(&fixture("events.jsonl")?)?;
    let mut bodies = vec![];
    for number in 0..7 {
        // One view each, in time or late.
        let text = if number % 2 == 0 { view(&number.to_string()) } else { views_at(now()?, 1) };
        let record = store.put(&format!("{number}.jsonl"), text).await?;
        bodies.push(json!({"Records": [record]}).to_string());
    }
    let bomb = store.put("bomb.jsonl.gz", gzip(&vec![b'\n'; 64 * 1024 * 1024])?).await?;
    let truncated =
        store.put("truncated.jsonl.gz", truncated[..truncated.len() / 2].to_vec()).await?;
    bodies.insert(2, json!({"Records": [bomb]}).to_string());
    bodies.insert(5, json!({"Records": [truncated]}).to_string());
    bodies.insert(8, "hello".to_string());
    let mut worker = store.start_plain_ingest().await?;
    for _ in 0..2 {
        let ended = worker.invoke(sqs_event_of_bodies(&bodies)).await?;
        ensure!(ended == failed(&["m8"]), "the poison message goes back, but {ended:?}");
    }
    let ledger = store.ledger().await?;
    let refused = ledger.iter().filter(|entry| entry["refused"].is_string()).count();
    ensure!(ledger.len() == 9 && refused == 2, "{ledger:?}");
    verified(&store, 7).await
}

/// A line of 256 KiB whose 43,000 events inherit 13,000 items each, packed into some hundred bytes.
fn endless_line() -> Result<Vec<u8>> {
    let items = vec![r#"{"aid":1}"#; 13_000].join(",");
    let events = vec!["{}"; 43_000].join(",");
    gzip(
        format!(
            "{{\"type\":\"cart\",\"ts\":\"2026-11-20T08:00:00Z\",\"items\":[{items}],\"events\":[{events}]}}\n"
        )
        .as_bytes(),
    )
}

async fn lines_that_would_take_all_memory_cost_no_other_file_its_attempt(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "endless-lines").await?;
    let mut worker = store.start_plain_ingest().await?;
    let is_endless = |number: usize| number % 10 == 3;
    for batch in 0..3 {
        let mut messages = vec![];
        for number in 10 * batch..10 * (batch + 1) {
            let bytes = if is_endless(number) {
                endless_line()?
            } else {
                view(&number.to_string()).into_bytes()
            };
            messages.push(vec![store.put(&format!("{number}.jsonl"), bytes).await?]);
        }
        let ended = worker.invoke(sqs_event(&messages)).await?;
        ensure!(ended.is_clean(), "all ten are done in one attempt, but {ended:?}");
    }
    let ledger = store.ledger().await?;
    let is_rejected = |entry: &&Value| entry["rejected_by_reason"] == json!({"too_large": 1});
    ensure!(ledger.len() == 30 && ledger.iter().filter(is_rejected).count() == 3, "{ledger:?}");
    verified(&store, 27).await
}

async fn a_body_that_breaks_off(cloud: &Cloud) -> Result<()> {
    s3_fails_at_first(cloud, "body-cut", vec![Fault::CutBody]).await
}

async fn a_bucket_that_answers_500_and_503_or_hangs_up(cloud: &Cloud) -> Result<()> {
    s3_fails_at_first(cloud, "bucket-500", vec![Fault::Status(500), Fault::Status(503)]).await?;
    s3_fails_at_first(cloud, "bucket-resets", vec![Fault::Refuse, Fault::LoseReply]).await
}

/// Injects these faults into the first reads of an object. Later reads succeed.
async fn s3_fails_at_first(cloud: &Cloud, name: &str, faults: Vec<Fault>) -> Result<()> {
    let store = Store::make(cloud, name).await?;
    let record = store.put("a.jsonl", views_at(now()?, 2_000)).await?;
    let count_of_faults = faults.len();
    let mut faults = faults.into_iter();
    let plan: Plan =
        Box::new(move |call| if call.operation == "GetObject" { faults.next() } else { None });
    let proxy = FaultProxy::start(&store.clients.endpoint_url, plan).await?;
    let mut worker = store.start_ingest(&store.clients.endpoint_url, &proxy.url).await?;
    count(&mut worker, [&record]).await?;
    ensure!(proxy.faults_made().len() == count_of_faults, "{:?}", proxy.faults_made());
    verified(&store, 2_000).await
}

async fn a_body_that_breaks_off_each_time(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "body-cut-always").await?;
    let record = store.put("a.jsonl", views_at(now()?, 2_000)).await?;
    let cut: Plan = Box::new(|call| (call.operation == "GetObject").then_some(Fault::CutBody));
    let proxy = FaultProxy::start(&store.clients.endpoint_url, cut).await?;
    let mut worker = store.start_ingest(&store.clients.endpoint_url, &proxy.url).await?;
    let ended = worker.invoke(sqs_event(&[vec![record.clone()]])).await?;
    ensure!(ended == failed(&["m0"]), "a partly read chunk is not counted, but {ended:?}");
    // The calls succeed and only their bodies break. The chunk is read eight times, and no call is
    // retried in addition.
    ensure!(proxy.calls("GetObject") == 8, "{} readings", proxy.calls("GetObject"));
    ensure!(
        store.counters().await?.is_empty() && store.ledger().await?.is_empty(),
        "half a chunk was counted"
    );
    again_and_verified(&store, &record, 2_000).await
}

/// The body breaks off, and the object is deleted before it is read again.
async fn an_object_that_is_deleted_while_it_is_read(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "gone-meanwhile").await?;
    let record = store.put("a.jsonl", views_at(now()?, 2_000)).await?;
    let plan: Plan = Box::new(|call| match call.number {
        1 => Some(Fault::CutBody),
        2 => Some(Fault::Hold),
        _ => None,
    });
    let proxy = FaultProxy::start(&store.clients.endpoint_url, plan).await?;
    let mut worker = store.start_ingest(&store.clients.endpoint_url, &proxy.url).await?;
    let deleting = async {
        proxy.is_holding().await;
        store.delete_version("a.jsonl", &record).await?;
        proxy.release();
        Ok(())
    };
    tokio::try_join!(count(&mut worker, [&record]), deleting)?;
    ensure!(store.ledger().await?.is_empty(), "half a chunk was counted");
    verified(&store, 0).await
}

async fn an_object_that_is_gone(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "object-gone").await?;
    let record = store.put("a.jsonl", view("1")).await?;
    store.delete_version("a.jsonl", &record).await?;
    let mut worker = store.start_plain_ingest().await?;
    let ended = worker.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(ended.is_clean(), "it is acknowledged, but {ended:?}");
    ensure!(store.ledger().await?.is_empty());
    Ok(())
}

async fn an_object_that_was_replaced(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "replaced").await?;
    let mut first = store.put("a.jsonl", view("1")).await?;
    // A bucket without versioning sends no version, so only the entity tag shows that the bytes
    // differ.
    first["s3"]["object"].as_object_mut().context("an object")?.remove("versionId");
    let second = store.put("a.jsonl", view("2") + &view("3")).await?;
    let mut worker = store.start_plain_ingest().await?;
    ensure!(worker.invoke(sqs_event(&[vec![first]])).await?.is_clean());
    ensure!(
        store.ledger().await?.is_empty(),
        "bytes that the notification does not mean were counted"
    );
    ensure!(worker.invoke(sqs_event(&[vec![second]])).await?.is_clean());
    let ledger = store.ledger().await?;
    ensure!(ledger.len() == 1 && ledger[0]["lines"] == 2, "{ledger:?}");
    Ok(())
}

async fn keys_with_spaces_plus_percent_and_unicode(cloud: &Cloud) -> Result<()> {
    let key = "tag 20+/100%/日本 & a=b.jsonl";
    let text = view("1") + "not json\n";
    let (store, ledger) = counted(cloud, "odd-key", key, text.into_bytes()).await?;
    check(&ledger, [2, 1, 0, 0, 1])?;
    ensure!(ledger["key"] == key, "{}", ledger["key"]);
    ensure!(store.rejected(key).await?.len() == 1);
    Ok(())
}

async fn the_test_event_and_empty_records(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "test-event").await?;
    let mut worker = store.start_plain_ingest().await?;
    for name in [
        "lambda/sqs_s3_test_event.json",
        "lambda/sqs_sns_s3_test_event.json",
        "lambda/sqs_eventbridge_object_deleted.json",
        "lambda/sqs_empty_records.json",
    ] {
        let ended = worker.invoke(serde_json::from_slice(&fixture(name)?)?).await?;
        ensure!(ended.is_clean(), "{name}: {ended:?}");
    }
    let ended = worker.invoke(json!({"Records": []})).await?;
    ensure!(ended.is_clean(), "{ended:?}");
    Ok(())
}

/// An object that is announced in several ways is counted once.
async fn notifications_by_way_of_sns_and_eventbridge(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "announced").await?;
    let mut worker = store.start_plain_ingest().await?;
    let wrapped = |message: Value| json!({"Type": "Notification", "MessageId": "1", "Message": message.to_string()});
    for (number, key) in ["a b+1.jsonl", "c%2Bd.jsonl"].iter().enumerate() {
        let record = store.put(key, view(&number.to_string())).await?;
        let event = json!({
            "version": "0",
            "detail-type": "Object Created",
            "source": "aws.s3",
            "detail": {
                "bucket": record["s3"]["bucket"],
                "object": {"key": key, "version-id": record["s3"]["object"]["versionId"]},
                "reason": "PutObject",
            },
        });
        let of_s3 = json!({"Records": [record]});
        let mut bodies = vec![wrapped(of_s3.clone()), event.clone(), wrapped(event), of_s3];
        if number > 0 {
            bodies.rotate_left(1);
        }
        for body in bodies {
            let event = sqs_event_of_bodies(&[body.to_string()]);
            ensure!(worker.invoke(event).await?.is_clean(), "{body}");
            let report = store.verify().await?;
            ensure!(report["events"] == number + 1, "{body}: {report}");
        }
    }
    Ok(())
}

async fn rejected_lines_put_again_after_a_fix(cloud: &Cloud) -> Result<()> {
    let text = view("1") + &view("2").replace("item_id", "thing") + &view("3");
    let (store, _) = counted(cloud, "mended", "a.jsonl", text.into_bytes()).await?;
    let rejected = store.rejected("a.jsonl").await?;
    let mended = rejected[0]["text"].as_str().context("a text")?.replace("thing", "item_id");
    let record = store.put("a.mended.jsonl", mended).await?;
    let mut worker = store.start_plain_ingest().await?;
    ensure!(worker.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    let report = store.verify().await?;
    ensure!(report["events"] == 3, "{report}");
    Ok(())
}

async fn rejected_lines_of_the_longest_keys(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "longest-keys").await?;
    let mut worker = store.start_plain_ingest().await?;
    // The last two differ only after the point where their names are cut, which is in the middle of
    // a character.
    let mut keys: Vec<String> = [1000, 1009, 1010, 1024].map(|length| "k".repeat(length)).into();
    keys.extend(["1", "2"].map(|end| "k".repeat(899) + &"ä".repeat(62) + end));
    for (number, key) in keys.iter().enumerate() {
        let record = store.put(key, view("1") + &format!("bad {number}\n")).await?;
        ensure!(worker.invoke(sqs_event(&[vec![record]])).await?.is_clean(), "{key}");
    }
    for (number, key) in keys.iter().enumerate() {
        let rejected = store.rejected(key).await?;
        ensure!(rejected.len() == 1 && rejected[0]["text"] == format!("bad {number}"), "{key}");
    }
    let listed = store.clients.s3.list_objects_v2().bucket(&store.rejected_bucket);
    let listed = listed.encoding_type(EncodingType::Url).send().await?;
    let names: Vec<&str> = listed.contents().iter().filter_map(Object::key).collect();
    ensure!(names.len() == keys.len() && names.iter().all(|name| name.len() <= 1024), "{names:?}");
    store.verify().await?;
    Ok(())
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
