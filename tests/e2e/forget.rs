//! People are forgotten: nothing of them is left in any version of any object nor in the table, and
//! all numbers are as before.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_tests::binaries;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{Store, sqs_event};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::calls::asking::ask;
use crate::gone::endpoints;

crate::tests![
    a_person_is_forgotten_in_200_objects_and_every_answer_stays,
    a_forget_that_was_killed_is_finished_by_the_next,
    what_is_hidden_or_old_is_forgotten_and_stays_so,
    orders_are_forgotten_and_their_customers_are_not,
    nothing_is_changed_without_a_yes,
    a_site_is_removed_with_all_of_its_numbers_and_no_other_changes,
];

/// What says something about Ann, whom the tests forget.
const ANN: &str = "ann@shop.example";
const TRACES: [&str; 5] = [ANN, "ann-session", "ANN-ORDER", "+49 170 1234567", "Ann Mustermann"];

/// Everybody of whom there are events.
const PEOPLE: [&str; 4] = [ANN, "ben@shop.example", "eve@shop.example", "joe@shop.example"];

fn time(number: usize) -> String {
    format!("2026-11-19T10:{:02}:{:02}Z", number / 60 % 60, number % 60)
}

/// An event of anybody, with what nobody counts.
fn event(number: usize) -> Value {
    let customer = PEOPLE[number % PEOPLE.len()];
    let is_ann = customer == ANN;
    let kind = ["view", "add_to_cart", "purchase"][number % 3];
    let session = format!("{}-session-{}", if is_ann { "ann" } else { "other" }, number % 40);
    json!({
        "event": kind,
        "ts": time(number), "event_id": format!("e-{number}"), "user_id": customer,
        "session_id": session, "sku": number % 17, "price": "2.50", "currency": "EUR",
        "url": format!("https://shop.example/p/{}?mail={customer}", number % 5),
        "phone": if is_ann { TRACES[3] } else { "+49 30 1" },
    })
}

fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| format!("{}\n", event(number))).collect()
}

/// The events about an order of Ann, of which only the first names her, and one of Ben.
fn order_lines(number: usize) -> String {
    let events = ["ANN-ORDER", "BEN-ORDER"].map(|name| {
        let (id, customer) =
            (format!("{name}-{number}"), if name == "ANN-ORDER" { ANN } else { PEOPLE[1] });
        let event = |kind: &str, second: usize, rest: Value| {
            let mut event = json!({"type": kind, "ts": time(second), "orderId": id, "note": TRACES[4]});
            if name != "ANN-ORDER" {
                event["note"] = json!("leave at the door");
            }
            if let (Some(event), Some(rest)) = (event.as_object_mut(), rest.as_object()) {
                event.extend(rest.clone());
            }
            format!("{event}\n")
        };
        let items = json!([{"productName": "Mug", "quantity": 2, "unitPrice": 3.5}]);
        [
            event(
                "OrderCreatedEvent",
                number,
                json!({"customerId": customer, "orderNumber": id, "totalAmount": 7, "items": items}),
            ),
            event("OrderStatusChangedEvent", number + 100, json!({"newStatus": "SHIPPED"})),
            event("purchase", number, json!({"sku": 3, "price": 7, "order_id": id})),
        ]
        .concat()
    });
    events.concat()
}

fn gzip(text: &str) -> Result<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes())?;
    Ok(packer.finish()?)
}

/// The content of an object, in one layout after the other.
fn object(number: usize) -> Result<(String, Vec<u8>)> {
    let text = lines(number * 7..number * 7 + 12);
    let identify =
        json!({"type": "identify", "userId": ANN, "traits": {"name": TRACES[4]}}).to_string();
    Ok(match number % 8 {
        0 => (format!("logs/{number}.jsonl"), text.into_bytes()),
        1 => (format!("logs/{number}.jsonl.gz"), gzip(&text)?),
        2 => {
            let rows = (number * 7..number * 7 + 12).map(|number| {
                let event = event(number);
                let cell =
                    |name: &str| event[name].as_str().map_or(event[name].to_string(), Into::into);
                let cells = ["event", "ts", "user_id", "session_id", "sku", "price", "phone"];
                format!("{}\n", cells.map(cell).join(","))
            });
            let header = "event,ts,user_id,session_id,sku,price,phone\n";
            (format!("logs/{number}.csv"), format!("{header}{}", rows.collect::<String>()).into())
        }
        3 => {
            let events: Vec<&str> = text.lines().collect();
            (format!("logs/{number}.json"), format!("[{}]", events.join(",\n")).into_bytes())
        }
        4 => (format!("collected/2026-11-19/10/{number}.jsonl"), text.into_bytes()),
        5 => {
            let bad = format!(
                "{text}{identify}\nbroken {ANN} {}\n{{\"user_id\":\"{ANN}\"}}\n",
                TRACES[3]
            );
            (format!("logs/{number}.jsonl"), bad.into_bytes())
        }
        6 => (format!("orders/{number}.jsonl"), order_lines(number).into_bytes()),
        _ => {
            let packed = zstd::bulk::compress(text.as_bytes(), 3)?;
            (format!("logs/{number}.jsonl.zst"), packed)
        }
    })
}

