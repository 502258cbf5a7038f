//! The values within the objects and arrays of a line, as its only scan found them.

use crate::event::json::names::Slots;
use crate::event::json::raw::{Kind, Raw};

/// All values within the objects and arrays of a line, in their order. Whoever looks into an object
/// later finds its members here and need not scan them again.
///
/// It is used for one line after another. A line has at most one value for two of its bytes.
#[derive(Default)]
pub(crate) struct Tape {
    entries: Vec<Entry>,
    /// Whether a name or a text of the line has escapes.
    has_escapes: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    value: Raw,
    /// Those of its name.
    slots: Slots,
    /// The place of the first entry that is not within it.
    next: u32,
}

/// A value within an object or array.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    /// Those of its name.
    pub(crate) slots: Slots,
    pub(crate) value: Raw,
    /// What is within it, if it is an object or array.
    pub(crate) within: Nodes,
}

/// What is within an object or array and not passed yet: a range of entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Nodes {
    at: u32,
    end: u32,
}

impl Nodes {
    /// Nothing.
    pub(crate) const NONE: Nodes = Nodes { at: 0, end: 0 };

    /// The next member or element, and removes it.
    #[inline]
    pub(crate) fn next(&mut self, tape: &Tape) -> Option<Node> {
        if self.at >= self.end {
            return None;
        }
        let at = self.at;
        let Entry { value, slots, next } = *tape.entries.get(at as usize)?;
        self.at = next;
        Some(Node { slots, value, within: Nodes { at: at + 1, end: next } })
    }
}

impl Tape {
    #[inline]
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.has_escapes = false;
    }

    /// Notes that a name or a text of the line has escapes.
    #[inline]
    pub(super) fn note_escapes(&mut self) {
        self.has_escapes = true;
    }

    /// Whether a name or a text of the line has escapes.
    pub(crate) fn has_escapes(&self) -> bool {
        self.has_escapes
    }

    /// Adds a value that is neither an object nor an array.
    #[inline]
    pub(crate) fn add(&mut self, slots: Slots, value: Raw) {
        let next = self.next_place() + 1;
        self.entries.push(Entry { value, slots, next });
    }

    /// Adds an object or array of which the end is not known yet; returns its place.
    #[inline]
    pub(crate) fn open(&mut self, slots: Slots) -> u32 {
        let place = self.next_place();
        self.entries.push(Entry { value: Raw::NULL, slots, next: place });
        place
    }

    /// Ends the object or array at a place.
    #[inline]
    pub(crate) fn close(&mut self, place: u32, value: Raw) {
        let next = self.next_place();
        if let Some(entry) = self.entries.get_mut(place as usize) {
            entry.value = value;
            entry.next = next;
        }
    }

    #[inline]
    fn next_place(&self) -> u32 {
        number(self.entries.len())
    }

    /// The value that was added first, if it was all of the line.
    pub(crate) fn root(&self) -> Option<Node> {
        Nodes { at: 0, end: self.next_place() }.next(self)
    }

    /// What is within an object or array of the line; nothing for other values.
    pub(crate) fn within(&self, container: Raw) -> Nodes {
        let start = container.start();
        let place = self.entries.partition_point(|entry| entry.value.start() < start);
        match self.entries.get(place) {
            Some(Entry { value, next, .. }) if value.start() == start => {
                Nodes { at: number(place) + 1, end: *next }
            }
            _ => Nodes::NONE,
        }
    }

    /// The only member of an object of the line `text`, with its name; `None` if it has none or more.
    pub(crate) fn only_member(&self, text: &[u8], object: Node) -> Option<(Raw, Node)> {
        let mut members = object.within;
        let member = members.next(self)?;
        if members.next(self).is_some() {
            return None;
        }
        // Nothing but space stands before the name.
        let inside = object.value.start() + 1;
        let start = inside + memchr::memchr(b'"', text.get(inside..)?)? + 1;
        let end = text_end(text, start);
        let name = text.get(start..end)?;
        let kind = match memchr::memchr(b'\\', name) {
            _ if name.is_empty() => Kind::EmptyText,
            None => Kind::Text,
            Some(_) => Kind::EscapedText,
        };
        Some((Raw::new(start, end, kind), member))
    }

    /// Becomes another tape, but with something else within one of its objects, which `write` adds.
    /// Returns the object here.
    pub(crate) fn replace_within(
        &mut self,
        object: Node,
        other: &Tape,
        write: impl FnOnce(&mut Tape),
    ) -> Node {
        let Nodes { at, end } = object.within;
        let (before, after) = (&other.entries[..at as usize], &other.entries[end as usize..]);
        self.entries.clear();
        self.has_escapes = other.has_escapes;
        self.entries.extend_from_slice(before);
        write(self);
        let end_here = self.next_place();
        let moved = |place: u32| if place < end { place } else { place - end + end_here };
        for entry in &mut self.entries[..at as usize] {
            entry.next = moved(entry.next);
        }
        self.entries.extend(after.iter().map(|entry| Entry { next: moved(entry.next), ..*entry }));
        Node { within: Nodes { at, end: end_here }, ..object }
    }

    /// Adds a value of another tape, with all that is within it.
    pub(crate) fn copy(&mut self, node: Node, other: &Tape) {
        let Nodes { at, end } = node.within;
        let within = other.entries.get(at as usize..end as usize).unwrap_or_default();
        let first = self.next_place() + 1;
        let next = first + (end - at);
        self.entries.push(Entry { value: node.value, slots: node.slots, next });
        let moved = |entry: &Entry| Entry { next: entry.next - at + first, ..*entry };
        self.entries.extend(within.iter().map(moved));
    }
}

/// A line is far shorter than 4 GiB.
#[inline]
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The position of the closing quote of a text in valid JSON.
fn text_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match memchr::memchr2(b'"', b'\\', rest) {
            None => return bytes.len(),
            Some(quote) if rest[quote] == b'"' => return at + quote,
            // What is escaped is part of the text.
            Some(backslash) => at += backslash + 2,
        }
    }
}
