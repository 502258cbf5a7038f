//! Histories, from tallies.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::answer::ranking::ranked;
use crate::calendar::{Granularity, Period};
use crate::count::key::TallyKey;
use crate::decimal::Decimal;
use crate::quarters::QuarterHours;

/// Midnights of every zone lie on a quarter of an hour by UTC, but for a few old ones that are
/// found a little late.
const QUARTER: TimeDelta = TimeDelta::minutes(15);

/// Longer than any period, with a day for the zone.
const PERIOD_MAX: TimeDelta = TimeDelta::days(33);

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuestion {
    /// The site.
    pub site: String,
    /// The measure, as in a sort key: `views`, `sales:USD`.
    pub measure: String,
    /// How long the periods are.
    pub granularity: Granularity,
    /// By whose midnights days, weeks and months begin; hours (and minutes) are those of UTC
    /// everywhere.
    pub zone: Tz,
    /// The hours of the site in which numbers are also added up by quarter: periods that begin in
    /// another one have the whole hour.
    pub quarters: QuarterHours,
    /// Only this item or page.
    pub item: Option<String>,
    /// The first period is the one that this lies in.
    pub from: DateTime<Utc>,
    /// The last period is the one that ends with this or that this lies in.
    pub to: DateTime<Utc>,
}

/// What was counted in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarPeriod {
    /// Its first instant.
    pub start: DateTime<Utc>,
    /// The minutes that are counted for it, since 1970.
    pub minutes: Range<i64>,
    /// The sum over all keys but the empty one, which is no item and no page.
    pub total: Decimal,
    /// Every key: the largest number first, equal numbers by key.
    pub ranking: Vec<(String, Decimal)>,
}

/// The periods from `from` to `to`, each as a whole, those in which nothing was counted included.
pub fn history(
    tallies: &BTreeMap<TallyKey, Decimal>,
    question: &HistoryQuestion,
) -> Vec<CalendarPeriod> {
    let periods = periods(question);
    let mut numbers: Vec<BTreeMap<&str, Decimal>> = vec![BTreeMap::new(); periods.len()];
    for (tally, number) in tallies {
        let asked = tally.site == question.site
            && tally.measure == question.measure
            && !tally.key.is_empty()
            && question.item.as_ref().is_none_or(|item| *item == tally.key);
        let place = periods.iter().position(|(_, minutes)| minutes.contains(&tally.minute));
        if let Some(place) = place.filter(|_| asked) {
            *numbers[place].entry(&tally.key).or_default() += *number;
        }
    }
    let counted = periods.into_iter().zip(numbers);
    counted
        .map(|((start, minutes), numbers)| {
            let total = numbers.values().copied().sum();
            CalendarPeriod { start, minutes, total, ranking: ranked(numbers) }
        })
        .collect()
}

/// When each period begins, and its minutes.
fn periods(question: &HistoryQuestion) -> Vec<(DateTime<Utc>, Range<i64>)> {
    let starts = match question.granularity {
        Granularity::Minute | Granularity::Quarter | Granularity::Hour => utc_starts(question),
        Granularity::Day | Granularity::Week | Granularity::Month => zone_starts(question),
    };
    let mut periods = Vec::new();
    for (start, end) in starts.iter().zip(starts.iter().skip(1)) {
        if question.from < *end && *start < question.to {
            periods.push((*start, counted_from(question, *start)..counted_from(question, *end)));
        }
    }
    periods
}

/// The first minute that is counted for a period.
fn counted_from(question: &HistoryQuestion, start: DateTime<Utc>) -> i64 {
    let minute = start.timestamp().div_euclid(60);
    match question.granularity {
        Granularity::Minute | Granularity::Quarter => minute,
        _ => {
            let hour = Period::containing(Granularity::Hour, minute);
            let is_at_quarter = minute % 15 == 0 && start.timestamp() % 60 == 0;
            if is_at_quarter && question.quarters.has(hour) { minute } else { hour.first_minute() }
        }
    }
}

