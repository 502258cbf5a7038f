//! Questions about orders, and their expected answers.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use lambda_http::{Body, Request, Response};
use minutebook_api::backend::Backend;
use minutebook_api::orders::{self, OrdersCall};
use minutebook_oracle::{Decimal, Order, TallyKey};
use minutebook_storage::table::Table;
use minutebook_tests::random::Random;
use serde_json::Value;

use super::basis::Basis;
use super::checks::{decimal, minutes_of};
use super::{Bounds, LIMIT, text_of};
use crate::book::orders::{FoundOrders, nanoseconds};
use crate::steps::Setting;

/// A question about orders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderQuestion {
    call: Call,
    site: &'static str,
    /// The window, and its length in minutes.
    window: (&'static str, i64),
    currency: &'static str,
    /// How many seconds before now the window ends.
    age: i64,
    /// By which time refunds are added up.
    basis: Basis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Orders,
    Realtime,
    HourlyRevenue,
    TopByRevenue,
    TopByUnits,
}

const CALLS: [Call; 5] =
    [Call::Orders, Call::Realtime, Call::HourlyRevenue, Call::TopByRevenue, Call::TopByUnits];

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
/// How far back `/metrics/realtime` lists orders, in minutes.
const RECENT: i64 = DAY;
/// The tolerance for quotients, which have six decimals.
const ROUNDING: f64 = 0.000_001;

/// What happens to the orders while a question is answered.
#[derive(Clone, Debug)]
pub(crate) enum OrdersNow {
    /// Orders change. The numbers of an answer come from several rows, some read before a change
    /// and some after it. Each listed order comes from one row.
    Changing,
    /// Orders are added, but none changes.
    Growing,
    /// Nothing changes. All numbers must match these orders.
    AtRest(FoundOrders),
}

impl OrderQuestion {
    /// A random question about a site.
    pub(crate) fn any(random: &mut Random, site: &'static str) -> OrderQuestion {
        let call = *random.pick(&CALLS);
        let age = if random.chance(60) { 0 } else { random.between(0, 3 * DAY * 60) };
        OrderQuestion::of(call, random, site, age)
    }

    /// A question for every call, about a site as of now.
    pub(crate) fn all(random: &mut Random, site: &'static str) -> Vec<OrderQuestion> {
        CALLS.into_iter().map(|call| OrderQuestion::of(call, random, site, 0)).collect()
    }

    /// Some questions about a random site.
    pub(crate) fn some(random: &mut Random, setting: &Setting) -> Vec<OrderQuestion> {
        let site = *random.pick(&setting.sites);
        (0..2).map(|_| OrderQuestion::any(random, site)).collect()
    }

    fn of(call: Call, random: &mut Random, site: &'static str, age: i64) -> OrderQuestion {
        let mut windows = vec![("1m", 1), ("35m", 35), ("1h", HOUR), ("24h", DAY)];
        if call != Call::Realtime {
            windows.push(("7d", 7 * DAY));
        }
        if matches!(call, Call::TopByRevenue | Call::TopByUnits) {
            windows.push(("400d", 400 * DAY));
        }
        let currency = *random.pick(&["USD", "USD", "EUR"]);
        let window = *random.pick(&windows);
        let basis = match call {
            Call::Orders | Call::HourlyRevenue => Basis::any(age + window.1),
            Call::Realtime | Call::TopByRevenue | Call::TopByUnits => Basis::Order,
        };
        OrderQuestion { call, site, window, currency, age, basis }
    }

    /// The site that is asked about.
    pub(super) fn site(&self) -> &'static str {
        self.site
    }

    fn path(&self) -> &'static str {
        match self.call {
            Call::Orders => "/metrics/orders",
            Call::Realtime => "/metrics/realtime",
            Call::HourlyRevenue => "/metrics/revenue/hourly",
            Call::TopByRevenue | Call::TopByUnits => "/metrics/products/top",
        }
    }

    fn handler(&self) -> OrdersCall {
        match self.call {
            Call::Orders => OrdersCall::Orders,
            Call::Realtime => OrdersCall::Realtime,
            Call::HourlyRevenue => OrdersCall::HourlyRevenue,
            Call::TopByRevenue | Call::TopByUnits => OrdersCall::TopProducts,
        }
    }

    /// Sends the question to its handler.
    pub(super) async fn ask(
        &self,
        backend: &Backend<Table>,
        now: DateTime<Utc>,
    ) -> Result<Response<Body>> {
        Ok(orders::handle(self.handler(), &self.request(now)?, backend).await)
    }

    fn request(&self, now: DateTime<Utc>) -> Result<Request> {
        let OrderQuestion { call, site, window, currency, age, basis } = self;
        let listed = match call {
            Call::Orders | Call::HourlyRevenue => basis.in_query(Basis::Order),
            Call::Realtime | Call::TopByRevenue => format!("&limit={LIMIT}"),
            Call::TopByUnits => format!("&limit={LIMIT}&by=units"),
        };
        let as_of = text_of(now.timestamp() - age);
        let uri = format!(
            "https://api.example{}?site_id={site}&window={}&currency={currency}&as_of={as_of}{listed}",
            self.path(),
            window.0
        );
        let request = lambda_http::http::Request::builder().uri(uri).body(Body::Empty)?;
        Ok(request)
    }
}

