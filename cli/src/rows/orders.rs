//! The rows of orders, and the list of recent ones.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use minutebook_oracle::{Decimal, Line, Refund, RefundOf, ReportedRefund};
use serde_json::{Value, json};

use crate::rows::attributes::{Item, digits, number, others, text, ttl};
use crate::rows::periods::day_named;

/// What is reported about an order: each attribute as a text, the products as JSON as in
/// `{"name":["units","money"]}`, in ascending order, the lines as [`lines_text`] has them, and the
/// refunds as [`refunds_text`] has them.
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
const NUMBERS: [&str; 4] = ["value", "refund_amount", "contribution_version", "refunds_counted"];

/// The attributes that are there only if they are true.
const FLAGS: [&str; 2] = ["has_more_lines", "has_more_refunds"];

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
            AttributeValue::L(list) if name == "refunds" => refunds_text(&refunds(list, odd)),
            AttributeValue::Bool(true) if FLAGS.contains(&name.as_str()) => "true".to_owned(),
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

/// The refunds of an order as JSON, ascending: `["event id","item","number","currency",count,"time"]`
/// each, with `null` for what it has not.
pub(crate) fn refunds_text(refunds: &BTreeMap<Refund, ReportedRefund>) -> String {
    let refunds = refunds.iter().map(|(refund, reported)| {
        let Refund { event_id, item, what } = refund;
        let (number, currency) = match what {
            RefundOf::Everything => (None, None),
            RefundOf::Units(units) => (Some(units), None),
            RefundOf::Money(money, currency) => (Some(money), Some(currency)),
        };
        let number = number.map(Decimal::to_string);
        json!([event_id, item, number, currency, reported.count, written(reported.at)])
    });
    Value::from_iter(refunds).to_string()
}

/// The refunds that [`refunds_text`] has written; `None` if they are not.
pub(crate) fn refunds_of_text(text: &str) -> Option<BTreeMap<Refund, ReportedRefund>> {
    type Text = Option<String>;
    let refunds: Vec<(Text, Text, Text, Text, u64, String)> = serde_json::from_str(text).ok()?;
    let refund = |(event_id, item, number, currency, count, at): (_, _, Text, Text, _, String)| {
        let number = number.map(|number| number.parse()).transpose().ok()?;
        let what = what_of(number, currency)?;
        let at = nanoseconds(&at)?;
        Some((Refund { event_id, item, what }, ReportedRefund { count, at }))
    };
    refunds.into_iter().map(refund).collect()
}

/// What is refunded of which these are the number and the currency; `None` for a currency alone.
fn what_of(number: Option<Decimal>, currency: Option<String>) -> Option<RefundOf> {
    match (number, currency) {
        (None, None) => Some(RefundOf::Everything),
        (Some(units), None) => Some(RefundOf::Units(units)),
        (Some(money), Some(currency)) => Some(RefundOf::Money(money, currency)),
        (None, Some(_)) => None,
    }
}

/// The refunds of a row.
fn refunds(
    list: &[AttributeValue],
    odd: &mut impl FnMut(String),
) -> BTreeMap<Refund, ReportedRefund> {
    let mut refunds = BTreeMap::new();
    for element in list {
        match element.as_m().ok().and_then(refund) {
            Some((refund, reported)) => {
                if refunds.insert(refund.clone(), reported).is_some() {
                    odd(format!("its refund {refund:?} is there twice"));
                }
            }
            None => odd(format!("its refund is {element:?}")),
        }
    }
    refunds
}

/// A refund of a row; `None` if its members are not those of one.
fn refund(members: &Item) -> Option<(Refund, ReportedRefund)> {
    let text_if_any = |name: &str| match members.get(name) {
        None => Some(None),
        Some(_) => text(members, name).ok().map(|text| Some(text.to_owned())),
    };
    let (name, number_of) = match (members.get("money"), members.get("units")) {
        (Some(_), Some(_)) => return None,
        (Some(money), None) => (Some("money"), Some(decimal(money)?)),
        (None, Some(units)) => (Some("units"), Some(decimal(units)?)),
        (None, None) => (None, None),
    };
    let currency = text_if_any("currency")?;
    if currency.is_some() != (name == Some("money")) {
        return None;
    }
    let (event_id, item) = (text_if_any("event_id")?, text_if_any("item")?);
    let count = number::<u64>(members, "count").ok().filter(|count| *count > 0)?;
    let at = text(members, "at").ok()?;
    let at = nanoseconds(at).filter(|nanoseconds| written(*nanoseconds) == at)?;
    let known = [name, currency.as_ref().map(|_| "currency")];
    let optional = [event_id.as_ref(), item.as_ref()];
    let expected = 2 + known.iter().flatten().count() + optional.iter().flatten().count();
    let what = what_of(number_of, currency)?;
    let refund = Refund { event_id, item, what };
    (members.len() == expected).then_some((refund, ReportedRefund { count, at }))
}

