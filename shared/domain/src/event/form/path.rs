//! Names and paths of members.

use hashbrown::HashMap;

use crate::event::json::NO_SLOT;

/// The maximum length of a name in a path, in letters and digits.
const NAME_BYTES_MAX: usize = 96;

/// A path, by the number of its end among all [`Paths`] from an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Path(u16);

/// Paths from one object as a tree: those with a common beginning share its steps, so that each
/// object on the way is looked into once.
#[derive(Default)]
pub(super) struct Paths {
    ends: Vec<End>,
    containers: Vec<Container>,
}

/// What a step leads to.
struct End {
    /// The number of the container from which it leads.
    from: usize,
    /// The number of the container that it is, if paths lead on.
    container: Option<usize>,
}

/// An object or array from which paths lead on.
pub(super) struct Container {
    /// The path to it; `None` is the object itself.
    pub(super) path: Option<Path>,
    /// The path to a member, by the slot of its name; [`NOWHERE`] if there is none.
    members: [u16; NO_SLOT as usize + 1],
    /// The path to the first element, if it is an array.
    pub(super) first_element: Option<Path>,
}

const NOWHERE: u16 = u16::MAX;

impl Container {
    fn new(path: Option<Path>) -> Container {
        Container { path, members: [NOWHERE; NO_SLOT as usize + 1], first_element: None }
    }

    /// The path to a member.
    #[inline]
    pub(super) fn member(&self, slot: u8) -> Option<Path> {
        let number = self.members[usize::from(slot)];
        (number != NOWHERE).then_some(Path(number))
    }
}

impl Path {
    #[inline]
    pub(super) fn number(self) -> usize {
        usize::from(self.0)
    }
}

impl Paths {
    /// Reads a path, with `/` between its steps.
    ///
    /// # Panics
    /// If there are more paths or names than there are numbers, or a name is too long, which a test
    /// would show.
    pub(super) fn learn(&mut self, text: &str, names: &mut PathNames) -> Path {
        let mut path = None;
        for step in text.split('/') {
            path = Some(self.step(path, step, names));
        }
        path.expect("a text has a part")
    }

    fn step(&mut self, path: Option<Path>, step: &str, names: &mut PathNames) -> Path {
        let from = self.container_at(path);
        let next = Path(u16::try_from(self.ends.len()).unwrap_or(NOWHERE));
        assert!(next.0 != NOWHERE, "too many paths");
        let container = &mut self.containers[from];
        let known = match step {
            "[0]" => *container.first_element.get_or_insert(next),
            name => {
                let member = &mut container.members[usize::from(names.learn(name))];
                if *member == NOWHERE {
                    *member = next.0;
                }
                Path(*member)
            }
        };
        if known == next {
            self.ends.push(End { from, container: None });
        }
        known
    }

    /// The number of the container at a path.
    fn container_at(&mut self, path: Option<Path>) -> usize {
        let known = match path {
            None => (!self.containers.is_empty()).then_some(0),
            Some(path) => self.ends[path.number()].container,
        };
        known.unwrap_or_else(|| {
            self.containers.push(Container::new(path));
            let number = self.containers.len() - 1;
            if let Some(path) = path {
                self.ends[path.number()].container = Some(number);
            }
            number
        })
    }

    /// The slot of the name that a path begins with.
    pub(super) fn first_slot(&self, path: Path) -> Option<u8> {
        let container = self.container(self.from(path));
        match container.path {
            Some(before) => self.first_slot(before),
            None => (0..NO_SLOT).find(|slot| container.member(*slot) == Some(path)),
        }
    }

    /// How many paths and containers there are.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.ends.len(), self.containers.len())
    }

    /// The number of the container from which the last step of a path leads.
    #[inline]
    pub(super) fn from(&self, path: Path) -> usize {
        self.ends[path.number()].from
    }

    #[inline]
    pub(super) fn container(&self, number: usize) -> &Container {
        &self.containers[number]
    }
}

/// A set of the slots of names, a bit each.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct SlotSet([u64; 4]);

impl SlotSet {
    #[inline]
    pub(super) fn insert(&mut self, slot: u8) {
        self.0[usize::from(slot >> 6)] |= 1 << (slot & 63);
    }

    pub(super) fn insert_all(&mut self, others: &SlotSet) {
        self.0.iter_mut().zip(others.0).for_each(|(own, other)| *own |= other);
    }

    /// The slots that are in both sets.
    #[inline]
    pub(super) fn common(&self, others: &SlotSet) -> SlotSet {
        let mut common = *self;
        common.0.iter_mut().zip(others.0).for_each(|(own, other)| *own &= other);
        common
    }

    #[inline]
    pub(super) fn has_all(&self, others: &SlotSet) -> bool {
        self.0.iter().zip(others.0).fold(0, |missing, (own, other)| missing | (other & !own)) == 0
    }
}

/// The names in all paths, by what they say.
#[derive(Default)]
pub(super) struct PathNames(HashMap<Vec<u8>, u8>);

impl PathNames {
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
            let slot = names.learn(name);
            assert_eq!(slot == names.slot_of(spelling.as_bytes()), is_same, "{spelling}");
        }
    }

    #[test]
    fn paths_with_a_common_beginning_share_it() {
        let (mut names, mut paths) = (PathNames::default(), Paths::default());
        let of_texts = ["a/b", "a/c", "a", "a/[0]/b", "b", "A/B"];
        let [b, c, a, first_b, other_b, again] = of_texts.map(|text| paths.learn(text, &mut names));
        assert_eq!(again, b);
        assert_eq!((paths.from(a), paths.from(other_b)), (0, 0));
        assert_eq!(paths.from(b), paths.from(c));
        let of_a = paths.container(paths.from(b));
        assert_eq!(of_a.path, Some(a));
        assert_eq!(of_a.member(names.slot_of(b"b")), Some(b));
        assert_eq!(of_a.member(names.slot_of(b"a")), None);
        assert_eq!(paths.container(paths.from(first_b)).path, of_a.first_element);
        assert_eq!(paths.len(), (6, 3));
    }
}
