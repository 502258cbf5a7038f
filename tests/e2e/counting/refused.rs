//! Files that can never be counted: refused at the first delivery, recorded, and reported.

use std::io::Write;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy};
use minutebook_tests::store::{Store, sqs_event};
use serde_json::{Value, json};

use crate::calls::asking;
use crate::calls::health::{Watched, run_rollup};
use crate::command::{endpoints_of, run, stderr, stdout};
use crate::counting::chunks::{at, count, now, verified, views_at};

crate::tests![
    what_can_never_be_counted_is_refused_in_one_delivery_and_reported,
    a_refusal_whose_reply_is_lost_counts_once,
    put_says_at_once_that_a_file_is_refused_and_why,
];

/// A tar archive of one file.
fn tar() -> Vec<u8> {
    let mut header = [0; 512];
    header[..7].copy_from_slice(b"a.jsonl");
    header[124..135].copy_from_slice(b"00000000002");
    header[257..262].copy_from_slice(b"ustar");
    let content = [b"{}".as_slice(), &[0; 510]].concat();
    [header.as_slice(), &content, &[0; 1024]].concat()
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// Files by key, with the reason for which each is refused.
fn files() -> Result<Vec<(&'static str, Vec<u8>, &'static str)>> {
    let packed = gzip(views_at(now()?, 500).as_bytes())?;
    Ok(vec![
        ("a.tar", tar(), "archive"),
        ("a.parquet", b"PAR1\x15\x04\x00\x00PAR1".to_vec(), "foreign_format"),
        ("cut.jsonl.gz", packed[..packed.len() / 2].to_vec(), "truncated"),
        ("bomb.jsonl.gz", gzip(&vec![b'\n'; 64 * 1024 * 1024])?, "bomb"),
    ])
}

async fn what_can_never_be_counted_is_refused_in_one_delivery_and_reported(
    cloud: &Cloud,
) -> Result<()> {
    let watched = Watched::make(cloud, "refused").await?;
    let store = &watched.store;
    run_rollup(store).await?;
    let mut ingest = store.start_plain_ingest().await?;
    let good = store.put("good.jsonl", views_at(now()?, 3)).await?;
    count(&mut ingest, [&good]).await?;
    ensure!(ingest.next_summary().await?["counted"] == 3);

    let mut messages = vec![];
    for (key, bytes, code) in files()? {
        let record = store.put(key, bytes).await?;
        count(&mut ingest, [&record]).await.context("the message is acknowledged")?;
        let summary = ingest.next_summary().await?;
        ensure!(summary["level"] == "ERROR" && summary["refused"] == 1, "{summary}");
        ensure!(summary["refused_as"] == code && summary["lines"] == 0, "{summary}");
        messages.push(vec![record]);
    }
    // The same bytes under the same key, and other deliveries, change nothing.
    messages.push(vec![store.put("a.tar", tar()).await?]);
    ensure!(ingest.invoke(sqs_event(&messages)).await?.is_clean());
    for _ in &messages {
        let summary = ingest.next_summary().await?;
        ensure!(summary["level"] == "WARN" && summary["refused"] == 0, "{summary}");
    }

    let ledger = store.ledger().await?;
    for (key, _, code) in files()? {
        let of_key: Vec<&Value> = ledger.iter().filter(|entry| entry["key"] == key).collect();
        let [entry] = of_key[..] else { anyhow::bail!("{key}: {of_key:?}") };
        ensure!(entry["refused"] == code && entry["parts"] == 1, "{entry}");
        ensure!(entry["refused_because"].is_string() && entry["lines"].is_null(), "{entry}");
    }
    let mut api = watched.start_plain("api").await?;
    let (status, answer) = asking::ask(&mut api, "/health", "").await?;
    let hour = &answer["last_hour"];
    ensure!(status == 200 && answer["status"] == "degraded", "{answer}");
    ensure!(hour["refused"] == 4 && hour["lines"] == 3 && hour["rejected"] == 0, "{answer}");
    let reason = answer["reasons"][0].as_str().unwrap_or_default();
    ensure!(reason.starts_with("4 files were refused in the last hour: "), "{answer}");
    let (_, text) = asking::ask_for_text(&mut api, "/metrics/prometheus", "").await?;
    ensure!(text.contains("\nminutebook_refused_files_total 4\n"), "{text}");
    ensure!(text.contains("\nminutebook_chunks_total 1\n"), "{text}");

    verified(store, 3).await?;
    ensure!(store.verify().await?["refused"] == 4);
    // What somebody else refuses is a difference, and so is a total that is wrong.
    let totals = store.rows_of("TOTALS").await?;
    store.add(("TOTALS", &totals[0]), "refused", "1").await?;
    let output = store.run_verify(&[]).await?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let said = &report["first_differences"];
    let expected = json!(["totals refused: the ledger adds up to 4, the totals say 5"]);
    ensure!(output.status.code() == Some(1) && *said == expected, "{report}");
    Ok(())
}

async fn a_refusal_whose_reply_is_lost_counts_once(cloud: &Cloud) -> Result<()> {
    for (name, fault) in
        [("lost", Fault::LoseReply), ("conflict", Fault::Cancel(vec![(1, "TransactionConflict")]))]
    {
        let store = Store::make(cloud, &format!("refused-{name}")).await?;
        let record = store.put("a.tar", tar()).await?;
        let plan = at("TransactWriteItems", 1, fault);
        let proxy = FaultProxy::start(&store.clients.endpoint_url, plan).await?;
        let mut worker = store.start_ingest(&proxy.url, &store.clients.endpoint_url).await?;
        count(&mut worker, [&record]).await?;
        ensure!(proxy.faults_made().len() == 1, "{:?}", proxy.faults_made());
        verified(&store, 0).await?;
        ensure!(store.verify().await?["refused"] == 1);
    }
    Ok(())
}

async fn put_says_at_once_that_a_file_is_refused_and_why(cloud: &Cloud) -> Result<()> {
    let endpoints = endpoints_of(cloud).await?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("a.tar"), tar())?;
    std::fs::write(folder.path().join("good.jsonl"), views_at(now()?, 2))?;
    let put = |more: &[&str]| {
        let arguments = ["put", "a.tar", "good.jsonl", "--prefix", "refused/", "--wait"];
        run(&folder, &endpoints, &[&arguments, more].concat(), None)
    };
    let begun = std::time::Instant::now();
    let output = put(&["--allow-rejected"])?;
    ensure!(output.status.code() == Some(1), "{}", stderr(&output));
    let (text, error) = (stdout(&output), stderr(&output));
    let because =
        "refused: refused/a.tar: the file is a tar archive, which is not read: put the files";
    ensure!(text.contains(because), "{text}");
    ensure!(error.contains("error: 1 of 2 files refused"), "{error}");
    ensure!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());

    let output = put(&["--json"])?;
    let report: Value = serde_json::from_str(&stdout(&output)).with_context(|| stderr(&output))?;
    let states: Vec<&Value> =
        report["files"].as_array().context("files")?.iter().map(|file| &file["state"]).collect();
    ensure!(states == ["already_refused", "already_counted"], "{report}");
    ensure!(report["files"][0]["refused"] == "archive", "{report}");
    ensure!(output.status.code() == Some(1), "{}", stderr(&output));

    let replay = ["replay", "--prefix", "refused/", "--dry-run"];
    let output = run(&folder, &endpoints, &replay, None)?;
    ensure!(
        stdout(&output).contains("already refused: nothing would change"),
        "{}",
        stdout(&output)
    );
    Ok(())
}
