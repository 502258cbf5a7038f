//! Looks up paths in an object of a text.

use crate::event::form::path::{Path, Paths, SlotSet};
use crate::event::json::{Kind, Node, Nodes, Raw, Slots, Tape, with_unescaped};

/// What paths lead to from the object that was looked into last.
#[derive(Default)]
pub(super) struct PathValues {
    /// The number of that object, by which what was found in others is told from it.
    object: u64,
    /// The number of the last object that was looked into at each container.
    looked_into: Vec<u64>,
    /// The last value found at each path, and the number of its object.
    found: Vec<(u64, Node)>,
    /// The names of the members of the object that was looked into last, if they have values.
    names: SlotSet,
}

/// An object of a text, with all that is in it.
pub(super) struct Tree<'a> {
    tape: &'a Tape,
    root: Node,
    paths: &'static Paths,
    values: &'a mut PathValues,
}

impl<'a> Tree<'a> {
    /// Of an object on a tape, with the paths from it. What they led to from another object is
    /// forgotten.
    pub(super) fn new(
        tape: &'a Tape,
        root: Node,
        paths: &'static Paths,
        values: &'a mut PathValues,
    ) -> Tree<'a> {
        let (ends, containers) = paths.len();
        values.object += 1;
        if values.found.len() < ends || values.looked_into.len() < containers {
            let none = Node { slots: Slots::NONE, value: Raw::NULL, within: Nodes::NONE };
            values.found.resize(ends.max(values.found.len()), (0, none));
            values.looked_into.resize(containers.max(values.looked_into.len()), 0);
        }
        Tree { tape, root, paths, values }
    }

    /// Of the object for which the values were made last.
    pub(super) fn again(
        tape: &'a Tape,
        root: Node,
        paths: &'static Paths,
        values: &'a mut PathValues,
    ) -> Tree<'a> {
        Tree { tape, root, paths, values }
    }

    pub(super) fn root(&self) -> Node {
        self.root
    }

    pub(super) fn tape(&self) -> &'a Tape {
        self.tape
    }

    /// The names of its members that are in paths and have values.
    pub(super) fn names(&mut self) -> SlotSet {
        if self.values.looked_into.first() != Some(&self.values.object) {
            self.look_into(0);
        }
        self.values.names
    }

    /// What a path leads to; neither null nor an empty text.
    #[inline]
    pub(super) fn find(&mut self, path: Path) -> Option<Node> {
        let from = self.paths.from(path);
        if self.values.looked_into[from] != self.values.object {
            self.look_into(from);
        }
        let (object, node) = self.values.found[path.number()];
        (object == self.values.object).then_some(node)
    }

    /// Finds all that paths lead to from a container.
    #[inline(never)]
    fn look_into(&mut self, number: usize) {
        self.values.looked_into[number] = self.values.object;
        let container = self.paths.container(number);
        let node = match container.path {
            None => Some(self.root),
            Some(path) => self.find(path),
        };
        let Some(Node { value, within: mut nodes, .. }) = node else { return };
        let mut names = SlotSet::default();
        match value.kind() {
            Kind::Object => {
                while let Some(member) = nodes.next(self.tape) {
                    // Of members of one name the last one with a value counts.
                    if let Some(path) = container.member(member.slots.path)
                        && has_value(member)
                    {
                        names.insert(member.slots.path);
                        self.values.found[path.number()] = (self.values.object, member);
                    }
                }
            }
            Kind::Array => {
                if let (Some(path), Some(first)) = (container.first_element, nodes.next(self.tape))
                    && has_value(first)
                {
                    self.values.found[path.number()] = (self.values.object, first);
                }
            }
            _ => {}
        }
        if container.path.is_none() {
            self.values.names = names;
        }
    }
}

#[inline]
fn has_value(node: Node) -> bool {
    !matches!(node.value.kind(), Kind::Null | Kind::EmptyText)
}

pub(super) fn is_one_of(value: Raw, text: &[u8], texts: &[&str]) -> bool {
    is_text(value)
        && with_unescaped(value, text, |value| texts.iter().any(|it| it.as_bytes() == value))
}

pub(super) fn is_text(value: Raw) -> bool {
    matches!(value.kind(), Kind::Text | Kind::EscapedText)
}
