//! Reads all rows of the table, or of one partition, and writes rows.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use futures::{Stream, StreamExt as _, TryStreamExt as _};

use crate::rows::attributes::Item;
use crate::stack::aws::explain;
use crate::terminal::progress;

/// The most writes of one call.
///
/// **Source**:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
const BATCH_WRITES_MAX: usize = 25;

/// How many batches are written at once.
const CONCURRENCY: usize = 4;

/// The pause before rows are written again that the table left over.
const PAUSE: Duration = Duration::from_millis(200);

/// How many segments of the table are read in parallel.
const SEGMENTS: i32 = 4;

/// The rows of the whole table, in no order.
pub(crate) fn scan(client: &Client, table: &str) -> impl Stream<Item = anyhow::Result<Item>> {
    let segments = (0..SEGMENTS).map(|segment| {
        let scan = client
            .scan()
            .table_name(table)
            .segment(segment)
            .total_segments(SEGMENTS)
            .consistent_read(true);
        let pages = futures::stream::unfold(scan.into_paginator().send(), async |mut pages| {
            let page = pages.next().await?;
            Some((page, pages))
        });
        Box::pin(pages)
    });
    let what = format!("cannot read the table {table}");
    futures::stream::select_all(segments)
        .map_err(move |error| explain(&what, error))
        .map_ok(|page| futures::stream::iter(page.items.unwrap_or_default().into_iter().map(Ok)))
        .try_flatten()
}

/// The rows of the partition `pk`, by sort key.
///
/// # Errors
/// The table cannot be read.
pub(crate) async fn partition(client: &Client, table: &str, pk: &str) -> anyhow::Result<Vec<Item>> {
    let mut pages = client
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
        .into_paginator()
        .items()
        .send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.map_err(|error| explain(format!("cannot read the table {table}"), error))?);
    }
    Ok(items)
}

/// Deletes rows.
///
/// # Errors
/// The table fails. Some of the rows may be deleted.
pub(crate) async fn delete(client: &Client, table: &str, keys: &[Item]) -> Result<()> {
    let delete = |key: &Item| {
        let request = DeleteRequest::builder().set_key(Some(key.clone())).build()?;
        anyhow::Ok(WriteRequest::builder().delete_request(request).build())
    };
    let writes = keys.iter().map(delete).collect::<Result<Vec<_>>>()?;
    write(client, table, ("deleting", "cannot delete rows"), &writes).await
}

/// Puts and deletes rows, in no order. `what` is said while it is done, and if it fails.
///
/// # Errors
/// The table fails. Some of the rows may be written.
pub(crate) async fn write(
    client: &Client,
    table: &str,
    (doing, failed): (&'static str, &'static str),
    writes: &[WriteRequest],
) -> Result<()> {
    let bar = progress::bar(doing, writes.len());
    let batches = futures::stream::iter(writes.chunks(BATCH_WRITES_MAX)).map(async |batch| {
        write_batch(client, table, failed, batch.to_vec()).await?;
        bar.inc(batch.len() as u64);
        Ok::<_, anyhow::Error>(())
    });
    let written: Result<()> = batches.buffer_unordered(CONCURRENCY).try_collect().await;
    bar.finish_and_clear();
    written
}

async fn write_batch(
    client: &Client,
    table: &str,
    failed: &'static str,
    mut writes: Vec<WriteRequest>,
) -> Result<()> {
    loop {
        let call = client.batch_write_item().request_items(table, writes).send().await;
        let answer = call.map_err(|error| explain(failed, error))?;
        writes = answer.unprocessed_items.unwrap_or_default().remove(table).unwrap_or_default();
        if writes.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
