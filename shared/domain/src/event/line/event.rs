//! Events about items and pages: what each of them adds.

use crate::count::amount::{Amount, INPUT_MAX, MILLIONTHS_PER_ONE};
use crate::count::measure::{Currency, Measure};
use crate::event::json::{Kind, Raw};
use crate::event::line::object::{Fields, Object, not_json};
use crate::event::line::read_line::{Addition, OwnId, ReadEvent, Text, Value};
use crate::event::line::values::{ItemValues, LineContext};
use crate::event::reason::{Field, Reason};
use crate::event::vocabulary::EventKind;

impl LineContext<'_> {
    pub(super) fn own_id(&mut self, line: &Object) -> Result<(), Reason> {
        let Some(id) = line.get(Field::EventId) else {
            return Ok(());
        };
        let site = self.site(line.get(Field::SiteId))?;
        let id = self.id(id, Field::EventId)?;
        self.read.own = Some(OwnId { site, id });
        Ok(())
    }

    #[inline]
    pub(super) fn event(&mut self, fields: &impl Fields) -> Result<(), Reason> {
        let kind = self.kind(fields.get(Field::EventType).or_else(|| fields.name()))?;
        match kind {
            EventKind::Order(what) => return self.order_event(what, fields),
            EventKind::Other => {
                self.end_event(ReadEvent::of_nothing());
                return Ok(());
            }
            _ => {}
        }
        let minute = self.minute(fields.get(Field::Timestamp))?;
        let site = self.site(fields.get(Field::SiteId))?;
        // Each element of `events` is a separate event, so it does not inherit the id of the line.
        let id = match fields.get_own(Field::EventId) {
            Some(id) => Some(self.id(id, Field::EventId)?),
            None => None,
        };
        let customer = match fields.get(Field::CustomerId) {
            Some(customer) => Some(self.id(customer, Field::CustomerId)?),
            None => None,
        };
        let session = match fields.get(Field::SessionId) {
            Some(session) => Some(self.id(session, Field::SessionId)?),
            None => None,
        };
        if let Some(order) = fields.get(Field::OrderId) {
            self.check_id(order, Field::OrderId)?;
        }
        let items = fields.get(Field::Items);
        // The page of an event with items has its own page_view and is not counted again.
        let location = || if items.is_none() { fields.page_location() } else { None };
        let page = match fields.get(Field::PageUrl).or_else(location) {
            Some(value) => Some(self.page(value)?),
            None => None,
        };
        let currency = match fields.get(Field::Currency) {
            Some(value) => self.currency(value)?,
            None => self.values.default_currency,
        };

        let additions_start = self.read.additions.len();
        match items {
            None => {
                let item = ItemValues {
                    key: self.item_key(|field| fields.get(field)),
                    price: fields.get(Field::Price),
                    quantity: fields.get(Field::Quantity),
                    total_amount: fields.get(Field::TotalAmount),
                    order_total: fields.get(Field::OrderTotal),
                };
                let needs_item = kind != EventKind::View || page.is_none();
                match self.item(kind, item, currency, needs_item) {
                    Err(Reason::Missing(Field::ItemId)) if kind == EventKind::View => {
                        self.default_page()?;
                    }
                    read => read?,
                }
            }
            Some(items) => self.items(kind, items, currency)?,
        }
        if let (EventKind::View, Some(key)) = (kind, page) {
            let counts_items = self.read.additions.len() > additions_start;
            let mut add = |key| {
                self.read.additions.push(Addition {
                    measure: Measure::Pages,
                    key,
                    value: Value::One,
                })
            };
            add(key);
            if counts_items {
                add(Text::EMPTY);
            }
        }
        self.end_event(ReadEvent {
            minute,
            site,
            id,
            customer,
            session,
            additions_end: 0,
            order: None,
        });
        Ok(())
    }

    /// Counts a view that has neither an item nor a page, if it may lack them.
    #[cold]
    fn default_page(&mut self) -> Result<(), Reason> {
        let defaults = self.values.defaults.as_mut().ok_or(Reason::Missing(Field::ItemId))?;
        defaults.lacks_page = true;
        self.read.additions.push(Addition {
            measure: Measure::Pages,
            key: Text::EMPTY,
            value: Value::One,
        });
        Ok(())
    }

    fn items(
        &mut self,
        kind: EventKind,
        items: Raw,
        event_currency: Currency,
    ) -> Result<(), Reason> {
        let mut element = self.scanner.first_element(items).map_err(not_json)?;
        while let Some(object) = element {
            if object.kind() != Kind::Object {
                return Err(Reason::Invalid(Field::Items));
            }
            self.item.scan(&mut self.scanner, self.item_names, object)?;
            let currency = match self.item.get(Field::Currency) {
                Some(value) => self.currency(value)?,
                None => event_currency,
            };
            let item = ItemValues {
                key: self.item_key(|field| self.item.get(field)),
                price: self.item.get(Field::Price),
                quantity: self.item.get(Field::Quantity),
                total_amount: self.item.get(Field::TotalAmount),
                order_total: None,
            };
            self.item(kind, item, currency, true)?;
            element = self.scanner.next_element(object).map_err(not_json)?;
        }
        Ok(())
    }

    /// What an item is counted under: its id, or else its name.
    #[inline]
    fn item_key(&self, get: impl Fn(Field) -> Option<Raw>) -> Option<(Raw, Field)> {
        let named = |field| get(field).map(|value| (value, field));
        let name = || if self.values.items_have_names { named(Field::ItemName) } else { None };
        named(Field::ItemId).or_else(name)
    }

    #[inline]
    fn item(
        &mut self,
        kind: EventKind,
        item: ItemValues,
        currency: Currency,
        needs_item: bool,
    ) -> Result<(), Reason> {
        let key = match item.key {
            Some((key, field)) => Some(self.id(key, field)?),
            None => None,
        };
        let price = self.decimal(item.price, Field::Price)?;
        let quantity = self.decimal(item.quantity, Field::Quantity)?;
        let total_amount = self.decimal(item.total_amount, Field::TotalAmount)?;
        let Some(key) = key else {
            return if needs_item { Err(Reason::Missing(Field::ItemId)) } else { Ok(()) };
        };
        let total_amount = match (total_amount, price, kind) {
            (None, None, EventKind::Purchase | EventKind::Refund) => {
                self.decimal(item.order_total, Field::OrderTotal)?
            }
            _ => total_amount,
        };
        let mut add = |measure, value| self.read.additions.push(Addition { measure, key, value });
        match kind {
            EventKind::View => add(Measure::Views, Value::One),
            EventKind::CartAdd => add(Measure::Carts, Value::One),
            EventKind::Removal => add(Measure::Removals, Value::One),
            EventKind::Purchase => {
                let quantity = quantity.unwrap_or(MILLIONTHS_PER_ONE);
                let money = money(price, quantity, total_amount)?;
                if quantity != 0 {
                    add(Measure::Units, Value::Millionths(quantity));
                }
                if let Some(money) = money {
                    add(Measure::Sales(currency), money);
                }
            }
            EventKind::Refund => {
                if let Some(money) =
                    money(price, quantity.unwrap_or(MILLIONTHS_PER_ONE), total_amount)?
                {
                    add(Measure::Refunds(currency), money);
                }
            }
            // The items of orders are read separately, and other types have none.
            EventKind::Order(_) | EventKind::Other => {}
        }
        Ok(())
    }
}

/// The money of a purchase or a refund; `None` if it is unknown or zero.
#[inline]
fn money(
    price: Option<u64>,
    quantity: u64,
    total_amount: Option<u64>,
) -> Result<Option<Value>, Reason> {
    if let Some(total_amount) = total_amount {
        return Ok((total_amount != 0).then_some(Value::Millionths(total_amount)));
    }
    let Some(price) = price else {
        return Ok(None);
    };
    // Millionths times millionths are the units of an amount. Both are at most 10^18, so this
    // cannot overflow.
    let units = u128::from(price) * u128::from(quantity);
    if units > INPUT_MAX.units().unsigned_abs() {
        return Err(Reason::Invalid(Field::TotalAmount));
    }
    if units == 0 {
        return Ok(None);
    }
    if quantity.is_multiple_of(MILLIONTHS_PER_ONE) {
        return Ok(Some(Value::Millionths(price * (quantity / MILLIONTHS_PER_ONE))));
    }
    Ok(Some(Value::Exact(Amount::from_units(units.cast_signed()))))
}
