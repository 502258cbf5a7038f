//! Requests that no call accepts, on the deployed stack: unknown paths, wrong methods, and sizes
//! beyond the limits.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use minutebook_api::routes::{Purpose, ROUTES};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use serde_json::Value;

use crate::deployed::{refused, until_counted};

crate::tests![
    an_unknown_path_is_404,
    a_wrong_method_is_405_and_says_which_are_right,
    a_head_is_answered_like_a_get_without_its_body,
    api_may_read_orders_and_no_object needs Permissions,
    a_bound_that_is_passed_is_400_and_is_said,
    the_first_and_the_last_times_are_answered_or_400,
    the_description_names_every_call,
    random_events_are_counted,
];

/// Requests with a parameter out of bounds, and what their answers say about the bounds. Each call
/// has its own bounds.
const PASSED_BOUNDS: &[(&str, &str)] = &[
    ("/most_viewed_item?window=401d", "from 1m to 400d"),
    ("/most_viewed_item?window=0m", "from 1m to 400d"),
    ("/most_viewed_item?limit=101", "from 1 to 100"),
    ("/top_item_added_to_cart?window=576001m", "from 1m to 400d"),
    ("/top_item_added_to_cart?limit=0", "from 1 to 100"),
    ("/highest_grossing_item?window=9601h", "from 1m to 400d"),
    ("/highest_grossing_item?limit=1000", "from 1 to 100"),
    ("/history?measure=views&limit=101", "from 0 to 100"),
    ("/history?measure=views&granularity=hour&from=2026-01-01&to=2026-11-20", "1000 hours"),
    ("/items/7?window=401d", "from 1m to 400d"),
    ("/stats?site_id=a&limit=101", "from 1 to 100"),
    ("/stats?site_id=a&limit=0", "from 1 to 100"),
    ("/stats?site_id=a&date=1969-12-31", "from 1970-01-01"),
    ("/metrics?users_window=25h", "from 1m to 24h"),
    ("/metrics?views_window=0m", "from 1m to 24h"),
    ("/metrics?limit=101", "from 1 to 100"),
    ("/metrics/prometheus?users_window=1441m", "from 1m to 24h"),
    ("/metrics/orders?window=8d", "from 1m to 7d"),
    ("/metrics/realtime?window=25h", "from 1m to 1d"),
    ("/metrics/realtime?limit=101", "from 1 to 100"),
    ("/metrics/revenue/hourly?window=169h", "from 1m to 7d"),
    ("/metrics/products/top?window=401d", "from 1m to 400d"),
    ("/metrics/products/top?limit=0", "from 1 to 100"),
    ("/generate_random_events?count=10001", "from 1 to 10000"),
    ("/generate_random_events?count=0", "from 1 to 10000"),
];

/// The parts of an answer that these tests check.
struct Answer {
    status: u16,
    content_type: String,
    allow: Option<String>,
    body: String,
}

async fn send(cloud: &Cloud, method: &str, path: &str) -> Result<Answer> {
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(cloud.url(path).await?)
        .body(String::new())?;
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build()
        .into();
    let mut response = tokio::task::spawn_blocking(move || agent.run(request)).await??;
    let header =
        |name| Some(response.headers().get(name)?.to_str().unwrap_or_default().to_string());
    ensure!(header("x-content-type-options").as_deref() == Some("nosniff"), "{method} {path}");
    let (content_type, allow) = (header("content-type").unwrap_or_default(), header("allow"));
    Ok(Answer {
        status: response.status().as_u16(),
        content_type,
        allow,
        body: response.body_mut().read_to_string()?,
    })
}

/// Checks that an answer is a problem document, and returns its message.
fn problem(call: &str, answer: &Answer, status: u16) -> Result<String> {
    let Answer { content_type, body, .. } = answer;
    ensure!(
        answer.status == status && content_type == "application/problem+json",
        "{call}: {} {body}",
        answer.status
    );
    let problem: Value = serde_json::from_str(body).with_context(|| format!("{call}: {body}"))?;
    ensure!(
        problem["status"] == status && problem["detail"] == problem["error"],
        "{call}: {problem}"
    );
    Ok(problem["error"].as_str().with_context(|| format!("{call}: {problem}"))?.to_string())
}

async fn an_unknown_path_is_404(cloud: &Cloud) -> Result<()> {
    for path in ["/index.html", "/nothing", "/most_viewed_item/7", "/items", "/a%20b?c=d"] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = send(cloud, method, path).await?;
            let sentence = problem(path, &answer, 404)?;
            ensure!(
                sentence.contains("is no path of this API")
                    && sentence.contains("/most_viewed_item"),
                "{sentence}"
            );
        }
    }
    Ok(())
}

async fn a_wrong_method_is_405_and_says_which_are_right(cloud: &Cloud) -> Result<()> {
    for route in ROUTES {
        let path = route.path.replace("{item_id}", "7");
        let (allowed, wrong) = match route.purpose {
            Purpose::Question | Purpose::File => ("GET, HEAD, OPTIONS", ["POST", "PUT", "DELETE"]),
            Purpose::Post => ("POST, OPTIONS", ["GET", "PUT", "DELETE"]),
        };
        for method in wrong {
            let answer = send(cloud, method, &path).await?;
            let sentence = problem(&path, &answer, 405)?;
            ensure!(
                sentence.starts_with(&format!("{method} is not a method of this call")),
                "{path}: {sentence}"
            );
            ensure!(answer.allow.as_deref() == Some(allowed), "{path}: {:?}", answer.allow);
        }
    }
    Ok(())
}

