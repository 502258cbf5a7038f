//! Sealing an hour: closing the numbered shards of its minute rows, and summing them once they can
//! no longer change.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use minutebook_domain::count::measure::Measure;
use minutebook_domain::count::tally::Tally;
use minutebook_domain::time::period::Period;
use minutebook_domain::time::{Hour, MINUTES_PER_HOUR};

use crate::counters::counters;
use crate::error::StorageError;
use crate::keys::{self, SHARD_COUNT, Shard};
use crate::table::{Consistency, Item, Table, key, malformed, put_request, rows, text};
use crate::visitors::{VisitorsBySecret, read_visitors, secret_of_row};

/// How long seal rows are kept. They stop transactions that began while the hour was open; later
/// ones see by the clock that it is closed. No function runs longer than a quarter of an hour, so a
/// week is plenty.
const SEAL_KEPT: TimeDelta = TimeDelta::days(7);

/// The sums of the minute rows of a sealed hour.
#[derive(Debug, Default)]
pub struct SealedHour {
    /// The sums of the numbered shards by measure and key, under the first minute of the hour or, if
    /// it has rows of its quarters, of each quarter.
    pub tally: Tally,
    /// The same of what orders added to units and sales.
    pub orders: Tally,
    /// The visitors of all its minutes, including late ones, under the same minutes, for each
    /// secret that has any.
    pub visitors: VisitorsBySecret,
}

impl Table {
    /// Closes the numbered shards of an hour: afterwards every commit to one of them fails its seal
    /// check.
    ///
    /// **Guarantees**: idempotent, and safe to call several times at once.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`]. Some shards may be closed
    /// nevertheless.
    pub async fn seal_shards(
        &self,
        site: &str,
        hour: Hour,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let expires_at = (now + SEAL_KEPT).timestamp();
        let puts = (0..SHARD_COUNT)
            .map(|shard| put_request(seal_item(site, hour, Shard::Number(shard), expires_at)))
            .collect::<Result<_, _>>()?;
        self.write_batch(puts).await
    }

    /// Sums the numbered shards of an hour, and merges its visitors, by quarter if it has rows of its
    /// quarters. Rows of the shard `late` are
    /// not in the sums, because their events are in the rows above already. So are late visitors,
    /// but merging them twice changes nothing.
    ///
    /// **Guarantees**: a consistent read. Once the hour has been sealed for a settle time, its rows
    /// no longer change and every call returns the same. Rows are summed even if their time to live
    /// has passed; those that DynamoDB deleted are missing, which the caller has to rule out.
    ///
    /// # Errors
    /// [`StorageError`]; see [`StorageError::is_retryable`].
    pub async fn read_sealed_minutes(
        &self,
        site: &str,
        hour: Hour,
        has_quarters: bool,
    ) -> Result<SealedHour, StorageError> {
        let partition = keys::tally_partition(site, Period::Minute(hour.first_minute()));
        let mut rows = rows(self.query(partition, Consistency::Strong), "Query of a sealed hour");
        let mut sealed = SealedHour::default();
        while let Some(item) = rows.try_next().await? {
            add_row(&item, site, hour, has_quarters, &mut sealed)?;
        }
        if has_quarters {
            sealed.visitors.values_mut().for_each(|visitors| visitors.set_quarters(site, hour));
        }
        Ok(sealed)
    }
}

fn seal_item(site: &str, hour: Hour, shard: Shard, expires_at: i64) -> Item {
    let mut item = key(keys::seal_partition(site, hour), shard.to_string());
    item.insert(keys::TIME_TO_LIVE.to_string(), AttributeValue::N(expires_at.to_string()));
    item
}

fn add_row(
    item: &Item,
    site: &str,
    hour: Hour,
    has_quarters: bool,
    sealed: &mut SealedHour,
) -> Result<(), StorageError> {
    let sort_key = text(item, keys::SORT_KEY)?;
    let is_malformed = || malformed(item, "its sort key is not that of a minute row".to_string());
    let summed_under = |minute: u32| match has_quarters {
        true => hour.first_minute().plus(minute).quarter().first_minute(),
        false => hour.first_minute(),
    };
    if let Some(secret) = secret_of_row(sort_key) {
        let minute =
            sort_key.split('#').nth(1).and_then(minute_of_hour).ok_or_else(is_malformed)?;
        let visitors = sealed.visitors.entry(secret).or_default();
        visitors.merge(site, summed_under(minute), &read_visitors(item)?);
        return Ok(());
    }
    let (measure, minute, shard) = minute_row(sort_key).ok_or_else(is_malformed)?;
    let tally = match shard {
        Shard::Number(_) => &mut sealed.tally,
        Shard::OfOrders(_) => &mut sealed.orders,
        Shard::Late => return Ok(()),
    };
    for counter in counters(item) {
        let (key, amount) = counter?;
        tally.add(site, measure, summed_under(minute), key, amount);
    }
    Ok(())
}

