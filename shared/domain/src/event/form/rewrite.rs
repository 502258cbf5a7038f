//! Writes an object anew, as one that is read by its names.

use std::borrow::Cow;

use crate::event::form::page::{
    Condition, Envelope, Form, FormEvent, Member, Source, TABLES, slot_in_paths,
};
use crate::event::form::path::Path;
use crate::event::form::texts::{json_in, without_texts};
use crate::event::form::tree::{Memory, Tree, elements_of, object_in};
use crate::event::form::typed::write_plain;
use crate::event::json::{Kind, Names, Raw, Scanner, with_unescaped};
use crate::event::reason::Field;

/// How many envelopes are opened, one in another.
const ENVELOPES_MAX: usize = 4;

/// The maximum size of what the elements of `events` inherit, in bytes: the number of elements
/// times the size of the rest of the line. 1 MiB is four times the longest line. It bounds the work
/// and the memory for one line, which would grow with the product of two lengths in it.
pub const WRITTEN_OUT_BYTES_MAX: usize = 1 << 20;

/// An object that was written anew.
pub(crate) struct Rewritten {
    /// An object on one line.
    pub(crate) text: Vec<u8>,
    /// What its `events` are.
    pub(crate) unity: Unity,
}

/// What the `events` of an object are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unity {
    /// Lines of their own, which inherit from it.
    Line,
    /// Parts of it, accepted or rejected together.
    Together,
    /// Lines of their own, which inherit nothing.
    Apart {
        /// The size of what the object that was sent has beside them, in bytes.
        beside_bytes: usize,
    },
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

/// Writes lines anew that are in forms.
pub(crate) struct FormWriter {
    /// The names in paths.
    names: Names,
    found: Memory,
}

impl FormWriter {
    /// A writer that has met no name yet.
    pub(crate) fn new() -> FormWriter {
        FormWriter { names: Names::new(slot_in_paths), found: Memory::default() }
    }

    /// Writes a line anew that is a text, has texts that hold JSON, is an envelope or in a form;
    /// `None` if it is nothing of these. `found` is what the line has by its names, and `look`
    /// finds that in other objects.
    pub(crate) fn rewrite(
        &mut self,
        line: &[u8],
        found: FoundByNames,
        mut look: impl FnMut(&[u8]) -> FoundByNames,
    ) -> Option<Rewritten> {
        let mut object = Cow::Borrowed(line);
        if line.trim_ascii_start().first() == Some(&b'"') {
            object = Cow::Owned(json_in(Scanner::new(line).only_value().ok()?, line)?);
        }
        let mut inherited = Inherited::new();
        for opened in 0..=ENVELOPES_MAX {
            if let Some(replaced) = without_texts(&object) {
                object = Cow::Owned(replaced);
            }
            let found = matches!(object, Cow::Borrowed(_)).then_some(found);
            let mut looked = Looked {
                tree: Tree::new(&object, &mut self.names, &mut self.found),
                root: object_in(&object)?,
                look: &mut look,
                found,
            };
            if opened < ENVELOPES_MAX
                && let Some(envelope) = looked.envelope()
            {
                let Some(event) = looked.open(envelope, &mut inherited) else {
                    let text = wrapped(site_in(&inherited), b"");
                    return Some(Rewritten { text, unity: Unity::Together });
                };
                object = Cow::Owned(event);
                continue;
            }
            if let Some(form) = looked.form() {
                looked.inherit_site(&mut inherited);
                return Some(in_form(&mut looked.tree, looked.root, form, site_in(&inherited)));
            }
            let is_alone = inherited.is_empty() || looked.found().has_events;
            return match object {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) if is_alone => Some(Rewritten { text, unity: Unity::Line }),
                Cow::Owned(event) => {
                    let text = with_inherited(&event, &inherited);
                    Some(Rewritten { text, unity: Unity::Together })
                }
            };
        }
        None
    }
}

/// An object, and what was found in it by its names, if that was needed.
struct Looked<'a, L> {
    tree: Tree<'a>,
    root: Raw,
    look: L,
    found: Option<FoundByNames>,
}

