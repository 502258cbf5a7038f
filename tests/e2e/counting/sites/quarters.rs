//! The days of a site whose zone is half an hour off are exact for as long as hours are kept, and
//! other sites pay nothing for it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::{RetentionDays, Store};
use minutebook_tests::worker::Worker;
use serde_json::{Value, json};

use crate::calls::asking::ask;
use crate::counting::chunks::{
    count, hold_first, start_behind, verified, write_as_counted_in_time,
};
use crate::counting::rollup::{let_time_pass, run_clean};

crate::tests![
    days_of_a_site_in_kolkata_are_exact_after_its_minutes_have_expired,
    a_zone_that_is_set_while_its_site_is_registered_is_that_of_its_first_event,
];

const INDIA: &str = "india";
/// A site without a zone.
const OTHER: &str = "other";
/// The days of Kolkata begin at 18:30 UTC.
const KOLKATA: &[(&str, &str)] =
    &[("time_zone", "Asia/Kolkata"), ("quarters_from", "1970-01-01T00")];
const DAYS: [&str; 3] = ["2026-10-17", "2026-10-18", "2026-10-19"];

/// The views of a sealed hour: as many at seven minutes past as at a minute to the next.
const VIEWS_OF_HOUR: usize = 500;

/// Late views, so many at this time, each in a line of its own.
fn late_views(site: &str, time: &str, count: usize) -> String {
    let view = format!(
        "{{\"event\":\"view\",\"timestamp\":\"{time}\",\"site_id\":\"{site}\",\"item_id\":\"late\",\
         \"user_id\":\"{time}\"}}\n"
    );
    view.repeat(count)
}

/// How many events of orders come late on each day.
const EVENTS_OF_ORDERS: usize = 4;

/// What comes late on each day: before and after the midnight of Kolkata, an order, and another of
/// which some is given back in the next quarter.
fn late_events(site: &str) -> String {
    let mut text = String::new();
    for (number, day) in (1..).zip(DAYS) {
        text += &late_views(site, &format!("{day}T18:20:00Z"), number);
        text += &late_views(site, &format!("{day}T18:40:00Z"), 10 * number);
        text += &format!(
            "{{\"eventType\":\"OrderCreatedEvent\",\"timestamp\":\"{day}T18:29:59Z\",\
             \"site_id\":\"{site}\",\"orderId\":\"{number}\",\"totalAmount\":{number}}}\n"
        );
        for (kind, time, price) in [
            ("purchase", "18:29:59", "5.25"),
            ("purchase", "18:31:00", "5.25"),
            ("refund", "18:30:00", "1.5"),
        ] {
            text += &format!(
                "{{\"event\":\"{kind}\",\"timestamp\":\"{day}T{time}Z\",\"site_id\":\"{site}\",\
                 \"order_id\":\"p-{number}\",\"item_id\":\"sold\",\"price\":{price}}}\n"
            );
        }
    }
    text
}

/// Seals hours that are listed, and rolls them up.
async fn roll_up(store: &Store, hours: &[(&str, String)]) -> Result<()> {
    let mut worker = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    for attribute in ["sealed_at", "done_at"] {
        run_clean(&mut worker).await?;
        for (site, hour) in hours {
            let_time_pass(store, hour, site, attribute).await?;
        }
    }
    run_clean(&mut worker).await
}

/// The rows of a site's day, by sort key: those of quarters, and the others.
async fn rows_of_day(store: &Store, site: &str, day: &str) -> Result<[BTreeSet<String>; 2]> {
    let rows = store.rows_of(&format!("T#{site}#{day}")).await?;
    let (quarters, others) = rows.into_iter().partition(|row| row.contains("#q"));
    Ok([quarters, others])
}

/// The totals of the periods of an answer, and its window.
async fn history(api: &mut Worker, query: &str) -> Result<(Vec<u64>, Value)> {
    let (status, answer) = ask(api, "/history", query).await?;
    ensure!(status == 200, "{query}: {answer}");
    let periods = answer["periods"].as_array().context("periods")?.iter();
    let totals = periods.map(|period| period["total"].as_u64().context("a number"));
    Ok((totals.collect::<Result<_>>()?, answer["window"].clone()))
}

