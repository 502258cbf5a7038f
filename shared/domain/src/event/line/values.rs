//! Reads the values of fields: times, sites, ids, pages and numbers.

use chrono::{DateTime, NaiveDate, Utc};

use crate::count::measure::Currency;
use crate::event::json::{self, Kind, Names, Raw, Scanner};
use crate::event::line::object::{Object, not_json};
use crate::event::line::read_line::{ReadEvent, ReadLine, Text};
use crate::event::number::parse_millionths;
use crate::event::reason::{Field, Reason};
use crate::event::site::is_site;
use crate::event::time::{TimeReader, parse_epoch};
use crate::event::types::KindCache;
use crate::event::vocabulary::EventKind;
use crate::time::Minute;

/// How far after the reference time of the chunk an event may be: 10 minutes, for clocks that run
/// ahead.
pub const FUTURE_SECONDS_MAX: i64 = 600;

/// The maximum length of an id or a path, in bytes.
pub const KEY_BYTES_MAX: usize = 256;

/// How many numbers a time in an array has: year, month, day, hour and minute at least, then second
/// and nanosecond.
const TIME_NUMBERS: std::ops::RangeInclusive<usize> = 5..=7;

/// What reading a line needs: the line itself, what is kept from line to line, and the result.
pub(super) struct LineContext<'a> {
    /// The line and the bytes after it.
    pub(super) line: &'a [u8],
    pub(super) scanner: Scanner<'a>,
    pub(super) names: &'a mut Names,
    /// The names in elements of `items`.
    pub(super) item_names: &'a mut Names,
    pub(super) values: &'a mut ValueReader,
    pub(super) read: &'a mut ReadLine,
    pub(super) item: &'a mut Object,
}

/// What is kept from line to line.
pub(super) struct ValueReader {
    pub(super) times: TimeReader,
    pub(super) kinds: KindCache,
    /// Whether an item without an id is counted under its name.
    pub(super) items_have_names: bool,
    /// The last second that does not count as future.
    pub(super) latest_seconds: i64,
    pub(super) default_currency: Currency,
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

/// The raw values of an item.
pub(super) struct ItemValues {
    /// Its id, or else its name, and which of the two it is.
    pub(super) key: Option<(Raw, Field)>,
    pub(super) price: Option<Raw>,
    pub(super) quantity: Option<Raw>,
    pub(super) total_amount: Option<Raw>,
    /// The money of the whole event, which is that of its only item.
    pub(super) order_total: Option<Raw>,
}

impl LineContext<'_> {
    #[inline]
    pub(super) fn end_event(&mut self, event: ReadEvent) {
        let additions_end = self.read.additions.len();
        self.read.events.push(ReadEvent { additions_end, ..event });
    }

    #[inline]
    pub(super) fn kind(&mut self, value: Option<Raw>) -> Result<EventKind, Reason> {
        let value = value.ok_or(Reason::Missing(Field::EventType))?;
        let text = self.plain_text(value).ok_or(Reason::Invalid(Field::EventType))?;
        self.values.kinds.kind(self.read.text(self.line, text)).ok_or(Reason::UnknownType)
    }

    #[inline]
    pub(super) fn minute(&mut self, value: Option<Raw>) -> Result<Minute, Reason> {
        let seconds = self.seconds(value)?;
        Minute::from_epoch_seconds(seconds).ok_or(Reason::Invalid(Field::Timestamp))
    }

    /// Reads a time in seconds since 1970.
    #[inline]
    pub(super) fn seconds(&mut self, value: Option<Raw>) -> Result<i64, Reason> {
        let Some(value) = value else {
            return self.default_seconds().ok_or(Reason::Missing(Field::Timestamp));
        };
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
        let mut element = self.scanner.first_element(array).map_err(not_json)?;
        while let Some(number) = element {
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
            element = self.scanner.next_element(number).map_err(not_json)?;
        }
        let [year, month, day, hour, minute, second, nanosecond] = numbers;
        if !TIME_NUMBERS.contains(&count) || nanosecond >= 1_000_000_000 {
            return Ok(None);
        }
        let date =
            i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
        let time = date.and_then(|date| date.and_hms_nano_opt(hour, minute, second, nanosecond));
        Ok(time.map(|time| time.and_utc()))
    }

    #[inline]
    pub(super) fn site(&mut self, value: Option<Raw>) -> Result<Option<Text>, Reason> {
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
    pub(super) fn id(&mut self, value: Raw, field: Field) -> Result<Text, Reason> {
        let id = self.text_or_integer(value).ok_or(Reason::Invalid(field))?;
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
        let length = memchr::memchr2(b'?', b'#', text).unwrap_or(text.len());
        if length == 0 || length > KEY_BYTES_MAX {
            return Err(invalid);
        }
        let path_bytes = u32::try_from(length).map_err(|_| invalid)?;
        Ok(Text { end: url.start + path_bytes, ..url })
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
    ) -> Result<Option<u64>, Reason> {
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
