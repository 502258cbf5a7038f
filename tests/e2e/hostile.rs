//! Ids, keys and file names that contain terminal control characters: no command prints them
//! unescaped.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::types::EncodingType;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{Store, sqs_event};
use serde_json::{Value, json};

use crate::command::{endpoints_of, run};
use crate::gone::endpoints;

crate::tests![
    ids_and_files_of_hostile_names_do_not_reach_the_terminal,
    objects_of_hostile_keys_are_listed_and_verified,
    a_dead_letter_of_a_hostile_key_is_replayed,
];

/// A hostile id: it clears the screen, sets the title, begins a line, and reverses the rest.
const ID: &str =
    "\u{1b}[2J\u{1b}]0;x\u{7}\n\r\u{85}\u{9b}31m\u{202e}\u{2066}\u{200f}\u{61c}\u{7f}!";

/// A hostile key and file name, with characters that XML can carry.
const KEY: &str = "\u{9b}31m\u{202e}\u{85}\n\u{2068}é+ %1b.jsonl";

/// Removes newlines. The emulator's permission patterns match no newline, so no function of the
/// deployed stack could read an object with one in its key.
fn without_newline(text: &str) -> String {
    text.replace('\n', "")
}

/// Checks that the command's output is harmless to a terminal. Returns the output, and the JSON on
/// standard output.
fn harmless(output: &Output) -> Result<(String, Value)> {
    let printed = [output.stdout.clone(), output.stderr.clone()].concat();
    let printed = String::from_utf8(printed)?;
    let is_obeyed = |character: char| {
        let is_mark =
            matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}');
        let is_isolate = ('\u{2066}'..='\u{2069}').contains(&character);
        (character.is_control() && character != '\n') || is_mark || is_isolate
    };
    ensure!(!printed.contains(is_obeyed), "{printed:?}");
    Ok((printed, serde_json::from_slice(&output.stdout).unwrap_or_default()))
}

async fn ids_and_files_of_hostile_names_do_not_reach_the_terminal(cloud: &Cloud) -> Result<()> {
    let endpoints = endpoints_of(cloud).await?;
    let folder = tempfile::tempdir()?;
    let line = json!({
        "event": "view", "timestamp": "2026-11-19T10:00:00Z", "site_id": "hostile",
        "item_id": ID, "page_url": ID, "user_id": ID,
    });
    let file = without_newline(KEY);
    std::fs::write(folder.path().join(&file), format!("{line}\nbad\n"))?;
    let command = |arguments: &[&str]| {
        let output = run(&folder, &endpoints, arguments, None)?;
        let (printed, json) = harmless(&output).with_context(|| format!("{arguments:?}"))?;
        Ok::<_, anyhow::Error>((output.status.success(), printed, json))
    };
    let put = [
        "put",
        &file,
        "--prefix",
        "hostile/\u{202e}",
        "--timeout",
        "60",
        "--wait",
        "--allow-rejected",
    ];
    for expected in ["1", "already counted"] {
        let (is_ok, printed, _) = command(&put)?;
        ensure!(is_ok && printed.contains(expected) && printed.contains("\\u{202e}"), "{printed}");
    }
    let key = format!("hostile/\u{202e}{file}");
    let (_, _, report) = command(&[&put[..], &["--json"]].concat())?;
    ensure!(report["files"][0]["key"] == key, "{report}");
    let (is_ok, printed, _) = command(&put[..4])?;
    ensure!(is_ok && printed.contains("\\u{9b}31m"), "{printed}");

    let as_of = ["--site-id", "hostile", "--as-of", "2026-11-19T10:30:00Z"];
    let days = ["--site-id", "hostile", "--from", "2026-11-19", "--to", "2026-11-20"];
    let shown = "\\u{1b}[2J\\u{1b}]0;x\\u{7}\\u{a}\\u{d}\\u{85}\\u{9b}31m\\u{202e}";
    for question in [
        [&["top", "views"][..], &as_of].concat(),
        [&["history", "views"][..], &days].concat(),
        [&["history", "views", "--item-id", ID][..], &days].concat(),
    ] {
        let (is_ok, printed, _) = command(&question)?;
        ensure!(is_ok && printed.contains(shown), "{printed}");
        let (_, _, answer) = command(&[&question[..], &["--json"]].concat())?;
        let items = [&answer["top"][0], &answer["periods"][0]["top"][0], &answer];
        ensure!(items.iter().any(|item| item["item_id"] == ID), "{answer}");
    }
    let bucket = cloud.stack().await?.bucket.clone();
    let (is_ok, _, replayed) = command(&["replay", "--prefix", &key, "--wait", "--json"])?;
    ensure!(is_ok && replayed["objects"][0]["key"] == key, "{replayed}");
    let (is_ok, printed, _) = command(&["replay", "--prefix", &key, "--dry-run"])?;
    ensure!(is_ok && printed.contains(&format!("s3://{bucket}/hostile/\\u{{202e}}")), "{printed}");
    let (is_ok, printed, _) = command(&["verify", "--prefix", "hostile/"])?;
    ensure!(is_ok, "{printed}");

    // Names that appear only in errors.
    let missing = ["put", "\u{1b}[31mno-file"];
    for arguments in [
        &missing[..],
        &["top", "views", "--site-id", ID],
        &["top", "views", "--window", ID],
        &["history", "views", "--tz", ID],
        &["keys", "add", ID, "--role", "read"],
        &["keys", "revoke", ID],
        &["verify", "--bucket", "\u{9b}31m"],
        &["replay", "--prefix", "\u{202e}", "--bucket", "\u{9b}31m"],
    ] {
        let (is_ok, printed, _) = command(arguments)?;
        ensure!(!is_ok && printed.trim_end().lines().count() == 1, "{arguments:?}: {printed}");
    }
    let (_, printed, _) = command(&missing)?;
    ensure!(printed.contains("\\u{1b}[31mno-file"), "{printed}");
    let (is_ok, printed, _) = command(&["keys", "list", ID])?;
    ensure!(is_ok, "{printed}");
    let (is_ok, printed, _) = command(&["status", "--table", ID])?;
    ensure!(is_ok && printed.contains(shown), "{printed}");
    Ok(())
}

