//! Writes an object anew, as one that is read by its names.

use std::borrow::Cow;

use crate::event::form::page::{
    Condition, Conditions, Envelope, Form, FormEvent, Member, Source, TABLES,
};
use crate::event::form::path::Path;
use crate::event::form::texts::{json_in, without_texts};
use crate::event::form::tree::Tree;
use crate::event::form::typed::write_plain;
use crate::event::json::{Kind, Memory, Node, Nodes, Raw, Scanner, Tape, with_unescaped};
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
#[derive(Default)]
pub(crate) struct FormWriter {
    /// The members of the object that was looked into last.
    members: Vec<(u8, Node)>,
}

impl FormWriter {
    /// Writes a line anew that is a text, has texts that hold JSON, is an envelope or in a form;
    /// `None` if it is nothing of these. All of the line is on the tape of `memory`, which is that
    /// of another text afterwards. `found` is what the line has by its names, and `look` finds that
    /// in other objects by their members.
    pub(crate) fn rewrite(
        &mut self,
        line: &[u8],
        memory: &mut Memory,
        found: FoundByNames,
        mut look: impl FnMut(Nodes, &Tape, &[u8]) -> FoundByNames,
    ) -> Option<Rewritten> {
        let mut text = Cow::Borrowed(line);
        let mut root = memory.tape.root()?;
        // As long as it is the object of the line.
        let mut found = Some(found);
        if is_text(root.value) {
            let (json, object) = json_in(root.value, line, memory)?;
            (text, root, found) = (Cow::Owned(json), object, None);
        }
        let mut inherited = Inherited::new();
        for opened in 0..=ENVELOPES_MAX {
            if root.value.kind() != Kind::Object {
                return None;
            }
            if let Some(replaced) = without_texts(&text, root, memory) {
                (root, found) = (scanned(&replaced, memory)?, None);
                text = Cow::Owned(replaced);
            }
            let is_line = found.is_some();
            let tree = Tree::new(&text, &memory.tape, root, &mut self.members);
            let mut object = Object { tree, look: &mut look, found };
            if opened < ENVELOPES_MAX
                && let Some(envelope) = object.envelope()
            {
                object.inherit_from(envelope, &mut inherited);
                let Some(event) = object.event_in(envelope) else {
                    let text = wrapped(site_in(&inherited), b"");
                    return Some(Rewritten { text, unity: Unity::Together });
                };
                (root, found) = (event, None);
                if envelope.is_typed {
                    let mut plain = Vec::new();
                    write_plain(event, &text, &memory.tape, &mut plain);
                    root = scanned(&plain, memory)?;
                    text = Cow::Owned(plain);
                }
                continue;
            }
            if let Some(form) = object.form() {
                object.inherit(Field::SiteId.name(), &TABLES.site, &mut inherited);
                return Some(in_form(&object.tree, form, site_in(&inherited)));
            }
            if is_line {
                return None;
            }
            let object_text = &text[root.value.whole()];
            if inherited.is_empty() || object.found().has_events {
                return Some(Rewritten { text: object_text.to_vec(), unity: Unity::Line });
            }
            let text = with_inherited(object_text, &inherited);
            return Some(Rewritten { text, unity: Unity::Together });
        }
        None
    }
}

/// The value that a text is which is valid JSON; all of it is on the tape then.
fn scanned(text: &[u8], memory: &mut Memory) -> Option<Node> {
    Scanner::of_checked(text, memory).whole_line(|_, _| {}).ok()?;
    memory.tape.root()
}

/// An object, and what was found in it by its names, if that was needed.
struct Object<'a, L> {
    tree: Tree<'a>,
    look: L,
    found: Option<FoundByNames>,
}

impl<L: FnMut(Nodes, &Tape, &[u8]) -> FoundByNames> Object<'_, L> {
    fn envelope(&mut self) -> Option<&'static Envelope> {
        TABLES.envelopes.iter().find(|envelope| {
            self.hold(&envelope.when)
                && envelope.event.as_ref().is_none_or(|path| {
                    let event = self.tree.find(self.tree.root(), path);
                    event.is_some_and(|event| event.value.kind() == Kind::Object)
                })
        })
    }

    fn form(&mut self) -> Option<&'static Form> {
        TABLES.forms.iter().find(|form| self.hold(&form.when))
    }

    /// The event in an envelope; `None` if it has none that counts.
    fn event_in(&mut self, envelope: &Envelope) -> Option<Node> {
        self.tree.find(self.tree.root(), envelope.event.as_ref()?)
    }

    /// Adds what an envelope gives to its event.
    fn inherit_from(&mut self, envelope: &Envelope, inherited: &mut Inherited) {
        self.inherit(Field::SiteId.name(), &TABLES.site, inherited);
        for (member, path) in &envelope.also {
            self.inherit(member, path, inherited);
        }
    }

    /// Adds a member, in place of what an envelope further outside gave it.
    fn inherit(&mut self, member: &'static str, path: &Path, inherited: &mut Inherited) {
        if let Some(Node { value, .. }) = self.tree.find(self.tree.root(), path) {
            inherited.retain(|(known, _)| *known != member);
            inherited.push((member, self.tree.text()[value.whole()].to_vec()));
        }
    }

    fn found(&mut self) -> FoundByNames {
        let (tree, members) = (&self.tree, self.tree.root().within);
        *self.found.get_or_insert_with(|| (self.look)(members, tree.tape(), tree.text()))
    }

    fn hold(&mut self, conditions: &Conditions) -> bool {
        self.tree.has_all(&conditions.names)
            && conditions.all.iter().all(|condition| self.holds(condition))
    }

    fn holds(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::NoKnownType => {
                let FoundByNames { has_events, has_known_type } = self.found();
                !has_events && !has_known_type
            }
            other => holds(other, &self.tree),
        }
    }
}

