//! Removes a site as a whole: its objects, its rejected lines, its rows, its numbers and its keys.
//!
//! Each step can be done again, so that a run that was killed is finished by the next: keys first,
//! so that nothing new is posted; then objects; then rows.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::commands::clock;
use crate::commands::forget::objects::Objects;
use crate::rows::ledger::{self, ChunkIds, PREFIX, are_counted_elsewhere, sealed_hour};
use crate::rows::records::{catalogues, connections};
use crate::rows::sites::{registry, settings};
use crate::rows::{self, Item};
use crate::stack::aws::explain;
use crate::stack::objects::Object;
use crate::stack::table::api_keys::ApiKeys;
use crate::stack::versions::{self, Stored};
use crate::terminal::escape::shown;
use crate::terminal::progress;

/// How many objects are read at once.
const CONCURRENCY: usize = 4;

/// How often the table is searched for rows, which functions at work may still write.
const SEARCHES_MAX: u32 = 3;

/// A site that is removed, and where it is.
pub(super) struct Removal<'a> {
    pub(super) objects: &'a Objects,
    pub(super) bucket: &'a str,
    pub(super) rejected_bucket: &'a str,
    pub(super) site: &'a str,
}

/// What there is of a site.
#[derive(Default)]
pub(super) struct Contents {
    /// The versions of objects with events of the site alone.
    own: Vec<Object>,
    /// Those with events of other sites, too.
    mixed: Vec<String>,
    /// The objects with the rejected lines of those that are its own.
    rejected: Vec<(String, Stored)>,
    rows: usize,
    keys: Vec<String>,
    is_registered: bool,
}

impl Contents {
    pub(super) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.rows == 0 && self.keys.is_empty() && !self.is_registered
    }

    pub(super) fn text(&self, site: &str, is_done: bool) -> String {
        let verb = if is_done { "removed" } else { "would be removed" };
        let mut text = String::new();
        for name in &self.mixed {
            text.push_str(&format!(
                "stays: {}, which has events of other sites, too\n",
                shown(name)
            ));
        }
        text.push_str(&format!(
            "{verb}: the site {site} with {} versions of objects, {} objects of rejected lines, {} \
             rows and {} keys\n",
            self.own.len(),
            self.rejected.len(),
            self.rows,
            self.keys.len()
        ));
        if !is_done {
            text.push_str(
                "all numbers of the site go as well, and nothing brings them back; what sends its \
                 events must have been stopped\n",
            );
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "versions": self.own.len(),
            "mixed": self.mixed,
            "rejected": self.rejected.len(),
            "rows": self.rows,
            "keys": self.keys.len(),
        })
    }

    /// Why the site cannot be removed, if it cannot.
    pub(super) fn check(&self) -> Result<()> {
        match self.mixed.len() {
            0 => Ok(()),
            mixed => bail!(
                "{mixed} objects have events of other sites, too (--dry-run lists them): forget \
                 its customers one by one"
            ),
        }
    }
}

