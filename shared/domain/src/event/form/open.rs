//! Opens envelopes, and finds the form of the object in them.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::event::fields::slot_in_event;
use crate::event::form::page::{Condition, Conditions, Envelope, Form, TABLES};
use crate::event::form::path::{Path, SlotSet};
use crate::event::form::texts::{json_in, without_texts};
use crate::event::form::tree::{PathValues, Tree, is_one_of, is_text};
use crate::event::form::typed::write_plain;
use crate::event::json::{Kind, Memory, Node, Nodes, Raw, Scanner, Tape};
use crate::event::reason::Field;

/// How many envelopes are opened, one in another.
const ENVELOPES_MAX: usize = 4;

/// An object that is not read by its names alone.
pub(crate) struct Opened {
    /// The text that it is in, if that is not the line.
    pub(crate) text: Option<Vec<u8>>,
    /// The object, which is on the tape.
    pub(crate) object: Node,
    /// What it gets from around it, of which a form takes only the site: slots of events, and
    /// values in the text.
    pub(crate) inherited: Vec<(u8, Raw)>,
    /// How it is read.
    pub(crate) reading: Reading,
}

/// How an object is read.
#[derive(Clone, Copy)]
pub(crate) enum Reading {
    /// It is not: it has nothing that counts.
    Nothing,
    /// By its names.
    ByNames {
        /// Whether it inherits, and is one event for that.
        inherits: bool,
    },
    /// In a form.
    InForm(&'static Form),
}

/// What is found in an object by the names of its members.
#[derive(Clone, Copy)]
pub(crate) struct FoundByNames {
    /// Whether it has `events`.
    pub(crate) has_events: bool,
    /// Whether it has a type that is known.
    pub(crate) has_known_type: bool,
}

/// Looks into lines that may be envelopes or in forms.
#[derive(Default)]
pub(crate) struct FormReader {
    pub(super) of_object: PathValues,
    pub(super) of_part: PathValues,
    candidates: Candidates,
    /// A tape that is not in use.
    spare: Tape,
}

impl FormReader {
    /// Opens a line that is a text, has texts that hold JSON, is an envelope or in a form; `None` if
    /// it is nothing of these. All of the line is on the tape of `memory`, which is that of the text
    /// of what was opened afterwards. `found` is what the line has by its names, and `look` finds
    /// that in other objects by their members.
    pub(crate) fn open(
        &mut self,
        line: &[u8],
        memory: &mut Memory,
        found: FoundByNames,
        mut look: impl FnMut(Nodes, &Tape, &[u8]) -> FoundByNames,
    ) -> Option<Opened> {
        let mut text = Cow::Borrowed(line);
        let mut root = memory.tape.root()?;
        // As long as it is the object of the line.
        let mut found = Some(found);
        if is_text(root.value) {
            let (json, object) = json_in(root.value, line, memory)?;
            (text, root, found) = (Cow::Owned(json), object, None);
        }
        let mut outermost = root;
        let mut inherited = Vec::new();
        let mut opened = 0;
        while opened <= ENVELOPES_MAX {
            if root.value.kind() != Kind::Object {
                return None;
            }
            if let Some(replaced) = without_texts(&text, root, outermost.value, memory) {
                // It is shorter, so this ends. What was opened is found again in it.
                (root, found) = (scanned(&replaced, memory)?, None);
                text = Cow::Owned(replaced);
                outermost = root;
                inherited.clear();
                opened = 0;
                continue;
            }
            let is_line = found.is_some();
            let tree = Tree::new(&memory.tape, root, &TABLES.paths, &mut self.of_object);
            let candidates = &mut self.candidates;
            let mut object = Object { text: &text, tree, candidates, look: &mut look, found };
            object.find_candidates();
            if opened < ENVELOPES_MAX
                && let Some(envelope) = object.envelope()
            {
                object.inherit_from(envelope, &mut inherited);
                let Some(event) = object.event_in(envelope) else {
                    inherited.retain(|(slot, _)| *slot == slot_of_site());
                    return Some(opened_as(Reading::Nothing, text, root, inherited));
                };
                (root, found) = (event, None);
                if envelope.is_typed {
                    root = write_plain(event, &text, &memory.tape, &mut self.spare);
                    std::mem::swap(&mut memory.tape, &mut self.spare);
                }
                opened += 1;
                continue;
            }
            let reading = if let Some(form) = object.form() {
                object.inherit(slot_of_site(), TABLES.site, &mut inherited);
                inherited.retain(|(slot, _)| *slot == slot_of_site());
                Reading::InForm(form)
            } else if is_line {
                return None;
            } else {
                let inherits = !inherited.is_empty() && !object.found().has_events;
                Reading::ByNames { inherits }
            };
            return Some(opened_as(reading, text, root, inherited));
        }
        None
    }
}

fn opened_as(
    reading: Reading,
    text: Cow<'_, [u8]>,
    object: Node,
    inherited: Vec<(u8, Raw)>,
) -> Opened {
    let text = match text {
        Cow::Borrowed(_) => None,
        Cow::Owned(text) => Some(text),
    };
    Opened { text, object, inherited, reading }
}

/// The value that a text is which is valid JSON; all of it is on the tape then.
fn scanned(text: &[u8], memory: &mut Memory) -> Option<Node> {
    Scanner::of_checked(text, memory).whole_line(|_, _| {}).ok()?;
    memory.tape.root()
}

/// The slot of the name of the site in events.
fn slot_of_site() -> u8 {
    static SLOT: LazyLock<u8> = LazyLock::new(|| slot_in_event(Field::SiteId.name().as_bytes()));
    *SLOT
}

/// The tables that an object may fit because it has the names in their conditions. Objects of one
/// kind have the same names, so those of the last one are kept.
#[derive(Default)]
struct Candidates {
    /// `None` until there was an object.
    names: Option<SlotSet>,
    /// A bit for each envelope.
    envelopes: u64,
    /// A bit for each form.
    forms: u64,
}

impl Candidates {
    /// Those of an object with members of these names.
    #[inline(never)]
    fn of(names: SlotSet) -> Candidates {
        let bits = |all: &mut dyn Iterator<Item = &Conditions>| {
            let fits = |conditions: &Conditions| u64::from(names.has_all(&conditions.names));
            all.enumerate().fold(0, |bits, (number, all)| bits | fits(all) << number)
        };
        Candidates {
            names: Some(names),
            envelopes: bits(&mut TABLES.envelopes.iter().map(|envelope| &envelope.when)),
            forms: bits(&mut TABLES.forms.iter().map(|form| &form.when)),
        }
    }
}

/// The numbers of the bits that are set, ascending.
fn numbers(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let number = (bits != 0).then_some(bits.trailing_zeros() as usize);
        bits &= bits.wrapping_sub(1);
        number
    })
}

