//! Counting the visitors of a chunk under another secret, after the chunk itself was counted.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::count::secret::SecretNumber;
use minutebook_domain::time::lateness::is_closed;
use minutebook_domain::time::period::Period;

use crate::committer::Committer;
use crate::error::StorageError;
use crate::keys::{self, EntryName};
use crate::table::key;
use crate::visitors::rows::{MinuteVisitors, VisitorsBySecret, rolled_up};

impl Committer {
    /// Merges the visitors of a chunk that is counted, under other secrets than it was counted
    /// with. Rows that have expired are left out.
    ///
    /// **Guarantees**: idempotent. Visitors of an hour that is not closed after its minutes are
    /// written are found by sealing, which reads them a settle time after it closes the hour;
    /// those of a closed hour are merged into the rows above at once.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. Some rows may be written nevertheless.
    pub async fn merge_recounted(
        &self,
        chunk: &ChunkId,
        visitors: &VisitorsBySecret,
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
    ) -> Result<(), StorageError> {
        let began = now().timestamp();
        let is_kept = |period| !self.retention.has_expired(period, began);
        let mut minutes: Vec<MinuteVisitors<'_>> = vec![];
        for (secret, visitors) in visitors {
            let of_secret = visitors.minutes().map(|minute| (*secret, minute));
            minutes
                .extend(of_secret.filter(|(_, (_, minute, _))| is_kept(Period::Minute(*minute))));
        }
        self.put_visitors(chunk, &minutes).await?;
        let after = now();
        let mut periods = rolled_up(visitors, |_, hour| is_closed(hour, after));
        periods.retain(|(_, _, period), _| is_kept(*period));
        self.merge_visitors(chunk, &periods).await
    }

    /// Records in the ledger entry of part 0 that the visitors of the chunk are merged under these
    /// secrets too.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn record_recounted(
        &self,
        chunk: &ChunkId,
        secrets: &BTreeSet<SecretNumber>,
    ) -> Result<(), StorageError> {
        let entry = keys::ledger_entry(EntryName { part: 0, late: 0 });
        let numbers = secrets.iter().map(SecretNumber::to_string).collect();
        let update = self
            .table
            .client
            .update_item()
            .table_name(&self.table.name)
            .set_key(Some(key(keys::ledger_partition(chunk), entry)))
            .condition_expression("attribute_exists(#pk)")
            .update_expression("ADD #recounted_with :secrets")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .expression_attribute_names("#recounted_with", keys::RECOUNTED_WITH)
            .expression_attribute_values(":secrets", AttributeValue::Ns(numbers));
        let answer = update.send().await;
        answer.map_err(|error| StorageError::from_sdk("UpdateItem of a ledger entry", error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use minutebook_domain::count::secret::VisitorSecret;
    use minutebook_domain::count::sketch::Sketch;
    use minutebook_domain::count::visitors::{ChunkVisitors, Visitors};
    use minutebook_domain::time::Minute;
    use serde_json::Value;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    /// A visitor in each of these minutes.
    fn visitors(times: &[&str]) -> VisitorsBySecret {
        let mut visitors = ChunkVisitors::default();
        for time in times {
            let sketch = Sketch::of(VisitorSecret::new(1), ["ann"]);
            let ann = Visitors { visitors: sketch, ..Visitors::default() };
            visitors.merge("shop", Minute::containing(at(time)).expect("in range"), &ann);
        }
        VisitorsBySecret::from([(SecretNumber(2), visitors)])
    }

    fn chunk() -> ChunkId {
        let hour = Minute::containing(at("2026-11-20T23:00:00Z")).expect("in range").hour();
        ChunkId::of_sealed_hour("shop", hour)
    }

    /// The sort keys of the rows that are put at a time.
    async fn put_at(times: &[&str], now: &str) -> Vec<String> {
        let replay = Replay::default();
        let clock = || at(now);
        replay
            .committer()
            .merge_recounted(&chunk(), &visitors(times), &clock)
            .await
            .expect("answered");
        let calls = replay.calls();
        let batches =
            calls.iter().filter_map(|call| call.request["RequestItems"]["table"].as_array());
        let in_batches = batches.flatten().map(|put| &put["PutRequest"]["Item"]);
        let singles = calls
            .iter()
            .filter(|call| call.operation == "PutItem")
            .map(|call| &call.request["Item"]);
        let sort_key = |item: &Value| item["sk"]["S"].as_str().unwrap_or_default().to_string();
        let mut keys: Vec<String> = in_batches.chain(singles).map(sort_key).collect();
        keys.sort_unstable();
        keys.iter()
            .map(|key| key.rsplit_once('#').map_or("", |(start, _)| start).to_string())
            .collect()
    }

    #[tokio::test]
    async fn an_open_hour_needs_its_minutes_and_a_closed_one_the_rows_above_too() {
        let time = ["2026-11-20T23:07:00Z"];
        assert_eq!(put_at(&time, "2026-11-21T00:09:59Z").await, ["visitors.2#07"]);
        let above = [
            "visitors.2#07",
            "visitors.2#23",
            "visitors.2#d11-20",
            "visitors.2#m11",
            "visitors.2#w47",
        ];
        assert_eq!(put_at(&time, "2026-11-21T00:10:00Z").await, above);
    }

    #[tokio::test]
    async fn rows_that_have_expired_are_left_out() {
        let time = ["2026-11-20T23:07:00Z"];
        let without_minute = put_at(&time, "2026-11-27T23:08:00Z").await;
        assert_eq!(without_minute.len(), 4, "{without_minute:?}");
        let without_hour = put_at(&time, "2027-12-26T00:00:00Z").await;
        assert_eq!(without_hour, ["visitors.2#d11-20", "visitors.2#m11", "visitors.2#w47"]);
    }

    #[tokio::test]
    async fn what_is_recounted_is_recorded_in_the_entry_that_exists() {
        let replay = Replay::default();
        let secrets = BTreeSet::from([SecretNumber(2), SecretNumber(3)]);
        replay.committer().record_recounted(&chunk(), &secrets).await.expect("answered");
        let request = &replay.calls()[0].request;
        assert_eq!(request["Key"]["sk"]["S"], "000000");
        assert_eq!(request["ConditionExpression"], "attribute_exists(#pk)");
        assert_eq!(request["UpdateExpression"], "ADD #recounted_with :secrets");
        assert_eq!(
            request["ExpressionAttributeValues"][":secrets"]["NS"],
            serde_json::json!(["2", "3"])
        );
    }
}
