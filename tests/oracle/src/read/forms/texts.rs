//! Texts that hold JSON, in the members that may be objects or arrays.

use crate::read::fields::{EVENT_PARAMS, EVENTS, ITEMS, PRODUCT, PROPERTIES};
use crate::read::json::{self, Value};
use crate::read::vocabulary::{Place, letters, names_of};

/// The image of a row in a change of it, which some connectors write as a text.
const AFTER: &str = "after";

/// What an object is, which says what its members may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Line,
    Event,
    Properties,
    Item,
    /// Its members stay as they are.
    Other,
}

/// A member that may be an object or an array, and what that or its elements are.
struct Known {
    field: &'static str,
    is_array: bool,
    role: Role,
}

const fn known(field: &'static str, is_array: bool, role: Role) -> Known {
    Known { field, is_array, role }
}

const OF_EVENTS: &[Known] = &[
    known(PROPERTIES, false, Role::Properties),
    known(EVENT_PARAMS, true, Role::Other),
    known(PRODUCT, false, Role::Other),
    known(ITEMS, true, Role::Item),
];
const OF_LINES: &[Known] = &[known(EVENTS, true, Role::Event)];
const OF_PROPERTIES: &[Known] =
    &[known(PRODUCT, false, Role::Other), known(ITEMS, true, Role::Item)];
const OF_ITEMS: &[Known] =
    &[known(PROPERTIES, false, Role::Other), known(EVENT_PARAMS, true, Role::Other)];

impl Role {
    fn members(self) -> impl Iterator<Item = &'static Known> {
        let tables: &[&'static [Known]] = match self {
            Role::Line => &[OF_EVENTS, OF_LINES],
            Role::Event => &[OF_EVENTS],
            Role::Properties => &[OF_PROPERTIES],
            Role::Item => &[OF_ITEMS],
            Role::Other => &[],
        };
        tables.iter().copied().flatten()
    }

    fn place(self) -> Place {
        if self == Role::Item { Place::Item } else { Place::Event }
    }
}

/// The object that a text holds, with what its texts hold in their places; `None` if that changes
/// nothing.
pub(crate) fn opened(object: &str) -> Option<String> {
    // A text with a quotation mark in it has an escape.
    let opened = object.contains('\\').then(|| opened_object(object, Role::Line));
    opened.filter(|opened| opened != object)
}

fn opened_object(text: &str, role: Role) -> String {
    let members = json::members(text).unwrap_or_default();
    let values = members.into_iter().map(|(name, value)| {
        let name = letters(&name).unwrap_or_default();
        let of_name = |known: &&Known| names_of(known.field, role.place()).contains(&name);
        let known: Vec<&Known> = role.members().filter(of_name).collect();
        if known.is_empty() && !(role == Role::Line && name == AFTER) {
            return (value, value.to_owned());
        }
        let mut new = held(value).unwrap_or_else(|| value.to_owned());
        let is_array = new.starts_with('[');
        for known in known.iter().filter(|known| known.is_array == is_array) {
            new = match known.is_array {
                true => opened_elements(&new, known.role),
                false => opened_object(&new, known.role),
            };
        }
        (value, new)
    });
    replaced(text, values)
}

fn opened_elements(text: &str, role: Role) -> String {
    let elements = json::elements(text).unwrap_or_default();
    let opened = elements.into_iter().map(|element| (element, opened_object(element, role)));
    replaced(text, opened)
}

/// The object or array that a text holds; `None` if it holds none, or has no quotation mark.
fn held(value: &str) -> Option<String> {
    let text: String = serde_json::from_str(value).ok()?;
    let is_held =
        text.contains('"') && matches!(json::parse(&text), Ok(Value::Object(_) | Value::Array(_)));
    is_held.then(|| json::mend_half_pairs(text.trim_ascii()))
}

/// A text with other texts in place of parts of it, which follow each other.
fn replaced<'a>(text: &'a str, parts: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut copied = 0;
    for (part, new) in parts {
        let start = part.as_ptr().addr() - text.as_ptr().addr();
        replaced.push_str(&text[copied..start]);
        replaced.push_str(&new);
        copied = start + part.len();
    }
    replaced + &text[copied..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JSON text that holds this.
    fn text(content: &str) -> String {
        serde_json::Value::from(content).to_string()
    }

    #[track_caller]
    fn check(object: &str, expected: &str) {
        let opened = opened(object).unwrap_or_else(|| object.to_owned());
        assert_eq!(opened, expected, "{object}");
    }

    #[test]
    fn known_members_are_opened() {
        let content = r#"{"price":5.10}"#;
        let held = text(content);
        for name in ["properties", "Payload", "event-params", "item", "products", "batch", "after"]
        {
            check(&format!("{{\"{name}\" : {held} }}"), &format!("{{\"{name}\" : {content} }}"));
        }
        for name in ["a", "before", "schema", "customer", "p\u{e4}yload", "page"] {
            let object = format!("{{\"{name}\":{held}}}");
            check(&object, &object);
        }
    }

    #[test]
    fn what_is_in_them_is_opened_too() {
        let item =
            format!("{{\"attributes\":{},\"product\":{}}}", text("{\"a\":1}"), text("[\"\"]"));
        let items = format!("[{item},7]");
        let opened_items =
            format!("[{{\"attributes\":{{\"a\":1}},\"product\":{}}},7]", text("[\"\"]"));
        check(
            &format!("{{\"data\":{}}}", text(&format!("{{\"items\":{}}}", text(&items)))),
            &format!("{{\"data\":{{\"items\":{opened_items}}}}}"),
        );
        // The properties of properties mean nothing.
        let inner = format!("{{\"data\":{}}}", text("{\"a\":1}"));
        check(&format!("{{\"params\":{}}}", text(&inner)), &format!("{{\"params\":{inner}}}"));
        let element = format!(
            "{{\"properties\":{{\"products\":{}}},\"events\":{}}}",
            text(&items),
            text("[\"\"]")
        );
        check(
            &format!("{{\"data\":[{element}]}}"),
            &format!(
                "{{\"data\":[{{\"properties\":{{\"products\":{opened_items}}},\"events\":{}}}]}}",
                text("[\"\"]")
            ),
        );
    }

    #[test]
    fn other_texts_stay() {
        let deep = format!("[{}\"\"{}]", "[".repeat(64), "]".repeat(64));
        for content in ["{}", "[1,2]", "x", "{\"a\":1", "\"a\"", "5", "{\"a\":1}x", "", &deep] {
            let object = format!("{{\"items\":{}}}", text(content));
            check(&object, &object);
        }
        check(r#"{"items":" [\"\\ud800\"]\n"}"#, r#"{"items":["\ufffd"]}"#);
        check(
            r#"{"it\u0065ms":"{\u0022a\u0022:1}","n":1e400}"#,
            r#"{"it\u0065ms":{"a":1},"n":1e400}"#,
        );
    }
}
