//! The counters of a row: the update that adds to them, how they are read, and the check that a
//! shard is not sealed.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem, Update};
use minutebook_domain::count::amount::Amount;
use minutebook_domain::plan::Row;
use minutebook_domain::time::Hour;
use minutebook_domain::time::period::Retention;

use crate::error::StorageError;
use crate::keys::{self, Shard};
use crate::table::{Item, Table, key, malformed};

impl Table {
    /// The action that adds a row's counters.
    pub(crate) fn row_action(
        &self,
        row: &Row<'_>,
        shard: Shard,
        overflow: u32,
        retention: Retention,
    ) -> Result<TransactWriteItem, StorageError> {
        let partition = keys::tally_partition(row.site, row.period);
        let sort_key = keys::tally_row(row.measure, row.period, shard, row.slot, overflow);
        let mut expression = String::from("ADD ");
        let mut names = HashMap::with_capacity(row.counters.len() + 1);
        let mut values = HashMap::new();
        // Most counters add the same small number, so equal amounts share one placeholder.
        let mut placeholders = HashMap::new();
        for (number, (key, amount)) in row.counters.iter().enumerate() {
            if number > 0 {
                expression.push(',');
            }
            let next = placeholders.len();
            let placeholder = *placeholders.entry(*amount).or_insert(next);
            expression.push_str(&format!("#{number} :{placeholder}"));
            names.insert(format!("#{number}"), format!("{}{key}", keys::COUNTER_PREFIX));
            values.insert(format!(":{placeholder}"), AttributeValue::N(amount.to_string()));
        }
        if let Some(expires_at) = retention.expires_at(row.period) {
            expression.push_str(" SET #ttl=:ttl");
            names.insert("#ttl".to_string(), keys::TIME_TO_LIVE.to_string());
            values.insert(":ttl".to_string(), AttributeValue::N(expires_at.to_string()));
        }
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key(partition, sort_key)))
            .update_expression(expression)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(StorageError::from_build)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The action that checks that a shard of an hour is not sealed.
    pub(crate) fn seal_check(
        &self,
        site: &str,
        hour: Hour,
        shard: Shard,
    ) -> Result<TransactWriteItem, StorageError> {
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(key(keys::seal_partition(site, hour), shard.to_string())))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", keys::PARTITION_KEY)
            .build()
            .map_err(StorageError::from_build)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}

/// The keys of a row and their numbers.
pub(crate) fn counters(item: &Item) -> impl Iterator<Item = Result<(&str, Amount), StorageError>> {
    item.iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(keys::COUNTER_PREFIX)?, value)))
        .map(|(key, value)| {
            let number = value.as_n().ok().and_then(|text| Amount::parse(text.as_bytes()));
            let amount = number.ok_or_else(|| {
                malformed(item, format!("the counter {key:?} is {value:?}, not a decimal in range"))
            })?;
            Ok((key, amount))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use minutebook_domain::count::measure::Measure;
    use minutebook_domain::time::period::Period;
    use std::collections::BTreeMap;

    const RETENTION: Retention = Retention { minute_days: 7, hour_days: 0, day_days: 0 };

    fn hour() -> Hour {
        Hour::parse("2026-11-20T23").expect("an hour")
    }

    fn amount(text: &str) -> Amount {
        Amount::parse(text.as_bytes()).expect("a decimal")
    }

    /// The row that an update of a row that does not exist yet makes.
    fn applied(update: &Update) -> Item {
        let names = update.expression_attribute_names().expect("names");
        let values = update.expression_attribute_values().expect("values");
        let mut item: Item = update.key().clone();
        let expression = update.update_expression().strip_prefix("ADD ").expect("additions");
        let (added, set) = expression.split_once(" SET ").unwrap_or((expression, ""));
        for pair in added.split(',').filter_map(|pair| pair.split_once(' ')) {
            item.insert(names[pair.0].clone(), values[pair.1].clone());
        }
        for pair in set.split(',').filter_map(|pair| pair.split_once('=')) {
            item.insert(names[pair.0].clone(), values[pair.1].clone());
        }
        item
    }

    #[test]
    fn the_counters_that_an_update_adds_are_read_back() {
        let table = Replay::default().table();
        let row = |period| Row {
            site: "shop",
            period,
            measure: Measure::Views,
            slot: 3,
            counters: vec![("", Amount::ONE), ("a#b", Amount::ONE), ("ttl", amount("-12.5"))],
        };
        let minute = Period::Minute(hour().first_minute().plus(7));
        for (period, sort_key, expires) in
            [(minute, "views#07#05#003.2", true), (Period::Hour(hour()), "views#23#003.2", false)]
        {
            let row = row(period);
            let action =
                table.row_action(&row, Shard::Number(5), 2, RETENTION).expect("it is whole");
            let update = action.update().expect("an update");
            let set = if expires { " SET #ttl=:ttl" } else { "" };
            let expression = format!("ADD #0 :0,#1 :0,#2 :1{set}");
            assert_eq!(update.update_expression(), expression);
            assert_eq!(update.condition_expression(), None);
            let item = applied(update);
            assert_eq!(item["sk"].as_s().map(String::as_str), Ok(sort_key));
            assert_eq!(item.contains_key("ttl"), expires);
            let read: BTreeMap<&str, Amount> =
                counters(&item).collect::<Result<_, _>>().expect("well formed");
            assert_eq!(read.into_iter().collect::<Vec<_>>(), row.counters);
        }
    }

    #[test]
    fn a_seal_check_demands_that_the_row_of_the_shard_does_not_exist() {
        let table = Replay::default().table();
        let action = table.seal_check("shop", hour(), Shard::Number(5)).expect("it is whole");
        let check = action.condition_check().expect("a check");
        assert_eq!(check.key()["pk"].as_s().map(String::as_str), Ok("S#shop#2026-11-20T23"));
        assert_eq!(check.key()["sk"].as_s().map(String::as_str), Ok("05"));
        assert_eq!(check.condition_expression(), "attribute_not_exists(#pk)");
        assert_eq!(check.expression_attribute_names().expect("names")["#pk"], "pk");
    }

    #[test]
    fn a_counter_that_is_no_number_is_an_error_that_names_the_row() {
        let mut item = key("T#shop#2026".to_string(), "views#m11#000".to_string());
        item.insert("i#7".to_string(), AttributeValue::S("2".to_string()));
        let error = counters(&item).next().expect("a counter").expect_err("a text").to_string();
        assert!(error.contains("views#m11#000") && error.contains("\"7\""), "{error}");
    }
}
