//! The rows of totals.

use minutebook_oracle::Totals;

use crate::rows::attributes::{Item, number, others, time};
use crate::rows::periods::two_digits;

/// The partition of the totals.
pub(super) const TOTALS: &str = "TOTALS";

/// How many shards the totals have.
const SHARDS: u32 = 64;

/// When a chunk was last committed, and when that chunk was put.
const TIMES: [&str; 2] = ["last_committed_at", "last_put_at"];

/// What was counted through one shard of the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TotalsShard(pub(crate) Totals);

/// Reads a shard of the totals; `None` if its sort key is not that of one.
pub(super) fn read(item: &Item, sk: &str, odd: &mut impl FnMut(String)) -> Option<TotalsShard> {
    if two_digits(sk).is_none_or(|shard| shard >= SHARDS) {
        odd("not the keys of totals".to_owned());
        return None;
    }
    let mut count = |name: &str| {
        number(item, name).unwrap_or_else(|error| {
            odd(error.to_string());
            0
        })
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
        if let Err(error) = time(item, name) {
            odd(error.to_string());
        }
    }
    let counts = totals.named().map(|(name, _)| name);
    others(item, &[counts.as_slice(), &TIMES].concat(), odd);
    Some(TotalsShard(totals))
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
        };
        assert_eq!(shard("63", |_| {}), (Some(TotalsShard(totals)), 0));
    }

    #[test]
    fn says_what_is_odd() {
        for sk in ["64", "1", "late"] {
            assert_eq!(shard(sk, |_| {}), (None, 1), "{sk}");
        }
        let oddities = |change: fn(&mut Item)| shard("00", change).1;
        assert_eq!(oddities(|item| _ = item.remove("events")), 1);
        assert_eq!(oddities(|item| _ = item.insert("lines".to_owned(), testing::number("-1"))), 1);
        assert_eq!(oddities(|item| _ = item.insert("last_put_at".to_owned(), text("x"))), 1);
        assert_eq!(oddities(|item| _ = item.insert("ttl".to_owned(), testing::number("1"))), 1);
    }
}