/// Reads the whole sort key of a minute row, `sales:USD#07#late#000.2`. Ingest did not write a row
/// with another one, which must not change a sum unnoticed.
fn minute_row(sort_key: &str) -> Option<(Measure, u32, Shard)> {
    let mut words = sort_key.split('#');
    let (measure, minute, shard, slot) =
        (words.next()?, words.next()?, words.next()?, words.next()?);
    let measure = Measure::parse(measure)?;
    let minute = minute_of_hour(minute)?;
    let (slot, overflow) = slot.split_once('.').unwrap_or((slot, "1"));
    let is_slot = slot.len() >= 3
        && number(slot).is_some()
        && number(overflow).is_some_and(|overflow| overflow > 0);
    if words.next().is_some() || !is_slot {
        return None;
    }
    let numbered = (0..SHARD_COUNT).map(Shard::Number);
    let of_orders = (0..SHARD_COUNT).map(Shard::OfOrders).filter(|_| measure.is_of_purchases());
    let mut shards = numbered.chain(of_orders).chain([Shard::Late]);
    Some((measure, minute, shards.find(|known| known.to_string() == shard)?))
}

/// Reads `00` to `59`.
fn minute_of_hour(text: &str) -> Option<u32> {
    number(text).filter(|minute| text.len() == 2 && *minute < MINUTES_PER_HOUR)
}