/// Puts objects, and counts them.
async fn count(store: &Store, objects: Vec<(String, Vec<u8>)>) -> Result<()> {
    let mut worker = store.start_plain_ingest().await?;
    let mut records = Vec::new();
    for (key, bytes) in objects {
        records.push(vec![store.put(&key, bytes).await?]);
    }
    for batch in records.chunks(10) {
        ensure!(worker.invoke(sqs_event(batch)).await?.is_clean(), "a batch is not counted");
    }
    Ok(())
}

/// The command with these arguments, for the site of most tests.
fn command(store: &Store, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binaries::path("minutebook")?);
    let site: &[&str] = if arguments.contains(&"--site") { &[] } else { &["--site", "default"] };
    command.arg("forget").args(site).args(arguments);
    command.env_clear().envs(endpoints(store));
    command.env("MINUTEBOOK_REJECTED_BUCKET", &store.rejected_bucket);
    command.env("TMPDIR", std::env::temp_dir());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

async fn forget(store: &Store, arguments: &[&str]) -> Result<Value> {
    let output = command(store, &[arguments, &["--json"]].concat())?.output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// All versions of all objects of both buckets, unpacked.
async fn everything(store: &Store) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for bucket in [&store.bucket, &store.rejected_bucket] {
        let s3 = &store.clients.s3;
        let mut marker = (None, None);
        loop {
            let list = s3.list_object_versions().bucket(bucket);
            let list = list.set_key_marker(marker.0).set_version_id_marker(marker.1);
            let page = list.send().await.context("ListObjectVersions")?;
            for version in page.versions() {
                let (key, id) = (version.key().unwrap_or_default(), version.version_id());
                let get =
                    s3.get_object().bucket(bucket).key(key).set_version_id(id.map(Into::into));
                let bytes =
                    get.send().await.context("GetObject")?.body.collect().await?.into_bytes();
                let mut text = Vec::new();
                if bytes.starts_with(b"\x1f\x8b") {
                    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text)?;
                } else if bytes.starts_with(b"\x28\xb5\x2f\xfd") {
                    text = zstd::stream::decode_all(&bytes[..])?;
                } else {
                    text = bytes.to_vec();
                }
                all.push((format!("{bucket}/{key}"), String::from_utf8_lossy(&text).into_owned()));
            }
            if page.is_truncated() != Some(true) {
                break;
            }
            marker = (
                page.next_key_marker().map(str::to_owned),
                page.next_version_id_marker().map(str::to_owned),
            );
        }
    }
    Ok(all)
}

/// All rows of the table.
async fn rows(store: &Store) -> Result<Vec<HashMap<String, AttributeValue>>> {
    let scan = store.clients.dynamodb.scan().table_name(&store.table).consistent_read(true);
    let rows = scan.into_paginator().items().send();
    rows.try_collect().await.context("Scan")
}

/// The rows that answers are summed from.
async fn counters(store: &Store) -> Result<BTreeMap<String, String>> {
    let keys_and_values = rows(store).await?.into_iter().filter_map(|row| {
        let key = |name: &str| row.get(name).and_then(|key| key.as_s().ok().cloned());
        let (pk, sk) = (key("pk")?, key("sk")?);
        let values: BTreeMap<&String, String> =
            row.iter().map(|(name, value)| (name, format!("{value:?}"))).collect();
        pk.starts_with("T#").then(|| (format!("{pk} {sk}"), format!("{values:?}")))
    });
    Ok(keys_and_values.collect())
}

