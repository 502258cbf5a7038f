//! Texts that hold JSON, where an object or an array is expected.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use serde_json::value::RawValue;

use crate::event::form::tree::{elements_of, members_of, object_in};
use crate::event::json::{Kind, Raw, Scanner, unescape, with_unescaped};
use crate::event::reason::Field;
use crate::event::vocabulary::{AFTER, Aside, FIELDS, NAME_BYTES_MAX, Place, Wanted, normalize};

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

/// A part of a text, and what stands in its place.
type Splice = (Range<usize>, Vec<u8>);

/// The object with JSON in place of its texts that hold it; `None` if it has none.
pub(super) fn without_texts(text: &[u8]) -> Option<Vec<u8>> {
    // A text that holds JSON with a text in it has escapes.
    memchr::memchr(b'\\', text)?;
    let mut splices = Vec::new();
    walk(text, object_in(text)?, Role::Object, &mut splices);
    (!splices.is_empty()).then(|| spliced(text, splices))
}

/// The object or array that a text holds, on one line.
pub(super) fn json_in(text: Raw, of: &[u8]) -> Option<Vec<u8>> {
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
    Scanner::new(&json).only_value().ok()?;
    Some(json)
}

fn walk(text: &[u8], object: Raw, role: Role, splices: &mut Vec<Splice>) {
    for (name, value) in members_of(object, text) {
        if !matches!(value.kind(), Kind::EscapedText | Kind::Object | Kind::Array) {
            continue;
        }
        let holds = with_unescaped(name, text, |name| holds(name, role.place())) & role.wanted();
        if holds == 0 {
            continue;
        }
        if value.kind() != Kind::EscapedText {
            walk_into(text, value, holds, role, splices);
        } else if let Some(json) = json_in(value, text).filter(|json| json.contains(&b'"')) {
            let mut inner = Vec::new();
            if let Ok(value) = Scanner::new(&json).only_value() {
                walk_into(&json, value, holds, role, &mut inner);
            }
            splices.push((value.whole(), spliced(&json, inner)));
        }
    }
}

fn walk_into(text: &[u8], value: Raw, holds: Holds, role: Role, splices: &mut Vec<Splice>) {
    let of_elements = if holds & ITEMS != 0 { Role::Item } else { Role::Element };
    match value.kind() {
        Kind::Object if holds & PROPERTIES != 0 && role != Role::Item => {
            walk(text, value, Role::Properties, splices);
        }
        Kind::Array if holds & (ITEMS | EVENTS) != 0 => {
            for element in elements_of(value, text) {
                if element.kind() == Kind::Object {
                    walk(text, element, of_elements, splices);
                }
            }
        }
        _ => {}
    }
}

fn spliced(text: &[u8], mut splices: Vec<Splice>) -> Vec<u8> {
    splices.sort_by_key(|(range, _)| range.start);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for (range, json) in splices {
        out.extend_from_slice(text.get(at..range.start).unwrap_or_default());
        out.extend_from_slice(&json);
        at = range.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}

fn holds(name: &[u8], place: Place) -> Holds {
    static EVENT: LazyLock<HashMap<&[u8], Holds>> = LazyLock::new(|| names_of(Place::Event));
    static ITEM: LazyLock<HashMap<&[u8], Holds>> = LazyLock::new(|| names_of(Place::Item));
    let names = if place == Place::Item { &ITEM } else { &EVENT };
    let mut letters = [0; NAME_BYTES_MAX];
    let name = normalize(name, &mut letters);
    name.and_then(|name| names.get(name)).copied().unwrap_or(0)
}

fn names_of(place: Place) -> HashMap<&'static [u8], Holds> {
    let mut holds: HashMap<&'static [u8], Holds> = HashMap::new();
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
            *holds.entry(name.as_bytes()).or_default() |= held;
        }
    }
    holds.insert(AFTER.as_bytes(), CHANGED);
    holds
}
