//! The rows of totals, and of their snapshots.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use minutebook_oracle::Totals;

use crate::rows::attributes::{Item, number, others, time};
use crate::rows::periods::two_digits;

/// The partition of the totals.
pub(crate) const TOTALS: &str = "TOTALS";

/// The partition of the snapshots of the totals.
pub(crate) const SNAPSHOTS: &str = "TOTALS_SNAPSHOTS";

/// How many shards the totals have.
const SHARDS: u32 = 64;

/// When a chunk was last committed, and when that chunk was put.
const TIMES: [&str; 2] = ["last_committed_at", "last_put_at"];

/// The unknown types of the last chunk that had any, and when it was committed.
const TYPES: [&str; 2] = ["unknown_types", "unknown_types_at"];

/// What the attribute of a reason begins with.
const REJECTED_PREFIX: &str = "rejected:";

/// What was counted through one shard of the totals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TotalsShard {
    pub(crate) totals: Totals,
    pub(crate) rejected_by_reason: BTreeMap<String, u64>,
}

/// Reads a shard of the totals; `None` if its sort key is not that of one.
pub(super) fn read(item: &Item, sk: &str, odd: &mut impl FnMut(String)) -> Option<TotalsShard> {
    if two_digits(sk).is_none_or(|shard| shard >= SHARDS) {
        odd("not the keys of totals".to_owned());
        return None;
    }
    let shard = read_numbers(item, odd);
    // A row that has met nothing but refused files has no times.
    for name in TIMES.iter().filter(|name| shard.totals.lines > 0 || item.contains_key(**name)) {
        if let Err(error) = time(item, name) {
            odd(error.to_string());
        }
    }
    match item.get("unknown_types") {
        None => {}
        Some(AttributeValue::M(types)) => {
            for name in types.keys() {
                if let Err(error) = number::<u64>(types, name) {
                    odd(error.to_string());
                }
            }
            if let Err(error) = time(item, "unknown_types_at") {
                odd(error.to_string());
            }
        }
        Some(other) => odd(format!("its unknown_types is {other:?}")),
    }
    report_others(item, &[TIMES, TYPES].concat(), odd);
    Some(shard)
}

/// Checks a snapshot of the totals; `None` if its sort key is not that of one.
pub(super) fn read_snapshot(item: &Item, sk: &str, odd: &mut impl FnMut(String)) -> Option<()> {
    if two_digits(sk).is_none_or(|minute| minute >= 60 || minute % 5 > 0) {
        odd("not the keys of a snapshot".to_owned());
        return None;
    }
    if let Err(error) = time(item, "at") {
        odd(error.to_string());
    }
    read_numbers(item, odd);
    report_others(item, &["at"], odd);
    Some(())
}

/// The sums of all shards, or those that a snapshot has.
pub(crate) fn sums(items: &[Item]) -> TotalsShard {
    let mut sums = TotalsShard::default();
    for item in items {
        let shard = read_numbers(item, &mut |_| {});
        sums.totals.lines += shard.totals.lines;
        sums.totals.rejected += shard.totals.rejected;
        sums.totals.refused += shard.totals.refused;
        for (reason, count) in shard.rejected_by_reason {
            *sums.rejected_by_reason.entry(reason).or_default() += count;
        }
    }
    sums
}

/// When a chunk was last committed.
pub(crate) fn last_committed_at(shards: &[Item]) -> Option<DateTime<Utc>> {
    shards.iter().filter_map(|item| time(item, TIMES[0]).ok()).max()
}

/// When a snapshot was taken.
pub(crate) fn taken_at(snapshot: &Item) -> Option<DateTime<Utc>> {
    time(snapshot, "at").ok()
}

/// The numbers of a row. Those that are zero may be missing.
fn read_numbers(item: &Item, odd: &mut impl FnMut(String)) -> TotalsShard {
    let mut count = |name: &str| match item.contains_key(name) {
        true => number(item, name).unwrap_or_else(|error| {
            odd(error.to_string());
            0
        }),
        false => 0,
    };
    let totals = Totals {
        chunks: count("chunks"),
        lines: count("lines"),
        counted: count("counted"),
        ignored: count("ignored"),
        duplicate: count("duplicate"),
        rejected: count("rejected"),
        events: count("events"),
        unknown: count("unknown"),
        dropped: count("dropped"),
        purchases_without_money: count("purchases_without_money"),
        refused: count("refused"),
    };
    let reasons = item.keys().filter_map(|name| name.strip_prefix(REJECTED_PREFIX));
    let rejected_by_reason = reasons
        .map(|reason| (reason.to_owned(), count(&format!("{REJECTED_PREFIX}{reason}"))))
        .collect();
    TotalsShard { totals, rejected_by_reason }
}

