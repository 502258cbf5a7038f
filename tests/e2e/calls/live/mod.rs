//! Live numbers: what the real function reports about the present.

pub(crate) mod prometheus;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_oracle::{Recount, Settings, Totals, recount};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::random::Random;
use minutebook_tests::store::sqs_event;
use minutebook_tests::worker::Worker;
use serde_json::{Value, json};

use crate::calls::asking::ask_for_text;
use crate::calls::health::{Watched, run_rollup};
use crate::counting::chunks::now;

crate::tests![
    who_is_there_equals_a_naive_count,
    totals_equal_the_oracle_and_stay_so_after_replays,
    queues_that_are_away_are_left_out_and_a_table_that_is_away_is_503,
    the_form_is_the_one_that_is_asked_for,
    a_wrong_question_about_the_present_is_400,
];

/// Requests the metrics, and returns the samples by name and labels.
async fn scrape(worker: &mut Worker, query: &str) -> Result<BTreeMap<String, f64>> {
    let (status, text) = ask_for_text(worker, "/metrics/prometheus", query).await?;
    ensure!(status == 200, "{status} {text}");
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').with_context(|| line.to_string())?;
            Ok((name.to_string(), value.parse()?))
        })
        .collect()
}

/// An event that a line can express.
struct Event {
    at: DateTime<Utc>,
    is_view: bool,
    page: &'static str,
    item: Option<u64>,
    user: u64,
    session: u64,
}

