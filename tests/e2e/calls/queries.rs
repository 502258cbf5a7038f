//! Single query functions: what they read, and what they answer if the table is unavailable.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{Fault, FaultProxy, Plan};
use minutebook_tests::store::{RetentionDays, Store};
use minutebook_tests::worker::{Invocation, Worker};
use serde_json::{Value, json};

use crate::calls::asking::{ask, http_event};

crate::tests![
    every_shard_slot_and_overflow_row_of_the_window_is_summed_and_no_other,
    a_preflight_is_answered,
    a_table_of_hostile_ids_is_harmless_and_an_unchanged_answer_is_not_sent_again,
    a_table_that_is_away_is_503_and_says_to_try_again,
    a_table_that_does_not_answer_is_503_before_the_function_is_stopped,
    an_hour_of_more_rows_than_a_page_is_summed_whole,
    whole_hours_are_read_from_their_rows_unless_they_are_open,
    edges_whose_minutes_or_hours_have_expired_move_outward_and_the_answer_says_so,
];

/// Calls a query function once, and returns the status, headers and body.
async fn call(
    store: &Store,
    function: &str,
    dynamodb_url: &str,
    event: Value,
) -> Result<(u64, Value, Value)> {
    let worker = store.start_query(function, dynamodb_url).await?;
    answer(worker, event).await
}

async fn answer(mut worker: Worker, event: Value) -> Result<(u64, Value, Value)> {
    let Invocation::Answered(answer) = worker.invoke(event).await? else {
        anyhow::bail!("the function did not answer");
    };
    let body = answer["body"].as_str().filter(|body| !body.is_empty()).unwrap_or("null");
    let status = answer["statusCode"].as_u64().context("a status")?;
    Ok((status, answer["headers"].clone(), serde_json::from_str(body)?))
}

async fn every_shard_slot_and_overflow_row_of_the_window_is_summed_and_no_other(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "query-rows").await?;
    for (hour, row) in [
        ("2026-11-20T07", "views#59#00#000"),
        ("2026-11-20T08", "views#00#00#000"),
        ("2026-11-20T08", "views#00#15#000"),
        ("2026-11-20T08", "views#00#late#000"),
        ("2026-11-20T08", "views#00#00#000.2"),
        ("2026-11-20T08", "views#58#00#1234"),
    ] {
        store.add((&format!("T#default#{hour}"), row), "i#7", "1").await?;
    }
    for (partition, row) in [
        ("T#default#2026-11-20T07", "views#58#00#000"),
        ("T#default#2026-11-20T08", "views#59#00#000"),
        ("T#default#2026-11-20T08", "carts#30#00#000"),
        ("T#default#2026-11-20T08", "sales:USD#30#00#000"),
        ("T#other#2026-11-20T08", "views#30#00#000"),
    ] {
        store.add((partition, row), "i#7", "100").await?;
    }
    let event = http_event("GET", "as_of=2026-11-20T08:58:30Z&window=1h")?;
    let (status, _, answer) =
        call(&store, "most_viewed", &store.clients.endpoint_url, event).await?;
    ensure!(status == 200 && answer["views"] == 6, "{answer}");
    Ok(())
}

async fn a_preflight_is_answered(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "preflight").await?;
    let event = http_event("OPTIONS", "")?;
    let (status, headers, _) =
        call(&store, "top_carted", &store.clients.endpoint_url, event).await?;
    ensure!(status == 204 && headers["access-control-allow-origin"] == "*", "{status} {headers}");
    ensure!(headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS", "{headers}");
    Ok(())
}

