//! Writes rows of the table by hand, and reads them.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::Store;

/// A hand-written ledger entry, like one that ingest wrote at another time.
#[derive(Clone, Copy, Debug)]
pub struct HandWrittenEntry<'a> {
    /// The object's key.
    pub key: &'a str,
    /// The hash of its bytes.
    pub content_hash: &'a str,
    /// The time at which it was counted: RFC 3339, whole seconds.
    pub reference_time: &'a str,
    /// The number of lines. All of them are counted events.
    pub lines: u32,
}

/// The partition that lists the open hours of a site.
pub fn open_partition(site: &str) -> String {
    format!("OPEN#{}", &blake3::hash(site.as_bytes()).to_hex()[..1])
}

/// The partition of the registry that a site is in.
pub fn sites_partition(site: &str) -> String {
    format!("SITES#{}", &blake3::hash(site.as_bytes()).to_hex()[..1])
}

/// The plan format version of hand-written ledger entries. They record no reader version, which
/// stands for the rules of this one.
const PLAN_FORMAT_VERSION: u32 = 8;

impl Store {
    /// A row with keys only.
    fn row(&self, pk: &str, sk: &str) -> PutItemFluentBuilder {
        let key = |key: &str| AttributeValue::S(key.to_string());
        let put = self.clients.dynamodb.put_item().table_name(&self.table);
        put.item("pk", key(pk)).item("sk", key(sk))
    }

    /// Writes a row with these keys and numbers.
    ///
    /// # Errors
    /// The request fails.
    pub async fn put_row(&self, pk: &str, sk: &str, numbers: &[(&str, u32)]) -> anyhow::Result<()> {
        let mut put = self.row(pk, sk);
        for (name, number) in numbers {
            put = put.item(*name, AttributeValue::N(number.to_string()));
        }
        put.send().await.context("PutItem")?;
        Ok(())
    }

    /// Lists an hour as open, as ingest does.
    ///
    /// # Errors
    /// The request fails.
    pub async fn list_open(&self, site: &str, hour: &str) -> anyhow::Result<()> {
        self.put_row(&open_partition(site), &format!("{site}#{hour}"), &[]).await
    }

    /// Writes a revision of the settings of sites: what a site sets from then on.
    ///
    /// # Errors
    /// The request fails.
    pub async fn set_site(
        &self,
        revision: u32,
        site: &str,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let text = |text: &str| AttributeValue::S(text.to_string());
        let mut put = self.row("SETTINGS", &format!("{revision:06}"));
        for (name, value) in [("site", site), ("set_at", "2026-11-20T00:00:00Z")] {
            put = put.item(name, text(value));
        }
        for (name, value) in settings {
            put = put.item(*name, text(value));
        }
        put.send().await.context("PutItem of settings")?;
        Ok(())
    }

    /// The rows of all open hours.
    ///
    /// # Errors
    /// The request fails.
    pub async fn open_hours(&self) -> anyhow::Result<Vec<HashMap<String, AttributeValue>>> {
        let mut hours = vec![];
        for digit in "0123456789abcdef".chars() {
            hours.extend(self.partition(&format!("OPEN#{digit}")).await?);
        }
        Ok(hours)
    }

    /// Writes a row of `size_bytes` in total, without counters.
    ///
    /// # Errors
    /// The request fails.
    pub async fn put_filled_row(
        &self,
        pk: &str,
        sk: &str,
        size_bytes: usize,
    ) -> anyhow::Result<()> {
        let others = "pk".len() + pk.len() + "sk".len() + sk.len() + "filler".len();
        let filler = AttributeValue::S("x".repeat(size_bytes - others));
        let put = self.row(pk, sk).item("filler", filler);
        put.send().await.context("PutItem")?;
        Ok(())
    }

    /// Writes the ledger entry of a chunk with one part, as ingest would after it counted every
    /// line, and adds it to the totals.
    ///
    /// # Errors
    /// The request fails.
    pub async fn put_entry(&self, entry: &HandWrittenEntry<'_>) -> anyhow::Result<()> {
        let text = |text: &str| AttributeValue::S(text.to_string());
        let number = |number: u32| AttributeValue::N(number.to_string());
        let chunk = format!("L#{}/{}#{}", self.bucket, entry.key, entry.content_hash);
        let mut put = self
            .row(&chunk, "000000")
            .item("bucket", text(&self.bucket))
            .item("key", text(entry.key))
            .item("reference_time", text(entry.reference_time))
            .item("committed_at", text(entry.reference_time))
            .item("default_currency", text("USD"))
            .item("rejected_by_reason", AttributeValue::M(HashMap::new()));
        for (name, value) in [
            ("plan_format_version", PLAN_FORMAT_VERSION),
            ("parts", 1),
            ("minute_retention_days", 0),
            ("keys_max", 0),
            ("lines", entry.lines),
            ("counted", entry.lines),
            ("ignored", 0),
            ("duplicate", 0),
            ("rejected", 0),
            ("events", entry.lines),
        ] {
            put = put.item(name, number(value));
        }
        put.send().await.context("PutItem of a ledger entry")?;
        self.add_to_totals(entry).await
    }

