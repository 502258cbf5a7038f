//! Catalogues: what the command puts is in the answers, whoever puts at the same time and wherever it
//! dies.

use std::collections::BTreeMap;
use std::process::{Output, Stdio};

use anyhow::{Context, Result, ensure};
use minutebook_tests::binaries;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{Store, sqs_event};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::calls::asking::{ask, ask_for_text};
use crate::gone::endpoints;

crate::tests![
    answers_have_names_and_rankings_have_groups,
    what_is_put_at_the_same_time_is_all_there,
    a_put_that_is_killed_has_changed_everything_or_nothing,
    what_cannot_be_read_is_named_and_nothing_is_put,
];

const HOSTILE: &str = "<img src=x>\u{202e}\u{1b}[2J";

fn command(store: &Store, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binaries::path("minutebook")?);
    command.arg("catalogue").args(arguments).env_clear().envs(endpoints(store));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

async fn run(store: &Store, arguments: &[&str]) -> Result<String> {
    let Output { status, stdout, stderr } = command(store, arguments)?.output().await?;
    ensure!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

/// A file with this text.
fn file(text: &str) -> Result<(NamedTempFile, String)> {
    let file = NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    let path = file.path().to_str().context("a path")?.to_owned();
    Ok((file, path))
}

/// The answer of a function of its own, which has read nothing yet.
async fn answer(store: &Store, function: &str, path: &str, query: &str) -> Result<Value> {
    let mut worker = store.start_query(function, &store.clients.endpoint_url).await?;
    let (status, answer) = ask(&mut worker, path, query).await?;
    ensure!(status == 200, "{path} {query}: {answer}");
    Ok(answer)
}

/// Item ids, how often each was viewed, and what the catalogue says about it: name, category, brand.
const ITEMS: [(&str, u64, [&str; 3]); 6] = [
    ("7", 9, ["Oat mug", "Mugs", "Haver"]),
    ("sku 2", 7, [HOSTILE, "Mugs", ""]),
    ("3", 6, ["Board", "Boards", "Haver"]),
    ("4", 4, ["Ladle", "", "Ostra"]),
    ("unknown", 3, ["", "", ""]),
    ("5", 1, ["Plate", "Mugs", "Ostra"]),
];

async fn answers_have_names_and_rankings_have_groups(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "catalogue-answers").await?;
    let mut text = String::new();
    for (item, views, _) in ITEMS {
        for second in 0..views {
            let time = format!("2026-11-19T10:00:{second:02}Z");
            text += &format!("{}\n", json!({"event": "view", "ts": time, "sku": item}));
        }
    }
    let record = store.put("events.jsonl", text).await?;
    let mut ingest = store.start_plain_ingest().await?;
    ensure!(ingest.invoke(sqs_event(&[vec![record]])).await?.is_clean(), "not counted");

    let mut csv = "SKU;Title;Type;Vendor;Price\n".to_owned();
    for (item, _, [name, category, brand]) in ITEMS {
        if item != "unknown" {
            csv += &format!("{item};{name};{category};{brand};19.90\n");
        }
    }
    let (_file, path) = file(&csv)?;
    ensure!(run(&store, &["put", &path]).await?.starts_with("5 items put"), "what it says");

    let day = "as_of=2026-11-19T12:00:00Z&window=24h";
    let most = async |query: &str| answer(&store, "most_viewed", "/most_viewed_item", query).await;
    let ranked = most(day).await?;
    let expected = ITEMS.iter().map(|(item, views, described)| {
        let id = item.parse::<u64>().map_or_else(|_| json!(item), |number| json!(number));
        let mut entry = json!({"item_id": id, "views": views});
        for (member, text) in ["name", "category", "brand"].into_iter().zip(described) {
            if !text.is_empty() {
                entry[member] = json!(text);
            }
        }
        entry
    });
    ensure!(ranked["top"] == json!(expected.collect::<Vec<_>>()), "{ranked}");

    for (by, place) in [("category", 1), ("brand", 2)] {
        let ranked = most(&format!("{day}&by={by}")).await?;
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, views, described) in ITEMS {
            *sums.entry(described[place]).or_default() += views;
        }
        let ungrouped = sums.remove("").unwrap_or_default();
        let mut expected: Vec<(&str, u64)> = sums.into_iter().collect();
        expected.sort_by_key(|(_, views)| std::cmp::Reverse(*views));
        let entry = |(name, views): &(&str, u64)| json!({by: name, "views": views});
        let expected: Vec<Value> = expected.iter().map(entry).collect();
        ensure!(ranked["top"] == json!(expected), "{by}: {ranked}");
        ensure!(ranked["ungrouped"] == json!({"views": ungrouped}), "{by}: {ranked}");
    }

    let dates = "from=2026-11-19&to=2026-11-20";
    let api = async |path: &str, query: &str| answer(&store, "api", path, query).await;
    let item = api("/items/7", day).await?;
    let described = ["name", "category", "brand", "price"].map(|it| item[it].clone());
    ensure!(described == ["Oat mug", "Mugs", "Haver", "19.90"].map(|it| json!(it)), "{item}");
    let history = api("/history", &format!("measure=views&granularity=day&{dates}")).await?;
    ensure!(history["periods"][0]["top"][1]["name"] == HOSTILE, "{history}");
    let movers = api("/movers", &format!("measure=views&{dates}&compare=previous")).await?;
    ensure!(movers["rising"][0]["name"] == "Oat mug", "{movers}");
    let funnel = api("/funnel", dates).await?;
    ensure!(funnel["items"][0]["name"] == "Oat mug", "{funnel}");

    let mut table = store.start_query("most_viewed", &store.clients.endpoint_url).await?;
    let (_, text) =
        ask_for_text(&mut table, "/most_viewed_item", &format!("{day}&limit=1")).await?;
    ensure!(text.contains("Oat mug"), "{text}");

    // Other sites have none of it; what is put again is replaced; what is removed is gone.
    let other = answer(&store, "api", "/items/7", "site_id=other").await?;
    ensure!(other.get("name").is_none(), "{other}");
    let (_file, path) = file("{\"item_id\":7,\"name\":\"Rye mug\"}\n")?;
    run(&store, &["put", &path]).await?;
    let item = api("/items/7", day).await?;
    ensure!(item["name"] == "Rye mug" && item.get("brand").is_none(), "{item}");
    ensure!(run(&store, &["show", "7"]).await?.contains("Rye mug"), "show");
    let listed = run(&store, &["list"]).await?;
    ensure!(!listed.contains(['\u{1b}', '\u{202e}']) && listed.contains("Board"), "{listed}");
    ensure!(run(&store, &["remove", "7", "3"]).await?.contains("has 3"), "three are left");
    ensure!(api("/items/7", day).await?.get("name").is_none(), "it is removed");
    store.verify().await?;
    run(&store, &["remove", "--all"]).await?;
    ensure!(run(&store, &["list", "--json"]).await?.is_empty(), "nothing is left");
    store.verify().await?;
    Ok(())
}

