//! The last proof: when `minutebook verify` compared the whole table with the raw objects, and what
//! it found.

use std::future::Future;

use chrono::{DateTime, Utc};

use crate::error::StorageError;
use crate::keys::{PROOF_PARTITION, WHOLE_PROOF};
use crate::table::{Item, Table, key, number, time};

/// A comparison of the whole table with the raw objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proof {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// How many differences it found.
    pub differences: u64,
}

/// Where the last proof is read from: the table, or a stand-in for it in tests.
pub trait ProofSource: Sync {
    /// The last proof; `None` if there was none.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn last_proof(&self) -> impl Future<Output = Result<Option<Proof>, StorageError>> + Send;
}

impl ProofSource for Table {
    async fn last_proof(&self) -> Result<Option<Proof>, StorageError> {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(proof_key()));
        let got = get.send().await;
        let got =
            got.map_err(|error| StorageError::from_sdk("GetItem of the last proof", error))?;
        got.item.as_ref().map(read_proof).transpose()
    }
}

fn proof_key() -> Item {
    key(PROOF_PARTITION.to_string(), WHOLE_PROOF.to_string())
}

fn read_proof(item: &Item) -> Result<Proof, StorageError> {
    Ok(Proof { at: time(item, "at")?, differences: number(item, "differences")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;

    #[test]
    fn a_proof_is_read_as_the_table_page_says() {
        let mut item = proof_key();
        item.insert("at".to_string(), AttributeValue::S("2026-11-20T23:07:31Z".to_string()));
        let sentence = read_proof(&item).expect_err("it lacks the differences").to_string();
        assert!(
            sentence.contains("PROOF / whole") && sentence.contains("differences"),
            "{sentence}"
        );
        item.insert("differences".to_string(), AttributeValue::N("2".to_string()));
        let at = "2026-11-20T23:07:31Z".parse().expect("a time");
        assert_eq!(read_proof(&item).expect("well formed"), Proof { at, differences: 2 });
    }
}
