//! Whether a roll-up was at work while the table was read.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::rows::ledger::{self, Item, Ledger};
use crate::rows::{self, TableRow};

/// How far every sealing is: the same before and after means that none went on between.
///
/// A reading of the table takes its time. If sums of an hour were committed meanwhile, some of the
/// rows that were read have them and some have not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SealingState {
    open_hours: Vec<Item>,
    /// The ledger entries of the sums of those that are sealed, by chunk id.
    sums: BTreeMap<String, Option<Ledger>>,
}

impl SealingState {
    pub(crate) async fn read(client: &Client, table: &str) -> Result<Self> {
        let mut items = client
            .query()
            .table_name(table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(rows::OPEN.to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut open_hours = Vec::new();
        let mut sums = BTreeMap::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| {
                anyhow!("cannot read the table {table}: {}", DisplayErrorContext(error))
            })?;
            // What is odd about the row is said when the whole table is read. Before it is sealed,
            // nothing is summed.
            let row = rows::read(&item, &mut Vec::new());
            if let Some(TableRow::OpenHour(open)) = row.filter(|_| item.contains_key("sealed_at")) {
                let chunk_id = ledger::sums_chunk_id(&open.site, open.hour);
                let entries = ledger::read(client, table, &chunk_id).await?;
                sums.insert(chunk_id, entries);
            }
            open_hours.push(item);
        }
        Ok(Self { open_hours, sums })
    }
}
