//! History: compares the real function's answers about events that the real ingest counted with the
//! oracle.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_oracle::{
    CalendarPeriod, Decimal, Granularity, HistoryQuestion, Recount, Settings, TallyKey, history,
    integer, recount, sum,
};
use minutebook_shop::{Generator, Shop};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::store::{RetentionDays, Store, sqs_event};
use minutebook_tests::worker::Worker;
use serde_json::{Value, json};

use crate::calls::asking;
use crate::counting::chunks::now;

crate::tests![
    every_measure_and_granularity_equals_the_oracle,
    the_days_of_zones_equal_the_oracle,
    one_item_equals_the_oracle,
    minutes_and_compared_periods_equal_the_oracle,
    pages_are_one_series,
    gaps_are_zeros_and_the_running_period_is_marked,
    a_wrong_question_is_400_and_says_which_parameter,
    hours_that_have_expired_are_refused,
    a_history_of_a_table_that_is_away_is_503,
];

/// The number of the shop's events, and of the past minutes over which they are spread.
const EVENTS: u64 = 800;
const MINUTES: u64 = 70 * 24 * 60;
/// The number of events in the last minutes, whose hours are not over yet.
const EVENTS_OF_NOW: u64 = 60;
/// The number of items that a period lists.
const LIMIT: usize = 4;

/// A store with events of seventy days, and the oracle's tallies of them.
struct Shown {
    store: Store,
    tallies: BTreeMap<TallyKey, Decimal>,
    now: DateTime<Utc>,
}

impl Shown {
    async fn make(cloud: &Cloud, name: &str) -> Result<Shown> {
        let store = Store::make(cloud, name).await?;
        let now = now()?;
        let mut recounts: Vec<Recount> = vec![];
        let mut ingest = store.start_plain_ingest().await?;
        for (number, text) in files(now).into_iter().enumerate() {
            let settings = Settings::at(now);
            recounts.push(recount(text.as_bytes(), &settings)?);
            let record = store.put(&format!("{number}.jsonl"), text).await?;
            let ended = ingest.invoke(sqs_event(&[vec![record]])).await?;
            ensure!(ended.is_clean(), "{ended:?}");
        }
        Ok(Shown { store, tallies: sum(&recounts), now })
    }

    async fn start(&self) -> Result<Worker> {
        self.store.start_query("api", &self.store.clients.endpoint_url).await
    }

    /// Reads a whole series page by page, compares it with the oracle's, and returns its total.
    async fn check(&self, worker: &mut Worker, question: &HistoryQuestion) -> Result<f64> {
        let query = format!("{}&limit={LIMIT}", query_of(question));
        let pages = pages(worker, &query).await?;
        let periods: Vec<Value> = pages.iter().flat_map(periods_of).cloned().collect();
        let expected: Vec<Value> = history(&self.tallies, question)
            .iter()
            .map(|period| expected(period, question))
            .collect();
        let told: Vec<Value> = periods.iter().map(plain).collect();
        ensure!(
            told == expected,
            "{query}:\n{}\nbut the oracle says\n{}",
            json!(told),
            json!(expected)
        );
        let ends: Vec<&Value> = periods.iter().map(|period| &period["to"]).collect();
        let starts: Vec<&Value> = periods.iter().map(|period| &period["from"]).collect();
        ensure!(
            ends[..ends.len() - 1] == starts[1..],
            "{query}: periods do not follow each other: {periods:?}"
        );
        Ok(periods.iter().filter_map(|period| period["total"].as_f64()).sum())
    }

    fn question(
        &self,
        measure: &str,
        granularity: Granularity,
        zone: &str,
        days: i64,
    ) -> Result<HistoryQuestion> {
        Ok(HistoryQuestion {
            site: "default".to_string(),
            measure: measure.to_string(),
            granularity,
            zone: zone.parse().ok().with_context(|| zone.to_string())?,
            quarters: Default::default(),
            item: None,
            from: self.now - TimeDelta::days(days),
            to: self.now - TimeDelta::days(1),
        })
    }
}

/// The query string for an oracle's question.
fn query_of(question: &HistoryQuestion) -> String {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let (measure, currency) = question.measure.split_once(':').unwrap_or((&question.measure, ""));
    let mut query = format!(
        "measure={measure}&granularity={}&tz={}&from={}&to={}",
        question.granularity.name(),
        question.zone.name(),
        time(question.from),
        time(question.to)
    );
    if !currency.is_empty() {
        query += &format!("&currency={currency}");
    }
    if let Some(item) = &question.item {
        query += &format!("&item_id={item}");
    }
    query
}

