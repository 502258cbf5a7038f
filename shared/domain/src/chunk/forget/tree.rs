//! A JSON value whose members can be left out one by one.

use std::borrow::Cow;

/// The index of a node.
pub(super) type NodeId = usize;

/// The index of the outermost value.
pub(super) const ROOT: NodeId = 0;

/// A JSON value. Members keep their order, and unchanged values keep their text, so that no number
/// loses a digit.
#[derive(Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Clone)]
struct Node {
    /// The name with its quotes, of a member of an object.
    name: Option<Vec<u8>>,
    value: Value,
    is_left_out: bool,
}

#[derive(Clone)]
enum Value {
    /// A text, a number or a word, as it is written.
    Leaf(Vec<u8>),
    /// A text that holds JSON.
    Held(NodeId),
    Object(Vec<NodeId>),
    Array(Vec<NodeId>),
}

impl Tree {
    /// Reads a JSON text that is valid and at most 64 levels deep; `None` if it is not valid.
    pub(super) fn read(text: &[u8]) -> Option<Tree> {
        let mut tree = Tree { nodes: Vec::new() };
        let mut at = 0;
        tree.value(text, &mut at, None)?;
        Some(tree)
    }

    fn value(&mut self, text: &[u8], at: &mut usize, name: Option<Vec<u8>>) -> Option<NodeId> {
        skip_space(text, at);
        let id = self.nodes.len();
        self.nodes.push(Node { name, value: Value::Leaf(Vec::new()), is_left_out: false });
        let value = match *text.get(*at)? {
            open @ (b'{' | b'[') => {
                *at += 1;
                let mut members = Vec::new();
                loop {
                    skip_space(text, at);
                    match *text.get(*at)? {
                        b'}' | b']' => break,
                        b',' => *at += 1,
                        _ if open == b'[' => members.push(self.value(text, at, None)?),
                        _ => {
                            let name = leaf(text, at)?.to_vec();
                            skip_space(text, at);
                            *at += 1;
                            members.push(self.value(text, at, Some(name))?);
                        }
                    }
                }
                *at += 1;
                if open == b'{' { Value::Object(members) } else { Value::Array(members) }
            }
            _ => {
                let leaf = leaf(text, at)?;
                match self.held(leaf) {
                    Some(held) => Value::Held(held),
                    None => Value::Leaf(leaf.to_vec()),
                }
            }
        };
        self.nodes[id].value = value;
        Some(id)
    }

    /// The value that a text holds, if it holds an object or an array.
    fn held(&mut self, leaf: &[u8]) -> Option<NodeId> {
        let text = unquoted(leaf)?;
        if !text.trim_ascii_start().starts_with(['{', '[']) {
            return None;
        }
        serde_json::from_str::<&serde_json::value::RawValue>(&text).ok()?;
        self.value(text.as_bytes(), &mut 0, None)
    }

