//! The table: its client and name, how its partitions are queried, and how the attributes of its
//! rows are read.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, KeysAndAttributes, Put, PutRequest,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, WriteRequest,
};
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};

use crate::error::{StorageError, is_passing_code};
use crate::keys;
use crate::retry::Backoff;

/// The table.
#[derive(Clone, Debug)]
pub struct Table {
    /// The DynamoDB client.
    pub client: Client,
    /// The table's name.
    pub name: String,
}

/// A row, or the key of a row: attributes by name.
pub type Item = HashMap<String, AttributeValue>;

/// The rows of one `BatchGetItem`.
///
/// **Source**:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
pub(crate) const BATCH_READS_MAX: usize = 100;

/// The writes of one `BatchWriteItem`.
///
/// **Source**:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
pub(crate) const BATCH_WRITES_MAX: usize = 25;

/// The attempts of a batch that is refused as a whole because of a conflict or a limit, in the end
/// with pauses of a second on average. A row is in conflict only while commits that began before
/// keep checking it.
const BATCH_ATTEMPTS_MAX: u32 = 30;

/// How fresh a read is, and what it costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consistency {
    /// The read shows what was written before it, up to a lag that is usually below a second.
    Eventual,
    /// The read shows everything that was written before it, at twice the cost.
    Strong,
}

impl Table {
    /// A query of a whole partition.
    pub(crate) fn query(&self, partition: String, consistency: Consistency) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.name)
            .consistent_read(consistency == Consistency::Strong)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(partition))
    }

    /// A query of the rows of a partition whose sort keys lie between two others, both included.
    pub(crate) fn query_between(
        &self,
        partition: String,
        (first, last): (String, String),
        consistency: Consistency,
    ) -> QueryFluentBuilder {
        self.query(partition, consistency)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
            .expression_attribute_names("#sk", keys::SORT_KEY)
            .expression_attribute_values(":first", AttributeValue::S(first))
            .expression_attribute_values(":last", AttributeValue::S(last))
    }

    /// The row with this key, by a consistent read. `call` names the read in errors.
    pub(crate) async fn get(
        &self,
        key: Item,
        call: &'static str,
    ) -> Result<Option<Item>, StorageError> {
        let get = self.client.get_item().table_name(&self.name).consistent_read(true);
        let answer = get.set_key(Some(key)).send().await;
        Ok(answer.map_err(|error| StorageError::from_sdk(call, error))?.item)
    }

    /// Gets up to [`BATCH_READS_MAX`] rows, in any order, and again those that DynamoDB left
    /// unprocessed, for as long as the caller waits. `call` names the read in errors.
    pub(crate) async fn read_batch(
        &self,
        mut wanted: Vec<Item>,
        consistency: Consistency,
        call: &'static str,
    ) -> Result<Vec<Item>, StorageError> {
        let mut items = Vec::with_capacity(wanted.len());
        let mut backoff = Backoff::new();
        while !wanted.is_empty() {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(consistency == Consistency::Strong)
                .build()
                .map_err(StorageError::from_build)?;
            let answer = self.client.batch_get_item().request_items(&self.name, keys).send().await;
            let answer = answer.map_err(|error| StorageError::from_sdk(call, error))?;
            items.append(
                &mut answer.responses.unwrap_or_default().remove(&self.name).unwrap_or_default(),
            );
            let left = answer.unprocessed_keys.unwrap_or_default().remove(&self.name);
            wanted = left.map(|left| left.keys).unwrap_or_default();
            if !wanted.is_empty() {
                backoff.pause().await;
            }
        }
        Ok(items)
    }

    /// Puts a row if there is none; says whether it did. `call` names the write in errors.
    pub(crate) async fn put_if_absent(
        &self,
        item: Item,
        call: &'static str,
    ) -> Result<bool, StorageError> {
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let put = put
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", keys::PARTITION_KEY);
        condition_met(put.send().await, call)
    }

    /// Puts and deletes up to [`BATCH_WRITES_MAX`] different rows, and again those that DynamoDB
    /// left unprocessed, for as long as the caller waits.
    ///
    /// **Guarantees**: each write is whole and serializable with transactions; the batch as such is
    /// neither.
    ///
    /// **Source**: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>
    pub(crate) async fn write_batch(
        &self,
        mut writes: Vec<WriteRequest>,
    ) -> Result<(), StorageError> {
        let mut backoff = Backoff::new();
        loop {
            let wanted = HashMap::from([(self.name.clone(), writes.clone())]);
            match self.client.batch_write_item().set_request_items(Some(wanted)).send().await {
                Ok(answer) => {
                    let mut left = answer.unprocessed_items.unwrap_or_default();
                    writes = left.remove(&self.name).unwrap_or_default();
                    if writes.is_empty() {
                        return Ok(());
                    }
                }
                Err(error)
                    if backoff.is_below(BATCH_ATTEMPTS_MAX)
                        && error.code().is_some_and(may_pass) => {}
                Err(error) => return Err(StorageError::from_sdk("BatchWriteItem", error)),
            }
            backoff.pause().await;
        }
    }
}