/// A period as the oracle expects it. Its numbers are the nearest floats; unit tests cover their
/// text form.
fn expected(period: &CalendarPeriod, question: &HistoryQuestion) -> Value {
    let start =
        period.start.with_timezone(&question.zone).to_rfc3339_opts(SecondsFormat::Secs, true);
    let top: Vec<Value> = period
        .ranking
        .iter()
        .take(LIMIT)
        .map(|(key, number)| {
            let item_id = integer(key).map_or_else(|| json!(key), |number| json!(number));
            json!({"item_id": item_id, "total": float(number)})
        })
        .collect();
    let mut expected = json!({"from": start, "total": float(&period.total)});
    if question.item.is_none() {
        expected["top"] = json!(top);
    }
    expected
}

/// A period of an answer, in the same form.
fn plain(period: &Value) -> Value {
    let mut plain = json!({"from": period["from"], "total": period["total"].as_f64()});
    if let Some(top) = period["top"].as_array() {
        let items = top
            .iter()
            .map(|item| json!({"item_id": item["item_id"], "total": item["total"].as_f64()}));
        plain["top"] = items.collect();
    }
    plain
}

pub(crate) fn float(number: &Decimal) -> f64 {
    number.to_string().parse().unwrap_or(f64::NAN)
}

/// Events of the past and of now, unordered, in several files.
fn files(now: DateTime<Utc>) -> Vec<String> {
    let mut shop = Generator::new(Shop { seed: 20, items: 9, checkouts: true, ..Shop::default() });
    let mut files = vec![String::new(); 4];
    for number in 0..EVENTS {
        // The step is coprime to the span, so the events are scattered over the past.
        let minutes_ago = number * 48_611 % MINUTES;
        let at = now - TimeDelta::minutes(i64::try_from(minutes_ago).unwrap_or(0));
        let file = usize::try_from(number % 3).unwrap_or(0);
        files[file] += &(shop.line(at) + "\n");
        if number % 9 == 0 {
            let time = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            files[file] += &format!(
                "{{\"event\":\"refund\",\"timestamp\":\"{time}\",\"item_id\":\"sku {}\",\"price\":\"{number}.05\"}}\n",
                number % 4
            );
        }
    }
    for number in 0..EVENTS_OF_NOW {
        let at = now - TimeDelta::minutes(i64::try_from(number).unwrap_or(0));
        files[3] += &(shop.line(at) + "\n");
    }
    files
}

/// Requests a series, and returns the status and the body.
async fn ask(worker: &mut Worker, query: &str) -> Result<(u64, Value)> {
    // Escape only the characters that a query string cannot carry, as a client would.
    let query = query.replace('+', "%2B").replace(' ', "%20");
    asking::ask(worker, "/history", &query).await
}

/// All pages of a series.
pub(crate) async fn pages(worker: &mut Worker, query: &str) -> Result<Vec<Value>> {
    let mut pages = vec![];
    let mut cursor = String::new();
    loop {
        let (status, page) = ask(worker, &format!("{query}{cursor}")).await?;
        ensure!(status == 200, "{query}{cursor}: {page}");
        let next = page["next_cursor"].as_str().map(|next| format!("&cursor={next}"));
        pages.push(page);
        match next {
            Some(next) => cursor = next,
            None => return Ok(pages),
        }
    }
}

pub(crate) fn periods_of(page: &Value) -> &[Value] {
    page["periods"].as_array().map_or(&[], Vec::as_slice)
}

async fn every_measure_and_granularity_equals_the_oracle(cloud: &Cloud) -> Result<()> {
    let shown = Shown::make(cloud, "history-measures").await?;
    let mut worker = shown.start().await?;
    for measure in [
        "views",
        "carts",
        "checkouts",
        "removals",
        "units",
        "sales:USD",
        "refunds:USD",
        "sales:EUR",
    ] {
        for (granularity, days) in [
            (Granularity::Hour, 3),
            (Granularity::Day, 30),
            (Granularity::Week, 75),
            (Granularity::Month, 75),
        ] {
            let question = shown.question(measure, granularity, "UTC", days)?;
            let total = shown.check(&mut worker, &question).await?;
            ensure!(
                (total > 0.0) != (measure == "sales:EUR"),
                "{measure} by {granularity:?} is {total} in all"
            );
        }
    }
    Ok(())
}

async fn the_days_of_zones_equal_the_oracle(cloud: &Cloud) -> Result<()> {
    let shown = Shown::make(cloud, "history-zones").await?;
    let mut worker = shown.start().await?;
    for (zone, granularity, days) in [
        ("Europe/Berlin", Granularity::Day, 30),
        ("Europe/Berlin", Granularity::Week, 75),
        ("Europe/Berlin", Granularity::Month, 75),
        ("America/New_York", Granularity::Day, 9),
        ("Asia/Kolkata", Granularity::Day, 9),
        ("Asia/Kolkata", Granularity::Month, 75),
        ("Australia/Lord_Howe", Granularity::Day, 9),
    ] {
        let question = shown.question("sales:USD", granularity, zone, days)?;
        let total = shown.check(&mut worker, &question).await?;
        ensure!(total > 0.0, "nothing was sold in {zone}");
    }
    Ok(())
}

