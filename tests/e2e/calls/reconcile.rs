//! `/reconcile`: the money of items is that of orders and of what is of no order, whatever comes and
//! in whatever order; what something else did to the table is told.

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_tests::cloud::Cloud;
use minutebook_tests::random::Random;
use minutebook_tests::store::Store;
use minutebook_tests::worker::Worker;
use serde_json::{Value, json};

use crate::calls::asking::ask;
use crate::counting::chunks::{count, verified};
use crate::counting::orders::{put, shuffled};

crate::tests![
    money_of_items_is_that_of_orders_and_of_no_order,
    what_changed_the_table_otherwise_is_a_difference,
];

const DAY: &str = "site_id=shop&from=2026-11-18&to=2026-11-20";

/// What a shop sold and gave back, in cents.
#[derive(Default)]
struct Sent {
    lines: Vec<String>,
    /// The value of orders with purchases, by day, and what was given back of them.
    orders: [[i64; 2]; 2],
    /// Purchases and refunds that name no order.
    without_order: [[i64; 2]; 2],
    /// The value of orders that only events about orders tell.
    without_lines: i64,
}

/// Orders of the first day, of which some are refunded on the second, beside events without an
/// order. Many events come twice.
fn shop() -> Sent {
    let mut random = Random::of(&[7]);
    let mut sent = Sent::default();
    let send = |kind: &str, day: u64, minute: u64, members: &str| {
        let (hour, minute) = (minute / 60, minute % 60);
        format!(
            "{{\"event\":\"{kind}\",\"ts\":\"2026-11-{day}T{hour:02}:{minute:02}:00Z\",\"site_id\":\"shop\",{members}}}\n"
        )
    };
    for order in 0..60_u64 {
        let (minute, cents) = (random.below(1_440), 100 + random.below(9_000));
        let price = format!("{}.{:02}", cents / 100, cents % 100);
        let items = format!(
            r#""order_id":"o{order}","items":[{{"sku":"i{}","price":{price}}},{{"sku":"j","price":3,"quantity":2}}]"#,
            order % 7
        );
        let value = i64::try_from(cents).unwrap_or_default() + 600;
        sent.orders[0][0] += value;
        let bought = send("purchase", 18, minute, &items);
        sent.lines.extend([bought.clone(), bought]);
        // Whole, by item, and more than was paid.
        let refund = match order % 6 {
            0 => Some(("", value)),
            1 => Some((r#","sku":"j","price":2"#, 200)),
            2 => Some((r#","total_amount":1000000"#, value)),
            _ => None,
        };
        if let Some((members, cents)) = refund {
            sent.orders[1][1] += cents;
            let refund = send("refund", 19, minute, &format!(r#""order_id":"o{order}"{members}"#));
            sent.lines.extend([refund.clone(), refund]);
        }
        let plain = send("purchase", 18, minute, &format!(r#""sku":"i{}","price":4.5"#, order % 5));
        sent.without_order[0][0] += 450;
        sent.lines.push(plain);
        if order % 10 == 0 {
            sent.without_order[1][1] += 125;
            sent.lines.push(send("refund", 19, minute, r#""sku":"i1","price":1.25"#));
            sent.without_lines += 5_000;
            let members = format!(r#""order_id":"e{order}","total_amount":50"#);
            sent.lines.push(send("OrderCreatedEvent", 18, minute, &members));
        }
    }
    sent
}

fn cents(number: &Value) -> Result<i64> {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "00"));
    let cents: i64 = format!("{whole}{:0<2}", fraction).parse().with_context(|| text.clone())?;
    Ok(cents)
}

async fn reconciliation(api: &mut Worker, query: &str) -> Result<Value> {
    let (status, answer) = ask(api, "/reconcile", query).await?;
    ensure!(status == 200, "{query}: {status} {answer}");
    Ok(answer)
}

async fn money_of_items_is_that_of_orders_and_of_no_order(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "reconcile").await?;
    let sent = shop();
    let mut worker = store.start_plain_ingest().await?;
    let mut api = store.start_query("api", &store.clients.endpoint_url).await?;
    let nothing = reconciliation(&mut api, DAY).await?;
    ensure!(nothing["reconciles"] == true && nothing["proof"].is_null(), "{nothing}");
    let files = put(&store, &shuffled(sent.lines.clone(), 3), 9, "file").await?;
    for file in &files {
        count(&mut worker, std::slice::from_ref(file)).await?;
        // After each file, whatever it told.
        let answer = reconciliation(&mut api, DAY).await?;
        ensure!(answer["reconciles"] == true, "{answer}");
    }
    verified(&store, sent.lines.len()).await?;
    let answer = reconciliation(&mut api, DAY).await?;
    ensure!(answer["proof"]["differences"] == 0, "{answer}");
    for (day, period) in answer["periods"].as_array().context("a list")?.iter().enumerate() {
        let none = json!({"gross": 0.0, "refunds": 0.0});
        ensure!(period["difference"] == none, "{period}");
        for (name, [gross, refunds]) in
            [("orders", sent.orders[day]), ("without_order", sent.without_order[day])]
        {
            let money = &period[name];
            ensure!(cents(&money["gross"])? == gross, "{name} {gross}: {period}");
            ensure!(cents(&money["refunds"])? == refunds, "{name} {refunds}: {period}");
            ensure!(cents(&money["net"])? == gross - refunds, "{name}: {period}");
        }
        let without_lines = cents(&period["orders_without_lines"]["gross"])?;
        ensure!(without_lines == if day == 0 { sent.without_lines } else { 0 }, "{period}");
    }
    // Months and hours are sums of the same.
    for query in ["granularity=month", "granularity=hour&from=2026-11-19&to=2026-11-20"] {
        let answer = reconciliation(&mut api, &format!("site_id=shop&{query}")).await?;
        ensure!(answer["reconciles"] == true, "{answer}");
    }
    Ok(())
}

async fn what_changed_the_table_otherwise_is_a_difference(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "reconcile-difference").await?;
    let sent = shop();
    let mut worker = store.start_plain_ingest().await?;
    let files = put(&store, &sent.lines, 1, "file").await?;
    count(&mut worker, &files).await?;
    let mut api = store.start_query("api", &store.clients.endpoint_url).await?;
    let text = |text: &str| AttributeValue::S(text.to_string());
    // Somebody adds a cent to what an item sold.
    let rows = store.clients.dynamodb.query().table_name(&store.table);
    let rows = rows
        .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
        .expression_attribute_values(":pk", text("T#shop#2026"))
        .expression_attribute_values(":sk", text("sales:USD#d11-18"))
        .send()
        .await?;
    let row = rows.items().first().context("the day has sales")?;
    let counter = row.keys().find(|name| name.ends_with("i1")).context("the item was sold")?;
    let update = store.clients.dynamodb.update_item().table_name(&store.table);
    let update = update
        .key("pk", row["pk"].clone())
        .key("sk", row["sk"].clone())
        .update_expression("ADD #item :cent")
        .expression_attribute_names("#item", counter)
        .expression_attribute_values(":cent", AttributeValue::N("0.01".to_string()));
    update.send().await.context("UpdateItem of a day")?;
    let answer = reconciliation(&mut api, DAY).await?;
    ensure!(answer["reconciles"] == false, "{answer}");
    let difference = json!({"gross": 0.01, "refunds": 0.0});
    ensure!(answer["periods"][0]["difference"] == difference, "{answer}");
    // `verify` finds it, as a wrong number and as money that does not agree, and the answer says so.
    let output = store.run_verify(&[]).await?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(!output.status.success(), "{report}");
    let first = report["first_differences"].as_array().context("a list")?.clone();
    let is_said =
        |part: &str| first.iter().any(|said| said.as_str().is_some_and(|said| said.contains(part)));
    ensure!(is_said("the sales of items in USD are 0.01 beyond"), "{report}");
    let answer = reconciliation(&mut api, DAY).await?;
    ensure!(answer["proof"]["differences"] == report["differences"], "{answer}");
    Ok(())
}
