//! The overview: compares every number with the oracle, and with the calls that share its
//! definitions.

pub(crate) mod movers;

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result, anyhow, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_oracle::{Decimal, Recount, Settings, TallyKey, Visitors, recount, sum, visitors};
use minutebook_shop::{Generator, Shop};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::store::{Store, sqs_event};
use minutebook_tests::worker::Worker;
use serde_json::Value;

use crate::calls::asking::ask;
use crate::calls::history::{float, pages, periods_of};
use crate::counting::chunks::now;

crate::tests![
    every_number_equals_the_oracle_and_the_other_calls,
    an_overview_takes_so_many_queries,
    an_overview_of_a_table_that_is_away_is_503,
];

/// The number of events, and of the past minutes over which most of them are spread.
const EVENTS: u64 = 900;
const MINUTES: u64 = 80 * 24 * 60;
const SITE: &str = "default";

/// What was counted, as the oracle sees it.
struct Counted {
    tallies: BTreeMap<TallyKey, Decimal>,
    visitors: Visitors,
}

/// The tiles that are sums of minutes, with their measures.
const SUMS: [(&str, &str); 6] = [
    ("revenue", "sales:USD"),
    ("refunded", "refunds:USD"),
    ("views", "views"),
    ("carts", "carts"),
    ("units", "units"),
    ("orders", "orders"),
];

impl Counted {
    fn sum(&self, measure: &str, key: Option<&str>, minutes: &Range<i64>) -> Decimal {
        let cells = self.tallies.iter().filter(|(cell, _)| {
            cell.site == SITE
                && cell.measure == measure
                && minutes.contains(&cell.minute)
                && key.map_or(!cell.key.is_empty(), |key| key == cell.key)
        });
        cells.map(|(_, number)| *number).sum()
    }

    /// The number of a tile; `None` if it is undefined.
    fn tile(&self, name: &str, minutes: &Range<i64>) -> Result<Option<f64>> {
        let sum = |measure, key| float(&self.sum(measure, key, minutes));
        if let Some((_, measure)) = SUMS.iter().find(|(tile, _)| *tile == name) {
            return Ok(Some(sum(measure, None)));
        }
        let ratio = |part: f64, whole: f64| (whole != 0.0).then(|| part / whole);
        let value = |key| sum("order_value:USD", Some(key));
        match name {
            "net_revenue" => Ok(Some(sum("sales:USD", None) - sum("refunds:USD", None))),
            "avg_order_value" => Ok(ratio(value("gross"), value("orders"))),
            "conversion" => Ok(ratio(sum("units", None), sum("views", None))),
            "visitors" => {
                let users = self.visitors.distinct(SITE, minutes.clone()).users;
                Ok(Some(u32::try_from(users)?.into()))
            }
            _ => Err(anyhow!("{name} is no tile")),
        }
    }

    /// Compares all tiles of a range, and returns how many numbers were not zero.
    fn check(&self, answer: &Value, range: &Compared<'_>) -> Result<usize> {
        let whole = minutes_of(range.window)?;
        let periods = range.periods.as_array().context("periods")?;
        let mut at = whole.start;
        let mut parts = vec![];
        for period in periods {
            let edges = minutes_of(period)?;
            ensure!(edges.start == at, "{period} does not follow the one before: {answer}");
            at = edges.end;
            // The last one may be cut at the current minute.
            parts.push(edges.start..edges.end.min(whole.end));
        }
        ensure!(at >= whole.end, "the periods end before the window: {answer}");
        let mut seen = 0;
        for (name, tile) in answer["tiles"].as_object().context("tiles")? {
            if name == "active_now" {
                continue;
            }
            let mut same = |told: &Value, minutes: &Range<i64>| -> Result<()> {
                let expected = self.tile(name, minutes)?;
                let is_same = match (told.as_f64(), expected) {
                    (Some(told), Some(expected)) => (told - expected).abs() < 0.000_001,
                    (told, expected) => told == expected,
                };
                ensure!(is_same, "{name} of {minutes:?} is {expected:?}, not {told}: {answer}");
                seen += usize::from(expected.is_some_and(|number| number != 0.0));
                Ok(())
            };
            same(&tile[range.value], &whole)?;
            let series = tile[range.series].as_array().context("a series")?;
            ensure!(series.len() == parts.len(), "{name} has other periods: {answer}");
            for (told, minutes) in series.iter().zip(&parts) {
                same(told, minutes)?;
            }
        }
        Ok(seen)
    }
}