    /// Adds a ledger entry to the totals row, as ingest does with each entry.
    async fn add_to_totals(&self, entry: &HandWrittenEntry<'_>) -> anyhow::Result<()> {
        let add = self.clients.dynamodb.update_item().table_name(&self.table);
        let mut add = add
            .key("pk", AttributeValue::S("TOTALS".to_string()))
            .key("sk", AttributeValue::S("00".to_string()))
            .expression_attribute_values(
                ":time",
                AttributeValue::S(entry.reference_time.to_string()),
            );
        let mut sums = vec![];
        for (name, count) in [
            ("chunks", 1),
            ("lines", entry.lines),
            ("counted", entry.lines),
            ("ignored", 0),
            ("duplicate", 0),
            ("rejected", 0),
            ("events", entry.lines),
        ] {
            // Some of the names are reserved words in expressions.
            add = add
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(
                    format!(":{name}"),
                    AttributeValue::N(count.to_string()),
                );
            sums.push(format!("#{name} :{name}"));
        }
        let sums = sums.join(", ");
        let add = add.update_expression(format!(
            "ADD {sums} SET last_committed_at = :time, last_put_at = :time"
        ));
        add.send().await.context("UpdateItem of the totals")?;
        Ok(())
    }

    /// Adds `amount` to an attribute of a row, bypassing ingest.
    ///
    /// # Errors
    /// The request fails.
    pub async fn add(
        &self,
        row: (&str, &str),
        attribute: &str,
        amount: &str,
    ) -> anyhow::Result<()> {
        let update = self
            .clients
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(row.0.to_string()))
            .key("sk", AttributeValue::S(row.1.to_string()))
            .update_expression("ADD #attribute :amount")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":amount", AttributeValue::N(amount.to_string()));
        update.send().await.context("UpdateItem")?;
        Ok(())
    }

    /// Deletes a row, for example one that a test wrote by hand and `verify` must not see.
    ///
    /// # Errors
    /// The request fails.
    pub async fn delete_row(&self, pk: &str, sk: &str) -> anyhow::Result<()> {
        let delete = self
            .clients
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk.to_string()))
            .key("sk", AttributeValue::S(sk.to_string()));
        delete.send().await.context("DeleteItem")?;
        Ok(())
    }

    /// The sort keys of a partition, ascending.
    ///
    /// # Errors
    /// The request fails.
    pub async fn rows_of(&self, pk: &str) -> anyhow::Result<Vec<String>> {
        let key =
            |row: &HashMap<String, AttributeValue>| row["sk"].as_s().cloned().unwrap_or_default();
        Ok(self.partition(pk).await?.iter().map(key).collect())
    }

    /// The rows of a partition, ascending.
    ///
    /// # Errors
    /// The request fails.
    pub async fn partition(
        &self,
        pk: &str,
    ) -> anyhow::Result<Vec<HashMap<String, AttributeValue>>> {
        let query = self.clients.dynamodb.query().table_name(&self.table).consistent_read(true);
        let rows = query
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_string()))
            .into_paginator()
            .items()
            .send();
        rows.try_collect().await.context("Query")
    }

    /// The item counters of all tally rows, by partition key, sort key and attribute name.
    ///
    /// # Errors
    /// The request fails.
    pub async fn counters(&self) -> anyhow::Result<BTreeMap<[String; 3], String>> {
        let mut items = self
            .clients
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("begins_with(pk, :tally)")
            .expression_attribute_values(":tally", AttributeValue::S("T#".to_string()))
            .into_paginator()
            .items()
            .send();
        let mut counters = BTreeMap::new();
        while let Some(item) = items.next().await {
            let item = item.context("Scan")?;
            let key = |name: &str| item[name].as_s().cloned().unwrap_or_default();
            for (name, value) in &item {
                if let (true, AttributeValue::N(number)) = (name.starts_with("i#"), value) {
                    counters.insert([key("pk"), key("sk"), name.clone()], number.clone());
                }
            }
        }
        Ok(counters)
    }

    /// Part 0 of every chunk in the ledger, as plain JSON.
    ///
    /// # Errors
    /// The request fails.
    pub async fn ledger(&self) -> anyhow::Result<Vec<Value>> {
        let rows = self
            .clients
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("begins_with(pk, :ledger) AND sk = :first")
            .expression_attribute_values(":ledger", AttributeValue::S("L#".to_string()))
            .expression_attribute_values(":first", AttributeValue::S("000000".to_string()))
            .into_paginator()
            .items()
            .send();
        let rows: Vec<_> = rows.try_collect().await.context("Scan")?;
        Ok(rows.iter().map(plain_map).collect())
    }
}

fn plain_map(row: &HashMap<String, AttributeValue>) -> Value {
    row.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or(Value::Null),
        AttributeValue::M(map) => plain_map(map),
        _ => Value::Null,
    }
}
