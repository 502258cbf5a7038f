//! The command as a user runs it: its output and its exit codes.

use std::io::Write;
use std::process::{Output, Stdio};

use anyhow::{Context, Result, ensure};
use minutebook_tests::binaries;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{Store, sqs_event};
use serde_json::{Value, json};
use tempfile::TempDir;

crate::tests![
    without_a_stack_it_says_to_run_up,
    put_takes_files_folders_csv_and_standard_input,
    put_says_what_was_rejected_and_what_was_already_counted,
    put_moves_old_events_to_the_present,
    top_prints_a_table_and_names_a_wrong_parameter,
    history_prints_a_table_and_json_and_names_a_wrong_parameter,
    replay_wants_to_know_what,
    replay_of_a_prefix_adds_nothing_twice,
    replay_takes_dead_letters_out_and_leaves_others,
    verify_finds_a_counter_that_is_too_high_too_low_or_too_many,
    verify_finds_a_wrong_row_of_every_granularity,
    verify_finds_an_hour_that_no_roll_up_would_find,
    verify_finds_a_chunk_that_is_not_counted_and_an_entry_that_lies,
    verify_finds_visitors_that_are_missing_and_totals_that_lie,
    verify_compares_only_what_lies_between_from_and_to,
];

/// Runs the command outside any checkout, with these endpoints only.
pub(crate) fn run(
    folder: &TempDir,
    endpoints: &[(String, String)],
    arguments: &[&str],
    input: Option<&str>,
) -> Result<Output> {
    let mut command = std::process::Command::new(binaries::path("minutebook")?);
    command.args(arguments).current_dir(folder.path()).env_clear().env("HOME", folder.path());
    command.envs(endpoints.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    // A command that fails at once reads nothing, and its output says why.
    drop(stdin.write_all(input.unwrap_or_default().as_bytes()));
    drop(stdin);
    Ok(child.wait_with_output()?)
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The environment variables that point the command to the deployed stack.
pub(crate) async fn endpoints_of(cloud: &Cloud) -> Result<Vec<(String, String)>> {
    let stack = cloud.stack().await?;
    let variables = [
        ("AWS_ENDPOINT_URL", &stack.endpoint_url),
        ("AWS_REGION", &stack.region),
        ("AWS_ACCESS_KEY_ID", &stack.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &stack.secret_access_key),
        ("MINUTEBOOK_BUCKET", &stack.bucket),
        ("MINUTEBOOK_TABLE", &stack.table),
        ("MINUTEBOOK_QUEUE_URL", &stack.queue_url),
        ("MINUTEBOOK_DEAD_LETTERS_URL", &stack.dead_letters_url),
        ("MINUTEBOOK_API_URL", stack.api_url.as_ref().context("the backend has no API")?),
    ];
    Ok(variables.into_iter().map(|(name, value)| (name.to_string(), value.clone())).collect())
}

fn views(site: &str, count: usize) -> String {
    let line = |item: usize| {
        format!(
            "{{\"event\":\"view\",\"timestamp\":\"2026-11-19T10:00:00Z\",\"site_id\":\"{site}\",\"item_id\":{item}}}\n"
        )
    };
    (0..count).map(line).collect()
}

async fn without_a_stack_it_says_to_run_up(_: &Cloud) -> Result<()> {
    let folder = tempfile::tempdir()?;
    for arguments in [
        &["top", "views"][..],
        &["history", "views"],
        &["verify"],
        &["status"],
        &["put", "-"],
        &["replay", "--all"],
        &["generate", "--to-bucket", "--events", "1"],
    ] {
        let output = run(&folder, &[], arguments, Some("{}"))?;
        ensure!(output.status.code() == Some(1), "{arguments:?} ended with {:?}", output.status);
        let message = stderr(&output);
        ensure!(
            message.starts_with("error: ") && message.contains("cargo mb up"),
            "{arguments:?}: {message}"
        );
        ensure!(message.trim_end().lines().count() == 1, "{arguments:?}: {message}");
    }
    Ok(())
}

async fn put_takes_files_folders_csv_and_standard_input(cloud: &Cloud) -> Result<()> {
    let endpoints = endpoints_of(cloud).await?;
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("days"))?;
    std::fs::write(folder.path().join("days/1.jsonl"), views("put-forms", 2))?;
    std::fs::write(folder.path().join("days/2.jsonl"), views("put-forms", 3))?;
    let csv = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n\
               2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde\n\
               2019-10-01 00:00:01 UTC,purchase,3900821,2053013552326770905,appliances,aqua,33.20,554748717,9333dfbd\n";
    std::fs::write(folder.path().join("rees46.csv"), csv)?;
    let arguments =
        ["put", "days", "rees46.csv", "-", "--prefix", "put-forms/", "--wait", "--json"];
    let output = run(&folder, &endpoints, &arguments, Some(&views("put-forms", 4)))?;
    ensure!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_str(&stdout(&output)).with_context(|| stdout(&output))?;
    let lines: Vec<u64> = report["files"]
        .as_array()
        .context("files")?
        .iter()
        .filter_map(|file| file["lines"].as_u64())
        .collect();
    ensure!(lines.iter().sum::<u64>() == 11 && lines.len() == 4, "{report}");
    let counted = report["files"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|file| file["counted"].as_u64())
        .sum::<u64>();
    ensure!(counted == 11, "{report}");
    Ok(())
}

async fn put_says_what_was_rejected_and_what_was_already_counted(cloud: &Cloud) -> Result<()> {
    let endpoints = endpoints_of(cloud).await?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("a.jsonl"), views("put-again", 2) + "not json\n")?;
    let arguments = ["put", "a.jsonl", "--prefix", "put-again/", "--wait"];
    let first = run(&folder, &endpoints, &arguments, None)?;
    let told = "rejected not_json: 1, first in line 3: not json\n";
    let is_told = first.status.code() == Some(1) && stdout(&first).contains(told);
    ensure!(is_told, "{}{}", stdout(&first), stderr(&first));
    let arguments = [&arguments[..], &["--allow-rejected"]].concat();
    let second = run(&folder, &endpoints, &arguments, None)?;
    ensure!(
        second.status.success() && stdout(&second).contains("already counted"),
        "{}",
        stdout(&second)
    );
    let (_, _, answer) =
        cloud.get("/most_viewed_item?site_id=put-again&as_of=2026-11-19T10:00:00Z").await?;
    ensure!(
        answer["top"] == json!([{"item_id": 0, "views": 1}, {"item_id": 1, "views": 1}]),
        "{answer}"
    );
    Ok(())
}

