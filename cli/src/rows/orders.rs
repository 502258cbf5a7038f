//! The rows of orders, and the list of recent ones.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_oracle::Decimal;

use crate::rows::ledger::Item;
use crate::rows::{day_named, number, others, ttl};

/// What is known of an order, each attribute as a text; of the products `name=units/money`,
/// ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderRow {
    pub(crate) site: String,
    pub(crate) order: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// A place in the list of recent orders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecentRow {
    pub(crate) site: String,
    pub(crate) order: String,
    /// When the order was made, as it is written.
    pub(crate) created_at: String,
}

/// The attributes that are texts, and those that are numbers.
const TEXTS: [&str; 8] = [
    "created_at",
    "order_number",
    "customer_id",
    "currency",
    "status",
    "status_at",
    "status_source",
    "cancelled_at",
];
const NUMBERS: [&str; 2] = ["value", "refund_amount"];

/// Reads the row of an order; `None` where its keys are not those of one.
pub(super) fn read_order(
    item: &Item,
    pk: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<OrderRow> {
    let (site, order) = pk.strip_prefix("O#")?.split_once('#')?;
    if sk != "order" || order.is_empty() {
        return None;
    }
    let revision =
        item.get("revision").and_then(number).and_then(|revision| revision.parse::<u64>().ok());
    if revision.is_none_or(|revision| revision == 0) {
        odd(format!("its revision is {:?}", item.get("revision")));
    }
    let mut attributes = BTreeMap::new();
    for (name, value) in item {
        let text = match value {
            AttributeValue::S(text) if TEXTS.contains(&name.as_str()) => text.clone(),
            value if NUMBERS.contains(&name.as_str()) => match decimal(value) {
                Some(number) => number.to_string(),
                None => continue,
            },
            AttributeValue::M(by_name) if name == "products" => products(by_name, odd),
            _ => continue,
        };
        attributes.insert(name.clone(), text);
    }
    let known: Vec<&str> = attributes.keys().map(String::as_str).chain(["revision"]).collect();
    others(item, &known, odd);
    Some(OrderRow { site: site.to_owned(), order: order.to_owned(), attributes })
}

/// Reads a place of the list of recent orders; `None` where its keys are not those of one.
pub(super) fn read_recent(
    item: &Item,
    pk: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<RecentRow> {
    let (site, day) = pk.strip_prefix("R#")?.split_once('#')?;
    let (created_at, order) = sk.split_once('#')?;
    day_named(day)?;
    if !created_at.starts_with(day) {
        odd("it is in the list of another day".to_owned());
    }
    others(item, &["ttl"], odd);
    ttl(item, odd);
    Some(RecentRow {
        site: site.to_owned(),
        order: order.to_owned(),
        created_at: created_at.to_owned(),
    })
}

fn products(by_name: &Item, odd: &mut impl FnMut(String)) -> String {
    let mut products = Vec::new();
    for (name, sums) in by_name {
        let sums = match sums {
            AttributeValue::L(sums) => sums.iter().filter_map(decimal).collect(),
            _ => Vec::new(),
        };
        match sums.as_slice() {
            [units, money] => products.push(format!("{name}={units}/{money}")),
            _ => odd(format!("its product {name:?} is {:?}", by_name.get(name))),
        }
    }
    products.sort_unstable();
    products.join(" ")
}

fn decimal(value: &AttributeValue) -> Option<Decimal> {
    number(value).and_then(|number| number.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{TableRow, read};

    fn text(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn number(number: &str) -> AttributeValue {
        AttributeValue::N(number.to_owned())
    }

    fn item(pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]) -> Item {
        let keys = [("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))];
        keys.into_iter()
            .chain(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())))
            .collect()
    }

    #[test]
    fn an_order_is_read_with_all_that_is_known_of_it() {
        let products = AttributeValue::M(Item::from([
            ("b".to_owned(), AttributeValue::L(vec![number("1"), number("2.50")])),
            ("a".to_owned(), AttributeValue::L(vec![number("3"), number("0")])),
        ]));
        let attributes =
            [("revision", number("2")), ("status", text("PAID")), ("value", number("9.50"))];
        let attributes = [attributes.as_slice(), &[("products", products)]].concat();
        let mut oddities = Vec::new();
        let row = read(&item("O#shop#a#b", "order", &attributes), &mut oddities);
        assert_eq!(oddities, [""; 0]);
        let Some(TableRow::Order(row)) = row else { panic!("{row:?}") };
        assert_eq!((row.site.as_str(), row.order.as_str()), ("shop", "a#b"));
        let attributes: Vec<_> =
            row.attributes.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(attributes, ["products:a=3/0 b=1/2.5", "status:PAID", "value:9.5"]);
    }

    #[test]
    fn what_no_order_has_is_odd() {
        for (pk, sk, attributes) in [
            ("O#shop#1", "order", vec![]),
            ("O#shop#1", "order", vec![("revision", number("0"))]),
            ("O#shop#1", "order", vec![("revision", number("1")), ("value", text("1"))]),
            ("O#shop#1", "order", vec![("revision", number("1")), ("note", text("x"))]),
            ("O#shop#1", "other", vec![("revision", number("1"))]),
            ("O#shop", "order", vec![("revision", number("1"))]),
            ("R#shop#2026-11-20", "2026-11-21T00:00:00.000000000Z#1", vec![]),
            ("R#shop#2026-11-20", "2026-11-20T00:00:00.000000000Z#1", vec![("status", text("x"))]),
            ("R#shop#yesterday", "2026-11-20T00:00:00.000000000Z#1", vec![]),
        ] {
            let mut oddities = Vec::new();
            read(&item(pk, sk, &attributes), &mut oddities);
            assert_eq!(oddities.len(), 1, "{pk} {sk}: {oddities:?}");
        }
    }
}
