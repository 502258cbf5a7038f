//! The write keys of sites: who may post events.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::chunk::commit::Table;
use crate::error::StorageError;

/// Where the hashes of write keys are kept: the table, or what a test has in its place.
pub trait WriteKeys: Sync {
    /// Whether a key of this hash (64 hex digits) may write for this site; without a lag, so that a
    /// revoked key ends at once.
    ///
    /// # Errors
    /// [`StorageError`]; a retry helps where it says so.
    fn is_known(
        &self,
        site: &str,
        key_hash: &str,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;
}

impl WriteKeys for Table {
    async fn is_known(&self, site: &str, key_hash: &str) -> Result<bool, StorageError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.name)
            .consistent_read(true)
            .projection_expression("pk");
        let get = get.key("pk", AttributeValue::S(format!("K#{site}")));
        let answer = get.key("sk", AttributeValue::S(key_hash.to_string())).send().await;
        let output =
            answer.map_err(|error| StorageError::from_sdk("GetItem of a write key", error))?;
        Ok(output.item.is_some())
    }
}
