//! Events about items and pages: what each of them adds.

use crate::count::measure::{Currency, Measure};
use crate::count::stages::Stage;
use crate::count::tally::OTHER_KEY;
use crate::event::fields::OfEvents;
use crate::event::json::{Kind, Node, Raw};
use crate::event::line::item::{ItemValues, Numbers};
use crate::event::line::object::{Fields, Layers, Object};
use crate::event::line::purchase::EventOfOrder;
use crate::event::line::read_line::{Addition, OfOrder, OwnId, ReadEvent, Text, Value};
use crate::event::line::values::LineContext;
use crate::event::reason::{Field, Reason};
use crate::event::site::DEFAULT_SITE;
use crate::event::vocabulary::EventKind;

/// The maximum size of what the elements of `events` inherit, in bytes: the number of elements
/// times the size of the rest of the line. 1 MiB is four times the longest line. It bounds the work
/// and the memory for one line, which would grow with the product of two lengths in it.
pub const WRITTEN_OUT_BYTES_MAX: usize = 1 << 20;

/// What the elements of `events` inherit so far.
pub(super) struct WrittenOut {
    each_bytes: usize,
    bytes: usize,
}

impl WrittenOut {
    /// Elements that inherit so many bytes each.
    pub(super) fn of_each(each_bytes: usize) -> WrittenOut {
        WrittenOut { each_bytes, bytes: 0 }
    }

    /// Adds an element.
    ///
    /// # Errors
    /// Fails if they inherit too much.
    pub(super) fn add_one(&mut self) -> Result<(), Reason> {
        self.bytes += self.each_bytes;
        if self.bytes > WRITTEN_OUT_BYTES_MAX { Err(Reason::TooLarge) } else { Ok(()) }
    }
}

