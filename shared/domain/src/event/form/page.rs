//! The tables of `docs/FORMS.md`.

use std::sync::LazyLock;

use crate::event::fields::{slot_in_event, slot_in_item};
use crate::event::form::path::{Path, PathNames, Paths, SlotSet};
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
    /// The members that the event inherits: their slots in events, and their paths in the envelope.
    pub(super) also: Vec<(u8, Path)>,
}

/// The events of a platform.
pub(crate) struct Form {
    /// All of them hold if it fits.
    pub(super) when: Conditions,
    /// The elements of an array, of which each is read by itself; `None` if the object is one event,
    /// or several that belong together.
    pub(super) each_of: Option<EachOf>,
    /// The events that the object, or an element, reports.
    pub(super) events: Vec<FormEvent>,
}

/// The array of a form whose elements are events.
pub(super) struct EachOf {
    /// Its path.
    pub(super) array: Path,
    /// The paths from its elements.
    pub(super) paths: Paths,
}

/// An event of a form.
pub(crate) struct FormEvent {
    /// All of them hold if the object reports it.
    pub(super) when: Vec<Condition>,
    pub(super) members: Vec<Member>,
    /// Its items; `None` if they are as they are.
    pub(super) items: Option<FormItems>,
    /// Whether its site is one of its members.
    pub(super) has_site: bool,
}

/// A member of an event.
pub(super) struct Member {
    pub(super) name: &'static str,
    /// The slot of its name in events.
    pub(super) slot: u8,
    /// Where its value comes from; the first source with a value counts.
    pub(super) sources: Vec<Source>,
}

/// The items of a form.
#[derive(Default)]
pub(crate) struct FormItems {
    /// The paths from an item.
    pub(super) paths: Paths,
    /// The slots of its members, and the paths to their values; the first one with a value counts.
    pub(super) members: Vec<(u8, Vec<Path>)>,
}

/// What all holds of an object.
#[derive(Debug, Default)]
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
    /// A text: where it is in [`Tables::texts`].
    Text {
        /// Its first byte.
        start: usize,
        /// The end of its last byte.
        end: usize,
    },
}

/// All of the page.
pub(super) struct Tables {
    /// The first one that fits counts.
    pub(super) envelopes: Vec<Envelope>,
    /// The first one that fits counts.
    pub(super) forms: Vec<Form>,
    /// The paths from an object.
    pub(super) paths: Paths,
    /// The path of the site, which every object may have.
    pub(super) site: Path,
    /// The texts that events have, in quotation marks.
    pub(super) texts: String,
    /// The names by which envelopes and forms are told: those that their conditions demand.
    pub(super) names_of_conditions: SlotSet,
    names: PathNames,
}

pub(super) static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut page = PageReader::default();
    let cells = rows(section("## Envelopes")).filter_map(|cells| <[&str; 4]>::try_from(cells).ok());
    let envelopes: Vec<Envelope> = cells.skip(1).map(|cells| page.envelope(cells)).collect();
    let sections = section("## Forms of platforms").split("\n### ").skip(1);
    let forms: Vec<Form> = sections.map(|section| page.form(section)).collect();
    let mut names_of_conditions = SlotSet::default();
    let of_envelopes = envelopes.iter().map(|envelope| &envelope.when);
    let of_all = of_envelopes.chain(forms.iter().map(|form| &form.when));
    of_all.for_each(|when| names_of_conditions.insert_all(&when.names));
    let site = page.path(Field::SiteId.name());
    let PageReader { names, paths, texts } = page;
    Tables { envelopes, forms, paths, site, texts, names_of_conditions, names }
});

/// The slot of a name in paths, or [`NO_SLOT`](crate::event::json::NO_SLOT).
pub(crate) fn slot_in_paths(name: &[u8]) -> u8 {
    TABLES.names.slot_of(name)
}

/// What was read of the page.
#[derive(Default)]
struct PageReader {
    names: PathNames,
    /// The paths from an object.
    paths: Paths,
    texts: String,
}

