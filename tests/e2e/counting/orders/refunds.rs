//! Refunds that name an order count once, however often they are reported, give back at most what
//! was paid, and are found by their own time and by that of their order.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;

use crate::counting::chunks::{Coming, count, verified};
use crate::counting::orders::purchases::{Askers, cents, rewrite_as_in_time};
use crate::counting::orders::{HOUR, SITE, first_time, put, shuffled};
use crate::counting::rollup::{let_time_pass, run_clean};

crate::tests![
    a_refund_that_is_told_three_times_gives_back_what_was_paid,
    refunds_in_several_files_in_any_order_and_twice,
    a_refund_before_its_purchase,
    a_refund_of_another_day_is_found_by_both_times,
    refunds_before_while_and_after_an_hour_is_sealed_give_back_once,
];

fn event(kind: &str, order: &str, time: DateTime<Utc>, members: &str) -> String {
    let time = time.to_rfc3339_opts(SecondsFormat::Nanos, true);
    format!(
        "{{\"event\":\"{kind}\",\"ts\":\"{time}\",\"site_id\":\"{SITE}\",\"order_id\":\"{order}\"{members}}}\n"
    )
}

/// What answers say of refunds in a window, in cents.
struct Refunds<'a> {
    /// All that was given back of orders, and what was wanted beyond that.
    of_orders: [i64; 2],
    /// The sales and the refunds of each item.
    items: &'a [(&'a str, i64, i64)],
}

/// Compares the answers of each call about a window that ends with `as_of`, by one basis.
async fn check(
    askers: &mut Askers,
    as_of: DateTime<Utc>,
    asked: &str,
    expected: &Refunds<'_>,
) -> Result<()> {
    let window = format!("{asked}&as_of={}", as_of.format("%Y-%m-%dT%H:%M:00Z"));
    let orders = askers.ask("/metrics/orders", &window).await?;
    let [refunded, over] =
        ["refunded", "over_refunded"].map(|name| cents(&orders[name]).unwrap_or_default());
    ensure!([refunded, over] == expected.of_orders, "{window}: {orders}");
    let net = cents(&orders["total_revenue"])? - refunded;
    ensure!(cents(&orders["net_revenue"])? == net, "{window}: {orders}");
    for (item, sales, refunds) in expected.items {
        let answer = askers.ask(&format!("/items/{item}"), &window).await?;
        let found = [cents(&answer["gross_sales"])?, cents(&answer["refunds"])?];
        ensure!(found == [*sales, *refunds], "{window}: {item}: {answer}");
        ensure!(cents(&answer["net_sales"])? == sales - refunds, "{window}: {item}: {answer}");
    }
    Ok(())
}

/// The sum of a history of refunds over the days around a time, in cents.
async fn refunds_of_days(
    askers: &mut Askers,
    time: DateTime<Utc>,
    days: [i64; 2],
    parameters: &str,
) -> Result<i64> {
    let [from, to] = days.map(|days| (time + TimeDelta::days(days)).format("%Y-%m-%d"));
    let query = format!("measure=refunds&from={from}&to={to}&{parameters}");
    let history = askers.ask("/history", &query).await?;
    let mut total = 0;
    for period in history["periods"].as_array().context("a list")? {
        total += cents(&period["total"])?;
    }
    Ok(total)
}

/// A payment provider reports a refund twice without an id, and once with one.
async fn a_refund_that_is_told_three_times_gives_back_what_was_paid(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "refunds-thrice").await?;
        let first = first_time(coming)?;
        let later = |seconds| first + TimeDelta::seconds(seconds);
        let euros = r#","currency":"EUR","item_id":"X""#;
        let bought = format!("{euros},\"price\":15,\"quantity\":2");
        let refunded = format!("{euros},\"total_amount\":30");
        let with_id = format!("{refunded},\"event_id\":\"m-7\"");
        let lines = [
            event("purchase", "T-70", first, &bought),
            event("refund", "T-70", later(50), &refunded),
            event("refund", "T-70", later(70), &refunded),
            event("refund", "T-70", later(80), &with_id),
        ];
        let mut worker = store.start_plain_ingest().await?;
        let mut askers = Askers::start(&store).await?;
        let mut events = 0;
        for seed in 1..4 {
            let files = put(&store, &shuffled(lines.to_vec(), seed), 4, &format!("{seed}")).await?;
            count(&mut worker, &files).await?;
            events += lines.len();
            let expected = Refunds { of_orders: [3_000, 3_000], items: &[("X", 3_000, 3_000)] };
            for basis in ["", "&basis=refund", "&basis=order"] {
                let asked = format!("currency=EUR&window=3d{basis}");
                check(&mut askers, later(120), &asked, &expected).await?;
            }
            let total = refunds_of_days(&mut askers, first, [-1, 2], "currency=EUR").await?;
            ensure!(total == 3_000, "{total} cents were refunded in these days");
            verified(&store, events).await?;
        }
    }
    Ok(())
}