async fn a_head_is_answered_like_a_get_without_its_body(cloud: &Cloud) -> Result<()> {
    for (path, status) in [
        ("/most_viewed_item", 200),
        ("/history?measure=x", 400),
        ("/nothing", 404),
        ("/events", 405),
    ] {
        let (head, get) = (send(cloud, "HEAD", path).await?, send(cloud, "GET", path).await?);
        ensure!(
            head.status == status && get.status == status,
            "{path}: {} {}",
            head.status,
            get.status
        );
        ensure!(head.content_type == get.content_type, "{path}: {}", head.content_type);
        ensure!(head.body.is_empty() && !get.body.is_empty(), "{path}: {}", head.body);
    }
    Ok(())
}

async fn api_may_read_orders_and_no_object(cloud: &Cloud) -> Result<()> {
    let (function, stack) = ("api", cloud.stack().await?);
    let role = cloud.as_role_of(function).await?;
    let key = || AttributeValue::S("O#permission-test".to_string());
    let keys = KeysAndAttributes::builder()
        .keys(HashMap::from([("pk".to_string(), key()), ("sk".to_string(), key())]))
        .build()?;
    let get = role.dynamodb.batch_get_item().request_items(&stack.table, keys);
    get.send().await.context("api may read orders")?;
    let put = role.dynamodb.put_item().table_name(&stack.table).item("pk", key()).item("sk", key());
    refused(put.send().await, function, "PutItem")?;
    refused(role.s3.list_objects_v2().bucket(&stack.bucket).send().await, function, "ListBucket")?;
    refused(role.s3.get_object().bucket(&stack.bucket).key("x").send().await, function, "GetObject")
}

async fn a_bound_that_is_passed_is_400_and_is_said(cloud: &Cloud) -> Result<()> {
    for (call, bound) in PASSED_BOUNDS {
        let answer = send(cloud, "GET", call).await?;
        let sentence = problem(call, &answer, 400)?;
        ensure!(sentence.contains(bound), "{call}: {sentence}");
    }
    Ok(())
}

/// Calls with a time parameter, up to its value.
const TIMES: &[&str] = &[
    "/most_viewed_item?window=400d&as_of=",
    "/top_item_added_to_cart?as_of=",
    "/highest_grossing_item?window=1m&as_of=",
    "/history?measure=views&from=",
    "/history?measure=views&tz=Pacific/Kiritimati&to=",
    "/history?measure=views&tz=Etc/GMT%2B12&granularity=hour&to=",
    "/history?measure=sales&granularity=week&to=",
    "/history?measure=units&granularity=month&from=1970-01-01&to=",
    "/items/7?window=400d&as_of=",
    "/stats?site_id=times&date=",
    "/stats?site_id=times&from=",
    "/stats?site_id=times&to=",
    "/metrics/orders?window=7d&as_of=",
    "/metrics/realtime?window=1d&as_of=",
    "/metrics/revenue/hourly?window=7d&as_of=",
    "/metrics/products/top?window=400d&as_of=",
];

async fn the_first_and_the_last_times_are_answered_or_400(cloud: &Cloud) -> Result<()> {
    for start in TIMES {
        for time in [
            "0000-01-01T00:00:00Z",
            "0000-01-01",
            "-262143-01-01",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00Z",
            "1970-01-01",
            "9999-12-30",
            "9999-12-31",
            "9999-12-31T00:00:00-14:00",
            "9999-12-31T23:57:30Z",
            "9999-12-31T23:58:59Z",
            "9999-12-31T23:59:00Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:60Z",
            "9999-12-31T23:59:59-23:59",
            "%2B10000-01-01",
            "%2B262142-12-31",
        ] {
            let call = format!("{start}{time}");
            let answer = send(cloud, "GET", &call).await?;
            if answer.status == 400 {
                problem(&call, &answer, 400)?;
            } else {
                ensure!(answer.status == 200, "{call}: {} {}", answer.status, answer.body);
                // Years in RFC 3339 have four digits.
                ensure!(!answer.body.contains("\"+1"), "{call}: {}", answer.body);
            }
        }
    }
    Ok(())
}

async fn the_description_names_every_call(cloud: &Cloud) -> Result<()> {
    let (status, content_type, document) = cloud.get("/openapi.json").await?;
    ensure!(status == 200 && content_type == "application/json", "{status} {content_type}");
    let paths = document["paths"].as_object().context("paths")?;
    let calls = ROUTES.iter().filter(|route| route.purpose != Purpose::File);
    let listed: Vec<&str> = calls.map(|route| route.path).collect();
    ensure!(
        paths.len() == listed.len() && listed.iter().all(|path| paths.contains_key(*path)),
        "{paths:?}"
    );
    ensure!(
        document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")),
        "{document}"
    );
    Ok(())
}

async fn random_events_are_counted(cloud: &Cloud) -> Result<()> {
    let (status, _, answer) = cloud.get("/generate_random_events?count=200").await?;
    ensure!(
        status == 200 && answer["message"] == "Random event generated and appended to file",
        "{status} {answer}"
    );
    ensure!(answer["events"] == 200, "{answer}");
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let entry = until_counted(&store, answer["chunk"].as_str().context("a chunk")?).await?;
    ensure!(entry["lines"] == 200 && entry["counted"] == 200 && entry["rejected"] == 0, "{entry}");
    Ok(())
}