/// The action that puts a row, on the condition that it does not exist. If it does, DynamoDB
/// returns it with the reason.
///
/// # Errors
/// [`StorageError::Refused`] if a member of the request is missing, which would be a bug.
pub(crate) fn new_row_action(table: &str, item: Item) -> Result<TransactWriteItem, StorageError> {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(#pk)")
        .expression_attribute_names("#pk", keys::PARTITION_KEY)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(StorageError::from_build)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// The write of a batch that puts a row.
pub(crate) fn put_request(item: Item) -> Result<WriteRequest, StorageError> {
    let put = PutRequest::builder().set_item(Some(item)).build();
    let put = put.map_err(StorageError::from_build)?;
    Ok(WriteRequest::builder().put_request(put).build())
}

/// The write of a batch that deletes the row with this key.
pub(crate) fn delete_request(key: Item) -> Result<WriteRequest, StorageError> {
    let delete = DeleteRequest::builder().set_key(Some(key)).build();
    let delete = delete.map_err(StorageError::from_build)?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}

/// Whether a batch that failed with this code may succeed a moment later: a transaction is checking
/// one of its rows, or a partition is at its limit.
fn may_pass(code: &str) -> bool {
    code == "TransactionConflictException" || is_passing_code(code)
}

/// All rows that a query finds, page after page. `call` names the query in errors.
pub(crate) fn rows(
    query: QueryFluentBuilder,
    call: &'static str,
) -> BoxStream<'static, Result<Item, StorageError>> {
    let items = query.into_paginator().items().send();
    let rows = stream::unfold(items, move |mut items| async move {
        let item = items.next().await?;
        Some((item.map_err(|error| StorageError::from_sdk(call, error)), items))
    });
    rows.boxed()
}

/// Whether the condition of a write was met.
///
/// # Errors
/// [`StorageError`] if the write failed for another reason; see [`StorageError::is_retryable`].
pub(crate) fn condition_met<T, E>(
    answer: Result<T, SdkError<E, HttpResponse>>,
    call: &'static str,
) -> Result<bool, StorageError>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(StorageError::from_sdk(call, error)),
    }
}

/// The two attributes of a row's key.
pub(crate) fn key(partition: String, sort_key: String) -> Item {
    Item::from([
        (keys::PARTITION_KEY.to_string(), AttributeValue::S(partition)),
        (keys::SORT_KEY.to_string(), AttributeValue::S(sort_key)),
    ])
}

/// The text of an attribute.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, StorageError> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        other => Err(malformed(item, format!("{name} is {other:?}, not a text"))),
    }
}

/// The text of an attribute that not every row has.
pub(crate) fn text_if_any<'a>(item: &'a Item, name: &str) -> Result<Option<&'a str>, StorageError> {
    item.contains_key(name).then(|| text(item, name)).transpose()
}

