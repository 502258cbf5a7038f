//! Which pages may make calls that need a key (CORS).

use anyhow::{Context, Result, bail, ensure};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{ORIGIN, Store};
use minutebook_tests::worker::Invocation;
use serde_json::{Value, json};

use crate::calls::access::keys::{VIEW, run_keys_json, store_with_keys};
use crate::calls::asking::http_event;

crate::tests![
    pages_of_allowed_origins_may_make_calls_that_need_a_key,
    pages_that_a_site_allows_may_make_calls_about_it,
];

async fn pages_of_allowed_origins_may_make_calls_that_need_a_key(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "keys-origins").await?;
    for requires_keys in [true, false] {
        let store = Store { requires_keys, ..store.clone() };
        let mut worker = store.start_query("api", &store.clients.endpoint_url).await?;
        for (method, path, needs_key) in [
            ("GET", "/stats", true),
            ("OPTIONS", "/stats", true),
            ("OPTIONS", "/items/7", true),
            ("GET", "/openapi.json", false),
            ("OPTIONS", "/openapi.json", false),
            ("GET", "/nothing", false),
        ] {
            for origin in [ORIGIN, "https://other.example"] {
                let mut event = http_event(method, "site_id=shop.a")?;
                event["rawPath"] = json!(path);
                event["headers"] = json!({"origin": origin});
                let Invocation::Answered(answer) = worker.invoke(event).await? else {
                    bail!("{method} {path} was not answered");
                };
                let allowed = &answer["headers"]["access-control-allow-origin"];
                let expected = match (requires_keys && needs_key, origin) {
                    (false, _) => json!("*"),
                    (true, ORIGIN) => json!(ORIGIN),
                    (true, _) => Value::Null,
                };
                ensure!(*allowed == expected, "{method} {path} from {origin}: {answer}");
                ensure!(method != "OPTIONS" || answer["statusCode"] == 204, "{answer}");
            }
        }
    }
    Ok(())
}

async fn pages_that_a_site_allows_may_make_calls_about_it(cloud: &Cloud) -> Result<()> {
    let store = store_with_keys(cloud, "keys-site-origins").await?;
    let set = ["set", "shop.a", "--allowed-origin", "https://a.example"];
    let output = store.run_command("sites", &set).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key_of = async |arguments: &[&str]| -> Result<String> {
        let key = run_keys_json(&store, &[&["add"], arguments].concat()).await?;
        Ok(key["key"].as_str().context("a key")?.to_string())
    };
    let own = key_of(&["shop.a", "--role", "read", "--role", "write"]).await?;
    let other = key_of(&["shop.b", "--role", "read", "--role", "write"]).await?;
    let all = key_of(&["--all-sites", "--role", "read"]).await?;
    let endpoint = &store.clients.endpoint_url;
    let mut api = store.start_query("api", endpoint).await?;
    let mut collect = store.start_collect(endpoint).await?;
    let (view, view_of_b) = (VIEW.to_string(), VIEW.replace("shop.a", "shop.b"));
    for (method, path, query, body, key, status, may_read) in [
        ("OPTIONS", "/stats", "", "", None, 204, true),
        ("OPTIONS", "/stats", "site_id=shop.b", "", None, 204, true),
        ("OPTIONS", "/events", "", "", None, 204, true),
        ("GET", "/stats", "site_id=shop.a", "", Some(&own), 200, true),
        ("GET", "/stats", "", "", Some(&own), 200, true),
        ("GET", "/stats", "site_id=shop.a", "", Some(&all), 200, true),
        ("GET", "/stats", "site_id=shop.b", "", Some(&all), 200, false),
        ("GET", "/stats", "", "", Some(&other), 200, false),
        // A refusal does not tell whose pages the site allows.
        ("GET", "/stats", "site_id=shop.a", "", None, 401, true),
        ("GET", "/stats", "site_id=shop.b", "", None, 401, true),
        ("GET", "/stats", "site_id=shop.a", "", Some(&other), 403, true),
        ("POST", "/events", "", &view, Some(&own), 202, true),
        ("POST", "/events", "", &view_of_b, Some(&other), 202, false),
    ] {
        for (origin, may_read) in [("https://a.example", may_read), ("https://b.example", false)] {
            let mut event = http_event(method, query)?;
            event["rawPath"] = json!(path);
            event["headers"] = json!({"origin": origin, "content-type": "application/x-ndjson"});
            if let Some(key) = key {
                event["headers"]["x-api-key"] = json!(key);
            }
            event["body"] = json!(body);
            let worker = if path == "/events" { &mut collect } else { &mut api };
            let Invocation::Answered(answer) = worker.invoke(event).await? else {
                bail!("{method} {path} was not answered");
            };
            let allowed = &answer["headers"]["access-control-allow-origin"];
            let expected = if may_read { json!(origin) } else { Value::Null };
            ensure!(
                answer["statusCode"] == status && *allowed == expected,
                "{method} {path}?{query} from {origin}: {answer}"
            );
        }
    }
    Ok(())
}