async fn put_moves_old_events_to_the_present(cloud: &Cloud) -> Result<()> {
    let endpoints = endpoints_of(cloud).await?;
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("old.jsonl"),
        views("moved", 1).replace("2026-11-19", "2019-11-19"),
    )?;
    let arguments = ["put", "old.jsonl", "--prefix", "moved/", "--shift-to", "now", "--wait"];
    let output = run(&folder, &endpoints, &arguments, None)?;
    ensure!(output.status.success(), "{}", stderr(&output));
    let (_, _, answer) = cloud.get("/most_viewed_item?site_id=moved").await?;
    ensure!(answer["views"] == 1, "{answer}");
    Ok(())
}

async fn top_prints_a_table_and_names_a_wrong_parameter(cloud: &Cloud) -> Result<()> {
    let endpoints = endpoints_of(cloud).await?;
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("a.jsonl"),
        views("top", 1).replace("\"item_id\":0", "\"item_id\":\"sku-7\""),
    )?;
    let put = run(&folder, &endpoints, &["put", "a.jsonl", "--prefix", "top/", "--wait"], None)?;
    ensure!(put.status.success(), "{}", stderr(&put));
    let arguments = ["top", "views", "--site-id", "top", "--as-of", "2026-11-19T10:30:00Z"];
    let output = run(&folder, &endpoints, &arguments, None)?;
    ensure!(
        output.status.success() && stdout(&output).contains("sku-7"),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    let wrong = run(&folder, &endpoints, &["top", "views", "--window", "401d"], None)?;
    let message = stderr(&wrong);
    ensure!(
        wrong.status.code() == Some(1)
            && message.starts_with("error: ")
            && message.contains("window"),
        "{message}"
    );
    ensure!(message.trim_end().lines().count() == 1, "{message}");
    Ok(())
}

/// Counts `text` as the only file under `prefix`, and returns the command's folder and endpoints.
async fn counted(
    cloud: &Cloud,
    prefix: &str,
    text: &str,
) -> Result<(TempDir, Vec<(String, String)>)> {
    let endpoints = endpoints_of(cloud).await?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("a.jsonl"), text)?;
    let put = run(&folder, &endpoints, &["put", "a.jsonl", "--prefix", prefix, "--wait"], None)?;
    ensure!(put.status.success(), "{}", stderr(&put));
    Ok((folder, endpoints))
}

