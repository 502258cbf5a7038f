//! The keys and attributes of the table, as docs/TABLE.md gives them.

use std::fmt;

use minutebook_domain::measure::Measure;
use minutebook_domain::time::Hour;
use minutebook_domain::window::HourSpan;

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

/// Which copy of a row a commit bumps: two transactions that touch one item conflict, so one that met a conflict goes to
/// another lane. Readers sum all of them.
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

/// The partition of the minute rows of a site and hour.
pub fn tally_partition(site: &str, hour: Hour) -> String {
    format!("T#{site}#{hour}")
}

/// The sort key of a minute row. A row that was refused as too large goes on in spill row 1, then 2, …
pub fn minute_row(measure: Measure, minute_of_hour: u32, lane: Lane, slot: u32, spill: u32) -> String {
    if spill == 0 {
        format!("{measure}#{minute_of_hour:02}#{lane}#{slot:03}")
    } else {
        format!("{measure}#{minute_of_hour:02}#{lane}#{slot:03}.{spill}")
    }
}

/// The first and last sort key of a measure's rows in a span of minutes, for a query with `BETWEEN`.
pub fn minute_rows_between(measure: Measure, span: HourSpan) -> (String, String) {
    // '~' sorts behind every digit and letter that a lane begins with.
    (format!("{measure}#{:02}#", span.first), format!("{measure}#{:02}#~", span.last))
}

/// The partition of the seal rows of a site and hour; the sort key is the lane.
pub fn seal_partition(site: &str, hour: Hour) -> String {
    format!("S#{site}#{hour}")
}

/// The partition of a chunk's ledger marks.
pub fn ledger_partition(chunk: &minutebook_domain::ledger::ChunkId) -> String {
    format!("L#{chunk}")
}

/// The sort key of a part's ledger mark.
pub fn ledger_part(part: usize) -> String {
    format!("{part:06}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use minutebook_domain::measure::Currency;
    use minutebook_domain::time::Minute;
    use minutebook_domain::window::{Window, WindowLength};

    #[test]
    fn keys_are_written_as_the_table_page_says() {
        let minute = Minute::from_epoch_seconds(1_795_216_079).expect("in range");
        let usd = Currency::parse(b"USD").expect("three letters");
        assert_eq!(tally_partition("shop", minute.hour()), "T#shop#2026-11-20T23");
        assert_eq!(minute_row(Measure::Views, 7, Lane::Number(0), 3, 0), "views#07#00#003");
        assert_eq!(minute_row(Measure::Sales(usd), 7, Lane::Late, 0, 2), "sales:USD#07#late#000.2");
        assert_eq!(seal_partition("shop", minute.hour()), "S#shop#2026-11-20T23");
    }

    #[test]
    fn a_range_holds_every_lane_and_slot_of_its_minutes_and_no_other() {
        let as_of = Minute::from_epoch_seconds(1_795_216_079).expect("in range");
        let length = WindowLength::parse("3m").expect("valid");
        let span = Window::ending_with(as_of, length).hour_spans()[0];
        let (first, last) = minute_rows_between(Measure::Views, span);
        for (of_hour, inside) in [(4, false), (5, true), (7, true), (8, false)] {
            for lane in [Lane::Number(0), Lane::Number(15), Lane::Late] {
                for (slot, spill) in [(0, 0), (999, 0), (1_000, 0), (3, 12)] {
                    let key = minute_row(Measure::Views, of_hour, lane, slot, spill);
                    assert_eq!((first.as_str()..=last.as_str()).contains(&key.as_str()), inside, "{key}");
                }
            }
        }
    }
}
