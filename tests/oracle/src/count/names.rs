//! Texts that are kept once and stand for numbers.

use std::collections::HashMap;
use std::sync::Arc;

/// The number of a text.
pub(crate) type Name = u32;

/// Texts, each of which has a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// The number of a text, a new one if it was not met before.
    pub(crate) fn name(&mut self, text: &str) -> Name {
        if let Some(name) = self.numbers.get(text) {
            return *name;
        }
        let name = Name::try_from(self.texts.len())
            .expect("four thousand million names do not fit into memory");
        let text: Arc<str> = Arc::from(text);
        self.numbers.insert(text.clone(), name);
        self.texts.push(text);
        name
    }

    /// The text of a number.
    pub(crate) fn text(&self, name: Name) -> &str {
        &self.texts[name as usize]
    }

    /// All texts, each at the place that is its number.
    pub(crate) fn texts(&self) -> &[Arc<str>] {
        &self.texts
    }
}
