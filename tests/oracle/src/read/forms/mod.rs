//! The envelopes and the forms of `docs/FORMS.md`: from an object to the events that are in it.

mod build;
mod envelope;
mod page;
mod path;
mod texts;
pub(crate) mod times;
mod typed;

use crate::read::fields::{SITE_ID, events};
use crate::read::forms::build::events_of;
use crate::read::forms::envelope::{ENVELOPES_MAX, event_of, fitting, given};
use crate::read::forms::page::{EventOfForm, Form, TABLES};
use crate::read::forms::path::{Path, all_hold};
use crate::read::json::{self, Member, Object, Value};

/// What is in an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Nothing that counts.
    Ignored,
    /// What is read by its names.
    ByNames(Plain),
    /// Events that are accepted or rejected together.
    Together(Vec<Object>),
    /// Elements that stand alone.
    Each {
        /// The events of each; `None` for one that is no object.
        elements: Vec<Option<Vec<Object>>>,
        /// How many bytes the object has besides them.
        bytes_besides: usize,
    },
}

/// An object that is read by its names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    /// As it is written.
    pub(crate) text: String,
    pub(crate) object: Object,
    /// What its envelopes give, the innermost first.
    pub(crate) inherited: Vec<Object>,
}

/// Reads an object, which a text holds.
pub(crate) fn read(text: &str, object: Object) -> Reading {
    read_by(text, object, &mut Vec::new())
}

/// The rows of `docs/FORMS.md` by which the object of a text is read: its envelopes, the outermost
/// first, its form, and the events of the form; empty for a text that is no object.
pub fn rows_of(text: &str) -> Vec<String> {
    let mut rows = Vec::new();
    if let Ok(Value::Object(object)) = json::parse(text) {
        read_by(text, object, &mut rows);
    }
    rows
}

/// Reads an object, and notes the rows by which it is read.
fn read_by(text: &str, object: Object, rows: &mut Vec<String>) -> Reading {
    let mut inherited = Vec::new();
    let mut plain = json::mend_half_pairs(text);
    let mut object = object;
    loop {
        if let Some(opened) = texts::opened(&plain) {
            object = object_of(&opened);
            plain = opened;
        }
        if inherited.len() < ENVELOPES_MAX
            && let Some(envelope) = fitting(&plain, &object)
        {
            rows.push(envelope.name.to_owned());
            let Some(event) = event_of(envelope, &plain) else { return Reading::Ignored };
            inherited.insert(0, given(envelope, &object));
            object = object_of(&event);
            plain = event;
            continue;
        }
        return match TABLES.forms.iter().find(|form| all_hold(&form.when, &object)) {
            Some(form) => of_form(form, &plain, &object, &inherited, rows),
            None => {
                if events(&object).is_some() {
                    inherited.clear();
                }
                Reading::ByNames(Plain { text: plain, object, inherited })
            }
        };
    }
}

/// The object that a text holds, whose texts may have been opened.
fn object_of(text: &str) -> Object {
    match json::parse_at_any_depth(text) {
        Some(Value::Object(object)) => object,
        _ => unreachable!("it is an object, or one with what its texts hold in their places"),
    }
}

fn of_form(
    form: &Form,
    text: &str,
    object: &Object,
    inherited: &[Object],
    rows: &mut Vec<String>,
) -> Reading {
    rows.push(form.name.to_owned());
    let has_row = |event: &EventOfForm| event.members.iter().any(|row| row.member == SITE_ID);
    let site_of = |object| Path::of(SITE_ID).find(object);
    let site = match form.events.iter().any(has_row) {
        true => None,
        false => site_of(object).or_else(|| inherited.iter().find_map(site_of)),
    };
    let mut events = |object: &Object| {
        let events = events_of(form, object).into_iter();
        let with_site = events.map(|(name, mut event)| {
            rows.push(format!("{}: {name}", form.name));
            event.0.extend(site.map(|site| Member::new(SITE_ID.to_owned(), site.clone())));
            event
        });
        with_site.collect()
    };
    let Some(path) = &form.each_of else { return Reading::Together(events(object)) };
    match path.find(object) {
        Some(Value::Array(elements)) => {
            let elements = elements.iter().map(|element| match element {
                Value::Object(element) => Some(events(element)),
                _ => None,
            });
            let elements = elements.collect();
            let array = path.find_written(text).map_or(0, str::len);
            Reading::Each { elements, bytes_besides: text.trim_ascii().len() - array }
        }
        _ => Reading::Ignored,
    }
}