/// The starts of all periods from that of `from` to the first one behind `to`.
fn utc_starts(question: &HistoryQuestion) -> Vec<DateTime<Utc>> {
    let mut utc_period =
        Period::containing(question.granularity, question.from.timestamp().div_euclid(60));
    let mut starts = vec![utc_period.start()];
    while utc_period.start() < question.to {
        utc_period = Period::containing(question.granularity, utc_period.end_minute());
        starts.push(utc_period.start());
    }
    starts
}

/// The same by a zone's clock, found by looking at it every quarter of an hour. A period has begun
/// when its first day, or a later one, was seen for the first time: a clock may be put back over
/// midnight, and a zone may skip a day.
fn zone_starts(question: &HistoryQuestion) -> Vec<DateTime<Utc>> {
    let mut starts = Vec::new();
    let mut latest: Option<NaiveDate> = None;
    let hour = Period::containing(
        Granularity::Hour,
        (question.from - PERIOD_MAX * 2).timestamp().div_euclid(60),
    );
    let mut now = hour.start();
    while now < question.to + PERIOD_MAX {
        let first_day =
            question.granularity.first_day(now.with_timezone(&question.zone).date_naive());
        if latest.is_none_or(|latest| latest < first_day) {
            // The walk begins in the middle of a period.
            if latest.is_some() {
                starts.push(now);
            }
            latest = Some(first_day);
        }
        now += QUARTER;
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::time_of;

    fn question(granularity: Granularity, zone: &str, from: &str, to: &str) -> HistoryQuestion {
        HistoryQuestion {
            site: "default".to_owned(),
            measure: "views".to_owned(),
            granularity,
            zone: zone.parse().unwrap(),
            quarters: QuarterHours::default(),
            item: None,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        }
    }

    /// The periods as `<first instant, by the zone> <first hour that is counted>+<hours>`.
    #[track_caller]
    fn check(granularity: Granularity, zone: &str, from: &str, to: &str, expected: &[&str]) {
        let question = question(granularity, zone, from, to);
        let periods = history(&BTreeMap::new(), &question);
        let periods: Vec<String> = periods
            .iter()
            .map(|period| {
                let start = period.start.with_timezone(&question.zone).format("%Y-%m-%dT%H:%M%:z");
                let first_hour = Period::containing(Granularity::Hour, period.minutes.start);
                format!("{start} {first_hour}+{}", (period.minutes.end - period.minutes.start) / 60)
            })
            .collect();
        assert_eq!(periods, expected);
    }

    #[test]
    fn hours_are_those_of_utc() {
        check(
            Granularity::Hour,
            "Asia/Kolkata",
            "2026-11-20T22:59:59Z",
            "2026-11-21T00:00:00Z",
            &["2026-11-21T03:30+05:30 2026-11-20T22+1", "2026-11-21T04:30+05:30 2026-11-20T23+1"],
        );
    }

    #[test]
    fn days_of_a_zone_have_23_to_25_hours() {
        check(
            Granularity::Day,
            "Europe/Berlin",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:01Z",
            &["2026-03-29T00:00+01:00 2026-03-28T23+23", "2026-03-30T00:00+02:00 2026-03-29T22+24"],
        );
        check(
            Granularity::Day,
            "America/New_York",
            "2026-11-01T12:00:00Z",
            "2026-11-01T12:00:01Z",
            &["2026-11-01T00:00-04:00 2026-11-01T04+25"],
        );
    }

    #[test]
    fn odd_midnights() {
        // There is none.
        check(
            Granularity::Day,
            "America/Sao_Paulo",
            "2018-11-04T12:00:00Z",
            "2018-11-04T12:00:01Z",
            &["2018-11-04T01:00-02:00 2018-11-04T03+23"],
        );
        // There are two.
        check(
            Granularity::Day,
            "America/Havana",
            "2026-11-01T12:00:00Z",
            "2026-11-01T12:00:01Z",
            &["2026-11-01T00:00-04:00 2026-11-01T04+25"],
        );
        // The clock goes back to the day before, and the day goes on.
        check(
            Granularity::Day,
            "America/St_Johns",
            "2010-11-07T03:00:00Z",
            "2010-11-07T03:00:01Z",
            &["2010-11-07T00:00-02:30 2010-11-07T02+25"],
        );
        // A whole day is skipped.
        check(
            Granularity::Day,
            "Pacific/Apia",
            "2011-12-30T00:00:00Z",
            "2011-12-30T12:00:00Z",
            &["2011-12-29T00:00-10:00 2011-12-29T10+24", "2011-12-31T00:00+14:00 2011-12-30T10+24"],
        );
    }

    #[test]
    fn a_period_that_begins_within_an_hour_has_all_of_it() {
        check(
            Granularity::Day,
            "Asia/Kolkata",
            "2026-11-20T00:00:00Z",
            "2026-11-20T18:30:00Z",
            &["2026-11-20T00:00+05:30 2026-11-19T18+24"],
        );
    }

    #[test]
    fn a_period_of_a_site_in_its_zone_has_the_quarters_of_that_hour() {
        let mut question = question(
            Granularity::Day,
            "Asia/Kolkata",
            "2026-11-20T00:00:00Z",
            "2026-11-20T18:30:00Z",
        );
        question.quarters.set("2026-11-20T00:00:00Z".parse().unwrap(), Some(question.zone));
        let minutes = history(&BTreeMap::new(), &question)[0].minutes.clone();
        let edges = [minutes.start, minutes.end].map(|minute| time_of(minute).to_string());
        assert_eq!(edges, ["2026-11-19 18:00:00", "2026-11-20 18:30:00"]);
    }

    #[test]
    fn weeks_and_months() {
        check(
            Granularity::Week,
            "UTC",
            "2027-01-01T00:00:00Z",
            "2027-01-04T00:00:01Z",
            &[
                "2026-12-28T00:00+00:00 2026-12-28T00+168",
                "2027-01-04T00:00+00:00 2027-01-04T00+168",
            ],
        );
        check(
            Granularity::Month,
            "Europe/Berlin",
            "2026-02-14T12:00:00Z",
            "2026-04-01T00:00:00+02:00",
            &[
                "2026-02-01T00:00+01:00 2026-01-31T23+672",
                "2026-03-01T00:00+01:00 2026-02-28T23+743",
            ],
        );
    }

    #[test]
    fn sums_each_period_with_its_gaps() {
        let mut tallies = BTreeMap::new();
        for (site, measure, time, key, number) in [
            ("default", "views", "2026-11-17T23:59:00Z", "1", 100),
            ("default", "views", "2026-11-18T00:00:00Z", "1", 1),
            ("default", "views", "2026-11-18T12:00:00Z", "2", 2),
            ("default", "views", "2026-11-18T23:59:00Z", "1", 4),
            ("default", "views", "2026-11-20T00:00:00Z", "1", 8),
            ("default", "views", "2026-11-21T00:00:00Z", "1", 100),
            ("default", "carts", "2026-11-18T12:00:00Z", "1", 100),
            ("other", "views", "2026-11-18T12:00:00Z", "1", 100),
        ] {
            let minute = time.parse::<DateTime<Utc>>().unwrap().timestamp() / 60;
            let cell = TallyKey {
                site: site.to_owned(),
                measure: measure.to_owned(),
                minute,
                key: key.to_owned(),
            };
            tallies.insert(cell, Decimal::from(number));
        }
        let question =
            question(Granularity::Day, "UTC", "2026-11-18T05:00:00Z", "2026-11-21T00:00:00Z");
        let answer = |question: &HistoryQuestion| {
            let periods = history(&tallies, question);
            let texts = periods.iter().map(|period| {
                let top: Vec<String> =
                    period.ranking.iter().map(|(key, number)| format!("{key}={number}")).collect();
                format!("{} {} [{}]", period.start.format("%d"), period.total, top.join(" "))
            });
            texts.collect::<Vec<_>>()
        };
        assert_eq!(answer(&question), ["18 7 [1=5 2=2]", "19 0 []", "20 8 [1=8]"]);
        let of_item = HistoryQuestion { item: Some("2".to_owned()), ..question };
        assert_eq!(answer(&of_item), ["18 2 [2=2]", "19 0 []", "20 0 []"]);
    }
}
