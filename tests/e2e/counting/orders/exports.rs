//! A shop's orders, exported in three files that overlap, with faults: everything counts once, and
//! all books agree to the cent. The expected figures are added up here, in cents.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use minutebook_tests::cloud::Cloud;
use minutebook_tests::faults::{FaultProxy, seeded};
use minutebook_tests::random::Random;
use minutebook_tests::store::{Store, sqs_event};
use minutebook_tests::worker::Invocation;
use serde_json::{Value, json};

use crate::counting::chunks::{count, verified};
use crate::counting::orders::purchases::{Askers, cents};
use crate::counting::orders::{SITE, shuffled};

crate::tests![overlapping_exports_agree_to_the_cent_whatever_fails];

/// The number of events, including those that are reported again. `MINUTEBOOK_EXPORTED=100000` is
/// the long run.
#[expect(clippy::disallowed_methods, reason = "a longer run is configured by the environment")]
fn events() -> usize {
    std::env::var("MINUTEBOOK_EXPORTED")
        .ok()
        .and_then(|events| events.parse().ok())
        .unwrap_or(1_000)
}

const ITEMS: u64 = 40;
/// The days on which orders are placed. Refunds follow up to two days later.
const FIRST_DAY: &str = "2026-11-02T00:00:00Z";
const DAYS: i64 = 3;
const DAYS_OF_REFUNDS: i64 = 2;

/// How many of 1000 calls go wrong.
const FAULTS_OF_1000: u64 = 10;
const ATTEMPTS_MAX: usize = 10_000;

/// A sum that came in and one that was given back, in cents.
type Money = [i64; 2];

/// What all events come to, each counted once.
#[derive(Debug, Default)]
struct Books {
    orders: usize,
    /// By day: sales by the time of the purchase, refunds by their own.
    days: BTreeMap<NaiveDate, Money>,
    /// By day of the order.
    days_of_orders: BTreeMap<NaiveDate, Money>,
    /// Units, sales and refunds.
    items: BTreeMap<u64, (i64, Money)>,
}

impl Books {
    fn total(&self) -> Money {
        self.days.values().fold([0, 0], |sum, day| [sum[0] + day[0], sum[1] + day[1]])
    }
}

fn line(kind: &str, order: usize, time: DateTime<Utc>, members: &str) -> String {
    let time = time.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(
        "{{\"event\":\"{kind}\",\"ts\":\"{time}\",\"site_id\":\"{SITE}\",\"order_id\":\"x-{order}\",\"user_id\":{},{members}}}\n",
        order % 9_000
    )
}

