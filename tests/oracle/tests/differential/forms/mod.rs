//! Random objects in the envelopes and forms of docs/FORMS.md, made by walking its tables.

mod page;
mod tree;
mod typed;

use std::collections::BTreeMap;

use minutebook_oracle::{Settings, recount, rows_of};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};

use crate::chunk::REFERENCE_SECONDS;
use crate::forms::page::{Condition, ENVELOPES, Envelope, Event, FORMS, Form};
use crate::forms::tree::{Tree, TreeStyle};
use crate::line::{Writer, line};
use crate::value::{
    CUSTOMERS, EVENT_IDS, ITEMS, NAMES, ORDERS, PRODUCTS, SESSIONS, Takes, any, value,
};

/// An object of a form.
pub(crate) fn form(random: &mut StdRng) -> String {
    object(FORMS.choose(random).unwrap(), random)
}

/// An object in an envelope, or in several.
pub(crate) fn envelope(random: &mut StdRng) -> String {
    let mut event = if random.random_bool(0.3) { form(random) } else { line(random) };
    let envelopes = *[1, 1, 1, 1, 1, 2, 2, 3, 4, 5].choose(random).unwrap();
    for _ in 0..envelopes {
        event = wrapped(ENVELOPES.choose(random).unwrap(), &event, random);
    }
    event
}

fn object(form: &Form, random: &mut StdRng) -> String {
    let writer = Writer::random(random);
    let mut tree = Tree::object();
    if let Some(path) = form.each_of {
        let mut elements = Vec::new();
        for _ in 0..random.random_range(1..4) {
            if random.random_bool(0.02) {
                elements.push(Tree::Written(any(writer.style, random, 1)));
                continue;
            }
            let mut element = Tree::object();
            fill(&mut element, form, writer, random);
            add_odd_members(&mut element, writer, random);
            elements.push(element);
        }
        tree.put(path, Tree::Array(elements), random);
        fulfil(&mut tree, &form.when, writer, random);
    } else {
        fulfil_texts(&mut tree, &form.when, random);
        fill(&mut tree, form, writer, random);
        fulfil(&mut tree, &form.when, writer, random);
    }
    add_odd_members(&mut tree, writer, random);
    let style = TreeStyle::random(writer.style, random);
    tree.write(style, random)
}

/// The members of the events of a form.
fn fill(tree: &mut Tree, form: &Form, writer: Writer, random: &mut StdRng) {
    let mut events: Vec<&Event> = form.events.iter().collect();
    events.shuffle(random);
    for (place, event) in events.into_iter().enumerate() {
        // Some events are there together, and others are not.
        if place > 0 && random.random_bool(0.5) {
            continue;
        }
        fulfil_texts(tree, &event.when, random);
        for (member, paths) in &event.rows {
            put_row(tree, member, paths, event, writer, random);
        }
        fulfil(tree, &event.when, writer, random);
    }
}

/// Gives a member a value, under one of its paths or several.
fn put_row(
    tree: &mut Tree,
    member: &str,
    paths: &[&str],
    event: &Event,
    writer: Writer,
    random: &mut StdRng,
) {
    let is_needed = matches!(member, "event_type" | "timestamp" | "order_id");
    if member.starts_with("items/")
        || paths.is_empty()
        || random.random_bool(if is_needed { 0.01 } else { 0.2 })
    {
        return;
    }
    let mut chosen: Vec<&str> = paths.iter().copied().filter(|_| random.random_bool(0.3)).collect();
    if chosen.is_empty() {
        chosen.push(
            paths[if random.random_bool(0.6) { 0 } else { random.random_range(0..paths.len()) }],
        );
    }
    for path in chosen {
        let value = match member {
            "items" => items(event, writer, random),
            "properties" => Tree::Written(writer.object(random)),
            _ => Tree::Written(value(takes(member), writer.style, random)),
        };
        tree.put(path, value, random);
    }
}

/// The items of an event, with the members that the form has for them, or with names of their own.
fn items(event: &Event, writer: Writer, random: &mut StdRng) -> Tree {
    let rows: Vec<_> = event
        .rows
        .iter()
        .filter_map(|(member, paths)| Some((member.strip_prefix("items/")?, paths)))
        .collect();
    let mut elements = Vec::new();
    for _ in 0..*[0, 1, 1, 2, 3].choose(random).unwrap() {
        if rows.is_empty() || random.random_bool(0.01) {
            elements.push(Tree::Written(writer.item(random)));
            continue;
        }
        let mut element = Tree::object();
        for (member, paths) in &rows {
            for (place, path) in paths.iter().enumerate() {
                if random.random_bool(if place == 0 { 0.85 } else { 0.4 }) {
                    let value = value(takes(member), writer.style, random);
                    element.put(path, Tree::Written(value), random);
                }
            }
        }
        add_odd_members(&mut element, writer, random);
        elements.push(element);
    }
    Tree::Array(elements)
}

