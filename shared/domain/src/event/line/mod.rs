//! Reads a line into what it would count: which events it has, and what each of them adds.
//!
//! Nothing is counted here. A line is taken or rejected as a whole, so its additions are collected
//! first, and the tally is touched only when all of the line was found valid.

use crate::count::amount::{Amount, INPUT_FRACTION_DIGITS, INPUT_MAX};
use crate::count::measure::{Currency, Measure};
use crate::count::tally::{MILLIONTHS_PER_ONE, UNITS_PER_MILLIONTH};
use crate::event::fields::{Aside, Found, slot_of};
use crate::event::json::names::Names;
use crate::event::json::{self, Kind, Raw, ScanError, Scanner};
use crate::event::parameters::Parameters;
use crate::event::reason::{Field, Reason};
use crate::event::site::is_site;
use crate::event::time::{TimeReader, parse_epoch};
use crate::event::types::EventKind;
use crate::order::facts::OrderFacts;
use crate::time::Minute;

mod order;

/// How far after the chunk's reference time an event may lie: 10 minutes, for clocks that run
/// ahead.
pub const FUTURE_SECONDS_MAX: i64 = 600;

/// The bytes that an id or a path may have.
pub const KEY_BYTES_MAX: usize = 256;

/// Reads the lines of one chunk.
pub(crate) struct EventReader {
    names: Names,
    objects: Objects,
    values: ValueReader,
    read: ReadLine,
}

/// What a line holds, if it is taken.
#[derive(Default)]
pub(crate) struct ReadLine {
    /// The line's own id and its site, where it has an `events` array and such an id.
    pub(crate) own: Option<OwnId>,
    /// Its events, in order.
    pub(crate) events: Vec<ReadEvent>,
    /// What they add, in order, none of it zero.
    pub(crate) additions: Vec<Addition>,
    /// What its events say of orders, in order.
    pub(crate) orders: Vec<ReadOrder>,
    /// The texts that do not stand in the line as they are.
    texts: Vec<u8>,
}

#[derive(Clone, Copy)]
pub(crate) struct OwnId {
    pub(crate) site: Option<Text>,
    pub(crate) id: Text,
}

#[derive(Clone, Copy)]
pub(crate) struct ReadEvent {
    pub(crate) minute: Minute,
    /// `None` is [`DEFAULT_SITE`](crate::event::site::DEFAULT_SITE).
    pub(crate) site: Option<Text>,
    pub(crate) id: Option<Text>,
    pub(crate) customer: Option<Text>,
    pub(crate) session: Option<Text>,
    /// Where its additions end; they start where those of the event before end.
    pub(crate) additions_end: usize,
    /// Which of the line's orders it is about; an event about an order adds nothing by itself.
    pub(crate) order: Option<u32>,
}

impl ReadEvent {
    /// An event that counts nothing.
    fn of_nothing() -> ReadEvent {
        ReadEvent {
            minute: Minute::EPOCH,
            site: None,
            id: None,
            customer: None,
            session: None,
            additions_end: 0,
            order: None,
        }
    }
}

/// What an event says of an order.
pub(crate) struct ReadOrder {
    pub(crate) id: Text,
    pub(crate) facts: OrderFacts,
}

#[derive(Clone, Copy)]
pub(crate) struct Addition {
    pub(crate) measure: Measure,
    pub(crate) key: Text,
    pub(crate) value: Value,
}

#[derive(Clone, Copy)]
pub(crate) enum Value {
    One,
    Millionths(u64),
    Exact(Amount),
}

/// A text of a line: a part of the line, or one that was written out because of its escapes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    start: u32,
    end: u32,
    is_written_out: bool,
}

impl Text {
    /// The key of views that count items beside their page: see [`Measure::Pages`].
    const EMPTY: Text = Text { start: 0, end: 0, is_written_out: false };

    #[inline]
    fn in_line(value: Raw) -> Text {
        let (start, end) = value.offsets();
        Text { start, end, is_written_out: false }
    }

