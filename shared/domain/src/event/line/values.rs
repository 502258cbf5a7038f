//! Reads the values of fields: times, sites, ids, pages and numbers.

use chrono::{DateTime, NaiveDate, Utc};

use crate::count::measure::Currency;
use crate::event::fields::OfItems;
use crate::event::form::ItemForm;
use crate::event::json::{self, Kind, Node, Raw, Slots, Tape};
use crate::event::line::object::{Fields, Object};

use crate::event::line::read_line::{OfOrder, ReadEvent, ReadLine, Rejection, Text, UnpricedItem};
use crate::event::line::sites::SiteReader;
use crate::event::loose_number::parse_loosely;
use crate::event::loose_time::iso_of;
use crate::event::number::parse_millionths;
use crate::event::page::page_of;
use crate::event::reason::{Field, Reason};
use crate::event::site::is_site;
use crate::event::time::{TimeReader, parse_epoch};
use crate::event::types::KindCache;
use crate::event::vocabulary::EventKind;
use crate::time::Minute;

/// How far after the reference time of the chunk an event may be: 10 minutes, for clocks that run
/// ahead.
pub const FUTURE_SECONDS_MAX: i64 = 600;

/// The maximum length of an id, in bytes.
pub const KEY_BYTES_MAX: usize = 256;

/// How many numbers a time in an array has: year, month, day, hour and minute at least, then second
/// and nanosecond.
const TIME_NUMBERS: std::ops::RangeInclusive<usize> = 5..=7;

/// The names of the only members of values that MongoDB exports.
const WRAPPERS: [&[u8]; 6] =
    [b"$date", b"$oid", b"$numberInt", b"$numberLong", b"$numberDouble", b"$numberDecimal"];

/// How many of them may be one in another: `{"$date":{"$numberLong":"1795687200000"}}`.
const WRAPPERS_MAX: usize = 2;

/// What reading a line needs: the line itself, what is kept from line to line, and the result.
pub(super) struct LineContext<'a> {
    /// The line and the bytes after it.
    pub(super) line: &'a [u8],
    /// What is within its objects and arrays.
    pub(super) tape: &'a Tape,
    pub(super) values: &'a mut ValueReader,
    pub(super) read: &'a mut ReadLine,
    pub(super) item: &'a mut Object<OfItems>,
    /// How items of the event are read; `None` if by their names.
    pub(super) item_form: Option<ItemForm<'a>>,
}

/// What is kept from line to line.
pub(super) struct ValueReader {
    pub(super) times: TimeReader,
    pub(super) kinds: KindCache,
    /// Whether the line that is read may be an envelope or in a form, or may have texts that hold
    /// JSON.
    pub(super) may_be_form: bool,
    /// The items without money of the event that is read, empty between events.
    pub(super) unpriced: Vec<UnpricedItem>,
    /// What was seen of the purchase or refund that is read.
    pub(super) of_order: OfOrder,
    /// The last second that does not count as future.
    pub(super) latest_seconds: i64,
    /// The time of the last event that was rejected as future, in seconds since 1970.
    pub(super) future_seconds: i64,
    /// That of the site of the event that is read.
    pub(super) default_currency: Currency,
    /// What sites set; `None` if none sets anything.
    pub(super) sites: Option<Box<SiteReader>>,
    /// What an event may lack; `None` outside of [`EventReader::read_single`].
    ///
    /// [`EventReader::read_single`]: super::EventReader::read_single
    pub(super) defaults: Option<Defaults>,
}

/// The defaults of a single event, and which of them the event that was read needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Defaults {
    /// The time, in seconds since 1970.
    pub(crate) seconds: i64,
    /// Whether the event has no time.
    pub(crate) lacks_time: bool,
    /// Whether the event is a view without an item and without a page.
    pub(crate) lacks_page: bool,
}

impl ValueReader {
    /// The rejection of the event that was read last.
    pub(super) fn rejection(&self, reason: Reason) -> Rejection {
        let is_future = reason == Reason::Future;
        let time = DateTime::from_timestamp(self.future_seconds, 0).filter(|_| is_future);
        Rejection { reason, time }
    }
}

