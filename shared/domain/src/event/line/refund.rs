//! Refunds that name an order: what each of them reports about it.

use std::cell::Cell;

use crate::count::tally::OTHER_KEY;
use crate::event::line::object::Fields;
use crate::event::line::purchase::{EventOfOrder, amount};
use crate::event::line::read_line::ReadOrder;
use crate::event::line::values::LineContext;
use crate::event::reason::{Field, Reason};
use crate::order::facts::OrderFacts;
use crate::order::refunds::{Refund, RefundOf, Refunds};

impl LineContext<'_> {
    /// Makes refunds of an order from what an event would add. Returns the index of the order;
    /// `None` if the event adds nothing.
    #[cold]
    pub(super) fn order_of_refund(
        &mut self,
        event: &EventOfOrder,
        fields: &impl Fields,
    ) -> Result<Option<u32>, Reason> {
        let at = self.exact_time(fields)?;
        let event_id = event.event_id.map(|id| self.owned(id));
        let mut refunds = Refunds::default();
        let mut add =
            |item, what| refunds.add(Refund { event_id: event_id.clone(), item, what }, at);
        if self.values.of_order.is_everything {
            add(None, RefundOf::Everything);
        }
        for addition in &self.read.additions[event.additions_start..] {
            let value = amount(addition.value);
            let what = match addition.measure.currency() {
                Some(currency) => RefundOf::Money(value, currency),
                None => RefundOf::Units(value),
            };
            let item = Some(self.owned(addition.key)).filter(|item| item != OTHER_KEY);
            add(item, what);
        }
        if refunds.has_more() {
            return Err(Reason::Invalid(Field::Items));
        }
        self.read.additions.truncate(event.additions_start);
        if refunds.is_empty() {
            return Ok(None);
        }
        let order = u32::try_from(self.read.orders.len()).ok();
        let facts = Cell::new(OrderFacts::of_refunds(refunds));
        self.read.orders.push(ReadOrder { id: event.order_id, facts });
        Ok(order)
    }
}
