//! Reading minute rows: the sums of a measure over a window.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use minutebook_domain::amount::Amount;
use minutebook_domain::measure::Measure;
use minutebook_domain::ranking::Sums;
use minutebook_domain::window::{HourSpan, Window};

use crate::commit::Table;
use crate::error::StorageError;
use crate::keys;
use crate::ledger::{Item, malformed};

/// How many queries run side by side: a window of 24 hours (25 partitions) is one round trip.
const QUERIES_AT_ONCE: usize = 32;

impl Table {
    /// Sums a measure's counters by key over a window: every lane, slot and spill row of its minutes. Rows whose time
    /// to live has passed at `now` are left out, though they may still stand.
    ///
    /// **Guarantees**: what was committed before the call is in the sums (eventually consistent reads may lag by less
    /// than a second).
    ///
    /// **Errors**: [`StorageError`]; a retry helps where it says so.
    pub async fn sum_minutes(
        &self,
        site: &str,
        measure: Measure,
        window: Window,
        now: DateTime<Utc>,
    ) -> Result<Sums, StorageError> {
        let spans = window.hour_spans();
        futures::stream::iter(spans)
            .map(|span| self.sum_hour(site, measure, span, now))
            .buffer_unordered(QUERIES_AT_ONCE)
            .try_fold(Sums::default(), |mut total, sums| async move {
                total.merge(sums);
                Ok(total)
            })
            .await
    }

    async fn sum_hour(
        &self,
        site: &str,
        measure: Measure,
        span: HourSpan,
        now: DateTime<Utc>,
    ) -> Result<Sums, StorageError> {
        let (first, last) = keys::minute_rows_between(measure, span);
        let mut items = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .expression_attribute_names("#sk", keys::SORT_KEY)
            .expression_attribute_values(":pk", AttributeValue::S(keys::tally_partition(site, span.hour)))
            .expression_attribute_values(":first", AttributeValue::S(first))
            .expression_attribute_values(":last", AttributeValue::S(last))
            .into_paginator()
            .items()
            .send();
        let mut sums = Sums::default();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| StorageError::from_sdk("Query of minute rows", error))?;
            if !has_expired(&item, now)? {
                add_counters(&item, &mut sums)?;
            }
        }
        Ok(sums)
    }
}

fn has_expired(item: &Item, now: DateTime<Utc>) -> Result<bool, StorageError> {
    match item.get(keys::TIME_TO_LIVE) {
        None => Ok(false),
        Some(AttributeValue::N(text)) => match text.parse::<i64>() {
            Ok(time_to_live) => Ok(time_to_live <= now.timestamp()),
            Err(error) => Err(malformed(item, format!("its ttl is {text}: {error}"))),
        },
        Some(other) => Err(malformed(item, format!("its ttl is {other:?}, not a number"))),
    }
}

fn add_counters(item: &Item, sums: &mut Sums) -> Result<(), StorageError> {
    for (name, value) in item {
        let Some(key) = name.strip_prefix(keys::COUNTER_PREFIX) else {
            continue;
        };
        let amount = value
            .as_n()
            .ok()
            .and_then(|text| Amount::parse(text.as_bytes()))
            .ok_or_else(|| malformed(item, format!("the counter {key:?} is {value:?}, not a decimal in range")))?;
        sums.add(key, amount);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(attributes: &[(&str, &str)]) -> Item {
        attributes
            .iter()
            .map(|(name, number)| ((*name).to_string(), AttributeValue::N((*number).to_string())))
            .collect()
    }

    #[test]
    fn a_row_has_expired_from_the_second_of_its_time_to_live() {
        let now = DateTime::from_timestamp(1_000, 0).expect("in range");
        for (time_to_live, expired) in [("999", true), ("1000", true), ("1001", false)] {
            assert_eq!(has_expired(&row(&[("ttl", time_to_live)]), now).expect("a number"), expired);
        }
        assert!(!has_expired(&row(&[]), now).expect("no ttl is for ever"));
    }

    #[test]
    fn only_counters_are_summed() {
        let mut sums = Sums::default();
        add_counters(&row(&[("i#7", "2"), ("i#ttl", "3"), ("ttl", "99")]), &mut sums).expect("decimals");
        let top: Vec<(&str, String)> = sums.top(9).into_iter().map(|(key, amount)| (key, amount.to_string())).collect();
        assert_eq!(top, [("ttl", "3".to_string()), ("7", "2".to_string())]);
    }

    #[test]
    fn a_counter_that_is_no_number_is_an_error_and_not_a_zero() {
        let item = Item::from([("i#7".to_string(), AttributeValue::S("2".to_string()))]);
        assert!(add_counters(&item, &mut Sums::default()).is_err());
    }
}
