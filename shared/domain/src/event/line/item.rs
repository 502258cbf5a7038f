//! The items of events: what each of them is counted under, and its numbers.

use crate::count::amount::{Amount, INPUT_MAX, MILLIONTHS_PER_ONE};
use crate::count::measure::{Currency, Measure};
use crate::event::json::{Kind, Raw};
use crate::event::line::read_line::{Addition, Text, UnpricedItem, Value};
use crate::event::line::values::LineContext;
use crate::event::reason::{Field, Reason};
use crate::event::vocabulary::EventKind;

/// The raw values of an item.
pub(super) struct ItemValues {
    pub(super) id: Option<Raw>,
    pub(super) name: Option<Raw>,
    pub(super) price: Option<Raw>,
    pub(super) quantity: Option<Raw>,
    pub(super) total_amount: Option<Raw>,
    /// The money of the whole event, which is that of its only item.
    pub(super) order_total: Option<Raw>,
}

/// The numbers of an item, as far as its event counts them.
pub(super) struct Numbers {
    /// In millionths; 1 if the item has none.
    pub(super) quantity: i64,
    /// `None` if it is unknown.
    pub(super) money: Option<Money>,
}

/// An amount of money.
#[derive(Clone, Copy)]
pub(super) struct Money {
    /// Without its sign; `None` if it is zero.
    value: Option<Value>,
    /// Whether it, or what it is the money of, has a minus sign.
    is_negative: bool,
}

