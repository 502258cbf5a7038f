//! Writes an object anew, as one that is read by its names.

use std::borrow::Cow;

use crate::event::form::page::{Condition, ENVELOPES, Envelope, FORMS, Form, FormEvent, Source};
use crate::event::form::path::{Name, with_unescaped};
use crate::event::form::texts::{json_in, without_texts};
use crate::event::form::tree::Tree;
use crate::event::form::typed::write_plain;
use crate::event::json::{Kind, Raw, Scanner};
use crate::event::reason::Field;

/// How many envelopes are opened, one in another.
const ENVELOPES_MAX: usize = 4;

/// An object that was written anew.
pub(crate) struct Rewritten {
    /// An object on one line.
    pub(crate) text: Vec<u8>,
    /// Whether its `events` are one line in all counts, accepted or rejected together, as one that
    /// several events were made of.
    pub(crate) is_one: bool,
}

/// What is found in an object by the names of its members.
#[derive(Clone, Copy)]
pub(crate) struct FoundByNames {
    /// Whether it has `events`.
    pub(crate) has_events: bool,
    /// Whether it has a type that is known.
    pub(crate) has_known_type: bool,
}

/// What an event gets from around it: a member, and its value as it is written.
type Inherited = Vec<(&'static str, Vec<u8>)>;

/// Writes a line anew that is a text, has texts that hold JSON, is an envelope or in a form;
/// `None` if it is nothing of these. `look` finds what an object has by its names.
pub(crate) fn rewrite(
    line: &[u8],
    mut look: impl FnMut(&[u8]) -> FoundByNames,
) -> Option<Rewritten> {
    let mut object = Cow::Borrowed(line);
    if line.trim_ascii_start().first() == Some(&b'"') {
        object = Cow::Owned(json_in(Scanner::new(line).only_value().ok()?, line)?);
    }
    let mut inherited = Inherited::new();
    let mut opened = 0;
    loop {
        if let Some(replaced) = without_texts(&object) {
            object = Cow::Owned(replaced);
        }
        let mut looked = Looked { object: &object, look: &mut look, found: None };
        let mut tree = Tree::new(&object);
        let root = tree.root()?;
        let fits = |envelope: &&Envelope| {
            envelope.when.iter().all(|condition| looked.holds(condition, &mut tree, root))
                && envelope.event.as_ref().is_none_or(|path| {
                    tree.find(root, path).is_some_and(|event| event.kind() == Kind::Object)
                })
        };
        if opened < ENVELOPES_MAX
            && let Some(envelope) = ENVELOPES.iter().find(fits)
        {
            let Some(event) = envelope.event.as_ref().and_then(|path| tree.find(root, path)) else {
                return Some(Rewritten { text: b"{\"events\":[]}".to_vec(), is_one: true });
            };
            for (member, path) in &envelope.also {
                inherit(member, tree.find(root, path), &tree, &mut inherited);
            }
            inherit_site(&mut tree, root, &mut inherited);
            let mut inner = Vec::new();
            if envelope.is_typed {
                write_plain(&mut tree, event, &mut inner);
            } else {
                inner.extend_from_slice(&object[event.whole()]);
            }
            object = Cow::Owned(inner);
            opened += 1;
            continue;
        }
        let fits = |form: &&Form| {
            form.when.iter().all(|condition| looked.holds(condition, &mut tree, root))
        };
        if let Some(form) = FORMS.iter().find(fits) {
            inherit_site(&mut tree, root, &mut inherited);
            let site = inherited.iter().find(|(member, _)| *member == Field::SiteId.name());
            return Some(in_form(&mut tree, root, form, site.map(|(_, site)| &site[..])));
        }
        let has_events = !inherited.is_empty() && looked.found().has_events;
        return match object {
            Cow::Borrowed(_) => None,
            Cow::Owned(object) if inherited.is_empty() || has_events => {
                Some(Rewritten { text: object, is_one: false })
            }
            Cow::Owned(object) => {
                Some(Rewritten { text: with_inherited(&object, &inherited), is_one: true })
            }
        };
    }
}

/// An object, and what was found in it by its names, if that was needed.
struct Looked<'a, L> {
    object: &'a [u8],
    look: &'a mut L,
    found: Option<FoundByNames>,
}

impl<L: FnMut(&[u8]) -> FoundByNames> Looked<'_, L> {
    fn found(&mut self) -> FoundByNames {
        *self.found.get_or_insert_with(|| (self.look)(self.object))
    }

    fn holds(&mut self, condition: &Condition, tree: &mut Tree<'_>, from: Raw) -> bool {
        match condition {
            Condition::NoKnownType => {
                let FoundByNames { has_events, has_known_type } = self.found();
                !has_events && !has_known_type
            }
            other => holds(other, tree, from),
        }
    }
}

/// Whether a condition holds that needs nothing but the object.
fn holds(condition: &Condition, tree: &mut Tree<'_>, from: Raw) -> bool {
    match condition {
        Condition::Has(path) => tree.find(from, path).is_some(),
        Condition::Lacks(path) => tree.find(from, path).is_none(),
        Condition::Is(path, texts) => {
            let value = tree.find(from, path);
            value.is_some_and(|value| is_one_of(value, tree.text(), texts))
        }
        Condition::IsNot(path, texts) => {
            let value = tree.find(from, path);
            !value.is_some_and(|value| is_one_of(value, tree.text(), texts))
        }
        Condition::NoKnownType => false,
    }
}

