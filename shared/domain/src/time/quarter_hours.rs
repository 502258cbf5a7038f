//! The hours that have rows of their quarters.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::time::{Hour, MINUTES_PER_QUARTER, Minute, start_of_date};

/// The hours of a site that have rows of their quarters besides their own: those in which a day of
/// the site's zone begins at a quarter past, half past or a quarter to. Days, weeks and months of
/// such a zone can be summed exactly after the minutes have expired. It is one hour a day, and none
/// in most zones.
///
/// **Guarantees**: whether an hour is one of them never changes once anything of it may be summed:
/// each zone counts from an hour that is at least two hours later than when it was set, or from the
/// first one if nothing of the site was counted before. So the quarters of an hour are all there or
/// none is, whichever worker adds to them, and with whichever later settings.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct QuarterHours(Vec<ZoneFrom>);

/// From which hour on a zone decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ZoneFrom {
    from: Hour,
    zone: Option<Tz>,
}

impl QuarterHours {
    /// No hour: that of a site without a zone.
    pub const NONE: &QuarterHours = &QuarterHours(Vec::new());

    /// Adds the zone that decides from this hour on, in the order in which they were set.
    pub fn push(&mut self, from: Hour, zone: Option<Tz>) {
        self.0.push(ZoneFrom { from, zone });
    }

    /// Whether this hour has rows of its quarters.
    pub fn contains(&self, hour: Hour) -> bool {
        let in_force = self.0.iter().rev().find(|set| set.from <= hour);
        in_force.and_then(|set| set.zone).is_some_and(|zone| divides(zone, hour))
    }

    /// Whether the windows that begin or end with this minute can be summed from rows of quarters
    /// and hours.
    pub fn has_edge(&self, minute: Minute) -> bool {
        minute == minute.hour().first_minute()
            || minute.of_hour().is_multiple_of(MINUTES_PER_QUARTER) && self.contains(minute.hour())
    }
}

/// The hours of each site that have rows of their quarters.
///
/// **Shape**: sites that have never had a zone are left out.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct QuartersBySite(BTreeMap<String, QuarterHours>);

impl QuartersBySite {
    /// Adds the zone that decides for a site from this hour on, in the order in which they were set.
    pub fn push(&mut self, site: &str, from: Hour, zone: Option<Tz>) {
        self.0.entry(site.to_string()).or_default().push(from, zone);
    }

    /// Those of a site.
    pub fn of(&self, site: &str) -> &QuarterHours {
        self.0.get(site).unwrap_or(QuarterHours::NONE)
    }

    /// Whether an hour of a site has rows of its quarters.
    pub fn contains(&self, site: &str, hour: Hour) -> bool {
        self.of(site).contains(hour)
    }

    /// Whether an hour has rows of its quarters at any site.
    pub(crate) fn contains_anywhere(&self, hour: Hour) -> bool {
        self.0.values().any(|hours| hours.contains(hour))
    }
}

/// Whether a day of the zone begins at a quarter past, half past or a quarter to this hour.
fn divides(zone: Tz, hour: Hour) -> bool {
    let begin = hour.epoch_seconds();
    let start_of_next_date = DateTime::<Utc>::from_timestamp(begin, 0)
        .and_then(|begin| begin.with_timezone(&zone).date_naive().succ_opt())
        .and_then(|date| start_of_date(zone, date));
    start_of_next_date.is_some_and(|start| {
        let seconds = start.timestamp() - begin;
        0 < seconds
            && seconds < hour.next().epoch_seconds() - begin
            && seconds % (i64::from(MINUTES_PER_QUARTER) * 60) == 0
    })
}

#[cfg(test)]
#[path = "quarter_hours_tests.rs"]
mod tests;
