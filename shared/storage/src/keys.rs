//! The keys and attributes of the table, as docs/TABLE.md gives them.

use std::fmt;

use minutebook_domain::chunk::id::ChunkId;
use minutebook_domain::count::measure::Measure;
use minutebook_domain::time::period::Bucket;
use minutebook_domain::time::{Day, Hour, Minute};

use crate::chunk::ledger::MarkName;

/// The partition key's attribute.
pub const PARTITION_KEY: &str = "pk";
/// The sort key's attribute.
pub const SORT_KEY: &str = "sk";
/// The attribute of the time to live, in seconds since 1970.
pub const TIME_TO_LIVE: &str = "ttl";
/// What stands before a key in the name of its counter.
pub const COUNTER_PREFIX: &str = "i#";

/// The lanes that a commit may write to; see [`Lane`].
pub const LANE_COUNT: u8 = 16;

/// Which copy of a row a commit bumps: two transactions that touch one item conflict, so one that
/// met a conflict goes to another lane. Readers sum all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// 0 to [`LANE_COUNT`] - 1.
    Number(u8),
    /// For events of an hour that is sealed.
    Late,
}

/// As in the sort key: `00` to `15`, `late`.
impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lane::Number(number) => write!(f, "{number:02}"),
            Lane::Late => f.write_str("late"),
        }
    }
}

/// The partition that a bucket's rows lie in: minutes with their hour, hours with their day, days,
/// weeks and months with their year (a week with its ISO year).
pub fn tally_partition(site: &str, bucket: Bucket) -> String {
    match bucket {
        Bucket::Minute(minute) => format!("T#{site}#{}", minute.hour()),
        Bucket::Hour(hour) => format!("T#{site}#{}", hour.day()),
        Bucket::Day(day) => format!("T#{site}#{:04}", day.month().of_year().0),
        Bucket::Week(week) => format!("T#{site}#{:04}", week.of_iso_year().0),
        Bucket::Month(month) => format!("T#{site}#{:04}", month.of_year().0),
    }
}

/// What the sort keys of a bucket's rows of a family (a measure, or [`VISITORS`]) begin with:
/// `views#07#`, `views#d11-20#`.
pub fn tally_prefix(family: impl fmt::Display, bucket: Bucket) -> String {
    match bucket {
        Bucket::Minute(minute) => format!("{family}#{:02}#", minute.of_hour()),
        Bucket::Hour(hour) => format!("{family}#{:02}#", hour.of_day()),
        Bucket::Day(day) => format!("{family}#d{}#", day.date().format("%m-%d")),
        Bucket::Week(week) => format!("{family}#w{:02}#", week.of_iso_year().1),
        Bucket::Month(month) => format!("{family}#m{:02}#", month.of_year().1),
    }
}

/// The sort key of a row; only minute rows have lanes. A row that was refused as too large goes on
/// in spill row 1, then 2, …
pub fn tally_row(measure: Measure, bucket: Bucket, lane: Lane, slot: u32, spill: u32) -> String {
    let mut key = tally_prefix(measure, bucket);
    if matches!(bucket, Bucket::Minute(_)) {
        key.push_str(&format!("{lane}#"));
    }
    key.push_str(&format!("{slot:03}"));
    if spill > 0 {
        key.push_str(&format!(".{spill}"));
    }
    key
}

/// What the sort keys of visitors begin with, as those of tallies do with their measure.
pub const VISITORS: &str = "users";
/// The attribute of the sketch of customers.
pub const USERS: &str = "users";
/// The attribute of the sketch of sessions.
pub const SESSIONS: &str = "sessions";
/// The attribute that counts how often a row was joined with.
pub const REVISION: &str = "revision";

/// How many rows there are of a bucket's visitors from the hour upwards: late chunks that come at
/// once join different ones.
pub const VISITOR_LANES: u8 = 4;

/// The sort key of what a chunk knows of a minute's visitors: `users#07#<tag of the chunk>`.
pub fn chunk_visitors(minute: Minute, chunk: &ChunkId) -> String {
    format!("{}{}", tally_prefix(VISITORS, Bucket::Minute(minute)), chunk.tag())
}

/// The sort key of visitors of an hour, day, week or month: `users#23#00`.
pub fn joined_visitors(bucket: Bucket, lane: u8) -> String {
    format!("{}{lane:02}", tally_prefix(VISITORS, bucket))
}

/// The partition of an order's row: it has one of its own.
pub fn order_partition(site: &str, order_id: &str) -> String {
    format!("O#{site}#{order_id}")
}

