//! The movers: compares the lists with a naive ranking of what the oracle counts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use minutebook_oracle::{Decimal, Recount, Settings, TallyKey, recount, sum};
use minutebook_shop::{Generator, Shop};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{Store, sqs_event};
use serde_json::Value;

use crate::calls::asking::ask;
use crate::calls::overview::minutes_of;
use crate::counting::chunks::now;

crate::tests![every_list_equals_a_naive_ranking];

/// How close a number that is rounded to six decimals, of others that are, must be.
const CLOSE: f64 = 0.000_01;

/// Events of the last ten days, in which some items are more popular than others.
fn text(now: DateTime<Utc>) -> String {
    let mut shop = Generator::new(Shop { seed: 5, items: 30, ..Shop::default() });
    let mut text = String::new();
    for number in 0..1_500_i64 {
        let minutes_ago = number * 48_611 % (10 * 24 * 60);
        text += &(shop.line(now - TimeDelta::minutes(minutes_ago)) + "\n");
    }
    text
}

/// What each item has in a window.
fn by_item(
    tallies: &BTreeMap<TallyKey, Decimal>,
    measure: &str,
    window: &Value,
) -> Result<BTreeMap<String, f64>> {
    let minutes = minutes_of(window)?;
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    for (cell, number) in tallies {
        if cell.measure == measure && minutes.contains(&cell.minute) && !cell.key.is_empty() {
            *found.entry(cell.key.clone()).or_default() += number.to_string().parse::<f64>()?;
        }
    }
    Ok(found)
}

/// Checks the lists of an answer, and returns how many items they have.
fn check(answer: &Value, tallies: &BTreeMap<TallyKey, Decimal>, measure: &str) -> Result<usize> {
    let now = by_item(tallies, measure, &answer["window"])?;
    let before = by_item(tallies, measure, &answer["compare"]["window"])?;
    let of =
        |numbers: &BTreeMap<String, f64>, item: &str| numbers.get(item).copied().unwrap_or(0.0);
    let (total, total_before): (f64, f64) = (now.values().sum(), before.values().sum());
    let weight = answer["weight"].as_f64().context("a weight")?;
    let expected_weight = match measure {
        "sales:USD" => {
            let [units, units_before] = [&answer["window"], &answer["compare"]["window"]]
                .map(|window| by_item(tallies, "units", window));
            let units: f64 = units?.values().sum::<f64>() + units_before?.values().sum::<f64>();
            20.0 * (total + total_before) / units
        }
        _ => 20.0,
    };
    ensure!((weight - expected_weight).abs() < 0.001, "{expected_weight}: {answer}");
    let mean = (total + weight) / (total_before + weight);
    let all = &answer["all"];
    ensure!(all["value"].as_f64().is_some_and(|told| (told - total).abs() < CLOSE), "{answer}");
    ensure!(
        all["change"].as_f64().is_some_and(|told| (told - (mean - 1.0)).abs() < CLOSE),
        "{mean}: {answer}"
    );
    let items: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    let change = |item: &str| (of(&now, item) + weight * mean) / (of(&before, item) + weight) - 1.0;
    let mut listed = 0;
    for (list, sign) in [("rising", 1.0), ("falling", -1.0)] {
        let mut naive: Vec<f64> = items
            .iter()
            .filter(|item| sign * (of(&now, item) - of(&before, item)) > 0.000_001)
            .map(|item| sign * change(item))
            .collect();
        naive.sort_by(|left, right| right.total_cmp(left));
        let told = answer[list].as_array().context("a list")?;
        ensure!(told.len() == naive.len().min(4), "{list}: {answer}");
        for (mover, expected) in told.iter().zip(&naive) {
            let item = mover["item_id"].as_str().map(str::to_string);
            let item = item.unwrap_or_else(|| mover["item_id"].to_string());
            let numbers = [("value", of(&now, &item)), ("compared", of(&before, &item))];
            for (name, number) in numbers {
                let is_same =
                    mover[name].as_f64().is_some_and(|told| (told - number).abs() < CLOSE);
                ensure!(is_same, "{item} has {number} as {name}: {answer}");
            }
            let told = mover["change"].as_f64().context("a change")?;
            ensure!((told - change(&item)).abs() < CLOSE, "{item} {}: {answer}", change(&item));
            ensure!((sign * told - expected).abs() < CLOSE, "{list} of {expected}: {answer}");
            listed += 1;
        }
    }
    Ok(listed)
}

async fn every_list_equals_a_naive_ranking(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "movers").await?;
    let now = now()?;
    let text = text(now);
    let recounts: Vec<Recount> = vec![recount(text.as_bytes(), &Settings::at(now))?];
    let tallies = sum(&recounts);
    let record = store.put("a.jsonl", text).await?;
    let mut ingest = store.start_plain_ingest().await?;
    ensure!(ingest.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    let mut api = store.start_query("api", &store.clients.endpoint_url).await?;
    let days = |days: i64| (now - TimeDelta::days(days)).date_naive();
    let mut listed = 0;
    for measure in ["views", "carts", "units", "sales"] {
        let family = if measure == "sales" { "sales:USD" } else { measure };
        for range in [
            "".to_string(),
            format!("&from={}", days(4)),
            format!("&from={}&to={}", days(3), days(1)),
            // The two ranges overlap.
            format!("&from={}&compare=week", days(9)),
        ] {
            let query = format!("measure={measure}&limit=4{range}");
            let (status, answer) = ask(&mut api, "/movers", &query).await?;
            ensure!(status == 200, "{query}: {status} {answer}");
            listed += check(&answer, &tallies, family).with_context(|| query.clone())?;
        }
    }
    ensure!(listed > 60, "only {listed} items were listed");
    let (status, answer) = ask(&mut api, "/movers", "measure=views&compare=none").await?;
    ensure!(status == 400 && answer["error"].is_string(), "{answer}");
    Ok(())
}
