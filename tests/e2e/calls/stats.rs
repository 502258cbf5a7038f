//! Site statistics: compares the real function's answers about events that the real ingest counted
//! with the oracle and with a naive count of the events.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use minutebook_oracle::{Decimal, Recount, Settings, compare_keys, recount, sum};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::random::Random;
use minutebook_tests::store::{Store, sqs_event};
use serde_json::{Value, json};

use crate::calls::asking::ask;
use crate::counting::chunks::now;

crate::tests![
    every_number_of_a_site_equals_the_oracle,
    all_time_is_a_query_a_year,
    wrong_questions_and_unknown_sites_are_answered_as_ever,
    a_site_of_a_table_that_is_away_is_503,
];

const PAGES: [&str; 5] = ["/", "/pricing", "/blog/post-1", "/a b/ü", "(not set)"];
const SITES: [&str; 2] = ["site-abc-123", "other"];

/// An event that a line can express.
struct Event {
    site: &'static str,
    at: DateTime<Utc>,
    /// Statistics count views only, but any event counts its user.
    is_view: bool,
    item: Option<u64>,
    page: Option<&'static str>,
    user: Option<String>,
}

impl Event {
    fn line(&self, number: usize) -> String {
        let mut line = json!({
            "event_type": if self.is_view { "page_view" } else { "add_to_cart" },
            "event_id": format!("e{number}"),
            "timestamp": self.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "site_id": self.site,
        });
        line["item_id"] = json!(self.item);
        line["path"] = json!(self.page);
        line["user_id"] = json!(self.user);
        format!("{line}\n")
    }
}

/// Events of the past years, of the last three days, and of the last minutes.
fn events(random: &mut Random, now: DateTime<Utc>, count: usize) -> Vec<Event> {
    let mut event = || {
        let days_ago =
            if random.chance(20) { random.between(4, 3_000) } else { random.between(0, 2) };
        let seconds_ago =
            if random.chance(30) { random.between(0, 300) } else { random.between(0, 86_399) };
        let is_view = random.chance(80);
        let item = (!is_view || random.chance(50)).then(|| random.below(6));
        let page = (item.is_none() || random.chance(50)).then(|| *random.pick(&PAGES));
        let user = random.chance(80).then(|| format!("user-{}", random.below(40)));
        let at = now - TimeDelta::days(days_ago) - TimeDelta::seconds(seconds_ago);
        let site = random.pick::<&str>(&SITES);
        Event { site, at, is_view, item, page, user }
    };
    (0..count).map(|_| event()).collect()
}

/// The numbers that an answer with this window must have.
struct Expected {
    views: f64,
    users: usize,
    top: Vec<(String, f64)>,
}

impl Expected {
    fn of(site: &str, window: &Value, events: &[Event], recounts: &[Recount]) -> Result<Expected> {
        let edge = |name: &str| -> Result<DateTime<Utc>> {
            Ok(window[name].as_str().context("a time")?.parse()?)
        };
        let (from, to) = (edge("from")?, edge("to")?);
        let inside: Vec<&Event> = events
            .iter()
            .filter(|event| event.site == site && from <= event.at && event.at < to)
            .collect();
        let users: BTreeSet<&String> =
            inside.iter().filter_map(|event| event.user.as_ref()).collect();

        let minutes = from.timestamp() / 60..to.timestamp() / 60;
        let tallies = sum(recounts);
        let total = |measure: &str, of_no_key: bool| -> Result<f64> {
            let counted = tallies.iter().filter(|(key, _)| {
                key.site == site
                    && key.measure == measure
                    && minutes.contains(&key.minute)
                    && key.key.is_empty() == of_no_key
            });
            let total: Decimal = counted.map(|(_, number)| *number).sum();
            Ok(total.to_string().parse()?)
        };
        let views = total("views", false)? + total("pages", false)? - total("pages", true)?;
        let naive_views = u32::try_from(inside.iter().filter(|event| event.is_view).count())?;
        ensure!(
            views == f64::from(naive_views),
            "the oracle has {views} views, and there were {naive_views}"
        );

        let mut pages = BTreeMap::<&str, f64>::new();
        for event in inside.iter().filter(|event| event.is_view) {
            if let Some(page) = event.page.filter(|page| *page != "(not set)") {
                *pages.entry(page).or_default() += 1.0;
            }
        }
        let mut top: Vec<(String, f64)> =
            pages.into_iter().map(|(page, views)| (page.to_string(), views)).collect();
        top.sort_by(|left, right| {
            right.1.total_cmp(&left.1).then_with(|| compare_keys(&left.0, &right.0))
        });
        Ok(Expected { views, users: users.len(), top })
    }

