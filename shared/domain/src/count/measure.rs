//! What is counted.

use std::fmt;

/// A currency: three capital letters, as ISO 4217 writes its codes. Which codes exist is not
/// checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The dollar of the United States.
    pub const USD: Currency = Currency(*b"USD");

    /// Reads three letters in either case: `usd` is `USD`. `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Currency> {
        let mut code: [u8; 3] = text.try_into().ok()?;
        code.make_ascii_uppercase();
        code.iter().all(u8::is_ascii_uppercase).then_some(Currency(code))
    }

    /// The three letters as bytes.
    pub(crate) fn as_bytes(self) -> [u8; 3] {
        self.0
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        // Only ASCII capitals pass `parse`, so the fallback is never taken.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

/// What a tally counts, and the currency of money. Amounts in two currencies are two measures, so
/// they are never added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Views of an item.
    Views,
    /// Additions of an item to a cart, one per event regardless of the quantity.
    Carts,
    /// Removals of an item from a cart, one per event.
    Removals,
    /// Checkouts that began with an item, one per event; under `(other)` those that name no item.
    Checkouts,
    /// Units of an item that were purchased, by themselves or as a part of an order.
    Units,
    /// Revenue of an item, as of its units. The empty key sums what is of no order: the sum of all
    /// items is that and what orders add.
    Sales(Currency),
    /// Money that was refunded for an item, with the empty key as in sales.
    Refunds(Currency),
    /// What moves the refunds of orders from their own minutes to those of the orders, by item: the
    /// sum of both is what was refunded of the orders of a period.
    RefundsMoved(Currency),
    /// Views of a page, by its path. The empty key, which no page has, counts the page views that
    /// also count items: the total number of views is the sum of [`Measure::Views`] and of the
    /// pages minus the value of the empty key.
    Pages,
    /// Orders by their current status: the sum over all keys is the number of orders. The key of a
    /// status that no order has any more is zero.
    Orders,
    /// Orders in one currency, under the keys of [`contribution`](crate::order::contribution): their
    /// number, their value, what was refunded.
    OrderValue(Currency),
    /// Ordered units of a product, by its name.
    Ordered,
    /// Ordered value of a product, by its name.
    OrderedValue(Currency),
}

impl Measure {
    /// Parses a measure as it is displayed; `None` for anything else.
    pub fn parse(name: &str) -> Option<Measure> {
        let (kind, currency) = match name.split_once(':') {
            None => (name, None),
            Some((kind, code)) => (kind, Some(Currency::parse(code.as_bytes())?)),
        };
        let measure = match (kind, currency) {
            ("views", None) => Measure::Views,
            ("carts", None) => Measure::Carts,
            ("removals", None) => Measure::Removals,
            ("checkouts", None) => Measure::Checkouts,
            ("units", None) => Measure::Units,
            ("sales", Some(currency)) => Measure::Sales(currency),
            ("refunds", Some(currency)) => Measure::Refunds(currency),
            ("refunds_moved", Some(currency)) => Measure::RefundsMoved(currency),
            ("pages", None) => Measure::Pages,
            ("orders", None) => Measure::Orders,
            ("order_value", Some(currency)) => Measure::OrderValue(currency),
            ("ordered", None) => Measure::Ordered,
            ("ordered_value", Some(currency)) => Measure::OrderedValue(currency),
            _ => return None,
        };
        // `Currency::parse` accepts both cases; only the displayed one is a name.
        (measure.to_string() == name).then_some(measure)
    }

    /// The name without the currency, as queries and answers use it.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Views => "views",
            Measure::Carts => "carts",
            Measure::Removals => "removals",
            Measure::Checkouts => "checkouts",
            Measure::Units => "units",
            Measure::Sales(_) => "sales",
            Measure::Refunds(_) => "refunds",
            Measure::RefundsMoved(_) => "refunds_moved",
            Measure::Pages => "pages",
            Measure::Orders => "orders",
            Measure::OrderValue(_) => "order_value",
            Measure::Ordered => "ordered",
            Measure::OrderedValue(_) => "ordered_value",
        }
    }

    /// The currency of a measure of money; `None` if it counts something else.
    #[inline]
    pub fn currency(self) -> Option<Currency> {
        match self {
            Measure::Sales(currency)
            | Measure::Refunds(currency)
            | Measure::RefundsMoved(currency)
            | Measure::OrderValue(currency)
            | Measure::OrderedValue(currency) => Some(currency),
            Measure::Views
            | Measure::Carts
            | Measure::Removals
            | Measure::Checkouts
            | Measure::Units
            | Measure::Pages
            | Measure::Orders
            | Measure::Ordered => None,
        }
    }

    /// Whether nothing but orders contributes to it. They take back what they contributed when more
    /// is reported about them, so its amounts may be zero or negative.
    pub fn is_of_orders(self) -> bool {
        match self {
            Measure::Orders
            | Measure::OrderValue(_)
            | Measure::Ordered
            | Measure::OrderedValue(_)
            | Measure::RefundsMoved(_) => true,
            Measure::Views
            | Measure::Carts
            | Measure::Removals
            | Measure::Checkouts
            | Measure::Units
            | Measure::Sales(_)
            | Measure::Refunds(_)
            | Measure::Pages => false,
        }
    }

    /// Whether both events and orders contribute to it. The names of what orders contributed are
    /// never given up, since it is taken back from them.
    pub fn is_of_purchases(self) -> bool {
        matches!(self, Measure::Units | Measure::Sales(_) | Measure::Refunds(_))
    }

    /// Whether its amounts are money.
    #[inline]
    pub fn is_money(self) -> bool {
        self.currency().is_some()
    }
}

/// As in the table's keys: `views`, `sales:USD`.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.currency() {
            None => f.write_str(self.name()),
            Some(currency) => write!(f, "{}:{currency}", self.name()),
        }
    }
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_letters() {
        assert_eq!(
            Currency::parse(b"usd").map(|currency| currency.to_string()).as_deref(),
            Some("USD")
        );
        for text in ["", "US", "USDT", "U$D", "ÄÖ"] {
            assert_eq!(Currency::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn money_is_named_with_its_currency() {
        let usd = Currency::parse(b"USD").expect("three letters");
        assert_eq!(Measure::Sales(usd).to_string(), "sales:USD");
    }

    #[test]
    fn a_measure_is_read_from_its_name_and_nothing_else() {
        let usd = Currency::parse(b"USD").expect("three letters");
        for measure in [
            Measure::Views,
            Measure::Carts,
            Measure::Removals,
            Measure::Checkouts,
            Measure::Units,
            Measure::Sales(usd),
            Measure::Refunds(usd),
            Measure::Pages,
        ] {
            assert_eq!(Measure::parse(&measure.to_string()), Some(measure));
        }
        for name in [
            "",
            "view",
            "Views",
            "views:USD",
            "sales",
            "sales:",
            "sales:usd",
            "sales:USD:",
            "refunds:EURO",
        ] {
            assert_eq!(Measure::parse(name), None, "{name}");
        }
    }
}