/// Reports the attributes that are neither numbers of totals nor `expected`.
fn report_others(item: &Item, expected: &[&str], odd: &mut impl FnMut(String)) {
    let numbers = Totals::default().named().map(|(name, _)| name);
    let reasons = item.keys().map(String::as_str).filter(|name| name.starts_with(REJECTED_PREFIX));
    let known: Vec<&str> = expected.iter().copied().chain(numbers).chain(reasons).collect();
    others(item, &known, odd);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attributes::testing::{self, item, text};

    /// The shard, and how much is odd about it.
    fn shard(sk: &str, change: impl FnOnce(&mut Item)) -> (Option<TotalsShard>, usize) {
        let mut item = item(TOTALS, sk, &[]);
        for (place, (name, _)) in Totals::default().named().into_iter().enumerate() {
            item.insert(name.to_owned(), testing::number(&place.to_string()));
        }
        for name in TIMES {
            item.insert(name.to_owned(), text("2026-11-21T00:12:00Z"));
        }
        change(&mut item);
        let mut oddities = 0;
        let shard = read(&item, sk, &mut |_| oddities += 1);
        (shard, oddities)
    }

    #[test]
    fn reads_a_shard() {
        let totals = Totals {
            chunks: 0,
            lines: 1,
            counted: 2,
            ignored: 3,
            duplicate: 4,
            rejected: 5,
            events: 6,
            unknown: 7,
            dropped: 8,
            purchases_without_money: 9,
            refused: 10,
        };
        let rejected_by_reason = [("not_json".to_owned(), 5)].into();
        let expected = Some(TotalsShard { totals, rejected_by_reason });
        let reason = |item: &mut Item| {
            item.insert("rejected:not_json".to_owned(), testing::number("5"));
        };
        assert_eq!(shard("63", reason), (expected, 0));
        let of_refusal = |item: &mut Item| {
            item.retain(|name, _| matches!(name.as_str(), "pk" | "sk" | "refused"));
        };
        assert_eq!(shard("63", of_refusal).1, 0);
        let types = |item: &mut Item| {
            let types = [("popup".to_owned(), testing::number("3"))];
            item.insert("unknown_types".to_owned(), AttributeValue::M(types.into()));
            item.insert("unknown_types_at".to_owned(), text("2026-11-21T00:12:00Z"));
        };
        assert_eq!(shard("63", types).1, 0);
    }

    #[test]
    fn checks_a_snapshot() {
        let oddities = |sk: &str, change: fn(&mut Item)| {
            let attributes = [
                ("at", text("2026-11-21T00:12:00.5Z")),
                ("lines", testing::number("3")),
                ("rejected:not_json", testing::number("1")),
            ];
            let mut item = item(SNAPSHOTS, sk, &attributes);
            change(&mut item);
            let mut oddities = 0;
            read_snapshot(&item, sk, &mut |_| oddities += 1);
            oddities
        };
        assert_eq!(oddities("55", |_| {}), 0);
        assert_eq!(oddities("07", |_| {}), 1);
        assert_eq!(oddities("60", |_| {}), 1);
        assert_eq!(oddities("00", |item| _ = item.remove("at")), 1);
        assert_eq!(oddities("00", |item| _ = item.insert("ttl".into(), testing::number("1"))), 1);
    }

    #[test]
    fn says_what_is_odd() {
        for sk in ["64", "1", "late"] {
            assert_eq!(shard(sk, |_| {}), (None, 1), "{sk}");
        }
        let oddities = |change: fn(&mut Item)| shard("00", change).1;
        assert_eq!(oddities(|item| _ = item.remove("last_put_at")), 1);
        assert_eq!(oddities(|item| _ = item.insert("unknown_types".to_owned(), text("x"))), 1);
        assert_eq!(oddities(|item| _ = item.insert("lines".to_owned(), testing::number("-1"))), 1);
        assert_eq!(oddities(|item| _ = item.insert("last_put_at".to_owned(), text("x"))), 1);
        assert_eq!(oddities(|item| _ = item.insert("ttl".to_owned(), testing::number("1"))), 1);
    }
}