async fn history_prints_a_table_and_json_and_names_a_wrong_parameter(cloud: &Cloud) -> Result<()> {
    let text = views("series", 3) + &views("series", 1).replace("2026-11-19T", "2026-11-17T");
    let (folder, endpoints) = counted(cloud, "series/", &text).await?;
    let arguments = [
        "history",
        "views",
        "--site-id",
        "series",
        "--from",
        "2026-11-17",
        "--to",
        "2026-11-20",
        "--limit",
        "2",
    ];
    let output = run(&folder, &endpoints, &arguments, None)?;
    ensure!(output.status.success(), "{}", stderr(&output));
    let printed = stdout(&output);
    let lines: Vec<&str> = printed.lines().collect();
    let expected = "views by day, site series, UTC: 2026-11-17T00:00:00Z to 2026-11-20T00:00:00Z";
    ensure!(lines[..2] == [expected, "▄▁█"], "{printed}");
    for (day, total) in [("2026-11-17", 1), ("2026-11-18", 0), ("2026-11-19", 3)] {
        let row = lines.iter().find(|line| line.contains(day) && !line.starts_with("views"));
        let row = row.with_context(|| format!("no row of {day} in {printed}"))?;
        ensure!(row.split_whitespace().any(|word| word == total.to_string()), "{row}");
    }
    ensure!(
        printed.contains("0: 1, 1: 1") && !printed.contains("2: 1"),
        "two top items: {printed}"
    );

    let output =
        run(&folder, &endpoints, &[&arguments[..], &["--json", "--item-id", "2"]].concat(), None)?;
    let answer: Value = serde_json::from_str(&stdout(&output)).with_context(|| stderr(&output))?;
    let totals: Vec<&Value> =
        answer["periods"].as_array().into_iter().flatten().map(|day| &day["total"]).collect();
    ensure!(totals == [0, 0, 1] && answer["item_id"] == 2, "{answer}");

    let wrong = run(&folder, &endpoints, &["history", "views", "--tz", "Mars"], None)?;
    let message = stderr(&wrong);
    ensure!(
        wrong.status.code() == Some(1) && message.starts_with("error: ") && message.contains("tz"),
        "{message}"
    );
    ensure!(message.trim_end().lines().count() == 1, "{message}");
    Ok(())
}

async fn replay_wants_to_know_what(cloud: &Cloud) -> Result<()> {
    let endpoints = endpoints_of(cloud).await?;
    let folder = tempfile::tempdir()?;
    for (arguments, sentence) in [
        (&["replay"][..], "--all for every object"),
        (&["replay", "--wait"], "nothing is selected"),
        (
            &["replay", "--from", "2026-11-20", "--to", "2026-11-19"],
            "--from 2026-11-20T00:00:00Z is not before",
        ),
    ] {
        let output = run(&folder, &endpoints, arguments, None)?;
        let message = stderr(&output);
        ensure!(
            output.status.code() == Some(1) && message.starts_with("error: "),
            "{arguments:?}: {message}"
        );
        ensure!(
            message.contains(sentence) && message.trim_end().lines().count() == 1,
            "{arguments:?}: {message}"
        );
    }
    Ok(())
}

/// Runs a replay that must succeed, and returns its report.
fn replay(folder: &TempDir, endpoints: &[(String, String)], arguments: &[&str]) -> Result<Value> {
    let output = run(folder, endpoints, &[&["replay", "--json"], arguments].concat(), None)?;
    ensure!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).with_context(|| stdout(&output))
}

async fn replay_of_a_prefix_adds_nothing_twice(cloud: &Cloud) -> Result<()> {
    let (folder, endpoints) = counted(cloud, "replayed/", &views("replayed", 2)).await?;
    let forecast = replay(&folder, &endpoints, &["--prefix", "replayed/", "--dry-run"])?;
    ensure!(
        forecast["dry_run"] == true && forecast["objects"][0]["state"] == "already_counted",
        "{forecast}"
    );
    for _ in 0..2 {
        let report = replay(&folder, &endpoints, &["--prefix", "replayed/", "--wait"])?;
        ensure!(report["objects"].as_array().map(Vec::len) == Some(1), "{report}");
        ensure!(
            report["objects"][0]["state"] == "already_counted" && report["sum"]["counted"] == 0,
            "{report}"
        );
    }
    let (_, _, answer) =
        cloud.get("/most_viewed_item?site_id=replayed&as_of=2026-11-19T10:00:00Z").await?;
    ensure!(
        answer["top"] == json!([{"item_id": 0, "views": 1}, {"item_id": 1, "views": 1}]),
        "{answer}"
    );
    let nobody = replay(&folder, &endpoints, &["--prefix", "nobody's/", "--wait"])?;
    ensure!(nobody["objects"] == json!([]), "{nobody}");
    Ok(())
}