async fn answers(store: &Store) -> Result<Vec<Value>> {
    let mut api = store.start_query("api", &store.clients.endpoint_url).await?;
    let mut answers = Vec::new();
    for (path, query) in [
        ("/stats", "site_id=default&date=2026-11-19"),
        (
            "/history",
            "measure=sales&granularity=hour&from=2026-11-19T00:00:00Z&to=2026-11-20T00:00:00Z",
        ),
        (
            "/history",
            "measure=views&granularity=day&from=2026-11-19T00:00:00Z&to=2026-11-20T00:00:00Z",
        ),
    ] {
        let (status, mut answer) = ask(&mut api, path, query).await?;
        ensure!(status == 200, "{path}: {answer}");
        if let Some(answer) = answer.as_object_mut() {
            answer.remove("as_of");
        }
        answers.push(answer);
    }
    Ok(answers)
}

/// Fails if anything of Ann is left.
async fn check_forgotten(store: &Store) -> Result<()> {
    for trace in TRACES {
        for (name, text) in everything(store).await? {
            let line = text.lines().find(|line| line.contains(trace));
            ensure!(line.is_none(), "{trace} is still in {name}: {line:?}");
        }
        let found = rows(store).await?.into_iter().find(|row| format!("{row:?}").contains(trace));
        ensure!(found.is_none(), "{trace} is still in the row {found:?}");
    }
    Ok(())
}

/// Hands every version of every object to ingest once more, as S3 announces those that were put.
async fn announce_all(store: &Store) -> Result<()> {
    let mut worker = store.start_plain_ingest().await?;
    let records: Vec<Vec<Value>> =
        store.announcements().await?.into_iter().map(|record| vec![record]).collect();
    for batch in records.chunks(10) {
        ensure!(worker.invoke(sqs_event(batch)).await?.is_clean(), "a batch is not counted");
    }
    Ok(())
}

async fn a_person_is_forgotten_in_200_objects_and_every_answer_stays(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "forget").await?;
    count(&store, (0..200).map(object).collect::<Result<_>>()?).await?;
    let report = store.verify().await?;
    let (counters_before, answers_before) = (counters(&store).await?, answers(&store).await?);
    let dry = forget(&store, &["--customer", ANN, "--dry-run"]).await?;
    ensure!(dry["objects"].as_array().is_some_and(|objects| objects.len() > 150), "{dry}");
    ensure!(check_forgotten(&store).await.is_err(), "a dry run changes nothing");

    let done = forget(&store, &["--customer", ANN, "--yes"]).await?;
    ensure!(done["objects"] == dry["objects"] && done["orders"] == 25, "{done}");
    check_forgotten(&store).await?;
    announce_all(&store).await?;
    let after = store.verify().await?;
    for number in ["objects", "events", "visitors", "lines"] {
        ensure!(report[number] == after[number], "{number}: {report} {after}");
    }
    ensure!(after["gone"]["objects"] == 0, "{after}");
    ensure!(counters(&store).await? == counters_before, "the counters");
    ensure!(answers(&store).await? == answers_before, "the answers");
    // What was put once is counted for ever, and there is nothing left to forget.
    let (key, bytes) = object(0)?;
    count(&store, vec![(key.clone(), bytes)]).await?;
    ensure!(counters(&store).await? == counters_before, "the same file counts once");
    let again = forget(&store, &["--customer", ANN, "--yes"]).await?;
    ensure!(again["objects"].as_array().is_some_and(|objects| objects.len() == 1), "{again}");
    check_forgotten(&store).await?;
    ensure!(counters(&store).await? == counters_before, "the counters, again");
    store.verify().await?;
    let none = forget(&store, &["--customer", ANN, "--yes"]).await?;
    ensure!(none["objects"] == json!([]) && none["orders"] == 0, "{none}");
    Ok(())
}

/// Starts the command and kills it after this time. Returns whether it had ended before.
async fn killed_after(store: &Store, milliseconds: u64) -> Result<bool> {
    let mut child: Child = command(store, &["--customer", ANN, "--yes", "--json"])?.spawn()?;
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    let has_ended = child.try_wait()?.is_some();
    child.kill().await?;
    Ok(has_ended)
}