/// The number of an attribute.
pub(crate) fn number<T: std::str::FromStr>(item: &Item, name: &str) -> Result<T, StorageError> {
    match item.get(name) {
        Some(AttributeValue::N(text)) => {
            text.parse().map_err(|_| malformed(item, format!("{name} is {text}, out of range")))
        }
        other => Err(malformed(item, format!("{name} is {other:?}, not a number"))),
    }
}

/// The number of an attribute that not every row has.
pub(crate) fn number_if_any<T: std::str::FromStr>(
    item: &Item,
    name: &str,
) -> Result<Option<T>, StorageError> {
    item.contains_key(name).then(|| number(item, name)).transpose()
}

/// The time of an attribute, in RFC 3339.
pub(crate) fn time(item: &Item, name: &str) -> Result<DateTime<Utc>, StorageError> {
    DateTime::parse_from_rfc3339(text(item, name)?)
        .map(|time| time.to_utc())
        .map_err(|error| malformed(item, format!("{name} is not a time: {error}")))
}

/// The time of an attribute that not every row has.
pub(crate) fn time_if_any(item: &Item, name: &str) -> Result<Option<DateTime<Utc>>, StorageError> {
    item.contains_key(name).then(|| time(item, name)).transpose()
}

/// Whether the time to live of a row has passed. DynamoDB deletes such rows some days later.
pub(crate) fn has_expired(item: &Item, now: DateTime<Utc>) -> Result<bool, StorageError> {
    let expires_at: Option<i64> = number_if_any(item, keys::TIME_TO_LIVE)?;
    Ok(expires_at.is_some_and(|expires_at| expires_at <= now.timestamp()))
}

/// The error for a row that is not as docs/TABLE.md says; it names the row.
pub(crate) fn malformed(item: &Item, reason: String) -> StorageError {
    let key =
        |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    StorageError::Malformed {
        row: format!("{} / {}", key(keys::PARTITION_KEY), key(keys::SORT_KEY)),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: AttributeValue) -> Item {
        let mut item = key("T#shop#2026".to_string(), "views#m11#000".to_string());
        item.insert(name.to_string(), value);
        item
    }

    #[test]
    fn an_attribute_of_another_type_is_an_error_that_names_row_and_attribute() {
        let texts = row("a", AttributeValue::S("7".to_string()));
        let numbers = row("a", AttributeValue::N("7".to_string()));
        assert_eq!(text(&texts, "a").expect("a text"), "7");
        assert_eq!(number::<u8>(&numbers, "a").expect("a number"), 7);
        assert_eq!(text_if_any(&texts, "b").expect("absent"), None);
        assert_eq!(number_if_any::<u8>(&numbers, "b").expect("absent"), None);
        assert_eq!(time_if_any(&texts, "b").expect("absent"), None);
        for error in [
            text(&numbers, "a").expect_err("a number"),
            number::<u8>(&texts, "a").expect_err("a text"),
            time(&texts, "a").expect_err("no time"),
        ] {
            let sentence = error.to_string();
            assert!(sentence.contains("T#shop#2026 / views#m11#000"), "{sentence}");
            assert!(sentence.contains("a is "), "{sentence}");
        }
    }

    #[test]
    fn a_commit_that_checks_a_row_is_waited_for_and_a_refusal_is_not() {
        for (code, passes) in [
            ("TransactionConflictException", true),
            ("ThrottlingException", true),
            ("AccessDeniedException", false),
            ("ValidationException", false),
        ] {
            assert_eq!(may_pass(code), passes, "{code}");
        }
    }

    #[test]
    fn a_row_has_expired_when_its_time_to_live_has_passed() {
        let now = DateTime::from_timestamp(100, 0).expect("in range");
        for (time_to_live, expired) in [("99", true), ("100", true), ("101", false)] {
            let item = row(keys::TIME_TO_LIVE, AttributeValue::N(time_to_live.to_string()));
            assert_eq!(has_expired(&item, now).expect("a number"), expired, "{time_to_live}");
        }
        assert!(!has_expired(&Item::new(), now).expect("absent"));
        let text = row(keys::TIME_TO_LIVE, AttributeValue::S("99".to_string()));
        assert!(has_expired(&text, now).is_err());
    }
}