    #[inline]
    pub(crate) fn length(self) -> usize {
        (self.end - self.start) as usize
    }
}

impl ReadLine {
    /// The bytes of a text, which are UTF-8.
    #[inline]
    pub(crate) fn text<'a>(&'a self, line: &'a [u8], text: Text) -> &'a [u8] {
        let source = if text.is_written_out { &self.texts[..] } else { line };
        source.get(text.start as usize..text.end as usize).unwrap_or_default()
    }

    /// The bytes of a text, and what follows them.
    #[inline]
    pub(crate) fn text_and_after<'a>(&'a self, line: &'a [u8], text: Text) -> &'a [u8] {
        let source = if text.is_written_out { &self.texts[..] } else { line };
        source.get(text.start as usize..).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.own = None;
        self.events.clear();
        self.additions.clear();
        self.orders.clear();
        self.texts.clear();
    }
}

/// Places for the fields of the objects that a line may have at a time.
struct Objects {
    line: Object,
    event: Object,
    item: Object,
}

struct Object {
    own: Found,
    properties: Found,
    parameters: Parameters,
}

impl Object {
    fn new() -> Object {
        Object { own: Found::new(), properties: Found::new(), parameters: Parameters::new() }
    }

    /// Scans an object that was found in the line, and what is looked into for fields that it
    /// lacks.
    fn scan(
        &mut self,
        scanner: &mut Scanner<'_>,
        names: &mut Names,
        object: Raw,
    ) -> Result<(), Reason> {
        self.own.clear();
        scanner
            .members(object, names, |slot, value| self.own.take(slot, value))
            .map_err(not_json)?;
        self.scan_more(scanner, names)
    }

    #[inline]
    fn scan_more(&mut self, scanner: &mut Scanner<'_>, names: &mut Names) -> Result<(), Reason> {
        self.properties.clear();
        self.parameters.clear();
        if !self.own.has_more() {
            return Ok(());
        }
        if let Some(object) = self.own.aside(Aside::Properties) {
            scanner
                .members(object, names, |slot, value| self.properties.take(slot, value))
                .map_err(not_json)?;
        }
        if let Some(array) = self.own.aside(Aside::Parameters) {
            self.parameters.scan(scanner, array).map_err(not_json)?;
        }
        Ok(())
    }
}

impl EventReader {
    pub(crate) fn new(reference_seconds: i64, default_currency: Currency) -> EventReader {
        EventReader {
            names: Names::new(slot_of),
            objects: Objects { line: Object::new(), event: Object::new(), item: Object::new() },
            values: ValueReader {
                times: TimeReader::new(),
                latest_seconds: reference_seconds.saturating_add(FUTURE_SECONDS_MAX),
                default_currency,
            },
            read: ReadLine::default(),
        }
    }

    /// Reads a line of at most [`LINE_BYTES_MAX`](crate::chunk::lines::LINE_BYTES_MAX) bytes; `and_after`
    /// starts with it and goes on with a line end or ends there.
    #[inline]
    pub(crate) fn read(&mut self, line: &[u8], and_after: &[u8]) -> Result<&ReadLine, Reason> {
        let EventReader { names, objects: Objects { line: own, event, item }, values, read } = self;
        read.clear();
        own.own.clear();
        let mut scanner = Scanner::new(and_after);
        let scanned = scanner.line(names, |slot, value| own.own.take(slot, value));
        // UTF-8 is the earlier check, but a line that the scanner takes and that is ASCII needs
        // none.
        if (scanned.is_err() || scanner.may_exceed_ascii()) && std::str::from_utf8(line).is_err() {
            return Err(Reason::NotUtf8);
        }
        if !scanned.map_err(not_json)? {
            return Err(Reason::NotObject);
        }
        own.scan_more(&mut scanner, names)?;

        let mut context = LineContext { line: and_after, scanner, names, values, read, item };
        let Some(events) = own.own.get(Field::Events) else {
            // Nearly every line is one flat object.
            if own.own.has_more() {
                context.event(&Layers { near: own, far: None })?;
            } else {
                context.event(&own.own)?;
            }
            return Ok(read);
        };
        context.own_id(own)?;
        let mut element = context.scanner.first_element(events).map_err(not_json)?;
        while let Some(object) = element {
            if object.kind() != Kind::Object {
                return Err(Reason::Invalid(Field::Events));
            }
            event.scan(&mut context.scanner, context.names, object)?;
            context.event(&Layers { near: event, far: Some(own) })?;
            element = context.scanner.next_element(object).map_err(not_json)?;
        }
        Ok(read)
    }

