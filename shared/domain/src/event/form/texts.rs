//! Texts that hold JSON, where an object or an array is expected.

use std::sync::LazyLock;

use serde_json::value::RawValue;

use crate::event::fields::{slot_in_event, slot_in_item};
use crate::event::json::{Kind, Memory, Node, Raw, Scanner, Tape, unescape};
use crate::event::reason::Field;
use crate::event::vocabulary::{AFTER, Aside, FIELDS, Place, Wanted};

/// An object whose texts are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// That of the line, or of an envelope.
    Object,
    /// An element of its `events`.
    Element,
    /// The `properties` of one of these.
    Properties,
    /// An element of `items`.
    Item,
}

/// What the name of a member says that it holds, as a bit set: `data` may be either of two.
type Holds = u8;
const PROPERTIES: Holds = 1;
const PARAMETERS: Holds = 2;
const PRODUCT: Holds = 4;
const ITEMS: Holds = 8;
const EVENTS: Holds = 16;
const CHANGED: Holds = 32;

impl Role {
    fn place(self) -> Place {
        if self == Role::Item { Place::Item } else { Place::Event }
    }

    /// What is looked for in it.
    fn wanted(self) -> Holds {
        match self {
            Role::Object => PROPERTIES | PARAMETERS | PRODUCT | ITEMS | EVENTS | CHANGED,
            Role::Element => PROPERTIES | PARAMETERS | PRODUCT | ITEMS,
            Role::Properties => PRODUCT | ITEMS,
            Role::Item => PROPERTIES | PARAMETERS,
        }
    }
}

/// A text that may hold JSON.
struct Candidate {
    text: Raw,
    holds: Holds,
    /// That of the object in which it stands.
    role: Role,
}

/// The outermost object with JSON in place of the texts of an object in it that hold JSON; `None` if
/// it has none. The tape is that of `text`, before and after.
pub(super) fn without_texts(
    text: &[u8],
    object: Node,
    outermost: Raw,
    memory: &mut Memory,
) -> Option<Vec<u8>> {
    // A text that holds JSON with a text in it has escapes.
    if !memory.tape.has_escapes() {
        return None;
    }
    let mut candidates = Vec::new();
    walk(object, Role::Object, &memory.tape, &mut candidates);
    if candidates.is_empty() {
        return None;
    }
    let tape = std::mem::take(&mut memory.tape);
    let replaced = replaced(text, outermost, candidates, memory);
    memory.tape = tape;
    replaced
}

/// The object or array that a text holds, on one line. All of it is on the tape then.
pub(super) fn json_in(text: Raw, of: &[u8], memory: &mut Memory) -> Option<(Vec<u8>, Node)> {
    let mut json = Vec::new();
    unescape(text.of(of), &mut json);
    let begins = json.trim_ascii_start().first();
    if !matches!(begins, Some(b'{' | b'[')) {
        return None;
    }
    if memchr::memchr(b'\n', &json).is_some() {
        // Between tokens it is white space. The scanner takes it for the end.
        serde_json::from_slice::<&RawValue>(&json).ok()?;
        json.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
    }
    Scanner::new(&json, memory).whole_line(|_, _| {}).ok()?;
    let root = memory.tape.root()?;
    Some((json, root))
}

fn walk(object: Node, role: Role, tape: &Tape, candidates: &mut Vec<Candidate>) {
    let mut members = object.within;
    while let Some(member) = members.next(tape) {
        if !matches!(member.value.kind(), Kind::EscapedText | Kind::Object | Kind::Array) {
            continue;
        }
        let holds = holds(member, role.place()) & role.wanted();
        if holds == 0 {
            continue;
        }
        if member.value.kind() == Kind::EscapedText {
            candidates.push(Candidate { text: member.value, holds, role });
        } else {
            walk_into(member, holds, role, tape, candidates);
        }
    }
}

fn walk_into(node: Node, holds: Holds, role: Role, tape: &Tape, candidates: &mut Vec<Candidate>) {
    let of_elements = if holds & ITEMS != 0 { Role::Item } else { Role::Element };
    match node.value.kind() {
        Kind::Object if holds & PROPERTIES != 0 && role != Role::Item => {
            walk(node, Role::Properties, tape, candidates);
        }
        Kind::Array if holds & (ITEMS | EVENTS) != 0 => {
            let mut elements = node.within;
            while let Some(element) = elements.next(tape) {
                if element.value.kind() == Kind::Object {
                    walk(element, of_elements, tape, candidates);
                }
            }
        }
        _ => {}
    }
}

/// A part of a text with JSON in place of the candidates, which ascend by their starts; `None` if
/// none holds any.
fn replaced(
    text: &[u8],
    part: Raw,
    candidates: Vec<Candidate>,
    memory: &mut Memory,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(part.whole().len());
    let mut at = part.start();
    for candidate in candidates {
        let Some(json) = json_of(&candidate, text, memory) else { continue };
        let text_range = candidate.text.whole();
        out.extend_from_slice(text.get(at..text_range.start).unwrap_or_default());
        out.extend_from_slice(&json);
        at = text_range.end;
    }
    if at == part.start() {
        return None;
    }
    out.extend_from_slice(text.get(at..part.end()).unwrap_or_default());
    Some(out)
}

/// The JSON that a candidate holds, without texts that hold JSON in turn.
fn json_of(candidate: &Candidate, of: &[u8], memory: &mut Memory) -> Option<Vec<u8>> {
    let (json, root) = json_in(candidate.text, of, memory)?;
    if !json.contains(&b'"') {
        return None;
    }
    let mut inner = Vec::new();
    walk_into(root, candidate.holds, candidate.role, &memory.tape, &mut inner);
    Some(replaced(&json, root.value, inner, memory).unwrap_or(json))
}

/// What the name of a member says that it holds.
fn holds(member: Node, place: Place) -> Holds {
    static EVENT: LazyLock<[Holds; 256]> = LazyLock::new(|| by_slot(Place::Event, slot_in_event));
    static ITEM: LazyLock<[Holds; 256]> = LazyLock::new(|| by_slot(Place::Item, slot_in_item));
    match place {
        Place::Item => ITEM[usize::from(member.slots.item)],
        _ => EVENT[usize::from(member.slots.event)],
    }
}

fn by_slot(place: Place, slot_of: fn(&[u8]) -> u8) -> [Holds; 256] {
    let mut holds = [0; 256];
    for (wanted, of, names) in FIELDS {
        let held = match wanted {
            Wanted::Aside(Aside::Properties) => PROPERTIES,
            Wanted::Aside(Aside::Parameters) => PARAMETERS,
            Wanted::Aside(Aside::Product) => PRODUCT,
            Wanted::Field(Field::Items) => ITEMS,
            Wanted::Field(Field::Events) => EVENTS,
            Wanted::Field(_) | Wanted::Aside(_) => continue,
        };
        for name in names.iter().filter(|_| of.includes(place)) {
            holds[usize::from(slot_of(name.as_bytes()))] |= held;
        }
    }
    if place == Place::Event {
        holds[usize::from(slot_in_event(AFTER.as_bytes()))] |= CHANGED;
    }
    holds
}
