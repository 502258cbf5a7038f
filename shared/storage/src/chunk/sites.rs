//! Which sites a ledger entry is about: whoever follows the table's stream learns from the entry
//! whose numbers have changed.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use minutebook_domain::order::facts::Orders;
use minutebook_domain::plan::Part;

use crate::chunk::visitor_slices::VisitorSlice;
use crate::table::Item;

/// The attribute with the sites.
pub const SITES: &str = "sites";

/// What stands for the sites of an entry that has no room for their names. No site has this name.
pub const MANY_SITES: &str = "*";

/// The sizes by which DynamoDB bills a write.
///
/// **Source**:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
const WRITE_UNIT_BYTES: usize = 1_024;

/// What a map takes besides its contents, and an element of a map or a set at most.
///
/// **Source**:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
const MAP_BYTES: usize = 3;
const ELEMENT_BYTES: usize = 1;

/// The sites that a part of a chunk adds to: those of its rows, of the visitors that are written
/// before it, and of the orders, which are written before the last part.
pub(crate) fn sites_of<'a>(
    part: &Part<'a>,
    visitors: Option<&VisitorSlice<'a>>,
    orders: Option<&'a Orders>,
) -> BTreeSet<&'a str> {
    let of_rows = part.rows.iter().map(|row| row.site);
    let of_minutes = visitors.into_iter().flat_map(|slice| &slice.minutes).map(|it| it.1.0);
    let of_periods =
        visitors.into_iter().flat_map(|slice| slice.periods.keys()).map(|(_, site, _)| *site);
    let of_orders = orders.into_iter().flat_map(Orders::unsorted).map(|(id, _)| id.site.as_str());
    of_rows.chain(of_minutes).chain(of_periods).chain(of_orders).collect()
}

/// Adds the sites to a ledger entry, or [`MANY_SITES`] if their names would cost a write unit more.
pub(crate) fn add_sites(item: &mut Item, sites: &BTreeSet<&str>) {
    if sites.is_empty() {
        return;
    }
    let units = |bytes: usize| bytes.div_ceil(WRITE_UNIT_BYTES);
    let bytes = bytes_of(item);
    let names = sites.iter().map(|site| site.len() + ELEMENT_BYTES).sum::<usize>();
    let has_room = units(bytes + SITES.len() + MAP_BYTES + names) == units(bytes);
    let names = if has_room {
        sites.iter().map(|site| (*site).to_string()).collect()
    } else {
        vec![MANY_SITES.to_string()]
    };
    item.insert(SITES.to_string(), AttributeValue::Ss(names));
}

/// An upper bound of the size of an item, in bytes.
fn bytes_of(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + bytes_of_value(value)).sum()
}

fn bytes_of_value(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        // Two digits a byte, one for the exponent, and one for the sign.
        AttributeValue::N(number) => number.len().div_ceil(2) + 2,
        AttributeValue::M(members) => {
            let of_member = |(name, value): (&String, &AttributeValue)| {
                name.len() + bytes_of_value(value) + ELEMENT_BYTES
            };
            MAP_BYTES + members.iter().map(of_member).sum::<usize>()
        }
        // Ledger entries have no others.
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::ledger::{ChunkHeader, ChunkInputs, LedgerEntry, entry_item};
    use crate::keys::EntryName;
    use crate::table::key;
    use minutebook_domain::chunk::id::ChunkId;
    use minutebook_domain::chunk::{ContentHash, Outcomes};
    use minutebook_domain::count::secret::SecretNumber;
    use minutebook_domain::event::settings::SettingsRevision;
    use minutebook_domain::plan::{PLAN_FORMAT_VERSION, PlanInputs};

    /// An entry of this size in bytes, with these sites.
    fn noted(bytes: usize, sites: &[&str]) -> Option<Vec<String>> {
        let mut item = key("L#".to_string() + &"x".repeat(bytes - 12), "000000".to_string());
        assert_eq!(bytes_of(&item), bytes);
        add_sites(&mut item, &sites.iter().copied().collect());
        item.remove(SITES).map(|sites| sites.as_ss().expect("a set").clone())
    }

    #[test]
    fn an_entry_names_its_sites_while_they_cost_nothing() {
        assert_eq!(noted(500, &[]), None);
        assert_eq!(noted(500, &["b", "a"]), Some(vec!["a".to_string(), "b".to_string()]));
        // The names take 5 + 3 + 6 + 1 bytes.
        assert_eq!(noted(1_024 - 15, &["shop-1"]), Some(vec!["shop-1".to_string()]));
        assert_eq!(noted(1_024 - 14, &["shop-1"]), Some(vec!["*".to_string()]));
        // An entry with a long key takes two units anyway.
        assert_eq!(noted(1_100, &["shop-1"]), Some(vec!["shop-1".to_string()]));
        let names: Vec<String> = (0..100).map(|number| format!("shop-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(noted(500, &names), Some(vec!["*".to_string()]));
    }

    /// The entry of part 0 of a posted chunk, which has the most attributes.
    #[test]
    fn a_usual_entry_names_its_sites_and_takes_one_unit() {
        let inputs = PlanInputs {
            visitor_secret: SecretNumber(1),
            settings_revision: SettingsRevision(12),
            sites_max: 1_000,
            ..PlanInputs::with_defaults("2026-11-20T23:07:01Z".parse().expect("a time"))
        };
        let outcomes = Outcomes { lines: 10_000, counted: 9_990, ..Outcomes::default() };
        let (bucket, key) = (
            "minutebook-bucket-1a2b3c4d5e6f",
            "collected/2026/11/20/23/0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6.jsonl",
        );
        let header = ChunkHeader { bucket, key, inputs, outcomes: &outcomes, file: None };
        let entry = LedgerEntry {
            plan_format_version: PLAN_FORMAT_VERSION,
            parts: 2,
            late_parts: Some(12),
            inputs: Some(inputs.recorded()),
        };
        let chunk = ChunkId::new(bucket, key, &ContentHash::of_refused(1, b"a"));
        let now = "2026-11-20T23:07:03.25Z".parse().expect("a time");
        let mut item = entry_item(&chunk, EntryName::FIRST, &entry, Some(&header), now);
        let sites = ["shop-of-berlin", "shop-of-hamburg", "shop-of-munich"];
        add_sites(&mut item, &sites.into());
        assert_eq!(item[SITES].as_ss().map(Vec::len), Ok(3));
        item.remove(SITES);
        assert!(bytes_of(&item) < WRITE_UNIT_BYTES - 100, "{}", bytes_of(&item));
    }

    #[test]
    fn the_size_counts_names_and_values() {
        let members = [("not_json".to_string(), AttributeValue::N("12".to_string()))];
        let mut item = key("L#a".to_string(), "000000".to_string());
        item.insert("rejected".to_string(), AttributeValue::M(members.into()));
        item.insert("quarters".to_string(), AttributeValue::Bool(true));
        assert_eq!(bytes_of(&item), (2 + 3) + (2 + 6) + (8 + 3 + 8 + 3 + 1) + (8 + 1));
    }
}
