//! The clock of a time zone: which instant a local time is.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// No zone is further from UTC, and none leaves out more at once.
const HOURS_AROUND: i64 = 26;

/// The first instant at which the clock of a zone shows a local time, in whole seconds. If it never
/// does, because it was set forward past that time, the instant at which it would have shown it.
pub(crate) fn instant_of(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let as_utc = local.and_utc();
    if zone == Tz::UTC {
        return as_utc;
    }
    let shown = |instant: DateTime<Utc>| instant.with_timezone(&zone).naive_local();
    let ahead = |instant: DateTime<Utc>| shown(instant) - instant.naive_utc();
    let around = (-HOURS_AROUND..=HOURS_AROUND).map(|hours| as_utc + TimeDelta::hours(hours));
    let differences: BTreeSet<TimeDelta> = around.map(ahead).collect();
    let instants = differences.iter().map(|difference| as_utc - *difference);
    if let Some(first) = instants.filter(|instant| shown(*instant) == local).min() {
        return first;
    }
    // The last second before the clock was set forward.
    let mut before = as_utc - TimeDelta::hours(HOURS_AROUND);
    let mut after = as_utc + TimeDelta::hours(HOURS_AROUND);
    while after - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if shown(middle) < local {
            before = middle;
        } else {
            after = middle;
        }
    }
    as_utc - ahead(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_instant_or_that_of_the_clock_before() {
        for (zone, local, expected) in [
            (Tz::UTC, "2026-11-20T23:07:31", "2026-11-20T23:07:31Z"),
            (Tz::Asia__Kolkata, "2026-11-20T00:00:00", "2026-11-19T18:30:00Z"),
            (Tz::Europe__Berlin, "2026-10-25T01:59:59", "2026-10-24T23:59:59Z"),
            (Tz::Europe__Berlin, "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
            (Tz::Europe__Berlin, "2026-10-25T03:00:00", "2026-10-25T02:00:00Z"),
            (Tz::Europe__Berlin, "2026-03-29T02:00:00", "2026-03-29T01:00:00Z"),
            (Tz::Europe__Berlin, "2026-03-29T02:59:59", "2026-03-29T01:59:59Z"),
            (Tz::Europe__Berlin, "2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
            (Tz::America__Sao_Paulo, "2018-11-04T00:30:00", "2018-11-04T03:30:00Z"),
            (Tz::Australia__Lord_Howe, "2026-10-04T02:15:00", "2026-10-03T15:45:00Z"),
            (Tz::Pacific__Apia, "2011-12-30T12:00:00", "2011-12-30T22:00:00Z"),
        ] {
            let found = instant_of(local.parse().unwrap(), zone);
            assert_eq!(found, expected.parse::<DateTime<Utc>>().unwrap(), "{zone} {local}");
        }
    }
}