async fn days_of_a_site_in_kolkata_are_exact_after_its_minutes_have_expired(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "quarters").await?;
    store.set_site(1, INDIA, KOLKATA).await?;
    let mut hours = vec![];
    for site in [INDIA, OTHER] {
        for day in DAYS {
            for of_day in ["05", "18"] {
                let hour = format!("{day}T{of_day}");
                write_as_counted_in_time(&store, site, &hour, VIEWS_OF_HOUR).await?;
                hours.push((site, hour));
            }
        }
    }
    let mut ingest = store.start_plain_ingest().await?;
    let before = store.put("before.jsonl", late_events(INDIA) + &late_events(OTHER)).await?;
    count(&mut ingest, [&before]).await?;
    roll_up(&store, &hours).await?;
    // Late events add to quarters whether their hour is sealed by then or not.
    let after = late_views(INDIA, "2026-10-18T18:29:00Z", 1_000);
    let after = after + &late_views(OTHER, "2026-10-18T18:29:00Z", 1_000);
    let after = store.put("after.jsonl", after).await?;
    count(&mut ingest, [&after]).await?;
    let views_of_site = DAYS.len() * 2 * VIEWS_OF_HOUR + 11 * (1 + 2 + 3) + 1_000;
    verified(&store, 2 * (views_of_site + EVENTS_OF_ORDERS * DAYS.len())).await?;

    // One hour a day has rows of its quarters, and nothing else differs from a site without a zone.
    for day in DAYS {
        let [quarters, others] = rows_of_day(&store, INDIA, day).await?;
        let of_views = quarters.iter().filter_map(|row| row.strip_prefix("views#q"));
        let names: BTreeSet<&str> =
            of_views.filter_map(|row| Some(row.split_once('#')?.0)).collect();
        ensure!(names == BTreeSet::from(["18:00", "18:15", "18:30", "18:45"]), "{day}: {names:?}");
        let orders = ["orders#q18:15#", "sales:USD#q18:15#", "refunds:USD#q18:30#"];
        let orders = orders.iter().all(|name| quarters.iter().any(|row| row.starts_with(name)));
        let visitors =
            quarters.iter().any(|row| row.starts_with("visitors") && row.contains("#q18:30#"));
        ensure!(orders && visitors, "{quarters:?}");
        let of_other = rows_of_day(&store, OTHER, day).await?;
        // Which of four copies the visitors are in depends on the name of the site.
        let without_visitors = |rows: &BTreeSet<String>| -> BTreeSet<String> {
            rows.iter().filter(|row| !row.starts_with("visitors")).cloned().collect()
        };
        ensure!(of_other[0].is_empty(), "{day}: {of_other:?}");
        ensure!(without_visitors(&of_other[1]) == without_visitors(&others), "{day}: {of_other:?}");
    }

    // The minutes are gone.
    for (site, hour) in &hours {
        let partition = format!("T#{site}#{hour}");
        for row in store.rows_of(&partition).await? {
            store.delete_row(&partition, &row).await?;
        }
    }
    let retention = RetentionDays { minutes: 1, hours: 0, days: 0 };
    let mut api = store.start_query_of("api", retention).await?;
    let half = VIEWS_OF_HOUR as u64 / 2;
    // The hour of the midnight before, from half past on; the morning; that of the next one.
    let day = |number: u64, more: u64| half + 10 * (number - 1) + 2 * half + half + number + more;
    let days = "measure=views&from=2026-10-18&to=2026-10-20&limit=0";
    let exact = json!({
        "from": "2026-10-17T18:30:00Z", "to": "2026-10-19T18:30:00Z", "precision": "minute"
    });
    let asked = format!("{days}&site_id={INDIA}");
    ensure!(history(&mut api, &asked).await? == (vec![day(2, 1_000), day(3, 0)], exact.clone()));
    let (_, answer) = ask(&mut api, "/history", &asked).await?;
    ensure!(answer["tz"] == "Asia/Kolkata", "the zone is that of the site: {answer}");
    let week = "measure=views&granularity=week&from=2026-10-12&to=2026-10-19&limit=0";
    let (totals, window) = history(&mut api, &format!("{week}&site_id={INDIA}")).await?;
    // The week ends on Sunday the 18th; the 17th is its Saturday.
    let before = 2 * half + half + 1;
    ensure!(totals == [before + day(2, 1_000)], "{totals:?}");
    ensure!(window["precision"] == "minute", "{window}");
    // A site without a zone is exact to the hour, and says so.
    let (totals, window) =
        history(&mut api, &format!("{days}&site_id={OTHER}&tz=Asia/Kolkata")).await?;
    let hours = json!({
        "from": "2026-10-17T18:00:00Z", "to": "2026-10-19T18:00:00Z", "precision": "hour"
    });
    let day_of_hours = |number: u64, more: u64| 2 * half + 11 * (number - 1) + 2 * half + more;
    ensure!((totals, window) == (vec![day_of_hours(2, 0), day_of_hours(3, 1_000)], hours));
    // A change of the zone leaves the past as it is.
    let change = [("time_zone", "Asia/Kathmandu"), ("quarters_from", "2026-11-01T00")];
    store.set_site(2, INDIA, &change).await?;
    let mut api = store.start_query_of("api", retention).await?;
    let asked = format!("{asked}&tz=Asia/Kolkata");
    ensure!(history(&mut api, &asked).await? == (vec![day(2, 1_000), day(3, 0)], exact));
    Ok(())
}

/// Before its first event, the zone of a site may be set for the past. A chunk that read the
/// settings before that, and registers the site after it, reads them again.
async fn a_zone_that_is_set_while_its_site_is_registered_is_that_of_its_first_event(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "quarters-first-event").await?;
    let record = store.put("a.jsonl", late_views(INDIA, "2026-10-18T18:29:00Z", 7)).await?;
    let plan = hold_first(|call| call.operation == "BatchGetItem of sites");
    let (proxy, mut worker) = start_behind(&store, plan).await?;
    let other = async {
        proxy.is_holding().await;
        store.set_site(1, INDIA, KOLKATA).await?;
        proxy.release();
        Ok(())
    };
    tokio::try_join!(count(&mut worker, [&record]), other)?;
    let [quarters, _] = rows_of_day(&store, INDIA, "2026-10-18").await?;
    ensure!(quarters.iter().any(|row| row.starts_with("views#q18:15#")), "{quarters:?}");
    let ledger = store.ledger().await?;
    ensure!(ledger.len() == 1 && ledger[0]["settings_revision"] == 1, "{ledger:?}");
    verified(&store, 7).await
}