impl Removal<'_> {
    /// Looks for everything of the site. Nothing is changed.
    ///
    /// # Errors
    /// A bucket or the table cannot be read.
    pub(super) async fn look(&self) -> Result<Contents> {
        let Objects { s3, dynamodb, table, .. } = self.objects;
        let raw = versions::list(s3, self.bucket, "").await?;
        let listed: Vec<&Object> = raw.values().flat_map(|stored| &stored.versions).collect();
        let bar = progress::bar("searching", listed.len());
        let sites = futures::stream::iter(listed).map(async |object| {
            let sites = self.objects.sites_in(object).await?;
            bar.inc(1);
            Ok::<_, anyhow::Error>((object, sites))
        });
        let mut sites = sites.buffered(CONCURRENCY);
        let mut contents = Contents::default();
        while let Some((object, sites)) = sites.try_next().await? {
            match (sites.contains(self.site), sites.len()) {
                (false, _) => {}
                (true, 1) => contents.own.push(object.clone()),
                (true, _) => contents.mixed.push(object.name()),
            }
        }
        bar.finish_and_clear();
        // A version may have been counted only as the beginning of a longer one, which proves it
        // while it exists, so the longest is removed last.
        contents.own.sort_by_key(|object| object.size_bytes);
        let keys: BTreeSet<String> =
            contents.own.iter().map(|object| rejected_key(&object.key)).collect();
        let rejected = versions::list(s3, self.rejected_bucket, "").await?;
        contents.rejected = rejected.into_iter().filter(|(key, _)| keys.contains(key)).collect();
        contents.rows = self.rows().await?.len();
        contents.is_registered = registry::has(dynamodb, table, self.site).await?;
        let keys = self.keys().list().await?;
        let own = keys.into_iter().filter(|key| key.site == self.site);
        contents.keys = own.map(|key| key.id).collect();
        Ok(contents)
    }

    /// Removes it.
    ///
    /// # Errors
    /// An object is not counted yet, or the table or a bucket fails.
    pub(super) async fn write(&self, contents: &Contents) -> Result<()> {
        let Objects { s3, dynamodb, table, .. } = self.objects;
        for key in &contents.keys {
            self.keys().revoke(key).await?;
        }
        let bar = progress::bar("removing", contents.own.len());
        for object in &contents.own {
            self.remove(object).await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        for (key, stored) in &contents.rejected {
            let versions = stored.versions.iter().map(|object| object.version.as_deref());
            let markers = stored.markers.iter().map(|marker| Some(marker.version.as_str()));
            for version in versions.chain(markers) {
                delete_object(s3, (self.rejected_bucket, key), version).await?;
            }
        }
        for _ in 0..SEARCHES_MAX {
            let rows = self.rows().await?;
            if rows.is_empty() {
                break;
            }
            rows::delete(dynamodb, table, &rows).await?;
        }
        self.rename().await
    }

    /// Deletes a version. Its bytes stay known as counted.
    async fn remove(&self, object: &Object) -> Result<()> {
        let Objects { s3, dynamodb, table, .. } = self.objects;
        let Some(hashes) = object.hashes(s3).await? else { return Ok(()) };
        let ids = ChunkIds::new(&object.bucket, &object.key, &hashes);
        let ledger = ledger::read(dynamodb, table, &ids.counted).await?;
        match ledger.filter(ledger::Ledger::is_complete) {
            Some(ledger) => {
                let chunk = ledger.read_as.as_deref().unwrap_or(&ids.counted);
                self.forget_name(chunk).await?;
                let update = dynamodb
                    .update_item()
                    .table_name(table)
                    .key("pk", text(&format!("{PREFIX}{chunk}")))
                    .key("sk", text("000000"))
                    .update_expression("SET removed_at = if_not_exists(removed_at, :now)")
                    .condition_expression("attribute_exists(pk)")
                    .expression_attribute_values(":now", text(&clock::rfc3339(clock::now())));
                let what = format!("cannot record that {} is removed", object.address());
                update.send().await.map_err(|error| explain(what, error))?;
            }
            None if are_counted_elsewhere(dynamodb, s3, table, &ids.file).await? => {}
            None => bail!("{} is not counted yet: run it again once it is", object.address()),
        }
        delete_object(s3, (&object.bucket, &object.key), object.version.as_deref()).await
    }

    /// Removes the name of the site from all entries of a chunk.
    async fn forget_name(&self, chunk: &str) -> Result<()> {
        let Objects { dynamodb, table, .. } = self.objects;
        for entry in rows::partition(dynamodb, table, &format!("{PREFIX}{chunk}")).await? {
            if !entry.contains_key(ledger::SITES) {
                continue;
            }
            let key = entry.into_iter().filter(|(name, _)| matches!(name.as_str(), "pk" | "sk"));
            let update = dynamodb
                .update_item()
                .table_name(table)
                .set_key(Some(key.collect()))
                .update_expression("REMOVE #sites")
                .expression_attribute_names("#sites", ledger::SITES);
            let what = format!("cannot forget the site of {chunk}");
            update.send().await.map_err(|error| explain(what, error))?;
        }
        Ok(())
    }

    /// The keys of the rows of the site, but for its registration and its settings.
    async fn rows(&self) -> Result<Vec<Item>> {
        let Objects { dynamodb, table, .. } = self.objects;
        let of_site = ["T", "O", "R", "S"].map(|kind| format!("{kind}#{}#", self.site));
        let open_hour = format!("{}#", self.site);
        let mut keys = Vec::new();
        let mut items = std::pin::pin!(rows::scan(dynamodb, table));
        while let Some(mut item) = items.try_next().await? {
            let (Some(Ok(pk)), Some(Ok(sk))) = (
                item.get("pk").map(AttributeValue::as_s),
                item.get("sk").map(AttributeValue::as_s),
            ) else {
                continue;
            };
            let chunk = pk.strip_prefix(PREFIX).and_then(sealed_hour);
            let is_own = of_site.iter().any(|prefix| pk.starts_with(prefix))
                || *pk == catalogues::partition_of(self.site)
                || chunk.is_some_and(|(site, _)| site == self.site)
                || pk.starts_with("OPEN") && sk.starts_with(&open_hour)
                || connections::is_partition(pk) && item.get("site") == Some(&text(self.site));
            if is_own {
                item.retain(|name, _| matches!(name.as_str(), "pk" | "sk"));
                keys.push(item);
            }
        }
        Ok(keys)
    }

    /// Leaves the number of the site, and which revisions of settings there were, without its name.
    async fn rename(&self) -> Result<()> {
        let Objects { dynamodb, table, secret, .. } = self.objects;
        // A site that comes again has another number, and another name once it is removed again.
        let name_of =
            |number: &str| secret.stand_in_of_order(number, self.site).replace('~', "removed-");
        let pk = registry::partition_of(self.site);
        for mut row in rows::partition(dynamodb, table, &pk).await? {
            if row.get("sk") != Some(&text(self.site)) {
                continue;
            }
            let key = [("pk", text(&pk)), ("sk", text(self.site))];
            let key = key.map(|(name, value)| (name.to_owned(), value)).into();
            let delete = Delete::builder().table_name(table).set_key(Some(key));
            let number = row.get("number").and_then(|number| number.as_n().ok());
            let name = name_of(number.map_or("", String::as_str));
            row.insert("pk".to_owned(), text(&registry::partition_of(&name)));
            row.insert("sk".to_owned(), text(&name));
            let put = Put::builder().table_name(table).set_item(Some(row));
            let actions = vec![
                TransactWriteItem::builder().delete(delete.build()?).build(),
                TransactWriteItem::builder().put(put.build()?).build(),
            ];
            let write = dynamodb.transact_write_items().set_transact_items(Some(actions));
            write.send().await.map_err(|error| explain("cannot remove the site's row", error))?;
        }
        for revision in self.objects.revisions.iter().filter(|it| it.site == self.site) {
            let update = dynamodb
                .update_item()
                .table_name(table)
                .key("pk", text(settings::PARTITION))
                .key("sk", text(&settings::revision_name(revision.number)))
                .update_expression("SET site = :name REMOVE display_name, allowed_origins")
                .expression_attribute_values(":name", text(&name_of("")));
            update.send().await.map_err(|error| explain("cannot remove settings", error))?;
        }
        Ok(())
    }

    fn keys(&self) -> ApiKeys {
        let Objects { dynamodb, table, .. } = self.objects;
        ApiKeys { client: dynamodb.clone(), table: table.clone() }
    }
}

async fn delete_object(
    client: &aws_sdk_s3::Client,
    (bucket, key): (&str, &str),
    version: Option<&str>,
) -> Result<()> {
    let delete = client.delete_object().bucket(bucket).key(key);
    let deleted = delete.set_version_id(version.map(str::to_owned)).send().await;
    deleted.map_err(|error| explain(format!("cannot delete s3://{bucket}/{key}"), error))?;
    Ok(())
}

/// The key of the rejected lines of an object, as docs/EVENTS.md says.
fn rejected_key(key: &str) -> String {
    if key.len() <= 1_009 {
        return format!("{key}.rejected.jsonl");
    }
    let start = &key[..key.floor_char_boundary(900)];
    format!("{start}.{}.rejected-lines.jsonl", blake3::hash(key.as_bytes()))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
