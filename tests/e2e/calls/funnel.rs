//! The funnel: compares stages and items with what the oracle counts, before and after hours are
//! rolled up, and what a build before has counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_oracle::{
    Decimal, Reached, Recount, Settings, TallyKey, Visitors, recount, sum, visitors,
};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{Store, sqs_event};
use serde_json::Value;

use crate::calls::asking::ask;
use crate::calls::overview::minutes_of;
use crate::counting::chunks::now;

crate::tests![
    every_stage_and_item_equals_the_oracle,
    visitors_of_a_build_before_are_not_counted_by_stage,
];

const SITE: &str = "default";

/// How close a number that is rounded to six decimals, of others that are, must be.
const CLOSE: f64 = 0.000_01;

const WEIGHT: f64 = 20.0;

/// The measures of items, by their names in answers.
const MEASURES: [(&str, &str); 4] =
    [("views", "views"), ("adds_to_cart", "carts"), ("checkouts", "checkouts"), ("units", "units")];

/// The steps, each with what it starts from and leads to.
const STEPS: [(&str, &str, &str); 4] = [
    ("whole", "views", "units"),
    ("cart", "views", "carts"),
    ("checkout", "carts", "checkouts"),
    ("purchase", "checkouts", "units"),
];

/// Visits of the last ten days, of which some get further than others.
fn text(now: DateTime<Utc>) -> String {
    const TYPES: [(&str, &str); 6] = [
        ("view_item", ""),
        ("add_to_cart", r#","quantity":2"#),
        ("InitiateCheckout", ""),
        ("purchase", r#","price":5,"quantity":2"#),
        ("remove_from_cart", ""),
        ("order_created", r#","total_amount":7"#),
    ];
    let mut text = String::new();
    for visit in 0..400_i64 {
        let at = now - TimeDelta::minutes(visit * 48_611 % (10 * 24 * 60));
        for (step, (name, members)) in TYPES.iter().enumerate() {
            let step = i64::try_from(step).unwrap_or(0);
            // Whoever gets to a step need not have been at the one before.
            if step > 0 && visit % (step + 2) != 0 {
                continue;
            }
            let at = (at + TimeDelta::seconds(7 * step)).min(now);
            let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            let (customer, item) = (visit % 97, visit % 11);
            let item = match step {
                2 if visit % 8 == 0 => String::new(),
                5 => format!(r#","order_id":"o-{visit}""#),
                _ => format!(r#","item_id":{item}"#),
            };
            let _ = writeln!(
                text,
                r#"{{"event":"{name}","timestamp":"{at}","customer_id":{customer},"session_id":"s{visit}"{item}{members}}}"#
            );
        }
    }
    text
}

struct Counted {
    tallies: BTreeMap<TallyKey, Decimal>,
    visitors: Visitors,
}

impl Counted {
    /// What each item has of a measure in a window.
    fn by_item(&self, measure: &str, window: &Value) -> Result<BTreeMap<String, f64>> {
        let minutes = minutes_of(window)?;
        let mut found: BTreeMap<String, f64> = BTreeMap::new();
        for (cell, number) in &self.tallies {
            let is_of_it = cell.site == SITE && cell.measure == measure && !cell.key.is_empty();
            if is_of_it && minutes.contains(&cell.minute) {
                *found.entry(cell.key.clone()).or_default() += number.to_string().parse::<f64>()?;
            }
        }
        Ok(found)
    }

    /// Checks an answer, and returns how many items it lists.
    fn check(&self, answer: &Value, step: (&str, &str, &str)) -> Result<usize> {
        self.check_stages(answer)?;
        let (_, from, to) = step;
        let of = |measure: &str| self.by_item(measure, &answer["window"]);
        let (from, to) = (of(from)?, of(to)?);
        let sum = |numbers: &BTreeMap<String, f64>| numbers.values().sum::<f64>();
        let mean = (sum(&to) + WEIGHT) / (sum(&from) + WEIGHT);
        let number =
            |numbers: &BTreeMap<String, f64>, item: &str| numbers.get(item).copied().unwrap_or(0.0);
        let drop_off =
            |item: &str| 1.0 - (number(&to, item) + WEIGHT * mean) / (number(&from, item) + WEIGHT);
        let is_near = |told: &Value, expected: f64| {
            told.as_f64().is_some_and(|told| (told - expected).abs() < CLOSE)
        };
        ensure!(is_near(&answer["all"]["drop_off"], 1.0 - mean), "{mean}: {answer}");
        for (member, measure) in MEASURES {
            ensure!(is_near(&answer["all"][member], sum(&of(measure)?)), "{member}: {answer}");
        }
        let mut naive: Vec<f64> = from
            .iter()
            .filter(|(item, number_from)| *item != "(other)" && number(&to, item) < **number_from)
            .map(|(item, _)| drop_off(item))
            .collect();
        naive.sort_by(|left, right| right.total_cmp(left));
        let told = answer["items"].as_array().context("a list")?;
        ensure!(told.len() == naive.len().min(4), "{naive:?}: {answer}");
        for (entry, expected) in told.iter().zip(&naive) {
            let item = entry["item_id"].to_string();
            ensure!(is_near(&entry["drop_off"], drop_off(&item)), "{item}: {answer}");
            ensure!(is_near(&entry["drop_off"], *expected), "{item} before others: {answer}");
            for (member, measure) in MEASURES {
                ensure!(is_near(&entry[member], number(&of(measure)?, &item)), "{item} {answer}");
            }
        }
        Ok(told.len())
    }

    fn check_stages(&self, answer: &Value) -> Result<()> {
        let funnel = self.visitors.ids(SITE, minutes_of(&answer["window"])?).funnel();
        let stages = answer["stages"].as_array().context("stages")?;
        let names: Vec<&str> = stages.iter().filter_map(|stage| stage["stage"].as_str()).collect();
        ensure!(names == ["viewed", "carted", "began_checkout", "bought"], "{answer}");
        ensure!(Reached::STAGES == names[1..], "{answer}");
        for (place, (stage, reached)) in stages.iter().zip(funnel).enumerate() {
            let of = |number: u64, to: u64| (to > 0).then(|| ratio(number, to));
            let before = place.checked_sub(1).map(|before| funnel[before]);
            for (name, number, first, before) in [
                ("visitors", reached.users, funnel[0].users, before.map(|it| it.users)),
                ("sessions", reached.sessions, funnel[0].sessions, before.map(|it| it.sessions)),
            ] {
                let told = &stage[name];
                ensure!(told["count"] == number, "{name} of {place} is {number}: {answer}");
                for (member, expected) in [
                    ("of_viewed", of(number, first)),
                    ("of_previous", before.and_then(|before| of(number, before))),
                ] {
                    let is_same = match (told[member].as_f64(), expected) {
                        (Some(told), Some(expected)) => (told - expected).abs() < CLOSE,
                        (told, expected) => told == expected,
                    };
                    ensure!(is_same, "{member} of {name} is {expected:?}: {answer}");
                }
            }
        }
        ensure!(answer["stages_complete"] == true && answer["error"] == 0.0, "{answer}");
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are few visitors")]
fn ratio(number: u64, to: u64) -> f64 {
    number as f64 / to as f64
}

async fn every_stage_and_item_equals_the_oracle(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "funnel").await?;
    let now = now()?;
    let text = text(now);
    let recounts: Vec<Recount> = vec![recount(text.as_bytes(), &Settings::at(now))?];
    let counted = Counted { tallies: sum(&recounts), visitors: visitors(&recounts) };
    let record = store.put("a.jsonl", text).await?;
    let mut ingest = store.start_plain_ingest().await?;
    ensure!(ingest.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    let mut api = store.start_query("api", &store.clients.endpoint_url).await?;
    let days = |days: i64| (now - TimeDelta::days(days)).date_naive();
    let mut listed = 0;
    for step in STEPS {
        for range in [
            String::new(),
            format!("&from={}", days(4)),
            format!("&from={}&to={}&tz=Europe/Berlin", days(9), days(2)),
            "&window=36h".to_string(),
            "&window=1m".to_string(),
        ] {
            let query = format!("step={}&limit=4{range}", step.0);
            let (status, answer) = ask(&mut api, "/funnel", &query).await?;
            ensure!(status == 200, "{query}: {status} {answer}");
            listed += counted.check(&answer, step).with_context(|| query.clone())?;
        }
    }
    // Fewer just after midnight, when the day has hardly any.
    ensure!(listed > 20, "only {listed} items were listed");
    let (status, answer) = ask(&mut api, "/funnel", "step=first").await?;
    ensure!(status == 400 && answer["error"].is_string(), "{answer}");
    let report = store.verify().await?;
    ensure!(report["differences"] == 0, "verify says {report}");
    Ok(())
}

/// A build from before there were stages writes the rows of visitors without them.
async fn visitors_of_a_build_before_are_not_counted_by_stage(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "funnel-before").await?;
    let at = now()? - TimeDelta::days(2);
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let line = |name: &str, customer: u8| {
        format!(r#"{{"event":"{name}","timestamp":"{at}","item_id":1,"customer_id":{customer}}}"#)
    };
    let mut ingest = store.start_plain_ingest().await?;
    let record = store.put("before.jsonl", line("add_to_cart", 1)).await?;
    ensure!(ingest.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    forget_stages(&store).await?;
    let record = store.put("after.jsonl", line("begin_checkout", 2)).await?;
    ensure!(ingest.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    let mut api = store.start_query("api", &store.clients.endpoint_url).await?;
    let (_, answer) = ask(&mut api, "/funnel", "window=7d").await?;
    let count = |stage: usize| &answer["stages"][stage]["visitors"]["count"];
    let counts = [count(0), count(1), count(2), count(3)];
    ensure!(counts == [2, 1, 1, 0] && answer["stages_complete"] == false, "{answer}");
    Ok(())
}

/// Takes from all rows of visitors what a build before does not write.
async fn forget_stages(store: &Store) -> Result<()> {
    let dynamodb = &store.clients.dynamodb;
    let rows = dynamodb.scan().table_name(&store.table).consistent_read(true);
    let rows: Vec<_> = rows.into_paginator().items().send().try_collect().await?;
    let mut changed = 0;
    for mut row in rows {
        let is_of_visitors = row
            .get("sk")
            .and_then(|sk| sk.as_s().ok())
            .is_some_and(|sk| sk.starts_with("visitors"));
        if is_of_visitors {
            row.retain(|name, _| matches!(name.as_str(), "pk" | "sk"));
            let update = dynamodb.update_item().table_name(&store.table).set_key(Some(row));
            update.update_expression("REMOVE by_stage, carted").send().await?;
            changed += 1;
        }
    }
    // Those of the minute, hour, day, week and month.
    ensure!(changed == 5, "{changed} rows of visitors");
    Ok(())
}
