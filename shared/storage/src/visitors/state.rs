//! The state of visitors: which secrets count at present.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use minutebook_domain::count::secret::{SecretNumber, VisitorSecret};

use crate::error::StorageError;
use crate::keys;
use crate::table::{Consistency, Item, Table, key, number, number_if_any, rows};

/// The attribute of the number of the secret that answers use.
const COUNTING: &str = "counting";
/// The attribute of the number of the other secret that counts while visitors are recounted.
const ALSO: &str = "also";
/// The attribute of a secret's seed.
const SEED: &str = "seed";

/// The first secret of a deployment.
const FIRST: SecretNumber = SecretNumber(1);

/// Which secrets count at present.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct VisitorState {
    /// The secret that answers use.
    pub counting: SecretNumber,
    /// While visitors are recounted, another one, with which every chunk is counted too: the one
    /// that answers will use or, after the change, the one that they used.
    pub also: Option<SecretNumber>,
}

impl VisitorState {
    /// The secrets with which every chunk has to be counted.
    pub fn needed(self) -> BTreeSet<SecretNumber> {
        [self.counting].into_iter().chain(self.also).collect()
    }
}

/// Where the state is read from: the table, or a stand-in for it in tests.
pub trait VisitorStateSource: Sync {
    /// The state, which says which rows of visitors to read; `None` if there is none. Reads may lag
    /// by less than a second.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    fn visitor_state(
        &self,
    ) -> impl Future<Output = Result<Option<VisitorState>, StorageError>> + Send;
}

impl VisitorStateSource for Table {
    async fn visitor_state(&self) -> Result<Option<VisitorState>, StorageError> {
        self.read_visitor_state(Consistency::Eventual).await
    }
}

impl Table {
    /// The state; `None` in a deployment that has no secret, or has not counted anything yet.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub(crate) async fn read_visitor_state(
        &self,
        consistency: Consistency,
    ) -> Result<Option<VisitorState>, StorageError> {
        let query = self.query(keys::VISITOR_STATE_PARTITION.to_string(), consistency);
        let mut rows = rows(query, "Query of the state of visitors");
        let row = rows.try_next().await?;
        row.as_ref().map(read_state).transpose()
    }

    /// The state. A deployment that has not counted anything yet gets its first secret; one that
    /// has counted without secrets keeps to that until its visitors are recounted.
    ///
    /// **Guarantees**: all callers get the same state, also if they are the first at once.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn begun_visitor_state(
        &self,
        now: DateTime<Utc>,
    ) -> Result<VisitorState, StorageError> {
        if let Some(state) = self.read_visitor_state(Consistency::Strong).await? {
            return Ok(state);
        }
        if self.has_totals().await? {
            // Another process may have made the state, and counted, since it was read here.
            let state = self.read_visitor_state(Consistency::Strong).await?;
            return Ok(state.unwrap_or_default());
        }
        // Whoever put a row first decides: the seed is read from the table when it is used.
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| StorageError::Unavailable {
            call: "getrandom",
            reason: error.to_string(),
        })?;
        let partition = keys::VISITOR_SECRETS_PARTITION.to_string();
        let mut secret = key(partition, keys::visitor_secret(FIRST));
        let created_at = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        secret.insert("created_at".to_string(), AttributeValue::S(created_at));
        let seed = AttributeValue::N(u64::from_le_bytes(seed).to_string());
        secret.insert(SEED.to_string(), seed);
        self.put_if_absent(secret, "PutItem of a secret").await?;
        let partition = keys::VISITOR_STATE_PARTITION.to_string();
        let mut state = key(partition, keys::VISITOR_STATE.to_string());
        state.insert(COUNTING.to_string(), AttributeValue::N(FIRST.to_string()));
        self.put_if_absent(state, "PutItem of the state of visitors").await?;
        Ok(VisitorState { counting: FIRST, also: None })
    }

    /// A secret by its number.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. A secret that does not exist is
    /// malformed: secrets are kept for ever.
    pub(crate) async fn read_visitor_secret(
        &self,
        number: SecretNumber,
    ) -> Result<VisitorSecret, StorageError> {
        if number == SecretNumber::NONE {
            return Ok(VisitorSecret::NONE);
        }
        let (partition, name) =
            (keys::VISITOR_SECRETS_PARTITION.to_string(), keys::visitor_secret(number));
        let row = format!("{partition} / {name}");
        match self.get(key(partition, name), "GetItem of a secret").await? {
            Some(item) => Ok(VisitorSecret::new(self::number(&item, SEED)?)),
            None => Err(StorageError::Malformed { row, reason: "it does not exist".to_string() }),
        }
    }

    /// Whether anything was counted.
    pub(crate) async fn has_totals(&self) -> Result<bool, StorageError> {
        let query = self.query(keys::TOTALS_PARTITION.to_string(), Consistency::Strong).limit(1);
        let answer = query.send().await;
        let answer =
            answer.map_err(|error| StorageError::from_sdk("Query of the totals", error))?;
        Ok(answer.count > 0)
    }
}