/// The members of an answer about one of the two ranges.
struct Compared<'a> {
    window: &'a Value,
    periods: &'a Value,
    value: &'static str,
    series: &'static str,
}

/// The minutes between the members `from` and `to`.
pub(crate) fn minutes_of(value: &Value) -> Result<Range<i64>> {
    let minute = |name: &str| -> Result<i64> {
        let time: DateTime<Utc> = value[name].as_str().context("a time")?.parse()?;
        Ok(time.timestamp().div_euclid(60))
    };
    Ok(minute("from")?..minute("to")?)
}

/// Events of the past and of now: of the shop, and purchases of orders with refunds of some.
fn files(now: DateTime<Utc>) -> Vec<String> {
    let mut shop = Generator::new(Shop { seed: 31, items: 9, ..Shop::default() });
    let mut files = vec![String::new(); 3];
    for number in 0..EVENTS {
        // Of three events, two are of the last two days.
        let span = if number % 3 == 0 { MINUTES } else { 2 * 24 * 60 };
        let at = now - TimeDelta::minutes(i64::try_from(number * 48_611 % span).unwrap_or(0));
        let file = usize::try_from(number % 3).unwrap_or(0);
        files[file] += &(shop.line(at) + "\n");
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        if number % 7 == 0 {
            files[file] += &format!(
                "{{\"event\":\"purchase\",\"ts\":\"{}\",\"sku\":\"s{}\",\"price\":{number}.25,\"order_id\":\"o{number}\"}}\n",
                time(at),
                number % 4
            );
        }
        if number % 21 == 0 {
            files[file] += &format!(
                "{{\"event\":\"refund\",\"ts\":\"{}\",\"order_id\":\"o{number}\",\"price\":0.75}}\n",
                time((at + TimeDelta::days(1)).min(now)),
            );
        }
    }
    files
}

async fn overview(api: &mut Worker, query: &str) -> Result<Value> {
    let (status, answer) = ask(api, "/overview", query).await?;
    ensure!(status == 200, "{query}: {status} {answer}");
    Ok(answer)
}

async fn every_number_equals_the_oracle_and_the_other_calls(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "overview").await?;
    let now = now()?;
    let mut ingest = store.start_plain_ingest().await?;
    let mut recounts: Vec<Recount> = vec![];
    for (number, text) in files(now).into_iter().enumerate() {
        recounts.push(recount(text.as_bytes(), &Settings::at(now))?);
        let record = store.put(&format!("{number}.jsonl"), text).await?;
        let ended = ingest.invoke(sqs_event(&[vec![record.clone()], vec![record]])).await?;
        ensure!(ended.is_clean(), "{ended:?}");
    }
    let counted = Counted { tallies: sum(&recounts), visitors: visitors(&recounts) };
    let mut api = store.start_query("api", &store.clients.endpoint_url).await?;

    let date = |days: i64| (now - TimeDelta::days(days)).date_naive();
    let mut seen = 0;
    for query in [
        "".to_string(),
        "compare=week&tz=Europe/Berlin".to_string(),
        "tz=America/New_York".to_string(),
        format!("from={}", date(1)),
        format!("from={}&to={}&compare=none", date(2), date(1)),
        // Days that both ranges have, days of a zone, and weeks and months.
        format!("from={}&compare=week", date(9)),
        format!("from={}&tz=Europe/Berlin", date(3)),
        format!("from={}&compare=year", date(4)),
        format!("from={}&compare=none", date(16)),
        format!("from={}&compare=none", date(125)),
        format!("from={}&compare=none", date(600)),
    ] {
        let answer = overview(&mut api, &query).await?;
        let range = Compared {
            window: &answer["window"],
            periods: &answer["periods"],
            value: "value",
            series: "series",
        };
        seen += counted.check(&answer, &range)?;
        if query.contains("none") {
            ensure!(answer["compare"].is_null(), "{query}: {answer}");
        } else {
            let range = Compared {
                window: &answer["compare"]["window"],
                periods: &answer["compared_periods"],
                value: "compared",
                series: "compared_series",
            };
            // Of days before the minutes, the shown end is that of the question.
            if range.window["precision"] == "minute" {
                seen += counted.check(&answer, &range)?;
            } else {
                let minutes = minutes_of(range.window)?;
                for name in ["revenue", "net_revenue", "views", "orders", "visitors"] {
                    let told = answer["tiles"][name]["compared"].as_f64();
                    let expected = counted.tile(name, &minutes)?;
                    let is_same = told.zip(expected).is_some_and(|(a, b)| (a - b).abs() < 1e-6);
                    ensure!(is_same, "{query}: {name} is {expected:?}, not {told:?}: {answer}");
                }
            }
        }
        as_other_calls_say(&mut api, &query, &answer).await?;
    }
    ensure!(seen > 400, "only {seen} numbers were not zero");
    let five = now.timestamp().div_euclid(60) - 4..now.timestamp().div_euclid(60) + 1;
    let active = overview(&mut api, "").await?["tiles"]["active_now"]["value"].clone();
    let (status, live) = ask(&mut api, "/metrics", "").await?;
    let users = counted.visitors.distinct(SITE, five).users;
    ensure!(
        status == 200 && (active == live["active_users"] || active == users),
        "{active} {live}"
    );
    Ok(())
}

