//! The rows of totals.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use minutebook_oracle::Totals;

use crate::rows::ledger::Item;
use crate::rows::{number, others, two_digits};

/// The partition of the totals.
pub(super) const TOTALS: &str = "TOTALS";

/// How many rows the totals are spread over.
const SHARDS: u32 = 64;

/// A part of the totals: what was counted through one of their rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TotalsShard(pub(crate) Totals);

pub(super) fn read(item: &Item, sk: &str, odd: &mut impl FnMut(String)) -> Option<TotalsShard> {
    if two_digits(sk).is_none_or(|shard| shard >= SHARDS) {
        odd("not the keys of totals".to_owned());
        return None;
    }
    let mut count = |name: &str| {
        let value = item.get(name);
        let count = value.and_then(number).and_then(|count| count.parse::<u64>().ok());
        if count.is_none() {
            odd(format!("its {name} is {value:?}"));
        }
        count.unwrap_or(0)
    };
    let totals = Totals {
        chunks: count("chunks"),
        lines: count("lines"),
        counted: count("counted"),
        ignored: count("ignored"),
        duplicate: count("duplicate"),
        rejected: count("rejected"),
        events: count("events"),
    };
    for name in TIMES {
        let value = item.get(name);
        let is_time =
            matches!(value, Some(AttributeValue::S(time)) if time.parse::<DateTime<Utc>>().is_ok());
        if !is_time {
            odd(format!("its {name} is {value:?}"));
        }
    }
    let counts = totals.named().map(|(name, _)| name);
    others(item, &[counts.as_slice(), &TIMES].concat(), odd);
    Some(TotalsShard(totals))
}

/// When a chunk was last committed, and when that chunk was put.
const TIMES: [&str; 2] = ["last_committed_at", "last_put_at"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{TableRow, read};

    fn shard(sk: &str, change: impl FnOnce(&mut Item)) -> (Option<TableRow>, usize) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut item = Item::from([("pk".to_owned(), text("TOTALS")), ("sk".to_owned(), text(sk))]);
        for (place, (name, _)) in Totals::default().named().into_iter().enumerate() {
            item.insert(name.to_owned(), AttributeValue::N(place.to_string()));
        }
        for name in TIMES {
            item.insert(name.to_owned(), text("2026-11-21T00:12:00Z"));
        }
        change(&mut item);
        let mut oddities = Vec::new();
        let row = read(&item, &mut oddities);
        (row, oddities.len())
    }

    #[test]
    fn reads_a_shard() {
        let (row, oddities) = shard("63", |_| {});
        let totals = Totals {
            chunks: 0,
            lines: 1,
            counted: 2,
            ignored: 3,
            duplicate: 4,
            rejected: 5,
            events: 6,
        };
        assert_eq!((row, oddities), (Some(TableRow::Totals(TotalsShard(totals))), 0));
    }

    #[test]
    fn says_what_is_odd() {
        for sk in ["64", "1", "late"] {
            assert_eq!(shard(sk, |_| {}), (None, 1), "{sk}");
        }
        let oddities = |change: fn(&mut Item)| shard("00", change).1;
        assert_eq!(oddities(|item| _ = item.remove("events")), 1);
        assert_eq!(
            oddities(|item| _ = item.insert("lines".to_owned(), AttributeValue::N("-1".to_owned()))),
            1
        );
        assert_eq!(
            oddities(
                |item| _ = item.insert("last_put_at".to_owned(), AttributeValue::S("x".to_owned()))
            ),
            1
        );
        assert_eq!(
            oddities(|item| _ = item.insert("ttl".to_owned(), AttributeValue::N("1".to_owned()))),
            1
        );
    }
}
