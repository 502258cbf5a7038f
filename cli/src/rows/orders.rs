//! The rows of orders, and the list of recent ones.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_oracle::{Decimal, Line};
use serde_json::{Value, json};

use crate::rows::attributes::{Item, digits, number, others, text, ttl};
use crate::rows::periods::day_named;

/// What is reported about an order: each attribute as a text, the products as JSON as in
/// `{"name":["units","money"]}`, in ascending order, and the lines as [`lines_text`] has them.
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
    /// When the order was placed, as it is written.
    pub(crate) placed_at: String,
}

/// The attributes that are strings, and those that are numbers.
const TEXTS: [&str; 11] = [
    "created_at",
    "order_number",
    "customer_id",
    "currency",
    "status",
    "status_at",
    "status_source",
    "cancelled_at",
    "purchased_at",
    "purchase_currency",
    "purchase_customer_id",
];
const NUMBERS: [&str; 2] = ["value", "refund_amount"];

/// How many members a line of the attribute `lines` has.
const LINE_MEMBERS: usize = 5;

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
        let value_text = match value {
            AttributeValue::S(text) if TEXTS.contains(&name.as_str()) => text.clone(),
            value if NUMBERS.contains(&name.as_str()) => match decimal(value) {
                Some(number) => number.to_string(),
                None => continue,
            },
            AttributeValue::M(by_name) if name == "products" => products(by_name, odd),
            AttributeValue::L(list) if name == "lines" => lines_text(&lines(list, odd)),
            AttributeValue::Bool(true) if name == "has_more_lines" => "true".to_owned(),
            _ => continue,
        };
        attributes.insert(name.clone(), value_text);
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
    let (placed_at, order) = sk.split_once('#')?;
    day_named(day)?;
    if !placed_at.starts_with(day) {
        odd("it is in the list of another day".to_owned());
    }
    others(item, &["ttl"], odd);
    ttl(item, odd);
    Some(RecentRow {
        site: site.to_owned(),
        order: order.to_owned(),
        placed_at: placed_at.to_owned(),
    })
}

/// The lines of an order as JSON, ascending: `["currency","item","units","money",count]` each.
pub(crate) fn lines_text(lines: &BTreeMap<Line, u64>) -> String {
    let lines = lines.iter().map(|(line, count)| {
        let Line { currency, item, units, money } = line;
        json!([currency, item, units.to_string(), money.to_string(), count])
    });
    Value::from_iter(lines).to_string()
}

/// The lines that [`lines_text`] has written; `None` if they are not.
pub(crate) fn lines_of_text(text: &str) -> Option<BTreeMap<Line, u64>> {
    let lines: Vec<(String, String, String, String, u64)> = serde_json::from_str(text).ok()?;
    let line = |(currency, item, units, money, count): (_, _, String, String, _)| {
        Some((
            Line { currency, item, units: units.parse().ok()?, money: money.parse().ok()? },
            count,
        ))
    };
    lines.into_iter().map(line).collect()
}

/// The lines of a row, and how many there are of each.
fn lines(list: &[AttributeValue], odd: &mut impl FnMut(String)) -> BTreeMap<Line, u64> {
    let mut lines = BTreeMap::new();
    for element in list {
        let line = element.as_m().ok().and_then(|members| {
            let member = |name: &str| members.get(name).and_then(decimal);
            let line = Line {
                currency: text(members, "currency").ok()?.to_owned(),
                item: text(members, "item").ok()?.to_owned(),
                units: member("units")?,
                money: member("money")?,
            };
            let count = number::<u64>(members, "count").ok().filter(|count| *count > 0)?;
            (members.len() == LINE_MEMBERS).then_some((line, count))
        });
        match line {
            Some((line, count)) if lines.insert(line.clone(), count).is_none() => {}
            Some((line, _)) => odd(format!("its line {line:?} is there twice")),
            None => odd(format!("its line is {element:?}")),
        }
    }
    lines
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

    /// A line of the attribute `lines` with members of its own.
    fn line(item: &str, members: &[(&str, AttributeValue)]) -> AttributeValue {
        let line = [
            ("currency", text("USD")),
            ("item", text(item)),
            ("units", number("1.0")),
            ("money", number("-2.50")),
            ("count", number("1")),
        ];
        let members = line.iter().chain(members);
        AttributeValue::M(
            members.map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        )
    }

    /// The attributes of an order of these lines, and what is odd about it.
    fn lines_read(lines: Vec<AttributeValue>) -> (BTreeMap<String, String>, Vec<String>) {
        let attributes = [
            ("revision", number("1")),
            ("lines", AttributeValue::L(lines)),
            ("has_more_lines", AttributeValue::Bool(true)),
            ("purchased_at", text("2026-11-20T23:07:31.000000000Z")),
            ("purchase_currency", text("USD")),
            ("purchase_customer_id", text("ann")),
        ];
        let (pk, sk, mut oddities) = ("O#shop#1", "order", Vec::new());
        let row = read_order(&item(pk, sk, &attributes), pk, sk, &mut |odd| oddities.push(odd));
        (row.unwrap().attributes, oddities)
    }

    #[test]
    fn reads_what_purchases_report_of_an_order() {
        let euros = line("a", &[("currency", text("EUR")), ("count", number("3"))]);
        let (attributes, oddities) = lines_read(vec![line("b", &[]), line("a", &[]), euros]);
        assert_eq!(oddities, [""; 0]);
        let lines =
            r#"[["EUR","a","1","-2.5",3],["USD","a","1","-2.5",1],["USD","b","1","-2.5",1]]"#;
        assert_eq!(attributes["lines"], lines);
        assert_eq!(lines_text(&lines_of_text(lines).unwrap()), lines);
        let others: Vec<_> = attributes.keys().filter(|name| *name != "lines").collect();
        assert_eq!(
            others,
            ["has_more_lines", "purchase_currency", "purchase_customer_id", "purchased_at"]
        );
    }

    #[test]
    fn what_no_line_has_is_odd() {
        for lines in [
            vec![line("a", &[]), line("a", &[("count", number("2"))])],
            vec![line("a", &[("count", number("0"))])],
            vec![line("a", &[("money", text("1"))])],
            vec![line("a", &[("note", text("x"))])],
            vec![text("a")],
        ] {
            assert_eq!(lines_read(lines.clone()).1.len(), 1, "{lines:?}");
        }
    }

    #[test]
    fn what_no_order_has_is_odd() {
        for (pk, sk, attributes) in [
            ("O#shop#1", "order", vec![]),
            ("O#shop#1", "order", vec![("revision", number("0"))]),
            ("O#shop#1", "order", vec![("revision", number("1")), ("value", text("1"))]),
            ("O#shop#1", "order", vec![("revision", number("1")), ("note", text("x"))]),
            (
                "O#shop#1",
                "order",
                vec![("revision", number("1")), ("has_more_lines", AttributeValue::Bool(false))],
            ),
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
