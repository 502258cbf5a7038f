//! The calls about orders: compares every answer with an oracle that recounts all events.

use anyhow::{Context, Result, anyhow, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use minutebook_oracle::{Decimal, OrderEvent, Settings, order_tallies, recount};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy};
use minutebook_tests::store::Store;
use serde_json::Value;

use crate::calls::asking::ask;
use crate::counting::chunks::{count, now, rfc3339, verified};
use crate::counting::orders::{SITE, created, event, put, shuffled};

crate::tests![every_answer_equals_the_oracle, a_table_that_is_away_is_503_for_every_question,];

/// The calls, each with a valid query string.
const CALLS: [(&str, &str); 4] = [
    ("/metrics/orders", "window=3h"),
    ("/metrics/realtime", "window=3h&limit=7"),
    ("/metrics/revenue/hourly", "window=3h"),
    ("/metrics/products/top", "window=3h&limit=2"),
];

/// Parses a number. Trailing zeros do not matter.
fn decimal(value: &Value) -> Result<Decimal> {
    value.to_string().parse().map_err(|error| anyhow!("{value}: {error}"))
}

/// Orders over the last three hours, some in euros.
fn lines_of_hours(present: DateTime<Utc>) -> Vec<String> {
    let mut lines = Vec::new();
    for order in 0..120 {
        let minutes_ago = i64::try_from(order * 13 % 230).unwrap_or_default();
        let made = present - TimeDelta::minutes(minutes_ago);
        let line = created(order, made);
        lines.push(if order % 4 == 3 {
            line.replace("}\n", ",\"currency\":\"EUR\"}\n")
        } else {
            line
        });
        if order % 3 == 0 {
            lines.push(event(
                "StatusChanged",
                order,
                made + TimeDelta::nanoseconds(1),
                r#","newStatus":"PAID""#,
            ));
        }
        if order % 10 == 0 {
            lines.push(event("Cancelled", order, made + TimeDelta::nanoseconds(2), ""));
        }
    }
    lines
}

