//! Looks up paths in an object of a text. Each object on the way is scanned once.

use std::ops::Range;

use crate::event::form::path::{Name, Path, Step, hash_in};
use crate::event::json::{Kind, Raw, Scanner};

/// The objects of a text that were looked into.
pub(super) struct Tree<'a> {
    text: &'a [u8],
    /// The members of all objects that were scanned.
    members: Vec<Member>,
    /// The starts of these objects, ascending, and their members.
    objects: Vec<(usize, Range<usize>)>,
}

#[derive(Clone, Copy)]
struct Member {
    hash: u32,
    name: Raw,
    value: Raw,
}

impl<'a> Tree<'a> {
    /// Of a text that is valid JSON.
    pub(super) fn new(text: &'a [u8]) -> Tree<'a> {
        Tree { text, members: Vec::new(), objects: Vec::new() }
    }

    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The value that the text is.
    pub(super) fn value(&self) -> Option<Raw> {
        Scanner::new(self.text).only_value().ok()
    }

    /// The object that the text is; `None` if it is none.
    pub(super) fn root(&self) -> Option<Raw> {
        let start = self.text.len() - self.text.trim_ascii_start().len();
        let end = self.text.trim_ascii_end().len();
        (self.text.get(start) == Some(&b'{')).then(|| Raw::new(start, end, Kind::Object))
    }

    /// What a path leads to from an object or an element; neither null nor an empty text.
    pub(super) fn find(&mut self, from: Raw, path: &Path) -> Option<Raw> {
        let mut value = from;
        for step in path.steps() {
            value = match (step, value.kind()) {
                (Step::Member(name), Kind::Object) => self.member(value, name)?,
                (Step::FirstElement, Kind::Array) => {
                    Scanner::new(self.text).first_element(value).ok()??
                }
                _ => return None,
            };
        }
        has_value(value).then_some(value)
    }

    /// The last member of a name that has a value.
    pub(super) fn member(&mut self, object: Raw, name: &Name) -> Option<Raw> {
        let range = self.range_of(object);
        let members = self.members[range].iter().rev();
        members
            .filter(|member| name.is(member.hash, member.name, self.text))
            .map(|member| member.value)
            .find(|value| has_value(*value))
    }

    /// The names and values of an object.
    pub(super) fn members(&mut self, object: Raw) -> impl Iterator<Item = (Raw, Raw)> {
        let range = self.range_of(object);
        self.members[range].iter().map(|member| (member.name, member.value))
    }

    /// The elements of an array.
    pub(super) fn elements(&self, array: Raw) -> Vec<Raw> {
        let mut scanner = Scanner::new(self.text);
        let mut elements = Vec::new();
        let mut next = scanner.first_element(array);
        while let Ok(Some(element)) = next {
            elements.push(element);
            next = scanner.next_element(element);
        }
        elements
    }

    fn range_of(&mut self, object: Raw) -> Range<usize> {
        let start = object.start();
        let place = match self.objects.binary_search_by_key(&start, |(start, _)| *start) {
            Ok(known) => return self.objects[known].1.clone(),
            Err(place) => place,
        };
        let first = self.members.len();
        let (text, members) = (self.text, &mut self.members);
        // It never fails in valid JSON.
        let _ = Scanner::new(text).each_member(object, |name, value| {
            members.push(Member { hash: hash_in(name, text), name, value });
        });
        let range = first..self.members.len();
        self.objects.insert(place, (start, range.clone()));
        range
    }
}

fn has_value(value: Raw) -> bool {
    !matches!(value.kind(), Kind::Null | Kind::EmptyText)
}
