//! The rows of orders.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Currency;
use minutebook_domain::order::contribution::Counted;
use minutebook_domain::order::facts::{
    Cancellation, Creation, OrderFacts, OrderId, Product, Source, Stage,
};
use minutebook_domain::order::purchases::{FirstPurchase, OrderLine, OrderLines, Purchases};
use minutebook_domain::order::refunds::{Refund, RefundOf, Refunds, ReportedRefund};
use minutebook_domain::order::transition::OrderState;

use crate::error::StorageError;
use crate::keys;
use crate::table::{
    BATCH_READS_MAX, Consistency, Item, Table, key, malformed, number, text, text_if_any, time,
};

/// The version of what the counters have of the orders that this build writes. A row without a
/// version is of version 1.
const CONTRIBUTION_VERSION: u32 = 2;

/// The content of an order's row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KnownOrder {
    /// What is known about the order.
    pub(crate) facts: OrderFacts,
    /// What the counters have of it.
    pub(crate) counted: Counted,
    /// The number of times that the row was written.
    pub(crate) revision: u64,
}

impl KnownOrder {
    pub(crate) fn state(&self) -> OrderState<'_> {
        OrderState { facts: &self.facts, counted: self.counted }
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
}

/// The keys of an order's row.
fn order_key(order: &OrderId) -> Item {
    key(keys::order_partition(&order.site, &order.id), keys::ORDER.to_string())
}

/// Writes what is known about an order as a row.
pub(crate) fn order_item(order: &OrderId, state: OrderState<'_>, revision: u64) -> Item {
    let OrderState { facts, counted } = state;
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
    if !facts.refunds.is_empty() {
        set("refunds", AttributeValue::L(facts.refunds.iter().map(refund_item).collect()));
    }
    if facts.refunds.has_more() {
        set("has_more_refunds", AttributeValue::Bool(true));
    }
    if let Counted::Refunds(count) = counted {
        set("contribution_version", AttributeValue::N(CONTRIBUTION_VERSION.to_string()));
        if facts.refund_count() > 0 {
            set("refunds_counted", AttributeValue::N(count.to_string()));
        }
    }
    item
}

fn refund_item(reported: &ReportedRefund) -> AttributeValue {
    let ReportedRefund { refund: Refund { event_id, item, what }, count, at } = reported;
    let text = |text: &Option<String>| text.clone().map(AttributeValue::S);
    let number = |amount: &Amount| Some(AttributeValue::N(amount.to_string()));
    let (units, money, currency) = match what {
        RefundOf::Everything => (None, None, None),
        RefundOf::Units(units) => (number(units), None, None),
        RefundOf::Money(money, currency) => (None, number(money), Some(currency)),
    };
    let members = [
        ("event_id", text(event_id)),
        ("item", text(item)),
        ("units", units),
        ("money", money),
        ("currency", currency.map(|currency| AttributeValue::S(currency.to_string()))),
        ("count", Some(AttributeValue::N(count.to_string()))),
        ("at", Some(AttributeValue::S(exact_time(*at)))),
    ];
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?)));
    AttributeValue::M(members.collect())
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
    let counted = match item.get("contribution_version") {
        None => Counted::Version1,
        Some(_) if has("refunds_counted") => Counted::Refunds(number(item, "refunds_counted")?),
        Some(_) => Counted::Refunds(0),
    };
    Ok(KnownOrder {
        facts: OrderFacts { created, stage, cancelled, purchased, refunds: refunds(item)? },
        counted,
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

fn refunds(item: &Item) -> Result<Refunds, StorageError> {
    let reported: Option<Vec<ReportedRefund>> = match item.get("refunds") {
        None => Some(vec![]),
        Some(AttributeValue::L(refunds)) => refunds.iter().map(refund).collect(),
        Some(_) => None,
    };
    let reported =
        reported.ok_or_else(|| malformed(item, "refunds is no list of refunds".to_string()))?;
    let has_more = matches!(item.get("has_more_refunds"), Some(AttributeValue::Bool(true)));
    Ok(Refunds::new(reported, has_more))
}

fn refund(refund: &AttributeValue) -> Option<ReportedRefund> {
    let members = refund.as_m().ok()?;
    let text = |name: &str| members.get(name).and_then(|value| value.as_s().ok());
    let number = |name: &str| members.get(name).and_then(|value| value.as_n().ok());
    let amount = |text: &String| Amount::parse(text.as_bytes());
    let what = match (number("money"), number("units")) {
        (Some(money), _) => {
            RefundOf::Money(amount(money)?, Currency::parse(text("currency")?.as_bytes())?)
        }
        (None, Some(units)) => RefundOf::Units(amount(units)?),
        (None, None) => RefundOf::Everything,
    };
    let (event_id, item) = (text("event_id").cloned(), text("item").cloned());
    Some(ReportedRefund {
        refund: Refund { event_id, item, what },
        count: number("count")?.parse().ok()?,
        at: text("at")?.parse().ok()?,
    })
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
pub(super) fn exact_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
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
#[path = "rows_tests.rs"]
mod tests;
