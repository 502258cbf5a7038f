//! The tables of `docs/FORMS.md`.

use std::sync::LazyLock;

use crate::read::forms::path::{Condition, Path};

const PAGE: &str = include_str!("../../../../../docs/FORMS.md");

/// The envelopes and the forms, in the order of the page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) envelopes: Vec<Envelope>,
    pub(crate) forms: Vec<Form>,
}

#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) name: &'static str,
    pub(crate) when: Vec<Condition>,
    /// Where the event is; `None` if there is none.
    pub(crate) event: Option<Path>,
    /// Whether the event has DynamoDB's typed values.
    pub(crate) is_typed: bool,
    /// Fields of the event that the envelope gives.
    pub(crate) also: Vec<(&'static str, Path)>,
}

#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) name: &'static str,
    pub(crate) when: Vec<Condition>,
    /// The array whose elements are events that stand alone.
    pub(crate) each_of: Option<Path>,
    pub(crate) events: Vec<EventOfForm>,
}

#[derive(Debug)]
pub(crate) struct EventOfForm {
    pub(crate) name: &'static str,
    pub(crate) when: Vec<Condition>,
    pub(crate) members: Vec<Row>,
    /// The members of the elements of its `items`.
    pub(crate) members_of_items: Vec<Row>,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) member: &'static str,
    pub(crate) from: Vec<From>,
}

/// Where a member comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum From {
    Text(&'static str),
    Path {
        path: Path,
        /// What is none there.
        except: Option<&'static str>,
        /// Whether a time there that names no zone is in UTC, whatever zone others are in.
        is_utc: bool,
    },
}

pub(crate) static TABLES: LazyLock<Page> = LazyLock::new(|| {
    let (_, envelopes) = section("## Envelopes\n");
    let (_, forms) = section("## Forms of platforms\n");
    Page {
        envelopes: rows(envelopes).map(envelope).collect(),
        forms: forms.split("\n### ").skip(1).map(form).collect(),
    }
});

/// A heading, and what is below it up to the next one of its level.
fn section(heading: &'static str) -> (&'static str, &'static str) {
    let (_, text) = PAGE.split_once(heading).expect("docs/FORMS.md has this heading");
    (heading, text.split("\n## ").next().unwrap_or_default())
}

/// The rows of a table without its head, as cells.
fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(str::trim).collect()).skip(2)
}

fn envelope(cells: Vec<&'static str>) -> Envelope {
    let &[name, when, event, also] = &cells[..] else {
        panic!("docs/FORMS.md has an envelope of other cells: {cells:?}");
    };
    let field = |pair: &'static str| match pair.split('`').collect::<Vec<_>>()[..] {
        [_, field, ":" | ": ", path, _] => (field, Path::of(path)),
        _ => panic!("docs/FORMS.md has an envelope that gives {pair}"),
    };
    Envelope {
        name,
        when: Condition::all_of(when),
        event: event.split('`').nth(1).map(Path::of),
        is_typed: event.ends_with("(typed)"),
        also: also.split(';').filter(|pair| !pair.is_empty()).map(field).collect(),
    }
}

fn form(text: &'static str) -> Form {
    let (name, text) = text.split_once('\n').expect("a form has more than its name");
    let when = text.split("\n\n").find_map(|lines| lines.trim_start().strip_prefix("When: "));
    let each_of = text.lines().find_map(|line| line.strip_prefix("Each of "));
    let mut events: Vec<EventOfForm> = Vec::new();
    for cells in rows(text) {
        let &[event, member, from] = &cells[..] else {
            panic!("docs/FORMS.md has a row of other cells: {cells:?}");
        };
        if !event.is_empty() {
            let (name, when) = match event.split_once(", if ") {
                Some((name, when)) => (name, Condition::all_of(when)),
                None => (event, Vec::new()),
            };
            events.push(EventOfForm {
                name,
                when,
                members: Vec::new(),
                members_of_items: Vec::new(),
            });
        }
        let event = events.last_mut().expect("the first row of a form begins an event");
        let member = member.trim_matches('`');
        let (rows, member) = match member.strip_prefix("items/") {
            Some(member) => (&mut event.members_of_items, member),
            None => (&mut event.members, member),
        };
        rows.push(Row { member, from: from.split(", ").map(from_of).collect() });
    }
    Form {
        name,
        when: Condition::all_of(when.expect("a form has conditions")),
        each_of: each_of.map(|path| Path::of(path.trim_end_matches(':').trim_matches('`'))),
        events,
    }
}