async fn what_is_put_at_the_same_time_is_all_there(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "catalogue-together").await?;
    let files: Vec<(NamedTempFile, String)> = (0..6)
        .map(|part| {
            let line = |item| format!("{}\n", json!({"id": item, "name": format!("of {part}")}));
            file(&(0..150).map(|item| line(part * 150 + item)).collect::<String>())
        })
        .collect::<Result<_>>()?;
    let puts = files.iter().map(|(_, path)| async { run(&store, &["put", path]).await });
    futures::future::try_join_all(puts).await?;
    let listed = run(&store, &["list", "--json"]).await?;
    let mut found = BTreeMap::new();
    for line in listed.lines() {
        let item: Value = serde_json::from_str(line)?;
        found.insert(
            item["item_id"].as_str().context("an id")?.parse::<u32>()?,
            item["name"].clone(),
        );
    }
    let expected: BTreeMap<u32, Value> =
        (0..900).map(|item| (item, json!(format!("of {}", item / 150)))).collect();
    ensure!(found == expected, "{} items of 900", found.len());
    // Nothing is left of the catalogues that were replaced.
    let rows = store.rows_of("CATALOGUE#default").await?;
    ensure!(rows.len() == 2 + 15, "{} rows", rows.len());
    store.verify().await?;
    Ok(())
}

async fn a_put_that_is_killed_has_changed_everything_or_nothing(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "catalogue-killed").await?;
    let items = |name: &str| -> Result<(NamedTempFile, String)> {
        let line =
            |item: u32| format!("{}\n", json!({"id": item, "name": format!("{name} {item}")}));
        file(&(0..5_000).map(line).collect::<String>())
    };
    let (_old, path) = items("old")?;
    run(&store, &["put", &path]).await?;
    let (_new, path) = items("new")?;
    let mut kills = 0;
    for milliseconds in (20..).step_by(40) {
        let mut child = command(&store, &["put", &path])?.spawn()?;
        tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
        let has_ended = child.try_wait()?.is_some();
        child.kill().await?;
        let listed = run(&store, &["list", "--json"]).await?;
        let new = listed.matches("\"new ").count();
        let old = listed.matches("\"old ").count();
        ensure!([(5_000, 0), (0, 5_000)].contains(&(new, old)), "{new} new, {old} old");
        if has_ended {
            ensure!(new == 5_000, "it had ended");
            break;
        }
        kills += 1;
    }
    ensure!(kills > 1, "it was killed {kills} times");
    // The next change leaves nothing of those that were killed.
    run(&store, &["remove", "17"]).await?;
    let rows = store.rows_of("CATALOGUE#default").await?;
    ensure!(rows.len() == 2 + 79, "{} rows", rows.len());
    store.verify().await?;
    Ok(())
}

async fn what_cannot_be_read_is_named_and_nothing_is_put(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "catalogue-unreadable").await?;
    let (_file, path) = file("id,name\n1,Mug\n,Nameless\n")?;
    let output = command(&store, &["put", &path])?.output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success() && said.contains(":3: it has no id"), "{said}");
    ensure!(said.contains("1 of 2 items cannot be read; nothing was put"), "{said}");
    ensure!(run(&store, &["list", "--json"]).await?.is_empty(), "nothing was put");
    run(&store, &["put", &path, "--allow-rejected"]).await?;
    ensure!(run(&store, &["list"]).await?.contains("Mug"), "the other was");
    let output = command(&store, &["remove", "2"])?.output().await?;
    ensure!(!output.status.success(), "there is no item 2");
    Ok(())
}
