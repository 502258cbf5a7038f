//! Objects that are filled by paths.

use rand::Rng as _;
use rand::rngs::StdRng;

use crate::names;
use crate::value::any;
use crate::write::Style;

/// A value that is not written yet.
#[derive(Clone)]
pub(crate) enum Tree {
    /// JSON.
    Written(String),
    Object(Vec<(String, Tree)>),
    Array(Vec<Tree>),
}

/// How a tree is written.
#[derive(Clone, Copy)]
pub(crate) struct TreeStyle {
    style: Style,
    /// How likely a name is spelled in another way.
    respelled: f64,
    /// How likely an object or an array is a text that holds it.
    texts: f64,
}

impl TreeStyle {
    pub(crate) fn random(style: Style, random: &mut StdRng) -> Self {
        let respelled = if random.random_bool(0.2) { 0.5 } else { 0.0 };
        let texts = if random.random_bool(0.2) { 0.3 } else { 0.0 };
        Self { style, respelled, texts }
    }
}

impl Tree {
    pub(crate) fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// Puts a value where a path leads to; mostly not if there is one already.
    pub(crate) fn put(&mut self, path: &str, value: Tree, random: &mut StdRng) {
        let (name, rest) =
            path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        if name == "[0]" {
            let Tree::Array(elements) = self else { return };
            if elements.is_empty() {
                elements.push(Tree::object());
            }
            match rest {
                Some(rest) => elements[0].put(rest, value, random),
                None => elements[0] = value,
            }
            return;
        }
        let Tree::Object(members) = self else { return };
        let known = members.iter_mut().find(|(own, _)| own == name);
        match (known, rest) {
            (Some((_, within)), Some(rest)) => within.put(rest, value, random),
            (None, Some(rest)) => {
                let is_array = rest.starts_with("[0]");
                let mut within = if is_array { Tree::Array(Vec::new()) } else { Tree::object() };
                within.put(rest, value, random);
                members.push((name.to_owned(), within));
            }
            (known, None) => {
                if known.is_none() || random.random_bool(0.02) {
                    members.push((name.to_owned(), value));
                }
            }
        }
    }

    /// Whether a path leads anywhere.
    pub(crate) fn has(&self, path: &str) -> bool {
        let (name, rest) =
            path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let within = match self {
            Tree::Object(members) => members.iter().find(|(own, _)| own == name).map(|(_, it)| it),
            Tree::Array(elements) if name == "[0]" => elements.first(),
            _ => None,
        };
        within.is_some_and(|within| rest.is_none_or(|rest| within.has(rest)))
    }

    /// The tree as JSON.
    pub(crate) fn write(&self, how: TreeStyle, random: &mut StdRng) -> String {
        let TreeStyle { style, respelled, texts } = how;
        if random.random_bool(0.002) {
            return any(style, random, 2);
        }
        let written = match self {
            Tree::Written(json) => return json.clone(),
            Tree::Array(elements) => {
                let elements: Vec<String> =
                    elements.iter().map(|element| element.write(how, random)).collect();
                style.array(random, &elements)
            }
            Tree::Object(members) => {
                let mut written = Vec::new();
                for (name, value) in members {
                    let is_respelled = random.random_bool(respelled);
                    let name =
                        if is_respelled { names::respell(name, random) } else { name.clone() };
                    written.push((name, value.write(how, random)));
                }
                style.object(random, &written)
            }
        };
        if random.random_bool(texts) { style.text(random, &written) } else { written }
    }
}
