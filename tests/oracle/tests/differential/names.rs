//! The names of docs/VOCABULARY.md, in all kinds of spellings.

use std::collections::HashMap;
use std::sync::LazyLock;

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

const PAGE: &str = include_str!("../../../../docs/VOCABULARY.md");

/// The names of each field, with its place, and of each type, as the page spells them.
static NAMES: LazyLock<HashMap<String, Vec<&str>>> = LazyLock::new(|| {
    let mut names: HashMap<String, Vec<&str>> = HashMap::new();
    for row in PAGE.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let (last, first) = cells.split_last().unwrap();
        let label = first.join(" ").replace('`', "");
        names.entry(label).or_default().extend(last.split('`').skip(1).step_by(2));
    }
    names
});

/// A name of a field, mostly the first, in an event or in an item.
pub(crate) fn field(field: &str, is_item: bool, random: &mut StdRng) -> String {
    let own = if is_item { "items" } else { "events" };
    let of = |place: &str| NAMES.get(&format!("{field} {place}")).into_iter().flatten().copied();
    let names: Vec<&str> = of("anywhere").chain(of(own)).collect();
    let name = if random.random_bool(0.5) { names[0] } else { names.choose(random).unwrap() };
    respell(name, random)
}

/// A name of a type.
pub(crate) fn type_name(label: &str, random: &mut StdRng) -> String {
    respell(NAMES[label].choose(random).unwrap(), random)
}

/// Another spelling of a name that says the same.
pub(crate) fn respell(name: &str, random: &mut StdRng) -> String {
    if !name.is_ascii() || name.is_empty() {
        return name.to_owned();
    }
    let words = || name.split('_').filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    let joined = |separator: &str| words().map(capital).collect::<Vec<_>>().join(separator);
    match random.random_range(0..20) {
        0 => joined(""),
        1 => joined(" "),
        2 => name.to_uppercase(),
        3 => name.replace('_', "-"),
        4 => name.replace('_', ""),
        5 => format!("{}{name}", ["$", "@", "_", "."].choose(random).unwrap()),
        6 | 7 => {
            let pascal = joined("");
            pascal[..1].to_lowercase() + &pascal[1..]
        }
        8 => {
            let other_case = |letter: char| {
                let other =
                    if letter.is_lowercase() { letter.to_ascii_uppercase() } else { letter };
                if random.random_bool(0.3) { other } else { letter }
            };
            name.chars().map(other_case).collect()
        }
        _ => name.to_owned(),
    }
}