fn price(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// At least so many events: orders of up to three items, each reported again by up to two reloads
/// of its last page, and refunds, some of them reported twice.
fn shop(events: usize) -> Result<(Vec<String>, Books)> {
    let mut random = Random::of(&[12]);
    let first: DateTime<Utc> = FIRST_DAY.parse()?;
    let (mut lines, mut books) = (vec![], Books::default());
    while lines.len() < events {
        let order = books.orders;
        books.orders += 1;
        let placed_at = first + TimeDelta::seconds(random.between(0, DAYS * 86_400 - 1));
        let mut bought = BTreeMap::new();
        for _ in 0..=random.below(3) {
            bought.insert(random.below(ITEMS), (random.between(1, 3), random.between(1, 20_000)));
        }
        let mut items = vec![];
        for (item, (units, cents)) in &bought {
            let unit_price = price(*cents);
            items.push(format!(r#"{{"sku":"i{item}","price":{unit_price},"quantity":{units}}}"#));
            let sold = units * cents;
            let known = books.items.entry(*item).or_default();
            known.0 += units;
            known.1[0] += sold;
            books.days.entry(placed_at.date_naive()).or_default()[0] += sold;
            books.days_of_orders.entry(placed_at.date_naive()).or_default()[0] += sold;
        }
        let members = format!("\"items\":[{}]", items.join(","));
        lines.push(line("purchase", order, placed_at, &members));
        for _ in 0..random.below(3) {
            let reloaded_at = placed_at + TimeDelta::seconds(random.between(1, 7_200));
            lines.push(line("purchase", order, reloaded_at, &members));
        }
        // Of each item at most what was paid for it.
        for (item, (units, cents)) in bought {
            if !random.chance(20) {
                continue;
            }
            let later = random.between(1, DAYS_OF_REFUNDS * 86_400);
            let refunded_at = placed_at + TimeDelta::seconds(later);
            let given_back = random.between(1, units * cents);
            let members = format!(r#""sku":"i{item}","total_amount":{}"#, price(given_back));
            let refund = line("refund", order, refunded_at, &members);
            lines.push(refund.clone());
            if random.chance(30) {
                lines.push(refund);
            }
            books.items.entry(item).or_default().1[1] += given_back;
            books.days.entry(refunded_at.date_naive()).or_default()[1] += given_back;
            books.days_of_orders.entry(placed_at.date_naive()).or_default()[1] += given_back;
        }
    }
    Ok((lines, books))
}

/// Counts a file in as many attempts as it takes, and returns the number of faults and of kills.
async fn count_under_faults(store: &Store, file: &Value, proxy: &FaultProxy) -> Result<[usize; 2]> {
    let mut kills = 0;
    for _ in 0..ATTEMPTS_MAX {
        let mut worker = store.start_ingest(&proxy.url, &store.clients.endpoint_url).await?;
        proxy.set_victim(worker.process_id());
        loop {
            let ended = worker.invoke(sqs_event(&[vec![file.clone()]])).await?;
            if ended.is_clean() {
                return Ok([proxy.faults_made().len(), kills]);
            }
            if ended == Invocation::Died {
                kills += 1;
                break;
            }
        }
    }
    anyhow::bail!("{file} is not counted after {ATTEMPTS_MAX} deaths")
}

/// The totals of a history by day that are not zero.
async fn history(askers: &mut Askers, measure: &str) -> Result<BTreeMap<NaiveDate, i64>> {
    let query = format!("measure={measure}&from=2026-11-01&to=2026-11-10");
    let answer = askers.ask("/history", &query).await?;
    let mut days = BTreeMap::new();
    for period in answer["periods"].as_array().context("a list")? {
        let from: DateTime<Utc> = period["from"].as_str().context("a time")?.parse()?;
        let total = cents(&period["total"])?;
        if total != 0 {
            days.insert(from.date_naive(), total);
        }
    }
    Ok(days)
}

fn column(days: &BTreeMap<NaiveDate, Money>, place: usize) -> BTreeMap<NaiveDate, i64> {
    let column = days.iter().map(|(day, money)| (*day, money[place]));
    column.filter(|(_, cents)| *cents != 0).collect()
}

async fn check(store: &Store, books: &Books) -> Result<()> {
    let mut askers = Askers::start(store).await?;
    let [gross, refunds] = books.total();
    let window = "window=7d&as_of=2026-11-08T00:00:00Z";
    for basis in ["refund", "order"] {
        let orders = askers.ask("/metrics/orders", &format!("{window}&basis={basis}")).await?;
        ensure!(orders["total_orders"] == books.orders, "{orders}");
        let found = [cents(&orders["total_revenue"])?, cents(&orders["refunded"])?];
        ensure!(found == [gross, refunds], "{found:?}, not {gross} and {refunds}");
    }
    for (item, (units, [sales, refunds])) in &books.items {
        let answer = askers.ask(&format!("/items/i{item}"), window).await?;
        let found = [cents(&answer["gross_sales"])?, cents(&answer["refunds"])?];
        ensure!(answer["units"] == *units && found == [*sales, *refunds], "{item}: {answer}");
    }
    ensure!(history(&mut askers, "sales").await? == column(&books.days, 0), "sales by day");
    ensure!(history(&mut askers, "refunds").await? == column(&books.days, 1), "refunds by day");
    let by_order = history(&mut askers, "refunds&basis=order").await?;
    ensure!(by_order == column(&books.days_of_orders, 1), "refunds by the day of the order");

    let days = "from=2026-11-01&to=2026-11-10";
    let answer = askers.ask("/reconcile", days).await?;
    ensure!(answer["reconciles"] == true && answer["proof"]["differences"] == 0, "{answer}");
    for period in answer["periods"].as_array().context("a list")? {
        let from: DateTime<Utc> = period["from"].as_str().context("a time")?.parse()?;
        let expected = books.days.get(&from.date_naive()).copied().unwrap_or_default();
        for book in ["items", "orders"] {
            let found = [cents(&period[book]["gross"])?, cents(&period[book]["refunds"])?];
            ensure!(found == expected, "{book}: {expected:?} is {period}");
        }
        ensure!(period["difference"] == json!({"gross": 0.0, "refunds": 0.0}), "{period}");
    }
    Ok(())
}

async fn overlapping_exports_agree_to_the_cent_whatever_fails(cloud: &Cloud) -> Result<()> {
    let store = Store::make(cloud, "orders-exports").await?;
    let begun = std::time::Instant::now();
    let (lines, books) = shop(events())?;
    let different: BTreeSet<&String> = lines.iter().collect();
    ensure!(different.len() < lines.len(), "no refund is reported twice");
    let purchases = lines.iter().filter(|line| line.contains(r#""event":"purchase""#)).count();
    ensure!(purchases > books.orders * 3 / 2, "few purchases are reported again");
    let quarter = lines.len() / 4;
    let exported = shuffled(lines.clone(), 1);
    // Each has half of the events and shares half of these with the next one.
    let files =
        [&exported[..2 * quarter], &exported[quarter..3 * quarter], &exported[2 * quarter..]];
    let mut records = vec![];
    for (number, file) in files.into_iter().enumerate() {
        let text = shuffled(file.to_vec(), 2 + number as u64).concat();
        records.push(store.put(&format!("export-{number}.jsonl"), text).await?);
    }
    let mut proxies = vec![];
    for seed in 0..records.len() {
        let plan = seeded(seed as u64, FAULTS_OF_1000);
        proxies.push(FaultProxy::start(&store.clients.endpoint_url, plan).await?);
    }
    FaultProxy::make_overlaps_conflict_among(&proxies.iter().collect::<Vec<_>>());
    let counting = records.iter().zip(&proxies);
    let counting = counting.map(|(file, proxy)| count_under_faults(&store, file, proxy));
    let mut faults = [0, 0];
    for [made, kills] in futures::future::try_join_all(counting).await? {
        faults = [faults[0] + made, faults[1] + kills];
    }
    ensure!(faults[0] > 0, "no call went wrong");
    let lines_of_files: usize = files.iter().map(|file| file.len()).sum();
    verified(&store, lines_of_files).await?;
    check(&store, &books).await?;
    // Everything comes once more, without faults.
    count(&mut store.start_plain_ingest().await?, &records).await?;
    verified(&store, lines_of_files).await?;
    println!(
        "{} events of {} orders in {lines_of_files} lines of 3 files: {} faults, {} of them kills, \
         0 differences, {} s",
        lines.len(),
        books.orders,
        faults[0],
        faults[1],
        begun.elapsed().as_secs()
    );
    Ok(())
}