impl<L: FnMut(&[u8]) -> FoundByNames> Looked<'_, L> {
    fn envelope(&mut self) -> Option<&'static Envelope> {
        TABLES.envelopes.iter().find(|envelope| {
            envelope.when.iter().all(|condition| self.holds(condition))
                && envelope.event.as_ref().is_none_or(|path| {
                    let event = self.tree.find(self.root, path);
                    event.is_some_and(|event| event.kind() == Kind::Object)
                })
        })
    }

    fn form(&mut self) -> Option<&'static Form> {
        TABLES.forms.iter().find(|form| form.when.iter().all(|condition| self.holds(condition)))
    }

    /// The event in an envelope; `None` if it has none that counts.
    fn open(&mut self, envelope: &Envelope, inherited: &mut Inherited) -> Option<Vec<u8>> {
        self.inherit_site(inherited);
        for (member, path) in &envelope.also {
            self.inherit(member, path, inherited);
        }
        let event = self.tree.find(self.root, envelope.event.as_ref()?)?;
        let text = self.tree.text();
        if !envelope.is_typed {
            return Some(text[event.whole()].to_vec());
        }
        let mut plain = Vec::new();
        write_plain(event, text, &mut plain);
        Some(plain)
    }

    fn inherit_site(&mut self, inherited: &mut Inherited) {
        self.inherit(Field::SiteId.name(), &TABLES.site, inherited);
    }

    /// Adds a member, in place of what an envelope further outside gave it.
    fn inherit(&mut self, member: &'static str, path: &Path, inherited: &mut Inherited) {
        if let Some(value) = self.tree.find(self.root, path) {
            inherited.retain(|(known, _)| *known != member);
            inherited.push((member, self.tree.text()[value.whole()].to_vec()));
        }
    }

    fn found(&mut self) -> FoundByNames {
        *self.found.get_or_insert_with(|| (self.look)(self.tree.text()))
    }

    fn holds(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::NoKnownType => {
                let FoundByNames { has_events, has_known_type } = self.found();
                !has_events && !has_known_type
            }
            other => holds(other, &mut self.tree, self.root),
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

fn site_in(inherited: &Inherited) -> Option<&[u8]> {
    let site = inherited.iter().find(|(member, _)| *member == Field::SiteId.name());
    site.map(|(_, site)| &site[..])
}

/// An object that has an event, which inherits the members.
fn with_inherited(event: &[u8], inherited: &Inherited) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (member, value) in inherited {
        write_member(member, value, &mut out);
    }
    write_events(event, &mut out);
    out
}

/// An object that has events, and their site.
fn wrapped(site: Option<&[u8]>, events: &[u8]) -> Vec<u8> {
    let mut out = vec![b'{'];
    if let Some(site) = site {
        write_member(Field::SiteId.name(), site, &mut out);
    }
    write_events(events, &mut out);
    out
}

fn write_events(events: &[u8], out: &mut Vec<u8>) {
    begin_member(Field::Events.name(), out);
    out.push(b'[');
    out.extend_from_slice(events);
    out.extend_from_slice(b"]}");
}

fn in_form(tree: &mut Tree<'_>, root: Raw, form: &Form, site: Option<&[u8]>) -> Rewritten {
    let mut out = Vec::with_capacity(tree.text().len());
    let Some(array) = form.each_of.as_ref().map(|path| tree.find(root, path)) else {
        let mut count = 0;
        for event in &form.events {
            if event.when.iter().all(|condition| holds(condition, tree, root)) {
                begin_element(count, &mut out);
                write_event(tree, root, event, site, &mut out);
                count += 1;
            }
        }
        // Nearly every object is one event, which then is read at once.
        let text = if count == 1 { out } else { wrapped(site, &out) };
        return Rewritten { text, unity: Unity::Together };
    };
    let text = tree.text();
    let elements = array.into_iter().flat_map(|array| elements_of(array, text));
    let array_bytes = array.map_or(0, |array| array.whole().len());
    let beside_bytes = root.whole().len() - array_bytes;
    // One more than may be is enough to tell that there are too many.
    let elements_max = WRITTEN_OUT_BYTES_MAX / beside_bytes.max(1) + 1;
    for (count, element) in elements.take(elements_max).enumerate() {
        begin_element(count, &mut out);
        match form.events.first() {
            Some(event) if element.kind() == Kind::Object => {
                write_event(tree, element, event, site, &mut out);
            }
            _ => out.extend_from_slice(&tree.text()[element.whole()]),
        }
    }
    Rewritten { text: wrapped(site, &out), unity: Unity::Apart { beside_bytes } }
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
    if let (false, Some(site)) = (event.has_site, site) {
        write_member(Field::SiteId.name(), site, out);
    }
    for member in &event.members {
        let Some(value) = value_of(tree, from, &member.sources) else { continue };
        match value {
            Found::Value(items)
                if member.is_items
                    && items.kind() == Kind::Array
                    && !event.item_members.is_empty() =>
            {
                out.extend_from_slice(member.opening.as_bytes());
                write_items(tree, items, &event.item_members, out);
                out.push(b',');
            }
            value => write_found(member, value, tree, out),
        }
    }
    end_object(out);
}

fn write_items(tree: &mut Tree<'_>, items: Raw, members: &[Member], out: &mut Vec<u8>) {
    out.push(b'[');
    for (count, item) in elements_of(items, tree.text()).enumerate() {
        begin_element(count, out);
        if item.kind() != Kind::Object {
            out.extend_from_slice(&tree.text()[item.whole()]);
            continue;
        }
        out.push(b'{');
        for member in members {
            if let Some(value) = value_of(tree, item, &member.sources) {
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
            let is_zoneless =
                is_text(value) && with_unescaped(value, tree.text(), is_zoneless_time);
            Some(if is_zoneless { Found::Utc(value) } else { Found::Value(value) })
        }
        Source::Unless(path, none) => {
            let value = tree.find(from, path)?;
            let is_none = with_unescaped(value, tree.text(), |value| value == none.as_bytes());
            (!is_none).then_some(Found::Value(value))
        }
    })
}

/// Whether a text is a time like `2026-11-20T10:00:00`, without a zone.
fn is_zoneless_time(text: &[u8]) -> bool {
    let is_time = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b':' | b'.');
    match text {
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't' | b' ', time @ ..] => {
            time.iter().all(is_time)
        }
        _ => false,
    }
}

fn write_found(member: &Member, value: Found, tree: &Tree<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(member.opening.as_bytes());
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
