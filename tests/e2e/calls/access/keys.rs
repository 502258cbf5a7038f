//! Keys: who may call what, as the functions decide it by the keys that the command makes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_api::routes::ROUTES;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{Store, sqs_event};
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

use crate::calls::asking::http_event;

crate::tests![
    every_call_is_for_the_keys_of_its_table_and_no_others,
    a_question_and_a_post_without_a_site_are_of_the_site_of_the_key,
    a_share_key_reads_one_site_and_does_nothing_else,
    a_key_works_at_once_and_a_revoked_one_in_no_new_process,
    a_table_that_is_away_refuses_nobody_for_good,
    the_command_makes_lists_and_revokes_keys,
];

/// What a call is to those with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It answers about a site.
    Question,
    /// It takes events of a site.
    Post,
    /// It makes events up.
    Make,
    /// It answers everybody, and says more to who may see the deployment.
    Status,
    /// It answers everybody.
    Open,
    /// It answers everybody that there is no such file.
    Missing,
}

/// Every call, by its path with what it needs, in the order of the routes.
const CALLS: &[(&str, &str, &str, Kind)] = &[
    ("/events", "", "collect", Kind::Post),
    ("/event", "", "collect", Kind::Post),
    ("/ingest", "", "collect", Kind::Post),
    ("/generate_random_events", "count=1", "collect", Kind::Make),
    ("/most_viewed_item", "site_id=SITE", "most_viewed", Kind::Question),
    ("/top_item_added_to_cart", "site_id=SITE", "top_carted", Kind::Question),
    ("/highest_grossing_item", "site_id=SITE", "highest_grossing", Kind::Question),
    ("/history", "site_id=SITE&measure=views&granularity=hour", "api", Kind::Question),
    ("/overview", "site_id=SITE", "api", Kind::Question),
    ("/movers", "site_id=SITE&measure=views", "api", Kind::Question),
    ("/funnel", "site_id=SITE", "api", Kind::Question),
    ("/items/7", "site_id=SITE", "api", Kind::Question),
    ("/reconcile", "site_id=SITE&granularity=hour", "api", Kind::Question),
    ("/stats", "site_id=SITE&date=2026-11-20", "api", Kind::Question),
    ("/sites", "site_id=SITE", "api", Kind::Question),
    ("/share_key", "site_id=SITE", "api", Kind::Question),
    ("/metrics", "site_id=SITE", "api", Kind::Question),
    ("/metrics/prometheus", "site_id=SITE", "api", Kind::Question),
    ("/metrics/orders", "site_id=SITE", "api", Kind::Question),
    ("/metrics/realtime", "site_id=SITE", "api", Kind::Question),
    ("/metrics/revenue/hourly", "site_id=SITE", "api", Kind::Question),
    ("/metrics/products/top", "site_id=SITE", "api", Kind::Question),
    ("/health", "", "api", Kind::Status),
    ("/openapi.json", "", "api", Kind::Open),
    ("/", "", "api", Kind::Open),
    ("/assets/{file}", "", "api", Kind::Missing),
];

/// The keys, with the statuses of a question about `shop.a`, a post of its events, and made-up
/// events.
const KEYS: &[(&str, u64, u64, u64)] = &[
    ("none", 401, 401, 401),
    ("malformed", 401, 401, 401),
    ("unknown", 401, 401, 401),
    ("revoked", 401, 401, 401),
    ("expired", 401, 401, 401),
    ("read", 200, 403, 403),
    ("write", 403, 200, 200),
    ("read and write", 200, 200, 200),
    ("admin", 200, 200, 200),
    // Its events are of `shop.b`, so that none of the post is stored.
    ("admin of another site", 403, 400, 200),
    ("read of all sites", 200, 403, 403),
    ("write of all sites", 403, 200, 200),
    ("admin of all sites", 200, 200, 200),
];

/// The ways to give a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Bearer,
    Header,
    Parameter,
}

pub(crate) const WAYS: [Way; 3] = [Way::Bearer, Way::Header, Way::Parameter];

pub(crate) const VIEW: &str = r#"{"event_type":"page_visit","timestamp":"2026-11-20T08:00:00Z","site_id":"shop.a","item_id":7}"#;

/// Runs `minutebook keys` with these arguments.
async fn run_keys(store: &Store, arguments: &[&str]) -> Result<std::process::Output> {
    store.run_command("keys", arguments).await
}

