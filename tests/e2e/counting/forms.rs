//! Real forms of events: small files with exactly the fields of public data sets and of what shops
//! send, uploaded with the command. Every answer is compared with a separate oracle for each form.
//!
//! Each oracle is written for one form and knows nothing of the others or of docs/EVENTS.md. It is
//! what somebody would write who has only that data set.

mod amplitude;
mod cloud;
mod connectors;
mod ga4;
mod klaviyo;
mod orders;
mod otto;
mod pixel;
mod rees46;
mod retailrocket;
mod segment;
mod shopify;
mod snowplow;
mod thelook;
mod woocommerce;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use minutebook_tests::binaries::root;
use minutebook_tests::cloud::Cloud;
use serde_json::{Value, json};

use crate::command::{endpoints_of, run, stderr, stdout};

/// A test for each form: its file, the day that its events end with, and its oracle.
macro_rules! forms {
    ($($name:ident: $file:literal, $day:literal, $oracle:path;)+) => {
        crate::tests![$($name),+];

        $(async fn $name(cloud: &Cloud) -> Result<()> {
            check(cloud, $file, $day, $oracle).await
        })+
    };
}

forms! {
    rees46: "rees46.csv", "2019-11-06", rees46::oracle;
    otto: "otto.jsonl", "2022-08-01", otto::oracle;
    retailrocket: "retailrocket.csv", "2015-06-02", retailrocket::oracle;
    ga4_bigquery: "ga4_bigquery.jsonl", "2020-12-01", ga4::of_bigquery;
    ga4_measurement_protocol: "ga4_measurement_protocol.jsonl", "2023-03-07", ga4::of_measurement_protocol;
    segment: "segment.jsonl", "2024-05-14", segment::oracle;
    shopify_orders: "shopify_orders.jsonl", "2025-02-03", shopify::of_orders;
    shopify_checkouts: "shopify_checkouts.jsonl", "2025-02-06", shopify::of_checkouts;
    shopify_refunds: "shopify_refunds.jsonl", "2025-02-10", shopify::of_refunds;
    shopify_fulfilments: "shopify_fulfilments.jsonl", "2025-02-13", shopify::of_fulfilments;
    shopify_web_pixel: "shopify_web_pixel.jsonl", "2025-02-17", pixel::oracle;
    shopify_eventbridge: "shopify_eventbridge.jsonl", "2025-02-20", shopify::of_event_bridge;
    woocommerce_orders: "woocommerce_orders.jsonl", "2025-03-03", woocommerce::oracle;
    klaviyo_events: "klaviyo_events.jsonl", "2025-03-06", klaviyo::of_events;
    klaviyo_track: "klaviyo_track.jsonl", "2025-03-10", klaviyo::of_track;
    snowplow: "snowplow.jsonl", "2025-03-13", snowplow::oracle;
    thelook_events: "thelook_events.jsonl", "2025-03-17", thelook::of_events;
    thelook_order_items: "thelook_order_items.jsonl", "2025-03-20", thelook::of_order_items;
    amplitude_export: "amplitude_export.jsonl", "2025-03-24", amplitude::of_export;
    amplitude_http_api: "amplitude_http_api.jsonl", "2025-03-27", amplitude::of_http_api;
    kafka_connect: "kafka_connect.jsonl", "2025-04-03", connectors::of_kafka_connect;
    debezium: "debezium.jsonl", "2025-04-07", connectors::of_debezium;
    cloudevents: "cloudevents.jsonl", "2025-04-10", cloud::of_cloud_events;
    eventbridge: "eventbridge.jsonl", "2025-04-14", cloud::of_event_bridge;
    dynamodb_export: "dynamodb_export.jsonl", "2025-04-17", cloud::of_dynamodb_export;
    dynamodb_stream: "dynamodb_stream.jsonl", "2025-04-21", cloud::of_dynamodb_stream;
    mongodb: "mongodb.jsonl", "2025-04-24", connectors::of_mongodb;
}

/// What an oracle finds in a file.
#[derive(Debug, Default)]
struct Expected {
    lines: Lines,
    /// By item id.
    items: BTreeMap<String, Item>,
    /// Events that are views, of anything.
    views: u64,
    /// Views by page.
    pages: BTreeMap<String, u64>,
    /// All users with a counted event.
    users: BTreeSet<String>,
    /// Orders by their last status.
    orders: BTreeMap<String, u64>,
    /// Cents of orders and what was refunded of them, by currency.
    order_money: BTreeMap<String, (u64, u64)>,
    /// Ordered units by product, and cents by currency.
    products: BTreeMap<String, (u64, BTreeMap<String, u64>)>,
}

/// The outcomes of a file's lines.
#[derive(Debug, Default, PartialEq)]
struct Lines {
    counted: u64,
    ignored: u64,
    duplicate: u64,
    rejected: u64,
}

