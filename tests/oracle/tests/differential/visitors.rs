//! The visitors of the reader and those of the oracle.

use std::collections::BTreeMap;

use minutebook_domain::chunk::ChunkCount;
use minutebook_domain::count::sketch::Sketch;
use minutebook_domain::time::period::Period;
use minutebook_oracle::{Granularity, Recount, VisitorIds};

use super::SECRET;
use crate::chunk::REFERENCE_SECONDS;

/// Compares the sketches of every span of time with those of the oracle's ids.
pub(super) fn same_visitors(
    read: &ChunkCount,
    recounted: &Recount,
    retention_days: u32,
) -> Result<(), String> {
    let kept_from = match retention_days {
        0 => 0,
        days => (REFERENCE_SECONDS - i64::from(days) * 86_400) / 60,
    };
    let mut of_reader: BTreeMap<String, [&Sketch; 2]> = BTreeMap::new();
    for (site, minute, visitors) in read.visitors.minutes() {
        of_reader.insert(
            format!("{site} minute {}", minute.number()),
            [&visitors.visitors, &visitors.sessions],
        );
    }
    let rolled_up = read.visitors.rolled_up(|_, _| true);
    for ((site, period), visitors) in &rolled_up {
        let name = match period {
            Period::Minute(minute) => format!("minute {}", minute.number()),
            Period::Quarter(quarter) => format!("quarter {quarter}"),
            Period::Hour(hour) => format!("hour {hour}"),
            Period::Day(day) => format!("day {day}"),
            Period::Week(week) => format!("week {week}"),
            Period::Month(month) => format!("month {month}"),
        };
        of_reader.insert(format!("{site} {name}"), [&visitors.visitors, &visitors.sessions]);
    }
    for granularity in Granularity::ALL {
        for (site, period, ids) in recounted.visitors.by_period(granularity) {
            let name = match granularity {
                Granularity::Minute if period.first_minute() < kept_from => continue,
                Granularity::Minute => format!("{site} minute {}", period.first_minute()),
                _ => format!("{site} {} {period}", granularity.name()),
            };
            let Some(sketches) = of_reader.remove(&name) else {
                return Err(format!("the reader has no visitors of {name}: {ids:?}"));
            };
            let VisitorIds { users, sessions } = &ids;
            if !(is_of(sketches[0], users) && is_of(sketches[1], sessions)) {
                return Err(format!("other visitors of {name}: {sketches:?} are not {ids:?}"));
            }
        }
    }
    match of_reader.first_key_value() {
        None => Ok(()),
        Some((name, sketches)) => {
            Err(format!("the oracle has no visitors of {name}: {sketches:?}"))
        }
    }
}

/// Whether a sketch is one of these ids. Its bytes depend on the order that ids were added in, so
/// that sets are compared: two are the same if neither they nor their union differ in size.
fn is_of(sketch: &Sketch, ids: &[&str]) -> bool {
    let expected = Sketch::of(SECRET, ids);
    let mut merged = sketch.clone();
    merged.merge(&expected);
    [sketch.estimate(), merged.estimate()] == [expected.estimate(); 2]
}