async fn who_is_there_equals_a_naive_count(cloud: &Cloud) -> Result<()> {
    let watched = Watched::make(cloud, "live-numbers").await?;
    let (store, now) = (&watched.store, now()?);
    let mut random = Random::of(&[5]);
    let events: Vec<Event> = (0..400)
        .map(|_| {
            let is_view = random.chance(80);
            Event {
                at: now - TimeDelta::seconds(random.between(0, 2_400)),
                is_view,
                page: random.pick::<&str>(&["/", "/a", "/b", "/c", "/d", "/e", "/f"]),
                item: (!is_view || random.chance(50)).then(|| random.below(5)),
                user: random.below(60),
                session: random.below(90),
            }
        })
        .collect();
    let mut ingest = store.start_plain_ingest().await?;
    for (chunk, events) in events.chunks(150).enumerate() {
        let mut text = String::new();
        for event in events {
            let mut line = json!({
                "event_type": if event.is_view { "view" } else { "add_to_cart" },
                "timestamp": event.at.to_rfc3339_opts(SecondsFormat::Secs, true),
                "site_id": "shop", "page_url": event.page, "user_id": event.user, "session_id": event.session,
            });
            line["item_id"] = json!(event.item);
            text += &format!("{line}\n");
            line["site_id"] = json!("other");
            line["user_id"] = json!(format!("other-{}", event.user));
            text += &format!("{line}\n");
        }
        let record = store.put(&format!("{chunk}.jsonl"), text).await?;
        let ended = ingest.invoke(sqs_event(&[vec![record.clone()], vec![record]])).await?;
        ensure!(ended.is_clean(), "{ended:?}");
    }

    let mut worker = watched.start_plain("api").await?;
    for (query, users_minutes, views_minutes, limit) in [
        ("", 5, 15, 5),
        ("&users_window=30m&views_window=1m", 30, 1, 5),
        ("&users_window=1h&views_window=24h&limit=100", 60, 1_440, 100),
    ] {
        let (status, body) =
            ask_for_text(&mut worker, "/metrics", &format!("site_id=shop{query}")).await?;
        ensure!(status == 200, "{status} {body}");
        let answer: Value = serde_json::from_str(&body)?;
        let inside = |window: &str, minutes: i64| -> Result<Vec<&Event>> {
            let edge = |name: &str| -> Result<DateTime<Utc>> {
                Ok(answer["windows"][window][name].as_str().context("a time")?.parse()?)
            };
            let (from, to) = (edge("from")?, edge("to")?);
            ensure!(to - from == TimeDelta::minutes(minutes), "{answer}");
            Ok(events.iter().filter(|event| from <= event.at && event.at < to).collect())
        };
        let active = inside("users", users_minutes)?;
        let users: BTreeSet<u64> = active.iter().map(|event| event.user).collect();
        let sessions: BTreeSet<u64> = active.iter().map(|event| event.session).collect();
        ensure!(
            !users.is_empty() && answer["active_users"] == users.len(),
            "{} users: {answer}",
            users.len()
        );
        ensure!(
            answer["active_sessions"] == sessions.len(),
            "{} sessions: {answer}",
            sessions.len()
        );
        let views: Vec<&Event> =
            inside("views", views_minutes)?.into_iter().filter(|event| event.is_view).collect();
        ensure!(answer["page_views"] == views.len(), "{} views: {answer}", views.len());
        let mut pages = BTreeMap::<&str, usize>::new();
        for view in &views {
            *pages.entry(view.page).or_default() += 1;
        }
        let mut pages: Vec<(&str, usize)> = pages.into_iter().collect();
        pages.sort_by_key(|(page, views)| (std::cmp::Reverse(*views), *page));
        let top: Vec<Value> = pages
            .into_iter()
            .take(limit)
            .map(|(page, views)| json!({"page": page, "views": views}))
            .collect();
        ensure!(answer["top_pages"] == json!(top), "{top:?} were expected: {answer}");
    }
    let samples = scrape(&mut worker, "site_id=shop&users_window=1h&views_window=24h").await?;
    let users: BTreeSet<u64> = events.iter().map(|event| event.user).collect();
    let views = events.iter().filter(|event| event.is_view).count();
    for (name, window, expected) in
        [("active_users", "60m", users.len()), ("page_views", "1440m", views)]
    {
        let name = format!(r#"minutebook_{name}{{site_id="shop",window="{window}"}}"#);
        ensure!(
            samples.get(&name) == Some(&f64::from(u32::try_from(expected)?)),
            "{name} {expected}: {samples:?}"
        );
    }
    Ok(())
}

/// Checks that the samples are the totals of these chunks.
fn check_totals(samples: &BTreeMap<String, f64>, chunks: &[Recount]) -> Result<()> {
    let totals: Totals = chunks.iter().collect();
    for (name, expected) in [
        ("minutebook_chunks_total", totals.chunks),
        ("minutebook_events_total", totals.events),
        (r#"minutebook_lines_total{outcome="counted"}"#, totals.counted),
        (r#"minutebook_lines_total{outcome="ignored"}"#, totals.ignored),
        (r#"minutebook_lines_total{outcome="duplicate"}"#, totals.duplicate),
        (r#"minutebook_lines_total{outcome="rejected"}"#, totals.rejected),
    ] {
        let told = samples.get(name).copied();
        ensure!(
            told == Some(f64::from(u32::try_from(expected)?)),
            "{name} is {told:?}, and {expected} was expected"
        );
    }
    Ok(())
}

async fn totals_equal_the_oracle_and_stay_so_after_replays(cloud: &Cloud) -> Result<()> {
    let watched = Watched::make(cloud, "live-totals").await?;
    let (store, now) = (&watched.store, now()?);
    let mut worker = watched.start_plain("api").await?;
    let empty = scrape(&mut worker, "").await?;
    check_totals(&empty, &[])?;
    ensure!(!empty.keys().any(|name| name.contains("last_")), "nothing was counted yet: {empty:?}");

    let line = |event: &str, id: usize, ago: i64| {
        let time = (now - TimeDelta::minutes(ago)).to_rfc3339_opts(SecondsFormat::Secs, true);
        format!(
            r#"{{"event_type":"{event}","event_id":"{id}","timestamp":"{time}","item_id":{id}}}"#
        ) + "\n"
    };
    let settings = Settings::at(now);
    let mut ingest = store.start_plain_ingest().await?;
    let (mut chunks, mut messages) = (vec![], vec![]);
    for chunk in 0_usize..12 {
        // Some events in an open hour and some late ones, in one transaction or in many.
        let views = if chunk == 11 { 9_000 } else { 5 + chunk };
        let mut text: String =
            (0..views).map(|id| line("view", id, if id % 3 == 0 { 2 } else { 100_000 })).collect();
        text += &(0..chunk).map(|id| line("view", id, 2)).collect::<String>();
        text += &line("login", 1, 2).repeat(chunk % 3);
        text += &"not json\n".repeat(chunk % 4);
        chunks.push(recount(text.as_bytes(), &settings)?);
        messages.push(vec![store.put(&format!("{chunk}.jsonl"), text).await?]);
        let deliveries = [messages[chunk].clone(), messages[chunk / 2].clone()];
        let ended = ingest.invoke(sqs_event(&deliveries)).await?;
        ensure!(ended.is_clean(), "{ended:?}");
        check_totals(&scrape(&mut worker, "").await?, &chunks)?;
    }
    ensure!(ingest.invoke(sqs_event(&messages)).await?.is_clean(), "replays are handled");
    run_rollup(store).await?;
    let samples = scrape(&mut worker, "").await?;
    check_totals(&samples, &chunks)?;
    let sample =
        |name: &str| samples.get(name).copied().with_context(|| format!("{name}: {samples:?}"));
    for name in [
        "minutebook_last_chunk_lag_seconds",
        "minutebook_last_commit_age_seconds",
        "minutebook_rollup_age_seconds",
    ] {
        ensure!((0.0..600.0).contains(&sample(name)?), "{name}: {samples:?}");
    }
    // If the test runs in the first minutes of an hour, the previous hour still waits for its seal.
    ensure!(
        (0.0..3_600.0).contains(&sample("minutebook_oldest_open_hour_age_seconds")?),
        "{samples:?}"
    );
    ensure!(store.verify().await?["differences"] == 0, "verify finds differences");
    Ok(())
}

async fn queues_that_are_away_are_left_out_and_a_table_that_is_away_is_503(
    cloud: &Cloud,
) -> Result<()> {
    let watched = Watched::make(cloud, "live-away").await?;
    watched.send(&watched.queue_url, 2).await?;
    watched.send(&watched.dead_letters_url, 1).await?;
    let endpoint_url = &watched.store.clients.endpoint_url;
    let messages = r#"minutebook_queue_messages{queue="ingest",state="waiting"}"#;
    let dead_letters = r#"minutebook_queue_messages{queue="dead_letters",state="waiting"}"#;
    let is_up = r#"minutebook_queue_up{queue="ingest"}"#;

    let samples = scrape(&mut watched.start_plain("api").await?, "").await?;
    for (name, value) in [(messages, 2.0), (dead_letters, 1.0), (is_up, 1.0)] {
        ensure!(samples.get(name) == Some(&value), "{name}: {samples:?}");
    }

    let away: Plan = Box::new(|_| Some(Fault::Status(500)));
    let proxy = FaultProxy::start(endpoint_url, away).await?;
    let mut worker = watched.start("api", endpoint_url, &proxy.url).await?;
    let samples = scrape(&mut worker, "").await?;
    ensure!(samples.get(is_up) == Some(&0.0) && !samples.contains_key(messages), "{samples:?}");
    check_totals(&samples, &[])?;
    // The JSON answer says nothing about queues.
    ensure!(
        ask_for_text(&mut worker, "/metrics", "").await?.0 == 200,
        "/metrics must not depend on the queues"
    );

    let mut worker = watched.start("api", &proxy.url, endpoint_url).await?;
    for path in ["/metrics", "/metrics/prometheus"] {
        let (status, problem) = ask_for_text(&mut worker, path, "").await?;
        ensure!(
            status == 503 && problem.contains("try again in a moment"),
            "{path}: {status} {problem}"
        );
    }
    Ok(())
}

/// Gets a text from the deployed stack, and returns the status, content type and body.
pub(crate) async fn get(
    cloud: &Cloud,
    path_and_query: &str,
    accept: &str,
) -> Result<(u16, String, String)> {
    let url = cloud.url(path_and_query).await?;
    let accept = accept.to_string();
    tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent
            .get(&url)
            .header("accept", accept)
            .call()
            .with_context(|| format!("GET {url}"))?;
        let varies = response.headers().get("vary").is_some_and(|value| value == "accept");
        let content_type =
            response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_string();
        let body = response.body_mut().read_to_string()?;
        ensure!(varies || response.status() != 200, "{url} should vary by Accept");
        Ok((response.status().as_u16(), content_type, body))
    })
    .await?
}

async fn the_form_is_the_one_that_is_asked_for(cloud: &Cloud) -> Result<()> {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    for (path, accept, expected) in [
        ("/metrics", "*/*", "application/json"),
        ("/metrics", "application/json, text/plain;q=0.9", "application/json"),
        ("/metrics", "text/plain", TEXT),
        ("/metrics", "application/openmetrics-text", OPEN_METRICS),
        (
            "/metrics",
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPEN_METRICS,
        ),
        ("/metrics/prometheus", "*/*", TEXT),
        ("/metrics/prometheus", "application/json", TEXT),
        ("/metrics/prometheus", "application/openmetrics-text; version=1.0.0", OPEN_METRICS),
    ] {
        let (status, content_type, body) = get(cloud, path, accept).await?;
        ensure!(
            status == 200 && content_type == expected,
            "{path} {accept}: {status} {content_type}"
        );
        let is_json = serde_json::from_str::<Value>(&body)
            .is_ok_and(|answer| answer["active_users"].is_u64());
        let is_text = body.starts_with("# HELP minutebook_lines");
        ensure!(
            is_json == (expected == "application/json") && is_text != is_json,
            "{path} {accept}: {body}"
        );
        ensure!(body.ends_with("# EOF\n") == (expected == OPEN_METRICS), "{path} {accept}: {body}");
    }
    Ok(())
}

async fn a_wrong_question_about_the_present_is_400(cloud: &Cloud) -> Result<()> {
    for (query, named) in [
        (
            "users_window=25h",
            "users_window is \"25h\"; expected a whole number and m, h or d, as 5m or 1h, from 1m to 24h",
        ),
        ("views_window=2d", "from 1m to 24h"),
        ("limit=101", "from 1 to 100"),
        ("as_of=2026-11-20T23:07:00Z", "\"as_of\" is not a parameter of this call"),
    ] {
        for path in ["/metrics", "/metrics/prometheus"] {
            let (status, content_type, problem) = cloud.get(&format!("{path}?{query}")).await?;
            ensure!(
                status == 400 && content_type == "application/problem+json",
                "{query}: {status} {content_type}"
            );
            ensure!(
                problem["error"].as_str().is_some_and(|sentence| sentence.contains(named)),
                "{query}: {problem}"
            );
        }
    }
    Ok(())
}
