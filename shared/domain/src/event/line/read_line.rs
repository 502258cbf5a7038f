//! The result of reading a line: its events, and what each of them adds.

use crate::count::amount::Amount;
use crate::count::measure::Measure;
use crate::event::json::Raw;
use crate::order::facts::OrderFacts;
use crate::time::Minute;

/// The content of a valid line.
#[derive(Default)]
pub(crate) struct ReadLine {
    /// The id and site of the line itself, if it has an `events` array and an id.
    pub(crate) own: Option<OwnId>,
    /// Its events, in order.
    pub(crate) events: Vec<ReadEvent>,
    /// What they add, in order; no addition is zero.
    pub(crate) additions: Vec<Addition>,
    /// What its events report about orders, in order.
    pub(crate) orders: Vec<ReadOrder>,
    /// The unescaped texts.
    pub(super) texts: Vec<u8>,
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
            additions_end: 0,
            order: None,
        }
    }
}

/// What an event reports about an order.
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

/// A text of a line: a part of the line, or an unescaped copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) is_unescaped: bool,
}

impl Text {
    /// The key of page views that also count items; see [`Measure::Pages`].
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
}

impl ReadLine {
    /// The bytes of a text, which are UTF-8.
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

    #[inline]
    pub(super) fn clear(&mut self) {
        self.own = None;
        self.events.clear();
        self.additions.clear();
        self.orders.clear();
        self.texts.clear();
    }
}