async fn a_forget_that_was_killed_is_finished_by_the_next(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "forget-killed").await?;
    count(&store, (0..24).map(object).collect::<Result<_>>()?).await?;
    store.verify().await?;
    let (counters_before, answers_before) = (counters(&store).await?, answers(&store).await?);
    let (mut after, mut kills) = (100, 0);
    while !killed_after(&store, after).await? {
        announce_all(&store).await?;
        ensure!(counters(&store).await? == counters_before, "killed after {after} ms");
        (after, kills) = (after + 150, kills + 1);
    }
    ensure!(kills > 1, "it was killed {kills} times");
    forget(&store, &["--customer", ANN, "--yes"]).await?;
    check_forgotten(&store).await?;
    announce_all(&store).await?;
    ensure!(counters(&store).await? == counters_before, "the counters");
    ensure!(answers(&store).await? == answers_before, "the answers");
    ensure!(store.rows_of("FORGETTING").await?.is_empty(), "who was forgotten is not noted");
    let report = store.verify().await?;
    ensure!(report["gone"]["objects"] == 0, "{report}");
    Ok(())
}

/// The text that a key has now; `None` if it is hidden.
async fn current(store: &Store, key: &str) -> Result<Option<String>> {
    let get = store.clients.s3.get_object().bucket(&store.bucket).key(key).send().await;
    let Ok(answer) = get else { return Ok(None) };
    Ok(Some(String::from_utf8_lossy(&answer.body.collect().await?.into_bytes()).into_owned()))
}

async fn what_is_hidden_or_old_is_forgotten_and_stays_so(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "forget-versions").await?;
    let of_ben = format!("{}\n", event(1));
    let objects = [
        // A log that grows, in two ways; one that other bytes took the place of; a copy; a file
        // that was deleted.
        ("grown.jsonl", lines(0..20)),
        ("grown.jsonl", lines(0..60)),
        ("replaced.jsonl", lines(100..104)),
        ("replaced.jsonl", of_ben.clone()),
        ("original.jsonl", lines(200..240)),
        ("copy.jsonl", lines(200..240)),
        ("deleted.jsonl", lines(300..308)),
    ];
    for (key, text) in objects {
        count(&store, vec![(key.to_owned(), text.into_bytes())]).await?;
    }
    let delete = store.clients.s3.delete_object().bucket(&store.bucket).key("deleted.jsonl");
    delete.send().await.context("DeleteObject")?;
    store.verify().await?;
    let counters_before = counters(&store).await?;
    forget(&store, &["--customer", ANN, "--yes"]).await?;
    check_forgotten(&store).await?;
    ensure!(current(&store, "replaced.jsonl").await? == Some(of_ben), "the latest stays it");
    ensure!(current(&store, "deleted.jsonl").await?.is_none(), "it stays deleted");
    announce_all(&store).await?;
    ensure!(counters(&store).await? == counters_before, "the counters");
    let report = store.verify().await?;
    ensure!(report["gone"]["objects"] == 0, "{report}");
    // The log goes on where it was, and only what is new counts.
    count(&store, vec![("grown.jsonl".to_owned(), lines(0..61).into_bytes())]).await?;
    let grown = store.verify().await?;
    ensure!(grown["events"].as_u64() == report["events"].as_u64().map(|it| it + 1), "{grown}");
    Ok(())
}

async fn orders_are_forgotten_and_their_customers_are_not(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "forget-orders").await?;
    let text = lines(0..12) + &order_lines(1) + &order_lines(2);
    count(&store, vec![("a.jsonl".to_owned(), text.into_bytes())]).await?;
    let report = store.verify().await?;
    let (counters_before, answers_before) = (counters(&store).await?, answers(&store).await?);
    let orders = ["--order", "ANN-ORDER-1", "--order", "BEN-ORDER-2", "--order", "NONE", "--yes"];
    let done = forget(&store, &orders).await?;
    ensure!(done["orders"] == 2, "{done}");
    let left = async |name: &str| {
        let objects = everything(&store).await?;
        let in_objects = objects.iter().any(|(_, text)| text.contains(name));
        let rows = rows(&store).await?;
        let in_rows = rows.iter().any(|row| format!("{row:?}").contains(name));
        Ok::<_, anyhow::Error>([in_objects, in_rows])
    };
    for gone in ["ANN-ORDER-1", "BEN-ORDER-2"] {
        ensure!(left(gone).await? == [false, false], "{gone}");
    }
    for stays in ["ANN-ORDER-2", "BEN-ORDER-1"] {
        ensure!(left(stays).await? == [true, true], "{stays}");
    }
    // What they did besides these orders is still theirs.
    ensure!(left(ANN).await? == [true, true], "Ann");
    announce_all(&store).await?;
    ensure!(counters(&store).await? == counters_before, "the counters");
    ensure!(answers(&store).await? == answers_before, "the answers");
    let after = store.verify().await?;
    ensure!(after["orders"] == report["orders"] && after["gone"]["objects"] == 0, "{after}");
    Ok(())
}

