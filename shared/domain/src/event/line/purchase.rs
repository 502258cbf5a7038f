//! Purchases that name an order: the lines that each of them reports about it. One of negative items
//! is a refund of the order.

use std::cell::Cell;

use chrono::{DateTime, Utc};

use crate::count::amount::{Amount, UNITS_PER_MILLIONTH};
use crate::count::measure::{Currency, Measure};
use crate::count::tally::OTHER_KEY;
use crate::event::line::object::Fields;
use crate::event::line::read_line::{Addition, ReadOrder, Text, Value};
use crate::event::line::values::LineContext;
use crate::event::reason::{Field, Reason};
use crate::order::facts::OrderFacts;
use crate::order::purchases::{FirstPurchase, OrderLine, OrderLines, Purchases};

/// A purchase or a refund that names an order.
pub(super) struct EventOfOrder {
    pub(super) order_id: Text,
    pub(super) event_id: Option<Text>,
    pub(super) customer: Option<Text>,
    pub(super) named_currency: Option<Currency>,
    /// Where its additions start.
    pub(super) additions_start: usize,
}

impl LineContext<'_> {
    /// Makes facts of an order from what an event would add. Returns the index of the order; `None`
    /// if the event counts like any other.
    #[cold]
    pub(super) fn order_of(
        &mut self,
        event: &EventOfOrder,
        fields: &impl Fields,
    ) -> Result<Option<u32>, Reason> {
        let adds = self.read.additions.len() > event.additions_start;
        if self.values.of_order.has_purchased && adds {
            return self.order_of_purchase(event, fields);
        }
        self.order_of_refund(event, fields)
    }

    fn order_of_purchase(
        &mut self,
        purchase: &EventOfOrder,
        fields: &impl Fields,
    ) -> Result<Option<u32>, Reason> {
        let EventOfOrder { order_id, customer, named_currency, additions_start, .. } = *purchase;
        let additions = &self.read.additions[additions_start..];
        let of_items = || additions.iter().find_map(|addition| addition.measure.currency());
        let currency = named_currency.or_else(of_items).unwrap_or(self.values.default_currency);
        let mut lines = OrderLines::default();
        let mut place = additions_start;
        while let Some(addition) = self.read.additions.get(place).copied() {
            let next = self.read.additions.get(place + 1).copied();
            let (line, additions) = self.order_line(addition, next, currency);
            lines.add(line, 1);
            if lines.has_more() {
                return Err(Reason::Invalid(Field::Items));
            }
            place += additions;
        }
        self.read.additions.truncate(additions_start);
        let at = self.exact_time(fields)?;
        let customer = customer.map(|id| self.owned(id));
        let first = FirstPurchase { at, currency, customer };
        let facts = Cell::new(OrderFacts::of_purchase(Purchases { first, lines }));
        let order = u32::try_from(self.read.orders.len()).ok();
        self.read.orders.push(ReadOrder { id: order_id, facts });
        Ok(order)
    }

    /// The time of an event, which may have none of its own if it was posted.
    pub(super) fn exact_time(&mut self, fields: &impl Fields) -> Result<DateTime<Utc>, Reason> {
        match fields.time() {
            Some(_) => self.time(fields),
            None => DateTime::from_timestamp(self.seconds(fields)?, 0)
                .ok_or(Reason::Invalid(Field::Timestamp)),
        }
    }

    /// The line of an item, and how many additions it comes from: of its units, of its money, or of
    /// both, which have the same key then.
    fn order_line(
        &self,
        addition: Addition,
        next: Option<Addition>,
        currency: Currency,
    ) -> (OrderLine, usize) {
        let (mut units, mut money) = (Amount::ZERO, Amount::ZERO);
        let mut own_currency = addition.measure.currency();
        let mut additions = 1;
        match addition.measure {
            Measure::Units => {
                units = amount(addition.value);
                let of_item = |next: &Addition| next.key == addition.key;
                if let Some(next) = next.filter(of_item) {
                    money = amount(next.value);
                    own_currency = next.measure.currency();
                    additions = 2;
                }
            }
            // A negative item: it lowers the order.
            Measure::Refunds(_) => money = Amount::ZERO.saturating_sub(amount(addition.value)),
            _ => money = amount(addition.value),
        }
        let item = match addition.measure {
            Measure::Refunds(_) => OTHER_KEY.to_string(),
            _ => self.owned(addition.key),
        };
        let currency = own_currency.unwrap_or(currency);
        (OrderLine { currency, item, units, money }, additions)
    }
}

pub(super) fn amount(value: Value) -> Amount {
    match value {
        Value::One => Amount::ONE,
        Value::Millionths(value) => Amount::from_units(i128::from(value) * UNITS_PER_MILLIONTH),
        Value::Exact(amount) => amount,
    }
}
