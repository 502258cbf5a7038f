//! Analytics Service (of an Order Processing System): orders from Kafka, and their metrics.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{Datelike, Timelike};

use super::*;
use crate::push::socket::Socket;
use crate::push::{PUSH, live_url};

crate::tests![order_analytics_service];

/// An event as the order service sends it.
fn event(site: &str, kind: &str, order: u32, timestamp: &Value, members: Value) -> Value {
    let mut event = json!({
        "site_id": site, "eventType": kind, "orderId": order, "orderNumber": format!("ORD-{order}"),
        "userId": format!("user-{}", order % 3), "timestamp": timestamp,
    });
    if let (Some(event), Value::Object(members)) = (event.as_object_mut(), members) {
        event.extend(members);
    }
    event
}

/// The creation of an order of one product, with its quantity and its price per piece in dollars.
fn created(
    site: &str,
    order: u32,
    timestamp: &Value,
    (product, quantity, dollars): (&str, u32, u32),
) -> Value {
    let total = f64::from(quantity * dollars);
    let item = json!({"productName": product, "quantity": quantity, "unitPrice": dollars, "totalPrice": total});
    let members = json!({"totalAmount": total, "status": "PENDING", "items": [item]});
    event(site, "OrderCreatedEvent", order, timestamp, members)
}

fn changed(site: &str, order: u32, timestamp: &Value, (previous, new): (&str, &str)) -> Value {
    let members = json!({"previousStatus": previous, "newStatus": new});
    event(site, "OrderStatusChangedEvent", order, timestamp, members)
}

/// A time as Java's `LocalDateTime` is serialized by default.
fn as_parts(time: DateTime<Utc>) -> Value {
    json!([
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        123_000_000
    ])
}

/// The records of a topic, as Lambda delivers them.
fn kafka_event(topic: &str, first_offset: u64, events: &[Value]) -> Value {
    let record = |(offset, event): (u64, &Value)| {
        json!({
            "topic": topic, "partition": 0, "offset": offset, "timestamp": 0, "timestampType": "CREATE_TIME",
            "key": null, "value": STANDARD.encode(event.to_string()), "headers": [],
        })
    };
    let records: Vec<Value> = (first_offset..).zip(events).map(record).collect();
    json!({
        "eventSource": "SelfManagedKafka", "bootstrapServers": "kafka:9092",
        "records": {format!("{topic}-0"): records},
    })
}

/// Orders of the last day and an older one, with the changes to them.
fn orders(site: &str) -> Result<Vec<Value>> {
    let now = now()?;
    let at = |minutes: i64| json!(rfc3339(now - TimeDelta::minutes(minutes)));
    let hours_ago = |hours: i64, minutes: i64| {
        as_parts(now - TimeDelta::hours(hours) + TimeDelta::minutes(minutes))
    };
    Ok(vec![
        created(site, 1, &hours_ago(3, 0), ("Keyboard", 2, 50)),
        changed(site, 1, &hours_ago(3, 10), ("PENDING", "CONFIRMED")),
        changed(site, 1, &hours_ago(3, 50), ("CONFIRMED", "SHIPPED")),
        created(site, 2, &at(2), ("Mouse", 1, 30)),
        created(site, 3, &at(1), ("Keyboard", 1, 50)),
        event(
            site,
            "OrderCancelledEvent",
            2,
            &at(0),
            json!({"refundAmount": 30, "reason": "changed my mind"}),
        ),
        created(site, 4, &hours_ago(26, 0), ("Monitor", 1, 300)),
    ])
}

async fn order_analytics_service(cloud: &Cloud) -> Result<()> {
    let site = "order-service";
    // Deliver them as Kafka does: a batch can be redelivered with more records at its end.
    let events = orders(site)?;
    for batch in [&events[..4], &events] {
        cloud.invoke("ingest", &kafka_event("order-events", 0, batch)).await?;
    }
    let metrics = json!({
        "total_orders": 3, "total_revenue": 180.0, "avg_order_value": 60.0,
        "orders_by_status": {"CANCELLED": 1, "PENDING": 1, "SHIPPED": 1},
        "net_revenue": 150.0, "refunded": 30.0,
    });
    let answer =
        until_answered(cloud, &format!("/metrics/orders?site_id={site}"), &metrics).await?;
    let hours = answer["orders_per_hour"].as_object().context("orders_per_hour")?;
    ensure!(hours.values().filter_map(Value::as_u64).sum::<u64>() == 3, "{answer}");
    let first = now()? - TimeDelta::hours(3);
    let hour = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:00:00Z").to_string();
    ensure!(
        hours.get(&hour(first)).or(hours.get(&hour(first - TimeDelta::minutes(5))))
            == Some(&json!(1)),
        "{answer}"
    );

    // Two orders in the last five minutes, which count as the present.
    let product = |name: &str, revenue: f64, units: u32| json!({"product_name": name, "revenue": revenue, "units": units});
    let present = json!({
        "current_orders_per_minute": 0.4, "revenue_per_minute": 16.0, "active_users": 2,
        "top_products": [product("Keyboard", 50.0, 1), product("Mouse", 30.0, 1)],
    });
    let answer =
        until_answered(cloud, &format!("/metrics/realtime?site_id={site}"), &present).await?;
    let recent = answer["recent_orders"].as_array().context("recent_orders")?;
    let told: Vec<(&str, &str)> = recent
        .iter()
        .filter_map(|order| Some((order["order_id"].as_str()?, order["status"].as_str()?)))
        .collect();
    ensure!(told == [("3", "PENDING"), ("2", "CANCELLED"), ("1", "SHIPPED")], "{answer}");

    let hourly = json!({"total_revenue": 180.0, "net_revenue": 150.0});
    let answer =
        until_answered(cloud, &format!("/metrics/revenue/hourly?site_id={site}"), &hourly).await?;
    let revenue = answer["hours"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|hour| hour["revenue"].as_f64());
    ensure!(revenue.sum::<f64>() == 180.0, "{answer}");
    let top = json!({"products": [product("Keyboard", 150.0, 3), product("Mouse", 30.0, 1)]});
    until_answered(cloud, &format!("/metrics/products/top?site_id={site}"), &top).await?;
    let older = json!({"products": [product("Monitor", 300.0, 1)]});
    until_answered(
        cloud,
        &format!("/metrics/products/top?site_id={site}&window=2d&limit=1"),
        &older,
    )
    .await?;

    // The same over a WebSocket, which has a URL of its own.
    let _push = PUSH.lock().await;
    let mut dashboard = Socket::open(&live_url(cloud, &format!("site_id={site}")).await?).await?;
    let message = dashboard.get().await?;
    let members = present.as_object().context("members")?;
    ensure!(members.iter().all(|(name, value)| message["answer"][name] == *value), "{message}");
    let cancelled = event(
        site,
        "OrderCancelledEvent",
        3,
        &json!(rfc3339(now()?)),
        json!({"refundAmount": 50, "reason": "out of stock"}),
    );
    let lines = [(LINES.0, LINES.1)];
    let (status, _, answer) = cloud.post("/events", &lines, cancelled.to_string()).await?;
    ensure!(status == 202, "{status} {answer}");
    loop {
        let message = dashboard.message().await?;
        let newest = &message["answer"]["recent_orders"][0];
        if newest["order_id"] == "3" && newest["status"] == "CANCELLED" {
            break;
        }
    }
    Ok(())
}
