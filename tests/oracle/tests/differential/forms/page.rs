//! The tables of docs/FORMS.md, as texts.

use std::sync::LazyLock;

const PAGE: &str = include_str!("../../../../../docs/FORMS.md");

pub(crate) struct Envelope {
    pub(crate) name: &'static str,
    pub(crate) when: Vec<Condition>,
    /// The path of the event.
    pub(crate) event: Option<&'static str>,
    pub(crate) is_typed: bool,
    /// Fields, and the paths of their values.
    pub(crate) also: Vec<(&'static str, &'static str)>,
}

pub(crate) struct Form {
    pub(crate) name: &'static str,
    pub(crate) when: Vec<Condition>,
    pub(crate) each_of: Option<&'static str>,
    pub(crate) events: Vec<Event>,
}

pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) when: Vec<Condition>,
    /// Members, and the paths that they may come from.
    pub(crate) rows: Vec<(&'static str, Vec<&'static str>)>,
}

/// The path of a condition, and the texts that it names.
pub(crate) enum Condition {
    Present(&'static str),
    Absent(&'static str),
    Is(&'static str, Vec<&'static str>),
    IsNot(&'static str, Vec<&'static str>),
    NoKnownType,
}

pub(crate) static ENVELOPES: LazyLock<Vec<Envelope>> = LazyLock::new(|| {
    let table = PAGE.split("\n## Envelopes\n").nth(1).unwrap().split("\n## ").next().unwrap();
    rows(table)
        .map(|cells| Envelope {
            name: cells[0],
            when: conditions(cells[1]),
            event: quoted(cells[2]).first().copied(),
            is_typed: cells[2].contains("(typed)"),
            also: quoted(cells[3]).chunks(2).map(|pair| (pair[0], pair[1])).collect(),
        })
        .collect()
});

pub(crate) static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let forms = PAGE.split("\n## Forms of platforms\n").nth(1).unwrap();
    forms.split("\n## ").next().unwrap().split("\n### ").skip(1).map(form).collect()
});

fn form(text: &'static str) -> Form {
    let (name, text) = text.split_once('\n').unwrap();
    let (_, rest) = text.split_once("When: ").unwrap();
    let when = rest.split("\n\n").next().unwrap();
    let mut events: Vec<Event> = Vec::new();
    for cells in rows(text) {
        if !cells[0].is_empty() {
            let (name, when) = cells[0].split_once(", if ").unwrap_or((cells[0], ""));
            events.push(Event { name, when: conditions(when), rows: Vec::new() });
        }
        // What is behind a path is none of it, and what is in quotation marks is no path.
        let paths = cells[2].split(", ").map(|path| quoted(path)[0]);
        let paths = paths.filter(|path| !path.starts_with('"')).collect();
        events.last_mut().unwrap().rows.push((quoted(cells[1])[0], paths));
    }
    let each_of = text.split_once("Each of ").map(|(_, path)| quoted(path)[0]);
    Form { name, when: conditions(when), each_of, events }
}

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row[1..row.len() - 1].split('|').map(str::trim).collect())
}

fn quoted(cell: &'static str) -> Vec<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn conditions(cell: &'static str) -> Vec<Condition> {
    let condition = |text: &'static str| {
        let text = text.trim();
        let texts = quoted(text);
        match text.split('`').nth(2).unwrap_or_default().trim() {
            "is" => Condition::Is(texts[0], texts[1..].to_vec()),
            "is not" => Condition::IsNot(texts[0], texts[1..].to_vec()),
            _ if text.starts_with("no `") => Condition::Absent(texts[0]),
            _ if text.starts_with('`') => Condition::Present(texts[0]),
            _ => {
                assert_eq!(text, "no known type");
                Condition::NoKnownType
            }
        }
    };
    cell.split(';').filter(|text| !text.is_empty()).map(condition).collect()
}
