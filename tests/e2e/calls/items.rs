//! Item pages: compares the real function's answers about events that the real ingest counted with
//! the oracle.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_oracle::{Decimal, Settings, TallyKey, integer, recount, sum};
use minutebook_shop::{Generator, Shop};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::store::{Store, sqs_event};
use minutebook_tests::worker::Worker;
use serde_json::{Value, json};

use crate::calls::asking;
use crate::counting::chunks::now;
use crate::deployed::until_counted;

crate::tests![
    every_number_of_an_item_equals_the_oracle,
    an_item_of_any_id_has_a_url,
    an_item_is_read_with_one_list_of_open_hours,
    a_wrong_question_about_an_item_is_400,
    an_item_of_a_table_that_is_away_is_503,
];

/// The numeric members of an answer, and the oracle's measures for them.
const NUMBERS: [(&str, &str); 7] = [
    ("views", "views"),
    ("adds_to_cart", "carts"),
    ("removals", "removals"),
    ("checkouts", "checkouts"),
    ("units", "units"),
    ("gross_sales", "sales:USD"),
    ("refunds", "refunds:USD"),
];

/// Requests an item, and returns the status and the body.
async fn ask(worker: &mut Worker, item: &str, query: &str) -> Result<(u64, Value)> {
    asking::ask(worker, &format!("/items/{item}"), query).await
}

/// Events of the last three days and of the last minutes.
fn text(now: DateTime<Utc>) -> String {
    let mut shop = Generator::new(Shop { seed: 4, items: 5, checkouts: true, ..Shop::default() });
    let mut text = String::new();
    for number in 0_i64..600 {
        let minutes_ago = if number < 500 { number * 1_511 % (3 * 24 * 60) } else { number - 500 };
        let at = now - TimeDelta::minutes(minutes_ago);
        text += &(shop.line(at) + "\n");
        if number % 7 == 0 {
            let time = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            text += &format!(
                "{{\"event\":\"refund\",\"timestamp\":\"{time}\",\"item_id\":{},\"price\":\"{number}.05\"}}\n",
                1 + number % 2
            );
        }
    }
    text
}

fn oracle_says(
    tallies: &BTreeMap<TallyKey, Decimal>,
    measure: &str,
    item: &str,
    window: &Value,
) -> Result<f64> {
    let minute = |edge: &str| -> Result<i64> {
        let time: DateTime<Utc> = window[edge].as_str().context("a time")?.parse()?;
        Ok(time.timestamp() / 60)
    };
    let minutes = minute("from")?..minute("to")?;
    let counted = tallies.iter().filter(|(key, _)| {
        key.site == "default"
            && key.measure == measure
            && key.key == item
            && minutes.contains(&key.minute)
    });
    let total: Decimal = counted.map(|(_, number)| *number).sum();
    Ok(total.to_string().parse()?)
}

async fn every_number_of_an_item_equals_the_oracle(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "items-numbers").await?;
    let now = now()?;
    let text = text(now);
    let settings = Settings::at(now);
    let tallies = sum(&[recount(text.as_bytes(), &settings)?]);
    let record = store.put("a.jsonl", text).await?;
    let ended = store.start_plain_ingest().await?.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(ended.is_clean(), "{ended:?}");

    let mut worker = store.start_query("api", &store.clients.endpoint_url).await?;
    let mut seen = BTreeMap::<&str, f64>::new();
    let items: BTreeSet<&str> = tallies.keys().map(|key| key.key.as_str()).collect();
    for (ago, window) in [(0, "400d"), (0, "24h"), (0, "90m"), (31, "33h"), (50, "7m")] {
        let as_of = (now - TimeDelta::hours(ago)).to_rfc3339_opts(SecondsFormat::Secs, true);
        for item in items.iter().filter(|item| integer(item).is_some()) {
            let (status, answer) =
                ask(&mut worker, item, &format!("as_of={as_of}&window={window}")).await?;
            ensure!(status == 200 && answer["item_id"].as_i64() == integer(item), "{answer}");
            ensure!(
                answer["window"]["precision"] == "minute" && answer["currency"] == "USD",
                "{answer}"
            );
            let mut numbers = vec![];
            for (member, measure) in NUMBERS {
                let expected = oracle_says(&tallies, measure, item, &answer["window"])?;
                ensure!(
                    answer[member].as_f64() == Some(expected),
                    "{member} is {expected} for the oracle: {answer}"
                );
                *seen.entry(member).or_default() += expected;
                numbers.push(expected);
            }
            let [views, carts, _, checkouts, units, sales, refunds] = numbers[..] else {
                bail!("seven numbers")
            };
            let is_near = |told: &Value, expected: f64| {
                told.as_f64().is_some_and(|told| (told - expected).abs() < 1e-6)
            };
            ensure!(is_near(&answer["net_sales"], sales - refunds), "{answer}");
            for (member, above, below) in [
                ("adds_to_cart_per_view", carts, views),
                ("units_per_add_to_cart", units, carts),
                ("checkouts_per_add_to_cart", checkouts, carts),
                ("units_per_checkout", units, checkouts),
                ("units_per_view", units, views),
            ] {
                let told = &answer["conversion"][member];
                let is_right =
                    if below == 0.0 { told.is_null() } else { is_near(told, above / below) };
                ensure!(is_right, "{member} is {above} / {below}: {answer}");
            }
        }
    }
    ensure!(seen.values().all(|total| *total > 0.0), "some numbers have no events: {seen:?}");
    Ok(())
}

