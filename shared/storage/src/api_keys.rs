//! The write keys of sites, which allow to post events.

use crate::error::StorageError;
use crate::keys;
use crate::table::{Table, key};

/// Where the hashes of write keys are kept: the table, or a stand-in for it in tests.
pub trait WriteKeys: Sync {
    /// Whether a key with this hash (64 hex digits) may write for this site. The read is
    /// consistent, so a revoked key stops working at once.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
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
            .projection_expression(keys::PARTITION_KEY);
        let key = key(keys::write_keys_partition(site), key_hash.to_string());
        let answer = get.set_key(Some(key)).send().await;
        let output =
            answer.map_err(|error| StorageError::from_sdk("GetItem of a write key", error))?;
        Ok(output.item.is_some())
    }
}