impl LineContext<'_> {
    /// What an item is counted under: its id, or else its name. The inner error is the reason to
    /// reject an event that needs the item.
    #[inline]
    pub(super) fn key(&mut self, item: &ItemValues) -> Result<Result<Text, Reason>, Reason> {
        let mut missing = Reason::Missing(Field::ItemId);
        if let Some(id) = item.id {
            match self.id(id, Field::ItemId) {
                Ok(key) => return Ok(Ok(key)),
                Err(reason) => missing = reason,
            }
        }
        let Some(name) = item.name else {
            return Ok(Err(missing));
        };
        match (self.id(name, Field::ItemName), missing) {
            (Ok(key), Reason::Missing(_)) => Ok(Ok(key)),
            (Ok(key), unusable) => self.drop_field(unusable).map(|()| Ok(key)),
            (Err(reason), Reason::Missing(_)) => Ok(Err(reason)),
            (Err(_), unusable) => Ok(Err(unusable)),
        }
    }

    /// Reads the numbers of an item: those that its event counts must be usable.
    #[inline]
    pub(super) fn numbers(
        &mut self,
        kind: EventKind,
        item: &ItemValues,
    ) -> Result<Numbers, Reason> {
        if !matches!(kind, EventKind::Purchase | EventKind::Refund) {
            self.check_decimal(item.total_amount, Field::TotalAmount)?;
            self.check_decimal(item.price, Field::Price)?;
            self.check_decimal(item.quantity, Field::Quantity)?;
            return Ok(Numbers { quantity: 0, money: None });
        }
        let total = self.decimal(item.total_amount, Field::TotalAmount);
        let price = self.decimal(item.price, Field::Price);
        let quantity = self.decimal(item.quantity, Field::Quantity);
        let mut total = total?;
        let price = if total.is_some() { self.optional(price)?.flatten() } else { price? };
        let is_quantity_needed =
            kind == EventKind::Purchase || (total.is_none() && price.is_some());
        let quantity =
            if is_quantity_needed { quantity? } else { self.optional(quantity)?.flatten() };
        if total.is_none() && price.is_none() {
            total = self.decimal(item.order_total, Field::OrderTotal)?;
        }
        let quantity = quantity.unwrap_or(MILLIONTHS_PER_ONE.cast_signed());
        Ok(Numbers { quantity, money: money(price, quantity, total)? })
    }

    /// Drops a number that nothing needs, if it is unusable.
    #[inline]
    fn check_decimal(&mut self, value: Option<Raw>, field: Field) -> Result<(), Reason> {
        match self.decimal(value, field) {
            Ok(_) => Ok(()),
            Err(reason) => self.drop_field(reason),
        }
    }

    /// Counts an item. A purchase of negative money is a refund.
    #[inline]
    pub(super) fn count_item(
        &mut self,
        kind: EventKind,
        key: Text,
        numbers: &Numbers,
        currency: Currency,
    ) {
        let mut add = |measure, value| self.read.additions.push(Addition { measure, key, value });
        let money = numbers.money;
        match kind {
            EventKind::View => add(Measure::Views, Value::One),
            EventKind::CartAdd => add(Measure::Carts, Value::One),
            EventKind::Removal => add(Measure::Removals, Value::One),
            EventKind::Checkout => add(Measure::Checkouts, Value::One),
            EventKind::Purchase if !money.is_some_and(|money| money.is_negative) => {
                self.values.of_order.has_purchased |= numbers.quantity >= 0;
                if numbers.quantity > 0 {
                    add(Measure::Units, Value::Millionths(numbers.quantity.unsigned_abs()));
                }
                if let Some(value) = money.and_then(|money| money.value) {
                    add(Measure::Sales(currency), value);
                }
            }
            EventKind::Purchase | EventKind::Refund => {
                match money {
                    Some(Money { value: Some(value), .. }) => {
                        add(Measure::Refunds(currency), value)
                    }
                    Some(_) => {}
                    // Units of an order, for what they cost in it.
                    None if self.values.of_order.is_refund && numbers.quantity != 0 => {
                        add(Measure::Units, Value::Millionths(numbers.quantity.unsigned_abs()));
                    }
                    None => {}
                }
            }
            // The items of orders are read separately, and other types have none.
            EventKind::Order(_) | EventKind::Other => {}
        }
    }

    /// Reads the items of an event. If none of them has money, that of the event is split.
    pub(super) fn items(
        &mut self,
        kind: EventKind,
        items: Raw,
        event_currency: Currency,
        order_total: Option<Raw>,
    ) -> Result<(), Reason> {
        self.values.unpriced.clear();
        let mut has_money = false;
        let mut is_empty = true;
        let mut elements = self.tape.within(items);
        while let Some(element) = elements.next(self.tape) {
            is_empty = false;
            if element.value.kind() != Kind::Object {
                return Err(Reason::Invalid(Field::Items));
            }
            self.take_item(element);
            let currency = match self.item.get(Field::Currency) {
                Some(value) => self.currency(value),
                None => Ok(event_currency),
            };
            let currency = self.optional(currency)?.unwrap_or(event_currency);
            let item = ItemValues {
                id: self.item.get(Field::ItemId),
                name: self.item.get(Field::ItemName),
                price: self.item.get(Field::Price),
                quantity: self.item.get(Field::Quantity),
                total_amount: self.item.get(Field::TotalAmount),
                order_total: None,
            };
            let key = self.key(&item)?;
            let numbers = self.numbers(kind, &item)?;
            let key = key?;
            match kind {
                EventKind::Purchase | EventKind::Refund if numbers.money.is_none() => {
                    let quantity = numbers.quantity;
                    self.values.unpriced.push(UnpricedItem { key, quantity, currency });
                }
                _ => {
                    has_money = true;
                    self.count_item(kind, key, &numbers, currency);
                }
            }
        }
        if self.values.unpriced.is_empty() {
            self.values.of_order.is_everything = is_empty && self.values.of_order.is_refund;
            return Ok(());
        }
        let order_total = order_total.filter(|_| !has_money);
        let order_total = self.decimal(order_total, Field::OrderTotal)?;
        self.count_unpriced(kind, order_total);
        Ok(())
    }

    /// Counts the items without money of their own. Each has a share of the total by its quantity,
    /// rounded down; the last has the rest.
    fn count_unpriced(&mut self, kind: EventKind, total: Option<i64>) {
        let mut unpriced = std::mem::take(&mut self.values.unpriced);
        let total = total.filter(|_| unpriced.iter().all(|item| item.quantity >= 0));
        if kind == EventKind::Purchase && total.is_none() {
            self.read.notes.purchases_without_money += 1;
        }
        let all: u128 = unpriced.iter().map(|item| u128::from(item.quantity.unsigned_abs())).sum();
        let last = unpriced.len().saturating_sub(1);
        let mut rest = total.unwrap_or(0).unsigned_abs();
        for (number, UnpricedItem { key, quantity, currency }) in unpriced.drain(..).enumerate() {
            let money = total.map(|total| {
                let weight = u128::from(quantity.unsigned_abs());
                let share = (u128::from(total.unsigned_abs()) * weight).checked_div(all);
                let share = share.and_then(|share| u64::try_from(share).ok()).unwrap_or(0);
                let share = if number == last { rest } else { share };
                rest -= share;
                Money {
                    value: (share != 0).then_some(Value::Millionths(share)),
                    is_negative: total < 0,
                }
            });
            self.count_item(kind, key, &Numbers { quantity, money }, currency);
        }
        self.values.unpriced = unpriced;
    }
}

/// The money of an item; `None` if it is unknown.
#[inline]
fn money(
    price: Option<i64>,
    quantity: i64,
    total_amount: Option<i64>,
) -> Result<Option<Money>, Reason> {
    if let Some(total) = total_amount {
        let value = (total != 0).then_some(Value::Millionths(total.unsigned_abs()));
        return Ok(Some(Money { value, is_negative: total < 0 || quantity < 0 }));
    }
    let Some(price) = price else {
        return Ok(None);
    };
    let is_negative = price < 0 || quantity < 0;
    let (price, quantity) = (price.unsigned_abs(), quantity.unsigned_abs());
    // Millionths times millionths are the units of an amount. Both are at most 10^18, so this
    // cannot overflow.
    let units = u128::from(price) * u128::from(quantity);
    if units > INPUT_MAX.units().unsigned_abs() {
        return Err(Reason::Invalid(Field::TotalAmount));
    }
    let value = if units == 0 {
        None
    } else if quantity.is_multiple_of(MILLIONTHS_PER_ONE) {
        Some(Value::Millionths(price * (quantity / MILLIONTHS_PER_ONE)))
    } else {
        Some(Value::Exact(Amount::from_units(units.cast_signed())))
    };
    Ok(Some(Money { value, is_negative }))
}