    /// The value of a field of the line that was read last, which must be an object: as it is
    /// written, without the quotes of a text. An element of `events` is not looked into.
    pub(crate) fn own_field<'a>(&self, line: &'a [u8], field: Field) -> Option<&'a [u8]> {
        self.objects.line.get(field).map(|value| value.of(line))
    }
}

fn not_json(error: ScanError) -> Reason {
    match error {
        ScanError::NotJson => Reason::NotJson,
        ScanError::TooDeep => Reason::TooDeep,
    }
}

/// Where the fields of an event are looked for.
trait Fields {
    /// The value of a field.
    fn get(&self, field: Field) -> Option<Raw>;

    /// The value of a field that an event does not inherit.
    fn get_own(&self, field: Field) -> Option<Raw>;

    /// The page that the event happened on.
    fn page_location(&self) -> Option<Raw>;

    /// What the event is called as an element of `events`.
    fn name(&self) -> Option<Raw>;
}

impl Fields for Found {
    #[inline]
    fn get(&self, field: Field) -> Option<Raw> {
        Found::get(self, field)
    }

    #[inline]
    fn get_own(&self, field: Field) -> Option<Raw> {
        Found::get(self, field)
    }

    #[inline]
    fn page_location(&self) -> Option<Raw> {
        self.aside(Aside::PageLocation)
    }

    #[inline]
    fn name(&self) -> Option<Raw> {
        None
    }
}

/// An object with what is looked into beside it, and behind them the line that it is an element of.
struct Layers<'a> {
    near: &'a Object,
    far: Option<&'a Object>,
}

impl Object {
    fn get(&self, field: Field) -> Option<Raw> {
        self.own
            .get(field)
            .or_else(|| self.properties.get(field))
            .or_else(|| self.parameters.found().and_then(|parameters| parameters.get(field)))
    }

    fn page_location(&self) -> Option<Raw> {
        let page = |found: &Found| found.aside(Aside::PageLocation);
        page(&self.own)
            .or_else(|| page(&self.properties))
            .or_else(|| self.parameters.found().and_then(page))
    }
}

impl Fields for Layers<'_> {
    fn get(&self, field: Field) -> Option<Raw> {
        self.near.get(field).or_else(|| self.far?.get(field))
    }

    fn get_own(&self, field: Field) -> Option<Raw> {
        self.near.get(field)
    }

    fn page_location(&self) -> Option<Raw> {
        self.near.page_location().or_else(|| self.far?.page_location())
    }

    fn name(&self) -> Option<Raw> {
        self.far.and_then(|_| self.near.own.aside(Aside::Name))
    }
}

struct LineContext<'a> {
    /// The line and what follows it.
    line: &'a [u8],
    scanner: Scanner<'a>,
    names: &'a mut Names,
    values: &'a mut ValueReader,
    read: &'a mut ReadLine,
    item: &'a mut Object,
}

