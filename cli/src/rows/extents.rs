//! The rows of stream extents, which say which records of a partition are stored.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::rows::attributes::{Item, number, others};

/// What their partition keys begin with.
pub(super) const PREFIX: &str = "P#";

/// Checks an extent of the `partition` that its partition key names; `None` if its keys are not
/// those of one.
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
        odd("not the keys of a stream extent".to_owned());
        return None;
    }
    let (first, next) = (offset(item, "first", odd), offset(item, "next", odd));
    if let (Some(first), Some(next)) = (first, next)
        && (next.len(), next) < (first.len(), first)
    {
        odd(format!("its next {next} is before its first {first}"));
    }
    if item.contains_key("timestamp_max")
        && let Err(error) = number::<i64>(item, "timestamp_max")
    {
        odd(error.to_string());
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
    use super::*;
    use crate::rows::attributes::testing::{item, number, text};

    const KAFKA: &str = "kafka/shop-01234567/orders/0";

    fn oddities(partition: &str, sk: &str, attributes: &[(&str, AttributeValue)]) -> Vec<String> {
        let offsets = [("first", text("10")), ("next", text("10"))];
        let pk = format!("{PREFIX}{partition}");
        let item = item(&pk, sk, &[&offsets, attributes].concat());
        let mut oddities = Vec::new();
        read(&item, partition, sk, &mut |what| oddities.push(what));
        oddities
    }

    #[test]
    fn an_extent_says_where_it_begins_and_goes_on() {
        let time = ("timestamp_max", number("1795161600000"));
        assert_eq!(oddities(KAFKA, "000001.000", &[]), [""; 0]);
        assert_eq!(oddities(KAFKA, "000002.001", &[("next", text("100")), time]), [""; 0]);
        assert_eq!(
            oddities("kinesis/clicks-01234567/shardId-000000000000", "000001.000", &[]),
            [""; 0]
        );
        for (name, value) in [
            ("next", text("9")),
            ("next", text("010")),
            ("first", number("10")),
            ("timestamp_max", text("1")),
            ("ttl", number("1")),
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
        for (partition, sk) in [
            (KAFKA, "000001"),
            (KAFKA, "1.0"),
            (KAFKA, "000000.000"),
            ("kafka/shop/orders", "000001.000"),
            ("kinesis/clicks/a/b", "000001.000"),
            ("sqs/a/b", "000001.000"),
        ] {
            assert_eq!(
                oddities(partition, sk, &[]),
                ["not the keys of a stream extent"],
                "{partition} {sk}"
            );
        }
    }
}