impl PageReader {
    fn path(&mut self, text: &str) -> Path {
        self.paths.learn(text, &mut self.names)
    }

    fn envelope(&mut self, [_, when, event, also]: [&'static str; 4]) -> Envelope {
        let when = self.all_of(when);
        let also = also.split("; ").filter_map(|pair| {
            let mut codes = codes(pair);
            Some((slot_in_event(codes.next()?.as_bytes()), self.path(codes.next()?)))
        });
        let also = also.collect();
        let path = codes(event).next().map(|event| self.path(event));
        Envelope { when, event: path, is_typed: event.ends_with("(typed)"), also }
    }

    fn form(&mut self, section: &'static str) -> Form {
        let after = |start: &str| section.lines().find_map(|line| line.strip_prefix(start));
        let when = after("When: ").map(|when| self.all_of(when)).unwrap_or_default();
        let array = after("Each of ").and_then(|line| codes(line).next());
        let mut each_of =
            array.map(|array| EachOf { array: self.path(array), paths: Paths::default() });
        let mut events: Vec<FormEvent> = vec![];
        let cells = rows(section).filter_map(|cells| <[&str; 3]>::try_from(cells).ok());
        for [event, name, from] in cells.skip(1) {
            if !event.is_empty() {
                let when = event.split_once(", if ").map(|(_, when)| self.conditions(when));
                let when = when.unwrap_or_default();
                events.push(FormEvent { when, members: vec![], items: None, has_site: false });
            }
            let (Some(event), Some(name)) = (events.last_mut(), codes(name).next()) else {
                continue;
            };
            match name.strip_prefix("items/") {
                Some(name) => {
                    let FormItems { paths, members } = event.items.get_or_insert_default();
                    let sources = codes(from).map(|path| paths.learn(path, &mut self.names));
                    members.push((slot_in_item(name.as_bytes()), sources.collect()));
                }
                None => {
                    let each_of = each_of.as_mut().map(|each_of| &mut each_of.paths);
                    let sources = self.sources(from, each_of);
                    let slot = slot_in_event(name.as_bytes());
                    event.members.push(Member { name, slot, sources });
                }
            }
            event.has_site |= name == Field::SiteId.name();
        }
        Form { when, each_of, events }
    }

    fn all_of(&mut self, text: &'static str) -> Conditions {
        let all = self.conditions(text);
        let mut names = SlotSet::default();
        for condition in &all {
            if let Condition::Has(path) | Condition::Is(path, _) = condition
                && let Some(slot) = self.paths.first_slot(*path)
            {
                names.insert(slot);
            }
        }
        Conditions { all, names }
    }

    fn conditions(&mut self, text: &'static str) -> Vec<Condition> {
        text.split("; ").filter_map(|text| self.condition(text)).collect()
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

    /// The sources in a cell, whose paths lead from the object, or from an element.
    fn sources(&mut self, cell: &'static str, mut element: Option<&mut Paths>) -> Vec<Source> {
        let sources = cell.split(", ").filter_map(|text| {
            let mut codes = codes(text);
            let first = codes.next()?;
            if let Some(text) = first.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                let start = self.texts.len() + 1;
                self.texts.push_str(first);
                return Some(Source::Text { start, end: start + text.len() });
            }
            let paths = element.as_deref_mut().unwrap_or(&mut self.paths);
            let path = paths.learn(first, &mut self.names);
            Some(match codes.next() {
                Some(unless) => Source::Unless(path, unless),
                None if text.ends_with("(UTC)") => Source::Utc(path),
                None => Source::Path(path),
            })
        });
        sources.collect()
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
    use crate::event::json::NO_SLOT;

    #[test]
    fn every_row_of_the_page_is_understood() {
        let texts = |section: &'static str, start: &str| section.matches(start).count();
        let Tables { envelopes, forms, .. } = &*TABLES;
        // The head and its ruler, beside the rows.
        assert_eq!(envelopes.len() + 2, texts(section("## Envelopes"), "\n|"));
        let also = envelopes.iter().flat_map(|envelope| &envelope.also);
        assert!(also.map(|(slot, _)| *slot).all(|slot| slot != NO_SLOT));
        let page = section("## Forms of platforms");
        assert_eq!(forms.len(), texts(page, "\n### "));
        let tables = forms.iter().filter(|form| !form.events.is_empty()).count();
        let events = forms.iter().flat_map(|form| &form.events);
        let item_members =
            |event: &FormEvent| event.items.as_ref().map_or(0, |items| items.members.len());
        let members = |event: &FormEvent| event.members.len() + item_members(event);
        assert_eq!(events.clone().map(members).sum::<usize>() + 2 * tables, texts(page, "\n|"));
        assert!(forms.iter().all(|form| !form.when.all.is_empty()));
        // The parts of an object have the site of what is around it.
        let has_site = |form: &&Form| form.events.iter().any(FormEvent::has_site);
        assert!(forms.iter().filter(has_site).all(|form| form.events.len() == 1));
        // Sets of them have a bit for each.
        let bits = u64::BITS as usize;
        assert!(envelopes.len() <= bits && forms.len() <= bits);
        assert!(forms.iter().all(|form| form.events.len() <= bits));
        for FormEvent { members, items, .. } in events {
            let is_known = |member: &Member| member.slot != NO_SLOT && !member.sources.is_empty();
            assert!(members.iter().all(is_known));
            assert_eq!(members[0].name, "event_type");
            let mut of_items = items.iter().flat_map(|items| &items.members);
            assert!(of_items.all(|(slot, paths)| *slot != NO_SLOT && !paths.is_empty()));
        }
    }

    #[test]
    fn items_have_paths_alone_and_elements_that_stand_alone_have_no_rows_of_items() {
        for [_, name, from] in rows(section("## Forms of platforms"))
            .filter_map(|cells| <[&str; 3]>::try_from(cells).ok())
            .filter(|[_, name, _]| name.starts_with("`items/"))
        {
            let is_path =
                |text: &str| text.starts_with('`') && text.ends_with('`') && !text.contains('"');
            assert!(from.split(", ").all(is_path), "{name}: {from}");
        }
        let mut each_of = TABLES.forms.iter().filter(|form| form.each_of.is_some());
        assert!(each_of.all(|form| matches!(&form.events[..], [FormEvent { items: None, .. }])));
    }

    #[test]
    fn the_cells_mean_what_the_page_says() {
        let mut page = PageReader::default();
        let conditions =
            page.conditions("`a/b`; no `c`; `d` is `x`, `y`; `e` is not `z`; no known type");
        let expected = [
            Condition::Has(page.path("a/b")),
            Condition::Lacks(page.path("c")),
            Condition::Is(page.path("d"), vec!["x", "y"]),
            Condition::IsNot(page.path("e"), vec!["z"]),
            Condition::NoKnownType,
        ];
        assert_eq!(conditions, expected);
        let sources = page.sources("`\"refund\"`, `a`, `b/[0]` (UTC), `c` (not `0`)", None);
        let expected = [
            Source::Text { start: 1, end: 7 },
            Source::Path(page.path("a")),
            Source::Utc(page.path("b/[0]")),
            Source::Unless(page.path("c"), "0"),
        ];
        assert_eq!(sources, expected);
        assert_eq!(page.texts, "\"refund\"");
    }

    #[test]
    fn every_table_is_noticed_by_a_mark_or_by_the_type_that_is_not_known() {
        let marks = MARKS.map(|mark| Some(slot_in_paths(mark.as_bytes())));
        let is_marked = |path: Path| marks.contains(&TABLES.paths.first_slot(path));
        let are_marked = |when: &Conditions| {
            when.all.iter().any(|condition| match condition {
                Condition::NoKnownType => true,
                Condition::Has(path) | Condition::Is(path, _) => is_marked(*path),
                Condition::Lacks(_) | Condition::IsNot(..) => false,
            })
        };
        assert!(TABLES.envelopes.iter().all(|envelope| are_marked(&envelope.when)));
        assert!(TABLES.forms.iter().all(|form| are_marked(&form.when)));
    }
}