impl LineContext<'_> {
    /// Reads the id of a line with `events`.
    pub(super) fn own_id(&mut self, line: &Object<OfEvents>) -> Result<(), Reason> {
        let Some(id) = line.get(Field::EventId) else {
            return Ok(());
        };
        let site = self.site(line.get(Field::SiteId));
        let Some(site) = self.optional(site)? else {
            return Ok(());
        };
        let id = self.id(id, Field::EventId);
        if let Some(id) = self.optional(id)? {
            self.read.own = Some(OwnId { site, id });
        }
        Ok(())
    }

    /// Reads an object of this size by its names: an event, or the line of its `events`.
    pub(super) fn object(
        &mut self,
        own: &Object<OfEvents>,
        event: &mut Object<OfEvents>,
        object_bytes: usize,
    ) -> Result<(), Reason> {
        let Some(events) = own.own.events() else {
            return self.event(&Layers { near: own, far: None, is_together: false });
        };
        self.own_id(own)?;
        let mut written_out = WrittenOut::of_each(object_bytes - (events.end() - events.start()));
        let mut elements = self.tape.within(events);
        while let Some(element) = elements.next(self.tape) {
            written_out.add_one()?;
            let mark = self.read.mark();
            let read = self.element(element, event, own, false);
            let rejected = read.err().map(|reason| self.values.rejection(reason));
            self.read.end_element(element.value, rejected, &mark);
        }
        Ok(())
    }

    /// Reads an element of the `events` of a line.
    pub(super) fn element(
        &mut self,
        element: Node,
        event: &mut Object<OfEvents>,
        line: &Object<OfEvents>,
        is_together: bool,
    ) -> Result<(), Reason> {
        if element.value.kind() != Kind::Object {
            return Err(Reason::Invalid(Field::Events));
        }
        event.take(element.within, self.tape, self.line);
        event.take_product(self.tape);
        self.values.may_be_form |= event.has_texts();
        self.event(&Layers { near: event, far: Some(line), is_together })
    }

    /// Takes the currency and the zone of the site of the event that is read next. An event whose
    /// site is invalid has those of the deployment until it is rejected.
    #[cold]
    fn take_settings_of(&mut self, site: Option<Raw>) {
        let Some(mut sites) = self.values.sites.take() else {
            return;
        };
        let (currency, zone) = match self.site(site) {
            Ok(None) => sites.of(DEFAULT_SITE.as_bytes()),
            Ok(Some(site)) => sites.of(self.read.text(self.line, site)),
            Err(_) => sites.defaults(),
        };
        self.values.default_currency = currency;
        self.values.times.local.set_zone(zone);
        self.values.sites = Some(sites);
    }

    #[inline]
    pub(super) fn event(&mut self, fields: &impl Fields) -> Result<(), Reason> {
        let kind = self.kind(fields.get(Field::EventType).or_else(|| fields.name()))?;
        if self.values.sites.is_some() && kind != EventKind::Other {
            self.take_settings_of(fields.get(Field::SiteId));
        }
        match kind {
            EventKind::Order(what) => return self.order_event(what, fields),
            EventKind::Other => {
                self.end_event(ReadEvent::of_nothing());
                return Ok(());
            }
            _ => {}
        }
        let minute = self.minute(fields)?;
        let site = self.site(fields.get(Field::SiteId))?;
        // Each element of `events` is a separate event, so it does not inherit the id of the line.
        let id = self.id_if_usable(fields.get_own(Field::EventId), Field::EventId)?;
        let customer = self.id_if_usable(fields.get(Field::CustomerId), Field::CustomerId)?;
        let session = self.id_if_usable(fields.get(Field::SessionId), Field::SessionId)?;
        let mut order = None;
        if matches!(kind, EventKind::Purchase | EventKind::Refund) {
            self.values.of_order = OfOrder::default();
        }
        if let Some(id) = fields.get(Field::OrderId) {
            if matches!(kind, EventKind::Purchase | EventKind::Refund) {
                order = self.id_if_usable(Some(id), Field::OrderId)?;
                let is_refund = kind == EventKind::Refund && order.is_some();
                self.values.of_order = OfOrder { is_refund, ..OfOrder::default() };
            } else {
                let checked = self.check_id(id, Field::OrderId);
                self.optional(checked)?;
            }
        }
        let items = fields.get(Field::Items);
        // The page of an event with items has its own page_view and is not counted again.
        let location = || if items.is_none() { fields.page_location() } else { None };
        let (mut page, mut bad_page) = (None, None);
        if let Some(value) = fields.get(Field::PageUrl).or_else(location) {
            match self.page(value) {
                Ok(usable) => page = Some(usable),
                // A view may need it, which is known when its item has been read.
                Err(reason) if kind == EventKind::View => {
                    bad_page = Some(reason);
                }
                Err(reason) => self.drop_field(reason)?,
            }
        }
        let mut named_currency = None;
        if let Some(value) = fields.get(Field::Currency) {
            match self.currency(value) {
                Ok(usable) => named_currency = Some(usable),
                Err(reason) => self.drop_field(reason)?,
            }
        }
        let currency = named_currency.unwrap_or(self.values.default_currency);

        let additions_start = self.read.additions.len();
        match items {
            None => {
                let get = |field| fields.get(field).or_else(|| fields.product(field));
                let item = ItemValues {
                    id: get(Field::ItemId),
                    name: get(Field::ItemName),
                    price: get(Field::Price),
                    quantity: get(Field::Quantity),
                    total_amount: get(Field::TotalAmount),
                    order_total: fields.get(Field::OrderTotal),
                };
                self.only_item(kind, &item, currency, page, bad_page)?;
            }
            Some(items) => self.items(kind, items, currency, fields.get(Field::OrderTotal))?,
        }
        if let Some(reason) = bad_page {
            self.drop_field(reason)?;
        }
        let order = match order {
            Some(order_id) => {
                let event = EventOfOrder {
                    order_id,
                    event_id: id,
                    customer,
                    named_currency,
                    additions_start,
                };
                self.order_of(&event, fields)?
            }
            None => None,
        };
        if order.is_none() {
            self.sum_money_without_order(additions_start);
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
        let stage = match kind {
            EventKind::CartAdd => Some(Stage::Carted),
            EventKind::Checkout => Some(Stage::BeganCheckout),
            EventKind::Purchase if self.values.of_order.has_purchased => Some(Stage::Bought),
            _ => None,
        };
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

    /// Adds the money of an event without an order to that of all such events, which is counted
    /// under the empty key.
    #[inline]
    fn sum_money_without_order(&mut self, additions_start: usize) {
        for place in additions_start..self.read.additions.len() {
            let addition = self.read.additions[place];
            if addition.measure.is_money() {
                self.read.additions.push(Addition { key: Text::EMPTY, ..addition });
            }
        }
    }

    #[inline]
    pub(super) fn id_if_usable(
        &mut self,
        value: Option<Raw>,
        field: Field,
    ) -> Result<Option<Text>, Reason> {
        let Some(value) = value else {
            return Ok(None);
        };
        match self.id(value, field) {
            Ok(id) => Ok(Some(id)),
            Err(reason) => self.drop_field(reason).map(|()| None),
        }
    }

    /// Reads the item of an event without `items`. A view of a page may lack it.
    #[inline]
    fn only_item(
        &mut self,
        kind: EventKind,
        item: &ItemValues,
        currency: Currency,
        page: Option<Text>,
        bad_page: Option<Reason>,
    ) -> Result<(), Reason> {
        let key = self.key(item)?;
        let numbers = self.numbers(kind, item)?;
        match (key, kind) {
            (Ok(key), _) => {
                if kind == EventKind::Purchase && numbers.money.is_none() {
                    self.read.notes.purchases_without_money += 1;
                }
                self.count_item(kind, key, &numbers, currency);
                Ok(())
            }
            (Err(missing), EventKind::View) => match (page, bad_page) {
                (_, Some(reason)) => Err(reason),
                (Some(_), None) => self.drop_unless_missing(missing),
                (None, None) if missing == Reason::Missing(Field::ItemId) => self.default_page(),
                (None, None) => Err(missing),
            },
            (Err(missing), EventKind::Purchase | EventKind::Refund) => {
                // Money of no item is that of the site.
                if numbers.money.is_none() {
                    let of_order = &mut self.values.of_order;
                    of_order.is_everything =
                        of_order.is_refund && matches!(missing, Reason::Missing(_));
                    return if of_order.is_everything { Ok(()) } else { Err(missing) };
                }
                self.drop_unless_missing(missing)?;
                let other = self.read.own_text(OTHER_KEY.as_bytes());
                self.count_item(kind, other, &Numbers { quantity: 0, ..numbers }, currency);
                Ok(())
            }
            // A checkout without an item is one of the site.
            (Err(missing), EventKind::Checkout) => {
                self.drop_unless_missing(missing)?;
                let other = self.read.own_text(OTHER_KEY.as_bytes());
                self.count_item(kind, other, &numbers, currency);
                Ok(())
            }
            (Err(missing), _) => Err(missing),
        }
    }

    fn drop_unless_missing(&mut self, reason: Reason) -> Result<(), Reason> {
        match reason {
            Reason::Missing(_) => Ok(()),
            reason => self.drop_field(reason),
        }
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
}