/// Each number is the one that the call with its definition gives.
async fn as_other_calls_say(api: &mut Worker, query: &str, answer: &Value) -> Result<()> {
    let window = &answer["window"];
    let text = |name: &str| window[name].as_str().context("a time");
    let (from, to) = (text("from")?, text("to")?);
    let told = |name: &str| answer["tiles"][name]["value"].as_f64();
    let total_minutes = minutes_of(window)?;

    // By the hour; nothing is after the current minute.
    let minutes = total_minutes.end - total_minutes.start;
    if minutes <= 4 * 24 * 60 {
        for (tile, measure) in [
            ("revenue", "sales"),
            ("net_revenue", "net_sales"),
            ("refunded", "refunds"),
            ("views", "views"),
            ("carts", "carts"),
            ("units", "units"),
        ] {
            let asked =
                format!("measure={measure}&granularity=hour&from={from}&to={to}&limit=0&tz=UTC");
            let pages = pages(api, &asked).await?;
            let periods = pages.iter().flat_map(periods_of);
            let total: f64 = periods.filter_map(|period| period["total"].as_f64()).sum();
            let is_same = told(tile).is_some_and(|told| (told - total).abs() < 0.000_001);
            ensure!(is_same, "{query}: {tile} is {total} in /history: {answer}");
        }
    }
    let (status, stats) =
        ask(api, "/stats", &format!("site_id={SITE}&from={from}&to={to}")).await?;
    ensure!(
        status == 200 && told("visitors") == stats["unique_users"].as_f64(),
        "{query}: {stats}"
    );
    if minutes <= 7 * 24 * 60 {
        // The window of this call ends with a minute.
        let end = DateTime::from_timestamp(total_minutes.end * 60 - 60, 0).context("a time")?;
        let as_of = end.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (status, orders) =
            ask(api, "/metrics/orders", &format!("window={minutes}m&as_of={as_of}")).await?;
        ensure!(status == 200 && orders["window"] == *window, "{query}: {orders}");
        ensure!(told("orders") == orders["total_orders"].as_f64(), "{query}: {orders}");
        let average = told("avg_order_value").unwrap_or_default();
        ensure!(Some(average) == orders["avg_order_value"].as_f64(), "{query}: {orders}");
    }
    Ok(())
}

async fn an_overview_takes_so_many_queries(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "overview-queries").await?;
    let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
    let mut api = store.start_query("api", &proxy.url).await?;
    overview(&mut api, "compare=none").await?;
    // Eight for each run of up to eight days; days that are in both ranges are read once. Others
    // are for the lists of open hours and for who is active.
    for (query, runs) in [
        ("from=2026-09-01&to=2026-09-11", 4),
        ("from=2026-09-01&to=2026-09-15&compare=week", 3),
        ("from=2026-09-01&to=2026-09-11&compare=none", 2),
    ] {
        let before = proxy.calls("Query");
        overview(&mut api, query).await?;
        let queries = proxy.calls("Query") - before;
        let is_bound = (8 * runs..=8 * runs + 8).contains(&queries);
        ensure!(is_bound, "{query}: {queries} queries for {runs} runs of days");
    }
    Ok(())
}

async fn an_overview_of_a_table_that_is_away_is_503(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "overview-away").await?;
    let away: Plan = Box::new(|_| Some(Fault::Status(500)));
    let proxy = FaultProxy::start(&store.clients.endpoint_url, away).await?;
    let mut api = store.start_query("api", &proxy.url).await?;
    let (status, answer) = ask(&mut api, "/overview", "").await?;
    ensure!(status == 503 && answer["error"].is_string(), "{answer}");
    Ok(())
}
