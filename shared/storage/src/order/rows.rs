//! The rows of orders, and the list of recent ones.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::future::try_join_all;
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::order::facts::{
    Cancellation, Creation, OrderFacts, OrderId, Product, Source, Stage,
};
use minutebook_domain::order::purchases::{FirstPurchase, OrderLine, OrderLines, Purchases};
use minutebook_domain::query::window::Window;
use minutebook_domain::time::period::{Period, Retention};
use minutebook_domain::time::{Day, Minute};

use crate::error::StorageError;
use crate::keys;
use crate::table::{
    BATCH_READS_MAX, Consistency, Item, Table, has_expired, key, malformed, number, text,
    text_if_any, time,
};

/// The number of rows of the list of recent orders that are read beyond the limit. An order that
/// turned out to be placed earlier than first known is listed twice, and shown once.
const RECENT_SPARE: usize = 10;

/// The content of an order's row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KnownOrder {
    /// What is known about the order.
    pub(crate) facts: OrderFacts,
    /// The number of times that the row was written.
    pub(crate) revision: u64,
}

/// A question to the list of recent orders.
#[derive(Clone, Copy, Debug)]
pub struct RecentQuestion<'a> {
    /// The site.
    pub site: &'a str,
    /// The minutes in which the orders were placed.
    pub window: Window,
    /// The number of orders that are wanted.
    pub limit: usize,
    /// The current time: it decides what has expired.
    pub now: DateTime<Utc>,
}

/// An order of the list of recent orders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecentOrder {
    /// Its id.
    pub id: String,
    /// What is known about it; when it was placed always is.
    pub facts: OrderFacts,
}

/// Where recent orders are read from: the table, or a stand-in for it in tests.
pub trait OrderSource: Sync {
    /// The orders that were placed in a window, the newest first, in their current state. Reads
    /// may lag by less than a second.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn recent_orders(
        &self,
        question: &RecentQuestion<'_>,
    ) -> impl Future<Output = Result<Vec<RecentOrder>, StorageError>> + Send;
}

impl OrderSource for Table {
    async fn recent_orders(
        &self,
        question: &RecentQuestion<'_>,
    ) -> Result<Vec<RecentOrder>, StorageError> {
        let days = days_of(question.window);
        let mut listed = try_join_all(days.into_iter().map(|day| self.list_of_day(question, day)))
            .await?
            .concat();
        listed.sort_unstable_by(|left, right| right.cmp(left));
        listed.truncate(question.limit + RECENT_SPARE);
        let ids: Vec<OrderId> = listed
            .iter()
            .map(|(_, id)| OrderId { site: question.site.to_string(), id: id.clone() })
            .collect();
        let known =
            self.read_orders(&ids.iter().collect::<Vec<_>>(), Consistency::Eventual).await?;
        let recent = listed.into_iter().zip(known).filter_map(|((listed_at, id), known)| {
            let facts = known?.facts;
            let is_listed_time = facts.placed_at().is_some_and(|at| exact_time(at) == listed_at);
            is_listed_time.then_some(RecentOrder { id, facts })
        });
        Ok(recent.take(question.limit).collect())
    }
}

impl Table {
    /// Reads the rows of orders, in the order of the ids; `None` for one that does not exist.
    ///
    /// **Shape**: no id may occur twice.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn read_orders(
        &self,
        ids: &[&OrderId],
        consistency: Consistency,
    ) -> Result<Vec<Option<KnownOrder>>, StorageError> {
        let mut known: HashMap<String, KnownOrder> = HashMap::with_capacity(ids.len());
        for batch in ids.chunks(BATCH_READS_MAX) {
            let wanted = batch.iter().map(|id| order_key(id)).collect();
            for item in self.read_batch(wanted, consistency, "BatchGetItem of orders").await? {
                known.insert(text(&item, keys::PARTITION_KEY)?.to_string(), read_order(&item)?);
            }
        }
        Ok(ids.iter().map(|id| known.remove(&keys::order_partition(&id.site, &id.id))).collect())
    }

    /// The newest orders of a day's list: when they were placed, as written there, and the id.
    async fn list_of_day(
        &self,
        question: &RecentQuestion<'_>,
        day: Day,
    ) -> Result<Vec<(String, String)>, StorageError> {
        // Times have one length, and a whole minute sorts before all times within it.
        let bound = |minute: Minute| exact_time(time_of(minute));
        let limit = i32::try_from(question.limit + RECENT_SPARE).unwrap_or(i32::MAX);
        let bounds = (bound(question.window.from), bound(question.window.to));
        let query = self
            .query_between(
                keys::recent_partition(question.site, day),
                bounds,
                Consistency::Eventual,
            )
            .scan_index_forward(false)
            .limit(limit);
        let answer = query
            .send()
            .await
            .map_err(|error| StorageError::from_sdk("Query of recent orders", error))?;
        let mut listed = Vec::new();
        for item in answer.items.unwrap_or_default() {
            if has_expired(&item, question.now)? {
                continue;
            }
            let (placed_at, id) =
                text(&item, keys::SORT_KEY)?.split_once('#').ok_or_else(|| {
                    malformed(&item, "its sort key is not a time and an order".to_string())
                })?;
            listed.push((placed_at.to_string(), id.to_string()));
        }
        Ok(listed)
    }
}