/// An object, and what was found in it by its names, if that was needed.
struct Object<'a, L> {
    text: &'a [u8],
    tree: Tree<'a>,
    candidates: &'a mut Candidates,
    look: L,
    found: Option<FoundByNames>,
}

impl<L: FnMut(Nodes, &Tape, &[u8]) -> FoundByNames> Object<'_, L> {
    /// Has to be called first.
    #[inline]
    fn find_candidates(&mut self) {
        let names = self.tree.names().common(&TABLES.names_of_conditions);
        if self.candidates.names != Some(names) {
            *self.candidates = Candidates::of(names);
        }
    }

    fn envelope(&mut self) -> Option<&'static Envelope> {
        numbers(self.candidates.envelopes).map(|number| &TABLES.envelopes[number]).find(
            |envelope| {
                self.hold(&envelope.when)
                    && envelope.event.is_none_or(|path| {
                        let event = self.tree.find(path);
                        event.is_some_and(|event| event.value.kind() == Kind::Object)
                    })
            },
        )
    }

    fn form(&mut self) -> Option<&'static Form> {
        let mut forms = numbers(self.candidates.forms).map(|number| &TABLES.forms[number]);
        forms.find(|form| self.hold(&form.when))
    }

    /// The event in an envelope; `None` if it has none that counts.
    fn event_in(&mut self, envelope: &Envelope) -> Option<Node> {
        self.tree.find(envelope.event?)
    }

    /// Adds what an envelope gives to its event.
    fn inherit_from(&mut self, envelope: &Envelope, inherited: &mut Vec<(u8, Raw)>) {
        self.inherit(slot_of_site(), TABLES.site, inherited);
        for (slot, path) in &envelope.also {
            self.inherit(*slot, *path, inherited);
        }
    }

    /// Adds a member, in place of what an envelope further outside gave it.
    fn inherit(&mut self, slot: u8, path: Path, inherited: &mut Vec<(u8, Raw)>) {
        if let Some(Node { value, .. }) = self.tree.find(path) {
            inherited.retain(|(known, _)| *known != slot);
            inherited.push((slot, value));
        }
    }

    fn found(&mut self) -> FoundByNames {
        let (tree, members) = (&self.tree, self.tree.root().within);
        *self.found.get_or_insert_with(|| (self.look)(members, tree.tape(), self.text))
    }

    fn hold(&mut self, conditions: &Conditions) -> bool {
        conditions.all.iter().all(|condition| match condition {
            Condition::NoKnownType => {
                let FoundByNames { has_events, has_known_type } = self.found();
                !has_events && !has_known_type
            }
            other => holds(other, &mut self.tree, self.text),
        })
    }
}

/// Whether a condition holds that needs nothing but the object.
#[inline]
pub(super) fn holds(condition: &Condition, tree: &mut Tree<'_>, text: &[u8]) -> bool {
    match condition {
        Condition::Has(path) => tree.find(*path).is_some(),
        Condition::Lacks(path) => tree.find(*path).is_none(),
        Condition::Is(path, texts) => {
            let value = tree.find(*path);
            value.is_some_and(|Node { value, .. }| is_one_of(value, text, texts))
        }
        Condition::IsNot(path, texts) => {
            let value = tree.find(*path);
            !value.is_some_and(|Node { value, .. }| is_one_of(value, text, texts))
        }
        Condition::NoKnownType => false,
    }
}
