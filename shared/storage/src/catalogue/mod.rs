//! The catalogues of sites, as the command has stored them: docs/TABLE.md has their rows.

pub mod known;

use std::future::Future;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use minutebook_domain::catalogue::{Slot, unpack};

use crate::error::StorageError;
use crate::keys;
use crate::table::{BATCH_READS_MAX, Consistency, Item, Table, key, malformed, number, text};

/// The catalogue that a site has now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Current {
    /// Its number; each change makes a whole new one.
    pub revision: u32,
    /// Into how many slots its items are divided.
    pub slots: u32,
}

/// Where catalogues are read from: the table, or a stand-in for it in tests.
pub trait CatalogueSource: Sync {
    /// The catalogue of a site; `None` if it has none.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn current_catalogue(
        &self,
        site: &str,
        consistency: Consistency,
    ) -> impl Future<Output = Result<Option<Current>, StorageError>> + Send;

    /// Those of these slots of a revision that exist. All do, until another revision takes its place.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn catalogue_slots(
        &self,
        site: &str,
        revision: u32,
        slots: &[u32],
        consistency: Consistency,
    ) -> impl Future<Output = Result<Vec<(u32, Slot)>, StorageError>> + Send;
}

impl CatalogueSource for Table {
    async fn current_catalogue(
        &self,
        site: &str,
        consistency: Consistency,
    ) -> Result<Option<Current>, StorageError> {
        let wanted = key(keys::catalogue_partition(site), keys::CURRENT_CATALOGUE.to_string());
        let get = self.client.get_item().table_name(&self.name).set_key(Some(wanted));
        let got = get.consistent_read(consistency == Consistency::Strong).send().await;
        let got = got.map_err(|error| StorageError::from_sdk("GetItem of a catalogue", error))?;
        got.item.as_ref().map(read_current).transpose()
    }

    async fn catalogue_slots(
        &self,
        site: &str,
        revision: u32,
        slots: &[u32],
        consistency: Consistency,
    ) -> Result<Vec<(u32, Slot)>, StorageError> {
        let batches = slots.chunks(BATCH_READS_MAX).map(|slots| {
            let of = |slot: &u32| {
                key(keys::catalogue_partition(site), keys::catalogue_slot(revision, *slot))
            };
            let wanted = slots.iter().map(of).collect();
            self.read_batch(wanted, consistency, "BatchGetItem of a catalogue")
        });
        let items = try_join_all(batches).await?;
        items.iter().flatten().map(read_slot).collect()
    }
}

fn read_current(item: &Item) -> Result<Current, StorageError> {
    Ok(Current { revision: number(item, keys::REVISION)?, slots: number(item, "slots")? })
}

fn read_slot(item: &Item) -> Result<(u32, Slot), StorageError> {
    let sort_key = text(item, keys::SORT_KEY)?;
    let number = sort_key.split_once('#').and_then(|(_, slot)| slot.parse().ok());
    let number = number.ok_or_else(|| malformed(item, "its sort key has no slot".to_string()))?;
    match item.get("items") {
        Some(AttributeValue::B(bytes)) => {
            let slot =
                unpack(bytes.as_ref()).map_err(|error| malformed(item, error.to_string()))?;
            Ok((number, slot))
        }
        other => Err(malformed(item, format!("items is {other:?}, not bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::primitives::Blob;
    use minutebook_domain::catalogue::{CatalogueItem, pack};

    #[test]
    fn rows_are_read_as_the_table_page_says() {
        let partition = || keys::catalogue_partition("shop");
        let mut current = key(partition(), keys::CURRENT_CATALOGUE.to_string());
        let set = |item: &mut Item, name: &str, value| item.insert(name.to_string(), value);
        set(&mut current, "revision", AttributeValue::N("3".to_string()));
        assert!(read_current(&current).expect_err("no slots").to_string().contains("slots"));
        set(&mut current, "slots", AttributeValue::N("2".to_string()));
        assert_eq!(read_current(&current).expect("whole"), Current { revision: 3, slots: 2 });

        let item = CatalogueItem { name: Some("Oat mug".into()), ..CatalogueItem::default() };
        let slot = Slot::from([("7".into(), item)]);
        let mut row = key(partition(), keys::catalogue_slot(3, 1));
        let error = read_slot(&row).expect_err("no items").to_string();
        assert!(error.contains("CATALOGUE#shop / 000003#00001"), "{error}");
        set(&mut row, "items", AttributeValue::B(Blob::new(pack(&slot).expect("memory"))));
        assert_eq!(read_slot(&row).expect("whole"), (1, slot));
        set(&mut row, "items", AttributeValue::B(Blob::new("x")));
        assert!(read_slot(&row).expect_err("no slot").to_string().contains("zstd"));
    }
}