fn from_of(cell: &'static str) -> From {
    let cells: Vec<&str> = cell.split('`').collect();
    let (from, except, is_utc) = match cells[..] {
        ["", text, ""] if text.starts_with('"') => return From::Text(text.trim_matches('"')),
        ["", from, ""] => (from, None, false),
        ["", from, " (UTC)"] => (from, None, true),
        ["", from, " (not ", except, ")"] => (from, Some(except), false),
        _ => panic!("docs/FORMS.md has a cell that is not understood: {cell}"),
    };
    From::Path { path: Path::of(from), except, is_utc }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_envelopes() {
        let names: Vec<&str> = TABLES.envelopes.iter().map(|envelope| envelope.name).collect();
        let expected = [
            "Kafka Connect",
            "Debezium",
            "Debezium, other changes",
            "CloudEvents",
            "EventBridge",
            "Shopify delivery",
            "DynamoDB export",
            "DynamoDB stream",
            "DynamoDB stream, other changes",
        ];
        assert_eq!(names, expected);
        let stream = &TABLES.envelopes[7];
        assert_eq!(stream.when.len(), 2);
        assert_eq!(stream.event, Some(Path::of("dynamodb/NewImage")));
        assert!(stream.is_typed && !TABLES.envelopes[0].is_typed);
        let time = Path::of("dynamodb/ApproximateCreationDateTime");
        assert_eq!(stream.also, [("timestamp", time)]);
        let fields: Vec<&str> = TABLES.envelopes[3].also.iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["event_type", "timestamp", "event_id"]);
        assert_eq!((&TABLES.envelopes[2].event, &TABLES.envelopes[8].event), (&None, &None));
    }

    #[test]
    fn the_page_has_forms() {
        let forms: Vec<String> = TABLES
            .forms
            .iter()
            .map(|form| {
                let events: Vec<String> = form
                    .events
                    .iter()
                    .map(|event| {
                        let rows = (event.members.len(), event.members_of_items.len());
                        format!("{} {}+{}", event.name, rows.0, rows.1)
                    })
                    .collect();
                format!("{}: {}", form.name, events.join(", "))
            })
            .collect();
        let expected = [
            "Shopify order: creation 9+3, status 4+0, cancellation 3+0",
            "Shopify checkout: ",
            "Shopify refund: refund 7+4",
            "Shopify fulfilment: status 4+0",
            "Shopify web pixel: page 5+0, other 12+5",
            "WooCommerce order: creation 9+4, status 4+0, cancellation 3+0",
            "Klaviyo event: page 5+0, order 8+0, other 6+0",
            "Klaviyo track: page 5+0, order 8+0, other 6+0",
            "Snowplow ecommerce: action 10+0",
            "TheLook events: page 6+0",
            "TheLook order items: sale 6+0, return 5+0",
            "Amplitude export: tracked event 6+0",
            "Amplitude HTTP API: tracked event 10+0",
        ];
        assert_eq!(forms, expected);
        let named = |name| TABLES.forms.iter().find(|form| form.name == name).unwrap();
        assert_eq!(named("Amplitude HTTP API").each_of, Some(Path::of("events")));
        let amplitude = &named("Amplitude export").events[0].members;
        let from = |path, except, is_utc| From::Path { path: Path::of(path), except, is_utc };
        assert_eq!(amplitude[4].from, [from("session_id", Some("-1"), false)]);
        let creation = &named("WooCommerce order").events[0].members;
        assert_eq!(creation[0].from, [From::Text("order_created")]);
        let times = [from("date_created_gmt", None, true), from("date_created", None, false)];
        assert_eq!(creation[1].from, times);
    }
}