async fn one_item_equals_the_oracle(cloud: &Cloud) -> Result<()> {
    let shown = Shown::make(cloud, "history-item").await?;
    let mut worker = shown.start().await?;
    for (measure, item) in [("views", "3"), ("refunds:USD", "sku 2"), ("views", "nobody's")] {
        let question = shown.question(measure, Granularity::Day, "Europe/Berlin", 9)?;
        let question = HistoryQuestion { item: Some(item.to_string()), ..question };
        let total = shown.check(&mut worker, &question).await?;
        ensure!((total > 0.0) != (item == "nobody's"), "{measure} of {item} is {total} in all");
    }
    Ok(())
}

async fn minutes_and_compared_periods_equal_the_oracle(cloud: &Cloud) -> Result<()> {
    let shown = Shown::make(cloud, "history-minutes").await?;
    let mut worker = shown.start().await?;
    let minutes = HistoryQuestion {
        from: shown.now - TimeDelta::minutes(150),
        to: shown.now - TimeDelta::minutes(5),
        ..shown.question("views", Granularity::Minute, "UTC", 1)?
    };
    let total = shown.check(&mut worker, &minutes).await?;
    ensure!(total > 10.0, "{total} views in minutes");

    let midnight = |days: i64| -> Result<DateTime<Utc>> {
        let date = (shown.now - TimeDelta::days(days)).date_naive();
        Ok(date.and_hms_opt(0, 0, 0).context("a midnight")?.and_utc())
    };
    for (compare, days, granularity) in [
        ("week", 7, Granularity::Day),
        ("week", 7, Granularity::Hour),
        ("previous", 19, Granularity::Day),
    ] {
        let length = if granularity == Granularity::Hour { 3 } else { 19 };
        let question = HistoryQuestion {
            from: midnight(length + 1)?,
            to: midnight(1)?,
            ..shown.question("net_sales", granularity, "UTC", 1)?
        };
        let pages =
            pages(&mut worker, &format!("{}&compare={compare}", query_of(&question))).await?;
        let earlier = HistoryQuestion {
            measure: "sales:USD".to_string(),
            from: question.from - TimeDelta::days(days),
            to: question.to - TimeDelta::days(days),
            ..question.clone()
        };
        let refunds = HistoryQuestion { measure: "refunds:USD".to_string(), ..earlier.clone() };
        let periods: Vec<&Value> = pages.iter().flat_map(periods_of).collect();
        let sales = history(&shown.tallies, &earlier);
        let refunds = history(&shown.tallies, &refunds);
        ensure!(periods.len() == sales.len(), "{compare}: {} periods", periods.len());
        let mut seen = 0.0;
        for ((period, sales), refunds) in periods.iter().zip(&sales).zip(&refunds) {
            let compared = &period["compared"];
            let start = sales.start.to_rfc3339_opts(SecondsFormat::Secs, true);
            let net = float(&sales.total) - float(&refunds.total);
            let is_same = compared["total"].as_f64().is_some_and(|told| (told - net).abs() < 1e-6);
            ensure!(is_same && compared["from"] == json!(start), "{start} has {net}: {period}");
            seen += net.abs();
        }
        ensure!(seen > 0.0, "{compare} by {granularity:?} compares zeros");
    }
    Ok(())
}

async fn pages_are_one_series(cloud: &Cloud) -> Result<()> {
    let shown = Shown::make(cloud, "history-pages").await?;
    let mut worker = shown.start().await?;
    let question = shown.question("views", Granularity::Hour, "UTC", 13)?;
    shown.check(&mut worker, &question).await?;
    let pages = pages(&mut worker, &query_of(&question)).await?;
    let sizes: Vec<usize> = pages.iter().map(|page| periods_of(page).len()).collect();
    ensure!(sizes.len() == 3 && sizes[..2] == [100, 100], "pages of {sizes:?} periods");
    for pair in pages.windows(2) {
        ensure!(
            pair[0]["window"]["to"] == pair[1]["window"]["from"],
            "{} {}",
            pair[0]["window"],
            pair[1]["window"]
        );
    }
    Ok(())
}

