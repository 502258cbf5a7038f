//! Paths and conditions, as the tables of `docs/FORMS.md` write them.

use crate::read::fields::{events, has_value};
use crate::read::json::{self, Object, Value};
use crate::read::types::has_known_type;
use crate::read::vocabulary::letters_of_any_length;

/// Names of members from the outermost inwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The member whose name says this.
    Member(String),
    /// The first element of an array.
    First,
}

impl Path {
    /// Reads a path.
    pub(crate) fn of(path: &str) -> Self {
        let step = |name: &str| match name {
            "[0]" => Step::First,
            name => Step::Member(letters_of_any_length(name).expect("names of the page are ASCII")),
        };
        Self(path.split('/').map(step).collect())
    }

    /// The value that it leads to.
    pub(crate) fn find<'a>(&self, object: &'a Object) -> Option<&'a Value> {
        let mut steps = self.0.iter();
        let mut value = member(object, steps.next()?)?;
        for step in steps {
            value = match value {
                Value::Object(object) => member(object, step)?,
                Value::Array(elements) if *step == Step::First => elements.first()?,
                _ => return None,
            };
        }
        has_value(value).then_some(value)
    }

    /// The value that it leads to in the object that a text holds, as it is written.
    pub(crate) fn find_written<'a>(&self, text: &'a str) -> Option<&'a str> {
        let is_value = |value: &&str| !matches!(*value, "null" | "\"\"");
        let mut value = text;
        for step in &self.0 {
            value = match step {
                Step::First => json::elements(value)?.into_iter().next()?,
                Step::Member(name) => {
                    let members = json::members(value)?.into_iter().rev();
                    let mut values = members
                        .filter(|(own, _)| letters_of_any_length(own).as_ref() == Some(name))
                        .map(|(_, value)| value);
                    values.find(is_value)?
                }
            };
        }
        is_value(&value).then_some(value)
    }
}

fn member<'a>(object: &'a Object, step: &Step) -> Option<&'a Value> {
    let Step::Member(name) = step else { return None };
    let mut members = object.0.iter().rev().filter(|member| member.letters.as_ref() == Some(name));
    members.find(|member| has_value(&member.value)).map(|member| &member.value)
}

/// What has to be true of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Present(Path),
    Absent(Path),
    Is(Path, Vec<String>),
    IsNot(Path, Vec<String>),
    NoKnownType,
}

impl Condition {
    /// Reads the conditions of a cell or a line, which semicolons separate.
    pub(crate) fn all_of(cell: &str) -> Vec<Self> {
        cell.split(';').map(|condition| Self::of(condition.trim())).collect()
    }

    fn of(condition: &str) -> Self {
        let words: Vec<&str> = condition.split('`').map(str::trim).collect();
        let texts = || words.iter().skip(3).step_by(2).map(|text| (*text).to_owned()).collect();
        match words[..] {
            ["no known type"] => Self::NoKnownType,
            ["", path, ""] => Self::Present(Path::of(path)),
            ["no", path, ""] => Self::Absent(Path::of(path)),
            ["", path, "is", _, ..] => Self::Is(Path::of(path), texts()),
            ["", path, "is not", _, ..] => Self::IsNot(Path::of(path), texts()),
            _ => panic!("docs/FORMS.md has a condition that is not understood: {condition}"),
        }
    }

    /// Whether it is true of an object.
    pub(crate) fn holds(&self, object: &Object) -> bool {
        let leads_to = |path: &Path, texts: &[String]| matches!(path.find(object), Some(Value::Text(text)) if texts.contains(text));
        match self {
            Self::Present(path) => path.find(object).is_some(),
            Self::Absent(path) => path.find(object).is_none(),
            Self::Is(path, texts) => leads_to(path, texts),
            Self::IsNot(path, texts) => !leads_to(path, texts),
            Self::NoKnownType => events(object).is_none() && !has_known_type(object),
        }
    }
}

/// Whether all of several conditions are true of an object.
pub(crate) fn all_hold(conditions: &[Condition], object: &Object) -> bool {
    conditions.iter().all(|condition| condition.holds(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        match json::parse(text) {
            Ok(Value::Object(object)) => object,
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn a_path_leads_to_the_last_member_that_has_a_value() {
        let text = r#"{"a":{"b":1},"A":{"B_":2,"b":null,"b":""},"a":"","c":[[],{"d":5}],"e":[{"d":6}],
            "one_of_the_longest_names_that_anybody_has_ever_seen":7}"#;
        for (path, expected) in [
            ("a/b", Some("2")),
            ("a/c", None),
            ("a/b/c", None),
            ("c/[0]", Some("[]")),
            ("c/[0]/d", None),
            ("c/d", None),
            ("e/[0]/d", Some("6")),
            ("[0]", None),
            ("OneOfTheLongestNames_that_anybody_has_ever_seen", Some("7")),
            ("x", None),
        ] {
            let path = Path::of(path);
            assert_eq!(path.find_written(text), expected, "{path:?}");
            assert_eq!(path.find(&object(text)).is_some(), expected.is_some(), "{path:?}");
        }
    }

    #[test]
    fn conditions_hold_or_fail() {
        let object = object(r#"{"op":"c","n":5,"empty":"","type":"Product Viewed"}"#);
        for (conditions, holds) in [
            ("`op`", true),
            ("`op`; `x`", false),
            ("`op`; no `x`; no `empty`", true),
            ("no `op`", false),
            ("`op` is `r`, `c`", true),
            ("`op` is `C`", false),
            ("`n` is `5`", false),
            ("`n` is not `5`", true),
            ("`op` is not `r`, `c`", false),
            ("`x` is not `c`", true),
            ("no known type", false),
        ] {
            let all = Condition::all_of(conditions);
            assert_eq!(all_hold(&all, &object), holds, "{conditions}");
        }
    }
}
