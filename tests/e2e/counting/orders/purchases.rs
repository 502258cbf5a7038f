//! Purchases that name an order count once, however often, in whatever files and at whatever times
//! they are reported. The expected figures are added up here, in cents.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::store::Store;
use minutebook_tests::worker::Worker;
use serde_json::Value;

use crate::calls::asking::ask;
use crate::counting::chunks::{Coming, count};
use crate::counting::orders::{HOUR, SITE, first_time, put, shuffled};
use crate::counting::rollup::{let_time_pass, run_clean};

crate::tests![
    purchases_in_overlapping_files_count_once,
    a_purchase_that_comes_again_while_its_hour_is_sealed_counts_once,
];

const ORDERS: usize = 12;

/// What the orders of a test come to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    orders: i64,
    gross_cents: i64,
    /// Units, and money in cents.
    items: BTreeMap<String, (i64, i64)>,
    /// Money without an item.
    other_cents: i64,
}

fn purchase(order: usize, time: DateTime<Utc>, members: &str) -> String {
    let time = time.to_rfc3339_opts(SecondsFormat::Nanos, true);
    format!(
        "{{\"event\":\"purchase\",\"ts\":\"{time}\",\"site_id\":\"{SITE}\",\"order_id\":\"p-{order}\",{members}}}\n"
    )
}

