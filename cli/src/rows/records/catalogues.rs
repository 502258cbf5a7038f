//! The rows of the catalogues of sites.

use anyhow::{Context as _, Result};
use minutebook_domain::catalogue::{Slot, slot_of, unpack};

use crate::rows::attributes::{Item, number, others, text, time};

/// What the partition key begins with; the site follows.
const PREFIX: &str = "CATALOGUE#";

/// The sort key of the row that says which catalogue a site has now.
pub(crate) const CURRENT: &str = "current";

/// The sort key of the row with the number of the newest catalogue, finished or not.
pub(crate) const NEWEST: &str = "newest";

/// The catalogue that a site has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) revision: u32,
    pub(crate) slots: u32,
}

/// The partition of the catalogue of a site.
pub(crate) fn partition_of(site: &str) -> String {
    format!("{PREFIX}{site}")
}

/// Whether a partition is that of a catalogue.
pub(crate) fn is_partition(pk: &str) -> bool {
    pk.len() > PREFIX.len() && pk.starts_with(PREFIX)
}

/// The sort key of a slot.
pub(crate) fn slot_name(revision: u32, slot: u32) -> String {
    format!("{revision:06}#{slot:05}")
}

/// The revision and the number of the slot with this sort key; `None` if it is no slot.
pub(crate) fn slot_named(sk: &str) -> Option<(u32, u32)> {
    let (revision, slot) = sk.split_once('#')?;
    let (revision, slot) = (revision.parse().ok()?, slot.parse().ok()?);
    (slot_name(revision, slot) == sk).then_some((revision, slot))
}

/// Reads which catalogue a site has.
///
/// # Errors
/// The row is not as docs/TABLE.md says.
pub(crate) fn current(item: &Item) -> Result<Current> {
    Ok(Current { revision: number(item, "revision")?, slots: number(item, "slots")? })
}

/// Reads the items of a slot.
///
/// # Errors
/// The row is not as docs/TABLE.md says.
pub(crate) fn slot(item: &Item) -> Result<Slot> {
    let bytes = item.get("items").and_then(|value| value.as_b().ok());
    let bytes = bytes.with_context(|| format!("its items is {:?}", item.get("items")))?;
    Ok(unpack(bytes.as_ref())?)
}

/// Reads a row; `None` if it is not one of a catalogue.
pub(in crate::rows) fn read(item: &Item, sk: &str, odd: &mut impl FnMut(String)) -> Option<()> {
    match (sk, slot_named(sk)) {
        (CURRENT, _) => {
            others(item, &["revision", "slots", "items", "updated_at"], odd);
            for error in [
                current(item).err(),
                number::<u32>(item, "items").err(),
                time(item, "updated_at").err(),
            ] {
                error.into_iter().for_each(|error| odd(error.to_string()));
            }
        }
        (NEWEST, _) => {
            others(item, &["revision"], odd);
            number::<u32>(item, "revision").err().into_iter().for_each(|it| odd(it.to_string()));
        }
        (_, Some(_)) => {
            others(item, &["items"], odd);
            slot(item).err().into_iter().for_each(|error| odd(error.to_string()));
        }
        _ => {
            odd("not the keys of a catalogue".to_owned());
            return None;
        }
    }
    Some(())
}

/// The items of a catalogue, from the rows of its partition; none if the site has none.
///
/// # Errors
/// A row is not as docs/TABLE.md says, or a slot is missing.
pub(crate) fn items_of(rows: &[Item]) -> Result<(Option<Current>, Slot)> {
    let named = |name: &str| rows.iter().find(|row| text(row, "sk").is_ok_and(|sk| sk == name));
    let Some(row) = named(CURRENT) else { return Ok((None, Slot::new())) };
    let current = current(row)?;
    let mut items = Slot::new();
    for number in 0..current.slots {
        let name = slot_name(current.revision, number);
        let row = named(&name).with_context(|| format!("the slot {name} is missing"))?;
        items.extend(slot(row)?);
    }
    Ok((Some(current), items))
}

/// The items of a catalogue by their slots.
pub(crate) fn in_slots(items: &Slot, slots: u32) -> Vec<Slot> {
    let mut all = vec![Slot::new(); usize::try_from(slots).unwrap_or_default()];
    for (id, item) in items {
        let slot = usize::try_from(slot_of(id, slots)).ok().and_then(|slot| all.get_mut(slot));
        if let Some(slot) = slot {
            slot.insert(id.clone(), item.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};
    use aws_sdk_dynamodb::primitives::Blob;
    use aws_sdk_dynamodb::types::AttributeValue;
    use minutebook_domain::catalogue::{CatalogueItem, pack};

    fn named(name: &str) -> CatalogueItem {
        CatalogueItem { name: Some(name.into()), ..CatalogueItem::default() }
    }

    fn slot_row(revision: u32, number: u32, slot: &Slot) -> Item {
        let bytes = AttributeValue::B(Blob::new(pack(slot).unwrap()));
        item("CATALOGUE#shop", &slot_name(revision, number), &[("items", bytes)])
    }

    fn current_row() -> Item {
        let attributes = [
            ("revision", number("3")),
            ("slots", number("2")),
            ("items", number("5")),
            ("updated_at", text("2026-11-20T23:07:00Z")),
        ];
        item("CATALOGUE#shop", CURRENT, &attributes)
    }

    #[test]
    fn a_catalogue_is_put_together_from_its_slots() {
        let items: Slot = (0..5).map(|id| (id.to_string().into(), named("mug"))).collect();
        let mut rows = vec![current_row(), item("CATALOGUE#shop", NEWEST, &[])];
        for (number, slot) in (0..).zip(in_slots(&items, 2)) {
            rows.push(slot_row(3, number, &slot));
            rows.push(slot_row(2, number, &Slot::from([("old".into(), named("old"))])));
        }
        let current = Current { revision: 3, slots: 2 };
        assert_eq!(items_of(&rows).unwrap(), (Some(current), items));
        rows.retain(|row| row.get("sk") != Some(&text("000003#00001")));
        assert!(items_of(&rows).unwrap_err().to_string().contains("000003#00001 is missing"));
        assert_eq!(items_of(&[]).unwrap(), (None, Slot::new()));
    }

    #[test]
    fn rows_are_read_and_what_is_odd_is_named() {
        let oddities = |row: &Item, sk: &str| {
            let mut oddities = Vec::new();
            let read = read(row, sk, &mut |what| oddities.push(what));
            (read.is_some(), oddities)
        };
        let whole = (true, Vec::new());
        assert_eq!(oddities(&current_row(), CURRENT), whole);
        assert_eq!(oddities(&slot_row(3, 1, &Slot::new()), "000003#00001"), whole);
        let newest = item("CATALOGUE#shop", NEWEST, &[("revision", number("4"))]);
        assert_eq!(oddities(&newest, NEWEST), whole);
        let bytes = [("items", AttributeValue::B(Blob::new("x")))];
        let (is_read, oddities_of_slot) = oddities(&item("C", "s", &bytes), "000003#00001");
        assert!(is_read && oddities_of_slot[0].contains("zstd"), "{oddities_of_slot:?}");
        let row = item("C", "s", &[("revision", text("4")), ("x", text("y"))]);
        assert_eq!(oddities(&row, CURRENT).1.len(), 4);
        assert_eq!(oddities(&row, NEWEST).1.len(), 2);
        assert!(!oddities(&row, "3#1").0);
    }
}
