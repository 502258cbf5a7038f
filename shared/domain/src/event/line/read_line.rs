//! What was read in a line: its events, and what each of them adds.

use crate::count::amount::Amount;
use crate::count::measure::Measure;
use crate::event::json::Raw;
use crate::order::facts::OrderFacts;
use crate::time::Minute;

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
    /// `None` is [`DEFAULT_SITE`].
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
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) is_written_out: bool,
}

impl Text {
    /// The key of views that count items beside their page: see [`Measure::Pages`].
    pub(super) const EMPTY: Text = Text { start: 0, end: 0, is_written_out: false };

    #[inline]
    pub(super) fn in_line(value: Raw) -> Text {
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

    #[inline]
    pub(super) fn clear(&mut self) {
        self.own = None;
        self.events.clear();
        self.additions.clear();
        self.orders.clear();
        self.texts.clear();
    }
}