impl fmt::Display for OrderQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OrderQuestion { call, site, window, currency, age, basis } = self;
        write!(f, "{call:?} of {site} in {} in {currency}, {age} s ago, {basis:?}", window.0)
    }
}

/// Checks an answer against the possible orders.
pub(super) fn check(
    question: &OrderQuestion,
    answer: &Value,
    bounds: &Bounds,
    now: DateTime<Utc>,
) -> Result<()> {
    let minutes = window(question, answer, now)?;
    if question.call == Call::Realtime {
        check_recent(question, answer, bounds, now)?;
        let [least, most] = [&bounds.least, &bounds.most]
            .map(|counted| counted.visitors.distinct(question.site, minutes.clone()).users);
        let found = answer["active_users"].as_u64().context("there are no active_users")?;
        ensure!((least..=most).contains(&found), "{found} active_users, not {least} to {most}");
    }
    let Some([least, most]) = bounds.order_tallies() else { return Ok(()) };
    let site = question.site;
    let (currency, basis) = (question.currency, question.basis);
    let numbers = Numbers { site, currency, basis, least: &least, most: &most };
    match question.call {
        Call::Orders => check_orders(answer, &numbers, minutes),
        Call::Realtime => check_realtime(answer, &numbers, minutes),
        Call::HourlyRevenue => check_hourly_revenue(answer, &numbers, minutes),
        Call::TopByRevenue | Call::TopByUnits => {
            let by_units = question.call == Call::TopByUnits;
            check_products(&answer["products"], &numbers, by_units, minutes)
        }
    }
}

/// The minutes of an answer's window.
fn window(question: &OrderQuestion, answer: &Value, now: DateTime<Utc>) -> Result<Range<i64>> {
    let OrderQuestion { call, window: (_, length), age, .. } = question;
    let as_of = now - chrono::TimeDelta::seconds(*age);
    let mut asked = minutebook_oracle::window(as_of, *length);
    if *call == Call::HourlyRevenue {
        // The window begins with a whole hour.
        asked.start -= asked.start.rem_euclid(HOUR);
    }
    minutes_of(answer, asked)
}

/// The bounds of the numbers about the orders of a site.
struct Numbers<'a> {
    site: &'a str,
    currency: &'a str,
    basis: Basis,
    least: &'a BTreeMap<TallyKey, Decimal>,
    most: &'a BTreeMap<TallyKey, Decimal>,
}

/// The lower and the upper bound of a number.
type Between = [Decimal; 2];

impl Numbers<'_> {
    /// The sums of a measure by key.
    fn by_key(&self, measure: &str, minutes: &Range<i64>) -> BTreeMap<&str, Between> {
        let mut sums: BTreeMap<&str, Between> = BTreeMap::new();
        for (place, tallies) in [self.least, self.most].into_iter().enumerate() {
            for (cell, number) in tallies {
                let is_of_site = cell.site == self.site && cell.measure == measure;
                if is_of_site && minutes.contains(&cell.minute) {
                    sums.entry(&cell.key).or_default()[place] += *number;
                }
            }
        }
        sums
    }

    /// The number of orders in all currencies.
    fn orders(&self, minutes: &Range<i64>) -> Between {
        let by_status = self.by_key("orders", minutes);
        [0, 1].map(|place| by_status.values().map(|sums| sums[place]).sum())
    }

    /// The number, the gross value and the refunds of the orders in the currency.
    fn value(&self, minutes: &Range<i64>) -> [Between; 3] {
        let refunded = match self.basis {
            Basis::Order => "refunded",
            Basis::Refund => "refunds",
        };
        ["orders", "gross", refunded].map(|key| self.money(key, minutes))
    }

    /// One of the sums of the orders in the currency.
    fn money(&self, key: &str, minutes: &Range<i64>) -> Between {
        let sums = self.by_key(&format!("order_value:{}", self.currency), minutes);
        sums.get(key).copied().unwrap_or_default()
    }
}