/// What `minutebook keys --json` says.
pub(crate) async fn run_keys_json(store: &Store, arguments: &[&str]) -> Result<Value> {
    let output = run_keys(store, &[arguments, &["--json"]].concat()).await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A store whose functions require keys, with a counted view of `shop.a`.
pub(crate) async fn store_with_keys(cloud: &Cloud, name: &str) -> Result<Store> {
    let store = Store::make(cloud, name).await?.with_queue().await?;
    let store = Store { requires_keys: true, ..store };
    let record = store.put("a.jsonl", format!("{VIEW}\n")).await?;
    let mut ingest = store.start_plain_ingest().await?;
    ensure!(ingest.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    Ok(store)
}

/// Makes a key, and returns it and its id.
pub(crate) async fn add(store: &Store, arguments: &[&str]) -> Result<(String, String)> {
    let added = run_keys_json(store, &[&["add"], arguments].concat()).await?;
    let text = |name: &str| added[name].as_str().map(str::to_string).context("a text");
    Ok((text("key")?, text("id")?))
}

/// A key for each line of [`KEYS`], by its name.
async fn keys_of(store: &Store) -> Result<BTreeMap<&'static str, String>> {
    let mut keys = BTreeMap::new();
    for (name, arguments) in [
        ("revoked", &["shop.a", "--role", "admin"][..]),
        ("expired", &["shop.a", "--role", "admin", "--expires", "12h"]),
        ("read", &["shop.a", "--role", "read", "--expires", "30d"]),
        ("write", &["shop.a", "--role", "write"]),
        ("read and write", &["shop.a", "--role", "read", "--role", "write"]),
        ("admin", &["shop.a", "--role", "admin"]),
        ("admin of another site", &["shop.b", "--role", "admin"]),
        ("read of all sites", &["--all-sites", "--role", "read"]),
        ("write of all sites", &["--all-sites", "--role", "write"]),
        ("admin of all sites", &["--all-sites", "--role", "admin"]),
    ] {
        let (key, id) = add(store, arguments).await?;
        match name {
            "revoked" => {
                let output = run_keys(store, &["revoke", &id[..8]]).await?;
                ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
            "expired" => {
                let update = store.clients.dynamodb.update_item().table_name(&store.table);
                let text = |text: &str| AttributeValue::S(text.to_string());
                update
                    .key("pk", text(&format!("KEYS#{}", &id[..1])))
                    .key("sk", text(&id))
                    .update_expression("SET expires_at = :at")
                    .expression_attribute_values(":at", text("2026-11-20T08:00:00Z"))
                    .send()
                    .await?;
            }
            _ => {}
        }
        keys.insert(name, key);
    }
    keys.insert("malformed", "mb_0123".to_string());
    keys.insert("unknown", format!("mb_{}", "0123456789abcdef".repeat(4)));
    Ok(keys)
}

/// The functions, each in a process.
pub(crate) struct Functions(BTreeMap<&'static str, Worker>);

impl Functions {
    pub(crate) async fn start(store: &Store) -> Result<Functions> {
        let url = &store.clients.endpoint_url;
        let mut functions = BTreeMap::from([("collect", store.start_collect(url).await?)]);
        for function in ["most_viewed", "top_carted", "highest_grossing", "api"] {
            functions.insert(function, store.start_query(function, url).await?);
        }
        Ok(Functions(functions))
    }

    /// Makes a call, and returns its whole answer.
    pub(crate) async fn call(
        &mut self,
        (path, query, function, kind): (&str, &str, &'static str, Kind),
        (way, key): (Way, Option<&str>),
        body: &str,
    ) -> Result<Value> {
        let method = if kind == Kind::Post { "POST" } else { "GET" };
        let (mut headers, mut query) = (json!({}), query.to_string());
        match (way, key) {
            (_, None) => {}
            (Way::Bearer, Some(key)) => headers["authorization"] = json!(format!("Bearer {key}")),
            (Way::Header, Some(key)) => headers["x-api-key"] = json!(key),
            (Way::Parameter, Some(key)) => query = format!("{query}&key={key}"),
        }
        let mut event = http_event(method, query.trim_start_matches('&'))?;
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event["headers"] = headers;
        if kind == Kind::Post {
            event["body"] = json!(body);
        }
        let worker = self.0.get_mut(function).context("a function")?;
        match worker.invoke(event).await? {
            Invocation::Answered(answer) => Ok(answer),
            other => bail!("{path}: {other:?}"),
        }
    }
}

pub(crate) fn status_of(answer: &Value) -> u64 {
    // All successes of posts are alike here.
    match answer["statusCode"].as_u64() {
        Some(202) => 200,
        status => status.unwrap_or_default(),
    }
}

pub(crate) fn body_of(answer: &Value) -> &str {
    answer["body"].as_str().unwrap_or_default()
}

async fn every_call_is_for_the_keys_of_its_table_and_no_others(cloud: &Cloud) -> Result<()> {
    let listed: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
    let tried: Vec<String> =
        CALLS.iter().map(|(path, ..)| path.replace("/items/7", "/items/{item_id}")).collect();
    ensure!(tried == listed, "the test has other calls than the API: {tried:?}");
    let store = store_with_keys(cloud, "keys-matrix").await?;
    let keys = keys_of(&store).await?;
    let mut functions = Functions::start(&store).await?;
    let mut refusals: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    let mut calls = 0;
    for call in CALLS {
        let (path, query, function, kind) = *call;
        for (name, question, post, make) in KEYS {
            let key = keys.get(name).map(String::as_str);
            for way in WAYS {
                // A site with events, and one that nobody has ever heard of.
                for site in ["shop.a", "made-up"] {
                    let (query, body) = (query.replace("SITE", site), VIEW.replace("shop.a", site));
                    let call = (path, query.as_str(), function, kind);
                    let answer = functions.call(call, (way, key), &body).await?;
                    let is_of_all = name.ends_with("of all sites");
                    let expected = match kind {
                        Kind::Question if *question == 200 && site != "shop.a" && !is_of_all => 403,
                        Kind::Question => *question,
                        Kind::Post if *post == 200 && site != "shop.a" && !is_of_all => 400,
                        Kind::Post => *post,
                        Kind::Make => *make,
                        Kind::Status | Kind::Open => 200,
                        Kind::Missing => 404,
                    };
                    let status = status_of(&answer);
                    ensure!(
                        status == expected,
                        "{path} about {site} with the key {name} as {way:?}: {status}, not \
                         {expected}: {answer}"
                    );
                    calls += 1;
                    let body = body_of(&answer);
                    ensure!(key.is_none_or(|key| !answer.to_string().contains(key)), "{answer}");
                    if matches!(status, 401 | 403) {
                        refusals.entry(status).or_default().insert(body.to_string());
                        let challenge = &answer["headers"]["www-authenticate"];
                        ensure!((challenge == "Bearer") == (status == 401), "{answer}");
                    }
                    let sees_deployment = *name == "admin of all sites";
                    if kind == Kind::Status {
                        let members = serde_json::from_str::<Value>(body)?;
                        let members = members.as_object().map(serde_json::Map::len);
                        ensure!((members == Some(2)) != sees_deployment, "{name}: {body}");
                    }
                    if path == "/metrics/prometheus" && status == 200 {
                        let shows_totals = body.contains("minutebook_lines_total{");
                        ensure!(shows_totals == sees_deployment, "{name}: {body}");
                    }
                }
            }
        }
    }
    ensure!(calls == CALLS.len() * KEYS.len() * WAYS.len() * 2);
    // Nobody learns from a refusal which sites, keys or roles there are.
    for (status, bodies) in &refusals {
        ensure!(bodies.len() == 1, "{status}: {bodies:?}");
    }
    ensure!(refusals.keys().eq([&401, &403]), "{refusals:?}");
    Ok(())
}

async fn a_question_and_a_post_without_a_site_are_of_the_site_of_the_key(
    cloud: &Cloud,
) -> Result<()> {
    let store = store_with_keys(cloud, "keys-default-site").await?;
    let mut functions = Functions::start(&store).await?;
    let (of_a, _) = add(&store, &["shop.a", "--role", "admin"]).await?;
    let (of_b, _) = add(&store, &["shop.b", "--role", "admin"]).await?;
    for (key, site, views) in [(&of_a, "shop.a", 1), (&of_b, "shop.b", 0)] {
        for way in WAYS {
            let call = ("/items/7", "as_of=2026-11-20T08:30:00Z", "api", Kind::Question);
            let answer = functions.call(call, (way, Some(key)), "").await?;
            let answer: Value = serde_json::from_str(body_of(&answer))?;
            ensure!(answer["site_id"] == site && answer["views"] == views, "{way:?}: {answer}");
        }
    }
    // What is stored of a post is counted for the site of its key, whatever form it has.
    let without = VIEW.replace(r#","site_id":"shop.a""#, "");
    let body = format!("{without}\n{{\"schema\":1,\"payload\":{without}}}\n{VIEW}\n");
    let call = ("/events", "", "collect", Kind::Post);
    let answer = functions.call(call, (Way::Parameter, Some(&of_b)), &body).await?;
    let answer: Value = serde_json::from_str(body_of(&answer))?;
    let rejected = json!([{"line": 3, "reason": "invalid:site_id"}]);
    ensure!(answer["accepted"] == 2 && answer["rejected"] == rejected, "{answer}");
    let chunk = answer["chunk"].as_str().context("a chunk")?;
    let stored = store.clients.s3.get_object().bucket(&store.bucket).key(chunk).send().await?;
    let stored = stored.body.collect().await?.to_vec();
    let record = store.put("again.jsonl", stored).await?;
    let mut ingest = store.start_plain_ingest().await?;
    ensure!(ingest.invoke(sqs_event(&[vec![record]])).await?.is_clean());
    for (key, views) in [(&of_a, 1), (&of_b, 2)] {
        let call = ("/items/7", "as_of=2026-11-20T08:30:00Z", "api", Kind::Question);
        let answer = functions.call(call, (Way::Header, Some(key)), "").await?;
        let answer: Value = serde_json::from_str(body_of(&answer))?;
        ensure!(answer["views"] == views, "{answer}");
    }
    Ok(())
}

/// Asks for a share key.
async fn share_key(functions: &mut Functions, key: &str, query: &str) -> Result<String> {
    let call = ("/share_key", query, "api", Kind::Question);
    let answer = functions.call(call, (Way::Bearer, Some(key)), "").await?;
    ensure!(status_of(&answer) == 200, "{answer}");
    let answer: Value = serde_json::from_str(body_of(&answer))?;
    Ok(answer["key"].as_str().context("a key")?.to_string())
}

async fn a_share_key_reads_one_site_and_does_nothing_else(cloud: &Cloud) -> Result<()> {
    let store = store_with_keys(cloud, "keys-shared").await?;
    let mut functions = Functions::start(&store).await?;
    let (of_site, id) = add(&store, &["shop.a", "--role", "read"]).await?;
    let (of_all, _) = add(&store, &["--all-sites", "--role", "admin"]).await?;
    for parent in [&of_site, &of_all] {
        let shared = share_key(&mut functions, parent, "site_id=shop.a&expires_in=30d").await?;
        for call in CALLS {
            let (path, query, function, kind) = *call;
            for site in ["shop.a", "made-up"] {
                let (query, body) = (query.replace("SITE", site), VIEW.replace("shop.a", site));
                let expected = match kind {
                    // It makes no others.
                    Kind::Question if path == "/share_key" || site != "shop.a" => 403,
                    Kind::Question | Kind::Status | Kind::Open => 200,
                    Kind::Post | Kind::Make => 403,
                    Kind::Missing => 404,
                };
                for way in WAYS {
                    let call = (path, query.as_str(), function, kind);
                    let answer = functions.call(call, (way, Some(&shared)), &body).await?;
                    let status = status_of(&answer);
                    ensure!(status == expected, "{path} about {site}: {status}: {answer}");
                    ensure!(!answer.to_string().contains(&shared), "{answer}");
                }
            }
        }
        // Another site, and a longer life.
        let signed = shared.split('~').nth(1).context("an expiry")?;
        let later = signed.parse::<i64>()? + 1;
        for changed in [
            shared.replace("mbs_shop.a~", "mbs_shop.b~"),
            shared.replace(&format!("~{signed}~"), &format!("~{later}~")),
        ] {
            ensure!(changed != shared);
            let call = ("/stats", "", "api", Kind::Question);
            let answer = functions.call(call, (Way::Header, Some(&changed)), "").await?;
            ensure!(status_of(&answer) == 401, "{changed}: {answer}");
        }
    }
    // It ends with the key that it was made from.
    let shared = share_key(&mut functions, &of_site, "site_id=shop.a").await?;
    let output = run_keys(&store, &["revoke", &id]).await?;
    ensure!(output.status.success(), "{output:?}");
    let mut new = Functions::start(&store).await?;
    let call = ("/stats", "site_id=shop.a", "api", Kind::Question);
    let answer = new.call(call, (Way::Parameter, Some(&shared)), "").await?;
    ensure!(status_of(&answer) == 401, "{answer}");
    Ok(())
}

async fn a_key_works_at_once_and_a_revoked_one_in_no_new_process(cloud: &Cloud) -> Result<()> {
    let store = store_with_keys(cloud, "keys-revoked").await?;
    let mut functions = Functions::start(&store).await?;
    let call = ("/stats", "site_id=shop.a", "api", Kind::Question);
    for round in 0..3 {
        let (key, id) = add(&store, &["shop.a", "--role", "read"]).await?;
        let answer = functions.call(call, (Way::Bearer, Some(&key)), "").await?;
        ensure!(status_of(&answer) == 200, "round {round}: {answer}");
        let output = run_keys(&store, &["revoke", &id]).await?;
        ensure!(String::from_utf8_lossy(&output.stdout).contains(&id), "{output:?}");
        // A process that has not seen the key refuses it at once.
        let mut new = Functions::start(&store).await?;
        let answer = new.call(call, (Way::Bearer, Some(&key)), "").await?;
        ensure!(status_of(&answer) == 401, "round {round}: {answer}");
    }
    Ok(())
}

async fn a_table_that_is_away_refuses_nobody_for_good(cloud: &Cloud) -> Result<()> {
    let store = store_with_keys(cloud, "keys-away").await?;
    let (key, _) = add(&store, &["--all-sites", "--role", "admin"]).await?;
    let mut functions = Functions::start(&store).await?;
    store.delete_table().await?;
    for call in [
        ("/stats", "site_id=shop.a", "api", Kind::Question),
        ("/events", "", "collect", Kind::Post),
    ] {
        let answer = functions.call(call, (Way::Bearer, Some(&key)), VIEW).await?;
        let says_so = body_of(&answer).contains("could not be checked");
        ensure!(status_of(&answer) == 503 && says_so, "{answer}");
    }
    Ok(())
}

async fn the_command_makes_lists_and_revokes_keys(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "keys-command").await?;
    let label = ["--label", "the till\u{1b}[2J", "--expires", "2099-01-31"];
    let till = [&["add", "shop.a", "--role", "write", "--role", "read"][..], &label].concat();
    let till = run_keys_json(&store, &till).await?;
    let admin = run_keys_json(&store, &["add", "--all-sites", "--role", "admin"]).await?;
    let other = run_keys_json(&store, &["add", "shop.b", "--role", "read"]).await?;
    let ids = |listed: &Value| -> Vec<Value> {
        listed.as_array().into_iter().flatten().map(|key| key["id"].clone()).collect()
    };
    let listed = run_keys_json(&store, &["list"]).await?;
    ensure!(ids(&listed) == [&admin, &till, &other].map(|key| key["id"].clone()), "{listed}");
    ensure!(listed[1]["roles"] == json!(["read", "write"]), "{listed}");
    ensure!(listed[1]["expires_at"] == "2099-01-31T00:00:00Z", "{listed}");
    ensure!(listed[0]["site_id"] == "*" && listed[1]["site_id"] == "shop.a", "{listed}");
    ensure!(!listed.to_string().contains("mb_"), "a key is shown once only");
    let listed = run_keys_json(&store, &["list", "shop.a"]).await?;
    ensure!(ids(&listed) == [&admin, &till].map(|key| key["id"].clone()), "{listed}");
    let output = run_keys(&store, &["list"]).await?;
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(table.contains("read,write") && !table.contains('\u{1b}'), "{table}");
    // The table has hashes only, and `verify` knows their rows.
    let report = store.run_verify(&[]).await?;
    let report: Value = serde_json::from_slice(&report.stdout)?;
    ensure!(report["differences"] == 0, "{report}");

    let id = till["id"].as_str().context("an id")?;
    for (arguments, sentence) in [
        (&["revoke", "0123"][..], "not the id of a key"),
        (&["revoke", "keyring!"], "not the id of a key"),
        (&["revoke", &"0".repeat(16)], "0 keys have an id"),
        (&["add", "a b", "--role", "read"], "not a site id"),
        (&["add", "*", "--role", "read"], "--all-sites"),
        (&["add", "--role", "read"], "--all-sites"),
        (&["add", "shop.a"], "--role"),
        (&["add", "shop.a", "--role", "paint"], "admin, read, write"),
        (&["add", "shop.a", "--role", "read", "--expires", "soon"], "expected 30d, 12h"),
        (&["add", "shop.a", "--role", "read", "--expires", "2026-01-01"], "is over"),
    ] {
        let output = run_keys(&store, arguments).await?;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!output.status.success() && error.contains(sentence), "{arguments:?}: {error}");
    }
    let output = run_keys(&store, &["revoke", &id[..8].to_uppercase()]).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = run_keys_json(&store, &["list"]).await?;
    ensure!(ids(&listed) == [&admin, &other].map(|key| key["id"].clone()), "{listed}");
    Ok(())
}