/// The days that a window has minutes of.
fn days_of(window: Window) -> Vec<Day> {
    let mut days = Vec::new();
    let mut day = window.from.hour().day();
    while day.first_hour().first_minute() < window.to {
        days.push(day);
        day = day.next();
    }
    days
}

/// The row that lists an order among the recent ones; `None` if it would have expired already.
pub(crate) fn recent_item(
    order: &OrderId,
    placed_at: DateTime<Utc>,
    retention: Retention,
    now: DateTime<Utc>,
) -> Option<Item> {
    let minute = Minute::containing(placed_at)?;
    let period = Period::Minute(minute);
    if retention.has_expired(period, now.timestamp()) {
        return None;
    }
    let sort_key = keys::recent_order(&exact_time(placed_at), &order.id);
    let mut item = key(keys::recent_partition(&order.site, minute.hour().day()), sort_key);
    if let Some(expires_at) = retention.expires_at(period) {
        item.insert(keys::TIME_TO_LIVE.to_string(), AttributeValue::N(expires_at.to_string()));
    }
    Some(item)
}

/// The keys of an order's row.
fn order_key(order: &OrderId) -> Item {
    key(keys::order_partition(&order.site, &order.id), keys::ORDER.to_string())
}

/// Writes what is known about an order as a row.
pub(crate) fn order_item(order: &OrderId, facts: &OrderFacts, revision: u64) -> Item {
    let mut item = order_key(order);
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_string(), value);
    let text = |text: &str| AttributeValue::S(text.to_string());
    let amount = |amount: Amount| AttributeValue::N(amount.to_string());
    set(keys::REVISION, AttributeValue::N(revision.to_string()));
    if let Some(Creation { at, number, customer, currency, value, products }) = &facts.created {
        set("created_at", AttributeValue::S(exact_time(*at)));
        set("currency", text(currency.as_str()));
        set("value", amount(*value));
        if let Some(number) = number {
            set("order_number", text(number));
        }
        if let Some(customer) = customer {
            set("customer_id", text(customer));
        }
        let products = products.iter().map(|Product { name, units, money }| {
            (name.clone(), AttributeValue::L(vec![amount(*units), amount(*money)]))
        });
        set("products", AttributeValue::M(products.collect()));
    }
    if let Some(Stage { at, source, status }) = &facts.stage {
        set("status", text(status));
        set("status_at", AttributeValue::S(exact_time(*at)));
        set("status_source", text(source_name(*source)));
    }
    if let Some(Cancellation { at, refund }) = &facts.cancelled {
        set("cancelled_at", AttributeValue::S(exact_time(*at)));
        if let Some(refund) = refund {
            set("refund_amount", amount(*refund));
        }
    }
    if let Some(Purchases { first: FirstPurchase { at, currency, customer }, lines }) =
        &facts.purchased
    {
        set("purchased_at", AttributeValue::S(exact_time(*at)));
        set("purchase_currency", text(currency.as_str()));
        if let Some(customer) = customer {
            set("purchase_customer_id", text(customer));
        }
        if lines.has_more() {
            set("has_more_lines", AttributeValue::Bool(true));
        }
        set("lines", AttributeValue::L(lines.iter().map(line_item).collect()));
    }
    item
}

fn line_item((line, count): (&OrderLine, u32)) -> AttributeValue {
    let OrderLine { currency, item, units, money } = line;
    let members = [
        ("item", AttributeValue::S(item.clone())),
        ("units", AttributeValue::N(units.to_string())),
        ("money", AttributeValue::N(money.to_string())),
        ("currency", AttributeValue::S(currency.to_string())),
        ("count", AttributeValue::N(count.to_string())),
    ];
    AttributeValue::M(members.map(|(name, value)| (name.to_string(), value)).into())
}

