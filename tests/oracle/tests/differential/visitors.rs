//! The visitors of the reader and those of the oracle.

use std::collections::BTreeMap;

use minutebook_domain::chunk::ChunkCount;
use minutebook_domain::count::sketch::Sketch;
use minutebook_domain::count::stages::Stage;
use minutebook_domain::count::visitors::Visitors;
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
    let mut of_reader: BTreeMap<String, Vec<Option<&Sketch>>> = BTreeMap::new();
    for (site, minute, visitors) in read.visitors.minutes() {
        of_reader.insert(format!("{site} minute {}", minute.number()), sketches(visitors));
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
        of_reader.insert(format!("{site} {name}"), sketches(visitors));
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
            let VisitorIds { users, sessions, stages, .. } = &ids;
            let of_stages = stages.iter().flat_map(|(users, sessions)| [users, sessions]);
            let mut all = sketches.iter().zip([users, sessions].into_iter().chain(of_stages));
            if !all.all(|(sketch, ids)| is_of(*sketch, ids)) {
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

/// The sketches of visitors and of sessions: all, and those of each stage; `None` is an empty one.
fn sketches(visitors: &Visitors) -> Vec<Option<&Sketch>> {
    assert!(visitors.stages.are_complete);
    let of_stages = Stage::ALL.into_iter().flat_map(|stage| {
        let of_stage = visitors.stages.of(stage);
        [of_stage.map(|it| &it.visitors), of_stage.map(|it| &it.sessions)]
    });
    let of_all = [Some(&visitors.visitors), Some(&visitors.sessions)];
    of_all.into_iter().chain(of_stages).collect()
}

/// Whether a sketch is one of these ids. Its bytes depend on the order that ids were added in, so
/// that sets are compared: two are the same if neither they nor their union differ in size.
fn is_of(sketch: Option<&Sketch>, ids: &[&str]) -> bool {
    let Some(sketch) = sketch else { return ids.is_empty() };
    let expected = Sketch::of(SECRET, ids);
    let mut merged = sketch.clone();
    merged.merge(&expected);
    [sketch.estimate(), merged.estimate()] == [expected.estimate(); 2]
}