/// Two shoes and a cap for 100, refunded by line, in units, in money and with a cancellation.
async fn refunds_in_several_files_in_any_order_and_twice(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "refunds-any-order").await?;
        let first = first_time(coming)?;
        let later = |seconds| first + TimeDelta::seconds(seconds);
        let bought =
            r#","items":[{"item_id":"SHOE","price":40,"quantity":2},{"item_id":"CAP","price":20}]"#;
        let lines = |order: &str| {
            let with_id = |id: &str| format!(",\"value\":10,\"event_id\":\"{order}-{id}\"");
            [
                event("purchase", order, first, bought),
                event("refund", order, later(61), r#","item_id":"SHOE""#),
                event("refund", order, later(62), r#","item_id":"CAP","price":5"#),
                event("refund", order, later(63), &with_id("1")),
                event("refund", order, later(64), &with_id("2")),
                event("OrderCancelledEvent", order, later(65), r#","refundAmount":80"#),
            ]
        };
        // 40 and 5, 20 of no item, and what is missing to 80.
        let one = [8_000, 0];
        let mut worker = store.start_plain_ingest().await?;
        let mut askers = Askers::start(&store).await?;
        let all: Vec<String> = ["a", "b", "c"].iter().flat_map(|order| lines(order)).collect();
        for (place, chunks) in [(1, 1), (2, 5), (3, 18)] {
            let lines = shuffled(all.clone(), place);
            let files = put(&store, &lines, chunks, &format!("{place}")).await?;
            for batch in files.chunks(10) {
                count(&mut worker, batch).await?;
            }
            let expected = Refunds {
                of_orders: one.map(|cents| 3 * cents),
                items: &[("SHOE", 3 * 8_000, 3 * 4_000), ("CAP", 3 * 2_000, 3 * 500)],
            };
            for basis in ["refund", "order"] {
                let asked = format!("window=3d&basis={basis}");
                check(&mut askers, later(120), &asked, &expected).await?;
            }
            let total = refunds_of_days(&mut askers, first, [-1, 2], "basis=order").await?;
            ensure!(total == 3 * 8_000, "{total} cents were refunded of the orders of these days");
            verified(&store, usize::try_from(place)? * all.len()).await?;
        }
    }
    Ok(())
}

/// The money counts at once, and then as that of the order.
async fn a_refund_before_its_purchase(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "refunds-before").await?;
        let first = first_time(coming)?;
        let later = |seconds| first + TimeDelta::seconds(seconds);
        let refund = event("refund", "1", later(61), r#","item_id":"CAP","price":25"#);
        let everything = event("refund", "1", later(62), "");
        let bought = event("purchase", "1", first, r#","item_id":"CAP","price":20"#);
        let mut worker = store.start_plain_ingest().await?;
        let mut askers = Askers::start(&store).await?;
        let steps = [
            ([refund, everything].concat(), [0, 0], 0, 2_500),
            (bought, [2_000, 500], 2_000, 2_000),
        ];
        for (place, (text, of_orders, sales, refunds)) in steps.into_iter().enumerate() {
            count(&mut worker, &put(&store, &[text], 1, &format!("{place}")).await?).await?;
            let expected = Refunds { of_orders, items: &[("CAP", sales, refunds)] };
            check(&mut askers, later(120), "window=3d", &expected).await?;
            verified(&store, 2 + place).await?;
        }
    }
    Ok(())
}

async fn a_refund_of_another_day_is_found_by_both_times(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "refunds-days").await?;
    let made: DateTime<Utc> = "2026-11-02T10:07:30Z".parse()?;
    let refunded = made + TimeDelta::days(3);
    let lines = [
        event("purchase", "1", made, r#","item_id":"CAP","price":20"#),
        event("refund", "1", refunded, r#","item_id":"CAP","price":5"#),
    ];
    let mut worker = store.start_plain_ingest().await?;
    let mut askers = Askers::start(&store).await?;
    for (place, line) in [&lines[1], &lines[0], &lines[1]].into_iter().enumerate() {
        let file = put(&store, std::slice::from_ref(line), 1, &format!("{place}")).await?;
        count(&mut worker, &file).await?;
    }
    verified(&store, 3).await?;
    // In the day of the order, and in the day of the refund.
    for (as_of, basis, sales, refunds) in [
        (made, "refund", 2_000, 0),
        (made, "order", 2_000, 500),
        (refunded, "refund", 0, 500),
        (refunded, "order", 0, 0),
    ] {
        let asked = format!("window=24h&basis={basis}");
        let items = [("CAP", sales, refunds)];
        let expected = Refunds { of_orders: [refunds, 0], items: &items };
        check(&mut askers, as_of, &asked, &expected).await?;
        let parameters = format!("basis={basis}");
        let total = refunds_of_days(&mut askers, as_of, [0, 1], &parameters).await?;
        ensure!(total == refunds, "{asked}: {total} cents in the history of {as_of}");
    }
    Ok(())
}

/// Checks the refunds of a shoe and of caps in the hour that ends with `as_of`, by both bases.
async fn check_hour(askers: &mut Askers, as_of: DateTime<Utc>, of_caps: i64) -> Result<()> {
    let items = [("SHOE", 8_000, 1_550), ("CAP", 2_000, of_caps)];
    let expected = Refunds { of_orders: [1_550 + of_caps, 0], items: &items };
    for basis in ["refund", "order"] {
        check(askers, as_of, &format!("window=1h&basis={basis}"), &expected).await?;
    }
    Ok(())
}

/// Each step of sealing finds refunds in the shards of the hour, and others come after it.
async fn refunds_before_while_and_after_an_hour_is_sealed_give_back_once(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "refunds-sealed").await?;
    let made: DateTime<Utc> = format!("{HOUR}:07:30Z").parse()?;
    let minutes_later = |minutes| made + TimeDelta::minutes(minutes);
    let bought = r#","items":[{"item_id":"SHOE","price":80},{"item_id":"CAP","price":20}]"#;
    let of_shoe = r#","item_id":"SHOE","price":15.5,"event_id":"r-0""#;
    let lines =
        [event("purchase", "1", made, bought), event("refund", "1", minutes_later(1), of_shoe)];
    let mut worker = store.start_plain_ingest().await?;
    let mut askers = Askers::start(&store).await?;
    count(&mut worker, &put(&store, &lines, 1, "first").await?).await?;
    rewrite_as_in_time(&store).await?;
    let mut rollup = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    let mut events = lines.len();
    let mut of_caps = 0;
    for attribute in ["open", "sealed_at", "done_at", "removed"] {
        if attribute != "open" {
            run_clean(&mut rollup).await?;
        }
        if attribute.ends_with("_at") {
            let_time_pass(&store, HOUR, SITE, attribute).await?;
        }
        let checked = check_hour(&mut askers, minutes_later(52), of_caps).await;
        checked.with_context(|| format!("before the refunds at {attribute}"))?;
        // One that is new, and one that is reported again at another time.
        of_caps += 125;
        let of_cap = format!(",\"item_id\":\"CAP\",\"price\":1.25,\"event_id\":\"{attribute}\"");
        let lines = [
            event("refund", "1", minutes_later(2 + of_caps / 125), &of_cap),
            event("refund", "1", minutes_later(3 + of_caps / 125), of_shoe),
        ];
        count(&mut worker, &put(&store, &lines, 1, attribute).await?).await?;
        events += lines.len();
        let checked = check_hour(&mut askers, minutes_later(52), of_caps).await;
        checked.with_context(|| format!("after the refunds at {attribute}"))?;
    }
    let total = refunds_of_days(&mut askers, made, [0, 1], "basis=order").await?;
    ensure!(total == 1_550 + of_caps, "{total} cents in the history");
    verified(&store, events).await
}
