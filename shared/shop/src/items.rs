//! What the shop sells.

/// The things, each with its category.
const THINGS: [(&str, &str); 12] = [
    ("mug", "Tableware"),
    ("bowl", "Tableware"),
    ("plate", "Tableware"),
    ("ladle", "Kitchen"),
    ("cutting board", "Kitchen"),
    ("tea towel", "Kitchen"),
    ("blanket", "Living"),
    ("cushion", "Living"),
    ("lamp", "Living"),
    ("notebook", "Desk"),
    ("pen case", "Desk"),
    ("watering can", "Garden"),
];

const MATERIALS: [&str; 12] = [
    "Stoneware",
    "Walnut",
    "Linen",
    "Brass",
    "Oak",
    "Wool",
    "Glass",
    "Cork",
    "Felt",
    "Copper",
    "Ash",
    "Cotton",
];

const BRANDS: [&str; 7] =
    ["Haver", "Lindqvist", "Ostra", "Nakano", "Maison Brun", "Field & Loom", "Tallow"];

/// An item of the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id in the events.
    pub id: u32,
    /// Its name for people; no two items have the same.
    pub name: String,
    /// What kind of thing it is.
    pub category: &'static str,
    /// Who makes it.
    pub brand: &'static str,
    /// What it costs in dollars, as 19.90.
    pub price: String,
}

/// An item of the shop with this seed, from 1 on.
pub fn item(seed: u64, id: u32) -> Item {
    let number = usize::try_from(id).unwrap_or(usize::MAX).saturating_sub(1);
    let (thing, category) = THINGS[number % THINGS.len()];
    let material = MATERIALS[number / THINGS.len() % MATERIALS.len()];
    let edition = match number / THINGS.len() / MATERIALS.len() {
        0 => String::new(),
        edition => format!(" No. {}", edition + 1),
    };
    let cents = crate::price_cents(seed, id);
    Item {
        id,
        name: format!("{material} {thing}{edition}"),
        category,
        brand: BRANDS[number % BRANDS.len()],
        price: format!("{}.{:02}", cents / 100, cents % 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_items_have_the_same_name() {
        let items: Vec<Item> = (1..=1_000).map(|id| item(1, id)).collect();
        let names: BTreeSet<&str> = items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names.len(), items.len());
        assert_eq!((items[0].name.as_str(), items[0].category), ("Stoneware mug", "Tableware"));
        assert_eq!(items[144].name, "Stoneware mug No. 2");
    }
}
