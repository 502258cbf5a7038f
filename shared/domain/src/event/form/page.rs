//! The tables of `docs/FORMS.md`.

use std::sync::LazyLock;

use crate::event::form::path::{Path, PathNames, Step};
use crate::event::form::tree::SlotSet;
use crate::event::reason::Field;

const PAGE: &str = include_str!("../../../../../docs/FORMS.md");

/// An object around an event.
pub(super) struct Envelope {
    /// All of them hold if it fits.
    pub(super) when: Conditions,
    /// The path of its event; `None` if it has none that counts.
    pub(super) event: Option<Path>,
    /// Whether the values of the event have the types of DynamoDB.
    pub(super) is_typed: bool,
    /// The members that the event inherits, and their paths in the envelope.
    pub(super) also: Vec<(&'static str, Path)>,
}

/// The events of a platform.
pub(super) struct Form {
    /// All of them hold if it fits.
    pub(super) when: Conditions,
    /// The path of an array of which each element is read by itself; `None` if the object is one
    /// event, or several that belong together.
    pub(super) each_of: Option<Path>,
    /// The events that the object, or an element, reports.
    pub(super) events: Vec<FormEvent>,
}

/// An event of a form.
pub(super) struct FormEvent {
    /// All of them hold if the object reports it.
    pub(super) when: Conditions,
    pub(super) members: Vec<Member>,
    /// The members of its items; if there are none, the items are as they are.
    pub(super) item_members: Vec<Member>,
    /// Whether its site is one of its members.
    pub(super) has_site: bool,
}

/// A member that is written.
pub(super) struct Member {
    /// Its name, as it is written: `"item_id":`.
    pub(super) opening: String,
    pub(super) is_items: bool,
    /// Where its value comes from; the first source with a value counts.
    pub(super) sources: Vec<Source>,
}

/// What all holds of an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) all: Vec<Condition>,
    /// The names of members that the object has then: most objects lack one, which is found out at
    /// once.
    pub(super) names: SlotSet,
}

/// What an object has to be like.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The path leads to a value.
    Has(Path),
    /// It leads to none.
    Lacks(Path),
    /// It leads to one of these texts.
    Is(Path, Vec<&'static str>),
    /// It leads to none of these texts.
    IsNot(Path, Vec<&'static str>),
    /// The object, read by its names, has no `events` and no type that is known.
    NoKnownType,
}

/// Where a value comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The value that a path leads to.
    Path(Path),
    /// The same; a time without a zone is in UTC.
    Utc(Path),
    /// The same, unless it is this text, or a number that is written so.
    Unless(Path, &'static str),
    /// This text.
    Text(&'static str),
}

/// All of the page.
pub(super) struct Tables {
    /// The first one that fits counts.
    pub(super) envelopes: Vec<Envelope>,
    /// The first one that fits counts.
    pub(super) forms: Vec<Form>,
    /// The path of the site, which every object may have.
    pub(super) site: Path,
    names: PathNames,
}

pub(super) static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut names = PathNames::default();
    let cells = rows(section("## Envelopes")).filter_map(|cells| <[&str; 4]>::try_from(cells).ok());
    let envelopes = cells.skip(1).map(|cells| names.envelope(cells)).collect();
    let sections = section("## Forms of platforms").split("\n### ").skip(1);
    let forms = sections.map(|section| names.form(section)).collect();
    Tables { envelopes, forms, site: names.path(Field::SiteId.name()), names }
});

/// The slot of a name in paths, or [`NO_SLOT`](crate::event::json::NO_SLOT).
pub(crate) fn slot_in_paths(name: &[u8]) -> u8 {
    TABLES.names.slot_of(name)
}