impl LineContext<'_> {
    /// Takes the members of an item.
    #[inline]
    pub(super) fn take_item(&mut self, item: Node) {
        match &mut self.item_form {
            None => self.item.take(item.within, self.tape, self.line),
            Some(form) => {
                self.item.clear();
                form.take(item, self.tape, |slot, value| self.item.own.take(slot, value));
            }
        }
        self.values.may_be_form |= self.item.has_texts();
    }

    #[inline]
    pub(super) fn end_event(&mut self, event: ReadEvent) {
        let additions_end = self.read.additions.len();
        self.read.events.push(ReadEvent { additions_end, ..event });
    }

    /// Drops a field that has an unusable value and that its event can do without.
    #[cold]
    pub(super) fn drop_field(&mut self, reason: Reason) -> Result<(), Reason> {
        match reason {
            Reason::Invalid(field) => {
                self.read.notes.dropped.push(field);
                Ok(())
            }
            reason => Err(reason),
        }
    }

    /// The value of a field that its event can do without.
    #[inline]
    pub(super) fn optional<T>(&mut self, value: Result<T, Reason>) -> Result<Option<T>, Reason> {
        match value {
            Ok(value) => Ok(Some(value)),
            Err(reason) => self.drop_field(reason).map(|()| None),
        }
    }

    /// The kind of an event; that of an unknown type is noted, and counts nothing.
    #[inline]
    pub(super) fn kind(&mut self, value: Option<Raw>) -> Result<EventKind, Reason> {
        let Some(value) = value else {
            self.values.may_be_form = true;
            return Err(Reason::Missing(Field::EventType));
        };
        let Some(text) = self.plain_text(value) else {
            self.values.may_be_form = true;
            return Err(Reason::Invalid(Field::EventType));
        };
        match self.values.kinds.kind(self.read.text(self.line, text)) {
            Some(kind) => Ok(kind),
            None => Ok(self.unknown_type(text)),
        }
    }

    #[cold]
    fn unknown_type(&mut self, name: Text) -> EventKind {
        self.values.may_be_form = true;
        self.read.notes.unknown_types.push(name);
        EventKind::Other
    }

    #[inline]
    pub(super) fn minute(&mut self, fields: &impl Fields) -> Result<Minute, Reason> {
        let seconds = self.seconds(fields)?;
        Minute::from_epoch_seconds(seconds).ok_or(Reason::Invalid(Field::Timestamp))
    }

    /// Reads the time of an event in seconds since 1970.
    #[inline]
    pub(super) fn seconds(&mut self, fields: &impl Fields) -> Result<i64, Reason> {
        let Some(time) = fields.time() else {
            return self.default_seconds().ok_or(Reason::Missing(Field::Timestamp));
        };
        let mut seconds = self.seconds_of(time.value)?;
        if time.is_of_device
            && let Some(corrected) = self.corrected(time.value, fields)
        {
            seconds = corrected.timestamp();
        }
        if seconds > self.values.latest_seconds {
            return Err(self.future(seconds));
        }
        Ok(seconds)
    }

    #[cold]
    fn future(&mut self, seconds: i64) -> Reason {
        self.values.future_seconds = seconds;
        Reason::Future
    }

    /// Reads a time in seconds since 1970, from 1970 to 9999.
    #[inline]
    pub(super) fn seconds_of(&mut self, value: Raw) -> Result<i64, Reason> {
        let invalid = Reason::Invalid(Field::Timestamp);
        let seconds = match value.kind() {
            Kind::Integer | Kind::Decimal => parse_epoch(value.of(self.line)),
            Kind::Array => self.array_time(value)?.map(|time| time.timestamp()),
            Kind::Object => match self.wrapped(value) {
                Some(value) => return self.seconds_of(value),
                None => return Err(invalid),
            },
            _ => {
                let text = self.plain_text(value).ok_or(invalid)?;
                self.values.times.parse_text(self.read.text(self.line, text))
            }
        };
        let seconds = match seconds {
            Some(seconds) => seconds,
            None => self.loose_seconds(value).ok_or(invalid)?,
        };
        Minute::from_epoch_seconds(seconds).ok_or(invalid)?;
        Ok(seconds)
    }

    #[cold]
    fn loose_seconds(&mut self, value: Raw) -> Option<i64> {
        let text = self.text_or_number(value)?;
        let iso = iso_of(self.read.text(self.line, text))?;
        self.values.times.parse_text(iso.as_bytes())
    }

    #[cold]
    fn default_seconds(&mut self) -> Option<i64> {
        let defaults = self.values.defaults.as_mut()?;
        defaults.lacks_time = true;
        Some(defaults.seconds)
    }

    /// Reads a time in the array format of Jackson (Java), `[2026,11,20,23,7,31,123000000]`, which
    /// omits seconds and nanoseconds if they are zero.
    pub(super) fn array_time(&mut self, array: Raw) -> Result<Option<DateTime<Utc>>, Reason> {
        let mut numbers = [0; *TIME_NUMBERS.end()];
        let mut count = 0;
        let mut elements = self.tape.within(array);
        while let Some(Node { value: number, .. }) = elements.next(self.tape) {
            let value = match number.kind() {
                Kind::Integer => std::str::from_utf8(number.of(self.line))
                    .ok()
                    .and_then(|text| text.parse().ok()),
                _ => None,
            };
            let (Some(value), Some(place)) = (value, numbers.get_mut(count)) else {
                return Ok(None);
            };
            *place = value;
            count += 1;
        }
        let [year, month, day, hour, minute, second, nanosecond] = numbers;
        if !TIME_NUMBERS.contains(&count) || nanosecond >= 1_000_000_000 {
            return Ok(None);
        }
        let date =
            i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
        let time = date.and_then(|date| date.and_hms_nano_opt(hour, minute, second, nanosecond));
        Ok(time.and_then(|local| {
            let seconds = self.values.times.local.utc_of(local.and_utc().timestamp());
            DateTime::from_timestamp(seconds, nanosecond)
        }))
    }

    #[inline]
    pub(super) fn site(&mut self, value: Option<Raw>) -> Result<Option<Text>, Reason> {
        let Some(value) = value else {
            return Ok(None);
        };
        let invalid = Reason::Invalid(Field::SiteId);
        let site = match value.kind() {
            Kind::Integer | Kind::Decimal | Kind::Object => self.identifier(value),
            _ => self.plain_text(value),
        };
        let site = site.ok_or(invalid)?;
        if !is_site(self.read.text(self.line, site)) {
            return Err(invalid);
        }
        Ok(Some(site))
    }

    #[inline]
    pub(super) fn id(&mut self, value: Raw, field: Field) -> Result<Text, Reason> {
        let id = self.identifier(value).ok_or(Reason::Invalid(field))?;
        if id.length() > KEY_BYTES_MAX {
            return Err(Reason::Invalid(field));
        }
        Ok(id)
    }

    /// Checks an id that is not a key of any counter.
    #[inline]
    pub(super) fn check_id(&mut self, value: Raw, field: Field) -> Result<(), Reason> {
        match value.kind() {
            Kind::Text | Kind::Integer if value.end() - value.start() <= KEY_BYTES_MAX => Ok(()),
            _ => self.id(value, field).map(|_| ()),
        }
    }

    #[inline]
    pub(super) fn page(&mut self, value: Raw) -> Result<Text, Reason> {
        let invalid = Reason::Invalid(Field::PageUrl);
        let url = self.plain_text(value).ok_or(invalid)?;
        let text = self.read.text(self.line, url);
        let length = memchr::memchr3(b'?', b'#', b'%', text).unwrap_or(text.len());
        let is_path = matches!(text.get(length), None | Some(b'?'));
        // A route may follow a query.
        let is_path = is_path && memchr::memchr(b'#', &text[length..]).is_none();
        if is_path && (1..=KEY_BYTES_MAX).contains(&length) {
            return Ok(url.cut(length));
        }
        self.any_page(url).ok_or(invalid)
    }

    #[cold]
    fn any_page(&mut self, url: Text) -> Option<Text> {
        let text = std::str::from_utf8(self.read.text(self.line, url)).ok()?;
        let page = page_of(text)?.into_owned();
        Some(self.read.own_text(page.as_bytes()))
    }

    #[inline]
    pub(super) fn currency(&mut self, value: Raw) -> Result<Currency, Reason> {
        let invalid = Reason::Invalid(Field::Currency);
        let text = self.plain_text(value).ok_or(invalid)?;
        Currency::parse(self.read.text(self.line, text)).ok_or(invalid)
    }

    /// Reads a price, a quantity or a total in millionths.
    #[inline]
    pub(super) fn decimal(
        &mut self,
        value: Option<Raw>,
        field: Field,
    ) -> Result<Option<i64>, Reason> {
        let Some(value) = value else {
            return Ok(None);
        };
        let invalid = Reason::Invalid(field);
        let millionths = match value.kind() {
            Kind::Integer | Kind::Decimal => {
                let bytes = self.line.get(value.start()..).unwrap_or_default();
                parse_millionths(bytes, value.end() - value.start())
            }
            Kind::Object => match self.wrapped(value) {
                Some(value) => return self.decimal(Some(value), field),
                None => return Err(invalid),
            },
            _ => {
                let text = self.plain_text(value).ok_or(invalid)?;
                let bytes = self.read.text_and_after(self.line, text);
                let is_number = match text.is_unescaped {
                    true => json::is_number(self.read.text(self.line, text)),
                    false => json::is_number_before(bytes, text.length()),
                };
                is_number.then(|| parse_millionths(bytes, text.length())).flatten()
            }
        };
        match millionths {
            Some(millionths) => Ok(Some(millionths)),
            None => self.loose_decimal(value).map(Some).ok_or(invalid),
        }
    }

    #[cold]
    fn loose_decimal(&mut self, value: Raw) -> Option<i64> {
        let text = self.text_or_number(value)?;
        parse_loosely(self.read.text(self.line, text))
    }

    /// A text, or an integer as it is written, of an id. `1001.0` is the integer that a column of
    /// floats made of it.
    #[inline]
    fn identifier(&mut self, value: Raw) -> Option<Text> {
        match value.kind() {
            Kind::Integer => Some(Text::in_line(value)),
            // Only a text that ends with a zero can be such an integer.
            Kind::Text if self.line.get(value.end() - 1) != Some(&b'0') => {
                Some(Text::in_line(value))
            }
            _ => self.any_identifier(value),
        }
    }

    #[inline(never)]
    fn any_identifier(&mut self, value: Raw) -> Option<Text> {
        if value.kind() == Kind::Object {
            let value = self.wrapped(value)?;
            return self.identifier(value);
        }
        let text = self.text_or_number(value)?;
        let bytes = self.read.text(self.line, text);
        if bytes.last() != Some(&b'0') {
            return (value.kind() != Kind::Decimal).then_some(text);
        }
        match integer_length(bytes) {
            Some(length) => Some(text.cut(length)),
            None => (value.kind() != Kind::Decimal).then_some(text),
        }
    }

    /// The value in an object as MongoDB exports it, `{"$oid":"…"}`; `None` if it is none.
    #[cold]
    pub(super) fn wrapped(&mut self, value: Raw) -> Option<Raw> {
        let mut value = value;
        for _ in 0..WRAPPERS_MAX {
            if value.kind() != Kind::Object {
                break;
            }
            value = self.only_wrapped(value)?;
        }
        (value.kind() != Kind::Object).then_some(value)
    }

    fn only_wrapped(&mut self, object: Raw) -> Option<Raw> {
        let within = self.tape.within(object);
        let object = Node { slots: Slots::NONE, value: object, within };
        let (name, member) = self.tape.only_member(self.line, object)?;
        let is_wrapper = json::with_unescaped(name, self.line, |name| WRAPPERS.contains(&name));
        is_wrapper.then_some(member.value)
    }

    /// The text of a value, or a number as it is written.
    pub(super) fn text_or_number(&mut self, value: Raw) -> Option<Text> {
        match value.kind() {
            Kind::Integer | Kind::Decimal => Some(Text::in_line(value)),
            _ => self.plain_text(value),
        }
    }

    /// The text of a value, unescaped if necessary; `None` for other kinds of values.
    #[inline]
    pub(super) fn plain_text(&mut self, value: Raw) -> Option<Text> {
        match value.kind() {
            Kind::Text => Some(Text::in_line(value)),
            Kind::EscapedText => self.unescape_text(value),
            _ => None,
        }
    }

    #[cold]
    fn unescape_text(&mut self, value: Raw) -> Option<Text> {
        let start = u32::try_from(self.read.texts.len()).ok()?;
        json::unescape(value.of(self.line), &mut self.read.texts);
        let end = u32::try_from(self.read.texts.len()).ok()?;
        Some(Text { start, end, is_unescaped: true })
    }
}

/// The length of the integer that a number like `1001.0` is; `None` for anything else.
fn integer_length(number: &[u8]) -> Option<usize> {
    let zeros = number.iter().rev().take_while(|digit| **digit == b'0').count();
    let (b'.', whole) = number[..number.len() - zeros].split_last()? else {
        return None;
    };
    let digits = whole.strip_prefix(b"-").unwrap_or(whole);
    let is_integer = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_integer.then_some(whole.len())
}