#[derive(Debug, Default)]
struct Item {
    views: u64,
    carts: u64,
    removals: u64,
    checkouts: u64,
    units: u64,
    /// Cents by currency.
    sales: BTreeMap<String, u64>,
    refunds: BTreeMap<String, u64>,
}

impl Expected {
    fn item(&mut self, id: impl ToString) -> &mut Item {
        self.items.entry(id.to_string()).or_default()
    }

    fn view_of_page(&mut self, page: &str) {
        *self.pages.entry(page.to_string()).or_default() += 1;
    }

    fn currencies(&self) -> BTreeSet<&str> {
        self.items
            .values()
            .flat_map(|item| item.sales.keys().chain(item.refunds.keys()))
            .map(String::as_str)
            .collect()
    }
}

impl Item {
    fn sell(&mut self, units: u64, currency: &str, cents: u64) {
        self.units += units;
        *self.sales.entry(currency.to_string()).or_default() += cents;
    }
}

/// The cents of a price that has at most two decimals.
fn cents(price: &str) -> Result<u64> {
    let (whole, decimals) = price.split_once('.').unwrap_or((price, ""));
    let decimals = format!("{decimals:0<2}");
    ensure!(decimals.len() == 2, "{price} has parts of a cent");
    Ok(whole.parse::<u64>()? * 100 + decimals.parse::<u64>()?)
}

/// The cents of a JSON number.
fn cents_of(price: &Value) -> Result<u64> {
    cents(&price.as_number().with_context(|| format!("{price} is no number"))?.to_string())
}

/// A URL without its query and fragment.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// Uploads a fixture to the deployed stack with the command, and compares all answers about it. No
/// other test has events on the two days that end with `day`.
async fn check(
    cloud: &Cloud,
    name: &str,
    day: &str,
    oracle: fn(&str) -> Result<Expected>,
) -> Result<()> {
    let file = root().join("events/forms").join(name);
    let expected = oracle(&std::fs::read_to_string(&file)?)
        .with_context(|| format!("the oracle of {name}"))?;
    let put = put(cloud, &file.to_string_lossy()).await?;
    ensure!(put == expected.lines, "{name} was taken as {put:?}, and not as {:?}", expected.lines);

    // Snowplow's events name their site.
    let site = if name.starts_with("snowplow") { "snowplow-shop" } else { "default" };
    let question = format!("as_of={day}T23:59:59Z&window=2d&limit=100&site_id={site}");
    check_rankings(cloud, &question, &expected).await?;
    for (id, item) in &expected.items {
        for currency in
            if expected.currencies().is_empty() { ["USD"].into() } else { expected.currencies() }
        {
            check_item(
                cloud,
                &format!("/items/{id}?{question}&currency={currency}"),
                currency,
                item,
            )
            .await?;
        }
    }
    if !expected.orders.is_empty() {
        check_orders(cloud, &question.replace("&limit=100", ""), &expected).await?;
    }
    check_stats(cloud, site, day, &expected).await
}

async fn put(cloud: &Cloud, file: &str) -> Result<Lines> {
    let folder = tempfile::tempdir()?;
    let arguments = ["put", file, "--prefix", "forms/", "--wait", "--json"];
    let output = run(&folder, &endpoints_of(cloud).await?, &arguments, None)?;
    ensure!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_str(&stdout(&output)).with_context(|| stdout(&output))?;
    let number =
        |name: &str| report["files"][0][name].as_u64().with_context(|| format!("{name}: {report}"));
    Ok(Lines {
        counted: number("counted")?,
        ignored: number("ignored")?,
        duplicate: number("duplicate")?,
        rejected: number("rejected")?,
    })
}

/// The entries of a ranking as (id, number), best first.
fn ranked(numbers: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut numbers: Vec<(String, u64)> = numbers.filter(|(_, number)| *number > 0).collect();
    // Numeric ids come before other ids.
    let order = |id: &str| (id.parse::<u64>().map_or((1, 0), |number| (0, number)), id.to_string());
    numbers.sort_by_key(|(id, number)| (Reverse(*number), order(id)));
    numbers
}

async fn check_rankings(cloud: &Cloud, question: &str, expected: &Expected) -> Result<()> {
    let of = |number: fn(&Item) -> u64| {
        ranked(expected.items.iter().map(|(id, item)| (id.clone(), number(item))))
    };
    for (call, member, numbers) in [
        ("/most_viewed_item", "views", of(|item| item.views)),
        ("/top_item_added_to_cart", "adds_to_cart", of(|item| item.carts)),
    ] {
        check_ranking(cloud, &format!("{call}?{question}"), member, 1.0, &numbers).await?;
    }
    for currency in expected.currencies() {
        let sales = |item: &Item| item.sales.get(currency).copied().unwrap_or_default();
        let sales = ranked(expected.items.iter().map(|(id, item)| (id.clone(), sales(item))));
        let call = format!("/highest_grossing_item?{question}&currency={currency}");
        check_ranking(cloud, &call, "total_sales", 100.0, &sales).await?;
    }
    Ok(())
}

