//! The rows of visitors of secrets that no longer count.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use futures::TryStreamExt as _;

use crate::rows::{self, Item, TableRow};
use crate::terminal::progress;

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