/// The gross value minus the refunds.
pub(super) fn net(gross: Between, refunded: Between) -> Between {
    [gross[0] - refunded[1], gross[1] - refunded[0]]
}

pub(super) fn ensure_between(answer: &Value, name: &str, [least, most]: Between) -> Result<()> {
    let found = decimal(&answer[name])?;
    ensure!(least <= found && found <= most, "{name} is {found}, not {least} to {most}");
    Ok(())
}

/// Checks a quotient within `ROUNDING`, if both of its numbers are certain.
fn ensure_quotient(answer: &Value, name: &str, sum: Between, of: Between) -> Result<()> {
    if sum[0] != sum[1] || of[0] != of[1] {
        return Ok(());
    }
    let [sum, of] = [sum[0], of[0]].map(|number| number.to_string().parse::<f64>());
    let (sum, of) = (sum?, of?);
    let expected = if of == 0.0 { 0.0 } else { sum / of };
    let found = answer[name].as_f64().with_context(|| format!("there is no {name}"))?;
    ensure!((found - expected).abs() <= ROUNDING, "{name} is {found}, not {expected}");
    Ok(())
}

fn check_orders(answer: &Value, numbers: &Numbers<'_>, minutes: Range<i64>) -> Result<()> {
    let [count, gross, refunded] = numbers.value(&minutes);
    let over_refunded = numbers.money("over_refunded", &minutes);
    match &answer["over_refunded"] {
        // It is left out if it is zero.
        Value::Null => ensure!(over_refunded[0].is_zero(), "there is no over_refunded"),
        _ => ensure_between(answer, "over_refunded", over_refunded)?,
    }
    ensure_between(answer, "total_orders", numbers.orders(&minutes))?;
    ensure_between(answer, "total_revenue", gross)?;
    ensure_between(answer, "refunded", refunded)?;
    ensure_between(answer, "net_revenue", net(gross, refunded))?;
    ensure_quotient(answer, "avg_order_value", gross, count)?;

    let expected = numbers.by_key("orders", &minutes);
    let by_status = answer["orders_by_status"].as_object().context("there are statuses")?;
    for status in by_status.keys() {
        let sums = expected.get(status.as_str()).copied().unwrap_or_default();
        ensure_between(&answer["orders_by_status"], status, sums)?;
        ensure!(by_status[status] != 0, "no order is {status}");
    }
    for (status, [least, _]) in expected {
        ensure!(least.is_zero() || by_status.contains_key(status), "{least} orders are {status}");
    }

    let per_hour = answer["orders_per_hour"].as_object().context("there are hours")?;
    let hours: Vec<Range<i64>> = hours(&minutes).collect();
    ensure!(per_hour.len() == hours.len(), "there are {} hours", per_hour.len());
    for hour in hours {
        let name = text_of(hour.start.div_euclid(HOUR) * HOUR * 60);
        ensure_between(&answer["orders_per_hour"], &name, numbers.orders(&hour))?;
    }
    Ok(())
}

/// The hours of a window. The first and the last are cut to the window.
fn hours(minutes: &Range<i64>) -> impl Iterator<Item = Range<i64>> {
    let Range { start, end } = *minutes;
    (start.div_euclid(HOUR)..(end - 1).div_euclid(HOUR) + 1)
        .map(move |hour| (hour * HOUR).max(start)..((hour + 1) * HOUR).min(end))
}

fn check_realtime(answer: &Value, numbers: &Numbers<'_>, minutes: Range<i64>) -> Result<()> {
    let length = Decimal::from(u64::try_from(minutes.end - minutes.start)?);
    let [_, gross, _] = numbers.value(&minutes);
    let orders = numbers.orders(&minutes);
    ensure_quotient(answer, "current_orders_per_minute", orders, [length; 2])?;
    ensure_quotient(answer, "revenue_per_minute", gross, [length; 2])?;
    check_products(&answer["top_products"], numbers, false, minutes)
}

fn check_hourly_revenue(answer: &Value, numbers: &Numbers<'_>, minutes: Range<i64>) -> Result<()> {
    let listed = answer["hours"].as_array().context("there are hours")?;
    let expected: Vec<Range<i64>> = hours(&minutes).collect();
    ensure!(listed.len() == expected.len(), "there are {} hours", listed.len());
    for (hour, minutes) in listed.iter().zip(expected) {
        let name = text_of(minutes.start * 60);
        ensure!(hour["hour"] == name.as_str(), "{hour} is not {name}");
        let [count, gross, refunded] = numbers.value(&minutes);
        ensure_between(hour, "orders", count).context(name.clone())?;
        ensure_between(hour, "revenue", gross).context(name.clone())?;
        ensure_between(hour, "refunded", refunded).context(name.clone())?;
        ensure_between(hour, "net_revenue", net(gross, refunded)).context(name)?;
    }
    let [_, gross, refunded] = numbers.value(&minutes);
    ensure_between(answer, "total_revenue", gross)?;
    ensure_between(answer, "net_revenue", net(gross, refunded))
}

