//! Changes the catalogues of sites.
//!
//! A change makes a whole new catalogue: its slots are written under a number that no other has, and
//! then one conditional write makes it the one that the site has. Readers see the one or the other.

use anyhow::{Result, bail, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, ReturnValue, WriteRequest};
use minutebook_domain::catalogue::{ITEMS_MAX, Slot, pack, slots_for};

use crate::commands::clock;
use crate::rows::records::catalogues::{
    CURRENT, Current, NEWEST, in_slots, items_of, partition_of, slot_name, slot_named,
};
use crate::rows::{self, Item};
use crate::stack::aws::explain;

/// The most bytes of a packed slot; DynamoDB takes rows of 400 KB. A usual one has some 2 KB.
const SLOT_BYTES_MAX: usize = 64 * 1024;

/// How often a change is made again that somebody else's came before.
const ATTEMPTS_MAX: u32 = 10;

/// The catalogue of a site.
#[derive(Debug)]
pub(crate) struct Catalogue<'a> {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) site: &'a str,
}

/// How many items a catalogue had and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) before: usize,
    pub(crate) after: usize,
}

impl Catalogue<'_> {
    /// The items.
    ///
    /// # Errors
    /// The table cannot be read.
    pub(crate) async fn items(&self) -> Result<Slot> {
        // One that was replaced while it was read is read again.
        for _ in 1..ATTEMPTS_MAX {
            if let Ok((_, items)) = items_of(&self.rows().await?) {
                return Ok(items);
            }
        }
        Ok(items_of(&self.rows().await?)?.1)
    }

    /// Changes the items, all at once.
    ///
    /// # Errors
    /// The items would be too many, or the table cannot be read or written. Nothing is changed then.
    pub(crate) async fn change(&self, change: impl Fn(&mut Slot) -> Result<()>) -> Result<Changed> {
        for _ in 0..ATTEMPTS_MAX {
            let stored = self.rows().await?;
            let Ok((current, before)) = items_of(&stored) else { continue };
            let mut items = before.clone();
            change(&mut items)?;
            let changed = Changed { before: before.len(), after: items.len() };
            if items == before {
                return Ok(changed);
            }
            ensure!(
                items.len() <= ITEMS_MAX,
                "the catalogue would have {} items: it takes {ITEMS_MAX}",
                items.len()
            );
            let revision = self.next_revision().await?;
            let slots = packed_slots(&items)?;
            let count = u32::try_from(slots.len())?;
            self.write(revision, slots).await?;
            let after = Current { revision, slots: count };
            if self.replace(current, after, items.len()).await? {
                self.delete_before(&stored, revision).await?;
                return Ok(changed);
            }
            self.delete(&self.rows().await?, |it| it == revision).await?;
        }
        bail!("others change the catalogue at the same time; try again")
    }

    async fn rows(&self) -> Result<Vec<Item>> {
        rows::partition(&self.client, &self.table, &partition_of(self.site)).await
    }

    /// A number that no catalogue of the site has or gets.
    async fn next_revision(&self) -> Result<u32> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&partition_of(self.site)))
            .key("sk", text(NEWEST))
            .update_expression("ADD #revision :one")
            .expression_attribute_names("#revision", "revision")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::UpdatedNew);
        let updated = update.send().await;
        let updated = updated.map_err(|error| explain("cannot number the catalogue", error))?;
        let number = updated.attributes.unwrap_or_default().remove("revision");
        match number.as_ref().map(AttributeValue::as_n) {
            Some(Ok(number)) => Ok(number.parse()?),
            _ => bail!("the number of the catalogue is {number:?}"),
        }
    }

    async fn write(&self, revision: u32, slots: Vec<Vec<u8>>) -> Result<()> {
        let put = |(number, bytes): (u32, Vec<u8>)| {
            let request = PutRequest::builder()
                .item("pk", text(&partition_of(self.site)))
                .item("sk", text(&slot_name(revision, number)))
                .item("items", AttributeValue::B(Blob::new(bytes)))
                .build()?;
            anyhow::Ok(WriteRequest::builder().put_request(request).build())
        };
        let writes: Vec<WriteRequest> = (0..).zip(slots).map(put).collect::<Result<_>>()?;
        let what = ("writing the catalogue", "cannot write the catalogue");
        rows::write(&self.client, &self.table, what, &writes).await
    }

    /// Makes a catalogue the one that the site has; `false` if it does not have `before` any more.
    async fn replace(&self, before: Option<Current>, after: Current, items: usize) -> Result<bool> {
        let number = |number: u32| AttributeValue::N(number.to_string());
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&partition_of(self.site)))
            .item("sk", text(CURRENT))
            .item("revision", number(after.revision))
            .item("slots", number(after.slots))
            .item("items", AttributeValue::N(items.to_string()))
            .item("updated_at", text(&clock::rfc3339(clock::now())));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(Current { revision, .. }) => put
                .condition_expression("#revision = :before")
                .expression_attribute_names("#revision", "revision")
                .expression_attribute_values(":before", number(revision)),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(explain("cannot change the catalogue", error)),
        }
    }

    /// Deletes what was there before a revision. Whoever still writes one of them has read a
    /// catalogue that has been replaced, and writes another.
    async fn delete_before(&self, stored: &[Item], revision: u32) -> Result<()> {
        self.delete(stored, |it| it < revision).await
    }

    async fn delete(&self, stored: &[Item], is_deleted: impl Fn(u32) -> bool) -> Result<()> {
        let is_deleted = |row: &&Item| {
            let sk = row.get("sk").and_then(|sk| sk.as_s().ok());
            sk.and_then(|sk| slot_named(sk)).is_some_and(|(revision, _)| is_deleted(revision))
        };
        let key = |row: &Item| {
            let keys = row.iter().filter(|(name, _)| matches!(name.as_str(), "pk" | "sk"));
            keys.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let keys: Vec<Item> = stored.iter().filter(is_deleted).map(key).collect();
        rows::delete(&self.client, &self.table, &keys).await
    }
}

/// The slots of a catalogue as they are stored: as many as it takes for each to be small.
fn packed_slots(items: &Slot) -> Result<Vec<Vec<u8>>> {
    let mut slots = slots_for(items.len());
    loop {
        let packed = in_slots(items, slots).iter().map(pack).collect::<Result<Vec<_>, _>>()?;
        if packed.iter().all(|bytes| bytes.len() <= SLOT_BYTES_MAX) {
            return Ok(packed);
        }
        slots *= 2;
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::catalogue::{CatalogueItem, unpack};

    #[test]
    fn a_catalogue_of_long_texts_has_more_slots() {
        let item = |id: u32, length: usize| {
            let noise = (0..length).map(|at| {
                let hash = blake3::hash(format!("{id} {at}").as_bytes());
                char::from(b'!' + hash.as_bytes()[0] % 90)
            });
            let name = Some(noise.collect::<String>().into_boxed_str());
            (id.to_string().into(), CatalogueItem { name, ..CatalogueItem::default() })
        };
        for (length, expected) in [(10, 2), (2_000, 4)] {
            let items: Slot = (0..100).map(|id| item(id, length)).collect();
            let packed = packed_slots(&items).unwrap();
            assert_eq!(packed.len(), expected, "{length}");
            let read = packed.iter().flat_map(|slot| unpack(slot).unwrap());
            assert_eq!(read.collect::<Slot>(), items);
        }
    }
}