fn takes(member: &str) -> Takes {
    match member {
        "event_type" => Takes::Type,
        "timestamp" => Takes::Time,
        "event_id" => Takes::Id(EVENT_IDS),
        "order_id" | "orderNumber" => Takes::Id(ORDERS),
        "customer_id" => Takes::Id(CUSTOMERS),
        "session_id" => Takes::Id(SESSIONS),
        "item_id" => Takes::Id(ITEMS),
        "item_name" => Takes::Id(PRODUCTS),
        "site_id" => Takes::Site,
        "page_url" => Takes::Page,
        "currency" => Takes::Currency,
        "status" | "newStatus" => Takes::Status,
        "price" | "quantity" | "total_amount" | "order_total" => Takes::Amount,
        other => panic!("docs/FORMS.md has a row for {other}, which has no values here"),
    }
}

/// Makes conditions hold that name texts, mostly.
fn fulfil_texts(tree: &mut Tree, conditions: &[Condition], random: &mut StdRng) {
    for condition in conditions {
        let (path, texts) = match condition {
            Condition::Is(path, texts) if random.random_bool(0.97) => (path, texts),
            Condition::IsNot(path, texts) if random.random_bool(0.05) => (path, texts),
            _ => continue,
        };
        let text = texts.choose(random).unwrap();
        let text = if random.random_bool(0.01) { text.to_uppercase() } else { (*text).to_owned() };
        let written = serde_json::Value::from(text).to_string();
        tree.put(path, Tree::Written(written), random);
    }
}

/// Makes the other conditions hold, mostly.
fn fulfil(tree: &mut Tree, conditions: &[Condition], writer: Writer, random: &mut StdRng) {
    for condition in conditions {
        match condition {
            Condition::Present(path) if !tree.has(path) && random.random_bool(0.97) => {
                let value = match random.random_range(0..4) {
                    0 => Tree::Array(vec![Tree::object()]),
                    1 => Tree::Written("\"x\"".to_owned()),
                    2 => Tree::Written(value(Takes::Amount, writer.style, random)),
                    _ => Tree::object(),
                };
                tree.put(path, value, random);
            }
            Condition::Absent(path) if random.random_bool(0.03) => {
                tree.put(path, Tree::Written("\"x\"".to_owned()), random);
            }
            Condition::NoKnownType if random.random_bool(0.03) => {
                let known = Tree::Written(value(Takes::Type, writer.style, random));
                tree.put("type", known, random);
            }
            _ => {}
        }
    }
}

/// A site, and members that mean nothing or something else.
fn add_odd_members(tree: &mut Tree, writer: Writer, random: &mut StdRng) {
    if random.random_bool(0.2) {
        let site = Tree::Written(value(Takes::Site, writer.style, random));
        tree.put("site_id", site, random);
    }
    while random.random_bool(0.05) {
        let odd = Tree::Written(any(writer.style, random, 2));
        tree.put(NAMES.choose(random).unwrap(), odd, random);
    }
    if let Tree::Object(members) = tree
        && random.random_bool(0.3)
    {
        members.shuffle(random);
    }
}

/// An object in an envelope.
fn wrapped(envelope: &Envelope, event: &str, random: &mut StdRng) -> String {
    let writer = Writer::random(random);
    let mut tree = Tree::object();
    fulfil_texts(&mut tree, &envelope.when, random);
    if let Some(path) = envelope.event {
        let event = match envelope.is_typed {
            true if random.random_bool(0.97) => typed::object(event, random),
            _ => event.to_owned(),
        };
        let is_text = random.random_bool(0.1);
        let event = if is_text { writer.style.text(random, &event) } else { event };
        tree.put(path, Tree::Written(event), random);
    }
    for (field, path) in &envelope.also {
        if random.random_bool(0.8) {
            let value = value(takes(field), writer.style, random);
            tree.put(path, Tree::Written(value), random);
        }
    }
    fulfil(&mut tree, &envelope.when, writer, random);
    add_odd_members(&mut tree, writer, random);
    let style = TreeStyle::random(writer.style, random);
    tree.write(style, random)
}

#[test]
fn every_row_of_the_page_is_drawn() {
    const DRAWS: u64 = 10_000;
    let settings = Settings::at(chrono::DateTime::from_timestamp(REFERENCE_SECONDS, 0).unwrap());
    let mut random = StdRng::seed_from_u64(1);
    // How often each was drawn, and how often all of it was accepted.
    let mut draws: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for form in &*FORMS {
        draws.insert(form.name.to_owned(), (0, 0));
        let event = |event: &Event| (format!("{}: {}", form.name, event.name), (0, 0));
        draws.extend(form.events.iter().map(event));
    }
    draws.extend(ENVELOPES.iter().map(|envelope| (envelope.name.to_owned(), (0, 0))));
    for _ in 0..DRAWS {
        let is_form = random.random_bool(0.7);
        let line = if is_form { form(&mut random) } else { envelope(&mut random) };
        let is_accepted =
            recount(line.as_bytes(), &settings).is_ok_and(|it| it.rejected.is_empty());
        let mut rows = rows_of(&line);
        rows.dedup();
        for row in rows {
            let (drawn, accepted) = draws.get_mut(&row).unwrap();
            *drawn += 1;
            *accepted += u64::from(is_accepted);
        }
    }
    for (row, (drawn, accepted)) in &draws {
        println!("{drawn:5} {accepted:5} {row}");
    }
    let is_drawn = |(drawn, accepted): &(u64, u64)| *drawn > DRAWS / 100 && accepted * 4 > *drawn;
    assert!(draws.values().all(is_drawn), "see above: how often drawn, how often accepted");
}