async fn nothing_is_changed_without_a_yes(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "forget-asks").await?;
    count(&store, vec![("a.jsonl".to_owned(), lines(0..8).into_bytes())]).await?;
    let before = everything(&store).await?;
    let answered = async |answer: &str| {
        let mut child = command(&store, &["--customer", ANN])?.spawn()?;
        let mut input = child.stdin.take().context("an input")?;
        tokio::io::AsyncWriteExt::write_all(&mut input, answer.as_bytes()).await?;
        drop(input);
        Ok::<_, anyhow::Error>(child.wait_with_output().await?)
    };
    for answer in ["no\n", "\n", ""] {
        let output = answered(answer).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success() && said.contains("nothing was changed"), "{said}");
        ensure!(said.contains("object: a.jsonl"), "it says what it would do: {said}");
        ensure!(everything(&store).await? == before, "nothing is changed");
    }
    let output = answered("yes\n").await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check_forgotten(&store).await?;
    for wrong in [&[][..], &["--customer", ""], &["--order", ""]] {
        let output = command(&store, wrong)?.output().await?;
        ensure!(!output.status.success(), "{wrong:?}");
    }
    Ok(())
}

async fn a_site_is_removed_with_all_of_its_numbers_and_no_other_changes(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "forget-site").await?;
    let of_site = |site: &str| {
        let with_site = |text: String| text.replace("{\"", &format!("{{\"site_id\":\"{site}\",\""));
        let bad = format!("{{\"site_id\":\"{site}\",\"event\":\"purchase\",\"ts\":\"never\"}}\n");
        with_site(lines(0..30))
            + &bad
            + &with_site(order_lines(7))
                .replace("\"items\":[{\"site_id\":\"", "\"items\":[{\"x\":\"")
    };
    let file = |site: &str| (format!("{site}.jsonl"), of_site(site).into_bytes());
    count(&store, vec![file("one")]).await?;
    let untouched = counters(&store).await?;
    count(&store, vec![file("two")]).await?;
    count(&store, vec![("two.jsonl".into(), (of_site("two") + "x\n").into())]).await?;
    for site in ["one", "two"] {
        let mut put = Command::new(binaries::path("minutebook")?);
        put.args(["catalogue", "put", "-", "--site", site]).env_clear().envs(endpoints(&store));
        let mut child = put.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let mut stdin = child.stdin.take().context("a pipe")?;
        stdin.write_all(b"id,name\n7,Mug\n").await?;
        drop(stdin);
        ensure!(child.wait().await?.success(), "the catalogue of {site}");
    }
    store.verify().await?;
    let site = ["--site", "two", "--everything"];
    let dry = forget(&store, &[&site[..], &["--dry-run"]].concat()).await?;
    ensure!(dry["versions"] == 2 && dry["rejected"] == 1 && dry["mixed"] == json!([]), "{dry}");
    forget(&store, &[&site[..], &["--yes"]].concat()).await?;
    ensure!(counters(&store).await? == untouched, "the numbers of the other site, and no others");
    let left = rows(&store).await?.into_iter().find(|row| {
        let pk = row.get("pk").and_then(|pk| pk.as_s().ok().cloned()).unwrap_or_default();
        pk.contains("#two#")
            || pk.ends_with("#two")
            || row.get("sk") == Some(&AttributeValue::S("two".to_string()))
    });
    ensure!(left.is_none(), "{left:?}");
    let objects = everything(&store).await?;
    ensure!(objects.iter().all(|(name, _)| !name.contains("two")), "{objects:?}");
    // What comes again is not counted again.
    count(&store, vec![file("two")]).await?;
    ensure!(counters(&store).await? == untouched, "the same file counts once");
    let again = forget(&store, &[&site[..], &["--yes"]].concat()).await?;
    ensure!(again["versions"] == 1, "{again}");
    let report = store.verify().await?;
    ensure!(report["gone"]["objects"] == 0, "{report}");

    let mixed = of_site("one") + &of_site("three");
    count(&store, vec![("mixed.jsonl".to_owned(), mixed.into_bytes())]).await?;
    let output = command(&store, &["--site", "three", "--everything", "--yes"])?.output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success() && said.contains("events of other sites"), "{said}");
    store.verify().await?;
    Ok(())
}
