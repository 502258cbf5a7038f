//! The names by which fields and types are known, read from `docs/VOCABULARY.md`.

use std::collections::HashMap;
use std::sync::LazyLock;

const PAGE: &str = include_str!("../../../../docs/VOCABULARY.md");

/// The longest name that can be known, in letters and digits.
const NAME_LENGTH_MAX: usize = 32;

/// Where a name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// In an event.
    Event,
    /// In an element of `items`.
    Item,
}

/// The names of each field in each place, the one that wins first.
static FIELDS: LazyLock<HashMap<(&str, Place), Vec<String>>> = LazyLock::new(|| {
    let mut fields: HashMap<(&str, Place), Vec<String>> = HashMap::new();
    for cells in rows() {
        let [field, place, names] = cells[..] else { continue };
        let places: &[Place] = match place {
            "anywhere" => &[Place::Event, Place::Item],
            "events" => &[Place::Event],
            "items" => &[Place::Item],
            // The head of the table, and the line below it.
            _ => continue,
        };
        for place in places {
            fields.entry((field.trim_matches('`'), *place)).or_default().extend(names_in(names));
        }
    }
    fields
});

/// The type of each name, as the table of types calls it.
static TYPES: LazyLock<HashMap<String, &str>> = LazyLock::new(|| {
    let types = rows().filter_map(|cells| match cells[..] {
        [label, names] => Some((label, names)),
        _ => None,
    });
    types.flat_map(|(label, names)| names_in(names).map(move |name| (name, label))).collect()
});

/// The rows of the page's tables, as cells.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let row = |line: &'static str| line.strip_prefix("| ")?.strip_suffix(" |");
    PAGE.lines().filter_map(row).map(|row| row.split(" | ").collect())
}

fn names_in(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).filter_map(letters)
}

/// What a name says: its letters in lower case and its digits; `None` if it cannot be known.
pub(crate) fn letters(name: &str) -> Option<String> {
    letters_of_any_length(name).filter(|letters| letters.len() <= NAME_LENGTH_MAX)
}

/// The same of a name that may be longer than those of the vocabulary.
pub(crate) fn letters_of_any_length(name: &str) -> Option<String> {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    name.is_ascii().then(|| letters.collect::<String>().to_ascii_lowercase())
}

/// The names of a field in a place, the one that wins first.
pub(crate) fn names_of(field: &'static str, place: Place) -> &'static [String] {
    FIELDS.get(&(field, place)).map_or(&[], Vec::as_slice)
}

/// Whether an event has a field of `docs/VOCABULARY.md` under this name, however it is spelled.
pub fn is_event_field(field: &'static str, name: &str) -> bool {
    letters(name).is_some_and(|letters| names_of(field, Place::Event).contains(&letters))
}

/// Whether an event has any field under this name.
pub(crate) fn is_any_event_field(name: &str) -> bool {
    let letters = letters(name);
    let in_events = FIELDS.iter().filter(|((_, place), _)| *place == Place::Event);
    letters.is_some_and(|letters| in_events.into_iter().any(|(_, names)| names.contains(&letters)))
}

/// The type that has this name, as the table of types calls it; `None` for an unknown type.
pub(crate) fn type_of(name: &str) -> Option<&'static str> {
    TYPES.get(&letters(name)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_names_of_fields_and_types() {
        let names = names_of("item_id", Place::Item);
        assert_eq!((names[0].as_str(), names.last().unwrap().as_str()), ("itemid", "id"));
        assert!(!names_of("item_id", Place::Event).iter().any(|name| name == "id"));
        assert_eq!(names_of("event_params", Place::Event), ["eventparams"]);
        assert_eq!(type_of("Product Viewed"), Some("view"));
        assert_eq!(type_of("SESSION-START"), Some("ignored"));
        assert_eq!((type_of("purchse"), type_of("vi\u{eb}w"), type_of("")), (None, None, None));
    }
}