    fn check(&self, answer: &Value, limit: usize) -> Result<()> {
        ensure!(
            answer["total_views"].as_f64() == Some(self.views),
            "{} views were expected: {answer}",
            self.views
        );
        ensure!(
            answer["unique_users"] == self.users,
            "{} users were expected: {answer}",
            self.users
        );
        let told: Option<Vec<(String, f64)>> = answer["top_paths"]
            .as_array()
            .context("a list")?
            .iter()
            .map(|path| Some((path["path"].as_str()?.to_string(), path["views"].as_f64()?)))
            .collect();
        let expected: Vec<(String, f64)> = self.top.iter().take(limit).cloned().collect();
        ensure!(told.as_ref() == Some(&expected), "{expected:?} were expected: {answer}");
        Ok(())
    }
}

async fn every_number_of_a_site_equals_the_oracle(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "stats-numbers").await?;
    let now = now()?;
    let mut random = Random::of(&[7]);
    let events = events(&mut random, now, 900);
    let settings = Settings::at(now);
    let mut ingest = store.start_plain_ingest().await?;
    let mut recounts = vec![];
    for (chunk, events) in events.chunks(300).enumerate() {
        let mut text: String =
            events.iter().enumerate().map(|(number, event)| event.line(number)).collect();
        // Every tenth event occurs twice in its chunk, and the chunk is delivered three times.
        let again: String = events
            .iter()
            .enumerate()
            .step_by(10)
            .map(|(number, event)| event.line(number))
            .collect();
        text += &again;
        recounts.push(recount(text.as_bytes(), &settings)?);
        let record = store.put(&format!("{chunk}.jsonl"), text).await?;
        for records in [vec![record.clone()], vec![record.clone(), record]] {
            let ended = ingest.invoke(sqs_event(&[records])).await?;
            ensure!(ended.is_clean(), "{ended:?}");
        }
    }
    ensure!(
        recounts.iter().all(|chunk| chunk.duplicate == 30 && chunk.rejected.is_empty()),
        "{recounts:?}"
    );

    let mut worker = store.start_query("api", &store.clients.endpoint_url).await?;
    let dates: BTreeSet<NaiveDate> = events.iter().map(|event| event.at.date_naive()).collect();
    let mut queries: Vec<String> =
        dates.iter().rev().take(8).map(|date| format!("&date={date}")).collect();
    let time = |minutes_ago: i64| {
        (now - TimeDelta::minutes(minutes_ago)).to_rfc3339_opts(SecondsFormat::Secs, true)
    };
    queries.extend([
        "".to_string(),
        "&limit=2".to_string(),
        format!("&from={}", time(3)),
        format!("&to={}", time(90)),
    ]);
    for _ in 0..8 {
        let (from, to) = (random.between(1_000, 4_000_000), random.between(0, 900));
        queries.push(format!("&from={}&to={}", time(from), time(to)));
    }
    let mut seen = Expected { views: 0.0, users: 0, top: vec![] };
    for query in &queries {
        for site in SITES {
            let (status, answer) =
                ask(&mut worker, "/stats", &format!("site_id={site}{query}")).await?;
            ensure!(
                status == 200 && answer["site_id"] == site && answer["as_of"].is_string(),
                "{query}: {answer}"
            );
            ensure!(answer["window"]["precision"] == "minute", "{query}: {answer}");
            ensure!(answer["date"].as_str() == query.strip_prefix("&date="), "{query}: {answer}");
            let expected = Expected::of(site, &answer["window"], &events, &recounts)?;
            let limit = if query == "&limit=2" { 2 } else { 10 };
            expected.check(&answer, limit).with_context(|| query.clone())?;
            seen.views += expected.views;
            seen.users += expected.users;
            seen.top.extend(expected.top);
        }
    }
    ensure!(seen.views > 1_000.0 && seen.users > 200 && seen.top.len() > 50, "little was compared");
    ensure!(store.verify().await?["differences"] == 0, "verify finds differences");
    Ok(())
}