fn is_one_of(value: Raw, text: &[u8], texts: &[&str]) -> bool {
    is_text(value)
        && with_unescaped(value, text, |value| texts.iter().any(|it| it.as_bytes() == value))
}

fn is_text(value: Raw) -> bool {
    matches!(value.kind(), Kind::Text | Kind::EscapedText)
}

/// Adds a member, in place of what an envelope further outside gave it.
fn inherit(member: &'static str, value: Option<Raw>, tree: &Tree<'_>, inherited: &mut Inherited) {
    if let Some(value) = value {
        inherited.retain(|(known, _)| *known != member);
        inherited.push((member, tree.text()[value.whole()].to_vec()));
    }
}

fn inherit_site(tree: &mut Tree<'_>, object: Raw, inherited: &mut Inherited) {
    let member = Field::SiteId.name();
    let site = tree.member(object, &Name::of(member));
    inherit(member, site, tree, inherited);
}

/// An object that has an event, which inherits the members.
fn with_inherited(event: &[u8], inherited: &Inherited) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (member, value) in inherited {
        write_member(member, value, &mut out);
    }
    out.extend_from_slice(b"\"events\":[");
    out.extend_from_slice(event);
    out.extend_from_slice(b"]}");
    out
}

fn in_form(tree: &mut Tree<'_>, root: Raw, form: &Form, site: Option<&[u8]>) -> Rewritten {
    let mut out = b"{\"events\":[".to_vec();
    let array = form.each_of.as_ref().map(|path| tree.find(root, path));
    let Some(array) = array else {
        let mut count = 0;
        for event in &form.events {
            if event.when.iter().all(|condition| holds(condition, tree, root)) {
                begin_element(count, &mut out);
                write_event(tree, root, event, site, &mut out);
                count += 1;
            }
        }
        out.extend_from_slice(b"]}");
        return Rewritten { text: out, is_one: true };
    };
    let elements = array.map_or_else(Vec::new, |array| tree.elements(array));
    for (count, element) in elements.into_iter().enumerate() {
        begin_element(count, &mut out);
        match form.events.first() {
            Some(event) if element.kind() == Kind::Object => {
                write_event(tree, element, event, site, &mut out);
            }
            _ => out.extend_from_slice(&tree.text()[element.whole()]),
        }
    }
    out.extend_from_slice(b"]}");
    Rewritten { text: out, is_one: false }
}

fn begin_element(count: usize, out: &mut Vec<u8>) {
    if count > 0 {
        out.push(b',');
    }
}

fn write_event(
    tree: &mut Tree<'_>,
    from: Raw,
    event: &FormEvent,
    site: Option<&[u8]>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    let has_site = event.members.iter().any(|(member, _)| *member == Field::SiteId.name());
    if let (false, Some(site)) = (has_site, site) {
        write_member(Field::SiteId.name(), site, out);
    }
    for (member, sources) in &event.members {
        let Some(value) = value_of(tree, from, sources) else { continue };
        match value {
            Found::Value(items)
                if *member == Field::Items.name()
                    && items.kind() == Kind::Array
                    && !event.item_members.is_empty() =>
            {
                begin_member(member, out);
                write_items(tree, items, &event.item_members, out);
                out.push(b',');
            }
            value => write_found(member, value, tree, out),
        }
    }
    end_object(out);
}

fn write_items(
    tree: &mut Tree<'_>,
    items: Raw,
    members: &[(&'static str, Vec<Source>)],
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    for (count, item) in tree.elements(items).into_iter().enumerate() {
        begin_element(count, out);
        if item.kind() != Kind::Object {
            out.extend_from_slice(&tree.text()[item.whole()]);
            continue;
        }
        out.push(b'{');
        for (member, sources) in members {
            if let Some(value) = value_of(tree, item, sources) {
                write_found(member, value, tree, out);
            }
        }
        end_object(out);
    }
    out.push(b']');
}

/// A value of a form.
enum Found {
    Value(Raw),
    Utc(Raw),
    Text(&'static str),
}

fn value_of(tree: &mut Tree<'_>, from: Raw, sources: &[Source]) -> Option<Found> {
    sources.iter().find_map(|source| match source {
        Source::Text(text) => Some(Found::Text(text)),
        Source::Path(path) => tree.find(from, path).map(Found::Value),
        Source::Utc(path) => {
            let value = tree.find(from, path)?;
            Some(if is_text(value) { Found::Utc(value) } else { Found::Value(value) })
        }
        Source::Unless(path, none) => {
            let value = tree.find(from, path)?;
            let is_none = with_unescaped(value, tree.text(), |value| value == none.as_bytes());
            (!is_none).then_some(Found::Value(value))
        }
    })
}

fn write_found(member: &str, value: Found, tree: &Tree<'_>, out: &mut Vec<u8>) {
    begin_member(member, out);
    match value {
        Found::Value(value) => out.extend_from_slice(&tree.text()[value.whole()]),
        Found::Utc(value) => {
            out.push(b'"');
            out.extend_from_slice(value.of(tree.text()));
            out.extend_from_slice(b"Z\"");
        }
        Found::Text(text) => {
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
    }
    out.push(b',');
}

/// Writes a member, and the comma before the next one.
fn write_member(member: &str, value: &[u8], out: &mut Vec<u8>) {
    begin_member(member, out);
    out.extend_from_slice(value);
    out.push(b',');
}

fn begin_member(member: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(member.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Ends an object; a comma after its last member goes.
fn end_object(out: &mut Vec<u8>) {
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b'}');
}