async fn check_ranking(
    cloud: &Cloud,
    call: &str,
    member: &str,
    scale: f64,
    expected: &[(String, u64)],
) -> Result<()> {
    let (status, _, answer) = cloud.get(call).await?;
    ensure!(status == 200, "{call}: {status} {answer}");
    let mut top = vec![];
    for place in answer["top"].as_array().with_context(|| answer.to_string())? {
        let number = place[member].as_f64().with_context(|| answer.to_string())? * scale;
        top.push((place["item_id"].to_string().trim_matches('"').to_string(), number.round()));
    }
    let expected: Vec<(String, f64)> = expected
        .iter()
        .map(|(id, number)| Ok((id.clone(), number.to_string().parse()?)))
        .collect::<Result<_>>()?;
    ensure!(top == expected, "{call} says {top:?}, and not {expected:?}");
    Ok(())
}

async fn check_item(cloud: &Cloud, call: &str, currency: &str, item: &Item) -> Result<()> {
    let call = call.replace("&limit=100", "");
    let (status, _, answer) = cloud.get(&call).await?;
    ensure!(status == 200, "{call}: {status} {answer}");
    let money = |by_currency: &BTreeMap<String, u64>| {
        by_currency.get(currency).copied().unwrap_or_default()
    };
    for (member, scale, expected) in [
        ("views", 1.0, item.views),
        ("adds_to_cart", 1.0, item.carts),
        ("removals", 1.0, item.removals),
        ("checkouts", 1.0, item.checkouts),
        ("units", 1.0, item.units),
        ("gross_sales", 100.0, money(&item.sales)),
        ("refunds", 100.0, money(&item.refunds)),
    ] {
        let told = answer[member].as_f64().with_context(|| format!("{member}: {answer}"))? * scale;
        ensure!(
            told.round() == expected.to_string().parse::<f64>()?,
            "{member} should be {expected}: {answer}"
        );
    }
    Ok(())
}

/// Checks the orders of the two days, their money and their products.
async fn check_orders(cloud: &Cloud, question: &str, expected: &Expected) -> Result<()> {
    for (currency, (gross, refunded)) in &expected.order_money {
        let call = format!("/metrics/orders?{question}&currency={currency}");
        let (status, _, answer) = cloud.get(&call).await?;
        ensure!(status == 200, "{call}: {status} {answer}");
        ensure!(answer["orders_by_status"] == json!(expected.orders), "{expected:?}: {answer}");
        for (member, cents) in [("total_revenue", gross), ("refunded", refunded)] {
            let told = answer[member].as_f64().with_context(|| format!("{member}: {answer}"))?;
            let is_right = (told * 100.0).round() == cents.to_string().parse::<f64>()?;
            ensure!(is_right, "{member} should be {cents}: {answer}");
        }
        let call =
            format!("/metrics/products/top?{question}&by=units&limit=100&currency={currency}");
        let (status, _, answer) = cloud.get(&call).await?;
        ensure!(status == 200, "{call}: {status} {answer}");
        let mut told = BTreeMap::new();
        for product in answer["products"].as_array().with_context(|| answer.to_string())? {
            let number = |member: &str| product[member].as_f64().context("a number");
            let numbers = (number("units")?.round(), (number("revenue")? * 100.0).round());
            told.insert(product["product_name"].to_string(), numbers);
        }
        let mut products = BTreeMap::new();
        for (name, (units, cents)) in &expected.products {
            let cents = cents.get(currency).copied().unwrap_or_default();
            let numbers = (units.to_string().parse()?, cents.to_string().parse()?);
            products.insert(json!(name).to_string(), numbers);
        }
        ensure!(told == products, "{call} says {told:?}, and not {products:?}");
    }
    Ok(())
}

/// Checks the views, pages and users of the two days, which hold all events of the form.
async fn check_stats(cloud: &Cloud, site: &str, day: &str, expected: &Expected) -> Result<()> {
    let end: chrono::NaiveDate = day.parse()?;
    let end = end.succ_opt().context("a day after it")?;
    let start = end - chrono::Days::new(2);
    let call = format!("/stats?site_id={site}&from={start}&to={end}&limit=100");
    let (status, _, answer) = cloud.get(&call).await?;
    ensure!(status == 200, "{call}: {status} {answer}");
    ensure!(answer["total_views"] == expected.views, "{} views: {answer}", expected.views);
    ensure!(answer["unique_users"] == expected.users.len(), "{:?}: {answer}", expected.users);
    let mut pages: Vec<(&String, &u64)> = expected.pages.iter().collect();
    pages.sort_by_key(|(page, views)| (Reverse(**views), *page));
    let pages: Vec<Value> =
        pages.into_iter().map(|(page, views)| json!({"path": page, "views": views})).collect();
    ensure!(answer["top_paths"] == json!(pages), "{pages:?}: {answer}");
    Ok(())
}
