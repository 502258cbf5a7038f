//! Names and paths of members.

use hashbrown::HashMap;

use crate::event::json::NO_SLOT;

/// The maximum length of a name in a path, in letters and digits.
const NAME_BYTES_MAX: usize = 96;

/// A path: members from the outermost inwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Path(pub(super) Vec<Step>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// A member, by the slot of its name.
    Member(u8),
    /// The first element of an array, `[0]`.
    FirstElement,
}

/// The names in all paths, by what they say.
#[derive(Default)]
pub(super) struct PathNames(HashMap<Vec<u8>, u8>);

impl PathNames {
    /// Reads a path, with `/` between its steps.
    ///
    /// # Panics
    /// If there are more names than slots, or a name is too long, which a test would show.
    pub(super) fn path(&mut self, text: &str) -> Path {
        let step = |step: &str| match step {
            "[0]" => Step::FirstElement,
            name => Step::Member(self.learn(name)),
        };
        Path(text.split('/').map(step).collect())
    }

    fn learn(&mut self, name: &str) -> u8 {
        let next = u8::try_from(self.0.len()).unwrap_or(NO_SLOT);
        let said: Vec<u8> = letters(name.as_bytes()).collect();
        assert!(
            next < NO_SLOT && said.len() <= NAME_BYTES_MAX,
            "too many names, or too long: {name}"
        );
        *self.0.entry(said).or_insert(next)
    }

    /// The slot of a name, or [`NO_SLOT`] for a name that is in no path.
    pub(super) fn slot_of(&self, name: &[u8]) -> u8 {
        let mut said = [0; NAME_BYTES_MAX];
        let mut length = 0;
        for letter in letters(name) {
            let Some(place) = said.get_mut(length) else {
                return NO_SLOT;
            };
            *place = letter;
            length += 1;
        }
        if !name.is_ascii() {
            return NO_SLOT;
        }
        self.0.get(&said[..length]).copied().unwrap_or(NO_SLOT)
    }
}

fn letters(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_what_it_says_whatever_its_length() {
        let long = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_action_1";
        let mut names = PathNames::default();
        for (name, spelling, is_same) in [
            ("X-Shopify-Topic", "xshopifytopic", true),
            ("$value", "Value", true),
            ("value", "valu\u{e9}", false),
            ("value", "values", false),
            (long, &long.to_uppercase(), true),
        ] {
            let Path(steps) = names.path(name);
            let slot = names.slot_of(spelling.as_bytes());
            assert_eq!(steps == [Step::Member(slot)], is_same, "{spelling}");
        }
        let Path(steps) = names.path("a/[0]/value");
        assert_eq!((steps.len(), steps[1]), (3, Step::FirstElement));
    }
}