/// Reads digits only: `parse` alone would accept `+7`.
fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;
    use aws_sdk_dynamodb::primitives::Blob;
    use minutebook_domain::count::secret::{SecretNumber, VisitorSecret};
    use minutebook_domain::count::sketch::Sketch;
    use minutebook_domain::count::visitors::VisitorCounts;
    use serde_json::{Value, json};

    fn hour() -> Hour {
        Hour::parse("2026-11-20T23").expect("an hour")
    }

    fn row(sort_key: &str, counters: &[(&str, &str)]) -> Item {
        let partition = keys::tally_partition("shop", Period::Minute(hour().first_minute()));
        let mut item = Item::from([
            ("pk".to_string(), AttributeValue::S(partition)),
            ("sk".to_string(), AttributeValue::S(sort_key.to_string())),
            ("ttl".to_string(), AttributeValue::N("1".to_string())),
        ]);
        for (name, number) in counters {
            item.insert((*name).to_string(), AttributeValue::N((*number).to_string()));
        }
        item
    }

    #[test]
    fn numbered_shards_are_summed_over_minutes_shards_slots_and_overflows_and_late_ones_are_not() {
        let mut sealed = SealedHour::default();
        for (sort_key, counters) in [
            ("views#00#00#000", &[("i#7", "2"), ("i#8", "1")][..]),
            ("views#00#15#000", &[("i#7", "10")]),
            ("views#59#00#003.1", &[("i#7", "100")]),
            ("views#59#00#1000.12", &[("i#ttl", "5")]),
            ("views#59#late#000", &[("i#7", "1000")]),
            ("sales:USD#07#03#000", &[("i#7", "0.30")]),
            ("sales:EUR#07#03#000", &[("i#7", "1299.7")]),
            ("sales:EUR#07#o03#000", &[("i#7", "12"), ("i#8", "0"), ("i#(other)", "2")]),
            ("sales:EUR#08#o15#000.1", &[("i#7", "-5"), ("i#(other)", "-2.5")]),
            ("units#07#o00#000", &[("i#7", "1")]),
        ] {
            add_row(&row(sort_key, counters), "shop", hour(), false, &mut sealed)
                .expect("well formed");
        }
        let minute = hour().first_minute();
        let expected = format!(
            "shop {minute} views 7=112 8=1 ttl=5\nshop {minute} sales:EUR 7=1299.7\nshop {minute} sales:USD 7=0.3\n"
        );
        assert_eq!(format!("{:?}", sealed.tally), expected);
        let expected =
            format!("shop {minute} units 7=1\nshop {minute} sales:EUR (other)=-0.5 7=7\n");
        assert_eq!(format!("{:?}", sealed.orders), expected);
    }

    #[test]
    fn an_hour_with_quarters_is_summed_by_quarter() {
        let mut sealed = SealedHour::default();
        for (sort_key, count) in [
            ("views#00#00#000", "1"),
            ("views#14#07#000", "2"),
            ("views#15#00#000", "4"),
            ("views#59#00#000", "8"),
            ("views#59#late#000", "16"),
            ("units#14#00#000", "3"),
            ("units#14#o03#000", "5"),
            ("units#30#o03#000", "-7"),
            ("units#30#late#000", "9"),
        ] {
            let row = row(sort_key, &[("i#7", count)]);
            add_row(&row, "shop", hour(), true, &mut sealed).expect("well formed");
        }
        let expected = "shop 2026-11-20T23:00:00Z views 7=3\n\
                        shop 2026-11-20T23:00:00Z units 7=3\n\
                        shop 2026-11-20T23:15:00Z views 7=4\n\
                        shop 2026-11-20T23:45:00Z views 7=8\n";
        assert_eq!(format!("{:?}", sealed.tally), expected);
        let expected = "shop 2026-11-20T23:00:00Z units 7=5\n\
                        shop 2026-11-20T23:30:00Z units 7=-7\n";
        assert_eq!(format!("{:?}", sealed.orders), expected);
    }

    #[test]
    fn visitors_of_all_minutes_and_chunks_are_merged_by_secret() {
        let mut sealed = SealedHour::default();
        for (sort_key, names) in [
            ("visitors.1#00#aaaa", &["ann", "bob"][..]),
            ("visitors.1#59#bbbb", &["bob", "eve"]),
            ("visitors#59#bbbb", &["kim"]),
        ] {
            let mut item = row(sort_key, &[]);
            item.insert(
                "visitors".to_string(),
                AttributeValue::B(Blob::new(Sketch::of(VisitorSecret::NONE, names).to_bytes())),
            );
            add_row(&item, "shop", hour(), false, &mut sealed).expect("well formed");
        }
        for (secret, count) in [(0, 1), (1, 3)] {
            let visitors = sealed.visitors.remove(&SecretNumber(secret)).expect("it has rows");
            let counts: Vec<_> =
                visitors.minutes().map(|(_, minute, it)| (minute, it.counts())).collect();
            let expected = VisitorCounts { visitors: count, sessions: 0 };
            assert_eq!(counts, [(hour().first_minute(), expected)], "secret {secret}");
        }
        assert!(sealed.visitors.is_empty());
    }

    #[test]
    fn a_row_that_is_not_of_a_minute_is_an_error_that_names_it() {
        for sort_key in [
            "views",
            "views#07#00",
            "views#07#00#000#0",
            "views#60#00#000",
            "views#7#00#000",
            "views#+7#00#000",
            "views#07#16#000",
            "views#07#o03#000",
            "order_value:USD#07#o03#000",
            "units#07#o16#000",
            "units#07#o3#000",
            "views#07#0#000",
            "views#07#Late#000",
            "views#07#00#00",
            "views#07#00#00x",
            "views#07#00#000.0",
            "views#07#00#000.",
            "sales#07#00#000",
            "sales:usd#07#00#000",
            "clicks#07#00#000",
            "visitors.1#60#aaaa",
        ] {
            let added = add_row(
                &row(sort_key, &[("i#7", "2")]),
                "shop",
                hour(),
                false,
                &mut SealedHour::default(),
            );
            let sentence = added.expect_err(sort_key).to_string();
            assert!(sentence.contains(&format!("T#shop#2026-11-20T23 / {sort_key}")), "{sentence}");
        }
    }

    #[test]
    fn a_counter_that_is_no_number_is_an_error_and_not_a_zero() {
        let mut item = row("views#07#00#000", &[]);
        item.insert("i#7".to_string(), AttributeValue::S("2".to_string()));
        let sentence = add_row(&item, "shop", hour(), false, &mut SealedHour::default())
            .expect_err("a text")
            .to_string();
        assert!(sentence.contains("views#07#00#000") && sentence.contains("\"7\""), "{sentence}");
    }

    #[tokio::test]
    async fn an_hour_is_sealed_by_one_call_and_what_was_not_written_is_written_again() {
        let seal = |shard: &str| {
            let (pk, sk) = (json!({"S": "S#shop#2026-11-20T23"}), json!({"S": shard}));
            json!({"PutRequest": {"Item": {"pk": pk, "sk": sk, "ttl": {"N": "1795820400"}}}})
        };
        let left = json!({"UnprocessedItems": {"table": [seal("03"), seal("15")]}});
        let replay = Replay::default().answer("BatchWriteItem", left);
        let now = "2026-11-20T23:00:00Z".parse().expect("a time");
        replay.table().seal_shards("shop", hour(), now).await.expect("sealed");
        let written: Vec<Value> = replay
            .calls()
            .into_iter()
            .map(|call| call.request["RequestItems"]["table"].clone())
            .collect();
        let all = (0..16).map(|shard| seal(&format!("{shard:02}"))).collect();
        assert_eq!(written, [Value::Array(all), json!([seal("03"), seal("15")])]);
    }
}
