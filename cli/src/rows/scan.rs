//! Reads all rows of the table, or of one partition.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::{Stream, TryStreamExt as _};

use crate::rows::attributes::Item;
use crate::stack::aws::explain;

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
