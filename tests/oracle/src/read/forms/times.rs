//! Where the times stand that forms and envelopes have.

use crate::read::fields::TIMESTAMP;
use crate::read::forms::envelope::{ENVELOPES_MAX, fitting};
use crate::read::forms::page::{Form, From, TABLES};
use crate::read::forms::path::all_hold;
use crate::read::forms::texts;
use crate::read::json::{self, Object, Value};

/// The times of an object, as they are written, and where it is read by its names.
#[derive(Debug, Default)]
pub(crate) struct WrittenTimes<'a> {
    /// The times of its envelopes, and of its form.
    pub(crate) times: Vec<&'a str>,
    /// What is read by its names.
    pub(crate) plain: Option<&'a str>,
}

/// The times of the object that a text holds, but for those within texts and typed values.
pub(crate) fn written_times(text: &str) -> WrittenTimes<'_> {
    let mut found = WrittenTimes { times: Vec::new(), plain: Some(text) };
    for depth in 0.. {
        let Some(written) = found.plain else { break };
        let Some((text, object)) = opened(written) else {
            found.plain = None;
            break;
        };
        if depth < ENVELOPES_MAX
            && let Some(envelope) = fitting(&text, &object)
        {
            let times = envelope.also.iter().filter(|(field, _)| *field == TIMESTAMP);
            found.times.extend(times.filter_map(|(_, path)| path.find_written(written)));
            let event = envelope.event.as_ref().and_then(|path| path.find_written(written));
            found.plain = event.filter(|event| !envelope.is_typed && event.starts_with('{'));
            continue;
        }
        if let Some(form) = TABLES.forms.iter().find(|form| all_hold(&form.when, &object)) {
            found.times.extend(times_of_form(form, written));
            found.plain = None;
        }
        break;
    }
    found
}

fn opened(written: &str) -> Option<(String, Object)> {
    let text = texts::opened(written).unwrap_or_else(|| written.to_owned());
    match json::parse_at_any_depth(&text) {
        Some(Value::Object(object)) => Some((text, object)),
        _ => None,
    }
}

fn times_of_form<'a>(form: &Form, written: &'a str) -> Vec<&'a str> {
    let Some(array) = &form.each_of else { return times_of_events(form, written) };
    let elements = array.find_written(written).and_then(json::elements).unwrap_or_default();
    elements.into_iter().flat_map(|element| times_of_events(form, element)).collect()
}

fn times_of_events<'a>(form: &Form, written: &'a str) -> Vec<&'a str> {
    let Some((_, object)) = opened(written) else { return Vec::new() };
    let events = form.events.iter().filter(|event| all_hold(&event.when, &object));
    let rows = events.flat_map(|event| &event.members).filter(|row| row.member == TIMESTAMP);
    let paths = rows.filter_map(|row| {
        row.from.iter().find_map(|from| match from {
            From::Path { path, .. } if path.find(&object).is_some() => Some(path),
            _ => None,
        })
    });
    paths.filter_map(|path| path.find_written(written)).collect()
}