async fn all_time_is_a_query_a_year(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "stats-queries").await?;
    let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
    let mut worker = store.start_query("api", &proxy.url).await?;
    let (status, answer) = ask(&mut worker, "/stats", "site_id=s").await?;
    ensure!(status == 200 && answer["total_views"] == 0, "{answer}");
    let queries = proxy.calls("Query");
    // Views, pages and visitors each take a query for every year since 1970 and up to 20 for the
    // current month. Four more queries list open hours, two of them those of builds before, and one
    // asks for the secret of visitors.
    ensure!(queries <= 3 * (60 + 20) + 5, "{queries} queries");
    ensure!(proxy.calls("Query of sites") == 2, "there is no registry yet");

    // With a registry, the years before the first event are not asked for, and an unknown site is
    // one read.
    let line = r#"{"event":"view","site_id":"s","ts":"2025-02-03T04:05:06Z","item_id":1}"#;
    let record = store.put("a.jsonl", line).await?;
    let counted = store.start_plain_ingest().await?.invoke(sqs_event(&[vec![record]])).await?;
    ensure!(counted.is_clean(), "{counted:?}");
    let before = proxy.calls("Query");
    let (_, answer) = ask(&mut worker, "/stats", "site_id=s").await?;
    ensure!(answer["total_views"] == 1, "{answer}");
    ensure!(answer["window"]["from"] == "2025-02-03T00:00:00Z", "{answer}");
    let queries = proxy.calls("Query") - before;
    ensure!(queries <= 3 * (3 + 20) + 6, "{queries} queries");
    for of_sites in [2, 1] {
        let calls = || (proxy.calls("Query"), proxy.calls("Query of sites"));
        let before = calls();
        let (_, answer) = ask(&mut worker, "/stats", "site_id=unknown").await?;
        ensure!(answer["total_views"] == 0, "{answer}");
        ensure!(calls() == (before.0, before.1 + of_sites), "{before:?} became {:?}", calls());
    }
    Ok(())
}

async fn wrong_questions_and_unknown_sites_are_answered_as_ever(cloud: &Cloud) -> Result<()> {
    for (query, sentence) in [
        ("", "Missing required parameter: site_id"),
        ("?date=2025-11-12", "Missing required parameter: site_id"),
        ("?site_id=site-abc-123&date=invalid-date", "Invalid date format. Expected YYYY-MM-DD"),
        ("?site_id=s&limit=101", "limit is \"101\"; expected a whole number from 1 to 100"),
        (
            "?site_id=s&date=2025-11-12&to=2025-11-13",
            "date is given with from or to; expected one day or the edges of a range",
        ),
    ] {
        let (status, content_type, problem) = cloud.get(&format!("/stats{query}")).await?;
        ensure!(
            status == 400 && content_type == "application/problem+json",
            "{query}: {status} {content_type}"
        );
        ensure!(problem["error"] == sentence, "{query}: {problem}");
    }
    let (status, content_type, answer) = cloud.get("/stats?site_id=nonexistent-site").await?;
    ensure!(status == 200 && content_type == "application/json", "{status} {content_type}");
    for (member, value) in [
        ("site_id", json!("nonexistent-site")),
        ("date", Value::Null),
        ("total_views", json!(0)),
        ("unique_users", json!(0)),
        ("top_paths", json!([])),
    ] {
        ensure!(answer.get(member) == Some(&value), "{member}: {answer}");
    }
    let (status, _, problem) = cloud.post("/stats", &[], "").await?;
    ensure!(status == 405, "{status} {problem}");
    Ok(())
}

async fn a_site_of_a_table_that_is_away_is_503(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "stats-away").await?;
    let away: Plan = Box::new(|_| Some(Fault::Status(500)));
    let proxy = FaultProxy::start(&store.clients.endpoint_url, away).await?;
    let mut worker = store.start_query("api", &proxy.url).await?;
    let (status, problem) = ask(&mut worker, "/stats", "site_id=s&date=2026-11-20").await?;
    ensure!(status == 503, "{status} {problem}");
    ensure!(
        problem["error"].as_str().is_some_and(|sentence| sentence.contains("try again")),
        "{problem}"
    );
    Ok(())
}
