//! What one viewer sees.

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use serde_json::json;

use super::*;
use crate::deployed::refused;
use crate::push::socket::Socket;

crate::tests![
    a_viewer_is_sent_what_a_commit_has_changed,
    junk_is_answered_by_a_sentence_and_closed,
    wrong_questions_are_refused,
    a_push_that_fails_or_cannot_read_its_batch_leaves_nobody_behind,
    live_and_push_may_list_connections_and_no_more needs Permissions,
];

async fn a_viewer_is_sent_what_a_commit_has_changed(cloud: &Cloud) -> Result<()> {
    let _push = PUSH.lock().await;
    let store = Store::of(&cloud.clients, cloud.stack().await?);
    let (site, query) = ("push-one", "site_id=push-one&window=1h&limit=3");
    let (_, _, overview) = cloud.get(&format!("/overview?site_id={site}")).await?;
    let url = cloud.stack().await?.live_url.as_deref();
    ensure!(overview["live_url"].as_str() == url && url.is_some(), "{overview}");

    let mut viewer = Socket::open(&live_url(cloud, query).await?).await?;
    let first = viewer.get().await?;
    ensure!(first["type"] == "realtime" && first["site_id"] == site, "{first}");
    ensure!(first["answer"]["recent_orders"] == json!([]), "{first}");
    equals_the_asked_one(cloud, query, &first["answer"]).await?;

    let computed = |message: &Value| message["computed_at"].as_str().unwrap_or("").to_string();
    let mut last_computed = computed(&first);
    for number in 1..=3 {
        let (order, key) = (format!("o{number}"), format!("push-one/{number}.jsonl"));
        let committed = count(&store, &key, purchase(site, &order, 10)?).await?;
        loop {
            let mut message = viewer.message().await?;
            if message["type"] == "changed" {
                // The machine is too busy to answer in time.
                let told = message["committed_at"].clone();
                message = viewer.get().await?;
                message["committed_at"] = told;
            }
            let computed = computed(&message);
            ensure!(computed >= last_computed, "{message} after {last_computed}");
            last_computed = computed;
            let orders = message["answer"]["recent_orders"].as_array().context("orders")?;
            let told: DateTime<Utc> =
                message["committed_at"].as_str().context("a commit")?.parse()?;
            if told >= committed {
                // One that was computed during the commit may have the order and not yet its money.
                ensure!(orders.len() == number, "{order} is missing from {message}");
                equals_the_asked_one(cloud, query, &message["answer"]).await?;
                break;
            }
        }
    }
    // Nobody else's numbers come.
    let mut other = Socket::open(&live_url(cloud, "site_id=push-none").await?).await?;
    other.get().await?;
    count(&store, "push-one/4.jsonl", purchase(site, "o4", 10)?).await?;
    viewer.message().await?;
    let answer = other.get().await?;
    ensure!(answer["site_id"] == "push-none" && answer["committed_at"].is_null(), "{answer}");
    Ok(())
}

async fn junk_is_answered_by_a_sentence_and_closed(cloud: &Cloud) -> Result<()> {
    for junk in ["", "junk", "{}", "[1]", r#"{"action":"$connect"}"#, r#"{"action":"stop"}"#] {
        let mut viewer = Socket::open(&live_url(cloud, "site_id=push-junk").await?).await?;
        viewer.send(junk).await?;
        let message = viewer.message().await?;
        let detail = message["detail"].as_str().unwrap_or_default();
        ensure!(message["type"] == "error" && detail.contains("expected"), "{junk}: {message}");
        ensure!(viewer.next().await?.is_none(), "{junk} is not closed");
    }
    // A ping is no junk, and has no answer.
    let mut viewer = Socket::open(&live_url(cloud, "site_id=push-junk").await?).await?;
    viewer.send(r#"{"action":"ping"}"#).await?;
    ensure!(viewer.get().await?["type"] == "realtime");
    Ok(())
}

async fn wrong_questions_are_refused(cloud: &Cloud) -> Result<()> {
    for query in ["window=2d", "as_of=2026-11-20T08:00:00Z", "limit=0", "colour=red"] {
        let status = Socket::refused(&live_url(cloud, query).await?).await?;
        ensure!(status == 403, "{query}: {status}");
    }
    Ok(())
}

async fn a_push_that_fails_or_cannot_read_its_batch_leaves_nobody_behind(
    cloud: &Cloud,
) -> Result<()> {
    let _push = PUSH.lock().await;
    let stack = cloud.stack().await?;
    let store = Store::of(&cloud.clients, stack);
    let query = "site_id=push-fails&limit=5";
    let mut viewer = Socket::open(&live_url(cloud, query).await?).await?;
    viewer.get().await?;
    // What cannot be read must not come again, for it would keep newer records waiting.
    for poison in [json!({"Records": [{"dynamodb": {"NewImage": 7}}]}), json!([]), json!(null)] {
        ensure!(cloud.invoke("push", &poison).await?.is_null(), "{poison}");
    }

    let name = stack.functions.get("push").context("there is no push")?;
    let whole = cloud.function_environment(name).await?;
    let mut broken = whole.clone();
    broken["MINUTEBOOK_LIVE_ENDPOINT"] = json!("nowhere");
    cloud.set_function_environment(name, &broken).await?;
    let missed = count(&store, "push-fails/1.jsonl", purchase("push-fails", "o1", 10)?).await;
    cloud.set_function_environment(name, &whole).await?;
    let missed = missed?;
    let committed = count(&store, "push-fails/2.jsonl", purchase("push-fails", "o2", 10)?).await?;
    let since = now()?;
    loop {
        let message = viewer.message().await?;
        let Some(told) = message["committed_at"].as_str() else {
            bail!("{message} is no push");
        };
        if told.parse::<DateTime<Utc>>()? >= committed {
            let orders = message["answer"]["recent_orders"].as_array().map(Vec::len);
            ensure!(orders == Some(2) && missed <= committed, "{message}");
            break;
        }
    }
    println!("a push that failed was made up for {} ms later", (now()? - since).num_milliseconds());
    Ok(())
}

async fn live_and_push_may_list_connections_and_no_more(cloud: &Cloud) -> Result<()> {
    let stack = cloud.stack().await?;
    let table = &stack.table;
    for function in ["live", "push"] {
        let role = cloud.as_role_of(function).await?;
        let key = |text: &str| AttributeValue::S(text.to_string());
        let query = role.dynamodb.query().table_name(table).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", key("LIVE#0")).send().await;
        query.with_context(|| format!("{function} may list connections"))?;
        let delete = DeleteRequest::builder().key("pk", key("C#permission-test"));
        let delete = delete.key("sk", key("connection")).build()?;
        let delete = WriteRequest::builder().delete_request(delete).build();
        let batch = role.dynamodb.batch_write_item().request_items(table, vec![delete]);
        batch.send().await.with_context(|| format!("{function} may remove connections"))?;
        let put = role.dynamodb.put_item().table_name(table);
        let put = put.item("pk", key("C#permission-test")).item("sk", key("connection"));
        refused(put.send().await, function, "PutItem")?;
        let update = role.dynamodb.update_item().table_name(table);
        let update = update.key("pk", key("T#shop#2026")).key("sk", key("a"));
        refused(update.send().await, function, "UpdateItem")?;
        refused(role.dynamodb.scan().table_name(table).send().await, function, "Scan")?;
        let get = role.s3.get_object().bucket(&stack.bucket).key("x").send().await;
        refused(get, function, "GetObject")?;
        let send = role.sqs.send_message().queue_url(&stack.queue_url).message_body("x");
        refused(send.send().await, function, "SendMessage")?;
    }
    Ok(())
}