async fn replay_takes_dead_letters_out_and_leaves_others(cloud: &Cloud) -> Result<()> {
    let (folder, endpoints) = counted(cloud, "dead/", &views("dead", 2)).await?;
    let stack = cloud.stack().await?;
    let dead_letters = &stack.dead_letters_url;
    // As if the notification of the file's second upload had failed as often as the queue retries.
    let record = Store::of(&cloud.clients, stack).put("dead/a.jsonl", views("dead", 2)).await?;
    let body = json!({"Records": [record]});
    let send =
        cloud.clients.sqs.send_message().queue_url(dead_letters).message_body(body.to_string());
    send.send().await?;

    let forecast =
        replay(&folder, &endpoints, &["--dead-letters", "--prefix", "dead/", "--dry-run"])?;
    ensure!(forecast["dead_letters"]["meant"] == 1, "{forecast}");
    ensure!(forecast["objects"][0]["state"] == "already_counted", "{forecast}");
    let others = replay(&folder, &endpoints, &["--dead-letters", "--prefix", "nobody's/"])?;
    ensure!(
        others["dead_letters"]["meant"] == 0 && others["dead_letters"]["left"] != 0,
        "{others}"
    );
    for meant in [1, 0] {
        let report =
            replay(&folder, &endpoints, &["--dead-letters", "--prefix", "dead/", "--wait"])?;
        ensure!(
            report["dead_letters"]["meant"] == meant && report["sum"]["counted"] == 0,
            "{report}"
        );
    }
    let (_, _, answer) =
        cloud.get("/most_viewed_item?site_id=dead&as_of=2026-11-19T10:00:00Z").await?;
    ensure!(answer["views"] == 1, "{answer}");
    Ok(())
}