impl LineContext<'_> {
    fn own_id(&mut self, line: &Object) -> Result<(), Reason> {
        let Some(id) = line.get(Field::EventId) else {
            return Ok(());
        };
        let site = self.site(line.get(Field::SiteId))?;
        let id = self.id(id, Field::EventId)?;
        self.read.own = Some(OwnId { site, id });
        Ok(())
    }

    #[inline]
    fn event(&mut self, fields: &impl Fields) -> Result<(), Reason> {
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
        // Each element of `events` is an event of its own, so it does not inherit the line's id.
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
        // The page of an event with items has a page_view of its own, and is not viewed once more.
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
                    id: fields.get(Field::ItemId),
                    price: fields.get(Field::Price),
                    quantity: fields.get(Field::Quantity),
                    total_amount: fields.get(Field::TotalAmount),
                };
                let needs_item = kind != EventKind::View || page.is_none();
                self.item(kind, item, currency, needs_item)?;
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

    #[inline]
    fn end_event(&mut self, event: ReadEvent) {
        let additions_end = self.read.additions.len();
        self.read.events.push(ReadEvent { additions_end, ..event });
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
            self.item.scan(&mut self.scanner, self.names, object)?;
            let currency = match self.item.get(Field::Currency) {
                Some(value) => self.currency(value)?,
                None => event_currency,
            };
            let item = ItemValues {
                id: self.item.get(Field::ItemId),
                price: self.item.get(Field::Price),
                quantity: self.item.get(Field::Quantity),
                total_amount: self.item.get(Field::TotalAmount),
            };
            self.item(kind, item, currency, true)?;
            element = self.scanner.next_element(object).map_err(not_json)?;
        }
        Ok(())
    }

    #[inline]
    fn item(
        &mut self,
        kind: EventKind,
        item: ItemValues,
        currency: Currency,
        needs_item: bool,
    ) -> Result<(), Reason> {
        let key = match item.id {
            Some(id) => Some(self.id(id, Field::ItemId)?),
            None => None,
        };
        let price = self.decimal(item.price, Field::Price)?;
        let quantity = self.decimal(item.quantity, Field::Quantity)?;
        let total_amount = self.decimal(item.total_amount, Field::TotalAmount)?;
        let Some(key) = key else {
            return if needs_item { Err(Reason::Missing(Field::ItemId)) } else { Ok(()) };
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
            // Orders have items of their own kind, and other types have none.
            EventKind::Order(_) | EventKind::Other => {}
        }
        Ok(())
    }

    #[inline]
    fn kind(&mut self, value: Option<Raw>) -> Result<EventKind, Reason> {
        let value = value.ok_or(Reason::Missing(Field::EventType))?;
        let text = self.plain_text(value).ok_or(Reason::Invalid(Field::EventType))?;
        EventKind::parse(self.read.text(self.line, text)).ok_or(Reason::UnknownType)
    }

    #[inline]
    fn minute(&mut self, value: Option<Raw>) -> Result<Minute, Reason> {
        let seconds = self.seconds(value)?;
        Minute::from_epoch_seconds(seconds).ok_or(Reason::Invalid(Field::Timestamp))
    }

    /// Reads a time, in seconds since 1970.
    #[inline]
    fn seconds(&mut self, value: Option<Raw>) -> Result<i64, Reason> {
        let value = value.ok_or(Reason::Missing(Field::Timestamp))?;
        let seconds = match value.kind() {
            Kind::Integer | Kind::Decimal => parse_epoch(value.of(self.line)),
            Kind::Array => self.array_time(value)?.map(|time| time.timestamp()),
            _ => {
                let text = self.plain_text(value).ok_or(Reason::Invalid(Field::Timestamp))?;
                self.values.times.parse_text(self.read.text(self.line, text))
            }
        };
        let invalid = Reason::Invalid(Field::Timestamp);
        let seconds = seconds.ok_or(invalid)?;
        Minute::from_epoch_seconds(seconds).ok_or(invalid)?;
        if seconds > self.values.latest_seconds {
            return Err(Reason::Future);
        }
        Ok(seconds)
    }

    #[inline]
    fn site(&mut self, value: Option<Raw>) -> Result<Option<Text>, Reason> {
        let Some(value) = value else {
            return Ok(None);
        };
        let invalid = Reason::Invalid(Field::SiteId);
        let site = self.text_or_integer(value).ok_or(invalid)?;
        if !is_site(self.read.text(self.line, site)) {
            return Err(invalid);
        }
        Ok(Some(site))
    }

    #[inline]
    fn id(&mut self, value: Raw, field: Field) -> Result<Text, Reason> {
        let id = self.text_or_integer(value).ok_or(Reason::Invalid(field))?;
        if id.length() > KEY_BYTES_MAX {
            return Err(Reason::Invalid(field));
        }
        Ok(id)
    }

    /// Checks an id that nothing counts by.
    #[inline]
    fn check_id(&mut self, value: Raw, field: Field) -> Result<(), Reason> {
        match value.kind() {
            Kind::Text | Kind::Integer if value.end() - value.start() <= KEY_BYTES_MAX => Ok(()),
            _ => self.id(value, field).map(|_| ()),
        }
    }

    fn page(&mut self, value: Raw) -> Result<Text, Reason> {
        let invalid = Reason::Invalid(Field::PageUrl);
        let url = self.plain_text(value).ok_or(invalid)?;
        let text = self.read.text(self.line, url);
        let length = memchr::memchr2(b'?', b'#', text).unwrap_or(text.len());
        if length == 0 || length > KEY_BYTES_MAX {
            return Err(invalid);
        }
        let path_bytes = u32::try_from(length).map_err(|_| invalid)?;
        Ok(Text { end: url.start + path_bytes, ..url })
    }

    #[inline]
    fn currency(&mut self, value: Raw) -> Result<Currency, Reason> {
        let invalid = Reason::Invalid(Field::Currency);
        let text = self.plain_text(value).ok_or(invalid)?;
        Currency::parse(self.read.text(self.line, text)).ok_or(invalid)
    }

    /// Reads a price, a quantity or a total in millionths.
    #[inline]
    fn decimal(&mut self, value: Option<Raw>, field: Field) -> Result<Option<u64>, Reason> {
        let Some(value) = value else {
            return Ok(None);
        };
        let invalid = Reason::Invalid(field);
        let millionths = match value.kind() {
            Kind::Integer | Kind::Decimal => {
                let bytes = self.line.get(value.start()..).unwrap_or_default();
                parse_millionths(bytes, value.end() - value.start())
            }
            _ => {
                let text = self.plain_text(value).ok_or(invalid)?;
                let bytes = self.read.text_and_after(self.line, text);
                let is_number = json::is_number(self.read.text(self.line, text));
                is_number.then(|| parse_millionths(bytes, text.length())).flatten()
            }
        };
        millionths.map(Some).ok_or(invalid)
    }

    #[inline]
    fn text_or_integer(&mut self, value: Raw) -> Option<Text> {
        match value.kind() {
            Kind::Integer => Some(Text::in_line(value)),
            _ => self.plain_text(value),
        }
    }

    /// The text that a value is, written out if it has escapes. `None` for other kinds of values.
    #[inline]
    fn plain_text(&mut self, value: Raw) -> Option<Text> {
        match value.kind() {
            Kind::Text => Some(Text::in_line(value)),
            Kind::EscapedText => self.write_out(value),
            _ => None,
        }
    }

    #[cold]
    fn write_out(&mut self, value: Raw) -> Option<Text> {
        let start = u32::try_from(self.read.texts.len()).ok()?;
        json::unescape(value.of(self.line), &mut self.read.texts);
        let end = u32::try_from(self.read.texts.len()).ok()?;
        Some(Text { start, end, is_written_out: true })
    }
}