/// The sort key of an order's row.
pub const ORDER: &str = "order";

/// The partition of the recent orders of a day.
pub fn recent_partition(site: &str, day: Day) -> String {
    format!("R#{site}#{day}")
}

/// The sort key of a recent order: the oldest ones first.
pub fn recent_order(created_at: &str, order_id: &str) -> String {
    format!("{created_at}#{order_id}")
}

/// The first and last sort key that [`tally_prefix`] can begin, from the prefix of one bucket to
/// that of another (or the same) in its partition, for a query with `BETWEEN`.
pub fn rows_between(first_prefix: &str, last_prefix: &str) -> (String, String) {
    // '~' sorts behind every digit and letter that a lane or slot begins with.
    (first_prefix.to_string(), format!("{last_prefix}~"))
}

/// The partition of the open hours.
pub const OPEN_PARTITION: &str = "OPEN";

/// The sort key of an open hour: the oldest ones first.
pub fn open_hour(hour: Hour, site: &str) -> String {
    format!("{hour}#{site}")
}

/// The partition of the seal rows of a site and hour; the sort key is the lane.
pub fn seal_partition(site: &str, hour: Hour) -> String {
    format!("S#{site}#{hour}")
}

/// The partition of a chunk's ledger marks.
pub fn ledger_partition(chunk: &ChunkId) -> String {
    format!("L#{chunk}")
}

/// The sort key of a ledger mark.
pub fn ledger_mark(name: MarkName) -> String {
    if name.late == 0 {
        format!("{:06}", name.part)
    } else {
        format!("{:06}.{:03}", name.part, name.late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::count::measure::Currency;

    fn minute() -> Minute {
        Minute::from_epoch_seconds(1_795_216_079).expect("in range")
    }

    #[test]
    fn keys_are_written_as_the_table_page_says() {
        let usd = Currency::parse(b"USD").expect("three letters");
        let hour = minute().hour();
        let day = hour.day();
        let row = |bucket| tally_row(Measure::Views, bucket, Lane::Number(0), 3, 0);
        for (bucket, partition, sort) in [
            (Bucket::Minute(minute()), "T#shop#2026-11-20T23", "views#07#00#003"),
            (Bucket::Hour(hour), "T#shop#2026-11-20", "views#23#003"),
            (Bucket::Day(day), "T#shop#2026", "views#d11-20#003"),
            (Bucket::Week(day.week()), "T#shop#2026", "views#w47#003"),
            (Bucket::Month(day.month()), "T#shop#2026", "views#m11#003"),
        ] {
            assert_eq!(
                (tally_partition("shop", bucket).as_str(), row(bucket).as_str()),
                (partition, sort)
            );
        }
        assert_eq!(
            tally_row(Measure::Sales(usd), Bucket::Minute(minute()), Lane::Late, 0, 2),
            "sales:USD#07#late#000.2"
        );
        assert_eq!(seal_partition("shop", hour), "S#shop#2026-11-20T23");
        assert_eq!(open_hour(hour, "shop"), "2026-11-20T23#shop");
        assert_eq!(ledger_mark(MarkName { part: 2, late: 0 }), "000002");
        assert_eq!(ledger_mark(MarkName { part: 2, late: 11 }), "000002.011");
    }

    #[test]
    fn a_week_lies_in_its_iso_year() {
        let day = Hour::parse("2027-01-01T00").expect("an hour").day();
        let week = Bucket::Week(day.week());
        assert_eq!(tally_partition("shop", week), "T#shop#2026");
        assert_eq!(tally_prefix(Measure::Views, week), "views#w53#");
    }

    #[test]
    fn a_range_holds_every_lane_and_slot_of_its_minutes_and_no_other() {
        let prefix = |of_hour| {
            tally_prefix(
                Measure::Views,
                Bucket::Minute(minute().hour().first_minute().plus(of_hour)),
            )
        };
        let (first, last) = rows_between(&prefix(5), &prefix(7));
        for (of_hour, inside) in [(4, false), (5, true), (7, true), (8, false)] {
            for lane in [Lane::Number(0), Lane::Number(15), Lane::Late] {
                for (slot, spill) in [(0, 0), (999, 0), (1_000, 0), (3, 12)] {
                    let bucket = Bucket::Minute(minute().hour().first_minute().plus(of_hour));
                    let key = tally_row(Measure::Views, bucket, lane, slot, spill);
                    assert_eq!(
                        (first.as_str()..=last.as_str()).contains(&key.as_str()),
                        inside,
                        "{key}"
                    );
                }
            }
        }
    }
}