/// Reads what is known about an order from its row.
pub(crate) fn read_order(item: &Item) -> Result<KnownOrder, StorageError> {
    let has = |name: &str| item.contains_key(name);
    let created = match has("created_at") {
        false => None,
        true => Some(Creation {
            at: time(item, "created_at")?,
            number: text_if_any(item, "order_number")?.map(str::to_string),
            customer: text_if_any(item, "customer_id")?.map(str::to_string),
            currency: currency(item, "currency")?,
            value: amount(item, item.get("value"), "value")?,
            products: products(item)?,
        }),
    };
    let stage = match has("status") {
        false => None,
        true => Some(Stage {
            at: time(item, "status_at")?,
            source: source(text(item, "status_source")?).ok_or_else(|| {
                malformed(item, "status_source is no event of an order".to_string())
            })?,
            status: text(item, "status")?.to_string(),
        }),
    };
    let cancelled = match has("cancelled_at") {
        false => None,
        true => Some(Cancellation {
            at: time(item, "cancelled_at")?,
            refund: item
                .get("refund_amount")
                .map(|refund| amount(item, Some(refund), "refund_amount"))
                .transpose()?,
        }),
    };
    let purchased = match has("purchased_at") {
        false => None,
        true => Some(Purchases {
            first: FirstPurchase {
                at: time(item, "purchased_at")?,
                currency: currency(item, "purchase_currency")?,
                customer: text_if_any(item, "purchase_customer_id")?.map(str::to_string),
            },
            lines: lines(item)?,
        }),
    };
    Ok(KnownOrder {
        facts: OrderFacts { created, stage, cancelled, purchased },
        revision: number(item, keys::REVISION)?,
    })
}

fn products(item: &Item) -> Result<Vec<Product>, StorageError> {
    let Some(AttributeValue::M(by_name)) = item.get("products") else {
        return Err(malformed(item, "products is not a map".to_string()));
    };
    let mut products = Vec::with_capacity(by_name.len());
    for (name, sums) in by_name {
        let (units, money) = match sums {
            AttributeValue::L(sums) => (sums.first(), sums.get(1)),
            _ => (None, None),
        };
        let (units, money) = (amount(item, units, "products")?, amount(item, money, "products")?);
        products.push(Product { name: name.clone(), units, money });
    }
    products.sort_unstable();
    Ok(products)
}

fn lines(item: &Item) -> Result<OrderLines, StorageError> {
    let lines = item.get("lines").and_then(|lines| lines.as_l().ok());
    let counted: Option<Vec<(OrderLine, u32)>> =
        lines.and_then(|lines| lines.iter().map(line).collect());
    let counted =
        counted.ok_or_else(|| malformed(item, "lines is no list of lines".to_string()))?;
    let has_more = matches!(item.get("has_more_lines"), Some(AttributeValue::Bool(true)));
    Ok(OrderLines::new(counted, has_more))
}

fn line(line: &AttributeValue) -> Option<(OrderLine, u32)> {
    let members = line.as_m().ok()?;
    let text = |name: &str| members.get(name)?.as_s().ok();
    let number = |name: &str| members.get(name)?.as_n().ok();
    let line = OrderLine {
        currency: Currency::parse(text("currency")?.as_bytes())?,
        item: text("item")?.clone(),
        units: Amount::parse(number("units")?.as_bytes())?,
        money: Amount::parse(number("money")?.as_bytes())?,
    };
    Some((line, number("count")?.parse().ok()?))
}

fn currency(item: &Item, name: &str) -> Result<Currency, StorageError> {
    Currency::parse(text(item, name)?.as_bytes())
        .ok_or_else(|| malformed(item, format!("{name} is not three letters")))
}

fn amount(item: &Item, value: Option<&AttributeValue>, name: &str) -> Result<Amount, StorageError> {
    value
        .and_then(|value| value.as_n().ok())
        .and_then(|number| Amount::parse(number.as_bytes()))
        .ok_or_else(|| malformed(item, format!("{name} is {value:?}, not a decimal in range")))
}

/// To the nanosecond, always of one length: `2026-11-20T23:07:31.123000000Z`.
fn exact_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

fn time_of(minute: Minute) -> DateTime<Utc> {
    DateTime::from_timestamp(minute.epoch_seconds(), 0).unwrap_or_default()
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Creation => "creation",
        Source::Change => "change",
        Source::Cancellation => "cancellation",
    }
}

