//! The whole path on the deployed stack: the real template, its queue, its roles and its URLs.
//!
//! The tests share one stack. Each has its own site and its own folder of keys.

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::QueueAttributeName;
use minutebook_local::Stack;
use minutebook_tests::clients::Clients;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use serde_json::{Value, json};

use crate::waiting::Patience;

crate::tests![
    a_file_in_the_bucket_becomes_an_exact_answer_at_a_url,
    twenty_copies_of_a_notification_in_the_queue,
    a_poison_message_ends_in_the_dead_letters,
    a_bad_parameter_is_a_problem_document,
    any_page_may_read_an_answer_and_a_wrong_method_is_405,
    a_preflight_is_answered_by_the_functions needs Permissions,
    nothing_counted_is_null_zero_and_an_empty_list,
    no_role_may_do_what_its_function_does_not_do needs Permissions,
    expired_rows_are_not_counted,
];

fn event(site: &str, kind: &str, item: u32, rest: &str) -> String {
    format!(
        "{{\"event\":\"{kind}\",\"timestamp\":\"2026-11-20T08:{:02}:00Z\",\"site_id\":\"{site}\",\"item_id\":{item}{rest}}}\n",
        item % 60
    )
}

/// Waits until the ledger has the chunk under `key`, and returns its part 0.
pub(crate) async fn until_counted(store: &Store, key: &str) -> Result<Value> {
    let patience = Patience::new();
    loop {
        if let Some(entry) = store.ledger().await?.into_iter().find(|entry| entry["key"] == key) {
            return Ok(entry);
        }
        patience.wait(|| format!("{key} is not counted")).await?;
    }
}

async fn a_file_in_the_bucket_becomes_an_exact_answer_at_a_url(cloud: &Cloud) -> Result<()> {
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let site = "whole-way";
    let mut text = String::new();
    for _ in 0..3 {
        text += &event(site, "page_visit", 7, "");
    }
    text += &event(site, "page_visit", 8, "");
    text += &event(site, "add_to_cart", 8, ",\"quantity\":5");
    text += &event(site, "add_to_cart", 9, "");
    text += &event(site, "add_to_cart", 9, "");
    text += &event(site, "purchase", 3, ",\"price\":0.1,\"quantity\":3");
    text += &event(site, "purchase", 3, ",\"price\":\"1299.70\"");
    text += &event(site, "purchase", 4, ",\"price\":5000,\"currency\":\"EUR\"");
    text += "not json\n";
    store.put("whole-way/a b+c.jsonl", text).await?;
    let entry = until_counted(&store, "whole-way/a b+c.jsonl").await?;
    ensure!(entry["lines"] == 11 && entry["counted"] == 10 && entry["rejected"] == 1, "{entry}");

    let question = format!("?site_id={site}&as_of=2026-11-20T08:59:59Z");
    let window =
        |from: &str| json!({"from": from, "to": "2026-11-20T09:00:00Z", "precision": "minute"});
    let (status, content_type, answer) = cloud.get(&format!("/most_viewed_item{question}")).await?;
    ensure!(
        status == 200 && content_type.starts_with("application/json"),
        "{status} {content_type}"
    );
    ensure!(
        answer
            == json!({
                "most_viewed_item": 7, "views": 3,
                "top": [{"item_id": 7, "views": 3}, {"item_id": 8, "views": 1}],
                "as_of": "2026-11-20T08:59:00Z", "window": window("2026-11-20T08:00:00Z"),
            }),
        "{answer}"
    );
    let (_, _, answer) = cloud.get(&format!("/top_item_added_to_cart{question}&limit=1")).await?;
    ensure!(
        answer
            == json!({
                "top_item_added_to_cart": 9, "adds_to_cart": 2, "top": [{"item_id": 9, "adds_to_cart": 2}],
                "as_of": "2026-11-20T08:59:00Z", "window": window("2026-11-19T09:00:00Z"),
            }),
        "{answer}"
    );
    let (_, _, answer) = cloud.get(&format!("/highest_grossing_item{question}")).await?;
    ensure!(
        answer["highest_grossing_item"] == 3
            && answer["total_sales"] == 1300.0
            && answer["currency"] == "USD",
        "{answer}"
    );
    let (_, _, answer) =
        cloud.get(&format!("/highest_grossing_item{question}&currency=eur")).await?;
    ensure!(
        answer["highest_grossing_item"] == 4
            && answer["total_sales"] == 5000.0
            && answer["currency"] == "EUR",
        "{answer}"
    );
    // The window ends before the only view of item 8.
    let (_, _, answer) = cloud
        .get(&format!("/most_viewed_item?site_id={site}&as_of=2026-11-20T08:07:00Z&window=1m"))
        .await?;
    ensure!(answer["views"] == 3 && answer["top"].as_array().map(Vec::len) == Some(1), "{answer}");
    ensure!(store.rejected("whole-way/a b+c.jsonl").await?[0]["reason"] == "not_json");
    Ok(())
}