struct ItemValues {
    id: Option<Raw>,
    price: Option<Raw>,
    quantity: Option<Raw>,
    total_amount: Option<Raw>,
}

/// What stays the same, or is remembered, from line to line.
struct ValueReader {
    times: TimeReader,
    /// The last second that is not in the future.
    latest_seconds: i64,
    default_currency: Currency,
}

/// The money of a purchase or a refund; `None` where there is none, or it is zero.
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
    // Millionths times millionths are the units of an amount; both are at most 10^18, so this
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

/// Reads a JSON number from 0 to 10^12 with at most six decimals, in millionths: the first `length`
/// of these bytes.
#[inline]
fn parse_millionths(bytes: &[u8], length: usize) -> Option<u64> {
    match parse_short_millionths(bytes, length) {
        Some(millionths) => Some(millionths),
        None => parse_millionths_slowly(bytes.get(..length)?),
    }
}

/// Reads `19.99` and other numbers of digits and at most one point, in up to eight bytes at once.
///
/// **Source**: "Quickly parsing eight digits" by Daniel Lemire: neighbours are joined to pairs,
/// these to fours, these to one number.
#[inline]
fn parse_short_millionths(bytes: &[u8], length: usize) -> Option<u64> {
    const SCALES: [u64; INPUT_FRACTION_DIGITS as usize + 1] =
        [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let unused_bytes = u32::try_from(8_usize.checked_sub(length)?).ok()?;
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    let bytes = word & u64::MAX.checked_shr(unused_bytes * 8)?;
    let points = bytes ^ 0x2e2e_2e2e_2e2e_2e2e;
    let point = points.wrapping_sub(0x0101_0101_0101_0101) & !points & HIGH_BITS;
    let (digits, count, decimals) = if point == 0 {
        (bytes, length, 0)
    } else {
        let whole = point.trailing_zeros() as usize / 8;
        let below_point = (1 << (whole * 8)) - 1;
        let joined = bytes & below_point | bytes >> 8 & !below_point;
        (joined, length - 1, length - 1 - whole)
    };
    // The digits move to the upper end, and zeros in front of them are written out.
    let shift = 64 - u32::try_from(count).ok()? * 8;
    let digits = digits.checked_shl(shift)? | ZEROS.checked_shr(64 - shift).unwrap_or_default();
    let values = digits ^ ZEROS;
    if (values.wrapping_add(0x7676_7676_7676_7676) | values) & HIGH_BITS != 0 {
        return None;
    }
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let fours = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let others = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    let value = fours.wrapping_add(others) >> 32;
    Some(value * SCALES.get(decimals)?)
}

#[cold]
fn parse_millionths_slowly(text: &[u8]) -> Option<u64> {
    let units = Amount::parse_input(text)?.units();
    u64::try_from(units / UNITS_PER_MILLIONTH).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// With digits behind it, which must not count.
    fn read_short(text: &str) -> Option<u64> {
        let bytes = format!("{text}99.99999");
        parse_short_millionths(bytes.as_bytes(), text.len())
    }

    #[test]
    fn short_numbers_are_read_at_once() {
        for (text, millionths) in [
            ("0", 0),
            ("7", 7_000_000),
            ("19.99", 19_990_000),
            ("12345678", 12_345_678_000_000),
            ("0.000001", 1),
            ("1234.567", 1_234_567_000),
            ("99999.99", 99_999_990_000),
        ] {
            assert_eq!(read_short(text), Some(millionths), "{text}");
        }
        for text in ["", "-1", "1e5", "123456789", "1.2.3", "1/2", "1:2", "+1"] {
            assert_eq!(read_short(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn short_numbers_are_the_same_read_slowly(text in "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,7})?(e[0-9])?") {
            let bytes = format!("{text}}}\n      ");
            prop_assert_eq!(parse_millionths(bytes.as_bytes(), text.len()), parse_millionths_slowly(text.as_bytes()));
        }

        #[test]
        fn short_texts_are_numbers_or_left_to_be_read_slowly(text in "[0-9.e:/+-]{0,8}") {
            if let Some(millionths) = read_short(&text)
                && json::is_number(text.as_bytes())
            {
                prop_assert_eq!(Some(millionths), parse_millionths_slowly(text.as_bytes()));
            }
        }
    }
}