    /// As JSON on one line.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write(ROOT, &mut text);
        text
    }

    fn write(&self, id: NodeId, out: &mut Vec<u8>) {
        let list = |members: &[NodeId], [open, close]: [u8; 2], out: &mut Vec<u8>| {
            out.push(open);
            let kept = members.iter().filter(|member| !self.nodes[**member].is_left_out);
            for (place, member) in kept.enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                if let Some(name) = &self.nodes[*member].name {
                    out.extend_from_slice(name);
                    out.push(b':');
                }
                self.write(*member, out);
            }
            out.push(close);
        };
        match &self.nodes[id].value {
            Value::Leaf(leaf) => out.extend_from_slice(leaf),
            Value::Held(held) => {
                let mut text = Vec::new();
                self.write(*held, &mut text);
                out.extend_from_slice(quoted(&String::from_utf8_lossy(&text)).as_bytes());
            }
            Value::Object(members) => list(members, *b"{}", out),
            Value::Array(members) => list(members, *b"[]", out),
        }
    }

    /// The values within this one that are kept.
    pub(super) fn members(&self, id: NodeId) -> Vec<NodeId> {
        let members = match &self.nodes[id].value {
            Value::Leaf(_) => return Vec::new(),
            Value::Held(held) => return vec![*held],
            Value::Object(members) | Value::Array(members) => members,
        };
        members.iter().copied().filter(|member| !self.nodes[*member].is_left_out).collect()
    }

    /// Whether members of it can be left out.
    pub(super) fn is_list(&self, id: NodeId) -> bool {
        matches!(self.nodes[id].value, Value::Object(_) | Value::Array(_))
    }

    /// Leaves values out, or takes them back.
    pub(super) fn leave_out(&mut self, ids: &[NodeId], is_left_out: bool) {
        ids.iter().for_each(|id| self.nodes[*id].is_left_out = is_left_out);
    }

    /// A text, a number or a word as it is written; `None` for other values.
    pub(super) fn leaf(&self, id: NodeId) -> Option<&[u8]> {
        match &self.nodes[id].value {
            Value::Leaf(leaf) => Some(leaf),
            _ => None,
        }
    }

    /// Replaces a value by a leaf, and returns a way to undo that.
    pub(super) fn replace(&mut self, id: NodeId, leaf: Vec<u8>) -> impl FnOnce(&mut Tree) + use<> {
        let before = std::mem::replace(&mut self.nodes[id].value, Value::Leaf(leaf));
        move |tree| tree.nodes[id].value = before
    }

    /// All values that are kept, each with the one that it is in, from the outside to the inside.
    pub(super) fn kept(&self) -> Vec<(NodeId, Option<NodeId>)> {
        let mut kept = vec![(ROOT, None)];
        let mut next = 0;
        while let Some((id, _)) = kept.get(next).copied() {
            kept.extend(self.members(id).into_iter().map(|member| (member, Some(id))));
            next += 1;
        }
        kept
    }

    /// Passes the name, the name of the object around it and the text of each member that is a text
    /// or a number.
    pub(super) fn each_named_leaf(&self, each: &mut impl FnMut(&[u8], &[u8], &str)) {
        let name = |id: NodeId| self.nodes[id].name.as_deref().and_then(unquoted);
        for (id, within) in self.kept() {
            if let (Some(leaf), Some(own)) = (self.leaf(id), name(id)) {
                let within = within.and_then(name).unwrap_or_default();
                each(own.as_bytes(), within.as_bytes(), &id_text(leaf));
            }
        }
    }
}

/// The text of a leaf as an id has it: a number with a decimal point and zeros is without them.
pub(super) fn id_text(leaf: &[u8]) -> Cow<'_, str> {
    let text = unquoted(leaf).unwrap_or_else(|| String::from_utf8_lossy(leaf));
    let whole = text.split_once('.').filter(|(whole, zeros)| {
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let are =
            |text: &str, is: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| is(&b));
        are(digits, u8::is_ascii_digit) && are(zeros, |byte| *byte == b'0')
    });
    match whole.map(|(whole, _)| whole.to_string()) {
        Some(whole) => Cow::Owned(whole),
        None => text,
    }
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a JSON text says; `None` if it is no text, or has half of a surrogate pair.
fn unquoted(leaf: &[u8]) -> Option<Cow<'_, str>> {
    let inner = leaf.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if !inner.contains(&b'\\') {
        return std::str::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice::<String>(leaf).ok().map(Cow::Owned)
}

/// The text, number or word that starts here.
fn leaf<'t>(text: &'t [u8], at: &mut usize) -> Option<&'t [u8]> {
    let start = *at;
    if text.get(start) == Some(&b'"') {
        *at += 1;
        loop {
            *at += memchr::memchr2(b'"', b'\\', text.get(*at..)?)? + 1;
            if text[*at - 1] == b'"' {
                break;
            }
            *at += 1;
        }
    } else {
        let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':') || is_space(*byte);
        let rest = text.get(start..)?;
        *at += rest.iter().position(is_end).unwrap_or(rest.len());
    }
    text.get(start..*at).filter(|leaf| !leaf.is_empty())
}

fn skip_space(text: &[u8], at: &mut usize) {
    while text.get(*at).copied().is_some_and(is_space) {
        *at += 1;
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
