//! The hours of a site in which numbers are also added up by quarter.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::calendar::{Granularity, Period};

/// A quarter of an hour.
const QUARTER: TimeDelta = TimeDelta::minutes(15);

/// No clock is set back by more than a day.
const DAYS_BEFORE: TimeDelta = TimeDelta::days(2);

/// The zones of a site, each from an hour on, in the order in which they were set. The last of those
/// whose hour has come counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuarterHours(Vec<(DateTime<Utc>, Option<Tz>)>);

impl QuarterHours {
    /// Sets the zone from an hour on, which begins with this time; `None` is no zone.
    pub fn set(&mut self, from: DateTime<Utc>, zone: Option<Tz>) {
        self.0.push((from, zone));
    }

    /// Whether numbers of this hour are added up by quarter: a date of the zone is seen for the first
    /// time a quarter, half or three quarters of an hour after the hour has begun.
    pub fn has(&self, hour: Period) -> bool {
        let set = self.0.iter().rev().find(|(from, _)| *from <= hour.start());
        let Some((_, Some(zone))) = set else { return false };
        let begin = Period::containing(Granularity::Hour, hour.first_minute()).start();
        (1..4).any(|quarters| is_first_of_its_date(begin + QUARTER * quarters, *zone))
    }
}

/// Whether a clock shows a date at this instant that it has never shown before.
fn is_first_of_its_date(instant: DateTime<Utc>, zone: Tz) -> bool {
    let date = |time: DateTime<Utc>| -> NaiveDate { time.with_timezone(&zone).date_naive() };
    if date(instant - TimeDelta::seconds(1)) >= date(instant) {
        return false;
    }
    // A clock that is set back shows a date again, and may have shown it for a minute before.
    let mut before = instant - TimeDelta::minutes(1);
    while before > instant - DAYS_BEFORE && date(before) < date(instant) {
        before -= TimeDelta::minutes(1);
    }
    date(before) < date(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(name: &str) -> Period {
        let time: DateTime<Utc> = format!("{name}:00:00Z").parse().unwrap();
        Period::containing(Granularity::Hour, time.timestamp() / 60)
    }

    #[test]
    fn dates_that_begin_within_an_hour() {
        for (zone, name, expected) in [
            (Tz::UTC, "2026-11-20T00", false),
            (Tz::Asia__Kolkata, "2026-11-20T18", true),
            (Tz::Asia__Kolkata, "2026-11-20T17", false),
            (Tz::Asia__Kolkata, "2026-11-20T19", false),
            (Tz::Asia__Kathmandu, "2026-11-20T18", true),
            (Tz::Pacific__Chatham, "2026-11-20T10", true),
            (Tz::Australia__Lord_Howe, "2026-07-09T13", true),
            (Tz::Australia__Lord_Howe, "2026-01-09T13", false),
            // The clock goes back to the day before at 00:01, and shows the date again.
            (Tz::America__St_Johns, "2010-11-07T02", true),
            (Tz::America__St_Johns, "2010-11-07T03", false),
            (Tz::Africa__Monrovia, "1971-06-01T00", false),
        ] {
            let mut quarters = QuarterHours::default();
            quarters.set(DateTime::UNIX_EPOCH, Some(zone));
            assert_eq!(quarters.has(hour(name)), expected, "{zone} {name}");
        }
    }

    #[test]
    fn the_last_zone_whose_hour_has_come_counts() {
        let at = |name: &str| format!("{name}:00:00Z").parse::<DateTime<Utc>>().unwrap();
        let mut quarters = QuarterHours::default();
        assert!(!quarters.has(hour("2026-11-20T18")));
        quarters.set(at("2026-11-10T09"), Some(Tz::Asia__Kolkata));
        quarters.set(at("2026-11-20T09"), None);
        let found = ["2026-11-09T18", "2026-11-10T18", "2026-11-19T18", "2026-11-20T18"];
        assert_eq!(found.map(|name| quarters.has(hour(name))), [false, true, true, false]);
    }
}
