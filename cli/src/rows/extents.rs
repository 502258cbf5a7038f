//! The rows that say how far the partitions of streams are stored.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{number, others};
use crate::rows::ledger::Item;

/// What their partition keys begin with.
pub(super) const PREFIX: &str = "P#";

/// Checks a row of the partition of a stream; `None` if its keys are not those of one.
pub(super) fn read(
    item: &Item,
    partition: &str,
    sk: &str,
    odd: &mut impl FnMut(String),
) -> Option<()> {
    let parts = partition.split('/').filter(|part| !part.is_empty()).count();
    let is_partition = match partition.split('/').next() {
        Some("kafka") => parts == 4,
        Some("kinesis") => parts == 3,
        _ => false,
    };
    let is_name = sk.split_once('.').is_some_and(|(epoch, number)| {
        epoch.len() >= 6
            && epoch != "000000"
            && number.len() >= 3
            && are_digits(epoch)
            && are_digits(number)
    });
    if !is_partition || !is_name {
        odd("not the keys of a extent of a stream".to_owned());
        return None;
    }
    let (first, next) = (offset(item, "first", odd), offset(item, "next", odd));
    if let (Some(first), Some(next)) = (first, next)
        && (next.len(), next) < (first.len(), first)
    {
        odd(format!("its next {next} lies before its first {first}"));
    }
    if let Some(time) = item.get("timestamp_max")
        && number(time).is_none_or(|time| time.parse::<i64>().is_err())
    {
        odd(format!("its timestamp_max is {time:?}"));
    }
    others(item, &["first", "next", "timestamp_max"], odd);
    Some(())
}

/// A whole number of any length, without leading zeros.
fn offset<'a>(item: &'a Item, name: &str, odd: &mut impl FnMut(String)) -> Option<&'a str> {
    match item.get(name) {
        Some(AttributeValue::S(digits))
            if are_digits(digits) && (digits == "0" || !digits.starts_with('0')) =>
        {
            Some(digits)
        }
        other => {
            odd(format!("its {name} is {other:?}"));
            None
        }
    }
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    const KAFKA: &str = "P#kafka/shop-01234567/orders/0";

    fn oddities(pk: &str, sk: &str, attributes: &[(&str, AttributeValue)]) -> Vec<String> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut item = Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
        item.extend([("first".to_owned(), text("10")), ("next".to_owned(), text("10"))]);
        item.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let mut oddities = Vec::new();
        read(&item, &mut oddities);
        oddities
    }

    #[test]
    fn a_extent_says_where_it_begins_and_goes_on() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let time = ("timestamp_max", AttributeValue::N("1795161600000".to_owned()));
        assert_eq!(oddities(KAFKA, "000001.000", &[]), [""; 0]);
        assert_eq!(oddities(KAFKA, "000002.001", &[("next", text("100")), time]), [""; 0]);
        assert_eq!(
            oddities("P#kinesis/clicks-01234567/shardId-000000000000", "000001.000", &[]),
            [""; 0]
        );
        for (name, value) in [
            ("next", text("9")),
            ("next", text("010")),
            ("first", AttributeValue::N("10".to_owned())),
            ("timestamp_max", text("1")),
            ("ttl", AttributeValue::N("1".to_owned())),
        ] {
            assert_eq!(
                oddities(KAFKA, "000001.000", &[(name, value.clone())]).len(),
                1,
                "{name} {value:?}"
            );
        }
    }

    #[test]
    fn other_keys_are_no_extent() {
        for (pk, sk) in [
            (KAFKA, "000001"),
            (KAFKA, "1.0"),
            (KAFKA, "000000.000"),
            ("P#kafka/shop/orders", "000001.000"),
            ("P#kinesis/clicks/a/b", "000001.000"),
            ("P#sqs/a/b", "000001.000"),
        ] {
            assert_eq!(
                oddities(pk, sk, &[]),
                [format!("row {pk} {sk}: not the keys of a extent of a stream")]
            );
        }
    }
}
