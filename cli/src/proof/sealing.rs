//! Whether an hour was sealed, or answers changed to another secret of visitors, while the table was
//! read.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_sdk_dynamodb::Client;

use crate::rows::ledger::{self, Ledger};
use crate::rows::visitor_secrets::STATE_PARTITION;
use crate::rows::{self, Item, TableRow};

/// How far the sealing of every open hour has come. If it is the same before and after the table is
/// read, no hour was being sealed in between.
///
/// Reading the table takes time. If sums of an hour are committed meanwhile, some of the rows that
/// were read include them and others do not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SealingState {
    open_hours: Vec<Item>,
    /// The state of visitors.
    visitors: Vec<Item>,
    /// The ledger entries of the sums of those that are sealed, by chunk id.
    sums: BTreeMap<String, Option<Ledger>>,
}

impl SealingState {
    /// Reads the open hours and the ledger entries of those that are sealed.
    ///
    /// # Errors
    /// The table or an entry cannot be read.
    pub(crate) async fn read(client: &Client, table: &str) -> Result<Self> {
        let mut open_hours = Vec::new();
        for partition in rows::open_partitions() {
            open_hours.extend(rows::partition(client, table, &partition).await?);
        }
        let visitors = rows::partition(client, table, STATE_PARTITION).await?;
        let mut sums = BTreeMap::new();
        for item in open_hours.iter().filter(|item| item.contains_key("sealed_at")) {
            // What is odd about the row is reported when the whole table is read.
            if let Some(TableRow::OpenHour(open)) = rows::read(item, &mut Vec::new()) {
                let chunk_id = ledger::sealed_hour_chunk_id(&open.site, open.hour);
                let entries = ledger::read(client, table, &chunk_id).await?;
                sums.insert(chunk_id, entries);
            }
        }
        Ok(Self { open_hours, visitors, sums })
    }
}
