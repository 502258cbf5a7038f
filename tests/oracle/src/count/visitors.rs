//! Who was there: customers and sessions, kept by their ids, so that how many different ones there
//! were is exact.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::calendar::{Granularity, Period};
use crate::count::names::{Name, Names};

/// Who had counted events, by site and minute.
///
/// **Shape**: every id is kept once; a minute holds the numbers of its ids, some ten bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visitors {
    ids: Names,
    sites: BTreeMap<String, BTreeMap<i64, Present>>,
}

/// Who was there in a minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Present {
    users: BTreeSet<Name>,
    sessions: BTreeSet<Name>,
}

/// How many different ids there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distinct {
    /// Customers.
    pub users: u64,
    /// Sessions.
    pub sessions: u64,
}

/// The different ids of a span of time, in no particular order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisitorIds<'a> {
    /// Customers.
    pub users: Vec<&'a str>,
    /// Sessions.
    pub sessions: Vec<&'a str>,
}

impl Visitors {
    /// Adds whom an event of a minute (counted since 1970) is of; it may be of nobody.
    pub fn add(&mut self, site: &str, minute: i64, customer: Option<&str>, session: Option<&str>) {
        if customer.is_none() && session.is_none() {
            return;
        }
        let [customer, session] = [customer, session].map(|id| id.map(|id| self.ids.name(id)));
        let present = self.minutes_mut(site).entry(minute).or_default();
        present.users.extend(customer);
        present.sessions.extend(session);
    }

    /// Adds all visitors of another chunk.
    pub fn merge(&mut self, other: &Self) {
        let names: Vec<Name> = other.ids.texts().iter().map(|text| self.ids.name(text)).collect();
        let here =
            |ids: &BTreeSet<Name>| ids.iter().map(|id| names[*id as usize]).collect::<Vec<Name>>();
        for (site, minutes) in &other.sites {
            for (minute, present) in minutes {
                let merged = self.minutes_mut(site).entry(*minute).or_default();
                merged.users.extend(here(&present.users));
                merged.sessions.extend(here(&present.sessions));
            }
        }
    }

    /// How many different ones a site had in these minutes, counted since 1970.
    pub fn distinct(&self, site: &str, minutes: Range<i64>) -> Distinct {
        let ids = self.ids(site, minutes);
        Distinct { users: ids.users.len() as u64, sessions: ids.sessions.len() as u64 }
    }

    /// Which different ones a site had in these minutes, counted since 1970.
    pub fn ids(&self, site: &str, minutes: Range<i64>) -> VisitorIds<'_> {
        let minutes = self.sites.get(site).map(|all| all.range(minutes));
        self.different(minutes.into_iter().flatten().map(|(_, present)| present))
    }

    /// Every period of a granularity in which anybody was at a site, each with who it was;
    /// ascending by site and time.
    pub fn by_period(
        &self,
        granularity: Granularity,
    ) -> impl Iterator<Item = (&str, Period, VisitorIds<'_>)> {
        self.sites.iter().flat_map(move |(site, minutes)| {
            let mut minutes = minutes.iter().peekable();
            std::iter::from_fn(move || {
                let period = Period::containing(granularity, *minutes.peek()?.0);
                let end = period.end_minute();
                let within = std::iter::from_fn(|| minutes.next_if(|(minute, _)| **minute < end));
                Some((site.as_str(), period, self.different(within.map(|(_, present)| present))))
            })
        })
    }

    fn different<'a>(&self, minutes: impl Iterator<Item = &'a Present>) -> VisitorIds<'_> {
        let (mut users, mut sessions) = (Vec::new(), Vec::new());
        for present in minutes {
            users.extend(&present.users);
            sessions.extend(&present.sessions);
        }
        let [users, sessions] = [users, sessions].map(|mut names| {
            names.sort_unstable();
            names.dedup();
            names.into_iter().map(|name| self.ids.text(name)).collect()
        });
        VisitorIds { users, sessions }
    }

    fn minutes_mut(&mut self, site: &str) -> &mut BTreeMap<i64, Present> {
        // A site is there already, but for its first event.
        if !self.sites.contains_key(site) {
            self.sites.insert(site.to_owned(), BTreeMap::new());
        }
        self.sites.get_mut(site).expect("it is there, or was inserted just now")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitors(events: &[(&str, i64, Option<&str>, Option<&str>)]) -> Visitors {
        let mut visitors = Visitors::default();
        for (site, minute, customer, session) in events {
            visitors.add(site, *minute, *customer, *session);
        }
        visitors
    }

    fn counts(visitors: &Visitors, site: &str, minutes: Range<i64>) -> (u64, u64) {
        let Distinct { users, sessions } = visitors.distinct(site, minutes);
        (users, sessions)
    }

    /// Two minutes of an hour, one of the next day, and another site.
    fn some() -> Visitors {
        visitors(&[
            ("s", 0, Some("a"), Some("1")),
            ("s", 0, Some("a"), Some("2")),
            ("s", 59, Some("b"), None),
            ("s", 59, Some("a"), Some("1")),
            ("s", 1440, None, Some("a")),
            ("t", 0, Some("a"), None),
            ("u", 0, None, None),
        ])
    }

    #[test]
    fn an_id_is_counted_once_in_a_window_and_once_a_site() {
        let visitors = some();
        assert_eq!(counts(&visitors, "s", 0..1), (1, 2));
        assert_eq!(counts(&visitors, "s", 59..60), (2, 1));
        assert_eq!(counts(&visitors, "s", 0..60), (2, 2));
        assert_eq!(counts(&visitors, "s", 0..1441), (2, 3));
        assert_eq!(counts(&visitors, "s", 1..59), (0, 0));
        assert_eq!(counts(&visitors, "t", 0..1441), (1, 0));
        assert_eq!(
            (counts(&visitors, "u", 0..1441), counts(&visitors, "v", 0..1)),
            ((0, 0), (0, 0))
        );
        assert_eq!(
            visitors.ids("s", 0..60),
            VisitorIds { users: vec!["a", "b"], sessions: vec!["1", "2"] }
        );
    }

    #[test]
    fn periods_are_those_in_which_somebody_was_there() {
        let visitors = some();
        let by_period = |granularity| {
            let periods = visitors.by_period(granularity).map(|(site, period, ids)| {
                format!("{site} {period} {} {}", ids.users.join("+"), ids.sessions.join("+"))
            });
            periods.collect::<Vec<_>>()
        };
        assert_eq!(
            by_period(Granularity::Hour),
            ["s 1970-01-01T00 a+b 1+2", "s 1970-01-02T00  a", "t 1970-01-01T00 a "]
        );
        assert_eq!(by_period(Granularity::Month), ["s 1970-01 a+b a+1+2", "t 1970-01 a "]);
        assert_eq!(by_period(Granularity::Minute).len(), 4);
    }

    #[test]
    fn chunks_are_merged_whatever_numbers_their_ids_have() {
        let mut merged = visitors(&[("s", 0, Some("b"), None), ("t", 7, Some("c"), Some("d"))]);
        merged.merge(&some());
        merged.merge(&some());
        assert_eq!(counts(&merged, "s", 0..1), (2, 2));
        assert_eq!(counts(&merged, "s", 0..1441), (2, 3));
        assert_eq!(counts(&merged, "t", 0..8), (2, 1));
        for granularity in Granularity::ALL {
            for (site, period, ids) in merged.by_period(granularity) {
                let minutes = period.first_minute()..period.end_minute();
                assert_eq!(ids, merged.ids(site, minutes), "{site} {period}");
            }
        }
    }
}