fn source(name: &str) -> Option<Source> {
    [Source::Creation, Source::Change, Source::Cancellation]
        .into_iter()
        .find(|known| source_name(*known) == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::order::facts::ORDER_ITEMS_MAX;
    use minutebook_domain::order::purchases::ORDER_LINES_MAX;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn order() -> OrderId {
        OrderId { site: "s".to_string(), id: "a#b".to_string() }
    }

    fn facts() -> OrderFacts {
        let money = |text: &str| Amount::parse(text.as_bytes()).expect("a decimal");
        let creation = Creation {
            at: at("2026-11-20T23:07:31.000000001Z"),
            number: Some("ORD-1".to_string()),
            customer: Some("c".to_string()),
            currency: Currency::parse(b"USD").expect("three letters"),
            value: money("12.5"),
            products: vec![
                Product { name: "a".to_string(), units: money("2"), money: money("0.000001") },
                Product { name: "b".to_string(), units: money("1"), money: Amount::ZERO },
            ],
        };
        let mut facts = OrderFacts::of_creation(creation, "CREATED");
        facts.merge(OrderFacts::of_change(at("2026-11-20T23:08:31Z"), "PAID"));
        facts
    }

    fn purchases(customer: Option<&str>, has_more: bool) -> Purchases {
        let money = |text: &str| Amount::parse(text.as_bytes()).expect("a decimal");
        let line = |currency: Currency, item: &str, units: &str, of: &str| OrderLine {
            currency,
            item: item.to_string(),
            units: money(units),
            money: money(of),
        };
        let euro = Currency::parse(b"EUR").expect("three letters");
        let lines = [
            (line(euro, "(other)", "0", "-10.5"), 1),
            (line(euro, "a", "2", "0.000001"), 3),
            (line(Currency::USD, "a", "0.5", "0"), 1),
        ];
        Purchases {
            first: FirstPurchase {
                at: at("2026-11-20T23:06:31.000000002Z"),
                currency: euro,
                customer: customer.map(str::to_string),
            },
            lines: OrderLines::new(lines, has_more),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let at = at("2026-11-21T01:00:00.5Z");
        let mut cancelled = facts();
        cancelled
            .merge(OrderFacts::of_cancellation(Cancellation { at, refund: Some(Amount::ONE) }));
        let bought = OrderFacts::of_purchase(purchases(Some("c"), false));
        let mut whole = cancelled.clone();
        whole.merge(OrderFacts::of_purchase(purchases(None, true)));
        let mut bare = facts();
        if let Some(creation) = &mut bare.created {
            (creation.number, creation.customer, creation.products) = (None, None, vec![]);
        }
        for facts in [
            facts(),
            cancelled,
            bare,
            OrderFacts::of_change(at, "PAID"),
            OrderFacts::of_cancellation(Cancellation { at, refund: None }),
            bought,
            whole,
        ] {
            let read = read_order(&order_item(&order(), &facts, 7)).expect("well formed");
            assert_eq!(read, KnownOrder { facts, revision: 7 });
        }
    }

    #[test]
    fn a_row_is_as_the_table_page_says() {
        let item = order_item(&order(), &facts(), 1);
        for (name, value) in [
            ("pk", "O#s#a#b"),
            ("sk", "order"),
            ("created_at", "2026-11-20T23:07:31.000000001Z"),
            ("status", "PAID"),
            ("status_at", "2026-11-20T23:08:31.000000000Z"),
            ("status_source", "change"),
            ("currency", "USD"),
        ] {
            assert_eq!(text(&item, name).expect("a text"), value);
        }
        let products = item["products"].as_m().expect("a map");
        let numbers: Vec<_> = products["a"]
            .as_l()
            .expect("a list")
            .iter()
            .map(|n| n.as_n().expect("a number"))
            .collect();
        assert_eq!(numbers, ["2", "0.000001"]);
        let names = ["lines", "has_more_lines", "purchased_at"];
        assert!(names.iter().all(|name| !item.contains_key(*name)));
        let bought = OrderFacts::of_purchase(purchases(Some("c"), true));
        let item = order_item(&order(), &bought, 1);
        for (name, value) in [
            ("purchased_at", "2026-11-20T23:06:31.000000002Z"),
            ("purchase_currency", "EUR"),
            ("purchase_customer_id", "c"),
        ] {
            assert_eq!(text(&item, name).expect("a text"), value);
        }
        assert_eq!(item["has_more_lines"], AttributeValue::Bool(true));
        let line = item["lines"].as_l().expect("a list")[1].as_m().expect("a map");
        let number = |name: &str| line[name].as_n().map(String::as_str);
        assert_eq!(
            (number("units"), number("money"), number("count")),
            (Ok("2"), Ok("0.000001"), Ok("3"))
        );
        let text = |name: &str| line[name].as_s().map(String::as_str);
        assert_eq!((text("item"), text("currency"), line.len()), (Ok("a"), Ok("EUR"), 5));
    }

    #[test]
    fn the_row_of_the_largest_order_is_far_below_400_kb() {
        let number = Amount::parse(b"123456789012.123456789012").expect("a decimal");
        let product =
            |place: usize| Product { name: format!("{place:0>256}"), units: number, money: number };
        let line = |place: usize| OrderLine {
            currency: Currency::USD,
            item: format!("{place:0>256}"),
            units: number,
            money: number,
        };
        let mut largest = facts();
        if let Some(creation) = &mut largest.created {
            creation.products = (0..ORDER_ITEMS_MAX).map(product).collect();
        }
        let mut bought = purchases(None, false);
        bought.lines =
            OrderLines::new((0..ORDER_LINES_MAX).map(|place| (line(place), u32::MAX)), true);
        largest.merge(OrderFacts::of_purchase(bought));
        let bytes: usize = order_item(&order(), &largest, 1)
            .iter()
            .map(|(name, value)| name.len() + stored(value))
            .sum();
        assert!((200_000..300_000).contains(&bytes), "{bytes}");
    }

    /// The size of a value in DynamoDB, in bytes, or a little more.
    ///
    /// **Source**: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
    fn stored(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number.len().div_ceil(2) + 2,
            AttributeValue::L(values) => {
                3 + values.iter().map(|value| 1 + stored(value)).sum::<usize>()
            }
            AttributeValue::M(values) => {
                3 + values.iter().map(|(name, value)| 1 + name.len() + stored(value)).sum::<usize>()
            }
            _ => 1,
        }
    }

    #[test]
    fn a_malformed_row_is_an_error_that_names_it() {
        for (name, value) in [
            ("created_at", AttributeValue::S("yesterday".to_string())),
            ("currency", AttributeValue::S("$".to_string())),
            ("value", AttributeValue::S("1".to_string())),
            ("products", AttributeValue::L(vec![])),
            ("status_source", AttributeValue::S("me".to_string())),
            ("purchase_currency", AttributeValue::S("$".to_string())),
            ("lines", AttributeValue::L(vec![AttributeValue::M(HashMap::new())])),
            ("revision", AttributeValue::S("1".to_string())),
        ] {
            let mut whole = facts();
            whole.merge(OrderFacts::of_purchase(purchases(None, false)));
            let mut item = order_item(&order(), &whole, 1);
            item.insert(name.to_string(), value);
            let sentence = read_order(&item).expect_err("malformed").to_string();
            assert!(sentence.contains("O#s#a#b / order") && sentence.contains(name), "{sentence}");
        }
    }

    #[test]
    fn a_recent_order_is_listed_under_the_day_and_time_at_which_it_was_placed() {
        let retention = Retention { minute_days: 7, hour_days: 400, day_days: 0 };
        let placed_at = facts().placed_at().expect("it is known");
        let item = recent_item(&order(), placed_at, retention, at("2026-11-21T00:00:00Z"))
            .expect("it is kept");
        assert_eq!(text(&item, "pk").expect("a text"), "R#s#2026-11-20");
        assert_eq!(text(&item, "sk").expect("a text"), "2026-11-20T23:07:31.000000001Z#a#b");
        assert_eq!(
            number::<i64>(&item, "ttl").expect("a number"),
            at("2026-11-27T23:08:00Z").timestamp()
        );
        assert_eq!(recent_item(&order(), placed_at, retention, at("2026-11-27T23:08:00Z")), None);
        // An earlier purchase places the order.
        let mut bought = facts();
        bought.merge(OrderFacts::of_purchase(purchases(None, false)));
        assert_eq!(bought.placed_at(), Some(at("2026-11-20T23:06:31.000000002Z")));
    }

    #[test]
    fn a_window_has_the_days_of_its_minutes() {
        let minute = |text: &str| Minute::containing(at(text)).expect("in range");
        let days = |from: &str, to: &str| {
            let days = days_of(Window { from: minute(from), to: minute(to) });
            days.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(days("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"), ["2026-11-20"]);
        assert_eq!(
            days("2026-11-20T23:59:00Z", "2026-11-21T00:01:00Z"),
            ["2026-11-20", "2026-11-21"]
        );
    }
}
