//! The result of reading a line: its events, and what each of them adds.

use std::cell::Cell;

use chrono::{DateTime, Utc};

use crate::count::amount::Amount;
use crate::count::measure::{Currency, Measure};
use crate::count::stages::Stage;
use crate::event::json::Raw;
use crate::event::reason::{Field, Reason};
use crate::order::facts::OrderFacts;
use crate::time::Minute;

/// What the `events` of a line are that is not read by its names alone.
#[derive(Clone, Copy)]
pub(crate) enum Unity {
    /// Lines of their own, which inherit from this object.
    Line(Raw),
    /// Parts of it, accepted or rejected together.
    Together,
    /// Lines of their own, which inherit nothing.
    Apart,
}

/// The content of a valid line.
#[derive(Default)]
pub(crate) struct ReadLine {
    /// The id and site of the line itself, if it has an `events` array and an id.
    pub(crate) own: Option<OwnId>,
    /// Its events, in order, but those that are rejected.
    pub(crate) events: Vec<ReadEvent>,
    /// The elements of its `events` array; none if the line is one event.
    pub(crate) elements: Vec<Element>,
    /// What its events add, in order; no addition is zero.
    pub(crate) additions: Vec<Addition>,
    /// What its events report about orders, in order.
    pub(crate) orders: Vec<ReadOrder>,
    /// What is reported about its events.
    pub(crate) notes: Notes,
    /// The unescaped texts.
    pub(super) texts: Vec<u8>,
    /// The text that was read in place of the line: without texts that hold JSON, or with what a
    /// form adds. Empty if it was the line.
    pub(super) text_read: Vec<u8>,
    /// What its `events` are, if it was an envelope or in a form.
    pub(crate) unity: Option<Unity>,
}

/// What is reported about events that are not rejected.
#[derive(Default)]
pub(crate) struct Notes {
    /// The fields whose values are unusable, and which the event did not need.
    pub(crate) dropped: Vec<Field>,
    /// The unknown types.
    pub(crate) unknown_types: Vec<Text>,
    /// The purchases whose money is unknown.
    pub(crate) purchases_without_money: u64,
}

impl Notes {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.dropped.is_empty()
            && self.unknown_types.is_empty()
            && self.purchases_without_money == 0
    }

    #[inline]
    fn clear(&mut self) {
        self.dropped.clear();
        self.unknown_types.clear();
        self.purchases_without_money = 0;
    }
}

/// An element of an `events` array.
#[derive(Clone, Copy)]
pub(crate) struct Element {
    /// Where it is in the line.
    pub(crate) value: Raw,
    /// Why it is rejected, if it is.
    pub(crate) rejected: Option<Rejection>,
}

/// Why an event is rejected.
#[derive(Clone, Copy)]
pub(crate) struct Rejection {
    pub(crate) reason: Reason,
    /// What its time was taken for, if it is in the future.
    pub(crate) time: Option<DateTime<Utc>>,
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
    /// How far its visitor got.
    pub(crate) stage: Option<Stage>,
    /// The end of its additions, which start at the end of those of the previous event.
    pub(crate) additions_end: usize,
    /// The index of its order in the line; an event about an order adds nothing by itself.
    pub(crate) order: Option<u32>,
}

impl ReadEvent {
    /// An event that counts nothing.
    #[inline]
    pub(super) fn of_nothing() -> ReadEvent {
        ReadEvent {
            minute: Minute::EPOCH,
            site: None,
            id: None,
            customer: None,
            session: None,
            stage: None,
            additions_end: 0,
            order: None,
        }
    }
}

/// What an event reports about an order.
pub(crate) struct ReadOrder {
    pub(crate) id: Text,
    /// Taken out when the event is counted.
    pub(crate) facts: Cell<OrderFacts>,
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

/// What was seen of the purchase or the refund that is read.
#[derive(Clone, Copy, Default)]
pub(super) struct OfOrder {
    /// Whether an item of the purchase is not negative. It is set, and reset before purchases that
    /// name an order.
    pub(super) has_purchased: bool,
    /// Whether it is a refund that names an order, so that units without money are refunded.
    pub(super) is_refund: bool,
    /// Whether such a refund has neither an item nor money.
    pub(super) is_everything: bool,
}

/// An item of a purchase or a refund without money of its own.
pub(super) struct UnpricedItem {
    pub(super) key: Text,
    /// In millionths.
    pub(super) quantity: i64,
    pub(super) currency: Currency,
}

/// A text of a line: a part of the line, or an unescaped copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) is_unescaped: bool,
}