async fn gaps_are_zeros_and_the_running_period_is_marked(cloud: &Cloud) -> Result<()> {
    let shown = Shown::make(cloud, "history-running").await?;
    let mut worker = shown.start().await?;
    // The series ends tomorrow, which is cut to the end of the current hour. There are no events
    // before seventy days ago.
    let tomorrow = (shown.now + TimeDelta::days(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    for granularity in [Granularity::Hour, Granularity::Day, Granularity::Month] {
        let name = granularity.name();
        let days = if granularity == Granularity::Hour { 2 } else { 99 };
        let from = (shown.now - TimeDelta::days(days)).to_rfc3339_opts(SecondsFormat::Secs, true);
        let query =
            format!("measure=views&granularity={name}&from={from}&to={tomorrow}&limit={LIMIT}");
        let (status, answer) = ask(&mut worker, &query).await?;
        ensure!(status == 200, "{answer}");
        let as_of: DateTime<Utc> = answer["as_of"].as_str().context("a time")?.parse()?;
        let question = HistoryQuestion {
            to: as_of + TimeDelta::seconds(1),
            ..shown.question("views", granularity, "UTC", days)?
        };
        let expected: Vec<Value> = history(&shown.tallies, &question)
            .iter()
            .map(|period| expected(period, &question))
            .collect();
        let periods = periods_of(&answer);
        let told: Vec<Value> = periods.iter().map(plain).collect();
        ensure!(
            told == expected,
            "{query}:\n{}\nbut the oracle says\n{}",
            json!(told),
            json!(expected)
        );
        let running: Vec<bool> = periods.iter().map(|period| period["running"] == true).collect();
        ensure!(running.iter().rev().take_while(|running| **running).count() == 1, "{running:?}");
        ensure!(running.iter().filter(|running| **running).count() == 1, "{running:?}");
        if granularity == Granularity::Day {
            ensure!(
                told[0] == json!({"from": told[0]["from"], "total": 0.0, "top": []}),
                "{}",
                told[0]
            );
        }
    }
    Ok(())
}

async fn a_wrong_question_is_400_and_says_which_parameter(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "history-wrong").await?;
    let mut worker = store.start_query("api", &store.clients.endpoint_url).await?;
    let long = format!("measure=views&item_id={}", "x".repeat(257));
    for (query, name) in [
        ("", "measure"),
        ("measure=clicks", "measure"),
        ("measure=views&granularity=second", "granularity"),
        ("measure=views&tz=Mars", "tz"),
        ("measure=views&from=yesterday", "from"),
        ("measure=views&to=2026-02-30", "to"),
        ("measure=views&from=2026-11-02&to=2026-11-01", "from"),
        ("measure=views&from=2026-11-02&to=2026-11-02", "from"),
        ("measure=views&from=2999-01-01", "from"),
        ("measure=views&from=2020-01-01&to=2023-01-01", "1000"),
        ("measure=views&item_id=", "item_id"),
        (long.as_str(), "item_id"),
        ("measure=views&currency=EUR", "currency"),
        ("measure=sales&currency=euro", "currency"),
        ("measure=views&limit=101", "limit"),
        ("measure=views&site_id=a b", "site_id"),
        ("measure=views&cursor=AAAA", "cursor"),
        ("measure=views&measure=views", "measure"),
        ("measure=views&colour=red", "colour"),
    ] {
        let (status, problem) = ask(&mut worker, query).await?;
        let sentence = problem["error"].as_str().unwrap_or_default();
        ensure!(
            status == 400 && problem["status"] == 400 && sentence.contains(name),
            "{query}: {problem}"
        );
    }
    Ok(())
}

async fn hours_that_have_expired_are_refused(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "history-expired").await?;
    let mut worker =
        store.start_query_of("api", RetentionDays { minutes: 7, hours: 30, days: 0 }).await?;
    let now = now()?;
    let day = |days_ago: i64| (now - TimeDelta::days(days_ago)).format("%Y-%m-%d").to_string();
    let (from, to) = (day(50), day(40));
    for (query, expected) in [
        ("granularity=hour", 400),
        ("granularity=day&tz=Europe/Berlin", 400),
        ("granularity=week&tz=Europe/Berlin", 400),
        ("granularity=day", 200),
        ("granularity=month", 200),
    ] {
        let (status, answer) =
            ask(&mut worker, &format!("measure=views&from={from}&to={to}&{query}")).await?;
        ensure!(status == expected, "{query}: {status} {answer}");
        let sentence = answer["error"].as_str().unwrap_or_default();
        let says_why = sentence.starts_with("from ") && sentence.contains("30 days, since");
        ensure!(status == 200 || says_why, "{query}: {sentence}");
    }
    Ok(())
}

async fn a_history_of_a_table_that_is_away_is_503(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "history-away").await?;
    let away: Plan = Box::new(|_| Some(Fault::Status(500)));
    let proxy = FaultProxy::start(&store.clients.endpoint_url, away).await?;
    let mut worker = store.start_query("api", &proxy.url).await?;
    let (status, problem) = ask(&mut worker, "measure=views").await?;
    ensure!(
        status == 503 && problem["error"].as_str().is_some_and(|error| error.contains("try again")),
        "{problem}"
    );
    Ok(())
}