async fn objects_of_hostile_keys_are_listed_and_verified(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "hostile-keys").await?;
    let list = store.clients.s3.list_object_versions().bucket(&store.bucket);
    let listed = list.encoding_type(EncodingType::Url).send().await?;
    let mut keys = vec![KEY.to_string(), format!("{KEY}+\u{2028}%41")];
    // Without encoding, no listing can contain these keys.
    if listed.encoding_type() == Some(&EncodingType::Url) {
        keys.extend([ID.to_string(), "\u{1}\u{fffe}".to_string()]);
    }
    let mut worker = store.start_plain_ingest().await?;
    let line = json!({"event": "view", "ts": "2026-11-19T10:00:00Z", "sku": ID}).to_string();
    let mut records = vec![];
    for key in &keys {
        let record = store.put(key, line.clone()).await?;
        ensure!(worker.invoke(sqs_event(&[vec![record.clone()]])).await?.is_clean(), "{key:?}");
        records.push(record);
    }
    let report = store.verify().await?;
    ensure!(report["events"] == keys.len() && report["gone"]["objects"] == 0, "{report}");

    let folder = tempfile::tempdir()?;
    let endpoints = endpoints(&store);
    let forecast = run(&folder, &endpoints, &["replay", "--all", "--dry-run", "--json"], None)?;
    let (_, forecast) = harmless(&forecast)?;
    let listed = forecast["objects"].as_array().into_iter().flatten();
    let listed: Vec<&str> = listed.filter_map(|object| object["key"].as_str()).collect();
    ensure!(listed.len() == keys.len() && keys.iter().all(|key| listed.contains(&&key[..])));

    // A difference, a deleted object and an uncounted object name them.
    let row = ("T#default#2026-11-19T10", "views#00#late#000");
    store.add(row, &format!("i#{ID}"), "-9").await?;
    store.delete_version(&keys[0], &records[0]).await?;
    store.put(&format!("new{KEY}"), line).await?;
    for arguments in [&["verify"][..], &["verify", "--json"]] {
        let output = run(&folder, &endpoints, arguments, None)?;
        let (printed, report) = harmless(&output)?;
        ensure!(output.status.code() == Some(1), "{printed}");
        if arguments.len() == 1 {
            for shown in
                ["gone: \\u{9b}31m\\u{202e}\\u{85}\\u{a}", "new\\u{9b}31m", "10:00 \\u{1b}[2J"]
            {
                ensure!(printed.contains(shown), "{printed}");
            }
        } else {
            ensure!(report["gone"]["chunks"][0]["key"] == keys[0], "{report}");
        }
    }
    Ok(())
}

async fn a_dead_letter_of_a_hostile_key_is_replayed(cloud: &Cloud) -> Result<()> {
    let endpoints = endpoints_of(cloud).await?;
    let stack = cloud.stack().await?;
    let record = Store::of(&cloud.clients, stack);
    // No listing contains this key, so it can have any character.
    let key = format!("hostile-letter/{}", without_newline(ID));
    let record = record.announcement_of_nothing(&key);
    let body = json!({"Records": [record]}).to_string();
    let send = cloud.clients.sqs.send_message().queue_url(&stack.dead_letters_url);
    send.message_body(body).send().await?;
    let folder = tempfile::tempdir()?;
    let replay = ["replay", "--dead-letters", "--prefix", "hostile-letter/"];
    let (printed, _) =
        harmless(&run(&folder, &endpoints, &[&replay[..], &["--dry-run"]].concat(), None)?)?;
    ensure!(printed.contains("hostile-letter/\\u{1b}[2J"), "{printed}");
    let (_, report) =
        harmless(&run(&folder, &endpoints, &[&replay[..], &["--json"]].concat(), None)?)?;
    ensure!(report["dead_letters"]["meant"] == 1 && report["objects"][0]["key"] == key, "{report}");
    Ok(())
}
