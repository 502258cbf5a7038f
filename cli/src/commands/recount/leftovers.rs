//! The rows of visitors of secrets that no longer count.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::rows::{self, Item, TableRow};
use crate::stack::aws::explain;
use crate::terminal::progress;

/// The most writes of one call.
///
/// **Source**:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
const BATCH_WRITES_MAX: usize = 25;

/// How many batches are deleted at once.
const CONCURRENCY: usize = 4;

/// The pause before rows are deleted again that the table left over.
const PAUSE: Duration = Duration::from_millis(200);

/// The keys of the rows of visitors with another secret than this one.
///
/// # Errors
/// The table cannot be read.
pub(super) async fn others(client: &Client, table: &str, secret: u32) -> Result<Vec<Item>> {
    let step = progress::bar("reading the table", 0);
    let mut keys = Vec::new();
    let mut items = std::pin::pin!(rows::scan(client, table));
    while let Some(mut item) = items.try_next().await? {
        if let Some(TableRow::Visitors(row)) = rows::read(&item, &mut Vec::new())
            && row.secret != secret
        {
            item.retain(|name, _| matches!(name.as_str(), "pk" | "sk"));
            keys.push(item);
        }
    }
    step.finish_and_clear();
    Ok(keys)
}

/// Deletes rows.
///
/// # Errors
/// The table fails. Some of the rows may be deleted.
pub(super) async fn delete(client: &Client, table: &str, keys: &[Item]) -> Result<()> {
    let bar = progress::bar("deleting", keys.len());
    let batches = futures::stream::iter(keys.chunks(BATCH_WRITES_MAX)).map(async |batch| {
        delete_batch(client, table, batch).await?;
        bar.inc(batch.len() as u64);
        Ok::<_, anyhow::Error>(())
    });
    let deleted: Result<()> = batches.buffer_unordered(CONCURRENCY).try_collect().await;
    bar.finish_and_clear();
    deleted
}

async fn delete_batch(client: &Client, table: &str, keys: &[Item]) -> Result<()> {
    let delete = |key: &HashMap<String, AttributeValue>| {
        let request = DeleteRequest::builder().set_key(Some(key.clone())).build()?;
        anyhow::Ok(WriteRequest::builder().delete_request(request).build())
    };
    let mut writes = keys.iter().map(delete).collect::<Result<Vec<_>>>()?;
    loop {
        let call = client.batch_write_item().request_items(table, writes).send().await;
        let answer = call.map_err(|error| explain("cannot delete old visitors", error))?;
        writes = answer.unprocessed_items.unwrap_or_default().remove(table).unwrap_or_default();
        if writes.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