impl Text {
    /// The key of page views that also count items, and of money without an order; see
    /// [`Measure::Pages`] and [`Measure::Sales`].
    pub(super) const EMPTY: Text = Text { start: 0, end: 0, is_unescaped: false };

    #[inline]
    pub(super) fn in_line(value: Raw) -> Text {
        let (start, end) = value.offsets();
        Text { start, end, is_unescaped: false }
    }

    #[inline]
    pub(crate) fn length(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Its first `length` bytes.
    #[inline]
    pub(super) fn cut(self, length: usize) -> Text {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        Text { end: self.start.saturating_add(length).min(self.end), ..self }
    }
}

/// How far a line is read: what an event that is rejected after all takes back.
pub(super) struct Mark {
    additions: usize,
    orders: usize,
    dropped: usize,
    unknown_types: usize,
    purchases_without_money: u64,
}

impl ReadLine {
    /// The line, and what follows it, that all positions refer to, given the one that was read.
    #[inline]
    pub(crate) fn source<'a>(&'a self, line: &'a [u8]) -> &'a [u8] {
        if self.text_read.is_empty() { line } else { &self.text_read }
    }

    /// Whether its events are one, of which several were made: if one of them was seen, all were.
    #[inline]
    pub(crate) fn is_together(&self) -> bool {
        matches!(self.unity, Some(Unity::Together))
    }

    /// The bytes of a text, which are UTF-8; `line` is the [`source`](ReadLine::source).
    #[inline]
    pub(crate) fn text<'a>(&'a self, line: &'a [u8], text: Text) -> &'a [u8] {
        let source = if text.is_unescaped { &self.texts[..] } else { line };
        source.get(text.start as usize..text.end as usize).unwrap_or_default()
    }

    /// The bytes of a text and those after it.
    #[inline]
    pub(crate) fn text_and_after<'a>(&'a self, line: &'a [u8], text: Text) -> &'a [u8] {
        let source = if text.is_unescaped { &self.texts[..] } else { line };
        source.get(text.start as usize..).unwrap_or_default()
    }

    /// Appends a text to the unescaped ones.
    pub(super) fn own_text(&mut self, text: &[u8]) -> Text {
        let start = self.texts.len();
        self.texts.extend_from_slice(text);
        self.texts_from(start)
    }

    /// The text that begins at this offset of the unescaped ones. They are shorter than the
    /// escaped ones, of which a line has less than 4 GiB.
    pub(super) fn texts_from(&self, start: usize) -> Text {
        let offset = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Text { start: offset(start), end: offset(self.texts.len()), is_unescaped: true }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            additions: self.additions.len(),
            orders: self.orders.len(),
            dropped: self.notes.dropped.len(),
            unknown_types: self.notes.unknown_types.len(),
            purchases_without_money: self.notes.purchases_without_money,
        }
    }

    /// Takes back all that was read after a mark. Events are added last, so there is none.
    fn take_back(&mut self, mark: &Mark) {
        self.additions.truncate(mark.additions);
        self.orders.truncate(mark.orders);
        self.notes.dropped.truncate(mark.dropped);
        self.notes.unknown_types.truncate(mark.unknown_types);
        self.notes.purchases_without_money = mark.purchases_without_money;
    }

    /// Adds an element of `events`, of which so much was read after a mark.
    pub(super) fn end_element(&mut self, value: Raw, rejected: Option<Rejection>, mark: &Mark) {
        if rejected.is_some() {
            self.take_back(mark);
        }
        self.elements.push(Element { value, rejected });
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.own = None;
        self.events.clear();
        self.elements.clear();
        self.additions.clear();
        self.orders.clear();
        self.notes.clear();
        self.texts.clear();
        self.text_read.clear();
        self.unity = None;
    }
}
