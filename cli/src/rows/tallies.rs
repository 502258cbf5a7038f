//! The rows of tallies.

use minutebook_oracle::{Decimal, Granularity, Period};

use crate::rows::attributes::{Item, digits, ttl};
use crate::rows::periods::{period, site_and_span, two_digits};

/// How many numbered shards a minute has.
pub(super) const SHARDS: u32 = 16;

/// A row of tallies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tallies {
    pub(crate) site: String,
    pub(crate) measure: String,
    pub(crate) period: Period,
    /// Only minute rows have one.
    pub(crate) shard: Option<Shard>,
    /// When it expires, in seconds since 1970.
    pub(crate) ttl: Option<i64>,
    /// The keys and their numbers.
    pub(crate) counters: Vec<(String, Decimal)>,
}

/// The shard of a minute row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shard {
    /// A shard that is rolled up when the hour is sealed.
    Numbered,
    /// The same, of what orders sell and give back.
    Orders,
    /// The shard of late events, which sealing leaves out.
    Late,
}

/// Reads a row of tallies; `None` if its keys are not those of one.
pub(super) fn read(
    item: &Item,
    pk: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<Tallies> {
    let Some(tallies) = place(pk, sk) else {
        odd("not the keys of any row".to_owned());
        return None;
    };
    // The previous contribution of an order is taken back when more is reported about it.
    let may_be_zero = tallies.measure.starts_with("order")
        || (is_of_items(&tallies.measure) && tallies.shard != Some(Shard::Numbered));
    let counters = counters(item, may_be_zero, odd);
    Some(Tallies { ttl: ttl(item, odd), counters, ..tallies })
}

/// The row that these keys name, without its attributes.
fn place(pk: &str, sk: &str) -> Option<Tallies> {
    let (site, span) = site_and_span(pk)?;
    let mut parts = sk.split('#');
    let (measure, within) = (parts.next()?, parts.next()?);
    let period = period(span, within)?;
    let shard = match period.granularity() {
        Granularity::Minute => Some(shard(measure, parts.next()?)?),
        _ => None,
    };
    let slot = parts.next()?;
    let (slot, overflow) = slot.split_once('.').unwrap_or((slot, "1"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || slot.len() < 3 || !digits(slot) || !digits(overflow) {
        return None;
    }
    let (site, measure) = (site.to_owned(), measure.to_owned());
    Some(Tallies { site, measure, period, shard, ttl: None, counters: Vec::new() })
}

/// The shard of a measure that is named so.
fn shard(measure: &str, name: &str) -> Option<Shard> {
    if name == "late" {
        return Some(Shard::Late);
    }
    let (number, shard) = match name.strip_prefix('o') {
        Some(number) if is_of_items(measure) => (number, Shard::Orders),
        _ => (name, Shard::Numbered),
    };
    two_digits(number).filter(|number| *number < SHARDS).map(|_| shard)
}

/// Whether orders count in this measure what they sell of items, or give back.
fn is_of_items(measure: &str) -> bool {
    let (kind, _) = measure.split_once(':').unwrap_or((measure, ""));
    matches!(kind, "units" | "sales" | "refunds" | "refunds_moved")
}

fn counters(
    item: &Item,
    may_be_zero: bool,
    odd: &mut impl FnMut(String),
) -> Vec<(String, Decimal)> {
    let mut counters = Vec::new();
    for (name, value) in item {
        if matches!(name.as_str(), "pk" | "sk" | "ttl") {
            continue;
        }
        let number = digits(value).and_then(|number| number.parse::<Decimal>().ok());
        let (Some(key), Some(number)) = (name.strip_prefix("i#"), number) else {
            odd(format!("its {name} is {value:?}"));
            continue;
        };
        if number.is_zero() && !may_be_zero {
            odd(format!("its {name} is zero"));
        }
        counters.push((key.to_owned(), number));
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};
    use aws_sdk_dynamodb::types::AttributeValue;

    /// The row, and what is odd about it.
    fn row(
        pk: &str,
        sk: &str,
        attributes: &[(&str, AttributeValue)],
    ) -> (Option<Tallies>, Vec<String>) {
        let mut oddities = Vec::new();
        let row = read(&item(pk, sk, attributes), pk, sk, &mut |what| oddities.push(what));
        (row, oddities)
    }

    #[test]
    fn reads_the_keys_of_every_granularity() {
        let cases = [
            (
                "T#shop#2026-11-20T23",
                "sales:USD#07#late#003.1",
                "shop sales:USD 2026-11-20T23:07 Some(Late)",
            ),
            (
                "T#shop#2026-11-20T23",
                "views#07#15#000",
                "shop views 2026-11-20T23:07 Some(Numbered)",
            ),
            (
                "T#a:b#1970-01-01T00",
                "views#59#00#1000",
                "a:b views 1970-01-01T00:59 Some(Numbered)",
            ),
            (
                "T#shop#2026-11-20T23",
                "units#07#o15#000",
                "shop units 2026-11-20T23:07 Some(Orders)",
            ),
            (
                "T#shop#2026-11-20T23",
                "sales:USD#07#o00#001.1",
                "shop sales:USD 2026-11-20T23:07 Some(Orders)",
            ),
            (
                "T#shop#2026-11-20T23",
                "refunds:USD#07#o00#001",
                "shop refunds:USD 2026-11-20T23:07 Some(Orders)",
            ),
            (
                "T#shop#2026-11-20T23",
                "refunds_moved:USD#07#o00#001",
                "shop refunds_moved:USD 2026-11-20T23:07 Some(Orders)",
            ),
            ("T#shop#2026-11-20", "views#23#003", "shop views 2026-11-20T23 None"),
            ("T#shop#2026-11-20", "sales:USD#00#003.12", "shop sales:USD 2026-11-20T00 None"),
            ("T#shop#2026", "views#d11-20#003", "shop views 2026-11-20 None"),
            ("T#shop#2026", "views#w47#003", "shop views 2026-W47 None"),
            ("T#shop#2026", "views#w53#003", "shop views 2026-W53 None"),
            ("T#shop#2026", "views#m11#003", "shop views 2026-11 None"),
        ];
        for (pk, sk, expected) in cases {
            let Tallies { site, measure, period, shard, .. } = place(pk, sk).unwrap();
            assert_eq!(format!("{site} {measure} {period} {shard:?}"), expected);
        }
    }

    #[test]
    fn other_keys_are_no_rows_of_tallies() {
        let hour = "T#shop#2026-11-20T23";
        let (day, year) = ("T#shop#2026-11-20", "T#shop#2026");
        for (pk, sk) in [
            (hour, "views#07#16#000"),
            (hour, "views#07#o00#000"),
            (hour, "orders#07#o00#000"),
            (hour, "refunds_late:USD#07#o00#000"),
            (hour, "units#07#o16#000"),
            (hour, "units#07#o1#000"),
            (hour, "views#7#00#000"),
            (hour, "views#60#00#000"),
            (hour, "views#07#00#00"),
            (hour, "views#07#00#000#1"),
            (hour, "views#07#00#000."),
            (hour, "views#07#000"),
            (hour, "views"),
            ("T#shop#2026-11-20T24", "views#07#00#000"),
            ("T#shop#2026-11-2T03", "views#07#00#000"),
            ("T#shop", "views#07#00#000"),
            (day, "views#24#000"),
            (day, "views#23#00#000"),
            (day, "views#23"),
            ("T#shop#2026-02-29", "views#23#000"),
            (year, "views#d02-29#000"),
            (year, "views#d2-2#000"),
            (year, "views#w54#000"),
            (year, "views#w00#000"),
            ("T#shop#2025", "views#w53#000"),
            (year, "views#m13#000"),
            (year, "views#m1#000"),
            (year, "views#11#000"),
            ("T#shop#26", "views#m11#000"),
            ("X#shop#2026", "views#m11#000"),
        ] {
            assert_eq!(
                row(pk, sk, &[]),
                (None, vec!["not the keys of any row".to_owned()]),
                "{pk} {sk}"
            );
        }
    }

    #[test]
    fn what_orders_count_may_be_zero_and_less() {
        let (hour, year) = ("T#shop#2026-11-20T23", "T#shop#2026");
        let counters = [("i#1", number("0")), ("i#(other)", number("-2.5"))];
        for (pk, sk, oddities) in [
            (hour, "units#07#o03#000", 0),
            (hour, "units#07#late#000", 0),
            (hour, "units#07#03#000", 1),
            (hour, "orders#07#03#000", 0),
            (hour, "views#07#late#000", 1),
            (year, "sales:USD#m11#000", 0),
            (hour, "refunds:USD#07#03#000", 1),
            (year, "refunds:USD#m11#000", 0),
            (hour, "refunds_moved:USD#07#o03#000", 0),
            (year, "carts#m11#000", 1),
        ] {
            assert_eq!(row(pk, sk, &counters).1.len(), oddities, "{sk}");
        }
    }

    #[test]
    fn reads_what_a_row_of_tallies_holds() {
        let attributes = [
            ("i#x#y", number("1.5")),
            ("i#zero", number("0")),
            ("i#text", text("1")),
            ("other", number("1")),
            ("ttl", number("99")),
        ];
        let (tallies, mut oddities) = row("T#shop#2026", "views#m11#000", &attributes);
        let mut tallies = tallies.unwrap();
        tallies.counters.sort();
        let counters =
            [("x#y".to_owned(), "1.5".parse().unwrap()), ("zero".to_owned(), Decimal::ZERO)];
        assert_eq!((tallies.ttl, tallies.counters.as_slice()), (Some(99), counters.as_slice()));
        oddities.sort();
        let expected = [r#"its i#text is S("1")"#, "its i#zero is zero", r#"its other is N("1")"#];
        assert_eq!(oddities, expected);
        let fraction = [("ttl", number("1.5"))];
        assert_eq!(row("T#shop#2026", "views#m11#000", &fraction).1, ["its ttl is 1.5"]);
    }
}