async fn every_answer_equals_the_oracle(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "orders-answers").await?;
    let present = now()?;
    let lines = shuffled(lines_of_hours(present), 9);
    let mut ingest = store.start_plain_ingest().await?;
    count(&mut ingest, &put(&store, &lines, 6, "a").await?).await?;
    verified(&store, lines.len()).await?;

    let settings = Settings::at(present);
    let events = recount(lines.concat().as_bytes(), &settings)?.orders;
    let to = present.timestamp().div_euclid(60) + 1;
    let from = to - 180;
    let tallies = order_tallies(&events);
    let sum = |measure: &str, key: Option<&str>, minutes: std::ops::Range<i64>| -> Decimal {
        let cells = tallies.iter().filter(|(cell, _)| {
            cell.measure == measure
                && key.is_none_or(|key| key == cell.key)
                && minutes.contains(&cell.minute)
        });
        cells.map(|(_, number)| *number).sum()
    };
    let as_of = rfc3339(present);
    let mut worker = store.start_query("api", &store.clients.endpoint_url).await?;
    for currency in ["USD", "EUR", "GBP"] {
        let money = format!("order_value:{currency}");
        let mut answers = Vec::new();
        for (path, query) in CALLS {
            let query = format!("{query}&site_id={SITE}&currency={currency}&as_of={as_of}");
            let (status, answer) = ask(&mut worker, path, &query).await?;
            ensure!(status == 200, "{path} {query}: {answer}");
            answers.push(answer);
        }
        let [orders, realtime, hourly, products] = answers.as_slice() else { bail!("four calls") };

        let (gross, refunded) =
            (sum(&money, Some("gross"), from..to), sum(&money, Some("refunded"), from..to));
        ensure!(decimal(&orders["total_orders"])? == sum("orders", None, from..to), "{orders}");
        ensure!(decimal(&orders["total_revenue"])? == gross, "{orders}");
        ensure!(decimal(&orders["net_revenue"])? == gross - refunded, "{orders}");
        for (status, number) in orders["orders_by_status"].as_object().context("statuses")? {
            ensure!(
                decimal(number)? == sum("orders", Some(status), from..to) && number != 0,
                "{status} {orders}"
            );
        }
        let by_status = orders["orders_by_status"].as_object().into_iter().flatten();
        let all: Decimal = by_status.filter_map(|(_, number)| decimal(number).ok()).sum();
        ensure!(all == sum("orders", None, from..to), "{orders}");
        for (hour, number) in orders["orders_per_hour"].as_object().context("hours")? {
            let first = hour.parse::<DateTime<Utc>>()?.timestamp() / 60;
            let minutes = first.max(from)..(first + 60).min(to);
            ensure!(decimal(number)? == sum("orders", None, minutes), "{hour} {orders}");
        }

        let hours = hourly["hours"].as_array().context("hours")?;
        // Three hours if the window ends with an hour, otherwise four.
        let expected = (to - 1).div_euclid(60) - from.div_euclid(60) + 1;
        ensure!(i64::try_from(hours.len())? == expected, "{expected} hours: {hourly}");
        for hour in hours {
            let first =
                hour["hour"].as_str().context("an hour")?.parse::<DateTime<Utc>>()?.timestamp()
                    / 60;
            let minutes = || first..(first + 60).min(to);
            let (gross, refunded) =
                (sum(&money, Some("gross"), minutes()), sum(&money, Some("refunded"), minutes()));
            ensure!(decimal(&hour["orders"])? == sum(&money, Some("orders"), minutes()), "{hour}");
            ensure!(decimal(&hour["revenue"])? == gross, "{hour}");
            ensure!(decimal(&hour["net_revenue"])? == gross - refunded, "{hour}");
        }

        let ranked = products["products"].as_array().context("products")?;
        ensure!(ranked.len() == if currency == "GBP" { 0 } else { 2 }, "{products}");
        for product in ranked {
            let name = product["product_name"].as_str();
            ensure!(
                decimal(&product["revenue"])?
                    == sum(&format!("ordered_value:{currency}"), name, from..to)
            );
            ensure!(decimal(&product["units"])? == sum("ordered", name, from..to), "{product}");
        }
        ensure!(
            realtime["top_products"].as_array().map(Vec::len) >= Some(ranked.len()),
            "{realtime}"
        );

        let per_minute: f64 = realtime["current_orders_per_minute"].as_f64().context("a rate")?;
        let expected: f64 = orders["total_orders"].as_f64().context("a number")? / 180.0;
        ensure!((per_minute - expected).abs() < 1e-6, "{realtime}");
        ensure!(realtime["active_users"] == 7, "{realtime}");
        check_recent(realtime, &events)?;
    }
    Ok(())
}

/// Checks that the newest orders come first, each with its current state.
fn check_recent(realtime: &Value, events: &[OrderEvent]) -> Result<()> {
    let mut expected: Vec<(i128, String, String)> = minutebook_oracle::orders(events)
        .into_iter()
        .filter_map(|((_, id), order)| Some((order.placed_at()?, id, order.status().to_string())))
        .collect();
    expected.sort_by(|left, right| right.cmp(left));
    let recent = realtime["recent_orders"].as_array().context("recent orders")?;
    ensure!(recent.len() == 7, "{realtime}");
    for (found, (_, id, status)) in recent.iter().zip(expected) {
        ensure!(
            found["order_id"] == id && found["status"] == status,
            "expected {id} {status}, found {found}"
        );
    }
    Ok(())
}

async fn a_table_that_is_away_is_503_for_every_question(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "orders-away").await?;
    let proxy =
        FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| Some(Fault::Status(500))))
            .await?;
    let mut worker = store.start_query("api", &proxy.url).await?;
    for (path, query) in CALLS {
        let (status, problem) = ask(&mut worker, path, query).await?;
        ensure!(status == 503, "{path}: {status} {problem}");
    }
    Ok(())
}
