//! Looks up paths in an object of a text. Each object on the way is scanned once.

use std::iter;
use std::ops::Range;

use crate::event::form::path::{Path, Step};
use crate::event::json::{Kind, NO_SLOT, Names, Raw, Scanner};

/// What is found in objects, to be used again for the next text.
#[derive(Default)]
pub(super) struct Memory {
    /// The members of all objects that were scanned, those whose names are in a path.
    members: Vec<(u8, Raw)>,
    /// These objects, ascending by their starts.
    objects: Vec<Scanned>,
}

/// An object that was scanned.
#[derive(Clone)]
struct Scanned {
    start: usize,
    members: Range<usize>,
    /// The slots of its members, a bit each.
    slots: [u64; 4],
}

impl Scanned {
    fn has(&self, slot: u8) -> bool {
        self.slots[usize::from(slot >> 6)] >> (slot & 63) & 1 == 1
    }
}

/// The objects of a text that were looked into.
pub(super) struct Tree<'a> {
    text: &'a [u8],
    names: &'a mut Names,
    found: &'a mut Memory,
    /// The one that was looked into last.
    last: Option<Scanned>,
}

impl<'a> Tree<'a> {
    /// Of a text that is valid JSON; `names` are those in paths.
    pub(super) fn new(text: &'a [u8], names: &'a mut Names, found: &'a mut Memory) -> Tree<'a> {
        found.members.clear();
        found.objects.clear();
        Tree { text, names, found, last: None }
    }

    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// What a path leads to from an object or an element; neither null nor an empty text.
    pub(super) fn find(&mut self, from: Raw, path: &Path) -> Option<Raw> {
        let mut value = from;
        for step in &path.0 {
            value = match (*step, value.kind()) {
                (Step::Member(slot), Kind::Object) => self.member(value, slot)?,
                (Step::FirstElement, Kind::Array) => {
                    Scanner::of_checked(self.text).first_element(value).ok()??
                }
                _ => return None,
            };
        }
        has_value(value).then_some(value)
    }

    /// The last member of a name that has a value.
    fn member(&mut self, object: Raw, slot: u8) -> Option<Raw> {
        let start = object.start();
        let last = self.last.take().filter(|last| last.start == start);
        let last = self.last.insert(match last {
            Some(last) => last,
            None => known_or_scanned(self.text, self.names, self.found, object),
        });
        if !last.has(slot) {
            return None;
        }
        let members = self.found.members[last.members.clone()].iter();
        members.rev().find(|(of, _)| *of == slot).map(|(_, value)| *value)
    }
}

fn known_or_scanned(
    text: &[u8],
    names: &mut Names,
    Memory { members, objects }: &mut Memory,
    object: Raw,
) -> Scanned {
    let start = object.start();
    let place = match objects.binary_search_by_key(&start, |scanned| scanned.start) {
        Ok(known) => return objects[known].clone(),
        Err(place) => place,
    };
    let first = members.len();
    let mut slots = [0; 4];
    // It never fails in valid JSON.
    let _ = Scanner::of_checked(text).members(object, names, |slot, value| {
        if slot != NO_SLOT && has_value(value) {
            slots[usize::from(slot >> 6)] |= 1 << (slot & 63);
            members.push((slot, value));
        }
    });
    let scanned = Scanned { start, members: first..members.len(), slots };
    objects.insert(place, scanned.clone());
    scanned
}

/// The object that a text is; `None` if it is none.
pub(super) fn object_in(text: &[u8]) -> Option<Raw> {
    let start = text.len() - text.trim_ascii_start().len();
    let end = text.trim_ascii_end().len();
    (text.get(start) == Some(&b'{')).then(|| Raw::new(start, end, Kind::Object))
}

/// The names and values of an object in valid JSON.
pub(super) fn members_of(object: Raw, text: &[u8]) -> Vec<(Raw, Raw)> {
    let mut members = Vec::new();
    // It never fails in valid JSON.
    let _ =
        Scanner::of_checked(text).each_member(object, |name, value| members.push((name, value)));
    members
}

/// The elements of an array in valid JSON.
pub(super) fn elements_of(array: Raw, text: &[u8]) -> impl Iterator<Item = Raw> {
    // It never fails in valid JSON.
    let mut scanner = Scanner::of_checked(text);
    let first = scanner.first_element(array).ok().flatten();
    iter::successors(first, move |element| scanner.next_element(*element).ok().flatten())
}

fn has_value(value: Raw) -> bool {
    !matches!(value.kind(), Kind::Null | Kind::EmptyText)
}