/// The items of an order. Every fourth order has a discount.
fn items_of(order: usize) -> Vec<String> {
    let item = order % 3;
    let mut items = vec![
        format!(r#""item_id":"A{item}","price":{order}.25,"quantity":2"#),
        r#""item_id":"B","total_amount":"3.00""#.to_string(),
    ];
    if order.is_multiple_of(4) {
        items.push(r#""item_id":"voucher","price":-1"#.to_string());
    }
    items
}

fn whole(order: usize, time: DateTime<Utc>) -> String {
    let items = items_of(order).into_iter().map(|item| format!("{{{item}}}"));
    purchase(order, time, &format!(r#""items":[{}]"#, items.collect::<Vec<_>>().join(",")))
}

fn expected() -> Result<Figures> {
    let mut figures = Figures { orders: i64::try_from(ORDERS)?, ..Figures::default() };
    for order in 0..ORDERS {
        let cents = 2 * (i64::try_from(order)? * 100 + 25);
        let mut add = |item: String, units, cents| {
            let known = figures.items.entry(item).or_default();
            *known = (known.0 + units, known.1 + cents);
            figures.gross_cents += cents;
        };
        add(format!("A{}", order % 3), 2, cents);
        add("B".to_string(), 1, 300);
        if order % 4 == 0 {
            figures.other_cents -= 100;
            figures.gross_cents -= 100;
        }
    }
    Ok(figures)
}

pub(crate) fn cents(number: &Value) -> Result<i64> {
    let text = format!("{:.0}", number.as_f64().context("a number")? * 100.0);
    Ok(text.parse()?)
}

/// The functions that are asked.
pub(crate) struct Askers {
    api: Worker,
    ranking: Worker,
}

impl Askers {
    pub(crate) async fn start(store: &Store) -> Result<Askers> {
        let endpoint_url = &store.clients.endpoint_url;
        Ok(Askers {
            api: store.start_query("api", endpoint_url).await?,
            ranking: store.start_query("highest_grossing", endpoint_url).await?,
        })
    }

    pub(crate) async fn ask(&mut self, path: &str, query: &str) -> Result<Value> {
        let worker = if path.starts_with("/highest") { &mut self.ranking } else { &mut self.api };
        let (status, answer) = ask(worker, path, &format!("site_id={SITE}&{query}")).await?;
        ensure!(status == 200, "{path} {query}: {answer}");
        Ok(answer)
    }

    /// The figures of a window that ends with `as_of`, as each of the calls tells them.
    async fn check(
        &mut self,
        as_of: DateTime<Utc>,
        window: &str,
        expected: &Figures,
    ) -> Result<()> {
        let window = format!("window={window}&as_of={}", as_of.format("%Y-%m-%dT%H:%M:00Z"));
        let orders = self.ask("/metrics/orders", &window).await?;
        ensure!(orders["total_orders"] == expected.orders, "{orders}");
        ensure!(cents(&orders["total_revenue"])? == expected.gross_cents, "{orders}");
        ensure!(orders["incomplete"].is_null(), "{orders}");
        for (item, (units, money)) in &expected.items {
            let answer = self.ask(&format!("/items/{item}"), &window).await?;
            let found = (&answer["units"], cents(&answer["gross_sales"])?);
            ensure!(*found.0 == *units && found.1 == *money, "{item}: {answer}");
        }
        let ranking = self.ask("/highest_grossing_item", &format!("limit=100&{window}")).await?;
        let mut items = BTreeMap::new();
        for item in ranking["top"].as_array().context("a list")? {
            let id = item["item_id"].as_str().context("a text")?;
            items.insert(id.to_string(), cents(&item["total_sales"])?);
        }
        let sold: BTreeMap<String, i64> =
            expected.items.iter().map(|(item, (_, money))| (item.clone(), *money)).collect();
        ensure!(items == sold, "{ranking}");
        let other = &ranking["other"]["total_sales"];
        let other = if other.is_null() { 0 } else { cents(other)? };
        ensure!(other == expected.other_cents, "{ranking}");
        // Days around it.
        let day = |days| (as_of + TimeDelta::days(days)).format("%Y-%m-%d");
        let days = format!("measure=sales&from={}&to={}", day(-3), day(1));
        let history = self.ask("/history", &days).await?;
        let mut total = 0;
        for period in history["periods"].as_array().context("a list")? {
            total += cents(&period["total"])?;
        }
        ensure!(total == expected.gross_cents, "{history}");
        Ok(())
    }
}

async fn purchases_in_overlapping_files_count_once(cloud: &Cloud) -> Result<()> {
    for coming in Coming::BOTH {
        let store = coming.store(cloud, "purchases-overlap").await?;
        let first = first_time(coming)?;
        let at = |order: usize, later| {
            let seconds = i64::try_from(order).unwrap_or(0) + later;
            first + TimeDelta::seconds(seconds)
        };
        let all: Vec<String> = (0..ORDERS).map(|order| whole(order, at(order, 0))).collect();
        // The thank-you pages of some are loaded again, or were before.
        let again = (4..ORDERS).map(|order| whole(order, at(order, 60)));
        let before = (0..6).map(|order| whole(order, at(order, -120)));
        // The items of some come one by one; a discount only stands among others.
        let one_by_one = (0..ORDERS).filter(|order| order % 4 != 0).flat_map(|order| {
            items_of(order).into_iter().map(move |item| purchase(order, at(order, 5), &item))
        });
        let mut worker = store.start_plain_ingest().await?;
        let mut askers = Askers::start(&store).await?;
        let expected = expected()?;
        let files = [all, again.collect(), before.collect(), one_by_one.collect()];
        for (number, lines) in (1_u64..).zip(&files) {
            let lines = shuffled(lines.clone(), number);
            count(&mut worker, &put(&store, &lines, 2, &format!("{number}")).await?).await?;
            let as_of = first + TimeDelta::minutes(2);
            askers.check(as_of, "3d", &expected).await.with_context(|| format!("file {number}"))?;
        }
        // The same in another order, in one file.
        let lines = shuffled(files.concat(), 9);
        count(&mut worker, &put(&store, &lines, 1, "whole").await?).await?;
        askers.check(first + TimeDelta::minutes(2), "3d", &expected).await?;
    }
    Ok(())
}

/// Rewrites the late rows of [`HOUR`] as if what they count had been in time: what orders add to
/// units and sales is in shards of its own.
pub(super) async fn rewrite_as_in_time(store: &Store) -> Result<()> {
    let minutes = format!("T#{SITE}#{HOUR}");
    store.list_open(SITE, HOUR).await?;
    for ([partition, row, name], number) in store.counters().await? {
        if partition != minutes {
            store.delete_row(&partition, &row).await?;
            continue;
        }
        let of_items = ["units#", "sales:", "refunds:"];
        let is_of_items = of_items.iter().any(|measure| row.starts_with(measure));
        let in_time = row.replace("#late#", if is_of_items { "#o03#" } else { "#03#" });
        store.add((&minutes, &in_time), &name, &number).await?;
        store.delete_row(&minutes, &row).await?;
    }
    Ok(())
}

async fn a_purchase_that_comes_again_while_its_hour_is_sealed_counts_once(
    cloud: &Cloud,
) -> Result<()> {
    let store = Store::make(cloud, "purchases-sealed").await?;
    let made: DateTime<Utc> = format!("{HOUR}:07:30Z").parse()?;
    let minutes_later = |minutes| made + TimeDelta::minutes(minutes);
    let shoe = r#""items":[{"item_id":"SHOE","price":80},{"item_id":"off","price":-10}]"#;
    let mut expected = Figures {
        orders: 1,
        gross_cents: 7_000,
        items: BTreeMap::from([("SHOE".to_string(), (1, 8_000))]),
        other_cents: -1_000,
    };
    let mut worker = store.start_plain_ingest().await?;
    let mut askers = Askers::start(&store).await?;
    let as_of = minutes_later(52);
    let first = put(&store, &[purchase(1, made, shoe)], 1, "a").await?;
    count(&mut worker, &first).await?;
    askers.check(as_of, "1h", &expected).await.context("late")?;
    rewrite_as_in_time(&store).await?;
    askers.check(as_of, "1h", &expected).await.context("in time")?;
    // It comes again later, and then an earlier purchase moves it.
    let again = put(&store, &[purchase(1, minutes_later(3), shoe)], 1, "b").await?;
    count(&mut worker, &again).await?;
    askers.check(as_of, "1h", &expected).await.context("again")?;
    let cap = purchase(1, minutes_later(-2), r#""item_id":"CAP","price":"5.01""#);
    count(&mut worker, &put(&store, &[cap], 1, "c").await?).await?;
    expected.gross_cents += 501;
    expected.items.insert("CAP".to_string(), (1, 501));
    let mut rollup = store.start_rollup(&store.clients.endpoint_url, 0).await?;
    for attribute in ["sealed_at", "done_at", ""] {
        run_clean(&mut rollup).await?;
        if !attribute.is_empty() {
            let_time_pass(&store, HOUR, SITE, attribute).await?;
        }
        let checked = askers.check(as_of, "1h", &expected).await;
        checked.with_context(|| format!("around {attribute}"))?;
        let again = put(&store, &[purchase(1, minutes_later(4), shoe)], 1, attribute).await?;
        count(&mut worker, &again).await?;
    }
    // After its hour is done it moves to the hour before.
    let earlier = put(&store, &[purchase(1, minutes_later(-30), shoe)], 1, "d").await?;
    count(&mut worker, &earlier).await?;
    askers.check(as_of, "2h", &expected).await.context("moved")?;
    let nothing = Figures::default();
    let hour = format!("window=1h&as_of={}", as_of.format("%Y-%m-%dT%H:%M:00Z"));
    let left = askers.ask("/highest_grossing_item", &hour).await?;
    ensure!(left["highest_grossing_item"].is_null() && left["other"].is_null(), "{left}");
    let orders = askers.ask("/metrics/orders", &hour).await?;
    ensure!(orders["total_orders"] == nothing.orders, "{orders}");
    Ok(())
}
