//! The record of a chunk that is refused as a whole: its ledger entry, and one in the totals.
//!
//! Nothing of such a chunk is counted, so there is no plan, and no way to be half done.

use aws_sdk_dynamodb::types::TransactWriteItem;
use chrono::{DateTime, Utc};

use crate::cancellation::{Verdict, cancellation_reasons, verdict};
use crate::chunk::ledger::{RefusedChunk, refused_entry_item};
use crate::chunk::totals::{refused_totals_action, totals_shard};
use crate::committer::{CommitEffort, Committer};
use crate::error::StorageError;
use crate::keys::TOTALS_SHARDS;
use crate::retry::Backoff;
use crate::table::new_row_action;

impl Committer {
    /// Records that a chunk is refused, in one transaction: its ledger entry, on the condition that
    /// it does not exist, and one more refused file in the totals. Returns whether this call
    /// recorded it; `false` if it was recorded before.
    ///
    /// **Guarantees**: dropping the future is safe at any point; if a reply is lost, the next call
    /// finds the ledger entry. It retries conflicts and throttles for as long as the caller waits.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn commit_refusal(
        &self,
        refused: &RefusedChunk<'_>,
        now: DateTime<Utc>,
        effort: &mut CommitEffort,
    ) -> Result<bool, StorageError> {
        let mut totals_shard = totals_shard(refused.chunk);
        let mut backoff = Backoff::new();
        loop {
            let actions = self.refusal_actions(refused, totals_shard, now)?;
            let send =
                self.table.client.transact_write_items().set_transact_items(Some(actions)).send();
            let reasons = match send.await {
                Ok(_) => return Ok(true),
                Err(error) => cancellation_reasons(error)?,
            };
            match verdict(&reasons, 0, 0) {
                Verdict::AlreadyCounted => return Ok(false),
                Verdict::Conflict => {
                    effort.conflicts += 1;
                    totals_shard = fastrand::u64(0..TOTALS_SHARDS);
                }
                Verdict::Throttled => effort.throttles += 1,
                other => {
                    let reason = format!("{other:?}");
                    return Err(StorageError::Refused { call: "TransactWriteItems", reason });
                }
            }
            backoff.pause().await;
        }
    }

    fn refusal_actions(
        &self,
        refused: &RefusedChunk<'_>,
        totals_shard: u64,
        now: DateTime<Utc>,
    ) -> Result<Vec<TransactWriteItem>, StorageError> {
        let table = &self.table.name;
        Ok(vec![
            new_row_action(table, refused_entry_item(refused, now))?,
            refused_totals_action(table, totals_shard)?,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use minutebook_domain::chunk::id::ChunkId;
    use minutebook_domain::chunk::{ContentHash, Refusal};
    use minutebook_domain::plan::PLAN_FORMAT_VERSION;
    use serde_json::json;

    async fn recorded(replay: &Replay) -> (Result<bool, StorageError>, CommitEffort) {
        let chunk = ChunkId::new("raw", "a.tar", &ContentHash::of_refused(9, b"start"));
        let because = "the file is a tar archive".to_string();
        let refusal = &Refusal { code: "archive", because };
        let refused = RefusedChunk { chunk: &chunk, bucket: "raw", key: "a.tar", refusal };
        let now = "2026-11-20T23:07:03.25Z".parse().expect("a time");
        let mut effort = CommitEffort::default();
        (replay.committer().commit_refusal(&refused, now, &mut effort).await, effort)
    }

    #[tokio::test]
    async fn a_refusal_is_one_entry_that_must_be_new_and_one_more_in_the_totals() {
        let replay = Replay::default();
        assert!(recorded(&replay).await.0.expect("recorded"));
        let transactions = replay.transactions();
        let actions = &transactions[0];
        let chunk = format!("L#raw/a.tar#{}", ContentHash::of_refused(9, b"start"));
        let expected = json!({
            "pk": {"S": chunk}, "sk": {"S": "000000"},
            "plan_format_version": {"N": PLAN_FORMAT_VERSION.to_string()}, "parts": {"N": "1"},
            "committed_at": {"S": "2026-11-20T23:07:03.250Z"},
            "bucket": {"S": "raw"}, "key": {"S": "a.tar"},
            "refused": {"S": "archive"},
            "refused_because": {"S": "the file is a tar archive"},
        });
        assert_eq!(actions[0]["Put"]["Item"], expected);
        assert_eq!(actions[0]["Put"]["ConditionExpression"], "attribute_not_exists(#pk)");
        let totals = &actions[1]["Update"];
        assert_eq!(totals["UpdateExpression"], "ADD #a0 :a0");
        assert_eq!(totals["ExpressionAttributeNames"], json!({"#a0": "refused"}));
        assert_eq!(totals["ExpressionAttributeValues"], json!({":a0": {"N": "1"}}));
        assert_eq!((replay.calls().len(), actions.len()), (1, 2));
    }

    #[tokio::test]
    async fn a_refusal_is_retried_until_its_entry_exists() {
        let replay = Replay::default()
            .cancel(&["None", "TransactionConflict"])
            .cancel(&["ThrottlingError", "None"])
            .cancel(&["ConditionalCheckFailed", "None"]);
        let (recorded, effort) = recorded(&replay).await;
        assert!(!recorded.expect("it exists"));
        assert_eq!((effort.conflicts, effort.throttles, effort.parts_committed), (1, 1, 0));
        assert_eq!(replay.calls().len(), 3);
    }

    #[tokio::test]
    async fn anything_else_is_an_error() {
        let replay = Replay::default().cancel(&["ValidationError", "None"]);
        let error = recorded(&replay).await.0.expect_err("refused");
        assert!(!error.is_retryable(), "{error}");
    }
}