/// A store with one counted chunk of ten views.
async fn ten_views(cloud: &Cloud, name: &str) -> Result<Store> {
    let store = Store::make(cloud, name).await?;
    let record = store.put("a.jsonl", views("default", 10)).await?;
    let mut worker = store.start_plain_ingest().await?;
    ensure!(worker.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    store.verify().await?;
    Ok(store)
}

/// Runs verify, which must find this many differences and report one of them as `what`.
pub(crate) async fn finds(store: &Store, differences: u64, what: &str) -> Result<()> {
    let output = store.run_verify(&[]).await?;
    ensure!(output.status.code() == Some(1), "{what}: verify ended with {:?}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(report["differences"] == differences, "{what}: {report}");
    let said = report["first_differences"].to_string();
    ensure!(said.contains(what), "nothing of {what:?} in {said}");
    Ok(())
}

async fn verify_finds_a_counter_that_is_too_high_too_low_or_too_many(cloud: &Cloud) -> Result<()> {
    let store = ten_views(cloud, "verify-counters").await?;
    let row = ("T#default#2026-11-19T10", "views#00#late#000");
    store.add(row, "i#3", "1").await?;
    finds(&store, 1, "minute 2026-11-19T10:00 3: recounted 1, the table says 2").await?;
    store.add(row, "i#3", "-1").await?;
    store.verify().await?;
    store.add(row, "i#stranger", "1").await?;
    finds(&store, 1, "stranger").await?;
    store.add(row, "i#stranger", "-1").await?;
    store.delete_row(row.0, row.1).await?;
    finds(&store, 10, "recounted 1, the table says 0").await
}

async fn verify_finds_a_wrong_row_of_every_granularity(cloud: &Cloud) -> Result<()> {
    let store = ten_views(cloud, "verify-granularities").await?;
    for (partition, row, bucket) in [
        ("T#default#2026-11-19", "views#10#000", "hour 2026-11-19T10"),
        ("T#default#2026", "views#d11-19#000", "day 2026-11-19"),
        ("T#default#2026", "views#w47#000", "week 2026-W47"),
        ("T#default#2026", "views#m11#000", "month 2026-11"),
    ] {
        store.add((partition, row), "i#3", "1").await?;
        finds(&store, 1, &format!("{bucket} 3: recounted 1, the table says 2")).await?;
        store.add((partition, row), "i#3", "-1").await?;
    }
    let report = store.verify().await?;
    ensure!(
        report["rows"] == json!({"minute": 1, "hour": 1, "day": 1, "week": 1, "month": 1}),
        "{report}"
    );
    Ok(())
}

async fn verify_finds_an_hour_that_no_roll_up_would_find(cloud: &Cloud) -> Result<()> {
    let store = ten_views(cloud, "verify-open-hours").await?;
    store.put_row("T#default#2026-11-19T10", "views#30#00#000", &[("i#3", 1)]).await?;
    // In addition to the stray view, at each granularity.
    finds(&store, 5 + 1, "default hour 2026-11-19T10: it is neither among the open hours nor done")
        .await?;
    store.list_open("default", "2026-11-19T10").await?;
    finds(&store, 5, "week 2026-W47 3: recounted 1, the table says 2").await
}

async fn verify_finds_a_chunk_that_is_not_counted_and_an_entry_that_lies(
    cloud: &Cloud,
) -> Result<()> {
    let store = ten_views(cloud, "verify-entries").await?;
    let id = format!(
        "L#{}",
        store.ledger().await?[0]["pk"].as_str().unwrap_or_default().trim_start_matches("L#")
    );
    store.add((&id, "000000"), "lines", "1").await?;
    // The line count of the chunk differs, and so does the sum over all chunks.
    finds(&store, 2, "lines").await?;
    store.add((&id, "000000"), "lines", "-1").await?;
    store.put("b.jsonl", views("default", 1)).await?;
    finds(&store, 1, "b.jsonl").await
}

async fn verify_finds_visitors_that_are_missing_and_totals_that_lie(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "verify-visitors").await?;
    let line = |user| {
        format!(
            "{{\"event\":\"view\",\"ts\":\"2026-11-19T10:00:30Z\",\"sku\":1,\"user_id\":\"{user}\",\"session\":1}}\n"
        )
    };
    let record = store.put("a.jsonl", ["ann", "bob", "bob", "eve"].map(line).concat()).await?;
    let mut worker = store.start_plain_ingest().await?;
    ensure!(worker.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    let report = store.verify().await?;
    ensure!(report["visitors"] == 10, "customers and sessions of five granularities: {report}");

    let day = "T#default#2026-11-19";
    let rows = store.rows_of(day).await?;
    let visitors = rows
        .iter()
        .find(|sort_key| sort_key.starts_with("visitors.1#10#"))
        .context("visitors of the hour")?;
    store.delete_row(day, visitors).await?;
    finds(&store, 2, "default visitors hour 2026-11-19T10: recounted 3, the table says 0").await?;
    let shards = store.rows_of("TOTALS").await?;
    let shard = shards.first().context("a row of totals")?;
    store.add(("TOTALS", shard), "events", "1").await?;
    finds(&store, 3, "totals events: the ledger adds up to 4, the totals say 5").await
}

async fn verify_compares_only_what_lies_between_from_and_to(cloud: &Cloud) -> Result<()> {
    let store = ten_views(cloud, "verify-between").await?;
    store.add(("T#default#2026-11-19T10", "views#00#late#000"), "i#3", "1").await?;
    store.add(("T#default#2026", "views#d11-19#000"), "i#3", "1").await?;
    for (from, to, differences) in [
        ("2026-11-19T10:01:00Z", "2026-11-20T00:00:00Z", 0),
        ("2026-11-18T00:00:00Z", "2026-11-19T10:00:00Z", 0),
        ("2026-11-19T10:00:00Z", "2026-11-19T10:01:00Z", 1),
        ("2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z", 2),
    ] {
        let output = store.run_verify(&["--from", from, "--to", to]).await?;
        let report: Value =
            serde_json::from_slice(&output.stdout).with_context(|| stderr(&output))?;
        ensure!(report["differences"] == differences, "{from} to {to}: {report}");
        ensure!(
            output.status.success() == (differences == 0),
            "{from} to {to}: {:?}",
            output.status
        );
    }
    let output = store
        .run_verify(&["--from", "2026-11-20T00:00:00Z", "--to", "2026-11-19T00:00:00Z"])
        .await?;
    ensure!(
        output.status.code() == Some(1) && stderr(&output).contains("--from must lie before --to")
    );
    Ok(())
}
