//! Time zones: local times in UTC, and where the days of a zone begin.

use std::ops::Range;

use chrono::{
    DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _,
};
use chrono_tz::{GapInfo, Tz, TzOffset};

const HOUR_SECONDS: i64 = 3_600;

/// The first instant of a date in a zone: midnight, or what follows it if the clock was set forward
/// then. A date that the zone skipped begins with the next one.
pub(crate) fn start_of_date(zone: Tz, date: NaiveDate) -> Option<DateTime<Tz>> {
    let midnight = date.and_time(NaiveTime::MIN);
    match zone.from_local_datetime(&midnight).earliest() {
        Some(start) => Some(start),
        None => GapInfo::new(&midnight, &zone)?.end,
    }
}

/// Converts the local times of a zone to UTC.
///
/// A local time that occurs twice, because clocks were set back, is the first of the two. One that
/// does not exist, because they were set forward, has the offset from before.
///
/// **Source**: `docs/EVENTS.md`, "Times".
pub(crate) struct LocalClock {
    /// `None` is UTC, which needs no conversion.
    zone: Option<Tz>,
    /// Local times, in seconds since 1970, that all have this offset: the hour of the last time,
    /// because most events are close to the one before.
    known: Range<i64>,
    /// In seconds, positive to the east.
    known_offset: i64,
}

impl LocalClock {
    /// The clock of a zone.
    pub(crate) fn new(zone: Tz) -> LocalClock {
        LocalClock { zone: (zone != Tz::UTC).then_some(zone), known: 0..0, known_offset: 0 }
    }

    /// Its zone.
    pub(crate) fn zone(&self) -> Tz {
        self.zone.unwrap_or(Tz::UTC)
    }

    /// Changes to another zone.
    pub(crate) fn set_zone(&mut self, zone: Tz) {
        if zone != self.zone() {
            *self = LocalClock::new(zone);
        }
    }

    /// Converts a local time in seconds since 1970 to seconds since 1970.
    #[inline]
    pub(crate) fn utc_of(&mut self, local_seconds: i64) -> i64 {
        match self.zone {
            None => local_seconds,
            Some(zone) => local_seconds - self.offset(zone, local_seconds),
        }
    }

    fn offset(&mut self, zone: Tz, local_seconds: i64) -> i64 {
        if !self.known.contains(&local_seconds) {
            let start = local_seconds - local_seconds.rem_euclid(HOUR_SECONDS);
            let end = start + HOUR_SECONDS;
            // Zones change their clocks at most once in an hour.
            match (only_offset(zone, start), only_offset(zone, end - 1)) {
                (Some(first), Some(last)) if first == last => {
                    self.known = start..end;
                    self.known_offset = first;
                }
                _ => return offset_at(zone, local_seconds),
            }
        }
        self.known_offset
    }
}

/// The offset of a local time that occurs once; `None` for others.
fn only_offset(zone: Tz, local_seconds: i64) -> Option<i64> {
    let found = zone.offset_from_local_datetime(&local_time(local_seconds)?);
    found.single().map(seconds_of)
}

fn offset_at(zone: Tz, local_seconds: i64) -> i64 {
    // Events have four digits for their year, and chrono has six.
    let Some(local) = local_time(local_seconds) else { return 0 };
    match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) => seconds_of(offset),
        MappedLocalTime::Ambiguous(one, other) => seconds_of(one).max(seconds_of(other)),
        MappedLocalTime::None => {
            let gap = GapInfo::new(&local, &zone);
            gap.and_then(|gap| gap.begin).map_or(0, |(_, before)| seconds_of(before))
        }
    }
}

fn local_time(seconds: i64) -> Option<NaiveDateTime> {
    Some(DateTime::from_timestamp(seconds, 0)?.naive_utc())
}

fn seconds_of(offset: TzOffset) -> i64 {
    i64::from(offset.fix().local_minus_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The UTC of a local time.
    fn utc(zone: &str, local: &str) -> String {
        let mut clock = LocalClock::new(zone.parse().expect("a zone"));
        let local: NaiveDateTime = local.parse().expect("a time");
        let time = DateTime::from_timestamp(clock.utc_of(local.and_utc().timestamp()), 0);
        time.expect("a time").format("%Y-%m-%dT%H:%M:%S").to_string()
    }

    #[test]
    fn a_local_time_has_the_offset_of_its_zone() {
        for (zone, local, expected) in [
            ("UTC", "2026-11-20T23:07:31", "2026-11-20T23:07:31"),
            ("Europe/Berlin", "2026-11-20T23:07:31", "2026-11-20T22:07:31"),
            ("Europe/Berlin", "2026-07-20T23:07:31", "2026-07-20T21:07:31"),
            ("Asia/Kolkata", "2026-11-20T00:00:00", "2026-11-19T18:30:00"),
            ("America/Sao_Paulo", "2026-11-20T23:07:31", "2026-11-21T02:07:31"),
            ("Africa/Monrovia", "1970-06-01T00:00:00", "1970-06-01T00:44:30"),
        ] {
            assert_eq!(utc(zone, local), expected, "{zone} {local}");
        }
    }

    #[test]
    fn a_local_time_that_occurs_twice_is_the_first_of_the_two() {
        for (zone, local, expected) in [
            ("Europe/Berlin", "2026-10-25T01:59:59", "2026-10-24T23:59:59"),
            ("Europe/Berlin", "2026-10-25T02:00:00", "2026-10-25T00:00:00"),
            ("Europe/Berlin", "2026-10-25T02:59:59", "2026-10-25T00:59:59"),
            ("Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00"),
            ("America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00"),
            ("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00"),
            ("America/Sao_Paulo", "2018-02-17T23:30:00", "2018-02-18T01:30:00"),
        ] {
            assert_eq!(utc(zone, local), expected, "{zone} {local}");
        }
    }

    #[test]
    fn a_local_time_that_does_not_exist_has_the_offset_from_before() {
        for (zone, local, expected) in [
            ("Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59"),
            ("Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T01:00:00"),
            ("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00"),
            ("Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00"),
            ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00"),
            ("America/Sao_Paulo", "2018-11-04T00:00:00", "2018-11-04T03:00:00"),
            // Samoa left out a day.
            ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00"),
            ("Pacific/Apia", "2011-12-31T00:00:00", "2011-12-30T10:00:00"),
            ("Africa/Monrovia", "1972-01-07T00:44:29", "1972-01-07T01:28:59"),
            ("Africa/Monrovia", "1972-01-07T00:44:30", "1972-01-07T00:44:30"),
        ] {
            assert_eq!(utc(zone, local), expected, "{zone} {local}");
        }
    }

    #[test]
    fn what_is_remembered_changes_no_answer() {
        let mut random = 7_u64;
        for zone in ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Monrovia", "Pacific/Apia"] {
            let zone: Tz = zone.parse().expect("a zone");
            let mut clock = LocalClock::new(zone);
            for _ in 0..20_000 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Mostly in the hours around one of a few days.
                let day = i64::try_from(random >> 60).expect("4 bits") * 91 * 86_400;
                let second = i64::try_from((random >> 30) % 20_000).expect("small") - 10_000;
                let local = 1_300_000_000 + day + second;
                assert_eq!(clock.utc_of(local), local - offset_at(zone, local), "{zone} {local}");
            }
        }
    }
}
