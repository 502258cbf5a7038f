//! What is compared: which sites, which time, and what has not expired.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use minutebook_oracle::{Granularity, Period, QuarterHours};

/// How many days after its end a period is kept; 0 is for ever, `None` unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retention {
    pub(crate) minute_days: Option<u32>,
    pub(crate) hour_days: Option<u32>,
    /// Days, weeks and months.
    pub(crate) day_days: Option<u32>,
}

impl Retention {
    /// This retention, with gaps filled from `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            minute_days: self.minute_days.or(other.minute_days),
            hour_days: self.hour_days.or(other.hour_days),
            day_days: self.day_days.or(other.day_days),
        }
    }

    fn days(self, granularity: Granularity) -> Option<u32> {
        match granularity {
            Granularity::Minute => self.minute_days,
            Granularity::Quarter | Granularity::Hour => self.hour_days,
            Granularity::Day | Granularity::Week | Granularity::Month => self.day_days,
        }
    }
}

/// Decides which periods are compared.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The first minute, and in `to` the one after the last. Only periods that lie entirely between
    /// them are compared.
    from: Option<i64>,
    to: Option<i64>,
    /// The sites that were met; `None` is all sites.
    sites: Option<BTreeSet<String>>,
    /// What expires before this is left out.
    expiry: DateTime<Utc>,
    retention: Retention,
    /// The hours of each site that have rows of their quarters.
    quarter_hours: BTreeMap<String, QuarterHours>,
    /// The longest time after its end that a row is kept, in seconds.
    kept_by_rows: BTreeMap<Granularity, i64>,
    /// The periods that were left out because they have expired, by site.
    expired: BTreeMap<String, BTreeSet<Period>>,
}

impl Scope {
    /// Everything that, by this retention, does not expire before `expiry`.
    pub(crate) fn new(retention: Retention, expiry: DateTime<Utc>) -> Self {
        Self {
            from: None,
            to: None,
            sites: None,
            expiry,
            retention,
            quarter_hours: BTreeMap::new(),
            kept_by_rows: BTreeMap::new(),
            expired: BTreeMap::new(),
        }
    }

