//! The rows of orders, and the list of recent ones.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_oracle::Decimal;
use serde_json::json;

use crate::rows::attributes::{Item, digits, number, others, ttl};
use crate::rows::periods::day_named;

/// What is reported about an order: each attribute as a text, the products as JSON as in
/// `{"name":["units","money"]}`, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderRow {
    pub(crate) site: String,
    pub(crate) order: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// A row of the list of recent orders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecentRow {
    pub(crate) site: String,
    pub(crate) order: String,
    /// When the order was created, as it is written.
    pub(crate) created_at: String,
}

/// The attributes that are strings, and those that are numbers.
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

/// Reads the row of an order; `None` if its keys are not those of one.
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
    if number::<u64>(item, "revision").ok().is_none_or(|revision| revision == 0) {
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

/// Reads a row of the list of recent orders; `None` if its keys are not those of one.
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
    let mut products = BTreeMap::new();
    for (name, sums) in by_name {
        let sums = match sums {
            AttributeValue::L(sums) => sums.iter().filter_map(decimal).collect(),
            _ => Vec::new(),
        };
        match sums.as_slice() {
            [units, money] => {
                products.insert(name, [units, money].map(Decimal::to_string));
            }
            _ => odd(format!("its product {name:?} is {:?}", by_name.get(name))),
        }
    }
    json!(products).to_string()
}

fn decimal(value: &AttributeValue) -> Option<Decimal> {
    digits(value).and_then(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};

    #[test]
    fn reads_all_that_is_reported_about_an_order() {
        let products = AttributeValue::M(Item::from([
            ("b".to_owned(), AttributeValue::L(vec![number("1"), number("2.50")])),
            ("a".to_owned(), AttributeValue::L(vec![number("3"), number("0")])),
        ]));
        let attributes =
            [("revision", number("2")), ("status", text("PAID")), ("value", number("9.50"))];
        let attributes = [attributes.as_slice(), &[("products", products)]].concat();
        let mut oddities = Vec::new();
        let (pk, sk) = ("O#shop#a#b", "order");
        let row = read_order(&item(pk, sk, &attributes), pk, sk, &mut |odd| oddities.push(odd));
        assert_eq!(oddities, [""; 0]);
        let row = row.unwrap();
        assert_eq!((row.site.as_str(), row.order.as_str()), ("shop", "a#b"));
        let attributes: Vec<_> =
            row.attributes.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(
            attributes,
            [r#"products:{"a":["3","0"],"b":["1","2.5"]}"#, "status:PAID", "value:9.5"]
        );
    }

    #[test]
    fn what_no_order_has_is_odd() {
        for (pk, sk, attributes) in [
            ("O#shop#1", "order", vec![]),
            ("O#shop#1", "order", vec![("revision", number("0"))]),
            ("O#shop#1", "order", vec![("revision", number("1")), ("value", text("1"))]),
            ("O#shop#1", "order", vec![("revision", number("1")), ("note", text("x"))]),
            ("R#shop#2026-11-20", "2026-11-21T00:00:00.000000000Z#1", vec![]),
            ("R#shop#2026-11-20", "2026-11-20T00:00:00.000000000Z#1", vec![("status", text("x"))]),
        ] {
            let (item, mut oddities) = (item(pk, sk, &attributes), Vec::new());
            let mut odd = |what| oddities.push(what);
            let is_order = read_order(&item, pk, sk, &mut odd).is_some();
            assert!(is_order || read_recent(&item, pk, sk, &mut odd).is_some(), "{pk} {sk}");
            assert_eq!(oddities.len(), 1, "{pk} {sk}: {oddities:?}");
        }
    }

    #[test]
    fn other_keys_are_no_orders() {
        for (pk, sk) in [
            ("O#shop#1", "other"),
            ("O#shop", "order"),
            ("O#shop#", "order"),
            ("R#shop#yesterday", "2026-11-20T00:00:00.000000000Z#1"),
            ("R#shop#2026-11-20", "2026-11-20T00:00:00.000000000Z"),
        ] {
            let item = item(pk, sk, &[("revision", number("1"))]);
            let mut odd = |what| panic!("{what}");
            assert!(read_order(&item, pk, sk, &mut odd).is_none(), "{pk} {sk}");
            assert!(read_recent(&item, pk, sk, &mut odd).is_none(), "{pk} {sk}");
        }
    }
}
