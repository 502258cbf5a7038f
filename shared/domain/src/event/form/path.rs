//! Names and paths of members.

use crate::event::json::{Kind, Raw, unescape};

/// A path: members from the outermost inwards, with `/` between them. `[0]` is the first element of
/// an array.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Member(Name),
    FirstElement,
}

/// A name by what it says, with a hash that tells most names apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Name {
    letters: Vec<u8>,
    hash: u32,
}

impl Path {
    pub(super) fn parse(text: &str) -> Path {
        let step = |step: &str| match step {
            "[0]" => Step::FirstElement,
            name => Step::Member(Name::of(name)),
        };
        Path(text.split('/').map(step).collect())
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl Name {
    pub(super) fn of(name: &str) -> Name {
        let letters: Vec<u8> = letters(name.as_bytes()).collect();
        Name { hash: hash_of(name.as_bytes()), letters }
    }

    /// The name in letters and digits.
    #[cfg(test)]
    pub(super) fn letters(&self) -> &[u8] {
        &self.letters
    }

    /// Whether a name with this hash says the same.
    pub(super) fn is(&self, hash: u32, name: Raw, text: &[u8]) -> bool {
        self.hash == hash && with_unescaped(name, text, |name| says(name, &self.letters))
    }
}

/// The hash of a name in a text, by what it says.
pub(super) fn hash_in(name: Raw, text: &[u8]) -> u32 {
    with_unescaped(name, text, hash_of)
}

/// Passes the bytes of a name, unescaped if necessary.
pub(super) fn with_unescaped<T>(name: Raw, text: &[u8], each: impl FnOnce(&[u8]) -> T) -> T {
    if name.kind() != Kind::EscapedText {
        return each(name.of(text));
    }
    let mut unescaped = Vec::new();
    unescape(name.of(text), &mut unescaped);
    each(&unescaped)
}

fn says(name: &[u8], expected: &[u8]) -> bool {
    name.is_ascii() && letters(name).eq(expected.iter().copied())
}

fn letters(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase)
}

/// FNV-1a. Whoever looks for names compares them, too.
fn hash_of(name: &[u8]) -> u32 {
    letters(name).fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_what_it_says_whatever_its_length() {
        let long = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_action_1";
        for (name, spelling, is_same) in [
            ("X-Shopify-Topic", "xshopifytopic", true),
            ("$value", "Value", true),
            ("value", "valu\u{e9}", false),
            ("value", "values", false),
            (long, &long.to_uppercase(), true),
        ] {
            let name = Name::of(name);
            let raw = Raw::new(0, spelling.len(), Kind::Text);
            let text = spelling.as_bytes();
            assert_eq!(name.is(hash_in(raw, text), raw, text), is_same, "{spelling}");
        }
        let escaped = br"v\u0061lue";
        let raw = Raw::new(0, escaped.len(), Kind::EscapedText);
        assert!(Name::of("value").is(hash_in(raw, escaped), raw, escaped));
    }
}
