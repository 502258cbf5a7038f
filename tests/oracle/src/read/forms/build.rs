//! Makes the events of a form.

use crate::read::forms::page::{EventOfForm, Form, From, Row};
use crate::read::forms::path::all_hold;
use crate::read::json::{Member, Object, Value};

/// The events that a form makes of an object, with what the form calls them.
pub(crate) fn events_of(form: &Form, object: &Object) -> Vec<(&'static str, Object)> {
    let is_there = |event: &&EventOfForm| all_hold(&event.when, object);
    let events = form.events.iter().filter(is_there);
    events.map(|event| (event.name, built(event, object))).collect()
}

fn built(event: &EventOfForm, object: &Object) -> Object {
    let mut built = members(&event.members, object);
    if !event.members_of_items.is_empty()
        && let Some(items) = built.0.iter_mut().find(|member| member.name == "items")
        && let Value::Array(elements) = &mut items.value
    {
        for element in elements {
            if let Value::Object(item) = element {
                *item = members(&event.members_of_items, item);
            }
        }
    }
    built
}

fn members(rows: &[Row], object: &Object) -> Object {
    let member = |row: &Row| {
        let value = row.from.iter().find_map(|from| value(from, object))?;
        Some(Member::new(row.member.to_owned(), value))
    };
    Object(rows.iter().filter_map(member).collect())
}

fn value(from: &From, object: &Object) -> Option<Value> {
    match from {
        From::Text(text) => Some(Value::Text((*text).to_owned())),
        From::Path { path, except, is_utc } => {
            let value = path.find(object)?;
            match value {
                Value::Text(text) | Value::Number(text) if Some(text.as_str()) == *except => None,
                _ if *is_utc => Some(in_utc(value).unwrap_or_else(|| value.clone())),
                _ => Some(value.clone()),
            }
        }
    }
}

/// A time like `2026-11-20T10:00:00`, which names no zone, with that of UTC; `None` for others.
fn in_utc(value: &Value) -> Option<Value> {
    let Value::Text(text) = value else { return None };
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let is_date = date.len() == 10 && date.split('-').map(str::len).eq([4, 2, 2]);
    let names_no_zone = time.chars().all(|it| it.is_ascii_digit() || it == ':' || it == '.');
    (is_date && names_no_zone).then(|| Value::Text(format!("{text}Z")))
}