async fn a_table_of_hostile_ids_is_harmless_and_an_unchanged_answer_is_not_sent_again(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "query-csv").await?;
    for (attribute, number) in
        [("i#=HYPERLINK(\"http://x\",\"y\")", "3"), ("i#7", "2"), ("i#@SUM(1)", "1")]
    {
        let row = ("T#default#2026-11-20T08", "views#00#00#000");
        store.add(row, attribute, number).await?;
    }
    for (function, path, query) in [
        ("most_viewed", "/most_viewed_item", "window=1h&as_of=2026-11-20T08:30:00Z"),
        ("api", "/items/7", "window=1h&as_of=2026-11-20T08:30:00Z"),
    ] {
        let mut worker = store.start_query(function, &store.clients.endpoint_url).await?;
        let mut asked = async |accept: &str, known: &Value| -> Result<Value> {
            let mut event = http_event("GET", query)?;
            event["rawPath"] = json!(path);
            event["headers"]["accept"] = json!(accept);
            if known.is_string() {
                event["headers"]["if-none-match"] = known.clone();
            }
            match worker.invoke(event).await? {
                Invocation::Answered(answer) => Ok(answer),
                other => anyhow::bail!("{path} was not answered: {other:?}"),
            }
        };
        let table = asked("text/csv", &Value::Null).await?;
        let (headers, body) = (&table["headers"], table["body"].as_str().unwrap_or_default());
        ensure!(headers["content-type"] == "text/csv; charset=utf-8; header=present", "{table}");
        ensure!(headers["vary"].as_str().is_some_and(|vary| vary.contains("accept")), "{table}");
        if function == "most_viewed" {
            let expected = "item_id,views,name,category,brand,compared\r\n\
                            \"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",3,,,,\r\n7,2,,,,\r\n'@SUM(1),1,,,,\r\n";
            ensure!(body == expected, "{body:?}");
        } else {
            let row = body.lines().nth(1).unwrap_or_default();
            ensure!(
                body.starts_with("item_id,site_id,views,") && row.starts_with("7,default,2,"),
                "{body}"
            );
        }
        // Each form has a tag of its own.
        let json_answer = asked("application/json", &Value::Null).await?;
        let tags = [&table["headers"]["etag"], &json_answer["headers"]["etag"]];
        ensure!(tags[0].is_string() && tags[1].is_string() && tags[0] != tags[1], "{tags:?}");
        for (accept, tag, status) in [
            ("text/csv", tags[0], 304),
            ("application/json", tags[1], 304),
            ("application/json", tags[0], 200),
        ] {
            let again = asked(accept, tag).await?;
            let body = again["body"].as_str().unwrap_or_default();
            ensure!(again["statusCode"] == status, "{accept} {tag}: {again}");
            ensure!(body.is_empty() == (status == 304), "{again}");
            let exposed = again["headers"]["access-control-expose-headers"].as_str();
            ensure!(exposed.is_some_and(|names| names.contains("etag")), "{again}");
        }
    }
    Ok(())
}

async fn a_table_that_is_away_is_503_and_says_to_try_again(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "query-away").await?;
    let away: Plan = Box::new(|_| Some(Fault::Status(500)));
    let proxy = FaultProxy::start(&store.clients.endpoint_url, away).await?;
    let event = http_event("GET", "")?;
    let (status, headers, problem) = call(&store, "highest_grossing", &proxy.url, event).await?;
    ensure!(
        status == 503 && headers["content-type"] == "application/problem+json",
        "{status} {headers}"
    );
    ensure!(
        problem["error"].as_str().is_some_and(|sentence| sentence.contains("try again")),
        "{problem}"
    );
    Ok(())
}

async fn a_table_that_does_not_answer_is_503_before_the_function_is_stopped(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "query-held").await?;
    let held: Plan = Box::new(|_| Some(Fault::Hold));
    let proxy = FaultProxy::start(&store.clients.endpoint_url, held).await?;
    for (function, path) in [("top_carted", "/top_item_added_to_cart"), ("api", "/metrics/orders")]
    {
        let mut worker = store.start_query(function, &proxy.url).await?;
        // The function reserves all but half a second of this time.
        worker.allow(Duration::from_millis(2_500));
        let asked_at = Instant::now();
        let (status, problem) = ask(&mut worker, path, "").await?;
        let says_so =
            problem["error"].as_str().is_some_and(|error| error.contains("a shorter window"));
        ensure!(status == 503 && says_so && problem["status"] == 503, "{status} {problem}");
        ensure!(asked_at.elapsed() < Duration::from_millis(2_500), "{:?}", asked_at.elapsed());
    }
    Ok(())
}

