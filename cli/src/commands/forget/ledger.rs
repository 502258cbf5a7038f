//! The ledger entries of objects that are written anew: they know the new bytes as counted before
//! these are there, and the old bytes for ever.

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

use crate::rows::ledger::{PREFIX, REWRITTEN_AS};
use crate::rows::{Item, partition};
use crate::stack::aws::explain;

/// The sort key of the entry of part 0.
const FIRST: &str = "000000";

/// What an entry gives up whose object was written anew, because the other chunk's entry has it: the
/// object and the outcomes. The plan inputs stay, so that a notification of the old bytes finds them
/// counted, visitors included.
const GIVEN_UP: [&str; 13] = [
    "bucket",
    "key",
    "lines",
    "counted",
    "ignored",
    "duplicate",
    "rejected",
    "rejected_by_reason",
    "events",
    "dropped",
    "unknown",
    "unknown_types",
    "purchases_without_money",
];

/// A chunk that another one takes the place of.
pub(super) struct Successor<'a> {
    pub(super) client: &'a Client,
    pub(super) table: &'a str,
    /// The chunk of the bytes in the bucket.
    pub(super) stored: &'a str,
    /// The chunk that counts them: another one if they were written anew before, by a run that was
    /// killed.
    pub(super) counted: &'a str,
    /// The chunk of the new bytes.
    pub(super) new: &'a str,
    /// How many of the new bytes an earlier version has counted.
    pub(super) counted_before: u64,
}

impl Successor<'_> {
    /// Gives the entries to the new chunk. The last step is one transaction, so at each moment one
    /// chunk has them, and a notification of either finds its bytes counted.
    ///
    /// # Errors
    /// The table fails.
    pub(super) async fn take_over(&self) -> Result<()> {
        if self.new == self.counted {
            return Ok(());
        }
        let new_pk = AttributeValue::S(format!("{PREFIX}{}", self.new));
        let mut first = None;
        for item in partition(self.client, self.table, &format!("{PREFIX}{}", self.counted)).await?
        {
            if is_first(&item) {
                first = Some(item);
                continue;
            }
            let mut copy = item;
            copy.insert("pk".to_owned(), new_pk.clone());
            self.put(copy).await?;
        }
        let old = first.context("a counted chunk has no entry of part 0")?;
        let mut new = old.clone();
        new.insert("pk".to_owned(), new_pk);
        if old.contains_key("counted_before") {
            let bytes = AttributeValue::N(self.counted_before.to_string());
            new.insert("counted_before".to_owned(), bytes);
        }
        self.know_copies().await?;
        let put_new = Put::builder().table_name(self.table).set_item(Some(new));
        let put_old = Put::builder()
            .table_name(self.table)
            .set_item(Some(self.link(&old)))
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(rewritten_as)");
        let mut actions = vec![
            TransactWriteItem::builder().put(put_new.build()?).build(),
            TransactWriteItem::builder().put(put_old.build()?).build(),
        ];
        if self.stored != self.counted {
            let pk = format!("{PREFIX}{}", self.stored);
            let rows = partition(self.client, self.table, &pk).await?;
            let stored = rows.iter().find(|item| is_first(item));
            let stored = stored.context("a counted chunk has no entry of part 0")?;
            let put = Put::builder().table_name(self.table).set_item(Some(self.link(stored)));
            actions.push(TransactWriteItem::builder().put(put.build()?).build());
        }
        let write = self.client.transact_write_items().set_transact_items(Some(actions));
        let what = format!("cannot record that {} is written anew", self.stored);
        write.send().await.map_err(|error| explain(what, error))?;
        Ok(())
    }

    /// The entry of part 0 of a chunk that leads to the new one.
    fn link(&self, entry: &Item) -> Item {
        let kept = entry.iter().filter(|(name, _)| !GIVEN_UP.contains(&name.as_str()));
        let mut link: Item = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        link.insert(REWRITTEN_AS.to_owned(), AttributeValue::S(self.new.to_owned()));
        link
    }

    /// Lets copies of the new bytes be known under other keys, as copies of the old ones are.
    async fn know_copies(&self) -> Result<()> {
        let hash = |chunk: &str| chunk.rsplit_once('#').map(|(_, hash)| format!("B#{hash}"));
        let (Some(old), Some(new)) = (hash(self.counted), hash(self.new)) else { return Ok(()) };
        if partition(self.client, self.table, &old).await?.is_empty() {
            return Ok(());
        }
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let row = [("pk", text(&new)), ("sk", text("chunk")), ("chunk", text(self.new))];
        self.put(row.map(|(name, value)| (name.to_owned(), value)).into()).await
    }

    /// Lets the counted version of the file be found where it is now. Its bytes stay those by which
    /// it is known when the file grows.
    ///
    /// # Errors
    /// The table fails.
    pub(super) async fn move_version(
        client: &Client,
        table: &str,
        (bucket, key): (&str, &str),
        (old, new): (&str, &str),
    ) -> Result<()> {
        let update = client
            .update_item()
            .table_name(table)
            .key("pk", AttributeValue::S(format!("F#{bucket}/{key}")))
            .key("sk", AttributeValue::S("counted".to_owned()))
            .update_expression("SET version_id = :new")
            .condition_expression("version_id = :old")
            .expression_attribute_values(":new", AttributeValue::S(new.to_owned()))
            .expression_attribute_values(":old", AttributeValue::S(old.to_owned()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(explain("cannot record where a file is", error)),
        }
    }

    async fn put(&self, item: Item) -> Result<()> {
        let put = self.client.put_item().table_name(self.table).set_item(Some(item));
        put.send().await.map_err(|error| explain("cannot write the ledger", error))?;
        Ok(())
    }
}

fn is_first(entry: &Item) -> bool {
    entry.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| sk == FIRST)
}