    /// Only what lies entirely between these times.
    pub(crate) fn between(self, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Self {
        let from = from.map(|from| {
            let begun_minute = from.timestamp().div_euclid(60);
            let is_whole =
                from.timestamp().rem_euclid(60) == 0 && from.timestamp_subsec_nanos() == 0;
            if is_whole { begun_minute } else { begun_minute + 1 }
        });
        Self { from, to: to.map(|to| to.timestamp().div_euclid(60)), ..self }
    }

    /// With the rows of quarters that these hours have.
    pub(crate) fn with_quarters(self, quarter_hours: BTreeMap<String, QuarterHours>) -> Self {
        Self { quarter_hours, ..self }
    }

    /// Whether this hour has rows of its quarters.
    pub(crate) fn has_quarters(&self, site: &str, hour: Period) -> bool {
        self.quarter_hours.get(site).is_some_and(|hours| hours.has(hour))
    }

    /// Only the sites that are met from now on.
    pub(crate) fn of_met_sites(self) -> Self {
        Self { sites: Some(BTreeSet::new()), ..self }
    }

    /// Notes that an object has events of this site.
    pub(crate) fn meet(&mut self, site: &str) {
        if let Some(sites) = self.sites.as_mut().filter(|sites| !sites.contains(site)) {
            sites.insert(site.to_owned());
        }
    }

    /// Notes how many days minute rows were kept when a chunk was counted. The shortest retention
    /// that a chunk, the flags or the stack say decides which minutes are compared.
    pub(crate) fn minutes_were_kept_for(&mut self, days: u32) {
        self.retention.minute_days = match (self.retention.minute_days, days) {
            (None | Some(0), days) => Some(days),
            (known, 0) => known,
            (Some(known), days) => Some(known.min(days)),
        };
    }

    /// Leaves out what expires before `expiry`.
    pub(crate) fn leave_out_before(&mut self, expiry: DateTime<Utc>) {
        self.expiry = expiry;
    }

    /// Notes when a row of a period expires, in seconds since 1970; true if that leaves the period
    /// out.
    pub(crate) fn row_expires(&mut self, site: &str, period: Period, ttl: i64) -> bool {
        let kept = ttl - expires_with(period).end().timestamp();
        let longest = self.kept_by_rows.entry(period.granularity()).or_insert(kept);
        *longest = kept.max(*longest);
        let has_expired = ttl <= self.expiry.timestamp();
        if has_expired {
            self.leave_out(site, period);
        }
        has_expired
    }

    /// Whether the scope covers this period of this site, expired or not. A quarter is covered only
    /// if its hour has rows of them.
    pub(crate) fn covers(&self, site: &str, period: Period) -> bool {
        self.sites.as_ref().is_none_or(|sites| sites.contains(site))
            && self.from.is_none_or(|from| from <= period.first_minute())
            && self.to.is_none_or(|to| period.end_minute() <= to)
            && (period.granularity() != Granularity::Quarter
                || self.has_quarters(site, expires_with(period)))
    }

    /// Whether the scope covers a period and the period has not expired, as far as is known so far.
    /// Notes one that has expired.
    pub(crate) fn is_compared(&mut self, site: &str, period: Period) -> bool {
        let is_compared = self.would_compare(site, period);
        if !is_compared && self.covers(site, period) {
            self.leave_out(site, period);
        }
        is_compared
    }

    /// The same, without a note.
    pub(crate) fn would_compare(&self, site: &str, period: Period) -> bool {
        self.covers(site, period)
            && self.is_kept_for_its_time(period)
            && self.expired.get(site).is_none_or(|expired| !expired.contains(&period))
    }

    /// Whether the minutes of an hour have not expired, as far as is known.
    pub(crate) fn has_minutes(&self, site: &str, hour: Period) -> bool {
        let minutes = hour.first_minute()..hour.end_minute();
        let expired = self.expired.get(site);
        minutes.map(|minute| Period::containing(Granularity::Minute, minute)).all(|minute| {
            self.is_kept_for_its_time(minute)
                && expired.is_none_or(|expired| !expired.contains(&minute))
        })
    }

    /// How many periods of sites were left out because they have expired.
    pub(crate) fn expired_count(&self) -> BTreeMap<Granularity, u64> {
        let mut counts = BTreeMap::new();
        for (site, periods) in &self.expired {
            for period in periods.iter().filter(|period| self.covers(site, **period)) {
                *counts.entry(period.granularity()).or_default() += 1;
            }
        }
        counts
    }

    fn is_kept_for_its_time(&self, period: Period) -> bool {
        let kept_seconds = match self.retention.days(period.granularity()) {
            Some(0) => return true,
            Some(days) => TimeDelta::days(i64::from(days)).num_seconds(),
            None => match self.kept_by_rows.get(&period.granularity()) {
                Some(seconds) => *seconds,
                None => return true,
            },
        };
        expires_with(period).end_minute() * 60 + kept_seconds > self.expiry.timestamp()
    }

    fn leave_out(&mut self, site: &str, period: Period) {
        match self.expired.get_mut(site) {
            Some(expired) => {
                expired.insert(period);
            }
            None => {
                self.expired.insert(site.to_owned(), BTreeSet::from([period]));
            }
        }
    }
}

/// The period after whose end the rows of a period are kept: of a quarter, its hour.
fn expires_with(period: Period) -> Period {
    match period.granularity() {
        Granularity::Quarter => Period::containing(Granularity::Hour, period.first_minute()),
        _ => period,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn period(granularity: Granularity, text: &str) -> Period {
        Period::containing(granularity, time(text).timestamp() / 60)
    }

    #[test]
    fn quarters_are_compared_where_there_are_rows_of_them_and_as_long_as_their_hour() {
        let mut kolkata = QuarterHours::default();
        kolkata.set(time("2026-11-19T00:00:00Z"), Some(chrono_tz::Tz::Asia__Kolkata));
        let retention = Retention { hour_days: Some(1), ..Retention::default() };
        let mut scope = Scope::new(retention, time("2026-11-20T18:59:00Z"))
            .with_quarters(BTreeMap::from([("s".to_owned(), kolkata)]));
        let quarter = |text| period(Granularity::Quarter, text);
        for (site, at, expected) in [
            ("s", "2026-11-19T18:00:00Z", true),
            ("s", "2026-11-19T18:45:00Z", true),
            ("s", "2026-11-18T18:45:00Z", false),
            ("s", "2026-11-19T19:00:00Z", false),
            ("t", "2026-11-19T18:45:00Z", false),
        ] {
            assert_eq!(scope.is_compared(site, quarter(at)), expected, "{site} {at}");
        }
        scope.leave_out_before(time("2026-11-20T19:00:00Z"));
        assert!(!scope.is_compared("s", quarter("2026-11-19T18:00:00Z")));
    }

    /// The granularities whose period around this time is compared.
    fn compared(scope: &mut Scope, text: &str) -> Vec<&'static str> {
        let periods = Granularity::ALL.map(|granularity| period(granularity, text));
        periods
            .iter()
            .filter(|b| scope.is_compared("s", **b))
            .map(|b| b.granularity().name())
            .collect()
    }

    fn scope_with(minute_days: Option<u32>, hour_days: Option<u32>) -> Scope {
        let retention = Retention { minute_days, hour_days, day_days: None };
        Scope::new(retention, time("2026-11-20T12:00:00Z"))
    }

    const ALL: [&str; 5] = ["minute", "hour", "day", "week", "month"];

    #[test]
    fn compares_only_what_lies_entirely_between_two_times() {
        let between = |from: Option<&str>, to: Option<&str>, at: &str| {
            compared(&mut scope_with(None, None).between(from.map(time), to.map(time)), at)
        };
        let at = "2026-11-02T00:00:00Z";
        assert_eq!(between(None, None, at), ALL);
        assert_eq!(between(Some("2026-11-01T00:00:00Z"), Some("2026-12-01T00:00:00Z"), at), ALL);
        assert_eq!(between(Some("2026-11-01T00:00:00.1Z"), None, at), ALL[..4]);
        assert_eq!(
            between(Some("2026-11-02T00:00:00Z"), Some("2026-11-03T00:00:00Z"), at),
            ALL[..3]
        );
        assert_eq!(between(None, Some("2026-11-02T23:59:59Z"), at), ALL[..2]);
        assert_eq!(between(Some("2026-11-02T00:00:01Z"), None, at), ALL[..0]);
        assert_eq!(between(None, Some("2026-11-02T00:00:59Z"), at), ALL[..0]);
    }

    #[test]
    fn compares_only_met_sites_if_asked_for() {
        let mut scope = scope_with(None, None).of_met_sites();
        assert_eq!(compared(&mut scope, "2026-11-02T00:00:00Z"), ALL[..0]);
        scope.meet("s");
        assert_eq!(compared(&mut scope, "2026-11-02T00:00:00Z"), ALL);
    }

    #[test]
    fn leaves_out_what_has_expired_and_counts_it_once() {
        let mut scope = scope_with(Some(7), Some(0));
        assert_eq!(compared(&mut scope, "2026-11-13T12:00:00Z"), ALL);
        for _ in 0..2 {
            assert_eq!(compared(&mut scope, "2026-11-13T11:59:00Z"), ALL[1..]);
        }
        assert_eq!(compared(&mut scope, "2026-11-13T11:58:00Z"), ALL[1..]);
        assert_eq!(scope.expired_count(), BTreeMap::from([(Granularity::Minute, 2)]));
        let mut hours = scope_with(Some(0), Some(400));
        assert_eq!(
            compared(&mut hours, "2019-10-01T00:00:00Z"),
            ["minute", "day", "week", "month"]
        );
        assert_eq!(compared(&mut scope_with(None, None), "2019-10-01T00:00:00Z"), ALL);
    }

    #[test]
    fn the_shortest_retention_of_minutes_counts() {
        for (known, of_chunk, days) in [
            (None, 0, 0),
            (None, 7, 7),
            (Some(0), 7, 7),
            (Some(7), 0, 7),
            (Some(7), 30, 7),
            (Some(30), 7, 7),
        ] {
            let mut scope = scope_with(known, None);
            scope.minutes_were_kept_for(of_chunk);
            assert_eq!(scope.retention.minute_days, Some(days), "{known:?} {of_chunk}");
        }
    }

    #[test]
    fn rows_that_have_expired_leave_their_period_out() {
        let mut scope = scope_with(Some(0), None);
        let (expired, kept) = ("2026-11-20T11:07:00Z", "2026-11-20T11:08:00Z");
        let ttl = time("2026-11-20T12:00:00Z").timestamp();
        assert!(scope.row_expires("s", period(Granularity::Minute, expired), ttl));
        assert!(!scope.row_expires("s", period(Granularity::Minute, kept), ttl + 1));
        assert_eq!(compared(&mut scope, expired), ALL[1..]);
        assert_eq!(compared(&mut scope, kept), ALL);
    }

    #[test]
    fn rows_say_how_long_hours_are_kept_if_nothing_else_does() {
        let mut scope = scope_with(Some(0), None);
        let hour = period(Granularity::Hour, "2026-11-20T00:00:00Z");
        assert!(!scope.row_expires("s", hour, hour.end().timestamp() + 2 * 86_400));
        assert_eq!(compared(&mut scope, "2026-11-18T12:00:00Z"), ALL);
        assert_eq!(
            compared(&mut scope, "2026-11-18T11:00:00Z"),
            ["minute", "day", "week", "month"]
        );
    }
}
