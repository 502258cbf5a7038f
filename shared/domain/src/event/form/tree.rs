//! Looks up paths in an object of a text. Each object on the way is scanned once.

use std::ops::Range;

use crate::event::form::path::{Path, Step};
use crate::event::json::{Kind, NO_SLOT, Names, Raw, Scanner};

/// The objects of a text that were looked into.
pub(super) struct Tree<'a> {
    text: &'a [u8],
    names: &'a mut Names,
    /// The members of all objects that were scanned, those whose names are in a path.
    members: Vec<(u8, Raw)>,
    /// The starts of these objects, ascending, and their members.
    objects: Vec<(usize, Range<usize>)>,
    /// The one that was looked into last.
    last: Option<(usize, Range<usize>)>,
}

impl<'a> Tree<'a> {
    /// Of a text that is valid JSON; `names` are those in paths.
    pub(super) fn new(text: &'a [u8], names: &'a mut Names) -> Tree<'a> {
        Tree {
            last: None,
            text,
            names,
            members: Vec::with_capacity(64),
            objects: Vec::with_capacity(16),
        }
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
                    Scanner::of_rewritten(self.text).first_element(value).ok()??
                }
                _ => return None,
            };
        }
        has_value(value).then_some(value)
    }

    /// The last member of a name that has a value.
    fn member(&mut self, object: Raw, slot: u8) -> Option<Raw> {
        let range = self.range_of(object);
        let members = self.members[range].iter();
        members.rev().find(|(of, _)| *of == slot).map(|(_, value)| *value)
    }

    fn range_of(&mut self, object: Raw) -> Range<usize> {
        let start = object.start();
        if let Some((_, range)) = self.last.as_ref().filter(|(last, _)| *last == start) {
            return range.clone();
        }
        let range = self.known_or_scanned(object);
        self.last = Some((start, range.clone()));
        range
    }

    fn known_or_scanned(&mut self, object: Raw) -> Range<usize> {
        let start = object.start();
        let place = match self.objects.binary_search_by_key(&start, |(start, _)| *start) {
            Ok(known) => return self.objects[known].1.clone(),
            Err(place) => place,
        };
        let first = self.members.len();
        let members = &mut self.members;
        // It never fails in valid JSON.
        let _ = Scanner::of_rewritten(self.text).members(object, self.names, |slot, value| {
            if slot != NO_SLOT && has_value(value) {
                members.push((slot, value));
            }
        });
        let range = first..self.members.len();
        self.objects.insert(place, (start, range.clone()));
        range
    }
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
        Scanner::of_rewritten(text).each_member(object, |name, value| members.push((name, value)));
    members
}

/// The elements of an array in valid JSON.
pub(super) fn elements_of(array: Raw, text: &[u8]) -> Vec<Raw> {
    let mut scanner = Scanner::of_rewritten(text);
    let mut elements = Vec::new();
    let mut next = scanner.first_element(array);
    while let Ok(Some(element)) = next {
        elements.push(element);
        next = scanner.next_element(element);
    }
    elements
}

fn has_value(value: Raw) -> bool {
    !matches!(value.kind(), Kind::Null | Kind::EmptyText)
}