async fn an_item_of_any_id_has_a_url(cloud: &Cloud) -> Result<()> {
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let ids = ["7", "sku 1/a", "100% ä", "50%25", "A#7+b&c", "items/"];
    let text: String = (1..)
        .zip(ids)
        .flat_map(|(count, id)| std::iter::repeat_n(id, count))
        .map(|id| {
            json!({
                "event": "view", "timestamp": "2026-11-20T08:30:00Z", "site_id": "item-ids", "item_id": id,
            })
            .to_string()
                + "\n"
        })
        .collect();
    store.put("items/ids.jsonl", text).await?;
    until_counted(&store, "items/ids.jsonl").await?;
    for (views, path, id) in [
        (1, "7", json!(7)),
        (2, "sku%201%2Fa", json!("sku 1/a")),
        (2, "sku%201/a", json!("sku 1/a")),
        (3, "100%25%20%C3%A4", json!("100% ä")),
        (4, "50%2525", json!("50%25")),
        (5, "A%237%2Bb%26c", json!("A#7+b&c")),
        (6, "items%2F", json!("items/")),
        (0, "nobody", json!("nobody")),
    ] {
        let call = format!("/items/{path}?site_id=item-ids&as_of=2026-11-20T08:30:00Z&window=1m");
        let (status, content_type, answer) = cloud.get(&call).await?;
        ensure!(
            status == 200 && content_type.starts_with("application/json"),
            "{call}: {status} {content_type}"
        );
        ensure!(answer["item_id"] == id && answer["views"] == views, "{call}: {answer}");
        ensure!(
            answer["window"]["from"] == "2026-11-20T08:30:00Z" && answer["site_id"] == "item-ids",
            "{call}: {answer}"
        );
    }
    Ok(())
}

async fn an_item_is_read_with_one_list_of_open_hours(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "items-open").await?;
    for (measure, amount) in [("views", "8"), ("carts", "4"), ("units", "2"), ("sales:USD", "19.9")]
    {
        store.add(("T#default#2026-11-20", &format!("{measure}#08#000")), "i#a", amount).await?;
        store
            .add(("T#default#2026-11-20T08", &format!("{measure}#30#00#000")), "i#a", amount)
            .await?;
    }
    // The first answer comes from the rows of the hour. Then the hour is listed as open, and the
    // second answer comes from its minute rows, with six more queries for each number.
    for (queries, views) in [(2 + 7, 8), (2 + 7 + 6 * 7, 8)] {
        let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
        let mut worker = store.start_query("api", &proxy.url).await?;
        let (_, answer) = ask(&mut worker, "a", "as_of=2026-11-20T08:59:00Z&window=1h").await?;
        ensure!(
            answer["views"] == views && answer["conversion"]["units_per_view"] == 0.25,
            "{answer}"
        );
        ensure!(
            proxy.calls("Query") == queries,
            "{} queries, and not {queries}",
            proxy.calls("Query")
        );
        store.list_open("default", "2026-11-20T08").await?;
    }
    Ok(())
}

async fn a_wrong_question_about_an_item_is_400(cloud: &Cloud) -> Result<()> {
    let long = "a".repeat(257);
    for (path, named) in [
        ("7?window=401d", "window"),
        ("7?limit=3", "limit"),
        ("7?currency=dollars", "currency"),
        ("7?as_of=now", "as_of"),
        (long.as_str(), "item_id has 257 bytes; expected 1 to 256"),
    ] {
        let (status, content_type, problem) = cloud.get(&format!("/items/{path}")).await?;
        ensure!(
            status == 400 && content_type == "application/problem+json",
            "{path}: {status} {content_type}"
        );
        ensure!(
            problem["error"].as_str().is_some_and(|sentence| sentence.contains(named)),
            "{path}: {problem}"
        );
    }
    Ok(())
}

async fn an_item_of_a_table_that_is_away_is_503(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "items-away").await?;
    let away: Plan = Box::new(|_| Some(Fault::Status(500)));
    let proxy = FaultProxy::start(&store.clients.endpoint_url, away).await?;
    let mut worker = store.start_query("api", &proxy.url).await?;
    let (status, problem) = ask(&mut worker, "7", "").await?;
    ensure!(status == 503, "{status} {problem}");
    ensure!(
        problem["error"].as_str().is_some_and(|sentence| sentence.contains("try again")),
        "{problem}"
    );
    Ok(())
}
