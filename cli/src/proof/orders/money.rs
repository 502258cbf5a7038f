//! Proves that the money of items is that of orders and of what is of no order, in each period and
//! currency.

use std::collections::BTreeMap;

use minutebook_oracle::{Comparison, Decimal, Period};

/// The money of a site in a period and a currency.
type Place<'a> = (&'a str, Period, &'a str);

/// What the items have beyond orders and what is of no order.
#[derive(Debug, Default)]
struct Beyond {
    sales: Decimal,
    refunds: Decimal,
}

/// What the money of all places came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// How many sites, periods and currencies have money.
    pub(crate) places: u64,
    /// Where it does not agree, as sentences.
    pub(crate) faults: Vec<String>,
}

/// Adds up what was found in the table.
pub(crate) fn reconcile(comparison: &Comparison) -> Reconciled {
    let mut places: BTreeMap<Place<'_>, Beyond> = BTreeMap::new();
    comparison.each_found(|cell, number| {
        let Some((measure, currency)) = cell.measure.split_once(':') else { return };
        let of_no_item = if cell.key.is_empty() { -number } else { number };
        let (sales, refunds) = match (measure, cell.key) {
            ("sales", _) => (of_no_item, Decimal::ZERO),
            ("refunds", _) => (Decimal::ZERO, of_no_item),
            ("order_value", "sales") => (-number, Decimal::ZERO),
            ("order_value", "sales_refunds") => (Decimal::ZERO, -number),
            _ => return,
        };
        let beyond = places.entry((cell.site, cell.period, currency)).or_default();
        beyond.sales += sales;
        beyond.refunds += refunds;
    });
    let mut reconciled = Reconciled { places: places.len() as u64, faults: vec![] };
    for ((site, period, currency), Beyond { sales, refunds }) in places {
        for (what, beyond) in [("sales", sales), ("refunds", refunds)] {
            if !beyond.is_zero() {
                reconciled.faults.push(format!(
                    "{site} {} {period}: the {what} of items in {currency} are {beyond} beyond those \
                     of orders and of no order",
                    period.granularity().name()
                ));
            }
        }
    }
    reconciled
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_oracle::{Cell, Granularity};

    fn reconciled(cells: &[(&str, i64, &str, &str)]) -> Reconciled {
        let mut comparison = Comparison::default();
        for (measure, hour, key, number) in cells {
            let period = Period::containing(Granularity::Hour, hour * 60);
            let cell = Cell { site: "s", measure, period, key };
            comparison.add_found(cell, number.parse().unwrap());
        }
        reconcile(&comparison)
    }

    const AGREE: &[(&str, i64, &str, &str)] = &[
        ("sales:USD", 0, "a", "30"),
        ("sales:USD", 0, "(other)", "-2"),
        ("sales:USD", 0, "", "8"),
        ("order_value:USD", 0, "sales", "20"),
        ("order_value:USD", 0, "gross", "99"),
        ("refunds:USD", 1, "a", "5"),
        ("refunds:USD", 1, "", "1"),
        ("order_value:USD", 1, "sales_refunds", "4"),
        ("order_value:USD", 1, "refunds", "7"),
        ("refunds_moved:USD", 1, "a", "-4"),
        ("sales:EUR", 0, "b", "1"),
        ("sales:EUR", 0, "", "1"),
        ("pages", 0, "", "3"),
    ];

    #[test]
    fn money_that_agrees_has_no_faults() {
        assert_eq!(reconciled(AGREE), Reconciled { places: 3, faults: vec![] });
    }

    #[test]
    fn money_that_does_not_agree_is_said() {
        let more = [("sales:USD", 0, "a", "0.01"), ("refunds:USD", 1, "", "2")];
        assert_eq!(
            reconciled(&[AGREE, &more].concat()).faults,
            [
                "s hour 1970-01-01T00: the sales of items in USD are 0.01 beyond those of orders and of no order",
                "s hour 1970-01-01T01: the refunds of items in USD are -2 beyond those of orders and of no order",
            ]
        );
    }
}