async fn twenty_copies_of_a_notification_in_the_queue(cloud: &Cloud) -> Result<()> {
    let stack = cloud.stack().await?;
    let store = Store::of(&cloud.clients, stack);
    let text: String = (0..30).map(|item| event("copies", "page_visit", item, "")).collect();
    let record = store.put("copies/a.jsonl", text).await?;
    let body = json!({"Records": [record]}).to_string();
    for _ in 0..20 {
        cloud
            .clients
            .sqs
            .send_message()
            .queue_url(&stack.queue_url)
            .message_body(&body)
            .send()
            .await?;
    }
    until_counted(&store, "copies/a.jsonl").await?;
    until_queue_is_empty(cloud, stack).await?;
    let (_, _, answer) =
        cloud.get("/most_viewed_item?site_id=copies&as_of=2026-11-20T08:59:00Z&limit=100").await?;
    let top = answer["top"].as_array().context("a list")?;
    ensure!(top.len() == 30 && top.iter().all(|item| item["views"] == 1), "{answer}");
    Ok(())
}

pub(crate) async fn until_queue_is_empty(cloud: &Cloud, stack: &Stack) -> Result<()> {
    let patience = Patience::new();
    loop {
        let attributes = cloud
            .clients
            .sqs
            .get_queue_attributes()
            .queue_url(&stack.queue_url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .send()
            .await?;
        let left: u32 = attributes
            .attributes()
            .into_iter()
            .flatten()
            .filter_map(|(_, count)| count.parse::<u32>().ok())
            .sum();
        if left == 0 {
            return Ok(());
        }
        patience.wait(|| format!("{left} messages are in the queue")).await?;
    }
}

async fn a_poison_message_ends_in_the_dead_letters(cloud: &Cloud) -> Result<()> {
    let stack = cloud.stack().await?;
    // With the template's visibility timeout, five tries would take an hour.
    cloud
        .clients
        .sqs
        .set_queue_attributes()
        .queue_url(&stack.queue_url)
        .attributes(QueueAttributeName::VisibilityTimeout, "1")
        .send()
        .await?;
    cloud
        .clients
        .sqs
        .send_message()
        .queue_url(&stack.queue_url)
        .message_body("poison")
        .send()
        .await?;
    let patience = Patience::new();
    loop {
        let received = cloud
            .clients
            .sqs
            .receive_message()
            .queue_url(&stack.dead_letters_url)
            .visibility_timeout(0)
            .send()
            .await?;
        if received.messages().iter().any(|message| message.body() == Some("poison")) {
            return Ok(());
        }
        patience.wait(|| "the poison message is not among the dead letters".to_string()).await?;
    }
}

async fn a_bad_parameter_is_a_problem_document(cloud: &Cloud) -> Result<()> {
    for (call, name) in [
        ("/most_viewed_item?window=401d", "window"),
        ("/most_viewed_item?currency=USD", "currency"),
        ("/top_item_added_to_cart?limit=0", "limit"),
        ("/top_item_added_to_cart?as_of=now", "as_of"),
        ("/highest_grossing_item?site_id=a%20b", "site_id"),
        ("/highest_grossing_item?colour=red", "colour"),
    ] {
        let (status, content_type, problem) = cloud.get(call).await?;
        ensure!(
            status == 400 && content_type == "application/problem+json",
            "{call}: {status} {content_type}"
        );
        let sentence = problem["error"].as_str().context("a sentence")?;
        ensure!(
            sentence.contains(name) && problem["detail"] == sentence && problem["status"] == 400,
            "{call}: {problem}"
        );
    }
    Ok(())
}

async fn any_page_may_read_an_answer_and_a_wrong_method_is_405(cloud: &Cloud) -> Result<()> {
    let url = cloud.url("/most_viewed_item").await?;
    for (method, expected) in [("GET", 200), ("POST", 405)] {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(&url)
            .header("origin", "https://shop.example");
        let request = request.body(String::new())?;
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let response = tokio::task::spawn_blocking(move || agent.run(request)).await??;
        ensure!(response.status().as_u16() == expected, "{method}: {}", response.status());
        let allowed =
            response.headers().get("access-control-allow-origin").map(|origin| origin.as_bytes());
        ensure!(allowed == Some(b"*".as_slice()), "{method}: {allowed:?}");
    }
    Ok(())
}

/// The answer to a preflight: its status, and its headers about origins, methods and headers.
pub(crate) async fn preflight(url: String, origin: &str) -> Result<(u16, [String; 3])> {
    let request = ureq::http::Request::builder().method("OPTIONS").uri(url);
    let request = request.header("origin", origin).header("access-control-request-method", "GET");
    let request = request.body(String::new())?;
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let response = tokio::task::spawn_blocking(move || agent.run(request)).await??;
    let header = |name: &str| {
        let value = response.headers().get(format!("access-control-allow-{name}"));
        value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_string()
    };
    Ok((response.status().as_u16(), ["origin", "methods", "headers"].map(header)))
}

async fn a_preflight_is_answered_by_the_functions(cloud: &Cloud) -> Result<()> {
    for (path, methods, header) in [
        ("/most_viewed_item", "GET, HEAD, OPTIONS", "*, authorization"),
        ("/items/a%20b", "GET, HEAD, OPTIONS", "*, authorization"),
        ("/events", "POST, OPTIONS", "x-api-key"),
    ] {
        let answer = preflight(cloud.url(path).await?, "https://shop.example").await?;
        let (status, [origin, allowed, headers]) = &answer;
        ensure!(*status == 204 && origin == "*" && allowed == methods, "{path}: {answer:?}");
        ensure!(headers.contains(header), "{path}: {answer:?}");
    }
    Ok(())
}

async fn nothing_counted_is_null_zero_and_an_empty_list(cloud: &Cloud) -> Result<()> {
    for (call, item, value) in [
        ("/most_viewed_item", "most_viewed_item", "views"),
        ("/top_item_added_to_cart", "top_item_added_to_cart", "adds_to_cart"),
        ("/highest_grossing_item", "highest_grossing_item", "total_sales"),
    ] {
        let (status, _, answer) = cloud.get(&format!("{call}?site_id=nobody")).await?;
        ensure!(
            status == 200 && answer[item].is_null() && answer[value].as_f64() == Some(0.0),
            "{answer}"
        );
        ensure!(answer["top"] == json!([]) && answer["as_of"].is_string(), "{answer}");
    }
    Ok(())
}

async fn no_role_may_do_what_its_function_does_not_do(cloud: &Cloud) -> Result<()> {
    let stack = cloud.stack().await?;
    let key = |name: &str| AttributeValue::S(format!("permission-test-{name}"));
    let questions = ["most_viewed", "top_carted", "highest_grossing", "api"];
    for function in questions.into_iter().chain(["ingest", "rollup"]) {
        let counts = matches!(function, "ingest" | "rollup");
        let role = cloud.as_role_of(function).await?;
        let table = &stack.table;
        let query = role
            .dynamodb
            .query()
            .table_name(table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", key(function));
        query.send().await.with_context(|| format!("{function} may query"))?;
        let get = role.dynamodb.get_item().table_name(table).key("sk", key("a"));
        let get = get.key("pk", AttributeValue::S("KEYS#a".to_string()));
        get.send().await.with_context(|| format!("{function} may look a key up"))?;
        let put = role
            .dynamodb
            .put_item()
            .table_name(table)
            .item("pk", key(function))
            .item("sk", key("a"))
            .send()
            .await;
        if counts {
            put.with_context(|| format!("{function} may put"))?;
        } else {
            refused(put, function, "PutItem")?;
            let update = role
                .dynamodb
                .update_item()
                .table_name(table)
                .key("pk", key(function))
                .key("sk", key("a"));
            refused(update.send().await, function, "UpdateItem")?;
        }
        let delete = role
            .dynamodb
            .delete_item()
            .table_name(table)
            .key("pk", key(function))
            .key("sk", key("a"));
        // In batches rollup may delete seals and open hours: a condition, which the emulator ignores.
        refused(delete.send().await, function, "DeleteItem")?;
        refused(role.dynamodb.scan().table_name(table).send().await, function, "Scan")?;
        let body = ByteStream::from_static(b"x");
        refused(
            role.s3.put_object().bucket(&stack.bucket).key("x").body(body).send().await,
            function,
            "PutObject",
        )?;
        refused(
            role.s3.delete_object().bucket(&stack.bucket).key("x").send().await,
            function,
            "DeleteObject",
        )?;
        // `verify` does not know this row.
        let delete = cloud.clients.dynamodb.delete_item().table_name(table);
        delete.key("pk", key(function)).key("sk", key("a")).send().await?;
    }
    collect_may_put_its_chunks_and_no_more(cloud, stack).await
}

async fn collect_may_put_its_chunks_and_no_more(cloud: &Cloud, stack: &Stack) -> Result<()> {
    let function = "collect";
    let Clients { s3, dynamodb, .. } = cloud.as_role_of(function).await?;
    let put = |key: &str| {
        s3.put_object().bucket(&stack.bucket).key(key).body(ByteStream::from_static(b"\n")).send()
    };
    put("collected/keyed/permission-test").await.context("collect may put")?;
    let head =
        s3.head_object().bucket(&stack.bucket).key("collected/keyed/permission-test").send().await;
    head.context("collect may look at a repeated post")?;
    put("collected/permission-test").await.context("collect may put")?;
    for key in ["permission-test", "collect", "elsewhere/collected/permission-test"] {
        refused(put(key).await, function, "PutObject")?;
    }
    let get = s3.get_object().bucket(&stack.bucket).key("collected/permission-test").send();
    refused(get.await, function, "GetObject")?;
    let delete = s3.delete_object().bucket(&stack.bucket).key("collected/permission-test").send();
    refused(delete.await, function, "DeleteObject")?;
    refused(s3.list_objects_v2().bucket(&stack.bucket).send().await, function, "ListBucket")?;
    let elsewhere = s3
        .put_object()
        .bucket(&stack.rejected_bucket)
        .key("collected/x")
        .body(ByteStream::from_static(b"\n"));
    refused(elsewhere.send().await, function, "PutObject of rejected lines")?;
    let key = || AttributeValue::S("permission-test".to_string());
    let table = &stack.table;
    let get = dynamodb
        .get_item()
        .table_name(table)
        .key("pk", AttributeValue::S("KEYS#a".to_string()))
        .key("sk", key());
    get.send().await.context("collect may look a key up")?;
    refused(
        dynamodb.put_item().table_name(table).item("pk", key()).item("sk", key()).send().await,
        function,
        "PutItem",
    )?;
    // It may query the settings of sites only: a condition, which the emulator ignores.
    let settings = AttributeValue::S("SETTINGS".to_string());
    let query = dynamodb.query().table_name(table).key_condition_expression("pk = :pk");
    let query = query.expression_attribute_values(":pk", settings).send();
    query.await.context("collect may read what sites set")?;
    let store = Store::of(&cloud.clients, stack);
    for key in ["collected/keyed/permission-test", "collected/permission-test"] {
        until_counted(&store, key).await?;
    }
    Ok(())
}

pub(crate) fn refused<T, E>(
    answer: Result<T, aws_sdk_dynamodb::error::SdkError<E>>,
    function: &str,
    call: &str,
) -> Result<()>
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    use aws_sdk_dynamodb::error::ProvideErrorMetadata;
    match answer {
        Ok(_) => bail!("the role of {function} was allowed to {call}"),
        Err(error) => {
            let code = error.code().unwrap_or_default().to_string();
            ensure!(
                code.starts_with("AccessDenied"),
                "{call} as {function} failed with {code:?}, not for lack of permission"
            );
            Ok(())
        }
    }
}

async fn expired_rows_are_not_counted(cloud: &Cloud) -> Result<()> {
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs())?;
    // A window that begins and ends within hours is summed from minute rows, and a window of a
    // whole hour from the rows of that hour.
    for (partition, prefix, as_of) in [
        ("T#expired#2026-11-20T08", "views#07#00#", "2026-11-20T08:30:00Z"),
        ("T#expired#2026-11-20", "views#08#", "2026-11-20T08:59:00Z"),
    ] {
        for (slot, time_to_live) in [("000", now - 60), ("001", now + 3_600)] {
            store
                .clients
                .dynamodb
                .put_item()
                .table_name(&store.table)
                .item("pk", AttributeValue::S(partition.to_string()))
                .item("sk", AttributeValue::S(format!("{prefix}{slot}")))
                .item("i#7", AttributeValue::N("5".to_string()))
                .item("ttl", AttributeValue::N(time_to_live.to_string()))
                .send()
                .await?;
        }
        let (_, _, answer) =
            cloud.get(&format!("/most_viewed_item?site_id=expired&as_of={as_of}")).await?;
        ensure!(
            answer["views"] == 5,
            "{partition}: only the row that has not expired counts: {answer}"
        );
        for slot in ["000", "001"] {
            store.delete_row(partition, &format!("{prefix}{slot}")).await?;
        }
    }
    Ok(())
}