impl PathNames {
    fn envelope(&mut self, [_, when, event, also]: [&'static str; 4]) -> Envelope {
        let when = self.conditions(when);
        let also = also.split("; ").filter_map(|pair| {
            let mut codes = codes(pair);
            Some((codes.next()?, self.path(codes.next()?)))
        });
        let also = also.collect();
        let path = codes(event).next().map(|event| self.path(event));
        Envelope { when, event: path, is_typed: event.ends_with("(typed)"), also }
    }

    fn form(&mut self, section: &'static str) -> Form {
        let after = |start: &str| section.lines().find_map(|line| line.strip_prefix(start));
        let mut events: Vec<FormEvent> = vec![];
        let cells = rows(section).filter_map(|cells| <[&str; 3]>::try_from(cells).ok());
        for [event, member, from] in cells.skip(1) {
            if !event.is_empty() {
                let when = event.split_once(", if ").map(|(_, when)| self.conditions(when));
                let when = when.unwrap_or_default();
                let (members, item_members) = (vec![], vec![]);
                events.push(FormEvent { when, members, item_members, has_site: false });
            }
            let (Some(event), Some(member)) = (events.last_mut(), codes(member).next()) else {
                continue;
            };
            match member.strip_prefix("items/") {
                Some(member) => event.item_members.push(self.member(member, from)),
                None => event.members.push(self.member(member, from)),
            }
            event.has_site |= member == Field::SiteId.name();
        }
        let when = after("When: ").map(|when| self.conditions(when)).unwrap_or_default();
        let each_of = after("Each of ").and_then(|line| codes(line).next());
        Form { when, each_of: each_of.map(|array| self.path(array)), events }
    }

    fn member(&mut self, name: &'static str, from: &'static str) -> Member {
        let is_items = name == Field::Items.name();
        Member { opening: format!("\"{name}\":"), is_items, sources: self.sources(from) }
    }

    fn conditions(&mut self, text: &'static str) -> Conditions {
        let all: Vec<Condition> =
            text.split("; ").filter_map(|text| self.condition(text)).collect();
        let mut names = SlotSet::default();
        for condition in &all {
            if let Condition::Has(Path(steps)) | Condition::Is(Path(steps), _) = condition
                && let Some(Step::Member(slot)) = steps.first()
            {
                names.insert(*slot);
            }
        }
        Conditions { all, names }
    }

    fn condition(&mut self, text: &'static str) -> Option<Condition> {
        if text == "no known type" {
            return Some(Condition::NoKnownType);
        }
        let mut codes = codes(text);
        let path = self.path(codes.next()?);
        let texts = codes.collect();
        Some(match text {
            _ if text.starts_with("no ") => Condition::Lacks(path),
            _ if text.contains("` is not `") => Condition::IsNot(path, texts),
            _ if text.contains("` is `") => Condition::Is(path, texts),
            _ => Condition::Has(path),
        })
    }

    fn sources(&mut self, cell: &'static str) -> Vec<Source> {
        cell.split(", ").filter_map(|text| self.source(text)).collect()
    }

    fn source(&mut self, text: &'static str) -> Option<Source> {
        let mut codes = codes(text);
        let first = codes.next()?;
        if let Some(text) = first.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            return Some(Source::Text(text));
        }
        let path = self.path(first);
        Some(match codes.next() {
            Some(unless) => Source::Unless(path, unless),
            None if text.ends_with("(UTC)") => Source::Utc(path),
            None => Source::Path(path),
        })
    }
}

/// What follows a heading, up to the next one of its level.
fn section(heading: &str) -> &'static str {
    let start = PAGE.find(heading).map_or(PAGE.len(), |start| start + heading.len());
    let section = &PAGE[start..];
    section.find("\n## ").map_or(section, |end| &section[..end])
}

/// The cells of the rows of tables, their heads included.
fn rows(section: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let row = |line: &'static str| line.strip_prefix('|')?.strip_suffix('|');
    let is_ruler = |row: &&str| row.bytes().all(|byte| matches!(byte, b'-' | b'|'));
    let rows = section.lines().filter_map(row).filter(move |row| !is_ruler(row));
    rows.map(|row| row.split('|').map(str::trim).collect())
}

/// The texts in code of a text.
fn codes(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::form::MARKS;

    #[test]
    fn every_row_of_the_page_is_understood() {
        let texts = |section: &'static str, start: &str| section.matches(start).count();
        let Tables { envelopes, forms, .. } = &*TABLES;
        // The head and its ruler, beside the rows.
        assert_eq!(envelopes.len() + 2, texts(section("## Envelopes"), "\n|"));
        let page = section("## Forms of platforms");
        assert_eq!(forms.len(), texts(page, "\n### "));
        let tables = forms.iter().filter(|form| !form.events.is_empty()).count();
        let events = forms.iter().flat_map(|form| &form.events);
        let members = |event: &FormEvent| event.members.len() + event.item_members.len();
        assert_eq!(events.clone().map(members).sum::<usize>() + 2 * tables, texts(page, "\n|"));
        assert!(forms.iter().all(|form| !form.when.all.is_empty()));
        for event in events {
            let mut members = event.members.iter().chain(&event.item_members);
            assert!(members.all(|member| !member.sources.is_empty()));
            assert_eq!(event.members[0].opening, "\"event_type\":");
        }
    }

    #[test]
    fn the_cells_mean_what_the_page_says() {
        let mut names = PathNames::default();
        let conditions =
            names.conditions("`a/b`; no `c`; `d` is `x`, `y`; `e` is not `z`; no known type");
        let expected = [
            Condition::Has(names.path("a/b")),
            Condition::Lacks(names.path("c")),
            Condition::Is(names.path("d"), vec!["x", "y"]),
            Condition::IsNot(names.path("e"), vec!["z"]),
            Condition::NoKnownType,
        ];
        assert_eq!(conditions.all, expected);
        let sources = names.sources("`\"refund\"`, `a`, `b/[0]` (UTC), `c` (not `0`)");
        let expected = [
            Source::Text("refund"),
            Source::Path(names.path("a")),
            Source::Utc(names.path("b/[0]")),
            Source::Unless(names.path("c"), "0"),
        ];
        assert_eq!(sources, expected);
    }

    #[test]
    fn every_table_is_noticed_by_a_mark_or_by_the_type_that_is_not_known() {
        let marks = MARKS.map(|mark| slot_in_paths(mark.as_bytes()));
        let is_marked = |when: &Conditions| {
            when.all.iter().any(|condition| match condition {
                Condition::NoKnownType => true,
                Condition::Has(Path(steps)) | Condition::Is(Path(steps), _) => {
                    matches!(steps[0], Step::Member(slot) if marks.contains(&slot))
                }
                Condition::Lacks(_) | Condition::IsNot(..) => false,
            })
        };
        assert!(TABLES.envelopes.iter().all(|envelope| is_marked(&envelope.when)));
        assert!(TABLES.forms.iter().all(|form| is_marked(&form.when)));
    }
}