fn read_state(item: &Item) -> Result<VisitorState, StorageError> {
    Ok(VisitorState {
        counting: SecretNumber(number(item, COUNTING)?),
        also: number_if_any(item, ALSO)?.map(SecretNumber),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use serde_json::{Value, json};

    fn now() -> DateTime<Utc> {
        "2026-11-20T23:30:00.5Z".parse().expect("a time")
    }

    fn rows_of(rows: &[Value]) -> Value {
        json!({"Items": rows, "Count": rows.len()})
    }

    async fn begun(replay: &Replay) -> (VisitorState, Vec<String>) {
        let state = replay.table().begun_visitor_state(now()).await.expect("answered");
        (state, replay.operations())
    }

    #[tokio::test]
    async fn a_deployment_that_has_counted_nothing_gets_its_first_secret() {
        let replay = Replay::default();
        let (state, operations) = begun(&replay).await;
        assert_eq!(state, VisitorState { counting: SecretNumber(1), also: None });
        assert_eq!(operations, ["Query", "Query", "PutItem", "PutItem"]);
        let puts: Vec<Value> =
            replay.calls()[2..].iter().map(|call| call.request.clone()).collect();
        for put in &puts {
            assert_eq!(put["ConditionExpression"], "attribute_not_exists(#pk)");
        }
        let secret = &puts[0]["Item"];
        assert_eq!(
            [&secret["pk"]["S"], &secret["sk"]["S"], &secret["created_at"]["S"]],
            ["VISITOR_SECRETS", "000001", "2026-11-20T23:30:00Z"]
        );
        let seed: u64 = secret["seed"]["N"].as_str().expect("a number").parse().expect("64 bits");
        assert_ne!(seed, 0, "this happens once in 2^64 times");
        assert_eq!(
            puts[1]["Item"],
            json!({"pk": {"S": "VISITORS"}, "sk": {"S": "state"}, "counting": {"N": "1"}})
        );
    }

    #[tokio::test]
    async fn a_deployment_that_has_counted_without_a_secret_keeps_to_that() {
        let replay = Replay::default()
            .answer("Query", rows_of(&[]))
            .answer("Query", rows_of(&[json!({"pk": {"S": "TOTALS"}, "sk": {"S": "07"}})]));
        let (state, operations) = begun(&replay).await;
        assert_eq!((state, operations.len()), (VisitorState::default(), 3));
        assert_eq!(state.needed(), BTreeSet::from([SecretNumber::NONE]));
    }

    #[tokio::test]
    async fn a_state_that_another_process_made_meanwhile_is_used() {
        let state = json!({"pk": {"S": "VISITORS"}, "sk": {"S": "state"}, "counting": {"N": "1"}});
        let replay = Replay::default()
            .answer("Query", rows_of(&[]))
            .answer("Query", rows_of(&[json!({"pk": {"S": "TOTALS"}, "sk": {"S": "07"}})]))
            .answer("Query", rows_of(&[state]));
        let (state, operations) = begun(&replay).await;
        assert_eq!((state.counting, operations.len()), (SecretNumber(1), 3));
    }

    #[tokio::test]
    async fn a_state_that_exists_costs_one_query() {
        let row = json!({
            "pk": {"S": "VISITORS"}, "sk": {"S": "state"},
            "counting": {"N": "1"}, "also": {"N": "2"}, "since": {"S": "2026-11-20T23:30:00Z"},
        });
        let replay = Replay::default().answer("Query", rows_of(&[row]));
        let (state, operations) = begun(&replay).await;
        assert_eq!(operations, ["Query"]);
        assert_eq!(state.needed(), BTreeSet::from([SecretNumber(1), SecretNumber(2)]));
    }

    #[tokio::test]
    async fn a_secret_is_read_by_its_number_and_one_that_is_missing_is_an_error() {
        let replay = Replay::default().answer("GetItem", json!({"Item": {"seed": {"N": "7"}}}));
        let table = replay.table();
        let read = async |number| table.read_visitor_secret(SecretNumber(number)).await;
        assert_eq!(read(2).await.expect("stored"), VisitorSecret::new(7));
        assert_eq!(replay.calls()[0].request["Key"]["sk"]["S"], "000002");
        let error = read(3).await.expect_err("missing").to_string();
        assert!(error.contains("VISITOR_SECRETS / 000003"), "{error}");
        assert_eq!(read(0).await.expect("none"), VisitorSecret::NONE);
        assert_eq!(replay.calls().len(), 2);
    }
}