/// A time in RFC 3339 in nanoseconds since 1970; `None` if it is none.
pub(crate) fn nanoseconds(at: &str) -> Option<i128> {
    let at: DateTime<Utc> = at.parse().ok()?;
    Some(i128::from(at.timestamp()) * 1_000_000_000 + i128::from(at.timestamp_subsec_nanos()))
}

/// A time in nanoseconds since 1970 as the rows have it.
pub(crate) fn written(nanoseconds: i128) -> String {
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or_default();
    let rest = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or_default();
    let time = DateTime::from_timestamp(seconds, rest).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
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

    /// A refund of the attribute `refunds`, with these members.
    fn refund_of(members: &[(&str, AttributeValue)]) -> AttributeValue {
        let at = ("at", text("2026-11-20T23:07:31.000000000Z"));
        let members = [at, ("count", number("1"))].into_iter().chain(members.iter().cloned());
        AttributeValue::M(members.map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The refunds of an order, and what is odd about them.
    fn refunds_read(refunds: Vec<AttributeValue>) -> (String, Vec<String>) {
        let attributes = [
            ("revision", number("1")),
            ("refunds", AttributeValue::L(refunds)),
            ("has_more_refunds", AttributeValue::Bool(true)),
            ("refunds_counted", number("3")),
            ("contribution_version", number("2")),
        ];
        let (pk, sk, mut oddities) = ("O#shop#1", "order", Vec::new());
        let row = read_order(&item(pk, sk, &attributes), pk, sk, &mut |odd| oddities.push(odd));
        let mut attributes = row.unwrap().attributes;
        let refunds = attributes.remove("refunds").unwrap();
        let others: Vec<String> =
            attributes.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(
            others,
            ["contribution_version:2", "has_more_refunds:true", "refunds_counted:3"]
        );
        (refunds, oddities)
    }

    #[test]
    fn reads_what_refunds_report_of_an_order() {
        let (refunds, oddities) = refunds_read(vec![
            refund_of(&[("item", text("a")), ("units", number("2.0"))]),
            refund_of(&[
                ("event_id", text("e")),
                ("money", number("5")),
                ("currency", text("USD")),
            ]),
            refund_of(&[]),
        ]);
        assert_eq!(oddities, [""; 0]);
        let at = r#"1,"2026-11-20T23:07:31.000000000Z"]"#;
        let expected = format!(
            r#"[[null,null,null,null,{at},[null,"a","2",null,{at},["e",null,"5","USD",{at}]"#
        );
        assert_eq!(refunds, expected);
        assert_eq!(refunds_text(&refunds_of_text(&refunds).unwrap()), refunds);
    }

    #[test]
    fn what_no_refund_has_is_odd() {
        for refunds in [
            vec![refund_of(&[]), refund_of(&[("count", number("2"))])],
            vec![refund_of(&[("count", number("0"))])],
            vec![refund_of(&[("at", text("2026-11-20T23:07:31Z"))])],
            vec![refund_of(&[("at", text("today"))])],
            vec![refund_of(&[("money", number("1"))])],
            vec![refund_of(&[("currency", text("USD"))])],
            vec![refund_of(&[("units", number("1")), ("currency", text("USD"))])],
            vec![refund_of(&[("units", text("1"))])],
            vec![refund_of(&[
                ("units", number("1")),
                ("money", number("1")),
                ("currency", text("USD")),
            ])],
            vec![refund_of(&[("item", number("1"))])],
            vec![refund_of(&[("note", text("x"))])],
            vec![text("a")],
        ] {
            assert_eq!(refunds_read(refunds.clone()).1.len(), 1, "{refunds:?}");
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
