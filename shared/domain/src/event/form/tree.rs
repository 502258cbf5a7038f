//! Looks up paths in an object of a text.

use crate::event::form::path::{Path, Step};
use crate::event::json::{Kind, NO_SLOT, Node, Tape};

/// A set of slots, a bit each.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct SlotSet([u64; 4]);

impl SlotSet {
    pub(super) fn insert(&mut self, slot: u8) {
        self.0[usize::from(slot >> 6)] |= 1 << (slot & 63);
    }

    fn has(&self, slot: u8) -> bool {
        self.0[usize::from(slot >> 6)] >> (slot & 63) & 1 == 1
    }

    fn has_all(&self, others: &SlotSet) -> bool {
        self.0.iter().zip(others.0).all(|(own, other)| own & other == other)
    }
}

/// An object of a text, with all that is in it.
pub(super) struct Tree<'a> {
    text: &'a [u8],
    tape: &'a Tape,
    root: Node,
    /// Its members, those whose names are in a path and that have a value. Nearly all paths begin
    /// with one of them, and lead on through small objects.
    members: &'a mut Vec<(u8, Node)>,
    slots: SlotSet,
}

impl<'a> Tree<'a> {
    /// Of an object of a text that is valid JSON and on the tape. The vector is overwritten.
    pub(super) fn new(
        text: &'a [u8],
        tape: &'a Tape,
        root: Node,
        members: &'a mut Vec<(u8, Node)>,
    ) -> Tree<'a> {
        members.clear();
        let mut slots = SlotSet::default();
        let mut all = root.within;
        while let Some(member) = all.next(tape) {
            let slot = member.slots.path;
            if slot != NO_SLOT && has_value(member) {
                slots.insert(slot);
                members.push((slot, member));
            }
        }
        Tree { text, tape, root, members, slots }
    }

    pub(super) fn root(&self) -> Node {
        self.root
    }

    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    pub(super) fn tape(&self) -> &'a Tape {
        self.tape
    }

    /// What a path leads to from an object or an element; neither null nor an empty text.
    pub(super) fn find(&self, from: Node, path: &Path) -> Option<Node> {
        let mut node = from;
        for step in &path.0 {
            node = match (*step, node.value.kind()) {
                (Step::Member(slot), Kind::Object) => self.member(node, slot)?,
                (Step::FirstElement, Kind::Array) => {
                    let mut elements = node.within;
                    elements.next(self.tape)?
                }
                _ => return None,
            };
        }
        has_value(node).then_some(node)
    }

    /// Whether the object has members of all these names that have values.
    pub(super) fn has_all(&self, slots: &SlotSet) -> bool {
        self.slots.has_all(slots)
    }

    /// The last member of a name that has a value.
    fn member(&self, object: Node, slot: u8) -> Option<Node> {
        if object.value.start() == self.root.value.start() {
            if !self.slots.has(slot) {
                return None;
            }
            let mut members = self.members.iter().rev();
            return members.find(|(of, _)| *of == slot).map(|(_, node)| *node);
        }
        let mut last = None;
        let mut members = object.within;
        while let Some(member) = members.next(self.tape) {
            if member.slots.path == slot && has_value(member) {
                last = Some(member);
            }
        }
        last
    }
}

fn has_value(node: Node) -> bool {
    !matches!(node.value.kind(), Kind::Null | Kind::EmptyText)
}