fn check_products(
    answer: &Value,
    numbers: &Numbers<'_>,
    by_units: bool,
    minutes: Range<i64>,
) -> Result<()> {
    let money = format!("ordered_value:{}", numbers.currency);
    let (units, revenue) = (numbers.by_key("ordered", &minutes), numbers.by_key(&money, &minutes));
    let products = answer.as_array().context("there are products")?;
    let mut listed = vec![];
    for product in products {
        let name = product["product_name"].as_str().context("a product has a name")?;
        let sums = |sums: &BTreeMap<&str, Between>| sums.get(name).copied().unwrap_or_default();
        ensure_between(product, "units", sums(&units)).context(name.to_string())?;
        ensure_between(product, "revenue", sums(&revenue)).context(name.to_string())?;
        listed.push(name);
    }
    // If all numbers are certain, so is the ranking.
    let ranked_by = if by_units { &units } else { &revenue };
    if ranked_by.values().all(|[least, most]| least == most) {
        let mut expected: Vec<(&str, Decimal)> =
            ranked_by.iter().map(|(name, [number, _])| (*name, *number)).collect();
        expected.retain(|(_, number)| !number.is_zero());
        expected.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
        let expected: Vec<&str> = expected.into_iter().map(|(name, _)| name).collect();
        ensure!(listed == expected, "the products are {listed:?}, not {expected:?}");
    }
    Ok(())
}

/// Checks that each listed order has a possible state, and that the newest comes first. Unless
/// orders change meanwhile, each recent order whose state is certain must be listed.
fn check_recent(
    question: &OrderQuestion,
    answer: &Value,
    bounds: &Bounds,
    now: DateTime<Utc>,
) -> Result<()> {
    let states = bounds.order_states();
    let as_of = now - chrono::TimeDelta::seconds(question.age);
    let day = minutebook_oracle::window(as_of, RECENT);
    let is_recent = |placed_at: i128| {
        let minute = placed_at.div_euclid(60_000_000_000);
        (i128::from(day.start)..i128::from(day.end)).contains(&minute)
    };
    let mut listed = vec![];
    for recent in answer["recent_orders"].as_array().context("there are recent orders")? {
        let id = recent["order_id"].as_str().context("an order has an id")?;
        let name = (question.site.to_string(), id.to_string());
        let placed_at = nanoseconds(recent["created_at"].as_str().context("and a time")?)?;
        let possible = states.of(&name);
        let is_possible = possible.iter().flatten().map(|order| is_like(recent, order));
        ensure!(
            is_possible.collect::<Result<Vec<_>>>()?.contains(&true),
            "{recent} is none of {possible:?}"
        );
        ensure!(is_recent(placed_at), "{recent} is not of the last 24 hours");
        listed.push((placed_at, name));
    }
    ensure!(listed.is_sorted_by(|newer, older| newer > older), "{listed:?} are not in order");
    if matches!(bounds.orders, OrdersNow::Changing) || listed.len() == LIMIT {
        return Ok(());
    }
    for (name, possible) in states.iter().filter(|((site, _), _)| site == question.site) {
        let [Some(order)] = possible else { continue };
        let Some(placed_at) = order.placed_at().filter(|at| is_recent(*at)) else { continue };
        // The list keeps its rows as long as minute rows are kept, which is longer than a day.
        let is_kept = question.age == 0;
        let is_listed = listed.contains(&(placed_at, name.clone()));
        ensure!(is_listed || !is_kept, "order {name:?} is not listed: {possible:?}");
    }
    Ok(())
}

/// Whether a listed order has this state.
fn is_like(recent: &Value, order: &Order) -> Result<bool> {
    let number = order.made.as_ref().and_then(|(_, made)| made.number.as_deref());
    let Some(listed_at) = recent["created_at"].as_str() else { bail!("{recent} has no time") };
    Ok(Some(nanoseconds(listed_at)?) == order.placed_at()
        && recent["order_number"] == number.map_or(Value::Null, Value::from)
        && recent["status"] == order.status()
        && Some(&recent["currency"]) == order.currency().map(Value::from).as_ref()
        && decimal(&recent["total_amount"])? == order.value()
        && decimal(&recent["refunded"])? == order.refunded())
}