/// Whether a condition holds that needs nothing but the object.
fn holds(condition: &Condition, tree: &Tree<'_>) -> bool {
    let from = tree.root();
    match condition {
        Condition::Has(path) => tree.find(from, path).is_some(),
        Condition::Lacks(path) => tree.find(from, path).is_none(),
        Condition::Is(path, texts) => {
            let value = tree.find(from, path);
            value.is_some_and(|Node { value, .. }| is_one_of(value, tree.text(), texts))
        }
        Condition::IsNot(path, texts) => {
            let value = tree.find(from, path);
            !value.is_some_and(|Node { value, .. }| is_one_of(value, tree.text(), texts))
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

/// Room for the brackets and quotation marks around an event.
const AROUND_BYTES: usize = 64;

/// An object that has an event, which inherits the members.
fn with_inherited(event: &[u8], inherited: &Inherited) -> Vec<u8> {
    let beside: usize = inherited.iter().map(|(member, value)| member.len() + value.len()).sum();
    let mut out = Vec::with_capacity(event.len() + beside + AROUND_BYTES);
    out.push(b'{');
    for (member, value) in inherited {
        write_member(member, value, &mut out);
    }
    write_events(event, &mut out);
    out
}

/// An object that has events, and their site.
fn wrapped(site: Option<&[u8]>, events: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(events.len() + site.map_or(0, <[u8]>::len) + AROUND_BYTES);
    out.push(b'{');
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

fn in_form(tree: &Tree<'_>, form: &Form, site: Option<&[u8]>) -> Rewritten {
    let root = tree.root();
    let mut out = Vec::with_capacity(tree.text().len());
    let Some(array) = form.each_of.as_ref().map(|path| tree.find(root, path)) else {
        let mut count = 0;
        for event in &form.events {
            if event.when.all.iter().all(|condition| holds(condition, tree)) {
                begin_element(count, &mut out);
                write_event(tree, root, event, site, &mut out);
                count += 1;
            }
        }
        // Nearly every object is one event, which then is read at once.
        let text = if count == 1 { out } else { wrapped(site, &out) };
        return Rewritten { text, unity: Unity::Together };
    };
    let (elements, array_bytes) =
        array.map_or((Nodes::NONE, 0), |array| (array.within, array.value.whole().len()));
    let beside_bytes = root.value.whole().len() - array_bytes;
    // One more than may be is enough to tell that there are too many.
    let elements_max = WRITTEN_OUT_BYTES_MAX / beside_bytes.max(1) + 1;
    for (count, element) in elements.iter(tree.tape()).take(elements_max).enumerate() {
        begin_element(count, &mut out);
        match form.events.first() {
            Some(event) if element.value.kind() == Kind::Object => {
                write_event(tree, element, event, site, &mut out);
            }
            _ => out.extend_from_slice(&tree.text()[element.value.whole()]),
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
    tree: &Tree<'_>,
    from: Node,
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
                    && items.value.kind() == Kind::Array
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

fn write_items(tree: &Tree<'_>, items: Node, members: &[Member], out: &mut Vec<u8>) {
    out.push(b'[');
    for (count, item) in items.within.iter(tree.tape()).enumerate() {
        begin_element(count, out);
        if item.value.kind() != Kind::Object {
            out.extend_from_slice(&tree.text()[item.value.whole()]);
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
    Value(Node),
    Utc(Raw),
    Text(&'static str),
}

fn value_of(tree: &Tree<'_>, from: Node, sources: &[Source]) -> Option<Found> {
    sources.iter().find_map(|source| match source {
        Source::Text(text) => Some(Found::Text(text)),
        Source::Path(path) => tree.find(from, path).map(Found::Value),
        Source::Utc(path) => {
            let node = tree.find(from, path)?;
            let is_zoneless =
                is_text(node.value) && with_unescaped(node.value, tree.text(), is_zoneless_time);
            Some(if is_zoneless { Found::Utc(node.value) } else { Found::Value(node) })
        }
        Source::Unless(path, none) => {
            let node = tree.find(from, path)?;
            let is_none = with_unescaped(node.value, tree.text(), |text| text == none.as_bytes());
            (!is_none).then_some(Found::Value(node))
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
        Found::Value(node) => out.extend_from_slice(&tree.text()[node.value.whole()]),
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