async fn an_hour_of_more_rows_than_a_page_is_summed_whole(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "query-pages").await?;
    // Four rows of 300 KB exceed the megabyte of one page of a query.
    for minute in 0..4 {
        let row = format!("views#{minute:02}#00#000");
        store.put_filled_row("T#default#2026-11-20T08", &row, 300_000).await?;
        store.add(("T#default#2026-11-20T08", &row), "i#7", "1").await?;
    }
    let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
    let event = http_event("GET", "as_of=2026-11-20T08:58:00Z&window=59m")?;
    let (_, _, answer) = call(&store, "most_viewed", &proxy.url, event).await?;
    ensure!(answer["views"] == 4, "{answer}");
    // Six queries of ten minutes each. The first has two pages.
    ensure!(
        proxy.calls("Query") == 7,
        "six ranges, one of them of two pages, but {} queries",
        proxy.calls("Query")
    );
    Ok(())
}

async fn whole_hours_are_read_from_their_rows_unless_they_are_open(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "query-hours").await?;
    for (partition, row, views) in [
        ("T#default#2026-11-20T07", "views#29#00#000", "100000"),
        ("T#default#2026-11-20T07", "views#30#00#000", "1"),
        ("T#default#2026-11-20", "views#07#000", "100000"),
        ("T#default#2026-11-20", "views#08#000", "10"),
        ("T#default#2026-11-20", "views#08#001.1", "10"),
        ("T#default#2026-11-20T08", "views#59#late#000", "3000"),
        ("T#default#2026-11-20T09", "views#29#00#000", "400"),
        ("T#default#2026", "views#d11-20#000", "100000"),
    ] {
        store.add((partition, row), "i#7", views).await?;
    }
    store.list_open("other", "2026-11-20T08").await?;
    for (queries, views) in [(3 + 1 + 3 + 2, 421), (3 + 1 + 3 + 2 + 6, 3_401)] {
        let proxy = FaultProxy::start(&store.clients.endpoint_url, Box::new(|_| None)).await?;
        let event = http_event("GET", "as_of=2026-11-20T09:29:00Z&window=2h")?;
        let (_, _, answer) = call(&store, "most_viewed", &proxy.url, event).await?;
        ensure!(answer["views"] == views && answer["window"]["precision"] == "minute", "{answer}");
        ensure!(
            proxy.calls("Query") == queries,
            "{} queries, and not {queries}",
            proxy.calls("Query")
        );
        store.list_open("default", "2026-11-20T08").await?;
    }
    Ok(())
}

async fn edges_whose_minutes_or_hours_have_expired_move_outward_and_the_answer_says_so(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "query-expired").await?;
    for (partition, row, views) in [
        ("T#default#2026-01-05T07", "views#30#00#000", "1"),
        ("T#default#2026-01-05", "views#07#000", "10"),
        ("T#default#2026-01-05", "views#09#000", "20"),
        ("T#default#2026", "views#d01-05#000", "300"),
    ] {
        store.add((partition, row), "i#7", views).await?;
    }
    for (minutes, hours, precision, from, to, views) in [
        (0, 0, "minute", "07:30", "09:30", 1),
        (7, 0, "hour", "07:00", "10:00", 30),
        (7, 30, "day", "00:00", "24:00", 300),
    ] {
        let worker =
            store.start_query_of("most_viewed", RetentionDays { minutes, hours, days: 0 }).await?;
        let event = http_event("GET", "as_of=2026-01-05T09:29:00Z&window=2h")?;
        let (_, _, answer) = answer(worker, event).await?;
        let to = if to == "24:00" {
            "2026-01-06T00:00:00Z".to_string()
        } else {
            format!("2026-01-05T{to}:00Z")
        };
        let window =
            json!({"from": format!("2026-01-05T{from}:00Z"), "to": to, "precision": precision});
        ensure!(answer["window"] == window && answer["views"] == views, "{answer}");
        ensure!(answer["as_of"] == "2026-01-05T09:29:00Z", "{answer}");
    }
    Ok(())
}
