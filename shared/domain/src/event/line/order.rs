//! Events about orders: what each of them reports about its order.

use std::cell::Cell;

use crate::count::amount::{Amount, INPUT_MAX, MILLIONTHS_PER_ONE, UNITS_PER_MILLIONTH};
use crate::count::stages::Stage;
use crate::event::json::{Kind, Raw};
use crate::event::line::object::Fields;
use crate::event::line::read_line::{ReadEvent, ReadOrder, Text};
use crate::event::line::values::LineContext;
use crate::event::reason::{Field, Reason};
use crate::event::vocabulary::OrderEvent;
use crate::order::facts::{
    Cancellation, Creation, ORDER_ITEMS_MAX, OrderFacts, PRODUCT_NAMES_BYTES_MAX, Product,
    ProductSums, STATUS_BYTES_MAX, STATUS_CREATED,
};
use crate::time::Minute;

impl LineContext<'_> {
    /// Reads an event about an order. Such events are rare, so this code is kept out of the hot
    /// path.
    #[cold]
    pub(super) fn order_event(
        &mut self,
        what: OrderEvent,
        fields: &impl Fields,
    ) -> Result<(), Reason> {
        let at = self.time(fields)?;
        let minute = Minute::containing(at).ok_or(Reason::Invalid(Field::Timestamp))?;
        let site = self.site(fields.get(Field::SiteId))?;
        let id = self.id_if_usable(fields.get_own(Field::EventId), Field::EventId)?;
        let customer = self.id_if_usable(fields.get(Field::CustomerId), Field::CustomerId)?;
        let session = self.id_if_usable(fields.get(Field::SessionId), Field::SessionId)?;
        let order_id = self.id_if_any(fields.get(Field::OrderId), Field::OrderId)?;
        let items = fields.get(Field::Items);
        let location = || if items.is_none() { fields.page_location() } else { None };
        if let Some(page) = fields.get(Field::PageUrl).or_else(location) {
            let page = self.page(page);
            self.optional(page)?;
        }
        let currency = match fields.get(Field::Currency) {
            Some(value) => self.currency(value),
            None => Ok(self.values.default_currency),
        };
        let currency = self.optional(currency)?.unwrap_or(self.values.default_currency);

        let order_id = order_id.ok_or(Reason::Missing(Field::OrderId))?;
        let facts = match what {
            OrderEvent::Created => {
                let number =
                    self.id_if_usable(fields.get(Field::OrderNumber), Field::OrderNumber)?;
                let status = self.status(fields.get(Field::Status), Field::Status);
                let status = self.optional(status)?.flatten();
                let mut total = self.amount(fields.get(Field::TotalAmount), Field::TotalAmount)?;
                if total.is_none() {
                    total = self.amount(fields.get(Field::OrderTotal), Field::OrderTotal)?;
                }
                let (products, sum) = self.products(items)?;
                let value = total.or(sum).ok_or(Reason::Missing(Field::TotalAmount))?;
                if value > INPUT_MAX || value < Amount::ZERO {
                    return Err(Reason::Invalid(Field::TotalAmount));
                }
                let (number, customer) =
                    (number.map(|id| self.owned(id)), customer.map(|id| self.owned(id)));
                let creation = Creation { at, number, customer, currency, value, products };
                OrderFacts::of_creation(creation, status.unwrap_or_else(|| STATUS_CREATED.into()))
            }
            OrderEvent::StatusChanged => {
                let status = self.status(fields.get(Field::NewStatus), Field::NewStatus)?;
                OrderFacts::of_change(at, status.ok_or(Reason::Missing(Field::NewStatus))?)
            }
            OrderEvent::Cancelled => {
                let refund = self.amount(fields.get(Field::RefundAmount), Field::RefundAmount)?;
                OrderFacts::of_cancellation(Cancellation { at, refund: refund.map(without_sign) })
            }
        };
        let order = u32::try_from(self.read.orders.len()).ok();
        self.read.orders.push(ReadOrder { id: order_id, facts: Cell::new(facts) });
        let stage = (what == OrderEvent::Created).then_some(Stage::Bought);
        self.end_event(ReadEvent {
            minute,
            site,
            id,
            customer,
            session,
            stage,
            additions_end: 0,
            order,
        });
        Ok(())
    }

    fn id_if_any(&mut self, value: Option<Raw>, field: Field) -> Result<Option<Text>, Reason> {
        value.map(|value| self.id(value, field)).transpose()
    }

    pub(super) fn owned(&self, text: Text) -> String {
        // It is UTF-8: the line is, and so are its unescaped texts.
        std::str::from_utf8(self.read.text(self.line, text)).unwrap_or_default().to_owned()
    }

    fn status(&mut self, value: Option<Raw>, field: Field) -> Result<Option<String>, Reason> {
        let Some(value) = value else {
            return Ok(None);
        };
        let text = self.plain_text(value).filter(|text| text.length() <= STATUS_BYTES_MAX);
        text.map(|text| Some(self.owned(text))).ok_or(Reason::Invalid(field))
    }

    fn amount(&mut self, value: Option<Raw>, field: Field) -> Result<Option<Amount>, Reason> {
        Ok(self.decimal(value, field)?.map(of_millionths))
    }

    /// The ordered products and their total; `None` if the price of an item is unknown or there are
    /// no items.
    fn products(&mut self, items: Option<Raw>) -> Result<(Vec<Product>, Option<Amount>), Reason> {
        let Some(items) = items else {
            return Ok((vec![], None));
        };
        let mut products = ProductSums::default();
        let mut count = 0;
        let mut sum = Some(Amount::ZERO);
        let mut elements = self.tape.within(items);
        while let Some(item) = elements.next(self.tape) {
            count += 1;
            if item.value.kind() != Kind::Object || count > ORDER_ITEMS_MAX {
                return Err(Reason::Invalid(Field::Items));
            }
            self.take_item(item);
            if let Some(value) = self.item.get(Field::Currency) {
                let currency = self.currency(value);
                self.optional(currency)?;
            }
            let name = self.id_if_any(self.item.get(Field::ItemName), Field::ItemName)?;
            let (units, money) = self.units_and_money()?;
            let name = self.owned(name.ok_or(Reason::Missing(Field::ItemName))?);
            // A discount is no product, but it lowers the order.
            let is_discount =
                money.is_some_and(|money| money < Amount::ZERO || units < Amount::ZERO);
            let money = match is_discount {
                true => money.map(|money| Amount::from_units(-without_sign(money).units())),
                false => money,
            };
            if !is_discount {
                products.add(Product { name, units, money: money.unwrap_or(Amount::ZERO) });
            }
            sum = sum.zip(money).map(|(sum, money)| sum.saturating_add(money));
        }
        let products = products.finish();
        let name_bytes: usize = products.iter().map(|product| product.name.len()).sum();
        match name_bytes > PRODUCT_NAMES_BYTES_MAX {
            true => Err(Reason::Invalid(Field::Items)),
            false => Ok((products, sum)),
        }
    }

    /// The units and the money of the item that was scanned last.
    fn units_and_money(&mut self) -> Result<(Amount, Option<Amount>), Reason> {
        let price = self.decimal(self.item.get(Field::Price), Field::Price)?;
        let quantity = self.decimal(self.item.get(Field::Quantity), Field::Quantity)?;
        let quantity = quantity.unwrap_or(MILLIONTHS_PER_ONE.cast_signed());
        let total = self.amount(self.item.get(Field::TotalAmount), Field::TotalAmount)?;
        let product =
            price.map(|price| i128::from(price) * i128::from(quantity)).map(Amount::from_units);
        if total.is_none() && product.map(without_sign) > Some(INPUT_MAX) {
            return Err(Reason::Invalid(Field::TotalAmount));
        }
        // Two signs are one of a discount, too.
        let product = product.map(|product| match price < Some(0) {
            true => Amount::from_units(-without_sign(product).units()),
            false => product,
        });
        Ok((of_millionths(quantity), total.or(product)))
    }
}

/// Converts millionths to an amount.
fn of_millionths(millionths: i64) -> Amount {
    Amount::from_units(i128::from(millionths) * UNITS_PER_MILLIONTH)
}

fn without_sign(amount: Amount) -> Amount {
    Amount::from_units(amount.units().abs())
}
